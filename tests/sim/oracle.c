#include "tests/sim/oracle_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	o->is_inexact = o->has_faults = true;
	if (level > o->level)
		o->level = level;
}

void
oracle_limited(struct oracle *o, int side)
{
	o->is_limited[side] = true;
}

void
oracle_sent_unread(struct oracle *o)
{
	o->is_sent_unread = true;
}

void
oracle_restricted(struct oracle *o)
{
	o->is_inexact = true;
}

void
oracle_killed(struct oracle *o)
{
	if (o->level < ORACLE_DISTURBED)
		o->level = ORACLE_DISTURBED;
}

void
oracle_find(struct oracle *o, const char *fmt, ...)
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
bool
oracle_is_between(unsigned in, unsigned from)
{
	return in != 0 && from != 0 && ((in | from) & ((in | from) - 1)) != 0;
}

/* Equal mail filed where the program has removed some looks like a move as well. */
static bool
is_moved(const struct oracle *o, int side, int serial)
{
	const struct mail *m = &o->mail[serial];

	return oracle_is_between(m->put_in[side], m->gone_from[side] | m->ours_from[side]);
}

/* All that was known of a side may be void: then what comes to be there is as if first seen, too. */
static bool
is_all_blank(const struct oracle *o, int side)
{
	int b;

	for (b = 0; b < ORACLE_BOXES; b++)
		if (o->box[b].was_there[side] && !o->box[b].is_blank[side])
			return false;
	return true;
}

/* Filed differently on the two sides, and the program cannot know who moved it: it goes where one of them has it. */
bool
oracle_is_astray(const struct oracle *o, int serial)
{
	bool is_any = is_all_blank(o, 0) || is_all_blank(o, 1);
	int f, n;

	for (f = 0; f < ORACLE_BOXES; f++)
		for (n = 0; n < ORACLE_BOXES; n++)
			if (f != n && (is_any || o->box[f].is_blank[0] || o->box[n].is_blank[1]) &&
			    o->cell[f][serial].was[0] && o->cell[n][serial].was[1])
				return true;
	return false;
}

bool
oracle_is_moved(const struct oracle *o, int serial)
{
	return is_moved(o, 0, serial) || is_moved(o, 1, serial) || o->mail[serial].is_carried || oracle_is_astray(o, serial);
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
bool
oracle_is_torn(const struct oracle *o, int serial)
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
	struct cell *c;
	int b, n;

	for (b = 0; b < ORACLE_BOXES; b++) {
		if (box >= 0 && b != box)
			continue;
		o->box[b].is_blank[side] = true;
		/* Put into the twin of another name, it is from here on filed differently on the two sides. */
		for (n = 0; n < o->serials && o->has_renames; n++) {
			c = &o->cell[b][n];
			if (c->limit < c->count[side])
				c->limit = c->count[side];
		}
	}
}

void
oracle_box_removed(struct oracle *o, int side, int box)
{
	o->box[box].removed[side]++;
}

/* What nobody can know of a message holds wherever it is taken. */
static void
carry_doubts(struct oracle *o, int from, int to)
{
	int n;

	for (n = 0; n < o->serials; n++) {
		o->cell[to][n].is_loose |= o->cell[from][n].is_loose;
		o->cell[to][n].is_lied |= o->cell[from][n].is_lied;
	}
	o->box[to].is_stuck |= o->box[from].is_stuck;
	o->box[to].is_loose |= o->box[from].is_loose;
}

bool
oracle_has_renames(const struct oracle *o)
{
	return o->has_renames;
}

void
oracle_box_renamed(struct oracle *o, int side, int from, int to)
{
	o->renames++;
	o->has_renames = true;
	o->box[from].left[side]++;
	oracle_box_created(o, side, to);
	carry_doubts(o, from, to);
}

static void
added(struct oracle *o, int side, int box, int serial, uint32_t flags)
{
	struct cell *c = cell(o, box, serial);

	c->count[side]++;
	c->was[side] = true;
	o->mail[serial].put[side]++;
	o->mail[serial].late[side] += o->has_renames;
	o->mail[serial].put_in[side] |= 1u << box;
	o->mail[serial].new_in[side] |= 1u << box;
	if (flags & ORACLE_DELETED) {
		o->mail[serial].marked[side]++;
		c->marked[side]++;
		c->ever_marked[side]++;
	}
}

/* It is in the trash of that side, and was not expunged there: the program ended in between. */
static void
is_to_stay(struct oracle *o, int side, int serial)
{
	o->kept[serial][side] += o->expunged[serial][side] + o->kept[serial][side] < o->trashed[serial][side];
}

void
oracle_put(struct oracle *o, int side, int box, int serial, uint32_t flags)
{
	struct cell *c = cell(o, box, serial);

	o->box[box].is_busy[side] = true;
	added(o, side, box, serial, flags);
	o->mail[serial].made[side]++;
	c->added[side]++;
	c->limit++;
	if (c->limit == 1)
		c->base = flags;
	/* An equal one that was on its way into the trash there has its twin again. */
	is_to_stay(o, !side, serial);
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
	o->mail[serial].made_both++;
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
	o->mail[serial].dropped[side]++;
	o->mail[serial].is_taken_on |= o->mail[serial].is_delivered[side] || (o->is_sent_unread && o->mail[serial].is_delivered[!side]);
	o->mail[serial].gone_from[side] |= 1u << box;
	o->mail[serial].new_from[side] |= 1u << box;
}

void
oracle_same(struct oracle *o, int side, int serial)
{
	o->mail[serial].made[side]--;
	o->mail[serial].dropped[side]--;
}

void
oracle_rekeyed(struct oracle *o, int side, int box, int serial)
{
	struct cell *c = cell(o, box, serial);

	o->box[box].is_busy[side] = true;
	c->ever_rekeyed[side]++;
	o->mail[serial].rekeyed[side]++;
	/* On its way into the trash it is another now, and goes there once more. */
	is_to_stay(o, side, serial);
}

void
oracle_went(struct oracle *o, int side, int from, int to, int serial, uint32_t flags)
{
	oracle_put(o, side, to, serial, flags);
	oracle_gone(o, side, from, serial);
	o->mail[serial].late[side] -= o->has_renames;
}

void
oracle_seems_moved(struct oracle *o, int side, int box, int serial)
{
	cell(o, box, serial)->is_loose = true;
	o->mail[serial].gone[side]++;
	o->mail[serial].gone_from[side] |= 1u << box;
	o->mail[serial].seems_moved = true;
}

bool
oracle_was_filed(const struct oracle *o, int side, int box, int serial)
{
	return (o->mail[serial].put_in[side] & (o->has_renames ? ~0u : ~(1u << box))) != 0;
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
	if (was & ~is & ORACLE_DELETED) {
		c->is_loose = true;
		is_to_stay(o, side, serial);
		is_to_stay(o, !side, serial);
	}
	c->twice |= (c->touched[0] | c->touched[1]) & changed;
	c->touched[side] |= changed;
	c->last[side] = (c->last[side] & ~changed) | (is & changed);
}

void
oracle_unseen(struct oracle *o, int box, int serial, uint32_t flags)
{
	cell(o, box, serial)->unseen |= flags;
}

void
oracle_loose(struct oracle *o, int box, int serial)
{
	cell(o, box, serial)->is_loose = true;
	o->box[box].is_stuck = true;
}

void
oracle_out_of_sight(struct oracle *o, int box, int serial)
{
	oracle_loose(o, box, serial);
	cell(o, box, serial)->limit++;
}

void
oracle_shared(struct oracle *o, int box, int serial)
{
	cell(o, box, serial)->is_shared = true;
}

void
oracle_one_of_several_gone(struct oracle *o, int side, int box, int serial)
{
	cell(o, box, serial)->several[side]++;
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
oracle_ran(struct oracle *o, unsigned boxes)
{
	struct mail *m;
	int n, s;

	o->has_run = true;
	for (n = 0; n < o->serials; n++)
		for (s = 0; s < 2; s++) {
			m = &o->mail[n];
			m->is_half_seen |= (m->new_in[s] & boxes) != 0 && (m->new_from[s] & ~boxes) != 0;
			if (boxes == ~0u)
				m->new_in[s] = m->new_from[s] = 0;
		}
}

/* ---- the program ---- */

/* Where mailboxes were renamed, a name on one side may be another's twin on the other: then O2 is for all together, and what
 * people put under one name on both sides is perhaps put into two mailboxes. */
int
oracle_twice(const struct oracle *o, int serial)
{
	const struct mail *m = &o->mail[serial];

	return m->late[0] < m->late[1] ? m->late[0] : m->late[1];
}

static bool
is_within(const struct oracle *o, int side, int serial, int leaving)
{
	int b, n = -leaving, limit = oracle_twice(o, serial);

	for (b = 0; b < ORACLE_BOXES; b++) {
		n += o->cell[b][serial].count[side];
		limit += o->cell[b][serial].limit;
	}
	return o->has_renames && n <= limit;
}

int
oracle_rekeyed_as_two(const struct oracle *o, int serial, int side)
{
	return o->level >= ORACLE_DISTURBED ? o->mail[serial].rekeyed[side] : 0;
}

/* leaving: as many are about to go from where they were. */
static void
arrived(struct oracle *o, int side, int box, int serial, int leaving)
{
	struct cell *c = cell(o, box, serial);

	o->box[box].is_busy[side] = true;
	c->count[side]++;
	c->was[side] = true;
	/* Filed differently, and a list that misses something: it may be copied to where it is before it goes from where it was. */
	if (o->level >= ORACLE_DISTURBED && oracle_is_astray(o, serial) &&
	    c->count[side] <= c->limit + o->mail[serial].put[0] + o->mail[serial].put[1])
		return;
	if (c->count[side] > c->limit + oracle_rekeyed_as_two(o, serial, 0) + oracle_rekeyed_as_two(o, serial, 1) &&
	    o->level < ORACLE_OLD && !is_within(o, side, serial, leaving))
		oracle_find(o, "O2: box %d side %d: message %d is there %d times, people made %d", box, side, serial,
		    c->count[side], c->limit);
}

void
oracle_ours_put(struct oracle *o, int side, int box, int serial)
{
	arrived(o, side, box, serial, 0);
	o->mail[serial].is_delivered[side] = true;
	/* Sent back to where it was gone from, for its mailbox there was removed, and it has been changed (P8). */
	is_to_stay(o, !side, serial);
}

/* What a store said falsely of a message may come out wherever that was moved to. */
static bool
is_lied(const struct oracle *o, int box, int serial)
{
	int b;

	for (b = 0; b < ORACLE_BOXES; b++)
		if (o->cell[b][serial].is_lied && (b == box || oracle_is_moved(o, serial)))
			return true;
	return false;
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
	if (c->ours[side] <= c->removed[other] + c->marked[other] + c->marked[side] + oracle_rekeyed_as_two(o, serial, other))
		return;
	/* What was moved after a crash, when the rest got another key. */
	if (o->level >= ORACLE_DISTURBED && m->rekeyed[0] + m->rekeyed[1] > 0 &&
	    m->ours[side] <= m->gone[other] + m->marked[other] + m->marked[side] + m->rekeyed[0] + m->rekeyed[1])
		return;
	if (m->seems_moved && c->is_loose)
		return;
	if (oracle_is_astray(o, serial) && m->ours[side] <= agreed_at_all(o, serial) + m->put[0] + m->put[1])
		return;
	/* Two names may be of one mailbox, as in is_within(); where they part, what was put there since is moved after its twin. And what was put
	 * into two of one name is one again where these come under one name: the copy that was made of it in between goes. */
	if (o->has_renames && m->ours[side] <= m->gone[other] + m->marked[other] + m->marked[side] + m->ours_moved[side] + oracle_twice(o, serial))
		return;
	if ((o->is_inexact || o->level >= ORACLE_DISTURBED) &&
	    c->ours[side] <= c->removed[other] + c->several[other] + c->marked[other] + c->marked[side])
		return;
	if (is_lied(o, box, serial) || oracle_is_torn(o, serial) || (oracle_is_moved(o, serial) &&
	    m->ours[side] <= m->gone[other] + m->marked[other] + m->marked[side]))
		return;
	if (o->level >= ORACLE_LOST &&
	    c->ever_ours[side] <= c->ever_removed[other] + c->ever_marked[other] + c->ever_marked[side] + c->ever_rekeyed[other])
		return;
	/* An old base may know a file under a name that has left and come back: what remains is judged at the settlement. */
	if (o->level >= ORACLE_OLD)
		return;
	oracle_find(o, "O1: box %d side %d: message %d is deleted by the program, and no person did", box, side, serial);
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
oracle_ours_trashed(struct oracle *o, int side, int serial)
{
	o->trashed[serial][side]++;
}

void
oracle_ours_expunged(struct oracle *o, int side, int serial, bool is_copying)
{
	if (is_copying && o->trashed[serial][side] > 0 && o->expunged[serial][side] == o->trashed[serial][side])
		return;
	o->expunged[serial][side]++;
	if (o->expunged[serial][side] > o->trashed[serial][side])
		oracle_find(o, "O12: side %d: message %d is expunged %d times, and %d times in the trash", side, serial,
		    o->expunged[serial][side], o->trashed[serial][side]);
}

void
oracle_ours_removed(struct oracle *o, int side, int serial)
{
	if (o->expunged[serial][side] < o->trashed[serial][side])
		o->expunged[serial][side]++;
}

void
oracle_ours_marked(struct oracle *o, int side, int box, int serial)
{
	/* What the limit had marked, and where nothing is known of it any more is a copy that a person made of its equal: it is copied as
	 * marked as it is. */
	if ((o->is_limited[0] || o->is_limited[1]) && o->level >= ORACLE_LOST)
		return;
	ours(o, side, box, serial);
}

void
oracle_ours_moved(struct oracle *o, int side, int box, int serial, bool is_kept)
{
	if (is_kept && oracle_may_copy(o))
		cell(o, box, serial)->limit++;
	arrived(o, side, box, serial, !is_kept);
	o->mail[serial].is_ours_moved[side] = true;
	o->mail[serial].ours_moved[side] += !is_kept;
}

void
oracle_ours_half_moved(struct oracle *o, int side, int serial)
{
	o->mail[serial].made[side]++;
}

static bool
was_any_left(const struct oracle *o, int side)
{
	int b;

	for (b = 0; b < ORACLE_BOXES; b++)
		if (o->box[b].left[side])
			return true;
	return false;
}

void
oracle_ours_removed_box(struct oracle *o, int side, int box)
{
	if (o->box[box].removed[!side] == 0 && !was_any_left(o, !side) && !was_any_left(o, side) && o->level < ORACLE_LOST)
		oracle_find(o, "O8: box %d is removed from side %d by the program, and no person did on the other", box, side);
}

void
oracle_ours_renamed_box(struct oracle *o, int side, int from, int to)
{
	struct cell *was, *is;
	int n;

	if (o->renames == 0)
		oracle_find(o, "box %d is renamed on side %d by the program, and no person ever did", from, side);
	for (n = 0; n < o->serials; n++) {
		was = cell(o, from, n);
		is = cell(o, to, n);
		if (was->count[side] == 0)
			continue;
		is->count[side] += was->count[side];
		was->count[side] = 0;
		is->was[side] = true;
		if (is->limit < is->count[side])
			is->limit = is->count[side];
		if (is->most < was->most)
			is->most = was->most;
		o->mail[n].is_carried = true;
	}
	o->box[from].is_busy[side] = o->box[to].is_busy[side] = true;
	carry_doubts(o, from, to);
}
