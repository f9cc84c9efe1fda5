/* The program. What it does is told by sync/README.md, which commands it has by cmd/command.c. */
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "cmd/command.h"
#include "cmd/interrupt.h"
#include "cmd/process.h"
#ifdef MAILTWIN_STEPS
#include "cmd/steps.h"
#endif

int
main(int argc, char **argv)
{
	struct app app;
	int code;

	if (process_begin() < 0)
		return 75;
	/* Memory may hold passwords and mail: it is not left behind in a file. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ .rlim_cur = 0, .rlim_max = 0 });
	/* One heap for all threads: they allocate little at a time, and a heap of their own costs each memory and calls. */
	(void)mallopt(M_ARENA_MAX, 1);
#ifdef MAILTWIN_STEPS
	steps_install();
#endif
	if (app_init(&app, commands, command_names(), argc, argv) == 0)
		command_run(&app);
	code = app_finish(&app);
	interrupt_end();
	return code;
}
