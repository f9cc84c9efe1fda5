/* The reader and the parser of responses, on bytes in memory: what must be understood, what must be
 * passed over without losing step, and what must be refused; each fed whole, and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "sync/imap/replies.h"
#include "tests/unit/memory_stream.h"

struct peer {
	struct memory_stream mem;
	mailstream *stream;
	struct imap_reader *reader;
	struct imap_reply reply;
	struct err e;
	struct buf body;		/* what the sink took */
	int n_begun;
	uint32_t begun_uid;
	bool refuses;
};

static int
begin(void *ctx, const struct imap_fetch *so_far, const struct imap_body *body)
{
	struct peer *p = ctx;

	(void)body;
	p->n_begun++;
	p->begun_uid = so_far->uid;
	buf_clear(&p->body);
	return p->refuses ? -1 : 0;
}

static int
data(void *ctx, const void *bytes, size_t len)
{
	struct peer *p = ctx;

	buf_add(&p->body, bytes, len);
	return 0;
}

static void
peer_open(struct peer *p, const char *bytes, size_t len, size_t piece)
{
	memset(p, 0, sizeof *p);
	p->mem = (struct memory_stream){ .data = bytes, .len = len, .piece = piece };
	p->stream = memory_stream_open(&p->mem);
	p->reader = imap_reader_new(p->stream, "test.example");
}

static void
peer_close(struct peer *p)
{
	imap_reader_free(&p->reader);
	imap_reply_release(&p->reply);
	buf_release(&p->body);
	mailstream_close(p->stream);
}

static int
peer_read(struct peer *p)
{
	struct imap_body_sink sink = { begin, data, p };

	return imap_reply_read(p->reader, &p->reply, &sink, &p->e);
}

/* Reads one reply of `line`, which must be one, and finds the next line whole behind it. */
static void
with(const char *line, size_t len, void (*check)(struct peer *p))
{
	static const size_t pieces[] = { 0, 1, 7 };
	char all[8192];

	assert_true(len + 16 < sizeof all);
	memcpy(all, line, len);
	memcpy(all + len, "Z9 OK next\r\n", 13);
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		struct peer p;

		peer_open(&p, all, len + 12, pieces[i]);
		if (peer_read(&p) < 0)
			fail_msg("%s", p.e.text);
		check(&p);
		if (peer_read(&p) < 0)
			fail_msg("%s", p.e.text);
		assert_int_equal(IMAP_REPLY_TAGGED, p.reply.kind);
		assert_string_equal("Z9", p.reply.tag);
		assert_string_equal("next", p.reply.text);
		assert_int_equal(-1, peer_read(&p));
		assert_string_equal("test.example closed the connection", p.e.text);
		peer_close(&p);
	}
}
#define WITH(line, check) with(line, sizeof(line) - 1, check)

/* Reading `line` ends in an error that says `words`, names the server, and stays. */
static void
refused(const char *line, size_t len, const char *words)
{
	static const size_t pieces[] = { 0, 1 };

	for (size_t i = 0; i < 2; i++) {
		struct peer p;
		struct err again;

		peer_open(&p, line, len, pieces[i]);
		while (peer_read(&p) == 0)
			;
		if (strstr(p.e.text, words) == NULL)
			fail_msg("wanted \"%s\", got \"%s\"", words, p.e.text);
		assert_non_null(strstr(p.e.text, "test.example"));
		again = p.e;
		assert_int_equal(-1, peer_read(&p));
		assert_string_equal(again.text, p.e.text);
		peer_close(&p);
	}
}
#define REFUSED(line, words) refused(line, sizeof(line) - 1, words)

/* Reading `line` says that it could not be read, why, and what it was about; and the next line is in step. */
static void
unreadable(const char *line, size_t len, enum imap_reply_kind about, const char *words)
{
	static const size_t pieces[] = { 0, 1, 7 };
	char all[8192];

	assert_true(len + 16 < sizeof all);
	memcpy(all, line, len);
	memcpy(all + len, "Z9 OK next\r\n", 13);
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		struct peer p;

		peer_open(&p, all, len + 12, pieces[i]);
		if (peer_read(&p) < 0)
			fail_msg("%.60s: %s", line, p.e.text);
		assert_int_equal(IMAP_REPLY_UNREADABLE, p.reply.kind);
		assert_int_equal(about, p.reply.about);
		if (strstr(p.reply.text, words) == NULL)
			fail_msg("wanted \"%s\", got \"%s\"", words, p.reply.text);
		assert_non_null(strstr(p.reply.text, "test.example"));
		assert_int_equal(0, p.n_begun);
		if (peer_read(&p) < 0)
			fail_msg("%.60s: %s", line, p.e.text);
		assert_string_equal("Z9", p.reply.tag);
		peer_close(&p);
	}
}
#define UNREADABLE(line, about, words) unreadable(line, sizeof(line) - 1, about, words)

/* ---- what must be understood ---- */

static void
is_greeting(struct peer *p)
{
	assert_int_equal(IMAP_REPLY_STATUS, p->reply.kind);
	assert_int_equal(IMAP_OK, p->reply.status);
	assert_int_equal(IMAP_CODE_CAPABILITY, p->reply.code.kind);
	assert_string_equal("IMAP4rev1 AUTH=PLAIN", p->reply.code.arg);
	assert_string_equal("hi", p->reply.text);
}

static void
is_fetch(struct peer *p)
{
	const struct imap_fetch *f = &p->reply.fetch;

	assert_int_equal(IMAP_REPLY_FETCH, p->reply.kind);
	assert_int_equal(12, f->seq);
	assert_int_equal(IMAP_FETCH_UID | IMAP_FETCH_FLAGS | IMAP_FETCH_MODSEQ | IMAP_FETCH_SIZE | IMAP_FETCH_DATE |
	    IMAP_FETCH_EMAILID | IMAP_FETCH_GM_MSGID, f->has);
	assert_int_equal(4294967295u, f->uid);
	assert_int_equal(FLAG_SEEN | FLAG_FORWARDED, f->flags.sys);
	assert_string_equal("$Junk work", f->flags.kw);
	assert_true(f->is_recent);
	assert_true(f->modseq == 18446744073709551615u && f->size == 5000000000u);
	assert_true(f->date == 1707371545);
	assert_string_equal("M6d99ac", f->emailid);
	assert_true(f->gm_msgid == 1278455344230334865u);
}

static void
is_body(struct peer *p)
{
	const struct imap_fetch *f = &p->reply.fetch;

	assert_int_equal(2, f->n_bodies);
	assert_string_equal("HEADER.FIELDS (DATE \"x]\")", f->body[0].section);
	assert_true(f->body[0].is_part);
	assert_true(f->body[0].is_nil);
	assert_string_equal("", f->body[1].section);
	assert_int_equal(11, f->body[1].size);
	assert_true(f->body[1].is_whole);
	assert_string_equal("a)\r\n\"{3}\r\nz", buf_str(&p->body));
	assert_int_equal(5, f->uid);
	assert_int_equal(0, p->begun_uid);
}

static void
is_quoted_body(struct peer *p)
{
	assert_string_equal("say \"x\" \\", buf_str(&p->body));
	assert_true(p->reply.fetch.body[0].is_whole);
	assert_int_equal(5, p->begun_uid);
}

static void
is_empty_body(struct peer *p)
{
	assert_int_equal(1, p->reply.fetch.n_bodies);
	assert_true(p->reply.fetch.body[0].is_whole && !p->reply.fetch.body[0].is_nil);
	assert_int_equal(0, p->body.len);
}

static void
is_list(struct peer *p)
{
	const struct imap_list *l = &p->reply.list;

	assert_int_equal(IMAP_REPLY_LIST, p->reply.kind);
	assert_int_equal(IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT | IMAP_LIST_HASCHILDREN | IMAP_LIST_JUNK, l->attributes);
	assert_int_equal('/', l->delimiter);
	assert_string_equal("a \"b\"", l->name);
	assert_true(l->has_childinfo);
	assert_string_equal("old", l->old_name);
}

static void
is_literal_list(struct peer *p)
{
	assert_int_equal(0, p->reply.list.delimiter);
	assert_int_equal(5, p->reply.list.name_len);
	assert_memory_equal("a\0b\r\n", p->reply.list.name, 5);
}

static void
is_status(struct peer *p)
{
	const struct imap_status_data *st = &p->reply.status_data;

	assert_int_equal(IMAP_REPLY_STATUS_DATA, p->reply.kind);
	assert_string_equal("x y", st->name);
	assert_int_equal(IMAP_STATUS_MESSAGES | IMAP_STATUS_HIGHESTMODSEQ | IMAP_STATUS_SIZE | IMAP_STATUS_MAILBOXID, st->has);
	assert_int_equal(231, st->messages);
	assert_true(st->size == 9223372036854775808u);
	assert_string_equal("F2212", st->mailboxid);
}

static void
is_vanished(struct peer *p)
{
	assert_int_equal(IMAP_REPLY_VANISHED, p->reply.kind);
	assert_true(p->reply.is_earlier);
	assert_true(imap_uidset_count(&p->reply.set) == 4294967295u);
}

static void
is_search(struct peer *p)
{
	assert_int_equal(IMAP_REPLY_SEARCH, p->reply.kind);
	assert_int_equal(2, p->reply.search.all.n);
	assert_true(p->reply.search.modseq == 917162500);
}

static void
is_esearch(struct peer *p)
{
	assert_int_equal(IMAP_REPLY_ESEARCH, p->reply.kind);
	assert_string_equal("A28 2", p->reply.search.tag);
	assert_true(p->reply.search.is_uid && p->reply.search.has_count && p->reply.search.count == 5);
	assert_int_equal(2, p->reply.search.all.n);
}

static void
is_namespace(struct peer *p)
{
	assert_int_equal(3, p->reply.n_namespaces);
	assert_string_equal("INBOX.", p->reply.namespaces[0].prefix);
	assert_int_equal('.', p->reply.namespaces[0].delimiter);
	assert_int_equal(0, p->reply.namespaces[2].delimiter);
	assert_int_equal(IMAP_SHARED, p->reply.namespaces[2].kind);
}

static void
is_quota(struct peer *p)
{
	assert_int_equal(p->reply.kind, IMAP_REPLY_QUOTA);
	assert_string_equal(p->reply.quota.root, "User quota");
	assert_true(p->reply.quota.storage.is_said && p->reply.quota.messages.is_said);
	assert_int_equal(p->reply.quota.storage.used, 10);
	assert_int_equal(p->reply.quota.storage.limit, 512);
	assert_int_equal(p->reply.quota.messages.used, 20);
	assert_true(p->reply.quota.messages.limit == UINT64_MAX);
}

static void
is_empty_quota(struct peer *p)
{
	assert_int_equal(p->reply.kind, IMAP_REPLY_QUOTA);
	assert_string_equal(p->reply.quota.root, "");
	assert_false(p->reply.quota.storage.is_said || p->reply.quota.messages.is_said);
}

static void
is_id(struct peer *p)
{
	assert_int_equal(IMAP_REPLY_ID, p->reply.kind);
	assert_int_equal(15, p->reply.words_len);
	assert_memory_equal("name\0Dov\0a\0NIL", p->reply.words, 15);
}

static void
is_appenduid(struct peer *p)
{
	assert_string_equal("A003", p->reply.tag);
	assert_int_equal(IMAP_CODE_APPENDUID, p->reply.code.kind);
	assert_int_equal(38505, p->reply.code.number);
	assert_int_equal(3955, p->reply.code.to.at[0].first);
}

static void
is_copyuid(struct peer *p)
{
	assert_int_equal(IMAP_CODE_COPYUID, p->reply.code.kind);
	assert_true(imap_uidset_count(&p->reply.code.from) == 3);
	assert_int_equal(3956, p->reply.code.to.at[0].first);
}

static void
is_bad_copyuid(struct peer *p)
{
	assert_int_equal(IMAP_CODE_OTHER, p->reply.code.kind);
	assert_string_equal("Done", p->reply.text);
}

static void
is_flags(struct peer *p)
{
	assert_int_equal(IMAP_CODE_PERMANENTFLAGS, p->reply.code.kind);
	assert_true(p->reply.code.mask.has_any_keyword);
	assert_int_equal(FLAG_SEEN | FLAG_DELETED | FLAG_FORWARDED, p->reply.code.mask.sys);
}

static void
is_backoff(struct peer *p)
{
	assert_int_equal(IMAP_BAD, p->reply.status);
	assert_int_equal(1200, p->reply.code.backoff);
}

static void
is_modified(struct peer *p)
{
	assert_int_equal(IMAP_CODE_MODIFIED, p->reply.code.kind);
	assert_int_equal(2, p->reply.code.from.n);
}

static void
is_text_with_brace(struct peer *p)
{
	assert_string_equal("see {5}", p->reply.text);
}

static void
is_continue(struct peer *p)
{
	assert_int_equal(IMAP_REPLY_CONTINUE, p->reply.kind);
	assert_string_equal("PDE=", p->reply.text);
}

static void
is_bare_continue(struct peer *p)
{
	assert_int_equal(IMAP_REPLY_CONTINUE, p->reply.kind);
	assert_string_equal("", p->reply.text);
}

static void
is_saved(struct peer *p)
{
	assert_int_equal(IMAP_FETCH_UID | IMAP_FETCH_DATE | IMAP_FETCH_SAVED, p->reply.fetch.has);
	assert_int_equal(1, p->reply.fetch.date);
	assert_int_equal(1707371545, p->reply.fetch.saved);
}

static void
understood(void **state)
{
	(void)state;
	WITH("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", is_greeting);
	WITH("* 12 FETCH (UID 4294967295 FLAGS (\\Seen \\Recent work $Junk $forwarded \\Strange) MODSEQ "
	    "(18446744073709551615) RFC822.SIZE 5000000000 INTERNALDATE \" 7-Feb-2024 21:52:25 -0800\" EMAILID (M6d99ac) "
	    "THREADID NIL X-GM-MSGID 1278455344230334865 X-GM-LABELS (\"\\\\Sent\" {3}\r\nx)y) ENVELOPE ((NIL) \"a\"))\r\n",
	    is_fetch);
	WITH("* 3 FETCH (UID 4 SAVEDATE \" 7-Feb-2024 21:52:25 -0800\" INTERNALDATE \" 1-Jan-1970 00:00:01 +0000\")\r\n", is_saved);
	WITH("* 1 FETCH (BODY[HEADER.FIELDS (DATE \"x]\")]<7> NIL BODY[] {11}\r\na)\r\n\"{3}\r\nz UID 5)\r\n", is_body);
	WITH("* 1 FETCH (UID 5 BODY[] \"say \\\"x\\\" \\\\\")\r\n", is_quoted_body);
	WITH("* 1 FETCH (UID 5 BODY[] {0}\r\n)\r\n", is_empty_body);
	WITH("* 1 FETCH (UID 5 BINARY[] ~{0}\r\n)\r\n", is_empty_body);
	WITH("* LIST (\\NonExistent \\HasChildren \\Junk \\Foo) \"/\" \"a \\\"b\\\"\" (\"CHILDINFO\" (\"SUBSCRIBED\") "
	    "X-Y ((z)) OLDNAME (old))\r\n", is_list);
	WITH("* LIST () NIL {5}\r\na\0b\r\n\r\n", is_literal_list);
	WITH("* STATUS {3}\r\nx y (MESSAGES 231 HIGHESTMODSEQ 7 SIZE 9223372036854775808 X-NEW (1 (2)) MAILBOXID (F2212) "
	    "APPENDLIMIT NIL)\r\n", is_status);
	WITH("* STATUS \"x y\" (MAILBOXID (F2212) MESSAGES 231 HIGHESTMODSEQ 7 SIZE 9223372036854775808 )\r\n", is_status);
	WITH("* VANISHED (EARLIER) 1:4294967295,300:301\r\n", is_vanished);
	WITH("* SEARCH 1 2 3 9 (MODSEQ 917162500)\r\n", is_search);
	WITH("* ESEARCH (TAG \"A28 2\") UID COUNT 5 ALL 4:18,21 X-NEW {2}\r\n))\r\n", is_esearch);
	WITH("* NAMESPACE ((\"INBOX.\" \".\" \"X-PARAM\" (\"a\"))(\"\" \"/\")) NIL ((NIL NIL))\r\n", is_namespace);
	WITH("* QUOTA \"User quota\" (STORAGE 10 512 X-OTHER 1 2 MESSAGE 20 18446744073709551615)\r\n", is_quota);
	WITH("* QUOTA \"\" ()\r\n", is_empty_quota);
	WITH("* ID (\"name\" \"Dov\" \"a\" NIL)\r\n", is_id);
	WITH("A003 OK [APPENDUID 38505 3955] APPEND completed\r\n", is_appenduid);
	WITH("* OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n", is_copyuid);
	WITH("* OK [COPYUID 38505 304,319:320 3956:3957] Done\r\n", is_bad_copyuid);
	WITH("* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\r\n", is_flags);
	WITH("A1 BAD Request is throttled. Suggested Backoff Time: 1200 milliseconds\r\n", is_backoff);
	WITH("A1 OK [MODIFIED 7,9] Conditional STORE failed\r\n", is_modified);
	WITH("A1 OK see {5}\r\n", is_text_with_brace);
	WITH("+ PDE=\r\n", is_continue);
	WITH("+\r\n", is_bare_continue);
	WITH("+ \r\n", is_bare_continue);
	WITH("+ \n", is_bare_continue);
}

/* ---- what must be passed over without losing step ---- */

static void
anything(struct peer *p)
{
	(void)p;
}

static void
is_other(struct peer *p)
{
	assert_int_equal(IMAP_REPLY_OTHER, p->reply.kind);
}

static void
is_plain(struct peer *p)
{
	assert_string_equal("hi", p->reply.text);
	assert_true(p->reply.code.kind == IMAP_CODE_BADCHARSET || p->reply.code.kind == IMAP_CODE_OTHER);
}

static void
is_bare(struct peer *p)
{
	assert_int_equal(IMAP_REPLY_TAGGED, p->reply.kind);
	assert_int_equal(IMAP_OK, p->reply.status);
	assert_string_equal("", p->reply.text);
}

static void
has_no_date(struct peer *p)
{
	assert_int_equal(IMAP_FETCH_UID, p->reply.fetch.has);
}

static void
passed_over(void **state)
{
	(void)state;
	WITH("* OK [BADCHARSET (\"x\")] hi\r\n", is_plain);
	WITH("* OK [BADCHARSET ({3}\r\n]\r\n)] hi\r\n", is_plain);
	WITH("* OK [PERMANENTFLAGS ((x)] hi\r\n", is_plain);
	WITH("* OK [UIDNEXT 99999999999999999999999] hi\r\n", is_plain);
	WITH("* OK [FOO \"]\" bar] hi\r\n", is_plain);
	WITH("A1 OK\r\n", is_bare);
	WITH("A1 OK \r\n", is_bare);
	WITH("\r\n\r\n\nA1 OK\r\n", is_bare);
	WITH("* 3 FETCH ()\r\n", anything);
	WITH("* 3 FETCH (UID 4 INTERNALDATE NIL)\r\n", has_no_date);
	WITH("* 3 FETCH (UID 4 SAVEDATE NIL)\r\n", has_no_date);
	WITH("* 3 FETCH (UID 4 INTERNALDATE \"yesterday\")\r\n", has_no_date);
	WITH("* X-UNKNOWN \"quote {5}\r\nabc\r\n (\r\n", is_other);
	WITH("* X-UNKNOWN it's 5\" wide ) ) (\r\n", is_other);
	WITH("* ANNOTATION x ~{4}\r\n\0\r\n* foo\r\n", is_other);
	WITH("* 23 X-FOO {2}\r\nA1 (\"\r\n", is_other);
	WITH("*\r\n", is_other);
	WITH("* \r\n", is_other);
	WITH("* FOO\r\n", is_other);
	WITH("* VANISHED 5 trailing junk {3}\r\nabc\r\n", anything);
	WITH("* LIST (\\Noselect) \"/\" a extra\r\n", anything);
}

/* A line of UID and flags that is at hand is read in one go (sync/imap/replies_flags.c); one that comes octet by octet is
 * not. What comes out is the same, whatever the line holds. */
static void
flags_both_ways(void **state)
{
	static const char *const lines[] = {
		"* 12 FETCH (UID 34 FLAGS ())", "* 1 FETCH (UID 4294967295 FLAGS (\\Seen))", "* 4294967295 FETCH (FLAGS (b A \\Seen) UID 1)",
		"* 1 FETCH (UID 5 FLAGS (\\seen $FORWARDED $Junk work Work b a \\Recent \\Odd))", "* 1 FETCH (FLAGS (\\Deleted) UID 7)",
		"* 1 FETCH (UID 5 FLAGS (a ))", "* 1 FETCH (UID 5 FLAGS ( a))", "* 1 FETCH (UID 5 FLAGS (a  b))", "* 1 FETCH (UID 5 FLAGS (a)) ",
		"* 1 FETCH (UID 5 FLAGS (a) )", "* 1 FETCH (UID 5 FLAGS NIL)", "* 1 fetch (uid 5 flags (a))", "* 1  FETCH (UID 5 FLAGS (a))",
		"* 0 FETCH (UID 5 FLAGS (a))", "* 1 FETCH (UID 0 FLAGS (a))", "* 01 FETCH (UID 5 FLAGS (a))", "* 1 FETCH (UID 05 FLAGS (a))",
		"* 1 FETCH (UID 4294967296 FLAGS (a))", "* 4294967296 FETCH (UID 5 FLAGS (a))", "* 99999999999999999999 FETCH (UID 5 FLAGS (a))",
		"* 1 FETCH (UID 5 FLAGS (a\"b))", "* 1 FETCH (UID 5 FLAGS (\"a\"))", "* 1 FETCH (UID 5 FLAGS (a(b)))", "* 1 FETCH (UID 5 FLAGS (]))",
		"* 1 FETCH (UID 5 FLAGS (a) UID 6)", "* 1 FETCH (UID 5 FLAGS (a) FLAGS (b))", "* 1 FETCH (UID 5)", "* 1 FETCH (FLAGS (a))",
		"* 1 FETCH (UID 5 FLAGS (a) MODSEQ (7))", "* 1 FETCH (UID 5 FLAGS (a)", "* 1 FETCH (UID 5 FLAGS (a", "* 1 FETCH (UID 5 FLAGS (caf\xc3\xa9))",
		"* 1 FETCH (UID 5 FLAGS (a)) x", "* 1 FETCH (UID 5 FLAGS ({3}))", "* 1 FETCH (UID 5 FLAGS (\\))", "* 1 FETCH (UID 5 FLAGS (\\*))",
	};
	static const char *const ends[] = { "\r\n", "\n", "\r\r\n" };
	struct peer whole, pieces;
	char line[256];
	int got;

	(void)state;
	for (size_t i = 0; i < 3 * sizeof lines / sizeof lines[0]; i++) {
		snprintf(line, sizeof line, "%s%sA1 OK\r\n", lines[i / 3], ends[i % 3]);
		peer_open(&whole, line, strlen(line), 0);
		peer_open(&pieces, line, strlen(line), 1);
		got = peer_read(&whole);
		assert_int_equal(peer_read(&pieces), got);
		assert_int_equal(whole.reply.kind, pieces.reply.kind);
		if (got == 0 && whole.reply.kind == IMAP_REPLY_FETCH && pieces.reply.fetch.has != 0) {
			assert_int_equal(whole.reply.fetch.seq, pieces.reply.fetch.seq);
			assert_int_equal(whole.reply.fetch.has, pieces.reply.fetch.has);
			assert_int_equal(whole.reply.fetch.uid, pieces.reply.fetch.uid);
			assert_int_equal(whole.reply.fetch.is_recent, pieces.reply.fetch.is_recent);
			assert_true(flags_equal(whole.reply.fetch.flags, pieces.reply.fetch.flags));
		}
		assert_int_equal(peer_read(&whole), peer_read(&pieces));
		assert_int_equal(whole.reply.kind, pieces.reply.kind);
		peer_close(&whole);
		peer_close(&pieces);
	}
}

/* ---- the hostile list: an error, at once ---- */

static void
hostile(void **state)
{
	(void)state;
	REFUSED("* ANNOTATION x {100}\r\nshort", "closed the connection, in the midst of");
	REFUSED("* 1 FETCH (BODY[] {4294967296}\r\nA1 OK done\r\n", "a literal larger than the limit");
	REFUSED("* 1 FETCH (BODY[] {4294967295}\r\n", "a literal larger than the limit");
	REFUSED("* 1 FETCH (BODY[] {99999999999999999999}\r\n", "a literal larger than the limit");
	REFUSED("* X-UNKNOWN {99999999999999999999999999}\r\n", "a literal larger than the limit");
	REFUSED("* X-UNKNOWN {1073741825}\r\n", "a literal larger than the limit");
	REFUSED("* 1 FETCH (BODY[] {1000}\r\nonly this", "closed the connection, in the midst of: * 1 FETCH (BODY[] {1000}");
	REFUSED("\0\r\n", "a NUL");
	REFUSED("(foo)\r\n", "no tag");
	REFUSED("\"foo\"\r\n", "no tag");
	REFUSED("HTTP/1.1 400 Bad Request\r\n", "a line that is no response");
	REFUSED("A1\r\n", "a line that is no response");
	REFUSED("A1 PREAUTH x\r\n", "a line that is no response");
	REFUSED("Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa OK\r\n", "a tag we never sent");
}

/* A literal whose size is a lie: what follows is the text of a message, and may look like anything. */
static void
lying_sizes(void **state)
{
	(void)state;
	REFUSED("* 1 FETCH (BODY[] {4}\r\nbody of it\r\n* VANISHED 1:9\r\n)\r\nA1 OK\r\n", "without a name");
	REFUSED("* 1 FETCH (BODY[] {4}\r\nbody\r\n* VANISHED 1:9\r\n)\r\nA1 OK\r\n", "without a name");
	REFUSED("* 1 FETCH (BODY[] \"x\" UID 0)\r\nA1 OK\r\n", "UID 0");
	REFUSED("* 1 FETCH (UID 0 BODY[] {4}\r\nbody of it\r\n* VANISHED 1:9\r\n)\r\nA1 OK\r\n", "UID 0");
	REFUSED("* 1 FETCH (UID 0 BODY[] {4}\r\nbody\r\n* VANISHED 1:9\r\n)\r\nA1 OK\r\n", "UID 0");
	REFUSED("* 1 FETCH (FLAGS (a\"b) BODY[] {4}\r\nbody of it\r\n)\r\nA1 OK\r\n", "a quoted string without end");
}

static void
unreadable_lines(void **state)
{
	(void)state;
	UNREADABLE("* 1 FETCH (UID 4294967299)\r\n", IMAP_REPLY_FETCH, "a number too large");
	UNREADABLE("* 1 FETCH (UID 18446744073709551617)\r\n", IMAP_REPLY_FETCH, "a number past 64 bits");
	UNREADABLE("* 1 FETCH (UID 0)\r\n", IMAP_REPLY_FETCH, "UID 0");
	UNREADABLE("* 0 FETCH (UID 1)\r\n", IMAP_REPLY_FETCH, "FETCH of message 0");
	UNREADABLE("* 4294967296 EXISTS\r\n", IMAP_REPLY_FETCH, "a number too large");
	UNREADABLE("* 99999999999999999999999 EXPUNGE\r\n", IMAP_REPLY_FETCH, "past 64 bits");
	UNREADABLE("* 1 FETCH (RFC822.SIZE 99999999999999999999)\r\n", IMAP_REPLY_FETCH, "past 64 bits");
	UNREADABLE("* 1 FETCH (FLAGS (\\Seen a\"b) UID 7)\r\n", IMAP_REPLY_FETCH, "a quoted string without end");
	UNREADABLE("* 1 FETCH (FLAGS (a\"b\\\\c\\\") UID 7 BODY[] {4}\r\nA\"1 )\r\n", IMAP_REPLY_FETCH, "a quoted string without end");
	UNREADABLE("* 1 FETCH (FLAGS (\"a b\") UID 7)\r\n", IMAP_REPLY_FETCH, "no flag");
	UNREADABLE("* 1 FETCH (FLAGS (( \\Seen) UID 7)\r\n", IMAP_REPLY_FETCH, "no flag");
	UNREADABLE("* 1 FETCH (UID 7 FLAGS (\\Seen x)y)\r\n", IMAP_REPLY_FETCH, "without a name");
	UNREADABLE("* 1 FETCH (FLAGS (x)y UID 7)\r\n", IMAP_REPLY_FETCH, "without a name");
	UNREADABLE("* 1 FETCH (FLAGS (x)y RFC822.SIZE UID 7)\r\n", IMAP_REPLY_FETCH, "without a name");
	UNREADABLE("* 1 FETCH (FLAGS NIL UID 7)\r\n", IMAP_REPLY_FETCH, "no list of flags");
	UNREADABLE("* 1 FETCH (FLAGS ({2}\r\nab) UID 7)\r\n", IMAP_REPLY_FETCH, "no flag");
	UNREADABLE("* 1 FETCH (UID 0 BODY[] {12}\r\nA1 OK done\r\n)\r\n", IMAP_REPLY_FETCH, "UID 0");
	UNREADABLE("* 1 FETCH (UID 0 BODY[1] {2}\r\nab BODY[2] {3+}\r\nabc FLAGS ())\r\n", IMAP_REPLY_FETCH, "UID 0");
	UNREADABLE("* LIST () \"/\" a\0b\r\n", IMAP_REPLY_LIST, "a NUL");
	UNREADABLE("* LIST () \"/\" \"a\0b\"\r\n", IMAP_REPLY_LIST, "a NUL");
	UNREADABLE("* OK a\0b\r\n", IMAP_REPLY_STATUS, "a NUL");
	UNREADABLE("* LIST () \"/\" \"abc\r\n", IMAP_REPLY_LIST, "a quoted string without end");
	UNREADABLE("* LIST () \"/\" \"abc {4}\r\nA1 X\r\n", IMAP_REPLY_LIST, "a quoted string without end");
	UNREADABLE("* LIST (\r\n", IMAP_REPLY_LIST, "no attribute");
	UNREADABLE("* LIST () \"ab\" x\r\n", IMAP_REPLY_LIST, "delimiter");
	UNREADABLE("* LIST () \"ab\" {3}\r\nx\r\n\r\n", IMAP_REPLY_LIST, "delimiter");
	UNREADABLE("* LIST () \"/\"\r\n", IMAP_REPLY_LIST, "no string");
	UNREADABLE("* STATUS x (MESSAGES)\r\n", IMAP_REPLY_STATUS_DATA, "no number");
	UNREADABLE("* STATUS x (MESSAGES -1)\r\n", IMAP_REPLY_STATUS_DATA, "no number");
	UNREADABLE("* STATUS x (UIDNEXT 4294967296)\r\n", IMAP_REPLY_STATUS_DATA, "a number too large");
	UNREADABLE("* STATUS x (UIDVALIDITY 18446744073709551616)\r\n", IMAP_REPLY_STATUS_DATA, "past 64 bits");
	UNREADABLE("* 1 FETCH (BODY[ NIL)\r\n", IMAP_REPLY_FETCH, "a bracket without end");
	UNREADABLE("* 1 FETCH (BODY[] atom)\r\n", IMAP_REPLY_FETCH, "a body that is no string");
	UNREADABLE("* 1 FETCH (FLAGS (\\Seen\r\n", IMAP_REPLY_FETCH, "no flag");
	UNREADABLE("* 1 FETCH (BODY[] {x}\r\n", IMAP_REPLY_FETCH, "a malformed literal");
	UNREADABLE("* 1 FETCH (BODY[] {}\r\n", IMAP_REPLY_FETCH, "a malformed literal");
	UNREADABLE("* 1 FETCH (UID\r5)\r\n", IMAP_REPLY_FETCH, "a carriage return");
	UNREADABLE("* VANISHED 0\r\n", IMAP_REPLY_VANISHED, "no set");
	UNREADABLE("* VANISHED (EARLIER) 19876543210\r\n", IMAP_REPLY_VANISHED, "no set");
	UNREADABLE("* VANISHED (LATER) 1\r\n", IMAP_REPLY_VANISHED, "VANISHED");
	UNREADABLE("* SEARCH 1 0\r\n", IMAP_REPLY_SEARCH, "a SEARCH answer");
	UNREADABLE("* SEARCH 1 x\r\n", IMAP_REPLY_SEARCH, "no number");
	UNREADABLE("* ESEARCH (TAG \"A1\") UID ALL 19876543210\r\n", IMAP_REPLY_ESEARCH, "no set");
	UNREADABLE("* FLAGS (a\"b)\r\n", IMAP_REPLY_FLAGS, "a quoted string without end");
	UNREADABLE("* QUOTA x (STORAGE -1 5)\r\n", IMAP_REPLY_QUOTA, "no number");
	UNREADABLE("* QUOTA x (STORAGE 1)\r\n", IMAP_REPLY_QUOTA, "no number");
	UNREADABLE("* NAMESPACE ((\"\" \"ab\")) NIL NIL\r\n", IMAP_REPLY_NAMESPACE, "delimiter");
}

static void
nesting(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_adds(&b, "* 1 FETCH (X-DEEP ");
	for (int i = 0; i < 20000; i++)
		buf_addc(&b, '(');
	refused(b.data, b.len, "in the midst of");
	buf_adds(&b, "\r\n");
	buf_clear(&b);
	buf_adds(&b, "* 1 FETCH (X-DEEP ");
	for (int i = 0; i < 70; i++)
		buf_addc(&b, '(');
	buf_adds(&b, "\r\n");
	unreadable(b.data, b.len, IMAP_REPLY_FETCH, "lists nested too deep");
	buf_clear(&b);
	buf_adds(&b, "* 1 FETCH (X-DEEP ");
	for (int i = 0; i < 60; i++)
		buf_addc(&b, '(');
	for (int i = 0; i < 60; i++)
		buf_addc(&b, ')');
	buf_adds(&b, " UID 7)\r\n");
	with(b.data, b.len, anything);
	buf_release(&b);
}

static void
long_lines(void **state)
{
	static const char *const heads[] = { "* OK ", "* LIST () \"/\" ", "* LIST () \"/\" \"", "* X-UNKNOWN ", "",
		"* 1 FETCH (BODY[" };
	struct buf b = { 0 };
	struct peer p;

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		buf_clear(&b);
		buf_adds(&b, heads[i]);
		for (int n = 0; n < 1200000; n++)
			buf_addc(&b, 'x');
		peer_open(&p, b.data, b.len, 0);
		assert_int_equal(-1, peer_read(&p));
		assert_non_null(strstr(p.e.text, "more than 1 MB"));
		peer_close(&p);
	}
	/* Small literals that are kept count as well. */
	buf_clear(&b);
	buf_adds(&b, "* ID (");
	for (int n = 0; n < 200; n++) {
		buf_adds(&b, "{10000}\r\n");
		for (int k = 0; k < 10000; k++)
			buf_addc(&b, 'y');
	}
	peer_open(&p, b.data, b.len, 0);
	assert_int_equal(-1, peer_read(&p));
	assert_non_null(strstr(p.e.text, "more than 1 MB"));
	peer_close(&p);
	/* A SEARCH of two million messages is one line. */
	buf_clear(&b);
	buf_adds(&b, "* SEARCH");
	for (int n = 1; n < 300000; n++)
		buf_printf(&b, " %d", 2 * n);
	buf_adds(&b, "\r\n");
	peer_open(&p, b.data, b.len, 0);
	assert_int_equal(0, peer_read(&p));
	assert_int_equal(299999, p.reply.search.all.n);
	peer_close(&p);
	buf_release(&b);
}

/* A body of many buffers' length comes whole, and one that is refused is passed over. */
static void
large_bodies(void **state)
{
	struct buf b = { 0 };
	struct peer p;

	(void)state;
	buf_adds(&b, "* 1 FETCH (UID 5 BODY[] {3000000}\r\n");
	for (int n = 0; n < 3000000; n++)
		buf_addc(&b, (char)(n * 7 + n / 251));
	buf_adds(&b, ")\r\nA1 OK\r\n");
	for (int i = 0; i < 3; i++) {
		peer_open(&p, b.data, b.len, i == 1 ? 4099 : 0);
		p.refuses = i == 2;
		assert_int_equal(0, peer_read(&p));
		assert_int_equal(1, p.n_begun);
		assert_int_equal(i < 2, p.reply.fetch.body[0].is_whole);
		assert_int_equal(i < 2 ? 3000000 : 0, p.body.len);
		if (i < 2)
			assert_memory_equal(b.data + 35, p.body.data, 3000000);
		assert_int_equal(0, peer_read(&p));
		assert_string_equal("A1", p.reply.tag);
		peer_close(&p);
	}
	buf_release(&b);
}

static void
the_cap(void **state)
{
	struct peer p;

	(void)state;
	peer_open(&p, "* 1 FETCH (BODY[] {11}\r\nhello world)\r\n", 39, 0);
	imap_reader_cap(p.reader, 10);
	assert_int_equal(-1, peer_read(&p));
	assert_non_null(strstr(p.e.text, "larger than the limit"));
	assert_int_equal(ERR_STORE, p.e.scope);
	peer_close(&p);
}

static void
putting_back(void **state)
{
	struct peer p;
	char rest[16];

	(void)state;
	peer_open(&p, "A1 OK deflate\r\nBINARY", 21, 0);
	assert_int_equal(0, peer_read(&p));
	assert_true(imap_reader_has_input(p.reader));
	assert_int_equal(0, imap_reader_unread(p.reader, &p.e));
	assert_int_equal(6, p.stream->read_buffer_len);
	assert_int_equal(6, mailstream_read(p.stream, rest, 6));
	assert_memory_equal("BINARY", rest, 6);
	peer_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(understood), cmocka_unit_test(passed_over), cmocka_unit_test(flags_both_ways), cmocka_unit_test(hostile),
		cmocka_unit_test(lying_sizes), cmocka_unit_test(unreadable_lines),
		cmocka_unit_test(nesting), cmocka_unit_test(long_lines), cmocka_unit_test(large_bodies),
		cmocka_unit_test(the_cap), cmocka_unit_test(putting_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
