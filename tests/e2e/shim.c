/* Loaded before the C library (LD_PRELOAD) to make the machine less than it is. SHIM says what is wrong:
 *   drop    the file system drops ':' from names of files
 *   lower   it lowercases names of messages
 *   refuse  it refuses ':'
 *   ahead   directories changed an hour from now
 *   later N the time is N seconds from now
 *   thread  no thread is to be had
 *   names   nobody knows the name localhost
 *   kinds   the name localhost has an address of each kind, ::1 and 127.0.0.1
 *   spawn   no process is to be had
 *   quota   files below tmp/ hold 100 kB in all, and the user's quota is at its end then; quota-files: none can be made
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int
is(const char *what)
{
	const char *shim = getenv("SHIM");

	return shim != NULL && strcmp(shim, what) == 0;
}

time_t
time(time_t *t)
{
	const char *shim = getenv("SHIM");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (shim != NULL && strncmp(shim, "later ", 6) == 0)
		now.tv_sec += atol(shim + 6);
	if (t != NULL)
		*t = now.tv_sec;
	return now.tv_sec;
}

/* The name as the file system has it; NULL = refused. */
static const char *
name_of(const char *path, char out[4096])
{
	const char *base = strrchr(path, '/');
	size_t i, n;

	base = base != NULL ? base + 1 : path;
	if (strstr(base, "2,") == NULL || strlen(path) >= 4096)
		return path;
	if (is("refuse") && strchr(base, ':') != NULL) {
		errno = EINVAL;
		return NULL;
	}
	for (i = n = 0; path[i] != '\0'; i++)
		if (&path[i] < base)
			out[n++] = path[i];
		else if (!(is("drop") && path[i] == ':'))
			out[n++] = is("lower") ? (char)tolower((unsigned char)path[i]) : path[i];
	out[n] = '\0';
	return out;
}

/* A file of a Maildir's tmp/: those have the name of a message. */
static int
of_message(int fd, const char *path)
{
	char link[64], at[4096];
	ssize_t n;

	if (strstr(path, "INBOX/tmp/") != NULL)
		return 1;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, at, sizeof at - 1);
	at[n < 0 ? 0 : n] = '\0';
	return strstr(at, "INBOX/tmp") != NULL || (strncmp(path, "tmp/", 4) == 0 && strstr(at, "INBOX") != NULL);
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

#define OPENAT(fn) \
int \
fn(int fd, const char *path, int flags, ...) \
{ \
	char out[4096]; \
	va_list ap; \
	mode_t mode; \
	va_start(ap, flags); \
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0; \
	va_end(ap); \
	if ((flags & O_CREAT) && is("quota-files") && of_message(fd, path)) { \
		errno = EDQUOT; \
		return -1; \
	} \
	path = name_of(path, out); \
	return path == NULL ? -1 : REAL(int, fn, int, const char *, int, ...)(fd, path, flags, mode); \
}
OPENAT(openat)
OPENAT(openat64)

#define PWRITE(fn) \
ssize_t \
fn(int fd, const void *p, size_t n, off_t at) \
{ \
	static size_t written; \
	if (is("quota") && of_message(fd, "")) { \
		if (written + n > 100000) { \
			errno = EDQUOT; \
			return -1; \
		} \
		written += n; \
	} \
	return REAL(ssize_t, fn, int, const void *, size_t, off_t)(fd, p, n, at); \
}
PWRITE(pwrite)
PWRITE(pwrite64)

int
renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	char x[4096], y[4096];

	from = name_of(from, x);
	to = from != NULL ? name_of(to, y) : NULL;
	return to == NULL ? -1 : REAL(int, renameat2, int, const char *, int, const char *, unsigned)(a, from, b, to, flags);
}

int
unlinkat(int fd, const char *path, int flags)
{
	char out[4096];

	path = name_of(path, out);
	return path == NULL ? -1 : REAL(int, unlinkat, int, const char *, int)(fd, path, flags);
}

int
statx(int fd, const char *restrict path, int flags, unsigned mask, struct statx *restrict x)
{
	int rc = REAL(int, statx, int, const char *, int, unsigned, struct statx *)(fd, path, flags, mask, x);

	if (rc == 0 && is("ahead") && S_ISDIR(x->stx_mode))
		x->stx_ctime.tv_sec += 3600;
	return rc;
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	return is("thread") ? EAGAIN : REAL(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)(thread,
	    attr, start, arg);
}

int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *files, const posix_spawnattr_t *attr,
    char *const argv[], char *const env[])
{
	return is("spawn") ? EAGAIN : REAL(int, posix_spawn, pid_t *, const char *, const posix_spawn_file_actions_t *,
	    const posix_spawnattr_t *, char *const[], char *const[])(pid, path, files, attr, argv, env);
}

int
getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints, struct addrinfo **restrict list)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = REAL(int, getaddrinfo, const char *, const char *,
	    const struct addrinfo *, struct addrinfo **);

	if (is("names") && node != NULL && strcmp(node, "localhost") == 0)
		return EAI_NONAME;
	if (!is("kinds") || node == NULL || strcmp(node, "localhost") != 0)
		return real(node, service, hints, list);
	if (real("::1", service, hints, list) != 0)
		return EAI_NONAME;
	return real("127.0.0.1", service, hints, &(*list)->ai_next);
}
