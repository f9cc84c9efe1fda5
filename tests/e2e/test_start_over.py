"""A store that is new and empty where much was known: "I deleted ~/Mail to start over"."""
import os
import shlex
import shutil
import re

from lib import Case, ImapSide, serials
from servers import Dovecot


class StartOver(Case):
    def start(self, policy='Create Both\nExpunge Both\n', **kw):
        self.far = self.near = None
        self.pair(policy=policy, **kw)
        for box, n in (('INBOX', 30), ('Archive', 30), ('Sent Items', 3), ('Empty', 0)):
            if box != 'INBOX':
                self.far.create(box)
            self.fill(self.far, box, n)
        self.sync()

    def lose(self, side, inbox=False):
        shutil.rmtree(side.path)
        os.makedirs(side.path)
        for sub in ('cur', 'new', 'tmp'):
            if inbox:
                os.makedirs(f'{side.path}/INBOX/{sub}')

    def count(self, side):
        return sum(serials(side).values())

    def held(self, *words, args=('-V', '-a')):
        """The same once for the channel, in plan and in each run; nothing is written anywhere."""
        before = self.far.still()
        for a in (('plan', '-V', '-a'), args, args):
            run = self.mailtwin(*a, code=1)
            lines = [x for x in run.err.splitlines() if 'nothing is copied or deleted' in x]
            self.assertEqual(len(lines), 1, run.err)
            self.assertEqual(len(run.err.splitlines()), 1, run.err)
            for word in words:
                self.assertIn(word, lines[0])
            self.assertIn('Held back: 63', run.out)
            self.assertNotIn('nothing to do', run.out)
        self.assertEqual(before, self.far.still())
        return lines[0]

    def test_restored(self):
        """The hint as it is printed, pasted."""
        for inbox in (False, True):
            with self.subTest(inbox=inbox):
                self.setUp()
                self.start()
                self.lose(self.near, inbox)
                line = self.held('the near store is new and empty', '63 messages in 4 mailboxes', 'would delete 63 messages on far')
                self.assertLess(line.index('--restore'), line.index('--allow-delete'))
                hint = re.search(r'mailtwin -c \S+ (--restore .*?)\.( |$)', line).group(1)
                self.sync(*shlex.split(hint))
                self.sync_twice()
                self.assertEqual(self.count(self.near), 63)
                self.assertEqual(self.near.boxes(), ['Archive', 'Empty', 'INBOX', 'Sent Items'])

    def test_allowed(self):
        """What is said to be deleted is."""
        for policy in ('Create Both\nExpunge Both\n', 'Create Both\nExpunge Both\nRemove Both\n'):
            with self.subTest(policy=policy):
                self.setUp()
                self.start(policy)
                self.lose(self.near)
                self.held('would delete 63 messages on far')
                self.sync('--allow-delete', '*', 'c')
                self.sync_twice()
                self.assertEqual(self.count(self.far), 0)

    def test_on_a_server(self):
        with Dovecot() as server:
            self.start(far=ImapSide(server, 'startover'))
            self.lose(self.near)
            self.held(f"from the server:  mailtwin -c {self.config} --restore '*' c", 'would delete 63 messages on the server')
            self.sync('--restore', '*', '-a')
            self.sync_twice()
            self.assertEqual(self.count(self.near), 63)

    def test_both_replaced(self):
        """The other side is another one, too, and has all its mail."""
        self.start()
        self.lose(self.near)
        os.unlink(f'{self.far.path}/.mailtwin-id') if os.path.exists(f'{self.far.path}/.mailtwin-id') else None
        run = self.mailtwin('plan', '-V', '-a', code=1)
        self.assertIn('Held back: 63', run.out)
        self.assertIn('the near store is new and empty', run.err)
        run = self.mailtwin('-V', '-a', code=1)
        self.assertIn('Held back: 63', run.out)
        self.sync('--restore', '*', 'c')
        self.sync_twice()
        self.assertEqual(self.count(self.near), 63)
        self.assertEqual(self.count(self.far), 63)

    def test_both_lost(self):
        self.start()
        self.lose(self.near)
        self.lose(self.far)
        run = self.mailtwin('-V', '-a', code=1)
        self.assertIn('nothing to copy back', run.err)
        self.assertNotIn('--allow-delete', run.err)
        self.sync('--restore', '*', 'c')
        self.sync_twice()

    def test_names_are_quoted(self):
        self.start(policy='Create Both\nExpunge Both\nRemove Both\n')
        self.far.create("It's $HOME")
        self.fill(self.far, "It's $HOME", 25)
        self.sync()
        shutil.rmtree(f"{self.near.path}/It's $HOME")
        run = self.mailtwin('-a', code=1)
        hint = re.search(r'(--restore .*) copies the messages', run.err).group(1)
        self.assertEqual(shlex.split(hint), ['--restore', "It's $HOME", 'c'])
        self.sync(*shlex.split(hint))
        self.sync_twice()
