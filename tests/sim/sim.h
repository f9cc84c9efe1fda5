/* One simulated history: two stores in RAM, the people who use them, what goes wrong, and the oracle.
 *
 * Everything that happens follows from a seed. A point where something may happen is an opportunity and has
 * a number; whether it does, and what, is drawn from a hash of seed and number alone. So a history can be
 * replayed, and single happenings can be left out (`skip`) to find those that a failure needs.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/mem.h"
#include "state/base/vec.h"
#include "state/model/flags.h"
#include "state/model/ident.h"
#include "state/model/side.h"
#include "sync/plan/policy.h"
#include "tests/sim/oracle.h"

/* The first of them are those that people make; the others are what these, and what is below them, may come to be called. */
enum { SIM_BOXES = ORACLE_BOXES, SIM_MADE = 5 };
/* And one that is no part of the channel, nor anybody's but the program's: the trash (P17). */
enum { SIM_TRASH = SIM_BOXES, SIM_ALL };
extern const char *const sim_box_name[SIM_ALL];	/* "INBOX" first */
int sim_box(const char *name);				/* -1 = none of ours */

/* ---- messages ---- */

/* What stores change of a message, as bits; each set of them makes another form of it. */
enum form_change {
	FORM_ASCII = 1,			/* octets of the header that are not ASCII become an X (Cyrus) */
	FORM_NO_CR = 2,			/* bare CRs are dropped (Dovecot) */
	FORM_TRIMMED = 4,		/* so are blanks at the end of a header line (OfflineIMAP) */
	FORM_STATUS = 8,		/* lines are added to the header (mbox) */
	FORM_PLACEHOLDER = 16,		/* what stands for it (P21) */
	FORM_IMPORTANT = 32,		/* and says that it is flagged */
	FORMS = 64,
};

/* A message as a store has it. */
struct form {
	char *wire;			/* CRLF */
	size_t wire_len;
	char *file;			/* LF */
	size_t file_len;
	struct ident ident;		/* of the whole */
	struct ident head;		/* from the header and wire_len alone */
};

struct content {
	int serial;			/* also in its body, where only the simulation looks */
	int header;			/* serial whose header it has */
	unsigned features;		/* enum form_change: those that make a difference to it */
	struct form *form[FORMS];	/* made when first asked for; 0 is as it was written */
	size_t pad;			/* octets of its body */
	bool has_line;			/* and a line that may have a bare CR */
	bool is_taken_back;		/* a person has taken a \Deleted off it, or a store that never set it, or whose answer was lost, makes it look so: it stays
					 * where it is, beyond the limit or not */
	bool is_unmarked;		/* the program ended when it had taken the \Deleted off, on the way into the trash */
	unsigned taken_in[SIDES];	/* the run during which a person last removed one there; 0 = none */
	bool is_misstated;		/* servers tell a wrong size */
	/* history_sizes.c: put by a person; deleted, or marked, by one in any form; taken away by one, and perhaps put elsewhere; out of what the
	 * channel means, or refused; the same of a placeholder, perhaps: it may come back as one that nobody knows; copied by one, or left behind by a
	 * store that said it was expunged. */
	bool is_put, is_deleted, is_taken, is_away, is_stray, is_several;
	bool is_refused[SIDES];		/* a store refuses it for good */
	/* In troubled runs: each session ends at which it is fetched from that side, delivered to it. */
	bool ends_fetch[SIDES], ends_delivery[SIDES];
};

/* ---- keywords: bits above the six flags ---- */
enum { SIM_KW_SHIFT = 8, SIM_KWS = 3, SIM_KW_ALL = 7 << SIM_KW_SHIFT, SIM_FLAGS_ALL = FLAG_ALL | SIM_KW_ALL };
struct flags sim_flags(uint32_t bits, bool is_lower);	/* strings are static; is_lower: spelt in small letters */
uint32_t sim_bits(struct flags f);

struct ram;

/* What may go wrong in a run, in thousandths per opportunity. 0 all: calm. */
struct trouble {
	unsigned people;		/* somebody acts, at each call of a store */
	unsigned call;			/* a call fails: session dead, or this mailbox */
	unsigned item;			/* one message fails, its answer is lost ... */
	unsigned lie;			/* done, says the store, and it is not */
	unsigned partial;		/* a listing misses something */
	unsigned long die_at;		/* the numbered step at which the program ends; 0 = none */
};

struct sim {
	uint64_t seed;
	uint64_t at;			/* opportunities so far */
	uint64_t drawn;			/* draws within the present one */
	VEC(uint64_t) skip;		/* opportunities to leave out */
	VEC(uint64_t) taken;		/* those that happened */
	struct arena arena;
	struct ram *ram[SIDES];
	struct ram *unsettled;		/* history_window.c; NULL = none */
	struct ram *once;		/* store_ram_once.c: keeps equal messages once; NULL = none */
	int made[ORACLE_SERIALS];	/* there: by people, or there at the last settlement, over all mailboxes */
	int least[ORACLE_SERIALS];	/* there: of these, on the side that counts */
	bool is_taken[ORACLE_SERIALS];	/* there: by people, since */
	bool is_rekeyed[ORACLE_SERIALS];	/* there: by people, since */
	enum oracle_level worst;	/* there: since */
	struct oracle *oracle;
	struct content *content[ORACLE_SERIALS];
	int contents;
	bool has_features;		/* a store alters messages, and some have what it alters */
	bool is_alike_by_two;		/* every two messages have one size */
	bool is_sized;			/* history_sizes.c */
	bool is_old;			/* the base has come back from its backup once */
	enum side small;		/* the side that has the limit then */
	bool is_same_size;		/* equal headers with other bodies may have equal sizes */
	struct trouble trouble;
	bool is_running;		/* inside channel_run, or channel_sync */
	unsigned runs;			/* begun so far */
	struct policy policy;		/* of the present run */
	struct trash trash[SIDES];	/* of all runs of this history */
	struct limit limit;		/* the same, but that a run may have no limit, or another number */
	bool is_selected[SIM_ALL];
	uint32_t common;		/* flags both sides can keep */
	unsigned long changes;		/* calls of this run that changed something on a store */
	unsigned long commits;
	uint64_t deletions[SIDES][SIM_BOXES];	/* of this run: not of what was \Deleted there, or moved */
	struct { int64_t day; uint64_t n[SIDES][SIM_BOXES]; } week[7];	/* deletions of the runs before, by day modulo 7 */
	bool has_created[SIDES][SIM_BOXES];	/* in this run, by the program: what it can keep is not known yet */
	bool has_moved[SIDES][SIM_BOXES];	/* in this run, by the program, to there */
	int64_t now;
	bool has_lied;			/* a store: what it falsely said may come out at any time */
	bool is_traced;
	char failure[400];		/* "" = none */
};

/* True if it happens, per_mille in a thousand; then sim_draw() draws for it. */
bool sim_happens(struct sim *s, unsigned per_mille);
uint64_t sim_draw(struct sim *s, uint64_t n);		/* 0 .. n-1 */
bool sim_chance(struct sim *s, unsigned percent);	/* within an opportunity */
void sim_disturb(struct sim *s, enum oracle_level level);
void sim_trace(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The first failure stays. */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *sim_flags_text(uint32_t bits);		/* static buffer */

/* content.c. header: a serial whose header it shares, or -1. NULL when there are no more serials. */
struct content *content_new(struct sim *s, int header);
const struct form *content_form(const struct content *c, unsigned changes);
/* Whose bytes these are, on the wire or in a file, and in what form; NULL: nobody's. */
const struct content *content_recognise(const struct sim *s, const char *p, size_t len, unsigned *form_r);
void content_free(struct content *c);

/* people.c: one act, by somebody, on some side. */
void people_act(struct sim *s);
/* Puts new mail on one side, or both. */
void people_begin(struct sim *s);

/* history_window.c: a store of which nobody has said whether it shows all. */
void unsettled_draw(struct sim *s);		/* within an opportunity, once there are stores */
void unsettled_begin(struct sim *s);
bool unsettled_oldest(struct sim *s, const struct ram *r);	/* a person now deletes the oldest there, for a new one has come */
void unsettled_settled(struct sim *s);
/* A person has removed it on that side, or marked it to be: where its twin is out of sight, both have gone to the program, until the window says otherwise. */
void unsettled_taken(struct sim *s, const struct ram *r, int box, const struct content *c);

/* history_limit.c: a side that keeps so many messages only. */
void limit_draw(struct sim *s);
/* history_sizes.c: a side that has placeholders of what is large. */
void sizes_draw(struct sim *s);
void sizes_policy(struct sim *s);
bool sizes_are_kept(const struct sim *s, bool is_settled, char *why, size_t why_size);
void limit_vary(struct sim *s);			/* this run has another number, or none */
bool limit_is_kept(const struct sim *s, char *why, size_t why_size);

/* history.c: lives through the history of `seed`. Fills failure and taken. */
void history_run(struct sim *s);

#endif
