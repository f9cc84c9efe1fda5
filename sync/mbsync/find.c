#include "sync/mbsync/find.h"

#include <string.h>

#include "state/base/buf.h"
#include "sync/imap/utf7.h"

/* What mbsync calls a mailbox in the name of a file. */
static const char *
file_part(struct arena *a, const char *name, const char *flatten)
{
	struct buf out = { 0 };
	const char *part;

	for (; *name != '\0'; name++)
		if (*name != '/')
			buf_addc(&out, *name);
		else
			buf_adds(&out, flatten != NULL ? flatten : "!");
	part = arena_strdup(a, buf_str(&out));
	buf_release(&out);
	return part;
}

const char *
mbsync_name_on_the_wire(struct arena *a, const char *name)
{
	struct buf out = { 0 };
	const char *wire = utf7_encode(&out, name, strlen(name)) == 0 ? arena_strdup(a, buf_str(&out)) : name;

	buf_release(&out);
	return wire;
}

static void
add(struct mbsync_paths *out, const char *path)
{
	size_t i;

	for (i = 0; i < out->v.n; i++)
		if (strcmp(out->v.at[i], path) == 0)
			return;
	vec_push(&out->v, path);
}

/* In all prefixes, of mailboxes of these names. */
static void
add_names(const struct mbsync_place *p, const char *far, const char *near, struct arena *a, struct mbsync_paths *out)
{
	const char *f = file_part(a, far, p->flatten[FAR]), *n = file_part(a, near, p->flatten[NEAR]);
	const char c = p->delimiter;
	size_t i;

	for (i = 0; i < MBSYNC_PREFIXES && p->prefix[i] != NULL; i++)
		add(out, p->where == MBSYNC_BY_BOX ? arena_printf(a, "%s%s", p->prefix[i], n) :
		    arena_printf(a, "%s%c%s%c%s_%c%s%c%s", p->prefix[i], c, p->store[FAR], c, f, c, p->store[NEAR], c, n));
}

void
mbsync_find(const struct mbsync_place *place, const char *const name[SIDES], const char *directory, struct arena *a,
    struct mbsync_paths *out)
{
	if (place->where == MBSYNC_NOWHERE)
		return;
	if (place->where == MBSYNC_IN_MAILDIR) {
		if (directory != NULL)
			add(out, arena_printf(a, "%s/.mbsyncstate", directory));
		return;
	}
	add_names(place, name[FAR], name[NEAR], a, out);
	add_names(place, mbsync_name_on_the_wire(a, name[FAR]), mbsync_name_on_the_wire(a, name[NEAR]), a, out);
	/* A directory that was renamed since. */
	add_names(place, name[FAR], mbsync_name_on_the_wire(a, name[NEAR]), a, out);
	add_names(place, mbsync_name_on_the_wire(a, name[FAR]), name[NEAR], a, out);
}
