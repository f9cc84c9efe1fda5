/* MOVE (RFC 6851), or COPY and the removal of what was certainly copied; and COPY alone for copies within the account.
 *
 * Must hold: where the server gives COPYUID, a message counts as moved by that alone. Where it does not, the new UID is not known, and the
 * message is found by its identity (R9 moves, R16 three outcomes).
 */
#include "sync/store/imap_inside.h"

/* is_unknown: of a command that did a part, and did not say which. */
struct moved { uint32_t uid, to; size_t index; bool is_copied, is_unknown; };

struct move_work {
	struct imap_conn *c;
	const char *box;
	struct moved *at;		/* by UID */
	size_t n;
	uint64_t to_epoch;
	bool has_left;			/* originals that could not be expunged yet */
	bool is_cut;			/* a command did a part (RFC 9738): the others are said again (R25) */
	bool is_halfway;		/* copied, and broken off before what was copied had left its mailbox */
	bool has_failed, is_lost, is_unsent;
	struct err err;
};

/* One command: what it names is all that is not copied of w->at[first..end). */
struct moving { struct move_work *w; size_t first, end; bool has_codes; };

static int
cmp_moved(const void *x, const void *y)
{
	const struct moved *a = x, *b = y;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

/* A range of COPYUID, and how many UIDs of its set stand before it. */
struct counted { uint32_t first, last; uint64_t before; };

static int
cmp_counted(const void *x, const void *y)
{
	const struct counted *a = x, *b = y;

	return (a->first > b->first) - (a->first < b->first);
}

static struct counted *
count_ranges(const struct imap_uidset *set)
{
	struct counted *c = mem_alloc((set->n + 1) * sizeof *c);
	uint64_t before = 0;
	size_t i;

	for (i = 0; i < set->n; i++) {
		c[i] = (struct counted){ set->at[i].first, set->at[i].last, before };
		before += (uint64_t)set->at[i].last - set->at[i].first + 1;
	}
	return c;
}

/* The last of n ranges that begins at or before what is sought: a UID (sorted by first), or a place in the set. */
static const struct counted *
find_counted(const struct counted *c, size_t n, uint64_t sought, bool by_place)
{
	size_t low = 0, high = n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if ((by_place ? c[mid].before : c[mid].first) <= sought)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 ? &c[low - 1] : NULL;
}

/* The two sets pair UID by UID, in the order written, and may stand for 2^32 each: ours are searched in them. */
static void
on_code(void *ctx, const struct imap_code *code)
{
	struct moving *m = ctx;
	struct move_work *w = m->w;
	struct counted *from, *to;
	const struct counted *f, *t;
	uint64_t place;
	size_t i;

	if (code->kind != IMAP_CODE_COPYUID || imap_uidset_count(&code->from) != imap_uidset_count(&code->to))
		return;
	m->has_codes = true;
	from = count_ranges(&code->from);
	to = count_ranges(&code->to);
	qsort(from, code->from.n, sizeof *from, cmp_counted);
	for (i = m->first; i < m->end; i++) {
		f = find_counted(from, code->from.n, w->at[i].uid, false);
		if (f == NULL || w->at[i].uid > f->last)
			continue;
		place = f->before + (w->at[i].uid - f->first);
		t = find_counted(to, code->to.n, place, true);
		w->at[i].is_copied = true;
		/* Into a mailbox that was rebuilt meanwhile: the UID is not one we can use. */
		w->at[i].to = w->to_epoch == 0 || code->number == w->to_epoch ? t->first + (uint32_t)(place - t->before) : 0;
	}
	free(from);
	free(to);
}

/* Only the OK says which were copied: all, or, of a part, those down to the last one that it names. */
static void
believe_ok(struct moving *m, const struct imap_code *code, bool is_cut)
{
	bool has_uidplus = imap_caps_has(imap_session_caps(m->w->c->s), IMAP_CAP_UIDPLUS);
	struct moved *at;
	size_t i;

	if (m->has_codes || (has_uidplus && !is_cut))
		return;
	for (i = m->first; i < m->end; i++) {
		at = &m->w->at[i];
		if (!is_cut || (code->last_uid != 0 && at->uid >= code->last_uid))
			at->is_copied = true;
		else
			at->is_unknown |= code->last_uid == 0;
	}
}

static void
on_done(void *ctx, const struct imap_result *r)
{
	struct moving *m = ctx;
	struct move_work *w = m->w;
	bool is_cut = imap_is_cut(w->c, r);

	w->is_cut |= is_cut;
	if (r->status == IMAP_OK) {
		on_code(m, r->code);
		believe_ok(m, r->code, is_cut);
		return;
	}
	if (is_cut) {
		if (r->code->number == 0)
			imap_learn_limit(w->c, (m->end - m->first) / 2);
		return;
	}
	w->is_lost |= r->status == IMAP_LOST;
	w->is_unsent |= r->status == IMAP_UNSENT;
	if (!w->has_failed)
		imap_result_err(w->c->s, r, ERR_BOX, w->box, &w->err);
	w->has_failed = true;
}

static const struct imap_events move_events = { .code = on_code, .done = on_done };

/* One command for as many of w->at from `at` on as it may name. Returns where it ended; w->n with nothing sent: none is left. */
static size_t
send_move(struct move_work *w, const char *verb, const char *wire, uint64_t epoch, size_t at, struct moving *m, int *status_r,
    struct err *e)
{
	uint32_t *uids;
	struct imap_command cmd;
	size_t n = 0, most, took, i;

	while (at < w->n && (w->at[at].is_copied || w->at[at].is_unknown))
		at++;
	if (at == w->n)
		return at;
	most = imap_save_at_most(w->c, w->n - at);
	uids = mem_alloc((most + 1) * sizeof *uids);
	for (i = at; i < w->n && n < most && !w->at[i].is_copied && !w->at[i].is_unknown; i++)
		uids[n++] = w->at[i].uid;
	imap_begin(w->c, &cmd, IMAP_WRITE);
	cmd.uidvalidity = epoch;
	cmd.is_copy = true;
	imap_put(&cmd, verb);
	took = imap_put_uids(&cmd, uids, n, 4200);
	imap_put(&cmd, " ");
	*status_r = imap_put_mailbox(&cmd, wire, e);
	free(cmd.box);
	cmd.box = NULL;
	*m = (struct moving){ .w = w, .first = at, .end = at + took };
	if (*status_r == 0)
		*status_r = imap_send(w->c->s, &cmd, &move_events, m, NULL, e);
	imap_command_release(&cmd);
	free(uids);
	return at + took;
}

static size_t
count_uncopied(const struct move_work *w)
{
	size_t i, n = 0;

	for (i = 0; i < w->n; i++)
		n += !w->at[i].is_copied && !w->at[i].is_unknown;
	return n;
}

/* As often as the server does a part of it. */
static int
send_moves(struct move_work *w, const char *verb, const char *to, uint64_t epoch, struct err *e)
{
	struct moving *m = mem_alloc((w->n + 1) * sizeof *m);
	struct buf wire = { 0 };
	size_t at, k, before;
	uint32_t limit;
	int status = imap_name_out(w->c->st, to, &wire, e);

	do {
		w->is_cut = false;
		before = count_uncopied(w);
		limit = imap_command_limit(w->c);
		for (at = k = 0; at < w->n && status == 0; k++)
			at = send_move(w, verb, buf_str(&wire), epoch, at, &m[k], &status, e);
		if (status == 0)
			status = imap_settle(w->c, e);
	} while (status == 0 && w->is_cut && !w->has_failed && count_uncopied(w) > 0 &&
	    (count_uncopied(w) < before || imap_command_limit(w->c) != limit));
	buf_release(&wire);
	free(m);
	return status;
}

/* COPY done: what was certainly copied leaves its mailbox. */
static int
remove_copied(struct move_work *w, uint64_t epoch, struct err *e)
{
	uint32_t *uids = mem_alloc((w->n + 1) * sizeof *uids);
	size_t i, n = 0;
	int status = 0;

	for (i = 0; i < w->n; i++)
		if (w->at[i].is_copied)
			uids[n++] = w->at[i].uid;
	if (n > 0)
		status = imap_remove_uids(w->c, epoch, uids, n, &w->has_left, e);
	free(uids);
	return status;
}

static void
answer(struct move_work *w, struct move_item *items, struct arena *a)
{
	struct move_item *item;
	size_t i;

	for (i = 0; i < w->n; i++) {
		item = &items[w->at[i].index];
		item->new_hint = "";
		if (w->at[i].is_copied && w->is_halfway) {
			item->outcome = OUTCOME_UNKNOWN;
		} else if (w->at[i].is_copied) {
			item->outcome = OUTCOME_DONE;
			item->is_left = w->has_left;
			item->new_key = w->at[i].to != 0 ? key_from_uid(a, w->at[i].to) : KEY_NONE;
		} else if (w->is_lost || w->at[i].is_unknown) {
			item->outcome = OUTCOME_UNKNOWN;
		} else if (w->has_failed) {
			item->err = w->err;
		} else if (w->is_cut) {
			err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_LATER, "%s: the server moved or copied a part of what it "
			    "was asked to (MESSAGELIMIT), and no more when asked again", w->c->st->store.name);
		} else {
			err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message of %s is gone",
			    w->c->st->store.name, w->box);
		}
	}
}

static void
begin(struct move_work *w, const struct move_item *items, size_t n)
{
	size_t i;

	w->n = n;
	w->at = mem_alloc((n + 1) * sizeof *w->at);
	for (i = 0; i < n; i++)
		w->at[i] = (struct moved){ .uid = key_uid(items[i].key), .index = i };
	qsort(w->at, n, sizeof *w->at, cmp_moved);
}

static int
move_once(struct session *session, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e)
{
	struct move_work w = { .c = imap_conn_of(session), .box = box, .to_epoch = to_epoch };
	bool has_move;
	unsigned ticket;
	int status;

	if (imap_enter_ahead(w.c, box, &ticket, e) < 0 || imap_writable(w.c, box, ticket, epoch, e) < 0)
		return -1;
	has_move = imap_caps_has(imap_session_caps(w.c->s), IMAP_CAP_MOVE);
	begin(&w, items, n);
	status = send_moves(&w, keep || !has_move ? "UID COPY " : "UID MOVE ", to, epoch, e);
	if (status == 0 && !keep && !has_move)
		status = remove_copied(&w, epoch, e);
	/* A copy is half of a move: whether the original has gone is looked for (R11). */
	w.is_halfway = status < 0 && !keep && !has_move;
	if (status == 0 || !imap_session_is_alive(w.c->s))
		answer(&w, items, a);
	free(w.at);
	return status;
}

bool
imap_moves_at_once(struct session *c)
{
	return imap_caps_has(imap_session_caps(imap_conn_of(c)->s), IMAP_CAP_MOVE);
}

int
imap_move_selected(struct imap_conn *c, const char *box, uint64_t epoch, const char *to, struct move_item *items, size_t n,
    struct arena *a, bool *is_gone_r, struct err *e)
{
	struct move_work w = { .c = c, .box = box };
	int status;

	*is_gone_r = imap_caps_has(imap_session_caps(c->s), IMAP_CAP_MOVE);
	begin(&w, items, n);
	status = send_moves(&w, *is_gone_r ? "UID MOVE " : "UID COPY ", to, epoch, e);
	if (status == 0)
		answer(&w, items, a);
	free(w.at);
	return status;
}

/* Several copies of one message: a set of UIDs names it once, so each has a turn of its own. */
struct turn { uint32_t uid; size_t index; unsigned turn; };

static int
cmp_turn(const void *x, const void *y)
{
	const struct turn *a = x, *b = y;

	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

int
imap_move(struct session *session, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e)
{
	struct turn *turns = mem_alloc((n + 1) * sizeof *turns);
	struct move_item *now = mem_alloc((n + 1) * sizeof *now);
	unsigned turn, last = 0;
	size_t i, m;
	int status = 0;

	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		turns[i] = (struct turn){ key_uid(items[i].key), i, 0 };
	}
	qsort(turns, n, sizeof *turns, cmp_turn);
	for (i = 1; i < n; i++)
		if (turns[i].uid == turns[i - 1].uid && (turns[i].turn = turns[i - 1].turn + 1) > last)
			last = turns[i].turn;
	for (turn = 0; turn <= last && status == 0; turn++) {
		for (i = m = 0; i < n; i++)
			if (turns[i].turn == turn)
				now[m++] = items[turns[i].index];
		status = move_once(session, box, epoch, to, to_epoch, keep, now, m, a, e);
		for (i = m = 0; i < n; i++)
			if (turns[i].turn == turn)
				items[turns[i].index] = now[m++];
	}
	free(turns);
	free(now);
	return status;
}
