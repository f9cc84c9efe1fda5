/* Numbered steps (state/base/step.h) by the environment, for tests that run the whole program. Linked only where
 * MAILTWIN_STEPS is defined: not into the program that is installed.
 *
 * MAILTWIN_STEP_EXIT=N ends the program at step N with status 86; MAILTWIN_STEP_LOG=FILE appends "N kind what" lines.
 * MAILTWIN_STEP_CRASH=CHANNEL:SIGNAL: the worker breaks as it begins with that channel, by the signal of that number.
 */
#ifndef CMD_STEPS_H
#define CMD_STEPS_H

#ifdef MAILTWIN_STEPS
/* Before any thread is started. */
void steps_install(void);

/* In a worker: it begins with this channel. */
void steps_target(const char *channel);

/* In the parent: a worker ended (waitpid()). The program ends as the worker did, if that was a step or a finding of a
 * sanitizer. */
void steps_ended(int status);
#else
#define steps_target(channel) ((void)(channel))
#define steps_ended(status) ((void)(status))
#endif

#endif
