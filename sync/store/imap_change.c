/* STORE and EXPUNGE by UID (RFC 9051 sections 6.4.6, 6.4.9; RFC 4315).
 *
 * Must hold (R16, R18):
 *   1. Only +FLAGS and -FLAGS, never FLAGS; only UIDs, never sequence numbers.
 *   2. A tagged OK proves nothing: an item is DONE by what FETCH showed of it afterwards.
 *   3. A plain EXPUNGE is sent only where UIDPLUS is missing and nothing but ours is \Deleted.
 */
#include "sync/store/imap_inside.h"

#define FLAGS_ALONE " (UID FLAGS)"

/* ---- what the server shows of some UIDs ---- */

struct shown { uint32_t uid; bool is_here, has_vanished; struct flags flags; uint64_t size; int64_t date; };

struct show_work {
	struct imap_conn *c;
	struct shown *at;		/* by UID */
	size_t n;
	struct arena *arena;
	bool has_failed;
	struct err err;
	uint32_t uidvalidity;		/* of the mailbox, for what is doomed */
	bool has_foreign;		/* SEARCH DELETED found one that is not ours */
};

static struct shown *
find(struct show_work *w, uint32_t uid)
{
	size_t low = 0, high = w->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (w->at[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->n && w->at[low].uid == uid ? &w->at[low] : NULL;
}

static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	struct show_work *w = ctx;
	struct shown *s = f->uid != 0 ? find(w, f->uid) : NULL;

	if (s == NULL || !(f->has & IMAP_FETCH_FLAGS))
		return;
	s->is_here = true;
	s->flags = flags_dup(w->arena, f->flags);
	if (f->has & IMAP_FETCH_SIZE)
		s->size = f->size;
	if (f->has & IMAP_FETCH_DATE)
		s->date = f->date;
}

/* Of UIDs that nobody can put back: what has vanished is gone (R16). */
static void
on_vanished(void *ctx, const struct imap_uidset *uids, bool is_earlier)
{
	struct show_work *w = ctx;
	size_t i;

	(void)is_earlier;
	for (i = 0; i < w->n; i++)
		w->at[i].has_vanished |= imap_uidset_has(uids, w->at[i].uid);
}

static void
on_done(void *ctx, const struct imap_result *r)
{
	struct show_work *w = ctx;

	if (r->status == IMAP_OK || w->has_failed)
		return;
	w->has_failed = true;
	imap_result_err(w->c->s, r, ERR_BOX, "STORE", &w->err);
}

static const struct imap_events show_events = { .fetch = on_fetch, .vanished = on_vanished, .done = on_done };

static int
cmp_shown(const void *x, const void *y)
{
	const struct shown *a = x, *b = y;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

/* Sends `verb` uids `tail` in as many lines as it takes. */
static int
send_uids(struct imap_conn *c, enum imap_command_kind kind, const char *verb, const uint32_t *uids, size_t n,
    const char *tail, const struct flags *flags, uint64_t epoch, const struct imap_events *ev, void *ctx, struct err *e)
{
	struct imap_command cmd;
	size_t at = 0;
	int status = 0;

	while (at < n && status == 0) {
		imap_begin(c, &cmd, kind);
		cmd.uidvalidity = kind == IMAP_WRITE ? (uint32_t)epoch : 0;
		imap_put(&cmd, verb);
		at += imap_put_uids(&cmd, uids + at, n - at, 2000);
		imap_put(&cmd, tail);
		if (flags != NULL)
			status = imap_put_flags(&cmd, *flags, e);
		if (status == 0)
			status = imap_send(c->s, &cmd, ev, ctx, NULL, e);
		imap_command_release(&cmd);
		if (status == 0)
			status = imap_drain_to(c, 50, e);
	}
	return status;
}

/* ---- flags ---- */

struct flag_group { uint32_t uid; size_t index; };

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

/* One STORE per set of UIDs with the same change. */
static int
send_changes(struct show_work *w, uint64_t epoch, const struct flag_item *items, size_t n, bool by_add,
    struct err *e)
{
	struct flag_group *g = mem_alloc((n + 1) * sizeof *g);
	uint32_t *uids = mem_alloc((n + 1) * sizeof *uids);
	struct flag_sort sort = { items, by_add };
	const struct flags *f;
	size_t i, k, m, count = 0;
	int status = 0;

	for (i = 0; i < n; i++)
		if (!flags_is_none(by_add ? items[i].add : items[i].remove))
			g[count++] = (struct flag_group){ key_uid(items[i].key), i };
	qsort_r(g, count, sizeof *g, cmp_change, &sort);
	for (i = 0; i < count && status == 0; i = k) {
		f = by_add ? &items[g[i].index].add : &items[g[i].index].remove;
		for (k = i, m = 0; k < count && flags_equal(by_add ? items[g[k].index].add :
		    items[g[k].index].remove, *f); k++)
			uids[m++] = g[k].uid;
		status = send_uids(w->c, IMAP_WRITE, "UID STORE ", uids, m, by_add ? " +FLAGS " : " -FLAGS ", f,
		    epoch, &show_events, w, e);
	}
	free(g);
	free(uids);
	return status;
}

/* Those the STOREs did not show: are they there, and how. items: what to ask of them. */
static int
ask_again(struct show_work *w, const char *items, struct err *e)
{
	uint32_t *uids = mem_alloc((w->n + 1) * sizeof *uids);
	size_t i, m = 0;
	int status;

	for (i = 0; i < w->n; i++)
		if (!w->at[i].is_here && !w->at[i].has_vanished)
			uids[m++] = w->at[i].uid;
	status = send_uids(w->c, IMAP_READ, "UID FETCH ", uids, m, items, NULL, 0, &show_events, w, e);
	if (status == 0)
		status = imap_settle(w->c, e);
	free(uids);
	return status;
}

static bool
is_made(const struct flag_item *item, const struct flags *now, struct arena *a)
{
	return flags_is_none(flags_minus(a, item->add, *now)) && flags_is_none(flags_intersect(a, item->remove, *now));
}

/* A STORE in a session that has not noticed yet that the message is gone is answered as if it were there: what does not
 * show the change is asked for anew. */
static void
doubt_unmade(struct show_work *w, const struct flag_item *items, size_t n, struct arena *a)
{
	struct shown *s;
	size_t i;

	for (i = 0; i < n; i++) {
		s = find(w, key_uid(items[i].key));
		if (s != NULL && s->is_here && !is_made(&items[i], &s->flags, a))
			s->is_here = false;
	}
}

static void
judge_flags(struct show_work *w, struct flag_item *item, struct arena *a)
{
	const struct shown *s = find(w, key_uid(item->key));

	item->new_hint = "";
	if (s == NULL || !s->is_here) {
		err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message is gone", w->c->st->store.name);
		return;
	}
	item->flags = s->flags;
	if (is_made(item, &s->flags, a)) {
		item->outcome = OUTCOME_DONE;
		return;
	}
	if (w->has_failed)
		item->err = w->err;
	else
		err_set(&item->err, ERR_MESSAGE, "%s: the server said OK to a change of flags (+%s -%s) but did not make it",
		    w->c->st->store.name, flags_text(a, item->add), flags_text(a, item->remove));
}

int
imap_change_flags(struct session *session, const char *box, uint64_t epoch, struct flag_item *items, size_t n,
    struct arena *a, struct err *e)
{
	struct show_work w = { .c = imap_conn_of(session), .n = n, .arena = a };
	size_t i;
	int status;

	if (imap_enter_to_write(w.c, box, epoch, e) < 0)
		return -1;
	w.at = mem_alloc((n + 1) * sizeof *w.at);
	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		w.at[i].uid = key_uid(items[i].key);
	}
	qsort(w.at, n, sizeof *w.at, cmp_shown);
	status = send_changes(&w, epoch, items, n, true, e);
	if (status == 0)
		status = send_changes(&w, epoch, items, n, false, e);
	if (status == 0)
		status = imap_settle(w.c, e);
	if (status == 0)
		doubt_unmade(&w, items, n, a);
	if (status == 0)
		status = ask_again(&w, FLAGS_ALONE, e);
	for (i = 0; i < n && status == 0; i++)
		judge_flags(&w, &items[i], a);
	/* Flags can be set again without harm: lost is not done, and the next run looks. */
	free(w.at);
	return status;
}

/* ---- expunge ---- */

/* Without UIDPLUS all that is \Deleted goes at once, so all sessions must know what the run means to remove. */
static void
doom(struct imap_conn *c, uint32_t uidvalidity, const uint32_t *uids, size_t n)
{
	struct imap_store *st = c->st;
	size_t i;

	pthread_mutex_lock(&st->lock);
	for (i = 0; i < n; i++)
		vec_push(&st->doomed, (struct imap_doomed){ mem_strdup(c->selected), uidvalidity, uids[i] });
	pthread_mutex_unlock(&st->lock);
}

static bool
is_doomed(struct imap_conn *c, uint32_t uidvalidity, uint32_t uid)
{
	struct imap_store *st = c->st;
	bool is = false;
	size_t i;

	pthread_mutex_lock(&st->lock);
	for (i = 0; i < st->doomed.n && !is; i++)
		is = st->doomed.at[i].uid == uid && st->doomed.at[i].uidvalidity == uidvalidity &&
		    strcmp(st->doomed.at[i].box, c->selected) == 0;
	pthread_mutex_unlock(&st->lock);
	return is;
}

static void
on_search(void *ctx, const struct imap_search *search)
{
	struct show_work *w = ctx;
	struct imap_uidset_pos at = { 0 };
	uint32_t uid;

	while (imap_uidset_next(&search->all, &at, &uid) == 1 && !w->has_foreign)
		w->has_foreign = find(w, uid) == NULL && !is_doomed(w->c, w->uidvalidity, uid);
}

static const struct imap_events search_events = { .search = on_search, .done = on_done };

/* No UIDPLUS: a plain EXPUNGE takes whatever is \Deleted, so it is sent only where that is ours (R18). */
static int
plain_expunge(struct show_work *w, uint64_t epoch, struct err *e)
{
	struct imap_command cmd;
	int status;

	imap_begin(w->c, &cmd, IMAP_READ);
	cmd.is_search = true;
	imap_put(&cmd, "UID SEARCH DELETED");
	status = imap_send(w->c->s, &cmd, &search_events, w, NULL, e);
	imap_command_release(&cmd);
	if (status == 0)
		status = imap_settle(w->c, e);
	if (status < 0 || w->has_failed || w->has_foreign)
		return status;
	imap_begin(w->c, &cmd, IMAP_WRITE);
	cmd.uidvalidity = (uint32_t)epoch;
	imap_put(&cmd, "EXPUNGE");
	status = imap_send(w->c->s, &cmd, &show_events, w, NULL, e);
	imap_command_release(&cmd);
	return status;
}

int
imap_remove_uids(struct imap_conn *c, uint64_t epoch, const uint32_t *uids, size_t n, bool mark, bool *gone_r,
    bool *has_foreign_r, struct err *e)
{
	static const struct flags deleted = { .sys = FLAG_DELETED, .kw = "" };
	struct show_work w = { .c = c, .n = n, .uidvalidity = imap_session_box(c->s)->uidvalidity };
	bool has_uidplus = imap_caps_has(imap_session_caps(c->s), IMAP_CAP_UIDPLUS);
	struct arena a = { 0 };
	size_t i;
	int status = 0;

	w.arena = &a;
	w.at = mem_alloc((n + 1) * sizeof *w.at);
	for (i = 0; i < n; i++)
		w.at[i].uid = uids[i];
	if (!has_uidplus)
		doom(c, w.uidvalidity, uids, n);
	if (mark)
		status = send_uids(c, IMAP_WRITE, "UID STORE ", uids, n, " +FLAGS.SILENT ", &deleted, epoch, &show_events,
		    &w, e);
	if (status == 0 && has_uidplus)
		status = send_uids(c, IMAP_WRITE, "UID EXPUNGE ", uids, n, "", NULL, epoch, &show_events, &w, e);
	else if (status == 0)
		status = plain_expunge(&w, epoch, e);
	if (status == 0)
		status = imap_settle(c, e);
	/* What is still shown is not gone, whatever was answered. */
	for (i = 0; i < n; i++)
		w.at[i].is_here = false;
	if (status == 0)
		status = ask_again(&w, FLAGS_ALONE, e);
	for (i = 0; i < n && status == 0; i++)
		gone_r[i] = w.at[i].has_vanished || (!w.has_failed && !w.at[i].is_here);
	*has_foreign_r = w.has_foreign;
	if (status == 0 && w.has_failed) {
		*e = w.err;
		status = -1;
	}
	free(w.at);
	arena_release(&a);
	return status;
}

bool
imap_is_loose(struct imap_conn *c)
{
	const struct imap_caps *caps = imap_session_caps(c->s);

	return !imap_caps_has(caps, IMAP_CAP_QRESYNC) || !imap_caps_has(caps, IMAP_CAP_UIDPLUS);
}

static bool
looks_another(const struct expunge_item *item, const struct shown *s)
{
	return (item->size != 0 && s->size != 0 && item->size != s->size) ||
	    (item->date != 0 && s->date != 0 && item->date != s->date);
}

/* R13: what has another size or date is told by its header, for some servers misstate both. */
static int
check_identity(struct show_work *w, const char *box, uint64_t epoch, struct expunge_item *items, size_t n, struct err *e)
{
	struct identify_item *ask = mem_alloc((n + 1) * sizeof *ask);
	size_t *index = mem_alloc((n + 1) * sizeof *index), i, m = 0;
	const struct shown *s;
	int status = 0;

	for (i = 0; i < n; i++) {
		s = find(w, key_uid(items[i].key));
		if (s == NULL || !s->is_here || !looks_another(&items[i], s))
			continue;
		ask[m] = (struct identify_item){ .key = items[i].key, .hint = items[i].hint };
		index[m++] = i;
	}
	if (m > 0)
		status = imap_identify(&w->c->session, box, epoch, ask, m, IDENT_SIZE | IDENT_HEADER, e);
	for (i = 0; i < m && status == 0; i++) {
		struct expunge_item *item = &items[index[i]];

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

/* R20: only messages that look as they did when it was decided; a \Deleted of our own first try is no change. How
 * they look is asked behind the SELECT; nothing is concluded before that is answered, as the right mailbox. */
static int
check_flags(struct show_work *w, const char *box, uint64_t epoch, struct expunge_item *items, size_t n, struct err *e)
{
	const struct shown *s;
	struct flags expect;
	unsigned ticket;
	size_t i;

	if (imap_enter_ahead(w->c, box, &ticket, e) < 0 ||
	    ask_again(w, imap_is_loose(w->c) ? " (UID FLAGS RFC822.SIZE INTERNALDATE)" : FLAGS_ALONE, e) < 0 ||
	    imap_entered(w->c, box, ticket, e) < 0 || imap_enter_to_write(w->c, box, epoch, e) < 0 ||
	    check_identity(w, box, epoch, items, n, e) < 0)
		return -1;
	if (w->has_failed) {
		*e = w->err;
		return -1;
	}
	w->uidvalidity = imap_session_box(w->c->s)->uidvalidity;
	for (i = 0; i < n; i++) {
		s = find(w, key_uid(items[i].key));
		if (s == NULL || !s->is_here) {
			items[i].outcome = OUTCOME_DONE;
			continue;
		}
		if (items[i].err.text[0] != '\0')
			continue;
		expect = items[i].expect;
		if (is_doomed(w->c, w->uidvalidity, s->uid))
			expect.sys |= s->flags.sys & FLAG_DELETED;
		if (!flags_equal(s->flags, expect))
			err_class(&items[i].err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message changed before it was "
			    "expunged", w->c->st->store.name);
	}
	return 0;
}

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

int
imap_expunge(struct session *session, const char *box, uint64_t epoch, struct expunge_item *items, size_t n,
    struct err *e)
{
	struct show_work w = { .c = imap_conn_of(session), .n = n };
	struct arena a = { 0 };
	uint32_t *uids = mem_alloc((n + 1) * sizeof *uids), *hit, uid;
	bool *gone = mem_alloc(n + 1), mark = false, has_foreign = false;
	size_t i, m = 0;
	int status = -1;

	w.arena = &a;
	w.at = mem_alloc((n + 1) * sizeof *w.at);
	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		w.at[i].uid = key_uid(items[i].key);
	}
	qsort(w.at, n, sizeof *w.at, cmp_shown);
	if (check_flags(&w, box, epoch, items, n, e) < 0)
		goto done;
	for (i = 0; i < n; i++)
		if (items[i].outcome != OUTCOME_DONE && items[i].err.text[0] == '\0') {
			uids[m++] = key_uid(items[i].key);
			mark |= !(items[i].expect.sys & FLAG_DELETED);
		}
	qsort(uids, m, sizeof *uids, cmp_u32);
	status = m > 0 ? imap_remove_uids(w.c, epoch, uids, m, mark, gone, &has_foreign, e) : 0;
	for (i = 0; i < n; i++) {
		uid = key_uid(items[i].key);
		hit = bsearch(&uid, uids, m, sizeof *uids, cmp_u32);
		if (hit == NULL)
			continue;
		if (status < 0 && !imap_session_is_alive(w.c->s))
			items[i].outcome = OUTCOME_UNKNOWN;
		else if (gone[hit - uids])
			items[i].outcome = OUTCOME_DONE;
		else if (has_foreign)
			must_wait(w.c, &items[i]);
		else if (status == 0)
			err_class(&items[i].err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message was not expunged: "
			    "somebody took \\Deleted off it", w.c->st->store.name);
	}
done:
	free(w.at);
	free(uids);
	free(gone);
	arena_release(&a);
	return status;
}
