#include "sync/outbox/decide.h"

#include <stdio.h>
#include <string.h>

#include "state/model/flags.h"

static size_t
count(const struct outbox_record *rec, enum outbox_got got)
{
	size_t n = 0;

	for (size_t i = 0; i < rec->n; i++)
		n += rec->to[i].got == got;
	return n;
}

/* From what its recipients have, its state. */
static void
sum_up(struct outbox_record *rec, int64_t now)
{
	const unsigned times = rec->tries == 0 ? 0 : rec->tries - 1;
	int64_t wait = times > 16 ? OUTBOX_LONGEST_WAIT : (int64_t)OUTBOX_FIRST_WAIT << times;

	if (count(rec, OUTBOX_GOT_PERHAPS) != 0) {
		rec->state = OUTBOX_UNKNOWN;
	} else if (count(rec, OUTBOX_GOT_NOT) != 0) {
		rec->state = OUTBOX_WAITING;
		rec->next = now + (wait > OUTBOX_LONGEST_WAIT ? OUTBOX_LONGEST_WAIT : wait);
	} else {
		rec->state = count(rec, OUTBOX_GOT_REFUSED) != 0 ? OUTBOX_HELD : OUTBOX_SENT;
	}
}

void
outbox_hold(struct outbox_record *rec, const char *why)
{
	rec->state = OUTBOX_HELD;
	rec->words = why;
}

void
outbox_release(struct outbox_record *rec)
{
	for (size_t i = 0; i < rec->n; i++)
		if (rec->to[i].got != OUTBOX_GOT)
			rec->to[i] = (struct outbox_recipient){ OUTBOX_GOT_NOT, rec->to[i].address, "" };
	rec->state = rec->n != 0 && count(rec, OUTBOX_GOT) == rec->n ? OUTBOX_SENT : OUTBOX_NEW;
	rec->tries = 0;
	rec->first = rec->next = 0;
	rec->flags = 0;
	rec->words = "";
}

void
outbox_found(struct outbox_record *rec, int64_t now)
{
	for (size_t i = 0; i < rec->n; i++)
		if (rec->to[i].got == OUTBOX_GOT_PERHAPS)
			rec->to[i].got = OUTBOX_GOT;
	rec->flags = 0;
	rec->words = "";
	sum_up(rec, now);
}

enum outbox_act
outbox_decide(struct outbox_record *rec, bool is_known, uint32_t flags, int64_t now)
{
	if (is_known && rec->state == OUTBOX_SENDING) {
		/* The program ended behind its intent. */
		rec->state = OUTBOX_UNKNOWN;
		rec->words = "mailtwin ended while it was being sent";
	}
	if (is_known && rec->state == OUTBOX_SENT)
		return OUTBOX_ACT_FILE;
	if (flags & FLAG_DELETED)
		return OUTBOX_ACT_NOTHING;
	if (is_known && rec->state == OUTBOX_UNKNOWN)
		return OUTBOX_ACT_LOOK;
	if (flags & FLAG_DRAFT) {
		rec->words = "it is marked as a draft";
		return OUTBOX_ACT_HOLD;
	}
	if (!is_known && flags & FLAG_FLAGGED) {
		/* What is held is flagged: this may be such a one whose record was lost. */
		outbox_hold(rec, "it is flagged, and nothing is known of why: it may have been sent");
		rec->flags |= OUTBOX_IS_FLAGGED;
		return OUTBOX_ACT_HOLD;
	}
	if (rec->state == OUTBOX_HELD) {
		if (!(rec->flags & OUTBOX_IS_FLAGGED) || flags & FLAG_FLAGGED)
			return OUTBOX_ACT_HOLD;
		outbox_release(rec);
	}
	return rec->state == OUTBOX_WAITING && rec->next > now ? OUTBOX_ACT_WAIT : OUTBOX_ACT_SEND;
}

size_t
outbox_choose(const struct outbox_record *rec, size_t *index, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < rec->n && n < most; i++)
		if (rec->to[i].got == OUTBOX_GOT_NOT)
			index[n++] = i;
	return n;
}

void
outbox_intend(struct outbox_record *rec, const size_t *index, const struct smtp_recipient *to, size_t n, int64_t now)
{
	for (size_t i = 0; i < n; i++)
		if (smtp_is_ok(&to[i].reply))
			rec->to[index[i]].got = OUTBOX_GOT_PERHAPS;
	if (rec->first == 0)
		rec->first = now;
	rec->state = OUTBOX_SENDING;
}

static const char *
words_of(const struct smtp_reply *reply, struct arena *a)
{
	char words[1200];

	return arena_strdup(a, reply->code != 0 ? smtp_reply_words(reply, words, sizeof words) : reply->text);
}

/* Of one whom the server took. */
static void
settle_accepted(struct outbox_recipient *r, const struct smtp_result *result, const char *words)
{
	r->words = words;
	switch (result->outcome) {
	case SMTP_TAKEN:
		*r = (struct outbox_recipient){ OUTBOX_GOT, r->address, "" };
		break;
	case SMTP_UNKNOWN:
		r->got = OUTBOX_GOT_PERHAPS;
		break;
	case SMTP_REFUSED:
		r->got = OUTBOX_GOT_REFUSED;
		break;
	case SMTP_NOT_SENT:
	case SMTP_NOBODY:
	case SMTP_WAITS:
		r->got = OUTBOX_GOT_NOT;
		break;
	}
}

bool
outbox_settle(struct outbox_record *rec, const size_t *index, const struct smtp_recipient *to, size_t n, const struct smtp_result *result,
    const char *why, int64_t now, struct arena *a)
{
	const char *words = result->reply.code != 0 || result->reply.text[0] != '\0' ? words_of(&result->reply, a) : arena_strdup(a, why);
	bool has_more = false, is_any_accepted = false;

	for (size_t i = 0; i < n; i++)
		is_any_accepted |= smtp_is_ok(&to[i].reply);
	rec->tries++;
	if (rec->first == 0)
		rec->first = now;
	rec->words = result->outcome != SMTP_TAKEN && result->outcome != SMTP_NOBODY ? words : "";
	for (size_t i = 0; i < n; i++) {
		struct outbox_recipient *r = &rec->to[index[i]];
		const struct smtp_reply *reply = &to[i].reply;

		/* What became of MAIL became of all, whatever was said of recipients behind it; and so does what is wrong with the message. */
		if (smtp_is_ok(reply) || (!is_any_accepted && result->outcome != SMTP_NOBODY)) {
			settle_accepted(r, result, words);
			continue;
		}
		r->words = words_of(reply, a);
		r->got = reply->code == 0 || smtp_is_passing(reply) ? OUTBOX_GOT_NOT : OUTBOX_GOT_REFUSED;
		/* 452, and 552 for the same by RFC 821: no more recipients at a time. */
		if ((reply->code == 452 || reply->code == 552) && result->outcome == SMTP_TAKEN) {
			*r = (struct outbox_recipient){ OUTBOX_GOT_NOT, r->address, "" };
			has_more = true;
		}
	}
	sum_up(rec, now);
	/* Those who were not chosen yet have their turn at once, too. */
	if (result->outcome == SMTP_TAKEN)
		for (size_t i = 0; i < rec->n; i++)
			has_more |= rec->to[i].got == OUTBOX_GOT_NOT && rec->to[i].words[0] == '\0';
	return has_more && rec->state == OUTBOX_WAITING;
}

bool
outbox_has_any_got(const struct outbox_record *rec)
{
	return count(rec, OUTBOX_GOT) != 0;
}

bool
outbox_is_sent_to_any(const struct outbox_record *rec)
{
	return count(rec, OUTBOX_GOT) + count(rec, OUTBOX_GOT_PERHAPS) != 0;
}
