/* Finds and reads what mbsync keeps of a mailbox, and remembers how it was. */
#include "sync/handover/handover.h"

#include <errno.h>
#include <sys/stat.h>

#include "sync/mbsync/find.h"
#include "sync/mbsync/whole_file.h"

static bool
is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* FNV-1a. */
static uint64_t
digest(const struct buf *b)
{
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; i < b->len; i++)
		h = (h ^ (unsigned char)b->data[i]) * UINT64_C(1099511628211);
	return h;
}

/* Times and size in front, content behind: where the first are the same the second is not read. */
static const char *
stat_mark(struct env *env, const struct stat *st)
{
	return arena_printf(&env->arena, "%lld.%09ld %lld ", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
	    (long long)st->st_size);
}

static const char *
memory_name(struct env *env, const char *path)
{
	return arena_printf(&env->arena, "mbsync:%s", path);
}

static const char *
content_of(const char *mark)
{
	const char *space = strrchr(mark, ' ');

	return space != NULL ? space : mark;
}

/* How the file is, and whether that is how it was. */
static int
mark_file(struct env *env, struct handover_file *f, struct err *e)
{
	const char *was = NULL, *times;
	struct buf text = { 0 };
	struct stat st;
	int got;

	if (memory_get(env->state, &env->arena, memory_name(env, f->path), &was, e) < 0)
		return -1;
	f->is_remembered = was != NULL;
	if (stat(f->path, &st) < 0)
		return err_sys(e, ERR_STORE, errno, "cannot look at mbsync's state %s", f->path);
	times = stat_mark(env, &st);
	if (was != NULL && strncmp(was, times, strlen(times)) == 0) {
		f->mark = was;
		return 0;
	}
	got = whole_file_read(f->path, MBSYNC_STATE_SIZE, &text, e);
	if (got > 0)
		f->mark = arena_printf(&env->arena, "%s%016llx", times, (unsigned long long)digest(&text));
	buf_release(&text);
	if (got <= 0)
		return got < 0 ? -1 : err_set(e, ERR_STORE, "mbsync's state %s has just vanished", f->path);
	f->has_changed = was != NULL && strcmp(content_of(was), content_of(f->mark)) != 0;
	return 0;
}

int
handover_look(struct env *env, const struct run_box *b, struct handover_file *file_r, struct err *e)
{
	const char *const names[SIDES] = { b->side[FAR].on, b->side[NEAR].on };
	const struct store *near = env->set->store[NEAR];
	struct mbsync_paths paths = { 0 };
	const char *path;
	size_t i;
	int status = 0;

	*file_r = (struct handover_file){ 0 };
	mbsync_find(&env->set->mbsync, names, near->ops->directory(env->set->store[NEAR], names[NEAR], &env->arena), &env->arena, &paths);
	for (i = 0; i < paths.v.n && status == 0; i++) {
		path = paths.v.at[i];
		if (is_there(arena_printf(&env->arena, "%s.new", path)) && is_there(arena_printf(&env->arena, "%s.journal", path))) {
			file_r->is_unfinished = true;
			file_r->path = path;
			break;
		}
		if (!is_there(path))
			continue;
		if (file_r->path != NULL) {
			status = err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "mbsync has two states of this mailbox, %s and %s: move away "
			    "the one that is no longer used", file_r->path, path);
		} else {
			file_r->path = path;
		}
	}
	vec_release(&paths.v);
	return status < 0 || file_r->path == NULL || file_r->is_unfinished ? status : mark_file(env, file_r, e);
}

const char *
handover_new_path(struct env *env, const char *const names[SIDES])
{
	const struct store *near = env->set->store[NEAR];
	struct mbsync_paths paths = { 0 };
	const char *slash, *found = NULL;
	size_t i;

	mbsync_find(&env->set->mbsync, names, near->ops->directory(env->set->store[NEAR], names[NEAR], &env->arena), &env->arena, &paths);
	for (i = 0; i < paths.v.n && found == NULL; i++) {
		slash = strrchr(paths.v.at[i], '/');
		if (slash != NULL && is_there(arena_strndup(&env->arena, paths.v.at[i], (size_t)(slash - paths.v.at[i]) + 1)))
			found = paths.v.at[i];
	}
	vec_release(&paths.v);
	return found;
}

int
handover_read(const char *path, struct mbsync_state *state_r, struct err *e)
{
	struct buf text = { 0 };
	int got = whole_file_read(path, MBSYNC_STATE_SIZE, &text, e);

	*state_r = (struct mbsync_state){ 0 };
	if (got > 0)
		got = mbsync_state_parse(buf_str(&text), text.len, path, state_r, e);
	else if (got == 0)
		got = err_set(e, ERR_BOX, "mbsync's state %s has just vanished", path);
	buf_release(&text);
	return got;
}

int
handover_remember(struct env *env, const struct handover_file *file, struct err *e)
{
	return memory_put(env->state, memory_name(env, file->path), file->mark, e);
}

int
handover_forget(struct env *env, const char *path, struct err *e)
{
	return memory_put(env->state, memory_name(env, path), NULL, e);
}
