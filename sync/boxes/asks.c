/* What a store is asked about: the cursors of mailboxes that this channel means, and of no others. One that its patterns leave out may be
 * large, slow, or the one at which sessions end.
 *
 * The mailboxes of the last run are known before the list has come, so they can be named in the flight that asks for it (store.h, struct
 * store_asks).
 */
#include "sync/boxes/boxes.h"

#include "sync/pair/patterns.h"

struct asking { const struct env *env; enum side side; };

static int
cmp_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Unless it may be paired by what it is for. */
static bool
wants_cursor(const void *ctx, const char *name, unsigned attrs)
{
	const struct asking *a = ctx;
	const struct store *store = a->env->set->store[a->side];
	const char *const *known = store->asks.known;
	enum role role;

	if (a->env->news != NULL)
		return bsearch(&name, known, store->asks.n_known, sizeof *known, cmp_name) != NULL;
	for (role = 0; role < ROLES; role++)
		if (store->role[role] != NULL && strcmp(store->role[role], name) == 0)
			return true;
	return (pairing_roles(attrs) & a->env->set->role) != 0 || pairing_selects(a->env, a->side, name);
}

/* Whether a mailbox of the store might be none of the channel's. */
static bool
leaves_out(const struct channel *set, enum side s)
{
	return set->patterns.n != 1 || strcmp(set->patterns.at[0], "*") != 0 || *set->box[s] != '\0';
}

/* Whether the store lists INBOX among the others is not known yet: that it is known says as much. */
static bool
is_meant_still(const struct channel *set, const struct box_record *rec, enum side s)
{
	const char *const on[SIDES] = { name_on(rec, FAR), name_on(rec, NEAR) };

	if (set->patterns.n == 0)
		return true;
	return strcmp(on[FAR], on[NEAR]) != 0 ? patterns_select_tied(set->patterns.at, set->patterns.n, on) :
	    patterns_match(set->patterns.at, set->patterns.n, name_now(rec, s));
}

/* Those of last time, by the names they have in the store. */
static void
add_known(struct env *env, enum side s, const struct box_record *all, size_t n)
{
	struct store_asks *asks = &env->set->store[s]->asks;
	const char **known = arena_alloc(&env->arena, (n + 1) * sizeof *known);
	const char *only = *env->set->box[s] != '\0' ? env->set->box[s] : "INBOX";
	size_t i;

	asks->known = known;
	for (i = 0; i < n; i++)
		if (all[i].side[s].is_known && (env->news == NULL || news_has(env, all[i].name)) && is_meant_still(env->set, &all[i], s))
			known[asks->n_known++] = env->set->patterns.n == 0 ? only :
			    arena_printf(&env->arena, "%s%s", env->set->box[s], name_now(&all[i], s));
	if (asks->n_known > 1)
		qsort(known, asks->n_known, sizeof *known, cmp_name);
}

int
asks_set(struct env *env, struct err *e)
{
	struct box_record *all;
	struct asking *asking;
	size_t n;
	int s, got;

	if (box_all(env->state, &env->arena, &all, &n, e) < 0)
		return -1;
	got = env->news != NULL ? news_are_known(env, all, n, e) : 0;
	if (got < 0)
		return -1;
	if (got == 0)
		env->news = NULL;		/* one of them may be another by now */
	for (s = 0; s < SIDES; s++) {
		asking = arena_alloc(&env->arena, sizeof *asking);
		*asking = (struct asking){ env, (enum side)s };
		env->set->store[s]->asks = (struct store_asks){ .wants = wants_cursor, .ctx = asking,
			.leaves_out = env->news != NULL || leaves_out(env->set, (enum side)s) };
		if (env->set->store[s]->asks.leaves_out)
			add_known(env, (enum side)s, all, n);
	}
	return 0;
}

void
asks_forget(struct env *env)
{
	int s;

	for (s = 0; s < SIDES; s++)
		if (env->set->store[s] != NULL)
			env->set->store[s]->asks = (struct store_asks){ 0 };
}
