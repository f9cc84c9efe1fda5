/* The exit code, collected while a command runs. Documented in mailtwin(1).
 *
 *   0   done
 *   1   something failed; the rest was done
 *   2   command line or configuration
 *   75  try again later: a lock, the network, a person's interruption
 *   77  credentials or a certificate were refused
 *
 * Of several the first in the order 2, 77, 1, 75, 0 counts. Called as `mbsync` the codes are mbsync's: 1
 * for whatever failed; with -e too, and under either name 32 is added if far was modified, 64 if near
 * was.
 */
#ifndef CMD_EXIT_STATUS_H
#define CMD_EXIT_STATUS_H

#include <stdbool.h>

#include "state/base/err.h"
#include "state/model/side.h"

/* Zero-initialised = nothing happened yet. */
struct exit_status {
	unsigned classes;		/* 1 << enum err_class */
	bool is_changed[SIDES];
};

void exit_status_add(struct exit_status *s, enum err_class class);
void exit_status_change(struct exit_status *s, enum side side);
int exit_status_code(const struct exit_status *s, bool is_mbsync, bool has_ext);

#endif
