#include "sync/store/kinds.h"

#include "sync/store/imap.h"
#include "sync/store/maildir.h"
#include "sync/store/pop3.h"

static struct store *
make_maildir(const struct store_settings *set, const struct store_env *env, struct err *e)
{
	(void)e;
	return maildir_store_new(set, env->fsync, env->copy_arrival_date);
}

const struct store_kind store_kinds[STORE_KINDS] = {
	[SETTINGS_MAILDIR] = { "MaildirStore", .make = make_maildir },
	[SETTINGS_IMAP] = { "IMAPStore", .scheme = "imap", .tls_word = "IMAPS", .port = 143, .tls_port = 993, .may_name_account = true, .make = imap_store_new },
	[SETTINGS_POP3] = { "POP3Store", .scheme = "pop3", .tls_word = "POP3S", .port = 110, .tls_port = 995, .is_source = true, .make = pop3_store_new },
};
