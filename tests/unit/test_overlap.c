/* Channels that meet in one mailbox (cmd/overlap.h), and names that two lists of patterns select. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/config.h"
#include "cmd/overlap.h"
#include "sync/pair/patterns_common.h"

/* What both sets select, or NULL; patterns are words. */
static void
common_names_are_found(void **unused)
{
	static const struct { const char *a[4], *b[4], *common; } cases[] = {
		{ { "*" }, { "*" }, "a" },
		{ { "work" }, { "home" }, NULL },
		{ { "work*" }, { "home*" }, NULL },
		{ { "*work" }, { "home*" }, "homework" },
		{ { "*", "!Archive*" }, { "Archive", "Archive/*" }, NULL },
		{ { "*", "!Archive" }, { "Archive/%" }, "Archive/a" },
		{ { "%" }, { "*/x" }, NULL },
		{ { "%" }, { "*x" }, "x" },
		{ { "*", "!*x*", "axa" }, { "*x*" }, "axa" },
		{ { "!a", "a" }, { "a" }, "a" },
		{ { "a", "!a" }, { "a" }, NULL },
		{ { "*a" }, { "*b" }, NULL },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct patterns_place a = { .root = "/m/", .skip = "", .patterns = cases[i].a };
		struct patterns_place b = { .root = "/m/", .skip = "", .patterns = cases[i].b };
		struct arena arena = { 0 };
		const char *name;

		while (cases[i].a[a.n] != NULL)
			a.n++;
		while (cases[i].b[b.n] != NULL)
			b.n++;
		name = patterns_common(&a, &b, &arena);
		if ((name == NULL) != (cases[i].common == NULL))
			fail_msg("case %zu: %s", i, name != NULL ? name : "nothing in common");
		if (name != NULL)
			assert_string_equal(name + 3, cases[i].common);
		arena_release(&arena);
	}
}

#define IMAP(name, host, user) "IMAPStore " name "\nHost " host "\nUser " user "\nPassCmd x\n\n"
#define DISK(name, path, inbox) "MaildirStore " name "\nPath " path "\nInbox " inbox "\nSubFolders Verbatim\n"
#define CHANNEL(name, far, near) "Channel " name "\nFar " far "\nNear " near "\n"
#define TWO IMAP("s1", "h", "me") IMAP("s2", "h", "you")

static const struct {
	const char *text;
	const char *words;		/* of the refusal; NULL = none */
} overlaps[] = {
	{ TWO DISK("d", "/m/", "/m/INBOX") "\n" CHANNEL("a", ":s1:", ":d:") "Patterns *\n\n" CHANNEL("b", ":s2:", ":d:")
	  "Patterns *\n", "\"a\" and \"b\" share the mailbox INBOX (/m/INBOX): the mail of :s1:INBOX would be copied to :s2:INBOX" },
	{ TWO DISK("d", "/m/", "/m/INBOX") "Hub yes\n\n" CHANNEL("a", ":s1:", ":d:") "Patterns *\n\n"
	  CHANNEL("b", ":s2:", ":d:") "Patterns *\n", NULL },
	/* The same directory under another spelling, and only one of the two says so. */
	{ TWO DISK("d", "/m/", "/m/INBOX") "Hub yes\n\n" DISK("e", "/m//", "/m/./INBOX") "\n" CHANNEL("a", ":s1:", ":d:")
	  "Patterns *\n\n" CHANNEL("b", ":s2:", ":e:") "Patterns *\n", "into the section of MaildirStore \"d\" and of MaildirStore \"e\"" },
	{ TWO DISK("d", "/m/", "/m/INBOX") "\n" CHANNEL("a", ":s1:", ":d:") "Patterns one two\n\n" CHANNEL("b", ":s2:", ":d:")
	  "Patterns three four\n", NULL },
	{ TWO DISK("d", "/m/", "/m/INBOX") "\n" CHANNEL("a", ":s1:", ":d:") "Patterns * !work*\n\n" CHANNEL("b", ":s2:", ":d:")
	  "Patterns work*\n", NULL },
	{ TWO DISK("d", "/m/", "/m/INBOX") "\n" CHANNEL("a", ":s1:", ":d:") "Patterns *\n\n" CHANNEL("b", ":s2:Sent", ":d:Gesendet"),
	  "share the mailbox Gesendet (/m/Gesendet): the mail of :s1:Gesendet would be copied to :s2:Sent" },
	/* Prefixes apart, and one within the other. */
	{ TWO DISK("d", "/m/", "/m/INBOX") "\n" CHANNEL("a", ":s1:", ":d:one/") "Patterns *\n\n" CHANNEL("b", ":s2:", ":d:two/")
	  "Patterns *\n", NULL },
	{ TWO DISK("d", "/m/", "/m/INBOX") "\n" CHANNEL("a", ":s1:", ":d:") "Patterns *\n\n" CHANNEL("b", ":s2:", ":d:two/")
	  "Patterns x\n", "share the mailbox two/x (/m/two/x): the mail of :s1:two/x would be copied to :s2:x" },
	{ TWO DISK("d", "/m/", "/m/INBOX") "\n" DISK("e", "/m/two/", "/i") "\n" CHANNEL("a", ":s1:", ":d:") "Patterns *\n\n"
	  CHANNEL("b", ":s2:", ":e:") "Patterns x\n", "share the mailbox two/x" },
	{ TWO DISK("d", "/m/", "/m/INBOX") "\n" DISK("e", "/m2/", "/m/INBOX") "\n" CHANNEL("a", ":s1:", ":d:") "Patterns INBOX\n\n"
	  CHANNEL("b", ":s2:", ":e:") "Patterns INBOX\n", "share the mailbox INBOX" },
	/* One account under two names; the far side is shared. */
	{ IMAP("s1", "Mail.Example.org", "me") "IMAPAccount c\nHost mail.example.org.\nPort 993\nUser Me\nPassCmd y\n\n"
	  "IMAPStore s2\nAccount c\n\n" DISK("d", "/m/", "/m/INBOX") "\n" DISK("e", "/n/", "/n/INBOX") "\n" CHANNEL("a", ":s1:", ":d:")
	  "Patterns *\n\n" CHANNEL("b", ":s2:", ":e:") "Patterns *\n", "the mail of :d:INBOX would be copied to :e:INBOX" },
	{ IMAP("s1", "h", "me") IMAP("s2", "h", "me") DISK("d", "/m/", "/m/INBOX") "Hub yes\n\n" CHANNEL("a", ":s1:", ":d:")
	  "Patterns *\n\n" CHANNEL("b", ":s2:", ":d:") "Patterns *\n", "both synchronise :s1:INBOX with :d:INBOX" },
	{ IMAP("s", "h", "me") DISK("d", "/m/", "/m/INBOX") "\n" DISK("e", "/n/", "/n/INBOX") "\n" CHANNEL("a", ":s:", ":d:")
	  "Patterns *\n\n" CHANNEL("b", ":s:", ":e:") "Patterns *\n", NULL },
	/* Two servers of one machine are two. */
	{ "IMAPStore s1\nHost h\nPort 1143\nUser u\nPassCmd x\n\nIMAPStore s2\nHost h\nPort 1144\nUser u\nPassCmd x\n\n"
	  DISK("d", "/m/", "/m/INBOX") "\n" DISK("e", "/n/", "/n/INBOX") "\n" CHANNEL("a", ":s1:", ":d:") "Patterns *\n\n"
	  CHANNEL("b", ":s2:", ":e:") "Patterns *\n", NULL },
	/* INBOX kept elsewhere is not meant by "*", but where the other side lists one. */
	{ TWO "MaildirStore d\nPath /m/\nInbox /i\n\nMaildirStore e\nPath /n/\nInbox /i\n\n" CHANNEL("a", ":s1:", ":d:")
	  "Patterns *\n\n" CHANNEL("b", ":s2:", ":e:") "Patterns *\n", "share the mailbox INBOX (/i)" },
	{ TWO "MaildirStore d\nPath /m/\nInbox /i\n\nMaildirStore e\nPath /n/\nInbox /i\n\n" CHANNEL("a", ":s1:Sent/", ":d:")
	  "Patterns *\n\n" CHANNEL("b", ":s2:", ":e:") "Patterns *\n", NULL },
	{ TWO "MaildirStore d\nInbox /i\nSubFolders Maildir++\n\nMaildirStore e\nInbox /i/\nSubFolders Maildir++\n\n"
	  CHANNEL("a", ":s1:", ":d:") "Patterns Work\n\n" CHANNEL("b", ":s2:", ":e:") "Patterns W*\n", "share the mailbox Work" },
	/* What a channel's far is may be another's near. */
	{ TWO DISK("d", "/m/", "/m/INBOX") "\n" CHANNEL("a", ":s1:", ":d:") "Patterns *\n\n" CHANNEL("b", ":d:", ":s2:")
	  "Patterns *\n", "share the mailbox INBOX" },
};

static struct settings *
parse(const char *text)
{
	struct config_notes notes = { 0 };
	struct settings *s = config_parse("/rc", text, strlen(text), "/home/me", &notes);

	if (notes.n_errors != 0)
		fail_msg("%s\nin:\n%s", notes.all.at[0].text, text);
	config_notes_release(&notes);
	return s;
}

static void
overlaps_are_told(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof overlaps / sizeof *overlaps; i++) {
		struct settings *s = parse(overlaps[i].text);
		struct err e = { 0 };
		int rc = overlap_check(s->channels[0], s->channels[1], &e);

		if ((rc < 0) != (overlaps[i].words != NULL) || (rc < 0 && strstr(e.text, overlaps[i].words) == NULL))
			fail_msg("%s\nof:\n%s", rc < 0 ? e.text : "not refused", overlaps[i].text);
		settings_free(&s);
	}
}

static void
links_are_followed(void **unused)
{
	char dir[] = "/tmp/overlap.XXXXXX", *link, *text;
	struct settings *s;
	struct err e;

	(void)unused;
	assert_non_null(mkdtemp(dir));
	link = mem_printf("%s.link", dir);
	assert_int_equal(symlink(dir, link), 0);
	text = mem_printf(TWO "MaildirStore d\nPath %s/\n\nMaildirStore e\nPath %s/\n\n" CHANNEL("a", ":s1:", ":d:")
	    "Patterns *\n\n" CHANNEL("b", ":s2:", ":e:") "Patterns *\n", dir, link);
	s = parse(text);
	assert_int_equal(overlap_check(s->channels[0], s->channels[1], &e), -1);
	settings_free(&s);
	unlink(link);
	rmdir(dir);
	free(link);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_names_are_found),
		cmocka_unit_test(overlaps_are_told),
		cmocka_unit_test(links_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
