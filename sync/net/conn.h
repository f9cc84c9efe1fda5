/* The bytes of one connection, whatever lies under them: a socket or a tunnel, TLS once it is on,
 * compression once it is on. Waits with a deadline, and knows why it died.
 *
 *   conn_new -> conn_start_tls, conn_start_deflate when their time has come
 *            -> conn_read, conn_write, conn_wait -> conn_free
 *
 *   conn_read  <-  ahead  <-  deflate_read  <-  tls_read  <-  wire_recv
 *   conn_write ->             deflate_write ->  tls_write ->  wire_send
 *
 * stream.h has the invariants; this is where 2, 4 and 5 are kept. Once a direction is dead it stays
 * so, and the first cause is the one that is kept.
 */
#ifndef SYNC_NET_CONN_H
#define SYNC_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "state/base/buf.h"
#include "state/base/err.h"
#include "sync/net/net.h"

struct conn;
struct transcript;

/* Takes ownership of fd (non-blocking), of the child behind it (0 = none), and of the transcript
 * (NULL = none). net is borrowed. */
struct conn *conn_new(struct net *net, int fd, pid_t tunnel, struct transcript *t);
void conn_free(struct conn **c);

/* 1 byte at least, or -1: dead. */
ssize_t conn_read(struct conn *c, void *p, size_t len);

/* Everything, or -1: dead. */
int conn_write(struct conn *c, const void *p, size_t len);

/* Until input is there, at most `ms` (-1 = for ever). 1: it is; 0: time is up; -1: dead. */
int conn_wait(struct conn *c, int ms);

/* Whether input has arrived that was not read yet, be it only in the socket. Before TLS. */
bool conn_has_input(struct conn *c);

/* The handshake. -1 with *e. */
int conn_start_tls(struct conn *c, struct err *e);

/* p: input already read that belongs to the compressed part. */
void conn_start_deflate(struct conn *c, const void *p, size_t len);

/* Besides each wait, that for something of use has a limit: 2 Timeouts for the handshake and for the greeting, 10 from
 * there on. conn_answered: a command was answered, it begins anew. conn_useful: so many octets were what had been
 * asked for. Only time spent in conn_read() counts. */
void conn_answered(struct conn *c);
void conn_useful(struct conn *c, uint64_t octets);

/* Declares it dead, with the cause *e and nothing left to read. Returns -1. */
int conn_kill(struct conn *c, const struct err *e);

/* Fills *e with why it died and returns -1. */
int conn_fail(const struct conn *c, struct err *e);
bool conn_is_dead(const struct conn *c);	/* in at least one direction */

int conn_fd(const struct conn *c);
bool conn_is_tls(const struct conn *c);
const char *conn_binding(const struct conn *c, struct buf *data);	/* tls_binding(); NULL without TLS */
bool conn_is_deflated(const struct conn *c);
void conn_describe(const struct conn *c, char *text, size_t size);

/* Bytes on the wire, bytes of the protocol, times that input was waited for after output. */
void conn_counts(const struct conn *c, uint64_t wire[2], uint64_t data[2], uint64_t *turns_r);

#endif
