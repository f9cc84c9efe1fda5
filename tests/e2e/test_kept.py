"""What a server keeps of what goes with a message: no keyword, flag or date holds mail back, and what is dropped on arrival
is set, not taken off on the other side (R14)."""
import os
import re
import shutil

from accounts import Account
from lib import ImapSide, message
from scripted import CUT, Box, Scripted, Session
from test_scripted import Told

POOR = ['QRESYNC', 'CONDSTORE', 'LIST-STATUS', 'ESEARCH', 'UIDPLUS', 'MOVE', 'LITERAL+']


def flags_in(words):
    """All flags of a command."""
    out = set()
    for w in words:
        if isinstance(w, list):
            out |= set(w)
    return out


class Stored(Told):
    """`self.refuse(words, answer)`: the server answers so to each APPEND and UID STORE with one of these flags.
    `self.drop(verbs)`: what arrives by these commands arrives without the flags `self.dropped` (all of them if None)."""

    dropped = None

    def refuse(self, words, answer='NO not that one', verbs=('APPEND', 'UID STORE')):
        def fault(session, verb, args):
            if verb in verbs and flags_in(args) & set(words):
                return '{tag} ' + answer + '\r\n'
        self.server.fault = fault

    def drop(self, verb):
        do, server = getattr(Session, 'do_' + verb), self.server

        def dropping(session, words, *more):
            was = {n: {m.uid for m in b.mails} for n, b in server.boxes.items()}
            end = do(session, words, *more)
            if session.server is server and session.user != 'tester':
                for n, b in server.boxes.items():
                    for m in b.mails:
                        if m.uid not in was.get(n, set()):
                            m.flags = set() if self.dropped is None else m.flags - set(self.dropped)
            return end
        setattr(Session, 'do_' + verb, dropping)
        self.addCleanup(setattr, Session, 'do_' + verb, do)

    def keywords(self):
        """Both sides keep any: another account is the near one."""
        self.other = Scripted(without=self.without)
        self.other.__enter__()
        self.addCleanup(self.other.__exit__)
        return ImapSide(self.other, 'ben')

    def two(self, without=(), **kw):
        """Two accounts: the far one is `self.server`, the near one `self.other`."""
        self.without = without
        near = self.keywords()
        self.addCleanup(near.close)
        self.start(near=near, without=without, **kw)

    def put_near(self, flags, date=None):
        self._serial += 1
        self.other.boxes['INBOX'].add(message(self._serial).replace(b'\n', b'\r\n'), flags, date)
        return self._serial

    def mail(self, server, serial):
        found = [m for m in server.boxes['INBOX'].mails if re.search(rb'serial %d\b' % serial, m.data)]
        self.assertEqual(len(found), 1)
        return found[0]

    def flags(self, server, serial):
        return self.mail(server, serial).flags

    def asked(self, word):
        return [verb for _, verb, words in self.server.seen if verb in ('APPEND', 'UID STORE') and word in flags_in(words)]


class Refused(Stored):
    def test_keyword_of_a_new_message(self):
        """By NO and by BAD, by a code that names limits; with others, and alone."""
        for answer in ('NO not that one', 'BAD what is this', 'NO [LIMIT] too many', 'NO [CANNOT] never'):
            for without in ((), POOR):
                with self.subTest(answer=answer, without=without):
                    self.setUp()
                    self.two(without)
                    s = [self.put_near(['\\Seen', 'fine', 'GROUP:7', '\\Flagged']), self.put_near(['\\Seen']),
                         self.put_near(['GROUP:7'])]
                    self.refuse(['GROUP:7'], answer)
                    run = self.sync(code=0)
                    self.assertEqual(run.err.count('GROUP:7'), 1, run.err)
                    self.assertEqual(self.flags(self.server, s[0]), {'\\Seen', 'fine', '\\Flagged'})
                    self.assertEqual([self.flags(self.server, x) for x in s[1:]], [{'\\Seen'}, set()])
                    self.server.seen.clear()
                    run = self.sync(code=0)
                    self.assertNotIn('GROUP:7', run.err)
                    self.sync(code=0)
                    self.assertEqual(self.asked('GROUP:7'), [])
                    self.assertEqual([self.flags(self.other, x) for x in s], [{'\\Seen', 'fine', 'GROUP:7', '\\Flagged'}, {'\\Seen'}, {'GROUP:7'}])
                    # Others are still carried, both ways, and it stays what it is.
                    self.other.boxes['INBOX'].mails[0].flags |= {'later'}
                    self.other.boxes['INBOX'].modseq += 1
                    self.other.boxes['INBOX'].mails[0].modseq = self.other.boxes['INBOX'].modseq
                    self.sync(code=0)
                    self.assertEqual(self.flags(self.server, s[0]), {'\\Seen', 'fine', '\\Flagged', 'later'})
                    self.assertIn('GROUP:7', self.flags(self.other, s[0]))

    def test_many_messages_and_one_refused_keyword(self):
        """A group of a hundred that is refused for the sake of a few; and all of them have it the next time."""
        self.two(more=['MULTIAPPEND'])
        s = [self.put_near(['odd', '\\Seen'] if i % 10 == 0 else ['\\Seen']) for i in range(120)]
        self.refuse(['odd'])
        self.sync()
        self.assertEqual(len(self.box().mails), 120)
        self.assertEqual({frozenset(m.flags) for m in self.box().mails}, {frozenset({'\\Seen'})})
        s += [self.put_near(['odd']) for _ in range(50)]
        self.server.seen.clear()
        self.sync()
        self.assertEqual(len(self.box().mails), 170)
        self.assertEqual(self.asked('odd'), [])

    def test_keyword_set_later(self):
        """One of three that are set at once, and one that is taken off."""
        for answer in ('NO not that one', 'BAD what is this'):
            with self.subTest(answer=answer):
                self.setUp()
                self.two()
                s = self.put_near(['\\Seen'])
                self.sync()
                self.refuse(['odd'], answer)
                box = self.other.boxes['INBOX']
                box.mails[0].flags = {'fine', 'odd', '\\Flagged'}
                box.modseq += 1
                box.mails[0].modseq = box.modseq
                run = self.sync(code=0)
                self.assertIn('does not take odd', run.err)
                self.assertEqual(self.flags(self.server, s), {'fine', '\\Flagged'})
                self.server.seen.clear()
                self.assertEqual(self.sync(code=0).err, '')
                self.assertEqual(self.asked('odd'), [])
                self.assertEqual(self.flags(self.other, s), {'fine', 'odd', '\\Flagged'})

    def test_what_no_server_can_be_told(self):
        """By its syntax: nobody is asked."""
        for keyword in ('[Gmail]/Important', 'caf\xe9', 'a*b'):
            with self.subTest(keyword=keyword):
                self.setUp()
                self.two()
                s = [self.put_near(['\\Seen', keyword]), self.put_near([])]
                self.assertIn('does not take', self.sync(code=0).err)
                self.assertEqual(self.flags(self.server, s[0]), {'\\Seen'})
                box = self.other.boxes['INBOX']
                box.mails[1].flags = {keyword, '\\Flagged'}
                box.modseq += 1
                box.mails[1].modseq = box.modseq
                self.assertEqual(self.sync(code=0).err, '')
                self.assertEqual(self.flags(self.server, s[1]), {'\\Flagged'})
                self.assertEqual(self.flags(self.other, s[1]), {keyword, '\\Flagged'})

    def test_only_so_many(self):
        """A number per mailbox: those that fit are stored, whichever they are."""
        self.two()
        names = [f'k{i:02}' for i in range(30)]
        s = self.put_near(names)

        def fault(session, verb, args):
            if verb in ('APPEND', 'UID STORE'):
                there = {f for m in self.box().mails for f in m.flags if f[0] == 'k'}
                if len(there | {f for f in flags_in(args) if f[0] == 'k'}) > 20:
                    return '{tag} NO [LIMIT] too many keywords\r\n'
        self.server.fault = fault
        run = self.sync(code=0)
        self.assertIn('and 2 more', run.err)
        self.assertEqual(len(self.flags(self.server, s)), 20)
        self.server.seen.clear()
        self.assertEqual(self.sync(code=0).err, '')
        self.assertEqual(self.server.verbs().count('UID STORE'), 0)
        self.assertEqual(self.flags(self.other, s), set(names))

    def test_taken_after_all(self):
        """With --retry-failed; and where the server shows it."""
        for how in ('retry', 'shown'):
            with self.subTest(how=how):
                self.setUp()
                self.two()
                s = [self.put_near(['odd']), self.put_near(['\\Seen'])]
                self.refuse(['odd'])
                self.sync()
                self.server.fault = None
                self.sync()
                self.assertEqual(self.flags(self.server, s[0]), set())
                if how == 'retry':
                    self.sync('-a', '--retry-failed')
                else:
                    m = self.mail(self.server, s[1])
                    m.flags.add('odd')
                    self.box().modseq += 1
                    m.modseq = self.box().modseq
                    self.sync()
                    self.assertEqual(self.flags(self.other, s[1]), {'\\Seen', 'odd'})
                self.assertEqual(self.flags(self.server, s[0]), {'odd'})
                self.sync_twice()

    def test_a_server_that_refuses_all_has_no_opinion(self):
        """NO to every STORE is the day it has: an error, and all is set once it is over."""
        self.two()
        s = self.put_near([])
        self.sync()
        box = self.other.boxes['INBOX']
        box.mails[0].flags = {'odd', '\\Flagged'}
        box.modseq += 1
        box.mails[0].modseq = box.modseq
        self.server.fault = lambda session, verb, args: '{tag} NO try later\r\n' if verb == 'UID STORE' else None
        self.assertIn('try later', self.sync(code=1).err)
        self.server.fault = None
        self.sync_twice()
        self.assertEqual(self.flags(self.server, s), {'odd', '\\Flagged'})

    def test_a_flag_that_is_ignored(self):
        """OK, and nothing is done: an error once; in the second run it is one the server does not keep."""
        self.start()
        s = self.put(2, flags=())
        self.sync()
        store = Session.do_uid_store

        def ignoring(session, words):
            if session.user != 'tester' and '\\Flagged' in flags_in(words):
                words = [words[0], words[1], [f for f in words[2] if f != '\\Flagged']]
            return store(session, words)
        Session.do_uid_store = ignoring
        self.addCleanup(setattr, Session, 'do_uid_store', store)
        self.near.flag(self.one(self.near, s[0]), add='FRS')
        self.assertIn('did not make it', self.sync(code=1).err)
        self.assertEqual(self.box().mails[0].flags, {'\\Answered', '\\Seen'})
        self.assertIn('does not take \\Flagged', self.sync(code=0).err)
        self.server.seen.clear()
        self.assertEqual(self.sync(code=0).err, '')
        self.assertEqual(self.asked('\\Flagged'), [])
        self.assertEqual(self.one(self.near, s[0]).flags, frozenset('FRS'))
        self.near.flag(self.one(self.near, s[1]), add='FS')
        self.sync()
        self.assertEqual(self.box().mails[1].flags, {'\\Seen'})

    def test_dates(self):
        """Older than the server likes; any date at all."""
        for words, kept in (('before 1970', '" 1-Jan-1970 00:00:01 +0000"'), ('any', None)):
            for without in ((), POOR):
                with self.subTest(words=words, without=without):
                    self.setUp()
                    self.two(without)
                    s = [self.put_near(['\\Seen', 'fine'], '"25-Dec-1968 10:00:00 +0000"'), self.put_near([], '"25-Dec-2008 10:00:00 +0000"')]

                    def fault(session, verb, args):
                        if verb == 'APPEND' and any(isinstance(w, str) and (words == 'any' or '-196' in w) for w in args[1:]):
                            return '{tag} BAD Invalid date-time in Append command\r\n'
                    self.server.fault = fault
                    self.assertIn('arrival date', self.sync(code=0).err)
                    self.assertEqual([self.flags(self.server, x) for x in s], [{'\\Seen', 'fine'}, set()])
                    if kept:
                        self.assertEqual(sorted(m.date for m in self.box().mails), [kept, '"25-Dec-2008 10:00:00 +0000"'])
                    self.server.seen.clear()
                    self.sync_twice()
                    self.assertEqual(self.server.verbs().count('APPEND'), 0)

    def test_a_date_that_is_kept_otherwise(self):
        """Taken with OK, and another one shown: told nowhere, set nowhere, carried nowhere, and no other message by that."""
        add = Box.add
        self.addCleanup(setattr, Box, 'add', add)

        def later(box, data, flags=(), date=None):
            return add(box, data, flags, '"29-Nov-2026 08:00:00 +0000"' if box in self.server.boxes.values() else date)
        for without in ((), ('QRESYNC', 'CONDSTORE'), POOR):
            with self.subTest(without=without):
                self.setUp()
                self.two(without)
                sent = ['"25-Dec-2008 10:0%d:00 +0000"' % i for i in range(6)]
                s = [self.put_near(['\\Seen'], date) for date in sent]
                Box.add = later
                self.assertEqual(self.sync(code=0).err, '')
                self.assertEqual({m.date for m in self.box().mails}, {'"29-Nov-2026 08:00:00 +0000"'})
                self.sync_twice()
                self.assertEqual([m.date for m in self.other.boxes['INBOX'].mails], sent)
                self.assertEqual(self.server.verbs().count('APPEND') + self.other.verbs().count('APPEND'), len(s))
                # Deleted and moved there, under the eyes of R13; and it is the same mail once the base is lost.
                shutil.rmtree(self.state)
                self.assertIn('Paired: 6', self.sync('-a', '-V').out)
                self.near.delete(self.one(self.near, s[0]))
                self.far.delete(self.one(self.far, s[1]))
                self.near.create('Archive')
                self.near.move(self.one(self.near, s[2]), 'Archive')
                self.assertEqual(self.sync(code=0).err, '')
                self.sync_twice()
                for side in (self.far, self.near):
                    self.assertEqual(sorted((m.serial, m.box) for b in side.boxes() for m in side.messages(b)),
                                     sorted([(s[2], 'Archive')] + [(x, 'INBOX') for x in s[3:]]))
                self.assertEqual([m.date for m in self.other.boxes['INBOX'].mails], sent[3:])
                Box.add = add

    def test_a_files_date_that_is_kept_otherwise(self):
        """Nor is the file's own time touched."""
        self.start(channel='CopyArrivalDate yes\n')
        add = Box.add
        self.addCleanup(setattr, Box, 'add', add)
        Box.add = lambda box, data, flags, date=None: add(box, data, flags, '"29-Nov-2026 08:00:00 +0000"')
        self.near.deliver('INBOX', message(1), 'S', mtime=1_500_000_000)
        self.sync_twice()
        shutil.rmtree(self.state)
        self.assertIn('Paired: 1', self.sync('-a', '-V').out)
        self.sync_twice()
        path = os.path.join(self.near.box('INBOX'), self.one(self.near, 1).key)
        self.assertEqual(int(os.stat(path).st_mtime), 1_500_000_000)

    def test_a_message_that_is_refused_itself(self):
        """With and without all of that: it is the message, and no other waits for it."""
        self.two()
        s = [self.put_near(['fine', '\\Seen'], '"25-Dec-1968 10:00:00 +0000"'), self.put_near(['fine'])]

        def fault(session, verb, args):
            if verb == 'APPEND' and any(isinstance(w, bytes) and re.search(rb'serial %d\b' % s[0], w) for w in args):
                return '{tag} NO it is infected\r\n'
        self.server.fault = fault
        self.assertIn('it is infected', self.sync(code=1).err)
        self.assertEqual(len(self.box().mails), 1)
        self.assertEqual(self.flags(self.server, s[1]), {'fine'})


class Dropped(Stored):
    def test_at_an_append(self):
        """All flags, or some: set in the same run; the other side keeps its own."""
        for without in ((), POOR):
            for some in (None, ['\\Flagged', 'fine']):
                with self.subTest(without=without, some=some):
                    self.setUp()
                    self.two(without)
                    self.drop('append')
                    self.dropped = some
                    s = [self.put_near(['\\Seen', '\\Flagged', 'fine']), self.put_near([]), self.put_near(['\\Seen'])]
                    self.assertEqual(self.sync(code=0).err, '')
                    want = [{'\\Seen', '\\Flagged', 'fine'}, set(), {'\\Seen'}]
                    self.assertEqual([self.flags(self.server, x) for x in s], want)
                    self.assertEqual([self.flags(self.other, x) for x in s], want)
                    self.sync_twice()
                    self.assertEqual([self.flags(self.other, x) for x in s], want)

    def test_from_a_maildir(self):
        for without in ((), POOR):
            with self.subTest(without=without):
                self.setUp()
                self.start(without=without)
                self.drop('append')
                s = self.fill(self.near, 'INBOX', 5, 'FS')
                self.sync_twice()
                self.assertEqual({frozenset(m.flags) for m in self.box().mails}, {frozenset({'\\Seen', '\\Flagged'})})
                # What is changed from there on is a change.
                self.box().mails[0].flags.discard('\\Seen')
                self.box().modseq += 1
                self.box().mails[0].modseq = self.box().modseq
                self.near.flag(self.one(self.near, s[3]), remove='F')
                self.sync_twice()
                self.assertEqual(sorted(''.join(sorted(m.flags)) for m in self.near.messages('INBOX')), ['F', 'FS', 'FS', 'FS', 'S'])

    def test_at_a_move_and_a_copy(self):
        for without in ((), ['MOVE'], POOR):
            with self.subTest(without=without):
                self.setUp()
                self.start(without=without)
                self.server.create('Work')
                s = self.fill(self.near, 'INBOX', 4, 'FS')
                self.sync()
                self.drop('uid_copy')       # UID MOVE is one here, too
                self.near.move(self.one(self.near, s[0]), 'Work')
                self.near.copy(self.one(self.near, s[1]), 'Work')
                self.sync(code=0)
                self.sync_twice()
                self.assertEqual({m.flags for box in ('INBOX', 'Work') for m in self.near.messages(box)}, {frozenset('FS')})

    def test_killed_before_the_look(self):
        """Between the APPEND and the delta that shows what was kept; what changes meanwhile is known for what it is."""
        for without in ((), ['UIDPLUS']):
            for n in (1, 2):
                with self.subTest(without=without, n=n):
                    self.setUp()
                    self.start(without=without)
                    self.drop('append')
                    self.dropped = ['\\Flagged']
                    s = self.fill(self.near, 'INBOX', 3, 'FS')
                    seen = []

                    def after(session, verb, words):
                        if verb == 'APPEND':
                            seen.append(1)
                        # The closing delta: the connection is gone in each of its tries.
                        if len(seen) == 3 and verb == 'UID FETCH' and n == 1:
                            return CUT
                        if len(seen) == 3 and verb == 'SELECT' and n == 2:
                            return CUT
                    self.server.after = after
                    self.sync(code=(0, 1, 75))
                    self.server.after = None
                    self.near.flag(self.one(self.near, s[1]), remove='S')
                    self.sync(code=0)
                    self.sync_twice()
                    self.assertEqual([self.one(self.near, x).flags for x in s], [frozenset('FS'), frozenset('F'), frozenset('FS')])

    def test_costs_nothing(self):
        """A server that keeps what it gets is asked for nothing more."""
        self.two()
        [self.put_near(['\\Seen', 'fine']) for _ in range(5)]
        self.sync()
        self.assertEqual([v for v in self.server.verbs() if v in ('UID STORE', 'UID SEARCH')], [])
        self.assertEqual(self.server.verbs().count('SELECT'), 2)


class Real(Account):
    """The same on servers as they are."""

    def words(self, side, serial):
        return {w.lower() for w in self.one(side, serial).flags if len(w) > 1}

    def test_more_keywords_than_cyrus_takes(self):
        """A hundred in a mailbox: those that fit are stored, and no message waits."""
        self.pair(far=self.account('dovecot'), near=self.account('cyrus'))
        s = [self.fill(self.far, 'INBOX', 1, ['S'] + [f'w{i}x{k}' for k in range(30)])[0] for i in range(5)]
        run = self.sync(code=0)
        self.assertIn('does not take', run.err + run.out)
        kept = set()
        for serial in s:
            words = self.words(self.near, serial)
            self.assertLess(words, self.words(self.far, serial) | {'x'})
            self.assertIn('S', self.one(self.near, serial).flags)
            self.assertEqual(len(self.words(self.far, serial)), 30)
            kept |= words
        self.assertGreater(len(kept), 80)
        still = [self.far.still(), self.near.still()]
        self.assertEqual(self.sync(code=0).err, '')
        self.sync(code=0)
        self.assertEqual(still, [self.far.still(), self.near.still()])
        # And what comes later with such words.
        s += self.fill(self.far, 'INBOX', 3, ['F', 'w4x29', 'quite new'.split()[0]])
        self.sync(code=0)
        for serial in s[-3:]:
            self.assertIn('F', self.one(self.near, serial).flags)

    def test_a_date_that_cyrus_refuses(self):
        self.pair(far=self.account('dovecot'), near=self.account('cyrus'))
        self.far.deliver('INBOX', message(900), 'S', date='"25-Dec-1968 10:00:00 +0000"')
        self.far.deliver('INBOX', message(901), 'F', date='"25-Dec-1998 10:00:00 +0000"')
        self.sync_twice()
        self.assertIn('1998', self.near.date(self.one(self.near, 901)))

    def test_a_keyword_too_long_for_dovecot(self):
        """Fifty octets or so."""
        self.pair(far=self.account('cyrus'), near=self.account('dovecot'))
        long = 'k' * 90
        s = self.fill(self.far, 'INBOX', 2, ['S', long, 'fine']) + self.fill(self.far, 'INBOX', 2, ['fine'])
        run = self.sync(code=0)
        self.assertIn('does not take', run.err)
        for serial in s[:2]:
            self.assertEqual(self.words(self.near, serial), {'fine'})
            self.assertIn('S', self.one(self.near, serial).flags)
            self.assertEqual(self.words(self.far, serial), {'fine', long})
        self.far.flag(self.one(self.far, s[2]), add=[long, 'more'])
        self.sync(code=0)
        self.assertEqual(self.words(self.near, s[2]), {'fine', 'more'})
        still = [self.far.still(), self.near.still()]
        self.assertEqual(self.sync(code=0).err, '')
        self.sync(code=0)
        self.assertEqual(still, [self.far.still(), self.near.still()])
