/* The session with the server that an outbox sends by. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sync/outbox/inside.h"
#include "sync/sasl/auth.h"
#include "sync/store/account.h"

/* Our name for EHLO: that of the machine where it is one that others could know. */
static void
host_name(char *name, size_t size)
{
	if (gethostname(name, size) < 0 || memchr(name, '\0', size) == NULL || strchr(name, '.') == NULL ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] != '\0')
		snprintf(name, size, "localhost");
}

static void
warn(void *ctx, const char *text)
{
	const struct outbox *o = ctx;

	if (o->env.warn != NULL)
		o->env.warn(o->env.ctx, o->account->name, text);
}

struct smtp_session *
outbox_connect(const struct outbox *o, struct net **net, unsigned offered_before, struct err *e)
{
	const bool has_login = o->env.user != NULL && *o->env.user != '\0';
	struct smtp_open open = { .pipeline_depth = o->account->pipeline_depth, .offered_before = offered_before, .warn = warn, .ctx = (void *)o };
	struct auth_settings auth;
	char name[256];

	if (*net == NULL)
		*net = account_net(o->account, "account", "smtp", &o->env, e);
	if (*net == NULL)
		return NULL;
	auth = account_auth(o->account, *net, "smtp", &o->env);
	host_name(name, sizeof name);
	open.net = *net;
	open.name = name;
	open.auth = has_login || auth.has_client_certificate ? &auth : NULL;
	return smtp_session_open(&open, e);
}
