/* One buffer: in[pos..end) is ahead of what was consumed.
 *
 *   a text:  START --"."--> DOT --CR--> DOT_CR --LF--> over
 *              ^  \          |             '--other: the dot is dropped, the CR is text--> TEXT
 *              |   '--other--+--> TEXT
 *              '----CR LF----------'
 */
#include "sync/net/lines.h"

#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"

enum { BUFFER_SIZE = 64 * 1024, SHOWN = 100 };

struct lines {
	mailstream *stream;
	const char *server;
	int (*why)(void *ctx, struct err *e);
	void *why_ctx;
	char *in;
	size_t pos, end;
	bool has_greeted, ends_in_lf;	/* the first line was read; and ended in a bare LF */
	char line[LINES_LINE_MAX + 1];
	uint64_t wasted;
	bool has_failed;
	struct err failure;
};

struct lines *
lines_new(mailstream *stream, const char *server)
{
	struct lines *r = mem_alloc(sizeof *r);

	r->stream = stream;
	r->server = server;
	r->in = mem_alloc(BUFFER_SIZE);
	return r;
}

void
lines_free(struct lines **r)
{
	if (*r == NULL)
		return;
	free((*r)->in);
	free(*r);
	*r = NULL;
}

void
lines_on_end(struct lines *r, int (*why)(void *ctx, struct err *e), void *ctx)
{
	r->why = why;
	r->why_ctx = ctx;
}

bool
lines_has_input(const struct lines *r)
{
	return r->pos < r->end || r->stream->read_buffer_len > 0;
}

static int
fail(struct lines *r, const struct err *why, struct err *e)
{
	if (!r->has_failed)
		r->failure = *why;
	r->has_failed = true;
	*e = r->failure;
	return -1;
}

static int
bad(struct lines *r, const char *what, struct err *e)
{
	struct err why;

	err_class(&why, ERR_STORE, ERR_FAILED, ERR_LATER, "%s sent what we cannot use: %s", r->server, what);
	return fail(r, &why, e);
}

/* Makes in[pos] exist. As in sync/imap/reader.c: more room than the stream has buffered would block for the rest. */
static int
fill(struct lines *r, struct err *e)
{
	size_t want = BUFFER_SIZE;
	struct err why;
	ssize_t n;

	if (r->has_failed) {
		*e = r->failure;
		return -1;
	}
	if (r->pos < r->end)
		return 0;
	r->pos = r->end = 0;
	if (r->stream->read_buffer_len > 0 && want > r->stream->read_buffer_len)
		want = r->stream->read_buffer_len;
	n = mailstream_read(r->stream, r->in, want);
	if (n <= 0) {
		if (r->why == NULL || r->why(r->why_ctx, &why) == 0)
			err_class(&why, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s closed the connection", r->server);
		return fail(r, &why, e);
	}
	r->end = (size_t)n;
	return 0;
}

int
lines_next(struct lines *r, const char **line_r, struct err *e)
{
	size_t len = 0, n;
	const char *lf;

	do {
		if (fill(r, e) < 0)
			return -1;
		lf = memchr(r->in + r->pos, '\n', r->end - r->pos);
		n = (lf != NULL ? (size_t)(lf - r->in) : r->end) - r->pos;
		if (len + n > LINES_LINE_MAX)
			return bad(r, "a line without end", e);
		memcpy(r->line + len, r->in + r->pos, n);
		len += n;
		r->pos += n + (lf != NULL);
	} while (lf == NULL);
	if (!r->has_greeted)
		r->ends_in_lf = len == 0 || r->line[len - 1] != '\r';
	r->has_greeted = true;
	len -= len > 0 && r->line[len - 1] == '\r';
	r->line[len] = '\0';
	if (memchr(r->line, '\0', len) != NULL)
		return bad(r, "a NUL in an answer", e);
	*line_r = r->line;
	return 0;
}

int
lines_item(struct lines *r, const char **line_r, struct err *e)
{
	if (lines_next(r, line_r, e) < 0)
		return -1;
	if ((*line_r)[0] != '.')
		return 1;
	if ((*line_r)[1] == '\0')
		return 0;
	(*line_r)++;
	return 1;
}

/* ---- the text of a message ---- */

enum place { START, DOT, DOT_CR, TEXT };

struct text {
	lines_sink *sink;
	void *ctx;
	bool is_wanted;
	enum place place;
	bool was_cr;			/* the last octet of the text */
};

static int
give(struct lines *r, struct text *t, const char *p, size_t len, struct err *e)
{
	if (len == 0)
		return 0;
	t->was_cr = p[len - 1] == '\r';
	if (t->is_wanted && t->sink(t->ctx, p, len) < 0)
		t->is_wanted = false;
	if (t->is_wanted)
		return 0;
	r->wasted += len;
	return r->wasted > LINES_WASTE_MAX ? bad(r, "a text without end", e) : 0;
}

/* Of what is at hand, the lines up to one that begins with a dot. */
static int
take_text(struct lines *r, struct text *t, struct err *e)
{
	const size_t start = r->pos;
	const char *lf;
	size_t at;

	t->place = TEXT;
	while (r->pos < r->end) {
		lf = memchr(r->in + r->pos, '\n', r->end - r->pos);
		if (lf == NULL) {
			r->pos = r->end;
			break;
		}
		at = (size_t)(lf - r->in);
		r->pos = at + 1;
		if (!r->ends_in_lf && !(at > start ? r->in[at - 1] == '\r' : t->was_cr))
			continue;
		if (r->pos < r->end && r->in[r->pos] != '.')
			continue;
		t->place = START;
		break;
	}
	return give(r, t, r->in + start, r->pos - start, e);
}

/* One octet that is not text, or stands behind such a one. 1: it was the last. */
static int
take_dot(struct lines *r, struct text *t, struct err *e)
{
	const char c = r->in[r->pos];

	switch (t->place) {
	case START:
		r->pos += c == '.';
		t->place = c == '.' ? DOT : TEXT;
		return 0;
	case DOT:
		r->pos += c == '\r' || (c == '\n' && r->ends_in_lf);
		t->place = c == '\r' ? DOT_CR : TEXT;
		return c == '\n' && r->ends_in_lf;
	default:
		r->pos += c == '\n';
		if (c == '\n')
			return 1;
		t->place = TEXT;
		return give(r, t, "\r", 1, e);
	}
}

int
lines_body(struct lines *r, lines_sink *sink, void *ctx, bool *is_whole_r, struct err *e)
{
	struct text t = { .sink = sink, .ctx = ctx, .is_wanted = sink != NULL };
	int status = 0;

	while (status == 0) {
		if (fill(r, e) < 0)
			return -1;
		status = t.place == TEXT ? take_text(r, &t, e) : take_dot(r, &t, e);
	}
	*is_whole_r = t.is_wanted;
	return status < 0 ? -1 : 0;
}
