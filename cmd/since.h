/* --since: a day, as a person names it. */
#ifndef CMD_SINCE_H
#define CMD_SINCE_H

#include "cmd/app.h"

/* Where that day begins for the person, in seconds since 1970; INT64_MIN where the option is not given. -1: it is no date, which is told. */
int since_read(struct app *app, int64_t *since_r);

#endif
