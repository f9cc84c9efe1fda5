"""Power cuts: after any of them the next run loses nothing, doubles nothing, and ends like a run left alone."""
import hashlib
import os

from lib import Case, picture, program
from power import Disk, rebuild, recorded

MOST = 300              # different disks one case may take; more are thinned out evenly


class PowerCut(Case):
    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')
        self.disk = os.path.join(self.dir, 'disk')
        os.mkdir(self.disk)
        self.state = os.path.join(self.disk, 'state/mailtwin')
        self.env = {'XDG_STATE_HOME': os.path.dirname(self.state)}

    def sides(self):
        os.makedirs(os.path.join(self.disk, 'mail'))
        self.far, self.near = self.maildir('disk/mail/far', seed=1), self.maildir('disk/mail/near', seed=2)
        self.pair()

    def images(self):
        """Every disk a cut during a run may leave, each once, and the one it starts from."""
        disk = Disk(self.disk)
        start = dict(list(disk.ways())[-1][1])
        seen, found = set(), []
        log = os.path.join(self.dir, 'strace')
        for event in recorded(self.command('-a'), log, env=self.environment(self.env), cwd=self.dir):
            if not disk.apply(event):
                continue
            for way, image in disk.ways():
                key = hashlib.sha256(repr(sorted(image.items())).encode()).digest()
                if key not in seen:
                    seen.add(key)
                    found.append((f'{way} after {event[0]} number {len(found)}', image))
        last = dict(list(disk.ways())[-1][1])
        real = dict(list(Disk(self.disk).ways())[-1][1])
        self.assertEqual(sorted(last), sorted(real), 'the record does not tell what is on the disk')
        for path in last:
            self.assertEqual(last[path], real[path], path)
        return start, found

    def every_cut(self):
        start, found = self.images()
        wanted = picture(self.far), picture(self.near)
        self.assertEqual(*wanted)
        self.assertGreater(len(found), 20)
        step = max(1, len(found) // MOST)
        for name, image in found[::step]:
            rebuild(self.disk, start)
            rebuild(self.disk, image)
            self.sync(env=self.env)
            self.assertEqual(wanted, (picture(self.far), picture(self.near)), name)
            before = self.far.still(), self.near.still()
            self.sync(env=self.env)
            self.assertEqual(before, (self.far.still(), self.near.still()), f'{name}: a second run works')

    def test_first_sync(self):
        """R11, R20, R22"""
        self.sides()
        self.fill(self.far, 'INBOX', 3)
        self.fill(self.near, 'INBOX', 2, 'FS')
        self.every_cut()

    def test_a_day(self):
        """R11, R20, R22"""
        self.sides()
        self.near.create('work')
        s = self.fill(self.far, 'INBOX', 6, 'S')
        self.sync(env=self.env)
        self.fill(self.far, 'INBOX', 2)
        self.fill(self.near, 'work', 1)
        self.near.flag(self.one(self.near, s[0]), add='F')
        self.far.delete(self.one(self.far, s[1]))
        self.near.delete(self.one(self.near, s[2]))
        self.every_cut()
