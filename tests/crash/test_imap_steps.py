"""The program stopped at numbered steps (R22), and killed, with accounts on one side and on both.

MAILTWIN_LONG=1 stops at every step and plays longer.
"""
import os
import random

from accounts import Account
from lib import DIED, picture, program, serials
from world import World

SEED = int(os.environ.get('SEED', '0'))
LONG = bool(os.environ.get('MAILTWIN_LONG'))


class Stopped(Account):
    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')

    def scene(self, name, kinds):
        self.state = os.path.join(self.dir, f'home/{name}/mailtwin')
        self.env = {'XDG_STATE_HOME': os.path.dirname(self.state)}
        near = self.account(kinds[1]) if kinds[1] else self.maildir(f'near{name}', seed=3)
        self.pair(far=self.account(kinds[0]), near=near)
        self._serial = 0
        self.far.create('a')
        s = self.fill(self.far, 'INBOX', 25, 'S')
        self.fill(self.far, 'a', 2, 'S')
        self.sync(env=self.env)
        self.near.delete(self.one(self.near, s[0]))
        self.far.delete(self.one(self.far, s[1]))
        self.near.move(self.one(self.near, s[2]), 'a')
        self.far.move(self.one(self.far, s[3]), 'a')
        self.near.flag(self.one(self.near, s[4]), add='F')
        self.far.flag(self.one(self.far, s[5]), add='R', remove='S')
        self.fill(self.near, 'INBOX', 3)
        self.fill(self.far, 'INBOX', 2)
        self.near.create('b')
        self.fill(self.near, 'b', 2, 'F')

    def stop(self, kinds, most, scene=None, shape=None):
        """shape(far, near): what must be as without a stop, where the sides are not equal."""
        scene = scene or self.scene
        scene('whole', kinds)
        log = os.path.join(self.dir, 'steps')
        self.sync(env={**self.env, 'MAILTWIN_STEP_LOG': log})
        wanted = shape(picture(self.far), picture(self.near)) if shape else picture(self.far)
        if not shape:
            self.assertEqual(wanted, picture(self.near))
        with open(log) as f:
            steps = list(range(1, len(f.readlines()) + 2))
        if not LONG and len(steps) > most:
            steps = sorted(random.Random(SEED or 7).sample(steps, most))
        for n in steps:
            self.far.close()
            scene(n, kinds)
            self.sync(env={**self.env, 'MAILTWIN_STEP_EXIT': str(n)}, code=(DIED, 0))
            self.sync(env=self.env)
            self.sync(env=self.env)
            got = shape(picture(self.far), picture(self.near)) if shape else picture(self.far)
            if not shape:
                self.assertEqual(got, picture(self.near), f'stopped at step {n}: the sides differ')
            self.assertEqual(wanted, got, f'stopped at step {n}')
            before = self.far.still(), self.near.still()
            self.sync(env=self.env)
            self.assertEqual(before, (self.far.still(), self.near.still()), f'stopped at step {n}: still at work')

    def large(self, name, kinds):
        """P21: messages over the limit of near come, are asked for, changed, deleted, moved and copied."""
        def fill(n):
            for _ in range(n):
                self._serial += 1
                self.far.deliver('INBOX', b'From: a@b\nSubject: large\nX-Note: serial %d.\n\n' % self._serial + b'0123456789abcde\n' * 200, 'S')

        self.state = os.path.join(self.dir, f'home/{name}/mailtwin')
        self.env = {'XDG_STATE_HOME': os.path.dirname(self.state)}
        near = self.account(kinds[1]) if kinds[1] else self.maildir(f'near{name}', seed=3)
        self.pair(far=self.account(kinds[0]), near=near, near_store='MaxSize 2k\n')
        self._serial = 0
        self.far.create('a')
        fill(7)
        self.sync(env=self.env)
        fill(2)
        self.near.flag(self.one(self.near, 1), add='F')
        self.near.flag(self.one(self.near, 2), add='FR')
        self.near.delete(self.one(self.near, 3))
        self.far.delete(self.one(self.far, 4))
        self.near.move(self.one(self.near, 5), 'a')
        self.far.move(self.one(self.far, 6), 'a')
        self.near.flag(self.one(self.near, 7), remove='S')

    def stop_large(self, kinds, most):
        self.stop(kinds, most, self.large, lambda far, near: (far, {box: sum(m.values()) for box, m in near.items()}))
        self.assertEqual(sorted((m.serial, m.box, m.size > 2048) for box in ('INBOX', 'a') for m in self.far.messages(box)),
                         [(1, 'INBOX', True), (2, 'INBOX', True), (5, 'a', True), (6, 'a', True), (7, 'INBOX', True), (8, 'INBOX', True), (9, 'INBOX', True)])
        self.assertEqual(sorted((m.serial, m.box, m.size > 2048) for box in ('INBOX', 'a') for m in self.near.messages(box)),
                         [(1, 'INBOX', True), (2, 'INBOX', True), (5, 'a', False), (6, 'a', False), (7, 'INBOX', False), (8, 'INBOX', False), (9, 'INBOX', False)])

    def test_large_account_and_maildir(self):
        self.stop_large(('dovecot', None), 14)
    test_large_account_and_maildir.weight = 10

    def test_large_poor_account_and_maildir(self):
        self.stop_large(('poor', None), 10)
    test_large_poor_account_and_maildir.weight = 10

    def test_large_two_accounts(self):
        self.stop_large(('dovecot', 'poor'), 14)
    test_large_two_accounts.weight = 10

    def test_account_and_maildir(self):
        self.stop(('dovecot', None), 14)
    test_account_and_maildir.weight = 10

    def test_poor_account_and_maildir(self):
        self.stop(('poor', None), 10)
    test_poor_account_and_maildir.weight = 10

    def test_two_accounts(self):
        self.stop(('dovecot', 'dovecot'), 10)
    test_two_accounts.weight = 10


class OurMarks(Account):
    """R19, on a server without MOVE: between COPY, STORE \\Deleted and EXPUNGE the mark is ours, and is never carried over."""

    def scene(self, name):
        self.state = os.path.join(self.dir, f'home/{name}/mailtwin')
        self.env = {'XDG_STATE_HOME': os.path.dirname(self.state)}
        self.pair(far=self.account('poor'), near=self.maildir(f'near{name}', seed=3))
        self._serial = 0
        self.far.create('a')
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync(env=self.env)
        for n in s[:6]:
            self.near.move(self.one(self.near, n), 'a')
        for n in s[6:9]:
            self.near.delete(self.one(self.near, n))
        return s

    def test_moves_and_expunges(self):
        """Ended at every act on the server; before the next run, somebody flags what was moved."""
        self.binary = program('MAILTWIN_FAST')
        log = os.path.join(self.dir, 'steps')
        self.scene('whole')
        self.sync(env={**self.env, 'MAILTWIN_STEP_LOG': log})
        with open(log) as f:
            steps = [int(line.split()[0]) for line in f if ' send ' in line or ' answer ' in line]
        self.assertGreater(len(steps), 3)
        for n in steps:
            self.far.close()
            s = self.scene(n)
            self.sync(env={**self.env, 'MAILTWIN_STEP_EXIT': str(n)}, code=DIED)
            marked = {m.serial for box in ('INBOX', 'a') for m in self.far.messages(box) if 'T' in m.flags}
            self.assertLessEqual(marked, set(s[:9]))
            self.near.flag(self.one(self.near, s[0]), add='F')
            self.sync(env=self.env)
            self.sync(env=self.env)
            for side in (self.far, self.near):
                where = {m.serial: m for box in ('INBOX', 'a') for m in side.messages(box)}
                self.assertEqual(sorted(where), s[:6] + s[9:], f'stopped at step {n}')
                self.assertEqual(sum(serials(side).values()), len(s) - 3, f'stopped at step {n}')
                self.assertEqual({where[i].box for i in s[:6]}, {'a'}, f'stopped at step {n}')
                self.assertEqual({where[i].flags for i in s[1:6] + s[9:]}, {frozenset('S')}, f'stopped at step {n}')
                self.assertEqual(where[s[0]].flags, frozenset('FS'), f'stopped at step {n}')
    test_moves_and_expunges.weight = 10


class BothKilled(Account):
    def test_two_accounts(self):
        self.binary = program('MAILTWIN_FAST')
        seed = SEED or 31
        self.pair(far=self.account('dovecot'), near=self.account('no-condstore'))
        self.sync()
        world = World(self, [self.far, self.near], seed, boxes=['INBOX', 'Archive', 'work', 'work/2026'], expunge=True)
        world.may_return = True
        for _ in range(20 if LONG else 4):
            for _ in range(2):
                world.steps(8)
                self.die(world.rng)
            world.answer()
            self.sync()
            self.sync()
            world.check(flags=False)
        self.sync_twice()
    test_two_accounts.weight = 8


class Random(Account):
    """Thousands of things people do, killed in between; MAILTWIN_LONG=1 for the thousands."""

    def play(self, kind, seed, rounds):
        self.kind = kind
        self.binary = program('MAILTWIN_FAST')
        self.imap_pair(near=self.maildir('near', seed=seed, style='mixed'))
        self.sync()
        world = World(self, [self.far, self.near], seed, expunge=True)
        world.may_return = True
        for n in range(rounds * 25 if LONG else rounds):
            world.steps(25)
            if n % 3 == 2:
                self.die(world.rng, .1)
            world.answer()
            self.sync()
            before = self.far.still(), self.near.still()
            self.sync()
            self.assertEqual(before, (self.far.still(), self.near.still()), f'seed {seed}: a run without work changed a side')
            world.check(flags=n % 3 != 2)

    def test_dovecot(self):
        self.play('dovecot', SEED or 41, 8)

    def test_poor(self):
        self.play('poor', SEED or 42, 8)

    def test_cyrus(self):
        self.play('cyrus', SEED or 43, 5)

    def test_two_accounts_find_nothing_doubled(self):
        seed = SEED or 44
        self.binary = program('MAILTWIN_FAST')
        self.pair(far=self.account('cyrus'), near=self.account('poor'))
        self.sync()
        world = World(self, [self.far, self.near], seed, expunge=True, boxes=['INBOX', 'Archive', 'work', 'Entwürfe'])
        for _ in range(50 if LONG else 3):
            world.steps(25)
            world.answer()
            self.sync()
            world.check()
        self.assertTrue(serials(self.far))
