#include "cmd/status_find.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/base/shell_word.h"
#include "sync/pair/patterns.h"

void
standing_release(struct standing *st)
{
	for (size_t i = 0; i < st->matters.n; i++)
		vec_release(&st->matters.at[i].messages);
	vec_release(&st->matters);
	channel_end_release(&st->end);
	arena_release(&st->arena);
}

bool
standing_needs_person(const struct standing *st)
{
	if (!st->has_state)
		return true;
	for (size_t i = 0; i < st->matters.n; i++)
		if (st->matters.at[i].need == NEED_PERSON)
			return true;
	return false;
}

struct looking {
	const struct channel *channel;
	struct standing *st;
	struct state *state;
	size_t most;
};

/* ---- what the last run said ---- */

static void
add_errors(struct looking *f, int64_t now, int64_t nag)
{
	const struct channel_end *end = &f->st->end;
	const bool is_lasting = now - end->since >= nag;
	const struct report_error *r;
	struct matter *m;

	for (size_t i = 0; i < end->errors.n && end->state == CHANNEL_FAILING; i++) {
		r = &end->errors.at[i];
		m = vec_add(&f->st->matters);
		m->kind = MATTER_ERROR;
		m->need = r->class == ERR_TEMPORARY && !is_lasting ? NEED_RUN : NEED_PERSON;
		m->box = r->box;
		m->text = r->text;
		m->remedy[0].options = "-V";
		m->remedy[0].effect = "tries again, and says more";
	}
	if (end->more != 0 && end->state == CHANNEL_FAILING) {
		m = vec_add(&f->st->matters);
		m->kind = MATTER_ERROR;
		m->need = NEED_PERSON;
		m->text = arena_printf(&f->st->arena, "%llu more errors", (unsigned long long)end->more);
	}
}

/* ---- messages ---- */

/* The matter of that kind, mailbox and sentence. */
static struct matter *
matter_of(struct looking *f, enum matter_kind kind, enum matter_need need, const char *box, const char *text)
{
	struct matter *m;

	for (size_t i = 0; i < f->st->matters.n; i++) {
		m = &f->st->matters.at[i];
		if (m->kind == kind && m->box != NULL && strcmp(m->box, box) == 0 && strcmp(m->text, text) == 0)
			return m;
	}
	m = vec_add(&f->st->matters);
	m->kind = kind;
	m->need = need;
	m->box = box;
	m->text = arena_strdup(&f->st->arena, text);
	return m;
}

/* It has no file: as the last run knew it. */
static void
recall_words(struct looking *f, const struct box_record *b, struct matter_message *found)
{
	const struct channel_end_message *m;

	for (size_t i = 0; i < f->st->end.held.n; i++) {
		m = &f->st->end.held.at[i];
		if (m->uid != found->uid || strcmp(m->box, b->name) != 0)
			continue;
		found->file.from = m->from;
		found->file.subject = m->subject;
		found->file.date = m->date;
	}
}

static void
add_message(struct looking *f, struct matter *m, const struct box_record *b, const struct record *r)
{
	struct matter_message found = { 0 };
	const struct record_half *h;

	m->n++;
	if (m->messages.n >= f->most)
		return;
	for (int s = 0; s < SIDES; s++) {
		h = &r->half[s];
		if (h->presence != PRESENCE_HERE)
			continue;
		found.uid = found.uid == 0 ? key_uid(h->key) : found.uid;
		if (found.file.path == NULL && f->channel->store[s] != NULL && h->key.len != 0)
			on_disk_read(f->channel, b, (enum side)s, key_dup(&f->st->arena, h->key),
			    arena_strdup(&f->st->arena, h->hint), &f->st->arena, &found.file);
	}
	if (found.file.path == NULL)
		recall_words(f, b, &found);
	vec_push(&m->messages, found);
}

static void
remedy(struct matter *m, int which, const char *options, const char *effect)
{
	m->remedy[which].options = options;
	m->remedy[which].effect = effect;
	m->remedy[which].is_for_box = true;
}

static void
add_held(struct looking *f, const struct box_record *b, const struct record *r, enum side gone)
{
	struct arena *a = &f->st->arena;
	const char *from = side_name(gone), *to = side_name(side_other(gone)), *word = shell_word(a, b->name);
	struct matter *m = matter_of(f, MATTER_HELD, NEED_PERSON, b->name, arena_printf(a, "deleted on %s, and held back on %s", from, to));

	if (m->n == 0) {
		remedy(m, 0, arena_printf(a, "--allow-delete %s", word), arena_printf(a, "deletes on %s as well", to));
		remedy(m, 1, arena_printf(a, "--restore %s", word), arena_printf(a, "brings back to %s", from));
	}
	add_message(f, m, b, r);
}

static void
add_trouble(struct looking *f, const struct box_record *b, const struct record *r)
{
	struct matter *m = matter_of(f, MATTER_STUCK, NEED_PERSON, b->name, r->trouble == TROUBLE_LEFT_OUT ?
	    "listed, and left out when it is fetched" : *r->why != '\0' ? r->why : "ends each session in which it is worked on");

	if (m->n == 0)
		remedy(m, 0, "-V", "tries again, as each run does");
	add_message(f, m, b, r);
}

static void
add_pending(struct looking *f, const struct box_record *b, const struct record *r, const char *text)
{
	struct matter *m = matter_of(f, MATTER_PENDING, NEED_RUN, b->name, text);

	if (m->n == 0)
		remedy(m, 0, "", "does it");
	add_message(f, m, b, r);
}

/* No mark sets it aside. */
static void
add_unmarked(struct looking *f, const struct box_record *b, const struct record *r)
{
	struct arena *a = &f->st->arena;
	const struct record_half *h = r->half;
	const enum side here = record_side(r), there = side_other(here);

	if (r->trouble != TROUBLE_NONE)
		add_trouble(f, b, r);
	else if (h[here].presence == PRESENCE_HERE && h[there].presence == PRESENCE_GONE)
		b->side[there].was_held ? add_held(f, b, r, there) :
		    add_pending(f, b, r, arena_printf(a, "deleted on %s, and to be deleted on %s", side_name(there), side_name(here)));
	else if (record_is_single(r, here) && h[there].basis != BASIS_BEYOND && !record_half_is_shared(&h[there]))
		add_pending(f, b, r, r->refusals != 0 ? arena_printf(a, "to be copied to %s, which has refused it in %u run%s", side_name(there),
		    r->refusals, r->refusals == 1 ? "" : "s") : arena_printf(a, "to be copied to %s", side_name(there)));
	else if (h[FAR].presence == PRESENCE_HERE && h[NEAR].presence == PRESENCE_HERE)
		add_pending(f, b, r, "other flags on far than on near");
}

static void
add_record(struct looking *f, const struct box_record *b, const struct record *r)
{
	struct flag_mask mask[SIDES] = { b->side[FAR].mask, b->side[NEAR].mask };
	struct matter *m;

	switch (r->mark) {
	case MARK_NEW:
		if (!record_is_settled(r, mask))
			add_unmarked(f, b, r);
		break;
	case MARK_FAILED:
		m = matter_of(f, MATTER_REFUSED, NEED_PERSON, b->name, *r->why != '\0' ? r->why : "refused for good");
		if (m->n == 0)
			remedy(m, 0, "--retry-failed", "tries again");
		add_message(f, m, b, r);
		break;
	case MARK_SKIPPED:
		m = matter_of(f, MATTER_LEFT_OUT, NEED_NOTHING, b->name, "left alone, as it was \\Deleted when it came, or mbsync left it alone");
		if (m->n == 0)
			remedy(m, 0, "--old", "copies it");
		add_message(f, m, b, r);
		break;
	case MARK_EXPIRED:
		add_message(f, matter_of(f, MATTER_LEFT_OUT, NEED_NOTHING, b->name, "let go by MaxMessages"), b, r);
		break;
	default:
		break;
	}
}

static void
add_window(struct looking *f, const struct box_record *b)
{
	for (int s = 0; s < SIDES; s++)
		if (b->side[s].shown.held != 0) {
			struct matter *m = matter_of(f, MATTER_HELD, NEED_PERSON, b->name, arena_printf(&f->st->arena, "not shown by %s any more, "
			    "which seems to show the newest messages only: kept on %s. Set Window in its store, or allow it",
			    side_name((enum side)s), side_name(side_other((enum side)s))));

			m->n = b->side[s].shown.held;
			remedy(m, 0, arena_printf(&f->st->arena, "--allow-delete %s", shell_word(&f->st->arena, b->name)), "deletes what is not shown");
		}
}

/* The state may have mailboxes that the channel does not have any more, or that are another channel's. */
static bool
is_selected(const struct channel *c, const struct box_record *b)
{
	return c->patterns.n == 0 || patterns_match(c->patterns.at, c->patterns.n, b->name);
}

static int
add_mailboxes(struct looking *f, struct err *e)
{
	struct box_record *all;
	struct arena a = { 0 };
	struct record r;
	uint64_t after;
	size_t n;
	int got = box_all(f->state, &f->st->arena, &all, &n, e);

	for (size_t i = 0; i < n && got >= 0; i++) {
		if (!is_selected(f->channel, &all[i]))
			continue;
		for (after = 0; (got = message_next(f->state, &a, all[i].id, after, &r, e)) > 0; after = r.id) {
			add_record(f, &all[i], &r);
			if (r.id % 256 == 0)
				arena_release(&a);
		}
		add_window(f, &all[i]);
		arena_release(&a);
	}
	return got < 0 ? -1 : 0;
}

/* What a guard said of a mailbox is decided below it: another run says the same. */
static void
leave_to_held(struct standing *st)
{
	for (size_t i = 0; i < st->matters.n; i++)
		for (size_t k = 0; k < st->matters.n; k++)
			if (st->matters.at[i].kind == MATTER_ERROR && st->matters.at[i].box != NULL && st->matters.at[k].kind == MATTER_HELD &&
			    strcmp(st->matters.at[i].box, st->matters.at[k].box) == 0)
				st->matters.at[i].remedy[0].options = st->matters.at[i].remedy[0].effect = NULL;
}

/* A run that is at work for so long does not come to its end by itself. */
static void
add_running(struct looking *f, int64_t now, int64_t nag)
{
	struct matter *m;

	if (now - f->st->lock.begun < nag)
		return;
	m = vec_add(&f->st->matters);
	m->kind = MATTER_ERROR;
	m->need = NEED_PERSON;
	m->text = arena_printf(&f->st->arena, "process %ld is at work on it since long: if it hangs, `kill %ld` ends it, and nothing is lost",
	    f->st->lock.pid, f->st->lock.pid);
}

int
standing_find(const struct channel *channel, size_t most, int64_t now, int64_t nag, struct standing *st, struct err *e)
{
	char *lock = mem_printf("%s.lock", channel->state.path), *file = mem_printf("%s.mdb", channel->state.path);
	struct state_place place = channel->state;
	struct looking f = { .channel = channel, .st = st, .most = most };
	int rc = 0;

	*st = (struct standing){ .end = { .state = CHANNEL_RECOVERED } };
	lock_look(lock, &st->lock);
	st->was_stopped = st->lock.pid != 0 && !st->lock.is_held;
	st->has_state = access(file, F_OK) == 0;
	if (st->lock.is_held)
		add_running(&f, now, nag);
	if (st->lock.is_held || !st->has_state)
		goto done;
	place.is_dry = true;
	rc = state_open(&place, &f.state, e);
	if (rc == 0) {
		rc = state_begin(f.state, e);
		if (rc == 0 && channel_end_get(f.state, channel->name, &st->arena, &st->end, e) < 0)
			rc = -1;
		if (rc == 0) {
			add_errors(&f, now, nag);
			rc = add_mailboxes(&f, e);
			leave_to_held(st);
		}
		state_abort(f.state);
	}
	state_close(&f.state);
done:
	free(lock);
	free(file);
	return rc;
}
