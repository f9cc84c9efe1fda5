/* Line ends of a message on the wire, in a file, and in the form that identity is taken on (R23 line ends).
 *
 * The canonical form N(x) of message octets x: every LF not preceded by CR becomes CRLF, everything
 * else stays, bare CRs and NULs too. IMAP is sent N(file); sizes and digests are taken on N.
 *
 * A file that came from the wire is that wire form with every CRLF turned into LF, where this can be
 * undone: the wire form holds no LF without a CR before it and no CR directly before a CRLF. Else it
 * is the wire form as it came ("raw").
 *
 * Used in this order, for a download:
 *
 *	struct lineends_in in = {0};
 *	for each piece p, len read from the wire:
 *		while (len > 0) {
 *			used = lineends_to_file(&in, p, len, out, &n);
 *			write n octets of out to the file;
 *			if (used < len)
 *				repair the file: see lineends_restore();
 *			p += used, len -= used;
 *		}
 *	n = lineends_finish(&in, out); write n octets of out
 *
 * and for an upload: count first (the size goes before the octets), then convert, each with a fresh
 * struct lineends_out.
 *
 * What always holds, wherever the pieces are cut:
 *	1. N(file) == N(wire).
 *	2. As long as a download is not raw, what was written restores octet for octet to the part of
 *	   the wire form that it stands for.
 *	3. N(N(x)) == N(x).
 */
#ifndef SYNC_MESSAGE_LINEENDS_H
#define SYNC_MESSAGE_LINEENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From the wire to a file. Zero-initialised = at the start of a message. */
struct lineends_in {
	bool is_raw;		/* found irreversible: octets pass as they are from here on */
	bool is_cr_held;	/* a CR was taken and waits for what follows it */
	bool is_cr_last;	/* the last octet written is a CR */
	uint64_t converted;	/* CRLFs written as LF: a restored prefix is longer by so many octets */
};

/* Converts in[0..len) to out, which has room for len + 1 octets; *out_len_r are written. Returns how
 * many octets of in were taken: len, or fewer exactly once per message, when the input proves
 * irreversible at in[returned]. Then c->is_raw has become true; the caller writes out, restores all
 * that it has written for this message, and goes on with the rest. */
size_t lineends_to_file(struct lineends_in *c, const char *in, size_t len, char *out, size_t *out_len_r);

/* Ends the message: the number of octets (0 or 1) put into out. */
size_t lineends_finish(struct lineends_in *c, char *out);

/* Turns every LF of in[0..len) into CRLF, which undoes lineends_to_file() for what it wrote before
 * it found the input irreversible. out has room for 2 * len. Returns the octets written. Needs no
 * state, so a file of `size` octets can be repaired in place, in pieces from its end to its start:
 *
 *	at = size + c.converted
 *	for each piece, the last one first:  at -= n = lineends_restore(piece, ...); pwrite(n at `at`)
 *
 * No write touches a piece not read yet, as `at` never falls below the piece's own offset. */
size_t lineends_restore(const char *in, size_t len, char *out);

/* From a file (or anything) to the canonical form. Zero-initialised = at the start of a message. */
struct lineends_out {
	bool is_cr_last;	/* the last octet of the input so far is a CR */
	uint64_t size;		/* octets of the canonical form so far */
};

/* Converts in[0..len) to out, which has room for 2 * len octets. Returns the octets written. */
size_t lineends_to_wire(struct lineends_out *c, const char *in, size_t len, char *out);

/* The same without writing: only c->size grows. */
void lineends_count(struct lineends_out *c, const char *in, size_t len);

#endif
