/* What keeps a worker to its work. Linux alone has most of it; elsewhere these do nothing.
 */
#ifndef CMD_CONFINE_H
#define CMD_CONFINE_H

#include <sys/types.h>

/* In the child: ends with its parent, however that ends. Elsewhere it ends when it next tells it something (cmd/link.h). */
void confine_to_parent(pid_t parent);

#endif
