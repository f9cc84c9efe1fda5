"""Debian's mbsync beside the program: one home, one configuration, mail that either of them copied.

That is 1.4 of Debian 12, installed. A class with `Next` in its name has 1.5 of Debian 13 instead, which servers/unpack fetches where it can.
"""
import collections
import os
import re
import shutil
import subprocess

from accounts import Account
from lib import ROOT, carried

MBSYNC = shutil.which('mbsync')
MBSYNC_1_5 = os.path.join(ROOT, '.build/servers/mbsync-1.5/mbsync')
if not os.path.exists(os.path.join(os.path.dirname(MBSYNC_1_5), '.done')):
    MBSYNC_1_5 = None
XTUID = re.compile(rb'^X-TUID: .*\n', re.M)


def missing(is_next):
    return 'mbsync 1.5 could not be fetched by `make deps`' if is_next else 'there is no mbsync here'


class Handover(Account):
    """`self.make()` gives the sides; copies of mbsync's bear an X-TUID, so twins are compared by serial and flags."""

    state_lines = ''            # SyncState and the like, before all sections
    channel_lines = ''
    mbsync = MBSYNC
    is_next = False             # it is 1.5
    old_state = '.mbsync'       # where it keeps its state, below the home

    def setUp(self):
        super().setUp()
        if self.mbsync is None:
            self.skipTest(missing(self.is_next))
        os.makedirs(os.path.join(self.home, self.old_state))

    def old(self, *args, code=0, more=''):
        """A run of mbsync; -V's last line is returned."""
        with open(self.config) as f:
            text = f.read()
        # The word of 1.4.
        if not self.is_next:
            text = text.replace('TLSType', 'SSLType')
        with open(os.path.join(self.dir, 'old-mbsyncrc'), 'w') as f:
            f.write(text + more)
        done = subprocess.run([self.mbsync, '-c', f.name, *(args or ('-a',))], env=self.environment(), cwd=self.dir, capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL)
        with open(os.path.join(self.dir, 'runs.log'), 'a') as f:
            f.write(f'==== mbsync {args} -> {done.returncode}\n{done.stdout}{done.stderr}')
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def old_counts(self, *args, **kw):
        """What a run of mbsync did: {'Far': '+0 *0 #0 -0', 'Near': ...}."""
        out = self.old(*(args or ('-a',)), **kw)
        found = re.findall(r'(Far|Near|Master|Slave): (\+\d+ \*\d+ #\d+ -\d+)', out)
        return [counts for _, counts in found]

    def mail(self, side):
        """{(box, serial): flags}, each once."""
        seen = collections.Counter()
        found = {}
        for box in side.boxes():
            for m in side.messages(box):
                seen[box, m.serial] += 1
                found[box, m.serial] = frozenset(m.flags) & frozenset('DFPRST')
        self.assertEqual([k for k, n in seen.items() if n > 1], [], f'doubled on {side.kind}')
        return found

    def assert_same(self):
        self.assertEqual(self.mail(self.far), self.mail(self.near))

    def old_files(self):
        """mbsync's own, with all that could change of them."""
        found = {}
        for top in (os.path.join(self.home, '.mbsync'), os.path.join(self.home, '.local/state/isync'), self.near.path,
                    os.path.join(self.dir, 'states')):
            for where, _, files in os.walk(top):
                for file in files:
                    path = os.path.join(where, file)
                    if where != self.near.path and ('/cur' in where or '/new' in where):
                        continue
                    if file.startswith('.mailtwin') or 'dovecot' in file or file.endswith(('c.mdb', 'c.lock')):
                        continue
                    st = os.stat(path)
                    with open(path, 'rb') as f:
                        found[path] = (f.read(), st.st_mtime_ns, st.st_ino)
        return found

    def bodies(self, run):
        """Messages that travelled, by the debug lines and by the counts."""
        added = carried(run.out)
        asked = [line for line in run.err.split('\n') if 'BODY.PEEK[]' in line or ' APPEND ' in line]
        return sum(added) + len(asked)

    def taken_over(self, pairs, code=0, args=()):
        """The first run: so many pairs, not a body, nothing copied or removed; mbsync's files as they were."""
        was = self.old_files()
        plan = self.mailtwin('plan', '-a', '-V', code=None)
        run = self.mailtwin('-a', '-V', '--debug=imap,run', *args, code=code)
        for out in (plan.out, run.out):
            self.assertEqual([int(n) for n in re.findall(r'Paired: (\d+)', out)], [pairs], out + run.err)
        self.assertEqual(self.bodies(run), 0, run.out + run.err)
        self.assertEqual({k: v for k, v in self.old_files().items() if k in was}, was)
        self.assertEqual([k for k in self.old_files() if k not in was], [])
        return run

    def files(self):
        sides = [{k: v for k, v in s.still().items() if '.mailtwin.c.' not in k} if s.kind == 'maildir' else s.still()
                 for s in (self.far, self.near)]
        return sides, self.state_still()

    def quiet(self):
        """Two more runs: nothing to do, nothing written."""
        self.sync()
        still = self.files()
        run = self.sync('-a', '-V')
        self.assertEqual(still, self.files())
        self.assertNotRegex(run.out, r'[+*#-][1-9]')


class Next:
    """With mbsync 1.5, and its state where 1.5 has it."""

    mbsync = MBSYNC_1_5
    is_next = True
    old_state = '.local/state/isync'
