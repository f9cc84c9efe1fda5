/* Removing messages by UID, in the mailbox that is selected (RFC 9051 section 6.4.9, RFC 4315).
 *
 * Must hold (R16 three outcomes, R18 UIDs only):
 *   1. A message is gone when VANISHED said so, or a FETCH behind it does not show it; a tagged OK proves nothing.
 *   2. A plain EXPUNGE is sent only where UIDPLUS is missing and nothing but ours is \Deleted.
 */
#include "sync/store/imap_inside.h"

static const struct flags deleted = { .sys = FLAG_DELETED, .kw = "" };

/* Without UIDPLUS all that is \Deleted goes at once, so all sessions must know what the sync means to remove. */
static void
doom(struct imap_conn *c, const uint32_t *uids, size_t n)
{
	struct imap_store *st = c->st;
	uint64_t uidvalidity = imap_session_box(c->s)->uidvalidity;
	size_t i;

	pthread_mutex_lock(&st->lock);
	for (i = 0; i < n; i++)
		vec_push(&st->to_expunge, (struct imap_doomed){ mem_strdup(c->selected), uidvalidity, uids[i] });
	pthread_mutex_unlock(&st->lock);
}

bool
imap_is_to_expunge(struct imap_conn *c, uint32_t uid)
{
	struct imap_store *st = c->st;
	uint64_t uidvalidity = imap_session_box(c->s)->uidvalidity;
	bool is = false;
	size_t i;

	pthread_mutex_lock(&st->lock);
	for (i = 0; i < st->to_expunge.n && !is; i++)
		is = st->to_expunge.at[i].uid == uid && st->to_expunge.at[i].uidvalidity == uidvalidity &&
		    strcmp(st->to_expunge.at[i].box, c->selected) == 0;
	pthread_mutex_unlock(&st->lock);
	return is;
}

void
imap_expunged(struct imap_store *st)
{
	size_t i;

	pthread_mutex_lock(&st->lock);
	for (i = 0; i < st->to_expunge.n; i++)
		free(st->to_expunge.at[i].box);
	vec_release(&st->to_expunge);
	pthread_mutex_unlock(&st->lock);
}

/* SEARCH DELETED, and of whom it knows; `done` is the work's own. */
struct search_work { struct imap_verify *w; bool has_foreign; };

static void
on_search(void *ctx, const struct imap_search *search)
{
	struct search_work *x = ctx;
	struct imap_uidset_pos at = { 0 };
	uint32_t uid;

	while (imap_uidset_next(&search->all, &at, &uid) == 1 && !x->has_foreign)
		x->has_foreign = imap_verify_find(x->w, uid) == NULL && !imap_is_to_expunge(x->w->c, uid);
}

static void
on_search_done(void *ctx, const struct imap_result *r)
{
	struct search_work *x = ctx;

	if (r->status != IMAP_OK)
		imap_verify_events.done(x->w, r);
}

static const struct imap_events search_events = { .search = on_search, .done = on_search_done };

/* SEARCH DELETED, to its end; -1: the session is dead. */
static int
search_deleted(struct search_work *x, bool *is_part_r, struct err *e)
{
	struct imap_conn *c = x->w->c;
	const struct imap_box *box = imap_session_box(c->s);
	struct imap_pages pages;
	int status;

	imap_pages_init(&pages, c, &search_events, x);
	buf_adds(&pages.tail, " DELETED");
	status = imap_pages_ask(&pages, 1, imap_page_size(c), box->exists, box->uidnext, e);
	if (status == 0)
		status = imap_settle(c, e);
	while (status == 0 && imap_pages_rest(&pages)) {
		status = imap_pages_ask_rest(&pages, e);
		if (status == 0)
			status = imap_settle(c, e);
	}
	*is_part_r = pages.is_part;
	imap_pages_release(&pages);
	return status;
}

/* No UIDPLUS: a plain EXPUNGE takes whatever is \Deleted, so it is sent only where that is ours (R18). */
static int
plain_expunge(struct imap_verify *w, uint64_t epoch, bool *has_foreign_r, struct err *e)
{
	struct search_work x = { .w = w };
	struct imap_command cmd;
	bool is_part = false;
	int status = search_deleted(&x, &is_part, e);

	/* An answer that could not be read, or of which there was more, may have named anything. */
	*has_foreign_r = x.has_foreign || is_part || (status == 0 && imap_session_box(w->c->s)->unreadable != NULL);
	if (status < 0 || w->has_failed || *has_foreign_r)
		return status;
	imap_begin(w->c, &cmd, IMAP_WRITE);
	cmd.uidvalidity = epoch;
	imap_put(&cmd, "EXPUNGE");
	status = imap_send(w->c->s, &cmd, &imap_verify_events, w, NULL, e);
	imap_command_release(&cmd);
	return status;
}

int
imap_remove_send(struct imap_verify *w, const uint32_t *uids, size_t n, uint64_t epoch, bool mark, bool *has_foreign_r,
    struct err *e)
{
	bool has_uidplus = imap_caps_has(imap_session_caps(w->c->s), IMAP_CAP_UIDPLUS);
	int status = 0;

	*has_foreign_r = false;
	if (!has_uidplus)
		doom(w->c, uids, n);
	if (mark)
		status = imap_send_uids(w, IMAP_WRITE, "UID STORE ", uids, n, " +FLAGS.SILENT ", &deleted, epoch, e);
	if (status == 0 && has_uidplus)
		return imap_send_uids(w, IMAP_WRITE, "UID EXPUNGE ", uids, n, "", NULL, epoch, e);
	return status == 0 ? plain_expunge(w, epoch, has_foreign_r, e) : -1;
}

/* As often as the server does a part of it (RFC 9738). */
static int
remove_all(struct imap_verify *w, const uint32_t *uids, size_t n, uint64_t epoch, bool *has_left_r, struct err *e)
{
	uint32_t *left = mem_alloc((n + 1) * sizeof *left);
	size_t i, before, m = n;
	int status = 0;

	memcpy(left, uids, n * sizeof *uids);
	do {
		before = m;
		w->is_cut = false;
		status = imap_remove_send(w, left, m, epoch, true, has_left_r, e);
		if (status == 0)
			status = imap_settle(w->c, e);
		if (status < 0 || !w->is_cut || *has_left_r)
			break;
		for (i = 0; i < w->n; i++)
			w->at[i].is_here = false;
		if (imap_verify_ask(w, " (UID FLAGS)", e) < 0 || imap_settle(w->c, e) < 0 || imap_verify_ask_rest(w, " (UID FLAGS)", e) < 0)
			status = -1;
		for (i = m = 0; i < w->n; i++)
			if (w->at[i].is_here && !w->at[i].has_vanished)
				left[m++] = w->at[i].uid;
		*has_left_r = m > 0 && m >= before;
	} while (status == 0 && m > 0 && !*has_left_r && !w->has_failed);
	free(left);
	return status;
}

int
imap_remove_uids(struct imap_conn *c, uint64_t epoch, const uint32_t *uids, size_t n, bool *has_foreign_r,
    struct err *e)
{
	struct arena a = { 0 };
	struct imap_verify w;
	size_t i;
	int status;

	imap_verify_begin(&w, c, &a, n);
	for (i = 0; i < n; i++)
		imap_verify_add(&w, uids[i]);
	status = remove_all(&w, uids, n, epoch, has_foreign_r, e);
	if (status == 0 && w.has_failed) {
		*e = w.err;
		status = -1;
	}
	imap_verify_end(&w);
	arena_release(&a);
	return status;
}
