/* Reads a base from text, as state/dump.c writes it; the form is described in state/text.h. Every field
 * of a line must be understood, and every reference must lead somewhere: a dump that was edited by hand
 * is believed only as far as it makes sense. */
#include "state/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/inside.h"
#include "state/text.h"

struct field {
	const char *name, *value;	/* value still escaped */
	bool is_used;
};

struct load {
	struct state *s;
	FILE *in;
	const char *name;		/* of the file, for messages */
	char *text;			/* the line, cut into fields; from getline */
	size_t text_room;
	uint64_t line;			/* its number in the file */
	const char *word;
	VEC(struct field) fields;
	struct arena a;			/* of one line */
	bool has_next;
	struct ids next;		/* as the file's "next" line has them */
	struct err *e;
	bool is_bad;			/* *e is set; fields read after that are zeros */
};

/* Remembers the first fault of a line. Returns -1. */
static int
bad(struct load *l, const char *what, const char *of)
{
	if (!l->is_bad)
		err_class(l->e, ERR_RUN, ERR_FAILED, ERR_NEVER, "%s:%" PRIu64 ": %s%s%s", l->name, l->line, what,
		    *of != '\0' ? " " : "", of);
	l->is_bad = true;
	return -1;
}

/* ---- fields ---- */

static const char *
take(struct load *l, const char *prefix, const char *name)
{
	size_t i, len = strlen(prefix);

	for (i = 0; i < l->fields.n; i++) {
		struct field *f = &l->fields.at[i];

		if (!f->is_used && strncmp(f->name, prefix, len) == 0 && strcmp(f->name + len, name) == 0) {
			f->is_used = true;
			return f->value;
		}
	}
	return NULL;
}

static uint64_t
take_number(struct load *l, const char *prefix, const char *name, uint64_t max)
{
	const char *value = take(l, prefix, name);
	uint64_t n = 0;

	if (value != NULL && (!text_read_number(value, &n) || n > max)) {
		bad(l, "this number cannot be:", value);
		n = 0;
	}
	return n;
}

static int64_t
take_signed(struct load *l, const char *prefix, const char *name)
{
	const char *value = take(l, prefix, name);
	int64_t n = 0;

	if (value != NULL && !text_read_signed(value, &n))
		bad(l, "this number cannot be:", value);
	return n;
}

static const char *
take_string(struct load *l, const char *prefix, const char *name)
{
	const char *value = take(l, prefix, name), *data;
	size_t len;

	if (value == NULL || *value == '\0')
		return "";
	if (!text_unescape(&l->a, value, &data, &len) || strlen(data) != len) {
		bad(l, "this is no text:", value);
		return "";
	}
	return data;
}

static uint32_t
take_flags(struct load *l, const char *prefix, const char *name)
{
	const char *value = take(l, prefix, name);
	uint32_t sys = 0;

	if (value != NULL && !text_read_flags(value, &sys))
		bad(l, "these are no flags:", value);
	return sys;
}

static struct key
take_key(struct load *l, const char *prefix, const char *name)
{
	const char *value = take(l, prefix, name);
	struct key k = KEY_NONE;

	if (value != NULL && !text_read_key(&l->a, value, &k))
		bad(l, "this is no key:", value);
	return k;
}

/* True when the field is there. */
static bool
take_hex(struct load *l, const char *prefix, const char *name, unsigned char *to, size_t room, size_t *len_r)
{
	const char *value = take(l, prefix, name);

	*len_r = 0;
	if (value == NULL)
		return false;
	if (!text_read_hex(value, to, room, len_r))
		bad(l, "this is not hexadecimal, or too long:", value);
	return true;
}

static unsigned
take_word(struct load *l, const char *prefix, const char *name, const char *const *words)
{
	const char *value = take(l, prefix, name);
	unsigned i;

	if (value == NULL)
		return 0;
	for (i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], value) == 0)
			return i;
	bad(l, "this word is not known:", value);
	return 0;
}

static struct ident
take_ident(struct load *l)
{
	struct ident i = { 0 };
	const char *size = take(l, "", "size");
	size_t len;

	if (size != NULL) {
		i.has |= IDENT_SIZE;
		if (!text_read_number(size, &i.size))
			bad(l, "this number cannot be:", size);
	}
	if (take_hex(l, "", "header", i.header, sizeof i.header, &len)) {
		i.has |= IDENT_HEADER;
		if (len != sizeof i.header)
			bad(l, "this digest is too short", "");
	}
	if (take_hex(l, "", "full", i.full, sizeof i.full, &len)) {
		i.has |= IDENT_FULL;
		if (len != sizeof i.full)
			bad(l, "this digest is too short", "");
	}
	if (take_number(l, "", "trimmed", 1))
		i.has |= IDENT_TRIMMED;
	return i;
}

/* ---- lines ---- */

static void
load_next(struct load *l)
{
	l->next.box = (uint32_t)take_number(l, "", "box", UINT32_MAX);
	l->next.record = take_number(l, "", "record", UINT64_MAX);
	l->next.intent = take_number(l, "", "intent", UINT64_MAX);
	l->next.log = take_number(l, "", "log", UINT64_MAX);
	l->has_next = true;
}

static int
load_memory(struct load *l)
{
	const char *name = take_string(l, "", "name");
	const char *value = take_string(l, "", "value");

	return l->is_bad ? -1 : memory_put(l->s, name, value, l->e);
}

static void
take_week(struct load *l, const char *prefix, struct box_day *week)
{
	const char *text = take_string(l, prefix, "week");
	int i, n;

	for (i = 0; *text != '\0'; i++) {
		if (i == BOX_DAYS || sscanf(text, "%" SCNu32 ":%" SCNu32 ":%" SCNu64 "%n", &week[i].day, &week[i].deleted,
		    &week[i].shown, &n) != 3) {
			bad(l, "no days of a week", text);
			return;
		}
		text += n;
		text += *text == ' ';
	}
}

static int
load_box(struct load *l)
{
	struct box_record b = { 0 }, old;
	enum side side;
	size_t len;
	int got;

	b.id = (uint32_t)take_number(l, "", "id", UINT32_MAX - 1);
	b.name = take_string(l, "", "name");
	for (side = FAR; side <= NEAR; side++) {
		struct box_side *bs = &b.side[side];
		const char *prefix = side == FAR ? "far-" : "near-";

		bs->is_known = take_number(l, prefix, "known", 1);
		bs->cursor.epoch = take_number(l, prefix, "epoch", UINT64_MAX);
		bs->cursor.is_steady = take_number(l, prefix, "steady", 1);
		take_hex(l, prefix, "cursor", bs->cursor.data, CURSOR_SIZE, &len);
		bs->cursor.len = (uint8_t)len;
		bs->mask.sys = take_flags(l, prefix, "can-flags");
		bs->mask.has_any_keyword = take_number(l, prefix, "can-all-keywords", 1);
		bs->mask.kw = take_string(l, prefix, "can-keywords");
		bs->mask.refused.sys = take_flags(l, prefix, "refused-flags");
		bs->mask.refused.kw = take_string(l, prefix, "refused-keywords");
		bs->doubted = take_flags(l, prefix, "doubted-flags");
		bs->mailbox_id = take_string(l, prefix, "mailbox-id");
		bs->above = take_string(l, prefix, "above");
		bs->is_leaving = take_number(l, prefix, "leaving", 1);
		bs->on = take_string(l, prefix, "name");
		bs->now = take_string(l, prefix, "now");
		bs->listed = take_signed(l, prefix, "listed");
		bs->missing_runs = take_number(l, prefix, "missing-runs", UINT64_MAX);
		bs->was_held = take_number(l, prefix, "held", 1);
		bs->was_told = take_number(l, prefix, "told-keywords", 1);
		bs->is_blank = take_number(l, prefix, "blank", 1);
		bs->fresh = take_number(l, prefix, "fresh", UINT64_MAX);
		bs->shown.last = take_number(l, prefix, "shown", UINT64_MAX);
		bs->shown.most = take_number(l, prefix, "shown-most", UINT64_MAX);
		bs->shown.suspected = take_number(l, prefix, "window", UINT64_MAX);
		bs->shown.held = take_number(l, prefix, "window-held", UINT64_MAX);
		bs->shown.released = take_number(l, prefix, "window-released", UINT64_MAX);
		take_week(l, prefix, bs->week);
	}
	if (l->is_bad)
		return -1;
	if (b.id == 0)
		return bad(l, "a mailbox needs its id", "");
	got = box_get(l->s, &l->a, b.id, &old, l->e);
	if (got > 0)
		return bad(l, "there is another mailbox with this id", "");
	return got < 0 ? -1 : box_put(l->s, &b, l->e);
}

static void
load_half(struct load *l, const char *prefix, struct record_half *h)
{
	bool is_gone, is_beyond;

	h->key = take_key(l, prefix, "key");
	is_gone = take_number(l, prefix, "gone", 1);
	is_beyond = take_number(l, prefix, "beyond", 1);
	h->presence = is_gone ? PRESENCE_GONE : h->key.len == 0 ? PRESENCE_NEVER : is_beyond ? PRESENCE_BEYOND : PRESENCE_HERE;
	h->basis = (enum half_basis)take_word(l, prefix, "basis", text_bases);
	if (is_beyond && h->key.len == 0)
		bad(l, "what is beyond a window has a key", "");
	h->flags.sys = take_flags(l, prefix, "flags");
	h->flags.kw = take_string(l, prefix, "keywords");
	h->hint = take_string(l, prefix, "hint");
	h->size = take_number(l, prefix, "size", UINT64_MAX);
	h->date = take_signed(l, prefix, "date");
	h->server_id = take_string(l, prefix, "server-id");
	h->is_sent = take_number(l, prefix, "sent", 1);
}

/* A record must be new to the base, and its box must not. */
static int
check_message(struct load *l, const struct record *r)
{
	struct state_key place = state_key_u64(r->id);
	struct box_record b;
	struct db_val val;
	int got;

	if (r->id == 0 || r->id == UINT64_MAX)
		return bad(l, "a message needs its id", "");
	if (r->half[FAR].presence == PRESENCE_NEVER && r->half[NEAR].presence == PRESENCE_NEVER)
		return bad(l, "a message needs a key", "");
	got = db_get(l->s->db, DB_PLACES, state_val(&place), &val, l->e);
	if (got != 0)
		return got < 0 ? -1 : bad(l, "there is another message with this id", "");
	got = box_get(l->s, &l->a, r->box, &b, l->e);
	if (got <= 0)
		return got < 0 ? -1 : bad(l, "this message's box is not there", "");
	return 0;
}

static int
load_message(struct load *l)
{
	struct record r = record_blank(0);
	const char *agreed;
	bool is_unsettled;

	r.id = take_number(l, "", "id", UINT64_MAX);
	r.box = (uint32_t)take_number(l, "", "box", UINT32_MAX);
	is_unsettled = take_number(l, "", "unsettled", 1);
	r.mark = (enum record_mark)take_word(l, "", "mark", text_marks);
	r.why = take_string(l, "", "why");
	r.refusals = (unsigned)take_number(l, "", "refusals", 255);
	r.trouble = (enum record_trouble)take_word(l, "", "trouble", text_troubles);
	r.troubled = (unsigned)take_number(l, "", "troubled", 255);
	agreed = take(l, "", "agreed");
	if (agreed != NULL) {
		r.has_agreed = true;
		if (!text_read_flags(agreed, &r.agreed.sys))
			bad(l, "these are no flags:", agreed);
		r.agreed.kw = take_string(l, "", "agreed-keywords");
	}
	r.ident = take_ident(l);
	load_half(l, "far-", &r.half[FAR]);
	load_half(l, "near-", &r.half[NEAR]);
	if (l->is_bad || check_message(l, &r) != 0)
		return -1;
	return message_store(l->s, &r, is_unsettled, l->e);
}

static int
load_intent(struct load *l)
{
	struct intent i = { 0 };

	i.id = take_number(l, "", "id", UINT64_MAX - 1);
	i.kind = (enum intent_kind)take_word(l, "", "kind", text_intents);
	i.side = (enum side)take_word(l, "", "side", text_sides);
	i.box = (uint32_t)take_number(l, "", "box", UINT32_MAX);
	i.to_box = (uint32_t)take_number(l, "", "to-box", UINT32_MAX);
	i.record = take_number(l, "", "record", UINT64_MAX);
	i.key = take_key(l, "", "key");
	i.epoch = take_number(l, "", "epoch", UINT64_MAX);
	i.uidnext = (uint32_t)take_number(l, "", "uidnext", UINT32_MAX);
	i.ident = take_ident(l);
	i.server_id = take_string(l, "", "server-id");
	i.when = take_signed(l, "", "when");
	i.tries = (uint32_t)take_number(l, "", "tries", UINT32_MAX);
	if (i.id == 0)
		bad(l, "an intent needs its id", "");
	return l->is_bad ? -1 : intent_put(l->s, &i, l->e);
}

static int
load_log(struct load *l)
{
	struct log_entry entry = { 0 };

	entry.id = take_number(l, "", "id", UINT64_MAX - 1);
	entry.when = take_signed(l, "", "when");
	entry.side = (enum side)take_word(l, "", "side", text_sides);
	entry.box = take_string(l, "", "box");
	entry.what = take_string(l, "", "what");
	entry.why = take_string(l, "", "why");
	if (entry.id == 0)
		bad(l, "a log entry needs its id", "");
	return l->is_bad ? -1 : log_add(l->s, &entry, l->e);
}

static int
load_line(struct load *l)
{
	int result = 0;
	size_t i;

	if (strcmp(l->word, "next") == 0)
		load_next(l);
	else if (strcmp(l->word, "memory") == 0)
		result = load_memory(l);
	else if (strcmp(l->word, "box") == 0)
		result = load_box(l);
	else if (strcmp(l->word, "message") == 0)
		result = load_message(l);
	else if (strcmp(l->word, "intent") == 0)
		result = load_intent(l);
	else if (strcmp(l->word, "log") == 0)
		result = load_log(l);
	else
		bad(l, "this word is not known:", l->word);
	for (i = 0; i < l->fields.n && result == 0; i++)
		if (!l->fields.at[i].is_used)
			bad(l, "this field is not known, or there twice:", l->fields.at[i].name);
	return result != 0 || l->is_bad ? -1 : 0;
}

/* ---- the file ---- */

/* Reads a line and cuts it into fields: 1, 0 at the end of the file, -1. */
static int
read_line(struct load *l)
{
	ssize_t len;
	char *word, *equals, *rest;

	arena_release(&l->a);
	l->fields.n = 0;
	l->line++;
	errno = 0;
	len = getline(&l->text, &l->text_room, l->in);
	if (len < 0 && ferror(l->in))
		return err_sys(l->e, ERR_RUN, errno, "%s: cannot read", l->name);
	if (len < 0)
		return 0;
	if ((size_t)len != strlen(l->text) || l->text[len - 1] != '\n')
		return bad(l, "this line is broken", "");
	l->text[len - 1] = '\0';
	rest = l->text;
	l->word = strsep(&rest, " ");
	while ((word = strsep(&rest, " ")) != NULL) {
		equals = strchr(word, '=');
		if (equals != NULL)
			*equals = '\0';
		vec_push(&l->fields, (struct field){ word, equals != NULL ? equals + 1 : NULL, false });
	}
	return 1;
}

/* "WORD NUMBER": the first and the last line. */
static bool
is_frame(const struct load *l, const char *word, uint64_t *n_r)
{
	return strcmp(l->word, word) == 0 && l->fields.n == 1 && l->fields.at[0].value == NULL &&
	    text_read_number(l->fields.at[0].name, n_r);
}

static int
read_all(struct load *l)
{
	uint64_t n, lines;
	size_t i;
	int got;

	got = read_line(l);
	if (got < 0)
		return -1;
	if (got == 0 || !is_frame(l, TEXT_MAGIC, &n))
		return bad(l, "this is not a state dump", "");
	if (n != TEXT_VERSION)
		return bad(l, "this dump was written by another version of mailtwin", "");
	for (lines = 0; (got = read_line(l)) > 0; lines++) {
		if (is_frame(l, "end", &n)) {
			if (n != lines || !l->has_next)
				return bad(l, "lines are missing", "");
			return fgetc(l->in) == EOF ? 0 : bad(l, "there is more behind the end", "");
		}
		for (i = 0; i < l->fields.n; i++)
			if (l->fields.at[i].value == NULL)
				return bad(l, "this field has no value:", l->fields.at[i].name);
		if (load_line(l) != 0)
			return -1;
	}
	return got < 0 ? -1 : bad(l, "the end is missing", "");
}

static int
check_empty(struct state *s, struct err *e)
{
	struct state_key memory = state_key_u8(META_MEMORY);
	struct db_val none = { NULL, 0 }, key, val;
	const struct { enum db_table table; struct db_val prefix; } must[] = {
		{ DB_META, state_val(&memory) }, { DB_BOXES, none }, { DB_MESSAGES, none }, { DB_INTENTS, none },
		{ DB_LOG, none },
	};
	size_t i;
	int got = 0;

	for (i = 0; i < sizeof must / sizeof must[0] && got == 0; i++)
		got = db_next(s->db, must[i].table, must[i].prefix, none, &key, &val, e);
	if (got > 0)
		return err_class(e, ERR_RUN, ERR_FAILED, ERR_NEVER,
		    "the state of channel %s is not empty: move it aside first", s->channel);
	return got;
}

int
state_load(struct state *s, FILE *in, const char *name, struct err *e)
{
	struct load l = { .s = s, .in = in, .name = name, .e = e };
	int result = -1;

	if (state_begin(s, e) != 0)
		return -1;
	if (check_empty(s, e) != 0 || read_all(&l) != 0)
		goto done;
	if (l.next.box < s->ids.box || l.next.record < s->ids.record || l.next.intent < s->ids.intent ||
	    l.next.log < s->ids.log) {
		bad(&l, "the next numbers are given out already", "");
		goto done;
	}
	s->ids = l.next;
	result = 0;
done:
	if (result == 0)
		result = state_commit(s, e);
	else
		state_abort(s);
	free(l.text);
	vec_release(&l.fields);
	arena_release(&l.a);
	return result;
}
