/* The two sides of a channel, in mbsync's words. Index arrays by it; never compute `1 - side`. */
#ifndef STATE_MODEL_SIDE_H
#define STATE_MODEL_SIDE_H

enum side { FAR, NEAR };
enum { SIDES = 2 };

static inline enum side
side_other(enum side side)
{
	return side == FAR ? NEAR : FAR;
}

static inline const char *
side_name(enum side side)
{
	return side == FAR ? "far" : "near";
}

#endif
