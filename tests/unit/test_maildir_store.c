/* The Maildir store through the contract of sync/store/store.h, on real directories. */
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "state/base/step.h"
#include "sync/store/maildir.h"

struct fixture {
	char dir[64];
	struct maildir_settings set;
	struct store *store;
	struct session *c;
	struct arena a;
	struct err e;
};

static const char *
in(struct fixture *f, const char *path)
{
	return arena_printf(&f->a, "%s/%s", f->dir, path);
}

static void
run(struct fixture *f, const char *cmd)
{
	int rc = system(arena_printf(&f->a, "cd %s && { %s; }", f->dir, cmd));

	assert_int_equal(rc, 0);
}

static void
reopen(struct fixture *f)
{
	if (f->c != NULL)
		f->store->ops->session_close(f->c);
	if (f->store != NULL)
		f->store->ops->free(f->store);
	f->store = maildir_store_new(&f->set);
	f->c = f->store->ops->session_open(f->store, &f->e);
	assert_non_null(f->c);
}

static int
setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);

	strcpy(f->dir, "/tmp/test_maildir.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	run(f, "mkdir mail");
	f->set = (struct maildir_settings){ .name = "near", .path = in(f, "mail/"), .inbox = in(f, "mail/inbox"),
		.layout = NAMES_VERBATIM, .is_synced = true };
	reopen(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	step_install(NULL, NULL);
	f->store->ops->session_close(f->c);
	f->store->ops->free(f->store);
	run(f, "cd / && rm -rf $OLDPWD");
	arena_release(&f->a);
	free(f);
	return 0;
}

static struct delta
delta_of(struct fixture *f, const char *box)
{
	struct delta d;

	delta_init(&d, box, NULL);
	assert_int_equal(f->store->ops->delta(f->c, &d, 1, false, &f->e), 0);
	if (d.status != 0)
		fail_msg("%s", d.err.text);
	return d;
}

/* "key flags hint\n" per entry. */
static const char *
shown(struct fixture *f, const char *box)
{
	struct delta d = delta_of(f, box);
	struct buf b = { 0 };
	const char *out;
	size_t i;
	char letters[7];

	for (i = 0; i < d.entries.n; i++) {
		flags_letters(d.entries.at[i].flags.sys, letters);
		buf_printf(&b, "%s%s [%s] %s", i ? "; " : "", key_text(&f->a, d.entries.at[i].key, false), letters,
		    d.entries.at[i].hint);
	}
	out = arena_strdup(&f->a, buf_str(&b));
	buf_release(&b);
	delta_release(&d);
	return out;
}

static void
make_box(struct fixture *f, const char *box)
{
	enum outcome o;

	if (f->store->ops->create_mailbox(f->c, box, 0, &o, &f->e) < 0)
		fail_msg("%s", f->e.text);
	assert_int_equal(o, OUTCOME_DONE);
}

/* Delivers one message under the name `name` (NULL = the store's choice). */
static struct deliver_item
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

static const char *
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

/* ---- a message's way ---- */

static void
unseen_goes_to_new_and_seen_to_cur(void **state)
{
	struct fixture *f = *state;
	struct deliver_item item;

	make_box(f, "box");
	item = deliver_one(f, "box", "1.a.host", "A: b\n\nhi\n", 9, false, "", 0);
	assert_int_equal(item.outcome, OUTCOME_DONE);
	assert_string_equal(item.hint, "n");
	item = deliver_one(f, "box", "2.a.host", "A: b\n\nhi\n", 9, false, "SF", 0);
	assert_string_equal(item.hint, "c:2,FS");
	deliver_one(f, "box", "3.a.host", "A: b\n\nhi\n", 9, false, "F", 0);
	assert_string_equal(shown(f, "box"), "1.a.host [] n; 2.a.host [FS] c:2,FS; 3.a.host [F] n:2,F");
	assert_string_equal(content(f, "mail/box/new/1.a.host"), "A: b\n\nhi\n");
	run(f, "test -z \"$(ls mail/box/tmp)\"");
}

static void
arrival_date_becomes_mtime(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	make_box(f, "box");
	deliver_one(f, "box", "1.a.host", "x", 1, false, "", 1000000007);
	assert_int_equal(stat(in(f, "mail/box/new/1.a.host"), &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000000007);
}

static void
wire_form_becomes_lines_where_reversible(void **state)
{
	struct fixture *f = *state;

	make_box(f, "box");
	deliver_one(f, "box", "1.a", "A: b\r\n\r\nhi\r\n", 12, true, "S", 0);
	assert_string_equal(content(f, "mail/box/cur/1.a:2,S"), "A: b\n\nhi\n");
	deliver_one(f, "box", "2.a", "A: b\r\n\r\nhi\nbare\r\nend", 20, true, "S", 0);
	assert_string_equal(content(f, "mail/box/cur/2.a:2,S"), "A: b\r\n\r\nhi\nbare\r\nend");
	deliver_one(f, "box", "3.a", "ends in CR\r", 11, true, "S", 0);
	assert_string_equal(content(f, "mail/box/cur/3.a:2,S"), "ends in CR\r");
	deliver_one(f, "box", "4.a", "", 0, true, "S", 0);
	assert_string_equal(content(f, "mail/box/cur/4.a:2,S"), "");
}

static void
body_of_wrong_size_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct deliver_item item = { .name = key_from_string("1.a") };
	struct body_head head = { .form = BODY_FILE, .size = 10 };
	struct delivery *d;

	make_box(f, "box");
	assert_int_equal(f->store->ops->deliver(f->c, "box", 0, &item, 1, &f->a, &d, &f->e), 0);
	assert_int_equal(d->sink.begin(d->sink.ctx, &head, &f->e), 0);
	assert_int_equal(d->sink.data(d->sink.ctx, "12345", 5, &f->e), 0);
	assert_int_equal(d->sink.end(d->sink.ctx, 0, NULL, &f->e), 0);
	assert_int_equal(d->finish(d, &f->e), 0);
	assert_int_equal(item.outcome, OUTCOME_FAILED);
	assert_non_null(strstr(item.err.text, "5 octets"));
	run(f, "test -z \"$(ls mail/box/tmp mail/box/new mail/box/cur | grep '[.]a')\"");
}

static struct flag_item
flags_of(struct fixture *f, const char *box, const char *key, const char *hint, const char *add, const char *drop)
{
	struct flag_item item = { .key = key_from_string(key), .hint = hint,
		.add = { flags_from_letters(add), "" }, .remove = { flags_from_letters(drop), "" } };

	f->store->ops->change_flags(f->c, box, 0, &item, 1, &f->a, &f->e);
	return item;
}

static void
flags_rename_only_what_changes(void **state)
{
	struct fixture *f = *state;
	struct flag_item item;

	make_box(f, "box");
	run(f, "cd mail/box; echo a >new/1.a; echo b >cur/2.a,S=2,U=7:2,Sab; echo c >cur/3.a");
	item = flags_of(f, "box", "1.a", "n", "F", "");
	assert_int_equal(item.outcome, OUTCOME_DONE);
	assert_string_equal(item.new_hint, "c:2,F");
	item = flags_of(f, "box", "2.a", "c,S=2,U=7:2,Sab", "FT", "S");
	assert_string_equal(item.new_hint, "c,S=2,U=7:2,FTab");
	item = flags_of(f, "box", "3.a", "c", "", "S");
	assert_int_equal(item.outcome, OUTCOME_DONE);
	assert_string_equal(item.new_hint, "c");
	/* Renamed since: found by its base, decided on its flags now (R20). */
	run(f, "cd mail/box/cur; mv 1.a:2,F 1.a:2,FR");
	item = flags_of(f, "box", "1.a", "c:2,F", "S", "F");
	assert_int_equal(item.outcome, OUTCOME_DONE);
	assert_string_equal(item.new_hint, "c:2,RS");
	item = flags_of(f, "box", "9.a", "c:2,F", "S", "F");
	assert_int_equal(item.outcome, OUTCOME_FAILED);
	assert_int_equal(item.err.retry, ERR_NOW);
	/* Un-seen stays in cur/. */
	item = flags_of(f, "box", "1.a", "c:2,RS", "", "RS");
	assert_string_equal(item.new_hint, "c:2,");
}

static enum outcome
expunge_one(struct fixture *f, const char *box, const char *key, const char *hint, const char *expect)
{
	struct expunge_item item = { .key = key_from_string(key), .hint = hint,
		.expect = { flags_from_letters(expect), "" } };

	f->store->ops->expunge(f->c, box, 0, &item, 1, &f->e);
	if (item.outcome == OUTCOME_FAILED)
		f->e = item.err;
	return item.outcome;
}

static void
only_the_planned_message_is_removed(void **state)
{
	struct fixture *f = *state;

	make_box(f, "box");
	run(f, "cd mail/box/cur; touch 1.a:2,T 2.a:2,ST 3.a:2,T 4.a:2,S 4.a:2,");
	assert_int_equal(expunge_one(f, "box", "1.a", "c:2,T", "T"), OUTCOME_DONE);
	assert_int_equal(expunge_one(f, "box", "1.a", "c:2,T", "T"), OUTCOME_DONE);
	assert_int_equal(expunge_one(f, "box", "2.a", "c:2,T", "T"), OUTCOME_FAILED);
	assert_int_equal(f->e.retry, ERR_NOW);
	run(f, "cd mail/box; mv cur/3.a:2,T cur/3.a,S=0:2,T");
	assert_int_equal(expunge_one(f, "box", "3.a", "c:2,T", "T"), OUTCOME_DONE);
	/* R20: what cannot be told apart is held. */
	assert_string_equal(shown(f, "box"), "2.a [ST] c:2,ST; 4.a [] C:2,");
	assert_int_equal(expunge_one(f, "box", "4.a", "C:2,", ""), OUTCOME_FAILED);
	run(f, "test $(ls mail/box/cur | wc -l) = 3");
}

struct got { struct buf b; struct body_head head; int begun, ended; bool is_failed; };

static int
got_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct got *g = ctx;

	(void)e;
	g->head = *head;
	g->begun++;
	return 0;
}

static int
got_data(void *ctx, const void *p, size_t len, struct err *e)
{
	(void)e;
	buf_add(&((struct got *)ctx)->b, p, len);
	return 0;
}

static int
got_end(void *ctx, size_t index, const struct err *failed, struct err *e)
{
	struct got *g = ctx;

	(void)index;
	(void)e;
	g->ended++;
	g->is_failed = failed != NULL;
	return 0;
}

static struct got
fetch_one(struct fixture *f, const char *box, const char *key, const char *hint)
{
	struct fetch_item item = { key_from_string(key), hint };
	struct got g = { 0 };
	struct body_sink sink = { got_begin, got_data, got_end, &g };

	assert_int_equal(f->store->ops->fetch(f->c, box, 0, &item, 1, &sink, &f->e), 0);
	assert_int_equal(g.ended, 1);
	return g;
}

static void
fetch_gives_the_file_as_it_is(void **state)
{
	struct fixture *f = *state;
	struct got g;

	make_box(f, "box");
	run(f, "cd mail/box; printf 'a\\n\\r\\n\\0b' >cur/1.a:2,S; ln -s 1.a:2,S cur/2.a:2,S; mkfifo cur/3.a; mkdir cur/4.a");
	g = fetch_one(f, "box", "1.a", "c:2,FS");
	assert_false(g.is_failed);
	assert_int_equal(g.head.size, 6);
	assert_int_equal(g.head.wire_size, 7);
	assert_int_equal(g.b.len, 6);
	assert_memory_equal(g.b.data, "a\n\r\n\0b", 6);
	buf_release(&g.b);
	assert_true(fetch_one(f, "box", "2.a", "c:2,S").is_failed);
	assert_true(fetch_one(f, "box", "3.a", "c").is_failed);
	assert_true(fetch_one(f, "box", "4.a", "c").is_failed);
	assert_true(fetch_one(f, "box", "5.a", "c").is_failed);
	assert_string_equal(shown(f, "box"), "1.a [S] c:2,S");
}

static void
cursor_stands_until_something_changes(void **state)
{
	struct fixture *f = *state;
	struct delta d, d2;
	struct mailbox box = { .name = "box" };

	make_box(f, "box");
	run(f, "touch mail/box/cur/1.a");
	d = delta_of(f, "box");
	assert_true(d.is_complete);
	assert_true(d.cursor.is_steady);
	assert_int_equal(f->store->ops->cursors(f->c, &box, 1, &f->e), 0);
	assert_true(box.has_cursor && cursor_stands(&d.cursor, &box.cursor));
	run(f, "mv mail/box/cur/1.a mail/box/cur/1.a:2,S");
	assert_int_equal(f->store->ops->cursors(f->c, &box, 1, &f->e), 0);
	assert_false(cursor_stands(&d.cursor, &box.cursor));
	d2 = delta_of(f, "box");
	assert_true(cursor_stands(&d2.cursor, &box.cursor));
	assert_int_equal(d.cursor.epoch, d2.cursor.epoch);
	delta_release(&d);
	delta_release(&d2);
	run(f, "test -z \"$(ls mail/box/tmp)\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(unseen_goes_to_new_and_seen_to_cur),
		T(arrival_date_becomes_mtime),
		T(wire_form_becomes_lines_where_reversible),
		T(body_of_wrong_size_leaves_nothing),
		T(flags_rename_only_what_changes),
		T(only_the_planned_message_is_removed),
		T(fetch_gives_the_file_as_it_is),
		T(cursor_stands_until_something_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
