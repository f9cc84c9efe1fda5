/* What a server that is silent waits for. */
#ifndef SYNC_NET_EXPECTS_TLS_H
#define SYNC_NET_EXPECTS_TLS_H

#include <stdbool.h>

struct net;

/* Whether the server answers a TLS handshake on a connection of its own; it is given two seconds after that is made. No certificate is
 * looked at, and nothing is sent but the beginning of the handshake. */
bool expects_tls(struct net *net);

#endif
