/* A token bucket: so many bytes per second, shared by all connections of an account. Thread-safe. */
#ifndef SYNC_NET_THROTTLE_H
#define SYNC_NET_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

struct throttle;

struct throttle *throttle_new(uint64_t rate);	/* bytes per second, not 0 */
void throttle_free(struct throttle **t);

/* How many of `want` bytes may move now; they are taken. 0: none before *until_r (clock_now() terms). */
size_t throttle_take(struct throttle *t, size_t want, long long *until_r);

/* Gives back what was taken and not used. */
void throttle_give(struct throttle *t, size_t unused);

#endif
