"""Keywords (R14): between servers, and as letters of file names in a Maildir."""
import os
import random

from accounts import Account
from lib import ImapSide, MaildirSide, message
from servers import Dovecot, run_as


class Keywords(Account):
    def words(self, side, serial):
        """Keywords of a message, in lower case: their case is nobody's."""
        return {w.lower() for w in self.one(side, serial).flags if len(w) > 1}

    def letters(self, serial):
        return ''.join(sorted(c for c in self.one(self.near, serial).flags if c.islower()))

    def give(self, top):
        """To the user that the server runs as."""
        for folder, folders, files in os.walk(top):
            for name in folders + files:
                os.chown(os.path.join(folder, name), *run_as())

    def file(self, box='INBOX'):
        return os.path.join(self.near.box(box), 'dovecot-keywords')

    def map(self, box='INBOX'):
        with open(self.file(box)) as f:
            return dict(reversed(line.rstrip('\n').split(' ', 1)) for line in f)

    def between(self, a, b):
        self.pair(far=self.account(a), near=self.account(b))
        s = self.fill(self.far, 'INBOX', 4, ['S', '$Junk', 'Work'])
        t = self.fill(self.near, 'INBOX', 2, ['$Label1'])
        self.sync_twice()
        self.assertEqual(self.words(self.near, s[0]), {'$junk', 'work'})
        self.assertEqual(self.words(self.far, t[0]), {'$label1'})
        self.far.flag(self.one(self.far, s[0]), remove=['Work'], add=['todo'])
        self.near.flag(self.one(self.near, s[1]), remove=['$Junk'], add=['$MDNSent', 'P'])
        self.far.flag(self.one(self.far, s[2]), add=['a1'])
        self.near.flag(self.one(self.near, s[2]), add=['b1'], remove=['Work'])
        self.sync_twice(twins=False)
        for side in (self.far, self.near):
            self.assertEqual(self.words(side, s[0]), {'$junk', 'todo'})
            self.assertEqual(self.words(side, s[1]), {'work', '$mdnsent'})
            self.assertIn('P', self.one(side, s[1]).flags)
            self.assertEqual(self.words(side, s[2]), {'$junk', 'a1', 'b1'})

    def test_dovecot_to_dovecot(self):
        self.between('dovecot', 'dovecot')

    def test_dovecot_to_cyrus(self):
        self.between('dovecot', 'cyrus')

    def test_cyrus_to_poor_dovecot(self):
        self.between('cyrus', 'poor')

    def test_maildir_without_keywords_loses_none(self):
        """They stay where they are; and when Keywords is turned on they come, and none is taken off."""
        self.imap_pair()
        s = self.fill(self.far, 'INBOX', 3, ['S', '$Junk', 'Work'])
        self.far.create('sub')
        u = self.fill(self.far, 'sub', 2, ['Work'])
        self.sync_twice(twins=False)
        self.far.flag(self.one(self.far, s[0]), add=['more'])
        self.near.flag(self.one(self.near, s[1]), add='F')
        self.near.flag(self.one(self.near, u[0]), add='R')
        self.sync_twice(twins=False)
        self.assertFalse(os.path.exists(self.file()))
        self.assertEqual(self.words(self.far, s[0]), {'$junk', 'work', 'more'})
        self.assertEqual(self.words(self.far, s[1]), {'$junk', 'work'})
        self.assertEqual(self.words(self.far, u[0]), {'work'})
        self.pair(near_store='Keywords yes')
        self.sync_twice(twins=False)
        self.assertEqual(self.words(self.far, s[0]), {'$junk', 'work', 'more'})
        self.assertEqual(self.words(self.far, u[1]), {'work'})
        names = self.map()
        self.assertEqual(set(self.letters(s[0])), {chr(97 + int(names[w])) for w in ('$Junk', 'Work', 'more')})
        self.assertEqual(self.letters(u[1]), 'a')

    def test_letters_both_ways(self):
        self.imap_pair(near_store='Keywords yes')
        self.far.create('sub')
        self.far.create('other')
        s = self.fill(self.far, 'INBOX', 5, ['S', '$Junk'])
        self.fill(self.far, 'sub', 1, ['Work', 'x'])
        self.sync_twice(twins=False)
        self.assertEqual(self.letters(s[0]), 'a')
        self.near.flag(self.one(self.near, s[0]), remove='a')
        self.far.flag(self.one(self.far, s[1]), add=['Work'])
        self.far.flag(self.one(self.far, s[2]), remove=['$Junk'])
        self.near.flag(self.one(self.near, s[3]), add='z')      # nobody knows what it means
        self.far.flag(self.one(self.far, s[3]), add='F')
        self.near.delete(self.one(self.near, s[4]))
        self.sync_twice(twins=False)
        self.assertEqual(self.words(self.far, s[0]), set())
        self.assertEqual(self.letters(s[1]), 'ab')
        self.assertEqual(self.letters(s[2]), '')
        self.assertEqual(self.letters(s[3]), 'az')
        self.assertIn('F', self.one(self.near, s[3]).flags)
        self.assertEqual(self.map()['Work'], '1')
        # A move from one mailbox to another, where the letters are others.
        self.far.move(self.one(self.far, s[1]), 'sub')
        self.sync_twice(twins=False)
        names = self.map('sub')
        self.assertEqual(set(self.letters(s[1])), {chr(97 + int(names[w])) for w in ('$Junk', 'Work')})
        self.assertEqual(self.words(self.far, s[1]), {'$junk', 'work'})

    def test_twenty_seven(self):
        self.imap_pair(near_store='Keywords yes')
        s = self.fill(self.far, 'INBOX', 30, ['S'])
        for i, n in enumerate(s):
            self.far.flag(self.one(self.far, n), add=[f'word{i}'])
        first = self.sync_twice(twins=False)
        self.assertEqual(len(self.map()), 26)
        for i, n in enumerate(s):
            self.assertEqual(self.words(self.far, n), {f'word{i}'})
        self.near.flag(self.one(self.near, s[29]), add='F')
        self.near.flag(self.one(self.near, s[0]), add='F')
        again = self.sync_twice(twins=False)
        self.assertEqual(self.words(self.far, s[29]), {'word29'})
        self.assertIn('F', self.one(self.far, s[29]).flags)
        self.assertIn('keyword', first.out + first.err)
        self.assertNotIn('keyword', again.out + again.err)

    def test_file_lost_takes_nothing_off(self):
        self.imap_pair(near_store='Keywords yes')
        s = self.fill(self.far, 'INBOX', 3, ['S', 'Work'])
        self.sync_twice(twins=False)
        os.unlink(self.file())
        self.near.flag(self.one(self.near, s[0]), add='F')
        self.sync(code=0)
        self.sync(code=0)
        for n in s:
            self.assertEqual(self.words(self.far, n), {'work'})
            self.assertEqual(self.letters(n), 'a')

    def test_lock_of_a_dead_program_is_taken_over(self):
        self.imap_pair(near_store='Keywords yes')
        with open(self.file() + '.lock', 'w') as f:
            f.write('99999999:' + os.uname().nodename)
        s = self.fill(self.far, 'INBOX', 1, ['Work'])
        self.sync_twice(twins=False)
        self.assertEqual(self.letters(s[0]), 'a')
        self.assertFalse(os.path.exists(self.file() + '.lock'))

    def test_dovecot_reads_the_same_letters(self):
        """Near is a Maildir that a Dovecot serves as well: it sees the words, and we see its."""
        with Dovecot(mail='maildir') as own:
            watch = ImapSide(own, 'alice')
            watch.deliver('INBOX', message(900), ['S', 'theirs'])
            watch.close()
            top = own.mail_dir('alice')
            near = MaildirSide.__new__(MaildirSide)
            near.__dict__.update(path=top, layout='Maildir++', rng=random.Random(1), style='plain',
                                 count=0, known={})
            near.inbox = lambda: top
            self.imap_pair(near=near)
            s = self.fill(self.far, 'INBOX', 2, ['S', '$Junk', 'Work'])
            self.sync()
            self.give(top)
            watch.again()
            self.assertEqual(self.words(watch, s[0]), {'$junk', 'work'})
            self.assertEqual(self.words(self.far, 900), {'theirs'})
            watch.flag(self.one(watch, s[1]), add=['later'], remove=['Work'])
            watch.close()
            self.sync()
            self.assertEqual(self.words(self.far, s[1]), {'$junk', 'later'})
            self.far.flag(self.one(self.far, s[1]), add=['last'])
            self.sync()
            self.give(top)
            watch.again()
            self.assertEqual(self.words(watch, s[1]), {'$junk', 'later', 'last'})
            watch.close()

    def test_server_that_keeps_few(self):
        """A mailbox of Cyrus without the right w: PERMANENTFLAGS names neither \\* nor \\Flagged."""
        self.imap_pair(kind='cyrus', near_store='Keywords yes')
        self.far.create('box')
        s = self.fill(self.far, 'box', 3, ['S', 'Work'])
        self.sync_twice(twins=False)
        names = self.map('box')
        self.far.ok(self.far.imap.setacl('box', self.far.user, 'lrsitepka'), 'SETACL')
        self.near.flag(self.one(self.near, s[0]), add='F')
        self.near.flag(self.one(self.near, s[1]), remove='a')
        u = self.fill(self.near, 'box', 1, 'Sa')
        first = self.sync_twice(twins=False)
        again = self.sync_twice(twins=False)
        self.assertIn('keyword', first.out + first.err)
        self.assertNotIn('keyword', again.out + again.err)
        self.assertIn('F', self.one(self.near, s[0]).flags)
        self.assertEqual(self.letters(s[1]), '')
        self.assertEqual(self.letters(u[0]), 'a')
        self.assertEqual(self.words(self.far, s[1]), {'work'})
        self.assertEqual(names, self.map('box'))

    def test_roles_are_created(self):
        """SPECIAL-USE, where the server can; elsewhere the mailbox without it."""
        for kind in ('cyrus', 'dovecot'):
            with self.subTest(kind):
                self.pair(far=self.account('cyrus'), near=self.account(kind))
                if 'CREATE-SPECIAL-USE' not in self.far.imap.capabilities:
                    self.skipTest('this Cyrus gives no roles')
                self.far.ok(self.far.imap._simple_command('CREATE', 'Gesendet', '(USE (\\Sent))'), 'CREATE')
                s = self.fill(self.far, 'Gesendet', 1, 'S')
                self.sync_twice()
                self.assertEqual(self.one(self.near, s[0]).box, 'Gesendet')
                if 'CREATE-SPECIAL-USE' in self.near.imap.capabilities:
                    typ, lines = self.near.imap._simple_command('LIST', '""', '"*"', 'RETURN', '(SPECIAL-USE)')
                    typ, lines = self.near.imap._untagged_response(typ, lines, 'LIST')
                    self.assertTrue([x for x in lines if b'\\Sent' in x and b'Gesendet' in x], lines)
