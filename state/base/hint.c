#include "state/base/hint.h"

#include "state/base/shell_word.h"

const char *
hint_option(struct arena *a, const struct hint *h, const char *option, const char *word)
{
	const char *what = word != NULL ? arena_printf(a, "%s %s", option, shell_word(a, word)) : option;

	return h->command == NULL ? what : arena_printf(a, "%s %s %s", h->command, what, shell_word(a, h->channel));
}
