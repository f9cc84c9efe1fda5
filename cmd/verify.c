/* mailtwin verify: whether both sides hold the same, listed afresh. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/command.h"
#include "cmd/dates.h"
#include "cmd/json.h"
#include "cmd/shown.h"
#include "cmd/since.h"
#include "cmd/terminal.h"
#include "cmd/workers.h"
#include "sync/channel_verify.h"

static struct verify_want want;		/* of the one verify of this process; workers are forks of it */

/* ---- in the worker ---- */

static void
send_difference(void *ctx, const struct verify_difference *d)
{
	struct buf b = { 0 };

	event_begin(&b, EVENT_DIFFERENCE);
	event_number(&b, (uint64_t)d->kind);
	event_number(&b, (uint64_t)d->side);
	event_text(&b, d->box);
	event_text(&b, d->place);
	event_number(&b, (uint64_t)d->date);
	event_text(&b, d->from);
	event_text(&b, d->subject);
	event_text(&b, d->message_id);
	event_text(&b, d->why);
	worker_send(ctx, &b);
}

static void
send_error(void *ctx, const char *box, const struct err *e)
{
	struct buf b = { 0 };

	event_begin(&b, EVENT_NOT_VERIFIED);
	event_text(&b, box);
	event_err(&b, e);
	worker_send(ctx, &b);
}

static void
work(struct run_set *set, struct link *parent, size_t target)
{
	const struct verify_events events = { send_difference, send_error, parent };
	struct verify_report r = { 0 };
	struct channel channel;
	struct buf b = { 0 };
	struct err e;
	int rc;

	worker_begin(parent, target);
	rc = run_channel(set, &set->targets.all.at[target], &channel, &e);
	if (rc == 0)
		rc = channel_verify(&channel, &want, &events, &r, &e);
	event_begin(&b, EVENT_VERIFIED);
	event_number(&b, rc == 0);
	if (rc == 0) {
		event_number(&b, r.boxes);
		event_number(&b, r.messages[FAR]);
		event_number(&b, r.messages[NEAR]);
		event_number(&b, r.differences);
	} else {
		event_err(&b, &e);
	}
	worker_send(parent, &b);
}

/* ---- in the parent ---- */

struct verifier { struct app *app; struct run_set *set; };

static void
read_difference(struct event *ev, struct verify_difference *d)
{
	const uint64_t kind = event_get_number(ev), side = event_get_number(ev);

	ev->is_bad |= kind > VERIFY_TEXT || side >= SIDES;
	d->kind = ev->is_bad ? VERIFY_BOX : (enum verify_kind)kind;
	d->side = ev->is_bad ? FAR : (enum side)side;
	d->box = event_get_words(ev);
	d->place = event_get_words(ev);
	d->date = (int64_t)event_get_number(ev);
	d->from = event_get_words(ev);
	d->subject = event_get_words(ev);
	d->message_id = event_get_words(ev);
	d->why = event_get_words(ev);
}

static void
print_json(const char *channel, const struct verify_difference *d)
{
	static const char *const kinds[] = { [VERIFY_BOX] = "mailbox", [VERIFY_MISSING] = "missing", [VERIFY_FLAGS] = "flags",
		[VERIFY_TEXT] = "text" };
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "difference");
	json_text(&line, "channel", channel);
	json_text(&line, "mailbox", d->box);
	json_text(&line, "kind", kinds[d->kind]);
	json_text(&line, "side", side_name(d->side));
	json_text(&line, "place", *d->place != '\0' ? d->place : NULL);
	json_signed(&line, "date", d->date);
	json_text(&line, "from", d->from);
	json_text(&line, "subject", d->subject);
	json_text(&line, "message_id", d->message_id);
	json_text(&line, "why", d->why);
	terminal_json(&line);
}

static void
print_difference(const char *channel, const struct verify_difference *d)
{
	enum { LONGEST = 60 };
	struct buf line = { 0 }, subject = { 0 };
	char date[DATES_SIZE];

	buf_printf(&line, "%s:%s: ", channel, d->box);
	if (d->kind != VERIFY_BOX) {
		dates_minute(d->date, date);
		shown_cut(&subject, d->subject, LONGEST);
		buf_printf(&line, "%s  %s: \"%s\" (%s%s, %s): ", *date != '\0' ? date : "no date", d->from, buf_str(&subject), d->kind == VERIFY_MISSING ? "only " : "",
		    side_name(d->side), d->place);
	}
	buf_adds(&line, d->why);
	terminal_line(stdout, TERMINAL_PLAIN, "", buf_str(&line));
	buf_release(&line);
	buf_release(&subject);
}

static void
on_lost(void *ctx, size_t target, const struct err *e)
{
	struct verifier *v = ctx;

	run_tell_lost(v->set, target, e);
}

static void
on_difference(struct verifier *v, const char *channel, struct event *ev)
{
	struct verify_difference d;

	read_difference(ev, &d);
	if (!event_is_whole(ev))
		return;
	exit_status_add(&v->app->status, ERR_FAILED);
	if (v->app->options.is_json)
		print_json(channel, &d);
	else
		print_difference(channel, &d);
}

static void
on_not_verified(struct verifier *v, const char *channel, struct event *ev)
{
	const char *box = event_get_text(ev);
	struct err e;

	event_get_err(ev, &e);
	if (!event_is_whole(ev))
		return;
	err_context(&e, "%s%s%s: not compared", channel, box != NULL ? ":" : "", box != NULL ? box : "");
	app_fail_at(v->app, channel, box, &e);
}

static void
on_verified(struct verifier *v, size_t target, struct event *ev)
{
	const char *channel = v->set->targets.all.at[target].channel->name;
	struct verify_report r;
	struct buf line = { 0 };
	struct err e;

	if (event_get_number(ev) == 0) {
		event_get_err(ev, &e);
		on_lost(v, target, &e);
		return;
	}
	r.boxes = event_get_number(ev);
	r.messages[FAR] = event_get_number(ev);
	r.messages[NEAR] = event_get_number(ev);
	r.differences = event_get_number(ev);
	if (!v->app->options.is_json) {
		app_notice(v->app, "%s: %llu mailboxes compared, with %llu messages on far and %llu on near: %llu differences", channel,
		    (unsigned long long)r.boxes, (unsigned long long)r.messages[FAR], (unsigned long long)r.messages[NEAR],
		    (unsigned long long)r.differences);
		return;
	}
	json_open(&line);
	json_text(&line, "event", "verified");
	json_text(&line, "channel", channel);
	json_number(&line, "mailboxes", r.boxes);
	json_number(&line, "far", r.messages[FAR]);
	json_number(&line, "near", r.messages[NEAR]);
	json_number(&line, "differences", r.differences);
	terminal_json(&line);
}

static void
on_told(void *ctx, size_t target, struct event *ev)
{
	struct verifier *v = ctx;
	const char *channel = v->set->targets.all.at[target].channel->name;

	if (ev->kind == EVENT_DIFFERENCE)
		on_difference(v, channel, ev);
	else if (ev->kind == EVENT_NOT_VERIFIED)
		on_not_verified(v, channel, ev);
	else
		on_verified(v, target, ev);
	ev->is_bad |= !event_is_whole(ev);
}

void
verify_run(struct app *app)
{
	struct run_set set = { 0 };
	struct verifier v = { .app = app, .set = &set };
	const struct workers_use use = { .work = work, .last = EVENT_VERIFIED, .told = on_told, .lost = on_lost, .ctx = &v };

	want.has_bodies = app->options.has_bodies;
	if (since_read(app, &want.since) < 0)
		return;
	want.has_since = app->options.since != NULL;
	if (run_begin(&set, app, RUN_NAMED) == 0)
		workers_run(&set, &use);
	run_end(&set);
}
