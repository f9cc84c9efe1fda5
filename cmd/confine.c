#include "cmd/confine.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

void
confine_to_parent(pid_t parent)
{
#ifdef PR_SET_PDEATHSIG
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#endif
	/* It may have ended before. */
	if (getppid() != parent)
		_exit(75);
}
