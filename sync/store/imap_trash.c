/* What is about to be expunged goes into the trash: by MOVE (RFC 6851), or by COPY, and is expunged then (RFC 9051 section 6.4.7).
 *
 *   STORE -FLAGS (\Deleted), MOVE |            what the server says was moved is done
 *   STORE -FLAGS (\Deleted), COPY |            imap_change.c expunges what was copied
 *   STORE +FLAGS (\Deleted) |                  on what was not taken: it is as it was
 *
 * Must hold:
 *   1. Nothing of what is to be kept is expunged before the server said that it is there (R16 three outcomes).
 *   2. \Deleted does not go along: the next EXPUNGE in the trash would be the end of it.
 *   3. A trash that is missing is made, once the server says so (TRYCREATE): it costs nothing where it is there.
 */
#include "sync/store/imap_inside.h"

static const struct flags deleted = { .sys = FLAG_DELETED, .kw = "" };

static struct expunge_item *
item_of(struct box_changes *b, uint32_t uid)
{
	size_t i;

	for (i = 0; i < b->n_expunges; i++)
		if (key_uid(b->expunges[i].key) == uid)
			return &b->expunges[i];
	return NULL;
}

/* STORE of \Deleted on those that had it and are not in the trash. */
static int
mark(struct imap_verify *w, const struct box_changes *b, struct expunge_item **items, const struct move_item *moves, size_t n, const char *how,
    struct err *e)
{
	uint32_t *uids = mem_alloc((n + 1) * sizeof *uids);
	size_t i, m = 0;
	int status;

	for (i = 0; i < n; i++)
		if ((items[i]->expect.sys & FLAG_DELETED) && moves[i].outcome != OUTCOME_DONE)
			uids[m++] = key_uid(items[i]->key);
	status = m > 0 ? imap_send_uids(w, IMAP_WRITE, "UID STORE ", uids, m, how, &deleted, b->epoch, e) : 0;
	free(uids);
	return status;
}

static bool
is_refused(const struct move_item *moves, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (moves[i].outcome == OUTCOME_FAILED && moves[i].err.retry != ERR_NOW)
			return true;
	return false;
}

/* Those that are not there yet, once more. */
static int
move_rest(struct imap_conn *c, const struct box_changes *b, struct move_item *moves, size_t n, struct arena *a, bool *is_gone_r, struct err *e)
{
	struct move_item *rest = mem_alloc((n + 1) * sizeof *rest);
	size_t i, m = 0;
	int status;

	for (i = 0; i < n; i++)
		if (moves[i].outcome == OUTCOME_FAILED)
			rest[m++] = (struct move_item){ .key = moves[i].key, .hint = "" };
	status = imap_move_selected(c, b->box, b->epoch, b->trash, rest, m, a, is_gone_r, e);
	for (i = m = 0; i < n && status == 0; i++)
		if (moves[i].outcome == OUTCOME_FAILED)
			moves[i] = rest[m++];
	free(rest);
	return status;
}

/* Refused because it is missing: made, and tried again. */
static int
make_and_retry(struct imap_conn *c, const struct box_changes *b, struct move_item *moves, size_t n, struct arena *a, bool *is_gone_r,
    struct err *e)
{
	enum outcome made;
	bool is_made = false;
	unsigned ticket;
	struct err why;

	if (imap_mailbox_state(&c->session, b->trash, NULL, e) == MAILBOX_ABSENT &&
	    imap_create_mailbox(&c->session, b->trash, 0, &made, &why) == 0)
		is_made = true;
	if (!imap_session_is_alive(c->s))
		return err_set(e, ERR_STORE, "%s: the connection was lost while %s was made", c->st->store.name, b->trash);
	/* Whether it is there may have been asked by entering it. */
	if (imap_enter_ahead(c, b->box, &ticket, e) < 0 || imap_writable(c, b->box, ticket, b->epoch, e) < 0)
		return -1;
	return is_made ? move_rest(c, b, moves, n, a, is_gone_r, e) : 0;
}

/* A trash that is full is emptied by a person: nobody waits for that. */
static void
explain(const struct imap_conn *c, const char *trash, struct err *why)
{
	why->class = ERR_FAILED;
	why->wait_ms = 0;
	err_context(why, "%s: not expunged, for it cannot be kept in %s", c->st->store.name, trash);
}

/* What became of each; what is done, or was refused, is no longer to be expunged. */
static void
judge(struct imap_verify *w, const struct box_changes *b, struct expunge_item **items, struct move_item *moves, size_t n, bool is_gone,
    uint32_t *uids, size_t *n_uids)
{
	size_t i, k, m;

	for (i = 0; i < n; i++) {
		items[i]->was_trashed = moves[i].outcome == OUTCOME_DONE;
		if (items[i]->was_trashed && !is_gone)
			continue;
		items[i]->outcome = moves[i].outcome;
		items[i]->err = moves[i].err;
		if (moves[i].outcome == OUTCOME_FAILED && moves[i].err.retry != ERR_NOW)
			explain(w->c, b->trash, &items[i]->err);
		for (k = m = 0; k < *n_uids; k++)
			if (uids[k] != key_uid(items[i]->key))
				uids[m++] = uids[k];
		*n_uids = m;
	}
}

int
imap_trash(struct imap_verify *w, struct box_changes *b, uint32_t *uids, size_t *n_uids, struct arena *a, struct err *e)
{
	struct expunge_item **items = mem_alloc((*n_uids + 1) * sizeof(struct expunge_item *)), *item;
	struct move_item *moves = mem_alloc((*n_uids + 1) * sizeof *moves);
	bool is_gone = false;
	size_t i, n = 0;
	int status = 0;

	for (i = 0; i < *n_uids; i++) {
		item = item_of(b, uids[i]);
		if (!item->is_trashed)
			continue;
		items[n] = item;
		moves[n++] = (struct move_item){ .key = item->key, .hint = "" };
	}
	if (n == 0)
		goto done;
	status = mark(w, b, items, moves, n, " -FLAGS.SILENT ", e);
	if (status == 0)
		status = imap_move_selected(w->c, b->box, b->epoch, b->trash, moves, n, a, &is_gone, e);
	if (status == 0 && is_refused(moves, n))
		status = make_and_retry(w->c, b, moves, n, a, &is_gone, e);
	if (status == 0)
		status = mark(w, b, items, moves, n, " +FLAGS.SILENT ", e);
	/* A session that was lost leaves them all unknown (judge_expunge). */
	if (status < 0 && imap_session_is_alive(w->c->s)) {
		for (i = 0; i < n; i++)
			if (moves[i].outcome == OUTCOME_FAILED)
				moves[i].err = *e;
		status = 0;
	}
	if (status == 0)
		judge(w, b, items, moves, n, is_gone, uids, n_uids);
done:
	free(items);
	free(moves);
	return status;
}
