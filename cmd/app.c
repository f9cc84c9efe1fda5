#include "cmd/app.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/config.h"
#include "cmd/json.h"
#include "cmd/nearest.h"
#include "cmd/terminal.h"
#include "cmd/told.h"
#include "state/base/redact.h"
#include "state/base/log.h"
#include "state/base/shell_word.h"

/* In a worker: who says what is said. Set before threads are started. */
static struct {
	const char *tag;
	void (*say)(void *ctx, enum app_voice voice, const char *text);
	void *ctx;
} divert;

static void
print_debug(enum log_area area, const char *line)
{
	static const struct {
		enum log_area area;
		const char *name;
	} names[] = { { LOG_NET, "net" }, { LOG_IMAP, "imap" }, { LOG_MAILDIR, "maildir" },
		{ LOG_PLAN, "plan" }, { LOG_STATE, "state" }, { LOG_RUN, "run" } };
	struct timespec now;
	struct buf text = { 0 };
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].area != area)
			continue;
		buf_clear(&text);
		buf_printf(&text, "%02d:%02d:%02d.%03d %s%s%s: %s", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(now.tv_nsec / 1000000),
		    divert.tag != NULL ? divert.tag : "", divert.tag != NULL ? " " : "", names[i].name, line);
		if (divert.say != NULL)
			divert.say(divert.ctx, APP_DEBUG, buf_str(&text));
		else
			terminal_line(stderr, TERMINAL_PLAIN, "", buf_str(&text));
	}
	buf_release(&text);
}

/* One event of --json that is no error. */
static void
json_note(const char *level, const char *text)
{
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "note");
	json_text(&line, "level", level);
	json_text(&line, "channel", NULL);
	json_text(&line, "mailbox", NULL);
	json_text(&line, "text", text);
	terminal_json(&line);
}

void
app_fail(struct app *app, const struct err *e)
{
	app_fail_at(app, NULL, NULL, e);
}

void
app_fail_at(struct app *app, const char *channel, const char *box, const struct err *e)
{
	static const char *const classes[] = { [ERR_FAILED] = "failed", [ERR_USAGE] = "usage",
		[ERR_TEMPORARY] = "temporary", [ERR_REFUSED] = "refused", [ERR_CANCELLED] = "stopped" };
	struct buf line = { 0 };

	exit_status_add(&app->status, e->class);
	if (!app->options.is_json) {
		terminal_line(stderr, TERMINAL_ERROR, "mailtwin: ", e->text);
		return;
	}
	json_open(&line);
	json_text(&line, "event", "error");
	json_text(&line, "class", classes[e->class]);
	json_text(&line, "channel", channel);
	json_text(&line, "mailbox", box);
	json_text(&line, "text", e->text);
	terminal_json(&line);
}

enum { REDACTED_MORE = 1024 };		/* what is put in place of a password may be longer */

static char * __attribute__((format(printf, 1, 0)))
format(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	text = mem_realloc(text, strlen(text) + REDACTED_MORE, 1);
	redact(text, strlen(text) + REDACTED_MORE);
	return text;
}

static bool
is_heard(const struct app *app, enum app_voice voice)
{
	if (voice == APP_WARNING)
		return app->options.quiet < 2;
	return voice == APP_DEBUG || (app->options.quiet < 1 &&
	    (app->options.verbose || app->options.is_json || isatty(STDOUT_FILENO)));
}

void
app_say(const struct app *app, enum app_voice voice, const char *text)
{
	static const char *const heads[] = { [APP_WARNING] = "mailtwin: warning: ", [APP_NOTICE] = "mailtwin: ", [APP_DEBUG] = "" };

	if (voice > APP_DEBUG || !is_heard(app, voice))
		return;
	if (divert.say != NULL)
		divert.say(divert.ctx, voice, text);
	else if (app->options.is_json && voice != APP_DEBUG)
		json_note(voice == APP_WARNING ? "warning" : "info", text);
	else
		terminal_line(stderr, voice == APP_WARNING ? TERMINAL_WARNING : TERMINAL_PLAIN, heads[voice], text);
}

void
app_divert(const char *tag, void (*say)(void *ctx, enum app_voice voice, const char *text), void *ctx)
{
	divert.tag = tag;
	divert.say = say;
	divert.ctx = ctx;
}

void
app_warn(const struct app *app, const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (!is_heard(app, APP_WARNING))
		return;
	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	app_say(app, APP_WARNING, text);
	free(text);
}

void
app_notice(const struct app *app, const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (!is_heard(app, APP_NOTICE))
		return;
	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	app_say(app, APP_NOTICE, text);
	free(text);
}

/* Old words mean what they meant: who listens to nothing but errors, or reads a list, need not hear of them, and others once a month. */
static bool
is_deprecated_told(const struct app *app, const char *words)
{
	enum { MONTH = 30 * 24 * 3600 };
	const struct options *o = &app->options;
	bool was_told;
	char *dir;

	if (o->quiet > 0 || *words == '\0' || strcmp(o->command, "list") == 0)
		return false;
	if (strcmp(o->command, "check-config") == 0)
		return true;
	dir = config_state_dir(getenv("XDG_STATE_HOME"), app->home);
	was_told = told_lately(dir, words, MONTH, strcmp(o->command, "sync") == 0 && !o->is_dry);
	free(dir);
	return !was_told;
}

int
app_init(struct app *app, const struct command *commands, const char *const *names, int argc, char *const *argv)
{
	struct err e;

	*app = (struct app){ .commands = commands, .names = names };
	terminal_init();
	app->home = config_home();
	if (app->home[0] != '/') {
		err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "HOME is \"%s\", which is no absolute path: the configuration and the state "
		    "would be looked for wherever the program is started", app->home);
		app_fail(app, &e);
		return -1;
	}
	if (options_parse(argc, argv, names, &app->options, &e) < 0) {
		app_fail(app, &e);
		return -1;
	}
	for (size_t i = 0; i < app->options.warnings.n; i++)
		if (is_deprecated_told(app, app->options.warnings.at[i]))
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

/* Without a configuration there are no channels: a word that is no command may be meant for one. */
static void
name_misspelt(const struct app *app, struct err *e)
{
	struct err no_file = *e;
	struct nearest near;

	if (app->options.args.n == 0 || strcmp(app->options.command, "sync") != 0 || app->options.is_mbsync)
		return;
	nearest_init(&near, app->options.args.at[0]);
	nearest_try_all(&near, app->names);
	if (nearest_word(&near) != NULL)
		err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no command \"%s\"; did you mean \"%s\"? If it is a channel: %s",
		    app->options.args.at[0], nearest_word(&near), no_file.text);
	else
		err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no command \"%s\" (`mailtwin help` lists them). If it is a channel: %s",
		    app->options.args.at[0], no_file.text);
}

int
app_configure(struct app *app)
{
	struct config_notes notes = { 0 };
	struct buf text = { 0 }, deprecated = { 0 };
	struct err e;
	int rc = -1;

	if (app->settings != NULL)
		return 0;
	if (config_file_find(app->options.config, getenv("XDG_CONFIG_HOME"), app->home, &app->file, &e) < 0) {
		name_misspelt(app, &e);
		app_fail(app, &e);
		goto done;
	}
	tell_shadowed(app);
	rc = config_load(app->file.used, app->home, &notes, &app->settings, &e);
	config_notes_print(&notes, app->file.used, CONFIG_DEPRECATED, CONFIG_DEPRECATED, &deprecated);
	config_notes_print(&notes, app->file.used, CONFIG_ERROR, app->options.quiet >= 2 ? CONFIG_ERROR :
	    is_deprecated_told(app, buf_str(&deprecated)) ? CONFIG_DEPRECATED : CONFIG_WARNING, &text);
	fputs(buf_str(&text), stderr);
	if (rc < 0)
		app_fail(app, &e);
done:
	buf_release(&text);
	buf_release(&deprecated);
	config_notes_release(&notes);
	return rc;
}

const char *
app_command(const struct app *app, struct arena *a)
{
	return app->options.config == NULL ? "mailtwin" : arena_printf(a, "mailtwin -c %s", shell_word(a, app->options.config));
}

void
app_check_mode(const struct app *app)
{
	struct stat st;

	if (stat(app->settings->file, &st) < 0 || (st.st_mode & (S_IRGRP | S_IROTH)) == 0)
		return;
	for (size_t i = 0; i < app->settings->n_accounts; i++) {
		if (app->settings->accounts[i]->pass != NULL) {
			app_warn(app, "%s holds a password and can be read by others:  chmod 600 %s", app->settings->file,
			    app->settings->file);
			return;
		}
	}
}

int
app_takes_nothing(struct app *app)
{
	struct err e;

	if (app->options.args.n == 0 && !app->options.is_all)
		return 0;
	err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "%s takes no arguments: \"%s\"", app->options.command,
	    app->options.args.n != 0 ? app->options.args.at[0] : "-a");
	app_fail(app, &e);
	return -1;
}

int
app_code(const struct app *app)
{
	return app->exit_code != 0 ? app->exit_code : exit_status_code(&app->status, app->options.is_mbsync, app->options.has_ext_exit);
}

void
app_flush(struct app *app)
{
	bool had_failed = ferror(stdout);
	struct err e;

	/* A full disk or a closed pipe behind us must not look like success; but what was told is not told again. */
	errno = 0;
	if ((fflush(stdout) == 0 && !had_failed) || (had_failed && app_code(app) != 0))
		return;
	if (errno != 0)
		err_sys(&e, ERR_RUN, errno, "cannot write to standard output");
	else
		err_set(&e, ERR_RUN, "not all could be written to standard output");
	app_fail(app, &e);
}

int
app_finish(struct app *app)
{
	int code;

	app_flush(app);
	code = app_code(app);
	log_install(0, NULL);
	settings_free(&app->settings);
	config_file_release(&app->file);
	options_release(&app->options);
	free(app->home);
	return code;
}
