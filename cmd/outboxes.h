/* The outboxes of a configuration: those of channels, and those of MaildirStores.
 *
 * What must always hold: a mailbox is one outbox, with one account, whoever names it.
 */
#ifndef CMD_OUTBOXES_H
#define CMD_OUTBOXES_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/settings.h"
#include "state/base/err.h"
#include "state/base/vec.h"

struct outbox_place {
	const char *name;		/* of the channel or the store that says it */
	const struct store_settings *store;
	const struct account_settings *account;
	const char *box, *sent;		/* in the store, with the channel's prefix */
	bool keeps_copy;
};

/* Zero-initialised = none. */
struct outboxes { VEC(struct outbox_place) all; };

/* Each once, in the order of the file; strings in the arena. */
void outboxes_all(const struct settings *s, struct arena *a, struct outboxes *out);
/* Those that a run of this channel sends. */
void outboxes_of(const struct channel_settings *c, struct arena *a, struct outboxes *out);
void outboxes_release(struct outboxes *o);
/* This mailbox is one of them. */
bool outboxes_has(const struct outboxes *o, const struct outbox_place *place);

/* -1 (ERR_USAGE): a mailbox is an outbox in two ways. */
int outboxes_check(const struct settings *s, struct err *e);

/* The patterns of a channel, and behind them what keeps out the outboxes of its stores; in the arena. */
struct settings_list outboxes_left_out(const struct settings *s, const struct channel_settings *c, struct arena *a);

/* A store with an outbox that no channel has, as what a run may have for a target: nothing is synchronised of it. NULL = it is none, or a channel
 * has it. */
struct channel_settings *outboxes_alone(const struct settings *s, struct store_settings *store, struct arena *a);

#endif
