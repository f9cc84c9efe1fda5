/* Where a mailbox lives on disk, by its canonical name: SubFolders, Path, Inbox and MapInbox.
 *
 *			top/sub			INBOX/sub
 *	Verbatim	Path top/sub		Inbox/sub
 *	Legacy		Path top/.sub		Inbox/.sub
 *	Maildir++	Inbox/.top.sub		Inbox/..sub
 *	(unset)		refused			refused
 *
 * Path is put before the name as it is: a directory ends in '/', else its last part is a prefix that
 * names of mailboxes do not show. MapInbox is another name for INBOX.
 *
 * With Flatten, each '/' of a name is the delimiter it says, before anything else: with "." top/sub is the
 * mailbox top.sub of the store, and INBOX/sub is INBOX.sub below Path. A mailbox that lies below another on disk, and one whose
 * name has the delimiter, cannot be in such a store.
 */
#ifndef SYNC_MAILDIR_LAYOUT_H
#define SYNC_MAILDIR_LAYOUT_H

#include <stdbool.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "state/base/mem.h"
#include "sync/pair/names.h"

struct layout {
	enum names_layout kind;
	const char *path;		/* absolute; NULL = none (and for Maildir++ not looked at) */
	const char *inbox;		/* absolute, no '/' at its end */
	const char *map_inbox;		/* NULL = none */
	const char *flatten;		/* NULL = none */
};

/* The directory of a mailbox. NULL with *e (ERR_BOX, ERR_NEVER) if it cannot be in this store: a name
 * that names_check() refuses, that would be INBOX's directory or in it, that is too long. */
char *layout_path(const struct layout *l, struct arena *a, const char *name, struct err *e);

/* INBOX, under its own name or its alias MapInbox. */
bool layout_is_inbox(const struct layout *l, const char *name);

/* Whether the directory of a mailbox is Inbox, or lies in it. */
bool layout_is_in_inbox(const struct layout *l, const char *name);

/* Appends the canonical name of what the store calls so on disk. NULL, or why it has none (a static string). */
const char *layout_name_in(const struct layout *l, const char *name, struct buf *out);

/* False where everything lies in Inbox: a Maildir++, a store without Path. */
bool layout_has_path(const struct layout *l);

/* True if folders other than INBOX and those below it can be kept at all. */
bool layout_has_folders(const struct layout *l);

/* The directory that the others lie in: Path's, or Inbox. */
char *layout_root(const struct layout *l, struct arena *a);

/* What top-level directories begin with and names do not: "" for a Path that ends in '/'. */
const char *layout_prefix(const struct layout *l);

/* INBOX is listed with the folders: Maildir++, or Inbox lies under Path (sync/pair/patterns.h). */
bool layout_is_inbox_listed(const struct layout *l);

#endif
