/* The mailboxes of --allow-delete and --restore must exist: what is misspelt decides nothing, and should not seem to. */
#ifndef CMD_OPTION_BOXES_H
#define CMD_OPTION_BOXES_H

#include "cmd/run.h"

/* -1: a name that no channel of the run has, told. Where a channel cannot be listed its names are not known, and none is wrong. */
int option_boxes_check(struct run_set *set);

#endif
