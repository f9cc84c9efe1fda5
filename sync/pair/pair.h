/* Which mailbox of one side goes with which of the other: by name, unless they are paired under two names for good (fixed.h).
 *
 * Used once per run and channel, after both stores were listed: pair_boxes() takes the two lists and
 * gives one list of pairs. Of earlier runs it knows who was paired with whom; the planner compares
 * its result with the base and decides what is to be created, removed or renamed.
 *
 * What always holds:
 *	1. Every listed mailbox that the patterns select is in exactly one pair; no other is in any.
 *	2. No two pairs that are not refused stand for one place on a side (R8 one name).
 *	3. A pair with `refused` set is to be reported and not touched on either side: nothing
 *	   is created, removed or copied for it.
 *	4. Pairs are in the order of names_compare() on `name`.
 *
 * On a side that folds (`is_folding`) names that differ only in case or in how accents are composed
 * are one place. There, two mailboxes listed under such different spellings, one on each side and no
 * other spelling about, are twins, each with its own full name. What would come to lie in the same
 * place otherwise is refused, save one: the spelling that both sides have; else the first, if all of
 * them are on one side; else none, as nothing says which the other side's mailbox belongs to.
 *
 * Below two mailboxes that go together under two names, what is named alike goes together as well.
 */
#ifndef SYNC_PAIR_PAIR_H
#define SYNC_PAIR_PAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/mem.h"
#include "state/model/side.h"
#include "sync/pair/names.h"
#include "sync/pair/roles.h"

/* A mailbox as a store lists it. Containers that hold no mail are not listed here. */
struct pair_box {
	const char *name;	/* canonical, with the channel's prefix still on; not checked yet */
	const char *identity;	/* equal for two names of one mailbox (MAILBOXID, "device:inode"),
				   NULL or "" = not known */
	unsigned roles;		/* a set of enum role: what the store says that it is for */
};

struct pair_side {
	const struct pair_box *boxes;	/* in any order; a name listed twice counts once */
	size_t n;
	const char *prefix;		/* the channel's, "" = none */
	enum names_layout layout;
	bool is_inbox_listed;		/* see patterns_select() */
	bool is_folding;		/* ignores case, or normalises names */
	bool is_partial;		/* a mailbox that is not listed may be there */
	const char *role[ROLES];	/* what the configuration says has a role, without prefix; NULL = nothing */
};

/* A pair of earlier runs. */
struct pair_known {
	const char *name;
	const char *on[SIDES];		/* without prefix */
	bool is_paired;			/* both sides had it */
};

struct pair_rules {
	const char *const *patterns;
	size_t n;
	struct pair_side side[SIDES];
	const struct pair_known *known;
	size_t n_known;
	unsigned roles;			/* a set of enum role: those that mailboxes are paired by */
};

enum { PAIR_NOT_LISTED = -1, PAIR_NOT_KNOWN = -1 };

struct pair {
	const char *name;	/* without prefix; far's spelling where far has it */
	const char *full[SIDES];	/* what it is, or would be, called on each side */
	bool is_on[SIDES];	/* INBOX counts as on both: every store has one */
	long listed[SIDES];	/* index into side[].boxes, or PAIR_NOT_LISTED */
	long known;		/* index into known[], or PAIR_NOT_KNOWN */
	unsigned roles;		/* a set of enum role: paired by it */
	bool is_tied;		/* the mailbox has two names that do not show that they are one: remember both */
	const char *refused;	/* NULL, or one sentence with the names, for the report */
};

struct pair_note { const char *name, *text; };

struct pair_list {
	struct pair *at;
	size_t n;
	struct pair_note *notes;
	size_t n_notes;
};

/* Fills *out. Everything in it lives in `arena`; no pointer into the rules is kept. */
void pair_boxes(const struct pair_rules *rules, struct arena *arena, struct pair_list *out);

#endif
