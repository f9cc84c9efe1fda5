#include "sync/maildir/keywords.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/step.h"
#include "sync/maildir/disk.h"
#include "sync/maildir/dotlock.h"

#define FILE_NAME "dovecot-keywords"
#define TMP_NAME FILE_NAME FILENAME_TMP_SUFFIX
#define UIDLIST "dovecot-uidlist"
#define FORWARDED "$Forwarded"

enum { FILE_LIMIT = 64 * 1024 };	/* 26 lines of a sane length are far less */

/* An atom of IMAP that is no system flag (RFC 9051 section 9, flag-keyword). */
static bool
is_keyword(const char *word)
{
	const char *p;

	for (p = word; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || strchr("(){%*\"\\]", *p) != NULL)
			return false;
	return p > word;
}

static bool
is_equal(const char *word, const char *at, size_t len)
{
	return word != NULL && strlen(word) == len && strncasecmp(word, at, len) == 0;
}

/* The letter of a word, or letters: two lines may have it. 0 = none. */
static uint32_t
letters_of(const struct keywords *k, const char *at, size_t len)
{
	uint32_t bits = 0;
	int i;

	for (i = 0; i < FILENAME_LETTERS; i++)
		if (is_equal(k->word[i], at, len))
			bits |= FILENAME_LETTER(i);
	return bits;
}

/* One line. What cannot be understood is left out, as Dovecot does. */
static void
take_line(struct keywords *k, char *line)
{
	char *word;
	long n = strtol(line, &word, 10);

	if (word == line || *word != ' ' || n < 0 || n >= FILENAME_LETTERS || word[1] == '\0')
		return;
	word++;
	if (word[strlen(word) - 1] == '\r')
		word[strlen(word) - 1] = '\0';
	k->taken |= FILENAME_LETTER(n);
	k->word[n] = is_keyword(word) ? word : NULL;
}

static int
read_file(struct keywords *k, const struct mdir *m, int fd, struct err *e)
{
	char *text = arena_alloc(&k->arena, FILE_LIMIT + 1), *line;
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, FILE_LIMIT - len)) != 0 && len < FILE_LIMIT) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return disk_err(e, ERR_BOX, errno, "%s/%s cannot be read", m->path, FILE_NAME);
		len += (size_t)n;
	}
	if (len == FILE_LIMIT)
		return err_set(e, ERR_BOX, "%s/%s is too large to be a list of keywords", m->path, FILE_NAME);
	text[len] = '\0';
	while ((line = strsep(&text, "\n")) != NULL)
		take_line(k, line);
	return 0;
}

int
keywords_read(struct keywords *k, const struct mdir *m, struct err *e)
{
	int fd = openat(m->fd, FILE_NAME, O_RDONLY | O_NONBLOCK | O_CLOEXEC), rc;

	*k = (struct keywords){ .has_file = fd >= 0, .may_add = fd >= 0 || m->set->keywords };
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return disk_err(e, ERR_BOX, errno, "%s/%s cannot be read", m->path, FILE_NAME);
	rc = read_file(k, m, fd, e);
	close(fd);
	return rc;
}

void
keywords_release(struct keywords *k)
{
	arena_release(&k->arena);
	*k = (struct keywords){ 0 };
}

/* Gives letters in memory, none that is in use: the bits given. */
static uint32_t
give_letters(struct keywords *k, const char *words, uint32_t used)
{
	uint32_t given = 0;
	const char *word;
	size_t len;
	char *copy;
	int i;

	while ((word = kw_next(&words, &len)) != NULL) {
		copy = arena_strndup(&k->arena, word, len);
		if (letters_of(k, word, len) != 0 || !is_keyword(copy))
			continue;
		for (i = 0; i < FILENAME_LETTERS && ((k->taken | used) & FILENAME_LETTER(i)); i++)
			;
		if (i == FILENAME_LETTERS)
			break;
		k->taken |= FILENAME_LETTER(i);
		k->word[i] = copy;
		given |= FILENAME_LETTER(i);
	}
	return given;
}

/* Dovecot reads the file again only when its mtime, in seconds, is another one. The mode is that of the file
 * there was, or goes with the directory's. */
static int
dress(const struct mdir *m, int fd)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	struct stat old, st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (fstatat(m->fd, FILE_NAME, &old, 0) < 0)
		return fstat(m->cur_fd, &old) < 0 ? -1 : fchmod(fd, old.st_mode & 0666);
	if (old.st_gid != st.st_gid && fchown(fd, (uid_t)-1, old.st_gid) < 0 && errno != EPERM)
		return -1;
	if (fchmod(fd, old.st_mode & 0777) < 0)
		return -1;
	if (old.st_mtim.tv_sec < st.st_mtim.tv_sec)
		return 0;
	times[1] = (struct timespec){ .tv_sec = old.st_mtim.tv_sec + 1 };
	return futimens(fd, times);
}

/* What the file says stays as it is; the letters given come behind it. */
static int
write_lines(const struct keywords *k, const struct mdir *m, uint32_t given, int fd)
{
	struct buf b = { 0 };
	int i, from, rc = 0;
	ssize_t n;

	from = openat(m->fd, FILE_NAME, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (from >= 0) {
		buf_reserve(&b, FILE_LIMIT);
		while (b.len < FILE_LIMIT && (n = read(from, b.data + b.len, FILE_LIMIT - b.len)) > 0)
			b.len += (size_t)n;
		close(from);
		if (b.len > 0 && b.data[b.len - 1] != '\n')
			buf_addc(&b, '\n');
	}
	for (i = 0; i < FILENAME_LETTERS; i++)
		if (given & FILENAME_LETTER(i))
			buf_printf(&b, "%d %s\n", i, k->word[i]);
	if (write(fd, b.data, b.len) != (ssize_t)b.len)
		rc = -1;
	buf_release(&b);
	return rc;
}

/* Puts the new file in the old one's place. The lock is held. */
static int
replace(const struct keywords *k, const struct mdir *m, uint32_t given, struct err *e)
{
	struct arena a = { 0 };
	const char *shown = arena_printf(&a, "%s/%s", m->path, TMP_NAME);
	int fd = -1, rc = -1;

	if (step(STEP_CREATE, shown, e) < 0)
		goto done;
	/* One that is there was left by a run that died: the lock is ours. */
	(void)unlinkat(m->fd, TMP_NAME, 0);
	fd = openat(m->fd, TMP_NAME, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write_lines(k, m, given, fd) < 0 || dress(m, fd) < 0) {
		disk_err(e, ERR_BOX, errno, "%s cannot be written", shown);
		goto done;
	}
	if (m->set->fsync && disk_sync(fd, false, shown, e) < 0)
		goto done;
	if (step(STEP_RENAME, arena_printf(&a, "%s\n%s/%s", shown, m->path, FILE_NAME), e) < 0)
		goto done;
	if (renameat(m->fd, TMP_NAME, m->fd, FILE_NAME) < 0) {
		disk_err(e, ERR_BOX, errno, "%s cannot be renamed", shown);
		goto done;
	}
	rc = m->set->fsync ? disk_sync(m->fd, false, m->path, e) : 0;
done:
	if (fd >= 0)
		close(fd);
	if (rc < 0 && fd >= 0 && !step_is_dead())
		(void)unlinkat(m->fd, TMP_NAME, 0);
	arena_release(&a);
	return rc;
}

static bool
has_all(const struct keywords *k, const char *words)
{
	const char *word;
	size_t len;

	while ((word = kw_next(&words, &len)) != NULL)
		if (letters_of(k, word, len) == 0)
			return false;
	return true;
}

/* The letters that names of the mailbox have, whatever they mean (invariant 4). */
static int
find_used(const struct mdir *m, uint32_t *used_r, struct err *e)
{
	struct scan scan = { 0 };
	size_t i;
	int rc = scan_make(&scan, m, false, e);

	*used_r = 0;
	for (i = 0; i < scan.entries.n; i++)
		*used_r |= scan.entries.at[i].flags;
	scan_release(&scan);
	return rc;
}

int
keywords_learn(struct keywords *k, const struct mdir *m, const char *words, struct err *e)
{
	bool has_uidlist = faccessat(m->fd, UIDLIST, F_OK, 0) == 0, has_lock = false, has_own = false;
	uint32_t used, given;
	int rc = -1;

	if (!k->may_add || has_all(k, words))
		return 0;
	if (has_uidlist && dotlock_take(m->fd, UIDLIST, m->path, e) < 0)
		goto done;
	has_lock = has_uidlist;
	if (dotlock_take(m->fd, FILE_NAME, m->path, e) < 0)
		goto done;
	has_own = true;
	/* As it is now that nobody else writes it. */
	keywords_release(k);
	if (keywords_read(k, m, e) < 0 || find_used(m, &used, e) < 0)
		goto done;
	given = k->has_file || (used | FLAG_ALL) == FLAG_ALL ? give_letters(k, words, used) : 0;
	/* What is kept there, and what letters mean, is told by a listing. */
	watch_doubt(m->set->watch, m);
	rc = given != 0 ? replace(k, m, given, e) : 0;
done:
	if (rc < 0)
		err_widen(e, ERR_BOX);
	if (has_own)
		dotlock_drop(m->fd, FILE_NAME, m->path);
	if (has_lock)
		dotlock_drop(m->fd, UIDLIST, m->path);
	return rc;
}

uint32_t
keywords_bits(const struct keywords *k, struct flags flags)
{
	uint32_t bits = flags.sys & FLAG_ALL;
	const char *word, *words = flags.kw;
	size_t len;

	while ((word = kw_next(&words, &len)) != NULL)
		bits |= letters_of(k, word, len);
	if (flags.sys & FLAG_FORWARDED)
		bits |= letters_of(k, FORWARDED, sizeof FORWARDED - 1);
	return bits;
}

struct flags
keywords_flags(const struct keywords *k, struct arena *a, uint32_t bits)
{
	struct flags flags = { .sys = bits & FLAG_ALL, .kw = "" };
	struct buf words = { 0 };
	int i;

	if (bits == flags.sys)
		return flags;
	for (i = 0; i < FILENAME_LETTERS; i++) {
		if (!(bits & FILENAME_LETTER(i)) || k->word[i] == NULL)
			continue;
		if (strcasecmp(k->word[i], FORWARDED) == 0)
			flags.sys |= FLAG_FORWARDED;
		else
			buf_printf(&words, "%s ", k->word[i]);
	}
	if (words.len > 0)
		flags.kw = kw_canonical(a, arena_strdup(a, buf_str(&words)));
	buf_release(&words);
	return flags;
}

uint32_t
keywords_known(const struct keywords *k)
{
	uint32_t known = FLAG_ALL;
	int i;

	for (i = 0; i < FILENAME_LETTERS; i++)
		if (k->word[i] != NULL)
			known |= FILENAME_LETTER(i);
	return known;
}

void
keywords_mask(const struct keywords *k, struct arena *a, uint32_t used, struct flag_mask *mask_r)
{
	bool is_full = (k->taken | FLAG_ALL) == UINT32_MAX;

	*mask_r = (struct flag_mask){ .sys = FLAG_ALL, .kw = "" };
	if (k->may_add && !is_full && (k->has_file || (used | FLAG_ALL) == FLAG_ALL))
		mask_r->has_any_keyword = true;
	else
		mask_r->kw = arena_strdup(a, keywords_flags(k, a, keywords_known(k)).kw);
}
