/* Whom a reply belongs to: by tag, by the mailbox that is flowing, by UID, by mailbox name; never by
 * its position, since servers answer pipelined commands in the order they like. */
#include "sync/imap/engine.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "state/base/log.h"

enum { OWNER_BOX = -1, OWNER_NONE = -2, ALERTS_MAX = 20 };

static const struct imap_events *
owner_events(struct imap_session *s, int owner, void **ctx_r)
{
	if (owner >= 0) {
		*ctx_r = s->pending.at[owner].ctx;
		return s->pending.at[owner].ev;
	}
	if (owner == OWNER_BOX && s->flowing != NULL) {
		*ctx_r = s->flowing->ctx;
		return s->flowing->ev;
	}
	*ctx_r = NULL;
	return NULL;
}

/* The command a FETCH answers: one of the flowing mailbox that named its UID; those that asked for
 * bodies first when it brings one. A UID not known yet (0) goes to the first that asked for bodies. */
static int
fetch_owner(struct imap_session *s, uint32_t uid, bool has_body)
{
	int plain = OWNER_BOX;
	bool is_past = false;

	if (s->flowing == NULL)
		return OWNER_NONE;
	for (size_t i = 0; i < s->pending.n; i++) {
		const struct pending *p = &s->pending.at[i];

		if (is_past && p->role == PENDING_SELECT)
			break;			/* what stands behind it is asked of others */
		is_past |= p->sel == s->flowing;
		if (p->sel != s->flowing || p->role != PENDING_PLAIN || p->ev == NULL)
			continue;
		if (uid != 0 && !p->c.wants_any_uid && !imap_uidset_has(&p->c.uids, uid))
			continue;
		if (has_body && p->ev->body_begin != NULL)
			return (int)i;
		if (p->ev->fetch != NULL && uid != 0 && plain == OWNER_BOX)
			plain = (int)i;
	}
	return plain;
}

static int
body_begin(void *ctx, const struct imap_fetch *so_far, const struct imap_body *body)
{
	struct imap_session *s = ctx;
	const struct imap_events *ev;
	void *owner_ctx;
	int rc;

	if (!s->is_body_begun)
		s->body_owner = fetch_owner(s, so_far->uid, true);
	ev = owner_events(s, s->body_owner, &owner_ctx);
	if (ev == NULL || ev->body_begin == NULL || ev->body_data == NULL)
		return -1;
	s->is_body_begun = true;
	rc = ev->body_begin(owner_ctx, so_far, body);
	if (rc > 0)
		imap_reader_forgive(s->reader);
	return rc == 0 ? 0 : -1;
}

static int
body_data(void *ctx, const void *data, size_t len)
{
	struct imap_session *s = ctx;
	void *owner_ctx;
	const struct imap_events *ev = owner_events(s, s->body_owner, &owner_ctx);
	int rc = ev->body_data(owner_ctx, data, len);

	if (rc == 0)
		stream_useful(s->stream, len);
	return rc;
}

struct imap_body_sink
imap_body_router(struct imap_session *s)
{
	s->is_body_begun = false;
	s->body_owner = OWNER_NONE;
	return (struct imap_body_sink){ .begin = body_begin, .data = body_data, .ctx = s };
}

static void
on_fetch(struct imap_session *s)
{
	const struct imap_fetch *f = &s->reply.fetch;
	const struct imap_events *ev;
	void *ctx;
	int owner;

	if (s->flowing != NULL && !(f->has & IMAP_FETCH_UID))
		s->flowing->box.is_dirty = true;	/* R17: whose flags these are cannot be known */
	if (s->is_body_begun)
		owner = s->body_owner;
	else if (f->has & IMAP_FETCH_UID)
		owner = fetch_owner(s, f->uid, f->n_bodies > 0);
	else
		return;
	ev = owner_events(s, owner, &ctx);
	s->is_taken = owner >= 0;
	if (ev != NULL && ev->fetch != NULL)
		ev->fetch(ctx, f);
	else if (s->flowing != NULL && s->flowing->box.is_answered)
		s->flowing->box.is_dirty = true;
}

/* To every command of the flowing mailbox that wants it, and to the mailbox. */
static void
on_gone(struct imap_session *s, const struct imap_uidset *uids, bool is_earlier, uint32_t seq)
{
	struct selection *sel = s->flowing;
	uint64_t n = uids != NULL ? imap_uidset_count(uids) : 1;

	if (sel == NULL)
		return;
	if (!is_earlier)
		sel->box.exists = n < sel->box.exists ? sel->box.exists - (uint32_t)n : 0;
	for (size_t i = 0; i <= s->pending.n; i++) {
		bool is_box = i == s->pending.n;
		const struct imap_events *ev = is_box ? sel->ev : s->pending.at[i].ev;
		void *ctx = is_box ? sel->ctx : s->pending.at[i].ctx;

		if (ev == NULL || (!is_box && (s->pending.at[i].sel != sel || s->pending.at[i].role != PENDING_PLAIN)))
			continue;
		if (uids != NULL && ev->vanished != NULL)
			ev->vanished(ctx, uids, is_earlier);
		else if (uids == NULL && ev->expunge != NULL)
			ev->expunge(ctx, seq);
		s->is_taken |= !is_box || is_earlier;
	}
}

static void
on_list(struct imap_session *s)
{
	for (size_t i = 0; i < s->pending.n; i++) {
		const struct pending *p = &s->pending.at[i];

		if (p->ev != NULL && p->ev->list != NULL) {
			s->is_taken = true;
			p->ev->list(p->ctx, &s->reply.list);
			return;
		}
	}
}

/* It concerns a mailbox of the list, or the one whose data comes in. A STATUS says nothing then: that mailbox is selected. */
static void
on_unreadable(struct imap_session *s)
{
	log_line(LOG_IMAP, "%s: passed over: %s", s->label, s->reply.text);
	switch (s->reply.about) {
	case IMAP_REPLY_LIST:
		for (size_t i = 0; i < s->pending.n; i++) {
			const struct pending *p = &s->pending.at[i];

			if (p->ev == NULL || p->ev->list_unreadable == NULL)
				continue;
			p->ev->list_unreadable(p->ctx, s->reply.text);
			return;
		}
		return;
	case IMAP_REPLY_FLAGS:
	case IMAP_REPLY_FETCH:
	case IMAP_REPLY_EXISTS:
	case IMAP_REPLY_EXPUNGE:
	case IMAP_REPLY_VANISHED:
	case IMAP_REPLY_SEARCH:
	case IMAP_REPLY_ESEARCH:
		imap_box_unreadable(s, s->reply.about == IMAP_REPLY_FLAGS, s->reply.text);
		return;
	default:
		return;
	}
}

/* STATUS names its mailbox; a command that named none (LIST ... RETURN (STATUS)) takes all others. */
static void
on_status_data(struct imap_session *s)
{
	const struct imap_status_data *st = &s->reply.status_data;
	const struct pending *any = NULL;

	for (size_t i = 0; i < s->pending.n; i++) {
		const struct pending *p = &s->pending.at[i];

		if (p->ev == NULL || p->ev->status == NULL)
			continue;
		if (p->c.box != NULL && imap_wire_equal(p->c.box, strlen(p->c.box), st->name, st->name_len)) {
			s->is_taken = true;
			p->ev->status(p->ctx, st);
			return;
		}
		if (p->c.box == NULL && any == NULL)
			any = p;
	}
	s->is_taken = any != NULL;
	if (any != NULL)
		any->ev->status(any->ctx, st);
}

static void
on_search(struct imap_session *s)
{
	const struct imap_search *found = &s->reply.search;
	char tag[16];

	for (size_t i = 0; i < s->pending.n; i++) {
		const struct pending *p = &s->pending.at[i];

		if (p->ev == NULL || p->ev->search == NULL)
			continue;
		snprintf(tag, sizeof tag, "A%u", p->tag);
		if (found->tag != NULL ? strcasecmp(found->tag, tag) != 0 : !p->c.is_search || p->sel != s->flowing)
			continue;
		s->is_taken = true;
		p->ev->search(p->ctx, found);
		return;
	}
}

static void
on_quota(struct imap_session *s)
{
	for (size_t i = 0; i < s->pending.n; i++) {
		const struct pending *p = &s->pending.at[i];

		if (p->ev == NULL || p->ev->quota == NULL)
			continue;
		s->is_taken = true;
		p->ev->quota(p->ctx, &s->reply.quota);
		return;
	}
}

static void
on_enabled(struct imap_session *s)
{
	struct imap_caps enabled = { 0 };

	imap_caps_set(&enabled, s->reply.words, s->reply.words_len);
	s->has_qresync |= imap_caps_has(&enabled, IMAP_CAP_QRESYNC);
	/* RFC 7162 section 3.2.3: QRESYNC enables CONDSTORE as well. */
	s->has_condstore |= imap_caps_has(&enabled, IMAP_CAP_CONDSTORE);
	s->is_uidonly |= imap_caps_has(&enabled, IMAP_CAP_UIDONLY);
	s->is_utf8 |= imap_caps_has(&enabled, IMAP_CAP_UTF8_ACCEPT);
	imap_caps_release(&enabled);
}

static void
on_namespace(struct imap_session *s)
{
	for (size_t i = 0; i < s->reply.n_namespaces; i++) {
		const struct imap_namespace *ns = &s->reply.namespaces[i];

		if (ns->kind != IMAP_PERSONAL)
			continue;
		buf_clear(&s->memory.prefix);
		buf_adds(&s->memory.prefix, ns->prefix);
		s->memory.delimiter = ns->delimiter;
		return;
	}
}

/* An untagged OK, NO, BAD or BYE. */
static void
on_status(struct imap_session *s)
{
	const struct imap_code *code = &s->reply.code;

	if (code->kind == IMAP_CODE_ALERT && s->alert != NULL && s->alerts++ < ALERTS_MAX)
		s->alert(s->alert_ctx, s->reply.text);
	switch (s->reply.status) {
	case IMAP_BYE:
		s->is_bye = true;
		buf_clear(&s->bye);
		buf_adds(&s->bye, s->reply.text);
		return;
	case IMAP_OK:
		break;
	default:
		log_line(LOG_IMAP, "%s: warns: %s", s->label, s->reply.text);
		imap_box_part(s, code);
		return;
	}
	switch (code->kind) {
	case IMAP_CODE_CAPABILITY:
		imap_caps_set(&s->caps, code->arg, strlen(code->arg));
		s->is_stale = false;
		break;
	case IMAP_CODE_CLOSED:
		imap_box_closed(s);
		break;
	case IMAP_CODE_COPYUID:
	case IMAP_CODE_APPENDUID:
		for (size_t i = 0; i < s->pending.n; i++) {
			const struct pending *p = &s->pending.at[i];

			if (p->ev == NULL || p->ev->code == NULL)
				continue;
			if (code->kind == IMAP_CODE_COPYUID && (!p->c.is_copy || p->sel != s->flowing ||
			    !imap_uidset_meets(&p->c.uids, &code->from)))
				continue;
			s->is_taken = true;
			p->ev->code(p->ctx, code);
			return;
		}
		break;
	default:
		imap_box_code(s, code);
		imap_box_part(s, code);
		break;
	}
}

int
imap_dispatch(struct imap_session *s, struct err *e)
{
	const struct imap_reply *reply = &s->reply;

	switch (reply->kind) {
	case IMAP_REPLY_CONTINUE:
		if (!s->is_asked || s->is_continued)
			return imap_reader_bad(s->reader, e, "a \"+\" that nobody asked for");
		s->is_continued = true;
		buf_clear(&s->challenge);
		buf_adds(&s->challenge, reply->text);
		return 0;
	case IMAP_REPLY_STATUS:
		if (reply->status == IMAP_PREAUTH)
			return imap_reader_bad(s->reader, e, "a second greeting");
		on_status(s);
		return 0;
	case IMAP_REPLY_CAPABILITY:
		imap_caps_set(&s->caps, reply->words, reply->words_len);
		s->is_stale = false;
		return 0;
	case IMAP_REPLY_ENABLED:
		on_enabled(s);
		return 0;
	case IMAP_REPLY_FLAGS:
		imap_box_flags(s, &reply->mask);
		return 0;
	case IMAP_REPLY_LIST:
		on_list(s);
		return 0;
	case IMAP_REPLY_STATUS_DATA:
		on_status_data(s);
		return 0;
	case IMAP_REPLY_FETCH:
		on_fetch(s);
		return 0;
	case IMAP_REPLY_EXISTS:
		imap_box_exists(s, reply->number);
		return 0;
	case IMAP_REPLY_EXPUNGE:
		on_gone(s, NULL, false, reply->number);
		return 0;
	case IMAP_REPLY_VANISHED:
		on_gone(s, &reply->set, reply->is_earlier, 0);
		return 0;
	case IMAP_REPLY_SEARCH:
	case IMAP_REPLY_ESEARCH:
		on_search(s);
		return 0;
	case IMAP_REPLY_NAMESPACE:
		on_namespace(s);
		return 0;
	case IMAP_REPLY_QUOTA:
		on_quota(s);
		return 0;
	case IMAP_REPLY_UNREADABLE:
		on_unreadable(s);
		return 0;
	case IMAP_REPLY_TAGGED:
	case IMAP_REPLY_RECENT:
	case IMAP_REPLY_ID:
	case IMAP_REPLY_OTHER:
		return 0;
	}
	return 0;
}
