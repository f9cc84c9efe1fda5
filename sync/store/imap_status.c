/* STATUS of mailboxes, and the cursors that it makes: uidnext, highest modseq, number of messages.
 *
 * It comes with a LIST (RFC 5819) of all mailboxes (imap_list.c), or with one that names several (RFC 5258), or is asked for one by one. It
 * is never asked for what a channel's Patterns leave out.
 */
#include "sync/store/imap_inside.h"

#include <strings.h>

/* ---- cursors: uidnext, highest modseq, number of messages ---- */

static void
put_number(unsigned char *p, uint64_t v, int bytes)
{
	while (bytes-- > 0) {
		p[bytes] = (unsigned char)v;
		v >>= 8;
	}
}

static uint64_t
get_number(const unsigned char *p, int bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | *p++;
	return v;
}

struct cursor
imap_cursor(uint64_t uidvalidity, uint32_t uidnext, uint64_t modseq, uint32_t messages)
{
	struct cursor c = { .epoch = uidvalidity, .is_steady = modseq != 0 && uidnext != 0, .len = 16 };

	put_number(c.data, uidnext, 4);
	put_number(c.data + 4, modseq, 8);
	put_number(c.data + 12, messages, 4);
	return c;
}

void
imap_cursor_read(const struct cursor *c, uint32_t *uidnext_r, uint64_t *modseq_r, uint32_t *messages_r)
{
	*uidnext_r = c->len == 16 ? (uint32_t)get_number(c->data, 4) : 0;
	*modseq_r = c->len == 16 ? get_number(c->data + 4, 8) : 0;
	*messages_r = c->len == 16 ? (uint32_t)get_number(c->data + 12, 4) : 0;
}

void
imap_status_cursor(struct mailbox *m, const struct imap_status_data *s)
{
	static const unsigned all = IMAP_STATUS_MESSAGES | IMAP_STATUS_UIDNEXT | IMAP_STATUS_UIDVALIDITY;

	if ((s->has & all) != all || s->uidvalidity == 0)
		return;
	m->has_cursor = true;
	m->cursor = imap_cursor(s->uidvalidity, s->uidnext,
	    s->has & IMAP_STATUS_HIGHESTMODSEQ ? s->highestmodseq : 0, s->messages);
}

/* ---- questions ---- */

/* Cyrus 3.6 answers STATUS (MAILBOXID) with octets of memory it has freed, line ends among them at times. It is known
 * by a word that only it announces; SELECT is right there. */
bool
imap_has_mailboxid(const struct imap_caps *caps)
{
	return imap_caps_has(caps, IMAP_CAP_OBJECTID) && strcasestr(buf_str(&caps->list), "X-REPLICATION") == NULL;
}

void
imap_put_status_items(struct imap_command *cmd, const struct imap_caps *caps)
{
	imap_put(cmd, "(MESSAGES UIDNEXT UIDVALIDITY");
	if (imap_caps_has(caps, IMAP_CAP_CONDSTORE))
		imap_put(cmd, " HIGHESTMODSEQ");
	if (imap_has_mailboxid(caps))
		imap_put(cmd, " MAILBOXID");
	imap_put(cmd, ")");
}

int
imap_status_ask(struct imap_conn *c, const char *name, const struct imap_events *ev, void *ctx, struct err *e)
{
	struct imap_command cmd;
	struct buf wire = { 0 };
	int status;

	imap_begin(c, &cmd, IMAP_ANY);
	imap_put(&cmd, "STATUS ");
	status = imap_name_out(c->st, name, &wire, e);
	if (status == 0)
		status = imap_put_mailbox(&cmd, buf_str(&wire), e);
	imap_put(&cmd, " ");
	imap_put_status_items(&cmd, imap_session_caps(c->s));
	if (status == 0)
		status = imap_send(c->s, &cmd, ev, ctx, NULL, e);
	imap_command_release(&cmd);
	buf_release(&wire);
	return status;
}

/* ---- of mailboxes that are named ---- */

/* Begins, or ends and sends, a LIST of several names (RFC 5258 section 3.1), which brings the STATUS of each. */
static void
begin_named(struct imap_conn *c, struct imap_command *cmd)
{
	imap_command_init(cmd, IMAP_ANY, imap_session_caps(c->s), imap_session_is_utf8(c->s));
	imap_put(cmd, "LIST \"\" (");
}

static int
send_named(struct imap_conn *c, struct imap_command *cmd, const struct imap_events *ev, void *ctx, struct err *e)
{
	int status;

	imap_put(cmd, ") RETURN (STATUS ");
	imap_put_status_items(cmd, imap_session_caps(c->s));
	imap_put(cmd, ")");
	status = imap_send(c->s, cmd, ev, ctx, NULL, e);
	imap_command_release(cmd);
	return status;
}

/* In a LIST these two are wildcards, and nothing makes them letters. */
static bool
is_listable(const char *name)
{
	return strpbrk(name, "*%") == NULL;
}

/* As many of the names as one line holds. Returns how many. */
static size_t
put_names(struct imap_conn *c, struct imap_command *cmd, const char *const *names, size_t n, size_t *octets)
{
	enum { LINE = 4000 };
	struct buf wire = { 0 }, utf8 = { 0 };
	size_t i, used = 0;
	struct err ignored;

	for (i = 0; i < n && used < LINE; i++) {
		if (!is_listable(names[i]))
			break;
		buf_clear(&wire);
		buf_clear(&utf8);
		/* What the server cannot have is not there either. */
		if (imap_name_out(c->st, names[i], &utf8, &ignored) < 0 ||
		    imap_name_to_wire(&wire, buf_str(&utf8), utf8.len, imap_session_is_utf8(c->s)) < 0)
			continue;
		if (used > 0)
			imap_put(cmd, " ");
		imap_put_string(cmd, buf_str(&wire), wire.len);
		used += wire.len + 3;
	}
	*octets += used;
	buf_release(&wire);
	buf_release(&utf8);
	return i;
}

int
imap_cursors_ask(struct imap_conn *c, const char *const *names, size_t n, size_t *asked_r,
    const struct imap_events *ev, void *ctx, struct err *e)
{
	enum { IN_A_FLIGHT = 32 * 1024, OF_ONE = 100 };
	const struct imap_caps *caps = imap_session_caps(c->s);
	bool extended = imap_caps_has(caps, IMAP_CAP_LIST_EXTENDED) && imap_caps_has(caps, IMAP_CAP_LIST_STATUS);
	struct imap_command cmd;
	size_t i = 0, octets = 0, was;
	int status = 0;

	while (i < n && status == 0 && (asked_r == NULL || octets < IN_A_FLIGHT)) {
		if (asked_r == NULL && imap_drain_to(c, 200, e) < 0)
			return -1;
		if (!extended || !is_listable(names[i])) {
			octets += OF_ONE;
			status = imap_status_ask(c, names[i++], ev, ctx, e);
			continue;
		}
		was = octets;
		begin_named(c, &cmd);
		i += put_names(c, &cmd, names + i, n - i, &octets);
		if (octets > was)
			status = send_named(c, &cmd, ev, ctx, e);
		else
			imap_command_release(&cmd);
	}
	if (asked_r != NULL)
		*asked_r = i;
	return status;
}
