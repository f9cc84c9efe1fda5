/* A configuration file's text taken apart: lines of words, each word with its place.
 *
 * How it is used: config_lex() once, walk `lines`, config_lines_release(). What a word means is
 * cmd/config.c's business.
 *
 * The rules (mbsync's): words are parted by blanks; a word that begins with "#" makes the rest of
 * its line a comment; "..." keeps blanks (and "#") in a word, anywhere in it; "\" takes the next
 * character as it is, inside quotes as well.
 *
 * What must always hold:
 *   1. A line of nothing but blanks is LINE_EMPTY; one whose first word is a comment LINE_COMMENT:
 *      the first ends a section, the second does not.
 *   2. Lines, words and their number have no limit; columns count bytes from 1.
 *   3. The words' bytes lie in memory that is wiped on release: one of them may be a password.
 */
#ifndef CMD_CONFIG_LEX_H
#define CMD_CONFIG_LEX_H

#include <stddef.h>

#include "state/base/buf.h"
#include "state/base/vec.h"

struct config_word {
	const char *text;		/* without quotes and escapes; may be "" */
	unsigned column;		/* of its first byte, the quote included */
};

enum config_line_kind { LINE_EMPTY, LINE_COMMENT, LINE_WORDS };

struct config_line {
	enum config_line_kind kind;
	unsigned number;		/* from 1 */
	const struct config_word *words;	/* the keyword first; n may be 0 only with a fault */
	size_t n;
	const char *fault;		/* NULL = well formed; else what is wrong, words then unusable */
	unsigned fault_column;
};

struct config_lines {
	VEC(struct config_line) lines;
	VEC(struct config_word) words;
	struct buf bytes;
};

/* `text` may hold anything, with or without a final newline; CR LF and a UTF-8 byte order mark are
 * accepted. *l must be zero; nothing can fail. */
void config_lex(const char *text, size_t len, struct config_lines *l);
void config_lines_release(struct config_lines *l);

#endif
