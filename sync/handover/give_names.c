/* Names of directories on the way back to mbsync before 1.5, which has them in modified UTF-7, as the server does (export-mbsync --rename-utf7).
 *
 * First its state is written, under these names; then the base forgets the mailbox; then its directory is renamed. So wherever that
 * breaks off, a later run of mailtwin takes the mailbox over from mbsync again, or holds it, and renames nothing on the server.
 */
#include "sync/handover/handover.h"

#include <sys/stat.h>

#include "state/model/name.h"
#include "sync/mbsync/find.h"

struct renamed { const char *from, *to; };
struct all_renamed { VEC(struct renamed) v; };

const char *
handover_old_name(struct env *env, const struct run_box *b, enum side s)
{
	const size_t prefix = strlen(env->set->box[s]);
	const char *on = b->side[s].on;

	if (!env->set->renames_utf7 || !env->set->store[s]->ops->is_local || env->set->store[side_other(s)]->ops->is_local)
		return on;
	return arena_printf(&env->arena, "%s%s", env->set->box[s], mbsync_name_on_the_wire(&env->arena, on + prefix));
}

static bool
is_there(struct env *env, enum side s, const char *name)
{
	struct store *store = env->set->store[s];
	const char *directory = store->ops->directory(store, name, &env->arena);
	struct stat st;

	return directory != NULL && stat(directory, &st) == 0;
}

/* What it is called by now: what lies above it was renamed, and it went along or, in a flat store, did not. */
static const char *
name_by_now(struct env *env, enum side s, const struct all_renamed *all, const char *name)
{
	const char *now = name;
	size_t i;

	for (i = 0; i < all->v.n; i++)
		if (name_is_at_or_below(now, all->v.at[i].from))
			now = arena_printf(&env->arena, "%s%s", all->v.at[i].to, now + strlen(all->v.at[i].from));
	return is_there(env, s, now) ? now : name;
}

/* So many levels of the name; NULL = it has fewer. */
static const char *
levels(struct env *env, const char *name, size_t n)
{
	const char *end = name;

	for (; n > 0; n--) {
		if (end != name)
			end++;
		end += strcspn(end, "/");
		if (*end == '\0')
			return n == 1 ? name : NULL;
	}
	return arena_strndup(&env->arena, name, (size_t)(end - name));
}

/* One level of a mailbox, which may be a mailbox itself, or a directory above some. */
static int
rename_level(struct env *env, enum side s, const char *from, const char *to, struct all_renamed *all, struct err *e)
{
	const char *now = name_by_now(env, s, all, from);

	if (strcmp(now, to) == 0 || !is_there(env, s, now))
		return 0;
	if (encoded_rename_directory(env, s, now, to, e) < 0)
		return -1;
	vec_push(&all->v, (struct renamed){ now, to });
	env->report->is_changed[s] = true;
	return 0;
}

int
handover_rename(struct env *env, const struct handover_renames *what, struct err *e)
{
	struct all_renamed all = { 0 };
	const char *from, *to;
	bool is_deeper = true;
	size_t i, n;
	int status = 0;

	/* What lies above comes first. */
	for (n = 1; is_deeper && status == 0; n++) {
		is_deeper = false;
		for (i = 0; i < what->v.n && status == 0; i++) {
			from = levels(env, what->v.at[i].from, n);
			to = levels(env, what->v.at[i].to, n);
			if (from == NULL || to == NULL)
				continue;
			is_deeper = true;
			if (strcmp(from, to) != 0)
				status = rename_level(env, what->v.at[i].side, from, to, &all, e);
		}
	}
	vec_release(&all.v);
	return status;
}
