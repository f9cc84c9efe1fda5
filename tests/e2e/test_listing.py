"""A listing races with the programs of others (R4): renames never look like deletions."""
import os
import random
import re
import subprocess
import sys
import time

from lib import Case, message, program, serials

RENAMER = r'''
import os, random, sys, time
cur, limit = sys.argv[1], time.monotonic() + float(sys.argv[2])
rng = random.Random(7)
while time.monotonic() < limit and os.getppid() == int(sys.argv[3]):
    names = os.listdir(cur)
    rng.shuffle(names)
    for name in names[:200]:
        base, _, flags = name.partition(':2,')
        flag = rng.choice('FRS')
        new = ''.join(sorted(set(flags) ^ {flag}))
        try:
            os.rename(f'{cur}/{name}', f'{cur}/{base}:2,{new}')
        except FileNotFoundError:
            pass
'''


class Races(Case):
    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')

    def race(self, side, runs, files):
        """`runs` syncs while another process renames files of `side`."""
        self.pair(globals_='FSync no\n')
        for i in range(files):
            self.far.deliver('INBOX', message(i, message_id=False), 'S')
        self.sync()
        renamer = subprocess.Popen([sys.executable, '-c', RENAMER, side.box('INBOX') + '/cur', '500', str(os.getpid())])
        try:
            other = self.near if side is self.far else self.far
            for n in range(runs):
                self.sync(code=(0, 1, 75))
                self.assertIsNone(renamer.poll())
                for s in (self.far, self.near):
                    cur, new = (len(os.listdir(f'{s.box("INBOX")}/{sub}')) for sub in ('cur', 'new'))
                    if s is other:
                        # Nobody but mailtwin works here: every file must stand.
                        self.assertEqual(cur + new, files, f'after run {n}')
        finally:
            renamer.kill()
            renamer.wait()
        self.assertEqual(sorted(serials(side).items()), [(i, 1) for i in range(files)])
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near).items()), [(i, 1) for i in range(files)])

    def test_renames_all_through_a_thousand_syncs(self):
        """R4"""
        self.far, self.near = self.maildir('far'), self.maildir('near')
        self.race(self.near, 1000, 2000)
    test_renames_all_through_a_thousand_syncs.weight = 100

    def test_renames_on_the_far_side(self):
        """R4"""
        self.far, self.near = self.maildir('far'), self.maildir('near')
        self.race(self.far, 60, 2000)
    test_renames_on_the_far_side.weight = 10

    def test_change_within_the_clocks_grain(self):
        """R5: a change right behind a listing is not missed by the next run."""
        self.pair()
        rng = random.Random(1)
        n = 0
        for _ in range(40):
            p = self.spawn('-a')
            while p.poll() is None:
                n += 1
                self.far.deliver('INBOX', message(n))
                time.sleep(rng.random() * .02)
            self.finish(p)
            self.sync()
            self.assertEqual(len(serials(self.near)), n)
        self.sync_twice()

    def test_standing_still_opens_nothing(self):
        """Boxes that stand still cost no readdir; measured with strace."""
        self.pair()
        for i in range(20):
            self.far.create(f'box{i}')
            self.far.deliver(f'box{i}', message(i), 'S')
        self.sync()
        # Past the clock's grain the directories may be trusted.
        time.sleep(2.1)
        self.sync()
        trace = os.path.join(self.dir, 'trace')
        done = subprocess.run(['strace', '-f', '-y', '-o', trace, '-e', 'trace=getdents64', self.binary,
                               '-c', self.config, '-a'], env=self.environment(), cwd=self.dir,
                              capture_output=True, text=True, timeout=60)
        if 'ptrace' in done.stderr.lower():
            self.skipTest('no ptrace here')
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(trace) as f:
            listed = [line for line in f if re.search(r'/(cur|new)>', line)]
        self.assertEqual(listed, [])
