/* Carries a plan out: in batches, with intents before and settlement after each.
 *
 * Groups of operations follow each other; within a group all that is ready runs at once:
 *
 *   RENAME_BOX -> CREATE_BOX -> PAIR -> COPY CLONE MOVE FLAGS EXPUNGE -> REMOVE_BOX -> MARK DROP DROP_BOX
 *
 * A batch's life:    fill -> intents committed -> worker -> settle -> committed with the next batch's intents
 *
 * Must hold:
 *   1. No operation is issued before those it depends on are DONE (R15 dependencies).
 *   2. The state never claims what a store does not durably hold: settlement follows the answer.
 *   3. What is UNKNOWN keeps its intent and is not repeated in this run (R11 recovery, R16 three outcomes).
 *   4. Only the coordinator runs this file; workers run jobs.c and copy.c.
 */
#include "sync/apply/apply_inside.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "state/base/log.h"
#include "sync/plan/explain.h"

enum { COPY_MOST = 500, COPY_LEAST = 100, CHANGE_MOST = 2000, CHANGE_BOXES_LEAST = 8 };
enum { COPY_PER_TURN = 40, BYTES_PER_TURN = 256 * 1024, SHARED_TURNS = 6 };	/* rough: when another connection pays */

static const struct { enum op_kind kinds[5]; size_t n; } groups[] = {
	{ { OP_RENAME_BOX }, 1 },
	{ { OP_CREATE_BOX }, 1 },
	{ { OP_BEYOND, OP_PAIR }, 2 },
	{ { OP_COPY, OP_CLONE, OP_MOVE, OP_FLAGS, OP_EXPUNGE }, 5 },
	{ { OP_REMOVE_BOX }, 1 },
	{ { OP_MARK, OP_DROP, OP_DROP_BOX }, 3 },
};

static bool
is_in_group(size_t g, enum op_kind kind)
{
	size_t i;

	for (i = 0; i < groups[g].n; i++)
		if (groups[g].kinds[i] == kind)
			return true;
	return false;
}

/* WAIT when all it depends on is done; else FAILED for good, or still waiting. */
static bool
is_ready(struct applying *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];
	uint32_t k;

	if (x->status[i] != OP_WAIT)
		return false;
	for (k = 0; k < op->dep_n; k++) {
		enum op_status dep = x->status[x->plan->deps.at[op->dep_at + k]];

		if (dep == OP_FAILED || dep == OP_UNKNOWN) {
			x->status[i] = OP_FAILED;
			return false;
		}
		if (dep != OP_DONE)
			return false;
	}
	return true;
}

static bool
is_given_up(const struct applying *x, enum side s)
{
	return isolate_is_given_up(&x->env->isolate, s);
}

/* FLAGS and EXPUNGE are done in one visit to their mailbox. */
static enum op_kind
batch_kind(enum op_kind kind)
{
	return kind == OP_EXPUNGE ? OP_FLAGS : kind;
}

static bool
is_possible(struct applying *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];
	struct run_box *b = apply_box(x, op->box);

	if (op_is_state_only(op->kind))
		return true;
	if (op->kind == OP_COPY && (x->env->apply_state->is_over_limit || waiting_is_stopped(x->env, op->box, op->side)))
		return false;
	/* What was moved or copied there without a word on its key: once a list has shown it, in the same run. */
	if (batch_kind(op->kind) == OP_FLAGS && x->live[op->msg]->half[op->side].key.len == 0)
		return false;
	return !is_given_up(x, op->side) && !b->side[op->side].has_failed && (op->kind != OP_COPY ||
	    (!is_given_up(x, side_other(op->side)) && !b->side[side_other(op->side)].has_failed));
}

static bool
is_of_many_boxes(enum op_kind kind)
{
	return kind == OP_COPY || kind == OP_FLAGS;
}

/* How large a batch may get. */
struct room { size_t ops, boxes; uint64_t bytes; uint32_t group; };

/* Those whose sessions were lost with that of op's; UINT32_MAX = it is not suspected of having ended one. */
static uint32_t
group_of(const struct applying *x, const struct op *op)
{
	uint32_t group;

	(void)isolate_most(&x->env->isolate, apply_suspect(x, (uint32_t)(op - x->plan->ops.at)), &group);
	return group;
}

/* It stands behind all others: it has ended sessions, or one of few that may have. */
static bool
is_last(const struct applying *x, uint32_t i)
{
	uint32_t group;

	return isolate_most(&x->env->isolate, apply_suspect(x, i), &group) != 0;
}

/* Whether op may join the batch. */
static bool
belongs(const struct applying *x, const struct batch *b, const struct room *room, const struct op *first, const struct op *op)
{
	if (b->n == 0)
		return true;
	if (is_box_op(b->kind) || group_of(x, op) != room->group ||
	    is_last(x, (uint32_t)(op - x->plan->ops.at)) != is_last(x, (uint32_t)(first - x->plan->ops.at)))
		return false;
	if (batch_kind(op->kind) != b->kind || op->side != first->side || b->n >= room->ops)
		return false;
	if (op->box != b->part[b->n_parts - 1].box && (!is_of_many_boxes(b->kind) || b->n_parts >= room->boxes))
		return false;
	return (op->kind != OP_MOVE && op->kind != OP_CLONE) || apply_to_box(x, op) == apply_to_box(x, first);
}

/* Mailboxes that the ready operations of this kind and side are in. */
static size_t
count_boxes(const struct applying *x, const uint32_t *ready, size_t n, const struct op *like)
{
	const struct op *op, *last = NULL;
	size_t i, count = 0;

	for (i = 0; i < n; i++) {
		op = &x->plan->ops.at[ready[i]];
		if (batch_kind(op->kind) != batch_kind(like->kind) || op->side != like->side)
			continue;
		count += last == NULL || op->box != last->box;
		last = op;
	}
	return count;
}

/* Batches are so large that all workers have some, and none is given work that costs less than a connection would.
 * ready: as it was before the first batch was made of it. */
static struct room
find_room(struct applying *x, const uint32_t *ready, size_t n, const struct op *first)
{
	static const bool both[SIDES] = { true, true };
	const bool one[SIDES] = { first->side == FAR, first->side == NEAR };
	bool is_copy = first->kind == OP_COPY;
	size_t width = (size_t)pool_width(x->env->pool, is_copy ? both : one), share;
	struct room room = { CHANGE_MOST, BATCH_PARTS, UINT64_MAX, UINT32_MAX };
	size_t most = isolate_most(&x->env->isolate, apply_suspect(x, (uint32_t)(first - x->plan->ops.at)), &room.group);

	if (is_copy) {
		share = n / (width * 2) + 1;
		room.ops = share < COPY_LEAST ? COPY_LEAST : share > COPY_MOST ? COPY_MOST : share;
		room.bytes = x->env->set->buffer_limit != 0 ? x->env->set->buffer_limit : 10 << 20;
	} else if (batch_kind(first->kind) == OP_FLAGS) {
		share = count_boxes(x, ready, n, first);
		if (width > share / CHANGE_BOXES_LEAST)
			width = share / CHANGE_BOXES_LEAST + (share < CHANGE_BOXES_LEAST);
		share = (share + width - 1) / width;
		room.boxes = share > BATCH_PARTS ? BATCH_PARTS : share;
	}
	if (most != 0 && most < room.ops)
		room.ops = most;
	return room;
}

/* The next batch of the ready operations, from *at on. */
static struct batch *
next_batch(struct applying *x, const uint32_t *ready, size_t n, size_t *at)
{
	const struct op *first = &x->plan->ops.at[ready[*at]], *op;
	struct room room = find_room(x, ready, n, first);
	uint64_t bytes = 0;
	struct batch *b;

	b = batch_new(batch_kind(first->kind), first->side, room.ops < n - *at ? room.ops : n - *at);
	while (*at < n) {
		op = &x->plan->ops.at[ready[*at]];
		/* What cannot be done, for it is in a mailbox that failed, ends a batch of others: the caller drops it. */
		if (!belongs(x, b, &room, first, op) || (b->n > 0 && !is_possible(x, ready[*at])))
			break;
		if (op->kind == OP_COPY) {
			bytes += x->live[op->msg]->half[side_other(op->side)].size;
			if (b->n > 0 && bytes > room.bytes)
				break;
		}
		x->status[ready[*at]] = OP_RUNNING;
		settle_fill(x, b, ready[*at]);
		(*at)++;
	}
	b->job.turns = b->kind == OP_COPY ? 1 + (unsigned)(b->n / COPY_PER_TURN + bytes / BYTES_PER_TURN) :
	    (unsigned)b->n_parts + 1;
	return b;
}

/* Before a lost store is tried again: as long as it asks for, else a little, and more each time. What is in flight goes on
 * meanwhile. False: it asks for more than a run should take. */
static bool
be_patient(const struct applying *x, const struct err *why, enum side s)
{
	enum { MOST_MS = 60 * 1000, SLICE_MS = 50 };
	unsigned ms = why->wait_ms != 0 ? why->wait_ms : isolate_pause(&x->env->isolate, s);
	const struct timespec slice = { .tv_nsec = SLICE_MS * 1000 * 1000 };

	if (ms > MOST_MS)
		return false;
	for (; ms > 0 && !env_is_cancelled(x->env) && !x->env->set->is_inline; ms -= ms < SLICE_MS ? ms : SLICE_MS)
		(void)nanosleep(&slice, NULL);
	return true;
}

/* One mailbox of a batch that could not be worked on. */
static void
part_failed(struct applying *x, enum side s, uint32_t box, const struct err *why)
{
	struct run_box *b = &x->env->boxes.at[box];

	if (why->class == ERR_CANCELLED)
		return;
	if (why->retry == ERR_NOW) {
		b->side[s].was_written = true;
		return;
	}
	report_err(x->env, b->name, why);
	b->side[s].has_failed = true;
	x->env->report->failed++;
}

/* Of a lost session. */
struct suspects { VEC(struct isolate_item) items; VEC(uint32_t) ops; };

static bool
has_lost_store(const struct batch *b)
{
	return b->status < 0 && b->err.scope >= ERR_STORE && b->err.class != ERR_CANCELLED;
}

/* What was under way when the session was lost: what nobody knows the outcome of; or, of a batch in which there is no such, what
 * was asked for and did not come. */
static void
add_suspects(const struct applying *x, const struct batch *b, enum side lost, struct suspects *out)
{
	bool has_unknown = false;
	size_t i;

	if (!b->needs[lost] || !has_lost_store(b) || b->err_side != lost)
		return;
	for (i = 0; i < b->n; i++)
		has_unknown |= x->status[b->op[i]] == OP_UNKNOWN;
	for (i = 0; i < b->n; i++)
		if (x->status[b->op[i]] == (has_unknown ? OP_UNKNOWN : OP_RUNNING)) {
			vec_push(&out->items, apply_suspect(x, b->op[i]));
			vec_push(&out->ops, b->op[i]);
		}
	/* A server that hung up has read what it was sent; of one that fell silent only the next run learns what it did (R11). */
	x->env->apply_state->looks_again |= has_unknown && b->err.sys != ETIMEDOUT;
}

/* The one that stood alone has ended enough of them. */
static int
mark_culprit(struct applying *x, uint32_t i, enum side lost, const struct err *why, struct err *e)
{
	const struct op *op = &x->plan->ops.at[i];
	struct run_box *box = apply_box(x, op->box);

	x->status[i] = OP_FAILED;
	box->side[op->side].was_written = true;
	if (op->msg != UINT32_MAX)
		return culprit_note(x->env, apply_suspect(x, i), op->box, x->live[op->msg], lost, why->text, e);
	report_err(x->env, box->name, why);
	x->env->report->failed++;
	return 0;
}

/* The session of a job was lost on a side: how it goes on. */
static int
store_lost(struct applying *x, const struct batch *first, enum side lost, const struct err *why, bool is_unopened, struct err *e)
{
	struct isolate *isolate = &x->env->isolate;
	struct suspects s = { { 0 }, { 0 } };
	const struct batch *b;
	bool goes_on;
	int status = 0;

	for (b = first; b != NULL && !is_unopened; b = b->along)
		add_suspects(x, b, lost, &s);
	goes_on = isolate_lost(isolate, lost, s.items.at, s.items.n);
	if (s.items.n == 1 && isolate_is_culprit(isolate, s.items.at[0]))
		status = mark_culprit(x, s.ops.at[0], lost, why, e);
	if (!goes_on || why->retry == ERR_NEVER || !be_patient(x, why, lost)) {
		isolate_give_up(isolate, lost);
		if (x->is_store_lost)
			report_err(x->env, NULL, why);
		else
			x->store_err = *why;
		x->is_store_lost = true;
	} else {
		log_line(LOG_RUN, "lost with %zu operations, will be tried again: %s", s.items.n, why->text);
	}
	vec_release(&s.items);
	vec_release(&s.ops);
	return status;
}

/* A session that batches of one job share is lost once. */
static int
note_losses(struct applying *x, struct batch *first, struct err *e)
{
	bool is_noted[SIDES] = { false, false };
	struct batch *b;

	for (b = first; b != NULL; b = b->along) {
		if (!has_lost_store(b) || is_noted[b->err_side])
			continue;
		is_noted[b->err_side] = true;
		if (store_lost(x, first, b->err_side, &b->err, first->job.is_unopened, e) < 0)
			return -1;
	}
	return 0;
}

static bool
is_stopped(const struct applying *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];

	return op->kind == OP_COPY && waiting_is_stopped(x->env, op->box, op->side);
}

/* What did not get to the store before it was lost waits for another turn. */
static void
give_turns(struct applying *x, const struct batch *first)
{
	const struct batch *b;
	size_t i;

	for (b = first; b != NULL; b = b->along)
		for (i = 0; i < b->n; i++)
			if (x->status[b->op[i]] == OP_RUNNING)
				x->status[b->op[i]] = (has_lost_store(b) && !is_given_up(x, b->err_side)) ||
				    b->is_retried || is_stopped(x, b->op[i]) ? OP_WAIT : OP_FAILED;
}

/* A store takes nothing for the moment, and asks for less patience than a run has: all of it is tried again. */
static bool
has_patience(struct applying *x, const struct err *why)
{
	enum { MOST_MS = 60 * 1000 };

	if (why->wait_ms == 0 || why->wait_ms > MOST_MS || x->env->apply_state->patience_ms + why->wait_ms > MOST_MS)
		return false;
	x->env->apply_state->patience_ms += why->wait_ms;
	return be_patient(x, why, FAR);
}

static void
stop_copies(struct applying *x, struct batch *b, uint32_t box, const struct err *why)
{
	b->is_retried = b->is_retried || has_patience(x, why);
	if (!b->is_retried)
		waiting_stop(x->env, box, b->side, why);
}

/* Some of a batch of copies was refused for the moment. */
static void
note_refusals(struct applying *x, struct batch *b)
{
	struct batch_part *p;
	size_t i, k;

	for (i = 0; i < b->n_parts; i++) {
		p = &b->part[i];
		if (p->status < 0 && waiting_is_such(&p->err)) {
			stop_copies(x, b, p->box, &p->err);
			p->status = 0;
		}
		for (k = p->first; k < p->first + p->n; k++)
			if (b->deliver[k].outcome == OUTCOME_FAILED && b->deliver[k].err.wait_ms != 0)
				stop_copies(x, b, p->box, &b->deliver[k].err);
	}
}

/* It is about the disk, not about a session. */
static bool
is_disk_full(const struct applying *x, const struct batch *b)
{
	return b->kind == OP_COPY && b->status < 0 && waiting_is_such(&b->err) && b->err_side == b->side &&
	    x->env->set->store[b->side]->ops->is_local;
}

static void
batch_failed(struct applying *x, struct batch *b)
{
	size_t i;

	if (is_disk_full(x, b)) {
		stop_copies(x, b, b->part[0].box, &b->err);
		b->status = 0;
	}
	if (b->kind == OP_COPY)
		note_refusals(x, b);
	if (b->status < 0 && !has_lost_store(b) && b->kind != OP_RENAME_BOX)	/* refused: settle.c goes another way */
		part_failed(x, b->err_side, b->part[0].box, &b->err);
	for (i = 0; i < b->n_parts; i++)
		if (b->part[i].status < 0)
			part_failed(x, b->part[i].err_side, b->part[i].box, &b->part[i].err);
}

/* What was read behind all that was written. */
static void
keep_closing(struct applying *x, struct batch *first)
{
	bool reads_later[SIDES] = { false, false };
	const struct batch *b;
	int s;

	for (b = first; b != NULL; b = b->along)
		reads_later[b->side] |= b->reads_later || b->status < 0;
	for (s = 0; s < SIDES; s++)
		if (first->closing[s] != NULL && !reads_later[s])
			closing_keep(x->env, &first->closing[s]);
}

/* What has come to its end, however it did. A mailbox is done when nothing that was to be done in it is left. */
static void
count_done(struct applying *x, const struct batch *b)
{
	const struct op *op;
	size_t n;

	for (n = 0; n < b->n; n++) {
		op = &x->plan->ops.at[b->op[n]];
		if (x->status[b->op[n]] == OP_WAIT || x->status[b->op[n]] == OP_RUNNING)
			continue;
		x->env->progress.messages_done += op->msg != UINT32_MAX;
		assert(x->left[op->box] > 0);
		if (--x->left[op->box] == 0)
			x->env->progress.boxes_done++;
	}
}

static int
collect(struct applying *x, struct batch *first, struct err *e)
{
	struct batch *b;
	int status = 0;

	batch_take_answers(first);
	for (b = first; b != NULL && status == 0; b = b->along) {
		batch_failed(x, b);
		status = settle(x, b, e);
	}
	if (status == 0)
		status = note_losses(x, first, e);
	give_turns(x, first);
	for (b = first; b != NULL; b = b->along)
		count_done(x, b);
	if (status == 0)
		keep_closing(x, first);
	report_progress(x->env);
	return status;
}

static int
commit(struct applying *x, struct err *e)
{
	if (state_commit(x->env->state, e) < 0)
		return -1;
	return state_begin(x->env->state, e);
}

/* Where a part of the batch leaves in the flight: bodies pushed before anything is read, bodies fetched behind all else. */
static int
place_in_flight(const struct applying *x, const struct batch *b)
{
	if (b->kind != OP_COPY)
		return 1;
	return x->env->set->store[side_other(b->side)]->ops->is_local ? 0 : 2;
}

/* What shares the flight of others, for it is little: all that goes over a network in one way or the other. */
static bool
may_share(const struct applying *x, const struct batch *b)
{
	bool has_talk = false;
	int s;

	for (s = 0; s < SIDES; s++)
		has_talk |= b->needs[s] && !x->env->set->store[s]->ops->is_local;
	return has_talk && (b->kind == OP_FLAGS || b->kind == OP_COPY);
}

/* All that is written on a side leaves in the flight: then what is there afterwards is asked for in it as well. others: those
 * that do not share it. */
static void
close_flight(const struct applying *x, struct batch *first, enum side s, struct batch *const *others, size_t n)
{
	bool *is_written = mem_alloc(x->env->boxes.n + 1), is_all = true;
	const struct batch *b;
	size_t i;

	for (i = 0; i < n; i++)
		is_all &= others[i]->side != s;
	for (b = first; b != NULL; b = b->along) {
		is_all &= b->side != s || place_in_flight(x, b) != 2;
		for (i = 0; i < b->n_parts && b->side == s; i++)
			is_written[b->part[i].box] = true;
	}
	first->closing[s] = is_all ? closing_new(x->env, s, is_written) : NULL;
	free(is_written);
}

/* A few batches that are all there is to do become one job, and so one flight over one connection: APPENDs, changes, what reads the
 * mailboxes written to, and FETCHes of bodies all leave before the first answer is waited for. */
static void
share_flight(const struct applying *x, struct batch **b, size_t *n)
{
	struct batch *first = NULL;
	unsigned copying = 0;
	size_t i, k = 0, changes[SIDES] = { 0, 0 };
	int place, s;

	for (i = 0; i < *n; i++) {
		if (b[i]->kind == OP_COPY)
			copying += b[i]->job.turns;
		else if (may_share(x, b[i]))
			changes[b[i]->side]++;
	}
	if (copying >= SHARED_TURNS || changes[FAR] > 1 || changes[NEAR] > 1)
		return;
	for (place = 0; place <= 2; place++) {
		for (i = 0; i < *n; i++) {
			if (b[i] == NULL || !may_share(x, b[i]) || place_in_flight(x, b[i]) != place)
				continue;
			if (first == NULL)
				first = b[i];
			else
				batch_join(first, b[i]);
			b[i] = NULL;
		}
	}
	if (first == NULL)
		return;
	for (i = 0; i < *n; i++)
		if (b[i] != NULL)
			b[k++] = b[i];
	for (s = 0; s < SIDES; s++)
		close_flight(x, first, (enum side)s, b, k);
	b[k++] = first;
	*n = k;
}

static void
free_all(struct batch *first)
{
	struct batch *next;

	for (; first != NULL; first = next) {
		next = first->along;
		batch_free(&first);
	}
}

static void
impossible(struct applying *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];

	x->status[i] = OP_FAILED;
	if (op->kind == OP_COPY && waiting_is_stopped(x->env, op->box, op->side))
		waiting_add_stopped(x->env, op->box, op->side, x->live[op->msg]->id);
}

/* Runs batches of the ready operations, a few ahead of the workers. Every batch is settled even
 * after an error or a cancel: what happened, happened. */
static int
run_ready(struct applying *x, const uint32_t *ready, size_t n, struct err *e)
{
	static const bool any[SIDES] = { false, false };
	size_t at = 0, flying = 0, ahead = 2 * (size_t)pool_width(x->env->pool, any), i;
	VEC(struct batch *) out = { 0 };
	struct batch *b;
	int status = 0;

	while (at < n || flying > 0) {
		out.n = 0;
		while (status == 0 && at < n && flying + out.n < ahead && !env_is_cancelled(x->env)) {
			if (!is_possible(x, ready[at])) {
				impossible(x, ready[at++]);
				continue;
			}
			if (is_last(x, ready[at]) && flying + out.n > 0)
				break;
			b = next_batch(x, ready, n, &at);
			vec_push(&out, b);
			status = settle_intents(x, b, e);
		}
		if (status == 0 && out.n > 0)
			status = commit(x, e);
		if (status == 0 && at == n && flying == 0 && (at == 0 || !is_last(x, ready[at - 1])))
			share_flight(x, out.at, &out.n);
		for (i = 0; i < out.n; i++) {
			if (status == 0) {
				pool_submit(x->env->pool, &out.at[i]->job);
				flying++;
			} else {
				free_all(out.at[i]);
			}
		}
		if (flying == 0)
			break;
		b = (struct batch *)pool_wait(x->env->pool);
		flying--;
		if (status == 0)
			status = collect(x, b, e);
		free_all(b);
	}
	vec_release(&out);
	if (status == 0)
		status = commit(x, e);
	return status < 0 ? -1 : env_check_cancel(x->env, e);
}

static int
run_state_only(struct applying *x, const uint32_t *ready, size_t n, struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (settle_state_only(x, ready[i], e) < 0)
			return -1;
		x->status[ready[i]] = OP_DONE;
	}
	return 0;
}

/* By kind, side and mailbox, so that batches are whole; then in the plan's order. */
static int
cmp_ready(const void *p, const void *q, void *ctx)
{
	const struct applying *x = ctx;
	uint32_t i = *(const uint32_t *)p, k = *(const uint32_t *)q;
	const struct op *a = &x->plan->ops.at[i], *b = &x->plan->ops.at[k];

	if (is_last(x, i) != is_last(x, k))
		return is_last(x, i) ? 1 : -1;
	if (is_last(x, i) && group_of(x, a) != group_of(x, b))
		return group_of(x, a) < group_of(x, b) ? -1 : 1;
	if (batch_kind(a->kind) != batch_kind(b->kind))
		return a->kind < b->kind ? -1 : 1;
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == OP_MOVE || a->kind == OP_CLONE) {
		uint32_t ta = apply_to_box(x, a), tb = apply_to_box(x, b);

		if (ta != tb)
			return ta < tb ? -1 : 1;
	}
	return (i > k) - (i < k);
}

/* All of one group, as often as finished operations make others ready. */
static int
run_group(struct applying *x, size_t g, struct err *e)
{
	VEC(uint32_t) ready = { 0 };
	uint32_t i;
	int status = 0;

	for (;;) {
		ready.n = 0;
		for (i = 0; i < x->plan->ops.n; i++)
			if (is_in_group(g, x->plan->ops.at[i].kind) && is_ready(x, i))
				vec_push(&ready, i);
		if (ready.n == 0)
			break;
		qsort_r(ready.at, ready.n, sizeof ready.at[0], cmp_ready, x);
		if (op_is_state_only(x->plan->ops.at[ready.at[0]].kind))
			status = run_state_only(x, ready.at, ready.n, e);
		else
			status = run_ready(x, ready.at, ready.n, e);
		if (status < 0)
			break;
	}
	vec_release(&ready);
	return status;
}

/* What is known to end sessions goes last; what was found to do so in this run has had its turn. */
static void
recall(struct applying *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];
	struct isolate *isolate = &x->env->isolate;

	if (op_is_state_only(op->kind))
		return;
	if (op->msg != UINT32_MAX && x->live[op->msg]->trouble == TROUBLE_SESSION)
		isolate_recall(isolate, apply_suspect(x, i));
	if (isolate_is_culprit(isolate, apply_suspect(x, i)))
		x->status[i] = OP_FAILED;
}

static void
start(struct applying *x, const struct matching *m)
{
	const struct op *op;
	struct buf line = { 0 };
	uint32_t i;

	x->status = mem_alloc(x->plan->ops.n * sizeof *x->status + 1);
	x->is_second = mem_alloc(x->plan->ops.n * sizeof *x->is_second + 1);
	x->live = mem_alloc(x->in->messages.n * sizeof *x->live + 1);
	x->left = mem_alloc(x->env->boxes.n * sizeof *x->left + 1);
	x->env->progress.boxes_done = x->env->boxes.n;
	for (i = 0; i < x->in->messages.n; i++)
		x->live[i] = m->messages.at[i].rec;
	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		x->status[i] = op->is_held ? OP_FAILED : OP_WAIT;
		recall(x, i);
		if (x->status[i] == OP_WAIT && !op_is_state_only(op->kind) && op->msg != UINT32_MAX)
			x->env->progress.messages++;
		if (x->status[i] == OP_WAIT && !op_is_state_only(op->kind) && x->left[op->box]++ == 0)
			x->env->progress.boxes_done--;
		if (log_is_on(LOG_PLAN)) {
			buf_clear(&line);
			op_explain(x->in, op, &line);
			log_line(LOG_PLAN, "%s%s", buf_str(&line), x->status[i] == OP_WAIT ? "" : " (held)");
		}
	}
	buf_release(&line);
}

/* R17: mailboxes made just now are read, empty as they are, so that what goes into them goes into these and no others that
 * may come to bear their names. */
static int
read_created(struct applying *x, struct err *e)
{
	const struct op *op;
	bool any = false;
	uint32_t i;

	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		if (op->kind != OP_CREATE_BOX || x->status[i] != OP_DONE)
			continue;
		apply_box(x, op->box)->side[op->side].wants_delta = true;
		any = true;
	}
	return any ? fetch_changes(x->env, e) : 0;
}

/* Whether a mailbox that was read again holds something that the plan did not know, or knew otherwise. -1 error. */
static int
holds_more(struct applying *x, const struct op *op, struct err *e)
{
	const struct plan_message *m = x->in->messages.at, *end = m + x->in->messages.n;
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int got, more = 0;

	while (!more && (got = message_next(x->env->state, &a, apply_box(x, op->box)->rec.id, after, &rec, e)) != 0) {
		if (got < 0)
			break;
		after = rec.id;
		/* Both are in the order of their ids. */
		while (m < end && (m->box != op->box || m->rec->id < rec.id))
			m++;
		if (rec.half[op->side].presence == PRESENCE_HERE)
			more = m == end || m->rec->id != rec.id || !flags_equal(m->rec->half[op->side].flags, rec.half[op->side].flags);
	}
	arena_release(&a);
	return got < 0 ? -1 : more;
}

/* R13: what was moved out of a mailbox has changed it. It is read again before it is removed. */
static int
read_leaving(struct applying *x, struct err *e)
{
	const struct op *op;
	struct run_side *rs;
	bool any = false;
	uint32_t i;
	int got;

	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		rs = &apply_box(x, op->box)->side[op->side];
		if (op->kind == OP_REMOVE_BOX && x->status[i] == OP_WAIT && rs->was_written)
			any = rs->wants_delta = true;
	}
	if (!any)
		return 0;
	if (fetch_changes(x->env, e) < 0)
		return -1;
	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		if (op->kind != OP_REMOVE_BOX || x->status[i] != OP_WAIT)
			continue;
		if ((got = holds_more(x, op, e)) < 0)
			return -1;
		if (got > 0)
			x->status[i] = OP_FAILED;
	}
	return 0;
}

/* Mailboxes are renamed under nobody's feet: a session that has one open goes on calling it by its old name, or is thrown
 * out by the server. */
static void
leave_all(struct applying *x)
{
	bool any[SIDES] = { false, false };
	uint32_t i;
	int s;

	for (i = 0; i < x->plan->ops.n; i++)
		any[x->plan->ops.at[i].side] |= x->plan->ops.at[i].kind == OP_RENAME_BOX && x->status[i] == OP_WAIT;
	for (s = 0; s < SIDES; s++)
		if (any[s])
			pool_leave(x->env->pool, (enum side)s);
}

/* "2,691 messages and 4 changes wait". */
static void
tell_left(struct applying *x, struct err *e)
{
	const char *more = x->env->match_state->has_more ? "more than " : "", *messages, *changes;
	uint64_t copies = 0, others = 0;
	struct err why = *e;
	size_t i;

	for (i = 0; i < x->plan->ops.n; i++) {
		if (x->status[i] == OP_DONE || x->plan->ops.at[i].is_held || op_is_state_only(x->plan->ops.at[i].kind))
			continue;
		copies += x->plan->ops.at[i].kind == OP_COPY;
		others += x->plan->ops.at[i].kind != OP_COPY;
	}
	if (copies + others == 0)
		return;
	messages = copies > 0 ? arena_printf(&x->arena, "%s%s message%s", more, waiting_digits(&x->arena, copies), copies == 1 ? "" : "s") : "";
	changes = others > 0 ? arena_printf(&x->arena, "%s%s%s change%s", copies > 0 ? " and " : "", more,
	    waiting_digits(&x->arena, others), others == 1 ? "" : "s") : "";
	err_class(e, why.scope, why.class, why.retry, "%s%s wait: %s; the next run goes on", messages, changes, why.text);
	e->sys = why.sys;
	e->wait_ms = why.wait_ms;
}

int
apply(struct env *env, const struct matching *m, const struct plan_input *in, const struct plan *plan, struct err *e)
{
	struct applying x = { .env = env, .in = in, .plan = plan };
	size_t g;
	int status = 0;

	start(&x, m);
	leave_all(&x);
	for (g = 0; g < sizeof groups / sizeof groups[0] && status == 0; g++) {
		if (is_in_group(g, OP_REMOVE_BOX) && read_leaving(&x, e) < 0)
			status = -1;
		if (status == 0)
			status = run_group(&x, g, e);
		if (is_in_group(g, OP_CREATE_BOX) && status == 0)
			status = read_created(&x, e);
	}
	if (status == 0 && culprits_tell(env, e) < 0)
		status = -1;
	if (status == 0)
		status = commit(&x, e);
	if (status == 0 && x.is_store_lost) {
		*e = x.store_err;
		tell_left(&x, e);
		status = -1;
	}
	report_progress(env);
	free(x.status);
	free(x.is_second);
	free(x.live);
	free(x.left);
	arena_release(&x.arena);
	return status;
}
