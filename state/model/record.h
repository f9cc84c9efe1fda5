/* What the base knows of one message (R1 seen is recorded): what was agreed, and what was last seen on each side.
 *
 * A record with both halves known is a pair. A record with one half is a message that has no twin
 * yet (mark MARK_NEW), will not get one (the other marks say why), or has lost it (MARK_ORPHAN).
 *
 *   presence of a half:   NEVER --seen--> HERE --vanished--> GONE --out of the window (R21 guards)--> BEYOND --seen--> HERE
 *   NEVER again: the twin of an orphan; a side whose epoch changed (R7 another store).
 *
 * Invariants:
 *   1. A half that is HERE has a key, one that is NEVER has none; one that is GONE has none where nobody knows under which
 *      key it was, or that is another message's by now.
 *   2. `agreed` means something only when has_agreed.
 */
#ifndef STATE_MODEL_RECORD_H
#define STATE_MODEL_RECORD_H

#include "state/model/flags.h"
#include "state/model/ident.h"
#include "state/model/key.h"
#include "state/model/side.h"

enum presence {
	PRESENCE_NEVER, PRESENCE_HERE, PRESENCE_GONE,
	PRESENCE_BEYOND,		/* there, and not shown: the server shows the newest messages only */
};

/* What the presence of a half rests on. */
enum half_basis {
	BASIS_LISTED,			/* the store listed the key, or listed all and not this one */
	BASIS_TOLD,			/* HERE: the answer to an APPEND, COPY or MOVE gave the key; no list has shown it yet */
	BASIS_DOUBTED,			/* HERE: the same, and the list shows a message of another size, or one of several that only
					 * their order tells apart */
	BASIS_SHARED,			/* NEVER: the store keeps equal messages once, and has this one as that of another record; as
					 * far as its list tells */
	BASIS_GUESSED,			/* GONE: nobody saw it go (sync/match/elsewhere.c) */
	BASIS_OURS,			/* the program has begun to expunge it: if it is GONE, no person did that; or it is GONE, and the
					 * program has begun to delete its twin for that */
	BASIS_SHARED_TOLD,		/* the same as BASIS_SHARED: the store named the other's message */
	BASIS_MOVING,			/* the program has begun to move it to another mailbox, after its twin: so it may have gone; or it
					 * is that twin, and GONE */
	BASIS_BEYOND,			/* NEVER: the server shows the newest messages only, and may have it all the same (sync/match/beyond.c) */
};

enum record_mark {
	MARK_NEW,			/* nothing to say: pairs, and messages waiting for their twin */
	MARK_ORPHAN,			/* the twin was deleted and this one marked \Deleted: never paired again */
	MARK_SKIPPED,			/* not propagated on purpose (was \Deleted, or another program left it alone); only Sync Old retries */
	MARK_FAILED,			/* refused for good; only Sync Old or --retry-failed retries */
	MARK_EXPIRED,			/* beyond MaxMessages or MaxAge on one side: never copied back there; what goes there is no deletion */
	MARK_TOMBSTONE,			/* deleted by us, still shown by a server that cannot expunge one UID */
	MARK_KEPT,			/* gone from a source (POP3), where that is no deletion: what is here stays, and its twin has its
					 * key still, should it be shown again */
	MARK_REPLACED,			/* a placeholder, by itself: it goes once the message it stands for (`instead`) is on its side */
};

/* One half stands for the message on the other side, which was too large for it: it has the header and a few words. */
enum record_placeholder {
	PLACEHOLDER_NONE, PLACEHOLDER_FAR, PLACEHOLDER_NEAR,
	PLACEHOLDER_NO_MORE,		/* there was one, and the message itself was asked for: no limit applies to it */
};

/* What was in the way of carrying it, in earlier runs. It is tried again in each, behind all others and by itself. */
enum record_trouble {
	TROUBLE_NONE,
	TROUBLE_SESSION,		/* sessions end at it, whatever else goes on in them (sync/env/isolate.h) */
	TROUBLE_LEFT_OUT,		/* listed, and left out when it was fetched */
};

struct record_half {
	enum presence presence;
	enum half_basis basis;
	struct key key;
	struct flags flags;		/* as last seen */
	const char *hint;		/* the store's own note (Maildir: directory and tail of the name); "" = none */
	uint64_t size;			/* octets as the store counts them; 0 = not known */
	int64_t date;			/* INTERNALDATE or mtime, seconds; 0 = not known */
	const char *server_id;		/* EMAILID, X-GM-MSGID; "" = none */
	/* We put it there, and the store has not shown it since: `flags` (of a half that is NEVER: the record's `agreed`) are
	 * what was sent, which need not be what was kept. */
	bool is_sent;
};

struct record {
	uint64_t id;			/* within the channel; 0 = not stored yet */
	uint32_t box;			/* enum-less number of the mailbox pair */
	struct record_half half[SIDES];
	bool has_agreed;
	struct flags agreed;
	enum record_mark mark;
	const char *why;		/* words for a mark or a trouble that needs them; "" = none */
	enum record_trouble trouble;
	unsigned troubled;		/* runs that met it; to 255; 0 = TROUBLE_NONE */
	unsigned refusals;		/* runs in which a store refused it without a reason (sync/env/refused.c); to 255 */
	struct ident ident;		/* of the pair: both halves are equal, but for a placeholder: record_ident() */
	enum record_placeholder placeholder;
	uint64_t instead;		/* MARK_REPLACED: the record of the message it stood for, in the same mailbox; else 0 */
};

#define RECORD_HALF_NEVER ((struct record_half){ .presence = PRESENCE_NEVER, .flags = { 0, "" }, \
	.hint = "", .server_id = "" })

/* A record with nothing in it. */
static inline struct record
record_blank(uint32_t box)
{
	return (struct record){ .box = box, .half = { RECORD_HALF_NEVER, RECORD_HALF_NEVER },
		.agreed = { 0, "" }, .why = "" };
}

/* The store keeps equal messages once, and has this one as that of another record. */
static inline bool
record_half_is_shared(const struct record_half *h)
{
	return h->presence == PRESENCE_NEVER && (h->basis == BASIS_SHARED || h->basis == BASIS_SHARED_TOLD);
}

static inline bool
record_is_pair(const struct record *r)
{
	return r->half[FAR].presence != PRESENCE_NEVER && r->half[NEAR].presence != PRESENCE_NEVER;
}

/* The side it is there on; FAR where it is there on both. */
static inline enum side
record_side(const struct record *r)
{
	return r->half[FAR].presence == PRESENCE_HERE ? FAR : NEAR;
}

static inline enum record_placeholder
placeholder_on(enum side s)
{
	return s == FAR ? PLACEHOLDER_FAR : PLACEHOLDER_NEAR;
}

static inline bool
placeholder_is_on(enum record_placeholder p, enum side s)
{
	return p == placeholder_on(s);
}

/* What it has on side s stands for the message on the other. */
static inline bool
record_is_placeholder(const struct record *r, enum side s)
{
	return placeholder_is_on(r->placeholder, s);
}

static inline bool
record_has_placeholder(const struct record *r)
{
	return record_is_placeholder(r, FAR) || record_is_placeholder(r, NEAR);
}

/* The side of the placeholder, of a record that has one. */
static inline enum side
record_placeholder_side(const struct record *r)
{
	return record_is_placeholder(r, FAR) ? FAR : NEAR;
}

/* By what its message on side s is known. */
static inline struct ident
record_ident(const struct record *r, enum side s)
{
	return record_is_placeholder(r, s) && !(r->ident.has & IDENT_PLACEHOLDER) ? ident_of_placeholder(&r->ident) : r->ident;
}

/* Of two that are one mail: which of them is a placeholder, as far as they were read. */
static inline enum record_placeholder
placeholder_of_twins(const struct record *far, const struct record *near)
{
	bool is_far = record_is_placeholder(far, FAR) || (far->ident.has & IDENT_PLACEHOLDER);
	bool is_near = record_is_placeholder(near, NEAR) || (near->ident.has & IDENT_PLACEHOLDER);

	return is_far == is_near ? PLACEHOLDER_NONE : is_far ? PLACEHOLDER_FAR : PLACEHOLDER_NEAR;
}

/* New on side s only: it is there, and was never seen on the other. */
static inline bool
record_is_single(const struct record *r, enum side s)
{
	return r->half[s].presence == PRESENCE_HERE && r->half[side_other(s)].presence == PRESENCE_NEVER;
}

/* No mark sets it aside for good: a twin that is found is its twin. */
static inline bool
record_may_pair(const struct record *r)
{
	return r->mark == MARK_NEW || r->mark == MARK_SKIPPED || r->mark == MARK_FAILED;
}

/* Of what becomes a pair as `from` goes on side t to where `to` is on the other, or a copy of it does. */
static inline enum record_placeholder
placeholder_of_moved(const struct record *from, const struct record *to, enum side t)
{
	return !record_has_placeholder(from) && record_is_placeholder(to, side_other(t)) ? to->placeholder : from->placeholder;
}

/* Makes `agreed` what both sides show, flag by flag, within what both can keep; for each flag they
 * differ in, agreed stays as it was. Strings of the result live in `a` or in *r. */
void record_agree(struct arena *a, struct record *r, const struct flag_mask mask[SIDES]);
/* As if it had come just now: neither set aside nor agreed on. */
void record_begin_anew(struct record *r);
/* Of a pair one half of which is a placeholder: what the two show, as far as it says anything of the message (plan.h, P21). */
void placeholder_shown(enum record_placeholder p, struct flags agreed, struct flags shown[SIDES]);

/* The store shows these flags of what we put there, for the first time (half s is_sent): what it did not keep of what was
 * sent was never agreed. Returns that. */
struct flags record_shown(struct arena *a, struct record *r, enum side s, struct flags shown);

/* True when no planner under any policy has anything to do for it: a pair that is here on both sides
 * with the same flags, or a message set aside by its mark; and not \Deleted anywhere. */
bool record_is_settled(const struct record *r, const struct flag_mask mask[SIDES]);

#endif
