/* mailtwin version. Called as mbsync the first two words are those that scripts look at: the one it stands for. */
#include "cmd/version.h"

#include <stdio.h>

#include "cmd/command.h"

void
version_run(struct app *app)
{
	if (app->options.is_mbsync)
		printf("isync %s (mailtwin %s in its place)\n", ISYNC_VERSION, MAILTWIN_VERSION);
	else
		printf("mailtwin %s\n", MAILTWIN_VERSION);
}
