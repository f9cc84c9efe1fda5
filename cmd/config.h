/* From a configuration file to settings: mbsync 1.5's language and the keywords of our own.
 *
 * How it is used: config_load(), then config_notes_print() whether it failed or not (there may be
 * warnings), then settings_free() and config_notes_release().
 *
 * Inside: cmd/config_lex.c takes the text apart, cmd/config_keywords.c knows the words,
 * cmd/config_set.c stores one keyword's arguments, cmd/config_section.c opens and closes sections,
 * cmd/config_notes.c keeps what there is to say, cmd/config.c walks the lines and joins them.
 *
 * What must always hold:
 *   1. All faults of a file are found in one go, each with its line and column, in that order.
 *   2. A fault that follows from another one is not reported: a section with a line that was not
 *      understood is not also called incomplete.
 *   3. No note holds a password or a command's words.
 *   4. Nothing is accepted and ignored: what has no effect yet is an error.
 */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/settings.h"
#include "state/base/buf.h"
#include "state/base/err.h"
#include "state/base/mem.h"
#include "state/base/vec.h"

/* Deprecated words are told to who looks, not to scripts: the settings are the same. */
enum config_note_kind { CONFIG_ERROR, CONFIG_WARNING, CONFIG_DEPRECATED };

struct config_note {
	enum config_note_kind kind;
	unsigned line, column;		/* from 1; columns count bytes */
	unsigned order;			/* in which they were found */
	const char *text;		/* the notes' */
};

/* Zero-initialised = none. */
struct config_notes {
	VEC(struct config_note) all;	/* by line and column */
	size_t n_errors;
	struct arena arena;
};

/* Parses `len` bytes of text. `file` (as it should stand in messages; relative paths start at its
 * directory) and `home` ("~") are borrowed. Always returns settings, which the caller frees; they
 * are whole only if notes->n_errors is 0. Reads no file but tests whether certificates can be read. */
struct settings *config_parse(const char *file, const char *text, size_t len, const char *home,
    struct config_notes *notes);

/* Reads and parses `file`, made absolute first. -1 (class ERR_USAGE) if it cannot be read or has
 * errors: *s_r is NULL then, and the notes say which. */
int config_load(const char *file, const char *home, struct config_notes *notes, struct settings **s_r,
    struct err *e);

/* One line "FILE:LINE:COLUMN: TEXT" for each note of these kinds, warnings marked as such. */
void config_notes_print(const struct config_notes *notes, const char *file, enum config_note_kind first, enum config_note_kind last,
    struct buf *out);
void config_notes_release(struct config_notes *notes);

#endif
