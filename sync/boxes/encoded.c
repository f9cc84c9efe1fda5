/* Mailboxes of a disk whose names are still in modified UTF-7: mbsync up to 1.4 wrote them as the server says them.
 *
 * Taken for what it is called such a mailbox would be made on the server, with its mail, beside the one it is the twin of. It is held
 * until its directory has its name, or Patterns call it so.
 */
#include "sync/boxes/boxes.h"

static bool
is_ascii(const char *s)
{
	while (*s != '\0')
		if ((unsigned char)*s++ >= 0x80)
			return false;
	return true;
}

/* What the name says, decoded; NULL = it is none of those. Arena of the run. */
static const char *
decode(struct env *env, const char *name)
{
	struct buf plain = { 0 };
	const char *out = NULL;

	if (strchr(name, '&') != NULL && store_name_plain(&plain, name) == 0 && strcmp(buf_str(&plain), name) != 0)
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
			    "older programs name directories: rename its directory to \"%s\", and the two are paired. To have a mailbox of that "
			    "very name on the other side call it so in Patterns", side_name((enum side)s), plain, plain));
		}
}
