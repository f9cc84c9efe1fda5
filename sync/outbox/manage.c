/* What a person sees of an outbox, and decides about its messages. */
#include <stdlib.h>
#include <string.h>

#include "sync/maildir/msgfile.h"
#include "sync/outbox/inside.h"

static const char *const state_words[OUTBOX_STATES] = { "new", "waiting", "unknown", "sent", "held", "unknown" };

/* What is wrong with it, in one line: the message's own words, or those for its recipients. */
static const char *
words_of(const struct outbox_record *rec, const struct outbox_mail *mail, struct arena *a)
{
	struct buf words = { 0 };
	const char *all;

	if (rec->words[0] != '\0')
		return arena_strdup(a, rec->words);
	for (size_t i = 0; i < rec->n; i++)
		if (rec->to[i].words[0] != '\0')
			buf_printf(&words, "%s%s: %s", words.len != 0 ? "; " : "", rec->to[i].address, rec->to[i].words);
	all = arena_strdup(a, words.len != 0 ? buf_str(&words) : mail->fault != NULL ? mail->fault : "");
	buf_release(&words);
	return all;
}

static void
fill_item(struct outbox_item *item, const struct outbox_at *at, const struct outbox_mail *mail, const struct outbox_record *rec, struct arena *a)
{
	outbox_id(at->key, item->id);
	item->state = at->flags & FLAG_DELETED ? "deleted" : at->flags & FLAG_DRAFT ? "draft" :
	    rec->state == OUTBOX_NEW && mail->fault != NULL ? "held" : state_words[rec->state];
	item->written = mail->written;
	item->next = rec->state == OUTBOX_WAITING ? rec->next : 0;
	item->tries = rec->tries;
	item->to = arena_strdup(a, mail->to[0] != '\0' ? mail->to : rec->n != 0 ? rec->to[0].address : "");
	item->subject = arena_strdup(a, mail->subject);
	item->words = words_of(rec, mail, a);
}

/* Reads one of those that were there when it was opened. */
static int
read_entry(struct outbox_open *x, size_t i, struct outbox_at *at_r, struct outbox_mail *mail_r, struct arena *a, struct outbox_record *rec_r,
    struct err *e)
{
	const struct scan_entry *entry = &x->scan.entries.at[i];
	bool is_known;

	*at_r = (struct outbox_at){ entry->key, scan_hint(a, entry), entry->flags };
	if (outbox_mail_read(&x->mdir, at_r->key, at_r->hint, mail_r, e) < 0)
		return -1;
	if (outbox_recall(x, at_r->key, mail_r, a, rec_r, &is_known, e) == 0)
		return 0;
	outbox_mail_release(mail_r);
	return -1;
}

int
outbox_list(const struct outbox *o, struct arena *a, struct outbox_item **items_r, size_t *n_r, struct err *e)
{
	struct outbox_open x;
	struct outbox_mail mail;
	struct outbox_record rec;
	struct outbox_at at;
	int status = outbox_open(o, &x, e);

	*n_r = 0;
	if (status <= 0)
		return status;
	*items_r = arena_alloc(a, (x.scan.entries.n + 1) * sizeof **items_r);
	for (size_t i = 0; i < x.scan.entries.n; i++) {
		/* One that has gone meanwhile is not there to be listed. */
		if (read_entry(&x, i, &at, &mail, a, &rec, e) < 0)
			continue;
		fill_item(&(*items_r)[(*n_r)++], &at, &mail, &rec, a);
		outbox_mail_release(&mail);
	}
	outbox_close(&x);
	return 0;
}

/* The entry that the id names. */
static int
find(const struct outbox_open *x, const char *id, size_t *i_r, struct err *e)
{
	size_t found = SIZE_MAX;
	char its[9];

	for (size_t i = 0; i < x->scan.entries.n && *id != '\0'; i++) {
		outbox_id(x->scan.entries.at[i].key, its);
		if (strncmp(its, id, strlen(id)) != 0)
			continue;
		if (found != SIZE_MAX)
			return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is more than one message in the outbox whose id begins with \"%s\"", id);
		found = i;
	}
	if (found == SIZE_MAX)
		return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no message \"%s\" in the outbox; `mailtwin outbox` lists those that there are", id);
	*i_r = found;
	return 0;
}

static int
retry(struct outbox_open *x, struct outbox_at *at, const struct outbox_mail *mail, struct outbox_record *rec, struct arena *a, const char **what_r,
    struct err *e)
{
	outbox_release(rec);
	if (outbox_record_keep(x->state, at->key, rec, e) < 0 || outbox_flag(x, at, false, e) < 0)
		return -1;
	*what_r = arena_printf(a, "\"%s\" is sent at the next run", mail->subject);
	return 0;
}

/* What some have is filed in Sent, for it was sent; what nobody has goes. */
static int
drop(struct outbox_open *x, struct outbox_at *at, const struct outbox_mail *mail, struct outbox_record *rec, struct arena *a, const char **what_r,
    struct err *e)
{
	if (!outbox_is_sent_to_any(rec)) {
		if (msgfile_remove(&x->mdir, at->key, at->hint, 0, 0, e) < 0 || mdir_sync(&x->mdir, e) < 0 ||
		    outbox_record_keep(x->state, at->key, NULL, e) < 0)
			return -1;
		*what_r = arena_printf(a, "\"%s\" is removed: nobody has it", mail->subject);
		return 0;
	}
	/* As it was sent: what is added to a message without Message-ID and Date is known. */
	rec->state = OUTBOX_SENT;
	if (outbox_record_keep(x->state, at->key, rec, e) < 0 || outbox_file(x, at, mail, rec, true, e) < 0)
		return -1;
	*what_r = x->o->keeps_copy ? arena_printf(a, "\"%s\" is filed in %s: some have it, or may have it", mail->subject, x->o->sent) :
	    arena_printf(a, "\"%s\" is removed: some have it, or may have it", mail->subject);
	return 0;
}

typedef int decision(struct outbox_open *x, struct outbox_at *at, const struct outbox_mail *mail, struct outbox_record *rec, struct arena *a,
    const char **what_r, struct err *e);

static int
decide(const struct outbox *o, const char *id, decision *what, struct arena *a, const char **what_r, struct err *e)
{
	struct outbox_open x;
	struct outbox_mail mail;
	struct outbox_record rec;
	struct outbox_at at;
	size_t i = 0;
	int status = outbox_open(o, &x, e);

	if (status == 0)
		return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no message \"%s\" in the outbox, which is empty", id);
	if (status < 0)
		return -1;
	status = find(&x, id, &i, e);
	if (status == 0)
		status = read_entry(&x, i, &at, &mail, a, &rec, e);
	if (status == 0) {
		status = what(&x, &at, &mail, &rec, a, what_r, e);
		outbox_mail_release(&mail);
	}
	outbox_close(&x);
	return status;
}

int
outbox_retry(const struct outbox *o, const char *id, struct arena *a, const char **what_r, struct err *e)
{
	return decide(o, id, retry, a, what_r, e);
}

int
outbox_drop(const struct outbox *o, const char *id, struct arena *a, const char **what_r, struct err *e)
{
	return decide(o, id, drop, a, what_r, e);
}
