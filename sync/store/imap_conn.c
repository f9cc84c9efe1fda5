/* One session with an account: what it waits for, which mailbox is selected, and what it may keep of an answer. */
#include "sync/store/imap_inside.h"

void
imap_begin(struct imap_conn *c, struct imap_command *cmd, enum imap_command_kind kind)
{
	imap_command_init(cmd, kind, imap_session_caps(c->s), imap_session_is_utf8(c->s));
}

/* What the session learned of its server since it was opened. */
static void
learn(struct imap_conn *c)
{
	if (!imap_session_shows_closed(c->s))
		return;
	pthread_mutex_lock(&c->st->lock);
	c->st->memory.shows_closed = true;
	pthread_mutex_unlock(&c->st->lock);
}

int
imap_settle(struct imap_conn *c, struct err *e)
{
	if (imap_finish(c->s, e) < 0)
		return err_widen(e, ERR_STORE);
	learn(c);
	return 0;
}

int
imap_drain_to(struct imap_conn *c, unsigned most, struct err *e)
{
	return imap_drain(c->s, most, e) < 0 ? err_widen(e, ERR_STORE) : 0;
}

int
imap_expect_octets(struct imap_conn *c, uint64_t octets, struct err *e)
{
	/* Mail shrinks to a third: at 16 Mbit/s this many octets save about what a round trip of 50 ms costs. */
	enum { PAYS = 150 * 1000 };

	c->expected += octets;
	if (c->expected < PAYS)
		return 0;
	return imap_session_compress(c->s, e) < 0 ? err_widen(e, ERR_STORE) : 0;
}

void
imap_keep_begin(struct imap_conn *c)
{
	c->kept = 0;
}

bool
imap_keep(struct imap_conn *c, size_t octets, enum err_scope scope, const char *what, struct err *e)
{
	const uint64_t answer_limit = c->st->set->account->answer_limit;

	c->kept += octets;
	if (answer_limit == 0 || c->kept <= answer_limit)
		return true;
	err_class(e, scope, ERR_FAILED, ERR_LATER, "%s: the server says more of %s than may be kept of an answer (AnswerLimit %lluM)",
	    c->st->store.name, what, (unsigned long long)(answer_limit >> 20));
	return false;
}

const char *
imap_id_item(struct imap_conn *c)
{
	const struct imap_caps *caps = imap_session_caps(c->s);
	bool may_ask;

	if (imap_caps_has(caps, IMAP_CAP_OBJECTID))
		return "EMAILID";
	if (imap_caps_has(caps, IMAP_CAP_X_GM_EXT_1))
		return "X-GM-MSGID";
	if (!imap_session_is_dovecot(c->s))
		return NULL;
	pthread_mutex_lock(&c->st->lock);
	may_ask = !c->st->refuses_guid;
	pthread_mutex_unlock(&c->st->lock);
	return may_ask ? "X-GUID" : NULL;
}

static const struct imap_box *
already_in(struct imap_conn *c, const char *name, bool is_examine)
{
	const struct imap_box *box = imap_session_box(c->s);

	return box != NULL && c->selected != NULL && strcmp(c->selected, name) == 0 && box->is_answered &&
	    (is_examine || !c->is_examined) ? box : NULL;
}

/* ev NULL: nobody hears of it. */
static int
send_enter_to(struct imap_conn *c, const char *name, bool is_examine, const struct imap_events *ev, void *ctx, struct err *e)
{
	static const struct imap_events none;
	struct imap_select how = { .is_examine = is_examine };
	struct buf wire = { 0 };
	int status;

	free(c->selected);
	c->selected = NULL;
	status = imap_name_out(c->st, name, &wire, e);
	how.utf8 = buf_str(&wire);
	if (status == 0)
		status = imap_select(c->s, &how, ev != NULL ? ev : &none, ctx, &c->ticket, e);
	buf_release(&wire);
	if (status < 0 && !imap_session_is_alive(c->s))
		err_widen(e, ERR_STORE);
	return status;
}

static int
send_enter(struct imap_conn *c, const char *name, bool is_examine, struct err *e)
{
	return send_enter_to(c, name, is_examine, NULL, NULL, e);
}

int
imap_examine_ahead(struct imap_conn *c, const char *name, const struct imap_events *ev, void *ctx, unsigned *ticket_r, struct err *e)
{
	int status = send_enter_to(c, name, true, ev, ctx, e);

	*ticket_r = c->ticket;
	return status;
}

static int
await_enter(struct imap_conn *c, const char *name, bool is_examine, unsigned ticket, const struct imap_box **box_r,
    struct err *e)
{
	*box_r = imap_select_wait(c->s, ticket, e);
	if (*box_r == NULL)
		return imap_session_is_alive(c->s) ? -1 : err_widen(e, ERR_STORE);
	/* It may be one of several that were selected one after the other without waiting. */
	if (*box_r == imap_session_box(c->s)) {
		free(c->selected);
		c->selected = mem_strdup(name);
		c->is_examined = is_examine;
	}
	return 0;
}

int
imap_enter(struct imap_conn *c, const char *name, bool is_examine, const struct imap_box **box_r, struct err *e)
{
	*box_r = already_in(c, name, is_examine);
	if (*box_r != NULL)
		return 0;
	if (send_enter(c, name, is_examine, e) < 0)
		return -1;
	return await_enter(c, name, is_examine, c->ticket, box_r, e);
}

/* Another session of ours may have put messages here since this one selected it: Dovecot goes on not seeing them, and
 * answers OK to a STORE of what it does not see, until a command has told it. Nobody waits for the answer: what is sent
 * behind it is carried out behind it. */
static int
see_news(struct imap_conn *c, struct err *e)
{
	static const struct imap_events none;
	struct imap_command cmd;
	int status;

	imap_begin(c, &cmd, IMAP_READ);
	imap_put(&cmd, "NOOP");
	status = imap_send(c->s, &cmd, &none, NULL, NULL, e);
	imap_command_release(&cmd);
	return status < 0 ? err_widen(e, ERR_STORE) : 0;
}

int
imap_enter_anew(struct imap_conn *c, const char *name, unsigned *ticket_r, struct err *e)
{
	int status = send_enter(c, name, false, e);

	*ticket_r = c->ticket;
	return status;
}

int
imap_enter_ahead(struct imap_conn *c, const char *name, unsigned *ticket_r, struct err *e)
{
	int status = already_in(c, name, false) != NULL ? see_news(c, e) : send_enter(c, name, false, e);

	*ticket_r = c->ticket;
	return status;
}

int
imap_let_go(struct imap_conn *c, const char *name, struct err *e)
{
	const struct imap_caps *caps = imap_session_caps(c->s);

	if (imap_caps_has(caps, IMAP_CAP_CONDSTORE) || !imap_caps_has(caps, IMAP_CAP_UNSELECT) || !imap_session_is_alive(c->s))
		return 0;
	return send_enter(c, name, true, e);
}

static int
check_epoch(struct imap_conn *c, const char *name, const struct imap_box *box, uint64_t epoch, struct err *e)
{
	if (epoch == 0 || box->uidvalidity == epoch)
		return 0;
	free(c->selected);
	c->selected = NULL;
	return err_class(e, ERR_BOX, ERR_FAILED, ERR_NOW, "%s: mailbox %s was rebuilt while it was being synchronised "
	    "(UIDVALIDITY changed); nothing was changed there", c->st->store.name, name);
}

int
imap_entered(struct imap_conn *c, const char *name, unsigned ticket, uint64_t epoch, struct err *e)
{
	const struct imap_box *box;

	return await_enter(c, name, false, ticket, &box, e) < 0 ? -1 : check_epoch(c, name, box, epoch, e);
}

int
imap_writable(struct imap_conn *c, const char *name, unsigned ticket, uint64_t epoch, struct err *e)
{
	if (imap_entered(c, name, ticket, epoch, e) < 0)
		return -1;
	if (imap_session_box(c->s)->is_read_only)
		return err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: mailbox %s is read-only on the server",
		    c->st->store.name, name);
	return 0;
}

bool
imap_uids_are_ambiguous(struct imap_conn *c)
{
	const struct imap_caps *caps = imap_session_caps(c->s);

	return !imap_caps_has(caps, IMAP_CAP_QRESYNC) || !imap_caps_has(caps, IMAP_CAP_UIDPLUS);
}
