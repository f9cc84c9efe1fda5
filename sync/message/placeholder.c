#include "sync/message/placeholder.h"

#include <string.h>
#include <strings.h>

#define SUBJECT "Subject:"
#define PREFIX "[placeholder] "
#define NO_SUBJECT "Subject: [placeholder] (No Subject)"
#define STANDS_FOR "this message is over the MaxSize limit."
#define FETCH_BY "Flag it and sync again (Sync mode %s) to fetch its real contents."
#define FLAGGED "The original message is flagged as important."

enum { WORDS_MOST = 512 };		/* octets of the text below the header */

/* The end of the line at p, behind its LF; NULL = it has none. */
static const char *
line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf != NULL ? lf + 1 : NULL;
}

static bool
is_empty_line(const char *p, const char *next)
{
	return next - p == 1 || (next - p == 2 && *p == '\r');
}

/* Where the prefix of a line that is the subject's stands, or is to stand; NULL = it is another line. */
static const char *
subject_at(const char *p, const char *end)
{
	size_t len = sizeof SUBJECT - 1;

	if ((size_t)(end - p) < len || strncasecmp(p, SUBJECT, len) != 0)
		return NULL;
	return p + len + ((size_t)(end - p) > len && p[len] == ' ');
}

static bool
starts_with(const char *p, const char *end, const char *what)
{
	return (size_t)(end - p) >= strlen(what) && memcmp(p, what, strlen(what)) == 0;
}

bool
placeholder_make(struct buf *out, const char *header, size_t len, uint64_t size, bool is_flagged)
{
	const char *end = header + len, *p, *next, *subject = NULL, *nl;

	for (p = header; p < end; p = next) {
		next = line_end(p, end);
		if (next == NULL || is_empty_line(p, next))
			break;
		if (subject == NULL)
			subject = subject_at(p, next);
	}
	if (p >= end || next == NULL || p == header || (size_t)(p - header) > PLACEHOLDER_HEADER_MOST || (subject != NULL && starts_with(subject, p, PREFIX)))
		return false;
	nl = next - p == 2 ? "\r\n" : "\n";
	if (subject != NULL) {
		buf_add(out, header, (size_t)(subject - header));
		buf_adds(out, PREFIX);
		buf_add(out, subject, (size_t)(p - subject));
	} else {
		buf_add(out, header, (size_t)(p - header));
		buf_printf(out, NO_SUBJECT "%s", nl);
	}
	buf_adds(out, nl);
	if (size < 1024000)
		buf_printf(out, "Having a size of %lluKiB, ", (unsigned long long)size >> 10);
	else
		buf_printf(out, "Having a size of %.1fMiB, ", (double)size / 1048576.);
	buf_printf(out, STANDS_FOR "%s" FETCH_BY "%s", nl, "Upgrade", nl);
	if (is_flagged)
		buf_printf(out, "%s" FLAGGED "%s", nl, nl);
	return true;
}

/* ---- known again ---- */

void
placeholder_watch_begin(struct placeholder_watch *w)
{
	w->text.len = 0;
	w->line = 0;
	w->state = WATCH_HEADER;
}

static void
over(struct placeholder_watch *w)
{
	w->text.len = 0;
	w->state = WATCH_OVER;
}

/* Its lines that are whole by now: until the subject has come, or the header is over. */
static void
look_at_lines(struct placeholder_watch *w)
{
	const char *end = w->text.data + w->text.len, *p, *next, *subject;

	while (w->state == WATCH_HEADER && (next = line_end(p = w->text.data + w->line, end)) != NULL) {
		subject = subject_at(p, next);
		if (is_empty_line(p, next) || (subject != NULL && !starts_with(subject, next, PREFIX))) {
			over(w);
			return;
		}
		if (subject != NULL)
			w->state = WATCH_ALL;
		w->line = (size_t)(next - w->text.data);
	}
}

void
placeholder_watch(struct placeholder_watch *w, const char *p, size_t len)
{
	if (w->state == WATCH_OVER)
		return;
	if (w->text.len + len > PLACEHOLDER_HEADER_MOST + WORDS_MOST && w->state == WATCH_ALL) {
		over(w);
		return;
	}
	/* A large message is not kept for its header. */
	if (len > PLACEHOLDER_HEADER_MOST)
		len = PLACEHOLDER_HEADER_MOST;
	buf_add(&w->text, p, len);
	if (w->state == WATCH_HEADER)
		look_at_lines(w);
	if (w->text.len > PLACEHOLDER_HEADER_MOST + WORDS_MOST)
		over(w);
}

bool
placeholder_watch_may_be(const struct placeholder_watch *w)
{
	return w->state == WATCH_ALL;
}

/* A line that is just this, whatever its end. Returns what follows it; NULL = it is another. */
static const char *
skip_line(const char *p, const char *end, const char *what)
{
	const char *next = p != NULL ? line_end(p, end) : NULL;
	size_t len = strlen(what);

	if (next == NULL || !starts_with(p, next, what) || !is_empty_line(p + len, next))
		return NULL;
	return next;
}

/* "Having a size of 2.2MiB, this message ..." */
static const char *
skip_size(const char *p, const char *end)
{
	if (!starts_with(p, end, "Having a size of "))
		return NULL;
	p += sizeof "Having a size of " - 1;
	while (p < end && ((*p >= '0' && *p <= '9') || *p == '.'))
		p++;
	if (!starts_with(p, end, "KiB, ") && !starts_with(p, end, "MiB, "))
		return NULL;
	return skip_line(p + 5, end, STANDS_FOR);
}

static bool
is_words(const char *p, const char *end)
{
	const char *fetch = skip_size(p, end), *rest;

	rest = skip_line(fetch, end, "Flag it and sync again (Sync mode Upgrade) to fetch its real contents.");
	if (rest == NULL)
		rest = skip_line(fetch, end, "Flag it and sync again (Sync mode ReNew) to fetch its real contents.");
	if (rest == NULL || rest == end)
		return rest != NULL;
	return is_empty_line(rest, line_end(rest, end) != NULL ? line_end(rest, end) : end) &&
	    skip_line(line_end(rest, end), end, FLAGGED) == end;
}

/* A line that stores and tools put behind it. */
static bool
is_stamp(const char *p, const char *next)
{
	return starts_with(p, next, "X-TUID:");
}

bool
placeholder_watch_end(struct placeholder_watch *w, const char **header_r, size_t *len_r)
{
	char *text = w->text.data, *subject = NULL;
	const char *end = text + w->text.len, *p, *next = NULL, *last = NULL, *line = NULL;
	size_t gone;

	if (w->state != WATCH_ALL)
		return false;
	for (p = text; p < end; p = next) {
		next = line_end(p, end);
		if (next == NULL || is_empty_line(p, next))
			break;
		if (!is_stamp(p, next))
			last = p;
		if (subject == NULL && (subject = (char *)subject_at(p, next)) != NULL)
			line = p;
	}
	if (next == NULL || p >= end || subject == NULL || !is_words(next, end))
		return false;
	next = line_end(line, end);
	/* Without a subject it got one, behind all other lines. */
	if (line == last && skip_line(line, end, NO_SUBJECT) == next)
		subject = (char *)line;
	gone = subject == line ? (size_t)(next - line) : sizeof PREFIX - 1;
	memmove(subject, subject + gone, (size_t)(p - subject) - gone);
	*header_r = text;
	*len_r = (size_t)(p - text) - gone;
	w->state = WATCH_OVER;
	return true;
}

void
placeholder_watch_release(struct placeholder_watch *w)
{
	buf_release(&w->text);
}
