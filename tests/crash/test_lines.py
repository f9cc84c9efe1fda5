"""Connections that break: at every so many bytes, and right after the server did what it was told."""
import os
import random
import signal
import time

from accounts import Account
from lib import message, picture, program, serials
from servers import Delay, free_port
from world import World

SEED = int(os.environ.get('SEED', '0'))


class Scene(Account):
    """Twins that people have worked on, behind a line on a port of its own."""

    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')

    def line(self, **kw):
        """A line on the port of the configuration: another port would be another server to the state (R7)."""
        return Delay(self.far.server.port, listen=self.port, **kw)

    def sync_over(self, code=0, **kw):
        with self.line(**kw) as line:
            self.sync(env=self.env, code=code)
            return line.stats()

    def scene(self, name):
        """Twins, then a little of everything on both sides."""
        self.state = os.path.join(self.dir, f'home/{name}/mailtwin')
        self.env = {'XDG_STATE_HOME': os.path.dirname(self.state)}
        self.far, self.near = self.account(), self.maildir(f'near{name}', seed=3)
        self._serial = 0
        self.port = free_port()
        self.write_config(f'{self.far.store("far", port=self.port)}\n{self.near.store("near")}\n'
                          'Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\n')
        self.far.create('a')
        s = self.fill(self.far, 'INBOX', 25, 'S')
        self.fill(self.far, 'a', 2)
        self.sync_over()
        self.near.delete(self.one(self.near, s[0]))
        self.far.delete(self.one(self.far, s[1]))
        self.near.move(self.one(self.near, s[2]), 'a')
        self.near.flag(self.one(self.near, s[3]), add='F')
        self.fill(self.near, 'INBOX', 3)
        self.fill(self.near, 'a', 2)
        self.fill(self.far, 'INBOX', 2)


class Broken(Scene):
    def broken(self, name, wanted=None, **line):
        """One scene, a run over that line, then runs over a good one; returns (the end, line's counters)."""
        self.scene(name)
        stats = self.sync_over(code=(0, 1, 75), **line)
        self.sync_over()
        self.sync_over()
        self.assert_twins()
        self.assertEqual(set(serials(self.far).values()), {1}, name)
        end = picture(self.far)
        if wanted is not None:
            self.assertEqual(wanted, end, name)
        before = self.far.still(), self.near.still()
        self.sync_over()
        self.assertEqual(before, (self.far.still(), self.near.still()), name)
        return end, stats

    def cuts(self, way):
        wanted, stats = self.broken('whole')
        rng = random.Random(SEED or 5)
        for n in range(40):
            at = rng.randrange(1, stats[way] + 1)
            self.broken(f'{way}{n}-{at}', wanted, cut=f'{way}:{at}', last=n % 2 == 0)

    def test_cut_on_the_way_up(self):
        self.cuts('up')
    test_cut_on_the_way_up.weight = 20

    def test_cut_on_the_way_down(self):
        self.cuts('down')
    test_cut_on_the_way_down.weight = 20

    def test_answers_lost(self):
        """R11, R16: the command was carried out, its answer never came."""
        wanted, _ = self.broken('whole')
        for word in ('APPEND', 'UID MOVE', 'UID COPY', 'UID STORE', 'UID EXPUNGE', 'CREATE', 'SELECT', 'UID FETCH'):
            for last in (False, True):
                self.broken(f'{word}-{last}'.replace(' ', ''), wanted, lose=word, last=last)

    def test_answers_lost_on_a_poor_server(self):
        """R11: without UIDPLUS the new UID is found by identity."""
        self.kind = 'poor'
        wanted, _ = self.broken('whole')
        for word in ('APPEND', 'UID COPY', 'UID STORE', 'EXPUNGE'):
            self.broken(word.replace(' ', ''), wanted, lose=word, last=True)

    def test_answer_to_a_rename_lost(self):
        """R12: the next run looks what the mailbox is called by now."""
        for self.kind in ('dovecot', 'poor'):
            for last in (False, True):
                self.scene(f'rename-{self.kind}-{last}')
                self.near.rename('a', 'deep/Z')
                self.sync_over(code=(0, 1, 75), lose='RENAME', last=last)
                self.sync_over()
                self.sync_over()
                self.assert_twins()
                self.assertIn('deep/Z', self.far.boxes())
                self.assertNotIn('a', self.far.boxes())
                self.assertEqual(set(serials(self.far).values()), {1})


class Killed(Account):
    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')

    def play(self, kind, seed):
        self.kind = kind
        self.imap_pair(near=self.maildir('near', seed=seed))
        self.sync()
        world = World(self, [self.far, self.near], seed, boxes=['INBOX', 'Archive', 'work', 'work/2026'], expunge=True)
        world.may_return = True
        for _ in range(6):
            for _ in range(3):
                world.steps(8)
                self.die(world.rng, .1)
            world.answer()
            self.sync()
            world.check(flags=False)
        self.sync_twice()

    def test_dovecot(self):
        self.play('dovecot', SEED or 11)

    def test_poor(self):
        self.play('poor', SEED or 12)

    def test_cyrus(self):
        self.play('cyrus', SEED or 13)

    def test_first_download_and_upload_killed_again_and_again(self):
        self.imap_pair()
        for i in range(300):
            self.far.deliver('INBOX', message(i), 'S')
            self.near.deliver('INBOX', message(1000 + i), 'S')
        wait = .02
        while True:
            p = self.spawn('-a')
            time.sleep(wait)
            if p.poll() is None:
                os.kill(p.pid, signal.SIGKILL)
            if self.finish(p, (0, 1, -signal.SIGKILL)).code == 0:
                break
            wait *= 1.3
        self.sync_twice()
        self.assertEqual(set(serials(self.far).values()), {1})
        self.assertEqual(len(serials(self.far)), 600)
