/* Changes that leave before the SELECT of their mailbox was answered, so that many mailboxes are changed in one flight:
 *
 *   SELECT a, SEARCH RETURN (SAVE) UID 3,7 OR (UID 3 X-GUID x) (UID 7 X-GUID y), STORE $ +FLAGS (\Seen)
 *   SELECT a, SEARCH RETURN (SAVE) UID 9 (UID 9 X-GUID z) NOT MODSEQ 1235, STORE $ +FLAGS.SILENT (\Deleted), EXPUNGE $
 *
 * "$" is what the SEARCH found (RFC 5182): messages with the ids that this server gave them, which those of another mailbox
 * of that name do not have, or at the worst as copies of these. Where the SELECT or the SEARCH is refused it is none.
 *
 * Must hold (R16 three outcomes, R17 SELECT first):
 *   1. Each SEARCH is the first behind a SELECT: one that is answered with BAD leaves "$" as it was, and there it is empty.
 *   2. What goes for good has not changed since its mailbox was read (RFC 7162: MODSEQ; R20 nothing overwritten).
 *   3. It is a first try. What is not shown to be done is left to imap_change.c, which waits.
 */
#include "sync/store/imap_inside.h"

enum { MOST = 300 };		/* changes in a mailbox: with more than that a turn is little */

uint64_t
imap_ahead_modseq(const struct box_changes *b)
{
	uint32_t uidnext, count;
	uint64_t modseq;

	imap_cursor_read(&b->seen, &uidnext, &modseq, &count);
	return modseq;
}

bool
imap_ahead_may(struct imap_conn *c, const struct box_changes *b)
{
	const struct imap_caps *caps = imap_session_caps(c->s);
	size_t i;

	if (imap_at_most(c, b->n_flags + b->n_expunges) < b->n_flags + b->n_expunges)
		return false;
	if (b->trash != NULL || imap_uids_are_ambiguous(c) || !imap_caps_has(caps, IMAP_CAP_SEARCHRES) || !imap_session_has_condstore(c->s) ||
	    imap_id_item(c) == NULL || b->n_flags + b->n_expunges > MOST || (b->n_expunges > 0 && imap_ahead_modseq(b) == 0))
		return false;
	for (i = 0; i < b->n_flags; i++)
		if (b->flags[i].server_id == NULL || *b->flags[i].server_id == '\0')
			return false;
	for (i = 0; i < b->n_expunges; i++)
		if (b->expunges[i].err.text[0] != '\0' || b->expunges[i].server_id == NULL || *b->expunges[i].server_id == '\0')
			return false;
	return true;
}

/* How many of them one line holds. */
static size_t
count_fitting(const struct imap_known *m, size_t at)
{
	enum { EACH = sizeof "OR (UID 4294967295 X-GM-MSGID \"\") 4294967295,", FRAME = 200 };
	size_t len = FRAME, n = 0;

	for (; at + n < m->n; n++) {
		len += EACH + strlen(m->ids[at + n]);
		if (len > IMAP_COMMAND_MAX && n > 0)
			break;
	}
	return n;
}

/* SELECT, and a SEARCH for n of them from `at` on. */
static int
find(struct imap_conn *c, const char *box, const struct imap_known *m, size_t at, size_t n, unsigned *ticket_r, struct err *e)
{
	static const struct imap_events none;
	const char *key = imap_id_item(c);
	struct imap_command cmd;
	size_t i;
	int status;

	if (key == NULL)		/* another session has learned just now that it is refused */
		return err_set(e, ERR_BOX, "%s: messages of %s have no id to name them by", c->st->store.name, box);
	if (imap_enter_anew(c, box, ticket_r, e) < 0)
		return -1;
	imap_begin(c, &cmd, IMAP_READ);
	imap_put(&cmd, "UID SEARCH RETURN (SAVE) UID ");
	(void)imap_put_uids(&cmd, m->uids + at, n, 0);
	imap_put(&cmd, " ");
	for (i = at; i < at + n; i++) {
		imap_putf(&cmd, "%s(UID %u %s ", i + 1 < at + n ? "OR " : "", m->uids[i], key);
		imap_put_astring(&cmd, m->ids[i], strlen(m->ids[i]));
		imap_put(&cmd, i + 1 < at + n ? ") " : ")");
	}
	if (m->modseq != 0)
		imap_putf(&cmd, " NOT MODSEQ %llu", (unsigned long long)m->modseq + 1);
	status = imap_send(c->s, &cmd, &none, NULL, NULL, e);
	imap_command_release(&cmd);
	return status;
}

static int
send_saved(struct imap_verify *w, const char *verb, const struct imap_known *m, size_t at, size_t n, const char *tail,
    const struct flags *flags, struct err *e)
{
	struct imap_command cmd;

	imap_begin(w->c, &cmd, IMAP_WRITE);
	imap_put(&cmd, verb);
	imap_put_saved(&cmd, m->uids + at, n);
	return imap_verify_send(w, &cmd, tail, flags, e);
}

int
imap_ahead_store(struct imap_verify *w, const char *box, const struct imap_known *m, const char *how, const struct flags *flags,
    unsigned *ticket_r, struct err *e)
{
	size_t at, n;

	for (at = 0; at < m->n; at += n) {
		n = count_fitting(m, at);
		if (find(w->c, box, m, at, n, ticket_r, e) < 0 || send_saved(w, "UID STORE ", m, at, n, how, flags, e) < 0 ||
		    imap_drain_to(w->c, 500, e) < 0)
			return -1;
	}
	return 0;
}

int
imap_ahead_expunge(struct imap_verify *w, struct imap_words *words, const char *box, const struct imap_known *m, bool mark,
    unsigned *ticket_r, struct err *e)
{
	static const struct flags deleted = { .sys = FLAG_DELETED, .kw = "" };
	size_t at, n;

	for (at = 0; at < m->n; at += n) {
		n = count_fitting(m, at);
		if (find(w->c, box, m, at, n, ticket_r, e) < 0 || imap_words_ask(words, m->uids + at, n, true, e) < 0 ||
		    (mark && send_saved(w, "UID STORE ", m, at, n, " +FLAGS.SILENT ", &deleted, e) < 0) ||
		    send_saved(w, "UID EXPUNGE ", m, at, n, "", NULL, e) < 0 || imap_drain_to(w->c, 500, e) < 0)
			return -1;
	}
	return 0;
}
