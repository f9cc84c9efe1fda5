/* Mailboxes of a disk whose names are still in modified UTF-7: mbsync up to 1.4 wrote them as the server says them.
 *
 * Taken for what it is called such a mailbox would be made on the server, with its mail, beside the one it is the twin of. It is held
 * until its directory has its name (--rename-utf7 renames it), or Patterns call it so.
 */
#include "sync/boxes/boxes.h"

#include "state/base/log.h"

static bool
is_ascii(const char *s)
{
	while (*s != '\0')
		if ((unsigned char)*s++ >= 0x80)
			return false;
	return true;
}

/* What the name says, decoded level by level, as one above may have its name already; NULL = it is none of those. Arena of the run. */
static const char *
decode(struct env *env, const char *name)
{
	struct buf plain = { 0 };
	const char *level, *at = name, *out = NULL;
	size_t len;

	for (; strchr(name, '&') != NULL; at += len + 1) {
		len = strcspn(at, "/");
		level = arena_strndup(&env->arena, at, len);
		if (store_name_plain(&plain, level) < 0)
			buf_adds(&plain, level);
		if (at[len] == '\0')
			break;
		buf_addc(&plain, '/');
	}
	if (plain.len != 0 && strcmp(buf_str(&plain), name) != 0)
		out = arena_strdup(&env->arena, buf_str(&plain));
	buf_release(&plain);
	return out;
}

static struct run_box *
find(struct env *env, const char *name)
{
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (strcmp(env->boxes.at[i].name, name) == 0)
			return &env->boxes.at[i];
	return NULL;
}

static bool
is_called_so(const struct env *env, const char *name)
{
	size_t i;

	for (i = 0; i < env->set->patterns.n; i++)
		if (strcmp(env->set->patterns.at[i], name) == 0)
			return true;
	return false;
}

/* On the disk alone, and new. */
static bool
may_be_encoded(const struct env *env, const struct run_box *b, enum side s)
{
	enum side t = side_other(s);

	return env->set->store[s]->ops->is_local && !env->set->store[t]->ops->is_local && !b->is_excluded && b->rec.id == 0 &&
	    b->side[s].listed != NULL && b->side[t].listed == NULL && !is_called_so(env, b->name);
}

void
encoded_hold(struct env *env)
{
	struct run_box *b, *twin;
	const char *plain;
	size_t i;
	int s;

	for (i = 0; i < env->boxes.n; i++)
		for (s = 0; s < SIDES; s++) {
			b = &env->boxes.at[i];
			if (!may_be_encoded(env, b, (enum side)s) || (plain = decode(env, b->name)) == NULL)
				continue;
			twin = find(env, plain);
			if (twin == NULL && is_ascii(plain))
				continue;
			b->is_excluded = true;
			if (twin != NULL && twin->rec.id == 0)
				twin->is_excluded = true;
			report_note(env, NOTE_ERROR, b->name, arena_printf(&env->arena, "held: on the %s side this is \"%s\" in modified UTF-7, as "
			    "older programs name directories. %s renames its directory to \"%s\", and the two are paired. "
			    "To have a mailbox of that very name on the other side call it so in Patterns", side_name((enum side)s), plain,
			    env_hint_option(env, "--rename-utf7", NULL), plain));
		}
}

/* ---- renamed, where the person says so ---- */

struct rename_job { struct job job; enum side side; const char *from, *to; enum outcome outcome; };

static int
run_rename(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct rename_job *r = (struct rename_job *)j;
	struct session *c = session[r->side];

	return c->store->ops->rename_mailbox(c, r->from, r->to, &r->outcome, e);
}

/* What the directory of that mailbox is to be called; NULL = as it is. A mailbox that the base knows by that name has it on purpose. 1/0/-1 */
static int
find_name(struct env *env, enum side s, const struct mailbox *m, const char **plain_r, struct err *e)
{
	const size_t prefix = strlen(env->set->box[s]);
	const struct listing *there = &env->boxes_state->listing[side_other(s)], *here = &env->boxes_state->listing[s];
	struct box_record rec;
	const char *plain;
	int got;

	if (strncmp(m->name, env->set->box[s], prefix) != 0 || (plain = decode(env, m->name)) == NULL ||
	    !pairing_selects(env, s, plain) || is_called_so(env, m->name + prefix) || listing_find(here, plain) != NULL ||
	    (is_ascii(plain) && listing_find(there, plain) == NULL))
		return 0;
	got = box_find(env->state, &env->arena, m->name + prefix, &rec, e);
	*plain_r = plain;
	return got < 0 ? -1 : got == 0;
}

int
encoded_rename_directory(struct env *env, enum side s, const char *from, const char *to, struct err *e)
{
	struct rename_job r = { .job = { .run = run_rename }, .side = s, .from = from, .to = to };

	r.job.needs[s] = true;
	if (pool_run(env->pool, &r.job, e) < 0)
		return err_context(e, "the directory of %s was not renamed to %s", from, to);
	log_line(LOG_RUN, "%s: the directory of %s is called %s now", side_name(s), from, to);
	return 0;
}

static int
rename_one(struct env *env, enum side s, const char *from, const char *to, struct err *e)
{
	if (encoded_rename_directory(env, s, from, to, e) < 0)
		return -1;
	report_note(env, NOTE_INFO, to, arena_printf(&env->arena, "its directory on the %s side was called %s (modified UTF-7), and is renamed",
	    side_name(s), from));
	env->report->is_changed[s] = true;
	return 0;
}

/* As often as it is listed; two directories of one name do not both get it. */
static void
note_one(struct env *env, enum side s, const char *from, const char *to)
{
	struct boxes_state *b = env->boxes_state;
	size_t i;

	for (i = 0; i < b->encoded.n; i++)
		if (b->encoded.at[i].side == s && (strcmp(b->encoded.at[i].from, from) == 0 || strcmp(b->encoded.at[i].to, to) == 0))
			return;
	vec_push(&b->encoded, (struct boxes_encoded){ s, arena_strdup(&env->arena, from), to });
	report_note(env, NOTE_INFO, to, arena_printf(&env->arena, "its directory on the %s side is called %s (modified UTF-7), and would be renamed",
	    side_name(s), from));
}

int
encoded_rename(struct env *env, bool *is_renamed_r, struct err *e)
{
	struct listing *l;
	const char *plain;
	size_t i;
	int s, got;

	*is_renamed_r = false;
	for (s = 0; s < SIDES && env->set->renames_utf7 && !*is_renamed_r; s++) {
		l = &env->boxes_state->listing[s];
		if (!env->set->store[s]->ops->is_local || env->set->store[side_other(s)]->ops->is_local)
			continue;
		/* What lies below it goes along, and has its turn in the next list. */
		for (i = 0; i < l->boxes.n && !*is_renamed_r; i++) {
			got = find_name(env, (enum side)s, &l->boxes.at[i], &plain, e);
			if (got > 0 && env->set->is_dry)
				note_one(env, (enum side)s, l->boxes.at[i].name, plain);
			else if (got > 0)
				got = rename_one(env, (enum side)s, l->boxes.at[i].name, plain, e) < 0 ? -1 : 1;
			if (got < 0)
				return -1;
			*is_renamed_r = got > 0 && !env->set->is_dry;
		}
	}
	return 0;
}
