/* Flags off the wire, gathered word by word into the words of state/model/flags.h. */
#ifndef SYNC_IMAP_WORDS_H
#define SYNC_IMAP_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "state/model/flags.h"

/* Of one message: no server keeps as many, and what is kept of each message would grow without end. */
enum { WORDS_OCTETS_MAX = 64 * 1024 };

struct words {			/* zeroed = none yet */
	uint32_t sys;
	bool is_recent;
	bool has_any;			/* \* */
	struct buf kw;			/* keywords with a blank between */
};

/* One flag: "\Seen", "$Forwarded", "work". System flags we do not know are left out: they cannot be
 * stored by a client either. */
void words_flag(struct words *w, const char *s, size_t len);
void words_release(struct words *w);
struct flags words_flags(const struct words *w, struct arena *a);
void words_mask(const struct words *w, struct arena *a, struct flag_mask *mask_r);

/* " (\Seen $Forwarded work)" without the first blank: the flags as the wire wants them. */
void words_write(struct buf *out, struct flags flags);

#endif
