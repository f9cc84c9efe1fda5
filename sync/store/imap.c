/* An IMAP account as a store: its settings, what is remembered of its server, and who does what. */
#include "sync/store/imap_inside.h"

#include "state/base/log.h"

static struct key
choose_name(struct store *s, struct arena *a)
{
	(void)s;
	(void)a;
	return KEY_NONE;
}

static const char *
memory_save(struct store *s, struct arena *a)
{
	struct imap_store *st = imap_store_of(s);
	struct buf text = { 0 };
	const char *out = NULL;

	pthread_mutex_lock(&st->lock);
	if (st->has_memory) {
		imap_memory_write(&st->memory, &text);
		out = arena_strdup(a, buf_str(&text));
	}
	pthread_mutex_unlock(&st->lock);
	buf_release(&text);
	return out;
}

static void
memory_load(struct store *s, const char *memory)
{
	struct imap_store *st = imap_store_of(s);

	pthread_mutex_lock(&st->lock);
	if (!st->has_memory) {
		imap_memory_read(&st->memory, memory);
		st->has_memory = true;
	}
	pthread_mutex_unlock(&st->lock);
}

static void
store_free(struct store *s)
{
	struct imap_store *st = imap_store_of(s);
	size_t i;

	if (s == NULL)
		return;
	net_free(&st->net);
	imap_memory_release(&st->memory);
	pthread_mutex_destroy(&st->lock);
	for (i = 0; i < st->auth.n_allowed; i++)
		free((char *)(uintptr_t)st->auth_mechs[i]);
	free(st->auth_mechs);
	free(st->user);
	free(st->path);
	free(st->map_inbox);
	free(st->version);
	free(st->prefix);
	for (i = 0; i < st->doomed.n; i++)
		free(st->doomed.at[i].box);
	vec_release(&st->doomed);
	free((char *)(uintptr_t)st->store.name);
	free(st);
}

static const struct store_ops imap_ops = {
	.kind = "IMAP", .has_uid_keys = true, .free = store_free, .session_open = imap_conn_open,
	.session_close = imap_conn_close, .list = imap_list, .cursors = imap_cursors,
	.identities = imap_identities, .leave = imap_leave, .mailbox_state = imap_mailbox_state, .delta = imap_delta,
	.delta_begin = imap_delta_begin, .delta_end = imap_delta_end,
	.identify = imap_identify, .describe = imap_describe, .fetch = imap_fetch, .choose_name = choose_name, .deliver = imap_deliver,
	.change = imap_change, .change_begin = imap_change_begin, .change_end = imap_change_end, .move = imap_move, .create_mailbox = imap_create_mailbox,
	.remove_mailbox = imap_remove_mailbox, .rename_mailbox = imap_rename_mailbox, .memory_save = memory_save,
	.memory_load = memory_load,
};

static char *
dup_or_null(const char *s)
{
	return s != NULL && *s != '\0' ? mem_strdup(s) : NULL;
}

struct store *
imap_store_new(const struct imap_store_settings *set, struct err *e)
{
	struct imap_store *st = mem_alloc(sizeof *st);
	struct imap_caps caps = { 0 };
	size_t i;

	pthread_mutex_init(&st->lock, NULL);
	st->store = (struct store){ .ops = &imap_ops, .name = mem_strdup(set->name),
		.is_readonly = set->is_readonly, .layout = NAMES_IMAP,
		.max_sessions = set->connections != 0 ? (int)set->connections : 4 };
	st->user = dup_or_null(set->user);
	st->path = mem_strdup(set->path != NULL ? set->path : "");
	st->map_inbox = dup_or_null(set->map_inbox);
	st->version = dup_or_null(set->version);
	st->has_path = set->has_path;
	st->use_namespace = set->use_namespace;
	st->is_subscribed_only = set->is_subscribed_only;
	st->set_delimiter = set->delimiter;
	st->pipeline_depth = set->pipeline_depth;
	st->answer_limit = set->answer_limit;
	st->alert = set->alert;
	st->warn = set->warn;
	st->alert_ctx = set->alert_ctx;
	for (i = 0; i < set->n_disabled; i++)
		imap_caps_disable(&caps, set->disabled[i]);
	st->disabled = caps.disabled;
	imap_caps_release(&caps);
	st->auth_mechs = mem_alloc((set->n_auth_mechs + 1) * sizeof *st->auth_mechs);
	for (i = 0; i < set->n_auth_mechs; i++)
		st->auth_mechs[i] = mem_strdup(set->auth_mechs[i]);
	st->net = net_new(&set->net, e);
	if (st->net == NULL) {
		st->auth.n_allowed = set->n_auth_mechs;
		store_free(&st->store);
		return NULL;
	}
	st->auth = (struct auth_settings){ .label = net_label(st->net), .service = "imap",
		.host = net_settings(st->net)->host, .port = net_settings(st->net)->port, .user = st->user,
		.secret = set->secret, .allowed = st->auth_mechs, .n_allowed = set->n_auth_mechs,
		.has_client_certificate = set->net.client_certificate != NULL && *set->net.client_certificate };
	return &st->store;
}
