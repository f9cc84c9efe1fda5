/* What messages are that are about to go: asked for along with that, so that the log can name them. */
#include "sync/store/imap_inside.h"

enum { HEADER_MOST = 4096, PER_COMMAND = 200 };

static int
on_body_begin(void *ctx, const struct imap_fetch *f, const struct imap_body *body)
{
	struct imap_words *w = ctx;

	if (f->n_bodies == 0)
		buf_clear(&w->header);
	return f->n_bodies == 0 && !body->is_nil && strncmp(body->section, "HEADER", 6) == 0 ? 0 : -1;
}

static int
on_body_data(void *ctx, const void *p, size_t len)
{
	struct imap_words *w = ctx;
	const size_t room = HEADER_MOST - w->header.len;

	buf_add(&w->header, p, len < room ? len : room);
	return 0;
}

static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	struct imap_words *w = ctx;
	struct imap_verified *v = f->uid != 0 && f->n_bodies > 0 && !f->is_contradictory ? imap_verify_find(w->verify, f->uid) : NULL;

	/* A server may say it again and again. */
	if (v != NULL && v->words.subject == NULL)
		store_words_read(w->verify->arena, buf_str(&w->header), w->header.len, &v->words);
	buf_clear(&w->header);
}

static const struct imap_events words_events = { .fetch = on_fetch, .body_begin = on_body_begin, .body_data = on_body_data };

int
imap_words_ask(struct imap_words *w, const uint32_t *uids, size_t n, bool is_saved, struct err *e)
{
	struct imap_conn *c = w->verify->c;
	const size_t most = imap_at_most(c, PER_COMMAND);
	struct imap_command cmd;
	size_t at = 0, part;
	int status = 0;

	while (at < n && status == 0) {
		imap_begin(c, &cmd, IMAP_READ);
		imap_put(&cmd, "UID FETCH ");
		part = n - at < most ? n - at : most;
		if (is_saved)
			imap_put_saved(&cmd, uids, part = n);
		else
			part = imap_put_uids(&cmd, uids + at, part, 128);
		imap_put(&cmd, " (UID BODY.PEEK[HEADER.FIELDS (DATE FROM SUBJECT)])");
		status = imap_send(c->s, &cmd, &words_events, w, NULL, e);
		imap_command_release(&cmd);
		at += part;
	}
	return status;
}
