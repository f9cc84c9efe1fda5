#include "cmd/config_value.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/words.h"

bool
value_bool(const char *word, bool *value_r)
{
	const struct word *w = word_find(words_bool, word);

	if (w == NULL)
		return false;
	*value_r = w->value != 0;
	return true;
}

/* Reads digits at *at, which is left behind them. */
static bool
digits(const char **at, uint64_t max, uint64_t *value_r)
{
	uint64_t value = 0;
	unsigned digit;

	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		digit = (unsigned)(**at - '0');
		if (value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	*value_r = value;
	return true;
}

bool
value_count(const char *word, unsigned long max, unsigned long *value_r)
{
	uint64_t value;

	if (!digits(&word, max, &value) || *word != '\0')
		return false;
	*value_r = (unsigned long)value;
	return true;
}

bool
value_size(const char *word, uint64_t *bytes_r)
{
	uint64_t value;
	unsigned shift = 0;

	if (!digits(&word, UINT64_MAX, &value))
		return false;
	if (*word == 'k' || *word == 'K')
		shift = 10;
	else if (*word == 'm' || *word == 'M')
		shift = 20;
	word += shift != 0;
	word += *word == 'b' || *word == 'B';
	if (*word != '\0' || value > UINT64_MAX >> shift)
		return false;
	*bytes_r = value << shift;
	return true;
}

bool
value_duration(const char *word, int64_t *seconds_r)
{
	enum { MOST = 100000 };
	static const struct { char letter; int64_t seconds; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	const size_t digits = strspn(word, "0123456789");
	const unsigned long n = digits > 0 && digits < 7 ? strtoul(word, NULL, 10) : 0;

	if (n == 0 || n > MOST || word[digits] == '\0' || word[digits + 1] != '\0')
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (units[i].letter == word[digits]) {
			*seconds_r = (int64_t)n * units[i].seconds;
			return true;
		}
	return false;
}

bool
value_limit(const char *word, struct max_delete *limit_r)
{
	uint64_t n;

	if (strcasecmp(word, "default") == 0) {
		*limit_r = (struct max_delete){ .kind = MAX_DELETE_DEFAULT, .n = 0 };
		return true;
	}
	if (strcasecmp(word, "none") == 0) {
		*limit_r = (struct max_delete){ .kind = MAX_DELETE_NONE, .n = 0 };
		return true;
	}
	if (!digits(&word, INT32_MAX, &n))
		return false;
	if (strcmp(word, "%") == 0 && n >= 1 && n <= 100)
		*limit_r = (struct max_delete){ .kind = MAX_DELETE_PERCENT, .n = (unsigned)n };
	else if (*word == '\0')
		*limit_r = (struct max_delete){ .kind = MAX_DELETE_COUNT, .n = (unsigned)n };
	else
		return false;
	if (n == 0)
		limit_r->kind = MAX_DELETE_NONE;
	return true;
}

bool
value_window(const char *word, struct window *window_r)
{
	uint64_t n;

	if (strcasecmp(word, "no") == 0 || strcasecmp(word, "false") == 0 || strcasecmp(word, "off") == 0) {
		*window_r = (struct window){ .kind = WINDOW_NO };
		return true;
	}
	if (!digits(&word, INT32_MAX, &n) || *word != '\0' || n == 0)
		return false;
	*window_r = (struct window){ .kind = WINDOW_SIZE, .n = (unsigned)n };
	return true;
}

bool
value_days(const char *word, unsigned *days_r)
{
	uint64_t days;

	if (!digits(&word, 100000, &days) || strcasecmp(word, days == 0 ? "" : "d") != 0)
		return false;
	*days_r = (unsigned)days;
	return true;
}

bool
value_leave(const char *word, struct leave *leave_r)
{
	unsigned days;
	bool stays;

	/* 1 and 0 may be meant for days. */
	if (*word != '0' && *word != '1' && value_bool(word, &stays)) {
		*leave_r = (struct leave){ .kind = stays ? LEAVE_ALL : LEAVE_NONE };
		return true;
	}
	if (!value_days(word, &days) || days == 0)
		return false;
	*leave_r = (struct leave){ .kind = LEAVE_DAYS, .days = days };
	return true;
}

bool
value_path(const char *word, const char *dir, const char *home, struct arena *arena, char **path_r)
{
	const char *rest, *start = home;
	struct passwd *pw;
	char *user;

	if (*word == '/') {
		*path_r = arena_strdup(arena, word);
		return true;
	}
	if (*word != '~') {
		*path_r = arena_printf(arena, "%s%s", dir, word);
		return true;
	}
	rest = word + strcspn(word, "/");
	if (rest > word + 1) {
		user = arena_strndup(arena, word + 1, (size_t)(rest - word - 1));
		if ((pw = getpwnam(user)) == NULL)
			return false;
		start = pw->pw_dir;
	}
	*path_r = arena_printf(arena, "%s%s", start, rest);
	return true;
}
