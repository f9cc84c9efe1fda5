/* What the parts of the configuration's parser share. Nobody else includes this. */
#ifndef CMD_CONFIG_PARSER_H
#define CMD_CONFIG_PARSER_H

#include "cmd/config.h"
#include "cmd/config_keywords.h"
#include "cmd/config_lex.h"
#include "cmd/ops.h"

enum { KEYWORD_MAX = 128 };		/* rows of the table, at least */

struct place {
	unsigned line, column;		/* line 0 = nowhere */
};

/* A Group's member, looked up when all Channels are known. */
struct member {
	struct place place;
	const char *name;		/* the settings' */
};

struct parser {
	struct settings *s;
	struct config_notes *notes;
	const char *dir, *home;		/* dir ends with "/" or is "" */
	const struct config_lines *lines;
	const struct config_line *line;	/* the one being read */
	bool was_any_section;
	bool is_astray;			/* this paragraph's keywords stand outside a section: said once */
	struct channel_settings defaults;
	VEC(struct member) members;

	/* The section being read; section = IN_GLOBAL before the first, 0 between them. */
	enum config_section section;
	struct place opened;
	bool is_unclear;		/* a line of it was not understood: nothing can be called missing */
	struct place seen[KEYWORD_MAX];	/* by row of the table */
	struct ops ops;
	struct place old_tls_at;	/* the first word of isync before 1.2; line 0 = none */
	int old_tls[OLD_TLS_WORDS];	/* -1 = not said */
	uint64_t channel_max_size;
	struct account_settings *account;	/* in an IMAPStore: the inline one */
	struct store_settings *store;
	struct channel_settings *channel;
	struct group_settings *group;
};

void parser_error(struct parser *p, struct place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void parser_warn(struct parser *p, struct place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* In the order of the file; for config_parse(). */
void config_notes_sort(struct config_notes *notes);

/* A deprecated word: a notice, once for each word and file. */
void parser_deprecated(struct parser *p, struct place at, const char *word, const char *instead);

/* "TEXT; did you mean "NEAR"?", the last part only if one of the candidates is near `word`. */
void parser_unknown(struct parser *p, const struct config_word *word, const struct word *candidates,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* "KEYWORD knows no WORD", with all the words that it knows, if they are few. */
void parser_unknown_word(struct parser *p, const struct config_word *word, const struct keyword *k);

/* The place of the line's word i; of the line if there is none. */
struct place parser_word(const struct parser *p, size_t i);

/* Where a keyword that fills this field stood in the present section; line 0 = it did not. */
struct place parser_seen(const struct parser *p, enum keyword_owner owner, size_t offset);

/* cmd/config_set.c: stores the line's arguments (at least one). */
void parser_set(struct parser *p, const struct keyword *k);

/* Fills the fields of what `owner` is now with their defaults, as if each stood in the file. */
void parser_set_defaults(struct parser *p, enum config_section section, enum keyword_owner owner);

/* cmd/config_section.c: the line opens `section`; the present section ends. */
void section_open(struct parser *p, enum config_section section);
void section_close(struct parser *p);

/* Before the first line: the defaults of what stands outside sections, and of all channels. */
void section_begin(struct parser *p);

#endif
