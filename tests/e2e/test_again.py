"""Channels that stay open and are synchronised again and again (sync/channel.h), by a program of the tests: again.c."""
import collections
import os
import random
import subprocess

import lib
from accounts import Account
from lib import difference, find
from scripted import CUT, Scripted
from servers import Delay
import test_pop3
import test_scripted

Sync = collections.namedtuple('Sync', 'rc errors boxes memory descriptors')


class Open:
    """again.c at work."""

    def __init__(self, case, channels, name):
        program = os.path.join(os.path.dirname(lib.program(name)), 'again')
        if not os.path.exists(program):
            raise AssertionError(f'there is no {program}: run `make e2e`, which makes it')
        self.case, self.log = case, open(os.path.join(case.dir, 'again.log'), 'a+')
        self.process = subprocess.Popen([program, '-c', case.config, *channels], env=case.environment(), cwd=case.dir, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)

    def words(self):
        self.log.seek(0)
        return self.log.read()

    def sync(self, *news, channel='c', fails=False):
        """Of all mailboxes, or of those that have news."""
        self.process.stdin.write('\t'.join((channel, *news)) + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        self.case.assertEqual(len(answer), 5, f'again ended:\n{self.words()}')
        done = Sync(*map(int, answer))
        if not fails:
            self.case.assertEqual((done.rc, done.errors), (0, 0), self.words())
        return done

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        return self.process.returncode


class Opens(Account):
    def open(self, *channels, name='MAILTWIN'):
        made = Open(self, channels or ('c',), name)
        self.addCleanup(lambda: self.assertEqual(made.end(), 0, 'again broke'))
        return made


class Again(Opens):
    """Real servers and a Maildir, with mail programs at work between two syncs."""

    def logins(self, side):
        return side.server.words().count(f'Login: user=<{side.user}>')

    def work(self, rng, names):
        """A change that a person makes, on one side."""
        side, other = rng.sample([self.far, self.near], 2)
        box = rng.choice(names)
        mails = side.messages(box)
        act = rng.choice(['new', 'new', 'flag', 'delete', 'move']) if len(mails) > 2 else 'new'
        if act == 'new':
            self.fill(side, box, 1)
        elif act == 'flag':
            side.flag(rng.choice(mails), add=rng.choice('FRS'))
        elif act == 'delete':
            side.delete(rng.choice(mails))
        else:
            side.move(rng.choice(mails), rng.choice([n for n in names if n != box]))

    def days(self, kind, syncs, seed=1):
        """Random work, a sync after each change; both sides are the same in the end, and on the way."""
        self.near = self.maildir('near')
        self.imap_pair(kind=kind)
        names = ['INBOX', 'Work', 'Work/Old']
        for name in names[1:]:
            self.far.create(name)
        rng, c, done = random.Random(seed), self.open(), []
        c.sync()
        for i in range(syncs):
            self.work(rng, names)
            done.append(c.sync())
            if i % 25 == 24:
                self.assertEqual(difference(self.far, self.near), '')
        return done

    def test_poor_servers(self):
        for kind in ('no-qresync', 'no-condstore', 'poor', 'dots', 'cyrus', 'courier'):
            with self.subTest(kind):
                self.days(kind, 25)
                self.far = None
                self.tearDown()
                self.setUp()

    def one_connection(self):
        """Else a second one may be dialled while the first is at work, and is kept as well."""
        with open(self.config) as f:
            self.write_config(f.read().replace('AuthMechs LOGIN', 'AuthMechs LOGIN\nConnections 1'))

    def test_a_thousand_syncs_are_one_login(self):
        self.near = self.maildir('near')
        self.imap_pair()
        self.one_connection()
        names = ['INBOX', 'Work', 'Work/Old']
        for name in names[1:]:
            self.far.create(name)
        rng, c, done = random.Random(2), self.open(name='MAILTWIN_FAST'), [None]
        before = self.logins(self.far)
        for i in range(1000):
            self.work(rng, names)
            done.append(c.sync())
            if i % 100 == 99:
                self.assertEqual(difference(self.far, self.near), '')
        self.assertEqual(self.logins(self.far) - before, 1)
        self.assertLess(done[1000].memory - done[100].memory, 1000)
        self.assertLessEqual(done[1000].descriptors, done[100].descriptors)
    test_a_thousand_syncs_are_one_login.weight = 60

    def test_no_more_logins_than_connections(self):
        self.near = self.maildir('near')
        self.imap_pair()
        names = [f'b{i}' for i in range(6)]
        for name in names:
            self.far.create(name)
            self.near.create(name)
        c = self.open()
        before = self.logins(self.far)
        for n in range(10):
            for name in names:
                self.fill(self.far, name, 3, size=2000)
                self.fill(self.near, name, 3, 'S')
            c.sync()
            self.assertEqual(difference(self.far, self.near), '')
        self.assertIn(self.logins(self.far) - before, range(1, 5))

    def test_nothing_to_do_costs_no_memory(self):
        self.near = self.maildir('near')
        self.imap_pair()
        self.fill(self.far, 'INBOX', 200)
        c = self.open(name='MAILTWIN_FAST')
        done = [c.sync() for _ in range(1001)]
        self.assertLess(done[1000].memory - done[100].memory, 300)
        self.assertEqual(done[1000].descriptors, done[100].descriptors)

    def test_mailboxes_come_and_go(self):
        self.imap_pair()
        c = self.open()
        for side, other in ((self.far, self.near), (self.near, self.far)):
            side.create('New')
            self.fill(side, 'New', 3)
            c.sync()
            self.assertEqual(difference(self.far, self.near), '')
            side.rename('New', 'Other')
            self.fill(other, 'INBOX', 1)
            c.sync()
            self.assertEqual(difference(self.far, self.near), '')
            side.remove('Other')
            c.sync()
            self.assertEqual(self.far.boxes(), ['INBOX'])
            self.assertEqual(self.near.boxes(), ['INBOX'])

    def test_the_line_is_cut_between_two_syncs(self):
        far = self.account()
        with Delay(far.server.port) as line:
            port = line.port
            self.near = self.maildir('near')
            self.cut_pair(far, port)
            self.fill(far, 'INBOX', 3)
            self.one_connection()
            c = self.open()
            before = self.logins(far)
            c.sync()
        for n in range(3):
            with Delay(far.server.port, listen=port):
                self.fill(far, 'INBOX', 1)
                self.fill(self.near, 'INBOX', 1)
                c.sync()
                self.assertEqual(difference(far, self.near), '')
                self.assertEqual(self.logins(far) - before, n + 2)
                c.sync()
                self.assertEqual(self.logins(far) - before, n + 2)
        # Nobody is there: that sync fails, the next one does not.
        self.assertEqual(c.sync(fails=True).rc, -1)
        with Delay(far.server.port, listen=port):
            self.fill(far, 'INBOX', 1)
            c.sync()
            self.assertEqual(difference(far, self.near), '')

    def cut_pair(self, far, port):
        self.far = far
        self.write_config(f'{far.store("far", port=port)}\n{self.near.store("near")}\n'
                          'Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\n')

    def test_two_channels_share_a_session(self):
        far = self.account()
        one, two = self.maildir('one'), self.maildir('two')
        far.create('Lists/a')
        self.fill(far, 'INBOX', 3)
        self.fill(far, 'Lists/a', 4)
        account = far.store('far', account='Connections 1\n')
        self.write_config(f'{account}\n{one.store("one")}\n{two.store("two")}\n'
                          'Channel c\nFar :far:\nNear :one:\nPatterns * !Lists*\nCreate Near\n\n'
                          'Channel d\nFar :far:Lists/\nNear :two:\nPatterns *\nCreate Near\n')
        c = self.open('c', 'd')
        before = self.logins(far)
        for n in range(5):
            c.sync(channel='c')
            c.sync(channel='d')
            self.assertEqual(len(one.messages('INBOX')), 3 + n)
            self.assertEqual(len(two.messages('a')), 4 + n)
            self.fill(far, 'INBOX', 1)
            self.fill(far, 'Lists/a', 1)
            two.flag(two.messages('a')[0], add='F')
        self.assertEqual(self.logins(far) - before, 1)

    def test_a_sync_that_failed_is_not_the_next_ones_matter(self):
        """Errors of one sync are not those of the next one."""
        self.imap_pair()
        c = self.open()
        self.fill(self.near, 'INBOX', 1)
        c.sync()
        os.rename(self.near.path, self.near.path + '.away')
        self.assertNotEqual((lambda d: (d.rc, d.errors))(c.sync(fails=True)), (0, 0))
        os.rename(self.near.path + '.away', self.near.path)
        c.sync()
        self.assertEqual(difference(self.far, self.near), '')


class News(test_scripted.Told, Opens):
    """Only what has news is looked at, as a server sees it."""

    BOXES = [f'b{i}' for i in range(8)]

    def begin(self, **kw):
        self.start(**kw)
        for name in self.BOXES:
            self.server.create(name)
            self.put(2, name)
        c = self.open()
        c.sync()
        self.clear()
        return c

    def clear(self):
        self.server.seen.clear()
        self.server.statuses.clear()

    def verbs(self):
        return [v for _, v, _ in self.server.seen]

    def test_one_of_many(self):
        for without in [], ['LIST-STATUS'], ['QRESYNC', 'CONDSTORE']:
            with self.subTest(without=without):
                self.setUp()
                c = self.begin(without=without)
                for name in self.BOXES:
                    self.put(1, name)
                    self.near.flag(self.near.messages(name)[0], add='F')
                done = c.sync('b3')
                self.assertEqual(done.boxes, 1)
                self.assertEqual(set(self.server.statuses), {'b3'})
                for name in self.BOXES:
                    self.assertEqual(len(self.near.messages(name)), 3 if name == 'b3' else 2)
                    self.assertEqual(sum('\\Flagged' in m.flags for m in self.box(name).mails), name == 'b3')
                c.sync('b1', 'b5')
                self.assertEqual([len(self.near.messages(n)) for n in self.BOXES], [2, 3, 2, 3, 2, 3, 2, 2])
                # What was left is not forgotten.
                c.sync()
                self.assertEqual(difference(self.far, self.near), '')
                self.assertEqual(len(find(self.near, 1)), 1)

    def test_without_news_no_more_than_a_list(self):
        c = self.begin()
        c.sync('b2')
        self.assertEqual(self.verbs(), ['LIST', 'LIST'])      # the names of all, the STATUS of one

    def test_others_are_left_as_they_are(self):
        c = self.begin()
        self.far.rename('b0', 'c0')
        self.far.remove('b1')
        self.near.rename('b4', 'c4')
        self.near.remove('b5')
        self.box('b6').uidvalidity += 1
        self.server.create('more')
        self.put(1, 'more')
        self.put(1, 'b3')
        self.assertEqual(c.sync('b3').boxes, 1)
        self.assertEqual(self.near.boxes(), sorted({'INBOX', 'c4', *self.BOXES} - {'b4', 'b5'}))
        self.assertEqual(sorted(self.server.boxes), sorted({'INBOX', 'c0', 'more', *self.BOXES} - {'b0', 'b1'}))
        self.assertEqual(len(self.near.messages('b3')), 3)
        self.clear()
        c.sync()
        self.assertEqual(self.near.boxes(), sorted({'INBOX', 'c0', 'c4', 'more', *self.BOXES} - {'b0', 'b1', 'b4', 'b5'}))
        self.assertEqual(difference(self.far, self.near), '')
        # c0 went as it was.
        self.assertNotIn('c0', [w[0] for _, v, w in self.server.seen if v == 'APPEND'])

    def test_what_is_new_or_renamed_makes_it_all(self):
        c = self.begin()
        self.server.create('more')
        self.put(1, 'more')
        self.put(1, 'b7')
        self.assertEqual(c.sync('more').boxes, len(self.BOXES) + 2)
        self.assertEqual(difference(self.far, self.near), '')
        self.far.rename('b0', 'c0')
        self.clear()
        self.assertEqual(c.sync('b0').boxes, len(self.BOXES) + 2)
        self.assertEqual(difference(self.far, self.near), '')
        self.far.remove('b1')
        c.sync('b1')
        self.assertEqual(difference(self.far, self.near), '')
        self.box('b2').uidvalidity += 1
        c.sync('b2')
        self.assertEqual(difference(self.far, self.near), '')
        self.assertNotIn('APPEND', self.verbs())

    def test_a_move_is_followed(self):
        """One of its two mailboxes is named, the one that the message left."""
        c = self.begin()
        self.far.move(self.far.messages('b0')[0], 'b1')
        self.clear()
        c.sync('b0')
        self.assertEqual(difference(self.far, self.near), '')
        self.near.move(self.near.messages('b2')[0], 'b3')
        c.sync('b2')
        self.assertEqual(difference(self.far, self.near), '')
        self.assertNotIn('APPEND', self.verbs())
        self.assertFalse([w for _, v, w in self.server.seen if v == 'UID FETCH' and 'BODY.PEEK[]' in str(w)])


class Ends(test_scripted.Told, Opens):
    """Sessions between two syncs, by a server that does as it is told."""

    def test_said_good_bye(self):
        self.start(account='Connections 1\n')
        self.put(2)
        c = self.open()
        c.sync()
        sessions = []

        def fault(session, verb, words):
            sessions.append(session)
        self.server.fault = fault
        for n in range(3):
            self.put(1)
            c.sync()
            self.assertEqual(len(self.near.messages('INBOX')), 3 + n)
            sessions[-1].send('* BYE idle for too long\r\n')
            sessions[-1].sock.shutdown(2)
        self.assertEqual(len({n for n, _, _ in self.server.seen}), 3)

    def test_cut_at_the_first_command(self):
        """The line was dead, which shows when it is used: the session is another one by then, and the sync as good as any."""
        self.start(account='Connections 1\n')
        self.put(2)
        c = self.open()
        c.sync()
        cut = []

        def fault(session, verb, words):
            if verb == 'LIST' and session.number not in cut and not (cut and cut[-1] == session.number - 1):
                cut.append(session.number)
                return CUT
        self.server.fault = fault
        for n in range(3):
            self.put(1)
            c.sync()
            self.assertEqual(len(self.near.messages('INBOX')), 3 + n)
        self.assertTrue(cut)

    def test_no_mailbox_is_open_meanwhile(self):
        for without in [], ['UNSELECT'], ['UNSELECT', 'QRESYNC', 'CONDSTORE', 'UIDPLUS']:
            with self.subTest(without=without):
                self.setUp()
                self.start(without=without, account='Connections 1\n')
                with open(self.config) as f:
                    self.write_config(f.read().replace('Expunge Both', ''))
                self.put(4)
                c = self.open()
                c.sync()
                sessions = set()

                def fault(session, verb, words):
                    sessions.add(session)
                self.server.fault = fault
                for n in range(4):
                    self.near.flag(self.near.messages('INBOX')[n], add='F')
                    # A mark of somebody else's stays: a mailbox that is left so is not expunged.
                    self.box().mails[0].flags.add('\\Deleted')
                    self.box().modseq += 1
                    self.box().mails[0].modseq = self.box().modseq
                    c.sync()
                    self.assertEqual({s.box for s in sessions}, {None})
                    # Between two syncs what is said of mailboxes is nobody's.
                    for s in sessions:
                        s.send('* 1 EXPUNGE\r\n* 77 EXISTS\r\n* VANISHED 1:4\r\n* 2 FETCH (UID 3 FLAGS (\\Answered))\r\n')
                self.assertEqual(len(self.box().mails), 4)
                self.assertEqual(len(self.near.messages('INBOX')), 4)
                self.assertEqual(len({n for n, _, _ in self.server.seen}), 1)
                self.assertEqual(difference(self.far, self.near), '')


class Maildrops(test_pop3.Pop, Opens):
    def test_each_sync_has_a_session_of_its_own(self):
        """A maildrop is locked, and shown as it was at the login, as long as a session with it is open."""
        self.configure(more='LeaveOnServer no')
        c, all_made = self.open(), []
        for n in range(5):
            all_made += self.add(2)
            since = len(self.pop.seen)
            c.sync()
            self.assertEqual(self.serials(), all_made)
            verbs = self.pop.verbs(since)
            self.assertEqual((verbs.count('AUTH'), verbs.count('RETR'), verbs[-1]), (verbs.count('QUIT'), 2, 'QUIT'))
            c.sync()
            self.assertEqual(self.left(), [])
