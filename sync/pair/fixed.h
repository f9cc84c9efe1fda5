/* Mailboxes that go together whatever their names: by what they are for (Role), or because earlier runs paired them
 * so. Part of pair.h; what a person must know is in mailtwin(5), Role.
 *
 * Must hold:
 *	1. Mailboxes that were paired and that both sides list stay together: no role parts them.
 *	   Where one of them is missing and another has its role by now, that one is it: its cursor says whether it was renamed
 *	   or is another mailbox (R7 another store).
 *	2. A mailbox is in one fixed pair at most.
 *	3. To the patterns it is one mailbox: selected if they select one of its names and exclude none with "!".
 */
#ifndef SYNC_PAIR_FIXED_H
#define SYNC_PAIR_FIXED_H

#include "state/base/vec.h"
#include "sync/pair/pair.h"

struct fixed_pair {
	const char *on[SIDES];	/* without prefix; what it would be called where it is not listed */
	long listed[SIDES];	/* index into side[].boxes, or PAIR_NOT_LISTED; one at least is listed */
	long known;		/* index into known[], or PAIR_NOT_KNOWN */
	unsigned roles;		/* 0 = paired so earlier, and not by a role of now */
	bool is_selected;	/* false: the patterns leave it out, and both of its mailboxes with it */
};

struct fixed_list {
	VEC(struct fixed_pair) pairs;
	VEC(struct pair_note) notes;
};

/* The pair of earlier runs that a mailbox is in, or PAIR_NOT_KNOWN. Name without prefix. */
long fixed_holder(const struct pair_rules *rules, enum side side, const char *name);

/* Strings live in the arena or are the rules'. The caller releases both arrays. */
void fixed_find(const struct pair_rules *rules, struct arena *arena, struct fixed_list *out);

#endif
