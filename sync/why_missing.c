#include "sync/why_missing.h"

#include <stddef.h>

static const char *
why_of_half(const struct record_half *h, enum side on, const char **remedy_r)
{
	*remedy_r = NULL;
	if (h->presence == PRESENCE_HERE)
		return on == NEAR ? "its file has been taken away since the last run" : "it has gone from the server since the last run";
	if (h->presence == PRESENCE_GONE)
		return on == NEAR ? "it was deleted here, and is on the server still" : "it was deleted on the server, and is here still";
	if (h->presence == PRESENCE_BEYOND || h->basis == BASIS_BEYOND)
		return "the server shows the newest messages only";
	if (record_half_is_shared(h))
		return "the server keeps equal messages once";
	*remedy_r = "";
	return on == NEAR ? "it has not been fetched yet" : "it has not been sent yet";
}

const char *
why_missing(const struct record *rec, enum side on, const char **remedy_r)
{
	static const struct record_half never = RECORD_HALF_NEVER;

	*remedy_r = NULL;
	if (rec == NULL)
		return why_of_half(&never, on, remedy_r);
	switch (rec->mark) {
	case MARK_EXPIRED:
		return "MaxMessages or MaxAge let it go; flagged on the other side, the next run brings it back";
	case MARK_FAILED:
		*remedy_r = "--retry-failed ";
		return *rec->why != '\0' ? rec->why : "it was refused";
	case MARK_SKIPPED:
		*remedy_r = "--old ";
		return "it was left alone on purpose";
	case MARK_ORPHAN:
	case MARK_TOMBSTONE:
		return "it was deleted on one side, and the other keeps it for now";
	case MARK_REPLACED:
		return "it is a placeholder, which goes once its message is there";
	case MARK_KEPT:
		return "it is gone from where it was fetched, where that is no deletion";
	case MARK_NEW:
		break;
	}
	return why_of_half(&rec->half[on], on, remedy_r);
}
