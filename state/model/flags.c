#include "state/model/flags.h"

#include <string.h>
#include <strings.h>

#include "state/base/vec.h"

static const char flag_letters[] = "DFPRST";

struct word {
	const char *at;
	size_t len;
};

static int
word_cmp(const char *a, size_t alen, const char *b, size_t blen)
{
	int c = strncasecmp(a, b, alen < blen ? alen : blen);

	if (c != 0)
		return c;
	return (alen > blen) - (alen < blen);
}

uint32_t
flags_from_letters(const char *letters)
{
	uint32_t sys = 0;
	const char *p;

	for (; *letters; letters++)
		if ((p = strchr(flag_letters, *letters)) != NULL)
			sys |= 1u << (p - flag_letters);
	return sys;
}

void
flags_letters(uint32_t sys, char letters[7])
{
	int i, n = 0;

	for (i = 0; i < 6; i++)
		if (sys & (1u << i))
			letters[n++] = flag_letters[i];
	letters[n] = '\0';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *
kw_next(const char **p, size_t *len)
{
	const char *word;

	while (is_blank(**p))
		(*p)++;
	if (**p == '\0')
		return NULL;
	word = *p;
	while (**p != '\0' && !is_blank(**p))
		(*p)++;
	*len = (size_t)(*p - word);
	return word;
}

static const char *
kw_join(struct arena *a, const struct word *words, size_t n)
{
	size_t i, len = 0, at = 0;
	char *out;

	if (n == 0)
		return "";
	for (i = 0; i < n; i++)
		len += words[i].len + 1;
	out = arena_alloc(a, len);
	for (i = 0; i < n; i++) {
		if (i != 0)
			out[at++] = ' ';
		memcpy(out + at, words[i].at, words[i].len);
		at += words[i].len;
	}
	out[at] = '\0';
	return out;
}

/* Equal ones by where they stand in the text. */
static int
cmp_words(const void *x, const void *y)
{
	const struct word *a = x, *b = y;
	int c = word_cmp(a->at, a->len, b->at, b->len);

	return c != 0 ? c : (a->at > b->at) - (a->at < b->at);
}

const char *
kw_canonical(struct arena *a, const char *words)
{
	VEC(struct word) v = { 0 };
	const char *out, *word;
	size_t len, i, n = 0;

	while ((word = kw_next(&words, &len)) != NULL)
		vec_push(&v, (struct word){ word, len });
	if (v.n > 1)
		qsort(v.at, v.n, sizeof v.at[0], cmp_words);
	for (i = 0; i < v.n; i++)
		if (n == 0 || word_cmp(v.at[i].at, v.at[i].len, v.at[n - 1].at, v.at[n - 1].len) != 0)
			v.at[n++] = v.at[i];
	out = kw_join(a, v.at, n);
	vec_release(&v);
	return out;
}

enum set_op { SET_UNION, SET_MINUS, SET_INTERSECT };

static const char *
kw_combine(struct arena *a, const char *x, const char *y, enum set_op op)
{
	VEC(struct word) v = { 0 };
	const char *out, *wx, *wy;
	size_t lx, ly;
	int c;

	wx = kw_next(&x, &lx);
	wy = kw_next(&y, &ly);
	while (wx != NULL || wy != NULL) {
		c = wx == NULL ? 1 : wy == NULL ? -1 : word_cmp(wx, lx, wy, ly);
		if (c < 0 && op != SET_INTERSECT)
			vec_push(&v, (struct word){ wx, lx });
		else if (c == 0 && op != SET_MINUS)
			vec_push(&v, (struct word){ wx, lx });
		else if (c > 0 && op == SET_UNION)
			vec_push(&v, (struct word){ wy, ly });
		if (c <= 0)
			wx = kw_next(&x, &lx);
		if (c >= 0)
			wy = kw_next(&y, &ly);
	}
	out = kw_join(a, v.at, v.n);
	vec_release(&v);
	return out;
}

const char *
kw_union(struct arena *a, const char *x, const char *y)
{
	return *x == '\0' ? y : *y == '\0' ? x : kw_combine(a, x, y, SET_UNION);
}

const char *
kw_minus(struct arena *a, const char *x, const char *y)
{
	return *x == '\0' || *y == '\0' ? x : kw_combine(a, x, y, SET_MINUS);
}

static const char *
kw_intersect(struct arena *a, const char *x, const char *y)
{
	return *x == '\0' || *y == '\0' ? "" : kw_combine(a, x, y, SET_INTERSECT);
}

bool
kw_has(const char *kw, const char *word)
{
	const char *w;
	size_t len, want = strlen(word);

	while ((w = kw_next(&kw, &len)) != NULL)
		if (word_cmp(w, len, word, want) == 0)
			return true;
	return false;
}

static bool
kw_equal(const char *a, const char *b)
{
	return a == b || strcasecmp(a, b) == 0;
}

bool
flags_equal(struct flags a, struct flags b)
{
	return a.sys == b.sys && kw_equal(a.kw, b.kw);
}

bool
flags_is_none(struct flags f)
{
	return f.sys == 0 && *f.kw == '\0';
}

struct flags
flags_union(struct arena *a, struct flags x, struct flags y)
{
	return (struct flags){ x.sys | y.sys, kw_union(a, x.kw, y.kw) };
}

struct flags
flags_minus(struct arena *a, struct flags x, struct flags y)
{
	return (struct flags){ x.sys & ~y.sys, kw_minus(a, x.kw, y.kw) };
}

struct flags
flags_intersect(struct arena *a, struct flags x, struct flags y)
{
	return (struct flags){ x.sys & y.sys, kw_intersect(a, x.kw, y.kw) };
}

struct flags
flag_mask_refused(const struct flag_mask *mask)
{
	return (struct flags){ mask->refused.sys, mask->refused.kw != NULL ? mask->refused.kw : "" };
}

struct flags
flags_keep(struct arena *a, struct flags f, const struct flag_mask *mask)
{
	f.sys &= mask->sys;
	if (!mask->has_any_keyword)
		f.kw = kw_intersect(a, f.kw, mask->kw);
	return flags_minus(a, f, flag_mask_refused(mask));
}

struct flag_mask
flag_mask_intersect(struct arena *a, const struct flag_mask *x, const struct flag_mask *y)
{
	struct flag_mask m = { .sys = x->sys & y->sys };

	m.has_any_keyword = x->has_any_keyword && y->has_any_keyword;
	m.kw = m.has_any_keyword ? "" : x->has_any_keyword ? y->kw : y->has_any_keyword ? x->kw :
	    kw_intersect(a, x->kw, y->kw);
	m.refused = flags_union(a, flag_mask_refused(x), flag_mask_refused(y));
	return m;
}

bool
flag_mask_equal(const struct flag_mask *x, const struct flag_mask *y)
{
	return x->sys == y->sys && x->has_any_keyword == y->has_any_keyword &&
	    (x->has_any_keyword || kw_equal(x->kw, y->kw)) && flags_equal(flag_mask_refused(x), flag_mask_refused(y));
}

struct flags
flags_dup(struct arena *a, struct flags f)
{
	f.kw = *f.kw != '\0' ? arena_strdup(a, f.kw) : "";
	return f;
}

const char *
flags_text(struct arena *a, struct flags f)
{
	char letters[7];

	flags_letters(f.sys, letters);
	if (flags_is_none(f))
		return "-";
	if (*f.kw == '\0')
		return arena_strdup(a, letters);
	return arena_printf(a, "%s%s%s", letters, *letters ? " " : "", f.kw);
}
