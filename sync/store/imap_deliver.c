/* APPEND (RFC 9051 section 6.3.12) and MULTIAPPEND (RFC 3502): messages into a mailbox, pipelined where the server
 * takes literals unasked.
 *
 * A body is collected first, in memory or, when large, in a file without a name, because its size and
 * its fitness (no NUL) must be known before the command is begun. With MULTIAPPEND small ones are collected to groups
 * that share a command: a server locks the mailbox, writes its index and syncs once for each, which is most of what an
 * upload costs (Dovecot: a third of the time and CPU).
 *
 * Must hold:
 *   1. A message is DONE only by the tagged OK of its command; lost after that began, it is UNKNOWN.
 *   2. A group is taken whole or not at all. When it is refused nobody knows which message was the cause, so each of them goes
 *      alone next (sync/store/store.h: `goes_again`), and none is given up for that answer. But if the mailbox has more messages than
 *      before and were taken since, the answer was wrong, or somebody else has put some there: then all of the group is UNKNOWN, and
 *      searched for before it is sent again (R11 recovery).
 *   3. No message is given up for its keywords or its date: refused alone, it goes without them. Once the server has shown it they are
 *      set by STORE, whose answers show which of them the server does not take.
 */
#include "sync/store/imap_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "state/base/outside.h"
#include "sync/message/lineends.h"

enum {
	IN_MEMORY = 1 << 20,		/* octets of a message; larger ones go to a file, and alone */
	GROUP_BYTES = 512 << 10,	/* a group with so many is sent */
	GROUP_MOST = 100,		/* or with so many messages */
	AHEAD = 500,			/* commands unanswered */
	AHEAD_FIRST = 32,		/* while none has been taken */
	REFUSED_MOST = 5,		/* messages in a row by a server that takes none for the moment: then it is asked no more */
};

/* How many messages the mailbox has: asked along with the first group, and again once one was refused. */
struct count { bool is_asked, is_known; uint32_t messages; };

struct append {			/* a command on its way: its context */
	struct imap_deliver *d;
	size_t first, n;		/* its messages: d->order[first..first + n) */
};

/* A message collected and not sent yet: octets of d->bytes, or of the file. */
struct piece { struct imap_deliver *d; size_t index, at, size, read_at; };

struct imap_deliver {
	struct delivery delivery;	/* first */
	struct imap_conn *c;
	char *box;
	uint64_t epoch;
	struct deliver_item *items;
	size_t n;
	struct arena *arena;
	size_t *order;			/* items as they were sent */
	struct append *appends;
	size_t n_order, n_appends;
	bool has_taken;
	unsigned refused;		/* in a row, for the moment */
	struct err refusal;		/* the last of these */
	struct count before, after;
	size_t taken;			/* messages, since `before` was asked for */
	bool has_refused_group;
	/* the group being collected */
	struct buf bytes;
	struct piece group[GROUP_MOST];
	size_t n_group;
	/* the message being collected: what lies in bytes behind the group's, or in the file */
	bool is_open, is_refused;
	size_t index, start;
	struct lineends_out lines;
	bool converts;
	FILE *spill;
	uint64_t spilled;		/* octets in it */
	char *chunk;			/* of conversions */
};

/* ---- collecting ---- */

static void
drop_message(struct imap_deliver *d)
{
	if (d->is_open)
		d->bytes.len = d->start;
	if (d->spill != NULL)
		fclose(d->spill);
	d->spill = NULL;
	d->spilled = 0;
	d->is_open = false;
}

static int
refuse(struct imap_deliver *d, const char *why)
{
	d->is_refused = true;
	err_class(&d->items[d->index].err, ERR_MESSAGE, ERR_FAILED, ERR_NEVER, "%s: a message cannot be stored in %s: %s",
	    d->c->st->store.name, d->box, why);
	return 0;
}

/* Leaves off what the message may have been refused for. The date is set by now. */
static void
leave_off(struct deliver_item *item)
{
	if (item->how >= DELIVER_BARE) {
		item->flags.kw = "";
		item->flags.sys &= ~(uint32_t)FLAG_FORWARDED;
	}
	if (item->how == DELIVER_AT_EPOCH)
		item->date = 1;
	if (item->how == DELIVER_UNDATED)
		item->date = 0;
}

/* What is larger than the server takes need not be sent. */
static int
check_limit(struct imap_deliver *d, uint64_t size)
{
	const uint64_t limit = imap_session_caps(d->c->s)->append_limit;
	char why[128];

	if (limit == 0 || size <= limit)
		return 0;
	snprintf(why, sizeof why, "its %llu octets are more than the server takes (%llu)", (unsigned long long)size,
	    (unsigned long long)limit);
	return refuse(d, why);
}

static int
deliver_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct imap_deliver *d = ctx;

	drop_message(d);
	if (d->refused >= REFUSED_MOST) {
		*e = d->refusal;
		return -1;
	}
	d->is_open = true;
	d->start = d->bytes.len;
	d->is_refused = false;
	d->index = head->index;
	d->lines = (struct lineends_out){ 0 };
	d->converts = head->form == BODY_FILE;
	leave_off(&d->items[d->index]);
	return head->wire_size == BODY_SIZE_UNKNOWN ? 0 : check_limit(d, head->wire_size);
}

static int
spill(struct imap_deliver *d, struct err *e)
{
	size_t len = d->bytes.len - d->start;
	int fd = outside_file();

	d->spill = fd >= 0 ? fdopen(fd, "w+") : NULL;
	if (d->spill == NULL || fwrite(d->bytes.data + d->start, 1, len, d->spill) != len)
		return err_sys(e, ERR_BOX, errno, "cannot keep a large message in a temporary file");
	d->bytes.len = d->start;
	d->spilled = len;
	return 0;
}

static int
keep(struct imap_deliver *d, const char *p, size_t len, struct err *e)
{
	if (d->spill == NULL && d->bytes.len - d->start + len > IN_MEMORY && spill(d, e) < 0)
		return -1;
	if (d->spill == NULL) {
		buf_add(&d->bytes, p, len);
		return 0;
	}
	if (fwrite(p, 1, len, d->spill) != len)
		return err_sys(e, ERR_BOX, errno, "cannot keep a large message in a temporary file");
	d->spilled += len;
	return 0;
}

static int
deliver_data(void *ctx, const void *data, size_t len, struct err *e)
{
	enum { PIECE = 32 * 1024 };
	struct imap_deliver *d = ctx;
	const char *p = data;
	size_t n;

	if (d->is_refused)
		return 0;
	if (memchr(p, '\0', len) != NULL)
		return refuse(d, "it holds a NUL, which IMAP cannot carry");
	if (!d->converts)
		return keep(d, p, len, e);
	if (d->chunk == NULL)
		d->chunk = mem_alloc(2 * PIECE);
	for (; len > 0; p += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		if (keep(d, d->chunk, lineends_to_wire(&d->lines, p, n, d->chunk), e) < 0)
			return -1;
	}
	return 0;
}

/* ---- counting ---- */

static void
on_status(void *ctx, const struct imap_status_data *status)
{
	struct count *count = ctx;

	count->is_known |= (status->has & IMAP_STATUS_MESSAGES) != 0;
	count->messages = status->messages;
}

static const struct imap_events count_events = { .status = on_status };

/* Nobody waits for the answer. */
static int
ask_count(struct imap_deliver *d, struct count *count, struct err *e)
{
	count->is_asked = true;
	return imap_status_ask(d->c, d->box, &count_events, count, e);
}

/* Messages of a refused group that may be there all the same are searched for. */
static int
doubt_refusals(struct imap_deliver *d, struct err *e)
{
	size_t i;

	if (!d->has_refused_group || !d->before.is_known)
		return 0;
	if (ask_count(d, &d->after, e) < 0 || imap_settle(d->c, e) < 0)
		return err_widen(e, ERR_STORE);
	if (!d->after.is_known || d->after.messages <= d->before.messages + d->taken)
		return 0;
	for (i = 0; i < d->n; i++) {
		if (d->items[i].outcome != OUTCOME_FAILED || !d->items[i].goes_again || d->items[i].how != DELIVER_ALONE)
			continue;
		d->items[i].goes_again = false;
		d->items[i].outcome = OUTCOME_UNKNOWN;
	}
	return 0;
}

/* ---- sending ---- */

static ssize_t
read_piece(void *ctx, void *p, size_t room, struct err *e)
{
	struct piece *m = ctx;
	size_t n = m->size - m->read_at < room ? m->size - m->read_at : room;

	(void)e;
	memcpy(p, m->d->bytes.data + m->at + m->read_at, n);
	m->read_at += n;
	return (ssize_t)n;
}

static ssize_t
read_spill(void *ctx, void *p, size_t room, struct err *e)
{
	struct imap_deliver *d = ctx;
	size_t n = fread(p, 1, room, d->spill);

	if (n == 0)
		return err_set(e, ERR_STORE, "cannot read a large message back from its temporary file");
	return (ssize_t)n;
}

/* The UIDs of a group, in its order (RFC 4315 section 3); what does not add up names none. */
static void
take_keys(struct imap_deliver *d, const struct append *a, const struct imap_code *code)
{
	struct imap_uidset_pos at = { 0 };
	uint32_t uid;
	size_t i;

	if (code->kind != IMAP_CODE_APPENDUID || (d->epoch != 0 && code->number != d->epoch) ||
	    imap_uidset_count(&code->to) != a->n)
		return;
	for (i = 0; i < a->n && imap_uidset_next(&code->to, &at, &uid) == 1; i++)
		d->items[d->order[a->first + i]].key = key_from_uid(d->arena, uid);
}

/* Whether the answer may be about what goes with the message. [LIMIT] names the number of keywords among others (RFC 5530). */
static bool
may_be_dress(const struct imap_result *r, const struct deliver_item *item)
{
	return (item->err.scope == ERR_MESSAGE && item->err.retry != ERR_NEVER) || (r->code->kind == IMAP_CODE_LIMIT &&
	    item->how < DELIVER_BARE && *item->flags.kw != '\0');
}

/* How to send it after that answer; as it was: there is no other way. */
static enum deliver_how
how_next(const struct deliver_item *item)
{
	if (item->how < DELIVER_BARE && (*item->flags.kw != '\0' || (item->flags.sys & FLAG_FORWARDED)))
		return DELIVER_BARE;
	if (item->how < DELIVER_AT_EPOCH && item->date < 0)
		return DELIVER_AT_EPOCH;
	return item->date != 0 ? DELIVER_UNDATED : item->how;
}

static unsigned
find_ahead(const struct imap_deliver *d)
{
	return d->refused > 0 || d->c->is_throttled ? 0 : d->has_taken ? AHEAD : AHEAD_FIRST;
}

static void
refused(struct imap_deliver *d, const struct append *a, const struct imap_result *r, struct deliver_item *item)
{
	item->outcome = OUTCOME_FAILED;
	imap_result_err(d->c->s, r, ERR_MESSAGE, d->box, &item->err);
	item->is_unexplained = a->n == 1 && item->err.scope == ERR_MESSAGE && item->err.retry == ERR_LATER &&
	    r->code->kind == IMAP_CODE_NONE;
	if (a->n > 1 && item->err.scope < ERR_STORE) {
		d->has_refused_group = item->goes_again = true;
		item->how = DELIVER_ALONE;
		item->err.retry = ERR_LATER;
	} else if (a->n == 1 && may_be_dress(r, item)) {
		item->goes_again = how_next(item) != item->how;
		item->how = how_next(item);
	}
	if (item->err.class == ERR_TEMPORARY) {
		d->refusal = item->err;
		d->refusal.scope = ERR_BOX;
		/* Who asks for patience means it: the next time one message asks whether it is over. */
		d->c->is_throttled |= item->err.wait_ms != 0;
		d->refused = item->err.wait_ms != 0 ? REFUSED_MOST : d->refused + !item->goes_again;
	}
}

static void
on_done(void *ctx, const struct imap_result *r)
{
	struct append *a = ctx;
	struct imap_deliver *d = a->d;
	bool is_cut = imap_is_cut(d->c, r);
	struct deliver_item *item;
	size_t i;

	for (i = 0; i < a->n; i++) {
		item = &d->items[d->order[a->first + i]];
		if (r->status == IMAP_OK && a->n > 1 && is_cut)
			item->outcome = OUTCOME_UNKNOWN;	/* which were taken, nobody says: they are looked for */
		else if (r->status == IMAP_OK)
			item->outcome = OUTCOME_DONE;
		else if (r->status == IMAP_LOST)
			item->outcome = OUTCOME_UNKNOWN;
		else if (r->status == IMAP_UNSENT)
			item->outcome = OUTCOME_FAILED;
		else
			refused(d, a, r, item);
	}
	if (r->status == IMAP_OK) {
		d->has_taken = true;
		d->c->is_throttled = false;
		d->taken += d->before.is_asked ? a->n : 0;
		d->refused = 0;
		take_keys(d, a, r->code);
	}
}

static const struct imap_events append_events = { .done = on_done };

/* " (flags) date {size}" and the octets. */
static int
put_message(struct imap_command *cmd, const struct deliver_item *item, const struct imap_source *source, struct err *e)
{
	imap_put(cmd, " ");
	if (imap_put_flags(cmd, item->flags, e) < 0)
		return err_widen(e, ERR_BOX);	/* imap_deliver() has left off what cannot be put */
	if (item->date != 0) {
		imap_put(cmd, " ");
		imap_put_date(cmd, item->date, 0);
	}
	imap_put(cmd, " ");
	imap_put_literal(cmd, source);
	return 0;
}

static int
begin_append(struct imap_deliver *d, struct imap_command *cmd, struct err *e)
{
	struct buf wire = { 0 };
	int status;

	imap_begin(d->c, cmd, IMAP_ANY);
	cmd->changes = true;
	imap_put(cmd, "APPEND ");
	status = imap_name_out(d->c->st, d->box, &wire, e);
	if (status == 0)
		status = imap_put_mailbox(cmd, buf_str(&wire), e);
	/* No mailbox name of STATUS data is meant. */
	free(cmd->box);
	cmd->box = NULL;
	buf_release(&wire);
	return status;
}

/* Sends what cmd says of d->order[first..]; takes cmd. */
static int
send_append(struct imap_deliver *d, struct imap_command *cmd, size_t first, struct err *e)
{
	struct append *a = &d->appends[d->n_appends++];
	int status;

	*a = (struct append){ d, first, d->n_order - first };
	status = imap_send(d->c->s, cmd, &append_events, a, NULL, e);
	if (status == 0)
		status = imap_drain_to(d->c, find_ahead(d), e);
	if (status < 0)
		err_widen(e, ERR_STORE);
	return status;
}

static int
send_group(struct imap_deliver *d, struct err *e)
{
	size_t first = d->n_order, i;
	struct imap_command cmd;
	int status = 0;

	if (d->refused >= REFUSED_MOST)
		d->n_group = 0;
	if (d->n_group == 0)
		return 0;
	if (d->n_group > 1 && !d->before.is_asked && ask_count(d, &d->before, e) < 0)
		return -1;
	status = begin_append(d, &cmd, e);
	for (i = 0; i < d->n_group && status == 0; i++) {
		struct imap_source source = { .size = d->group[i].size, .read = read_piece, .ctx = &d->group[i] };

		d->order[d->n_order++] = d->group[i].index;
		status = put_message(&cmd, &d->items[d->group[i].index], &source, e);
	}
	if (status == 0)
		status = send_append(d, &cmd, first, e);
	imap_command_release(&cmd);
	d->n_group = 0;
	buf_clear(&d->bytes);
	return status;
}

static int
send_spilled(struct imap_deliver *d, struct err *e)
{
	struct imap_source source = { .size = d->spilled, .read = read_spill, .ctx = d };
	size_t first = d->n_order;
	struct imap_command cmd;
	int status;

	if (fflush(d->spill) != 0 || fseek(d->spill, 0, SEEK_SET) != 0)
		return err_sys(e, ERR_BOX, errno, "cannot read a large message back from its temporary file");
	d->order[d->n_order++] = d->index;
	status = begin_append(d, &cmd, e);
	if (status == 0)
		status = put_message(&cmd, &d->items[d->index], &source, e);
	if (status == 0)
		status = send_append(d, &cmd, first, e);
	imap_command_release(&cmd);
	return status;
}

/* Whether the group must leave before another message joins it. */
static bool
is_full(const struct imap_deliver *d)
{
	bool is_grouping = imap_caps_has(imap_session_caps(d->c->s), IMAP_CAP_MULTIAPPEND);

	return !is_grouping || d->n_group >= imap_save_at_most(d->c, GROUP_MOST) || d->bytes.len >= GROUP_BYTES ||
	    d->items[d->group[d->n_group - 1].index].how != DELIVER_TOGETHER;
}

/* What was collected joins the group, or leaves from its file. */
static int
end_message(struct imap_deliver *d, struct err *e)
{
	d->is_open = false;
	if (d->spill != NULL)
		return send_group(d, e) < 0 ? -1 : send_spilled(d, e);
	d->group[d->n_group++] = (struct piece){ .d = d, .index = d->index, .at = d->start,
		.size = d->bytes.len - d->start };
	return is_full(d) ? send_group(d, e) : 0;
}

static int
deliver_end(void *ctx, size_t index, const struct err *failed, struct err *e)
{
	struct imap_deliver *d = ctx;
	int status = 0;

	if (failed != NULL) {
		d->items[index].outcome = OUTCOME_FAILED;
		d->items[index].err = *failed;
	} else if (!d->is_refused && d->is_open) {
		/* Its size may not have been known before. */
		status = check_limit(d, d->spill != NULL ? d->spilled : d->bytes.len - d->start);
		if (status == 0 && !d->is_refused)
			status = end_message(d, e);
	}
	drop_message(d);
	return status;
}

static int
deliver_flush(struct delivery *delivery, struct err *e)
{
	return send_group((struct imap_deliver *)delivery, e);
}

static int
deliver_finish(struct delivery *delivery, struct err *e)
{
	struct imap_deliver *d = (struct imap_deliver *)delivery;
	int status = 0;

	drop_message(d);
	if (imap_session_is_alive(d->c->s))
		status = send_group(d, e);
	/* One that ended meanwhile, in the hands of another, is told of as well. */
	if (imap_settle(d->c, e) < 0 || doubt_refusals(d, e) < 0)
		status = -1;
	buf_release(&d->bytes);
	free(d->chunk);
	free(d->order);
	free(d->appends);
	free(d->box);
	free(d);
	return status;
}

int
imap_deliver(struct session *session, const char *box, uint64_t epoch, struct deliver_item *items, size_t n,
    struct arena *a, struct delivery **d_r, struct err *e)
{
	struct imap_deliver *d;
	uint64_t octets = 0;
	size_t i;

	*d_r = NULL;
	for (i = 0; i < n; i++) {
		items[i].hint = "";
		imap_leave_off(&items[i].flags, &items[i].unkept, a);
		octets += imap_likely_size(items[i].size);
	}
	if (imap_expect_octets(imap_conn_of(session), octets, e) < 0)
		return -1;
	d = mem_alloc(sizeof *d);
	d->delivery.sink = (struct body_sink){ deliver_begin, deliver_data, deliver_end, d };
	d->delivery.flush = deliver_flush;
	d->delivery.finish = deliver_finish;
	d->c = imap_conn_of(session);
	d->box = mem_strdup(box);
	d->epoch = epoch;
	d->items = items;
	d->n = n;
	d->arena = a;
	d->order = mem_alloc((n + 1) * sizeof *d->order);
	d->appends = mem_alloc((n + 1) * sizeof *d->appends);
	*d_r = &d->delivery;
	return 0;
}
