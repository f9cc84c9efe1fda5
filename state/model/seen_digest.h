/* What a side of a mailbox holds, as one number: the sum over its messages of what each is called there and which flags it
 * has. Equal sums of as many messages are equal lists, whatever order they come in; so a list of flags that streams by is
 * held against the base without either being kept or read.
 */
#ifndef STATE_MODEL_SEEN_DIGEST_H
#define STATE_MODEL_SEEN_DIGEST_H

#include "state/model/flags.h"
#include "state/model/key.h"

uint64_t seen_digest(struct key key, struct flags flags);
uint64_t seen_digest_uid(uint32_t uid, struct flags flags);	/* the same, of the key of that UID */

#endif
