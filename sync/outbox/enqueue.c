#include "sync/outbox/enqueue.h"

#include <errno.h>

#include "sync/maildir/deliver.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/folderops.h"
#include "sync/maildir/layout.h"
#include "sync/store/maildir.h"

static int
deliver(struct mdir *m, const struct envelope *v, const char *message, size_t len, struct err *e)
{
	struct arena a = { 0 };
	const struct deliver_body body = { .base = filename_unique(&a, m->set->info_delimiter), .size = DELIVER_SIZE_UNKNOWN };
	struct deliver *d = deliver_new(m, 1);
	const struct deliver_result *result;
	struct buf head = { 0 };
	struct err unseen;
	int status = deliver_begin(d, 0, &body, e);

	envelope_write(v, &head);
	if (status == 0 && (deliver_data(d, head.data, head.len, e) < 0 || deliver_data(d, message, len, e) < 0 || deliver_end(d, NULL, e) < 0))
		status = -1;
	if (deliver_finish(d, status == 0 ? e : &unseen) < 0)
		status = -1;
	result = deliver_result(d, 0);
	if (status == 0 && result->state != DELIVER_DONE) {
		*e = result->err;
		status = -1;
	}
	buf_release(&head);
	deliver_free(&d);
	arena_release(&a);
	return status;
}

int
outbox_enqueue(const struct outbox *o, const struct envelope *v, const char *message, size_t len, struct err *e)
{
	struct mdir m = MDIR_CLOSED;
	struct mdir_settings settings;
	struct arena a = { 0 };
	struct layout layout;
	const char *path;
	int status = -1;

	maildir_layout(o->store, o->env.fsync, &a, &layout, &settings);
	path = layout_path(&layout, &a, o->box, e);
	if (path != NULL && folderops_create(&layout, &settings, o->box, e) == 0 && mdir_open(&m, &settings, o->box, path, 0, e) == 0 &&
	    mdir_prepare(&m, e) == 0)
		status = deliver(&m, v, message, len, e);
	mdir_close(&m);
	arena_release(&a);
	if (status < 0 && (e->sys == ENOSPC || e->sys == EDQUOT || e->sys == EIO || e->sys == EMFILE || e->sys == ENFILE || e->sys == ENOMEM))
		e->class = ERR_TEMPORARY;
	return status;
}
