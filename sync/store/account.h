/* The wire and the login of a store that has an account: what the configuration says, and what a run adds. */
#ifndef SYNC_STORE_ACCOUNT_H
#define SYNC_STORE_ACCOUNT_H

#include "sync/net/net.h"
#include "sync/sasl/auth.h"
#include "sync/store/settings.h"

/* named: "account" or "store", which stands before its name in messages. protocol: as struct net_settings has it. The caller frees; NULL with
 * *e when the settings cannot be. */
struct net *account_net(const struct account_settings *account, const char *named, const char *protocol, const struct store_env *env,
    struct err *e);
/* service: of SASL. Borrows from all that it is given. */
struct auth_settings account_auth(const struct account_settings *account, const struct net *net, const char *service,
    const struct store_env *env);

#endif
