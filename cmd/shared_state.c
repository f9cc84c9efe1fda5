#include "cmd/shared_state.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/overlap.h"

static const char *
box_of(const struct channel_settings *c, enum side s)
{
	if (c->box[s] != NULL && *c->box[s] != '\0')
		return c->box[s];
	return c->has_patterns ? "" : "INBOX";
}

/* What the names of `c` have behind the prefix of `base`, on both sides alike; NULL = they are not below it. */
static const char *
rest_of(const struct channel_settings *c, const struct channel_settings *base)
{
	const char *rest[SIDES];

	for (int s = 0; s < SIDES; s++) {
		const char *box = box_of(c, (enum side)s), *prefix = box_of(base, (enum side)s);
		size_t len = base->has_patterns ? strlen(prefix) : 0;

		if (!base->has_patterns && strcmp(box, prefix) != 0)
			return NULL;
		if (strncmp(box, prefix, len) != 0)
			return NULL;
		rest[s] = box + len;
	}
	/* As a pattern it must mean itself. */
	return strcmp(rest[FAR], rest[NEAR]) == 0 && strpbrk(rest[FAR], "*%") == NULL && rest[FAR][0] != '!' ? rest[FAR] : NULL;
}

static bool
is_of_one_kind(const struct channel_settings *a, const struct channel_settings *b)
{
	if (a->store[FAR] != b->store[FAR] || a->store[NEAR] != b->store[NEAR] || a->role != 0 || b->role != 0)
		return false;
	if (a->sync_state == NULL || b->sync_state == NULL)
		return a->sync_state == b->sync_state;
	return strcmp(a->sync_state, b->sync_state) == 0;
}

static bool
may_share(const struct channel_settings *a, const struct channel_settings *b)
{
	return is_of_one_kind(a, b) && ((a->has_patterns && rest_of(b, a) != NULL) || (b->has_patterns && rest_of(a, b) != NULL) ||
	    (!a->has_patterns && !b->has_patterns && rest_of(a, b) != NULL)) && overlap_is_one_pair(a, b);
}

/* Which of two has names for all that both have. */
static bool
is_wider(const struct channel_settings *a, const struct channel_settings *b)
{
	if (a->has_patterns != b->has_patterns)
		return a->has_patterns;
	return strlen(box_of(a, FAR)) < strlen(box_of(b, FAR));
}

/* first[i] = the first channel of those that i is together with. */
static void
join(const struct settings *s, size_t *first)
{
	size_t i, k, m, old;

	for (i = 0; i < s->n_channels; i++) {
		first[i] = i;
		for (k = 0; k < i; k++) {
			if (first[k] == first[i] || !may_share(s->channels[i], s->channels[k]))
				continue;
			old = first[i] > first[k] ? first[i] : first[k];
			for (m = 0; m <= i; m++)
				if (first[m] == old)
					first[m] = first[i] < first[k] ? first[i] : first[k];
		}
	}
}

/* Channels of one name have states of their own: the second is NAME, a line end and 2. */
static const char *
own_name(struct settings *s, size_t i)
{
	unsigned n = 1;

	for (size_t k = 0; k < i; k++)
		n += strcmp(s->channels[k]->name, s->channels[i]->name) == 0;
	return n == 1 ? s->channels[i]->name : arena_printf(&s->arena, "%s\n%u", s->channels[i]->name, n);
}

void
shared_state_find(struct settings *s)
{
	size_t *first = mem_alloc((s->n_channels + 1) * sizeof *first);
	struct channel_settings *c, *base;
	size_t i, k;

	for (i = 0; i < s->n_channels; i++)
		s->channels[i]->state_name = own_name(s, i);
	join(s, first);
	for (i = 0; i < s->n_channels; i++) {
		c = base = s->channels[i];
		for (k = 0; k < s->n_channels; k++)
			if (first[k] == first[i] && s->channels[k] != base && (is_wider(s->channels[k], base) ||
			    (k < i && base == c && !is_wider(base, s->channels[k]))))
				base = s->channels[k];
		if (base == c || rest_of(c, base) == NULL)
			continue;
		c->state_name = base->state_name;
		c->state_of = base->has_patterns ? base : NULL;
	}
	free(first);
}

const char *
shared_state_name(const struct channel_settings *c, const char *name, struct arena *arena)
{
	const char *rest = c->state_of != NULL ? rest_of(c, c->state_of) : "";
	bool is_excluded = *name == '!';

	if (*rest == '\0')
		return name;
	return arena_printf(arena, "%s%s%s", is_excluded ? "!" : "", rest, name + is_excluded);
}
