/* Situations that chance seldom brings about: each is written down, with what must come of it, and depends on no seed. A fault of the engine
 * that a history has found is lost with that history, as soon as another mending lets it end otherwise; a scene finds it again.
 *
 * A scene is made of what histories are made of: the stores, the acts of people, the runs and their oracle. Where the program is to end in
 * it, it is lived through once for each step at which that may be.
 */
#include "tests/sim/scenes.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/base.h"
#include "tests/sim/history.h"
#include "tests/sim/store_ram.h"

enum { INBOX, WORK = 1, OTHER = 2 };
enum { STEPS = 60, TWICE = 12 };		/* no run of a scene has more; where the program ends in two runs */

struct stage {
	struct sim sim;
	struct history h;
	struct ram *far, *near;
};

static const char *const every[] = { "*" };
static bool is_traced;

/* ---- what scenes are made of ---- */

static void
begin(struct stage *g, enum ram_kind far, enum ram_kind near)
{
	const enum ram_kind kind[SIDES] = { far, near };
	struct sim *s = &g->sim;
	int i;

	*g = (struct stage){ .sim = { .now = 1700000000, .is_traced = is_traced, .common = SIM_FLAGS_ALL } };
	s->oracle = oracle_new();
	for (i = 0; i < SIDES; i++) {
		s->ram[i] = ram_new(s, (enum side)i, kind[i]);
		s->ram[i]->has_uidplus = s->ram[i]->has_move = s->ram[i]->has_any_keyword = true;
	}
	for (i = 0; i < SIM_BOXES; i++)
		s->is_selected[i] = true;
	g->far = s->ram[FAR];
	g->near = s->ram[NEAR];
	g->h = (struct history){ .sim = s, .base = db_memory_new(), .set = { .name = "sim", .store = { &g->far->store, &g->near->store },
		.box = { "", "" }, .patterns = { every, 1 }, .is_inline = true } };
}

/* Whether all was well. */
static bool
end(struct stage *g, const char *name, unsigned at)
{
	struct sim *s = &g->sim;
	int i;

	if (s->failure[0] != '\0')
		printf("sim: scene %s fails (%u): %s\n", name, at, s->failure);
	history_close(&g->h);
	for (i = 0; i < s->contents; i++)
		content_free(s->content[i]);
	ram_free(g->far);
	ram_free(g->near);
	oracle_free(&s->oracle);
	db_memory_free(&g->h.base);
	vec_release(&s->taken);
	arena_release(&s->arena);
	return s->failure[0] == '\0';
}

static void
create(struct stage *g, int box)
{
	people_create_box(g->far, box);
	people_create_box(g->near, box);
}

/* The policy is the one of the sim. */
static void
run_with(struct stage *g)
{
	struct err e;

	g->sim.now += 1000;
	g->h.n_news = g->h.stays_open ? g->h.n_news : 0;
	if (history_sync(&g->h, &e) < 0 && g->sim.trouble.die_at == 0)
		sim_fail(&g->sim, "a run fails: %s", e.text);
	g->h.n_news = 0;
}

static void
run(struct stage *g)
{
	history_full_policy(&g->sim);
	run_with(g);
}

/* The program ends at this step. */
static void
run_until(struct stage *g, unsigned step)
{
	sim_disturb(&g->sim, ORACLE_DISTURBED);
	g->sim.trouble.die_at = step;
	run(g);
	g->sim.trouble.die_at = 0;
}

static size_t
count(const struct ram *r, int box, const struct content *c)
{
	const struct ram_box *b = &r->box[box];
	size_t i, n = 0;

	for (i = 0; i < b->messages.n && b->exists; i++)
		n += b->messages.at[i].c == c;
	return n;
}

static void
expect(struct stage *g, const struct ram *r, int box, const struct content *c, size_t n)
{
	size_t is = count(r, box, c);

	if (is != n)
		sim_fail(&g->sim, "message %d is %zu times in %s on %s, not %zu times", c->serial, is, sim_box_name[box],
		    side_name(r->side), n);
}

static void
expect_both(struct stage *g, int box, const struct content *c, size_t n)
{
	expect(g, g->far, box, c, n);
	expect(g, g->near, box, c, n);
}

/* ---- the scenes ---- */

/* What was delivered when the program ended is taken on under its name, and the next run is told of the mailbox alone that it was in. */
static void
news_of_one(struct stage *g, unsigned at)
{
	struct content *c;

	begin(g, RAM_QRESYNC, RAM_MAILDIR);
	create(g, WORK);
	g->h.stays_open = true;
	run(g);
	c = content_new(&g->sim, -1);
	people_put(g->far, WORK, c, FLAG_SEEN);
	run_until(g, at);
	if (count(g->near, WORK, c) > 0)
		people_move(g->near, WORK, 0, INBOX);
	g->h.news[0] = sim_box_name[WORK];
	g->h.n_news = 1;
	run(g);
	run(g);
	run(g);
	if (count(g->near, INBOX, c) + count(g->near, WORK, c) != 1 || count(g->far, INBOX, c) + count(g->far, WORK, c) != 1)
		sim_fail(&g->sim, "message %d is there %zu times on far, %zu times on near", c->serial,
		    count(g->far, INBOX, c) + count(g->far, WORK, c), count(g->near, INBOX, c) + count(g->near, WORK, c));
}

/* A file is gone, the program ends while it expunges the twin for that, and the file is back. What number its name has. */
static uint32_t
lose_file(struct stage *g, unsigned step, unsigned step_again)
{
	struct content *c;
	uint32_t number;

	begin(g, RAM_QRESYNC, RAM_MAILDIR);
	c = content_new(&g->sim, -1);
	people_put(g->near, INBOX, c, FLAG_SEEN);
	run(g);
	run(g);
	expect_both(g, INBOX, c, 1);
	number = g->near->box[INBOX].messages.at[0].number;
	people_remove(g->near, INBOX, 0);
	run_until(g, step);
	if (step_again != 0)
		run_until(g, step_again);
	people_put(g->near, INBOX, c, FLAG_SEEN);
	g->near->box[INBOX].messages.at[0].number = number;
	return number;
}

/* Perhaps when the program has ended once more. */
static void
file_is_back(struct stage *g, unsigned at)
{
	int i;

	lose_file(g, 1 + at / TWICE, at % TWICE);
	for (i = 0; i < 4; i++)
		run(g);
	expect_both(g, INBOX, g->sim.content[0], 1);
	if (g->sim.changes != 0 || g->sim.commits != 0)
		sim_fail(&g->sim, "runs do not come to rest");
}

/* The same, and its twin gets another UID before a run has seen that it was unmarked. From the fourth commit on, behind what was seen, what was
 * to be done and what was, it is the same message. */
static void
back_and_moved(struct stage *g, unsigned at)
{
	uint32_t number = lose_file(g, 1 + at / TWICE, 0);
	const struct content *c = g->sim.content[0];
	int i;

	if (at % TWICE != 0)
		run_until(g, at % TWICE);
	if (g->sim.commits < 4 || g->far->box[INBOX].messages.n != 1)
		return;
	people_put(g->far, INBOX, c, FLAG_SEEN);
	people_remove(g->far, INBOX, 0);
	oracle_same(g->sim.oracle, FAR, c->serial);
	for (i = 0; i < 4; i++)
		run(g);
	expect_both(g, INBOX, c, 1);
	if (count(g->near, INBOX, c) == 1 && g->near->box[INBOX].messages.at[0].number != number)
		sim_fail(&g->sim, "message %d was deleted on near and delivered again", c->serial);
}

/* Of two equal messages, which the other store keeps as one, either is removed, and that one: it was the twin of both. */
static void
taken_with_its_twin(struct stage *g, unsigned at)
{
	struct content *c;
	int i;

	begin(g, RAM_QRESYNC, RAM_MAILDIR);
	g->sim.once = g->far;
	c = content_new(&g->sim, -1);
	people_put(g->near, INBOX, c, FLAG_SEEN);
	people_put(g->near, INBOX, c, FLAG_SEEN);
	for (i = 0; i < 3; i++)
		run(g);
	expect(g, g->near, INBOX, c, 2);
	expect(g, g->far, INBOX, c, 1);
	people_remove(g->far, INBOX, 0);
	people_remove(g->near, INBOX, at - 1);
	for (i = 0; i < 3; i++)
		run(g);
	expect_both(g, INBOX, c, 0);
}

/* Tried again is what a store refused, in a run that may set no flags: that is no change, and keeps no mailbox. */
static void
retried_and_removed(struct stage *g, unsigned at)
{
	struct content *c;

	(void)at;
	begin(g, RAM_QRESYNC, RAM_QRESYNC);
	g->near->refuses = FLAG_FORWARDED;
	g->near->refusal = RAM_UNFIT;
	g->near->keeps &= ~(uint32_t)FLAG_FORWARDED;
	g->sim.common = g->near->keeps;
	create(g, WORK);
	c = content_new(&g->sim, -1);
	people_put(g->far, WORK, c, FLAG_SEEN | FLAG_FORWARDED);
	run(g);
	run(g);
	expect_both(g, WORK, c, 1);
	history_full_policy(&g->sim);
	g->sim.policy.sync[NEAR] = SYNC_GONE;
	g->sim.policy.retry_failed = true;
	run_with(g);
	people_remove_box(g->near, WORK);
	run(g);
	run(g);
	if (g->far->box[WORK].exists || g->near->box[WORK].exists)
		sim_fail(&g->sim, "%s is there again", sim_box_name[WORK]);
}

/* The place of twins in their mailbox is that of the later one, whose record stays: nothing is copied that is beyond by then. */
static void
order_of_twins(struct stage *g, unsigned at)
{
	struct content *twin, *other;

	(void)at;
	begin(g, RAM_MAILDIR, RAM_MAILDIR);
	g->sim.limit = (struct limit){ .max = 1, .side = FAR, .unread = EXPIRE_UNREAD_YES };
	oracle_limited(g->sim.oracle, FAR);
	twin = content_new(&g->sim, -1);
	other = content_new(&g->sim, -1);
	people_put(g->near, INBOX, twin, FLAG_SEEN);
	people_put(g->near, INBOX, other, FLAG_SEEN);
	history_full_policy(&g->sim);
	g->sim.policy.sync[FAR] = 0;
	run_with(g);
	expect(g, g->far, INBOX, other, 0);
	people_put(g->far, INBOX, twin, FLAG_SEEN);
	run(g);
	if (g->sim.changes != 0)
		sim_fail(&g->sim, "the run changes something (%lu times)", g->sim.changes);
	run(g);
	expect_both(g, INBOX, twin, 1);
	expect(g, g->far, INBOX, other, 0);
	expect(g, g->near, INBOX, other, 1);
}

/* What may be out of sight on the other side is not let go: it may be all there is. */
static void
limit_beside_a_part(struct stage *g, unsigned at)
{
	struct content *c[2];
	int i;

	(void)at;
	begin(g, RAM_MAILDIR, RAM_QRESYNC);
	g->sim.limit = (struct limit){ .max = 2, .side = NEAR, .unread = EXPIRE_UNREAD_YES };
	oracle_limited(g->sim.oracle, NEAR);
	for (i = 0; i < 2; i++)
		people_put(g->far, INBOX, c[i] = content_new(&g->sim, -1), 0);
	run(g);
	run(g);
	for (i = 0; i < 2; i++)
		expect_both(g, INBOX, c[i], 1);
	damage_set(g->far, INBOX, RAM_NEW_AWAY);
	g->sim.limit.max = 1;
	run(g);
	for (i = 0; i < 2; i++)
		expect_both(g, INBOX, c[i], 1);
	damage_set(g->far, INBOX, RAM_WHOLE);
	run(g);
	run(g);
	expect(g, g->near, INBOX, c[0], 0);
	expect(g, g->near, INBOX, c[1], 1);
}

static const struct scene {
	const char *name;
	void (*live)(struct stage *g, unsigned at);
	unsigned times;			/* at = 1 and on: the step at which the program ends, or what else the scene makes of it */
} scenes[] = {
	{ "news-of-one", news_of_one, STEPS },
	{ "file-is-back", file_is_back, TWICE * TWICE },
	{ "back-and-moved", back_and_moved, TWICE * TWICE },
	{ "taken-with-its-twin", taken_with_its_twin, 2 },
	{ "retried-and-removed", retried_and_removed, 1 },
	{ "order-of-twins", order_of_twins, 1 },
	{ "limit-beside-a-part", limit_beside_a_part, 1 },
};

bool
scenes_live(const char *name, bool traced)
{
	bool is_well = true, is_any = false;
	static struct stage g;
	unsigned at;
	size_t i;

	is_traced = traced;
	for (i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
		if (name != NULL && strcmp(name, scenes[i].name) != 0)
			continue;
		is_any = true;
		for (at = 1; at <= scenes[i].times; at++) {
			scenes[i].live(&g, at);
			if (!end(&g, scenes[i].name, at)) {
				is_well = false;
				break;
			}
		}
	}
	if (!is_any)
		printf("sim: no scene is called %s\n", name);
	return is_any && is_well;
}
