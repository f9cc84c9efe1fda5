#include "sync/sasl/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(const void *data, size_t len, struct buf *out)
{
	const unsigned char *p = data;
	unsigned long bits;
	size_t i, n;

	for (i = 0; i < len; i += 3) {
		n = len - i < 3 ? len - i : 3;
		bits = (unsigned long)p[i] << 16;
		if (n > 1)
			bits |= (unsigned long)p[i + 1] << 8;
		if (n > 2)
			bits |= p[i + 2];
		buf_addc(out, digits[bits >> 18]);
		buf_addc(out, digits[bits >> 12 & 63]);
		buf_addc(out, n > 1 ? digits[bits >> 6 & 63] : '=');
		buf_addc(out, n > 2 ? digits[bits & 63] : '=');
	}
}

int
base64_decode(const char *text, size_t len, struct buf *out)
{
	size_t begun = out->len, i, pad = 0;
	unsigned long bits = 0;
	const char *d;

	if (len % 4 != 0)
		return -1;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	for (i = 0; i < len - pad; i++) {
		d = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
		if (d == NULL) {
			out->len = begun;
			return -1;
		}
		bits = bits << 6 | (unsigned long)(d - digits);
		if (i % 4 == 1)
			buf_addc(out, (char)(bits >> 4 & 0xff));
		else if (i % 4 == 2)
			buf_addc(out, (char)(bits >> 2 & 0xff));
		else if (i % 4 == 3)
			buf_addc(out, (char)(bits & 0xff));
	}
	return 0;
}
