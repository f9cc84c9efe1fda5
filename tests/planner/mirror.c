#include "tests/planner/mirror.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NONE UINT32_MAX

static void
mirror_input(const struct plan_input *in, struct plan_input *m, struct record **records_r)
{
	struct record *r = mem_alloc(in->messages.n * sizeof *r);
	const struct policy *p = &in->policy;
	size_t i;

	*m = (struct plan_input){ .policy = *p };
	for (i = 0; i < SIDES; i++) {
		enum side s = side_other((enum side)i);

		m->policy.sync[i] = p->sync[s];
		m->policy.create[i] = p->create[s];
		m->policy.remove[i] = p->remove[s];
		m->policy.expunge[i] = p->expunge[s];
		m->policy.expunge_solo[i] = p->expunge_solo[s];
		m->policy.read_only[i] = p->read_only[s];
		m->policy.trash[i] = p->trash[s];
		m->policy.window[i] = p->window[s];
		m->policy.source[i] = p->source[s];
		m->policy.max_size[i] = p->max_size[s];
	}
	m->policy.limit.side = side_other(p->limit.side);
	for (i = 0; i < in->boxes.n; i++) {
		struct plan_box b = in->boxes.at[i];

		b.side[FAR] = in->boxes.at[i].side[NEAR];
		b.side[NEAR] = in->boxes.at[i].side[FAR];
		vec_push(&m->boxes, b);
	}
	for (i = 0; i < in->messages.n; i++) {
		r[i] = *in->messages.at[i].rec;
		r[i].half[FAR] = in->messages.at[i].rec->half[NEAR];
		r[i].half[NEAR] = in->messages.at[i].rec->half[FAR];
		if (record_has_placeholder(&r[i]))
			r[i].placeholder = r[i].placeholder == PLACEHOLDER_FAR ? PLACEHOLDER_NEAR : PLACEHOLDER_FAR;
		vec_push(&m->messages, (struct plan_message){ &r[i], in->messages.at[i].box });
	}
	for (i = 0; i < in->links.n; i++) {
		struct plan_link l = in->links.at[i];

		if (l.kind == LINK_TWIN) {
			l.a = in->links.at[i].b;
			l.b = in->links.at[i].a;
		}
		l.side = side_other(l.side);
		vec_push(&m->links, l);
	}
	*records_r = r;
}

/* One operation, so that the mirrored one is equal: sides swapped back; twins go by the lower of their numbers; sides of
 * operations on the state alone mean nothing. */
struct image {
	uint32_t part[12];		/* from kind to the flags removed */
	const char *add, *remove;	/* keywords */
};

static int
image_cmp(const void *x, const void *y)
{
	const struct image *a = x, *b = y;
	size_t i;
	int c;

	for (i = 0; i < sizeof a->part / sizeof a->part[0]; i++)
		if (a->part[i] != b->part[i])
			return a->part[i] < b->part[i] ? -1 : 1;
	if ((c = strcasecmp(a->add, b->add)) != 0)
		return c;
	return strcasecmp(a->remove, b->remove);
}

static uint32_t
image_message(uint32_t msg, const uint32_t *twin)
{
	return msg != NONE && twin[msg] < msg ? twin[msg] : msg;
}

static struct image *
take_images(const struct plan *p, const uint32_t *twin, bool is_mirrored)
{
	struct image *v = mem_alloc(p->ops.n * sizeof *v);
	size_t i;

	for (i = 0; i < p->ops.n; i++) {
		const struct op *op = &p->ops.at[i];
		enum side side = is_mirrored ? side_other(op->side) : op->side;

		v[i] = (struct image){ .add = op->add.kw, .remove = op->remove.kw, .part = {
			op->kind, op_is_state_only(op->kind) ? 0 : side, op->reason, op->box,
			image_message(op->msg, twin), op->kind == OP_PAIR ? NONE : image_message(op->other, twin),
			op->mark, op->trash * 2 + op->is_placeholder, op->is_held, op->is_conflict, op->add.sys, op->remove.sys } };
	}
	if (p->ops.n != 0)
		qsort(v, p->ops.n, sizeof *v, image_cmp);
	return v;
}

static bool
has_contest(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->ops.n; i++)
		if (p->ops.at[i].kind == OP_MOVE && p->ops.at[i].is_conflict)
			return true;
	return false;
}

/* The messages that OP_PAIR joins, each to the other; all others to themselves. */
static uint32_t *
take_twins(const struct plan_input *in, const struct plan *p)
{
	uint32_t *twin = mem_realloc(NULL, in->messages.n, sizeof *twin);
	size_t i;

	for (i = 0; i < in->messages.n; i++)
		twin[i] = (uint32_t)i;
	for (i = 0; i < p->ops.n; i++)
		if (p->ops.at[i].kind == OP_PAIR) {
			twin[p->ops.at[i].msg] = p->ops.at[i].other;
			twin[p->ops.at[i].other] = p->ops.at[i].msg;
		}
	return twin;
}

static const char *
compare(const struct plan_input *in, const struct plan *p, const struct plan *mirrored, struct arena *arena)
{
	const char *fault = NULL;
	struct image *a, *b;
	uint32_t *twin;
	size_t i;

	if (has_contest(p) || has_contest(mirrored))
		return NULL;
	if (p->ops.n != mirrored->ops.n || p->notes.n != mirrored->notes.n)
		return "the mirrored plan is of another length";
	twin = take_twins(in, p);
	a = take_images(p, twin, false);
	b = take_images(mirrored, twin, true);
	for (i = 0; i < p->ops.n && fault == NULL; i++)
		if (image_cmp(&a[i], &b[i]) != 0)
			fault = arena_printf(arena, "the mirrored plan differs in %s",
			    in->boxes.at[a[i].part[3]].name);
	free(a);
	free(b);
	free(twin);
	return fault;
}

const char *
mirror_check(const struct plan_input *in, const struct plan *p, struct arena *arena)
{
	struct plan_input mirrored_in;
	struct plan mirrored = { 0 };
	struct record *records;
	const char *fault;

	mirror_input(in, &mirrored_in, &records);
	plan_make(&mirrored_in, &mirrored);
	fault = compare(in, p, &mirrored, arena);
	free(records);
	plan_release(&mirrored);
	plan_input_release(&mirrored_in);
	return fault;
}
