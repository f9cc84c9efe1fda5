/* Sessions of one IMAP account, what is remembered of its server, and which mailbox is selected. */
#include "sync/store/imap_inside.h"

#include "state/base/log.h"

static void
alert(void *ctx, const char *text)
{
	struct imap_conn *c = ctx;

	if (c->st->alert != NULL)
		c->st->alert(c->st->alert_ctx, c->st->store.name, text);
}

static void
warn(void *ctx, const char *text)
{
	struct imap_conn *c = ctx;

	if (c->st->warn != NULL)
		c->st->warn(c->st->alert_ctx, c->st->store.name, text);
}

void
imap_begin(struct imap_conn *c, struct imap_command *cmd, enum imap_command_kind kind)
{
	imap_command_init(cmd, kind, imap_session_caps(c->s), imap_session_is_utf8(c->s));
}

/* In the flight of the login: the listing that every run begins with (R24). */
static int
first_commands(void *ctx, struct imap_session *s, struct err *e)
{
	struct imap_conn *c = ctx;

	if (c->early == NULL)
		return 0;
	listing_release(c->early);
	*c->early = (struct listing){ 0 };
	imap_list_end(&c->early_work);
	c->early_work = (struct list_work){ .c = c, .out = c->early };
	return imap_list_queue(c, s, &c->early_work, e);
}

/* The prefix of all names but INBOX: Path, else the personal namespace. */
static void
learn_prefix(struct imap_store *st, struct imap_session *s)
{
	char delimiter;
	const char *prefix = imap_session_prefix(s, &delimiter);
	bool needs_uidonly;

	pthread_mutex_lock(&st->lock);
	if (!st->has_prefix) {
		st->delimiter = st->set_delimiter != 0 ? st->set_delimiter : delimiter;
		st->prefix = mem_strdup(st->has_path ? st->path : st->use_namespace ? prefix : "");
		st->has_prefix = true;
		/* "INBOX." lists INBOX above it, "" among the others (sync/pair/patterns.h). */
		st->store.is_inbox_listed = *st->prefix == '\0';
	}
	needs_uidonly = st->memory.needs_uidonly;
	imap_session_memory(s, &st->memory);
	st->memory.needs_uidonly |= needs_uidonly;
	st->has_memory = true;
	pthread_mutex_unlock(&st->lock);
}

/* c->s: NULL with *e. */
static void
dial(struct imap_conn *c, struct err *e)
{
	struct imap_store *st = c->st;
	struct store *store = &st->store;
	struct imap_open open = { .net = st->net, .auth = &st->auth, .disabled = st->disabled, .wants_utf8 = false,
		.id_name = "mailtwin", .id_version = st->version, .alert = alert, .warn = warn, .first = first_commands,
		.ctx = c };
	struct imap_memory memory = { 0 };
	struct buf text = { 0 };

	pthread_mutex_lock(&st->lock);
	if (st->has_memory) {
		imap_memory_write(&st->memory, &text);
		imap_memory_read(&memory, buf_str(&text));
		open.memory = &memory;
		/* The flight can carry the listing only where its prefix is known. */
		if (!st->is_listed && !st->has_prefix) {
			st->delimiter = st->set_delimiter != 0 ? st->set_delimiter : memory.delimiter;
			st->prefix = mem_strdup(st->has_path ? st->path : st->use_namespace ?
			    buf_str(&memory.prefix) : "");
			st->has_prefix = true;
			store->is_inbox_listed = *st->prefix == '\0';
		}
		if (!st->is_listed && st->has_prefix) {
			c->early = mem_alloc(sizeof *c->early);
			st->is_listed = true;
		}
	}
	pthread_mutex_unlock(&st->lock);
	c->s = imap_session_open(&open, e);
	imap_memory_release(&memory);
	buf_release(&text);
}

static struct session *
session_open(struct store *store, struct err *e)
{
	struct imap_store *st = imap_store_of(store);
	struct imap_conn *c = mem_alloc(sizeof *c);

	c->session.store = store;
	c->st = st;
	dial(c, e);
	if (c->s == NULL) {
		if (c->early != NULL)
			listing_release(c->early);
		imap_list_end(&c->early_work);
		free(c->early);
		free(c);
		return NULL;
	}
	learn_prefix(st, c->s);
	return &c->session;
}

bool
imap_may_uidonly(struct imap_conn *c)
{
	const struct imap_caps *caps = imap_session_caps(c->s);
	bool was_tried;

	pthread_mutex_lock(&c->st->lock);
	was_tried = c->st->memory.needs_uidonly;
	pthread_mutex_unlock(&c->st->lock);
	return !was_tried && !imap_session_is_uidonly(c->s) && imap_caps_has(caps, IMAP_CAP_UIDONLY) &&
	    imap_caps_has(caps, IMAP_CAP_ENABLE);
}

int
imap_reopen_uidonly(struct imap_conn *c, struct err *e)
{
	struct imap_session *old = c->s;

	pthread_mutex_lock(&c->st->lock);
	c->st->memory.needs_uidonly = true;
	pthread_mutex_unlock(&c->st->lock);
	free(c->selected);
	c->selected = NULL;
	dial(c, e);
	if (c->s == NULL) {
		c->s = old;
		return err_widen(e, ERR_STORE);
	}
	imap_session_close(&old);
	return 0;
}

static void
session_close(struct session *session)
{
	struct imap_conn *c = imap_conn_of(session);

	size_t i;

	imap_session_close(&c->s);
	for (i = 0; i < c->watches.n; i++)
		free(c->watches.at[i]);
	vec_release(&c->watches);
	if (c->early != NULL)
		listing_release(c->early);
	imap_list_end(&c->early_work);
	free(c->early);
	free(c->selected);
	free(c);
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

void
imap_keep_begin(struct imap_conn *c)
{
	c->kept = 0;
}

bool
imap_keep(struct imap_conn *c, size_t octets, enum err_scope scope, const char *what, struct err *e)
{
	c->kept += octets;
	if (c->st->answer_limit == 0 || c->kept <= c->st->answer_limit)
		return true;
	err_class(e, scope, ERR_FAILED, ERR_LATER, "%s: the server says more of %s than may be kept of an answer (AnswerLimit %lluM)",
	    c->st->store.name, what, (unsigned long long)(c->st->answer_limit >> 20));
	return false;
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
	if (c->st->pipeline_depth != 0 && most > c->st->pipeline_depth - 1)
		most = c->st->pipeline_depth - 1;
	return imap_drain(c->s, most, e) < 0 ? err_widen(e, ERR_STORE) : 0;
}

static const struct imap_box *
already_in(struct imap_conn *c, const char *name, bool is_examine)
{
	const struct imap_box *box = imap_session_box(c->s);

	return box != NULL && c->selected != NULL && strcmp(c->selected, name) == 0 && box->is_answered &&
	    (is_examine || !c->is_examined) ? box : NULL;
}

static int
send_enter(struct imap_conn *c, const char *name, bool is_examine, struct err *e)
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
		status = imap_select(c->s, &how, &none, NULL, &c->ticket, e);
	buf_release(&wire);
	if (status < 0 && !imap_session_is_alive(c->s))
		err_widen(e, ERR_STORE);
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

static struct key
choose_name(struct store *s, struct arena *a)
{
	(void)s;
	(void)a;
	return KEY_NONE;
}

static const char *
memory_save(struct store *s, struct arena *a)
{
	struct imap_store *st = imap_store_of(s);
	struct buf text = { 0 };
	const char *out = NULL;

	pthread_mutex_lock(&st->lock);
	if (st->has_memory) {
		imap_memory_write(&st->memory, &text);
		out = arena_strdup(a, buf_str(&text));
	}
	pthread_mutex_unlock(&st->lock);
	buf_release(&text);
	return out;
}

static void
memory_load(struct store *s, const char *memory)
{
	struct imap_store *st = imap_store_of(s);

	pthread_mutex_lock(&st->lock);
	if (!st->has_memory) {
		imap_memory_read(&st->memory, memory);
		st->has_memory = true;
	}
	pthread_mutex_unlock(&st->lock);
}

static void
store_free(struct store *s)
{
	struct imap_store *st = imap_store_of(s);
	size_t i;

	if (s == NULL)
		return;
	net_free(&st->net);
	imap_memory_release(&st->memory);
	pthread_mutex_destroy(&st->lock);
	for (i = 0; i < st->auth.n_allowed; i++)
		free((char *)(uintptr_t)st->auth_mechs[i]);
	free(st->auth_mechs);
	free(st->user);
	free(st->path);
	free(st->map_inbox);
	free(st->version);
	free(st->prefix);
	for (i = 0; i < st->doomed.n; i++)
		free(st->doomed.at[i].box);
	vec_release(&st->doomed);
	free((char *)(uintptr_t)st->store.name);
	free(st);
}

static const struct store_ops imap_ops = {
	.kind = "IMAP", .has_uid_keys = true, .free = store_free, .session_open = session_open,
	.session_close = session_close, .list = imap_list, .cursors = imap_cursors,
	.identities = imap_identities, .leave = imap_leave, .mailbox_state = imap_mailbox_state, .delta = imap_delta,
	.delta_begin = imap_delta_begin, .delta_end = imap_delta_end,
	.identify = imap_identify, .describe = imap_describe, .fetch = imap_fetch, .choose_name = choose_name, .deliver = imap_deliver,
	.change = imap_change, .change_begin = imap_change_begin, .change_end = imap_change_end, .move = imap_move, .create_mailbox = imap_create_mailbox,
	.remove_mailbox = imap_remove_mailbox, .rename_mailbox = imap_rename_mailbox, .memory_save = memory_save,
	.memory_load = memory_load,
};

static char *
dup_or_null(const char *s)
{
	return s != NULL && *s != '\0' ? mem_strdup(s) : NULL;
}

struct store *
imap_store_new(const struct imap_store_settings *set, struct err *e)
{
	struct imap_store *st = mem_alloc(sizeof *st);
	struct imap_caps caps = { 0 };
	size_t i;

	pthread_mutex_init(&st->lock, NULL);
	st->store = (struct store){ .ops = &imap_ops, .name = mem_strdup(set->name),
		.is_readonly = set->is_readonly, .layout = NAMES_IMAP,
		.max_sessions = set->connections != 0 ? (int)set->connections : 4 };
	st->user = dup_or_null(set->user);
	st->path = mem_strdup(set->path != NULL ? set->path : "");
	st->map_inbox = dup_or_null(set->map_inbox);
	st->version = dup_or_null(set->version);
	st->has_path = set->has_path;
	st->use_namespace = set->use_namespace;
	st->is_subscribed_only = set->is_subscribed_only;
	st->set_delimiter = set->delimiter;
	st->pipeline_depth = set->pipeline_depth;
	st->answer_limit = set->answer_limit;
	st->alert = set->alert;
	st->warn = set->warn;
	st->alert_ctx = set->alert_ctx;
	for (i = 0; i < set->n_disabled; i++)
		imap_caps_disable(&caps, set->disabled[i]);
	st->disabled = caps.disabled;
	imap_caps_release(&caps);
	st->auth_mechs = mem_alloc((set->n_auth_mechs + 1) * sizeof *st->auth_mechs);
	for (i = 0; i < set->n_auth_mechs; i++)
		st->auth_mechs[i] = mem_strdup(set->auth_mechs[i]);
	st->net = net_new(&set->net, e);
	if (st->net == NULL) {
		st->auth.n_allowed = set->n_auth_mechs;
		store_free(&st->store);
		return NULL;
	}
	st->auth = (struct auth_settings){ .label = net_label(st->net), .service = "imap",
		.host = net_settings(st->net)->host, .port = net_settings(st->net)->port, .user = st->user,
		.secret = set->secret, .allowed = st->auth_mechs, .n_allowed = set->n_auth_mechs,
		.has_client_certificate = set->net.client_certificate != NULL && *set->net.client_certificate };
	return &st->store;
}
