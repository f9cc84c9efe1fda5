#include "sync/pair/patterns_common.h"

#include <string.h>

#include "state/base/buf.h"
#include "state/base/hash.h"
#include "state/base/vec.h"

enum { STATES_MOST = 100000 };

/* The two lists run together. A state is one byte for each position of each pattern: 1 = the pattern may stand
 * there. The last byte says what the name ended with. */
enum name_end { END_NOTHING, END_SLASH, END_OTHER };

struct search {
	const struct patterns_place *place[2];
	size_t len;			/* bytes of a state */
	struct arena arena;
	VEC(unsigned char *) states;	/* in the order they were found */
	VEC(size_t) from;		/* the state before, and the octet that led on */
	VEC(char) by;
	size_t *table;			/* hashes of states -> index + 1; 0 = free */
	char octets[257];		/* those that the patterns tell apart, and one that stands for all others */
};

static const char *
glob(const struct patterns_place *p, size_t i)
{
	return p->patterns[i] + (p->patterns[i][0] == '!');
}

/* Wildcards may stand for nothing. */
static void
close_state(const struct search *x, unsigned char *state)
{
	size_t at = 0, i, k;
	const char *g;
	int p;

	for (p = 0; p < 2; p++)
		for (i = 0; i < x->place[p]->n; i++, at += k + 1)
			for (g = glob(x->place[p], i), k = 0; g[k] != '\0'; k++)
				if (state[at + k] && (g[k] == '*' || g[k] == '%'))
					state[at + k + 1] = 1;
}

/* The state behind one more octet; only for the places in `moves`. */
static void
step_state(const struct search *x, const unsigned char *from, char c, const bool moves[2], unsigned char *to)
{
	size_t at = 0, i, k;
	const char *g;
	int p;

	memset(to, 0, x->len);
	for (p = 0; p < 2; p++)
		for (i = 0; i < x->place[p]->n; i++, at += k + 1) {
			g = glob(x->place[p], i);
			for (k = 0; g[k] != '\0'; k++) {
				if (!moves[p]) {
					to[at + k] |= from[at + k];
					continue;
				}
				if (!from[at + k])
					continue;
				if (g[k] == '*' || (g[k] == '%' && c != '/'))
					to[at + k] = 1;
				else if (g[k] == c)
					to[at + k + 1] = 1;
			}
			if (!moves[p])
				to[at + k] |= from[at + k];
		}
	to[x->len - 1] = c == '/' ? END_SLASH : END_OTHER;
	close_state(x, to);
}

static bool
is_selected(const struct search *x, const unsigned char *state, int which)
{
	size_t at = 0, i, len;
	bool is = false;
	int p;

	for (p = 0; p <= which; p++)
		for (i = 0; i < x->place[p]->n; i++, at += len + 1) {
			len = strlen(glob(x->place[p], i));
			if (p == which && state[at + len])
				is = x->place[p]->patterns[i][0] != '!';
		}
	return is;
}

static bool
is_found(const struct search *x, const unsigned char *state, bool is_at_begin)
{
	int p;

	if (state[x->len - 1] != END_OTHER)
		return false;
	for (p = 0; p < 2; p++)
		if (x->place[p]->is_exact ? !is_at_begin : !is_selected(x, state, p))
			return false;
	return true;
}

static void
add_state(struct search *x, const unsigned char *state, size_t from, char by)
{
	size_t at = (size_t)(hash_add(HASH_BEGIN, state, x->len) % (2 * STATES_MOST));

	for (; x->table[at] != 0; at = (at + 1) % (2 * STATES_MOST))
		if (memcmp(x->states.at[x->table[at] - 1], state, x->len) == 0)
			return;
	vec_push(&x->states, arena_dup(&x->arena, state, x->len));
	vec_push(&x->from, from);
	vec_push(&x->by, by);
	x->table[at] = x->states.n;
}

static void
find_octets(struct search *x)
{
	bool is_told[256] = { ['/'] = true };
	size_t i, n = 0;
	const char *g;
	int p, c;

	for (p = 0; p < 2; p++)
		for (i = 0; i < x->place[p]->n; i++)
			for (g = glob(x->place[p], i); *g != '\0'; g++)
				is_told[(unsigned char)*g] = *g != '*' && *g != '%' ? true : is_told[(unsigned char)*g];
	for (c = 'a'; c <= 'z' && n == 0; c++)
		if (!is_told[c])
			x->octets[n++] = (char)c;
	for (c = 1; c < 256; c++)
		if (is_told[c])
			x->octets[n++] = (char)c;
	x->octets[n] = '\0';
}

/* Both at their beginning, and the longer root's rest read by the other one. */
static void
begin(struct search *x, const char *rest, unsigned char *state)
{
	const bool all[2] = { true, true };
	unsigned char *next = arena_alloc(&x->arena, x->len);
	const char *s;
	size_t at = 0, i;
	int p;

	for (p = 0; p < 2; p++)
		for (i = 0; i < x->place[p]->n; i++) {
			state[at] = 1;
			at += strlen(glob(x->place[p], i)) + 1;
		}
	close_state(x, state);
	for (p = 0; p < 2; p++) {
		bool moves[2] = { p == 0, p == 1 };

		for (s = x->place[p]->skip; *s != '\0'; s++) {
			step_state(x, state, *s, moves, next);
			memcpy(state, next, x->len);
		}
	}
	for (s = rest; *s != '\0'; s++) {
		step_state(x, state, *s, (const bool[2]){ all[0], false }, next);
		memcpy(state, next, x->len);
	}
}

static const char *
name_of(const struct search *x, size_t found, const char *root, struct arena *arena)
{
	size_t len = 0, i;
	char *rest;

	for (i = found; i != 0; i = x->from.at[i])
		len++;
	rest = arena_alloc(arena, len + 1);
	for (i = found; i != 0; i = x->from.at[i])
		rest[--len] = x->by.at[i];
	return arena_printf(arena, "%s%s", root, rest);
}

static const char *
search_both(struct search *x, const char *rest, struct arena *arena)
{
	static const bool both[2] = { true, true };
	const char *longer = x->place[1]->root, *name = NULL, *c;
	unsigned char *state = arena_alloc(&x->arena, x->len), *next = arena_alloc(&x->arena, x->len);
	size_t i, len = strlen(longer);

	begin(x, rest, state);
	state[x->len - 1] = len == 0 && *x->place[1]->skip == '\0' ? END_NOTHING :
	    len > 0 && longer[len - 1] == '/' ? END_SLASH : END_OTHER;
	add_state(x, state, 0, '\0');
	for (i = 0; i < x->states.n && name == NULL && x->states.n < STATES_MOST; i++) {
		if (is_found(x, x->states.at[i], i == 0))
			name = name_of(x, i, longer, arena);
		if (x->place[0]->is_exact || x->place[1]->is_exact)
			break;
		for (c = x->octets; *c != '\0' && name == NULL; c++) {
			if (*c == '/' && x->states.at[i][x->len - 1] != END_OTHER)
				continue;
			step_state(x, x->states.at[i], *c, both, next);
			add_state(x, next, i, *c);
		}
	}
	return name;
}

const char *
patterns_common(const struct patterns_place *a, const struct patterns_place *b, struct arena *arena)
{
	struct search x = { .place = { a, b }, .len = 1 };
	const char *name = NULL;
	size_t len, i;
	int p;

	if (strlen(a->root) > strlen(b->root)) {
		x.place[0] = b;
		x.place[1] = a;
	}
	len = strlen(x.place[0]->root);
	if (strncmp(x.place[0]->root, x.place[1]->root, len) != 0 ||
	    (x.place[0]->is_exact && x.place[1]->root[len] != '\0'))
		return NULL;
	for (p = 0; p < 2; p++)
		for (i = 0; i < x.place[p]->n; i++)
			x.len += strlen(glob(x.place[p], i)) + 1;
	x.table = mem_alloc(2 * STATES_MOST * sizeof *x.table);
	find_octets(&x);
	name = search_both(&x, x.place[1]->root + len, arena);
	free(x.table);
	vec_release(&x.states);
	vec_release(&x.from);
	vec_release(&x.by);
	arena_release(&x.arena);
	return name;
}
