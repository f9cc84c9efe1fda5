/* What must be true of the mail, from nothing but the acts of the simulated people and what the stores show.
 *
 * The oracle includes no header of the program. It is told what people did (oracle_put, oracle_gone ...) and
 * what the program made the stores do (oracle_ours_*), and counts per mailbox and serial; a serial is a
 * message's hidden number, equal copies share it.
 *
 * A window is the time from one settlement to the next: at a settlement nobody acts, nothing fails, and the
 * runs made are the full two-way ones.
 *
 * What it demands at every moment:
 *   O1  a message that the program removes or marks \Deleted on a side was removed or marked by a person on
 *       the other side, or marked on this one: never more of them than people did
 *   O2  no side ever shows more copies than people made (but after a backup's return: there O7 must do)
 *   O3  what is delivered is whole: content is checked by the store, which knows all serials
 * and at a settlement:
 *   O4  both sides show the same messages, as often, with the same flags
 *   O5  what nobody touched is there; what was removed is not, unless the base or an epoch was lost meanwhile
 *   O6  a flag that people changed on one side only has the value they gave it; where they changed it on both
 *       with no run between, and nothing else happened, the three-way outcome
 *   O7  no more copies than the richer side had before the settlement
 *   O8  a mailbox removed on one side and untouched on the other is gone from both
 * A message taken from one mailbox and put into another is a move, whoever did it and why; the program may carry it over
 * as one, with the flags of either side. Such serials are counted over all mailboxes together; so are those filed
 * differently on the two sides where the program has no base that tells who moved them (oracle_blank).
 * A mailbox that a person renames is, to the oracle, one whose messages were all moved to the other name; what the program then
 * renames on the other side takes along what is there, whoever put it there. From a rename to the next settlement a name on one
 * side may be another's twin on the other: O1, O2, O5 and O7 are for all mailboxes together then.
 * A message that gets another key in its mailbox is the same: nobody put or removed anything (oracle_rekeyed). Only where something went
 * wrong it may have been seen to come before it was seen to go, or the other way round: then it counts as one put and one removed.
 *   O9  a message moved to two places, by a person on each side, is somewhere. After a crash within a move, equal mail
 *       that a person files meanwhile may be taken for where it went; that counts as a move of theirs
 *   O10 where the program knew nothing, nobody did anything meanwhile and nothing went wrong: no message is there more often,
 *       over all mailboxes, than on the richer side before
 *   O11 where nothing but the end of the program went wrong, and each run was to do all: what was one message at the last
 *       settlement, or was put once since, is one, in whatever mailbox, or none if a person removed it, however often they moved it or gave it another key. Not one of
 *       which a run has seen the half of a move, nor a new one that a person took on from where the program had just delivered it (or,
 *       oracle_sent_unread, from where that had it from); where the program knew nothing of a mailbox, not one that is new or was moved on both sides
 *   O12 what the program expunges where a store has a trash is in it by then; and where nothing but the end of the program went wrong,
 *       it is there once
 *   O13 with a limit (oracle_limited) the side that has it may lack what the other has; nothing else changes: what the program takes
 *       away there for the limit it takes away nowhere else, and never what the other side has not. At a settlement no more are
 *       there than the limit says, and none that is too old on the other side, but for what is important
 * Cells made loose (a deletion taken back, a refusal) are only held to O1 to O3.
 */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORACLE_BOXES = 14, ORACLE_SERIALS = 96 };
enum { ORACLE_DELETED = 1 << 5 };	/* of the flag bits, which mean nothing else to the oracle */

enum oracle_level {
	ORACLE_CALM,			/* people acted between runs, every run went through */
	ORACLE_DISTURBED,		/* faults, crashes, people acting during a run */
	ORACLE_LOST,			/* state lost, an epoch changed, a store lied */
	ORACLE_OLD,			/* state came back from a backup: it may copy first and delete then */
};

struct oracle;

struct oracle *oracle_new(void);
void oracle_free(struct oracle **o);
/* What is wrong, or NULL: the first finding stays. */
const char *oracle_finding(const struct oracle *o);

void oracle_disturb(struct oracle *o, enum oracle_level level);
/* The program may let mail go on that side, as long as the other has it. */
void oracle_limited(struct oracle *o, int side);
/* What is sent is known by what it is once its answer has come, not before: between two servers. */
void oracle_sent_unread(struct oracle *o);
/* A run is made that may not do all. */
void oracle_restricted(struct oracle *o);
/* The program ended at some step. */
void oracle_killed(struct oracle *o);
/* Until the next settlement the program may know nothing of this mailbox (-1: of all) on that side. So it begins. */
void oracle_blank(struct oracle *o, int side, int box);

/* ---- people ---- */
void oracle_box_created(struct oracle *o, int side, int box);
void oracle_box_removed(struct oracle *o, int side, int box);	/* after oracle_gone for its messages */
/* After oracle_went for what was in it. */
void oracle_box_renamed(struct oracle *o, int side, int from, int to);
bool oracle_has_renames(const struct oracle *o);	/* names on the two sides may differ */
void oracle_put(struct oracle *o, int side, int box, int serial, uint32_t flags);
/* The same on both sides at once: one message. */
void oracle_put_both(struct oracle *o, int box, int serial, uint32_t flags[2]);
void oracle_gone(struct oracle *o, int side, int box, int serial);
/* Behind oracle_put and oracle_gone: what was put there is what is gone, moved by a person, or under another key. */
void oracle_same(struct oracle *o, int side, int serial);
/* It has another key now, and is where it was. */
void oracle_rekeyed(struct oracle *o, int side, int box, int serial);
/* Along with a mailbox that a person renames. */
void oracle_went(struct oracle *o, int side, int from, int to, int serial, uint32_t flags);
/* Out of sight in that mailbox while a person puts its equal into another: the program sees a move, and may carry it over. It is
 * there again later, as new mail. */
void oracle_seems_moved(struct oracle *o, int side, int box, int serial);
/* A person has put it into another mailbox, in this window; where mailboxes were renamed, one of that name may be another. */
bool oracle_was_filed(const struct oracle *o, int side, int box, int serial);
/* The flags of one message changed for real. */
void oracle_flags(struct oracle *o, int side, int box, int serial, uint32_t was, uint32_t is);
/* Those were taken off something that the program had put there, and not looked at yet: it may take it for a server's
 * that did not keep them, and set them again. */
void oracle_unseen(struct oracle *o, int box, int serial, uint32_t flags);
/* Of several equal messages in that mailbox a side has made one: its flags are those of any of them. */
void oracle_shared(struct oracle *o, int box, int serial);
/* By a person, of a side that has more than one: where a run did not do all, each may have a twin of its own. */
void oracle_one_of_several_gone(struct oracle *o, int side, int box, int serial);
/* It may stay on one side for good. */
void oracle_loose(struct oracle *o, int box, int serial);
/* The same; and it comes as new mail once it is shown again, beside the one that a person marked meanwhile. */
void oracle_out_of_sight(struct oracle *o, int box, int serial);
/* A store said that it had been changed or removed, and it had not. */
void oracle_lied(struct oracle *o, int box, int serial);
/* And so the mailbox holds one more than who must count (CONDSTORE) can know of: a removal by a person evens it out. */
void oracle_miscounted(struct oracle *o, int box);

/* ---- the program ---- */
void oracle_ours_put(struct oracle *o, int side, int box, int serial);
/* is_counted: this very message was marked by the program before, and counted then. */
void oracle_ours_gone(struct oracle *o, int side, int box, int serial, bool is_counted);
/* Put into the trash of its side, and expunged where that has one. */
void oracle_ours_trashed(struct oracle *o, int side, int serial);
/* is_copying: into the trash it goes by a copy. After a crash an equal one that is there is taken for it, and one that a person took out of the
 * way meanwhile is there all the same. */
void oracle_ours_expunged(struct oracle *o, int side, int serial, bool is_copying);
/* Or removed with its mailbox, after it had been put into the trash. */
void oracle_ours_removed(struct oracle *o, int side, int serial);
void oracle_ours_marked(struct oracle *o, int side, int box, int serial);
/* Put there from another mailbox of the side: moved, or a copy (is_kept), for what it was made for may be gone by then. */
void oracle_ours_moved(struct oracle *o, int side, int box, int serial, bool is_kept);
void oracle_ours_removed_box(struct oracle *o, int side, int box);
/* The program ended within a move of three acts: the message is there twice, and nobody can tell which of them people work on. */
void oracle_ours_half_moved(struct oracle *o, int side, int serial);
/* With all that is in it, and no word about that to the others. */
void oracle_ours_renamed_box(struct oracle *o, int side, int from, int to);

/* ---- settlements ---- */
/* A run that is not part of a settlement: what people do after it may undo what it carried over. boxes: those that it looks at, as bits; of a
 * move into them out of another one it sees the half. */
void oracle_ran(struct oracle *o, unsigned boxes);
struct oracle_sight { int side, box, serial; uint32_t flags; };
struct oracle_view {
	const struct oracle_sight *at;
	size_t n;
	bool exists[2][ORACLE_BOXES];
	bool is_selected[ORACLE_BOXES];	/* the channel means this mailbox */
	uint32_t common;		/* flags that both sides can keep */
};
/* Before the first full run of a settlement. */
void oracle_settling(struct oracle *o, const struct oracle_view *v);
/* Whether both sides agree as they must; ends the window when they do. */
bool oracle_is_settled(struct oracle *o, const struct oracle_view *v, char *why, size_t why_size);

#endif
