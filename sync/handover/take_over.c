/* The mailboxes of a channel that are taken over from mbsync, and those that it still works on.
 *
 * All of mbsync's files are looked at before anything is recorded: one that cannot be taken over holds the channel, lest what was moved
 * between its mailboxes and others be copied and deleted. Each mailbox is then recorded under mbsync's lock, in a transaction.
 */
#include "sync/handover/handover.h"

#include "sync/mbsync/lock.h"

/* In the base's memory, once the files of all mailboxes are remembered. */
static const char watched[] = "mbsync";

struct take_over {
	VEC(uint32_t) boxes;		/* to be taken over: indexes of env.boxes */
	struct err held;		/* the last thing that holds the channel; text "" = nothing does */
	struct handover_counts counts;
	bool was_watched;
};

/* The channel is held for this; the last reason becomes its error. */
static void
hold(struct env *env, struct take_over *t, const char *box, const char *text)
{
	if (*t->held.text != '\0')
		report_note(env, NOTE_ERROR, NULL, arena_strdup(&env->arena, t->held.text));
	err_class(&t->held, ERR_STORE, ERR_FAILED, ERR_NEVER, "held: %s: %s", box, text);
}

static const char *
adopt_words(struct env *env)
{
	return arena_printf(&env->arena, "%s pairs equal messages without it (what was deleted on one side meanwhile "
	    "comes back from the other)", env_hint_option(env, "--adopt", NULL));
}

static void
hold_running(struct env *env, struct take_over *t, const char *box, const struct handover_file *f)
{
	hold(env, t, box, arena_printf(&env->arena, "mbsync still runs here: its state %s was %s since this channel was taken over, and two "
	    "programs that follow each other's changes may undo them. Take mbsync out of cron or your mail program, then say once "
	    "%s, which goes on from what mailtwin knows", f->path, f->is_remembered ? "changed" : "made",
	    env_hint_option(env, "--adopt", NULL)));
}

/* A mailbox that the base knows. */
static int
judge_known(struct env *env, struct take_over *t, const struct run_box *b, const struct handover_file *f, struct err *e)
{
	bool is_new = !f->is_remembered && t->was_watched;

	if ((f->has_changed || is_new) && !env->set->is_adopting) {
		hold_running(env, t, b->name, f);
		return 0;
	}
	return handover_remember(env, f, e);
}

/* One that it does not. */
static int
judge_new(struct env *env, struct take_over *t, const struct run_box *b, const struct handover_file *f, struct err *e)
{
	struct mbsync_state state;
	struct err why;

	/* It was taken over once, and forgotten since with its mailbox. */
	if (f->is_remembered && !f->has_changed)
		return 0;
	if (env->set->is_adopting)
		return handover_remember(env, f, e);
	if (handover_read(f->path, &state, &why) < 0)
		hold(env, t, b->name, arena_printf(&env->arena, "%s. This state of mbsync is damaged, or none of its: run mbsync once more, "
		    "which may put it in order; or %s", why.text, adopt_words(env)));
	else
		vec_push(&t->boxes, (uint32_t)(b - env->boxes.at));
	mbsync_state_release(&state);
	return 0;
}

static int
judge(struct env *env, struct take_over *t, const struct run_box *b, struct err *e)
{
	struct handover_file f;
	struct err why;

	if (b->is_excluded)
		return 0;
	if (handover_look(env, b, &f, &why) < 0) {
		hold(env, t, b->name, why.text);
		return 0;
	}
	if (f.path == NULL)
		return 0;
	if (f.is_unfinished) {
		if (!env->set->is_adopting)
			hold(env, t, b->name, arena_printf(&env->arena, "mbsync was stopped in the middle of its work (%s.journal): run mbsync "
			    "once more, so that it ends that; or %s", f.path, adopt_words(env)));
		return 0;
	}
	return b->rec.id != 0 ? judge_known(env, t, b, &f, e) : judge_new(env, t, b, &f, e);
}

/* Nothing is concluded from a mailbox that is not there on a side: mbsync stops at it as well. */
static void
exclude(struct env *env, struct run_box *b, const char *text)
{
	b->is_excluded = true;
	env->report->held++;
	report_note(env, NOTE_ERROR, b->name, text);
}

static int
record(struct env *env, struct take_over *t, struct run_box *b, const struct handover_file *f, struct err *e)
{
	struct mbsync_state state;
	const char *why = NULL;
	struct err held;
	int s, got = handover_read(f->path, &state, e) < 0 ? -1 : 1;

	for (s = 0; s < SIDES && got > 0; s++)
		if (b->side[s].listed == NULL && state.entries.n != 0) {
			exclude(env, b, arena_printf(&env->arena, "held: not there on the %s side, and mbsync knew %zu messages of it (%s): "
			    "put it back; or %s", side_name((enum side)s), state.entries.n, f->path, adopt_words(env)));
			got = 0;
		} else if (b->side[s].listed == NULL) {
			got = 0;
		}
	if (got > 0) {
		got = handover_records(env, b, &state, &t->counts, &why, &held);
		if (got < 0 && held.scope == ERR_BOX && held.class != ERR_CANCELLED) {
			exclude(env, b, arena_printf(&env->arena, "held: %s; or %s", held.text, adopt_words(env)));
			got = 0;
		} else if (got < 0) {
			*e = held;
		} else if (got == 0) {
			report_note(env, NOTE_WARNING, b->name, arena_printf(&env->arena, "not taken over from mbsync: %s. Equal messages are "
			    "paired by what they are; what was deleted on one side meanwhile comes back from the other", why));
		}
		if (got >= 0 && !b->is_excluded && handover_remember(env, f, e) < 0)
			got = -1;
	}
	mbsync_state_release(&state);
	return got < 0 ? -1 : 0;
}

/* Under its lock, which is held until all is written down. */
static int
take(struct env *env, struct take_over *t, struct run_box *b, struct err *e)
{
	struct mbsync_lock lock;
	struct handover_file f;
	int status = -1;

	if (handover_look(env, b, &f, e) < 0 || f.path == NULL)
		return f.path == NULL ? 0 : -1;
	if (mbsync_lock_take(f.path, env->set->is_dry, &lock, e) < 0)
		return err_context(e, "%s", b->name);
	if (handover_look(env, b, &f, e) < 0)
		goto done;
	if (f.path == NULL || f.is_unfinished) {
		err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s: mbsync has begun to work on it meanwhile", b->name);
		goto done;
	}
	if (record(env, t, b, &f, e) == 0 && state_commit(env->state, e) == 0 && state_begin(env->state, e) == 0)
		status = 0;
done:
	mbsync_lock_release(&lock);
	return status;
}

static void
add_number(struct env *env, struct buf *out, uint64_t n, const char *what)
{
	if (n != 0)
		buf_printf(out, "%s%s %s", out->len != 0 ? ", " : "", waiting_digits(&env->arena, n), what);
}

static void
tell(struct env *env, const struct handover_counts *c)
{
	struct buf out = { 0 };

	if (c->boxes != 0) {
		add_number(env, &out, c->pairs, c->pairs == 1 ? "pair" : "pairs");
		add_number(env, &out, c->placeholders, "of them with a placeholder");
		add_number(env, &out, c->expired, "expired");
		add_number(env, &out, c->orphans, "whose twin was deleted");
		add_number(env, &out, c->left_alone, "left alone");
		report_note(env, NOTE_INFO, NULL, arena_printf(&env->arena, "taken over from mbsync: %s mailbox%s, %s; its files stay as they "
		    "are", waiting_digits(&env->arena, c->boxes), c->boxes == 1 ? "" : "es", out.len != 0 ? buf_str(&out) : "empty"));
	} else if (env->set->purpose == CHANNEL_IMPORT) {
		report_note(env, NOTE_INFO, NULL, "there is nothing to take over from mbsync");
	}
	buf_release(&out);
	env->report->paired += c->pairs;
	env->passed += c->left_alone;
}

int
handover_take(struct env *env, struct err *e)
{
	struct take_over t = { 0 };
	const char *mark = NULL;
	size_t i;
	int s, status = 0;

	if (env->set->mbsync.where == MBSYNC_NOWHERE)
		return 0;
	if (memory_get(env->state, &env->arena, watched, &mark, e) < 0)
		return -1;
	t.was_watched = mark != NULL;
	for (i = 0; i < env->boxes.n && status == 0; i++)
		status = judge(env, &t, &env->boxes.at[i], e);
	if (status == 0 && *t.held.text != '\0') {
		*e = t.held;
		status = -1;
	}
	for (i = 0; i < t.boxes.n && status == 0; i++)
		status = take(env, &t, &env->boxes.at[t.boxes.at[i]], e);
	vec_release(&t.boxes);
	if (status < 0)
		return -1;
	/* What is new beside it was not filed elsewhere where nobody knows. */
	for (s = 0; s < SIDES && t.counts.boxes != 0; s++)
		env->boxes_state->is_blank[s] = false;
	tell(env, &t.counts);
	return memory_put(env->state, watched, "watched", e);
}
