/* What may be beyond the window of the other side (R21 guards, sync/plan/window.h): its server shows the newest messages only, and nothing is
 * known of the mailbox, for the state was lost, or this is the first run. What lies on the one side without a twin may be there all
 * the same, not shown. It is not sent: it would be there twice, the old mail as the newest.
 *
 * Held is what has no twin when the mailbox is first compared, where the window is full, but for what came later than all that
 * has one. That is told by the keys: UIDs, or the times that names of files begin with.
 *
 * It stays new mail without a twin (BASIS_BEYOND), and finds it by what it is once it is shown. It is sent once the window is not full, or
 * "Window no" says that there is none. What a person puts or moves there after that run is new, and sent.
 */
#include "sync/match/match_inside.h"

#include "state/base/log.h"

bool *
beyond_begin(const struct env *env)
{
	bool *is_first = mem_alloc(env->boxes.n + 1);
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		is_first[i] = env->boxes.at[i].rec.side[FAR].is_blank || env->boxes.at[i].rec.side[NEAR].is_blank;
	return is_first;
}

/* When the file was made, in seconds, as its name says; 0 = it does not. */
static uint64_t
name_time(struct key key)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < key.len && i < 12 && key.data[i] >= '0' && key.data[i] <= '9'; i++)
		n = 10 * n + (uint64_t)(key.data[i] - '0');
	return i >= 9 && i < key.len && key.data[i] == '.' ? n : 0;
}

static bool
is_later(const struct env *env, enum side s, struct key a, struct key b)
{
	if (env->set->store[s]->ops->has_uid_keys)
		return key_cmp(a, b) > 0;
	return name_time(b) != 0 && name_time(a) > name_time(b);
}

/* The last message on side t of a mailbox that has a twin, or just found one. KEY_NONE: there is none. */
static int
find_last(struct env *env, const struct matching *in, uint32_t box, enum side t, struct arena *a, struct key *last_r, struct err *e)
{
	const struct record *rec;
	struct record pair;
	struct arena one = { 0 };
	uint64_t after = 0;
	size_t i;
	int got;

	*last_r = KEY_NONE;
	for (i = 0; i < in->links.n; i++) {
		rec = in->messages.at[t == FAR ? in->links.at[i].a : in->links.at[i].b].rec;
		if (in->links.at[i].kind == LINK_TWIN && rec->box == env->boxes.at[box].rec.id &&
		    (last_r->len == 0 || is_later(env, t, rec->half[t].key, *last_r)))
			*last_r = rec->half[t].key;
	}
	while ((got = message_next(env->state, &one, env->boxes.at[box].rec.id, after, &pair, e)) > 0) {
		after = pair.id;
		if (pair.half[FAR].presence == PRESENCE_HERE && pair.half[NEAR].presence == PRESENCE_HERE &&
		    (last_r->len == 0 || is_later(env, t, pair.half[t].key, *last_r)))
			*last_r = key_dup(a, pair.half[t].key);
		arena_release(&one);
	}
	arena_release(&one);
	return got;
}

static bool
is_full(const struct env *env, uint32_t box, enum side s)
{
	const struct window *w = &env->set->policy.window[s];

	return w->kind == WINDOW_SIZE && env->boxes.at[box].rec.side[s].here >= window_full(w->n);
}

static void
tell(struct env *env, uint32_t box, enum side s, size_t n)
{
	enum side t = side_other(s);

	report_note(env, NOTE_WARNING, env->boxes.at[box].name, arena_printf(&env->arena, "%zu %s on %s without a twin on %s, which shows "
	    "its newest %llu only: %s taken to be there all the same, and not sent. What is not there is sent once it has been moved to "
	    "another mailbox and back", n, n == 1 ? "message is" : "messages are", side_name(t), side_name(s),
	    (unsigned long long)env->set->policy.window[s].n, n == 1 ? "it is" : "they are"));
}

/* What is beyond s, of one mailbox. */
static int
hold_side(struct env *env, struct matching *in, const bool *is_linked, uint32_t box, enum side s, struct arena *a, struct err *e)
{
	const struct run_box *b = &env->boxes.at[box];
	enum side t = side_other(s);
	struct flag_mask masks[SIDES];
	struct key last = KEY_NONE;
	struct record *rec;
	size_t i, n = 0;

	if (find_last(env, in, box, t, a, &last, e) < 0)
		return -1;
	box_masks(b, masks);
	for (i = 0; i < in->messages.n; i++) {
		rec = in->messages.at[i].rec;
		if (in->messages.at[i].box != box || is_linked[i] || !record_is_single(rec, t) || rec->mark != MARK_NEW ||
		    (rec->half[t].flags.sys & FLAG_DELETED) || (last.len != 0 && is_later(env, t, rec->half[t].key, last)))
			continue;
		rec->half[s].basis = BASIS_BEYOND;
		if (message_put(env->state, rec, masks, e) < 0)
			return -1;
		n++;
	}
	if (n > 0)
		tell(env, box, s, n);
	return 0;
}

int
beyond_hold(struct env *env, struct matching *in, const bool *is_first, struct arena *a, struct err *e)
{
	bool *is_linked = NULL;
	uint32_t box;
	int s, status = 0;

	for (box = 0; box < env->boxes.n && status == 0; box++)
		for (s = 0; s < SIDES && status == 0; s++) {
			if (!is_first[box] || env->boxes.at[box].is_excluded || env->boxes.at[box].rec.id == 0 || !is_full(env, box, (enum side)s))
				continue;
			if (is_linked == NULL)
				is_linked = matching_linked(in, 0);
			status = hold_side(env, in, is_linked, box, (enum side)s, a, e);
		}
	free(is_linked);
	return status;
}
