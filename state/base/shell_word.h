/* A word as it is typed in a shell: for hints that are to be pasted. */
#ifndef STATE_BASE_SHELL_WORD_H
#define STATE_BASE_SHELL_WORD_H

#include "state/base/mem.h"

/* The word itself where no shell reads anything into it, else in single quotes; in the arena, or the word. */
const char *shell_word(struct arena *a, const char *word);

#endif
