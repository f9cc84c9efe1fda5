/* After a crash, waits until a server has taken in what the dead run had sent it.
 *
 * A killed run leaves APPENDs in the buffers of its connection, and the server goes on storing them. A run that searched for them at once
 * would not find them all, and would send them again (R11 recovery). So the mailboxes of intents without a key are watched until they
 * stand still for two seconds. Only a run after a crash pays for this.
 */
#include "sync/observe/observe.h"

#include <time.h>

#include "state/base/log.h"

enum { LOOK_EVERY_MS = 400, STILL_LOOKS = 5, LOOKS_MOST = 60, RECENT = 600 };

/* The mailboxes of one side that are watched. */
struct watched {
	VEC(struct mailbox) boxes;
	VEC(uint32_t) index;		/* of env.boxes */
	VEC(struct cursor) was;
};

static void
watch(struct env *env, enum side s, struct watched *q, uint32_t box)
{
	struct run_box *b = env_box_by_id(env, box);
	uint32_t index;
	size_t i;

	if (b == NULL || b->is_excluded || b->side[s].listed == NULL || sight_has_failed(&b->side[s]))
		return;
	index = (uint32_t)(b - env->boxes.at);
	for (i = 0; i < q->index.n; i++)
		if (q->index.at[i] == index)
			return;
	vec_push(&q->index, index);
	vec_push(&q->boxes, (struct mailbox){ .name = b->side[s].on, .id = "" });
	vec_push(&q->was, (struct cursor){ .epoch = 0 });
	sight_worsen(&b->side[s], SIGHT_WANTED);
}

static int
find_watched(struct env *env, struct watched q[SIDES], struct err *e)
{
	struct arena a = { 0 };
	struct intent in;
	uint64_t after = 0;
	int got;

	while ((got = intent_next(env->state, &a, after, &in, e)) > 0) {
		after = in.id;
		if (in.kind != INTENT_EXPUNGE && in.kind != INTENT_RENAME && env->set->store[in.side]->ops->has_uid_keys &&
		    env->set->now - in.when < RECENT)
			watch(env, in.side, &q[in.side], in.kind == INTENT_DELIVER ? in.box : in.to_box);
	}
	arena_release(&a);
	return got;
}

/* 1: something moved since the last look. */
static int
look(struct env *env, enum side s, struct watched *q, struct err *e)
{
	bool moved = false;
	size_t i;

	if (q->boxes.n == 0)
		return 0;
	if (boxes_cursors(env, s, q->boxes.at, q->boxes.n, e) < 0)
		return -1;
	for (i = 0; i < q->boxes.n; i++) {
		moved |= q->boxes.at[i].cursor.epoch != q->was.at[i].epoch ||
		    memcmp(q->boxes.at[i].cursor.data, q->was.at[i].data, sizeof q->was.at[i].data) != 0;
		q->was.at[i] = q->boxes.at[i].cursor;
	}
	return moved;
}

int
wait_after_crash(struct env *env, struct err *e)
{
	static const struct timespec pause = { 0, LOOK_EVERY_MS * 1000000L };
	struct watched q[SIDES] = { { { 0 }, { 0 }, { 0 } } };
	int s, looks, still = 0, status, moved;

	if (env->set->is_inline || env->set->is_dry)
		return 0;
	status = find_watched(env, q, e);
	for (looks = 0; status == 0 && (q[FAR].boxes.n > 0 || q[NEAR].boxes.n > 0) && looks < LOOKS_MOST &&
	    still < STILL_LOOKS; looks++) {
		if (looks == 0)
			log_line(LOG_RUN, "an earlier run died while writing: waiting until the server has taken it in");
		else
			nanosleep(&pause, NULL);
		moved = 0;
		for (s = 0; s < SIDES && status == 0; s++) {
			status = look(env, (enum side)s, &q[s], e);
			moved |= status > 0;
			status = status < 0 ? -1 : 0;
		}
		still = moved ? 0 : still + 1;
		if (status == 0)
			status = env_check_cancel(env, e);
	}
	for (s = 0; s < SIDES; s++) {
		vec_release(&q[s].boxes);
		vec_release(&q[s].index);
		vec_release(&q[s].was);
	}
	return status;
}
