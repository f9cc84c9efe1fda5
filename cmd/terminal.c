#include "cmd/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/json.h"
#include "cmd/shown.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_drawn;			/* under lock */
static unsigned drawn_at;		/* the width then; under lock */

static void
clear_drawn(void)
{
	if (!is_drawn)
		return;
	fputs("\033[J", stdout);
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

static void
put(FILE *f, const char *line)
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
	put(f, buf_str(&line));
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
		put(f, buf_str(&lines));
	buf_release(&lines);
}

void
terminal_json(struct buf *object)
{
	json_close(object);
	put(stdout, buf_str(object));
	buf_release(object);
}

void
terminal_fields(const char *line)
{
	static const char gap[] = "    ";
	const size_t width = isatty(STDOUT_FILENO) ? terminal_width() : SIZE_MAX;
	struct buf lines = { 0 }, field = { 0 };
	size_t used = 0, columns;
	const char *end;

	for (; *line != '\0'; line = *end != '\0' ? end + strlen(gap) : end) {
		end = strstr(line, gap);
		if (end == NULL)
			end = line + strlen(line);
		buf_clear(&field);
		buf_add(&field, line, (size_t)(end - line));
		columns = shown_width(buf_str(&field));
		if (used != 0 && columns + strlen(gap) > width - used) {
			buf_addc(&lines, '\n');
			used = 0;
		}
		if (used != 0)
			buf_adds(&lines, gap);
		used += columns + (used != 0 ? strlen(gap) : 0);
		buf_adds(&lines, buf_str(&field));
	}
	put(stdout, buf_str(&lines));
	buf_release(&lines);
	buf_release(&field);
}

/* The program itself stays in the C locale, in which protocols are read. */
void
terminal_init(void)
{
	locale_t own;

	if (!isatty(STDOUT_FILENO))
		return;
	own = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	if (own == (locale_t)0 || strcmp(nl_langinfo_l(CODESET, own), "UTF-8") != 0)
		shown_only_ascii();
	if (own != (locale_t)0)
		freelocale(own);
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
	const unsigned width = terminal_width();

	pthread_mutex_lock(&lock);
	/* The cursor waits at the beginning, where it stays when a window that has become narrower breaks the line: all that is below goes. */
	printf(drawn_at == width ? "\r%s\033[K\r" : "\r\033[J%s\r", line);
	fflush(stdout);
	is_drawn = true;
	drawn_at = width;
	pthread_mutex_unlock(&lock);
}

void
terminal_clear(void)
{
	pthread_mutex_lock(&lock);
	clear_drawn();
	pthread_mutex_unlock(&lock);
}
