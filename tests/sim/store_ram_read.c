/* What the program reads of a store in RAM: lists, deltas, identities, bodies. */
#include "state/model/seen_digest.h"
#include "tests/sim/store_ram.h"

static struct ram *
ram_of(struct session *c)
{
	return (struct ram *)c->store;
}

/* ---- mailboxes ---- */

static bool
has_child(const struct ram *r, int box)
{
	size_t len = strlen(sim_box_name[box]);
	int i;

	for (i = 0; i < SIM_BOXES; i++)
		if (r->box[i].exists && strncmp(sim_box_name[i], sim_box_name[box], len) == 0 && sim_box_name[i][len] == '/')
			return true;
	return false;
}

/* A renamed mailbox may be taken for the one that had its name, until a look at it tells of another (R7). */
static void
hide_cursor(struct ram *r, int box, struct mailbox *m)
{
	m->has_cursor = false;
	if (r->box[box].is_renamed)
		ram_mistaken(r);
}

/* Where mailboxes were renamed it may be the one that is missing under another name: then what is in it is gone, to whoever sees the list, and
 * a placeholder goes with it (P21). The message comes as new mail once it is listed. */
static void
left_out(struct ram *r, int box)
{
	size_t i;

	for (i = 0; i < r->box[box].messages.n && oracle_has_renames(r->sim->oracle); i++)
		r->sim->content[r->box[box].messages.at[i].c->serial]->is_taken = true;
}

int
ram_list(struct session *session, struct listing *l, struct err *e)
{
	struct ram_session *c = (struct ram_session *)session;
	struct ram *r = ram_of(session);
	struct sim *s = r->sim;
	struct mailbox m;
	int i;

	if (ram_enter(c, "list", -1, e) < 0)
		return -1;
	l->is_complete = true;
	for (i = 0; i < SIM_BOXES; i++) {
		r->box[i].in_list = 0;
		if (!r->box[i].exists || (r->box[i].damage == RAM_BOX_AWAY && i != 0))
			continue;
		m = (struct mailbox){ .name = sim_box_name[i], .has_cursor = true,
			.cursor = ram_cursor(r, &r->box[i]), .id = "" };
		if (r->box[i].damage == RAM_BOX_AWAY)
			m = (struct mailbox){ .name = sim_box_name[i], .id = "", .is_assumed = true };
		else if (r->ids == RAM_IDS_LISTED)
			m.id = arena_printf(&l->arena, "m%llu", (unsigned long long)r->box[i].identity);
		if (i != 0 && sim_happens(s, s->trouble.partial)) {
			sim_disturb(s, ORACLE_DISTURBED);
			l->is_complete = sim_chance(s, 50);
			sim_trace(s, "%s: the list leaves out %s%s", r->store.name, sim_box_name[i],
			    l->is_complete ? "" : " and says so");
			left_out(r, i);
			continue;
		}
		if (sim_happens(s, s->trouble.partial))
			hide_cursor(r, i, &m);
		r->box[i].in_list = m.is_assumed ? 0 : r->box[i].epoch;
		vec_push(&l->boxes, m);
	}
	for (i = 0; i < SIM_BOXES; i++)
		if (!r->box[i].exists && has_child(r, i))
			vec_push(&l->boxes, (struct mailbox){ .name = sim_box_name[i], .attrs = MAILBOX_NOSELECT, .id = "" });
	l->fingerprint = arena_printf(&l->arena, "ram-%d-%u", r->side, r->fingerprint);
	listing_sort(l);
	return 0;
}

int
ram_cursors(struct session *session, struct mailbox *boxes, size_t n, struct err *e)
{
	struct ram *r = ram_of(session);
	size_t i;
	int b;

	if (ram_enter((struct ram_session *)session, "cursors", -1, e) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		b = sim_box(boxes[i].name);
		boxes[i].has_cursor = b >= 0 && r->box[b].exists && r->box[b].damage != RAM_BOX_AWAY && !sim_happens(r->sim, r->sim->trouble.partial);
		if (boxes[i].has_cursor)
			boxes[i].cursor = ram_cursor(r, &r->box[b]);
	}
	return 0;
}

int
ram_identities(struct session *session, struct mailbox *boxes, size_t n, struct arena *a, struct err *e)
{
	struct ram *r = ram_of(session);
	size_t i;
	int b;

	if (ram_enter((struct ram_session *)session, "identities", -1, e) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		b = sim_box(boxes[i].name);
		if (b >= 0 && r->box[b].exists)
			boxes[i].id = arena_printf(a, "m%llu", (unsigned long long)r->box[b].identity);
	}
	return 0;
}

enum mailbox_state
ram_mailbox_state(struct session *session, const char *name, const char *above, struct err *e)
{
	struct ram *r = ram_of(session);
	int box = sim_box(name);

	(void)above;
	if (ram_enter((struct ram_session *)session, "exists", -1, e) < 0)
		return MAILBOX_NOT_KNOWN;
	/* A bare NO for what is not there. For what is, twice in a row, it would be a wrong answer by the rules (R6). */
	if (box >= 0 && !r->box[box].exists && sim_happens(r->sim, r->sim->trouble.partial)) {
		sim_disturb(r->sim, ORACLE_DISTURBED);
		sim_trace(r->sim, "%s: NO to whether %s exists", r->store.name, name);
		err_set(e, ERR_BOX, "%s: NO", r->store.name);
		return MAILBOX_NOT_KNOWN;
	}
	if (box < 0 || !r->box[box].exists)
		return MAILBOX_ABSENT;
	if (r->box[box].damage != RAM_BOX_AWAY)
		return MAILBOX_THERE;
	err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: %s is a link to nowhere", r->store.name, name);
	return MAILBOX_AWAY;
}

/* ---- deltas ---- */

static void
add_entry(const struct ram *r, struct delta *d, struct ram_message *m)
{
	const struct form *f = content_form(m->c, m->form);

	m->is_shown |= !m->is_replaced;
	vec_push(&d->entries, (struct delta_entry){ .key = ram_key(r, &d->arena, m),
		.flags = sim_flags(m->flags, r->spells_lower), .hint = ram_hint(r, &d->arena, m),
		.size = r->kind == RAM_MAILDIR ? f->file_len : f->wire_len + m->c->is_misstated,
		.date = d->wants_dates || r->sim->limit.days == 0 ? m->date : 0, .server_id = "", .replaced = m->is_replaced ? "is a pipe" : NULL });
}

/* What a list may miss. In a mailbox that the program knows, mail that it has not seen yet is shown: were it hidden
 * while its twin turns up on the other side, no program could know better than to copy that. */
static bool
may_hide(const struct delta *d, const struct ram_box *b, const struct ram_message *m, bool says_so)
{
	if (d->has_since && d->since.epoch == b->epoch && (m->was_listed || (m->is_given && says_so)))
		return true;
	return says_so && b->complete != b->epoch;
}

static bool
had_new(const struct cursor *before)
{
	uint64_t words[RAM_CURSOR_WORDS];

	memcpy(words, before->data, sizeof words);
	return before->len == sizeof words && words[RAM_CURSOR_WORDS - 1] != 0;
}

/* A list that shows what the base knows need not be held against it message by message (sync/store/imap_plain.h). */
static void
answer_known(const struct ram *r, struct delta *d)
{
	uint64_t digest = 0;
	size_t i;

	for (i = 0; i < d->entries.n; i++)
		digest += seen_digest(d->entries.at[i].key, d->entries.at[i].flags);
	if (r->kind != RAM_PLAIN || !d->has_digest || d->since.epoch != d->cursor.epoch || d->digest != digest || d->known != d->entries.n)
		return;
	d->kind = DELTA_CHANGES;
	d->has_exists = true;
	d->exists = d->entries.n;
	d->entries.n = 0;
}

/* A part of an IMAP-like store says so, or its numbers do (R25): in both cases the cursor looks as good as any. */
static void
fill_full(struct ram *r, struct delta *d, struct ram_box *b)
{
	struct sim *s = r->sim;
	bool is_partial = sim_happens(s, s->trouble.partial);
	bool says_so = is_partial && (r->kind != RAM_MAILDIR || sim_chance(s, 50));
	bool is_counted = says_so && r->kind != RAM_MAILDIR && sim_chance(s, 50);
	size_t i;

	d->kind = DELTA_FULL;
	d->is_complete = !says_so || is_counted;
	d->has_exists = r->kind != RAM_MAILDIR;
	d->exists = ram_shown_count(b);
	d->unproved = says_so && r->kind != RAM_MAILDIR ? "it says so" : NULL;
	d->part = b->damage == RAM_NEW_AWAY && had_new(&d->before) && !d->is_decided ? "its new is not there" : NULL;
	for (i = 0; i < b->messages.n; i++)
		if (!b->messages.at[i].is_away && !b->messages.at[i].is_hidden &&
		    (!is_partial || b->messages.at[i].is_replaced ||
		    !may_hide(d, b, &b->messages.at[i], says_so) || sim_chance(s, 50)))
			add_entry(r, d, &b->messages.at[i]);
	if (!says_so || (is_counted && d->entries.n == d->exists))
		b->complete = b->epoch;
	if (!is_partial) {
		answer_known(r, d);
		return;
	}
	sim_disturb(s, ORACLE_DISTURBED);
	if (r->kind == RAM_MAILDIR)
		d->cursor.is_steady = false;
	sim_trace(s, "%s: list of %s shows %zu of %zu%s", r->store.name, d->box, d->entries.n, b->messages.n,
	    is_counted ? ", as its count tells" : says_so ? " and says so" : "");
}

/* Answers from modseqs; false when only a full list will do (R2). */
static bool
fill_changes(struct ram *r, struct delta *d, struct ram_box *b)
{
	uint64_t since[RAM_CURSOR_WORDS], added = 0;
	int box = (int)(b - r->box);
	struct ram_message *m;
	enum ram_short what;
	bool is_added;
	size_t i;

	if (r->kind > RAM_CONDSTORE || !d->has_since || d->since.epoch != b->epoch || d->since.len != sizeof since)
		return false;
	memcpy(since, d->since.data, sizeof since);
	if (since[0] > b->modseq || since[1] > b->uidnext || since[2] != b->generation || !d->since.is_steady)
		return false;
	what = ram_draw_short(r, d);
	for (i = 0; i < b->messages.n; i++) {
		m = &b->messages.at[i];
		is_added = m->uid >= since[1];
		if (m->modseq <= since[0] || m->is_hidden)
			continue;
		if (ram_leaves_out(r, box, what, is_added ? RAM_SHORT_OF_NEW : RAM_SHORT_OF_FLAGS, m)) {
			what = RAM_SHORT_OF_NOTHING;
			continue;
		}
		add_entry(r, d, m);
		added += is_added;
	}
	for (i = 0; i < b->vanished.n && r->kind == RAM_QRESYNC; i++)
		if (b->vanished.at[i].modseq > since[0] && !ram_leaves_out(r, box, what, RAM_SHORT_OF_VANISHED, NULL))
			vec_push(&d->gone, (struct uid_range){ b->vanished.at[i].uid, b->vanished.at[i].uid });
	/* CONDSTORE: when the count says so, all UIDs there are. */
	d->has_present = r->kind == RAM_CONDSTORE && d->known + added != ram_shown_count(b);
	for (i = 0; i < b->messages.n && d->has_present; i++)
		if (!b->messages.at[i].is_hidden && !ram_leaves_out(r, box, what, RAM_SHORT_OF_PRESENT, &b->messages.at[i]))
			vec_push(&d->present, (struct uid_range){ b->messages.at[i].uid, b->messages.at[i].uid });
	d->kind = DELTA_CHANGES;
	d->is_complete = d->has_exists = true;
	d->exists = ram_shown_count(b);
	return true;
}

/* What the program did to a Maildir itself, if nobody else was there; false: it is to be listed. */
static bool
fill_watched(const struct ram *r, struct delta *d, struct ram_box *b)
{
	const struct ram_vanished *v;
	uint64_t since;
	size_t i;
	long at;

	if (!b->is_watched)
		return false;
	b->is_watched = false;
	if (!d->has_since || !cursor_stands(&d->since, &b->watched) || b->epoch != b->watched.epoch || b->modseq != b->ours)
		return false;
	memcpy(&since, b->watched.data, sizeof since);
	for (i = 0; i < b->messages.n; i++)
		if (b->messages.at[i].modseq > since)
			add_entry(r, d, &b->messages.at[i]);
	for (i = 0; i < b->vanished.n; i++) {
		v = &b->vanished.at[i];
		at = ram_find(r, (int)(b - r->box), ram_name(&d->arena, v->is_given, v->number));
		if (v->modseq > since && at < 0)
			vec_push(&d->vanished, ram_name(&d->arena, v->is_given, v->number));
	}
	d->kind = DELTA_CHANGES;
	d->is_complete = d->is_mask_unknown = true;
	sim_trace(r->sim, "%s: nobody else was in %s: %zu changed, %zu gone", r->store.name, d->box, d->entries.n,
	    d->vanished.n);
	return true;
}

static int
fill(struct ram_session *c, struct delta *d, struct err *e)
{
	struct ram *r = ram_of(&c->session);
	struct ram_box *b;
	int box = ram_enter_box(c, "delta", d->box, 0, e);

	if (box < 0)
		return -1;
	b = &r->box[box];
	if (b->damage == RAM_NEW_AWAY && d->before.epoch != b->epoch && had_new(&d->before) && !d->is_decided)
		return err_set(e, ERR_BOX, "%s: %s is another mailbox, and without its new", r->store.name, d->box);
	ram_slide(r, box, false);
	d->cursor = ram_cursor(r, b);
	d->uidnext = r->kind == RAM_MAILDIR ? 0 : b->uidnext;
	d->is_readonly = b->is_readonly;
	if (r->ids != RAM_IDS_NONE)
		d->mailbox_id = arena_printf(&d->arena, "m%llu", (unsigned long long)b->identity);
	d->mask = (struct flag_mask){ .sys = ram_told(r) & FLAG_ALL, .has_any_keyword = r->has_any_keyword,
		.kw = sim_flags(ram_told(r), false).kw };
	ram_meanwhile(c, "between SELECT and list");
	ram_slide(r, box, false);
	if (!b->exists || b->epoch != d->cursor.epoch)
		return err_set(e, ERR_BOX, "%s: %s went away", r->store.name, d->box);
	if (!fill_watched(r, d, b) && !fill_changes(r, d, b))
		fill_full(r, d, b);
	b->told = r->sim->trouble.partial == 0 ? ram_shown_count(b) : 0;
	return 0;
}

int
ram_delta(struct session *session, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e)
{
	struct ram_session *c = (struct ram_session *)session;
	struct err unseen;
	size_t i;

	(void)is_readonly_run;
	for (i = 0; i < n; i++) {
		d[i].status = fill(c, &d[i], &d[i].err);
		if (d[i].status < 0 && c->is_dead) {
			*e = d[i].err;
			d[i].status = 0;
			d[i].cursor = (struct cursor){ 0 };
			return -1;
		}
	}
	if (look != NULL && ram_of(session)->kind != RAM_MAILDIR && sim_chance(ram_of(session)->sim, 50))
		look->is_answered = ram_cursors(session, look->boxes, look->n, &unseen) == 0;
	return 0;
}

struct ram_reading { int status; struct err err; };

int
ram_delta_begin(struct session *c, struct delta *d, size_t n, struct reading **r_r, struct err *e)
{
	struct ram_reading *r = mem_alloc(sizeof *r);

	r->status = ram_delta(c, d, n, false, NULL, &r->err);
	*r_r = (struct reading *)r;
	if (r->status < 0)
		*e = r->err;
	return r->status;
}

int
ram_delta_end(struct reading **reading, struct err *e)
{
	struct ram_reading *r = (struct ram_reading *)*reading;
	int status = r->status;

	*e = r->err;
	free(r);
	*reading = NULL;
	return status;
}

int
ram_confirm_gone(struct session *session, const char *name, const struct key *keys, size_t n, bool *gone,
    struct err *e)
{
	struct ram *r = ram_of(session);
	int box = ram_enter_box((struct ram_session *)session, "confirm", name, 0, e);
	size_t i;
	long at;

	if (box < 0)
		return -1;
	for (i = 0; i < n; i++) {
		at = ram_find(r, box, keys[i]);
		gone[i] = (at < 0 || r->box[box].messages.at[at].is_replaced) && !sim_happens(r->sim, r->sim->trouble.partial);
	}
	return 0;
}

/* ---- identities and bodies ---- */

static int
identify(struct session *session, const char *name, uint64_t epoch, struct identify_item *items, size_t n,
    unsigned want, struct err *e)
{
	struct ram_session *c = (struct ram_session *)session;
	struct ram *r = ram_of(session);
	struct sim *s = r->sim;
	const struct form *f;
	int box;
	size_t i;
	long at;

	for (i = 0; i < n; i++)
		items[i].status = err_set(&items[i].err, ERR_MESSAGE, "not looked at");
	box = ram_enter_box(c, "identify", name, epoch, e);
	if (box < 0)
		return -1;
	for (i = 0; i < n; i++) {
		at = ram_find(r, box, items[i].key);
		if (at < 0) {
			err_class(&items[i].err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: gone", name);
			continue;
		}
		if (r->box[box].messages.at[at].is_replaced || sim_happens(s, s->trouble.item)) {
			sim_disturb(s, ORACLE_DISTURBED);
			sim_trace(s, "%s: %s of %s cannot be read", r->store.name,
			    ram_text(r, &r->box[box].messages.at[at]), name);
			err_set(&items[i].err, ERR_MESSAGE, "%s: unreadable", name);
			/* Listed, and left out: to the program it seems to be gone. */
			if (sim_chance(s, 40))
				err_class(&items[i].err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: left out", name);
			continue;
		}
		f = content_form(r->box[box].messages.at[at].c, r->box[box].messages.at[at].form);
		items[i].status = 0;
		items[i].ident = f->ident;
		memcpy(items[i].loose, f->ident.full, sizeof items[i].loose);
		if (r->kind != RAM_MAILDIR && !(want & IDENT_FULL) && (f->head.has & IDENT_PLACEHOLDER)) {
			items[i].ident = (struct ident){ .has = IDENT_PLACEHOLDER };
		} else if (r->kind != RAM_MAILDIR && !(want & IDENT_FULL)) {
			items[i].ident = f->head;
			items[i].ident.has = (want & (IDENT_HEADER | IDENT_SIZE)) | IDENT_TRIMMED;
		}
	}
	return 0;
}

int
ram_identify(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want,
    struct err *e)
{
	return store_identify_each(c, parts, n, items, want, identify, e);
}

/* One body, in pieces; broken off in the middle when `breaks`. */
static int
send_body(struct ram *r, const struct ram_message *m, size_t index, const struct body_sink *sink, bool breaks,
    struct err *e)
{
	const struct form *f = content_form(m->c, m->form);
	bool is_file = r->kind == RAM_MAILDIR;
	const char *p = is_file ? f->file : f->wire;
	size_t len = is_file ? f->file_len : f->wire_len, half = len / 2;
	struct body_head head = { .index = index, .form = is_file ? BODY_FILE : BODY_WIRE, .size = len,
		.wire_size = f->wire_len, .date = m->date };
	struct err broken;

	if (sink->begin(sink->ctx, &head, e) < 0 || sink->data(sink->ctx, p, half, e) < 0)
		return -1;
	if (breaks) {
		err_set(&broken, ERR_MESSAGE, "broke off");
		return sink->end(sink->ctx, index, &broken, e);
	}
	if (sink->data(sink->ctx, p + half, len - half, e) < 0)
		return -1;
	return sink->end(sink->ctx, index, NULL, e);
}

static int
fetch_part(struct ram_session *c, struct fetch_part *p, const struct fetch_item *items,
    const struct body_sink *sink, struct err *e)
{
	struct ram *r = ram_of(&c->session);
	struct sim *s = r->sim;
	struct ram_message m;
	struct err failed;
	int box = ram_enter_box(c, "fetch", p->box, p->epoch, e);
	size_t i, k, turn = 0;
	long at;

	if (box < 0)
		return store_part_ended(-1, &p->status, &p->err, e);
	if (sim_happens(s, s->trouble.item))
		turn = sim_draw(s, p->n);
	for (k = 0; k < p->n; k++) {
		i = p->first + (k + turn) % p->n;
		ram_meanwhile(c, "in fetch");
		at = ram_find_still(c, box, items[i].key);
		if (at < 0) {
			err_class(&failed, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: gone", p->box);
			if (sink->end(sink->ctx, i, &failed, e) < 0)
				return -1;
			continue;
		}
		m = r->box[box].messages.at[at];
		if (m.is_replaced) {
			err_set(&failed, ERR_MESSAGE, "%s: no regular file", p->box);
			if (sink->end(sink->ctx, i, &failed, e) < 0)
				return -1;
			continue;
		}
		if (s->trouble.item != 0 && m.c->ends_fetch[r->side]) {
			sim_disturb(s, ORACLE_DISTURBED);
			sim_trace(s, "%s: the session ends at %s", r->store.name, ram_text(r, &m));
			return ram_die(c, e);
		}
		if (!sim_happens(s, s->trouble.item)) {
			if (send_body(r, &m, i, sink, false, e) < 0)
				return -1;
			continue;
		}
		sim_disturb(s, ORACLE_DISTURBED);
		if (sim_chance(s, 20)) {
			sim_trace(s, "%s: %s is left out", r->store.name, ram_text(r, &m));
			err_class(&failed, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: left out", p->box);
			if (sink->end(sink->ctx, i, &failed, e) < 0)
				return -1;
			continue;
		}
		if (sim_chance(s, 20)) {
			((struct content *)(uintptr_t)m.c)->ends_fetch[r->side] = true;
			return ram_die(c, e);
		}
		sim_trace(s, "%s: body of %s breaks off", r->store.name, ram_text(r, &m));
		if (send_body(r, &m, i, sink, true, e) < 0)
			return -1;
		if (sim_chance(s, 50))
			return ram_die(c, e);
	}
	return 0;
}

int
ram_fetch(struct session *session, struct fetch_part *parts, size_t n, const struct fetch_item *items,
    const struct body_sink *sink, struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fetch_part((struct ram_session *)session, &parts[i], items, sink, e) < 0)
			return -1;
	return 0;
}
