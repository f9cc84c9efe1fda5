#include "cmd/grants.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/outboxes.h"
#include "cmd/steps.h"

static void
add(struct grants *g, const char *path, enum grant_right right)
{
	if (path != NULL && path[0] == '/')
		vec_push(&g->all, (struct grant){ arena_strdup(&g->arena, path), right });
}

/* A directory that is written to, or the nearest one above it that is there: it will be made. */
static void
add_place(struct grants *g, const char *path)
{
	char *at, *slash;
	struct stat st;

	if (path == NULL || path[0] != '/')
		return;
	at = mem_strdup(path);
	while (stat(at, &st) < 0 && (slash = strrchr(at, '/')) != NULL && slash != at)
		*slash = '\0';
	add(g, at, GRANT_WRITE);
	free(at);
}

/* The directory that a path's last part stands in. */
static void
add_directory_of(struct grants *g, const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	if (slash != NULL)
		add_place(g, slash == path ? "/" : arena_strndup(&g->arena, path, (size_t)(slash - path)));
}

/* A Maildir, and the names beside it: what is not among them is gone, and what is and cannot be read is held (R25). */
static void
add_maildir(struct grants *g, const char *path)
{
	char *above, *slash;
	size_t len;

	add_place(g, path);
	if (path == NULL)
		return;
	above = mem_strdup(path);
	for (len = strlen(above); len > 1 && above[len - 1] == '/'; len--)
		above[len - 1] = '\0';
	slash = strrchr(above, '/');
	if (slash != NULL) {
		slash[slash == above] = '\0';
		add(g, above, GRANT_NAMES);
	}
	free(above);
}

static void
add_account(struct grants *g, const struct account_settings *account)
{
	add(g, account->net.certificate_file, GRANT_READ);
	add(g, account->net.client_certificate, GRANT_READ);
	add(g, account->net.client_key, GRANT_READ);
}

static void
add_store(struct grants *g, const struct store_settings *s)
{
	if (s->kind == SETTINGS_MAILDIR) {
		add_maildir(g, s->path);
		add_maildir(g, s->inbox);
		return;
	}
	add_account(g, s->account);
}

void
grants_for(struct grants *g, const struct channel_settings *c, const char *state, const char *transcript_dir)
{
	struct outboxes boxes = { 0 };
	char *real;

	for (int s = 0; s < SIDES; s++)
		add_store(g, c->store[s]);
	outboxes_of(c, &g->arena, &boxes);
	for (size_t i = 0; i < boxes.all.n; i++)
		add_account(g, boxes.all.at[i].account);
	outboxes_release(&boxes);
	add_directory_of(g, state);
	if (transcript_dir == NULL)
		return;
	if (transcript_dir[0] == '/') {
		add_place(g, transcript_dir);
	} else {
		real = realpath(transcript_dir, NULL);
		if (real == NULL)
			real = realpath(".", NULL);
		add(g, real, GRANT_WRITE);
		free(real);
	}
}

void
grants_mbsync(struct grants *g, const struct mbsync_place *place)
{
	char *directory, *slash;
	struct stat st;

	for (size_t i = 0; i < MBSYNC_PREFIXES && place->prefix[i] != NULL; i++) {
		directory = mem_strdup(place->prefix[i]);
		slash = strrchr(directory, '/');
		if (slash != NULL && slash != directory)
			*slash = '\0';
		if (slash != NULL && stat(directory, &st) == 0)
			add(g, directory, GRANT_WRITE);
		free(directory);
	}
}

/* What environment variables name: paths, parted by ':'; Kerberos puts a kind before one. */
static void
add_named(struct grants *g, const char *variable, enum grant_right right)
{
	const char *value = getenv(variable);
	char *copy, *rest, *word;

	if (value == NULL)
		return;
	copy = mem_strdup(value);
	for (rest = copy; (word = strsep(&rest, ":")) != NULL;)
		add(g, word, right);
	free(copy);
}

/* The directory in which a link of /etc ends: what stands there is replaced by renaming. */
static void
add_target_of(struct grants *g, const char *path)
{
	char *real = realpath(path, NULL), *slash;

	if (real == NULL)
		return;
	slash = strrchr(real, '/');
	if (slash != NULL && slash != real) {
		*slash = '\0';
		add(g, real, GRANT_READ);
	}
	free(real);
}

void
grants_system(struct grants *g)
{
	static const char *const to_read[] = { "/etc", "/usr", "/lib", "/lib64", "/lib32", "/nix/store", "/gnu/store", "/opt",
		"/proc/self", "/proc/sys", "/proc/meminfo", "/proc/cpuinfo", "/proc/filesystems", "/sys/devices/system/cpu",
		"/dev/urandom", "/dev/random", "/var/lib/sss", "/var/db/nscd", "/var/cache/nscd", "/var/lib/ca-certificates",
		"/etc/ssl/certs", "/etc/pki", "/etc/krb5.conf" };
	static const char *const linked[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime",
		"/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/krb5.conf" };
	static const char *const named[] = { "SSL_CERT_DIR", "SSL_CERT_FILE", "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES",
		"SASL_PATH", "SASL_CONF_PATH", "KRB5_CONFIG", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME", "LD_LIBRARY_PATH", "LD_PRELOAD",
		"TZDIR", "TZ", "LOCPATH", "HOSTALIASES", "GCONV_PATH" };

	for (size_t i = 0; i < sizeof to_read / sizeof *to_read; i++)
		add(g, to_read[i], GRANT_READ);
	for (size_t i = 0; i < sizeof linked / sizeof *linked; i++)
		add_target_of(g, linked[i]);
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		add_named(g, named[i], GRANT_READ);
	add(g, "/dev/null", GRANT_WRITE);
	/* Tickets that a login gets are kept beside those it has. */
	add_named(g, "KRB5CCNAME", GRANT_WRITE);
	if (getenv("KRB5CCNAME") == NULL)
		add(g, arena_printf(&g->arena, "/tmp/krb5cc_%lu", (unsigned long)getuid()), GRANT_WRITE);
	add_directory_of(g, steps_log());
}

bool
grants_has(const struct grants *g, const char *real_path)
{
	bool has = false;
	char *real;
	size_t len;

	for (size_t i = 0; i < g->all.n && !has; i++) {
		if (g->all.at[i].right != GRANT_WRITE)
			continue;
		real = realpath(g->all.at[i].path, NULL);
		if (real == NULL)
			continue;
		len = strlen(real);
		has = strncmp(real, real_path, len) == 0 && (real_path[len] == '/' || real_path[len] == '\0' || real[len - 1] == '/');
		free(real);
	}
	return has;
}

/* ---- links ---- */

enum { DEEPEST = 32, MOST_LINKS = 1000 };

struct search {
	struct grants *g;
	size_t found;
};

static void search_directory(struct search *s, int fd, unsigned depth);

static void
look_at(struct search *s, int at, const struct dirent *d, unsigned depth)
{
	const bool is_message_directory = strcmp(d->d_name, "cur") == 0 || strcmp(d->d_name, "new") == 0 || strcmp(d->d_name, "tmp") == 0;
	char link[64], *real;
	int fd;

	if (d->d_name[0] == '.' && (d->d_name[1] == '\0' || strcmp(d->d_name, "..") == 0))
		return;
	if (d->d_type != DT_LNK && d->d_type != DT_UNKNOWN && (d->d_type != DT_DIR || is_message_directory))
		return;
	fd = openat(at, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	real = d->d_type != DT_DIR ? realpath(link, NULL) : NULL;
	if (real != NULL && !grants_has(s->g, real) && s->found++ < MOST_LINKS)
		add(s->g, real, GRANT_WRITE);
	free(real);
	if (is_message_directory)
		close(fd);
	else
		search_directory(s, fd, depth + 1);
}

/* Takes fd. */
static void
search_directory(struct search *s, int fd, unsigned depth)
{
	DIR *dir = depth < DEEPEST ? fdopendir(fd) : NULL;
	struct dirent *d;

	if (dir == NULL) {
		close(fd);
		return;
	}
	while (s->found < MOST_LINKS && (d = readdir(dir)) != NULL)
		look_at(s, dirfd(dir), d, depth);
	closedir(dir);
}

void
grants_links(struct grants *g, const struct channel_settings *c)
{
	struct search s = { .g = g };
	int fd;

	for (int side = 0; side < SIDES; side++) {
		const char *const roots[] = { c->store[side]->path, c->store[side]->inbox };

		for (size_t i = 0; i < 2 && c->store[side]->kind == SETTINGS_MAILDIR; i++) {
			fd = roots[i] != NULL ? open(roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
			if (fd >= 0)
				search_directory(&s, fd, 0);
		}
	}
}
