/* mailtwin version. */
#include <stdio.h>

#include "cmd/command.h"

#define VERSION "0.1"

void
version_run(struct app *app)
{
	(void)app;
	printf("mailtwin %s\n", VERSION);
}
