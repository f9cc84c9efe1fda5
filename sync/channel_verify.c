#include "sync/channel_verify.h"

#include <stdlib.h>
#include <string.h>

#include "sync/chapters.h"
#include "sync/message/decode.h"
#include "sync/message/digest.h"
#include "sync/message/header.h"
#include "sync/why_missing.h"

enum {
	AT_ONCE = 32,			/* mailboxes whose lists are held at a time */
	WORDS_MOST = 500		/* octets of a field that is shown */
};

/* A message as one side shows it. */
struct shown {
	unsigned char id[DIGEST_OCTETS];
	struct flags flags;
	struct key key;
	const char *hint, *place;
	int64_t date;
	const char *from, *subject, *message_id;
};

struct side_list {
	VEC(struct shown) all;
	struct delta *delta;
};

struct box_pair { struct run_box *b; struct side_list side[SIDES]; };

struct verifying {
	struct env *env;
	const struct verify_want *want;
	const struct verify_events *ev;
	struct verify_report *r;
};

/* ---- what a side shows ---- */

struct list_job {
	struct job job;
	enum side side;
	struct box_pair *boxes;
	size_t n;
	struct delta *deltas;
	struct arena arena;		/* strings of what was shown */
	struct digest *digest;
	struct fetch_part *parts;
	struct fetch_item *items;
	struct { size_t box, entry; } *of;	/* of each item */
	const struct verify_want *want;
};

/* By what it is known: some servers make an X of each octet that is not ASCII (Cyrus). */
static int
identify(struct list_job *j, const struct message_header *h, unsigned char id_r[DIGEST_OCTETS], struct err *e)
{
	static const char *const names[] = { "Message-ID", "Date", "From", "To", "Subject" };
	enum { MOST = 4096 };
	char *text = mem_dup(h->text, h->len + 1), value[MOST];
	struct ident ident;

	for (size_t i = 0; i < h->len; i++)
		if ((unsigned char)text[i] >= 0x80)
			text[i] = 'X';
	digest_start(j->digest, DIGEST_HEADER);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		(void)header_get(text, h->len, names[i], value, sizeof value);
		digest_feed(j->digest, names[i], strlen(names[i]));
		digest_feed(j->digest, ": ", 2);
		digest_feed(j->digest, value, strlen(value));
		digest_feed(j->digest, "\r\n", 2);
	}
	free(text);
	if (digest_end_header(j->digest, DIGEST_SIZE_UNKNOWN, &ident, e) < 0)
		return -1;
	memcpy(id_r, ident.header, sizeof ident.header);
	return 0;
}

static void
on_header(void *ctx, const struct message_header *h)
{
	struct list_job *j = ctx;
	const struct delta_entry *entry = &j->deltas[j->of[h->index].box].entries.at[j->of[h->index].entry];
	struct shown s = { .flags = entry->flags, .key = entry->key, .hint = entry->hint, .date = decode_sent(h->text, h->len, h->date) };
	struct err unused;

	if ((j->want->has_since && s.date < j->want->since) || identify(j, h, s.id, &unused) < 0)
		return;
	s.from = decode_field(&j->arena, h->text, h->len, "From", WORDS_MOST);
	s.subject = decode_field(&j->arena, h->text, h->len, "Subject", WORDS_MOST);
	s.message_id = decode_field(&j->arena, h->text, h->len, "Message-ID", WORDS_MOST);
	s.place = h->path != NULL ? arena_strdup(&j->arena, h->path) : arena_printf(&j->arena, "UID %u", key_uid(entry->key));
	vec_push(&j->boxes[j->of[h->index].box].side[j->side].all, s);
}

/* Lists the mailboxes, then reads the headers of all that is there. */
static int
run_list(struct job *job, struct session *session[SIDES], struct err *e)
{
	struct list_job *j = (struct list_job *)job;
	struct session *c = session[j->side];
	const struct header_sink sink = { on_header, j };
	size_t n = 0, at = 0;

	j->digest = digest_new(e);
	if (j->digest == NULL || c->store->ops->delta(c, j->deltas, j->n, true, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < j->n; i++)
		n += j->deltas[i].status == 0 ? j->deltas[i].entries.n : 0;
	j->items = mem_alloc((n + 1) * sizeof *j->items);
	j->of = mem_alloc((n + 1) * sizeof *j->of);
	for (size_t i = 0; i < j->n; i++) {
		j->parts[i] = (struct fetch_part){ .box = j->deltas[i].box, .first = at };
		for (size_t k = 0; j->deltas[i].status == 0 && k < j->deltas[i].entries.n; k++) {
			j->items[at] = (struct fetch_item){ .key = j->deltas[i].entries.at[k].key, .hint = j->deltas[i].entries.at[k].hint };
			j->of[at].box = i;
			j->of[at++].entry = k;
		}
		j->parts[i].n = at - j->parts[i].first;
	}
	return c->store->ops->headers(c, j->parts, j->n, j->items, &sink, e);
}

static void
list_begin(struct list_job *j, struct verifying *v, enum side s, struct box_pair *boxes, size_t n)
{
	*j = (struct list_job){ .job = { .run = run_list }, .side = s, .boxes = boxes, .n = n, .want = v->want };
	j->job.needs[s] = true;
	j->deltas = mem_alloc((n + 1) * sizeof *j->deltas);
	j->parts = mem_alloc((n + 1) * sizeof *j->parts);
	for (size_t i = 0; i < n; i++) {
		delta_init(&j->deltas[i], boxes[i].b->side[s].on, NULL);
		boxes[i].side[s].delta = &j->deltas[i];
	}
}

static void
list_end(struct list_job *j)
{
	for (size_t i = 0; i < j->n; i++) {
		delta_release(&j->deltas[i]);
		vec_release(&j->boxes[i].side[j->side].all);
	}
	digest_free(&j->digest);
	free(j->deltas);
	free(j->parts);
	free(j->items);
	free(j->of);
	arena_release(&j->arena);
}

/* ---- differences ---- */

static void
tell(struct verifying *v, enum verify_kind kind, enum side s, const struct box_pair *p, const struct shown *m, const char *why)
{
	struct verify_difference d = { .kind = kind, .side = s, .box = p->b->name, .place = "", .from = "", .subject = "", .message_id = "",
		.why = why };

	if (m != NULL) {
		d.place = m->place;
		d.date = m->date;
		d.from = m->from;
		d.subject = m->subject;
		d.message_id = m->message_id;
	}
	v->r->differences++;
	v->ev->difference(v->ev->ctx, &d);
}

static int
cmp_shown(const void *x, const void *y)
{
	const struct shown *a = x, *b = y;
	const int order = memcmp(a->id, b->id, sizeof a->id);

	if (order != 0)
		return order;
	return a->flags.sys != b->flags.sys ? (a->flags.sys > b->flags.sys) - (a->flags.sys < b->flags.sys) :
	    strcmp(a->flags.kw, b->flags.kw);
}

/* What a side can keep: as it said when it was opened to be written to, which EXAMINE does not show. */
static struct flag_mask
mask_of(const struct box_pair *p, enum side s)
{
	const struct box_side *known = &p->b->rec.side[s];

	return p->b->rec.id != 0 && known->is_known && known->mask.kw != NULL ? known->mask : p->side[s].delta->mask;
}

static void
compare_flags(struct verifying *v, const struct box_pair *p, const struct shown *far, const struct shown *near)
{
	struct arena a = { 0 };
	const struct flag_mask mask[SIDES] = { mask_of(p, FAR), mask_of(p, NEAR) };
	struct flags f = flags_keep(&a, flags_keep(&a, far->flags, &mask[FAR]), &mask[NEAR]);
	struct flags n = flags_keep(&a, flags_keep(&a, near->flags, &mask[FAR]), &mask[NEAR]);

	if (!flags_equal(f, n))
		tell(v, VERIFY_FLAGS, FAR, p, far, arena_printf(&a, "flags: %s on far, %s on near", flags_text(&a, f), flags_text(&a, n)));
	arena_release(&a);
}

static int
tell_missing(struct verifying *v, const struct box_pair *p, enum side s, const struct shown *m, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	const char *remedy;
	int got = 0;

	if (p->b->rec.id != 0)
		got = message_find(v->env->state, &a, p->b->rec.id, s, m->key, &rec, e);
	if (got >= 0)
		tell(v, VERIFY_MISSING, s, p, m, why_missing(got > 0 ? &rec : NULL, side_other(s), &remedy));
	arena_release(&a);
	return got < 0 ? -1 : 0;
}

/* ---- texts ---- */

struct text_job {
	struct job job;
	enum side side;
	struct fetch_part part;
	VEC(struct identify_item) items;
};

static int
run_texts(struct job *job, struct session *session[SIDES], struct err *e)
{
	struct text_job *t = (struct text_job *)job;

	return session[t->side]->store->ops->identify(session[t->side], &t->part, 1, t->items.at, IDENT_FULL | IDENT_LOOSE, e);
}

static const char *
text_differs(const struct identify_item *far, const struct identify_item *near)
{
	if (far->status < 0 || near->status < 0)
		return far->status < 0 ? far->err.text : near->err.text;
	if (ident_compare(&far->ident, &near->ident) != IDENT_DIFFER)
		return NULL;
	return memcmp(far->loose, near->loose, sizeof far->loose) == 0 && memcmp(far->ident.header, near->ident.header,
	    sizeof far->ident.header) == 0 ? "the text: line ends alone" : "the text";
}

static int
compare_texts(struct verifying *v, const struct box_pair *p, struct text_job texts[SIDES], const size_t *far, struct err *e)
{
	const char *why;
	int status = 0;

	for (int s = 0; s < SIDES && texts[FAR].items.n > 0; s++) {
		texts[s].job = (struct job){ .run = run_texts };
		texts[s].job.needs[s] = true;
		texts[s].side = (enum side)s;
		texts[s].part = (struct fetch_part){ .box = p->b->side[s].on, .n = texts[s].items.n };
		pool_submit(v->env->pool, &texts[s].job);
	}
	for (struct job *j; (j = pool_wait(v->env->pool)) != NULL;)
		if (j->status < 0 && status == 0) {
			*e = j->err;
			status = -1;
		}
	for (size_t i = 0; i < texts[FAR].items.n && status == 0; i++) {
		why = text_differs(&texts[FAR].items.at[i], &texts[NEAR].items.at[i]);
		if (why != NULL)
			tell(v, VERIFY_TEXT, FAR, p, &p->side[FAR].all.at[far[i]], why);
	}
	return status;
}

/* ---- one mailbox ---- */

/* Both lists in order: equal ones are pairs, one by one; of equal messages those with equal flags meet first. */
static int
compare(struct verifying *v, struct box_pair *p, struct err *e)
{
	struct side_list *far = &p->side[FAR], *near = &p->side[NEAR];
	struct text_job texts[SIDES] = { 0 };
	VEC(size_t) pairs = { 0 };
	size_t i = 0, k = 0;
	int order, status = 0;

	if (far->all.n > 1)
		qsort(far->all.at, far->all.n, sizeof *far->all.at, cmp_shown);
	if (near->all.n > 1)
		qsort(near->all.at, near->all.n, sizeof *near->all.at, cmp_shown);
	while (status == 0 && (i < far->all.n || k < near->all.n)) {
		order = i == far->all.n ? 1 : k == near->all.n ? -1 : memcmp(far->all.at[i].id, near->all.at[k].id, DIGEST_OCTETS);
		if (order < 0)
			status = tell_missing(v, p, FAR, &far->all.at[i++], e);
		else if (order > 0)
			status = tell_missing(v, p, NEAR, &near->all.at[k++], e);
		else {
			compare_flags(v, p, &far->all.at[i], &near->all.at[k]);
			if (v->want->has_bodies) {
				vec_push(&texts[FAR].items, (struct identify_item){ .key = far->all.at[i].key, .hint = far->all.at[i].hint });
				vec_push(&texts[NEAR].items, (struct identify_item){ .key = near->all.at[k].key, .hint = near->all.at[k].hint });
				vec_push(&pairs, i);
			}
			i++, k++;
		}
	}
	if (status == 0)
		status = compare_texts(v, p, texts, pairs.at, e);
	for (int s = 0; s < SIDES; s++)
		vec_release(&texts[s].items);
	vec_release(&pairs);
	return status;
}

/* Whether both lists are whole; else what is missing from them is told, and nothing is concluded. */
static bool
is_whole(struct verifying *v, const struct box_pair *p, const struct list_job lists[SIDES], size_t i)
{
	struct err why;

	for (int s = 0; s < SIDES; s++) {
		const struct delta *d = p->side[s].delta;

		if (d->status < 0) {
			v->ev->error(v->ev->ctx, p->b->name, &d->err);
			return false;
		}
		if (lists[s].parts[i].status < 0) {
			v->ev->error(v->ev->ctx, p->b->name, &lists[s].parts[i].err);
			return false;
		}
		if (!d->is_complete || d->part != NULL) {
			err_class(&why, ERR_BOX, ERR_FAILED, ERR_LATER, "%s did not show all of it: %s", side_name((enum side)s), d->part != NULL ?
			    d->part : d->unproved != NULL ? d->unproved : "it was being changed");
			v->ev->error(v->ev->ctx, p->b->name, &why);
			return false;
		}
	}
	return true;
}

static int
verify_some(struct verifying *v, struct box_pair *boxes, size_t n, struct err *e)
{
	struct list_job lists[SIDES];
	int status = 0;

	for (int s = 0; s < SIDES; s++) {
		list_begin(&lists[s], v, (enum side)s, boxes, n);
		pool_submit(v->env->pool, &lists[s].job);
	}
	for (struct job *j; (j = pool_wait(v->env->pool)) != NULL;)
		if (j->status < 0 && status == 0) {
			*e = j->err;
			status = -1;
		}
	for (size_t i = 0; i < n && status == 0; i++) {
		if (!is_whole(v, &boxes[i], lists, i))
			continue;
		v->r->boxes++;
		for (int s = 0; s < SIDES; s++)
			v->r->messages[s] += boxes[i].side[s].all.n;
		status = compare(v, &boxes[i], e);
		if (status == 0)
			status = env_check_cancel(v->env, e);
	}
	for (int s = 0; s < SIDES; s++)
		list_end(&lists[s]);
	return status;
}

static int
verify_all(struct verifying *v, struct err *e)
{
	struct box_pair some[AT_ONCE];
	struct env *env = v->env;
	size_t n = 0;

	for (size_t i = 0; i < env->boxes.n; i++) {
		struct run_box *b = &env->boxes.at[i];
		const bool is_on[SIDES] = { b->side[FAR].listed != NULL, b->side[NEAR].listed != NULL };

		if (is_on[FAR] && is_on[NEAR])
			some[n++] = (struct box_pair){ .b = b };
		else if (is_on[FAR] || is_on[NEAR])
			tell(v, VERIFY_BOX, is_on[FAR] ? FAR : NEAR, &(struct box_pair){ .b = b }, NULL, is_on[FAR] ? "the mailbox is on far only" :
			    "the mailbox is on near only");
		if (n == AT_ONCE || (n > 0 && i + 1 == env->boxes.n)) {
			if (verify_some(v, some, n, e) < 0)
				return -1;
			n = 0;
		}
	}
	return 0;
}

int
channel_verify(const struct channel *set, const struct verify_want *want, const struct verify_events *ev, struct verify_report *r,
    struct err *e)
{
	struct channel_report report = { 0 };
	struct chapters run;
	struct env *env = chapters_begin(&run, set, NULL, &report);
	struct verifying v = { .env = env, .want = want, .ev = ev, .r = r };
	struct err told;
	int status;

	*r = (struct verify_report){ 0 };
	for (int s = 0; s < SIDES; s++)
		if (!(set->store[s]->can & STORE_HEADERS))
			return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "channel %s: %s stores are a source, which holds what has not been "
			    "fetched or deleted: there is nothing to compare", set->name, set->store[s]->ops->kind);
	status = chapters_open(env, &set->state, e) < 0 || chapters_recall(env, e) < 0 || asks_set(env, e) < 0 || boxes_list(env, e) < 0 ||
	    verify_all(&v, e) < 0 ? -1 : 0;
	for (size_t i = 0; i < report.errors.n && status == 0; i++) {
		err_class(&told, ERR_BOX, report.errors.at[i].class, ERR_LATER, "%s", report.errors.at[i].text);
		ev->error(ev->ctx, report.errors.at[i].box, &told);
	}
	chapters_close(env);
	return status;
}
