/* Runs the .case files of tests/plan: each line is a case, its language is told in tests/plan/README.md.
 *
 * Of every case: the operations and notes are those named; plan_check() holds (which also carries the plan out in two
 * orders and plans the mirrored case); carried out and planned again, nothing is left to do; stopped before
 * any operation and begun anew, it ends the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/base/buf.h"
#include "tests/planner/apply.h"
#include "tests/planner/check.h"
#include "tests/unit/plan_stop.h"

#define DIRECTORY "tests/plan"

struct test_case {
	const char *file;
	int line;
	const char *name;
	struct arena arena;
	struct plan_input in;
	VEC(struct record *) records;
};

static _Noreturn void
bad(const struct test_case *c, const char *what, const char *word)
{
	fail_msg("%s:%d: %s: %s", c->file, c->line, what, word);
	abort();
}

static int faults;

/* A case that fails is told, and the others go on. */
#define wrong(c, ...) do { \
	fprintf(stderr, "%s:%d: %s: ", (c)->file, (c)->line, (c)->name); \
	fprintf(stderr, __VA_ARGS__); \
	fputc('\n', stderr); \
	faults++; \
} while (0)

static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\n");
	for (n = strlen(s); n > 0 && strchr(" \t\n", s[n - 1]) != NULL; n--)
		s[n - 1] = '\0';
	return s;
}

/* Splits at the first separator: *rest is what follows, NULL at the end. */
static char *
split(char **rest, const char *separator)
{
	char *word = *rest, *end;

	if (word == NULL)
		return NULL;
	end = strstr(word, separator);
	*rest = end != NULL ? end + strlen(separator) : NULL;
	if (end != NULL)
		*end = '\0';
	return trim(word);
}

/* ---- policy ---- */

static unsigned
sync_types(const struct test_case *c, char *list)
{
	static const struct { const char *name; unsigned types; } names[] = {
		{ "new", SYNC_NEW }, { "old", SYNC_OLD }, { "upgrade", SYNC_UPGRADE }, { "gone", SYNC_GONE },
		{ "flags", SYNC_FLAGS }, { "none", 0 }, { "full", SYNC_NEW | SYNC_UPGRADE | SYNC_GONE | SYNC_FLAGS },
	};
	unsigned types = 0;
	char *word;
	size_t i;

	while ((word = split(&list, ",")) != NULL) {
		for (i = 0; i < sizeof names / sizeof names[0] && strcmp(names[i].name, word) != 0; i++)
			;
		if (i == sizeof names / sizeof names[0])
			bad(c, "no such type", word);
		types |= names[i].types;
	}
	return types;
}

static void
sides(const struct test_case *c, const char *word, bool is[SIDES])
{
	is[FAR] = strcmp(word, "far") == 0 || strcmp(word, "both") == 0;
	is[NEAR] = strcmp(word, "near") == 0 || strcmp(word, "both") == 0;
	if (!is[FAR] && !is[NEAR] && strcmp(word, "none") != 0)
		bad(c, "no such side", word);
}

static void
set_max(const struct test_case *c, struct max_delete *max, const char *word)
{
	char *end;

	max->n = strtoull(word, &end, 10);
	if (strcmp(word, "default") == 0)
		max->kind = MAX_DELETE_DEFAULT;
	else if (strcmp(word, "none") == 0)
		max->kind = MAX_DELETE_NONE;
	else if (*word != '\0' && *end == '\0')
		max->kind = MAX_DELETE_COUNT;
	else if (strcmp(end, "%") == 0)
		max->kind = MAX_DELETE_PERCENT;
	else
		bad(c, "no such limit", word);
}

static void
set_trash(const struct test_case *c, struct policy *p, const char *value)
{
	bool is[SIDES];
	int s;

	sides(c, value, is);
	for (s = 0; s < SIDES; s++)
		p->trash[s].name = is[s] ? "Trash" : NULL;
}

/* SIDE, SIDE:yes, SIDE:no */
static void
set_limit(const struct test_case *c, struct limit *l, char *value)
{
	char *unread = strchr(value, ':');
	bool is[SIDES];

	if (unread != NULL)
		*unread++ = '\0';
	sides(c, value, is);
	*l = (struct limit){ .max = 1, .side = is[FAR] ? FAR : NEAR };
	if (unread != NULL)
		l->unread = strcmp(unread, "yes") == 0 ? EXPIRE_UNREAD_YES : EXPIRE_UNREAD_NO;
}

static void
set_policy(const struct test_case *c, struct policy *p, char *line)
{
	char *word, *value;
	bool is[SIDES];

	*p = (struct policy){ .retry_failed = false };
	p->sync[FAR] = p->sync[NEAR] = SYNC_NEW | SYNC_UPGRADE | SYNC_GONE | SYNC_FLAGS;
	while ((word = split(&line, " ")) != NULL) {
		if (*word == '\0')
			continue;
		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		if (strcmp(word, "retry") == 0 && value == NULL)
			p->retry_failed = true;
		else if (value == NULL)
			bad(c, "a value is missing", word);
		else if (strcmp(word, "pull") == 0)
			p->sync[NEAR] = sync_types(c, value);
		else if (strcmp(word, "push") == 0)
			p->sync[FAR] = sync_types(c, value);
		else if (strcmp(word, "create") == 0)
			sides(c, value, p->create);
		else if (strcmp(word, "remove") == 0)
			sides(c, value, p->remove);
		else if (strcmp(word, "expunge") == 0)
			sides(c, value, p->expunge);
		else if (strcmp(word, "solo") == 0)
			sides(c, value, p->expunge_solo);
		else if (strcmp(word, "readonly") == 0)
			sides(c, value, p->read_only);
		else if (strcmp(word, "trash") == 0)
			set_trash(c, p, value);
		else if (strcmp(word, "trashnew") == 0) {
			sides(c, value, is);
			p->trash[FAR].new_only = is[FAR];
			p->trash[NEAR].new_only = is[NEAR];
		} else if (strcmp(word, "trashremote") == 0) {
			sides(c, value, is);
			p->trash[FAR].remote_new = is[FAR];
			p->trash[NEAR].remote_new = is[NEAR];
		} else if (strcmp(word, "source") == 0) {
			sides(c, value, is);
			p->source[FAR].is = is[FAR];
			p->source[NEAR].is = is[NEAR];
		} else if (strcmp(word, "leave") == 0) {
			p->source[FAR].leave.kind = p->source[NEAR].leave.kind = strcmp(value, "no") == 0 ? LEAVE_NONE : LEAVE_DAYS;
			p->source[FAR].before = p->source[NEAR].before = strtoll(value, NULL, 10);
		} else if (strcmp(word, "limit") == 0)
			set_limit(c, &p->limit, value);
		else if (strcmp(word, "before") == 0) {
			p->limit.days = 1;
			p->limit.before = strtoll(value, NULL, 10);
		}
		else if (strcmp(word, "maxsize") == 0)
			p->max_size[FAR] = p->max_size[NEAR] = strtoull(value, NULL, 10);
		else if (strcmp(word, "max") == 0)
			set_max(c, &p->max_delete, value);
		else if (strcmp(word, "window") == 0)
			p->window[FAR] = p->window[NEAR] = strcmp(value, "no") == 0 ? (struct window){ WINDOW_NO, 0 } :
			    (struct window){ WINDOW_SIZE, strtoull(value, NULL, 10) };
		else
			bad(c, "no such setting", word);
	}
}

/* ---- mailboxes, messages, links ---- */

static uint32_t
box_named(struct test_case *c, const char *name)
{
	struct plan_box b = { 0 };
	uint32_t i;
	enum side s;

	for (i = 0; i < c->in.boxes.n; i++)
		if (strcmp(c->in.boxes.at[i].name, name) == 0)
			return i;
	b.id = i + 1;
	b.name = arena_strdup(&c->arena, name);
	for (s = FAR; s <= NEAR; s++)
		b.side[s] = (struct plan_box_side){ .exists = true, .was_known = true, .is_readable = true,
			.mask = { .sys = FLAG_ALL, .has_any_keyword = true, .kw = "" } };
	vec_push(&c->in.boxes, b);
	return i;
}

static struct flags
parse_flags(struct test_case *c, const char *text)
{
	char *rest = arena_strdup(&c->arena, text), *letters = split(&rest, ","), *k;

	for (k = rest; k != NULL && *k != '\0'; k++)
		if (*k == ',')
			*k = ' ';
	return (struct flags){ flags_from_letters(letters), rest != NULL ? kw_canonical(&c->arena, rest) : "" };
}

static void
set_box_side(struct test_case *c, struct plan_box_side *side, const char *word)
{
	if (strcmp(word, "new") == 0)			/* is there, was not known */
		side->was_known = false;
	else if (strcmp(word, "none") == 0)		/* is not there, and never was */
		side->exists = side->was_known = side->is_readable = false;
	else if (strcmp(word, "gone") == 0) {		/* was known, missing for sure */
		side->exists = side->is_readable = false;
		side->is_gone = true;
	} else if (strcmp(word, "unsure") == 0)		/* was known, not listed */
		side->exists = side->is_readable = false;
	else if (strcmp(word, "others") == 0)
		side->may_be_renamed = true;
	else if (strcmp(word, "unreadable") == 0)
		side->is_readable = false;
	else if (strcmp(word, "readonly") == 0)
		side->is_readonly = true;
	else if (strcmp(word, "trash") == 0)
		side->is_trash = true;
	else if (strcmp(word, "allow") == 0)
		side->allow_delete = true;
	else if (strcmp(word, "held") == 0)		/* the last run held deletions back */
		side->was_held = true;
	else if (strcmp(word, "restore") == 0)
		side->restore = true;
	else if (strcmp(word, "refuses") == 0)
		side->refuses = "names with a colon";
	else if (strcmp(word, "empty") == 0)
		side->here = 0;
	else if (strcmp(word, "newer") == 0)		/* all that is shown is newer than what vanished */
		side->oldest = key_from_string("kez");
	else if (strcmp(word, "older") == 0)		/* something that is shown is older */
		side->oldest = key_from_string("kex");
	else if (strncmp(word, "shown:", 6) == 0)
		side->shown.last = side->shown.most = strtoull(word + 6, NULL, 10);
	else if (strncmp(word, "most:", 5) == 0)
		side->shown.most = strtoull(word + 5, NULL, 10);
	else if (strncmp(word, "suspected:", 10) == 0)
		side->shown.suspected = strtoull(word + 10, NULL, 10);
	else if (strncmp(word, "kept:", 5) == 0)
		side->shown.held = strtoull(word + 5, NULL, 10);
	else if (strcmp(word, "judged") == 0)		/* what vanished was judged to be deleted by an earlier run */
		side->shown.judged = key_from_string("kez");
	else if (strcmp(word, "judged-older") == 0)	/* what was judged is older than what vanished now */
		side->shown.judged = key_from_string("kex");
	else if (strncmp(word, "as:", 3) == 0)		/* is called so there */
		side->name = arena_strdup(&c->arena, word + 3);
	else if (strncmp(word, "keeps:", 6) == 0)
		side->mask = (struct flag_mask){ .sys = parse_flags(c, word + 6).sys, .kw = parse_flags(c, word + 6).kw };
	else if (strncmp(word, "refuses:", 8) == 0)
		side->mask.refused = parse_flags(c, word + 8);
	else
		bad(c, "no such state of a mailbox", word);
}

/* box NAME far=STATE,STATE near=... settled=N */
static void
parse_box(struct test_case *c, char *line)
{
	char *name = split(&line, " "), *word, *state;
	uint32_t box = box_named(c, name);
	struct plan_box_side *side = c->in.boxes.at[box].side;
	enum side s;

	while ((word = split(&line, " ")) != NULL) {
		if (strcmp(word, "contested") == 0) {
			c->in.boxes.at[box].is_contested = true;
			continue;
		}
		if (strncmp(word, "settled=", 8) == 0) {
			for (s = FAR; s <= NEAR; s++) {
				side[s].known += strtoull(word + 8, NULL, 10);
				side[s].here += strtoull(word + 8, NULL, 10);
			}
			continue;
		}
		if (strncmp(word, "from=", 5) == 0) {
			c->in.boxes.at[box].limit = (struct plan_limit){ .is_set = true, .from = strtoull(word + 5, NULL, 10) };
			continue;
		}
		if (strncmp(word, "far=", 4) != 0 && strncmp(word, "near=", 5) != 0)
			bad(c, "a box is far=, near= or settled=", word);
		s = *word == 'f' ? FAR : NEAR;
		word = strchr(word, '=') + 1;
		while ((state = split(&word, "+")) != NULL)
			set_box_side(c, &side[s], state);
	}
}

static void
parse_half(struct test_case *c, struct record *r, enum side s, const char *value)
{
	struct record_half *h = &r->half[s];
	bool is_gone = strncmp(value, "gone", 4) == 0, is_beyond = strcmp(value, "beyond") == 0;

	if (strcmp(value, "unshown") == 0) {		/* never shown, and perhaps there */
		h->basis = BASIS_BEYOND;
		return;
	}
	h->presence = is_gone ? PRESENCE_GONE : is_beyond ? PRESENCE_BEYOND : PRESENCE_HERE;
	h->key = key_from_string("key");
	h->flags = parse_flags(c, is_gone || is_beyond ? "" : value);
}

static enum record_mark
parse_mark(const struct test_case *c, const char *word)
{
	static const char *const names[] = { "new", "orphan", "skipped", "failed", "expired", "tombstone", "kept", "replaced" };
	enum record_mark m;

	for (m = MARK_NEW; m <= MARK_REPLACED; m++)
		if (strcmp(names[m], word) == 0)
			return m;
	bad(c, "no such mark", word);
}

static void
count_message(struct test_case *c, const struct record *r)
{
	enum side s;

	for (s = FAR; s <= NEAR; s++) {
		struct plan_box_side *side = &c->in.boxes.at[r->box].side[s];

		side->known += r->half[s].presence != PRESENCE_NEVER;
		side->here += r->half[s].presence == PRESENCE_HERE;
	}
}

/* [N*] [BOX] far=FLAGS near=FLAGS base=FLAGS mark=MARK sent=SIDE told=SIDE ours=SIDE listed=TIME placeholder=SIDE size=OCTETS shaped */
static void
parse_message(struct test_case *c, char *line)
{
	struct record r = record_blank(box_named(c, "INBOX")), *copy;
	char *word, *end;
	unsigned long n = 1;
	enum side s;

	while ((word = split(&line, " ")) != NULL) {
		unsigned long k = strtoul(word, &end, 10);

		if (end != word && strcmp(end, "*") == 0)
			n = k;
		else if (strncmp(word, "far=", 4) == 0)
			parse_half(c, &r, FAR, word + 4);
		else if (strncmp(word, "near=", 5) == 0)
			parse_half(c, &r, NEAR, word + 5);
		else if (strncmp(word, "base=", 5) == 0) {
			r.has_agreed = true;
			r.agreed = parse_flags(c, word + 5);
		} else if (strncmp(word, "mark=", 5) == 0)
			r.mark = parse_mark(c, word + 5);
		else if (strncmp(word, "listed=", 7) == 0)
			r.half[FAR].date = r.half[NEAR].date = strtoll(word + 7, NULL, 10);
		else if (strcmp(word, "told=far") == 0 || strcmp(word, "told=near") == 0)
			r.half[word[5] == 'f' ? FAR : NEAR].basis = BASIS_TOLD;
		else if (strcmp(word, "sent=far") == 0 || strcmp(word, "sent=near") == 0)
			r.half[word[5] == 'f' ? FAR : NEAR].is_sent = true;
		else if (strcmp(word, "ours=far") == 0 || strcmp(word, "ours=near") == 0)
			r.half[word[5] == 'f' ? FAR : NEAR].basis = BASIS_OURS;
		else if (strcmp(word, "placeholder=far") == 0 || strcmp(word, "placeholder=near") == 0)
			r.placeholder = word[12] == 'f' ? PLACEHOLDER_FAR : PLACEHOLDER_NEAR;
		else if (strcmp(word, "placeholder=no-more") == 0)
			r.placeholder = PLACEHOLDER_NO_MORE;
		else if (strncmp(word, "size=", 5) == 0)
			r.half[FAR].size = r.half[NEAR].size = strtoull(word + 5, NULL, 10);
		else if (strcmp(word, "shaped") == 0)
			r.ident.has = IDENT_HEADER | IDENT_FULL | IDENT_PLACEHOLDER;
		else if (strchr(word, '=') == NULL && *word != '\0')
			r.box = box_named(c, word);
		else if (*word != '\0')
			bad(c, "a message is far=, near=, base=, mark=, sent=, told=, ours=, listed=, placeholder=, size=, shaped or a mailbox", word);
	}
	for (s = FAR; s <= NEAR; s++)
		if (r.half[s].presence == PRESENCE_GONE)
			r.half[s].flags = r.agreed;
	while (n-- > 0) {
		copy = arena_alloc(&c->arena, sizeof *copy);
		*copy = r;
		copy->id = c->in.messages.n + 1;
		vec_push(&c->in.messages, (struct plan_message){ copy, r.box });
		count_message(c, copy);
	}
}

/* twin A B | twin A B LEFT | moved SIDE A B | cloned SIDE A B | shared SIDE A B */
static bool
parse_link(struct test_case *c, const char *line)
{
	struct plan_link l = { LINK_TWIN, FAR, 0, 0, 0 };
	char kind[8], side[5];

	if (sscanf(line, "twin %u %u %u", &l.a, &l.b, &l.left) < 2) {
		if (sscanf(line, "%7s %4s %u %u", kind, side, &l.a, &l.b) != 4)
			return false;
		if (strcmp(kind, "moved") != 0 && strcmp(kind, "cloned") != 0 && strcmp(kind, "shared") != 0)
			return false;
		l.kind = strcmp(kind, "moved") == 0 ? LINK_MOVED : strcmp(kind, "cloned") == 0 ? LINK_CLONED : LINK_SHARED;
		l.side = strcmp(side, "far") == 0 ? FAR : NEAR;
	}
	l.a--;
	l.b--;
	l.left = l.left > 0 ? l.left - 1 : UINT32_MAX;
	if (l.a >= c->in.messages.n || l.b >= c->in.messages.n)
		bad(c, "a link names no message", line);
	vec_push(&c->in.links, l);
	return true;
}

static void
parse_input(struct test_case *c, char *text)
{
	char *part;

	box_named(c, "INBOX");
	while ((part = split(&text, ";")) != NULL) {
		if (strncmp(part, "box ", 4) == 0)
			parse_box(c, part + 4);
		else if (*part != '\0' && !parse_link(c, part))
			parse_message(c, part);
	}
}

/* ---- what is expected ---- */

/* "copy near INBOX #1 (new)" without INBOX; equal ones but for their number as "3* copy near (new)". */
static void
add_op(struct buf *out, const char *text, size_t n)
{
	const char *number = strchr(text, '#'), *inbox = strstr(text, "INBOX ");
	const char *p;

	buf_printf(out, "%s", out->len != 0 ? "; " : "");
	if (n > 1)
		buf_printf(out, "%zu* ", n);
	for (p = text; *p != '\0'; p++) {
		if (p == inbox) {
			p += strlen("INBOX");
			continue;
		}
		if (n > 1 && p == number) {
			p += strcspn(p, " ");
			continue;
		}
		buf_addc(out, *p);
	}
}

static bool
is_alike(const char *a, const char *b)
{
	const char *x = strchr(a, '#'), *y = strchr(b, '#');

	return x != NULL && y != NULL && strstr(a, "->") == NULL && strstr(a, "pair") == NULL && x - a == y - b &&
	    strncmp(a, b, (size_t)(x - a)) == 0 && strcmp(x + strcspn(x, " "), y + strcspn(y, " ")) == 0;
}

static void
ops_text(const struct test_case *c, const struct plan *p, struct buf *out)
{
	struct buf one = { 0 }, last = { 0 };
	size_t i, n = 0;

	for (i = 0; i < p->ops.n; i++) {
		buf_clear(&one);
		op_explain(&c->in, &p->ops.at[i], &one);
		if (n > 0 && is_alike(buf_str(&last), buf_str(&one))) {
			n++;
			continue;
		}
		if (n > 0)
			add_op(out, buf_str(&last), n);
		buf_clear(&last);
		buf_adds(&last, buf_str(&one));
		n = 1;
	}
	if (n > 0)
		add_op(out, buf_str(&last), n);
	buf_release(&one);
	buf_release(&last);
}

/* Notes must be those expected, in order; "! words" an error, "? words" another, by what they contain. */
static void
check_notes(const struct test_case *c, const struct plan *p, char *expected)
{
	size_t i = 0;
	char *word;

	while ((word = split(&expected, " / ")) != NULL) {
		const struct plan_note *n = i < p->notes.n ? &p->notes.at[i] : NULL;

		if (n == NULL || strstr(n->text, trim(word + 1)) == NULL || (*word == '!') != (n->level == NOTE_ERROR))
			wrong(c, "want note \"%s\", have \"%s\"", word, n == NULL ? "" : n->text);
		i++;
	}
	if (i < p->notes.n)
		wrong(c, "one note more: %s", p->notes.at[i].text);
}

static void
check_ops(const struct test_case *c, const struct plan *p, const char *want)
{
	struct buf have = { 0 };

	ops_text(c, p, &have);
	if (strcmp(want, buf_str(&have)) != 0)
		wrong(c, "\n  want %s\n  have %s", want, buf_str(&have));
	buf_release(&have);
}

/* ---- what holds for every case ---- */

/* A placeholder that is asked for, and changed, moved or copied: it is replaced by the next look of the run (P21). One whose message is \Deleted
 * no more: what was copied of it is copied there once that is off. */
static bool
has_two_looks(const struct test_case *c, const struct plan *p)
{
	const struct record *r, *to;
	const struct op *op;
	enum side t;
	size_t i;

	for (i = 0; i < p->ops.n; i++) {
		op = &p->ops.at[i];
		if (op->msg == UINT32_MAX || (op->kind != OP_FLAGS && op->kind != OP_CLONE && op->kind != OP_MOVE))
			continue;
		r = c->in.messages.at[op->msg].rec;
		to = op->other != UINT32_MAX ? c->in.messages.at[op->other].rec : r;
		t = r->placeholder == PLACEHOLDER_FAR ? FAR : NEAR;
		if (record_has_placeholder(r) && ((r->half[t].flags.sys | to->half[t].flags.sys) & FLAG_FLAGGED))
			return true;
		if (record_has_placeholder(r) && op->kind == OP_FLAGS && (op->remove.sys & FLAG_DELETED))
			return true;
	}
	return false;
}

static void
check_again(const struct test_case *c, const struct plan *p)
{
	struct plan_input next;
	struct applied w;
	struct plan q = { 0 };
	char *text;
	size_t i;

	applied_begin(&w, &c->in);
	for (i = 0; i < p->ops.n; i++)
		applied_op(&w, &p->ops.at[i]);
	applied_next(&w, &next);
	plan_make(&next, &q);
	for (i = 0; i < q.ops.n; i++) {
		/* What went and had a placeholder is known until the next look (P21). */
		if (q.ops.at[i].is_held || (q.ops.at[i].kind == OP_DROP && record_has_placeholder(next.messages.at[q.ops.at[i].msg].rec)))
			continue;
		text = plan_text(&next, &q);
		wrong(c, "the second run has work:\n%s", text);
		free(text);
		break;
	}
	plan_release(&q);
	plan_input_release(&next);
	applied_end(&w);
}

static void
check_stops(const struct test_case *c, const struct plan *p)
{
	char *want = stopped_text(&c->in, p, p->ops.n), *got;
	size_t i;

	for (i = 0; i < p->ops.n && i < 64 && !has_revival(p); i++) {
		got = stopped_text(&c->in, p, i);
		if (strcmp(want, got) != 0)
			wrong(c, "stopped before operation %zu it ends elsewhere:\n%s--\n%s", i, want, got);
		free(got);
	}
	free(want);
}

static void
run_case(const char *file, int line, const struct policy *policy, char *text)
{
	struct test_case c = { .file = file, .line = line, .in.policy = *policy };
	char *input, *want;
	struct plan p = { 0 };
	struct arena a = { 0 };
	const char *fault;

	c.name = split(&text, "|");
	input = split(&text, "|");
	want = split(&text, "|");
	if (want == NULL)
		bad(&c, "a case is name | messages | operations [| notes]", c.name);
	parse_input(&c, input);
	plan_make(&c.in, &p);
	check_ops(&c, &p, want);
	check_notes(&c, &p, text);
	fault = plan_check(&c.in, &p, &a);
	if (fault != NULL)
		wrong(&c, "%s", fault);
	if (!has_two_looks(&c, &p)) {
		check_again(&c, &p);
		check_stops(&c, &p);
	}
	arena_release(&a);
	plan_release(&p);
	plan_input_release(&c.in);
	arena_release(&c.arena);
}

static int
run_file(const char *file)
{
	struct test_case at = { .file = file };
	FILE *f = fopen(file, "r");
	struct policy policy;
	char *line = NULL, *text;
	size_t room = 0;
	int n = 0;

	if (f == NULL)
		fail_msg("%s: cannot be read", file);
	set_policy(&at, &policy, NULL);
	while (getline(&line, &room, f) >= 0) {
		at.line++;
		text = trim(line);
		if (*text == '\0' || *text == '#')
			continue;
		if (*text == '[') {
			text[strcspn(text, "]")] = '\0';
			set_policy(&at, &policy, trim(text + 1));
			continue;
		}
		run_case(file, at.line, &policy, text);
		n++;
	}
	free(line);
	fclose(f);
	return n;
}

static int
is_case(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot != NULL && strcmp(dot, ".case") == 0;
}

static void
test_cases(void **state)
{
	struct dirent **names;
	char path[512];
	int i, cases = 0, n = scandir(DIRECTORY, &names, is_case, alphasort);

	(void)state;
	assert_true(n > 0);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", DIRECTORY, names[i]->d_name);
		cases += run_file(path);
		free(names[i]);
	}
	free(names);
	printf("plan cases: %d\n", cases);
	assert_true(cases > 0);
	assert_int_equal(faults, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
