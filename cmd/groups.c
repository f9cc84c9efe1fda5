#include "cmd/groups.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
is_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* One account under two names counts, too: limits of connections and of logins are the server's. */
static bool
is_same_account(const struct account_settings *a, const struct account_settings *b)
{
	return a == b || (is_same(a->net.tunnel, b->net.tunnel) && a->net.port == b->net.port && is_same(a->user, b->user) &&
	    is_same(a->user_cmd.shell, b->user_cmd.shell) &&
	    (a->net.host == b->net.host || (a->net.host != NULL && b->net.host != NULL && strcasecmp(a->net.host, b->net.host) == 0)));
}

/* Whether one of two directories lies in the other, or is it. */
static bool
is_within(const char *a, const char *b)
{
	size_t len = strlen(a);

	while (len > 1 && a[len - 1] == '/')
		len--;
	return strncmp(a, b, len) == 0 && (b[len] == '/' || b[len] == '\0' || a[len - 1] == '/');
}

/* A store, with its directories as they really are: links lead to the same place under other names. */
struct spot {
	const struct store_settings *store;
	char *path, *inbox;		/* NULL = none */
};

static char *
real_path(const char *path)
{
	char *real = path != NULL ? realpath(path, NULL) : NULL;

	return real != NULL || path == NULL ? real : mem_strdup(path);
}

static bool
is_near(const char *a, const char *b)
{
	return a != NULL && b != NULL && (is_within(a, b) || is_within(b, a));
}

static bool
is_same_spot(const struct spot *a, const struct spot *b)
{
	if (a->store == b->store)
		return true;
	if (a->store->kind != b->store->kind)
		return false;
	if (a->store->account != NULL)
		return is_same_account(a->store->account, b->store->account);
	return is_near(a->path, b->path) || is_near(a->inbox, b->inbox) || is_near(a->path, b->inbox) || is_near(a->inbox, b->path);
}

/* Both sides of each target. The caller frees. */
static struct spot *
spots_of(const struct targets *t)
{
	struct spot *spots = mem_alloc((t->all.n + 1) * SIDES * sizeof *spots);
	const struct store_settings *store;

	for (size_t i = 0; i < t->all.n * SIDES; i++) {
		store = t->all.at[i / SIDES].channel->store[i % SIDES];
		spots[i] = (struct spot){ .store = store };
		/* One target is with itself, whatever its directories are. */
		if (store->kind != SETTINGS_MAILDIR || t->all.n == 1)
			continue;
		spots[i].path = real_path(store->path);
		spots[i].inbox = real_path(store->inbox);
	}
	return spots;
}

static bool
is_together(const struct spot *a, const struct spot *b)
{
	for (int s = 0; s < SIDES; s++)
		for (int k = 0; k < SIDES; k++)
			if (is_same_spot(&a[s], &b[k]))
				return true;
	return false;
}

/* Union by the lowest index: first[i] is the first target of i's group. */
static void
join(size_t *first, const struct spot *spots, size_t n)
{
	size_t low, high;

	for (size_t i = 0; i < n; i++) {
		first[i] = i;
		for (size_t k = 0; k < i; k++) {
			if (first[k] == first[i] || !is_together(&spots[i * SIDES], &spots[k * SIDES]))
				continue;
			low = first[k] < first[i] ? first[k] : first[i];
			high = first[k] < first[i] ? first[i] : first[k];
			for (size_t m = 0; m <= i; m++)
				if (first[m] == high)
					first[m] = low;
		}
	}
}

static char *
name_of(const struct group *g, const struct targets *t)
{
	const struct channel_settings *c;

	for (size_t i = 0; i < g->targets.n; i++) {
		c = t->all.at[g->targets.at[i]].channel;
		for (int s = 0; s < SIDES; s++)
			if (c->store[s]->account != NULL)
				return mem_strdup(c->store[s]->account->name);
	}
	return mem_strdup(t->all.at[g->targets.at[0]].channel->name);
}

void
groups_make(struct groups *g, const struct targets *t)
{
	size_t *first = mem_realloc(NULL, t->all.n + 1, sizeof *first), at;
	struct spot *spots = spots_of(t);
	struct group *group;

	*g = (struct groups){ 0 };
	join(first, spots, t->all.n);
	for (size_t i = 0; i < t->all.n; i++) {
		for (at = 0; at < g->all.n && g->all.at[at].targets.at[0] != first[i]; at++)
			continue;
		group = at < g->all.n ? &g->all.at[at] : vec_add(&g->all);
		vec_push(&group->targets, i);
	}
	for (size_t i = 0; i < g->all.n; i++)
		g->all.at[i].name = name_of(&g->all.at[i], t);
	for (size_t i = 0; i < t->all.n * SIDES; i++) {
		free(spots[i].path);
		free(spots[i].inbox);
	}
	free(spots);
	free(first);
}

void
groups_release(struct groups *g)
{
	for (size_t i = 0; i < g->all.n; i++) {
		vec_release(&g->all.at[i].targets);
		free(g->all.at[i].name);
	}
	vec_release(&g->all);
}
