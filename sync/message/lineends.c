#include "sync/message/lineends.h"

#include <string.h>

/* Puts p[0..len) behind *out. */
static void
put(struct lineends_in *c, char **out, const char *p, size_t len)
{
	if (len == 0)
		return;
	memcpy(*out, p, len);
	*out += len;
	c->is_cr_last = p[len - 1] == '\r';
}

static void
put_line_end(struct lineends_in *c, char **out)
{
	*(*out)++ = '\n';
	c->is_cr_last = false;
	c->converted++;
}

/* The part of lineends_to_file() behind a held CR. Returns the octets taken; fewer than len = found
 * irreversible there. */
static size_t
convert(struct lineends_in *c, const char *in, size_t len, char **out)
{
	const char *p = in, *end = in + len, *lf;

	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (lf == p || lf[-1] != '\r') {
			put(c, out, p, (size_t)(lf - p));
			return (size_t)(lf - in);
		}
		put(c, out, p, (size_t)(lf - 1 - p));
		if (c->is_cr_last)
			return (size_t)(lf - 1 - in);
		put_line_end(c, out);
		p = lf + 1;
	}
	if (p < end && end[-1] == '\r') {
		c->is_cr_held = true;
		end--;
	}
	put(c, out, p, (size_t)(end - p));
	return len;
}

size_t
lineends_to_file(struct lineends_in *c, const char *in, size_t len, char *out, size_t *out_len_r)
{
	char *start = out;
	size_t used = 0;

	if (len == 0)
		goto done;
	if (c->is_raw) {
		if (c->is_cr_held)
			put(c, &out, "\r", 1);
		c->is_cr_held = false;
		put(c, &out, in, len);
		used = len;
		goto done;
	}
	if (c->is_cr_held) {
		if (in[0] == '\n' && c->is_cr_last) {
			/* CR CRLF over a cut: the held CR stays held and goes out raw. */
			c->is_raw = true;
			goto done;
		}
		c->is_cr_held = false;
		if (in[0] == '\n') {
			put_line_end(c, &out);
			used = 1;
		} else {
			put(c, &out, "\r", 1);
		}
	}
	used += convert(c, in + used, len - used, &out);
	c->is_raw = used < len;
done:
	*out_len_r = (size_t)(out - start);
	return used;
}

size_t
lineends_finish(struct lineends_in *c, char *out)
{
	char *start = out;

	if (c->is_cr_held)
		put(c, &out, "\r", 1);
	c->is_cr_held = false;
	return (size_t)(out - start);
}

size_t
lineends_restore(const char *in, size_t len, char *out)
{
	char *start = out;
	size_t i;

	for (i = 0; i < len; i++) {
		if (in[i] == '\n')
			*out++ = '\r';
		*out++ = in[i];
	}
	return (size_t)(out - start);
}

size_t
lineends_to_wire(struct lineends_out *c, const char *in, size_t len, char *out)
{
	const char *p = in, *end, *lf;
	char *start = out;

	if (len == 0)
		return 0;
	end = in + len;
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		memcpy(out, p, (size_t)(lf - p));
		out += lf - p;
		if (!(lf > in ? lf[-1] == '\r' : c->is_cr_last))
			*out++ = '\r';
		*out++ = '\n';
		p = lf + 1;
	}
	if (p < end) {
		memcpy(out, p, (size_t)(end - p));
		out += end - p;
	}
	c->is_cr_last = end[-1] == '\r';
	c->size += (uint64_t)(out - start);
	return (size_t)(out - start);
}

void
lineends_count(struct lineends_out *c, const char *in, size_t len)
{
	const char *p = in, *end, *lf;

	if (len == 0)
		return;
	end = in + len;
	c->size += len;
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (!(lf > in ? lf[-1] == '\r' : c->is_cr_last))
			c->size++;
		p = lf + 1;
	}
	c->is_cr_last = end[-1] == '\r';
}
