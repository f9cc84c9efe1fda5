/* How many records each mailbox pair has: held in memory during a transaction, and written at its end. */
#include <string.h>

#include "state/inside.h"

/* Where the counts of a box are, or belong, in s->counts. */
static size_t
counts_place(struct state *s, uint32_t box)
{
	size_t low = 0, high = s->counts.n, middle;

	if (s->counts_last < s->counts.n && s->counts.at[s->counts_last].box == box)
		return s->counts_last;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (s->counts.at[middle].box < box)
			low = middle + 1;
		else
			high = middle;
	}
	s->counts_last = low;
	return low;
}

struct box_counts *
box_counts(struct state *s, uint32_t box, struct err *e)
{
	struct state_key k = state_key_u8_u32(BOXES_COUNTS, box);
	struct box_counts c = { .box = box };
	size_t at = counts_place(s, box);
	struct db_val val;
	int got;

	if (at < s->counts.n && s->counts.at[at].box == box)
		return &s->counts.at[at];
	got = db_get(s->db, DB_BOXES, state_val(&k), &val, e);
	if (got == 0)
		err_set(e, ERR_STORE, "%s: there is no mailbox pair %lu", s->channel, (unsigned long)box);
	else if (got > 0 && decode_counts(val, &c.counts) != 0)
		got = db_damaged(s->db, "the counts of a mailbox", e);
	if (got <= 0)
		return NULL;
	vec_push(&s->counts, c);
	memmove(&s->counts.at[at + 1], &s->counts.at[at], (s->counts.n - 1 - at) * sizeof c);
	s->counts.at[at] = c;
	return &s->counts.at[at];
}

int
box_counts_put(struct state *s, uint32_t box, const struct counts *c, struct err *e)
{
	struct state_key k = state_key_u8_u32(BOXES_COUNTS, box);

	buf_clear(&s->value);
	encode_counts(&s->value, c);
	return state_put_changed(s, DB_BOXES, &k, &s->value, e);
}

int
box_counts_flush(struct state *s, struct err *e)
{
	size_t i;

	for (i = 0; i < s->counts.n; i++) {
		struct box_counts *c = &s->counts.at[i];

		if (c->is_dirty && box_counts_put(s, c->box, &c->counts, e) != 0)
			return -1;
		c->is_dirty = false;
	}
	return 0;
}

void
box_counts_forget(struct state *s, uint32_t box)
{
	size_t at = counts_place(s, box);

	if (at >= s->counts.n || s->counts.at[at].box != box)
		return;
	s->counts.n--;
	memmove(&s->counts.at[at], &s->counts.at[at + 1], (s->counts.n - at) * sizeof s->counts.at[0]);
}
