/* The Maildir store through the contract of sync/store/store.h, on real directories. */
#include "tests/unit/test_maildir.h"

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
	struct deliver_item item = { .name = key_from_string("1.a"), .flags = FLAGS_NONE };
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

/* Two deliveries at once of more files than may be open. */
static void
few_descriptors_do(void **state)
{
	enum { FILES = 200, FEW = 48 };
	struct fixture *f = *state;
	struct deliver_item items[2][FILES];
	struct body_head head = { .form = BODY_FILE, .size = 5 };
	struct delivery *d[2];
	struct rlimit was;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ FEW, was.rlim_max }), 0);
	make_box(f, "one");
	make_box(f, "two");
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < FILES; i++)
			items[k][i] = (struct deliver_item){ .name = key_from_string(arena_printf(&f->a, "%zu.a", i)), .flags = FLAGS_NONE };
		assert_int_equal(f->store->ops->deliver(f->c, k == 0 ? "one" : "two", 0, items[k], FILES, &f->a, &d[k], &f->e), 0);
	}
	for (head.index = 0; head.index < FILES; head.index++)
		for (int k = 0; k < 2; k++)
			if (d[k]->sink.begin(d[k]->sink.ctx, &head, &f->e) < 0 || d[k]->sink.data(d[k]->sink.ctx, "12345", 5, &f->e) < 0 ||
			    d[k]->sink.end(d[k]->sink.ctx, head.index, NULL, &f->e) < 0)
				fail_msg("%s", f->e.text);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(d[k]->finish(d[k], &f->e), 0);
		for (size_t i = 0; i < FILES; i++)
			assert_int_equal(items[k][i].outcome, OUTCOME_DONE);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	run(f, "test $(ls mail/one/new mail/two/new | grep -c '[.]a') = 400");
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

/* ---- what a delta shows ---- */

static void
names_of_others_are_read_as_they_are(void **state)
{
	struct fixture *f = *state;

	make_box(f, "box");
	run(f, "cd mail/box; touch 'new/1.dovecot,S=10,W=12' 'cur/2.mbsync,U=7:2,RS' 'cur/3.notmuch:2,FSa' "
	    "cur/4.plain 'cur/5.exp:1,x' 'cur/6.mutt:2,' new/7.odd:2,T cur/.hidden 'cur/:2,S' 'cur/,x'; "
	    "mkdir cur/8.dir; ln -s 4.plain cur/9.link; printf x >\"cur/$(printf '10\\nz')\"; "
	    "ln cur/4.plain cur/11.hardlink");
	assert_string_equal(shown(f, "box"), "1.dovecot [] n,S=10,W=12; 11.hardlink [] c; 2.mbsync [RS] c,U=7:2,RS; "
	    "3.notmuch [FS] c:2,FSa; 4.plain [] c; 5.exp [] c:1,x; 6.mutt [] c:2,; 7.odd [T] n:2,T");
}

static void
shared_bases_get_longer_keys(void **state)
{
	struct fixture *f = *state;
	struct key keys[] = { key_from_string("1.a"), key_from_string("1.a,S=1") };
	bool gone[2] = { false, true };

	make_box(f, "box");
	run(f, "cd mail/box; touch 'cur/1.a,S=1:2,S' 'new/1.a,S=2' cur/2.b");
	assert_string_equal(shown(f, "box"), "1.a,S=1 [S] c:2,S; 1.a,S=2 [] n; 2.b [] c");
	assert_int_equal(f->store->ops->confirm_gone(f->c, "box", keys, 2, gone, &f->e), 0);
	assert_true(gone[0]);
	assert_false(gone[1]);
	/* R20: under its short key it is not to be found, nor gone. */
	assert_int_equal(expunge_one(f, "box", "1.a", "c:2,S", "S"), OUTCOME_FAILED);
	assert_int_equal(expunge_one(f, "box", "1.a,S=2", "n", ""), OUTCOME_DONE);
	assert_string_equal(shown(f, "box"), "1.a [S] c,S=1:2,S; 2.b [] c");
}

static void
info_delimiter_is_obeyed(void **state)
{
	struct fixture *f = *state;
	struct flag_item item;

	f->set.info_delimiter = '!';
	reopen(f);
	make_box(f, "box");
	run(f, "cd mail/box; touch 'cur/1.a!2,S' 'cur/2.a:2,S'");
	assert_string_equal(shown(f, "box"), "1.a [S] c!2,S; 2.a:2 [] c,S");
	item = flags_of(f, "box", "1.a", "c!2,S", "R", "");
	assert_string_equal(item.new_hint, "c!2,RS");
	assert_string_equal(deliver_one(f, "box", "3.a", "x", 1, false, "S", 0).hint, "c!2,S");
}

static void
missing_new_and_tmp_are_made_when_writing(void **state)
{
	struct fixture *f = *state;

	run(f, "mkdir -p mail/box/cur && touch mail/box/cur/1.a");
	assert_string_equal(shown(f, "box"), "1.a [] c");
	run(f, "test ! -e mail/box/new && test ! -e mail/box/tmp");
	deliver_one(f, "box", "2.a", "x", 1, false, "", 0);
	assert_string_equal(shown(f, "box"), "1.a [] c; 2.a [] n");
}

static void
another_directory_of_the_same_name_is_not_touched(void **state)
{
	struct fixture *f = *state;
	struct expunge_item item = { .key = key_from_string("1.a"), .hint = "c", .expect = FLAGS_NONE };
	struct box_changes ch = { .box = "box", .expunges = &item, .n_expunges = 1 };
	struct delta d;

	make_box(f, "box");
	run(f, "touch mail/box/cur/1.a");
	d = delta_of(f, "box");
	run(f, "cd mail/box; mkdir cur2; touch cur2/1.a; mv cur old; mv cur2 cur");
	ch.epoch = d.cursor.epoch;
	assert_int_equal(f->store->ops->change(f->c, &ch, 1, &f->a, &f->e), 0);
	assert_int_equal(ch.status, -1);
	assert_int_equal(ch.err.scope, ERR_BOX);
	assert_int_equal(item.outcome, OUTCOME_FAILED);
	run(f, "test -e mail/box/cur/1.a");
	delta_release(&d);
}

static void
directory_times_that_stand_in_the_future_are_dirty(void **state)
{
	struct fixture *f = *state;
	struct stat before, after;
	struct delta d;

	make_box(f, "box");
	run(f, "touch -d 2001-01-01 mail/box/cur mail/box/new");
	assert_int_equal(stat(in(f, "mail/box/cur"), &before), 0);
	d = delta_of(f, "box");
	assert_true(d.cursor.is_steady);
	delta_release(&d);
	/* Nor does reading set them. */
	assert_int_equal(stat(in(f, "mail/box/cur"), &after), 0);
	assert_int_equal(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
}

/* ---- moves ---- */

static struct move_item
move_one(struct fixture *f, const char *from, const char *key, const char *hint, const char *to, const char *name,
    bool keep)
{
	struct move_item item = { .key = key_from_string(key), .hint = hint, .name = key_from_string(name) };

	f->store->ops->move(f->c, from, 0, to, 0, keep, &item, 1, &f->a, &f->e);
	return item;
}

static void
moves_and_copies_keep_flags_and_date(void **state)
{
	struct fixture *f = *state;
	struct move_item item;
	struct stat st;

	make_box(f, "a");
	make_box(f, "b");
	run(f, "cd mail/a; echo one >'cur/1.a,S=4,U=9:2,FSx'; echo two >new/2.a; touch -d @1000 cur/* new/*");
	item = move_one(f, "a", "1.a", "c,S=4,U=9:2,FSx", "b", "10.b", true);
	assert_int_equal(item.outcome, OUTCOME_DONE);
	assert_string_equal(item.new_hint, "c,S=4:2,FSx");
	assert_int_equal(stat(in(f, "mail/b/cur/10.b,S=4:2,FSx"), &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(st.st_nlink, 1);
	/* Renamed since it was listed. */
	item = move_one(f, "a", "1.a", "c:2,", "b", "11.b", false);
	assert_int_equal(item.outcome, OUTCOME_DONE);
	item = move_one(f, "a", "2.a", "n", "b", "12.b", false);
	assert_string_equal(item.new_hint, "n");
	assert_string_equal(content(f, "mail/b/new/12.b"), "two\n");
	assert_string_equal(shown(f, "a"), "");
	assert_string_equal(shown(f, "b"), "10.b [FS] c,S=4:2,FSx; 11.b [FS] c,S=4:2,FSx; 12.b [] n");
	/* A name that is taken is not overwritten. */
	run(f, "echo three >mail/a/new/3.a");
	item = move_one(f, "a", "3.a", "n", "b", "12.b", false);
	assert_int_equal(item.outcome, OUTCOME_FAILED);
	assert_int_equal(item.err.sys, EEXIST);
	assert_string_equal(content(f, "mail/b/new/12.b"), "two\n");
	assert_string_equal(content(f, "mail/a/new/3.a"), "three\n");
}

static void
identify_tells_equal_messages(void **state)
{
	struct fixture *f = *state;
	struct identify_item items[3] = { { .key = key_from_string("1.a"), .hint = "c" },
		{ .key = key_from_string("2.a"), .hint = "c" }, { .key = key_from_string("3.a"), .hint = "c" } };

	make_box(f, "a");
	run(f, "cd mail/a/cur; printf 'A: b\\n\\nx\\n' >1.a; printf 'A: b\\r\\nX-TUID: z\\n\\nx\\r\\n' >2.a");
	assert_int_equal(store_identify_one(f->c, "a", 0, items, 3, IDENT_FULL, &f->e), 0);
	assert_int_equal(items[0].status, 0);
	assert_int_equal(items[1].status, 0);
	assert_int_equal(items[2].status, -1);
	assert_int_equal(ident_compare(&items[0].ident, &items[1].ident), IDENT_SAME);
}

/* ---- mailboxes ---- */

static const char *
listed(struct fixture *f)
{
	struct listing l = { 0 };
	struct buf b = { 0 };
	const char *out;
	size_t i;

	if (f->store->ops->list(f->c, &l, &f->e) < 0) {
		listing_release(&l);
		return arena_printf(&f->a, "error: %s", f->e.text);
	}
	for (i = 0; i < l.boxes.n; i++)
		buf_printf(&b, "%s%s%s%s", i ? " " : "", l.boxes.at[i].name,
		    l.boxes.at[i].attrs & MAILBOX_NOSELECT ? "(container)" : "",
		    l.boxes.at[i].has_cursor || l.boxes.at[i].attrs ? "" : "(no cursor)");
	for (i = 0; i < l.refused.n; i++)
		buf_printf(&b, " !%s", l.refused.at[i].name);
	if (!l.is_complete)
		buf_adds(&b, " incomplete");
	out = arena_strdup(&f->a, buf_str(&b));
	buf_release(&b);
	listing_release(&l);
	return out;
}

static void
verbatim_layout(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(listed(f), "INBOX(no cursor)");
	make_box(f, "top/sub");
	make_box(f, "INBOX/below");
	make_box(f, ".hidden");
	run(f, "test -d mail/top/sub/cur; test -d mail/inbox/below/new; mkdir -p mail/x/y mail/INBOX/cur "
	    "\"mail/$(printf 'bad\\377')/cur\" mail/a/cur; ln -s ../a mail/top/zlink; ln -s .. mail/top/loop; "
	    "ln -s nowhere mail/broken");
	assert_string_equal(listed(f), ".hidden INBOX(no cursor) INBOX/below a top(container) top/sub !INBOX !bad\377 "
	    "!top/zlink");
	make_box(f, "INBOX");
	assert_string_equal(listed(f), ".hidden INBOX INBOX/below a top(container) top/sub !INBOX !bad\377 !top/zlink");
}

static void
maildirpp_layout(void **state)
{
	struct fixture *f = *state;
	enum outcome o;

	f->set.sub_folders = NAMES_MAILDIRPP;
	f->set.path = NULL;
	reopen(f);
	assert_string_equal(listed(f), "INBOX(no cursor)");
	run(f, "test -d mail/inbox/cur");
	make_box(f, "top/sub");
	make_box(f, "INBOX/sub");
	run(f, "test -d mail/inbox/.top.sub/cur; test -d mail/inbox/..sub/cur; mkdir -p mail/inbox/.INBOX.x/cur "
	    "mail/inbox/.a..b/cur mail/inbox/.nocur mail/inbox/plain/cur");
	assert_string_equal(listed(f), "INBOX INBOX/sub top/sub !INBOX/x !a//b");
	assert_int_equal(f->store->ops->create_mailbox(f->c, "a.b", 0, &o, &f->e), -1);
	assert_int_equal(o, OUTCOME_FAILED);
	assert_int_equal(f->e.retry, ERR_NEVER);
	make_box(f, "top");
	assert_int_equal(f->store->ops->rename_mailbox(f->c, "top", "INBOX/new", &o, &f->e), 0);
	assert_int_equal(o, OUTCOME_DONE);
	assert_string_equal(listed(f), "INBOX INBOX/new INBOX/new/sub INBOX/sub !INBOX/x !a//b");
}

static void
legacy_layout_and_path_prefix(void **state)
{
	struct fixture *f = *state;

	f->set.sub_folders = NAMES_LEGACY;
	f->set.path = in(f, "mail/pre-");
	reopen(f);
	make_box(f, "top/sub/cur");
	run(f, "test -d mail/pre-top/.sub/.cur/cur; mkdir -p mail/other/cur mail/pre-top/plain/cur mail/.pre-x/cur "
	    "mail/pre-/cur mail/pre-z/cur");
	assert_string_equal(listed(f), "INBOX(no cursor) top(container) top/sub(container) top/sub/cur z");
}

static void
without_subfolders(void **state)
{
	struct fixture *f = *state;
	enum outcome o;

	f->set.sub_folders = NAMES_UNSET;
	reopen(f);
	make_box(f, "top");
	run(f, "mkdir -p mail/top/sub/cur");
	assert_string_equal(listed(f), "INBOX(no cursor) top !top/sub");
	assert_int_equal(f->store->ops->create_mailbox(f->c, "a/b", 0, &o, &f->e), -1);
}

static void
names_that_lead_astray_are_refused(void **state)
{
	static const char *const bad[] = { "..", "a/../b", "", "/a", "a/", "a//b", "cur", "a/new", "inbox", "inbox/x",
		"a\nb", "\377" };
	struct fixture *f = *state;
	struct delta d;
	enum outcome o;
	size_t i;

	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(f->store->ops->create_mailbox(f->c, bad[i], 0, &o, &f->e), -1);
		assert_int_equal(o, OUTCOME_FAILED);
		delta_init(&d, bad[i], NULL);
		assert_int_equal(f->store->ops->delta(f->c, &d, 1, false, NULL, &f->e), 0);
		assert_int_equal(d.status, -1);
		delta_release(&d);
	}
	run(f, "test \"$(ls)\" = mail && test -z \"$(ls mail)\"");
}

static void
map_inbox_is_another_name(void **state)
{
	struct fixture *f = *state;

	f->set.map_inbox = "All";
	reopen(f);
	assert_string_equal(listed(f), "All(no cursor) INBOX(no cursor)");
	make_box(f, "All");
	run(f, "touch mail/inbox/new/1.a; mkdir -p mail/All/cur");
	assert_string_equal(shown(f, "All"), "1.a [] n");
	assert_string_equal(listed(f), "All INBOX !All");
}

static void
missing_path_is_an_error_not_emptiness(void **state)
{
	struct fixture *f = *state;
	enum outcome o;

	make_box(f, "box");
	run(f, "mv mail gone");
	assert_non_null(strstr(listed(f), "error: Path"));
	assert_int_equal(f->e.scope, ERR_STORE);
	assert_int_equal(f->store->ops->mailbox_state(f->c, "box", NULL, &f->e), -1);
	assert_int_equal(f->store->ops->create_mailbox(f->c, "box", 0, &o, &f->e), -1);
	run(f, "test ! -e mail; mv gone mail; rm -r mail/box");
	assert_int_equal(f->store->ops->mailbox_state(f->c, "box", NULL, &f->e), 0);
}

static void
inbox_is_made_by_a_run_that_writes(void **state)
{
	struct fixture *f = *state;
	struct delta d;

	delta_init(&d, "INBOX", NULL);
	assert_int_equal(f->store->ops->delta(f->c, &d, 1, true, NULL, &f->e), 0);
	assert_int_equal(d.status, 0);
	assert_true(d.is_complete && d.entries.n == 0);
	delta_release(&d);
	run(f, "test ! -e mail/inbox");
	assert_string_equal(shown(f, "INBOX"), "");
	run(f, "test -d mail/inbox/cur");
}

static void
a_mailbox_goes_with_its_messages(void **state)
{
	struct fixture *f = *state;
	enum outcome o;

	make_box(f, "top");
	make_box(f, "top/sub");
	run(f, "cd mail/top; touch new/1.a cur/2.a:2,S tmp/9.x.mailtwin dovecot-uidlist .uidvalidity sub/.uidvalidity");
	assert_int_equal(f->store->ops->remove_mailbox(f->c, "top", &o, &f->e), 0);
	assert_int_equal(o, OUTCOME_DONE);
	assert_string_equal(listed(f), "INBOX(no cursor) top(container) top/sub");
	assert_int_equal(f->store->ops->remove_mailbox(f->c, "top/sub", &o, &f->e), 0);
	run(f, "test ! -e mail/top/sub");
	assert_int_equal(f->store->ops->remove_mailbox(f->c, "top/sub", &o, &f->e), 0);
	assert_int_equal(f->store->ops->remove_mailbox(f->c, "INBOX", &o, &f->e), -1);
	/* What was never synchronised is not removed. */
	make_box(f, "odd");
	run(f, "touch mail/odd/cur/1.a mail/odd/cur/1.a:2,S mail/odd/cur/2.a");
	assert_int_equal(f->store->ops->remove_mailbox(f->c, "odd", &o, &f->e), -1);
	assert_int_equal(o, OUTCOME_FAILED);
	run(f, "test $(ls mail/odd/cur | wc -l) = 3");
	/* Somebody's delivery is under way. */
	make_box(f, "busy");
	run(f, "touch mail/busy/tmp/1.mda mail/busy/cur/1.a");
	assert_int_equal(f->store->ops->remove_mailbox(f->c, "busy", &o, &f->e), -1);
	assert_int_equal(f->e.retry, ERR_NOW);
	assert_int_equal(o, OUTCOME_FAILED);
	run(f, "test -e mail/busy/cur/1.a");
}

static void
renaming_takes_what_is_below(void **state)
{
	struct fixture *f = *state;
	enum outcome o;

	make_box(f, "a");
	make_box(f, "a/b");
	make_box(f, "d");
	assert_int_equal(f->store->ops->rename_mailbox(f->c, "a", "x/y", &o, &f->e), 0);
	assert_string_equal(listed(f), "INBOX(no cursor) d x(container) x/y x/y/b");
	assert_int_equal(f->store->ops->rename_mailbox(f->c, "x/y", "d", &o, &f->e), -1);
	assert_int_equal(o, OUTCOME_FAILED);
}

static void
the_mark_is_made_once(void **state)
{
	struct fixture *f = *state;
	struct listing l[3];

	memset(l, 0, sizeof l);
	f->store->is_dry = true;
	assert_int_equal(f->store->ops->list(f->c, &l[0], &f->e), 0);
	assert_string_equal(l[0].fingerprint, "");
	run(f, "test ! -e mail/.mailtwin-id");
	f->store->is_dry = false;
	assert_int_equal(f->store->ops->list(f->c, &l[1], &f->e), 0);
	assert_int_equal(strlen(l[1].fingerprint), 8 + 32);
	assert_int_equal(f->store->ops->list(f->c, &l[2], &f->e), 0);
	assert_string_equal(l[1].fingerprint, l[2].fingerprint);
	listing_release(&l[0]);
	listing_release(&l[1]);
	listing_release(&l[2]);
	run(f, "test \"$(ls -A mail)\" = .mailtwin-id");
}

static void
only_old_tmp_files_of_ours_are_cleaned(void **state)
{
	struct fixture *f = *state;

	make_box(f, "box");
	run(f, "cd mail/box/tmp; touch -d 2001-01-01 1.x.mailtwin 2.other");
	/* Touched a moment ago, whatever its mtime says: it may be a delivery of another run. */
	assert_string_equal(shown(f, "box"), "");
	run(f, "test -e mail/box/tmp/1.x.mailtwin");
	/* A file left by a run that died does not hinder the next from delivering by the same name. */
	run(f, "echo half >mail/box/tmp/2.a.mailtwin");
	assert_int_equal(deliver_one(f, "box", "2.a", "x", 1, false, "", 0).outcome, OUTCOME_DONE);
	assert_string_equal(content(f, "mail/box/new/2.a"), "x");
}

/* ---- keywords ---- */

static const char *
words_of(struct fixture *f, const char *box)
{
	struct delta d = delta_of(f, box);
	const char *out = "";
	size_t i;

	for (i = 0; i < d.entries.n; i++)
		out = arena_printf(&f->a, "%s%s[%s]", out, i ? " " : "", flags_text(&f->a, d.entries.at[i].flags));
	out = arena_printf(&f->a, "%s, keeps %s", out, d.mask.has_any_keyword ? "any" : d.mask.kw);
	delta_release(&d);
	return out;
}

static struct flag_item
change_words(struct fixture *f, const char *key, const char *hint, const char *add, const char *drop)
{
	struct flag_item item = { .key = key_from_string(key), .hint = hint, .add = { 0, add }, .remove = { 0, drop } };
	struct box_changes ch = { .box = "box", .flags = &item, .n_flags = 1 };

	f->store->ops->change(f->c, &ch, 1, &f->a, &f->e);
	return item;
}

static void
letters_mean_what_the_file_says(void **state)
{
	struct fixture *f = *state;
	struct flag_item item;

	make_box(f, "box");
	run(f, "touch mail/box/cur/1.a:2,Sabz");
	assert_string_equal(words_of(f, "box"), "[S], keeps ");
	run(f, "printf '0 work\\nx\\n1 $Forwarded\\n77 no\\n3 two words\\n' >mail/box/dovecot-keywords");
	assert_string_equal(words_of(f, "box"), "[PS work], keeps any");
	/* c is free, d is taken, z is used. */
	item = change_words(f, "1.a", "c:2,Sabz", "new WORK", "");
	assert_int_equal(item.outcome, OUTCOME_DONE);
	assert_string_equal(item.new_hint, "c:2,Sabcz");
	assert_string_equal(content(f, "mail/box/dovecot-keywords"),
	    "0 work\nx\n1 $Forwarded\n77 no\n3 two words\n2 new\n");
	item = change_words(f, "1.a", item.new_hint, "", "Work");
	assert_string_equal(item.new_hint, "c:2,Sbcz");
	assert_string_equal(flags_text(&f->a, item.flags), "PS new");
	run(f, "test ! -e mail/box/dovecot-keywords.lock && test ! -e mail/box/dovecot-keywords.mailtwin");
}

static void
no_file_is_made_unasked(void **state)
{
	struct fixture *f = *state;

	make_box(f, "box");
	run(f, "touch mail/box/cur/1.a:2,S");
	assert_string_equal(change_words(f, "1.a", "c:2,S", "work", "").new_hint, "c:2,S");
	run(f, "test ! -e mail/box/dovecot-keywords");
	f->set.keywords = true;
	reopen(f);
	assert_string_equal(words_of(f, "box"), "[S], keeps any");
	assert_string_equal(change_words(f, "1.a", "c:2,S", "work", "").new_hint, "c:2,Sa");
	assert_string_equal(content(f, "mail/box/dovecot-keywords"), "0 work\n");
	/* Lost: it may have said anything. */
	run(f, "rm mail/box/dovecot-keywords");
	assert_string_equal(words_of(f, "box"), "[S], keeps ");
	assert_string_equal(change_words(f, "1.a", "c:2,Sa", "other", "").new_hint, "c:2,Sa");
	run(f, "test ! -e mail/box/dovecot-keywords");
}

static void
a_move_translates_letters(void **state)
{
	struct fixture *f = *state;
	struct move_item item = { .key = key_from_string("1.a"), .hint = "c:2,Sabyz", .name = key_from_string("2.a") };

	make_box(f, "box");
	make_box(f, "to");
	run(f, "touch mail/box/cur/1.a:2,Sabyz; printf '0 one\\n1 two\\n' >mail/box/dovecot-keywords");
	run(f, "printf '0 two\\n24 theirs\\n' >mail/to/dovecot-keywords");
	assert_int_equal(f->store->ops->move(f->c, "box", 0, "to", 0, false, &item, 1, &f->a, &f->e), 0);
	assert_int_equal(item.outcome, OUTCOME_DONE);
	assert_string_equal(item.new_hint, "c:2,Sabz");
	assert_string_equal(content(f, "mail/to/dovecot-keywords"), "0 two\n24 theirs\n1 one\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(letters_mean_what_the_file_says), T(no_file_is_made_unasked), T(a_move_translates_letters),
		T(unseen_goes_to_new_and_seen_to_cur),
		T(arrival_date_becomes_mtime),
		T(wire_form_becomes_lines_where_reversible),
		T(body_of_wrong_size_leaves_nothing), T(few_descriptors_do),
		T(flags_rename_only_what_changes),
		T(only_the_planned_message_is_removed),
		T(fetch_gives_the_file_as_it_is),
		T(cursor_stands_until_something_changes),
		T(names_of_others_are_read_as_they_are),
		T(shared_bases_get_longer_keys),
		T(info_delimiter_is_obeyed),
		T(missing_new_and_tmp_are_made_when_writing),
		T(another_directory_of_the_same_name_is_not_touched),
		T(directory_times_that_stand_in_the_future_are_dirty),
		T(moves_and_copies_keep_flags_and_date),
		T(identify_tells_equal_messages),
		T(verbatim_layout),
		T(maildirpp_layout),
		T(legacy_layout_and_path_prefix),
		T(without_subfolders),
		T(names_that_lead_astray_are_refused),
		T(map_inbox_is_another_name),
		T(missing_path_is_an_error_not_emptiness),
		T(inbox_is_made_by_a_run_that_writes),
		T(a_mailbox_goes_with_its_messages),
		T(renaming_takes_what_is_below),
		T(the_mark_is_made_once),
		T(only_old_tmp_files_of_ours_are_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
