#include "sync/mbsync/uid_scheme.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/base/mem.h"
#include "sync/mbsync/whole_file.h"

/* A line of digits and no more. */
static bool
take_line(const char **at, uint32_t *n_r)
{
	char *end;
	uintmax_t n;

	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	n = strtoumax(*at, &end, 10);
	if (errno != 0 || n > UINT32_MAX || *end != '\n')
		return false;
	*n_r = (uint32_t)n;
	*at = end + 1;
	return true;
}

int
mbsync_scheme_read(const char *directory, struct mbsync_scheme *scheme_r, struct err *e)
{
	enum { MOST = 64 };
	char *path = mem_printf("%s/" MBSYNC_UIDVALIDITY, directory);
	struct buf text = { 0 };
	const char *at;
	int got = whole_file_read(path, MOST, &text, e);

	at = buf_str(&text);
	if (got > 0 && (strlen(at) != text.len || !take_line(&at, &scheme_r->validity) || !take_line(&at, &scheme_r->highest) ||
	    *at != '\0' || scheme_r->validity == 0))
		got = err_class(e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s is not as mbsync writes it: two lines, of a number each", path);
	buf_release(&text);
	free(path);
	return got;
}

uint32_t
mbsync_uid_of(const char *name, size_t len)
{
	static const char mark[] = ",U=";
	const size_t mark_len = sizeof mark - 1;
	uint64_t uid;
	size_t i, k;

	for (i = 0; i + mark_len < len; i++) {
		if (memcmp(name + i, mark, mark_len) != 0)
			continue;
		uid = 0;
		for (k = i + mark_len; k < len && isdigit((unsigned char)name[k]) && uid <= UINT32_MAX; k++)
			uid = uid * 10 + (uint64_t)(name[k] - '0');
		return uid <= UINT32_MAX ? (uint32_t)uid : 0;
	}
	return 0;
}
