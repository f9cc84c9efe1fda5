"""Channels that meet in one mailbox: refused unless that is meant."""
import os

from lib import Case, serials


class Overlap(Case):
    def channels(self, hub='', first='*', second='*', more=''):
        self.a, self.b, self.d = self.maildir('a'), self.maildir('b'), self.maildir('d')
        self.write_config(self.a.store('a') + self.b.store('b') + self.d.store('d').rstrip('\n') + f'\n{hub}\n' +
                          f'Channel home\nFar :a:\nNear :d:\nPatterns {first}\nCreate Both\n\n'
                          f'Channel work\nFar :b:\nNear :d:\nPatterns {second}\nCreate Both\n\n{more}')

    def test_two_accounts_one_path(self):
        """The second account copied from the first, and Path not changed: nothing of one goes into the other."""
        c = self.maildir('c')
        self.channels(more=c.store('c') + self.maildir('e').store('e') + 'Channel other\nFar :c:\nNear :e:\nPatterns *\n')
        mine, theirs = self.fill(self.a, 'INBOX', 3), self.fill(self.b, 'INBOX', 2)
        self.a.create('Private')
        for args in (('-a',), ('home',), ('work:INBOX',), ('plan', '-a')):
            run = self.mailtwin(*args, code=2)
            self.assertIn('"home"', run.err)
            self.assertIn('"work"', run.err)
            self.assertIn('Hub yes', run.err)
        run = self.mailtwin('check-config', code=2)
        self.assertIn('"home" and "work"', run.err)
        self.assertEqual(serials(self.d), {})
        self.assertEqual(sorted(serials(self.a)), mine)
        self.assertEqual(sorted(serials(self.b)), theirs)
        self.assertNotIn('Private', self.b.boxes())
        self.sync('other')

    def test_one_inbox_two_paths(self):
        """INBOX is synchronised because the server lists it, wherever Inbox points to: at that of another channel, or at a folder of it."""
        for inbox in ('INBOX', 'work'):
            with self.subTest(inbox=inbox):
                self.setUp()
                self.a, self.b = self.maildir('a'), self.maildir('b')
                mine, theirs = self.fill(self.a, 'INBOX', 3), self.fill(self.b, 'INBOX', 2)
                near = ''.join(f'MaildirStore {name}\nPath {self.dir}/{name}/\nInbox {box}\nSubFolders Verbatim\n\n'
                               for name, box in (('d', f'{self.dir}/d/INBOX'), ('e', f'{self.dir}/d/{inbox}')))
                self.write_config(self.a.store('a') + self.b.store('b') + near +
                                  'Channel home\nFar :a:\nNear :d:\nPatterns *\nCreate Both\n\n'
                                  'Channel work\nFar :b:\nNear :e:\nPatterns *\nCreate Both\n')
                for args in (('check-config',), ('-a',), ('work',)):
                    self.assertIn('"home" and "work"', self.mailtwin(*args, code=2).err)
                self.assertEqual([sorted(serials(s)) for s in (self.a, self.b)], [mine, theirs])
        self.write_config(open(self.config).read().replace('Near :e:\nPatterns *', 'Near :e:\nPatterns * !INBOX !INBOX/*'))
        self.mailtwin('check-config')

    def test_meant_or_apart(self):
        self.channels('Hub yes\n')
        s = self.fill(self.a, 'INBOX', 3) + self.fill(self.b, 'INBOX', 2)
        self.sync()
        self.sync()
        for side in (self.a, self.b, self.d):
            self.assertEqual(sorted(serials(side)), s)
        self.sync_twice(twins=False, sides=[self.a, self.b, self.d])
        self.channels(first='INBOX', second='* !INBOX')
        self.mailtwin('check-config')
        self.sync()

    def test_one_pair_twice(self):
        """Not even a hub: two channels would undo each other's work."""
        a, d = self.maildir('a'), self.maildir('d')
        os.symlink(d.path, d.path + '-link')
        link = d.store('link').replace(f'{d.path}/', f'{d.path}-link/')
        self.assertIn('-link/', link)
        self.write_config(a.store('a') + d.store('d') + link + 'Channel one\nFar :a:\nNear :d:\nPatterns *\n\n'
                          'Channel two\nFar :a:\nNear :link:\nPatterns IN*\n')
        run = self.mailtwin('-a', code=2)
        self.assertIn('"one" and "two" both synchronise :d:INBOX with :a:INBOX', run.err.replace(':a:INBOX with :d:INBOX', ':d:INBOX with :a:INBOX'))
