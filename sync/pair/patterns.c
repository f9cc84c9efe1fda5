#include "sync/pair/patterns.h"

#include <string.h>

#include "sync/pair/names.h"

/* Tries the shortest text for each wildcard first and remembers one place to go back to per kind: the
 * last `*`, and the last `%` behind it. No earlier place needs another try: behind a `*` anything may
 * follow, so the match before it may as well be the shortest; and no `%` can carry a match past the
 * '/' that stopped a later `%`. */
bool
patterns_match_one(const char *pattern, const char *name)
{
	const char *p = pattern, *t = name;
	const char *star = NULL, *star_t = NULL;
	const char *percent = NULL, *percent_t = NULL;

	for (;;) {
		if (*p == '*') {
			star = ++p;
			star_t = t;
			percent = NULL;
		} else if (*p == '%') {
			percent = ++p;
			percent_t = t;
		} else if (*t != '\0' && *p == *t) {
			p++;
			t++;
		} else if (*t == '\0' && *p == '\0') {
			return true;
		} else if (percent != NULL && *percent_t != '\0' && *percent_t != '/') {
			p = percent;
			t = ++percent_t;
		} else if (star != NULL && *star_t != '\0') {
			p = star;
			t = ++star_t;
			percent = NULL;
		} else {
			return false;
		}
	}
}

/* What the list says of a name, INBOX treated like any other: 1 selected, -1 excluded by a pattern with `!`, 0 no pattern matches. */
static int
judge(const char *const *patterns, size_t n, const char *name)
{
	bool is_not;

	while (n-- > 0) {
		is_not = patterns[n][0] == '!';
		if (patterns_match_one(patterns[n] + is_not, name))
			return is_not ? -1 : 1;
	}
	return 0;
}

bool
patterns_match(const char *const *patterns, size_t n, const char *name)
{
	return judge(patterns, n, name) > 0;
}

bool
patterns_ask_inbox(const char *const *patterns, size_t n, const char *prefix)
{
	static const char inbox[] = "INBOX";
	size_t prefix_len = strlen(prefix), len = sizeof inbox - 1, i;
	const char *rest, *behind;

	if (prefix_len > len) {
		/* The prefix alone says it: "INBOX/..." */
		if (names_is_inbox_or_below(prefix)) {
			for (i = 0; i < n; i++) {
				if (patterns[i][0] != '!')
					return true;
			}
		}
		return false;
	}
	if (strncmp(prefix, inbox, prefix_len) != 0)
		return false;
	rest = inbox + prefix_len;
	for (i = 0; i < n; i++) {
		if (patterns[i][0] == '!' || strncmp(patterns[i], rest, strlen(rest)) != 0)
			continue;
		behind = patterns[i] + strlen(rest);
		if (*behind == '\0' || strchr("/*%", *behind) != NULL)
			return true;
	}
	return false;
}

bool
patterns_prefix_is_box(const char *prefix)
{
	return *prefix != '\0' && prefix[strlen(prefix) - 1] != '/';
}

const char *
patterns_select(const char *const *patterns, size_t n, const char *prefix, bool is_inbox_listed,
    const char *full)
{
	size_t len = strlen(prefix);

	if (strncmp(full, prefix, len) != 0 || (full[len] == '\0' && !patterns_prefix_is_box(prefix)))
		return NULL;
	if (!is_inbox_listed && names_is_inbox_or_below(full) && !patterns_ask_inbox(patterns, n, prefix))
		return NULL;
	return patterns_match(patterns, n, full + len) ? full + len : NULL;
}

bool
patterns_select_tied(const char *const *patterns, size_t n, const char *const on[2])
{
	int far = judge(patterns, n, on[0]), near = judge(patterns, n, on[1]);

	return (far > 0 || near > 0) && far >= 0 && near >= 0;
}
