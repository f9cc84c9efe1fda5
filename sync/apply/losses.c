/* What a batch as a whole ran into: sessions that were lost, stores that ask for patience, mailboxes that could not be worked on; and who
 * has another turn for that (sync/env/isolate.h). */
#include "sync/apply/apply_inside.h"

#include <errno.h>
#include <time.h>

#include "state/base/log.h"

bool
loss_is_given_up(const struct applying *x, enum side s)
{
	return isolate_is_given_up(&x->env->isolate, s);
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

/* ---- a mailbox, or a disk ---- */

/* One mailbox of a batch that could not be worked on. */
static void
part_failed(struct applying *x, enum side s, uint32_t box, const struct err *why)
{
	struct run_box *b = &x->env->boxes.at[box];

	if (why->class == ERR_CANCELLED)
		return;
	if (why->retry == ERR_NOW) {
		sight_worsen(&b->side[s], SIGHT_WRITTEN);
		return;
	}
	report_err(x->env, b->name, why);
	sight_worsen(&b->side[s], SIGHT_FAILED);
	x->env->report->failed++;
}

/* A store takes nothing for the moment, and asks for less patience than a run has: all of it is tried again. What it asks for again gets
 * twice the time, so that a minute is a few tries. */
static bool
has_patience(struct applying *x, const struct err *why)
{
	enum { MOST_MS = 60 * 1000, LEAST_MS = 250 };
	struct apply_state *a = x->env->apply_state;
	struct err longer = *why;
	uint64_t ms = why->wait_ms;
	unsigned i;

	if (ms == 0)
		return false;
	if (ms < LEAST_MS && a->patience_asked > 0)
		ms = LEAST_MS;
	for (i = 0; i < a->patience_asked && ms <= MOST_MS; i++)
		ms *= 2;
	if (a->patience_ms + ms > MOST_MS)
		return false;
	a->patience_ms += (unsigned)ms;
	a->patience_asked++;
	longer.wait_ms = (unsigned)ms;
	return be_patient(x, &longer, FAR);
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
			if (b->task[k].deliver->outcome == OUTCOME_FAILED && b->task[k].deliver->err.wait_ms != 0)
				stop_copies(x, b, p->box, &b->task[k].deliver->err);
	}
}

/* It is about the disk, not about a session. */
static bool
is_disk_full(const struct applying *x, const struct batch *b)
{
	return b->kind == OP_COPY && b->status < 0 && waiting_is_such(&b->err) && b->err_side == b->side &&
	    x->env->set->store[b->side]->ops->is_local;
}

void
loss_of_parts(struct applying *x, struct batch *b)
{
	size_t i;

	if (is_disk_full(x, b)) {
		stop_copies(x, b, b->part[0].box, &b->err);
		b->status = 0;
	}
	if (b->kind == OP_COPY)
		note_refusals(x, b);
	if (b->status < 0 && !batch_has_lost_store(b) && b->kind != OP_RENAME_BOX)	/* refused: op_box.c goes another way */
		part_failed(x, b->err_side, b->part[0].box, &b->err);
	for (i = 0; i < b->n_parts; i++)
		if (b->part[i].status < 0)
			part_failed(x, b->part[i].err_side, b->part[i].box, &b->part[i].err);
}

/* ---- a session ---- */

/* Of a lost session. */
struct suspects { VEC(struct isolate_item) items; VEC(uint32_t) ops; };

/* What was under way when the session was lost: what nobody knows the outcome of; or, of a batch in which there is no such, what
 * was asked for and did not come. */
static void
add_suspects(const struct applying *x, const struct batch *b, enum side lost, struct suspects *out)
{
	bool has_unknown = false;
	size_t i;

	if (!b->needs[lost] || !batch_has_lost_store(b) || b->err_side != lost)
		return;
	for (i = 0; i < b->n; i++)
		has_unknown |= x->status[b->task[i].i] == OP_UNKNOWN;
	for (i = 0; i < b->n; i++)
		if (x->status[b->task[i].i] == (has_unknown ? OP_UNKNOWN : OP_RUNNING)) {
			vec_push(&out->items, apply_suspect(x, b->task[i].i));
			vec_push(&out->ops, b->task[i].i);
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
	sight_worsen(&box->side[op->side], SIGHT_WRITTEN);
	if (op->msg != UINT32_MAX)
		return culprit_note(x->env, apply_suspect(x, i), op->box, apply_record(x, op->msg), lost, why->text, e);
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
	goes_on = isolate_lost(isolate, lost, s.items.at, s.items.n, why);
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

static bool
is_stopped(const struct applying *x, uint32_t i)
{
	const struct op *op = &x->plan->ops.at[i];

	return op->kind == OP_COPY && waiting_is_stopped(x->env, op->box, op->side);
}

/* What did not get to the store before it was lost waits for another turn. */
void
loss_give_turns(struct applying *x, const struct batch *first)
{
	const struct batch *b;
	size_t i;

	for (b = first; b != NULL; b = b->along)
		for (i = 0; i < b->n; i++)
			if (x->status[b->task[i].i] == OP_RUNNING)
				x->status[b->task[i].i] = (batch_has_lost_store(b) && !loss_is_given_up(x, b->err_side)) ||
				    b->is_retried || is_stopped(x, b->task[i].i) ? OP_WAIT : OP_FAILED;
}

/* A session that batches of one job share is lost once. */
int
loss_of_sessions(struct applying *x, struct batch *first, struct err *e)
{
	bool is_noted[SIDES] = { false, false };
	struct batch *b;

	for (b = first; b != NULL; b = b->along) {
		if (!batch_has_lost_store(b) || is_noted[b->err_side])
			continue;
		is_noted[b->err_side] = true;
		if (store_lost(x, first, b->err_side, &b->err, first->job.is_unopened, e) < 0)
			return -1;
	}
	return 0;
}
