/* mailtwin import: what mbsync knows of channels is taken over, and nothing is synchronised; with --check it is only said.
 * mailtwin export-mbsync: the way back. */
#include "cmd/command.h"

/* What it found is what it is asked for. */
static void
run(struct app *app, enum channel_purpose purpose)
{
	struct options *o = &app->options;

	o->purpose = purpose;
	if (o->quiet == 0 && o->verbose == 0)
		o->verbose = 1;
	sync_run(app);
}

void
import_run(struct app *app)
{
	app->options.is_dry |= app->options.is_check;
	run(app, CHANNEL_IMPORT);
}

void
export_run(struct app *app)
{
	run(app, CHANNEL_EXPORT);
}
