#include "cmd/mailboxes.h"

static void
put_box(struct buf *b, const struct channel_box *box)
{
	event_begin(b, EVENT_MAILBOX);
	event_text(b, box->name);
	event_text(b, box->far);
	event_text(b, box->near);
	event_number(b, box->on[FAR]);
	event_number(b, box->on[NEAR]);
	event_end(b);
}

/* Messages that were refused for good; the listing itself fails by its error. */
static void
note(void *ctx, enum note_level level, const char *channel, const char *box, const char *text)
{
	struct app *app = ctx;

	(void)level;
	app_warn(app, "%s%s%s: %s", channel, box != NULL ? ": " : "", box != NULL ? box : "", text);
}

static void
send_all(struct run_set *set, struct link *parent, size_t target, const struct run_events *events)
{
	const struct target *t = &set->targets.all.at[target];
	struct arena arena = { 0 };
	struct channel_box *boxes;
	struct channel channel;
	struct buf b = { 0 };
	struct err e;
	size_t n = 0;
	int rc;

	worker_begin(parent, target);
	rc = run_channel(set, t, &channel, &e) < 0 || channel_list(&channel, events, &arena, &boxes, &n, &e) < 0 ? -1 : 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		put_box(&b, &boxes[i]);
		link_send(parent, &b);
		buf_clear(&b);
	}
	event_begin(&b, EVENT_LISTED);
	event_number(&b, rc == 0);
	if (rc < 0)
		event_err(&b, &e);
	worker_send(parent, &b);
	arena_release(&arena);
}

void
mailboxes_send(struct run_set *set, struct link *parent, size_t target)
{
	const struct run_events events = { .note = note, .ctx = set->app };

	send_all(set, parent, target, &events);
}

void
mailboxes_send_names(struct run_set *set, struct link *parent, size_t target)
{
	send_all(set, parent, target, NULL);
}

void
mailboxes_read(struct event *ev, struct mailboxes_event *told_r)
{
	*told_r = (struct mailboxes_event){ .kind = MAILBOXES_FAILED };
	if (ev->kind == EVENT_MAILBOX) {
		told_r->kind = MAILBOXES_ONE;
		told_r->box.name = event_get_words(ev);
		told_r->box.far = event_get_words(ev);
		told_r->box.near = event_get_words(ev);
		told_r->box.on[FAR] = event_get_number(ev) != 0;
		told_r->box.on[NEAR] = event_get_number(ev) != 0;
	} else if (ev->kind == EVENT_LISTED && event_get_number(ev) != 0) {
		told_r->kind = MAILBOXES_END;
	} else {
		event_get_err(ev, &told_r->err);
	}
}
