/* One conversation through Cyrus SASL. */
#ifndef SYNC_SASL_AUTH_SASL_H
#define SYNC_SASL_AUTH_SASL_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "sync/sasl/auth.h"

struct auth_sasl;

/* Starts `mechanism`. 1: first holds what the client says first; 0: the server speaks first;
 * -1 with *e: it cannot be used here (no plugin, no ticket). Thread-safe. */
int auth_sasl_new(const struct auth_settings *set, const char *mechanism, struct auth_sasl **sasl_r,
    struct buf *first, struct err *e);
void auth_sasl_free(struct auth_sasl **sasl);

/* challenge and answer are raw bytes. */
int auth_sasl_step(struct auth_sasl *sasl, const char *challenge, size_t len, struct buf *answer,
    struct err *e);

/* Whether the mechanism is done on our side, the server's proof included where it gives one. */
bool auth_sasl_is_complete(const struct auth_sasl *sasl);

#endif
