/* What a session shows of itself and of its server. */
#include "sync/imap/engine.h"

#include <string.h>

const char *
imap_words(const struct imap_session *s, const char *text)
{
	return s->is_unprotected ? "its words came before TLS and may be anybody's" : text;
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
imap_session_greeting(const struct imap_session *s)
{
	return s->greeting;
}

const char *
imap_session_mechanism(const struct imap_session *s)
{
	return s->mechanism;
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
