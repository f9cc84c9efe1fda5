/* Loaded into OpenSMTPD (LD_PRELOAD): whichever of its processes shakes hands has the key in $OWN_KEY itself. That of Debian 12 leaves it with a
 * process of its own, which it asks by means that OpenSSL 3 passes over: each handshake ends with an internal error.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *pem_read(FILE *f, void **key, void *callback, void *ctx);
typedef int use_key(void *ctx, void *key);

static void *own;

/* Before the process changes its user and its root. */
__attribute__((constructor)) static void
read_key(void)
{
	pem_read *read = (pem_read *)dlsym(RTLD_DEFAULT, "PEM_read_PrivateKey");
	const char *path = getenv("OWN_KEY");
	FILE *f = read != NULL && path != NULL ? fopen(path, "r") : NULL;

	if (f == NULL)
		return;
	own = read(f, NULL, NULL, NULL);
	fclose(f);
}

int
SSL_CTX_use_PrivateKey(void *ctx, void *key)
{
	use_key *next = (use_key *)dlsym(RTLD_NEXT, "SSL_CTX_use_PrivateKey");

	return next(ctx, own != NULL ? own : key);
}
