/* The inside of a session, for sync/imap/{engine,dispatch,select,open}.c alone. */
#ifndef SYNC_IMAP_ENGINE_H
#define SYNC_IMAP_ENGINE_H

#include "state/base/vec.h"
#include "sync/imap/session.h"

/* A mailbox that was selected in this session. */
struct selection {
	struct imap_box box;
	char *label;			/* its name for people */
	const struct imap_events *ev;
	void *ctx;
	unsigned tag;			/* of its SELECT */
	bool is_failed;			/* the SELECT was refused; failure says why */
	struct err failure;
};

/* A command not answered yet. */
struct pending {
	unsigned tag;
	struct imap_command c;
	const struct imap_events *ev;
	void *ctx;
	size_t bytes;			/* that count in the window */
	bool is_started;		/* its first byte was written */
	enum { PENDING_PLAIN, PENDING_SELECT, PENDING_UNSELECT } role;
	struct selection *sel;		/* READ, WRITE: its mailbox; SELECT: what it opens */
};

struct imap_session {
	/* Untagged lines since the last tagged one, by what they are about; their octets, and those of lines that were nobody's. */
	struct imap_lines { uint64_t idle, mailboxes, messages, octets, idle_octets; } lines;
	bool has_shown_closed;		/* [CLOSED], in this session */
	bool is_taken;			/* a command had asked for the line that was dispatched last */
	unsigned alerts;		/* shown */
	struct stream *stream;
	struct imap_reader *reader;
	struct imap_reply reply;
	char label[256];
	unsigned pipeline_depth;	/* commands unanswered at most; 0 = no limit */
	struct imap_caps caps;
	bool is_stale;			/* caps are of before the login, or of another run */
	bool is_unprotected;		/* TLS is wanted and not there yet: what is heard is believed and shown by nobody */
	bool is_dovecot;		/* by its greeting */
	bool has_qresync, has_condstore, is_uidonly, is_utf8;	/* ENABLED said so */
	struct imap_memory memory;
	char greeting[256];		/* "" = it may be anybody's */
	char mechanism[24];		/* by which the login was; "" = none was needed */
	unsigned last_tag;
	VEC(struct pending) pending;	/* in the order sent */
	size_t in_flight;		/* bytes of theirs */
	bool is_holding;		/* the opening writes its one flight: no flush, no window */
	bool is_asked, is_continued;	/* somebody waits for `+`; it came */
	struct buf challenge;		/* its text */
	bool is_leaving;		/* LOGOUT was sent */
	bool is_unordered;		/* answered a SELECT before what was asked in front of it */
	bool is_bye;
	struct buf bye;
	VEC(struct selection *) selections;
	struct selection *flowing;	/* whose data comes in now */
	struct selection *latest;	/* whose data commands sent now will ask for */
	int body_owner;			/* index of pending; -1 = the mailbox itself; -2 = nobody */
	bool is_body_begun;
	bool is_dead;
	struct err failure;
	void (*alert)(void *ctx, const char *text);
	void *alert_ctx;
};

/* engine.c */
int imap_write(struct imap_session *s, const void *p, size_t len, struct err *e);
int imap_die(struct imap_session *s, const struct err *why, struct err *e);
int imap_send_as(struct imap_session *s, struct imap_command *c, int role, struct selection *sel,
    const struct imap_events *ev, void *ctx, unsigned *ticket_r, struct err *e);
/* Reads until the `+` of the last command, or its end. 1: `+` came; 0: the command ended; -1. */
int imap_await(struct imap_session *s, unsigned tag, struct err *e);

/* session.c: frees all but the stream, which is closed or another's by now. */
void imap_session_release(struct imap_session **s);
/* session_view.c: the server's words for people; others where they may be anybody's. */
const char *imap_words(const struct imap_session *s, const char *text);
/* A command that is `text` alone. 0 whenever there is an answer. */
int imap_ask(struct imap_session *s, const char *text, struct imap_answer *answer_r, struct err *e);

/* dispatch.c: hands s->reply to whom it belongs. -1: it cannot be (the connection must close). */
int imap_dispatch(struct imap_session *s, struct err *e);
struct imap_body_sink imap_body_router(struct imap_session *s);

/* flowing.c */
void imap_box_code(struct imap_session *s, const struct imap_code *code);
void imap_box_flags(struct imap_session *s, const struct flag_mask *mask);
/* A code that says that something is a part; EXISTS. */
void imap_box_part(struct imap_session *s, const struct imap_code *code);
void imap_box_exists(struct imap_session *s, uint32_t n);
void imap_box_closed(struct imap_session *s);
/* The next mailbox whose SELECT is under way; NULL = none. */
struct selection *imap_box_next(const struct imap_session *s);
/* A line about the mailbox whose data comes in. is_of_select: one that only a SELECT's answer brings. */
void imap_box_unreadable(struct imap_session *s, bool is_of_select, const char *why);
/* The tagged answer to a SELECT or UNSELECT. */
void imap_box_answered(struct imap_session *s, const struct pending *p, const struct imap_result *result);
/* select.c */
void imap_selections_release(struct imap_session *s);

/* Whether SELECT is answered with [CLOSED]. What another session heard holds where that was due to QRESYNC (RFC 7162 section 3.2.11) only if
 * this one has it too. */
static inline bool
imap_shows_closed(const struct imap_session *s)
{
	return s->has_shown_closed || (s->memory.shows_closed && s->has_qresync);
}

#endif
