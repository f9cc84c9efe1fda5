#include "cmd/option_boxes.h"

#include <string.h>

#include "cmd/nearest.h"
#include "cmd/mailboxes.h"

struct names {
	VEC(const char *) all;		/* the arena's */
	struct arena arena;
	bool is_part;			/* a channel could not be listed */
};

static void
on_told(void *ctx, size_t target, struct event *ev)
{
	struct names *names = ctx;
	struct mailboxes_event told;

	(void)target;
	mailboxes_read(ev, &told);
	if (told.kind == MAILBOXES_ONE)
		vec_push(&names->all, arena_strdup(&names->arena, told.box.name));
	else
		names->is_part |= told.kind != MAILBOXES_END;
}

static void
on_lost(void *ctx, size_t target, const struct err *e)
{
	struct names *names = ctx;

	(void)target, (void)e;
	names->is_part = true;
}

static int
check(struct run_set *set, const struct names *names, const char *option, const char *name)
{
	struct nearest near;
	struct err e;

	nearest_init(&near, name);
	for (size_t i = 0; i < names->all.n; i++) {
		if (strcmp(names->all.at[i], name) == 0)
			return 0;
		nearest_try(&near, names->all.at[i]);
	}
	err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "%s: no channel of this run has a mailbox \"%s\"%s%s%s",
	    option, name, nearest_word(&near) != NULL ? "; did you mean \"" : "",
	    nearest_word(&near) != NULL ? nearest_word(&near) : "",
	    nearest_word(&near) != NULL ? "\"?" : "");
	app_fail(set->app, &e);
	return -1;
}

static int
check_all(struct run_set *set, const struct names *names, const char *option, const char *const *boxes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(boxes[i], "*") != 0 && check(set, names, option, boxes[i]) < 0)
			return -1;
	return 0;
}

static bool
has_name(const char *const *boxes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(boxes[i], "*") != 0)
			return true;
	return false;
}

int
option_boxes_check(struct run_set *set)
{
	const struct options *o = &set->app->options;
	struct names names = { 0 };
	const struct workers_use use = { .work = mailboxes_send_names, .last = EVENT_LISTED, .told = on_told,
		.lost = on_lost, .ctx = &names };
	int rc = 0;

	if (!has_name(o->allow_delete.at, o->allow_delete.n) && !has_name(o->restore.at, o->restore.n))
		return 0;
	workers_run(set, &use);
	if (!names.is_part && (check_all(set, &names, "--allow-delete", o->allow_delete.at, o->allow_delete.n) < 0 ||
	    check_all(set, &names, "--restore", o->restore.at, o->restore.n) < 0))
		rc = -1;
	vec_release(&names.all);
	arena_release(&names.arena);
	return rc;
}
