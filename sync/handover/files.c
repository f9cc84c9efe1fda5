/* The files of a Maildir, and the UIDs in their names. */
#include "sync/handover/handover.h"

#include "sync/mbsync/uid_scheme.h"

struct list_job { struct job job; enum side side; struct delta *delta; };

static int
run_list(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct list_job *l = (struct list_job *)j;

	return session[l->side]->store->ops->delta(session[l->side], l->delta, 1, true, NULL, e);
}

int
handover_list(struct env *env, const struct run_box *b, enum side s, struct delta *d, struct err *e)
{
	struct list_job l = { .job = { .run = run_list }, .side = s, .delta = d };

	delta_init(d, b->side[s].on, NULL);
	l.job.needs[s] = true;
	if (pool_run(env->pool, &l.job, e) < 0)
		return -1;
	if (d->status < 0) {
		*e = d->err;
		return -1;
	}
	if (d->part != NULL || !d->is_complete)
		return err_class(e, ERR_BOX, ERR_TEMPORARY, ERR_LATER, "%s: the %s mailbox could not be listed for certain%s%s", b->name,
		    side_name(s), d->part != NULL ? ": " : "", d->part != NULL ? d->part : "");
	return 0;
}

/* It is in what follows the base, or, where two files share that, in the key. */
uint32_t
handover_uid_of(const struct delta_entry *entry)
{
	uint32_t uid = mbsync_uid_of(entry->hint, strlen(entry->hint));

	return uid != 0 ? uid : mbsync_uid_of(entry->key.data, entry->key.len);
}
