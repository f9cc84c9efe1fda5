#include "cmd/log_words.h"

#include "cmd/dates.h"

void
log_words_message(struct buf *out, const char *subject, const char *from, int64_t date)
{
	char day[DATES_SIZE];

	buf_printf(out, "\"%s\"%s%s%s%s", subject, *from != '\0' ? " from " : "", from, date != 0 ? ", " : "", dates_day(date, day));
}

void
log_words(struct buf *out, const struct log_entry *l)
{
	buf_printf(out, "%-4s  %s: ", side_name(l->side), l->box);
	if (*l->subject != '\0' || *l->from != '\0' || l->date != 0) {
		log_words_message(out, l->subject, l->from, l->date);
		buf_adds(out, ": ");
	}
	buf_printf(out, "%s (%s)", l->what, l->why);
}
