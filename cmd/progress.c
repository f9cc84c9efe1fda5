#include "cmd/progress.h"

#include <time.h>

#include "cmd/terminal.h"
#include "cmd/shown.h"

enum {
	DRAW_EVERY = 150,		/* milliseconds */
	RATE_WINDOW = 8000,
	LEFT_AFTER = 2000,		/* no guess is made of the first two seconds */
	WAITING_AFTER = 2,		/* seconds */
};

enum part {
	PART_CHANNEL = 1, PART_BYTES = 2, PART_RATE = 4, PART_LONG = 8, PART_LEFT = 16, PART_COUNTS = 32,
	PART_WAITING = 64,		/* for whom, and how long; without PART_LONG how long alone */
};

static void
add_gap(struct buf *out, size_t start)
{
	if (out->len != start)
		buf_adds(out, "  ");
}

/* One mailbox of which something is to be done needs no word. */
static void
add_mailboxes(const struct run_progress *r, bool is_long, struct buf *out)
{
	const char *words = !is_long ? "" : r->boxes == 1 ? " mailbox" : " mailboxes";

	if (r->boxes == 0)
		buf_adds(out, is_long ? "listing mailboxes" : "listing");
	else if (r->messages == 0 && r->boxes_unread != 0)
		buf_printf(out, "%zu/%zu%s read", r->boxes - r->boxes_unread, r->boxes, words);
	else if (r->boxes_done == 0 && r->messages == 0)
		buf_printf(out, "%zu%s", r->boxes, words);
	else if (r->boxes != 1)
		buf_printf(out, "%zu/%zu%s", r->boxes_done, r->boxes, words);
}

static void
add_counts(const struct progress_view *v, bool is_long, struct buf *out)
{
	const struct run_progress *r = &v->run;
	const char *words = is_long ? " messages" : "";
	const size_t start = out->len;

	add_mailboxes(r, is_long, out);
	if (r->messages == 0 && r->boxes_unread != 0 && r->heard != 0)
		buf_printf(out, "  %llu%s", (unsigned long long)r->heard, words);
	if (r->messages != 0) {
		add_gap(out, start);
		buf_printf(out, "%llu/%llu%s", (unsigned long long)r->messages_done, (unsigned long long)r->messages, words);
	}
}

static void
render_parts(const struct progress_view *v, unsigned parts, struct buf *out)
{
	size_t start = out->len;

	if (parts & PART_CHANNEL) {
		buf_adds(out, v->channel);
		if (v->channels > 1)
			buf_printf(out, " (%zu/%zu)", v->number, v->channels);
		buf_addc(out, ':');
	}
	if (out->len != start)
		buf_addc(out, ' ');
	if (parts & PART_COUNTS)
		add_counts(v, parts & PART_LONG, out);
	if ((parts & PART_BYTES) && v->run.bytes_done != 0) {
		add_gap(out, start);
		shown_bytes(out, v->run.bytes_done);
	}
	if ((parts & PART_RATE) && v->rate != 0) {
		add_gap(out, start);
		shown_bytes(out, v->rate);
		buf_adds(out, "/s");
	}
	if ((parts & PART_LEFT) && v->left >= 0) {
		add_gap(out, start);
		shown_duration(out, (uint64_t)v->left);
		buf_adds(out, " left");
	}
	if (parts & PART_WAITING) {
		add_gap(out, start);
		buf_adds(out, "waiting ");
		if (parts & PART_LONG)
			buf_printf(out, "for %s, ", v->waiting.on);
		shown_duration(out, v->waiting.seconds);
	}
}

/* From all there is to say to the least, with a zero behind it. */
static const unsigned at_work[] = {
	PART_CHANNEL | PART_COUNTS | PART_BYTES | PART_RATE | PART_LONG | PART_LEFT,
	PART_CHANNEL | PART_COUNTS | PART_BYTES | PART_LONG | PART_LEFT,
	PART_COUNTS | PART_BYTES | PART_LONG | PART_LEFT,
	PART_COUNTS | PART_LONG | PART_LEFT,
	PART_COUNTS | PART_LONG,
	PART_COUNTS | PART_LEFT,
	PART_COUNTS,
	0,
};
static const unsigned kept_waiting[] = {
	PART_CHANNEL | PART_COUNTS | PART_BYTES | PART_LONG | PART_WAITING,
	PART_COUNTS | PART_BYTES | PART_LONG | PART_WAITING,
	PART_COUNTS | PART_LONG | PART_WAITING,
	PART_LONG | PART_WAITING,
	PART_COUNTS | PART_WAITING,
	PART_COUNTS,
	0,
};

void
progress_render(const struct progress_view *v, unsigned width, struct buf *out)
{
	const unsigned *parts = v->waiting.on != NULL ? kept_waiting : at_work;
	struct buf line = { 0 };

	for (; *parts != 0; parts++) {
		buf_clear(&line);
		render_parts(v, *parts, &line);
		if (shown_width(buf_str(&line)) <= width)
			break;
	}
	shown_cut(out, buf_str(&line), width);
	buf_release(&line);
}

int64_t
progress_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
progress_begin(struct progress *p, const char *channel, size_t number, size_t channels, int64_t begun)
{
	const struct progress_waiting nobody = { 0 };
	const struct run_progress none = { 0 };

	if (!p->is_on)
		return;
	buf_clear(&p->channel);
	shown_escape(&p->channel, channel, false);
	p->view = (struct progress_view){ .channel = buf_str(&p->channel), .number = number,
		.channels = channels };
	p->window = begun;
	p->window_bytes = 0;
	p->drawn = p->carried_since = 0;
	progress_update(p, &none, &nobody);
}

/* By octets, where their number is known, for messages differ; else by messages. */
static int64_t
guess_left(const struct progress *p, int64_t now)
{
	const struct run_progress *r = &p->view.run;
	const double elapsed = (double)(now - p->carried_since) / 1000;
	double done, left;

	if (p->carried_since == 0 || now - p->carried_since < LEFT_AFTER)
		return -1;
	if (r->bytes > r->bytes_done && r->bytes_done > p->carried_bytes) {
		done = (double)(r->bytes_done - p->carried_bytes);
		left = (double)(r->bytes - r->bytes_done);
	} else if (r->messages_done > p->carried) {
		done = (double)(r->messages_done - p->carried);
		left = (double)(r->messages - r->messages_done);
	} else {
		return -1;
	}
	return (int64_t)(elapsed / done * left + .5);
}

static void
estimate(struct progress *p, int64_t now)
{
	const struct run_progress *r = &p->view.run;
	int64_t elapsed = now - p->window;

	if (elapsed >= 500 && r->bytes_done >= p->window_bytes)
		p->view.rate = (r->bytes_done - p->window_bytes) * 1000 / (uint64_t)elapsed;
	if (elapsed >= RATE_WINDOW) {
		p->window = now;
		p->window_bytes = r->bytes_done;
	}
	if (p->carried_since == 0 && r->messages_done != 0) {
		p->carried_since = now;
		p->carried = r->messages_done;
		p->carried_bytes = r->bytes_done;
	}
	p->view.left = guess_left(p, now);
}

void
progress_update(struct progress *p, const struct run_progress *run, const struct progress_waiting *waiting)
{
	int64_t now;

	if (!p->is_on)
		return;
	now = progress_now();
	if (p->drawn != 0 && now - p->drawn < DRAW_EVERY)
		return;
	p->drawn = now;
	p->view.run = *run;
	p->view.waiting = (struct progress_waiting){ .seconds = waiting->seconds };
	if (waiting->on != NULL && waiting->seconds >= WAITING_AFTER) {
		buf_clear(&p->on);
		shown_escape(&p->on, waiting->on, false);
		p->view.waiting.on = buf_str(&p->on);
	}
	estimate(p, now);
	buf_clear(&p->line);
	/* The last column stays free: some terminals go to the next line when it is written. */
	progress_render(&p->view, terminal_width() - 1, &p->line);
	terminal_draw(buf_str(&p->line));
}

void
progress_release(struct progress *p)
{
	if (p->is_on)
		terminal_clear();
	buf_release(&p->channel);
	buf_release(&p->on);
	buf_release(&p->line);
}
