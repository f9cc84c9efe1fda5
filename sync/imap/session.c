/* A session that is open: what is known of it, its compression, its end. open.c makes it. */
#include <stdlib.h>

#include "state/base/log.h"
#include "state/base/mem.h"
#include "sync/imap/engine.h"

void
imap_session_release(struct imap_session **s)
{
	imap_selections_release(*s);
	imap_reader_free(&(*s)->reader);
	imap_reply_release(&(*s)->reply);
	imap_caps_release(&(*s)->caps);
	imap_memory_release(&(*s)->memory);
	buf_release(&(*s)->challenge);
	buf_release(&(*s)->bye);
	vec_release(&(*s)->pending);
	free(*s);
	*s = NULL;
}

void
imap_session_close(struct imap_session **s)
{
	struct err why, ignored;

	if (*s == NULL)
		return;
	if (!(*s)->is_dead) {
		err_class(&why, ERR_STORE, ERR_CANCELLED, ERR_NOW, "%s: the session was closed", (*s)->label);
		/* Behind unanswered commands a LOGOUT could not be told from their end. */
		if ((*s)->pending.n == 0 && (*s)->stream != NULL) {
			(*s)->is_leaving = true;
			if (mailstream_write(stream_mail((*s)->stream), "Z LOGOUT\r\n", 10) == 10)
				(void)mailstream_flush(stream_mail((*s)->stream));
		}
		(void)imap_die(*s, &why, &ignored);
	}
	imap_session_release(s);
}

int
imap_ask(struct imap_session *s, const char *text, struct imap_answer *answer_r, struct err *e)
{
	struct imap_command c;

	imap_command_init(&c, IMAP_ANY, &s->caps, s->is_utf8);
	imap_put(&c, text);
	return imap_run(s, &c, NULL, NULL, answer_r, e);
}

int
imap_session_compress(struct imap_session *s, struct err *e)
{
	struct imap_answer a;
	struct err why;

	if (s->is_dead) {
		*e = s->failure;
		return -1;
	}
	if (stream_is_deflated(s->stream) || !imap_caps_has(&s->caps, IMAP_CAP_COMPRESS_DEFLATE))
		return 0;
	if (imap_finish(s, e) < 0 || imap_ask(s, "COMPRESS DEFLATE", &a, e) < 0)
		return -1;
	if (a.status != IMAP_OK) {
		log_line(LOG_IMAP, "%s: no compression: %s", s->label, a.text);
		s->caps.disabled |= UINT64_C(1) << IMAP_CAP_COMPRESS_DEFLATE;
		return 0;
	}
	if (imap_reader_unread(s->reader, &why) < 0 || stream_deflate(s->stream, &why) < 0)
		return imap_die(s, &why, e);
	return 0;
}
