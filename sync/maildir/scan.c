#include "sync/maildir/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/mdir.h"

enum { SCAN_TRIES = 3 };

static void
clear(struct scan *s)
{
	s->entries.n = 0;
	s->odd.n = 0;
	arena_release(&s->arena);
}

void
scan_release(struct scan *s)
{
	vec_release(&s->entries);
	vec_release(&s->odd);
	arena_release(&s->arena);
}

/* Why something in cur/ or new/ is no message by its type; NULL = a regular file. "" = it is gone. */
static const char *
type_fault(int dir_fd, const struct dirent *de)
{
	struct stat st;

#ifdef DT_REG
	if (de->d_type == DT_REG)
		return NULL;
#endif
	if (fstatat(dir_fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? "" : "cannot be looked at";
	if (S_ISREG(st.st_mode))
		return NULL;
	if (S_ISLNK(st.st_mode))
		return "is a symbolic link";
	return S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file";
}

static void
add(struct scan *s, const struct mdir *m, int dir_fd, const struct dirent *de, bool is_new)
{
	const char *why = filename_fault(de->d_name, m->set->info_delimiter);
	bool is_name = why == NULL;
	struct filename f;
	struct scan_entry *entry;
	const char *name;

	if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
		return;
	if (why == NULL)
		why = type_fault(dir_fd, de);
	if (why != NULL) {
		if (*why != '\0')
			vec_push(&s->odd, (struct scan_odd){ arena_strdup(&s->arena, de->d_name), why, is_new, is_name });
		return;
	}
	filename_parse(de->d_name, m->set->info_delimiter, &f);
	name = arena_strndup(&s->arena, de->d_name, f.len);
	entry = vec_add(&s->entries);
	entry->key = (struct key){ name, (uint32_t)f.base };
	entry->flags = f.flags;
	entry->is_new = is_new;
}

static int
read_dir(struct scan *s, const struct mdir *m, bool is_new, struct err *e)
{
	int fd = disk_opendir(m->fd, mdir_sub(is_new));
	DIR *dir;
	struct dirent *de;
	int rc = -1;

	if (fd < 0 && is_new && errno == ENOENT)
		return 0;
	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		disk_err(e, ERR_BOX, errno, "%s/%s cannot be read", m->path, mdir_sub(is_new));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	for (;;) {
		errno = 0;
		de = readdir(dir);
		if (de == NULL)
			break;
		add(s, m, fd, de, is_new);
	}
	if (errno != 0)
		disk_err(e, ERR_BOX, errno, "%s/%s cannot be read to its end", m->path, mdir_sub(is_new));
	else
		rc = 0;
	closedir(dir);
	return rc;
}

static int
cmp_entries(const void *a, const void *b)
{
	const struct scan_entry *x = a, *y = b;
	int c = key_cmp(x->key, y->key);

	if (c == 0)
		c = strcmp(x->key.data, y->key.data);
	return c != 0 ? c : (int)x->is_new - (int)y->is_new;
}

static bool
is_there(const struct mdir *m, const struct scan_entry *entry)
{
	struct stat st;

	return fstatat(mdir_sub_fd(m, entry->is_new), entry->key.data, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether an entry shares its key with the one before or after it; entries are sorted. */
static bool
is_shared(const struct scan *s, size_t i)
{
	return (i > 0 && key_equal(s->entries.at[i].key, s->entries.at[i - 1].key)) ||
	    (i + 1 < s->entries.n && key_equal(s->entries.at[i].key, s->entries.at[i + 1].key));
}

/* Invariant 3. */
static void
drop_renamed(struct scan *s, const struct mdir *m)
{
	VEC(size_t) gone = { 0 };
	size_t i, n = 0, g = 0;

	for (i = 0; i < s->entries.n; i++)
		if (is_shared(s, i) && !is_there(m, &s->entries.at[i]))
			vec_push(&gone, i);
	for (i = 0; i < s->entries.n; i++) {
		if (g < gone.n && gone.at[g] == i)
			g++;
		else
			s->entries.at[n++] = s->entries.at[i];
	}
	s->entries.n = n;
	vec_release(&gone);
}

/* Invariant 2, first half: lengthens shared keys. Lengthening reads no other entry's key, as "shared"
 * is settled for all of them first. */
static bool
lengthen_keys(struct scan *s, char info_delimiter)
{
	VEC(size_t) shared = { 0 };
	struct filename f;
	size_t i;
	bool has_any;

	for (i = 0; i < s->entries.n; i++)
		if (is_shared(s, i))
			vec_push(&shared, i);
	for (i = 0; i < shared.n; i++) {
		filename_parse(s->entries.at[shared.at[i]].key.data, info_delimiter, &f);
		s->entries.at[shared.at[i]].key.len = (uint32_t)f.info;
	}
	has_any = shared.n > 0;
	vec_release(&shared);
	return has_any;
}

/* Invariant 2, second half. */
static void
hold_equal_keys(struct scan *s)
{
	size_t i, n = 0;
	struct scan_entry *entry;

	for (i = 0; i < s->entries.n; i++) {
		entry = &s->entries.at[i];
		if (n > 0 && key_equal(entry->key, s->entries.at[n - 1].key)) {
			s->entries.at[n - 1].is_held = true;
			vec_push(&s->odd, (struct scan_odd){ entry->key.data,
			    "cannot be told from another file of the same name", entry->is_new, false });
			continue;
		}
		s->entries.at[n++] = *entry;
	}
	s->entries.n = n;
}

static void
sort(struct scan *s)
{
	if (s->entries.n > 1)
		qsort(s->entries.at, s->entries.n, sizeof s->entries.at[0], cmp_entries);
}

int
scan_make(struct scan *s, const struct mdir *m, bool may_probe, struct err *e)
{
	struct stamps after;
	enum stamp_state state;
	int i;

	for (i = 0; i < SCAN_TRIES && !s->is_stable; i++) {
		clear(s);
		if (stamp_settle(m->fd, may_probe ? m->tmp_fd : -1, &s->stamps, &state) < 0)
			return disk_err(e, ERR_BOX, errno, "%s cannot be looked at", m->path);
		if (read_dir(s, m, true, e) < 0 || read_dir(s, m, false, e) < 0)
			return -1;
		if (stamp_take_both(m->fd, &after) < 0)
			return disk_err(e, ERR_BOX, errno, "%s cannot be looked at", m->path);
		if (after.cur.ino != m->epoch)
			return err_class(e, ERR_BOX, ERR_FAILED, ERR_NOW, "%s was replaced by another directory", m->path);
		s->is_stable = state != STAMP_DIRTY && stamps_equal(&s->stamps, &after);
		s->is_steady = s->is_stable && state == STAMP_STEADY;
	}
	s->ahead = s->is_stable ? 0 : stamp_ahead(&s->stamps);
	sort(s);
	if (!s->is_stable)
		drop_renamed(s, m);
	if (lengthen_keys(s, m->set->info_delimiter)) {
		sort(s);
		hold_equal_keys(s);
	}
	return 0;
}

/* The first entry whose key is not below `key`. */
static size_t
lower_bound(const struct scan *s, struct key key)
{
	size_t low = 0, high = s->entries.n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (key_cmp(s->entries.at[mid].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct scan_entry *
scan_find(const struct scan *s, struct key key)
{
	size_t i = lower_bound(s, key);

	return i < s->entries.n && key_equal(s->entries.at[i].key, key) ? &s->entries.at[i] : NULL;
}

bool
scan_has_base(const struct scan *s, struct key key, char info_delimiter)
{
	struct filename f;
	size_t i;

	/* What begins with key comes right behind it. */
	for (i = lower_bound(s, key); i < s->entries.n; i++) {
		if (s->entries.at[i].key.len < key.len ||
		    memcmp(s->entries.at[i].key.data, key.data, key.len) != 0)
			return false;
		filename_parse(s->entries.at[i].key.data, info_delimiter, &f);
		if (f.base == key.len)
			return true;
	}
	return false;
}

bool
scan_is_replaced(const struct scan *s, struct key key)
{
	size_t i;

	for (i = 0; i < s->odd.n; i++)
		if (s->odd.at[i].is_replaced && strlen(s->odd.at[i].name) >= key.len &&
		    memcmp(s->odd.at[i].name, key.data, key.len) == 0)
			return true;
	return false;
}

char
scan_hint_letter(const struct scan_entry *entry)
{
	if (entry->is_held)
		return entry->is_new ? 'N' : 'C';
	return entry->is_new ? 'n' : 'c';
}

const char *
scan_hint(struct arena *a, const struct scan_entry *entry)
{
	return arena_printf(a, "%c%s", scan_hint_letter(entry), entry->key.data + entry->key.len);
}
