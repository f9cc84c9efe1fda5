/* The command line: mbsync's options, short, long and clustered, and our own.
 *
 * How it is used: options_parse() once; the command's own file looks at the fields it cares for;
 * targets_find() (cmd/targets.h) makes channels of `args`; options_release().
 *
 * What must always hold:
 *   1. Options may stand anywhere before "--"; the first argument that names a command is the
 *      command, unless we are called as `mbsync`, which has none.
 *   2. An option, command or argument that is not understood is an error (class ERR_USAGE) that names
 *      it and the nearest right one. Nothing is accepted and ignored.
 *   3. Strings are argv's, but for boxes of options, which are too.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/ops.h"
#include "state/base/err.h"
#include "state/base/mem.h"
#include "state/base/vec.h"
#include "sync/channel.h"

struct options {
	bool is_mbsync;			/* called by that name: its exit codes, no commands */
	const char *command;		/* of options_commands; never NULL after parsing */
	VEC(const char *) args;		/* channels and groups, or what the command takes */
	VEC(const char *) warnings;	/* deprecated spellings; the arena's */

	const char *config;		/* -c; NULL = the usual places */
	bool is_all;			/* -a */
	bool is_stores;			/* -ls: mailboxes of stores, not of channels */
	struct ops ops;			/* -C -X -L ...: over what the channels say */
	bool is_dry;			/* -y, or the command plan */
	bool has_ext_exit;		/* -e */
	int verbose;			/* -V */
	int quiet;			/* -q: 1 no progress and notices, nor what may pass by itself; 2 no warnings either */
	int64_t nag;			/* --nag: seconds after which that is said all the same */
	unsigned debug;			/* of enum log_area */
	bool is_json;
	unsigned jobs;			/* -j: groups of channels at work at once; 0 = not said */
	const char *transcript;		/* a directory; NULL = none */
	VEC(const char *) allow_delete;	/* mailboxes */
	VEC(const char *) restore;
	bool retry_failed;
	bool renames_utf7;		/* --rename-utf7 */
	bool is_adopting;		/* --adopt: what mbsync knows is not looked at */
	enum channel_purpose purpose;	/* the commands import and export-mbsync have one of their own */
	bool is_check;			/* --check: with import */
	/* Of search. */
	const char *print;		/* --print: path, uid, message-id, subject, json; NULL = not said */
	size_t limit;			/* --limit, also of log; 0 = none */
	bool ends_in_nul;		/* -0 */
	bool is_fuzzy, is_offline;
	bool is_yes;			/* --yes: of init */
	bool has_bodies;		/* --bodies: of verify */
	const char *since;		/* --since: of verify and log; NULL = not said */
	const char *mailbox;		/* --mailbox: of log; NULL = not said */
	uint64_t max_transfer;		/* bytes of messages; 0 = no limit */
	struct arena arena;
};

/* What may pass by itself (class ERR_TEMPORARY) is not said, unless it lasts. mbsync's -q says it. */
static inline bool
options_is_patient(const struct options *o)
{
	return o->quiet > 0 && !o->is_mbsync && !o->is_dry;
}

/* Fills *o (zeroed by this) from argv, whose end is argv[argc] == NULL. `commands` are the names that
 * exist, ending with NULL. -1 on a usage error. options_release() in any case. */
int options_parse(int argc, char *const *argv, const char *const *commands, struct options *o,
    struct err *e);
void options_release(struct options *o);

#endif
