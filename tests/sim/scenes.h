/* Situations that chance seldom brings about, written down. */
#ifndef TESTS_SIM_SCENES_H
#define TESTS_SIM_SCENES_H

#include <stdbool.h>

/* NULL = all. False: one of them did not end as it must, which is printed, or there is none of that name. */
bool scenes_live(const char *name, bool is_traced);

#endif
