#include "cmd/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

enum { GRACE = 1 };		/* seconds */

static volatile sig_atomic_t signalled;
static int ends[2];

static void
on_signal(int number)
{
	int saved = errno;

	if (signalled != 0) {
		signal(number, SIG_DFL);
		raise(number);		/* is delivered when the handler returns */
	}
	signalled = number;
	alarm(GRACE);
	errno = saved;
}

static void
on_alarm(int number)
{
	int saved = errno;
	ssize_t n;

	(void)number;
	n = write(ends[1], "", 1);
	(void)n;			/* a full pipe is readable already */
	errno = saved;
}

static void
handle(int number, void (*handler)(int))
{
	struct sigaction old, act = { .sa_handler = handler };

	/* No SA_RESTART: whoever waits is to look at the flag. */
	sigemptyset(&act.sa_mask);
	if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(number, &act, NULL);
}

void
interrupt_install(void)
{
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		ends[0] = ends[1] = 0;
	handle(SIGINT, on_signal);
	handle(SIGTERM, on_signal);
	handle(SIGHUP, on_signal);
	signal(SIGALRM, SIG_DFL);
	handle(SIGALRM, on_alarm);
}

const volatile sig_atomic_t *
interrupt_flag(void)
{
	return &signalled;
}

int
interrupt_fd(void)
{
	return ends[0];
}

void
interrupt_end(void)
{
	if (signalled == 0)
		return;
	alarm(0);
	signal(signalled, SIG_DFL);
	raise(signalled);
}
