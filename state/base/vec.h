/* Growing arrays: VEC(struct thing) v = {0}; vec_push(&v, t); v.at[i]; v.n; vec_release(&v).
 *
 * Elements move when the array grows: keep indexes, not pointers, across a push.
 */
#ifndef STATE_BASE_VEC_H
#define STATE_BASE_VEC_H

#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"

#define VEC(type) struct { type *at; size_t n, room; }

#define vec_reserve(v, want) do { \
	size_t vec_want_ = (want); \
	if (vec_want_ > (v)->room) { \
		size_t vec_room_ = (v)->room ? (v)->room : 8; \
		while (vec_room_ < vec_want_) \
			vec_room_ += vec_room_ / 2; \
		(v)->at = mem_realloc((v)->at, vec_room_, sizeof *(v)->at); \
		(v)->room = vec_room_; \
	} \
} while (0)

#define vec_push(v, ...) do { \
	vec_reserve(v, (v)->n + 1); \
	(v)->at[(v)->n++] = (__VA_ARGS__); \
} while (0)

/* A zeroed new last element; the value is a pointer to it. */
#define vec_add(v) ( \
	(v)->n == (v)->room ? (void)((v)->room = (v)->room ? (v)->room * 2 : 8, \
	    (v)->at = mem_realloc((v)->at, (v)->room, sizeof *(v)->at)) : (void)0, \
	memset(&(v)->at[(v)->n], 0, sizeof *(v)->at), \
	&(v)->at[(v)->n++])

#define vec_release(v) do { \
	free((v)->at); \
	(v)->at = NULL; \
	(v)->n = (v)->room = 0; \
} while (0)

#endif
