#!/usr/bin/env python3
"""Prints unicode_tables.c from the Unicode Character Database that Python carries."""
import unicodedata

chars = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def rows(items, per_line):
    for i in range(0, len(items), per_line):
        print('\t' + ' '.join(items[i:i + per_line]))


def table(kind, name, items, per_line):
    print('\nconst struct %s %s[] = {' % (kind, name))
    rows(items, per_line)
    print('};\nconst size_t %s_n = sizeof %s / sizeof *%s;' % (name, name, name))


def decompositions():
    for c in chars:
        d = unicodedata.decomposition(chr(c))
        if d and not d.startswith('<'):
            parts = [int(x, 16) for x in d.split()]
            if len(parts) == 2:
                assert not unicodedata.decomposition(chr(parts[1]))
            yield '{0x%x, 0x%x, 0x%x},' % (c, parts[0], parts[1] if len(parts) == 2 else 0)


def classes():
    runs = []
    for c in chars:
        k = unicodedata.combining(chr(c))
        if k and runs and runs[-1][1] == c - 1 and runs[-1][2] == k:
            runs[-1][1] = c
        elif k:
            runs.append([c, c, k])
    return ['{0x%x, 0x%x, %d},' % tuple(r) for r in runs]


def fold(c):
    s = chr(c).casefold()
    if len(s) != 1:
        s = chr(c).lower()
    return ord(s) if len(s) == 1 else c


def cases():
    runs = []
    for c in chars:
        delta = fold(c) - c
        if delta == 0:
            continue
        last = runs[-1] if runs else None
        if last and delta == last[3] and c - last[1] == last[2]:
            last[1] = c
        elif last and last[0] == last[1] and delta == last[3] and c - last[1] == 2:
            last[1], last[2] = c, 2
        else:
            runs.append([c, c, 1, delta])
    return ['{0x%x, 0x%x, %d, %d},' % tuple(r) for r in runs]


print('/* Made by unicode_tables.py from the Unicode Character Database %s. Do not edit.' %
      unicodedata.unidata_version)
print(' * The data is (c) Unicode, Inc., under the Unicode License: https://www.unicode.org/license.txt */')
print('#include "sync/pair/unicode.h"')
table('unicode_pair', 'unicode_pairs', list(decompositions()), 4)
table('unicode_marks', 'unicode_marks', classes(), 5)
table('unicode_case', 'unicode_cases', cases(), 4)
