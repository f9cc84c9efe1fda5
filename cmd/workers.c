#include "cmd/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/apart.h"
#include "cmd/confine.h"
#include "cmd/grants.h"
#include "cmd/groups.h"
#include "cmd/interrupt.h"
#include "cmd/mbsync_place.h"
#include "cmd/outboxes.h"
#include "cmd/progress.h"
#include "cmd/state_place.h"
#include "cmd/steps.h"
#include "cmd/terminal.h"
#include "cmd/tunnels.h"
#include "state/base/log.h"
#include "state/base/outside.h"
#include "state/lock.h"
#include "state/state.h"

struct worker {
	pid_t pid;
	int fd;
	size_t group;
	struct buf in;			/* arrived, not yet a whole frame */
	struct tunnels tunnels;
	bool is_wrong;			/* it sent what it must not; killed */
	bool is_outside;		/* it met a link out of its Maildirs: another one takes its place */
};

/* What was heard of a target. */
struct hearing {
	enum { HEARD_NOTHING, HEARD_BEGIN, HEARD_ALL, HEARD_ITS_LOSS, SKIPPED } state;
	int64_t begun;
	struct buf held;		/* frames that wait for its turn */
	struct err loss;
};

struct workers {
	struct run_set *set;
	const struct workers_use *use;
	struct groups groups;
	size_t *next;			/* of each group: how many of its targets are over, or lost */
	bool *is_linked;		/* of each group: links lead out of its Maildirs */
	size_t waiting;			/* the first group that was not started yet */
	VEC(struct worker) running;
	struct hearing *heard;		/* of each target */
	size_t turn;			/* the target whose events are handed on as they come */
	bool has_begun;			/* it, to the caller */
	bool is_stopped;		/* they were told to stop */
};

/* Whether the worker waits for the target's hook. */
static bool
has_hook(const struct workers *w, size_t target)
{
	return w->use->hook != NULL && w->set->targets.all.at[target].channel->post_sync != NULL;
}

/* ---- in the worker ---- */

void
worker_send(struct link *parent, struct buf *event)
{
	event_end(event);
	link_send(parent, event);
	buf_release(event);
}

void
worker_begin(struct link *parent, size_t target)
{
	struct buf b = { 0 };

	event_begin(&b, EVENT_BEGIN);
	event_number(&b, target);
	event_number(&b, (uint64_t)progress_now());
	worker_send(parent, &b);
}

static void
send_voice(void *ctx, enum app_voice voice, const char *text)
{
	struct buf b = { 0 };

	if (voice == APP_DEBUG) {
		event_begin(&b, EVENT_DEBUG);
	} else {
		event_begin(&b, EVENT_SAID);
		event_number(&b, (uint64_t)voice);
	}
	event_text(&b, text);
	event_end(&b);
	link_send(ctx, &b);
	buf_release(&b);
}

struct accounts { VEC(const struct account_settings *) v; };

/* Those whose servers a group talks to: of its stores, and of the outboxes that it sends. */
static void
accounts_of(const struct workers *w, const struct group *g, struct accounts *out)
{
	const struct channel_settings *c;
	struct outboxes boxes = { 0 };
	struct arena arena = { 0 };

	for (size_t i = 0; i < g->targets.n; i++) {
		c = w->set->targets.all.at[g->targets.at[i]].channel;
		for (int s = 0; s < SIDES; s++)
			if (c->store[s]->account != NULL)
				vec_push(&out->v, c->store[s]->account);
		outboxes_of(c, &arena, &boxes);
	}
	for (size_t i = 0; i < boxes.all.n; i++)
		vec_push(&out->v, boxes.all.at[i].account);
	outboxes_release(&boxes);
	arena_release(&arena);
}

/* Of other groups nothing is known here from now on. */
static void
forget_others(const struct workers *w, const struct group *g)
{
	struct accounts ours = { { 0 } };

	accounts_of(w, g, &ours);
	secrets_keep(&w->set->secrets, ours.v.at, ours.v.n);
	vec_release(&ours.v);
}

/* What this worker was granted, and whom it tells. */
static struct { struct grants grants; struct link *parent; } confined;

/* A directory was denied: if it is a link that leads out of a Maildir, another process is to know of it. Any thread. */
static void
on_outside(int at_fd, const char *path)
{
	struct buf b = { 0 }, at = { 0 };
	struct stat st;
	char *real;

	if (path[0] != '/' && at_fd >= 0)
		buf_printf(&at, "/proc/self/fd/%d/", at_fd);
	buf_adds(&at, path);
	real = realpath(buf_str(&at), NULL);
	buf_release(&at);
	if (real == NULL || stat(real, &st) < 0 || !S_ISDIR(st.st_mode) || grants_has(&confined.grants, real)) {
		free(real);
		return;
	}
	event_begin(&b, EVENT_OUTSIDE);
	event_end(&b);
	link_send(confined.parent, &b);
	_exit(0);
}

/* A temporary file, which the parent makes: the directory of all of them is not for this process. */
static int
ask_for_file(void)
{
	struct link_answer answer;
	struct buf b = { 0 };
	int fd;

	event_begin(&b, EVENT_FILE);
	event_end(&b);
	link_ask(confined.parent, &b, &answer, &fd);
	buf_release(&b);
	errno = answer.sys;
	return fd;
}

/* The files that a group's channels need; from here on there are no others. */
static void
confine_group(const struct workers *w, size_t group, struct link *parent)
{
	const struct group *g = &w->groups.all.at[group];
	const struct app *app = w->set->app;
	const struct channel_settings *c;
	struct mbsync_place place;
	struct err e;
	char *state;

	confined.parent = parent;
	for (size_t i = w->next[group]; i < g->targets.n; i++) {
		c = w->set->targets.all.at[g->targets.at[i]].channel;
		state = state_place(c, getenv("XDG_STATE_HOME"), app->home, &confined.grants.arena, &e);
		if (state != NULL && !app->options.is_dry)
			(void)state_make_directories(state, &e);	/* told by state_open() */
		grants_for(&confined.grants, c, state, app->options.transcript);
		mbsync_place(app->settings, c, getenv("XDG_STATE_HOME"), app->home, &confined.grants.arena, &place);
		if (app->options.purpose == CHANNEL_EXPORT && !app->options.is_dry)
			mbsync_place_make(&place);
		grants_mbsync(&confined.grants, &place);
		if (w->is_linked[group])
			grants_links(&confined.grants, c);
	}
	grants_system(&confined.grants);
	confine_close(&confined.grants);
	outside_install(w->is_linked[group] ? NULL : on_outside, ask_for_file);
}

static void
say_step(void *ctx, const char *text)
{
	app_warn(ctx, "%s", text);
}

/* Files that are written, and connections: 1,024, which is usual for one process, is little for that. Commands are started by the first
 * process, which keeps what it had. */
static void
want_descriptors(void)
{
	enum { WANTED = 4096 };
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < WANTED ? limit.rlim_max : WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static _Noreturn void
become_worker(struct workers *w, size_t group, int socket, pid_t parent, const sigset_t *signals)
{
	const struct group *g = &w->groups.all.at[group];
	static struct link to_parent;
	struct link_answer ready;

	confine_to_parent(parent);
	want_descriptors();
	lock_set_owner(parent);
	for (size_t i = 0; i < w->running.n; i++)
		close(w->running.at[i].fd);
	interrupt_in_worker(signals);
	link_init(&to_parent, socket);
	forget_others(w, g);
	app_divert(w->groups.all.n > 1 ? g->name : NULL, send_voice, &to_parent);
	tunnels_borrow(&to_parent);
	confine_group(w, group, &to_parent);
	for (size_t i = w->next[group]; i < g->targets.n && *interrupt_flag() == 0; i++) {
		steps_target(w->set->targets.all.at[g->targets.at[i]].channel->name, say_step, w->set->app);
		w->use->work(w->set, &to_parent, g->targets.at[i]);
		if (has_hook(w, g->targets.at[i]))
			link_ask(&to_parent, NULL, &ready, NULL);
	}
	run_end(w->set);
	exit(0);
}

/* ---- in the parent: what was heard, in order ---- */

static void
hand_on(struct workers *w, size_t target, struct event *ev)
{
	enum app_voice voice;
	const char *text;

	if (ev->kind != EVENT_SAID) {
		w->use->told(w->use->ctx, target, ev);
		return;
	}
	voice = (enum app_voice)event_get_number(ev);
	text = event_get_words(ev);
	if (event_is_whole(ev))
		app_say(w->set->app, voice, text);
}

static void
hand_on_held(struct workers *w, struct hearing *h)
{
	struct event ev;
	size_t at = 0, used;

	while (at < h->held.len && event_next(h->held.data + at, h->held.len - at, &ev, &used) > 0) {
		hand_on(w, w->turn, &ev);
		at += used;
	}
	buf_release(&h->held);
}

/* Hands on all that nothing stands before any more. */
static void
take_turns(struct workers *w)
{
	struct hearing *h;

	for (; w->turn < w->set->targets.all.n; w->turn++, w->has_begun = false) {
		h = &w->heard[w->turn];
		if (h->state == HEARD_NOTHING)
			return;
		if (h->state != SKIPPED && !w->has_begun && w->use->begin != NULL)
			w->use->begin(w->use->ctx, w->turn, h->begun);
		w->has_begun = true;
		hand_on_held(w, h);
		if (h->state == HEARD_BEGIN)
			return;
		if (h->state == HEARD_ITS_LOSS)
			w->use->lost(w->use->ctx, w->turn, &h->loss);
	}
}

static void
hear(struct workers *w, size_t target, const char *frame, size_t len, struct event *ev)
{
	struct hearing *h = &w->heard[target];

	if (target == w->turn && w->has_begun && h->held.len == 0)
		hand_on(w, target, ev);
	else if (ev->kind != EVENT_PROGRESS)
		buf_add(&h->held, frame, len);
}

/* ---- in the parent: one worker ---- */

/* The target that the group is at; SIZE_MAX = it has no more. */
static size_t
target_of(const struct workers *w, const struct worker *me)
{
	const struct group *g = &w->groups.all.at[me->group];

	return w->next[me->group] < g->targets.n ? g->targets.at[w->next[me->group]] : SIZE_MAX;
}

struct tunnel_right { const struct workers *w; const struct worker *me; };

static bool
is_its_tunnel(void *ctx, const char *command)
{
	const struct tunnel_right *right = ctx;
	struct accounts its = { { 0 } };
	bool has = false;

	accounts_of(right->w, &right->w->groups.all.at[right->me->group], &its);
	for (size_t i = 0; i < its.v.n && !has; i++)
		has = its.v.at[i]->net.tunnel != NULL && strcmp(its.v.at[i]->net.tunnel, command) == 0;
	vec_release(&its.v);
	return has;
}

static int
on_begin(struct workers *w, struct worker *me, struct event *ev)
{
	const uint64_t target = event_get_number(ev);
	const int64_t begun = (int64_t)event_get_number(ev);
	struct hearing *h;

	if (!event_is_whole(ev) || target != target_of(w, me))
		return -1;
	h = &w->heard[target];
	/* The second time where another one takes its place. */
	if (h->state != HEARD_NOTHING && !(h->state == HEARD_BEGIN && w->is_linked[me->group]))
		return -1;
	h->state = HEARD_BEGIN;
	h->begun = begun;
	take_turns(w);
	return 0;
}

/* What failed after the report is told behind it. */
static void
run_hook(struct workers *w, size_t target, struct event *last)
{
	struct buf frame = { 0 };
	struct event ev;
	struct err e;
	size_t used;

	if (w->use->hook(w->use->ctx, target, last, &e) == 0)
		return;
	event_begin(&frame, EVENT_HOOK);
	event_err(&frame, &e);
	event_end(&frame);
	event_next(frame.data, frame.len, &ev, &used);
	hear(w, target, frame.data, frame.len, &ev);
	buf_release(&frame);
}

/* The target's last event: its hook runs now, whoever's turn it is to be told. */
static int
on_last(struct workers *w, struct worker *me, size_t target, const char *frame, size_t len, struct event *ev)
{
	struct event again = *ev;

	hear(w, target, frame, len, ev);
	if (has_hook(w, target)) {
		run_hook(w, target, &again);
		(void)link_answer(me->fd, &(struct link_answer){ 0 }, -1);
	}
	w->heard[target].state = HEARD_ALL;
	w->next[me->group]++;
	take_turns(w);
	return again.is_bad ? -1 : 0;
}

/* The place of a note that says so for the next runs. The caller frees; NULL = none. */
static char *
links_note(const struct workers *w, size_t target)
{
	struct arena arena = { 0 };
	struct err e;
	const char *state = state_place(w->set->targets.all.at[target].channel, getenv("XDG_STATE_HOME"), w->set->app->home, &arena, &e);
	char *note = state != NULL ? mem_printf("%s.links", state) : NULL;

	arena_release(&arena);
	return note;
}

static int
on_outside_told(struct workers *w, struct worker *me)
{
	const size_t target = target_of(w, me);
	char *note;
	int fd;

	if (me->is_outside)
		return 0;		/* another thread of it met one, too */
	if (target == SIZE_MAX || w->is_linked[me->group])
		return -1;
	w->is_linked[me->group] = me->is_outside = true;
	note = links_note(w, target);
	if (note != NULL && !w->set->app->options.is_dry) {
		fd = open(note, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0)
			close(fd);
	}
	free(note);
	return 0;
}

static int
give_file(const struct worker *me)
{
	const int fd = outside_file();
	const struct link_answer answer = { .value = fd >= 0 ? 0 : -1, .sys = fd >= 0 ? 0 : errno };
	const int rc = link_answer(me->fd, &answer, fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

static int
on_frame(struct workers *w, struct worker *me, const char *frame, size_t len, struct event *ev)
{
	const size_t target = target_of(w, me);
	const bool is_at_work = target != SIZE_MAX && w->heard[target].state == HEARD_BEGIN;

	switch (ev->kind) {
	case EVENT_BEGIN:
		return on_begin(w, me, ev);
	case EVENT_TUNNEL:
		return tunnels_answer(&me->tunnels, me->fd, ev, is_its_tunnel, &(struct tunnel_right){ w, me });
	case EVENT_DEBUG:
		app_say(w->set->app, APP_DEBUG, event_get_words(ev));
		return event_is_whole(ev) ? 0 : -1;
	case EVENT_SAID:
		if (!is_at_work)
			hand_on(w, target, ev);
		else
			hear(w, target, frame, len, ev);
		return ev->is_bad ? -1 : 0;
	case EVENT_FILE:
		return give_file(me);
	case EVENT_OUTSIDE:
		return on_outside_told(w, me);
	case EVENT_HOOK:
		return -1;
	case EVENT_NOTE:
	case EVENT_ACT:
	case EVENT_CHANGED:
	case EVENT_PROGRESS:
	case EVENT_REPORT:
	case EVENT_MAILBOX:
	case EVENT_LISTED:
	case EVENT_HIT:
	case EVENT_SEARCH_NOTE:
	case EVENT_SEARCHED:
	case EVENT_DIFFERENCE:
	case EVENT_NOT_VERIFIED:
	case EVENT_VERIFIED:
	case EVENT_FINDING:
	case EVENT_CHECKED:
		break;
	}
	if (!is_at_work)
		return -1;
	if (ev->kind == w->use->last)
		return on_last(w, me, target, frame, len, ev);
	hear(w, target, frame, len, ev);
	return ev->is_bad ? -1 : 0;
}

/* 1: more may come; 0: its end. */
static int
read_from(struct workers *w, struct worker *me)
{
	struct event ev;
	size_t at = 0, used;
	ssize_t n;
	int got;

	buf_reserve(&me->in, 65536);
	n = recv(me->fd, me->in.data + me->in.len, 65536, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	if (n <= 0)
		return 0;
	me->in.len += (size_t)n;
	while ((got = event_next(me->in.data + at, me->in.len - at, &ev, &used)) > 0) {
		if (on_frame(w, me, me->in.data + at, used, &ev) < 0)
			got = -1;
		at += used;
		if (got < 0)
			break;
	}
	memmove(me->in.data, me->in.data + at, me->in.len - at);
	me->in.len -= at;
	me->is_wrong = got < 0;
	return !me->is_wrong;
}

/* ---- in the parent: beginnings and ends ---- */

static bool
has_links_note(const struct workers *w, size_t target)
{
	char *note = links_note(w, target);
	bool has = note != NULL && access(note, F_OK) == 0;

	free(note);
	return has;
}

static int
start_worker(struct workers *w, size_t group, struct err *e)
{
	const struct group *g = &w->groups.all.at[group];
	const pid_t parent = getpid();
	struct worker *me;
	int ends[2];
	sigset_t was;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(e, ERR_RUN, errno, "cannot make a socket pair");
	for (size_t i = w->next[group]; i < g->targets.n && !w->is_linked[group]; i++)
		w->is_linked[group] = has_links_note(w, g->targets.at[i]);
	terminal_clear();
	fflush(NULL);
	interrupt_hold(&was);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		become_worker(w, group, ends[1], parent, &was);
	}
	interrupt_release(&was);
	close(ends[1]);
	if (pid < 0) {
		err_class(e, ERR_RUN, ERR_TEMPORARY, ERR_LATER, "no process is to be had (%s); try again later", strerror(errno));
		close(ends[0]);
		return -1;
	}
	me = vec_add(&w->running);
	*me = (struct worker){ .pid = pid, .fd = ends[0], .group = group };
	return 0;
}

/* What a worker was at when it broke is over, as a failure that names the channel's state. */
static void
lose(struct workers *w, const struct worker *me, int status)
{
	const size_t target = target_of(w, me);
	const struct channel_settings *c;
	struct arena arena = { 0 };
	struct hearing *h;
	struct err e;
	char *state;

	if (target == SIZE_MAX)
		return;
	h = &w->heard[target];
	c = w->set->targets.all.at[target].channel;
	state = state_place(c, getenv("XDG_STATE_HOME"), w->set->app->home, &arena, &e);
	if (me->is_wrong)
		err_class(&h->loss, ERR_STORE, ERR_FAILED, ERR_LATER, "channel %s: the process at work on it was ended because it sent what makes "
		    "no sense", c->name);
	else
		apart_broken(c->name, state, status, &h->loss);
	arena_release(&arena);
	if (h->state == HEARD_NOTHING)
		h->begun = progress_now();
	h->state = HEARD_ITS_LOSS;
	w->next[me->group]++;
}

/* Where nothing more will be done: what was not begun is not told of. */
static void
skip_rest(struct workers *w, size_t group)
{
	const struct group *g = &w->groups.all.at[group];

	for (; w->next[group] < g->targets.n; w->next[group]++)
		w->heard[g->targets.at[w->next[group]]].state = SKIPPED;
}

/* Where no process is to be had, that is told of each target. */
static void
start_or_tell(struct workers *w, size_t group)
{
	const struct group *g = &w->groups.all.at[group];
	struct hearing *h;
	struct err e;

	if (start_worker(w, group, &e) == 0)
		return;
	for (; w->next[group] < g->targets.n; w->next[group]++) {
		h = &w->heard[g->targets.at[w->next[group]]];
		*h = (struct hearing){ .state = HEARD_ITS_LOSS, .begun = progress_now(), .loss = e };
	}
	take_turns(w);
}

static void
end_worker(struct workers *w, size_t at)
{
	struct worker me = w->running.at[at];
	const struct group *g = &w->groups.all.at[me.group];
	int status = 0;

	if (me.is_wrong)
		kill(me.pid, SIGKILL);
	close(me.fd);
	while (waitpid(me.pid, &status, 0) < 0 && errno == EINTR)
		continue;
	tunnels_end(&me.tunnels, *interrupt_flag() != 0);
	buf_release(&me.in);
	w->running.at[at] = w->running.at[--w->running.n];
	steps_ended(status);
	if (me.is_outside)
		log_line(LOG_RUN, "%s: a link leads out of a Maildir: started again, with what it leads to", g->name);
	else if (status != 0 || me.is_wrong || (w->next[me.group] < g->targets.n && *interrupt_flag() == 0))
		lose(w, &me, status);
	if (*interrupt_flag() != 0)
		skip_rest(w, me.group);
	if (w->next[me.group] < g->targets.n)
		start_or_tell(w, me.group);
	take_turns(w);
}

static void
stop_all(struct workers *w)
{
	w->is_stopped = true;
	for (size_t i = 0; i < w->running.n; i++)
		kill(w->running.at[i].pid, SIGTERM);
	for (; w->waiting < w->groups.all.n; w->waiting++)
		skip_rest(w, w->waiting);
}

/* Waits until some worker, or a signal, has something to say. */
static void
listen_once(struct workers *w)
{
	const size_t n = w->running.n;
	struct pollfd *p = mem_alloc((n + 1) * sizeof *p);

	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = w->running.at[i].fd, .events = POLLIN };
	p[n] = (struct pollfd){ .fd = w->is_stopped ? -1 : interrupt_asked_fd(), .events = POLLIN };
	if (poll(p, n + 1, -1) < 0)
		for (size_t i = 0; i < n; i++)
			p[i].revents = 0;
	/* From the last: one that ends is replaced by the last one. */
	for (size_t i = n; i > 0; i--)
		if (p[i - 1].revents != 0 && read_from(w, &w->running.at[i - 1]) == 0)
			end_worker(w, i - 1);
	free(p);
}

void
workers_run(struct run_set *set, const struct workers_use *use)
{
	struct workers w = { .set = set, .use = use };
	const size_t jobs = set->app->options.jobs != 0 ? set->app->options.jobs : WORKERS_JOBS;

	groups_make(&w.groups, &set->targets);
	w.next = mem_alloc(w.groups.all.n * sizeof *w.next + 1);
	w.is_linked = mem_alloc(w.groups.all.n * sizeof *w.is_linked + 1);
	w.heard = mem_alloc(set->targets.all.n * sizeof *w.heard + 1);
	for (;;) {
		if (*interrupt_flag() != 0 && !w.is_stopped)
			stop_all(&w);
		while (w.waiting < w.groups.all.n && w.running.n < jobs)
			start_or_tell(&w, w.waiting++);
		take_turns(&w);
		if (w.running.n == 0)
			break;
		listen_once(&w);
	}
	for (size_t i = 0; i < set->targets.all.n; i++)
		buf_release(&w.heard[i].held);
	free(w.heard);
	free(w.next);
	free(w.is_linked);
	vec_release(&w.running);
	groups_release(&w.groups);
}
