#include "state/base/step.h"

#include <pthread.h>
#include <string.h>

#include "state/base/log.h"

static pthread_mutex_t step_lock = PTHREAD_MUTEX_INITIALIZER;
static bool (*step_hook)(void *, unsigned long, enum step_kind, const char *);
static void *step_ctx;
static unsigned long step_count;
static bool step_dead;

const char *
step_kind_name(enum step_kind kind)
{
	static const char *const names[] = { "commit", "create", "fsync", "rename", "unlink", "mkdir",
		"send", "answer" };

	return names[kind];
}

/* What is done to the disk, for a person who looks for it. Commands to servers have lines of their own. */
static void
tell(enum step_kind kind, const char *what)
{
	const char *to = what != NULL ? strchr(what, '\n') : NULL;

	if (what == NULL)
		return;
	if (kind == STEP_COMMIT)
		log_line(LOG_STATE, "commit to %s", what);
	else if (kind == STEP_RENAME && to != NULL)
		log_line(LOG_MAILDIR, "rename %.*s to %s", (int)(to - what), what, to + 1);
	else if (kind != STEP_SEND && kind != STEP_ANSWER)
		log_line(LOG_MAILDIR, "%s %s", step_kind_name(kind), what);
}

int
step(enum step_kind kind, const char *what, struct err *e)
{
	bool is_dead;

	if (log_is_on(LOG_STATE) || log_is_on(LOG_MAILDIR))
		tell(kind, what);
	if (step_hook == NULL)
		return 0;
	pthread_mutex_lock(&step_lock);
	if (step_hook != NULL) {
		step_count++;
		if (!step_dead)
			step_dead = step_hook(step_ctx, step_count, kind, what);
	}
	is_dead = step_dead;
	pthread_mutex_unlock(&step_lock);
	if (!is_dead)
		return 0;
	return err_class(e, ERR_RUN, ERR_CANCELLED, ERR_LATER, "stopped at a numbered step");
}

bool
step_is_dead(void)
{
	return step_dead;
}

void
step_install(bool (*hook)(void *, unsigned long, enum step_kind, const char *), void *ctx)
{
	pthread_mutex_lock(&step_lock);
	step_hook = hook;
	step_ctx = ctx;
	step_count = 0;
	step_dead = false;
	pthread_mutex_unlock(&step_lock);
}
