"""Servers without CONDSTORE, NAMESPACE or UIDNEXT: Courier, GNU Mailutils, Dovecots that do not say what they can. What a run
costs there, and what they lack."""
import re

from accounts import Account
from lib import program, serials
from scripted import CUT, Session
from servers import Delay
from test_scripted import Told
from test_unreadable import Altered

PLAIN = ('no-condstore', 'no-namespace', 'courier', 'mailutils')


class Plain(Account):
    def read(self, run):
        """What a run with --debug=run was told of each mailbox of the far side: {mailbox: (kind, entries)}."""
        found = re.findall(r'far (\S+): (full list|changes), (\d+) entries', run.err)
        return {box: (kind, int(n)) for box, kind, n in found}

    def watch(self):
        return self.read(self.sync('-a', '--debug=run'))


class Nothing(Plain):
    """All flags are read in every run, and held against the base without one message being compared by itself."""

    def nothing(self, kind):
        self.imap_pair(kind=kind)
        for box in ('INBOX', 'a', 'b'):
            if box != 'INBOX':
                self.near.create(box)
            self.fill(self.near, box, 20, 'S')
        keeps_keywords = kind != 'mailutils'
        self.sync()
        self.sync()
        self.assertEqual(self.watch(), {box: ('changes', 0) for box in ('INBOX', 'a', 'b')})
        mails = self.far.messages('a')
        self.far.flag(mails[3], add='F')
        if keeps_keywords:
            self.far.flag(mails[4], add=['work'])
        self.assertEqual(self.watch(), {'INBOX': ('changes', 0), 'a': ('full list', 20), 'b': ('changes', 0)})
        self.assertIn('F', self.one(self.near, mails[3].serial).flags)
        self.assertEqual(self.watch(), {box: ('changes', 0) for box in ('INBOX', 'a', 'b')})
        # There and back: what is as it was is nothing new, what was taken off is.
        self.far.flag(mails[3], remove='F')
        if keeps_keywords:
            self.far.flag(mails[4], remove=['work'])
        self.far.flag(mails[5], add='F')
        self.far.flag(mails[5], remove='F')
        self.sync_twice()
        self.assertNotIn('F', self.one(self.near, mails[3].serial).flags)
        # As many as before, and others.
        self.far.delete(mails[6])
        self.fill(self.far, 'a', 1)
        self.sync_twice()
        self.assertEqual(len(self.near.messages('a')), 20)
        self.assertEqual(self.watch(), {box: ('changes', 0) for box in ('INBOX', 'a', 'b')})

    def test_dovecot(self):
        self.nothing('no-condstore')

    def test_dovecot_without_namespace(self):
        self.nothing('no-namespace')

    def test_courier(self):
        self.nothing('courier')

    def test_mailutils(self):
        self.nothing('mailutils')

    def test_a_change_of_ours_that_somebody_took_back(self):
        """The base knows what we wrote; a list as it was before that is a change."""
        for kind in ('no-condstore', 'courier'):
            with self.subTest(kind=kind):
                self.far = self.near = None
                self.setUp()
                self.imap_pair(kind=kind)
                s = self.fill(self.near, 'INBOX', 5, 'S')
                self.sync()
                self.sync()
                self.near.flag(self.one(self.near, s[2]), add='F')
                self.sync()
                self.far.flag(self.one(self.far, s[2]), remove='F')
                self.sync_twice()
                self.assertEqual(self.one(self.near, s[2]).flags, frozenset('S'))


class WithoutNamespace(Plain):
    """The delimiter is what LIST shows."""

    def nested(self, kind, store=''):
        self.imap_pair(kind=kind, far_store=store)
        self.far.create('work/2026/spring')
        self.fill(self.far, 'work/2026/spring', 2)
        self.near.create('home/garden')
        self.fill(self.near, 'home/garden', 2)
        self.fill(self.far, 'INBOX', 2)
        self.sync_twice()
        self.assertIn('home/garden', self.far.boxes())
        self.assertEqual(len(self.near.messages('work/2026/spring')), 2)
        self.far.remove('work/2026/spring')
        self.near.remove('home/garden')
        self.sync_twice()
        self.assertNotIn('home/garden', self.far.boxes())
        self.assertNotIn('work/2026/spring', self.near.boxes())

    def test_dovecot(self):
        self.nested('no-namespace')

    def test_courier(self):
        self.nested('courier-no-namespace', 'Path INBOX.\n')

    def test_nothing_but_inbox(self):
        """No name shows it yet: it is asked for alone."""
        for kind, store in (('no-namespace', ''), ('courier-no-namespace', 'Path INBOX.\n')):
            with self.subTest(kind=kind):
                self.far = self.near = None
                self.setUp()
                self.imap_pair(kind=kind, far_store=store)
                self.near.create('a/b')
                self.fill(self.near, 'a/b', 1)
                self.sync_twice()
                self.assertIn('a/b', self.far.boxes())


class Folders(Plain):
    def test_removed_in_the_maildir(self):
        """Courier tells no UIDNEXT at SELECT; a mailbox is removed as it was when it was read (R13) all the same."""
        self.imap_pair(kind='courier')
        for box in ('a', 'a/b', 'c'):
            self.near.create(box)
            self.fill(self.near, box, 3)
        self.fill(self.near, 'INBOX', 30)
        self.sync_twice()
        # The last one is gone: UIDNEXT is not told by what is left.
        self.far.delete(max(self.far.messages('c'), key=lambda m: m.key))
        self.sync_twice()
        self.near.remove('c')
        self.near.remove('a/b')
        self.sync_twice()
        self.assertEqual(self.far.boxes(), ['INBOX', 'a'])

    def test_new_mail_in_a_mailbox_to_be_removed_stays(self):
        self.imap_pair(kind='courier')
        self.fill(self.near, 'INBOX', 30)
        self.near.create('c')
        self.fill(self.near, 'c', 3)
        self.sync_twice()
        self.near.remove('c')
        new, = self.fill(self.far, 'c', 1)
        self.sync_twice()
        self.assertEqual([m.serial for m in self.far.messages('c')], [new])


class KeptUnderASecond(Told):
    """Cyrus keeps what is removed under a name that ends with the second it was: of two of one name in a second the later is
    refused, once."""

    def removed(self, refusals):
        self.start()
        self.put(30)
        self.server.create('c')
        self.put(2, 'c')
        self.sync_twice()
        self.near.remove('c')
        left = [refusals]

        def fault(_, verb, __):
            if verb == 'DELETE' and left[0] > 0:
                left[0] -= 1
                return '{tag} NO Mailbox already exists\r\n'
        self.server.fault = fault
        return self.sync(code=None)

    def test_once(self):
        run = self.removed(1)
        self.assertEqual((run.code, run.err), (0, ''))
        self.assertNotIn('c', self.server.boxes)
        self.sync_twice()

    def test_for_good(self):
        run = self.removed(100)
        self.assertEqual(run.code, 1)
        self.assertIn('Mailbox already exists', run.err)
        self.assertEqual(sum(verb == 'DELETE' for _, verb, _ in self.server.seen), 2)
        self.assertIn('c', self.server.boxes)


class Acknowledged(Plain):
    """Courier and imap4d write an answer in two parts, and send the second when the first is acknowledged: at once, and not
    after 40 ms. 60 answers make more than two seconds of that."""

    def short(self, kind, boxes=30):
        self.imap_pair(kind=kind)
        for i in range(boxes):
            self.far.create(f'box{i}')
        self.sync()
        self.sync()
        self.binary_fast()
        took = min(self.sync().took for _ in range(3))
        self.assertLess(took, 1)

    def binary_fast(self):

        self.binary = program('MAILTWIN_FAST')

    def test_courier(self):
        self.short('courier')

    def test_mailutils(self):
        self.short('mailutils', 12)


class SetsOfUids(Told):
    """To some servers (GNU Mailutils) a set of UIDs that names an expunged message is no set: BAD, and nothing done of it. It is
    asked again without that message, in the same run."""

    POOR = ['QRESYNC', 'CONDSTORE', 'ESEARCH', 'LIST-STATUS', 'OBJECTID', 'SEARCHRES']

    def strict(self, when=None, gone=None, without=()):
        """`gone` is expunged by somebody just before the first `when`; a set that names it is BAD from then on."""
        self.start(without=self.POOR + list(without))
        serials = self.put(6)
        self.server.create('Archive')
        self.put(1, 'Archive')
        self.sync()

        def fault(session, verb, words):
            box = session.box
            if verb == when and self.at is not None and box is self.box():
                box.mails = [m for m in box.mails if m.uid != self.at]
                self.at = None
            if verb in ('UID FETCH', 'UID STORE', 'UID COPY', 'UID MOVE', 'UID EXPUNGE') and '*' not in words[0]:
                there = {m.uid for m in box.mails}
                for part in words[0].split(','):
                    first, _, last = part.partition(':')
                    if there.isdisjoint(range(int(first), int(last or first) + 1)):
                        return '{tag} BAD Failed to parse message set\r\n'
        self.server.fault, self.at = fault, gone
        return serials

    def test_flags(self):
        s = self.strict('UID STORE', 3)
        for serial in s[:5]:
            self.near.flag(self.one(self.near, serial), add='F')
        self.sync()
        flagged = {m.uid for m in self.box().mails if '\\Flagged' in m.flags}
        self.assertEqual(flagged, {1, 2, 4, 5})
        self.sync_twice()
        self.assertEqual(len(self.near.messages('INBOX')), 5)

    def test_deletions(self):
        s = self.strict('UID FETCH', 2)
        for serial in s[:4]:
            self.near.delete(self.one(self.near, serial))
        self.sync()
        self.assertEqual([m.uid for m in self.box().mails], [5, 6])
        self.sync_twice()

    def test_deletions_that_are_looked_for(self):
        """EXPUNGE names no UIDs: what has gone is asked for, and to that all is BAD."""
        s = self.strict()
        for serial in s[1:4]:
            self.near.delete(self.one(self.near, serial))
        self.near.flag(self.one(self.near, s[5]), add='F')
        self.assertEqual(self.sync().err, '')
        self.assertEqual([m.uid for m in self.box().mails], [1, 5, 6])
        self.sync_twice()

    def test_deletions_without_uidplus(self):
        s = self.strict('UID STORE', 2, without=['UIDPLUS', 'MOVE'])
        for serial in s[:4]:
            self.near.delete(self.one(self.near, serial))
        self.sync(code=(0, 1))
        self.sync_twice()
        self.assertEqual([m.uid for m in self.box().mails], [5, 6])

    def test_bodies(self):
        self.strict()
        s = self.put(5)
        self.at = 8

        def body(session, verb, words, was=self.server.fault):
            if verb == 'UID FETCH' and 'BODY.PEEK[]' in str(words) and self.at:
                self.box().mails = [m for m in self.box().mails if m.uid != self.at]
                self.at = None
            return was(session, verb, words)
        self.server.fault = body
        run = self.sync()
        self.assertEqual(run.err, '')
        self.assertEqual(sorted(set(serials(self.near)) & set(s)), [s[0]] + s[2:])
        self.sync_twice()

    def moves(self, verb, without=()):
        """The one that is gone was moved on the other side: it stays where that put it (P11)."""
        s = self.strict(verb, 3, without=without)
        for serial in s[:4]:
            self.near.move(self.one(self.near, serial), 'Archive')
        run = self.sync()
        self.assertEqual(run.err, '')
        self.sync_twice()
        self.assertEqual(len(self.box('Archive').mails), 1 + 4)
        self.assertEqual(len(self.box().mails), 2)

    def test_moves(self):
        self.moves('UID MOVE')

    def test_moves_by_copies(self):
        self.moves('UID COPY', ['MOVE'])


class HalfMoved(Told):
    def test_copied_and_cut(self):
        """Without MOVE: the copy was answered, and the session is lost before the original has gone (R11, R19)."""
        for without in ['MOVE'], ['MOVE', 'UIDPLUS']:
            for verb in 'UID STORE', 'UID EXPUNGE', 'EXPUNGE':
                if verb == ('EXPUNGE' if 'UIDPLUS' not in without else 'UID EXPUNGE'):
                    continue
                with self.subTest(without=without, verb=verb):
                    self.setUp()
                    self.start(without=without)
                    self.server.create('a')
                    made = self.put(5)
                    self.sync_twice()
                    self.near.move(self.one(self.near, made[1]), 'a')
                    cuts = []

                    def fault(session, what, words):
                        if what == verb and not cuts:
                            cuts.append(what)
                            return CUT
                    self.server.fault = fault
                    self.sync(code=(0, 1, 75))
                    self.assertTrue(cuts)
                    self.server.fault = None
                    self.sync(code=(0, 75))
                    self.sync_twice()
                    self.assertEqual(sorted(serials(self.far)), made)
                    self.assertEqual(set(serials(self.far).values()), {1})
                    self.assertEqual([m.serial for m in self.far.messages('a')], [made[1]])


class KeysNotTold(Told):
    """Without UIDPLUS nobody says under what key a copy is: nothing is done to it until a list has shown it."""

    def test_copied_and_flagged(self):
        self.start(without=SetsOfUids.POOR + ['UIDPLUS', 'MOVE'])
        s = self.put(3)
        self.server.create('Archive')
        self.put(1, 'Archive')
        self.sync()
        self.near.copy(self.one(self.near, s[0]), 'Archive')
        self.near.copy(self.one(self.near, s[1]), 'Archive')
        for m in self.near.messages('Archive'):
            if m.serial in s:
                self.near.flag(m, add='F', remove='S')
        self.near.move(self.one(self.near, s[2]), 'Archive')
        self.near.flag(self.one(self.near, s[2]), add='R')
        self.server.seen.clear()
        self.sync()
        self.assertEqual([words for _, verb, words in self.server.seen if verb.startswith('UID ') and words[0] == '0'], [])
        self.assert_twins()
        self.sync_twice()
        self.assertEqual(sorted(sorted(m.flags) for m in self.far.messages('Archive') if m.serial in s), [['F'], ['F'], ['R', 'S']])


class Refusals(Told):
    """A mailbox that is not listed is gone where the server says so; another reason is told, and is no witness however often it
    comes."""

    def refused(self, answer, words):
        self.start()
        self.server.create('a')
        s = self.put(3, 'a')
        self.put(30)
        self.sync()
        kept = self.server.boxes.pop('a')
        self.server.fault = lambda session, verb, w: answer if verb == 'STATUS' and w[0] == 'a' else None
        for _ in range(3):
            run = self.sync(code=1)
            self.assertIn(words, run.err)
            self.assertIn('not listed on the far side', run.err)
            self.assertEqual([m.serial for m in self.near.messages('a')], s)
        self.server.fault = None
        self.server.boxes['a'] = kept
        self.sync_twice()
        self.server.boxes.pop('a')
        self.sync_twice()
        self.assertNotIn('a', self.near.boxes())

    def test_no_permission(self):
        self.refused('{tag} NO [NOPERM] you may not look\r\n', 'you may not look')

    def test_not_now(self):
        self.refused('{tag} NO [UNAVAILABLE] the disk of this user is away\r\n', 'the disk of this user is away')

    def test_not_understood(self):
        self.refused('{tag} BAD what is STATUS\r\n', 'what is STATUS')


class OneFlight(Plain):
    """All mailboxes are asked for at once, also where no [CLOSED] tells one's answers from the next one's."""

    def turns(self, kind, boxes, most):
        self.imap_pair(kind=kind)
        for i in range(boxes):
            self.near.create(f'box{i}')
            self.fill(self.near, f'box{i}', 1, 'S')
        with Delay(self.far.server.port) as line:
            self.write_config(self.far.store('far', port=line.port) + self.near.store('near') +
                              '\nChannel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\n')
            for _ in range(3):
                self.sync()
            line.reset()
            self.sync()
            self.assertLessEqual(line.stats()['turns'], most)
            self.assertEqual(line.stats()['connections'], 1)
        self.assert_twins()

    def test_courier(self):
        self.turns('courier', 6, 9)

    def test_dovecot(self):
        self.turns('no-condstore', 6, 8)

    def test_mailutils(self):
        self.turns('mailutils', 5, 9)


class QresyncNoMore(Told):
    def test_refused_or_gone(self):
        """[CLOSED] came with QRESYNC (RFC 7162 section 3.2.11), and is not waited for without it."""
        for without in False, True:
            with self.subTest(without=without):
                self.setUp()
                self.start()
                names = ['INBOX', 'a', 'b']
                for name in names[1:]:
                    self.server.create(name)
                self.sync_twice()
                for i in range(3):
                    for name in names:
                        self.put(2, name)
                        self.fill(self.near, name, 1, 'S')
                    if i == 1 and without:
                        self.server.caps = [c for c in self.server.caps if c not in ('QRESYNC', 'CONDSTORE', 'ENABLE')]
                    elif i == 1:
                        self.server.fault = lambda session, verb, words: '{tag} NO [UNAVAILABLE] later\r\n' if verb == 'ENABLE' else None
                    self.sync_twice()


class WhoseAnswer(Altered):
    """Mailboxes with the same UIDs and other flags, on a server that shows no end of one."""

    def boxes(self, change=None):
        self.start(without=['QRESYNC', 'CONDSTORE', 'LIST-STATUS', 'ESEARCH', 'UNSELECT', 'OBJECTID', 'SEARCHRES'])
        for i, name in enumerate('abcd'):
            self.server.create(name)
            self.put(4, name, {'\\Flagged'} if i % 2 else {'\\Seen'})
        if change:
            self.alter(change)
        self.sync_twice()
        for i, name in enumerate('abcd'):
            self.box(name).mails[i].flags = {'\\Answered'}
        self.sync_twice()

    def test_plain(self):
        self.boxes()

    def test_flags_line_in_the_midst(self):
        """A keyword that comes up makes a server say FLAGS: no sign of the next mailbox while this one's list goes on."""
        self.boxes(lambda session, text: '* FLAGS (\\Seen \\Answered new)\r\n' + text if ' FETCH (' in text else text)

    def test_answers_out_of_order(self):
        """A SELECT that is answered before the list in front of it: nothing of it is believed, and all is asked again, one
        after the other."""
        real, held, server = Session.obey, [], self

        def obey(session, tag, verb, words):
            if session.server is not server.server or session.user == 'tester':
                return real(session, tag, verb, words)
            if verb == 'UID FETCH' and session.box is server.box('b') and words[0] == '1:*' and server.disorder:
                server.disorder -= 1
                held.append((tag, words, session.box))
                return False
            stop = real(session, tag, verb, words)
            if verb == 'SELECT' and held:
                tag, words, box = held.pop()
                box, session.box = session.box, box
                real(session, tag, 'UID FETCH', words)
                session.box = box
            return stop
        Session.obey = obey
        self.addCleanup(setattr, Session, 'obey', real)
        self.disorder = 0
        self.boxes()
        for i, name in enumerate('abcd'):
            self.box(name).mails[i].flags = {'\\Flagged', '\\Seen'}
        self.disorder = 1
        self.sync_twice()
        self.assertEqual(self.disorder, 0)
