/* How a finding of `mailtwin check` is shown: a line, broken between words where a terminal is narrow; or an object of --json. */
#ifndef CMD_FINDING_PRINT_H
#define CMD_FINDING_PRINT_H

#include "cmd/app.h"
#include "state/base/finding.h"

/* Not what -q leaves out. */
void finding_print(const struct app *app, const struct finding *f);

#endif
