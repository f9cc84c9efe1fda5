/* The simulated messages: bytes with a hidden serial in the body. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/message/digest.h"

static void
add_line(char *wire, size_t *n, const char *text)
{
	*n += (size_t)sprintf(wire + *n, "%s\r\n", text);
}

static void
digest(struct content *c)
{
	static struct digest *d;
	struct err e;
	int status;

	if (d == NULL)
		d = digest_new(&e);
	assert(d != NULL);
	digest_start(d, DIGEST_MESSAGE);
	digest_feed(d, c->wire, c->wire_len);
	status = digest_end(d, &c->ident, &e);
	assert(status == 0);
	(void)status;
}

struct content *
content_new(struct sim *s, int header)
{
	struct content *c;
	size_t i, pad;
	char line[80];

	if (s->contents == ORACLE_SERIALS)
		return NULL;
	c = mem_alloc(sizeof *c);
	c->serial = s->contents;
	c->header = header >= 0 ? s->content[header]->header : c->serial;
	c->wire = mem_alloc(1024);
	snprintf(line, sizeof line, "From: p%d@example.org", c->header % 3);
	add_line(c->wire, &c->wire_len, line);
	snprintf(line, sizeof line, "Subject: mail %03d", c->header);
	add_line(c->wire, &c->wire_len, line);
	if (c->header % 4 != 0) {
		snprintf(line, sizeof line, "Message-ID: <%03d@sim>", c->header);
		add_line(c->wire, &c->wire_len, line);
	}
	add_line(c->wire, &c->wire_len, "");
	snprintf(line, sizeof line, "serial %03d", c->serial);
	add_line(c->wire, &c->wire_len, line);
	/* Where only header and size are looked at, other bodies under one header differ in size. */
	pad = s->is_same_size ? 9 : 9 + (size_t)c->serial * 3;
	for (i = 0; i < pad; i++)
		c->wire[c->wire_len++] = (char)('a' + i % 26);
	add_line(c->wire, &c->wire_len, "");
	c->file = mem_alloc(c->wire_len);
	for (i = 0; i < c->wire_len; i++)
		if (c->wire[i] != '\r')
			c->file[c->file_len++] = c->wire[i];
	digest(c);
	c->is_misstated = !s->is_same_size && c->serial % 5 == 2;
	s->content[s->contents++] = c;
	return c;
}

const struct content *
content_recognise(const struct sim *s, const char *p, size_t len)
{
	static const char mark[] = "serial ";
	const char *at = memmem(p, len, mark, sizeof mark - 1);
	const struct content *c;
	int serial;

	if (at == NULL || (size_t)(at - p) + sizeof mark - 1 + 3 > len)
		return NULL;
	serial = (at[7] - '0') * 100 + (at[8] - '0') * 10 + (at[9] - '0');
	if (serial < 0 || serial >= s->contents)
		return NULL;
	c = s->content[serial];
	if ((len == c->wire_len && memcmp(p, c->wire, len) == 0) ||
	    (len == c->file_len && memcmp(p, c->file, len) == 0))
		return c;
	return NULL;
}

void
content_free(struct content *c)
{
	free(c->wire);
	free(c->file);
	free(c);
}
