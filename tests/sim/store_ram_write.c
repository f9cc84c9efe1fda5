/* What the program does to a store in RAM. Each act is preceded by step(), held against the policy of the run, told
 * to the oracle, and may fail in every way a real one can.
 */
#include "tests/sim/store_ram_acts.h"

static struct ram *
ram_of(struct session *c)
{
	return (struct ram *)c->store;
}

enum fate
ram_fate(struct sim *s)
{
	static const enum fate fates[] = { FATE_REFUSED, FATE_NEVER, FATE_UNKNOWN_DONE, FATE_UNKNOWN_NOT, FATE_DIES_BEFORE,
		FATE_DIES_AFTER, FATE_UNKNOWN_DONE, FATE_DIES_AFTER };
	static const char *const words[] = { "done", "refused", "refused for good", "done, answer lost",
		"not done, no answer", "session dies before it", "session dies behind it", "a lie" };
	enum fate f = FATE_DONE;

	if (sim_happens(s, s->trouble.item)) {
		sim_disturb(s, ORACLE_DISTURBED);
		f = fates[sim_draw(s, sizeof fates / sizeof fates[0])];
	} else if (sim_happens(s, s->trouble.lie)) {
		sim_disturb(s, ORACLE_LOST);
		s->has_lied = true;
		f = FATE_LIE;
	}
	if (f != FATE_DONE)
		sim_trace(s, "  fate of the next: %s", words[f]);
	return f;
}

void
ram_changes(struct ram *r, int box, bool is_allowed, const char *what)
{
	struct sim *s = r->sim;

	s->changes++;
	if (!s->is_selected[box])
		sim_fail(s, "%s in %s of %s, a mailbox the channel does not mean", what, sim_box_name[box], r->store.name);
	if (s->policy.read_only[r->side])
		sim_fail(s, "%s in %s of %s, which is read-only", what, sim_box_name[box], r->store.name);
	if (!is_allowed)
		sim_fail(s, "%s in %s of %s, which the policy does not allow", what, sim_box_name[box], r->store.name);
	if (step_is_dead())
		sim_fail(s, "%s in %s of %s after the program has died", what, sim_box_name[box], r->store.name);
}

/* The start of a call that changes a mailbox: the server may have opened it read-only (R17). */
static int
enter_writable(struct ram_session *c, const char *call, const char *name, uint64_t epoch, struct err *e)
{
	struct ram *r = ram_of(&c->session);
	int box = ram_enter_box(c, call, name, epoch, e);

	if (box >= 0 && r->box[box].is_readonly)
		return err_set(e, ERR_BOX, "%s: %s is read-only", r->store.name, name);
	if (box >= 0)
		ram_watch(r, box);
	return box;
}

int
ram_act(struct ram_session *c, enum step_kind kind, const char *what, struct err *e)
{
	if (step(kind, what, e) == 0)
		return 0;
	c->is_dead = true;
	return -1;
}

/* Behind it: a server's answer is read. */
static int
answer(struct ram_session *c, struct err *e)
{
	return ram_of(&c->session)->kind == RAM_MAILDIR ? 0 : ram_act(c, STEP_ANSWER, "answer", e);
}

static bool
may(const struct ram *r, unsigned types)
{
	return r->sim->policy.sync[r->side] & types;
}

static void
refuse(struct ram *r, enum fate f, const char *name, struct err *e)
{
	err_class(e, ERR_MESSAGE, ERR_FAILED, f == FATE_NEVER ? ERR_NEVER : ERR_LATER, "%s: %s refuses a message",
	    r->store.name, name);
}

/* A deletion that MaxDelete counts: not of what is, or was filed, elsewhere on the other side, which is a move. */
static bool
is_deletion(const struct ram *r, int box, const struct ram_message *m)
{
	const struct ram *other = r->sim->ram[side_other(r->side)];
	size_t i;
	int b;

	if (oracle_was_filed(r->sim->oracle, other->side, box, m->c->serial))
		return false;
	for (b = 0; b < SIM_BOXES; b++)
		for (i = 0; i < other->box[b].messages.n; i++)
			if (b != box && other->box[b].exists && other->box[b].messages.at[i].c == m->c)
				return false;
	/* Nor what a person has taken off again, just when it was on its way into the trash. */
	return !(m->flags & FLAG_DELETED) && !m->is_counted && !m->c->is_taken_back;
}

/* It may be let go for the limit, for the other side has it, or had it when the program looked: a person has removed it there since. What it
 * has under another name after a rename counts as well. */
static bool
may_expire(const struct ram *r, const struct ram_message *m)
{
	const struct ram *other = r->sim->ram[side_other(r->side)];
	size_t i;
	int b;

	if (!limit_is_on(&r->sim->limit) || r->sim->limit.side != r->side)
		return false;
	for (b = 0; b < SIM_BOXES; b++)
		for (i = 0; i < other->box[b].messages.n; i++)
			if (other->box[b].exists && other->box[b].messages.at[i].c == m->c)
				return true;
	return m->c->taken_in[other->side] == r->sim->runs;
}

/* The flags of a message become `flags` by the program's hand. */
void
ram_set_flags_ours(struct ram *r, int box, size_t i, uint32_t flags)
{
	struct ram_message *m = &r->box[box].messages.at[i];

	if ((flags & ~m->flags & FLAG_DELETED) && may_expire(r, m)) {
		m->is_counted = true;
	} else if ((flags & ~m->flags & FLAG_DELETED) && !m->is_counted) {
		sizes_removes(r, m);
		r->sim->deletions[r->side][box] += !sizes_is_replaced(r, box, m) && is_deletion(r, box, m);
		if (once_is_last_unmarked(r, box, i))
			oracle_ours_marked(r->sim->oracle, r->side, box, m->c->serial);
		m->is_counted = true;
	}
	ram_set_flags(r, box, i, flags);
	ram_watch_act(r, box);
}

void
ram_expunge(struct ram *r, int box, size_t i)
{
	const struct ram_message *m = &r->box[box].messages.at[i];

	r->sim->deletions[r->side][box] += !may_expire(r, m) && !sizes_is_replaced(r, box, m) && is_deletion(r, box, m);
	sizes_removes(r, m);
	if (once_is_last(r, box, i))
		oracle_ours_gone(r->sim->oracle, r->side, box, m->c->serial, m->is_counted || may_expire(r, m));
	ram_remove(r, box, i);
	ram_watch_act(r, box);
}

/* ---- delivery ---- */

struct delivery_ram {
	struct delivery delivery;	/* first */
	struct ram_session *c;
	int box;
	uint64_t epoch;			/* of the mailbox when it was opened */
	struct deliver_item *items;
	struct { const struct content *c; unsigned form; } *whole;	/* what arrived, until finish (Maildir) */
	int64_t *dates;
	size_t n;
	struct arena *arena;
	char *body;
	size_t len;
	struct err err;			/* of a session that died */
	bool is_dead;
};

static int
sink_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct delivery_ram *d = ctx;

	(void)e;
	d->len = 0;
	ram_undress(&d->items[head->index]);
	if (head->size > 4096 || head->index >= d->n)
		sim_fail(ram_of(&d->c->session)->sim, "a body of a size that no message has");
	return 0;
}

static int
sink_data(void *ctx, const void *p, size_t len, struct err *e)
{
	struct delivery_ram *d = ctx;

	(void)e;
	if (d->len + len <= 4096)
		memcpy(d->body + d->len, p, len);
	d->len += len;
	return 0;
}

static void
store_item(struct delivery_ram *d, size_t index, const struct content *c, unsigned form)
{
	struct ram *r = ram_of(&d->c->session);
	struct deliver_item *item = &d->items[index];
	struct ram_message *m = once_equal(r, d->box, c);
	bool is_first = m == NULL && once_is_first(r, d->box, c);

	ram_changes(r, d->box, may(r, SYNC_NEW | SYNC_OLD) || (r->sim->is_sized && may(r, SYNC_UPGRADE)) || r->sim->policy.retry_failed, "a delivery");
	if (m != NULL) {
		item->key = r->has_uidplus ? ram_key(r, d->arena, m) : KEY_NONE;
		return;
	}
	m = ram_put(r, d->box, c, ram_kept(r, sim_bits(item->flags)), ram_number(item->name));
	m->is_ours = true;
	m->form = ram_altered(r, form);
	ram_watch_act(r, d->box);
	m->is_given = item->name.len > 0;
	m->is_counted = (m->flags & FLAG_DELETED) != 0;	/* as deleted as what it was made of */
	if (item->date != 0)
		m->date = item->date;
	sim_trace(r->sim, "  %s %s: %s arrives with %s", r->store.name, sim_box_name[d->box], ram_text(r, m),
	    sim_flags_text(m->flags));
	if (is_first)
		oracle_ours_put(r->sim->oracle, r->side, d->box, c->serial);
	if (r->has_uidplus || r->kind == RAM_MAILDIR) {
		item->key = ram_key(r, d->arena, m);
		item->hint = ram_hint(r, d->arena, m);
	}
	/* A server says what key it has, and not what of the rest it kept. */
	item->is_shown = r->kind == RAM_MAILDIR;
	if (item->is_shown)
		item->flags = sim_flags(m->flags, r->spells_lower);
}

/* One message reaches the store, or not. -1: nothing more will. */
static int
deliver_one(struct delivery_ram *d, size_t index, struct err *e)
{
	const struct content *c = d->whole[index].c;
	struct ram *r = ram_of(&d->c->session);
	struct deliver_item *item = &d->items[index];
	enum fate f = ram_fate(r->sim);

	if (f == FATE_DIES_BEFORE && sim_chance(r->sim, 50))
		((struct content *)(uintptr_t)c)->ends_delivery[r->side] = true;
	if (r->sim->trouble.item != 0 && c->ends_delivery[r->side]) {
		sim_disturb(r->sim, ORACLE_DISTURBED);
		f = FATE_DIES_BEFORE;
	}
	if (!r->box[d->box].exists || r->box[d->box].epoch != d->epoch)
		f = FATE_REFUSED;
	if (c->is_refused[r->side])
		f = FATE_NEVER;
	if (f == FATE_REFUSED || f == FATE_NEVER) {
		/* Modern servers take several at once, and refuse them so. */
		bool is_together = r->has_uidplus && item->how == DELIVER_TOGETHER;

		refuse(r, is_together ? FATE_REFUSED : f, sim_box_name[d->box], &item->err);
		ram_may_go_again(r, item);
		return 0;
	}
	if (f == FATE_DONE && r->kind != RAM_MAILDIR && ram_refuses_dress(r, item)) {
		sim_trace(r->sim, "  %s %s: refuses %s%s", r->store.name, sim_box_name[d->box],
		    sim_flags_text(sim_bits(item->flags)), item->date != 0 ? " or the date" : "");
		refuse(r, FATE_REFUSED, sim_box_name[d->box], &item->err);
		ram_may_go_again(r, item);
		return 0;
	}
	if (ram_act(d->c, r->kind == RAM_MAILDIR ? STEP_RENAME : STEP_SEND, "delivery", e) < 0)
		return -1;
	item->outcome = OUTCOME_UNKNOWN;
	if (f == FATE_DIES_BEFORE)
		return ram_die(d->c, e);
	if (f != FATE_UNKNOWN_NOT && f != FATE_LIE)
		store_item(d, index, c, d->whole[index].form);
	if (answer(d->c, e) < 0)
		return -1;
	if (f == FATE_DIES_AFTER)
		return ram_die(d->c, e);
	if (f == FATE_DONE || f == FATE_LIE)
		item->outcome = OUTCOME_DONE;
	if (f == FATE_LIE && r->kind == RAM_MAILDIR)
		item->outcome = OUTCOME_UNKNOWN;
	return 0;
}

static int
sink_end(void *ctx, size_t index, const struct err *failed, struct err *e)
{
	struct delivery_ram *d = ctx;
	struct ram *r = ram_of(&d->c->session);
	const struct content *c;
	unsigned form = 0;

	if (failed != NULL) {
		d->items[index].err = *failed;
		return 0;
	}
	c = d->len <= 4096 ? content_recognise(r->sim, d->body, d->len, &form) : NULL;
	if (c == NULL) {
		sim_fail(r->sim, "O3: what is delivered to %s is no message of ours", r->store.name);
		return err_set(e, ERR_STORE, "not a message of ours");
	}
	d->whole[index].c = c;
	d->whole[index].form = form;
	if (r->kind == RAM_MAILDIR)
		return 0;
	if (deliver_one(d, index, e) == 0)
		return 0;
	d->is_dead = true;
	d->err = *e;
	return -1;
}

static int
finish(struct delivery *base, struct err *e)
{
	struct delivery_ram *d = (struct delivery_ram *)base;
	struct ram *r = ram_of(&d->c->session);
	struct key **told;
	int status = 0;
	size_t i, n = 0;

	for (i = 0; i < d->n && r->kind == RAM_MAILDIR && status == 0; i++)
		if (d->whole[i].c != NULL)
			status = deliver_one(d, i, e);
	if (d->is_dead) {
		*e = d->err;
		status = -1;
	}
	told = mem_alloc((d->n + 1) * sizeof *told);
	for (i = 0; i < d->n; i++) {
		if (d->items[i].outcome == OUTCOME_UNKNOWN || d->items[i].outcome == OUTCOME_FAILED)
			d->items[i].key = KEY_NONE;
		if (d->items[i].key.len > 0)
			told[n++] = &d->items[i].key;
	}
	ram_tell(r, d->box, told, n, d->arena);
	free(told);
	free(d->whole);
	free(d->dates);
	free(d->body);
	free(d);
	return status;
}

struct key
ram_choose_name(struct store *store, struct arena *a)
{
	struct ram *r = (struct ram *)store;

	if (r->kind != RAM_MAILDIR)
		return KEY_NONE;
	return key_from_string(arena_printf(a, "g%u.sim", ++r->numbers));
}

int
ram_deliver(struct session *session, const char *name, uint64_t epoch, struct deliver_item *items, size_t n,
    struct arena *a, struct delivery **d_r, struct err *e)
{
	struct ram_session *c = (struct ram_session *)session;
	struct delivery_ram *d;
	size_t i;
	int box;

	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		items[i].key = KEY_NONE;
		items[i].hint = "";
		ram_leave_off((struct ram *)session->store, &items[i]);
	}
	box = enter_writable(c, "deliver", name, epoch, e);
	if (box < 0)
		return -1;
	d = mem_alloc(sizeof *d);
	*d = (struct delivery_ram){ .delivery = { .sink = { sink_begin, sink_data, sink_end, d }, .finish = finish },
		.c = c, .box = box, .epoch = c->epoch, .items = items, .n = n, .arena = a };
	d->whole = mem_alloc((n + 1) * sizeof *d->whole);
	d->dates = mem_alloc((n + 1) * sizeof *d->dates);
	d->body = mem_alloc(4096);
	*d_r = &d->delivery;
	return 0;
}

/* ---- changes to what is there ---- */

/* Where an act on one item stands before anything is done: 1 go on, 0 its answer is written, -1 the session died. */
static int
begin_item(struct ram_session *c, int box, struct key key, enum fate *f_r, long *at_r, enum outcome *o, struct err *why,
    struct err *e)
{
	struct ram *r = ram_of(&c->session);
	struct sim *s = r->sim;

	*o = OUTCOME_FAILED;
	ram_meanwhile(c, "between two acts");
	*at_r = ram_find_still(c, box, key);
	if (*at_r < 0) {
		ram_watch_doubt(r, box);
		err_class(why, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "%s: it is not there", r->store.name);
		return 0;
	}
	if (r->box[box].messages.at[*at_r].is_replaced) {
		ram_watch_doubt(r, box);
		err_set(why, ERR_MESSAGE, "%s: left alone, it is no regular file", r->store.name);
		return 0;
	}
	*f_r = ram_fate(s);
	if (*f_r == FATE_REFUSED || *f_r == FATE_NEVER) {
		refuse(r, *f_r, sim_box_name[box], why);
		return 0;
	}
	if (ram_act(c, r->kind == RAM_MAILDIR ? STEP_RENAME : STEP_SEND, "change", e) < 0)
		return -1;
	*o = OUTCOME_UNKNOWN;
	/* An act that nothing was seen of. */
	if (*f_r == FATE_LIE)
		ram_watch_doubt(r, box);
	return *f_r == FATE_DIES_BEFORE ? ram_die(c, e) : 1;
}

bool
ram_takes_effect(enum fate f)
{
	return f == FATE_DONE || f == FATE_UNKNOWN_DONE || f == FATE_DIES_AFTER;
}

int
ram_end_item(struct ram_session *c, enum fate f, enum outcome *o, struct err *e)
{
	if (answer(c, e) < 0)
		return -1;
	if (f == FATE_DIES_AFTER)
		return ram_die(c, e);
	if (f == FATE_DONE || f == FATE_LIE)
		*o = OUTCOME_DONE;
	return 0;
}

static int
change_flags(struct session *session, const char *name, uint64_t epoch, struct flag_item *items, size_t n,
    struct arena *a, struct err *e)
{
	struct ram_session *c = (struct ram_session *)session;
	struct ram *r = ram_of(session);
	uint32_t add, remove, flags;
	int box, got;
	bool is_cut = false;
	enum fate f = FATE_DONE;
	struct ram_message *m;
	size_t i;
	long at;

	for (i = 0; i < n; i++)
		items[i].outcome = OUTCOME_FAILED;
	box = enter_writable(c, "change_flags", name, epoch, e);
	if (box < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (is_cut || (is_cut = ram_is_cut(c, i))) {
			ram_cut(r, ERR_BOX, &items[i].err);
			continue;
		}
		got = begin_item(c, box, items[i].key, &f, &at, &items[i].outcome, &items[i].err, e);
		if (got < 0)
			return -1;
		if (got == 0)
			continue;
		add = sim_bits(items[i].add);
		remove = sim_bits(items[i].remove);
		m = &r->box[box].messages.at[at];
		flags = ((m->flags | add) & ~remove) & r->keeps;
		ram_changes(r, box, may(r, SYNC_FLAGS) || (add == FLAG_DELETED && may(r, SYNC_GONE)) ||
		    (add == FLAG_DELETED && may(r, SYNC_NEW | SYNC_UPGRADE) && may_expire(r, m)) ||
		    (add == FLAG_DELETED && may(r, SYNC_UPGRADE) && sizes_is_replaced(r, box, m)) ||
		    r->sim->has_moved[r->side][box], "a flag change");
		/* It may not know yet what one of them does not take. */
		if (((add | remove) & ~(r->sim->common | r->sim->ram[FAR]->refuses | r->sim->ram[NEAR]->refuses | FLAG_DELETED)) && !r->sim->has_created[r->side][box])
			sim_fail(r->sim, "flags %s are changed, which the two sides cannot both keep",
			    sim_flags_text((add | remove) & ~r->sim->common));
		sim_trace(r->sim, "  %s %s: flags of %s: %s -> %s", r->store.name, name, ram_text(r, m),
		    sim_flags_text(m->flags), sim_flags_text(flags));
		/* Nothing will ever show it again but a full list, next week. */
		if (f == FATE_LIE)
			oracle_lied(r->sim->oracle, box, m->c->serial);
		if (f == FATE_LIE && (add & FLAG_DELETED))
			r->sim->content[m->c->serial]->is_taken_back = true;
		if (ram_takes_effect(f))
			ram_set_flags_ours(r, box, (size_t)at, flags);
		items[i].flags = sim_flags(flags, r->spells_lower);
		items[i].unkept = sim_flags((add | remove) & r->refuses, r->spells_lower);
		items[i].new_hint = ram_hint(r, a, m);
		got = ram_end_item(c, f, &items[i].outcome, e);
		/* Its answer is lost: whether a person did that or the program, nobody knows. */
		if (ram_takes_effect(f) && (f != FATE_DONE || got < 0) && (remove & FLAG_DELETED))
			r->sim->content[m->c->serial]->is_taken_back = true;
		if (got < 0)
			return -1;
	}
	return 0;
}

/* One message is removed for good: at once, or marked first as IMAP wants it. */
static int
expunge_one(struct ram_session *c, int box, long at, struct err *e)
{
	struct ram *r = ram_of(&c->session);
	struct ram_message *m = &r->box[box].messages.at[at];

	if (r->kind != RAM_MAILDIR && !(m->flags & FLAG_DELETED)) {
		ram_set_flags_ours(r, box, (size_t)at, m->flags | FLAG_DELETED);
		if (ram_act(c, STEP_SEND, "UID EXPUNGE", e) < 0)
			return -1;
	}
	ram_expunge(r, box, (size_t)at);
	return 0;
}

/* The same, out of the trash where it is to be kept. */
static int
expunge_kept(struct ram_session *c, const struct box_changes *b, int box, long at, struct expunge_item *item, struct err *e)
{
	struct ram *r = ram_of(&c->session);
	const struct content *content;
	int stays = item->is_trashed ? ram_trash(c, box, item->key, b->trash, e) : 1;

	if (stays < 0)
		return -1;
	item->was_trashed |= item->is_trashed;
	if (stays == 0)
		return 0;
	at = item->is_trashed ? ram_find_still(c, box, item->key) : at;
	if (at < 0)
		return 0;
	content = r->box[box].messages.at[at].c;
	if (expunge_one(c, box, at, e) < 0)
		return -1;
	ram_check_trash(r, content);
	return 0;
}

/* Asked how it looks, a server shows nothing of it (R25). */
static void
not_shown(struct ram *r, struct expunge_item *item)
{
	sim_trace(r->sim, "  %s shows nothing of %u, which is to be expunged", r->store.name, (unsigned)key_uid(item->key));
	item->outcome = OUTCOME_FAILED;
	item->is_left_out = true;
	err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "it is not shown");
}

static int
expunge(struct session *session, struct box_changes *b, struct arena *a, struct err *e)
{
	const char *name = b->box;
	struct expunge_item *items = b->expunges;
	struct ram_session *c = (struct ram_session *)session;
	struct ram *r = ram_of(session);
	int box, got;
	bool is_cut = false;
	enum fate f = FATE_DONE;
	struct ram_message *m;
	size_t i, n = b->n_expunges;
	long at;

	(void)a;
	for (i = 0; i < n; i++)
		items[i].outcome = OUTCOME_FAILED;
	box = enter_writable(c, "expunge", name, b->epoch, e);
	if (box < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (is_cut || (is_cut = ram_is_cut(c, i))) {
			ram_cut(r, ERR_BOX, &items[i].err);
			continue;
		}
		got = begin_item(c, box, items[i].key, &f, &at, &items[i].outcome, &items[i].err, e);
		if (got < 0)
			return -1;
		if (got == 0) {
			if (at < 0)
				ram_window_missed(r, box, items[i].key);
			/* Not there because the mailbox is another by now: that is no deletion. */
			if (at < 0 && r->box[box].epoch == c->epoch)
				items[i].outcome = OUTCOME_DONE;
			if (items[i].outcome == OUTCOME_DONE && r->kind != RAM_MAILDIR && sim_happens(r->sim, 500))
				not_shown(r, &items[i]);
			continue;
		}
		m = &r->box[box].messages.at[at];
		if (r->kind != RAM_MAILDIR && sim_happens(r->sim, r->sim->trouble.item)) {
			sim_disturb(r->sim, ORACLE_DISTURBED);
			not_shown(r, &items[i]);
			continue;
		}
		/* A file tells by its name; UID EXPUNGE leaves alone what is no longer \Deleted. */
		if (r->kind == RAM_MAILDIR ? sim_bits(items[i].expect) != m->flags :
		    (items[i].expect.sys & ~m->flags & FLAG_DELETED) != 0 && !items[i].may_be_trashed) {
			sim_trace(r->sim, "  %s %s: %s has other flags now", r->store.name, name, ram_text(r, m));
			items[i].outcome = OUTCOME_FAILED;
			m->modseq = ++r->box[box].modseq;	/* and the next delta tells which */
			err_class(&items[i].err, ERR_MESSAGE, ERR_FAILED, ERR_NOW, "it has other flags now");
			continue;
		}
		ram_changes(r, box, policy_expunges_single(&r->sim->policy, r->side), "an expunge");
		if (f == FATE_LIE)
			oracle_lied(r->sim->oracle, box, m->c->serial);
		if (f == FATE_LIE && r->kind == RAM_CONDSTORE)
			oracle_miscounted(r->sim->oracle, box);
		/* It shows up again as one that nobody knows, beside its message, as a person's copy would. */
		if (f == FATE_LIE && (m->form & FORM_PLACEHOLDER))
			r->sim->content[m->c->serial]->is_several = true;
		sim_trace(r->sim, "  %s %s: %s is expunged%s", r->store.name, name, ram_text(r, m), items[i].is_trashed ? ", and kept" : "");
		if (ram_takes_effect(f) && expunge_kept(c, b, box, at, &items[i], e) < 0)
			return -1;
		if (ram_end_item(c, f, &items[i].outcome, e) < 0)
			return -1;
	}
	return 0;
}

int
ram_change(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct err *e)
{
	return store_change_each(c, boxes, n, a, change_flags, expunge, e);
}

struct ram_changing {
	struct session *c;
	struct box_changes *boxes;
	size_t n;
	struct arena *a;
	bool is_late;
	int status;
	struct err err;
};

int
ram_change_begin(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct changing **w_r,
    struct err *e)
{
	struct ram_changing *w = mem_alloc(sizeof *w);

	*w = (struct ram_changing){ .c = c, .boxes = boxes, .n = n, .a = a,
		.is_late = sim_chance(((struct ram *)c->store)->sim, 50) };
	*w_r = (struct changing *)w;
	if (!w->is_late)
		w->status = ram_change(c, boxes, n, a, &w->err);
	if (w->status < 0)
		*e = w->err;
	return w->status;
}

int
ram_change_end(struct changing **changing, struct err *e)
{
	struct ram_changing *w = (struct ram_changing *)*changing;
	size_t i;
	int status;

	if (w->is_late)
		w->status = ram_change(w->c, w->boxes, w->n, w->a, &w->err);
	for (i = 0; i < w->n; i++)
		w->boxes[i].is_late = w->is_late;
	status = w->status;
	*e = w->err;
	free(w);
	*changing = NULL;
	return status;
}

/* To `to`: in one act, or as COPY, STORE, EXPUNGE. *m_r: a copy of what is there now. *is_left_r: the original stays, \Deleted. */
static int
move_one(struct ram_session *c, int box, long at, int to, struct key name, bool keep, struct ram_message *m_r,
    bool *is_left_r, struct err *e)
{
	struct ram *r = ram_of(&c->session);
	struct ram_message old = r->box[box].messages.at[at], *m = once_equal(r, to, old.c);
	bool is_first = m == NULL && once_is_first(r, to, old.c);

	if (m == NULL) {
		m = ram_put(r, to, old.c, ram_kept(r, old.flags), ram_number(name));
		m->is_ours = true;
		m->form = old.form;
		m->is_given = name.len > 0;
		m->date = old.date;
		m->is_counted = keep && (old.flags & FLAG_DELETED);	/* as deleted as the original */
	}
	ram_watch_act(r, to);
	*m_r = *m;
	if (is_first)
		oracle_ours_moved(r->sim->oracle, r->side, to, old.c->serial, keep);
	/* What arrives by a copy in the store has the flags of the original until it is given its own. */
	r->sim->has_moved[r->side][to] = true;
	if (keep)
		return 0;
	if (!r->has_move && r->kind != RAM_MAILDIR && ram_act(c, STEP_SEND, "STORE and EXPUNGE", e) < 0) {
		oracle_ours_half_moved(r->sim->oracle, r->side, old.c->serial);
		return -1;
	}
	at = r->kind == RAM_MAILDIR ? at : ram_find_still(c, box, ram_key(r, &r->sim->arena, &old));
	if (at < 0)
		return 0;
	r->sim->deletions[r->side][box] -= is_deletion(r, box, &r->box[box].messages.at[at]);
	if (r->limit != 0 && !r->has_move && sim_happens(r->sim, 2 * r->sim->trouble.item)) {
		sim_disturb(r->sim, ORACLE_DISTURBED);
		sim_trace(r->sim, "  %s: %s is copied and \\Deleted, and not expunged (MESSAGELIMIT)", r->store.name, sim_box_name[box]);
		ram_set_flags_ours(r, box, (size_t)at, r->box[box].messages.at[at].flags | FLAG_DELETED);
		*is_left_r = true;
		return 0;
	}
	ram_expunge(r, box, (size_t)at);
	return 0;
}

static int
move_each(struct session *session, const char *name, uint64_t epoch, const char *to_name, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e)
{
	struct ram_session *c = (struct ram_session *)session;
	struct ram *r = ram_of(session);
	int box, to, got;
	bool is_cut = false;
	enum fate f = FATE_DONE;
	struct ram_message m;
	uint64_t into;
	size_t i;
	long at;

	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		items[i].new_key = KEY_NONE;
	}
	if ((box = enter_writable(c, "move", name, epoch, e)) < 0 ||
	    (to = ram_find_box(r, to_name, to_epoch, e)) < 0)
		return -1;
	/* A server says NO to the COPY: what is selected is another mailbox, and well. */
	for (i = 0; r->box[to].is_readonly && i < n; i++)
		err_set(&items[i].err, ERR_BOX, "%s: %s is read-only", r->store.name, to_name);
	if (r->box[to].is_readonly)
		return 0;
	ram_watch(r, to);
	into = r->box[to].epoch;
	for (i = 0; i < n; i++) {
		if (is_cut || (is_cut = ram_is_cut(c, i))) {
			ram_cut(r, ERR_MESSAGE, &items[i].err);
			continue;
		}
		got = begin_item(c, box, items[i].key, &f, &at, &items[i].outcome, &items[i].err, e);
		if (got < 0)
			return -1;
		if (got == 0)
			continue;
		ram_changes(r, box, keep || may(r, SYNC_GONE), "a move");
		ram_changes(r, to, may(r, SYNC_NEW | SYNC_OLD), "a move");
		if (!r->box[to].exists || r->box[to].epoch != into)
			return err_set(e, ERR_BOX, "%s: no mailbox %s", r->store.name, to_name);
		sim_trace(r->sim, "  %s %s: %s is %s to %s", r->store.name, name,
		    ram_text(r, &r->box[box].messages.at[at]), keep ? "copied" : "moved", to_name);
		m = r->box[box].messages.at[at];
		if (f == FATE_LIE && !keep)
			oracle_lied(r->sim->oracle, box, m.c->serial);
		if (ram_takes_effect(f) && move_one(c, box, at, to, items[i].name, keep, &m, &items[i].is_left, e) < 0)
			return -1;
		items[i].new_key = KEY_NONE;
		items[i].new_hint = "";
		if (f == FATE_DONE && (r->has_uidplus || r->kind == RAM_MAILDIR)) {
			items[i].new_key = ram_key(r, a, &m);
			items[i].new_hint = ram_hint(r, a, &m);
			items[i].is_shown = r->kind == RAM_MAILDIR;
		}
		if (ram_end_item(c, f, &items[i].outcome, e) < 0)
			return -1;
	}
	return 0;
}

int
ram_move(struct session *session, const char *name, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e)
{
	struct key **told = mem_alloc((n + 1) * sizeof *told);
	int status = move_each(session, name, epoch, to, to_epoch, keep, items, n, a, e);
	size_t i, m = 0;

	for (i = 0; i < n; i++)
		if (items[i].outcome == OUTCOME_DONE && items[i].new_key.len > 0)
			told[m++] = &items[i].new_key;
	if (m > 0)
		ram_tell(ram_of(session), sim_box(to), told, m, a);
	free(told);
	return status;
}
