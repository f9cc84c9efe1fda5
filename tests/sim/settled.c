/* The oracle at a settlement: whether both sides agree as they must (O4 to O10). */
#include "tests/sim/oracle_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
oracle_settling(struct oracle *o, const struct oracle_view *v)
{
	int b, n;
	struct cell *c;
	size_t i;

	for (n = 0; n < o->serials; n++)
		o->mail[n].total[0] = o->mail[n].total[1] = 0;
	for (b = 0; b < ORACLE_BOXES; b++)
		for (n = 0; n < o->serials; n++) {
			c = &o->cell[b][n];
			o->mail[n].total[0] += v->is_selected[b] ? c->count[0] : 0;
			o->mail[n].total[1] += v->is_selected[b] ? c->count[1] : 0;
			c->most = c->count[0] > c->count[1] ? c->count[0] : c->count[1];
		}
	/* The counts are the oracle's own; that they are what the stores show is worth a look now and then. */
	for (i = 0; i < v->n; i++)
		o->cell[v->at[i].box][v->at[i].serial].count[v->at[i].side]--;
	for (b = 0; b < ORACLE_BOXES; b++)
		for (n = 0; n < o->serials; n++) {
			c = &o->cell[b][n];
			if (c->count[0] != 0 || c->count[1] != 0)
				oracle_find(o, "the simulation itself: box %d message %d: %+d %+d miscounted", b, n, c->count[0],
				    c->count[1]);
		}
	for (i = 0; i < v->n; i++)
		o->cell[v->at[i].box][v->at[i].serial].count[v->at[i].side]++;
}

static int
cmp_u32(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

enum { FLAGS_MOST = 64 };

/* The common flags of all copies on a side, sorted. */
static int
flags_of(const struct oracle_view *v, int side, int box, int serial, uint32_t flags_r[FLAGS_MOST])
{
	int n = 0;
	size_t i;

	for (i = 0; i < v->n && n < FLAGS_MOST; i++)
		if (v->at[i].side == side && v->at[i].box == box && v->at[i].serial == serial)
			flags_r[n++] = v->at[i].flags & (v->common | ORACLE_DELETED);
	qsort(flags_r, (size_t)n, sizeof flags_r[0], cmp_u32);
	return n;
}

/* O6. Expected values of those flags of a lone message that people's acts determine; *known_r says which. */
static uint32_t
expected(const struct oracle *o, const struct cell *c, uint32_t *known_r)
{
	uint32_t one[2], both = c->touched[0] & c->touched[1], none, value, same;
	int s;

	for (s = 0; s < 2; s++)
		one[s] = c->touched[s] & ~both;
	none = ~(c->touched[0] | c->touched[1]);
	value = (c->base & none) | (c->last[0] & one[0]) | (c->last[1] & one[1]);
	*known_r = none | one[0] | one[1];
	if (o->level == ORACLE_CALM && !o->has_run && c->agreed == 1) {
		/* Three-way: where the sides differ, one of them is back at the base, and the other wins. */
		same = ~(c->last[0] ^ c->last[1]);
		value |= (c->last[0] & both & same) | (~c->base & both & ~same);
		*known_r |= both;
	} else if (o->level == ORACLE_CALM && c->added_both == 1) {
		*known_r = 0;
	}
	/* Changed and changed back: a run that ended in between may have carried the first, and not known it; or one that did not do all has left
	 * the setting of what the store had dropped to the next. */
	if (o->level != ORACLE_CALM || o->is_inexact)
		*known_r &= ~c->twice;
	/* Nor may one that never saw the first. */
	*known_r &= ~c->unseen;
	/* A message not yet agreed on may be paired anew after a crash: then flags are united. */
	if (c->agreed == 0 && o->level != ORACLE_CALM)
		*known_r &= value;
	return value;
}

static bool
says(char *why, size_t why_size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool
says(char *why, size_t why_size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, why_size, fmt, ap);
	va_end(ap);
	return false;
}

/* Left by a rename that was not carried over before a run of another policy: without Gone what was in it is copied, and what
 * is new or changed in its twin brings it back (P8). Or mailboxes were renamed on both sides: where two are given one name,
 * they go by the names they had. */
static bool
is_split(const struct oracle *o, int box)
{
	bool is_any[2] = { false, false };
	int b, s;

	for (b = 0; b < ORACLE_BOXES; b++)
		for (s = 0; s < 2; s++)
			is_any[s] |= o->box[b].left[s] > 0;
	return (is_any[0] && is_any[1]) || (o->has_run && (o->box[box].left[0] || o->box[box].left[1]));
}

/* By a person, at some time: removed, or marked and expunged for that. */
static bool
has_ever_gone(const struct cell *c)
{
	return c->ever_removed[0] > 0 || c->ever_removed[1] > 0 || c->ever_marked[0] > 0 || c->ever_marked[1] > 0;
}

static bool
is_cell_settled(const struct oracle *o, const struct oracle_view *v, int b, int serial, char *why, size_t size)
{
	const struct cell *c = &o->cell[b][serial];
	uint32_t flags[2][FLAGS_MOST], known, value;
	const struct mail *m = &o->mail[serial];
	int as_two = oracle_rekeyed_as_two(o, serial, 0) + oracle_rekeyed_as_two(o, serial, 1);
	int full = oracle_full(o);
	bool is_limited = o->is_limited[0] || o->is_limited[1];
	int n, i, least, added = c->added[0] > c->added[1] ? c->added[0] : c->added[1];
	int gone = c->removed[0] + c->removed[1] + c->marked[0] + c->marked[1];
	/* Removed under the other of its two names, perhaps: is_somewhere() counts them all. */
	bool may_be_elsewhere = oracle_is_moved(o, serial) || (o->has_renames && m->ours_moved[0] + m->ours_moved[1] > 0);
	int gone_at_all = o->has_renames ? m->gone[0] + m->gone[1] + m->marked[0] + m->marked[1] : gone;

	if (c->is_loose)
		return true;
	if (c->count[full] < c->count[!full] || (!is_limited && c->count[0] != c->count[1]))
		return says(why, size, "O4: box %d message %d: %d far, %d near", b, serial, c->count[0], c->count[1]);
	n = c->count[full];
	for (i = 0; i < 2; i++)
		if (flags_of(v, i, b, serial, flags[i]) != c->count[i])
			return says(why, size, "the simulation itself: box %d message %d is not as counted", b, serial);
	/* What was let go may be put there again: O2 must do. */
	if (n > c->most && !o->has_renames && !is_limited)
		return says(why, size, "O7: box %d message %d is there %d times, at most %d before", b, serial, n, c->most);
	/* What was let go since the backup is gone, to an old base. */
	if (is_limited && o->level >= ORACLE_OLD)
		return true;
	/* Seen to come before it was seen to go, it was two on the other side for a while, and a person removed one of them. */
	if (!may_be_elsewhere && added == 0 && gone_at_all == 0 && n < c->agreed - (as_two > 0 ? c->several[0] + c->several[1] : 0))
		return says(why, size, "O5: box %d message %d is lost (%d of %d left)", b, serial, n, c->agreed);
	/* An old base knows a message that has gone since; equal mail put later is that one to it. */
	if (o->level >= ORACLE_OLD && has_ever_gone(c))
		gone_at_all += added;
	/* Seen to come and to go at different times, it may be taken for equal mail that was put on the other side. */
	least = c->agreed + added - gone_at_all - as_two;
	/* Of two equal ones, one that was put is taken for the twin of one that was let go, and asked back; and goes with it. */
	if (is_limited && c->limit > 1 && least > 0)
		least = gone_at_all == 0;
	if (!may_be_elsewhere && n < least)
		return says(why, size, "O5: box %d message %d is lost (%d left)", b, serial, n);
	/* Of equals that a store keeps once one is left where a person took the one away. Sent back to the side with the limit by a run that ended there, and deleted where it came from: new on that side, as new mail would be. */
	if (o->level < (is_limited ? ORACLE_DISTURBED : ORACLE_LOST) && !oracle_is_torn(o, serial) && !m->is_carried && !is_split(o, b) && added == 0 &&
	    !c->is_shared && c->several[0] + c->several[1] == 0 && as_two == 0 &&
	    c->agreed == 1 && (is_limited ? c->removed[full] + c->marked[full] : gone) > 0 && n != 0)
		return says(why, size, "O5: box %d message %d was deleted and is back", b, serial);
	if (c->count[0] == c->count[1] && memcmp(flags[0], flags[1], (size_t)n * sizeof flags[0][0]) != 0)
		return says(why, size, "O4: box %d message %d: flags %x far, %x near", b, serial, flags[0][0], flags[1][0]);
	if (oracle_may_copy(o) && (o->mail[serial].is_ours_moved[0] || o->mail[serial].is_ours_moved[1]))
		return true;
	if (n != 1 || c->limit != 1 || c->is_shared || gone > 0 || as_two > 0 || oracle_is_moved(o, serial) || o->level >= ORACLE_LOST)
		return true;
	value = expected(o, c, &known) & v->common;
	known &= v->common & ~(uint32_t)ORACLE_DELETED;
	/* Let go by a run that could not tell the other side of them. */
	if (is_limited && (o->level != ORACLE_CALM || o->has_run))
		known &= c->agreed == 0 ? 0 : ~c->touched[!full];
	/* Nor is there a base for what was sent back to the side with the limit and is paired with where it came from after something went wrong. */
	if (is_limited && o->level != ORACLE_CALM && m->is_delivered[!full])
		known &= value;
	if ((flags[full][0] & known) != (value & known))
		return says(why, size, "O6: box %d message %d has flags %x, people's acts make %x of %x", b, serial,
		    flags[full][0] & known, value & known, known);
	return true;
}

static bool
is_box_settled(const struct oracle *o, const struct oracle_view *v, int b, char *why, size_t size)
{
	const struct box *box = &o->box[b];
	int s, serial;
	/* Where one was removed, what had been let go there speaks against the removal on the other. */
	bool is_limited = o->is_limited[0] || o->is_limited[1];

	for (s = 0; s < 2; s++)
		if (!is_limited && o->level == ORACLE_CALM && box->removed[s] && !box->is_stuck && !box->is_loose && !box->removed[!s] && !box->is_busy[!s] &&
		    box->was_there[0] && box->was_there[1] && (v->exists[0][b] || v->exists[1][b]))
			return says(why, size, "O8: box %d was removed on side %d and is still there", b, s);
	/* Removed under the other of two names, and not carried over yet: what went with it is still to be counted. */
	if (!is_limited && o->has_renames && (box->removed[0] || box->removed[1] || box->is_loose) && !box->is_stuck &&
	    v->exists[0][b] != v->exists[1][b] && o->level < ORACLE_LOST)
		return says(why, size, "O8: box %d was removed, and is on one side still", b);
	if (box->removed[0] || box->removed[1] || box->is_loose)
		return true;
	if (v->exists[0][b] != v->exists[1][b])
		return says(why, size, "O4: box %d is on one side only", b);
	for (serial = 0; serial < o->serials; serial++)
		if (!is_cell_settled(o, v, b, serial, why, size))
			return false;
	return true;
}

/* Where nothing ends with the window, what the program was allowed to take for a move within it is not held against it later. */
static void
forgive(struct cell *c)
{
	int s, allowed;

	for (s = 0; s < 2; s++) {
		allowed = c->removed[!s] + c->marked[0] + c->marked[1];
		if (c->ours[s] > allowed)
			c->ours[s] = allowed;
	}
}

static void
begin_window(struct oracle *o, const struct oracle_view *v)
{
	struct cell *c;
	struct box *box;
	uint32_t flags[FLAGS_MOST];
	int b, n, s;

	for (b = 0; b < ORACLE_BOXES; b++) {
		box = &o->box[b];
		/* Once removed and stuck, it stays out of what is compared. */
		box->is_loose |= (box->removed[0] || box->removed[1]) && (v->exists[0][b] || v->exists[1][b]);
		for (s = 0; s < 2; s++) {
			if (!box->is_loose)
				box->removed[s] = box->left[s] = 0;
			box->is_busy[s] = box->is_blank[s] = false;
			box->was_there[s] = v->exists[s][b];
		}
		for (n = 0; n < o->serials; n++) {
			c = &o->cell[b][n];
			forgive(c);
			if (box->is_loose || c->is_loose || !v->is_selected[b])
				continue;
			c->agreed = c->limit = c->count[oracle_full(o)];
			c->was[0] = c->was[1] = c->agreed > 0;
			c->added_both = 0;
			for (s = 0; s < 2; s++)
				c->added[s] = c->several[s] = c->removed[s] = c->marked[s] = c->ours[s] = 0;
			c->is_shared = false;
			c->touched[0] = c->touched[1] = c->last[0] = c->last[1] = c->twice = c->unseen = 0;
			if (c->agreed > 0) {
				flags_of(v, oracle_full(o), b, n, flags);
				c->base = flags[0];
			}
		}
	}
	o->is_inexact &= o->level >= ORACLE_LOST;
	o->level = ORACLE_CALM;
	o->has_run = o->has_renames  = false;
	memset(o->mail, 0, sizeof o->mail);
}

/* O5 and O9 for what was moved, or may go by two names: as many as there must be, wherever they are. */
static bool
is_somewhere(const struct oracle *o, int serial)
{
	const struct mail *m = &o->mail[serial];
	const struct cell *c;
	int b, least = m->put[0] > m->put[1] ? m->put[0] : m->put[1], agreed = 0, most = 0;
	bool has_gone = false;

	/* What was let go since the backup is gone, to an old base. */
	if (o->level >= ORACLE_OLD && (o->is_limited[0] || o->is_limited[1]))
		return true;
	if ((!oracle_is_moved(o, serial) && !o->has_renames) || m->marked[0] + m->marked[1] > 0)
		return true;
	for (b = 0; b < ORACLE_BOXES; b++) {
		c = &o->cell[b][serial];
		if (c->is_loose || c->is_shared || o->box[b].is_loose || o->box[b].removed[0] || o->box[b].removed[1])
			return true;
		agreed += c->agreed;
		has_gone |= has_ever_gone(c);
		most += c->count[0] > c->count[1] ? c->count[0] : c->count[1];
	}
	/* As in is_cell_settled(): to an old base, what was put is what has gone since. */
	if (o->level >= ORACLE_OLD && has_gone)
		least = 0;
	least += agreed - m->gone[0] - m->gone[1];
	if (oracle_is_torn(o, serial))
		least = 0;
	/* One message, moved once on each side. */
	if (agreed == 1 && oracle_is_between(m->put_in[0], m->gone_from[0]) && oracle_is_between(m->put_in[1], m->gone_from[1]) &&
	    m->put[0] == 1 && m->gone[0] == 1 && m->put[1] == 1 && m->gone[1] == 1)
		least = 1;
	/* A crash between the intent and the move of what was filed differently: equal mail that was put where it was to go is
	 * taken for it. */
	if (o->level >= ORACLE_DISTURBED && oracle_is_astray(o, serial) && least > 1)
		least = 1;
	/* As in is_cell_settled(): of equal ones, one may be taken for the twin of one that was let go, and is asked back. */
	if ((o->is_limited[0] || o->is_limited[1]) && least > 1)
		least = 1;
	return most >= least;
}

/* O10. Nothing known, nobody at work, nothing marked: as many as the richer side had, wherever they were. */
static bool
is_doubled(const struct oracle *o, const struct oracle_view *v, int serial)
{
	const struct mail *m = &o->mail[serial];
	const struct cell *c;
	int b, n = 0;

	if (o->level != ORACLE_CALM || o->has_run || m->marked[0] + m->marked[1] > 0)
		return false;
	for (b = 0; b < ORACLE_BOXES; b++) {
		c = &o->cell[b][serial];
		if (!o->box[b].is_blank[0] || !o->box[b].is_blank[1] || c->is_loose || o->box[b].is_loose ||
		    o->box[b].removed[0] || o->box[b].removed[1])
			return false;
		n += v->is_selected[b] ? c->count[oracle_full(o)] : 0;
	}
	return n > (m->total[0] > m->total[1] ? m->total[0] : m->total[1]);
}

/* O7 over all mailboxes, after renames; exactly, where people worked on one side alone. */
static bool
is_too_often(const struct oracle *o, const struct oracle_view *v, int serial)
{
	const struct mail *m = &o->mail[serial];
	const struct cell *c;
	int b, n = 0, most = 0, agreed = 0, s;
	bool is_shared = false;		/* an equal one that was put beside it is not counted */

	for (b = 0; b < ORACLE_BOXES; b++) {
		c = &o->cell[b][serial];
		if (c->is_loose || o->box[b].is_loose || o->box[b].removed[0] || o->box[b].removed[1] || !v->is_selected[b])
			return false;
		is_shared |= c->is_shared;
		n += c->count[oracle_full(o)];
		most += c->most;
		agreed += c->agreed;
	}
	for (s = 0; s < 2 && !is_shared; s++)
		if (o->level == ORACLE_CALM && !o->has_run && m->put[!s] + m->gone[!s] + m->marked[0] + m->marked[1] == 0)
			return n > agreed + m->put[s] - m->gone[s];
	return n > most + oracle_twice(o, serial);
}

/* O11. One message, new since or not, whatever people moved it to: it is there once, or not at all if one of them removed it. Where they put its
 * equal as well, nobody could tell the two. */
static bool
is_exact(const struct oracle *o, const struct oracle_view *v, int serial, char *why, size_t size)
{
	const struct mail *m = &o->mail[serial];
	const struct cell *c;
	int b, n = 0, agreed = 0, made = m->made[0] + m->made[1];
	bool is_blank = false;

	if (o->is_inexact || o->is_limited[0] || o->is_limited[1] || o->has_renames || m->is_half_seen || m->made_both > 0)
		return true;
	for (b = 0; b < ORACLE_BOXES; b++) {
		c = &o->cell[b][serial];
		is_blank |= o->box[b].is_blank[0] || o->box[b].is_blank[1];
		if (c->is_loose || c->is_shared || o->box[b].is_loose || o->box[b].removed[0] || o->box[b].removed[1] ||
		    (is_blank && (made > 0 || (m->put[0] > 0 && m->put[1] > 0))) || (!v->is_selected[b] && (c->was[0] || c->was[1])))
			return true;
		n += c->count[0];
		agreed += c->agreed;
	}
	if (agreed + made != 1 || (made == 1 && m->is_taken_on))
		return true;
	if (n > 1)
		return says(why, size, "O11: message %d is there %d times, and is one", serial, n);
	if (n == 0 && m->dropped[0] + m->dropped[1] + m->marked[0] + m->marked[1] == 0)
		return says(why, size, "O11: message %d is lost, and nobody removed it", serial);
	return true;
}

/* O12: once, and nothing else; but what was to stay after all is in both. */
static bool
is_trash_exact(const struct oracle *o, int serial, char *why, size_t size)
{
	const int *trashed = o->trashed[serial], *expunged = o->expunged[serial], *kept = o->kept[serial];
	bool has_gone[2] = { false, false };
	int b, s;

	for (b = 0; b < ORACLE_BOXES; b++)
		for (s = 0; s < 2; s++)
			has_gone[s] |= o->cell[b][serial].ever_removed[s] > 0;
	for (s = 0; s < 2 && !o->has_faults; s++)
		if ((trashed[s] < expunged[s] || trashed[s] > expunged[s] + kept[s]) && !has_gone[s])
			return says(why, size, "O12: message %d is %d times in the trash of side %d, and was expunged %d times", serial, trashed[s],
			    s, expunged[s]);
	return true;
}

bool
oracle_is_settled(struct oracle *o, const struct oracle_view *v, char *why, size_t why_size)
{
	int b, n;

	for (n = 0; n < o->serials; n++)
		if (!is_somewhere(o, n))
			return says(why, why_size, "O9: message %d was moved, and is lost", n);
		else if (is_doubled(o, v, n))
			return says(why, why_size, "O10: message %d is there more often than on either side before", n);
		else if (o->has_renames && !o->is_limited[0] && !o->is_limited[1] && is_too_often(o, v, n))
			return says(why, why_size, "O7: message %d is there more often, over all mailboxes, than people made it", n);

	for (b = 0; b < ORACLE_BOXES; b++)
		if (v->is_selected[b] && !is_box_settled(o, v, b, why, why_size))
			return false;
	for (n = 0; n < o->serials; n++)
		if (!is_exact(o, v, n, why, why_size) || !is_trash_exact(o, n, why, why_size))
			return false;
	begin_window(o, v);
	return true;
}
