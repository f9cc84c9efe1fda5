/* A store that messages come from (POP3), and what becomes there of those that the other side has (P19, P20). Plain data. */
#ifndef SYNC_PLAN_SOURCE_H
#define SYNC_PLAN_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

enum leave_kind { LEAVE_ALL, LEAVE_NONE, LEAVE_DAYS };

/* What is left there. */
struct leave { enum leave_kind kind; uint64_t days; };

struct source {
	bool is;			/* messages come from there and are deleted there; nothing else is written */
	struct leave leave;
	int64_t before;			/* LEAVE_DAYS: what was first listed before goes; seconds since 1970 */
};

#endif
