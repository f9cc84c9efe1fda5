/* A session against scripted servers, in plain and over TLS.
 *
 * A script is lines: "S text" the server says it with CRLF; "s text" without; "C text" it hears exactly
 * that; "c text" it hears a line that begins so; "R n" it reads n octets; "X" it hears nothing more
 * until we hang up. The script's end hangs up. */
#include "tests/unit/net_peer.h"

#include "sync/sasl/auth.h"
#include "sync/imap/session.h"

static struct {
	const char *script[4];		/* one per connection */
	int served;
	char bad[512];			/* the first line that was not as scripted */
	int n_first;
	char alert[128];
} world;

static void
wrong(const char *wanted, const char *got)
{
	if (world.bad[0] == '\0')
		snprintf(world.bad, sizeof world.bad, "wanted \"%.200s\", heard \"%.200s\"", wanted, got);
}

static void
talk(struct peer *p, int fd, SSL *ssl)
{
	const char *s = world.script[world.served++];
	struct buf said = { 0 };
	char want[70000], line[70000];

	(void)p;
	while (*s != '\0') {
		size_t len = strcspn(s, "\n");
		char what = s[0];

		snprintf(want, sizeof want, "%.*s", (int)(len > 2 ? len - 2 : 0), s + 2);
		s += len + (s[len] == '\n');
		if (what == 'S' || what == 's') {
			buf_adds(&said, want);
			buf_adds(&said, what == 'S' ? "\r\n" : "");
			if (*s == 'S' || *s == 's')
				continue;
			peer_say(fd, ssl, buf_str(&said));
			buf_clear(&said);
		} else if (what == 'X') {
			peer_hear(fd, ssl, line, sizeof line);
			if (line[0] != '\0' && strcmp(line, "Z LOGOUT") != 0)
				wrong("", line);
		} else if (what == 'R') {
			for (long n = strtol(want, NULL, 10); n > 0; n--)
				if ((ssl != NULL ? SSL_read(ssl, line, 1) : recv(fd, line, 1, 0)) != 1)
					break;
		} else {
			peer_hear(fd, ssl, line, sizeof line);
			if (what == 'C' ? strcmp(want, line) != 0 : strncmp(want, line, strlen(want)) != 0) {
				wrong(want, line);
				break;
			}
		}
	}
	buf_release(&said);
}

/* ---- our side ---- */

struct side {
	struct peer peer;
	struct peer_cert cert;
	SSL_CTX *ctx;
	struct net *net;
	struct buf secret;
	struct auth_settings auth;
	struct imap_memory memory;
	struct imap_open o;
	struct imap_session *s;
	struct err e;
};

static void
on_alert(void *ctx, const char *text)
{
	(void)ctx;
	snprintf(world.alert, sizeof world.alert, "%s", text);
}

static int
first(void *ctx, struct imap_session *s, struct err *e)
{
	struct imap_command c;

	(void)ctx;
	world.n_first++;
	imap_command_init(&c, IMAP_ANY, imap_session_caps(s), false);
	imap_put(&c, "LIST \"\" *");
	return imap_send(s, &c, NULL, NULL, NULL, e);
}

static const char *const plain_only[] = { "PLAIN" };

static void
side_start(struct side *a, enum net_tls tls, const char *one, const char *two)
{
	struct net_settings set;

	memset(a, 0, sizeof *a);
	memset(&world, 0, sizeof world);
	world.script[0] = one;
	world.script[1] = two;
	if (tls != NET_TLS_NONE) {
		a->cert = peer_cert("localhost", "IP:127.0.0.1", -1, 1, NULL, 1);
		a->ctx = peer_ctx(&a->cert);
	}
	peer_start(&a->peer, talk, tls == NET_TLS_IMPLICIT ? a->ctx : NULL, two != NULL ? 2 : 1);
	set = peer_settings(a->peer.port);
	set.tls_type = tls;
	set.name = "work";
	if (tls != NET_TLS_NONE)
		set.certificate_file = peer_cert_write("cert.pem", &a->cert, 0);
	a->net = net_new(&set, &a->e);
	assert_non_null(a->net);
	a->secret.is_secret = 1;
	buf_adds(&a->secret, "pw");
	a->auth = (struct auth_settings){ .host = "127.0.0.1", .port = a->peer.port, .user = "u", .secret = &a->secret,
		.allowed = plain_only, .n_allowed = 1 };
	a->o = (struct imap_open){ .net = a->net, .auth = &a->auth, .memory = &a->memory, .alert = on_alert };
}

static void
side_end(struct side *a)
{
	imap_session_close(&a->s);
	peer_stop(&a->peer);
	net_free(&a->net);
	buf_release(&a->secret);
	imap_memory_release(&a->memory);
	if (a->ctx != NULL) {
		SSL_CTX_free(a->ctx);
		peer_cert_free(&a->cert);
	}
	if (world.bad[0] != '\0')
		fail_msg("%s", world.bad);
}

static void
side_open(struct side *a)
{
	a->s = imap_session_open(&a->o, &a->e);
	if (a->s == NULL)
		fail_msg("%s (%s)", a->e.text, world.bad);
}

/* The opening ends in an error of that class that says `words`. */
static void
refused(enum net_tls tls, const char *script, enum err_class class, const char *words)
{
	struct side a;

	side_start(&a, tls, script, NULL);
	a.s = imap_session_open(&a.o, &a.e);
	assert_null(a.s);
	if (a.e.class != class || strstr(a.e.text, words) == NULL || strstr(a.e.text, "work") == NULL)
		fail_msg("class %d: %s", a.e.class, a.e.text);
	side_end(&a);
}

/* AHUAcHc= is "\0u\0pw". */
#define GREETING "S * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\n"
#define LOGIN_WITH(caps) GREETING "C A1 AUTHENTICATE PLAIN AHUAcHc=\nS A1 OK [CAPABILITY IMAP4rev1 " caps "] in\n"

/* ---- opening ---- */

static void
step_by_step(void **state)
{
	struct side a;
	char delimiter;

	(void)state;
	side_start(&a, NET_TLS_NONE, "S * OK [ALERT] down at noon\nC A1 CAPABILITY\n"
	    "S * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN QRESYNC\nS A1 OK\nC A2 AUTHENTICATE PLAIN AHUAcHc=\n"
	    "S * CAPABILITY IMAP4rev1 ENABLE QRESYNC NAMESPACE ID\nS A2 OK in\nC A3 ENABLE QRESYNC\nC A4 NAMESPACE\n"
	    "C A5 ID (\"name\" \"us\")\nS A5 OK\nS * NAMESPACE ((\"INBOX.\" \".\")) NIL NIL\nS A4 OK\nS * ENABLED QRESYNC\nS A3 OK\n"
	    "C A6 LIST \"\" *\nS A6 OK\nX\n", NULL);
	a.o.id_name = "us";
	a.o.first = first;
	side_open(&a);
	assert_int_equal(0, imap_finish(a.s, &a.e));
	assert_true(imap_session_has_qresync(a.s));
	assert_string_equal("INBOX.", imap_session_prefix(a.s, &delimiter));
	assert_int_equal('.', delimiter);
	assert_string_equal("down at noon", world.alert);
	imap_session_memory(a.s, &a.memory);
	assert_string_equal("PLAIN", a.memory.mechanism);
	assert_string_equal("IMAP4rev1 ENABLE QRESYNC NAMESPACE ID", buf_str(&a.memory.caps));
	side_end(&a);
	/* ENABLE answered OK but with an empty ENABLED: nothing is enabled. */
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("QRESYNC") "C A2 ENABLE QRESYNC\nS * ENABLED\nS A2 OK\nX\n", NULL);
	side_open(&a);
	assert_false(imap_session_has_qresync(a.s));
	side_end(&a);
	/* No word of capabilities after the login: they are asked for. */
	side_start(&a, NET_TLS_NONE, GREETING "C A1 AUTHENTICATE PLAIN AHUAcHc=\nS A1 OK\nC A2 CAPABILITY\n"
	    "S * CAPABILITY IMAP4rev1 MOVE\nS A2 OK\nX\n", NULL);
	side_open(&a);
	assert_true(imap_caps_has(imap_session_caps(a.s), IMAP_CAP_MOVE));
	side_end(&a);
	/* Without SASL-IR the response waits for its "+"; without AUTH= it is LOGIN. */
	side_start(&a, NET_TLS_NONE, "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nC A1 AUTHENTICATE PLAIN\nS * OK wait\nS + \nC AHUAcHc=\n"
	    "S A1 OK [CAPABILITY IMAP4rev1] in\nX\n", NULL);
	side_open(&a);
	side_end(&a);
	side_start(&a, NET_TLS_NONE, "S * PREAUTH [CAPABILITY IMAP4rev1] hi\nX\n", NULL);
	side_open(&a);
	side_end(&a);
}

static void
openings_refused(void **state)
{
	(void)state;
	refused(NET_TLS_STARTTLS, "S * PREAUTH hi\n", ERR_REFUSED, "PREAUTH");
	refused(NET_TLS_STARTTLS, "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\n", ERR_REFUSED, "not offered");
	refused(NET_TLS_STARTTLS, "S * OK [CAPABILITY STARTTLS] hi\nC A1 STARTTLS\nS A1 NO not today\n", ERR_REFUSED, "may be anybody's");
	refused(NET_TLS_STARTTLS, "S * OK [CAPABILITY STARTTLS] hi\nC A1 STARTTLS\nS A1 OK go\nS * CAPABILITY IMAP4rev1 AUTH=PLAIN\nX\n",
	    ERR_REFUSED, "unprotected data");
	refused(NET_TLS_NONE, "S * BYE too many of you\n", ERR_TEMPORARY, "too many of you");
	refused(NET_TLS_NONE, "S * NO what\n", ERR_FAILED, "does not greet");
	refused(NET_TLS_NONE, "S 220 mail.example ESMTP\n", ERR_FAILED, "no response");
	refused(NET_TLS_NONE, "S * OK\nC A1 CAPABILITY\nS A1 OK\n", ERR_FAILED, "without saying any");
	refused(NET_TLS_NONE, "", ERR_TEMPORARY, "closed");
	refused(NET_TLS_NONE, GREETING "c A1 AUTHENTICATE\nS A1 NO [AUTHENTICATIONFAILED] wrong\n", ERR_REFUSED, "wrong");
	refused(NET_TLS_NONE, GREETING "c A1 AUTHENTICATE\nS A1 NO [UNAVAILABLE] later\n", ERR_TEMPORARY, "later");
	refused(NET_TLS_NONE, GREETING "c A1 AUTHENTICATE\nS * BYE going\n", ERR_TEMPORARY, "going");
	refused(NET_TLS_NONE, GREETING "c A1 AUTHENTICATE\nS A7 OK\n", ERR_FAILED, "never sent");
}

static void
remember(struct side *a, const char *caps)
{
	strcpy(a->memory.mechanism, "PLAIN");
	buf_clear(&a->memory.caps);
	buf_adds(&a->memory.caps, caps);
	a->o.first = first;
}
#define REMEMBERED "IMAP4rev1 SASL-IR QRESYNC LIST-STATUS ID"
#define FLIGHT "C A1 AUTHENTICATE PLAIN AHUAcHc=\nC A2 ENABLE QRESYNC\nC A3 LIST \"\" *\n"

/* R24: all three lines are heard before a word is answered. */
static void
in_one_flight(void **state)
{
	struct side a;

	(void)state;
	side_start(&a, NET_TLS_IMPLICIT, "S * OK hi\n" FLIGHT "S A1 OK in\nS * ENABLED QRESYNC\nS A2 OK\nS A3 OK\nX\n", NULL);
	remember(&a, REMEMBERED);
	side_open(&a);
	assert_int_equal(0, imap_finish(a.s, &a.e));
	assert_true(imap_session_has_qresync(a.s));
	assert_true(imap_caps_has(imap_session_caps(a.s), IMAP_CAP_LIST_STATUS));
	assert_int_equal(1, world.n_first);
	imap_session_memory(a.s, &a.memory);
	assert_false(a.memory.is_stepwise);
	side_end(&a);
}

#define STEPS "S * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\nC A1 AUTHENTICATE PLAIN AHUAcHc=\n" \
	"S A1 OK [CAPABILITY IMAP4rev1] in\nC A2 LIST \"\" *\nS A2 OK\nX\n"

static void
flight_falls_back(void **state)
{
	static const struct { const char *script; bool is_remembered; } cases[] = {
		{ "S * OK hi\n" FLIGHT "S + \nX\n", true },	/* R24: it ate our ENABLE as SASL data */
		{ "S * OK hi\n" FLIGHT "S A1 BAD what\n", false },
		{ "S * OK hi\n" FLIGHT, true },			/* hangs up on us */
		/* Cyrus over TLS: what stood behind the login is lost, its fragments are taken for commands. */
		{ "S * OK hi\n" FLIGHT "S A1 OK in\nS * BAD Invalid tag\nX\n", true },
		{ "S * OK hi\n" FLIGHT "S A1 OK in\nS ABLE BAD Unrecognized command\nX\n", true },
	};
	struct side a;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		side_start(&a, NET_TLS_IMPLICIT, cases[i].script, STEPS);
		remember(&a, REMEMBERED);
		side_open(&a);
		assert_int_equal(0, imap_finish(a.s, &a.e));
		assert_int_equal(2, world.served);
		assert_int_equal(2, world.n_first);
		imap_session_memory(a.s, &a.memory);
		assert_int_equal(cases[i].is_remembered, a.memory.is_stepwise);
		side_end(&a);
	}
	/* A refusal of the password is final. */
	side_start(&a, NET_TLS_IMPLICIT, "S * OK hi\n" FLIGHT "S A1 NO wrong\nS A2 BAD\nS A3 BAD\nX\n", NULL);
	remember(&a, REMEMBERED);
	a.s = imap_session_open(&a.o, &a.e);
	assert_null(a.s);
	assert_int_equal(ERR_REFUSED, a.e.class);
	side_end(&a);
}

static void
flight_not_tried(void **state)
{
	struct side a;

	(void)state;
	/* The greeting's own capabilities override memory. */
	side_start(&a, NET_TLS_IMPLICIT, "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nC A1 AUTHENTICATE PLAIN\nS + \nC AHUAcHc=\n"
	    "S A1 OK [CAPABILITY IMAP4rev1] in\nC A2 LIST \"\" *\nS A2 OK\nX\n", NULL);
	remember(&a, REMEMBERED);
	side_open(&a);
	assert_int_equal(0, imap_finish(a.s, &a.e));
	side_end(&a);
	/* Not without TLS, whatever is remembered; not where it went wrong before. */
	for (int i = 0; i < 2; i++) {
		side_start(&a, i == 0 ? NET_TLS_NONE : NET_TLS_IMPLICIT, STEPS, NULL);
		remember(&a, REMEMBERED);
		a.memory.is_stepwise = i == 1;
		side_open(&a);
		assert_int_equal(0, imap_finish(a.s, &a.e));
		side_end(&a);
	}
	/* PREAUTH has nothing to authenticate. */
	side_start(&a, NET_TLS_IMPLICIT, "S * PREAUTH [CAPABILITY IMAP4rev1] hi\nC A1 LIST \"\" *\nS A1 OK\nX\n", NULL);
	remember(&a, REMEMBERED);
	side_open(&a);
	assert_int_equal(0, imap_finish(a.s, &a.e));
	side_end(&a);
}

/* ---- commands ---- */

struct heard {
	struct buf text;
};

static void
heard_fetch(void *ctx, const struct imap_fetch *f)
{
	struct heard *h = ctx;

	buf_printf(&h->text, "fetch %u%s ", f->uid, f->n_bodies > 0 && f->body[0].is_whole ? "!" : "");
}

static int
heard_body(void *ctx, const struct imap_fetch *so_far, const struct imap_body *body)
{
	struct heard *h = ctx;

	buf_printf(&h->text, "body %u ", so_far->uid);
	return body->size > 1000 ? -1 : 0;
}

static int
heard_data(void *ctx, const void *p, size_t len)
{
	struct heard *h = ctx;

	buf_adds(&h->text, "<");
	buf_add(&h->text, p, len);
	buf_adds(&h->text, "> ");
	return 0;
}

static void
heard_vanished(void *ctx, const struct imap_uidset *set, bool is_earlier)
{
	struct heard *h = ctx;

	buf_printf(&h->text, "%s %u ", is_earlier ? "earlier" : "vanished", set->at[0].first);
}

static void
heard_search(void *ctx, const struct imap_search *s)
{
	struct heard *h = ctx;

	buf_printf(&h->text, "found %u ", s->all.n > 0 ? s->all.at[0].first : 0);
}

static void
heard_code(void *ctx, const struct imap_code *code)
{
	struct heard *h = ctx;

	buf_printf(&h->text, "%s ", code->name);
}

static void
heard_done(void *ctx, const struct imap_result *result)
{
	static const char *const names[] = { "OK", "NO", "BAD", "?", "?", "LOST", "UNSENT" };
	struct heard *h = ctx;

	buf_printf(&h->text, "%s ", names[result->status]);
}

static const struct imap_events plain = {
	.fetch = heard_fetch, .vanished = heard_vanished, .search = heard_search, .code = heard_code, .done = heard_done
};
static const struct imap_events bodies = {
	.fetch = heard_fetch, .body_begin = heard_body, .body_data = heard_data, .done = heard_done
};

static void
was_heard(struct heard *h, const char *want)
{
	assert_string_equal(want, buf_str(&h->text));
	buf_release(&h->text);
}

static int
say(struct side *a, enum imap_command_kind kind, const char *before, uint32_t uid, const char *behind,
    const struct imap_events *ev, struct heard *h)
{
	struct imap_command c;

	imap_command_init(&c, kind, imap_session_caps(a->s), false);
	c.is_copy = strstr(before, "MOVE") != NULL;
	if (strcmp(before, "SEARCH") == 0)
		imap_put_search(&c);
	else
		imap_put(&c, before);
	if (uid != 0)
		imap_put_uids(&c, &uid, 1, 100);
	imap_put(&c, behind);
	return imap_send(a->s, &c, ev, h, NULL, &a->e);
}

static unsigned
choose(struct side *a, const char *name, struct heard *h)
{
	struct imap_select how = { .utf8 = name };
	unsigned ticket;

	assert_int_equal(0, imap_select(a->s, &how, &plain, h, &ticket, &a->e));
	return ticket;
}

#define SELECTED(tag, v) "S * 3 EXISTS\nS * OK [UIDVALIDITY " v "] x\nS * OK [UIDNEXT 9] x\nS * OK [HIGHESTMODSEQ 77] x\n" \
	"S * OK [PERMANENTFLAGS (\\Seen \\*)] x\nS " tag " OK [READ-WRITE] y\n"

/* Dovecot answers in the order it likes; a body before its UID; a UID nobody asked for. */
static void
reordered(void **state)
{
	struct heard box = { { 0 } }, one = { { 0 } }, two = { { 0 } }, body = { { 0 } };
	struct side a;

	(void)state;
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("UIDPLUS") "C A2 SELECT INBOX\nC A3 UID FETCH 5 (FLAGS)\nC A4 UID FETCH 6 (FLAGS)\n"
	    SELECTED("A2", "1") "S * 2 FETCH (UID 6 FLAGS ())\nS * 1 FETCH (UID 5 FLAGS ())\nS * 3 FETCH (UID 8 FLAGS ())\nS A4 OK\nS A3 OK\n"
	    "C A5 UID FETCH 5 (BODY.PEEK[])\nS * 1 FETCH (BODY[] {3}\nS abc UID 5)\nS * 1 FETCH (FLAGS ())\nS A5 OK\nX\n", NULL);
	side_open(&a);
	choose(&a, "inbox", &box);
	assert_int_equal(0, say(&a, IMAP_READ, "UID FETCH ", 5, " (FLAGS)", &plain, &one));
	assert_int_equal(0, say(&a, IMAP_READ, "UID FETCH ", 6, " (FLAGS)", &plain, &two));
	assert_int_equal(0, imap_finish(a.s, &a.e));
	was_heard(&one, "fetch 5 OK ");
	was_heard(&two, "fetch 6 OK ");
	assert_int_equal(77, imap_session_box(a.s)->highestmodseq);
	assert_int_equal(3, imap_session_box(a.s)->exists);
	assert_false(imap_session_box(a.s)->is_dirty);
	assert_int_equal(0, say(&a, IMAP_READ, "UID FETCH ", 5, " (BODY.PEEK[])", &bodies, &body));
	assert_int_equal(0, imap_finish(a.s, &a.e));
	was_heard(&body, "body 0 <abc> fetch 5! OK ");
	assert_true(imap_session_box(a.s)->is_dirty);	/* a FETCH without UID */
	was_heard(&box, "OK fetch 8 ");
	side_end(&a);
}

/* R17: two mailboxes both have a UID 5. With [CLOSED] shown once, SELECTs are pipelined. */
static void
two_mailboxes(void **state)
{
	struct heard a1 = { { 0 } }, b1 = { { 0 } }, c1 = { { 0 } }, fa = { { 0 } }, fb = { { 0 } };
	struct side a;

	(void)state;
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("QRESYNC ENABLE") "C A2 ENABLE QRESYNC\nS * ENABLED QRESYNC\nS A2 OK\n"
	    "C A3 SELECT \"a\" (CONDSTORE)\n" SELECTED("A3", "1")
	    "C A4 SELECT \"b\" (CONDSTORE)\nS * VANISHED 5\nS * OK [CLOSED] x\nS * FLAGS (\\Seen)\n" SELECTED("A4", "2")
	    "C A5 UID FETCH 5 (FLAGS)\nC A6 SELECT \"c\" (CONDSTORE)\nC A7 UID FETCH 5 (FLAGS)\n"
	    "S * 1 FETCH (UID 5 FLAGS ())\nS A5 OK\nS * VANISHED 7\nS * OK [CLOSED] x\nS * VANISHED (EARLIER) 8\n" SELECTED("A6", "3")
	    "S * 1 FETCH (UID 5 FLAGS (\\Seen))\nS A7 OK\nX\n", NULL);
	side_open(&a);
	choose(&a, "a", &a1);
	assert_int_equal(0, imap_finish(a.s, &a.e));
	choose(&a, "b", &b1);
	assert_int_equal(0, imap_finish(a.s, &a.e));
	assert_int_equal(0, say(&a, IMAP_READ, "UID FETCH ", 5, " (FLAGS)", &plain, &fa));
	choose(&a, "c", &c1);
	assert_int_equal(0, say(&a, IMAP_READ, "UID FETCH ", 5, " (FLAGS)", &plain, &fb));
	assert_int_equal(0, imap_finish(a.s, &a.e));
	was_heard(&a1, "OK vanished 5 ");
	was_heard(&b1, "OK vanished 7 ");
	was_heard(&c1, "earlier 8 OK ");
	was_heard(&fa, "fetch 5 OK ");
	was_heard(&fb, "earlier 8 fetch 5 OK ");
	assert_int_equal(3, imap_session_box(a.s)->uidvalidity);
	side_end(&a);
	/* Without QRESYNC: UNSELECT's answer switches. */
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("UNSELECT") "C A2 SELECT \"a\"\n" SELECTED("A2", "1")
	    "C A3 UNSELECT\nC A4 SELECT \"b\"\nS * 3 EXPUNGE\nS A3 OK\n" SELECTED("A4", "2") "X\n", NULL);
	side_open(&a);
	choose(&a, "a", &a1);
	assert_int_equal(0, imap_finish(a.s, &a.e));
	choose(&a, "b", &b1);
	assert_int_equal(0, imap_finish(a.s, &a.e));
	assert_int_equal(3, imap_session_box(a.s)->exists);
	was_heard(&a1, "OK ");
	was_heard(&b1, "OK ");
	side_end(&a);
}

/* R17: what changes a mailbox waits for its SELECT, and needs the UIDVALIDITY it was planned with. */
static void
mutations_wait(void **state)
{
	struct heard box = { { 0 } }, w = { { 0 } };
	struct imap_command c;
	struct side a;

	(void)state;
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("MOVE") "C A2 SELECT \"a\"\n" SELECTED("A2", "7") "C A3 UID MOVE 5 \"b\"\n"
	    "S * OK [COPYUID 9 5 1] m\nS * 1 EXPUNGE\nS A3 OK\nC A4 SELECT \"r\"\nS * OK [UIDVALIDITY 8] x\nS A4 OK [READ-ONLY] y\n"
	    "C A5 SELECT \"none\"\nS A5 NO [NONEXISTENT] gone\nX\n", NULL);
	side_open(&a);
	assert_int_equal(-1, say(&a, IMAP_WRITE, "UID EXPUNGE ", 5, "", &plain, &w));
	assert_int_equal(ERR_BOX, a.e.scope);
	choose(&a, "a", &box);
	imap_command_init(&c, IMAP_WRITE, imap_session_caps(a.s), false);
	imap_put(&c, "UID EXPUNGE 5");
	c.uidvalidity = 6;
	assert_int_equal(-1, imap_send(a.s, &c, &plain, &w, NULL, &a.e));
	assert_non_null(strstr(a.e.text, "UIDVALIDITY 7, was 6"));
	assert_int_equal(0, say(&a, IMAP_WRITE, "UID MOVE ", 5, " \"b\"", &plain, &w));
	assert_int_equal(0, imap_finish(a.s, &a.e));
	was_heard(&w, "COPYUID OK ");
	choose(&a, "r", &box);
	assert_int_equal(-1, say(&a, IMAP_WRITE, "UID EXPUNGE ", 5, "", &plain, &w));
	assert_non_null(strstr(a.e.text, "read-only"));
	assert_null(imap_select_wait(a.s, choose(&a, "none", &box), &a.e));
	assert_non_null(strstr(a.e.text, "gone"));
	assert_null(imap_session_box(a.s));
	buf_release(&box.text);
	side_end(&a);
}

/* R17: what names "$" leaves behind a SELECT that is not answered, and its answers are its own. */
static void
what_was_saved_goes_ahead(void **state)
{
	struct heard box = { { 0 } }, w = { { 0 } };
	const uint32_t uid = 5;
	struct imap_command c;
	struct side a;

	(void)state;
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("MOVE") "C A2 SELECT \"a\"\nC A3 UID STORE $ +FLAGS (\\Seen)\n" SELECTED("A2", "7")
	    "S * 1 FETCH (UID 5 FLAGS (\\Seen))\nS A3 OK\nX\n", NULL);
	side_open(&a);
	choose(&a, "a", &box);
	imap_command_init(&c, IMAP_WRITE, imap_session_caps(a.s), false);
	imap_put(&c, "UID STORE ");
	imap_put_saved(&c, &uid, 1);
	imap_put(&c, " +FLAGS (\\Seen)");
	assert_int_equal(0, imap_send(a.s, &c, &plain, &w, NULL, &a.e));
	assert_int_equal(2, imap_unanswered(a.s));
	assert_int_equal(0, imap_finish(a.s, &a.e));
	was_heard(&w, "fetch 5 OK ");
	was_heard(&box, "OK ");
	side_end(&a);
}

static ssize_t
give_x(void *ctx, void *p, size_t room, struct err *e)
{
	(void)ctx;
	(void)e;
	memset(p, 'x', room);
	return (ssize_t)room;
}

static ssize_t
give_none(void *ctx, void *p, size_t room, struct err *e)
{
	(void)ctx;
	(void)p;
	(void)room;
	return err_set(e, ERR_MESSAGE, "cannot read it");
}

static int
append(struct side *a, const struct imap_source *source, struct heard *h)
{
	struct imap_command c;

	imap_command_init(&c, IMAP_ANY, imap_session_caps(a->s), false);
	imap_put(&c, "APPEND INBOX ");
	imap_put_literal(&c, source);
	return imap_send(a->s, &c, &plain, h, NULL, &a->e);
}

static void
literals(void **state)
{
	struct imap_source ten = { .size = 10, .read = give_x }, broken = { .size = 10, .read = give_none };
	struct heard one = { { 0 } }, two = { { 0 } }, three = { { 0 } };
	struct side a;

	(void)state;
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("IDLE") "C A2 APPEND INBOX {10}\nS * OK soon\nS * 4 EXISTS\nS + go\nC xxxxxxxxxx\nS A2 OK\n"
	    "C A3 APPEND INBOX {10}\nS A3 NO [TOOBIG] no\nC A4 APPEND INBOX {10}\nS + \nX\n", NULL);
	side_open(&a);
	assert_int_equal(0, append(&a, &ten, &one));
	assert_int_equal(0, append(&a, &ten, &two));
	assert_int_equal(0, append(&a, &broken, &three));
	assert_int_equal(-1, imap_finish(a.s, &a.e));
	assert_non_null(strstr(a.e.text, "cannot read it"));
	was_heard(&one, "OK ");
	was_heard(&two, "NO ");
	was_heard(&three, "LOST ");
	side_end(&a);
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("LITERAL+") "C A2 APPEND INBOX {10+}\nC xxxxxxxxxx\nC A3 APPEND INBOX {10+}\nC xxxxxxxxxx\n"
	    "S A3 OK\nS A2 OK\nX\n", NULL);
	side_open(&a);
	assert_int_equal(0, append(&a, &ten, &one));
	assert_int_equal(0, append(&a, &ten, &two));
	assert_int_equal(0, imap_finish(a.s, &a.e));
	was_heard(&one, "OK ");
	was_heard(&two, "OK ");
	side_end(&a);
}

/* What was sent and not answered is unknown; the error is the server's last word. */
static void
lost(void **state)
{
	static const struct { const char *end, *words; } cases[] = {
		{ "S * BYE over quota of patience\n", "over quota of patience" },
		{ "s * 1 FETCH (UID 5 FLAGS (\\Se\n", "in the midst of" },
		{ "S + \n", "nobody asked for" },
		{ "S A99 OK\n", "never sent" },
		{ "S * PREAUTH again\n", "second greeting" },
		{ "S * 1 FETCH (BODY[] {99999999999}\n", "larger than the limit" },
		{ "", "closed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct heard one = { { 0 } }, two = { { 0 } };
		char script[512];
		struct side a;

		snprintf(script, sizeof script, "%sC A2 NOOP\nS A2 OK\nC A3 NOOP\n%s", LOGIN_WITH("IDLE"), cases[i].end);
		side_start(&a, NET_TLS_NONE, script, NULL);
		side_open(&a);
		assert_int_equal(0, say(&a, IMAP_ANY, "NOOP", 0, "", &plain, &one));
		assert_int_equal(0, say(&a, IMAP_ANY, "NOOP", 0, "", &plain, &two));
		assert_int_equal(-1, imap_finish(a.s, &a.e));
		if (strstr(a.e.text, cases[i].words) == NULL)
			fail_msg("%s", a.e.text);
		assert_false(imap_session_is_alive(a.s));
		was_heard(&one, "OK ");
		was_heard(&two, "LOST ");
		assert_int_equal(-1, say(&a, IMAP_ANY, "NOOP", 0, "", &plain, &two));
		was_heard(&two, "");
		side_end(&a);
	}
}

/* A session that rests has no mailbox, and expunges none for that; what is said meanwhile is nobody's, but for a good-bye. */
static void
between_two_uses(void **state)
{
	static const struct { const char *caps, *script; bool is_left, is_there; } cases[] = {
		{ "UNSELECT", "C A3 UNSELECT\nS A3 OK\nS * 9 EXISTS\nS * 1 EXPUNGE\nS * 1 FETCH (UID 5 FLAGS ())\nC A4 SELECT \"b\"\n", true, true },
		{ "IDLE", "C A3 EXAMINE \"a\"\n" SELECTED("A3", "1") "C A4 CLOSE\nS A4 OK\nS * 9 EXISTS\nC A5 SELECT \"b\"\n", true, true },
		/* It went meanwhile: a SELECT that is refused leaves none selected. */
		{ "IDLE", "C A3 EXAMINE \"a\"\nS A3 NO [NONEXISTENT] gone\nC A4 SELECT \"b\"\n", true, true },
		{ "UNSELECT", "C A3 UNSELECT\nS A3 OK\nS * BYE idle for too long\n", true, false },
		{ "UNSELECT", "C A3 UNSELECT\nS A3 BAD what\nX\n", false, false },
	};
	struct heard one = { { 0 } }, two = { { 0 } };
	char script[2000], tag[8];
	struct side a;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(tag, sizeof tag, "A%d", i == 1 ? 5 : 4);
		snprintf(script, sizeof script, "%s%s] in\nC A2 SELECT \"a\"\n%s%s%s%s%s", GREETING
		    "C A1 AUTHENTICATE PLAIN AHUAcHc=\nS A1 OK [CAPABILITY IMAP4rev1 ", cases[i].caps, SELECTED("A2", "1"), cases[i].script,
		    cases[i].is_there ? "S * 2 EXISTS\nS * OK [UIDVALIDITY 2] x\nS " : "", cases[i].is_there ? tag : "",
		    cases[i].is_there ? " OK [READ-WRITE] y\nX\n" : "");
		side_start(&a, NET_TLS_NONE, script, NULL);
		side_open(&a);
		assert_int_equal(0, imap_unselect(a.s, &a.e));
		assert_int_equal(0, imap_hear(a.s, &a.e));
		choose(&a, "a", &one);
		assert_int_equal(cases[i].is_left ? 0 : -1, imap_unselect(a.s, &a.e));
		was_heard(&one, "OK ");
		if (cases[i].is_left)
			assert_null(imap_session_box(a.s));
		assert_int_equal(cases[i].is_there ? 0 : -1, imap_hear(a.s, &a.e));
		if (!cases[i].is_there)
			assert_false(imap_session_is_alive(a.s));
		if (cases[i].is_left && !cases[i].is_there)
			assert_non_null(strstr(a.e.text, "idle for too long"));
		if (cases[i].is_there) {
			choose(&a, "b", &two);
			assert_int_equal(0, imap_finish(a.s, &a.e));
			assert_int_equal(2, imap_session_box(a.s)->uidvalidity);
			assert_int_equal(2, imap_session_box(a.s)->exists);
			was_heard(&two, "OK ");
		}
		was_heard(&one, "");
		side_end(&a);
	}
}

/* SEARCH answers bear no tag: the second waits for the first. With ESEARCH they need not. */
static void
searches(void **state)
{
	struct heard box = { { 0 } }, one = { { 0 } }, two = { { 0 } };
	struct side a;

	(void)state;
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("IDLE") "C A2 SELECT \"a\"\n" SELECTED("A2", "7")
	    "C A3 UID SEARCH SEEN\nS * SEARCH 5\nS A3 OK\nC A4 UID SEARCH SEEN\nS * SEARCH 6\nS A4 OK\nX\n", NULL);
	side_open(&a);
	choose(&a, "a", &box);
	for (int i = 0; i < 2; i++)
		assert_int_equal(0, say(&a, IMAP_READ, "SEARCH", 0, "SEEN", &plain, i == 0 ? &one : &two));
	assert_int_equal(0, imap_finish(a.s, &a.e));
	was_heard(&one, "found 5 OK ");
	was_heard(&two, "found 6 OK ");
	side_end(&a);
	buf_release(&box.text);
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("ESEARCH") "C A2 SELECT \"a\"\n" SELECTED("A2", "7")
	    "C A3 UID SEARCH RETURN (ALL) SEEN\nC A4 UID SEARCH RETURN (ALL) SEEN\n"
	    "S * ESEARCH (TAG \"A4\") UID ALL 6\nS A4 OK\nS * ESEARCH (TAG \"A3\") UID ALL 5\nS A3 OK\nX\n", NULL);
	side_open(&a);
	choose(&a, "a", &box);
	for (int i = 0; i < 2; i++)
		assert_int_equal(0, say(&a, IMAP_READ, "SEARCH", 0, "SEEN", &plain, i == 0 ? &one : &two));
	assert_int_equal(0, imap_finish(a.s, &a.e));
	was_heard(&one, "found 5 OK ");
	was_heard(&two, "found 6 OK ");
	side_end(&a);
	buf_release(&box.text);
}

static void
answer_all(struct peer *p, int fd, SSL *ssl)
{
	char line[256], answer[256];

	(void)p;
	peer_say(fd, ssl, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n");
	for (;;) {
		peer_hear(fd, ssl, line, sizeof line);
		if (line[0] != 'A')
			break;
		/* Much is said for each line: a client that only writes would lock us both up. */
		for (int i = 0; i < 20; i++)
			peer_say(fd, ssl, "* STATUS \"a mailbox of a long and winding name for this\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3)\r\n");
		snprintf(answer, sizeof answer, "%.*s OK done\r\n", (int)strcspn(line, " "), line);
		peer_say(fd, ssl, answer);
	}
}

static void
no_deadlock(void **state)
{
	struct heard h = { { 0 } };
	struct side a;

	(void)state;
	side_start(&a, NET_TLS_NONE, "", NULL);
	peer_stop(&a.peer);
	peer_start(&a.peer, answer_all, NULL, 1);
	net_free(&a.net);
	struct net_settings set = peer_settings(a.peer.port);
	a.net = net_new(&set, &a.e);
	a.o.net = a.net;
	side_open(&a);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(0, say(&a, IMAP_ANY, "STATUS \"a mailbox of a long and winding name for this\" (MESSAGES)", 0, "",
		    &plain, &h));
	assert_int_equal(0, imap_finish(a.s, &a.e));
	assert_int_equal(30000, h.text.len);
	buf_release(&h.text);
	side_end(&a);
}

static void
meanings(void **state)
{
	static const struct { enum imap_code_kind code; enum err_scope scope; enum err_class class; } cases[] = {
		{ IMAP_CODE_NONE, ERR_MESSAGE, ERR_FAILED }, { IMAP_CODE_TOOBIG, ERR_MESSAGE, ERR_FAILED },
		{ IMAP_CODE_OVERQUOTA, ERR_BOX, ERR_TEMPORARY }, { IMAP_CODE_NOPERM, ERR_BOX, ERR_FAILED },
		{ IMAP_CODE_UNAVAILABLE, ERR_STORE, ERR_TEMPORARY }, { IMAP_CODE_EXPIRED, ERR_STORE, ERR_REFUSED },
	};
	struct side a;
	struct err e;

	(void)state;
	side_start(&a, NET_TLS_NONE, LOGIN_WITH("IDLE") "X\n", NULL);
	side_open(&a);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct imap_answer no = { .status = IMAP_NO, .code = cases[i].code, .text = "because" };

		assert_int_equal(-1, imap_answer_err(a.s, &no, ERR_MESSAGE, "APPEND", &e));
		assert_int_equal(cases[i].scope, e.scope);
		assert_int_equal(cases[i].class, e.class);
		assert_non_null(strstr(e.text, "APPEND: because"));
	}
	side_end(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(step_by_step), cmocka_unit_test(openings_refused), cmocka_unit_test(in_one_flight),
		cmocka_unit_test(flight_falls_back), cmocka_unit_test(flight_not_tried), cmocka_unit_test(reordered),
		cmocka_unit_test(two_mailboxes), cmocka_unit_test(mutations_wait), cmocka_unit_test(what_was_saved_goes_ahead), cmocka_unit_test(literals),
		cmocka_unit_test(lost), cmocka_unit_test(between_two_uses), cmocka_unit_test(searches), cmocka_unit_test(no_deadlock), cmocka_unit_test(meanings),
	};

	return cmocka_run_group_tests(tests, peer_set_up, peer_tear_down);
}
