/* One call of the program: its options, its configuration, what it says and how it ends. What every
 * command's file works with; with the commands themselves the only place that prints.
 *
 * How it is used (cmd/main.c): app_init(), the command's run(), exit(app_finish()).
 *
 * What must always hold:
 *   1. Findings go to stderr, results to stdout.
 *   2. Whatever is told by app_fail() also counts for the exit code, and is told in spite of -q.
 */
#ifndef CMD_APP_H
#define CMD_APP_H

#include "cmd/config_file.h"
#include "cmd/options.h"
#include "cmd/settings.h"
#include "cmd/exit_status.h"
#include "state/base/err.h"

/* What is said apart from errors and results. */
enum app_voice { APP_WARNING, APP_NOTICE, APP_DEBUG };

struct command;

struct app {
	const struct command *commands;	/* the table (cmd/command.h) */
	const char *const *names;	/* of them, ending with NULL */
	struct options options;
	char *home;
	struct config_file file;	/* after app_configure() */
	struct settings *settings;	/* NULL before app_configure() */
	bool keeps_answers;		/* passwords that were given stay with the accounts: another run follows in this process */
	struct exit_status status;
	int exit_code;			/* of a command that has codes of its own; 0 = as status has it */
};

/* Reads the command line, in which there are these commands. -1: it was wrong and that was told; only app_finish() is left to do. */
int app_init(struct app *app, const struct command *commands, const char *const *names, int argc, char *const *argv);

/* Finds, reads and parses the configuration, unless that was done, and tells its notes. -1: told, nothing to go on with. */
int app_configure(struct app *app);

/* For commands without arguments: -1 if there are some, which is told. */
int app_takes_nothing(struct app *app);
/* Warns of a password in a configuration that others can read. */
void app_check_mode(const struct app *app);
/* As it was typed, for commands that people may type next: "mailtwin" or "mailtwin -c FILE". In the arena. */
const char *app_command(const struct app *app, struct arena *a);

void app_fail(struct app *app, const struct err *e);
/* The same about a channel or a mailbox, which with --json are fields of their own; NULL = neither. */
void app_fail_at(struct app *app, const char *channel, const char *box, const struct err *e);
/* Not with -qq. */
void app_warn(const struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Only for somebody who looks: on a terminal, or with -V or --json; not with -q. */
void app_notice(const struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What was said in another process, as its line came out of app_divert(). Checks the options again. */
void app_say(const struct app *app, enum app_voice voice, const char *text);
/* From now on warnings, notices and debug lines go there, from any thread. `tag`: stands in debug lines, NULL = none; borrowed. */
void app_divert(const char *tag, void (*say)(void *ctx, enum app_voice voice, const char *text), void *ctx);

/* The exit code as it stands. */
int app_code(const struct app *app);

/* What was printed must have arrived: if not, that is told. */
void app_flush(struct app *app);

/* Frees everything and returns the exit code. */
int app_finish(struct app *app);

#endif
