/* Which mailboxes go together, and with which record of the base. pair/pair.c decides.
 *
 * Twins stay twins: what the base knows as a pair is a pair, whatever its two mailboxes are called by now (R12 folder renames, roles).
 */
#include "sync/boxes/boxes.h"

#include "sync/pair/pair.h"
#include "sync/pair/patterns.h"

static bool
is_named(const struct channel_names *names, const char *box)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->at[i], box) == 0 || strcmp(names->at[i], "*") == 0)
			return true;
	return false;
}

/* Whether whatever is listed on a side for the first time is so for want of a base. */
static void
judge_blank(struct run *r)
{
	size_t i;
	int s;

	for (s = 0; s < SIDES; s++) {
		r->is_blank[s] = true;
		for (i = 0; i < r->base_n; i++)
			r->is_blank[s] &= !r->base[i].side[s].is_known || r->base[i].side[s].is_blank;
	}
}

static struct run_box *
add_box(struct run *r, const char *name, const char *far, const char *near)
{
	struct run_box *b = vec_add(&r->boxes);

	b->name = name;
	b->side[FAR].on = b->side[FAR].shown = far;
	b->side[NEAR].on = b->side[NEAR].shown = near;
	b->side[FAR].listed = listing_selectable(&r->listing[FAR], far);
	b->side[NEAR].listed = listing_selectable(&r->listing[NEAR], near);
	b->allow_delete = is_named(&r->set->allow_delete, name);
	b->restore = is_named(&r->set->restore, name);
	return b;
}

static const struct { enum mailbox_attr attr; enum role role; } attr_roles[] = {
	{ MAILBOX_ARCHIVE, ROLE_ARCHIVE }, { MAILBOX_DRAFTS, ROLE_DRAFTS }, { MAILBOX_JUNK, ROLE_JUNK },
	{ MAILBOX_SENT, ROLE_SENT }, { MAILBOX_TRASH, ROLE_TRASH },
};

unsigned
pairing_roles(unsigned attrs)
{
	unsigned roles = 0;
	size_t i;

	for (i = 0; i < ROLES; i++)
		if (attrs & attr_roles[i].attr)
			roles |= 1u << attr_roles[i].role;
	return roles;
}

static unsigned
attrs_of(unsigned roles)
{
	unsigned attrs = 0;
	size_t i;

	for (i = 0; i < ROLES; i++)
		if (roles & 1u << attr_roles[i].role)
			attrs |= attr_roles[i].attr;
	return attrs;
}

static struct pair_known *
known_pairs(struct run *r, const struct box_record *all, size_t n)
{
	struct pair_known *known = arena_alloc(&r->arena, (n + 1) * sizeof *known);
	size_t i;

	for (i = 0; i < n; i++)
		known[i] = (struct pair_known){ all[i].name, { name_on(&all[i], FAR), name_on(&all[i], NEAR) },
			all[i].side[FAR].is_known && all[i].side[NEAR].is_known };
	return known;
}

static struct box_record
blank_record(const char *name)
{
	static const struct box_side blank = { .mailbox_id = "", .above = "", .on = "", .now = "", .mask = { .kw = "" } };

	return (struct box_record){ .name = name, .side = { blank, blank } };
}

/* Two names that do not show that they are one mailbox's are remembered: either may be another's one day. */
static int
note_names(struct run *r, struct run_box *b, bool is_tied, struct err *e)
{
	struct box_record was = b->rec, other;
	const char *on;
	int got = 0, s;

	if (strcmp(b->rec.name, b->name) != 0 && (got = box_find(r->state, &r->arena, b->name, &other, e)) == 0)
		b->rec.name = b->name;
	for (s = 0; s < SIDES; s++) {
		on = b->side[s].shown + strlen(r->set->box[s]);
		b->rec.side[s].on = is_tied && strcmp(on, b->rec.name) != 0 ? on : "";
	}
	if (got < 0 || b->rec.id == 0 || (strcmp(b->rec.name, was.name) == 0 &&
	    strcmp(name_on(&b->rec, FAR), name_on(&was, FAR)) == 0 &&
	    strcmp(name_on(&b->rec, NEAR), name_on(&was, NEAR)) == 0))
		return got < 0 ? -1 : 0;
	return box_put(r->state, &b->rec, e);
}

/* One pair, with what the base knows of it: NULL = nothing. */
static int
add_pair(struct run *r, const struct pair *pair, struct mailbox *const listed[SIDES], const struct box_record *rec,
    struct err *e)
{
	struct run_box *b = add_box(r, pair->name, pair->full[FAR], pair->full[NEAR]);
	int s;

	/* What it is called there now may be another's name by the channel (R12). */
	for (s = 0; s < SIDES; s++) {
		b->side[s].listed = listed[s];
		if (listed[s] != NULL)
			b->side[s].on = listed[s]->name;
	}

	b->roles = attrs_of(pair->roles);
	b->rec = rec != NULL ? *rec : blank_record(b->name);
	if (pair->refused == NULL)
		return note_names(r, b, pair->is_tied, e);
	b->is_excluded = true;
	report_note(r, NOTE_ERROR, b->name, pair->refused);
	return 0;
}

/* A mailbox that the patterns did not select may be listed all the same; but not one that is another's by now. */
static struct mailbox *
selectable_unless_shown(struct run *r, enum side s, const char *full)
{
	return strcmp(renames_shown(r, s, full), full) == 0 ? listing_selectable(&r->listing[s], full) : NULL;
}

bool
pairing_selects(const struct run *r, enum side s, const char *full)
{
	const char *only = *r->set->box[s] != '\0' ? r->set->box[s] : "INBOX";

	return r->set->patterns.n == 0 ? strcmp(full, only) == 0 : patterns_select(r->set->patterns.at, r->set->patterns.n,
	    r->set->box[s], r->set->store[s]->is_inbox_listed, full) != NULL;
}

/* `all` are the n records of the base, of which is_met marks those that are in a pair. */
static int
pair_listed(struct run *r, const struct box_record *all, size_t n, bool *is_met, struct err *e)
{
	struct pair_rules rules = { .patterns = r->set->patterns.at, .n = r->set->patterns.n,
		.known = known_pairs(r, all, n), .n_known = n, .roles = r->set->role };
	VEC(struct pair_box) found[SIDES] = { { 0 }, { 0 } };
	struct pair_list pairs = { 0 };
	VEC(struct mailbox *) index[SIDES] = { { 0 }, { 0 } };
	struct mailbox *listed[SIDES], *m;
	const struct listing *l;
	size_t i;
	int s, status = 0;

	for (s = 0; s < SIDES; s++) {
		l = &r->listing[s];
		for (i = 0; i < l->boxes.n; i++) {
			m = &l->boxes.at[i];
			if (m->attrs & MAILBOX_NOSELECT)
				continue;
			vec_push(&index[s], m);
			vec_push(&found[s], (struct pair_box){ renames_shown(r, (enum side)s, m->name), *m->id != '\0' ? m->id : NULL,
				pairing_roles(m->attrs) });
		}
		rules.side[s] = (struct pair_side){ .boxes = found[s].at, .n = found[s].n,
			.prefix = r->set->box[s], .layout = r->set->store[s]->layout,
			.is_inbox_listed = r->set->store[s]->is_inbox_listed,
			.is_folding = r->set->store[s]->is_folding, .is_partial = !l->is_complete };
		memcpy(rules.side[s].role, r->set->store[s]->role, sizeof rules.side[s].role);
	}
	pair_boxes(&rules, &r->arena, &pairs);
	for (i = 0; i < pairs.n && status == 0; i++) {
		if (pairs.at[i].known != PAIR_NOT_KNOWN)
			is_met[pairs.at[i].known] = true;
		for (s = 0; s < SIDES; s++)
			listed[s] = pairs.at[i].listed[s] != PAIR_NOT_LISTED ? index[s].at[pairs.at[i].listed[s]] :
			    selectable_unless_shown(r, (enum side)s, pairs.at[i].full[s]);
		status = add_pair(r, &pairs.at[i], listed, pairs.at[i].known != PAIR_NOT_KNOWN ? &all[pairs.at[i].known] : NULL, e);
	}
	for (i = 0; i < pairs.n_notes; i++)
		report_note(r, NOTE_INFO, pairs.notes[i].name, pairs.notes[i].text);
	for (s = 0; s < SIDES; s++) {
		vec_release(&found[s]);
		vec_release(&index[s]);
	}
	return status;
}

static struct run_box *
find_box(struct run *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->boxes.n; i++)
		if (strcmp(r->boxes.at[i].name, name) == 0)
			return &r->boxes.at[i];
	return NULL;
}

/* Whether the channel still means a mailbox that only the base knows. */
static bool
is_selected(const struct run *r, const struct box_record *rec)
{
	struct arena a = { 0 };
	const char *full = arena_printf(&a, "%s%s", r->set->box[FAR], rec->name);
	const char *const on[SIDES] = { name_on(rec, FAR), name_on(rec, NEAR) };
	bool is = strcmp(on[FAR], on[NEAR]) != 0 ? patterns_select_tied(r->set->patterns.at, r->set->patterns.n, on) :
	    patterns_select(r->set->patterns.at, r->set->patterns.n, r->set->box[FAR],
		r->set->store[FAR]->is_inbox_listed, full) != NULL;

	arena_release(&a);
	return is;
}

static int
cmp_box_order(const void *x, const void *y)
{
	const struct run_box *a = x, *b = y;

	return names_compare(a->name, b->name);
}

/* A channel of one mailbox. */
static void
add_only(struct run *r, const struct box_record *all, size_t n, bool *is_met)
{
	const char *far = *r->set->box[FAR] ? r->set->box[FAR] : "INBOX";
	struct run_box *b = add_box(r, far, far, *r->set->box[NEAR] ? r->set->box[NEAR] : "INBOX");
	size_t i;

	b->rec = blank_record(b->name);
	for (i = 0; i < n; i++)
		if (strcmp(all[i].name, b->name) == 0) {
			is_met[i] = true;
			b->rec = all[i];
		}
}

/* Whether a mailbox of the pair is listed and in another pair by now: its former twin waits for nothing then. */
static bool
is_elsewhere(struct run *r, const struct box_record *rec)
{
	const char *full;
	size_t i;
	int s;

	for (s = 0; s < SIDES; s++) {
		full = arena_printf(&r->arena, "%s%s", r->set->box[s], name_on(rec, (enum side)s));
		if (listing_selectable(&r->listing[s], full) == NULL)
			continue;
		for (i = 0; i < r->boxes.n; i++)
			if (!r->boxes.at[i].is_excluded && strcmp(r->boxes.at[i].side[s].on, full) == 0)
				return true;
	}
	return false;
}

/* Pairs what is listed, and adds what only the base knows. */
int
pairing_make(struct run *r, struct err *e)
{
	struct box_record *all;
	bool *is_met;
	size_t n, i;

	if (box_all(r->state, &r->arena, &r->base, &r->base_n, e) < 0)
		return -1;
	judge_blank(r);
	if (renames_find(r, e) < 0)
		return -1;
	all = r->base;
	n = r->base_n;
	is_met = arena_alloc(&r->arena, n + 1);
	if (r->set->patterns.n == 0)
		add_only(r, all, n, is_met);
	else if (pair_listed(r, all, n, is_met, e) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (!is_met[i] && r->set->patterns.n > 0 && is_selected(r, &all[i]) && !is_elsewhere(r, &all[i]))
			add_box(r, all[i].name, arena_printf(&r->arena, "%s%s", r->set->box[FAR], name_now(&all[i], FAR)),
			    arena_printf(&r->arena, "%s%s", r->set->box[NEAR], name_now(&all[i], NEAR)))->rec = all[i];
	if (r->boxes.n > 1)
		qsort(r->boxes.at, r->boxes.n, sizeof r->boxes.at[0], cmp_box_order);
	return 0;
}

/* Where each mailbox that is seen lies, for the day when it is not. */
static int
keep_above(struct run *r, struct run_box *b, enum side s, struct err *e)
{
	struct box_side *bs = &b->rec.side[s];
	const struct mailbox *m = b->side[s].listed;

	if (b->is_excluded || b->side[s].has_failed || m == NULL || m->is_assumed || m->above == NULL ||
	    (bs->above != NULL && strcmp(bs->above, m->above) == 0))
		return 0;
	bs->above = m->above;
	return b->rec.id != 0 ? box_put(r->state, &b->rec, e) : 0;
}

/* R12: by what each mailbox is known again under another name. */
int
pairing_keep_identities(struct run *r, struct err *e)
{
	struct box_side *bs;
	struct run_box *b;
	size_t i;
	int s;

	for (i = 0; i < r->boxes.n; i++)
		for (s = 0; s < SIDES; s++) {
			b = &r->boxes.at[i];
			bs = &b->rec.side[s];
			if (keep_above(r, b, (enum side)s, e) < 0)
				return -1;
			if (b->is_excluded || b->side[s].has_failed || b->side[s].listed == NULL || *b->side[s].listed->id == '\0' ||
			    strcmp(bs->mailbox_id, BOX_ID_APART) == 0 || strcmp(bs->mailbox_id, b->side[s].listed->id) == 0)
				continue;
			bs->mailbox_id = b->side[s].listed->id;
			if (b->rec.id != 0 && box_put(r->state, &b->rec, e) < 0)
				return -1;
		}
	return 0;
}

/* Keeps only what was named on the command line; a name that does not exist is said. */
void
pairing_keep_named(struct run *r)
{
	const struct channel_names *only = &r->set->only;
	size_t i, k = 0;

	if (only->n == 0)
		return;
	for (i = 0; i < only->n; i++)
		if (find_box(r, only->at[i]) == NULL)
			report_note(r, NOTE_ERROR, only->at[i],
			    "no mailbox of this name on either side that the channel's Patterns select");
	for (i = 0; i < r->boxes.n; i++)
		if (is_named(only, r->boxes.at[i].name))
			r->boxes.at[k++] = r->boxes.at[i];
	r->boxes.n = k;
}
