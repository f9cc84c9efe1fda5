/* Lets a program of an unpacked package tree find its own files: a preloaded library that reads paths
 * through a list in the environment. TREE_PATHS=/usr/lib/x=/tree/usr/lib/x:/run/x=/tmp/run means: a path
 * that begins with /usr/lib/x begins with /tree/usr/lib/x instead, and so on; the first entry that fits is used.
 *
 * For paths that no setting of a server changes: Dovecot's TLS module and doveconf, the socket and the user
 * database of Courier's authentication daemon. Used by servers.py alone, through LD_PRELOAD. Every other
 * path is left as it is.
 *
 * And there is no file access monitor: without its daemon Courier's library would look for it for a second at
 * each login, and starting that daemon would leave a process behind that no test stops. With TREE_KEEPS_GROUP a program that
 * takes the group `mail`, whoever it is, is let believe so (pop3d of GNU Mailutils).
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOM 4096

/* The path as the list has it, in `room`, or `path` itself. */
static const char *
mapped(const char *path, char room[static ROOM])
{
	const char *entry = getenv("TREE_PATHS");

	if (path == NULL)
		return path;
	while (entry != NULL && *entry != '\0') {
		size_t size = strcspn(entry, ":"), from = strcspn(entry, "=:");

		if (from < size && from > 0 && strncmp(path, entry, from) == 0
		    && snprintf(room, ROOM, "%.*s%s", (int)(size - from - 1), entry + from + 1, path + from) < ROOM)
			return room;
		entry += size + (entry[size] == ':');
	}
	return path;
}

/* The same for the address of a socket in the file system; `*size` is its size. */
static const struct sockaddr *
mapped_address(const struct sockaddr *address, socklen_t *size, struct sockaddr_un *room)
{
	char path[ROOM], given[sizeof(room->sun_path) + 1] = "";
	size_t before = offsetof(struct sockaddr_un, sun_path);
	const char *to;

	if (address->sa_family != AF_UNIX || *size <= before || *size > sizeof(*room))
		return address;
	memcpy(given, (const char *)address + before, *size - before);
	to = mapped(given, path);
	if (to == given || strlen(to) >= sizeof(room->sun_path))
		return address;
	memset(room, 0, sizeof(*room));
	room->sun_family = AF_UNIX;
	memcpy(room->sun_path, to, strlen(to));
	*size = sizeof(*room);
	return (const struct sockaddr *)room;
}

static void *
next(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	return f;
}

/* A function whose first argument is a path. */
#define WITH_PATH(type, name, parameters, ...) \
	type name parameters \
	{ \
		type (*f) parameters = (type (*) parameters)next(#name); \
		char room[ROOM]; \
 \
		return f(mapped(path, room), __VA_ARGS__); \
	}

WITH_PATH(void *, dlopen, (const char *path, int mode), mode)
WITH_PATH(int, access, (const char *path, int mode), mode)
WITH_PATH(int, execv, (const char *path, char *const argv[]), argv)
WITH_PATH(FILE *, fopen, (const char *path, const char *mode), mode)
WITH_PATH(FILE *, fopen64, (const char *path, const char *mode), mode)
WITH_PATH(int, stat, (const char *path, struct stat *st), st)
WITH_PATH(int, stat64, (const char *path, struct stat64 *st), st)
WITH_PATH(int, lstat, (const char *path, struct stat *st), st)
WITH_PATH(int, chmod, (const char *path, mode_t mode), mode)

DIR *
opendir(const char *path)
{
	DIR *(*f)(const char *) = (DIR *(*)(const char *))next("opendir");
	char room[ROOM];

	return f(mapped(path, room));
}

int
unlink(const char *path)
{
	int (*f)(const char *) = (int (*)(const char *))next("unlink");
	char room[ROOM];

	return f(mapped(path, room));
}

int
rename(const char *from, const char *to)
{
	int (*f)(const char *, const char *) = (int (*)(const char *, const char *))next("rename");
	char a[ROOM], b[ROOM];

	return f(mapped(from, a), mapped(to, b));
}

static int
open_mapped(const char *name, const char *path, int flags, mode_t mode)
{
	int (*f)(const char *, int, ...) = (int (*)(const char *, int, ...))next(name);
	char room[ROOM];

	return f(mapped(path, room), flags, mode);
}

/* The mode is there only where a file may be made. */
#define OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		mode_t mode = 0; \
		va_list list; \
 \
		if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) { \
			va_start(list, flags); \
			mode = va_arg(list, mode_t); \
			va_end(list); \
		} \
		return open_mapped(#name, path, flags, mode); \
	}

OPEN(open)
OPEN(open64)

int
connect(int fd, const struct sockaddr *address, socklen_t size)
{
	int (*f)(int, const struct sockaddr *, socklen_t) =
	    (int (*)(int, const struct sockaddr *, socklen_t))next("connect");
	struct sockaddr_un room;
	const struct sockaddr *to = mapped_address(address, &size, &room);

	return f(fd, to, size);
}

int
bind(int fd, const struct sockaddr *address, socklen_t size)
{
	int (*f)(int, const struct sockaddr *, socklen_t) =
	    (int (*)(int, const struct sockaddr *, socklen_t))next("bind");
	struct sockaddr_un room;
	const struct sockaddr *to = mapped_address(address, &size, &room);

	return f(fd, to, size);
}

/* Of libfam: no connection. Courier then looks for itself. */
int FAMOpen(void *connection);
int FAMOpen2(void *connection, const char *name);

int
FAMOpen(void *connection)
{
	(void)connection;
	return -1;
}

int
FAMOpen2(void *connection, const char *name)
{
	(void)name;
	return FAMOpen(connection);
}

int
setgid(gid_t group)
{
	int (*f)(gid_t) = (int (*)(gid_t))next("setgid");

	return getenv("TREE_KEEPS_GROUP") != NULL ? 0 : f(group);
}
