/* The mailbox and the base of an outbox. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/base/hash.h"
#include "sync/maildir/folderops.h"
#include "sync/maildir/marker.h"
#include "sync/maildir/msgfile.h"
#include "sync/outbox/inside.h"
#include "sync/store/maildir.h"

#define STATE_NAME ".mailtwin-outbox"

void
outbox_report_release(struct outbox_report *r)
{
	vec_release(&r->told);
	buf_release(&r->plan);
	arena_release(&r->arena);
}

static bool
has_file(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	bool has = false;

	if (dir == NULL)
		return false;
	while (!has && (d = readdir(dir)) != NULL)
		has = d->d_name[0] != '.';
	closedir(dir);
	return has;
}

bool
outbox_has_mail(const struct outbox *o)
{
	struct mdir_settings settings;
	struct arena a = { 0 };
	struct layout layout;
	struct err unseen;
	const char *path;
	bool has = false;

	maildir_layout(o->store, o->env.fsync, &a, &layout, &settings);
	path = layout_path(&layout, &a, o->box, &unseen);
	if (path != NULL)
		has = has_file(arena_printf(&a, "%s/new", path)) || has_file(arena_printf(&a, "%s/cur", path));
	arena_release(&a);
	return has;
}

static int
open_state(struct outbox_open *x, const char *path, struct err *e)
{
	const struct state_place place = { .path = arena_printf(&x->arena, "%s/" STATE_NAME, path), .channel = x->o->name,
		.is_dry = x->o->is_dry, .fsync = x->o->env.fsync };

	if (state_open(&place, &x->state, e) == 0)
		return 0;
	return err_context(e, "the outbox \"%s\"", x->o->box);
}

/* Whoever writes is alone in the Maildir. */
static int
take_lock(struct outbox_open *x, struct err *e)
{
	const char *root = layout_root(&x->layout, &x->arena);
	char id[MARKER_SIZE];

	if (x->o->is_dry)
		return 0;
	if (marker_get(root, true, x->o->env.fsync, id, e) < 0)
		return -1;
	return root_lock_take(root, &x->lock, e);
}

int
outbox_open(const struct outbox *o, struct outbox_open *x, struct err *e)
{
	const char *path;

	*x = (struct outbox_open){ .o = o, .mdir = MDIR_CLOSED };
	if (!outbox_has_mail(o))
		return 0;
	maildir_layout(o->store, o->env.fsync, &x->arena, &x->layout, &x->settings);
	path = layout_path(&x->layout, &x->arena, o->box, e);
	if (path == NULL || take_lock(x, e) < 0 || mdir_open(&x->mdir, &x->settings, o->box, path, 0, e) < 0 ||
	    (!o->is_dry && mdir_prepare(&x->mdir, e) < 0) || open_state(x, path, e) < 0 ||
	    scan_make(&x->scan, &x->mdir, !o->is_dry, e) < 0) {
		outbox_close(x);
		return -1;
	}
	return 1;
}

void
outbox_close(struct outbox_open *x)
{
	scan_release(&x->scan);
	state_close(&x->state);
	mdir_close(&x->mdir);
	root_lock_drop(&x->lock);
	arena_release(&x->arena);
}

int
outbox_recall(struct outbox_open *x, struct key key, const struct outbox_mail *mail, struct arena *a, struct outbox_record *rec,
    bool *is_known_r, struct err *e)
{
	int got;

	if (state_begin(x->state, e) < 0)
		return -1;
	got = outbox_record_get(x->state, a, key, rec, e);
	state_abort(x->state);
	*is_known_r = got > 0;
	if (got != 0)
		return got < 0 ? -1 : 0;
	rec->to = arena_alloc(a, (mail->envelope.to.n + 1) * sizeof *rec->to);
	for (rec->n = 0; rec->n < mail->envelope.to.n; rec->n++)
		rec->to[rec->n] = (struct outbox_recipient){ OUTBOX_GOT_NOT, arena_strdup(a, mail->envelope.to.at[rec->n]), "" };
	return 0;
}

void
outbox_id(struct key key, char id_r[9])
{
	const uint64_t hash = hash_add(HASH_BEGIN, key.data, key.len);

	snprintf(id_r, 9, "%08lx", (unsigned long)((hash ^ hash >> 32) & 0xffffffff));
}

int
outbox_flag(struct outbox_open *x, struct outbox_at *at, bool is_on, struct err *e)
{
	if (((at->flags & FLAG_FLAGGED) != 0) == is_on)
		return 0;
	if (msgfile_change_flags(&x->mdir, at->key, at->hint, is_on ? FLAG_FLAGGED : 0, is_on ? 0 : FLAG_FLAGGED, &x->arena, &at->flags, &at->hint,
	    e) < 0)
		return -1;
	return mdir_sync(&x->mdir, e);
}

int
outbox_open_sent(struct outbox_open *x, struct mdir *sent, struct err *e)
{
	const char *path = layout_path(&x->layout, &x->arena, x->o->sent, e);

	if (path == NULL || folderops_create(&x->layout, &x->settings, x->o->sent, e) < 0)
		return -1;
	return mdir_open(sent, &x->settings, x->o->sent, path, 0, e);
}

int
outbox_forget_gone(struct outbox_open *x, struct err *e)
{
	struct arena a = { 0 };
	struct key after = KEY_NONE, key;
	int got = state_begin(x->state, e), gone;

	if (got < 0)
		return -1;
	while ((got = outbox_record_next(x->state, &a, after, &key, e)) > 0) {
		after = key;
		if (scan_has_base(&x->scan, key, x->settings.info_delimiter))
			continue;
		gone = mdir_is_gone(&x->mdir, key, e);
		if (gone < 0 || (gone > 0 && outbox_record_forget(x->state, key, e) < 0)) {
			got = -1;
			break;
		}
	}
	arena_release(&a);
	if (got == 0)
		return state_commit(x->state, e);
	state_abort(x->state);
	return -1;
}
