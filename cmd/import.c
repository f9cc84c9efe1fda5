/* mailtwin import: what mbsync knows of channels is taken over, and nothing is synchronised. With --check it is only said. */
#include "cmd/command.h"

void
import_run(struct app *app)
{
	struct options *o = &app->options;

	o->is_import = true;
	o->is_dry |= o->is_check;
	/* What it found is what it is asked for. */
	if (o->quiet == 0 && o->verbose == 0)
		o->verbose = 1;
	sync_run(app);
}
