/* Random inputs: whatever is known of both sides, the plan keeps the rules of check.h, does not depend on the
 * order of its input (P13), and a run cut short at any operation ends where an uninterrupted one ends.
 *
 * The first seeds run one by one, as many as a few seconds are enough for; PLAN_SEED=n runs that one alone, PLAN_SECONDS=n goes beyond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "tests/planner/apply.h"
#include "tests/planner/check.h"
#include "sync/plan/explain.h"
#include "tests/unit/plan_stop.h"

enum { BOXES = 4, MESSAGES = 24 };

struct world {
	struct plan_input in;
	struct record records[MESSAGES];
	uint64_t seed, random;
};

static uint32_t
below(struct world *w, uint32_t n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (uint32_t)(w->random >> 11) % n;
}

static bool
once_in(struct world *w, uint32_t n)
{
	return below(w, n) == 0;
}

static struct flags
some_flags(struct world *w)
{
	static const char *const words[] = { "", "", "", "Junk", "Work", "Junk Work", "junk", "$A Junk" };
	struct flags f = { below(w, 4) != 0 ? below(w, 8) << 2 : below(w, FLAG_ALL + 1), words[below(w, 8)] };

	if (below(w, 3) != 0)
		f.sys &= ~(uint32_t)FLAG_DELETED;
	return f;
}

static void
make_policy(struct world *w)
{
	struct policy *p = &w->in.policy;
	enum side s;

	for (s = FAR; s <= NEAR; s++) {
		p->sync[s] = once_in(w, 3) ? below(w, 32) : SYNC_NEW | SYNC_GONE | SYNC_FLAGS | (below(w, 2) * SYNC_OLD);
		p->create[s] = below(w, 2);
		p->remove[s] = below(w, 2);
		p->expunge[s] = below(w, 2);
		p->expunge_solo[s] = !p->expunge[s] && below(w, 2);
		p->read_only[s] = once_in(w, 10);
		p->trash[s] = (struct trash){ once_in(w, 3) ? "Trash" : NULL, below(w, 2), below(w, 2) };
	}
	if (once_in(w, 3))
		p->limit = (struct limit){ .max = 1, .side = below(w, 2), .unread = below(w, 3) };
	p->retry_failed = once_in(w, 4);
	p->max_delete.kind = below(w, 4);
	p->max_delete.n = p->max_delete.kind == MAX_DELETE_COUNT ? below(w, 6) : below(w, 101);
}

static void
make_box(struct world *w, uint32_t i)
{
	static const char *const names[BOXES] = { "INBOX", "Archive", "Archive/2024", "Work" };
	struct plan_box b = { .id = i + 1, .name = names[i] };
	enum side s;

	for (s = FAR; s <= NEAR; s++) {
		struct plan_box_side *side = &b.side[s];

		side->exists = !once_in(w, 8);
		side->was_known = !once_in(w, 8);
		side->is_gone = !side->exists && side->was_known && !once_in(w, 4);
		side->is_readable = side->exists && !once_in(w, 12);
		side->is_readonly = once_in(w, 15);
		side->is_trash = w->in.policy.trash[s].name != NULL && once_in(w, 5);
		side->mask = (struct flag_mask){ .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" };
		if (once_in(w, 5))
			side->mask = (struct flag_mask){ .sys = below(w, FLAG_ALL + 1), .has_any_keyword = below(w, 2), .kw = "Junk" };
		side->refuses = once_in(w, 8) ? "its name has a colon" : NULL;
		side->allow_delete = once_in(w, 8);
		side->restore = once_in(w, 8);
		side->was_held = once_in(w, 12);
		side->known = side->here = once_in(w, 4) ? below(w, 50) : 0;
	}
	vec_push(&w->in.boxes, b);
}

/* Renamed on one side: to names that are free there, or that another gave up. */
static void
make_name(struct world *w, struct plan_box *b)
{
	static const char *const others[] = { "Archive", "Archive/2024", "Work", "Old", "Old/2024", "Work/Old", "Archive/2024/x" };
	enum side s = below(w, 2);
	const char *name = others[below(w, sizeof others / sizeof others[0])];
	size_t i;

	if (strcmp(b->name, "INBOX") == 0 || !b->side[FAR].exists || !b->side[NEAR].exists || !once_in(w, 3))
		return;
	/* One name is one mailbox's. */
	for (i = 0; i < w->in.boxes.n; i++) {
		const struct plan_box *other = &w->in.boxes.at[i];

		if (strcmp(other->side[s].name != NULL ? other->side[s].name : other->name, name) == 0)
			return;
	}
	b->side[s].name = name;
	b->is_contested = once_in(w, 6);
}

static void
make_half(struct world *w, struct record *r, enum side s, enum presence presence)
{
	const struct plan_box_side *side = &w->in.boxes.at[r->box].side[s];

	if (!side->was_known)
		presence = side->exists ? PRESENCE_HERE : PRESENCE_NEVER;
	else if (!side->exists && presence == PRESENCE_HERE && below(w, 2))
		presence = PRESENCE_GONE;
	if (presence == PRESENCE_NEVER)
		return;
	r->half[s] = (struct record_half){ .presence = presence, .key = key_from_string("k"), .flags = some_flags(w),
		.hint = "", .server_id = "" };
}

static void
make_message(struct world *w, uint32_t i)
{
	struct record *r = &w->records[i];
	enum side s;

	*r = record_blank(below(w, (uint32_t)w->in.boxes.n));
	r->id = i + 1;
	/* Read: else each new one may be any placeholder that is not where it was, and all waits for that (P21). */
	r->ident.has = IDENT_HEADER;
	r->ident.header[0] = (unsigned char)r->id;
	for (s = FAR; s <= NEAR; s++)
		make_half(w, r, s, once_in(w, 3) ? below(w, 3) : PRESENCE_HERE);
	if (once_in(w, 12)) {
		r->mark = MARK_EXPIRED;
		if (r->half[FAR].presence != PRESENCE_NEVER && r->half[NEAR].presence != PRESENCE_NEVER && below(w, 2))
			r->half[below(w, 2)].basis = BASIS_OURS;
	}
	if (once_in(w, 3) || !w->in.boxes.at[r->box].side[FAR].was_known ||
	    !w->in.boxes.at[r->box].side[NEAR].was_known) {
		r->half[below(w, 2)] = RECORD_HALF_NEVER;
		if (once_in(w, 4))
			r->mark = below(w, MARK_KEPT + 1);
	} else if (record_is_pair(r) && once_in(w, 6)) {
		r->placeholder = below(w, 2) ? PLACEHOLDER_FAR : PLACEHOLDER_NEAR;
	}
	r->has_agreed = !once_in(w, 3);
	r->agreed = some_flags(w);
	if (below(w, 2) && record_is_pair(r)) {
		/* One side as agreed, the other changed. */
		r->has_agreed = true;
		r->agreed = r->half[below(w, 2)].flags;
	}
	for (s = FAR; s <= NEAR; s++) {
		struct plan_box_side *side = &w->in.boxes.at[r->box].side[s];

		side->known += r->half[s].presence != PRESENCE_NEVER;
		side->here += r->half[s].presence == PRESENCE_HERE;
	}
	vec_push(&w->in.messages, (struct plan_message){ r, r->box });
}

static bool
is_only(const struct record *r, enum side s)
{
	return r->half[s].presence == PRESENCE_HERE && r->half[side_other(s)].presence == PRESENCE_NEVER;
}

/* What both of a pair of twins were moved from is in no other link. */
static bool
is_left(const struct world *w, uint32_t i)
{
	size_t k;

	for (k = 0; k < w->in.links.n; k++)
		if (w->in.links.at[k].left == i)
			return true;
	return false;
}

static void
make_link(struct world *w, bool *is_linked)
{
	uint32_t n = (uint32_t)w->in.messages.n, a = below(w, n), b = below(w, n);
	struct plan_link l = { below(w, 3), below(w, 2), a, b, below(w, 2) == 0 ? below(w, n) : UINT32_MAX };
	const struct record *x = &w->records[a], *y = &w->records[b];

	if (a == b || is_linked[b] || (is_linked[a] && l.kind != LINK_MOVED) || is_left(w, a))
		return;
	if (l.kind == LINK_TWIN && !(is_only(x, FAR) && is_only(y, NEAR) && x->box == y->box))
		return;
	if (l.kind != LINK_TWIN)
		l.left = UINT32_MAX;
	if (l.kind == LINK_MOVED && !(is_only(y, l.side) && x->half[l.side].presence == PRESENCE_GONE &&
	    x->half[side_other(l.side)].presence != PRESENCE_NEVER && x->box != y->box))
		return;
	if (l.kind == LINK_CLONED && !(is_only(y, l.side) && x->half[FAR].presence == PRESENCE_HERE &&
	    x->half[NEAR].presence == PRESENCE_HERE))
		return;
	if (l.left == a || l.left == b || (l.left != UINT32_MAX && is_linked[l.left]))
		return;
	is_linked[a] = is_linked[b] = true;
	if (l.left != UINT32_MAX)
		is_linked[l.left] = true;
	vec_push(&w->in.links, l);
}

/* P18: some are beyond the limit of their mailbox; none of those that get a twin just now, as that would be seen by the next plan. */
static void
make_limits(struct world *w, const bool *is_linked)
{
	uint64_t from[BOXES];
	size_t i;

	if (w->in.policy.limit.max == 0)
		return;
	for (i = 0; i < w->in.boxes.n; i++) {
		from[i] = 1 + below(w, MESSAGES);
		w->in.boxes.at[i].side[FAR].restore = w->in.boxes.at[i].side[NEAR].restore = false;
	}
	for (i = 0; i < w->in.messages.n; i++) {
		const struct record *r = w->in.messages.at[i].rec;

		if (r->id < from[r->box] && (is_linked[i] || record_is_single(r, w->in.policy.limit.side)))
			from[r->box] = r->id;
	}
	for (i = 0; i < w->in.boxes.n; i++)
		w->in.boxes.at[i].limit = (struct plan_limit){ .is_set = true, .from = from[i] };
}

static void
make_world(struct world *w, uint64_t seed)
{
	bool is_linked[MESSAGES] = { false };
	uint32_t i, n;

	*w = (struct world){ .seed = seed, .random = seed * 0x9E3779B97F4A7C15u + 1 };
	for (i = 0; i < 8; i++)
		below(w, 2);
	make_policy(w);
	n = 1 + below(w, BOXES);
	for (i = 0; i < n; i++)
		make_box(w, i);
	for (i = 0; i < 2 * n; i++)
		make_name(w, &w->in.boxes.at[below(w, n)]);
	n = 1 + below(w, MESSAGES);
	for (i = 0; i < n; i++)
		make_message(w, i);
	for (i = 0; i < 60; i++)
		make_link(w, is_linked);
	make_limits(w, is_linked);
}

static void
check_order(struct world *w, const char *text)
{
	struct plan_input in = { .policy = w->in.policy, .boxes = w->in.boxes };
	uint32_t place[MESSAGES], n = (uint32_t)w->in.messages.n, i, k;
	struct plan p = { 0 };
	char *other;

	for (i = 0; i < n; i++)
		place[i] = i;
	for (i = n; i > 1; i--) {
		uint32_t keep = place[k = below(w, i)];

		place[k] = place[i - 1];
		place[i - 1] = keep;
	}
	for (i = 0; i < n; i++)
		vec_push(&in.messages, (struct plan_message){ 0 });
	for (i = 0; i < n; i++)
		in.messages.at[place[i]] = w->in.messages.at[i];
	for (i = (uint32_t)w->in.links.n; i-- > 0;) {
		struct plan_link l = w->in.links.at[i];

		l.a = place[l.a];
		l.b = place[l.b];
		l.left = l.left != UINT32_MAX ? place[l.left] : UINT32_MAX;
		vec_push(&in.links, l);
	}
	plan_make(&in, &p);
	other = plan_text(&in, &p);
	if (strcmp(text, other) != 0)
		fail_msg("seed %llu: depends on the order of the input:\n%s--\n%s", (unsigned long long)w->seed, text, other);
	free(other);
	plan_release(&p);
	vec_release(&in.messages);
	vec_release(&in.links);
}

static bool
keeps_all(const struct plan_input *in, uint32_t box)
{
	const struct plan_box_side *side = in->boxes.at[box].side;

	return side[FAR].mask.has_any_keyword && side[NEAR].mask.has_any_keyword &&
	    (side[FAR].mask.sys & side[NEAR].mask.sys) == FLAG_ALL;
}

/* A clone, cut off from its flags, keeps those of the original where Sync does not let flags travel or where the other
 * side cannot keep them: its end may differ in flags from that of a copy or of the whole plan. A \Deleted among those flags
 * is part of the copy, but once cut off a deletion that a guard counts. */
/* What gets its twin just now, or is undeleted, goes beyond the limit (P18) with the plan after this one. */
static bool
has_later_expiry(const struct plan_input *in)
{
	const struct record *r;
	size_t i;

	for (i = 0; i < in->messages.n; i++) {
		r = in->messages.at[i].rec;
		if ((r->mark == MARK_EXPIRED || (in->boxes.at[r->box].limit.is_set && r->id < in->boxes.at[r->box].limit.from)) &&
		    (r->half[FAR].presence != PRESENCE_HERE || r->half[NEAR].presence != PRESENCE_HERE ||
		    ((r->half[FAR].flags.sys | r->half[NEAR].flags.sys) & FLAG_DELETED)))
			return true;
	}
	return false;
}

/* What was changed on a placeholder is told first, and it is replaced (P21) with the plan after that: it is flagged by then, perhaps. */
static bool
has_later_upgrade(const struct plan_input *in)
{
	const struct record *r;
	size_t i;

	for (i = 0; i < in->messages.n; i++) {
		r = in->messages.at[i].rec;
		if (plan_is_asked_for(&in->policy, r) || (record_has_placeholder(r) &&
		    ((r->agreed.sys | r->half[FAR].flags.sys | r->half[NEAR].flags.sys) & FLAG_FLAGGED)))
			return true;
	}
	return false;
}

static bool
is_exempt(const struct plan_input *in, const struct plan *p)
{
	bool is_guarded = in->policy.max_delete.kind != MAX_DELETE_NONE;
	size_t i;

	for (i = 0; i < p->ops.n; i++)
		is_guarded |= p->ops.at[i].is_held;
	if (has_revival(p) || has_later_expiry(in) || has_later_upgrade(in))
		return true;
	for (i = 0; i < in->links.n; i++)
		if (in->links.at[i].kind != LINK_TWIN && (is_guarded ||
		    !(in->policy.sync[FAR] & in->policy.sync[NEAR] & SYNC_FLAGS) ||
		    !keeps_all(in, in->messages.at[in->links.at[i].b].box)))
			return true;
	return false;
}

static void
check_stops(struct world *w, const struct plan *p)
{
	char *want, *got;
	size_t i;

	if (is_exempt(&w->in, p))
		return;
	want = stopped_text(&w->in, p, p->ops.n);
	for (i = 0; i < p->ops.n; i++) {
		got = stopped_text(&w->in, p, i);
		/* A keyword may be spelled as either side has it. */
		if (strcasecmp(want, got) != 0) {
			char *ops = plan_text(&w->in, p);

			fail_msg("seed %llu: stopped before operation %zu ends elsewhere:\n%s--\n%s--\n%s",
			    (unsigned long long)w->seed, i, ops, want, got);
		}
		free(got);
	}
	free(want);
}

static void
run_seed(uint64_t seed, bool is_loud)
{
	struct world w;
	struct plan p = { 0 };
	struct arena a = { 0 };
	const char *fault;
	char *text;

	make_world(&w, seed);
	plan_make(&w.in, &p);
	text = plan_text(&w.in, &p);
	if (is_loud)
		fputs(text, stdout);
	fault = plan_check(&w.in, &p, &a);
	if (fault != NULL)
		fail_msg("seed %llu: %s\n%s", (unsigned long long)seed, fault, text);
	check_order(&w, text);
	check_stops(&w, &p);
	free(text);
	arena_release(&a);
	plan_release(&p);
	plan_input_release(&w.in);
}

static void
test_random(void **state)
{
	const char *seed = getenv("PLAN_SEED"), *seconds = getenv("PLAN_SECONDS");
	const time_t end = time(NULL) + (seconds != NULL ? atoi(seconds) : 4);
	/* A quick machine fails of no seed that others never come to. */
	const uint64_t last = seconds != NULL ? UINT64_MAX : 12000;
	uint64_t s = seed != NULL ? strtoull(seed, NULL, 10) : 1;

	(void)state;
	do
		run_seed(s++, seed != NULL);
	while (seed == NULL && s <= last && time(NULL) < end);
	printf("plans checked: seeds 1 to %llu\n", (unsigned long long)(s - 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
