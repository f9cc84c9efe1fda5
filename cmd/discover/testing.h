/* Discovery without the Internet, for tests: MAILTWIN_DISCOVER_DNS=PORT asks a resolver on loopback, MAILTWIN_DISCOVER_HTTPS=PORT connects to
 * that port of loopback whatever host is meant; MAILTWIN_DISCOVER_SECONDS is how long a document may take. Compiled in only where MAILTWIN_STEPS is defined: not into what is installed. */
#ifndef DISCOVER_TESTING_H
#define DISCOVER_TESTING_H

#include <resolv.h>

struct curl_slist;

#ifdef MAILTWIN_STEPS
void testing_resolver(struct __res_state *state);
struct curl_slist *testing_https(void);		/* for CURLOPT_CONNECT_TO; the caller frees. NULL = as it is */
long testing_seconds(long usual);
#else
#define testing_resolver(state) ((void)(state))
#define testing_https() ((struct curl_slist *)NULL)
#define testing_seconds(usual) (usual)
#endif

#endif
