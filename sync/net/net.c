#include "sync/net/net.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/err.h"
#include "state/base/mem.h"
#include "sync/net/clock.h"
#include "sync/net/throttle.h"
#include "sync/net/tls.h"

struct net {
	struct arena arena;		/* every string of set, and label */
	struct net_settings set;
	const char *label;
	struct throttle *down, *up;
	pthread_mutex_t lock;		/* for tls */
	struct tls *tls;		/* NULL = no connection has needed it yet */
};

static const char *
copy(struct net *net, const char *s)
{
	return s != NULL && *s != '\0' ? arena_strdup(&net->arena, s) : NULL;
}

/* A tunnel is named by its first word: what follows may be private. */
static const char *
make_label(struct net *net)
{
	const struct net_settings *s = &net->set;
	const char *where;

	if (s->tunnel != NULL)
		where = arena_printf(&net->arena, "tunnel %.*s", (int)strcspn(s->tunnel, " \t\n"),
		    s->tunnel);
	else
		where = arena_printf(&net->arena, strchr(s->host, ':') != NULL ? "[%s]:%u" : "%s:%u",
		    s->host, s->port);
	return s->name != NULL ? arena_printf(&net->arena, "%s (%s)", s->name, where) : where;
}

struct net *
net_new(const struct net_settings *set, struct err *e)
{
	struct net *net = mem_alloc(sizeof *net);
	struct net_settings *s = &net->set;

	pthread_mutex_init(&net->lock, NULL);
	*s = *set;
	s->name = copy(net, set->name);
	s->protocol = copy(net, set->protocol != NULL ? set->protocol : "imap");
	s->host = copy(net, set->host);
	s->tunnel = copy(net, set->tunnel);
	s->cipher_string = copy(net, set->cipher_string);
	s->certificate_file = copy(net, set->certificate_file);
	s->client_certificate = copy(net, set->client_certificate);
	s->client_key = copy(net, set->client_key);
	s->transcript_dir = copy(net, set->transcript_dir);
	if (s->port == 0)
		s->port = s->tls_type == NET_TLS_IMPLICIT ? 993 : 143;
	if (s->tls_versions == 0)
		s->tls_versions = NET_TLS_1_2 | NET_TLS_1_3;
	if (s->host == NULL && s->tunnel == NULL) {
		err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER, "%s: neither Host nor Tunnel is set",
		    s->name != NULL ? s->name : "account");
		net_free(&net);
		return NULL;
	}
	if (s->port > 65535) {
		err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER, "%s: there is no port %u",
		    s->name != NULL ? s->name : s->host, s->port);
		net_free(&net);
		return NULL;
	}
	net->label = make_label(net);
	if (s->throttle != 0) {
		net->down = throttle_new(s->throttle);
		net->up = throttle_new(s->throttle);
	}
	return net;
}

void
net_free(struct net **net)
{
	struct net *n = *net;

	*net = NULL;
	if (n == NULL)
		return;
	tls_free(&n->tls);
	throttle_free(&n->down);
	throttle_free(&n->up);
	pthread_mutex_destroy(&n->lock);
	arena_release(&n->arena);
	free(n);
}

const char *
net_label(const struct net *net)
{
	return net->label;
}

const struct net_settings *
net_settings(const struct net *net)
{
	return &net->set;
}

void
net_wait_begin(const struct net_settings *set)
{
	if (set->wait != NULL && atomic_fetch_add(&set->wait->waiting, 1) == 0)
		atomic_store(&set->wait->since, clock_now());
}

void
net_wait_end(const struct net_settings *set, bool has_heard)
{
	if (set->wait == NULL)
		return;
	if (has_heard)
		atomic_store(&set->wait->since, clock_now());
	atomic_fetch_sub(&set->wait->waiting, 1);
}

long long
net_waited(const struct net_wait *w)
{
	const long long since = atomic_load(&w->since);

	return atomic_load(&w->waiting) > 0 ? clock_now() - since : 0;
}

struct tls *
net_tls(struct net *net, struct err *e)
{
	struct tls *tls;

	pthread_mutex_lock(&net->lock);
	if (net->tls == NULL)
		net->tls = tls_new(&net->set, net->label, e);
	tls = net->tls;
	pthread_mutex_unlock(&net->lock);
	return tls;
}

struct throttle *
net_down(struct net *net)
{
	return net->down;
}

struct throttle *
net_up(struct net *net)
{
	return net->up;
}
