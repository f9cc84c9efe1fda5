/* Writing commands, counting what is unanswered, reading until enough has come. */
#include "sync/imap/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/log.h"
#include "state/base/mem.h"
#include "state/base/step.h"

static const struct imap_code no_code = { .kind = IMAP_CODE_NONE, .name = "", .arg = "" };

enum { AFTER_BYE_MS = 2000, LAST_WORDS_MAX = 200 };

static int
dead(const struct imap_session *s, struct err *e)
{
	*e = s->failure;
	return -1;
}

static void
end_pending(struct imap_session *s, size_t i, const struct imap_result *result)
{
	struct pending p = s->pending.at[i];

	s->in_flight -= p.bytes;
	memmove(&s->pending.at[i], &s->pending.at[i + 1], (s->pending.n - i - 1) * sizeof p);
	s->pending.n--;
	if (p.role != PENDING_PLAIN)
		imap_box_answered(s, &p, result);
	if (p.ev != NULL && p.ev->done != NULL)
		p.ev->done(p.ctx, result);
	imap_command_release(&p.c);
}

int
imap_die(struct imap_session *s, const struct err *why, struct err *e)
{
	if (s->is_dead)
		return dead(s, e);
	s->failure = *why;
	if (s->is_bye && !s->is_leaving)
		err_class(&s->failure, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s ended the session: %s", s->label,
		    s->bye.len != 0 ? imap_words(s, buf_str(&s->bye)) : "without a word");
	s->is_dead = true;
	log_line(LOG_IMAP, "%s: connection over: %s", s->label, s->failure.text);
	stream_close(&s->stream);
	while (s->pending.n > 0) {
		struct imap_result result = { .code = &no_code, .text = s->failure.text };

		result.status = s->pending.at[0].is_started ? IMAP_LOST : IMAP_UNSENT;
		end_pending(s, 0, &result);
	}
	return dead(s, e);
}

static int read_one(struct imap_session *s, struct err *e);

/* Writing failed. What the server said before it hung up is still to be read, and worth more than our
 * "broken pipe". */
static int
lose(struct imap_session *s, struct err *e)
{
	struct err why, last;

	stream_fail(s->stream, &why);
	for (int i = 0; i < LAST_WORDS_MAX && !s->is_dead; i++)
		if (stream_wait(s->stream, 0, &last) != 1 || read_one(s, &last) < 0)
			break;
	return imap_die(s, &why, e);
}

int
imap_write(struct imap_session *s, const void *p, size_t len, struct err *e)
{
	const char *at = p;

	while (len > 0) {
		ssize_t n = mailstream_write(stream_mail(s->stream), at, len);

		if (n <= 0)
			return lose(s, e);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
flush(struct imap_session *s, struct err *e)
{
	if (s->is_dead)
		return dead(s, e);
	return mailstream_flush(stream_mail(s->stream)) < 0 ? lose(s, e) : 0;
}

static struct pending *
pending_find(struct imap_session *s, unsigned tag)
{
	for (size_t i = 0; i < s->pending.n; i++)
		if (s->pending.at[i].tag == tag)
			return &s->pending.at[i];
	return NULL;
}

static int
tagged(struct imap_session *s, struct err *e)
{
	const struct imap_reply *reply = &s->reply;
	struct imap_result result = { .status = reply->status, .code = &reply->code, .text = reply->text };
	char *end = NULL;
	unsigned long tag = reply->tag[0] == 'A' ? strtoul(reply->tag + 1, &end, 10) : 0;
	struct pending *p = end != NULL && *end == '\0' && tag <= UINT32_MAX ? pending_find(s, (unsigned)tag) : NULL;

	/* Our tags have no sign and no leading zero, so strtoul's freedoms match none of them twice. */
	if (p == NULL || !p->is_started)
		return imap_reader_bad(s->reader, e, "an answer to a command we never sent");
	if (p->c.changes && step(STEP_ANSWER, reply->text, e) < 0)
		return -1;
	s->lines = (struct imap_lines){ 0 };
	imap_reader_forgive(s->reader);
	stream_answered(s->stream);
	end_pending(s, (size_t)(p - s->pending.at), &result);
	return 0;
}

/* Lines that are all valid may still have no end: so many come between two tagged answers, and no more; and so many octets of them,
 * texts of messages not counted. Those about messages go by how many there are. */
static int
count_line(struct imap_session *s, uint64_t octets, struct err *e)
{
	enum { IDLE_LINES = 10000, DATA_LINES = 1000000, BELIEVED = 2000000, DATA_OCTETS = 128 << 20, PER_MESSAGE = 1024 };
	uint64_t exists = s->flowing == NULL ? 0 : imap_box_messages(&s->flowing->box);
	const char *about = "remarks";

	if (exists > BELIEVED)
		exists = BELIEVED;
	if ((s->lines.octets += octets) > DATA_OCTETS + exists * PER_MESSAGE)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "%s sends lines without end (%llu MB), and no answer among them", s->label,
		    (unsigned long long)(s->lines.octets >> 20));

	switch (s->reply.kind == IMAP_REPLY_UNREADABLE ? s->reply.about : s->reply.kind) {
	case IMAP_REPLY_FETCH:
	case IMAP_REPLY_EXPUNGE:
	case IMAP_REPLY_VANISHED:
		if (s->flowing != NULL && s->lines.messages++ < DATA_LINES + 2 * exists)
			return 0;
		about = "messages";
		break;
	case IMAP_REPLY_LIST:
	case IMAP_REPLY_STATUS_DATA:
		if (s->lines.mailboxes++ < DATA_LINES)
			return 0;
		about = "mailboxes";
		break;
	default:
		break;
	}
	return s->lines.idle++ < IDLE_LINES ? 0 : err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER,
	    "%s sends lines without end (%s), and no answer among them", s->label, about);
}

/* What a command had asked for makes up for the time it took; what nobody had, comes to an end by octets as well. */
static int
weigh_line(struct imap_session *s, uint64_t octets, struct err *e)
{
	enum { IDLE_OCTETS = 4 << 20 };

	if (s->is_taken) {
		stream_useful(s->stream, octets);
		return 0;
	}
	s->lines.idle_octets += octets;
	return s->lines.idle_octets < IDLE_OCTETS ? 0 : err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER,
	    "%s says much that nobody asked for, and no answer among it", s->label);
}

static int
take_line(struct imap_session *s, uint64_t octets, struct err *e)
{
	s->is_taken = false;
	if (count_line(s, octets, e) < 0 || imap_dispatch(s, e) < 0)
		return -1;
	return weigh_line(s, octets, e);
}

/* Each line of each mailbox comes through here: no error of its own is laid out for it. */
static int
read_one(struct imap_session *s, struct err *e)
{
	struct imap_body_sink sink = imap_body_router(s);
	uint64_t before = imap_reader_octets(s->reader);
	int rc;

	if (s->is_dead)
		return dead(s, e);
	/* After BYE only tagged answers are worth a short wait. */
	if (s->is_bye && !imap_reader_has_input(s->reader) && stream_wait(s->stream, AFTER_BYE_MS, e) != 1) {
		err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s closed the connection", s->label);
		return imap_die(s, e, e);
	}
	rc = imap_reply_read(s->reader, &s->reply, &sink, e);
	if (rc == 0)
		rc = s->reply.kind == IMAP_REPLY_TAGGED ? tagged(s, e) :
		    take_line(s, imap_reader_octets(s->reader) - before, e);
	return rc < 0 ? imap_die(s, e, e) : 0;
}

int
imap_await(struct imap_session *s, unsigned tag, struct err *e)
{
	s->is_asked = true;
	s->is_continued = false;
	if (flush(s, e) < 0)
		return -1;
	while (!s->is_continued && pending_find(s, tag) != NULL)
		if (read_one(s, e) < 0)
			return -1;
	s->is_asked = false;
	return s->is_continued;
}

/* The octets of a literal, through one buffer. */
static int
send_source(struct imap_session *s, const struct imap_source *source, struct err *e)
{
	uint64_t left = source->size;
	char piece[16 * 1024];

	while (left > 0) {
		struct err why;
		size_t room = left < sizeof piece ? (size_t)left : sizeof piece;
		ssize_t n = source->read(source->ctx, piece, room, &why);

		if (n == 0)
			err_set(&why, ERR_MESSAGE, "a message became shorter while it was sent");
		if (n <= 0)
			return imap_die(s, &why, e);
		if (imap_write(s, piece, (size_t)n, e) < 0)
			return -1;
		left -= (uint64_t)n;
	}
	return 0;
}

static bool
is_reading(const struct imap_session *s)
{
	for (size_t i = 0; i < s->pending.n; i++)
		if (s->pending.at[i].c.kind == IMAP_READ)
			return true;
	return false;
}

/* Writes pending command `tag`. It may end before it is out, when the server refuses a literal. */
static int
write_command(struct imap_session *s, unsigned tag, struct err *e)
{
	struct pending *p = pending_find(s, tag);
	struct imap_command c = p->c;
	char head[16];
	size_t at = 0;
	int rc = -1, n = snprintf(head, sizeof head, "A%u ", tag);

	/* The text is needed to the end, even when the answer ends the pending before. */
	p->c.text = (struct buf){ 0 };
	p->c.stops.at = NULL;
	p->c.stops.n = p->c.stops.room = 0;
	p->is_started = true;
	buf_adds(&c.text, "\r\n");
	if (log_is_on(LOG_IMAP))
		log_line(LOG_IMAP, "%s: > %s%.*s", s->label, head, c.is_secret ? 0 : (int)strcspn(c.text.data, "\r"),
		    c.text.data);
	if (c.is_secret)
		stream_secret_begin(s->stream);
	if (imap_write(s, head, (size_t)n, e) < 0)
		goto done;
	for (size_t i = 0; i < c.stops.n; i++) {
		const struct imap_stop *stop = &c.stops.at[i];

		if (imap_write(s, c.text.data + at, stop->end - at, e) < 0)
			goto done;
		at = stop->end;
		if (stop->must_wait) {
			int is_on = imap_await(s, tag, e);

			if (is_on <= 0) {
				rc = is_on;
				goto done;
			}
		}
		if (stop->has_source && send_source(s, &stop->source, e) < 0)
			goto done;
	}
	rc = imap_write(s, c.text.data + at, c.text.len - at, e);
done:
	if (c.is_secret && !s->is_dead)
		stream_secret_end(s->stream);
	buf_release(&c.text);
	vec_release(&c.stops);
	return rc;
}

/* R17: may this leave now? Reads until that is known. */
static int
check_write(struct imap_session *s, const struct imap_command *c, struct err *e)
{
	struct selection *sel = s->latest;

	if (c->kind == IMAP_ANY)
		return 0;
	if (sel == NULL)
		return err_set(e, ERR_BOX, "%s: no mailbox is selected", s->label);
	if (c->kind == IMAP_READ || c->kind == IMAP_SAVED)
		return 0;
	if (imap_wait(s, sel->tag, e) < 0)
		return -1;
	if (sel->is_failed) {
		*e = sel->failure;
		return -1;
	}
	if (s->latest != sel || sel->box.is_read_only)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: mailbox %s is read-only", s->label,
		    sel->label);
	if (c->uidvalidity != 0 && c->uidvalidity != sel->box.uidvalidity)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER,
		    "%s: mailbox %s is another one than before (UIDVALIDITY %llu, was %llu)", s->label, sel->label,
		    (unsigned long long)sel->box.uidvalidity, (unsigned long long)c->uidvalidity);
	return 0;
}

static bool
has_source(const struct imap_command *c)
{
	for (size_t i = 0; i < c->stops.n; i++)
		if (c->stops.at[i].has_source)
			return true;
	return false;
}

/* Reads until c may be written without risk: room in the window, and in PipelineDepth; no plain SEARCH under way when c is
 * one (their answers bear no tag); no FETCH under way while we push a message. */
static int
make_room(struct imap_session *s, const struct imap_command *c, struct err *e)
{
	bool is_pushing = has_source(c);

	for (;;) {
		bool must_wait = s->pending.n > 0 && s->in_flight + c->text.len + 16 > IMAP_WINDOW;

		must_wait |= s->pipeline_depth != 0 && s->pending.n >= s->pipeline_depth;
		if (c->is_search)
			for (size_t i = 0; i < s->pending.n; i++)
				must_wait |= s->pending.at[i].c.is_search;
		if (is_pushing)
			must_wait |= is_reading(s);
		if (!must_wait || s->is_holding)
			return 0;
		if (flush(s, e) < 0 || read_one(s, e) < 0)
			return -1;
	}
}

int
imap_send_as(struct imap_session *s, struct imap_command *c, int role, struct selection *sel,
    const struct imap_events *ev, void *ctx, unsigned *ticket_r, struct err *e)
{
	struct err broken;
	unsigned tag;

	if (s->is_dead)
		return dead(s, e);
	if (make_room(s, c, e) < 0)
		return -1;
	if (c->changes && step(STEP_SEND, buf_str(&c->text), e) < 0)
		return imap_die(s, e, e);
	tag = ++s->last_tag;
	vec_push(&s->pending, (struct pending){ .tag = tag, .c = *c, .ev = ev, .ctx = ctx,
	    .bytes = c->text.len + 16, .role = role, .sel = sel });
	s->in_flight += c->text.len + 16;
	memset(c, 0, sizeof *c);
	if (sel != NULL && role == PENDING_SELECT)
		sel->tag = tag;
	if (ticket_r != NULL)
		*ticket_r = tag;
	/* From here on the command is taken: `done` tells how it ended, so a connection that breaks now is
	 * no failure of this call. The next call says it. */
	(void)write_command(s, tag, &broken);
	return 0;
}

int
imap_send(struct imap_session *s, struct imap_command *c, const struct imap_events *ev, void *ctx,
    unsigned *ticket_r, struct err *e)
{
	int rc = -1;

	if (s->is_dead) {
		dead(s, e);
		goto done;
	}
	c->changes |= c->kind == IMAP_WRITE || c->kind == IMAP_SAVED;
	if (check_write(s, c, e) < 0)
		goto done;
	rc = imap_send_as(s, c, PENDING_PLAIN, c->kind == IMAP_ANY ? NULL : s->latest, ev, ctx, ticket_r, e);
done:
	imap_command_release(c);
	return rc;
}

int
imap_wait(struct imap_session *s, unsigned ticket, struct err *e)
{
	if (flush(s, e) < 0)
		return -1;
	while (pending_find(s, ticket) != NULL)
		if (read_one(s, e) < 0)
			return -1;
	return 0;
}

int
imap_finish(struct imap_session *s, struct err *e)
{
	if (flush(s, e) < 0)
		return -1;
	while (s->pending.n > 0)
		if (read_one(s, e) < 0)
			return -1;
	return s->is_dead ? dead(s, e) : 0;
}

int
imap_drain(struct imap_session *s, unsigned most, struct err *e)
{
	struct err why;

	if (s->is_dead)
		return dead(s, e);
	if (s->pending.n > most && flush(s, e) < 0)
		return -1;
	while (s->pending.n > most)
		if (read_one(s, e) < 0)
			return -1;
	/* Who pushes much must not let the answers pile up: two full buffers would face each other. */
	while (s->pending.n > 0 && (imap_reader_has_input(s->reader) || stream_wait(s->stream, 0, &why) == 1))
		if (read_one(s, e) < 0)
			return -1;
	return 0;
}

int
imap_hear(struct imap_session *s, struct err *e)
{
	struct err why;
	int got;

	if (s->is_dead)
		return dead(s, e);
	while (!s->is_bye) {
		got = imap_reader_has_input(s->reader) ? 1 : stream_wait(s->stream, 0, &why);
		if (got == 0)
			return 0;
		if (got < 0)
			return imap_die(s, &why, e);
		if (read_one(s, e) < 0)
			return -1;
	}
	err_class(&why, ERR_STORE, ERR_TEMPORARY, ERR_NOW, "%s closed the connection", s->label);
	return imap_die(s, &why, e);
}

unsigned
imap_unanswered(const struct imap_session *s)
{
	return (unsigned)s->pending.n;
}

/* imap_run(): the caller's events, with our `done` in front. */
struct run {
	const struct imap_events *ev;
	void *ctx;
	struct imap_answer *answer;
};

#define RUN_FORWARD(name, type) \
	static void \
	run_##name(void *ctx, type x) \
	{ \
		struct run *run = ctx; \
\
		if (run->ev != NULL && run->ev->name != NULL) \
			run->ev->name(run->ctx, x); \
	}
RUN_FORWARD(list, const struct imap_list *)
RUN_FORWARD(status, const struct imap_status_data *)
RUN_FORWARD(fetch, const struct imap_fetch *)
RUN_FORWARD(expunge, uint32_t)
RUN_FORWARD(search, const struct imap_search *)
RUN_FORWARD(quota, const struct imap_quota *)
RUN_FORWARD(code, const struct imap_code *)

static void
run_vanished(void *ctx, const struct imap_uidset *uids, bool is_earlier)
{
	struct run *run = ctx;

	if (run->ev != NULL && run->ev->vanished != NULL)
		run->ev->vanished(run->ctx, uids, is_earlier);
}

static int
run_body_begin(void *ctx, const struct imap_fetch *so_far, const struct imap_body *body)
{
	struct run *run = ctx;

	return run->ev != NULL && run->ev->body_begin != NULL ? run->ev->body_begin(run->ctx, so_far, body) : -1;
}

static int
run_body_data(void *ctx, const void *data, size_t len)
{
	struct run *run = ctx;

	return run->ev->body_data(run->ctx, data, len);
}

static void
run_done(void *ctx, const struct imap_result *result)
{
	struct run *run = ctx;

	run->answer->status = result->status;
	run->answer->code = result->code->kind;
	run->answer->number = result->code->number;
	run->answer->backoff = result->code->backoff;
	snprintf(run->answer->text, sizeof run->answer->text, "%s", result->text);
	if (run->ev != NULL && run->ev->done != NULL)
		run->ev->done(run->ctx, result);
}

int
imap_run(struct imap_session *s, struct imap_command *c, const struct imap_events *ev, void *ctx,
    struct imap_answer *answer_r, struct err *e)
{
	/* What the caller does not listen to must not be routed here. */
	struct imap_events with_done = {
		.list = ev != NULL && ev->list != NULL ? run_list : NULL,
		.status = ev != NULL && ev->status != NULL ? run_status : NULL,
		.fetch = ev != NULL && ev->fetch != NULL ? run_fetch : NULL,
		.body_begin = ev != NULL && ev->body_begin != NULL ? run_body_begin : NULL,
		.body_data = run_body_data,
		.vanished = run_vanished, .expunge = run_expunge,
		.search = ev != NULL && ev->search != NULL ? run_search : NULL,
		.quota = ev != NULL && ev->quota != NULL ? run_quota : NULL,
		.code = ev != NULL && ev->code != NULL ? run_code : NULL,
		.done = run_done,
	};
	struct run run = { .ev = ev, .ctx = ctx, .answer = answer_r };
	unsigned ticket;

	*answer_r = (struct imap_answer){ .status = IMAP_UNSENT };
	if (imap_send(s, c, &with_done, &run, &ticket, e) < 0)
		return -1;
	return imap_wait(s, ticket, e);
}
