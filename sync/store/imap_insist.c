/* Flags and keywords that a server does not set, though it was asked to.
 *
 * A NO or BAD to a STORE is about all of its flags, and an OK proves nothing (R16 three outcomes). So each flag that messages do not show
 * is sent by itself, and they are fetched again. A NO to that may still be about the server's day and not about the flag. So the server is
 * asked for a STORE that changes nothing: only if it takes that, the flag is one it cannot keep (R14 masks). \Deleted is never such a
 * flag: it means a deletion.
 *
 *   STORE one flag, ... FETCH | STORE that changes nothing |
 */
#include "sync/store/imap_inside.h"

enum { FLAGS_MOST = 200 };	/* flags that are tried in one go; with more the rest waits for the next run */

/* One flag, and what came of it. */
struct trial {
	struct insisting *of;
	struct flags flag;
	bool is_add;
	bool is_refused;		/* NO or BAD, for no reason that is about something else */
	bool is_open;			/* another answer, or none: nothing is known of it */
};

struct insisting {
	struct imap_verify *show;
	struct flag_item *items;
	size_t n;
	uint64_t epoch;
	struct arena *a;
	struct trial trials[FLAGS_MOST];
	size_t n_trials;
	uint32_t *uids;
	bool takes_others;		/* a STORE that changes nothing was taken */
};

void
imap_leave_off(struct flags *flags, struct flags *unkept, struct arena *a)
{
	const char *p = flags->kw, *word, *unfit = "";
	size_t len;

	while ((word = kw_next(&p, &len)) != NULL)
		if (!imap_is_keyword(word, len))
			unfit = kw_union(a, unfit, arena_strndup(a, word, len));
	if (unkept->kw == NULL)
		unkept->kw = "";
	if (*unfit == '\0')
		return;
	flags->kw = kw_minus(a, flags->kw, unfit);
	unkept->kw = kw_union(a, unkept->kw, unfit);
}

/* What of the item the message does not show. */
static struct flags
unmade(const struct flag_item *item, struct flags now, bool is_add, struct arena *a)
{
	return flags_minus(a, is_add ? flags_minus(a, item->add, now) : flags_intersect(a, item->remove, now), item->unkept);
}

bool
imap_is_made(const struct flag_item *item, struct flags now, struct arena *a)
{
	return flags_is_none(unmade(item, now, true, a)) && flags_is_none(unmade(item, now, false, a));
}

static const struct imap_verified *
shown(const struct insisting *x, size_t i)
{
	const struct imap_verified *s = imap_verify_find(x->show, key_uid(x->items[i].key));

	return s != NULL && s->is_here ? s : NULL;
}

static bool
wants(const struct trial *t, const struct flag_item *item, struct flags now)
{
	struct arena a = { 0 };
	bool is = !flags_is_none(flags_intersect(&a, unmade(item, now, t->is_add, &a), t->flag));

	arena_release(&a);
	return is;
}

static void
add_trial(struct insisting *x, struct flags flag, bool is_add)
{
	if (x->n_trials < FLAGS_MOST)
		x->trials[x->n_trials++] = (struct trial){ .of = x, .flag = flag, .is_add = is_add, .is_open = true };
}

static void
add_trials(struct insisting *x, bool is_add)
{
	struct flags all = FLAGS_NONE;
	const struct imap_verified *s;
	const char *p, *word;
	uint32_t bit;
	size_t i, len;

	for (i = 0; i < x->n; i++)
		if ((s = shown(x, i)) != NULL)
			all = flags_union(x->a, all, unmade(&x->items[i], s->flags, is_add, x->a));
	for (bit = 1; bit <= FLAG_ALL; bit <<= 1)
		if (all.sys & bit)
			add_trial(x, (struct flags){ bit, "" }, is_add);
	for (p = all.kw; (word = kw_next(&p, &len)) != NULL;)
		add_trial(x, (struct flags){ 0, arena_strndup(x->a, word, len) }, is_add);
}

/* ---- the STOREs ---- */

static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	const struct trial *t = ctx;

	imap_verify_events.fetch(t->of->show, f);
}

static void
on_vanished(void *ctx, const struct imap_uidset *uids, bool is_earlier)
{
	const struct trial *t = ctx;

	imap_verify_events.vanished(t->of->show, uids, is_earlier);
}

/* A reason that has a code is one: [NOPERM], [INUSE], [OVERQUOTA] ... [LIMIT] and [CANNOT] are about the flag. */
static void
on_done(void *ctx, const struct imap_result *r)
{
	struct trial *t = ctx;
	enum imap_code_kind code = r->code->kind;

	t->is_open = r->status != IMAP_OK;
	if (r->status != IMAP_NO && r->status != IMAP_BAD)
		return;
	t->is_refused = code == IMAP_CODE_NONE || code == IMAP_CODE_OTHER || code == IMAP_CODE_LIMIT || code == IMAP_CODE_CANNOT ||
	    code == IMAP_CODE_CLIENTBUG || code == IMAP_CODE_PARSE;
}

static const struct imap_events trial_events = { .fetch = on_fetch, .vanished = on_vanished, .done = on_done };

static int
send_store(struct insisting *x, struct trial *t, const uint32_t *uids, size_t n, const char *how, struct flags flag, struct err *e)
{
	struct imap_command cmd;
	size_t at = 0;
	int status = 0;

	while (at < n && status == 0) {
		imap_begin(x->show->c, &cmd, IMAP_WRITE);
		cmd.uidvalidity = x->epoch;
		imap_put(&cmd, "UID STORE ");
		at += imap_put_uids(&cmd, uids + at, n - at, 1200 + strlen(flag.kw));
		imap_put(&cmd, how);
		status = imap_put_flags(&cmd, flag, e);
		if (status == 0)
			status = imap_send(x->show->c->s, &cmd, &trial_events, t, NULL, e);
		imap_command_release(&cmd);
		if (status == 0)
			status = imap_drain_to(x->show->c, 50, e);
	}
	return status;
}

static int
cmp_u32(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

/* Each flag by itself, of all messages that lack it; and how they look then. */
static int
try_each(struct insisting *x, struct err *e)
{
	struct imap_verified *s;
	struct trial *t;
	size_t i, n;

	for (t = x->trials; t < x->trials + x->n_trials; t++) {
		for (i = n = 0; i < x->n; i++)
			if (shown(x, i) != NULL && wants(t, &x->items[i], shown(x, i)->flags))
				x->uids[n++] = key_uid(x->items[i].key);
		qsort(x->uids, n, sizeof *x->uids, cmp_u32);
		if (send_store(x, t, x->uids, n, t->is_add ? " +FLAGS " : " -FLAGS ", t->flag, e) < 0)
			return -1;
	}
	if (imap_settle(x->show->c, e) < 0)
		return -1;
	for (i = 0; i < x->n; i++) {
		s = imap_verify_find(x->show, key_uid(x->items[i].key));
		if (s != NULL && s->is_here && !imap_is_made(&x->items[i], s->flags, x->a))
			s->is_here = false;
	}
	return imap_verify_ask(x->show, " (UID FLAGS)", e) < 0 ? -1 : imap_settle(x->show->c, e);
}

/* ---- what it means ---- */

/* A STORE of the same kind that changes nothing. */
static int
probe(struct insisting *x, const struct imap_verified *s, struct err *e)
{
	struct trial t = { .of = x, .is_open = true };
	uint32_t uid = s->uid;
	bool has_seen = s->flags.sys & FLAG_SEEN;

	if (send_store(x, &t, &uid, 1, has_seen ? " +FLAGS " : " -FLAGS ", (struct flags){ FLAG_SEEN, "" }, e) < 0 ||
	    imap_settle(x->show->c, e) < 0)
		return -1;
	x->takes_others = !t.is_open;
	return 0;
}

/* Takes down what the messages lack still. */
static void
conclude(struct insisting *x)
{
	const struct imap_verified *s;
	const struct trial *t;
	size_t i;

	for (i = 0; i < x->n; i++)
		for (t = x->trials; (s = shown(x, i)) != NULL && t < x->trials + x->n_trials; t++) {
			if ((t->flag.sys & FLAG_DELETED) || (t->is_open && !(t->is_refused && x->takes_others)) ||
			    !wants(t, &x->items[i], s->flags))
				continue;
			x->items[i].unkept = flags_union(x->a, x->items[i].unkept, t->flag);
			x->items[i].ignored |= t->is_open ? 0 : t->flag.sys;
		}
}

static int
run(struct insisting *x, const char *box, struct err *e)
{
	const struct imap_verified *doubtful = NULL;
	unsigned ticket;
	size_t i, k;

	if (imap_enter_ahead(x->show->c, box, &ticket, e) < 0 || imap_writable(x->show->c, box, ticket, x->epoch, e) < 0 ||
	    try_each(x, e) < 0)
		return -1;
	for (i = 0; i < x->n_trials; i++)
		for (k = 0; k < x->n && x->trials[i].is_refused && doubtful == NULL; k++)
			if (shown(x, k) != NULL && wants(&x->trials[i], &x->items[k], shown(x, k)->flags))
				doubtful = shown(x, k);
	if (doubtful != NULL && probe(x, doubtful, e) < 0)
		return -1;
	conclude(x);
	return imap_let_go(x->show->c, box, e);
}

int
imap_insist(struct imap_verify *w, const char *box, uint64_t epoch, struct flag_item *items, size_t n, struct arena *a,
    struct err *e)
{
	struct insisting *x = mem_alloc(sizeof *x);
	int status = 0;

	*x = (struct insisting){ .show = w, .items = items, .n = n, .epoch = epoch, .a = a };
	x->uids = mem_alloc((n + 1) * sizeof *x->uids);
	add_trials(x, true);
	add_trials(x, false);
	if (x->n_trials > 0)
		status = run(x, box, e);
	free(x->uids);
	free(x);
	return status;
}
