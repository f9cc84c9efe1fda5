/* Mailboxes made, removed and renamed (RFC 9051 sections 6.3.4 to 6.3.7, RFC 6154 section 3). */
#include <string.h>
#include <time.h>

#include "sync/imap/utf7.h"
#include "sync/store/imap_inside.h"

static const struct { unsigned attr; const char *use; } uses[] = {
	{ MAILBOX_ARCHIVE, "\\Archive" }, { MAILBOX_DRAFTS, "\\Drafts" }, { MAILBOX_JUNK, "\\Junk" },
	{ MAILBOX_SENT, "\\Sent" }, { MAILBOX_TRASH, "\\Trash" },
};

/* Runs one command about one or two mailboxes; *answer_r is what came of it. */
static int
run(struct imap_conn *c, const char *verb, const char *name, const char *second, const char *tail,
    struct imap_answer *answer_r, struct err *e)
{
	static const struct imap_events none;
	struct imap_command cmd;
	struct buf wire = { 0 };
	int status;

	imap_begin(c, &cmd, IMAP_ANY);
	cmd.changes = true;
	imap_put(&cmd, verb);
	status = imap_name_out(c->st, name, &wire, e);
	if (status == 0)
		status = imap_put_mailbox(&cmd, buf_str(&wire), e);
	if (status == 0 && second != NULL) {
		buf_clear(&wire);
		imap_put(&cmd, " ");
		status = imap_name_out(c->st, second, &wire, e);
		if (status == 0)
			status = imap_put_mailbox(&cmd, buf_str(&wire), e);
	}
	imap_put(&cmd, tail);
	if (status == 0 && (status = imap_run(c->s, &cmd, &none, NULL, answer_r, e)) < 0)
		err_widen(e, ERR_STORE);
	imap_command_release(&cmd);
	buf_release(&wire);
	return status;
}

/* What an answer means for the outcome; -1 with *e unless it is done. */
static int
judge(struct imap_conn *c, const struct imap_answer *a, const char *what, const char *name, enum outcome *o,
    struct err *e)
{
	*o = a->status == IMAP_OK ? OUTCOME_DONE : a->status == IMAP_LOST ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
	if (a->status == IMAP_OK)
		return 0;
	imap_answer_err(c->s, a, ERR_BOX, what, e);
	return err_context(e, "mailbox %s", name);
}

int
imap_create_mailbox(struct session *session, const char *name, unsigned role, enum outcome *o, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct imap_answer answer, ignored;
	struct buf tail = { 0 };
	size_t i;
	int status;

	*o = OUTCOME_FAILED;
	for (i = 0; i < sizeof uses / sizeof uses[0]; i++)
		if ((role & uses[i].attr) && imap_caps_has(imap_session_caps(c->s), IMAP_CAP_CREATE_SPECIAL_USE) &&
		    tail.len == 0)
			buf_printf(&tail, " (USE (%s))", uses[i].use);
	status = run(c, "CREATE ", name, NULL, buf_str(&tail), &answer, e);
	/* A role may be taken, or not be for us to give: the mailbox matters more. */
	if (status == 0 && answer.status == IMAP_NO && tail.len > 0 && answer.code != IMAP_CODE_ALREADYEXISTS)
		status = run(c, "CREATE ", name, NULL, "", &answer, e);
	buf_release(&tail);
	if (status < 0) {
		*o = OUTCOME_UNKNOWN;
		return -1;
	}
	if (answer.status == IMAP_NO && (answer.code == IMAP_CODE_ALREADYEXISTS || imap_mailbox_state(session, name, NULL, e) == MAILBOX_THERE))
		answer.status = IMAP_OK;
	/* Other programs show their users what is subscribed. A server that refuses leaves a mailbox all the same. */
	if (answer.status == IMAP_OK && run(c, "SUBSCRIBE ", name, NULL, "", &ignored, e) < 0)
		return -1;
	return judge(c, &answer, "CREATE", name, o, e);
}

int
imap_leave(struct session *session, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	const struct imap_box *box;

	return imap_session_box(c->s) == NULL ? 0 : imap_enter(c, "INBOX", true, &box, e);
}

/* Cyrus keeps what is removed under a name that ends with the second it was: of two mailboxes of one name within a second the
 * later is refused, for there is one already. */
static int
delete_mailbox(struct imap_conn *c, const char *name, struct imap_answer *answer_r, struct err *e)
{
	static const struct timespec second = { .tv_sec = 1, .tv_nsec = 100 * 1000 * 1000 };

	if (run(c, "DELETE ", name, NULL, "", answer_r, e) < 0)
		return -1;
	if (answer_r->status != IMAP_NO || (answer_r->code != IMAP_CODE_ALREADYEXISTS &&
	    strcasestr(answer_r->text, "already exists") == NULL))
		return 0;
	(void)nanosleep(&second, NULL);
	return run(c, "DELETE ", name, NULL, "", answer_r, e);
}

int
imap_remove_mailbox(struct session *session, const char *name, enum outcome *o, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct imap_answer answer, ignored;

	*o = OUTCOME_FAILED;
	if (imap_leave(session, e) < 0)
		return -1;
	if (delete_mailbox(c, name, &answer, e) < 0) {
		*o = OUTCOME_UNKNOWN;
		return -1;
	}
	if (answer.status == IMAP_NO && answer.code == IMAP_CODE_NONEXISTENT)
		answer.status = IMAP_OK;
	if (answer.status == IMAP_OK && run(c, "UNSUBSCRIBE ", name, NULL, "", &ignored, e) < 0)
		return -1;
	return judge(c, &answer, "DELETE", name, o, e);
}

struct subscribed {
	struct imap_conn *c;
	const char *from;
	VEC(char *) below;		/* what follows `from` in the names found */
};

static void
on_subscribed(void *ctx, const struct imap_list *list)
{
	struct subscribed *w = ctx;
	struct buf name = { 0 };
	size_t len = strlen(w->from);
	const char *why, *full;

	if (imap_name_in(w->c->st, list->name, list->name_len, imap_session_is_utf8(w->c->s), list->delimiter, &name,
	    &why) == 1) {
		full = buf_str(&name);
		if (strncmp(full, w->from, len) == 0 && (full[len] == '\0' || full[len] == '/'))
			vec_push(&w->below, mem_strdup(full + len));
	}
	buf_release(&name);
}

/* What is subscribed to of a mailbox and those below it. Asked before the rename: Cyrus hides what is there no more. */
static int
find_subscribed(struct subscribed *w, struct err *e)
{
	static const struct imap_events events = { .list = on_subscribed };
	struct imap_conn *c = w->c;
	struct imap_answer ignored;
	struct imap_command cmd;
	struct buf wire = { 0 }, pattern = { 0 };
	int status;

	imap_begin(c, &cmd, IMAP_ANY);
	imap_put(&cmd, "LSUB \"\" ");
	status = imap_name_out(c->st, w->from, &wire, e);
	if (status == 0)
		status = imap_name_to_wire(&pattern, buf_str(&wire), wire.len, imap_session_is_utf8(c->s));
	buf_addc(&pattern, '*');
	imap_put_string(&cmd, buf_str(&pattern), pattern.len);
	if (status == 0 && (status = imap_run(c->s, &cmd, &events, w, &ignored, e)) < 0)
		err_widen(e, ERR_STORE);
	imap_command_release(&cmd);
	buf_release(&wire);
	buf_release(&pattern);
	return status;
}

/* No server takes subscriptions along. */
static int
follow_subscriptions(struct subscribed *w, const char *to, struct err *e)
{
	struct imap_answer ignored;
	struct arena a = { 0 };
	size_t i;
	int status = 0;

	for (i = 0; i < w->below.n && status == 0; i++) {
		status = run(w->c, "SUBSCRIBE ", arena_printf(&a, "%s%s", to, w->below.at[i]), NULL, "", &ignored, e);
		if (status == 0)
			status = run(w->c, "UNSUBSCRIBE ", arena_printf(&a, "%s%s", w->from, w->below.at[i]), NULL, "", &ignored, e);
	}
	arena_release(&a);
	return status;
}

int
imap_rename_mailbox(struct session *session, const char *from, const char *to, enum outcome *o, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct subscribed w = { .c = c, .from = from };
	struct imap_answer answer;
	size_t i;
	int status = -1;

	*o = OUTCOME_FAILED;
	/* RENAME would leave those below it where they are, for to the server they are beside it. */
	if (c->st->set->flatten != NULL)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s: mailbox %s cannot be renamed in a store with Flatten",
		    c->st->store.name, from);
	if (imap_leave(session, e) < 0 || find_subscribed(&w, e) < 0)
		goto done;
	if (run(c, "RENAME ", from, to, "", &answer, e) < 0) {
		*o = OUTCOME_UNKNOWN;
		goto done;
	}
	status = judge(c, &answer, "RENAME", from, o, e);
	if (status == 0)
		status = follow_subscriptions(&w, to, e);
done:
	for (i = 0; i < w.below.n; i++)
		free(w.below.at[i]);
	vec_release(&w.below);
	return status;
}
