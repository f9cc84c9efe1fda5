/* The base as mbsync would have left it: a state, and UIDs in the names of a Maildir's files, from which it goes on.
 *
 *	a pair		both UIDs and what is agreed; a half that has vanished has a UID that no message has, so that mbsync carries that over
 *			(on a server its own; where nobody knows that, 0: the other half is left alone)
 *	set aside	its UID and 0: mbsync leaves it alone as well, however high its own highest UID is
 *	new		no entry, and a UID above the highest that was dealt with: mbsync copies it
 *
 * A file keeps the UID it has if that is its own. The names come first, then the state: without that nothing rests on them.
 */
#include "sync/handover/handover.h"

#include <sys/stat.h>

#include "sync/mbsync/find.h"
#include "sync/mbsync/lock.h"
#include "sync/mbsync/uid_map.h"
#include "sync/mbsync/whole_file.h"

struct file { const struct delta_entry *entry; uint32_t uid; };

/* A side while UIDs are given to it. */
struct numbered {
	bool has_uids;			/* keys are UIDs: nothing is given */
	struct delta delta;
	VEC(struct file) files;		/* by key */
	struct mbsync_scheme scheme;	/* highest: the last UID that was given */
	VEC(struct number_item) items;	/* files that get another name */
	uint32_t highest_known;		/* has_uids: of a message that was dealt with */
	uint32_t first_new;		/* has_uids: the lowest of those that were not; 0 = none */
};

static int
cmp_uid(const void *x, const void *y)
{
	const struct file *const *a = x, *const *b = y;

	return ((*a)->uid > (*b)->uid) - ((*a)->uid < (*b)->uid);
}

static int
cmp_key(const void *x, const void *y)
{
	const struct file *a = x, *b = y;

	return key_cmp(a->entry->key, b->entry->key);
}

/* A UID that two files have is neither's. */
static void
forget_doubles(struct numbered *n)
{
	VEC(struct file *) by_uid = { 0 };
	size_t i;
	uint32_t last = 0, uid;

	for (i = 0; i < n->files.n; i++)
		if (n->files.at[i].uid != 0)
			vec_push(&by_uid, &n->files.at[i]);
	if (by_uid.n > 1)
		qsort(by_uid.at, by_uid.n, sizeof by_uid.at[0], cmp_uid);
	for (i = 0; i < by_uid.n; i++) {
		uid = by_uid.at[i]->uid;
		if (uid == last || (i + 1 < by_uid.n && by_uid.at[i + 1]->uid == uid))
			by_uid.at[i]->uid = 0;
		last = uid;
	}
	vec_release(&by_uid);
}

static int
number_begin(struct env *env, const struct run_box *b, enum side s, struct numbered *n, struct err *e)
{
	struct store *store = env->set->store[s];
	const char *directory = store->ops->directory(store, b->side[s].on, &env->arena);
	const char *map;
	struct stat st;
	uint32_t uid;
	size_t i;
	int got;

	n->has_uids = directory == NULL;
	if (n->has_uids)
		return 0;
	map = arena_printf(&env->arena, "%s/" MBSYNC_UIDMAP, directory);
	if (stat(map, &st) == 0)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "mbsync would take UIDs from %s (AltMap), which mailtwin cannot write: move "
		    "it away", map);
	got = mbsync_scheme_read(directory, &n->scheme, e);
	if (got < 0 || handover_list(env, b, s, &n->delta, e) < 0)
		return -1;
	if (got == 0)
		n->scheme = (struct mbsync_scheme){ .validity = (uint32_t)env->set->now };
	for (i = 0; i < n->delta.entries.n; i++) {
		if (n->delta.entries.at[i].replaced != NULL)
			continue;
		uid = handover_uid_of(&n->delta.entries.at[i]);
		vec_push(&n->files, (struct file){ &n->delta.entries.at[i], got == 0 || uid <= n->scheme.highest ? uid : 0 });
		if (got == 0 && uid > n->scheme.highest)
			n->scheme.highest = uid;
	}
	if (n->files.n > 1)
		qsort(n->files.at, n->files.n, sizeof n->files.at[0], cmp_key);
	forget_doubles(n);
	return 0;
}

static struct file *
find_file(struct numbered *n, struct key key)
{
	const struct delta_entry entry = { .key = key };
	const struct file want = { .entry = &entry };

	return n->files.n == 0 ? NULL : bsearch(&want, n->files.at, n->files.n, sizeof want, cmp_key);
}

static uint32_t
give(struct numbered *n, struct file *f)
{
	f->uid = ++n->scheme.highest;
	vec_push(&n->items, (struct number_item){ .key = f->entry->key, .hint = f->entry->hint, .uid = f->uid });
	return f->uid;
}

/* The half's UID, and one that no message has if it is gone. 0 = it has none. */
static uint32_t
uid_of_half(struct numbered *n, const struct record_half *h)
{
	struct file *f;

	if (h->presence == PRESENCE_NEVER)
		return 0;
	if (n->has_uids)
		return key_uid(h->key);
	f = h->key.len != 0 && h->presence != PRESENCE_GONE ? find_file(n, h->key) : NULL;
	if (f == NULL)
		return ++n->scheme.highest;
	return f->uid != 0 ? f->uid : give(n, f);
}

static bool
is_new(const struct record *rec)
{
	return !record_is_pair(rec) && rec->mark == MARK_NEW;
}

static void
add_entry(struct numbered side[SIDES], const struct record *rec, struct mbsync_state *out)
{
	struct mbsync_entry entry = { .placeholder = rec->placeholder, .is_expired = rec->mark == MARK_EXPIRED };
	int s;

	if (rec->half[FAR].presence != PRESENCE_HERE && rec->half[NEAR].presence != PRESENCE_HERE)
		return;
	for (s = 0; s < SIDES; s++) {
		entry.uid[s] = uid_of_half(&side[s], &rec->half[s]);
		if (side[s].has_uids && entry.uid[s] > side[s].highest_known)
			side[s].highest_known = entry.uid[s];
	}
	entry.flags = rec->has_agreed ? rec->agreed.sys & FLAG_ALL : rec->half[record_side(rec)].flags.sys &
	    FLAG_ALL;
	vec_push(&out->entries, entry);
}

/* What is new has a UID above those that were dealt with. */
static void
keep_new(struct numbered side[SIDES], const struct record *rec)
{
	enum side s = record_side(rec);
	struct numbered *n = &side[s];
	struct file *f;
	uint32_t uid;

	if (rec->half[s].presence != PRESENCE_HERE)
		return;
	uid = key_uid(rec->half[s].key);
	if (n->has_uids) {
		if (uid != 0 && (n->first_new == 0 || uid < n->first_new))
			n->first_new = uid;
		return;
	}
	f = find_file(n, rec->half[s].key);
	if (f != NULL && f->uid != 0)
		give(n, f);
}

/* One pass over the mailbox's records: those that are new, or the others. */
static int
each_record(struct env *env, const struct run_box *b, bool wants_new, struct numbered side[SIDES], struct mbsync_state *out,
    uint64_t *n_r, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	int got;

	while ((got = message_next(env->state, &a, b->rec.id, after, &rec, e)) > 0) {
		after = rec.id;
		if (is_new(&rec) == wants_new) {
			*n_r += rec.half[FAR].presence == PRESENCE_HERE || rec.half[NEAR].presence == PRESENCE_HERE;
			if (wants_new)
				keep_new(side, &rec);
			else
				add_entry(side, &rec, out);
		}
		arena_release(&a);
	}
	arena_release(&a);
	return got;
}

struct number_job { struct job job; enum side side; const char *box; const struct numbered *n; };

static int
run_number(struct job *j, struct session *session[SIDES], struct err *e)
{
	const struct number_job *l = (const struct number_job *)j;
	struct session *c = session[l->side];

	return c->store->ops->number(c, l->box, l->n->scheme.validity, l->n->scheme.highest, l->n->items.at, l->n->items.n, e);
}

static int
write_names(struct env *env, const struct run_box *b, enum side s, const struct numbered *n, struct err *e)
{
	struct number_job l = { .job = { .run = run_number }, .side = s, .box = b->side[s].on, .n = n };

	if (n->has_uids)
		return 0;
	l.job.needs[s] = true;
	return pool_run(env->pool, &l.job, e);
}

/* All of a mailbox: 0, or -1. */
static int
fill_state(struct env *env, const struct run_box *b, struct numbered side[SIDES], struct mbsync_state *out, uint64_t *given_r,
    uint64_t *new_r, struct err *e)
{
	int s;

	for (s = 0; s < SIDES; s++)
		if (number_begin(env, b, (enum side)s, &side[s], e) < 0)
			return -1;
	if (each_record(env, b, false, side, out, given_r, e) < 0)
		return -1;
	for (s = 0; s < SIDES; s++)
		out->max[s] = side[s].scheme.highest;
	if (each_record(env, b, true, side, out, new_r, e) < 0)
		return -1;
	for (s = 0; s < SIDES; s++) {
		out->validity[s] = side[s].has_uids ? (uint32_t)b->rec.side[s].cursor.epoch : side[s].scheme.validity;
		out->expired[s] = b->rec.side[s].passed.expired;
		if (!side[s].has_uids)
			continue;
		out->max[s] = side[s].highest_known > b->rec.side[s].passed.upto ? side[s].highest_known : b->rec.side[s].passed.upto;
		if (side[s].first_new != 0 && side[s].first_new <= out->max[s])
			out->max[s] = side[s].first_new - 1;
	}
	return 0;
}

/* What mbsync is to call it on that side. */
static const char *
name_for_mbsync(struct env *env, const struct run_box *b, enum side s)
{
	if (!env->set->renames_utf7 || env->set->mbsync.where == MBSYNC_IN_MAILDIR)
		return b->side[s].on;
	return env->set->store[s]->ops->is_local ? handover_old_name(env, b, s) : mbsync_name_on_the_wire(&env->arena, b->side[s].on);
}

static int
write_state(struct env *env, const struct run_box *b, const char *was, const char *path, struct numbered side[SIDES],
    const struct mbsync_state *state, struct err *e)
{
	struct handover_file f;
	struct buf text = { 0 };
	int s, status = 0;

	for (s = 0; s < SIDES && status == 0; s++)
		status = write_names(env, b, (enum side)s, &side[s], e);
	mbsync_state_write(state, &text);
	/* Under the name of 1.5: there is to be one. */
	if (status == 0 && was != NULL && strcmp(was, path) != 0)
		status = whole_file_rename(was, path, e);
	if (status == 0)
		status = whole_file_write(path, &text, env->set->state.fsync, e);
	buf_release(&text);
	if (status < 0 || handover_look(env, b, &f, e) < 0 || f.path == NULL)
		return status;
	/* Until mbsync has run the channel is not held. */
	return handover_remember(env, &f, e);
}

static int
give_box(struct env *env, struct run_box *b, uint64_t *given_r, uint64_t *new_r, struct err *e)
{
	struct numbered side[SIDES] = { { 0 }, { 0 } };
	struct mbsync_lock lock = MBSYNC_UNLOCKED;
	struct mbsync_state state = { 0 };
	struct handover_file f;
	const char *path, *names[SIDES];
	int s, status = -1;

	if (handover_look(env, b, &f, e) < 0)
		return -1;
	if (f.is_unfinished)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "mbsync was stopped in the middle of its work (%s.journal): remove %s.new, "
		    "what it had left to do is done", f.path, f.path);
	for (s = 0; s < SIDES; s++)
		names[s] = name_for_mbsync(env, b, (enum side)s);
	path = f.path != NULL && !env->set->renames_utf7 ? f.path : handover_new_path(env, names);
	if (path == NULL)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "the directory in which mbsync would have its state is not there");
	if (mbsync_lock_take(path, env->set->is_dry, &lock, e) == 0 && fill_state(env, b, side, &state, given_r, new_r, e) == 0)
		status = env->set->is_dry ? 0 : write_state(env, b, f.path, path, side, &state, e);
	mbsync_lock_release(&lock);
	mbsync_state_release(&state);
	for (s = 0; s < SIDES; s++) {
		delta_release(&side[s].delta);
		vec_release(&side[s].files);
		vec_release(&side[s].items);
	}
	return status;
}

static bool
is_complete(const struct run_box *b)
{
	return b->rec.id != 0 && !b->is_excluded && b->side[FAR].listed != NULL && b->side[NEAR].listed != NULL &&
	    !sight_has_failed(&b->side[FAR]) && !sight_has_failed(&b->side[NEAR]) && b->rec.side[FAR].is_known && b->rec.side[NEAR].is_known;
}

/* mbsync before 1.5 knows a mailbox of a server by its name on the wire alone, on disk as well. */
static void
warn_of_name(struct env *env, const struct run_box *b)
{
	const char *wire;
	int s;

	for (s = 0; s < SIDES; s++) {
		wire = mbsync_name_on_the_wire(&env->arena, b->side[s].on);
		if (!env->set->store[s]->ops->has_uid_keys || strcmp(wire, b->side[s].on) == 0)
			continue;
		report_note(env, NOTE_WARNING, b->name, arena_printf(&env->arena, "mbsync before 1.5 calls it \"%s\", and would fetch it again under "
		    "that name; 1.5 goes on with it as it is. For 1.4 say %s as well", wire, env_hint_option(env, "--rename-utf7", NULL)));
		return;
	}
}

/* One whose directory gets the name of mbsync before 1.5 is the base's no more. */
static int
give_name(struct env *env, struct run_box *b, struct handover_renames *renames, struct err *e)
{
	const char *old, *names[SIDES], *path;
	bool is_other = false;
	int s;

	for (s = 0; s < SIDES; s++) {
		names[s] = name_for_mbsync(env, b, (enum side)s);
		old = handover_old_name(env, b, (enum side)s);
		if (strcmp(old, b->side[s].on) == 0)
			continue;
		is_other = true;
		report_note(env, NOTE_INFO, b->name, arena_printf(&env->arena, "its directory on the %s side %s %s, as mbsync before 1.5 has it. %s "
		    "takes it over again", side_name((enum side)s), env->set->is_dry ? "would be called" : "is called", old,
		    env_hint_option(env, "--rename-utf7", NULL)));
		if (!env->set->is_dry)
			vec_push(&renames->v, ((struct handover_renamed){ (enum side)s, b->side[s].on, old }));
	}
	if (!is_other || env->set->is_dry)
		return 0;
	path = handover_new_path(env, names);
	if ((path != NULL && handover_forget(env, path, e) < 0) || box_delete(env->state, b->rec.id, e) < 0)
		return -1;
	b->rec.id = 0;
	return 0;
}

int
handover_give(struct env *env, struct err *e)
{
	uint64_t given = 0, news = 0, boxes = 0;
	struct handover_renames renames = { 0 };
	struct run_box *b;
	struct err why;
	size_t i;
	int status = -1;

	if (env->set->mbsync.where == MBSYNC_NOWHERE)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "mbsync cannot keep a state of this channel");
	for (i = 0; i < env->boxes.n; i++) {
		b = &env->boxes.at[i];
		if (!is_complete(b)) {
			report_note(env, NOTE_WARNING, b->name, "not given back: it is not known on both sides");
			continue;
		}
		if (give_box(env, b, &given, &news, &why) < 0) {
			if (why.scope > ERR_BOX) {
				*e = why;
				goto done;
			}
			report_err(env, b->name, &why);
			continue;
		}
		boxes++;
		if (!env->set->renames_utf7)
			warn_of_name(env, b);
		if (give_name(env, b, &renames, e) < 0 || state_commit(env->state, e) < 0 || state_begin(env->state, e) < 0)
			goto done;
	}
	if (handover_rename(env, &renames, e) < 0)
		goto done;
	report_note(env, NOTE_INFO, NULL, arena_printf(&env->arena, "%s to mbsync: %s messages in %s mailbox%s%s%s%s; what changes from now "
	    "on, mbsync carries over", env->set->is_dry ? "would be given back" : "given back", waiting_digits(&env->arena, given),
	    waiting_digits(&env->arena, boxes), boxes == 1 ? "" : "es", news != 0 ? ", and " : "",
	    news != 0 ? waiting_digits(&env->arena, news) : "", news != 0 ? " new ones for it to copy" : ""));
	status = 0;
done:
	vec_release(&renames.v);
	return status;
}
