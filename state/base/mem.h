/* Allocation that does not return NULL, and arenas that are freed whole.
 *
 * Running out of memory is not an error a synchroniser can settle: mem_* end the process with
 * abort() through mem_die(); whatever was under way is found again by its intents.
 */
#ifndef STATE_BASE_MEM_H
#define STATE_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);			/* zeroed; the caller frees with free() */
void *mem_realloc(void *p, size_t n, size_t size);	/* n * size bytes, overflow checked */
void *mem_dup(const void *p, size_t size);
char *mem_strdup(const char *s);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What was freed goes back to the system: after work that took much, before other work that will. */
void mem_trim(void);

/* Overwrites memory in a way the compiler keeps. */
void mem_wipe(void *p, size_t size);

/* An arena: many small things with one lifetime. Zero-initialised = empty. Not thread-safe. */
struct arena_chunk;
struct arena {
	struct arena_chunk *head;
	size_t used;			/* bytes handed out, for accounting */
};

void *arena_alloc(struct arena *a, size_t size);	/* zeroed, aligned for any type */
void *arena_dup(struct arena *a, const void *p, size_t size);	/* not aligned */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What `from` holds is a's from now on; from is empty. */
void arena_join(struct arena *a, struct arena *from);
void arena_release(struct arena *a);		/* frees all; the arena can be used again */

#endif
