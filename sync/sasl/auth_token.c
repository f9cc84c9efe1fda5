#include "sync/sasl/auth_token.h"

#include <ctype.h>
#include <string.h>

enum { EXPLAINED = 300, NESTING = 16 };

static int
bad_token(const struct auth_settings *set, const char *why, struct err *e)
{
	return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: the token of %s %s", set->label,
	    set->user != NULL ? set->user : "the account", why);
}

/* The token within the secret: printable ASCII without blanks (RFC 6750 section 2.1 allows less). */
static int
find_token(const struct auth_settings *set, const char **token_r, size_t *len_r, struct err *e)
{
	const char *p = buf_str(set->secret), *end = p + set->secret->len;

	while (p < end && isspace((unsigned char)*p))
		p++;
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	if (p == end)
		return bad_token(set, "is empty", e);
	for (const char *c = p; c < end; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return bad_token(set, "holds characters that no token has (is it a password?)", e);
	*token_r = p;
	*len_r = (size_t)(end - p);
	return 0;
}

int
auth_token_xoauth2(const struct auth_settings *set, struct buf *out, struct err *e)
{
	const char *token;
	size_t len;

	if (find_token(set, &token, &len, e) < 0)
		return -1;
	buf_adds(out, "user=");
	buf_adds(out, set->user);
	buf_adds(out, "\001auth=Bearer ");
	buf_add(out, token, len);
	buf_adds(out, "\001\001");
	return 0;
}

int
auth_token_bearer(const struct auth_settings *set, struct buf *out, struct err *e)
{
	const char *token;
	size_t len;

	if (find_token(set, &token, &len, e) < 0)
		return -1;
	buf_adds(out, "n,a=");		/* GS2 header: RFC 5801 section 4 */
	for (const char *c = set->user; *c; c++)
		if (*c == ',')
			buf_adds(out, "=2C");
		else if (*c == '=')
			buf_adds(out, "=3D");
		else
			buf_addc(out, *c);
	buf_addc(out, ',');
	if (set->host != NULL)
		buf_printf(out, "\001host=%s\001port=%u", set->host, set->port);
	buf_adds(out, "\001auth=Bearer ");
	buf_add(out, token, len);
	buf_adds(out, "\001\001");
	return 0;
}

/* A reader for one flat JSON object; what is nested is passed over. */

struct json {
	const char *p, *end;
};

static void
json_blank(struct json *j)
{
	while (j->p < j->end && isspace((unsigned char)*j->p))
		j->p++;
}

/* \uXXXX as UTF-8; halves of surrogate pairs and what is no hex become '?'. */
static void
json_unicode(struct json *j, struct buf *out)
{
	unsigned c = 0;

	for (int i = 0; i < 4; i++, j->p++) {
		if (j->p >= j->end || !isxdigit((unsigned char)*j->p)) {
			buf_addc(out, '?');
			return;
		}
		c = c * 16 + (unsigned)(isdigit((unsigned char)*j->p) ? *j->p - '0' :
		    tolower((unsigned char)*j->p) - 'a' + 10);
	}
	if (c < 0x20 || c == 0x7f || (c >= 0xd800 && c < 0xe000)) {
		buf_addc(out, '?');
	} else if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(out, (char)(0xe0 | c >> 12));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

static int
json_string(struct json *j, struct buf *out)
{
	char c;

	if (j->p >= j->end || *j->p++ != '"')
		return -1;
	while (j->p < j->end) {
		c = *j->p++;
		if (c == '"')
			return 0;
		if (c == '\\') {
			if (j->p >= j->end)
				return -1;
			c = *j->p++;
			if (c == 'u') {
				json_unicode(j, out);
				continue;
			}
			if (strchr("bfnrt", c) != NULL)
				c = ' ';
		}
		buf_addc(out, (unsigned char)c < 0x20 || c == 0x7f ? '?' : c);
	}
	return -1;
}

/* A string or a plain word into out; anything nested is passed over. */
static int
json_value(struct json *j, struct buf *out)
{
	struct buf none = { NULL, 0, 0, 0 };
	int depth = 0, r = 0;

	if (j->p < j->end && *j->p == '"')
		return json_string(j, out);
	while (j->p < j->end && r == 0) {
		if (*j->p == '"') {
			buf_clear(&none);
			r = json_string(j, &none);
			continue;
		}
		if (*j->p == '[' || *j->p == '{')
			depth++;
		else if ((*j->p == ']' || *j->p == '}' || *j->p == ',') && depth == 0)
			break;
		else if (*j->p == ']' || *j->p == '}')
			depth--;
		else if (depth == 0 && !isspace((unsigned char)*j->p))
			buf_addc(out, isprint((unsigned char)*j->p) ? *j->p : '?');
		if (depth > NESTING)
			r = -1;
		j->p++;
	}
	buf_release(&none);
	return r;
}

static int
json_object(struct json *j, struct buf *out)
{
	struct buf key = { NULL, 0, 0, 0 }, value = { NULL, 0, 0, 0 };
	size_t begun = out->len;
	int ret = -1;

	json_blank(j);
	if (j->p >= j->end || *j->p++ != '{')
		goto done;
	for (;;) {
		buf_clear(&key);
		buf_clear(&value);
		json_blank(j);
		if (json_string(j, &key) < 0)
			goto done;
		json_blank(j);
		if (j->p >= j->end || *j->p++ != ':')
			goto done;
		json_blank(j);
		if (json_value(j, &value) < 0)
			goto done;
		if (value.len > 0)
			buf_printf(out, "%s%s %s", out->len > begun ? ", " : "", buf_str(&key),
			    buf_str(&value));
		json_blank(j);
		if (j->p >= j->end)
			goto done;
		if (*j->p++ == '}')
			break;
	}
	ret = out->len > begun ? 0 : -1;
done:
	if (ret < 0)
		out->len = begun;
	buf_release(&key);
	buf_release(&value);
	return ret;
}

void
auth_token_explain(const char *json, size_t len, struct buf *out)
{
	struct json j = { json, json + len };

	if (len > 65536 || json_object(&j, out) < 0)
		for (size_t i = 0; i < len && i < EXPLAINED; i++)
			buf_addc(out, (unsigned char)json[i] < 0x20 || json[i] == 0x7f ? ' ' : json[i]);
}
