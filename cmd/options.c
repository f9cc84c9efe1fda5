#include "cmd/options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/config_value.h"
#include "cmd/nearest.h"
#include "state/base/log.h"
#include "state/base/shell_word.h"

enum action {
	ACT_CONFIG,			/* takes an argument, like the next ones */
	ACT_TRANSCRIPT,
	ACT_ALLOW_DELETE,
	ACT_RESTORE,
	ACT_MAX_TRANSFER,
	ACT_JOBS,
	ACT_PRINT,
	ACT_LIMIT,
	ACT_SINCE,
	ACT_MAILBOX,
	ACT_NAG,
	ACT_DEBUG,			/* may take one, only behind "=" */
	ACT_ALL,			/* takes none, like the rest */
	ACT_LIST,
	ACT_LIST_STORES,
	ACT_DRY_RUN,
	ACT_EXT_EXIT,
	ACT_VERBOSE,
	ACT_QUIET,
	ACT_JSON,
	ACT_RETRY_FAILED,
	ACT_ADOPT,
	ACT_RENAME_UTF7,
	ACT_CHECK,
	ACT_FUZZY,
	ACT_OFFLINE,
	ACT_BODIES,
	ACT_YES,
	ACT_HELP,
	ACT_VERSION,
	ACT_DEBUG_AREA,			/* n = areas */
	ACT_FULL,			/* n = it is spelled out */
	ACT_SYNC,			/* word = one of Sync */
	ACT_SIDES,			/* n = enum ops_kind, word = one of Create */
};

enum { JOBS_MOST = 64, NAG_USUAL = 24 * 3600 };

#define ALL_AREAS (LOG_NET | LOG_IMAP | LOG_MAILDIR | LOG_PLAN | LOG_STATE | LOG_RUN)

static const struct long_option {
	const char *name;
	enum action action;
	const char *word;		/* of its effect; of what it takes, for people */
	unsigned n;
	const char *instead;		/* the present name of a deprecated one */
} long_options[] = {
	{ "config", ACT_CONFIG, "a file", 0, NULL },
	{ "transcript", ACT_TRANSCRIPT, "a directory", 0, NULL },
	{ "allow-delete", ACT_ALLOW_DELETE, "a mailbox, or \"*\" for all", 0, NULL },
	{ "restore", ACT_RESTORE, "a mailbox, or \"*\" for all", 0, NULL },
	{ "max-transfer", ACT_MAX_TRANSFER, "a size such as 10m", 0, NULL },
	{ "jobs", ACT_JOBS, "a number", 0, NULL },
	{ "all", ACT_ALL, NULL, 0, NULL },
	{ "list", ACT_LIST, NULL, 0, NULL },
	{ "list-stores", ACT_LIST_STORES, NULL, 0, NULL },
	{ "dry-run", ACT_DRY_RUN, NULL, 0, NULL },
	{ "ext-exit", ACT_EXT_EXIT, NULL, 0, NULL },
	{ "verbose", ACT_VERBOSE, NULL, 0, NULL },
	{ "quiet", ACT_QUIET, NULL, 0, NULL },
	{ "json", ACT_JSON, NULL, 0, NULL },
	{ "retry-failed", ACT_RETRY_FAILED, NULL, 0, NULL },
	{ "adopt", ACT_ADOPT, NULL, 0, NULL },
	{ "rename-utf7", ACT_RENAME_UTF7, NULL, 0, NULL },
	{ "check", ACT_CHECK, NULL, 0, NULL },
	{ "print", ACT_PRINT, "path, uid, message-id, subject or json", 0, NULL },
	{ "limit", ACT_LIMIT, "a number", 0, NULL },
	{ "fuzzy", ACT_FUZZY, NULL, 0, NULL },
	{ "bodies", ACT_BODIES, NULL, 0, NULL },
	{ "since", ACT_SINCE, "a date such as 2025-01-31 or 7d", 0, NULL },
	{ "mailbox", ACT_MAILBOX, "a mailbox", 0, NULL },
	{ "nag", ACT_NAG, "a time such as 24h", 0, NULL },
	{ "offline", ACT_OFFLINE, NULL, 0, NULL },
	{ "yes", ACT_YES, NULL, 0, NULL },
	{ "help", ACT_HELP, NULL, 0, NULL },
	{ "version", ACT_VERSION, NULL, 0, NULL },
	{ "debug", ACT_DEBUG, NULL, 0, NULL },
	{ "debug-crash", ACT_DEBUG_AREA, NULL, 0, NULL },	/* mbsync waits for a debugger then; nothing crashes here */
	{ "debug-driver", ACT_DEBUG_AREA, NULL, LOG_IMAP | LOG_MAILDIR, NULL },
	{ "debug-driver-all", ACT_DEBUG_AREA, NULL, LOG_IMAP | LOG_MAILDIR, NULL },
	{ "debug-maildir", ACT_DEBUG_AREA, NULL, LOG_MAILDIR, NULL },
	{ "debug-main", ACT_DEBUG_AREA, NULL, LOG_RUN, NULL },
	{ "debug-net", ACT_DEBUG_AREA, NULL, LOG_NET, NULL },
	{ "debug-net-all", ACT_DEBUG_AREA, NULL, LOG_NET | LOG_IMAP, NULL },
	{ "debug-sync", ACT_DEBUG_AREA, NULL, LOG_PLAN | LOG_STATE | LOG_RUN, NULL },

	{ "noop", ACT_SYNC, "None", 0, NULL },
	{ "full", ACT_FULL, NULL, 1, NULL },
	{ "pull", ACT_SYNC, "Pull", 0, NULL },
	{ "push", ACT_SYNC, "Push", 0, NULL },
	{ "new", ACT_SYNC, "New", 0, NULL },
	{ "old", ACT_SYNC, "Old", 0, NULL },
	{ "upgrade", ACT_SYNC, "Upgrade", 0, NULL },
	{ "gone", ACT_SYNC, "Gone", 0, NULL },
	{ "flags", ACT_SYNC, "Flags", 0, NULL },
	{ "pull-new", ACT_SYNC, "PullNew", 0, NULL },
	{ "pull-old", ACT_SYNC, "PullOld", 0, NULL },
	{ "pull-upgrade", ACT_SYNC, "PullUpgrade", 0, NULL },
	{ "pull-gone", ACT_SYNC, "PullGone", 0, NULL },
	{ "pull-flags", ACT_SYNC, "PullFlags", 0, NULL },
	{ "push-new", ACT_SYNC, "PushNew", 0, NULL },
	{ "push-old", ACT_SYNC, "PushOld", 0, NULL },
	{ "push-upgrade", ACT_SYNC, "PushUpgrade", 0, NULL },
	{ "push-gone", ACT_SYNC, "PushGone", 0, NULL },
	{ "push-flags", ACT_SYNC, "PushFlags", 0, NULL },
	{ "renew", ACT_SYNC, "Upgrade", 0, "upgrade" },
	{ "delete", ACT_SYNC, "Gone", 0, "gone" },
	{ "pull-renew", ACT_SYNC, "PullUpgrade", 0, "pull-upgrade" },
	{ "pull-delete", ACT_SYNC, "PullGone", 0, "pull-gone" },
	{ "push-renew", ACT_SYNC, "PushUpgrade", 0, "push-upgrade" },
	{ "push-delete", ACT_SYNC, "PushGone", 0, "push-gone" },

	{ "create", ACT_SIDES, "Both", OPS_CREATE, NULL },
	{ "create-far", ACT_SIDES, "Far", OPS_CREATE, NULL },
	{ "create-near", ACT_SIDES, "Near", OPS_CREATE, NULL },
	{ "no-create", ACT_SIDES, "None", OPS_CREATE, NULL },
	{ "create-master", ACT_SIDES, "Far", OPS_CREATE, "create-far" },
	{ "create-slave", ACT_SIDES, "Near", OPS_CREATE, "create-near" },
	{ "remove", ACT_SIDES, "Both", OPS_REMOVE, NULL },
	{ "remove-far", ACT_SIDES, "Far", OPS_REMOVE, NULL },
	{ "remove-near", ACT_SIDES, "Near", OPS_REMOVE, NULL },
	{ "no-remove", ACT_SIDES, "None", OPS_REMOVE, NULL },
	{ "remove-master", ACT_SIDES, "Far", OPS_REMOVE, "remove-far" },
	{ "remove-slave", ACT_SIDES, "Near", OPS_REMOVE, "remove-near" },
	{ "expunge", ACT_SIDES, "Both", OPS_EXPUNGE, NULL },
	{ "expunge-far", ACT_SIDES, "Far", OPS_EXPUNGE, NULL },
	{ "expunge-near", ACT_SIDES, "Near", OPS_EXPUNGE, NULL },
	{ "no-expunge", ACT_SIDES, "None", OPS_EXPUNGE, NULL },
	{ "expunge-master", ACT_SIDES, "Far", OPS_EXPUNGE, "expunge-far" },
	{ "expunge-slave", ACT_SIDES, "Near", OPS_EXPUNGE, "expunge-near" },
	{ "expunge-solo", ACT_SIDES, "Both", OPS_EXPUNGE_SOLO, NULL },
	{ "expunge-solo-far", ACT_SIDES, "Far", OPS_EXPUNGE_SOLO, NULL },
	{ "expunge-solo-near", ACT_SIDES, "Near", OPS_EXPUNGE_SOLO, NULL },
	{ "no-expunge-solo", ACT_SIDES, "None", OPS_EXPUNGE_SOLO, NULL },
};

/* Short options that are no more than a long one. */
static const struct {
	char letter;
	const char *name;
} short_options[] = {
	{ 'a', "all" }, { 'c', "config" }, { 'y', "dry-run" }, { 'e', "ext-exit" }, { 'V', "verbose" },
	{ 'q', "quiet" }, { 'h', "help" }, { 'v', "version" }, { '0', "noop" },
	{ 'j', "jobs" }, { 'n', "new" }, { 'o', "old" }, { 'u', "upgrade" }, { 'g', "gone" }, { 'f', "flags" },
	{ 'N', "renew" }, { 'd', "delete" },
};

static const struct {
	const char *name;
	enum log_area area;
} areas[] = {
	{ "net", LOG_NET }, { "imap", LOG_IMAP }, { "maildir", LOG_MAILDIR }, { "plan", LOG_PLAN },
	{ "state", LOG_STATE }, { "run", LOG_RUN },
};

struct parse {
	struct options *o;
	char *const *argv;		/* at the argument behind the present one */
	const char *asked;		/* a command some option stands for; NULL = none */
	struct err *e;
};

static int __attribute__((format(printf, 2, 3)))
usage(struct parse *p, const char *fmt, ...)
{
	va_list ap;
	char text[ERR_TEXT_SIZE];

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_class(p->e, ERR_RUN, ERR_USAGE, ERR_NEVER, "%s", text);
}

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static bool
is_search(const char *command)
{
	return strcmp(command, "search") == 0;
}

/* Behind `search`: -list:dev is what is not to be found. Options are those of one letter, a cluster of -a -q -V -0, -j N and -D. */
static bool
is_negated(const char *arg)
{
	const char *word = arg + 1;

	if (word[1] == '\0' || word[strspn(word, "aqV0")] == '\0')
		return false;
	return !(word[0] == 'D' || (word[0] == 'j' && word[1 + strspn(word + 1, "0123456789")] == '\0'));
}

static void
deprecated(struct parse *p, const char *shown, const char *instead)
{
	const char *text = arena_printf(&p->o->arena, "%s is deprecated: use %s", shown, instead);

	for (size_t i = 0; i < p->o->warnings.n; i++)
		if (strcmp(p->o->warnings.at[i], text) == 0)
			return;
	vec_push(&p->o->warnings, text);
}

static const char *const prints[] = { "path", "uid", "message-id", "subject", "json", NULL };

static const struct long_option *
long_find(const char *name)
{
	for (size_t i = 0; i < sizeof long_options / sizeof *long_options; i++)
		if (strcmp(long_options[i].name, name) == 0)
			return &long_options[i];
	return NULL;
}

static int
debug_areas(struct parse *p, const char *list)
{
	struct nearest near;
	char *name;
	size_t len, i;

	for (; *list != '\0'; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		name = arena_strndup(&p->o->arena, list, len);
		nearest_init(&near, name);
		for (i = 0; i < sizeof areas / sizeof *areas && strcmp(areas[i].name, name) != 0; i++)
			nearest_try(&near, areas[i].name);
		if (i == sizeof areas / sizeof *areas)
			return usage(p, "--debug knows no \"%s\"%s%s%s (only net, imap, maildir, plan, state, "
			    "run)", name, nearest_word(&near) != NULL ? "; did you mean \"" : "",
			    nearest_word(&near) != NULL ? nearest_word(&near) : "",
			    nearest_word(&near) != NULL ? "\"?" : "");
		p->o->debug |= areas[i].area;
	}
	return 0;
}

/* Carries out an option; `arg` is NULL for those that take none, `shown` how it was written. */
static int
act(struct parse *p, const struct long_option *l, const char *arg, const char *shown)
{
	struct options *o = p->o;
	const char *instead;
	unsigned long number;

	switch (l->action) {
	case ACT_CONFIG:
		o->config = arg;
		break;
	case ACT_TRANSCRIPT:
		o->transcript = arg;
		break;
	case ACT_ALLOW_DELETE:
		vec_push(&o->allow_delete, arg);
		break;
	case ACT_RESTORE:
		vec_push(&o->restore, arg);
		break;
	case ACT_MAX_TRANSFER:
		if (!value_size(arg, &o->max_transfer) || o->max_transfer == 0)
			return usage(p, "%s takes a size such as 500k or 10m, not \"%s\"", shown, arg);
		break;
	case ACT_JOBS:
		if (!value_count(arg, JOBS_MOST, &number) || number == 0)
			return usage(p, "%s takes a number from 1 to %d, not \"%s\"", shown, JOBS_MOST, arg);
		o->jobs = (unsigned)number;
		break;
	case ACT_PRINT:
		if (!is_one_of(arg, prints))
			return usage(p, "%s takes path, uid, message-id, subject or json, not \"%s\"", shown, arg);
		o->print = arg;
		o->is_json |= strcmp(arg, "json") == 0;
		break;
	case ACT_LIMIT:
		if (!value_count(arg, UINT32_MAX, &number) || number == 0)
			return usage(p, "%s takes a number from 1 on, not \"%s\"", shown, arg);
		o->limit = number;
		break;
	case ACT_DEBUG:
		if (arg != NULL)
			return debug_areas(p, arg);
		o->debug |= ALL_AREAS;
		break;
	case ACT_DEBUG_AREA:
		o->debug |= l->n;
		break;
	case ACT_ALL:
		o->is_all = true;
		break;
	case ACT_LIST_STORES:
		o->is_stores = true;
		/* fallthrough */
	case ACT_LIST:
		p->asked = "list";
		break;
	case ACT_DRY_RUN:
		o->is_dry = true;
		break;
	case ACT_EXT_EXIT:
		o->has_ext_exit = true;
		break;
	case ACT_VERBOSE:
		o->verbose++;
		break;
	case ACT_QUIET:
		o->quiet++;
		break;
	case ACT_JSON:
		o->is_json = true;
		break;
	case ACT_RETRY_FAILED:
		o->retry_failed = true;
		break;
	case ACT_ADOPT:
		o->is_adopting = true;
		break;
	case ACT_RENAME_UTF7:
		o->renames_utf7 = true;
		break;
	case ACT_CHECK:
		o->is_check = true;
		break;
	case ACT_FUZZY:
		o->is_fuzzy = true;
		break;
	case ACT_SINCE:
		o->since = arg;
		break;
	case ACT_MAILBOX:
		o->mailbox = arg;
		break;
	case ACT_NAG:
		if (!value_duration(arg, &o->nag))
			return usage(p, "%s takes a time such as 30m, 24h or 7d, not \"%s\"", shown, arg);
		break;
	case ACT_BODIES:
		o->has_bodies = true;
		break;
	case ACT_OFFLINE:
		o->is_offline = true;
		break;
	case ACT_YES:
		o->is_yes = true;
		break;
	case ACT_HELP:
		p->asked = "help";
		break;
	case ACT_VERSION:
		if (p->asked == NULL || strcmp(p->asked, "help") != 0)
			p->asked = "version";
		break;
	case ACT_FULL:
		(void)ops_add_sync(&o->ops, "Pull", &instead);
		(void)ops_add_sync(&o->ops, "Push", &instead);
		o->ops.says_full |= l->n != 0;
		break;
	case ACT_SYNC:
		(void)ops_add_sync(&o->ops, l->word, &instead);
		break;
	case ACT_SIDES:
		(void)ops_add_sides(&o->ops, (enum ops_kind)l->n, l->word, &instead);
		break;
	}
	return 0;
}

/* The next word is the argument of an option, but not another option that stands where it should be. */
static int
take_argument(struct parse *p, const struct long_option *l, const char *shown, const char **arg_r)
{
	if (*p->argv == NULL)
		return usage(p, "%s needs an argument: %s", shown, l->word);
	if ((*p->argv)[0] == '-' && (*p->argv)[1] != '\0' && !isdigit((unsigned char)(*p->argv)[1]))
		return usage(p, "%s needs an argument: %s. If \"%s\" is one and no option, write --%s=%s", shown, l->word, *p->argv, l->name,
		    shell_word(&p->o->arena, *p->argv));
	*arg_r = *p->argv++;
	return 0;
}

static int
read_long(struct parse *p, const char *option)
{
	size_t len = strcspn(option, "=");
	char *name = arena_strndup(&p->o->arena, option + 2, len - 2), *shown;
	const char *arg = option[len] == '=' ? option + len + 1 : NULL;
	const struct long_option *l = long_find(name);
	struct nearest near;

	shown = arena_printf(&p->o->arena, "--%s", name);
	if (l == NULL) {
		nearest_init(&near, name);
		for (size_t i = 0; i < sizeof long_options / sizeof *long_options; i++)
			if (long_options[i].instead == NULL)
				nearest_try(&near, long_options[i].name);
		if (nearest_word(&near) != NULL)
			return usage(p, "unknown option %s; did you mean --%s?", shown, nearest_word(&near));
		return usage(p, "unknown option %s; `mailtwin help` lists all", shown);
	}
	if (l->instead != NULL)
		deprecated(p, shown, arena_printf(&p->o->arena, "--%s", l->instead));
	if (l->action < ACT_DEBUG && arg == NULL) {
		if (take_argument(p, l, shown, &arg) < 0)
			return -1;
	} else if (l->action > ACT_DEBUG && arg != NULL) {
		return usage(p, "%s takes no argument", shown);
	}
	return act(p, l, arg, shown);
}

/* -C -R -X -x, then f, n, - or nothing. Returns how many letters were used. */
static int
read_sides(struct parse *p, const char *letters, size_t *used_r)
{
	static const char *const names[] = { ['C'] = "create", ['R'] = "remove", ['X'] = "expunge",
		['x'] = "expunge-solo" };
	const char *name = names[(unsigned char)letters[0]], *shown, *full;

	*used_r = letters[1] != '\0' && strchr("fnms-", letters[1]) != NULL ? 2 : 1;
	shown = arena_printf(&p->o->arena, "-%.*s", (int)*used_r, letters);
	full = name;
	if (*used_r == 2 && letters[1] == '-')
		full = arena_printf(&p->o->arena, "no-%s", name);
	else if (*used_r == 2)
		full = arena_printf(&p->o->arena, "%s-%s", name,
		    strchr("fm", letters[1]) != NULL ? "far" : "near");
	if (*used_r == 2 && strchr("ms", letters[1]) != NULL)
		deprecated(p, shown, arena_printf(&p->o->arena, "-%c%c", letters[0],
		    letters[1] == 'm' ? 'f' : 'n'));
	return act(p, long_find(full), NULL, shown);
}

/* -L or -H, then any of the types' letters: with none the direction, else these types in it. */
static int
read_direction(struct parse *p, const char *letters, size_t *used_r)
{
	static const struct {
		char letter;
		const char *type;
	} types[] = { { 'n', "new" }, { 'o', "old" }, { 'u', "upgrade" }, { 'g', "gone" },
		{ 'f', "flags" }, { 'N', "renew" }, { 'd', "delete" } };
	const char *direction = letters[0] == 'L' ? "pull" : "push", *shown;
	const struct long_option *l;
	size_t used, i;

	for (used = 1; letters[used] != '\0'; used++) {
		for (i = 0; i < sizeof types / sizeof *types && types[i].letter != letters[used]; i++)
			continue;
		if (i == sizeof types / sizeof *types)
			break;
		shown = arena_printf(&p->o->arena, "-%c%c", letters[0], letters[used]);
		l = long_find(arena_printf(&p->o->arena, "%s-%s", direction, types[i].type));
		if (l->instead != NULL)
			deprecated(p, shown, arena_printf(&p->o->arena, "-%c%c", letters[0],
			    letters[used] == 'N' ? 'u' : 'g'));
		if (act(p, l, NULL, shown) < 0)
			return -1;
	}
	*used_r = used;
	return used == 1 ? act(p, long_find(direction), NULL, direction) : 0;
}

/* Whether these are names of areas, parted by commas. */
static bool
are_areas(const char *list)
{
	size_t len, i;

	for (; *list != '\0'; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		for (i = 0; i < sizeof areas / sizeof *areas; i++)
			if (strlen(areas[i].name) == len && strncmp(areas[i].name, list, len) == 0)
				break;
		if (i == sizeof areas / sizeof *areas)
			return false;
	}
	return true;
}

/* -D, then areas ("-Dnet,imap", "-D=net"), or any of mbsync's letters for parts of it ("-Dn"). */
static int
read_debug(struct parse *p, const char *letters, size_t *used_r)
{
	static const struct {
		char letter;
		const char *name;
	} parts[] = { { 'd', "debug-driver" }, { 'D', "debug-driver-all" }, { 'm', "debug-maildir" },
		{ 'C', "debug-crash" }, { 'M', "debug-main" }, { 'n', "debug-net" }, { 'N', "debug-net-all" }, { 's', "debug-sync" } };
	size_t used, i;

	if (letters[1] == '=' || (letters[1] != '\0' && are_areas(letters + 1))) {
		*used_r = strlen(letters);
		return debug_areas(p, letters + 1 + (letters[1] == '='));
	}
	for (used = 1; letters[used] != '\0'; used++) {
		for (i = 0; i < sizeof parts / sizeof *parts && parts[i].letter != letters[used]; i++)
			continue;
		if (i == sizeof parts / sizeof *parts)
			break;
		p->o->debug |= long_find(parts[i].name)->n;
	}
	*used_r = used;
	if (used == 1)
		p->o->debug |= ALL_AREAS;
	return 0;
}

/* A single letter at the beginning of `letters`. */
static int
read_letter(struct parse *p, const char *letters, size_t *used_r)
{
	const struct long_option *l = NULL;
	const char *arg = NULL, *shown = arena_printf(&p->o->arena, "-%c", letters[0]);

	*used_r = 1;
	for (size_t i = 0; i < sizeof short_options / sizeof *short_options && l == NULL; i++)
		if (short_options[i].letter == letters[0])
			l = long_find(short_options[i].name);
	if (l == NULL)
		return letters[1] == '\0' ? usage(p, "unknown option %s; `mailtwin help` lists all", shown) :
		    usage(p, "unknown option %s (at \"%s\"); `mailtwin help` lists all, and those of more than one letter begin with two dashes",
		    shown, letters);
	if (l->instead != NULL)
		deprecated(p, shown, letters[0] == 'N' ? "-u" : "-g");
	p->o->ends_in_nul |= letters[0] == '0';
	if (l->action == ACT_JOBS && letters[1] != '\0') {
		arg = letters + 1;
		*used_r = strlen(letters);
	} else if (l->action < ACT_DEBUG && take_argument(p, l, shown, &arg) < 0) {
		return -1;
	}
	return act(p, l, arg, shown);
}

/* A cluster: "-Xn", "-nfa", "-lsq", "-ac FILE". */
static int
read_short(struct parse *p, const char *letters)
{
	size_t used;
	int rc;

	for (; *letters != '\0'; letters += used) {
		if (strchr("CRXx", *letters) != NULL) {
			rc = read_sides(p, letters, &used);
		} else if (*letters == 'L' || *letters == 'H') {
			rc = read_direction(p, letters, &used);
		} else if (*letters == 'F') {
			/* Not --full: mbsync means more by that. */
			used = 1;
			rc = act(p, long_find("pull"), NULL, "-F") < 0 || act(p, long_find("push"), NULL, "-F") < 0 ? -1 : 0;
		} else if (*letters == 'D') {
			rc = read_debug(p, letters, &used);
		} else if (*letters == 'l') {
			used = letters[1] == 's' ? 2 : 1;
			rc = act(p, long_find(used == 2 ? "list-stores" : "list"), NULL, "-l");
		} else {
			rc = read_letter(p, letters, &used);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	return slash != NULL ? slash + 1 : path != NULL ? path : "";
}

/* The operations must make sense by themselves, before any channel is looked at. */
static int
check_ops(struct parse *p)
{
	struct channel_settings channel = { .name = NULL };
	const char *name, *why = ops_apply(&p->o->ops, &channel, &name);

	return why == NULL ? 0 : usage(p, "%s, as the options have it, %s", name, why);
}

/* Options of a command or two. */
static int
check_belonging(struct parse *p)
{
	const struct options *o = p->o;
	const struct { bool is_given; const char *option, *commands[3]; } of[] = {
		{ o->is_check, "--check", { "import" } },
		{ o->print != NULL, "--print", { "search" } },
		{ o->is_fuzzy, "--fuzzy", { "search" } },
		{ o->is_offline, "--offline", { "search", "init" } },
		{ o->is_yes, "--yes", { "init" } },
		{ o->limit != 0, "--limit", { "search", "log" } },
		{ o->has_bodies, "--bodies", { "verify" } },
		{ o->since != NULL, "--since", { "verify", "log" } },
		{ o->mailbox != NULL, "--mailbox", { "log" } },
	};

	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (of[i].is_given && !is_one_of(o->command, of[i].commands))
			return usage(p, "%s belongs to the command %s%s%s", of[i].option, of[i].commands[0], of[i].commands[1] != NULL ? " or " : "",
			    of[i].commands[1] != NULL ? of[i].commands[1] : "");
	return 0;
}

/* The command is the one named, else the one an option stands for, else sync; plan is a dry sync. */
static int
settle_command(struct parse *p, const char *named)
{
	const bool is_override = p->asked != NULL && strcmp(p->asked, "list") != 0;

	if (named != NULL && p->asked != NULL && !is_override && strcmp(named, p->asked) != 0)
		return usage(p, "%s and -l (list) are two commands: one at a time", named);
	/* "mailtwin plan --help" asks about plan: it becomes the argument. */
	if (named != NULL && p->asked != NULL && strcmp(p->asked, "help") == 0 &&
	    strcmp(named, "help") != 0) {
		p->o->args.n = 0;
		vec_push(&p->o->args, named);
	}
	p->o->command = is_override ? p->asked : named != NULL ? named : p->asked != NULL ? p->asked : "sync";
	if (check_belonging(p) < 0)
		return -1;
	if (strcmp(p->o->command, "plan") == 0 || strcmp(p->o->command, "verify") == 0 || is_search(p->o->command))
		p->o->is_dry = true;
	return check_ops(p);
}

int
options_parse(int argc, char *const *argv, const char *const *commands, struct options *o,
    struct err *e)
{
	struct parse p = { .o = o, .argv = argv + (argc > 0), .e = e };
	const char *arg, *named = NULL;
	bool is_over = false, may_be_command;

	memset(o, 0, sizeof *o);
	o->command = "sync";
	o->nag = NAG_USUAL;
	o->is_mbsync = strcmp(base_name(argc > 0 ? argv[0] : NULL), "mbsync") == 0;
	may_be_command = !o->is_mbsync;
	/* All that follows is sendmail's, whose options mean something else. */
	if (strcmp(base_name(argc > 0 ? argv[0] : NULL), "sendmail") == 0)
		named = "enqueue";
	while ((arg = *p.argv) != NULL) {
		p.argv++;
		if (named != NULL && strcmp(named, "enqueue") == 0) {
			vec_push(&o->args, arg);
			continue;
		}
		if (!is_over && strcmp(arg, "--") == 0) {
			is_over = true;
		} else if (!is_over && strncmp(arg, "--", 2) == 0) {
			if (read_long(&p, arg) < 0)
				return -1;
		} else if (!is_over && arg[0] == '-' && arg[1] != '\0' && !(named != NULL && is_search(named) && is_negated(arg))) {
			if (read_short(&p, arg + 1) < 0)
				return -1;
		} else if (may_be_command && !is_over && is_one_of(arg, commands)) {
			named = arg;
			may_be_command = false;
		} else {
			vec_push(&o->args, arg);
			may_be_command = false;
		}
	}
	return settle_command(&p, named);
}

void
options_release(struct options *o)
{
	vec_release(&o->args);
	vec_release(&o->warnings);
	vec_release(&o->allow_delete);
	vec_release(&o->restore);
	arena_release(&o->arena);
}
