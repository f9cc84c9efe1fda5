#include "sync/plan/build.h"

#include <assert.h>
#include <stdlib.h>

const struct record *
build_record(const struct build *b, uint32_t msg)
{
	return b->in->messages.at[msg].rec;
}

const char *
build_name(const struct build *b, uint32_t box)
{
	return b->in->boxes.at[box].name;
}

void
build_mask(const struct build *b, uint32_t box, struct flag_mask mask_r[SIDES])
{
	mask_r[FAR] = b->in->boxes.at[box].side[FAR].mask;
	mask_r[NEAR] = b->in->boxes.at[box].side[NEAR].mask;
}

enum presence
build_presence(const struct build *b, uint32_t msg, enum side side)
{
	enum presence p = build_record(b, msg)->half[side].presence;
	const struct box_view *box = &b->boxes[b->in->messages.at[msg].box];

	if (box->is_new[side])
		return PRESENCE_NEVER;
	return (p == PRESENCE_HERE || p == PRESENCE_BEYOND) && box->is_gone[side] ? PRESENCE_GONE : p;
}

bool
build_is_single(const struct build *b, uint32_t msg, enum side side)
{
	return build_presence(b, msg, side) == PRESENCE_HERE && build_presence(b, msg, side_other(side)) == PRESENCE_NEVER;
}

/* ---- the order of messages (P13) ---- */

struct order_key {
	uint32_t box, msg;
	const struct record *rec;
};

static int
order_cmp(const void *x, const void *y)
{
	const struct order_key *a = x, *b = y;
	int c;

	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	if (a->rec->id != b->rec->id)
		return a->rec->id < b->rec->id ? -1 : 1;
	if ((c = key_cmp(a->rec->half[FAR].key, b->rec->half[FAR].key)) != 0 ||
	    (c = key_cmp(a->rec->half[NEAR].key, b->rec->half[NEAR].key)) != 0)
		return c;
	return (a->msg > b->msg) - (a->msg < b->msg);
}

static void
order_messages(struct build *b)
{
	size_t i, n = b->in->messages.n;
	struct order_key *keys = mem_realloc(NULL, n, sizeof *keys);

	for (i = 0; i < n; i++)
		keys[i] = (struct order_key){ b->in->messages.at[i].box, (uint32_t)i, b->in->messages.at[i].rec };
	qsort(keys, n, sizeof *keys, order_cmp);
	for (i = 0; i < n; i++) {
		b->order[i] = keys[i].msg;
		b->messages[keys[i].msg].rank = (uint32_t)i;
	}
	free(keys);
}

void
build_begin(struct build *b, const struct plan_input *in, struct plan *plan)
{
	size_t i;

	*b = (struct build){ .in = in, .plan = plan };
	b->boxes = mem_alloc(in->boxes.n * sizeof *b->boxes);
	b->messages = mem_alloc(in->messages.n * sizeof *b->messages);
	b->order = mem_alloc(in->messages.n * sizeof *b->order);
	for (i = 0; i < in->boxes.n; i++)
		b->boxes[i].create[FAR] = b->boxes[i].create[NEAR] = b->boxes[i].removal = NONE;
	for (i = 0; i < in->messages.n; i++) {
		struct message_view *m = &b->messages[i];

		m->clones = m->moved_to[FAR] = m->moved_to[NEAR] = m->sharers = m->next_sharer = NONE;
	}
	order_messages(b);
	vec_reserve(&b->ops, in->messages.n);
}

/* ---- operations ---- */

uint32_t
build_op(struct build *b, enum op_kind kind, enum side side, enum reason reason, uint32_t box,
    uint32_t msg, uint32_t other)
{
	struct op op = { .kind = kind, .side = side, .reason = reason, .box = box, .msg = msg, .other = other, .left = NONE,
		.add = FLAGS_NONE, .remove = FLAGS_NONE };

	vec_push(&b->ops, (struct build_op){ .op = op, .next = NONE });
	return (uint32_t)(b->ops.n - 1);
}

uint32_t
build_mark(struct build *b, uint32_t msg, enum side side, enum reason reason, enum record_mark mark)
{
	uint32_t op = build_op(b, OP_MARK, side, reason, b->in->messages.at[msg].box, msg, NONE);

	b->ops.at[op].op.mark = mark;
	return op;
}

void
build_copy(struct build *b, uint32_t msg, enum side t, enum reason reason)
{
	uint32_t box = b->in->messages.at[msg].box;

	uint32_t op = build_op(b, OP_COPY, t, reason, box, msg, NONE);

	b->ops.at[op].op.is_placeholder = plan_is_too_large(&b->in->policy, build_record(b, msg), t);
	build_dep(b, op, b->boxes[box].create[t]);
}

uint32_t
build_expunge_last(struct build *b, uint32_t msg, enum side t, enum reason reason)
{
	uint32_t box = b->in->messages.at[msg].box;
	uint32_t op = build_op(b, OP_EXPUNGE, t, reason, box, msg, NONE), drop;

	build_dep_readers(b, op, msg, t);
	/* A person may have given its placeholder another key meanwhile: then this record tells what that is, until the next look (P21). */
	if (record_has_placeholder(build_record(b, msg)) && reason != REASON_REPLACED) {
		b->plan->awaits_placeholder = true;
		return op;
	}
	drop = build_op(b, OP_DROP, t, REASON_GONE_BOTH, box, msg, NONE);
	build_dep(b, drop, op);
	return op;
}

void
build_dep(struct build *b, uint32_t op, uint32_t dep)
{
	assert(op < b->ops.n);
	if (dep != NONE)
		vec_push(&b->edges, (struct build_edge){ op, dep });
}

void
build_dep_readers(struct build *b, uint32_t op, uint32_t msg, enum side side)
{
	uint32_t i;

	for (i = b->messages[msg].clones; i != NONE; i = b->ops.at[i].next)
		if (b->ops.at[i].op.side == side)
			build_dep(b, op, i);
}

void
build_count(struct build *b, uint32_t op, uint64_t weight)
{
	b->ops.at[op].is_counted = true;
	b->ops.at[op].weight = b->ops.at[op].op.weight = weight;
}

void
build_note(struct build *b, enum note_level level, uint32_t box, const char *text)
{
	vec_push(&b->plan->notes, (struct plan_note){ level, box, text });
}

/* ---- the end: order, dependencies, what is held ---- */

struct sort_key { uint32_t kind, box, rank, at; };

static int
sort_cmp(const void *x, const void *y)
{
	const struct sort_key *a = x, *b = y;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->box != b->box)
		return a->box < b->box ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

/* Fills the plan's operations; place_r[old number] = new number. */
static void
place_ops(struct build *b, uint32_t *place_r)
{
	size_t i, n = 0;
	struct sort_key *keys = mem_realloc(NULL, b->ops.n, sizeof *keys), *key;
	const struct op *op;

	for (i = 0; i < b->ops.n; i++) {
		if (b->ops.at[i].is_void)
			continue;
		op = &b->ops.at[i].op;
		key = &keys[n++];
		*key = (struct sort_key){ op->kind, op->box, op->msg == NONE ? 0 : b->messages[op->msg].rank, (uint32_t)i };
		/* What lies deeper goes first: a mailbox is empty of mailboxes when its turn comes. */
		if (op->kind == OP_REMOVE_BOX)
			key->box = NONE - op->box;
		/* Names are followed from one to the next. */
		if (op->kind == OP_RENAME_BOX)
			key->box = 0;
	}
	qsort(keys, n, sizeof *keys, sort_cmp);
	vec_reserve(&b->plan->ops, n);
	for (i = 0; i < n; i++) {
		vec_push(&b->plan->ops, b->ops.at[keys[i].at].op);
		place_r[keys[i].at] = (uint32_t)i;
	}
	free(keys);
}

static int
edge_cmp(const void *x, const void *y)
{
	const struct build_edge *a = x, *b = y;

	if (a->op != b->op)
		return a->op < b->op ? -1 : 1;
	return (a->dep > b->dep) - (a->dep < b->dep);
}

static void
place_deps(struct build *b, const uint32_t *place)
{
	struct plan *p = b->plan;
	struct build_edge *e;
	struct op *op;
	size_t i;

	for (i = 0; i < b->edges.n; i++)
		b->edges.at[i] = (struct build_edge){ place[b->edges.at[i].op], place[b->edges.at[i].dep] };
	if (b->edges.n != 0)
		qsort(b->edges.at, b->edges.n, sizeof *b->edges.at, edge_cmp);
	vec_reserve(&p->deps, b->edges.n);
	for (i = 0; i < b->edges.n; i++) {
		e = &b->edges.at[i];
		if (i != 0 && edge_cmp(e, e - 1) == 0)
			continue;
		assert(e->dep < e->op);
		op = &p->ops.at[e->op];
		if (op->dep_n == 0)
			op->dep_at = (uint32_t)p->deps.n;
		op->dep_n++;
		vec_push(&p->deps, e->dep);
		/* What waits for something that is held back is held back. */
		op->is_held |= p->ops.at[e->dep].is_held;
	}
}

void
build_end(struct build *b)
{
	uint32_t *place = mem_realloc(NULL, b->ops.n, sizeof *place);

	place_ops(b, place);
	place_deps(b, place);
	free(place);
	arena_release(&b->scratch);
	vec_release(&b->ops);
	vec_release(&b->edges);
	free(b->boxes);
	free(b->messages);
	free(b->order);
}

bool
plan_is_too_large(const struct policy *p, const struct record *r, enum side t)
{
	const struct record_half *h = &r->half[side_other(t)];
	uint64_t size = h->size != 0 ? h->size : r->ident.has & IDENT_SIZE ? r->ident.size : 0;

	return p->max_size[t] != 0 && size > p->max_size[t] && r->placeholder != PLACEHOLDER_NO_MORE;
}

bool
plan_may_copy(const struct policy *policy, enum record_mark mark, enum side t)
{
	if (policy->source[t].is)
		return false;
	switch (mark) {
	case MARK_NEW:
		return policy->sync[t] & SYNC_NEW;
	case MARK_SKIPPED:
		return policy->sync[t] & SYNC_OLD;
	case MARK_FAILED:
		return (policy->sync[t] & SYNC_OLD) || ((policy->sync[t] & SYNC_NEW) && policy->retry_failed);
	case MARK_ORPHAN:
	case MARK_EXPIRED:
	case MARK_TOMBSTONE:
	case MARK_KEPT:
	case MARK_REPLACED:
		break;
	}
	return false;
}

bool
build_may_copy(const struct build *b, uint32_t msg, enum side t)
{
	const struct record *r = build_record(b, msg);

	/* What was asked for in place of its placeholder is no new message. */
	return plan_may_copy(&b->in->policy, r->mark, t) || (r->placeholder == PLACEHOLDER_NO_MORE && r->mark == MARK_NEW &&
	    (b->in->policy.sync[t] & SYNC_UPGRADE) && !b->in->policy.source[t].is);
}

bool
build_is_waste(const struct build *b, uint32_t msg, enum side s)
{
	return (build_record(b, msg)->half[s].flags.sys & FLAG_DELETED) &&
	    (b->in->policy.expunge[FAR] || b->in->policy.expunge[NEAR] || b->in->policy.expunge_solo[s]);
}
