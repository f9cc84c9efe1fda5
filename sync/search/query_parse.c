/* A text becomes a query: by descent, a function for each line of the grammar in query.h. */
#include "sync/search/query_inside.h"

#include <string.h>
#include <strings.h>

#include "state/base/buf.h"
#include "sync/message/utf8.h"

struct parse {
	const char *text, *at;
	int64_t today;
	struct arena *a;
	unsigned terms, depth;
	struct query_error *where;
	struct err *e;
};

static const struct query *parse_or(struct parse *p);

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_blanks(struct parse *p)
{
	while (is_blank(*p->at))
		p->at++;
}

static const struct query *
fail(struct parse *p, const char *at, const char *unknown, const char *const *words)
{
	p->where->at = (size_t)(at - p->text);
	p->where->unknown = arena_strdup(p->a, unknown);
	p->where->words = words;
	return NULL;
}

#define SYNTAX(p, place, ...) (err_class((p)->e, ERR_RUN, ERR_USAGE, ERR_NEVER, __VA_ARGS__), fail((p), (place), "", NULL))

static struct query *
new_node(struct parse *p, enum query_kind kind, const char *at)
{
	struct query *q = arena_alloc(p->a, sizeof *q);

	*q = (struct query){ .kind = kind, .at = (size_t)(at - p->text), .text = "" };
	return q;
}

static const struct query *
new_pair(struct parse *p, enum query_kind kind, const char *at, const struct query *left, const struct query *right)
{
	struct query *q = new_node(p, kind, at);

	q->left = left;
	q->right = right;
	return q;
}

/* Whether the word stands here by itself. */
static bool
is_here(const struct parse *p, const char *word)
{
	const size_t len = strlen(word);

	return strncasecmp(p->at, word, len) == 0 && (p->at[len] == '\0' || is_blank(p->at[len]) || p->at[len] == '(' ||
	    p->at[len] == ')');
}

/* "text with \" and \\". NULL: its end is missing, which is told. */
static const char *
read_quoted(struct parse *p)
{
	const char *begin = p->at++;
	struct buf out = { 0 };
	const char *text;

	while (*p->at != '\0' && *p->at != '"') {
		if (*p->at == '\\' && (p->at[1] == '"' || p->at[1] == '\\'))
			p->at++;
		buf_addc(&out, *p->at++);
	}
	text = arena_strndup(p->a, out.data != NULL ? out.data : "", out.len);
	buf_release(&out);
	if (*p->at == '\0') {
		SYNTAX(p, begin, "what this quotation mark begins is nowhere ended by another");
		return NULL;
	}
	p->at++;
	if (*p->at != '\0' && !is_blank(*p->at) && *p->at != ')') {
		SYNTAX(p, p->at, "a blank is missing behind the quotation mark");
		return NULL;
	}
	return text;
}

static const char *
read_bare(struct parse *p)
{
	const char *begin = p->at;

	while (*p->at != '\0' && !is_blank(*p->at) && *p->at != '(' && *p->at != ')')
		p->at++;
	return arena_strndup(p->a, begin, (size_t)(p->at - begin));
}

static const char *
read_value(struct parse *p)
{
	return *p->at == '"' ? read_quoted(p) : read_bare(p);
}

static const struct query *
bad_value(struct parse *p, const char *at, const struct query_word *w, const char *value, const char *takes, const char *const *words)
{
	err_class(p->e, ERR_RUN, ERR_USAGE, ERR_NEVER, "%s: takes %s, not \"%s\"", w->name, takes, value);
	return fail(p, at, words != NULL ? value : "", words);
}

static const struct query *
set_flag(struct parse *p, struct query *q, const char *at, const struct query_word *w, const char *value)
{
	for (const struct query_flag *f = query_flags; f->name != NULL; f++)
		if (strcasecmp(f->name, value) == 0) {
			q->flag = f->flag;
			q->is_unset = f->is_unset;
			return q;
		}
	return bad_value(p, at, w, value, "unread, read, flagged, unflagged, answered, unanswered, draft, forwarded or deleted",
	    query_flag_words());
}

static bool
is_field_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] >= 127 || s[i] == ':')
			return false;
	return len > 0;
}

/* header:NAME:value; the colon and the value may be missing. */
static const struct query *
read_header(struct parse *p, struct query *q, const char *at)
{
	const size_t len = strcspn(p->at, ": \t\r\n()\"");

	if (!is_field_name(p->at, len))
		return SYNTAX(p, at, "header: is followed by the name of a line, as in header:X-Mailer:mutt");
	q->name = arena_strndup(p->a, p->at, len);
	p->at += len;
	if (*p->at != ':')
		return q;
	p->at++;
	q->text = read_value(p);
	return q->text != NULL ? q : NULL;
}

static const struct query *
set_value(struct parse *p, struct query *q, const char *at, const struct query_word *w, const char *value)
{
	static const char *const attachment[] = { "attachment", NULL };
	static const char dates[] = "a date such as 2025-01-31, 2025-01, today or 7d";

	q->name = w->field;
	q->rel = w->rel;
	switch (w->takes) {
	case TAKES_TEXT:
	case TAKES_HEADER:
		q->text = value;
		return q;
	case TAKES_KEYWORD:
		q->text = value;
		if (strcasecmp(value, "$Forwarded") == 0) {
			q->kind = QUERY_FLAG;	/* a flag of our own: enum flag_bit */
			q->flag = FLAG_FORWARDED;
			return q;
		}
		return strpbrk(value, " (){%*\"\\]") == NULL ? q : bad_value(p, at, w, value, "a keyword, one word", NULL);
	case TAKES_DATE:
		q->date = (enum query_date)w->n;
		return query_date(value, p->today, &q->day) == 0 ? q : bad_value(p, at, w, value, dates, NULL);
	case TAKES_AGE:
		return query_read_age(value, &q->seconds) == 0 ? q : bad_value(p, at, w, value,
		    "an age such as 12h, 7d, 2w, 6m or 1y", NULL);
	case TAKES_SIZE:
		q->is_more = w->n != 0;
		return query_read_size(value, &q->octets) == 0 ? q : bad_value(p, at, w, value, "a size such as 500k or 1M", NULL);
	case TAKES_FLAG:
		return set_flag(p, q, at, w, value);
	case TAKES_ATTACHMENT:
		return strcasecmp(value, "attachment") == 0 ? q : bad_value(p, at, w, value, "attachment", attachment);
	}
	return q;
}

/* Up to the colon: whether it could have been meant as a word of ours. An address of the web, and a time, are texts. */
static bool
looks_like_a_word(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '-' || s[i] == '_'))
			return false;
	return len > 0 && strncmp(s + len, "://", 3) != 0;
}

static const struct query *
parse_term(struct parse *p)
{
	const char *begin = p->at;
	const size_t len = strcspn(p->at, ": \t\r\n()\"");
	const struct query_word *w = p->at[len] == ':' ? query_word_find(p->at, len) : NULL;
	struct query *q;
	const char *value, *at;

	if (++p->terms > QUERY_TERMS)
		return SYNTAX(p, begin, "a query has %d terms at most", QUERY_TERMS);
	if (w == NULL && p->at[len] == ':' && looks_like_a_word(p->at, len)) {
		value = arena_strndup(p->a, p->at, len);
		err_class(p->e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no word \"%s:\" to search by (what has a colon of its own is "
		    "written in quotation marks)", value);
		return fail(p, begin, value, query_words());
	}
	if (w != NULL)
		p->at += len + 1;
	at = p->at;
	q = new_node(p, w != NULL ? w->kind : QUERY_TEXT, begin);
	if (w != NULL && w->takes == TAKES_HEADER)
		return read_header(p, q, at);
	value = read_value(p);
	if (value == NULL)
		return NULL;
	if (*value == '\0')
		return w != NULL ? SYNTAX(p, at, "%s: is followed by a value, without a blank between", w->name) :
		    SYNTAX(p, at, "there is nothing between the quotation marks");
	q->text = value;
	return w != NULL ? set_value(p, q, at, w, value) : q;
}

static const struct query *
parse_factor(struct parse *p)
{
	const char *begin = p->at;
	const struct query *q;

	if (*p->at == '\0')
		return SYNTAX(p, p->at, "something to search for is missing at the end");
	if (*p->at == ')')
		return SYNTAX(p, p->at, "nothing stands before this bracket");
	if (is_here(p, "or") || is_here(p, "and"))
		return SYNTAX(p, p->at, "\"%.*s\" stands between two terms (the word itself is written in quotation marks)",
		    (p->at[0] | 0x20) == 'o' ? 2 : 3, p->at);
	if (p->depth >= QUERY_DEPTH)
		return SYNTAX(p, p->at, "that is nested too deep");
	p->depth++;
	if ((*p->at == '-' && p->at[1] != '\0' && !is_blank(p->at[1])) || is_here(p, "not")) {
		p->at += *p->at == '-' ? 1 : 3;
		skip_blanks(p);
		q = parse_factor(p);
		q = q != NULL ? new_pair(p, QUERY_NOT, begin, q, NULL) : NULL;
	} else if (*p->at == '(') {
		p->at++;
		q = parse_or(p);
		if (q != NULL && *p->at != ')')
			q = SYNTAX(p, begin, "this bracket is nowhere closed");
		else if (q != NULL)
			p->at++;
	} else {
		q = parse_term(p);
	}
	p->depth--;
	return q;
}

/* A chain of n terms is as deep as n: log n would do, and QUERY_TERMS is little enough. */
static const struct query *
parse_and(struct parse *p)
{
	const struct query *q, *next;
	const char *at;

	skip_blanks(p);
	q = parse_factor(p);
	for (skip_blanks(p); q != NULL && *p->at != '\0' && *p->at != ')' && !is_here(p, "or"); skip_blanks(p)) {
		at = p->at;
		if (is_here(p, "and")) {
			p->at += 3;
			skip_blanks(p);
		}
		next = parse_factor(p);
		q = next != NULL ? new_pair(p, QUERY_AND, at, q, next) : NULL;
	}
	return q;
}

static const struct query *
parse_or(struct parse *p)
{
	const struct query *q = parse_and(p), *next;
	const char *at;

	while (q != NULL && is_here(p, "or")) {
		at = p->at;
		p->at += 2;
		next = parse_and(p);
		q = next != NULL ? new_pair(p, QUERY_OR, at, q, next) : NULL;
	}
	return q;
}

int
query_parse(const char *text, int64_t today, struct arena *a, const struct query **q_r, struct query_error *where_r, struct err *e)
{
	struct parse p = { .text = text, .at = text, .today = today, .a = a, .where = where_r, .e = e };
	const size_t len = strlen(text);
	uint32_t c;

	*where_r = (struct query_error){ 0, "", NULL };
	if (len > QUERY_TEXT_MOST)
		return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "a query has %d octets at most", QUERY_TEXT_MOST);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_get(text + i, len - i, &c);
		if (n != 0 && (c >= ' ' || is_blank(text[i])) && c != 127)
			continue;
		where_r->at = i;
		return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, n == 0 ? "this is no UTF-8" : "a control character cannot be searched for");
	}
	skip_blanks(&p);
	if (*p.at == '\0') {
		*q_r = new_node(&p, QUERY_EVERY, p.at);
		return 0;
	}
	*q_r = parse_or(&p);
	if (*q_r != NULL && *p.at != '\0')
		*q_r = SYNTAX(&p, p.at, "this bracket ends none");
	return *q_r != NULL ? 0 : -1;
}
