/* What changed in mailboxes since their cursors (design: "Cursors and deltas").
 *
 *   QRESYNC     SELECT (QRESYNC (v m))                    flags and vanished come with it
 *   CONDSTORE   SELECT (CONDSTORE), FETCH CHANGEDSINCE m  vanished by SEARCH, only when the count says so
 *   neither     SELECT, FETCH 1:*                         the flags of everything, every time
 *   and in all cases FETCH uidnext:* for the sizes, and the server's own ids, of what is new
 *
 * The commands of all mailboxes asked for are pipelined; what proves to need a full list or a search gets
 * it in a second flight. Behind them goes R13's second look, where something seems to have vanished: what is moved out of a
 * mailbox before that was read is in another by then.
 *
 * Must hold (R2, R3):
 *   1. The cursor is the SELECT's own; a modseq or uidnext below the saved one means a full list.
 *   2. A list that broke off is not complete.
 *   3. Entries of UIDs below the saved uidnext that FETCH n:* brings are not counted as new.
 */
#include "sync/store/imap_inside.h"
#include "sync/store/imap_plain.h"

#include "state/base/log.h"

enum { KEY_OCTETS = 16 };
enum delta_how { HOW_QRESYNC, HOW_CONDSTORE, HOW_PLAIN, HOW_FULL, HOW_SEARCH };

struct delta_work {
	struct imap_conn *c;
	struct delta *d;
	const char *what;		/* "mailbox x" */
	enum delta_how how;
	bool is_readonly_run, asked_guid;
	unsigned ticket;		/* of the SELECT */
	bool is_answered;		/* the SELECT was, with OK, and what follows is a snapshot of its mailbox */
	struct imap_box box;		/* without its strings */
	const char *kw;			/* of the mask; the delta's arena */
	const char *unreadable;		/* as in box; the delta's arena */
	bool has_failed, is_broken;	/* is_broken: a FETCH or SEARCH failed, the mailbox itself did not */
	struct err err;
	uint32_t since_next, since_count;
	uint64_t since_modseq;
	uint64_t kept;			/* octets, of the connection's count */
	size_t joined;			/* ranges of d->gone that were joined */
	uint32_t fresh;			/* UIDs from since_next on that FETCH showed */
	struct imap_plain plain;	/* HOW_PLAIN: what the list showed */
	uint32_t last;			/* highest UID shown */
	bool is_same;			/* HOW_PLAIN: it is what the base knows */
};

/* ---- answers ---- */

/* The mailbox has failed: what was kept of it makes room for the others. */
static void
give_up(struct delta_work *w)
{
	struct delta *d = w->d;

	w->has_failed = true;
	w->c->kept -= w->kept;
	w->kept = 0;
	vec_release(&d->entries);
	vec_release(&d->gone);
	vec_release(&d->present);
	arena_release(&d->arena);
	w->kw = "";
	w->unreadable = NULL;
	w->what = "";
}

/* Whether there is room for one more of these; else the rest of the mailbox passes by. */
static bool
keep(struct delta_work *w, size_t octets)
{
	if (w->has_failed)
		return false;
	w->kept += octets;
	if (imap_keep(w->c, octets, ERR_BOX, w->what, &w->err))
		return true;
	give_up(w);
	return false;
}

/* More messages than the mailbox says it has, by far: each is there once or twice. */
static bool
is_beyond(struct delta_work *w)
{
	enum { MORE = 10000 };
	const struct imap_box *box = imap_select_box(w->c->s, w->ticket);

	if (w->has_failed || box == NULL || w->d->entries.n <= 3 * (uint64_t)box->exists + MORE)
		return w->has_failed;
	give_up(w);
	err_class(&w->err, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: the server shows more messages of mailbox %s than it says there are",
	    w->c->st->store.name, w->d->box);
	return true;
}

static void
add_entry(struct delta_work *w, const struct imap_fetch *f)
{
	struct delta *d = w->d;
	struct delta_entry e;

	if (is_beyond(w) || !keep(w, 2 * sizeof e + KEY_OCTETS + strlen(f->flags.kw) + strlen(f->emailid) + strlen(f->guid)))
		return;
	e = (struct delta_entry){ .key = key_from_uid(&d->arena, f->uid), .hint = "", .server_id = "" };

	e.flags = flags_dup(&d->arena, f->flags);
	if (f->has & IMAP_FETCH_SIZE)
		e.size = f->size;
	if (f->has & IMAP_FETCH_DATE)
		e.date = f->date;
	if (f->has & IMAP_FETCH_EMAILID)
		e.server_id = arena_strdup(&d->arena, f->emailid);
	else if (f->has & IMAP_FETCH_GM_MSGID)
		e.server_id = arena_printf(&d->arena, "%llu", (unsigned long long)f->gm_msgid);
	else if (f->has & IMAP_FETCH_GUID)
		e.server_id = arena_strdup(&d->arena, f->guid);
	vec_push(&d->entries, e);
}

/* HOW_PLAIN: the list has flags, what is new a size as well. Dovecot answers the two FETCHes at the same time. */
static void
see_plain(struct delta_work *w, const struct imap_fetch *f)
{
	if (!(f->has & IMAP_FETCH_SIZE)) {
		imap_plain_see(&w->plain, w->d, f);
		return;
	}
	if (f->uid < w->since_next)
		return;			/* the last message, where nothing is new; the list shows it (R3) */
	w->fresh++;
	add_entry(w, f);
}

static void
on_fetch(void *ctx, const struct imap_fetch *f)
{
	struct delta_work *w = ctx;

	if ((f->has & (IMAP_FETCH_UID | IMAP_FETCH_FLAGS)) != (IMAP_FETCH_UID | IMAP_FETCH_FLAGS))
		return;
	if (f->uid > w->last)
		w->last = f->uid;
	if (w->how == HOW_PLAIN)
		see_plain(w, f);
	else
		add_entry(w, f);
}

/* The flight for what is new: from since_next on. FETCH n:* takes every FETCH there is while it is unanswered: the
 * news of a QRESYNC SELECT, what others change meanwhile, the last message where nothing is new. All are news of known
 * messages, and harmless where they are none. */
static void
on_fresh(void *ctx, const struct imap_fetch *f)
{
	struct delta_work *w = ctx;

	if (!(f->has & IMAP_FETCH_UID) || !(f->has & IMAP_FETCH_FLAGS))
		return;
	if (w->how == HOW_PLAIN) {
		on_fetch(w, f);
		return;
	}
	if (f->uid > w->last)
		w->last = f->uid;
	if (f->uid >= w->since_next)
		w->fresh++;
	add_entry(w, f);
}

static void
on_vanished(void *ctx, const struct imap_uidset *uids, bool is_earlier)
{
	struct delta_work *w = ctx;
	size_t i;

	(void)is_earlier;
	/* Ranges, not UIDs: VANISHED 1:4294967295 is a legal line. The fold intersects them (R3). */
	for (i = 0; i < uids->n && keep(w, sizeof(struct uid_range)); i++)
		vec_push(&w->d->gone, (struct uid_range){ uids->at[i].first, uids->at[i].last });
	if (w->d->gone.n > 2 * w->joined + 4096)
		w->joined = delta_join_gone(w->d);
}

static void
on_search(void *ctx, const struct imap_search *search)
{
	struct delta_work *w = ctx;
	struct imap_uidset all = { 0 };
	size_t i;

	imap_uidset_copy(&all, &search->all);
	imap_uidset_normalise(&all);
	w->d->present.n = 0;
	for (i = 0; i < all.n && keep(w, sizeof(struct uid_range)); i++)
		vec_push(&w->d->present, (struct uid_range){ all.at[i].first, all.at[i].last });
	imap_uidset_release(&all);
}

static void
on_select_done(void *ctx, const struct imap_result *result)
{
	struct delta_work *w = ((struct imap_watch *)ctx)->work;

	if (w == NULL || result->status == IMAP_OK)
		return;
	w->has_failed = true;
	imap_result_err(w->c->s, result, ERR_BOX, w->d->box, &w->err);
}

/* What UIDNEXT is at least, of a server whose SELECT does not tell (Courier): by STATUS, by the last run, by what is there. */
static uint32_t
least_uidnext(const struct delta_work *w)
{
	uint32_t next = w->last != UINT32_MAX ? w->last + 1 : w->last, listed, count;
	uint64_t modseq;

	imap_cursor_read(&w->d->listed, &listed, &modseq, &count);
	if (w->d->listed.epoch == w->box.uidvalidity && listed > next)
		next = listed;
	if (w->d->has_since && w->d->since.epoch == w->box.uidvalidity && w->since_next > next)
		next = w->since_next;
	return next;
}

static void
snapshot(struct delta_work *w)
{
	const struct imap_box *box = imap_select_box(w->c->s, w->ticket);

	if (box == NULL)
		return;
	w->box = *box;
	if (w->box.uidnext == 0)
		w->box.uidnext = least_uidnext(w);
	w->kw = arena_strdup(&w->d->arena, box->mask.kw);
	if (box->unreadable != NULL && w->unreadable == NULL)
		w->unreadable = arena_strdup(&w->d->arena, box->unreadable);
	w->is_answered = true;
}

/* Of each command behind the SELECT. NO on an empty mailbox is some servers' way to say "none". */
static void
on_done(void *ctx, const struct imap_result *result)
{
	struct delta_work *w = ctx;

	snapshot(w);
	if (result->status == IMAP_OK || w->has_failed || (w->is_answered && w->box.exists == 0))
		return;
	if (!w->is_broken)
		imap_result_err(w->c->s, result, ERR_BOX, w->d->box, &w->err);
	w->is_broken = true;
}

static void
box_fetch(void *ctx, const struct imap_fetch *f)
{
	struct delta_work *w = ((struct imap_watch *)ctx)->work;

	if (w != NULL && w->how == HOW_QRESYNC)
		on_fetch(w, f);
}

static void
box_vanished(void *ctx, const struct imap_uidset *uids, bool is_earlier)
{
	struct delta_work *w = ((struct imap_watch *)ctx)->work;

	if (w != NULL)
		on_vanished(w, uids, is_earlier);
}

/* A SELECT's own events outlive the delta: their context is a watch of the connection's, which forgets
 * the work when that ends. */
static const struct imap_events select_events = { .fetch = box_fetch, .vanished = box_vanished,
	.done = on_select_done };
static const struct imap_events all_events = { .fetch = on_fetch, .done = on_done };
static const struct imap_events fresh_events = { .fetch = on_fresh, .done = on_done };
static const struct imap_events search_events = { .search = on_search, .done = on_done };

/* ---- questions ---- */

static void
put_id_item(struct delta_work *w, struct imap_command *cmd)
{
	const char *item = imap_id_item(w->c);

	if (item == NULL)
		return;
	imap_putf(cmd, " %s", item);
	w->asked_guid |= strcmp(item, "X-GUID") == 0;
}

static void
ask_no_guid(struct delta_work *w)
{
	w->asked_guid = false;
	pthread_mutex_lock(&w->c->st->lock);
	w->c->st->refuses_guid = true;
	pthread_mutex_unlock(&w->c->st->lock);
}

static int
send_select(struct delta_work *w, struct err *e)
{
	struct imap_select how = { .is_examine = w->is_readonly_run };
	struct buf wire = { 0 };
	int status = imap_name_out(w->c->st, w->d->box, &wire, e);

	if (status == 0) {
		how.utf8 = buf_str(&wire);
		if (w->how == HOW_QRESYNC) {
			how.uidvalidity = w->d->since.epoch;
			how.modseq = w->since_modseq;
		}
		vec_push(&w->c->watches, mem_alloc(sizeof(struct imap_watch)));
		w->c->watches.at[w->c->watches.n - 1]->work = w;
		status = imap_select(w->c->s, &how, &select_events, w->c->watches.at[w->c->watches.n - 1],
		    &w->ticket, e);
	}
	buf_release(&wire);
	return status;
}

/* UID FETCH first:* ... */
static int
send_fetch(struct delta_work *w, uint32_t first, bool with_size, bool changed_since, const struct imap_events *ev,
    struct err *e)
{
	struct imap_command cmd;
	int status;

	imap_begin(w->c, &cmd, IMAP_READ);
	imap_put(&cmd, "UID FETCH ");
	imap_put_uids_from(&cmd, first);
	imap_put(&cmd, " (UID FLAGS");
	if (with_size) {
		imap_put(&cmd, imap_is_loose(w->c) ? " RFC822.SIZE INTERNALDATE" : " RFC822.SIZE");
		put_id_item(w, &cmd);
	}
	imap_put(&cmd, ")");
	if (changed_since)
		imap_putf(&cmd, " (CHANGEDSINCE %llu)", (unsigned long long)w->since_modseq);
	status = imap_send(w->c->s, &cmd, ev, w, NULL, e);
	imap_command_release(&cmd);
	return status;
}

static int
send_search(struct delta_work *w, struct err *e)
{
	struct imap_command cmd;
	int status;

	imap_begin(w->c, &cmd, IMAP_READ);
	if (imap_caps_has(imap_session_caps(w->c->s), IMAP_CAP_ESEARCH)) {
		imap_put(&cmd, "UID SEARCH RETURN (ALL) ALL");
	} else {
		imap_put(&cmd, "UID SEARCH ALL");
		cmd.is_search = true;
	}
	status = imap_send(w->c->s, &cmd, &search_events, w, NULL, e);
	imap_command_release(&cmd);
	return status;
}

/* All that is asked of one mailbox in one flight. */
static int
send_all(struct delta_work *w, struct err *e)
{
	if (send_select(w, e) < 0)
		return -1;
	switch (w->how) {
	case HOW_FULL:
		return send_fetch(w, 1, true, false, &all_events, e);
	case HOW_SEARCH:
		return send_search(w, e);
	case HOW_PLAIN:
		/* What is new comes twice, in any order, with its size once: an entry adds to what is known. */
		if (send_fetch(w, 1, false, false, &all_events, e) < 0)
			return -1;
		break;
	case HOW_CONDSTORE:
		if (send_fetch(w, 1, false, true, &all_events, e) < 0)
			return -1;
		break;
	case HOW_QRESYNC:
		break;
	}
	return send_fetch(w, w->since_next, true, false, &fresh_events, e);
}

static enum delta_how
choose(const struct delta_work *w)
{
	if (!w->d->has_since || w->since_next == 0)
		return HOW_FULL;
	if (w->since_modseq == 0)
		return HOW_PLAIN;
	if (imap_session_has_qresync(w->c->s))
		return HOW_QRESYNC;
	return imap_session_has_condstore(w->c->s) ? HOW_CONDSTORE : HOW_PLAIN;
}

/* ---- conclusions ---- */

/* R2: the cursor we asked from may not be trusted by what came. */
static bool
is_suspect(const struct delta_work *w)
{
	if (w->box.uidvalidity != w->d->since.epoch || w->box.uidnext < w->since_next || w->is_broken || w->box.is_dirty)
		return true;
	return w->how != HOW_PLAIN && (!w->box.has_modseq || w->box.highestmodseq < w->since_modseq);
}

static void
compare_plain(struct delta_work *w)
{
	w->is_same = imap_plain_is_known(&w->plain, w->d, w->box.exists);
	if (!w->is_same)
		imap_plain_expand(&w->plain, w->d);
}

/* Dovecot tells a modseq that cannot be asked about, where CONDSTORE is not offered. */
static bool
has_modseq(const struct delta_work *w)
{
	return w->box.has_modseq && imap_session_has_condstore(w->c->s);
}

/* What the second flight is for; HOW_QRESYNC = there is none. */
static enum delta_how
again(struct delta_work *w)
{
	if (w->has_failed || !w->is_answered || w->unreadable != NULL)
		return HOW_QRESYNC;
	if (w->is_broken && w->asked_guid) {
		ask_no_guid(w);
		return HOW_FULL;
	}
	if (w->how == HOW_FULL || w->how == HOW_SEARCH)
		return HOW_QRESYNC;
	if (is_suspect(w))
		return HOW_FULL;
	if (w->how == HOW_PLAIN)
		compare_plain(w);
	/* More should be there than is: something vanished, and CONDSTORE does not say what. */
	if (w->how == HOW_CONDSTORE && w->d->known + w->fresh != w->box.exists)
		return HOW_SEARCH;
	return HOW_QRESYNC;
}

static void
start_over(struct delta_work *w)
{
	w->d->entries.n = 0;
	w->d->gone.n = 0;
	w->fresh = 0;
	imap_plain_clear(&w->plain);
	w->is_answered = w->is_broken = false;
}

static void
conclude(struct delta_work *w)
{
	struct delta *d = w->d;

	if (!w->has_failed && !w->is_answered) {
		w->has_failed = true;
		if (w->err.text[0] == '\0')
			err_set(&w->err, ERR_BOX, "%s: mailbox %s did not answer", w->c->st->store.name, d->box);
	}
	if (!w->has_failed && w->unreadable != NULL) {
		w->has_failed = true;
		err_class(&w->err, ERR_BOX, ERR_FAILED, ERR_LATER, "%s: mailbox %s is left out: %s", w->c->st->store.name, d->box,
		    w->unreadable);
	}
	if (!w->has_failed && w->box.uidvalidity == 0) {
		w->has_failed = true;
		err_class(&w->err, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s: the server gives mailbox %s no UIDVALIDITY that can be used, so its "
		    "messages cannot be told apart between runs", w->c->st->store.name, d->box);
	}
	if (w->has_failed || (w->is_broken && w->how != HOW_FULL && w->how != HOW_PLAIN)) {
		d->status = -1;
		d->err = w->err;
		return;
	}
	d->kind = !w->is_same && (w->how == HOW_FULL || w->how == HOW_PLAIN) ? DELTA_FULL : DELTA_CHANGES;
	d->is_complete = !w->is_broken;
	d->has_present = w->how == HOW_SEARCH;
	d->has_exists = true;
	d->exists = w->box.exists;
	d->cursor = imap_cursor(w->box.uidvalidity, w->box.uidnext, has_modseq(w) ? w->box.highestmodseq : 0, w->box.exists);
	if (w->box.is_dirty || w->box.is_uid_not_sticky)
		d->cursor.is_steady = false;
	d->uidnext = w->box.uidnext;
	d->mailbox_id = arena_strdup(&d->arena, w->box.mailboxid);
	d->mask = w->box.mask;
	d->mask.kw = w->kw != NULL ? w->kw : "";
	/* PERMANENTFLAGS of a read-only mailbox is empty: that tells what we may change, not what it keeps. */
	d->is_mask_unknown = w->box.is_read_only;
	d->is_readonly = !w->is_readonly_run && w->box.is_read_only;
}

/* All that is asked, in one go. */
static int
send_flight(struct imap_conn *c, struct delta_work *w, size_t n, struct err *e)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (imap_drain_to(c, 500, e) == 0 && send_all(&w[i], e) == 0)
			continue;
		if (!imap_session_is_alive(c->s))
			return err_widen(e, ERR_STORE);
		w[i].has_failed = true;
		w[i].err = *e;
	}
	return 0;
}

static int
fly_and_look(struct imap_conn *c, struct delta_work *w, size_t n, struct delta_look *look, struct err *e)
{
	struct cursors_work cursors;
	struct err why;
	int status;

	if (send_flight(c, w, n, e) < 0)
		return -1;
	status = imap_cursors_queue(c, &cursors, look->boxes, look->n, e);
	if (status == 0 || imap_session_is_alive(c->s))
		status = imap_settle(c, e);
	why = *e;
	look->is_answered = imap_cursors_end(&cursors, status, &why) == 0;
	return status;
}

/* Those that need it once more, in full or by SEARCH. *is_last_r is set to false where there are some. */
static int
second_flight(struct imap_conn *c, struct delta_work *w, size_t n, bool *is_last_r, struct err *e)
{
	enum delta_how how;
	size_t i;

	for (i = 0; i < n; i++) {
		how = again(&w[i]);
		if (how == HOW_QRESYNC)
			continue;
		*is_last_r = false;
		log_line(LOG_IMAP, "%s: %s", w[i].d->box, how == HOW_FULL ? "the cursor does not hold: listed in full" :
		    "some vanished: searched for");
		if (how == HOW_FULL)
			start_over(&w[i]);
		w[i].how = how;
		if (send_all(&w[i], e) < 0) {
			if (!imap_session_is_alive(c->s))
				return err_widen(e, ERR_STORE);
			w[i].has_failed = true;
			w[i].err = *e;
		}
	}
	return imap_settle(c, e);
}

/* Nothing is under way: only the mailbox selected last may still speak. */
static void
forget_watches(struct imap_conn *c)
{
	struct imap_watch *last;
	size_t i;

	if (c->watches.n == 0)
		return;
	last = c->watches.at[c->watches.n - 1];
	for (i = 0; i + 1 < c->watches.n; i++)
		free(c->watches.at[i]);
	c->watches.at[0] = last;
	c->watches.n = 1;
}

/* By the numbers of the list: fewer are there than were, and came since. */
static bool
seems_to_have_lost(const struct delta_work *w)
{
	uint32_t next, count;
	uint64_t modseq;

	if (!w->d->has_since || w->d->listed.epoch != w->d->since.epoch)
		return false;
	imap_cursor_read(&w->d->listed, &next, &modseq, &count);
	return next >= w->since_next && (uint64_t)w->since_count + (next - w->since_next) > count;
}

/* Whether the second look goes along. What is listed in full may need a second flight, behind which it would have to be. */
static bool
wants_look(const struct delta_work *w, size_t n)
{
	bool has_lost = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (w[i].how == HOW_FULL || w[i].how == HOW_PLAIN)
			return false;
		has_lost |= seems_to_have_lost(&w[i]);
	}
	return has_lost;
}

static struct delta_work *
begin(struct imap_conn *c, struct delta *d, size_t n, bool is_readonly_run)
{
	struct delta_work *w = mem_alloc((n + 1) * sizeof *w);
	size_t i;

	free(c->selected);
	c->selected = NULL;
	imap_keep_begin(c);
	forget_watches(c);
	for (i = 0; i < n; i++) {
		w[i].c = c;
		w[i].d = &d[i];
		w[i].what = arena_printf(&d[i].arena, "mailbox %s", d[i].box);
		w[i].is_readonly_run = is_readonly_run;
		w[i].kw = "";
		if (d[i].has_since)
			imap_cursor_read(&d[i].since, &w[i].since_next, &w[i].since_modseq, &w[i].since_count);
		w[i].how = choose(&w[i]);
	}
	return w;
}

static void
end(struct imap_conn *c, struct delta_work *w, size_t n, int status)
{
	size_t i;

	for (i = 0; i < c->watches.n; i++)
		c->watches.at[i]->work = NULL;
	for (i = 0; i < n; i++) {
		if (status == 0)
			conclude(&w[i]);
		imap_plain_release(&w[i].plain);
	}
	free(w);
}

int
imap_delta(struct session *session, struct delta *d, size_t n, bool is_readonly_run, struct delta_look *look, struct err *e)
{
	struct imap_conn *c = imap_conn_of(session);
	struct delta_work *w = begin(c, d, n, is_readonly_run);
	bool is_last = true, has_look = look != NULL && wants_look(w, n);
	int status;

	if (has_look)
		status = fly_and_look(c, w, n, look, e);
	else
		status = send_flight(c, w, n, e) < 0 ? -1 : imap_settle(c, e);
	if (status == 0)
		status = second_flight(c, w, n, &is_last, e);
	if (has_look)
		look->is_answered = status == 0 && is_last && look->is_answered;
	end(c, w, n, status);
	return status;
}

struct delta_all { struct imap_conn *c; struct delta_work *w; size_t n; };

int
imap_delta_begin(struct session *session, struct delta *d, size_t n, struct reading **r_r, struct err *e)
{
	struct delta_all *all = mem_alloc(sizeof *all);
	struct imap_conn *c = imap_conn_of(session);

	*all = (struct delta_all){ c, begin(c, d, n, false), n };
	*r_r = (struct reading *)all;
	return send_flight(c, all->w, n, e);
}

int
imap_delta_end(struct reading **r, struct err *e)
{
	struct delta_all *all = (struct delta_all *)*r;
	bool is_last;
	int status = imap_settle(all->c, e);

	if (status == 0)
		status = second_flight(all->c, all->w, all->n, &is_last, e);
	end(all->c, all->w, all->n, status);
	free(all);
	*r = NULL;
	return status;
}
