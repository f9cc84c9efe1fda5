/* Which configuration file is read, and which ones it shadows.
 *
 * In this order: the one of -c; $XDG_CONFIG_HOME/mailtwin/mbsyncrc; mbsync's own places
 * $XDG_CONFIG_HOME/isyncrc and ~/.mbsyncrc. A variable that is unset, empty or not absolute counts as
 * its default (XDG Base Directory Specification), ~/.config here.
 */
#ifndef CMD_CONFIG_FILE_H
#define CMD_CONFIG_FILE_H

#include <stddef.h>

#include "state/base/err.h"

enum { CONFIG_PLACES = 3 };

struct config_file {
	char *used;
	char *shadowed[CONFIG_PLACES];	/* the others that exist */
	size_t n_shadowed;
};

/* `option` is -c's argument or NULL; `xdg_config_home` the variable's value or NULL. -1 (class
 * ERR_USAGE) if there is no file in any place; a file of -c is not looked at. */
int config_file_find(const char *option, const char *xdg_config_home, const char *home,
    struct config_file *file, struct err *e);
void config_file_release(struct config_file *file);

/* $HOME, else the user database's; the caller frees it. "/" if there is neither. */
char *config_home(void);

/* Where state lives without SyncState, ending with "/": $XDG_STATE_HOME/mailtwin/, by default
 * ~/.local/state/mailtwin/. The caller frees it. */
char *config_state_dir(const char *xdg_state_home, const char *home);

#endif
