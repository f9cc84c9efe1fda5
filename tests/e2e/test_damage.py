"""A state that is damaged, anywhere: a clear end, no mail lost, and a way out that is one."""
import os
import random
import re
import shutil

from lib import Case, message, program, serials

LONG = os.environ.get('MAILTWIN_LONG')


class Damage(Case):
    def setUp(self):
        super().setUp()
        self.pair('MaxDelete none\n', globals_='FSync no')
        for box in ('INBOX', 'work'):
            self.far.create(box)
            self.fill(self.far, box, 60, 'S')
        self.sync()
        for box in ('INBOX', 'work'):
            for mail in self.far.messages(box)[::3]:
                self.far.flag(mail, add='F')
            self.near.delete(self.near.messages(box)[0])
        self.sync()
        self.mail = serials(self.far)
        self.assertEqual(len(self.mail), 118)
        self.file = os.path.join(self.state, 'c.mdb')
        with open(self.file, 'rb') as f:
            self.whole = f.read()

    def environment(self, env=None):
        """A sanitizer leaves it to the parent to tell how a worker ended."""
        e = super().environment(env)
        e['ASAN_OPTIONS'] = e.get('ASAN_OPTIONS', '') + ':handle_segv=0:handle_sigbus=0:handle_abort=0:abort_on_error=1'
        return e

    def put(self, data):
        with open(self.file, 'wb') as f:
            f.write(data)
        os.chmod(self.file, 0o600)

    def assert_nothing_is_lost(self, what):
        for side in (self.far, self.near):
            self.assertEqual(set(serials(side)), set(self.mail), what)

    def play(self, rng, rounds, change):
        """Runs over states that were changed; with a flag and a new message that are on their way."""
        ends = {'fine': 0, 'told': 0, 'broken': 0}
        for n in range(rounds):
            data = bytearray(self.whole)
            change(data)
            self.put(data)
            mail = rng.choice(self.far.messages('INBOX'))
            if 'R' in mail.flags:
                self.far.flag(mail, remove='R')
            else:
                self.far.flag(mail, add='R')
            run = self.mailtwin('-a', code=(0, 1))
            self.assert_nothing_is_lost((n, run.err))
            # LMDB may trip over a page that is none, and over nothing that we hand it.
            for report in re.findall('AddressSanitizer.*?#1 [^\n]*', run.err, re.S):
                self.assertIn('liblmdb', report, run.err)
            end = 'fine' if run.code == 0 else 'broken' if 'was ended by' in run.err else 'told'
            ends[end] += 1
            if 'damaged' in run.err:
                self.assertIn(f"mv '{self.file}' '{self.file}.damaged'", run.err)
            elif run.code:
                self.assertRegex(run.err, 'held|--restore|--allow-delete|paired anew', run.err)
            # What only reads has a clear end as well; and the way out is one.
            for command in (('log',), ('state', 'dump', 'c'), ('plan', '-a'), ('list', 'c')) if n % 4 == 0 else ():
                self.mailtwin(*command, code=(0, 1))
            if n % 10 == 0:
                if os.path.exists(self.file):
                    os.rename(self.file, self.file + '.damaged')
                self.sync_twice()
                self.assert_nothing_is_lost(n)
        return ends

    def rounds(self, n):
        return n * 10 if LONG else n if 'san' not in self.binary else n // 4

    def test_one_bit(self):
        rng = random.Random(1)

        def change(data):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        self.play(rng, self.rounds(100), change)

    def test_one_byte_of_what_is_used(self):
        """Where a page begins, its numbers and the first of its entries: what LMDB goes by."""
        rng = random.Random(2)

        def change(data):
            at = rng.randrange(len(data) // 4096) * 4096 + rng.randrange(64)
            data[at] = rng.randrange(256)
        ends = self.play(rng, self.rounds(100), change)
        self.assertGreater(ends['told'] + ends['broken'], 0)

    def test_a_page(self):
        rng = random.Random(3)

        def change(data):
            at = rng.randrange(2, len(data) // 4096) * 4096
            data[at:at + 4096] = bytes(rng.randrange(256) for _ in range(4096))
        ends = self.play(rng, self.rounds(60), change)
        self.assertGreater(ends['told'] + ends['broken'], 0)

    def test_cut_off(self):
        rng = random.Random(4)

        def change(data):
            del data[rng.randrange(1, len(data)):]
        self.play(rng, self.rounds(40), change)

    def test_no_data_file(self):
        self.put(b'this is none' * 1000)
        for command in (('-a',), ('plan', '-a'), ('log',), ('state', 'dump', 'c')):
            run = self.mailtwin(*command, code=1)
            self.assertIn(f"mv '{self.file}'", run.err)
            self.assertEqual(run.err.count(f'mv '), 1, run.err)
        os.rename(self.file, self.file + '.damaged')
        self.sync_twice()
        self.assert_nothing_is_lost('')
        self.assertEqual(len(self.mail), len(serials(self.near)))

    def test_little_address_space(self):
        """RLIMIT_AS: the map is as large as there is room for."""
        import resource
        self.binary = program('MAILTWIN_FAST')
        was = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, was[1]))
        try:
            self.far.deliver('INBOX', message(999), 'S')
            self.sync()
            self.assertIn('INBOX', self.mailtwin('state', 'dump', 'c').out)
            self.assertEqual(self.mailtwin('plan', '-a').out.strip(), 'nothing to do')
        finally:
            resource.setrlimit(resource.RLIMIT_AS, was)
        self.assertEqual(len(serials(self.near)), 119)
