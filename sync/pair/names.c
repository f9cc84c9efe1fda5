#include "sync/pair/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/base/vec.h"
#include "sync/message/utf8.h"
#include "sync/pair/unicode.h"

enum { INBOX_LEN = 5, COMPONENT_MAX = 255 };

/* A part of a name between '/'. */
struct part {
	const char *p;
	size_t len;
};

static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

static struct part
part_at(const char *p, const char *end)
{
	const char *slash = memchr(p, '/', (size_t)(end - p));

	return (struct part){p, (size_t)((slash != NULL ? slash : end) - p)};
}

static bool
part_is(const struct part *part, const char *s)
{
	return part->len == strlen(s) && memcmp(part->p, s, part->len) == 0;
}

static const char *
characters_fault(const char *name, size_t len)
{
	size_t i, n;
	uint32_t c;

	for (i = 0; i < len; i += n) {
		n = utf8_get(name + i, len - i, &c);
		if (n == 0)
			return "is not valid UTF-8";
		if (c == 0)
			return "has a NUL in it";
		if (is_control(c))
			return "has a control character in it";
	}
	return NULL;
}

const char *
names_fault(const char *name, size_t len)
{
	const char *fault, *end;
	struct part part;

	if (len == 0)
		return "is empty";
	if (len > NAMES_MAX)
		return "is longer than any path can be (4096 octets)";
	if ((fault = characters_fault(name, len)) != NULL)
		return fault;
	if (name[0] == '/')
		return "begins with '/'";
	if (name[len - 1] == '/')
		return "ends in '/'";
	for (end = name + len; name < end; name = part.p + part.len + 1) {
		part = part_at(name, end);
		if (part.len == 0)
			return "has an empty part between two '/'";
		if (part_is(&part, "."))
			return "has a part \".\"";
		if (part_is(&part, ".."))
			return "has a part \"..\", which could lead out of the mail folder";
	}
	return NULL;
}

/* One part as a directory of its own. `is_dotted`: the layout puts a '.' before it. */
static const char *
directory_fault(const struct part *part, bool is_dotted)
{
	if (part->len + is_dotted > COMPONENT_MAX)
		return "has a part that is too long for a directory (255 octets)";
	if (!is_dotted && (part_is(part, "cur") || part_is(part, "new") || part_is(part, "tmp")))
		return "has a part \"cur\", \"new\" or \"tmp\", which every Maildir uses itself";
	return NULL;
}

/* A first part "inbox" in any case. */
static bool
is_inbox_in_any_case(const char *name)
{
	return strncasecmp(name, "INBOX", INBOX_LEN) == 0 &&
	    (name[INBOX_LEN] == '\0' || name[INBOX_LEN] == '/');
}

const char *
names_layout_fault(const char *name, enum names_layout layout)
{
	bool is_under_inbox = names_is_inbox_or_below(name), is_first, is_dotted;
	const char *end = name + strlen(name), *p, *fault;
	struct part part;

	if (names_is_inbox(name))
		return NULL;
	if (layout == NAMES_IMAP)
		return !is_under_inbox && is_inbox_in_any_case(name) ?
		    "is INBOX in other letters, which IMAP does not tell from INBOX" : NULL;
	if (layout == NAMES_UNSET && strchr(name, '/') != NULL)
		return "has a '/', and the store does not say how it keeps subfolders (SubFolders)";
	if (layout == NAMES_MAILDIRPP) {
		if (strchr(name, '.') != NULL)
			return "has a '.', which separates folders in a Maildir++";
		/* ".top.sub", and "..sub" for INBOX/sub. */
		if ((size_t)(end - name) + 1 - (is_under_inbox ? INBOX_LEN : 0) > COMPONENT_MAX)
			return "is too long for a directory of a Maildir++ (255 octets)";
		return NULL;
	}
	for (p = name; p < end; p = part.p + part.len + 1) {
		part = part_at(p, end);
		is_first = p == name;
		if (is_first && is_under_inbox)
			continue;
		is_dotted = layout == NAMES_LEGACY && !is_first;
		if (layout == NAMES_LEGACY && is_first && part.p[0] == '.')
			return "begins with '.', which marks subfolders in SubFolders Legacy";
		if ((fault = directory_fault(&part, is_dotted)) != NULL)
			return fault;
	}
	return NULL;
}

void
names_show(struct buf *b, const char *name, size_t len)
{
	size_t i, n, k;
	uint32_t c;

	for (i = 0; i < len; i += n) {
		n = utf8_get(name + i, len - i, &c);
		if (n != 0 && !is_control(c)) {
			buf_add(b, name + i, n);
			continue;
		}
		n = n != 0 ? n : 1;
		for (k = 0; k < n; k++)
			buf_printf(b, "\\x%02X", (unsigned)(unsigned char)name[i + k]);
	}
}

int
names_check(const char *name, size_t len, enum names_layout layout, struct err *e)
{
	const char *fault = names_fault(name, len);
	struct buf shown = {0};

	if (fault == NULL)
		fault = names_layout_fault(name, layout);
	if (fault == NULL)
		return 0;
	names_show(&shown, name, len);
	err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "mailbox \"%s\" is left out: its name %s",
	    buf_str(&shown), fault);
	buf_release(&shown);
	return -1;
}

bool
names_is_inbox(const char *name)
{
	return strcmp(name, "INBOX") == 0;
}

bool
names_is_inbox_or_below(const char *name)
{
	return strncmp(name, "INBOX", INBOX_LEN) == 0 && (name[INBOX_LEN] == '\0' || name[INBOX_LEN] == '/');
}

void
names_canonicalise(char *name)
{
	if (is_inbox_in_any_case(name))
		memcpy(name, "INBOX", INBOX_LEN);
}

int
names_compare(const char *a, const char *b)
{
	int inboxes = names_is_inbox_or_below(b) - names_is_inbox_or_below(a);

	return inboxes != 0 ? inboxes : strcmp(a, b);
}

static bool
is_at(const char *name, size_t len, size_t i, const char *s)
{
	size_t n = strlen(s);

	return n != 0 && n <= len - i && memcmp(name + i, s, n) == 0;
}

int
names_map(const char *name, size_t len, const char *from, const char *to, struct buf *out, struct err *e)
{
	struct buf made = {0}, shown = {0};
	bool is_same = strcmp(from, to) == 0;
	int rc = 0;
	size_t i;

	for (i = 0; i < len;) {
		if (is_at(name, len, i, from)) {
			if (*to == '\0')
				goto clash;
			buf_adds(&made, to);
			i += strlen(from);
			continue;
		}
		if (!is_same && is_at(name, len, i, to))
			goto clash;
		buf_addc(&made, name[i++]);
	}
	buf_add(out, buf_str(&made), made.len);
	goto done;
clash:
	names_show(&shown, name, len);
	rc = err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER,
	    "mailbox \"%s\" is left out: its name has a '%s', which means something else on the other side",
	    buf_str(&shown), *to != '\0' ? to : from);
done:
	buf_release(&made);
	buf_release(&shown);
	return rc;
}

/* A character of a key on its way. */
struct letter {
	uint32_t c;
	unsigned class;
	size_t at;			/* where it was: keeps marks of one class in their order */
};

static int
compare_marks(const void *a, const void *b)
{
	const struct letter *x = a, *y = b;

	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Puts each run of combining characters in canonical order (Unicode section 3.11, D108). */
static void
order_marks(struct letter *at, size_t n)
{
	size_t i, end;

	for (i = 0; i < n; i = end + 1) {
		for (end = i; end < n && at[end].class != 0; end++)
			;
		if (end - i > 1)
			qsort(at + i, end - i, sizeof *at, compare_marks);
	}
}

/* fold(NFD(name)). Unicode would decompose and order once more (section 3.13, D145); but no character
 * that is left by NFD folds to one that decomposes, or to a mark of another class. */
void
names_key(const char *name, size_t len, struct buf *out)
{
	uint32_t parts[UNICODE_DECOMPOSED_MAX], c = 0;
	VEC(struct letter) key = {0};
	size_t i, k, n, parts_n;

	for (i = 0; i < len; i += n) {
		n = utf8_get(name + i, len - i, &c);
		if (n == 0) {
			/* Not a name, then; any key will do that keeps it apart from others. */
			n = 1;
			c = 0x10ff00 + (unsigned char)name[i];
		}
		parts_n = unicode_decompose(c, parts);
		for (k = 0; k < parts_n; k++)
			vec_push(&key, (struct letter){parts[k], unicode_class(parts[k]), key.n});
	}
	order_marks(key.at, key.n);
	for (i = 0; i < key.n; i++)
		utf8_add(out, unicode_fold(key.at[i].c));
	vec_release(&key);
}
