#include "cmd/terminal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/shown.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_drawn;			/* under lock */

static void
clear_drawn(void)
{
	if (!is_drawn)
		return;
	fputs("\r\033[K", stdout);
	fflush(stdout);
	is_drawn = false;
}

static bool
is_dumb(void)
{
	const char *term = getenv("TERM");

	return term == NULL || *term == '\0' || strcmp(term, "dumb") == 0;
}

static const char *
colour_of(FILE *f, enum terminal_kind kind)
{
	const char *no = getenv("NO_COLOR");

	if (kind == TERMINAL_PLAIN || (no != NULL && *no != '\0') || !isatty(fileno(f)) || is_dumb())
		return NULL;
	return kind == TERMINAL_ERROR ? "\033[1;31m" : "\033[33m";
}

void
terminal_line(FILE *f, enum terminal_kind kind, const char *head, const char *text)
{
	const char *colour = colour_of(f, kind);
	struct buf line = { 0 };

	if (colour != NULL)
		buf_adds(&line, colour);
	buf_adds(&line, head);
	if (colour != NULL)
		buf_adds(&line, "\033[0m");
	shown_escape(&line, text, false);
	terminal_raw(f, buf_str(&line));
	buf_release(&line);
}

void
terminal_lines(FILE *f, const char *text)
{
	struct buf lines = { 0 };

	shown_escape(&lines, text, true);
	if (lines.len > 0 && lines.data[lines.len - 1] == '\n')
		lines.data[--lines.len] = '\0';
	if (lines.len > 0)
		terminal_raw(f, buf_str(&lines));
	buf_release(&lines);
}

void
terminal_raw(FILE *f, const char *line)
{
	pthread_mutex_lock(&lock);
	clear_drawn();
	if (f != stdout)
		fflush(stdout);
	flockfile(f);
	fputs(line, f);
	putc('\n', f);
	funlockfile(f);
	pthread_mutex_unlock(&lock);
}

bool
terminal_is_live(void)
{
	return isatty(STDOUT_FILENO) && !is_dumb();
}

unsigned
terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	unsigned long n;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	n = columns != NULL ? strtoul(columns, NULL, 10) : 0;
	return n > 0 && n < 10000 ? (unsigned)n : 80;
}

void
terminal_draw(const char *line)
{
	pthread_mutex_lock(&lock);
	printf("\r%s\033[K", line);
	fflush(stdout);
	is_drawn = true;
	pthread_mutex_unlock(&lock);
}

void
terminal_clear(void)
{
	pthread_mutex_lock(&lock);
	clear_drawn();
	pthread_mutex_unlock(&lock);
}
