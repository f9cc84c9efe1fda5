/* A history from its seed: stores of some kind, people, runs under some policy with some trouble, crashes, a
 * lost or old base; now and then, and in the end, a settlement.
 *
 * Kinds of history, by seed:
 *   calm       people act between runs, full policy: every run must settle everything at once
 *   policies   the same, but each run has a policy of its own
 *   killed     the program ends at any step, in run after run, and people act in between; full policy
 *   troubled   people act during runs, stores fail and lie, the program ends at any step, the base gets lost
 *
 * In some the channel stays open between runs, with sessions that may have ended when the next one begins, and some of these runs are told where
 * to look.
 */
#include <stdio.h>
#include <string.h>

#include "state/base/step.h"
#include "sync/channel.h"
#include "tests/sim/base.h"
#include "tests/sim/history.h"
#include "tests/sim/store_ram.h"

enum { FULL = SYNC_NEW | SYNC_GONE | SYNC_FLAGS | SYNC_UPGRADE };

static const char *const patterns_all[] = { "*" };	/* also of mailboxes: every one */
static const char *const patterns_some[] = { "*", "!Arch" };

/* ---- one run ---- */

static bool
on_step(void *ctx, unsigned long n, enum step_kind kind, const char *what)
{
	struct sim *s = ctx;

	s->commits += kind == STEP_COMMIT;
	sim_trace(s, "    step %lu %s %s", n, step_kind_name(kind), kind == STEP_COMMIT ? "" : what);
	if (n != s->trouble.die_at)
		return false;
	sim_trace(s, "the program ends here, at step %lu", n);
	oracle_killed(s->oracle);
	return true;
}

static uint64_t
on_pick(void *ctx, uint64_t n)
{
	struct sim *s = ctx;

	return sim_happens(s, s->trouble.people != 0 ? 500 : 300) ? sim_draw(s, n) : 0;
}

static void
on_note(void *ctx, enum note_level level, const char *channel, const char *box, const char *text)
{
	(void)level;
	(void)channel;
	sim_trace(((struct history *)ctx)->sim, "  note: %s: %s", box != NULL ? box : "channel", text);
}

/* R21, for MaxDelete with a number. Moves do not count, nor what is \\Deleted on what was copied. */
static void
check_guard(struct sim *s)
{
	int side, b;

	if (s->policy.max_delete.kind != MAX_DELETE_COUNT)
		return;
	for (side = 0; side < SIDES; side++)
		for (b = 0; b < SIM_BOXES; b++)
			if (!s->has_moved[side][b] &&
			    s->deletions[side][b] > s->policy.max_delete.n)
				sim_fail(s, "%llu deletions in %s on %s, where MaxDelete allows %llu",
				    (unsigned long long)s->deletions[side][b], sim_box_name[b], side_name((enum side)side),
				    (unsigned long long)s->policy.max_delete.n);
}

/* The same over seven days, where every run ended, and nothing was allowed meanwhile. */
static void
check_week(struct history *h)
{
	struct sim *s = h->sim;
	int64_t today = s->now / (24 * 3600);
	uint64_t total;
	int side, b, d;

	if (s->week[today % 7].day != today) {
		memset(&s->week[today % 7], 0, sizeof s->week[0]);
		s->week[today % 7].day = today;
	}
	for (side = 0; side < SIDES; side++)
		for (b = 0; b < SIM_BOXES; b++) {
			/* What is marked on what was copied does not count: with moves and copies that is not told apart. */
			s->week[today % 7].n[side][b] += s->has_moved[side][b] ? 0 : s->deletions[side][b];
			for (d = 0, total = 0; d < 7; d++)
				total += s->week[d].day + 7 > today ? s->week[d].n[side][b] : 0;
			if (h->has_policies && s->policy.max_delete.kind == MAX_DELETE_COUNT && !s->has_moved[side][b] &&
			    s->deletions[side][b] != 0 && total > s->policy.max_delete.n)
				sim_fail(s, "%llu deletions in %s on %s in seven days, where MaxDelete allows %llu",
				    (unsigned long long)total, sim_box_name[b], side_name((enum side)side),
				    (unsigned long long)s->policy.max_delete.n);
		}
}

/* The counts that people see while it runs: never more done than there is. */
static void
on_progress(void *ctx, const struct run_progress *p)
{
	struct history *h = ctx;

	h->progress = *p;
	if (p->boxes_done > p->boxes || p->messages_done > p->messages)
		sim_fail(h->sim, "progress: %zu of %zu mailboxes, %llu of %llu messages", p->boxes_done, p->boxes,
		    (unsigned long long)p->messages_done, (unsigned long long)p->messages);
}

/* Where all messages are done, nothing went wrong, and nobody touched a mailbox that was to be removed, all mailboxes are. */
static void
check_progress(const struct history *h, const struct channel_report *report)
{
	const struct run_progress *p = &h->progress;

	if (report->errors.n == 0 && report->failed == 0 && h->sim->trouble.item == 0 && p->messages != 0 && p->messages == p->messages_done &&
	    p->boxes_done != p->boxes)
		sim_fail(h->sim, "progress: all %llu messages are done, and %zu of %zu mailboxes", (unsigned long long)p->messages,
		    p->boxes_done, p->boxes);
}

void
history_close(struct history *h)
{
	channel_close(&h->open);
	state_close(&h->state);
}

static int
synchronise(struct history *h, const struct run_events *ev, struct channel_report *report, struct err *e)
{
	const struct channel_names news = { h->news, h->n_news };

	h->set.open_state = h->state;
	if (!h->stays_open)
		return channel_run(&h->set, ev, report, e);
	if (h->open == NULL && channel_open(&h->set, &h->open, e) < 0)
		return -1;
	return channel_sync(h->open, h->sim->now, h->n_news > 0 ? &news : NULL, ev, report, e);
}

static void
check(struct sim *s)
{
	char why[100];

	if (s->is_sized && !sizes_are_kept(s, false, why, sizeof why))
		sim_fail(s, "%s", why);
	if (!s->is_sized && oracle_finding(s->oracle) != NULL)
		sim_fail(s, "%s", oracle_finding(s->oracle));
}

int
history_sync(struct history *h, struct err *e)
{
	struct sim *s = h->sim;
	struct run_events ev = { .note = on_note, .progress = on_progress, .ctx = h };
	struct channel_report report = { 0 };
	int status, i, b;

	s->runs++;
	sim_trace(s, "run %u", s->runs);
	for (i = 0; i < SIDES; i++)
		for (b = 0; b < SIM_BOXES; b++)
			ram_slide(s->ram[i], b, true);
	s->changes = s->commits = 0;
	memset(s->deletions, 0, sizeof s->deletions);
	memset(s->has_moved, 0, sizeof s->has_moved);
	memset(s->has_created, 0, sizeof s->has_created);
	s->is_running = true;
	h->set.policy = s->policy;
	h->set.now = s->now;
	step_install(on_step, s);
	status = h->state != NULL ? 0 : state_open_memory(h->base, "sim", &h->state, e);
	if (status == 0) {
		h->progress = (struct run_progress){ 0 };
		status = synchronise(h, &ev, &report, e);
		if (status == 0 && !step_is_dead() && s->trouble.people == 0)
			check_progress(h, &report);
		h->was_held |= report.held > 0;
		report_release(&report);
		if (!h->stays_open || step_is_dead())
			history_close(h);
	} else if (!step_is_dead()) {
		sim_fail(s, "the base does not open: %s", e->text);
	}
	step_install(NULL, NULL);
	s->is_running = false;
	ram_shown(s->ram[FAR], status == 0);
	ram_shown(s->ram[NEAR], status == 0);
	sim_trace(s, "run %u ends %s%s%s", s->runs, status == 0 ? "well" : "badly", status == 0 ? "" : ": ",
	    status == 0 ? "" : e->text);
	check(s);
	check_guard(s);
	check_week(h);
	if (h->set.allow_delete.n > 0)
		memset(s->week, 0, sizeof s->week);
	return status;
}

/* ---- settlements ---- */

static void
look(struct sim *s, struct oracle_view *v, struct oracle_sight *room, size_t most)
{
	const struct ram_box *box;
	size_t i;
	int side, b;

	*v = (struct oracle_view){ .at = room, .common = s->common };
	for (b = 0; b < SIM_BOXES; b++)
		v->is_selected[b] = s->is_selected[b];
	for (side = 0; side < SIDES; side++)
		for (b = 0; b < SIM_BOXES; b++) {
			box = &s->ram[side]->box[b];
			v->exists[side][b] = box->exists;
			for (i = 0; i < box->messages.n && box->exists && v->n < most; i++)
				if (!once_is_repeated(s->ram[side], b, i))
					room[v->n++] = (struct oracle_sight){ side, b, box->messages.at[i].c->serial,
						once_flags(s->ram[side], b, i) };
		}
}

void
history_full_policy(struct sim *s)
{
	int i;

	s->policy = (struct policy){ .sync = { FULL, FULL }, .create = { true, true }, .remove = { true, true },
		.expunge = { true, true }, .max_delete = { MAX_DELETE_NONE, 0 }, .trash = { s->trash[FAR], s->trash[NEAR] }, .limit = s->limit };
	sizes_policy(s);
	for (i = 0; i < SIDES; i++)
		s->policy.window[i] = s->ram[i] == s->unsettled ? (struct window){ WINDOW_UNSET, 0 } : s->ram[i]->window == 0 || s->ram[i]->is_lifted ? (struct window){ WINDOW_NO, 0 } :
		    (struct window){ WINDOW_SIZE, s->ram[i]->window };
	for (i = 0; i < SIM_BOXES; i++)
		s->ram[FAR]->box[i].is_readonly = s->ram[NEAR]->box[i].is_readonly = false;
}

/* Whether it says under what key something arrived: else flags follow in the next run. */
static bool
knows_keys(const struct ram *r)
{
	return r->kind == RAM_MAILDIR || (r->has_uidplus && r->tells == RAM_TELLS_TRULY);
}

/* How many runs both sides may need to agree, and how many more, of which the last changes nothing: the most of what is so. */
struct patience { int runs, rest; };

enum { TROUBLED_RUNS = 4 };

static struct patience
find_patience(const struct history *h, bool is_blind)
{
	const struct sim *s = h->sim;
	bool is_plain = h->is_straight && s->once == NULL && !limit_is_on(&s->limit);
	const struct { bool is; int runs, rest; } table[] = {
		{ true, 1, 2 },
		{ is_blind, 2, 2 },			/* flags follow once the key is known */
		{ s->unsettled != NULL, 2, 2 },		/* what is suspected is held first */
		{ limit_is_on(&s->limit), 2, 3 },		/* what is beyond goes once its twin is known */
		{ !h->is_straight, TROUBLED_RUNS, 3 },
		{ s->has_lied, TROUBLED_RUNS, 2 },
		{ s->has_lied && !is_plain, TROUBLED_RUNS, 5 },	/* it comes out in between */
		{ s->once != NULL, 6, 3 },		/* what was found to be kept once is looked at once more */
	};
	struct patience p = { 0, 0 };
	size_t i;

	for (i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (!table[i].is)
			continue;
		p.runs = table[i].runs > p.runs ? table[i].runs : p.runs;
		p.rest = table[i].rest > p.rest ? table[i].rest : p.rest;
	}
	return p;
}

/* Runs under the full policy with nobody about: both sides agree soon, then nothing more is written. */
static void
settle(struct history *h)
{
	enum { MOST = 2000 };
	static struct oracle_sight room[MOST];
	struct sim *s = h->sim;
	struct oracle_view v;
	struct err e;
	char why[300] = "";
	bool is_blind = !knows_keys(s->ram[FAR]) || !knows_keys(s->ram[NEAR]);	/* or not for sure */
	const struct patience may = find_patience(h, is_blind);
	int i;
	bool is_lifted[SIDES] = { s->ram[FAR]->is_lifted, s->ram[NEAR]->is_lifted };

	/* What arrived without its key, and was moved back before a run has looked, is not always known again. */
	if (is_blind)
		oracle_restricted(s->oracle);
	s->trouble = (struct trouble){ 0 };
	damage_mend(s);
	/* Now all is shown: what dropped out of sight is the same as before. */
	ram_lift(s->ram[FAR]);
	ram_lift(s->ram[NEAR]);
	history_full_policy(s);
	sim_trace(s, "---- settlement%s", h->is_straight ? " (straight)" : "");
	look(s, &v, room, MOST);
	oracle_settling(s->oracle, &v);
	for (i = 0; i < may.runs && s->failure[0] == '\0'; i++) {
		s->now += 1000;
		if (!h->is_straight && i < TROUBLED_RUNS - 1) {
			s->policy.sync[FAR] |= SYNC_OLD;
			s->policy.sync[NEAR] |= SYNC_OLD;
			s->policy.retry_failed = true;
		}
		/* What a guard held waits for a person's word. */
		h->set.allow_delete = (struct channel_names){ patterns_all, h->was_held };
		if (history_sync(h, &e) < 0) {
			sim_fail(s, "a run without any trouble fails: %s", e.text);
			return;
		}
		h->set.allow_delete.n = 0;
		history_full_policy(s);
		look(s, &v, room, MOST);
		/* Of two names for one mailbox what was deleted under one may still be to be deleted under the other. */
		if (!h->is_straight && oracle_has_renames(s->oracle) && s->changes != 0 && i + 1 < may.runs)
			continue;
		if (s->is_sized ? sizes_are_kept(s, true, why, sizeof why) : oracle_is_settled(s->oracle, &v, why, sizeof why) &&
		    limit_is_kept(s, why, sizeof why))
			break;
		sim_trace(s, "not settled: %s", why);
	}
	if (i == may.runs)
		sim_fail(s, "after %d runs: %s", may.runs, why);
	for (i = 0; i < may.rest && s->failure[0] == '\0'; i++) {
		s->now += 1000;
		if (history_sync(h, &e) < 0)
			sim_fail(s, "a run with nothing to do fails: %s", e.text);
		else if (s->changes != 0 && h->is_straight && !is_blind && s->once == NULL && !s->has_lied && !(limit_is_on(&s->limit) && i == 0))
			sim_fail(s, "a run with nothing to do changes something (%lu times)", s->changes);
		else if (i == may.rest - 1 && s->changes != 0)
			sim_fail(s, "runs do not come to rest (%lu changes)", s->changes);
		else if (i == may.rest - 1 && s->commits != 0)
			sim_fail(s, "a run with nothing to do commits (%lu times)", s->commits);
	}
	check(s);
	h->is_straight = true;
	h->was_held = false;
	ram_settled(s->ram[FAR]);
	ram_settled(s->ram[NEAR]);
	s->ram[FAR]->is_lifted = is_lifted[FAR];
	s->ram[NEAR]->is_lifted = is_lifted[NEAR];
	unsettled_settled(s);
	once_settled(s);
}

/* ---- what a history is made of ---- */

static void
draw_policy(struct history *h)
{
	static const unsigned types[] = { FULL, FULL, FULL, 0, SYNC_NEW, SYNC_NEW | SYNC_FLAGS, SYNC_GONE, SYNC_FLAGS,
		SYNC_GONE | SYNC_FLAGS, FULL | SYNC_OLD, SYNC_NEW | SYNC_GONE };
	struct sim *s = h->sim;
	int i, b;

	history_full_policy(s);
	if (!sim_happens(s, h->has_policies ? 800 : h->is_troubled ? 250 : 0))
		return;
	h->is_straight = false;
	oracle_restricted(s->oracle);
	for (i = 0; i < SIDES; i++) {
		s->policy.sync[i] = types[sim_draw(s, sizeof types / sizeof types[0])];
		s->policy.create[i] = sim_chance(s, 70);
		s->policy.remove[i] = sim_chance(s, 60);
		s->policy.expunge[i] = sim_chance(s, 50);
		s->policy.expunge_solo[i] = !s->policy.expunge[i] && s->seed % 5 == (uint64_t)i;
		s->policy.read_only[i] = sim_chance(s, 10);
		for (b = 0; b < SIM_BOXES; b++)
			s->ram[i]->box[b].is_readonly = sim_chance(s, 5);
	}
	s->policy.retry_failed = sim_chance(s, 10);
	if (limit_is_on(&s->limit))
		limit_vary(s);
	if (sim_chance(s, 50))
		s->policy.max_delete = (struct max_delete){ sim_chance(s, 50) ? MAX_DELETE_DEFAULT : MAX_DELETE_COUNT,
			sim_draw(s, 3) };
	once_restricted(s);
	sim_trace(s, "policy: far %x%s%s%s%s, near %x%s%s%s%s", s->policy.sync[FAR], s->policy.create[FAR] ? " create" : "",
	    s->policy.remove[FAR] ? " remove" : "", s->policy.expunge[FAR] ? " expunge" : s->policy.expunge_solo[FAR] ? " solo" : "",
	    s->policy.read_only[FAR] ? " readonly" : "", s->policy.sync[NEAR], s->policy.create[NEAR] ? " create" : "",
	    s->policy.remove[NEAR] ? " remove" : "", s->policy.expunge[NEAR] ? " expunge" : s->policy.expunge_solo[NEAR] ? " solo" : "",
	    s->policy.read_only[NEAR] ? " readonly" : "");
}

static void
draw_trouble(struct history *h)
{
	struct sim *s = h->sim;

	s->trouble = (struct trouble){ 0 };
	if (h->is_killed && sim_happens(s, 800)) {
		h->is_straight = false;
		s->trouble.die_at = 1 + sim_draw(s, sim_chance(s, 50) ? 8 : 30);
	}
	if (!h->is_troubled || !sim_happens(s, 800))
		return;
	h->is_straight = false;
	if (sim_chance(s, 60))
		s->trouble.people = 60 + (unsigned)sim_draw(s, 150);
	if (sim_chance(s, 30))
		s->trouble.call = 60;
	if (sim_chance(s, 40))
		s->trouble.item = 30 + (unsigned)sim_draw(s, 200);
	if (sim_chance(s, 5))
		s->trouble.lie = 100;
	if (sim_chance(s, 30))
		s->trouble.partial = 200;
	if (sim_chance(s, 50))
		s->trouble.die_at = 1 + sim_draw(s, sim_chance(s, 50) ? 8 : 30);
}

/* Somebody says where something may have changed, and is right or not. */
static void
draw_news(struct history *h)
{
	struct sim *s = h->sim;
	uint64_t first, n;

	h->n_news = 0;
	if (!h->stays_open || h->is_straight || !sim_happens(s, 500))
		return;
	first = sim_chance(s, 40) ? 0 : sim_draw(s, SIM_MADE);
	n = sim_draw(s, 2);
	h->news[h->n_news++] = sim_box_name[first];
	if (n == 1)
		h->news[h->n_news++] = sim_box_name[(first + 1) % SIM_MADE];
	sim_trace(s, "only %s%s%s has news", h->news[0], n == 1 ? ", " : "", n == 1 ? h->news[1] : "");
}

/* The mailboxes that this run looks at, as the oracle has them. */
static unsigned
news_bits(const struct history *h)
{
	unsigned bits = 0;
	size_t i;

	for (i = 0; i < h->n_news; i++)
		bits |= 1u << sim_box(h->news[i]);
	return h->n_news > 0 ? bits : ~0u;
}

/* To an old base a person took that \Deleted off: it stays. */
static void
let_unmarked_stay(struct sim *s)
{
	const struct ram_message *m;
	int side, b;
	size_t i;

	for (side = 0; side < SIDES; side++)
		for (b = 0; b < SIM_BOXES; b++)
			for (i = 0; i < s->ram[side]->box[b].messages.n; i++) {
				m = &s->ram[side]->box[b].messages.at[i];
				if (m->c->is_unmarked)
					oracle_loose(s->oracle, b, m->c->serial);
			}
}

/* The base is lost, kept, or comes back from a backup; a store looks like another one. */
static void
disturb_base(struct history *h)
{
	struct sim *s = h->sim;

	if (!h->is_troubled)
		return;
	if (h->backup == NULL && sim_happens(s, 100)) {
		sim_trace(s, "the base is backed up");
		history_close(h);
		h->backup = base_copy(h->base);
	}
	if (sim_happens(s, 15)) {
		sim_trace(s, "the base is lost");
		damage_mend(s);
		sim_disturb(s, ORACLE_LOST);
		oracle_blank(s->oracle, FAR, -1);
		oracle_blank(s->oracle, NEAR, -1);
		ram_lift(s->ram[FAR]);
		ram_lift(s->ram[NEAR]);
		h->is_straight = false;
		history_close(h);
		db_memory_free(&h->base);
		h->base = db_memory_new();
		ram_forgotten(s->ram[FAR], true);
		ram_forgotten(s->ram[NEAR], true);
	} else if (h->backup != NULL && sim_happens(s, 60)) {
		sim_trace(s, "the base comes back from its backup");
		s->is_old = true;
		let_unmarked_stay(s);
		damage_mend(s);
		sim_disturb(s, ORACLE_OLD);
		ram_lift(s->ram[FAR]);
		ram_lift(s->ram[NEAR]);
		oracle_blank(s->oracle, FAR, -1);	/* it may be of before the first run */
		oracle_blank(s->oracle, NEAR, -1);
		h->is_straight = false;
		history_close(h);
		db_memory_free(&h->base);
		h->base = base_copy(h->backup);
		ram_forgotten(s->ram[FAR], false);
		ram_forgotten(s->ram[NEAR], false);
	} else if (sim_happens(s, 8)) {
		sim_trace(s, "the far store has another fingerprint");
		damage_mend(s);
		sim_disturb(s, ORACLE_LOST);
		oracle_blank(s->oracle, FAR, -1);
		ram_lift(s->ram[FAR]);
		ram_lift(s->ram[NEAR]);
		h->is_straight = false;
		s->ram[FAR]->fingerprint++;
		ram_forgotten(s->ram[FAR], true);
	}
}

static void
draw_damage(struct history *h)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		if (sim_happens(h->sim, 150)) {
			h->is_straight = false;
			damage_act(h->sim);
		}
}

static void
make_stores(struct sim *s)
{
	static const enum ram_kind kinds[] = { RAM_MAILDIR, RAM_MAILDIR, RAM_QRESYNC, RAM_CONDSTORE, RAM_PLAIN };
	static const uint32_t keeps[] = { SIM_FLAGS_ALL, SIM_FLAGS_ALL, SIM_FLAGS_ALL, FLAG_ALL,
		SIM_FLAGS_ALL & ~(uint32_t)FLAG_FORWARDED, FLAG_ALL | 1 << SIM_KW_SHIFT, FLAG_SEEN | FLAG_DELETED };
	struct ram *r;
	int i;

	s->at++;
	s->drawn = 0;
	for (i = 0; i < SIDES; i++) {
		r = s->ram[i] = ram_new(s, (enum side)i, kinds[sim_draw(s, sizeof kinds / sizeof kinds[0])]);
		r->has_uidplus = sim_chance(s, 70);
		r->has_move = sim_chance(s, 60);
		r->spells_lower = sim_chance(s, 30);
		r->keeps = keeps[sim_draw(s, sizeof keeps / sizeof keeps[0])];
		ram_draw_keeping(r);
		ram_draw_alters(r);
		ram_draw_telling(r);
		ram_draw_limit(r);
		r->has_any_keyword = (ram_told(r) & SIM_KW_ALL) == SIM_KW_ALL && sim_chance(s, 80);
		if (r->kind != RAM_MAILDIR)
			r->ids = (enum ram_ids)sim_draw(s, 3);
		if (r->ids == RAM_IDS_ASKED) {
			r->store.all.identities = ram_identities;
			r->store.can |= STORE_IDENTITIES;
		}
		if (r->kind != RAM_MAILDIR && sim_chance(s, 15))
			r->window = 1 + sim_draw(s, 6);
		r->store.max_sessions = 1 + (int)sim_draw(s, 3);
		sim_trace(s, "%s is of kind %d, keeps %s", r->store.name, r->kind, sim_flags_text(r->keeps));
		if (r->drops != 0)
			sim_trace(s, "  drops %s of what arrives", sim_flags_text(r->drops));
		if (r->refuses != 0)
			sim_trace(s, "  refuses %s%s", sim_flags_text(r->refuses), r->refusal == RAM_SAYS_NO ? " with NO" :
			    r->refusal == RAM_UNFIT ? ", which cannot be said" : " without a word");
	}
	unsettled_draw(s);
	once_draw(s);
	if (s->ram[FAR]->kind != RAM_MAILDIR && s->ram[NEAR]->kind != RAM_MAILDIR)
		oracle_sent_unread(s->oracle);
	s->common = s->ram[FAR]->keeps & s->ram[NEAR]->keeps;
	s->is_alike_by_two = sim_chance(s, 30);
	s->is_same_size = s->ram[FAR]->kind == RAM_MAILDIR && s->ram[NEAR]->kind == RAM_MAILDIR && sim_chance(s, 50);
}

static void
make_channel(struct history *h)
{
	struct sim *s = h->sim;
	bool some, single;
	int i;

	s->at++;
	s->drawn = 0;
	some = sim_chance(s, 15);
	single = !some && sim_chance(s, 5);
	h->set = (struct channel){ .name = "sim", .store = { &s->ram[FAR]->store, &s->ram[NEAR]->store },
		.box = { "", "" }, .is_inline = true, .pick = on_pick, .pick_ctx = s, .copy_arrival_date = sim_chance(s, 30) };
	if (!single) {
		h->set.patterns.at = some ? patterns_some : patterns_all;
		h->set.patterns.n = some ? 2 : 1;
	}
	if (sim_chance(s, 20))
		h->set.buffer_limit = 300;
	if (sim_chance(s, 30))
		h->set.slice = 1 + (s->at & 1);
	for (i = 0; i < SIM_BOXES; i++)
		s->is_selected[i] = single ? i == 0 : !(some && i == 1);
}

/* In some histories what is expunged is kept; nothing else of them is drawn otherwise. */
static void
draw_trash(struct sim *s)
{
	int i;

	for (i = 0; i < SIDES && s->seed % 3 == 0; i++)
		if (s->seed / 3 % 3 != (uint64_t)i)
			s->trash[i].name = sim_box_name[SIM_TRASH];
}

static void
live(struct history *h)
{
	struct sim *s = h->sim;
	struct err e;
	unsigned rounds, i, k;

	s->at++;
	s->drawn = 0;
	h->is_troubled = sim_chance(s, 60);
	h->has_policies = !h->is_troubled && sim_chance(s, 50);
	h->is_killed = !h->is_troubled && !h->has_policies && sim_chance(s, 60);
	rounds = 1 + (unsigned)sim_draw(s, h->is_killed ? 9 : 5);
	/* What drops out of sight would be one thing more that nobody can know. */
	if (h->is_killed)
		s->ram[FAR]->window = s->ram[NEAR]->window = 0;
	h->is_straight = true;
	people_begin(s);
	unsettled_begin(s);
	for (i = 0; i < rounds && s->failure[0] == '\0'; i++) {
		for (k = 0; k < 6; k++)
			if (sim_happens(s, i == 0 ? 200 : 650))
				people_act(s);
		if (h->is_troubled)
			draw_damage(h);
		disturb_base(h);
		draw_policy(h);
		draw_trouble(h);
		s->now += sim_happens(s, 100) ? 10 * 24 * 3600 : sim_happens(s, 300) ? 30 : 3000;
		if (h->is_straight && (i > 0 || sim_happens(s, 500))) {
			settle(h);
			continue;
		}
		draw_news(h);
		oracle_ran(s->oracle, news_bits(h));
		if (history_sync(h, &e) < 0 && !h->is_troubled && !h->is_killed)
			sim_fail(s, "a run without any trouble fails: %s", e.text);
		h->n_news = 0;
		if (s->failure[0] == '\0' && sim_happens(s, 150))
			settle(h);
	}
	if (s->failure[0] == '\0')
		settle(h);
}

void
history_run(struct sim *s)
{
	struct history h = { .sim = s, .base = db_memory_new(), .stays_open = s->seed % 4 == 1 };
	int i;

	s->now = 1700000000;
	s->oracle = oracle_new();
	make_stores(s);
	draw_trash(s);
	limit_draw(s);
	sizes_draw(s);
	make_channel(&h);
	live(&h);
	history_close(&h);
	for (i = 0; i < s->contents; i++)
		content_free(s->content[i]);
	ram_free(s->ram[FAR]);
	ram_free(s->ram[NEAR]);
	oracle_free(&s->oracle);
	db_memory_free(&h.base);
	db_memory_free(&h.backup);
	arena_release(&s->arena);
}
