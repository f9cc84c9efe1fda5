"""An account and a Maildir, and two accounts, on real servers: Dovecot, poorer and poorer, and Cyrus."""
import os
import subprocess

from accounts import Account, server
from lib import Case, ImapSide, message, program, serials
from servers import authority, free_port, Cyrus, Delay, Dovecot
from world import World

SEED = int(os.environ.get('SEED', '0'))


class Twins:
    """What holds on every server; subclasses name one."""

    flags = 'FRSDP'                 # that it keeps
    whole = [b'a: b\n\nserial 1.', b'a: b\n\nserial 2.\n\n\n', b'a: b\n\n', b'a: b\n', b'\nserial 3.\n',
             b'a: b\n\nserial 4.\n.\n..\nFrom x\n', b'a: b\n\n\xff\xfeserial 5.\n']

    def test_first_sync_carries_both_ways(self):
        self.imap_pair()
        self.far.create('work/2026')
        self.near.create('Entwürfe')
        self.near.create('a & b')
        a = self.fill(self.far, 'INBOX', 30)
        b = self.fill(self.far, 'work/2026', 10, 'FS')
        c = self.fill(self.near, 'Entwürfe', 10, 'DS')
        d = self.fill(self.near, 'a & b', 3)
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), sorted(a + b + c + d))
        self.assertIn('Entwürfe', self.far.boxes())

    def test_mail_on_both_sides_is_paired(self):
        """R10"""
        self.imap_pair()
        for i in range(60):
            self.far.deliver('INBOX', message(i), 'S')
            self.near.deliver('INBOX', message(i), 'F')
        self.sync_twice()
        self.assertEqual(len(self.near.messages('INBOX')), 60)
        self.assertEqual(self.one(self.far, 7).flags, frozenset('FS'))

    def test_flags_and_deletions(self):
        self.imap_pair()
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.far.flag(self.one(self.far, s[0]), add='F')
        self.near.flag(self.one(self.near, s[0]), add='R', remove='S')
        self.near.flag(self.one(self.near, s[1]), add='DP')
        self.far.delete(self.one(self.far, s[2]))
        self.near.delete(self.one(self.near, s[3]))
        self.near.delete(self.one(self.near, s[4]))
        self.far.flag(self.one(self.far, s[4]), add='F')
        self.near.flag(self.one(self.near, s[5]), add='T')
        self.far.flag(self.one(self.far, s[6]), add='T')
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), s[:2] + s[7:])
        self.assertEqual(self.one(self.far, s[0]).flags, frozenset('FR'))
        self.assertEqual(self.one(self.far, s[1]).flags, frozenset('DPS'))

    def test_folders(self):
        self.imap_pair()
        self.fill(self.far, 'INBOX', 3)
        for box in ('a', 'a/b', 'c'):
            self.near.create(box)
            self.fill(self.near, box, 2)
        self.sync_twice()
        self.near.remove('c')
        self.far.remove('a/b')
        self.sync_twice()
        self.assertNotIn('c', self.far.boxes())
        self.assertNotIn('a/b', self.near.boxes())
        self.assertIn('a', self.near.boxes())

    def test_line_ends_and_sizes(self):
        """R23"""
        self.imap_pair()
        for data in self.whole:
            self.near.deliver('INBOX', data, 'S')
        for i in range(10, 20):
            self.far.deliver('INBOX', message(i), 'S')
        self.sync_twice(twins=False)
        self.assertEqual(len(self.far.messages('INBOX')), len(self.near.messages('INBOX')))
        for i in range(10, 20):
            self.assertEqual(self.near.data(self.one(self.near, i)), message(i))

    def test_arrival_date(self):
        self.imap_pair('CopyArrivalDate yes')
        self.near.deliver('INBOX', message(1), 'S', mtime=1_500_000_000)
        self.far.deliver('INBOX', message(2), 'S', date='"14-Jul-2017 02:40:00 +0000"')
        self.sync_twice()
        self.assertIn('14-Jul-2017 02:40:00', self.far.date(self.one(self.far, 1)))
        path = os.path.join(self.near.box('INBOX'), self.one(self.near, 2).key)
        self.assertEqual(int(os.stat(path).st_mtime), 1_500_000_000)

    def test_moves(self):
        """R9"""
        self.imap_pair()
        self.far.create('Archive')
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.fill(self.far, 'Archive', 1)
        self.sync()
        self.far.move(self.one(self.far, s[0]), 'Archive')
        self.near.move(self.one(self.near, s[1]), 'Archive')
        self.near.move(self.one(self.near, s[2]), 'Archive', anew=True)
        self.near.move(self.one(self.near, s[3]), 'Archive')
        self.far.flag(self.one(self.far, s[3]), add='F')
        self.sync_twice()
        for n in s[:4]:
            self.assertEqual(self.one(self.near, n).box, 'Archive')

    def test_box_recreated_on_the_server(self):
        """R7: UIDVALIDITY changed, mail put back by somebody: paired, nothing doubled, nothing deleted."""
        self.imap_pair()
        self.far.create('a')
        s = self.fill(self.far, 'a', 30, 'S')
        self.fill(self.far, 'INBOX', 1)
        self.sync()
        data = [self.far.data(self.one(self.far, n)) for n in s[:20]]
        self.far.remove('a')
        self.far.create('a')
        for d in data:
            self.far.deliver('a', d, 'F')
        self.sync(code=(0, 1))
        self.sync(code=(0, 1))
        self.assertEqual(sorted(m.serial for m in self.near.messages('a')), s)
        self.assertEqual(sorted(m.serial for m in self.far.messages('a')), s)

    def removed(self, name):
        """P8: made again for what came or changed on the other side, and for that alone."""
        self.imap_pair()
        side, other = (self.far, self.near) if name == 'far' else (self.near, self.far)
        self.far.create('a')
        self.fill(self.far, 'INBOX', 30, 'S')
        old = self.fill(self.far, 'a', 10, 'S')
        self.sync_twice()
        new, = self.fill(other, 'a', 1)
        other.flag(self.one(other, old[0]), add='F')
        side.remove('a')
        self.sync_twice()
        self.assertEqual(sorted(m.serial for m in self.far.messages('a')), [old[0], new])

    def test_removed_on_far_but_for_what_came_on_near(self):
        self.removed('far')

    def test_removed_on_near_but_for_what_came_on_far(self):
        self.removed('near')

    def test_random_work(self):
        seed = SEED or sum(map(ord, self.kind))
        self.imap_pair(near=self.maildir('near', seed=seed, style='mixed'))
        self.sync()
        world = World(self, [self.far, self.near], seed, boxes=['INBOX', 'Archive', 'work', 'work/2026', 'Entwürfe'],
                      expunge=True)
        world.flags = self.flags
        for _ in range(6):
            world.steps(20)
            world.answer()
            before = [s.still() for s in world.sides]
            self.sync()
            for side, was in zip(world.sides, before):
                self.assertEqual(was, side.still(), f'seed {seed}: a second run changed a side')
            world.check()
        self.sync_twice()
    test_random_work.weight = 5


class OnDovecot(Twins, Account):
    kind = 'dovecot'


class OnDovecotWithoutQresync(Twins, Account):
    kind = 'no-qresync'


class OnDovecotWithoutCondstore(Twins, Account):
    kind = 'no-condstore'


class OnPoorDovecot(Twins, Account):
    kind = 'poor'


class OnDovecotWithDots(Twins, Account):
    kind = 'dots'


class OnCourier(Twins, Account):
    kind = 'courier'


class OnCyrus(Twins, Account):
    kind = 'cyrus'

    def test_opening_over_tls(self):
        # The second run knows the server and opens in one write, which Cyrus does not bear.
        self.imap_pair(far=self.account(tls=True))
        for serial in (1, 2):
            self.near.deliver('INBOX', message(serial), 'S')
            self.sync_twice()


class OnMailutils(Twins, Account):
    """It keeps no keywords and no dates, and shows others late what was changed (tests/README.md): what of it all holds there."""

    kind = 'mailutils'
    flags = 'FRSD'
    whole = [b'a: b\n\nserial 1.', b'a: b\n\nserial 2.\n\n\n', b'a: b\n\n', b'a: b\n\nserial 4.\n.\n..\nFrom x\n',
             b'a: b\n\n\xff\xfeserial 5.\n']
    test_arrival_date = None

    def test_flags_and_deletions(self):
        self.imap_pair()
        s = self.fill(self.far, 'INBOX', 12, 'S')
        self.sync()
        self.near.flag(self.one(self.near, s[0]), add='R', remove='S')
        self.near.delete(self.one(self.near, s[1]))
        self.near.delete(self.one(self.near, s[2]))
        self.far.delete(self.one(self.far, s[3]))
        self.near.flag(self.one(self.near, s[4]), add='T')
        self.far.flag(self.one(self.far, s[5]), add='T')
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), [s[0]] + s[6:])
        self.assertEqual(self.one(self.far, s[0]).flags, frozenset('R'))


class TwoAccounts(Account):
    def between(self, a, b):
        self.pair(far=self.account(a), near=self.account(b))
        self.far.create('work/2026')
        self.near.create('Entwürfe')
        s = self.fill(self.far, 'work/2026', 20, 'S') + self.fill(self.near, 'Entwürfe', 20)
        self.far.deliver('INBOX', message(1000), 'S', date='"14-Jul-2017 02:40:00 +0000"')
        if 'cyrus' in (a, b):
            self.sync()             # Cyrus made `work` as well: that is news for the other side
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), s + [1000])
        self.assertIn('14-Jul-2017 02:40:00', self.near.date(self.one(self.near, 1000)))
        self.far.delete(self.one(self.far, s[0]))
        self.near.flag(self.one(self.near, s[1]), add='F')
        self.near.move(self.one(self.near, s[2]), 'INBOX')
        self.sync_twice()

    def test_dovecot_and_cyrus(self):
        self.between('dovecot', 'cyrus')

    def test_poor_and_dovecot(self):
        self.between('poor', 'dovecot')

    def test_random_work(self):
        seed = SEED or 77
        self.pair(far=self.account('dovecot'), near=self.account('cyrus'))
        self.sync()
        world = World(self, [self.far, self.near], seed, expunge=True)
        for _ in range(5):
            world.steps(20)
            world.answer()
            self.sync()
            world.check()
        self.sync_twice()


class Words(Account):
    """Exit codes and words that help."""

    def config_for(self, account, password='secret'):
        near = self.near = self.maildir('near')
        self.write_config(f'IMAPAccount x\n{account}\nUser someone\nPass {password}\n\nIMAPStore far\nAccount x\n\n' +
                          near.store('near') + 'Channel c\nFar :far:\nNear :near:\nPatterns *\n')

    def test_wrong_password_77(self):
        self.config_for(f'Host 127.0.0.1\nPort {server("dovecot").port}\nTLSType None\nAuthMechs LOGIN', 'wrong')
        run = self.sync(code=77)
        self.assertNotIn('wrong', run.out + run.err.replace('wrong password', ''))

    def test_unknown_authority_77(self):
        self.config_for(f'Host localhost\nPort {server("dovecot").tls_port}\nTLSType IMAPS')
        run = self.sync(code=77)
        self.assertIn('CertificateFile', run.err)

    def test_wrong_host_name_77(self):
        with Dovecot(certificate=authority().certificate(('DNS:mail.example.org',))) as other:
            self.config_for(f'Host localhost\nPort {other.tls_port}\nTLSType IMAPS\n'
                            f'CertificateFile "{authority().ca}"')
            run = self.sync(code=77)
        self.assertIn('mail.example.org', run.err)
        self.assertIn('localhost', run.err)

    def test_expired_certificate_77(self):
        with Dovecot(certificate=authority().certificate(days=-1)) as other:
            self.config_for(f'Host localhost\nPort {other.tls_port}\nTLSType IMAPS\n'
                            f'CertificateFile "{authority().ca}"')
            run = self.sync(code=77)
        self.assertIn('expired', run.err)

    def test_closed_port_75(self):
        self.config_for(f'Host 127.0.0.1\nPort {free_port()}\nTLSType None')
        run = self.sync(code=75)
        self.assertIn('refused', run.err.lower())

    def test_tls_and_starttls(self):
        s = server('dovecot')
        for kind, port in (('IMAPS', s.tls_port), ('STARTTLS', s.port)):
            self.config_for(f'Host localhost\nPort {port}\nTLSType {kind}\nCertificateFile "{s.ca}"')
            self.sync()
            self.sync()

    def test_mechanisms(self):
        s = server('dovecot')
        for name in ('PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256'):
            with self.subTest(name):
                self.config_for(f'Host localhost\nPort {s.tls_port}\nTLSType IMAPS\nCertificateFile "{s.ca}"\n'
                                f'AuthMechs {name}')
                self.sync()

    def test_password_command(self):
        s = server('dovecot')
        mark = os.path.join(self.dir, 'asked')
        self.config_for(f'Host 127.0.0.1\nPort {s.port}\nTLSType None\nAuthMechs LOGIN')
        with open(self.config) as f:
            text = f.read().replace('Pass secret', f'PassCmd "echo x >>{mark}; echo secret"')
        self.write_config(text)
        self.sync()
        self.assertEqual(open(mark).read(), 'x\n')              # once per account and run


class Meanwhile(Account):
    """Things that happen on a server while nobody looks, or while somebody does."""

    def test_index_rebuilt_under_us(self):
        """R2: HIGHESTMODSEQ falls, UIDVALIDITY stays; a flag and an expunge hide behind it."""
        with Dovecot(mail='maildir') as own:
            self.pair(far=ImapSide(own, 'alice'))
            s = self.fill(self.far, 'INBOX', 40, 'S')
            for n in s[:15]:
                self.far.flag(self.one(self.far, n), add='F')
            self.sync()

            def rebuild():
                top = own.mail_dir('alice')
                for folder, _, files in os.walk(top):
                    for file in files:
                        if file.startswith('dovecot.index'):
                            os.unlink(os.path.join(folder, file))
                        elif file.endswith(':2,S') and not hit:
                            hit.append(file)
                            os.rename(os.path.join(folder, file), os.path.join(folder, file[:-1] + 'RS'))
            hit = []
            own.restart(rebuild)
            self.far.again()
            self.sync_twice()
            self.assertEqual(len(self.near.messages('INBOX')), 40)

    def test_server_that_changes_what_it_is_given(self):
        """Cyrus stores 8-bit headers as X: the twins differ, are known as twins, and nothing goes to and fro."""
        with Cyrus(munge=True) as own:
            self.pair(far=ImapSide(own, 'alice'))
            for i in range(30):
                self.near.deliver('INBOX', b'X-Latin: caf\xe9\n' + message(i), 'S')
            self.sync_twice(twins=False)
            self.assertEqual(len(self.far.messages('INBOX')), 30)
            self.near.flag(self.one(self.near, 3), add='F')
            self.far.delete(self.one(self.far, 4))
            self.sync_twice(twins=False)
            self.assertIn('F', self.one(self.far, 3).flags)
            self.assertEqual(len(self.near.messages('INBOX')), 29)

    def test_other_clients_at_work(self):
        """Other connections add, flag and remove while the program runs."""
        self.imap_pair()
        s = self.fill(self.far, 'INBOX', 60, 'S')
        self.sync()
        for n in range(6):
            p = self.spawn('-a')
            fresh = []
            while p.poll() is None:
                fresh += self.fill(self.far, 'INBOX', 1)
                found = self.far.messages('INBOX')
                self.far.flag(found[n], add='F')
            self.finish(p, (0, 1))
            self.far.delete(self.one(self.far, s[20 + n]))       # not the oldest: that is what a window looks like
            self.sync_twice()
            self.assertTrue(set(fresh) <= set(serials(self.near)))

    def test_large_message_does_not_enter_memory(self):
        self.imap_pair()
        self.binary = program('MAILTWIN_FAST')
        self.far.deliver('INBOX', message(1, size=60_000_000), 'S')
        self.near.deliver('INBOX', message(2, size=60_000_000), 'S')
        out = os.path.join(self.dir, 'rss')
        done = subprocess.run(['python3', '-c', 'import resource,subprocess,sys;'
                               'c=subprocess.run(sys.argv[2:]).returncode;'
                               'open(sys.argv[1],"w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss));'
                               'sys.exit(c)', out, self.binary, '-c', self.config, '-a'],
                              env=self.environment(), cwd=self.dir, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_twins()
        self.assertLess(int(open(out).read()), 40_000)          # kB
    test_large_message_does_not_enter_memory.weight = 5

    def test_valgrind(self):
        self.imap_pair()
        self.fill(self.far, 'INBOX', 10)
        self.fill(self.near, 'INBOX', 10, 'S')
        for _ in range(2):
            done = subprocess.run(['valgrind', '-q', '--error-exitcode=98', '--leak-check=full',
                                   '--errors-for-leak-kinds=definite', '--child-silent-after-fork=yes',
                                   program('MAILTWIN_FAST'), '-c', self.config, '-a'],
                                  env=self.environment(), cwd=self.dir, capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.far.delete(self.far.messages('INBOX')[0])
            self.near.flag(self.near.messages('INBOX')[2], add='F')
        self.sync_twice()
    test_valgrind.weight = 5


class Line(Account):
    """What travels: bytes and turns of the talk, counted by the line."""

    def through(self, line):
        self.write_config(f'{self.far.store("far", port=line.port)}\n{self.near.store("near")}\n'
                          'Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n')

    def test_counts_of_a_run_without_work(self):
        self.imap_pair()
        for i in range(30):
            self.far.create(f'box{i}')
        self.fill(self.far, 'INBOX', 300, 'S')
        with Delay(self.far.server.port) as line:
            self.through(line)
            self.sync()
            self.sync()
            line.reset()
            self.sync()
            stats = line.stats()
        self.assertLess(stats['up'] + stats['down'], 15_000, stats)


class Alone(Case):
    def test_no_server_is_needed_to_check_a_configuration(self):
        self.write_config('IMAPAccount a\nHost nowhere.invalid\nUser u\nPassCmd false\n\nIMAPStore far\nAccount a\n\n'
                          f'MaildirStore near\nPath "{self.dir}/m/"\nInbox "{self.dir}/m/INBOX"\n\n'
                          'Channel c\nFar :far:\nNear :near:\n')
        run = self.mailtwin('check-config')
        self.assertIn('nowhere.invalid', run.out)
