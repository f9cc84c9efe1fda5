/* What is done to single messages and mailboxes, told for people who asked for it (channel.names): by mailbox, date, sender and subject; of a dry
 * run what would be done.
 *
 * Of each kind of act in a mailbox the first few are named, and the others counted. A message is named by its file, where a side has one; else by
 * its header, which its server is asked for; one that is gone by what the store saw of it before.
 */
#include "sync/env/env.h"

#include "state/base/log.h"
#include "sync/plan/explain.h"

static bool
is_same_kind(const struct run_acts *k, const char *box, const struct op *op)
{
	return k->kind == op->kind && k->side == op->side && k->reason == op->reason && k->is_held == op->is_held && strcmp(k->box, box) == 0;
}

static struct run_acts *
kind_of(struct env *env, const char *box, const struct op *op)
{
	struct run_acts *k;

	for (size_t i = env->acts.n; i > 0; i--)
		if (is_same_kind(&env->acts.at[i - 1], box, op))
			return &env->acts.at[i - 1];
	k = vec_add(&env->acts);
	*k = (struct run_acts){ .box = arena_strdup(&env->arena, box), .kind = op->kind, .side = op->side, .reason = op->reason, .is_held = op->is_held };
	k->is_deletion = op->kind == OP_FLAGS && (op->add.sys & FLAG_DELETED);
	return k;
}

static const char *
what_of(const struct op *op)
{
	static const char *const names[OP_KINDS] = { [OP_RENAME_BOX] = "rename", [OP_CREATE_BOX] = "create", [OP_COPY] = "copy",
		[OP_CLONE] = "copy", [OP_MOVE] = "move", [OP_FLAGS] = "flags", [OP_EXPUNGE] = "expunge", [OP_REMOVE_BOX] = "remove" };

	return names[op->kind];
}

static const char *
changes_of(struct arena *a, const struct op *op)
{
	const bool adds = !flags_is_none(op->add), removes = !flags_is_none(op->remove);

	if (op->kind != OP_FLAGS)
		return "";
	return arena_printf(a, "%s%s%s%s%s", adds ? "+" : "", adds ? flags_text(a, op->add) : "", adds && removes ? " " : "", removes ? "-" : "",
	    removes ? flags_text(a, op->remove) : "");
}

/* The record that has the message by now, or still: of what was moved or copied within a side, that of the new place. */
static const struct record *
record_of(const struct env *env, const struct plan_input *in, const struct op *op, uint32_t *box_r)
{
	const bool is_over = !env->set->is_dry && (op->kind == OP_MOVE || op->kind == OP_CLONE) && op->other != UINT32_MAX;
	const uint32_t i = is_over ? op->other : op->msg;

	*box_r = in->messages.at[i].box;
	return in->messages.at[i].rec;
}

/* The side on which it is looked for: a disk, if it is on one; else not that which was just written to, whose other sessions need not show it yet.
 * -1 = neither has it. */
static int
best_side(const struct env *env, const struct record *rec, enum side written)
{
	const enum side order[] = { side_other(written), written };
	int found = -1;

	for (size_t i = 0; i < SIDES; i++)
		if (rec->half[order[i]].presence == PRESENCE_HERE && rec->half[order[i]].key.len > 0 &&
		    (found < 0 || env->set->store[order[i]]->ops->is_local))
			found = (int)order[i];
	return found;
}

/* One message whose header is asked for together with others: of a dry run, where what is to be copied is on its server alone. */
struct asked { uint32_t box; struct fetch_item item; struct message_words *words; };
struct headers_job {
	struct job job;
	enum side side;
	struct arena *arena;
	VEC(struct asked) asked;	/* by mailbox */
	VEC(struct fetch_item) items;
	VEC(struct fetch_part) parts;
};

static void
got_header(void *ctx, const struct message_header *h)
{
	struct headers_job *j = ctx;

	store_words_read(j->arena, h->text, h->len, j->asked.at[h->index].words);
}

static int
run_headers(struct job *job, struct session *session[SIDES], struct err *e)
{
	struct headers_job *j = (struct headers_job *)job;
	const struct header_sink sink = { got_header, j };

	return session[j->side]->store->ops->headers(session[j->side], j->parts.at, j->parts.n, j->items.at, &sink, e);
}

static int
cmp_asked(const void *x, const void *y)
{
	const struct asked *a = x, *b = y;

	return (a->box > b->box) - (a->box < b->box);
}

static void
ask_headers(struct env *env, struct headers_job *j)
{
	struct err unused;

	if (j->asked.n > 0)
		qsort(j->asked.at, j->asked.n, sizeof *j->asked.at, cmp_asked);
	for (size_t i = 0; i < j->asked.n; i++) {
		const struct run_box *b = &env->boxes.at[j->asked.at[i].box];

		if (i == 0 || j->asked.at[i].box != j->asked.at[i - 1].box)
			vec_push(&j->parts, (struct fetch_part){ .box = b->side[j->side].on, .epoch = b->rec.side[j->side].cursor.epoch, .first = i });
		j->parts.at[j->parts.n - 1].n++;
		vec_push(&j->items, j->asked.at[i].item);
	}
	j->job = (struct job){ .run = run_headers, .turns = 2 };
	j->job.needs[j->side] = true;
	if (j->asked.n > 0 && pool_run(env->pool, &j->job, &unused) < 0)
		log_line(LOG_RUN, "messages cannot be named: %s", unused.text);
	vec_release(&j->asked);
	vec_release(&j->items);
	vec_release(&j->parts);
}

struct named { const struct op *op; struct message_words words; };

/* Fills words, of `place` at least. */
static void
name_all(struct env *env, const struct plan_input *in, struct named *all, size_t n)
{
	struct headers_job job[SIDES] = { { .side = FAR, .arena = &env->arena }, { .side = NEAR, .arena = &env->arena } };
	const struct record *rec;
	uint32_t box;
	int s;

	for (size_t i = 0; i < n; i++) {
		if (all[i].op->msg == UINT32_MAX || all[i].words.place != NULL)
			continue;
		rec = record_of(env, in, all[i].op, &box);
		s = best_side(env, rec, all[i].op->side);
		if (s < 0)
			continue;
		all[i].words = culprit_words(env, &env->boxes.at[box], rec, (enum side)s, env->set->store[s]->ops->is_local || !env->set->is_dry);
		if (!env->set->store[s]->ops->is_local && env->set->is_dry && (env->set->store[s]->can & STORE_HEADERS) &&
		    env->boxes.at[box].side[s].on != NULL)
			vec_push(&job[s].asked, (struct asked){ box, { .key = rec->half[s].key, .hint = rec->half[s].hint }, &all[i].words });
	}
	for (s = 0; s < SIDES; s++)
		ask_headers(env, &job[s]);
}

static void
tell_one(struct env *env, const struct plan_input *in, const struct named *m)
{
	static const struct explain_names names = { { "far", "near" }, NULL };
	const struct op *op = m->op;
	const struct run_act act = { .side = op->side, .box = report_box_name(env, in->boxes.at[op->box].name), .what = what_of(op),
		.changes = changes_of(&env->arena, op), .is_held = op->is_held, .words = m->words,
		.why = reason_text(&env->arena, op->reason, op->side, &names),
		.to = op->kind == OP_RENAME_BOX ? op->to : (op->kind == OP_MOVE || op->kind == OP_CLONE) && op->other != UINT32_MAX ?
		    report_box_name(env, in->boxes.at[in->messages.at[op->other].box].name) : NULL };

	env->ev->act(env->ev->ctx, &act);
}

void
acts_tell(struct env *env, const struct plan_input *in, const struct plan *plan, bool (*is_one)(void *ctx, uint32_t op),
    const struct message_words *(*words_of)(void *ctx, uint32_t op), void *ctx)
{
	VEC(struct named) named = { 0 };
	const struct message_words *words;
	struct run_acts *k;

	if (env->set->names == 0 || env->ev == NULL || env->ev->act == NULL)
		return;
	for (uint32_t i = 0; i < plan->ops.n; i++) {
		const struct op *op = &plan->ops.at[i];

		if (what_of(op) == NULL || !is_one(ctx, i))
			continue;
		k = kind_of(env, in->boxes.at[op->box].name, op);
		if (k->n++ >= env->set->names)
			continue;
		words = words_of != NULL ? words_of(ctx, i) : NULL;
		vec_push(&named, (struct named){ .op = op, .words = words != NULL ? *words : (struct message_words){ 0 } });
	}
	name_all(env, in, named.at, named.n);
	for (size_t i = 0; i < named.n; i++)
		tell_one(env, in, &named.at[i]);
	vec_release(&named);
}

static void
add_counts(const struct run_acts *k, struct run_changed *c)
{
	struct side_counts *s = &c->side[k->side];

	switch (k->kind) {
	case OP_COPY: s->added += k->n; break;
	case OP_CLONE: s->cloned += k->n; break;
	case OP_MOVE: s->moved += k->n; break;
	case OP_FLAGS: *(k->is_deletion ? &s->trashed : &s->flagged) += k->n; break;
	case OP_EXPUNGE: s->expunged += k->n; break;
	case OP_CREATE_BOX: c->is_created[k->side] = true; break;
	case OP_REMOVE_BOX: c->is_removed[k->side] = true; break;
	default: break;
	}
}

void
acts_end(struct env *env)
{
	struct run_changed c;

	for (size_t i = 0; i < env->acts.n && env->ev != NULL && env->ev->changed != NULL; i++) {
		if (env->acts.at[i].is_told || env->acts.at[i].is_held)
			continue;
		c = (struct run_changed){ .box = report_box_name(env, env->acts.at[i].box) };
		for (size_t k = i; k < env->acts.n; k++)
			if (!env->acts.at[k].is_held && strcmp(env->acts.at[k].box, env->acts.at[i].box) == 0) {
				add_counts(&env->acts.at[k], &c);
				env->acts.at[k].is_told = true;
			}
		env->ev->changed(env->ev->ctx, &c);
	}
	vec_release(&env->acts);
}
