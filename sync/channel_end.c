#include "sync/channel_end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/base/log.h"
#include "state/lock.h"
#include "sync/env/env.h"

enum { VERSION = 1, BETWEEN = 31 };

void
channel_end_release(struct channel_end *end)
{
	vec_release(&end->errors);
	vec_release(&end->held);
}

/* ---- its form ---- */

static const char *
name_of(const char *channel, struct arena *a)
{
	return arena_printf(a, "run.end %s", channel);
}

/* What would end a field becomes a blank; a text is cut where a letter begins. */
static const char *
clean(const char *text, struct arena *a)
{
	size_t len = strlen(text);
	char *copy;

	if (len > CHANNEL_END_TEXT_MOST)
		for (len = CHANNEL_END_TEXT_MOST; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
	copy = arena_strndup(a, text, len);
	for (char *c = copy; *c != '\0'; c++)
		if (*c == '\n' || *c == BETWEEN)
			*c = ' ';
	return copy;
}

static void
write_end(const struct channel_end *end, struct buf *out)
{
	const struct channel_end_message *m;
	const struct report_error *r;

	buf_printf(out, "%d %d %lld %lld %lld %llu\n", VERSION, (int)end->state, (long long)end->since, (long long)end->last,
	    (long long)end->told, (unsigned long long)end->more);
	for (size_t i = 0; i < end->errors.n; i++) {
		r = &end->errors.at[i];
		buf_printf(out, "%d%c%s%c%s\n", (int)r->class, BETWEEN, r->box != NULL ? r->box : "", BETWEEN, r->text);
	}
	for (size_t i = 0; i < end->held.n; i++) {
		m = &end->held.at[i];
		buf_printf(out, "m%c%s%c%lu%c%lld%c%s%c%s\n", BETWEEN, m->box, BETWEEN, (unsigned long)m->uid, BETWEEN, (long long)m->date, BETWEEN,
		    m->from, BETWEEN, m->subject);
	}
}

/* One line, which is taken apart; NULL behind the last. */
static char *
next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (end == NULL)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return line;
}

/* A line's fields, of which there must be so many. */
static bool
take_apart(char *line, char *field[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		field[i] = line;
		line = strchr(line, BETWEEN);
		if ((line == NULL) != (i + 1 == n))
			return false;
		if (line != NULL)
			*line++ = '\0';
	}
	return true;
}

static bool
read_line(char *line, struct channel_end *end)
{
	char *field[6];
	int class;

	if (*line == 'm') {
		if (!take_apart(line, field, 6))
			return false;
		vec_push(&end->held, (struct channel_end_message){ field[1], (uint32_t)strtoul(field[2], NULL, 10), strtoll(field[3], NULL, 10),
		    field[4], field[5] });
		return true;
	}
	class = atoi(line);
	if (!take_apart(line, field, 3) || class < ERR_FAILED || class > ERR_CANCELLED)
		return false;
	vec_push(&end->errors, (struct report_error){ (enum err_class)class, *field[1] != '\0' ? field[1] : NULL, field[2] });
	return true;
}

/* Of another version, or damaged: false, and nothing is known. */
static bool
read_end(char *text, struct channel_end *end)
{
	long long since, last, told;
	unsigned long long more;
	char *line = next_line(&text);
	int version, state;

	if (line == NULL || sscanf(line, "%d %d %lld %lld %lld %llu", &version, &state, &since, &last, &told, &more) != 6 ||
	    version != VERSION || state < CHANNEL_FAILING || state > CHANNEL_RECOVERED)
		return false;
	end->state = (enum channel_ended)state;
	end->since = since;
	end->last = last;
	end->told = told;
	end->more = more;
	while ((line = next_line(&text)) != NULL)
		if (!read_line(line, end))
			return false;
	return true;
}

int
channel_end_get(struct state *s, const char *channel, struct arena *a, struct channel_end *end_r, struct err *e)
{
	const char *value;
	int got = memory_get(s, a, name_of(channel, a), &value, e);

	*end_r = (struct channel_end){ .state = CHANNEL_RECOVERED };
	if (got <= 0 || read_end(arena_strdup(a, value), end_r))
		return got;
	channel_end_release(end_r);
	*end_r = (struct channel_end){ .state = CHANNEL_RECOVERED };
	return 0;
}

/* ---- what is kept ---- */

static void
add(struct channel_end *end, enum err_class class, const char *box, const char *text)
{
	if (end->errors.n < CHANNEL_END_MOST)
		vec_push(&end->errors, (struct report_error){ class, box, text });
	else
		end->more++;
}

static bool
has_box(const struct channel_end *end, const char *box)
{
	for (size_t i = 0; i < end->errors.n; i++)
		if (end->errors.at[i].box != NULL && strcmp(end->errors.at[i].box, box) == 0)
			return true;
	return false;
}

static bool
was_looked_at(struct env *env, const char *box)
{
	if (env_sees_all(env))
		return true;
	for (size_t i = 0; i < env->boxes.n; i++)
		if (strcmp(report_box_name(env, env->boxes.at[i].name), box) == 0)
			return true;
	return false;
}

/* What this run has found, and what an earlier one found and this one did not get to. */
static void
collect(struct env *env, const struct channel_end *before, int status, struct arena *a, struct channel_end *end)
{
	const struct report_error *r;

	for (size_t i = 0; i < env->report->errors.n; i++) {
		r = &env->report->errors.at[i];
		add(end, r->class, r->box != NULL ? clean(r->box, a) : NULL, clean(r->text, a));
	}
	for (size_t i = 0; i < before->errors.n && before->state == CHANNEL_FAILING; i++) {
		r = &before->errors.at[i];
		if (r->box != NULL && (status < 0 || !was_looked_at(env, r->box)) && !has_box(end, r->box))
			add(end, r->class, r->box, r->text);
	}
}

/* ---- messages that are held back ---- */

static bool
is_held(const struct run_box *b, const struct record *rec)
{
	const enum side here = record_side(rec);

	return rec->mark == MARK_NEW && rec->half[here].presence == PRESENCE_HERE && rec->half[side_other(here)].presence == PRESENCE_GONE &&
	    b->rec.side[side_other(here)].was_held && key_uid(rec->half[here].key) != 0;
}

/* Of one mailbox, by their server, which is asked once: as long as they are held, what it said is kept. */
static int
name_held(struct env *env, const struct run_box *b, struct arena *a, struct channel_end *end, struct err *e)
{
	struct message_words words;
	struct record rec;
	uint64_t after = 0;
	size_t n = 0;
	int got = 0;

	while (n < CHANNEL_END_HELD_MOST && (got = message_next_unsettled(env->state, a, b->rec.id, after, &rec, e)) > 0) {
		after = rec.id;
		if (!is_held(b, &rec))
			continue;
		words = culprit_words(env, b, &rec, record_side(&rec), true);
		if (words.date == 0 && (words.from == NULL || *words.from == '\0'))
			continue;		/* it was not asked; the next run may */
		vec_push(&end->held, (struct channel_end_message){ clean(report_box_name(env, b->name), a), key_uid(rec.half[record_side(&rec)].key), words.date,
		    clean(words.from != NULL ? words.from : "", a), clean(words.subject != NULL ? words.subject : "", a) });
		n++;
	}
	return got < 0 ? -1 : 0;
}

static size_t
keep_held(struct channel_end *end, const struct channel_end *before, const char *box)
{
	const size_t n = end->held.n;

	for (size_t i = 0; i < before->held.n; i++)
		if (strcmp(before->held.at[i].box, box) == 0)
			vec_push(&end->held, before->held.at[i]);
	return end->held.n - n;
}

static int
collect_held(struct env *env, const struct channel_end *before, struct arena *a, struct channel_end *end, struct err *e)
{
	const struct run_box *b;

	for (size_t i = 0; i < env->boxes.n && end->held.n < CHANNEL_END_MOST; i++) {
		b = &env->boxes.at[i];
		if (b->rec.id != 0 && (b->rec.side[FAR].was_held || b->rec.side[NEAR].was_held) &&
		    keep_held(end, before, clean(report_box_name(env, b->name), a)) == 0 && name_held(env, b, a, end, e) < 0)
			return -1;
	}
	return 0;
}

/* Whether that is to be told, which is remembered. */
static bool
judge_lasting(const struct channel *set, struct channel_end *end)
{
	if (set->nag == 0 || set->now - end->since < set->nag || (end->told != 0 && set->now - end->told < set->nag))
		return false;
	end->told = set->now;
	return true;
}

static int
keep(const struct channel *set, struct state *s, struct channel_end *before, struct channel_end *end, bool *is_lasting_r, struct arena *a, struct err *e)
{
	const bool was_failing = before->state == CHANNEL_FAILING;
	struct buf text = { 0 };
	int status = 0;

	if (end->state == CHANNEL_FAILING) {
		end->since = was_failing ? before->since : set->now;
		end->told = was_failing ? before->told : 0;
		*is_lasting_r = judge_lasting(set, end);
		write_end(end, &text);
	} else if (was_failing) {
		before->state = CHANNEL_RECOVERED;
		before->last = state_last_run(s);
		before->held.n = 0;
		write_end(before, &text);
	}
	if (text.len > 0)
		status = memory_put(s, name_of(set->name, a), buf_str(&text), e);
	buf_release(&text);
	return status < 0 ? -1 : state_commit(s, e);
}

void
channel_end_keep(struct env *env, int status, const struct err *e)
{
	const struct channel *set = env->set;
	struct channel_end before = { 0 }, end = { .state = CHANNEL_FAILING };
	struct arena a = { 0 };
	struct err why;
	int rc;

	if (set->is_dry || set->purpose != CHANNEL_SYNC || (status < 0 && e->class == ERR_CANCELLED))
		return;
	if (state_begin(env->state, &why) < 0)
		goto done;
	rc = channel_end_get(env->state, set->name, &a, &before, &why);
	if (rc >= 0) {
		collect(env, &before, status, &a, &end);
		rc = collect_held(env, &before, &a, &end, &why);
	}
	if (rc >= 0) {
		if (status == 0 && end.errors.n == 0 && env->report->held == 0) {
			end.state = CHANNEL_RECOVERED;
			state_done(env->state, set->now);
		}
		rc = keep(set, env->state, &before, &end, &env->report->is_lasting, &a, &why);
	}
	state_abort(env->state);
	if (rc < 0)
		log_line(LOG_RUN, "how the run ended is not kept: %s", why.text);
done:
	channel_end_release(&before);
	channel_end_release(&end);
	arena_release(&a);
}

static void
keep_failure(const struct channel *set, struct state *s, const struct err *why, struct channel_report *report)
{
	struct env env = { .set = set, .report = report };
	struct channel_end before = { 0 }, end = { .state = CHANNEL_FAILING };
	struct arena a = { 0 };
	struct err e;

	if (channel_end_get(s, set->name, &a, &before, &e) >= 0) {
		add(&end, why->class, NULL, clean(why->text, &a));
		collect(&env, &before, -1, &a, &end);
		(void)keep(set, s, &before, &end, &report->is_lasting, &a, &e);
	}
	channel_end_release(&before);
	channel_end_release(&end);
	arena_release(&a);
}

void
channel_end_failed(const struct channel *set, const struct err *why, struct channel_report *report)
{
	char *file = mem_printf("%s.mdb", set->state.path), *lock = mem_printf("%s.lock", set->state.path);
	struct state *s = NULL;
	struct lock_seen seen;
	struct err e;

	report->is_lasting = true;
	if (set->is_dry || set->purpose != CHANNEL_SYNC || why->class == ERR_CANCELLED || access(file, F_OK) != 0)
		goto done;
	lock_look(lock, &seen);
	if (seen.is_held) {
		report->is_lasting = set->now - seen.begun >= set->nag;
	} else if (state_open(&set->state, &s, &e) == 0 && state_begin(s, &e) == 0) {
		keep_failure(set, s, why, report);
		state_abort(s);
	}
done:
	state_close(&s);
	free(file);
	free(lock);
}
