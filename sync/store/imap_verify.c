/* What the server shows of some messages, by UID; and commands that name many UIDs. */
#include "sync/store/imap_inside.h"

struct imap_verified *
imap_verify_find(struct imap_verify *w, uint32_t uid)
{
	size_t i = imap_uid_search(w->at, w->n, sizeof *w->at, offsetof(struct imap_verified, uid), uid);

	return i < w->n && w->at[i].uid == uid ? &w->at[i] : NULL;
}

static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	struct imap_verify *w = ctx;
	struct imap_verified *s = f->uid != 0 ? imap_verify_find(w, f->uid) : NULL;

	if (s == NULL || !(f->has & IMAP_FETCH_FLAGS))
		return;
	s->is_here = true;
	/* A server may say it again and again. */
	if (s->flags.kw == NULL || !flags_equal(s->flags, f->flags))
		s->flags = flags_dup(w->arena, f->flags);
	if (f->has & IMAP_FETCH_SIZE)
		s->size = f->size;
	if (f->has & IMAP_FETCH_DATE)
		s->date = f->date;
}

/* Of UIDs that nobody can put back: what has vanished is gone (R16). */
static void
on_vanished(void *ctx, const struct imap_uidset *uids, bool is_earlier)
{
	struct imap_verify *w = ctx;
	size_t i;

	(void)is_earlier;
	for (i = 0; i < w->n; i++)
		w->at[i].has_vanished |= imap_uidset_has(uids, w->at[i].uid);
}

static void
on_done(void *ctx, const struct imap_result *r)
{
	struct imap_verify *w = ctx;

	if (imap_is_cut(w->c, r)) {
		w->is_cut = true;
		return;
	}
	if (r->status == IMAP_OK || w->has_failed)
		return;
	w->has_failed = true;
	w->is_set_bad = r->status == IMAP_BAD;
	imap_result_err(w->c->s, r, ERR_BOX, "STORE", &w->err);
}

const struct imap_events imap_verify_events = { .fetch = on_fetch, .vanished = on_vanished, .done = on_done };

static int
cmp_shown(const void *x, const void *y)
{
	const struct imap_verified *a = x, *b = y;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

void
imap_verify_begin(struct imap_verify *w, struct imap_conn *c, struct arena *a, size_t room)
{
	*w = (struct imap_verify){ .c = c, .arena = a };
	w->at = mem_alloc((room + 1) * sizeof *w->at);
}

void
imap_verify_add(struct imap_verify *w, uint32_t uid)
{
	w->at[w->n++].uid = uid;
}

void
imap_verify_sort(struct imap_verify *w)
{
	qsort(w->at, w->n, sizeof *w->at, cmp_shown);
}

void
imap_verify_end(struct imap_verify *w)
{
	free(w->at);
	w->at = NULL;
}

int
imap_verify_send(struct imap_verify *w, struct imap_command *cmd, const char *tail, const struct flags *flags, struct err *e)
{
	int status = 0;

	imap_put(cmd, tail);
	if (flags != NULL)
		status = imap_put_flags(cmd, *flags, e);
	if (status == 0)
		status = imap_send(w->c->s, cmd, &imap_verify_events, w, NULL, e);
	imap_command_release(cmd);
	return status;
}

int
imap_send_uids(struct imap_verify *w, enum imap_command_kind kind, const char *verb, const uint32_t *uids, size_t n,
    const char *tail, const struct flags *flags, uint64_t epoch, struct err *e)
{
	struct imap_command cmd;
	size_t at = 0;
	int status = 0;

	while (at < n && status == 0) {
		imap_begin(w->c, &cmd, kind);
		cmd.uidvalidity = kind == IMAP_WRITE ? epoch : 0;
		imap_put(&cmd, verb);
		at += imap_put_uids(&cmd, uids + at, imap_at_most(w->c, n - at), 2000);
		status = imap_verify_send(w, &cmd, tail, flags, e);
		if (status == 0)
			status = imap_drain_to(w->c, 50, e);
	}
	return status;
}

static bool
is_doubtful(const struct imap_verified *s)
{
	return !s->is_here && !s->has_vanished;
}

size_t
imap_verify_doubts(const struct imap_verify *w)
{
	size_t i, n = 0;

	for (i = 0; i < w->n; i++)
		n += is_doubtful(&w->at[i]);
	return n;
}

int
imap_verify_ask(struct imap_verify *w, const char *items, struct err *e)
{
	uint32_t *uids = mem_alloc((w->n + 1) * sizeof *uids);
	size_t i, m = 0;
	int status;

	for (i = 0; i < w->n; i++)
		if (is_doubtful(&w->at[i]))
			uids[m++] = w->at[i].uid;
	status = imap_send_uids(w, IMAP_READ, "UID FETCH ", uids, m, items, NULL, 0, e);
	free(uids);
	return status;
}

int
imap_verify_ask_rest(struct imap_verify *w, const char *items, struct err *e)
{
	size_t left = imap_verify_doubts(w), before;

	while (w->is_cut && left > 0) {
		before = left;
		w->is_cut = false;
		if (imap_verify_ask(w, items, e) < 0 || imap_settle(w->c, e) < 0)
			return -1;
		left = imap_verify_doubts(w);
		if (!w->is_cut || left < before)
			continue;
		w->has_failed = true;
		return err_class(&w->err, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: the server shows only a part of what it is asked for "
		    "(MESSAGELIMIT), and no more when asked again", w->c->st->store.name), 0;
	}
	w->is_cut = false;
	return 0;
}
