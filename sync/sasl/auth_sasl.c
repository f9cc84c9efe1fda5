#include "sync/sasl/auth_sasl.h"

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sasl/sasl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state/base/log.h"
#include "state/base/mem.h"

struct auth_sasl {
	const struct auth_settings *set;
	const char *mechanism;		/* borrowed */
	sasl_conn_t *conn;
	sasl_secret_t *secret;		/* Cyrus's form of the password, made when it asks */
	size_t secret_size;
	sasl_callback_t callbacks[6];
	sasl_channel_binding_t binding;
	bool is_complete;
};

/* Everything Cyrus frees is wiped first, as it keeps passwords and what is made of them. */
static void
wiped_free(void *p)
{
	if (p != NULL)
		mem_wipe(p, malloc_usable_size(p));
	free(p);
}

static void *
wiped_realloc(void *p, size_t size)
{
	size_t old = p != NULL ? malloc_usable_size(p) : 0;
	void *q = malloc(size);

	if (q != NULL && p != NULL) {
		memcpy(q, p, old < size ? old : size);
		wiped_free(p);
	}
	return q;
}

static void *
mutex_new(void)
{
	pthread_mutex_t *m = mem_alloc(sizeof *m);

	pthread_mutex_init(m, NULL);
	return m;
}

static int
mutex_lock(void *m)
{
	return pthread_mutex_lock(m) == 0 ? SASL_OK : SASL_FAIL;
}

static int
mutex_unlock(void *m)
{
	return pthread_mutex_unlock(m) == 0 ? SASL_OK : SASL_FAIL;
}

static void
mutex_free(void *m)
{
	pthread_mutex_destroy(m);
	free(m);
}

/* Without this Cyrus writes to syslog. Its trace levels can hold secrets. */
static int
write_log(void *ctx, int level, const char *text)
{
	(void)ctx;
	if (level <= SASL_LOG_DEBUG && text != NULL)
		log_line(LOG_NET, "SASL: %s", text);
	return SASL_OK;
}

#define CALLBACK(fn) ((int (*)(void))(void (*)(void))(fn))

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int started = SASL_FAIL;

static void
start(void)
{
	static const sasl_callback_t callbacks[] = {
		{ SASL_CB_LOG, CALLBACK(write_log), NULL },
		{ SASL_CB_LIST_END, NULL, NULL },
	};

	sasl_set_alloc(malloc, calloc, wiped_realloc, wiped_free);
	sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock, mutex_free);
	started = sasl_client_init(callbacks);
}

/* What a mechanism may ask us. */

static int
get_user(void *ctx, int id, const char **result, unsigned *len)
{
	const struct auth_sasl *s = ctx;

	/* The same identity to log in with and to act as: an empty SASL_CB_USER says that. */
	*result = id == SASL_CB_AUTHNAME && s->set->user != NULL ? s->set->user : "";
	if (len != NULL)
		*len = (unsigned)strlen(*result);
	return SASL_OK;
}

static int
get_secret(sasl_conn_t *conn, void *ctx, int id, sasl_secret_t **result)
{
	struct auth_sasl *s = ctx;
	size_t len;

	(void)conn, (void)id;
	if (s->set->secret == NULL)
		return SASL_FAIL;
	if (s->secret == NULL) {
		len = s->set->secret->len;
		s->secret_size = sizeof *s->secret + len + 1;
		s->secret = mem_alloc(s->secret_size);
		s->secret->len = len;
		memcpy(s->secret->data, buf_str(s->set->secret), len);
	}
	*result = s->secret;
	return SASL_OK;
}

static int
get_realm(void *ctx, int id, const char **available, const char **result)
{
	(void)ctx, (void)id;
	*result = available != NULL && available[0] != NULL ? available[0] : "";
	return SASL_OK;
}

static void
set_callbacks(struct auth_sasl *s)
{
	sasl_callback_t *c = s->callbacks;

	*c++ = (sasl_callback_t){ SASL_CB_USER, CALLBACK(get_user), s };
	*c++ = (sasl_callback_t){ SASL_CB_AUTHNAME, CALLBACK(get_user), s };
	*c++ = (sasl_callback_t){ SASL_CB_PASS, CALLBACK(get_secret), s };
	*c++ = (sasl_callback_t){ SASL_CB_GETREALM, CALLBACK(get_realm), s };
	*c = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
}

static int
fail(const struct auth_sasl *s, int r, const char *what, struct err *e)
{
	const char *why = s->conn != NULL ? sasl_errdetail(s->conn) : sasl_errstring(r, NULL, NULL);
	bool is_gssapi = strcasecmp(s->mechanism, "GSSAPI") == 0;

	if (r == SASL_NOMECH)
		why = is_gssapi ? "its SASL plugin is not installed (Debian has it in libsasl2-modules-gssapi-mit)" :
		    "its SASL plugin is not installed";
	return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: %s %s: %s%s", s->set->label,
	    s->mechanism, what, why, is_gssapi && r != SASL_NOMECH ? "; klist shows the tickets, kinit gets one" : "");
}

static bool
is_bound(const char *mechanism)
{
	size_t len = strlen(mechanism);

	return len > 5 && strcmp(mechanism + len - 5, "-PLUS") == 0;
}

/* Sets conn up: no security layer, as TLS is ours to give. */
static int
set_up(struct auth_sasl *s)
{
	sasl_security_properties_t props;
	sasl_ssf_t ssf = s->set->is_tls ? 128 : 0;
	int r;

	r = sasl_client_new(s->set->service, s->set->host != NULL ? s->set->host : "localhost", NULL, NULL,
	    s->callbacks, 0, &s->conn);
	if (r != SASL_OK)
		return r;
	memset(&props, 0, sizeof props);
	if ((r = sasl_setprop(s->conn, SASL_SSF_EXTERNAL, &ssf)) != SASL_OK)
		return r;
	if ((r = sasl_setprop(s->conn, SASL_SEC_PROPS, &props)) != SASL_OK || !is_bound(s->mechanism))
		return r;
	s->binding = (sasl_channel_binding_t){ .name = s->set->binding, .critical = 1,
		.len = s->set->binding_data->len, .data = (const unsigned char *)buf_str(s->set->binding_data) };
	return sasl_setprop(s->conn, SASL_CHANNEL_BINDING, &s->binding);
}

int
auth_sasl_new(const struct auth_settings *set, const char *mechanism, struct auth_sasl **sasl_r,
    struct buf *first, struct err *e)
{
	struct auth_sasl *s = mem_alloc(sizeof *s);
	const char *out = NULL, *chosen = NULL;
	unsigned len = 0;
	int r;

	s->set = set;
	s->mechanism = mechanism;
	set_callbacks(s);
	pthread_once(&once, start);
	r = started;
	if (r == SASL_OK)
		r = set_up(s);
	if (r == SASL_OK)
		r = sasl_client_start(s->conn, mechanism, NULL, &out, &len, &chosen);
	if (r != SASL_OK && r != SASL_CONTINUE) {
		fail(s, r, "cannot be used", e);
		auth_sasl_free(&s);
		return -1;
	}
	s->is_complete = r == SASL_OK;
	if (out != NULL)
		buf_add(first, out, len);
	*sasl_r = s;
	return out != NULL;
}

void
auth_sasl_free(struct auth_sasl **sasl)
{
	struct auth_sasl *s = *sasl;

	*sasl = NULL;
	if (s == NULL)
		return;
	if (s->conn != NULL)
		sasl_dispose(&s->conn);
	mem_wipe(s->secret, s->secret_size);
	free(s->secret);
	free(s);
}

int
auth_sasl_step(struct auth_sasl *s, const char *challenge, size_t len, struct buf *answer,
    struct err *e)
{
	const char *out = NULL;
	unsigned out_len = 0;
	int r;

	/* After SASL_OK on our side a server may still send an empty challenge; nothing more. */
	if (s->is_complete)
		return len == 0 ? 0 : err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER,
		    "%s: the server goes on with %s where it is over", s->set->label, s->mechanism);
	if (len > UINT_MAX)
		return fail(s, SASL_BADPROT, "failed", e);
	r = sasl_client_step(s->conn, challenge, (unsigned)len, NULL, &out, &out_len);
	if (r == SASL_BADSERV)
		return err_class(e, ERR_STORE, ERR_REFUSED, ERR_NEVER,
		    "%s: the server could not prove (%s) that it knows the password of %s: it may not be the"
		    " right server", s->set->label, s->mechanism, s->set->user != NULL ? s->set->user : "the user");
	if (r != SASL_OK && r != SASL_CONTINUE)
		return fail(s, r, "failed", e);
	s->is_complete = r == SASL_OK;
	if (out != NULL)
		buf_add(answer, out, out_len);
	return 0;
}

bool
auth_sasl_is_complete(const struct auth_sasl *s)
{
	return s->is_complete;
}
