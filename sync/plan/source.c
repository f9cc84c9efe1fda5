/* A source: what is fetched from it, and then to be deleted there (P20). */
#include "sync/plan/plan.h"

/* The other side has it for good: it has shown what it was given; or it was deleted there since. */
static bool
is_settled_there(const struct record_half *h)
{
	return h->presence == PRESENCE_GONE || (h->presence == PRESENCE_HERE && h->basis == BASIS_LISTED && !h->is_sent);
}

bool
plan_is_fetched(const struct policy *p, const struct record *r, enum side *source_r)
{
	enum side s;

	for (s = FAR; s <= NEAR; s++) {
		*source_r = s;
		if (!p->source[s].is || p->source[s].leave.kind == LEAVE_ALL || r->mark != MARK_NEW)
			continue;
		/* What stands for it is not it (P21). */
		if (record_is_placeholder(r, side_other(s)) && r->half[side_other(s)].presence == PRESENCE_HERE)
			continue;
		if (r->half[s].presence != PRESENCE_HERE || !is_settled_there(&r->half[side_other(s)]))
			continue;
		if (p->source[s].leave.kind == LEAVE_NONE || (r->half[s].date != 0 && r->half[s].date < p->source[s].before))
			return true;
	}
	return false;
}
