/* The commands: a table, with one file per command (cmd/NAME.c). To add one: its file, its run
 * function below, its row in cmd/command.c. */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "cmd/app.h"

struct command {
	const char *name;
	const char *arguments;		/* as in a synopsis; "" = none */
	const char *summary;		/* one line */
	const char *text;		/* what `help NAME` adds; ends with a newline, or "" */
	void (*more_help)(void);	/* prints what `help NAME` adds behind that; NULL = nothing */
	void (*run)(struct app *app);	/* tells its findings itself (cmd/app.h) */
};

/* The table; ends with a row whose name is NULL. */
extern const struct command commands[];

/* Their names, ending with NULL. */
const char *const *command_names(void);

/* Runs the command of the options. */
void command_run(struct app *app);

void check_run(struct app *app);
void check_config_run(struct app *app);
void enqueue_run(struct app *app);
void explain_run(struct app *app);
void export_run(struct app *app);
void help_run(struct app *app);
void import_run(struct app *app);
void init_run(struct app *app);
void list_run(struct app *app);
void log_run(struct app *app);
void outbox_run(struct app *app);
void search_run(struct app *app);
void search_help(void);
void state_run(struct app *app);
void status_run(struct app *app);
void sync_run(struct app *app);
void verify_run(struct app *app);
void version_run(struct app *app);

#endif
