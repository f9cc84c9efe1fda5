#include "sync/net/dialog.h"

#include <stdio.h>
#include <string.h>

static int
stream_why(void *ctx, struct err *e)
{
	struct dialog *d = ctx;

	return stream_fail(d->stream, e);
}

void
dialog_begin(struct dialog *d, struct net *net, struct stream *stream)
{
	*d = (struct dialog){ .stream = stream, .is_unprotected = net_settings(net)->tls_type != NET_TLS_NONE && !stream_is_tls(stream) };
	snprintf(d->label, sizeof d->label, "%s", stream_label(stream));
	d->lines = lines_new(stream_mail(stream), d->label);
	lines_on_end(d->lines, stream_why, d);
}

struct stream *
dialog_leave(struct dialog *d)
{
	struct stream *stream = d->stream;

	lines_free(&d->lines);
	d->stream = NULL;
	return stream;
}

void
dialog_end(struct dialog *d)
{
	struct stream *stream = dialog_leave(d);

	stream_close(&stream);
}

int
dialog_die(struct dialog *d, const struct err *why, struct err *e)
{
	if (!d->is_dead)
		d->failure = *why;
	d->is_dead = true;
	*e = d->failure;
	return err_widen(e, ERR_STORE);
}

int
dialog_check(const struct dialog *d, struct err *e)
{
	if (!d->is_dead)
		return 0;
	*e = d->failure;
	return -1;
}

static int
lost(struct dialog *d, struct err *e)
{
	struct err why;

	stream_fail(d->stream, &why);
	return dialog_die(d, &why, e);
}

int
dialog_await_greeting(struct dialog *d, struct err *e)
{
	struct err why;

	return stream_await_greeting(d->stream, &why) < 0 ? dialog_die(d, &why, e) : 0;
}

int
dialog_write(struct dialog *d, const void *text, size_t len, struct err *e)
{
	if (dialog_check(d, e) < 0)
		return -1;
	return mailstream_write(stream_mail(d->stream), text, len) < 0 ? lost(d, e) : 0;
}

int
dialog_flush(struct dialog *d, struct err *e)
{
	if (dialog_check(d, e) < 0)
		return -1;
	return mailstream_flush(stream_mail(d->stream)) < 0 ? lost(d, e) : 0;
}

int
dialog_say(struct dialog *d, const char *command, struct err *e)
{
	return dialog_write(d, command, strlen(command), e) < 0 || dialog_write(d, "\r\n", 2, e) < 0 ? -1 : dialog_flush(d, e);
}

int
dialog_say_secret(struct dialog *d, struct buf *line, struct err *e)
{
	buf_adds(line, "\r\n");
	stream_secret_begin(d->stream);
	if (dialog_write(d, line->data, line->len, e) < 0 || dialog_flush(d, e) < 0)
		return -1;
	stream_secret_end(d->stream);
	return 0;
}

int
dialog_start_tls(struct dialog *d, const char *command, struct err *e)
{
	struct err why;

	if (lines_has_input(d->lines))
		err_class(&why, ERR_STORE, ERR_REFUSED, ERR_NEVER, "%s: unprotected data came behind the answer to %s: somebody on the way may be "
		    "writing into the connection", d->label, command);
	else if (stream_starttls(d->stream, &why) == 0)
		return 0;
	return dialog_die(d, &why, e);
}

void
dialog_greeted(struct dialog *d, const char *text)
{
	snprintf(d->greeting, sizeof d->greeting, "%s", d->is_unprotected ? "" : text);
}

const char *
dialog_words(const struct dialog *d, const char *text)
{
	if (d->is_unprotected)
		return "its words came before TLS and may be anybody's";
	return *text != '\0' ? text : "it does not say why";
}
