/* What is there: UIDL, and LIST where sizes are asked for. A list that ends is whole (RFC 1939).
 *
 * Must hold: without UIDs nothing is known again, so that a server without UIDL is refused. No number and no line of a list is believed
 * twice. */
#include "sync/store/pop3_inside.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "state/base/hash.h"

enum { UID_MOST = 200, PER_MESSAGE = 100 };	/* octets of a UID (RFC 1939: 70); kept for each message, about */

/* A mailbox that cannot become another. */
enum { EPOCH = 1 };

/* ---- sessions ---- */

static void
warn(void *ctx, const char *text)
{
	const struct pop3_store *st = ctx;

	if (st->env.warn != NULL)
		st->env.warn(st->env.ctx, st->store.name, text);
}

/* LOGIN-DELAY: a server's word on how often it may be asked. A short rest is waited for. */
static int
await_login(const struct pop3_store *st, struct err *e)
{
	const int64_t now = (int64_t)time(NULL), due = st->last_login + st->login_delay;
	const unsigned timeout = net_settings(st->net)->timeout;
	struct pollfd cancel = { .fd = st->env.cancel_fd > 0 ? st->env.cancel_fd : -1, .events = POLLIN };
	int got;

	if (st->login_delay == 0 || st->last_login == 0 || now >= due || now < st->last_login)
		return 0;
	if (due - now > timeout)
		return err_class(e, ERR_STORE, ERR_TEMPORARY, ERR_LATER, "%s: the server wants %u seconds between two logins (LOGIN-DELAY), and "
		    "%lld of them are left: try again later", st->store.name, st->login_delay, (long long)(due - now));
	do
		got = poll(&cancel, 1, (int)(due - now) * 1000);
	while (got < 0 && errno == EINTR && st->env.cancel_fd <= 0);
	return got <= 0 ? 0 : err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "stopped on request");
}

void
pop3_leave(struct pop3_conn *c)
{
	struct pop3_reply reply;
	struct err unheard;

	/* The server lets go of the mailbox at once. With marks left it would delete, and nobody asks for that any more. */
	if (c->s != NULL && pop3_session_is_alive(c->s) && !c->has_marks)
		(void)pop3_quit(c->s, &reply, &unheard);
	pop3_session_close(&c->s);
	c->st->is_listed = false;
}

int
pop3_connect(struct pop3_conn *c, struct err *e)
{
	struct pop3_store *st = c->st;
	const struct pop3_open open = { .net = st->net, .auth = &st->auth, .pipeline_depth = st->set->account->pipeline_depth,
		.offered_before = st->offered, .warn = warn, .ctx = st };

	if (c->s != NULL)
		return 0;
	c->holds_numbers = c->has_marks = false;
	if (await_login(st, e) < 0)
		return -1;
	c->s = pop3_session_open(&open, e);
	if (c->s == NULL)
		return -1;
	st->offered = pop3_session_offered(c->s);
	st->login_delay = pop3_session_caps(c->s)->login_delay;
	st->last_login = (int64_t)time(NULL);
	return 0;
}

/* ---- lists ---- */

struct reading_list {
	struct pop3_store *st;
	uint64_t octets;		/* that are kept of it */
	struct pop3_message **by_number;	/* LIST: those of UIDL */
	size_t n, lines;
};

static int
on_uid(void *ctx, uint32_t number, const char *uid, struct err *e)
{
	struct reading_list *r = ctx;
	const uint64_t limit = r->st->set->account->answer_limit;
	const size_t len = strlen(uid);
	struct key key;

	r->octets += len + PER_MESSAGE;
	if (limit != 0 && r->octets > limit)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "%s: the server lists more messages than may be kept of an answer "
		    "(AnswerLimit %lluM)", r->st->store.name, (unsigned long long)(limit >> 20));
	if (len > UID_MOST)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "%s: the server gives message %u a UID of %zu octets (UIDL), where 70 are "
		    "the most", r->st->store.name, number, len);
	key = key_dup(&r->st->arena, (struct key){ .data = uid, .len = (uint32_t)len });
	vec_push(&r->st->messages, (struct pop3_message){ .key = key, .number = number });
	return 0;
}

static int
cmp_number(const void *x, const void *y)
{
	const struct pop3_message *a = x, *b = y;

	return (a->number > b->number) - (a->number < b->number);
}

static int
cmp_key(const void *x, const void *y)
{
	const struct pop3_message *a = x, *b = y;
	const int c = key_cmp(a->key, b->key);

	return c != 0 ? c : cmp_number(x, y);
}

static int
cmp_place(const void *x, const void *y)
{
	return cmp_number(*(struct pop3_message *const *)x, *(struct pop3_message *const *)y);
}

/* A server may make UIDs out of what messages are: equal ones have the same then (RFC 1939 section 7). */
static void
part_equal(struct pop3_store *st)
{
	struct pop3_message *m = st->messages.at;
	const size_t n = st->messages.n;
	const char *text;
	size_t i, k;

	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n && key_equal(m[k].key, m[i].key); k++)
			;
		for (size_t j = i + 1; j < k; j++) {
			text = arena_printf(&st->arena, "%.*s %zu", (int)m[i].key.len, m[i].key.data, j - i + 1);
			m[j].key = key_from_string(text);
		}
	}
}

static int
sort_messages(struct pop3_store *st, struct err *e)
{
	struct pop3_message *m = st->messages.at;
	const size_t n = st->messages.n;

	if (n == 0)
		return 0;
	qsort(m, n, sizeof *m, cmp_number);
	for (size_t i = 1; i < n; i++)
		if (m[i].number == m[i - 1].number)
			return err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "%s: the server lists message %u twice (UIDL)", st->store.name,
			    m[i].number);
	qsort(m, n, sizeof *m, cmp_key);
	part_equal(st);
	qsort(m, n, sizeof *m, cmp_key);
	return 0;
}

static int
no_uids(struct pop3_conn *c, const struct pop3_reply *reply, struct err *e)
{
	const struct pop3_store *st = c->st;

	if (*reply->code != '\0' && pop3_refused(c->s, reply, ERR_STORE, "UIDL", e) < 0 && e->class == ERR_TEMPORARY)
		return -1;
	return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s: the server has no UIDL, without which no message is known again in another "
	    "run: this store cannot be used", st->store.name);
}

/* Asks what is there, and forgets what was known of that. */
static int
ask_uids(struct pop3_conn *c, struct err *e)
{
	struct pop3_store *st = c->st;
	struct reading_list r = { .st = st };
	struct pop3_reply reply = { .is_ok = false };
	int got = 0;

	st->is_listed = st->has_sizes = false;
	st->messages.n = 0;
	arena_release(&st->arena);
	if (pop3_caps_may(pop3_session_caps(c->s), POP3_CAP_UIDL))
		got = pop3_uidl(c->s, on_uid, &r, &reply, e);
	if (got == 0)
		return no_uids(c, &reply, e);
	if (got < 0 || sort_messages(st, e) < 0)
		return -1;
	st->is_listed = c->holds_numbers = true;
	st->listed_at = (int64_t)time(NULL);
	return 0;
}

int
pop3_number(struct pop3_conn *c, struct err *e)
{
	if (pop3_connect(c, e) < 0)
		return -1;
	return c->holds_numbers ? 0 : ask_uids(c, e);
}

static int
on_size(void *ctx, uint32_t number, const char *word, struct err *e)
{
	struct reading_list *r = ctx;
	struct pop3_message want = { .number = number }, *w = &want, **found;

	if (r->lines++ > r->n)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_LATER, "%s: the server lists more sizes than messages (LIST)", r->st->store.name);
	found = bsearch(&w, r->by_number, r->n, sizeof w, cmp_place);
	if (found != NULL)
		(*found)->size = strtoull(word, NULL, 10);
	return 0;
}

/* Sizes help, and nothing hangs on them: a server that refuses them does without, and none is asked anew for them. */
static int
ask_sizes(struct pop3_conn *c, struct err *e)
{
	struct pop3_store *st = c->st;
	struct reading_list r = { .st = st, .n = st->messages.n };
	struct pop3_reply reply;
	int got;

	if (st->has_sizes || st->messages.n == 0 || !c->holds_numbers)
		return 0;
	r.by_number = mem_alloc((r.n + 1) * sizeof *r.by_number);
	for (size_t i = 0; i < r.n; i++)
		r.by_number[i] = &st->messages.at[i];
	qsort(r.by_number, r.n, sizeof *r.by_number, cmp_place);
	got = pop3_list(c->s, on_size, &r, &reply, e);
	free(r.by_number);
	st->has_sizes = got >= 0;
	return got < 0 ? -1 : 0;
}

struct pop3_message *
pop3_find(struct pop3_store *st, struct key key)
{
	const struct pop3_message want = { .key = key };
	size_t low = 0, high = st->messages.n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (key_cmp(st->messages.at[mid].key, want.key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < st->messages.n && key_equal(st->messages.at[low].key, key) ? &st->messages.at[low] : NULL;
}

void
pop3_forget(struct pop3_store *st, struct key key)
{
	struct pop3_message *m = pop3_find(st, key);

	if (m == NULL)
		return;
	st->messages.n--;
	memmove(m, m + 1, (size_t)(st->messages.at + st->messages.n - m) * sizeof *m);
}

/* ---- answers to the engine ---- */

/* Stands as long as the list is the same. */
static void
fill_cursor(const struct pop3_store *st, struct cursor *cursor_r)
{
	uint64_t sum[2] = { HASH_BEGIN, 1 }, n = st->messages.n;

	for (size_t i = 0; i < st->messages.n; i++)
		for (int k = 0; k < 2; k++) {
			sum[k] = hash_add(sum[k], st->messages.at[i].key.data, st->messages.at[i].key.len);
			sum[k] = hash_add(sum[k], "\n", 1);
		}
	*cursor_r = (struct cursor){ .epoch = EPOCH, .is_steady = true, .len = sizeof sum + sizeof n };
	memcpy(cursor_r->data, sum, sizeof sum);
	memcpy(cursor_r->data + sizeof sum, &n, sizeof n);
}

static int
list_once(struct pop3_conn *c, struct err *e)
{
	return c->st->is_listed ? 0 : pop3_number(c, e);
}

int
pop3_store_list(struct session *session, struct listing *l, struct err *e)
{
	struct pop3_conn *c = pop3_conn_of(session);
	const struct net_settings *net = net_settings(c->st->net);
	struct mailbox *box;

	/* A session shows what was there when it began (RFC 1939 section 8): who asks again needs another. */
	if (c->was_asked)
		pop3_leave(c);
	c->was_asked = true;
	if (list_once(c, e) < 0)
		return -1;
	box = vec_add(&l->boxes);
	*box = (struct mailbox){ .name = "INBOX", .id = "", .has_cursor = true };
	fill_cursor(c->st, &box->cursor);
	l->is_complete = true;
	l->fingerprint = arena_printf(&l->arena, "pop3:%s:%u:%s", net->host != NULL ? net->host : net->tunnel, net->port,
	    c->st->auth.user != NULL ? c->st->auth.user : "");
	return 0;
}

static int
no_such_mailbox(const struct pop3_conn *c, const char *name, struct err *e)
{
	return err_class(e, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: a POP3 account has no mailbox but INBOX, and no %s", c->st->store.name, name);
}

enum mailbox_state
pop3_mailbox_state(struct session *session, const char *name, const char *above, struct err *e)
{
	(void)above;
	if (strcmp(name, "INBOX") == 0)
		return MAILBOX_THERE;
	no_such_mailbox(pop3_conn_of(session), name, e);
	return MAILBOX_ABSENT;
}

static void
fill_delta(const struct pop3_store *st, struct delta *d)
{
	struct delta_entry *entry;

	d->kind = DELTA_FULL;
	d->is_complete = d->has_exists = true;
	d->exists = st->messages.n;
	d->mask = (struct flag_mask){ .kw = "" };
	d->is_readonly = st->store.read_only;
	fill_cursor(st, &d->cursor);
	for (size_t i = 0; i < st->messages.n; i++) {
		entry = vec_add(&d->entries);
		*entry = (struct delta_entry){ .key = key_dup(&d->arena, st->messages.at[i].key), .flags = FLAGS_NONE, .hint = "",
			.size = st->messages.at[i].size, .date = st->listed_at, .server_id = "" };
	}
}

/* Its messages have the date when they were first listed: what a server does not tell is known so far. */
int
pop3_store_delta(struct session *session, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e)
{
	struct pop3_conn *c = pop3_conn_of(session);

	(void)is_readonly_run;
	(void)look;
	if (list_once(c, e) < 0 || ask_sizes(c, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(d[i].box, "INBOX") != 0)
			d[i].status = no_such_mailbox(c, d[i].box, &d[i].err);
		else
			fill_delta(c->st, &d[i]);
	}
	return 0;
}
