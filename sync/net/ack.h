/* Acknowledging what has been read, at once.
 *
 * A server that writes an answer in two parts and leaves Nagle's algorithm on (RFC 896) sends the second part when the
 * first has been acknowledged, which the receiver may put off for 40 ms in the hope of having something to send itself
 * (RFC 1122 section 4.2.3.2). Courier and GNU Mailutils do so with every answer. Where the system can be asked to send
 * the acknowledgement that is due (Linux, TCP_QUICKACK), it is; elsewhere this does nothing.
 */
#ifndef SYNC_NET_ACK_H
#define SYNC_NET_ACK_H

/* Before waiting for input: what is not acknowledged yet of a socket's input is now. Harmless on any descriptor. */
void ack_now(int fd);

#endif
