/* The simulated messages: bytes with a hidden serial in the body, and what stores make of them. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/message/digest.h"

enum { WIRE_MOST = 800 };		/* but for what pads it */

static void
add_line(char *wire, size_t *n, const char *text)
{
	*n += (size_t)sprintf(wire + *n, "%s\r\n", text);
}

/* ---- identities ---- */

static void
identify(struct form *f, bool is_plain, uint64_t told)
{
	static struct digest *d;
	struct err e;
	int status;

	if (d == NULL)
		d = digest_new(&e);
	assert(d != NULL);
	digest_start(d, DIGEST_MESSAGE);
	digest_feed(d, f->wire, f->wire_len);
	status = digest_end(d, &f->ident, &e);
	f->head = f->ident;
	f->head.has &= ~(unsigned)IDENT_FULL;
	f->head.size += told - f->wire_len;
	/* What is dropped of a body is not known from the header. */
	if (!is_plain && status == 0) {
		digest_start(d, DIGEST_HEADER);
		digest_feed(d, f->wire, f->wire_len);
		status = digest_end_header(d, told, &f->head, &e);
	}
	assert(status == 0);
	(void)status;
}

/* ---- forms ---- */

static void
write_header(const struct content *c, unsigned changes, struct form *f)
{
	const char *name = !(c->features & FORM_ASCII) ? "mail" : changes & FORM_ASCII ? "maXl" : "ma\xefl";
	const char *end = (c->features & FORM_TRIMMED) && !(changes & FORM_TRIMMED) ? " \t" : "";
	char line[80];

	snprintf(line, sizeof line, "From: p%d@example.org%s", c->header % 3, end);
	add_line(f->wire, &f->wire_len, line);
	if (changes & FORM_STATUS)
		add_line(f->wire, &f->wire_len, "Status: RO\r\nX-Status: A\r\nX-UID: 17");
	snprintf(line, sizeof line, "Subject: %s %03d", name, c->header);
	add_line(f->wire, &f->wire_len, line);
	if (c->header % 4 != 0) {
		snprintf(line, sizeof line, "Message-ID: <%03d@sim>%s", c->header, end);
		add_line(f->wire, &f->wire_len, line);
	}
	add_line(f->wire, &f->wire_len, "");
}

/* As plan.h, P21, has it: written down once more, for nothing of the program may decide what is right. */
static void
write_words(const struct content *c, unsigned changes, struct form *f)
{
	char *subject = memmem(f->wire, f->wire_len, "Subject: ", 9), *at;
	char line[120];

	at = subject + 9;
	memmove(at + 14, at, f->wire_len - (size_t)(at - f->wire));
	memcpy(at, "[placeholder] ", 14);
	f->wire_len += 14;
	snprintf(line, sizeof line, "Having a size of %dKiB, this message is over the MaxSize limit.", (int)(content_form(c, 0)->wire_len >> 10));
	add_line(f->wire, &f->wire_len, line);
	add_line(f->wire, &f->wire_len, "Flag it and sync again (Sync mode Upgrade) to fetch its real contents.");
	if (changes & FORM_IMPORTANT) {
		add_line(f->wire, &f->wire_len, "");
		add_line(f->wire, &f->wire_len, "The original message is flagged as important.");
	}
}

static void
write_body(const struct content *c, unsigned changes, size_t pad, struct form *f)
{
	char line[80];
	size_t i;

	snprintf(line, sizeof line, "serial %03d", c->serial);
	add_line(f->wire, &f->wire_len, line);
	for (i = 0; i < pad; i++)
		f->wire[f->wire_len++] = (char)('a' + i % 26);
	if (c->has_line)
		add_line(f->wire, &f->wire_len, !(c->features & FORM_NO_CR) ? " ba.re" : changes & FORM_NO_CR ? " bare" : " ba\rre");
	add_line(f->wire, &f->wire_len, "");
}

static struct form *
make_form(const struct content *c, unsigned changes, size_t pad)
{
	struct form *f = mem_alloc(sizeof *f);
	size_t i;

	f->wire = mem_alloc(WIRE_MOST + pad);
	write_header(c, changes, f);
	if (changes & FORM_PLACEHOLDER)
		write_words(c, changes, f);
	else
		write_body(c, changes, pad, f);
	f->file = mem_alloc(f->wire_len);
	for (i = 0; i < f->wire_len; i++)
		if (f->wire[i] != '\r' || f->wire[i + 1] != '\n')
			f->file[f->file_len++] = f->wire[i];
	identify(f, c->features == 0 && changes == 0, f->wire_len + c->is_misstated);
	return f;
}

const struct form *
content_form(const struct content *c, unsigned changes)
{
	unsigned real = changes & (c->features | FORM_STATUS | FORM_PLACEHOLDER | FORM_IMPORTANT);

	if (c->form[real] == NULL)
		((struct content *)(uintptr_t)c)->form[real] = make_form(c, real, c->pad);
	return c->form[real];
}

/* Where only header and size are looked at, other bodies under one header differ in size: by more than stores add or drop. */
static size_t
pad_of(const struct sim *s, const struct content *c)
{
	size_t n = (size_t)c->serial;

	/* Between two and three KiB, however its lines end. */
	if (s->is_sized && n % 3 == 1)
		return 2400;

	if (s->is_same_size)
		return 9;
	if (s->is_alike_by_two)
		n = c->header == c->serial ? n & ~(size_t)1 : ORACLE_SERIALS + n;
	return 9 + 16 * n;
}

struct content *
content_new(struct sim *s, int header)
{
	struct content *c;

	if (s->contents == ORACLE_SERIALS)
		return NULL;
	c = mem_alloc(sizeof *c);
	c->serial = s->contents;
	c->header = header >= 0 && !s->is_sized ? s->content[header]->header : c->serial;
	c->has_line = s->has_features;
	/* Equal headers have equal features. */
	if (s->has_features)
		c->features = (c->header % 3 == 0 ? FORM_ASCII : 0) | (c->header % 5 == 1 ? FORM_TRIMMED : 0) |
		    (c->serial % 3 == 1 ? FORM_NO_CR : 0);
	c->pad = pad_of(s, c);
	c->is_misstated = !s->is_same_size && s->once == NULL && c->serial % 5 == 2;
	content_form(c, 0);
	s->content[s->contents++] = c;
	return c;
}

static bool
is_form(const struct form *f, const char *p, size_t len)
{
	return f != NULL && ((len == f->wire_len && memcmp(p, f->wire, len) == 0) || (len == f->file_len && memcmp(p, f->file, len) == 0));
}

/* Headers are as many as messages where there are placeholders. */
static const struct content *
recognise_placeholder(const struct sim *s, const char *p, size_t len, unsigned *form_r)
{
	unsigned changes, important;
	int i;

	for (i = 0; i < s->contents; i++)
		for (changes = 0; changes < FORM_PLACEHOLDER; changes++)
			for (important = 0; important <= FORM_IMPORTANT; important += FORM_IMPORTANT) {
				*form_r = changes | FORM_PLACEHOLDER | important;
				/* Made by the program of what some store has; or altered by a store after that. */
				if ((s->content[i]->form[changes] != NULL || s->content[i]->form[*form_r] != NULL) &&
				    is_form(content_form(s->content[i], *form_r), p, len))
					return s->content[i];
			}
	return NULL;
}

const struct content *
content_recognise(const struct sim *s, const char *p, size_t len, unsigned *form_r)
{
	static const char mark[] = "serial ";
	const char *at = memmem(p, len, mark, sizeof mark - 1);
	const struct content *c;
	int serial;

	if (at == NULL && s->is_sized)
		return recognise_placeholder(s, p, len, form_r);
	if (at == NULL || (size_t)(at - p) + sizeof mark - 1 + 3 > len)
		return NULL;
	serial = (at[7] - '0') * 100 + (at[8] - '0') * 10 + (at[9] - '0');
	if (serial < 0 || serial >= s->contents)
		return NULL;
	c = s->content[serial];
	/* Only a form that some store has made can be somewhere. */
	for (*form_r = 0; *form_r < FORMS; ++*form_r) {
		if (is_form(c->form[*form_r], p, len))
			return c;
	}
	return NULL;
}

void
content_free(struct content *c)
{
	int i;

	for (i = 0; i < FORMS; i++)
		if (c->form[i] != NULL) {
			free(c->form[i]->wire);
			free(c->form[i]->file);
			free(c->form[i]);
		}
	free(c);
}
