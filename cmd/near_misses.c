/* What a configuration says and hardly means: found without a network. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/check_parts.h"
#include "cmd/overlap.h"
#include "cmd/program.h"
#include "state/base/shell_word.h"
#include "sync/store/kinds.h"

struct misses {
	const struct app *app;
	const struct findings *out;
	struct arena a;
};

static void
fail(const struct misses *m, const char *what, const char *where, const char *remedy, enum err_class class, const char *text)
{
	struct err e;

	err_class(&e, ERR_RUN, class, ERR_NEVER, "%s", text);
	finding_fail(m->out, what, where, remedy, &e);
}

/* ---- the file ---- */

static void
check_file(struct misses *m)
{
	const struct settings *s = m->app->settings;
	const struct config_file *f = &m->app->file;
	bool has_pass = false;
	struct stat st;

	for (size_t i = 0; i < s->n_accounts; i++)
		has_pass |= s->accounts[i]->pass != NULL;
	for (size_t i = 0; i < s->n_smtp_accounts; i++)
		has_pass |= s->smtp_accounts[i]->pass != NULL;
	if (has_pass && stat(s->file, &st) == 0 && st.st_mode & (S_IRGRP | S_IROTH))
		finding_warn(m->out, "config", s->file, arena_printf(&m->a, "chmod 600 %s", shell_word(&m->a, s->file)), "it holds a password and can be read by others (mode %04o)",
		    (unsigned)(st.st_mode & 07777));
	else
		finding_ok(m->out, "config", s->file, "%zu channel%s, %zu store%s", s->n_channels,
		    s->n_channels == 1 ? "" : "s", s->n_stores, s->n_stores == 1 ? "" : "s");
	for (size_t i = 0; i < f->n_shadowed; i++)
		finding_ok(m->out, "config", f->shadowed[i], "not read, as %s is", s->file);
}

/* ---- accounts ---- */

/* Port and TLSType that do not go together. `implicit`: the word for TLS from the first byte. */
static void
check_port(struct misses *m, const char *section, const struct account_settings *a, const char *implicit, unsigned port, unsigned tls_port)
{
	const char *where = arena_printf(&m->a, "%s %s", section, a->name);

	if (a->net.tunnel != NULL || a->net.port == 0)
		return;
	if (a->net.port == tls_port && a->net.tls_type != NET_TLS_IMPLICIT)
		fail(m, "config", where, arena_printf(&m->a, "write TLSType %s", implicit), ERR_FAILED, arena_printf(&m->a,
		    "Port %u is for TLS from the first byte, and TLSType is %s", tls_port, a->net.tls_type == NET_TLS_NONE ? "None" : "STARTTLS"));
	else if (a->net.port == port && a->net.tls_type == NET_TLS_IMPLICIT)
		fail(m, "config", where, arena_printf(&m->a, "leave out Port, or write TLSType STARTTLS"), ERR_FAILED, arena_printf(&m->a,
		    "Port %u begins without TLS, and TLSType is %s", port, implicit));
}

/* Whether the first word of a command can be found; NULL = it can, or that cannot be said without a shell. */
static const char *
missing_program(struct misses *m, const char *command)
{
	const size_t len = strcspn(command, " \t");
	const char *word = arena_strndup(&m->a, command, len);

	if (len == 0 || strpbrk(word, "\"'`$\\=|&;<>(){}*?[]#~!") != NULL)
		return NULL;
	if (program_is_there(word))
		return NULL;
	/* What the shell does by itself. */
	for (const char *const *own = (const char *const[]){ "exec", "cd", "test", "echo", "true", "false", "eval", "command", ".", ":", "if", "printf",
	    "for", "while", "set", "export", "umask", "exit", NULL }; *own != NULL; own++)
		if (strcmp(*own, word) == 0)
			return NULL;
	return word;
}

static void
check_command(struct misses *m, const char *where, const char *keyword, const char *command)
{
	const char *word = command != NULL ? missing_program(m, command) : NULL;

	if (word != NULL)
		fail(m, "config", where, arena_printf(&m->a, "install it, or write where it is"), ERR_FAILED, arena_printf(&m->a,
		    "%s cannot run: there is no program %s here", keyword, word));
}

static void
check_accounts(struct misses *m)
{
	const struct settings *s = m->app->settings;
	const struct account_settings *a;
	const struct store_settings *store;
	const struct store_kind *kind;

	for (size_t i = 0; i < s->n_stores; i++) {
		store = s->stores[i];
		if (store->account == NULL)
			continue;
		kind = &store_kinds[store->kind];
		for (size_t k = 0; k <= i; k++)		/* once, where several stores have it */
			if (s->stores[k]->account == store->account) {
				if (k == i)
					check_port(m, store->account->is_inline ? "store" : "account", store->account,
					    kind->tls_word, kind->port, kind->tls_port);
				break;
			}
	}
	for (size_t i = 0; i < s->n_smtp_accounts; i++)
		check_port(m, "account", s->smtp_accounts[i], "SMTPS", 587, 465);
	for (size_t i = 0; i < s->n_accounts + s->n_smtp_accounts; i++) {
		a = i < s->n_accounts ? s->accounts[i] : s->smtp_accounts[i - s->n_accounts];
		check_command(m, arena_printf(&m->a, "account %s", a->name), "Tunnel", a->net.tunnel);
	}
}

/* ---- stores and channels ---- */

static void
check_paths(struct misses *m)
{
	const struct settings *s = m->app->settings;
	const struct store_settings *store;
	struct stat st;

	for (size_t i = 0; i < s->n_stores; i++) {
		store = s->stores[i];
		if (store->account != NULL || store->path == NULL || store->path[strlen(store->path) - 1] == '/' ||
		    stat(store->path, &st) < 0 || !S_ISDIR(st.st_mode))
			continue;
		finding_warn(m->out, "config", arena_printf(&m->a, "store %s", store->name), arena_printf(&m->a, "write Path %s/", store->path),
		    "Path %s has no / at its end, and there is such a directory: mailboxes are looked for beside it, as %sNAME", store->path, store->path);
	}
}

static bool
is_used(const struct settings *s, const struct store_settings *store)
{
	for (size_t i = 0; i < s->n_channels; i++)
		if (s->channels[i]->store[FAR] == store || s->channels[i]->store[NEAR] == store)
			return true;
	return store->outbox.account != NULL;
}

static void
check_unused(struct misses *m)
{
	const struct settings *s = m->app->settings;
	bool has_store;

	for (size_t i = 0; i < s->n_stores; i++)
		if (!is_used(s, s->stores[i]))
			finding_warn(m->out, "config", arena_printf(&m->a, "store %s", s->stores[i]->name), "write a Channel with it, or take it out",
			    "no channel has it, so it is %s", s->stores[i]->account != NULL ? "not synchronised" : "neither synchronised nor checked");
	for (size_t i = 0; i < s->n_accounts; i++) {
		has_store = false;
		for (size_t k = 0; k < s->n_stores; k++)
			has_store |= s->stores[k]->account == s->accounts[i];
		if (!has_store)
			finding_warn(m->out, "config", arena_printf(&m->a, "account %s", s->accounts[i]->name), "write an IMAPStore with it, or take it out",
			    "no store has it");
	}
}

static void
check_channels(struct misses *m)
{
	const struct settings *s = m->app->settings;
	struct err e;
	int got;

	for (size_t i = 0; i < s->n_channels; i++) {
		const char *where = arena_printf(&m->a, "channel %s", s->channels[i]->name);

		check_command(m, where, "PostSync", s->channels[i]->post_sync);
		for (size_t k = i + 1; k < s->n_channels; k++) {
			got = overlap_check(s->channels[i], s->channels[k], &e);
			if (got < 0)
				finding_fail(m->out, "overlap", where, NULL, &e);
			else if (got > 0)
				finding_warn(m->out, "overlap", where, NULL, "%s", e.text);
		}
	}
}

void
near_misses(const struct app *app, const struct findings *out)
{
	struct misses m = { .app = app, .out = out };

	check_file(&m);
	check_accounts(&m);
	check_paths(&m);
	check_unused(&m);
	check_channels(&m);
	arena_release(&m.a);
}
