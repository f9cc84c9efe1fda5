/* The keywords as people read about them, from the one table (cmd/config_keywords.h): `mailtwin help KEYWORD`, the lists of
 * mailtwin(5), the editor's syntax, the completions. contrib/docs.c writes the last three into their files.
 */
#ifndef CMD_MANUAL_H
#define CMD_MANUAL_H

#include "cmd/config_keywords.h"
#include "state/base/buf.h"

/* The lists of the manual, one for each of its sections. */
enum manual_list { MANUAL_GLOBAL, MANUAL_STORE, MANUAL_ACCOUNT, MANUAL_IMAP, MANUAL_POP3, MANUAL_SMTP, MANUAL_MAILDIR, MANUAL_CHANNEL, MANUAL_GROUP,
	MANUAL_LISTS };

/* What the manual says of a keyword, in lines of at most 78 columns; of each row of that name. */
void manual_plain(const char *name, struct buf *out);

/* mdoc(7): the items of a list; and the sentences about other spellings, which are no items. */
void manual_items(enum manual_list list, struct buf *out);
void manual_aliases(struct buf *out);

/* Vim: a line of each kind of keyword. */
void manual_vim(struct buf *out);

/* Names of all keywords that are no other spelling, parted by blanks, in lines that begin with `indent`. */
void manual_names(const char *indent, struct buf *out);

#endif
