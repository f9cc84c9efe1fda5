"""Lines of a server that nobody can read: each concerns its mailbox alone, which is named; all others are synchronised."""
import itertools

from scripted import Session
from test_scripted import Told

POOR = ['QRESYNC', 'CONDSTORE', 'LIST-STATUS', 'ESEARCH']


class Altered(Told):
    """`self.alter(f)`: f(session, text) is put in the place of what the server is about to say to mailtwin."""

    def alter(self, change):
        send, server = Session.send, self.server

        def altered(session, data):
            if session.server is server and session.user != 'tester':
                text = change(session, data.decode('latin-1') if isinstance(data, bytes) else data)
                data = text.encode('latin-1')
            return send(session, data)
        Session.send = altered
        self.addCleanup(setattr, Session, 'send', send)

    def four(self, without=()):
        """Four mailboxes with two messages each, `bad` among them; the serials of all but that."""
        self.start(without=without)
        good = []
        for name in ('INBOX', 'a', 'bad', 'z'):
            if name != 'INBOX':
                self.server.create(name)
            made = self.put(2, name)
            good += made if name != 'bad' else []
        return good

    def good(self):
        return sorted(self.near_serials('INBOX') + self.near_serials('a') + self.near_serials('z'))

    def near_serials(self, name):
        return [m.serial for m in self.near.messages(name)] if name in self.near.boxes() else []

    def is_bad(self, session):
        return session.box is not None and session.box is session.server.boxes.get('bad')


class Unreadable(Altered):
    def test_keywords(self):
        """What breaks the grammar of a FETCH: at first sight, and in a mailbox that is known."""
        for keyword in ('a"b', '(', 'x)y', 'a\0b'):
            with self.subTest(keyword=keyword):
                self.setUp()
                good = self.four()
                self.box('bad').mails[0].flags = {keyword}
                run = self.sync(code=1)
                self.assertIn('mailbox bad is left out', run.err)
                self.assertEqual(len(run.err.splitlines()), 1, run.err)
                self.assertEqual(self.good(), sorted(good))
                self.assertEqual(self.near_serials('bad'), [])
                self.box('bad').mails[0].flags = {'\\Flagged'}
                self.sync_twice()
                self.assertEqual(len(self.near_serials('bad')), 2)
                self.box('bad').mails[1].flags = {keyword}
                self.box('bad').modseq += 1
                self.box('bad').mails[1].modseq = self.box('bad').modseq
                self.box('bad').drop({self.box('bad').mails[0].uid})
                self.box('a').drop({self.box('a').mails[0].uid})
                self.assertIn('mailbox bad is left out', self.sync(code=1).err)
                self.assertEqual(len(self.near_serials('bad')), 2)
                self.assertEqual(len(self.near_serials('a')), 1)

    def test_poor_server(self):
        good = self.four(without=POOR)
        self.box('bad').mails[1].flags = {'a"b'}
        self.assertIn('mailbox bad is left out', self.sync(code=1).err)
        self.assertEqual(self.good(), sorted(good))
        self.box('bad').mails[1].flags = set()
        self.sync_twice()

    def test_many_lines(self):
        """More of them than remarks may come without an answer."""
        self.four()
        for _ in range(11000):
            self.box('bad').add(b'Subject: x\r\n\r\n', ['a"b'])
        self.assertIn('mailbox bad is left out', self.sync(code=1).err)
        self.assertEqual(len(self.good()), 6)

    def test_numbers_of_a_mailbox(self):
        """UIDs beyond 32 bits, counts beyond them, sets that are none."""
        odd = (('* 2 EXISTS', '* 99999999999 EXISTS'), ('UID 2', 'UID 19876543210'), ('[UIDNEXT 3]', '[UIDNEXT 4294967299]'),
               ('RFC822.SIZE ', 'RFC822.SIZE 9999999999999999999'), ('* FLAGS (', '* FLAGS (a"b'), ('* 1 FETCH', '* 0 FETCH'))
        for (old, new), without in itertools.product(odd, ((), POOR)):
            with self.subTest(new=new, without=without):
                self.setUp()
                good = self.four(without)
                self.alter(lambda session, text: text.replace(old, new) if self.is_bad(session) else text)
                run = self.sync(code=1)
                self.assertIn('mailbox bad is left out', run.err)
                self.assertEqual(self.good(), sorted(good))
                self.assertEqual(self.near_serials('bad'), [])

    def test_no_end_can_be_told(self):
        """A literal that lies, a line and a literal beyond all bounds: the session is opened anew, without that mailbox."""
        for new, without in itertools.product(('* 1 FETCH (BODY[] {4}\r\nbody of it\r\n)\r\n* 1 FETCH (', '* 1 FETCH (X ' + 'y' * 1500000 + ' ',
                                               '* 1 FETCH (BODY[] {99999999999}\r\n'), ((), POOR)):
            with self.subTest(new=new[:30], without=without):
                self.setUp()
                good = self.four(without)
                self.alter(lambda session, text: text.replace('* 1 FETCH (', new) if self.is_bad(session) else text)
                for _ in range(2):
                    run = self.sync(code=1)
                    self.assertEqual(len(run.err.splitlines()), 1, run.err)
                    self.assertIn('bad: ', run.err)
                self.assertEqual(self.good(), sorted(good))
                self.assertEqual(self.near_serials('bad'), [])

    def test_uidvalidity_of_64_bits(self):
        """Milliseconds, and more: kept, told apart, and planned against."""
        for without in ((), POOR, ['LIST-STATUS']):
            with self.subTest(without=without):
                self.setUp()
                self.start(without=without)
                for i, name in enumerate(('INBOX', 'a', 'b')):
                    if i:
                        self.server.create(name)
                    self.box(name).uidvalidity = (1712345678901, (1 << 32) + 1, (1 << 64) - 9)[i]
                    self.put(3, name)
                s = [m.serial for m in self.far.messages('INBOX')]
                n = self.fill(self.near, 'INBOX', 1)
                self.sync_twice()
                self.near.flag(self.one(self.near, s[0]), add='F')
                self.near.delete(self.one(self.near, s[1]))
                self.near.move(self.one(self.near, n[0]), 'a')
                self.sync_twice()
                self.assertEqual(self.box().mails[0].flags, {'\\Seen', '\\Flagged'})
                self.assertEqual((len(self.box().mails), len(self.box('a').mails)), (2, 4))
                # Another one, which differs in the upper half alone: paired anew, nothing is deleted or doubled.
                self.box().uidvalidity += 1 << 32
                self.box().mails.pop()
                run = self.sync('-a', '-V')
                self.assertIn('rebuilt or replaced', run.out + run.err)
                self.sync_twice()
                self.assertEqual(len(self.box().mails), 2)

    def test_status(self):
        """A STATUS that cannot be read says nothing: the mailbox is selected."""
        for without in ((), POOR):
            with self.subTest(without=without):
                self.setUp()
                good = self.four(without=without)
                self.alter(lambda session, text: text.replace('STATUS "bad" (MESSAGES 2', 'STATUS "bad" (MESSAGES -2').replace(
                    'STATUS "a" (MESSAGES', 'STATUS "a" ("MESSAGES'))
                self.sync_twice()
                self.assertEqual(self.good(), sorted(good))
                self.assertEqual(len(self.near_serials('bad')), 2)

    def test_status_of_what_is_not_wanted(self):
        """Patterns leave it out: it is not asked for, by whatever command, and no matter what it says."""
        for without in (['LIST-STATUS'], ['LIST-EXTENDED'], ['QRESYNC', 'CONDSTORE'], ()):
            for patterns, odd in (('INBOX a z', ()), ('* !bad', ('100%', 'st*r', 'q"uote'))):
                with self.subTest(without=without, patterns=patterns):
                    self.setUp()
                    self.four(without=without)
                    for name in odd:
                        self.server.create(name)
                        self.put(1, name)
                    with open(self.config) as f:
                        text = f.read().replace('Patterns *', f'Patterns {patterns}')
                    with open(self.config, 'w') as f:
                        f.write(text)
                    self.alter(lambda session, text: text.replace('STATUS "bad" (', 'STATUS "bad" (UIDNEXT 99999999999 ('))
                    self.sync_twice(twins=False)
                    self.server.create('later', attributes='\\All')
                    self.put(2, 'later')
                    self.put(1, 'a')
                    self.sync_twice(twins=False)
                    asked = [words[0] for _, verb, words in self.server.seen if verb in ('SELECT', 'EXAMINE')]
                    self.assertNotIn('bad', asked + self.server.statuses)
                    if odd:
                        self.assertEqual(self.near.boxes(), sorted(['INBOX', 'a', 'later', 'z', *odd]))
                    else:
                        self.assertNotIn('later', asked + self.server.statuses)
                        self.assertEqual(self.near.boxes(), ['INBOX', 'a', 'z'])
                    self.assertEqual(len(self.near.messages('a')), 3)

    def test_list(self):
        """R6: nobody knows which mailbox that is, so none is missing. What is listed is synchronised."""
        for old, new in (('"/" "bad"', '"//" "bad"'), ('LIST () "/" "bad"', 'LIST ("/" "bad'), ('LIST () "/" "bad"', 'LIST () "/"')):
            with self.subTest(new=new):
                self.setUp()
                good = self.four()
                self.sync_twice()
                good += self.put(1, 'z')
                self.alter(lambda session, text: text.replace(old, new))
                run = self.sync(code=1)
                self.assertIn('a mailbox is left out, and none counts as removed', run.err)
                self.assertEqual(self.good(), sorted(good))
                self.assertEqual(len(self.near_serials('bad')), 2)
                self.sync(code=1)
                self.assertNotIn('CREATE', self.server.verbs())
                self.assertNotIn('DELETE', self.server.verbs())

    def test_flags_nil(self):
        self.four()
        self.alter(lambda session, text: text.replace('* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)', '* FLAGS NIL'))
        self.sync_twice()
        self.assertEqual(len(self.good()), 6)
