#include "cmd/command.h"

#include <stddef.h>
#include <string.h>

const struct command commands[] = {
	{ "sync", "[OPTION...] -a | CHANNEL[:BOX,...] | GROUP ...", "synchronise channels (what is done without a command)",
	  "Makes both sides of each channel twins; channels of one account or Maildir one after the other,\n"
	  "others side by side (-j). What a guard holds back is said, with the two options that decide it:\n"
	  "--allow-delete and --restore.\n",
	  sync_run },
	{ "plan", "[OPTION...] -a | CHANNEL[:BOX,...] | GROUP ...", "say what sync would do, and why",
	  "The same as --dry-run. Nothing is written on either side or in the state.\n",
	  sync_run },
	{ "import", "[--check] [OPTION...] -a | CHANNEL[:BOX,...] | GROUP ...", "take over what mbsync knows of channels",
	  "The first run of a channel does so anyway. With --check nothing is written, and it is only said what\n"
	  "would be taken over. mbsync's own files stay as they are.\n",
	  import_run },
	{ "export-mbsync", "[OPTION...] -a | CHANNEL[:BOX,...] | GROUP ...", "give channels back to mbsync",
	  "Writes mbsync's state where mbsync looks for it, and UIDs into the names of a Maildir's files, so that\n"
	  "it goes on without copying anything. Nothing is synchronised; mailtwin's own state stays.\n",
	  export_run },
	{ "list", "[CHANNEL | GROUP ...]", "list the mailboxes of channels",
	  "Without names: of all channels. --list-stores lists mailboxes of stores instead.\n",
	  list_run },
	{ "log", "[CHANNEL | GROUP ...]", "show what was removed, where and why",
	  "Every message and mailbox that was removed, or that another one took the place of, by a\n"
	  "run; the newest last. Without names: of all channels.\n",
	  log_run },
	{ "state", "dump CHANNEL", "write what is known of a channel as text",
	  "Prints all that the last runs have recorded.\n",
	  state_run },
	{ "check-config", "", "show what the configuration comes to",
	  "Prints the file that is read, the ones it hides, and all settings with their defaults filled\n"
	  "in, as a configuration. Passwords are not shown. The exit code is 2 if there are errors.\n",
	  check_config_run },
	{ "help", "[COMMAND | KEYWORD]", "explain the program, a command, or a keyword of the configuration", "", help_run },
	{ "version", "", "tell the version", "", version_run },
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
