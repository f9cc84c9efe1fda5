/* Carries a plan out: in batches, with intents before and settlement after each.
 *
 * Groups of operations follow each other; within a group all that is ready runs at once:
 *
 *   RENAME_BOX -> CREATE_BOX -> PAIR -> COPY CLONE MOVE FLAGS -> EXPUNGE -> REMOVE_BOX -> MARK DROP DROP_BOX
 *
 * A batch's life:    fill -> intents committed -> worker -> settle -> committed with the next batch's intents
 *
 * Must hold:
 *   1. No operation is issued before those it depends on are DONE (R15).
 *   2. The state never claims what a store does not durably hold: settlement follows the answer.
 *   3. What is UNKNOWN keeps its intent and is not repeated in this run (R11, R16).
 *   4. Only the coordinator runs this file; workers run jobs.c and copy.c.
 */
#include "sync/run/exec.h"

#include <time.h>

#include "state/base/log.h"
#include "sync/plan/explain.h"

enum { COPY_MOST = 500, CHANGE_MOST = 2000, LOSSES_MOST = 3 };

static const struct { enum op_kind kinds[5]; size_t n; } groups[] = {
	{ { OP_RENAME_BOX }, 1 },
	{ { OP_CREATE_BOX }, 1 },
	{ { OP_PAIR }, 1 },
	{ { OP_COPY, OP_CLONE, OP_MOVE, OP_FLAGS }, 4 },
	{ { OP_EXPUNGE }, 1 },
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
is_ready(struct exec *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];
	uint32_t k;

	if (x->status[i] != OP_WAIT)
		return false;
	for (k = 0; k < op->dep_n; k++) {
		enum op_status dep = x->status[x->plan->deps.at[op->dep_at + k]];

		if (dep == OP_FAILED) {
			x->status[i] = OP_FAILED;
			return false;
		}
		if (dep != OP_DONE)
			return false;
	}
	return true;
}

static bool
is_possible(struct exec *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];
	struct run_box *b = exec_box(x, op->box);

	if (op_is_state_only(op->kind))
		return true;
	if (op->kind == OP_COPY && x->run->is_over_limit)
		return false;
	return x->losses[op->side] <= LOSSES_MOST && !b->side[op->side].has_failed &&
	    (op->kind != OP_COPY || (x->losses[side_other(op->side)] <= LOSSES_MOST &&
	     !b->side[side_other(op->side)].has_failed));
}

/* Whether op i may join the batch. */
static bool
belongs(const struct exec *x, const struct batch *b, const struct op *first, const struct op *op)
{
	size_t most = b->kind == OP_COPY ? COPY_MOST : CHANGE_MOST;

	if (is_box_op(b->kind))
		return b->n == 0;
	if (op->kind != first->kind || op->side != first->side || op->box != first->box || b->n >= most)
		return false;
	if (op->kind == OP_MOVE || op->kind == OP_CLONE)
		return exec_to_box(x, op) == exec_to_box(x, first);
	return true;
}

/* How many messages a batch of copies gets, so that all workers have some. */
static size_t
copy_share(struct exec *x, size_t ready)
{
	static const bool both[SIDES] = { true, true };
	size_t width = (size_t)pool_width(x->run->pool, both), share = ready / (width * 2) + 1;

	return share < 32 ? 32 : share > COPY_MOST ? COPY_MOST : share;
}

/* The next batch of the ready operations, from *at on. */
static struct batch *
next_batch(struct exec *x, const uint32_t *ready, size_t n, size_t *at)
{
	const struct op *first = &x->plan->ops.at[ready[*at]], *op;
	uint64_t bytes = 0, most = x->run->set->batch_bytes != 0 ? x->run->set->batch_bytes : 10 << 20;
	size_t room = first->kind == OP_COPY ? copy_share(x, n) : CHANGE_MOST;
	struct batch *b;

	b = batch_new(first->kind, first->side, room < n - *at ? room : n - *at);
	settle_fill_box(x, b, first);
	while (*at < n && b->n < room) {
		op = &x->plan->ops.at[ready[*at]];
		if (!belongs(x, b, first, op))
			break;
		if (op->kind == OP_COPY) {
			bytes += x->live[op->msg]->half[side_other(op->side)].size;
			if (b->n > 0 && bytes > most)
				break;
		}
		x->status[ready[*at]] = OP_RUNNING;
		settle_fill(x, b, ready[*at]);
		(*at)++;
	}
	return b;
}

/* Before a lost store is tried again: as long as it asks for, else a little, and more each time. What is in flight goes on
 * meanwhile. False: it asks for more than a run should take. */
static bool
be_patient(const struct exec *x, const struct err *why, int losses)
{
	enum { MOST_MS = 60 * 1000, FIRST_MS = 250, SLICE_MS = 50 };
	unsigned ms = why->wait_ms != 0 ? why->wait_ms : (unsigned)FIRST_MS << (losses - 1);
	const struct timespec slice = { .tv_nsec = SLICE_MS * 1000 * 1000 };

	if (ms > MOST_MS)
		return false;
	for (; ms > 0 && !run_is_cancelled(x->run) && !x->run->set->is_inline; ms -= ms < SLICE_MS ? ms : SLICE_MS)
		(void)nanosleep(&slice, NULL);
	return true;
}

/* A whole batch that could not be carried through: what it means for the rest. */
static void
batch_failed(struct exec *x, struct batch *b)
{
	struct run *r = x->run;
	enum side s = b->job.err_side;

	if (b->job.err.class == ERR_CANCELLED)
		return;
	if (!b->job.needs[s])
		s = b->side;
	if (b->job.err.scope >= ERR_STORE) {
		x->losses[s]++;
		if (x->losses[s] > LOSSES_MOST || b->job.err.retry == ERR_NEVER ||
		    !be_patient(x, &b->job.err, x->losses[s])) {
			x->losses[s] = LOSSES_MOST + 1;
			report_err(r, NULL, &b->job.err);
			x->store_err = b->job.err;
			x->is_store_lost = true;
		} else {
			log_line(LOG_RUN, "lost, will be tried again: %s", b->job.err.text);
			x->may_retry = true;
		}
		return;
	}
	if (b->kind == OP_RENAME_BOX)
		return;			/* refused: settle.c goes another way */
	if (b->job.err.retry == ERR_NOW) {
		exec_box(x, x->plan->ops.at[b->op[0]].box)->side[s].was_written = true;
		return;
	}
	report_err(r, r->boxes.at[b->box].name, &b->job.err);
	r->boxes.at[b->box].side[s].has_failed = true;
	r->report->failed++;
}

static int
collect(struct exec *x, struct batch *b, struct err *e)
{
	size_t i;
	int status;

	x->may_retry = false;
	if (b->job.status < 0)
		batch_failed(x, b);
	status = settle(x, b, e);
	/* What did not get to the store before it was lost waits for another turn. */
	for (i = 0; i < b->n; i++)
		if (x->status[b->op[i]] == OP_RUNNING)
			x->status[b->op[i]] = x->may_retry ? OP_WAIT : OP_FAILED;
	if (!is_box_op(b->kind))
		x->run->progress.messages_done += b->n;
	report_progress(x->run);
	return status;
}

static int
commit(struct exec *x, struct err *e)
{
	if (state_commit(x->run->state, e) < 0)
		return -1;
	return state_begin(x->run->state, e);
}

/* Runs batches of the ready operations, a few ahead of the workers. Every batch is settled even
 * after an error or a cancel: what happened, happened. */
static int
run_ready(struct exec *x, const uint32_t *ready, size_t n, struct err *e)
{
	static const bool any[SIDES] = { false, false };
	size_t at = 0, flying = 0, ahead = 2 * (size_t)pool_width(x->run->pool, any), i;
	VEC(struct batch *) out = { 0 };
	struct batch *b;
	int status = 0;

	while (at < n || flying > 0) {
		out.n = 0;
		while (status == 0 && at < n && flying + out.n < ahead && !run_is_cancelled(x->run)) {
			if (!is_possible(x, ready[at])) {
				x->status[ready[at++]] = OP_FAILED;
				continue;
			}
			b = next_batch(x, ready, n, &at);
			vec_push(&out, b);
			status = settle_intents(x, b, e);
		}
		if (status == 0 && out.n > 0)
			status = commit(x, e);
		for (i = 0; i < out.n; i++) {
			if (status == 0) {
				pool_submit(x->run->pool, &out.at[i]->job);
				flying++;
			} else {
				batch_free(&out.at[i]);
			}
		}
		if (flying == 0)
			break;
		b = (struct batch *)pool_wait(x->run->pool);
		flying--;
		if (status == 0)
			status = collect(x, b, e);
		batch_free(&b);
	}
	vec_release(&out);
	if (status == 0)
		status = commit(x, e);
	return status < 0 ? -1 : run_check_cancel(x->run, e);
}

static int
run_state_only(struct exec *x, const uint32_t *ready, size_t n, struct err *e)
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
	const struct exec *x = ctx;
	uint32_t i = *(const uint32_t *)p, k = *(const uint32_t *)q;
	const struct op *a = &x->plan->ops.at[i], *b = &x->plan->ops.at[k];

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	if (a->kind == OP_MOVE || a->kind == OP_CLONE) {
		uint32_t ta = exec_to_box(x, a), tb = exec_to_box(x, b);

		if (ta != tb)
			return ta < tb ? -1 : 1;
	}
	return (i > k) - (i < k);
}

/* All of one group, as often as finished operations make others ready. */
static int
run_group(struct exec *x, size_t g, struct err *e)
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

static void
start(struct exec *x, bool with_deletions)
{
	const struct op *op;
	struct buf line = { 0 };
	uint32_t i;

	x->status = mem_alloc(x->plan->ops.n * sizeof *x->status + 1);
	x->is_second = mem_alloc(x->plan->ops.n * sizeof *x->is_second + 1);
	x->live = mem_alloc(x->in->messages.n * sizeof *x->live + 1);
	for (i = 0; i < x->in->messages.n; i++)
		x->live[i] = (struct record *)(uintptr_t)x->in->messages.at[i].rec;
	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		x->status[i] = op->is_held || (!with_deletions && op_is_deletion(op)) ? OP_FAILED : OP_WAIT;
		if (x->status[i] == OP_WAIT && !op_is_state_only(op->kind) && op->msg != UINT32_MAX)
			x->run->progress.messages++;
		if (log_is_on(LOG_PLAN)) {
			buf_clear(&line);
			op_explain(x->in, op, &line);
			log_line(LOG_PLAN, "%s%s", buf_str(&line), x->status[i] == OP_WAIT ? "" : " (not now)");
		}
	}
	buf_release(&line);
}

/* R17: mailboxes made just now are read, empty as they are, so that what goes into them goes into these and no others that
 * may come to bear their names. */
static int
read_created(struct exec *x, struct err *e)
{
	const struct op *op;
	bool any = false;
	uint32_t i;

	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		if (op->kind != OP_CREATE_BOX || x->status[i] != OP_DONE)
			continue;
		exec_box(x, op->box)->side[op->side].wants_delta = true;
		any = true;
	}
	return any ? gather(x->run, e) : 0;
}

/* Mailboxes are renamed under nobody's feet: a session that has one open goes on calling it by its old name, or is thrown
 * out by the server. */
static void
leave_all(struct exec *x)
{
	bool any[SIDES] = { false, false };
	uint32_t i;
	int s;

	for (i = 0; i < x->plan->ops.n; i++)
		any[x->plan->ops.at[i].side] |= x->plan->ops.at[i].kind == OP_RENAME_BOX && x->status[i] == OP_WAIT;
	for (s = 0; s < SIDES; s++)
		if (any[s])
			pool_leave(x->run->pool, (enum side)s);
}

int
exec(struct run *r, const struct plan_input *in, const struct plan *plan, bool with_deletions, struct err *e)
{
	struct exec x = { .run = r, .in = in, .plan = plan };
	size_t g;
	int status = 0;

	start(&x, with_deletions);
	leave_all(&x);
	for (g = 0; g < sizeof groups / sizeof groups[0] && status == 0; g++) {
		status = run_group(&x, g, e);
		if (is_in_group(g, OP_CREATE_BOX) && status == 0)
			status = read_created(&x, e);
	}
	if (status == 0)
		status = commit(&x, e);
	if (status == 0 && x.is_store_lost) {
		*e = x.store_err;
		status = -1;
	}
	free(x.status);
	free(x.is_second);
	free(x.live);
	arena_release(&x.arena);
	return status;
}
