#include "cmd/discover/dns.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/discover/testing.h"

enum { RECORDS_MOST = 50, ANSWER_MOST = 16384 };

static int
record_order(const void *a, const void *b)
{
	const struct dns_record *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->weight == y->weight ? 0 : x->weight > y->weight ? -1 : 1;
}

/* A name within a record, without its last dot. NULL = it is none. */
static const char *
name_at(const ns_msg *m, const unsigned char *at, struct arena *a)
{
	char name[NS_MAXDNAME];
	size_t len;

	if (ns_name_uncompress(ns_msg_base(*m), ns_msg_end(*m), at, name, sizeof name) < 0)
		return NULL;
	len = strlen(name);
	if (len > 0 && name[len - 1] == '.')
		len--;
	return arena_strndup(a, name, len);
}

/* The strings of a TXT record are one. */
static const char *
text_of(const unsigned char *data, size_t len, struct arena *a)
{
	struct buf b = { 0 };
	const char *text = NULL;
	size_t n;

	while (len > 0 && (n = data[0]) < len) {
		buf_add(&b, data + 1, n);
		data += n + 1;
		len -= n + 1;
	}
	if (len == 0 && strlen(buf_str(&b)) == b.len)
		text = arena_strdup(a, buf_str(&b));
	buf_release(&b);
	return text;
}

static void
take_record(const ns_msg *m, const ns_rr *rr, enum dns_type type, struct arena *a, struct dns_records *out)
{
	const unsigned char *data = ns_rr_rdata(*rr);
	const size_t len = ns_rr_rdlen(*rr);
	struct dns_record r = { 0 };

	if (type == DNS_MX && ns_rr_type(*rr) == ns_t_mx && len > 2) {
		r.priority = ns_get16(data);
		r.text = name_at(m, data + 2, a);
	} else if (type == DNS_SRV && ns_rr_type(*rr) == ns_t_srv && len > 6) {
		r.priority = ns_get16(data);
		r.weight = ns_get16(data + 2);
		r.port = ns_get16(data + 4);
		r.text = name_at(m, data + 6, a);
	} else if (type == DNS_TXT && ns_rr_type(*rr) == ns_t_txt) {
		r.text = text_of(data, len, a);
	}
	if (r.text != NULL && out->all.n < RECORDS_MOST)
		vec_push(&out->all, r);
}

int
dns_read(const unsigned char *answer, size_t len, enum dns_type type, struct arena *a, struct dns_records *out)
{
	ns_msg m;
	ns_rr rr;

	if (len > ANSWER_MOST || ns_initparse(answer, (int)len, &m) < 0)
		return -1;
	for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
		if (ns_parserr(&m, ns_s_an, i, &rr) < 0)
			return -1;
		take_record(&m, &rr, type, a, out);
	}
	if (out->all.n != 0)
		qsort(out->all.at, out->all.n, sizeof *out->all.at, record_order);
	return 0;
}

void
dns_ask(const char *name, enum dns_type type, struct arena *a, struct dns_records *out)
{
	static const int types[] = { [DNS_MX] = ns_t_mx, [DNS_SRV] = ns_t_srv, [DNS_TXT] = ns_t_txt };
	unsigned char answer[ANSWER_MOST];
	struct __res_state state = { 0 };
	int len;

	if (res_ninit(&state) < 0)
		return;
	state.retrans = 3;
	state.retry = 2;
	testing_resolver(&state);
	len = res_nquery(&state, name, ns_c_in, types[type], answer, sizeof answer);
	res_nclose(&state);
	if (len > 0 && dns_read(answer, (size_t)len < sizeof answer ? (size_t)len : sizeof answer, type, a, out) < 0)
		out->all.n = 0;
}

void
dns_offers(const char *domain, const char *address, struct offers *all)
{
	static const struct { const char *service; enum offer_kind kind; enum offer_tls tls; } services[] = {
		{ "_imaps", OFFER_IMAP, OFFER_TLS }, { "_imap", OFFER_IMAP, OFFER_STARTTLS }, { "_pop3s", OFFER_POP3, OFFER_TLS },
		{ "_submissions", OFFER_SMTP, OFFER_TLS }, { "_submission", OFFER_SMTP, OFFER_STARTTLS },
	};
	char name[NS_MAXDNAME];

	for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
		struct offer like = { .kind = services[i].kind, .tls = services[i].tls, .source = OFFER_OF_SRV };
		struct dns_records records = { { 0 } };
		struct arena a = { 0 };

		snprintf(name, sizeof name, "%s._tcp.%s", services[i].service, domain);
		dns_ask(name, DNS_SRV, &a, &records);
		/* RFC 6186 section 3.4: a target of "." says that there is none. The first one that can be is tried. */
		for (size_t k = 0; k < records.all.n; k++) {
			like.port = records.all.at[k].port;
			if (strchr(records.all.at[k].text, '%') == NULL && offers_add(all, &like, records.all.at[k].text, "%EMAILADDRESS%", address))
				break;
		}
		vec_release(&records.all);
		arena_release(&a);
	}
}
