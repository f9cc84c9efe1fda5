/* What went wrong, told so that every layer above can decide without parsing text.
 *
 * The lowest function that knows what happened fills the error; functions in the middle add context
 * with err_context(); only cmd/ decides on an exit code and prints.
 *
 * Invariants:
 *   1. struct err is the caller's, of fixed size, and never allocates.
 *   2. A function that returns -1 has filled *e; one that returns 0 has not touched it.
 *   3. text never holds a secret.
 */
#ifndef STATE_BASE_ERR_H
#define STATE_BASE_ERR_H

#include <stdbool.h>

/* How far the damage goes: what must be given up. */
enum err_scope {
	ERR_MESSAGE,		/* this message only */
	ERR_BOX,		/* this mailbox */
	ERR_STORE,		/* this store (account, Maildir root): the channel cannot go on */
	ERR_RUN,		/* the whole run */
};

/* When trying again makes sense. */
enum err_retry {
	ERR_NEVER,		/* only after somebody changed something (--retry-failed for messages) */
	ERR_LATER,		/* in another run */
	ERR_NOW,		/* at once, within this run */
};

/* What cmd/ makes an exit code of. */
enum err_class {
	ERR_FAILED,		/* 1: something failed */
	ERR_USAGE,		/* 2: command line or configuration */
	ERR_TEMPORARY,		/* 75: try again later (lock, network) */
	ERR_REFUSED,		/* 77: credentials or certificate */
	ERR_CANCELLED,		/* stopped at a safe point because the user asked */
};

#define ERR_TEXT_SIZE 1024

struct err {
	enum err_scope scope;
	enum err_retry retry;
	enum err_class class;
	int sys;			/* errno behind it, 0 = none */
	unsigned wait_ms;		/* the other end asks for this much patience; 0 = it did not say */
	char text[ERR_TEXT_SIZE];	/* one sentence, with the thing's name, no newline */
};

/* Fills *e (class ERR_FAILED, retry ERR_LATER) and returns -1, so that callers can
 * `return err_set(...)`. Text that does not fit is cut at a UTF-8 boundary and ends in "...". */
int err_set(struct err *e, enum err_scope scope, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with ": " and the message of errno `sys` behind the text. */
int err_sys(struct err *e, enum err_scope scope, int sys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Fills *e with a chosen class and retry. Returns -1. */
int err_class(struct err *e, enum err_scope scope, enum err_class class, enum err_retry retry,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Puts "context: " before the text. Returns -1. */
int err_context(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Widens the scope to at least `scope`. Returns -1. */
int err_widen(struct err *e, enum err_scope scope);

#endif
