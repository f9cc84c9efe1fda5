/* APPEND (RFC 9051 section 6.3.12): messages into a mailbox, pipelined where the server takes literals unasked.
 *
 * A body is collected first, in memory or, when large, in a file without a name, because its size and
 * its fitness (no NUL) must be known before the command is begun.
 *
 * Must hold: a message is DONE only by its own tagged OK; lost after its command began, it is UNKNOWN.
 */
#include "sync/store/imap_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "sync/message/lineends.h"

enum { IN_MEMORY = 1 << 20, AHEAD = 500 };

struct append {			/* one message on its way: the context of its command */
	struct imap_deliver *d;
	size_t index;
};

struct imap_deliver {
	struct delivery delivery;	/* first */
	struct imap_conn *c;
	char *box;
	uint64_t epoch;
	struct deliver_item *items;
	struct append *appends;
	size_t n;
	struct arena *arena;
	/* the message being collected */
	bool is_open, is_refused;
	size_t index;
	struct lineends_out lines;
	bool converts;
	struct buf body;
	FILE *spill;
	uint64_t size, read_at;
	char *chunk;			/* of conversions */
	bool is_lost;			/* the session is dead: the rest was not sent */
};

/* ---- collecting ---- */

static void
drop_body(struct imap_deliver *d)
{
	buf_clear(&d->body);
	if (d->body.room > 4 * IN_MEMORY)
		buf_release(&d->body);
	if (d->spill != NULL)
		fclose(d->spill);
	d->spill = NULL;
	d->size = 0;
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

static int
deliver_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct imap_deliver *d = ctx;
	uint64_t limit = imap_session_caps(d->c->s)->append_limit;
	char why[128];

	(void)e;
	drop_body(d);
	d->is_open = true;
	d->is_refused = false;
	d->index = head->index;
	d->lines = (struct lineends_out){ 0 };
	d->converts = head->form == BODY_FILE;
	if (limit != 0 && head->wire_size > limit) {
		snprintf(why, sizeof why, "its %llu octets are more than the server takes (%llu)",
		    (unsigned long long)head->wire_size, (unsigned long long)limit);
		return refuse(d, why);
	}
	return 0;
}

static int
spill(struct imap_deliver *d, struct err *e)
{
	d->spill = tmpfile();
	if (d->spill == NULL || fwrite(d->body.data, 1, d->body.len, d->spill) != d->body.len)
		return err_sys(e, ERR_BOX, errno, "cannot keep a large message in a temporary file");
	buf_clear(&d->body);
	return 0;
}

static int
keep(struct imap_deliver *d, const char *p, size_t len, struct err *e)
{
	d->size += len;
	if (d->spill == NULL && d->body.len + len > IN_MEMORY && spill(d, e) < 0)
		return -1;
	if (d->spill == NULL)
		buf_add(&d->body, p, len);
	else if (fwrite(p, 1, len, d->spill) != len)
		return err_sys(e, ERR_BOX, errno, "cannot keep a large message in a temporary file");
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

/* ---- sending ---- */

static ssize_t
read_body(void *ctx, void *p, size_t room, struct err *e)
{
	struct imap_deliver *d = ctx;
	size_t n;

	if (d->spill == NULL) {
		n = d->body.len - d->read_at < room ? d->body.len - (size_t)d->read_at : room;
		memcpy(p, d->body.data + d->read_at, n);
	} else {
		n = fread(p, 1, room, d->spill);
		if (n == 0)
			return err_set(e, ERR_STORE, "cannot read a large message back from its temporary file");
	}
	d->read_at += n;
	return (ssize_t)n;
}

static void
on_done(void *ctx, const struct imap_result *r)
{
	struct append *a = ctx;
	struct imap_deliver *d = a->d;
	struct deliver_item *item = &d->items[a->index];
	struct imap_uidset_pos at = { 0 };
	uint32_t uid;

	switch (r->status) {
	case IMAP_OK:
		item->outcome = OUTCOME_DONE;
		item->hint = "";
		if (r->code->kind == IMAP_CODE_APPENDUID && (d->epoch == 0 || r->code->number == d->epoch) &&
		    imap_uidset_next(&r->code->to, &at, &uid) == 1)
			item->key = key_from_uid(d->arena, uid);
		break;
	case IMAP_LOST:
		item->outcome = OUTCOME_UNKNOWN;
		break;
	case IMAP_UNSENT:
		item->outcome = OUTCOME_FAILED;
		break;
	default:
		item->outcome = OUTCOME_FAILED;
		imap_result_err(d->c->s, r, ERR_MESSAGE, d->box, &item->err);
		break;
	}
}

static const struct imap_events append_events = { .done = on_done };

static int
send_append(struct imap_deliver *d, struct err *e)
{
	struct deliver_item *item = &d->items[d->index];
	struct imap_source source = { .size = d->size, .read = read_body, .ctx = d };
	struct imap_command cmd;
	struct buf wire = { 0 };
	int status;

	d->read_at = 0;
	if (d->spill != NULL && (fflush(d->spill) != 0 || fseek(d->spill, 0, SEEK_SET) != 0))
		return err_sys(e, ERR_BOX, errno, "cannot read a large message back from its temporary file");
	d->appends[d->index] = (struct append){ d, d->index };
	imap_begin(d->c, &cmd, IMAP_ANY);
	cmd.changes = true;
	imap_put(&cmd, "APPEND ");
	status = imap_name_out(d->c->st, d->box, &wire, e);
	if (status == 0)
		status = imap_put_mailbox(&cmd, buf_str(&wire), e);
	imap_put(&cmd, " ");
	if (status == 0)
		status = imap_put_flags(&cmd, item->flags, e);
	imap_put(&cmd, " ");
	if (item->date != 0) {
		imap_put_date(&cmd, item->date, 0);
		imap_put(&cmd, " ");
	}
	/* No mailbox name of STATUS data is meant. */
	free(cmd.box);
	cmd.box = NULL;
	imap_put_literal(&cmd, &source);
	if (status == 0)
		status = imap_send(d->c->s, &cmd, &append_events, &d->appends[d->index], NULL, e);
	imap_command_release(&cmd);
	buf_release(&wire);
	return status;
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
		status = send_append(d, e);
		if (status == 0)
			status = imap_drain_to(d->c, AHEAD, e);
		if (status < 0)
			err_widen(e, ERR_STORE);
	}
	drop_body(d);
	return status;
}

static int
deliver_finish(struct delivery *delivery, struct err *e)
{
	struct imap_deliver *d = (struct imap_deliver *)delivery;
	int status = 0;

	if (imap_session_is_alive(d->c->s))
		status = imap_settle(d->c, e);
	drop_body(d);
	buf_release(&d->body);
	free(d->chunk);
	free(d->appends);
	free(d->box);
	free(d);
	return status;
}

int
imap_deliver(struct session *session, const char *box, uint64_t epoch, struct deliver_item *items, size_t n,
    struct arena *a, struct delivery **d_r, struct err *e)
{
	struct imap_deliver *d = mem_alloc(sizeof *d);
	size_t i;

	(void)e;
	d->delivery.sink = (struct body_sink){ deliver_begin, deliver_data, deliver_end, d };
	d->delivery.finish = deliver_finish;
	d->c = imap_conn_of(session);
	d->box = mem_strdup(box);
	d->epoch = epoch;
	d->items = items;
	d->n = n;
	d->arena = a;
	d->appends = mem_alloc((n + 1) * sizeof *d->appends);
	for (i = 0; i < n; i++)
		items[i].hint = "";
	*d_r = &d->delivery;
	return 0;
}
