#include "sync/outbox/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/message/address.h"
#include "sync/smtp/session.h"

#define OURS "X-Mailtwin-"

void
envelope_release(struct envelope *v)
{
	vec_release(&v->to);
	arena_release(&v->arena);
	*v = (struct envelope){ .sender = NULL };
}

const char *
envelope_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL && at[1] != '\0' ? at + 1 : NULL;
}

/* Of addresses the part behind the @ has no letter case (RFC 5321 section 2.4). */
static bool
is_same(const char *a, const char *b)
{
	const char *at = strrchr(a, '@');
	const size_t len = at != NULL ? (size_t)(at - a) : strlen(a);

	return strncmp(a, b, len) == 0 && strcasecmp(a + len, b + len) == 0;
}

const char *
envelope_add(struct envelope *v, const char *address)
{
	const char *fault = smtp_address_fault(address);

	if (fault != NULL)
		return arena_printf(&v->arena, "the address \"%.200s\" %s", address, fault);
	for (size_t i = 0; i < v->to.n; i++)
		if (is_same(v->to.at[i], address))
			return NULL;
	if (v->to.n >= ENVELOPE_RECIPIENTS_MAX)
		return "there are more than 10,000 recipients";
	vec_push(&v->to, arena_strdup(&v->arena, address));
	return NULL;
}

/* ---- fields ---- */

static const char *
line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf != NULL ? lf + 1 : end;
}

static bool
is_empty_line(const char *p, const char *end)
{
	return p == end || *p == '\n' || (p + 1 < end && p[0] == '\r' && p[1] == '\n');
}

/* The end of the name of the field at p, where its colon or blanks before it stand; NULL = it is no field. */
static const char *
name_end(const char *p, const char *end)
{
	const char *q = p, *colon;

	while (q < end && (unsigned char)*q > ' ' && *q != ':' && (unsigned char)*q < 0x7f)
		q++;
	colon = q;
	while (colon < end && (*colon == ' ' || *colon == '\t'))
		colon++;
	return q > p && colon < end && *colon == ':' ? q : NULL;
}

/* The end of a field, with all its lines. */
static const char *
field_end(const char *p, const char *end)
{
	p = line_end(p, end);
	while (p < end && (*p == ' ' || *p == '\t'))
		p = line_end(p, end);
	return p;
}

size_t
envelope_fields(const char *header, size_t len)
{
	const char *p = header, *end = header + len;

	while (p < end && !is_empty_line(p, end) && name_end(p, end) != NULL)
		p = field_end(p, end);
	return (size_t)(p - header);
}

static bool
has_name(const char *p, const char *end, const char *name)
{
	const char *q = name_end(p, end);

	return q != NULL && (size_t)(q - p) == strlen(name) && strncasecmp(p, name, strlen(name)) == 0;
}

static void
copy_fields(const char *header, size_t len, bool takes_bcc, struct buf *out)
{
	const char *p = header, *end = header + len, *next;

	for (; p < end && name_end(p, end) != NULL; p = next) {
		next = field_end(p, end);
		if ((size_t)(next - p) > strlen(OURS) && strncasecmp(p, OURS, strlen(OURS)) == 0)
			continue;
		if (!takes_bcc && (has_name(p, end, "Bcc") || has_name(p, end, "Resent-Bcc")))
			continue;
		buf_add(out, p, (size_t)(next - p));
	}
}

void
envelope_sent_fields(const char *header, size_t len, struct buf *out)
{
	copy_fields(header, len, false, out);
}

void
envelope_plain_fields(const char *header, size_t len, struct buf *out)
{
	copy_fields(header, len, true, out);
}

/* ---- what stands before the header ---- */

void
envelope_write(const struct envelope *v, struct buf *out)
{
	buf_printf(out, OURS "Envelope: 1 %s\n", v->sender != NULL ? v->sender : "");
	for (size_t i = 0; i < v->to.n; i++)
		buf_printf(out, OURS "Recipient: %s\n", v->to.at[i]);
	if (v->ret == NULL && v->envid == NULL && v->notify == NULL)
		return;
	buf_adds(out, OURS "Options:");
	if (v->ret != NULL)
		buf_printf(out, " RET=%s", v->ret);
	if (v->envid != NULL)
		buf_printf(out, " ENVID=%s", v->envid);
	if (v->notify != NULL)
		buf_printf(out, " NOTIFY=%s", v->notify);
	buf_addc(out, '\n');
}

static void
read_options(struct envelope *v, char *words)
{
	char *save = NULL;

	for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		if (strncmp(w, "RET=", 4) == 0)
			v->ret = w + 4;
		else if (strncmp(w, "ENVID=", 6) == 0)
			v->envid = w + 6;
		else if (strncmp(w, "NOTIFY=", 7) == 0)
			v->notify = w + 7;
	}
}

/* The value of a line of ours, NULL = it is not that one. */
static char *
value_of(struct envelope *v, const char *p, const char *next, const char *name)
{
	const size_t len = strlen(name);
	const char *end = next;

	if ((size_t)(next - p) <= len || strncmp(p, name, len) != 0)
		return NULL;
	while (end > p + len && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	return arena_strndup(&v->arena, p + len, (size_t)(end - p - len));
}

size_t
envelope_read(const char *file, size_t len, struct envelope *v, const char **why_r)
{
	const char *p = file, *end = file + len, *next, *fault;
	char *value;

	*why_r = NULL;
	next = line_end(p, end);
	value = value_of(v, p, next, OURS "Envelope: 1 ");
	if (value == NULL)
		return 0;
	v->sender = value;
	fault = *value != '\0' ? smtp_address_fault(value) : NULL;
	if (fault != NULL)
		*why_r = arena_printf(&v->arena, "the sender \"%.200s\" %s", value, fault);
	for (p = next; p < end; p = next) {
		next = line_end(p, end);
		if ((value = value_of(v, p, next, OURS "Recipient: ")) != NULL) {
			fault = envelope_add(v, value);
			*why_r = *why_r == NULL ? fault : *why_r;
		} else if ((value = value_of(v, p, next, OURS "Options:")) != NULL) {
			read_options(v, value);
		} else {
			break;
		}
	}
	return (size_t)(p - file);
}

/* ---- what the header says ---- */

struct taking {
	struct envelope *v;
	const char *fault;
	bool is_sender;
};

static void
take(void *ctx, const char *address)
{
	struct taking *t = ctx;
	const char *fault;

	if (!t->is_sender) {
		fault = envelope_add(t->v, address);
		t->fault = t->fault == NULL ? fault : t->fault;
	} else if (t->v->sender == NULL) {
		fault = smtp_address_fault(address);
		if (fault != NULL)
			t->fault = arena_printf(&t->v->arena, "the address \"%.200s\" %s", address, fault);
		t->v->sender = arena_strdup(&t->v->arena, address);
	}
}

static void
take_field(struct taking *t, const char *p, const char *end)
{
	const char *name = p, *q = name_end(p, end), *why;

	for (p = q; p < end && *p != ':'; p++)
		continue;
	if (address_list(p + 1, (size_t)(end - p - 1), take, t, &why) < 0 && t->fault == NULL)
		t->fault = arena_printf(&t->v->arena, "%.*s cannot be read: %s", (int)(q - name), name, why);
}

/* Fields of that name; of the block of Resent- fields that a blank stands for in front of the name: the first block alone. */
static void
take_fields(struct taking *t, const char *header, size_t len, bool is_resent, const char *name)
{
	const char *p = header, *end = header + len, *next;
	char whole[32];
	bool is_block = false;

	snprintf(whole, sizeof whole, "%s%s", is_resent ? "Resent-" : "", name);
	for (; p < end && name_end(p, end) != NULL; p = next) {
		next = field_end(p, end);
		if (is_resent && strncasecmp(p, "Resent-", 7) == 0)
			is_block = true;
		else if (is_resent && is_block)
			return;
		if (has_name(p, end, whole))
			take_field(t, p, next);
	}
}

const char *
envelope_from_header(struct envelope *v, const char *header, size_t len, bool takes_recipients)
{
	static const char *const senders[] = { "Sender", "From" }, *const recipients[] = { "To", "Cc", "Bcc" };
	struct taking t = { .v = v };
	const char *p = header, *end = header + len;
	bool is_resent = false;

	for (; p < end && name_end(p, end) != NULL; p = field_end(p, end))
		is_resent |= has_name(p, end, "Resent-To") || has_name(p, end, "Resent-Cc") || has_name(p, end, "Resent-Bcc");
	t.is_sender = true;
	for (size_t i = 0; i < 2 && v->sender == NULL && t.fault == NULL; i++)
		take_fields(&t, header, len, is_resent, senders[i]);
	t.is_sender = false;
	for (size_t i = 0; i < 3 && takes_recipients && t.fault == NULL; i++)
		take_fields(&t, header, len, is_resent, recipients[i]);
	return t.fault;
}
