"""mailtwin verify: both sides afresh, every difference named, and nothing written."""
import json
import os

from accounts import Account
from lib import message
from test_scripted import Told


class Verify(Account):
    def setting(self, kind='dovecot', **kw):
        self.imap_pair(kind=kind, **kw)
        self.far.create('work')
        self.serials = self.fill(self.far, 'INBOX', 5, 'S') + self.fill(self.far, 'work', 3, 'FS')
        self.fill(self.far, 'INBOX', 2, 'S', size=20000)
        self.sync()
        self.sync()

    def differ(self, *args, n, code=1):
        """The differences, as objects; nothing is written anywhere."""
        state, far, near = self.state_still(), self.far.still(), self.near.still()
        run = self.mailtwin('verify', '-a', '--json', *args, code=code if n else 0)
        told = [json.loads(line) for line in run.out.splitlines()]
        found = [x for x in told if x['event'] == 'difference']
        self.assertEqual(len(found), n, run.out)
        self.assertEqual([x['differences'] for x in told if x['event'] == 'verified'], [n])
        self.assertEqual(state, self.state_still())
        self.assertEqual((far, near), (self.far.still(), self.near.still()))
        return found

    def test_twins(self):
        """Nothing differs on any server, also of equal messages, odd line ends and keywords."""
        for kind in ('dovecot', 'cyrus', 'courier', 'mailutils', 'poor'):
            with self.subTest(kind=kind):
                self.far = self.near = None
                self.setUp()
                self.setting(kind)
                twin = message(500)
                for flags in ('', 'S', 'S'):
                    self.far.deliver('INBOX', twin, flags)
                self.sync()
                self.sync()
                self.differ(n=0)
                self.differ('--bodies', n=0)
        run = self.mailtwin('verify', '-V', 'c')
        self.assertIn('c: 2 mailboxes compared, with 13 messages on far and 13 on near: 0 differences', run.err)
        self.assertEqual(run.out, '')

    def test_each_difference(self):
        self.setting()
        s = self.serials
        self.far.delete(self.one(self.far, s[0]))
        self.near.delete(self.one(self.near, s[1]))
        self.near.flag(self.one(self.near, s[2]), add='F')
        self.far.deliver('work', message(99), 'S')
        self.near.create('here')
        self.near.deliver('here', message(98), 'S')
        found = self.differ(n=5)
        self.assertEqual(sorted((x['kind'], x['mailbox'], x['side']) for x in found),
                         [('flags', 'INBOX', 'far'), ('mailbox', 'here', 'near'), ('missing', 'INBOX', 'far'), ('missing', 'INBOX', 'near'),
                          ('missing', 'work', 'far')])
        why = {(x['kind'], x['mailbox'], x['side']): x for x in found}
        self.assertEqual(why['missing', 'work', 'far']['why'], 'it has not been fetched yet')
        self.assertIn('its file has been taken away', why['missing', 'INBOX', 'far']['why'])
        self.assertIn('gone from the server', why['missing', 'INBOX', 'near']['why'])
        self.assertTrue(os.path.exists(why['missing', 'INBOX', 'near']['place']))
        self.assertIn('S on far, FS on near', why['flags', 'INBOX', 'far']['why'])
        run = self.mailtwin('verify', 'c:work', code=1)
        self.assertRegex(run.out, r'^c:work: 2024-01-01 \d\d:\d\d  Anna <anna@example.org>: ".*" \(only far, UID \d+\): it has not been '
                                  r'fetched yet\n$')
        self.sync()
        self.differ(n=0)

    def test_text(self):
        """Another text under the same header, as a bad disk or a hand leaves it: the cursor stands, and only --bodies sees it."""
        self.setting()
        mail = self.one(self.near, self.serials[3])
        path = os.path.join(self.near.box('INBOX'), mail.key)
        before = os.stat(path)
        with open(path, 'r+b') as f:
            data = f.read()
            f.seek(len(data) - 3)
            f.write(b'#')
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.differ(n=0)
        found = self.differ('--bodies', n=1)
        self.assertEqual((found[0]['kind'], found[0]['why']), ('text', 'the text'))

    def test_since(self):
        self.setting()
        self.far.deliver('INBOX', message(99).replace(b'1 Jan 2024', b'1 Jan 2020'), 'S')
        self.differ(n=1)
        self.differ('--since', '2023-12-31', n=0)
        self.assertIn('--since takes a date', self.mailtwin('verify', '-a', '--since', 'x', code=2).err)
        self.assertIn('belongs to the command verify', self.mailtwin('-a', '--bodies', code=2).err)

    def test_two_accounts(self):
        self.setting(near=self.account('cyrus'))
        self.differ(n=0)
        self.near.delete(self.one(self.near, self.serials[0]))
        self.assertEqual(self.differ('--bodies', n=1)[0]['side'], 'far')

    def test_before_the_first_run(self):
        self.imap_pair()
        self.fill(self.far, 'INBOX', 3, 'S')
        self.assertEqual({x['why'] for x in self.differ(n=3)}, {'it has not been fetched yet'})
        self.assertFalse(os.path.exists(self.state))


class Short(Told):
    def test_what_is_not_shown_whole(self):
        """A list that lacks what is counted proves nothing: it is told, and no message is called missing."""
        self.start(without=['QRESYNC', 'CONDSTORE'])
        self.put(12)
        self.sync()
        self.server.hides = {2, 5}
        run = self.mailtwin('verify', 'c', code=1)
        self.assertEqual(run.out, '')
        self.assertIn('c:INBOX: not compared: far did not show all of it', run.err)
