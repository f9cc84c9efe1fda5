/* Single arguments of the configuration language, turned into values. No positions, no messages:
 * false means "this is not one". Output is not touched then. */
#ifndef CMD_CONFIG_VALUE_H
#define CMD_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/settings.h"

/* yes true on 1, no false off 0, in any letter case. */
bool value_bool(const char *word, bool *value_r);

/* Decimal digits only, at most max. */
bool value_count(const char *word, unsigned long max, unsigned long *value_r);

/* n, nk, nm (of 1024), with or without a final b, in any letter case; bytes. */
bool value_size(const char *word, uint64_t *bytes_r);

/* Ns, Nm, Nh, Nd, Nw: a time that is not 0; seconds. */
bool value_duration(const char *word, int64_t *seconds_r);

/* N, N% (1 to 100), none, default; 0 is none as well. */
bool value_limit(const char *word, struct max_delete *limit_r);

/* N (not 0), or one of the words for no. */
bool value_window(const char *word, struct window *window_r);
bool value_leave(const char *word, struct leave *leave_r);
bool value_days(const char *word, unsigned *days_r);	/* 90d; 0 */

/* A local path: "~" and "~user" opened, a relative one put behind `dir` (which ends with "/" or is
 * ""). False if there is no such user. The result is the arena's. */
bool value_path(const char *word, const char *dir, const char *home, struct arena *arena, char **path_r);

#endif
