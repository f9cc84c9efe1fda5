#include "sync/match/matching.h"

void
matching_end(const struct matching *m, struct plan_input *in_r)
{
	size_t i;

	in_r->policy = m->policy;
	vec_reserve(&in_r->boxes, m->boxes.n);
	vec_reserve(&in_r->messages, m->messages.n);
	vec_reserve(&in_r->links, m->links.n);
	for (i = 0; i < m->boxes.n; i++)
		vec_push(&in_r->boxes, m->boxes.at[i]);
	for (i = 0; i < m->messages.n; i++)
		vec_push(&in_r->messages, (struct plan_message){ m->messages.at[i].rec, m->messages.at[i].box });
	for (i = 0; i < m->links.n; i++)
		vec_push(&in_r->links, m->links.at[i]);
}

void
matching_release(struct matching *m)
{
	vec_release(&m->boxes);
	vec_release(&m->messages);
	vec_release(&m->links);
}
