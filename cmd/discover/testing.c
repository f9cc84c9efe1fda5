#include "cmd/discover/testing.h"

#ifdef MAILTWIN_STEPS

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
testing_resolver(struct __res_state *state)
{
	const char *port = getenv("MAILTWIN_DISCOVER_DNS");

	if (port == NULL)
		return;
	state->nscount = 1;
	state->nsaddr_list[0] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	state->retrans = state->retry = 1;
}

struct curl_slist *
testing_https(void)
{
	const char *port = getenv("MAILTWIN_DISCOVER_HTTPS");
	char place[64];

	if (port == NULL)
		return NULL;
	snprintf(place, sizeof place, "::127.0.0.1:%s", port);
	return curl_slist_append(NULL, place);
}

long
testing_seconds(long usual)
{
	const char *seconds = getenv("MAILTWIN_DISCOVER_SECONDS");

	return seconds != NULL ? atol(seconds) : usual;
}

#endif
