/* Commands of the configuration, the secrets they print, and where a channel keeps its state. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/secret.h"
#include "cmd/shell.h"
#include "cmd/state_place.h"

/* Without a controlling terminal, as in cron, wherever the test itself was started. */
static int
leave_terminal(void **unused)
{
	(void)unused;
	if (getpgrp() == getpid()) {
		/* A leader of a group cannot leave it; such a run has its own session already, or a terminal. */
		return 0;
	}
	return setsid() < 0 ? -1 : 0;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct shell
a_shell(const char *command)
{
	return (struct shell){ .what = "the command", .command = command, .limit = 20 };
}

static void
first_line_is_taken(void **unused)
{
	static const struct { const char *command, *line; } cases[] = {
		{ "echo secret", "secret" },
		{ "printf secret", "secret" },
		{ "printf 'one\\ntwo\\nthree\\n'", "one" },
		{ "printf 'a b\\t c \\n'", "a b\t c " },
		{ "seq 100000", "1" },
		{ "echo over; sleep 30 &", "over" },
		{ "cat; echo empty", "empty" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct shell sh = a_shell(cases[i].command);
		struct buf out = { .is_secret = true };
		double begun = seconds();
		struct err e;

		assert_int_equal(shell_run(&sh, &out, 100, &e), 0);
		assert_string_equal(buf_str(&out), cases[i].line);
		assert_true(seconds() - begun < 10);
		buf_release(&out);
	}
}

static void
failure_is_told(void **unused)
{
	static const struct { const char *command, *words; } cases[] = {
		{ "exit 3", "exit code 3" },
		{ "exec 2>/dev/null; no-such-command-here", "no such command" },
		{ "kill -9 $$", "signal 9" },
	};
	struct err e;

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct shell sh = a_shell(cases[i].command);
		struct buf out = { 0 };

		assert_int_equal(shell_run(&sh, &out, 100, &e), -1);
		assert_non_null(strstr(e.text, "the command"));
		assert_non_null(strstr(e.text, cases[i].words));
		buf_release(&out);
	}
}

/* Also what it started is ended, and what ignores being asked. */
static void
limit_ends_it_with_its_children(void **unused)
{
	char dir[] = "/tmp/mailtwin-secret-XXXXXX", *command, *file;
	struct buf out = { 0 };
	double begun = seconds();
	struct shell sh;
	struct err e;

	(void)unused;
	assert_non_null(mkdtemp(dir));
	command = mem_printf("trap '' TERM; (trap '' TERM; sleep 3; touch %s/lived) & sleep 30", dir);
	file = mem_printf("%s/lived", dir);
	sh = a_shell(command);
	sh.limit = 1;
	assert_int_equal(shell_run(&sh, &out, 100, &e), -1);
	assert_non_null(strstr(e.text, "1 seconds"));
	assert_true(seconds() - begun < 3);
	while (seconds() - begun < 4)
		usleep(50000);
	assert_int_equal(access(file, F_OK), -1);
	rmdir(dir);
	free(command);
	free(file);
	buf_release(&out);
}

static atomic_int cancelled;

static void
cancel_ends_it(void **unused)
{
	struct shell sh = a_shell("sleep 30");
	double begun = seconds();
	struct err e;

	(void)unused;
	cancelled = 1;
	sh.cancel = &cancelled;
	assert_int_equal(shell_run(&sh, NULL, 0, &e), -1);
	assert_int_equal(e.class, ERR_CANCELLED);
	assert_true(seconds() - begun < 2);
}

static void
environment_is_added(void **unused)
{
	static const char *const env[] = { "MAILTWIN_CHANNEL=a b", "MAILTWIN_CHANGED=far near", NULL };
	struct shell sh = a_shell("echo \"$MAILTWIN_CHANNEL|$MAILTWIN_CHANGED|$HOME\"");
	struct buf out = { 0 };
	char *wanted;
	struct err e;

	(void)unused;
	sh.env = env;
	assert_int_equal(shell_run(&sh, &out, 1000, &e), 0);
	wanted = mem_printf("a b|far near|%s", getenv("HOME") != NULL ? getenv("HOME") : "");
	assert_string_equal(buf_str(&out), wanted);
	free(wanted);
	buf_release(&out);
}

static int
fetch(struct account_settings *a, const char *pass_cmd, struct buf *pass_r, struct err *e)
{
	struct secrets s = { 0 };
	const struct secret *got;
	int status;

	a->name = (char *)"work";
	a->user = (char *)"anna";
	a->pass_cmd.shell = (char *)pass_cmd;
	secrets_fetch(&s, a, 10, NULL);
	got = secret_of(&s, a);
	status = got->status;
	if (status < 0)
		*e = got->err;
	buf_clear(pass_r);
	buf_add(pass_r, buf_str(&got->pass), got->pass.len);
	secrets_release(&s);
	return status;
}

static void
passwords_have_a_most_tokens_not(void **unused)
{
	static const char *token[] = { "XOAUTH2", NULL };
	struct account_settings a = { 0 };
	struct buf pass = { 0 };
	struct err e;

	(void)unused;
	assert_int_equal(fetch(&a, "echo secret", &pass, &e), 0);
	assert_string_equal(buf_str(&pass), "secret");
	assert_int_equal(fetch(&a, "printf 'secret\\r\\n'", &pass, &e), 0);
	assert_string_equal(buf_str(&pass), "secret");
	assert_int_equal(fetch(&a, "head -c 8192 /dev/zero | tr '\\0' x; echo", &pass, &e), 0);
	assert_int_equal(pass.len, 8192);
	assert_int_equal(fetch(&a, "head -c 8193 /dev/zero | tr '\\0' x; echo", &pass, &e), -1);
	assert_int_equal(e.class, ERR_REFUSED);
	a.auth_mechs.at = token;
	a.auth_mechs.n = 1;
	assert_int_equal(fetch(&a, "head -c 300000 /dev/zero | tr '\\0' x; echo", &pass, &e), 0);
	assert_int_equal(pass.len, 300000);
	assert_int_equal(fetch(&a, "exit 1", &pass, &e), -1);
	assert_int_equal(e.class, ERR_REFUSED);
	assert_non_null(strstr(e.text, "PassCmd of account work"));
	assert_int_equal(fetch(&a, "true", &pass, &e), -1);
	assert_non_null(strstr(e.text, "nothing"));
	assert_int_equal(fetch(&a, "head -c 10 /dev/zero", &pass, &e), -1);
	assert_non_null(strstr(e.text, "NUL"));
	buf_release(&pass);
}

static void
asked_once_per_account(void **unused)
{
	struct account_settings a = { .name = (char *)"work", .user = (char *)"anna" };
	char file[] = "/tmp/mailtwin-secret-XXXXXX", *command;
	struct secrets s = { 0 };
	int fd = mkstemp(file);

	(void)unused;
	assert_true(fd >= 0);
	command = mem_printf("echo x >>%s; exit 1", file);
	a.pass_cmd.shell = command;
	for (int i = 0; i < 3; i++)
		secrets_fetch(&s, &a, 10, NULL);
	assert_int_equal(s.all.n, 1);
	assert_int_equal(lseek(fd, 0, SEEK_END), 2);
	secrets_release(&s);
	close(fd);
	unlink(file);
	free(command);
}

static void
place_is(const char *channel, const char *sync_state, const char *state_home, const char *wanted)
{
	struct store_settings near = { .name = (char *)"near", .kind = SETTINGS_MAILDIR,
		.inbox = (char *)"/m/INBOX", .path = (char *)"/m/x/", .sub_folders = NAMES_VERBATIM };
	struct channel_settings c = { .name = (char *)channel, .state_name = channel, .sync_state = (char *)sync_state,
		.store = { [NEAR] = &near } };
	struct arena arena = { 0 };
	char *path;
	struct err e;

	path = state_place(&c, state_home, "/home/anna", &arena, &e);
	assert_string_equal(path, wanted);
	arena_release(&arena);
}

static void
state_has_its_place(void **unused)
{
	struct store_settings near = { .name = (char *)"near", .kind = SETTINGS_IMAP };
	struct channel_settings c = { .name = (char *)"c", .state_name = "c", .sync_state = (char *)"*", .store = { [NEAR] = &near } };
	struct arena arena = { 0 };
	struct err e;

	(void)unused;
	place_is("work", NULL, NULL, "/home/anna/.local/state/mailtwin/work");
	place_is("work", NULL, "", "/home/anna/.local/state/mailtwin/work");
	place_is("work", NULL, "relative", "/home/anna/.local/state/mailtwin/work");
	place_is("work", NULL, "/s", "/s/mailtwin/work");
	place_is("work", "/var/p-", "/s", "/var/p-work");
	place_is("work", "/var/p/", "/s", "/var/p/work");
	place_is("work", "*", "/s", "/m/x/.mailtwin.work");
	place_is("../a b/\xc3\xbc%", NULL, "/s", "/s/mailtwin/%2E.%2Fa%20b%2F%C3%BC%25");
	assert_null(state_place(&c, NULL, "/home/anna", &arena, &e));
	assert_int_equal(e.class, ERR_USAGE);
	arena_release(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_line_is_taken),
		cmocka_unit_test(failure_is_told),
		cmocka_unit_test(limit_ends_it_with_its_children),
		cmocka_unit_test(cancel_ends_it),
		cmocka_unit_test(environment_is_added),
		cmocka_unit_test(passwords_have_a_most_tokens_not),
		cmocka_unit_test(asked_once_per_account),
		cmocka_unit_test(state_has_its_place),
	};

	return cmocka_run_group_tests(tests, leave_terminal, NULL);
}
