"""plan -V, -V and --json: what is done to which message, by its mailbox, date, sender and subject, whatever is done and on whichever side."""
import json
import re

from accounts import Account
from test_scripted import Told


class Acts(Account):
    def mail(self, side, box, subject, serial, flags='S'):
        side.deliver(box, b'Subject: ' + subject + b'\nFrom: Anna <anna@example.org>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n'
                     b'Message-ID: <%d@example.org>\n\nserial %d.\n' % (serial, serial), flags)

    def events(self, *args, code=0):
        return [json.loads(line) for line in self.mailtwin('--json', *args, code=code).out.splitlines()]

    def acts(self, *args, code=0):
        """{(what, side, mailbox, subject)}; each of them is named."""
        found = [x for x in self.events(*args, code=code) if x['event'] == 'act']
        for act in found:
            if act['what'] in ('copy', 'move', 'flags', 'expunge'):
                self.assertEqual((act['from'], act['date']), ('Anna <anna@example.org>', 1704103200), act)
            self.assertTrue(act['why'])
        return {(x['what'] + (' held' if x['held'] else ''), x['side'], x['mailbox'], x['subject']) for x in found}

    def both(self, wanted, code=0):
        """The plan names what is done, and the run names the same; the second run does nothing."""
        state, sides = self.state_still(), (self.far.still(), self.near.still())
        self.assertEqual(self.acts('plan', '-a', code=code), wanted)
        self.assertEqual((state, sides), (self.state_still(), (self.far.still(), self.near.still())))
        self.assertEqual(self.acts('-a', code=code), wanted)
        self.assertEqual(self.acts('-a', code=code), set())

    def all_kinds(self, one, other, ends):
        """What a person does on `one` side, done on `other`."""
        for box in ('work', 'empty'):
            one.create(box)
        for k, subject in enumerate((b'read', b'moved', b'gone', b'copied', b'=?utf-8?q?gr=C3=BC=C3=9Fe?=')):
            self.mail(one, 'INBOX', subject, 900 + k, '')
        self.fill(one, 'INBOX', 12, 'S')
        self.sync_twice()
        one.flag(self.one(one, 900), add='S')
        one.move(self.one(one, 901), 'work')
        one.delete(self.one(one, 902))
        one.copy(self.one(one, 903), 'work')
        one.flag(self.one(one, 904), add='F')
        self.mail(one, 'work', b'new', 905)
        one.create('made')
        self.both({('flags', ends, 'INBOX', 'read'), ('move', ends, 'INBOX', 'moved'), ('expunge', ends, 'INBOX', 'gone'),
                   ('copy', ends, 'INBOX', 'copied'), ('flags', ends, 'INBOX', 'gr\u00fc\u00dfe'), ('copy', ends, 'work', 'new'),
                   ('create', ends, 'made', None)})
        self.assert_twins()

    def test_maildirs(self):
        self.pair()
        self.all_kinds(self.far, self.near, 'near')

    def test_from_the_disk_to_a_server(self):
        for kind in ('dovecot', 'poor'):
            with self.subTest(kind):
                self.setUp()
                self.far = self.near = None
                self.imap_pair(kind=kind)
                self.all_kinds(self.near, self.far, 'far')

    def test_from_a_server_to_the_disk(self):
        self.imap_pair()
        self.all_kinds(self.far, self.near, 'near')

    def test_two_accounts(self):
        """No file has them: the server is asked."""
        self.pair(far=self.account(), near=self.account())
        self.all_kinds(self.far, self.near, 'near')

    def test_held(self):
        self.pair()
        for k in range(25):
            self.mail(self.far, 'INBOX', b'mail %d' % k, 900 + k)
        self.sync_twice()
        for k in range(24):
            self.near.delete(self.one(self.near, 900 + k))
        found = self.acts('plan', '-a', code=1)
        self.assertEqual(len(found), 20)
        self.assertLess(found, {('expunge held', 'far', 'INBOX', f'mail {k}') for k in range(24)})
        self.assertEqual(len(self.acts('plan', '-VV', '-a', code=1)), 24)
        self.assertLess(self.acts('-a', code=1), {('expunge held', 'far', 'INBOX', f'mail {k}') for k in range(24)})
        self.assertEqual([x for x in self.events('-a', code=1) if x['event'] == 'changed'], [])

    def test_as_text(self):
        """In words, a hostile Subject escaped; each changed mailbox has its line, and its event."""
        self.imap_pair()
        self.mail(self.far, 'INBOX', b'\x1b[2Jhello\x07', 900)
        self.fill(self.near, 'INBOX', 30)
        self.assertIn('INBOX: near: copy "[2Jhello" from Anna <anna@example.org>, 2024-01-01 (new on far)\n',
                      re.sub(r'\\u\{\w+\}|\?', '', self.mailtwin('plan', '-V', '-a').out))
        out = self.mailtwin('-V', '-a').out
        self.assertIn('hello" from Anna <anna@example.org>, 2024-01-01 (new on far)\n', out)
        self.assertIn('INBOX: +30 on far, +1 on near\n', out)
        self.assertFalse(set(out) & set('\x1b\x07'))
        self.assertEqual(out.count(': copied '), 21)
        self.near.flag(self.one(self.near, 900), add='F')
        changed = [x for x in self.events('-a') if x['event'] == 'changed']
        self.assertEqual([(x['mailbox'], x['far']['flagged'], x['near']['flagged']) for x in changed], [('INBOX', 1, 0)])
        self.assertEqual([x for x in self.events('-a') if x['event'] in ('act', 'changed')], [])
        self.sync_twice()


class Errors(Told):
    def test_what_is_refused_is_named(self):
        """A change of flags, a deletion, a fetch and an APPEND that a server does not make: each error has the subject of its message."""
        for verb, reason in (('UID STORE', 'cannot be changed'), ('UID EXPUNGE', 'cannot go'), ('APPEND', 'no such mail')):
            with self.subTest(verb):
                self.setUp()
                self.start()
                for serial, subject in ((901, b'odd'), (902, b'even')):
                    self.near.deliver('INBOX', b'Subject: %s\nFrom: Anna <anna@example.org>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\nserial %d.\n'
                                      % (subject, serial), 'S')
                self.fill(self.near, 'INBOX', 10)
                self.sync_twice()
                self.server.fault = lambda session, v, words: '{tag} NO %s\r\n' % reason if v == verb else None
                if verb == 'UID STORE':
                    self.near.flag(self.one(self.near, 901), add='F')
                elif verb == 'UID EXPUNGE':
                    self.near.delete(self.one(self.near, 901))
                else:
                    self.near.deliver('INBOX', b'Subject: odd\nFrom: Anna <anna@example.org>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\nnew\n')
                said = self.sync(code=1).err
                self.assertIn('"odd" from Anna <anna@example.org>, 2024-01-01', said)
                self.assertIn(reason, said)
                self.server.fault = None
                self.sync_twice()
