/* A message in words for people: its UID, and lines of its header. */
#include "sync/store/imap_inside.h"

enum { HEADER_MOST = 4096 };

struct describing { uint32_t uid; struct buf header; };

static int
on_body_begin(void *ctx, const struct imap_fetch *f, const struct imap_body *body)
{
	const struct describing *w = ctx;

	return (f->uid == 0 || f->uid == w->uid) && !body->is_nil && strncmp(body->section, "HEADER", 6) == 0 ? 0 : -1;
}

static int
on_body_data(void *ctx, const void *p, size_t len)
{
	struct describing *w = ctx;

	if (w->header.len + len > HEADER_MOST)
		return -1;
	buf_add(&w->header, p, len);
	return 0;
}

static const struct imap_events describe_events = { .body_begin = on_body_begin, .body_data = on_body_data };

int
imap_describe(struct session *session, const char *box, uint64_t epoch, struct key key, const char *hint, struct arena *a,
    struct message_words *words_r, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct describing w = { .uid = key_uid(key) };
	struct imap_command cmd;
	unsigned ticket;
	int status;

	(void)hint;
	*words_r = (struct message_words){ .place = arena_printf(a, "UID %u", w.uid) };
	status = imap_enter_ahead(c, box, &ticket, e);
	if (status == 0)
		status = imap_entered(c, box, ticket, epoch, e);
	if (status == 0) {
		imap_begin(c, &cmd, IMAP_READ);
		imap_put(&cmd, "UID FETCH ");
		(void)imap_put_uids(&cmd, &w.uid, 1, 0);
		imap_put(&cmd, " (UID BODY.PEEK[HEADER.FIELDS (DATE FROM SUBJECT)])");
		status = imap_send(c->s, &cmd, &describe_events, &w, NULL, e);
		imap_command_release(&cmd);
	}
	/* Nobody may be told of w once it is gone. */
	if (imap_session_is_alive(c->s) && imap_settle(c, e) < 0)
		status = -1;
	store_words_read(a, buf_str(&w.header), w.header.len, words_r);
	buf_release(&w.header);
	return status < 0 && !imap_session_is_alive(c->s) ? err_widen(e, ERR_STORE) : status;
}
