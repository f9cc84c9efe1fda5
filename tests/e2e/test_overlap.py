"""Channels that meet in one mailbox: refused unless that is meant."""
import os

from accounts import Account
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

    def one_state(self, first, second, more=''):
        self.far, self.near = self.maildir('far'), self.maildir('near')
        self.write_config(self.far.store('far') + self.near.store('near') + f'Channel all\nFar :far:\nNear :near:\nCreate Both\n'
                          f'Remove Both\nExpunge Both\n{first}\n\nChannel quick\n{second}\n\n{more}')

    def test_all_and_one_of_them(self):
        """A channel for everything, and one for INBOX alone: what one does is known to the other, whichever runs."""
        for second in ('Far :far:\nNear :near:\nPatterns INBOX\n', 'Far :far:\nNear :near:INBOX\n', 'Far :far:INBOX\nNear :near:INBOX\n'):
            with self.subTest(second=second):
                self.setUp()
                self.one_state('Patterns *\n', second + 'Sync Pull\nExpunge Near\n')
                s = self.fill(self.far, 'INBOX', 6, 'S') + self.fill(self.far, 'work', 0)
                self.far.create('work')
                s += self.fill(self.far, 'work', 3, 'S')
                self.sync('quick')
                self.assertEqual(self.near.boxes(), ['INBOX'])
                self.sync_twice()
                self.near.delete(self.one(self.near, s[0]))
                self.far.delete(self.one(self.far, s[1]))
                self.near.flag(self.one(self.near, s[2]), add='F')
                moved = self.one(self.near, s[3])
                self.near.move(moved, 'work')
                self.sync('quick')              # pulls alone
                self.assertEqual(sorted(serials(self.near)), sorted(set(s) - {s[0], s[1]}))
                self.assertEqual(sorted(serials(self.far)), sorted(set(s) - {s[1]}))
                self.sync_twice()
                self.assertEqual(sorted(serials(self.far)), sorted(set(s) - {s[0], s[1]}))
                self.assertEqual(self.one(self.far, s[3]).box, 'work')
                still = self.far.still(), self.near.still()
                self.sync('quick')
                self.assertEqual(still, (self.far.still(), self.near.still()))
                self.assertEqual([f for f in os.listdir(self.state) if f.endswith('.mdb')], ['all.mdb'])
                self.assertIn('INBOX', self.mailtwin('state', 'dump', 'quick').out)
                self.mailtwin('check-config')

    def test_a_limit_of_one_of_them(self):
        """What one lets go is no deletion to the other."""
        self.one_state('Patterns *\n', 'Far :far:INBOX\nNear :near:INBOX\nMaxMessages 4\nExpunge Both\n')
        s = self.fill(self.far, 'INBOX', 9, 'S')
        self.sync('all')
        self.sync('quick')
        kept = sorted(serials(self.near))
        self.assertEqual(len(kept), 4)
        for args in (('all',), ('-a',), ('quick',), ('all',)):
            self.sync(*args)
            self.assertEqual(sorted(serials(self.far)), s)
            self.assertEqual(sorted(serials(self.near)), kept)

    def test_below_a_prefix(self):
        self.one_state('Patterns *\n', 'Far :far:lists/\nNear :near:lists/\nPatterns * !x\nCreate Both\nExpunge Both\n')
        for box in ('lists/a', 'lists/x', 'b'):
            self.far.create(box)
            self.fill(self.far, box, 2)
        self.sync('quick')
        self.assertEqual(self.near.boxes(), ['INBOX', 'lists/a'])
        self.sync_twice()
        self.far.delete(self.far.messages('lists/a')[0])
        self.sync('quick:a')
        self.assertEqual(len(self.near.messages('lists/a')), 1)
        self.sync_twice()

    def test_a_prefix_that_is_a_mailbox(self):
        """It is meant itself, and what is below it: the rest of the names is empty, or begins with '/'."""
        self.far, self.near = self.maildir('far'), self.maildir('near')
        self.write_config(self.far.store('far') + self.near.store('near') + 'Channel sent\nFar ":far:Sent Mail"\nNear :near:old/Sent\n'
                          'Patterns * !*secret\nCreate Both\nRemove Both\nExpunge Both\n')
        for box in ('Sent Mail', 'Sent Mail/2024', 'Sent Mail/secret', 'Sent'):
            self.far.create(box)
            self.fill(self.far, box, 3, 'S')
        self.assertEqual(self.mailtwin('-l', 'sent').out, 'Sent Mail <=> old/Sent\nSent Mail/2024 <=> old/Sent/2024\n')
        plan = self.mailtwin('plan', '-a').out
        self.assertIn('Sent Mail\n  near: create', plan)
        self.assertIn('Sent Mail/2024\n  near: create', plan)
        self.sync_twice(twins=False)
        self.assertEqual(self.near.boxes(), ['INBOX', 'old/Sent', 'old/Sent/2024'])
        self.far.delete(self.far.messages('Sent Mail')[0])
        self.near.flag(self.near.messages('old/Sent')[0], add='F')
        self.near.create('old/Sent/fresh')
        self.fill(self.near, 'old/Sent/fresh', 1)
        self.near.rename('old/Sent/2024', 'old/Sent/2025')
        self.sync_twice(twins=False)
        for far, near in (('Sent Mail', 'old/Sent'), ('Sent Mail/2025', 'old/Sent/2025'), ('Sent Mail/fresh', 'old/Sent/fresh')):
            self.assertEqual([sorted((m.serial, m.flags) for m in s.messages(b)) for s, b in ((self.far, far), (self.near, near))][0],
                             sorted((m.serial, m.flags) for m in self.near.messages(near)))
        self.assertEqual(len(self.near.messages('old/Sent')), 2)
        self.far.remove('Sent Mail/2025')
        self.sync_twice(twins=False)
        self.assertEqual(self.near.boxes(), ['INBOX', 'old/Sent', 'old/Sent/fresh'])
        self.assertEqual(self.far.boxes(), ['INBOX', 'Sent', 'Sent Mail', 'Sent Mail/fresh', 'Sent Mail/secret'])

    def test_nothing_is_selected(self):
        self.one_state('Patterns w*\n', 'Far :far:x/\nNear :near:x/\nPatterns *\n')
        self.far.create('work')
        run = self.sync()
        self.assertEqual(run.err.count('Patterns select no mailbox'), 1)
        self.assertIn('quick: Patterns select no mailbox', run.err)

    def test_one_name_twice(self):
        """As mbsync has it: both are run, and the name means the first; each has a state."""
        self.one_state('Patterns a*\n', 'Far :far:\nNear :near:\nPatterns b*\nCreate Both\n',
                       'Channel quick\nFar :far:\nNear :near:\nPatterns c*\nCreate Both\n\nMaildirStore near\nPath /nowhere/\n')
        for box in ('a', 'b', 'c'):
            self.far.create(box)
            self.fill(self.far, box, 2)
        run = self.sync('quick')
        self.assertEqual(self.near.boxes(), ['INBOX', 'b'])
        self.assertRegex(run.err, r'Channel "quick" is defined already, in line \d+: both are run')
        self.assertRegex(run.err, r'Store "near" is defined already, in line \d+: the name means that one')
        self.sync_twice()
        self.assertEqual(self.near.boxes(), ['INBOX', 'a', 'b', 'c'])
        self.assertEqual(len([f for f in os.listdir(self.state) if f.endswith('.mdb')]), 3)

    def test_one_pair_twice(self):
        """Not even a hub: two channels without a state in common would undo each other's work."""
        a, d = self.maildir('a'), self.maildir('d')
        os.symlink(d.path, d.path + '-link')
        link = d.store('link').replace(f'{d.path}/', f'{d.path}-link/')
        self.assertIn('-link/', link)
        self.write_config(a.store('a') + d.store('d') + link + 'Channel one\nFar :a:\nNear :d:\nPatterns *\n\n'
                          'Channel two\nFar :a:\nNear :link:\nPatterns IN*\n')
        run = self.mailtwin('-a', code=2)
        self.assertIn('"one" and "two" both synchronise :d:INBOX with :a:INBOX', run.err.replace(':a:INBOX with :d:INBOX', ':d:INBOX with :a:INBOX'))


class OneAccount(Account):
    def test_in_two_maildirs(self):
        """Kept twice, as mbsync does it: told, and each has what the other changed."""
        far, a, b = self.account(), self.maildir('a'), self.maildir('b')
        far.create('Work')
        serials_ = sorted(self.fill(far, 'INBOX', 3, 'S') + self.fill(far, 'Work', 2))
        self.write_config(far.store('far') + a.store('a') + b.store('b').rstrip('\n') + ''.join(
            f'\n\nChannel {x}\nFar :far:\nNear :{x}:\nPatterns *\nCreate Both\nExpunge Both\n' for x in 'ab'))
        self.assertIn('warning: channels "a" and "b" share the mailbox', self.mailtwin('check-config').err)
        self.sync()
        self.sync()
        for side in (far, a, b):
            self.assertEqual(sorted(serials(side)), serials_)
        a.delete(self.one(a, serials_[0]))
        b.flag(self.one(b, serials_[1]), add='F')
        new, = self.fill(a, 'Work', 1)
        self.sync()
        self.sync()
        for side in (far, a, b):
            self.assertEqual(sorted(serials(side)), sorted([*serials_[1:], new]))
            self.assertIn('F', self.one(side, serials_[1]).flags)
        self.sync_twice(twins=False, sides=[far, a, b])
