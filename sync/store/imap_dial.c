/* Opening and closing sessions of an account, with what is remembered of its server (R24 one flight). */
#include "sync/store/imap_inside.h"

static void
alert(void *ctx, const char *text)
{
	struct imap_conn *c = ctx;

	if (c->st->env.alert != NULL)
		c->st->env.alert(c->st->env.ctx, c->st->store.name, text);
}

static void
warn(void *ctx, const char *text)
{
	struct imap_conn *c = ctx;

	if (c->st->env.warn != NULL)
		c->st->env.warn(c->st->env.ctx, c->st->store.name, text);
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
		st->delimiter = st->set->path_delimiter != 0 ? st->set->path_delimiter : delimiter;
		st->prefix = mem_strdup(st->set->path != NULL ? st->set->path : st->set->use_namespace ? prefix : "");
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
	struct imap_open open = { .net = st->net, .auth = &st->auth, .disabled = st->disable_extensions,
		.pipeline_depth = st->set->account->pipeline_depth, .wants_utf8 = false,
		.id_name = "mailtwin", .id_version = st->env.version, .alert = alert, .warn = warn, .first = first_commands,
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
			st->delimiter = st->set->path_delimiter != 0 ? st->set->path_delimiter : memory.delimiter;
			st->prefix = mem_strdup(st->set->path != NULL ? st->set->path : st->set->use_namespace ?
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

struct session *
imap_conn_open(struct store *store, struct err *e)
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

void
imap_conn_close(struct session *session)
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
