/* Any bytes as responses of a server. What comes out must keep the promises of replies.h. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sync/imap/replies.h"
#include "tests/unit/memory_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t passed;

static int
begin(void *ctx, const struct imap_fetch *so_far, const struct imap_body *body)
{
	(void)ctx;
	passed = 0;
	return so_far->seq % 7 == 3 || strlen(body->section) > 1000 ? -1 : 0;
}

static int
data_in(void *ctx, const void *p, size_t len)
{
	(void)ctx;
	(void)p;
	passed += len;
	return 0;
}

static void
check_set(const struct imap_uidset *set)
{
	for (size_t i = 0; i < set->n; i++)
		assert(set->at[i].first >= 1 && set->at[i].first <= set->at[i].last);
}

static void
check(const struct imap_reply *reply)
{
	const struct imap_fetch *f = &reply->fetch;

	assert(reply->text != NULL && reply->words != NULL);
	switch (reply->kind) {
	case IMAP_REPLY_TAGGED:
	case IMAP_REPLY_STATUS:
		assert(reply->code.name != NULL && reply->code.arg != NULL && reply->code.mask.kw != NULL);
		check_set(&reply->code.from);
		check_set(&reply->code.to);
		if (reply->code.kind == IMAP_CODE_COPYUID)
			assert(imap_uidset_count(&reply->code.from) == imap_uidset_count(&reply->code.to));
		break;
	case IMAP_REPLY_FETCH:
		assert(!(f->has & IMAP_FETCH_UID) || f->uid != 0);
		assert(f->n_bodies >= 0 && f->n_bodies <= IMAP_BODIES && f->flags.kw != NULL);
		if (f->n_bodies > 0 && f->n_bodies < IMAP_BODIES && f->body[f->n_bodies - 1].is_whole)
			assert(passed == f->body[f->n_bodies - 1].size);
		break;
	case IMAP_REPLY_LIST:
		assert(reply->list.name != NULL);
		break;
	case IMAP_REPLY_STATUS_DATA:
		assert(reply->status_data.name != NULL);
		break;
	case IMAP_REPLY_VANISHED:
		check_set(&reply->set);
		assert(reply->set.n > 0);
		break;
	case IMAP_REPLY_SEARCH:
	case IMAP_REPLY_ESEARCH:
		check_set(&reply->search.all);
		break;
	case IMAP_REPLY_UNREADABLE:
		assert(reply->about != IMAP_REPLY_UNREADABLE && reply->about != IMAP_REPLY_TAGGED && reply->text[0] != '\0');
		assert(reply->about != IMAP_REPLY_FETCH || f->n_bodies == 0);
		break;
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_stream mem = { .data = (const char *)data + 1, .len = size - 1 };
	struct imap_body_sink sink = { begin, data_in, NULL };
	struct imap_reply reply = { 0 };
	struct imap_reader *r;
	mailstream *stream;
	struct err e;

	if (size == 0)
		return 0;
	mem.piece = data[0];
	stream = memory_stream_open(&mem);
	r = imap_reader_new(stream, "fuzz");
	imap_reader_cap(r, 1 << 20);
	while (imap_reply_read(r, &reply, &sink, &e) == 0)
		check(&reply);
	assert(e.text[0] != '\0');
	imap_reader_free(&r);
	imap_reply_release(&reply);
	mailstream_close(stream);
	return 0;
}
