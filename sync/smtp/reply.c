#include "sync/smtp/reply.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int
bad(const char *server, const char *what, struct err *e)
{
	return err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "%s %s", server, what);
}

/* "250-text", "250 text", "250". 0 = it is none of these. */
static unsigned
read_code(const char *line, bool *is_last_r)
{
	if (line[0] < '2' || line[0] > '5' || !isdigit((unsigned char)line[1]) || !isdigit((unsigned char)line[2]))
		return 0;
	if (line[3] != '\0' && line[3] != ' ' && line[3] != '-')
		return 0;
	*is_last_r = line[3] != '-';
	return (unsigned)(line[0] - '0') * 100 + (unsigned)(line[1] - '0') * 10 + (unsigned)(line[2] - '0');
}

/* Length of "5.7.1" before a blank or the end; 0 = there is none. */
static size_t
status_length(const char *text, unsigned code)
{
	const char *p = text + 1;

	if ((unsigned)(text[0] - '0') != code / 100 || *p != '.')
		return 0;
	for (int part = 0; part < 2; part++) {
		p++;
		if (!isdigit((unsigned char)*p))
			return 0;
		for (int i = 0; i < 3 && isdigit((unsigned char)*p); i++)
			p++;
		if (part == 0 && *p != '.')
			return 0;
	}
	return *p == ' ' || *p == '\0' ? (size_t)(p - text) : 0;
}

static void
add_words(struct smtp_reply *r, const char *text)
{
	size_t len = status_length(text, r->code), at = strlen(r->text);

	if (len > 0 && r->status[0] == '\0')
		snprintf(r->status, sizeof r->status, "%.*s", (int)len, text);
	text += len;
	text += strspn(text, " ");
	if (*text != '\0' && at + 1 < sizeof r->text)
		snprintf(r->text + at, sizeof r->text - at, "%s%s", at != 0 ? " " : "", text);
	for (char *c = r->text + at; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

int
smtp_reply_read(struct lines *in, const char *server, smtp_on_line *on_line, void *ctx, struct smtp_reply *reply_r, struct err *e)
{
	const char *line;
	bool is_last = false;
	unsigned code;

	*reply_r = (struct smtp_reply){ .code = 0 };
	for (int n = 0; !is_last; n++) {
		if (lines_next(in, &line, e) < 0)
			return -1;
		code = read_code(line, &is_last);
		if (code == 0)
			return bad(server, "does not answer as an SMTP server does", e);
		if (n > 0 && code != reply_r->code)
			return bad(server, "answers with two codes at once", e);
		if (n >= SMTP_REPLY_LINES)
			return bad(server, "answers without end", e);
		reply_r->code = code;
		line += 3 + (line[3] != '\0');
		add_words(reply_r, line);
		if (on_line != NULL)
			on_line(ctx, line);
	}
	return 0;
}

const char *
smtp_reply_words(const struct smtp_reply *r, char *buf, size_t size)
{
	snprintf(buf, size, "%u%s%s%s%s", r->code, r->status[0] != '\0' ? " " : "", r->status, r->text[0] != '\0' ? " " : "", r->text);
	return buf;
}
