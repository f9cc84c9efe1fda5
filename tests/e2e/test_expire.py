"""MaxMessages, ExpireUnread, ExpireSide: a mailbox keeps only so many messages on one side (P18), on whatever store; the other side keeps all."""
import os
import shutil
import subprocess

from accounts import Account
from handover import MBSYNC, Next, missing
from lib import Case, message


class Limit(Account):
    """`self.seen(side)` is what a side has: {number of the message: its flags}."""

    def fill(self, side, box, n, flags='', **kw):
        """In a Maildir named in the order in which they came."""
        made = []
        for _ in range(n):
            self._serial += 1
            side.deliver(box, message(self._serial, **kw), flags, file=f'{1700000000 + self._serial}.{self._serial}.host')
            made.append(self._serial)
        return made

    def limited(self, channel='MaxMessages 5\n', policy='Expunge Near\n', **kw):
        self.pair(channel, patterns='INBOX', policy=policy, **kw)

    def again(self, channel, policy='Expunge Near\n'):
        self.pair(channel, far=self.far, near=self.near, patterns='INBOX', policy=policy)

    def seen(self, side=None):
        return {m.serial: m.flags for m in (side or self.near).messages('INBOX')}

    def check(self, near, far=None, marked=(), side=None, other=None):
        """Those are on the side with the limit, `marked` of them \\Deleted, and stay so; the other side has all."""
        self.sync_twice(twins=False)
        found = self.seen(side or self.near)
        self.assertEqual(sorted(found), sorted(near))
        self.assertEqual(sorted(s for s in found if 'T' in found[s]), sorted(marked))
        found = self.seen(other or self.far)
        self.assertEqual(sorted(found), sorted(far or self.all()))
        self.assertNotIn('T', ''.join(str(f) for f in found.values()))

    def all(self):
        return range(1, self._serial + 1)


class Stories(Limit):
    def story(self, far=None, policy='Expunge Near\n'):
        """First sync, new mail, flags, a limit that is raised, lowered and taken away."""
        self.limited(policy=policy, far=self.account(far) if far else None)
        self.fill(self.far, 'INBOX', 20, 'S')
        self.far.flag(self.one(self.far, 2), add='F')
        self.far.flag(self.one(self.far, 3), remove='S')
        self.check([2, 3, 16, 17, 18, 19, 20])
        self.fill(self.far, 'INBOX', 2, 'S')
        self.check([2, 3, 18, 19, 20, 21, 22])
        # Read and unflagged on far, flagged on far where it is not on near any more, and answered on near while it goes.
        self.far.flag(self.one(self.far, 2), remove='F')
        self.far.flag(self.one(self.far, 3), add='S')
        self.far.flag(self.one(self.far, 10), add='F')
        self.near.flag(self.one(self.near, 18), add='R')
        self.fill(self.far, 'INBOX', 1, 'S')
        self.check([10, 19, 20, 21, 22, 23])
        self.assertIn('R', self.seen(self.far)[18])
        # What is new on near counts as well.
        self.fill(self.near, 'INBOX', 1, 'S')
        self.check([10, 20, 21, 22, 23, 24])
        self.again('MaxMessages 8\n', policy)
        self.check([10, 20, 21, 22, 23, 24])
        self.fill(self.far, 'INBOX', 2, 'S')
        self.check([10, 20, 21, 22, 23, 24, 25, 26])
        self.again('MaxMessages 3\n', policy)
        self.check([10, 24, 25, 26])
        self.again('', policy)
        self.check([10, 24, 25, 26])
        self.fill(self.far, 'INBOX', 3, 'S')
        self.check([10, 24, 25, 26, 27, 28, 29])
        # Deletions are deletions.
        self.near.delete(self.one(self.near, 25))
        self.again('MaxMessages 3\n', 'Expunge Both\n')
        self.check([10, 27, 28, 29], far=[s for s in self.all() if s != 25])

    def test_maildirs(self):
        self.story()

    def test_dovecot(self):
        self.story('dovecot')

    def test_without_condstore(self):
        self.story('no-condstore')

    def test_without_uidplus(self):
        self.story('poor')

    def test_cyrus(self):
        self.story('cyrus')

    def marked(self, far=None):
        """Without Expunge it is marked, and can be kept."""
        self.limited(policy='', far=self.account(far) if far else None)
        self.fill(self.far, 'INBOX', 5, 'S')
        self.check(range(1, 6))
        self.fill(self.far, 'INBOX', 4, 'S')
        self.check(range(1, 10), marked=[1, 2, 3, 4])
        self.far.flag(self.one(self.far, 1), add='F')
        self.near.flag(self.one(self.near, 2), add='F')
        self.far.flag(self.one(self.far, 3), add='R')
        self.check(range(1, 10), marked=[3, 4])
        self.assertEqual([''.join(sorted(self.seen()[s])) for s in (1, 2, 3)], ['FS', 'FS', 'RST'])
        self.far.flag(self.one(self.far, 1), remove='F')
        self.near.flag(self.one(self.near, 4), remove='S')
        self.check(range(1, 10), marked=[1, 3])
        # A person expunges what is marked.
        self.near.delete(self.one(self.near, 1))
        self.check(range(2, 10), marked=[3])
        self.again('', '')
        self.check(range(2, 10), marked=[3])
        self.again('', 'Expunge Near\n')
        self.check([2, 4, 5, 6, 7, 8, 9])

    def test_marked(self):
        self.marked()

    def test_marked_on_dovecot(self):
        self.marked('dovecot')

    def test_marked_on_cyrus(self):
        self.marked('cyrus')

    def on_far(self, kind=None):
        """ExpireSide Far: near is the archive."""
        self.limited('MaxMessages 5\nExpireSide Far\n', 'Expunge Far\n', far=self.account(kind) if kind else None)
        self.fill(self.far, 'INBOX', 8, 'S')
        self.check([4, 5, 6, 7, 8], side=self.far, other=self.near)
        self.fill(self.near, 'INBOX', 2, 'S')
        self.check([6, 7, 8, 9, 10], side=self.far, other=self.near)

    def test_far_maildirs(self):
        self.on_far()

    def test_far_dovecot(self):
        self.on_far('dovecot')

    def test_far_without_uidplus(self):
        self.on_far('poor')

    def test_far_cyrus(self):
        self.on_far('cyrus')

    def test_two_accounts(self):
        self.limited(far=self.account('dovecot'), near=self.account('cyrus'))
        self.fill(self.far, 'INBOX', 8, 'S')
        self.check([4, 5, 6, 7, 8])
        self.fill(self.far, 'INBOX', 2, 'S')
        self.check([6, 7, 8, 9, 10])


class Unread(Limit):
    def test_not_said(self):
        """Mbsync's third state: many unread messages beyond the limit, and nobody said what becomes of them."""
        self.limited()
        self.fill(self.far, 'INBOX', 10)
        for _ in range(2):
            run = self.sync(code=1)
            self.assertIn('5 unread messages are beyond MaxMessages 5', run.err)
            self.assertIn('ExpireUnread', run.err)
            self.assertEqual(self.seen(), {})
        self.again('MaxMessages 5\nExpireUnread no\n')
        self.check(self.all())
        self.again('MaxMessages 5\n')
        self.assertIn('5 unread messages', self.sync(code=1).err)
        self.assertIn('5 unread messages', self.sync(code=1).err)
        self.again('MaxMessages 5\nExpireUnread yes\n')
        self.check([6, 7, 8, 9, 10])

    def test_few(self):
        self.limited()
        self.fill(self.far, 'INBOX', 2)
        self.fill(self.far, 'INBOX', 8, 'S')
        self.check([1, 2, 6, 7, 8, 9, 10])

    def test_yes(self):
        self.limited('MaxMessages 5\nExpireUnread yes\n')
        self.fill(self.far, 'INBOX', 10)
        self.far.flag(self.one(self.far, 2), add='F')
        self.check([2, 6, 7, 8, 9, 10])

    def test_marked_unread_later(self):
        self.limited()
        self.fill(self.far, 'INBOX', 10, 'S')
        self.check([6, 7, 8, 9, 10])
        self.far.flag(self.one(self.far, 3), remove='S')
        self.check([3, 6, 7, 8, 9, 10])


class Cases(Limit):
    def test_no_deletion(self):
        """Neither guards nor the trash see it."""
        self.limited('MaxMessages 5\n', near_store='Trash Trash\n')
        self.fill(self.far, 'INBOX', 5, 'S')
        self.check(self.all())
        self.fill(self.far, 'INBOX', 100, 'S')
        self.check([101, 102, 103, 104, 105])
        self.assertNotIn('Trash', self.near.boxes())

    def test_plan_tells(self):
        self.limited('MaxMessages 5\n')
        self.fill(self.far, 'INBOX', 8, 'S')
        self.sync()
        self.fill(self.far, 'INBOX', 2, 'S')
        out = self.mailtwin('plan', '-a').out
        self.assertIn('expunge 2 (one of the oldest on far, beyond MaxMessages or MaxAge)', out)
        self.assertIn('copy 2', out)
        self.check([6, 7, 8, 9, 10])

    def test_state_lost(self):
        """What is there is paired, what is beyond stays away."""
        self.limited('MaxMessages 5\n')
        self.fill(self.far, 'INBOX', 12, 'S')
        self.check([8, 9, 10, 11, 12])
        shutil.rmtree(self.state)
        self.check([8, 9, 10, 11, 12])

    def test_adopted_beyond(self):
        """On both sides before the first run, and more than the limit."""
        self.limited('MaxMessages 5\n', far=self.account('dovecot'))
        for s in self.fill(self.far, 'INBOX', 12, 'S'):
            self.near.deliver('INBOX', self.far.data(self.one(self.far, s)), 'S')
        self.check([8, 9, 10, 11, 12])

    def test_many_at_once(self):
        """In slices."""
        self.limited('MaxMessages 50\n', globals_='')
        self.fill(self.far, 'INBOX', 6000, 'S')
        self.check(range(5951, 6001))
        self.fill(self.near, 'INBOX', 60, 'S')
        self.check(range(6011, 6061))

    def test_the_other_side_by_now(self):
        """What was let go on near is not let go on far, whatever the configuration says later."""
        for policy in ('Expunge Near\n', ''):
            with self.subTest(policy=policy):
                self.setUp()
                self.limited(policy=policy)
                self.fill(self.far, 'INBOX', 5, 'S')
                self.sync()
                self.fill(self.far, 'INBOX', 5, 'S')
                self.sync()
                self.again('MaxMessages 2\nExpireSide Far\n', 'Expunge Both\n')
                self.sync_twice(twins=False)
                self.assertEqual(sorted(set(self.seen()) | set(self.seen(self.far))), list(self.all()))

    def test_removed_mailbox(self):
        """A mailbox that is removed on near takes nothing away that near let go."""
        self.pair('MaxMessages 5\nMaxDelete none\n')
        self.far.create('Lists')
        self.fill(self.far, 'Lists', 12, 'S')
        self.sync()
        self.assertEqual(len(self.near.messages('Lists')), 5)
        self.near.remove('Lists')
        self.sync()
        self.assertEqual(sorted(m.serial for m in self.far.messages('Lists'))[:7], list(range(1, 8)))

    def test_pull_only(self):
        self.limited('MaxMessages 5\nSync Pull\n')
        self.fill(self.far, 'INBOX', 12, 'S')
        self.check([8, 9, 10, 11, 12])
        self.near.flag(self.one(self.near, 8), add='R')
        self.fill(self.far, 'INBOX', 2, 'S')
        self.check([10, 11, 12, 13, 14])

    def test_push_only_lets_nothing_go(self):
        self.limited('MaxMessages 5\nSync Push\n')
        self.fill(self.near, 'INBOX', 12, 'S')
        self.check(self.all())

    def test_old(self):
        """What was flagged before the limit came, in a state of mbsync, or while Sync said nothing of it."""
        self.limited('MaxMessages 5\nSync Pull\n')
        self.fill(self.far, 'INBOX', 12, 'S')
        self.check([8, 9, 10, 11, 12])
        self.again('MaxMessages 5\nSync Push\n')
        self.far.flag(self.one(self.far, 2), add='F')
        self.check([8, 9, 10, 11, 12])
        self.again('MaxMessages 5\nSync Pull\n')
        self.check([2, 8, 9, 10, 11, 12])


class BesideMbsync(Case):
    """The same scenes with mbsync on copies of the same Maildirs: the same messages with the same flags at both ends."""

    mbsync = MBSYNC
    is_next = False

    def setUp(self):
        super().setUp()
        if self.mbsync is None:
            self.skipTest(missing(self.is_next))
        self.ways = {}
        for way in ('mbsync', 'mailtwin'):
            home = os.path.join(self.dir, way)
            for side in ('far', 'near'):
                for sub in ('cur', 'new', 'tmp'):
                    os.makedirs(os.path.join(home, side, 'INBOX', sub))
            self.ways[way] = home
        self.n = 0

    def configure(self, channel):
        for home in self.ways.values():
            with open(os.path.join(home, 'rc'), 'w') as f:
                for side in ('far', 'near'):
                    f.write(f'MaildirStore {side}\nPath {home}/{side}/\nInbox {home}/{side}/INBOX\n\n')
                f.write(f'Channel c\nFar :far:\nNear :near:\nSyncState {home}/state-\n{channel}\n')

    def put(self, n=1, flags='S', side='far'):
        for _ in range(n):
            self.n += 1
            for home in self.ways.values():
                with open(f'{home}/{side}/INBOX/cur/{1700000000 + self.n}.{self.n}.host:2,{flags}', 'w') as f:
                    f.write(f'From: a@b\nSubject: serial {self.n}.\nMessage-ID: <{self.n}@host>\n\nserial {self.n}.\n')

    def files(self, way, side):
        found = {}
        for sub in ('cur', 'new'):
            top = f'{self.ways[way]}/{side}/INBOX/{sub}'
            for name in os.listdir(top):
                with open(f'{top}/{name}') as f:
                    found.setdefault(int(f.read().split('serial ')[1].split('.')[0]), []).append(f'{top}/{name}')
        return found

    def flag(self, side, n, flags):
        for way in self.ways:
            path, = self.files(way, side)[n]
            os.rename(path, f'{os.path.dirname(os.path.dirname(path))}/cur/{os.path.basename(path).split(":2,")[0]}:2,{flags}')

    def drop(self, side, n):
        for way in self.ways:
            os.unlink(self.files(way, side)[n][0])

    def picture(self, way):
        return {side: sorted((n, path.partition(':2,')[2]) for n, paths in self.files(way, side).items() for path in paths)
                for side in ('far', 'near')}

    def both(self, code=0, times=2):
        for _ in range(times):
            done = subprocess.run([self.mbsync, '-q', '-c', self.ways['mbsync'] + '/rc', 'c'], capture_output=True, text=True)
            self.assertEqual(done.returncode, code, done.stderr)
            self.mailtwin('-c', self.ways['mailtwin'] + '/rc', 'c', config=False, code=code)
        self.assertEqual(self.picture('mailtwin'), self.picture('mbsync'))

    def test_marked(self):
        self.configure('MaxMessages 3')
        self.put(8)
        self.flag('far', 2, 'FS')
        self.flag('far', 3, '')
        self.both()
        self.put()
        self.both()
        self.flag('near', 6, 'FST')
        self.both()
        self.flag('near', 6, 'S')
        self.both()
        self.configure('MaxMessages 6')
        self.both()
        self.put(2)
        self.both()
        self.configure('MaxMessages 2')
        self.both()
        self.flag('near', 8, 'S')
        self.both()
        self.flag('far', 7, 'RS')
        self.both()
        self.drop('near', 8)
        self.both()
        self.configure('Expunge Near\nMaxMessages 2')
        self.both()
        self.configure('Expunge Both')
        self.put(2)
        self.both()
        self.put(1, 'RS', 'near')
        self.both()
        self.configure('Expunge Both\nMaxMessages 4')
        self.both()

    def test_expunged(self):
        self.configure('MaxMessages 4\nExpunge Both')
        self.put(6)
        self.both()
        self.put(3)
        self.both()
        self.put(2, side='near')
        self.both()
        self.drop('near', 9)
        self.both()
        self.put(2, '')
        self.put(5)
        self.both()
        self.flag('far', 12, 'S')
        self.flag('near', 13, 'FS')
        self.both()
        self.flag('near', 13, 'S')
        self.drop('far', 14)
        self.both()

    def test_unread(self):
        self.configure('MaxMessages 3')
        self.put(10, '')
        self.both(code=1)
        self.configure('MaxMessages 3\nExpireUnread no')
        self.both()
        self.configure('MaxMessages 3\nExpireUnread yes')
        self.both()
        self.put(2, '')
        self.flag('far', 4, 'F')
        self.both()
        self.configure('MaxMessages 3\nExpireUnread no')
        self.put()
        self.both()

    def test_taken_over(self):
        """Mailtwin goes on where mbsync stopped; mbsync alone does the same."""
        for policy in ('', 'Expunge Near\n'):
            with self.subTest(policy=policy):
                self.setUp()
                self.configure(policy + 'MaxMessages 3')
                self.put(5)
                for home in self.ways.values():
                    subprocess.run([self.mbsync, '-q', '-c', home + '/rc', 'c'], check=True)
                self.put(3)
                for home in self.ways.values():
                    subprocess.run([self.mbsync, '-q', '-c', home + '/rc', 'c'], check=True)
                self.assertEqual(self.picture('mailtwin'), self.picture('mbsync'))
                self.both()
                self.put(2)
                self.both()
                if not policy:
                    self.flag('far', 4, 'FS')
                    self.both()
                    self.flag('near', 5, 'FST')
                    self.both()
                self.drop('near', 9)
                self.both()

    def test_given_back(self):
        """And mbsync goes on where mailtwin stopped."""
        for policy in ('', 'Expunge Near\n'):
            with self.subTest(policy=policy):
                self.setUp()
                self.configure(policy + 'MaxMessages 3')
                self.put(5)
                self.both()
                self.put(3)
                self.both()
                self.mailtwin('export-mbsync', '-c', self.ways['mailtwin'] + '/rc', 'c', config=False)
                for way in self.ways:
                    for _ in range(2):
                        subprocess.run([self.mbsync, '-q', '-c', self.ways[way] + '/rc', 'c'], check=True)
                self.assertEqual(self.picture('mailtwin'), self.picture('mbsync'))


class NextBesideMbsync(Next, BesideMbsync):
    pass
