#include "cmd/command.h"

#include <stddef.h>
#include <string.h>

const struct command commands[] = {
	{ "init", "[--yes] [--offline] ADDRESS", "make a configuration from an address",
	  "Finds out which servers the address has: from a list of providers; else from its domain (PACC, autoconfig),\n"
	  "Thunderbird's database of providers and the DNS; else you are asked. Shows the configuration, writes it if you\n"
	  "agree, and goes on with check and plan. No file is overwritten: to one that is there the account is appended,\n"
	  "and one of mbsync's stays as it is. Without a terminal it is printed, and written with --yes alone.\n"
	  "--offline: no network is asked for servers.\n",
	  NULL, init_run },
	{ "sync", "[OPTION...] -a | CHANNEL[:BOX,...] | GROUP ...", "synchronise channels (what is done without a command)",
	  "Makes both sides of each channel twins; channels of one account or Maildir one after the other,\n"
	  "others side by side (-j). What a guard holds back is said, with the two options that decide it:\n"
	  "--allow-delete and --restore.\n",
	  NULL, sync_run },
	{ "plan", "[OPTION...] -a | CHANNEL[:BOX,...] | GROUP ...", "say what sync would do, and why",
	  "The same as --dry-run. Nothing is written on either side or in the state. Of each mailbox it says what\n"
	  "would be done on which side, and why. Letters are flags, +S set and -F taken away, by the names of a\n"
	  "Maildir: D draft, F flagged, P passed on, R replied to, S seen, T trashed (marked as deleted).\n",
	  NULL, sync_run },
	{ "import", "[--check] [OPTION...] -a | CHANNEL[:BOX,...] | GROUP ...", "take over what mbsync knows of channels",
	  "The first run of a channel does so anyway. With --check nothing is written, and it is only said what\n"
	  "would be taken over. mbsync's own files stay as they are.\n",
	  NULL, import_run },
	{ "export-mbsync", "[OPTION...] -a | CHANNEL[:BOX,...] | GROUP ...", "give channels back to mbsync",
	  "Writes mbsync's state where mbsync looks for it, and UIDs into the names of a Maildir's files, so that\n"
	  "it goes on without copying anything. Nothing is synchronised; mailtwin's own state stays.\n",
	  NULL, export_run },
	{ "list", "[CHANNEL | GROUP ...]", "list the mailboxes of channels",
	  "Without names: of all channels. --list-stores lists mailboxes of stores instead.\n",
	  NULL, list_run },
	{ "search", "[OPTION...] [CHANNEL[:BOX,...] | GROUP ...] QUERY", "find messages on the server, and their files",
	  "Prints the paths of the files, the newest message first; what is not on the disk is named on stderr, with\n"
	  "the command that fetches it. Nothing is written, and nothing becomes read. Without names: in all channels.\n"
	  "  --print WHAT   path (usual), uid (CHANNEL:BOX:UID), message-id, subject or json\n"
	  "  -0             each ends with NUL, for xargs -0\n"
	  "  --limit N      the newest N\n"
	  "  --offline      search headers on the disk, and ask no server\n"
	  "  --fuzzy        texts need not be found to the letter, where the server can (SEARCH=FUZZY)\n"
	  "Exit codes: 0 found, 1 nothing found or something failed, which is told; others as always.\n"
	  "Words of a query, of which each must fit; -WORD and not are what must not, `or` parts two, ( ) group;\n"
	  "what has blanks is written word:\"in quotation marks\":\n",
	  search_help, search_run },
	{ "verify", "[--bodies] [--since DATE] -a | CHANNEL[:BOX,...] | GROUP ...", "compare both sides afresh",
	  "Lists both sides, whatever the last runs knew of them, and names each difference; nothing is changed. The\n"
	  "exit code is 1 if there is one. --bodies reads all messages and compares their text as well; --since\n"
	  "leaves out what is older (2025-01-31, 2025-01, today, 7d).\n",
	  NULL, verify_run },
	{ "check", "[CHANNEL | GROUP ...]", "look whether everything is as it should be, and say what is not",
	  "Of each account: its addresses, TLS and certificate, the login, what the server can do and what its mailboxes\n"
	  "are for, its room. Of each Maildir and state: whether it is there and may be written, its disk, the clock. Of\n"
	  "the configuration: what is likely not meant so. And what else synchronises, in crontab or timers. Each finding\n"
	  "is a line: ok, warning or error, and what to do. Nothing is changed anywhere. With -q no line says ok.\n"
	  "Exit codes: 0 no error, 1 something is wrong, 75 a server is not to be had, 77 it refuses the login.\n",
	  NULL, check_run },
	{ "explain", "FILE | MESSAGE-ID | [CHANNEL:]BOX:UID", "say where a message is on both sides, and why",
	  "Its twin, what the last runs saw of it, what the next one does with it or why it is not synchronised, and\n"
	  "what the log has of it. Read from the state and the disk: no server is asked, and nothing is changed.\n",
	  NULL, explain_run },
	{ "status", "[-V] [CHANNEL | GROUP ...]", "say how all stands, and what needs a person",
	  "When each channel last succeeded and failed, and why; what waits, is held back, refused or left out, with the\n"
	  "messages, and the commands that decide it; what is in outboxes. Read from the states alone: no server is asked,\n"
	  "and nothing is changed. The exit code is 1 if something needs a person. -V names all messages.\n",
	  NULL, status_run },
	{ "log", "[--since DATE] [--mailbox BOX] [--limit N] [CHANNEL | GROUP ...]", "show what was removed, where and why",
	  "Every message and mailbox that was removed, or that another one took the place of, by a\n"
	  "run; the newest last. Without names: of all channels. --limit: the last N of each.\n",
	  NULL, log_run },
	{ "outbox", "[list] | retry ID ... | drop ID ...", "show what waits to be sent, and decide about it",
	  "Every message that is not sent yet, with its id, and why. retry: it is sent at the next run, to all who do not\n"
	  "have it for certain. drop: it is not; what nobody has is removed, what some may have is filed in Sent.\n",
	  NULL, outbox_run },
	{ "enqueue", "[-t] [-i] [-f ADDRESS] [--account NAME] [SENDMAIL-OPTION...] [--] [ADDRESS...]",
	  "put a message into an outbox, as sendmail takes it",
	  "The message is on standard input; the next run sends it. Options and exit codes are sendmail's; a link to\n"
	  "mailtwin that is called sendmail does the same. --account: an SMTPAccount, where there are several and the\n"
	  "sender does not say by which.\n",
	  NULL, enqueue_run },
	{ "state", "dump CHANNEL | forget CHANNEL", "write what is known of a channel as text, or forget it",
	  "dump prints all that the last runs have recorded. forget sets it aside: the next run pairs equal messages anew,\n"
	  "and what was deleted on one side only comes back from the other. Nothing is deleted or copied twice for that.\n",
	  NULL, state_run },
	{ "check-config", "", "show what the configuration comes to",
	  "Prints the file that is read, the ones it hides, and all settings with their defaults filled\n"
	  "in, as a configuration. Passwords are not shown. The exit code is 2 if there are errors.\n",
	  NULL, check_config_run },
	{ "help", "[COMMAND | KEYWORD]", "explain the program, a command, or a keyword of the configuration", "", NULL, help_run },
	{ "version", "", "tell the version", "", NULL, version_run },
	{ .name = NULL },
};

enum { COMMANDS = sizeof commands / sizeof *commands };

const char *const *
command_names(void)
{
	static const char *names[COMMANDS];

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	return names;
}

static const struct command *
command_find(const char *name)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

void
command_run(struct app *app)
{
	const struct command *c = command_find(app->options.command);
	struct err e;

	if (c != NULL) {
		c->run(app);
		return;
	}
	err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "%s is not available yet", app->options.command);
	app_fail(app, &e);
}
