"""One message, one place (R9, R10): equal messages that look different, that get another key, or that a server keeps once."""
import shutil

from accounts import Account
from lib import Case, ImapSide, carried, message
from scripted import Scripted, Session


def stamped(data, i):
    """As mbox programs and OfflineIMAP leave a message."""
    head, _, body = data.partition(b'\n\n')
    lines = head.split(b'\n')
    lines = [line + b' ' * (k % 3) for k, line in enumerate(lines)]
    if i % 5 == 0:
        lines.insert(0, b'From anna@example.org Mon Jan  1 10:00:00 2024')
    stamps = [b'Status: RO', b'Content-Length: %d' % len(body), b'X-Status: A', b'X-Keywords:' + b' ' * 20, b'X-UID: %d' % i, b'X-IMAPbase: 1700000000 %d\n $Junk' % i]
    lines[1:1] = stamps[i % 3:2 + i % 5]
    return b'\n'.join(lines) + b'\n\n' + body


class Scripts(Case):
    def scripted(self, **kw):
        server = Scripted(**kw)
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    def account_of(self, server, user='anna'):
        side = ImapSide(server, user)
        self.addCleanup(side.close)
        return side


class Stamps(Scripts):
    """What stores write themselves makes no other message."""

    def paired(self, n):
        run = self.sync('-a', '-V')
        self.assertIn(f'Paired: {n}', run.out)
        self.assertEqual(carried(run.out), [0, 0], run.out)
        self.sync_twice(twins=False)
        self.assertEqual([len(s.messages('INBOX')) for s in (self.far, self.near)], [n, n])

    def fill_stamped(self, n):
        self.pair(far=self.account_of(self.scripted()))
        for i in range(n):
            self.far.deliver('INBOX', message(i), 'S')
            self.near.deliver('INBOX', stamped(message(i), i) if i % 3 else message(i), 'S')

    def test_few(self):
        self.fill_stamped(12)
        self.paired(12)

    def test_many(self):
        """So many that sizes are looked at before headers are asked for."""
        self.fill_stamped(80)
        self.paired(80)

    def test_two_maildirs_and_a_lost_state(self):
        self.pair()
        for i in range(9):
            self.far.deliver('INBOX', stamped(message(i), i), 'S')
            self.near.deliver('INBOX', message(i), 'S')
        self.paired(9)
        shutil.rmtree(self.state)
        self.paired(9)


BODIES = (b'bo\rdy\n', b'two \r\r\n in a row\r\r\r\n', b'ends in CR\r', b'mixed\r\nline\nends\r\n', b'plain\n')


class Altered(Account):
    """Servers that store something else than what they were sent; the state is lost; nothing is doubled."""

    def lost(self, kind, mails):
        self.pair(far=self.account(kind))
        for data in mails:
            self.near.deliver('INBOX', data, 'S')
        self.sync()
        self.sync()
        for turn in range(2):
            shutil.rmtree(self.state)
            self.sync()
            run = self.sync()
            self.assertEqual(run.out.strip(), '')
            self.assertEqual([len(s.messages('INBOX')) for s in (self.far, self.near)], [len(mails)] * 2)

    def test_raw_headers_at_cyrus(self):
        plain = b'From: a@example.org\nSubject: %s\nMessage-ID: <%d@x>\n\nserial %d.\n'
        words = ('caf\u00e9'.encode(), 'caf\u00e9'.encode('latin1'), 'gr\u00fc\u00dfe \u4f60\u597d'.encode(), b'plain')
        self.lost('munging cyrus', [plain % (w, i, i) for i, w in enumerate(words)])

    def test_bare_cr_at_dovecot(self):
        head = b'From: a@example.org\nSubject: s\nMessage-ID: <%d@x>\n\nserial %d.\n'
        self.lost('dovecot', [head % (i, i) + b for i, b in enumerate(BODIES)])

    def test_line_ends_at_courier(self):
        """It makes line ends of bare CRs, and ends a last line that has no end."""
        head = b'From: a@example.org\nSubject: s\nMessage-ID: <%d@x>\n\nserial %d.\n'
        mails = [head % (i, i) + b for i, b in enumerate(BODIES + (b'no end', b'no end\n\n and none', b''))]
        # One header and one size, and other texts: who is whose twin is told by the bodies alone.
        mails += [head.replace(b'<%d@', b'<same@') % i + b'text %d\r no end' % i for i in range(20, 25)]
        self.lost('courier', mails)

    def test_line_ends_and_from_lines_at_mailutils(self):
        """It takes the line off by which a mbox parts messages, too, and makes one blank of those around a colon."""
        head = b'From: a@example.org\nSubject: s\nMessage-ID: <%d@x>\n\nserial %d.\n'
        mails = [head % (i, i) + b for i, b in enumerate(BODIES)]
        mails += [b'From a@example.org Mon Jan  1 10:00:00 2024\n' + head % (i, i) + b'text\n' for i in range(20, 23)]
        mails += [b'X-A:1\nX-B:\tb:c\nX-C:\n folded\nX-E :  e\nX-F:\nX-D:d\n more:e\n' + (head % (i, i)).replace(b'Subject: ', b'Subject:') + b'text\n' * i
                  for i in range(30, 34)]
        self.lost('mailutils', mails)

    def test_empty_lines_make_another_text(self):
        """A draft that was saved again with an empty line more is another message, though a lost state would not tell."""
        self.pair(far=self.account('courier'))
        draft = b'From: a@example.org\nSubject: s\nMessage-ID: <d@x>\n\nserial 1.\nfirst\nsecond\n'
        self.near.deliver('INBOX', draft, 'DS')
        self.sync_twice()
        self.near.delete(self.one(self.near, 1))
        self.near.deliver('INBOX', draft.replace(b'first\n', b'first\n\n'), 'DS')
        self.sync_twice()
        self.assertIn(b'first\n\n', self.far.data(self.one(self.far, 1)))


class Rekeyed(Case):
    """The same message under another key is where it was; what the other side did meanwhile counts as if the key had not changed."""

    def rekey(self, side, serial, box='INBOX'):
        """Moved out and in again, or delivered again under another name."""
        m, = [m for m in side.messages(box) if m.serial == serial]
        data, flags = side.data(m), ''.join(sorted(m.flags))
        side.delete(m)
        side.deliver(box, data, flags)

    def conflicts(self):
        for side in (self.far, self.near):
            side.create('work')
        for i in range(8):
            self.far.deliver('INBOX', message(i), 'S')
        self.sync_twice()
        for one, other, base in ((self.far, self.near, 0), (self.near, self.far, 4)):
            self.rekey(one, base)
            self.rekey(one, base + 1)
            other.move(self.one(other, base + 1), 'work')
            self.rekey(one, base + 2)
            other.delete(self.one(other, base + 2))
            self.rekey(one, base + 3)
            other.flag(self.one(other, base + 3), add='F')
        self.sync_twice()
        for side in (self.far, self.near):
            self.assertEqual(sorted((m.serial, m.box) for b in ('INBOX', 'work') for m in side.messages(b)),
                             [(0, 'INBOX'), (1, 'work'), (3, 'INBOX'), (4, 'INBOX'), (5, 'work'), (7, 'INBOX')])
            for serial in (3, 7):
                self.assertEqual(self.one(side, serial).flags, frozenset('FS'))

    def test_maildirs(self):
        self.pair()
        self.conflicts()

    def test_deleted_and_an_equal_moved_in(self):
        """Both have new keys in INBOX then: one is the message that was moved in, the other the one that was deleted on near."""
        self.pair()
        for box in ('INBOX', 'work'):
            if box != 'INBOX':
                self.far.create(box)
            self.far.deliver(box, message(1), 'S')
        self.sync_twice()
        there, = self.near.messages('INBOX')
        self.near.delete(there)
        self.rekey(self.far, 1)
        there, = self.far.messages('work')
        self.far.move(there, 'INBOX', anew=True)
        self.sync_twice()
        self.assertEqual([(m.serial, b) for b in ('INBOX', 'work') for m in self.far.messages(b)], [(1, 'INBOX')])

    def test_draft_of_equal_header_and_size(self):
        self.pair()
        draft = b'From: a@example.org\nSubject: s\nMessage-ID: <d@x>\n\nserial 1.\n%s\n'
        self.near.deliver('INBOX', draft % b'old text', 'DS')
        self.sync_twice()
        self.near.delete(self.one(self.near, 1))
        self.near.deliver('INBOX', draft % b'new text', 'DS')
        self.sync_twice()
        self.assertIn(b'new text', self.far.data(self.one(self.far, 1)))


class RekeyedOnServers(Account, Rekeyed):
    def on(self, kind):
        self.pair(far=self.account(kind))
        self.conflicts()

    def test_maildirs(self):
        pass

    def test_deleted_and_an_equal_moved_in(self):
        pass

    def test_draft_of_equal_header_and_size(self):
        pass

    def test_dovecot(self):
        self.on('dovecot')

    def test_poor(self):
        self.on('poor')

    def test_cyrus(self):
        self.on('cyrus')

    def test_two_accounts(self):
        self.pair(far=self.account(), near=self.account('cyrus'))
        self.conflicts()


def backwards(session, words, move=False):
    """UID COPY whose COPYUID names the new UIDs in reverse."""
    to = session.server.boxes[session.server.find(words[1])]
    hits = [m for m in session.box.mails if m.uid in session.box.uids(words[0])]
    new = [to.add(m.data, m.flags, m.date).uid for m in hits]
    code = f'[COPYUID {to.uidvalidity} {",".join(str(m.uid) for m in hits)} {",".join(map(str, reversed(new)))}]'
    if not move:
        return f'OK {code} done'
    session.send(f'* OK {code} moved\r\n')
    session.gone({m.uid for m in hits})
    return 'OK done'


def once(session, words):
    """APPEND to a server that keeps equal messages once, and answers with the UID that is there."""
    box = session.server.boxes[session.server.find(words[0])]
    uids, flags, date = [], (), None
    for word in words[1:]:
        if isinstance(word, list):
            flags = word
        elif isinstance(word, str):
            date = f'"{word}"'
        else:
            old = [m for m in box.mails if m.data == word]
            uids.append(old[0].uid if old else box.add(word, flags, date).uid)
            flags, date = (), None
    return f'OK [APPENDUID {box.uidvalidity} {",".join(map(str, uids))}] done' if 'UIDPLUS' in session.server.caps else 'OK done'


def copied_once(session, words):
    """UID COPY within such a server."""
    to = session.server.boxes[session.server.find(words[1])]
    hits = [m for m in session.box.mails if m.uid in session.box.uids(words[0])]
    new = [next((o.uid for o in to.mails if o.data == m.data), None) or to.add(m.data, m.flags, m.date).uid for m in hits]
    code = f'[COPYUID {to.uidvalidity} {",".join(str(m.uid) for m in hits)} {",".join(map(str, new))}] '
    return f'OK {code if "UIDPLUS" in session.server.caps else ""}done'


class FalseKeys(Scripts):
    """COPYUID and APPENDUID that name other messages than those meant."""

    def behave(self, **how):
        for name, function in how.items():
            was = getattr(Session, name)
            setattr(Session, name, function)
            self.addCleanup(setattr, Session, name, was)

    def moved_in_reverse(self, more):
        server = self.scripted()
        self.behave(do_uid_copy=backwards)
        self.pair(far=self.account_of(server))
        for side in (self.far, self.near):
            side.create('work')
        for i in range(4):
            self.near.deliver('INBOX', b'From: a@example.org\nSubject: %d\n\nserial %d.\n' % (i, i) + b'x' * more * i + b'\n', 'S')
        self.sync_twice()
        for i in range(4):
            self.near.move(self.one(self.near, i), 'work')
        self.assertIn('falsely', self.sync().err)
        self.near.flag(self.one(self.near, 0), add='F')
        self.near.delete(self.one(self.near, 1))
        self.far.delete(self.one(self.far, 2))
        self.sync_twice()
        self.assertEqual(sorted(m.serial for m in self.far.messages('work')), [0, 3])
        self.assertEqual(self.one(self.far, 0).flags, frozenset('FS'))

    def test_copyuid_backwards(self):
        self.moved_in_reverse(7)

    def test_copyuid_backwards_and_all_of_one_size(self):
        self.moved_in_reverse(0)

    def test_appenduid_of_another(self):
        server = self.scripted()
        self.pair(far=self.account_of(server))
        for i in range(2):
            self.far.deliver('INBOX', message(i), 'S')
        self.sync_twice()
        true = Session.do_append
        self.behave(do_append=lambda session, words: (true(session, words), f'OK [APPENDUID {server.boxes["INBOX"].uidvalidity} 1] done')[1])
        self.near.deliver('INBOX', message(5), 'S')
        self.sync()
        self.sync()
        self.near.delete(self.one(self.near, 5))
        self.sync_twice()
        self.assertEqual(sorted(m.serial for m in self.far.messages('INBOX')), [0, 1])

    def kept_once(self, without):
        self.behave(do_append=once)
        self.pair(far=self.account_of(self.scripted(without=without)))
        for _ in range(2):
            self.near.deliver('INBOX', message(1), 'S')
        self.sync()
        self.sync_twice(twins=False)
        first, second = self.near.messages('INBOX')
        plan = self.mailtwin('plan', '-a')
        self.assertIn('shares its message on far with', plan.out + plan.err)
        for m in (first, second):
            self.assertIn(m.key, plan.out + plan.err)
        self.near.delete(first)
        self.sync_twice()
        self.assertEqual([len(s.messages('INBOX')) for s in (self.far, self.near)], [1, 1])
        self.near.flag(self.one(self.near, 1), add='F')
        self.sync_twice()
        self.assertEqual(self.one(self.far, 1).flags, frozenset('FS'))
        self.near.delete(self.one(self.near, 1))
        self.sync_twice()
        self.assertEqual(self.far.messages('INBOX'), [])

    def test_kept_once(self):
        """Two near files, one far message: it stays as long as one of the two is left."""
        self.kept_once(())

    def test_kept_once_without_uidplus(self):
        self.kept_once(('UIDPLUS', 'QRESYNC', 'CONDSTORE'))

    def test_kept_once_and_copied(self):
        """A file of which the server has the message is copied here: told by the COPYUID, nothing is sent."""
        self.behave(do_append=once, do_uid_copy=copied_once)
        server = self.scripted()
        self.pair(far=self.account_of(server))
        self.near.deliver('INBOX', message(1), 'S')
        self.sync_twice()
        server.seen.clear()
        self.near.deliver('INBOX', message(1), 'S')
        self.sync()
        self.assertEqual([verb for _, verb, _ in server.seen if verb == 'APPEND'], [])
        self.sync_twice(twins=False)
        self.assertEqual([len(s.messages('INBOX')) for s in (self.far, self.near)], [1, 2])

    def test_kept_once_and_marked(self):
        """\\Deleted on the server takes both files along; on one of the files, that one."""
        for side, left in (('far', [0, 0]), ('near', [1, 1])):
            with self.subTest(side=side):
                self.setUp()
                self.far = self.near = None
                self.behave(do_append=once)
                self.pair(far=self.account_of(self.scripted()))
                for _ in range(2):
                    self.near.deliver('INBOX', message(1), 'S')
                self.sync()
                self.sync_twice(twins=False)
                marked = getattr(self, side)
                marked.flag(marked.messages('INBOX')[0], add='T')
                self.sync()
                self.sync_twice()
                self.assertEqual([len(s.messages('INBOX')) for s in (self.far, self.near)], left)

    def flags_kept_once(self, without):
        self.behave(do_append=once)
        self.pair(far=self.account_of(self.scripted(without=without)))
        self.near.deliver('INBOX', message(1), 'S')
        self.near.deliver('INBOX', message(1), 'SR')
        self.near.deliver('INBOX', message(2), 'S')
        self.sync()
        self.sync()

        def all_have(flags):
            self.sync_twice(twins=False)
            self.assertEqual(self.one(self.far, 1).flags, frozenset(flags))
            self.assertEqual([m.flags for m in self.near.messages('INBOX') if m.serial == 1], [frozenset(flags)] * 2)

        def nears():
            return sorted((m for m in self.near.messages('INBOX') if m.serial == 1), key=lambda m: m.key.split('/')[1])
        all_have('RS')
        for i in (0, 1):
            self.near.flag(nears()[i], remove='S')
            all_have('R')
            self.near.flag(nears()[i], add='S')
            all_have('RS')
        self.far.flag(self.one(self.far, 1), add='F', remove='R')
        all_have('FS')
        self.near.flag(nears()[0], add='D')
        self.near.flag(nears()[1], remove='F')
        self.far.flag(self.one(self.far, 1), add='R')
        all_have('DRS')
        self.assertEqual(self.one(self.near, 2).flags, frozenset('S'))
        self.near.delete(nears()[0])
        self.sync_twice()
        self.near.flag(self.one(self.near, 1), remove='S')
        self.sync_twice()
        self.assertEqual(self.one(self.far, 1).flags, frozenset('DR'))

    def test_flags_of_what_is_kept_once(self):
        """A read on either file is a read of the one message, and then of the other file."""
        self.flags_kept_once(())

    def test_flags_of_what_is_kept_once_without_condstore(self):
        self.flags_kept_once(('QRESYNC', 'CONDSTORE'))

    def test_flags_of_what_is_kept_once_without_uidplus(self):
        self.flags_kept_once(('UIDPLUS', 'QRESYNC', 'CONDSTORE'))

    def test_kept_once_and_deleted_or_moved_on_the_server(self):
        """Both files had that message, and go with it; moved, one of them goes along. Where the server did not say so, it may
        as well have lost the second: one deletion takes one."""
        for without, what, expected in (((), 'delete', []), ((), 'move', ['Archive', 'INBOX']),
                (('UIDPLUS',), 'delete', ['INBOX']), (('UIDPLUS',), 'move', ['Archive', 'INBOX'])):
            with self.subTest(without=without, what=what):
                self.setUp()
                self.far = self.near = None
                self.behave(do_append=once)
                self.pair(far=self.account_of(self.scripted(without=without)))
                self.far.create('Archive')
                for i in (1, 1, 2, 3, 4, 5):
                    self.near.deliver('INBOX', message(i), 'S')
                self.sync()
                self.sync_twice(twins=False)
                if what == 'delete':
                    self.far.delete(self.one(self.far, 1))
                else:
                    self.far.move(self.one(self.far, 1), 'Archive')
                self.sync_twice()
                for side in (self.near, self.far):
                    self.assertEqual(sorted(m.box for b in side.boxes() for m in side.messages(b) if m.serial == 1), expected)

    def test_kept_once_and_deleted_at_once(self):
        """One comes later, and either goes before another run has looked."""
        for without in (('UIDPLUS',), ('UIDPLUS', 'QRESYNC', 'CONDSTORE')):
            for which in range(3):
                with self.subTest(without=without, which=which):
                    self.setUp()
                    self.far = self.near = None
                    self.behave(do_append=once)
                    self.pair(far=self.account_of(self.scripted(without=without)))
                    self.near.deliver('INBOX', message(1), 'S')
                    self.near.deliver('INBOX', message(2), 'S')
                    if which < 2:
                        self.sync_twice()
                    self.near.deliver('INBOX', message(1), 'S')
                    self.sync()
                    self.near.delete([m for m in self.near.messages('INBOX') if m.serial == 1][which % 2])
                    self.sync_twice()
                    self.assertEqual(sorted(m.serial for m in self.far.messages('INBOX')), [1, 2])
