/* Layout of a meta page (LMDB 0.9, MDB_DATA_VERSION 1), all numbers in host order, W = sizeof(size_t):
 *
 *   header    pgno W, pad 2, flags 2, lower 2, upper 2
 *   meta      pages 0 and 1: magic 4, version 4, address W, mapsize W, tree[2], last page W, txnid W;
 *             tree[0] is the free list (its `pad` is the page size), tree[1] the table of tables
 *   tree      pad 4, flags 2, depth 2, branch, leaf and overflow pages W each, entries W, root W
 */
#include "state/db_meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

enum { META_MAGIC = (int)0xBEEFC0DE, META_VERSION = 1, META_PAGES = 2, PAGE_META = 0x08 };
enum { DEPTH_MAX = 32, PAGE_SIZE_MIN = 256, PAGE_SIZE_MAX = 65536 };
#define NO_ROOT SIZE_MAX

struct tree {
	uint32_t pad;
	uint16_t flags, depth;
	size_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct header {
	size_t pgno;
	uint16_t pad, flags, lower, upper;
};

struct meta {
	struct header header;
	uint32_t magic, version;
	size_t address, mapsize;
	struct tree tree[2];
	size_t last_page, txnid;
};

int
db_meta_failed(const char *path, const char *how, struct err *e)
{
	return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s is damaged (%s): move it aside "
	    "(mv '%s' '%s.damaged') and run again; what is there is then paired anew, and nothing is "
	    "deleted or copied twice", path, how, path, path);
}

static const char *
fault_of(const struct meta *m, size_t number)
{
	if (!(m->header.flags & PAGE_META) || m->magic != (uint32_t)META_MAGIC || m->header.pgno != number)
		return "it does not begin like a data file";
	if (m->version != META_VERSION)
		return "it has another format, or comes from another kind of machine";
	for (int i = 0; i < 2; i++)
		if (m->tree[i].depth > DEPTH_MAX || (m->tree[i].root != NO_ROOT &&
		    (m->tree[i].root < META_PAGES || m->tree[i].root > m->last_page)))
			return "its beginning points to what cannot be";
	return NULL;
}

/* The first page of each tree must be in the file. Those behind may be missing: free pages need not have been written. */
static bool
is_long_enough(const struct meta *m, size_t page_size, off_t size)
{
	for (int i = 0; i < 2; i++)
		if (m->tree[i].root != NO_ROOT && (uint64_t)size / page_size <= m->tree[i].root)
			return false;
	return true;
}

static const char *
check(int fd)
{
	struct meta m[META_PAGES];
	struct stat st;
	size_t page_size;
	const char *how;

	if (fstat(fd, &st) < 0 || pread(fd, &m[0], sizeof m[0], 0) != (ssize_t)sizeof m[0])
		return "it is cut off at the beginning";
	if ((how = fault_of(&m[0], 0)) != NULL)
		return how;
	page_size = m[0].tree[0].pad;
	if (page_size < PAGE_SIZE_MIN || page_size > PAGE_SIZE_MAX || (page_size & (page_size - 1)) != 0)
		return "its page size is impossible";
	if (pread(fd, &m[1], sizeof m[1], (off_t)page_size) != (ssize_t)sizeof m[1])
		return "it is cut off at the beginning";
	if ((how = fault_of(&m[1], 1)) != NULL)
		return how;
	if (m[1].tree[0].pad != page_size)
		return "its two beginnings contradict each other";
	return is_long_enough(m[1].txnid > m[0].txnid ? &m[1] : &m[0], page_size, st.st_size) ? NULL : "it is cut off";
}

int
db_meta_check(const char *path, struct err *e)
{
	const char *how;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_STORE, errno, "%s: cannot open", path);
	how = check(fd);
	close(fd);
	return how == NULL ? 0 : db_meta_failed(path, how, e);
}

const char *
db_meta_base(const void *inside, size_t page_size, size_t last_page)
{
	const char *page = (const char *)inside - (uintptr_t)inside % page_size, *base;
	size_t number = ((const struct header *)(const void *)page)->pgno;

	if (number > last_page)
		return NULL;
	base = page - number * page_size;
	return fault_of((const struct meta *)(const void *)base, 0) == NULL ? base : NULL;
}
