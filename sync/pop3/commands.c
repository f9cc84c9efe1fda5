/* What is said to a server once it has let us in. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/pop3/engine.h"

/* "12 word more": RFC 1939 allows more behind the size. *word: cut off in the line. */
static bool
split_item(char *line, uint32_t *number_r, char **word_r)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)line[0]))
		return false;
	errno = 0;
	n = strtoul(line, &end, 10);
	if (errno != 0 || n == 0 || n > UINT32_MAX || *end != ' ')
		return false;
	end += strspn(end, " ");
	*number_r = (uint32_t)n;
	*word_r = end;
	end[strcspn(end, " ")] = '\0';
	return **word_r != '\0';
}

static int
read_items(struct pop3_session *s, const char *command, pop3_item *on_item, void *ctx, struct err *e)
{
	char copy[LINES_LINE_MAX + 1], *word;
	const char *line;
	struct err why;
	uint32_t number;
	int got;

	while ((got = lines_item(s->dialog.lines, &line, &why)) > 0) {
		snprintf(copy, sizeof copy, "%s", line);
		if (!split_item(copy, &number, &word)) {
			err_class(&why, ERR_STORE, ERR_FAILED, ERR_LATER, "%s answers %s with a line that nobody can read", s->dialog.label, command);
			return dialog_die(&s->dialog, &why, e);
		}
		stream_useful(s->dialog.stream, strlen(line) + 2);
		if (on_item(ctx, number, word, &why) < 0)
			return dialog_die(&s->dialog, &why, e);
	}
	return got < 0 ? dialog_die(&s->dialog, &why, e) : 1;
}

static int
ask_items(struct pop3_session *s, const char *command, pop3_item *on_item, void *ctx, struct pop3_reply *reply_r, struct err *e)
{
	if (pop3_ask(s, command, reply_r, e) < 0)
		return -1;
	return reply_r->is_ok ? read_items(s, command, on_item, ctx, e) : 0;
}

int
pop3_uidl(struct pop3_session *s, pop3_item *on_item, void *ctx, struct pop3_reply *reply_r, struct err *e)
{
	return ask_items(s, "UIDL", on_item, ctx, reply_r, e);
}

int
pop3_list(struct pop3_session *s, pop3_item *on_item, void *ctx, struct pop3_reply *reply_r, struct err *e)
{
	return ask_items(s, "LIST", on_item, ctx, reply_r, e);
}

/* ---- commands on many messages ---- */

/* A command for each of n messages: `word`, the number, `tail`. */
struct many { const char *word, *tail; const uint32_t *numbers; size_t n, sent; };

/* Sends those whose turn has come, so that no more are unanswered than the session allows; `behind` of them are answered. */
static int
send_ahead(struct pop3_session *s, struct many *m, size_t behind, struct err *e)
{
	const size_t most = behind + s->pipeline;
	char command[64];
	int len;

	/* A half of them at a time, so that commands share packets. */
	if (m->sent == m->n || m->sent - behind > s->pipeline / 2)
		return 0;
	for (; m->sent < m->n && m->sent < most; m->sent++) {
		len = snprintf(command, sizeof command, "%s %u%s\r\n", m->word, (unsigned)m->numbers[m->sent], m->tail);
		if (dialog_write(&s->dialog, command, (size_t)len, e) < 0)
			return -1;
	}
	return dialog_flush(&s->dialog, e);
}

/* Between the reader and who takes the text: what was wanted counts as useful. */
struct piece { struct pop3_session *s; const struct pop3_text_sink *sink; };

static int
on_data(void *ctx, const void *data, size_t len)
{
	const struct piece *p = ctx;

	if (p->sink->data(p->sink->ctx, data, len) < 0)
		return -1;
	stream_useful(p->s->dialog.stream, len);
	return 0;
}

static int
stopped(struct pop3_session *s, struct err *e)
{
	struct err why;

	err_class(&why, ERR_STORE, ERR_FAILED, ERR_NOW, "%s: given up in the midst of texts", s->dialog.label);
	return dialog_die(&s->dialog, &why, e);
}

static int
take_text(struct pop3_session *s, size_t i, const struct pop3_text_sink *sink, struct err *e)
{
	struct piece piece = { s, sink };
	struct pop3_reply reply;
	struct err why;
	bool is_wanted, is_whole = false;

	if (pop3_read_reply(s, &reply, e) < 0)
		return -1;
	if (!reply.is_ok)
		return sink->end(sink->ctx, i, &reply, false) < 0 ? stopped(s, e) : 0;
	is_wanted = sink->begin(sink->ctx, i) == 0;
	if (lines_body(s->dialog.lines, is_wanted ? on_data : NULL, &piece, &is_whole, &why) < 0)
		return dialog_die(&s->dialog, &why, e);
	return sink->end(sink->ctx, i, NULL, is_whole) < 0 ? stopped(s, e) : 0;
}

int
pop3_texts(struct pop3_session *s, const uint32_t *numbers, size_t n, bool is_header, const struct pop3_text_sink *sink, struct err *e)
{
	struct many m = { is_header ? "TOP" : "RETR", is_header ? " 0" : "", numbers, n, 0 };
	size_t i;

	for (i = 0; i < n; i++)
		if (send_ahead(s, &m, i, e) < 0 || take_text(s, i, sink, e) < 0)
			return -1;
	return 0;
}

int
pop3_delete(struct pop3_session *s, const uint32_t *numbers, size_t n, bool *is_marked_r, struct err *e)
{
	struct many m = { "DELE", "", numbers, n, 0 };
	struct pop3_reply reply;
	size_t i;

	for (i = 0; i < n; i++)
		is_marked_r[i] = false;
	for (i = 0; i < n; i++) {
		if (send_ahead(s, &m, i, e) < 0 || pop3_read_reply(s, &reply, e) < 0)
			return -1;
		is_marked_r[i] = reply.is_ok;
	}
	return 0;
}

int
pop3_quit(struct pop3_session *s, struct pop3_reply *reply_r, struct err *e)
{
	struct err over;
	int status = pop3_ask(s, "QUIT", reply_r, e);

	err_class(&over, ERR_STORE, ERR_FAILED, ERR_NOW, "%s: the session is over", s->dialog.label);
	if (status == 0)
		dialog_die(&s->dialog, &over, &over);
	return status;
}
