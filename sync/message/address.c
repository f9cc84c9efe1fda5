#include "sync/message/address.h"

#include <stdbool.h>
#include <string.h>

#include "state/base/buf.h"

enum { COMMENTS_DEEPEST = 32 };

struct parse {
	const char *p, *end;
	const char *why;
	struct buf bare;		/* what stands outside of < and > */
	struct buf angle;		/* what stands in them */
	bool has_angle;
	bool is_gap;			/* a blank or a comment came behind what `bare` ends with */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
fail(struct parse *s, const char *why)
{
	s->why = why;
	return -1;
}

static int
skip_comment(struct parse *s)
{
	int depth = 0;

	do {
		if (s->p == s->end)
			return fail(s, "a comment has no end");
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		else if (*s->p == '(')
			depth++;
		else if (*s->p == ')')
			depth--;
		if (depth > COMMENTS_DEEPEST)
			return fail(s, "comments lie too deep in each other");
		s->p++;
	} while (depth > 0);
	return 0;
}

/* A quoted string, with its quotes, to out. Folds in it are blanks. */
static int
take_quoted(struct parse *s, struct buf *out)
{
	char c;

	buf_addc(out, *s->p++);
	while (s->p < s->end) {
		c = *s->p++;
		if (c == '\r' || c == '\n')
			continue;
		buf_addc(out, c);
		if (c == '"')
			return 0;
		if (c == '\\' && s->p < s->end)
			buf_addc(out, *s->p++);
	}
	return fail(s, "a quote has no end");
}

/* A blank parts words, but not what an "@" or a "." holds together. */
static void
add_bare(struct parse *s, char c)
{
	const char last = s->bare.len > 0 ? s->bare.data[s->bare.len - 1] : '\0';

	if (s->is_gap && s->bare.len > 0 && c != '@' && c != '.' && last != '@' && last != '.')
		buf_addc(&s->bare, ' ');
	s->is_gap = false;
	if (c != '\0')
		buf_addc(&s->bare, c);
}

static int
take_angle(struct parse *s)
{
	if (s->has_angle)
		return fail(s, "two addresses stand where one can be");
	s->has_angle = true;
	for (s->p++; s->p < s->end && *s->p != '>';) {
		if (*s->p == '"') {
			if (take_quoted(s, &s->angle) < 0)
				return -1;
		} else if (*s->p == '(') {
			if (skip_comment(s) < 0)
				return -1;
		} else if (*s->p == '<') {
			return fail(s, "a < stands in an address");
		} else if (is_blank(*s->p)) {
			s->p++;
		} else {
			buf_addc(&s->angle, *s->p++);
		}
	}
	if (s->p == s->end)
		return fail(s, "an address has no >");
	s->p++;
	return 0;
}

/* What was taken is one address, or nothing. */
static int
end_one(struct parse *s, address_sink *sink, void *ctx)
{
	const char *address = buf_str(&s->bare), *route;

	if (s->has_angle) {
		address = buf_str(&s->angle);
		/* "<@a,@b:c@d>": a way that nobody goes any more. */
		route = *address == '@' ? strchr(address, ':') : NULL;
		address = route != NULL ? route + 1 : address;
		if (*address == '\0')
			return fail(s, "an address is empty");
	} else if (address[0] != '"' && strchr(address, ' ') != NULL) {
		return fail(s, "a name stands there without an address");
	}
	if (*address != '\0')
		sink(ctx, address);
	buf_clear(&s->bare);
	buf_clear(&s->angle);
	s->has_angle = s->is_gap = false;
	return 0;
}

static int
take_one(struct parse *s, address_sink *sink, void *ctx)
{
	const char c = *s->p;

	switch (c) {
	case '"':
		add_bare(s, '\0');
		return take_quoted(s, &s->bare);
	case '(':
		s->is_gap = true;
		return skip_comment(s);
	case '<':
		return take_angle(s);
	case ',':
	case ';':
		s->p++;
		return end_one(s, sink, ctx);
	case ':':
		/* The name of a group. */
		s->p++;
		if (s->has_angle)
			return fail(s, "a : stands behind an address");
		buf_clear(&s->bare);
		s->is_gap = false;
		return 0;
	case '>':
		return fail(s, "a > stands alone");
	case '[':
		/* A literal: "[IPv6:2001:db8::1]". */
		while (s->p < s->end && *s->p != ']')
			add_bare(s, *s->p++);
		if (s->p == s->end)
			return fail(s, "a [ has no ]");
		add_bare(s, *s->p++);
		return 0;
	default:
		s->p++;
		if (is_blank(c))
			s->is_gap = true;
		else
			add_bare(s, c);
		return 0;
	}
}

int
address_list(const char *value, size_t len, address_sink *sink, void *ctx, const char **why_r)
{
	struct parse s = { .p = value, .end = value + len };
	int status = 0;

	while (status == 0 && s.p < s.end)
		status = take_one(&s, sink, ctx);
	if (status == 0)
		status = end_one(&s, sink, ctx);
	buf_release(&s.bare);
	buf_release(&s.angle);
	*why_r = s.why;
	return status;
}
