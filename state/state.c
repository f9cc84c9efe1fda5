/* Opening, transactions, and the numbers that are given out. */
#include "state/state.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/step.h"
#include "state/inside.h"
#include "state/place.h"

/* ---- open and close ---- */

int
state_make_directories(const char *path, struct err *e)
{
	char *dir = mem_strdup(path), *slash;
	struct stat st;
	int result = 0;

	for (slash = strchr(dir + 1, '/'); slash != NULL && result == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (stat(dir, &st) != 0 && (errno != ENOENT || step(STEP_MKDIR, dir, e) == 0)) {
			if (mkdir(dir, 0700) != 0 && errno != EEXIST)
				result = err_sys(e, ERR_STORE, errno, "%s: cannot create the directory", dir);
		} else if (step_is_dead()) {
			result = -1;
		}
		*slash = '/';
	}
	free(dir);
	return result;
}

static struct state *
state_new(const char *channel)
{
	struct state *s = mem_alloc(sizeof *s);

	s->channel = mem_strdup(channel);
	s->lock = LOCK_NONE;
	return s;
}

/* Brings the base to this program's version, in a transaction of its own. */
static int
migrate(struct state *s, struct err *e)
{
	if (db_begin(s->db, e) != 0)
		return -1;
	if (state_migrate(s, e) != 0) {
		db_abort(s->db);
		return -1;
	}
	return db_commit(s->db, e);
}

static int
open_file(struct state *s, const struct state_place *place, struct err *e)
{
	char *lock = mem_printf("%s.lock", place->path);
	char *what = mem_printf("channel %s", place->channel);
	int result = -1;

	s->file = mem_printf("%s.mdb", place->path);
	s->is_dry = place->is_dry;
	if (!place->is_dry && state_make_directories(place->path, e) != 0)
		goto done;
	if (place_check(place->path, e) != 0)
		goto done;
	if (place_check_owner(place->path, e) != 0)
		goto done;
	if (lock_take(lock, what, place->is_dry, &s->lock, e) != 0)
		goto done;
	result = db_open(s->file, place->is_dry ? DB_COPY : DB_DISK, place->fsync, &s->db, e);
done:
	free(lock);
	free(what);
	return result;
}

int
state_open(const struct state_place *place, struct state **state_r, struct err *e)
{
	struct state *s = state_new(place->channel);

	if (place->path != NULL ? open_file(s, place, e) != 0 :
	    db_open(NULL, DB_MEMORY, place->fsync, &s->db, e) != 0)
		goto failed;
	if (migrate(s, e) != 0)
		goto failed;
	*state_r = s;
	return 0;
failed:
	err_context(e, "channel %s", s->channel);
	state_close(&s);
	return -1;
}

int
state_forget(const struct state_place *place, struct err *e)
{
	char *file = mem_printf("%s.mdb", place->path), *aside = mem_printf("%s.mdb.forgotten", place->path);
	char *lock_path = mem_printf("%s.lock", place->path), *what = mem_printf("channel %s", place->channel);
	struct lock lock = LOCK_NONE;
	int result = -1;

	if (access(file, F_OK) != 0) {
		err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "nothing is known: there is no %s", file);
		goto done;
	}
	if (lock_take(lock_path, what, false, &lock, e) != 0)
		goto done;
	result = rename(file, aside) != 0 ? err_sys(e, ERR_STORE, errno, "%s cannot be renamed", file) : 0;
	lock_leave(&lock);
	lock_drop(&lock);
done:
	if (result < 0)
		err_context(e, "channel %s", place->channel);
	free(file);
	free(aside);
	free(lock_path);
	free(what);
	return result;
}

int
state_open_memory(struct db_memory *m, const char *channel, struct state **state_r, struct err *e)
{
	struct state *s = state_new(channel);

	if (db_open_memory(m, &s->db, e) != 0 || migrate(s, e) != 0) {
		state_close(&s);
		return -1;
	}
	*state_r = s;
	return 0;
}

void
state_close(struct state **state)
{
	struct state *s = *state;

	if (s == NULL)
		return;
	*state = NULL;
	db_close(&s->db);
	if (!step_is_dead())
		lock_leave(&s->lock);
	lock_drop(&s->lock);
	vec_release(&s->counts);
	buf_release(&s->value);
	buf_release(&s->old);
	buf_release(&s->seen);
	free(s->channel);
	free(s->file);
	free(s);
}

void
state_done(struct state *s, int64_t when)
{
	s->lock.done = when;
}

int64_t
state_last_run(const struct state *s)
{
	return s->lock.touched;
}

/* ---- transactions ---- */

static int
read_ids(struct state *s, struct err *e)
{
	struct state_key k = state_key_u8(META_IDS);
	struct db_val val;
	int got = db_get(s->db, DB_META, state_val(&k), &val, e);

	s->ids = (struct ids){ 1, 1, 1, 1 };
	if (got > 0 && decode_ids(val, &s->ids) != 0)
		got = db_damaged(s->db, "its next numbers", e);
	s->stored_ids = s->ids;
	return got < 0 ? -1 : 0;
}

static int
write_ids(struct state *s, struct err *e)
{
	struct state_key k = state_key_u8(META_IDS);
	const struct ids *a = &s->ids, *b = &s->stored_ids;

	if (a->box == b->box && a->record == b->record && a->intent == b->intent && a->log == b->log)
		return 0;
	buf_clear(&s->value);
	encode_ids(&s->value, a);
	return db_put(s->db, DB_META, state_val(&k), state_buf_val(&s->value), e);
}

int
state_begin(struct state *s, struct err *e)
{
	if (db_begin(s->db, e) != 0)
		return err_context(e, "channel %s", s->channel);
	s->counts.n = 0;
	s->counts_last = 0;
	if (read_ids(s, e) != 0) {
		db_abort(s->db);
		return err_context(e, "channel %s", s->channel);
	}
	return 0;
}

int
state_commit(struct state *s, struct err *e)
{
	if (box_counts_flush(s, e) != 0 || write_ids(s, e) != 0) {
		db_abort(s->db);
		return err_context(e, "channel %s", s->channel);
	}
	if (db_commit(s->db, e) != 0)
		return err_context(e, "channel %s", s->channel);
	return 0;
}

void
state_abort(struct state *s)
{
	/* A commit that failed has ended its transaction. */
	if (db_in_txn(s->db))
		db_abort(s->db);
}
