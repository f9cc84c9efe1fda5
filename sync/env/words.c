/* Small functions on a run, its mailboxes and its records, for all chapters. */
#include "sync/env/env.h"

struct hint
env_hint(const struct env *env)
{
	return (struct hint){ env->set->command != NULL ? env->set->command : "mailtwin", env->set->name };
}

const char *
env_hint_option(struct env *env, const char *option, const char *word)
{
	const struct hint h = env_hint(env);

	return hint_option(&env->arena, &h, option, word);
}

bool
env_is_cancelled(const struct env *env)
{
	return env->set->cancel != NULL && *env->set->cancel;
}

int
env_check_cancel(const struct env *env, struct err *e)
{
	if (!env_is_cancelled(env))
		return 0;
	return err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "channel %s: stopped on request; everything done so far "
	    "is settled", env->set->name);
}

bool
env_sees_all(const struct env *env)
{
	return env->set->only.n == 0 && env->news == NULL;
}

const struct flag_mask *
box_masks(const struct run_box *b, struct flag_mask masks[SIDES])
{
	int s;

	for (s = 0; s < SIDES; s++) {
		masks[s] = b->rec.side[s].mask;
		if (!b->rec.side[s].is_known && masks[s].sys == 0)
			masks[s] = (struct flag_mask){ .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" };
	}
	return masks;
}

struct record_half
half_gone_unkeyed(void)
{
	struct record_half half = RECORD_HALF_NEVER;

	half.presence = PRESENCE_GONE;
	return half;
}

struct run_box *
env_box_by_id(struct env *env, uint32_t id)
{
	size_t i;

	for (i = 0; i < env->boxes.n; i++)
		if (env->boxes.at[i].rec.id == id)
			return &env->boxes.at[i];
	return NULL;
}

/* What a record says that its mailbox is called on this side, without the channel's prefix. */
const char *
name_on(const struct box_record *rec, enum side s)
{
	return rec->side[s].on != NULL && *rec->side[s].on != '\0' ? rec->side[s].on : rec->name;
}

const char *
name_now(const struct box_record *rec, enum side s)
{
	return rec->side[s].now != NULL && *rec->side[s].now != '\0' ? rec->side[s].now : name_on(rec, s);
}

struct record_half
half_guessed(void)
{
	struct record_half half = half_gone_unkeyed();

	half.basis = BASIS_GUESSED;
	return half;
}
