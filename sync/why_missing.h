/* Why a message that one side has is not on the other, in words, and what a person can do. */
#ifndef SYNC_WHY_MISSING_H
#define SYNC_WHY_MISSING_H

#include "state/model/record.h"

/* on: the side that lacks it. rec NULL: the base does not know it. *remedy_r: options of a run that brings it ("" = any run does); NULL = no
 * run will. Borrowed from rec, or static. */
const char *why_missing(const struct record *rec, enum side on, const char **remedy_r);

#endif
