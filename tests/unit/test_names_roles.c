/* Mailboxes that go together under two names: by their role, and because they did so before.
 *
 * A case is text. Listings: "name@S" is a mailbox that the store says is for what is sent (A D J S T, as in enum
 * role). Known pairs: "name" or "far=near". What comes out: "name[!]: far near", '-' nothing, '(x)' for a name that it
 * would get, '!' refused, '#n' the known pair it is, '@' paired by a role. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "sync/pair/pair.h"

static struct arena arena;
static struct pair_list list;
static struct pair_box boxes[SIDES][16];
static struct pair_known known[16];
static const char *patterns[8];
static struct pair_rules rules;

static void
take_boxes(enum side side, const char *text)
{
	char *save = NULL, *word, *at, *s = arena_strdup(&arena, text);
	struct pair_side *to = &rules.side[side];

	to->n = 0;
	for (word = strtok_r(s, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		struct pair_box *box = &boxes[side][to->n++];

		*box = (struct pair_box){ .name = word };
		if ((at = strchr(word, '@')) == NULL)
			continue;
		*at = '\0';
		while (*++at != '\0')
			box->roles |= 1u << (strchr("ADJST", *at) - "ADJST");
	}
	to->boxes = boxes[side];
}

static void
take_known(const char *text)
{
	char *save = NULL, *word, *eq, *s = arena_strdup(&arena, text);

	rules.n_known = 0;
	for (word = strtok_r(s, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		if ((eq = strchr(word, '=')) != NULL)
			*eq++ = '\0';
		known[rules.n_known++] = (struct pair_known){ word, { word, eq != NULL ? eq : word }, true };
	}
	rules.known = known;
}

static void
start(const char *pats)
{
	char *save = NULL, *word, *s;

	arena_release(&arena);
	memset(&rules, 0, sizeof rules);
	rules.side[FAR] = (struct pair_side){ .prefix = "", .layout = NAMES_IMAP, .is_inbox_listed = true };
	rules.side[NEAR] = (struct pair_side){ .prefix = "", .layout = NAMES_VERBATIM };
	rules.roles = ROLES_ALL;
	s = arena_strdup(&arena, pats);
	for (word = strtok_r(s, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		patterns[rules.n++] = word;
	rules.patterns = patterns;
}

static void
expect(const char *far, const char *near, const char *before, const char *want)
{
	struct buf got = { 0 };
	const struct pair *pair;
	enum side side;
	size_t i;

	take_boxes(FAR, far);
	take_boxes(NEAR, near);
	take_known(before);
	pair_boxes(&rules, &arena, &list);
	for (i = 0; i < list.n; i++) {
		pair = &list.at[i];
		buf_printf(&got, "%s%s%s:", i ? ", " : "", pair->name, pair->refused != NULL ? "!" : "");
		for (side = FAR; side <= NEAR; side++)
			buf_printf(&got, pair->is_on[side] ? " %s" : " (%s)", pair->full[side]);
		if (pair->roles != 0)
			buf_addc(&got, '@');
		if (pair->known != PAIR_NOT_KNOWN)
			buf_printf(&got, "#%s", known[pair->known].name);
	}
	assert_string_equal(buf_str(&got), want);
	buf_release(&got);
}

static void
by_role(void **state)
{
	(void)state;
	start("*");
	/* Attributes on both sides; on one, and the word on the other. */
	expect("Sent_Items@S Bin@T", "Sent@S Trash@T", "", "Bin: Bin Trash@, Sent_Items: Sent_Items Sent@");
	expect("Sent_Items@S", "Sent", "", "Sent_Items: Sent_Items Sent@");
	/* Not there yet: it gets the word, and the role. */
	expect("Sent_Items@S", "", "", "Sent_Items: Sent_Items (Sent)@");
	expect("", "Sent", "", "Sent: (Sent) Sent@");
	expect("", "Gesendet@S", "", "Sent: (Sent) Gesendet@");
	/* A mailbox of the other's name is as good where nothing else has the role. */
	expect("Sent_Items@S", "Sent_Items", "", "Sent_Items: Sent_Items Sent_Items@");
	expect("Sent_Items@S", "Sent_Items Sent@S", "", "Sent_Items!: (Sent_Items) Sent_Items, "
	    "Sent_Items: Sent_Items Sent@");
	/* Not asked for. */
	rules.roles = 1u << ROLE_TRASH;
	expect("Sent_Items@S Bin@T", "Sent Trash", "", "Bin: Bin Trash@, Sent: (Sent) Sent, "
	    "Sent_Items: Sent_Items (Sent_Items)");
	/* No role for INBOX, and one for a mailbox that has two. */
	start("*");
	expect("INBOX@A Both@JT", "INBOX Archive Trash Junk", "", "INBOX: INBOX INBOX, Archive: (Archive) Archive@, "
	    "Both: Both Junk@, Trash: (Trash) Trash");
}

static void
several_with_one_role(void **state)
{
	(void)state;
	start("*");
	/* Nothing tells which: by their names, and a note. */
	expect("S1@S S2@S", "Sent", "", "S1: S1 (S1), S2: S2 (S2), Sent: (Sent) Sent");
	assert_int_equal(list.n_notes, 1);
	assert_non_null(strstr(list.notes[0].text, "RoleSent"));
	/* The one with the role's own name; the one that has its twin already; the one that is said to be it. */
	expect("S1@S Sent@S", "Sent", "", "S1: S1 (S1), Sent: Sent Sent@");
	assert_int_equal(list.n_notes, 0);
	expect("S1@S S2@S", "Sent", "S2=Sent", "S1: S1 (S1), S2: S2 Sent@#S2");
	expect("S2@S S1@S", "Sent", "S2=Sent", "S1: S1 (S1), S2: S2 Sent@#S2");
	assert_int_equal(list.n_notes, 0);
	rules.side[FAR].role[ROLE_SENT] = "S1";
	expect("S1@S S2@S", "Sent", "", "S1: S1 Sent@, S2: S2 (S2)");
}

static void
named_by_the_configuration(void **state)
{
	(void)state;
	start("*");
	rules.side[NEAR].role[ROLE_SENT] = "Gesendet";
	expect("Sent_Items@S", "Gesendet Sent", "", "Sent: (Sent) Sent, Sent_Items: Sent_Items Gesendet@");
	expect("Sent_Items@S", "Sent_Items", "", "Sent_Items!: (Sent_Items) Sent_Items, Sent_Items: Sent_Items (Gesendet)@");
	/* Behind the channel's prefix. */
	rules.side[NEAR].prefix = "work/";
	expect("Sent_Items@S", "work/Gesendet Gesendet", "", "Sent_Items: Sent_Items work/Gesendet@");
	rules.side[NEAR].role[ROLE_SENT] = NULL;
	expect("Sent_Items@S", "Sent@S work/Sent", "", "Sent_Items: Sent_Items work/Sent@");
}

static void
names_that_clash(void **state)
{
	(void)state;
	start("*");
	/* A left "Sent" without the role: its name is taken over there. */
	expect("Sent Sent_Items@S", "Sent", "", "Sent!: Sent (Sent), Sent_Items: Sent_Items Sent@");
	assert_non_null(strstr(list.at[0].refused, "\"Sent\" is the twin of \"Sent_Items\""));
	expect("Sent Sent_Items@S", "", "", "Sent!: Sent (Sent), Sent_Items: Sent_Items (Sent)@");
	/* Another name for the twin is the way out. */
	rules.side[NEAR].role[ROLE_SENT] = "Sent_Items";
	expect("Sent Sent_Items@S", "Sent", "", "Sent: Sent Sent, Sent_Items: Sent_Items (Sent_Items)@");
}

static void
patterns_and_roles(void **state)
{
	(void)state;
	start("* !Spam");
	expect("Spam@J", "Junk", "", "");
	start("* !Junk");
	expect("Spam@J", "Junk", "", "");
	start("INBOX Spam");
	expect("Spam@J a", "Junk b", "", "Spam: Spam Junk@");
	start("INBOX Junk");
	expect("Spam@J", "", "", "Spam: Spam (Junk)@");
	start("INBOX");
	expect("Spam@J", "Junk", "", "");
	start("*");
	rules.roles = 0;
	expect("Spam@J", "Junk", "", "Junk: (Junk) Junk, Spam: Spam (Spam)");
	start("* !Junk");
	expect("Spam@J", "Junk", "Spam=Junk", "");
}

static void
what_was_paired_stays_so(void **state)
{
	(void)state;
	start("*");
	/* The role came later. */
	expect("Sent Sent_Items@S", "Sent Sent_Items", "Sent Sent_Items",
	    "Sent: Sent Sent#Sent, Sent_Items: Sent_Items Sent_Items#Sent_Items");
	expect("Sent Old@S", "Sent", "Sent", "Old: Old (Old), Sent: Sent Sent#Sent");
	assert_int_equal(list.n_notes, 1);
	/* The role went, or the keyword did. */
	expect("Sent_Items Bin@S", "Sent", "Sent_Items=Sent", "Bin: Bin (Bin), Sent_Items: Sent_Items Sent#Sent_Items");
	rules.roles = 0;
	expect("Sent_Items@S", "Sent", "Sent_Items=Sent", "Sent_Items: Sent_Items Sent#Sent_Items");
	expect("Sent_Items@S Sent", "Sent", "Sent_Items=Sent", "Sent!: Sent (Sent), Sent_Items: Sent_Items Sent#Sent_Items");
	/* One half is missing: it is missing, and the other does not take up with its namesake. */
	expect("Sent_Items", "", "Sent_Items=Sent", "Sent_Items: Sent_Items (Sent)#Sent_Items");
	expect("", "Sent", "Sent_Items=Sent", "Sent_Items: (Sent_Items) Sent#Sent_Items");
	expect("", "", "Sent_Items=Sent", "");
}

static void
the_role_has_moved_on(void **state)
{
	(void)state;
	start("*");
	/* Renamed: the pair is the same. */
	expect("Sent_Mail@S", "Sent", "Sent_Items=Sent", "Sent_Mail: Sent_Mail Sent@#Sent_Items");
	expect("Sent_Items@S", "Sent", "Sent", "Sent_Items: Sent_Items Sent@#Sent");
	expect("Sent_Items@S", "Sent", "Sent_Items", "Sent_Items: Sent_Items Sent@#Sent_Items");
	/* A side that was not listed whole may have it still. */
	rules.side[FAR].is_partial = true;
	expect("Sent_Mail@S", "Sent", "Sent_Items=Sent", "Sent_Items: (Sent_Items) Sent#Sent_Items, "
	    "Sent_Mail: Sent_Mail (Sent_Mail)");
	rules.side[FAR].is_partial = false;
	/* Two pairs that lost a half each are not made one. */
	expect("Sent_Items@S", "Sent", "Sent Sent_Items", "Sent: (Sent) Sent#Sent, Sent_Items: Sent_Items (Sent_Items)#Sent_Items");
}

static void
below_a_role(void **state)
{
	(void)state;
	start("*");
	expect("S@S S/a S/b", "Sent Sent/b Sent/c", "", "S: S Sent@, S/a: S/a (Sent/a), S/b: S/b Sent/b, S/c: (S/c) Sent/c");
	/* What was paired by name, and lost a half, is what it was. */
	expect("S@S S/a", "Sent Sent/a Sent/b", "S=Sent S/a Sent/a Sent/b",
	    "S: S Sent@#S, S/a: S/a (S/a)#S/a, Sent/a: (Sent/a) Sent/a#Sent/a, Sent/b: (Sent/b) Sent/b#Sent/b");
	/* Once that is done: */
	expect("S@S S/a S/b S/c", "Sent Sent/a Sent/b Sent/c", "S=Sent S/a=Sent/a S/b=Sent/b S/c=Sent/c",
	    "S: S Sent@#S, S/a: S/a Sent/a#S/a, S/b: S/b Sent/b#S/b, S/c: S/c Sent/c#S/c");
}

static int
teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_role),
		cmocka_unit_test(several_with_one_role),
		cmocka_unit_test(named_by_the_configuration),
		cmocka_unit_test(names_that_clash),
		cmocka_unit_test(patterns_and_roles),
		cmocka_unit_test(what_was_paired_stays_so),
		cmocka_unit_test(the_role_has_moved_on),
		cmocka_unit_test(below_a_role),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
