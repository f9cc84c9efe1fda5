/* What a check of the installation finds, in words for people (`mailtwin check`): each part of the program tells what it knows of itself,
 * to whoever listens.
 *
 * How it is used: the listener fills a struct findings; who knows something says finding_ok(), finding_warn() or finding_fail().
 *
 * What must always hold: a finding is one sentence without newline, names no secret, and what is no `ok` says what to do, if anybody knows.
 */
#ifndef STATE_BASE_FINDING_H
#define STATE_BASE_FINDING_H

#include "state/base/err.h"

enum finding_level {
	FINDING_OK,
	FINDING_WARNING,		/* it works, and not as it should, or not for long */
	FINDING_ERROR,			/* a run would fail of it */
};

struct finding {
	enum finding_level level;
	enum err_class class;		/* of an error: what a run would end with */
	const char *what;		/* a fixed word: "address", "login"; the manual lists them */
	const char *where;		/* "account work", "store disk", "channel mail", a file */
	const char *text;
	const char *remedy;		/* what to do: a command, or the line to write; NULL = nothing */
};

/* Who listens. The finding is borrowed for the call. */
struct findings {
	void (*got)(void *ctx, const struct finding *f);
	void *ctx;
};

void finding_ok(const struct findings *out, const char *what, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void finding_warn(const struct findings *out, const char *what, const char *where, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* What an error says; `where` at its beginning is not said twice. */
void finding_fail(const struct findings *out, const char *what, const char *where, const char *remedy, const struct err *e);

#endif
