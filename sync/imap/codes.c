/* Response codes and the text behind them (RFC 9051 section 7.1, RFC 5530, RFC 4315, RFC 7162).
 *
 * They come out of a finished line, so nothing here can lose step: whatever makes no sense is
 * IMAP_CODE_OTHER.
 */
#include <string.h>
#include <strings.h>

#include "sync/imap/replies.h"
#include "sync/imap/words.h"

enum arg { ARG_NONE, ARG_NUMBER, ARG_FLAGS, ARG_SET, ARG_APPENDUID, ARG_COPYUID, ARG_LIMIT };

static const struct {
	const char *name;
	enum imap_code_kind kind;
	enum arg arg;
} codes[] = {
	{ "ALERT", IMAP_CODE_ALERT, ARG_NONE },
	{ "ALREADYEXISTS", IMAP_CODE_ALREADYEXISTS, ARG_NONE },
	{ "APPENDUID", IMAP_CODE_APPENDUID, ARG_APPENDUID },
	{ "AUTHENTICATIONFAILED", IMAP_CODE_AUTHENTICATIONFAILED, ARG_NONE },
	{ "AUTHORIZATIONFAILED", IMAP_CODE_AUTHORIZATIONFAILED, ARG_NONE },
	{ "BADCHARSET", IMAP_CODE_BADCHARSET, ARG_NONE },
	{ "CANNOT", IMAP_CODE_CANNOT, ARG_NONE },
	{ "CAPABILITY", IMAP_CODE_CAPABILITY, ARG_NONE },
	{ "CLIENTBUG", IMAP_CODE_CLIENTBUG, ARG_NONE },
	{ "CLOSED", IMAP_CODE_CLOSED, ARG_NONE },
	{ "COMPRESSIONACTIVE", IMAP_CODE_COMPRESSIONACTIVE, ARG_NONE },
	{ "CONTACTADMIN", IMAP_CODE_CONTACTADMIN, ARG_NONE },
	{ "COPYUID", IMAP_CODE_COPYUID, ARG_COPYUID },
	{ "CORRUPTION", IMAP_CODE_CORRUPTION, ARG_NONE },
	{ "EXPIRED", IMAP_CODE_EXPIRED, ARG_NONE },
	{ "EXPUNGEISSUED", IMAP_CODE_EXPUNGEISSUED, ARG_NONE },
	{ "HASCHILDREN", IMAP_CODE_HASCHILDREN, ARG_NONE },
	{ "HIGHESTMODSEQ", IMAP_CODE_HIGHESTMODSEQ, ARG_NUMBER },
	{ "INUSE", IMAP_CODE_INUSE, ARG_NONE },
	{ "LIMIT", IMAP_CODE_LIMIT, ARG_NONE },
	{ "MAILBOXID", IMAP_CODE_MAILBOXID, ARG_NONE },
	{ "MESSAGELIMIT", IMAP_CODE_MESSAGELIMIT, ARG_LIMIT },
	{ "MODIFIED", IMAP_CODE_MODIFIED, ARG_SET },
	{ "NEWNAME", IMAP_CODE_NEWNAME, ARG_NONE },
	{ "NOMODSEQ", IMAP_CODE_NOMODSEQ, ARG_NONE },
	{ "NONEXISTENT", IMAP_CODE_NONEXISTENT, ARG_NONE },
	{ "NOPERM", IMAP_CODE_NOPERM, ARG_NONE },
	{ "OVERQUOTA", IMAP_CODE_OVERQUOTA, ARG_NONE },
	{ "PARSE", IMAP_CODE_PARSE, ARG_NONE },
	{ "PERMANENTFLAGS", IMAP_CODE_PERMANENTFLAGS, ARG_FLAGS },
	{ "PRIVACYREQUIRED", IMAP_CODE_PRIVACYREQUIRED, ARG_NONE },
	{ "READ-ONLY", IMAP_CODE_READ_ONLY, ARG_NONE },
	{ "READ-WRITE", IMAP_CODE_READ_WRITE, ARG_NONE },
	{ "SERVERBUG", IMAP_CODE_SERVERBUG, ARG_NONE },
	{ "TOOBIG", IMAP_CODE_TOOBIG, ARG_NONE },
	{ "TRYCREATE", IMAP_CODE_TRYCREATE, ARG_NONE },
	{ "UIDNEXT", IMAP_CODE_UIDNEXT, ARG_NUMBER },
	{ "UIDNOTSTICKY", IMAP_CODE_UIDNOTSTICKY, ARG_NONE },
	{ "UIDVALIDITY", IMAP_CODE_UIDVALIDITY, ARG_NUMBER },
	{ "UNAVAILABLE", IMAP_CODE_UNAVAILABLE, ARG_NONE },
	{ "UNKNOWN-CTE", IMAP_CODE_UNKNOWN_CTE, ARG_NONE },
	{ "UNSEEN", IMAP_CODE_UNSEEN, ARG_NUMBER },
};

static bool
get_number(const char **s, uint64_t *n_r)
{
	uint64_t n = 0;
	const char *start;

	while (**s == ' ')
		(*s)++;
	start = *s;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		uint64_t digit = (uint64_t)(**s - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*n_r = n;
	return *s != start && (**s == ' ' || **s == '\0');
}

static bool
get_set(const char **s, struct imap_uidset *set)
{
	size_t len;

	while (**s == ' ')
		(*s)++;
	len = strcspn(*s, " ");
	if (imap_uidset_parse(set, *s, len) < 0)
		return false;
	*s += len;
	return true;
}

/* "(\Seen Work \*)" */
static bool
get_flags(struct arena *a, const char *s, struct flag_mask *mask)
{
	struct words w = { 0 };
	bool is_good = false;

	while (*s == ' ')
		s++;
	if (*s++ != '(')
		return false;
	for (;;) {
		size_t len;

		while (*s == ' ')
			s++;
		len = strcspn(s, " ()");
		if (len == 0)
			break;
		words_flag(&w, s, len);
		s += len;
	}
	if (*s == ')') {
		words_mask(&w, a, mask);
		is_good = true;
	}
	words_release(&w);
	return is_good;
}

/* "1000 23221", or the number alone. */
static bool
get_limit(const char *s, struct imap_code *code)
{
	uint64_t uid = 0;

	if (!get_number(&s, &code->number))
		return false;
	if (get_number(&s, &uid) && uid <= UINT32_MAX)
		code->last_uid = (uint32_t)uid;
	return true;
}

static bool
get_args(struct imap_code *code, struct arena *a, enum arg arg)
{
	const char *s = code->arg;

	switch (arg) {
	case ARG_NONE:
		return true;
	case ARG_NUMBER:
		return get_number(&s, &code->number);
	case ARG_FLAGS:
		return get_flags(a, s, &code->mask);
	case ARG_SET:
		return get_set(&s, &code->from);
	case ARG_APPENDUID:
		return get_number(&s, &code->number) && get_set(&s, &code->to);
	case ARG_COPYUID:
		return get_number(&s, &code->number) && get_set(&s, &code->from) &&
		    get_set(&s, &code->to) && imap_uidset_count(&code->from) == imap_uidset_count(&code->to);
	case ARG_LIMIT:
		return get_limit(s, code);
	}
	return false;
}

bool
imap_code_is_part(const struct imap_code *code)
{
	switch (code->kind) {
	case IMAP_CODE_MESSAGELIMIT:
	case IMAP_CODE_LIMIT:
	case IMAP_CODE_EXPUNGEISSUED:
	case IMAP_CODE_UNAVAILABLE:
	case IMAP_CODE_SERVERBUG:
	case IMAP_CODE_CORRUPTION:
		return true;
	case IMAP_CODE_OTHER:
		return strcasestr(code->name, "LIMIT") != NULL || strcasestr(code->name, "PARTIAL") != NULL;
	default:
		return false;
	}
}

/* Where the code that begins at s[0] == '[' ends, or 0. Quoted strings may hold "]"; with an odd
 * quote the first "]" of all must do. */
static size_t
find_end(const char *s, size_t len)
{
	bool is_quoted = false;
	const char *any;

	for (size_t i = 1; i < len; i++) {
		if (is_quoted && s[i] == '\\')
			i++;
		else if (s[i] == '"')
			is_quoted = !is_quoted;
		else if (s[i] == ']' && !is_quoted)
			return i;
	}
	any = memchr(s, ']', len);
	return any == NULL ? 0 : (size_t)(any - s);
}

static uint64_t
find_backoff(const char *text)
{
	static const char words[] = "Suggested Backoff Time:";
	const char *at = strcasestr(text, words);
	uint64_t n = 0;

	if (at == NULL)
		return 0;
	at += sizeof words - 1;
	at += strspn(at, " ");
	for (; *at >= '0' && *at <= '9' && n < UINT32_MAX; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return n;
}

void
imap_code_parse(struct imap_code *code, struct arena *a, const char *s, size_t len, const char **text_r)
{
	size_t end = len > 0 && s[0] == '[' ? find_end(s, len) : 0, n;

	code->kind = IMAP_CODE_NONE;
	code->name = code->arg = "";
	code->number = 0;
	code->last_uid = 0;
	imap_uidset_clear(&code->from);
	imap_uidset_clear(&code->to);
	code->mask = (struct flag_mask){ .kw = "" };
	if (end > 0) {
		char *inside = arena_strndup(a, s + 1, end - 1);

		n = strcspn(inside, " ");
		code->arg = inside[n] == '\0' ? "" : inside + n + 1;
		inside[n] = '\0';
		code->name = inside;
		code->kind = IMAP_CODE_OTHER;
		for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
			if (strcasecmp(inside, codes[i].name) == 0 && get_args(code, a, codes[i].arg))
				code->kind = codes[i].kind;
		end++;
		if (end < len && s[end] == ' ')
			end++;
	}
	*text_r = arena_strndup(a, s + end, len - end);
	code->backoff = find_backoff(*text_r);
}
