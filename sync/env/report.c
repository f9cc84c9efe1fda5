/* What the run reports: notes as they come up, each error once, counts at the end. */
#include "sync/env/env.h"

#include "state/base/hash.h"
#include "sync/pair/patterns.h"
#include "sync/plan/explain.h"

void
report_release(struct channel_report *r)
{
	vec_release(&r->errors);
	vec_release(&r->removed);
	buf_release(&r->plan_text);
	arena_release(&r->arena);
}

/* False when it is there already. */
static bool
put_seen(struct env *env, uint64_t hash)
{
	size_t at = (size_t)hash & (env->notes_seen_room - 1);

	for (; env->notes_seen[at] != 0; at = (at + 1) & (env->notes_seen_room - 1))
		if (env->notes_seen[at] == hash)
			return false;
	env->notes_seen[at] = hash;
	env->notes_seen_n++;
	return true;
}

static void
grow_seen(struct env *env)
{
	size_t room = env->notes_seen_room, i;
	uint64_t *old = env->notes_seen;

	env->notes_seen_room = room == 0 ? 64 : 2 * room;
	env->notes_seen = mem_alloc(env->notes_seen_room * sizeof *env->notes_seen);
	env->notes_seen_n = 0;
	for (i = 0; i < room; i++)
		if (old[i] != 0)
			put_seen(env, old[i]);
	free(old);
}

static bool
was_told(struct env *env, const char *box, const char *text)
{
	const char *where = box != NULL ? box : "";
	uint64_t hash = hash_add(hash_add(HASH_BEGIN, where, strlen(where) + 1), text, strlen(text) + 1);

	hash += hash == 0;
	if (2 * env->notes_seen_n >= env->notes_seen_room)
		grow_seen(env);
	return !put_seen(env, hash);
}

const char *
report_box_name(struct env *env, const char *box)
{
	return box != NULL && env->set->patterns.n != 0 && patterns_prefix_is_box(env->set->box[FAR]) ?
	    arena_printf(&env->arena, "%s%s", env->set->box[FAR], box) : box;
}

void
report_note(struct env *env, enum note_level level, const char *box, const char *text)
{
	box = report_box_name(env, box);
	if (was_told(env, box, text))
		return;
	if (env->ev != NULL && env->ev->note != NULL)
		env->ev->note(env->ev->ctx, level, env->set->name, box, text);
	if (level >= NOTE_LATER)
		vec_push(&env->report->errors, (struct report_error){ level == NOTE_LATER ? ERR_TEMPORARY : ERR_FAILED,
			box != NULL ? arena_strdup(&env->report->arena, box) : NULL,
			arena_strdup(&env->report->arena, text) });
}

void
report_unkept(struct env *env, struct run_box *b, const struct record *rec)
{
	struct arena a = { 0 };
	struct box_side *bs;
	const char *other, *words, *store;
	size_t len;
	int s;

	for (s = FAR; s <= NEAR; s++) {
		bs = &b->rec.side[s];
		other = rec->half[side_other((enum side)s)].flags.kw;
		if (bs->was_told || !bs->is_known || bs->mask.has_any_keyword || *other == '\0' ||
		    rec->half[side_other((enum side)s)].presence != PRESENCE_HERE)
			continue;
		words = kw_minus(&a, other, bs->mask.kw);
		if (kw_next(&words, &len) == NULL)
			continue;
		bs->was_told = true;
		store = env->set->store[s]->name;
		/* A store that keeps none is said once for all of its mailboxes. */
		if (*bs->mask.kw == '\0')
			report_note(env, env->set->store[s]->ops->has_uid_keys ? NOTE_WARNING : NOTE_INFO, NULL,
			    arena_printf(&env->arena, "%s (%s) keeps no keywords; they stay on the other side%s%s", store,
			    side_name((enum side)s), env->set->store[s]->keeps_keywords_with != NULL ? ". To keep them: " : "",
			    env->set->store[s]->keeps_keywords_with != NULL ? env->set->store[s]->keeps_keywords_with : ""));
		else
			report_note(env, NOTE_WARNING, b->name, arena_printf(&env->arena, "%s (%s) cannot keep all keywords, "
			    "such as %s; those stay on the other side", store, side_name((enum side)s),
			    kw_minus(&a, other, bs->mask.kw)));
	}
	arena_release(&a);
}

void
report_err(struct env *env, const char *box, const struct err *e)
{
	if (e->class == ERR_CANCELLED || was_told(env, box, e->text))
		return;
	if (env->ev != NULL && env->ev->note != NULL)
		env->ev->note(env->ev->ctx, NOTE_ERROR, env->set->name, box, e->text);
	vec_push(&env->report->errors, (struct report_error){ e->class,
		box != NULL ? arena_strdup(&env->report->arena, box) : NULL,
		arena_strdup(&env->report->arena, e->text) });
}

void
report_progress(void *ctx)
{
	struct env *env = ctx;
	struct run_progress p = env->progress;

	if (env->ev == NULL || env->ev->progress == NULL)
		return;
	/* Those not planned yet are as large as the others. */
	p.bytes += p.messages != 0 ? p.bytes / p.messages * env->ahead : 0;
	p.messages += env->ahead;
	p.heard = atomic_load(&env->arriving.heard);
	p.messages_done += atomic_load(&env->arriving.messages);
	p.bytes_done += atomic_load(&env->arriving.bytes);
	/* A message may come twice, or be of another size than was listed; and mailboxes may have been listed anew, and be fewer. */
	if (p.boxes_done > p.boxes)
		p.boxes_done = p.boxes;
	if (p.messages_done > p.messages)
		p.messages_done = p.messages;
	if (p.bytes < p.bytes_done)
		p.bytes = 0;
	env->ev->progress(env->ev->ctx, &p);
}

void
report_removed(struct channel_report *rep, enum side s, const char *box, uint64_t messages)
{
	rep->side[s].expunged += messages;
	vec_push(&rep->removed, (struct report_removed){ s, arena_strdup(&rep->arena, box), messages });
}

void
report_nothing(struct env *env)
{
	const struct channel *set = env->set;

	if (env->boxes.n == 0 && env_sees_all(env) && set->patterns.n != 0 && set->only.n == 0)
		report_note(env, NOTE_WARNING, NULL, arena_printf(&env->arena, "Patterns select no mailbox of either side%s; "
		    "`mailtwin list --list-stores` shows all names", *set->box[FAR] != '\0' || *set->box[NEAR] != '\0' ?
		    ", where the name begins as Far and Near have it" : ""));
}

void
report_passed(struct env *env)
{
	const struct policy *p = &env->set->policy;

	if (env->passed != 0 && p->says_full && !((p->sync[FAR] | p->sync[NEAR]) & SYNC_OLD))
		report_note(env, NOTE_WARNING, NULL, arena_printf(&env->arena, "%s that mbsync passed over: Sync Full (All, --full) leaves them, "
		    "as mbsync's manual has it; mbsync 1.5 itself copies them. Sync Full Old does so here",
		    env->passed == 1 ? "there is a message" : arena_printf(&env->arena, "there are %llu messages",
		    (unsigned long long)env->passed)));
}

void
report_parts(struct env *env)
{
	const struct run_box *b;
	size_t i;
	int s;

	for (i = 0; i < env->boxes.n; i++)
		for (s = 0; s < SIDES; s++) {
			b = &env->boxes.at[i];
			if (b->side[s].unproved == NULL || sight_has_failed(&b->side[s]))
				continue;
			report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena, "%s did not show all of the %s mailbox: %s; "
			    "nothing counts as deleted there, and the next run asks for the rest",
			    env->set->store[s]->name, side_name((enum side)s), b->side[s].unproved));
		}
}

/* Dry: what would be done, in words and in counts. */
static void
count_op(struct channel_report *rep, const struct plan_input *in, const struct op *op)
{
	struct side_counts *c = &rep->side[op->side];

	switch (op->kind) {
	case OP_COPY:
		c->added++;
		break;
	case OP_CLONE:
		c->cloned++;
		break;
	case OP_MOVE:
		c->moved++;
		break;
	case OP_FLAGS:
		if (op->add.sys & FLAG_DELETED)
			c->trashed++;
		else
			c->flagged++;
		break;
	case OP_EXPUNGE:
		c->expunged++;
		c->kept += op->trash != TRASH_NONE;
		c->unmarked += !(in->messages.at[op->msg].rec->half[op->side].flags.sys & FLAG_DELETED);
		break;
	case OP_PAIR:
		rep->paired++;
		return;
	case OP_REMOVE_BOX:
		report_removed(rep, op->side, in->boxes.at[op->box].name, in->boxes.at[op->box].side[op->side].here);
		break;
	case OP_RENAME_BOX:
	case OP_CREATE_BOX:
		break;
	default:
		return;
	}
	rep->is_changed[op->side] = true;
}

void
report_plan(struct env *env, const struct plan_input *in, const struct plan *plan)
{
	const struct explain_names names = { { "far", "near" }, patterns_prefix_is_box(env->set->box[FAR]) && env->set->patterns.n != 0 ?
		env->set->box[FAR] : NULL };
	size_t i;

	plan_explain(in, plan, &names, false, &env->report->plan_text);
	for (i = 0; i < plan->ops.n; i++)
		if (!plan->ops.at[i].is_held)
			count_op(env->report, in, &plan->ops.at[i]);
}

/* Whether the record leaves something to be done on side s that a mailbox nobody may write to cannot take. */
static bool
waits_for(const struct record *rec, enum side s)
{
	if (rec->mark != MARK_NEW)
		return false;
	if (rec->half[s].presence == PRESENCE_HERE)
		return !record_is_single(rec, s);
	return record_is_single(rec, side_other(s));
}

void
report_readonly(struct env *env, const struct plan_input *in)
{
	uint64_t *waiting = mem_alloc((in->boxes.n + 1) * SIDES * sizeof *waiting);
	const struct run_side *rs;
	const struct plan_box *b;
	uint64_t n;
	size_t i;
	int s;

	for (i = 0; i < in->messages.n; i++)
		for (s = 0; s < SIDES; s++)
			waiting[in->messages.at[i].box * SIDES + s] += waits_for(in->messages.at[i].rec, (enum side)s);
	for (i = 0; i < in->boxes.n; i++)
		for (s = 0; s < SIDES; s++) {
			b = &in->boxes.at[i];
			rs = &env->boxes.at[i].side[s];
			n = waiting[i * SIDES + s];
			/* One that was not listed whole is told by report_parts(). */
			if (!b->side[s].is_readonly || rs->is_part || rs->unproved != NULL || in->policy.read_only[s] || in->policy.sync[s] == 0 || n == 0)
				continue;
			report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena, "the %s mailbox %s: %llu %s until it %s", side_name((enum side)s),
			    rs->is_readonly ? "is read-only" : "has not been listed whole yet", (unsigned long long)n, n == 1 ? "change waits" :
			    "changes wait", rs->is_readonly ? "can be written to, or until its store says ReadOnly yes" :
			    "has, for what they bring may be there already"));
		}
	free(waiting);
}
