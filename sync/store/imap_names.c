/* Mailbox names between the store's canonical form and the server's: prefix, delimiter, INBOX. */
#include "sync/store/imap_inside.h"

#include <strings.h>

static char
delimiter_of(struct imap_store *st)
{
	return st->delimiter;
}

static const char *
map_inbox(const struct imap_store *st)
{
	return st->set->map_inbox != NULL && *st->set->map_inbox != '\0' ? st->set->map_inbox : NULL;
}

static const char *
flatten(const struct imap_store *st)
{
	return st->set->flatten != NULL && *st->set->flatten != '\0' ? st->set->flatten : NULL;
}

/* "INBOX" itself, under its own name or MapInbox's. */
static bool
is_inbox(const struct imap_store *st, const char *name)
{
	return strcmp(name, "INBOX") == 0 || (map_inbox(st) != NULL && strcmp(name, map_inbox(st)) == 0);
}

int
imap_name_out(struct imap_store *st, const char *name, struct buf *out, struct err *e)
{
	char to[2] = { delimiter_of(st), '\0' };
	struct buf flat = { 0 };
	int status;

	if (is_inbox(st, name)) {
		buf_adds(out, "INBOX");
		return 0;
	}
	if (st->prefix != NULL)
		buf_adds(out, st->prefix);
	if (flatten(st) != NULL) {
		status = names_map(name, strlen(name), "/", flatten(st), &flat, e);
		if (status == 0)
			status = names_map(buf_str(&flat), flat.len, "/", to, out, e);
		buf_release(&flat);
	} else {
		status = names_map(name, strlen(name), "/", to, out, e);
	}
	return status < 0 ? err_context(e, "%s: mailbox %s cannot be named on this server", st->store.name, name) : 0;
}

int
imap_name_in(struct imap_store *st, const char *wire, size_t len, bool is_utf8, char delimiter, struct buf *out,
    const char **why_r)
{
	struct buf utf8 = { 0 }, part = { 0 };
	struct err e;
	const char *prefix = st->prefix != NULL ? st->prefix : "", *name;
	size_t n = strlen(prefix);
	char from[2] = { st->set->path_delimiter != 0 ? st->set->path_delimiter : delimiter, '\0' };
	int status = -1;

	*why_r = "its name is not valid in the encoding of mailbox names";
	if (memchr(wire, '\0', len) != NULL || imap_name_from_wire(&utf8, wire, len, is_utf8) < 0)
		goto done;
	name = buf_str(&utf8);
	if (strcasecmp(name, "INBOX") == 0) {
		buf_adds(out, map_inbox(st) != NULL ? map_inbox(st) : "INBOX");
		status = 1;
		goto done;
	}
	status = 0;
	if (strncmp(name, prefix, n) != 0 || name[n] == '\0')
		goto done;
	status = -1;
	*why_r = "its name holds a '/', which is not this server's delimiter";
	if (names_map(name + n, strlen(name + n), from, "/", &part, &e) < 0)
		goto done;
	*why_r = "it lies below another mailbox, and its store keeps all of them beside each other (Flatten)";
	if (flatten(st) != NULL && strchr(buf_str(&part), '/') != NULL)
		goto done;
	if (flatten(st) != NULL)
		(void)names_map(buf_str(&part), part.len, flatten(st), "/", out, &e);
	else
		buf_add(out, buf_str(&part), part.len);
	names_canonicalise(out->data);
	*why_r = names_fault(buf_str(out), out->len);
	if (*why_r != NULL)
		goto done;
	/* A mailbox below our prefix that is called like the INBOX would be taken for it. */
	*why_r = "it would stand for INBOX, which is another mailbox here";
	if (is_inbox(st, buf_str(out)))
		goto done;
	status = 1;
done:
	buf_release(&utf8);
	buf_release(&part);
	return status;
}
