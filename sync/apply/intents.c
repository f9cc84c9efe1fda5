/* Intents (R19 intents): what is about to be done is in the base before it is. */
#include "sync/apply/apply_inside.h"

struct intent
intent_begin(const struct applying *x, const struct task *t, enum intent_kind kind)
{
	const struct run_box *box = apply_box(x, t->op->box), *to = apply_box(x, apply_to_box(x, t->op));
	enum side s = t->op->side;

	return (struct intent){ .kind = kind, .side = s, .box = box->rec.id, .to_box = to->rec.id, .record = t->rec->id,
		.key = t->rec->half[s].key, .epoch = apply_epoch(to, s), .uidnext = to->side[s].uidnext, .ident = record_ident(t->rec, s),
		.when = x->env->set->now };
}

int
intent_keep(struct applying *x, struct task *t, const struct ident *ident, struct err *e)
{
	t->intent.tries++;
	if (ident->has != 0)
		t->intent.ident = *ident;
	return intent_put(x->env->state, &t->intent, e);
}

/* A record that is not looked at would not find its twin after a crash. */
int
intent_await_twin(struct applying *x, const struct run_box *box, struct record *rec, enum side s, bool is_back, struct err *e)
{
	if (rec->mark == MARK_NEW && !is_back)
		return 0;
	rec->mark = MARK_NEW;
	rec->why = "";
	if (is_back) {
		rec->half[s] = RECORD_HALF_NEVER;
		rec->has_agreed = false;
	}
	return apply_put(x, box, rec, e);
}

int
intent_begin_removal(struct applying *x, const struct task *t, enum half_basis basis, struct err *e)
{
	struct record *rec = t->rec;
	enum side s = t->op->side;

	rec->half[s].basis = basis;
	/* What went from the other side has been taken for deleted: it is not back either. */
	if (rec->half[side_other(s)].presence == PRESENCE_GONE)
		rec->half[side_other(s)].basis = basis;
	return apply_put(x, apply_box(x, t->op->box), rec, e);
}
