/* Layout of a data file (LMDB 0.9, MDB_DATA_VERSION 1), all numbers in host order, W = sizeof(size_t):
 *
 *   page      header, then: a meta; or node offsets (16 bits each, at `lower` they end) growing up
 *             and nodes growing down from the end to `upper`; or, for an overflow page, raw bytes
 *   header    pgno W, pad 2, flags 2, then lower 2 upper 2, or for an overflow page: pages 4
 *   meta      pages 0 and 1: magic 4, version 4, address W, mapsize W, tree[2], last page W, txnid W;
 *             tree[0] is the free list (its `pad` is the page size), tree[1] the table of tables
 *   tree      pad 4, flags 2, depth 2, branch, leaf and overflow pages W each, entries W, root W
 *   node      lo 2, hi 2, flags 2, key size 2, key, data. Leaf: lo | hi << 16 is the size of the data
 *             (in an overflow page, whose number stands in its place, with flag BIG; a tree, with flag
 *             SUB). Branch: lo | hi << 16 | flags << 32 is the child's page number.
 *   free list key: txnid W; data: count W, then that many page numbers, falling
 */
#include "state/db_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/base/mem.h"

enum { META_MAGIC = (int)0xBEEFC0DE, META_VERSION = 1, META_PAGES = 2 };
enum { PAGE_BRANCH = 0x01, PAGE_LEAF = 0x02, PAGE_OVERFLOW = 0x04, PAGE_META = 0x08 };
enum { NODE_BIG = 0x01, NODE_SUB = 0x02, NODE_HEADER = 8 };
enum { KEY_MAX = 511, DEPTH_MAX = 32, PAGE_SIZE_MIN = 256, PAGE_SIZE_MAX = 65536 };

struct header {
	size_t pgno;
	uint16_t pad, flags, lower, upper;
};

struct tree {
	uint32_t pad;
	uint16_t flags, depth;
	size_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct meta {
	struct header header;
	uint32_t magic, version;
	size_t address, mapsize;
	struct tree tree[2];
	size_t last_page, txnid;
};

struct check {
	const char *path;
	const unsigned char *map;
	size_t page_size, pages;	/* of the file: whole pages */
	struct meta meta;		/* the newer one */
	unsigned char *seen;		/* a bit per page */
	const char *how;		/* what is wrong; NULL = nothing so far */
};

int
db_check_failed(const char *path, const char *how, struct err *e)
{
	return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s is damaged (%s): move it aside "
	    "(mv '%s' '%s.damaged') and run again; what is there is then paired anew, and nothing is "
	    "deleted or copied twice", path, how, path, path);
}

static const char *
meta_fault(const struct meta *m)
{
	if (!(m->header.flags & PAGE_META) || m->magic != (uint32_t)META_MAGIC)
		return "it does not begin like a data file";
	if (m->version != META_VERSION)
		return "it has another format, or comes from another kind of machine";
	return NULL;
}

static bool
read_meta(int fd, size_t at, struct meta *m)
{
	return pread(fd, m, sizeof *m, (off_t)at) == (ssize_t)sizeof *m;
}

/* Fills meta and page_size. */
static const char *
check_meta(struct check *c, int fd)
{
	struct meta first, second;
	const char *how;

	if (!read_meta(fd, 0, &first))
		return "it is cut off at the beginning";
	if ((how = meta_fault(&first)) != NULL)
		return how;
	c->page_size = first.tree[0].pad;
	if (c->page_size < PAGE_SIZE_MIN || c->page_size > PAGE_SIZE_MAX ||
	    (c->page_size & (c->page_size - 1)) != 0)
		return "its page size is impossible";
	if (!read_meta(fd, c->page_size, &second))
		return "it is cut off at the beginning";
	if ((how = meta_fault(&second)) != NULL)
		return how;
	if (second.tree[0].pad != first.tree[0].pad)
		return "its two beginnings contradict each other";
	c->meta = second.txnid > first.txnid ? second : first;
	return NULL;
}

/* Opens and looks at the meta pages. The caller closes *fd_r. */
static int
check_open(struct check *c, int *fd_r, struct err *e)
{
	const char *how;
	int fd = open(c->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_STORE, errno, "%s: cannot open", c->path);
	how = check_meta(c, fd);
	if (how != NULL) {
		close(fd);
		return db_check_failed(c->path, how, e);
	}
	*fd_r = fd;
	return 0;
}

int
db_check_meta(const char *path, struct err *e)
{
	struct check c = { .path = path };
	int fd;

	if (check_open(&c, &fd, e) != 0)
		return -1;
	close(fd);
	return 0;
}

/* ---- every page ---- */

static bool
fault(struct check *c, const char *how)
{
	if (c->how == NULL)
		c->how = how;
	return false;
}

/* Marks pages as used; each may be used once. */
static bool
use_pages(struct check *c, size_t pgno, size_t n)
{
	size_t i;

	if (pgno < META_PAGES || n == 0 || pgno > c->meta.last_page || n - 1 > c->meta.last_page - pgno)
		return fault(c, "it points to a page that cannot be");
	for (i = pgno; i < pgno + n; i++) {
		if (c->seen[i / 8] & (1u << (i % 8)))
			return fault(c, "a page is used twice");
		c->seen[i / 8] |= (unsigned char)(1u << (i % 8));
	}
	return true;
}

static bool
in_file(struct check *c, size_t pgno, size_t n)
{
	if (pgno >= c->pages || n > c->pages - pgno)
		return fault(c, "it is cut off");
	return true;
}

/* A page in the file with its own number on it, not used before. NULL = fault. */
static const unsigned char *
page_at(struct check *c, size_t pgno, unsigned flags, struct header *h)
{
	const unsigned char *page;

	if (!use_pages(c, pgno, 1) || !in_file(c, pgno, 1))
		return NULL;
	page = c->map + pgno * c->page_size;
	memcpy(h, page, sizeof *h);
	if (h->pgno != pgno || (h->flags & (PAGE_BRANCH | PAGE_LEAF | PAGE_OVERFLOW | PAGE_META)) != flags) {
		fault(c, "a page holds something else");
		return NULL;
	}
	return page;
}

struct node {
	const unsigned char *key, *data;
	size_t key_len, data_len;	/* of a branch: data_len is the child's page number */
	unsigned flags;
};

static bool
node_at(struct check *c, const unsigned char *page, const struct header *h, size_t i, struct node *node)
{
	bool is_leaf = h->flags & PAGE_LEAF;
	uint16_t at, word[4];
	size_t room, inside;

	memcpy(&at, page + sizeof *h + 2 * i, sizeof at);
	if (at < h->upper || at % 2 != 0 || (size_t)at + NODE_HEADER > c->page_size)
		return fault(c, "an entry lies outside its page");
	memcpy(word, page + at, sizeof word);
	room = c->page_size - at - NODE_HEADER;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	node->data_len = (size_t)word[1] | (size_t)word[0] << 16;
#else
	node->data_len = (size_t)word[0] | (size_t)word[1] << 16;
#endif
	node->flags = is_leaf ? word[2] : 0;
	if (!is_leaf && sizeof(size_t) > 4)
		node->data_len |= (size_t)((uint64_t)word[2] << 32);
	node->key_len = word[3];
	node->key = page + at + NODE_HEADER;
	node->data = node->key + node->key_len;
	inside = !is_leaf ? 0 : node->flags & NODE_BIG ? sizeof(size_t) : node->data_len;
	if (node->key_len > KEY_MAX || node->key_len > room || inside > room - node->key_len)
		return fault(c, "an entry is longer than its page");
	/* The leftmost branch entry may have no key; all others must have one. */
	if (node->key_len == 0 && (is_leaf || i != 0))
		return fault(c, "an entry has no key");
	return true;
}

/* The free list's keys are numbers in host order; all others are compared as bytes. */
static int
compare_keys(const struct node *a, const struct node *b, bool is_free_list)
{
	size_t len = a->key_len < b->key_len ? a->key_len : b->key_len, x, y;
	int c;

	if (is_free_list) {
		memcpy(&x, a->key, sizeof x);
		memcpy(&y, b->key, sizeof y);
		return (x > y) - (x < y);
	}
	c = memcmp(a->key, b->key, len);
	return c != 0 ? c : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static const unsigned char *
overflow_data(struct check *c, const struct node *node)
{
	struct header h;
	size_t pgno, n = (sizeof h + node->data_len - 1) / c->page_size + 1;
	uint32_t pages;

	memcpy(&pgno, node->data, sizeof pgno);
	if (!use_pages(c, pgno, n) || !in_file(c, pgno, n))
		return NULL;
	memcpy(&h, c->map + pgno * c->page_size, sizeof h);
	memcpy(&pages, c->map + pgno * c->page_size + offsetof(struct header, lower), sizeof pages);
	if (h.pgno != pgno || !(h.flags & PAGE_OVERFLOW) || pages != n) {
		fault(c, "a page holds something else");
		return NULL;
	}
	return c->map + pgno * c->page_size + sizeof h;
}

/* A list of free pages: they are nobody else's, and need not be in the file. */
static bool
check_free(struct check *c, const unsigned char *data, size_t len)
{
	size_t i, n, pgno;

	if (len < sizeof n)
		return fault(c, "its list of free pages is broken");
	memcpy(&n, data, sizeof n);
	if (n > len / sizeof n - 1)
		return fault(c, "its list of free pages is broken");
	for (i = 1; i <= n; i++) {
		memcpy(&pgno, data + i * sizeof pgno, sizeof pgno);
		if (!use_pages(c, pgno, 1))
			return false;
	}
	return true;
}

static bool check_tree(struct check *c, const struct tree *tree, bool is_free_list, bool has_trees);

static bool
check_leaf(struct check *c, const struct node *node, bool is_free_list, bool has_trees)
{
	const unsigned char *data = node->data;
	struct tree tree;

	if (node->flags & ~(unsigned)(NODE_BIG | NODE_SUB))
		return fault(c, "an entry is of no known kind");
	if (node->flags & NODE_SUB) {
		if (!has_trees || node->data_len != sizeof tree)
			return fault(c, "an entry is of no known kind");
		memcpy(&tree, node->data, sizeof tree);
		return check_tree(c, &tree, false, false);
	}
	if (node->flags & NODE_BIG) {
		data = overflow_data(c, node);
		if (data == NULL)
			return false;
	}
	return is_free_list ? check_free(c, data, node->data_len) : true;
}

static bool
check_page(struct check *c, size_t pgno, unsigned depth, bool is_free_list, bool has_trees, size_t *entries)
{
	struct node node = { 0 }, last = { 0 };
	const unsigned char *page;
	struct header h;
	size_t i, n;

	page = page_at(c, pgno, depth == 1 ? PAGE_LEAF : PAGE_BRANCH, &h);
	if (page == NULL)
		return false;
	if (h.lower < sizeof h || h.lower > h.upper || h.upper > c->page_size || h.lower % 2 != 0)
		return fault(c, "a page has impossible bounds");
	n = (h.lower - sizeof h) / 2;
	if (n < (depth == 1 ? 1 : 2))
		return fault(c, "a page is empty");
	for (i = 0; i < n; i++) {
		if (!node_at(c, page, &h, i, &node))
			return false;
		if (is_free_list && node.key_len != sizeof(size_t) && (depth == 1 || i != 0))
			return fault(c, "its list of free pages is broken");
		if (i > (depth == 1 ? 0 : 1) && compare_keys(&last, &node, is_free_list) >= 0)
			return fault(c, "keys are out of order");
		last = node;
		if (depth > 1 ? !check_page(c, node.data_len, depth - 1, is_free_list, has_trees, entries) :
		    !check_leaf(c, &node, is_free_list, has_trees))
			return false;
	}
	if (depth == 1)
		*entries += n;
	return true;
}

static bool
check_tree(struct check *c, const struct tree *tree, bool is_free_list, bool has_trees)
{
	size_t entries = 0;

	if (tree->root == SIZE_MAX)
		return tree->entries == 0 || fault(c, "a table has lost its pages");
	if (tree->depth == 0 || tree->depth > DEPTH_MAX)
		return fault(c, "a table has an impossible depth");
	if (!check_page(c, tree->root, tree->depth, is_free_list, has_trees, &entries))
		return false;
	return entries == tree->entries || fault(c, "a table has another number of entries than it says");
}

int
db_check_pages(const char *path, struct err *e)
{
	struct check c = { .path = path };
	void *map = MAP_FAILED;
	size_t size = 0;
	struct stat st;
	int fd, result = -1;

	if (check_open(&c, &fd, e) != 0)
		return -1;
	if (fstat(fd, &st) != 0) {
		err_sys(e, ERR_STORE, errno, "%s: cannot read", path);
		goto done;
	}
	size = (size_t)st.st_size;
	c.pages = size / c.page_size;
	/* Free pages at the end may never have been written; more than the file again is no such end. */
	if (c.meta.last_page < META_PAGES - 1 || c.meta.last_page / 64 > c.pages + 4096) {
		db_check_failed(path, "it is cut off", e);
		goto done;
	}
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		err_sys(e, ERR_STORE, errno, "%s: cannot map it into memory", path);
		goto done;
	}
	c.map = map;
	c.seen = mem_alloc(c.meta.last_page / 8 + 1);
	if (check_tree(&c, &c.meta.tree[0], true, false) && check_tree(&c, &c.meta.tree[1], false, true))
		result = 0;
	else
		db_check_failed(path, c.how, e);
done:
	if (map != MAP_FAILED)
		munmap(map, size);
	close(fd);
	free(c.seen);
	return result;
}
