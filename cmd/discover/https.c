#include "cmd/discover/https.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/discover/testing.h"
#include "state/base/mem.h"

enum { BODY_MOST = 256 * 1024, SECONDS_MOST = 10, SECONDS_TO_CONNECT = 5, REDIRECTIONS_MOST = 3 };

static size_t
on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct https_request *r = ctx;

	if (size * n > BODY_MOST - r->body.len)
		return 0;
	buf_add(&r->body, data, size * n);
	return size * n;
}

/* NULL = it cannot be asked for. */
static CURL *
begin(struct https_request *r, struct curl_slist *places, char *why)
{
	const char *file = getenv("SSL_CERT_FILE"), *directory = getenv("SSL_CERT_DIR");
	CURL *c = curl_easy_init();
	bool is_set = c != NULL;

#define SET(option, value) (is_set = is_set && curl_easy_setopt(c, option, value) == CURLE_OK)
	SET(CURLOPT_URL, r->url);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
	SET(CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS);
	SET(CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, (long)REDIRECTIONS_MOST);
	SET(CURLOPT_TIMEOUT, testing_seconds(SECONDS_MOST));
	SET(CURLOPT_CONNECTTIMEOUT, (long)SECONDS_TO_CONNECT);
	SET(CURLOPT_MAXFILESIZE, (long)BODY_MOST);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FAILONERROR, 1L);
	SET(CURLOPT_USERAGENT, "mailtwin");
	SET(CURLOPT_WRITEFUNCTION, on_data);
	SET(CURLOPT_WRITEDATA, r);
	SET(CURLOPT_ERRORBUFFER, why);
	SET(CURLOPT_PRIVATE, r);
	/* One of them takes the place of both: what the system trusts beside it is not asked for. */
	if (file != NULL || directory != NULL) {
		SET(CURLOPT_CAINFO, file);
		SET(CURLOPT_CAPATH, directory);
	}
	if (places != NULL)
		SET(CURLOPT_CONNECT_TO, places);
#undef SET
	if (!is_set && c != NULL) {
		curl_easy_cleanup(c);
		c = NULL;
	}
	return c;
}

static void
end(CURL *c, CURLcode code)
{
	struct https_request *r;
	long status = 0;

	if (curl_easy_getinfo(c, CURLINFO_PRIVATE, &r) != CURLE_OK)
		return;
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	r->is_there = code == CURLE_OK && status == 200;
	if (!r->is_there && code == CURLE_WRITE_ERROR)
		snprintf(r->why, sizeof r->why, "the answer is larger than %d kB", BODY_MOST / 1024);
	else if (!r->is_there && r->why[0] == '\0')
		snprintf(r->why, sizeof r->why, "%s", code != CURLE_OK ? curl_easy_strerror(code) : "no such document");
}

static void
run(CURLM *m)
{
	int running = 1, left;
	CURLMsg *msg;

	while (running > 0 && curl_multi_perform(m, &running) == CURLM_OK) {
		while ((msg = curl_multi_info_read(m, &left)) != NULL)
			if (msg->msg == CURLMSG_DONE)
				end(msg->easy_handle, msg->data.result);
		if (running > 0 && curl_multi_poll(m, NULL, 0, 1000, NULL) != CURLM_OK)
			return;
	}
}

int
https_fetch(struct https_request *requests, size_t n)
{
	struct curl_slist *places = testing_https();
	CURL **all = mem_alloc((n + 1) * sizeof *all);
	char (*why)[CURL_ERROR_SIZE] = mem_alloc((n + 1) * sizeof *why);
	CURLM *m = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init() : NULL;

	for (size_t i = 0; i < n && m != NULL; i++) {
		all[i] = begin(&requests[i], places, why[i]);
		if (all[i] == NULL || curl_multi_add_handle(m, all[i]) != CURLM_OK)
			snprintf(requests[i].why, sizeof requests[i].why, "it cannot be asked for");
	}
	if (m != NULL)
		run(m);
	for (size_t i = 0; i < n; i++) {
		if (!requests[i].is_there && why[i][0] != '\0' && strstr(requests[i].why, "larger") == NULL)
			snprintf(requests[i].why, sizeof requests[i].why, "%s", why[i]);
		if (all[i] == NULL)
			continue;
		curl_multi_remove_handle(m, all[i]);
		curl_easy_cleanup(all[i]);
	}
	if (m != NULL)
		curl_multi_cleanup(m);
	curl_slist_free_all(places);
	curl_global_cleanup();
	free(all);
	free(why);
	return m != NULL ? 0 : -1;
}
