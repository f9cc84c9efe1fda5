/* A TCP connection to the first address of a host that answers. */
#ifndef SYNC_NET_DIAL_H
#define SYNC_NET_DIAL_H

#include "state/base/err.h"
#include "sync/net/net.h"

struct addrinfo;

/* Looks the host up and connects: addresses are tried in the system's order with the families taking
 * turns, the next one after 250 ms or at once when one fails, the first that answers wins (RFC 8305).
 * Looking up and connecting together stay within set->timeout; set->cancel_fd ends both.
 * Returns a non-blocking close-on-exec socket; -1 with *e: ERR_TEMPORARY, words with host and port. */
int dial(const struct net_settings *set, const char *label, struct err *e);

/* The first half of dial(): the addresses of the host. deadline: clock_now() terms, 0 = none. The caller frees them with freeaddrinfo(). */
int dial_lookup(const struct net_settings *set, const char *label, long long deadline, struct addrinfo **list_r, struct err *e);

/* The second half of dial(), for addresses already known. deadline: clock_now() terms, 0 = none. */
int dial_addresses(const struct addrinfo *list, const struct net_settings *set, const char *label,
    long long deadline, struct err *e);

#endif
