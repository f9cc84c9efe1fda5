/* mailtwin version. */
#include "cmd/version.h"

#include <stdio.h>

#include "cmd/command.h"

void
version_run(struct app *app)
{
	(void)app;
	printf("mailtwin %s\n", MAILTWIN_VERSION);
}
