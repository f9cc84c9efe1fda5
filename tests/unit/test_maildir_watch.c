/* What a Maildir's own changes cost (sync/maildir/watch.h): no listing where nobody else was there, and always one where
 * somebody was.
 */
#include "tests/unit/test_maildir.h"

#include <pthread.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "state/base/vec.h"

/* Where the mailbox stands, by a full list. */
static struct cursor
stand(struct fixture *f, const char *box)
{
	struct delta d = delta_of(f, box);
	struct cursor c = d.cursor;

	assert_true(c.is_steady);
	delta_release(&d);
	return c;
}

static void
ask(struct fixture *f, const char *box, const struct cursor *since, struct delta *d)
{
	delta_init(d, box, since);
	assert_int_equal(f->store->ops->delta(f->c, d, 1, false, NULL, &f->e), 0);
	if (d->status != 0)
		fail_msg("%s", d->err.text);
}

static bool
stands(struct fixture *f, const char *box, const struct cursor *c)
{
	struct mailbox now = { .name = box };

	assert_int_equal(f->store->ops->cursors(f->c, &now, 1, &f->e), 0);
	return now.has_cursor && cursor_stands(c, &now.cursor);
}

/* "listed" or "key [flags] hint; ... gone key ...", and the cursor moves on to where the mailbox is. */
static const char *
told(struct fixture *f, const char *box, struct cursor *c)
{
	struct delta d;
	struct buf b = { 0 };
	char letters[7];
	const char *out;
	size_t i;

	ask(f, box, c, &d);
	for (i = 0; i < d.entries.n; i++) {
		flags_letters(d.entries.at[i].flags.sys, letters);
		buf_printf(&b, "%s%s [%s] %s", i ? "; " : "", key_text(&f->a, d.entries.at[i].key, false), letters,
		    d.entries.at[i].hint);
	}
	for (i = 0; i < d.vanished.n; i++)
		buf_printf(&b, "%sgone %s", b.len ? "; " : "", key_text(&f->a, d.vanished.at[i], false));
	out = d.kind == DELTA_FULL ? "listed" : arena_strdup(&f->a, buf_str(&b));
	assert_true(d.is_complete);
	assert_true(stands(f, box, &d.cursor));
	*c = d.cursor;
	buf_release(&b);
	delta_release(&d);
	return out;
}

static enum outcome
move_to(struct fixture *f, const char *box, const char *to, const char *key, const char *hint, const char *name, bool keep)
{
	struct move_item item = { .key = key_from_string(key), .hint = hint, .name = key_from_string(name) };

	if (f->store->ops->move(f->c, box, 0, to, 0, keep, &item, 1, &f->a, &f->e) < 0)
		fail_msg("%s", f->e.text);
	return item.outcome;
}

static unsigned
watches(void)
{
	char path[64], *line = NULL;
	size_t room = 0;
	unsigned n = 0;
	FILE *f;
	int fd;

	for (fd = 3; fd < 64; fd++) {
		snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
		f = fopen(path, "r");
		while (f != NULL && getline(&line, &room, f) > 0)
			n += strncmp(line, "inotify wd:", 11) == 0;
		if (f != NULL)
			fclose(f);
	}
	free(line);
	return n;
}

/* A mailbox with messages 1.a to 9.a, all seen. */
static struct cursor
make_nine(struct fixture *f, const char *box)
{
	make_box(f, box);
	run(f, arena_printf(&f->a, "cd mail/%s/cur; for i in 1 2 3 4 5 6 7 8 9; do echo $i >$i.a:2,S; done", box));
	return stand(f, box);
}

/* ---- alone ---- */

/* A store serves sync after sync (sync/channel.h). */
static void
nothing_is_watched_from_sync_to_sync(void **state)
{
	struct fixture *f = *state;
	struct cursor c = make_nine(f, "box");

	flags_of(f, "box", "1.a", "c:2,S", "F", "");
	assert_int_equal(watches(), 2);
	f->store->ops->session_close(f->c);
	assert_int_equal(watches(), 0);
	f->c = f->store->ops->session_open(f->store, &f->e);
	assert_non_null(f->c);
	assert_string_equal(told(f, "box", &c), "listed");
	flags_of(f, "box", "1.a", "c:2,FS", "", "F");
	assert_string_equal(told(f, "box", &c), "1.a [S] c:2,S");
	assert_int_equal(watches(), 0);
}

static void
what_we_did_is_told(void **state)
{
	struct fixture *f = *state;
	struct cursor c = make_nine(f, "box");

	assert_int_equal(flags_of(f, "box", "1.a", "c:2,S", "F", "").outcome, OUTCOME_DONE);
	assert_string_equal(told(f, "box", &c), "1.a [FS] c:2,FS");
	deliver_one(f, "box", "10.a", "x", 1, false, "", 0);
	deliver_one(f, "box", "11.a", "x", 1, false, "RS", 0);
	assert_string_equal(told(f, "box", &c), "10.a [] n; 11.a [RS] c:2,RS");
	assert_int_equal(expunge_one(f, "box", "2.a", "c:2,S", "S"), OUTCOME_DONE);
	assert_string_equal(told(f, "box", &c), "gone 2.a");
	/* Several calls, several acts on one message: what is left of them. */
	flags_of(f, "box", "10.a", "n", "S", "");
	flags_of(f, "box", "10.a", "c:2,S", "T", "S");
	flags_of(f, "box", "3.a", "c:2,S", "F", "");
	flags_of(f, "box", "3.a", "c:2,FS", "", "F");
	deliver_one(f, "box", "12.a", "x", 1, false, "", 0);
	assert_int_equal(expunge_one(f, "box", "12.a", "n", ""), OUTCOME_DONE);
	assert_string_equal(told(f, "box", &c), "10.a [T] c:2,T; 3.a [S] c:2,S; gone 12.a");
	/* A full list is as good a beginning. */
	c = stand(f, "box");
	flags_of(f, "box", "4.a", "c:2,S", "F", "");
	assert_string_equal(told(f, "box", &c), "4.a [FS] c:2,FS");
}

static void
moves_and_copies_are_told_on_both_ends(void **state)
{
	struct fixture *f = *state;
	struct cursor box = make_nine(f, "box"), to = make_nine(f, "to");

	assert_int_equal(move_to(f, "box", "to", "1.a", "c:2,S", "10.b", false), OUTCOME_DONE);
	assert_int_equal(move_to(f, "box", "to", "2.a", "c:2,S", "11.b", true), OUTCOME_DONE);
	assert_string_equal(told(f, "box", &box), "gone 1.a");
	assert_string_equal(told(f, "to", &to), "10.b [S] c:2,S; 11.b [S] c:2,S");
	assert_string_equal(shown(f, "to"), "1.a [S] c:2,S; 10.b [S] c:2,S; 11.b [S] c:2,S; 2.a [S] c:2,S; 3.a [S] c:2,S; "
	    "4.a [S] c:2,S; 5.a [S] c:2,S; 6.a [S] c:2,S; 7.a [S] c:2,S; 8.a [S] c:2,S; 9.a [S] c:2,S");
}

static void
nothing_done_is_nothing_told(void **state)
{
	struct fixture *f = *state;
	struct cursor c = make_nine(f, "box");

	flags_of(f, "box", "1.a", "c:2,S", "S", "");
	assert_string_equal(told(f, "box", &c), "");
}

struct changer { struct fixture *f; struct session *c; int from; };

static void *
change_hundreds(void *ctx)
{
	struct changer *w = ctx;
	struct arena a = { 0 };
	struct err e;
	int i;

	for (i = w->from; i < 1000; i += 2) {
		struct flag_item item = { .key = key_from_string(arena_printf(&a, "m%d", i)), .hint = "c:2,",
			.add = { FLAG_SEEN, "" }, .remove = FLAGS_NONE };
		struct box_changes ch = { .box = "box", .flags = &item, .n_flags = 1 };

		w->f->store->ops->change(w->c, &ch, 1, &a, &e);
		if (item.outcome != OUTCOME_DONE)
			break;
	}
	arena_release(&a);
	return NULL;
}

static void
two_sessions_in_one_mailbox(void **state)
{
	struct fixture *f = *state;
	struct changer w[2] = { { .f = f, .from = 0 }, { .f = f, .from = 1 } };
	pthread_t thread[2];
	struct cursor c;
	struct delta d;
	int i;

	f->fsync = false;
	reopen(f);
	make_box(f, "box");
	run(f, "cd mail/box/cur; for i in $(seq 0 999); do : >m$i:2,; done");
	c = stand(f, "box");
	for (i = 0; i < 2; i++) {
		w[i].c = f->store->ops->session_open(f->store, &f->e);
		pthread_create(&thread[i], NULL, change_hundreds, &w[i]);
	}
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		f->store->ops->session_close(w[i].c);
	}
	ask(f, "box", &c, &d);
	assert_int_equal(d.kind, DELTA_CHANGES);
	assert_int_equal(d.entries.n, 1000);
	for (i = 0; i < 1000; i++)
		assert_string_equal(d.entries.at[i].hint, "c:2,S");
	assert_true(stands(f, "box", &d.cursor));
	delta_release(&d);
}

/* ---- not alone ---- */

/* Our act, with that of others before, between or behind: listed, and all of it is there. */
static void
others_make_it_a_list(void **state)
{
	static const char *const acts[] = {
		"mv cur/1.a:2,FS cur/1.a:2,FRS",		/* the very file */
		"mv cur/1.a:2,FS cur/1.a:2,S",			/* and back again */
		"mv cur/1.a:2,FS cur/x; mv cur/x cur/1.a:2,FS",
		"mv cur/3.a:2,S cur/3.a:2,RS",
		"mv cur/3.a:2,S cur/x; mv cur/x cur/3.a:2,S",
		"rm cur/3.a:2,S",
		"rm cur/3.a:2,S; : >cur/3.a:2,S",
		"mv cur/4.a:2,S cur/3.a:2,S",			/* on top of another */
		": >new/10.a",
		": >new/10.a; rm new/10.a",
		": >tmp/10.a; ln tmp/10.a new/10.a; rm tmp/10.a",
		"mkdir cur/d",
		"mv new old; mkdir new",
		"rmdir new; mkdir new",
		"mv cur old; mv old cur",
	};
	struct fixture *f = *state;
	const char *cmd;
	struct cursor c;
	size_t i;

	for (i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		c = make_nine(f, "box");
		cmd = arena_printf(&f->a, "cd mail/box; %s", acts[i]);
		assert_int_equal(flags_of(f, "box", "1.a", "c:2,S", "F", "").outcome, OUTCOME_DONE);
		run(f, cmd);
		flags_of(f, "box", "2.a", "c:2,S", "F", "");
		assert_string_equal(told(f, "box", &c), "listed");
		/* From there on it is as before. */
		flags_of(f, "box", "5.a", "c:2,S", "F", "");
		assert_string_equal(told(f, "box", &c), "5.a [FS] c:2,FS");
		run(f, "rm -r mail/box");
	}
}

static void
others_before_our_first_act(void **state)
{
	struct fixture *f = *state;
	struct cursor c = make_nine(f, "box");

	run(f, "mv mail/box/cur/3.a:2,S mail/box/cur/3.a:2,RS");
	flags_of(f, "box", "1.a", "c:2,S", "F", "");
	assert_string_equal(told(f, "box", &c), "listed");
}

static void
others_behind_our_last_act(void **state)
{
	struct fixture *f = *state;
	struct cursor c = make_nine(f, "box"), was;

	flags_of(f, "box", "1.a", "c:2,S", "F", "");
	assert_string_equal(told(f, "box", &c), "1.a [FS] c:2,FS");
	was = c;
	run(f, "mv mail/box/cur/3.a:2,S mail/box/cur/3.a:2,RS");
	assert_false(stands(f, "box", &was));
	assert_string_equal(told(f, "box", &c), "listed");
}

static void
another_cursor_makes_it_a_list(void **state)
{
	struct fixture *f = *state;
	struct cursor old = make_nine(f, "box"), c = old, unsteady = old;

	flags_of(f, "box", "1.a", "c:2,S", "F", "");
	assert_string_equal(told(f, "box", &c), "1.a [FS] c:2,FS");
	flags_of(f, "box", "2.a", "c:2,S", "F", "");
	assert_string_equal(told(f, "box", &old), "listed");
	/* What may have changed since unseen. */
	unsteady = old;
	unsteady.is_steady = false;
	flags_of(f, "box", "3.a", "c:2,S", "F", "");
	assert_string_equal(told(f, "box", &unsteady), "listed");
}

static void
a_message_not_where_it_was_makes_it_a_list(void **state)
{
	struct fixture *f = *state;
	struct cursor c = make_nine(f, "box");

	/* The base is wrong about a mailbox that stands still: it must not stay so. */
	assert_int_equal(flags_of(f, "box", "1.a", "c:2,FRS", "T", "").outcome, OUTCOME_DONE);
	assert_string_equal(told(f, "box", &c), "listed");
	assert_int_equal(flags_of(f, "box", "77.a", "c:2,S", "T", "").outcome, OUTCOME_FAILED);
	assert_string_equal(told(f, "box", &c), "listed");
}

static void
shared_base_names_make_it_a_list(void **state)
{
	struct fixture *f = *state;
	struct cursor c;

	make_box(f, "box");
	run(f, "cd mail/box/cur; touch 1.a,S=1:2,S 1.a,S=2:2,S");
	c = stand(f, "box");
	assert_int_equal(expunge_one(f, "box", "1.a,S=2", "c:2,S", "S"), OUTCOME_DONE);
	assert_string_equal(told(f, "box", &c), "listed");
	assert_string_equal(shown(f, "box"), "1.a [S] c,S=1:2,S");
}

static void
a_new_word_makes_it_a_list(void **state)
{
	struct fixture *f = *state;
	struct flag_item item = { .key = key_from_string("1.a"), .hint = "c:2,S", .add = { 0, "work" },
		.remove = FLAGS_NONE };
	struct box_changes ch = { .box = "box", .flags = &item, .n_flags = 1 };
	struct cursor c;
	struct delta d;

	f->set.keywords = true;
	reopen(f);
	c = make_nine(f, "box");
	f->store->ops->change(f->c, &ch, 1, &f->a, &f->e);
	assert_int_equal(item.outcome, OUTCOME_DONE);
	assert_string_equal(told(f, "box", &c), "listed");
	item.key = key_from_string("2.a");
	f->store->ops->change(f->c, &ch, 1, &f->a, &f->e);
	ask(f, "box", &c, &d);
	assert_int_equal(d.kind, DELTA_CHANGES);
	assert_int_equal(d.entries.n, 1);
	assert_string_equal(d.entries.at[0].flags.kw, "work");
	assert_string_equal(d.entries.at[0].hint, "c:2,Sa");
	delta_release(&d);
}

static void
a_letter_nobody_explains_is_read_again(void **state)
{
	struct fixture *f = *state;
	struct cursor c = { 0 };
	struct delta d;

	f->set.keywords = true;
	reopen(f);
	make_box(f, "box");
	c = make_nine(f, "to");
	run(f, "echo '0 work' >mail/to/dovecot-keywords; touch mail/box/cur/1.b:2,Sc");
	assert_int_equal(move_to(f, "box", "to", "1.b", "c:2,Sc", "10.b", false), OUTCOME_DONE);
	ask(f, "to", &c, &d);
	assert_int_equal(d.entries.n, 1);
	assert_string_equal(d.entries.at[0].hint, "c:2,Sc");
	assert_false(d.cursor.is_steady);
	delta_release(&d);
}

static void
names_by_the_thousand_make_it_a_list(void **state)
{
	struct fixture *f = *state;
	struct cursor c;
	int i;

	f->fsync = false;
	reopen(f);
	c = make_nine(f, "box");
	for (i = 0; i < 4097; i++)
		flags_of(f, "box", "1.a", i % 2 ? "c:2,FS" : "c:2,S", i % 2 ? "" : "F", i % 2 ? "F" : "");
	assert_string_equal(told(f, "box", &c), "listed");
	/* More than the system keeps for us. */
	make_box(f, "other");
	flags_of(f, "box", "2.a", "c:2,S", "F", "");
	deliver_one(f, "other", "1.b", "x", 1, false, "S", 0);
	run(f, "cd mail/other/new; seq 17000 | xargs touch; rm *");
	assert_string_equal(told(f, "box", &c), "listed");
	flags_of(f, "box", "3.a", "c:2,S", "F", "");
	assert_string_equal(told(f, "box", &c), "3.a [FS] c:2,FS");
}

/* ---- what the proof stands on ---- */

static void
rename_for_ever(const char *dir)
{
	unsigned i;
	volatile unsigned k;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (chdir(dir) < 0)
		_exit(1);
	for (i = 0;; i++) {
		rename(i % 2 ? "2.a" : "1.a", i % 2 ? "1.a" : "2.a");
		for (k = 0; k < i * 7919 % 3000; k++)
			;
		if (i % 1024 == 0)
			usleep(50);
	}
}

/* Not of our code but of the system's: reasons 1 and 2 of watch.h. Without the look at a name that nobody has, a good part
 * of the changes shows in the times before its event is in the queue: every tenth, or many more. */
static void
an_event_is_there_behind_the_barrier(void **state)
{
	struct fixture *f = *state;
	struct stat was, is, none;
	char events[16 * 1024];
	int dir, queue, seen = 0, late = 0, name = 0;
	pid_t other;

	make_box(f, "box");
	run(f, "touch mail/box/cur/1.a");
	dir = open(in(f, "mail/box/cur"), O_RDONLY | O_DIRECTORY);
	queue = inotify_init1(IN_NONBLOCK);
	assert_true(inotify_add_watch(queue, in(f, "mail/box/cur"), IN_MOVE) >= 0);
	other = fork();
	if (other == 0)
		rename_for_ever(in(f, "mail/box/cur"));
	while (seen < 300) {
		/* From times that have all their events behind them to others. */
		assert_int_equal(fstat(dir, &was), 0);
		fstatat(dir, arena_printf(&f->a, "n%d", name++), &none, 0);
		while (read(queue, events, sizeof events) > 0)
			;
		fstat(dir, &is);
		if (memcmp(&was.st_ctim, &is.st_ctim, sizeof is.st_ctim) != 0)
			continue;
		do
			fstat(dir, &is);
		while (memcmp(&was.st_ctim, &is.st_ctim, sizeof is.st_ctim) == 0);
		fstatat(dir, arena_printf(&f->a, "n%d", name++), &none, 0);
		seen++;
		late += read(queue, events, sizeof events) <= 0;
	}
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	close(queue);
	close(dir);
	assert_int_equal(late, 0);
}

/* ---- a crowd ---- */

enum { CROWD = 12 };

/* Does something to a message of its choice, as a mail program would, until it is killed. */
static void
disturb(const char *dir, unsigned seed)
{
	static const char *const infos[] = { "", "F", "R", "S", "FS" };
	char from[300], to[300];
	struct dirent *de;
	int n, pick;
	DIR *d;

	for (;;) {
		d = opendir(strcat(strcpy(from, dir), rand_r(&seed) % 3 ? "/cur" : "/new"));
		pick = rand_r(&seed) % CROWD + 2;
		for (n = 0; (de = readdir(d)) != NULL && n < pick; n++)
			;
		if (de != NULL && de->d_name[0] != '.') {
			strcat(strcat(from, "/"), de->d_name);
			snprintf(to, sizeof to, "%s/cur/%.*s:2,%s", dir, (int)strcspn(de->d_name, ":"), de->d_name,
			    infos[rand_r(&seed) % 5]);
			if (rand_r(&seed) % 8 == 0)
				unlink(from);
			else if (strcmp(from, to) != 0)
				rename(from, to);
		}
		closedir(d);
		if (rand_r(&seed) % 6 == 0) {
			snprintf(to, sizeof to, "%s/new/q%d", dir, rand_r(&seed));
			close(open(to, O_CREAT | O_WRONLY, 0600));
		}
		usleep((useconds_t)(rand_r(&seed) % 12000));
	}
}

struct known { char key[40], hint[20]; };
struct model { VEC(struct known) at; };

static void
forget(struct model *m, struct key key)
{
	size_t i;

	for (i = 0; i < m->at.n; i++)
		if (key_equal(key_from_string(m->at.at[i].key), key)) {
			m->at.at[i] = m->at.at[--m->at.n];
			return;
		}
}

static void
learn(struct model *m, struct key key, const char *hint)
{
	struct known *k;

	forget(m, key);
	k = vec_add(&m->at);
	snprintf(k->key, sizeof k->key, "%.*s", (int)key.len, key.data);
	snprintf(k->hint, sizeof k->hint, "%s", hint);
}

/* As the engine folds it. */
static void
fold(struct model *m, const struct delta *d)
{
	size_t i;

	if (d->kind == DELTA_FULL)
		m->at.n = 0;
	for (i = 0; i < d->entries.n; i++)
		learn(m, d->entries.at[i].key, d->entries.at[i].hint);
	for (i = 0; i < d->vanished.n; i++)
		forget(m, d->vanished.at[i]);
}

static int
cmp_known(const void *p, const void *q)
{
	return strcmp(((const struct known *)p)->key, ((const struct known *)q)->key);
}

static void
assert_true_to_disk(struct fixture *f, struct model *m, int turn)
{
	struct model real = { 0 };
	struct delta d = delta_of(f, "box");
	size_t i;

	assert_true(d.is_complete);
	fold(&real, &d);
	delta_release(&d);
	if (m->at.n > 1)
		qsort(m->at.at, m->at.n, sizeof m->at.at[0], cmp_known);
	if (real.at.n > 1)
		qsort(real.at.at, real.at.n, sizeof real.at.at[0], cmp_known);
	if (real.at.n != m->at.n)
		fail_msg("turn %d: %zu messages are known and %zu there", turn, m->at.n, real.at.n);
	for (i = 0; i < real.at.n; i++)
		if (strcmp(real.at.at[i].key, m->at.at[i].key) != 0 || strcmp(real.at.at[i].hint, m->at.at[i].hint) != 0)
			fail_msg("turn %d: %s%s is known, %s%s there", turn, m->at.at[i].key, m->at.at[i].hint,
			    real.at.at[i].key, real.at.at[i].hint);
	vec_release(&real.at);
}

static void
work(struct fixture *f, const struct model *m, int turn, unsigned *seed)
{
	const struct known *k = &m->at.at[(size_t)rand_r(seed) % (m->at.n + (m->at.n == 0))];
	unsigned what = (unsigned)rand_r(seed) % 6;

	if (what == 0 || m->at.n < CROWD)
		deliver_one(f, "box", arena_printf(&f->a, "p%d.%d", turn, rand_r(seed)), "x", 1, false, rand_r(seed) % 2 ? "" : "S", 0);
	else if (what == 1)
		expunge_one(f, "box", k->key, k->hint, strchr(k->hint, ',') != NULL ? strchr(k->hint, ',') + 1 : "");
	else
		flags_of(f, "box", k->key, k->hint, what < 4 ? "F" : "S", what < 4 ? "S" : "F");
}

/* Where a cursor stands, what the deltas told up to it is what is there; while another process works in the mailbox at
 * the same time. */
static void
known_is_true_wherever_the_cursor_stands(void **state)
{
	struct fixture *f = *state;
	const char *dir = in(f, "mail/box"), *turns_text = getenv("MAILTWIN_LONG");
	int i, turn, told_n = 0, stood = 0, turns = turns_text != NULL ? 2000 : 400;
	unsigned seed = (unsigned)getpid();
	struct model m = { 0 };
	struct cursor c;
	struct delta d;
	pid_t other;

	f->fsync = false;
	reopen(f);
	c = make_nine(f, "box");
	other = fork();
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		disturb(dir, seed);
		_exit(0);
	}
	d = delta_of(f, "box");
	fold(&m, &d);
	for (turn = 0; turn < turns; turn++) {
		c = d.cursor;
		for (i = rand_r(&seed) % 3; i >= 0; i--)
			work(f, &m, turn, &seed);
		delta_release(&d);
		ask(f, "box", m.at.n > 0 ? &c : NULL, &d);
		told_n += d.kind == DELTA_CHANGES;
		fold(&m, &d);
		if (!d.is_complete || !d.cursor.is_steady)
			continue;
		kill(other, SIGSTOP);
		waitpid(other, NULL, WUNTRACED);
		if (stands(f, "box", &d.cursor)) {
			stood++;
			assert_true_to_disk(f, &m, turn);
		}
		kill(other, SIGCONT);
	}
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	delta_release(&d);
	vec_release(&m.at);
	/* Both happened, or nothing was tried. */
	assert_in_range(told_n, turns / 40, turns);
	assert_in_range(stood, turns / 40, turns);
	print_message("%d of %d deltas without a list, %d cursors that stood\n", told_n, turns, stood);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_we_did_is_told),
		T(nothing_is_watched_from_sync_to_sync),
		T(moves_and_copies_are_told_on_both_ends),
		T(nothing_done_is_nothing_told),
		T(two_sessions_in_one_mailbox),
		T(others_make_it_a_list),
		T(others_before_our_first_act),
		T(others_behind_our_last_act),
		T(another_cursor_makes_it_a_list),
		T(a_message_not_where_it_was_makes_it_a_list),
		T(shared_base_names_make_it_a_list),
		T(a_new_word_makes_it_a_list),
		T(a_letter_nobody_explains_is_read_again),
		T(names_by_the_thousand_make_it_a_list),
		T(an_event_is_there_behind_the_barrier),
		T(known_is_true_wherever_the_cursor_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
