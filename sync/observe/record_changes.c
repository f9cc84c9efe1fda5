/* Records in the base what a store showed: what was seen, not only what was agreed (R1 seen is recorded).
 *
 * A delta and its cursor are stored in one transaction, so a cursor never outruns the records. A record that changed is in the base's
 * unsettled set by that alone (state/state.h), and that set is all the planner is given.
 *
 * Must hold: what is not proved to be whole makes nothing vanish, and its cursor does not count (R6 gone if denied, R25 a witness); another
 * epoch makes nothing vanish (R7 another store).
 */
#include "sync/observe/observe.h"


#include <assert.h>

#include "state/base/log.h"

/* When a mailbox was last listed in full is known this well: a store that is listed in every run must not make
 * every run write. */
enum { DAY = 24 * 3600 };

static int
cmp_entry(const void *x, const void *y)
{
	const struct delta_entry *a = x, *b = y;

	return key_cmp(a->key, b->key);
}

/* What the half rests on once it is seen like this. */
static enum half_basis
basis_seen(const struct record *rec, enum side s, const struct delta_entry *d)
{
	const struct record_half *h = &rec->half[s];

	switch (h->basis) {
	case BASIS_OURS:
		/* P18: it was not marked when the program ended, so nobody took that off. */
		if (rec->mark == MARK_EXPIRED && !(h->flags.sys & FLAG_DELETED))
			return h->basis;
		/* fall through */
	case BASIS_MOVING:
		/* Marked, and then the program ended: the rest is still to be done. */
		return d->flags.sys & FLAG_DELETED ? h->basis : BASIS_LISTED;
	case BASIS_TOLD:
	case BASIS_DOUBTED:
		if (*h->server_id != '\0' && *d->server_id != '\0')
			return strcmp(h->server_id, d->server_id) == 0 ? BASIS_LISTED : BASIS_DOUBTED;
		if (h->size != 0 && d->size != 0 && h->size != d->size)
			return BASIS_DOUBTED;
		/* A list of changes may give the flags first, and the size later. */
		return h->basis == BASIS_TOLD && d->size != 0 ? BASIS_LISTED : h->basis;
	default:
		return BASIS_LISTED;
	}
}

/* What was let go from the other side (P18) is judged anew once it is flagged, or unread, as if it had come just now. */
static bool
is_recalled(const struct record *rec, enum side s, const struct delta_entry *d)
{
	return rec->mark == MARK_EXPIRED && record_is_single(rec, s) && ((d->flags.sys & ~rec->half[s].flags.sys & FLAG_FLAGGED) ||
	    (rec->half[s].flags.sys & ~d->flags.sys & FLAG_SEEN));
}

/* A file that was gone, and its twin was expunged or moved for that, by us, or marked \Deleted to be, and now it is there again (R19 removals
 * are begun): nobody wants that carried back as a deletion. A UID never comes back but where a window hid it (P15). */
static void
come_back(const struct env *env, struct record *rec, enum side s)
{
	struct record_half *twin = &rec->half[side_other(s)];

	if (env->set->store[s]->ops->has_uid_keys || rec->half[s].presence != PRESENCE_GONE || rec->mark != MARK_NEW ||
	    (twin->basis != BASIS_OURS && !(twin->basis == BASIS_MOVING && twin->presence == PRESENCE_GONE)))
		return;
	if (twin->presence == PRESENCE_GONE) {
		*twin = RECORD_HALF_NEVER;
		record_begin_anew(rec);
	} else if (twin->presence == PRESENCE_HERE && rec->has_agreed) {
		rec->agreed.sys |= FLAG_DELETED;	/* and taken off here */
	}
}

/* The same, where the file was seen before the mark. */
static void
mark_seen(struct record *rec, enum side s, const struct delta_entry *d)
{
	const struct record_half *h = &rec->half[s], *twin = &rec->half[side_other(s)];

	if (h->presence == PRESENCE_HERE && h->basis == BASIS_OURS && rec->mark == MARK_NEW && rec->has_agreed &&
	    (d->flags.sys & ~h->flags.sys & FLAG_DELETED) && twin->presence == PRESENCE_HERE && !(twin->flags.sys & FLAG_DELETED))
		rec->agreed.sys |= FLAG_DELETED;
}

/* Seen this way on side s: true if the record was changed by it. */
static bool
see(struct env *env, struct run_box *b, enum side s, struct arena *a, struct record *rec, const struct delta_entry *d)
{
	struct record_half *h = &rec->half[s];
	enum half_basis basis = basis_seen(rec, s, d);
	bool is_same = h->presence == PRESENCE_HERE && h->basis == basis && flags_equal(h->flags, d->flags) && !h->is_sent &&
	    strcmp(h->hint, d->hint) == 0 && (d->size == 0 || d->size == h->size) && (d->date == 0 || d->date == h->date);

	if (is_recalled(rec, s, d))
		record_begin_anew(rec);
	kept_seen(env, b, s, a, rec, d->flags);
	come_back(env, rec, s);
	mark_seen(rec, s, d);
	h->presence = PRESENCE_HERE;
	h->basis = basis;
	h->flags = d->flags;
	h->hint = d->hint;
	if (d->size != 0)
		h->size = d->size;
	if (d->date != 0)
		h->date = d->date;
	if (*d->server_id != '\0')
		h->server_id = d->server_id;
	/* A source shows it again: they are twins as they were. */
	if (rec->mark == MARK_KEPT && rec->half[side_other(s)].presence == PRESENCE_HERE)
		rec->mark = MARK_NEW;
	return !is_same;
}

/* Another program saw it, and left it alone. */
static void
mark_passed(const struct box_passed *passed, struct record *rec, struct key key)
{
	uint32_t uid = key_uid(key);

	if (uid == 0 || uid > passed->upto)
		return;
	rec->mark = uid <= passed->expired ? MARK_EXPIRED : MARK_SKIPPED;
	rec->why = "left alone by mbsync";
}

static int
fold_new(struct env *env, struct run_box *b, enum side s, struct arena *a, const struct delta_entry *d,
    struct err *e)
{
	struct record rec = record_blank(b->rec.id);

	see(env, b, s, a, &rec, d);
	rec.half[s].key = d->key;
	mark_passed(&b->rec.side[s].passed, &rec, d->key);
	env->passed += rec.mark == MARK_SKIPPED;
	return records_put(env, b, a, &rec, e);
}

static int
fold_entry(struct env *env, struct run_box *b, enum side s, const struct delta_entry *d, struct err *e)
{
	struct arena a = { 0 };
	struct record rec = record_blank(b->rec.id);
	int status = message_find(env->state, &a, b->rec.id, s, d->key, &rec, e);

	if (status == 0)
		status = fold_new(env, b, s, &a, d, e);
	else if (status == 1 && see(env, b, s, &a, &rec, d))
		status = records_put(env, b, &a, &rec, e);
	else if (status == 1)
		status = 0;
	env->observe_state->has_doubts |= status == 0 && rec.half[s].basis == BASIS_DOUBTED;
	arena_release(&a);
	return status;
}

static int
fold_vanished(struct env *env, struct run_box *b, enum side s, struct key key, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	int status = message_find(env->state, &a, b->rec.id, s, key, &rec, e);

	if (status == 1 && rec.half[s].presence == PRESENCE_HERE) {
		rec.half[s].presence = PRESENCE_GONE;
		b->side[s].vanished++;
		status = records_put(env, b, &a, &rec, e);
	}
	arena_release(&a);
	return status < 0 ? -1 : 0;
}

static bool
is_sorted(const struct delta *d)
{
	size_t i;

	for (i = 1; i < d->entries.n; i++)
		if (key_cmp(d->entries.at[i - 1].key, d->entries.at[i].key) > 0)
			return false;
	return true;
}

/* What has been folded of a long list goes to disk now and then, so that a transaction does not grow with the mailbox. The
 * cursor is not part of it: until that follows, the next run lists again, and finds the same (R1). */
static int
commit_part(struct env *env, size_t folded, struct err *e)
{
	enum { OFTEN = 4096 };

	if (folded % OFTEN != 0)
		return 0;
	return state_commit(env->state, e) < 0 || state_begin(env->state, e) < 0 ? -1 : 0;
}

static void
count_replaced(struct env *env, const struct delta_entry *d, struct changes_missing *missing)
{
	if (missing->replaced++ == 0) {
		missing->replaced_name = arena_printf(&env->arena, "%.*s", (int)d->key.len, d->key.data);
		missing->replaced_by = arena_strdup(&env->arena, d->replaced);
	}
}

/* What has the place of a known message is not that message, and the message is not gone. */
static int
fold_replaced(struct env *env, struct run_box *b, enum side s, const struct delta_entry *d, struct changes_missing *missing,
    struct err *e)
{
	count_replaced(env, d, missing);
	return fold_entry(env, b, s, d, e);
}

/* Paired anew, and not listed in full since: what is no message may have the place of one, whose twin is not to be copied there. */
static bool
may_be_replaced(const struct box_side *bs)
{
	return bs->is_known && bs->is_blank && bs->listed == 0;
}

static void
tell_replaced(struct env *env, const struct run_box *b, enum side s, const struct changes_missing *missing)
{
	if (missing->replaced != 0)
		report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena, "held: %zu %s on the %s side no regular %s any more "
		    "(%s %s): nothing is removed or changed for that. Put the %s back, or remove what is there",
		    missing->replaced, missing->replaced == 1 ? "message is" : "messages are", side_name(s),
		    missing->replaced == 1 ? "file" : "files", missing->replaced_name, missing->replaced_by,
		    missing->replaced == 1 ? "file" : "files"));
}

/* A part of the mailbox is away, and so is what is missing, unless a person said what that means, or we were removing it. */
static void
judge_part(struct env *env, struct run_box *b, enum side s, const struct delta *d, struct changes_missing *missing)
{
	if (d->part == NULL || missing->keys.n == 0 || b->allow_delete || b->restore || b->rec.side[s].is_leaving)
		return;
	report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena, "held: %zu of the %llu messages known on the %s side are missing, "
	    "and %s; nothing is removed for that, and all goes on once it is back. %s copies them back, "
	    "%s carries their deletion over", missing->keys.n, (unsigned long long)b->rec.side[s].here, side_name(s),
	    d->part, env_hint_option(env, "--restore", b->name), env_hint_option(env, "--allow-delete", b->name)));
	missing->keys.n = 0;
	missing->is_held = true;
	b->side[s].is_part = true;
}

/* What is missing waits until the clock has passed the times of the disk. */
static void
tell_ahead(struct env *env, const struct run_box *b, enum side s, const struct delta *d, const struct changes_missing *missing)
{
	struct err e;

	if (d->ahead == 0 || d->is_complete || missing->keys.n == 0)
		return;
	err_class(&e, ERR_BOX, ERR_TEMPORARY, ERR_LATER, "the clock of this machine is %lld seconds behind the times of the %s "
	    "mailbox: %zu messages that are missing there are not taken for deleted until it has passed them", (long long)d->ahead,
	    side_name(s), missing->keys.n);
	report_err(env, b->name, &e);
}

/* A full list against all keys known, both in key order. What is as it was is passed over, unless dates are wanted, which keys do not tell. */
static int
merge_full(struct env *env, struct run_box *b, enum side s, struct delta *d, struct changes_missing *missing,
    struct err *e)
{
	struct message_scan *scan = NULL;
	struct message_seen seen;
	const struct delta_entry *entry;
	size_t i = 0;
	int got, c, status = -1;

	if (!is_sorted(d))
		qsort(d->entries.at, d->entries.n, sizeof d->entries.at[0], cmp_entry);
	if (message_scan_begin(env->state, b->rec.id, s, &scan, e) < 0)
		return -1;
	got = message_scan_next(scan, &seen, e);
	while (got > 0 || i < d->entries.n) {
		if (got <= 0) {
			message_scan_end(&scan);
			if (i > 0 && commit_part(env, i, e) < 0)
				return -1;
		}
		entry = i < d->entries.n ? &d->entries.at[i] : NULL;
		c = got <= 0 ? 1 : entry == NULL ? -1 : key_cmp(seen.key, entry->key);
		if (c < 0) {
			if (seen.presence == PRESENCE_HERE)
				vec_push(&missing->keys, key_dup(&missing->arena, seen.key));
		} else if (entry->replaced != NULL && (c > 0 || seen.presence != PRESENCE_HERE)) {
			/* No message, nor was it any lately. */
			if (c > 0 && may_be_replaced(&b->rec.side[s]))
				count_replaced(env, entry, missing);
		} else if (entry->replaced != NULL) {
			if (fold_replaced(env, b, s, entry, missing, e) < 0)
				goto done;
		} else if (c > 0 || d->wants_dates || seen.presence != PRESENCE_HERE || seen.sys != entry->flags.sys ||
		    seen.tail != message_tail(entry->flags.kw, entry->hint)) {
			if (fold_entry(env, b, s, entry, e) < 0)
				goto done;
		}
		if (c <= 0 && (got = message_scan_next(scan, &seen, e)) < 0)
			goto done;
		if (c >= 0)
			i++;
	}
	status = got < 0 ? -1 : 0;
done:
	message_scan_end(&scan);
	return status;
}

static int
cmp_range(const void *x, const void *y)
{
	const struct uid_range *a = x, *b = y;

	return (a->first > b->first) - (a->first < b->first);
}

/* Of all messages here, those whose UID lies in one of the ranges (is_in), or in none. */
static int
collect_in_ranges(struct env *env, struct run_box *b, enum side s, const struct uid_range *ranges, size_t n, bool is_in,
    struct changes_missing *out, struct err *e)
{
	struct message_scan *scan = NULL;
	struct message_seen seen;
	uint32_t uid;
	size_t i = 0;
	int got;

	if (message_scan_begin(env->state, b->rec.id, s, &scan, e) < 0)
		return -1;
	while ((got = message_scan_next(scan, &seen, e)) > 0) {
		uid = key_uid(seen.key);
		while (i < n && ranges[i].last < uid)
			i++;
		if (seen.presence == PRESENCE_HERE && (i < n && uid >= ranges[i].first) == is_in)
			vec_push(&out->keys, key_dup(&out->arena, seen.key));
	}
	message_scan_end(&scan);
	return got;
}

/* Ranges that vanished, and may hold much that nobody knows (R3): searched one by one while they are
 * short, else held against all that is known. */
static int
fold_gone(struct env *env, struct run_box *b, enum side s, struct delta *d, struct err *e)
{
	enum { SHORT = 4096 };
	struct changes_missing hit = { 0 };
	uint64_t total = 0;
	uint32_t uid;
	size_t i;
	int status = 0;

	for (i = 0; i < d->gone.n; i++)
		total += (uint64_t)d->gone.at[i].last - d->gone.at[i].first + 1;
	if (total > SHORT) {
		qsort(d->gone.at, d->gone.n, sizeof d->gone.at[0], cmp_range);
		status = collect_in_ranges(env, b, s, d->gone.at, d->gone.n, true, &hit, e);
	} else {
		for (i = 0; i < d->gone.n; i++)
			for (uid = d->gone.at[i].first; uid - d->gone.at[i].first <=
			    d->gone.at[i].last - d->gone.at[i].first; uid++)
				vec_push(&hit.keys, key_from_uid(&hit.arena, uid));
	}
	for (i = 0; i < hit.keys.n && status == 0; i++)
		status = fold_vanished(env, b, s, hit.keys.at[i], e);
	vec_release(&hit.keys);
	arena_release(&hit.arena);
	return status;
}

/* Another mailbox or index under the same name. An empty one where much was known is held (R21). */
static int
epoch_changed(struct env *env, struct run_box *b, enum side s, const struct delta *d, struct err *e)
{
	uint64_t known = b->rec.side[s].here;

	if (d->entries.n == 0 && known > 0 && b->rec.side[s].identity == IDENTITY_FOREIGN && !b->restore && !b->allow_delete &&
	    (known >= GUARD_FLOOR || replaced_is_held(env, s))) {
		replaced_hold(env, b, s);
		return 0;
	}
	if (d->entries.n == 0 && known >= GUARD_FLOOR && !b->restore && !b->allow_delete) {
		sight_worsen(&b->side[s], SIGHT_FAILED);
		env->boxes_state->held += known;
		report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena,
		    "held: the %s mailbox is another one than in the last run and empty, where %llu messages "
		    "were known; %s carries their deletion over, %s copies them back",
		    side_name(s), (unsigned long long)known, env_hint_option(env, "--allow-delete", b->name), env_hint_option(env, "--restore", b->name)));
		return 0;
	}
	if (d->entries.n == 0 && b->allow_delete)
		return 0;
	b->rec.side[s].listed = 0;
	b->rec.side[s].is_blank = true;
	b->rec.side[s].shown = (struct box_shown){ 0 };
	b->rec.side[s].passed = (struct box_passed){ 0 };
	b->rec.side[s].mask.refused = FLAGS_NONE;
	log_line(LOG_RUN, "%s %s: epoch changed, pairing anew", side_name(s), b->name);
	if (known > 0)
		report_note(env, NOTE_INFO, b->name, arena_printf(&env->arena,
		    "the %s mailbox was rebuilt or replaced (UIDVALIDITY or directory changed): equal messages "
		    "are paired anew", side_name(s)));
	if (records_forget_side(env, b, s, e) < 0)
		return -1;
	if (!b->side[side_other(s)].is_gone)
		return 0;
	/* The other side's was removed, and this is not the mailbox it was the twin of: a new one, as if never seen there. */
	b->side[side_other(s)].is_gone = false;
	b->rec.side[side_other(s)].is_known = false;
	b->rec.side[side_other(s)].identity = IDENTITY_KEPT;
	b->rec.side[side_other(s)].cursor = (struct cursor){ 0 };
	b->rec.side[side_other(s)].listed = 0;
	return records_forget_side(env, b, side_other(s), e);
}

/* R25: a list of another number of messages than there are is a part, whatever its store thinks of it. */
static void
check_whole(struct env *env, struct delta *d)
{
	uint64_t n = 0;
	size_t i;

	if (!d->has_exists || !d->is_complete || (d->kind == DELTA_CHANGES && !d->has_present))
		return;
	/* What is new may have two entries, one behind the other. */
	for (i = 0; i < d->entries.n && d->kind == DELTA_FULL; i++)
		n += i == 0 || key_cmp(d->entries.at[i - 1].key, d->entries.at[i].key) != 0;
	for (i = 0; i < d->present.n && d->kind == DELTA_CHANGES; i++)
		n += (uint64_t)d->present.at[i].last - d->present.at[i].first + 1;
	if (n == d->exists)
		return;
	d->is_complete = false;
	d->unproved = arena_printf(&env->arena, "it listed %llu messages, and says that there are %llu", (unsigned long long)n,
	    (unsigned long long)d->exists);
}

int
changes_record(struct env *env, struct run_box *b, enum side s, struct delta *d, struct changes_missing *missing,
    struct err *e)
{
	struct box_side *bs = &b->rec.side[s];
	struct flag_mask was = bs->mask, told = d->mask;
	bool is_new_mask;
	uint64_t old_epoch = bs->cursor.epoch;
	size_t i;

	b->side[s].before = bs->here;
	b->side[s].vanished = 0;
	b->side[s].first_new = message_next_id(env->state);
	check_whole(env, d);
	told.refused = was.refused;
	is_new_mask = !bs->is_known || !flag_mask_equal(&was, &told);
	if (d->is_mask_unknown) {
		is_new_mask = false;
		if (!bs->is_known)
			bs->mask = (struct flag_mask){ .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" };
	} else {
		bs->mask = told;
		bs->mask.kw = arena_strdup(&env->arena, d->mask.kw);
		bs->was_told = bs->was_told && !bs->mask.has_any_keyword;
	}
	if (d->mailbox_id != NULL && *d->mailbox_id != '\0' && !bs->is_apart)
		bs->mailbox_id = arena_strdup(&env->arena, d->mailbox_id);
	b->side[s].is_readonly = d->is_readonly;
	b->side[s].is_part = false;
	b->side[s].uidnext = d->uidnext;
	bs->is_blank |= !bs->is_known && env->boxes_state->is_blank[s];
	if (b->rec.id == 0 && box_put(env->state, &b->rec, e) < 0)
		return -1;
	if (bs->identity == IDENTITY_FOREIGN || (old_epoch != 0 && old_epoch != d->cursor.epoch)) {
		assert(d->kind == DELTA_FULL);
		if (epoch_changed(env, b, s, d, e) < 0)
			return -1;
		if (sight_has_failed(&b->side[s]))
			return 0;
	}
	if (is_new_mask && bs->is_known && kept_judge_again(env, b, s, &was, e) < 0)
		return -1;
	if (d->kind == DELTA_FULL) {
		if (merge_full(env, b, s, d, missing, e) < 0)
			return -1;
		tell_replaced(env, b, s, missing);
		judge_part(env, b, s, d, missing);
		tell_ahead(env, b, s, d, missing);
		if (!d->is_complete)
			missing->keys.n = 0;
		return kept_take_back(env, b, s, e);
	}
	for (i = 0; i < d->entries.n; i++)
		if (fold_entry(env, b, s, &d->entries.at[i], e) < 0)
			return -1;
	for (i = 0; i < d->vanished.n; i++)
		if (fold_vanished(env, b, s, d->vanished.at[i], e) < 0)
			return -1;
	if (fold_gone(env, b, s, d, e) < 0 || kept_take_back(env, b, s, e) < 0)
		return -1;
	return d->has_present && d->is_complete ? collect_in_ranges(env, b, s, d->present.at, d->present.n, false, missing, e) : 0;
}

/* What came with a list that lacks others may be one of them under another key (R9), however the program ends before it has looked. */
static void
note_fresh(struct env *env, struct run_box *b, enum side s)
{
	if (b->rec.side[s].fresh == 0 && message_next_id(env->state) > b->side[s].first_new)
		b->rec.side[s].fresh = b->side[s].first_new;
}

int
changes_finish(struct env *env, struct run_box *b, enum side s, const struct delta *d,
    const struct changes_missing *missing, const bool *gone, bool is_certain, struct err *e)
{
	struct box_side *bs = &b->rec.side[s];
	size_t i;

	for (i = 0; i < missing->keys.n; i++)
		if ((gone == NULL || gone[i]) && fold_vanished(env, b, s, missing->keys.at[i], e) < 0)
			return -1;
	/* Of a part the rest is to be asked for: from where it was, or from the start (R25). */
	if (missing->is_held)
		;	/* not even that */
	else if (d->is_complete)
		bs->cursor = d->cursor;
	else if (!bs->is_known || bs->cursor.epoch != d->cursor.epoch)
		/* On a disk it tells which directories were there, should one of them be away the next time. */
		bs->cursor = env->set->store[s]->ops->is_local ? d->cursor : (struct cursor){ .epoch = d->cursor.epoch };
	b->side[s].unproved = d->unproved == NULL ? NULL : arena_strdup(&env->arena, d->unproved);
	/* Unsure of what vanished: the list must be made again. */
	if (!is_certain || !d->is_complete || missing->is_held || missing->replaced != 0)
		bs->cursor.is_steady = false;
	else if (d->kind == DELTA_FULL && (env->set->now < bs->listed || env->set->now - bs->listed > DAY))
		bs->listed = env->set->now;
	if (b->side[s].vanished > 0 || missing->keys.n > 0)
		note_fresh(env, b, s);
	bs->is_known = true;
	if (!missing->is_held)
		bs->identity = IDENTITY_KEPT;
	if (!d->wants_dates)
		bs->has_dates = false;
	else if (d->kind == DELTA_FULL && d->is_complete)
		bs->has_dates = true;
	/* It is whole: no removal of ours is under way any more. */
	if (d->kind == DELTA_FULL && d->is_complete && d->part == NULL)
		bs->is_leaving = false;
	b->side[s].is_unsure = !is_certain || !d->is_complete || missing->is_held || (missing->replaced != 0 && bs->listed == 0);
	b->side[s].was_read = true;
	if (!sight_has_failed(&b->side[s]))
		b->side[s].sight = SIGHT_CURRENT;
	/* What was kept of an earlier slice of the plan (closing_keep) is older than this. */
	b->side[s].closing = NULL;
	if (box_put(env->state, &b->rec, e) < 0)
		return -1;
	if (d->kind == DELTA_FULL && d->is_complete && !bs->has_digest && !env->set->store[s]->ops->is_local &&
	    message_digests_make(env->state, b->rec.id, e) < 0)
		return -1;
	/* The counts are the base's own. */
	if (box_get(env->state, &env->arena, b->rec.id, &b->rec, e) < 0)
		return -1;
	/* A number that is not proved says nothing of a window. */
	if (d->is_complete && (!d->has_exists || bs->here == d->exists) && window_shown(env, b, s, e) < 0)
		return -1;
	if (d->kind == DELTA_CHANGES && d->has_exists && bs->here != d->exists) {
		log_line(LOG_RUN, "%s %s: %llu messages there, %llu known: listed in full", side_name(s), d->box,
		    (unsigned long long)d->exists, (unsigned long long)bs->here);
		sight_worsen(&b->side[s], SIGHT_WANTED_IN_FULL);
		note_fresh(env, b, s);
		/* Should that list fail, the next run must not take this cursor for good. */
		bs->cursor.is_steady = false;
		return box_put(env->state, &b->rec, e);
	}
	return 0;
}
