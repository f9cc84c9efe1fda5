"""Renames, a lost state, mailboxes made anew, and kills in between, among the things people do on real servers.

MAILTWIN_LONG=1 plays hundreds of rounds; SEED=n another game.
"""
import os

from accounts import Account
from lib import program
from upheaval import Upheaval

SEED = int(os.environ.get('SEED', '0'))
LONG = bool(os.environ.get('MAILTWIN_LONG'))


class Upheavals(Account):
    def play(self, far, near, seed, rounds=6):
        self.binary = program('MAILTWIN_FAST')
        self.pair(far=self.account(far), near=self.account(near) if near else self.maildir('near', seed=seed),
                  far_store='Window no\n', near_store='Window no\n' if near else '')      # as in test_conflicts.py
        world = Upheaval(self, [self.far, self.near], seed)
        world.may_keep_one_more = far in ('poor', 'mailutils')
        if far == 'mailutils':
            world.flags = world.flags.replace('P', '')      # a STORE of a keyword is BAD there
        world.make_boxes()
        self.sync()
        world.quiet()
        for n in range(rounds * 25 if LONG else rounds):
            world.steps(10)
            world.overturn()
            if n % 3 == 1:
                world.leave()
                self.die(world.rng)
                world.die()
            world.steps(4)
            world.settle()
            world.leave()
            before = self.far.still(), self.near.still()
            self.sync()
            self.assertEqual(before, (self.far.still(), self.near.still()), f'seed {seed}: a run without work changed a side')
            world.check()

    def test_dovecot(self):
        self.play('dovecot', None, SEED or 71)

    def test_poor(self):
        self.play('poor', None, SEED or 72)

    def test_cyrus(self):
        self.play('cyrus', None, SEED or 73, 4)

    def test_courier(self):
        self.play('courier', None, SEED or 75, 4)

    def test_mailutils(self):
        self.play('mailutils', None, SEED or 76, 3)

    def test_two_accounts(self):
        self.play('dovecot', 'no-qresync', SEED or 74, 4)
