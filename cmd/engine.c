#include "cmd/engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/interrupt.h"
#include "cmd/state_place.h"
#include "cmd/version.h"
#include "sync/store/imap.h"
#include "sync/store/maildir.h"

_Static_assert((int)SETTINGS_NEW == (int)SYNC_NEW && (int)SETTINGS_OLD == (int)SYNC_OLD &&
    (int)SETTINGS_UPGRADE == (int)SYNC_UPGRADE && (int)SETTINGS_GONE == (int)SYNC_GONE &&
    (int)SETTINGS_FLAGS == (int)SYNC_FLAGS, "the types of Sync are the planner's");

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
		.keeps_date = keeps_date, .is_synced = en->app->settings->fsync, .makes_keywords = s->keeps_keywords,
	};

	return maildir_store_new(&set);
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

static enum net_tls
tls_of(enum settings_tls type)
{
	switch (type) {
	case SETTINGS_TLS_NONE:
		return NET_TLS_NONE;
	case SETTINGS_TLS_IMAPS:
		return NET_TLS_IMPLICIT;
	case SETTINGS_TLS_STARTTLS:
		break;
	}
	return NET_TLS_STARTTLS;
}

static struct net_settings
net_of(const struct engine *en, const struct account_settings *a, const char *name)
{
	return (struct net_settings){
		.name = name, .host = a->host, .port = a->port, .tunnel = a->tunnel, .timeout = a->timeout,
		.tls = tls_of(a->tls_type), .tls_versions = a->tls_versions, .ciphers = a->cipher_string,
		.certificate_file = a->certificate_file, .has_system_certificates = a->system_certificates,
		.client_certificate = a->client_certificate, .client_key = a->client_key,
		.down_rate = a->throttle, .up_rate = a->throttle,
		.transcript_dir = en->app->options.transcript, .cancel_fd = interrupt_fd(),
	};
}

static struct store *
make_imap(struct engine *en, const struct store_settings *s, struct err *e)
{
	const struct account_settings *a = s->account;
	const struct secret *secret = secret_of(en->secrets, a);
	const struct imap_store_settings set = {
		.name = s->name, .net = net_of(en, a, arena_printf(&en->arena, "account %s", a->name)),
		.user = secret->user.len != 0 ? buf_str(&secret->user) : NULL,
		.secret = secret->pass.len != 0 ? &secret->pass : NULL,
		.auth_mechs = (const char *const *)a->auth_mechs.at, .n_auth_mechs = a->auth_mechs.n,
		.disabled = (const char *const *)a->disabled_extensions.at, .n_disabled = a->disabled_extensions.n,
		.path = s->path, .has_path = s->path != NULL, .use_namespace = s->use_namespace,
		.delimiter = s->path_delimiter, .is_subscribed_only = s->is_subscribed_only,
		.map_inbox = s->map_inbox, .is_readonly = s->is_read_only, .connections = a->connections,
		.pipeline_depth = a->pipeline_depth, .answer_limit = a->answer_limit, .version = MAILTWIN_VERSION,
		.alert = tell_alert, .warn = tell_warning, .alert_ctx = en,
	};

	return imap_store_new(&set, e);
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
	for (enum role role = 0; role < ROLES; role++)
		es.store->role_box[role] = s->role_box[role];
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

static struct window
window_of(const struct store_settings *s)
{
	switch (s->window.kind) {
	case SETTINGS_WINDOW_NO:
		return (struct window){ .kind = WINDOW_NO };
	case SETTINGS_WINDOW_SIZE:
		return (struct window){ .kind = WINDOW_SIZE, .n = s->window.n };
	case SETTINGS_WINDOW_UNSET:
		break;
	}
	return (struct window){ .kind = WINDOW_UNSET };
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
		p->window[s] = window_of(c->store[s]);
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
		.is_dry = o->is_dry, .checks_plans = getenv("MAILTWIN_CHECK_PLANS") != NULL,
		.now = time(NULL),
		.cancel = interrupt_flag(),
	};
	set_r->roles = c->roles;
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
