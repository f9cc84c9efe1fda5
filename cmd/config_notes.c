/* What the configuration's parser has to say, and where. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/config_parser.h"
#include "cmd/nearest.h"

static void
note(struct parser *p, enum config_note_kind kind, struct place at, const char *text)
{
	vec_push(&p->notes->all, (struct config_note){ .kind = kind, .line = at.line,
	    .column = at.column, .order = (unsigned)p->notes->all.n, .text = arena_strdup(&p->notes->arena, text) });
	p->notes->n_errors += kind == CONFIG_ERROR;
}

/* The message of fmt and ap, in memory the caller frees. */
static char *__attribute__((format(printf, 1, 0)))
format(const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	return text;
}

void
parser_error(struct parser *p, struct place at, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	note(p, CONFIG_ERROR, at, text);
	free(text);
}

void
parser_warn(struct parser *p, struct place at, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	note(p, CONFIG_WARNING, at, text);
	free(text);
}

void
parser_deprecated(struct parser *p, struct place at, const char *word, const char *instead)
{
	char *text = mem_printf("\"%s\" is deprecated: write \"%s\"", word, instead);
	bool was_told = false;

	for (size_t i = 0; i < p->notes->all.n; i++)
		was_told |= p->notes->all.at[i].kind == CONFIG_DEPRECATED && strcasecmp(p->notes->all.at[i].text, text) == 0;
	if (!was_told)
		note(p, CONFIG_DEPRECATED, at, text);
	free(text);
}

void
parser_unknown(struct parser *p, const struct config_word *word, const struct word *candidates,
    const char *fmt, ...)
{
	struct place at = { p->line->number, word->column };
	struct nearest near;
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	nearest_init(&near, word->text);
	for (; candidates->name != NULL; candidates++)
		if (candidates->instead == NULL)
			nearest_try(&near, candidates->name);
	if (nearest_word(&near) != NULL)
		parser_error(p, at, "%s; did you mean \"%s\"?", text, nearest_word(&near));
	else
		note(p, CONFIG_ERROR, at, text);
	free(text);
}

void
parser_unknown_word(struct parser *p, const struct config_word *word, const struct keyword *k)
{
	enum { FEW = 8 };
	struct buf only = { 0 };
	size_t n = 0;

	for (const struct word *w = k->words; w->name != NULL; w++)
		if (w->instead == NULL)
			buf_printf(&only, "%s%s", n++ == 0 ? " (only " : ", ", w->name);
	if (n > FEW)
		buf_clear(&only);
	else
		buf_addc(&only, ')');
	parser_unknown(p, word, k->words, "%s knows no \"%s\"%s", k->name, word->text, buf_str(&only));
	buf_release(&only);
}

struct place
parser_word(const struct parser *p, size_t i)
{
	return (struct place){ p->line->number, i < p->line->n ? p->line->words[i].column : 1 };
}

struct place
parser_seen(const struct parser *p, enum keyword_owner owner, size_t offset)
{
	struct place last = { 0, 0 };

	for (size_t i = 0; keywords[i].name != NULL; i++)
		if (keywords[i].owner == owner && keyword_has_field(&keywords[i]) &&
		    keywords[i].offset == offset && p->seen[i].line > last.line)
			last = p->seen[i];
	return last;
}

static int
note_order(const void *a, const void *b)
{
	const struct config_note *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

void
config_notes_sort(struct config_notes *notes)
{
	if (notes->all.n != 0)
		qsort(notes->all.at, notes->all.n, sizeof *notes->all.at, note_order);
}

void
config_notes_print(const struct config_notes *notes, const char *file, enum config_note_kind first, enum config_note_kind last,
    struct buf *out)
{
	static const char *const heads[] = { [CONFIG_ERROR] = "", [CONFIG_WARNING] = "warning: ", [CONFIG_DEPRECATED] = "notice: " };

	for (size_t i = 0; i < notes->all.n; i++)
		if (notes->all.at[i].kind >= first && notes->all.at[i].kind <= last)
			buf_printf(out, "%s:%u:%u: %s%s\n", file, notes->all.at[i].line, notes->all.at[i].column,
			    heads[notes->all.at[i].kind], notes->all.at[i].text);
}

void
config_notes_release(struct config_notes *notes)
{
	vec_release(&notes->all);
	notes->n_errors = 0;
	arena_release(&notes->arena);
}
