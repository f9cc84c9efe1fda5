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

# Mail programs at work in both Maildirs: they rename files, file them elsewhere, deliver, and remove some. What is removed is
# never moved, so that it is known at the end what must be there.
PEOPLE = r'''
import os, random, signal, sys, time
sys.path.insert(0, sys.argv[1])
from lib import message
sides, boxes, serial = sys.argv[2:4], ['INBOX', 'a', 'b'], 1000
rng = random.Random(int(sys.argv[4]))

def pick(side, box):
    sub = rng.choice(('cur', 'cur', 'new'))
    names = os.listdir(f'{side}/{box}/{sub}')
    return f'{side}/{box}/{sub}/{rng.choice(names)}' if names else None

ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
while not ended and os.getppid() == int(sys.argv[5]):
    side, box, what = rng.choice(sides), rng.choice(boxes), rng.random()
    path = pick(side, box)
    try:
        if what < .15:
            serial += 1
            kind = 'gone' if serial % 4 == 0 else 'stay'
            name = f'{serial}.{kind}.{os.getpid()}'
            with open(f'{side}/{box}/tmp/{name}', 'wb') as f:
                f.write(message(serial))
            os.rename(f'{side}/{box}/tmp/{name}', f'{side}/{box}/new/{name}')
            print('put', serial, flush=True)
        elif path is None:
            continue
        elif what < .2 and open(path, 'rb').read().find(b'serial 1') > 0:
            with open(path, 'rb') as f:
                found = int(f.read().split(b'\nserial ')[1].split(b'.')[0])
            if found % 4 == 0:
                os.unlink(path)
                print('gone', found, flush=True)
        elif what < .3:
            with open(path, 'rb') as f:
                found = int(f.read().split(b'\nserial ')[1].split(b'.')[0])
            if found % 4:
                os.rename(path, f'{side}/{rng.choice(boxes)}/cur/{os.path.basename(path)}')
        else:
            base, _, flags = os.path.basename(path).partition(':2,')
            flags = ''.join(sorted(set(flags) ^ {rng.choice('FRS')}))
            os.rename(path, f'{side}/{box}/cur/{base}:2,{flags}')
    except FileNotFoundError:
        pass
    time.sleep(rng.random() * .12)
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
        renamer = subprocess.Popen([sys.executable, '-c', RENAMER, side.box('INBOX') + '/cur', '3600', str(os.getpid())])
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

    def test_renames_all_through_many_syncs(self):
        """R4: a directory that is read in several calls. A thousand syncs with MAILTWIN_LONG."""
        self.far, self.near = self.maildir('far'), self.maildir('near')
        self.race(self.near, 1000 if os.environ.get('MAILTWIN_LONG') else 250, 1200)
    test_renames_all_through_many_syncs.weight = 30

    def test_renames_on_the_far_side(self):
        """R4"""
        self.far, self.near = self.maildir('far'), self.maildir('near')
        self.race(self.far, 60, 2000)
    test_renames_on_the_far_side.weight = 10

    def test_people_at_work_on_both_sides(self):
        """R5: whoever else was there is noticed, in runs that change the same folders and mostly need not read them."""
        self.pair(globals_='FSync no\n', channel='MaxDelete None\n')
        for box in ('INBOX', 'a', 'b'):
            self.far.create(box)
            self.fill(self.far, box, 20, 'S')
        self.sync()
        seed = random.randrange(1 << 30)
        people = subprocess.Popen([sys.executable, '-c', PEOPLE, os.path.dirname(os.path.abspath(__file__)), self.far.path,
                                   self.near.path, str(seed), str(os.getpid())], stdout=subprocess.PIPE, text=True)
        unread = 0
        try:
            for _ in range(2000 if os.environ.get('MAILTWIN_LONG') else 80):
                run = self.sync('--debug-maildir', '-a', code=(0, 1))
                unread += run.err.count('because only we changed it') + run.out.count('because only we changed it')
                self.assertIsNone(people.poll())
        finally:
            people.terminate()
            told, _ = people.communicate()
        self.sync(code=(0, 1))
        self.sync(code=(0, 1))
        self.sync_twice()
        want = set(range(1, 61))
        for line in told.splitlines():
            what, serial = line.split()
            (want.add if what == 'put' else want.discard)(int(serial))
        for side in (self.far, self.near):
            self.assertEqual(sorted(serials(side).items()), [(i, 1) for i in sorted(want)], f'seed {seed}')
        self.assertGreater(unread, 5)
    test_people_at_work_on_both_sides.weight = 20

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
