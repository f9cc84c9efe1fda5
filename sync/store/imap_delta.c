/* What changed in mailboxes since their cursors (R2 equal cursors, R3 a server's ranges, R25 a witness).
 *
 *   QRESYNC     SELECT (QRESYNC (v m))                    flags and vanished come with it
 *   CONDSTORE   SELECT (CONDSTORE), FETCH CHANGEDSINCE m  vanished by SEARCH, only when the count says so
 *   neither     SELECT, FETCH 1:*                         the flags of everything, every time
 *   and in all cases FETCH uidnext:* for the sizes, and the server's own ids, of what is new
 *
 * The commands of all mailboxes asked for are pipelined; what proves to need a full list or a search, or was cut short
 * (imap_pages.c), gets it in further flights. Where something seems to have vanished, the question of R13 second look goes
 * behind the first flight: a message that was moved out of a mailbox before it was read is in another by then.
 *
 *   first flight -> again(): AGAIN_REST    what was cut off is asked for
 *                            AGAIN_FULL    the cursor does not hold (R2 equal cursors)
 *                            AGAIN_SEARCH  something vanished, and CONDSTORE does not say what
 *                            AGAIN_PAGED   the list is not proved complete: once more, in pages
 *                            AGAIN_OPEN    ... in a session with UIDONLY, without which the server shows a part (RFC 9586)
 *                            AGAIN_STATUS  EXISTS is another number than STATUS had: asked for again
 *                            AGAIN_NO      -> conclude()
 *
 * Must hold (R2, R3, R25):
 *   1. The cursor is the SELECT's own; a modseq or uidnext below the saved one means a full list.
 *   2. A list is complete only where imap_proof.c says so; changes only where nothing was cut off.
 *   3. Entries of UIDs below the saved uidnext that FETCH n:* brings are not counted as new.
 */
#include "sync/store/imap_delta.h"

#include "state/base/log.h"

enum { KEY_OCTETS = 16 };
enum again { AGAIN_NO, AGAIN_REST, AGAIN_FULL, AGAIN_SEARCH, AGAIN_PAGED, AGAIN_OPEN, AGAIN_STATUS };

enum { LISTS_MOST = 4, PAGE_IN_DOUBT = 500 };

/* ---- answers ---- */

/* The mailbox has failed: what was kept of it makes room for the others. */
static void
give_up(struct delta_work *w)
{
	struct delta *d = w->d;

	w->has_failed = true;
	w->c->kept -= w->kept;
	w->kept = 0;
	vec_release(&d->entries);
	vec_release(&d->gone);
	vec_release(&d->present);
	arena_release(&d->arena);
	w->kw = "";
	w->unreadable = NULL;
	w->what = "";
}

/* Whether there is room for one more of these; else the rest of the mailbox passes by. */
static bool
keep(struct delta_work *w, size_t octets)
{
	if (w->has_failed)
		return false;
	w->kept += octets;
	if (imap_keep(w->c, octets, ERR_BOX, w->what, &w->err))
		return true;
	give_up(w);
	return false;
}

/* More messages than the mailbox says it has, by far: each is there once or twice. */
static bool
is_beyond(struct delta_work *w)
{
	enum { MORE = 10000 };
	const struct imap_box *box = imap_select_box(w->c->s, w->ticket);

	if (w->has_failed || box == NULL || w->d->entries.n <= 3 * imap_box_messages(box) + MORE)
		return w->has_failed;
	give_up(w);
	err_class(&w->err, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: the server shows more messages of mailbox %s than it says there are",
	    w->c->st->store.name, w->d->box);
	return true;
}

static void
add_entry(struct delta_work *w, const struct imap_fetch *f)
{
	struct delta *d = w->d;
	struct delta_entry e;

	if (is_beyond(w) || !keep(w, 2 * sizeof e + KEY_OCTETS + strlen(f->flags.kw) + strlen(f->emailid) + strlen(f->guid)))
		return;
	e = (struct delta_entry){ .key = key_from_uid(&d->arena, f->uid), .hint = "", .server_id = "" };

	e.flags = flags_dup(&d->arena, f->flags);
	if (f->has & IMAP_FETCH_SIZE)
		e.size = f->size;
	if (f->has & (IMAP_FETCH_DATE | IMAP_FETCH_SAVED))
		e.date = f->has & IMAP_FETCH_SAVED ? f->saved : f->date;
	if (f->has & IMAP_FETCH_EMAILID)
		e.server_id = arena_strdup(&d->arena, f->emailid);
	else if (f->has & IMAP_FETCH_GM_MSGID)
		e.server_id = arena_printf(&d->arena, "%llu", (unsigned long long)f->gm_msgid);
	else if (f->has & IMAP_FETCH_GUID)
		e.server_id = arena_strdup(&d->arena, f->guid);
	vec_push(&d->entries, e);
	if (d->heard != NULL)
		atomic_fetch_add_explicit(d->heard, 1, memory_order_relaxed);
}

/* HOW_PLAIN: the list has flags, what is new a size as well. Dovecot answers the two FETCHes at the same time. */
static void
see_plain(struct delta_work *w, const struct imap_fetch *f)
{
	if (!(f->has & IMAP_FETCH_SIZE)) {
		imap_plain_see(&w->plain, w->d, f);
		return;
	}
	if (f->uid < w->since_next)
		return;			/* the last message, where nothing is new; the list shows it (R3) */
	add_entry(w, f);
}

/* FETCH n:* takes every FETCH there is while it is unanswered: the news of a QRESYNC SELECT, what others change meanwhile, the
 * last message where nothing is new. All are news of known messages, and harmless where they are none. */
static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	struct delta_work *w = ctx;

	if ((f->has & (IMAP_FETCH_UID | IMAP_FETCH_FLAGS)) != (IMAP_FETCH_UID | IMAP_FETCH_FLAGS))
		return;
	if (f->uid > w->last)
		w->last = f->uid;
	if (w->how == HOW_PLAIN)
		see_plain(w, f);
	else
		add_entry(w, f);
}

static void
on_vanished(void *ctx, const struct imap_uidset *uids, bool is_earlier)
{
	struct delta_work *w = ctx;
	size_t i;

	/* Ranges, not UIDs: VANISHED 1:4294967295 is a legal line. The fold intersects them (R3). */
	for (i = 0; i < uids->n && keep(w, sizeof(struct uid_range)); i++)
		vec_push(&w->d->gone, (struct uid_range){ uids->at[i].first, uids->at[i].last });
	if (w->d->gone.n > 2 * w->joined + 4096)
		w->joined = delta_join_gone(w->d);
	if (!is_earlier && imap_select_box(w->c->s, w->ticket) != NULL)
		imap_uidset_append(&w->vanished, uids);
}

static void
on_search(void *ctx, const struct imap_search *search)
{
	struct delta_work *w = ctx;

	if (keep(w, search->all.n * sizeof(struct imap_range)))
		imap_uidset_append(&w->found, &search->all);
}

static void
on_select_done(void *ctx, const struct imap_result *result)
{
	struct delta_work *w = ((struct imap_watch *)ctx)->work;

	if (w == NULL || result->status == IMAP_OK)
		return;
	w->has_failed = true;
	imap_result_err(w->c->s, result, ERR_BOX, w->d->box, &w->err);
}

/* What UIDNEXT is at least, of a server whose SELECT does not give it (Courier): by STATUS, by the last run, by what is there. */
static uint32_t
least_uidnext(const struct delta_work *w)
{
	uint32_t next = w->last != UINT32_MAX ? w->last + 1 : w->last, listed, count;
	uint64_t modseq;

	imap_cursor_read(&w->d->listed, &listed, &modseq, &count);
	if (w->d->listed.epoch == w->box.uidvalidity && listed > next)
		next = listed;
	if (w->d->has_since && w->d->since.epoch == w->box.uidvalidity && w->since_next > next)
		next = w->since_next;
	return next;
}

static void
snapshot(struct delta_work *w)
{
	const struct imap_box *box = imap_select_box(w->c->s, w->ticket);

	if (box == NULL)
		return;
	w->box = *box;
	w->has_uidnext = w->box.uidnext != 0;
	if (!w->has_uidnext)
		w->box.uidnext = least_uidnext(w);
	w->kw = arena_strdup(&w->d->arena, box->mask.kw);
	if (box->unreadable != NULL && w->unreadable == NULL)
		w->unreadable = arena_strdup(&w->d->arena, box->unreadable);
	w->is_answered = true;
}

/* Of each command behind the SELECT. NO on an empty mailbox is some servers' way to say "none". */
static void
on_done(void *ctx, const struct imap_result *result)
{
	struct delta_work *w = ctx;

	snapshot(w);
	if (result->status == IMAP_OK || w->has_failed || (w->is_answered && w->box.exists == 0))
		return;
	if (!w->is_broken)
		imap_result_err(w->c->s, result, ERR_BOX, w->d->box, &w->err);
	w->is_broken = true;
}

static void
box_fetch(void *ctx, const struct imap_fetch *f)
{
	struct delta_work *w = ((struct imap_watch *)ctx)->work;

	if (w != NULL && w->how == HOW_QRESYNC)
		on_fetch(w, f);
}

static void
box_vanished(void *ctx, const struct imap_uidset *uids, bool is_earlier)
{
	struct delta_work *w = ((struct imap_watch *)ctx)->work;

	if (w != NULL)
		on_vanished(w, uids, is_earlier);
}

/* A SELECT's own events outlive the delta: their context is a watch of the connection's, which forgets
 * the work when that ends. */
static const struct imap_events select_events = { .fetch = box_fetch, .vanished = box_vanished,
	.done = on_select_done };
static const struct imap_events all_events = { .fetch = on_fetch, .done = on_done };
static const struct imap_events search_events = { .search = on_search, .done = on_done };

/* ---- questions ---- */

static void
ask_no_guid(struct delta_work *w)
{
	w->asked_guid = false;
	pthread_mutex_lock(&w->c->st->lock);
	w->c->st->refuses_guid = true;
	pthread_mutex_unlock(&w->c->st->lock);
}

static int
send_select(struct delta_work *w, struct err *e)
{
	struct imap_select how = { .is_examine = w->is_readonly_run };
	struct buf wire = { 0 };
	int status = imap_name_out(w->c->st, w->d->box, &wire, e);

	if (status == 0) {
		how.utf8 = buf_str(&wire);
		if (w->how == HOW_QRESYNC) {
			how.uidvalidity = w->d->since.epoch;
			how.modseq = w->since_modseq;
		}
		vec_push(&w->c->watches, mem_alloc(sizeof(struct imap_watch)));
		w->c->watches.at[w->c->watches.n - 1]->work = w;
		status = imap_select(w->c->s, &how, &select_events, w->c->watches.at[w->c->watches.n - 1],
		    &w->ticket, e);
	}
	buf_release(&wire);
	return status;
}

/* What stands behind the set of a FETCH. */
static void
compose(struct delta_work *w, struct buf *tail, bool with_size, bool changed_since)
{
	const char *item = with_size ? imap_id_item(w->c) : NULL;

	buf_adds(tail, " (UID FLAGS");
	if (with_size)
		buf_adds(tail, w->d->wants_dates || imap_uids_are_ambiguous(w->c) ? " RFC822.SIZE INTERNALDATE" : " RFC822.SIZE");
	/* Where UIDs are not believed the date is one more thing to know a message by, and has to be the one that is asked for elsewhere. */
	if (with_size && w->d->wants_dates && !imap_uids_are_ambiguous(w->c) && imap_caps_has(imap_session_caps(w->c->s), IMAP_CAP_SAVEDATE))
		buf_adds(tail, " SAVEDATE");
	if (item != NULL) {
		buf_printf(tail, " %s", item);
		w->asked_guid |= strcmp(item, "X-GUID") == 0;
	}
	buf_adds(tail, ")");
	if (changed_since)
		buf_printf(tail, " (CHANGEDSINCE %llu)", (unsigned long long)w->since_modseq);
}

/* How many messages there are, and the UID behind the last, as far as is known before the SELECT is answered. */
static void
expect(const struct delta_work *w, uint32_t *exists_r, uint32_t *uidnext_r)
{
	uint64_t modseq;

	*exists_r = w->box.exists;
	*uidnext_r = w->box.uidnext;
	if (*uidnext_r == 0 && w->d->listed.epoch != 0)
		imap_cursor_read(&w->d->listed, uidnext_r, &modseq, exists_r);
}

/* All messages, in pages where they may be cut. */
static int
send_list(struct delta_work *w, bool with_size, struct err *e)
{
	uint32_t exists, uidnext;

	expect(w, &exists, &uidnext);
	imap_pages_release(&w->list);
	imap_pages_init(&w->list, w->c, &all_events, w);
	compose(w, &w->list.tail, with_size, false);
	return imap_pages_ask(&w->list, 1, w->page, exists, uidnext, e);
}

/* What changed: few as a rule, and asked for in one. */
static int
send_changes(struct delta_work *w, struct err *e)
{
	imap_pages_release(&w->list);
	imap_pages_init(&w->list, w->c, &all_events, w);
	compose(w, &w->list.tail, false, true);
	return imap_pages_ask(&w->list, 1, 0, 0, 0, e);
}

/* What is new, from since_next on. */
static int
send_fresh(struct delta_work *w, struct err *e)
{
	uint32_t exists, uidnext;

	expect(w, &exists, &uidnext);
	imap_pages_release(&w->fresh);
	imap_pages_init(&w->fresh, w->c, &all_events, w);
	compose(w, &w->fresh.tail, true, false);
	return imap_pages_ask(&w->fresh, w->since_next, w->page, exists > w->d->known ? exists - (uint32_t)w->d->known : 0,
	    uidnext, e);
}

static int
send_search(struct delta_work *w, struct err *e)
{
	uint32_t exists, uidnext;

	expect(w, &exists, &uidnext);
	imap_uidset_clear(&w->found);
	imap_pages_release(&w->list);
	imap_pages_init(&w->list, w->c, &search_events, w);
	return imap_pages_ask(&w->list, 1, w->page, exists, uidnext, e);
}

/* All that is asked of one mailbox in one flight. */
static int
send_all(struct delta_work *w, struct err *e)
{
	if (send_select(w, e) < 0)
		return -1;
	switch (w->how) {
	case HOW_FULL:
		return send_list(w, true, e);
	case HOW_SEARCH:
		return send_search(w, e);
	case HOW_PLAIN:
		/* What is new comes twice, in any order, with its size once: an entry adds to what is known. */
		if (send_list(w, false, e) < 0)
			return -1;
		break;
	case HOW_CONDSTORE:
		if (send_changes(w, e) < 0)
			return -1;
		break;
	case HOW_QRESYNC:
		break;
	}
	return send_fresh(w, e);
}

static enum delta_how
choose(const struct delta_work *w)
{
	if (!w->d->has_since || w->since_next == 0)
		return HOW_FULL;
	if (w->since_modseq == 0)
		return HOW_PLAIN;
	if (imap_session_has_qresync(w->c->s))
		return HOW_QRESYNC;
	return imap_session_has_condstore(w->c->s) ? HOW_CONDSTORE : HOW_PLAIN;
}

/* ---- conclusions ---- */

/* R2: the cursor we asked from may not be trusted by what came. */
static bool
is_suspect(const struct delta_work *w)
{
	if (w->box.uidvalidity != w->d->since.epoch || w->box.uidnext < w->since_next || w->is_broken || w->box.is_dirty)
		return true;
	return w->how != HOW_PLAIN && (!w->box.has_modseq || w->box.highestmodseq < w->since_modseq);
}

static void
compare_plain(struct delta_work *w)
{
	w->is_same = imap_plain_is_known(&w->plain, w->d, w->box.exists);
	if (!w->is_same)
		imap_plain_expand(&w->plain, w->d);
}

/* Dovecot gives a modseq that cannot be asked about, where CONDSTORE is not offered. */
static bool
has_modseq(const struct delta_work *w)
{
	return w->box.has_modseq && imap_session_has_condstore(w->c->s);
}

/* A count does not show that changes are a part only. */
static bool
has_lost_changes(const struct delta_work *w)
{
	return w->list.is_part || w->fresh.is_part || w->box.is_part || (w->how == HOW_QRESYNC && w->box.is_news_part);
}

/* The list, or SEARCH, proves nothing. */
static enum again
again_in_doubt(const struct delta_work *w)
{
	bool is_moving = w->box.exists != w->box.exists_then || w->vanished.n > 0 || w->box.has_shrunk;

	if (w->lists < 2)
		return AGAIN_PAGED;
	if (w->lists >= LISTS_MOST)
		return AGAIN_NO;
	return imap_may_uidonly(w->c) ? AGAIN_OPEN : is_moving ? AGAIN_PAGED : AGAIN_NO;
}

/* What the next flight is for. */
static enum again
again(struct delta_work *w)
{
	if (w->has_failed || !w->is_answered || w->unreadable != NULL)
		return AGAIN_NO;
	if (w->is_broken && w->asked_guid) {
		ask_no_guid(w);
		return AGAIN_FULL;
	}
	if (!w->is_broken && (imap_pages_rest(&w->list) || imap_pages_rest(&w->fresh)))
		return AGAIN_REST;
	if (w->how == HOW_PLAIN && !is_suspect(w))
		compare_plain(w);
	imap_proof_tidy(w);
	if (w->is_same)
		return w->box.is_part || w->list.is_part ? again_in_doubt(w) : AGAIN_NO;
	if (w->how == HOW_FULL || w->how == HOW_SEARCH || (w->how == HOW_PLAIN && !is_suspect(w))) {
		if (!imap_proof_holds(w))
			return again_in_doubt(w);
		return imap_proof_wants_status(w) ? AGAIN_STATUS : AGAIN_NO;
	}
	if (is_suspect(w) || has_lost_changes(w))
		return AGAIN_FULL;
	/* More should be there than is: something vanished, and CONDSTORE does not say what. */
	if (w->how == HOW_CONDSTORE && w->d->known + w->n_fresh != imap_proof_expects(w))
		return AGAIN_SEARCH;
	return AGAIN_NO;
}

static void
start_over(struct delta_work *w)
{
	w->d->entries.n = 0;
	w->d->gone.n = 0;
	imap_plain_clear(&w->plain);
	w->is_same = false;
	imap_uidset_clear(&w->vanished);
	imap_uidset_clear(&w->found);
	w->status = STATUS_NOT_ASKED;
	w->is_answered = w->is_broken = false;
}

static void
conclude(struct delta_work *w)
{
	struct delta *d = w->d;

	if (!w->has_failed && !w->is_answered) {
		w->has_failed = true;
		if (w->err.text[0] == '\0')
			err_set(&w->err, ERR_BOX, "%s: mailbox %s did not answer", w->c->st->store.name, d->box);
	}
	if (!w->has_failed && w->unreadable != NULL) {
		w->has_failed = true;
		err_class(&w->err, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: mailbox %s is left out: %s", w->c->st->store.name, d->box,
		    w->unreadable);
	}
	if (!w->has_failed && w->box.uidvalidity == 0) {
		w->has_failed = true;
		err_class(&w->err, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s: the server gives mailbox %s no UIDVALIDITY that can be used, so its "
		    "messages cannot be told apart between runs", w->c->st->store.name, d->box);
	}
	if (w->has_failed || (w->is_broken && w->how != HOW_FULL && w->how != HOW_PLAIN)) {
		d->status = -1;
		d->err = w->err;
		return;
	}
	d->kind = !w->is_same && (w->how == HOW_FULL || w->how == HOW_PLAIN) ? DELTA_FULL : DELTA_CHANGES;
	imap_proof_conclude(w);
	/* Where others expunged by sequence number meanwhile, what the next list counts is another number: read again. */
	d->cursor = imap_cursor(w->box.uidvalidity, w->box.uidnext, has_modseq(w) ? w->box.highestmodseq : 0,
	    w->box.exists_then);
	if (w->box.is_dirty || w->box.is_uid_not_sticky)
		d->cursor.is_steady = false;
	d->uidnext = w->box.uidnext;
	d->mailbox_id = arena_strdup(&d->arena, w->box.mailboxid);
	d->mask = w->box.mask;
	d->mask.kw = w->kw != NULL ? w->kw : "";
	/* PERMANENTFLAGS of a read-only mailbox is empty: that tells what we may change, not what it keeps. */
	d->is_mask_unknown = w->box.is_read_only;
	d->is_readonly = !w->is_readonly_run && w->box.is_read_only;
}

/* ---- flights ---- */

/* All that is asked, in one go. */
static int
send_flight(struct imap_conn *c, struct delta_work *w, size_t n, struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (imap_drain_to(c, 500, e) == 0 && send_all(&w[i], e) == 0)
			continue;
		if (!imap_session_is_alive(c->s))
			return err_widen(e, ERR_STORE);
		w[i].has_failed = true;
		w[i].err = *e;
	}
	return 0;
}

static int
fly_and_look(struct imap_conn *c, struct delta_work *w, size_t n, struct delta_look *look, struct err *e)
{
	struct cursors_work cursors;
	struct err why;
	int status;

	if (send_flight(c, w, n, e) < 0)
		return -1;
	status = imap_cursors_queue(c, &cursors, look->boxes, look->n, e);
	if (status == 0 || imap_session_is_alive(c->s))
		status = imap_settle(c, e);
	why = *e;
	look->is_answered = imap_cursors_end(&cursors, status, &why) == 0;
	return status;
}

static const char *
reason(enum again again)
{
	switch (again) {
	case AGAIN_REST:
		return "cut short: the rest is asked for";
	case AGAIN_FULL:
		return "the cursor does not hold: listed in full";
	case AGAIN_SEARCH:
		return "some vanished: searched for";
	case AGAIN_PAGED:
		return "not proved complete: listed again, in pages";
	case AGAIN_OPEN:
		return "shows a part: listed again with UIDONLY";
	case AGAIN_STATUS:
		return "EXISTS is not what STATUS had: asked for again";
	case AGAIN_NO:
		break;
	}
	return "";
}

/* What was cut off is asked for in the mailbox as it was selected, or as it still is: one that moved is listed anew. */
static int
send_rest(struct delta_work *w, struct err *e)
{
	bool is_selected = imap_session_box(w->c->s) != NULL &&
	    imap_session_box(w->c->s) == imap_select_box(w->c->s, w->ticket);

	if (!is_selected) {
		imap_proof_tidy(w);	/* what has vanished is not in it any more */
		w->before = w->box;
		w->is_resumed = true;
		w->is_answered = false;
		imap_uidset_clear(&w->vanished);
		if (send_select(w, e) < 0)
			return -1;
	}
	if (imap_pages_rest(&w->list) && imap_pages_ask_rest(&w->list, e) < 0)
		return -1;
	return imap_pages_rest(&w->fresh) ? imap_pages_ask_rest(&w->fresh, e) : 0;
}

static int
send_again(struct delta_work *w, enum again why, struct err *e)
{
	switch (why) {
	case AGAIN_NO:
		return 0;
	case AGAIN_REST:
		return send_rest(w, e);
	case AGAIN_STATUS:
		return imap_proof_ask_status(w, e);
	case AGAIN_PAGED:
	case AGAIN_OPEN:
		if (w->page == 0)
			w->page = PAGE_IN_DOUBT;
		/* FALLTHROUGH */
	case AGAIN_FULL:
		w->how = HOW_FULL;
		break;
	case AGAIN_SEARCH:
		w->how = HOW_SEARCH;
		return send_all(w, e);
	}
	w->lists++;
	start_over(w);
	return send_all(w, e);
}

/* In a new session, which says UIDONLY. All that was asked in the old one is answered. */
static int
open_again(struct imap_conn *c, struct delta_work *w, size_t n, struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++)
		w[i].ticket = 0;
	for (i = 0; i < c->watches.n; i++)
		c->watches.at[i]->work = NULL;
	return imap_reopen_uidonly(c, e);
}

/* One flight for those that need one. *n_r: how many. */
static int
fly_again(struct imap_conn *c, struct delta_work *w, size_t n, size_t *n_r, struct err *e)
{
	enum again *why = mem_alloc((n + 1) * sizeof *why);
	bool opens = false;
	size_t i;
	int status = 0;

	*n_r = 0;
	for (i = 0; i < n; i++) {
		why[i] = again(&w[i]);
		opens |= why[i] == AGAIN_OPEN;
		*n_r += why[i] != AGAIN_NO;
		if (why[i] != AGAIN_NO)
			log_line(LOG_IMAP, "%s: %s", w[i].d->box, reason(why[i]));
	}
	if (opens)
		status = open_again(c, w, n, e);
	for (i = 0; i < n && status == 0; i++) {
		if (send_again(&w[i], why[i], e) == 0)
			continue;
		w[i].has_failed = true;
		w[i].err = *e;
		if (!imap_session_is_alive(c->s))
			status = err_widen(e, ERR_STORE);
	}
	free(why);
	return status == 0 && *n_r > 0 ? imap_settle(c, e) : status;
}

/* A mailbox that was selected again for a rest is the one it was, or all of it is of no use. */
static void
check_resumed(struct delta_work *w)
{
	const struct imap_box *was = &w->before, *is = &w->box;

	if (!w->is_resumed || !w->is_answered)
		return;
	w->is_resumed = false;
	if (is->uidvalidity == was->uidvalidity && is->uidnext == was->uidnext && is->exists_then == was->exists &&
	    is->highestmodseq == was->highestmodseq && is->has_modseq == was->has_modseq)
		return;
	w->list.is_part = true;
	w->list.rest.n = w->fresh.rest.n = 0;
}

/* Those that need it once more. *is_last_r is set to false where there are some. */
static int
further_flights(struct imap_conn *c, struct delta_work *w, size_t n, bool *is_last_r, struct err *e)
{
	size_t i, more = 1;

	while (more > 0) {
		if (fly_again(c, w, n, &more, e) < 0)
			return -1;
		*is_last_r &= more == 0;
		for (i = 0; i < n; i++)
			check_resumed(&w[i]);
	}
	return 0;
}

/* Nothing is under way: only the mailbox selected last may still speak. */
static void
forget_watches(struct imap_conn *c)
{
	struct imap_watch *last;
	size_t i;

	if (c->watches.n == 0)
		return;
	last = c->watches.at[c->watches.n - 1];
	for (i = 0; i + 1 < c->watches.n; i++)
		free(c->watches.at[i]);
	c->watches.at[0] = last;
	c->watches.n = 1;
}

/* By the numbers of the list: fewer are there than were, and came since. */
static bool
seems_to_have_lost(const struct delta_work *w)
{
	uint32_t next, count;
	uint64_t modseq;

	if (!w->d->has_since || w->d->listed.epoch != w->d->since.epoch)
		return false;
	imap_cursor_read(&w->d->listed, &next, &modseq, &count);
	return next >= w->since_next && (uint64_t)w->since_count + (next - w->since_next) > count;
}

/* Whether the second look goes along. What is listed in full may need a second flight, behind which it would have to be. */
static bool
wants_look(const struct delta_work *w, size_t n)
{
	bool has_lost = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (w[i].how == HOW_FULL || w[i].how == HOW_PLAIN)
			return false;
		has_lost |= seems_to_have_lost(&w[i]);
	}
	return has_lost;
}

static struct delta_work *
begin(struct imap_conn *c, struct delta *d, size_t n, bool is_readonly_run)
{
	struct delta_work *w = mem_alloc((n + 1) * sizeof *w);
	size_t i;

	free(c->selected);
	c->selected = NULL;
	imap_keep_begin(c);
	forget_watches(c);
	for (i = 0; i < n; i++) {
		w[i].c = c;
		w[i].d = &d[i];
		w[i].what = arena_printf(&d[i].arena, "mailbox %s", d[i].box);
		w[i].is_readonly_run = is_readonly_run;
		w[i].kw = "";
		if (d[i].has_since)
			imap_cursor_read(&d[i].since, &w[i].since_next, &w[i].since_modseq, &w[i].since_count);
		w[i].how = choose(&w[i]);
		w[i].page = imap_page_size(c);
		w[i].lists = w[i].how == HOW_FULL || w[i].how == HOW_PLAIN;
	}
	return w;
}

static void
end(struct imap_conn *c, struct delta_work *w, size_t n, int status)
{
	size_t i;

	for (i = 0; i < c->watches.n; i++)
		c->watches.at[i]->work = NULL;
	for (i = 0; i < n; i++) {
		if (status == 0)
			conclude(&w[i]);
		imap_plain_release(&w[i].plain);
		imap_pages_release(&w[i].list);
		imap_pages_release(&w[i].fresh);
		imap_uidset_release(&w[i].vanished);
		imap_uidset_release(&w[i].found);
	}
	free(w);
}

int
imap_delta(struct session *session, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct delta_work *w = begin(c, d, n, is_readonly_run);
	bool is_last = true, has_look = look != NULL && wants_look(w, n);
	int status;

	if (has_look)
		status = fly_and_look(c, w, n, look, e);
	else
		status = send_flight(c, w, n, e) < 0 ? -1 : imap_settle(c, e);
	if (status == 0)
		status = further_flights(c, w, n, &is_last, e);
	if (has_look)
		look->is_answered = status == 0 && is_last && look->is_answered;
	end(c, w, n, status);
	return status;
}

struct delta_all { struct imap_conn *c; struct delta_work *w; size_t n; };

int
imap_delta_begin(struct session *session, struct delta *d, size_t n, struct reading **r_r, struct err *e)
{
	struct delta_all *all = mem_alloc(sizeof *all);
	struct imap_conn *c = imap_conn_of(session);

	*all = (struct delta_all){ c, begin(c, d, n, false), n };
	*r_r = (struct reading *)all;
	return send_flight(c, all->w, n, e);
}

int
imap_delta_end(struct reading **r, struct err *e)
{
	struct delta_all *all = (struct delta_all *)*r;
	bool is_last = true;
	int status = imap_settle(all->c, e);

	if (status == 0)
		status = further_flights(all->c, all->w, all->n, &is_last, e);
	end(all->c, all->w, all->n, status);
	free(all);
	*r = NULL;
	return status;
}
