/* A session between two syncs (sync/channel.h). No mailbox is selected meanwhile, so that what becomes of one then reaches nobody who would
 * take it for the next sync's: its SELECT and STATUS show how it stands. */
#include "sync/store/imap_inside.h"

int
imap_rest(struct session *session, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	size_t i;

	if (imap_unselect(c->s, e) < 0)
		return -1;
	free(c->selected);
	c->selected = NULL;
	for (i = 0; i < c->watches.n; i++)
		free(c->watches.at[i]);
	c->watches.n = 0;
	/* The list that came with the login, and that nobody asked for any more, is of this sync. */
	if (c->early != NULL) {
		listing_release(c->early);
		imap_list_end(&c->early_work);
		free(c->early);
		c->early = NULL;
	}
	imap_expunged(c->st);
	return 0;
}

/* A server that ended it has said so, or its end of the line is closed. A line that was cut in between shows only once it is used. */
int
imap_wake(struct session *session, bool asks, struct err *e)
{
	static const struct imap_events none;
	struct imap_conn *c = imap_conn_of(session);
	struct imap_answer answer;
	struct imap_command cmd;
	int status;

	if (imap_hear(c->s, e) < 0)
		return err_widen(e, ERR_STORE);
	if (!asks)
		return 0;
	imap_begin(c, &cmd, IMAP_ANY);
	imap_put(&cmd, "NOOP");
	status = imap_run(c->s, &cmd, &none, NULL, &answer, e);
	imap_command_release(&cmd);
	return status < 0 || answer.status == IMAP_LOST || answer.status == IMAP_UNSENT ? err_widen(e, ERR_STORE) : 0;
}
