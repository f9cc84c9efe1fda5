#include "tests/sim/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One serial in one mailbox. Arrays are by side; what is not `ever_` counts from the last settlement. */
struct cell {
	int count[2];			/* there now */
	int agreed;			/* on both sides at the last settlement */
	int limit;			/* O2: no side may show more */
	int most;			/* O7: what the richer side had when the settlement began */
	int added[2], added_both;	/* by people */
	int removed[2], marked[2];	/* by people */
	int ours[2];			/* removed or marked by the program */
	int ever_removed[2], ever_marked[2], ever_ours[2];
	bool is_loose, is_lied;
	bool was[2];			/* there at some time of this window */
	uint32_t base;			/* flags at the last settlement, or as put */
	uint32_t touched[2], last[2];	/* which flags people changed, and to what */
	uint32_t twice;			/* changed more than once */
};

struct box {
	int removed[2];			/* by a person, this window */
	bool is_busy[2];		/* anything else happened there, this window */
	bool is_stuck;			/* holds what a store refuses: it is not removed with that */
	bool is_loose;			/* removed or made again: nothing is demanded of its being there */
	bool was_there[2];		/* at the last settlement */
	bool is_blank[2];		/* the program may know nothing of what was there */
};

/* One serial anywhere, this window. */
struct mail {
	int put[2], gone[2], marked[2];	/* by people */
	unsigned put_in[2], gone_from[2];	/* mailboxes, as bits */
	unsigned ours_from[2];
	int ours[2];
	bool is_ours_moved[2];
	int total[2];			/* in the mailboxes that are compared, when the settlement began */
};

struct oracle {
	struct cell cell[ORACLE_BOXES][ORACLE_SERIALS];
	struct mail mail[ORACLE_SERIALS];
	struct box box[ORACLE_BOXES];
	int serials;			/* one more than the largest seen */
	enum oracle_level level;
	bool has_run;			/* in this window, before the settlement */
	char finding[300];
};

struct oracle *
oracle_new(void)
{
	struct oracle *o = calloc(1, sizeof *o);

	if (o == NULL)
		abort();
	oracle_blank(o, 0, -1);
	oracle_blank(o, 1, -1);
	return o;
}

void
oracle_free(struct oracle **o)
{
	free(*o);
	*o = NULL;
}

const char *
oracle_finding(const struct oracle *o)
{
	return o->finding[0] != '\0' ? o->finding : NULL;
}

void
oracle_disturb(struct oracle *o, enum oracle_level level)
{
	if (level > o->level)
		o->level = level;
}

static void __attribute__((format(printf, 2, 3)))
find(struct oracle *o, const char *fmt, ...)
{
	va_list ap;

	if (o->finding[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(o->finding, sizeof o->finding, fmt, ap);
	va_end(ap);
}

static struct cell *
cell(struct oracle *o, int box, int serial)
{
	if (serial >= o->serials)
		o->serials = serial + 1;
	return &o->cell[box][serial];
}

/* Put into one and gone from another: within one mailbox it is never a move (R9). */
static bool
is_between(unsigned in, unsigned from)
{
	return in != 0 && from != 0 && ((in | from) & ((in | from) - 1)) != 0;
}

/* Equal mail filed where the program has removed some looks like a move as well. */
static bool
is_moved(const struct oracle *o, int side, int serial)
{
	const struct mail *m = &o->mail[serial];

	return is_between(m->put_in[side], m->gone_from[side] | m->ours_from[side]);
}

/* Filed differently on the two sides, and the program cannot know who moved it: it goes where one of them has it. */
static bool
is_astray(const struct oracle *o, int serial)
{
	int f, n;

	for (f = 0; f < ORACLE_BOXES; f++)
		for (n = 0; n < ORACLE_BOXES; n++)
			if (f != n && (o->box[f].is_blank[0] || o->box[n].is_blank[1]) &&
			    o->cell[f][serial].was[0] && o->cell[n][serial].was[1])
				return true;
	return false;
}

static bool
is_moved_at_all(const struct oracle *o, int serial)
{
	return is_moved(o, 0, serial) || is_moved(o, 1, serial) || is_astray(o, serial);
}

static int
agreed_at_all(const struct oracle *o, int serial)
{
	int b, n = 0;

	for (b = 0; b < ORACLE_BOXES; b++)
		n += o->cell[b][serial].agreed;
	return n;
}

/* Moved on both sides, perhaps to two places: one of them wins (P11). */
static bool
is_torn(const struct oracle *o, int serial)
{
	const struct mail *m = &o->mail[serial];
	bool half = o->level >= ORACLE_DISTURBED;
	bool far = is_moved(o, 0, serial) || (half && m->is_ours_moved[0]);
	bool near = is_moved(o, 1, serial) || (half && m->is_ours_moved[1]);

	return far && near;
}

/* ---- people ---- */

void
oracle_box_created(struct oracle *o, int side, int box)
{
	o->box[box].is_busy[side] = true;
	if (o->box[box].removed[0] || o->box[box].removed[1])
		o->box[box].is_loose = true;
	if (o->box[box].removed[side])
		oracle_blank(o, side, box);
}

void
oracle_blank(struct oracle *o, int side, int box)
{
	int b;

	for (b = 0; b < ORACLE_BOXES; b++)
		o->box[b].is_blank[side] |= box < 0 || b == box;
}

void
oracle_box_removed(struct oracle *o, int side, int box)
{
	o->box[box].removed[side]++;
}

static void
added(struct oracle *o, int side, int box, int serial, uint32_t flags)
{
	struct cell *c = cell(o, box, serial);

	c->count[side]++;
	c->was[side] = true;
	o->mail[serial].put[side]++;
	o->mail[serial].put_in[side] |= 1u << box;
	if (flags & ORACLE_DELETED) {
		o->mail[serial].marked[side]++;
		c->marked[side]++;
		c->ever_marked[side]++;
	}
}

void
oracle_put(struct oracle *o, int side, int box, int serial, uint32_t flags)
{
	struct cell *c = cell(o, box, serial);

	o->box[box].is_busy[side] = true;
	added(o, side, box, serial, flags);
	c->added[side]++;
	c->limit++;
	if (c->limit == 1)
		c->base = flags;
}

void
oracle_put_both(struct oracle *o, int box, int serial, uint32_t flags[2])
{
	struct cell *c = cell(o, box, serial);
	int s;

	for (s = 0; s < 2; s++) {
		o->box[box].is_busy[s] = true;
		added(o, s, box, serial, flags[s]);
		c->added[s]++;
	}
	c->added_both++;
	c->limit++;
	if (c->limit == 1)
		c->base = flags[0] | flags[1];
}

void
oracle_gone(struct oracle *o, int side, int box, int serial)
{
	struct cell *c = cell(o, box, serial);

	o->box[box].is_busy[side] = true;
	c->count[side]--;
	c->removed[side]++;
	c->ever_removed[side]++;
	o->mail[serial].gone[side]++;
	o->mail[serial].gone_from[side] |= 1u << box;
}

bool
oracle_was_filed(const struct oracle *o, int side, int box, int serial)
{
	return (o->mail[serial].put_in[side] & ~(1u << box)) != 0;
}

void
oracle_flags(struct oracle *o, int side, int box, int serial, uint32_t was, uint32_t is)
{
	struct cell *c = cell(o, box, serial);
	uint32_t changed = (was ^ is) & ~(uint32_t)ORACLE_DELETED;

	o->box[box].is_busy[side] = true;
	if (~was & is & ORACLE_DELETED) {
		o->mail[serial].marked[side]++;
		c->marked[side]++;
		c->ever_marked[side]++;
	}
	if (was & ~is & ORACLE_DELETED)
		c->is_loose = true;
	c->twice |= (c->touched[0] | c->touched[1]) & changed;
	c->touched[side] |= changed;
	c->last[side] = (c->last[side] & ~changed) | (is & changed);
}

void
oracle_loose(struct oracle *o, int box, int serial)
{
	cell(o, box, serial)->is_loose = true;
	o->box[box].is_stuck = true;
}

void
oracle_lied(struct oracle *o, int box, int serial)
{
	/* "Removed", and it will show up again as new. */
	cell(o, box, serial)->is_loose = cell(o, box, serial)->is_lied = true;
	cell(o, box, serial)->limit++;
}

void
oracle_miscounted(struct oracle *o, int box)
{
	int i;

	for (i = 0; i < ORACLE_SERIALS; i++)
		oracle_loose(o, box, i);
}

void
oracle_ran(struct oracle *o)
{
	o->has_run = true;
}

/* ---- the program ---- */

void
oracle_ours_put(struct oracle *o, int side, int box, int serial)
{
	struct cell *c = cell(o, box, serial);

	o->box[box].is_busy[side] = true;
	c->count[side]++;
	c->was[side] = true;
	if (c->count[side] > c->limit && o->level < ORACLE_OLD)
		find(o, "O2: box %d side %d: message %d is there %d times, people made %d", box, side, serial,
		    c->count[side], c->limit);
}

static void
ours(struct oracle *o, int side, int box, int serial)
{
	struct cell *c = cell(o, box, serial);
	struct mail *m = &o->mail[serial];
	int other = !side;

	c->ours[side]++;
	c->ever_ours[side]++;
	m->ours[side]++;
	if (c->ours[side] <= c->removed[other] + c->marked[other] + c->marked[side])
		return;
	if (is_astray(o, serial) && m->ours[side] <= agreed_at_all(o, serial) + m->put[0] + m->put[1])
		return;
	if (c->is_lied || is_torn(o, serial) || (is_moved_at_all(o, serial) &&
	    m->ours[side] <= m->gone[other] + m->marked[other] + m->marked[side]))
		return;
	if (o->level >= ORACLE_LOST &&
	    c->ever_ours[side] <= c->ever_removed[other] + c->ever_marked[other] + c->ever_marked[side])
		return;
	/* An old base may know a file under a name that has left and come back: what remains is judged at the settlement. */
	if (o->level >= ORACLE_OLD)
		return;
	find(o, "O1: box %d side %d: message %d is deleted by the program, and no person did", box, side, serial);
}

void
oracle_ours_gone(struct oracle *o, int side, int box, int serial, bool is_counted)
{
	cell(o, box, serial)->count[side]--;
	o->mail[serial].ours_from[side] |= 1u << box;
	if (!is_counted)
		ours(o, side, box, serial);
}

void
oracle_ours_marked(struct oracle *o, int side, int box, int serial)
{
	ours(o, side, box, serial);
}

void
oracle_ours_cloned(struct oracle *o, int box, int serial, bool is_kept)
{
	if (is_kept && o->level >= ORACLE_DISTURBED)
		cell(o, box, serial)->limit++;
}

void
oracle_ours_moved(struct oracle *o, int side, int serial)
{
	o->mail[serial].is_ours_moved[side] = true;
}

void
oracle_ours_removed_box(struct oracle *o, int side, int box)
{
	if (o->box[box].removed[!side] == 0 && o->level < ORACLE_LOST)
		find(o, "O8: box %d is removed from side %d by the program, and no person did on the other", box, side);
}

/* ---- settlements ---- */

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
				find(o, "the simulation itself: box %d message %d: %+d %+d miscounted", b, n, c->count[0],
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
	/* Changed and changed back: a run that ended in between may have carried the first, and not known it. */
	if (o->level != ORACLE_CALM)
		*known_r &= ~c->twice;
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

static bool
is_cell_settled(const struct oracle *o, const struct oracle_view *v, int b, int serial, char *why, size_t size)
{
	const struct cell *c = &o->cell[b][serial];
	uint32_t flags[2][FLAGS_MOST], known, value;
	int n, i, added = c->added[0] > c->added[1] ? c->added[0] : c->added[1], gone = c->removed[0] + c->removed[1] + c->marked[0] + c->marked[1];

	if (c->is_loose)
		return true;
	if (c->count[0] != c->count[1])
		return says(why, size, "O4: box %d message %d: %d far, %d near", b, serial, c->count[0], c->count[1]);
	n = c->count[0];
	for (i = 0; i < 2; i++)
		if (flags_of(v, i, b, serial, flags[i]) != n)
			return says(why, size, "the simulation itself: box %d message %d is not as counted", b, serial);
	if (n > c->most)
		return says(why, size, "O7: box %d message %d is there %d times, at most %d before", b, serial, n, c->most);
	if (!is_moved_at_all(o, serial) && added == 0 && gone == 0 && n < c->agreed)
		return says(why, size, "O5: box %d message %d is lost (%d of %d left)", b, serial, n, c->agreed);
	/* An old base knows a message that has gone since; equal mail put later is that one to it. */
	if (o->level >= ORACLE_OLD && (c->ever_removed[0] > 0 || c->ever_removed[1] > 0))
		gone += added;
	if (!is_moved_at_all(o, serial) && n < c->agreed + added - gone)
		return says(why, size, "O5: box %d message %d is lost (%d left)", b, serial, n);
	if (o->level < ORACLE_LOST && !is_torn(o, serial) && added == 0 && c->agreed == 1 && gone > 0 && n != 0)
		return says(why, size, "O5: box %d message %d was deleted and is back", b, serial);
	if (memcmp(flags[0], flags[1], (size_t)n * sizeof flags[0][0]) != 0)
		return says(why, size, "O4: box %d message %d: flags %x far, %x near", b, serial, flags[0][0], flags[1][0]);
	/* A copy made within a store has the flags of the moment. */
	if (o->level >= ORACLE_DISTURBED && (o->mail[serial].is_ours_moved[0] || o->mail[serial].is_ours_moved[1]))
		return true;
	if (n != 1 || c->limit != 1 || gone > 0 || is_moved_at_all(o, serial) || o->level >= ORACLE_LOST)
		return true;
	value = expected(o, c, &known) & v->common;
	known &= v->common & ~(uint32_t)ORACLE_DELETED;
	if ((flags[0][0] & known) != (value & known))
		return says(why, size, "O6: box %d message %d has flags %x, people's acts make %x of %x", b, serial,
		    flags[0][0] & known, value & known, known);
	return true;
}

static bool
is_box_settled(const struct oracle *o, const struct oracle_view *v, int b, char *why, size_t size)
{
	const struct box *box = &o->box[b];
	int s, serial;

	for (s = 0; s < 2; s++)
		if (o->level == ORACLE_CALM && box->removed[s] && !box->is_stuck && !box->is_loose && !box->removed[!s] && !box->is_busy[!s] &&
		    box->was_there[0] && box->was_there[1] && (v->exists[0][b] || v->exists[1][b]))
			return says(why, size, "O8: box %d was removed on side %d and is still there", b, s);
	if (box->removed[0] || box->removed[1] || box->is_loose)
		return true;
	if (v->exists[0][b] != v->exists[1][b])
		return says(why, size, "O4: box %d is on one side only", b);
	for (serial = 0; serial < o->serials; serial++)
		if (!is_cell_settled(o, v, b, serial, why, size))
			return false;
	return true;
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
				box->removed[s] = 0;
			box->is_busy[s] = box->is_blank[s] = false;
			box->was_there[s] = v->exists[s][b];
		}
		for (n = 0; n < o->serials; n++) {
			c = &o->cell[b][n];
			if (box->is_loose || c->is_loose || !v->is_selected[b])
				continue;
			c->agreed = c->limit = c->count[0];
			c->was[0] = c->was[1] = c->count[0] > 0;
			c->added_both = 0;
			for (s = 0; s < 2; s++)
				c->added[s] = c->removed[s] = c->marked[s] = c->ours[s] = 0;
			c->touched[0] = c->touched[1] = c->last[0] = c->last[1] = c->twice = 0;
			if (c->count[0] > 0) {
				flags_of(v, 0, b, n, flags);
				c->base = flags[0];
			}
		}
	}
	o->level = ORACLE_CALM;
	o->has_run = false;
	memset(o->mail, 0, sizeof o->mail);
}

/* O5 and O9 for what was moved: as many as there must be, wherever they are. */
static bool
is_somewhere(const struct oracle *o, int serial)
{
	const struct mail *m = &o->mail[serial];
	const struct cell *c;
	int b, least = m->put[0] > m->put[1] ? m->put[0] : m->put[1], agreed = 0, most = 0;

	if (!is_moved_at_all(o, serial) || m->marked[0] + m->marked[1] > 0)
		return true;
	for (b = 0; b < ORACLE_BOXES; b++) {
		c = &o->cell[b][serial];
		if (c->is_loose || o->box[b].is_loose || o->box[b].removed[0] || o->box[b].removed[1])
			return true;
		agreed += c->agreed;
		most += c->count[0] > c->count[1] ? c->count[0] : c->count[1];
	}
	least += agreed - m->gone[0] - m->gone[1];
	if (is_torn(o, serial))
		least = 0;
	/* One message, moved once on each side. */
	if (agreed == 1 && is_between(m->put_in[0], m->gone_from[0]) && is_between(m->put_in[1], m->gone_from[1]) &&
	    m->put[0] == 1 && m->gone[0] == 1 && m->put[1] == 1 && m->gone[1] == 1)
		least = 1;
	/* A crash between the intent and the move of what was filed differently: equal mail that was put where it was to go is
	 * taken for it. */
	if (o->level >= ORACLE_DISTURBED && is_astray(o, serial) && least > 1)
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
		n += v->is_selected[b] ? c->count[0] : 0;
	}
	return n > (m->total[0] > m->total[1] ? m->total[0] : m->total[1]);
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

	for (b = 0; b < ORACLE_BOXES; b++)
		if (v->is_selected[b] && !is_box_settled(o, v, b, why, why_size))
			return false;
	begin_window(o, v);
	return true;
}
