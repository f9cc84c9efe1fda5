/* What was sent goes into Sent, flagged \Seen, under a name that was chosen and recorded before: an earlier run may have been stopped behind its
 * arrival there. */
#include "sync/maildir/deliver.h"
#include "sync/maildir/msgfile.h"
#include "sync/outbox/inside.h"

static int
take(void *ctx, const char *p, size_t len, struct err *e)
{
	return deliver_data(ctx, p, len, e);
}

static int
copy(struct outbox_open *x, struct mdir *sent, const struct outbox_at *at, const struct outbox_mail *mail, const struct outbox_record *rec, struct err *e)
{
	const struct outbox_added added = { rec->message_id, rec->date };
	const struct deliver_body body = { .base = rec->name, .flags = FLAG_SEEN, .size = DELIVER_SIZE_UNKNOWN };
	struct deliver *d = deliver_new(sent, 1);
	const struct deliver_result *result;
	struct err broken;
	int status, written;

	status = deliver_begin(d, 0, &body, e);
	if (status == 0) {
		written = outbox_mail_write(&x->mdir, at->key, at->hint, mail, &added, true, take, d, &broken);
		status = deliver_end(d, written < 0 ? &broken : NULL, e);
		if (written < 0 && status == 0) {
			*e = broken;
			status = -1;
		}
	}
	if (deliver_finish(d, status == 0 ? e : &broken) < 0)
		status = -1;
	result = deliver_result(d, 0);
	if (status == 0 && result->state != DELIVER_DONE) {
		*e = result->err;
		status = -1;
	}
	deliver_free(&d);
	return status;
}

static int
keep_copy(struct outbox_open *x, const struct outbox_at *at, const struct outbox_mail *mail, const struct outbox_record *rec, bool was_begun,
    struct err *e)
{
	struct mdir sent = MDIR_CLOSED;
	int status;

	if (outbox_open_sent(x, &sent, e) < 0)
		return -1;
	status = mdir_prepare(&sent, e);
	if (status == 0 && was_begun && mdir_find(&sent, key_from_string(rec->name), e) != NULL)
		status = mdir_sync(&sent, e);
	else if (status == 0)
		status = copy(x, &sent, at, mail, rec, e);
	mdir_close(&sent);
	return status;
}

int
outbox_file(struct outbox_open *x, const struct outbox_at *at, const struct outbox_mail *mail, const struct outbox_record *rec, bool was_begun,
    struct err *e)
{
	if (x->o->keeps_copy && keep_copy(x, at, mail, rec, was_begun, e) < 0)
		return err_context(e, "it was sent, and cannot be filed in \"%s\"", x->o->sent);
	if (msgfile_remove(&x->mdir, at->key, at->hint, 0, 0, e) < 0 || mdir_sync(&x->mdir, e) < 0)
		return -1;
	return outbox_record_keep(x->state, at->key, NULL, e);
}
