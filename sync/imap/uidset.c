#include "sync/imap/uidset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/vec.h"

/* One number or "*" at s[*i]; 0 when there is none. */
static uint32_t
parse_uid(const char *s, size_t len, size_t *i)
{
	uint64_t n = 0;
	size_t start = *i;

	if (*i < len && s[*i] == '*') {
		(*i)++;
		return IMAP_UID_MAX;
	}
	for (; *i < len && s[*i] >= '0' && s[*i] <= '9'; (*i)++) {
		n = n * 10 + (uint64_t)(s[*i] - '0');
		if (n > UINT32_MAX)
			return 0;
	}
	return *i == start ? 0 : (uint32_t)n;
}

int
imap_uidset_parse(struct imap_uidset *set, const char *s, size_t len)
{
	size_t was = set->n, i = 0;

	for (;;) {
		struct imap_range r;

		r.first = r.last = parse_uid(s, len, &i);
		if (r.first != 0 && i < len && s[i] == ':') {
			i++;
			r.last = parse_uid(s, len, &i);
		}
		if (r.first == 0 || r.last == 0)
			break;
		if (r.first > r.last)
			r = (struct imap_range){ .first = r.last, .last = r.first };
		vec_push(set, r);
		if (i == len)
			return 0;
		if (s[i++] != ',')
			break;
	}
	set->n = was;
	return -1;
}

void
imap_uidset_add(struct imap_uidset *set, uint32_t uid)
{
	if (set->n > 0 && set->at[set->n - 1].last != UINT32_MAX && set->at[set->n - 1].last + 1 == uid)
		set->at[set->n - 1].last = uid;
	else
		vec_push(set, (struct imap_range){ .first = uid, .last = uid });
}

void
imap_uidset_append(struct imap_uidset *to, const struct imap_uidset *from)
{
	for (size_t i = 0; i < from->n; i++)
		vec_push(to, from->at[i]);
}

void
imap_uidset_clear(struct imap_uidset *set)
{
	set->n = 0;
}

void
imap_uidset_release(struct imap_uidset *set)
{
	vec_release(set);
}

uint64_t
imap_uidset_count(const struct imap_uidset *set)
{
	uint64_t count = 0;

	for (size_t i = 0; i < set->n; i++)
		count += (uint64_t)set->at[i].last - set->at[i].first + 1;
	return count;
}

static int
by_first(const void *a, const void *b)
{
	const struct imap_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

void
imap_uidset_normalise(struct imap_uidset *set)
{
	size_t n = 0;

	if (set->n < 2)
		return;
	qsort(set->at, set->n, sizeof *set->at, by_first);
	for (size_t i = 1; i < set->n; i++) {
		struct imap_range *last = &set->at[n], *r = &set->at[i];

		if (last->last == UINT32_MAX || r->first <= last->last + 1) {
			if (r->last > last->last)
				last->last = r->last;
		} else {
			set->at[++n] = *r;
		}
	}
	set->n = n + 1;
}

void
imap_uidset_subtract(struct imap_uidset *set, const struct imap_uidset *minus)
{
	struct imap_uidset out = { 0 };
	size_t k = 0;

	for (size_t i = 0; i < set->n; i++) {
		struct imap_range r = set->at[i];
		bool is_left = true;

		while (k < minus->n && minus->at[k].last < r.first)
			k++;
		for (size_t m = k; m < minus->n && minus->at[m].first <= r.last && is_left; m++) {
			if (minus->at[m].first > r.first)
				vec_push(&out, (struct imap_range){ r.first, minus->at[m].first - 1 });
			is_left = minus->at[m].last < r.last;
			if (is_left)
				r.first = minus->at[m].last + 1;
		}
		if (is_left)
			vec_push(&out, r);
	}
	imap_uidset_release(set);
	*set = out;
}

size_t
imap_uid_search(const void *at, size_t n, size_t size, size_t offset, uint32_t uid)
{
	const char *first = (const char *)at + offset;
	size_t low = 0, high = n, mid;
	uint32_t found;

	while (low < high) {
		mid = low + (high - low) / 2;
		memcpy(&found, first + mid * size, sizeof found);
		if (found < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The first of the ranges (normalised) that does not end before uid; n = none. */
static size_t
find_range(const struct imap_uidset *set, uint32_t uid)
{
	return imap_uid_search(set->at, set->n, sizeof *set->at, offsetof(struct imap_range, last), uid);
}

bool
imap_uidset_has(const struct imap_uidset *set, uint32_t uid)
{
	size_t i = find_range(set, uid);

	return i < set->n && set->at[i].first <= uid;
}

bool
imap_uidset_meets(const struct imap_uidset *a, const struct imap_uidset *b)
{
	for (size_t j = 0; j < b->n; j++) {
		size_t i = find_range(a, b->at[j].first);

		if (i < a->n && a->at[i].first <= b->at[j].last)
			return true;
	}
	return false;
}

int
imap_uidset_next(const struct imap_uidset *set, struct imap_uidset_pos *at, uint32_t *uid_r)
{
	const struct imap_range *r;

	if (at->range >= set->n)
		return 0;
	r = &set->at[at->range];
	*uid_r = r->first + (uint32_t)at->within;
	if (*uid_r == r->last) {
		at->range++;
		at->within = 0;
	} else {
		at->within++;
	}
	return 1;
}

size_t
imap_uidset_write(struct buf *out, const uint32_t *uids, size_t n, size_t room)
{
	size_t i = 0, start = out->len;

	while (i < n) {
		char text[32];
		size_t j = i;
		int len;

		while (j + 1 < n && uids[j + 1] == uids[j] + 1)
			j++;
		len = snprintf(text, sizeof text, i == j ? "%s%u" : "%s%u:%u", i == 0 ? "" : ",", uids[i], uids[j]);
		if (out->len - start + (size_t)len > room)
			break;
		buf_add(out, text, (size_t)len);
		i = j + 1;
	}
	return i;
}
