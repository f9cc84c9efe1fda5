/* What a store answers to requests that it does not implement: from here, so that each store says only what it is and what it
 * can do, and callers ask all of them alike. */
#include "sync/store/store.h"

static int
cannot(const struct store *s, const char *what, struct err *e)
{
	return err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s: %s stores cannot %s", s->name, s->ops->kind, what);
}

/* No cursor is known: each mailbox is asked for its changes. */
static int
no_cursors(struct session *c, struct mailbox *boxes, size_t n, struct err *e)
{
	size_t i;

	(void)c;
	(void)e;
	for (i = 0; i < n; i++)
		boxes[i].has_cursor = false;
	return 0;
}

/* The list told all there is. */
static int
no_identities(struct session *c, struct mailbox *boxes, size_t n, struct arena *a, struct err *e)
{
	(void)c;
	(void)boxes;
	(void)n;
	(void)a;
	(void)e;
	return 0;
}

/* None is ever open. */
static int
no_leave(struct session *c, struct err *e)
{
	(void)c;
	(void)e;
	return 0;
}

/* A Maildir is opened anew at no cost, and locked as long as it is open. */
static int
no_rest(struct session *c, struct err *e)
{
	return cannot(c->store, "rest", e);
}

static int
no_check(struct store *s, struct listing *l_r, const struct findings *out)
{
	(void)s;
	(void)out;
	*l_r = (struct listing){ 0 };
	return 0;
}

static int
no_wake(struct session *c, bool asks, struct err *e)
{
	(void)c;
	(void)asks;
	(void)e;
	return 0;
}

static enum mailbox_state
no_mailbox_state(struct session *c, const char *name, const char *above, struct err *e)
{
	(void)name;
	(void)above;
	cannot(c->store, "say whether a mailbox is there", e);
	return MAILBOX_NOT_KNOWN;
}

/* What a whole list does not show is gone. */
static int
all_gone(struct session *c, const char *box, const struct key *keys, size_t n, bool *gone, struct err *e)
{
	size_t i;

	(void)c;
	(void)box;
	(void)keys;
	(void)e;
	for (i = 0; i < n; i++)
		gone[i] = true;
	return 0;
}

static int
no_describe(struct session *c, const char *box, uint64_t epoch, struct key key, const char *hint, struct arena *a,
    struct message_words *words_r, struct err *e)
{
	(void)box;
	(void)epoch;
	(void)key;
	(void)hint;
	(void)a;
	(void)words_r;
	return cannot(c->store, "describe a message", e);
}

static int
no_headers(struct session *c, struct fetch_part *parts, size_t n, const struct fetch_item *items, const struct header_sink *sink,
    struct err *e)
{
	(void)parts;
	(void)n;
	(void)items;
	(void)sink;
	return cannot(c->store, "give headers", e);
}

static int
no_search(struct session *c, struct search_part *parts, size_t n, struct search_how *how, struct err *e)
{
	(void)how;
	(void)e;
	for (size_t i = 0; i < n; i++) {
		parts[i].status = cannot(c->store, "search", &parts[i].err);
		parts[i].is_refused = true;
	}
	return 0;
}

/* The store gives keys itself. */
static struct key
no_name(struct store *s, struct arena *a)
{
	(void)s;
	(void)a;
	return KEY_NONE;
}

static int
no_deliver(struct session *c, const char *box, uint64_t epoch, struct deliver_item *items, size_t n, struct arena *a,
    struct delivery **d_r, struct err *e)
{
	size_t i;

	(void)box;
	(void)epoch;
	(void)a;
	*d_r = NULL;
	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		cannot(c->store, "take messages", &items[i].err);
	}
	return cannot(c->store, "take messages", e);
}

static int
no_change(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct err *e)
{
	size_t i, k;

	(void)a;
	(void)e;
	for (i = 0; i < n; i++) {
		for (k = 0; k < boxes[i].n_flags; k++)
			boxes[i].flags[k].outcome = OUTCOME_FAILED;
		for (k = 0; k < boxes[i].n_expunges; k++)
			boxes[i].expunges[k].outcome = OUTCOME_FAILED;
		boxes[i].status = cannot(c->store, "change messages", &boxes[i].err);
	}
	return 0;
}

static bool
no_moves_at_once(struct session *c)
{
	(void)c;
	return false;
}

static int
no_move(struct session *c, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e)
{
	size_t i;

	(void)box;
	(void)epoch;
	(void)to;
	(void)to_epoch;
	(void)keep;
	(void)a;
	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		cannot(c->store, "move messages", &items[i].err);
	}
	return cannot(c->store, "move messages", e);
}

static int
no_create(struct session *c, const char *name, unsigned role, enum outcome *o, struct err *e)
{
	(void)name;
	(void)role;
	*o = OUTCOME_FAILED;
	return cannot(c->store, "make mailboxes", e);
}

static int
no_remove(struct session *c, const char *name, enum outcome *o, struct err *e)
{
	(void)name;
	*o = OUTCOME_FAILED;
	return cannot(c->store, "remove mailboxes", e);
}

static int
no_rename(struct session *c, const char *from, const char *to, enum outcome *o, struct err *e)
{
	(void)from;
	(void)to;
	*o = OUTCOME_FAILED;
	return cannot(c->store, "rename mailboxes", e);
}

static const char *
no_memory(struct store *s, struct arena *a)
{
	(void)s;
	(void)a;
	return NULL;
}

static int
no_number(struct session *c, const char *box, uint32_t validity, uint32_t highest, const struct number_item *items, size_t n,
    struct err *e)
{
	(void)box;
	(void)validity;
	(void)highest;
	(void)items;
	(void)n;
	return cannot(c->store, "be given UIDs", e);
}

static const char *
no_directory(struct store *s, const char *box, struct arena *a)
{
	(void)s;
	(void)box;
	(void)a;
	return NULL;
}

static void
no_recall(struct store *s, const char *memory)
{
	(void)s;
	(void)memory;
}

#define OR(field, other) if (all->field == NULL) all->field = (other)

void
store_init(struct store *s, const struct store_ops *ops)
{
	struct store_ops *all = &s->all;

	*all = *ops;
	s->ops = all;
	s->can = (ops->identities != NULL ? STORE_IDENTITIES : 0) | (ops->confirm_gone != NULL ? STORE_CONFIRM_GONE : 0) |
	    (ops->describe != NULL ? STORE_DESCRIBE : 0) | (ops->delta_begin != NULL ? STORE_DELTA_BEGIN : 0) |
	    (ops->change_begin != NULL ? STORE_CHANGE_BEGIN : 0) | (ops->headers != NULL ? STORE_HEADERS : 0) |
	    (ops->search != NULL ? STORE_SEARCH : 0);
	OR(rest, no_rest);
	OR(wake, no_wake);
	OR(cursors, no_cursors);
	OR(identities, no_identities);
	OR(leave, no_leave);
	OR(mailbox_state, no_mailbox_state);
	OR(confirm_gone, all_gone);
	OR(describe, no_describe);
	OR(headers, no_headers);
	OR(search, no_search);
	OR(directory, no_directory);
	OR(number, no_number);
	OR(choose_name, no_name);
	OR(deliver, no_deliver);
	OR(change, no_change);
	OR(move, no_move);
	OR(moves_at_once, no_moves_at_once);
	OR(create_mailbox, no_create);
	OR(remove_mailbox, no_remove);
	OR(rename_mailbox, no_rename);
	OR(check, no_check);
	OR(memory_save, no_memory);
	OR(memory_load, no_recall);
}
