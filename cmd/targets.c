#include "cmd/targets.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/nearest.h"

void
targets_add_all(struct targets *t, const struct settings *s)
{
	for (size_t i = 0; i < s->n_channels; i++)
		vec_push(&t->all, (struct target){ .channel = s->channels[i] });
}

/* Boxes of "BOX,BOX": one more than there are separators. */
static void
split_boxes(struct targets *t, const char *list, struct target *target)
{
	size_t n = 1, len;

	for (const char *c = list; *c != '\0'; c++)
		n += *c == ',' || *c == '\n';
	target->boxes = arena_alloc(&t->arena, n * sizeof *target->boxes);
	for (size_t i = 0; i < n; i++) {
		len = strcspn(list, ",\n");
		target->boxes[i] = len != 0 ? arena_strndup(&t->arena, list, len) : "INBOX";
		list += len + (list[len] != '\0');
	}
	target->n_boxes = n;
}

static int
unknown(const struct settings *s, const char *name, const char *group, const char *const *commands,
    struct err *e)
{
	struct nearest near;
	const char *best;

	nearest_init(&near, name);
	for (size_t i = 0; i < s->n_channels; i++)
		nearest_try(&near, s->channels[i]->name);
	for (size_t i = 0; group == NULL && i < s->n_groups; i++)
		nearest_try(&near, s->groups[i]->name);
	if (group == NULL && commands != NULL)
		nearest_try_all(&near, commands);
	best = nearest_word(&near);
	if (group != NULL)
		return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER,
		    "group \"%s\" names a channel \"%s\" that does not exist%s%s%s", group, name,
		    best != NULL ? "; did you mean \"" : "", best != NULL ? best : "", best != NULL ? "\"?" : "");
	if (best != NULL && strcmp(best, name) == 0)
		return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no channel or group \"%s\"; the command of "
		    "that name is written before channels", name);
	return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "there is no channel, group or command \"%s\"%s%s%s",
	    name, best != NULL ? "; did you mean \"" : "", best != NULL ? best : "", best != NULL ? "\"?" : "");
}

/* CHANNEL[:BOXES], of an argument or (group not NULL) of a group. */
static int
add_channel(struct targets *t, const struct settings *s, const char *arg, const char *group,
    const char *const *commands, struct err *e)
{
	const char *colon = strchr(arg, ':');
	char *name = arena_strndup(&t->arena, arg, colon != NULL ? (size_t)(colon - arg) : strlen(arg));
	struct target target = { .channel = settings_channel(s, name) };

	/* A name with a colon in it can be meant as a whole. */
	if (target.channel == NULL && colon != NULL && (target.channel = settings_channel(s, arg)) != NULL)
		colon = NULL;
	if (target.channel == NULL)
		return unknown(s, name, group, commands, e);
	if (colon != NULL) {
		if (!target.channel->has_patterns)
			return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "channel \"%s\" has no Patterns: it "
			    "is one mailbox, so \"%s\" names none of it", name, colon + 1);
		split_boxes(t, colon + 1, &target);
	}
	vec_push(&t->all, target);
	return 0;
}

int
targets_add(struct targets *t, const struct settings *s, const char *arg, const char *const *commands,
    struct err *e)
{
	const struct group_settings *group = settings_group(s, arg);
	char *name = arena_strndup(&t->arena, arg, strcspn(arg, ":"));

	if (group != NULL) {
		for (size_t i = 0; i < group->channels.n; i++)
			if (add_channel(t, s, group->channels.at[i], group->name, NULL, e) < 0)
				return -1;
		return 0;
	}
	if (strchr(arg, ':') != NULL && settings_group(s, name) != NULL)
		return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "\"%s\" is a group: mailboxes can be named of "
		    "its channels only", name);
	return add_channel(t, s, arg, NULL, commands, e);
}

void
targets_release(struct targets *t)
{
	vec_release(&t->all);
	arena_release(&t->arena);
}
