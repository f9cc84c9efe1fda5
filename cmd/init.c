/* mailtwin init ADDRESS: a configuration that works, from an address.
 *
 *   servers (table, network, person) -> proposal -> shown -> written, if a person agrees -> check -> plan
 *
 * What must always hold:
 *   1. What the network says is an offer (cmd/discover/offer.h): checked, shown, and quoted where it is written.
 *   2. No file is overwritten. To a configuration of mailtwin's own the account is appended; one of mbsync's stays as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/config_file.h"
#include "cmd/discovery.h"
#include "cmd/json.h"
#include "cmd/pass_way.h"
#include "cmd/proposal.h"
#include "cmd/question.h"
#include "cmd/shell.h"
#include "cmd/terminal.h"
#include "cmd/wrapped.h"

struct init {
	struct app *app;
	const char *address, *domain;
	struct discovery found;
	struct offers asked;		/* of the table, or of the person */
	const struct provider *provider;
	struct proposal proposal;
	struct pass_way way;
	const char *file;		/* where it goes */
	bool is_there;			/* that file */
	bool may_append;		/* it is no file of mbsync's */
	struct buf text;
	struct arena a;
};

static int
fail(struct init *in, enum err_class class, const char *text)
{
	struct err e;

	err_class(&e, ERR_RUN, class, ERR_NEVER, "%s", text);
	app_fail(in->app, &e);
	return -1;
}

static void
say(const struct init *in, const char *text)
{
	if (!in->app->options.is_json && in->app->options.quiet == 0)
		wrapped_print(stderr, TERMINAL_PLAIN, "", text);
}

/* ---- the file ---- */

/* Where it goes, and what is there already. */
static int
look_at_file(struct init *in)
{
	struct app *app = in->app;
	const char *config = getenv("XDG_CONFIG_HOME"), *own;
	struct err e;

	own = app->options.config != NULL ? app->options.config : arena_printf(&in->a, "%s/mailtwin/mbsyncrc", config != NULL && config[0] == '/' ?
	    config : arena_printf(&in->a, "%s/.config", app->home));
	in->file = own;
	if (access(own, F_OK) < 0 && (app->options.config != NULL || config_file_find(NULL, config, app->home, &app->file, &e) < 0))
		return 0;
	config_file_release(&app->file);
	app->file = (struct config_file){ 0 };
	if (app_configure(app) < 0)
		return -1;
	in->file = arena_strdup(&in->a, app->settings->file);
	in->is_there = true;
	in->may_append = strcmp(in->file, own) == 0;
	return 0;
}

/* The directories above a path. */
static int
make_above(const char *path, struct err *e)
{
	char *at = mem_strdup(path);
	int rc = 0;

	for (char *slash = strchr(at + 1, '/'); slash != NULL && rc == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(at, 0700) < 0 && errno != EEXIST)
			rc = err_sys(e, ERR_RUN, errno, "cannot make the directory %s", at);
		*slash = '/';
	}
	free(at);
	return rc;
}

static int
write_file(struct init *in, struct err *e)
{
	const int how = in->is_there ? O_WRONLY | O_APPEND : O_WRONLY | O_CREAT | O_EXCL;
	const char *text = buf_str(&in->text);
	size_t len = in->text.len, at = 0;
	ssize_t n = 0;
	int fd, rc = 0;

	if (!in->is_there && make_above(in->file, e) < 0)
		return -1;
	fd = open(in->file, how | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, ERR_RUN, errno, "cannot write %s", in->file);
	/* An empty line ends the section before it. */
	if (in->is_there) {
		text = arena_printf(&in->a, "\n\n%s", text);
		len += 2;
	}
	for (; at < len && n >= 0; at += n > 0 ? (size_t)n : 0)
		n = write(fd, text + at, len - at);
	if (n < 0 || fsync(fd) < 0)
		rc = err_sys(e, ERR_RUN, errno, "cannot write %s", in->file);
	if (close(fd) < 0 && rc == 0)
		rc = err_sys(e, ERR_RUN, errno, "cannot write %s", in->file);
	return rc;
}

static int
make_maildir(struct init *in, struct err *e)
{
	const char *path = proposal_path(&in->proposal, &in->a);

	/* "~/" is the home directory's. */
	return make_above(arena_printf(&in->a, "%s/%s", in->app->home, path + 2), e);
}

/* ---- servers ---- */

/* The first mail exchanger that is a known provider's: domains of their customers, who have them under their own name. */
static const struct provider *
provider_of_customers(const struct discovery *d)
{
	const struct provider *p = NULL;

	for (size_t i = 0; i < d->exchangers.n && p == NULL; i++)
		p = provider_of_exchanger(d->exchangers.at[i]);
	return p;
}

static void
ask_network(struct init *in)
{
	struct err e;

	say(in, arena_printf(&in->a, "asking %s, Thunderbird's database of providers and the DNS ...", in->domain));
	if (discovery_ask(in->address, &in->found, &e) < 0)
		app_warn(in->app, "%s", e.text);
	for (size_t i = 0; i < in->found.notes.n && in->app->options.verbose != 0; i++)
		app_notice(in->app, "%s", in->found.notes.at[i]);
	in->provider = provider_of_customers(&in->found);
	if (in->provider != NULL)
		provider_offers(in->provider, in->address, &in->asked);
}

/* "imap.example.org" or "imap.example.org:143": that port begins without TLS, as 587 does. */
static bool
take_answer(struct init *in, enum offer_kind kind, char *answer)
{
	struct offer like = { .kind = kind, .tls = OFFER_TLS, .source = OFFER_OF_PERSON, .port = kind == OFFER_IMAP ? 993 : 465 };
	char *colon = strrchr(answer, ':'), *end;

	if (colon != NULL) {
		*colon = '\0';
		like.port = (unsigned)strtoul(colon + 1, &end, 10);
		if (*end != '\0' || end == colon + 1 || like.port > 65535)
			return false;
		like.tls = like.port == 143 || like.port == 587 ? OFFER_STARTTLS : OFFER_TLS;
	}
	return offers_add(&in->asked, &like, answer, "%EMAILADDRESS%", in->address);
}

static void
ask_person(struct init *in)
{
	struct buf answer = { 0 };

	wrapped_print(stdout, TERMINAL_PLAIN, "", arena_printf(&in->a, "Nobody says which servers %s has. The provider's pages do, under \"mail "
	    "programs\" or \"IMAP\".", in->domain));
	while (question("IMAP server (NAME or NAME:PORT)", NULL, &answer) && answer.len != 0 && !take_answer(in, OFFER_IMAP, answer.data))
		printf("That is no name of a server.\n");
	while (in->asked.all.n != 0 && question("SMTP server, to send mail (nothing: none)", NULL, &answer) && answer.len != 0 &&
	    !take_answer(in, OFFER_SMTP, answer.data))
		printf("That is no name of a server.\n");
	buf_release(&answer);
}

static const struct offer *
best(const struct init *in, enum offer_kind kind)
{
	const struct offer *found = offers_best(&in->found.offers, kind), *asked = offers_best(&in->asked, kind);

	/* What the domain itself says by HTTPS comes before what its mail exchanger lets us think. */
	if (asked == NULL || (found != NULL && found->source <= OFFER_OF_AUTOCONFIG))
		return found;
	return asked;
}

static void
find_servers(struct init *in)
{
	in->provider = provider_of_domain(in->domain);
	if (in->provider != NULL)
		provider_offers(in->provider, in->address, &in->asked);
	else if (!in->app->options.is_offline)
		ask_network(in);
	if (best(in, OFFER_IMAP) == NULL && best(in, OFFER_POP3) == NULL && question_can() && !in->app->options.is_yes)
		ask_person(in);
	in->proposal.in = best(in, OFFER_IMAP) != NULL ? best(in, OFFER_IMAP) : best(in, OFFER_POP3);
	in->proposal.out = best(in, OFFER_SMTP);
}

/* ---- the proposal ---- */

/* Whether a host is of the domain: DNS alone, which anybody on the way may have written, can name others. */
static bool
is_of_domain(const char *host, const char *domain)
{
	const size_t h = strlen(host), d = strlen(domain);

	return h >= d && strcasecmp(host + h - d, domain) == 0 && (h == d || host[h - d - 1] == '.');
}

static bool
is_doubtful(const struct init *in, const struct offer *o)
{
	return o != NULL && o->source == OFFER_OF_SRV && !is_of_domain(o->host, in->domain);
}

static int
propose(struct init *in)
{
	struct proposal *p = &in->proposal;
	const struct account_settings *known = proposal_known(in->app->settings, p->in);

	if (known != NULL)
		return fail(in, ERR_FAILED, arena_printf(&in->a, "%s has this account already (%s): `mailtwin check` looks at it", in->file, known->name));
	p->address = in->address;
	p->provider = in->provider;
	p->name = proposal_name(in->app->settings, in->provider, in->domain, &in->a);
	in->way = pass_way_find(p->in, p->name, &in->a);
	p->pass_cmd = in->way.command;
	proposal_write(p, &in->text);
	return 0;
}

static void
print_json(const struct init *in, bool is_written)
{
	struct buf line = { 0 };

	json_open(&line);
	json_text(&line, "event", "init");
	json_text(&line, "file", in->file);
	json_text(&line, "source", offer_source_words(in->proposal.in->source));
	json_text(&line, "config", buf_str(&in->text));
	json_text(&line, "before", in->way.before);
	json_text(&line, "note", in->provider != NULL ? in->provider->note : NULL);
	json_bool(&line, "written", is_written);
	terminal_json(&line);
}

static void
show(const struct init *in)
{
	const struct proposal *p = &in->proposal;
	struct arena a = { 0 };

	say(in, arena_printf(&a, "%s: found by %s%s", p->in->host, offer_source_words(p->in->source),
	    is_doubtful(in, p->in) || is_doubtful(in, p->out) ? ". It is no server of that domain, and DNS can be forged: see whether it is your provider's" : ""));
	if (in->provider != NULL && in->provider->note != NULL)
		say(in, arena_printf(&a, "%s: %s", in->provider->name, in->provider->note));
	say(in, arena_printf(&a, "the password comes from %s", in->way.words));
	if (!in->app->options.is_json)
		terminal_lines(stdout, buf_str(&in->text));
	arena_release(&a);
}

/* ---- agreed ---- */

/* 1: it is to be written; 0: it is not, which was told; -1. */
static int
agree(struct init *in)
{
	const bool is_doubtful_any = is_doubtful(in, in->proposal.in) || is_doubtful(in, in->proposal.out);

	if (in->is_there && !in->may_append) {
		say(in, arena_printf(&in->a, "%s is mbsync's, which does not know all of this: it stays as it is. To use it with mailtwin: mkdir -p "
		    "~/.config/mailtwin && cp %s ~/.config/mailtwin/mbsyncrc, then this again", in->file, in->file));
		return 0;
	}
	if (in->app->options.is_yes && is_doubtful_any)
		return fail(in, ERR_FAILED, arena_printf(&in->a, "only the DNS of %s names these servers, and they are not its own: without --yes you are asked",
		    in->domain));
	if (in->app->options.is_yes)
		return 1;
	if (!question_can()) {
		say(in, arena_printf(&in->a, "nothing was written: with --yes it is %s %s", in->is_there ? "appended to" : "written to", in->file));
		return 0;
	}
	return question_yes(arena_printf(&in->a, "%s %s and make %s?", in->is_there ? "Append this to" : "Write this to", in->file,
	    proposal_path(&in->proposal, &in->a)), !is_doubtful_any);
}

/* The password goes where PassCmd will look for it: by a command that asks for it on the terminal. */
static void
store_password(struct init *in)
{
	const struct shell sh = { .what = "the command", .command = in->way.before, .has_terminal = true };
	struct err e;

	if (in->way.before == NULL)
		return;
	if (in->app->options.is_yes || !question_can()) {
		say(in, arena_printf(&in->a, "to store the password: %s", in->way.before));
		return;
	}
	if (question_yes(arena_printf(&in->a, "Store the password now (%s)?", in->way.before), true) && shell_run(&sh, NULL, 0, &e) < 0)
		app_warn(in->app, "%s", e.text);
}

/* As if these commands had been given next, of the new channel. */
static void
check_and_plan(struct init *in)
{
	struct app *app = in->app;

	settings_free(&app->settings);
	config_file_release(&app->file);
	app->file = (struct config_file){ 0 };
	app->options.config = in->file;
	app->options.args.n = 0;
	vec_push(&app->options.args, in->proposal.name);
	app->keeps_answers = true;
	check_run(app);
	if (app_code(app) != 0)
		return;
	app->options.is_dry = true;
	app->options.command = "plan";
	sync_run(app);
}

static int
carry_out(struct init *in)
{
	struct err e;
	int is_agreed;

	show(in);
	is_agreed = agree(in);
	if (is_agreed > 0 && (make_maildir(in, &e) < 0 || write_file(in, &e) < 0)) {
		app_fail(in->app, &e);
		is_agreed = -1;
	}
	if (in->app->options.is_json && is_agreed >= 0)
		print_json(in, is_agreed > 0);
	if (is_agreed <= 0)
		return is_agreed;
	say(in, arena_printf(&in->a, "%s: %s. `mailtwin %s` synchronises it; mailtwin(5) explains each line", in->file,
	    in->is_there ? "appended to" : "written", in->proposal.name));
	store_password(in);
	check_and_plan(in);
	return 0;
}

static int
work(struct init *in)
{
	const struct options *o = &in->app->options;

	if (o->args.n != 1)
		return fail(in, ERR_USAGE, "init takes one address: mailtwin init jane@example.org");
	in->address = o->args.at[0];
	if (!offer_address_ok(in->address, &in->domain))
		return fail(in, ERR_USAGE, arena_printf(&in->a, "\"%s\" is no address such as jane@example.org (a domain in other letters is written as its "
		    "xn-- name)", in->address));
	if (look_at_file(in) < 0)
		return -1;
	find_servers(in);
	if (in->proposal.in == NULL)
		return fail(in, ERR_FAILED, arena_printf(&in->a, "nobody says which servers %s has: ask the provider, and copy mbsyncrc.example (mailtwin(5) "
		    "explains it); or run this on a terminal, where you are asked", in->domain));
	return propose(in) < 0 ? -1 : carry_out(in);
}

void
init_run(struct app *app)
{
	struct init in = { .app = app };

	(void)work(&in);
	discovery_release(&in.found);
	vec_release(&in.asked.all);
	buf_release(&in.text);
	arena_release(&in.a);
}
