/* The version of a base: which tables there are and how their keys are made. (How values are made is
 * told by the version byte each of them carries.)
 *
 * To change the layout: raise STATE_VERSION, and in state_migrate() turn what version N - 1 left into
 * what version N reads, one version after the other, before the new number is written; all of it is
 * one transaction, so a base is always of one version. A dry run migrates its copy.
 */
#include "state/inside.h"

static int
has_anything(struct state *s, bool *has_r, struct err *e)
{
	struct db_val none = { NULL, 0 }, key, val;
	enum db_table t;
	int got = 0;

	for (t = 0; t < DB_TABLES && got == 0; t++)
		got = db_next(s->db, t, none, none, &key, &val, e);
	*has_r = got > 0;
	return got < 0 ? -1 : 0;
}

int
state_migrate(struct state *s, struct err *e)
{
	struct state_key k = state_key_u8(META_VERSION);
	uint32_t version = 0;
	struct db_val val;
	bool has;
	int got;

	got = db_get(s->db, DB_META, state_val(&k), &val, e);
	if (got < 0)
		return -1;
	if (got > 0 && decode_u32(val, &version) != 0)
		return db_damaged(s->db, "its version", e);
	if (version > STATE_VERSION)
		return err_class(e, ERR_STORE, ERR_FAILED, ERR_NEVER, "%s was written by a newer mailtwin (its "
		    "version is %lu, this program knows up to %d): use that one, or move the file aside and let "
		    "this one pair what is there anew", s->file != NULL ? s->file : "the state",
		    (unsigned long)version, STATE_VERSION);
	if (version == STATE_VERSION)
		return 0;
	if (has_anything(s, &has, e) != 0)
		return -1;
	if (has)
		return db_damaged(s->db, "it has lost its version", e);
	buf_clear(&s->value);
	encode_u32(&s->value, STATE_VERSION);
	return db_put(s->db, DB_META, state_val(&k), state_buf_val(&s->value), e);
}
