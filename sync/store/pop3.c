/* A POP3 account as a store: its settings, its sessions, and what is remembered of its server. */
#include "sync/store/pop3_inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "sync/store/account.h"

static struct pop3_store *
store_of(struct store *s)
{
	return (struct pop3_store *)s;
}

static struct session *
session_open(struct store *s, struct err *e)
{
	struct pop3_conn *c = mem_alloc(sizeof *c);

	c->session.store = s;
	c->st = store_of(s);
	if (pop3_connect(c, e) == 0)
		return &c->session;
	free(c);
	return NULL;
}

static void
session_close(struct session *session)
{
	struct pop3_conn *c = pop3_conn_of(session);

	if (c == NULL)
		return;
	pop3_leave(c);
	free(c);
}

/* "offered 4 delay 60 at 1764422000" */
static const char *
memory_save(struct store *s, struct arena *a)
{
	const struct pop3_store *st = store_of(s);

	if (st->offered == 0 && st->login_delay == 0)
		return NULL;
	/* The time is written where it matters alone: a run without news writes nothing. */
	return arena_printf(a, "offered %u delay %u at %lld", st->offered, st->login_delay,
	    (long long)(st->login_delay != 0 ? st->last_login : 0));
}

static void
memory_load(struct store *s, const char *memory)
{
	struct pop3_store *st = store_of(s);
	unsigned offered, delay;
	long long at;

	if (sscanf(memory, "offered %u delay %u at %lld", &offered, &delay, &at) != 3 || st->last_login != 0)
		return;
	st->offered = offered;
	st->login_delay = delay;
	st->last_login = at;
}

static void
store_free(struct store *s)
{
	struct pop3_store *st = store_of(s);

	if (s == NULL)
		return;
	net_free(&st->net);
	vec_release(&st->messages);
	arena_release(&st->arena);
	free(st);
}

/* No session rests: a server keeps all others out as long as one lasts, and shows nothing new in it. */
static const struct store_ops pop3_ops = {
	.kind = "POP3", .is_source = true, .free = store_free, .session_open = session_open, .session_close = session_close,
	.list = pop3_store_list, .mailbox_state = pop3_mailbox_state, .delta = pop3_store_delta, .identify = pop3_identify,
	.fetch = pop3_fetch, .change = pop3_change, .memory_save = memory_save, .memory_load = memory_load,
	.check = pop3_check,
};

struct store *
pop3_store_new(const struct store_settings *set, const struct store_env *env, struct err *e)
{
	const struct account_settings *account = set->account;
	struct pop3_store *st = mem_alloc(sizeof *st);

	st->set = set;
	st->env = *env;
	st->store = (struct store){ .name = set->name, .read_only = set->read_only, .layout = NAMES_IMAP, .max_sessions = 1,
		.is_inbox_listed = true };
	store_init(&st->store, &pop3_ops);
	st->net = account_net(account, "store", "pop3", env, e);
	if (st->net == NULL) {
		store_free(&st->store);
		return NULL;
	}
	st->auth = account_auth(account, st->net, "pop", env);
	return &st->store;
}
