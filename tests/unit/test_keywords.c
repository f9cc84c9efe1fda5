/* Each row of the keyword table: it parses, is printed as it was said, and is written down where people look for it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/config.h"
#include "cmd/config_keywords.h"
#include "cmd/config_print.h"
#include "cmd/manual.h"
#include "sync/imap/caps.h"

/* An argument that is not the default, and what check-config makes of it. */
struct sample {
	const char *said, *printed;
};

static struct sample
sample_of(const struct keyword *k)
{
	switch (k->type) {
	case KW_BOOL:
		return strcmp(k->value, "yes") == 0 ? (struct sample){ "Off", "no" } : (struct sample){ "1", "yes" };
	case KW_TRISTATE:
		return (struct sample){ "true", "yes" };
	case KW_SECRET:
		return (struct sample){ "hunter2", "********" };
	case KW_PATH:
	case KW_STORE_PATH:
	case KW_SYNC_STATE:
		return (struct sample){ "/x/y", "/x/y" };
	case KW_FILE:
		return (struct sample){ "/dev/null", "/dev/null" };
	case KW_COUNT:
		return (struct sample){ "7", "7" };
	case KW_SIZE:
	case KW_CHANNEL_MAX_SIZE:
		return (struct sample){ "3072k", "3m" };
	case KW_CHAR:
	case KW_PUNCTUATION:
	case KW_DELIMITER:
		return (struct sample){ "!", "!" };
	case KW_CHOICE:
		return strcmp(k->name, "SubFolders") == 0 ? (struct sample){ "legacy", "Legacy" } :
		    strcmp(k->name, "TLSType") == 0 ? k->where & IN_POP3 ? (struct sample){ "pop3s", "POP3S" } :
		    k->where & IN_SMTP ? (struct sample){ "smtps", "SMTPS" } : (struct sample){ "imaps", "IMAPS" } : (struct sample){ "far", "Far" };
	case KW_WORDS:
		return (struct sample){ "c", "c" };
	case KW_EXTENSIONS:
		return (struct sample){ "move IDLE", "MOVE IDLE" };
	case KW_MECHANISMS:
		return (struct sample){ "plain", "PLAIN" };
	case KW_TLS_VERSIONS:
		return (struct sample){ "+1.1", "-1.0 +1.1 +1.2 +1.3" };
	case KW_ACCOUNT:
		return (struct sample){ "a", "a" };
	case KW_SMTP_ACCOUNT:
		return (struct sample){ "s", "s" };
	case KW_SYNC:
		return (struct sample){ "pullnew", "Pull New" };
	case KW_SIDES:
		return (struct sample){ "near", "Near" };
	case KW_MAILBOX:
		return k->n == FAR ? (struct sample){ ":f:box", ":f:box" } : (struct sample){ ":n:box", ":n:box" };
	case KW_PATTERNS:
		return (struct sample){ "x* !y", "x* !y" };
	case KW_ROLES:
		return (struct sample){ "sent TRASH", "Sent Trash" };
	case KW_LIMIT:
		return (struct sample){ "5%", "5%" };
	case KW_DAYS:
	case KW_LEAVE:
		return (struct sample){ "30D", "30d" };
	case KW_WINDOW:
		return (struct sample){ "100", "100" };
	default:
		return (struct sample){ "x", "x" };
	}
}

/* `base` unless it is the keyword itself that is tried. */
static void
add_base(struct buf *text, const struct keyword *k, const char *base)
{
	if (strncmp(base, k->name, strlen(k->name)) != 0 || base[strlen(k->name)] != ' ')
		buf_printf(text, "%s\n", base);
}

/* What mailboxes are for, where it is an outbox's keyword. */
static void
add_sender(struct buf *text, const struct keyword *k)
{
	if (strcmp(k->name, "Outbox") == 0 || strcmp(k->name, "Sent") == 0 || strcmp(k->name, "SentCopy") == 0)
		buf_adds(text, "SMTPAccount s\n");
}

/* A configuration with the keyword in a section, and whatever that needs. */
static void
write_config(struct buf *text, const struct keyword *k, enum config_section section, const char *said)
{
	char *line = mem_printf("%s %s\n", k->name, said);

	if (section == IN_GLOBAL)
		buf_printf(text, "%s\n", line);
	buf_adds(text, "IMAPAccount a\n");
	if (section != IN_ACCOUNT || strcmp(k->name, "Host") != 0)
		buf_adds(text, "Host h\n");
	buf_printf(text, "%s\nSMTPAccount s\n", section == IN_ACCOUNT ? line : "");
	if (section != IN_SMTP || strcmp(k->name, "Host") != 0)
		buf_adds(text, "Host h\n");
	buf_printf(text, "%s\nMaildirStore f\nPath /f/\nInbox /f/in\n\nMaildirStore n\n", section == IN_SMTP ? line : "");
	add_base(text, k, "Path /n/");
	add_base(text, k, "Inbox /n/in");
	if (section == IN_MAILDIR)
		add_sender(text, k);
	buf_printf(text, "%s\nIMAPStore i\n", section == IN_MAILDIR ? line : "");
	if (section != IN_IMAP || k->owner == OWNER_STORE)
		add_base(text, k, "Account a");
	else if (strcmp(k->name, "Host") != 0)
		buf_adds(text, "Host h\n");
	buf_printf(text, "%s\nPOP3Store p\n", section == IN_IMAP ? line : "");
	if (section != IN_POP3 || strcmp(k->name, "Host") != 0)
		buf_adds(text, "Host h\n");
	buf_printf(text, "%s\nChannel c\n", section == IN_POP3 ? line : "");
	add_base(text, k, "Far :f:");
	add_base(text, k, "Near :n:");
	add_base(text, k, "Patterns *");
	if (section == IN_CHANNEL)
		add_sender(text, k);
	buf_printf(text, "%s\n", section == IN_CHANNEL ? line : "");
	if (section == IN_GROUP)
		buf_printf(text, "Group g\n%s", line);
	free(line);
}

/* Parses a text that must be right, and prints it. */
static char *
printed(const struct buf *text, const char *what)
{
	struct config_notes notes = { 0 };
	struct buf out = { 0 };
	struct settings *s = config_parse("/etc/dir/rc", text->data, text->len, "/home/me", &notes);

	if (notes.all.n != 0)
		fail_msg("%s: line %u: %s\n%s", what, notes.all.at[0].line, notes.all.at[0].text, text->data);
	config_print(s, "/state/", &out);
	settings_free(&s);
	config_notes_release(&notes);
	return out.data;
}

static void
keywords_parse_and_print(void **unused)
{
	struct sample sample;
	struct buf text = { 0 };
	size_t tried = 0;
	char *out, *line;

	(void)unused;
	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if (k->flags & KEYWORD_ALIAS)
			continue;
		sample = sample_of(k);
		for (enum config_section section = IN_GLOBAL; section <= IN_SMTP; section <<= 1) {
			if (!(k->where & section))
				continue;
			write_config(&text, k, section, sample.said);
			out = printed(&text, k->name);
			line = mem_printf("\n%s %s\n", k->name, sample.printed);
			/* The first line of all has none before it. */
			if (strstr(out, line) == NULL && strncmp(out, line + 1, strlen(line) - 1) != 0)
				fail_msg("no \"%s %s\" in\n%s", k->name, sample.printed, out);
			free(line);
			free(out);
			buf_clear(&text);
			tried++;
		}
	}
	assert_true(tried > 90);
	buf_release(&text);
}

/* Without the keyword its default is printed: as a line, or as a comment where nothing can be written for it. */
static void
defaults_are_printed(void **unused)
{
	static const char text[] = "SMTPAccount s\nHost h\n\nPOP3Store p\nHost h\n\nIMAPStore i\nHost h\n\nIMAPAccount a\nHost h\n\nMaildirStore f\nPath /f/\nInbox /f/in\n\n"
	    "MaildirStore n\n\nChannel c\nFar :f:\nNear :n:\n\nGroup g c\n";
	struct buf config = { 0 };
	char *out, *line;

	(void)unused;
	buf_adds(&config, text);
	out = printed(&config, "defaults");
	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		if (k->flags & KEYWORD_ALIAS)
			continue;
		line = mem_printf("%s ", k->name);
		if (strstr(out, line) == NULL)
			fail_msg("nothing of %s in\n%s", k->name, out);
		free(line);
	}
	assert_non_null(strstr(out, "\nMaxDelete default # 500, and from 20 on half of the mailbox\n"));
	assert_non_null(strstr(out, "\nSyncState /state/\n"));
	assert_non_null(strstr(out, "\nInbox /home/me/Maildir\n"));
	assert_non_null(strstr(out, "\nAuthMechs *\n"));
	assert_non_null(strstr(out, "\nAnswerLimit 512m\n"));
	assert_non_null(strstr(out, "\nSync Pull Push New Upgrade Gone Flags\n"));
	assert_non_null(strstr(out, "\n# PipelineDepth no limit\n"));
	free(out);
	buf_release(&config);
}

/* Each extension that may be named is one that the wire knows how to do without. */
static void
extensions_are_known(void **unused)
{
	struct imap_caps caps = { 0 };

	(void)unused;
	for (const struct word *w = words_extension; w->name != NULL; w++)
		if (imap_caps_disable(&caps, w->name) != 0)
			fail_msg("nothing disables %s", w->name);
	imap_caps_release(&caps);
}

static char *
file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	struct buf text = { 0 };
	int c;

	if (f == NULL)
		fail_msg("%s cannot be read", path);
	while ((c = getc(f)) != EOF)
		buf_addc(&text, (char)c);
	fclose(f);
	return text.data;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
has_word(const char *text, const char *before, const char *word)
{
	const size_t n = strlen(before);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
		if (at >= text + n && strncmp(at - n, before, n) == 0 && (n != 0 || at == text || !is_letter(at[-1])) &&
		    !is_letter(at[strlen(word)]))
			return true;
	return false;
}

/* The manual, the syntax and the completions know each keyword; so does `help`. */
static void
keywords_are_written_down(void **unused)
{
	char *man = file_text("contrib/man/mailtwin.5"), *vim = file_text("contrib/vim/syntax/mbsyncrc.vim"),
	     *bash = file_text("contrib/completion/mailtwin.bash"), *zsh = file_text("contrib/completion/_mailtwin");
	struct buf help = { 0 };

	(void)unused;
	for (const struct keyword *k = keywords; k->name != NULL; k++) {
		const bool is_other = k->flags & KEYWORD_ALIAS;

		if (!has_word(man, is_other ? "" : ".It Ic ", k->name) || !has_word(vim, "", k->name))
			fail_msg("the manual or the syntax lacks %s: make docs", k->name);
		if (!is_other && (!has_word(bash, "", k->name) || !has_word(zsh, "", k->name)))
			fail_msg("the completions lack %s: make docs", k->name);
		buf_clear(&help);
		manual_plain(k->name, &help);
		assert_non_null(strstr(buf_str(&help), k->name));
		assert_null(strchr(buf_str(&help), '`'));
	}
	buf_release(&help);
	free(man);
	free(vim);
	free(bash);
	free(zsh);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keywords_parse_and_print),
		cmocka_unit_test(defaults_are_printed),
		cmocka_unit_test(extensions_are_known),
		cmocka_unit_test(keywords_are_written_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
