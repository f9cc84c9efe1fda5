/* Changes by UID in one or several mailboxes: STORE and UID EXPUNGE (RFC 9051 sections 6.4.6, 6.4.9; RFC 4315).
 *
 * Where a server lets messages be named by an id of its own, all is changed in one flight (imap_ahead.c). What that did not
 * do, and all elsewhere, waits: nothing may be changed by UID before the SELECT of its mailbox was answered (R17 SELECT first). So each
 * mailbox costs one turn: what is changed in it, the SELECT of the next, and the question how the messages that are to go there look now
 * leave in one write.
 *
 *   SELECT a, FETCH a | STORE a, EXPUNGE a, SELECT b, FETCH b | STORE b, EXPUNGE b, SELECT c ... |
 *
 * Must hold (R16 three outcomes, R18 UIDs only):
 *   1. Only +FLAGS and -FLAGS, never FLAGS; only UIDs, never sequence numbers.
 *   2. A tagged OK proves nothing: an item is DONE by what FETCH or VANISHED showed of it. Those that were not shown are
 *      asked for once more at the end, in all mailboxes at once.
 *   3. What is expunged looks as it did when it was decided (R20 nothing overwritten). What is not shown then is gone only if the server
 *      says so; a list tells (R25 a witness).
 *   4. No flag that a server does not take keeps another off: what is not made is tried flag by flag (imap_insist.c).
 */
#include "sync/store/imap_inside.h"

#define FLAGS_ALONE " (UID FLAGS)"

struct change_work {
	struct imap_conn *c;
	struct box_changes *b;
	struct arena *a;
	unsigned ticket;		/* of the SELECT */
	struct imap_verify flags, expunge;
	struct imap_words words;	/* of `expunge` */
	uint32_t *uids;			/* that are to go, sorted */
	size_t n_uids;
	bool is_sent, has_foreign;
	bool was_ahead;			/* tried by imap_ahead.c */
	bool is_finished;		/* and all of it done */
	bool is_asked;			/* once more, at the end */
	bool had_failed[2];		/* flags, expunge: before that */
	bool is_unknown;		/* and that could not be answered */
};

/* ---- flags ---- */

struct flag_group { uint32_t uid; size_t index; };

struct change_all {
	struct imap_conn *c;
	struct change_work *w;
	size_t n;
};

struct flag_sort { const struct flag_item *items; bool by_add; };

static int
cmp_change(const void *x, const void *y, void *ctx)
{
	const struct flag_sort *s = ctx;
	const struct flag_group *a = x, *b = y;
	const struct flags *fa = s->by_add ? &s->items[a->index].add : &s->items[a->index].remove;
	const struct flags *fb = s->by_add ? &s->items[b->index].add : &s->items[b->index].remove;
	int c = fa->sys != fb->sys ? (fa->sys < fb->sys ? -1 : 1) : strcmp(fa->kw, fb->kw);

	return c != 0 ? c : (a->uid > b->uid) - (a->uid < b->uid);
}

/* Shown to be gone, or to be as it is to be. */
static bool
is_settled(struct change_work *w, const struct flag_item *item)
{
	const struct imap_verified *s = imap_verify_find(&w->flags, key_uid(item->key));

	return s != NULL && (s->has_vanished || (s->is_here && imap_is_made(item, s->flags, w->a)));
}

/* One STORE per set of UIDs with the same change. */
static int
send_changes(struct change_work *w, bool by_add, bool is_ahead, struct err *e)
{
	const struct flag_item *items = w->b->flags;
	size_t n = w->b->n_flags;
	struct flag_group *g = mem_alloc((n + 1) * sizeof *g);
	uint32_t *uids = mem_alloc((n + 1) * sizeof *uids);
	const char **ids = mem_alloc((n + 1) * sizeof *ids);
	const char *how = by_add ? " +FLAGS " : " -FLAGS ";
	struct flag_sort sort = { items, by_add };
	const struct flags *f;
	size_t i, k, m, count = 0;
	int status = 0;

	for (i = 0; i < n; i++)
		if (!flags_is_none(by_add ? items[i].add : items[i].remove) && !is_settled(w, &items[i]))
			g[count++] = (struct flag_group){ key_uid(items[i].key), i };
	qsort_r(g, count, sizeof *g, cmp_change, &sort);
	for (i = 0; i < count && status == 0; i = k) {
		f = by_add ? &items[g[i].index].add : &items[g[i].index].remove;
		for (k = i, m = 0; k < count && flags_equal(by_add ? items[g[k].index].add :
		    items[g[k].index].remove, *f); k++) {
			ids[m] = items[g[k].index].server_id;
			uids[m++] = g[k].uid;
		}
		status = is_ahead ? imap_ahead_store(&w->flags, w->b->box, &(struct imap_known){ uids, ids, m, 0 }, how, f,
		    &w->ticket, e) : imap_send_uids(&w->flags, IMAP_WRITE, "UID STORE ", uids, m, how, f, w->b->epoch, e);
	}
	free(g);
	free(uids);
	free(ids);
	return status;
}

/* A STORE in a session that has not noticed yet that the message is gone is answered as if it were there: what does not
 * show the change is asked for anew. */
static void
doubt_unmade(struct imap_verify *w, const struct flag_item *items, size_t n, struct arena *a)
{
	struct imap_verified *s;
	size_t i;

	for (i = 0; i < n; i++) {
		s = imap_verify_find(w, key_uid(items[i].key));
		if (s != NULL && s->is_here && !imap_is_made(&items[i], s->flags, a))
			s->is_here = false;
	}
}

static void
judge_flags(struct imap_verify *w, struct flag_item *item, struct arena *a)
{
	const struct imap_verified *s = imap_verify_find(w, key_uid(item->key));

	item->new_hint = "";
	if (s == NULL || !s->is_here) {
		err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message is gone", w->c->st->store.name);
		return;
	}
	item->flags = s->flags;
	if (imap_is_made(item, s->flags, a)) {
		item->outcome = OUTCOME_DONE;
		return;
	}
	if (w->has_failed)
		item->err = w->err;
	else
		err_set(&item->err, ERR_MESSAGE, "%s: the server said OK to a change of flags (+%s -%s) but did not make it",
		    w->c->st->store.name, flags_text(a, item->add), flags_text(a, item->remove));
}

/* ---- what goes for good ---- */

/* All that is \Deleted would go, and not all of it is known to be meant. */
static void
must_wait(struct imap_conn *c, struct expunge_item *item)
{
	item->may_come = true;
	err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_LATER, "%s: a message was marked \\Deleted and not expunged: this "
	    "server cannot expunge single messages (no UIDPLUS), and others are marked that are to stay; they go together",
	    c->st->store.name);
}

static int
cmp_u32(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

static bool
looks_another(const struct expunge_item *item, const struct imap_verified *s)
{
	return (item->size != 0 && s->size != 0 && item->size != s->size) ||
	    (item->date != 0 && s->date != 0 && item->date != s->date);
}

/* R13: what has another size or date is compared by its header, for some servers misstate both. */
static int
check_identity(struct change_work *w, struct err *e)
{
	size_t i, m = 0, *index = mem_alloc((w->b->n_expunges + 1) * sizeof *index);
	struct identify_item *ask = mem_alloc((w->b->n_expunges + 1) * sizeof *ask);
	struct expunge_item *item;
	const struct imap_verified *s;
	int status = 0;

	for (i = 0; i < w->b->n_expunges; i++) {
		item = &w->b->expunges[i];
		s = imap_verify_find(&w->expunge, key_uid(item->key));
		if (s == NULL || !s->is_here || !looks_another(item, s))
			continue;
		ask[m] = (struct identify_item){ .key = item->key, .hint = item->hint };
		index[m++] = i;
	}
	if (m > 0)
		status = store_identify_one(&w->c->session, w->b->box, w->b->epoch, ask, m, IDENT_SIZE | IDENT_HEADER, e);
	for (i = 0; i < m && status == 0; i++) {
		item = &w->b->expunges[index[i]];
		if (ask[i].status == 0 && (item->ident.has & ask[i].ident.has & IDENT_HEADER) &&
		    memcmp(item->ident.header, ask[i].ident.header, sizeof item->ident.header) == 0)
			continue;
		item->is_another = ask[i].status == 0;
		err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a UID names another message than before",
		    w->c->st->store.name);
	}
	free(ask);
	free(index);
	return status;
}

/* R20: only messages that look as they did when it was decided; a \Deleted of our own first try is no change. */
static void
choose_doomed(struct change_work *w)
{
	struct expunge_item *item;
	struct imap_verified *s;
	struct flags expect;
	size_t i;

	for (i = 0; i < w->b->n_expunges; i++) {
		item = &w->b->expunges[i];
		s = imap_verify_find(&w->expunge, key_uid(item->key));
		if (s->has_vanished) {
			item->outcome = OUTCOME_DONE;
			continue;
		}
		if (!s->is_here) {
			item->is_left_out = true;
			err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message is gone", w->c->st->store.name);
			continue;
		}
		if (item->err.text[0] != '\0')
			continue;
		expect = item->expect;
		if (item->may_be_trashed)
			expect.sys = (expect.sys & ~(uint32_t)FLAG_DELETED) | (s->flags.sys & FLAG_DELETED);
		if (imap_is_to_expunge(w->c, s->uid) || w->was_ahead)
			expect.sys |= s->flags.sys & FLAG_DELETED;
		if (!flags_equal(s->flags, expect)) {
			err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message changed before it was expunged",
			    w->c->st->store.name);
			continue;
		}
		w->uids[w->n_uids++] = s->uid;
		/* From here on it is what it is shown to be behind the EXPUNGE. */
		s->is_here = false;
	}
	qsort(w->uids, w->n_uids, sizeof *w->uids, cmp_u32);
}

static bool
must_mark(const struct change_work *w)
{
	size_t i;

	for (i = 0; i < w->b->n_expunges; i++)
		if (!(w->b->expunges[i].expect.sys & FLAG_DELETED) || w->b->expunges[i].is_trashed)
			return true;
	return false;
}

static void
judge_expunge(struct change_work *w, struct expunge_item *item)
{
	uint32_t uid = key_uid(item->key);
	const struct imap_verified *s = imap_verify_find(&w->expunge, uid);
	size_t i;

	if ((i = imap_uid_search(w->uids, w->n_uids, sizeof *w->uids, 0, uid)) == w->n_uids || w->uids[i] != uid)
		return;
	item->words = s->words;
	if (s->has_vanished)
		item->outcome = OUTCOME_DONE;
	else if (!imap_session_is_alive(w->c->s) || w->is_unknown)
		item->outcome = OUTCOME_UNKNOWN;
	else if (!w->expunge.has_failed && !s->is_here)
		item->outcome = OUTCOME_DONE;
	else if (w->has_foreign)
		must_wait(w->c, item);
	else if (w->expunge.has_failed)
		item->err = w->expunge.err;
	else
		err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message was not expunged: somebody took "
		    "\\Deleted off it", w->c->st->store.name);
}

/* ---- one mailbox after the other ---- */

/* What one mailbox alone is to blame for stays with it. -1: the session is dead. */
static int
part_failed(struct change_work *w, const struct err *why, struct err *e)
{
	*e = *why;
	if (!imap_session_is_alive(w->c->s))
		err_widen(e, ERR_STORE);
	return store_part_ended(-1, &w->b->status, &w->b->err, e);
}

static const char *
expunge_items(struct imap_conn *c)
{
	return imap_uids_are_ambiguous(c) ? " (UID FLAGS RFC822.SIZE INTERNALDATE)" : FLAGS_ALONE;
}

static int
ask_words(struct change_work *w, struct err *e)
{
	uint32_t *uids = mem_alloc((w->expunge.n + 1) * sizeof *uids);
	int status;

	for (size_t i = 0; i < w->expunge.n; i++)
		uids[i] = w->expunge.at[i].uid;
	status = imap_words_ask(&w->words, uids, w->expunge.n, false, e);
	free(uids);
	return status;
}

/* SELECT, and how those look that are to go: reading alone. */
static int
approach(struct change_work *w, struct err *e)
{
	struct err why;

	if (imap_enter_ahead(w->c, w->b->box, &w->ticket, &why) < 0 || imap_verify_ask(&w->expunge, expunge_items(w->c), &why) < 0 ||
	    ask_words(w, &why) < 0)
		return part_failed(w, &why, e);
	return 0;
}

/* The rest of what approach() asked for; what was left out is asked for once more. */
static int
hear_doomed(struct change_work *w, struct err *e)
{
	const char *items = expunge_items(w->c);

	if (w->expunge.is_set_bad && imap_narrow(&w->expunge, items, e) < 0)
		return -1;
	w->is_sent = true;
	if (imap_verify_ask_rest(&w->expunge, items, e) < 0)
		return -1;
	if (w->expunge.has_failed || imap_verify_doubts(&w->expunge) == 0)
		return 0;
	return imap_verify_ask(&w->expunge, items, e) < 0 || imap_settle(w->c, e) < 0 ? -1 : imap_verify_ask_rest(&w->expunge, items, e);
}

/* All that is changed in the mailbox, which approach() selected. */
static int
act(struct change_work *w, struct err *e)
{
	struct err why;

	if (w->b->status < 0)
		return 0;
	if (imap_writable(w->c, w->b->box, w->ticket, w->b->epoch, &why) < 0)
		return part_failed(w, &why, e);
	if (hear_doomed(w, &why) < 0)
		return part_failed(w, &why, e);
	if (send_changes(w, true, false, &why) < 0 || send_changes(w, false, false, &why) < 0)
		return part_failed(w, &why, e);
	if (w->expunge.has_failed)
		return part_failed(w, &w->expunge.err, e);
	if (check_identity(w, &why) < 0)
		return part_failed(w, &why, e);
	choose_doomed(w);
	if (w->b->trash != NULL && imap_trash(&w->expunge, w->b, w->uids, &w->n_uids, w->a, &why) < 0)
		return part_failed(w, &why, e);
	if (w->n_uids > 0 && imap_remove_send(&w->expunge, w->uids, w->n_uids, w->b->epoch, must_mark(w), &w->has_foreign,
	    &why) < 0)
		return part_failed(w, &why, e);
	return 0;
}

/* What has not been shown is asked for, behind a SELECT where another mailbox has been selected since. */
static int
ask_again(struct change_work *w, struct err *e)
{
	struct err why;

	if (!w->is_sent)
		return 0;
	doubt_unmade(&w->flags, w->b->flags, w->b->n_flags, w->a);
	if (imap_verify_doubts(&w->flags) + (w->n_uids > 0 ? imap_verify_doubts(&w->expunge) : 0) == 0)
		return 0;
	w->is_asked = true;
	w->had_failed[0] = w->flags.has_failed;
	w->had_failed[1] = w->expunge.has_failed;
	if (imap_enter_ahead(w->c, w->b->box, &w->ticket, &why) == 0 && imap_verify_ask(&w->flags, FLAGS_ALONE, &why) == 0 &&
	    (w->n_uids == 0 || imap_verify_ask(&w->expunge, FLAGS_ALONE, &why) == 0))
		return 0;
	w->is_unknown = true;
	return part_failed(w, &why, e);
}

/* STOREs that were refused for a message among them that is gone. */
static int
store_again(struct change_work *w, struct err *e)
{
	struct err why;

	if (!w->is_sent || w->b->status < 0 || !w->flags.is_set_bad)
		return 0;
	if (imap_enter_ahead(w->c, w->b->box, &w->ticket, &why) < 0 ||
	    imap_writable(w->c, w->b->box, w->ticket, w->b->epoch, &why) < 0 || imap_narrow(&w->flags, FLAGS_ALONE, &why) < 0 ||
	    send_changes(w, true, false, &why) < 0 || send_changes(w, false, false, &why) < 0)
		return part_failed(w, &why, e);
	return imap_settle(w->c, e);
}

/* How much is not done, as far as was shown. */
static size_t
count_left(struct change_work *w)
{
	const struct imap_verified *s;
	size_t i, n = 0;

	for (i = 0; i < w->b->n_flags; i++)
		n += !is_settled(w, &w->b->flags[i]);
	for (i = 0; i < w->n_uids; i++) {
		s = imap_verify_find(&w->expunge, w->uids[i]);
		n += s != NULL && s->is_here;
	}
	return n;
}

/* Those that are shown to be there still. */
static int
remove_left(struct change_work *w, struct err *e)
{
	uint32_t *uids = mem_alloc((w->n_uids + 1) * sizeof *uids);
	struct imap_verified *s;
	size_t i, n = 0;
	int status = 0;

	for (i = 0; i < w->n_uids; i++) {
		s = imap_verify_find(&w->expunge, w->uids[i]);
		if (s == NULL || !s->is_here || s->has_vanished)
			continue;
		uids[n++] = s->uid;
		s->is_here = false;
	}
	if (n > 0)
		status = imap_remove_send(&w->expunge, uids, n, w->b->epoch, must_mark(w), &w->has_foreign, e);
	free(uids);
	return status;
}

/* How all of it looks by now. */
static int
show_left(struct change_work *w, struct err *e)
{
	doubt_unmade(&w->flags, w->b->flags, w->b->n_flags, w->a);
	if (imap_verify_ask(&w->flags, FLAGS_ALONE, e) < 0 || (w->n_uids > 0 && imap_verify_ask(&w->expunge, FLAGS_ALONE, e) < 0) ||
	    imap_settle(w->c, e) < 0 || imap_verify_ask_rest(&w->flags, FLAGS_ALONE, e) < 0)
		return -1;
	return imap_verify_ask_rest(&w->expunge, FLAGS_ALONE, e);
}

/* Commands that were carried out in part (RFC 9738): the rest is said again, as long as that brings anything. */
static int
change_rest(struct change_work *w, struct err *e)
{
	bool is_cut = w->flags.is_cut || w->expunge.is_cut;
	size_t left, before = SIZE_MAX;
	struct err why;

	if (!w->is_sent || w->b->status < 0 || !is_cut)
		return 0;
	if (imap_enter_ahead(w->c, w->b->box, &w->ticket, &why) < 0 ||
	    imap_writable(w->c, w->b->box, w->ticket, w->b->epoch, &why) < 0)
		return part_failed(w, &why, e);
	while (is_cut) {
		w->flags.is_cut = w->expunge.is_cut = false;
		if (show_left(w, &why) < 0)
			return part_failed(w, &why, e);
		left = count_left(w);
		if (left == 0 || left >= before || w->flags.has_failed || w->expunge.has_failed)
			return 0;
		before = left;
		if (send_changes(w, true, false, &why) < 0 || send_changes(w, false, false, &why) < 0 || remove_left(w, &why) < 0 ||
		    imap_settle(w->c, &why) < 0)
			return part_failed(w, &why, e);
		is_cut = w->flags.is_cut || w->expunge.is_cut;
	}
	return 0;
}

/* Those asked for are gone, and to some servers such a set of UIDs is BAD: asked which are there. */
static int
narrow_again(struct change_work *w, struct imap_verify *shown, bool had_failed, struct err *e)
{
	if (had_failed || !shown->is_set_bad)
		return 0;
	if (imap_enter_ahead(w->c, w->b->box, &w->ticket, e) < 0 || imap_entered(w->c, w->b->box, w->ticket, w->b->epoch, e) < 0)
		return -1;
	return imap_narrow(shown, FLAGS_ALONE, e);
}

static int
hear_again(struct change_work *w, struct err *e)
{
	struct err why;

	if (!w->is_asked || w->is_unknown)
		return 0;
	if (imap_entered(w->c, w->b->box, w->ticket, w->b->epoch, &why) == 0 &&
	    narrow_again(w, &w->flags, w->had_failed[0], &why) == 0 &&
	    narrow_again(w, &w->expunge, w->had_failed[1], &why) == 0)
		return 0;
	w->is_unknown = true;
	return part_failed(w, &why, e);
}

/* The last of them. -1: the session is dead. */
static int
leave(struct change_work *w, struct err *e)
{
	struct err why;

	return w->is_sent && imap_let_go(w->c, w->b->box, &why) < 0 ? part_failed(w, &why, e) : 0;
}

static int
one_by_one(struct imap_conn *c, struct change_work **w, size_t n, struct err *e)
{
	size_t i;

	if (n == 0)
		return 0;
	if (approach(w[0], e) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (imap_settle(c, e) < 0 || act(w[i], e) < 0 || (i + 1 < n ? approach(w[i + 1], e) : leave(w[i], e)) < 0)
			return -1;
	if (imap_settle(c, e) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (store_again(w[i], e) < 0)
			return -1;
	for (i = 0; i < n; i++)
		if (change_rest(w[i], e) < 0)
			return -1;
	for (i = 0; i < n; i++)
		if (ask_again(w[i], e) < 0)
			return -1;
	if (imap_settle(c, e) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (hear_again(w[i], e) < 0)
			return -1;
	return 0;
}

/* ---- all in one flight ---- */

static int
cmp_doomed(const void *x, const void *y, void *ctx)
{
	const struct expunge_item *items = ctx;
	uint32_t a = key_uid(items[*(const size_t *)x].key), b = key_uid(items[*(const size_t *)y].key);

	return (a > b) - (a < b);
}

static int
expunge_ahead(struct change_work *w, struct err *e)
{
	size_t i, n = w->b->n_expunges, *order = mem_alloc((n + 1) * sizeof *order);
	const char **ids = mem_alloc((n + 1) * sizeof *ids);
	int status;

	for (i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof *order, cmp_doomed, w->b->expunges);
	for (i = 0; i < n; i++) {
		w->uids[i] = key_uid(w->b->expunges[order[i]].key);
		ids[i] = w->b->expunges[order[i]].server_id;
	}
	w->n_uids = n;
	status = imap_ahead_expunge(&w->expunge, &w->words, w->b->box, &(struct imap_known){ w->uids, ids, n, imap_ahead_modseq(w->b) },
	    must_mark(w), &w->ticket, e);
	free(order);
	free(ids);
	return status;
}

/* -1: the session is dead. What cannot be said ahead is left for later. */
static int
go_ahead(struct change_work *w, struct err *e)
{
	w->was_ahead = w->is_sent = true;
	if (send_changes(w, true, true, e) == 0 && send_changes(w, false, true, e) == 0 && expunge_ahead(w, e) == 0)
		return 0;
	return imap_session_is_alive(w->c->s) ? 0 : err_widen(e, ERR_STORE);
}

/* All answers are there. What was not done is as if it had not been tried. */
static void
review_ahead(struct change_work *w)
{
	const struct imap_box *box = imap_select_box(w->c->s, w->ticket);
	size_t i, left;

	doubt_unmade(&w->flags, w->b->flags, w->b->n_flags, w->a);
	left = imap_verify_doubts(&w->flags);
	for (i = 0; i < w->expunge.n; i++)
		left += !w->expunge.at[i].has_vanished;
	if (left == 0 && box != NULL && box->uidvalidity == w->b->epoch) {
		w->is_finished = true;
		return;
	}
	for (i = 0; i < w->expunge.n; i++)
		w->expunge.at[i].is_here = false;
	w->flags.has_failed = w->expunge.has_failed = w->is_sent = false;
	w->flags.is_cut = w->expunge.is_cut = false;
	w->n_uids = 0;
}

static void
begin(struct change_work *w, struct imap_conn *c, struct box_changes *b, struct arena *a)
{
	size_t i;

	*w = (struct change_work){ .c = c, .b = b, .a = a };
	w->words.verify = &w->expunge;
	imap_verify_begin(&w->flags, c, a, b->n_flags);
	imap_verify_begin(&w->expunge, c, a, b->n_expunges);
	w->uids = mem_alloc((b->n_expunges + 1) * sizeof *w->uids);
	for (i = 0; i < b->n_flags; i++) {
		b->flags[i].outcome = OUTCOME_FAILED;
		b->flags[i].unkept = FLAGS_NONE;
		b->flags[i].ignored = 0;
		imap_leave_off(&b->flags[i].add, &b->flags[i].unkept, a);
		imap_leave_off(&b->flags[i].remove, &b->flags[i].unkept, a);
		imap_verify_add(&w->flags, key_uid(b->flags[i].key));
	}
	for (i = 0; i < b->n_expunges; i++) {
		b->expunges[i].outcome = OUTCOME_FAILED;
		imap_verify_add(&w->expunge, key_uid(b->expunges[i].key));
	}
	imap_verify_sort(&w->flags);
	imap_verify_sort(&w->expunge);
}

/* Lost with the session, flags are not done, and can be set again without harm. */
static void
end(struct change_work *w)
{
	bool is_lost = !imap_session_is_alive(w->c->s) || w->is_unknown;
	size_t i;

	for (i = 0; i < w->b->n_flags && w->is_sent && !is_lost; i++)
		judge_flags(&w->flags, &w->b->flags[i], w->a);
	for (i = 0; i < w->b->n_expunges && w->is_sent; i++)
		judge_expunge(w, &w->b->expunges[i]);
	imap_verify_end(&w->flags);
	imap_verify_end(&w->expunge);
	buf_release(&w->words.header);
	free(w->uids);
}

int
imap_change_begin(struct session *session, struct box_changes *boxes, size_t n, struct arena *a, struct changing **w_r,
    struct err *e)
{
	struct change_all *all = mem_alloc(sizeof *all);
	size_t i;

	*w_r = (struct changing *)all;
	*all = (struct change_all){ imap_conn_of(session), mem_alloc((n + 1) * sizeof *all->w), n };
	for (i = 0; i < n; i++)
		begin(&all->w[i], all->c, &boxes[i], a);
	for (i = 0; i < n; i++)
		if (imap_ahead_may(all->c, &boxes[i]) && go_ahead(&all->w[i], e) < 0)
			return -1;
	return 0;
}

/* -1: the session is dead. */
static int
insist(struct change_work *w, struct err *e)
{
	struct err why;

	if (!w->is_sent || w->is_unknown || w->b->status < 0 ||
	    imap_insist(&w->flags, w->b->box, w->b->epoch, w->b->flags, w->b->n_flags, w->a, &why) == 0)
		return 0;
	return part_failed(w, &why, e);
}

/* What is left after the flight. */
static int
finish(struct change_all *all, struct err *e)
{
	struct change_work **left;
	size_t i, n = 0;
	int status;

	if (imap_settle(all->c, e) < 0)
		return -1;
	left = mem_alloc((all->n + 1) * sizeof(struct change_work *));
	for (i = 0; i < all->n; i++) {
		if (all->w[i].was_ahead)
			review_ahead(&all->w[i]);
		if (!all->w[i].is_finished)
			left[n++] = &all->w[i];
		all->w[i].b->is_late = !all->w[i].is_finished;
	}
	status = one_by_one(all->c, left, n, e);
	for (i = 0; i < n && status == 0; i++)
		status = insist(left[i], e);
	if (status == 0)
		status = imap_settle(all->c, e);
	free(left);
	return status;
}

int
imap_change_end(struct changing **w, struct err *e)
{
	struct change_all *all = (struct change_all *)*w;
	size_t i;
	int status = finish(all, e);

	for (i = 0; i < all->n; i++)
		end(&all->w[i]);
	free(all->w);
	free(all);
	*w = NULL;
	return status;
}

int
imap_change(struct session *session, struct box_changes *boxes, size_t n, struct arena *a, struct err *e)
{
	struct changing *w;
	struct err why;
	int status = imap_change_begin(session, boxes, n, a, &w, e);

	return imap_change_end(&w, status < 0 ? &why : e) < 0 ? -1 : status;
}
