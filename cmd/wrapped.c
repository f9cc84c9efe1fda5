#include "cmd/wrapped.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/shown.h"
#include "state/base/buf.h"
#include "state/base/mem.h"

/* Octets of `text` that fit into `width` columns: to the last blank, or a word that is longer by itself. */
static size_t
fitting(const char *text, size_t width)
{
	const char *blank = strchr(text, ' ');
	struct buf part = { 0 };
	size_t best = blank != NULL ? (size_t)(blank - text) : strlen(text), end;

	for (;;) {
		blank = strchr(text + best + (text[best] == ' '), ' ');
		end = blank != NULL ? (size_t)(blank - text) : strlen(text);
		buf_clear(&part);
		buf_add(&part, text, end);
		if (end == best || shown_width(buf_str(&part)) > width)
			break;
		best = end;
	}
	buf_release(&part);
	return best;
}

/* `text` is escaped. */
static void
print_parts(FILE *f, enum terminal_kind kind, const char *head, const char *text)
{
	enum { NARROW = 60, LEAST = 20 };
	const size_t columns = terminal_width(), indent = columns < NARROW ? 2 : strlen(head);
	char blanks[16] = "";
	size_t len, width = columns > strlen(head) + LEAST ? columns - strlen(head) : LEAST;
	char *part;

	memset(blanks, ' ', indent < sizeof blanks - 1 ? indent : sizeof blanks - 1);
	for (; *text != '\0'; head = blanks, kind = TERMINAL_PLAIN, width = columns > indent + LEAST ? columns - indent : LEAST) {
		len = fitting(text, width);
		part = mem_printf("%.*s", (int)len, text);
		terminal_line(f, kind, head, part);
		free(part);
		for (text += len; *text == ' ';)
			text++;
	}
}

void
wrapped_print(FILE *f, enum terminal_kind kind, const char *head, const char *text)
{
	struct buf shown = { 0 };

	if (!isatty(fileno(f))) {
		terminal_line(f, kind, head, text);
		return;
	}
	shown_escape(&shown, text, false);
	print_parts(f, kind, head, buf_str(&shown));
	buf_release(&shown);
}
