/* Sets of ids: pushed in any order (vec_push(&set.v, id)), sorted once, then asked. The owner releases v. */
#ifndef STATE_BASE_ID_SET_H
#define STATE_BASE_ID_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/vec.h"

struct id_set { VEC(uint64_t) v; };

void id_set_sort(struct id_set *s);
bool id_set_has(const struct id_set *s, uint64_t id);	/* s is sorted */

#endif
