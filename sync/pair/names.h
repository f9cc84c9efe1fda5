/* Canonical mailbox names: UTF-8, '/' between the parts, "INBOX" in capitals. What stores list is
 * turned into this form by their adapters, and everything above them knows no other.
 *
 * A name comes from a server or a directory and is not trusted: it passes names_fault() before
 * anything is made of it. A name that has a fault is reported and left out, never followed.
 */
#ifndef SYNC_PAIR_NAMES_H
#define SYNC_PAIR_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/buf.h"
#include "state/base/err.h"

/* How a store keeps mailboxes, as far as it limits their names. */
enum names_layout {
	NAMES_IMAP,		/* any name, but INBOX in one spelling; the server judges the rest */
	NAMES_VERBATIM,		/* Maildir: top/sub in Path/top/sub */
	NAMES_MAILDIRPP,	/* Maildir: top/sub in Inbox/.top.sub */
	NAMES_LEGACY,		/* Maildir: top/sub in Path/top/.sub */
	NAMES_UNSET,		/* Maildir without SubFolders: no '/' */
};

/* The longest name, in octets: Linux's PATH_MAX. */
enum { NAMES_MAX = 4096 };

/* What is wrong with name[0..len) in any store, in words that follow "its name ": "has an empty part".
 * NULL = nothing: it is UTF-8 without control characters, each part is neither empty nor "." nor "..",
 * no '/' at either end, not above NAMES_MAX. A static string. */
const char *names_fault(const char *name, size_t len);

/* Why a store of this layout cannot represent a faultless name; NULL = it can. A static string. */
const char *names_layout_fault(const char *name, enum names_layout layout);

/* Both as an error (scope ERR_BOX, retry ERR_NEVER) that shows the name as names_show() does. */
int names_check(const char *name, size_t len, enum names_layout layout, struct err *e);

/* Appends a name for people: octets that are no UTF-8, and control characters, as \xHH. */
void names_show(struct buf *b, const char *name, size_t len);

/* "INBOX" itself; "INBOX" or "INBOX/...". */
bool names_is_inbox(const char *name);
bool names_is_inbox_or_below(const char *name);

/* Puts a first part "inbox" in any case in capitals (RFC 9051 section 5.1). */
void names_canonicalise(char *name);

/* The order in which mailboxes are worked on: INBOX, what is below it, then strcmp. */
int names_compare(const char *a, const char *b);

/* Appends name[0..len) with each `from` replaced by `to`: a server's hierarchy delimiter, or Flatten,
 * to and from '/'. "" for one of them means a flat store: none may be in the name. -1 (nothing
 * appended, *e filled, scope ERR_BOX) where the name holds `to` already: the way back would differ. */
int names_map(const char *name, size_t len, const char *from, const char *to, struct buf *out,
    struct err *e);

/* Appends a key that is equal for names which a file system or server cannot tell apart if it ignores
 * case, or how accents are composed: the simple case folding of the canonical decomposition (NFD), after
 * Unicode 14. Foldings that change the number of letters (sharp s to ss) are not part of it: few file
 * systems do that, and there equal inodes show it (R8 one name). name is UTF-8. */
void names_key(const char *name, size_t len, struct buf *out);

#endif
