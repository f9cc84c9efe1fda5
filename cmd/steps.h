/* Numbered steps (state/base/step.h) by the environment, for tests that run the whole program. Linked only where
 * MAILTWIN_STEPS is defined: not into the program that is installed.
 *
 * MAILTWIN_STEP_EXIT=N ends the program at step N with status 86; MAILTWIN_STEP_LOG=FILE appends "N kind what" lines.
 * MAILTWIN_STEP_CRASH=CHANNEL:SIGNAL: the worker breaks as it begins with that channel, by the signal of that number.
 * MAILTWIN_STEP_OPEN=FILE: as it begins with a channel it opens FILE and starts /bin/true, and says what became of it.
 */
#ifndef CMD_STEPS_H
#define CMD_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef MAILTWIN_STEPS
/* Before any thread is started. */
void steps_install(void);

/* In a worker: it begins with this channel. What it finds out it says through `say`. */
void steps_target(const char *channel, void (*say)(void *ctx, const char *text), void *ctx);

/* Whether a worker is confined (cmd/confine.h): not under sanitizers, which need more, and not with MAILTWIN_SANDBOX=off. */
bool steps_is_confined(void);
const char *steps_log(void);	/* a file that workers write; NULL = none */

/* In the parent: a worker ended (waitpid()). The program ends as the worker did, if that was a step or a finding of a
 * sanitizer. */
void steps_ended(int status);
#else
#define steps_target(channel, say, ctx) ((void)(channel), (void)(say), (void)(ctx))
#define steps_is_confined() true
#define steps_log() ((const char *)NULL)
#define steps_ended(status) ((void)(status))
#endif

#endif
