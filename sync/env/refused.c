/* Messages that a server refuses without a code that says why.
 *
 * Such an answer may be about the message (odd headers, a virus scanner) or about the server's day, so the message is tried again in each
 * run. If the server takes other messages in the same run, that speaks against this one. After three such runs it is marked as refused for
 * good, and --retry-failed brings it back. A server that takes nothing at all, or is full, makes no message count.
 */
#include "sync/env/env.h"

bool
refused_once_more(struct record *rec, const char *why)
{
	if (++rec->refusals < REFUSED_RUNS)
		return false;
	rec->mark = MARK_FAILED;
	rec->why = why;
	rec->refusals = 0;
	return true;
}

void
refused_note(struct env *env, const struct record *rec, enum side s, const struct err *why)
{
	vec_push(&env->refused, (struct run_refused){ rec->box, rec->id, s, arena_strdup(&env->arena, why->text) });
}

static void
tell_given_up(struct env *env, const struct run_box *b, const struct record *rec, const char *why)
{
	const struct message_words words = culprit_words(env, b, rec, record_side(rec), true);

	report_note(env, NOTE_WARNING, b->name, arena_printf(&env->arena, "a message (%s) was refused in %d runs that took others, and is not "
	    "tried again; %s does so: %s", store_words_text(&env->arena, &words), REFUSED_RUNS, env_hint_option(env, "--retry-failed", NULL), why));
}

static int
count_one(struct env *env, const struct run_refused *f, struct err *e)
{
	struct run_box *b = env_box_by_id(env, f->box);
	struct flag_mask masks[SIDES];
	struct record rec;
	int got;

	if (b == NULL || env->report->side[f->side].added == 0)
		return 0;
	got = message_get(env->state, &env->arena, f->box, f->id, &rec, e);
	if (got <= 0 || record_is_pair(&rec) || rec.mark != MARK_NEW)
		return got < 0 ? -1 : 0;
	if (refused_once_more(&rec, f->text))
		tell_given_up(env, b, &rec, f->text);
	return message_put(env->state, &rec, box_masks(b, masks), e);
}

int
refused_count(struct env *env, struct err *e)
{
	size_t i;

	for (i = 0; i < env->refused.n; i++)
		if (count_one(env, &env->refused.at[i], e) < 0)
			return -1;
	return 0;
}

/* The file, or UID, of a message, and its subject where that costs no talk. */
static void
add_name(struct env *env, const struct run_box *b, const struct record *rec, struct buf *out)
{
	enum side s = record_side(rec);
	struct message_words words = culprit_words(env, b, rec, s, env->set->store[s]->ops->is_local);

	buf_printf(out, "%s%s", out->len > 0 ? "; " : "", store_words_text(&env->arena, &words));
}

static int
tell_box(struct env *env, struct run_box *b, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	enum { NAMED_MOST = 20 };
	uint64_t after = 0, n = 0;
	struct buf names = { 0 };
	char *why = NULL;
	int got;

	while ((got = message_next(env->state, &a, b->rec.id, after, &rec, e)) > 0) {
		after = rec.id;
		if (rec.mark == MARK_FAILED && n < NAMED_MOST)
			add_name(env, b, &rec, &names);
		if (rec.mark == MARK_FAILED && n++ == 0 && *rec.why != '\0')
			why = mem_strdup(rec.why);
		if (after % 256 == 0)
			arena_release(&a);
	}
	arena_release(&a);
	env->report->refused += n;
	if (n != 0)
		report_note(env, NOTE_WARNING, b->name, arena_printf(&env->arena, "%llu %s refused earlier (%s%s)%s%s; "
		    "%s tries again", (unsigned long long)n, n == 1 ? "message was" : "messages were", buf_str(&names),
		    n > NAMED_MOST ? "; ..." : "", why != NULL ? ", for one " : "",
		    why != NULL ? why : "", env_hint_option(env, "--retry-failed", NULL)));
	free(why);
	buf_release(&names);
	return got;
}

int
refused_tell(struct env *env, struct err *e)
{
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (!env->boxes.at[i].is_excluded && env->boxes.at[i].rec.id != 0 && tell_box(env, &env->boxes.at[i], e) < 0)
			return -1;
	return 0;
}
