/* All mailboxes with their cursors in as few turns as the server allows: LIST-STATUS (RFC 5819), or
 * LIST and then STATUS of each, pipelined.
 *
 * Where a channel leaves mailboxes out, LIST comes without STATUS. The mailboxes of the last run are then asked for their STATUS by name, in
 * the same flight, and new ones in another.
 */
#include "sync/store/imap_inside.h"

#include <strings.h>
#include <sys/random.h>

/* ---- answers ---- */

static void
refuse(struct list_work *w, const char *wire, size_t len, const char *why)
{
	struct buf shown = { 0 };

	names_show(&shown, wire, len);
	vec_push(&w->out->refused, (struct mailbox_refused){ .name = arena_strdup(&w->out->arena, buf_str(&shown)),
		.why = arena_printf(&w->out->arena, "left alone: %s", why) });
	buf_release(&shown);
}

/* Not more than may be kept: what goes beyond is passed over, and the list has failed. */
static bool
keep(struct list_work *w, size_t octets)
{
	enum { IN_THE_RUN = 4000 };	/* of memory in all that a mailbox costs a run */
	struct err why;

	if (w->has_failed)
		return false;
	if (imap_keep(w->c, octets + IN_THE_RUN, ERR_STORE, "its mailboxes", &why))
		return true;
	w->has_failed = true;
	w->err = why;
	return false;
}

/* The slot of a name, or the free one where it would go. */
static uint32_t *
slot_of(const struct list_work *w, const char *name)
{
	uint32_t hash = w->seed;
	const char *p;
	size_t i;

	for (p = name; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	for (i = hash & (w->n_slots - 1); w->slots[i] != 0; i = (i + 1) & (w->n_slots - 1))
		if (strcmp(w->out->boxes.at[w->slots[i] - 1].name, name) == 0)
			break;
	return &w->slots[i];
}

static struct mailbox *
find(const struct list_work *w, const char *name)
{
	uint32_t *slot = w->n_slots != 0 ? slot_of(w, name) : NULL;

	return slot != NULL && *slot != 0 ? &w->out->boxes.at[*slot - 1] : NULL;
}

/* A server may have many thousand mailboxes, and their STATUS in any order. */
static struct mailbox *
add(struct list_work *w, const char *name)
{
	struct mailbox *m = vec_add(&w->out->boxes);
	size_t i;

	m->name = arena_strdup(&w->out->arena, name);
	if (w->out->boxes.n * 2 > w->n_slots) {
		w->n_slots = w->n_slots != 0 ? w->n_slots * 2 : 64;
		free(w->slots);
		w->slots = mem_alloc(w->n_slots * sizeof *w->slots);
		for (i = 0; i + 1 < w->out->boxes.n; i++)
			*slot_of(w, w->out->boxes.at[i].name) = (uint32_t)i + 1;
	}
	*slot_of(w, m->name) = (uint32_t)w->out->boxes.n;
	return m;
}

void
imap_list_end(struct list_work *w)
{
	free(w->slots);
	w->slots = NULL;
	w->n_slots = 0;
}

static unsigned
attrs_of(unsigned list)
{
	static const struct { unsigned from, to; } map[] = {
		{ IMAP_LIST_NOSELECT, MAILBOX_NOSELECT }, { IMAP_LIST_NONEXISTENT, MAILBOX_NOSELECT },
		{ IMAP_LIST_SUBSCRIBED, MAILBOX_SUBSCRIBED }, { IMAP_LIST_ALL, MAILBOX_ALL },
		{ IMAP_LIST_ARCHIVE, MAILBOX_ARCHIVE }, { IMAP_LIST_DRAFTS, MAILBOX_DRAFTS },
		{ IMAP_LIST_FLAGGED, MAILBOX_FLAGGED }, { IMAP_LIST_JUNK, MAILBOX_JUNK },
		{ IMAP_LIST_SENT, MAILBOX_SENT }, { IMAP_LIST_TRASH, MAILBOX_TRASH },
		{ IMAP_LIST_IMPORTANT, MAILBOX_IMPORTANT },
	};
	unsigned attrs = 0;
	size_t i;

	for (i = 0; i < sizeof map / sizeof map[0]; i++)
		if (list & map[i].from)
			attrs |= map[i].to;
	return attrs;
}

/* NAMESPACE (RFC 2342) is not everywhere: LIST shows the delimiter as well, if with each name that has one. */
static void
learn_delimiter(struct imap_store *st, char delimiter)
{
	pthread_mutex_lock(&st->lock);
	if (st->delimiter == '\0')
		st->delimiter = delimiter;
	pthread_mutex_unlock(&st->lock);
}

static void
on_list(void *ctx, const struct imap_list *list)
{
	struct list_work *w = ctx;
	struct buf name = { 0 };
	struct mailbox *m;
	const char *why;
	int is_ours;

	learn_delimiter(w->c->st, list->delimiter);
	/* LIST "" "" style answers, and names listed only for their children. */
	if (list->name_len == 0)
		return;
	is_ours = imap_name_in(w->c->st, list->name, list->name_len, imap_session_is_utf8(w->c->s), list->delimiter,
	    &name, &why);
	if (is_ours < 0 && keep(w, sizeof(struct mailbox_refused) + 5 * list->name_len))
		refuse(w, list->name, list->name_len, why);
	if (is_ours == 1 && find(w, buf_str(&name)) == NULL && keep(w, 2 * sizeof *m + name.len)) {
		m = add(w, buf_str(&name));
		m->attrs = attrs_of(list->attributes);
		m->id = "";
	}
	buf_release(&name);
}

static void
on_status(void *ctx, const struct imap_status_data *s)
{
	struct list_work *w = ctx;
	struct buf name = { 0 };
	struct mailbox *m;
	const char *why;

	if (imap_name_in(w->c->st, s->name, s->name_len, imap_session_is_utf8(w->c->s), w->c->st->delimiter, &name,
	    &why) == 1 && (m = find(w, buf_str(&name))) != NULL) {
		imap_status_cursor(m, s);
		if ((s->has & IMAP_STATUS_MAILBOXID) && (m->id == NULL || strcmp(m->id, s->mailboxid) != 0) &&
		    keep(w, strlen(s->mailboxid)))
			m->id = arena_strdup(&w->out->arena, s->mailboxid);
	}
	buf_release(&name);
}

/* R6: which mailbox that is nobody knows, so none is missing. */
static void
on_list_unreadable(void *ctx, const char *why)
{
	struct list_work *w = ctx;

	w->is_short = true;
	if (!keep(w, sizeof(struct mailbox_refused) + strlen(why)))
		return;
	vec_push(&w->out->refused, (struct mailbox_refused){ .why = arena_printf(&w->out->arena,
	    "a mailbox is left out, and none counts as removed: %s", why), .is_unreadable = true });
}

static void
on_list_done(void *ctx, const struct imap_result *result)
{
	struct list_work *w = ctx;

	if (result->status == IMAP_OK || w->has_failed)
		return;
	w->has_failed = true;
	imap_result_err(w->c->s, result, ERR_STORE, "LIST", &w->err);
}

static const struct imap_events list_events = { .list = on_list, .list_unreadable = on_list_unreadable, .status = on_status, .done = on_list_done };

/* Whoever does not know this question shows the delimiter with a name, or has none. */
static const struct imap_events delimiter_events = { .list = on_list };

/* What a LIST by name says beside the STATUS is in the list already. */
static void
on_named(void *ctx, const struct imap_list *list)
{
	(void)ctx;
	(void)list;
}

/* A single mailbox without STATUS is not the listing's failure: it is read whole instead (R6). */
static const struct imap_events named_events = { .list = on_named, .status = on_status };

/* ---- questions ---- */

/* One LIST of prefix*; everything asked for with it. */
static int
queue_list(struct imap_conn *c, struct imap_session *s, struct list_work *w, const char *prefix, bool wildcard,
    struct err *e)
{
	const struct imap_caps *caps = imap_session_caps(s);
	bool extended = imap_caps_has(caps, IMAP_CAP_LIST_EXTENDED) || imap_caps_has(caps, IMAP_CAP_LIST_STATUS);
	struct imap_command cmd;
	struct buf wire = { 0 };
	int status = 0;

	imap_command_init(&cmd, IMAP_ANY, caps, imap_session_is_utf8(s));
	if (imap_name_to_wire(&wire, prefix, strlen(prefix), imap_session_is_utf8(s)) < 0)
		status = err_set(e, ERR_STORE, "%s: Path \"%s\" is not valid UTF-8", c->st->store.name, prefix);
	if (wildcard)
		buf_addc(&wire, '*');
	if (c->st->set->subscribed_only && wildcard)
		imap_put(&cmd, extended ? "LIST (SUBSCRIBED) \"\" " : "LSUB \"\" ");
	else
		imap_put(&cmd, "LIST \"\" ");
	imap_put_string(&cmd, buf_str(&wire), wire.len);
	if (!c->st->store.asks.leaves_out && imap_caps_has(caps, IMAP_CAP_LIST_STATUS)) {
		imap_put(&cmd, imap_caps_has(caps, IMAP_CAP_SPECIAL_USE) ? " RETURN (SPECIAL-USE STATUS " :
		    " RETURN (STATUS ");
		imap_put_status_items(&cmd, caps);
		imap_put(&cmd, ")");
		w->has_status = true;
	} else if (extended && imap_caps_has(caps, IMAP_CAP_SPECIAL_USE)) {
		imap_put(&cmd, " RETURN (SPECIAL-USE)");
	}
	if (status == 0)
		status = imap_send(s, &cmd, &list_events, w, NULL, e);
	imap_command_release(&cmd);
	buf_release(&wire);
	return status;
}

/* The delimiter alone (RFC 9051 section 6.3.9.8), for an account that has no name yet to show it. */
static int
queue_delimiter(struct imap_conn *c, struct imap_session *s, struct list_work *w, struct err *e)
{
	struct imap_command cmd;
	int status;

	if (c->st->delimiter != '\0' || imap_caps_has(imap_session_caps(s), IMAP_CAP_NAMESPACE))
		return 0;
	imap_command_init(&cmd, IMAP_ANY, imap_session_caps(s), imap_session_is_utf8(s));
	imap_put(&cmd, "LIST \"\" \"\"");
	status = imap_send(s, &cmd, &delimiter_events, w, NULL, e);
	imap_command_release(&cmd);
	return status;
}

int
imap_list_queue(struct imap_conn *c, struct imap_session *s, struct list_work *w, struct err *e)
{
	const struct store_asks *asks = &c->st->store.asks;
	const char *prefix = c->st->prefix != NULL ? c->st->prefix : "";

	c->s = s;
	imap_keep_begin(c);
	/* Names that fall together in a table are easily made, unless it is nobody's guess how they fall. */
	if (getrandom(&w->seed, sizeof w->seed, GRND_NONBLOCK) != sizeof w->seed)
		w->seed = 2166136261u;
	if (queue_delimiter(c, s, w, e) < 0)
		return -1;
	/* INBOX is not below a prefix, and may not be subscribed. */
	if ((*prefix != '\0' || c->st->set->subscribed_only) && queue_list(c, s, w, "INBOX", false, e) < 0)
		return -1;
	if (queue_list(c, s, w, prefix, true, e) < 0)
		return -1;
	return asks->leaves_out && imap_caps_has(imap_session_caps(s), IMAP_CAP_LIST_STATUS) ?
	    imap_cursors_ask(c, asks->known, asks->n_known, &w->asked, &named_events, w, e) : 0;
}

static int
cmp_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Whether its cursor is to be asked for yet. */
static bool
lacks_cursor(const struct imap_conn *c, const struct list_work *w, const struct mailbox *m)
{
	const struct store_asks *asks = &c->st->store.asks;

	if ((m->attrs & MAILBOX_NOSELECT) || (asks->wants != NULL && !asks->wants(asks->ctx, m->name, m->attrs)))
		return false;
	return w->asked == 0 || bsearch(&m->name, asks->known, w->asked, sizeof *asks->known, cmp_name) == NULL;
}

static int
finish_list(struct imap_conn *c, struct list_work *w, struct err *e)
{
	const struct store_asks *asks = &c->st->store.asks;
	const struct imap_caps *caps = imap_session_caps(c->s);
	VEC(const char *) names = { 0 };
	size_t i;
	int status;

	if (imap_settle(c, e) < 0)
		return -1;
	if (w->has_failed) {
		*e = w->err;
		return err_widen(e, ERR_STORE);
	}
	/* Where nothing is known all is read whatever its cursor. */
	if (w->has_status || (asks->leaves_out && asks->n_known == 0 && imap_caps_has(caps, IMAP_CAP_LIST_STATUS) &&
	    !imap_has_mailboxid(caps)))
		return 0;
	for (i = 0; i < w->out->boxes.n; i++)
		if (lacks_cursor(c, w, &w->out->boxes.at[i]))
			vec_push(&names, w->out->boxes.at[i].name);
	status = names.n > 0 ? imap_cursors_ask(c, names.at, names.n, NULL, &named_events, w, e) : 0;
	vec_release(&names);
	return status < 0 ? -1 : imap_settle(c, e);
}

int
imap_list(struct session *session, struct listing *l, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct list_work w = { .c = c, .out = l };
	const struct net_settings *net = net_settings(c->st->net);
	bool is_short;
	int status;

	if (c->early != NULL) {
		c->early_work.c = c;
		status = finish_list(c, &c->early_work, e);
		is_short = c->early_work.is_short;
		imap_list_end(&c->early_work);
		*l = *c->early;
		*c->early = (struct listing){ 0 };
		free(c->early);
		c->early = NULL;
	} else {
		status = imap_list_queue(c, c->s, &w, e);
		if (status == 0)
			status = finish_list(c, &w, e);
		is_short = w.is_short;
		imap_list_end(&w);
	}
	if (status < 0)
		return -1;
	l->is_complete = !is_short;
	l->fingerprint = arena_printf(&l->arena, "imap:%s:%u:%s:%s", net->host != NULL ? net->host : net->tunnel,
	    net->port, c->st->auth.user != NULL ? c->st->auth.user : "", c->st->prefix != NULL ? c->st->prefix : "");
	return 0;
}

/* SELECT says it, where STATUS may not be asked. */
int
imap_identities(struct session *session, struct mailbox *boxes, size_t n, struct arena *a, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	const struct imap_box *box;
	size_t i;

	if (!imap_caps_has(imap_session_caps(c->s), IMAP_CAP_OBJECTID))
		return 0;
	for (i = 0; i < n; i++) {
		if (imap_enter(c, boxes[i].name, true, &box, e) == 0)
			boxes[i].id = arena_strdup(a, box->mailboxid);
		else if (e->scope >= ERR_STORE)
			return -1;
	}
	return 0;
}

/* Servers of before RFC 5530, and Dovecot 2.3 for all but SELECT, say in words alone that a name is no mailbox's. */
static bool
denies(const struct imap_answer *a)
{
	static const char *const words[] = { "Mailbox doesn't exist", "Mailbox does not exist" };
	size_t i;

	for (i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strncasecmp(a->text, words[i], strlen(words[i])) == 0)
			return true;
	return a->code == IMAP_CODE_NONEXISTENT;
}

/* No word on whether the mailbox exists: who asks may not know, the server cannot say now, or does not understand. */
static bool
refuses(const struct imap_answer *a)
{
	switch (a->code) {
	case IMAP_CODE_NONE:
	case IMAP_CODE_OTHER:
	case IMAP_CODE_ALERT:
	case IMAP_CODE_NONEXISTENT:
	case IMAP_CODE_TRYCREATE:
		return a->status == IMAP_BAD;
	default:
		return a->status == IMAP_BAD || a->status == IMAP_NO;
	}
}

/* GNU Mailutils says why to those alone who want to enter. */
static enum mailbox_state
try_to_enter(struct imap_conn *c, const char *name, struct err *e)
{
	const struct imap_box *box;
	struct err why;

	if (imap_enter(c, name, true, &box, &why) == 0)
		return MAILBOX_THERE;
	if (why.scope >= ERR_STORE)
		*e = why;
	else if (strstr(why.text, "No such file or directory") != NULL)
		return MAILBOX_ABSENT;
	return MAILBOX_NOT_KNOWN;
}

enum mailbox_state
imap_mailbox_state(struct session *session, const char *name, const char *above, struct err *e)
{
	static const struct imap_events events;
	struct imap_conn *c = imap_conn_of(session);
	struct imap_answer answer;
	struct imap_command cmd;
	struct buf wire = { 0 };
	int status;

	(void)above;
	imap_begin(c, &cmd, IMAP_ANY);
	imap_put(&cmd, "STATUS ");
	status = imap_name_out(c->st, name, &wire, e);
	if (status == 0)
		status = imap_put_mailbox(&cmd, buf_str(&wire), e);
	imap_put(&cmd, " (UIDVALIDITY)");
	if (status == 0 && (status = imap_run(c->s, &cmd, &events, NULL, &answer, e)) < 0)
		err_widen(e, ERR_STORE);
	imap_command_release(&cmd);
	buf_release(&wire);
	if (status < 0)
		return MAILBOX_NOT_KNOWN;
	if (answer.status == IMAP_OK)
		return MAILBOX_THERE;
	if (answer.status == IMAP_NO && denies(&answer))
		return MAILBOX_ABSENT;
	imap_answer_err(c->s, &answer, ERR_BOX, "STATUS", e);
	if (!refuses(&answer))
		return try_to_enter(c, name, e);
	/* Whatever it is about, it is said of this mailbox. */
	e->scope = ERR_BOX;
	return MAILBOX_REFUSED;
}
