#include "cmd/state_place.h"

#include <ctype.h>
#include <string.h>

#include "cmd/settings.h"
#include "state/base/buf.h"
#include "sync/maildir/layout.h"

static void
add_escaped(struct buf *out, const char *name)
{
	for (const char *c = name; *c != '\0'; c++) {
		if ((isascii((unsigned char)*c) && isalnum((unsigned char)*c)) || strchr("_-", *c) != NULL ||
		    (*c == '.' && c != name))
			buf_addc(out, *c);
		else
			buf_printf(out, "%%%02X", (unsigned char)*c);
	}
}

static int
add_place(const struct channel_settings *c, const char *state_home, const char *home,
    struct arena *arena, struct buf *out, struct err *e)
{
	const struct store_settings *near = c->store[NEAR];
	struct layout layout;

	if (c->sync_state != NULL && strcmp(c->sync_state, "*") == 0) {
		if (near->kind != SETTINGS_MAILDIR)
			return err_class(e, ERR_STORE, ERR_USAGE, ERR_NEVER, "channel %s: SyncState * keeps the state "
			    "in the near Maildir, but store %s is none", c->name, near->name);
		layout = (struct layout){ .kind = near->sub_folders, .path = near->path, .inbox = near->inbox, .flatten = near->flatten };
		buf_printf(out, "%s/.mailtwin.", layout_root(&layout, arena));
	} else if (c->sync_state != NULL) {
		buf_adds(out, c->sync_state);
	} else if (state_home != NULL && state_home[0] == '/') {
		buf_printf(out, "%s/mailtwin/", state_home);
	} else {
		buf_printf(out, "%s/.local/state/mailtwin/", home);
	}
	return 0;
}

char *
state_place(const struct channel_settings *c, const char *state_home, const char *home,
    struct arena *arena, struct err *e)
{
	struct buf path = { 0 };
	char *result = NULL;

	if (add_place(c, state_home, home, arena, &path, e) == 0) {
		add_escaped(&path, c->state_name);
		result = arena_strdup(arena, buf_str(&path));
	}
	buf_release(&path);
	return result;
}
