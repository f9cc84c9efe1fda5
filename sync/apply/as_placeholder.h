/* A body on its way that is too large for where it goes (P21): of what comes the header is kept, and the rest let go by.
 *
 * Use: as_placeholder_begin(), as_placeholder_data() ..., as_placeholder_end(); nothing is under way before and after.
 */
#ifndef SYNC_APPLY_AS_PLACEHOLDER_H
#define SYNC_APPLY_AS_PLACEHOLDER_H

#include "state/base/buf.h"
#include "sync/apply/apply_inside.h"
#include "sync/message/digest.h"

struct as_placeholder *as_placeholder_new(void);
void as_placeholder_free(struct as_placeholder **p);
/* listed: octets of the message, 0 = as head says. */
void as_placeholder_begin(struct as_placeholder *p, const struct body_head *head, uint64_t listed);
/* False: none is under way. */
bool as_placeholder_data(struct as_placeholder *p, const void *data, size_t len);
bool as_placeholder_is_under_way(const struct as_placeholder *p);
void as_placeholder_stop(struct as_placeholder *p);
/* What stands for it, with its head; of the message its identity, by header and size. 1; 0 nothing can, or it would not be known again; -1. */
int as_placeholder_end(struct as_placeholder *p, struct digest *digest, bool is_flagged, struct buf *text_r, struct body_head *head_r,
    struct ident *ident_r, struct err *e);

#endif
