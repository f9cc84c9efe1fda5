/* MOVE (RFC 6851), or COPY and the removal of what was certainly copied; and COPY alone for clones.
 *
 * Must hold: a message is taken as moved by COPYUID alone where the server has it; where it has not, its
 * new UID is not known and found by identity (R9, R16).
 */
#include "sync/store/imap_inside.h"

struct moved { uint32_t uid, to; size_t index; bool is_copied; };

struct move_work {
	struct imap_conn *c;
	const char *box;
	struct moved *at;		/* by UID */
	size_t n;
	uint64_t to_epoch;
	bool has_codes;			/* COPYUID came */
	bool has_left;			/* originals that could not be expunged yet */
	bool has_failed, is_lost, is_unsent;
	struct err err;
};

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

/* The two sets pair UID by UID, in the order written, and may stand for 2^32 each: ours are looked up in them. */
static void
on_code(void *ctx, const struct imap_code *code)
{
	struct move_work *w = ctx;
	struct counted *from, *to;
	const struct counted *f, *t;
	uint64_t place;
	size_t i;

	if (code->kind != IMAP_CODE_COPYUID || imap_uidset_count(&code->from) != imap_uidset_count(&code->to))
		return;
	w->has_codes = true;
	from = count_ranges(&code->from);
	to = count_ranges(&code->to);
	qsort(from, code->from.n, sizeof *from, cmp_counted);
	for (i = 0; i < w->n; i++) {
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

static void
on_done(void *ctx, const struct imap_result *r)
{
	struct move_work *w = ctx;

	if (r->status == IMAP_OK) {
		on_code(w, r->code);
		return;
	}
	w->is_lost |= r->status == IMAP_LOST;
	w->is_unsent |= r->status == IMAP_UNSENT;
	if (!w->has_failed)
		imap_result_err(w->c->s, r, ERR_BOX, w->box, &w->err);
	w->has_failed = true;
}

static const struct imap_events move_events = { .code = on_code, .done = on_done };

static int
send_moves(struct move_work *w, const char *verb, const char *to, uint64_t epoch, struct err *e)
{
	uint32_t *uids = mem_alloc((w->n + 1) * sizeof *uids);
	struct imap_command cmd;
	struct buf wire = { 0 };
	size_t i, at = 0;
	int status = imap_name_out(w->c->st, to, &wire, e);

	for (i = 0; i < w->n; i++)
		uids[i] = w->at[i].uid;
	while (at < w->n && status == 0) {
		imap_begin(w->c, &cmd, IMAP_WRITE);
		cmd.uidvalidity = epoch;
		cmd.is_copy = true;
		imap_put(&cmd, verb);
		at += imap_put_uids(&cmd, uids + at, w->n - at, 4200);
		imap_put(&cmd, " ");
		status = imap_put_mailbox(&cmd, buf_str(&wire), e);
		free(cmd.box);
		cmd.box = NULL;
		if (status == 0)
			status = imap_send(w->c->s, &cmd, &move_events, w, NULL, e);
		imap_command_release(&cmd);
	}
	if (status == 0)
		status = imap_settle(w->c, e);
	buf_release(&wire);
	free(uids);
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
answer(struct move_work *w, struct move_item *items, bool has_uidplus, struct arena *a)
{
	struct move_item *item;
	size_t i;

	for (i = 0; i < w->n; i++) {
		item = &items[w->at[i].index];
		item->new_hint = "";
		if (w->at[i].is_copied || (!has_uidplus && !w->has_failed)) {
			item->outcome = OUTCOME_DONE;
			item->is_left = w->has_left;
			item->new_key = w->at[i].to != 0 ? key_from_uid(a, w->at[i].to) : KEY_NONE;
		} else if (w->is_lost) {
			item->outcome = OUTCOME_UNKNOWN;
		} else if (w->has_failed) {
			item->err = w->err;
		} else {
			err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: a message of %s is gone",
			    w->c->st->store.name, w->box);
		}
	}
}

static int
move_once(struct session *session, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e)
{
	struct move_work w = { .c = imap_conn_of(session), .box = box, .n = n, .to_epoch = to_epoch };
	const struct imap_caps *caps;
	bool has_move, has_uidplus;
	unsigned ticket;
	size_t i;
	int status;

	if (imap_enter_ahead(w.c, box, &ticket, e) < 0 || imap_writable(w.c, box, ticket, epoch, e) < 0)
		return -1;
	caps = imap_session_caps(w.c->s);
	has_move = imap_caps_has(caps, IMAP_CAP_MOVE);
	has_uidplus = imap_caps_has(caps, IMAP_CAP_UIDPLUS);
	w.at = mem_alloc((n + 1) * sizeof *w.at);
	for (i = 0; i < n; i++)
		w.at[i] = (struct moved){ .uid = key_uid(items[i].key), .index = i };
	qsort(w.at, n, sizeof *w.at, cmp_moved);
	status = send_moves(&w, keep || !has_move ? "UID COPY " : "UID MOVE ", to, epoch, e);
	if (status == 0 && !keep && !has_move) {
		for (i = 0; i < n && !has_uidplus && !w.has_failed; i++)
			w.at[i].is_copied = true;
		status = remove_copied(&w, epoch, e);
	}
	if (status == 0 || !imap_session_is_alive(w.c->s))
		answer(&w, items, has_uidplus, a);
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
