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

	if (is_inbox(st, name)) {
		buf_adds(out, "INBOX");
		return 0;
	}
	if (st->prefix != NULL)
		buf_adds(out, st->prefix);
	if (names_map(name, strlen(name), "/", to, out, e) < 0)
		return err_context(e, "%s: mailbox %s cannot be named on this server", st->store.name, name);
	return 0;
}

int
imap_name_in(struct imap_store *st, const char *wire, size_t len, bool is_utf8, char delimiter, struct buf *out,
    const char **why_r)
{
	struct buf utf8 = { 0 };
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
	if (names_map(name + n, strlen(name + n), from, "/", out, &e) < 0)
		goto done;
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
	return status;
}
