/* A query as keys of SEARCH (RFC 9051 section 6.4.4): in prefix form, AND by standing side by side. What a server does not offer is said with
 * what any server knows. All texts go through the writer, which quotes them. */
#include "sync/store/imap_inside.h"

#include <ctype.h>

#include "sync/message/days.h"

static bool
has(const struct imap_command *cmd, enum imap_cap cap)
{
	return imap_caps_has(cmd->caps, cap);
}

static void
put_text(struct imap_command *cmd, const char *text)
{
	imap_put(cmd, " ");
	imap_put_astring(cmd, text, strlen(text));
}

/* Section 6.4.4 of RFC 9051: what is looked for has no time and no zone. */
static void
put_day(struct imap_command *cmd, const char *key, int64_t day)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int year, month, of_month;

	days_date(day, &year, &month, &of_month);
	imap_putf(cmd, "%s %d-%.3s-%04d", key, of_month, months + 3 * (month - 1), year);
}

static void
put_date(struct imap_command *cmd, const struct query *q)
{
	static const char *const keys[][3] = {
		[QUERY_ARRIVED] = { "SINCE", "BEFORE", "ON" },
		[QUERY_SENT] = { "SENTSINCE", "SENTBEFORE", "SENTON" },
		[QUERY_SAVED] = { "SAVEDSINCE", "SAVEDBEFORE", "SAVEDON" },	/* RFC 8514 section 4.3 */
	};
	const enum query_date date = q->date == QUERY_SAVED && !has(cmd, IMAP_CAP_SAVEDATE) ? QUERY_ARRIVED : q->date;

	put_day(cmd, keys[date][q->rel], q->day);
}

/* To the second with WITHIN (RFC 5032), else to the day. */
static void
put_age(struct imap_command *cmd, const struct query *q, int64_t now)
{
	const bool is_newer = q->rel == QUERY_SINCE;

	if (has(cmd, IMAP_CAP_WITHIN))
		imap_putf(cmd, "%s %lld", is_newer ? "YOUNGER" : "OLDER", (long long)q->seconds);
	else
		put_day(cmd, is_newer ? "SINCE" : "BEFORE", (now - q->seconds) / 86400);
}

/* Servers of IMAP4rev1 have 32 bits for it. */
static void
put_size(struct imap_command *cmd, const struct query *q)
{
	if (!q->is_more && q->octets > UINT32_MAX)
		imap_put(cmd, "ALL");
	else
		imap_putf(cmd, "%s %llu", q->is_more ? "LARGER" : "SMALLER",
		    (unsigned long long)(q->octets > UINT32_MAX ? UINT32_MAX : q->octets));
}

static void
put_flag(struct imap_command *cmd, const struct query *q)
{
	static const struct { uint32_t flag; const char *set, *unset; } keys[] = {
		{ FLAG_SEEN, "SEEN", "UNSEEN" }, { FLAG_FLAGGED, "FLAGGED", "UNFLAGGED" }, { FLAG_ANSWERED, "ANSWERED", "UNANSWERED" },
		{ FLAG_DRAFT, "DRAFT", "UNDRAFT" }, { FLAG_DELETED, "DELETED", "UNDELETED" },
		{ FLAG_FORWARDED, "KEYWORD $Forwarded", "UNKEYWORD $Forwarded" },
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i].flag == q->flag)
			imap_put(cmd, q->is_unset ? keys[i].unset : keys[i].set);
}

static void
put_field(struct imap_command *cmd, const struct query *q)
{
	char key[16];
	size_t i;

	for (i = 0; q->name[i] != '\0' && i + 1 < sizeof key; i++)
		key[i] = (char)toupper((unsigned char)q->name[i]);
	key[i] = '\0';
	imap_put(cmd, key);
	put_text(cmd, q->text);
}

/* is_listed: keys may stand side by side here, each of which must fit. */
static void
put(struct imap_command *cmd, const struct imap_query *how, const struct query *q, bool is_listed)
{
	if (how->is_fuzzy && (q->kind == QUERY_ADDRESS || q->kind == QUERY_HEADER || q->kind == QUERY_BODY || q->kind == QUERY_TEXT))
		imap_put(cmd, "FUZZY ");
	switch (q->kind) {
	case QUERY_AND:
		imap_put(cmd, is_listed ? "" : "(");
		put(cmd, how, q->left, true);
		imap_put(cmd, " ");
		put(cmd, how, q->right, true);
		imap_put(cmd, is_listed ? "" : ")");
		break;
	case QUERY_OR:
		imap_put(cmd, "OR ");
		put(cmd, how, q->left, false);
		imap_put(cmd, " ");
		put(cmd, how, q->right, false);
		break;
	case QUERY_NOT:
		imap_put(cmd, "NOT ");
		put(cmd, how, q->left, false);
		break;
	case QUERY_EVERY:
	case QUERY_IN:
		imap_put(cmd, "ALL");
		break;
	case QUERY_NONE:
		imap_put(cmd, "NOT ALL");
		break;
	case QUERY_ADDRESS:
		put_field(cmd, q);
		break;
	case QUERY_HEADER:
		imap_put(cmd, "HEADER");
		put_text(cmd, q->name);
		put_text(cmd, q->text);
		break;
	case QUERY_BODY:
	case QUERY_TEXT:
		imap_put(cmd, q->kind == QUERY_BODY ? "BODY" : "TEXT");
		put_text(cmd, q->text);
		break;
	case QUERY_DATE:
		put_date(cmd, q);
		break;
	case QUERY_AGE:
		put_age(cmd, q, how->now);
		break;
	case QUERY_SIZE:
		put_size(cmd, q);
		break;
	case QUERY_FLAG:
		put_flag(cmd, q);
		break;
	case QUERY_KEYWORD:
		imap_put(cmd, "KEYWORD");
		put_text(cmd, q->text);
		break;
	case QUERY_ATTACHMENT:
		imap_put(cmd, "HEADER Content-Type multipart/mixed");
		break;
	case QUERY_GMAIL:
		imap_put(cmd, "X-GM-RAW");
		put_text(cmd, q->text);
		break;
	}
}

void
imap_query_put(struct imap_command *cmd, const struct imap_query *how)
{
	put(cmd, how, how->query, true);
}

/* A keyword that no server can have stands nowhere in the command as anything but an atom. */
static const char *
bad_keyword(const struct query *q)
{
	const char *bad;

	if (q == NULL)
		return NULL;
	if (q->kind == QUERY_KEYWORD && !imap_is_keyword(q->text, strlen(q->text)))
		return q->text;
	bad = bad_keyword(q->left);
	return bad != NULL ? bad : bad_keyword(q->right);
}

int
imap_query_check(struct imap_conn *c, const struct query *q, struct err *e)
{
	const char *bad = bad_keyword(q);

	if (query_has(q, QUERY_GMAIL) && !imap_caps_has(imap_session_caps(c->s), IMAP_CAP_X_GM_EXT_1))
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s: gmail: can be searched for at Gmail alone, and this server does not "
		    "offer it (X-GM-EXT-1)", c->st->store.name);
	if (bad != NULL)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s: no IMAP server can have a keyword \"%s\"", c->st->store.name, bad);
	return 0;
}
