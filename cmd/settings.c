#include "cmd/settings.h"

#include <stdlib.h>
#include <string.h>

struct account_settings *
settings_account(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->n_accounts; i++)
		if (!s->accounts[i]->is_inline && strcmp(s->accounts[i]->name, name) == 0)
			return s->accounts[i];
	return NULL;
}

struct account_settings *
settings_smtp_account(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->n_smtp_accounts; i++)
		if (strcmp(s->smtp_accounts[i]->name, name) == 0)
			return s->smtp_accounts[i];
	return NULL;
}

struct store_settings *
settings_store(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->n_stores; i++)
		if (strcmp(s->stores[i]->name, name) == 0)
			return s->stores[i];
	return NULL;
}

struct channel_settings *
settings_channel(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->n_channels; i++)
		if (strcmp(s->channels[i]->name, name) == 0)
			return s->channels[i];
	return NULL;
}

struct group_settings *
settings_group(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->n_groups; i++)
		if (strcmp(s->groups[i]->name, name) == 0)
			return s->groups[i];
	return NULL;
}

struct channel_settings *
settings_alone(struct store_settings *store, struct arena *a)
{
	struct channel_settings *c = arena_alloc(a, sizeof *c);

	c->name = c->state_name = store->name;
	c->store[FAR] = c->store[NEAR] = store;
	c->expire_unread = c->outbox.sent_copy = -1;
	return c;
}

bool
settings_is_alone(const struct channel_settings *c)
{
	return c->store[FAR] == c->store[NEAR] && !c->has_patterns && c->box[FAR] == NULL && c->box[NEAR] == NULL;
}

/* A list has room for a power of two of pointers, its NULL included: it is full when n + 1 is one. */
void
settings_list_add(struct arena *a, struct settings_list *list, const char *word, size_t len)
{
	size_t full = list->n + 1;
	const char **at;

	if (list->at == NULL || (full & (full - 1)) == 0) {
		at = arena_alloc(a, 2 * full * sizeof *at);
		if (list->n != 0)
			memcpy(at, list->at, list->n * sizeof *at);
		list->at = at;
	}
	list->at[list->n++] = arena_strndup(a, word, len);
	list->at[list->n] = NULL;
}

static void
free_accounts(struct account_settings **accounts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (accounts[i]->pass != NULL) {
			mem_wipe(accounts[i]->pass, strlen(accounts[i]->pass));
			free(accounts[i]->pass);
		}
	free(accounts);
}

void
settings_free(struct settings **s)
{
	if (*s == NULL)
		return;
	free_accounts((*s)->accounts, (*s)->n_accounts);
	free_accounts((*s)->smtp_accounts, (*s)->n_smtp_accounts);
	free((*s)->stores);
	free((*s)->channels);
	free((*s)->groups);
	arena_release(&(*s)->arena);
	free(*s);
	*s = NULL;
}
