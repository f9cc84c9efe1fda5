"""Random work on both sides of real Maildirs, checked message by message after each round."""
import os
import time

from lib import Case
from world import World

SEED = int(os.environ.get('SEED', '0'))


class Maildirs(Case):
    def play(self, seed, rounds=8, steps=25, expunge=True, **kw):
        layout = ('Verbatim', 'Maildir++', 'Legacy')[seed % 3]
        self.far = self.maildir('far', seed=seed, style='mixed')
        self.near = self.maildir('near', seed=seed + 1, layout=layout, style='mixed')
        for side in (self.far, self.near):
            for box in ('Archive', 'work'):
                side.create(box)
        policy = 'Create Both\nRemove Both\n' + ('Expunge Both\n' if expunge else '')
        self.pair(policy=policy)
        self.sync()
        world = World(self, [self.far, self.near], seed, expunge=expunge, **kw)
        for _ in range(rounds):
            world.steps(steps)
            self.quiet_run(world)
        self.sync_twice()

    def quiet_run(self, world):
        world.answer()
        before = [s.still() for s in world.sides]
        self.sync()
        for side, was in zip(world.sides, before):
            self.assertEqual(was, side.still(), f'seed {world.seed}: a second run changed a side')
        world.check()

    def test_seed_1(self):
        self.play(SEED or 1)

    def test_seed_2(self):
        self.play(SEED or 2)

    def test_seed_3(self):
        self.play(SEED or 3)

    def test_without_moves(self):
        self.play(SEED or 4, moves=False)

    def test_without_folders(self):
        self.play(SEED or 5, folders=False, steps=40)

    def test_work_during_the_runs(self):
        """People go on while the program runs; books count what they did, the flags are not judged."""
        seed = SEED or 6
        self.far = self.maildir('far', seed=seed)
        self.near = self.maildir('near', seed=seed + 1)
        for side in (self.far, self.near):
            for box in ('Archive', 'work'):
                side.create(box)
        self.pair()
        self.sync()
        world = World(self, [self.far, self.near], seed, expunge=True, folders=False)
        for _ in range(8):
            world.steps(10)
            for _ in range(3):
                p = self.spawn('-a')
                while p.poll() is None:
                    try:
                        world.step()
                    except FileNotFoundError:
                        pass                    # it was renamed or removed under the person's hand
                    time.sleep(world.rng.random() * .02)
                self.finish(p, (0, 1))
            world.answer()
            self.sync()
            world.check(flags=False)
        self.sync_twice()
