#include "state/base/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void __attribute__((format(printf, 3, 0)))
tell(const struct findings *out, struct finding *f, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	f->text = text;
	out->got(out->ctx, f);
	free(text);
}

void
finding_ok(const struct findings *out, const char *what, const char *where, const char *fmt, ...)
{
	struct finding f = { .level = FINDING_OK, .what = what, .where = where };
	va_list ap;

	va_start(ap, fmt);
	tell(out, &f, fmt, ap);
	va_end(ap);
}

void
finding_warn(const struct findings *out, const char *what, const char *where, const char *remedy, const char *fmt, ...)
{
	struct finding f = { .level = FINDING_WARNING, .what = what, .where = where, .remedy = remedy };
	va_list ap;

	va_start(ap, fmt);
	tell(out, &f, fmt, ap);
	va_end(ap);
}

/* "account work (imap.example.org:993): cannot connect" of "account work" is "cannot connect". */
static const char *
without_place(const char *text, const char *where)
{
	const size_t len = strlen(where);
	const char *colon;

	if (strncmp(text, where, len) != 0 || (text[len] != ':' && text[len] != ' '))
		return text;
	colon = strstr(text + len, ": ");
	if (text[len] == ' ' && (text[len + 1] != '(' || colon == NULL || colon[-1] != ')'))
		return text;
	return colon != NULL ? colon + 2 : text;
}

void
finding_fail(const struct findings *out, const char *what, const char *where, const char *remedy, const struct err *e)
{
	out->got(out->ctx, &(struct finding){ .level = FINDING_ERROR, .class = e->class, .what = what, .where = where,
		.text = without_place(e->text, where), .remedy = remedy });
}
