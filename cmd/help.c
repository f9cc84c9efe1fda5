/* mailtwin help: the program on one page, or one command. */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/manual.h"
#include "cmd/nearest.h"

static const char options_text[] =
	"Options for channels (what the configuration says is set aside):\n"
	"  -a, --all             all channels\n"
	"  -L, --pull            only from far to near; with types behind it (-Lnf, --pull-new) only these\n"
	"  -H, --push            only from near to far\n"
	"  -n --new, -o --old, -u --upgrade, -g --gone, -f --flags\n"
	"                        only these types of changes\n"
	"  -F, --full            both directions\n"
	"  -0, --noop            propagate nothing\n"
	"  -C, --create          make missing mailboxes on both sides; -Cf -Cn on one, -C- on none\n"
	"                        (--create-far, --create-near, --no-create; the next three likewise)\n"
	"  -R, --remove          remove mailboxes that were removed on the other side\n"
	"  -X, --expunge         take away messages that are marked as deleted\n"
	"  -x, --expunge-solo    ... only those that have no twin\n"
	"  -y, --dry-run         only say what would be done\n"
	"      --allow-delete BOX  carry out the deletions a guard holds back; \"*\" for all mailboxes\n"
	"      --restore BOX     undo them: bring the messages back from the other side\n"
	"      --retry-failed    try again what was refused for good earlier\n"
	"      --rename-utf7     give directories that older programs named in modified UTF-7 their names\n"
	"      --adopt           do not read what mbsync knows of a channel; pair what is equal\n"
	"  -j, --jobs N          so many accounts at once (4)\n"
	"      --print WHAT, --limit N, -0, --offline, --fuzzy  of the command search: `mailtwin help search`\n"
	"      --bodies, --since DATE  of the command verify: `mailtwin help verify`\n"
	"      --since DATE, --mailbox BOX, --limit N  of the command log\n"
	"      --max-transfer SIZE  stop, settled, after so many bytes of messages (exit code 75)\n"
	"\n"
	"Options for everything:\n"
	"  -c, --config FILE     read this configuration\n"
	"  -l, --list            list the mailboxes of the channels; -ls, --list-stores: of stores\n"
	"  -V, --verbose         name what is done to which message; -VV to all;  -q, --quiet  say less;  -qq  no warnings\n"
	"      --nag TIME        -q: what may pass by itself is said once it has lasted so long (24h)\n"
	"      --json            tell events as lines of JSON\n"
	"      --transcript DIR  write what is said to servers into files there, without secrets\n"
	"  -D, --debug[=AREA,...]  net, imap, maildir, plan, state, run\n"
	"  -e, --ext-exit        exit codes of mbsync: 0 or 1, plus 32 if far changed, plus 64 if near did\n"
	"  -h, --help            this;  -v, --version\n"
	"\n"
	"The summary counts, of each side: + messages added, * with changed flags, # marked as deleted, - removed,\n"
	"> moved and = copied within it.\n"
	"\n"
	"Exit codes: 0 done, 1 something failed, 2 command line or configuration, 75 try again later,\n"
	"77 credentials or certificate refused.\n";

static void
help_all(const struct app *app)
{
	puts("usage: mailtwin [COMMAND] [OPTION...] [-a | CHANNEL[:BOX,...] | GROUP ...]\n\n"
	     "Keeps mailboxes twins: IMAP servers and Maildirs, in the language of mbsync.\n\nCommands:");
	for (const struct command *c = app->commands; c->name != NULL; c++)
		printf("  %-14s%s\n", c->name, c->summary);
	putchar('\n');
	fputs(options_text, stdout);
}

/* What the manual says of a keyword of the configuration. False: it is none. */
static bool
help_keyword(const char *name)
{
	struct buf text = { 0 };
	bool is_one;

	manual_plain(name, &text);
	fputs(buf_str(&text), stdout);
	is_one = text.len != 0;
	buf_release(&text);
	return is_one;
}

void
help_run(struct app *app)
{
	const struct command *c = app->commands;
	struct nearest near;
	struct err e;

	if (app->options.args.n == 0 || app->options.is_mbsync) {
		help_all(app);
		return;
	}
	while (c->name != NULL && strcmp(c->name, app->options.args.at[0]) != 0)
		c++;
	if (c->name == NULL && help_keyword(app->options.args.at[0]))
		return;
	if (c->name == NULL) {
		nearest_init(&near, app->options.args.at[0]);
		nearest_try_all(&near, app->names);
		for (const struct keyword *k = keywords; k->name != NULL; k++)
			if (!(k->flags & KEYWORD_ALIAS))
				nearest_try(&near, k->name);
		err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no command and no keyword \"%s\"%s%s%s",
		    app->options.args.at[0], nearest_word(&near) != NULL ? "; did you mean \"" : "",
		    nearest_word(&near) != NULL ? nearest_word(&near) : "",
		    nearest_word(&near) != NULL ? "\"?" : "");
		app_fail(app, &e);
		return;
	}
	printf("usage: mailtwin %s%s%s\n\n%s.\n", c->name, c->arguments[0] != '\0' ? " " : "", c->arguments,
	    c->summary);
	if (c->text[0] != '\0')
		printf("\n%s", c->text);
	if (c->more_help != NULL)
		c->more_help();
}
