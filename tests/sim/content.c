/* The simulated messages: bytes with a hidden serial in the body, and what stores make of them. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/message/digest.h"

enum { WIRE_MOST = 400 };		/* but for what pads it */

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

static struct form *
make_form(const struct content *c, unsigned changes, size_t pad)
{
	struct form *f = mem_alloc(sizeof *f);
	char line[80];
	size_t i;

	f->wire = mem_alloc(WIRE_MOST + pad);
	write_header(c, changes, f);
	snprintf(line, sizeof line, "serial %03d", c->serial);
	add_line(f->wire, &f->wire_len, line);
	for (i = 0; i < pad; i++)
		f->wire[f->wire_len++] = (char)('a' + i % 26);
	if (c->has_line)
		add_line(f->wire, &f->wire_len, !(c->features & FORM_NO_CR) ? " ba.re" : changes & FORM_NO_CR ? " bare" : " ba\rre");
	add_line(f->wire, &f->wire_len, "");
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
	unsigned real = changes & (c->features | FORM_STATUS);

	if (c->form[real] == NULL)
		((struct content *)(uintptr_t)c)->form[real] = make_form(c, real, c->pad);
	return c->form[real];
}

/* Where only header and size are looked at, other bodies under one header differ in size: by more than stores add or drop. */
static size_t
pad_of(const struct sim *s, const struct content *c)
{
	size_t n = (size_t)c->serial;

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
	c->header = header >= 0 ? s->content[header]->header : c->serial;
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

const struct content *
content_recognise(const struct sim *s, const char *p, size_t len, unsigned *form_r)
{
	static const char mark[] = "serial ";
	const char *at = memmem(p, len, mark, sizeof mark - 1);
	const struct content *c;
	const struct form *f;
	int serial;

	if (at == NULL || (size_t)(at - p) + sizeof mark - 1 + 3 > len)
		return NULL;
	serial = (at[7] - '0') * 100 + (at[8] - '0') * 10 + (at[9] - '0');
	if (serial < 0 || serial >= s->contents)
		return NULL;
	c = s->content[serial];
	/* Only a form that some store has made can be somewhere. */
	for (*form_r = 0; *form_r < FORMS; ++*form_r) {
		f = c->form[*form_r];
		if (f != NULL && ((len == f->wire_len && memcmp(p, f->wire, len) == 0) ||
		    (len == f->file_len && memcmp(p, f->file, len) == 0)))
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
