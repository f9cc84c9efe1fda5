#include "sync/outbox/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/buf.h"

#define NAME "outbox "

static char *
name_of(struct arena *a, struct key key)
{
	return arena_printf(a, NAME "%.*s", (int)key.len, key.data);
}

/* One line, whatever it was. */
static void
add_line(struct buf *out, const char *text, char end)
{
	for (; *text != '\0'; text++)
		buf_addc(out, (unsigned char)*text < ' ' ? ' ' : *text);
	buf_addc(out, end);
}

static void
encode(const struct outbox_record *rec, struct buf *out)
{
	buf_printf(out, "1 %d %u %lld %lld %u\n", (int)rec->state, rec->tries, (long long)rec->first, (long long)rec->next, rec->flags);
	add_line(out, rec->message_id, '\n');
	add_line(out, rec->date, '\n');
	add_line(out, rec->name, '\n');
	add_line(out, rec->words, '\n');
	for (size_t i = 0; i < rec->n; i++) {
		buf_printf(out, "%d ", (int)rec->to[i].got);
		add_line(out, rec->to[i].address, '\t');
		add_line(out, rec->to[i].words, '\n');
	}
}

static const char *
take_line(char **rest)
{
	char *line = strsep(rest, "\n");

	return line != NULL ? line : "";
}

static int
decode(struct arena *a, const char *text, struct outbox_record *rec)
{
	char *rest = arena_strdup(a, text), *line, *tab;
	long long first, next;
	size_t lines = 0;
	int state, got;

	for (const char *c = text; *c != '\0'; c++)
		lines += *c == '\n';
	if (sscanf(take_line(&rest), "1 %d %u %lld %lld %u", &state, &rec->tries, &first, &next, &rec->flags) != 5 ||
	    state < 0 || state >= OUTBOX_STATES)
		return -1;
	rec->state = (enum outbox_state)state;
	rec->first = first;
	rec->next = next;
	rec->message_id = take_line(&rest);
	rec->date = take_line(&rest);
	rec->name = take_line(&rest);
	rec->words = take_line(&rest);
	rec->to = arena_alloc(a, (lines + 1) * sizeof *rec->to);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		tab = strchr(line, '\t');
		got = line[0] - '0';
		if (tab == NULL || got < 0 || got >= OUTBOX_GOTS || line[1] != ' ')
			return -1;
		*tab = '\0';
		rec->to[rec->n++] = (struct outbox_recipient){ (enum outbox_got)got, line + 2, tab + 1 };
	}
	return 0;
}

int
outbox_record_get(struct state *s, struct arena *a, struct key key, struct outbox_record *rec_r, struct err *e)
{
	const char *text;
	int got = memory_get(s, a, name_of(a, key), &text, e);

	*rec_r = (struct outbox_record){ .message_id = "", .date = "", .name = "", .words = "" };
	if (got > 0 && decode(a, text, rec_r) < 0)
		return err_set(e, ERR_STORE, "what is known of the message %.*s cannot be read", (int)key.len, key.data);
	return got;
}

static int
record_put(struct state *s, struct key key, const struct outbox_record *rec, struct err *e)
{
	struct arena a = { 0 };
	struct buf text = { 0 };
	int status;

	encode(rec, &text);
	status = memory_put(s, name_of(&a, key), buf_str(&text), e);
	buf_release(&text);
	arena_release(&a);
	return status;
}

int
outbox_record_forget(struct state *s, struct key key, struct err *e)
{
	struct arena a = { 0 };
	int status = memory_put(s, name_of(&a, key), NULL, e);

	arena_release(&a);
	return status;
}

int
outbox_record_next(struct state *s, struct arena *a, struct key after, struct key *key_r, struct err *e)
{
	const char *name;
	int got = memory_next(s, a, NAME, after.len != 0 ? name_of(a, after) : "", &name, e);

	if (got > 0)
		*key_r = key_from_string(name + strlen(NAME));
	return got;
}

int
outbox_record_keep(struct state *s, struct key key, const struct outbox_record *rec, struct err *e)
{
	if (state_begin(s, e) < 0)
		return -1;
	if ((rec != NULL ? record_put(s, key, rec, e) : outbox_record_forget(s, key, e)) < 0) {
		state_abort(s);
		return -1;
	}
	return state_commit(s, e);
}
