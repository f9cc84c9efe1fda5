#include "sync/outbox/mail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sync/maildir/msgfile.h"
#include "sync/message/decode.h"
#include "sync/message/header.h"
#include "sync/message/lineends.h"
#include "sync/message/utf8.h"

enum { PIECE = 32 * 1024 };

void
outbox_mail_release(struct outbox_mail *mail)
{
	envelope_release(&mail->envelope);
	buf_release(&mail->header);
}

/* ---- reading ---- */

static ssize_t
read_piece(int fd, char *p, size_t room, struct err *e)
{
	ssize_t n;

	do
		n = read(fd, p, room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		err_sys(e, ERR_MESSAGE, errno, "it cannot be read");
	return n;
}

/* What lines have in them. */
struct check {
	uint64_t line, longest;		/* octets of the present line; of the longest, and its number */
	uint64_t number, longest_number;
	bool is_cr_last, has_bare_cr, has_nul, is_8bit;
};

static void
end_line(struct check *c)
{
	c->number++;
	if (c->line > c->longest) {
		c->longest = c->line;
		c->longest_number = c->number;
	}
	c->line = 0;
}

static void
check_octets(struct check *c, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (c->is_cr_last && p[i] != '\n')
			c->has_bare_cr = true;
		c->is_cr_last = p[i] == '\r';
		c->has_nul |= p[i] == '\0';
		c->is_8bit |= (unsigned char)p[i] >= 0x80;
		if (p[i] == '\n')
			end_line(c);
		else
			c->line += p[i] != '\r';
	}
}

static const char *
fault_of(struct outbox_mail *mail, struct check *c)
{
	end_line(c);
	if (c->has_nul)
		return "it has a NUL octet in it, which no mail can have";
	if (c->has_bare_cr || c->is_cr_last)
		return "it has a CR without its LF in it, which SMTP cannot carry";
	if (c->longest > MAIL_LINE_MAX)
		return arena_printf(&mail->envelope.arena, "its line %" PRIu64 " has %" PRIu64 " octets, and SMTP carries %d: it is to be "
		    "written with a transfer encoding (quoted-printable, base64)", c->longest_number, c->longest, MAIL_LINE_MAX);
	return NULL;
}

static bool
is_utf8(const char *p, size_t len)
{
	uint32_t c;
	size_t n;

	for (; len > 0; p += n, len -= n) {
		n = utf8_get(p, len, &c);
		if (n == 0)
			return false;
	}
	return true;
}

/* As it is shown: decoded, and not longer than a line has room for. */
static const char *
shown_field(struct outbox_mail *mail, const char *name)
{
	enum { SHOWN_MOST = 120 };
	struct arena *a = &mail->envelope.arena;
	const char *all = decode_field(a, buf_str(&mail->header), mail->header.len, name, DECODE_FIELD_MOST);
	size_t len = SHOWN_MOST;

	if (strlen(all) <= SHOWN_MOST)
		return all;
	while (len > 0 && ((unsigned char)all[len] & 0xc0) == 0x80)
		len--;
	return arena_printf(a, "%.*s...", (int)len, all);
}

static void
read_fields(struct outbox_mail *mail)
{
	const char *header = buf_str(&mail->header);
	const size_t len = mail->header.len;

	(void)header_get(header, len, "Message-ID", mail->message_id, sizeof mail->message_id);
	(void)header_get(header, len, "Date", mail->date, sizeof mail->date);
	mail->subject = shown_field(mail, "Subject");
	mail->to = shown_field(mail, "To");
	if (mail->to[0] == '\0')
		mail->to = shown_field(mail, "Cc");
}

/* Takes the file apart at its beginning: head[0..len), which may be less than all of it. */
static void
read_header(struct outbox_mail *mail, const char *head, size_t len, bool is_all)
{
	const char *why;
	const size_t ours = envelope_read(head, len, &mail->envelope, &why);
	const size_t fields = envelope_fields(head + ours, len - ours);

	mail->fault = why;
	buf_add(&mail->header, head + ours, fields);
	if (fields > 0 && head[ours + fields - 1] != '\n')
		buf_addc(&mail->header, '\n');
	mail->body = ours + fields;
	if (ours + fields < len && head[ours + fields] != '\n' && head[ours + fields] != '\r')
		mail->fault = "its header has a line that is no field";
	else if (ours + fields == len && !is_all)
		mail->fault = "its header is larger than a megabyte";
	read_fields(mail);
	for (size_t i = 0; i < fields; i++)
		mail->has_8bit_header |= (unsigned char)head[ours + i] >= 0x80;
	/* What is not UTF-8 is no matter of SMTPUTF8: it goes as it is. */
	mail->has_8bit_header = mail->has_8bit_header && is_utf8(head + ours, fields);
	if (ours == 0 && mail->fault == NULL)
		mail->fault = envelope_from_header(&mail->envelope, buf_str(&mail->header), mail->header.len, true);
	if (mail->fault == NULL && mail->envelope.to.n == 0)
		mail->fault = "it has no recipient";
	if (mail->fault == NULL && mail->envelope.sender == NULL)
		mail->fault = "it has no sender: neither From nor Sender is in its header";
}

int
outbox_mail_read(struct mdir *m, struct key key, const char *hint, struct outbox_mail *mail_r, struct err *e)
{
	struct check check = { 0 };
	struct lineends_out out = { 0 };
	struct buf head = { 0 };
	struct stat st;
	const char *fault;
	ssize_t n = -1;
	int fd;

	*mail_r = (struct outbox_mail){ .body = 0 };
	fd = msgfile_open(m, key, hint, &st, e);
	if (fd < 0)
		return -1;
	mail_r->written = (int64_t)st.st_mtime;
	do {
		buf_reserve(&head, PIECE);
		n = read_piece(fd, head.data + head.len, PIECE, e);
		head.len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && head.len < ENVELOPE_HEADER_MAX);
	if (n < 0)
		goto done;
	read_header(mail_r, buf_str(&head), head.len, n == 0);
	check_octets(&check, buf_str(&head), head.len);
	lineends_count(&out, buf_str(&head) + mail_r->body, head.len - (size_t)mail_r->body);
	while (n > 0) {
		n = read_piece(fd, head.data, head.room - 1, e);
		if (n < 0)
			goto done;
		check_octets(&check, head.data, (size_t)n);
		lineends_count(&out, head.data, (size_t)n);
	}
	mail_r->rest = out.size;
	mail_r->is_8bit = check.is_8bit;
	fault = fault_of(mail_r, &check);
	if (fault != NULL)
		mail_r->fault = fault;
done:
	close(fd);
	buf_release(&head);
	if (n < 0)
		outbox_mail_release(mail_r);
	return n < 0 ? -1 : 0;
}

/* ---- writing ---- */

static void
make_header(const struct outbox_mail *mail, const struct outbox_added *added, bool is_kept, struct buf *out)
{
	/* The line ends of what is added are those of the rest. */
	const char *eol = strstr(buf_str(&mail->header), "\r\n") != NULL ? "\r\n" : "\n";

	if (added->message_id[0] != '\0')
		buf_printf(out, "Message-ID: %s%s", added->message_id, eol);
	if (added->date[0] != '\0')
		buf_printf(out, "Date: %s%s", added->date, eol);
	if (is_kept)
		envelope_plain_fields(buf_str(&mail->header), mail->header.len, out);
	else
		envelope_sent_fields(buf_str(&mail->header), mail->header.len, out);
}

uint64_t
outbox_mail_size(const struct outbox_mail *mail, const struct outbox_added *added)
{
	struct lineends_out out = { 0 };
	struct buf header = { 0 };

	make_header(mail, added, false, &header);
	lineends_count(&out, buf_str(&header), header.len);
	buf_release(&header);
	return out.size + mail->rest;
}

struct writing {
	struct lineends_out ends;
	char *wire;			/* room for two pieces */
	bool is_kept;
	outbox_sink *sink;
	void *ctx;
};

static int
pass(struct writing *w, const char *p, size_t len, struct err *e)
{
	size_t piece;

	for (; len > 0; p += piece, len -= piece) {
		piece = len < PIECE ? len : PIECE;
		if (w->is_kept ? w->sink(w->ctx, p, piece, e) < 0 :
		    w->sink(w->ctx, w->wire, lineends_to_wire(&w->ends, p, piece, w->wire), e) < 0)
			return -1;
	}
	return 0;
}

int
outbox_mail_write(struct mdir *m, struct key key, const char *hint, const struct outbox_mail *mail, const struct outbox_added *added,
    bool is_kept, outbox_sink *sink, void *ctx, struct err *e)
{
	struct writing w = { .is_kept = is_kept, .sink = sink, .ctx = ctx, .wire = mem_alloc(3 * PIECE) };
	struct buf header = { 0 };
	struct stat st;
	ssize_t n = 0;
	int fd, status = -1;

	fd = msgfile_open(m, key, hint, &st, e);
	if (fd < 0)
		goto done;
	if (lseek(fd, (off_t)mail->body, SEEK_SET) < 0) {
		err_sys(e, ERR_MESSAGE, errno, "it cannot be read");
		goto done;
	}
	make_header(mail, added, is_kept, &header);
	status = pass(&w, buf_str(&header), header.len, e);
	while (status == 0 && (n = read_piece(fd, w.wire + (size_t)2 * PIECE, PIECE, e)) > 0)
		status = pass(&w, w.wire + (size_t)2 * PIECE, (size_t)n, e);
	status = n < 0 ? -1 : status;
done:
	if (fd >= 0)
		close(fd);
	buf_release(&header);
	free(w.wire);
	return status;
}

/* ---- what is added ---- */

const char *
outbox_new_message_id(struct arena *a, const char *sender, int64_t now)
{
	const char *domain = sender != NULL ? envelope_domain(sender) : NULL;
	uint64_t random = 0;

	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
		random = (uint64_t)getpid() << 32 ^ (uint64_t)clock();
	return arena_printf(a, "<%lld.%016" PRIx64 "@%s>", (long long)now, random, domain != NULL ? domain : "localhost");
}

const char *
outbox_new_date(struct arena *a, int64_t now)
{
	/* strftime() would name days and months as the locale does. */
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const time_t when = (time_t)now;
	struct tm tm;
	long zone;

	if (localtime_r(&when, &tm) == NULL)
		return "Thu, 01 Jan 1970 00:00:00 +0000";
	zone = tm.tm_gmtoff / 60;
	return arena_printf(a, "%.3s, %d %.3s %d %02d:%02d:%02d %c%02ld%02ld", days + (ptrdiff_t)3 * tm.tm_wday, tm.tm_mday, months + (ptrdiff_t)3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, zone < 0 ? '-' : '+', (zone < 0 ? -zone : zone) / 60,
	    (zone < 0 ? -zone : zone) % 60);
}
