#include "cmd/sending.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/interrupt.h"
#include "cmd/version.h"

static void
warn(void *ctx, const char *account, const char *text)
{
	app_warn(ctx, "%s: %s", account, text);
}

static bool
has_login(const struct account_settings *a)
{
	return a->user != NULL || a->user_cmd.shell != NULL;
}

void
sending_fill(struct outbox *o, const struct outbox_place *place, const struct app *app, const struct secrets *secrets)
{
	const struct secret *secret = secrets != NULL ? secret_of(secrets, place->account) : NULL;

	*o = (struct outbox){ .name = place->name, .store = place->store, .box = place->box, .sent = place->sent, .keeps_copy = place->keeps_copy,
		.account = place->account, .is_dry = app->options.is_dry, .now = time(NULL), .cancel = interrupt_flag(),
		.env = { .version = MAILTWIN_VERSION, .transcript_dir = app->options.transcript, .cancel_fd = interrupt_fd(), .warn = warn,
			.ctx = (void *)app, .fsync = app->settings->fsync } };
	if (secret != NULL && secret->status == 0) {
		o->env.user = buf_str(&secret->user);
		o->env.secret = secret->pass.len != 0 ? &secret->pass : NULL;
	}
}

/* One target sends what several have. */
static bool
has_turn(const struct run_set *set, size_t target, const struct outbox_place *place)
{
	struct outboxes before = { 0 };
	struct arena a = { 0 };
	bool has;

	for (size_t i = 0; i < target; i++)
		outboxes_of(set->targets.all.at[i].channel, &a, &before);
	has = !outboxes_has(&before, place);
	outboxes_release(&before);
	arena_release(&a);
	return has;
}

void
sending_fetch(struct run_set *set, bool all)
{
	struct outboxes boxes = { 0 };
	struct arena a = { 0 };
	struct outbox o;

	if (!all && (set->app->options.is_dry || set->app->options.purpose != CHANNEL_SYNC))
		return;
	for (size_t i = 0; i < set->targets.all.n; i++)
		outboxes_of(set->targets.all.at[i].channel, &a, &boxes);
	for (size_t i = 0; i < boxes.all.n && *interrupt_flag() == 0; i++) {
		sending_fill(&o, &boxes.all.at[i], set->app, NULL);
		if (has_login(o.account) && (all || outbox_has_mail(&o)))
			secrets_fetch(&set->secrets, o.account, RUN_SECRET_LIMIT, interrupt_flag());
	}
	outboxes_release(&boxes);
	arena_release(&a);
}

static void
tell(struct sending_done *done, const struct run_events *ev, enum note_level level, enum err_class class, const char *box, const char *text)
{
	struct channel_report *sum = &done->sum;

	if (level != NOTE_INFO || text != NULL)
		ev->note(ev->ctx, level, NULL, box, text);
	if (level >= NOTE_LATER)
		vec_push(&sum->errors, (struct report_error){ class, arena_strdup(&sum->arena, box), arena_strdup(&sum->arena, text) });
}

/* What was told in an earlier run counts, and is named together. */
static void
take_report(struct sending_done *done, const struct run_events *ev, const struct outbox_place *place, struct outbox_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->told.n; i++) {
		const struct outbox_told *told = &r->told.at[i];

		if (told->is_new) {
			tell(done, ev, told->class == ERR_TEMPORARY ? NOTE_LATER : NOTE_ERROR, told->class, place->box, told->text);
			continue;
		}
		n++;
		vec_push(&done->sum.errors, (struct report_error){ told->class, arena_strdup(&done->sum.arena, place->box),
			arena_strdup(&done->sum.arena, told->text) });
	}
	if (n != 0)
		tell(done, ev, NOTE_INFO, ERR_FAILED, place->box, arena_printf(&done->arena, "%zu message%s not sent yet: `mailtwin outbox` says why", n,
		    n == 1 ? " is" : "s are"));
	done->sum.sent += r->sent;
	buf_adds(&done->sum.plan_text, buf_str(&r->plan));
	outbox_report_release(r);
}

/* Whether the account's secret is to be had, where it needs one; told. 0: what came in meanwhile waits for the next run. */
static bool
may_send(const struct run_set *set, struct sending_done *done, const struct run_events *ev, const struct outbox_place *place)
{
	const struct secret *secret = secret_of(&set->secrets, place->account);

	if (set->app->options.is_dry || !has_login(place->account))
		return true;
	if (secret != NULL && secret->status < 0 && secret->err.class != ERR_CANCELLED)
		tell(done, ev, NOTE_ERROR, secret->err.class, place->box, secret->err.text);
	return secret != NULL && secret->status == 0;
}

typedef int outbox_turn(const struct outbox *o, struct outbox_report *report_r, struct err *e);

static void
take_turn(struct run_set *set, struct sending_done *done, const struct run_events *ev, size_t box, outbox_turn *turn)
{
	const struct outbox_place *place = &done->boxes.all.at[box];
	struct outbox_report report;
	struct outbox o;
	struct err e;

	sending_fill(&o, place, set->app, &set->secrets);
	if (turn(&o, &report, &e) < 0 && e.class != ERR_CANCELLED)
		tell(done, ev, e.class == ERR_TEMPORARY ? NOTE_LATER : NOTE_ERROR, e.class, place->box, e.text);
	if (report.has_unknown)
		vec_push(&done->looks, box);
	take_report(done, ev, place, &report);
}

void
sending_begin(struct run_set *set, size_t target, const struct run_events *ev, struct sending_done *done)
{
	*done = (struct sending_done){ .sum = { .sent = 0 } };
	if (set->app->options.purpose != CHANNEL_SYNC)
		return;
	outboxes_of(set->targets.all.at[target].channel, &done->arena, &done->boxes);
	for (size_t i = 0; i < done->boxes.all.n; i++)
		if (has_turn(set, target, &done->boxes.all.at[i]) && may_send(set, done, ev, &done->boxes.all.at[i]))
			take_turn(set, done, ev, i, outbox_send);
}

void
sending_end(struct run_set *set, const struct run_events *ev, struct sending_done *done, struct channel_report *report)
{
	struct buf plan = { 0 };

	for (size_t i = 0; i < done->looks.n && *interrupt_flag() == 0; i++)
		take_turn(set, done, ev, done->looks.at[i], outbox_look);
	for (size_t i = 0; i < done->sum.errors.n; i++)
		vec_push(&report->errors, (struct report_error){ done->sum.errors.at[i].class,
			arena_strdup(&report->arena, done->sum.errors.at[i].box), arena_strdup(&report->arena, done->sum.errors.at[i].text) });
	report->sent += done->sum.sent;
	report->is_changed[NEAR] |= done->sum.sent != 0;
	if (done->sum.plan_text.len != 0) {
		buf_adds(&plan, buf_str(&done->sum.plan_text));
		buf_adds(&plan, buf_str(&report->plan_text));
		buf_release(&report->plan_text);
		report->plan_text = plan;
	}
	report_release(&done->sum);
	vec_release(&done->looks);
	outboxes_release(&done->boxes);
	arena_release(&done->arena);
}
