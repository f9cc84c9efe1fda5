#include "cmd/pair_lock.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/hash.h"

static void
add(struct buf *b, const char *s)
{
	buf_adds(b, s != NULL ? s : "");
	buf_addc(b, '\0');
}

static void
add_side(struct buf *b, const struct channel_settings *c, enum side s)
{
	const struct account_settings *a = c->store[s]->account;

	add(b, a->net.tunnel);
	add(b, a->net.host);
	buf_printf(b, "%u", (unsigned)a->net.port);
	add(b, a->user);
	add(b, a->user_cmd.shell);
	add(b, c->store[s]->path);
	add(b, c->box[s]);
}

enum { LOOKS = 100, LOOK_EVERY = 5 };	/* milliseconds; a process that was killed may take a moment to end */

static int
bind_soon(int fd, const struct sockaddr_un *at, socklen_t len)
{
	int rc = bind(fd, (const struct sockaddr *)at, len);

	for (int i = 0; i < LOOKS && rc < 0 && errno == EADDRINUSE; i++) {
		poll(NULL, 0, LOOK_EVERY);
		rc = bind(fd, (const struct sockaddr *)at, len);
	}
	return rc;
}

int
pair_lock_take(const struct channel_settings *c, int *fd_r, struct err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct buf key = { 0 };
	int len;

	*fd_r = -1;
	if (c->store[FAR]->account == NULL || c->store[NEAR]->account == NULL)
		return 0;
	add_side(&key, c, FAR);
	add_side(&key, c, NEAR);
	for (size_t i = 0; i < c->patterns.n; i++)
		add(&key, c->patterns.at[i]);
	/* An abstract name (unix(7)): the byte before it is 0. */
	len = snprintf(at.sun_path + 1, sizeof at.sun_path - 1, "mailtwin/%ld/%016llx%016llx", (long)getuid(),
	    (unsigned long long)hash_add(HASH_BEGIN, key.data, key.len), (unsigned long long)hash_add(1, key.data, key.len));
	buf_release(&key);
	*fd_r = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd_r < 0)
		return 0;
	if (bind_soon(*fd_r, &at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0)
		return 0;
	close(*fd_r);
	*fd_r = -1;
	if (errno != EADDRINUSE)
		return 0;
	return err_class(e, ERR_RUN, ERR_TEMPORARY, ERR_LATER, "channel %s: another mailtwin is at work between these two accounts, with "
	    "another state or configuration; try again later", c->name);
}
