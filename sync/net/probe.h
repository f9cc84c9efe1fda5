/* Whether a server can be reached, told of each kind of address: for `mailtwin check`. */
#ifndef SYNC_NET_PROBE_H
#define SYNC_NET_PROBE_H

#include "state/base/finding.h"
#include "sync/net/net.h"

/* Looks the name up and connects once by IPv6 and once by IPv4, as far as it has both, says nothing there and hangs up. -1: no connection
 * is to be had. A tunnel is not tried. */
int net_probe(struct net *net, const struct findings *out);

/* What the last handshake with the server showed, or that there is no TLS. */
void net_tell_tls(struct net *net, const struct findings *out);

/* How the server's clock differs from ours, if its greeting has a date: "220 mx ESMTP Sun, 29 Nov 2026 17:00:00 +0000", "<31.1795994966@pop>". */
void net_tell_clock(const char *greeting, int64_t now, const char *where, const struct findings *out);

#endif
