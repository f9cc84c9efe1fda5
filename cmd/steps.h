/* Numbered steps (state/base/step.h) by the environment, for tests that run the whole program. Linked only where
 * MAILTWIN_STEPS is defined: not into the program that is installed.
 *
 * MAILTWIN_STEP_EXIT=N ends the process at step N with status 86; MAILTWIN_STEP_LOG=FILE appends "N kind what" lines.
 */
#ifndef CMD_STEPS_H
#define CMD_STEPS_H

/* Before any thread is started. */
void steps_install(void);

#endif
