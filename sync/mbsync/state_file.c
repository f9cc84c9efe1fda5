#include "sync/mbsync/state_file.h"

#include <string.h>

#include "state/base/id_set.h"

struct text {
	const char *at, *end;
	const char *path;
	size_t line;
	struct err *e;
};

static int
refuse(const struct text *t, const char *what)
{
	return err_class(t->e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s, line %zu: %s", t->path, t->line, what);
}

/* The next line, without its end. 1/0/-1 */
static int
next_line(struct text *t, const char **line_r, size_t *len_r)
{
	const char *nl;

	if (t->at == t->end)
		return 0;
	t->line++;
	nl = memchr(t->at, '\n', (size_t)(t->end - t->at));
	if (nl == NULL)
		return refuse(t, "the file breaks off here");
	*line_r = t->at;
	*len_r = (size_t)(nl - t->at);
	t->at = nl + 1;
	return *len_r <= MBSYNC_STATE_LINE ? 1 : refuse(t, "too long");
}

/* A number of 32 bits, which begins at *at and ends before `end`. */
static bool
take_number(const char **at, const char *end, uint32_t *n_r)
{
	uint64_t n = 0;
	const char *p = *at;

	while (p < end && *p >= '0' && *p <= '9' && n <= UINT32_MAX)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == *at || n > UINT32_MAX)
		return false;
	*at = p;
	*n_r = (uint32_t)n;
	return true;
}

static bool
take_char(const char **at, const char *end, char c)
{
	if (*at == end || **at != c)
		return false;
	++*at;
	return true;
}

/* ---- the header ---- */

enum header { HEADER_FAR_VALIDITY, HEADER_NEAR_VALIDITY, HEADER_PULLED, HEADER_PUSHED, HEADER_EXPIRED_FAR, HEADER_EXPIRED_NEAR,
	HEADER_EXPIRED_SLAVE };

static const struct { const char *word; enum header header; } headers[] = {
	{ "FarUidValidity", HEADER_FAR_VALIDITY }, { "MasterUidValidity", HEADER_FAR_VALIDITY },
	{ "NearUidValidity", HEADER_NEAR_VALIDITY }, { "SlaveUidValidity", HEADER_NEAR_VALIDITY },
	{ "MaxPulledUid", HEADER_PULLED }, { "MaxPushedUid", HEADER_PUSHED },
	{ "MaxExpiredFarUid", HEADER_EXPIRED_FAR }, { "MaxExpiredMasterUid", HEADER_EXPIRED_FAR },
	{ "MaxExpiredNearUid", HEADER_EXPIRED_NEAR }, { "MaxExpiredSlaveUid", HEADER_EXPIRED_SLAVE },
};

struct header_values { uint32_t at[HEADER_EXPIRED_SLAVE + 1]; unsigned given; };

static int
read_header_line(struct text *t, const char *line, size_t len, struct header_values *v)
{
	const char *end = line + len, *space = memchr(line, ' ', len), *at;
	uint32_t n;
	size_t i;

	for (i = 0; space != NULL && i < sizeof headers / sizeof *headers; i++) {
		if (strlen(headers[i].word) != (size_t)(space - line) || memcmp(headers[i].word, line, (size_t)(space - line)) != 0)
			continue;
		at = space + 1;
		if (!take_number(&at, end, &n) || at != end)
			return refuse(t, "this is no number");
		if (v->given & 1u << headers[i].header)
			return refuse(t, "this stands here twice");
		v->given |= 1u << headers[i].header;
		v->at[headers[i].header] = n;
		return 0;
	}
	return refuse(t, "this is no line of mbsync's header");
}

/* Of mbsync before 1.1. */
static int
read_old_header(struct text *t, const char *line, size_t len, struct header_values *v)
{
	const char *end = line + len;

	if (!take_number(&line, end, &v->at[HEADER_FAR_VALIDITY]) || !take_char(&line, end, ':') ||
	    !take_number(&line, end, &v->at[HEADER_PULLED]) || !take_char(&line, end, ' ') ||
	    !take_number(&line, end, &v->at[HEADER_NEAR_VALIDITY]) || !take_char(&line, end, ':') ||
	    !take_number(&line, end, &v->at[HEADER_EXPIRED_SLAVE]) || !take_char(&line, end, ':') ||
	    !take_number(&line, end, &v->at[HEADER_PUSHED]) || line != end)
		return refuse(t, "this is no header of mbsync");
	return 0;
}

static int
read_header(struct text *t, struct header_values *v)
{
	const unsigned needed = 1u << HEADER_FAR_VALIDITY | 1u << HEADER_NEAR_VALIDITY | 1u << HEADER_PULLED | 1u << HEADER_PUSHED;
	const char *line;
	size_t len;
	int got;

	while ((got = next_line(t, &line, &len)) > 0) {
		if (t->line == 1 && len > 0 && line[0] >= '0' && line[0] <= '9')
			return read_old_header(t, line, len, v);
		if (len == 0)
			return (v->given & needed) == needed ? 0 : refuse(t, "the header above lacks UIDVALIDITYs or highest UIDs");
		if (read_header_line(t, line, len, v) < 0)
			return -1;
	}
	t->line += got == 0;
	return got < 0 ? -1 : refuse(t, "the file ends before its header does");
}

/* ---- entries ---- */

static int
read_entry(struct text *t, const char *at, size_t len, struct mbsync_entry *out)
{
	static const char letters[] = "DFPRST";
	const char *end = at + len, *letter;
	int s;

	*out = (struct mbsync_entry){ 0 };
	if (!take_number(&at, end, &out->uid[FAR]) || !take_char(&at, end, ' ') || !take_number(&at, end, &out->uid[NEAR]))
		return refuse(t, "this is no entry of two UIDs");
	if (at != end && !take_char(&at, end, ' '))
		return refuse(t, "this is no entry of two UIDs and flags");
	if (take_char(&at, end, '<'))
		out->placeholder = PLACEHOLDER_FAR;
	else if (take_char(&at, end, '>'))
		out->placeholder = PLACEHOLDER_NEAR;
	if (take_char(&at, end, '^'))
		out->is_skipped = true;
	else if (take_char(&at, end, '~') || take_char(&at, end, 'X'))
		out->is_expired = true;
	for (; at < end; at++) {
		letter = *at == '\0' ? NULL : strchr(letters, *at);
		if (letter == NULL || (out->flags & 1u << (letter - letters)))
			return refuse(t, "these are no flags");
		out->flags |= 1u << (letter - letters);
	}
	/* Skipped, before 1.3. */
	for (s = 0; s < SIDES; s++)
		if (out->uid[s] == UINT32_MAX) {
			out->uid[s] = 0;
			out->is_skipped = true;
		}
	return out->uid[FAR] != 0 || out->uid[NEAR] != 0 ? 0 : refuse(t, "an entry of no message");
}

/* No message is in two entries. */
static int
check_once(struct text *t, const struct mbsync_state *state)
{
	struct id_set seen = { 0 };
	uint32_t uid;
	size_t i;
	int s, status = 0;

	for (s = 0; s < SIDES && status == 0; s++) {
		for (i = 0; i < state->entries.n; i++)
			if (state->entries.at[i].uid[s] != 0)
				vec_push(&seen.v, state->entries.at[i].uid[s]);
		id_set_sort(&seen);
		for (i = 1; i < seen.v.n && status == 0; i++)
			if (seen.v.at[i] == seen.v.at[i - 1]) {
				uid = (uint32_t)seen.v.at[i];
				status = err_class(t->e, ERR_BOX, ERR_FAILED, ERR_NEVER, "%s: the %s UID %u is in two lines", t->path,
				    side_name((enum side)s), uid);
			}
		vec_release(&seen.v);
	}
	return status;
}

/* Before 1.3 the highest expired UID is near's: far's is that of the entry it is in. */
static void
take_expired(struct mbsync_state *state, const struct header_values *v)
{
	const struct mbsync_entry *entry;
	size_t i;

	state->expired[FAR] = v->at[HEADER_EXPIRED_FAR];
	state->expired[NEAR] = v->at[HEADER_EXPIRED_NEAR];
	for (i = 0; v->at[HEADER_EXPIRED_SLAVE] != 0 && i < state->entries.n; i++) {
		entry = &state->entries.at[i];
		if (entry->is_expired && entry->uid[NEAR] <= v->at[HEADER_EXPIRED_SLAVE] && entry->uid[FAR] > state->expired[FAR])
			state->expired[FAR] = entry->uid[FAR];
	}
}

int
mbsync_state_parse(const char *data, size_t len, const char *path, struct mbsync_state *state_r, struct err *e)
{
	struct text t = { data, data + len, path, 0, e };
	struct header_values v = { 0 };
	struct mbsync_entry entry;
	const char *line;
	size_t n;
	int got;

	*state_r = (struct mbsync_state){ 0 };
	if (read_header(&t, &v) < 0)
		return -1;
	state_r->validity[FAR] = v.at[HEADER_FAR_VALIDITY];
	state_r->validity[NEAR] = v.at[HEADER_NEAR_VALIDITY];
	state_r->max[FAR] = v.at[HEADER_PULLED];
	state_r->max[NEAR] = v.at[HEADER_PUSHED];
	while ((got = next_line(&t, &line, &n)) > 0) {
		if (read_entry(&t, line, n, &entry) < 0)
			return -1;
		vec_push(&state_r->entries, entry);
	}
	take_expired(state_r, &v);
	return got < 0 ? -1 : check_once(&t, state_r);
}

void
mbsync_state_write(const struct mbsync_state *state, struct buf *out)
{
	static const char *const placeholder[] = { [PLACEHOLDER_NONE] = "", [PLACEHOLDER_FAR] = "<", [PLACEHOLDER_NEAR] = ">" };
	const struct mbsync_entry *entry;
	char letters[7];
	size_t i;

	buf_printf(out, "FarUidValidity %u\nNearUidValidity %u\nMaxPulledUid %u\nMaxPushedUid %u\n", state->validity[FAR],
	    state->validity[NEAR], state->max[FAR], state->max[NEAR]);
	if (state->expired[FAR] != 0)
		buf_printf(out, "MaxExpiredFarUid %u\n", state->expired[FAR]);
	if (state->expired[NEAR] != 0)
		buf_printf(out, "MaxExpiredNearUid %u\n", state->expired[NEAR]);
	buf_addc(out, '\n');
	for (i = 0; i < state->entries.n; i++) {
		entry = &state->entries.at[i];
		flags_letters(entry->flags, letters);
		buf_printf(out, "%u %u %s%s%s\n", entry->uid[FAR], entry->uid[NEAR], placeholder[entry->placeholder],
		    entry->is_skipped ? "^" : entry->is_expired ? "~" : "", letters);
	}
}

void
mbsync_state_release(struct mbsync_state *state)
{
	vec_release(&state->entries);
}
