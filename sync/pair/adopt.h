/* Who is whose twin among messages that have none yet (R10 adoption): a pure decision over identities.
 *
 * Use: adopt_twins(); while it says that more must be known, learn it (items[i].want) and call again.
 *
 * Decisions:
 *   one far and one near message with the same header digest and the same size are twins;
 *   so are as many on each side, where those of one side are known to be the same throughout;
 *   sizes that differ, or other candidates on a side, are decided by the digest of the whole message;
 *   those left of one header by that, by the digest in which line ends do not count, for servers make others;
 *   of equal messages in surplus, the k-th far goes with the k-th near, those first whose copy is awaited, those last
 *   that are \Deleted, then by date and key; the rest stay alone.
 *
 * adopt_moved() decides alike who of those that vanished from a store (far) is who of those that are new in the same
 * store (near), with two differences: header and size, which one store gives alike, decide for any number of messages
 * unless whole digests that are known speak against it; and messages of one place are never paired.
 *
 * adopt_rekeyed() decides alike who of those that vanished from a mailbox is who of those that are new in it: by the digest of
 * the whole message alone, which is not asked for where the sizes that the store gives differ.
 */
#ifndef SYNC_PAIR_ADOPT_H
#define SYNC_PAIR_ADOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/vec.h"
#include "state/model/ident.h"
#include "state/model/key.h"
#include "state/model/side.h"

struct adopt_item {
	enum side side;
	uint32_t id;			/* the caller's */
	struct ident ident;		/* without IDENT_HEADER it takes no part */
	int64_t date;
	struct key key;
	bool is_awaited;		/* a copy of it was sent, and its outcome or key is not known */
	bool is_deleted;		/* flagged \Deleted */
	uint32_t place;			/* adopt_moved: its mailbox */
	uint64_t store_size;		/* adopt_rekeyed: as the store gives it; 0 = not known */
	bool is_unreadable;		/* its body cannot be had: no longer asked for */
	unsigned char loose[16];	/* with has_loose: sync/message/digest.h, 6 */
	bool has_loose;
	unsigned want;			/* answer: IDENT_FULL, IDENT_LOOSE where that is needed to decide */
};

struct adopt_pair { uint32_t far, near; };
struct adopt_pairs { VEC(struct adopt_pair) v; };

/* Sorts items. Fills `pairs` (ids) and returns false; or returns true when some items want more, with pairs empty. */
bool adopt_twins(struct adopt_item *items, size_t n, struct adopt_pairs *pairs);
bool adopt_moved(struct adopt_item *items, size_t n, struct adopt_pairs *pairs);
bool adopt_rekeyed(struct adopt_item *items, size_t n, struct adopt_pairs *pairs);

#endif
