/* What an answer that is not OK means for the run: how far the damage goes, whether to try again
 * (RFC 5530, RFC 9051 section 7.1, and what Exchange says in plain text). */
#include <limits.h>
#include <stdio.h>

#include "sync/imap/engine.h"

static const struct meaning {
	enum imap_code_kind code;
	enum err_scope scope;
	enum err_class class;
	enum err_retry retry;
} meanings[] = {
	{ IMAP_CODE_AUTHENTICATIONFAILED, ERR_STORE, ERR_REFUSED, ERR_NEVER },
	{ IMAP_CODE_AUTHORIZATIONFAILED, ERR_STORE, ERR_REFUSED, ERR_NEVER },
	{ IMAP_CODE_EXPIRED, ERR_STORE, ERR_REFUSED, ERR_NEVER },
	{ IMAP_CODE_PRIVACYREQUIRED, ERR_STORE, ERR_REFUSED, ERR_NEVER },
	{ IMAP_CODE_CONTACTADMIN, ERR_STORE, ERR_FAILED, ERR_NEVER },
	{ IMAP_CODE_UNAVAILABLE, ERR_STORE, ERR_TEMPORARY, ERR_LATER },
	{ IMAP_CODE_SERVERBUG, ERR_BOX, ERR_FAILED, ERR_LATER },
	{ IMAP_CODE_INUSE, ERR_BOX, ERR_TEMPORARY, ERR_LATER },
	{ IMAP_CODE_CORRUPTION, ERR_BOX, ERR_FAILED, ERR_LATER },
	{ IMAP_CODE_NONEXISTENT, ERR_BOX, ERR_FAILED, ERR_LATER },
	{ IMAP_CODE_TRYCREATE, ERR_BOX, ERR_FAILED, ERR_LATER },
	{ IMAP_CODE_ALREADYEXISTS, ERR_BOX, ERR_FAILED, ERR_LATER },
	{ IMAP_CODE_NOPERM, ERR_BOX, ERR_FAILED, ERR_LATER },
	/* What is full takes no further message, but everything else still works. */
	{ IMAP_CODE_OVERQUOTA, ERR_BOX, ERR_TEMPORARY, ERR_LATER },
	{ IMAP_CODE_LIMIT, ERR_BOX, ERR_TEMPORARY, ERR_LATER },
	{ IMAP_CODE_TOOBIG, ERR_MESSAGE, ERR_FAILED, ERR_NEVER },
	{ IMAP_CODE_EXPUNGEISSUED, ERR_MESSAGE, ERR_FAILED, ERR_NOW },
};

static int
result_err(const struct imap_session *s, enum imap_status status, enum imap_code_kind code, uint64_t backoff,
    const char *text, enum err_scope scope, const char *what, struct err *e)
{
	struct meaning m = { code, scope, ERR_FAILED, ERR_LATER };

	if (status == IMAP_LOST || status == IMAP_UNSENT) {
		if (s->is_dead) {
			*e = s->failure;
			return err_context(e, "%s", what);
		}
		return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s: %s: no answer came", s->label, what);
	}
	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		if (meanings[i].code == code)
			m = meanings[i];
	if (backoff != 0) {
		m.scope = ERR_STORE;
		m.class = ERR_TEMPORARY;
	}
	/* Never narrower than the operation itself: a SELECT refused with [TOOBIG] is not one message. */
	if (m.scope < scope)
		m.scope = scope;
	err_class(e, m.scope, m.class, m.retry, "%s: %s: %s", s->label, what,
	    text[0] != '\0' ? imap_words(s, text) : status == IMAP_BAD ? "the server does not understand" : "the server refuses");
	e->wait_ms = backoff < UINT_MAX ? (unsigned)backoff : UINT_MAX;
	return -1;
}

int
imap_result_err(const struct imap_session *s, const struct imap_result *result, enum err_scope scope,
    const char *what, struct err *e)
{
	return result_err(s, result->status, result->code->kind, result->code->backoff, result->text, scope,
	    what, e);
}

int
imap_answer_err(const struct imap_session *s, const struct imap_answer *answer, enum err_scope scope,
    const char *what, struct err *e)
{
	return result_err(s, answer->status, answer->code, answer->backoff, answer->text, scope, what, e);
}
