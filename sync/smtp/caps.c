#include "sync/smtp/caps.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SASL_MOST = 1024 };

static const struct { const char *name; enum smtp_cap cap; } names[] = {
	{ "STARTTLS", SMTP_CAP_STARTTLS }, { "8BITMIME", SMTP_CAP_8BITMIME }, { "SMTPUTF8", SMTP_CAP_SMTPUTF8 },
	{ "PIPELINING", SMTP_CAP_PIPELINING }, { "DSN", SMTP_CAP_DSN }, { "SIZE", SMTP_CAP_SIZE },
};

static uint64_t
read_size(const char *argument)
{
	unsigned long long n;

	if (!isdigit((unsigned char)argument[0]))
		return 0;
	errno = 0;
	n = strtoull(argument, NULL, 10);
	return errno == 0 ? n : 0;
}

void
smtp_caps_add(struct smtp_caps *caps, const char *line)
{
	/* "AUTH=PLAIN" is how it was written before RFC 2554. */
	const size_t len = strcspn(line, " ="), blanks = strspn(line + len, " =");
	const char *argument = line + len + blanks;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == len && strncasecmp(line, names[i].name, len) == 0)
			caps->has |= names[i].cap;
	if (len == 4 && strncasecmp(line, "SIZE", len) == 0)
		caps->size = read_size(argument);
	if (len != 4 || strncasecmp(line, "AUTH", len) != 0 || caps->sasl.len + strlen(argument) > SASL_MOST)
		return;
	if (caps->sasl.len != 0)
		buf_addc(&caps->sasl, ' ');
	buf_adds(&caps->sasl, argument);
}

void
smtp_caps_release(struct smtp_caps *caps)
{
	buf_release(&caps->sasl);
	*caps = (struct smtp_caps){ .has = 0 };
}
