/* What the files that read replies share (replies*.c alone): the context of one reply, and the small things many have.
 * All return 0, or -1 with an error in c->e (imap_reader_bad). Strings are kept in the reply's arena. */
#ifndef SYNC_IMAP_REPLY_PARTS_H
#define SYNC_IMAP_REPLY_PARTS_H

#include "sync/imap/replies.h"
#include "sync/imap/words.h"

struct reply_context {
	struct imap_reader *r;
	struct imap_reply *reply;
	const struct imap_body_sink *sink;
	bool is_lsub;
	struct err *e;
};

int reply_bad(struct reply_context *c, const char *what);	/* -1 */
int reply_next(struct reply_context *c, struct imap_token *t);
int reply_expect(struct reply_context *c, enum imap_token_kind kind, const char *what);
/* In a list of atoms that is open: 1 with the next one, 0 behind the last, -1. what: for what else stands there. */
int reply_next_atom(struct reply_context *c, struct imap_token *t, const char *what);
/* A number of at most `max` as the next token. */
int reply_number(struct reply_context *c, uint64_t max, uint64_t *n_r);
/* A string as the next token. NIL is NULL where the caller has a use for it. */
int reply_string(struct reply_context *c, const char **s_r, size_t *len_r, bool may_be_nil);
/* "(id)" of OBJECTID (RFC 8474), or NIL. */
int reply_object_id(struct reply_context *c, const char **s_r);
/* A list of flags; the first token is to come. NIL is an empty one where that does no harm. */
int reply_flag_list(struct reply_context *c, struct words *w, bool may_be_nil);
/* "(n)" of MODSEQ. */
int reply_modseq(struct reply_context *c, uint64_t *n_r);

/* replies_fetch.c */
int reply_read_fetch(struct reply_context *c, uint32_t seq, uint32_t uid);	/* one of the two; 0 = not said */
void reply_fetch_clear(struct imap_fetch *f, uint32_t seq);
/* replies_flags.c: the next line, if it is at hand and brings no more than a UID and its flags. False: nothing was read. */
bool reply_take_flags(struct reply_context *c);
/* replies_list.c */
int reply_read_list(struct reply_context *c);
int reply_read_status(struct reply_context *c);
int reply_read_namespace(struct reply_context *c);
int reply_read_id(struct reply_context *c);
int reply_read_quota(struct reply_context *c);
/* replies_search.c */
int reply_read_vanished(struct reply_context *c);
int reply_read_search(struct reply_context *c);
int reply_read_esearch(struct reply_context *c);

#endif
