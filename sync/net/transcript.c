#include "sync/net/transcript.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "state/base/redact.h"
#include "sync/net/clock.h"

enum { LINE_SHOWN = 2000, LITERAL_SHOWN = 400, TAIL = 24, TAG_MAX = 64, FILES_MAX = 100000 };

/* One direction. A line is gathered until its end is known, then written at once. */
struct half {
	struct buf line;		/* its first LINE_SHOWN bytes, or the literal's first ones */
	uint64_t len;			/* bytes of the line so far */
	char tail[TAIL];		/* its last bytes, to see a literal announced */
	size_t tail_len;
	size_t secret_from, secret_to;	/* bytes of the line the caller marked; equal = none */
	uint64_t literal, literal_left;	/* size and rest of the literal that is passing, 0 = none */
	bool is_secret_command;		/* LOGIN: hidden until its last line has passed */
};

struct transcript {
	FILE *file;			/* NULL = could not be written any more */
	long long begun;		/* clock_now() */
	struct half half[2];
	char auth_tag[TAG_MAX];		/* of the AUTHENTICATE under way; "" = none */
};

static void
put_time(struct transcript *t)
{
	long long ms = clock_now() - t->begun;

	fprintf(t->file, "%4lld.%03lld ", ms / 1000, ms % 1000);
}

static void
put_escaped(struct transcript *t, const char *p)
{
	for (; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '\\')
			fputs("\\\\", t->file);
		else if (c < 0x20 || c == 0x7f)
			fprintf(t->file, "\\x%02x", c);
		else
			putc(c, t->file);
	}
}

/* A server may say what it was told in secret. */
static void
put_text(struct transcript *t, const char *p, size_t len)
{
	enum { REDACTED_MORE = 3 };	/* times as long as a secret, at most */
	struct buf piece = { .is_secret = 1 };
	const char *nul;
	size_t n;

	for (; len > 0; p += n, len -= n) {
		nul = memchr(p, '\0', len);
		n = nul != NULL ? (size_t)(nul - p) : len;
		buf_clear(&piece);
		buf_add(&piece, p, n);
		buf_reserve(&piece, REDACTED_MORE * n + 1);
		redact(piece.data, (REDACTED_MORE + 1) * n + 1);
		put_escaped(t, piece.data);
		if (nul != NULL) {
			fputs("\\x00", t->file);
			n++;
		}
	}
	buf_release(&piece);
}

/* "tag LOGIN ...": sets *rest_r behind the command word and says whether it is `command`. */
static bool
is_command(const struct buf *line, const char *command, size_t *tag_len_r, size_t *rest_r)
{
	const char *s = buf_str(line), *word = memchr(s, ' ', line->len);
	size_t len = strlen(command), at;

	if (word == NULL)
		return false;
	at = (size_t)(word - s) + 1;
	if (line->len < at + len || strncasecmp(s + at, command, len) != 0)
		return false;
	if (line->len > at + len && s[at + len] != ' ' && s[at + len] != '\r' && s[at + len] != '\n')
		return false;
	*tag_len_r = at - 1;
	*rest_r = at + len;
	return true;
}

/* How much of a client's line may be shown from its start. */
static size_t
client_shows(struct transcript *t, struct half *h)
{
	size_t tag, rest, i;
	const char *s = buf_str(&h->line);

	if (is_command(&h->line, "LOGIN", &tag, &rest)) {
		h->is_secret_command = true;
		return rest;
	}
	if (is_command(&h->line, "AUTHENTICATE", &tag, &rest)) {
		snprintf(t->auth_tag, sizeof t->auth_tag, "%.*s", (int)tag, s);
		for (i = rest; i < h->line.len && s[i] == ' '; i++)
			;
		while (i < h->line.len && s[i] != ' ' && s[i] != '\r')
			i++;
		return i;
	}
	/* SASL data is base64 and so without blanks; pipelined commands have some. */
	if (t->auth_tag[0] != '\0' && memchr(s, ' ', h->line.len) == NULL)
		return 0;
	return h->line.len;
}

static size_t
server_shows(struct transcript *t, struct half *h)
{
	size_t len = strlen(t->auth_tag);
	const char *s = buf_str(&h->line);

	if (len == 0)
		return h->line.len;
	if (h->line.len > len && strncmp(s, t->auth_tag, len) == 0 && s[len] == ' ')
		t->auth_tag[0] = '\0';
	return s[0] == '+' ? 1 : h->line.len;
}

/* The size a line announces at its end ("{12}", "{12+}", "~{12}"), 0 = none. */
static uint64_t
announced(const struct half *h)
{
	size_t end = h->tail_len, i;
	uint64_t n = 0;

	while (end > 0 && (h->tail[end - 1] == '\n' || h->tail[end - 1] == '\r'))
		end--;
	if (end < 3 || h->tail[--end] != '}')
		return 0;
	if (h->tail[end - 1] == '+' || h->tail[end - 1] == '-')
		end--;
	for (i = end; i > 0 && isdigit((unsigned char)h->tail[i - 1]); i--)
		;
	if (i == end || i == 0 || h->tail[i - 1] != '{')
		return 0;
	for (; i < end && n < UINT64_MAX / 100; i++)
		n = n * 10 + (uint64_t)(h->tail[i] - '0');
	return n;
}

static void
half_reset(struct half *h)
{
	buf_clear(&h->line);
	h->len = 0;
	h->tail_len = 0;
	h->secret_from = h->secret_to = 0;
}

static void
put_line(struct transcript *t, enum transcript_side side)
{
	struct half *h = &t->half[side];
	size_t shown, end;
	bool hide = false;

	if (h->is_secret_command)
		shown = 0;
	else
		shown = side == TRANSCRIPT_CLIENT ? client_shows(t, h) : server_shows(t, h);
	if (h->secret_to > h->secret_from && h->secret_from < shown) {
		shown = h->secret_from;
		hide = true;
	}
	for (end = h->line.len; end > 0 && strchr("\r\n", h->line.data[end - 1]) != NULL;)
		end--;
	hide |= h->is_secret_command || shown < end;
	while (shown > 0 && strchr("\r\n ", h->line.data[shown - 1]) != NULL)
		shown--;
	put_time(t);
	fputs(side == TRANSCRIPT_CLIENT ? "C:" : "S:", t->file);
	if (shown > 0)
		putc(' ', t->file);
	put_text(t, buf_str(&h->line), shown);
	if (hide)
		fputs(" [secret]", t->file);
	else if (h->len > h->line.len)
		fprintf(t->file, " [and %llu bytes]", (unsigned long long)(h->len - h->line.len));
	putc('\n', t->file);
}

static void
put_literal(struct transcript *t, enum transcript_side side)
{
	struct half *h = &t->half[side];
	bool is_hidden = h->is_secret_command || h->secret_to > h->secret_from;

	put_time(t);
	fprintf(t->file, "%c| ", side == TRANSCRIPT_CLIENT ? 'C' : 'S');
	if (is_hidden) {
		fputs("[secret]\n", t->file);
		return;
	}
	put_text(t, buf_str(&h->line), h->line.len);
	if (h->len > h->line.len)
		fprintf(t->file, " [and %llu bytes]", (unsigned long long)(h->len - h->line.len));
	putc('\n', t->file);
}

static void
half_add(struct half *h, const char *p, size_t len, size_t limit, bool is_secret)
{
	size_t keep = h->line.len < limit ? limit - h->line.len : 0, old;

	if (is_secret && len > 0) {
		if (h->secret_to == h->secret_from)
			h->secret_from = h->line.len;
		h->secret_to = h->line.len + 1;
	}
	buf_add(&h->line, p, len < keep ? len : keep);
	h->len += len;
	if (len >= TAIL) {
		memcpy(h->tail, p + len - TAIL, TAIL);
		h->tail_len = TAIL;
		return;
	}
	old = h->tail_len + len > TAIL ? TAIL - len : h->tail_len;
	memmove(h->tail, h->tail + h->tail_len - old, old);
	memcpy(h->tail + old, p, len);
	h->tail_len = old + len;
}

void
transcript_data(struct transcript *t, enum transcript_side side, const void *data, size_t len,
    bool is_secret)
{
	struct half *h = &t->half[side];
	const char *p = data, *end;
	uint64_t literal;
	size_t n;

	while (t->file != NULL && len > 0) {
		if (h->literal_left > 0) {
			n = len < h->literal_left ? len : (size_t)h->literal_left;
			half_add(h, p, n, LITERAL_SHOWN, is_secret);
			h->literal_left -= n;
			if (h->literal_left == 0) {
				put_literal(t, side);
				half_reset(h);
			}
		} else {
			end = memchr(p, '\n', len);
			n = end != NULL ? (size_t)(end - p) + 1 : len;
			half_add(h, p, n, LINE_SHOWN, is_secret);
			if (end != NULL) {
				literal = announced(h);
				put_line(t, side);
				half_reset(h);
				h->literal = h->literal_left = literal;
				if (literal == 0)
					h->is_secret_command = false;
			}
		}
		p += n;
		len -= n;
	}
	if (t->file != NULL && fflush(t->file) != 0) {
		fclose(t->file);
		t->file = NULL;
	}
}

void
transcript_note(struct transcript *t, const char *fmt, ...)
{
	char text[ERR_TEXT_SIZE];
	va_list ap;

	if (t->file == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put_time(t);
	fputs("-- ", t->file);
	put_text(t, text, strlen(text));
	putc('\n', t->file);
	fflush(t->file);
}

struct transcript *
transcript_open(const char *dir, const char *host, const char *label, struct err *e)
{
	char name[128], date[32], *path = NULL;
	struct transcript *t;
	int fd = -1, n;
	time_t now = time(NULL);
	struct tm tm;

	snprintf(name, sizeof name, "%s", host);
	for (char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '-' && (*s != '.' || s == name))
			*s = '_';
	mkdir(dir, 0700);
	for (n = 1; fd < 0 && n < FILES_MAX; n++) {
		free(path);
		path = mem_printf("%s/%s-%d.txt", dir, name, n);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0) {
		err_sys(e, ERR_RUN, errno, "cannot create the transcript %s", path);
		free(path);
		return NULL;
	}
	free(path);
	t = mem_alloc(sizeof *t);
	t->begun = clock_now();
	t->half[TRANSCRIPT_CLIENT].line.is_secret = 1;
	t->half[TRANSCRIPT_SERVER].line.is_secret = 1;
	if ((t->file = fdopen(fd, "w")) == NULL)
		close(fd);
	gmtime_r(&now, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
	transcript_note(t, "%s, %s", label, date);
	return t;
}

void
transcript_close(struct transcript **t)
{
	struct transcript *x = *t;

	*t = NULL;
	if (x == NULL)
		return;
	if (x->file != NULL) {
		for (int side = 0; side < 2; side++)
			if (x->half[side].len > 0 && x->half[side].literal_left > 0)
				put_literal(x, side);
			else if (x->half[side].len > 0)
				put_line(x, side);
		transcript_note(x, "closed");
		fclose(x->file);
	}
	buf_release(&x->half[0].line);
	buf_release(&x->half[1].line);
	mem_wipe(x, sizeof *x);
	free(x);
}
