/* What an account shows of itself to a person: the way there, the login, what the server can do, what its mailboxes are for, and its room. */
#include <string.h>
#include <time.h>

#include "sync/net/probe.h"
#include "sync/store/imap_inside.h"

struct checking {
	struct imap_conn *c;
	const char *where;
	const struct findings *out;
	size_t quotas;			/* that were told */
};

static void
tell_login(const struct checking *k)
{
	const char *mechanism = imap_session_mechanism(k->c->s), *user = k->c->st->auth.user;

	if (*mechanism == '\0')
		finding_ok(k->out, "login", k->where, "the server asked for none (PREAUTH)");
	else
		finding_ok(k->out, "login", k->where, "as %s, by %s", user != NULL ? user : "the certificate or ticket says", mechanism);
}

/* How a run will learn what has changed. */
static void
tell_deltas(const struct checking *k)
{
	const struct imap_caps *caps = imap_session_caps(k->c->s);
	const char *how, *list = imap_caps_has(caps, IMAP_CAP_LIST_STATUS) ? "one answer tells how all mailboxes stand (LIST-STATUS)" :
	    "each mailbox is asked how it stands (no LIST-STATUS)";

	if (imap_session_has_qresync(k->c->s))
		how = "only what changed travels, deletions too (QRESYNC)";
	else if (imap_session_has_condstore(k->c->s))
		how = "flags that changed travel (CONDSTORE); what was deleted is found by a list of UIDs (no QRESYNC)";
	else
		how = "all flags of a mailbox are read in each run (neither QRESYNC nor CONDSTORE)";
	finding_ok(k->out, "deltas", k->where, "%s; %s", how, list);
}

static void
tell_capabilities(const struct checking *k)
{
	const struct imap_caps *caps = imap_session_caps(k->c->s);

	finding_ok(k->out, "capabilities", k->where, "%s", buf_str(&caps->list));
	if (!imap_caps_has(caps, IMAP_CAP_UIDPLUS))
		finding_warn(k->out, "capabilities", k->where, NULL, "without UIDPLUS the server does not say which UID a message got, and each upload is "
		    "looked for afterwards");
}

/* ---- mailboxes ---- */

static void
tell_namespace(const struct checking *k)
{
	char delimiter;
	const char *prefix = imap_session_prefix(k->c->s, &delimiter);
	char words[2] = { delimiter, '\0' };

	if (!imap_caps_has(imap_session_caps(k->c->s), IMAP_CAP_NAMESPACE))
		finding_ok(k->out, "namespace", k->where, "the server tells of none (no NAMESPACE)");
	else if (*prefix == '\0')
		finding_ok(k->out, "namespace", k->where, "names begin with nothing; levels are parted by %s", delimiter != '\0' ? words : "nothing (no levels)");
	else
		finding_ok(k->out, "namespace", k->where, "names begin with \"%s\"; levels are parted by %s%s", prefix,
		    delimiter != '\0' ? words : "nothing (no levels)", k->c->st->set->use_namespace ? "" : "; UseNamespace no: they are shown with it");
}

static void
tell_roles(const struct checking *k, const struct listing *l)
{
	static const struct { unsigned attr; const char *word; } roles[] = {
		{ MAILBOX_SENT, "Sent" }, { MAILBOX_DRAFTS, "Drafts" }, { MAILBOX_TRASH, "Trash" }, { MAILBOX_JUNK, "Junk" },
		{ MAILBOX_ARCHIVE, "Archive" }, { MAILBOX_ALL, "All" }, { MAILBOX_FLAGGED, "Flagged" }, { MAILBOX_IMPORTANT, "Important" },
	};
	struct buf b = { 0 };

	for (size_t r = 0; r < sizeof roles / sizeof *roles; r++)
		for (size_t i = 0; i < l->boxes.n; i++)
			if (l->boxes.at[i].attrs & roles[r].attr)
				buf_printf(&b, "%s%s is \"%s\"", b.len != 0 ? ", " : "", roles[r].word, l->boxes.at[i].name);
	finding_ok(k->out, "roles", k->where, "%s", b.len != 0 ? buf_str(&b) : "the server does not say what its mailboxes are for; Role goes by "
	    "their names, and RoleSent and the like name others");
	buf_release(&b);
}

static int
tell_mailboxes(const struct checking *k, struct listing *l)
{
	size_t boxes = 0, containers = 0;
	struct err e;

	if (imap_list(&k->c->session, l, &e) < 0) {
		finding_fail(k->out, "mailboxes", k->where, NULL, &e);
		return -1;
	}
	for (size_t i = 0; i < l->boxes.n; i++)
		*(l->boxes.at[i].attrs & MAILBOX_NOSELECT ? &containers : &boxes) += 1;
	if (containers != 0)
		finding_ok(k->out, "mailboxes", k->where, "%zu, and %zu that only hold others", boxes, containers);
	else
		finding_ok(k->out, "mailboxes", k->where, "%zu", boxes);
	for (size_t i = 0; i < l->refused.n; i++)
		finding_warn(k->out, "mailboxes", k->where, NULL, "%s: %s", l->refused.at[i].name != NULL ? l->refused.at[i].name : "a name",
		    l->refused.at[i].why);
	tell_roles(k, l);
	return 0;
}

/* ---- quota (RFC 9208) ---- */

/* What is left of a hundred. */
static unsigned
percent_used(const struct imap_quota_of *q)
{
	return q->limit == 0 ? 100 : q->used >= q->limit ? 100 : (unsigned)((double)q->used * 100 / (double)q->limit);
}

static void
on_quota(void *ctx, const struct imap_quota *quota)
{
	enum { NEARLY_FULL = 90, QUOTAS_MOST = 10 };
	struct checking *k = ctx;
	struct buf b = { 0 };
	unsigned used = 0;

	if (k->quotas++ >= QUOTAS_MOST)
		return;
	if (quota->storage.is_said) {
		used = percent_used(&quota->storage);
		buf_printf(&b, "%llu of %llu MB", (unsigned long long)(quota->storage.used / 1024), (unsigned long long)(quota->storage.limit / 1024));
	}
	if (quota->messages.is_said) {
		used = percent_used(&quota->messages) > used ? percent_used(&quota->messages) : used;
		buf_printf(&b, "%s%llu of %llu messages", b.len != 0 ? ", " : "", (unsigned long long)quota->messages.used,
		    (unsigned long long)quota->messages.limit);
	}
	if (b.len != 0 && used >= NEARLY_FULL)
		finding_warn(k->out, "quota", k->where, "remove mail there, or ask for more room", "%s are used (%u %%): soon the server takes no more",
		    buf_str(&b), used);
	else if (b.len != 0)
		finding_ok(k->out, "quota", k->where, "%s are used (%u %%)", buf_str(&b), used);
	buf_release(&b);
}

static void
tell_quota(struct checking *k)
{
	static const struct imap_events events = { .quota = on_quota };
	struct imap_answer answer;
	struct imap_command cmd;
	struct err e;

	if (!imap_caps_has(imap_session_caps(k->c->s), IMAP_CAP_QUOTA))
		return;
	imap_begin(k->c, &cmd, IMAP_ANY);
	imap_put(&cmd, "GETQUOTAROOT INBOX");
	if (imap_run(k->c->s, &cmd, &events, k, &answer, &e) < 0)
		finding_fail(k->out, "quota", k->where, NULL, &e);
	else if (k->quotas == 0)
		finding_ok(k->out, "quota", k->where, "the server tells of none");
}

/* ---- all of it ---- */

static int
tell_session(struct checking *k, struct listing *l)
{
	int rc;

	tell_login(k);
	net_tell_clock(imap_session_greeting(k->c->s), time(NULL), k->where, k->out);
	tell_capabilities(k);
	tell_deltas(k);
	tell_namespace(k);
	rc = tell_mailboxes(k, l);
	if (rc == 0)
		tell_quota(k);
	return rc;
}

int
imap_check(struct store *s, struct listing *l_r, const struct findings *out)
{
	struct imap_store *st = imap_store_of(s);
	struct checking k = { .where = net_settings(st->net)->name, .out = out };
	struct session *session;
	struct err e;
	int rc = -1;

	*l_r = (struct listing){ 0 };
	if (net_probe(st->net, out) < 0)
		return -1;
	session = imap_conn_open(s, &e);
	net_tell_tls(st->net, out);
	if (session == NULL) {
		finding_fail(out, "login", k.where, NULL, &e);
		return -1;
	}
	k.c = imap_conn_of(session);
	rc = tell_session(&k, l_r);
	imap_conn_close(session);
	return rc;
}
