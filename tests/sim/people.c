/* The simulated people: they file, read, flag and delete mail on both sides, whenever they like. */
#include "tests/sim/store_ram.h"


/* ---- small help ---- */

static int
pick_box(struct sim *s, const struct ram *r)
{
	int i, n = 0, k;

	for (i = 0; i < SIM_BOXES; i++)
		n += r->box[i].exists;
	if (n == 0)
		return -1;
	k = (int)sim_draw(s, (uint64_t)n);
	for (i = 0; i < SIM_BOXES; i++)
		if (r->box[i].exists && k-- == 0)
			return i;
	return -1;
}

/* A message on this side; false: there is none. */
static bool
pick_message(struct sim *s, const struct ram *r, int *box_r, size_t *at_r)
{
	size_t n = 0, k;
	int i;

	for (i = 0; i < SIM_BOXES; i++)
		if (r->box[i].exists)
			n += r->box[i].messages.n;
	if (n == 0)
		return false;
	k = sim_draw(s, n);
	for (i = 0; i < SIM_BOXES; i++) {
		if (!r->box[i].exists)
			continue;
		if (k < r->box[i].messages.n) {
			*box_r = i;
			*at_r = k;
			/* What a server has told falsely of is left alone until a list has shown it: else nobody could know what is what. */
			return r->tells == RAM_TELLS_TRULY || !r->box[i].messages.at[k].is_ours || r->box[i].messages.at[k].was_listed;
		}
		k -= r->box[i].messages.n;
	}
	return false;
}

static uint32_t
pick_flags(struct sim *s, const struct ram *r)
{
	static const uint32_t likely[] = { 0, 0, FLAG_SEEN, FLAG_SEEN | FLAG_ANSWERED, FLAG_FLAGGED, FLAG_DRAFT,
		FLAG_SEEN | (1 << SIM_KW_SHIFT), 2 << SIM_KW_SHIFT, FLAG_SEEN | FLAG_DELETED, FLAG_FORWARDED };

	return likely[sim_draw(s, sizeof likely / sizeof likely[0])] & r->keeps;
}

/* history_sizes.c */
static void
sizes_note_put(struct ram *r, int box, const struct content *c)
{
	struct content *own = r->sim->content[c->serial];

	own->is_several |= own->is_put;
	own->is_put = true;
	own->is_stray |= !r->sim->is_selected[box] && r->side == r->sim->small;
	own->is_away |= !r->sim->is_selected[box] || c->is_refused[FAR] || c->is_refused[NEAR];
}

static void
note_content(struct sim *s, int box, const struct content *c)
{
	if (c->is_refused[FAR] || c->is_refused[NEAR])
		oracle_loose(s->oracle, box, c->serial);
}

/* NULL: its equal is there, and a store that keeps such once has nothing new. *is_told_r: to the oracle. */
static struct ram_message *
put(struct ram *r, int box, const struct content *c, uint32_t flags, uint32_t number, bool *is_told_r)
{
	struct ram_message *m = once_equal(r, box, c);
	bool is_told = m == NULL && once_is_first(r, box, c);

	if (is_told_r != NULL)
		*is_told_r = is_told;
	if (m != NULL)
		return NULL;
	m = ram_put(r, box, c, flags, number);
	sizes_note_put(r, box, c);
	r->sim->content[c->serial]->is_deleted |= (m->flags & FLAG_DELETED) != 0;
	note_content(r->sim, box, c);
	once_put(r, c, m->flags);
	if (is_told)
		oracle_put(r->sim->oracle, r->side, box, c->serial, m->flags);
	else	/* nothing to count, but something that happened there */
		oracle_flags(r->sim->oracle, r->side, box, c->serial, 0, m->flags & FLAG_DELETED);
	ram_window_equal(r, box, c);
	sim_trace(r->sim, "  person: %s %s: puts %s with %s", r->store.name, sim_box_name[box], ram_text(r, m),
	    sim_flags_text(m->flags));
	return m;
}

/* A mailbox is known again by its messages, unless the store says which it is: one that was renamed and has lost some is perhaps
 * another, with what goes for such (R7). */
static void
doubt(struct ram *r, int box)
{
	const struct ram_box *b = &r->box[box];

	if (!b->is_renamed || !b->has_lost || (r->kind != RAM_MAILDIR && r->ids != RAM_IDS_NONE))
		return;
	ram_mistaken(r);
}

/* Whether the oracle was told. */
static bool
take(struct ram *r, int box, size_t at)
{
	const struct ram_message *m = &r->box[box].messages.at[at];
	bool is_told = once_is_last(r, box, at);

	sim_trace(r->sim, "  person: %s %s: removes %s", r->store.name, sim_box_name[box], ram_text(r, m));
	once_taken(r, m->c);
	once_unnamed(r, box, m->c, !r->has_uidplus);
	if (is_told)
		oracle_gone(r->sim->oracle, r->side, box, m->c->serial);
	else
		oracle_one_of_several_gone(r->sim->oracle, r->side, box, m->c->serial);
	unsettled_taken(r->sim, r, box, m->c);
	r->sim->content[m->c->serial]->is_taken = true;
	if (r->sim->is_running)
		r->sim->content[m->c->serial]->taken_in[r->side] = r->sim->runs;
	r->box[box].has_lost |= m->is_shown || m->was_shown;
	doubt(r, box);
	ram_remove(r, box, at);
	return is_told;
}

void
people_put(struct ram *r, int box, const struct content *c, uint32_t flags)
{
	put(r, box, c, flags, 0, NULL);
}

void
people_remove(struct ram *r, int box, size_t at)
{
	r->sim->content[r->box[box].messages.at[at].c->serial]->is_deleted = true;
	take(r, box, at);
}

static void
reflag(struct ram *r, int box, size_t at, uint32_t flags)
{
	struct ram_message *m = &r->box[box].messages.at[at];

	flags &= r->keeps;
	if (flags == m->flags)
		return;
	sim_trace(r->sim, "  person: %s %s: flags of %s: %s -> %s", r->store.name, sim_box_name[box], ram_text(r, m),
	    sim_flags_text(m->flags), sim_flags_text(flags));
	if (m->flags & ~flags & FLAG_DELETED)
		r->sim->content[m->c->serial]->is_taken_back = true;
	r->sim->content[m->c->serial]->is_deleted |= (flags & FLAG_DELETED) != 0;
	oracle_flags(r->sim->oracle, r->side, box, m->c->serial, m->flags, flags);
	if (flags & FLAG_DELETED) {
		once_taken(r, m->c);
		once_unnamed(r, box, m->c, !r->has_uidplus);
	}
	if (!once_is_last(r, box, at))
		oracle_shared(r->sim->oracle, box, m->c->serial);
	if (flags & FLAG_DELETED)
		unsettled_taken(r->sim, r, box, m->c);
	if (m->is_ours && !m->was_listed)
		oracle_unseen(r->sim->oracle, box, m->c->serial, m->flags & ~flags);
	ram_set_flags(r, box, at, flags);
}

/* ---- acts ---- */

static void
put_new(struct sim *s, struct ram *r)
{
	int box = pick_box(s, r);
	struct content *c;

	if (box < 0 || (c = content_new(s, -1)) == NULL)
		return;
	if (sim_chance(s, 2))
		c->is_refused[side_other(r->side)] = true;
	put(r, s->unsettled == r ? 0 : box, c, pick_flags(s, r), 0, NULL);
	if (unsettled_oldest(s, r))
		take(r, 0, 0);
}

/* Mail that exists already, once more, anywhere. */
static void
put_equal(struct sim *s, struct ram *r)
{
	int box = pick_box(s, r);

	if (box < 0 || s->contents == 0)
		return;
	put(r, box, s->content[sim_draw(s, (uint64_t)s->contents)], pick_flags(s, r), 0, NULL);
}

/* Filed by a filter on both sides. */
static void
put_both(struct sim *s, struct ram *r)
{
	struct ram *other = s->ram[side_other(r->side)];
	int box = pick_box(s, r);
	struct content *c;
	uint32_t flags[SIDES];
	int i;

	if (box < 0 || !other->box[box].exists || s->is_running || (c = content_new(s, -1)) == NULL)
		return;
	for (i = 0; i < SIDES; i++)
		flags[i] = ram_put(s->ram[i], box, c, pick_flags(s, s->ram[i]), 0)->flags;
	sizes_note_put(r, box, c);
	c->is_deleted |= ((flags[FAR] | flags[NEAR]) & FLAG_DELETED) != 0;
	once_put(s->ram[s->once == s->ram[FAR] ? NEAR : FAR], c, flags[FAR] | flags[NEAR]);
	sim_trace(s, "  person: both sides %s: put message %d with %s and %s", sim_box_name[box], c->serial,
	    sim_flags_text(flags[FAR]), sim_flags_text(flags[NEAR]));
	oracle_put_both(s->oracle, box, c->serial, flags);
}

/* A draft saved again, or any other body under a known header. */
static void
put_same_header(struct sim *s, struct ram *r)
{
	struct content *c;
	size_t at;
	int box;

	if (!pick_message(s, r, &box, &at) || (c = content_new(s, r->box[box].messages.at[at].c->serial)) == NULL)
		return;
	put(r, box, c, pick_flags(s, r), 0, NULL);
	if (sim_chance(s, 60))
		people_remove(r, box, at);
}

static void
change_flags(struct sim *s, struct ram *r)
{
	static const uint32_t bits[] = { FLAG_SEEN, FLAG_SEEN, FLAG_FLAGGED, FLAG_ANSWERED, FLAG_DRAFT, FLAG_FORWARDED,
		1 << SIM_KW_SHIFT, 2 << SIM_KW_SHIFT, 4 << SIM_KW_SHIFT };
	size_t at;
	int box;

	if (pick_message(s, r, &box, &at))
		reflag(r, box, at, r->box[box].messages.at[at].flags ^ bits[sim_draw(s, sizeof bits / sizeof bits[0])]);
}

static void
mark_deleted(struct sim *s, struct ram *r)
{
	size_t at;
	int box;

	if (pick_message(s, r, &box, &at))
		reflag(r, box, at, r->box[box].messages.at[at].flags | FLAG_DELETED);
}

static void
take_back(struct sim *s, struct ram *r)
{
	int box;
	size_t i;

	(void)s;
	for (box = 0; box < SIM_BOXES; box++)
		for (i = 0; i < r->box[box].messages.n && r->box[box].exists; i++)
			if (r->box[box].messages.at[i].flags & FLAG_DELETED) {
				reflag(r, box, i, r->box[box].messages.at[i].flags & ~(uint32_t)FLAG_DELETED);
				return;
			}
}

static void
remove_one(struct sim *s, struct ram *r)
{
	size_t at;
	int box;

	if (pick_message(s, r, &box, &at))
		people_remove(r, box, at);
}

/* has_name: under the name of its file. */
static void
carry(struct ram *r, int box, size_t at, int to, bool keep, bool has_name)
{
	const struct ram_message m = r->box[box].messages.at[at];
	const bool is_given = m.is_given && has_name;
	struct ram_message *copy;
	bool is_put;

	copy = put(r, to, m.c, m.flags, has_name ? m.number : 0, &is_put);
	if (copy != NULL) {
		copy->is_given = is_given;
		copy->form = m.form;
	}
	/* Nor do they go along to another mailbox. */
	once_unnamed(r, box, m.c, !keep);
	if (!keep && take(r, box, at) && is_put)
		oracle_same(r->sim->oracle, r->side, m.c->serial);
}

void
people_move(struct ram *r, int box, size_t at, int to)
{
	carry(r, box, at, to, false, true);
}

/* From its mailbox into another, or a copy of it anywhere. */
static void
file(struct sim *s, struct ram *r, int box, size_t at, bool keep)
{
	int to = pick_box(s, r);

	if (to >= 0 && (to != box || keep))
		carry(r, box, at, to, keep, !keep && sim_chance(s, 70));
}

static void
move_one(struct sim *s, struct ram *r)
{
	size_t at;
	int box;

	if (pick_message(s, r, &box, &at))
		file(s, r, box, at, false);
}

static void
copy_one(struct sim *s, struct ram *r)
{
	size_t at;
	int box;

	if (pick_message(s, r, &box, &at))
		file(s, r, box, at, true);
}

/* What has just been delivered is what people see first. */
static void
move_latest(struct sim *s, struct ram *r)
{
	int box;
	size_t i;

	for (box = 0; box < SIM_BOXES; box++)
		for (i = 0; i < r->box[box].messages.n && r->box[box].exists; i++)
			if (r->box[box].messages.at[i].is_given && !r->box[box].messages.at[i].was_listed) {
				file(s, r, box, i, false);
				return;
			}
}

void
people_create_box(struct ram *r, int box)
{
	if (r->box[box].exists)
		return;
	sim_trace(r->sim, "  person: %s: creates %s", r->store.name, sim_box_name[box]);
	ram_create_box(r, box);
	oracle_box_created(r->sim->oracle, r->side, box);
}

static void
create_box(struct sim *s, struct ram *r)
{
	people_create_box(r, 1 + (int)sim_draw(s, SIM_MADE - 1));
}

void
people_remove_box(struct ram *r, int box)
{
	sim_trace(r->sim, "  person: %s: removes the mailbox %s", r->store.name, sim_box_name[box]);
	/* Renamed before that, it leaves a name that may be another's by now: nothing that was in it is deleted then (R7). */
	if (r->box[box].is_renamed)
		ram_mistaken(r);
	while (r->box[box].messages.n > 0)
		people_remove(r, box, 0);
	ram_drop_box(r, box);
	oracle_box_removed(r->sim->oracle, r->side, box);
}

static void
remove_box(struct sim *s, struct ram *r)
{
	int box = pick_box(s, r);

	if (box > 0)
		people_remove_box(r, box);
}

/* Known again by its messages alone, none of which the program can have read: they are not on the other side. */
static bool
is_unproven(const struct ram *r, int box)
{
	const struct ram *other = r->sim->ram[side_other(r->side)];
	const struct ram_box *b = &r->box[box];
	size_t i, k;
	int o;

	if (r->kind == RAM_MAILDIR || r->ids != RAM_IDS_NONE)
		return false;
	for (i = 0; i < b->messages.n; i++)
		for (o = 0; o < SIM_BOXES && b->messages.at[i].was_listed; o++)
			for (k = 0; k < other->box[o].messages.n; k++)
				if (other->box[o].exists && other->box[o].messages.at[k].c == b->messages.at[i].c)
					return false;
	return b->messages.n > 0;
}

/* Every message goes along: to the oracle, each was moved. */
static void
renamed(struct ram *r, int from, int to)
{
	const struct ram_message *m;
	const bool is_within = r->sim->is_selected[from] && r->sim->is_selected[to];
	size_t i;

	once_doubted(r->sim);
	/* Twice, and then out of what the channel means: the name it is gone from is the first of them. */
	if (r->box[from].is_renamed && !is_within)
		ram_mistaken(r);
	r->box[from].is_renamed = true;
	r->box[from].in_list = 0;
	doubt(r, from);
	/* Between the list and a look at the mailbox it is another of the same name. */
	if (r->sim->is_running || is_unproven(r, from))
		ram_mistaken(r);
	for (i = 0; i < r->box[from].messages.n; i++) {
		m = &r->box[from].messages.at[i];
		note_content(r->sim, to, m->c);
		once_taken(r, m->c);
		r->sim->content[m->c->serial]->is_taken |= !is_within;
		r->sim->content[m->c->serial]->is_stray |= !is_within && r->side == r->sim->small;
		r->sim->content[m->c->serial]->is_away |= !r->sim->is_selected[to] && r->side == r->sim->small;
		if (once_is_repeated(r, from, i))
			continue;
		oracle_went(r->sim->oracle, r->side, from, to, m->c->serial, m->flags);
	}
	oracle_box_renamed(r->sim->oracle, r->side, from, to);
	/* Out of what the channel means, or into it. */
	if (!is_within)
		oracle_box_removed(r->sim->oracle, r->side, from);
}

/* To another name, with what is below; where that is taken, the two may change places. */
static void
rename_box(struct sim *s, struct ram *r)
{
	int from = pick_box(s, r), to = 1 + (int)sim_draw(s, SIM_MADE - 1);
	bool swap = r->box[to].exists;
	int i;

	/* What is out of sight has no name that could be changed. */
	for (i = 0; i < SIM_BOXES; i++)
		if (r->box[i].damage != RAM_WHOLE)
			return;
	if (from < 0 || from >= SIM_MADE || !ram_can_rename(r, from, to, swap))
		return;
	sim_trace(s, "  person: %s: %s %s %s", r->store.name, sim_box_name[from], swap ? "changes names with" : "is renamed to",
	    sim_box_name[to]);
	ram_rename(r, from, to, swap, renamed);
	if (swap && (!s->is_selected[from] || !s->is_selected[to])) {
		oracle_box_created(s->oracle, r->side, from);
		oracle_box_created(s->oracle, r->side, to);
	}
}

/* A mail program looks: new/ becomes cur/, which is no change to anybody. */
static void
look(struct sim *s, struct ram *r)
{
	size_t at;
	int box;

	if (!pick_message(s, r, &box, &at))
		return;
	r->box[box].messages.at[at].is_new = false;
	r->box[box].messages.at[at].modseq = ++r->box[box].modseq;
}

/* The same message under another key: moved out and in again, moved onto itself, or a file that another program gave a name of
 * its own. To the oracle one is put and one removed, which are the same. */
static void
rekey(struct sim *s, struct ram *r)
{
	struct ram_message m, *again;
	size_t at;
	int box;
	bool is_told;

	if (!pick_message(s, r, &box, &at))
		return;
	m = r->box[box].messages.at[at];
	/* What the server does not show has no key that anybody knows. */
	if (m.is_hidden || m.is_away || m.is_replaced)
		return;
	/* A store that keeps it once has let go of it first. */
	if (r == s->once) {
		oracle_rekeyed(s->oracle, r->side, box, m.c->serial);
		oracle_shared(s->oracle, box, m.c->serial);
		sim_trace(s, "  person: %s %s: gives %s another UID", r->store.name, sim_box_name[box], ram_text(r, &m));
		s->is_rekeyed[m.c->serial] = true;
		/* It may be taken for an equal one on its way there. */
		if (!r->has_uidplus)
			once_taken(r, m.c);
		ram_remove(r, box, at);
		again = ram_put(r, box, m.c, m.flags, 0);
		again->date = m.date;
		again->is_counted = m.is_counted;
		return;
	}
	again = put(r, box, m.c, m.flags, 0, &is_told);
	again->date = m.date;
	again->form = m.form;
	again->is_counted = m.is_counted;	/* the program has marked it, whatever became of the mark since */
	take(r, box, at);
	if (!is_told)
		oracle_rekeyed(s->oracle, r->side, box, m.c->serial);
	/* A draft that nobody has read in full is saved again, for all that one can know. */
	else if (!m.was_draft)
		oracle_same(s->oracle, r->side, m.c->serial);
}

static void
renew_index(struct sim *s, struct ram *r)
{
	int box = pick_box(s, r);

	if (box < 0)
		return;
	if (sim_chance(s, 50)) {
		sim_trace(s, "  %s: the index of %s is built anew", r->store.name, sim_box_name[box]);
		ram_new_index(r, box);
		return;
	}
	sim_trace(s, "  %s: %s gets another epoch", r->store.name, sim_box_name[box]);
	sim_disturb(s, ORACLE_LOST);
	oracle_blank(s->oracle, r->side, r->box[box].is_renamed ? -1 : box);
	ram_new_epoch(r, box);
}

static const struct act {
	void (*run)(struct sim *s, struct ram *r);
	unsigned weight;
} acts[] = {
	{ put_new, 22 }, { put_equal, 5 }, { put_both, 6 }, { put_same_header, 5 }, { change_flags, 28 },
	{ mark_deleted, 6 }, { take_back, 2 }, { remove_one, 9 }, { move_one, 8 }, { move_latest, 2 }, { copy_one, 3 }, { create_box, 4 },
	{ remove_box, 2 }, { rename_box, 2 }, { look, 3 }, { rekey, 6 }, { renew_index, 1 },
};

void
people_act(struct sim *s)
{
	struct ram *r = s->ram[sim_draw(s, SIDES)];
	unsigned sum = 0, at;
	size_t i;

	for (i = 0; i < sizeof acts / sizeof acts[0]; i++)
		sum += acts[i].weight;
	at = (unsigned)sim_draw(s, sum);
	for (i = 0; at >= acts[i].weight; i++)
		at -= acts[i].weight;
	acts[i].run(s, r);
}

void
people_begin(struct sim *s)
{
	int i;

	for (i = 1; i < SIM_MADE; i++) {
		if (!sim_happens(s, 300))
			continue;
		if (sim_chance(s, 80))
			create_box(s, s->ram[FAR]);
		if (sim_chance(s, 80))
			create_box(s, s->ram[NEAR]);
	}
	for (i = 0; i < 8; i++) {
		if (!sim_happens(s, 450))
			continue;
		if (sim_chance(s, 40))
			put_both(s, s->ram[FAR]);
		else
			put_new(s, s->ram[sim_draw(s, SIDES)]);
	}
}
