/* What is to be known of an outbox's account before a message waits in it. */
#include "sync/net/probe.h"
#include "sync/outbox/inside.h"
#include "sync/store/account.h"

static void
tell_session(const struct outbox *o, const struct smtp_session *s, const char *where, const struct findings *out)
{
	const struct smtp_caps *caps = smtp_session_caps(s);
	const char *mechanism = smtp_session_mechanism(s);
	struct buf b = { 0 };

	if (*mechanism != '\0')
		finding_ok(out, "login", where, "as %s, by %s", o->env.user != NULL ? o->env.user : "the certificate says", mechanism);
	else
		finding_ok(out, "login", where, "none: no User is given");
	net_tell_clock(smtp_session_greeting(s), o->now, where, out);
	if (caps->size >= 1000000)
		buf_printf(&b, "messages up to %llu MB", (unsigned long long)(caps->size / 1000000));
	else if (caps->size != 0)
		buf_printf(&b, "messages up to %llu kB", (unsigned long long)((caps->size + 999) / 1000));
	else
		buf_adds(&b, "messages of any size, as far as it says");
	if (caps->has & SMTP_CAP_8BITMIME)
		buf_adds(&b, ", 8BITMIME");
	if (caps->has & SMTP_CAP_SMTPUTF8)
		buf_adds(&b, ", SMTPUTF8");
	if (caps->has & SMTP_CAP_DSN)
		buf_adds(&b, ", DSN");
	finding_ok(out, "capabilities", where, "%s", buf_str(&b));
	buf_release(&b);
}

void
outbox_check(const struct outbox *o, const struct findings *out)
{
	struct smtp_session *session = NULL;
	struct net *net;
	struct arena a = { 0 };
	const char *where = arena_printf(&a, "account %s", o->account->name);
	struct err e;

	net = account_net(o->account, "account", "smtp", &o->env, &e);
	if (net == NULL) {
		finding_fail(out, "login", where, NULL, &e);
	} else if (net_probe(net, out) == 0) {
		session = outbox_connect(o, &net, 0, &e);
		net_tell_tls(net, out);
		if (session != NULL)
			tell_session(o, session, where, out);
		else
			finding_fail(out, "login", where, NULL, &e);
	}
	smtp_session_close(&session);
	net_free(&net);
	arena_release(&a);
}
