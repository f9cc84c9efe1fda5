/* Which mailboxes a channel means: mbsync's Patterns.
 *
 * A pattern matches a whole name, case-sensitively: `*` stands for anything, `%` for anything without
 * '/'. A leading `!` makes it exclude. Of a list, the last pattern that matches decides; a name that
 * none matches is left out. Names are canonical (sync/pair/names.h) and were shortened by the
 * channel's prefix for that side.
 *
 * INBOX, and what is below it, must be asked for by a pattern that begins so ("INBOX", "INBOX*",
 * "INBOX/..."), because a plain `*` in an old configuration never meant an INBOX kept elsewhere;
 * unless the store lists it among the others anyway: an IMAP store without Path, a Maildir++, a
 * Maildir whose Inbox lies under Path.
 */
#ifndef SYNC_PAIR_PATTERNS_H
#define SYNC_PAIR_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

/* One pattern, without `!`. Takes time in the order of the product of both lengths for one kind of
 * wildcard, never exponential. */
bool patterns_match_one(const char *pattern, const char *name);


/* Whether that is: selected. */
bool patterns_match(const char *const *patterns, size_t n, const char *name);

/* True if a pattern asks for the store's INBOX, or something below it, by name. prefix is the
 * channel's prefix on that side, "" = none. */
bool patterns_ask_inbox(const char *const *patterns, size_t n, const char *prefix);

/* Whether a pair of mailboxes with two names is meant: one of them is selected, and none is excluded with `!`. Names
 * without prefix. */
bool patterns_select_tied(const char *const *patterns, size_t n, const char *const on[2]);

/* A prefix that is the name of a mailbox: the rest of that one's name is empty, and what is below it begins with '/'. */
bool patterns_prefix_is_box(const char *prefix);

/* The part of the store's mailbox name `full` behind prefix if the channel means this mailbox, else
 * NULL. Borrowed from `full`. is_inbox_listed: the store lists INBOX among the others. */
const char *patterns_select(const char *const *patterns, size_t n, const char *prefix,
    bool is_inbox_listed, const char *full);

#endif
