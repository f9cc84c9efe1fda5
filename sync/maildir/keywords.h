/* What the letters a-z in file names mean: the file dovecot-keywords of a mailbox.
 *
 *	0 $Junk
 *	1 work			a line per letter, 0 = a ... 25 = z; words as IMAP has keywords
 *
 *	keywords_read(&k, &mdir)	anew for each piece of work: others write the file too
 *	keywords_learn(&k, &mdir, ...)	before names with these keywords are made
 *	... keywords_bits(), keywords_flags() ...
 *	keywords_release(&k)
 *
 * What must always hold:
 *	1. A letter never changes its meaning here: words are added, none is removed or moved.
 *	2. The file is made only where the store's Keywords says so, and written under its locks:
 *	   dovecot-keywords.lock, and where Dovecot works in the mailbox dovecot-uidlist.lock first, which is
 *	   what Dovecot itself holds while it changes the file.
 *	3. The file is durable (FSync) before a name relies on it.
 *	4. A letter that names have and no line explains has a meaning that we do not know: it stays in names, is
 *	   nobody's keyword and is given to no word. Where names have letters and there is no file at all, it may have
 *	   been lost with all its words: nothing is kept there and no file is made, lest keywords seem taken off.
 *
 * A change of the file alone moves no cursor: it is noticed when the mailbox is listed for another reason.
 * Nothing is missed by that, as a letter that a name gets or loses is a rename.
 */
#ifndef SYNC_MAILDIR_KEYWORDS_H
#define SYNC_MAILDIR_KEYWORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "state/base/mem.h"
#include "state/model/flags.h"
#include "sync/maildir/filename.h"
#include "sync/maildir/mdir.h"

struct keywords {
	struct arena arena;
	bool has_file;
	bool may_add;			/* the file is there, or may be made */
	uint32_t taken;			/* letters with a line, as filename bits */
	const char *word[FILENAME_LETTERS];	/* NULL = none, or none that IMAP could carry */
};

/* No file is no error: no letter has a meaning then. */
int keywords_read(struct keywords *k, const struct mdir *m, struct err *e);
void keywords_release(struct keywords *k);

/* Gives letters to those of these words (canonical) that have none, as far as there are any left and
 * anything may be added. -1: the file cannot be written now (ERR_BOX). */
int keywords_learn(struct keywords *k, const struct mdir *m, const char *words, struct err *e);

/* Flags as the bits of a file name (sync/maildir/filename.h), and back; what has no letter is left out.
 * A letter that stands for $Forwarded goes with P. */
uint32_t keywords_bits(const struct keywords *k, struct flags flags);
struct flags keywords_flags(const struct keywords *k, struct arena *a, uint32_t bits);

/* The bits whose meaning is known. */
uint32_t keywords_known(const struct keywords *k);

/* What the mailbox can keep, its names having these bits among them. Without a file a mailbox whose names have
 * letters keeps no keywords (invariant 4). */
void keywords_mask(const struct keywords *k, struct arena *a, uint32_t used, struct flag_mask *mask_r);

#endif
