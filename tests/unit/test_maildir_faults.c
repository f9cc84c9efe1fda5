/* The Maildir store when things go wrong: stopped at every step, no space, no permission, other programs
 * that rename files all the time, and very many messages. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "sync/maildir/disk.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/scan.h"
#include "tests/unit/test_maildir.h"

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- stopped at every step ---- */

struct plan { unsigned long die_at, seen; struct buf log; };

static bool
die_there(void *ctx, unsigned long n, enum step_kind kind, const char *what)
{
	struct plan *p = ctx;

	p->seen = n;
	buf_printf(&p->log, "%s %s\n", step_kind_name(kind), what);
	return n == p->die_at;
}

/* Two messages delivered, one seen; their outcome in out. */
static void
deliver_two(struct fixture *f, enum outcome out[2])
{
	struct deliver_item items[2] = { { .name = key_from_string("1.a"), .flags = FLAGS_NONE },
		{ .name = key_from_string("2.a"), .flags = { FLAG_SEEN, "" } } };
	struct body_head head = { .form = BODY_WIRE, .size = 6 };
	struct delivery *d;
	size_t i;

	out[0] = out[1] = OUTCOME_FAILED;
	if (f->store->ops->deliver(f->c, "box", 0, items, 2, &f->a, &d, &f->e) < 0)
		return;
	for (i = 0; i < 2; i++) {
		head.index = i;
		if (d->sink.begin(d->sink.ctx, &head, &f->e) < 0 ||
		    d->sink.data(d->sink.ctx, "body\r\n", 6, &f->e) < 0 ||
		    d->sink.end(d->sink.ctx, i, NULL, &f->e) < 0)
			break;
	}
	d->finish(d, &f->e);
	out[0] = items[0].outcome;
	out[1] = items[1].outcome;
}

static void
delivery_stopped_at_every_step(void **state)
{
	struct fixture *f = *state;
	enum outcome out[2];
	struct plan p = { 0 };
	unsigned long n;
	bool is_finished = false;

	for (n = 1; !is_finished; n++) {
		run(f, "rm -rf mail/box");
		make_box(f, "box");
		p.die_at = n;
		buf_clear(&p.log);
		step_install(die_there, &p);
		deliver_two(f, out);
		step_install(NULL, NULL);
		is_finished = p.seen < n;
		/* DONE is there, whole; what is in its place is whole in any case. */
		if (out[0] == OUTCOME_DONE)
			assert_string_equal(content(f, "mail/box/new/1.a"), "body\n");
		if (out[1] == OUTCOME_DONE)
			assert_string_equal(content(f, "mail/box/cur/2.a:2,S"), "body\n");
		run(f, "for i in mail/box/new/* mail/box/cur/*; do test ! -e \"$i\" || test \"$(cat $i)\" = body; done");
		/* FAILED is not there; what was renamed before the end is unknown. */
		if (out[0] == OUTCOME_FAILED)
			run(f, "test ! -e mail/box/new/1.a");
		if (out[1] == OUTCOME_FAILED)
			run(f, "test ! -e mail/box/cur/2.a:2,S");
		assert_true(is_finished || out[0] != OUTCOME_DONE);
	}
	assert_int_equal(out[0], OUTCOME_DONE);
	/* Content before name, name before directory (R20). */
	assert_non_null(strstr(buf_str(&p.log), "create"));
	assert_true(strstr(buf_str(&p.log), "fsync") < strstr(buf_str(&p.log), "rename"));
	assert_non_null(strstr(strstr(buf_str(&p.log), "rename"), "fsync"));
	assert_int_equal(n, 10);	/* 2 creates, 2 fsyncs, 2 renames, 2 directories; and none to die at */
	buf_release(&p.log);
}

static void
changes_stopped_at_every_step(void **state)
{
	struct fixture *f = *state;
	struct plan p = { 0 };
	struct flag_item flag;
	struct move_item move;
	enum outcome o;
	unsigned long n;
	bool is_finished = false;

	for (n = 1; !is_finished; n++) {
		run(f, "rm -rf mail/a mail/b");
		make_box(f, "a");
		make_box(f, "b");
		run(f, "cd mail/a/cur; echo 1 >1.a:2,; echo 2 >2.a:2,; echo 3 >3.a:2,T");
		p.die_at = n;
		step_install(die_there, &p);
		flag = flags_of(f, "a", "1.a", "c:2,", "S", "");
		move = (struct move_item){ .key = key_from_string("2.a"), .hint = "c:2,", .name = key_from_string("9.b") };
		f->store->ops->move(f->c, "a", 0, "b", 0, false, &move, 1, &f->a, &f->e);
		o = expunge_one(f, "a", "3.a", "c:2,T", "T");
		step_install(NULL, NULL);
		is_finished = p.seen < n;
		if (flag.outcome != OUTCOME_UNKNOWN)
			run(f, flag.outcome == OUTCOME_DONE ? "test -e mail/a/cur/1.a:2,S" : "test -e mail/a/cur/1.a:2,");
		if (move.outcome != OUTCOME_UNKNOWN)
			run(f, move.outcome == OUTCOME_DONE ? "test -e mail/b/cur/9.b:2," : "test -e mail/a/cur/2.a:2,");
		if (o != OUTCOME_UNKNOWN)
			run(f, o == OUTCOME_DONE ? "test ! -e mail/a/cur/3.a:2,T" : "test -e mail/a/cur/3.a:2,T");
		run(f, "test $(cat mail/?/*/* | sort -u | wc -l) -ge 2");
	}
	assert_int_equal(o, OUTCOME_DONE);
	buf_release(&p.log);
}

static void
a_mailbox_half_made_or_removed_is_finished_later(void **state)
{
	struct fixture *f = *state;
	struct plan p = { 0 };
	enum outcome o;
	unsigned long n;
	bool is_finished = false;

	for (n = 1; !is_finished; n++) {
		run(f, "rm -rf mail/top");
		p.die_at = n;
		step_install(die_there, &p);
		f->store->ops->create_mailbox(f->c, "top/sub", 0, &o, &f->e);
		step_install(NULL, NULL);
		is_finished = p.seen < n;
		make_box(f, "top/sub");
		deliver_one(f, "top/sub", "1.a", "x", 1, false, "", 0);
	}
	is_finished = false;
	for (n = 1; !is_finished; n++) {
		make_box(f, "top/sub");
		run(f, "cd mail/top/sub; touch cur/3.a new/2.a tmp/3.mailtwin .uidvalidity");
		p.die_at = n;
		step_install(die_there, &p);
		f->store->ops->remove_mailbox(f->c, "top/sub", &o, &f->e);
		step_install(NULL, NULL);
		is_finished = p.seen < n;
		if (f->store->ops->remove_mailbox(f->c, "top/sub", &o, &f->e) < 0)
			fail_msg("after step %lu: %s", n, f->e.text);
		assert_int_equal(f->store->ops->mailbox_state(f->c, "top/sub", NULL, &f->e), 0);
	}
	buf_release(&p.log);
}

static void
the_mark_stopped_at_every_step(void **state)
{
	struct fixture *f = *state;
	struct plan p = { 0 };
	struct listing l;
	unsigned long n;
	bool is_finished = false;

	for (n = 1; !is_finished; n++) {
		run(f, "rm -f mail/.mailtwin-id*");
		memset(&l, 0, sizeof l);
		p.die_at = n;
		step_install(die_there, &p);
		f->store->ops->list(f->c, &l, &f->e);
		step_install(NULL, NULL);
		is_finished = p.seen < n;
		listing_release(&l);
		assert_int_equal(f->store->ops->list(f->c, &l, &f->e), 0);
		assert_int_equal(strlen(l.fingerprint), 8 + 32);
		listing_release(&l);
		memset(&l, 0, sizeof l);
	}
	run(f, ": >mail/.mailtwin-id");
	assert_int_equal(f->store->ops->list(f->c, &l, &f->e), 0);
	assert_int_equal(strlen(l.fingerprint), 8 + 32);
	listing_release(&l);
	buf_release(&p.log);
}

/* ---- disks ---- */

/* A small file system of its own on mail/; false: not allowed here. */
static bool
mount_small(struct fixture *f, const char *options)
{
	return mount("none", in(f, "mail"), "tmpfs", 0, options) == 0;
}

static void
a_full_disk_loses_and_halves_nothing(void **state)
{
	struct fixture *f = *state;
	enum { MANY = 8, IN_A_ROW = 5 };
	struct deliver_item items[MANY];
	struct body_head head = { .form = BODY_FILE, .size = 100 * 1024 };
	struct delivery *d;
	char *body = mem_alloc(head.size);
	size_t i;
	int rc = 0;

	if (!mount_small(f, "size=256k")) {
		free(body);
		skip();
	}
	make_box(f, "box");
	for (i = 0; i < MANY; i++)
		items[i] = (struct deliver_item){ .name = key_from_string(arena_printf(&f->a, "%zu.a", i + 1)), .flags = FLAGS_NONE };
	assert_int_equal(f->store->ops->deliver(f->c, "box", 0, items, MANY, &f->a, &d, &f->e), 0);
	/* A smaller one might fit: only a few in a row end it. */
	for (i = 0; i < MANY && rc == 0; i++) {
		head.index = i;
		rc = d->sink.begin(d->sink.ctx, &head, &f->e);
		if (rc == 0)
			rc = d->sink.data(d->sink.ctx, body, head.size, &f->e);
		if (rc == 0)
			rc = d->sink.end(d->sink.ctx, i, NULL, &f->e);
	}
	assert_int_equal(rc, -1);
	assert_int_equal(i, 2 + IN_A_ROW);
	assert_int_equal(f->e.scope, ERR_STORE);
	assert_int_equal(f->e.sys, ENOSPC);
	assert_int_equal(f->e.class, ERR_TEMPORARY);
	d->finish(d, &f->e);
	assert_int_equal(items[0].outcome, OUTCOME_DONE);
	assert_int_equal(items[1].outcome, OUTCOME_DONE);
	assert_int_equal(items[2].outcome, OUTCOME_FAILED);
	assert_int_equal(items[2].err.retry, ERR_LATER);
	run(f, "test -z \"$(ls mail/box/tmp)\"; test $(ls mail/box/new | wc -l) = 2");
	/* The cause gone, it goes on. */
	run(f, "rm mail/box/new/1.a");
	assert_int_equal(deliver_one(f, "box", "3.a", body, 3000, false, "", 0).outcome, OUTCOME_DONE);
	free(body);
	umount2(in(f, "mail"), MNT_DETACH);
}

static void
a_read_only_disk_is_said_to_be_one(void **state)
{
	struct fixture *f = *state;
	struct deliver_item item = { .name = key_from_string("2.a"), .flags = FLAGS_NONE };
	struct delivery *d;
	struct delta delta;
	struct body_head head = { .size = 1 };

	if (!mount_small(f, "size=256k"))
		skip();
	make_box(f, "box");
	run(f, "touch mail/box/cur/1.a:2,S");
	assert_int_equal(mount("none", in(f, "mail"), "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
	delta = delta_of(f, "box");
	assert_true(delta.is_readonly);
	assert_int_equal(delta.entries.n, 1);
	delta_release(&delta);
	assert_int_equal(f->store->ops->deliver(f->c, "box", 0, &item, 1, &f->a, &d, &f->e), 0);
	assert_int_equal(d->sink.begin(d->sink.ctx, &head, &f->e), -1);
	assert_int_equal(f->e.sys, EROFS);
	assert_int_equal(f->e.scope, ERR_STORE);
	d->finish(d, &f->e);
	assert_int_equal(flags_of(f, "box", "1.a", "c:2,S", "F", "").outcome, OUTCOME_FAILED);
	assert_int_equal(expunge_one(f, "box", "1.a", "c:2,S", "S"), OUTCOME_FAILED);
	umount2(in(f, "mail"), MNT_DETACH);
}

static void
mailboxes_on_two_disks(void **state)
{
	struct fixture *f = *state;
	struct move_item item = { .key = key_from_string("1.a"), .hint = "c:2,S", .name = key_from_string("2.b") };

	if (!mount_small(f, "size=256k"))
		skip();
	umount2(in(f, "mail"), MNT_DETACH);
	make_box(f, "a");
	run(f, "mkdir mail/b");
	assert_int_equal(mount("none", in(f, "mail/b"), "tmpfs", 0, "size=256k"), 0);
	make_box(f, "b");
	run(f, "echo x >mail/a/cur/1.a:2,S; touch -d @1000 mail/a/cur/1.a:2,S");
	assert_int_equal(f->store->ops->move(f->c, "a", 0, "b", 0, false, &item, 1, &f->a, &f->e), 0);
	assert_int_equal(item.outcome, OUTCOME_DONE);
	run(f, "test ! -e mail/a/cur/1.a:2,S; test $(stat -c %Y mail/b/cur/2.b:2,S) = 1000; test -z \"$(ls mail/b/tmp)\"");
	umount2(in(f, "mail/b"), MNT_DETACH);
}

/* What root cannot see: as another user, in a process of its own. */
static void
directories_without_permission(void **state)
{
	struct fixture *f = *state;
	struct listing l = { 0 };
	struct delta d;
	int status;
	pid_t pid;

	if (getuid() != 0)
		skip();
	make_box(f, "open");
	make_box(f, "shut");
	make_box(f, "shut/below");
	make_box(f, "fixed");
	run(f, "echo x >mail/open/cur/1.a; chown -R 65534 .; chmod 000 mail/open/cur/1.a mail/shut; chmod 500 mail/fixed/*");
	pid = fork();
	if (pid == 0) {
		struct fetch_item item = { .key = key_from_string("1.a"), .hint = "c" };
		struct fetch_part part = { .box = "open", .n = 1 };
		struct got g = { 0 };
		struct body_sink sink = { got_begin, got_data, got_end, &g };
		struct deliver_item del = { .name = key_from_string("2.a"), .flags = FLAGS_NONE };
		struct delivery *dv;
		struct body_head head = { .size = 1 };

		if (setuid(65534) < 0)
			_exit(1);
		if (f->store->ops->list(f->c, &l, &f->e) < 0 || l.is_complete || listing_find(&l, "open") == NULL ||
		    l.refused.n != 1)
			_exit(2);
		if (f->store->ops->mailbox_state(f->c, "shut", NULL, &f->e) != -1)
			_exit(3);
		delta_init(&d, "shut", NULL);
		if (f->store->ops->delta(f->c, &d, 1, false, NULL, &f->e) < 0 || d.status != -1 || d.err.scope != ERR_BOX)
			_exit(4);
		if (f->store->ops->fetch(f->c, &part, 1, &item, &sink, &f->e) < 0 || !g.is_failed)
			_exit(5);
		if (f->store->ops->deliver(f->c, "fixed", 0, &del, 1, &f->a, &dv, &f->e) == 0) {
			if (dv->sink.begin(dv->sink.ctx, &head, &f->e) == 0 || f->e.scope != ERR_BOX)
				_exit(6);
			dv->finish(dv, &f->e);
		}
		delta_init(&d, "fixed", NULL);
		if (f->store->ops->delta(f->c, &d, 1, false, NULL, &f->e) < 0 || d.status != 0 || !d.is_readonly)
			_exit(7);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	run(f, "chmod -R u+rwX .");
}

static void
odd_file_systems_are_never_steady(void **state)
{
	(void)state;
	assert_false(disk_type_has_true_times(0x6969));
	assert_false(disk_type_has_true_times(0x65735546));
	assert_false(disk_type_has_true_times(0xFF534D42));
	assert_false(disk_type_has_true_times(0xFFFFFFFFFF534D42ul));	/* as a signed word shows it */
	assert_false(disk_type_has_true_times(0x4d44));
	assert_true(disk_type_has_true_times(0xEF53));
}

/* ---- others at work ---- */

enum { RACE_FILES = 2000, RACE_MOST = 120, RACE_SECONDS = 4 };

static void
rename_all_the_time(const char *dir)
{
	char from[64], to[64];
	int fd = open(dir, O_RDONLY | O_DIRECTORY), i;
	bool is_seen = false;

	for (;; is_seen = !is_seen)
		for (i = 0; i < RACE_FILES; i++) {
			snprintf(from, sizeof from, "%d.race:2,%s", 1000000 + i, is_seen ? "S" : "");
			snprintf(to, sizeof to, "%d.race:2,%s", 1000000 + i, is_seen ? "" : "S");
			renameat(fd, from, fd, to);
		}
}

/* R4: whatever readdir misses, nothing that is there is ever said to be gone. */
static void
renames_make_nothing_vanish(void **state)
{
	struct fixture *f = *state;
	double begin;
	struct key *keys = mem_alloc(RACE_FILES * sizeof *keys);
	bool *gone = mem_alloc(RACE_FILES * sizeof *gone);
	unsigned scans = 0, missed = 0, complete = 0;
	struct delta d;
	pid_t pid;
	int i, status;

	make_box(f, "box");
	run(f, arena_printf(&f->a, "cd mail/box/cur; for i in $(seq 1000000 %d); do : >$i.race:2,; done",
	    1000000 + RACE_FILES - 1));
	for (i = 0; i < RACE_FILES; i++)
		keys[i] = key_from_string(arena_printf(&f->a, "%d.race", 1000000 + i));
	pid = fork();
	if (pid == 0)
		rename_all_the_time(in(f, "mail/box/cur"));
	/* On a busy machine it goes on until at least one list was complete. */
	begin = now();
	for (; now() < begin + RACE_SECONDS || (complete == 0 && now() < begin + RACE_MOST); scans++) {
		if (scans % 8 == 0)		/* also with pauses, in which listings are undisturbed */
			kill(pid, scans % 16 == 0 ? SIGSTOP : SIGCONT);
		d = delta_of(f, "box");
		assert_true(d.entries.n <= RACE_FILES);
		missed += d.entries.n < RACE_FILES;
		complete += d.is_complete;
		assert_true(!d.is_complete || d.entries.n == RACE_FILES);
		for (i = 1; i < (int)d.entries.n; i++)
			assert_true(key_cmp(d.entries.at[i - 1].key, d.entries.at[i].key) < 0);
		delta_release(&d);
		assert_int_equal(f->store->ops->confirm_gone(f->c, "box", keys, RACE_FILES, gone, &f->e), 0);
		for (i = 0; i < RACE_FILES; i++)
			assert_false(gone[i]);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	print_message("%u scans, %u of them complete, %u missed files\n", scans, complete, missed);
	assert_true(complete > 0);
	free(keys);
	free(gone);
}

/* ---- size ---- */

static void
a_batch_larger_than_the_files_kept_open(void **state)
{
	enum { N = 300 };
	struct fixture *f = *state;
	struct deliver_item *items = mem_alloc(N * sizeof *items);
	struct body_head head = { .size = 2 };
	struct delivery *d;
	size_t i;

	for (i = 0; i < N; i++)
		items[i].flags = FLAGS_NONE;
	make_box(f, "box");
	assert_int_equal(f->store->ops->deliver(f->c, "box", 0, items, N, &f->a, &d, &f->e), 0);
	for (i = 0; i < N; i++) {
		head.index = N - 1 - i;
		assert_int_equal(d->sink.begin(d->sink.ctx, &head, &f->e), 0);
		assert_int_equal(d->sink.data(d->sink.ctx, "x\n", 2, &f->e), 0);
		assert_int_equal(d->sink.end(d->sink.ctx, head.index, NULL, &f->e), 0);
	}
	assert_int_equal(d->finish(d, &f->e), 0);
	for (i = 0; i < N; i++)
		assert_int_equal(items[i].outcome, OUTCOME_DONE);
	run(f, "test $(ls mail/box/new | wc -l) = 300; test -z \"$(ls mail/box/tmp)\"");
	free(items);
}

static void
a_large_body_found_irreversible_at_its_end(void **state)
{
	struct fixture *f = *state;
	struct deliver_item item = { .name = key_from_string("1.a"), .flags = { FLAG_SEEN, "" } };
	struct body_head head = { .form = BODY_WIRE };
	char line[] = "0123456789abcdef0123456789abcdef\r\n";
	enum { LINES = 30000 };
	struct buf all = { 0 };
	struct delivery *d;
	struct got g;
	int i;

	for (i = 0; i < LINES; i++)
		buf_add(&all, line, sizeof line - 1);
	buf_adds(&all, "bare\n\r\r\nend\r");
	head.size = all.len;
	make_box(f, "box");
	assert_int_equal(f->store->ops->deliver(f->c, "box", 0, &item, 1, &f->a, &d, &f->e), 0);
	assert_int_equal(d->sink.begin(d->sink.ctx, &head, &f->e), 0);
	assert_int_equal(d->sink.data(d->sink.ctx, all.data, 7, &f->e), 0);
	assert_int_equal(d->sink.data(d->sink.ctx, all.data + 7, all.len - 7, &f->e), 0);
	assert_int_equal(d->sink.end(d->sink.ctx, 0, NULL, &f->e), 0);
	assert_int_equal(d->finish(d, &f->e), 0);
	assert_int_equal(item.outcome, OUTCOME_DONE);
	g = fetch_one(f, "box", "1.a", item.hint);
	assert_int_equal(g.b.len, all.len);
	assert_memory_equal(g.b.data, all.data, all.len);
	buf_release(&g.b);
	buf_release(&all);
}

static void
a_hundred_thousand_messages(void **state)
{
	enum { N = 100000 };
	struct fixture *f = *state;
	struct mailbox box = { .name = "box" };
	struct delta d;
	double t;
	int fd, i;
	char name[64];

	make_box(f, "box");
	fd = open(in(f, "mail/box/cur"), O_RDONLY | O_DIRECTORY);
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof name, "17%08d.M%dP1Q%d.host,S=1234:2,%s", i / 7, i * 31 % 1000000, i, i % 3 ? "S" : "");
		close(openat(fd, name, O_CREAT | O_WRONLY, 0600));
	}
	close(fd);
	t = now();
	d = delta_of(f, "box");
	print_message("%d messages listed in %.3f s", N, now() - t);
	assert_int_equal(d.entries.n, N);
	assert_true(d.is_complete && d.cursor.is_steady);
	t = now();
	assert_int_equal(f->store->ops->cursors(f->c, &box, 1, &f->e), 0);
	print_message(", its cursor in %.6f s\n", now() - t);
	assert_true(cursor_stands(&d.cursor, &box.cursor));
	delta_release(&d);
}

/* ---- names ---- */

static void
chosen_names_are_unique_bases(void **state)
{
	const char delimiters[] = ":!.-;Q,";
	struct arena a = { 0 };
	struct filename name;
	const char *one, *two;
	size_t i;

	(void)state;
	for (i = 0; delimiters[i] != '\0'; i++) {
		one = filename_unique(&a, delimiters[i]);
		two = filename_unique(&a, delimiters[i]);
		assert_string_not_equal(one, two);
		assert_null(filename_fault(one, delimiters[i]));
		filename_parse(one, delimiters[i], &name);
		assert_int_equal(name.base, strlen(one));
		assert_null(strchr(one, '/'));
		assert_true(strlen(one) < 200);
	}
	arena_release(&a);
}

static void
flags_in_names(void **state)
{
	static const struct { const char *name; uint32_t flags; const char *is; } cases[] = {
		{ "1.a", 0, "1.a" },
		{ "1.a", FLAG_SEEN, "1.a:2,S" },
		{ "1.a:2,S", 0, "1.a:2," },
		{ "1.a:2,SF", FLAG_SEEN | FLAG_FLAGGED, "1.a:2,SF" },
		{ "1.a,S=3:2,aSb", FLAG_FLAGGED | FLAG_DELETED | FILENAME_LETTER(0) | FILENAME_LETTER(1), "1.a,S=3:2,FTab" },
		{ "1.a,S=3:2,aSb", FLAG_SEEN | FILENAME_LETTER(25), "1.a,S=3:2,Sz" },
		{ "1.a:2,Z", FLAG_SEEN, "1.a:2,SZ" },
		{ "1.a:2,S,x=S", FLAG_FLAGGED, "1.a:2,F,x=S" },
		{ "1.a:1,x", FLAG_FLAGGED, "1.a:1,x:2,F" },
	};
	struct buf b = { 0 };
	struct filename name;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		filename_with_flags(&b, cases[i].name, ':', cases[i].flags);
		assert_string_equal(buf_str(&b), cases[i].is);
		filename_parse(buf_str(&b), ':', &name);
		assert_int_equal(name.flags, cases[i].flags);
	}
	filename_with_base(&b, "9.b", "1.a,S=3,U=7,W=4:2,Sx", ':');
	assert_string_equal(buf_str(&b), "9.b,S=3,W=4:2,Sx");
	filename_with_uid(&b, "1.a,S=3,U=7,W=4:2,Sx", ':', 12);
	assert_string_equal(buf_str(&b), "1.a,S=3,W=4,U=12:2,Sx");
	filename_with_uid(&b, "1.a", ':', 12);
	assert_string_equal(buf_str(&b), "1.a,U=12");
	filename_with_base(&b, "9.b", "1.a", ':');
	assert_string_equal(buf_str(&b), "9.b");
	assert_true(filename_is_our_tmp("1700.M1P2Q3Rx.host.mailtwin"));
	assert_false(filename_is_our_tmp("1700.M1P2Q3Rx.host"));
	assert_false(filename_is_our_tmp(".mailtwin"));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen_names_are_unique_bases),
		cmocka_unit_test(flags_in_names),
		cmocka_unit_test(odd_file_systems_are_never_steady),
		T(delivery_stopped_at_every_step),
		T(changes_stopped_at_every_step),
		T(a_mailbox_half_made_or_removed_is_finished_later),
		T(the_mark_stopped_at_every_step),
		T(a_full_disk_loses_and_halves_nothing),
		T(a_read_only_disk_is_said_to_be_one),
		T(mailboxes_on_two_disks),
		T(directories_without_permission),
		T(renames_make_nothing_vanish),
		T(a_batch_larger_than_the_files_kept_open),
		T(a_large_body_found_irreversible_at_its_end),
		T(a_hundred_thousand_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
