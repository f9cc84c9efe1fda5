#include "sync/net/md5.h"

#include <openssl/evp.h>
#include <stdio.h>

int
md5_hex(const void *a, size_t a_len, const void *b, size_t b_len, char hex_r[MD5_HEX])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int is_done = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 && EVP_DigestUpdate(ctx, a, a_len) == 1 &&
	    EVP_DigestUpdate(ctx, b, b_len) == 1 && EVP_DigestFinal_ex(ctx, sum, &len) == 1 && 2 * len + 1 == MD5_HEX;

	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; is_done && i < len; i++)
		snprintf(hex_r + 2 * i, 3, "%02x", sum[i]);
	return is_done ? 0 : -1;
}
