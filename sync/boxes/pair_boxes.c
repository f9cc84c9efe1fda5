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
judge_blank(struct env *env)
{
	size_t i;
	int s;

	for (s = 0; s < SIDES; s++) {
		env->boxes_state->is_blank[s] = true;
		for (i = 0; i < env->boxes_state->base_n; i++)
			env->boxes_state->is_blank[s] &= !env->boxes_state->base[i].side[s].is_known || env->boxes_state->base[i].side[s].is_blank;
	}
}

static struct run_box *
add_box(struct env *env, const char *name, const char *far, const char *near)
{
	struct run_box *b = vec_add(&env->boxes);

	b->name = name;
	b->side[FAR].on = b->side[FAR].shown = far;
	b->side[NEAR].on = b->side[NEAR].shown = near;
	b->side[FAR].listed = listing_selectable(&env->boxes_state->listing[FAR], far);
	b->side[NEAR].listed = listing_selectable(&env->boxes_state->listing[NEAR], near);
	b->allow_delete = is_named(&env->set->allow_delete, name);
	b->restore = is_named(&env->set->restore, name);
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
known_pairs(struct env *env, const struct box_record *all, size_t n)
{
	struct pair_known *known = arena_alloc(&env->arena, (n + 1) * sizeof *known);
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
note_names(struct env *env, struct run_box *b, bool is_tied, struct err *e)
{
	struct box_record was = b->rec, other;
	const char *on;
	int got = 0, s;

	if (strcmp(b->rec.name, b->name) != 0 && (got = box_find(env->state, &env->arena, b->name, &other, e)) == 0)
		b->rec.name = b->name;
	for (s = 0; s < SIDES; s++) {
		on = b->side[s].shown + strlen(env->set->box[s]);
		b->rec.side[s].on = is_tied && strcmp(on, b->rec.name) != 0 ? on : "";
	}
	if (got < 0 || b->rec.id == 0 || (strcmp(b->rec.name, was.name) == 0 &&
	    strcmp(name_on(&b->rec, FAR), name_on(&was, FAR)) == 0 &&
	    strcmp(name_on(&b->rec, NEAR), name_on(&was, NEAR)) == 0))
		return got < 0 ? -1 : 0;
	return box_put(env->state, &b->rec, e);
}

/* One pair, with what the base knows of it: NULL = nothing. */
static int
add_pair(struct env *env, const struct pair *pair, struct mailbox *const listed[SIDES], const struct box_record *rec,
    struct err *e)
{
	struct run_box *b = add_box(env, pair->name, pair->full[FAR], pair->full[NEAR]);
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
		return note_names(env, b, pair->is_tied, e);
	b->is_excluded = true;
	report_note(env, NOTE_ERROR, b->name, pair->refused);
	return 0;
}

/* A mailbox that the patterns did not select may be listed all the same; but not one that is another's by now. */
static struct mailbox *
selectable_unless_shown(struct env *env, enum side s, const char *full)
{
	return strcmp(renames_shown(env, s, full), full) == 0 ? listing_selectable(&env->boxes_state->listing[s], full) : NULL;
}

bool
pairing_selects(const struct env *env, enum side s, const char *full)
{
	const char *only = *env->set->box[s] != '\0' ? env->set->box[s] : "INBOX";

	return env->set->patterns.n == 0 ? strcmp(full, only) == 0 : patterns_select(env->set->patterns.at, env->set->patterns.n,
	    env->set->box[s], env->set->store[s]->is_inbox_listed, full) != NULL;
}

/* `all` are the n records of the base, of which is_met marks those that are in a pair. */
static int
pair_listed(struct env *env, const struct box_record *all, size_t n, bool *is_met, struct err *e)
{
	struct pair_rules rules = { .patterns = env->set->patterns.at, .n = env->set->patterns.n,
		.known = known_pairs(env, all, n), .n_known = n, .roles = env->set->role };
	VEC(struct pair_box) found[SIDES] = { { 0 }, { 0 } };
	struct pair_list pairs = { 0 };
	VEC(struct mailbox *) index[SIDES] = { { 0 }, { 0 } };
	struct mailbox *listed[SIDES], *m;
	const struct listing *l;
	size_t i;
	int s, status = 0;

	for (s = 0; s < SIDES; s++) {
		l = &env->boxes_state->listing[s];
		for (i = 0; i < l->boxes.n; i++) {
			m = &l->boxes.at[i];
			if (m->attrs & MAILBOX_NOSELECT)
				continue;
			vec_push(&index[s], m);
			vec_push(&found[s], (struct pair_box){ renames_shown(env, (enum side)s, m->name), *m->id != '\0' ? m->id : NULL,
				pairing_roles(m->attrs) });
		}
		rules.side[s] = (struct pair_side){ .boxes = found[s].at, .n = found[s].n,
			.prefix = env->set->box[s], .layout = env->set->store[s]->layout,
			.is_inbox_listed = env->set->store[s]->is_inbox_listed,
			.is_folding = env->set->store[s]->is_folding, .is_partial = !l->is_complete };
		memcpy(rules.side[s].role, env->set->store[s]->role, sizeof rules.side[s].role);
	}
	pair_boxes(&rules, &env->arena, &pairs);
	for (i = 0; i < pairs.n && status == 0; i++) {
		if (pairs.at[i].known != PAIR_NOT_KNOWN)
			is_met[pairs.at[i].known] = true;
		for (s = 0; s < SIDES; s++)
			listed[s] = pairs.at[i].listed[s] != PAIR_NOT_LISTED ? index[s].at[pairs.at[i].listed[s]] :
			    selectable_unless_shown(env, (enum side)s, pairs.at[i].full[s]);
		status = add_pair(env, &pairs.at[i], listed, pairs.at[i].known != PAIR_NOT_KNOWN ? &all[pairs.at[i].known] : NULL, e);
	}
	for (i = 0; i < pairs.n_notes; i++)
		report_note(env, NOTE_INFO, pairs.notes[i].name, pairs.notes[i].text);
	for (s = 0; s < SIDES; s++) {
		vec_release(&found[s]);
		vec_release(&index[s]);
	}
	return status;
}

static struct run_box *
find_box(struct env *env, const char *name)
{
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (strcmp(env->boxes.at[i].name, name) == 0)
			return &env->boxes.at[i];
	return NULL;
}

/* Whether the channel still means a mailbox that only the base knows. */
static bool
is_selected(const struct env *env, const struct box_record *rec)
{
	struct arena a = { 0 };
	const char *full = arena_printf(&a, "%s%s", env->set->box[FAR], rec->name);
	const char *const on[SIDES] = { name_on(rec, FAR), name_on(rec, NEAR) };
	bool is = strcmp(on[FAR], on[NEAR]) != 0 ? patterns_select_tied(env->set->patterns.at, env->set->patterns.n, on) :
	    patterns_select(env->set->patterns.at, env->set->patterns.n, env->set->box[FAR],
		env->set->store[FAR]->is_inbox_listed, full) != NULL;

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
add_only(struct env *env, const struct box_record *all, size_t n, bool *is_met)
{
	const char *far = *env->set->box[FAR] ? env->set->box[FAR] : "INBOX";
	struct run_box *b = add_box(env, far, far, *env->set->box[NEAR] ? env->set->box[NEAR] : "INBOX");
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
is_elsewhere(struct env *env, const struct box_record *rec)
{
	const char *full;
	size_t i;
	int s;

	for (s = 0; s < SIDES; s++) {
		full = arena_printf(&env->arena, "%s%s", env->set->box[s], name_on(rec, (enum side)s));
		if (listing_selectable(&env->boxes_state->listing[s], full) == NULL)
			continue;
		for (i = 0; i < env->boxes.n; i++)
			if (!env->boxes.at[i].is_excluded && strcmp(env->boxes.at[i].side[s].on, full) == 0)
				return true;
	}
	return false;
}

/* Pairs what is listed, and adds what only the base knows. */
int
pairing_make(struct env *env, struct err *e)
{
	struct box_record *all;
	bool *is_met;
	size_t n, i;

	if (box_all(env->state, &env->arena, &env->boxes_state->base, &env->boxes_state->base_n, e) < 0)
		return -1;
	judge_blank(env);
	if (renames_find(env, e) < 0)
		return -1;
	all = env->boxes_state->base;
	n = env->boxes_state->base_n;
	is_met = arena_alloc(&env->arena, n + 1);
	if (env->set->patterns.n == 0)
		add_only(env, all, n, is_met);
	else if (pair_listed(env, all, n, is_met, e) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (!is_met[i] && env->set->patterns.n > 0 && is_selected(env, &all[i]) && !is_elsewhere(env, &all[i]))
			add_box(env, all[i].name, arena_printf(&env->arena, "%s%s", env->set->box[FAR], name_now(&all[i], FAR)),
			    arena_printf(&env->arena, "%s%s", env->set->box[NEAR], name_now(&all[i], NEAR)))->rec = all[i];
	if (env->boxes.n > 1)
		qsort(env->boxes.at, env->boxes.n, sizeof env->boxes.at[0], cmp_box_order);
	return 0;
}

/* Where each mailbox that is seen lies, for the day when it is not. */
static int
keep_above(struct env *env, struct run_box *b, enum side s, struct err *e)
{
	struct box_side *bs = &b->rec.side[s];
	const struct mailbox *m = b->side[s].listed;

	if (b->is_excluded || sight_has_failed(&b->side[s]) || m == NULL || m->is_assumed || m->above == NULL ||
	    (bs->above != NULL && strcmp(bs->above, m->above) == 0))
		return 0;
	bs->above = m->above;
	return b->rec.id != 0 ? box_put(env->state, &b->rec, e) : 0;
}

/* R12: by what each mailbox is known again under another name. */
int
pairing_keep_identities(struct env *env, struct err *e)
{
	struct box_side *bs;
	struct run_box *b;
	size_t i;
	int s;

	for (i = 0; i < env->boxes.n; i++)
		for (s = 0; s < SIDES; s++) {
			b = &env->boxes.at[i];
			bs = &b->rec.side[s];
			if (keep_above(env, b, (enum side)s, e) < 0)
				return -1;
			if (b->is_excluded || sight_has_failed(&b->side[s]) || b->side[s].listed == NULL || *b->side[s].listed->id == '\0' ||
			    bs->is_apart || strcmp(bs->mailbox_id, b->side[s].listed->id) == 0)
				continue;
			bs->mailbox_id = b->side[s].listed->id;
			if (b->rec.id != 0 && box_put(env->state, &b->rec, e) < 0)
				return -1;
		}
	return 0;
}

/* Keeps only what was named on the command line; a name that does not exist is said. */
void
pairing_keep_named(struct env *env)
{
	const struct channel_names *only = &env->set->only;
	size_t i, k = 0;

	if (only->n == 0)
		return;
	for (i = 0; i < only->n; i++)
		if (find_box(env, only->at[i]) == NULL)
			report_note(env, NOTE_ERROR, only->at[i], arena_printf(&env->arena, "on neither side there is a mailbox of this name that the "
			    "channel's Patterns select; %s shows those there are", env_hint_option(env, "list", NULL)));
	for (i = 0; i < env->boxes.n; i++)
		if (is_named(only, env->boxes.at[i].name))
			env->boxes.at[k++] = env->boxes.at[i];
	env->boxes.n = k;
}
