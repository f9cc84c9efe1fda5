/* sync/channel: a store that does no more than the contract asks for (sync/store/store.h), synchronised into a Maildir; once, and again and
 * again. It is far away, has one mailbox, gives messages names of its own that are no UIDs, no flags, no cursor, and takes nothing: what a
 * POP3 server is, or a mailbox that somebody publishes.
 */
#include "tests/unit/test_maildir.h"

#include "sync/channel.h"
#include "sync/message/digest.h"

/* ---- the store ---- */

struct letter { const char *key, *wire; bool is_unreadable; };

struct drop {
	struct store store;
	struct letter at[64];
	size_t n;
	unsigned opened, closed, fetched, identified;
	bool is_down;
};

static struct session *
drop_open(struct store *s, struct err *e)
{
	struct drop *d = (struct drop *)s;
	struct session *c;

	if (d->is_down) {
		err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "drop: nobody answers");
		return NULL;
	}
	c = mem_alloc(sizeof *c);
	c->store = s;
	d->opened++;
	return c;
}

static void
drop_close(struct session *c)
{
	((struct drop *)c->store)->closed++;
	free(c);
}

static int
drop_rest(struct session *c, struct err *e)
{
	(void)c;
	(void)e;
	return 0;
}

static void
drop_free(struct store *s)
{
	(void)s;
}

static int
drop_list(struct session *c, struct listing *l, struct err *e)
{
	(void)c;
	(void)e;
	vec_push(&l->boxes, (struct mailbox){ .name = "INBOX", .id = "" });
	l->is_complete = true;
	l->fingerprint = "drop:anna";
	return 0;
}

static int
drop_delta(struct session *c, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e)
{
	struct drop *drop = (struct drop *)c->store;
	size_t i, k;

	(void)is_readonly_run;
	(void)look;
	(void)e;
	for (i = 0; i < n; i++) {
		d[i].kind = DELTA_FULL;
		d[i].is_complete = true;
		d[i].cursor = (struct cursor){ .epoch = 1 };
		d[i].mask = (struct flag_mask){ .kw = "" };
		for (k = 0; k < drop->n; k++)
			vec_push(&d[i].entries, (struct delta_entry){ .key = key_from_string(drop->at[k].key), .flags = { .kw = "" }, .hint = "",
				.size = strlen(drop->at[k].wire), .server_id = "" });
	}
	return 0;
}

static const struct letter *
find(const struct drop *d, struct key key, struct err *e)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (key_equal(key_from_string(d->at[i].key), key)) {
			if (!d->at[i].is_unreadable)
				return &d->at[i];
			err_set(e, ERR_MESSAGE, "drop: cannot be read");
			return NULL;
		}
	err_class(e, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "drop: it is gone");
	return NULL;
}

static int
drop_identify_one(struct session *c, const char *box, uint64_t epoch, struct identify_item *items, size_t n, unsigned want, struct err *e)
{
	struct drop *d = (struct drop *)c->store;
	struct digest *digest = digest_new(e);
	const struct letter *m;
	size_t i;

	(void)box;
	(void)epoch;
	(void)want;
	for (i = 0; i < n; i++) {
		d->identified++;
		m = find(d, items[i].key, &items[i].err);
		items[i].status = -1;
		if (m == NULL)
			continue;
		digest_start(digest, DIGEST_MESSAGE);
		digest_feed(digest, m->wire, strlen(m->wire));
		items[i].status = digest_end(digest, &items[i].ident, &items[i].err);
	}
	digest_free(&digest);
	return 0;
}

static int
drop_identify(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want, struct err *e)
{
	return store_identify_each(c, parts, n, items, want, drop_identify_one, e);
}

static int
drop_fetch(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items, const struct body_sink *sink, struct err *e)
{
	struct drop *d = (struct drop *)c->store;
	struct body_head head = { .form = BODY_WIRE };
	const struct letter *m;
	struct err failed;
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = parts[i].first; k < parts[i].first + parts[i].n; k++) {
			d->fetched++;
			m = find(d, items[k].key, &failed);
			head.index = k;
			head.size = head.wire_size = m != NULL ? strlen(m->wire) : 0;
			if (sink->begin(sink->ctx, &head, e) < 0 ||
			    (m != NULL && sink->data(sink->ctx, m->wire, strlen(m->wire), e) < 0) ||
			    sink->end(sink->ctx, k, m == NULL ? &failed : NULL, e) < 0)
				return -1;
		}
	return 0;
}

static const struct store_ops drop_ops = { .kind = "Drop", .free = drop_free, .session_open = drop_open, .session_close = drop_close,
	.list = drop_list, .delta = drop_delta, .identify = drop_identify, .fetch = drop_fetch };

/* ---- a channel from it ---- */

struct bench {
	struct fixture f;
	struct drop drop;
	struct db_memory *base;
	struct channel set;
	struct channel_report report;
	struct buf notes;
};

static const char *const every[] = { "*" };

static void
on_note(void *ctx, enum note_level level, const char *channel, const char *box, const char *text)
{
	struct bench *b = ctx;

	(void)channel;
	if (level != NOTE_INFO)
		buf_printf(&b->notes, "%s: %s\n", box != NULL ? box : "-", text);
}

static void
put(struct bench *b, const char *key, const char *subject)
{
	b->drop.at[b->drop.n++] = (struct letter){ key, arena_printf(&b->f.a, "From: anna\r\nSubject: %s\r\n\r\n%s\r\n", subject, subject), false };
}

static void
take(struct bench *b, const char *key)
{
	size_t i = 0;

	while (strcmp(b->drop.at[i].key, key) != 0)
		i++;
	memmove(&b->drop.at[i], &b->drop.at[i + 1], (--b->drop.n - i) * sizeof b->drop.at[0]);
}

static int
bench_up(void **state)
{
	struct bench *b;
	struct fixture *f;

	if (setup(state) != 0)
		return -1;
	f = *state;
	b = mem_alloc(sizeof *b);
	b->f = *f;
	free(f);
	f = &b->f;
	f->c->store->ops->session_close(f->c);
	f->store->ops->free(f->store);
	f->c = NULL;
	f->fsync = false;
	f->store = maildir_store_new(&f->set, f->fsync, false);
	b->base = db_memory_new();
	b->drop.store = (struct store){ .name = "drop", .read_only = true, .layout = NAMES_IMAP, .is_inbox_listed = true, .max_sessions = 1 };
	store_init(&b->drop.store, &drop_ops);
	b->set = (struct channel){ .name = "c", .store = { [FAR] = &b->drop.store, [NEAR] = f->store }, .box = { "", "" },
		.patterns = { every, 1 }, .now = 1700000000 };
	b->set.policy = (struct policy){ .create = { true, true }, .remove = { true, true }, .expunge = { true, true },
		.read_only = { [FAR] = true } };
	b->set.policy.sync[FAR] = b->set.policy.sync[NEAR] = SYNC_NEW | SYNC_GONE | SYNC_FLAGS | SYNC_UPGRADE;
	*state = b;
	return 0;
}

static int
bench_down(void **state)
{
	struct bench *b = *state;
	struct fixture *f = mem_alloc(sizeof *f);
	void *inner = f;

	db_memory_free(&b->base);
	report_release(&b->report);
	buf_release(&b->notes);
	*f = b->f;
	free(b);
	return teardown(&inner);
}

/* One sync of all; how it ended. */
static int
synchronise(struct bench *b)
{
	const struct run_events events = { .note = on_note, .ctx = b };
	int status;

	report_release(&b->report);
	buf_clear(&b->notes);
	assert_int_equal(state_open_memory(b->base, "c", &b->set.open_state, &b->f.e), 0);
	b->set.now += 100;
	status = channel_run(&b->set, &events, &b->report, &b->f.e);
	state_close(&b->set.open_state);
	return status;
}

/* It went well, without a word; so many messages were added to the Maildir and expunged there. */
static void
synchronised(struct bench *b, uint64_t added, uint64_t expunged)
{
	assert_int_equal(synchronise(b), 0);
	assert_string_equal(buf_str(&b->notes), "");
	assert_int_equal(b->report.errors.n, 0);
	assert_int_equal(b->report.failed, 0);
	assert_false(b->report.is_changed[FAR]);
	assert_int_equal(b->report.side[NEAR].added, added);
	assert_int_equal(b->report.side[NEAR].expunged, expunged);
}

static void
near_has(struct bench *b, const char *where, unsigned n)
{
	run(&b->f, arena_printf(&b->f.a, "test $(find mail/%s/cur mail/%s/new -type f | grep -c .) = %u", where, where, n));
}

static void
mail_comes_and_goes(void **state)
{
	struct bench *b = *state;

	put(b, "a.1", "one");
	put(b, "a.2", "two");
	put(b, "b", "three");
	synchronised(b, 3, 0);
	near_has(b, "inbox", 3);
	assert_int_equal(b->drop.fetched, 3);
	synchronised(b, 0, 0);
	assert_false(b->report.is_changed[NEAR]);
	put(b, "a.3", "four");
	take(b, "a.2");
	synchronised(b, 1, 1);
	near_has(b, "inbox", 3);
	synchronised(b, 0, 0);
	assert_int_equal(b->drop.fetched, 4);
}

/* Nothing is ever to be done there, and nobody says that it cannot be. */
static void
what_people_do_stays_near(void **state)
{
	struct bench *b = *state;

	put(b, "a", "one");
	put(b, "b", "two");
	put(b, "c", "three");
	put(b, "d", "four");
	synchronised(b, 4, 0);
	/* Read, flagged, removed, filed elsewhere; and mail of their own. */
	run(&b->f, "cd mail/inbox/new && set -- * && mv $1 ../cur/$1:2,FS && rm $2 && mkdir -p ../../kept/cur ../../kept/new ../../kept/tmp && "
	    "mv $3 ../../kept/cur/$3:2,S && printf 'Subject: own\\n\\nown\\n' >1.own.host");
	synchronised(b, 0, 0);
	synchronised(b, 0, 0);
	near_has(b, "inbox", 3);
	near_has(b, "kept", 1);
	assert_int_equal(b->drop.n, 4);
	assert_int_equal(b->drop.fetched, 4);
	take(b, "a");
	take(b, "b");
	take(b, "c");
	take(b, "d");
	assert_int_equal(synchronise(b), 0);
	near_has(b, "kept", 1);
}

static void
a_lost_state_is_paired_anew(void **state)
{
	struct bench *b = *state;
	unsigned i;

	for (i = 0; i < 30; i++)
		put(b, arena_printf(&b->f.a, "key%u", i), arena_printf(&b->f.a, "subject %u", i));
	synchronised(b, 30, 0);
	db_memory_free(&b->base);
	b->base = db_memory_new();
	synchronised(b, 0, 0);
	assert_int_equal(b->report.paired, 30);
	assert_int_equal(b->drop.fetched, 30);
	synchronised(b, 0, 0);
	near_has(b, "inbox", 30);
}

static void
one_that_cannot_be_read_stops_no_other(void **state)
{
	struct bench *b = *state;

	put(b, "a", "one");
	put(b, "b", "two");
	put(b, "c", "three");
	b->drop.at[1].is_unreadable = true;
	assert_int_equal(synchronise(b), 0);
	near_has(b, "inbox", 2);
	assert_int_equal(b->report.errors.n, 1);
	b->drop.at[1].is_unreadable = false;
	synchronised(b, 1, 0);
	near_has(b, "inbox", 3);
}

/* As a MaildirStore does that is empty all at once. */
static void
an_emptied_source_is_held(void **state)
{
	struct bench *b = *state;
	unsigned i;

	for (i = 0; i < 30; i++)
		put(b, arena_printf(&b->f.a, "key%u", i), arena_printf(&b->f.a, "subject %u", i));
	synchronised(b, 30, 0);
	b->drop.n = 0;
	assert_int_equal(synchronise(b), 0);
	assert_int_equal(b->report.held, 30);
	near_has(b, "inbox", 30);
}

static void
its_one_mailbox_without_patterns(void **state)
{
	struct bench *b = *state;

	b->set.patterns.n = 0;
	b->set.box[NEAR] = "mail/of/anna";
	put(b, "a", "one");
	synchronised(b, 1, 0);
	near_has(b, "mail/of/anna", 1);
	put(b, "b", "two");
	synchronised(b, 1, 0);
	run(&b->f, "cd mail/mail/of/anna/new && set -- * && mv $1 ../cur/$1:2,S");
	synchronised(b, 0, 0);
}

/* Also where the configuration forgot to say so: it cannot be written, and that is told. */
static void
nothing_is_written_though_it_may_be(void **state)
{
	struct bench *b = *state;

	b->drop.store.read_only = false;
	b->set.policy.read_only[FAR] = false;
	put(b, "a", "one");
	put(b, "b", "two");
	assert_int_equal(synchronise(b), 0);
	near_has(b, "inbox", 2);
	run(&b->f, "cd mail/inbox/new && set -- * && mv $1 ../cur/$1:2,FS && rm $2 && printf 'Subject: own\\n\\nown\\n' >1.own.host");
	assert_int_equal(synchronise(b), 0);
	assert_int_equal(b->drop.n, 2);
	assert_false(b->report.is_changed[FAR]);
	near_has(b, "inbox", 2);
}

static void
a_dry_run_tells(void **state)
{
	struct bench *b = *state;

	put(b, "a", "one");
	b->set.is_dry = true;
	assert_int_equal(synchronise(b), 0);
	assert_int_equal(b->report.side[NEAR].added, 1);
	assert_int_equal(b->drop.fetched, 0);
}

/* ---- again and again ---- */

static long
used_memory(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long all = 0, resident = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &all, &resident), 2);
	fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static unsigned
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
a_thousand_syncs_of_an_open_channel(void **state)
{
	struct bench *b = *state;
	const struct run_events events = { .note = on_note, .ctx = b };
	struct open_channel *c;
	unsigned i, fds = 0;
	long used = 0;
	char *key;

	b->drop.store.all.rest = drop_rest;
	assert_int_equal(state_open_memory(b->base, "c", &b->set.open_state, &b->f.e), 0);
	assert_int_equal(channel_open(&b->set, &c, &b->f.e), 0);
	for (i = 0; i < 1000; i++) {
		/* Each stays for 20 syncs. */
		key = mem_printf("key%u", i);
		b->drop.at[b->drop.n++] = (struct letter){ key, mem_printf("Subject: %u\r\n\r\n%u\r\n", i, i), false };
		if (b->drop.n > 20) {
			free((char *)b->drop.at[0].key);
			free((char *)b->drop.at[0].wire);
			memmove(&b->drop.at[0], &b->drop.at[1], --b->drop.n * sizeof b->drop.at[0]);
		}
		/* Once nobody answers, and the next one makes up for it. */
		b->drop.is_down = i == 500;
		if (i == 500)
			store_send_home(&b->drop.store);
		assert_int_equal(channel_sync(c, 1700000000 + i, NULL, &events, &b->report, &b->f.e), i == 500 ? -1 : 0);
		assert_int_equal(b->report.side[NEAR].added, i == 500 ? 0 : i == 501 ? 2 : 1);
		report_release(&b->report);
		if (i == 100) {
			used = used_memory();
			fds = descriptors();
		}
	}
	near_has(b, "inbox", 20);
	assert_int_equal(b->drop.opened, 2);
	assert_int_equal(descriptors(), fds);
#if !defined(__SANITIZE_ADDRESS__)
	assert_in_range(used_memory(), 0, used + 500);
#endif
	(void)used;
	channel_close(&c);
	state_close(&b->set.open_state);
	for (i = 0; i < b->drop.n; i++) {
		free((char *)b->drop.at[i].key);
		free((char *)b->drop.at[i].wire);
	}
}

/* One that cannot rest, as it keeps others out, is opened for each. */
static void
a_session_that_cannot_rest(void **state)
{
	struct bench *b = *state;
	struct open_channel *c;
	unsigned i;

	assert_int_equal(state_open_memory(b->base, "c", &b->set.open_state, &b->f.e), 0);
	assert_int_equal(channel_open(&b->set, &c, &b->f.e), 0);
	assert_int_equal(b->drop.opened, 0);
	for (i = 1; i <= 3; i++) {
		put(b, arena_printf(&b->f.a, "key%u", i), "hello");
		assert_int_equal(channel_sync(c, 1700000000 + i, NULL, NULL, &b->report, &b->f.e), 0);
		report_release(&b->report);
		assert_int_equal(b->drop.opened, i);
		assert_int_equal(b->drop.closed, i);
	}
	channel_close(&c);
	state_close(&b->set.open_state);
	near_has(b, "inbox", 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define B(name) cmocka_unit_test_setup_teardown(name, bench_up, bench_down)
		B(mail_comes_and_goes),
		B(what_people_do_stays_near),
		B(a_lost_state_is_paired_anew),
		B(one_that_cannot_be_read_stops_no_other),
		B(an_emptied_source_is_held),
		B(its_one_mailbox_without_patterns),
		B(nothing_is_written_though_it_may_be),
		B(a_dry_run_tells),
		B(a_thousand_syncs_of_an_open_channel),
		B(a_session_that_cannot_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
