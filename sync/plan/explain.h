/* A plan in words, grouped by mailbox: what `mailtwin plan` prints and tests/plan compare with. */
#ifndef SYNC_PLAN_EXPLAIN_H
#define SYNC_PLAN_EXPLAIN_H

#include "state/base/buf.h"
#include "sync/plan/plan.h"

struct explain_names {
	const char *side[SIDES];	/* "far"/"near", or the stores' names */
	const char *prefix;		/* before the names of mailboxes; NULL = none */
};

/* Why, in words, for an operation on this side: "new on far" (arena or static). */
const char *reason_text(struct arena *a, enum reason reason, enum side side, const struct explain_names *names);

/* Appends lines like
 *   INBOX
 *     near: copy 34 (new on far)
 *     far: flags of 2: +S (changed on near)
 *     far: expunge 3 (gone from near); held: more than half of the mailbox ...
 * Equal operations of one mailbox make one line; state-only operations are shown only when is_verbose.
 * Nothing at all is appended for a plan without operations and notes. */
void plan_explain(const struct plan_input *in, const struct plan *p, const struct explain_names *names,
    bool is_verbose, struct buf *out);

/* One operation as a compact line, without newline, for tests and --debug=plan: "copy near INBOX #12 (new)",
 * "flags far Work #3 +S (flags) held"; #n is the record's id. */
void op_explain(const struct plan_input *in, const struct op *op, struct buf *out);

#endif
