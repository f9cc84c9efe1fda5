#include "sync/maildir/filename.h"

#include <ctype.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>


enum { HOST_SIZE = 256, HOST_SHOWN = 64 };

static const char flag_letters[] = "DFPRSTabcdefghijklmnopqrstuvwxyz";	/* in the order of the bits, and of ASCII */

const char *
filename_fault(const char *name, char info_delimiter)
{
	const char *p;

	if (name[0] == '.')
		return "begins with a dot";
	if (name[0] == ',' || name[0] == info_delimiter)
		return "has no unique part before its first ',' or delimiter";
	for (p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "contains a control character";
	return NULL;
}

void
filename_parse(const char *name, char info_delimiter, struct filename *f)
{
	const char info[] = { info_delimiter, '2', ',', '\0' };
	const char any[] = { info_delimiter, ',', '\0' };
	const char *p = strstr(name, info);
	const char *letter;

	f->len = strlen(name);
	f->base = strcspn(name, any);
	f->info = p != NULL ? (size_t)(p - name) : f->len;
	f->flags = 0;
	if (p == NULL)
		return;
	for (p += 3; *p != '\0' && *p != ','; p++)
		if ((letter = strchr(flag_letters, *p)) != NULL)
			f->flags |= UINT32_C(1) << (letter - flag_letters);
}

/* Appends the letters of flags and of old (up to a ','), the flags among them replaced, in the order of
 * ASCII that the Maildir page asks for. */
static void
add_letters(struct buf *out, const char *old, uint32_t flags)
{
	char mine[sizeof flag_letters];
	const char *m = mine;
	int i, n = 0;

	for (i = 0; flag_letters[i] != '\0'; i++)
		if (flags & (UINT32_C(1) << i))
			mine[n++] = flag_letters[i];
	mine[n] = '\0';
	for (; *old != '\0' && *old != ','; old++) {
		if (strchr(flag_letters, *old) != NULL)
			continue;
		while (*m != '\0' && (unsigned char)*m < (unsigned char)*old)
			buf_addc(out, *m++);
		buf_addc(out, *old);
	}
	buf_adds(out, m);
	buf_adds(out, old);
}

void
filename_with_flags(struct buf *out, const char *name, char info_delimiter, uint32_t flags)
{
	struct filename f;

	filename_parse(name, info_delimiter, &f);
	buf_clear(out);
	if (f.flags == flags) {
		buf_adds(out, name);
		return;
	}
	buf_add(out, name, f.info);
	buf_addc(out, info_delimiter);
	buf_adds(out, "2,");
	add_letters(out, f.info < f.len ? name + f.info + 3 : "", flags);
}

void
filename_with_base(struct buf *out, const char *base, const char *old, char info_delimiter)
{
	struct filename f;
	size_t at, end;

	filename_parse(old, info_delimiter, &f);
	buf_clear(out);
	buf_adds(out, base);
	for (at = f.base; at < f.info && old[at] == ','; at = end) {
		for (end = at + 1; end < f.info && old[end] != ',' && old[end] != info_delimiter; end++)
			;
		if (end - at > 3 && (old[at + 1] == 'S' || old[at + 1] == 'W') && old[at + 2] == '=')
			buf_add(out, old + at, end - at);
	}
	buf_adds(out, old + f.info);
}

void
filename_with_uid(struct buf *out, const char *name, char info_delimiter, uint32_t uid)
{
	struct filename f;
	size_t at, end;

	filename_parse(name, info_delimiter, &f);
	buf_clear(out);
	buf_add(out, name, f.base);
	for (at = f.base; at < f.info; at = end) {
		for (end = at + 1; end < f.info && name[end] != ','; end++)
			;
		if (strncmp(name + at, ",U=", 3) != 0)
			buf_add(out, name + at, end - at);
	}
	buf_printf(out, ",U=%u", uid);
	buf_adds(out, name + f.info);
}

/* The host's name with what may not be in a file name, or would end the base, as a backslash and three
 * octal digits. */
static void
add_host(struct buf *out)
{
	char host[HOST_SIZE];
	size_t i;

	if (gethostname(host, sizeof host) < 0 || host[0] == '\0')
		memcpy(host, "localhost", sizeof "localhost");
	host[sizeof host - 1] = '\0';
	for (i = 0; host[i] != '\0' && i < HOST_SHOWN; i++) {
		if (isalnum((unsigned char)host[i]) || host[i] == '.' || host[i] == '-' || host[i] == '_')
			buf_addc(out, host[i]);
		else
			buf_printf(out, "\\%03o", (unsigned)(unsigned char)host[i]);
	}
}

char *
filename_unique(struct arena *a, char info_delimiter)
{
	static atomic_ulong count;
	struct buf b = { 0 };
	struct timespec ts;
	uint32_t random = 0;
	char *out, *p;

	clock_gettime(CLOCK_REALTIME, &ts);
	/* Failing that, time, process and count are unique on this host all the same. */
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
		random = (uint32_t)ts.tv_nsec;
	buf_printf(&b, "%lld.M%06ldP%ldQ%luR%08lx.", (long long)ts.tv_sec, ts.tv_nsec / 1000, (long)getpid(),
	    atomic_fetch_add(&count, 1) + 1, (unsigned long)random);
	add_host(&b);
	/* Invariant 2: an InfoDelimiter may be any punctuation, even one of those above. */
	for (p = b.data; *p != '\0'; p++)
		if (*p == info_delimiter || *p == ',')
			*p = 'x';
	out = arena_strdup(a, buf_str(&b));
	buf_release(&b);
	return out;
}

bool
filename_is_our_tmp(const char *name)
{
	size_t len = strlen(name), suffix = sizeof FILENAME_TMP_SUFFIX - 1;

	return len > suffix && isdigit((unsigned char)name[0]) &&
	    strcmp(name + len - suffix, FILENAME_TMP_SUFFIX) == 0;
}
