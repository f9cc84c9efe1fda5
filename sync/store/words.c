/* A message in words for people: where it is, its Subject, who sent it and when. */
#include "sync/store/store.h"

#include "sync/message/days.h"
#include "sync/message/decode.h"

enum { FIELD_MOST = 120 };		/* octets of a field that is shown */

void
store_words_read(struct arena *a, const char *header, size_t len, struct message_words *w)
{
	w->subject = decode_field(a, header, len, "Subject", FIELD_MOST);
	w->from = decode_field(a, header, len, "From", FIELD_MOST);
	w->date = decode_sent(header, len, 0);
}

const char *
store_words_text(struct arena *a, const struct message_words *w)
{
	const bool has_subject = w->subject != NULL && *w->subject != '\0', has_from = w->from != NULL && *w->from != '\0';
	int year, month, day;
	const char *date = "";

	if (w->date != 0) {
		days_date(w->date / 86400, &year, &month, &day);
		date = arena_printf(a, ", %04d-%02d-%02d", year, month, day);
	}
	return arena_printf(a, "%s%s%s%s%s%s%s", w->place, has_subject ? ", \"" : "", has_subject ? w->subject : "", has_subject ? "\"" : "",
	    has_from ? " from " : "", has_from ? w->from : "", date);
}
