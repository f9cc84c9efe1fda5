/* BAD in answer to a set of UIDs. RFC 9051 section 6.4.9 wants UIDs that are not there to be ignored without a word; GNU
 * Mailutils calls the command malformed, and does nothing of it for the messages that are there either. */
#include "sync/store/imap_inside.h"

#include "state/base/log.h"

static int
ask_range(struct imap_verify *w, const char *items, struct err *e)
{
	struct imap_command cmd;

	imap_begin(w->c, &cmd, IMAP_READ);
	imap_put(&cmd, "UID FETCH ");
	imap_put_uids_from(&cmd, w->at[0].uid);
	return imap_verify_send(w, &cmd, items, NULL, e);
}

int
imap_narrow(struct imap_verify *w, const char *items, struct err *e)
{
	size_t i;

	if (w->n == 0)
		return 0;
	log_line(LOG_IMAP, "BAD in answer to a set of UIDs: asked which of them are there");
	w->has_failed = w->is_set_bad = false;
	for (i = 0; i < w->n; i++)
		w->at[i].is_here = false;
	if (ask_range(w, items, e) < 0 || imap_settle(w->c, e) < 0)
		return -1;
	if (w->has_failed) {
		*e = w->err;
		return -1;
	}
	for (i = 0; i < w->n; i++)
		w->at[i].has_vanished |= !w->at[i].is_here;
	return 0;
}
