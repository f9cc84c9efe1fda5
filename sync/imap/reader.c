/* One buffer: in[keep..pos) is the token being read, in[pos..end) is ahead of it. Before more is
 * read, what lies before keep is dropped; so slices handed out stay valid until the next call.
 */
#include "sync/imap/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/base/buf.h"
#include "state/base/mem.h"

enum { BUFFER_SIZE = 32 * 1024, SHOWN_SIZE = 120, BLANK_LINES = 1000 };

/* FAULT_LINE: this response cannot be read. FAULT_STEP: nor does anybody know where it ends. */
enum fault { FAULT_NONE, FAULT_LINE, FAULT_STEP };

struct imap_reader {
	mailstream *stream;
	const char *server;
	int (*why)(void *ctx, struct err *e);
	void *why_ctx;
	char *in;
	size_t keep, pos, end, room;
	const char *line_end;		/* of imap_reader_line() */
	size_t line_used;		/* bytes of this line already passed, kept literals included */
	uint64_t octets;		/* the same of all lines */
	uint64_t wasted;		/* of literals that nobody took */
	int depth;
	bool is_at_eol;			/* the line's LF was consumed */
	uint64_t literal_left;
	uint64_t literal_cap;
	bool is_concealed;		/* messages do not show the line */
	char shown[SHOWN_SIZE];		/* how the line begins, for messages */
	size_t n_shown;
	size_t shown_from;		/* in[shown_from..keep) belongs there too, when it comes to that */
	struct buf held;		/* literals and texts put together */
	bool has_passed_literal;	/* octets of one, in this line */
	enum fault fault;
	struct err failure;
};

struct imap_reader *
imap_reader_new(mailstream *stream, const char *server)
{
	struct imap_reader *r = mem_alloc(sizeof *r);

	r->stream = stream;
	r->server = server;
	r->room = BUFFER_SIZE;
	r->in = mem_alloc(r->room);
	r->literal_cap = IMAP_LITERAL_CAP;
	r->is_at_eol = true;
	return r;
}

void
imap_reader_free(struct imap_reader **r)
{
	if (*r == NULL)
		return;
	buf_release(&(*r)->held);
	free((*r)->in);
	free(*r);
	*r = NULL;
}

void
imap_reader_cap(struct imap_reader *r, uint64_t literal_cap)
{
	r->literal_cap = literal_cap;
}

void
imap_reader_conceal(struct imap_reader *r)
{
	r->is_concealed = true;
}

void
imap_reader_on_end(struct imap_reader *r, int (*why)(void *ctx, struct err *e), void *ctx)
{
	r->why = why;
	r->why_ctx = ctx;
}

bool
imap_reader_has_input(const struct imap_reader *r)
{
	return r->pos < r->end || r->stream->read_buffer_len > 0;
}

/* At the first byte of a line: the peer owes nothing. */
static bool
is_between_lines(const struct imap_reader *r)
{
	return r->is_at_eol && r->literal_left == 0;
}

int
imap_reader_unread(struct imap_reader *r, struct err *e)
{
	size_t n = r->end - r->pos, had = r->stream->read_buffer_len;

	if (n == 0)
		return 0;
	if (n > r->stream->buffer_max_size || had > r->stream->buffer_max_size - n)
		return imap_reader_bad(r, e, "too much data behind the answer");
	memmove(r->stream->read_buffer + n, r->stream->read_buffer, had);
	memcpy(r->stream->read_buffer, r->in + r->pos, n);
	r->stream->read_buffer_len = had + n;
	r->keep = r->pos = r->end = r->shown_from = 0;
	return 0;
}

static void
show(struct imap_reader *r, const char *s, size_t len)
{
	for (size_t i = 0; i < len && r->n_shown < sizeof r->shown && !r->is_concealed; i++)
		r->shown[r->n_shown++] = s[i] >= 0x20 && s[i] < 0x7f ? s[i] : '?';
}

/* Keeps for messages what is about to leave the buffer. */
static void
show_passed(struct imap_reader *r)
{
	show(r, r->in + r->shown_from, r->keep - r->shown_from);
	r->shown_from = r->keep;
}

static int
fail_again(const struct imap_reader *r, struct err *e)
{
	*e = r->failure;
	return -1;
}

static int
fail(struct imap_reader *r, enum fault fault, const struct err *why, struct err *e)
{
	if (r->fault == FAULT_NONE)
		r->failure = *why;
	if (r->fault < fault)
		r->fault = fault;
	return fail_again(r, e);
}

/* The line as far as it was read, ready for a message. */
static void
show_rest(struct imap_reader *r)
{
	const char *from, *lf;
	size_t len;

	if (r->is_at_eol) {
		for (len = r->keep - r->shown_from; len > 0 && strchr("\r\n", r->in[r->shown_from + len - 1]) != NULL; len--)
			;
		show(r, r->in + r->shown_from, len);
		r->shown_from = r->keep;
		return;
	}
	show_passed(r);
	from = r->in + r->keep;
	len = r->end - r->keep;
	lf = memchr(from, '\n', len);
	if (lf != NULL)
		len = (size_t)(lf - from);
	if (len > 0 && from[len - 1] == '\r')
		len--;
	show(r, from, len);
}

static int
bad(struct imap_reader *r, enum fault fault, struct err *e, const char *what)
{
	struct err why;

	if (r->fault == FAULT_NONE)
		show_rest(r);
	err_class(&why, ERR_STORE, ERR_FAILED, ERR_LATER, "%s sent what we cannot use (%s): %.*s%s", r->server,
	    what, (int)r->n_shown, r->shown, r->n_shown == sizeof r->shown ? "..." : "");
	return fail(r, fault, &why, e);
}

int
imap_reader_bad(struct imap_reader *r, struct err *e, const char *what)
{
	return bad(r, r->has_passed_literal ? FAULT_STEP : FAULT_LINE, e, what);
}

/* The bounds of a line, past which its end is not searched for. */
static int
too_long(struct imap_reader *r, struct err *e)
{
	return bad(r, FAULT_STEP, e, "a line of more than 1 MB");
}

static int
ended(struct imap_reader *r, struct err *e)
{
	struct err why;

	if (r->why == NULL || r->why(r->why_ctx, &why) == 0)
		err_class(&why, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s closed the connection", r->server);
	if (!is_between_lines(r)) {
		struct err context = why;

		show_rest(r);
		err_class(&why, context.scope, context.class, context.retry, "%s, in the midst of: %.*s%s",
		    context.text, (int)r->n_shown, r->shown, r->n_shown == sizeof r->shown ? "..." : "");
		why.sys = context.sys;
	}
	return fail(r, FAULT_STEP, &why, e);
}

/* Reads once into in[end..). mailstream_read() with more room than it has buffered would block for
 * the rest, and one with more room than its buffer reads straight into ours. */
static int
read_more(struct imap_reader *r, struct err *e)
{
	size_t want = r->room - r->end;
	ssize_t n;

	if (r->fault != FAULT_NONE)
		return fail_again(r, e);
	if (r->stream->read_buffer_len > 0 && want > r->stream->read_buffer_len)
		want = r->stream->read_buffer_len;
	n = mailstream_read(r->stream, r->in + r->end, want);
	if (n <= 0)
		return ended(r, e);
	r->end += (size_t)n;
	return 0;
}

/* Makes in[pos] exist. */
static int
fill(struct imap_reader *r, struct err *e)
{
	if (r->fault != FAULT_NONE)
		return fail_again(r, e);
	if (r->pos < r->end)
		return 0;
	if (r->line_used + (r->pos - r->keep) > IMAP_LINE_MAX)
		return too_long(r, e);
	show_passed(r);
	r->shown_from = 0;
	if (r->keep > 0) {
		memmove(r->in, r->in + r->keep, r->end - r->keep);
		r->pos -= r->keep;
		r->end -= r->keep;
		r->keep = 0;
	}
	if (r->end == r->room) {
		r->room *= 2;
		r->in = mem_realloc(r->in, r->room, 1);
	}
	return read_more(r, e);
}

static int
peek(struct imap_reader *r, struct err *e)
{
	if (r->pos == r->end && fill(r, e) < 0)
		return -1;
	return (unsigned char)r->in[r->pos];
}

/* in[keep..pos) was used: it counts to the line and is no longer needed after this call. */
static int
pass(struct imap_reader *r, struct err *e)
{
	r->line_used += r->pos - r->keep;
	r->octets += r->pos - r->keep;
	r->keep = r->pos;
	if (r->line_used > IMAP_LINE_MAX)
		return too_long(r, e);
	return 0;
}

/* CR LF or LF at pos. */
static int
end_line(struct imap_reader *r, struct err *e)
{
	int c = peek(r, e);

	if (c == '\r') {
		r->pos++;
		c = peek(r, e);
	}
	if (c < 0)
		return -1;
	if (c != '\n')
		return imap_reader_bad(r, e, "a carriage return within the line");
	r->pos++;
	return 0;
}

static int
read_quoted(struct imap_reader *r, struct imap_token *t, struct err *e)
{
	size_t at, out;

	r->pos++;
	for (;;) {
		int c = peek(r, e);

		if (c == '\\') {
			r->pos++;
			c = peek(r, e);
		} else if (c == '"') {
			break;
		}
		if (c < 0)
			return -1;
		if (c == '\0' || c == '\r' || c == '\n')
			return imap_reader_bad(r, e, c == '\0' ? "a NUL" : "a quoted string without end");
		r->pos++;
	}
	/* In place behind the quote: the text never grows. Not before its end is found: the bytes of a line that cannot be
	 * read are looked at again (imap_reader_recover). */
	for (at = out = r->keep + 1; at < r->pos; at++) {
		if (r->in[at] == '\\')
			at++;
		r->in[out++] = r->in[at];
	}
	t->kind = IMAP_TOKEN_QUOTED;
	t->s = r->in + r->keep + 1;
	t->len = out - r->keep - 1;
	r->pos++;
	return pass(r, e);
}

/* {n} or {n+} and the end of its line; pos is at the brace. */
static int
read_literal(struct imap_reader *r, struct imap_token *t, struct err *e)
{
	uint64_t n = 0;
	int c, n_digits = 0;

	r->pos++;
	for (;; r->pos++, n_digits++) {
		c = peek(r, e);
		if (c < '0' || c > '9')
			break;
		if (n > (UINT64_MAX - (uint64_t)(c - '0')) / 10)
			return imap_reader_bad(r, e, "a literal's size past 64 bits");
		n = n * 10 + (uint64_t)(c - '0');
	}
	if (c == '+') {
		r->pos++;
		c = peek(r, e);
	}
	if (c < 0)
		return -1;
	if (c != '}' || n_digits == 0)
		return imap_reader_bad(r, e, "a malformed literal");
	r->pos++;
	if (end_line(r, e) < 0)
		return -1;
	if (n > r->literal_cap)
		return bad(r, FAULT_STEP, e, "a literal larger than the limit");
	r->literal_left = n;
	t->kind = IMAP_TOKEN_LITERAL;
	t->size = n;
	return pass(r, e);
}

/* What ends an atom: a blank, a bracket, a quote, the line, and NUL, which ends it all. */
static const bool ends_atom[256] = {
	[' '] = true, ['('] = true, [')'] = true, ['"'] = true, ['\r'] = true, ['\n'] = true, ['\0'] = true,
};

static int
read_atom(struct imap_reader *r, bool is_item, struct imap_token *t, struct err *e)
{
	bool is_inside = false, is_quoted = false;
	int c;

	for (;; r->pos++) {
		while (!is_item && r->pos < r->end && !ends_atom[(unsigned char)r->in[r->pos]])
			r->pos++;
		c = peek(r, e);
		if (c < 0)
			return -1;
		if (is_inside && c != '\r' && c != '\n' && c != '\0') {
			if (c == '"')
				is_quoted = !is_quoted;
			else if (c == ']' && !is_quoted)
				is_inside = false;
			continue;
		}
		if (ends_atom[c])
			break;
		if (is_item && c == '[')
			is_inside = true;
	}
	if (c == '\0')
		return imap_reader_bad(r, e, "a NUL");
	if (is_inside)
		return imap_reader_bad(r, e, "a bracket without end");
	t->kind = IMAP_TOKEN_ATOM;
	t->len = r->pos - r->keep;
	t->s = r->in + r->keep;
	return pass(r, e);
}

/* Moves over blanks, which count to the line but are never kept. */
static int
pass_blanks(struct imap_reader *r, struct err *e)
{
	int c;

	while ((c = peek(r, e)) == ' ') {
		r->pos++;
		if (pass(r, e) < 0)
			return -1;
	}
	return c;
}

static int
next_token(struct imap_reader *r, bool is_item, struct imap_token *t, struct err *e)
{
	int c;

	*t = (struct imap_token){ .kind = IMAP_TOKEN_EOL, .s = "" };
	if (r->fault != FAULT_NONE)
		return fail_again(r, e);
	if (r->literal_left > 0 && imap_reader_literal(r, NULL, NULL, NULL, e) < 0)
		return -1;
	if (r->is_at_eol)
		return 0;
	r->keep = r->pos;
	c = peek(r, e);
	t->is_joined = c != ' ';
	if (c == ' ')
		c = pass_blanks(r, e);
	switch (c) {
	case -1:
		return -1;
	case '\r':
	case '\n':
		if (end_line(r, e) < 0)
			return -1;
		r->keep = r->pos;
		r->is_at_eol = true;
		return 0;
	case '(':
		t->kind = IMAP_TOKEN_OPEN;
		if (++r->depth > IMAP_NESTING_MAX)
			return imap_reader_bad(r, e, "lists nested too deep");
		r->pos++;
		return pass(r, e);
	case ')':
		t->kind = IMAP_TOKEN_CLOSE;
		if (--r->depth < 0)
			return imap_reader_bad(r, e, "a bracket too many");
		r->pos++;
		return pass(r, e);
	case '"':
		return read_quoted(r, t, e);
	case '{':
		return read_literal(r, t, e);
	case '~':
		r->pos++;
		c = peek(r, e);
		if (c == '{')
			return read_literal(r, t, e);
		r->pos--;
		break;
	default:
		break;
	}
	return c < 0 ? -1 : read_atom(r, is_item, t, e);
}

int
imap_reader_next(struct imap_reader *r, struct imap_token *token_r, struct err *e)
{
	return next_token(r, false, token_r, e);
}

int
imap_reader_item(struct imap_reader *r, struct imap_token *token_r, struct err *e)
{
	return next_token(r, true, token_r, e);
}

const char *
imap_reader_line(struct imap_reader *r)
{
	enum { LONGEST = 1024 };
	size_t n = r->end - r->pos;

	if (!is_between_lines(r) || r->fault != FAULT_NONE)
		return NULL;
	r->line_end = memchr(r->in + r->pos, '\n', n < LONGEST ? n : LONGEST);
	return r->line_end != NULL ? r->in + r->pos : NULL;
}

void
imap_reader_line_end(struct imap_reader *r)
{
	r->line_used = r->n_shown = 0;
	r->has_passed_literal = false;
	r->pos = r->keep = r->shown_from = (size_t)(r->line_end + 1 - r->in);
}

int
imap_reader_start(struct imap_reader *r, struct imap_token *first_r, struct err *e)
{
	unsigned blank = 0;

	if (imap_reader_skip(r, e) < 0)
		return -1;
	do {
		if (blank++ > BLANK_LINES)
			return bad(r, FAULT_STEP, e, "blank lines without end");
		r->line_used = 0;
		r->n_shown = 0;
		r->depth = 0;
		r->has_passed_literal = false;
		r->keep = r->shown_from = r->pos;
		/* The line begins with its first byte: input that ends before it cuts none short. */
		if (fill(r, e) < 0)
			return -1;
		r->is_at_eol = false;
		if (imap_reader_next(r, first_r, e) < 0)
			return -1;
	} while (first_r->kind == IMAP_TOKEN_EOL);
	if (first_r->kind != IMAP_TOKEN_ATOM)
		return imap_reader_bad(r, e, "a line that begins with no tag");
	return 0;
}

int
imap_reader_literal(struct imap_reader *r, imap_sink *sink, void *ctx, bool *is_whole_r, struct err *e)
{
	bool is_wanted = sink != NULL;

	r->keep = r->pos;
	show_passed(r);
	while (r->literal_left > 0) {
		size_t n;

		if (r->pos == r->end) {
			r->keep = r->pos = r->end = r->shown_from = 0;
			if (read_more(r, e) < 0)
				return -1;
		}
		n = r->end - r->pos;
		if (n > r->literal_left)
			n = (size_t)r->literal_left;
		if (is_wanted && sink(ctx, r->in + r->pos, n) < 0)
			is_wanted = false;
		if (!is_wanted)
			r->wasted += n;
		if (r->wasted > IMAP_WASTE_MAX)
			return bad(r, FAULT_STEP, e, "octets without end that nobody asked for");
		r->has_passed_literal = true;
		r->literal_left -= n;
		r->pos += n;
		r->keep = r->shown_from = r->pos;
	}
	if (is_whole_r != NULL)
		*is_whole_r = is_wanted;
	return r->fault != FAULT_NONE ? fail_again(r, e) : 0;
}

static int
hold(void *ctx, const void *data, size_t len)
{
	buf_add(ctx, data, len);
	return 0;
}

int
imap_reader_string(struct imap_reader *r, struct imap_token *token, struct err *e)
{
	switch (token->kind) {
	case IMAP_TOKEN_ATOM:
	case IMAP_TOKEN_QUOTED:
		return 0;
	case IMAP_TOKEN_LITERAL:
		break;
	default:
		return imap_reader_bad(r, e, "no string where one belongs");
	}
	if (token->size > IMAP_LINE_MAX || r->line_used + token->size > IMAP_LINE_MAX)
		return too_long(r, e);
	r->line_used += (size_t)token->size;
	r->octets += token->size;
	buf_clear(&r->held);
	if (imap_reader_literal(r, hold, &r->held, NULL, e) < 0)
		return -1;
	token->s = buf_str(&r->held);
	token->len = r->held.len;
	return 0;
}

int
imap_reader_skip_from(struct imap_reader *r, const struct imap_token *first, struct err *e)
{
	struct imap_token t = *first;
	int depth = r->depth - 1;

	if (t.kind == IMAP_TOKEN_EOL || t.kind == IMAP_TOKEN_CLOSE)
		return imap_reader_bad(r, e, "a value is missing");
	if (t.kind == IMAP_TOKEN_LITERAL)
		return imap_reader_literal(r, NULL, NULL, NULL, e);
	if (t.kind != IMAP_TOKEN_OPEN)
		return 0;
	do {
		if (imap_reader_next(r, &t, e) < 0)
			return -1;
		if (t.kind == IMAP_TOKEN_EOL)
			return imap_reader_bad(r, e, "a list without end");
	} while (r->depth > depth);
	return 0;
}

int
imap_reader_skip_value(struct imap_reader *r, struct err *e)
{
	struct imap_token t;

	if (imap_reader_item(r, &t, e) < 0)
		return -1;
	return imap_reader_skip_from(r, &t, e);
}

/* The bytes up to the end of this line, which is consumed: a slice of the buffer. */
static int
raw_line(struct imap_reader *r, bool may_hold_nul, const char **s_r, size_t *len_r, struct err *e)
{
	size_t len;

	r->keep = r->pos;
	for (;;) {
		char *lf;

		if (fill(r, e) < 0)
			return -1;
		lf = memchr(r->in + r->pos, '\n', r->end - r->pos);
		if (lf != NULL) {
			r->pos = (size_t)(lf - r->in);
			break;
		}
		r->pos = r->end;
	}
	len = r->pos - r->keep;
	r->pos++;
	if (len > 0 && r->in[r->keep + len - 1] == '\r')
		len--;
	*s_r = r->in + r->keep;
	*len_r = len;
	if (!may_hold_nul && memchr(*s_r, '\0', len) != NULL) {
		r->pos = r->keep;
		return imap_reader_bad(r, e, "a NUL");
	}
	return pass(r, e);
}

/* True when s ends in {n} or {n+}: *brace_r = where, *n_r = the size. */
static bool
ends_in_literal(const char *s, size_t len, size_t *brace_r, uint64_t *n_r)
{
	uint64_t n = 0, scale = 1;
	size_t i = len, digits = 0;

	if (i < 3 || s[--i] != '}')
		return false;
	if (s[i - 1] == '+')
		i--;
	while (i > 0 && s[i - 1] >= '0' && s[i - 1] <= '9') {
		uint64_t d = (uint64_t)(s[--i] - '0');

		/* Past the largest 19 digits it is past every cap as well. */
		if (digits < 19)
			n += d * scale;
		else if (d != 0)
			n = UINT64_MAX;
		if (digits++ < 18)
			scale *= 10;
		else if (n != UINT64_MAX)
			scale = 0;
	}
	if (digits == 0 || i == 0 || s[i - 1] != '{')
		return false;
	*brace_r = i - 1;
	*n_r = n;
	return true;
}

static int
drain(struct imap_reader *r, uint64_t n, struct err *e)
{
	if (n > r->literal_cap)
		return bad(r, FAULT_STEP, e, "a literal larger than the limit");
	r->literal_left = n;
	return imap_reader_literal(r, NULL, NULL, NULL, e);
}

/* How far a text was read in search of the end of its response code: a text of many literals is read once. */
struct code_scan { size_t at; bool is_quoted, is_closed; };

/* True when text begins with a response code whose bracket is still open at its end. */
static bool
has_open_code(struct code_scan *scan, const char *s, size_t len)
{
	if (len == 0 || s[0] != '[')
		return false;
	for (; scan->at < len && !scan->is_closed; scan->at++) {
		if (scan->is_quoted && s[scan->at] == '\\')
			scan->at++;
		else if (s[scan->at] == '"')
			scan->is_quoted = !scan->is_quoted;
		else if (s[scan->at] == ']' && !scan->is_quoted)
			scan->is_closed = true;
	}
	return !scan->is_quoted && !scan->is_closed;
}

int
imap_reader_text(struct imap_reader *r, const char **s_r, size_t *len_r, struct err *e)
{
	const char *s;
	struct code_scan scan = { .at = 1 };
	size_t len, brace;
	uint64_t n;

	buf_clear(&r->held);
	if (r->fault != FAULT_NONE)
		return fail_again(r, e);
	while (!r->is_at_eol) {
		if (raw_line(r, false, &s, &len, e) < 0)
			return -1;
		if (r->held.len == 0 && len > 0 && s[0] == ' ') {
			s++;
			len--;
		}
		buf_add(&r->held, s, len);
		if (!has_open_code(&scan, buf_str(&r->held), r->held.len) ||
		    !ends_in_literal(buf_str(&r->held), r->held.len, &brace, &n)) {
			r->is_at_eol = true;
			break;
		}
		r->held.len = brace;
		scan.at = brace + 2;
		buf_adds(&r->held, "\"\"");
		if (drain(r, n, e) < 0)
			return -1;
	}
	*s_r = buf_str(&r->held);
	*len_r = r->held.len;
	return 0;
}

int
imap_reader_skip(struct imap_reader *r, struct err *e)
{
	const char *s;
	size_t len, brace;
	uint64_t n;

	if (r->fault != FAULT_NONE)
		return fail_again(r, e);
	if (r->literal_left > 0 && imap_reader_literal(r, NULL, NULL, NULL, e) < 0)
		return -1;
	while (!r->is_at_eol) {
		if (raw_line(r, false, &s, &len, e) < 0)
			return -1;
		if (!ends_in_literal(s, len, &brace, &n))
			r->is_at_eol = true;
		else if (drain(r, n, e) < 0)
			return -1;
	}
	return 0;
}

int
imap_reader_recover(struct imap_reader *r, bool is_in_brackets, struct err *e)
{
	bool has_literal = r->literal_left > 0, is_last = false;
	const char *s = "";
	size_t len = 0, brace;
	uint64_t n;

	if (r->fault != FAULT_LINE)
		return fail_again(r, e);
	r->fault = FAULT_NONE;
	r->n_shown = 0;
	r->shown_from = r->keep;
	if (has_literal && imap_reader_literal(r, NULL, NULL, NULL, e) < 0)
		return -1;
	/* From the token on that was being read: what it swallowed may end in the size of a literal. */
	r->pos = r->keep;
	while (!r->is_at_eol && !is_last) {
		if (raw_line(r, true, &s, &len, e) < 0)
			return -1;
		is_last = !ends_in_literal(s, len, &brace, &n);
		if (!is_last && drain(r, n, e) < 0)
			return -1;
		has_literal |= !is_last;
	}
	r->is_at_eol = true;
	if (has_literal && is_in_brackets && (len == 0 || s[len - 1] != ')'))
		return fail(r, FAULT_STEP, &r->failure, e);
	return 0;
}

uint64_t
imap_reader_octets(const struct imap_reader *r)
{
	return r->octets;
}

void
imap_reader_forgive(struct imap_reader *r)
{
	r->wasted = 0;
}

void
imap_reader_line_goes_on(struct imap_reader *r)
{
	r->line_used = 0;
}

int
imap_reader_number(struct imap_reader *r, const struct imap_token *token, uint64_t max, uint64_t *n_r,
    struct err *e)
{
	uint64_t n = 0;

	if (token->kind != IMAP_TOKEN_ATOM || token->len == 0)
		return imap_reader_bad(r, e, "no number where one belongs");
	for (size_t i = 0; i < token->len; i++) {
		unsigned d = (unsigned)(token->s[i] - '0');

		if (d > 9)
			return imap_reader_bad(r, e, "no number where one belongs");
		if (n > (UINT64_MAX - d) / 10)
			return imap_reader_bad(r, e, "a number past 64 bits");
		n = n * 10 + d;
	}
	if (n > max)
		return imap_reader_bad(r, e, "a number too large");
	*n_r = n;
	return 0;
}

bool
imap_token_is(const struct imap_token *token, const char *word)
{
	return token->kind == IMAP_TOKEN_ATOM && strlen(word) == token->len &&
	    strncasecmp(token->s, word, token->len) == 0;
}
