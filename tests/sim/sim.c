#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)ORACLE_DELETED == (int)FLAG_DELETED, "the oracle's own word for \\Deleted");

const char *const sim_box_name[SIM_ALL] = { "INBOX", "Arch", "Drafts", "Work", "Work/Sub", "Arch/Sub", "Drafts/Sub",
	"Arch~renaming", "Arch~renaming/Sub", "Drafts~renaming", "Drafts~renaming/Sub", "Work~renaming", "Work~renaming/Sub",
	"Sub~renaming", "Trash" };

int
sim_box(const char *name)
{
	int i;

	for (i = 0; i < SIM_ALL; i++)
		if (strcmp(sim_box_name[i], name) == 0)
			return i;
	return -1;
}

static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint64_t
sim_draw(struct sim *s, uint64_t n)
{
	return mix(mix(s->seed) ^ mix(s->at * 64 + ++s->drawn)) % n;
}

bool
sim_chance(struct sim *s, unsigned percent)
{
	return sim_draw(s, 100) < percent;
}

bool
sim_happens(struct sim *s, unsigned per_mille)
{
	size_t i;

	s->at++;
	s->drawn = 0;
	if (per_mille == 0 || sim_draw(s, 1000) >= per_mille)
		return false;
	for (i = 0; i < s->skip.n; i++)
		if (s->skip.at[i] == s->at)
			return false;
	vec_push(&s->taken, s->at);
	return true;
}

void
sim_disturb(struct sim *s, enum oracle_level level)
{
	oracle_disturb(s->oracle, level);
	if (level > s->worst)
		s->worst = level;
}

void
sim_trace(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->is_traced)
		return;
	printf("%6llu ", (unsigned long long)s->at);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void
sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;

	if (s->failure[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(s->failure, sizeof s->failure, fmt, ap);
	va_end(ap);
	sim_trace(s, "FAILURE %s", s->failure);
}

/* ---- keywords ---- */

static const char *const kw_words[SIM_KWS] = { "$Junk", "Alpha", "Work" };

struct flags
sim_flags(uint32_t bits, bool is_lower)
{
	static const char *const text[2][8] = {
		{ "", "$Junk", "Alpha", "$Junk Alpha", "Work", "$Junk Work", "Alpha Work", "$Junk Alpha Work" },
		{ "", "$junk", "alpha", "$junk alpha", "work", "$junk work", "alpha work", "$junk alpha work" },
	};

	return (struct flags){ bits & FLAG_ALL, text[is_lower][(bits & SIM_KW_ALL) >> SIM_KW_SHIFT] };
}

uint32_t
sim_bits(struct flags f)
{
	uint32_t bits = f.sys & FLAG_ALL;
	int i;

	for (i = 0; i < SIM_KWS && *f.kw != '\0'; i++)
		if (kw_has(f.kw, kw_words[i]))
			bits |= 1u << (SIM_KW_SHIFT + i);
	return bits;
}

const char *
sim_flags_text(uint32_t bits)
{
	static char text[2][40];
	static int turn;
	char *t = text[turn = !turn];
	int i;

	flags_letters(bits & FLAG_ALL, t);
	for (i = 0; i < SIM_KWS; i++)
		if (bits & (1u << (SIM_KW_SHIFT + i)))
			snprintf(t + strlen(t), 12, " %s", kw_words[i]);
	return *t != '\0' ? t : "-";
}
