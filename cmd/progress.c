#include "cmd/progress.h"

#include <time.h>

#include "cmd/terminal.h"
#include "cmd/shown.h"

enum {
	DRAW_EVERY = 150,		/* milliseconds */
	RATE_WINDOW = 8000,
	LEFT_AFTER = 2000,		/* no guess is made of the first two seconds */
};

enum part { PART_CHANNEL = 1, PART_BYTES = 2, PART_RATE = 4, PART_LONG = 8, PART_LEFT = 16 };

static void
add_gap(struct buf *out, size_t start)
{
	if (out->len != start)
		buf_adds(out, "  ");
}

static void
add_counts(const struct progress_view *v, bool is_long, struct buf *out)
{
	const struct run_progress *r = &v->run;

	if (r->boxes == 0)
		buf_adds(out, is_long ? "listing mailboxes" : "listing");
	else if (r->boxes_done == 0)
		buf_printf(out, is_long ? "%zu mailboxes" : "%zu", r->boxes);
	else
		buf_printf(out, is_long ? "%zu/%zu mailboxes" : "%zu/%zu", r->boxes_done, r->boxes);
	if (r->messages != 0)
		buf_printf(out, is_long ? "  %llu/%llu messages" : "  %llu/%llu",
		    (unsigned long long)r->messages_done, (unsigned long long)r->messages);
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
}

void
progress_render(const struct progress_view *v, unsigned width, struct buf *out)
{
	static const unsigned tries[] = {
		PART_CHANNEL | PART_BYTES | PART_RATE | PART_LONG | PART_LEFT,
		PART_CHANNEL | PART_BYTES | PART_LONG | PART_LEFT,
		PART_BYTES | PART_LONG | PART_LEFT,
		PART_LONG | PART_LEFT,
		PART_LONG,
		PART_LEFT,
		0,
	};
	struct buf line = { 0 };

	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		buf_clear(&line);
		render_parts(v, tries[i], &line);
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
	const struct run_progress none = { 0 };

	if (!p->is_on)
		return;
	buf_clear(&p->channel);
	shown_escape(&p->channel, channel, false);
	p->view = (struct progress_view){ .channel = buf_str(&p->channel), .number = number,
		.channels = channels };
	p->begun = p->window = begun;
	p->window_bytes = 0;
	p->drawn = 0;
	progress_update(p, &none);
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
	elapsed = now - p->begun;
	p->view.left = -1;
	if (elapsed >= LEFT_AFTER && r->messages_done != 0 && r->messages >= r->messages_done)
		p->view.left = (int64_t)((double)elapsed / 1000 / (double)r->messages_done *
		    (double)(r->messages - r->messages_done) + .5);
}

void
progress_update(struct progress *p, const struct run_progress *run)
{
	int64_t now;

	if (!p->is_on)
		return;
	now = progress_now();
	if (p->drawn != 0 && now - p->drawn < DRAW_EVERY)
		return;
	p->drawn = now;
	p->view.run = *run;
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
	buf_release(&p->line);
}
