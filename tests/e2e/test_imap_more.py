"""Accounts in all shapes: sides swapped, layouts, names, prefixes, odd bytes, several people at work."""
import collections
import imaplib
import os
import random
import shutil
import threading

from accounts import Account
from lib import ImapSide, find, message, serials
from servers import Dovecot

NAMES = ['INBOX', 'Entwürfe', 'a & b', '日本語', 'tilde~', 'work', 'work/2026', 'work/2026/Q1', '100%', 'say "hi"', "it's"]


class Shapes(Account):
    def work(self):
        """A little of everything both ways, and the sides are twins."""
        a, b = self.fill(self.far, 'INBOX', 25, 'S'), self.fill(self.near, 'INBOX', 5)
        self.sync_twice()
        self.far.flag(self.one(self.far, a[0]), add='F')
        self.near.flag(self.one(self.near, a[1]), add='R', remove='S')
        self.far.delete(self.one(self.far, a[2]))
        self.near.delete(self.one(self.near, b[0]))
        self.near.move(self.one(self.near, a[3]), 'Entwürfe')
        self.sync_twice()
        self.assertEqual(self.one(self.far, a[3]).box, 'Entwürfe')

    def names(self, sides):
        for n, name in enumerate(NAMES):
            if name not in sides[n % 2].boxes():
                sides[n % 2].create(name)
            self.fill(sides[n % 2], name, 2, 'S')

    def test_account_near_maildir_far(self):
        self.pair(far=self.maildir('far'), near=self.account())
        self.names([self.far, self.near])
        self.sync_twice()
        self.assertEqual(self.far.boxes(), sorted(NAMES))
        self.work()

    def test_layouts(self):
        for layout in ('Verbatim', 'Maildir++', 'Legacy'):
            for kind in ('dovecot', 'dots'):
                with self.subTest(layout=layout, kind=kind):
                    self.setUp()
                    self.pair(far=self.account(kind), near=self.maildir('near', layout=layout))
                    self.names([self.far, self.near])
                    self.sync_twice()
                    self.assertEqual(self.near.boxes(), sorted(NAMES))
                    self.work()

    def test_names_on_cyrus(self):
        self.pair(far=self.account('cyrus'))
        for n, name in enumerate(n for n in NAMES if n not in ('100%', 'say "hi"')):     # Cyrus takes no such names
            side = (self.far, self.near)[n % 2]
            if name not in side.boxes():
                side.create(name)
            self.fill(side, name, 2, 'S')
        self.near.create('no " name')
        run = self.sync(code=1)
        self.assertIn('no " name', run.err)
        self.near.remove('no " name')
        self.sync()
        self.sync_twice()
        self.work()

    def test_name_with_the_servers_delimiter(self):
        """A folder `a.b` has no name on a server that parts names by dots: said, and left alone."""
        self.pair(far=self.account('dots'))
        self.near.create('a.b')
        self.fill(self.near, 'a.b', 2)
        s = self.fill(self.near, 'INBOX', 2)
        run = self.sync(code=1)
        self.assertIn('a.b', run.err)
        self.assertEqual(sorted(serials(self.far)), s)
        self.assertNotIn('a', self.far.boxes())

    def test_path_delimiter_and_path(self):
        self.pair(far=self.account('dots'), far_store='Path Mail.\nPathDelimiter .')
        self.far.create('Mail/x')
        self.far.create('Other')
        self.fill(self.far, 'Mail/x', 2)
        self.near.create('y/z')
        self.fill(self.near, 'y/z', 2)
        self.sync()
        self.assertEqual(self.near.boxes(), ['INBOX', 'x', 'y/z'])
        self.assertIn('Mail/y/z', self.far.boxes())

    def test_namespace_prefix(self):
        for use in ('yes', 'no'):
            with self.subTest(use=use):
                self.setUp()
                self.near = None
                with Dovecot(mail='maildir', separator='.', more='namespace inbox {\n  prefix = INBOX.\n}\n') as own:
                    self.pair(far=ImapSide(own, 'anna'), far_store=f'UseNamespace {use}')
                    self.far.create('INBOX/work')
                    self.fill(self.far, 'INBOX/work', 2)
                    self.fill(self.far, 'INBOX', 2)
                    self.sync()
                    self.assertEqual(self.near.boxes(), ['INBOX', 'work'] if use == 'yes' else ['INBOX', 'INBOX/work'])
                    before = self.near.still()
                    self.sync()
                    self.assertEqual(before, self.near.still())

    def test_map_inbox_everywhere(self):
        """Under a name with levels, on either side and on both; both ways, and with moves into it and out of it."""
        for far, near, names in (
                ('MapInbox Post/Eingang', '', ('INBOX', 'Post/Eingang')),
                ('', 'MapInbox Post/Eingang', ('Post/Eingang', 'INBOX')),
                ('MapInbox Post/Eingang', 'MapInbox Post/Eingang', ('INBOX', 'INBOX'))):
            for layout in ('Verbatim', 'Maildir++'):
                if layout == 'Maildir++' and not near:
                    continue
                with self.subTest(far=far, near=near, layout=layout):
                    self.setUp()
                    self.far, self.near = self.account(), self.maildir('near', layout=layout)
                    self.pair(far_store=far, near_store=near, patterns='* !INBOX "Post/*"')
                    here, there = names
                    if here != 'INBOX':
                        self.far.create(here)
                    self.far.create('Post/Ablage')
                    a, b = self.fill(self.far, here, 25, 'S'), self.fill(self.far, 'Post/Ablage', 3)
                    self.sync_twice(twins=False)
                    self.assertEqual(len(self.near.messages(there)), 25)
                    c = self.fill(self.near, there, 2, 'F')
                    self.near.flag(self.one(self.near, a[0]), add='R')
                    self.far.flag(self.one(self.far, a[1]), add='F')
                    self.near.move(self.one(self.near, a[2]), 'Post/Ablage')
                    self.far.move(self.one(self.far, b[0]), here)
                    self.near.delete(self.one(self.near, a[3]))
                    self.sync_twice(twins=False)
                    self.assertEqual([self.one(self.far, x).box for x in c + [b[0]]], [here] * 3)
                    self.assertEqual(self.one(self.far, a[2]).box, 'Post/Ablage')
                    self.assertEqual(self.one(self.near, b[0]).box, there)
                    self.assertEqual(find(self.far, a[3]), [])
                    for x in a[:2] + c:
                        self.assertEqual(self.one(self.far, x).flags, self.one(self.near, x).flags)

    def test_map_inbox(self):
        self.pair(far=self.account(), far_store='MapInbox Eingang')
        s = self.fill(self.far, 'INBOX', 3)
        for _ in range(2):
            self.assertIn('has another name here (MapInbox)', self.sync(code=1).err)
        self.assertEqual(sorted(m.serial for m in self.near.messages('Eingang')), s)
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace('Patterns *', 'Patterns * "!INBOX"'))
        self.sync()

    def test_keywords(self):
        """Keywords between two accounts; $Forwarded is P in a Maildir."""
        self.pair(far=self.account(), near=self.account('cyrus'))
        s = self.fill(self.far, 'INBOX', 3)
        self.far.flag(self.one(self.far, s[0]), add=['$Work', 'Label_1', '$Forwarded'])
        self.sync_twice()
        self.near.flag(self.one(self.near, s[0]), remove=['$Work'])
        self.near.flag(self.one(self.near, s[1]), add=['$Junk'])
        self.sync_twice()
        self.assertEqual(self.one(self.far, s[0]).flags, {'Label_1', 'P'})
        self.assertEqual(self.one(self.far, s[1]).flags, {'$Junk'})


class Bytes(Account):
    """R23: what is in a message comes over as it is."""

    ODD = [b'a: b\n\nx\n', b'a: b\n\n', b'a: b\n', b'a: b', b'a: b\nc: d\n e\n\n', b'\n', b'\nbody only\n', b'a: b\n\n\n\n',
           b'a: b\n\nno end', b'From x\n\nmbox\n', b'a: b\n\n.\n..\n', b'a:b\n\n' + b'x' * 5000 + b'\n',
           b'a: ' + 'grüße'.encode() + b'\n\n' + 'grüße'.encode() + b'\n', b'a: b\n\n\xff\xfe\x80\n', b'a: b\n\n\t\n \n']

    def plain_append(self, side, data):
        """APPEND of exactly these octets: imaplib makes CRLF of all line ends."""
        imap = side.imap
        imap.send(b'r1 APPEND INBOX (\\Seen) {%d}\r\n' % len(data))
        while not imap.readline().startswith(b'+'):
            pass
        imap.send(data + b'\r\n')
        while True:
            line = imap.readline()
            if line.startswith(b'r1 '):
                return line.startswith(b'r1 OK')

    def digests(self, side):
        return collections.Counter(m.digest for m in side.messages('INBOX'))

    def carried(self, kind):
        self.pair(far=self.account(kind))
        for data in self.ODD:
            self.near.deliver('INBOX', data, 'S')
        self.sync(code=(0, 1))
        self.sync(code=(0, 1))
        far, near = self.digests(self.far), self.digests(self.near)
        self.assertLessEqual(len(near - far), 4 if kind == 'cyrus' else 0)     # Cyrus wants a header, and whole lines
        before = self.far.still(), self.near.still()
        self.sync(code=(0, 1))
        self.assertEqual(before, (self.far.still(), self.near.still()))

    def test_dovecot_takes_all(self):
        self.carried('dovecot')

    def test_cyrus_takes_what_it_can(self):
        self.carried('cyrus')

    def paired(self, kind):
        """Equal messages on both sides are twins, however odd: digests are the server's BODY[HEADER]'s."""
        self.pair(far=self.account(kind))
        for data in self.ODD:
            if self.plain_append(self.far, data.replace(b'\n', b'\r\n')):
                self.near.deliver('INBOX', data, 'F')
        n = len(self.near.messages('INBOX'))
        self.assertGreater(n, 8)
        self.sync_twice(twins=False)
        self.assertEqual(len(self.near.messages('INBOX')), n)
        self.assertEqual(len(self.far.messages('INBOX')), n)

    def test_odd_twins_on_dovecot(self):
        self.paired('dovecot')

    def test_odd_twins_on_cyrus(self):
        self.paired('cyrus')

    def test_bare_and_mixed_line_ends(self):
        """What a server gives with bare LF or CR stays so; and is its own twin when all is paired anew."""
        self.pair(far=self.account())
        odd = [b'a: b\r\n\r\nmixed\nline\r\nends\n', b'a: b\n\nall bare\n', b'a: b\r\n\r\na lone \r here\r\n',
               b'a: b\r\n\r\nends in CR\r']
        for data in odd:
            self.assertTrue(self.plain_append(self.far, data))
        self.sync()
        self.sync()
        self.assertEqual(len(self.near.messages('INBOX')), 4)
        shutil.rmtree(self.state)
        self.sync()
        self.sync()
        self.assertEqual(len(self.near.messages('INBOX')), 4)
        self.assertEqual(len(self.far.messages('INBOX')), 4)

    def test_crlf_files(self):
        """A Maildir file with CRLF, or mixed, goes up and is known again."""
        self.pair(far=self.account())
        for data in (b'a: b\r\n\r\nserial 1.\r\n', b'a: b\n\nserial 2.\r\nmixed\n'):
            self.near.deliver('INBOX', data, 'S')
        self.sync()
        self.sync()
        shutil.rmtree(self.state)
        self.sync()
        self.assertEqual(len(self.near.messages('INBOX')), 2)
        self.assertEqual(len(self.far.messages('INBOX')), 2)

    def test_same_date_twice(self):
        """INTERNALDATE is kept between accounts."""
        self.pair(far=self.account(), near=self.account('cyrus'))
        self.far.deliver('INBOX', message(1), 'S', date='"01-Feb-2003 04:05:06 +0130"')
        self.near.deliver('INBOX', message(2), 'S', date='"29-Feb-2024 23:59:59 -1100"')
        self.sync_twice()
        for n in (1, 2):
            self.assertEqual(imaplib.Internaldate2tuple(b'INTERNALDATE "%s"' % self.far.date(self.one(self.far, n)).encode()),
                             imaplib.Internaldate2tuple(b'INTERNALDATE "%s"' % self.near.date(self.one(self.near, n)).encode()))


class Crowd(Account):
    """Several clients at work on the account while we sync again and again."""

    def crowd(self, kind):
        self.imap_pair(kind=kind)
        self.far.create('a')
        self.fill(self.far, 'INBOX', 80, 'S')
        self.sync()
        stop, faults, added = threading.Event(), [], []

        def client(number):
            rng = random.Random(number)
            try:
                imap = self.far.server.connect(self.far.user)
                serial = number * 10000
                while not stop.is_set():
                    imap.select('INBOX')
                    uids = imap.uid('SEARCH', 'ALL')[1][0].split()
                    verb = rng.randrange(6)
                    if verb == 0:
                        serial += 1
                        if imap.append('INBOX', None, None, message(serial))[0] == 'OK':
                            added.append(serial)
                    elif verb == 1 and len(uids) > 60:
                        imap.uid('STORE', rng.choice(uids[20:]), '+FLAGS.SILENT', '(\\Deleted)')     # the oldest: a window
                        imap.expunge()
                    elif verb == 2 and len(uids) > 60:
                        imap.uid('COPY', rng.choice(uids), 'a')
                    else:
                        imap.uid('STORE', rng.choice(uids), rng.choice('+-') + 'FLAGS',
                                 '(%s)' % rng.choice(['\\Flagged', '\\Answered', '\\Draft']))
                    stop.wait(.01)
                imap.logout()
            except Exception as e:
                faults.append(e)
        clients = [threading.Thread(target=client, args=(n,)) for n in (1, 2, 3)]
        for c in clients:
            c.start()
        try:
            for _ in range(8):
                self.sync(code=(0, 1))
        finally:
            stop.set()
            for c in clients:
                c.join(20)
        self.assertEqual(faults, [])
        self.sync()
        self.sync_twice()

    def test_dovecot(self):
        self.crowd('dovecot')

    def test_cyrus(self):
        self.crowd('cyrus')

    def test_poor(self):
        self.crowd('poor')
