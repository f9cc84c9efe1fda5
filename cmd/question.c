#include "cmd/question.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cmd/shown.h"

enum { ANSWER_MOST = 1024 };

bool
question_can(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static bool
read_line(struct buf *out)
{
	ssize_t n;
	char c;

	for (;;) {
		n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR)
			return false;
		if (n <= 0)
			return false;
		if (c == '\n')
			return true;
		if (out->len < ANSWER_MOST && c != '\0')
			buf_addc(out, c);
	}
}

bool
question(const char *text, const char *usual, struct buf *answer)
{
	struct buf shown = { 0 };
	const char *begin;
	size_t len;

	shown_escape(&shown, text, false);
	if (usual != NULL) {
		buf_adds(&shown, " [");
		shown_escape(&shown, usual, false);
		buf_addc(&shown, ']');
	}
	printf("%s: ", buf_str(&shown));
	fflush(stdout);
	buf_release(&shown);
	buf_clear(answer);
	if (!read_line(answer))
		return false;
	begin = buf_str(answer) + strspn(buf_str(answer), " \t\r");
	for (len = strlen(begin); len > 0 && strchr(" \t\r", begin[len - 1]) != NULL; len--)
		continue;
	if (len == 0 && usual != NULL) {
		buf_clear(answer);
		buf_adds(answer, usual);
	} else if (answer->len != 0) {
		memmove(answer->data, begin, len);
		answer->data[answer->len = len] = '\0';
	}
	return true;
}

bool
question_yes(const char *text, bool usual)
{
	struct buf answer = { 0 };
	bool is_yes = usual, has_answer;

	do {
		has_answer = question(text, usual ? "yes" : "no", &answer);
		is_yes = has_answer && (strcasecmp(buf_str(&answer), "yes") == 0 || strcasecmp(buf_str(&answer), "y") == 0);
	} while (has_answer && !is_yes && strcasecmp(buf_str(&answer), "no") != 0 && strcasecmp(buf_str(&answer), "n") != 0);
	buf_release(&answer);
	return is_yes;
}
