#include "sync/maildir/layout.h"

#include <limits.h>
#include <string.h>

#include "state/base/buf.h"

enum { INBOX_LEN = 5 };

bool
layout_has_path(const struct layout *l)
{
	return l->kind != NAMES_MAILDIRPP && l->path != NULL;
}

bool
layout_has_folders(const struct layout *l)
{
	return l->kind == NAMES_MAILDIRPP || l->path != NULL;
}

bool
layout_is_inbox(const struct layout *l, const char *name)
{
	return names_is_inbox(name) || (l->map_inbox != NULL && strcmp(name, l->map_inbox) == 0);
}

bool
layout_is_in_inbox(const struct layout *l, const char *name)
{
	return l->kind == NAMES_MAILDIRPP || layout_is_inbox(l, name) || (l->flatten == NULL && names_is_inbox_or_below(name));
}

const char *
layout_name_in(const struct layout *l, const char *name, struct buf *out)
{
	struct err ignored;

	if (l->flatten == NULL || names_is_inbox(name)) {
		buf_adds(out, name);
		return NULL;
	}
	if (strchr(name, '/') != NULL)
		return "it lies below another mailbox, and its store keeps all of them beside each other (Flatten)";
	(void)names_map(name, strlen(name), l->flatten, "/", out, &ignored);
	return NULL;
}

const char *
layout_prefix(const struct layout *l)
{
	const char *slash;

	if (!layout_has_path(l))
		return "";
	slash = strrchr(l->path, '/');
	return slash != NULL ? slash + 1 : l->path;
}

char *
layout_root(const struct layout *l, struct arena *a)
{
	size_t len;

	if (!layout_has_path(l))
		return arena_strdup(a, l->inbox);
	len = strlen(l->path) - strlen(layout_prefix(l));
	while (len > 1 && l->path[len - 1] == '/')
		len--;
	return len > 0 ? arena_strndup(a, l->path, len) : arena_strdup(a, ".");
}

bool
layout_is_inbox_listed(const struct layout *l)
{
	size_t len;

	if (!layout_has_path(l))
		return true;
	len = strlen(l->path);
	return strncmp(l->inbox, l->path, len) == 0 && l->inbox[len] != '\0';
}

/* "/" + name, with a '.' before each part: all parts (Legacy below INBOX), or all but the first. */
static void
add_parts(struct buf *b, const char *name, bool is_legacy)
{
	for (; *name != '\0'; name++) {
		buf_addc(b, *name);
		if (*name == '/' && is_legacy)
			buf_addc(b, '.');
	}
}

static void
add_dotted(struct buf *b, const char *name)
{
	buf_adds(b, "/.");
	for (; *name != '\0'; name++)
		buf_addc(b, *name == '/' ? '.' : *name);
}

/* True if `path` is `dir` or lies in it. */
static bool
is_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static int
refuse(struct err *e, const char *name, const char *why)
{
	return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "mailbox \"%s\" is left out: %s", name, why);
}

char *
layout_path(const struct layout *l, struct arena *a, const char *name, struct err *e)
{
	bool is_inbox, is_below;
	struct buf b = { 0 }, flat = { 0 };
	char *path = NULL;

	if (l->map_inbox != NULL && !layout_is_inbox(l, name) && is_in(name, l->map_inbox)) {
		refuse(e, name, "MapInbox makes what is above it INBOX, which has no subfolders by this name");
		return NULL;
	}
	if (layout_is_inbox(l, name)) {
		name = "INBOX";
	} else if (l->flatten != NULL) {
		if (names_fault(name, strlen(name)) == NULL && names_map(name, strlen(name), "/", l->flatten, &flat, e) < 0)
			goto done;
		name = flat.len != 0 ? arena_strdup(a, buf_str(&flat)) : name;
	}
	if (names_check(name, strlen(name), l->kind, e) < 0)
		goto done;
	is_inbox = names_is_inbox(name);
	is_below = !is_inbox && names_is_inbox_or_below(name);
	if (!is_inbox && !is_below && !layout_has_folders(l)) {
		refuse(e, name, "its store has no Path, so there is only INBOX");
		goto done;
	}
	if (is_inbox)
		buf_adds(&b, l->inbox);
	else if (l->kind == NAMES_MAILDIRPP) {
		buf_adds(&b, l->inbox);
		add_dotted(&b, is_below ? name + INBOX_LEN : name);
	} else if (is_below) {
		buf_adds(&b, l->inbox);
		add_parts(&b, name + INBOX_LEN, l->kind == NAMES_LEGACY);
	} else {
		buf_adds(&b, l->path);
		add_parts(&b, name, l->kind == NAMES_LEGACY);
	}
	/* With room for "/cur/" and the longest file name. */
	if (b.len + NAME_MAX + 6 > PATH_MAX)
		refuse(e, name, "its path is too long");
	else if (!is_inbox && !is_below && l->kind != NAMES_MAILDIRPP && is_in(buf_str(&b), l->inbox))
		refuse(e, name, "its directory is INBOX's, or within it");
	else
		path = arena_strdup(a, buf_str(&b));
done:
	buf_release(&b);
	buf_release(&flat);
	return path;
}
