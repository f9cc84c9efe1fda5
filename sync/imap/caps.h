/* What a server says it can do (RFC 9051 section 7.2.2), and what we keep of a server between runs.
 *
 * imap_caps_set() from every CAPABILITY list (it replaces), imap_caps_has() before every use. A
 * capability disabled by the user is never reported by _has, yet stays in the list for people.
 */
#ifndef SYNC_IMAP_CAPS_H
#define SYNC_IMAP_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/base/buf.h"

enum imap_cap {
	IMAP_CAP_IMAP4REV1, IMAP_CAP_IMAP4REV2, IMAP_CAP_STARTTLS, IMAP_CAP_LOGINDISABLED,
	IMAP_CAP_SASL_IR, IMAP_CAP_LITERAL_PLUS, IMAP_CAP_LITERAL_MINUS, IMAP_CAP_ENABLE,
	IMAP_CAP_CONDSTORE, IMAP_CAP_QRESYNC, IMAP_CAP_UIDPLUS, IMAP_CAP_MOVE, IMAP_CAP_UNSELECT,
	IMAP_CAP_LIST_EXTENDED, IMAP_CAP_LIST_STATUS, IMAP_CAP_SPECIAL_USE, IMAP_CAP_CREATE_SPECIAL_USE,
	IMAP_CAP_NAMESPACE, IMAP_CAP_ID, IMAP_CAP_IDLE, IMAP_CAP_NOTIFY, IMAP_CAP_ESEARCH,
	IMAP_CAP_SEARCHRES, IMAP_CAP_MULTIAPPEND, IMAP_CAP_COMPRESS_DEFLATE, IMAP_CAP_OBJECTID,
	IMAP_CAP_UTF8_ACCEPT, IMAP_CAP_UTF8_ONLY, IMAP_CAP_APPENDLIMIT, IMAP_CAP_STATUS_SIZE,
	IMAP_CAP_ACL, IMAP_CAP_QUOTA, IMAP_CAP_BINARY, IMAP_CAP_REPLACE, IMAP_CAP_SAVEDATE,
	IMAP_CAP_MESSAGELIMIT, IMAP_CAP_SAVELIMIT, IMAP_CAP_UIDONLY, IMAP_CAP_PARTIAL, IMAP_CAP_X_GM_EXT_1, IMAP_CAP_XYMHIGHESTMODSEQ,
	IMAP_CAP_WITHIN, IMAP_CAP_MULTISEARCH, IMAP_CAP_SEARCH_FUZZY,
	IMAP_CAPS
};

struct imap_caps {
	uint64_t has;			/* 1 << enum imap_cap, as the server says */
	uint64_t disabled;		/* by the user; kept by imap_caps_set */
	uint64_t append_limit;		/* octets; 0 = none said, or said per mailbox */
	uint64_t message_limit;		/* messages of one command (RFC 9738); 0 = none said */
	uint64_t save_limit;		/* the same of COPY and APPEND alone; 0 = none said */
	struct buf list;		/* the words as they came, one space between; empty = not known */
};

/* Takes the words of a CAPABILITY list. A server of IMAP4rev2 alone is given what rev2 includes;
 * QRESYNC stands for CONDSTORE and ENABLE (RFC 7162 section 3.2). */
void imap_caps_set(struct imap_caps *caps, const char *words, size_t len);
void imap_caps_forget(struct imap_caps *caps);	/* none known; the mask stays */
void imap_caps_release(struct imap_caps *caps);
bool imap_caps_are_known(const struct imap_caps *caps);
bool imap_caps_has(const struct imap_caps *caps, enum imap_cap cap);

/* DisableExtension: adds one name ("QRESYNC", any case; CONDSTORE takes QRESYNC along). Returns -1
 * when the name is none we know of. */
int imap_caps_disable(struct imap_caps *caps, const char *name);

/* The mechanisms of AUTH=, "PLAIN SCRAM-SHA-256", upper case, appended. */
void imap_caps_auth(const struct imap_caps *caps, struct buf *out);

/* What is remembered of a server, under a key of host, port, user and TLS mode (R24 one flight). */
struct imap_memory {
	char mechanism[24];		/* that last logged in, if a flight can carry it; "" = open step by step */
	bool is_stepwise;		/* a pipelined opening failed here: never try again */
	bool refuses_binding;		/* it offers SCRAM-...-PLUS, and knows no channel binding of ours */
	unsigned offered;		/* auth_strength() of what it has offered at best */
	bool shows_closed;		/* SELECT answers [CLOSED] (R17 SELECT first) */
	bool needs_uidonly;		/* without UIDONLY it shows a part of a mailbox (R25 a witness) */
	char delimiter;			/* of the personal namespace; 0 = not known or flat */
	struct buf prefix;		/* of the personal namespace, as on the wire */
	struct buf caps;		/* list after login */
};

void imap_memory_release(struct imap_memory *m);
/* One line of printable text, "1 PLAIN - / INBOX. IMAP4rev1 ..."; appended. */
void imap_memory_write(const struct imap_memory *m, struct buf *out);
/* Replaces *m. Text that is not understood is an empty memory: it is only ever a hint. */
void imap_memory_read(struct imap_memory *m, const char *text);

#endif
