#include "cmd/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/shell.h"
#include "cmd/shown.h"
#include "state/base/redact.h"

enum { TOKEN_MOST = 1 << 24, USER_MOST = 1024 };

static void
protect_process(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ .rlim_cur = 0, .rlim_max = 0 });
#ifdef PR_SET_DUMPABLE
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static bool
has_mech(const struct account_settings *a, const char *const *names)
{
	for (size_t i = 0; i < a->auth_mechs.n; i++)
		for (size_t k = 0; names[k] != NULL; k++)
			if (strcasecmp(a->auth_mechs.at[i], names[k]) == 0)
				return true;
	return false;
}

static bool
is_token(const struct account_settings *a)
{
	static const char *const tokens[] = { "XOAUTH2", "OAUTHBEARER", NULL };

	return has_mech(a, tokens);
}

/* Whether a login can need a password at all: not if only mechanisms without one are allowed. */
static bool
needs_pass(const struct account_settings *a)
{
	static const char *const without[] = { "EXTERNAL", "GSSAPI", "ANONYMOUS", NULL };

	for (size_t i = 0; i < a->auth_mechs.n; i++) {
		const struct account_settings one = { .auth_mechs = { &a->auth_mechs.at[i], 1 } };

		if (!has_mech(&one, without))
			return true;
	}
	return a->auth_mechs.n == 0;
}

/* A tunnel usually leads to a server that knows who we are: nobody is asked for nothing. */
static bool
may_ask(const struct account_settings *a)
{
	return a->net.tunnel == NULL;
}

static int
refuse(struct err *e)
{
	e->class = e->class == ERR_CANCELLED || e->class == ERR_TEMPORARY ? e->class : ERR_REFUSED;
	e->retry = ERR_LATER;
	return -1;
}

static int
from_command(const struct account_settings *a, const struct settings_command *cmd, const char *what,
    size_t most, unsigned limit, const atomic_int *cancel, struct buf *out, struct err *e)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), rc;
	char *name = mem_printf("%s of account %s", what, a->name);
	struct shell sh = { .what = name, .command = cmd->shell, .has_terminal = cmd->uses_tty || tty >= 0,
		.limit = tty >= 0 ? 0 : limit, .cancel = cancel };

	if (tty >= 0)
		close(tty);
	rc = shell_run(&sh, out, most, e);
	while (rc == 0 && out->len > 0 && out->data[out->len - 1] == '\r')
		out->data[--out->len] = '\0';
	if (rc == 0 && out->len == 0)
		rc = err_set(e, ERR_STORE, "%s printed nothing", name);
	if (rc == 0 && out->len > most)
		rc = err_set(e, ERR_STORE, "%s printed a line of more than %zu bytes", name, most);
	if (rc == 0 && strlen(out->data) != out->len)
		rc = err_set(e, ERR_STORE, "%s printed a NUL byte", name);
	free(name);
	return rc < 0 ? refuse(e) : 0;
}

/* One line from the terminal; with its echo off where `is_hidden`. 1: got one; 0: its end; -1: cancelled, failed. */
static int
read_line(int tty, struct buf *out, const atomic_int *cancel)
{
	ssize_t n;
	char c;

	for (;;) {
		n = read(tty, &c, 1);
		if (n < 0 && errno == EINTR && (cancel == NULL || *cancel == 0))
			continue;
		if (n <= 0)
			return n == 0 ? 0 : -1;
		if (c == '\n')
			return 1;
		if (out->len < SECRET_PASS_MOST)
			buf_addc(out, c);
	}
}

/* "Password of jane@imap.example.com (account work): ", "User at imap.example.com (account work): ". An address is a user already. */
static void
add_prompt(struct buf *out, const struct account_settings *a, const char *what, const char *user)
{
	const char *at = a->net.host != NULL ? a->net.host : "the command of Tunnel";

	buf_adds(out, strcmp(what, "Pass") != 0 ? "User at " : user == NULL || *user == '\0' ? "Password at " : "Password of ");
	if (strcmp(what, "Pass") == 0 && user != NULL && *user != '\0') {
		shown_escape(out, user, false);
		buf_adds(out, strchr(user, '@') != NULL || a->net.host == NULL ? " at " : "@");
	}
	shown_escape(out, at, false);
	buf_adds(out, " (account ");
	shown_escape(out, a->name, false);
	buf_adds(out, "): ");
}

static int
ask(const struct account_settings *a, const char *what, bool is_hidden, const char *user, const atomic_int *cancel,
    struct buf *out, struct err *e)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), rc;
	struct termios was, hidden;
	struct buf prompt = { 0 };
	bool is_changed = false;
	ssize_t n;

	if (tty < 0)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_LATER, "account %s: the configuration gives no %s and "
		    "no %sCmd, and there is no terminal to ask on (`mailtwin help %sCmd` explains it)", a->name, what, what, what);
	add_prompt(&prompt, a, what, user);
	if (is_hidden && tcgetattr(tty, &was) == 0) {
		hidden = was;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		is_changed = tcsetattr(tty, TCSAFLUSH, &hidden) == 0;
	}
	n = write(tty, prompt.data, prompt.len);
	rc = n < 0 || (is_hidden && !is_changed) ? -1 : read_line(tty, out, cancel);
	if (is_changed) {
		tcsetattr(tty, TCSAFLUSH, &was);
		n = write(tty, "\n", 1);
	}
	close(tty);
	buf_release(&prompt);
	if (rc < 0 && cancel != NULL && *cancel != 0)
		return err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "account %s: stopped on request", a->name);
	if (rc <= 0 || out->len == 0)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_LATER, "account %s: nothing was entered", a->name);
	return 0;
}

static int
fetch_user(struct secret *s, unsigned limit, const atomic_int *cancel)
{
	const struct account_settings *a = s->account;

	if (a->user != NULL)
		buf_adds(&s->user, a->user);
	else if (a->user_cmd.shell != NULL)
		return from_command(a, &a->user_cmd, "UserCmd", USER_MOST, limit, cancel, &s->user, &s->err);
	else if (may_ask(a))
		return ask(a, "User", false, NULL, cancel, &s->user, &s->err);
	return 0;
}

static int
fetch_pass(struct secret *s, unsigned limit, const atomic_int *cancel)
{
	const struct account_settings *a = s->account;

	s->pass.is_secret = true;
	if (a->pass != NULL)
		buf_adds(&s->pass, a->pass);
	else if (a->pass_cmd.shell != NULL)
		return from_command(a, &a->pass_cmd, "PassCmd", is_token(a) ? TOKEN_MOST : SECRET_PASS_MOST, limit,
		    cancel, &s->pass, &s->err);
	else if (may_ask(a) && needs_pass(a))
		return ask(a, "Pass", true, buf_str(&s->user), cancel, &s->pass, &s->err);
	return 0;
}

void
secrets_fetch(struct secrets *s, const struct account_settings *a, unsigned limit,
    const atomic_int *cancel)
{
	struct secret *secret;

	if (secret_of(s, a) != NULL)
		return;
	protect_process();
	secret = vec_add(&s->all);
	secret->account = a;
	secret->status = fetch_user(secret, limit, cancel) < 0 || fetch_pass(secret, limit, cancel) < 0 ? -1 : 0;
	redact_add(buf_str(&secret->pass), secret->pass.len);
}

const struct secret *
secret_of(const struct secrets *s, const struct account_settings *a)
{
	for (size_t i = 0; i < s->all.n; i++)
		if (s->all.at[i].account == a)
			return &s->all.at[i];
	return NULL;
}

void
secrets_keep(struct secrets *s, const struct account_settings *const *accounts, size_t n)
{
	size_t kept = 0, k;

	redact_clear();
	for (size_t i = 0; i < s->all.n; i++) {
		for (k = 0; k < n && accounts[k] != s->all.at[i].account; k++)
			continue;
		if (k < n) {
			redact_add(buf_str(&s->all.at[i].pass), s->all.at[i].pass.len);
			s->all.at[kept++] = s->all.at[i];
			continue;
		}
		buf_release(&s->all.at[i].user);
		buf_release(&s->all.at[i].pass);
	}
	s->all.n = kept;
}

void
secrets_release(struct secrets *s)
{
	for (size_t i = 0; i < s->all.n; i++) {
		buf_release(&s->all.at[i].user);
		buf_release(&s->all.at[i].pass);
	}
	vec_release(&s->all);
	redact_clear();
}
