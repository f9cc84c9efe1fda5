#include "sync/match/matching.h"

void
matching_end(const struct matching *m, struct plan_input *in_r)
{
	size_t i;

	in_r->policy = m->policy;
	in_r->hint = m->hint;
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

bool *
matching_linked(const struct matching *m, size_t from)
{
	bool *is = mem_alloc(m->messages.n + 1);
	size_t i;

	for (i = from; i < m->links.n; i++)
		is[m->links.at[i].a] = is[m->links.at[i].b] = true;
	return is;
}

bool *
matching_spoken_for(const struct matching *m)
{
	bool *is = matching_linked(m, 0);
	size_t i;

	for (i = 0; i < m->links.n; i++)
		if (m->links.at[i].left != UINT32_MAX)
			is[m->links.at[i].left] = true;
	return is;
}

void
matching_release(struct matching *m)
{
	vec_release(&m->boxes);
	vec_release(&m->messages);
	vec_release(&m->links);
	vec_release(&m->unread);
	vec_release(&m->unread_moved);
}
