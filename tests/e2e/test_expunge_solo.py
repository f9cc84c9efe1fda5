"""ExpungeSolo: what is marked and has no twin is expunged; a pair stays, marked, on whatever store."""
from accounts import Account


class Solo(Account):
    """Who is marked where, and what is left on each side afterwards."""

    def cells(self, policy, in_far, in_near, kind=None, options=()):
        sides = {'far': self.account(kind)} if kind else {}
        self.pair(patterns='INBOX', policy=policy, **sides)
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync('-a', *options)
        self.far.delete(self.one(self.far, s[1]))
        self.near.delete(self.one(self.near, s[2]))
        self.far.flag(self.one(self.far, s[3]), add='T')
        self.near.flag(self.one(self.near, s[4]), add='T')
        self.far.flag(self.one(self.far, s[5]), add='T')
        self.near.flag(self.one(self.near, s[5]), add='T')
        new_far, = self.fill(self.far, 'INBOX', 1, 'ST')
        new_near, = self.fill(self.near, 'INBOX', 1, 'ST')
        names = dict(zip(['gone far', 'gone near', 'marked far', 'marked near', 'marked both'], s[1:6]), new_far=new_far,
                     new_near=new_near)
        self.sync_twice('-a', *options, twins=False)
        for side, want in ((self.far, in_far), (self.near, in_near)):
            found = {m.serial: m.flags for m in side.messages('INBOX')}
            self.assertEqual(sorted(name for name, serial in names.items() if serial in found), sorted(want))
            for name in want:
                self.assertIn('T', found[names[name]], name)
            self.assertEqual(len(set(found) - set(names.values())), 25)

    PAIRS = ('marked far', 'marked near', 'marked both')
    # New and marked on the side that does not expunge: it goes over, marked, and is a pair then.
    FAR = (PAIRS + ('new_near',), PAIRS + ('gone far', 'new_near'))
    NEAR = (PAIRS + ('gone near', 'new_far'), PAIRS + ('new_far',))

    def test_far(self):
        self.cells('ExpungeSolo Far\n', *self.FAR)

    def test_near(self):
        self.cells('ExpungeSolo Near\n', *self.NEAR)

    def test_both(self):
        self.cells('ExpungeSolo Both\n', self.PAIRS, self.PAIRS)

    def test_beside_expunge_on_the_other_side(self):
        self.cells('ExpungeSolo Far\nExpunge Near\n', (), ())

    def test_on_dovecot(self):
        self.cells('ExpungeSolo Both\n', self.PAIRS, self.PAIRS, kind='dovecot')

    def test_on_a_poor_server(self):
        """Without UIDPLUS all that is marked goes at once, or nothing: what is single stays as long as pairs are marked there."""
        self.pair(patterns='INBOX', policy='ExpungeSolo Far\n', far=self.account('poor'))
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.far.flag(self.one(self.far, s[3]), add='T')
        new, = self.fill(self.far, 'INBOX', 1, 'T')
        self.assertIn('no UIDPLUS', self.sync(code=1).err)
        self.assertEqual({s[3], new}, {m.serial for m in self.far.messages('INBOX') if 'T' in m.flags})
        self.far.flag(self.one(self.far, s[3]), remove='T')
        self.sync()
        self.sync_twice()
        self.assertEqual([m.serial for m in self.far.messages('INBOX') if 'T' in m.flags or m.serial == new], [])

    def test_on_the_command_line(self):
        self.cells('', self.PAIRS, self.PAIRS, options=['-x'])
        self.setUp()
        self.cells('', *self.FAR, options=['--expunge-solo-far'])
