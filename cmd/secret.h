/* Users and passwords of accounts: from the configuration, from a command, or from the person.
 *
 * How it is used: secrets_fetch() for each account that a run needs, before it takes any lock;
 * secret_of() where a store is made; secrets_release().
 *
 * What must always hold:
 *   1. Each account is asked for once per run, whether that worked or not.
 *   2. A secret stands in buffers that wipe themselves, never in an argument, the environment or a
 *      message; from the first one on, the process leaves no core and cannot be attached to.
 *   3. A command gets the terminal if there is one, else none and at most a minute.
 */
#ifndef CMD_SECRET_H
#define CMD_SECRET_H

#include <stdatomic.h>
#include <stdbool.h>

#include "cmd/settings.h"
#include "state/base/buf.h"
#include "state/base/err.h"
#include "state/base/vec.h"

struct secret {
	const struct account_settings *account;
	struct buf user;
	struct buf pass;		/* empty where none is needed */
	int status;			/* 0, or -1: not to be had, and err says why */
	struct err err;
};

/* Zero-initialised = none. */
struct secrets {
	VEC(struct secret) all;
};

enum { SECRET_PASS_MOST = 8192 };	/* bytes of a password; a token may be longer */

/* Asks unless it was asked before. Errors are kept (class ERR_REFUSED, or ERR_CANCELLED). `limit`: seconds that a command
 * without a terminal may take. */
void secrets_fetch(struct secrets *s, const struct account_settings *a, unsigned limit,
    const atomic_int *cancel);

/* NULL = never asked for. */
const struct secret *secret_of(const struct secrets *s, const struct account_settings *a);
/* Wipes those of all other accounts. */
void secrets_keep(struct secrets *s, const struct account_settings *const *accounts, size_t n);
void secrets_release(struct secrets *s);

#endif
