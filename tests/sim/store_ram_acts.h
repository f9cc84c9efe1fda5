/* An act of the program on a store in RAM: what store_ram_write.c and store_ram_boxes.c share.
 *
 * Fates of one item:   done | refused now | refused for good | done, answer lost | not done, answer lost |
 *                      the session dies before it or after it | "done", and it is not
 */
#ifndef TESTS_SIM_STORE_RAM_ACTS_H
#define TESTS_SIM_STORE_RAM_ACTS_H

#include "state/base/step.h"
#include "tests/sim/store_ram.h"

enum fate { FATE_DONE, FATE_REFUSED, FATE_NEVER, FATE_UNKNOWN_DONE, FATE_UNKNOWN_NOT, FATE_DIES_BEFORE,
	FATE_DIES_AFTER, FATE_LIE };

enum fate ram_fate(struct sim *s);
bool ram_takes_effect(enum fate f);
/* What is about to be changed on this side is allowed in this run, and noticed. */
void ram_changes(struct ram *r, int box, bool is_allowed, const char *what);
/* In front of a durable act. -1: the program ends here. */
int ram_act(struct ram_session *c, enum step_kind kind, const char *what, struct err *e);
/* Behind one, of this fate. */
int ram_end_item(struct ram_session *c, enum fate f, enum outcome *o, struct err *e);
/* Message i goes by the program's hand. */
void ram_expunge(struct ram *r, int box, size_t i);

#endif
