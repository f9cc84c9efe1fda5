/* mailtwin check: each part says what it finds of itself (state/base/finding.h). The parent looks at the configuration and at what else
 * runs on this machine, workers at accounts, Maildirs and states. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/check_parts.h"
#include "cmd/command.h"
#include "cmd/finding_print.h"
#include "cmd/interrupt.h"
#include "cmd/json.h"
#include "cmd/outboxes.h"
#include "cmd/sending.h"
#include "cmd/terminal.h"
#include "cmd/workers.h"
#include "sync/channel_check.h"

/* ---- in the worker ---- */

static void
send_finding(void *ctx, const struct finding *f)
{
	struct buf b = { 0 };

	event_begin(&b, EVENT_FINDING);
	event_number(&b, (uint64_t)f->level);
	event_number(&b, (uint64_t)f->class);
	event_text(&b, f->what);
	event_text(&b, f->where);
	event_text(&b, f->text);
	event_text(&b, f->remedy);
	worker_send(ctx, &b);
}

/* What this process has looked at: several channels may have one store, or one account. */
struct checked {
	const struct store_settings *settings;	/* NULL: of an SMTPAccount */
	const struct account_settings *account;
	struct store *store;
	struct listing list;
	bool is_there;
};
static VEC(struct checked) done;

static struct checked *
find_checked(const struct store_settings *settings, const struct account_settings *account)
{
	for (size_t i = 0; i < done.n; i++)
		if (done.at[i].settings == settings && (settings != NULL || done.at[i].account == account))
			return &done.at[i];
	return NULL;
}

/* Whether an account's user and password are to be had, which is told if not. */
static bool
has_secret(const struct run_set *set, const struct account_settings *account, const struct findings *out)
{
	const struct secret *secret = secret_of(&set->secrets, account);
	char *where;

	if (secret == NULL || secret->status == 0)
		return true;
	where = mem_printf("account %s", account->name);
	finding_fail(out, "password", where, "try the command of PassCmd by itself", &secret->err);
	free(where);
	return false;
}

static void
check_store(struct run_set *set, const struct store_settings *settings, const struct findings *out)
{
	struct checked *c;
	struct err e;
	char *where;

	if (find_checked(settings, NULL) != NULL)
		return;
	c = vec_add(&done);
	*c = (struct checked){ .settings = settings, .account = settings->account };
	if (settings->account != NULL && !has_secret(set, settings->account, out))
		return;
	if (engine_store(&set->engine, settings, false, &c->store, &e) < 0) {
		where = mem_printf("store %s", settings->name);
		finding_fail(out, "settings", where, NULL, &e);
		free(where);
		return;
	}
	c->store->is_dry = true;
	c->is_there = c->store->ops->check(c->store, &c->list, out) == 0;
}

static void
check_outbox(struct run_set *set, const struct outbox_place *place, const struct findings *out)
{
	struct outbox o;

	if (find_checked(NULL, place->account) != NULL)
		return;
	vec_push(&done, (struct checked){ .account = place->account });
	if (!has_secret(set, place->account, out))
		return;
	sending_fill(&o, place, set->app, &set->secrets);
	outbox_check(&o, out);
}

/* The mailboxes that a channel means, and its state. */
static void
check_channel(struct run_set *set, const struct target *t, const struct findings *out)
{
	const struct checked *far = find_checked(t->channel->store[FAR], NULL), *near = find_checked(t->channel->store[NEAR], NULL);
	struct channel channel;
	struct err e;

	if (far != NULL && near != NULL && far->is_there && near->is_there)
		check_patterns(t->channel, (const struct store *[SIDES]){ far->store, near->store },
		    (const struct listing *[SIDES]){ &far->list, &near->list }, out);
	if (engine_channel_on_disk(&set->engine, t, &channel, &e) == 0)
		channel_check(&channel, out);
}

static void
work(struct run_set *set, struct link *parent, size_t target)
{
	const struct target *t = &set->targets.all.at[target];
	const struct findings out = { send_finding, parent };
	struct outboxes boxes = { 0 };
	struct arena a = { 0 };
	struct buf b = { 0 };

	worker_begin(parent, target);
	for (int s = 0; s < SIDES && *interrupt_flag() == 0; s++)
		check_store(set, t->channel->store[s], &out);
	if (!settings_is_alone(t->channel) && *interrupt_flag() == 0)
		check_channel(set, t, &out);
	outboxes_of(t->channel, &a, &boxes);
	for (size_t i = 0; i < boxes.all.n && *interrupt_flag() == 0; i++)
		check_outbox(set, &boxes.all.at[i], &out);
	outboxes_release(&boxes);
	arena_release(&a);
	event_begin(&b, EVENT_CHECKED);
	worker_send(parent, &b);
}

/* ---- in the parent ---- */

struct checker {
	struct app *app;
	struct run_set *set;
	uint64_t count[FINDING_ERROR + 1];
};

static void
got_finding(void *ctx, const struct finding *f)
{
	struct checker *c = ctx;

	c->count[f->level]++;
	if (f->level == FINDING_ERROR)
		exit_status_add(&c->app->status, f->class);
	finding_print(c->app, f);
}

static void
on_told(void *ctx, size_t target, struct event *ev)
{
	struct finding f = { 0 };
	uint64_t level, class;

	(void)target;
	if (ev->kind == EVENT_FINDING) {
		level = event_get_number(ev);
		class = event_get_number(ev);
		f.what = event_get_words(ev);
		f.where = event_get_words(ev);
		f.text = event_get_words(ev);
		f.remedy = event_get_text(ev);
		ev->is_bad |= level > FINDING_ERROR || class > ERR_CANCELLED;
		f.level = ev->is_bad ? FINDING_OK : (enum finding_level)level;
		f.class = ev->is_bad ? ERR_FAILED : (enum err_class)class;
		if (event_is_whole(ev))
			got_finding(ctx, &f);
	}
	ev->is_bad |= !event_is_whole(ev);
}

/* What was at work broke: most likely at a state, which names the way out. */
static void
on_lost(void *ctx, size_t target, const struct err *e)
{
	struct checker *c = ctx;
	const struct findings out = { got_finding, c };
	char *where = mem_printf("channel %s", c->set->targets.all.at[target].channel->name);

	finding_fail(&out, "state", where, NULL, e);
	free(where);
}

static void
print_sum(const struct checker *c)
{
	struct buf line = { 0 };

	if (c->app->options.is_json) {
		json_open(&line);
		json_text(&line, "event", "checked");
		json_number(&line, "ok", c->count[FINDING_OK]);
		json_number(&line, "warnings", c->count[FINDING_WARNING]);
		json_number(&line, "errors", c->count[FINDING_ERROR]);
		json_number(&line, "exit", (uint64_t)app_code(c->app));
		terminal_json(&line);
	} else if (c->app->options.quiet == 0) {
		buf_printf(&line, "%llu ok, %llu warning%s, %llu error%s", (unsigned long long)c->count[FINDING_OK],
		    (unsigned long long)c->count[FINDING_WARNING], c->count[FINDING_WARNING] == 1 ? "" : "s",
		    (unsigned long long)c->count[FINDING_ERROR], c->count[FINDING_ERROR] == 1 ? "" : "s");
		terminal_line(stdout, TERMINAL_PLAIN, "", buf_str(&line));
	}
	buf_release(&line);
}

void
check_run(struct app *app)
{
	struct run_set set = { 0 };
	struct checker c = { .app = app, .set = &set };
	const struct findings out = { got_finding, &c };
	const struct workers_use use = { .work = work, .last = EVENT_CHECKED, .told = on_told, .lost = on_lost, .ctx = &c };

	if (run_begin(&set, app, RUN_TO_CHECK) == 0) {
		near_misses(app, &out);
		other_programs(app->home, &out);
		workers_run(&set, &use);
		print_sum(&c);
	}
	run_end(&set);
}
