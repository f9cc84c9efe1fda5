/* Sets against the slow and plain answer: membership, joined ranges, writing. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sync/imap/uidset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t known[] = { 1, 2, 3, 5, 8, 9, 10, 99, 100, 1000, 65535, 65536, 4294967293u, 4294967294u };
enum { KNOWN = sizeof known / sizeof known[0] };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imap_uidset set = { 0 }, joined = { 0 }, again = { 0 };
	struct buf text = { 0 };
	uint32_t found[KNOWN], uid, last = 0;
	size_t n = 0, took;

	if (imap_uidset_parse(&set, (const char *)data, size) < 0) {
		assert(set.n == 0);
		goto done;
	}
	assert(imap_uidset_parse(&joined, (const char *)data, size) == 0);
	imap_uidset_normalise(&joined);
	assert(imap_uidset_count(&joined) <= imap_uidset_count(&set));
	for (size_t i = 1; i < joined.n; i++)
		assert(joined.at[i].first > joined.at[i - 1].last && joined.at[i].first - joined.at[i - 1].last > 1);
	for (size_t i = 0; i < KNOWN; i++) {
		bool is_in = false;

		for (size_t j = 0; j < set.n; j++)
			is_in |= known[i] >= set.at[j].first && known[i] <= set.at[j].last;
		assert(imap_uidset_has(&joined, known[i]) == is_in);
		if (is_in)
			found[n++] = known[i];
	}
	if (n > 0) {
		took = imap_uidset_write(&text, found, n, 40);
		assert(took > 0 && text.len <= 40 && imap_uidset_parse(&again, text.data, text.len) == 0);
		assert(imap_uidset_count(&again) == took);
	}
	struct imap_uidset_pos at = { 0 };
	for (int i = 0; i < 1000 && imap_uidset_next(&joined, &at, &uid) == 1; i++) {
		assert(uid > last && imap_uidset_has(&joined, uid));
		last = uid;
	}
done:
	imap_uidset_release(&set);
	imap_uidset_release(&joined);
	imap_uidset_release(&again);
	buf_release(&text);
	return 0;
}
