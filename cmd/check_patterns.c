/* Whether there is what a channel means: a pattern that no mailbox matches is most often another spelling of one that does. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/check_parts.h"
#include "cmd/nearest.h"
#include "sync/pair/patterns.h"

struct patterns_check {
	const struct channel_settings *c;
	const struct store *const *store;
	const struct listing *const *list;
	const struct findings *out;
	struct arena a;
	const char *where;
};

/* The name that a pattern is held against, without the channel's prefix; NULL = it is none of the channel's. */
static const char *
name_of(const struct patterns_check *p, int side, size_t i)
{
	const char *name = p->list[side]->boxes.at[i].name, *prefix = p->c->box[side] != NULL ? p->c->box[side] : "";
	const size_t len = strlen(prefix);

	if (p->list[side]->boxes.at[i].attrs & MAILBOX_NOSELECT || p->list[side]->boxes.at[i].is_assumed)
		return NULL;
	return p->c->has_patterns ? strncmp(name, prefix, len) == 0 ? name + len : NULL : name;
}

static char *
in_small_letters(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	for (char *at = copy; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return copy;
}

static char *
with_levels(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	for (char *at = copy; *at != '\0'; at++)
		if (*at == '.')
			*at = '/';
	return copy;
}

/* A mailbox that was meant perhaps: in other letters, with another delimiter, or the nearest one. NULL = nobody knows. */
static const char *
meant(struct patterns_check *p, const char *pattern, int first, int last)
{
	const char *small = in_small_letters(&p->a, pattern), *levels = with_levels(&p->a, pattern), *name, *other = NULL;
	struct nearest near;

	nearest_init(&near, pattern);
	for (int s = first; s <= last; s++) {
		for (size_t i = 0; i < p->list[s]->boxes.n; i++) {
			if ((name = name_of(p, s, i)) == NULL)
				continue;
			if (patterns_match_one(small, in_small_letters(&p->a, name)) || patterns_match_one(levels, name))
				other = name;
			nearest_try(&near, name);
		}
	}
	if (other == NULL && strcasecmp(pattern, "INBOX") == 0)
		other = "INBOX";
	if (other != NULL && strpbrk(pattern, "*%") != NULL)
		return arena_printf(&p->a, "a name that it would match with other letters is \"%s\"", other);
	if (other == NULL && strpbrk(pattern, "*%") == NULL)
		other = nearest_word(&near);
	return other != NULL ? arena_printf(&p->a, "write \"%s\"", other) : NULL;
}

static bool
is_matched(const struct patterns_check *p, const char *pattern)
{
	const char *name;

	if (strcmp(pattern, "INBOX") == 0)
		return true;		/* every store has it */
	for (int s = 0; s < SIDES; s++)
		for (size_t i = 0; i < p->list[s]->boxes.n; i++)
			if ((name = name_of(p, s, i)) != NULL && patterns_match_one(pattern, name))
				return true;
	return false;
}

/* `*` does not mean an INBOX that a store keeps elsewhere (sync/pair/patterns.h). */
static void
check_inbox(struct patterns_check *p)
{
	const struct settings_list *l = &p->c->patterns;
	bool has_inbox = false, is_left_out = false;

	for (int s = 0; s < SIDES; s++)
		has_inbox |= patterns_select(l->at, l->n, p->c->box[s] != NULL ? p->c->box[s] : "", p->store[s]->is_inbox_listed, "INBOX") != NULL;
	for (size_t i = 0; i < l->n; i++)
		is_left_out |= l->at[i][0] == '!' && patterns_match_one(l->at[i] + 1, "INBOX");
	if (!has_inbox && !is_left_out && p->c->box[FAR] == NULL && p->c->box[NEAR] == NULL)
		finding_warn(p->out, "patterns", p->where, "unless another channel has it: write INBOX in Patterns", "INBOX is not among its mailboxes: %s",
		    patterns_match(l->at, l->n, "INBOX") ? "\"*\" does not mean it where a store keeps it apart from the others" : "no pattern means it");
}

static void
check_each_pattern(struct patterns_check *p)
{
	const struct settings_list *l = &p->c->patterns;
	const char *pattern;
	size_t bad = 0;

	for (size_t i = 0; i < l->n; i++) {
		pattern = l->at[i] + (l->at[i][0] == '!');
		if (is_matched(p, pattern))
			continue;
		bad++;
		finding_warn(p->out, "patterns", p->where, meant(p, pattern, FAR, NEAR), "\"%s\" matches no mailbox on either side", l->at[i]);
	}
	if (bad == 0)
		finding_ok(p->out, "patterns", p->where, "each of them matches a mailbox");
}

/* A channel of one mailbox: it is there, or will be made. */
static void
check_box(struct patterns_check *p, int side)
{
	static const char *const sides[] = { [FAR] = "far", [NEAR] = "near" };
	const char *name = p->c->box[side];

	if (name == NULL || *name == '\0' || strcmp(name, "INBOX") == 0 || listing_find(p->list[side], name) != NULL)
		return;
	if (p->c->policy.create[side])
		finding_ok(p->out, "patterns", p->where, "mailbox \"%s\" is not there on %s, and will be made (Create)", name, sides[side]);
	else
		finding_warn(p->out, "patterns", p->where, meant(p, name, side, side), "mailbox \"%s\" is not there on %s, and no Create makes it", name,
		    sides[side]);
}

void
check_patterns(const struct channel_settings *c, const struct store *const store[SIDES], const struct listing *const list[SIDES],
    const struct findings *out)
{
	struct patterns_check p = { .c = c, .store = store, .list = list, .out = out };

	p.where = arena_printf(&p.a, "channel %s", c->name);
	if (c->has_patterns) {
		check_each_pattern(&p);
		check_inbox(&p);
	} else {
		check_box(&p, FAR);
		check_box(&p, NEAR);
	}
	arena_release(&p.a);
}
