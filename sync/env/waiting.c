/* Mail that waits for another run: reported once for each reason, with how much of it there is.
 *
 * A store that is full, over its quota, or asks for patience refuses every message alike. The stores count such refusals: after a few of
 * them nothing more is copied to that mailbox in this run, and after a few such mailboxes nothing to that side. What was refused waits, and
 * so does what was not tried any more.
 */
#include "sync/env/env.h"

enum { NAMED_MOST = 3, STOPPED_MOST = 3 };

bool
waiting_is_such(const struct err *why)
{
	return why->class == ERR_TEMPORARY && why->text[0] != '\0';
}

void
waiting_stop(struct env *env, uint32_t box, enum side s, const struct err *why)
{
	struct run_side *rs = &env->boxes.at[box].side[s];

	if (env->stop[s].is_stopped || rs->stopped != NULL)
		return;
	rs->stopped = arena_alloc(&env->arena, sizeof *rs->stopped);
	*rs->stopped = *why;
	/* A disk is full for all mailboxes; a server is asked in a few. */
	if (!env->set->store[s]->ops->is_local && ++env->stop[s].boxes < STOPPED_MOST)
		return;
	env->stop[s].is_stopped = true;
	env->stop[s].why = *why;
}

bool
waiting_is_stopped(const struct env *env, uint32_t box, enum side s)
{
	return env->stop[s].is_stopped || env->boxes.at[box].side[s].stopped != NULL;
}

/* The reason is that of the store where it names the mailbox in passing: "account: INBOX: it is full". */
static const char *
store_reason(struct env *env, uint32_t box, const char *text)
{
	const struct run_box *b = &env->boxes.at[box];
	const char *name, *at;
	int s;

	for (s = 0; s < SIDES; s++) {
		name = b->side[s].on != NULL ? arena_printf(&env->arena, ": %s: ", b->side[s].on) : NULL;
		at = name != NULL ? strstr(text, name) : NULL;
		if (at != NULL)
			return arena_printf(&env->arena, "%.*s: %s", (int)(at - text), text, at + strlen(name));
	}
	return text;
}

void
waiting_add(struct env *env, uint32_t box, enum side s, uint64_t id, const struct err *why)
{
	waiting_add_work(env, WAITING_COPY, box, s, id, why);
}

void
waiting_add_work(struct env *env, enum waiting_work work, uint32_t box, enum side s, uint64_t id, const struct err *why)
{
	const char *reason = store_reason(env, box, why->text);
	struct run_waiting *w;
	size_t i;

	for (i = 0; i < env->waiting.n; i++) {
		w = &env->waiting.at[i];
		if (w->work == work && w->side == s && w->class == why->class && strcmp(w->why, reason) == 0)
			break;
	}
	if (i == env->waiting.n)
		vec_push(&env->waiting, (struct run_waiting){ .work = work, .side = s, .class = why->class,
		    .first = box, .why = arena_strdup(&env->arena, reason) });
	w = &env->waiting.at[i];
	w->is_of_many |= w->first != box;
	if (w->n < NAMED_MOST) {
		w->box[w->n] = box;
		w->id[w->n] = id;
	}
	w->n++;
}

void
waiting_add_stopped(struct env *env, uint32_t box, enum side s, uint64_t id)
{
	const struct err *why = env->boxes.at[box].side[s].stopped;

	waiting_add(env, box, s, id, why != NULL ? why : &env->stop[s].why);
}

/* " (UID 4, "hello")", for few. */
static int
add_names(struct env *env, const struct run_waiting *w, struct buf *out, struct err *e)
{
	enum side from = w->work == WAITING_COPY ? side_other(w->side) : w->side;
	struct message_words words;
	struct arena a = { 0 };
	struct record rec;
	size_t i;
	int got;

	for (i = 0; i < w->n; i++) {
		got = message_get(env->state, &a, env->boxes.at[w->box[i]].rec.id, w->id[i], &rec, e);
		if (got < 0) {
			arena_release(&a);
			return -1;
		}
		if (got == 0 || rec.half[from].presence != PRESENCE_HERE)
			continue;
		words = culprit_words(env, &env->boxes.at[w->box[i]], &rec, from, true);
		buf_printf(out, "%s%s", i == 0 ? " (" : "; ", store_words_text(&a, &words));
	}
	arena_release(&a);
	if (out->len > 0)
		buf_adds(out, ")");
	return 0;
}

const char *
waiting_digits(struct arena *a, uint64_t n)
{
	return n < 1000 ? arena_printf(a, "%llu", (unsigned long long)n) :
	    arena_printf(a, "%s,%03u", waiting_digits(a, n / 1000), (unsigned)(n % 1000));
}

int
waiting_tell(struct env *env, struct err *e)
{
	static const char *const works[] = { [WAITING_COPY] = "copied", [WAITING_CHANGE] = "changed", [WAITING_EXPUNGE] = "expunged",
		[WAITING_MOVE] = "moved" };
	const struct run_waiting *w;
	struct buf names = { 0 };
	struct err told;
	size_t i;

	for (i = 0; i < env->waiting.n; i++) {
		w = &env->waiting.at[i];
		buf_clear(&names);
		if (w->n <= NAMED_MOST && add_names(env, w, &names, e) < 0) {
			buf_release(&names);
			return -1;
		}
		if (w->class == ERR_TEMPORARY)
			err_class(&told, ERR_BOX, w->class, ERR_LATER, "%s %s%s: %s; the next run goes on",
			    waiting_digits(&env->arena, w->n), w->n == 1 ? "message waits" : "messages wait", buf_str(&names), w->why);
		else
			err_class(&told, ERR_BOX, w->class, ERR_LATER, "%s %s could not be %s%s: %s", waiting_digits(&env->arena, w->n),
			    w->n == 1 ? "message" : "messages", works[w->work], buf_str(&names), w->why);
		report_err(env, w->is_of_many ? NULL : env->boxes.at[w->first].name, &told);
	}
	env->waiting.n = 0;
	buf_release(&names);
	return 0;
}
