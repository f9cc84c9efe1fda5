#include "sync/sasl/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/base/log.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/sasl/auth_sasl.h"
#include "sync/sasl/auth_token.h"
#include "sync/sasl/base64.h"

enum how {
	HOW_SASL,			/* through Cyrus */
	HOW_EXTERNAL,
	HOW_BEARER,
	HOW_XOAUTH2,
	HOW_PLAIN,
	HOW_LOGIN,			/* the SASL mechanism: a server that asks twice */
	HOW_LOGIN_COMMAND,
};

enum mech_flags {
	MECH_CLEAR = 1 << 0,		/* gives the password away to whoever listens */
	MECH_NO_SECRET = 1 << 1,
	MECH_NAMED = 1 << 2,		/* "*" does not mean it */
	MECH_ONE_FLIGHT = 1 << 3,
	MECH_BOUND = 1 << 4,		/* to the TLS connection */
	MECH_WEAK = 1 << 5,		/* who listens can find the password by trying */
};

enum { ROUNDS_LEAST = 4096, ROUNDS_MOST = 1000000 };

/* The best first. "" stands for what else is named and offered. */
static const struct mech {
	const char *name;
	enum how how;
	unsigned flags;
} mechs[] = {
	{ "EXTERNAL", HOW_EXTERNAL, MECH_NO_SECRET | MECH_ONE_FLIGHT },
	{ "GSSAPI", HOW_SASL, MECH_NO_SECRET },
	{ "GSS-SPNEGO", HOW_SASL, MECH_NO_SECRET },
	{ "SCRAM-SHA-512-PLUS", HOW_SASL, MECH_BOUND },
	{ "SCRAM-SHA-384-PLUS", HOW_SASL, MECH_BOUND },
	{ "SCRAM-SHA-256-PLUS", HOW_SASL, MECH_BOUND },
	{ "SCRAM-SHA-224-PLUS", HOW_SASL, MECH_BOUND },
	{ "SCRAM-SHA-1-PLUS", HOW_SASL, MECH_BOUND },
	{ "SCRAM-SHA-512", HOW_SASL, 0 },
	{ "SCRAM-SHA-384", HOW_SASL, 0 },
	{ "SCRAM-SHA-256", HOW_SASL, 0 },
	{ "SCRAM-SHA-224", HOW_SASL, 0 },
	{ "SCRAM-SHA-1", HOW_SASL, 0 },
	{ "OAUTHBEARER", HOW_BEARER, MECH_CLEAR | MECH_NAMED | MECH_ONE_FLIGHT },
	{ "XOAUTH2", HOW_XOAUTH2, MECH_CLEAR | MECH_NAMED | MECH_ONE_FLIGHT },
	{ "DIGEST-MD5", HOW_SASL, MECH_WEAK },
	{ "CRAM-MD5", HOW_SASL, MECH_WEAK },
	{ "", HOW_SASL, MECH_NAMED },
	{ "PLAIN", HOW_PLAIN, MECH_CLEAR | MECH_ONE_FLIGHT },
	{ "LOGIN", HOW_LOGIN_COMMAND, MECH_CLEAR },
	{ "LOGIN", HOW_LOGIN, MECH_CLEAR },
};

struct candidate {
	const struct mech *mech;
	const char *name;		/* the table's, or AuthMechs' own */
};

struct auth {
	struct auth_settings set;
	const struct mech *mech;
	char *name;
	struct auth_sasl *sasl;		/* NULL unless HOW_SASL */
	struct buf first;		/* what the client says first, raw */
	bool has_first, is_first_sent;
	int answered;			/* challenges answered so far */
	bool is_refused;		/* a token's error challenge has come */
	struct buf reason;		/* its words */
};

/* Choosing. */

static bool
has_name(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(list[i], name) == 0)
			return true;
	return false;
}

static bool
is_any(const struct auth_settings *set)
{
	return set->n_allowed == 0 || has_name(set->allowed, set->n_allowed, "*");
}

static bool
is_allowed(const struct auth_settings *set, const struct mech *m)
{
	if (has_name(set->allowed, set->n_allowed, m->name))
		return true;
	if (!is_any(set) || (m->flags & MECH_NAMED) != 0)
		return false;
	if (m->how == HOW_EXTERNAL)
		return set->has_client_certificate;
	return (m->flags & (MECH_CLEAR | MECH_WEAK)) == 0 || set->is_tls;
}

static bool
is_known(const char *name)
{
	for (size_t i = 0; i < sizeof mechs / sizeof *mechs; i++)
		if (strcasecmp(mechs[i].name, name) == 0)
			return true;
	return false;
}

enum strength { STRENGTH_UNKNOWN, STRENGTH_CLEAR, STRENGTH_MD5, STRENGTH_SHA1, STRENGTH_SHA2 };

static enum strength
strength_of(const char *name)
{
	if (strncasecmp(name, "SCRAM-SHA-1", 11) == 0 && (name[11] == '\0' || name[11] == '-'))
		return STRENGTH_SHA1;
	if (strncasecmp(name, "SCRAM-", 6) == 0)
		return STRENGTH_SHA2;
	if (strcasecmp(name, "CRAM-MD5") == 0 || strcasecmp(name, "DIGEST-MD5") == 0)
		return STRENGTH_MD5;
	return strcasecmp(name, "PLAIN") == 0 || strcasecmp(name, "LOGIN") == 0 ? STRENGTH_CLEAR : STRENGTH_UNKNOWN;
}

unsigned
auth_strength(const char *const *offered, size_t n)
{
	enum strength best = STRENGTH_UNKNOWN;

	for (size_t i = 0; i < n; i++)
		if (strength_of(offered[i]) > best)
			best = strength_of(offered[i]);
	return best;
}

/* Without TLS whoever sits on the line can take the better mechanisms out of what is offered. */
static int
check_strength(const struct auth_settings *set, const char *name, struct err *e)
{
	enum strength best = is_any(set) ? STRENGTH_SHA2 : auth_strength(set->allowed, set->n_allowed);
	enum strength used = strength_of(name);

	if (best > set->offered_before)
		best = set->offered_before;
	if (set->is_tls || used == STRENGTH_UNKNOWN || used >= best)
		return 0;
	return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: of its ways to log in the server now offers %s as the best, and "
	    "has offered a better one before: without TLS somebody on the way may have taken it out. Use TLS; or, where the server "
	    "has changed, name %s alone in AuthMechs", set->label, name, name);
}

typedef VEC(struct candidate) candidates;

static void
line_up(const struct auth_settings *set, const char *const *offered, size_t n, candidates *list)
{
	size_t i, k;

	for (i = 0; i < sizeof mechs / sizeof *mechs; i++) {
		const struct mech *m = &mechs[i];

		if (*m->name == '\0') {
			for (k = 0; k < set->n_allowed; k++)
				if (!is_known(set->allowed[k]) && has_name(offered, n, set->allowed[k]))
					vec_push(list, (struct candidate){ m, set->allowed[k] });
		} else if (is_allowed(set, m) && ((m->flags & MECH_BOUND) == 0 || set->binding != NULL) && (m->how == HOW_LOGIN_COMMAND ? set->has_login :
		    has_name(offered, n, m->name))) {
			vec_push(list, (struct candidate){ m, m->name });
		}
	}
}

static void
add_names(struct buf *b, const char *const *list, size_t n, const char *none)
{
	if (n == 0)
		buf_adds(b, none);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%s", i ? " " : "", list[i]);
}

/* Nothing in common: what each side has, and what may be missing. */
static void
fail_choice(const struct auth_settings *set, const char *const *offered, size_t n, struct err *e)
{
	struct buf b = { NULL, 0, 0, 0 };
	bool has_clear = set->has_login || has_name(offered, n, "PLAIN") || has_name(offered, n, "LOGIN");
	bool has_token = has_name(offered, n, "XOAUTH2") || has_name(offered, n, "OAUTHBEARER");

	buf_adds(&b, "the server offers ");
	add_names(&b, offered, n, set->has_login ? "only LOGIN" : "no way to log in");
	buf_adds(&b, "; AuthMechs allows ");
	add_names(&b, set->allowed, set->n_allowed, "*");
	if (is_any(set) && has_clear && !set->is_tls)
		buf_adds(&b, ", which without TLS does not mean those that show the password");
	else if (is_any(set) && has_token)
		buf_adds(&b, ", which does not mean those that want a token instead of a password (name them in"
		    " AuthMechs, and get the token with PassCmd)");
	err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: no authentication mechanism in common: %s",
	    set->label, buf_str(&b));
	buf_release(&b);
}

static int
fail_missing(const struct auth_settings *set, const char *name, const char *what, struct err *e)
{
	return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: %s needs %s", set->label, name, what);
}

static int
make_plain(const struct auth_settings *set, struct buf *out, struct err *e)
{
	if (memchr(buf_str(set->secret), '\0', set->secret->len) != NULL)
		return fail_missing(set, "PLAIN", "a password without NUL bytes", e);
	buf_addc(out, '\0');		/* to act as whom we log in as */
	buf_adds(out, set->user);
	buf_addc(out, '\0');
	buf_add(out, set->secret->data, set->secret->len);
	return 0;
}

/* Makes auth ready to speak with the candidate. -1: it cannot. */
static int
begin(struct auth *a, const struct candidate *c, struct err *e)
{
	const struct auth_settings *set = &a->set;
	int r;

	if ((c->mech->flags & MECH_NO_SECRET) == 0 && (set->user == NULL || set->user[0] == '\0'))
		return fail_missing(set, c->name, "User", e);
	if ((c->mech->flags & MECH_NO_SECRET) == 0 && set->secret == NULL)
		return fail_missing(set, c->name, "Pass or PassCmd", e);
	free(a->name);
	a->name = mem_strdup(c->name);
	for (char *s = a->name; *s; s++)
		*s = (char)(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
	a->mech = c->mech;
	buf_clear(&a->first);
	a->has_first = true;
	if (check_strength(set, c->name, e) < 0)
		return -1;
	switch (c->mech->how) {
	case HOW_SASL:
		if ((r = auth_sasl_new(set, a->name, &a->sasl, &a->first, e)) < 0)
			return -1;
		a->has_first = r;
		return 0;
	case HOW_EXTERNAL:
		buf_adds(&a->first, set->user != NULL ? set->user : "");
		return 0;
	case HOW_BEARER:
		return auth_token_bearer(set, &a->first, e);
	case HOW_XOAUTH2:
		return auth_token_xoauth2(set, &a->first, e);
	case HOW_PLAIN:
		return make_plain(set, &a->first, e);
	case HOW_LOGIN:
	case HOW_LOGIN_COMMAND:
		a->has_first = false;
	}
	return 0;
}

struct auth *
auth_new(const struct auth_settings *set, const char *const *offered, size_t n_offered, struct err *e)
{
	struct auth *a = mem_alloc(sizeof *a);
	candidates list = { NULL, 0, 0 };
	struct err later;
	size_t i;

	a->set = *set;
	a->first.is_secret = 1;
	line_up(set, offered, n_offered, &list);
	if (list.n == 0)
		fail_choice(set, offered, n_offered, e);
	for (i = 0; i < list.n; i++) {
		/* The best one's reason is the one to tell. */
		if (begin(a, &list.at[i], i == 0 ? e : &later) == 0)
			break;
		log_line(LOG_NET, "%s", i == 0 ? e->text : later.text);
	}
	if (i == list.n)
		auth_free(&a);
	vec_release(&list);
	return a;
}

void
auth_free(struct auth **auth)
{
	struct auth *a = *auth;

	*auth = NULL;
	if (a == NULL)
		return;
	auth_sasl_free(&a->sasl);
	buf_release(&a->first);
	buf_release(&a->reason);
	free(a->name);
	free(a);
}

const char *
auth_mechanism(const struct auth *auth)
{
	return auth->name;
}

bool
auth_is_login(const struct auth *auth)
{
	return auth->mech->how == HOW_LOGIN_COMMAND;
}

bool
auth_is_one_flight(const struct auth *auth)
{
	return (auth->mech->flags & MECH_ONE_FLIGHT) != 0;
}

/* Speaking. */

int
auth_initial(struct auth *auth, struct buf *out)
{
	if (!auth->has_first || !auth->set.has_initial)
		return 0;
	out->is_secret = 1;
	if (auth->first.len == 0)
		buf_addc(out, '=');
	else
		base64_encode(auth->first.data, auth->first.len, out);
	auth->is_first_sent = true;
	return 1;
}

static int
fail_extra(struct auth *a, struct err *e)
{
	return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER,
	    "%s: the server asks for more than %s has to say", a->set.label, a->name);
}

/* The rounds of a SCRAM server's first message, "r=...,s=...,i=4096". */
static int
check_rounds(const struct auth *a, const struct buf *challenge, struct err *e)
{
	const struct auth_settings *set = &a->set;
	const char *at = challenge->len > 2 && strncmp(challenge->data, "r=", 2) == 0 ? strstr(challenge->data, ",i=") : NULL;
	char text[256];
	unsigned long n;

	if (strncmp(a->name, "SCRAM-", 6) != 0 || at == NULL)
		return 0;
	n = strtoul(at + 3, NULL, 10);
	if (n > ROUNDS_MOST)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: the server wants %lu rounds of %s, more than the %d that are "
		    "worked off for anybody", set->label, n, a->name, ROUNDS_MOST);
	if (n >= ROUNDS_LEAST)
		return 0;
	if (!set->is_tls)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: the server wants no more than %lu rounds of %s; without TLS "
		    "that would let whoever listens find the password by trying (%d are the least)", set->label, n, a->name,
		    ROUNDS_LEAST);
	snprintf(text, sizeof text, "the server wants no more than %lu rounds of %s (%d are the least that is safe): its copy of "
	    "the password is easily found by trying, should it be lost", n, a->name, ROUNDS_LEAST);
	if (set->warn != NULL)
		set->warn(set->warn_ctx, text);
	return 0;
}

/* The answer to `challenge`, both raw. */
static int
answer(struct auth *a, const struct buf *challenge, struct buf *out, struct err *e)
{
	if (a->has_first && !a->is_first_sent) {
		a->is_first_sent = true;
		buf_add(out, buf_str(&a->first), a->first.len);
		return 0;
	}
	switch (a->mech->how) {
	case HOW_SASL:
		if (check_rounds(a, challenge, e) < 0)
			return -1;
		return auth_sasl_step(a->sasl, buf_str(challenge), challenge->len, out, e);
	case HOW_BEARER:
	case HOW_XOAUTH2:
		/* A refusal in words; the answer only ends the conversation (RFC 7628 section 3.2.3). */
		if (a->is_refused)
			return fail_extra(a, e);
		a->is_refused = true;
		auth_token_explain(buf_str(challenge), challenge->len, &a->reason);
		if (a->mech->how == HOW_BEARER)
			buf_addc(out, '\001');
		return 0;
	case HOW_LOGIN:
		/* The prompts' words differ between servers, their order does not. */
		if (a->answered == 0)
			buf_adds(out, a->set.user);
		else if (a->answered == 1)
			buf_add(out, buf_str(a->set.secret), a->set.secret->len);
		else
			return fail_extra(a, e);
		return 0;
	default:
		return fail_extra(a, e);
	}
}

int
auth_step(struct auth *auth, const char *challenge, size_t len, struct buf *out, struct err *e)
{
	struct buf asked = { .is_secret = 1 }, said = { .is_secret = 1 };
	int ret = -1;

	out->is_secret = 1;
	buf_clear(out);
	while (len > 0 && strchr(" \t\r\n", challenge[len - 1]) != NULL)
		len--;
	/* LOGIN's prompts carry nothing, so whatever they are will do. */
	if (base64_decode(challenge, len, &asked) < 0 && auth->mech->how != HOW_LOGIN &&
	    !(auth->has_first && !auth->is_first_sent)) {
		err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: the server's %s challenge is not base64",
		    auth->set.label, auth->name);
		goto done;
	}
	if (answer(auth, &asked, &said, e) < 0)
		goto done;
	base64_encode(buf_str(&said), said.len, out);
	auth->answered++;
	ret = 0;
done:
	buf_release(&asked);
	buf_release(&said);
	return ret;
}

int
auth_finish(struct auth *auth, bool is_ok, const char *code, const char *text, struct err *e)
{
	const struct auth_settings *set = &auth->set;
	const char *user = set->user != NULL ? set->user : "us";
	bool is_passing;

	if (is_ok) {
		if (auth->mech->how != HOW_SASL || auth_sasl_is_complete(auth->sasl))
			return 0;
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER,
		    "%s: the server says OK before %s has shown that it knows the password: it may not be the"
		    " right server", set->label, auth->name);
	}
	/* RFC 5530: these speak of the server's state, not of the credentials. */
	is_passing = code != NULL && (strcasecmp(code, "UNAVAILABLE") == 0 ||
	    strcasecmp(code, "INUSE") == 0 || strcasecmp(code, "LIMIT") == 0 ||
	    strcasecmp(code, "SERVERBUG") == 0);
	if (is_passing)
		return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s: the server cannot log %s in now: %s",
		    set->label, user, text);
	err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: the server refuses to log %s in (%s): %s%s%s%s",
	    set->label, user, auth->name, text, auth->is_refused ? " (the token: " : "",
	    auth->is_refused ? buf_str(&auth->reason) : "", auth->is_refused ? ")" : "");
	return -1;
}
