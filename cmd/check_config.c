/* mailtwin check-config: which file is read, and what it comes to. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/command.h"
#include "cmd/confine.h"
#include "cmd/config_file.h"
#include "cmd/config_print.h"
#include "cmd/outboxes.h"
#include "cmd/overlap.h"
#include "state/base/buf.h"

static void
check_overlaps(struct app *app)
{
	const struct settings *s = app->settings;
	struct err e;
	int got;

	for (size_t i = 0; i < s->n_channels; i++)
		for (size_t k = i + 1; k < s->n_channels; k++)
			if ((got = overlap_check(s->channels[i], s->channels[k], &e)) < 0)
				app_fail(app, &e);
			else if (got > 0)
				app_warn(app, "%s", e.text);
}

void
check_config_run(struct app *app)
{
	struct buf text = { 0 };
	char *state_dir, *sandbox;
	struct err e;

	if (app_takes_nothing(app) < 0 || app_configure(app) < 0)
		return;
	printf("# %s\n", app->settings->file);
	for (size_t i = 0; i < app->file.n_shadowed; i++)
		printf("# not read: %s\n", app->file.shadowed[i]);
	sandbox = confine_words();
	printf("# what keeps the process of an account to its files and calls: %s\n", sandbox);
	free(sandbox);
	app_check_mode(app);
	check_overlaps(app);
	if (outboxes_check(app->settings, &e) < 0)
		app_fail(app, &e);
	state_dir = config_state_dir(getenv("XDG_STATE_HOME"), app->home);
	config_print(app->settings, state_dir, &text);
	fputs(buf_str(&text), stdout);
	buf_release(&text);
	free(state_dir);
}
