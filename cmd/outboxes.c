#include "cmd/outboxes.h"

#include <string.h>

static bool
is_same_box(const struct outbox_place *a, const struct outbox_place *b)
{
	return a->store == b->store && strcmp(a->box, b->box) == 0;
}

bool
outboxes_has(const struct outboxes *o, const struct outbox_place *place)
{
	for (size_t i = 0; i < o->all.n; i++)
		if (is_same_box(&o->all.at[i], place))
			return true;
	return false;
}

static void
add(struct outboxes *out, const struct outbox_place *place)
{
	if (!outboxes_has(out, place))
		vec_push(&out->all, *place);
}

static struct outbox_place
make(const struct outbox_settings *o, const char *name, const struct store_settings *store, const char *prefix, struct arena *a)
{
	return (struct outbox_place){ .name = name, .store = store, .account = o->account,
		.box = arena_printf(a, "%s%s", prefix, o->box != NULL ? o->box : "Outbox"),
		.sent = arena_printf(a, "%s%s", prefix, o->sent != NULL ? o->sent : "Sent"), .keeps_copy = o->sent_copy != 0 };
}

static struct outbox_place
of_channel(const struct channel_settings *c, struct arena *a)
{
	/* Without patterns what stands there is a mailbox, and no prefix. */
	return make(&c->outbox, c->name, c->store[NEAR], c->has_patterns && c->box[NEAR] != NULL ? c->box[NEAR] : "", a);
}

void
outboxes_all(const struct settings *s, struct arena *a, struct outboxes *out)
{
	struct outbox_place place;

	for (size_t i = 0; i < s->n_channels; i++)
		if (s->channels[i]->outbox.account != NULL) {
			place = of_channel(s->channels[i], a);
			add(out, &place);
		}
	for (size_t i = 0; i < s->n_stores; i++)
		if (s->stores[i]->outbox.account != NULL) {
			place = make(&s->stores[i]->outbox, s->stores[i]->name, s->stores[i], "", a);
			add(out, &place);
		}
}

void
outboxes_of(const struct channel_settings *c, struct arena *a, struct outboxes *out)
{
	struct outbox_place place;

	if (c->outbox.account != NULL) {
		place = of_channel(c, a);
		add(out, &place);
	}
	for (int s = 0; s < SIDES; s++)
		if (c->store[s]->outbox.account != NULL) {
			place = make(&c->store[s]->outbox, c->store[s]->name, c->store[s], "", a);
			add(out, &place);
		}
}

void
outboxes_release(struct outboxes *o)
{
	vec_release(&o->all);
}

static int
check_two(const struct outbox_place *x, const struct outbox_place *y, struct err *e)
{
	if (x->account == y->account && strcmp(x->sent, y->sent) == 0 && x->keeps_copy == y->keeps_copy)
		return 0;
	return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "the mailbox \"%s\" of the store \"%s\" is an outbox of \"%s\" and of \"%s\", and what becomes of "
	    "its mail differs: name another Outbox for one of them", x->box, x->store->name, x->name, y->name);
}

/* A channel of one mailbox must not be of this one. */
static int
check_channels(const struct settings *s, const struct outbox_place *place, struct err *e)
{
	for (size_t i = 0; i < s->n_channels; i++)
		for (int side = 0; side < SIDES; side++)
			if (!s->channels[i]->has_patterns && s->channels[i]->store[side] == place->store && s->channels[i]->box[side] != NULL &&
			    strcmp(s->channels[i]->box[side], place->box) == 0)
				return err_class(e, ERR_RUN, ERR_USAGE, ERR_NEVER, "channel %s would synchronise \"%s\", which is the outbox of \"%s\": what "
				    "waits there would be sent from the other side, too", s->channels[i]->name, place->box, place->name);
	return 0;
}

int
outboxes_check(const struct settings *s, struct err *e)
{
	struct outboxes all = { 0 };
	struct arena a = { 0 };
	struct outbox_place place;
	int status = 0;

	outboxes_all(s, &a, &all);
	for (size_t i = 0; i < all.all.n && status == 0; i++) {
		status = check_channels(s, &all.all.at[i], e);
		for (size_t k = 0; k < s->n_channels && status == 0; k++) {
			if (s->channels[k]->outbox.account == NULL)
				continue;
			place = of_channel(s->channels[k], &a);
			if (is_same_box(&all.all.at[i], &place))
				status = check_two(&all.all.at[i], &place, e);
		}
		if (status == 0 && all.all.at[i].store->outbox.account != NULL) {
			place = make(&all.all.at[i].store->outbox, all.all.at[i].store->name, all.all.at[i].store, "", &a);
			if (is_same_box(&all.all.at[i], &place))
				status = check_two(&all.all.at[i], &place, e);
		}
	}
	outboxes_release(&all);
	arena_release(&a);
	return status;
}

struct settings_list
outboxes_left_out(const struct settings *s, const struct channel_settings *c, struct arena *a)
{
	struct settings_list patterns = { .n = 0 };
	struct outboxes all = { 0 };
	const char *prefix, *word;

	for (size_t i = 0; i < c->patterns.n; i++)
		settings_list_add(a, &patterns, c->patterns.at[i], strlen(c->patterns.at[i]));
	outboxes_all(s, a, &all);
	for (size_t i = 0; i < all.all.n; i++)
		for (int side = 0; side < SIDES; side++) {
			prefix = c->box[side] != NULL ? c->box[side] : "";
			if (all.all.at[i].store != c->store[side] || strncmp(all.all.at[i].box, prefix, strlen(prefix)) != 0)
				continue;
			word = arena_printf(a, "!%s", all.all.at[i].box + strlen(prefix));
			settings_list_add(a, &patterns, word, strlen(word));
		}
	outboxes_release(&all);
	return patterns;
}

struct channel_settings *
outboxes_alone(const struct settings *s, struct store_settings *store, struct arena *a)
{
	if (store->outbox.account == NULL)
		return NULL;
	for (size_t i = 0; i < s->n_channels; i++)
		if (s->channels[i]->store[FAR] == store || s->channels[i]->store[NEAR] == store)
			return NULL;
	return settings_alone(store, a);
}
