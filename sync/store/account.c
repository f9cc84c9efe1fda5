#include "sync/store/account.h"

#include <stdlib.h>

#include "state/base/mem.h"

struct net *
account_net(const struct account_settings *account, const char *named, const char *protocol, const struct store_env *env, struct err *e)
{
	char *name = mem_printf("%s %s", named, account->name);
	struct net_settings set = account->net;
	struct net *net;

	set.name = name;
	set.protocol = protocol;
	set.transcript_dir = env->transcript_dir;
	set.cancel_fd = env->cancel_fd;
	set.wait = env->wait;
	net = net_new(&set, e);
	free(name);
	return net;
}

struct auth_settings
account_auth(const struct account_settings *account, const struct net *net, const char *service, const struct store_env *env)
{
	const struct net_settings *wire = net_settings(net);

	return (struct auth_settings){ .label = net_label(net), .service = service, .host = wire->host, .port = wire->port,
		.user = env->user != NULL && *env->user != '\0' ? env->user : NULL, .secret = env->secret,
		.allowed = account->auth_mechs.at, .n_allowed = account->auth_mechs.n,
		.has_client_certificate = wire->client_certificate != NULL };
}
