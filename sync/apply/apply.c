/* Carries a plan out: in batches, with intents before and settlement after each.
 *
 * Groups of operations follow each other; within a group all that is ready runs at once:
 *
 *   RENAME_BOX -> CREATE_BOX -> PAIR EXPIRE -> COPY CLONE MOVE FLAGS EXPUNGE -> REMOVE_BOX -> MARK DROP DROP_BOX
 *
 * A batch's life:    fill -> intents committed -> worker -> settle -> committed with the next batch's intents
 *
 * Must hold:
 *   1. No operation is issued before those it depends on are DONE (R15 dependencies).
 *   2. The state never claims what a store does not durably hold: settlement follows the answer.
 *   3. What is UNKNOWN keeps its intent and is not repeated in this run (R11 recovery, R16 three outcomes).
 *   4. Only the coordinator runs this file; workers run batch.c, and begin() and end() of operations.
 */
#include "sync/apply/apply_inside.h"

#include <assert.h>
#include <stdlib.h>

#include "state/base/log.h"
#include "sync/plan/explain.h"

static const struct { enum op_kind kinds[5]; size_t n; } groups[] = {
	{ { OP_RENAME_BOX }, 1 },
	{ { OP_CREATE_BOX }, 1 },
	{ { OP_BEYOND, OP_PAIR, OP_EXPIRE, OP_UPGRADE }, 4 },
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
		op = b->task[n].op;
		if (x->status[b->task[n].i] == OP_WAIT || x->status[b->task[n].i] == OP_RUNNING)
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
		loss_of_parts(x, b);
		status = b->how->settle(x, b, e);
	}
	if (status == 0)
		status = loss_of_sessions(x, first, e);
	loss_give_turns(x, first);
	for (b = first; b != NULL; b = b->along) {
		atomic_fetch_sub(&x->env->arriving.messages, b->arrived);
		atomic_fetch_sub(&x->env->arriving.bytes, b->arrived_bytes);
		count_done(x, b);
	}
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

static void
impossible(struct applying *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];

	x->status[i] = OP_FAILED;
	if (op->kind == OP_COPY && waiting_is_stopped(x->env, op->box, op->side))
		waiting_add_stopped(x->env, op->box, op->side, apply_record(x, op->msg)->id);
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
			/* It was found to be kept meanwhile. */
			if (x->status[ready[at]] == OP_FAILED) {
				at++;
				continue;
			}
			if (!batching_is_possible(x, ready[at])) {
				impossible(x, ready[at++]);
				continue;
			}
			if (batching_is_last(x, ready[at]) && flying + out.n > 0)
				break;
			b = batching_next(x, ready, n, &at);
			vec_push(&out, b);
			status = b->how->prepare(x, b, e);
		}
		if (status == 0 && out.n > 0)
			status = commit(x, e);
		if (status == 0 && at == n && flying == 0 && (at == 0 || !batching_is_last(x, ready[at - 1])))
			flight_share(x, out.at, &out.n);
		for (i = 0; i < out.n; i++) {
			if (status == 0) {
				pool_submit(x->env->pool, &out.at[i]->job);
				flying++;
			} else {
				batch_free_all(out.at[i]);
			}
		}
		if (flying == 0)
			break;
		b = (struct batch *)pool_wait(x->env->pool);
		flying--;
		if (status == 0)
			status = collect(x, b, e);
		batch_free_all(b);
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
		if (state_only(x, ready[i], e) < 0)
			return -1;
		x->status[ready[i]] = OP_DONE;
	}
	return 0;
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
		batching_sort(x, ready.at, ready.n);
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
	if (op->msg != UINT32_MAX && apply_record(x, op->msg)->trouble == TROUBLE_SESSION)
		isolate_recall(isolate, apply_suspect(x, i));
	if (isolate_is_culprit(isolate, apply_suspect(x, i)))
		x->status[i] = OP_FAILED;
}

static void
count_planned(struct applying *x, const struct op *op)
{
	const struct record *rec = apply_record(x, op->msg);

	x->env->progress.messages++;
	if (op->kind == OP_COPY && !plan_is_too_large(&x->in->policy, rec, op->side))
		x->env->progress.bytes += copy_size(rec, &rec->half[side_other(op->side)]);
}

static void
start(struct applying *x)
{
	const struct op *op;
	struct buf line = { 0 };
	uint32_t i;

	x->status = mem_alloc(x->plan->ops.n * sizeof *x->status + 1);
	x->is_second = mem_alloc(x->plan->ops.n * sizeof *x->is_second + 1);
	x->gone = x->env->set->names != 0 ? mem_alloc(x->plan->ops.n * sizeof *x->gone + 1) : NULL;
	x->left = mem_alloc(x->env->boxes.n * sizeof *x->left + 1);
	x->env->progress.boxes_done = x->env->boxes.n;
	x->env->ahead -= !x->env->match_state->has_more || x->env->ahead < x->in->messages.n ? x->env->ahead : x->in->messages.n;
	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		x->status[i] = op->is_held ? OP_FAILED : OP_WAIT;
		recall(x, i);
		if (x->status[i] == OP_WAIT && !op_is_state_only(op->kind) && op->msg != UINT32_MAX)
			count_planned(x, op);
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

static bool
was_done_or_held(void *ctx, uint32_t i)
{
	const struct applying *x = ctx;

	return x->status[i] == OP_DONE || x->plan->ops.at[i].is_held;
}

static const struct message_words *
words_of_gone(void *ctx, uint32_t i)
{
	const struct applying *x = ctx;

	return x->gone != NULL ? &x->gone[i] : NULL;
}

/* What the look found to be one mail is one record. */
static bool
has_paired_all(const struct applying *x)
{
	size_t i, twins = 0, pairs = 0;

	for (i = 0; i < x->matching->links.n; i++)
		twins += x->matching->links.at[i].kind == LINK_TWIN;
	for (i = 0; i < x->plan->ops.n; i++)
		pairs += x->plan->ops.at[i].kind == OP_PAIR && x->status[i] == OP_DONE;
	return pairs == twins;
}

int
apply(struct env *env, struct matching *m, const struct plan_input *in, const struct plan *plan, struct err *e)
{
	struct applying x = { .env = env, .matching = m, .in = in, .plan = plan };
	size_t g;
	int status = 0;

	start(&x);
	boxes_leave(&x);
	for (g = 0; g < sizeof groups / sizeof groups[0] && status == 0; g++) {
		if (is_in_group(g, OP_REMOVE_BOX) && boxes_before_removal(&x, e) < 0)
			status = -1;
		if (status == 0)
			status = run_group(&x, g, e);
		if (is_in_group(g, OP_CREATE_BOX) && status == 0)
			status = boxes_after_creation(&x, e);
	}
	if (status == 0 && culprits_tell(env, e) < 0)
		status = -1;
	if (status == 0 && env->match_state->ends_blank && has_paired_all(&x))
		status = elsewhere_end(env, e);
	if (status == 0)
		status = commit(&x, e);
	if (status == 0 && x.is_store_lost) {
		*e = x.store_err;
		tell_left(&x, e);
		status = -1;
	}
	report_progress(env);
	acts_tell(env, in, plan, was_done_or_held, words_of_gone, &x);
	free(x.gone);
	free(x.status);
	free(x.is_second);
	free(x.left);
	arena_release(&x.arena);
	return status;
}
