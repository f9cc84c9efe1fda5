/* How to reach one server: what the user configured, as plain data, and what all connections to that
 * server share (the TLS context with its session tickets, the rate limits).
 *
 * Used by: cmd/ fills struct net_settings; the store of that account makes one struct net of it with
 * net_new() and opens connections with stream_open() (sync/net/stream.h) from any thread.
 */
#ifndef SYNC_NET_NET_H
#define SYNC_NET_NET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

/* How long a server has kept everybody waiting, over all connections to it: for whoever shows it. Zeroed = nobody waits. */
struct net_wait {
	atomic_int waiting;		/* connections that wait for it */
	atomic_llong since;		/* since when (clock_now()): the first of them began, or one of them heard something */
};

enum net_tls {
	NET_TLS_NONE,
	NET_TLS_STARTTLS,		/* plain at first; the protocol layer calls stream_starttls() */
	NET_TLS_IMPLICIT,		/* from the first byte (imaps) */
};

enum net_tls_versions {
	NET_TLS_1_0 = 1 << 0,
	NET_TLS_1_1 = 1 << 1,
	NET_TLS_1_2 = 1 << 2,
	NET_TLS_1_3 = 1 << 3,
};

/* Strings are borrowed by net_new() for the call only. NULL or "" = not set. */
struct net_settings {
	const char *name;		/* what the user calls it ("account work"), for messages */
	const char *protocol;		/* as `openssl s_client -starttls` calls it; NULL = "imap" */
	const char *host;		/* name or address; also what the certificate must be for */
	unsigned port;			/* 0 = 993 with NET_TLS_IMPLICIT, else 143 */
	const char *tunnel;		/* a shell command to talk to instead of a socket */
	unsigned timeout;		/* seconds without progress until giving up; 0 = none */

	enum net_tls tls_type;
	unsigned tls_versions;		/* enum net_tls_versions; 0 = 1.2 and 1.3 */
	const char *cipher_string;		/* OpenSSL's list, for TLS up to 1.2 */
	const char *certificate_file;	/* PEM: CAs to trust and server certificates to accept */
	bool system_certificates;	/* trust the system's CAs too */
	const char *client_certificate;	/* PEM, chain allowed */
	const char *client_key;		/* PEM, unencrypted; NULL = in client_certificate */

	uint64_t throttle;		/* bytes per second in each direction, over all connections; 0 = no limit */
	const char *transcript_dir;	/* a file per connection goes there; NULL = none */
	int cancel_fd;			/* readable = give up whatever is under way; 0 = none */
	struct net_wait *wait;		/* NULL = nobody asks */
};

#define NET_SETTINGS_INIT { .timeout = 20, .tls_type = NET_TLS_STARTTLS, .system_certificates = true }

struct net;

/* Checks the settings and copies them. Opens nothing. NULL and *e (ERR_USAGE) if they contradict
 * each other. Thread-safe; free it when its last stream is closed. */
struct net *net_new(const struct net_settings *set, struct err *e);
void net_free(struct net **net);

/* "account work (imap.example.org:993)" or "imap.example.org:993"; borrowed from net. */
const char *net_label(const struct net *net);

/* The settings as copied, with the default port filled in; borrowed from net. */
const struct net_settings *net_settings(const struct net *net);

/* Around what waits for the server; has_heard: it has answered. */
void net_wait_begin(const struct net_settings *set);
void net_wait_end(const struct net_settings *set, bool has_heard);
/* Milliseconds that all who wait for it have waited; 0 = nobody does. From any thread. */
long long net_waited(const struct net_wait *w);

/* For sync/net alone: what the connections share. net_tls() makes the context at first use. */
struct tls;
struct throttle;
struct tls *net_tls(struct net *net, struct err *e);
struct throttle *net_down(struct net *net);	/* NULL = no limit */
struct throttle *net_up(struct net *net);

#endif
