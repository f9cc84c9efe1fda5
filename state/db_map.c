#include "state/db_map.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { EVERY = 256, MOST_PAGES = 1536 };

/* Pages of files that are mapped and in memory; 0 = not known. */
static size_t
file_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	size_t all, resident, shared = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%zu %zu %zu", &all, &resident, &shared) != 3)
		shared = 0;
	fclose(f);
	return shared;
}

/* Lets go of each map of this file. */
static void
let_go(const struct stat *st)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long long inode;
	uintptr_t from, to;
	char line[512];

	if (f == NULL)
		return;
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " r--s %*s %*s %llu", &from, &to, &inode) == 3 &&
		    inode == st->st_ino)
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	fclose(f);
}

void
db_map_tick(struct db_map *m, const char *path)
{
	struct stat st;
	size_t pages;

	if (m->calls++ % EVERY != 0)
		return;
	pages = file_pages();
	if (m->others == 0)
		m->others = pages;
	if (pages > m->others + MOST_PAGES && stat(path, &st) == 0)
		let_go(&st);
}
