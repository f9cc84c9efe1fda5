/* What can be said of a query as a whole. */
#include "sync/search/query.h"

#include <string.h>

#include "sync/pair/patterns.h"

/* The patterns of a mailbox know letter case; a person who searches does not want to. */
static char *
lower(struct arena *a, const char *s)
{
	char *out = arena_strdup(a, s);

	for (char *c = out; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c |= 0x20;
	return out;
}

static const struct query *
constant(bool is_true, const struct query *of, struct arena *a)
{
	struct query *q = arena_alloc(a, sizeof *q);

	*q = (struct query){ .kind = is_true ? QUERY_EVERY : QUERY_NONE, .at = of->at, .text = "" };
	return q;
}

const struct query *
query_in_box(const struct query *q, const char *box, struct arena *a)
{
	const struct query *left = q->left != NULL ? query_in_box(q->left, box, a) : NULL;
	const struct query *right = q->right != NULL ? query_in_box(q->right, box, a) : NULL;
	const enum query_kind decides = q->kind == QUERY_AND ? QUERY_NONE : QUERY_EVERY, passes = q->kind == QUERY_AND ? QUERY_EVERY :
	    QUERY_NONE;
	struct query *copy;

	switch (q->kind) {
	case QUERY_IN:
		return constant(patterns_match_one(lower(a, q->text), lower(a, box)), q, a);
	case QUERY_NOT:
		if (left->kind == QUERY_EVERY || left->kind == QUERY_NONE)
			return constant(left->kind == QUERY_NONE, q, a);
		break;
	case QUERY_AND:
	case QUERY_OR:
		if (left->kind == decides || right->kind == decides)
			return constant(decides == QUERY_EVERY, q, a);
		if (left->kind == passes)
			return right;
		if (right->kind == passes)
			return left;
		break;
	default:
		return q;
	}
	copy = arena_alloc(a, sizeof *copy);
	*copy = *q;
	copy->left = left;
	copy->right = right;
	return copy;
}

bool
query_has(const struct query *q, enum query_kind kind)
{
	return q != NULL && (q->kind == kind || query_has(q->left, kind) || query_has(q->right, kind));
}

bool
query_is_ascii(const struct query *q)
{
	if (q == NULL)
		return true;
	for (const char *c = q->text; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			return false;
	return query_is_ascii(q->left) && query_is_ascii(q->right);
}
