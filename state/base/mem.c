#include "state/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { ARENA_CHUNK = 32 * 1024, ARENA_ALIGN = 16 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(ARENA_ALIGN) unsigned char data[];
};

static _Noreturn void
mem_die(void)
{
	fputs("mailtwin: out of memory; nothing is lost, run it again\n", stderr);
	abort();
}

void *
mem_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (p == NULL)
		mem_die();
	return p;
}

void *
mem_realloc(void *p, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / size)
		mem_die();
	p = realloc(p, n != 0 && size != 0 ? n * size : 1);
	if (p == NULL)
		mem_die();
	return p;
}

void *
mem_dup(const void *p, size_t size)
{
	void *copy = mem_alloc(size);

	if (size != 0)
		memcpy(copy, p, size);
	return copy;
}

char *
mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s) + 1);
}

char *
mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		mem_die();
	va_end(ap);
	return s;
}

void
mem_trim(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

void
mem_wipe(void *p, size_t size)
{
	if (p != NULL)
		explicit_bzero(p, size);
}

static void *
arena_take(struct arena *a, size_t size, size_t align)
{
	struct arena_chunk *c = a->head;
	size_t at, room;

	if (size > SIZE_MAX / 2)
		mem_die();
	if (c != NULL) {
		at = (c->used + align - 1) & ~(align - 1);
		if (at <= c->size && size <= c->size - at) {
			c->used = at + size;
			a->used += size;
			return c->data + at;
		}
	}
	room = size > ARENA_CHUNK / 4 ? size : ARENA_CHUNK;
	c = malloc(sizeof *c + room);
	if (c == NULL)
		mem_die();
	c->size = room;
	c->used = size;
	/* A large object gets a chunk of its own behind the head, which stays open for small ones. */
	if (room == size && a->head != NULL) {
		c->next = a->head->next;
		a->head->next = c;
	} else {
		c->next = a->head;
		a->head = c;
	}
	a->used += size;
	return c->data;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	return memset(arena_take(a, size ? size : 1, ARENA_ALIGN), 0, size ? size : 1);
}

void *
arena_dup(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_take(a, size ? size : 1, 1);

	if (size != 0)
		memcpy(copy, p, size);
	return copy;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_dup(a, s, strlen(s) + 1);
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_take(a, len + 1, 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *s;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		mem_die();
	s = arena_take(a, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_join(struct arena *a, struct arena *from)
{
	struct arena_chunk **last = &a->head;

	while (*last != NULL)
		last = &(*last)->next;
	*last = from->head;
	a->used += from->used;
	*from = (struct arena){ 0 };
}

void
arena_release(struct arena *a)
{
	struct arena_chunk *c, *next;

	for (c = a->head; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	a->head = NULL;
	a->used = 0;
}
