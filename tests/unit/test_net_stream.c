/* Connections without TLS: addresses, deadlines, ends, cancelling, tunnels, compression, rate limits,
 * transcripts. */
#include <netdb.h>
#include <sys/wait.h>

#include "tests/unit/net_peer.h"

#include "sync/net/clock.h"
#include "sync/net/deflate.h"
#include "sync/net/dial.h"

/* A stream over one end of a socket pair; the other end is the test's. */
static struct stream *
pair_open(struct net_settings set, struct net **net_r, int *far_r)
{
	struct err e = { 0 };
	struct stream *s;
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	*net_r = net_new(&set, &e);
	assert_non_null(*net_r);
	s = stream_adopt(*net_r, fd[0], &e);
	assert_non_null(s);
	*far_r = fd[1];
	return s;
}

static void
far_say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void
expect_cause(const struct stream *s, enum err_class class, const char *words)
{
	struct err e = { 0 };

	stream_fail(s, &e);
	if (strstr(e.text, words) == NULL)
		print_error("got: %s\n", e.text);
	assert_non_null(strstr(e.text, words));
	assert_int_equal(e.class, class);
}

/* Settings and addresses. */

static void
test_settings(void **state)
{
	struct net_settings set = NET_SETTINGS_INIT;
	struct err e = { 0 };
	struct net *net;

	(void)state;
	assert_null(net_new(&set, &e));
	assert_int_equal(e.class, ERR_USAGE);
	set.host = "imap.example.org";
	net = net_new(&set, &e);
	assert_string_equal(net_label(net), "imap.example.org:143");
	net_free(&net);
	set.tls_type = NET_TLS_IMPLICIT;
	set.name = "account work";
	net = net_new(&set, &e);
	assert_string_equal(net_label(net), "account work (imap.example.org:993)");
	net_free(&net);
	set.host = "::1";
	set.name = NULL;
	net = net_new(&set, &e);
	assert_string_equal(net_label(net), "[::1]:993");
	net_free(&net);
	set.tunnel = "ssh -i secret host imapd";
	net = net_new(&set, &e);
	assert_string_equal(net_label(net), "tunnel ssh");
	net_free(&net);
	set.tunnel = NULL;
	set.port = 70000;
	assert_null(net_new(&set, &e));
}

static unsigned
closed_port(void)
{
	unsigned port;

	close(peer_listen(1, &port));
	return port;
}

static void
test_refused(void **state)
{
	struct net_settings set = peer_settings(closed_port());
	struct err e = { 0 };
	struct net *net = net_new(&set, &e);
	char want[64];

	(void)state;
	assert_null(stream_open(net, &e));
	assert_int_equal(e.class, ERR_TEMPORARY);
	snprintf(want, sizeof want, "127.0.0.1:%u: cannot connect: Connection refused", set.port);
	assert_non_null(strstr(e.text, want));
	net_free(&net);
	set.host = "no-such-host.invalid";
	net = net_new(&set, &e);
	assert_null(stream_open(net, &e));
	assert_int_equal(e.class, ERR_TEMPORARY);
	assert_non_null(strstr(e.text, "no-such-host.invalid:"));
	net_free(&net);
}

static struct addrinfo
address(struct sockaddr_in *in, unsigned port, struct addrinfo *next)
{
	struct addrinfo ai = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM,
		.ai_addr = (struct sockaddr *)in, .ai_addrlen = sizeof *in, .ai_next = next };

	*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	return ai;
}

/* The first address refuses at once: no 250 ms are lost. */
static void
test_fallback(void **state)
{
	struct net_settings set = peer_settings(1);
	struct sockaddr_in a, b;
	struct addrinfo second, first;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct addrinfo third = { .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM,
		.ai_addr = (struct sockaddr *)&six, .ai_addrlen = sizeof six };
	long long begun = clock_now();
	struct err e = { 0 };
	unsigned port;
	int fd, listener = peer_listen(4, &port);

	(void)state;
	second = address(&b, port, NULL);
	first = address(&a, closed_port(), &second);
	fd = dial_addresses(&first, &set, "test", clock_now() + 5000, &e);
	assert_true(fd >= 0);
	assert_true(clock_now() - begun < 2500);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	close(fd);
	/* The other family has its turn before the second address of the first. */
	six.sin6_port = htons((uint16_t)closed_port());
	second.ai_next = &third;
	fd = dial_addresses(&first, &set, "test", clock_now() + 5000, &e);
	assert_true(fd >= 0);
	close(fd);
	close(listener);
	assert_int_equal(dial_addresses(&first, &set, "test", clock_now() + 5000, &e), -1);
	assert_non_null(strstr(e.text, "test: cannot connect: "));
	assert_int_equal(dial_addresses(NULL, &set, "test", 0, &e), -1);
}

/* An address that does not answer (192.0.2.1 is nobody's; where that fails at once, so be it) holds
 * the second one up by a quarter of a second only. */
static void
test_second_in_time(void **state)
{
	struct net_settings set = peer_settings(1);
	struct sockaddr_in a, b;
	struct addrinfo second, first;
	long long begun = clock_now();
	struct err e = { 0 };
	unsigned port;
	int fd, listener = peer_listen(4, &port), blocked, filler[8];
	unsigned dead_port;

	(void)state;
	/* A listener whose queue is full does not answer either. */
	blocked = peer_listen(0, &dead_port);
	for (size_t i = 0; i < sizeof filler / sizeof *filler; i++) {
		struct sockaddr_in in;
		struct addrinfo ai = address(&in, dead_port, NULL);

		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(filler[i], ai.ai_addr, ai.ai_addrlen);
	}
	second = address(&b, port, NULL);
	first = address(&a, dead_port, &second);
	fd = dial_addresses(&first, &set, "test", clock_now() + 5000, &e);
	assert_true(fd >= 0);
	assert_true(clock_now() - begun < 10000);
	close(fd);
	/* Alone, it times out, or (where the queue is longer than asked for) connects. */
	first.ai_next = NULL;
	set.timeout = 1;
	fd = dial_addresses(&first, &set, "test", clock_now() + 300, &e);
	if (fd < 0) {
		assert_int_equal(e.class, ERR_TEMPORARY);
		assert_non_null(strstr(e.text, "test: the connection was not answered within 1 seconds"));
	} else {
		close(fd);
	}
	for (size_t i = 0; i < sizeof filler / sizeof *filler; i++)
		close(filler[i]);
	close(blocked);
	close(listener);
}

/* Deadlines and ends. */

static void
test_read_timeout(void **state)
{
	struct net_settings set = peer_settings(1);
	struct net *net;
	int far;
	struct stream *s;
	long long begun = clock_now();

	(void)state;
	set.timeout = 1;
	s = pair_open(set, &net, &far);
	assert_null(peer_line(s));
	assert_in_range(clock_now() - begun, 990, 15000);
	expect_cause(s, ERR_TEMPORARY, "127.0.0.1:1: no answer for 1 seconds");
	/* Dead is dead. */
	far_say(far, "* OK late\r\n");
	assert_null(peer_line(s));
	stream_close(&s);
	net_free(&net);
	close(far);
}

static void
test_write_timeout(void **state)
{
	struct net_settings set = peer_settings(1);
	char *block = mem_alloc(8 << 20);
	struct net *net;
	int far;
	struct stream *s;

	(void)state;
	set.timeout = 1;
	s = pair_open(set, &net, &far);
	assert_int_equal(mailstream_write(stream_mail(s), block, 8 << 20), -1);
	expect_cause(s, ERR_TEMPORARY, "the server took in nothing for 1 seconds");
	free(block);
	stream_close(&s);
	net_free(&net);
	close(far);
}

/* A long suspend ends a connection at the next use; a short one counts towards the deadline only. */
static void
test_suspend(void **state)
{
	struct net_settings set = peer_settings(1);
	struct err e = { 0 };
	struct net *net;
	int far;
	struct stream *s = pair_open(set, &net, &far);

	(void)state;
	far_say(far, "* OK\r\n");
	clock_pretend_sleep(5000);
	assert_string_equal(peer_line(s), "* OK");
	clock_pretend_sleep(3600 * 1000);
	assert_int_equal(stream_wait(s, 100, &e), -1);
	assert_non_null(strstr(e.text, "asleep for 3600 seconds"));
	assert_int_equal(peer_send(s, "1 NOOP\r\n"), -1);
	stream_close(&s);
	net_free(&net);
	close(far);
}

static void
test_end(void **state)
{
	struct net_settings set = peer_settings(1);
	char rest[64];
	struct net *net;
	int far;
	struct stream *s = pair_open(set, &net, &far);

	(void)state;
	far_say(far, "* OK\r\n* FETCH {10}\r\nabc");
	close(far);
	assert_string_equal(peer_line(s), "* OK");
	assert_string_equal(peer_line(s), "* FETCH {10}");
	assert_int_equal(mailstream_read(stream_mail(s), rest, 3), 3);
	/* Never 0. */
	assert_int_equal(mailstream_read(stream_mail(s), rest, 7), -1);
	assert_int_equal(mailstream_read(stream_mail(s), rest, 7), -1);
	expect_cause(s, ERR_TEMPORARY, "the server closed the connection");
	stream_close(&s);
	net_free(&net);
}

/* The server has gone, but its last words are still read; and no SIGPIPE comes (it is not ignored). */
static void
test_last_words(void **state)
{
	struct net_settings set = peer_settings(1);
	struct net *net;
	int far;
	struct stream *s = pair_open(set, &net, &far);

	(void)state;
	far_say(far, "* BYE too many connections\r\n");
	close(far);
	assert_int_equal(peer_send(s, "1 NOOP\r\n"), -1);
	assert_string_equal(peer_line(s), "* BYE too many connections");
	assert_null(peer_line(s));
	stream_close(&s);
	net_free(&net);
}

static void
test_half_close(void **state)
{
	struct net_settings set = peer_settings(1);
	char line[64];
	struct net *net;
	int far;
	struct stream *s = pair_open(set, &net, &far);

	(void)state;
	shutdown(far, SHUT_WR);
	assert_null(peer_line(s));
	assert_int_equal(peer_send(s, "1 LOGOUT\r\n"), 0);
	peer_hear(far, NULL, line, sizeof line);
	assert_string_equal(line, "1 LOGOUT");
	stream_close(&s);
	net_free(&net);
	close(far);
}

/* Both write before they read: input is taken in meanwhile, so neither waits for ever. */
static void *
writes_first(void *arg)
{
	int fd = *(int *)arg;
	char *block = mem_alloc(700000);
	ssize_t n;
	size_t at;

	for (at = 0; at < 700000 && (n = send(fd, block + at, 700000 - at, MSG_NOSIGNAL)) > 0; at += (size_t)n)
		;
	for (at = 0; at < 700000 && (n = recv(fd, block, 700000, 0)) > 0; at += (size_t)n)
		;
	free(block);
	return NULL;
}

static void
test_both_write(void **state)
{
	struct net_settings set = peer_settings(1);
	char *block = mem_alloc(700000);
	struct net *net;
	int far;
	struct stream *s;
	pthread_t thread;
	size_t at = 0;
	ssize_t n;

	(void)state;
	set.timeout = 5;
	s = pair_open(set, &net, &far);
	pthread_create(&thread, NULL, writes_first, &far);
	assert_int_equal(mailstream_write(stream_mail(s), block, 700000), 700000);
	assert_int_equal(mailstream_flush(stream_mail(s)), 0);
	while (at < 700000 && (n = mailstream_read(stream_mail(s), block, 700000 - at)) > 0)
		at += (size_t)n;
	assert_int_equal(at, 700000);
	pthread_join(thread, NULL);
	free(block);
	stream_close(&s);
	net_free(&net);
	close(far);
}

/* Cancelling. */

static void *
cancels(void *arg)
{
	poll(NULL, 0, 50);
	assert_int_equal(write(*(int *)arg, "", 1), 1);
	return NULL;
}

static void
test_cancel(void **state)
{
	struct net_settings set = peer_settings(1);
	struct err e = { 0 };
	struct net *net;
	int far, stop[2];
	struct stream *s;
	pthread_t thread;

	(void)state;
	assert_int_equal(pipe(stop), 0);
	set.cancel_fd = stop[0];
	s = pair_open(set, &net, &far);
	pthread_create(&thread, NULL, cancels, &stop[1]);
	assert_int_equal(stream_wait(s, -1, &e), -1);
	assert_int_equal(e.class, ERR_CANCELLED);
	pthread_join(thread, NULL);
	far_say(far, "* OK\r\n");
	assert_null(peer_line(s));
	assert_int_equal(peer_send(s, "x\r\n"), -1);
	stream_close(&s);
	net_free(&net);
	close(far);
	/* Before anything was waited for. */
	s = pair_open(set, &net, &far);
	assert_null(peer_line(s));
	expect_cause(s, ERR_CANCELLED, "stopped");
	stream_close(&s);
	net_free(&net);
	close(far);
	close(stop[0]);
	close(stop[1]);
}

static void
test_wait(void **state)
{
	struct net_settings set = peer_settings(1);
	struct err e = { 0 };
	struct net *net;
	int far;
	struct stream *s = pair_open(set, &net, &far);

	(void)state;
	assert_int_equal(stream_wait(s, 0, &e), 0);
	assert_int_equal(stream_wait(s, 30, &e), 0);
	far_say(far, "* 1\r\n* 2\r\n");
	assert_int_equal(stream_wait(s, 1000, &e), 1);
	assert_string_equal(peer_line(s), "* 1");
	/* In the buffer, not in the socket. */
	assert_int_equal(stream_wait(s, 1000, &e), 1);
	assert_string_equal(peer_line(s), "* 2");
	assert_int_equal(stream_wait(s, 0, &e), 0);
	close(far);
	assert_int_equal(stream_wait(s, 1000, &e), -1);
	assert_non_null(strstr(e.text, "closed"));
	stream_close(&s);
	net_free(&net);
}

/* Tunnels. */

static void
test_tunnel(void **state)
{
	struct net_settings set = peer_settings(0);
	struct net *net;
	struct stream *s;
	int extra = open("/dev/null", O_RDONLY);	/* not close-on-exec */

	(void)state;
	set.host = NULL;
	set.tunnel = "echo '* OK tunnel'; read a; echo \"$a\"; ls /proc/self/fd | wc -l; cat >/dev/null";
	s = peer_open(&set, &net);
	assert_string_equal(peer_line(s), "* OK tunnel");
	assert_int_equal(peer_send(s, "ping\n"), 0);
	assert_string_equal(peer_line(s), "ping");
	/* Standard ones, and the one ls reads the directory with. */
	assert_string_equal(peer_line(s), "4");
	stream_close(&s);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	net_free(&net);
	close(extra);
	set.tunnel = "exit 42";
	s = peer_open(&set, &net);
	assert_null(peer_line(s));
	expect_cause(s, ERR_TEMPORARY, "tunnel exit: the command exited with status 42");
	stream_close(&s);
	net_free(&net);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* Compression. */

static void
test_deflate(void **state)
{
	struct net_settings set = peer_settings(1);
	struct deflate *d = deflate_new();
	struct buf out = { NULL, 0, 0, 0 }, big = { NULL, 0, 0, 0 };
	struct net *net;
	struct err e = { 0 };
	int far;
	struct stream *s = pair_open(set, &net, &far);
	char back[4096];
	ssize_t n;
	long got;

	(void)state;
	/* Compressed bytes come in one segment with the OK, some more later. */
	buf_adds(&out, "1 OK compressing\r\n");
	deflate_write(d, "* 1 EXISTS\r\n* 2 EXISTS\r\n", 24, &out);
	assert_int_equal(send(far, out.data, out.len, 0), out.len);
	assert_string_equal(peer_line(s), "1 OK compressing");
	assert_int_equal(stream_deflate(s, &e), 0);
	assert_int_equal(stream_wait(s, 1000, &e), 1);
	assert_string_equal(peer_line(s), "* 1 EXISTS");
	assert_string_equal(peer_line(s), "* 2 EXISTS");
	/* Half a symbol is no input yet. */
	buf_clear(&out);
	deflate_write(d, "* 3 EXISTS\r\n", 12, &out);
	assert_int_equal(send(far, out.data, 1, 0), 1);
	assert_int_equal(stream_wait(s, 20, &e), 0);
	assert_int_equal(send(far, out.data + 1, out.len - 1, 0), out.len - 1);
	assert_int_equal(stream_wait(s, 1000, &e), 1);
	assert_string_equal(peer_line(s), "* 3 EXISTS");
	/* What was said in one flush can be understood at once. */
	assert_int_equal(peer_send(s, "2 NOOP\r\n"), 0);
	n = recv(far, back, sizeof back, 0);
	deflate_feed(d, back, (size_t)n);
	got = deflate_read(d, back, sizeof back);
	assert_int_equal(got, 8);
	assert_memory_equal(back, "2 NOOP\r\n", 8);
	/* A lot from little: read in portions, nothing held back in zlib. */
	for (int i = 0; i < 20000; i++)
		buf_adds(&big, "abcdefghi\n");
	buf_clear(&out);
	deflate_write(d, big.data, big.len, &out);
	assert_true(out.len < 5000);
	assert_int_equal(send(far, out.data, out.len, 0), out.len);
	for (int i = 0; i < 20000; i++) {
		assert_int_equal(stream_wait(s, 1000, &e), 1);
		assert_string_equal(peer_line(s), "abcdefghi");
	}
	assert_true(stream_counts(s).wire_down < stream_counts(s).data_down / 10);
	/* Not deflate at all. */
	far_say(far, "\xff\xff\xff\xff junk");
	assert_null(peer_line(s));
	expect_cause(s, ERR_TEMPORARY, "cannot be decompressed");
	deflate_free(&d);
	buf_release(&out);
	buf_release(&big);
	stream_close(&s);
	net_free(&net);
	close(far);
}

/* Rate limits. */

static void
test_throttle(void **state)
{
	struct net_settings set = peer_settings(1);
	char *block = mem_alloc(100000);
	struct net *net;
	long long begun;
	struct stream *s;
	size_t at;
	ssize_t n;
	int far;

	(void)state;
	set.throttle = 100000;
	s = pair_open(set, &net, &far);
	/* A quarter of a second's worth is in the bucket at first: 75,000 bytes are left for 0.75 s. */
	assert_int_equal(send(far, block, 100000, 0), 100000);
	begun = clock_now();
	for (at = 0; at < 100000 && (n = mailstream_read(stream_mail(s), block, 100000 - at)) > 0;)
		at += (size_t)n;
	assert_int_equal(at, 100000);
	assert_in_range(clock_now() - begun, 600, 15000);
	begun = clock_now();
	assert_int_equal(mailstream_write(stream_mail(s), block, 100000), 100000);
	assert_in_range(clock_now() - begun, 600, 15000);
	free(block);
	stream_close(&s);
	net_free(&net);
	close(far);
}

/* Transcripts. */

static char *
read_transcript(int number)
{
	char name[64];
	struct stat st;

	snprintf(name, sizeof name, "log/127.0.0.1-%d.txt", number);
	assert_int_equal(stat(peer_path(name), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	return peer_slurp(peer_path(name));
}

static void
test_transcript(void **state)
{
	struct net_settings set = peer_settings(1);
	struct net *net;
	int far;
	struct stream *s;
	char *text;

	(void)state;
	set.transcript_dir = peer_path("log");
	s = pair_open(set, &net, &far);
	far_say(far, "* OK ready \x1b[31m\r\n");
	peer_line(s);
	/* Unmarked, in every form the protocol has. */
	peer_send(s, "1 LOGIN tom hunter2\r\n2 login {3}\r\n");
	far_say(far, "+ more\r\n");
	peer_line(s);
	peer_send(s, "tom {7}\r\n");
	peer_send(s, "hunter2\r\n3 NOOP\r\n");
	peer_send(s, "4 AUTHENTICATE PLAIN aHVudGVyMg==\r\n5 ENABLE QRESYNC\r\n");
	peer_send(s, "6 AUTHENTICATE CRAM-MD5\r\n");
	far_say(far, "+ Y2hhbGxlbmdl\r\n");
	peer_line(s);
	peer_send(s, "aHVudGVyMg==\r\n");
	far_say(far, "6 OK in\r\n");
	peer_line(s);
	peer_send(s, "7 APPEND x (\\Seen) {1000+}\r\n");
	for (int i = 0; i < 100; i++)
		peer_send(s, "From: me\r\n");
	peer_send(s, "\r\n8 NOOP\r\n");
	/* Marked, without a flush, amid other commands. */
	mailstream_write(stream_mail(s), "9 X-TELL ", 9);
	stream_secret_begin(s);
	mailstream_write(stream_mail(s), "hunter2", 7);
	stream_secret_end(s);
	mailstream_write(stream_mail(s), "\r\n10 NOOP\r\n", 11);
	mailstream_flush(stream_mail(s));
	/* And wiped from libetpan's buffer. */
	assert_null(memmem(stream_mail(s)->write_buffer, 27, "hunter2", 7));
	assert_non_null(memmem(stream_mail(s)->write_buffer, 27, "9 X-TELL", 8));
	stream_close(&s);
	net_free(&net);
	close(far);
	text = read_transcript(1);
	assert_null(strstr(text, "hunter2"));
	assert_null(strstr(text, "tom"));
	assert_null(strstr(text, "aHVudGVyMg"));
	assert_null(strstr(text, "Y2hhbGxlbmdl"));
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "S: * OK ready \\x1b[31m\n"));
	assert_non_null(strstr(text, "C: 1 LOGIN [secret]\n"));
	assert_non_null(strstr(text, "C: 3 NOOP\n"));
	assert_non_null(strstr(text, "C: 4 AUTHENTICATE PLAIN [secret]\n"));
	assert_non_null(strstr(text, "C: 5 ENABLE QRESYNC\n"));
	assert_non_null(strstr(text, "C: 6 AUTHENTICATE CRAM-MD5\n"));
	assert_non_null(strstr(text, "S: + [secret]\n"));
	assert_non_null(strstr(text, "C: [secret]\n"));
	assert_non_null(strstr(text, "S: 6 OK in\n"));
	assert_non_null(strstr(text, "C: 7 APPEND x (\\\\Seen) {1000+}\n"));
	assert_non_null(strstr(text, " [and 600 bytes]\n"));
	assert_non_null(strstr(text, "C: 8 NOOP\n"));
	assert_non_null(strstr(text, "C: 9 X-TELL [secret]\n"));
	assert_non_null(strstr(text, "C: 10 NOOP\n"));
	free(text);
	/* The next connection has its own file. */
	s = pair_open(set, &net, &far);
	stream_close(&s);
	net_free(&net);
	close(far);
	free(read_transcript(2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_second_in_time),
		cmocka_unit_test(test_read_timeout),
		cmocka_unit_test(test_write_timeout),
		cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_half_close),
		cmocka_unit_test(test_both_write),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_deflate),
		cmocka_unit_test(test_throttle),
		cmocka_unit_test(test_transcript),
	};

	return cmocka_run_group_tests(tests, peer_set_up, peer_tear_down);
}
