/* mailtwin sync, and plan, which is sync with a dry run: a worker for each group of channels (cmd/workers.h) does the work and
 * sends what there is to tell; the parent tells it (cmd/tell.h) and runs PostSync. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/acts.h"
#include "cmd/command.h"
#include "cmd/interrupt.h"
#include "cmd/option_boxes.h"
#include "cmd/pair_lock.h"
#include "cmd/sending.h"
#include "cmd/tell.h"
#include "cmd/workers.h"
#include "sync/channel_end.h"

/* ---- in a worker ---- */

enum { PROGRESS_EVERY = 100 };		/* milliseconds; what is more often nobody sees */

struct sender {
	struct link *parent;
	const struct engine *engine;
	int64_t progress;		/* when it was last sent; 0 = never */
	struct buf frame;
};

static void
send_note(void *ctx, enum note_level level, const char *channel, const char *box, const char *text)
{
	struct sender *s = ctx;

	(void)channel;
	buf_clear(&s->frame);
	event_begin(&s->frame, EVENT_NOTE);
	event_number(&s->frame, (uint64_t)level);
	event_text(&s->frame, box);
	event_text(&s->frame, text);
	event_end(&s->frame);
	link_send(s->parent, &s->frame);
}

static void
send_progress(void *ctx, const struct run_progress *p)
{
	struct sender *s = ctx;
	const int64_t now = progress_now();
	unsigned seconds;
	const char *awaited;

	if (s->progress != 0 && now - s->progress < PROGRESS_EVERY)
		return;
	s->progress = now;
	buf_clear(&s->frame);
	event_begin(&s->frame, EVENT_PROGRESS);
	event_number(&s->frame, p->boxes);
	event_number(&s->frame, p->boxes_done);
	event_number(&s->frame, p->boxes_unread);
	event_number(&s->frame, p->heard);
	event_number(&s->frame, p->messages);
	event_number(&s->frame, p->messages_done);
	event_number(&s->frame, p->bytes);
	event_number(&s->frame, p->bytes_done);
	awaited = engine_awaited(s->engine, &seconds);
	event_text(&s->frame, awaited);
	event_number(&s->frame, seconds);
	event_end(&s->frame);
	link_send(s->parent, &s->frame);
}

static void
send_act(void *ctx, const struct run_act *a)
{
	const struct sender *s = ctx;

	acts_send(s->parent, a);
}

static void
send_changed(void *ctx, const struct run_changed *c)
{
	const struct sender *s = ctx;

	acts_send_changed(s->parent, c);
}

static void
send_report(struct sender *s, const struct channel_report *r, int rc, const struct err *e)
{
	buf_clear(&s->frame);
	event_begin(&s->frame, EVENT_REPORT);
	event_report(&s->frame, r);
	event_number(&s->frame, rc == 0);
	if (rc < 0)
		event_err(&s->frame, e);
	event_number(&s->frame, (uint64_t)progress_now());
	event_end(&s->frame);
	link_send(s->parent, &s->frame);
}

/* It did not get as far as its channel. */
static void
keep_failure(struct run_set *set, const struct target *target, const struct err *why, struct channel_report *report)
{
	struct channel channel;
	struct err unused;

	if (engine_channel_on_disk(&set->engine, target, &channel, &unused) == 0)
		channel_end_failed(&channel, why, report);
}

static void
work(struct run_set *set, struct link *parent, size_t at)
{
	const struct target *target = &set->targets.all.at[at];
	struct sender sender = { .parent = parent, .engine = &set->engine };
	const struct run_events events = { .note = send_note, .act = send_act, .changed = send_changed, .progress = tell_wants_progress(set->app) ? send_progress : NULL, .ctx = &sender };
	struct channel_report report = { 0 };
	struct sending_done sending;
	struct channel channel;
	struct err e;
	int rc = -1, lock = -1;
	bool has_begun = false;

	worker_begin(parent, at);
	sending_begin(set, at, &events, &sending);
	if (settings_is_alone(target->channel))
		rc = 0;
	else if (run_channel(set, target, &channel, &e) == 0 &&
	    (channel.is_dry || pair_lock_take(target->channel, &lock, &e) == 0)) {
		has_begun = true;
		rc = channel_run(&channel, &events, &report, &e);
	}
	if (lock >= 0)
		close(lock);
	if (!has_begun && rc < 0)
		keep_failure(set, target, &e, &report);
	sending_end(set, &events, &sending, &report);
	send_report(&sender, &report, rc, &e);
	report_release(&report);
	buf_release(&sender.frame);
}

/* ---- in the parent ---- */

struct teller {
	struct run_set *set;
	struct tell tell;
};

struct end {
	struct channel_report report;
	int rc;
	struct err err;			/* rc < 0 */
	int64_t ended;
};

static void
read_end(struct event *ev, struct end *end)
{
	event_get_report(ev, &end->report);
	end->rc = event_get_number(ev) != 0 ? 0 : -1;
	if (end->rc < 0)
		event_get_err(ev, &end->err);
	end->ended = (int64_t)event_get_number(ev);
	ev->is_bad |= !event_is_whole(ev);
}

static void
on_begin(void *ctx, size_t target, int64_t begun)
{
	struct teller *t = ctx;

	tell_channel(&t->tell, t->set->targets.all.at[target].channel->name, begun);
}

static void
on_note(struct teller *t, struct event *ev)
{
	const uint64_t level = event_get_number(ev);
	const char *box = event_get_text(ev), *text = event_get_words(ev);

	ev->is_bad |= level > NOTE_ERROR || !event_is_whole(ev);
	if (!ev->is_bad)
		tell_note(&t->tell, (enum note_level)level, box, text);
}

static void
on_progress(struct teller *t, struct event *ev)
{
	struct progress_waiting w;
	struct run_progress p;

	p.boxes = event_get_number(ev);
	p.boxes_done = event_get_number(ev);
	p.boxes_unread = event_get_number(ev);
	p.heard = event_get_number(ev);
	p.messages = event_get_number(ev);
	p.messages_done = event_get_number(ev);
	p.bytes = event_get_number(ev);
	p.bytes_done = event_get_number(ev);
	w.on = event_get_text(ev);
	w.seconds = event_get_number(ev);
	ev->is_bad |= !event_is_whole(ev);
	if (!ev->is_bad)
		tell_progress(&t->tell, &p, &w);
}

static void
on_report(struct teller *t, struct event *ev)
{
	struct end end;

	read_end(ev, &end);
	if (!ev->is_bad)
		tell_channel_end(&t->tell, &end.report, end.rc, &end.err, end.ended);
	report_release(&end.report);
}

static void
on_told(void *ctx, size_t target, struct event *ev)
{
	struct teller *t = ctx;
	struct err e;

	(void)target;
	if (ev->kind == EVENT_NOTE) {
		on_note(t, ev);
	} else if (ev->kind == EVENT_PROGRESS) {
		on_progress(t, ev);
	} else if (ev->kind == EVENT_REPORT) {
		on_report(t, ev);
	} else if (ev->kind == EVENT_HOOK) {
		event_get_err(ev, &e);
		tell_error(&t->tell, &e);
	} else if (!acts_told(&t->tell, ev)) {
		ev->is_bad = true;
	}
}

static void
on_lost(void *ctx, size_t target, const struct err *e)
{
	const struct channel_report nothing = { .is_lasting = true };
	struct teller *t = ctx;

	(void)target;
	tell_channel_end(&t->tell, &nothing, -1, e, progress_now());
}

static int
on_hook(void *ctx, size_t target, struct event *last, struct err *e)
{
	struct teller *t = ctx;
	struct end end;
	int rc = 0;

	read_end(last, &end);
	if (!last->is_bad && !t->set->app->options.is_dry && *interrupt_flag() == 0)
		rc = run_post_sync(t->set, t->set->targets.all.at[target].channel, &end.report, e);
	report_release(&end.report);
	return rc;
}

void
sync_run(struct app *app)
{
	struct run_set set;
	struct teller t = { .set = &set };
	const struct workers_use use = { .work = work, .last = EVENT_REPORT, .begin = on_begin, .told = on_told, .lost = on_lost,
		.hook = on_hook, .ctx = &t };

	if (run_begin(&set, app, RUN_NAMED) == 0 && option_boxes_check(&set) == 0) {
		app_check_mode(app);
		tell_init(&t.tell, app, set.targets.all.n);
		workers_run(&set, &use);
		tell_end(&t.tell);
	}
	run_end(&set);
}
