/* mailtwin enqueue: what programs take for sendmail. A message on standard input goes into an outbox, and is sent by the next run.
 *
 * Its options and exit codes (sysexits.h) are those of sendmail; what says how mail is delivered by a daemon has no effect here, for none
 * is. Nothing is printed unless something is wrong.
 */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/outboxes.h"
#include "cmd/sending.h"
#include "sync/message/address.h"
#include "sync/message/header.h"
#include "sync/outbox/enqueue.h"
#include "sync/outbox/mail.h"
#include "sync/smtp/session.h"

struct enqueue {
	struct app *app;
	struct arena arena;
	/* What was asked for. */
	const char *sender, *full_name, *account;	/* NULL = not said */
	bool takes_header, ignores_dots;
	const char *const *to;		/* arguments */
	size_t n_to;
	struct envelope envelope;
	struct buf input, message;
	struct outboxes boxes;
	const struct outbox_place *place;
};

static int
fail(struct enqueue *q, int code, const char *text)
{
	struct err e;

	err_class(&e, ERR_RUN, ERR_USAGE, ERR_NEVER, "enqueue: %s", text);
	app_fail(q->app, &e);
	q->app->exit_code = code;
	return -1;
}

/* ---- options ---- */

static const char *
upper(struct enqueue *q, const char *word)
{
	char *copy = arena_strdup(&q->arena, word);

	for (char *c = copy; *c != '\0'; c++)
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	return copy;
}

/* -N: when a report is wanted (RFC 3461 section 4.1). */
static int
set_notify(struct enqueue *q, const char *value)
{
	static const char *const words[] = { "SUCCESS", "FAILURE", "DELAY" };
	const char *all = upper(q, value);
	size_t len, i;

	q->envelope.notify = all;
	if (strcmp(all, "NEVER") == 0)
		return 0;
	for (const char *p = all;; p += len + 1) {
		len = strcspn(p, ",");
		for (i = 0; i < 3 && (strlen(words[i]) != len || strncmp(words[i], p, len) != 0); i++)
			continue;
		if (i == 3)
			return fail(q, EX_USAGE, "-N takes never, or success, failure and delay with commas between them");
		if (p[len] == '\0')
			return 0;
	}
}

static int
set_return(struct enqueue *q, const char *value)
{
	q->envelope.ret = upper(q, value);
	return strcmp(q->envelope.ret, "HDRS") == 0 || strcmp(q->envelope.ret, "FULL") == 0 ? 0 : fail(q, EX_USAGE, "-R takes hdrs or full");
}

/* -V: as xtext (RFC 3461 section 4). */
static int
set_envelope_id(struct enqueue *q, const char *value)
{
	struct buf text = { 0 };

	for (const char *c = value; *c != '\0'; c++)
		if (*c > ' ' && *c < 0x7f && *c != '+' && *c != '=')
			buf_addc(&text, *c);
		else
			buf_printf(&text, "+%02X", (unsigned char)*c);
	q->envelope.envid = arena_strdup(&q->arena, buf_str(&text));
	buf_release(&text);
	return strlen(q->envelope.envid) <= 100 ? 0 : fail(q, EX_USAGE, "-V takes an id of 100 octets at most");
}

/* A letter with its value. */
static int
set_value(struct enqueue *q, char letter, const char *value)
{
	switch (letter) {
	case 'f':
	case 'r':
		q->sender = value;
		return 0;
	case 'F':
		q->full_name = value;
		return 0;
	case 'N':
		return set_notify(q, value);
	case 'R':
		return set_return(q, value);
	case 'V':
		return set_envelope_id(q, value);
	default:
		/* B (its octets say what they are), h, L, O, p, X: of how a daemon would do it. */
		return 0;
	}
}

/* "-ti", "-fjane@example.org", "-oi". 1: the next argument belongs to it. */
static int
read_letters(struct enqueue *q, const char *letters, const char *next)
{
	for (; *letters != '\0'; letters++) {
		switch (*letters) {
		case 't':
			q->takes_header = true;
			break;
		case 'i':
			q->ignores_dots = true;
			break;
		case 'm':
		case 'n':
		case 'v':
		case 'G':
		case 'U':
			break;
		case 'o':
			q->ignores_dots |= letters[1] == 'i';
			return 0;
		case 'q':
		case 'd':
			return 0;
		case 'b':
			return letters[1] == 'm' ? 0 : fail(q, EX_USAGE, "of sendmail's modes (-b) there is -bm alone: a message on standard input");
		case 'f':
		case 'r':
		case 'F':
		case 'N':
		case 'R':
		case 'V':
		case 'B':
		case 'h':
		case 'L':
		case 'O':
		case 'p':
		case 'X':
			if (letters[1] != '\0')
				return set_value(q, *letters, letters + 1);
			if (next == NULL)
				return fail(q, EX_USAGE, arena_printf(&q->arena, "-%c needs an argument", *letters));
			return set_value(q, *letters, next) < 0 ? -1 : 1;
		default:
			return fail(q, EX_USAGE, arena_printf(&q->arena, "unknown option -%c", *letters));
		}
	}
	return 0;
}

static int
read_options(struct enqueue *q)
{
	const struct options *o = &q->app->options;
	const char *const *arg = o->args.at, *const *end = arg + o->args.n;
	const char *next;
	int used = 0;

	for (; arg < end && (*arg)[0] == '-' && (*arg)[1] != '\0'; arg += 1 + used) {
		next = arg + 1 < end ? arg[1] : NULL;
		used = 0;
		if (strcmp(*arg, "--") == 0) {
			arg++;
			break;
		}
		if (strncmp(*arg, "--account=", 10) == 0) {
			q->account = *arg + 10;
		} else if (strcmp(*arg, "--account") == 0) {
			q->account = next;
			used = 1;
			if (next == NULL)
				return fail(q, EX_USAGE, "--account needs the name of an SMTPAccount");
		} else if ((*arg)[1] == '-') {
			return fail(q, EX_USAGE, arena_printf(&q->arena, "unknown option %s", *arg));
		} else {
			used = read_letters(q, *arg + 1, next);
			if (used < 0)
				return -1;
		}
	}
	q->to = arg;
	q->n_to = (size_t)(end - arg);
	return 0;
}

/* ---- the message ---- */

static int
read_input(struct enqueue *q)
{
	ssize_t n;

	do {
		buf_reserve(&q->input, 65536);
		n = read(STDIN_FILENO, q->input.data + q->input.len, 65536);
		if (n > 0)
			q->input.len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return fail(q, EX_IOERR, arena_printf(&q->arena, "standard input cannot be read: %s", strerror(errno)));
	buf_reserve(&q->input, 1);
	q->input.data[q->input.len] = '\0';
	return 0;
}

/* Line ends as in a file, if they came as on the line; a line that is a dot ends it, unless -i says otherwise. */
static void
settle_lines(struct enqueue *q)
{
	char *in = q->input.data, *out = in;
	const char *first = memchr(in, '\n', q->input.len);
	const bool is_wire = first != NULL && first > in && first[-1] == '\r';
	const size_t len = q->input.len;

	for (size_t i = 0; i < len; i++) {
		if (!q->ignores_dots && in[i] == '.' && (out == q->input.data || out[-1] == '\n') &&
		    (i + 1 == len || in[i + 1] == '\n' || (in[i + 1] == '\r' && i + 2 < len && in[i + 2] == '\n')))
			break;
		if (is_wire && in[i] == '\r' && i + 1 < len && in[i + 1] == '\n')
			continue;
		*out++ = in[i];
	}
	q->input.len = (size_t)(out - q->input.data);
}

struct adding { struct enqueue *q; const char *fault; };

static void
add_one(void *ctx, const char *address)
{
	struct adding *adding = ctx;
	const char *fault = envelope_add(&adding->q->envelope, address);

	if (adding->fault == NULL)
		adding->fault = fault;
}

static int
take_arguments(struct enqueue *q)
{
	struct adding adding = { q, NULL };
	const char *why;

	for (size_t i = 0; i < q->n_to; i++) {
		/* Line ends part nothing here: they have no place in an argument. */
		if (q->to[i][strcspn(q->to[i], "\r\n")] != '\0')
			return fail(q, EX_NOUSER, "a recipient has a line end in it");
		if (address_list(q->to[i], strlen(q->to[i]), add_one, &adding, &why) < 0)
			return fail(q, EX_NOUSER, arena_printf(&q->arena, "the recipient \"%.200s\" cannot be read: %s", q->to[i], why));
		if (adding.fault != NULL)
			return fail(q, EX_NOUSER, adding.fault);
	}
	return 0;
}

static void
keep_sender(void *ctx, const char *address)
{
	struct enqueue *q = ctx;

	q->envelope.sender = arena_strdup(&q->envelope.arena, address);
}

static int
take_sender(struct enqueue *q)
{
	const char *why;

	if (q->sender == NULL)
		return 0;
	if (*q->sender == '\0' || strcmp(q->sender, "<>") == 0) {
		q->envelope.sender = "";
		return 0;
	}
	if (q->sender[strcspn(q->sender, "\r\n")] != '\0' || address_list(q->sender, strlen(q->sender), keep_sender, q, &why) < 0 ||
	    q->envelope.sender == NULL || smtp_address_fault(q->envelope.sender) != NULL)
		return fail(q, EX_USAGE, "-f is no address");
	return 0;
}

/* Whose mail it is, and for whom. */
static int
make_envelope(struct enqueue *q, const char *header, size_t len)
{
	const char *fault;

	if (take_sender(q) < 0 || take_arguments(q) < 0)
		return -1;
	fault = envelope_from_header(&q->envelope, header, len, q->takes_header);
	if (fault != NULL)
		return fail(q, EX_DATAERR, fault);
	if (q->envelope.to.n == 0)
		return fail(q, EX_USAGE, q->takes_header ? "there is no recipient: To, Cc and Bcc name nobody" :
		    "there is no recipient: they are arguments, or with -t those of the header");
	return 0;
}

/* ---- the account ---- */

/* The first address of an account; NULL = it has none. */
static const char *
own_address(const struct account_settings *a)
{
	for (size_t i = 0; i < a->from.n; i++)
		if (a->from.at[i][0] != '@')
			return a->from.at[i];
	return a->user != NULL && strchr(a->user, '@') != NULL ? a->user : NULL;
}

static bool
is_its_sender(const struct account_settings *a, const char *sender)
{
	const char *domain = envelope_domain(sender);

	for (size_t i = 0; i < a->from.n; i++)
		if (strcasecmp(a->from.at[i], sender) == 0 || (a->from.at[i][0] == '@' && domain != NULL && strcasecmp(a->from.at[i] + 1, domain) == 0))
			return true;
	return a->user != NULL && strcasecmp(a->user, sender) == 0;
}

static int
choose_place(struct enqueue *q)
{
	const char *sender = q->envelope.sender;
	struct err e;

	if (outboxes_check(q->app->settings, &e) < 0)
		return fail(q, EX_CONFIG, e.text);
	outboxes_all(q->app->settings, &q->arena, &q->boxes);
	if (q->boxes.all.n == 0)
		return fail(q, EX_CONFIG, "the configuration has no outbox: SMTPAccount in a Channel or a MaildirStore makes one");
	for (size_t i = 0; i < q->boxes.all.n && q->account != NULL; i++)
		if (strcmp(q->boxes.all.at[i].account->name, q->account) == 0 || strcmp(q->boxes.all.at[i].name, q->account) == 0) {
			q->place = &q->boxes.all.at[i];
			return 0;
		}
	if (q->account != NULL)
		return fail(q, EX_USAGE, arena_printf(&q->arena, "no outbox has the SMTPAccount \"%s\"", q->account));
	for (size_t i = 0; i < q->boxes.all.n && sender != NULL && q->place == NULL; i++)
		if (is_its_sender(q->boxes.all.at[i].account, sender))
			q->place = &q->boxes.all.at[i];
	if (q->place == NULL && q->boxes.all.n == 1)
		q->place = &q->boxes.all.at[0];
	if (q->place == NULL)
		return fail(q, EX_CONFIG, arena_printf(&q->arena, "there are several accounts, and \"%s\" belongs to none of them: From of an SMTPAccount says "
		    "whose mail it sends, or --account names one", sender != NULL ? sender : "nobody"));
	return 0;
}

/* Names without a domain are people of this machine: cron's. Their mail is the account's own. */
static int
qualify(struct enqueue *q)
{
	const char *own = own_address(q->place->account);
	struct envelope *v = &q->envelope;

	if (v->sender == NULL || (*v->sender != '\0' && strchr(v->sender, '@') == NULL)) {
		if (own == NULL)
			return fail(q, EX_CONFIG, arena_printf(&q->arena, "nobody sends it: there is no address in From, and SMTPAccount %s has none either (From)",
			    q->place->account->name));
		v->sender = own;
	}
	for (size_t i = 0; i < v->to.n; i++) {
		if (strchr(v->to.at[i], '@') != NULL)
			continue;
		if (own == NULL || getpwnam(v->to.at[i]) == NULL)
			return fail(q, EX_NOUSER, arena_printf(&q->arena, "the recipient \"%s\" has no domain%s", v->to.at[i],
			    own == NULL ? "" : ", and nobody here has that name"));
		v->to.at[i] = own;
	}
	return 0;
}

/* ---- */

/* A name in front of an address, as a quoted string. */
static void
add_quoted(struct buf *out, const char *name)
{
	buf_addc(out, '"');
	for (; *name != '\0'; name++) {
		if ((unsigned char)*name < ' ' || *name == 0x7f)
			continue;
		if (*name == '"' || *name == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *name);
	}
	buf_adds(out, "\" ");
}

static void
make_message(struct enqueue *q, const char *text, size_t fields, size_t len)
{
	struct buf *out = &q->message;
	char value[256];

	if (!header_get(text, fields, "Message-ID", value, sizeof value) || value[0] == '\0')
		buf_printf(out, "Message-ID: %s\n", outbox_new_message_id(&q->arena, q->envelope.sender, time(NULL)));
	if (!header_get(text, fields, "Date", value, sizeof value) || value[0] == '\0')
		buf_printf(out, "Date: %s\n", outbox_new_date(&q->arena, time(NULL)));
	if (!header_get(text, fields, "From", value, sizeof value)) {
		buf_adds(out, "From: ");
		if (q->full_name != NULL)
			add_quoted(out, q->full_name);
		buf_printf(out, "<%s>\n", *q->envelope.sender != '\0' ? q->envelope.sender : own_address(q->place->account) != NULL ?
		    own_address(q->place->account) : "nobody@localhost");
	}
	envelope_plain_fields(text, fields, out);
	/* "echo hello | sendmail": what is no field begins the text. */
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	if (fields == len || text[fields] != '\n')
		buf_addc(out, '\n');
	buf_add(out, text + fields, len - fields);
}

static void
work(struct enqueue *q)
{
	const char *text;
	struct outbox o;
	size_t fields, len;
	struct err e;

	if (read_options(q) < 0)
		return;
	if (app_configure(q->app) < 0) {
		q->app->exit_code = EX_CONFIG;
		return;
	}
	if (read_input(q) < 0)
		return;
	settle_lines(q);
	text = buf_str(&q->input);
	len = q->input.len;
	if (memchr(text, '\0', len) != NULL) {
		fail(q, EX_DATAERR, "the message has a NUL octet in it, which no mail can have");
		return;
	}
	/* The line that parts messages of an mbox. */
	if (strncmp(text, "From ", 5) == 0 && strchr(text, '\n') != NULL) {
		fields = (size_t)(strchr(text, '\n') + 1 - text);
		text += fields;
		len -= fields;
	}
	fields = envelope_fields(text, len);
	if (fields >= ENVELOPE_HEADER_MAX) {
		fail(q, EX_DATAERR, "its header is larger than a megabyte");
		return;
	}
	if (make_envelope(q, text, fields) < 0 || choose_place(q) < 0 || qualify(q) < 0)
		return;
	make_message(q, text, fields, len);
	sending_fill(&o, q->place, q->app, NULL);
	if (outbox_enqueue(&o, &q->envelope, buf_str(&q->message), q->message.len, &e) < 0) {
		app_fail(q->app, &e);
		q->app->exit_code = e.class == ERR_TEMPORARY ? EX_TEMPFAIL : e.sys == EACCES || e.sys == EPERM ? EX_NOPERM : EX_CANTCREAT;
	}
}

void
enqueue_run(struct app *app)
{
	struct enqueue q = { .app = app };

	work(&q);
	outboxes_release(&q.boxes);
	envelope_release(&q.envelope);
	buf_release(&q.input);
	buf_release(&q.message);
	arena_release(&q.arena);
}
