#include "sync/imap/utf7.h"

#include <stdint.h>
#include <string.h>

/* RFC 3501: base64 with "," for "/", and no padding. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* One character of UTF-8 at s; its length, or 0 when it is none. */
static size_t
utf8_next(const char *s, size_t len, uint32_t *cp_r)
{
	const unsigned char *p = (const unsigned char *)s;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	uint32_t cp;

	if (n == 0 || n > len)
		return 0;
	cp = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp == 0 || cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*cp_r = cp;
	return n;
}

static void
utf8_put(struct buf *out, uint32_t cp)
{
	if (cp < 0x80) {
		buf_addc(out, (char)cp);
		return;
	}
	if (cp < 0x800) {
		buf_addc(out, (char)(0xc0 | cp >> 6));
	} else {
		if (cp < 0x10000) {
			buf_addc(out, (char)(0xe0 | cp >> 12));
		} else {
			buf_addc(out, (char)(0xf0 | cp >> 18));
			buf_addc(out, (char)(0x80 | (cp >> 12 & 0x3f)));
		}
		buf_addc(out, (char)(0x80 | (cp >> 6 & 0x3f)));
	}
	buf_addc(out, (char)(0x80 | (cp & 0x3f)));
}

bool
utf8_is_valid(const char *s, size_t len)
{
	uint32_t cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_next(s + i, len - i, &cp);
		if (n == 0)
			return false;
	}
	return true;
}

/* A run of base64 being written: the bits not yet put out. */
struct shift {
	bool is_open;
	uint32_t bits;
	int n;
};

static void
shift_unit(struct buf *out, struct shift *sh, uint32_t unit)
{
	if (!sh->is_open)
		buf_addc(out, '&');
	sh->is_open = true;
	sh->bits = sh->bits << 16 | unit;
	for (sh->n += 16; sh->n >= 6; sh->n -= 6)
		buf_addc(out, alphabet[sh->bits >> (sh->n - 6) & 0x3f]);
	sh->bits &= (1u << sh->n) - 1;
}

static void
shift_close(struct buf *out, struct shift *sh)
{
	if (!sh->is_open)
		return;
	if (sh->n > 0)
		buf_addc(out, alphabet[sh->bits << (6 - sh->n) & 0x3f]);
	buf_addc(out, '-');
	*sh = (struct shift){ 0 };
}

int
utf7_encode(struct buf *out, const char *utf8, size_t len)
{
	struct shift sh = { 0 };
	uint32_t cp;

	if (!utf8_is_valid(utf8, len))
		return -1;
	for (size_t i = 0; i < len;) {
		i += utf8_next(utf8 + i, len - i, &cp);
		if (cp >= 0x20 && cp <= 0x7e) {
			shift_close(out, &sh);
			buf_addc(out, (char)cp);
			if (cp == '&')
				buf_addc(out, '-');
		} else if (cp < 0x10000) {
			shift_unit(out, &sh, cp);
		} else {
			shift_unit(out, &sh, 0xd800 + ((cp - 0x10000) >> 10));
			shift_unit(out, &sh, 0xdc00 + ((cp - 0x10000) & 0x3ff));
		}
	}
	shift_close(out, &sh);
	return 0;
}

/* One run behind its "&", up to and including "-". Returns its length, 0 when it is faulty. Loose
 * bits and joinable runs are left to the caller, who encodes the result again. */
static size_t
decode_run(struct buf *out, const char *s, size_t len)
{
	uint32_t bits = 0, high = 0;
	int n = 0;
	size_t i;

	for (i = 0; i < len && s[i] != '-'; i++) {
		const char *at = s[i] != '\0' ? strchr(alphabet, s[i]) : NULL;
		uint32_t unit;

		if (at == NULL)
			return 0;
		bits = bits << 6 | (uint32_t)(at - alphabet);
		n += 6;
		if (n < 16)
			continue;
		n -= 16;
		unit = bits >> n & 0xffff;
		bits &= (1u << n) - 1;
		if (high != 0) {
			if (unit < 0xdc00 || unit > 0xdfff)
				return 0;
			utf8_put(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
			high = 0;
		} else if (unit >= 0xd800 && unit <= 0xdbff) {
			high = unit;
		} else {
			utf8_put(out, unit);
		}
	}
	if (i == len || high != 0 || bits != 0)
		return 0;
	return i + 1;
}

int
utf7_decode(struct buf *out, const char *utf7, size_t len)
{
	struct buf plain = { 0 }, again = { 0 };
	int rc = -1;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = 1;
		if (utf7[i] < 0x20 || utf7[i] > 0x7e)
			goto done;
		if (utf7[i] != '&') {
			buf_addc(&plain, utf7[i]);
		} else if (i + 1 < len && utf7[i + 1] == '-') {
			buf_addc(&plain, '&');
			n = 2;
		} else {
			n = decode_run(&plain, utf7 + i + 1, len - i - 1);
			if (n == 0)
				goto done;
			n++;
		}
	}
	if (utf7_encode(&again, buf_str(&plain), plain.len) < 0 || again.len != len ||
	    (len != 0 && memcmp(again.data, utf7, len) != 0))
		goto done;
	buf_add(out, buf_str(&plain), plain.len);
	rc = 0;
done:
	buf_release(&plain);
	buf_release(&again);
	return rc;
}
