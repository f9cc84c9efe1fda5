#include "cmd/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

enum { GRACE = 1 };		/* seconds */

static atomic_int signalled;
static int ends[2];			/* readable a moment after a signal */
static int asked[2] = { -1, -1 };	/* and at once */

static void
on_signal(int number)
{
	int saved = errno;
	ssize_t n;

	if (signalled != 0) {
		signal(number, SIG_DFL);
		raise(number);		/* is delivered when the handler returns */
	}
	signalled = number;
	n = write(asked[1], "", 1);
	(void)n;
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
	if (pipe2(asked, O_CLOEXEC | O_NONBLOCK) < 0)
		asked[0] = asked[1] = -1;
	handle(SIGINT, on_signal);
	handle(SIGTERM, on_signal);
	handle(SIGHUP, on_signal);
	signal(SIGALRM, SIG_DFL);
	handle(SIGALRM, on_alarm);
}

const atomic_int *
interrupt_flag(void)
{
	return &signalled;
}

int
interrupt_fd(void)
{
	return ends[0];
}

int
interrupt_asked_fd(void)
{
	return asked[0];
}

void
interrupt_hold(sigset_t *was)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, was);
}

void
interrupt_release(const sigset_t *was)
{
	sigprocmask(SIG_SETMASK, was, NULL);
}

void
interrupt_in_worker(const sigset_t *was)
{
	/* The parent's pipe would wake others, too. */
	if (ends[1] > 0) {
		close(ends[0]);
		close(ends[1]);
	}
	if (asked[1] >= 0) {
		close(asked[0]);
		close(asked[1]);
	}
	asked[0] = asked[1] = -1;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		ends[0] = ends[1] = 0;
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	handle(SIGTERM, on_signal);
	interrupt_release(was);
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
