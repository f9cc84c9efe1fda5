/* A login by SASL in a protocol of lines, whose server says yes, no, or asks: AUTH of POP3 (RFC 5034) and of SMTP (RFC 4954).
 *
 *   fill a struct login -> login_choose -> login_say -> login_release
 *
 * A server may offer -PLUS and not know the kind of channel binding that there is: login_say() then returns 1, and both are called once more.
 */
#ifndef SYNC_SASL_LOGIN_H
#define SYNC_SASL_LOGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "sync/sasl/auth.h"

enum { LOGIN_MECHANISMS_MAX = 64 };

/* What the server answers to a line. text is borrowed until the next line. */
struct login_reply {
	bool is_ok;
	bool is_challenge;		/* text is base64 */
	bool is_about_us;		/* a refusal that can mean user and password alone */
	const char *code;		/* RFC 5530's word for what it means; NULL = none */
	const char *text;
};

struct login {
	struct auth_settings set;	/* has_initial is login_choose()'s; all it points to is borrowed */
	const char *offered;		/* mechanisms, parted by blanks; borrowed */
	size_t line_max;		/* octets of a command: a first response that makes it longer waits for a challenge */
	/* Sends a line, a secret, behind which it puts the line end; and reads the answer. */
	int (*say)(void *ctx, struct buf *line, struct login_reply *reply_r, struct err *e);
	void *ctx;
	/* Its own: 0 before the first call. */
	struct auth *auth;		/* chosen */
	unsigned strength;		/* auth_strength() of what is or was offered */
	bool refuses_binding;
};

/* 0: l->auth says what is used. -1 with *e as auth_new() has it. */
int login_choose(struct login *l, struct err *e);
/* AUTH and all that follows. 0: we are in. 1: choose and say once more. -1 with *e as auth_finish() has it, or the line's. */
int login_say(struct login *l, struct err *e);
void login_release(struct login *l);

#endif
