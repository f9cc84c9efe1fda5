/* A slow, thin or broken line to a server, for tests and benchmarks on loopback.
 *
 *   delay [options] HOST PORT
 *     -r MS        round trip added: half each way, and one whole round trip for the dial
 *     -b BYTES     bytes per second, each direction (default: no limit)
 *     -c DIR:N     cut the connection that carries byte N of DIR (`up` = to the server, `down`), before
 *                  that byte is passed on; once
 *     -l WORD      lose an answer: the first command WORD (or `UID MOVE` ...) reaches the server, its
 *                  tagged and untagged answers do not come back, then the connection is cut; once.
 *                  Plain connections only.
 *     -x           after a cut or a lost answer, accept nothing more
 *     -p PORT      listen there (default: a free port)
 *
 * Prints the port it listens on, on 127.0.0.1, as its first line. Then obeys lines on stdin: `stats`
 * prints the counters as a line of JSON, `reset` sets them to zero. End of stdin or SIGTERM prints the
 * counters and ends the program.
 *
 * A turn of the talk is a send of the client after something from the server reached it: what a round
 * trip costs. `max_turns` is the largest number any one connection took.
 *
 * 1. Bytes leave in the order they came, none is changed.
 * 2. A chunk is written no earlier than its due time; what is queued per direction is bounded.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum way { UP, DOWN };

enum {
	CHUNK = 16 << 10,
	QUEUED_MAX = 64 << 20,	/* bytes in flight per direction */
	LINE_MAX_ = 512,
};

struct chunk {
	struct chunk *next;
	int64_t due;		/* nanoseconds, monotonic */
	size_t len, done;
	char data[];
};

struct queue {
	struct chunk *first, **last;
	size_t bytes;
	int64_t free_at;	/* when the line has carried all it was given */
	bool is_ended;		/* the sender has closed */
	bool is_shut;		/* and that was passed on */
};

struct link {
	struct link *next;
	int fd[2];		/* [UP] the server's socket, [DOWN] the client's: where each way leads */
	struct queue queue[2];
	int64_t open_at;	/* when a real dial would be through */
	unsigned long turns;
	bool has_heard;		/* the server's bytes reached the client since its last send */
	bool is_losing;		/* answers are dropped until the tagged one */
	char tag[64];
	char line[2][LINE_MAX_];	/* the line under way, its beginning */
	size_t line_len[2];
};

static int64_t rtt, rate;
static enum way cut_way;
static uint64_t cut_at;		/* 0 = never */
static const char *lose;
static bool is_last;		/* -x */
static bool is_closed;

static struct link *links;
static uint64_t bytes[2], total[2];	/* since reset; since start */
static unsigned long connections, turns, max_turns;

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
die(const char *what)
{
	fprintf(stderr, "delay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
print_stats(void)
{
	printf("{\"connections\": %lu, \"up\": %llu, \"down\": %llu, \"turns\": %lu, \"max_turns\": %lu}\n",
	    connections, (unsigned long long)bytes[UP], (unsigned long long)bytes[DOWN], turns, max_turns);
	fflush(stdout);
}

static void
link_close(struct link *l)
{
	struct link **at = &links;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	for (int way = UP; way <= DOWN; way++) {
		struct chunk *c;

		close(l->fd[way]);
		while ((c = l->queue[way].first) != NULL) {
			l->queue[way].first = c->next;
			free(c);
		}
	}
	free(l);
}

static void
accept_client(int listener, const struct addrinfo *server)
{
	int one = 1, client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int fd;
	struct link *l;

	if (client < 0)
		return;
	fd = socket(server->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, server->ai_addr, server->ai_addrlen) != 0) {
		if (fd >= 0)
			close(fd);
		close(client);
		return;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		die("memory");
	l->fd[UP] = fd;
	l->fd[DOWN] = client;
	l->queue[UP].last = &l->queue[UP].first;
	l->queue[DOWN].last = &l->queue[DOWN].first;
	l->open_at = now() + rtt;
	l->has_heard = true;
	l->next = links;
	links = l;
	connections++;
}

static void
enqueue(struct link *l, enum way way, const char *data, size_t len)
{
	struct queue *q = &l->queue[way];
	struct chunk *c;
	int64_t sent = now();

	if (len == 0)
		return;
	/* The server hears of the dial half a round trip after the client thinks it is through. */
	if (sent < l->open_at + (way == DOWN ? rtt / 2 : 0))
		sent = l->open_at + (way == DOWN ? rtt / 2 : 0);
	if (rate > 0) {
		if (sent < q->free_at)
			sent = q->free_at;
		sent += (int64_t)((double)len * 1e9 / (double)rate);
		q->free_at = sent;
	}
	c = malloc(sizeof(*c) + len);
	if (c == NULL)
		die("memory");
	c->next = NULL;
	c->due = sent + rtt / 2;
	c->len = len;
	c->done = 0;
	memcpy(c->data, data, len);
	*q->last = c;
	q->last = &c->next;
	q->bytes += len;
}

/* Collects the beginning of each line of a direction; true when `byte` ends one. */
static bool
line_add(struct link *l, enum way way, char byte)
{
	if (byte != '\n') {
		if (l->line_len[way] < LINE_MAX_ - 1)
			l->line[way][l->line_len[way]++] = byte;
		return false;
	}
	l->line[way][l->line_len[way]] = '\0';
	l->line_len[way] = 0;
	return true;
}

/* Does a command line begin with a tag and the word whose answer is to be lost? */
static void
look_for_command(struct link *l)
{
	const char *space;

	for (space = l->line[UP]; *space != '\0' && *space != ' '; space++)
		continue;
	if (*space == '\0' || space == l->line[UP] || (size_t)(space - l->line[UP]) >= sizeof(l->tag))
		return;
	if (strncasecmp(space + 1, lose, strlen(lose)) != 0)
		return;
	memcpy(l->tag, l->line[UP], (size_t)(space - l->line[UP]));
	l->tag[space - l->line[UP]] = '\0';
	l->is_losing = true;
	lose = NULL;
	is_closed = is_last;
}

/* Passes only continuations of the server; returns true once the tagged answer was swallowed. */
static bool
lose_answer(struct link *l, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *line = l->line[DOWN];
		size_t n;

		if (!line_add(l, DOWN, data[i]))
			continue;
		n = strlen(line);
		if (line[0] == '+') {
			enqueue(l, DOWN, line, n);
			enqueue(l, DOWN, "\n", 1);
		} else if (strncmp(line, l->tag, strlen(l->tag)) == 0 && line[strlen(l->tag)] == ' ') {
			return true;
		}
	}
	return false;
}

/* Takes in what came for `way`. Returns false when the link was closed. */
static bool
take(struct link *l, enum way way)
{
	char data[CHUNK];
	ssize_t n = read(l->fd[way == UP ? DOWN : UP], data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		l->queue[way].is_ended = true;
		return true;
	}
	if (cut_at != 0 && way == cut_way && total[way] + (uint64_t)n >= cut_at) {
		n = (ssize_t)(cut_at - 1 - total[way]);
		cut_at = 0;
		is_closed = is_last;
		total[way] += (uint64_t)n;
		bytes[way] += (uint64_t)n;
		if (n > 0 && write(l->fd[way], data, (size_t)n) < 0 && errno == EPIPE)
			errno = 0;
		link_close(l);
		return false;
	}
	total[way] += (uint64_t)n;
	bytes[way] += (uint64_t)n;
	if (way == UP) {
		if (l->has_heard) {
			l->has_heard = false;
			turns++;
			if (++l->turns > max_turns)
				max_turns = l->turns;
		}
		for (ssize_t i = 0; lose != NULL && i < n; i++)
			if (line_add(l, UP, data[i]))
				look_for_command(l);
	} else if (l->is_losing) {
		if (lose_answer(l, data, (size_t)n)) {
			link_close(l);
			return false;
		}
		return true;
	}
	enqueue(l, way, data, (size_t)n);
	return true;
}

/* Writes what is due. Returns false when the link was closed. */
static bool
give(struct link *l, enum way way)
{
	struct queue *q = &l->queue[way];
	int64_t t = now();

	while (q->first != NULL && q->first->due <= t) {
		struct chunk *c = q->first;
		ssize_t n = send(l->fd[way], c->data + c->done, c->len - c->done, MSG_NOSIGNAL);

		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return true;
			link_close(l);
			return false;
		}
		if (way == DOWN)
			l->has_heard = true;
		c->done += (size_t)n;
		if (c->done < c->len)
			return true;
		q->bytes -= c->len;
		q->first = c->next;
		if (q->first == NULL)
			q->last = &q->first;
		free(c);
	}
	if (q->first == NULL && q->is_ended && !q->is_shut) {
		q->is_shut = true;
		shutdown(l->fd[way], SHUT_WR);
		if (way == DOWN || l->queue[DOWN].is_shut) {
			link_close(l);
			return false;
		}
	}
	return true;
}

/* What poll should wait for on the socket `way` leads to; *wait_r falls to when the next bytes are due. */
static struct pollfd
poll_for(const struct link *l, enum way way, int64_t *wait_r)
{
	enum way back = way == UP ? DOWN : UP;
	const struct queue *out = &l->queue[way], *in = &l->queue[back];
	short events = 0;

	if (!in->is_ended && in->bytes < QUEUED_MAX)
		events |= POLLIN;
	if (out->first != NULL) {
		int64_t left = out->first->due - now();

		if (left <= 0)
			events |= POLLOUT;
		else if (*wait_r < 0 || left < *wait_r)
			*wait_r = left;
	}
	/* A socket that only hung up would wake poll for ever. */
	return (struct pollfd){ .fd = events != 0 ? l->fd[way] : -1, .events = events };
}

static void
serve(int listener, const struct addrinfo *server, int signals)
{
	struct pollfd *fds = NULL;
	char command[64];
	size_t room = 0;

	for (;;) {
		size_t n = 3, at = 3;
		int64_t wait = -1;
		struct timespec ts;
		struct link *l, *next;

		for (l = links; l != NULL; l = l->next)
			n += 2;
		if (n > room) {
			room = n * 2;
			fds = realloc(fds, room * sizeof(*fds));
			if (fds == NULL)
				die("memory");
		}
		fds[0] = (struct pollfd){ .fd = is_closed ? -1 : listener, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = signals, .events = POLLIN };
		fds[2] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
		for (l = links; l != NULL; l = l->next)
			for (int way = UP; way <= DOWN; way++)
				fds[at++] = poll_for(l, (enum way)way, &wait);
		ts.tv_sec = wait / 1000000000;
		ts.tv_nsec = wait % 1000000000;
		if (ppoll(fds, n, wait < 0 ? NULL : &ts, NULL) < 0 && errno != EINTR)
			die("poll");
		if (fds[1].revents != 0)
			break;
		if (fds[2].revents != 0) {
			if (fgets(command, sizeof(command), stdin) == NULL)
				break;
			if (strcmp(command, "stats\n") == 0)
				print_stats();
			else if (strcmp(command, "reset\n") == 0)
				bytes[UP] = bytes[DOWN] = connections = turns = max_turns = 0;
		}
		for (at = 3, l = links; l != NULL; l = next, at += 2) {
			next = l->next;
			if ((fds[at + UP].events & POLLIN) && fds[at + UP].revents != 0 && !take(l, DOWN))
				continue;
			if ((fds[at + DOWN].events & POLLIN) && fds[at + DOWN].revents != 0 && !take(l, UP))
				continue;
			if (give(l, UP))
				give(l, DOWN);
		}
		if (is_closed && listener >= 0) {
			close(listener);
			listener = -1;
		}
		if (fds[0].revents != 0 && !is_closed)
			accept_client(listener, server);
	}
	free(fds);
}

static int
listen_on_loopback(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 64) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		die("listen");
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

int
main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *server = NULL;
	sigset_t set;
	uint16_t port = 0;
	int option, error;

	while ((option = getopt(argc, argv, "r:b:c:l:p:x")) != -1) {
		switch (option) {
		case 'r':
			rtt = (int64_t)(strtod(optarg, NULL) * 1e6);
			break;
		case 'b':
			rate = strtoll(optarg, NULL, 10);
			break;
		case 'c':
			cut_way = strncmp(optarg, "up:", 3) == 0 ? UP : DOWN;
			cut_at = strtoull(strchr(optarg, ':') != NULL ? strchr(optarg, ':') + 1 : optarg, NULL, 10);
			break;
		case 'l':
			lose = optarg;
			break;
		case 'p':
			port = (uint16_t)strtoul(optarg, NULL, 10);
			break;
		case 'x':
			is_last = true;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: delay [-x] [-p PORT] [-r MS] [-b BYTES] [-c up|down:N] [-l WORD] HOST PORT\n");
		return 2;
	}
	error = getaddrinfo(argv[optind], argv[optind + 1], &hints, &server);
	if (error != 0) {
		fprintf(stderr, "delay: %s: %s\n", argv[optind], gai_strerror(error));
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	serve(listen_on_loopback(port), server, signalfd(-1, &set, SFD_CLOEXEC));
	print_stats();
	freeaddrinfo(server);
	return 0;
}
