#include "cmd/app.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/config.h"
#include "state/base/log.h"

static void
print_debug(enum log_area area, const char *line)
{
	static const struct {
		enum log_area area;
		const char *name;
	} names[] = { { LOG_NET, "net" }, { LOG_IMAP, "imap" }, { LOG_MAILDIR, "maildir" },
		{ LOG_PLAN, "plan" }, { LOG_STATE, "state" }, { LOG_RUN, "run" } };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].area == area)
			fprintf(stderr, "%s: %s\n", names[i].name, line);
}

static void __attribute__((format(printf, 2, 0)))
say(const char *kind, const char *fmt, va_list ap)
{
	flockfile(stderr);
	fprintf(stderr, "mailtwin: %s", kind);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void
app_fail(struct app *app, const struct err *e)
{
	fprintf(stderr, "mailtwin: %s\n", e->text);
	status_add(&app->status, e->class);
}

void
app_warn(const struct app *app, const char *fmt, ...)
{
	va_list ap;

	if (app->options.quiet >= 2)
		return;
	va_start(ap, fmt);
	say("warning: ", fmt, ap);
	va_end(ap);
}

void
app_notice(const struct app *app, const char *fmt, ...)
{
	va_list ap;

	if (app->options.quiet >= 1)
		return;
	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
}

int
app_init(struct app *app, int argc, char *const *argv)
{
	struct err e;

	memset(app, 0, sizeof *app);
	app->home = config_home();
	if (options_parse(argc, argv, command_names(), &app->options, &e) < 0) {
		app_fail(app, &e);
		return -1;
	}
	for (size_t i = 0; i < app->options.warnings.n; i++)
		app_warn(app, "%s", app->options.warnings.at[i]);
	if (app->options.debug != 0)
		log_install(app->options.debug, print_debug);
	return 0;
}

/* mbsync says when it finds both of its own files; a file of mailtwin's own beside them is meant so. */
static void
tell_shadowed(const struct app *app)
{
	const size_t len = strlen(app->file.used), tail = strlen("/isyncrc");

	if (app->options.config == NULL && app->file.n_shadowed != 0 && len > tail &&
	    strcmp(app->file.used + len - tail, "/isyncrc") == 0)
		app_warn(app, "both %s and %s exist: the second is not read", app->file.used,
		    app->file.shadowed[0]);
}

int
app_configure(struct app *app)
{
	struct config_notes notes = { 0 };
	struct buf text = { 0 };
	struct err e;
	int rc = -1;

	if (config_file_find(app->options.config, getenv("XDG_CONFIG_HOME"), app->home, &app->file, &e) < 0) {
		app_fail(app, &e);
		goto done;
	}
	tell_shadowed(app);
	rc = config_load(app->file.used, app->home, &notes, &app->settings, &e);
	if (rc < 0 || app->options.quiet < 2) {
		config_notes_print(&notes, app->file.used, &text);
		fputs(buf_str(&text), stderr);
	}
	if (rc < 0)
		app_fail(app, &e);
done:
	buf_release(&text);
	config_notes_release(&notes);
	return rc;
}

int
app_finish(struct app *app)
{
	const bool is_mbsync = app->options.is_mbsync || app->options.has_ext_exit;
	struct err e;

	/* A full disk or a closed pipe behind us must not look like success. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		err_sys(&e, ERR_RUN, errno, "cannot write to standard output");
		app_fail(app, &e);
	}
	log_install(0, NULL);
	settings_free(&app->settings);
	config_file_release(&app->file);
	options_release(&app->options);
	free(app->home);
	return status_code(&app->status, is_mbsync);
}
