/* What a store keeps of what is expunged in it (P17): in one act, or by COPY and what expunges. */
#include "tests/sim/store_ram_acts.h"

void
ram_check_trash(struct ram *r, const struct content *c)
{
	if (r->sim->policy.trash[r->side].name != NULL)
		oracle_ours_expunged(r->sim->oracle, r->side, c->serial, r->kind != RAM_MAILDIR && !r->has_move);
}

/* \\Deleted does not go along. */
static void
put(struct ram *r, const struct ram_message *m)
{
	struct ram_message *kept;
	uint32_t flags = m->flags & ~(uint32_t)FLAG_DELETED;
	unsigned form = m->form;
	const struct content *c = m->c;
	int64_t date = m->date;

	kept = ram_put(r, SIM_TRASH, c, flags, 0);
	kept->form = form;
	kept->date = date;
	oracle_ours_trashed(r->sim->oracle, r->side, c->serial);
}

/* It is taken off first, which is a change that others see. */
static int
unmark(struct ram_session *c, int box, size_t at, const char *then, struct err *e)
{
	struct ram *r = (struct ram *)c->session.store;

	if (!(r->box[box].messages.at[at].flags & FLAG_DELETED))
		return 0;
	ram_set_flags(r, box, at, r->box[box].messages.at[at].flags & ~(uint32_t)FLAG_DELETED);
	r->box[box].messages.at[at].is_counted = true;	/* somebody marked it: that it goes counts there */
	if (ram_act(c, STEP_SEND, then, e) == 0)
		return 0;
	r->sim->content[r->box[box].messages.at[at].c->serial]->is_unmarked = true;
	return -1;
}

int
ram_trash(struct ram_session *c, int box, struct key key, const char *to, struct err *e)
{
	struct ram *r = (struct ram *)c->session.store;
	uint64_t counted = r->sim->deletions[r->side][box];
	bool was_deleted;
	long at = ram_find_still(c, box, key);

	if (sim_box(to) != SIM_TRASH)
		sim_fail(r->sim, "%s is no trash", to);
	r->box[SIM_TRASH].exists = true;
	was_deleted = r->box[box].messages.at[at].flags & FLAG_DELETED;
	if (r->kind != RAM_MAILDIR && unmark(c, box, (size_t)at, r->has_move ? "UID MOVE" : "UID COPY", e) < 0)
		return -1;
	put(r, &r->box[box].messages.at[at]);
	if (r->kind != RAM_MAILDIR && !r->has_move) {
		if (ram_act(c, STEP_SEND, "STORE and EXPUNGE", e) < 0)
			return -1;
		if (was_deleted)
			ram_set_flags(r, box, (size_t)at, r->box[box].messages.at[at].flags | FLAG_DELETED);
		return 1;
	}
	ram_check_trash(r, r->box[box].messages.at[at].c);
	ram_expunge(r, box, (size_t)at);
	if (was_deleted)
		r->sim->deletions[r->side][box] = counted;
	return 0;
}

bool
ram_moves_at_once(struct session *c)
{
	struct ram *r = (struct ram *)c->store;

	return r->has_move || r->kind == RAM_MAILDIR;
}
