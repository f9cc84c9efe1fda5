"""Flatten: mailboxes of a hierarchy beside each other, on disk and on a server."""
import os

from accounts import Account
from lib import ImapSide, MaildirSide

NAMES = ['INBOX', 'INBOX/list', 'work', 'work/2026', 'work/2026/Q1', 'Entwürfe', 'odd/née']


class FlatMaildir(MaildirSide):
    """Maildirs directly in one directory, '/' of names being `flat`."""

    def __init__(self, path, flat='.', **kw):
        self.flat = flat
        super().__init__(path, **kw)

    def store(self, name, more=''):
        lines = super().store(name).replace('SubFolders Verbatim\n', '')
        return f'{lines.rstrip()}\nFlatten {self.flat}\n{more}\n'

    def box(self, name):
        return super().box(name if name == 'INBOX' else name.replace('/', self.flat))

    def boxes(self):
        return sorted(n.replace(self.flat, '/') for n in super().boxes())


class FlatImap(ImapSide):
    flat = '_'

    def wire(self, name):
        return super().wire(name.replace('/', self.flat))

    def boxes(self):
        return sorted(n.replace(self.flat, '/') for n in super().boxes())


class Flatten(Account):
    def flat(self, **kw):
        return FlatMaildir(os.path.join(self.dir, 'near'), **kw)

    def everyday(self):
        """Mailboxes made on both sides, changed, and removed; the sides are twins throughout."""
        sides = self.far, self.near
        for n, name in enumerate(NAMES):
            if name not in sides[n % 2].boxes():
                sides[n % 2].create(name)
            self.fill(sides[n % 2], name, 2, 'S')
        self.sync_twice()
        self.assertEqual(self.near.boxes(), sorted(NAMES))
        self.assertEqual(self.far.boxes(), sorted(NAMES))
        a, = self.fill(self.far, 'work/2026', 1, 'S')
        b, = self.fill(self.near, 'work/2026/Q1', 1, 'S')
        self.sync_twice()
        self.far.flag(self.one(self.far, a), add='F')
        self.near.move(self.one(self.near, b), 'INBOX/list')
        self.far.delete(self.one(self.far, b))
        self.sync_twice()
        self.near.remove('odd/née')
        self.sync_twice()
        self.assertNotIn('odd/née', self.far.boxes())

    def renamed(self):
        """What is below a mailbox goes with it."""
        for name in ('top', 'top/a', 'top/a/b', 'topless'):
            self.far.create(name)
            self.fill(self.far, name, 2, 'S')
        self.sync()
        self.far.rename('top', 'neu')
        self.sync_twice()
        self.assertEqual(self.near.boxes(), ['INBOX', 'neu', 'neu/a', 'neu/a/b', 'topless'])

    def test_maildirs(self):
        self.pair(near=self.flat())
        self.everyday()
        self.assertTrue(os.path.isdir(os.path.join(self.near.path, 'INBOX.list', 'cur')))
        self.assertTrue(os.path.isdir(os.path.join(self.near.path, 'work.2026.Q1', 'cur')))

    def test_renamed_between_maildirs(self):
        self.pair(near=self.flat())
        self.renamed()

    def test_account_and_maildir(self):
        self.pair(far=self.account(), near=self.flat(flat='--'))
        self.everyday()

    def test_renamed_on_the_account(self):
        self.pair(far=self.account(), near=self.flat())
        self.renamed()

    def test_maildir_plus_plus(self):
        """The layout sees the flat names."""
        self.pair(near_store='Flatten _', near=self.maildir('near', layout='Maildir++'))
        self.far.create('a/b')
        self.fill(self.far, 'a/b', 2)
        self.sync()
        self.assertTrue(os.path.isdir(os.path.join(self.near.inbox(), '.a_b', 'cur')))
        self.assertEqual(len(self.near.messages('a_b')), 2)
        before = self.near.still()
        self.sync()
        self.assertEqual(before, self.near.still())

    def test_on_the_server(self):
        for kind in ('dovecot', 'dots'):
            with self.subTest(kind=kind):
                self.setUp()
                self.near = None
                far = self.account(kind)
                far.__class__ = FlatImap
                self.pair(far=far, far_store='Flatten _')
                self.everyday()
                self.near.rename('work', 'office')
                self.sync()
                self.sync_twice()
                self.assertIn('office/2026/Q1', self.far.boxes())
                self.assertNotIn('work/2026', self.far.boxes())

    def test_names_that_cannot_be(self):
        """A name with the delimiter, and a mailbox below another on disk, are told of; the rest is done."""
        self.pair(near=self.flat())
        self.far.create('a.b')
        self.fill(self.far, 'a.b', 1)
        good = self.fill(self.far, 'INBOX', 1)
        for sub in ('tmp', 'new', 'cur'):
            os.makedirs(os.path.join(self.near.path, 'x', 'y', sub))
        run = self.sync(code=1)
        self.assertIn('"a.b" is left out: its name has a \'.\'', run.err)
        self.assertIn('it lies below another mailbox, and its store keeps all of them beside each other (Flatten)', run.err)
        self.assertEqual([m.serial for m in self.near.messages('INBOX')], good)
        self.assertEqual(self.near.boxes(), ['INBOX', 'x/y'])
        self.assertEqual(self.far.boxes(), ['INBOX', 'a.b'])
