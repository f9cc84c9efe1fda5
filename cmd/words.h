/* Words with a fixed meaning: the arguments of Sync, Create, TLSType and the like, each list in one place. From it come
 * reading (in any letter case), printing, suggestions, the manual and the editor's syntax.
 */
#ifndef CMD_WORDS_H
#define CMD_WORDS_H

#include <stdbool.h>

struct word {
	const char *name;
	unsigned value;			/* what it stands for is said at each list */
	const char *instead;		/* the present word, where this one is deprecated; NULL = it is not */
};

/* Each ends with a row without a name. */
extern const struct word words_bool[];		/* 1, 0 */
extern const struct word words_side[];		/* enum side */
extern const struct word words_sides[];		/* a set of 1 << enum side */
extern const struct word words_sync[];		/* WORD_... below, with a set of enum sync_type */
extern const struct word words_type[];		/* enum sync_type; the single types of Sync, in the order of printing */
extern const struct word words_role[];		/* a set of 1 << enum role; All and None replace, the others add */
extern const struct word words_tls_type[];	/* enum net_tls */
extern const struct word words_tls_type_pop3[];
extern const struct word words_tls_type_smtp[];
extern const struct word words_tls_version[];	/* enum net_tls_versions */
extern const struct word words_ssl_version[];	/* enum net_tls_versions; 0 = no longer supported */
extern const struct word words_sub_folders[];	/* enum names_layout */
extern const struct word words_mechanism[];	/* those we know; others may be named */
extern const struct word words_extension[];

/* What a word of Sync says beside its types. */
enum word_sync {
	WORD_PULL = 1 << 8,
	WORD_PUSH = 1 << 9,
	WORD_CELL = 1 << 10,		/* a compound: this type in this direction */
	WORD_NONE = 1 << 11,
};
#define WORD_TYPES 0xffu

/* The row of a word, in any letter case; NULL = there is none. */
const struct word *word_find(const struct word *list, const char *name);

/* The first row of that value; NULL = there is none. */
const char *word_name(const struct word *list, unsigned value);

#endif
