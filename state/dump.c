/* Writes the base as text. The form is described in state/text.h. */
#include "state/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "state/inside.h"
#include "state/names.h"
#include "state/text.h"

struct dump {
	struct state *s;
	FILE *out;
	struct buf line;
	struct arena a;			/* of one line */
	uint64_t lines;
};

/* ---- fields ---- */

static void
name_field(struct dump *d, const char *prefix, const char *name)
{
	buf_addc(&d->line, ' ');
	buf_adds(&d->line, prefix);
	buf_adds(&d->line, name);
	buf_addc(&d->line, '=');
}

static void
add_number(struct dump *d, const char *prefix, const char *name, uint64_t n)
{
	if (n == 0)
		return;
	name_field(d, prefix, name);
	buf_printf(&d->line, "%" PRIu64, n);
}

static void
add_signed(struct dump *d, const char *prefix, const char *name, int64_t n)
{
	if (n == 0)
		return;
	name_field(d, prefix, name);
	buf_printf(&d->line, "%" PRId64, n);
}

static void
add_string(struct dump *d, const char *prefix, const char *name, const char *s)
{
	if (*s == '\0')
		return;
	name_field(d, prefix, name);
	text_escape(&d->line, s, strlen(s));
}

static void
add_flags(struct dump *d, const char *prefix, const char *name, uint32_t sys)
{
	if (sys == 0)
		return;
	name_field(d, prefix, name);
	text_flags(&d->line, sys);
}

static void
add_key(struct dump *d, const char *prefix, const char *name, struct key k)
{
	if (k.len == 0)
		return;
	name_field(d, prefix, name);
	text_key(&d->line, k);
}

static void
add_hex(struct dump *d, const char *prefix, const char *name, const void *data, size_t len)
{
	name_field(d, prefix, name);
	text_hex(&d->line, data, len);
}

static void
begin_line(struct dump *d, const char *word)
{
	buf_clear(&d->line);
	buf_adds(&d->line, word);
}

static int
end_line(struct dump *d, struct err *e)
{
	buf_addc(&d->line, '\n');
	d->lines++;
	arena_release(&d->a);
	if (fwrite(d->line.data, 1, d->line.len, d->out) != d->line.len)
		return err_sys(e, ERR_RUN, errno, "cannot write the dump");
	return 0;
}

/* ---- lines ---- */

static int
dump_next(struct dump *d, struct err *e)
{
	begin_line(d, "next");
	add_number(d, "", "box", d->s->ids.box);
	add_number(d, "", "record", d->s->ids.record);
	add_number(d, "", "intent", d->s->ids.intent);
	add_number(d, "", "log", d->s->ids.log);
	return end_line(d, e);
}

static int
dump_memory(struct dump *d, struct err *e)
{
	struct state_key prefix = state_key_u8(META_MEMORY);
	struct db_val key, val, name, value;
	struct db_cursor *walk = NULL;
	const char *text;
	int got;

	if (db_walk_begin(d->s->db, DB_META, state_val(&prefix), &walk, e) != 0)
		return -1;
	while ((got = db_walk_next(walk, &key, &val, e)) > 0) {
		if (named_open(d->s->db, prefix.len, key, val, &name, &value, e) != 0) {
			got = -1;
			break;
		}
		if (decode_string(value, &text) != 0) {
			got = db_damaged(d->s->db, "a remembered value", e);
			break;
		}
		begin_line(d, "memory");
		name_field(d, "", "name");
		text_escape(&d->line, name.data, name.len);
		add_string(d, "", "value", text);
		if (end_line(d, e) != 0) {
			got = -1;
			break;
		}
	}
	db_walk_end(&walk);
	return got;
}

/* "19700:3:40 19701:2:37": day, deletions, messages before them. */
static void
add_week(struct dump *d, const char *prefix, const struct box_day *week)
{
	struct buf text = { 0 };
	int i;

	for (i = 0; i < BOX_DAYS; i++)
		if (week[i].day != 0)
			buf_printf(&text, "%s%" PRIu32 ":%" PRIu32 ":%" PRIu64, text.len != 0 ? " " : "", week[i].day,
			    week[i].deleted, week[i].shown);
	add_string(d, prefix, "week", buf_str(&text));
	buf_release(&text);
}

static int
dump_box(struct dump *d, const struct box_record *b, struct err *e)
{
	enum side side;

	begin_line(d, "box");
	add_number(d, "", "id", b->id);
	add_string(d, "", "name", b->name);
	for (side = FAR; side <= NEAR; side++) {
		const struct box_side *bs = &b->side[side];
		const char *prefix = side == FAR ? "far-" : "near-";

		add_number(d, prefix, "known", bs->is_known);
		add_number(d, prefix, "epoch", bs->cursor.epoch);
		add_number(d, prefix, "steady", bs->cursor.is_steady);
		if (bs->cursor.len != 0)
			add_hex(d, prefix, "cursor", bs->cursor.data, bs->cursor.len);
		add_flags(d, prefix, "can-flags", bs->mask.sys);
		add_number(d, prefix, "can-all-keywords", bs->mask.has_any_keyword);
		add_string(d, prefix, "can-keywords", bs->mask.kw);
		add_flags(d, prefix, "refused-flags", bs->mask.refused.sys);
		add_string(d, prefix, "refused-keywords", flag_mask_refused(&bs->mask).kw);
		add_flags(d, prefix, "doubted-flags", bs->doubted);
		add_string(d, prefix, "mailbox-id", bs->mailbox_id);
		add_string(d, prefix, "above", bs->above);
		add_number(d, prefix, "leaving", bs->is_leaving);
		add_number(d, prefix, "apart", bs->is_apart);
		add_number(d, prefix, "identity", (uint64_t)bs->identity);
		add_string(d, prefix, "name", bs->on);
		add_string(d, prefix, "now", bs->now);
		add_signed(d, prefix, "listed", bs->listed);
		add_number(d, prefix, "missing-runs", bs->missing_runs);
		add_number(d, prefix, "held", bs->was_held);
		add_number(d, prefix, "told-keywords", bs->was_told);
		add_number(d, prefix, "blank", bs->is_blank);
		add_number(d, prefix, "fresh", bs->fresh);
		add_number(d, prefix, "passed", bs->passed.upto);
		add_number(d, prefix, "passed-expired", bs->passed.expired);
		add_number(d, prefix, "shown", bs->shown.last);
		add_number(d, prefix, "shown-most", bs->shown.most);
		add_number(d, prefix, "window", bs->shown.suspected);
		add_number(d, prefix, "window-held", bs->shown.held);
		add_number(d, prefix, "window-judged", bs->shown.judged);
		add_week(d, prefix, bs->week);
	}
	return end_line(d, e);
}

static void
add_ident(struct dump *d, const struct ident *i)
{
	if (i->has & IDENT_SIZE) {
		name_field(d, "", "size");
		buf_printf(&d->line, "%" PRIu64, i->size);
	}
	if (i->has & IDENT_HEADER)
		add_hex(d, "", "header", i->header, sizeof i->header);
	if (i->has & IDENT_FULL)
		add_hex(d, "", "full", i->full, sizeof i->full);
	add_number(d, "", "trimmed", (i->has & IDENT_TRIMMED) != 0);
	add_number(d, "", "of-placeholder", (i->has & IDENT_PLACEHOLDER) != 0);
}

static int
dump_message(struct dump *d, const struct record *r, bool is_unsettled, struct err *e)
{
	enum side side;

	begin_line(d, "message");
	add_number(d, "", "id", r->id);
	add_number(d, "", "box", r->box);
	add_number(d, "", "unsettled", is_unsettled);
	if (r->mark != MARK_NEW)
		add_string(d, "", "mark", text_marks[r->mark]);
	if (r->placeholder != PLACEHOLDER_NONE)
		add_string(d, "", "placeholder", r->placeholder == PLACEHOLDER_NO_MORE ? "no-more" :
		    text_sides[r->placeholder == PLACEHOLDER_FAR ? FAR : NEAR]);
	add_number(d, "", "instead", r->instead);
	add_string(d, "", "why", r->why);
	add_number(d, "", "refusals", r->refusals);
	if (r->trouble != TROUBLE_NONE)
		add_string(d, "", "trouble", text_troubles[r->trouble]);
	add_number(d, "", "troubled", r->troubled);
	if (r->has_agreed) {
		name_field(d, "", "agreed");
		text_flags(&d->line, r->agreed.sys);
		add_string(d, "", "agreed-keywords", r->agreed.kw);
	}
	add_ident(d, &r->ident);
	for (side = FAR; side <= NEAR; side++) {
		const struct record_half *h = &r->half[side];
		const char *prefix = side == FAR ? "far-" : "near-";

		add_key(d, prefix, "key", h->key);
		add_number(d, prefix, "gone", h->presence == PRESENCE_GONE);
		add_number(d, prefix, "beyond", h->presence == PRESENCE_BEYOND);
		if (h->basis != BASIS_LISTED)
			add_string(d, prefix, "basis", text_bases[h->basis]);
		add_flags(d, prefix, "flags", h->flags.sys);
		add_string(d, prefix, "keywords", h->flags.kw);
		add_string(d, prefix, "hint", h->hint);
		add_number(d, prefix, "size", h->size);
		add_signed(d, prefix, "date", h->date);
		add_string(d, prefix, "server-id", h->server_id);
		add_number(d, prefix, "sent", h->is_sent);
	}
	return end_line(d, e);
}

static int
dump_boxes(struct dump *d, struct err *e)
{
	struct arena a = { 0 };
	struct box_record *all;
	struct record r;
	bool is_unsettled;
	uint64_t after;
	size_t i, n;
	int got = box_all(d->s, &a, &all, &n, e);

	for (i = 0; got == 0 && i < n; i++)
		got = dump_box(d, &all[i], e);
	for (i = 0; got == 0 && i < n; i++)
		for (after = 0; got == 0; after = r.id) {
			got = message_next_raw(d->s, &d->a, all[i].id, after, &r, &is_unsettled, e);
			if (got <= 0)
				break;
			got = dump_message(d, &r, is_unsettled, e);
		}
	arena_release(&a);
	return got;
}

static int
dump_intents(struct dump *d, struct err *e)
{
	struct intent i;
	uint64_t after = 0;
	int got;

	while ((got = intent_next(d->s, &d->a, after, &i, e)) > 0) {
		after = i.id;
		begin_line(d, "intent");
		add_number(d, "", "id", i.id);
		add_string(d, "", "kind", text_intents[i.kind]);
		add_string(d, "", "side", text_sides[i.side]);
		add_number(d, "", "box", i.box);
		add_number(d, "", "to-box", i.to_box);
		add_number(d, "", "record", i.record);
		add_key(d, "", "key", i.key);
		add_number(d, "", "epoch", i.epoch);
		add_number(d, "", "uidnext", i.uidnext);
		add_ident(d, &i.ident);
		add_string(d, "", "server-id", i.server_id);
		add_signed(d, "", "when", i.when);
		add_number(d, "", "tries", i.tries);
		if (end_line(d, e) != 0)
			return -1;
	}
	return got;
}

static int
dump_log(struct dump *d, struct err *e)
{
	struct log_entry l;
	uint64_t after = 0;
	int got;

	while ((got = log_next(d->s, &d->a, after, &l, e)) > 0) {
		after = l.id;
		begin_line(d, "log");
		add_number(d, "", "id", l.id);
		add_signed(d, "", "when", l.when);
		add_string(d, "", "side", text_sides[l.side]);
		add_string(d, "", "box", l.box);
		add_string(d, "", "what", l.what);
		add_string(d, "", "why", l.why);
		add_string(d, "", "from", l.from);
		add_string(d, "", "subject", l.subject);
		add_signed(d, "", "date", l.date);
		if (end_line(d, e) != 0)
			return -1;
	}
	return got;
}

int
state_dump(struct state *s, FILE *out, struct err *e)
{
	struct dump d = { .s = s, .out = out };
	bool was_in_txn = db_in_txn(s->db);
	int result = -1;

	if (!was_in_txn && state_begin(s, e) != 0)
		return -1;
	if (fprintf(out, TEXT_MAGIC " %d\n", TEXT_VERSION) < 0) {
		err_sys(e, ERR_RUN, errno, "cannot write the dump");
		goto done;
	}
	if (dump_next(&d, e) != 0 || dump_memory(&d, e) != 0 || dump_boxes(&d, e) != 0 ||
	    dump_intents(&d, e) != 0 || dump_log(&d, e) != 0)
		goto done;
	if (fprintf(out, "end %" PRIu64 "\n", d.lines) < 0 || fflush(out) != 0) {
		err_sys(e, ERR_RUN, errno, "cannot write the dump");
		goto done;
	}
	result = 0;
done:
	if (!was_in_txn)
		state_abort(s);
	buf_release(&d.line);
	arena_release(&d.a);
	return result;
}
