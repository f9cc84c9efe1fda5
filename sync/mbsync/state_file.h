/* The state that mbsync keeps of a pair of mailboxes (.mbsyncstate), as a value: read from its text, and written as such.
 *
 *	FarUidValidity 1795413589		in any order; Master and Slave before 1.4
 *	NearUidValidity 1795413594
 *	MaxPulledUid 8
 *	MaxPushedUid 8
 *	MaxExpiredFarUid 3			may be missing. MaxExpiredNearUid: with ExpireSide Far; MaxExpiredSlaveUid: before 1.3
 *
 *	12 9 FS					far UID, near UID, marks and flags; 0 = none
 *
 * Before 1.1 the header is one line, "FAR:MAXFAR NEAR:EXPIRED:MAXNEAR", and entries follow at once.
 *
 * Must hold: what is not exactly of this form is refused, and its line named: a guess could delete mail. Of a file that was cut at
 * the end of a line nobody can tell; entries that are missing make messages that are left alone, never deletions.
 */
#ifndef SYNC_MBSYNC_STATE_FILE_H
#define SYNC_MBSYNC_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "state/base/vec.h"
#include "state/model/record.h"

enum { MBSYNC_STATE_LINE = 127 };		/* octets of a line at most, without its end */
#define MBSYNC_STATE_SIZE (UINT64_C(512) << 20)	/* of a file that is read */

struct mbsync_entry {
	uint32_t uid[SIDES];			/* 0 = it has none there */
	uint32_t flags;				/* enum flag_bit: what both sides last agreed on */
	enum record_placeholder placeholder;
	bool is_expired;			/* it was one too many for MaxMessages */
	bool is_skipped;			/* too large for MaxSize (before 1.4) */
};

struct mbsync_state {
	uint32_t validity[SIDES];		/* UIDVALIDITY */
	uint32_t max[SIDES];			/* all messages up to this UID were dealt with */
	uint32_t expired[SIDES];		/* of that side, those up to this UID without an entry are expired on the other; 0 = none */
	VEC(struct mbsync_entry) entries;
};

/* path: for messages. -1 with *e (ERR_BOX): it is not of this form, with the line. mbsync_state_release() in any case. */
int mbsync_state_parse(const char *data, size_t len, const char *path, struct mbsync_state *state_r, struct err *e);
/* Appends the text, as 1.4 and 1.5 write it. */
void mbsync_state_write(const struct mbsync_state *state, struct buf *out);
void mbsync_state_release(struct mbsync_state *state);

#endif
