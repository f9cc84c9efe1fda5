/* A server that shows the newest messages of each mailbox only. What is older is there all the same: people reach it by
 * other ways, and it is shown again once newer mail is gone. */
#include "tests/sim/store_ram.h"

/* Equal mail that turns up elsewhere while this drops out of sight is a move to the program, whoever meant what by it. */
static bool
has_equal(const struct ram *r, const struct ram_message *m)
{
	size_t i;
	int b;

	for (b = 0; b < SIM_BOXES; b++)
		for (i = 0; i < r->box[b].messages.n && r->box[b].exists; i++)
			if (&r->box[b].messages.at[i] != m && (r->box[b].messages.at[i].c == m->c ||
			    r->box[b].messages.at[i].c->header == m->c->header))
				return true;
	return false;
}

/* To a store whose window nobody has told of: nothing goes on both sides at once. */
static bool
has_twin(const struct ram *r, const struct ram_message *m)
{
	const struct ram_box *b = &r->sim->ram[side_other(r->side)]->box[0];
	size_t i;

	for (i = 0; i < b->messages.n; i++)
		if (b->messages.at[i].c == m->c && !(b->messages.at[i].flags & FLAG_DELETED))
			return true;
	return !r->slides;
}

/* Only what was a twin at a settlement drops out of sight, and not while lists are cut, which say nothing of it: of another, which the program has not read yet, nobody could know
 * that what is on the other side is the same. Nor what the program was about to expunge when it ended: it may as well have gone. */
static size_t
shown_from(const struct ram *r, const struct ram_box *b)
{
	size_t i, first = (r->slides && b != &r->box[0]) || r->window == 0 || r->is_lifted || b->messages.n <= r->window ? 0 : b->messages.n - r->window;

	for (i = 0; i < first && (b->messages.at[i].is_hidden || (b->messages.at[i].is_settled &&
	    r->sim->trouble.partial == 0 && !b->messages.at[i].c->is_unmarked && !has_equal(r, &b->messages.at[i]) && has_twin(r, &b->messages.at[i]))); i++)
		;
	return i;
}

static void
forget_vanished(struct ram_box *b, uint32_t uid)
{
	size_t i, k = 0;

	for (i = 0; i < b->vanished.n; i++)
		if (b->vanished.at[i].uid != uid)
			b->vanished.at[k++] = b->vanished.at[i];
	b->vanished.n = k;
}

/* A window that nobody has told of is full all the time, and the program has seen it so: until then it is larger than what there is. Where
 * something cannot drop out of sight that should, it is a window no more. */
static void
fit_window(struct ram *r, const struct ram_box *b)
{
	size_t shown = ram_shown_count(b);

	if (r->window == 0 || r->is_lifted || b->messages.n <= r->window)
		return;
	if (b->messages.n - shown_from(r, b) <= r->window && (b->told_last == r->window || shown < b->messages.n))
		return;
	if (shown == b->messages.n)
		r->window = b->messages.n;
	else
		r->window = 0;
}

void
ram_slide(struct ram *r, int box, bool may_hide)
{
	struct ram_box *b = &r->box[box];
	struct ram_message *m;
	size_t i, first;

	if (r->slides && box == 0)
		fit_window(r, b);
	may_hide |= r->slides;
	first = shown_from(r, b);
	for (i = 0; i < b->messages.n; i++) {
		m = &b->messages.at[i];
		if (m->is_hidden == (i < first) || (!m->is_hidden && !may_hide))
			continue;
		m->is_hidden = i < first;
		if (m->is_hidden) {
			vec_push(&b->vanished, (struct ram_vanished){ m->uid, m->number, m->is_given, ++b->modseq });
		} else {
			forget_vanished(b, m->uid);
			m->modseq = ++b->modseq;
		}
		sim_trace(r->sim, "%s: %s in %s %s", r->store.name, ram_text(r, m), sim_box_name[box],
		    m->is_hidden ? "drops out of sight" : "is shown again");
	}
}

void
ram_settled(struct ram *r)
{
	size_t i;
	int b;

	for (b = 0; b < SIM_BOXES; b++)
		for (i = 0; i < r->box[b].messages.n; i++)
			r->box[b].messages.at[i].is_settled = true;
}

void
ram_lift(struct ram *r)
{
	int i;

	if (r->window == 0)
		return;
	r->is_lifted = true;
	for (i = 0; i < SIM_BOXES; i++)
		ram_slide(r, i, false);
}

size_t
ram_shown_count(const struct ram_box *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->messages.n; i++)
		n += !b->messages.at[i].is_hidden;
	return n;
}

void
ram_window_equal(struct ram *r, int box, const struct content *c)
{
	const struct ram_message *m;
	size_t i;
	int b;

	for (b = 0; b < SIM_BOXES; b++)
		for (i = 0; i < r->box[b].messages.n && r->box[b].exists && b != box; i++) {
			m = &r->box[b].messages.at[i];
			if (m->is_hidden && (m->c == c || m->c->header == c->header))
				oracle_seems_moved(r->sim->oracle, r->side, b, m->c->serial);
		}
}

void
ram_window_missed(struct ram *r, int box, struct key key)
{
	const struct ram_box *b = &r->box[box];
	size_t i;

	for (i = 0; i < b->messages.n; i++)
		if (b->messages.at[i].is_hidden && b->messages.at[i].uid == key_uid(key))
			oracle_loose(r->sim->oracle, box, b->messages.at[i].c->serial);
}
