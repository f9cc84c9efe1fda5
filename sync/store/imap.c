/* An IMAP account as a store: its settings, what is remembered of its server, and who does what. */
#include "sync/store/imap_inside.h"

#include "state/base/log.h"
#include "sync/store/account.h"

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

	if (s == NULL)
		return;
	net_free(&st->net);
	imap_memory_release(&st->memory);
	imap_expunged(st);
	pthread_mutex_destroy(&st->lock);
	free(st->prefix);
	free(st);
}

static const struct store_ops imap_ops = {
	.kind = "IMAP", .has_uid_keys = true, .free = store_free, .session_open = imap_conn_open,
	.session_close = imap_conn_close, .rest = imap_rest, .wake = imap_wake, .list = imap_list, .cursors = imap_cursors,
	.identities = imap_identities, .leave = imap_leave, .mailbox_state = imap_mailbox_state, .delta = imap_delta,
	.delta_begin = imap_delta_begin, .delta_end = imap_delta_end,
	.identify = imap_identify, .describe = imap_describe, .fetch = imap_fetch, .headers = imap_headers, .search = imap_search,
	.deliver = imap_deliver,
	.change = imap_change, .change_begin = imap_change_begin, .change_end = imap_change_end, .move = imap_move,
	.moves_at_once = imap_moves_at_once, .create_mailbox = imap_create_mailbox,
	.remove_mailbox = imap_remove_mailbox, .rename_mailbox = imap_rename_mailbox, .memory_save = memory_save,
	.check = imap_check,
	.memory_load = memory_load,
};

struct store *
imap_store_new(const struct store_settings *set, const struct store_env *env, struct err *e)
{
	const struct account_settings *account = set->account;
	struct imap_store *st = mem_alloc(sizeof *st);
	struct imap_caps caps = { 0 };

	pthread_mutex_init(&st->lock, NULL);
	st->set = set;
	st->env = *env;
	st->store = (struct store){ .name = set->name, .read_only = set->read_only, .layout = NAMES_IMAP,
		.max_sessions = account->connections != 0 ? (int)account->connections : 4 };
	store_init(&st->store, &imap_ops);
	for (size_t i = 0; i < account->disable_extensions.n; i++)
		imap_caps_disable(&caps, account->disable_extensions.at[i]);
	st->disable_extensions = caps.disabled;
	imap_caps_release(&caps);
	st->net = account_net(account, "account", "imap", env, e);
	if (st->net == NULL) {
		store_free(&st->store);
		return NULL;
	}
	st->auth = account_auth(account, st->net, "imap", env);
	return &st->store;
}
