#include "sync/net/expects_tls.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sync/net/clock.h"
#include "sync/net/dial.h"
#include "sync/net/tls.h"
#include "sync/net/wire.h"

enum { PROBE_MS = 2000 };

/* The first octet of what comes: an alert, or a message of the handshake (RFC 8446, 5.1). */
static bool
begins_record(int fd, int cancel_fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = cancel_fd > 0 ? cancel_fd : -1, .events = POLLIN } };
	unsigned char first = 0;

	return clock_poll(p, 2, clock_now() + PROBE_MS) > 0 && recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && (first == 21 || first == 22);
}

bool
expects_tls(struct net *net)
{
	const struct net_settings *set = net_settings(net);
	struct wire wire = { .fd = -1 };
	struct tls_link *link = NULL;
	bool speaks = false;
	struct tls *tls;
	struct err e;

	if ((tls = net_tls(net, &e)) == NULL || (wire.fd = dial(set, net_label(net), &e)) < 0)
		return false;
	link = tls_link_new(tls, &wire, &e);
	switch (link != NULL ? tls_handshake(link, &e) : TLS_FAILED) {
	case TLS_DONE:
		speaks = true;
		break;
	case TLS_FAILED:		/* where its certificate is refused it has one */
		speaks = link != NULL && e.class == ERR_REFUSED;
		break;
	case TLS_WANT_READ:		/* the answer has begun to come, or is yet to come */
		speaks = wire.down > 0 || begins_record(wire.fd, set->cancel_fd);
		break;
	default:
		break;
	}
	tls_link_free(&link);
	close(wire.fd);
	return speaks;
}
