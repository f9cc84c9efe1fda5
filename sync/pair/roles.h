/* What mailboxes are for (RFC 6154), as far as mailboxes are paired by it. A mailbox of all mail, or of what is flagged,
 * is a view of others and has no twin by its role. */
#ifndef SYNC_PAIR_ROLES_H
#define SYNC_PAIR_ROLES_H

enum role { ROLE_ARCHIVE, ROLE_DRAFTS, ROLE_JUNK, ROLE_SENT, ROLE_TRASH, ROLES };

/* A set of roles: 1u << role. */
#define ROLES_ALL ((1u << ROLES) - 1)

/* "Sent": the word for it, and the name of such a mailbox where nothing says another. */
const char *role_word(enum role role);

#endif
