/* The base of a simulated channel: memory that outlives a crash, and copies of it (backups). */
#ifndef TESTS_SIM_BASE_H
#define TESTS_SIM_BASE_H

#include "state/db.h"

struct db_memory *base_copy(struct db_memory *m);

#endif
