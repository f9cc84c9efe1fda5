#include "tests/sim/store_ram.h"

#include <stdio.h>

/* ---- the mail ---- */

void
ram_create_box(struct ram *r, int box)
{
	struct ram_box *b = &r->box[box];

	b->exists = true;
	b->epoch = ++r->epochs;
	b->identity = ++r->identities;
	b->uidnext = 1;
	b->modseq++;
	b->messages.n = b->vanished.n = 0;
	b->damage = RAM_WHOLE;
	b->is_renamed = b->has_lost = false;
}

void
ram_drop_box(struct ram *r, int box)
{
	r->box[box].exists = false;
	r->box[box].damage = RAM_WHOLE;
	r->box[box].messages.n = 0;
}

/* What a mailbox below `from`, or itself, is called with `to` in place of that. -1: none of ours, -2: it does not go along. */
static int
along(int box, int from, int to)
{
	const char *name = sim_box_name[box];
	size_t len = strlen(sim_box_name[from]);
	char there[80];

	if (strncmp(name, sim_box_name[from], len) != 0 || (name[len] != '\0' && name[len] != '/'))
		return -2;
	snprintf(there, sizeof there, "%s%s", sim_box_name[to], name + len);
	return sim_box(there);
}

bool
ram_can_rename(const struct ram *r, int from, int to, bool swap)
{
	int b, there;

	if (!r->box[from].exists || from <= 0 || to <= 0 || along(to, from, to) != -2 ||
	    (swap && (along(from, to, from) != -2 || !r->box[to].exists)))
		return false;
	for (b = 0; b < SIM_BOXES; b++) {
		there = along(b, from, to);
		if (r->box[b].exists && there != -2 && (there < 0 || (!swap && r->box[there].exists)))
			return false;
		if (swap && r->box[b].exists && along(b, to, from) == -1)
			return false;
	}
	return true;
}

void
ram_rename(struct ram *r, int from, int to, bool swap, void (*each)(struct ram *r, int from, int to))
{
	struct ram_box was;
	int b, there;

	for (b = 0; b < SIM_BOXES; b++) {
		there = along(b, from, to);
		if (there < 0 || !(r->box[b].exists || (swap && r->box[there].exists)))
			continue;
		if (r->box[b].exists)
			each(r, b, there);
		if (r->box[there].exists)
			each(r, there, b);
		was = r->box[there];
		r->box[there] = r->box[b];
		r->box[b] = was;
	}
}

void
ram_mistaken(struct ram *r)
{
	/* What is paired anew must be shown. */
	ram_lift(r->sim->ram[FAR]);
	ram_lift(r->sim->ram[NEAR]);
	sim_disturb(r->sim, ORACLE_LOST);
	oracle_blank(r->sim->oracle, r->side, -1);
}

void
ram_new_epoch(struct ram *r, int box)
{
	struct ram_box *b = &r->box[box];
	size_t i;

	ram_lift(r->sim->ram[FAR]);
	ram_lift(r->sim->ram[NEAR]);
	b->epoch = ++r->epochs;
	if (r->kind == RAM_MAILDIR) {
		b->identity = ++r->identities;
		b->damage = RAM_WHOLE;
		for (i = 0; i < b->messages.n; i++)
			b->messages.at[i].was_listed = b->messages.at[i].is_away = false;
		return;
	}
	b->uidnext = 1;
	b->modseq = 1;
	b->vanished.n = 0;
	for (i = 0; i < b->messages.n; i++) {
		b->messages.at[i].uid = b->uidnext++;
		b->messages.at[i].modseq = ++b->modseq;
	}
}

void
ram_new_index(struct ram *r, int box)
{
	struct ram_box *b = &r->box[box];
	size_t i;

	b->generation++;
	ram_watch_doubt(r, box);
	b->modseq = 1;
	b->vanished.n = 0;
	for (i = 0; i < b->messages.n; i++)
		b->messages.at[i].modseq = 1;
}

struct ram_message *
ram_put(struct ram *r, int box, const struct content *c, uint32_t flags, uint32_t number)
{
	struct ram_box *b = &r->box[box];
	struct ram_message *m = vec_add(&b->messages);

	*m = (struct ram_message){ .uid = b->uidnext++, .number = number != 0 ? number : ++r->numbers, .c = c,
		.flags = flags & r->keeps, .date = r->sim->now, .modseq = ++b->modseq };
	m->form = ram_altered(r, 0);
	m->is_new = !(m->flags & FLAG_SEEN);
	m->was_draft = (m->flags & FLAG_DRAFT) != 0;
	return m;
}

void
ram_remove(struct ram *r, int box, size_t i)
{
	struct ram_box *b = &r->box[box];

	vec_push(&b->vanished, (struct ram_vanished){ b->messages.at[i].uid, b->messages.at[i].number,
		b->messages.at[i].is_given, ++b->modseq });
	memmove(b->messages.at + i, b->messages.at + i + 1, (b->messages.n - i - 1) * sizeof b->messages.at[0]);
	b->messages.n--;
}

void
ram_set_flags(struct ram *r, int box, size_t i, uint32_t flags)
{
	struct ram_message *m = &r->box[box].messages.at[i];

	m->flags = flags & r->keeps;
	m->was_draft |= (m->flags & FLAG_DRAFT) != 0;
	m->is_new = false;
	m->modseq = ++r->box[box].modseq;
}

void
ram_shown(struct ram *r, bool is_known)
{
	struct ram_message *m;
	size_t i;
	int b;

	for (b = 0; b < SIM_BOXES; b++) {
		if (is_known)
			r->box[b].is_renamed = false;
		else
			r->box[b].told = 0;
		r->box[b].told_last = r->box[b].told;
		/* What went during the run, or was left out of a list, is not known to be gone. */
		if (is_known && r->sim->trouble.people == 0 && r->sim->trouble.partial == 0)
			r->box[b].has_lost = false;
		for (i = 0; i < r->box[b].messages.n; i++) {
			m = &r->box[b].messages.at[i];
			m->was_shown |= m->is_shown;
			m->was_listed |= m->is_shown && is_known;
			m->is_shown = false;
		}
	}
}

void
ram_forgotten(struct ram *r, bool is_lost)
{
	size_t i;
	int b;

	for (b = 0; b < SIM_BOXES; b++) {
		if (is_lost)
			r->box[b].complete = 0;
		for (i = 0; i < r->box[b].messages.n; i++)
			r->box[b].messages.at[i].was_listed = false;
	}
}

const char *
ram_text(const struct ram *r, const struct ram_message *m)
{
	static char text[64];

	if (r->kind == RAM_MAILDIR)
		snprintf(text, sizeof text, "message %d (file %u)", m->c->serial, m->number);
	else
		snprintf(text, sizeof text, "message %d (UID %u)", m->c->serial, m->uid);
	return text;
}

/* ---- keys, hints, cursors ---- */

struct key
ram_name(struct arena *a, bool is_given, uint32_t number)
{
	return key_from_string(arena_printf(a, "%c%u.sim", is_given ? 'g' : 'p', number));
}

struct key
ram_key(const struct ram *r, struct arena *a, const struct ram_message *m)
{
	return r->kind != RAM_MAILDIR ? key_from_uid(a, m->uid) : ram_name(a, m->is_given, m->number);
}

const char *
ram_hint(const struct ram *r, struct arena *a, const struct ram_message *m)
{
	char letters[7];

	if (r->kind != RAM_MAILDIR)
		return "";
	flags_letters(m->flags & FLAG_ALL, letters);
	return arena_printf(a, "%s%s:2,%s", m->is_replaced ? "held " : "", m->is_new ? "new" : "cur", letters);
}

/* "g12.sim": the number in a name, and whether the program chose it. 0 = none of ours. */
static uint32_t
parse_name(struct key key, bool *is_given_r)
{
	uint32_t number = 0, i;

	*is_given_r = key.len > 0 && key.data[0] == 'g';
	for (i = 1; i < key.len && key.data[i] >= '0' && key.data[i] <= '9'; i++)
		number = number * 10 + (uint32_t)(key.data[i] - '0');
	return number;
}

uint32_t
ram_number(struct key name)
{
	bool is_given;

	return name.len == 0 ? 0 : parse_name(name, &is_given);
}

long
ram_find(const struct ram *r, int box, struct key key)
{
	const struct ram_box *b = &r->box[box];
	const struct ram_message *m;
	uint32_t number = key_uid(key);
	bool is_given = false;
	size_t i;

	if (r->kind == RAM_MAILDIR)
		number = parse_name(key, &is_given);
	for (i = 0; i < b->messages.n; i++) {
		m = &b->messages.at[i];
		if (m->is_away || m->is_hidden)
			continue;
		if (r->kind == RAM_MAILDIR ? m->number == number && m->is_given == is_given : m->uid == number)
			return (long)i;
	}
	return -1;
}

struct cursor
ram_cursor(const struct ram *r, const struct ram_box *b)
{
	struct cursor c = { .epoch = b->epoch, .is_steady = r->kind != RAM_PLAIN };
	uint64_t words[RAM_CURSOR_WORDS] = { b->modseq, b->uidnext, b->generation, ram_shown_count(b), b->damage != RAM_NEW_AWAY };

	c.len = sizeof words;
	memcpy(c.data, words, sizeof words);
	return c;
}

/* ---- whose the changes of a Maildir are ---- */

void
ram_watch(struct ram *r, int box)
{
	struct ram_box *b = &r->box[box];

	if (r->kind != RAM_MAILDIR || b->is_watched || !sim_chance(r->sim, 80))
		return;
	b->is_watched = true;
	b->watched = ram_cursor(r, b);
	b->ours = b->modseq;
}

void
ram_watch_act(struct ram *r, int box)
{
	r->box[box].ours++;
}

void
ram_watch_doubt(struct ram *r, int box)
{
	r->box[box].ours = UINT64_MAX / 2;
}

/* ---- trouble common to all calls ---- */

int
ram_die(struct ram_session *c, struct err *e)
{
	c->is_dead = true;
	return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s: connection lost", c->session.store->name);
}

void
ram_meanwhile(struct ram_session *c, const char *where)
{
	struct ram *r = (struct ram *)c->session.store;

	if (!sim_happens(r->sim, c->is_alone ? 0 : r->sim->trouble.people))
		return;
	sim_disturb(r->sim, ORACLE_DISTURBED);
	sim_trace(r->sim, "meanwhile (%s of %s):", where, r->store.name);
	people_act(r->sim);
}

int
ram_enter(struct ram_session *c, const char *call, int box, struct err *e)
{
	struct ram *r = (struct ram *)c->session.store;
	struct sim *s = r->sim;

	if (c->is_dead)
		return ram_die(c, e);
	ram_meanwhile(c, call);
	if (!sim_happens(s, s->trouble.call))
		return 0;
	sim_disturb(s, ORACLE_DISTURBED);
	if (box >= 0 && sim_chance(s, 50)) {
		sim_trace(s, "%s: %s of %s fails", r->store.name, call, sim_box_name[box]);
		return err_set(e, ERR_BOX, "%s: %s of %s fails", r->store.name, call, sim_box_name[box]);
	}
	sim_trace(s, "%s: session dies before %s", r->store.name, call);
	return ram_die(c, e);
}

int
ram_find_box(struct ram *r, const char *name, uint64_t epoch, struct err *e)
{
	int box = sim_box(name);

	if (box < 0 || !r->box[box].exists || r->box[box].damage == RAM_BOX_AWAY)
		return err_set(e, ERR_BOX, "%s: no mailbox %s", r->store.name, name);
	if (epoch != 0 && r->box[box].epoch != epoch)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_NOW, "%s: %s is another mailbox now", r->store.name, name);
	return box;
}

int
ram_enter_box(struct ram_session *c, const char *call, const char *name, uint64_t epoch, struct err *e)
{
	int box = sim_box(name);

	if (ram_enter(c, call, box, e) < 0)
		return -1;
	box = ram_find_box((struct ram *)c->session.store, name, epoch, e);
	if (box >= 0)
		c->epoch = ((struct ram *)c->session.store)->box[box].epoch;
	return box;
}

long
ram_find_still(const struct ram_session *c, int box, struct key key)
{
	const struct ram *r = (const struct ram *)c->session.store;

	if (!r->box[box].exists || r->box[box].epoch != c->epoch)
		return -1;
	return ram_find(r, box, key);
}

/* ---- the table ---- */

static struct session *
session_open(struct store *s, struct err *e)
{
	struct ram *r = (struct ram *)s;
	struct ram_session *c;
	int b;

	if (sim_happens(r->sim, r->sim->trouble.call)) {
		sim_disturb(r->sim, ORACLE_DISTURBED);
		sim_trace(r->sim, "%s: cannot be opened", s->name);
		err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s: cannot connect", s->name);
		return NULL;
	}
	c = mem_alloc(sizeof *c);
	c->session.store = s;
	/* Perhaps that of another run, which knows nothing of the last one's. */
	for (b = 0; b < SIM_BOXES; b++)
		r->box[b].is_watched = false;
	return &c->session;
}

static void
session_close(struct session *c)
{
	free(c);
}

static int
session_rest(struct session *c, struct err *e)
{
	return ((struct ram_session *)c)->is_dead ? ram_die((struct ram_session *)c, e) : 0;
}

/* It may have ended while nobody looked; that shows at once, or only when it is asked. */
static int
session_wake(struct session *session, bool asks, struct err *e)
{
	struct ram_session *c = (struct ram_session *)session;
	struct ram *r = (struct ram *)session->store;

	c->is_dead |= sim_happens(r->sim, 200);
	return c->is_dead && (asks || sim_chance(r->sim, 50)) ? ram_die(c, e) : 0;
}

static void
free_store(struct store *s)
{
	(void)s;
}

static const char *
memory_save(struct store *s, struct arena *a)
{
	(void)s;
	(void)a;
	return NULL;
}

static void
memory_load(struct store *s, const char *memory)
{
	(void)s;
	(void)memory;
}

struct ram *
ram_new(struct sim *sim, enum side side, enum ram_kind kind)
{
	struct ram *r = mem_alloc(sizeof *r);
	struct store_ops ops;

	r->sim = sim;
	r->side = side;
	r->kind = kind;
	r->epochs = 100;
	r->ids = kind == RAM_MAILDIR ? RAM_IDS_LISTED : RAM_IDS_NONE;
	r->keeps = SIM_FLAGS_ALL;
	ops = (struct store_ops){ .kind = kind == RAM_MAILDIR ? "Maildir" : "IMAP",
		.has_uid_keys = kind != RAM_MAILDIR, .is_local = kind == RAM_MAILDIR, .free = free_store,
		.session_open = session_open, .session_close = session_close, .rest = kind == RAM_MAILDIR ? NULL : session_rest, .wake = session_wake, .list = ram_list,
		.cursors = ram_cursors, .mailbox_state = ram_mailbox_state, .delta = ram_delta,
		.confirm_gone = kind == RAM_MAILDIR ? ram_confirm_gone : NULL, .identify = ram_identify,
		.fetch = ram_fetch, .choose_name = ram_choose_name, .deliver = ram_deliver,
		.change = ram_change, .change_begin = kind == RAM_MAILDIR ? NULL : ram_change_begin, .change_end = ram_change_end,
		.delta_begin = kind == RAM_MAILDIR ? NULL : ram_delta_begin, .delta_end = ram_delta_end, .move = ram_move, .moves_at_once = ram_moves_at_once,
		.create_mailbox = ram_create_mailbox, .remove_mailbox = ram_remove_mailbox,
		.rename_mailbox = ram_rename_mailbox, .memory_save = memory_save, .memory_load = memory_load };
	r->store = (struct store){ .name = side_name(side),
		.layout = kind == RAM_MAILDIR ? NAMES_VERBATIM : NAMES_IMAP, .is_inbox_listed = true, .max_sessions = 1 };
	store_init(&r->store, &ops);
	ram_create_box(r, 0);
	return r;
}

void
ram_free(struct ram *r)
{
	int i;

	for (i = 0; i < SIM_BOXES; i++) {
		vec_release(&r->box[i].messages);
		vec_release(&r->box[i].vanished);
	}
	free(r);
}
