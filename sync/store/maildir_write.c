#include "sync/store/maildir_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/step.h"
#include "sync/maildir/deliver.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/keywords.h"
#include "sync/maildir/msgfile.h"

/* For calls that write. */
static int
open_to_write(struct session *c, const char *box, uint64_t epoch, struct mdir *m, struct err *e)
{
	*m = MDIR_CLOSED;
	if (maildir_check_write(maildir_store_of(c), e) < 0 || maildir_open_box(c, box, epoch, m, e) < 0)
		return -1;
	if (mdir_prepare(m, e) == 0)
		return 0;
	mdir_close(m);
	return -1;
}

/* What the letters of a mailbox mean, these words among them. On -1 nothing is left to release. */
static int
open_keywords(struct keywords *k, const struct mdir *m, const char *words, struct err *e)
{
	if (keywords_read(k, m, e) == 0 && keywords_learn(k, m, words, e) == 0)
		return 0;
	keywords_release(k);
	return -1;
}

struct key
maildir_choose_name(struct store *s, struct arena *a)
{
	return key_from_string(filename_unique(a, ((struct maildir_store *)s)->mdir.info_delimiter));
}

struct maildir_delivery {
	struct delivery base;
	struct mdir mdir;
	struct keywords keywords;
	struct deliver *deliver;
	struct deliver_item *items;
	size_t n;
	struct arena *arena;
	bool copy_arrival_date;
	const char *root;		/* of the store */
};

/* What is wrong is the disk, whatever file was being written. */
static int
name_disk(const struct maildir_delivery *d, int rc, struct err *e)
{
	if (rc < 0 && (e->sys == ENOSPC || e->sys == EDQUOT)) {
		int sys = e->sys, len = (int)strlen(d->root);

		len -= len > 1 && d->root[len - 1] == '/';
		err_class(e, e->scope, ERR_TEMPORARY, ERR_LATER, "%s on %.*s", sys == ENOSPC ? "no space" : "over the quota", len,
		    d->root);
		e->sys = sys;
	}
	return rc;
}

static int
sink_begin(void *ctx, const struct body_head *head, struct err *e)
{
	struct maildir_delivery *d = ctx;
	const struct deliver_item *item = &d->items[head->index];
	struct deliver_body body = {
		.base = arena_strndup(d->arena, item->name.data, item->name.len),
		.flags = keywords_bits(&d->keywords, item->flags),
		.is_wire = head->form == BODY_WIRE,
		.size = head->size == BODY_SIZE_UNKNOWN ? DELIVER_SIZE_UNKNOWN : head->size,
		.date = item->date != 0 ? item->date : d->copy_arrival_date ? head->date : 0,
	};

	return name_disk(d, deliver_begin(d->deliver, head->index, &body, e), e);
}

static int
sink_data(void *ctx, const void *p, size_t len, struct err *e)
{
	struct maildir_delivery *d = ctx;

	return name_disk(d, deliver_data(d->deliver, p, len, e), e);
}

static int
sink_end(void *ctx, size_t index, const struct err *failed, struct err *e)
{
	struct maildir_delivery *d = ctx;

	/* A body that could not even be begun. */
	if (failed != NULL && deliver_result(d->deliver, index)->state == DELIVER_ABSENT) {
		d->items[index].err = *failed;
		return 0;
	}
	return name_disk(d, deliver_end(d->deliver, failed, e), e);
}

static void
fill_item(struct maildir_delivery *d, size_t i)
{
	const struct deliver_result *r = deliver_result(d->deliver, i);
	struct deliver_item *item = &d->items[i];

	item->outcome = OUTCOME_FAILED;
	switch (r->state) {
	case DELIVER_DONE:
		item->outcome = OUTCOME_DONE;
		item->is_shown = true;
		item->key = item->name;
		item->hint = arena_printf(d->arena, "%c%s", r->is_new ? 'n' : 'c', r->name + item->name.len);
		break;
	case DELIVER_UNKNOWN:
		item->outcome = OUTCOME_UNKNOWN;
		item->err = r->err;
		break;
	case DELIVER_FAILED:
		item->err = r->err;
		(void)name_disk(d, -1, &item->err);
		break;
	default:
		if (item->err.text[0] == '\0')
			err_class(&item->err, ERR_MESSAGE, ERR_FAILED, ERR_LATER,
			    "nothing was delivered: its content did not come, or the run was stopped");
		break;
	}
}

static int
delivery_finish(struct delivery *base, struct err *e)
{
	struct maildir_delivery *d = (struct maildir_delivery *)base;
	size_t i;
	int rc = name_disk(d, deliver_finish(d->deliver, e), e);

	for (i = 0; i < d->n; i++)
		fill_item(d, i);
	deliver_free(&d->deliver);
	keywords_release(&d->keywords);
	mdir_close(&d->mdir);
	free(d);
	return rc;
}

int
maildir_deliver(struct session *c, const char *box, uint64_t epoch, struct deliver_item *items, size_t n,
    struct arena *a, struct delivery **d_r, struct err *e)
{
	struct maildir_store *s = maildir_store_of(c);
	struct maildir_delivery *d;
	struct keywords keywords = { 0 };
	const char *words = "";
	struct mdir m;
	size_t i;

	*d_r = NULL;
	for (i = 0; i < n; i++) {
		items[i].outcome = OUTCOME_FAILED;
		items[i].key = KEY_NONE;
		items[i].hint = "";
		memset(&items[i].err, 0, sizeof items[i].err);
		if (items[i].name.len == 0)
			items[i].name = maildir_choose_name(c->store, a);
		words = kw_union(a, words, items[i].flags.kw);
	}
	if (open_to_write(c, box, epoch, &m, e) < 0 || open_keywords(&keywords, &m, words, e) < 0) {
		mdir_close(&m);
		for (i = 0; i < n; i++)
			items[i].err = *e;
		return -1;
	}
	d = mem_alloc(sizeof *d);
	d->mdir = m;
	d->keywords = keywords;
	d->deliver = deliver_new(&d->mdir, n);
	d->items = items;
	d->n = n;
	d->arena = a;
	d->copy_arrival_date = s->copy_arrival_date;
	d->root = s->layout.path != NULL ? s->layout.path : d->mdir.path;
	d->base.sink = (struct body_sink){ sink_begin, sink_data, sink_end, d };
	d->base.finish = delivery_finish;
	d->base.is_apart = true;
	*d_r = &d->base;
	return 0;
}

/* What was changed in an open mailbox becomes durable. -1: it may not be; *rc and *e say so, unless they
 * say something else already. */
static int
make_durable(struct mdir *m, int *rc, struct err *e)
{
	struct err own;

	if (m->fd < 0)
		return 0;
	if (step_is_dead())
		return -1;
	if (mdir_sync(m, &own) == 0)
		return 0;
	if (*rc == 0)
		*e = own;
	*rc = -1;
	return -1;
}

static void
doubt(enum outcome *outcome, struct err *err, const struct err *why)
{
	if (*outcome != OUTCOME_DONE)
		return;
	*outcome = OUTCOME_UNKNOWN;
	*err = *why;
}

static int
change_flags(struct session *c, const char *box, uint64_t epoch, struct flag_item *items, size_t n,
    struct arena *a, struct err *e)
{
	struct keywords keywords = { 0 };
	const char *words = "";
	struct mdir m;
	struct flag_item *item;
	uint32_t bits;
	size_t i;
	int rc = open_to_write(c, box, epoch, &m, e);

	for (i = 0; i < n; i++)
		words = kw_union(a, words, items[i].add.kw);
	if (rc == 0)
		rc = open_keywords(&keywords, &m, words, e);
	for (i = 0; i < n; i++) {
		item = &items[i];
		item->outcome = OUTCOME_FAILED;
		item->flags = FLAGS_NONE;
		item->new_hint = "";
		if (rc < 0) {
			item->err = *e;
			continue;
		}
		if (msgfile_change_flags(&m, item->key, item->hint, keywords_bits(&keywords, item->add),
		    keywords_bits(&keywords, item->remove), a, &bits, &item->new_hint, &item->err) == 0) {
			item->flags = keywords_flags(&keywords, a, bits);
			item->outcome = OUTCOME_DONE;
		} else if (item->err.scope > ERR_MESSAGE) {
			*e = item->err;
			rc = -1;
		}
	}
	if (make_durable(&m, &rc, e) < 0)
		for (i = 0; i < n; i++)
			doubt(&items[i].outcome, &items[i].err, e);
	keywords_release(&keywords);
	mdir_close(&m);
	return rc;
}

/* What the letters of one mailbox are in another, which learns the words that come with `used`: the flags of the files
 * that go there. A letter
 * nobody knows stays, unless it would mean something there. */
static int
translate(const struct mdir *m, const struct mdir *dest, uint32_t used, struct msgfile_letters *letters, struct err *e)
{
	struct keywords here = { 0 }, there = { 0 };
	struct arena a = { 0 };
	struct flags one;
	uint32_t bit;
	size_t i;
	int rc = -1;

	if (keywords_read(&here, m, e) < 0 ||
	    open_keywords(&there, dest, keywords_flags(&here, &a, used).kw, e) < 0)
		goto done;
	for (i = 0; i < FILENAME_LETTERS; i++) {
		bit = FILENAME_LETTER(i);
		one = keywords_flags(&here, &a, bit);
		letters->to[i] = keywords_bits(&there, one);
		if (!(here.taken & bit) && !(there.taken & bit))
			letters->to[i] |= bit;
	}
	rc = 0;
done:
	keywords_release(&here);
	keywords_release(&there);
	arena_release(&a);
	return rc;
}

/* The letters that the name of a file has, as it was listed. */
static uint32_t
letters_of(const struct mdir *m, const char *hint)
{
	struct filename f;

	filename_parse(hint, m->set->info_delimiter, &f);
	return f.flags;
}

/* Opens the trash, which is made where it is missing, and says what letters are there that these messages have. */
static int
open_trash(struct session *c, const struct mdir *m, const char *name, const struct expunge_item *items, size_t n, struct mdir *dest,
    struct msgfile_letters *letters, struct err *e)
{
	enum outcome made;
	uint32_t used = 0;
	struct err why;
	size_t i;

	/* One that is half made, for an earlier run broke off, is made whole. */
	if (c->store->ops->mailbox_state(c, name, NULL, &why) != MAILBOX_THERE && c->store->ops->create_mailbox(c, name, 0, &made, e) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (items[i].is_trashed)
			used |= letters_of(m, items[i].hint);
	return open_to_write(c, name, 0, dest, e) < 0 ? -1 : translate(m, dest, used, letters, e);
}

static bool
has_trashed(const struct expunge_item *items, size_t n)
{
	size_t i;

	for (i = 0; i < n && !items[i].is_trashed; i++)
		;
	return i < n;
}

/* A mailbox that something is expunged in, and the trash. */
struct expunging {
	struct mdir m, trash;
	struct keywords keywords;
	struct msgfile_letters letters;
	struct err trash_err;		/* why nothing can be put into it; text "" = it can */
};

/* What it was, for the log: from its first octets. */
static void
see_words(struct expunging *x, struct expunge_item *item, struct arena *a)
{
	enum { PIECE = 4096 };
	char piece[PIECE];
	struct stat st;
	struct err unused;
	const int fd = msgfile_open(&x->m, item->key, item->hint, &st, &unused);
	const ssize_t n = fd >= 0 ? pread(fd, piece, sizeof piece, 0) : -1;

	if (n > 0)
		store_words_read(a, piece, (size_t)n, &item->words);
	if (fd >= 0)
		close(fd);
}

static int
expunge_one(struct session *c, struct expunging *x, struct expunge_item *item, struct arena *a)
{
	uint32_t expect = keywords_bits(&x->keywords, item->expect), known = keywords_known(&x->keywords);
	const struct msgfile_trash how = { expect, known, FLAG_DELETED };
	struct key name;

	see_words(x, item, a);
	if (!item->is_trashed)
		return msgfile_remove(&x->m, item->key, item->hint, expect, known, &item->err);
	if (x->trash_err.text[0] != '\0') {
		item->err = x->trash_err;
		return -1;
	}
	name = maildir_choose_name(c->store, a);
	return msgfile_trash(&x->m, item->key, item->hint, &x->trash, arena_strndup(a, name.data, name.len), &x->letters, &how, &item->err);
}

/* What is to be trashed and cannot be stays; the rest goes. */
static void
prepare_trash(struct session *c, const struct box_changes *b, struct expunging *x)
{
	if (b->trash == NULL || !has_trashed(b->expunges, b->n_expunges) ||
	    open_trash(c, &x->m, b->trash, b->expunges, b->n_expunges, &x->trash, &x->letters, &x->trash_err) == 0)
		return;
	err_context(&x->trash_err, "not expunged, for it cannot be kept in %s", b->trash);
	x->trash_err.scope = ERR_MESSAGE;
}

static int
expunge(struct session *c, struct box_changes *b, struct arena *a, struct err *e)
{
	struct expunging x = { .m = MDIR_CLOSED, .trash = MDIR_CLOSED };
	struct expunge_item *item;
	size_t i;
	int rc = open_to_write(c, b->box, b->epoch, &x.m, e);

	if (rc == 0)
		rc = open_keywords(&x.keywords, &x.m, "", e);
	if (rc == 0)
		prepare_trash(c, b, &x);
	for (i = 0; i < b->n_expunges; i++) {
		item = &b->expunges[i];
		item->outcome = OUTCOME_FAILED;
		if (item->err.text[0] != '\0')
			continue;
		if (rc < 0) {
			item->err = *e;
		} else if (expunge_one(c, &x, item, a) == 0) {
			item->outcome = OUTCOME_DONE;
		} else if (item->err.scope > ERR_MESSAGE) {
			*e = item->err;
			rc = -1;
		}
	}
	/* The new place first: between the two, a power cut may show a message twice, never not at all. */
	if (make_durable(&x.trash, &rc, e) < 0 || make_durable(&x.m, &rc, e) < 0)
		for (i = 0; i < b->n_expunges; i++)
			doubt(&b->expunges[i].outcome, &b->expunges[i].err, e);
	keywords_release(&x.keywords);
	mdir_close(&x.m);
	mdir_close(&x.trash);
	return rc;
}

int
maildir_change(struct session *c, struct box_changes *boxes, size_t n, struct arena *a, struct err *e)
{
	return store_change_each(c, boxes, n, a, change_flags, expunge, e);
}

int
maildir_move(struct session *c, const char *box, uint64_t epoch, const char *to, uint64_t to_epoch, bool keep,
    struct move_item *items, size_t n, struct arena *a, struct err *e)
{
	struct mdir m = MDIR_CLOSED, dest = MDIR_CLOSED;
	struct msgfile_letters letters;
	struct move_item *item;
	uint32_t used = 0;
	size_t i;
	int rc = open_to_write(c, box, epoch, &m, e);

	for (i = 0; i < n && rc == 0; i++)
		used |= letters_of(&m, items[i].hint);
	if (rc == 0)
		rc = open_to_write(c, to, to_epoch, &dest, e);
	if (rc == 0)
		rc = translate(&m, &dest, used, &letters, e);
	for (i = 0; i < n; i++) {
		item = &items[i];
		item->outcome = OUTCOME_FAILED;
		item->new_key = KEY_NONE;
		item->new_hint = "";
		if (rc < 0) {
			item->err = *e;
			continue;
		}
		if (item->name.len == 0)
			item->name = maildir_choose_name(c->store, a);
		if (msgfile_move(&m, item->key, item->hint, &dest, arena_strndup(a, item->name.data, item->name.len),
		    &letters, keep, a, &item->new_hint, &item->err) == 0) {
			item->outcome = OUTCOME_DONE;
			item->is_shown = true;
			item->new_key = item->name;
		} else if (item->err.scope > ERR_MESSAGE) {
			*e = item->err;
			rc = -1;
		}
	}
	/* The new place first: between the two, a power cut may show a message twice, never not at all. */
	if (make_durable(&dest, &rc, e) < 0 || make_durable(&m, &rc, e) < 0)
		for (i = 0; i < n; i++)
			doubt(&items[i].outcome, &items[i].err, e);
	mdir_close(&m);
	mdir_close(&dest);
	return rc;
}

