#include "sync/store/imap_plain.h"

#include "state/model/seen_digest.h"

void
imap_plain_see(struct imap_plain *p, struct delta *d, const struct imap_fetch *f)
{
	const char *kw = *f->flags.kw == '\0' ? "" : arena_strdup(&d->arena, f->flags.kw);

	p->digest += seen_digest_uid(f->uid, f->flags);
	vec_push(&p->seen, (struct imap_plain_message){ f->uid, f->flags.sys, kw });
}

bool
imap_plain_is_known(const struct imap_plain *p, const struct delta *d, uint32_t exists)
{
	return d->has_digest && p->digest == d->digest && p->seen.n == d->known && p->seen.n == exists;
}

void
imap_plain_expand(struct imap_plain *p, struct delta *d)
{
	const struct imap_plain_message *m;
	size_t i;

	for (i = 0; i < p->seen.n; i++) {
		m = &p->seen.at[i];
		vec_push(&d->entries, (struct delta_entry){ .key = key_from_uid(&d->arena, m->uid), .hint = "", .server_id = "",
		    .flags = { .sys = m->sys, .kw = m->kw } });
	}
	imap_plain_clear(p);
}

void
imap_plain_clear(struct imap_plain *p)
{
	p->seen.n = 0;
	p->digest = 0;
}

void
imap_plain_release(struct imap_plain *p)
{
	vec_release(&p->seen);
	p->digest = 0;
}
