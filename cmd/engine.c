#include "cmd/engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/interrupt.h"
#include "cmd/state_place.h"
#include "sync/store/maildir.h"

_Static_assert((int)SETTINGS_NEW == (int)SYNC_NEW && (int)SETTINGS_OLD == (int)SYNC_OLD &&
    (int)SETTINGS_UPGRADE == (int)SYNC_UPGRADE && (int)SETTINGS_GONE == (int)SYNC_GONE &&
    (int)SETTINGS_FLAGS == (int)SYNC_FLAGS, "the types of Sync are the planner's");

void
engine_init(struct engine *en, const struct app *app, const struct secrets *secrets)
{
	*en = (struct engine){ .app = app, .secrets = secrets };
}

void
engine_release(struct engine *en)
{
	for (size_t i = 0; i < en->stores.n; i++)
		en->stores.at[i].store->ops->free(en->stores.at[i].store);
	vec_release(&en->stores);
	arena_release(&en->arena);
}

enum names_layout
engine_layout(const struct store_settings *s)
{
	switch (s->subfolders) {
	case SETTINGS_SUB_VERBATIM:
		return NAMES_VERBATIM;
	case SETTINGS_SUB_MAILDIRPP:
		return NAMES_MAILDIRPP;
	case SETTINGS_SUB_LEGACY:
		return NAMES_LEGACY;
	case SETTINGS_SUB_UNSET:
		break;
	}
	return NAMES_UNSET;
}

static struct store *
make_maildir(const struct engine *en, const struct store_settings *s, bool keeps_date)
{
	const struct maildir_settings set = {
		.name = s->name, .path = s->path, .inbox = s->inbox, .map_inbox = s->map_inbox,
		.layout = engine_layout(s), .info_delimiter = s->info_delimiter, .is_readonly = s->is_read_only,
		.keeps_date = keeps_date, .is_synced = en->app->settings->fsync,
	};

	return maildir_store_new(&set);
}

static struct store *
make_imap(struct engine *en, const struct store_settings *s, struct err *e)
{
	(void)en;
	err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER, "store %s: IMAP is not available yet", s->name);
	return NULL;
}

int
engine_store(struct engine *en, const struct store_settings *s, bool keeps_date, struct store **store_r,
    struct err *e)
{
	struct engine_store es = { .settings = s, .keeps_date = keeps_date };

	for (size_t i = 0; i < en->stores.n; i++) {
		if (en->stores.at[i].settings == s && (s->kind == SETTINGS_IMAP ||
		    en->stores.at[i].keeps_date == keeps_date)) {
			*store_r = en->stores.at[i].store;
			return 0;
		}
	}
	es.store = s->kind == SETTINGS_MAILDIR ? make_maildir(en, s, keeps_date) : make_imap(en, s, e);
	if (es.store == NULL)
		return -1;
	vec_push(&en->stores, es);
	*store_r = es.store;
	return 0;
}

static struct max_delete
max_delete_of(const struct settings_limit *limit)
{
	switch (limit->kind) {
	case SETTINGS_LIMIT_NONE:
		return (struct max_delete){ .kind = MAX_DELETE_NONE };
	case SETTINGS_LIMIT_COUNT:
		return (struct max_delete){ .kind = MAX_DELETE_COUNT, .n = limit->n };
	case SETTINGS_LIMIT_PERCENT:
		return (struct max_delete){ .kind = MAX_DELETE_PERCENT, .n = limit->n };
	case SETTINGS_LIMIT_DEFAULT:
		break;
	}
	return (struct max_delete){ .kind = MAX_DELETE_DEFAULT };
}

static void
fill_policy(const struct channel_settings *c, const struct options *o, struct policy *p)
{
	p->retry_failed = o->retry_failed;
	p->max_delete = max_delete_of(&c->max_delete);
	for (int s = 0; s < SIDES; s++) {
		p->sync[s] = c->sync[s];
		p->create[s] = c->create[s];
		p->remove[s] = c->remove[s];
		p->expunge[s] = c->expunge[s];
		p->is_readonly[s] = c->store[s]->is_read_only;
	}
}

int
engine_channel(struct engine *en, const struct target *t, struct channel *set_r, struct err *e)
{
	const struct channel_settings *c = t->channel;
	const struct options *o = &en->app->options;

	*set_r = (struct channel){
		.name = c->name,
		.only = { t->boxes, t->n_boxes },
		.allow_delete = { o->allow_delete.at, o->allow_delete.n },
		.restore = { o->restore.at, o->restore.n },
		.keeps_date = c->copy_arrival_date ||
		    (c->store[FAR]->kind == SETTINGS_IMAP && c->store[NEAR]->kind == SETTINGS_IMAP),
		.batch_bytes = en->app->settings->buffer_limit,
		.max_transfer = o->max_transfer,
		.state = { .channel = c->name, .is_dry = o->is_dry, .fsync = en->app->settings->fsync },
		.is_dry = o->is_dry,
		.now = time(NULL),
		.cancel = interrupt_flag(),
	};
	if (c->has_patterns)
		set_r->patterns = (struct channel_names){ (const char *const *)c->patterns.at, c->patterns.n };
	fill_policy(c, o, &set_r->policy);
	set_r->state.path = state_place(c, getenv("XDG_STATE_HOME"), en->app->home, &en->arena, e);
	if (set_r->state.path == NULL)
		return -1;
	for (int s = 0; s < SIDES; s++) {
		set_r->box[s] = c->box[s] != NULL ? c->box[s] : "";
		if (engine_store(en, c->store[s], set_r->keeps_date, &set_r->store[s], e) < 0)
			return err_context(e, "channel %s", c->name);
	}
	return 0;
}
