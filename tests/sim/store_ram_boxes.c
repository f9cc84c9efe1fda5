/* What the program does to the mailboxes of a store in RAM: makes, removes, renames them. */
#include "tests/sim/store_ram_acts.h"

/* 1 go on, 0 refused, -1 dead; *f_r otherwise. */
static int
begin_box(struct ram_session *c, const char *call, int box, enum fate *f_r, enum outcome *o, struct err *e)
{
	struct ram *r = (struct ram *)c->session.store;

	*o = OUTCOME_FAILED;
	c->is_alone = strcmp(call, "remove") == 0;
	if (ram_enter(c, call, box, e) < 0)
		return -1;
	c->is_alone = false;
	/* What lies below may be carried to a level more than the simulation has names for. */
	if (box < 0 && strcmp(call, "create") == 0) {
		sim_disturb(r->sim, ORACLE_DISTURBED);
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: no more levels", r->store.name);
	}
	if (box < 0) {
		sim_fail(r->sim, "%s of a mailbox that nobody knows", call);
		return err_set(e, ERR_BOX, "no such mailbox");
	}
	if (r->box[box].damage == RAM_BOX_AWAY)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: a link to nowhere has this name", r->store.name);
	*f_r = ram_fate(r->sim);
	if (*f_r == FATE_REFUSED || *f_r == FATE_NEVER)
		return err_class(e, ERR_BOX, ERR_FAILED, *f_r == FATE_NEVER ? ERR_NEVER : ERR_LATER, "%s: %s refused",
		    r->store.name, call);
	if (ram_act(c, STEP_MKDIR, call, e) < 0)
		return -1;
	*o = OUTCOME_UNKNOWN;
	return *f_r == FATE_DIES_BEFORE ? ram_die(c, e) : 1;
}

int
ram_create_mailbox(struct session *session, const char *name, unsigned role, enum outcome *o, struct err *e)
{
	struct ram_session *c = (struct ram_session *)session;
	struct ram *r = (struct ram *)session->store;
	int box = sim_box(name);
	enum fate f = FATE_DONE;

	(void)role;
	if (begin_box(c, "create", box, &f, o, e) < 0)
		return -1;
	ram_changes(r, box, r->sim->policy.create[r->side] || box == 0, "a creation");
	sim_trace(r->sim, "  %s: %s is created", r->store.name, name);
	/* Taken for two mailboxes, it would have two records, and go with either. */
	if (r->box[box].exists && r->box[box].in_list == r->box[box].epoch)
		sim_fail(r->sim, "%s of %s is created, which the run has seen in the list", name, r->store.name);
	if (ram_takes_effect(f) && !r->box[box].exists)
		ram_create_box(r, box);
	r->sim->has_created[r->side][box] = true;
	return ram_end_item(c, f, o, e);
}

int
ram_remove_mailbox(struct session *session, const char *name, enum outcome *o, struct err *e)
{
	size_t i;
	struct ram_session *c = (struct ram_session *)session;
	struct ram *r = (struct ram *)session->store;
	int box = sim_box(name);
	enum fate f = FATE_DONE;

	for (i = 0; box >= 0 && i < r->box[box].messages.n; i++)
		if (r->box[box].messages.at[i].is_replaced) {
			*o = OUTCOME_FAILED;
			return err_set(e, ERR_BOX, "%s: %s is kept, for something in it is no file", r->store.name, name);
		}
	if (begin_box(c, "remove", box, &f, o, e) < 0)
		return -1;
	ram_changes(r, box, r->sim->policy.remove[r->side] && box != 0, "a removal");
	sim_trace(r->sim, "  %s: %s is removed with %zu messages", r->store.name, name, r->box[box].messages.n);
	for (i = 0; i < r->box[box].messages.n; i++)
		if (r->box[box].messages.at[i].is_away)
			sim_fail(r->sim, "%s is removed, of which a part is away", name);
	if (ram_takes_effect(f) && r->box[box].exists) {
		oracle_ours_removed_box(r->sim->oracle, r->side, box);
		while (r->box[box].messages.n > 0) {
			oracle_ours_removed(r->sim->oracle, r->side, r->box[box].messages.at[0].c->serial);
			ram_expunge(r, box, 0);
		}
		ram_drop_box(r, box);
	}
	return ram_end_item(c, f, o, e);
}

static void
renames(struct ram *r, int from, int to)
{
	r->sim->has_moved[r->side][to] = true;
	oracle_ours_renamed_box(r->sim->oracle, r->side, from, to);
}

int
ram_rename_mailbox(struct session *session, const char *from_name, const char *to_name, enum outcome *o, struct err *e)
{
	struct ram_session *c = (struct ram_session *)session;
	struct ram *r = (struct ram *)session->store;
	int from = sim_box(from_name), to = sim_box(to_name);
	enum fate f = FATE_DONE;

	if (begin_box(c, "rename", from, &f, o, e) < 0) {
		/* Refused, the two go by their names, which are others' twins. */
		if (*o == OUTCOME_FAILED && !c->is_dead) {
			ram_mistaken(r->sim->ram[FAR]);
			ram_mistaken(r->sim->ram[NEAR]);
		}
		return -1;
	}
	if (to < 0 || !ram_can_rename(r, from, to, false)) {
		*o = OUTCOME_FAILED;
		ram_mistaken(r->sim->ram[FAR]);
		ram_mistaken(r->sim->ram[NEAR]);
		sim_trace(r->sim, "  %s: %s cannot be renamed to %s", r->store.name, from_name, to_name);
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s: rename refused", r->store.name);
	}
	ram_changes(r, from, r->sim->policy.create[r->side] && from != 0, "a rename");
	ram_changes(r, to, r->sim->policy.create[r->side], "a rename");
	/* What was not renamed is renamed back, as the next list shows it. */
	if (f == FATE_LIE) {
		ram_mistaken(r->sim->ram[FAR]);
		ram_mistaken(r->sim->ram[NEAR]);
	}
	sim_trace(r->sim, "  %s: %s is renamed to %s", r->store.name, from_name, to_name);
	if (ram_takes_effect(f))
		ram_rename(r, from, to, false, renames);
	return ram_end_item(c, f, o, e);
}
