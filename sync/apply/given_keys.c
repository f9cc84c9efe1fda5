/* Keys that a store gave to what was sent to it (R16 three outcomes). A key that another record holds already is an alias (R11 recovery):
 * never paired twice, never deleted through. */
#include "sync/apply/apply_inside.h"

#include <stdlib.h>

/* The key of one that is gone names another message by now. */
static int
give_up_key(struct applying *x, const struct run_box *box, enum side s, struct record *gone, struct err *e)
{
	struct record *rec;
	uint32_t i;

	gone->half[s] = half_gone_unkeyed();
	for (i = 0; i < x->in->messages.n; i++) {
		rec = apply_record(x, i);
		if (rec->id == gone->id && rec->box == gone->box)
			rec->half[s] = gone->half[s];
	}
	return apply_put(x, box, gone, e);
}

int
given_alias(struct applying *x, const struct run_box *box, enum side s, struct key key, const struct record *rec, enum alias *alias_r,
    struct err *e)
{
	struct arena a = { 0 };
	struct record other;
	const bool is_server = x->env->set->store[s]->ops->has_uid_keys;
	int got = message_find(x->env->state, &a, box->rec.id, s, key, &other, e), status = got < 0 ? -1 : 0;
	const struct ident mine = record_ident(rec, s), its = got == 1 ? record_ident(&other, s) : mine;

	*alias_r = ALIAS_NONE;
	if (got == 1 && other.id != rec->id && other.half[s].presence == PRESENCE_HERE)
		/* Only a server keeps equal messages once: a file is that of the other record, which a list has shown already. */
		*alias_r = is_server && ident_compare(&its, &mine) == IDENT_SAME ? ALIAS_EQUAL : ALIAS_FALSE;
	else if (is_server && key_uid(key) < box->side[s].uidnext)
		*alias_r = ALIAS_FALSE;
	else if (got == 1 && other.id != rec->id)
		status = give_up_key(x, box, s, &other, e);
	arena_release(&a);
	return status;
}

/* Planned to be expunged, the message that bears this key stays, and the next look says for which of them. */
static void
keep(struct applying *x, const struct record *rec, enum side s, struct key key)
{
	const struct op *op;
	uint32_t i;

	for (i = 0; i < x->plan->ops.n; i++) {
		op = &x->plan->ops.at[i];
		if (x->status[i] == OP_WAIT && op->kind == OP_EXPUNGE && op->side == s && apply_record(x, op->msg)->box == rec->box &&
		    key_cmp(apply_record(x, op->msg)->half[s].key, key) == 0)
			x->status[i] = OP_FAILED;
	}
}

void
given_shared(struct applying *x, struct record *rec, enum side s, struct key key)
{
	shared_mark(rec, s, BASIS_SHARED_TOLD);
	keep(x, rec, s, key);
	x->env->observe_state->is_short = true;
}

void
given_take(struct applying *x, const struct task *t, struct record_half *h, struct key key, const char *hint)
{
	h->presence = PRESENCE_HERE;
	h->key = key_dup(&x->arena, key);
	h->hint = arena_strdup(&x->arena, hint);
	h->basis = BASIS_LISTED;
	h->size = 0;
	if (!x->env->set->store[t->op->side]->ops->has_uid_keys)
		return;
	h->size = t->wire_size;
	h->basis = t->is_alike && *h->server_id == '\0' ? BASIS_DOUBTED : BASIS_TOLD;
	x->env->observe_state->has_doubts |= h->basis == BASIS_DOUBTED;
}

static int
cmp_size(const void *x, const void *y)
{
	const struct task *a = *(struct task *const *)x, *b = *(struct task *const *)y;

	if (a->wire_size != b->wire_size)
		return a->wire_size < b->wire_size ? -1 : 1;
	return (a > b) - (a < b);
}

/* Of more than FEW the first and the last are compared. */
void
given_mark_alike(struct batch *b, struct key (*key_of)(const struct task *t))
{
	enum { FEW = 8 };
	struct task **v = mem_alloc((b->n + 1) * sizeof *v), *t;
	size_t i, k, end, m = 0;

	for (t = b->task; t < b->task + b->n; t++)
		if (key_of(t).len > 0 && t->wire_size != 0)
			v[m++] = t;
	if (m > 1)
		qsort(v, m, sizeof *v, cmp_size);
	for (i = 0; i < m; i = end) {
		for (end = i + 1; end < m && v[end]->wire_size == v[i]->wire_size; end++)
			;
		for (k = i; k < end && end - i > 1; k++)
			v[k]->is_alike = end - i <= FEW || k == i || k == end - 1;
	}
	free(v);
}
