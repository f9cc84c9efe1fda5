/* Any bytes as a message of an outbox: its envelope, the addresses of its header and what is sent of that. No address that comes out of it ends a
 * line, and Bcc is in nothing that is sent. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "sync/message/address.h"
#include "sync/outbox/envelope.h"
#include "sync/smtp/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct envelope *v)
{
	for (size_t i = 0; i < v->to.n; i++) {
		assert(smtp_address_fault(v->to.at[i]) == NULL);
		assert(strpbrk(v->to.at[i], "\r\n") == NULL);
	}
}

static void
take(void *ctx, const char *address)
{
	size_t *n = ctx;

	assert(*address != '\0');
	++*n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *file = (const char *)data, *why;
	struct envelope v = { .sender = NULL }, again = { .sender = NULL };
	struct buf sent = { 0 }, plain = { 0 };
	size_t ours, fields, n = 0;

	(void)address_list(file, size, take, &n, &why);
	assert(n <= size);
	ours = envelope_read(file, size, &v, &why);
	assert(ours <= size);
	fields = envelope_fields(file + ours, size - ours);
	assert(ours + fields <= size);
	check(&v);
	(void)envelope_from_header(&again, file + ours, fields, true);
	check(&again);
	envelope_sent_fields(file + ours, fields, &sent);
	envelope_plain_fields(file + ours, fields, &plain);
	assert(sent.len <= plain.len && plain.len <= fields);
	for (const char *line = buf_str(&sent); line != NULL; line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL)
		assert(strncasecmp(line, "Bcc:", 4) != 0);
	buf_release(&sent);
	buf_release(&plain);
	envelope_release(&v);
	envelope_release(&again);
	return 0;
}
