/* Which of the oldest messages of each mailbox vanished, and what that means (P15, window.h). */
#include "sync/plan/build.h"

/* Of the oldest of a mailbox, on one side. */
struct vanished {
	uint64_t n;			/* still on the other side, and not judged before */
	bool has_judged;		/* some were */
};

/* Of a pair, and neither moved, nor marked \Deleted when it was last seen, nor set aside. */
static bool
is_oldest(const struct build *b, uint32_t msg, enum side s)
{
	const struct record *r = build_record(b, msg);
	const struct plan_box_side *side = &b->in->boxes.at[b->in->messages.at[msg].box].side[s];
	struct key oldest = side->exists ? side->oldest : KEY_NONE;

	return record_is_pair(r) && !b->messages[msg].is_taken && b->messages[msg].moved_to[s] == NONE && r->half[s].presence == PRESENCE_GONE &&
	    oldest.len != 0 && r->half[s].key.len == oldest.len && key_cmp(r->half[s].key, oldest) < 0 &&
	    !(r->half[s].flags.sys & FLAG_DELETED) && r->mark != MARK_TOMBSTONE && r->mark != MARK_ORPHAN &&
	    r->mark != MARK_EXPIRED;
}

/* Judged to be deleted before, and not on the other side yet. Where the size of the window is known, that alone counts. */
static bool
is_judged(const struct build *b, uint32_t msg, enum side s)
{
	const struct key *judged = &b->in->boxes.at[b->in->messages.at[msg].box].side[s].shown.judged;

	return b->in->policy.window[s].kind == WINDOW_UNSET && judged->len != 0 && key_cmp(build_record(b, msg)->half[s].key, *judged) < 0;
}

static void
tell(struct build *b, uint32_t box, enum side s, uint64_t n)
{
	const struct plan_box_side *side = &b->in->boxes.at[box].side[s];
	const char *name = build_name(b, box);
	struct arena *a = &b->plan->arena;

	build_note(b, NOTE_ERROR, box, arena_printf(a, "%llu of the oldest messages in %s vanished on %s while as many are shown "
	    "as before: it seems that this server shows the newest %llu only. They are kept on %s. In the section of the %s "
	    "store \"Window %llu\" settles that for good, and \"Window no\" that what vanishes is deleted", (unsigned long long)n, name,
	    side_name(s), (unsigned long long)side->here, side_name(side_other(s)), side_name(s), (unsigned long long)side->here));
}

static void
judge(struct build *b, uint32_t box, enum side s, const struct vanished *v)
{
	const struct plan_box_side *side = &b->in->boxes.at[box].side[s];
	struct window_facts f = { .set = b->in->policy.window[s], .vanished = v->n, .here = side->here, .last = side->shown.last,
		.most = side->shown.most, .suspected = side->shown.suspected, .held = side->shown.held };
	enum window_verdict verdict = window_judge(&f);
	struct key judged = KEY_NONE;

	if (verdict == WINDOW_SUSPECTED && side->allow_delete)
		verdict = WINDOW_DELETED;
	b->boxes[box].window[s] = verdict;
	/* What is shown again was not deleted: only what is older than all that is shown stays judged. */
	if (v->n != 0 && verdict == WINDOW_DELETED)
		judged = side->oldest;
	else if (v->has_judged)
		judged = key_cmp(side->oldest, side->shown.judged) < 0 ? side->oldest : side->shown.judged;
	if (v->n != 0 || v->has_judged)
		vec_push(&b->plan->vanished, (struct plan_vanished){ box, s, v->n, verdict, judged });
}

void
build_windows(struct build *b)
{
	struct vanished (*vanished)[SIDES] = mem_alloc((b->in->boxes.n + 1) * sizeof *vanished);
	uint32_t i, box;
	enum side s;

	for (i = 0; i < b->in->messages.n; i++)
		for (s = FAR; s <= NEAR; s++) {
			box = b->in->messages.at[i].box;
			if (!b->boxes[box].is_open || !is_oldest(b, i, s))
				continue;
			if (is_judged(b, i, s)) {
				vanished[box][s].has_judged = true;
				continue;
			}
			b->messages[i].is_oldest[s] = true;
			/* What is not on the other side either may have been deleted by us. */
			vanished[box][s].n += build_presence(b, i, side_other(s)) == PRESENCE_HERE;
		}
	for (box = 0; box < b->in->boxes.n; box++)
		for (s = FAR; s <= NEAR; s++)
			judge(b, box, s, &vanished[box][s]);
	for (i = 0; i < b->plan->vanished.n; i++)
		if (b->plan->vanished.at[i].verdict == WINDOW_SUSPECTED)
			tell(b, b->plan->vanished.at[i].box, b->plan->vanished.at[i].side, b->plan->vanished.at[i].n);
	free(vanished);
}
