/* Servers that tell false UIDs in answer to APPEND, COPY and MOVE (seen at AOL and Yahoo): those of messages that were sent
 * together in another order, or the UID of a message that was there before. Nothing is lost or deleted for that, and what was
 * told falsely is put right once a list shows the messages. */
#include "tests/sim/store_ram.h"

void
ram_draw_telling(struct ram *r)
{
	if (r->kind != RAM_MAILDIR && r->has_uidplus && sim_chance(r->sim, 15))
		r->tells = sim_chance(r->sim, 70) ? RAM_TELLS_IN_FALSE_ORDER : RAM_TELLS_ANOTHER;
	if (r->tells != RAM_TELLS_TRULY)
		sim_trace(r->sim, "  %s tells UIDs falsely%s", r->store.name, r->tells == RAM_TELLS_ANOTHER ? ", of other messages" : "");
}

/* The key of a message that is shown in the mailbox, was known before, and is none of those that were just told. */
static struct key
another(const struct ram *r, int box, struct key *const *told, size_t n, struct arena *a)
{
	const struct ram_box *b = &r->box[box];
	struct key key;
	size_t i, k;

	for (i = 0; i < b->messages.n; i++) {
		if (b->messages.at[i].is_hidden || !b->messages.at[i].was_listed)
			continue;
		key = ram_key(r, a, &b->messages.at[i]);
		for (k = 0; k < n && key_cmp(*told[k], key) != 0; k++)
			;
		if (k == n)
			return key;
	}
	return KEY_NONE;
}

/* What is set before a list has shown whose key it is was meant for another. */
static void
doubt_flags(struct ram *r, int box, struct key key)
{
	long at = ram_find(r, box, key);

	if (at >= 0)
		oracle_unseen(r->sim->oracle, box, r->box[box].messages.at[at].c->serial, SIM_FLAGS_ALL);
}

void
ram_tell(struct ram *r, int box, struct key *const *told, size_t n, struct arena *a)
{
	struct key first, other;
	size_t i;

	/* Not where single messages fail as well, or people act before a list shows them: what is doubted must be read to be known. */
	if (r->tells == RAM_TELLS_TRULY || n == 0 || r->sim->trouble.item != 0 || r->sim->trouble.people != 0 ||
	    !sim_happens(r->sim, 400))
		return;
	if (r->tells == RAM_TELLS_IN_FALSE_ORDER && n > 1) {
		first = *told[0];
		for (i = 0; i + 1 < n; i++)
			*told[i] = *told[i + 1];
		*told[n - 1] = first;
		for (i = 0; i < n; i++)
			doubt_flags(r, box, *told[i]);
		sim_trace(r->sim, "  %s %s: tells %zu UIDs in another order", r->store.name, sim_box_name[box], n);
	} else if (r->tells == RAM_TELLS_ANOTHER) {
		i = sim_draw(r->sim, n);
		other = another(r, box, told, n, a);
		if (other.len == 0)
			return;
		*told[i] = other;
		sim_trace(r->sim, "  %s %s: tells the UID of another message (%u)", r->store.name, sim_box_name[box], key_uid(other));
	}
}
