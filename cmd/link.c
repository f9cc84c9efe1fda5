#include "cmd/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ENDED = 75 };

void
link_init(struct link *l, int fd)
{
	*l = (struct link){ .fd = fd };
	pthread_mutex_init(&l->sending, NULL);
	pthread_mutex_init(&l->asking, NULL);
}

void
link_send(struct link *l, const struct buf *frames)
{
	size_t done = 0;
	ssize_t n;

	pthread_mutex_lock(&l->sending);
	while (done < frames->len) {
		n = send(l->fd, frames->data + done, frames->len - done, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			_exit(ENDED);
		done += n > 0 ? (size_t)n : 0;
	}
	pthread_mutex_unlock(&l->sending);
}

/* The descriptor in a message; -1 = none. */
static int
descriptor_of(struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

void
link_ask(struct link *l, const struct buf *question, struct link_answer *answer_r, int *fd_r)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec piece = { answer_r, sizeof *answer_r };
	struct msghdr m = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t n;
	int fd;

	pthread_mutex_lock(&l->asking);
	if (question != NULL)
		link_send(l, question);
	while ((n = recvmsg(l->fd, &m, MSG_CMSG_CLOEXEC | MSG_WAITALL)) < 0 && errno == EINTR)
		continue;
	if (n != sizeof *answer_r)
		_exit(ENDED);
	fd = descriptor_of(&m);
	if (fd_r != NULL)
		*fd_r = fd;
	else if (fd >= 0)
		close(fd);
	pthread_mutex_unlock(&l->asking);
}

int
link_answer(int socket, const struct link_answer *answer, int fd)
{
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec piece = { (void *)answer, sizeof *answer };
	struct msghdr m = { .msg_iov = &piece, .msg_iovlen = 1 };
	ssize_t n;

	memset(&control, 0, sizeof control);
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
		control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	}
	while ((n = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno == EINTR)
		continue;
	return n == sizeof *answer ? 0 : -1;
}
