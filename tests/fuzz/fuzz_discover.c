/* Whatever a web server or a resolver says: an autoconfig document, a PACC document, a message of the DNS, a line of mailtwin-discover. What
 * comes out of it is an offer that may be written into a configuration. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/discover/autoconfig.h"
#include "cmd/discover/dns.h"
#include "cmd/discover/pacc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct offers *all)
{
	struct buf line = { 0 };
	struct offer back;

	for (size_t i = 0; i < all->all.n; i++) {
		const struct offer *o = &all->all.at[i];

		assert(offer_host_ok(o->host, strlen(o->host)) && offer_login_ok(o->login, strlen(o->login)) && o->port > 0 && o->port <= 65535);
		buf_clear(&line);
		offer_write(o, &line);
		assert(offer_read(buf_str(&line), &back) && strcmp(back.host, o->host) == 0 && strcmp(back.login, o->login) == 0);
	}
	buf_release(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct offers all = { { 0 } };
	struct dns_records records = { { 0 } };
	struct arena a = { 0 };
	struct offer one;
	const char *text;

	if (size == 0)
		return 0;
	text = arena_strndup(&a, (const char *)data + 1, size - 1);
	switch (data[0] % 6) {
	case 0:
		(void)autoconfig_read((const char *)data + 1, size - 1, "jane@example.test", OFFER_OF_AUTOCONFIG, &all);
		break;
	case 1:
		(void)pacc_read((const char *)data + 1, size - 1, "jane@example.test", &all);
		break;
	case 2:
	case 3:
	case 4:
		(void)dns_read(data + 1, size - 1, (enum dns_type)(data[0] % 6 - 2), &a, &records);
		break;
	default:
		if (offer_read(text, &one))
			vec_push(&all.all, one);
		(void)pacc_is_vouched("abc", 3, text);
	}
	check(&all);
	vec_release(&all.all);
	vec_release(&records.all);
	arena_release(&a);
	return 0;
}
