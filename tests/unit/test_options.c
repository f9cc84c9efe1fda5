/* The command line: what arguments come to, which channels they name, and what the exit code is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cmd/config.h"
#include "cmd/config_print.h"
#include "cmd/options.h"
#include "cmd/exit_status.h"
#include "cmd/targets.h"
#include "state/base/log.h"

static const char *const commands[] = { "sync", "plan", "list", "search", "check-config", "state", "log", "help",
	"version", NULL };

enum { ARGS_MAX = 16 };

/* Parses "mailtwin a b c": arguments parted by single blanks, in memory `words` owns. */
static int
parse(const char *line, struct buf *words, struct options *o, struct err *e)
{
	char *argv[ARGS_MAX + 1], *word;
	int argc = 0;

	buf_adds(words, line);
	for (word = strtok(words->data, " "); word != NULL; word = strtok(NULL, " ")) {
		assert_true(argc < ARGS_MAX);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return options_parse(argc, argv, commands, o, e);
}

/* A command line and the Sync, Create, Remove, Expunge lines of a channel that says
 * "Sync Pull New", "Create Far", "Remove None", "Expunge Near" itself. */
static const struct {
	const char *line, *sync, *create, *remove, *expunge;
} overrides[] = {
	{ "mailtwin", "Pull New", "Far", "None", "Near" },
	{ "mailtwin -F", "Pull Push New Upgrade Gone Flags", "Far", "None", "Near" },
	{ "mailtwin --full", "Pull Push New Upgrade Gone Flags", "Far", "None", "Near" },
	{ "mailtwin -Fo", "Pull Push Old", "Far", "None", "Near" },
	{ "mailtwin -0", "None", "Far", "None", "Near" },
	{ "mailtwin --noop", "None", "Far", "None", "Near" },
	{ "mailtwin -n", "Pull Push New", "Far", "None", "Near" },
	{ "mailtwin -ngf", "Pull Push New Gone Flags", "Far", "None", "Near" },
	{ "mailtwin -ou", "Pull Push Old Upgrade", "Far", "None", "Near" },
	{ "mailtwin -L", "Pull New Upgrade Gone Flags", "Far", "None", "Near" },
	{ "mailtwin --push", "Push New Upgrade Gone Flags", "Far", "None", "Near" },
	{ "mailtwin -H --gone", "Push Gone", "Far", "None", "Near" },
	{ "mailtwin -Ln", "Pull New", "Far", "None", "Near" },
	{ "mailtwin -Lnf -Hg", "PullNew PushGone PullFlags", "Far", "None", "Near" },
	{ "mailtwin --pull-new --push-flags", "PullNew PushFlags", "Far", "None", "Near" },
	{ "mailtwin -Lgaq", "Pull Gone", "Far", "None", "Near" },
	{ "mailtwin -C", "Pull New", "Both", "None", "Near" },
	{ "mailtwin -Cn", "Pull New", "Near", "None", "Near" },
	{ "mailtwin -CnRfX-", "Pull New", "Near", "Far", "None" },
	{ "mailtwin -C- -R -Xf", "Pull New", "None", "Both", "Far" },
	{ "mailtwin --create-near --remove --no-expunge", "Pull New", "Near", "Both", "None" },
	{ "mailtwin --create-far --create-near", "Pull New", "Both", "None", "Near" },
	{ "mailtwin -CL", "Pull New Upgrade Gone Flags", "Both", "None", "Near" },
};

static const char channel_text[] =
	"MaildirStore a\nPath /a/\n\nMaildirStore b\nPath /b/\n\n"
	"Channel c\nFar :a:\nNear :b:\nSync Pull New\nCreate Far\nExpunge Near\n";

static void
assert_has(const char *text, const char *keyword, const char *arguments)
{
	char *wanted = mem_printf("\n%s %s\n", keyword, arguments);

	if (strstr(text, wanted) == NULL)
		fail_msg("no \"%s %s\" in:\n%s", keyword, arguments, text);
	free(wanted);
}

static void
options_override_channels(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
		struct config_notes notes = { 0 };
		struct settings *s = config_parse("rc", channel_text, strlen(channel_text), "/h", &notes);
		struct buf words = { 0 }, printed = { 0 };
		struct options o;
		struct err e = { 0 };
		const char *name;

		assert_int_equal(notes.all.n, 0);
		if (parse(overrides[i].line, &words, &o, &e) < 0)
			fail_msg("%s: %s", overrides[i].line, e.text);
		assert_int_equal(o.warnings.n, 0);
		assert_null(ops_apply(&o.ops, s->channels[0], &name));
		config_print(s, NULL, &printed);
		assert_has(buf_str(&printed), "Sync", overrides[i].sync);
		assert_has(buf_str(&printed), "Create", overrides[i].create);
		assert_has(buf_str(&printed), "Remove", overrides[i].remove);
		assert_has(buf_str(&printed), "Expunge", overrides[i].expunge);
		options_release(&o);
		buf_release(&words);
		buf_release(&printed);
		settings_free(&s);
		config_notes_release(&notes);
	}
}

/* -D in all its forms: mbsync's letters, areas behind "=" or at once, and with other letters around it. */
static void
debugging(void **unused)
{
	static const struct {
		const char *line;
		unsigned debug;
		int verbose;
	} cases[] = {
		{ "mailtwin -D -a", LOG_NET | LOG_IMAP | LOG_MAILDIR | LOG_PLAN | LOG_STATE | LOG_RUN, 0 },
		{ "mailtwin -Dn -a", LOG_NET, 0 },
		{ "mailtwin -aDnV", LOG_NET, 1 },
		{ "mailtwin -D=net -a", LOG_NET, 0 },
		{ "mailtwin -VD=net,imap -a", LOG_NET | LOG_IMAP, 1 },
		{ "mailtwin -Dnet -a", LOG_NET, 0 },
		{ "mailtwin -Dplan,state -a", LOG_PLAN | LOG_STATE, 0 },
		{ "mailtwin -DC -a", 0, 0 },
		{ "mailtwin --debug=net --debug-maildir -a", LOG_NET | LOG_MAILDIR, 0 },
		{ "mailtwin --debug-crash -a", 0, 0 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf words = { 0 };
		struct options o;
		struct err e = { 0 };

		if (parse(cases[i].line, &words, &o, &e) < 0)
			fail_msg("%s: %s", cases[i].line, e.text);
		assert_int_equal(o.debug, cases[i].debug);
		assert_int_equal(o.verbose, cases[i].verbose);
		assert_true(o.is_all);
		options_release(&o);
		buf_release(&words);
	}
}

static const struct {
	const char *line, *error;
} wrong[] = {
	{ "mailtwin --exunge", "unknown option --exunge; did you mean --expunge?" },
	{ "mailtwin --dryrun", "unknown option --dryrun; did you mean --dry-run?" },
	{ "mailtwin --qqzzww", "unknown option --qqzzww; `mailtwin help` lists all" },
	{ "mailtwin -z", "unknown option -z; `mailtwin help` lists all" },
	{ "mailtwin -aZ", "unknown option -Z; `mailtwin help` lists all" },
	{ "mailtwin -T", "unknown option -T; `mailtwin help` lists all" },
	{ "mailtwin -c", "-c needs an argument: a file" },
	{ "mailtwin --config", "--config needs an argument: a file" },
	{ "mailtwin --transcript", "--transcript needs an argument: a directory" },
	{ "mailtwin --all=yes", "--all takes no argument" },
	{ "mailtwin -D=nte", "--debug knows no \"nte\"; did you mean \"net\"? (only net, imap, maildir, "
	  "plan, state, run)" },
	{ "mailtwin --debug=nte", "--debug knows no \"nte\"; did you mean \"net\"? (only net, imap, maildir, "
	  "plan, state, run)" },
	{ "mailtwin --max-transfer 1g", "--max-transfer takes a size such as 500k or 10m, not \"1g\"" },
	{ "mailtwin --max-transfer=0", "--max-transfer takes a size such as 500k or 10m, not \"0\"" },
	{ "mailtwin -Ln -n", "Sync, as the options have it, says the same operation twice (a type both alone "
	  "and for one direction)" },
	{ "mailtwin -L -Ln", "Sync, as the options have it, says the same operation twice (a direction both "
	  "alone and for one type)" },
	{ "mailtwin -C -Cn", "Create, as the options have it, has Both beside a side" },
	{ "mailtwin -X- -Xn -X", "Expunge, as the options have it, has Both beside a side" },
	{ "mailtwin search --print=paths x", "--print takes path, uid, message-id, subject or json, not \"paths\"" },
	{ "mailtwin search --limit=0 x", "--limit takes a number from 1 on, not \"0\"" },
	{ "mailtwin --offline -a", "--offline belongs to the command search or init" },
	{ "mailtwin --yes -a", "--yes belongs to the command init" },
	{ "mailtwin list --limit 3", "--limit belongs to the command search or log" },
	{ "mailtwin plan -l", "plan and -l (list) are two commands: one at a time" },
};

/* Behind `search` what has a hyphen is a term that must not fit, unless it can be nothing but options. */
static void
negated_terms_are_no_options(void **unused)
{
	static const struct { const char *line, *args; bool ends_in_nul; int quiet; } cases[] = {
		{ "mailtwin search -list:dev a -invoice", "-list:dev a -invoice", false, 0 },
		{ "mailtwin search -q -0 a -qq", "a", true, 3 }, { "mailtwin search -q0V a", "a", true, 1 },
		{ "mailtwin search a -- -q -V", "a -q -V", false, 0 }, { "mailtwin search -j3 -Dnet -c file a -jam", "a -jam", false, 0 },
		{ "mailtwin -q search --limit 3 -is:read", "-is:read", false, 1 },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf words = { 0 }, args = { 0 };
		struct options o;
		struct err e = { 0 };

		assert_int_equal(parse(cases[i].line, &words, &o, &e), 0);
		for (size_t k = 0; k < o.args.n; k++)
			buf_printf(&args, "%s%s", k > 0 ? " " : "", o.args.at[k]);
		assert_string_equal(buf_str(&args), cases[i].args);
		assert_string_equal(o.command, "search");
		assert_true(o.is_dry);
		assert_int_equal(o.ends_in_nul, cases[i].ends_in_nul);
		assert_int_equal(o.quiet, cases[i].quiet);
		options_release(&o);
		buf_release(&words);
		buf_release(&args);
	}
}

static void
wrong_options_are_told(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct buf words = { 0 };
		struct options o;
		struct err e = { 0 };

		assert_int_equal(parse(wrong[i].line, &words, &o, &e), -1);
		assert_string_equal(e.text, wrong[i].error);
		assert_int_equal(e.class, ERR_USAGE);
		options_release(&o);
		buf_release(&words);
	}
}

static const struct {
	const char *line, *command, *arg;	/* arg: the only one, NULL = none */
	bool is_dry;
} lines[] = {
	{ "mailtwin", "sync", NULL, false },
	{ "mailtwin work", "sync", "work", false },
	{ "mailtwin sync work", "sync", "work", false },
	{ "mailtwin plan work", "plan", "work", true },
	{ "mailtwin -c rc plan work", "plan", "work", true },
	{ "mailtwin work -y", "sync", "work", true },
	{ "mailtwin --dry-run work", "sync", "work", true },
	{ "mailtwin -- plan", "sync", "plan", false },
	{ "mailtwin sync plan", "sync", "plan", false },
	{ "mailtwin -- -a", "sync", "-a", false },
	{ "mailtwin list work", "list", "work", false },
	{ "mailtwin -l work", "list", "work", false },
	{ "mailtwin list -l work", "list", "work", false },
	{ "mailtwin -ls store", "list", "store", false },
	{ "mailtwin state dump", "state", "dump", false },
	{ "mailtwin -h", "help", NULL, false },
	{ "mailtwin plan --help", "help", "plan", false },
	{ "mailtwin help plan", "help", "plan", false },
	{ "mailtwin -v", "version", NULL, false },
	{ "mailtwin -vh", "help", NULL, false },
	{ "/usr/bin/mbsync plan", "sync", "plan", false },
	{ "mbsync -l plan", "list", "plan", false },
};

static void
commands_are_found(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct buf words = { 0 };
		struct options o;
		struct err e = { 0 };

		assert_int_equal(parse(lines[i].line, &words, &o, &e), 0);
		assert_string_equal(o.command, lines[i].command);
		assert_int_equal(o.args.n, lines[i].arg != NULL);
		if (lines[i].arg != NULL)
			assert_string_equal(o.args.at[0], lines[i].arg);
		if (strcmp(lines[i].command, "help") != 0)
			assert_int_equal(o.is_dry, lines[i].is_dry);
		assert_int_equal(o.is_mbsync, strstr(lines[i].line, "mbsync") != NULL);
		options_release(&o);
		buf_release(&words);
	}
}

static void
everything_else_is_read(void **unused)
{
	struct buf words = { 0 };
	struct options o;
	struct err e = { 0 };

	(void)unused;
	assert_int_equal(parse("mailtwin -ceVqqa rc --json --transcript=dir --allow-delete A/B --restore=* "
	    "--retry-failed --debug=net,plan --max-transfer 2m -DmM", &words, &o, &e), 0);
	assert_string_equal(o.config, "rc");
	assert_true(o.has_ext_exit && o.is_all && o.is_json && o.retry_failed);
	assert_int_equal(o.verbose, 1);
	assert_int_equal(o.quiet, 2);
	assert_string_equal(o.transcript, "dir");
	assert_string_equal(o.allow_delete.at[0], "A/B");
	assert_string_equal(o.restore.at[0], "*");
	assert_int_equal(o.max_transfer, 2 << 20);
	assert_int_equal(o.debug, LOG_NET | LOG_PLAN | LOG_MAILDIR | LOG_RUN);
	options_release(&o);
	buf_clear(&words);
	assert_int_equal(parse("mailtwin -D", &words, &o, &e), 0);
	assert_int_equal(o.debug, LOG_NET | LOG_IMAP | LOG_MAILDIR | LOG_PLAN | LOG_STATE | LOG_RUN);
	options_release(&o);
	buf_release(&words);
}

static void
old_spellings_warn(void **unused)
{
	static const char *const texts[] = {
		"--create-master is deprecated: use --create-far", "-Xs is deprecated: use -Xn",
		"--renew is deprecated: use --upgrade", "-Ld is deprecated: use -Lg",
		"-N is deprecated: use -u", "--push-delete is deprecated: use --push-gone",
	};
	struct buf words = { 0 };
	struct options o;
	struct err e = { 0 };

	(void)unused;
	assert_int_equal(parse("mailtwin --create-master -Xs --renew", &words, &o, &e), 0);
	assert_int_equal(o.warnings.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(o.warnings.at[i], texts[i]);
	assert_true(o.ops.sides[OPS_CREATE].one[FAR] && o.ops.sides[OPS_EXPUNGE].one[NEAR]);
	options_release(&o);
	buf_clear(&words);
	assert_int_equal(parse("mailtwin -Ld -N --push-delete", &words, &o, &e), 0);
	assert_int_equal(o.warnings.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(o.warnings.at[i], texts[3 + i]);
	options_release(&o);
	buf_release(&words);
}

static const char many[] =
	"MaildirStore a\nPath /a/\n\nMaildirStore b\nPath /b/\n\n"
	"Channel work\nFar :a:\nNear :b:\nPatterns *\n\n"
	"Channel one\nFar :a:x\nNear :b:x\n\n"
	"Channel home\nFar :a:\nNear :b:y/\nPatterns *\n\n"
	"Group all work:X one\n\nGroup home home:Z\n\nGroup stale wrok\n";

/* Arguments, and the channels and boxes they come to, or the error. */
static const struct {
	const char *arg, *targets, *error;
} named[] = {
	{ "work", "work;", NULL },
	{ "work:A", "work:A;", NULL },
	{ "work:A,B/C\nD", "work:A|B/C|D;", NULL },
	{ "work:", "work:INBOX;", NULL },
	{ "work:A,,", "work:A|INBOX|INBOX;", NULL },
	{ "one", "one;", NULL },
	{ "all", "work:X;one;", NULL },
	{ "home", "home:Z;", NULL },
	{ "one:x", NULL, "channel \"one\" has no Patterns: it is one mailbox, so \"x\" names none of it" },
	{ "wrok", NULL, "there is no channel, group or command \"wrok\"; did you mean \"work\"?" },
	{ "plna", NULL, "there is no channel, group or command \"plna\"; did you mean \"plan\"?" },
	{ "wrok:A", NULL, "there is no channel, group or command \"wrok\"; did you mean \"work\"?" },
	{ "stale", NULL, "group \"stale\" names a channel \"wrok\" that does not exist; did you mean \"work\"?" },
	{ "all:X", NULL, "\"all\" is a group: mailboxes can be named of its channels only" },
};

static void
show(const struct targets *t, struct buf *out)
{
	for (size_t i = 0; i < t->all.n; i++) {
		buf_adds(out, t->all.at[i].channel->name);
		for (size_t j = 0; j < t->all.at[i].n_boxes; j++)
			buf_printf(out, "%c%s", j == 0 ? ':' : '|', t->all.at[i].boxes[j]);
		buf_addc(out, ';');
	}
}

static void
arguments_name_channels(void **unused)
{
	struct config_notes notes = { 0 };
	struct settings *s = config_parse("rc", many, strlen(many), "/h", &notes);

	(void)unused;
	assert_int_equal(notes.n_errors, 0);
	for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
		struct targets t = { 0 };
		struct buf shown = { 0 };
		struct err e = { 0 };
		int rc = targets_add(&t, s, named[i].arg, commands, &e);

		assert_int_equal(rc, named[i].error != NULL ? -1 : 0);
		if (rc < 0) {
			assert_string_equal(e.text, named[i].error);
			assert_int_equal(e.class, ERR_USAGE);
		} else {
			show(&t, &shown);
			assert_string_equal(buf_str(&shown), named[i].targets);
		}
		buf_release(&shown);
		targets_release(&t);
	}
	settings_free(&s);
	config_notes_release(&notes);
}

static void
all_means_every_channel(void **unused)
{
	struct config_notes notes = { 0 };
	struct settings *s = config_parse("rc", many, strlen(many), "/h", &notes);
	struct targets t = { 0 };
	struct buf shown = { 0 };

	(void)unused;
	targets_add_all(&t, s);
	show(&t, &shown);
	assert_string_equal(buf_str(&shown), "work;one;home;");
	buf_release(&shown);
	targets_release(&t);
	settings_free(&s);
	config_notes_release(&notes);
}

static void
exit_codes_are_ranked(void **unused)
{
	static const enum err_class rising[] = { ERR_TEMPORARY, ERR_FAILED, ERR_REFUSED, ERR_USAGE };
	static const int codes[] = { 75, 1, 77, 2 };
	struct exit_status s = { 0 };

	(void)unused;
	assert_int_equal(exit_status_code(&s, false, false), 0);
	assert_int_equal(exit_status_code(&s, false, true), 0);
	for (size_t i = 0; i < 4; i++) {
		exit_status_add(&s, rising[i]);
		exit_status_add(&s, ERR_TEMPORARY);
		assert_int_equal(exit_status_code(&s, false, false), codes[i]);
		assert_int_equal(exit_status_code(&s, false, true), 1);
	}
	exit_status_change(&s, NEAR);
	assert_int_equal(exit_status_code(&s, false, false), 2);
	assert_int_equal(exit_status_code(&s, false, true), 65);
	assert_int_equal(exit_status_code(&s, true, true), 65);
	assert_int_equal(exit_status_code(&s, true, false), 1);
	s = (struct exit_status){ 0 };
	exit_status_change(&s, FAR);
	assert_int_equal(exit_status_code(&s, false, true), 32);
	assert_int_equal(exit_status_code(&s, true, false), 0);
	exit_status_change(&s, NEAR);
	assert_int_equal(exit_status_code(&s, false, true), 96);
	s = (struct exit_status){ 0 };
	exit_status_add(&s, ERR_CANCELLED);
	assert_int_equal(exit_status_code(&s, false, false), 75);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_override_channels),
		cmocka_unit_test(debugging),
		cmocka_unit_test(negated_terms_are_no_options),
		cmocka_unit_test(wrong_options_are_told),
		cmocka_unit_test(commands_are_found),
		cmocka_unit_test(everything_else_is_read),
		cmocka_unit_test(old_spellings_warn),
		cmocka_unit_test(arguments_name_channels),
		cmocka_unit_test(all_means_every_channel),
		cmocka_unit_test(exit_codes_are_ranked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
