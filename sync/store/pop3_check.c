/* What a POP3 account shows of itself to a person. */
#include <time.h>

#include "sync/net/probe.h"
#include "sync/store/pop3_inside.h"

static void
tell_session(const struct pop3_store *st, const struct pop3_session *s, const char *where, const struct findings *out)
{
	const struct pop3_caps *caps = pop3_session_caps(s);

	finding_ok(out, "login", where, "as %s, by %s", st->auth.user != NULL ? st->auth.user : "the certificate or ticket says",
	    pop3_session_mechanism(s));
	net_tell_clock(pop3_session_greeting(s), time(NULL), where, out);
	if (!caps->is_known)
		finding_ok(out, "capabilities", where, "the server has no CAPA: what it can do is found by trying");
	else
		finding_ok(out, "capabilities", where, "UIDL %s, TOP %s, PIPELINING %s", caps->has & POP3_CAP_UIDL ? "yes" : "no",
		    caps->has & POP3_CAP_TOP ? "yes" : "no", caps->has & POP3_CAP_PIPELINING ? "yes" : "no");
	if (caps->login_delay != 0)
		finding_warn(out, "login", where, "let runs be further apart than that", "the server wants %u seconds between two logins (LOGIN-DELAY)",
		    caps->login_delay);
}

int
pop3_check(struct store *s, struct listing *l_r, const struct findings *out)
{
	struct pop3_store *st = (struct pop3_store *)s;
	const char *where = net_settings(st->net)->name;
	struct pop3_conn *c;
	struct session *session;
	struct err e;
	int rc;

	*l_r = (struct listing){ 0 };
	if (net_probe(st->net, out) < 0)
		return -1;
	session = s->ops->session_open(s, &e);
	net_tell_tls(st->net, out);
	if (session == NULL) {
		finding_fail(out, "login", where, NULL, &e);
		return -1;
	}
	c = pop3_conn_of(session);
	tell_session(st, c->s, where, out);
	rc = pop3_store_list(session, l_r, &e);
	if (rc < 0)
		finding_fail(out, "mailboxes", where, NULL, &e);
	else
		finding_ok(out, "deltas", where, "the list is read in each run: %zu message%s now (UIDL)", st->messages.n, st->messages.n == 1 ? "" : "s");
	s->ops->session_close(session);
	return rc;
}
