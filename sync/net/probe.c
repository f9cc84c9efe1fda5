#include "sync/net/probe.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "state/base/buf.h"
#include "state/base/mem.h"
#include "sync/message/decode.h"
#include "sync/net/clock.h"
#include "sync/net/dial.h"
#include "sync/net/tls.h"

/* One kind of address. */
struct family {
	int number;
	const char *name;
	struct addrinfo *list;		/* those of it; NULL = none */
	int sys;			/* why none of them answers; 0 = one does */
	struct err err;
};

static void
address_text(const struct sockaddr *address, socklen_t len, char *text, size_t size)
{
	if (getnameinfo(address, len, text, (socklen_t)size, NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(text, size, "address");
}

static void
tell_addresses(const struct addrinfo *list, const char *host, const char *where, const struct findings *out)
{
	enum { SHOWN = 8 };
	struct buf b = { 0 };
	char text[64];
	size_t n = 0;

	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next, n++) {
		if (n >= SHOWN)
			continue;
		address_text(ai->ai_addr, ai->ai_addrlen, text, sizeof text);
		buf_printf(&b, "%s%s", n != 0 ? ", " : "", text);
	}
	if (n > SHOWN)
		buf_printf(&b, " and %zu more", n - SHOWN);
	if (n == 1 && strcmp(buf_str(&b), host) == 0)
		finding_ok(out, "address", where, "%s", host);
	else
		finding_ok(out, "address", where, "%s is %s", host, buf_str(&b));
	buf_release(&b);
}

/* Takes the addresses of one kind out of the list. */
static struct addrinfo *
take_family(struct addrinfo **list, int number)
{
	struct addrinfo *taken = NULL, **end = &taken, **at = list;

	while (*at != NULL) {
		if ((*at)->ai_family != number) {
			at = &(*at)->ai_next;
			continue;
		}
		*end = *at;
		end = &(*end)->ai_next;
		*at = (*at)->ai_next;
		*end = NULL;
	}
	return taken;
}

static void
try_family(struct net *net, struct family *f, const struct findings *out)
{
	const struct net_settings *set = net_settings(net);
	const long long begun = clock_now();
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	char text[64] = "";
	char *label = mem_printf("%s:%u", set->host, set->port);
	int fd = dial_addresses(f->list, set, label, set->timeout != 0 ? begun + set->timeout * 1000LL : 0, &f->err);

	free(label);
	if (fd < 0) {
		f->sys = f->err.sys != 0 ? f->err.sys : EIO;
		return;
	}
	if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
		address_text((struct sockaddr *)&peer, len, text, sizeof text);
	close(fd);
	finding_ok(out, "connection", set->name, "%s, port %u: %s answers in %lld ms", f->name, set->port, text, clock_now() - begun);
}

/* One kind does not answer, and another one does: a machine without IPv6 knows that at once, else each connection may wait for it. */
static void
tell_failed(const struct family *f, const char *where, const struct findings *out)
{
	if (f->sys == ENETUNREACH || f->sys == EADDRNOTAVAIL || f->sys == EAFNOSUPPORT)
		finding_ok(out, "connection", where, "%s is not to be had on this machine (%s); the other addresses are used", f->name, strerror(f->sys));
	else
		finding_warn(out, "connection", where, "ask who runs the server or the network", "by %s nobody answers (%s); the other addresses are used",
		    f->name, strerror(f->sys));
}

int
net_probe(struct net *net, const struct findings *out)
{
	struct family families[] = { { .number = AF_INET6, .name = "IPv6" }, { .number = AF_INET, .name = "IPv4" } };
	const struct net_settings *set = net_settings(net);
	const size_t n = sizeof families / sizeof *families;
	struct addrinfo *list = NULL;
	bool has_answer = false, has_told = false;
	struct err e;

	if (set->tunnel != NULL) {
		finding_ok(out, "connection", set->name, "by the command of Tunnel");
		return 0;
	}
	if (dial_lookup(set, set->host, set->timeout != 0 ? clock_now() + set->timeout * 1000LL : 0, &list, &e) < 0) {
		finding_fail(out, "address", set->name, "see whether Host is right, and whether this machine has a network", &e);
		return -1;
	}
	tell_addresses(list, set->host, set->name, out);
	for (size_t i = 0; i < n; i++) {
		families[i].list = take_family(&list, families[i].number);
		if (families[i].list != NULL)
			try_family(net, &families[i], out);
		has_answer |= families[i].list != NULL && families[i].sys == 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (families[i].list != NULL && families[i].sys != 0 && has_answer)
			tell_failed(&families[i], set->name, out);
		else if (families[i].list != NULL && families[i].sys != 0 && !has_told) {
			finding_fail(out, "connection", set->name, "see whether Host and Port are right", &families[i].err);
			has_told = true;
		}
		if (families[i].list != NULL)
			freeaddrinfo(families[i].list);
	}
	if (list != NULL)
		freeaddrinfo(list);
	return has_answer ? 0 : -1;
}

void
net_tell_tls(struct net *net, const struct findings *out)
{
	const struct net_settings *set = net_settings(net);
	struct tls *tls;
	struct err e;

	if (set->tls_type != NET_TLS_NONE) {
		tls = net_tls(net, &e);
		if (tls != NULL)
			tls_tell(tls, out);
		return;
	}
	if (set->tunnel != NULL)
		finding_ok(out, "tls", set->name, "none; Tunnel sees to that");
	else
		finding_warn(out, "tls", set->name, "write another TLSType", "none (TLSType None): whoever is on the way reads the mail, and the password "
		    "with most ways to log in");
}

/* The date in a greeting, or (RFC 1939) the seconds behind the number of a process. */
static bool
find_clock(const char *greeting, int64_t now, int64_t *time_r)
{
	enum { PLAUSIBLE = 30 * 86400 };
	static const char *const patterns[] = {
		"([0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4})", "<[0-9]+\\.([0-9]{9,11})@",
	};
	bool is_found = false;
	char text[64];
	regmatch_t at[2];
	regex_t r;

	for (size_t i = 0; i < sizeof patterns / sizeof *patterns && !is_found; i++) {
		if (regcomp(&r, patterns[i], REG_EXTENDED) != 0)
			continue;
		if (regexec(&r, greeting, 2, at, 0) == 0) {
			snprintf(text, sizeof text, "%.*s", (int)(at[1].rm_eo - at[1].rm_so), greeting + at[1].rm_so);
			if (i == 1)
				*time_r = atoll(text);
			is_found = i == 0 ? decode_date(text, time_r, NULL) == 0 : llabs(*time_r - now) < PLAUSIBLE;
		}
		regfree(&r);
	}
	return is_found;
}

void
net_tell_clock(const char *greeting, int64_t now, const char *where, const struct findings *out)
{
	enum { NOTICED = 60 };
	int64_t theirs;

	if (!find_clock(greeting, now, &theirs))
		return;
	if (llabs(theirs - now) <= NOTICED)
		finding_ok(out, "clock", where, "the server's is that of this machine, within %d seconds", NOTICED);
	else
		finding_warn(out, "clock", where, "see which of the two is right (timedatectl)", "the server's is %lld seconds %s that of this machine",
		    llabs(theirs - now), theirs > now ? "ahead of" : "behind");
}
