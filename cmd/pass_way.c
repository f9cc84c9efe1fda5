#include "cmd/pass_way.h"

#include <stdlib.h>
#include <unistd.h>

#include "cmd/program.h"
#include "state/base/shell_word.h"

static bool
has_pass(const char *home, struct arena *a)
{
	const char *directory = getenv("PASSWORD_STORE_DIR");

	if (directory == NULL)
		directory = arena_printf(a, "%s/.password-store", home != NULL ? home : "");
	return program_is_there("pass") && access(directory, F_OK) == 0;
}

struct pass_way
pass_way_find(const struct offer *in, const char *name, struct arena *a)
{
	const char *login = shell_word(a, in->login);

	if (in->auth == OFFER_OAUTH && program_is_there("pizauth") && !program_is_there("oama"))
		return (struct pass_way){ arena_printf(a, "pizauth show %s", name), arena_printf(a, "pizauth refresh %s", name), "a token from pizauth" };
	if (in->auth == OFFER_OAUTH)
		return (struct pass_way){ arena_printf(a, "oama access %s", login), arena_printf(a, "oama authorize microsoft %s", login),
			program_is_there("oama") ? "a token from oama" : "a token from oama, which is to be installed first" };
	/* A key ring is there with a session alone. */
	if (program_is_there("secret-tool") && getenv("DBUS_SESSION_BUS_ADDRESS") != NULL)
		return (struct pass_way){ arena_printf(a, "secret-tool lookup mailtwin %s", name),
			arena_printf(a, "secret-tool store --label='mail of %s' mailtwin %s", name, name), "the key ring (secret-tool)" };
	if (has_pass(getenv("HOME"), a))
		return (struct pass_way){ arena_printf(a, "pass show mail/%s", name), arena_printf(a, "pass insert mail/%s", name), "pass" };
	return (struct pass_way){ NULL, NULL, "the terminal, in each run: neither secret-tool with a session's key ring nor pass is here; for cron write PassCmd" };
}
