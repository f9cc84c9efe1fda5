"""kill -9 at random moments of real work, with people going on in between."""
import os
import signal
import time

from lib import Case, message, program, serials
from world import World

SEED = int(os.environ.get('SEED', '0'))


class Kill(Case):
    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')

    def kill_after(self, seconds):
        """True if the run was killed, False if it was over before."""
        p = self.spawn('-a')
        time.sleep(seconds)
        if p.poll() is None:
            os.kill(p.pid, signal.SIGKILL)
        return self.finish(p, (0, 1, -signal.SIGKILL)).code == -signal.SIGKILL

    def test_first_sync_killed_again_and_again(self):
        self.pair()
        for i in range(1500):
            self.far.deliver('INBOX', message(i), 'S')
            if i % 3 == 0:
                self.near.deliver('INBOX', message(10_000 + i))
        took = .002
        while self.kill_after(took):
            took *= 1.25
        self.sync_twice()
        self.assertEqual(len(serials(self.near)), 2000)
        self.assertEqual(set(serials(self.near).values()), {1})
    test_first_sync_killed_again_and_again.weight = 5

    def time_sync(self):
        begin = time.monotonic()
        self.sync()
        return time.monotonic() - begin

    def play(self, seed, rounds=10):
        self.far = self.maildir('far', seed=seed)
        self.near = self.maildir('near', seed=seed + 1, layout=('Verbatim', 'Maildir++')[seed % 2])
        for side in (self.far, self.near):
            for box in ('Archive', 'work'):
                side.create(box)
        self.pair('MaxDelete none\n')       # in ten rounds people delete more than a week's guard lets pass
        self.sync()
        whole = self.time_sync()
        world = World(self, [self.far, self.near], seed, expunge=True)
        # What a killed run had delivered, and a person removed before the next one, nothing tells from what it had not.
        world.may_return = True
        killed = 0
        for _ in range(rounds):
            for _ in range(3):
                world.steps(8)
                killed += self.kill_after(world.rng.random() * whole * 2)
            world.answer()
            whole = self.time_sync()            # the machine may be busy now and not then
            world.check(flags=False)
        self.assertGreater(killed, rounds // 2)
        self.sync_twice()

    def test_seed_1(self):
        self.play(SEED or 1)

    def test_seed_2(self):
        self.play(SEED or 2)

    def test_seed_3(self):
        self.play(SEED or 3)
