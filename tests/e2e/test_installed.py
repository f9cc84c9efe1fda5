"""The program as `make install` leaves it: hardened, and without what tests have in theirs."""
import os
import re
import subprocess

from lib import ROOT, Case


class Installed(Case):
    def setUp(self):
        super().setUp()
        self.top = os.path.join(self.dir, 'top')
        done = subprocess.run(['make', '--no-print-directory', 'install', f'DESTDIR={self.top}', 'PREFIX=/usr'], cwd=ROOT,
                              capture_output=True, text=True,
                              env={k: v for k, v in os.environ.items() if not k.startswith('MAKE') and k != 'MFLAGS'})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.binary = os.path.join(self.top, 'usr/bin/mailtwin')

    def readelf(self, what):
        return subprocess.run(['readelf', '-W', what, self.binary], capture_output=True, text=True, check=True).stdout

    def test_no_hooks_of_tests(self):
        with open(self.binary, 'rb') as f:
            self.assertNotIn(b'MAILTWIN_STEP', f.read())
        self.pair()
        self.fill(self.near, 'INBOX', 3)
        log = os.path.join(self.dir, 'steps')
        self.sync('-a', env={'MAILTWIN_STEP_EXIT': '1', 'MAILTWIN_STEP_LOG': log})
        self.assertFalse(os.path.exists(log))
        self.sync_twice()

    def test_hardened(self):
        self.assertRegex(self.readelf('-h'), r'Type:\s+DYN')
        dynamic = self.readelf('-d')
        self.assertRegex(dynamic, r'BIND_NOW|FLAGS.*NOW')
        self.assertRegex(dynamic, r'FLAGS_1.*PIE')
        segments = self.readelf('-l')
        self.assertIn('GNU_RELRO', segments)
        self.assertRegex(segments, r'GNU_STACK.* RW ')
        symbols = self.readelf('--dyn-syms')
        self.assertIn('__stack_chk_fail', symbols)
        self.assertTrue(re.search(r'__(vs?n?printf|memcpy|read|f?printf|snprintf)_chk', symbols))

    def test_the_unit(self):
        """What may be said of it without running it."""
        unit = os.path.join(self.top, 'usr/lib/systemd/user/mailtwin.service')
        with open(unit) as f:
            text = f.read()
        for setting in ('NoNewPrivileges=yes', 'ProtectSystem=strict', 'PrivateTmp=yes', 'MemoryDenyWriteExecute=yes',
                        'SystemCallFilter=@system-service', 'RestrictAddressFamilies=', 'ReadWritePaths='):
            self.assertIn(f'\n{setting}', text)
        try:
            done = subprocess.run(['systemd-analyze', '--user', '--man=no', 'verify', unit], capture_output=True, text=True,
                                  env={**os.environ, 'XDG_RUNTIME_DIR': self.dir})
        except FileNotFoundError:
            self.skipTest('no systemd-analyze here')
        known = [line for line in done.stderr.splitlines() if 'mailtwin.service' in line and 'not executable' not in line]
        self.assertEqual(known, [])
