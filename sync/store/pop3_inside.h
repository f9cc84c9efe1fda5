/* What the parts of the POP3 adapter share. Nobody else includes this.
 *
 * One session at a time: a server locks what it shows. What it listed is kept in the store for the run (`messages`), so that whoever asks
 * again what is there is answered without asking the server; it is listed anew by a session that needs its numbers. */
#ifndef SYNC_STORE_POP3_INSIDE_H
#define SYNC_STORE_POP3_INSIDE_H

#include "sync/net/net.h"
#include "sync/pop3/session.h"
#include "sync/sasl/auth.h"
#include "sync/store/pop3.h"

struct pop3_message {
	struct key key;			/* its UID; of several that have the same, all but the first with " 2" and so on behind it */
	uint32_t number;		/* in the session that listed it */
	uint64_t size;			/* as listed; 0 = not known */
};

struct pop3_store {
	struct store store;
	const struct store_settings *set;
	struct store_env env;
	struct net *net;
	struct auth_settings auth;
	unsigned offered;		/* as pop3_session_offered() has it */
	unsigned login_delay;		/* seconds; 0 = none */
	int64_t last_login;		/* seconds since 1970; 0 = not known */
	/* What the last list showed, without what was deleted since. */
	struct arena arena;		/* keys */
	VEC(struct pop3_message) messages;	/* by key */
	bool is_listed, has_sizes;
	int64_t listed_at;
};

struct pop3_conn {
	struct session session;
	struct pop3_store *st;
	struct pop3_session *s;		/* NULL: after QUIT, or given up; made anew when it is needed */
	bool holds_numbers;		/* those of st->messages are this session's */
	bool has_marks;			/* DELE was said, and not QUIT */
	bool was_asked;			/* for the list that begins a run */
};

static inline struct pop3_conn *
pop3_conn_of(struct session *c)
{
	return (struct pop3_conn *)c;
}

/* ---- pop3_list.c ---- */

/* Connects and logs in where there is no session, waiting as LOGIN-DELAY asks. */
int pop3_connect(struct pop3_conn *c, struct err *e);
/* Ends the session with QUIT, unless something is marked in it. */
void pop3_leave(struct pop3_conn *c);
/* A session that has listed what is there, so that numbers hold. */
int pop3_number(struct pop3_conn *c, struct err *e);
struct pop3_message *pop3_find(struct pop3_store *st, struct key key);	/* NULL = not there */
void pop3_forget(struct pop3_store *st, struct key key);

int pop3_store_list(struct session *c, struct listing *l, struct err *e);
int pop3_store_delta(struct session *c, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e);
enum mailbox_state pop3_mailbox_state(struct session *c, const char *name, const char *above, struct err *e);

/* ---- pop3_check.c ---- */
int pop3_check(struct store *s, struct listing *l_r, const struct findings *out);

/* ---- pop3_fetch.c ---- */
int pop3_fetch(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items, const struct body_sink *sink,
    struct err *e);
int pop3_identify(struct session *c, struct fetch_part *parts, size_t n, struct identify_item *items, unsigned want, struct err *e);

/* ---- pop3_expunge.c ---- */
int pop3_change(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct err *e);

#endif
