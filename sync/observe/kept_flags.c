/* Which of the flags and keywords that stores are given they keep (R14 masks).
 *
 * A server may drop flags of an APPEND or a COPY. So of what we put somewhere, only those flags are agreed that the store shows when it
 * first lists the message (record_half.is_sent). What it lacks is a change of the other side's, and set by STORE in the same run
 * (env.is_short). What a store does not take even then is `refused` in the mask of its mailbox: not sent again, reported once, and no
 * change when it is missing there.
 *
 * A flag that is no keyword, and is ignored without a NO, takes two runs. In the first it is an error, for the server may have had a bad
 * day, and a person will want to know.
 *
 * A flag that a person takes off such a copy before it was listed looks like one that the store dropped: it is set again.
 *
 * A flag is refused no more when the store shows it after all, with --retry-failed, and with another UIDVALIDITY.
 */
#include "sync/observe/observe.h"

#include "state/base/log.h"

/* A keyword that side s could not keep and does not show was not taken off there. Now that it may be one to keep, it is
 * agreed by none, and the side that has it brings it. */
static void
forget_unkept(struct arena *a, struct record *rec, enum side s, const struct flag_mask *was)
{
	struct flags unkept = flags_minus(a, rec->agreed, flags_keep(a, rec->agreed, was));

	unkept.sys &= ~(uint32_t)FLAG_DELETED;
	if (rec->has_agreed)
		rec->agreed = flags_minus(a, rec->agreed, flags_minus(a, unkept, rec->half[s].flags));
}

int
kept_judge_again(struct env *env, struct run_box *b, enum side s, const struct flag_mask *was, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int got;

	while ((got = message_next(env->state, &a, b->rec.id, after, &rec, e)) > 0) {
		after = rec.id;
		forget_unkept(&a, &rec, s, was);
		if (records_put(env, b, &a, &rec, e) < 0) {
			got = -1;
			break;
		}
		arena_release(&a);
	}
	arena_release(&a);
	return got;
}

void
kept_seen(struct env *env, struct run_box *b, enum side s, struct arena *a, struct record *rec, struct flags shown)
{
	const struct flag_mask *mask = &b->rec.side[s].mask;
	struct flags refused = flag_mask_refused(mask), known = rec->half[s].flags, news;

	if (rec->half[s].is_sent && !flags_is_none(flags_keep(a, record_shown(a, rec, s, shown), mask)))
		env->observe_state->is_short = true;
	if (flags_is_none(refused))
		return;
	news = flags_intersect(a, flags_minus(a, shown, known), refused);
	if (!flags_is_none(news))
		b->side[s].taken = flags_dup(&env->arena, flags_union(a, news, (struct flags){ b->side[s].taken.sys,
		    b->side[s].taken.kw != NULL ? b->side[s].taken.kw : "" }));
}

/* What side s refuses from now on. */
static int
set_refused(struct env *env, struct run_box *b, enum side s, struct flags refused, struct err *e)
{
	struct flag_mask was = b->rec.side[s].mask;

	b->rec.side[s].mask.refused = flags_dup(&env->arena, refused);
	return kept_judge_again(env, b, s, &was, e) < 0 || box_put(env->state, &b->rec, e) < 0 ? -1 : 0;
}

int
kept_take_back(struct env *env, struct run_box *b, enum side s, struct err *e)
{
	struct flags taken = b->side[s].taken;

	if (taken.kw == NULL)
		return 0;
	b->side[s].taken = (struct flags){ 0 };
	log_line(LOG_RUN, "%s %s: shows %s, which it did not take before", side_name(s), b->name, flags_text(&env->arena, taken));
	return set_refused(env, b, s, flags_minus(&env->arena, flag_mask_refused(&b->rec.side[s].mask), taken), e);
}

/* Whether this run may set flags there. What is not tried stays refused: else it would pass for a change until it is. */
static bool
may_set_flags(const struct env *env, enum side s)
{
	const struct policy *p = &env->set->policy;

	return (p->sync[s] & (SYNC_NEW | SYNC_FLAGS)) && !p->read_only[s] && !env->set->store[s]->read_only;
}

int
kept_retry(struct env *env, struct err *e)
{
	struct run_box *b;
	size_t i;
	int s;

	for (i = 0; i < env->boxes.n && env->set->policy.retry_failed; i++)
		for (s = 0; s < SIDES; s++) {
			if (!may_set_flags(env, (enum side)s))
				continue;
			b = &env->boxes.at[i];
			/* Of one that is gone nothing is tried, and what it did not take is no change that brings it back (P8). */
			if (b->rec.id != 0 && b->side[s].listed != NULL && !flags_is_none(flag_mask_refused(&b->rec.side[s].mask)) &&
			    set_refused(env, b, (enum side)s, FLAGS_NONE, e) < 0)
				return -1;
		}
	return 0;
}

/* "\Seen, Work and 3 more" */
static const char *
words_of(struct arena *a, struct flags f)
{
	enum { NAMED = 8 };
	static const char *const names[] = { "\\Draft", "\\Flagged", "$Forwarded", "\\Answered", "\\Seen", "\\Deleted" };
	const char *p = f.kw, *word, *out = "";
	size_t len, i, n = 0;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if (f.sys & 1u << i)
			out = arena_printf(a, "%s%s%s", out, n++ > 0 ? ", " : "", names[i]);
	while ((word = kw_next(&p, &len)) != NULL)
		if (n++ < NAMED)
			out = arena_printf(a, "%s%s%.*s", out, n > 1 ? ", " : "", (int)len, word);
	return n > NAMED ? arena_printf(a, "%s and %zu more", out, n - NAMED) : out;
}

int
kept_learn(struct env *env, struct run_box *b, enum side s, struct flags unkept, struct err *e)
{
	struct flags refused = flag_mask_refused(&b->rec.side[s].mask), news;

	if (unkept.kw == NULL)
		return 0;
	news = flags_minus(&env->arena, unkept, refused);
	if (flags_is_none(news))
		return 0;
	b->side[s].untold = flags_union(&env->arena, (struct flags){ b->side[s].untold.sys,
	    b->side[s].untold.kw != NULL ? b->side[s].untold.kw : "" }, flags_dup(&env->arena, news));
	return set_refused(env, b, s, flags_union(&env->arena, refused, news), e);
}

void
kept_tell(struct env *env)
{
	struct run_box *b;
	size_t i;
	int s;

	for (i = 0; i < env->boxes.n; i++)
		for (s = 0; s < SIDES; s++) {
			b = &env->boxes.at[i];
			if (b->side[s].untold.kw == NULL)
				continue;
			report_note(env, NOTE_WARNING, b->name, arena_printf(&env->arena, "%s (%s) does not take %s: left off there, kept on "
			    "the other side, and not tried again; %s does so", env->set->store[s]->name, side_name((enum side)s),
			    words_of(&env->arena, b->side[s].untold), env_hint_option(env, "--retry-failed", NULL)));
			b->side[s].untold = (struct flags){ 0 };
		}
}

int
kept_changed(struct env *env, struct run_box *b, enum side s, const struct flag_item *item, struct err *e)
{
	struct box_side *bs = &b->rec.side[s];
	struct run_side *rs = &b->side[s];
	struct flags unkept = item->unkept;
	uint32_t news = item->ignored & ~bs->doubted, made = bs->doubted & item->flags.sys & item->add.sys;

	if (unkept.kw == NULL)
		unkept.kw = "";
	/* Known to be ignored before this run: learnt. */
	unkept.sys &= ~(item->ignored & (news | rs->ignored));
	if (news != 0)
		report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena, "%s (%s) said OK to a change of %s and did not make it: "
		    "tried again in the next run", env->set->store[s]->name, side_name(s), words_of(&env->arena, (struct flags){ news, "" })));
	rs->ignored |= news;
	if (news != 0 || made != 0) {
		bs->doubted = (bs->doubted | news) & ~made;
		if (box_put(env->state, &b->rec, e) < 0)
			return -1;
	}
	return kept_learn(env, b, s, unkept, e);
}

void
kept_undated(struct env *env, struct run_box *b, enum side s)
{
	report_note(env, NOTE_WARNING, b->name, arena_printf(&env->arena, "%s (%s) did not take the arrival date of a message, which "
	    "has another one there", env->set->store[s]->name, side_name(s)));
}
