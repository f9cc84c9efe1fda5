/* Mailboxes and whole stores that are not what the base knows: gone, or another one under the same name.
 *
 * Must hold: a mailbox counts as gone only if the list was complete and the store itself denies the name, or refused without a reason in
 * two runs (R6 gone if denied). A changed store is never a reason to call anything gone (R7 another store).
 */
#include "sync/boxes/boxes.h"


/* R7: another store than last time. Every cursor of that side is made one that cannot match, which
 * makes each mailbox go through adoption, or be forgotten on that side where it is missing (check_foreign).
 * A store without a mark where one is known is another one too: a dry run makes none. */
int
missing_check_fingerprint(struct env *env, enum side s, struct err *e)
{
	const char *name = s == FAR ? "fingerprint.far" : "fingerprint.near";
	const char *is = env->boxes_state->listing[s].fingerprint, *was = NULL;
	struct box_record *all;
	size_t n, i;

	if (is == NULL)
		is = "";
	if (memory_get(env->state, &env->arena, name, &was, e) < 0)
		return -1;
	if (strcmp(was != NULL ? was : "", is) == 0)
		return 0;
	if (was != NULL) {
		env->boxes_state->replaced[s] = arena_printf(&env->arena,
		    "the %s store is not the one of the last run (%s, was %s): equal messages are paired anew, "
		    "nothing is deleted for what is missing there", side_name(s), *is != '\0' ? is : "without a mark",
		    *was != '\0' ? was : "without a mark");
		if (box_all(env->state, &env->arena, &all, &n, e) < 0)
			return -1;
		for (i = 0; i < n; i++) {
			if (all[i].side[s].cursor.epoch == 0 && all[i].side[s].identity == IDENTITY_KEPT)
				continue;
			all[i].side[s].cursor = (struct cursor){ 0 };
			all[i].side[s].identity = IDENTITY_FOREIGN;
			all[i].side[s].is_blank = true;
			if (box_put(env->state, &all[i], e) < 0)
				return -1;
		}
	}
	return memory_put(env->state, name, is, e);
}

/* What is damaged or out of sight was not removed by anybody: it waits, unless a person says what is to become of it. But such a
 * directory is also what is left of a removal of ours that broke off, or of one that we had begun to make again (P8). */
static void
judge_away(struct env *env, struct run_box *b, enum side s)
{
	if (b->side[s].away == NULL)
		return;
	if ((b->side[side_other(s)].is_gone && b->rec.side[s].is_leaving) || b->rec.side[s].identity == IDENTITY_REVIVED) {
		b->side[s].is_gone = true;
		return;
	}
	if (b->rec.side[s].identity == IDENTITY_FOREIGN) {
		replaced_hold(env, b, s);
		return;
	}
	sight_worsen(&b->side[s], SIGHT_FAILED);
	env->boxes_state->held += b->rec.side[s].here;
	report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena, "held: on the %s side %s; nothing is removed for that, and all "
	    "goes on once it is back (%llu messages known). %s makes it anew from the other side, %s "
	    "carries its removal over", side_name(s), b->side[s].away, (unsigned long long)b->rec.side[s].here, env_hint_option(env, "--restore", b->name), env_hint_option(env, "--allow-delete", b->name)));
}

/* INBOX is listed even where nobody saw it. */
static int
check_assumed(struct env *env, struct run_box *b, enum side s, struct err *e)
{
	struct err why;
	int answer;

	if (b->restore || b->allow_delete)
		return 0;
	answer = presence_ask(env, s, b->side[s].on, b->rec.side[s].above, &why, e);
	if (answer == MAILBOX_AWAY)
		b->side[s].away = arena_strdup(&env->arena, why.text);
	return answer == -2 ? -1 : 0;
}

/* R6: asks the store about a mailbox it did not list though the base knows it. */
static int
check_gone(struct env *env, struct run_box *b, enum side s, struct err *e)
{
	struct box_side *bs = &b->rec.side[s];
	bool has_name = *bs->now != '\0', is_news;
	/* The name it was to have there may be another's; and what has nothing there but a name has not even that (R12). */
	const char *full = has_name ? arena_printf(&env->arena, "%s%s", env->set->box[s], bs->now) : b->side[s].on;
	const struct box_record *owner = bs->is_apart ? renames_owner(env, s, full) : NULL;
	const char *intended;
	struct err why;
	int answer = owner != NULL && owner->id != b->rec.id ? MAILBOX_ABSENT : presence_ask(env, s, full, bs->above, &why, e);

	/* It may have the name by now that it was to get when the answer was lost. What is listed has been looked at (renames.c). */
	if (answer == MAILBOX_ABSENT && renames_intended(env, b->rec.id, s, &intended, e) < 0)
		return -1;
	if (answer == MAILBOX_ABSENT && intended != NULL && listing_find(&env->boxes_state->listing[s], intended) == NULL)
		answer = presence_ask(env, s, intended, bs->above, &why, e);
	if (answer == -2)
		return -1;
	/* Restored, it is made anew around what is left of it. */
	if (answer == MAILBOX_AWAY && b->restore) {
		b->side[s].listed = arena_alloc(&env->arena, sizeof *b->side[s].listed);
		*b->side[s].listed = (struct mailbox){ .name = b->side[s].on, .id = "", .is_assumed = true };
		return 0;
	}
	if (answer == MAILBOX_AWAY && b->allow_delete)
		answer = MAILBOX_ABSENT;
	if (answer == MAILBOX_AWAY) {
		b->side[s].away = arena_strdup(&env->arena, why.text);
		return 0;
	}
	if (answer == MAILBOX_ABSENT) {
		b->side[s].is_gone = true;
	} else if (answer == MAILBOX_NOT_KNOWN) {
		b->side[s].is_gone = bs->missing_runs >= MISSING_RUNS;
		if (!b->side[s].is_gone)
			report_note(env, NOTE_LATER, b->name, arena_printf(&env->arena,
			    "not listed on the %s side, and the server does not say that it is gone (%s); "
			    "waiting for the next run", side_name(s), why.text));
	} else if (answer == MAILBOX_REFUSED) {
		sight_worsen(&b->side[s], SIGHT_FAILED);
		env->report->failed++;
		report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena, "not listed on the %s side, and the server refuses to "
		    "say whether it is there: %s; left alone", side_name(s), why.text));
		return 0;
	} else {
		sight_worsen(&b->side[s], SIGHT_FAILED);
		env->report->failed++;
		report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena,
		    "not listed on the %s side, though the server says that it exists; left alone",
		    side_name(s)));
	}
	/* Counted no further than it matters, so that a mailbox missing for long does not make every run write. */
	is_news = bs->missing_runs < MISSING_RUNS || (has_name && b->side[s].is_gone);
	if (b->side[s].is_gone)
		bs->now = "";
	if (bs->missing_runs < MISSING_RUNS)
		bs->missing_runs++;
	return !is_news ? 0 : box_put(env->state, &b->rec, e);
}

static bool
is_foreign(const struct run_box *b, enum side s)
{
	return !b->is_excluded && b->side[s].listed == NULL && b->rec.id != 0 && b->rec.side[s].is_known &&
	    b->rec.side[s].identity == IDENTITY_FOREIGN && !b->allow_delete && !b->restore;
}

/* INBOX is listed though it is not there. */
static bool
is_assumed_foreign(const struct run_box *b, enum side s)
{
	return !b->is_excluded && b->side[s].listed != NULL && b->side[s].listed->is_assumed && b->rec.id != 0 &&
	    b->rec.side[s].is_known && b->rec.side[s].identity == IDENTITY_FOREIGN && !b->allow_delete && !b->restore;
}

/* R7: mailboxes that are missing because the store is another one were not removed by anybody. They are
 * forgotten on that side, and so made there again, unless so much is missing that the store may be an empty
 * directory where a disk should be (R21). */
static int
check_foreign(struct env *env, enum side s, struct err *e)
{
	struct run_box *b;
	uint64_t known = 0;
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (is_foreign(&env->boxes.at[i], s) || is_assumed_foreign(&env->boxes.at[i], s))
			known += env->boxes.at[i].rec.side[s].here;
	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (!is_foreign(b, s) && !is_assumed_foreign(b, s))
			continue;
		if (known >= GUARD_FLOOR) {
			replaced_hold(env, b, s);
			continue;
		}
		if (records_forget_side(env, b, s, e) < 0)
			return -1;
		b->rec.side[s].is_known = false;
		b->rec.side[s].missing_runs = 0;
		b->rec.side[s].listed = 0;
		b->rec.side[s].cursor = (struct cursor){ 0 };
		b->rec.side[s].identity = IDENTITY_KEPT;
		/* The counts are the base's own: what lost its half is unsettled now. */
		if (box_put(env->state, &b->rec, e) < 0 || box_get(env->state, &env->arena, b->rec.id, &b->rec, e) < 0)
			return -1;
	}
	return 0;
}

/* Whether the list of a side left out a mailbox that may be there. */
static bool
is_list_short(const struct env *env, enum side s)
{
	const struct run_box *b;
	size_t i;

	if (!env->boxes_state->listing[s].is_complete)
		return true;
	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (!b->is_excluded && b->side[s].listed == NULL && b->rec.id != 0 && b->rec.side[s].is_known && !b->side[s].is_gone &&
		    b->side[s].away == NULL && listing_find(&env->boxes_state->listing[s], b->side[s].on) == NULL)
			return true;
	}
	return false;
}

static bool
is_another(const struct cursor *known, const struct mailbox *m)
{
	return m->has_cursor && known->epoch != 0 && known->epoch != m->cursor.epoch;
}

/* Renames were not searched for: one that is gone may be m by now, and was removed by nobody. So it waits as well. */
static void
hold_renamed(struct env *env, enum side s, const struct mailbox *m)
{
	struct run_box *b;
	size_t i;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (!b->side[s].is_gone || !renames_may_be(env, s, &b->rec, m))
			continue;
		b->side[s].is_gone = false;
		report_note(env, NOTE_LATER, b->name, arena_printf(&env->arena, "gone from the %s side, or renamed to %s, where not all "
		    "that is known was listed; waiting for the next run", side_name(s), m->name));
	}
}

/* What is listed under a name for the first time, or is another mailbox than the one known by it, may have been renamed from
 * one that a short list does not show, or from the twin of such (R12): it waits. */
static void
check_replaced(struct env *env, enum side s, const bool is_short[SIDES])
{
	const struct mailbox *m;
	struct run_box *b;
	bool is_new;
	size_t i;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		m = b->side[s].listed;
		is_new = b->rec.id == 0 || !b->rec.side[s].is_known;
		if (b->is_excluded || m == NULL || (!is_new && !is_another(&b->rec.side[s].cursor, m)) ||
		    ((is_new || !is_short[s]) && !renames_may_be_any(env, s, m)))
			continue;
		sight_worsen(&b->side[s], SIGHT_FAILED);
		report_note(env, NOTE_LATER, b->name, arena_printf(&env->arena, "%s mailbox on the %s side now, where not all "
		    "that is known was listed; waiting for the next run", is_new ? "a new" : "another", side_name(s)));
		hold_renamed(env, s, m);
	}
}

int
missing_check(struct env *env, struct err *e)
{
	bool is_short[SIDES];
	struct run_box *b;
	size_t i;
	int s;

	for (s = 0; s < SIDES; s++)
		if (env->boxes_state->listing[s].is_complete && check_foreign(env, (enum side)s, e) < 0)
			return -1;
	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		for (s = 0; s < SIDES; s++) {
			if (b->side[s].listed != NULL && b->rec.side[s].missing_runs != 0) {
				b->rec.side[s].missing_runs = 0;
				if (b->rec.id != 0 && box_put(env->state, &b->rec, e) < 0)
					return -1;
			}
			if (b->is_excluded || b->rec.id == 0 || !b->rec.side[s].is_known || sight_has_failed(&b->side[s]))
				continue;
			if (b->side[s].listed != NULL && b->side[s].listed->is_assumed && check_assumed(env, b, (enum side)s, e) < 0)
				return -1;
			if (b->side[s].listed != NULL)
				continue;
			if (!env->boxes_state->listing[s].is_complete) {
				sight_worsen(&b->side[s], SIGHT_FAILED);
				report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena,
				    "not seen on the %s side, where not everything could be read; left alone",
				    side_name((enum side)s)));
			} else if (check_gone(env, b, (enum side)s, e) < 0) {
				return -1;
			}
		}
	}
	for (i = 0; i < env->boxes.n; i++)
		for (s = 0; s < SIDES; s++)
			judge_away(env, &env->boxes.at[i], (enum side)s);
	for (s = 0; s < SIDES; s++)
		is_short[s] = env->set->patterns.n > 0 && is_list_short(env, (enum side)s);
	for (s = 0; s < SIDES && (is_short[FAR] || is_short[NEAR]); s++)
		check_replaced(env, (enum side)s, is_short);
	return 0;
}
