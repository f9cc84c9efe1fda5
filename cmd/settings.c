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

/* A list has room for a power of two of pointers, its NULL included: it is full when n + 1 is one. */
void
settings_list_add(struct settings *s, struct settings_list *list, const char *word, size_t len)
{
	size_t full = list->n + 1;
	const char **at;

	if (list->at == NULL || (full & (full - 1)) == 0) {
		at = arena_alloc(&s->arena, 2 * full * sizeof *at);
		if (list->n != 0)
			memcpy(at, list->at, list->n * sizeof *at);
		list->at = at;
	}
	list->at[list->n++] = arena_strndup(&s->arena, word, len);
	list->at[list->n] = NULL;
}

void
settings_free(struct settings **s)
{
	struct account_settings *account;

	if (*s == NULL)
		return;
	for (size_t i = 0; i < (*s)->n_accounts; i++) {
		account = (*s)->accounts[i];
		if (account->pass != NULL) {
			mem_wipe(account->pass, strlen(account->pass));
			free(account->pass);
		}
	}
	free((*s)->accounts);
	free((*s)->stores);
	free((*s)->channels);
	free((*s)->groups);
	arena_release(&(*s)->arena);
	free(*s);
	*s = NULL;
}
