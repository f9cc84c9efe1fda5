#include "cmd/mbsync_place.h"

#include <string.h>
#include <sys/stat.h>

void
mbsync_place(const struct settings *s, const struct channel_settings *c, const char *state_home, const char *home,
    struct arena *arena, struct mbsync_place *place_r)
{
	*place_r = (struct mbsync_place){ .where = MBSYNC_BY_NAMES, .delimiter = s->field_delimiter };
	for (int side = 0; side < SIDES; side++) {
		place_r->store[side] = c->store[side]->name;
		place_r->flatten[side] = c->store[side]->flatten;
	}
	if (c->sync_state == NULL) {
		place_r->prefix[0] = state_home != NULL && state_home[0] == '/' ? arena_printf(arena, "%s/isync/", state_home) :
		    arena_printf(arena, "%s/.local/state/isync/", home);
		place_r->prefix[1] = arena_printf(arena, "%s/.mbsync/", home);
	} else if (strcmp(c->sync_state, "*") == 0) {
		place_r->where = c->store[NEAR]->kind == SETTINGS_MAILDIR ? MBSYNC_IN_MAILDIR : MBSYNC_NOWHERE;
	} else {
		/* What stands before all sections is one prefix for many channels, and so followed by names of stores. */
		place_r->where = c->sync_state == s->sync_state ? MBSYNC_BY_NAMES : MBSYNC_BY_BOX;
		place_r->prefix[0] = c->sync_state;
	}
}

void
mbsync_place_make(const struct mbsync_place *place)
{
	const char *last = NULL;
	struct stat st;

	for (size_t i = 0; i < MBSYNC_PREFIXES && place->prefix[i] != NULL; i++) {
		last = place->prefix[i];
		if (stat(last, &st) == 0)
			return;
	}
	/* Should it fail, the mailboxes tell. */
	if (last != NULL && place->where == MBSYNC_BY_NAMES && last[strlen(last) - 1] == '/')
		(void)mkdir(last, 0700);
}
