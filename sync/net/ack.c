#include "sync/net/ack.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

void
ack_now(int fd)
{
#ifdef TCP_QUICKACK
	const int on = 1;

	/* Not a TCP socket, or gone: then nothing waits for it. The system leaves this mode by itself. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
#else
	(void)fd;
#endif
}
