/* SIGINT, SIGTERM and SIGHUP: a person or the system wants us to stop.
 *
 * How it is used: interrupt_install() before work begins; the flag and the descriptor go to whatever
 * must give up; interrupt_end() last, in main.
 *
 * What must always hold:
 *   1. The first signal asks: the flag is set at once, and a second later the descriptor becomes
 *      readable, which ends waiting for a server. So short work ends by itself, and no wait lasts.
 *   2. The second signal ends the process at once, as if we had no handler.
 *   3. A signal that was ignored when we were started (nohup) stays ignored.
 *   4. The process ends by the signal it got, so that a shell, or a script of shells, sees it.
 */
#ifndef CMD_INTERRUPT_H
#define CMD_INTERRUPT_H

#include <signal.h>
#include <stdatomic.h>

void interrupt_install(void);
const atomic_int *interrupt_flag(void);	/* the signal's number once there was one, else 0 */
int interrupt_fd(void);		/* 0 = none; never to be read */
int interrupt_asked_fd(void);	/* the same, but readable at once; -1 = none */

/* Around fork(): signals wait until each side knows what they mean to it. *was: what was held before. */
void interrupt_hold(sigset_t *was);
void interrupt_release(const sigset_t *was);
/* In the child, in place of interrupt_release(): it is asked by its parent alone, with SIGTERM; what a terminal sends to all
 * of its processes is the parent's to hear. */
void interrupt_in_worker(const sigset_t *was);

/* Ends the process if there was a signal; else returns. */
void interrupt_end(void);

#endif
