#include "cmd/engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/interrupt.h"
#include "cmd/mbsync_place.h"
#include "cmd/outboxes.h"
#include "cmd/shared_state.h"
#include "cmd/state_place.h"
#include "cmd/version.h"
#include "sync/store/kinds.h"

void
engine_init(struct engine *en, struct app *app, const struct secrets *secrets)
{
	*en = (struct engine){ .app = app, .secrets = secrets };
	pthread_mutex_init(&en->lock, NULL);
}

void
engine_release(struct engine *en)
{
	for (size_t i = 0; i < en->stores.n; i++)
		en->stores.at[i].store->ops->free(en->stores.at[i].store);
	vec_release(&en->stores);
	for (size_t i = 0; i < en->alerts.n; i++)
		free(en->alerts.at[i]);
	vec_release(&en->alerts);
	pthread_mutex_destroy(&en->lock);
	arena_release(&en->arena);
}

/* What a server wants its users to see (RFC 9051, 7.1), in each session: told once a run. From any thread. */
enum { ALERTS_MOST = 50 };

static void
tell_alert(void *ctx, const char *store, const char *text)
{
	struct engine *en = ctx;
	char *words = mem_printf("%s: the server says: %s", store, text);
	bool was_told = false;

	pthread_mutex_lock(&en->lock);
	for (size_t i = 0; i < en->alerts.n; i++)
		was_told |= strcmp(en->alerts.at[i], words) == 0;
	was_told |= en->alerts.n >= ALERTS_MOST;
	if (!was_told) {
		vec_push(&en->alerts, words);
		app_warn(en->app, "%s", words);
	}
	pthread_mutex_unlock(&en->lock);
	if (was_told)
		free(words);
}

/* From any thread. */
static void
tell_warning(void *ctx, const char *store, const char *text)
{
	const struct engine *en = ctx;

	app_warn(en->app, "%s: %s", store, text);
}

static struct store *
make_store(struct engine *en, const struct store_settings *s, bool copy_arrival_date, struct net_wait *wait, struct err *e)
{
	struct store_env env = { .version = MAILTWIN_VERSION, .transcript_dir = en->app->options.transcript, .cancel_fd = interrupt_fd(), .wait = wait,
		.alert = tell_alert, .warn = tell_warning, .ctx = en, .fsync = en->app->settings->fsync,
		.copy_arrival_date = copy_arrival_date };
	const struct secret *secret;

	if (s->account != NULL) {
		secret = secret_of(en->secrets, s->account);
		env.user = buf_str(&secret->user);
		env.secret = secret->pass.len != 0 ? &secret->pass : NULL;
	}
	return store_kinds[s->kind].make(s, &env, e);
}

int
engine_store(struct engine *en, const struct store_settings *s, bool copy_arrival_date, struct store **store_r,
    struct err *e)
{
	struct engine_store es = { .settings = s, .copy_arrival_date = copy_arrival_date };

	for (size_t i = 0; i < en->stores.n; i++) {
		if (en->stores.at[i].settings == s && (s->account != NULL ||
		    en->stores.at[i].copy_arrival_date == copy_arrival_date)) {
			*store_r = en->stores.at[i].store;
			return 0;
		}
	}
	es.wait = s->account != NULL ? arena_alloc(&en->arena, sizeof *es.wait) : NULL;
	es.store = make_store(en, s, copy_arrival_date, es.wait, e);
	if (es.store == NULL)
		return -1;
	for (enum role role = 0; role < ROLES; role++)
		es.store->role[role] = s->role[role];
	vec_push(&en->stores, es);
	*store_r = es.store;
	return 0;
}

const char *
engine_awaited(const struct engine *en, unsigned *seconds_r)
{
	const struct account_settings *account, *awaited = NULL;
	long long most = 0, waited;

	for (size_t i = 0; i < en->stores.n; i++) {
		account = en->stores.at[i].settings->account;
		waited = account != NULL ? net_waited(en->stores.at[i].wait) : 0;
		if (waited <= most)
			continue;
		most = waited;
		awaited = account;
	}
	*seconds_r = (unsigned)(most / 1000);
	return awaited == NULL ? NULL : awaited->net.host != NULL ? awaited->net.host : awaited->name;
}

/* The channel's own, and what its stores and the options add. */
static void
fill_policy(const struct channel_settings *c, const struct options *o, struct policy *p)
{
	*p = c->policy;
	p->retry_failed = o->retry_failed;
	p->max_size[FAR] = c->store[FAR]->max_size;
	p->max_size[NEAR] = c->store[NEAR]->max_size;
	p->limit = (struct limit){ .max = c->max_messages, .days = c->max_age, .side = c->expire_side,
		.unread = c->expire_unread < 0 ? EXPIRE_UNREAD_UNSET : c->expire_unread > 0 ? EXPIRE_UNREAD_YES : EXPIRE_UNREAD_NO };
	for (int s = 0; s < SIDES; s++) {
		p->window[s] = c->store[s]->window;
		p->source[s].leave = c->store[s]->leave_on_server;
		p->read_only[s] = c->store[s]->read_only;
		p->trash[s] = (struct trash){ c->store[s]->trash, c->store[s]->trash_new_only, c->store[s]->trash_remote_new };
	}
}

/* Of a server that is given mail with the date it arrived, and shows it. */
static bool
keeps_dates(const struct store_settings *s)
{
	return s->account != NULL && !store_kinds[s->kind].is_source;
}

/* Names in the words of the channel whose state it is. */
static struct channel_names
names_in_state(const struct channel_settings *c, const char *const *names, size_t n, struct arena *arena)
{
	const char **out;

	if (c->state_of == NULL)
		return (struct channel_names){ names, n };
	out = arena_alloc(arena, (n + 1) * sizeof *out);
	for (size_t i = 0; i < n; i++)
		out[i] = shared_state_name(c, names[i], arena);
	return (struct channel_names){ out, n };
}

/* Which mailboxes. */
static void
fill_boxes(struct engine *en, const struct target *t, struct channel *set)
{
	static const char *const itself[] = { "" };
	const struct channel_settings *c = t->channel, *names = c->state_of != NULL ? c->state_of : c;
	struct settings_list patterns;

	for (int s = 0; s < SIDES; s++)
		set->box[s] = names->box[s] != NULL ? names->box[s] : "";
	set->only = names_in_state(c, t->boxes, t->n_boxes, &en->arena);
	if (c->has_patterns) {
		patterns = outboxes_left_out(en->app->settings, c, &en->arena);
		set->patterns = names_in_state(c, patterns.at, patterns.n, &en->arena);
	} else if (c->state_of != NULL)
		set->patterns = names_in_state(c, itself, 1, &en->arena);
}

/* Messages of each kind of act in a mailbox (cmd/acts.h). */
static uint64_t
named_of_each(const struct options *o)
{
	enum { NAMED = 20 };

	return o->verbose > 1 ? UINT64_MAX : o->verbose > 0 || o->is_json ? NAMED : 0;
}

static int
fill_channel(struct engine *en, const struct target *t, bool on_disk, struct channel *set_r, struct err *e)
{
	const struct channel_settings *c = t->channel;
	const struct options *o = &en->app->options;

	*set_r = (struct channel){
		.name = c->name,
		.command = app_command(en->app, &en->arena),
		.allow_delete = { o->allow_delete.at, o->allow_delete.n },
		.restore = { o->restore.at, o->restore.n },
		.copy_arrival_date = c->copy_arrival_date ||
		    (keeps_dates(c->store[FAR]) && keeps_dates(c->store[NEAR])),
		.buffer_limit = en->app->settings->buffer_limit,
		.max_transfer = o->max_transfer,
		.state = { .channel = c->name, .is_dry = o->is_dry, .fsync = en->app->settings->fsync },
		.is_dry = o->is_dry,
		.now = time(NULL),
		.names = named_of_each(o),
		.nag = options_is_patient(o) ? o->nag : 0,
		.cancel = interrupt_flag(),
	};
	mbsync_place(en->app->settings, c, getenv("XDG_STATE_HOME"), en->app->home, &en->arena, &set_r->mbsync);
	set_r->is_adopting = o->is_adopting;
	set_r->renames_utf7 = o->renames_utf7;
	set_r->purpose = o->purpose;
	set_r->role = c->role;
	fill_boxes(en, t, set_r);
	fill_policy(c, o, &set_r->policy);
	set_r->state.path = state_place(c, getenv("XDG_STATE_HOME"), en->app->home, &en->arena, e);
	if (set_r->state.path == NULL)
		return -1;
	for (int s = 0; s < SIDES; s++) {
		if (on_disk && c->store[s]->account != NULL)
			continue;
		if (engine_store(en, c->store[s], set_r->copy_arrival_date, &set_r->store[s], e) < 0)
			return err_context(e, "channel %s", c->name);
	}
	return 0;
}

int
engine_channel(struct engine *en, const struct target *t, struct channel *set_r, struct err *e)
{
	return fill_channel(en, t, false, set_r, e);
}

int
engine_channel_on_disk(struct engine *en, const struct target *t, struct channel *set_r, struct err *e)
{
	return fill_channel(en, t, true, set_r, e);
}
