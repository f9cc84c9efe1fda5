/* A store that is another one than in the last run, and does not have what was known (R7 another store, R21 guards): a disk that is not
 * mounted, another account, or a person who deleted all mail to start over. Nothing is done for what is missing until a person says which of
 * these it is. The question is asked once, not for each mailbox.
 *
 *   missing_check_fingerprint   finds that it is another one, and by what
 *   replaced_hold               a mailbox that is missing or empty for that (missing.c, record_changes.c)
 *   replaced_tell               reports it, once all deltas are there
 */
#include "sync/boxes/boxes.h"


void
replaced_hold(struct env *env, struct run_box *b, enum side s)
{
	sight_worsen(&b->side[s], SIGHT_FAILED);
	b->side[s].is_lost_with_store = true;
	env->boxes_state->held += b->rec.side[s].here;
}

bool
replaced_is_held(const struct env *env, enum side s)
{
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (env->boxes.at[i].side[s].is_lost_with_store)
			return true;
	return false;
}

struct loss {
	size_t boxes;
	uint64_t messages;		/* known there */
	uint64_t elsewhere;		/* of these mailboxes, on the other side */
	uint64_t at_stake;		/* would be deleted there by --allow-delete */
	uint64_t kept;			/* known in mailboxes that are not missing */
	bool is_marked;			/* ... or marked \Deleted only */
};

/* What --allow-delete would do to a mailbox of the other side t (P4, P8). */
static uint64_t
at_stake(const struct env *env, const struct run_box *b, enum side s)
{
	const struct policy *p = &env->set->policy;
	enum side t = side_other(s);

	if (p->read_only[t] || env->set->store[t]->read_only || b->side[t].listed == NULL || sight_has_failed(&b->side[t]))
		return 0;
	if (b->side[s].listed == NULL && p->remove[t] && strcmp(b->name, "INBOX") != 0)
		return b->rec.side[t].here;
	/* The mailbox stays, and is made again where it is missing. */
	if (b->side[s].listed == NULL && ((strcmp(b->name, "INBOX") != 0 && !p->create[s]) || p->read_only[s] ||
	    !(p->sync[s] & SYNC_NEW)))
		return 0;
	return p->sync[t] & SYNC_GONE ? b->rec.side[t].here : 0;
}

static struct loss
count_loss(const struct env *env, enum side s)
{
	struct loss l = { 0 };
	const struct run_box *b;
	size_t i;

	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (!b->side[s].is_lost_with_store) {
			l.kept += b->rec.id != 0 && b->rec.side[s].is_known ? b->rec.side[s].here : 0;
			continue;
		}
		l.boxes++;
		l.messages += b->rec.side[s].here;
		if (!b->side[side_other(s)].is_lost_with_store)
			l.elsewhere += b->rec.side[side_other(s)].here;
		l.at_stake += at_stake(env, b, s);
		l.is_marked |= !policy_expunges_single(&env->set->policy, side_other(s)) && (b->side[s].listed != NULL ||
		    !env->set->policy.remove[side_other(s)] || strcmp(b->name, "INBOX") == 0);
	}
	return l;
}

/* "near", or "the server" where it is one. */
static const char *
place(struct env *env, enum side s)
{
	if (env->set->store[s]->ops->is_local)
		return side_name(s);
	return env->set->store[side_other(s)]->ops->is_local ? "the server" : arena_printf(&env->arena,
	    "the server (%s)", side_name(s));
}

static const char *
plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

static void
tell_side(struct env *env, enum side s)
{
	const struct loss l = count_loss(env, s);
	struct arena *a = &env->arena;
	const char *what, *ways;
	enum side t = side_other(s);

	if (l.boxes == 0) {
		if (env->boxes_state->replaced[s] != NULL)
			report_note(env, NOTE_WARNING, NULL, env->boxes_state->replaced[s]);
		return;
	}
	what = arena_printf(a, "held: the %s store is %s, where %llu %s in %zu %s known: nothing is copied or deleted for them",
	    side_name(s), l.kept == 0 ? "new and empty" : "another one than in the last run and has not all that was known",
	    (unsigned long long)l.messages, plural(l.messages, "message", "messages"), l.boxes,
	    plural(l.boxes, "mailbox was", "mailboxes were"));
	if (env->set->policy.read_only[s] || env->set->store[s]->read_only)
		ways = "";
	else if (l.elsewhere > 0)
		ways = arena_printf(a, ". To have them copied back from %s:  %s", place(env, t), env_hint_option(env, "--restore", "*"));
	else
		ways = arena_printf(a, ". %s has none of them either: there is nothing to copy back, and %s only makes the "
		    "mailboxes again", t == FAR ? "Far" : "Near", env_hint_option(env, "--restore", "*"));
	if (l.at_stake > 0)
		ways = arena_printf(a, "%s. If they are to go on the other side, too: --allow-delete '*' in its place would %s %llu %s "
		    "%s %s", ways, l.is_marked ? "delete, or mark as deleted," : "delete", (unsigned long long)l.at_stake,
		    plural(l.at_stake, "message", "messages"), "on", place(env, t));
	report_note(env, NOTE_ERROR, NULL, arena_printf(a, "%s%s", what, ways));
}

void
replaced_tell(struct env *env)
{
	int s;

	for (s = 0; s < SIDES; s++)
		tell_side(env, (enum side)s);
}
