/* The words of a query, and what each takes. */
#include "sync/search/query_inside.h"

#include <string.h>
#include <strings.h>

static const struct query_word query_table[] = {
	{ "from", TAKES_TEXT, QUERY_ADDRESS, "From", 0, 0, "from:TEXT", "TEXT in the From line" },
	{ "to", TAKES_TEXT, QUERY_ADDRESS, "To", 0, 0, "to:TEXT", "... in the To line" },
	{ "cc", TAKES_TEXT, QUERY_ADDRESS, "Cc", 0, 0, "cc:TEXT", "... in the Cc line" },
	{ "bcc", TAKES_TEXT, QUERY_ADDRESS, "Bcc", 0, 0, "bcc:TEXT", "... in the Bcc line" },
	{ "subject", TAKES_TEXT, QUERY_ADDRESS, "Subject", 0, 0, "subject:TEXT", "... in the Subject line" },
	{ "body", TAKES_TEXT, QUERY_BODY, NULL, 0, 0, "body:TEXT", "... in the body" },
	{ "text", TAKES_TEXT, QUERY_TEXT, NULL, 0, 0, "text:TEXT", "... in the body or the header; a word alone is the same" },
	{ "list", TAKES_TEXT, QUERY_HEADER, "List-Id", 0, 0, "list:TEXT", "... in the List-Id line" },
	{ "message-id", TAKES_TEXT, QUERY_HEADER, "Message-ID", 0, 0, "message-id:ID", "... in the Message-ID line" },
	{ "header", TAKES_HEADER, QUERY_HEADER, NULL, 0, 0, "header:NAME:TEXT", "... in the line NAME; without TEXT: there is such a line" },
	{ "since", TAKES_DATE, QUERY_DATE, NULL, QUERY_ARRIVED, QUERY_SINCE, "since:DATE", "arrived on DATE (2025-01-31, 2025-01, 2025, "
	    "today, yesterday, or 7d, which is so many days ago) or later; after:DATE is the same" },
	{ "after", TAKES_DATE, QUERY_DATE, NULL, QUERY_ARRIVED, QUERY_SINCE, NULL, NULL },
	{ "before", TAKES_DATE, QUERY_DATE, NULL, QUERY_ARRIVED, QUERY_BEFORE, "before:DATE", "arrived before that day" },
	{ "on", TAKES_DATE, QUERY_DATE, NULL, QUERY_ARRIVED, QUERY_ON, "on:DATE", "arrived on that day" },
	{ "sent-since", TAKES_DATE, QUERY_DATE, NULL, QUERY_SENT, QUERY_SINCE, "sent-since:DATE", "likewise by the Date line; also "
	    "sent-before: and sent-on:" },
	{ "sent-before", TAKES_DATE, QUERY_DATE, NULL, QUERY_SENT, QUERY_BEFORE, NULL, NULL },
	{ "sent-on", TAKES_DATE, QUERY_DATE, NULL, QUERY_SENT, QUERY_ON, NULL, NULL },
	{ "saved-since", TAKES_DATE, QUERY_DATE, NULL, QUERY_SAVED, QUERY_SINCE, "saved-since:DATE", "likewise by when it came into this "
	    "mailbox (servers with SAVEDATE; elsewhere as since:); also saved-before: and saved-on:" },
	{ "saved-before", TAKES_DATE, QUERY_DATE, NULL, QUERY_SAVED, QUERY_BEFORE, NULL, NULL },
	{ "saved-on", TAKES_DATE, QUERY_DATE, NULL, QUERY_SAVED, QUERY_ON, NULL, NULL },
	{ "newer", TAKES_AGE, QUERY_AGE, NULL, 0, QUERY_SINCE, "newer:7d", "arrived in the last seven days; h d w m y are hours, days, "
	    "weeks, months (of 30 days), years" },
	{ "older", TAKES_AGE, QUERY_AGE, NULL, 0, QUERY_BEFORE, "older:7d", "arrived before that" },
	{ "larger", TAKES_SIZE, QUERY_SIZE, NULL, 1, 0, "larger:SIZE", "more than SIZE octets (500k, 1M, 2G)" },
	{ "smaller", TAKES_SIZE, QUERY_SIZE, NULL, 0, 0, "smaller:SIZE", "less than SIZE octets" },
	{ "is", TAKES_FLAG, QUERY_FLAG, NULL, 0, 0, "is:FLAG", "unread, read, flagged, unflagged, answered, unanswered, draft, forwarded, "
	    "deleted" },
	{ "keyword", TAKES_KEYWORD, QUERY_KEYWORD, NULL, 0, 0, "keyword:WORD", "has this keyword" },
	{ "has", TAKES_ATTACHMENT, QUERY_ATTACHMENT, NULL, 0, 0, "has:attachment", "seems to have one: its Content-Type is "
	    "multipart/mixed, for IMAP cannot ask more" },
	{ "in", TAKES_TEXT, QUERY_IN, NULL, 0, 0, "in:BOX", "in this mailbox of the channel; * stands for anything" },
	{ "gmail", TAKES_TEXT, QUERY_GMAIL, NULL, 0, 0, "gmail:\"TEXT\"", "what Gmail's own search finds" },
	{ .name = NULL },
};

const struct query_flag query_flags[] = {
	{ "unread", FLAG_SEEN, true }, { "read", FLAG_SEEN, false }, { "unseen", FLAG_SEEN, true }, { "seen", FLAG_SEEN, false },
	{ "flagged", FLAG_FLAGGED, false }, { "starred", FLAG_FLAGGED, false }, { "unflagged", FLAG_FLAGGED, true },
	{ "answered", FLAG_ANSWERED, false }, { "replied", FLAG_ANSWERED, false }, { "unanswered", FLAG_ANSWERED, true },
	{ "draft", FLAG_DRAFT, false }, { "forwarded", FLAG_FORWARDED, false }, { "deleted", FLAG_DELETED, false },
	{ .name = NULL },
};

enum { WORDS = sizeof query_table / sizeof *query_table, FLAGS = sizeof query_flags / sizeof *query_flags };

const char *const *
query_words(void)
{
	static const char *const words[] = { "from", "to", "cc", "bcc", "subject", "body", "text", "list", "message-id", "header", "since",
		"after", "before", "on", "sent-since", "sent-before", "sent-on", "saved-since", "saved-before", "saved-on", "newer",
		"older", "larger", "smaller", "is", "keyword", "has", "in", "gmail", NULL };

	_Static_assert(sizeof words / sizeof *words == WORDS, "each word of the table");
	return words;
}

const char *const *
query_flag_words(void)
{
	static const char *const words[] = { "unread", "read", "unseen", "seen", "flagged", "starred", "unflagged", "answered", "replied",
		"unanswered", "draft", "forwarded", "deleted", NULL };

	_Static_assert(sizeof words / sizeof *words == FLAGS, "each flag of the table");
	return words;
}

const struct query_word *
query_word_find(const char *word, size_t len)
{
	for (const struct query_word *w = query_table; w->name != NULL; w++)
		if (strlen(w->name) == len && strncasecmp(w->name, word, len) == 0)
			return w;
	return NULL;
}

bool
query_is_word(const char *word, size_t len)
{
	return query_word_find(word, len) != NULL;
}

const struct query_help *
query_help(void)
{
	static struct query_help help[WORDS];
	size_t n = 0;

	for (const struct query_word *w = query_table; w->name != NULL; w++)
		if (w->usage != NULL)
			help[n++] = (struct query_help){ w->usage, w->help };
	return help;
}
