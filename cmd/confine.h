/* What keeps a worker to its work: it ends with its parent, sees the files that it was granted and no others, and asks of the system
 * what the engine needs and no more. Linux has these (Landlock, seccomp); elsewhere, and where the kernel has less, a worker
 * runs without. Nothing is an error here.
 */
#ifndef CMD_CONFINE_H
#define CMD_CONFINE_H

#include <sys/types.h>

#include "cmd/grants.h"

/* In the child: ends with its parent, however that ends. Elsewhere it ends when it next tells it something (cmd/link.h). */
void confine_to_parent(pid_t parent);

/* From here on, for this process and whatever it starts. Before any thread. A command of a person's would be confined as well:
 * none is started behind this. */
void confine_close(const struct grants *g);

/* What this machine has, in words: "Landlock and seccomp", "none (...)". The caller frees. */
char *confine_words(void);

#endif
