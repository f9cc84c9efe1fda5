"""mailtwin log: what was removed is found by its subject, whichever side and server it was removed from."""
import json

from accounts import Account

HOSTILE = b'Subject: \x1b[2Jtwo\x07\nFrom: Eve <eve@example.org>\nDate: Fri, 31 Jan 2025 12:00:00 +0000\n'


class Log(Account):
    def log(self, *args):
        return [json.loads(line) for line in self.mailtwin('log', '--json', *args).out.splitlines()]

    def removed_on(self, keep, lose):
        """Three are deleted on `lose`, two of them with names that tell."""
        keep.create('work')
        serials = self.fill(keep, 'INBOX', 30, 'S')
        for k, head in enumerate((b'Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= 900\nFrom: Anna <anna@example.org>\n'
                                  b'Date: Mon, 1 Jan 2024 10:00:00 +0000\n', HOSTILE)):
            keep.deliver('work' if k else 'INBOX', head + b'\nserial %d.\n' % (900 + k), 'S')
        self.sync_twice()
        for serial in (serials[0], 900, 901):
            lose.delete(self.one(lose, serial))
        self.sync_twice()

    def check(self):
        found = {x['subject']: x for x in self.log()}
        self.assertEqual(len(self.log()), 3)
        one = found['gr\u00fc\u00dfe 900']
        self.assertEqual((one['from'], one['mailbox'], one['date']), ('Anna <anna@example.org>', 'INBOX', 1704103200))
        out = self.mailtwin('log', '--mailbox', 'work').out
        self.assertIn('from Eve <eve@example.org>, 2025-01-31: expunged', out)
        self.assertEqual(len(out.splitlines()), 1)
        self.assertFalse(set(out) & set('\x1b\x07'))

    def test_maildirs(self):
        self.pair()
        self.removed_on(self.far, self.near)
        self.check()
        self.assertEqual(len(self.log('--limit', '2')), 2)
        self.assertEqual(self.log('--limit', '2'), self.log()[1:])
        self.assertEqual(len(self.log('--since', 'today')), 3)
        self.assertEqual(self.mailtwin('log', '--since', 'today', env=self.later(2 * 86400)).out, 'c: nothing of that was removed or replaced\n')
        self.assertEqual(self.mailtwin('log', '-q', '--since', 'today', env=self.later(2 * 86400)).out, '')
        self.assertIn('--since takes a date', self.mailtwin('log', '--since', 'soon', code=2).err)

    def test_on_the_server(self):
        for kind in ('dovecot', 'no-qresync', 'poor', 'cyrus'):
            with self.subTest(kind):
                self.setUp()
                self.far = self.near = None
                self.imap_pair(kind=kind)
                self.removed_on(self.far, self.near)
                self.check()

    def test_on_the_disk(self):
        self.imap_pair()
        self.removed_on(self.far, self.far)
        self.check()
        # The file is gone, and its name says nothing to anybody: the subject does.
        self.assertEqual({x['side'] for x in self.log()}, {'near'})

    def with_a_mailbox(self, keep, lose):
        """What was in a removed mailbox is named one by one."""
        keep.create('gone')
        keep.deliver('gone', b'Subject: the lease\nFrom: Anna <anna@example.org>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n\nserial 950.\n', 'S')
        keep.deliver('gone', b'Subject: \x1b[2Jrent\n\nserial 951.\n')
        self.fill(keep, 'INBOX', 30, 'S')
        self.sync_twice()
        lose.remove('gone')
        self.sync_twice()
        self.assertNotIn('gone', keep.boxes())
        found = self.log('--mailbox', 'gone')
        self.assertEqual(len(found), 3)
        self.assertIn('removed the mailbox with 2 messages', [x['what'] for x in found])
        one = next(x for x in found if x['subject'] == 'the lease')
        self.assertTrue(one['what'].startswith('removed with its mailbox: '), one)
        self.assertEqual((one['from'], one['date']), ('Anna <anna@example.org>', 1704103200))
        self.assertIn('rent', self.mailtwin('log').out)
        self.assertNotIn('\x1b', self.mailtwin('log').out)

    def test_with_a_mailbox(self):
        self.pair()
        self.with_a_mailbox(self.far, self.near)

    def test_with_a_mailbox_on_the_server(self):
        for kind in ('dovecot', 'cyrus', 'courier'):
            with self.subTest(kind):
                self.setUp()
                self.far = self.near = None
                self.imap_pair(kind=kind)
                self.with_a_mailbox(self.far, self.near)
