#include "sync/pop3/caps.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SASL_MOST = 1024, DELAY_MOST = 24 * 3600 };

static const struct { const char *name; enum pop3_cap cap; } names[] = {
	{ "STLS", POP3_CAP_STLS }, { "USER", POP3_CAP_USER }, { "UIDL", POP3_CAP_UIDL }, { "TOP", POP3_CAP_TOP },
	{ "PIPELINING", POP3_CAP_PIPELINING },
};

static void
add_delay(struct pop3_caps *caps, const char *argument)
{
	const unsigned long delay = strtoul(argument, NULL, 10);

	caps->login_delay = delay > DELAY_MOST ? DELAY_MOST : (unsigned)delay;
}

void
pop3_caps_add(struct pop3_caps *caps, const char *line)
{
	const size_t len = strcspn(line, " "), blanks = strspn(line + len, " ");
	const char *argument = line + len + blanks;

	caps->is_known = true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == len && strncasecmp(line, names[i].name, len) == 0)
			caps->has |= names[i].cap;
	if (len == 11 && strncasecmp(line, "LOGIN-DELAY", len) == 0)
		add_delay(caps, argument);
	if (len != 4 || strncasecmp(line, "SASL", len) != 0 || caps->sasl.len + strlen(argument) > SASL_MOST)
		return;
	if (caps->sasl.len != 0)
		buf_addc(&caps->sasl, ' ');
	buf_adds(&caps->sasl, argument);
}

void
pop3_caps_release(struct pop3_caps *caps)
{
	buf_release(&caps->sasl);
	*caps = (struct pop3_caps){ .is_known = false };
}

bool
pop3_caps_may(const struct pop3_caps *caps, enum pop3_cap cap)
{
	return !caps->is_known || (caps->has & cap) != 0;
}
