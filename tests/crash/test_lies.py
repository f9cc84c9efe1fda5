"""Servers whose answers are wrong in one line: whatever that does to the run, the next ones put it right; nothing is
lost, nothing is doubled, and no byte of it breaks the program."""
import os
import random

from lib import program, serials
from liar import LIES, Liar
from test_lines import Scene

SEED = int(os.environ.get('SEED', '0'))
ROUNDS = int(os.environ.get('ROUNDS', '0')) or (400 if os.environ.get('MAILTWIN_LONG') else 9)
# What a server says itself it may mean: messages it calls gone, and bodies under another's name.
MEANT = (b'VANISHED', b'EXPUNGE', b'BODY[', b'EXISTS')


class Lies(Scene):
    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN')

    def over(self, code, **kw):
        with Liar(self.far.server.port, listen=self.port, **kw) as line:
            self.sync(env=self.env, code=code)
            return line

    def lie_once(self, name, kind, rng, lines):
        self.scene(name)
        at = rng.randrange(1, lines + 1)
        line = self.over((0, 1, 75, 77), at=at, lie=LIES[kind], seed=rng.random())
        words = f'{name}: {kind} in line {at}, {line.told}'
        for code in ((0, 1, 75), (0, 1), (0, 1)):
            self.over(code)
        far, near = serials(self.far), serials(self.near)
        lost = {s for s in self.wanted if s not in far and s not in near}
        self.assertEqual(set(), lost, f'{words}: lost')
        if line.told is None or not any(w in line.told for w in MEANT):
            for side, found in (('far', far), ('near', near)):
                self.assertEqual(self.wanted, found, f'{words}: {side}')
            self.over(0)

    def play(self, kind):
        self.kind = kind
        self.scene('whole')
        lines = self.over(0).lines
        self.wanted = serials(self.far)
        rng = random.Random(SEED or 1)
        bad = []
        for n in range(ROUNDS):
            lie = sorted(LIES)[n % len(LIES)]
            try:
                self.lie_once(f'{kind}{n}', lie, rng, lines)
            except AssertionError as e:
                bad.append(str(e)[:int(os.environ.get('WORDS', '900'))])
        self.assertEqual([], bad, '\n' + '\n----\n'.join(bad))

    def test_dovecot(self):
        self.play('dovecot')
    test_dovecot.weight = 10

    def test_poor(self):
        self.play('poor')
    test_poor.weight = 10

    def test_cyrus(self):
        self.play('cyrus')
    test_cyrus.weight = 10
