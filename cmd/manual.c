#include "cmd/manual.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { COLUMNS = 78 };

/* MANUAL_LISTS = in none, being another spelling. */
static enum manual_list
list_of(const struct keyword *k)
{
	if (k->flags & KEYWORD_ALIAS)
		return MANUAL_LISTS;
	if (k->where & IN_CHANNEL)
		return MANUAL_CHANNEL;
	switch (k->where) {
	case IN_GLOBAL:
		return MANUAL_GLOBAL;
	case IN_MAILDIR | IN_IMAP:
	case IN_MAILDIR | IN_IMAP | IN_POP3:
		return MANUAL_STORE;
	case IN_ACCOUNT | IN_IMAP:
	case IN_ACCOUNT | IN_IMAP | IN_POP3:
	case IN_ACCOUNT | IN_IMAP | IN_POP3 | IN_SMTP:
		return MANUAL_ACCOUNT;
	case IN_SMTP:
		return MANUAL_SMTP;
	case IN_POP3:
		return MANUAL_POP3;
	case IN_IMAP:
		return MANUAL_IMAP;
	case IN_MAILDIR:
		return MANUAL_MAILDIR;
	default:
		return MANUAL_GROUP;
	}
}

/* All that is said of a keyword, as sentences with `marks`. */
static void
tell(const struct keyword *k, struct buf *out)
{
	const char *const shown = k->value != NULL ? k->value : k->shown;
	const struct keyword *with_text = k;

	while (with_text->text == NULL)
		with_text++;
	buf_printf(out, "%s%s", with_text->text,
	    with_text->flags & KEYWORD_OWN ? " mailtwin's own." : "");
	if (shown != NULL)
		buf_printf(out, k->value != NULL ? " (`%s`)" : " (%s)", shown);
}

/* Words of `text` without their marks, wrapped. */
static void
wrap(const char *text, const char *indent, struct buf *out)
{
	size_t column = 0, len;

	for (const char *c = text; *c != '\0'; c += len + (c[len] == ' ')) {
		len = strcspn(c, " ");
		if (column != 0 && column + 1 + len > COLUMNS) {
			buf_addc(out, '\n');
			column = 0;
		}
		buf_adds(out, column == 0 ? indent : " ");
		column += column == 0 ? strlen(indent) : 1;
		for (size_t i = 0; i < len; i++) {
			if (c[i] == '`')
				continue;
			buf_addc(out, c[i]);
			column++;
		}
	}
	buf_addc(out, '\n');
}

void
manual_plain(const char *name, struct buf *out)
{
	struct buf text = { 0 };
	char words[512], sections[64];

	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if (strcasecmp(k->name, name) != 0)
			continue;
		section_list(k->where, sections, sizeof sections);
		buf_clear(&text);
		if (out->len != 0)
			buf_addc(out, '\n');
		if (k->flags & KEYWORD_ALIAS) {
			buf_printf(out, k->type == KW_REFUSED ? "%s %s.\n" : "%s: another spelling of %s.\n", k->name, k->instead);
			continue;
		}
		buf_printf(&text, "%s %s", k->name, keyword_argument(k, words, sizeof words));
		wrap(buf_str(&text), "", out);
		buf_printf(out, "    in %s%s%s\n\n", sections, k->where & IN_GLOBAL && sections[0] != '\0' ? " or " : "",
		    k->where & IN_GLOBAL ? "the beginning of the file" : "");
		buf_clear(&text);
		tell(k, &text);
		wrap(buf_str(&text), "    ", out);
	}
	buf_release(&text);
}

/* mdoc: one word, its special characters escaped. A word of one character of punctuation would be taken for a delimiter. */
static void
escape(const char *word, size_t len, struct buf *out)
{
	if ((len == 1 && strchr(".,:;()[]?!|", *word) != NULL) || (len != 0 && strchr(".'", *word) != NULL))
		buf_adds(out, "\\&");
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '\\')
			buf_adds(out, "\\e");
		else
			buf_addc(out, word[i]);
	}
}

/* How a marked word is set: a keyword, an option, a name of the environment, a path, or a word to be typed. */
static const char *
macro_of(const char *word, size_t len)
{
	for (const struct keyword *k = keywords; k->name != NULL; k++)
		if (strlen(k->name) == len && strncmp(k->name, word, len) == 0)
			return "Ic";
	if (len > 1 && word[0] == '-' && word[1] == '-')
		return "Fl";
	if (len > 9 && strncmp(word, "MAILTWIN_", 9) == 0)
		return "Ev";
	if (len > 2 && (word[0] == '$' ? memchr(word, '/', len) != NULL : memchr(word, '/', len) != NULL || word[0] == '~'))
		return "Pa";
	return isalpha((unsigned char)word[0]) && memchr(word, ' ', len) == NULL ? "Cm" : "Ql";
}

/* A marked word with what stands directly before and behind it, as a line of its own. Returns what is behind all of it. */
static const char *
mark(const char *before, size_t n_before, const char *word, struct buf *out)
{
	const size_t len = strcspn(word, "`");
	const char *macro = macro_of(word, len), *c = word + len + 1;

	if (out->len != 0 && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	buf_printf(out, ".%s ", macro);
	for (size_t i = 0; i < n_before; i++)
		buf_printf(out, "%c ", before[i]);
	if (strcmp(macro, "Fl") == 0)
		escape(word + 1, len - 1, out);
	else
		escape(word, len, out);
	for (; *c != '\0' && *c != ' '; c++)
		buf_printf(out, " %c", *c);
	buf_addc(out, '\n');
	return c + (*c == ' ');
}

/* Sentences as mdoc: each begins a line, marked words have theirs. */
static void
write_mdoc(const char *text, struct buf *out)
{
	size_t column = 0, len, before;
	bool ends_sentence;

	for (const char *c = text; *c != '\0';) {
		before = strspn(c, "([");
		if (c[before] == '`') {
			c = mark(c, before, c + before + 1, out);
			column = 0;
			continue;
		}
		len = strcspn(c, " ");
		if (column != 0 && column + 1 + len > COLUMNS) {
			buf_addc(out, '\n');
			column = 0;
		}
		if (column != 0)
			buf_addc(out, ' ');
		if (column == 0 && *c == '.')
			buf_adds(out, "\\&");
		buf_add(out, c, len);
		column += len + 1;
		ends_sentence = c[len] == ' ' && strchr(".?!", c[len - 1]) != NULL;
		c += len + (c[len] == ' ');
		if (ends_sentence || *c == '\0') {
			buf_addc(out, '\n');
			column = 0;
		}
	}
}

/* The argument of an item: words to be typed and words that stand for something. */
static void
write_argument(const char *argument, struct buf *out)
{
	size_t len;

	for (const char *c = argument; *c != '\0'; c += len) {
		if (*c == ' ') {
			len = 1;
			continue;
		}
		if (*c == '`') {
			len = strcspn(c + 1, "`") + 2;
			buf_adds(out, c != argument && c[-1] != ' ' ? " Ns Cm " : " Cm ");
			escape(c + 1, len - 2, out);
			continue;
		}
		len = strcspn(c, " `");
		if (len == 1 && *c == '|') {
			buf_adds(out, " |");
			continue;
		}
		buf_adds(out, c != argument && c[-1] == '`' ? " Ns Ar " : " Ar ");
		escape(c, len, out);
	}
}

void
manual_items(enum manual_list list, struct buf *out)
{
	struct buf text = { 0 };
	char words[512];

	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if (list_of(k) != list)
			continue;
		buf_printf(out, ".It Ic %s", k->name);
		write_argument(keyword_argument(k, words, sizeof words), out);
		buf_addc(out, '\n');
		if (k->text == NULL)
			continue;
		buf_clear(&text);
		tell(k, &text);
		write_mdoc(buf_str(&text), out);
	}
	buf_release(&text);
}

/* "A is the same as B, C as D ...": of one kind of other spellings, or nothing. */
static void
add_aliases(const char *head, unsigned flags, bool is_refused, const char *between, struct buf *out)
{
	bool is_first = true;

	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if (!(k->flags & KEYWORD_ALIAS) || (k->type == KW_REFUSED) != is_refused || (k->flags & KEYWORD_DEPRECATED) != flags)
			continue;
		buf_printf(out, "%s`%s` %s", is_first ? head : ", ", k->name, between);
		buf_printf(out, is_refused ? "%s" : "`%s`", k->instead);
		is_first = false;
	}
	if (!is_first)
		buf_adds(out, ". ");
}

void
manual_aliases(struct buf *out)
{
	struct buf text = { 0 };

	add_aliases("The same are ", 0, false, "and ", &text);
	add_aliases("Deprecated, with one notice for each word: ", KEYWORD_DEPRECATED, false, "for ", &text);
	add_aliases("Refused: ", 0, true, "", &text);
	if (text.len != 0)
		text.data[--text.len] = '\0';
	write_mdoc(buf_str(&text), out);
	buf_release(&text);
}

static bool
is_last_of_name(const struct keyword *k)
{
	for (const struct keyword *next = k + 1; next->name != NULL; next++)
		if (strcmp(next->name, k->name) == 0)
			return false;
	return true;
}

static const char *
vim_group(const struct keyword *k)
{
	if (k->type == KW_REFUSED)
		return "Refused";
	if (k->flags & KEYWORD_DEPRECATED)
		return "Old";
	return "Keyword";
}

/* The lines of one group, of about 100 columns each. */
static void
add_vim(const char *group, struct buf *out)
{
	size_t column = 0;

	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if (strcmp(vim_group(k), group) != 0 || !is_last_of_name(k) || keyword_opens(k->name) != 0)
			continue;
		if (column > 60) {
			buf_adds(out, "\\)\\ze\\s/\n");
			column = 0;
		}
		if (column == 0)
			buf_printf(out, "syntax match mbsyncrc%s /^\\s*\\zs\\%%(", group);
		else
			buf_adds(out, "\\|");
		buf_adds(out, k->name);
		column += strlen(k->name) + 2;
	}
	if (column != 0)
		buf_adds(out, "\\)\\ze\\s/\n");
}

void
manual_vim(struct buf *out)
{
	add_vim("Keyword", out);
	add_vim("Old", out);
	add_vim("Refused", out);
}

void
manual_names(const char *indent, struct buf *out)
{
	size_t column = 0;

	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if ((k->flags & KEYWORD_ALIAS) || !is_last_of_name(k))
			continue;
		if (column + 1 + strlen(k->name) > 100) {
			buf_addc(out, '\n');
			column = 0;
		}
		buf_printf(out, "%s%s", column == 0 ? indent : " ", k->name);
		column += strlen(k->name) + 1;
	}
	buf_addc(out, '\n');
}
