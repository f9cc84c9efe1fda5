/* What the base stores, as bytes and back.
 *
 * Every value: version 1 byte (CODEC_VERSION), its fields, then a CRC-32 (zlib's) of all before it,
 * so that any change to stored bytes is told. Numbers are big-endian and fixed in width; a string is
 * its bytes and a NUL, so that decoding borrows it in place. state/README.md lists every field.
 *
 * encode_* append to a buffer. decode_* return 0, or -1 when the bytes are not what encode_* makes;
 * strings and keys of what they fill point into the value.
 */
#ifndef STATE_CODEC_H
#define STATE_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/db.h"
#include "state/model/record.h"
#include "state/state.h"

enum { CODEC_VERSION = 1 };

/* Next numbers to give out. */
struct ids {
	uint32_t box;
	uint64_t record, intent, log;
};

/* Kept apart from the box record, because they change with every message. */
struct counts {
	uint64_t records, unsettled, here[SIDES];
	bool has_digest;		/* false: written by a program that kept none */
	uint64_t digest[SIDES];		/* of what is here (state/model/seen_digest.h) */
};

/* An entry of DB_KEYS: message_seen without its key. */
struct seen {
	uint64_t id;
	enum presence presence;
	uint32_t sys, tail;
};

void encode_record(struct buf *b, const struct record *r, bool is_unsettled);
int decode_record(struct db_val v, struct record *r_r, bool *is_unsettled_r);	/* not id and box */
void encode_box(struct buf *b, const struct box_record *box);
int decode_box(struct db_val v, struct box_record *box_r);			/* not id and counts */
void encode_counts(struct buf *b, const struct counts *c);
int decode_counts(struct db_val v, struct counts *c_r);
void encode_seen(struct buf *b, const struct seen *s);
int decode_seen(struct db_val v, struct seen *s_r);
void encode_intent(struct buf *b, const struct intent *i);
int decode_intent(struct db_val v, struct intent *i_r);			/* not id */
void encode_log(struct buf *b, const struct log_entry *l);
int decode_log(struct db_val v, struct log_entry *l_r);			/* not id */
void encode_ids(struct buf *b, const struct ids *ids);
int decode_ids(struct db_val v, struct ids *ids_r);
void encode_u32(struct buf *b, uint32_t n);
int decode_u32(struct db_val v, uint32_t *n_r);
void encode_string(struct buf *b, const char *s);
int decode_string(struct db_val v, const char **s_r);

#endif
