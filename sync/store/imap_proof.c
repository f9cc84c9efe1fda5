/* Whether what a server showed of a mailbox is all of it (R25 a witness).
 *
 * A list shows what vanished only by what it lacks, so it must be known to lack nothing else: as many messages as EXISTS said
 * when the mailbox was selected, those expunged meanwhile among them, and as many as STATUS says. What arrived meanwhile has UIDs from
 * UIDNEXT on and is counted apart.
 *
 *   shown below UIDNEXT + vanished since = EXISTS of the SELECT
 */
#include "sync/store/imap_delta.h"

/* How many UIDs of a set in order lie below `end`. */
static uint64_t
count_below(const struct imap_uidset *set, uint32_t end)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < set->n && set->at[i].first < end; i++)
		n += (uint64_t)(set->at[i].last < end ? set->at[i].last : end - 1) - set->at[i].first + 1;
	return n;
}

/* ---- entries ---- */

struct order { uint32_t uid; size_t index; };

static int
cmp_order(const void *x, const void *y)
{
	const struct order *a = x, *b = y;

	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static bool
is_tidy(const struct delta_work *w)
{
	size_t i;

	for (i = 1; i < w->d->entries.n; i++)
		if (key_uid(w->d->entries.at[i - 1].key) >= key_uid(w->d->entries.at[i].key))
			return false;
	return w->vanished.n == 0;
}

static void
sort_entries(struct delta_work *w)
{
	struct delta *d = w->d;
	struct order *order = mem_alloc((d->entries.n + 1) * sizeof *order);
	struct delta_entry *sorted = mem_alloc((d->entries.n + 1) * sizeof *sorted);
	size_t i, n = 0;

	for (i = 0; i < d->entries.n; i++)
		order[i] = (struct order){ key_uid(d->entries.at[i].key), i };
	qsort(order, d->entries.n, sizeof *order, cmp_order);
	for (i = 0; i < d->entries.n; i++) {
		if (!imap_uidset_has(&w->vanished, order[i].uid))
			sorted[n++] = d->entries.at[order[i].index];
	}
	memcpy(d->entries.at, sorted, n * sizeof *sorted);
	d->entries.n = n;
	free(sorted);
	free(order);
}

/* Messages, not entries: what is new may have two. */
static uint32_t
count_between(const struct delta_work *w, uint64_t from, uint64_t to)
{
	uint32_t n = 0, uid, last = 0;
	size_t i;

	for (i = 0; i < w->d->entries.n; i++) {
		uid = key_uid(w->d->entries.at[i].key);
		n += uid != last && uid >= from && uid < to;
		last = uid;
	}
	return n;
}

void
imap_proof_tidy(struct delta_work *w)
{
	imap_uidset_normalise(&w->vanished);
	imap_uidset_normalise(&w->found);
	imap_uidset_subtract(&w->found, &w->vanished);
	if (!is_tidy(w))
		sort_entries(w);
	w->n_shown = count_between(w, 0, UINT64_MAX);
	w->n_fresh = count_between(w, w->since_next, UINT64_MAX);
}

/* ---- numbers ---- */

/* Where what arrived since the SELECT begins; a server that gives no UIDNEXT shows no border. */
static uint32_t
border(const struct delta_work *w)
{
	return w->has_uidnext ? w->box.uidnext : IMAP_UID_MAX;
}

/* How many were shown that were there at the SELECT and have not vanished; *new_r: that came since. */
static uint64_t
count_shown(const struct delta_work *w, uint64_t *new_r)
{
	uint64_t old;

	if (w->how == HOW_SEARCH) {
		old = count_below(&w->found, border(w));
		*new_r = imap_uidset_count(&w->found) - old;
		return old;
	}
	old = count_between(w, 0, border(w));
	*new_r = w->n_shown - old;
	return old;
}

uint64_t
imap_proof_expects(const struct delta_work *w)
{
	uint64_t gone = count_below(&w->vanished, border(w)), new;

	(void)count_shown(w, &new);
	return (gone < w->box.exists_then ? w->box.exists_then - gone : 0) + new;
}

static bool
adds_up(const struct delta_work *w)
{
	uint64_t new, shown = count_shown(w, &new) + count_below(&w->vanished, border(w));

	return !w->box.has_shrunk && (shown == w->box.exists_then || (!w->has_uidnext && shown == w->box.exists));
}

bool
imap_proof_holds(const struct delta_work *w)
{
	return !w->is_broken && !w->list.is_part && !w->fresh.is_part && !w->box.is_part && w->status != STATUS_DIFFERS &&
	    adds_up(w);
}

/* ---- STATUS ---- */

static uint32_t
status_messages(const struct cursor *c)
{
	uint32_t uidnext, messages;
	uint64_t modseq;

	imap_cursor_read(c, &uidnext, &modseq, &messages);
	return messages;
}

bool
imap_proof_wants_status(const struct delta_work *w)
{
	uint64_t old = w->n_shown - w->n_fresh;

	if (w->status != STATUS_NOT_ASKED || w->d->listed.epoch == 0 || status_messages(&w->d->listed) == w->box.exists_then)
		return false;
	return w->how != HOW_PLAIN || old < w->d->known;
}

static void
on_status(void *ctx, const struct imap_status_data *s)
{
	struct delta_work *w = ctx;

	imap_status_cursor(&w->status_box, s);
}

static void
on_status_done(void *ctx, const struct imap_result *result)
{
	struct delta_work *w = ctx;
	uint32_t uidnext, messages;
	uint64_t modseq;

	w->status = STATUS_AGREES;	/* or it does not tell, or is refused */
	if (result->status != IMAP_OK || !w->status_box.has_cursor || w->status_box.cursor.epoch != w->box.uidvalidity)
		return;
	imap_cursor_read(&w->status_box.cursor, &uidnext, &modseq, &messages);
	/* What arrived since is no contradiction. */
	if (uidnext > w->box.uidnext && messages - w->box.exists <= uidnext - w->box.uidnext)
		return;
	if (messages != w->box.exists)
		w->status = STATUS_DIFFERS;
}

static const struct imap_events status_events = { .status = on_status, .done = on_status_done };

int
imap_proof_ask_status(struct delta_work *w, struct err *e)
{
	w->status = STATUS_ASKED;
	w->status_box = (struct mailbox){ .name = w->d->box };
	return imap_status_ask(w->c, w->d->box, &status_events, w, e);
}

/* ---- conclusion ---- */

static const char *
describe(const struct delta_work *w)
{
	struct arena *a = &w->d->arena;
	uint64_t new, shown = count_shown(w, &new) + new, all = imap_proof_expects(w);

	if (w->is_broken)
		return arena_printf(a, "it showed %llu of %u messages: %s", (unsigned long long)shown, w->box.exists, w->err.text);
	if (w->status == STATUS_DIFFERS)
		return arena_printf(a, "it showed %llu messages, and STATUS says that there are %u", (unsigned long long)shown,
		    status_messages(&w->status_box.cursor));
	if (shown != all)
		return arena_printf(a, "it showed %llu messages, and EXISTS says that there are %llu", (unsigned long long)shown,
		    (unsigned long long)all);
	return arena_printf(a, "it said itself that it showed a part (%llu messages)", (unsigned long long)shown);
}

void
imap_proof_conclude(struct delta_work *w)
{
	struct delta *d = w->d;
	bool is_list = w->how == HOW_FULL || w->how == HOW_PLAIN || w->how == HOW_SEARCH;
	size_t i;

	imap_proof_tidy(w);
	/* What is the same has been counted (imap_plain_is_known). */
	d->is_complete = is_list && !w->is_same ? imap_proof_holds(w) : !w->list.is_part && !w->fresh.is_part && !w->box.is_part;
	d->has_exists = true;
	d->exists = w->is_same ? w->box.exists : imap_proof_expects(w);
	d->unproved = d->is_complete ? NULL : describe(w);
	d->has_present = w->how == HOW_SEARCH && d->is_complete;
	for (i = 0; i < w->found.n && d->has_present; i++)
		vec_push(&d->present, (struct uid_range){ w->found.at[i].first, w->found.at[i].last });
}
