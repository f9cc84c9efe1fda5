/* Uploads whose source a person deletes while nobody knows whether they arrived (R11 recovery).
 *
 * A message on its way to a store that gives the keys itself (IMAP) is known there only by what it is. So a message of a local store is
 * identified before it is sent, and the intent keeps its identity. After a crash the copy that did arrive is found although its original is
 * gone. It is then deleted as well, and does not come back as new mail.
 */
#include "sync/match/search.h"

static bool
lacks_full(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	(void)x;
	(void)ctx;
	return !(item->ident.has & IDENT_FULL) && !item->is_unreadable;
}

/* It could not be read when the plan was made, and nobody has looked whose placeholder it is: the copy finds it out, and does not send it
 * (op_copy.c). The base keeps what it is. */
static void
forget_placeholder(struct record *rec)
{
	if (rec->ident.has & IDENT_PLACEHOLDER)
		rec->ident.has = 0;
}

int
uploads_identify(struct env *env, struct matching *in, const struct plan *plan, struct err *e)
{
	struct search x = { .env = env, .in = in };
	const struct op *op;
	int s, status = 0;
	size_t i;

	for (s = 0; s < SIDES && status == 0; s++) {
		enum side from = side_other((enum side)s);

		if (!env->set->store[s]->ops->has_uid_keys || !env->set->store[from]->ops->is_local)
			continue;
		search_clear(&x);
		x.at[FAR] = x.at[NEAR] = from;
		for (i = 0; i < plan->ops.n; i++) {
			op = &plan->ops.at[i];
			if (op->kind != OP_COPY || op->side != (enum side)s || op->is_held)
				continue;
			search_add(&x, FAR, op->msg);
			if (!lacks_full(&x, &x.items.at[x.items.n - 1], NULL))
				x.items.n--;
		}
		status = search_learn(&x, IDENT_SIZE | IDENT_HEADER | IDENT_FULL, lacks_full, NULL, e);
		for (i = 0; i < x.items.n && status == 0; i++)
			forget_placeholder(search_record(&x, &x.items.at[i]));
	}
	search_release(&x);
	return status;
}

/* New, without a twin, and by UID and size possibly what was sent. */
static bool
may_be(const struct record *rec, const struct intent *in)
{
	const struct record_half *h = &rec->half[in->side];

	return record_is_single(rec, in->side) && rec->mark == MARK_NEW &&
	    (in->uidnext == 0 || key_uid(h->key) >= in->uidnext) &&
	    (h->size == 0 || (h->size >= in->ident.size && h->size <= in->ident.size + STAMPS_MOST));
}

/* An equal one has gone on that side, from this mailbox or another: what is new is that, under another key (rekeyed.c, moves.c). */
static bool
has_gone(const struct record *rec, const struct intent *in)
{
	const struct record_half *h = &rec->half[in->side];

	return record_is_pair(rec) && h->presence == PRESENCE_GONE && h->basis != BASIS_OURS && h->basis != BASIS_MOVING &&
	    ident_compare(&rec->ident, &in->ident) == IDENT_SAME;
}

static int
candidates(struct env *env, const struct intent *in, uint32_t index, uint32_t home, struct matching *out, bool *is_another_r,
    struct arena *a, struct err *e)
{
	struct record rec, *keep;
	uint64_t after = 0;
	int got;

	while ((got = message_next_unsettled(env->state, a, env->boxes.at[index].rec.id, after, &rec, e)) > 0) {
		after = rec.id;
		*is_another_r |= has_gone(&rec, in);
		if (index != home || !may_be(&rec, in))
			continue;
		keep = arena_alloc(a, sizeof *keep);
		*keep = rec;
		vec_push(&out->messages, (struct match_message){ keep, index });
	}
	return got;
}

int
uploads_find(struct env *env, const struct intent *in, struct run_box *home, struct arena *a, struct record *found_r,
    struct err *e)
{
	struct matching tmp = { 0 };
	struct search x = { .env = env, .in = &tmp, .at = { in->side, in->side } };
	bool is_another = false;
	int status = 0;
	uint32_t i;

	if (!(in->ident.has & IDENT_FULL))
		return 0;
	for (i = 0; i < env->boxes.n && status == 0; i++)
		if (env->boxes.at[i].rec.id != 0)
			status = candidates(env, in, i, (uint32_t)(home - env->boxes.at), &tmp, &is_another, a, e);
	for (i = 0; i < tmp.messages.n && status == 0 && !is_another; i++)
		search_add(&x, FAR, i);
	if (status == 0)
		status = search_learn(&x, IDENT_SIZE | IDENT_HEADER | IDENT_FULL, lacks_full, NULL, e);
	for (i = 0; i < x.items.n && status == 0; i++)
		if ((x.items.at[i].ident.has & IDENT_FULL) &&
		    ident_compare(&x.items.at[i].ident, &in->ident) == IDENT_SAME) {
			*found_r = *tmp.messages.at[x.items.at[i].id].rec;
			status = 1;
		}
	search_release(&x);
	matching_release(&tmp);
	return status;
}
