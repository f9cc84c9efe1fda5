#include "cmd/exit_status.h"

#include <stddef.h>

void
exit_status_add(struct exit_status *s, enum err_class class)
{
	s->classes |= 1U << class;
}

void
exit_status_change(struct exit_status *s, enum side side)
{
	s->is_changed[side] = true;
}

int
exit_status_code(const struct exit_status *s, bool is_mbsync, bool has_ext)
{
	static const struct {
		enum err_class class;
		int code;
	} ranks[] = {
		{ ERR_USAGE, 2 }, { ERR_REFUSED, 77 }, { ERR_FAILED, 1 }, { ERR_TEMPORARY, 75 },
		{ ERR_CANCELLED, 75 },
	};

	if (has_ext)
		return (s->classes != 0) + (s->is_changed[FAR] ? 32 : 0) + (s->is_changed[NEAR] ? 64 : 0);
	if (is_mbsync)
		return s->classes != 0;
	for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)
		if (s->classes & 1U << ranks[i].class)
			return ranks[i].code;
	return 0;
}
