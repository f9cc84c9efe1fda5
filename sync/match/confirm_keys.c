/* Keys that a server gave in answer to APPEND, COPY or MOVE (APPENDUID, COPYUID; RFC 4315): whether each names the message meant (R16
 * three outcomes).
 *
 * Some servers give them in a false order. Each such key is believed (BASIS_TOLD) until a list shows the message under it: with the
 * same server id or size it is the one meant. With another one it is doubted, and so are those of messages of one size that were
 * sent together, which only their order tells apart (BASIS_DOUBTED). What is doubted is looked at here, before anything is planned
 * for it.
 *
 * Must hold:
 *   1. A pair ends here only if its message is found under another key, or another's under its key: a server that alters what it
 *      stores has not lied.
 *   2. Where one key is false, so may be all that were told around it: they are looked at as well.
 */
#include "sync/match/search.h"

#include <stdlib.h>

#include "state/base/log.h"

struct doubt {
	uint32_t msg;			/* of the input */
	struct record *rec;
	struct ident is;		/* what is there under the key; has 0 = not known */
	enum { UNREAD, READ } look;	/* unread: for the moment, or it has vanished, as the next list tells */
};

struct confirming {
	struct job job;			/* first */
	struct env *env;
	struct matching *in;
	enum side side;
	unsigned want;
	VEC(struct doubt) doubts;	/* in order of the input: a mailbox's in a row */
	VEC(struct fetch_part) parts;
	VEC(struct identify_item) items;
};

static bool
is_doubted(const struct record *rec, enum side s)
{
	return rec->half[s].presence == PRESENCE_HERE && rec->half[s].basis == BASIS_DOUBTED;
}

static int
run_identify(struct job *j, struct session *session[SIDES], struct err *e)
{
	struct confirming *c = (struct confirming *)j;
	struct session *on = session[c->side];

	return on->store->ops->identify(on, c->parts.at, c->parts.n, c->items.at, c->want, e);
}

static uint32_t
box_of(const struct confirming *c, const struct doubt *d)
{
	return c->in->messages.at[d->msg].box;
}

/* Another pair of its mailbox has its header. 1/0/-1 */
static int
is_header_shared(const struct confirming *c, const struct doubt *d, struct err *e)
{
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0, tag = message_tag_header(&d->rec->ident);
	int got;

	while ((got = message_next_tagged(c->env->state, &a, tag, after, &rec, e)) > 0) {
		after = rec.id;
		if (rec.box == d->rec->box && rec.id != d->rec->id)
			break;
	}
	arena_release(&a);
	return got;
}

/* Some that a header does not tell apart. 1/0/-1 */
static int
needs_bodies(const struct confirming *c, struct err *e)
{
	size_t i;
	int got = 0;

	for (i = 0; i < c->doubts.n && got == 0; i++)
		if (record_is_placeholder(c->doubts.at[i].rec, c->side))
			got = 1;	/* only the whole of it tells what it is */
		else if (c->doubts.at[i].rec->ident.has & IDENT_HEADER)
			got = is_header_shared(c, &c->doubts.at[i], e);
	return got;
}

/* What is under each key. */
static int
look(struct confirming *c, struct err *e)
{
	const struct run_box *b;
	struct fetch_part *p;
	struct doubt *d;
	size_t i, k;
	int status = needs_bodies(c, e);

	if (status < 0)
		return -1;
	c->want = status > 0 ? IDENT_SIZE | IDENT_HEADER | IDENT_FULL : IDENT_SIZE | IDENT_HEADER;
	for (i = 0; i < c->doubts.n; i++) {
		d = &c->doubts.at[i];
		if (i == 0 || box_of(c, d) != box_of(c, d - 1)) {
			b = &c->env->boxes.at[box_of(c, d)];
			vec_push(&c->parts, (struct fetch_part){ .box = b->side[c->side].on,
				.epoch = b->rec.side[c->side].cursor.epoch, .first = i });
		}
		c->parts.at[c->parts.n - 1].n++;
		vec_push(&c->items, (struct identify_item){ .key = d->rec->half[c->side].key, .hint = d->rec->half[c->side].hint,
			.size = d->rec->half[c->side].size });
	}
	c->job.run = run_identify;
	c->job.needs[c->side] = true;
	status = pool_run(c->env->pool, &c->job, e);
	for (p = c->parts.at; p < c->parts.at + c->parts.n; p++)
		for (k = p->first; k < p->first + p->n; k++) {
			d = &c->doubts.at[k];
			d->look = status < 0 || p->status < 0 || c->items.at[k].status != 0 ? UNREAD : READ;
			if (d->look == READ)
				d->is = c->items.at[k].ident;
		}
	/* What cannot be read for the moment stays in doubt. */
	return status < 0 && e->scope >= ERR_STORE ? -1 : 0;
}

/* By the whole message where both are known so, else by the header: sizes are what is in doubt. */
static bool
is_same(const struct ident *a, const struct ident *b)
{
	unsigned both = a->has & b->has;

	if (both & IDENT_FULL)
		return memcmp(a->full, b->full, sizeof a->full) == 0;
	return (both & IDENT_HEADER) && memcmp(a->header, b->header, sizeof a->header) == 0;
}

static bool
is_meant(const struct confirming *c, const struct doubt *d)
{
	const struct ident meant = record_ident(d->rec, c->side);

	return !(meant.has & IDENT_HEADER) || ident_is_old(&meant) || is_same(&meant, &d->is);
}

/* The message meant is under another of these keys, or what is under this key is meant by another. */
static bool
is_swapped(const struct confirming *c, const struct doubt *v, size_t n, const struct doubt *d)
{
	const struct ident meant = record_ident(d->rec, c->side);
	struct ident other;
	size_t i;

	for (i = 0; i < n; i++) {
		other = record_ident(v[i].rec, c->side);
		if (&v[i] != d && v[i].look == READ && (is_same(&v[i].is, &meant) || is_same(&other, &d->is)))
			return true;
	}
	return false;
}

static bool
lacks_header(const struct search *x, const struct adopt_item *item, const void *ctx)
{
	(void)ctx;
	return search_lacks_header(x, item);
}

static int
put(struct confirming *c, const struct doubt *d, struct record *rec, struct err *e)
{
	struct flag_mask masks[SIDES];

	return message_put(c->env->state, rec, box_masks(&c->env->boxes.at[box_of(c, d)], masks), e);
}

static bool
is_told(const struct record_half *h)
{
	return (h->presence == PRESENCE_HERE || h->presence == PRESENCE_GONE) && (h->basis == BASIS_TOLD || h->basis == BASIS_DOUBTED);
}

/* It was told another key than this, under which its message is: it finds its twin by what it is. What is under the other key, if
 * there is anything, is not known. */
static int
give_back(struct confirming *c, const struct doubt *d, struct record *owner, struct err *e)
{
	struct record there = record_blank(owner->box);

	there.half[c->side] = owner->half[c->side];
	there.half[c->side].basis = BASIS_LISTED;
	owner->half[c->side] = RECORD_HALF_NEVER;
	owner->has_agreed = false;
	return put(c, d, owner, e) < 0 || (there.half[c->side].presence == PRESENCE_HERE && put(c, d, &there, e) < 0) ? -1 : 0;
}

/* What is under the key is that of another pair. Where no list has shown that one under the key that was told for it, it is under this, and may
 * even have vanished, as it seems. Else a list did, as far as sizes tell (a server that alters what it stores makes them another's):
 * doubt_between() looks at that one too. */
static int
find_owner(struct confirming *c, const struct doubt *v, size_t n, const struct doubt *d, bool *is_false, struct err *e)
{
	const struct ident behind = ident_behind_placeholder(&d->is);
	struct ident is;
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0, tag;
	int got = 0, status = 0;
	size_t k;

	if (!(d->is.has & IDENT_HEADER))
		return 0;
	tag = message_tag_header(behind.has != 0 ? &behind : &d->is);
	while (status == 0 && (got = message_next_tagged(c->env->state, &a, tag, after, &rec, e)) > 0) {
		after = rec.id;
		is = record_ident(&rec, c->side);
		if (rec.box != d->rec->box || rec.id == d->rec->id || !record_is_pair(&rec) || !is_same(&is, &d->is))
			continue;
		is_false[d - v] = true;
		if (!is_told(&rec.half[c->side]))
			continue;
		for (k = 0; k < n && v[k].rec->id != rec.id; k++)
			;
		if (k < n)
			is_false[k] = true;
		else
			status = give_back(c, d, &rec, e);
	}
	arena_release(&a);
	return got < 0 ? -1 : status;
}

/* It is there, and nobody's twin. */
static int
is_elsewhere(struct confirming *c, const struct doubt *d, bool *is_r, struct err *e)
{
	const struct ident meant = record_ident(d->rec, c->side);
	struct search x = { .env = c->env, .in = c->in, .at = { c->side, c->side } };
	uint64_t size;
	uint32_t i;
	int status;

	*is_r = false;
	for (i = 0; i < c->in->messages.n; i++) {
		if (c->in->messages.at[i].box != box_of(c, d) || !record_is_single(c->in->messages.at[i].rec, c->side))
			continue;
		size = c->in->messages.at[i].rec->half[c->side].size;
		if (size == 0 || record_is_placeholder(d->rec, c->side) || (size + STAMPS_MOST >= d->rec->ident.size && size <= d->rec->ident.size + STAMPS_MOST))
			search_add(&x, FAR, i);
	}
	status = search_learn(&x, IDENT_SIZE | IDENT_HEADER, lacks_header, NULL, e);
	for (i = 0; i < x.items.n && status == 0; i++)
		*is_r |= is_same(&x.items.at[i].ident, &meant);
	search_release(&x);
	return status;
}

/* The pair ends: both are single, and find their twins by what they are. */
static int
part(struct confirming *c, struct doubt *d, struct err *e)
{
	struct record there = record_blank(d->rec->box);

	there.half[c->side] = d->rec->half[c->side];
	there.half[c->side].basis = BASIS_LISTED;
	there.ident = d->is;
	d->rec->half[c->side] = RECORD_HALF_NEVER;
	d->rec->has_agreed = false;		/* with another message */
	return put(c, d, d->rec, e) < 0 ? -1 : put(c, d, &there, e);
}

/* All that has keys between these, or next to them, is doubted now: it may have been told with them, and be of the size of another. */
static int
doubt_between(struct confirming *c, const struct doubt *v, size_t n, struct err *e)
{
	struct run_box *b = &c->env->boxes.at[box_of(c, v)];
	uint32_t low = UINT32_MAX, high = 0, uid;
	struct arena a = { 0 };
	struct record rec;
	uint64_t after = 0;
	size_t i;
	int got;

	for (i = 0; i < n; i++) {
		uid = key_uid(v[i].rec->half[c->side].key);
		low = uid < low ? uid : low;
		high = uid > high ? uid : high;
	}
	while ((got = message_next(c->env->state, &a, b->rec.id, after, &rec, e)) > 0) {
		after = rec.id;
		uid = key_uid(rec.half[c->side].key);
		if (record_is_pair(&rec) && rec.half[c->side].presence == PRESENCE_HERE &&
		    rec.half[c->side].basis == BASIS_LISTED && uid + n >= low && uid <= high + n) {
			rec.half[c->side].basis = BASIS_DOUBTED;
			if (put(c, v, &rec, e) < 0) {
				got = -1;
				break;
			}
		}
		arena_release(&a);
	}
	arena_release(&a);
	return got;
}

/* Those of one mailbox. */
static int
judge(struct confirming *c, struct doubt *v, size_t n, bool *has_changed, struct err *e)
{
	bool *is_false = mem_alloc(n * sizeof *is_false), any = false;
	size_t i, parted = 0;
	int status = 0;

	for (i = 0; i < n && status == 0; i++) {
		if (v[i].look != READ || is_meant(c, &v[i]))
			continue;
		is_false[i] |= is_swapped(c, v, n, &v[i]);
		if (!is_false[i])
			status = find_owner(c, v, n, &v[i], is_false, e);
		if (!is_false[i] && status == 0)
			status = is_elsewhere(c, &v[i], &is_false[i], e);
		any |= is_false[i];
	}
	if (any && status == 0)
		status = doubt_between(c, v, n, e);
	for (i = 0; i < n && status == 0; i++) {
		if (v[i].look != READ && !is_false[i]) {
			set_aside(c->in, v[i].msg, &c->env->arena);
			continue;
		}
		*has_changed = true;
		v[i].rec->half[c->side].basis = BASIS_LISTED;
		parted += is_false[i];
		status = is_false[i] ? part(c, &v[i], e) : put(c, &v[i], v[i].rec, e);
	}
	if (parted > 0)
		report_note(c->env, NOTE_WARNING, c->env->boxes.at[box_of(c, v)].name, arena_printf(&c->env->arena,
		    "%s told the UIDs of %zu messages falsely (COPYUID or APPENDUID); they are paired by what they are",
		    c->env->set->store[c->side]->name, parted));
	free(is_false);
	return status;
}

/* Its other half is of another mailbox now: what is under the key is a message without a twin, of which nothing is known. */
static int
forget_meant(struct env *env, uint32_t box, struct record *rec, enum side s, struct err *e)
{
	struct flag_mask masks[SIDES];

	rec->half[s].basis = BASIS_LISTED;
	rec->ident = (struct ident){ 0 };
	return message_put(env->state, rec, box_masks(&env->boxes.at[box], masks), e);
}

static int
confirm_side(struct env *env, struct matching *in, enum side s, bool *has_changed, struct err *e)
{
	struct confirming c = { .env = env, .in = in, .side = s };
	struct record *rec;
	size_t i, end;
	int status = 0;

	for (i = 0; i < in->messages.n && status == 0; i++) {
		rec = in->messages.at[i].rec;
		if (is_doubted(rec, s) && !record_is_pair(rec))
			status = forget_meant(env, in->messages.at[i].box, rec, s, e);
		else if (is_doubted(rec, s) && env->boxes.at[in->messages.at[i].box].side[s].listed != NULL)
			vec_push(&c.doubts, (struct doubt){ .msg = (uint32_t)i, .rec = rec });
	}
	if (c.doubts.n > 0 && status == 0)
		status = look(&c, e);
	for (i = 0; i < c.doubts.n && status == 0; i = end) {
		for (end = i + 1; end < c.doubts.n && box_of(&c, &c.doubts.at[end]) == box_of(&c, &c.doubts.at[i]); end++)
			;
		status = judge(&c, &c.doubts.at[i], end - i, has_changed, e);
	}
	vec_release(&c.doubts);
	vec_release(&c.parts);
	vec_release(&c.items);
	return status;
}

int
confirm_keys(struct env *env, struct matching *in, bool *has_changed_r, struct err *e)
{
	int s, status = 0;

	*has_changed_r = false;
	for (s = 0; s < SIDES && status == 0; s++)
		status = confirm_side(env, in, (enum side)s, has_changed_r, e);
	return status;
}
