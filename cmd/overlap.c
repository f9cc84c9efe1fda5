#include "cmd/overlap.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/settings.h"
#include "state/base/buf.h"
#include "sync/maildir/layout.h"
#include "sync/pair/names.h"
#include "sync/pair/patterns.h"
#include "sync/pair/patterns_common.h"
#include "sync/store/kinds.h"

/* The mailboxes that a channel means on one side, as places of real mailboxes. */
struct places {
	struct patterns_place at[5];
	const char *head[5];		/* store's name of a mailbox = head + what stands behind the root */
	size_t n;
};

static void
add_place(struct places *p, struct patterns_place place, const char *head)
{
	p->at[p->n] = place;
	p->head[p->n++] = head;
}

/* ---- what a mailbox really is ---- */

/* Without empty parts and parts that are ".". */
static char *
clean(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 1);
	size_t n = 0, part;

	for (; *path != '\0'; path += part) {
		part = strcspn(path + 1, "/") + 1;
		if (part == 1 || (part == 2 && path[1] == '.'))
			continue;
		memcpy(out + n, path, part);
		n += part;
	}
	return n != 0 ? out : arena_strdup(a, "/");
}

/* An absolute path with symbolic links followed as far as it exists. */
static const char *
resolve(struct arena *a, const char *path)
{
	char *head, *slash, *real;
	size_t len;

	path = clean(a, path);
	head = arena_strdup(a, path);
	len = strlen(head);

	while (len > 1 && head[len - 1] == '/')
		head[--len] = '\0';
	while ((real = realpath(head, NULL)) == NULL && (slash = strrchr(head, '/')) != NULL && slash != head)
		*slash = '\0';
	if (real == NULL)
		return arena_strdup(a, path);
	path = arena_printf(a, "%s%s", strcmp(real, "/") == 0 ? "" : real, path + strlen(head));
	free(real);
	return path;
}

static struct layout
layout_of(const struct store_settings *s)
{
	return (struct layout){ .kind = s->sub_folders, .path = s->path, .inbox = s->inbox, .map_inbox = s->map_inbox, .flatten = s->flatten };
}

static const char *
lower(struct arena *a, const char *word)
{
	char *copy = arena_strdup(a, word), *c;

	for (c = copy; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static const char *
host_of(struct arena *a, const struct account_settings *account)
{
	static const char *const loopback[] = { "localhost", "127.0.0.1", "::1" };
	const char *host = lower(a, account->net.host != NULL ? account->net.host : "");
	size_t len = strlen(host), i;

	if (account->net.tunnel != NULL)
		return arena_printf(a, "tunnel %s", account->net.tunnel);
	if (len > 1 && host[len - 1] == '.')
		host = arena_strndup(a, host, len - 1);
	for (i = 0; i < sizeof loopback / sizeof *loopback; i++)
		if (strcmp(host, loopback[i]) == 0)
			host = loopback[0];
	/* The two ports of a protocol are doors of one server; others may be servers of their own. */
	for (i = 0; i < STORE_KINDS; i++)
		if (account->net.port == store_kinds[i].port || account->net.port == store_kinds[i].tls_port)
			return host;
	return arena_printf(a, "%s:%u", host, account->net.port);
}

/* "imap:jane@host/": what comes before the prefix of the store. The INBOX of POP3 and that of IMAP are told apart: a channel may take mail
 * from the one and file it in the other. */
static const char *
account_root(struct arena *a, const struct store_settings *s)
{
	const struct account_settings *account = s->account;
	const char *user = account->user != NULL ? lower(a, account->user) : account->user_cmd.shell != NULL ?
	    arena_printf(a, "|%s", account->user_cmd.shell) : arena_printf(a, "?%s", account->name);

	return arena_printf(a, "%s:%s@%s/", store_kinds[s->kind].scheme, user, host_of(a, account));
}

/* Path with '/' for the server's delimiter, as far as the configuration tells that. */
static const char *
imap_prefix(struct arena *a, const struct store_settings *s)
{
	char *prefix = arena_strdup(a, s->path != NULL ? s->path : ""), *c;
	size_t len = strlen(prefix);
	char delimiter = s->path_delimiter;

	if (delimiter == '\0' && len > 0 && ispunct((unsigned char)prefix[len - 1]))
		delimiter = prefix[len - 1];
	for (c = prefix; *c != '\0'; c++)
		if (delimiter != '\0' && *c == delimiter)
			*c = '/';
	return prefix;
}

static bool
is_inbox(const struct store_settings *s, const char *name)
{
	return names_is_inbox(name) || (s->map_inbox != NULL && strcmp(name, s->map_inbox) == 0);
}

/* What stands before the names of mailboxes other than INBOX; of a Maildir also than those below it. */
static const char *
root_of(struct arena *a, const struct store_settings *s)
{
	struct layout l;

	if (s->account != NULL)
		return arena_printf(a, "%s%s", account_root(a, s), imap_prefix(a, s));
	l = layout_of(s);
	if (l.kind == NAMES_MAILDIRPP)
		return arena_printf(a, "maildir++:%s/", resolve(a, s->inbox));
	return arena_printf(a, "%s:%s/%s", l.kind == NAMES_LEGACY ? "legacy" : "dir", resolve(a, layout_root(&l, a)),
	    layout_prefix(&l));
}

static const char *
inbox_root(struct arena *a, const struct store_settings *s)
{
	if (s->account != NULL)
		return arena_printf(a, "%sINBOX", account_root(a, s));
	return arena_printf(a, "dir:%s", resolve(a, s->inbox));
}

static bool
is_below_inbox(const struct store_settings *s, const char *name)
{
	return s->kind == SETTINGS_MAILDIR && s->sub_folders != NAMES_MAILDIRPP && !names_is_inbox(name) &&
	    names_is_inbox_or_below(name);
}

static const char *
below_root(struct arena *a, const struct store_settings *s)
{
	return arena_printf(a, "%s:%s", s->sub_folders == NAMES_LEGACY ? "legacy" : "dir", resolve(a, s->inbox));
}

/* One string for each real mailbox. */
static const char *
real_of(struct arena *a, const struct store_settings *s, const char *name)
{
	if (is_inbox(s, name))
		return inbox_root(a, s);
	if (is_below_inbox(s, name))
		return arena_printf(a, "%s%s", below_root(a, s), name + strlen("INBOX"));
	return arena_printf(a, "%s%s", root_of(a, s), name);
}

/* ---- what a channel means ---- */

static const char *
box_of(const struct channel_settings *c, enum side s)
{
	return c->box[s] != NULL ? c->box[s] : "";
}

static void
add_one(struct places *p, struct arena *a, const struct store_settings *s, const char *name)
{
	const char *real = real_of(a, s, name), *path;

	add_place(p, (struct patterns_place){ .root = real, .skip = "", .is_exact = true }, name);
	if (strncmp(real, "dir:", 4) != 0)
		return;
	path = arena_printf(a, "dir:%s", resolve(a, real + 4));
	if (strcmp(path, real) != 0)
		add_place(p, (struct patterns_place){ .root = path, .skip = "", .is_exact = true }, name);
}

static bool
is_inbox_listed(const struct store_settings *s)
{
	struct layout l;

	if (s->account != NULL)
		return s->path == NULL || *s->path == '\0';
	l = layout_of(s);
	return s->map_inbox == NULL && layout_is_inbox_listed(&l);
}

/* The patterns, and behind them what names of mailboxes elsewhere are not theirs. */
static const char *const *
add_exclusions(struct arena *a, const struct channel_settings *c, const struct store_settings *s, const char *box,
    bool is_asked, size_t *n_r)
{
	const char **out = arena_alloc(a, (c->patterns.n + 6) * sizeof *out);
	size_t n = c->patterns.n, len;

	memcpy(out, c->patterns.at, n * sizeof *out);
	if (*box == '\0') {
		out[n++] = "!INBOX";
		if (!is_asked || is_below_inbox(s, "INBOX/x"))
			out[n++] = "!INBOX/*";
		if (s->map_inbox != NULL)
			out[n++] = arena_printf(a, "!%s", s->map_inbox);
		len = s->path != NULL ? strlen(s->path) : 0;
		if (is_below_inbox(s, "INBOX/x") && len > 0 && strncmp(s->inbox, s->path, len) == 0 && s->inbox[len] != '\0') {
			out[n++] = arena_printf(a, "!%s", s->inbox + len);
			out[n++] = arena_printf(a, "!%s/*", s->inbox + len);
		}
	}
	*n_r = n;
	return out;
}

/* INBOX is there by its name, or because the other side lists one: then it is its twin, wherever it lies. */
static bool
is_inbox_asked(const struct channel_settings *c, enum side side)
{
	const char *box = box_of(c, side), *other = box_of(c, side_other(side));

	return is_inbox_listed(c->store[side]) || (*box == '\0' && *other == '\0' && is_inbox_listed(c->store[side_other(side)])) ||
	    patterns_ask_inbox((const char *const *)c->patterns.at, c->patterns.n, box);
}

static void
fill(const struct channel_settings *c, enum side side, struct arena *a, struct places *p)
{
	const struct store_settings *s = c->store[side];
	const char *box = box_of(c, side), *inbox = s->map_inbox != NULL ? s->map_inbox : "INBOX";
	const char *const *patterns = (const char *const *)c->patterns.at;
	bool is_asked;
	struct patterns_place place = { .skip = "" };
	struct layout l = layout_of(s);

	*p = (struct places){ .n = 0 };
	if (!c->has_patterns) {
		add_one(p, a, s, *box != '\0' ? box : "INBOX");
		return;
	}
	is_asked = is_inbox_asked(c, side);
	if (patterns_select(patterns, c->patterns.n, box, is_asked || s->map_inbox != NULL, inbox) != NULL)
		add_one(p, a, s, inbox);
	if (is_asked && is_below_inbox(s, "INBOX/x") && (*box == '\0' || is_below_inbox(s, box))) {
		place.root = arena_printf(a, "%s/%s", below_root(a, s), *box == '\0' ? "" : box + strlen("INBOX/"));
		place.skip = *box == '\0' ? "INBOX/" : "";
		place.patterns = patterns;
		place.n = c->patterns.n;
		add_place(p, place, *box == '\0' ? "INBOX/" : box);
	}
	if (is_below_inbox(s, box) || (s->kind == SETTINGS_MAILDIR && !layout_has_folders(&l)))
		return;
	place = (struct patterns_place){ .root = arena_printf(a, "%s%s", root_of(a, s), box), .skip = "" };
	place.patterns = add_exclusions(a, c, s, box, is_asked, &place.n);
	add_place(p, place, box);
}

/* ---- two channels ---- */

struct meeting {
	const struct channel_settings *channel[2];
	enum side side[2];		/* the shared mailbox is on this side of each */
	const char *name[2];		/* ... under this name of its store */
	const char *real;
	const char *other[2];		/* what each synchronises it with: a name of the other side's store */
	bool is_same_pair;
};

static const char *
name_in(const struct places *p, size_t i, const char *real, struct arena *a)
{
	return p->at[i].is_exact ? p->head[i] : arena_printf(a, "%s%s", p->head[i], real + strlen(p->at[i].root));
}

static const char *
other_name(const struct channel_settings *c, enum side side, const char *name, struct arena *a)
{
	const char *box = box_of(c, side_other(side));

	if (!c->has_patterns)
		return *box != '\0' ? box : "INBOX";
	return arena_printf(a, "%s%s", box, name + strlen(box_of(c, side)));
}

static bool
meet(const struct places *p, const struct places *q, struct arena *a, struct meeting *m)
{
	const char *reals[2];
	size_t i, k, x;

	for (i = 0; i < p->n; i++)
		for (k = 0; k < q->n; k++) {
			m->real = patterns_common(&p->at[i], &q->at[k], a);
			if (m->real == NULL)
				continue;
			m->name[0] = name_in(p, i, m->real, a);
			m->name[1] = name_in(q, k, m->real, a);
			for (x = 0; x < 2; x++) {
				m->other[x] = other_name(m->channel[x], m->side[x], m->name[x], a);
				reals[x] = real_of(a, m->channel[x]->store[side_other(m->side[x])], m->other[x]);
			}
			m->is_same_pair = strcmp(reals[0], reals[1]) == 0;
			return true;
		}
	return false;
}

static const char *
store_words(struct arena *a, const struct store_settings *s)
{
	return arena_printf(a, "%s \"%s\"", store_kinds[s->kind].section, s->name);
}

/* Between one account and one Maildir, or whatever the two stores are. */
static bool
is_within(const struct meeting *m)
{
	return m->side[0] == m->side[1] && m->channel[0]->store[FAR] == m->channel[1]->store[FAR] &&
	    m->channel[0]->store[NEAR] == m->channel[1]->store[NEAR];
}

/* One account that is kept in two Maildirs. Written twice, it is one that was copied and not changed. */
static bool
is_one_account(const struct meeting *m)
{
	const struct store_settings *shared[2], *other[2];
	int x;

	for (x = 0; x < 2; x++) {
		shared[x] = m->channel[x]->store[m->side[x]];
		other[x] = m->channel[x]->store[side_other(m->side[x])];
	}
	return shared[0]->account != NULL && shared[0]->account == shared[1]->account && !store_kinds[shared[0]->kind].is_source &&
	    other[0]->account == NULL && other[1]->account == NULL;
}

/* -1 refused; 1 told. */
static int
refuse(const struct meeting *m, struct arena *a, struct err *e)
{
	const struct store_settings *shared[2], *other[2];
	const char *where = strchr(m->real, ':') + 1, *sections;
	int x;

	for (x = 0; x < 2; x++) {
		shared[x] = m->channel[x]->store[m->side[x]];
		other[x] = m->channel[x]->store[side_other(m->side[x])];
	}
	if (m->is_same_pair)
		return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "channels \"%s\" and \"%s\" both synchronise :%s:%s with "
		    ":%s:%s; leave it out of the Patterns of one of them, or remove one", m->channel[0]->name,
		    m->channel[1]->name, shared[0]->name, m->name[0], other[0]->name, m->other[0]);
	sections = shared[0] == shared[1] ? store_words(a, shared[0]) :
	    arena_printf(a, "%s and of %s", store_words(a, shared[0]), store_words(a, shared[1]));
	if (is_within(m) || is_one_account(m)) {
		err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "channels \"%s\" and \"%s\" share the mailbox %s (%s): the mail of "
		    ":%s:%s is copied to :%s:%s, and the other way round, as mbsync does. If it is not meant, leave it out of the Patterns of one "
		    "of them; else \"Hub yes\" in the section of %s ends this notice", m->channel[0]->name, m->channel[1]->name, m->name[0],
		    where, other[0]->name, m->other[0], other[1]->name, m->other[1], sections);
		return 1;
	}
	return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "channels \"%s\" and \"%s\" share the mailbox %s (%s): the mail of "
	    ":%s:%s would be copied to :%s:%s, and the other way round. Give each its own Path or Patterns; if it is "
	    "meant, write \"Hub yes\" into the section of %s", m->channel[0]->name, m->channel[1]->name, m->name[0], where,
	    other[0]->name, m->other[0], other[1]->name, m->other[1], sections);
}

static bool
has_one_state(const struct channel_settings *a, const struct channel_settings *b)
{
	return strcmp(a->state_name, b->state_name) == 0;
}

bool
overlap_is_one_pair(const struct channel_settings *a, const struct channel_settings *b)
{
	struct arena arena = { 0 };
	struct places places[2];
	struct meeting m = { .channel = { a, b } };
	bool is;

	fill(a, FAR, &arena, &places[0]);
	fill(b, FAR, &arena, &places[1]);
	is = meet(&places[0], &places[1], &arena, &m) && m.is_same_pair;
	arena_release(&arena);
	return is;
}

int
overlap_check(const struct channel_settings *a, const struct channel_settings *b, struct err *e)
{
	struct arena arena = { 0 };
	struct places places[2][SIDES];
	struct meeting m = { .channel = { a, b } };
	bool hub;
	int x, y, rc = 0;

	for (x = FAR; x <= NEAR; x++) {
		fill(a, (enum side)x, &arena, &places[0][x]);
		fill(b, (enum side)x, &arena, &places[1][x]);
	}
	for (x = FAR; x <= NEAR && rc >= 0; x++)
		for (y = FAR; y <= NEAR && rc >= 0; y++) {
			m.side[0] = (enum side)x;
			m.side[1] = (enum side)y;
			hub = a->store[x]->hub && b->store[y]->hub;
			if (meet(&places[0][x], &places[1][y], &arena, &m) && (m.is_same_pair ? !has_one_state(a, b) : !hub))
				rc = refuse(&m, &arena, e);
		}
	arena_release(&arena);
	return rc;
}
