#include "cmd/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static mode_t given = 022;

int
process_begin(void)
{
	int fd;

	/* open() takes the lowest number that is free. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	close(fd);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	given = umask(077);
	return 0;
}

mode_t
process_umask(void)
{
	return given;
}
