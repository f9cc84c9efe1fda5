/* mbsync's entries become records of the base.
 *
 *	12 9 FS		a pair; its flags are agreed. Where its file is not there any more it is gone, and the run finds out what that means
 *	0 9 T		the twin was deleted: MARK_ORPHAN
 *	12 0 ~		MARK_EXPIRED; with a near UID as well a pair that is
 *	12 9 >		a pair, one half of which is a placeholder
 *	12 0 ^		MARK_SKIPPED
 *	no entry, and a UID up to the highest that was dealt with: MARK_SKIPPED, or MARK_EXPIRED up to the highest expired one.
 *			Of a store with UIDs they become that when they are listed (box_side.passed)
 *
 * A message whose UID in a Maildir is that of two files is taken for none of them: it is paired by what it is.
 */
#include "sync/handover/handover.h"

#include "sync/mbsync/uid_map.h"

struct file { uint32_t uid; const struct delta_entry *entry; bool is_double, is_met; };

/* What a side has, by UID. */
struct known {
	bool has_uids;			/* keys are UIDs, and nothing had to be listed */
	struct delta delta;
	struct mbsync_uid_map map;	/* of AltMap, where has_map; else UIDs are in the names */
	bool has_map;
	VEC(struct file) files;		/* by UID */
};

static int
cmp_file(const void *x, const void *y)
{
	const struct file *a = x, *b = y;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

static struct file *
find_file(struct known *k, uint32_t uid)
{
	const struct file want = { .uid = uid };

	return k->files.n == 0 ? NULL : bsearch(&want, k->files.at, k->files.n, sizeof want, cmp_file);
}

static void
index_files(struct known *k, uint32_t highest)
{
	uint32_t uid;
	size_t i;

	for (i = 0; i < k->delta.entries.n; i++) {
		uid = k->has_map ? mbsync_uid_map_find(&k->map, k->delta.entries.at[i].key.data, k->delta.entries.at[i].key.len) :
		    handover_uid_of(&k->delta.entries.at[i]);
		if (uid != 0 && uid <= highest && k->delta.entries.at[i].replaced == NULL)
			vec_push(&k->files, (struct file){ .uid = uid, .entry = &k->delta.entries.at[i] });
	}
	if (k->files.n > 1)
		qsort(k->files.at, k->files.n, sizeof k->files.at[0], cmp_file);
	for (i = 1; i < k->files.n; i++)
		if (k->files.at[i].uid == k->files.at[i - 1].uid)
			k->files.at[i].is_double = k->files.at[i - 1].is_double = true;
}

/* By its names, or its map. 1; 0 there is neither, or what cannot be used: *why; -1. */
static int
read_scheme(const char *directory, struct known *k, struct mbsync_scheme *scheme_r, const char **why, struct arena *a, struct err *e)
{
	struct err unsound;
	int got = mbsync_scheme_read(directory, scheme_r, e);

	if (got != 0)
		return got;
	got = mbsync_uid_map_read(directory, &k->map, &unsound);
	k->has_map = got > 0;
	*scheme_r = k->map.scheme;
	*why = got < 0 ? arena_strdup(a, unsound.text) : arena_printf(a, "there is no %s/" MBSYNC_UIDVALIDITY, directory);
	return k->has_map;
}

/* 1; 0 the side's messages cannot be known by mbsync's UIDs, *why says it; -1. */
static int
learn_side(struct env *env, const struct run_box *b, enum side s, const struct mbsync_state *state, struct known *k, const char **why,
    struct err *e)
{
	struct store *store = env->set->store[s];
	const struct mailbox *m = b->side[s].listed;
	const char *directory = store->ops->directory(store, b->side[s].on, &env->arena);
	struct mbsync_scheme scheme = { 0 };
	int got;

	k->has_uids = directory == NULL;
	if (k->has_uids && m->has_cursor && m->cursor.epoch != state->validity[s]) {
		*why = arena_printf(&env->arena, "its UIDVALIDITY on the %s side is %llu, and mbsync knew it as %u", side_name(s),
		    (unsigned long long)m->cursor.epoch, state->validity[s]);
		return 0;
	}
	if (k->has_uids)
		return 1;
	got = read_scheme(directory, k, &scheme, why, &env->arena, e);
	if (got < 0 || handover_list(env, b, s, &k->delta, e) < 0)
		return -1;
	if (got > 0 && scheme.validity == state->validity[s]) {
		index_files(k, scheme.highest);
		return 1;
	}
	if (k->delta.entries.n == 0 && state->entries.n != 0)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s is empty and not the Maildir that mbsync knew, with %zu messages: is a "
		    "disk to be mounted there?", directory, state->entries.n);
	if (got > 0)
		*why = arena_printf(&env->arena, "%s/%s is of UIDVALIDITY %u, and mbsync's state of %u", directory,
		    k->has_map ? MBSYNC_UIDMAP : MBSYNC_UIDVALIDITY, scheme.validity, state->validity[s]);
	return 0;
}

/* False: the entry names two files. */
static bool
fill_half(struct known *k, const struct mbsync_entry *entry, enum side s, struct arena *a, struct record_half *h)
{
	struct file *f;

	*h = RECORD_HALF_NEVER;
	if (entry->uid[s] == 0)
		return true;
	if (k->has_uids) {
		h->presence = PRESENCE_HERE;
		h->key = key_from_uid(a, entry->uid[s]);
		h->flags.sys = entry->flags;
		return true;
	}
	f = find_file(k, entry->uid[s]);
	if (f == NULL) {
		*h = half_gone_unkeyed();
		return true;
	}
	if (f->is_double)
		return false;
	h->presence = PRESENCE_HERE;
	h->key = f->entry->key;
	h->hint = f->entry->hint;
	/* As mbsync last saw them: a change since then is seen as one by the deltas that follow. */
	h->flags = (struct flags){ entry->flags, f->entry->flags.kw };
	h->size = f->entry->size;
	h->date = f->entry->date;
	return true;
}

/* True if there is anything to record. */
static bool
fill_record(struct known known[SIDES], const struct mbsync_entry *entry, uint32_t box, struct arena *a, struct record *rec)
{
	bool is_known = true;
	int s;

	*rec = record_blank(box);
	for (s = 0; s < SIDES; s++)
		is_known &= fill_half(&known[s], entry, (enum side)s, a, &rec->half[s]);
	rec->has_agreed = true;
	rec->agreed = (struct flags){ entry->flags, "" };
	rec->placeholder = entry->placeholder;
	if (entry->is_skipped) {
		rec->mark = MARK_SKIPPED;
		rec->why = "larger than mbsync's MaxSize";
	} else if (entry->is_expired) {
		rec->mark = MARK_EXPIRED;
		/* What went on the side that lets mail go is no deletion. */
		for (s = 0; s < SIDES; s++)
			if (rec->half[s].presence == PRESENCE_GONE && rec->half[side_other(s)].presence == PRESENCE_HERE)
				rec->half[s] = RECORD_HALF_NEVER;
	} else if (is_known && !record_is_pair(rec)) {
		rec->mark = MARK_ORPHAN;
	}
	return rec->half[FAR].presence == PRESENCE_HERE || rec->half[NEAR].presence == PRESENCE_HERE;
}

static void
count(struct handover_counts *c, const struct record *rec)
{
	c->pairs += record_is_pair(rec) && rec->mark == MARK_NEW;
	c->placeholders += rec->placeholder != PLACEHOLDER_NONE;
	c->expired += rec->mark == MARK_EXPIRED;
	c->left_alone += rec->mark == MARK_SKIPPED;
	c->orphans += rec->mark == MARK_ORPHAN;
}

/* Which files have an entry. */
static void
mark_met(const struct mbsync_state *state, struct known known[SIDES])
{
	struct file *f;
	size_t i;
	int s;

	for (i = 0; i < state->entries.n; i++)
		for (s = 0; s < SIDES; s++) {
			f = state->entries.at[i].uid[s] != 0 ? find_file(&known[s], state->entries.at[i].uid[s]) : NULL;
			if (f != NULL)
				f->is_met = true;
		}
}

/* What becomes a record: an entry, or a file that mbsync knew and has no entry of. */
struct pending { uint32_t uid; enum side side; const struct mbsync_entry *entry; const struct file *file; };
struct pendings { VEC(struct pending) v; };

static int
cmp_pending(const void *x, const void *y)
{
	const struct pending *a = x, *b = y;

	return a->uid != b->uid ? (a->uid > b->uid) - (a->uid < b->uid) : (a->file > b->file) - (a->file < b->file);
}

/* In the order in which the side got them that keeps all: that is their order for a limit (P18), where keys are no UIDs. */
static void
list_pending(const struct mbsync_state *state, struct known known[SIDES], enum side full, struct pendings *out)
{
	const struct file *f;
	size_t i;
	int s;

	for (i = 0; i < state->entries.n; i++)
		vec_push(&out->v, (struct pending){ .uid = state->entries.at[i].uid[full], .entry = &state->entries.at[i] });
	for (s = 0; s < SIDES; s++)
		for (i = 0; i < known[s].files.n; i++) {
			f = &known[s].files.at[i];
			if (!f->is_double && f->uid <= state->max[s])
				vec_push(&out->v, (struct pending){ (enum side)s == full ? f->uid : 0, (enum side)s, NULL, f });
		}
	if (out->v.n > 1)
		qsort(out->v.at, out->v.n, sizeof out->v.at[0], cmp_pending);
}

static struct record
left_alone(uint32_t box, const struct mbsync_state *state, const struct file *f, enum side s)
{
	struct record rec = record_blank(box);

	rec.half[s] = (struct record_half){ .presence = PRESENCE_HERE, .key = f->entry->key, .hint = f->entry->hint,
		.flags = f->entry->flags, .size = f->entry->size, .date = f->entry->date, .server_id = "" };
	rec.mark = f->uid <= state->expired[s] ? MARK_EXPIRED : MARK_SKIPPED;
	rec.why = "left alone by mbsync";
	return rec;
}

static int
put_records(struct env *env, uint32_t box, const struct mbsync_state *state, struct known known[SIDES],
    const struct flag_mask masks[SIDES], struct handover_counts *counts, struct err *e)
{
	struct pendings pendings = { 0 };
	const struct pending *p;
	struct arena a = { 0 };
	struct record rec;
	size_t i;
	int status = 0;

	mark_met(state, known);
	list_pending(state, known, side_other(env->set->policy.limit.side), &pendings);
	for (i = 0; i < pendings.v.n && status == 0; i++) {
		p = &pendings.v.at[i];
		if (p->file == NULL ? fill_record(known, p->entry, box, &a, &rec) : !p->file->is_met) {
			if (p->file != NULL)
				rec = left_alone(box, state, p->file, p->side);
			count(counts, &rec);
			status = message_put(env->state, &rec, masks, e);
		}
		if (i % 256 == 0)
			arena_release(&a);
	}
	arena_release(&a);
	vec_release(&pendings.v);
	return status;
}

static void
fill_box(struct env *env, struct run_box *b, const struct mbsync_state *state, struct known known[SIDES])
{
	struct box_side *bs;
	int s;

	for (s = 0; s < SIDES; s++) {
		bs = &b->rec.side[s];
		bs->is_known = true;
		bs->cursor = (struct cursor){ .epoch = known[s].has_uids ? state->validity[s] : known[s].delta.cursor.epoch };
		bs->mask = known[s].has_uids ? (struct flag_mask){ .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" } : known[s].delta.mask;
		bs->mask.kw = arena_strdup(&env->arena, bs->mask.kw);
		if (known[s].has_uids)
			bs->passed = (struct box_passed){ state->max[s], state->expired[s] };
	}
}

int
handover_records(struct env *env, struct run_box *b, const struct mbsync_state *state, struct handover_counts *counts,
    const char **why, struct err *e)
{
	struct known known[SIDES] = { { 0 }, { 0 } };
	struct flag_mask masks[SIDES];
	int s, got = 1;

	for (s = 0; s < SIDES && got > 0; s++)
		got = learn_side(env, b, (enum side)s, state, &known[s], why, e);
	if (got > 0) {
		fill_box(env, b, state, known);
		box_masks(b, masks);
		if (box_put(env->state, &b->rec, e) < 0 || put_records(env, b->rec.id, state, known, masks, counts, e) < 0)
			got = -1;
		/* The counts are the base's own. */
		if (got > 0 && box_get(env->state, &env->arena, b->rec.id, &b->rec, e) < 0)
			got = -1;
		counts->boxes += got > 0;
	}
	for (s = 0; s < SIDES; s++) {
		delta_release(&known[s].delta);
		mbsync_uid_map_release(&known[s].map);
		vec_release(&known[s].files);
	}
	return got;
}
