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

const char *
imap_words(const struct imap_session *s, const char *text)
{
	return s->is_unprotected ? "its words came before TLS and may be anybody's" : text;
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

const struct imap_caps *
imap_session_caps(const struct imap_session *s)
{
	return &s->caps;
}

bool
imap_session_is_utf8(const struct imap_session *s)
{
	return s->is_utf8;
}

bool
imap_session_has_qresync(const struct imap_session *s)
{
	return s->has_qresync;
}

bool
imap_session_is_dovecot(const struct imap_session *s)
{
	return s->is_dovecot;
}

bool
imap_session_has_condstore(const struct imap_session *s)
{
	return s->has_condstore || imap_caps_has(&s->caps, IMAP_CAP_CONDSTORE);
}

bool
imap_session_is_uidonly(const struct imap_session *s)
{
	return s->is_uidonly;
}

bool
imap_session_shows_closed(const struct imap_session *s)
{
	return s->memory.shows_closed;
}

bool
imap_session_is_alive(const struct imap_session *s)
{
	return !s->is_dead;
}

const char *
imap_session_label(const struct imap_session *s)
{
	return s->label;
}

struct stream *
imap_session_stream(struct imap_session *s)
{
	return s->stream;
}

const char *
imap_session_prefix(const struct imap_session *s, char *delimiter_r)
{
	*delimiter_r = s->memory.delimiter;
	return buf_str(&s->memory.prefix);
}

void
imap_session_memory(const struct imap_session *s, struct imap_memory *m)
{
	imap_memory_release(m);
	memcpy(m->mechanism, s->memory.mechanism, sizeof m->mechanism);
	m->is_stepwise = s->memory.is_stepwise;
	m->refuses_binding = s->memory.refuses_binding;
	m->offered = s->memory.offered;
	m->shows_closed = s->memory.shows_closed;
	m->needs_uidonly = s->memory.needs_uidonly;
	m->delimiter = s->memory.delimiter;
	buf_add(&m->prefix, buf_str(&s->memory.prefix), s->memory.prefix.len);
	buf_add(&m->caps, buf_str(&s->caps.list), s->caps.list.len);
}
