/* Flags of twins, three ways: what was agreed against what each side shows (P3, R14 masks).
 *
 * Use: merge_base_*() says what counts as agreed for two halves that become one record; whoever settles
 * OP_PAIR, OP_MOVE or OP_CLONE stores that as `agreed` (then record_agree()), so that a run cut short
 * right after is planned on as if it had not been. merge_three_way() then gives what both should show.
 *
 * Invariants:
 *   1. A flag differs from the base on one side or on both: it can never be both added and removed.
 *   2. What either side cannot keep is neither added nor removed anywhere.
 */
#ifndef SYNC_PLAN_MERGE_H
#define SYNC_PLAN_MERGE_H

#include "state/model/record.h"

/* The record that two messages were moved from, each on its side (P11), and what its mailbox could keep: the rest a side never had,
 * and has not taken off. */
struct merge_left { const struct record *rec; struct flag_mask mask[SIDES]; };

/* The base of two messages that become one record (P2): what was agreed of `left` (NULL = there is none, or it is not
 * known), else `agreed` of either where there is one (of both: what they have in common),
 * else what both show. Whatever was agreed, \Deleted counts as agreed when one side alone has
 * it, so that it is taken back there: only \Deleted on both is a deletion, as no deletion is inferred from a guess (R7 another store). */
struct flags merge_base_twin(struct arena *a, const struct record *far, const struct record *near,
    const struct merge_left *left);

/* The base of a record after OP_MOVE on side t (P11): `agreed` of the record left; a \Deleted on the message that
 * is moved loses against the move. source: the record left; other: the record of the message that was moved; left: as above,
 * where side t had moved it elsewhere before. kept: what side
 * t could keep in the mailbox left: the rest it never had, and has not taken off, whatever it can keep in the other one. */
struct flags merge_base_moved(struct arena *a, const struct record *source, const struct record *other,
    const struct merge_left *left, enum side t, const struct flag_mask *kept);

/* The base of a record after OP_CLONE on side t (P12): what the original shows there, so that every difference is a change
 * that the person's copy brings. */
struct flags merge_base_cloned(const struct record *source, enum side t);

/* What a pair has agreed on; without anything agreed, what both show. */
struct flags merge_base(struct arena *a, const struct record *r);

/* \Deleted aside: what both sides should show, within both masks. */
struct flags merge_three_way(struct arena *a, struct flags base, const struct flags shown[SIDES],
    const struct flag_mask mask[SIDES]);

/* `want` with what was changed from `base` to `now`; \Deleted aside, within both masks (P16). */
struct flags merge_change(struct arena *a, struct flags want, struct flags base, struct flags now,
    const struct flag_mask mask[SIDES]);

/* \Deleted alone. */
bool merge_deleted(struct flags base, const struct flags shown[SIDES]);

/* `now` differs from `base` in what both masks can keep, \Deleted aside. */
bool merge_is_changed(struct arena *a, struct flags base, struct flags now, const struct flag_mask mask[SIDES]);

#endif
