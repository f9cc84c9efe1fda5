/* What the files behind state/state.h share with each other and with nobody else. */
#ifndef STATE_INSIDE_H
#define STATE_INSIDE_H

#include "state/base/buf.h"
#include "state/base/vec.h"
#include "state/codec.h"
#include "state/db.h"
#include "state/lock.h"
#include "state/state.h"

enum { STATE_VERSION = 1 };		/* of tables and keys; CODEC_VERSION is that of values */

/* First bytes of keys in DB_META and DB_BOXES. */
enum { META_VERSION = 'V', META_IDS = 'I', META_MEMORY = 'M' };
enum { BOXES_RECORD = 'B', BOXES_COUNTS = 'C', BOXES_NAME = 'N' };

/* Counts of one box, held in memory during a transaction and written once by state_commit. */
struct box_counts {
	uint32_t box;
	bool is_dirty;
	struct counts counts;
};

struct state {
	char *channel, *file;		/* file: NULL in memory */
	bool is_dry;
	struct lock lock;
	struct db *db;
	struct ids ids, stored_ids;	/* as of state_begin and since */
	VEC(struct box_counts) counts;	/* sorted by box */
	size_t counts_last;		/* index of the one used last */
	struct buf value, old;		/* of message_put: the record as it will be, as it was */
	struct buf seen;
};

/* keys.c: a key of fixed width: a byte, or a box number, and a number. */
struct state_key {
	unsigned char data[16];
	size_t len;
};
struct state_key state_key_u8(unsigned kind);
struct state_key state_key_u8_u32(unsigned kind, uint32_t n);
struct state_key state_key_u32(uint32_t n);
struct state_key state_key_u64(uint64_t n);
struct state_key state_key_u32_u64(uint32_t a, uint64_t b);
struct state_key state_key_u32_u8(uint32_t a, unsigned b);
struct db_val state_val(const struct state_key *k);
struct db_val state_buf_val(const struct buf *b);
uint64_t state_get_u64(const void *p);
uint32_t state_get_u32(const void *p);

/* Puts what is in `b` unless it is there already. */
int state_put_changed(struct state *s, enum db_table t, const struct state_key *k, const struct buf *b,
    struct err *e);

/* counts.c: the counts of a box that exists; NULL = error. Valid until the next call. */
struct box_counts *box_counts(struct state *s, uint32_t box, struct err *e);
int box_counts_put(struct state *s, uint32_t box, const struct counts *c, struct err *e);
int box_counts_flush(struct state *s, struct err *e);
void box_counts_forget(struct state *s, uint32_t box);

/* idents.c: the record's entries in DB_IDENTS; old NULL = it was not there, r NULL = it goes. */
int idents_change(struct state *s, uint64_t id, const struct record *old, const struct record *r, struct err *e);

struct state_key idents_key(uint64_t tag, uint64_t id);

/* message_put for a record whose state of settlement is known. */
int message_store(struct state *s, struct record *r, bool is_unsettled, struct err *e);
/* Is the stored record marked unsettled? Same results as message_next. */
int message_next_raw(struct state *s, struct arena *a, uint32_t box, uint64_t after, struct record *r_r,
    bool *is_unsettled_r, struct err *e);

/* Checks the version of the base in the open transaction, and brings an older one up to date. */
int state_migrate(struct state *s, struct err *e);

#endif
