/* An outbox below its disk and its line: addresses, envelopes, and what is decided about a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "state/model/flags.h"
#include "sync/message/address.h"
#include "sync/outbox/decide.h"
#include "sync/outbox/envelope.h"

static void
keep(void *ctx, const char *address)
{
	buf_printf(ctx, "%s|", address);
}

static void
expect_list(const char *value, const char *wanted)
{
	struct buf got = { 0 };
	const char *why;

	if (address_list(value, strlen(value), keep, &got, &why) < 0)
		buf_printf(&got, "! %s", why);
	assert_string_equal(buf_str(&got), wanted);
	buf_release(&got);
}

static void
addresses_are_read(void **unused)
{
	(void)unused;
	expect_list("", "");
	expect_list(" , ,", "");
	expect_list("a@b", "a@b|");
	expect_list(" Jane Doe <jane@example.org> , bob@example.com\r\n\t, <c@d>", "jane@example.org|bob@example.com|c@d|");
	expect_list("\"Doe, Jane\" <jane@example.org>, \"a \\\" b\"@c", "jane@example.org|\"a \\\" b\"@c|");
	expect_list("friends: a@b, c@d; , e@f", "a@b|c@d|e@f|");
	expect_list("undisclosed-recipients:;", "");
	expect_list("(who (is) this\\)) a@b (x), c(y)@(z)d", "a@b|c@d|");
	expect_list("a . b @ c . d", "a.b@c.d|");
	expect_list("<@one,@two:a@b>", "a@b|");
	expect_list("root", "root|");
	expect_list("gr\303\274n@example.org", "gr\303\274n@example.org|");
	expect_list("a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]|");
	expect_list("=?utf-8?q?a=2C?= <a@b>", "a@b|");
	expect_list("\"x\r\n y\" <a@b>", "a@b|");
}

static void
what_is_no_address(void **unused)
{
	char deep[200];

	(void)unused;
	expect_list("Jane Doe", "! a name stands there without an address");
	expect_list("a@b c@d", "! a name stands there without an address");
	expect_list("<a@b> <c@d>", "! two addresses stand where one can be");
	expect_list("<a@b", "! an address has no >");
	expect_list("a@b>", "! a > stands alone");
	expect_list("<>", "! an address is empty");
	expect_list("\"a", "! a quote has no end");
	expect_list("\"a\\", "! a quote has no end");
	expect_list("(a", "! a comment has no end");
	expect_list("<a<b>", "! a < stands in an address");
	expect_list("a@[b", "! a [ has no ]");
	memset(deep, '(', sizeof deep);
	deep[sizeof deep - 1] = '\0';
	expect_list(deep, "! comments lie too deep in each other");
}

static void
expect_header(const char *header, const char *sender, const char *to)
{
	struct envelope v = { .sender = NULL };
	struct buf got = { 0 };
	const char *fault = envelope_from_header(&v, header, strlen(header), true);

	for (size_t i = 0; i < v.to.n; i++)
		buf_printf(&got, "%s|", v.to.at[i]);
	if (fault != NULL)
		buf_printf(&got, "! %s", fault);
	assert_string_equal(buf_str(&got), to);
	if (sender == NULL)
		assert_null(v.sender);
	else
		assert_string_equal(v.sender, sender);
	buf_release(&got);
	envelope_release(&v);
}

static void
envelopes_of_headers(void **unused)
{
	(void)unused;
	expect_header("From: a@b\nTo: c@d\nCc: e@f\nBCC : g@h\nSubject: To: i@j\n", "a@b", "c@d|e@f|g@h|");
	expect_header("From: a@b, x@y\nSender: s@t\r\nTo: c@d,\r\n c@D\r\nTo: e@f\n", "s@t", "c@d|e@f|");
	expect_header("Resent-From: a@b\nResent-To: c@d\nFrom: x@y\nTo: z@z\nResent-To: old@old\n", "a@b", "c@d|");
	expect_header("Subject: x\n", NULL, "");
	expect_header("From: a@b\nTo: c@d\n\nCc: e@f\n", "a@b", "c@d|");
	expect_header("From: a@b\nTo: a b\n", "a@b", "! To cannot be read: a name stands there without an address");
	expect_header("From: a@b\nTo: \"a\001\"@b\n", "a@b", "! the address \"\"a\001\"@b\" has a control character in it");
}

static void
envelopes_are_kept(void **unused)
{
	struct envelope v = { .sender = "a@b", .ret = "HDRS", .envid = "x+20y", .notify = "NEVER" }, again = { .sender = NULL };
	struct buf file = { 0 };
	const char *why;
	size_t len;

	(void)unused;
	assert_null(envelope_add(&v, "c@d"));
	assert_null(envelope_add(&v, "e@f"));
	assert_non_null(envelope_add(&v, "e@f>\nX-Mailtwin-Recipient: g@h"));
	envelope_write(&v, &file);
	len = file.len;
	buf_adds(&file, "Subject: x\nX-Mailtwin-Recipient: eve@example.com\n\nx");
	assert_int_equal(envelope_read(file.data, file.len, &again, &why), len);
	assert_null(why);
	assert_string_equal(again.sender, "a@b");
	assert_int_equal(again.to.n, 2);
	assert_string_equal(again.to.at[1], "e@f");
	assert_string_equal(again.ret, "HDRS");
	assert_string_equal(again.envid, "x+20y");
	assert_string_equal(again.notify, "NEVER");
	envelope_release(&again);
	/* Further down it is anybody's. */
	assert_int_equal(envelope_read(file.data + len, file.len - len, &again, &why), 0);
	envelope_release(&again);
	/* Written by hand, and wrong. */
	buf_clear(&file);
	buf_adds(&file, "X-Mailtwin-Envelope: 1 a@b\nX-Mailtwin-Recipient: c@d> SIZE=1\n\n");
	assert_true(envelope_read(file.data, file.len, &again, &why) > 0);
	assert_non_null(why);
	envelope_release(&again);
	envelope_release(&v);
	buf_release(&file);
}

static void
fields_are_parted(void **unused)
{
	static const char header[] = "A: b\nBcc: x@y,\n z@z\nresent-bcc: q\nX-Mailtwin-Options: RET=FULL\nbcC\t: w\nC: d\n e\n";
	struct buf out = { 0 };

	(void)unused;
	envelope_sent_fields(header, strlen(header), &out);
	assert_string_equal(buf_str(&out), "A: b\nC: d\n e\n");
	buf_clear(&out);
	envelope_plain_fields(header, strlen(header), &out);
	assert_string_equal(buf_str(&out), "A: b\nBcc: x@y,\n z@z\nresent-bcc: q\nbcC\t: w\nC: d\n e\n");
	buf_release(&out);
	assert_int_equal(envelope_fields("A: b\nno field\n", 14), 5);
	assert_int_equal(envelope_fields("hello\n", 6), 0);
	assert_int_equal(envelope_fields("A: b\n\nB: c\n", 11), 5);
	assert_int_equal(envelope_fields(": b\n", 4), 0);
	assert_int_equal(envelope_fields(" b\n", 3), 0);
}

/* ---- decisions ---- */

enum { NOW = 1000000 };

struct play {
	struct arena arena;
	struct outbox_record rec;
	struct outbox_recipient people[3];
	struct smtp_recipient to[3];
	size_t index[3], n;
};

static void
begin(struct play *p, size_t n)
{
	static const char *const names[] = { "a@b", "c@d", "e@f" };

	*p = (struct play){ .rec = { .message_id = "", .date = "", .name = "", .words = "", .n = n } };
	p->rec.to = p->people;
	for (size_t i = 0; i < n; i++)
		p->people[i] = (struct outbox_recipient){ OUTBOX_GOT_NOT, names[i], "" };
}

/* One transaction: how RCPT of each was answered, and what came of it. */
static bool
transact(struct play *p, enum smtp_outcome outcome, unsigned code, unsigned a, unsigned b, unsigned c, int64_t now)
{
	const unsigned codes[] = { a, b, c };
	struct smtp_result result = { .outcome = outcome, .reply = { .code = code } };

	p->n = outbox_choose(&p->rec, p->index, 3);
	memset(p->to, 0, sizeof p->to);
	for (size_t i = 0; i < p->n; i++)
		p->to[i].reply.code = codes[i];
	if (outcome == SMTP_TAKEN || outcome == SMTP_UNKNOWN)
		outbox_intend(&p->rec, p->index, p->to, p->n, now);
	return outbox_settle(&p->rec, p->index, p->to, p->n, &result, "the line broke", now, &p->arena);
}

static void
expect(struct play *p, enum outbox_state state, const char *got)
{
	static const char letters[] = "np+-";
	char all[4] = "";

	for (size_t i = 0; i < p->rec.n; i++)
		all[i] = letters[p->rec.to[i].got];
	assert_int_equal(p->rec.state, state);
	assert_string_equal(all, got);
	arena_release(&p->arena);
}

static void
what_a_server_says_is_settled(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, 3);
	assert_false(transact(&p, SMTP_TAKEN, 250, 250, 250, 250, NOW));
	expect(&p, OUTBOX_SENT, "+++");
	begin(&p, 3);
	assert_false(transact(&p, SMTP_TAKEN, 250, 250, 550, 450, NOW));
	expect(&p, OUTBOX_WAITING, "+-n");
	assert_int_equal(p.rec.next, NOW + OUTBOX_FIRST_WAIT);
	/* The next time those who are left alone are asked. */
	assert_int_equal(outbox_choose(&p.rec, p.index, 3), 1);
	assert_int_equal(p.index[0], 2);
	assert_false(transact(&p, SMTP_TAKEN, 250, 250, 0, 0, NOW + 1000));
	expect(&p, OUTBOX_HELD, "+-+");
	begin(&p, 2);
	assert_false(transact(&p, SMTP_NOBODY, 0, 550, 551, 0, NOW));
	expect(&p, OUTBOX_HELD, "--");
	begin(&p, 2);
	assert_false(transact(&p, SMTP_UNKNOWN, 0, 250, 550, 0, NOW));
	expect(&p, OUTBOX_UNKNOWN, "p-");
	begin(&p, 2);
	assert_false(transact(&p, SMTP_UNKNOWN, 0, 250, 450, 0, NOW));
	expect(&p, OUTBOX_UNKNOWN, "pn");
	/* Of MAIL, whatever is said of those behind it. */
	begin(&p, 2);
	assert_false(transact(&p, SMTP_WAITS, 451, 503, 550, 0, NOW));
	expect(&p, OUTBOX_WAITING, "nn");
	begin(&p, 2);
	assert_false(transact(&p, SMTP_REFUSED, 550, 503, 0, 0, NOW));
	expect(&p, OUTBOX_HELD, "--");
	/* Of the message. */
	begin(&p, 2);
	assert_false(transact(&p, SMTP_REFUSED, 554, 250, 450, 0, NOW));
	expect(&p, OUTBOX_WAITING, "-n");
	begin(&p, 1);
	assert_false(transact(&p, SMTP_WAITS, 452, 250, 0, 0, NOW));
	expect(&p, OUTBOX_WAITING, "n");
	begin(&p, 1);
	assert_false(transact(&p, SMTP_NOT_SENT, 0, 250, 0, 0, NOW));
	expect(&p, OUTBOX_WAITING, "n");
	/* So many at a time. */
	begin(&p, 3);
	assert_true(transact(&p, SMTP_TAKEN, 250, 250, 452, 552, NOW));
	expect(&p, OUTBOX_WAITING, "+nn");
	assert_false(transact(&p, SMTP_TAKEN, 250, 250, 250, 0, NOW));
	expect(&p, OUTBOX_SENT, "+++");
	/* But a 552 to all is what it says. */
	begin(&p, 1);
	assert_false(transact(&p, SMTP_NOBODY, 0, 552, 0, 0, NOW));
	expect(&p, OUTBOX_HELD, "-");
}

static void
a_schedule_is_kept(void **unused)
{
	static const int waits[] = { 300, 600, 1200, 2400, 4800, 9600, 14400, 14400 };
	struct play p;

	(void)unused;
	begin(&p, 1);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		transact(&p, SMTP_NOBODY, 0, 450, 0, 0, NOW);
		assert_int_equal(p.rec.next, NOW + waits[i]);
		assert_int_equal(outbox_decide(&p.rec, true, 0, NOW + waits[i] - 1), OUTBOX_ACT_WAIT);
		assert_int_equal(outbox_decide(&p.rec, true, 0, NOW + waits[i]), OUTBOX_ACT_SEND);
	}
	p.rec.tries = 1000;
	transact(&p, SMTP_NOBODY, 0, 450, 0, 0, NOW);
	assert_int_equal(p.rec.next, NOW + OUTBOX_LONGEST_WAIT);
	arena_release(&p.arena);
}

static void
what_is_to_be_done_is_decided(void **unused)
{
	struct play p;

	(void)unused;
	begin(&p, 1);
	assert_int_equal(outbox_decide(&p.rec, false, 0, NOW), OUTBOX_ACT_SEND);
	assert_int_equal(outbox_decide(&p.rec, false, FLAG_SEEN, NOW), OUTBOX_ACT_SEND);
	assert_int_equal(outbox_decide(&p.rec, false, FLAG_DELETED, NOW), OUTBOX_ACT_NOTHING);
	assert_int_equal(outbox_decide(&p.rec, false, FLAG_DRAFT, NOW), OUTBOX_ACT_HOLD);
	assert_int_equal(p.rec.state, OUTBOX_NEW);
	/* Its record was lost. */
	assert_int_equal(outbox_decide(&p.rec, false, FLAG_FLAGGED, NOW), OUTBOX_ACT_HOLD);
	assert_int_equal(p.rec.state, OUTBOX_HELD);
	/* The program ended behind its intent: nobody sends it again, whatever its flags are. */
	begin(&p, 1);
	p.rec.state = OUTBOX_SENDING;
	p.people[0].got = OUTBOX_GOT_PERHAPS;
	assert_int_equal(outbox_decide(&p.rec, true, 0, NOW), OUTBOX_ACT_LOOK);
	assert_int_equal(p.rec.state, OUTBOX_UNKNOWN);
	assert_int_equal(outbox_decide(&p.rec, true, FLAG_FLAGGED, NOW), OUTBOX_ACT_LOOK);
	outbox_found(&p.rec, NOW);
	assert_int_equal(outbox_decide(&p.rec, true, 0, NOW), OUTBOX_ACT_FILE);
	/* Held: until the flag that it was given is taken off. */
	begin(&p, 2);
	transact(&p, SMTP_TAKEN, 250, 250, 550, 0, NOW);
	assert_int_equal(outbox_decide(&p.rec, true, 0, NOW), OUTBOX_ACT_HOLD);
	p.rec.flags |= OUTBOX_IS_FLAGGED;
	assert_int_equal(outbox_decide(&p.rec, true, FLAG_FLAGGED, NOW), OUTBOX_ACT_HOLD);
	assert_int_equal(outbox_decide(&p.rec, true, 0, NOW), OUTBOX_ACT_SEND);
	assert_int_equal(outbox_choose(&p.rec, p.index, 3), 1);
	assert_int_equal(p.index[0], 1);
	arena_release(&p.arena);
	/* A person lets it go, all of whom it was for have it: it is filed. */
	begin(&p, 1);
	p.people[0].got = OUTBOX_GOT;
	outbox_release(&p.rec);
	assert_int_equal(outbox_decide(&p.rec, true, 0, NOW), OUTBOX_ACT_FILE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(what_is_no_address),
		cmocka_unit_test(envelopes_of_headers),
		cmocka_unit_test(envelopes_are_kept),
		cmocka_unit_test(fields_are_parted),
		cmocka_unit_test(what_a_server_says_is_settled),
		cmocka_unit_test(a_schedule_is_kept),
		cmocka_unit_test(what_is_to_be_done_is_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
