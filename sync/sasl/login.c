#include "sync/sasl/login.h"

#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"

enum { CHALLENGES_MAX = 32 };

static int
choose(struct login *l, bool has_initial, struct err *e)
{
	struct auth_settings set = l->set;
	const char *offered[LOGIN_MECHANISMS_MAX];
	char *words = mem_strdup(l->offered), *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(words, " ", &save); w != NULL && n < LOGIN_MECHANISMS_MAX; w = strtok_r(NULL, " ", &save))
		offered[n++] = w;
	set.has_initial = has_initial;
	l->strength = auth_strength(offered, n) > set.offered_before ? auth_strength(offered, n) : set.offered_before;
	if (l->refuses_binding)
		set.binding = NULL;
	auth_free(&l->auth);
	l->auth = auth_new(&set, offered, n, e);
	free(words);
	return l->auth != NULL ? 0 : -1;
}

int
login_choose(struct login *l, struct err *e)
{
	return choose(l, true, e);
}

/* Answers challenges until the answer proper. */
static int
converse(struct login *l, struct login_reply *reply, int *challenges_r, struct err *e)
{
	struct buf answer = { .is_secret = 1 };
	struct err broken;
	bool is_broken = false;
	int status = 0;

	for (*challenges_r = 0; status == 0 && reply->is_challenge; ++*challenges_r) {
		if (*challenges_r >= CHALLENGES_MAX) {
			status = err_set(e, ERR_STORE, "%s asks without end while we log in", l->set.label);
			break;
		}
		if (!is_broken && auth_step(l->auth, reply->text, strlen(reply->text), &answer, &broken) < 0)
			is_broken = true;
		if (is_broken) {
			buf_clear(&answer);
			buf_addc(&answer, '*');
		}
		status = l->say(l->ctx, &answer, reply, e);
	}
	buf_release(&answer);
	if (status == 0 && is_broken) {
		*e = broken;
		status = -1;
	}
	return status;
}

static int
say_auth(struct login *l, struct login_reply *reply_r, int *challenges_r, struct err *e)
{
	struct buf line = { .is_secret = 1 };
	int status = 0;

	buf_printf(&line, "AUTH %s ", auth_mechanism(l->auth));
	if (auth_initial(l->auth, &line) == 0) {
		line.data[--line.len] = '\0';
	} else if (line.len > l->line_max) {
		status = choose(l, false, e);
		buf_clear(&line);
		if (status == 0)
			buf_printf(&line, "AUTH %s", auth_mechanism(l->auth));
	}
	if (status == 0)
		status = l->say(l->ctx, &line, reply_r, e);
	buf_release(&line);
	return status < 0 ? -1 : converse(l, reply_r, challenges_r, e);
}

/* As in sync/imap/open.c: a server may offer -PLUS and not know the binding that we have. */
static bool
has_refused_binding(const struct login *l, const struct login_reply *reply, int challenges)
{
	const char *name = auth_mechanism(l->auth);
	const size_t len = strlen(name);

	return !reply->is_ok && len > 5 && strcmp(name + len - 5, "-PLUS") == 0 && challenges < 2 && !l->refuses_binding &&
	    !reply->is_about_us && strcasestr(reply->text, "authentication fail") == NULL;
}

int
login_say(struct login *l, struct err *e)
{
	struct login_reply reply = { .text = "" };
	int challenges = 0;

	if (say_auth(l, &reply, &challenges, e) < 0)
		return -1;
	if (has_refused_binding(l, &reply, challenges)) {
		l->refuses_binding = true;
		auth_free(&l->auth);
		return 1;
	}
	return auth_finish(l->auth, reply.is_ok, reply.code, reply.text, e);
}

void
login_release(struct login *l)
{
	auth_free(&l->auth);
}
