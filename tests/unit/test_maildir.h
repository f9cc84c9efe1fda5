/* What the tests of the Maildir store share: a store in a directory of its own, and short ways to ask it.
 *
 * A test fails inside these functions where the store answers otherwise than it says.
 */
#ifndef TESTS_UNIT_TEST_MAILDIR_H
#define TESTS_UNIT_TEST_MAILDIR_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "state/base/step.h"
#include "sync/store/maildir.h"

/* A test with a fixture, for a table of them. */
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct fixture {
	char dir[64];
	struct store_settings set;
	bool fsync;
	struct store *store;
	struct session *c;
	struct arena a;
	struct err e;
};

static inline const char *
in(struct fixture *f, const char *path)
{
	return arena_printf(&f->a, "%s/%s", f->dir, path);
}

static inline void
run(struct fixture *f, const char *cmd)
{
	int rc = system(arena_printf(&f->a, "cd %s && { %s; }", f->dir, cmd));

	assert_int_equal(rc, 0);
}

static inline void
reopen(struct fixture *f)
{
	if (f->c != NULL)
		f->store->ops->session_close(f->c);
	if (f->store != NULL)
		f->store->ops->free(f->store);
	f->store = maildir_store_new(&f->set, f->fsync, false);
	f->c = f->store->ops->session_open(f->store, &f->e);
	assert_non_null(f->c);
}

static inline int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);

	strcpy(f->dir, "/tmp/test_maildir.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	run(f, "mkdir mail");
	f->set = (struct store_settings){ .name = "near", .path = in(f, "mail/"), .inbox = in(f, "mail/inbox"),
		.sub_folders = NAMES_VERBATIM };
	f->fsync = true;
	reopen(f);
	*state = f;
	return 0;
}

static inline int
teardown(void **state)
{
	struct fixture *f = *state;

	step_install(NULL, NULL);
	f->store->ops->session_close(f->c);
	f->store->ops->free(f->store);
	/* Where a test that mounted something failed. */
	umount2(in(f, "mail/b"), MNT_DETACH);
	umount2(in(f, "mail"), MNT_DETACH);
	run(f, "cd / && rm -rf $OLDPWD");
	arena_release(&f->a);
	free(f);
	return 0;
}

static inline struct delta
delta_of(struct fixture *f, const char *box)
{
	struct delta d;

	delta_init(&d, box, NULL);
	assert_int_equal(f->store->ops->delta(f->c, &d, 1, false, NULL, &f->e), 0);
	if (d.status != 0)
		fail_msg("%s", d.err.text);
	return d;
}

/* "key flags hint\n" per entry. */
static inline const char *
shown(struct fixture *f, const char *box)
{
	struct delta d = delta_of(f, box);
	struct buf b = { 0 };
	const char *out;
	size_t i;
	char letters[7];

	for (i = 0; i < d.entries.n; i++) {
		if (d.entries.at[i].replaced != NULL)
			continue;
		flags_letters(d.entries.at[i].flags.sys, letters);
		buf_printf(&b, "%s%s [%s] %s", b.len != 0 ? "; " : "", key_text(&f->a, d.entries.at[i].key, false), letters,
		    d.entries.at[i].hint);
	}
	out = arena_strdup(&f->a, buf_str(&b));
	buf_release(&b);
	delta_release(&d);
	return out;
}

static inline void
make_box(struct fixture *f, const char *box)
{
	enum outcome o;

	if (f->store->ops->create_mailbox(f->c, box, 0, &o, &f->e) < 0)
		fail_msg("%s", f->e.text);
	assert_int_equal(o, OUTCOME_DONE);
}

/* Delivers one message under the name `name` (NULL = the store's choice). */
static inline struct deliver_item
deliver_one(struct fixture *f, const char *box, const char *name, const char *body, size_t len, bool is_wire,
    const char *letters, int64_t date)
{
	struct deliver_item item = { .flags = { flags_from_letters(letters), "" }, .date = date };
	struct body_head head = { .form = is_wire ? BODY_WIRE : BODY_FILE, .size = len };
	struct delivery *d;
	size_t i;

	if (name != NULL)
		item.name = key_from_string(name);
	if (f->store->ops->deliver(f->c, box, 0, &item, 1, &f->a, &d, &f->e) < 0)
		fail_msg("%s", f->e.text);
	assert_int_equal(d->sink.begin(d->sink.ctx, &head, &f->e), 0);
	for (i = 0; i < len; i += 3)
		assert_int_equal(d->sink.data(d->sink.ctx, body + i, len - i < 3 ? len - i : 3, &f->e), 0);
	assert_int_equal(d->sink.end(d->sink.ctx, 0, NULL, &f->e), 0);
	assert_int_equal(d->finish(d, &f->e), 0);
	return item;
}

static inline const char *
content(struct fixture *f, const char *path)
{
	char b[4096];
	int fd = open(in(f, path), O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return strerror(errno);
	n = read(fd, b, sizeof b);
	close(fd);
	return arena_strndup(&f->a, b, (size_t)n);
}

static inline struct flag_item
flags_of(struct fixture *f, const char *box, const char *key, const char *hint, const char *add, const char *drop)
{
	struct flag_item item = { .key = key_from_string(key), .hint = hint,
		.add = { flags_from_letters(add), "" }, .remove = { flags_from_letters(drop), "" } };
	struct box_changes ch = { .box = box, .flags = &item, .n_flags = 1 };

	f->store->ops->change(f->c, &ch, 1, &f->a, &f->e);
	return item;
}

static inline enum outcome
expunge_one(struct fixture *f, const char *box, const char *key, const char *hint, const char *expect)
{
	struct expunge_item item = { .key = key_from_string(key), .hint = hint,
		.expect = { flags_from_letters(expect), "" } };
	struct box_changes ch = { .box = box, .expunges = &item, .n_expunges = 1 };

	f->store->ops->change(f->c, &ch, 1, &f->a, &f->e);
	if (item.outcome == OUTCOME_FAILED)
		f->e = item.err;
	return item.outcome;
}

struct got { struct buf b; struct body_head head; int begun, ended; bool is_failed; };

static inline int
got_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct got *g = ctx;

	(void)e;
	g->head = *head;
	g->begun++;
	return 0;
}

static inline int
got_data(void *ctx, const void *p, size_t len, struct err *e)
{
	(void)e;
	buf_add(&((struct got *)ctx)->b, p, len);
	return 0;
}

static inline int
got_end(void *ctx, size_t index, const struct err *failed, struct err *e)
{
	struct got *g = ctx;

	(void)index;
	(void)e;
	g->ended++;
	g->is_failed = failed != NULL;
	return 0;
}

static inline struct got
fetch_one(struct fixture *f, const char *box, const char *key, const char *hint)
{
	struct fetch_item item = { .key = key_from_string(key), .hint = hint };
	struct fetch_part part = { .box = box, .n = 1 };
	struct got g = { 0 };
	struct body_sink sink = { got_begin, got_data, got_end, &g };

	assert_int_equal(f->store->ops->fetch(f->c, &part, 1, &item, &sink, &f->e), 0);
	assert_int_equal(part.status, 0);
	assert_int_equal(g.ended, 1);
	return g;
}

#endif
