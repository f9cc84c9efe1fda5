"""Mailboxes of a Maildir that are damaged or out of sight were not removed by anybody (R6): nothing is removed for
them, it is said, and all goes on once they are back."""
import os
import shutil
import subprocess

from lib import Case, serials


class Store(Case):
    layout = 'Verbatim'

    def start(self, boxes=('INBOX', 'a', 'a/b'), n=4):
        """Both sides with mail in cur and in new of each mailbox."""
        self.pair(far=self.maildir('far', layout='Verbatim'), near=self.maildir('near', layout=self.layout))
        for box in boxes:
            self.far.create(box)
            self.fill(self.far, box, n, 'S')
            self.fill(self.far, box, n)
        self.sync_twice()
        self.all = serials(self.far)

    def held(self, *words, code=1):
        """A run that removes nothing, says so, and does so again."""
        for _ in range(2):
            run = self.sync(code=code)
            for word in words:
                self.assertIn(word, run.err)
            self.assertEqual(serials(self.far), self.all)
        self.mailtwin('plan', '-a', code=1)
        return run

    def back(self, twins=True):
        """All is as before, and goes on."""
        self.fill(self.far, 'a', 1)
        self.sync_twice(twins=twins)
        if not twins:
            return
        self.assertEqual(serials(self.near), serials(self.far))

    def away(self, path):
        os.rename(path, self.dir + '/kept')
        return self.dir + '/kept'

    def restored(self, path, kept=None):
        if os.path.islink(path) or os.path.isfile(path):
            os.unlink(path)
        elif os.path.isdir(path):
            shutil.rmtree(path)
        os.rename(kept or self.dir + '/kept', path)

    def test_cur_missing(self):
        self.start()
        for box in 'a', 'a/b', 'INBOX':
            with self.subTest(box):
                path = self.near.box(box) + '/cur'
                self.away(path)
                self.held('held', path[:-4])
                self.assertFalse(os.path.exists(path))
                self.restored(path)
        self.back()

    def test_new_missing(self):
        self.start()
        for box in 'a', 'INBOX':
            with self.subTest(box):
                path = self.near.box(box) + '/new'
                self.away(path)
                # What is there goes on.
                file = sorted(os.listdir(path[:-3] + 'cur'))[0]
                os.rename(f'{path[:-3]}cur/{file}', f'{path[:-3]}cur/{file.replace(":2,S", ":2,FS")}')
                self.held('held', path, '4 of the 8 messages')
                self.assertTrue(any('F' in m.flags for m in self.far.messages(box)))
                self.assertFalse(os.path.exists(path), 'nothing is made where it is to come back')
                os.mkdir(path)
                self.held('held', path, 'another directory')
                self.restored(path)
                self.sync_twice()
        self.back()


class Away(Store):
    def test_cur_a_link_to_nowhere_or_a_file(self):
        self.start()
        path = self.near.box('a') + '/cur'
        self.away(path)
        os.symlink('/nowhere', path)
        self.held('held', path[:-4])
        os.unlink(path)
        open(path, 'w').close()
        self.held('held', path[:-4])
        self.restored(path)
        self.back()

    def test_new_missing_while_mail_comes(self):
        self.start()
        path = self.near.box('a') + '/new'
        self.away(path)
        self.fill(self.far, 'a', 2)
        self.all = serials(self.far)
        self.held('held', path)
        self.assertFalse(os.path.exists(path))
        self.restored(path)
        self.back()

    def test_new_missing_and_decided(self):
        self.start()
        path = self.near.box('a') + '/new'
        shutil.rmtree(path)
        self.held('--restore a', '--allow-delete a')
        self.sync('-a', '--restore', 'a')
        self.sync_twice()
        self.assertEqual(serials(self.near), self.all)
        shutil.rmtree(path)
        self.held('held')
        self.sync('-a', '--allow-delete', 'a')
        os.mkdir(path)
        self.sync_twice()
        self.assertEqual(len(self.far.messages('a')), 4)

    def test_new_empty_and_missing_is_nothing_lost(self):
        self.start()
        for mail in self.near.messages('a'):
            self.near.flag(mail, add='S')
        self.sync_twice()
        os.rmdir(self.near.box('a') + '/new')
        self.sync()
        self.sync()
        self.back()

    def test_link_to_nowhere(self):
        self.start()
        path = self.near.box('a/b')
        disk = self.dir + '/disk'
        os.rename(path, disk)
        os.symlink(disk, path)
        self.sync()
        os.rename(disk, disk + '-off')
        self.held('a/b', 'link to nowhere')
        os.rename(disk + '-off', disk)
        self.back(twins=False)
        self.assertEqual(len(os.listdir(disk + '/cur') + os.listdir(disk + '/new')), 8)

    def test_file_in_its_place(self):
        self.start()
        path = self.near.box('a/b')
        self.away(path)
        open(path, 'w').close()
        self.held(path)
        self.restored(path)
        self.back()

    def test_empty_directory_in_its_place(self):
        """As below a mount point, whatever was there before the mount."""
        self.start()
        path = self.near.box('a/b')
        self.away(path)
        os.makedirs(path)
        self.held(path)
        shutil.rmtree(path)
        self.restored(path)
        self.back()

    def test_decided(self):
        self.start()
        path = self.near.box('a/b')
        shutil.rmtree(path + '/cur')
        self.held('--restore a/b', '--allow-delete a/b')
        self.sync('-a', '--restore', 'a/b')
        self.sync_twice()
        self.assertEqual(serials(self.near), self.all)
        shutil.rmtree(path + '/cur')
        self.held('held')
        self.sync('-a', '--allow-delete', 'a/b')
        self.assertNotIn('a/b', self.far.boxes())
        self.sync()

    def test_inbox_decided(self):
        self.start()
        shutil.rmtree(self.near.box('INBOX') + '/cur')
        self.held('--restore INBOX')
        self.sync('-a', '--restore', 'INBOX')
        self.sync_twice()
        self.assertEqual(serials(self.near), self.all)

    def test_removed_is_removed(self):
        """What has a witness goes as ever."""
        self.start()
        self.near.remove('a/b')
        self.assertIn('-8', self.mailtwin('-V', 'plan', '-a').out.split('Far:')[-1])
        run = self.sync('-V', '-a')
        self.assertIn('-8', run.out.split('Far:')[-1].split('Near:')[0])
        self.assertIn('Removed: far:a/b (8)', run.out)
        self.assertIn('removed on far with 8 messages', run.out + run.err)
        self.assertIn('a/b: removed the mailbox with 8 messages', self.mailtwin('log', 'c').out)
        self.sync_twice()
        self.assertNotIn('a/b', self.far.boxes())
        self.near.remove('a')
        self.sync_twice()
        self.assertNotIn('a', self.far.boxes())

    def test_links_pipes_and_directories_for_messages(self):
        self.start()
        box = self.near.box('a')
        mails = self.near.messages('a')
        paths = [p for sub in ('cur', 'new') for p in sorted(os.path.join(box, sub, f) for f in os.listdir(f'{box}/{sub}'))]
        kept = self.dir + '/files'
        os.mkdir(kept)
        for i, path in enumerate(paths[:6]):
            os.rename(path, f'{kept}/{i}')
            [lambda: os.symlink(f'{kept}/{i}', path), lambda: os.mkfifo(path), lambda: os.mkdir(path)][i % 3]()
        run = self.held('held', '6 messages')
        self.assertTrue(any(os.path.basename(p).split(',')[0].split(':')[0] in run.err for p in paths[:6]))
        # What is done to them elsewhere is not done to what is there now.
        gone = [m for m in self.far.messages('a')]
        self.far.flag(gone[0], add='F')
        self.sync(code=1)
        for path in paths[:6]:
            self.assertTrue(os.path.islink(path) or not os.path.isfile(path))
        for i, path in enumerate(paths[:6]):
            os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
            os.rename(f'{kept}/{i}', path)
        self.back()
        self.assertEqual(len(mails) + 1, len(self.near.messages('a')))

    def test_a_pipe_in_a_mailbox_that_is_another_one(self):
        """What is paired anew, and cannot be read, is not copied there again from the other side."""
        self.start()
        box = self.near.box('a')
        names = sorted(f for sub in ('cur', 'new') for f in os.listdir(f'{box}/{sub}'))
        kept = self.dir + '/files'
        os.mkdir(kept)
        os.rename(f'{box}/cur', f'{box}/old')
        os.mkdir(f'{box}/cur')
        for sub in ('old', 'new'):
            for f in os.listdir(f'{box}/{sub}'):
                os.rename(f'{box}/{sub}/{f}', f'{box}/cur/{f}')
        os.rmdir(f'{box}/old')
        os.rename(f'{box}/cur/{names[0]}', f'{kept}/0')
        os.mkfifo(f'{box}/cur/{names[0]}')
        for _ in range(2):
            self.assertIn('1 message is on the near side no regular file any more', self.sync(code=1).err)
            self.assertEqual(names, sorted(f for sub in ('cur', 'new') for f in os.listdir(f'{box}/{sub}')))
        os.unlink(f'{box}/cur/{names[0]}')
        os.rename(f'{kept}/0', f'{box}/cur/{names[0]}')
        self.sync()
        self.assertEqual(names, sorted(f for sub in ('cur', 'new') for f in os.listdir(f'{box}/{sub}')))
        self.sync_twice()

    def test_a_link_that_nobody_knew_is_no_message(self):
        self.start()
        path = self.near.box('a') + '/cur/1.x:2,S'
        os.symlink('/etc/hostname', path)
        self.sync()
        self.assertEqual(serials(self.far), self.all)
        self.sync_twice(twins=False)
        os.unlink(path)
        self.sync_twice()


class Nested(Store):
    """What a directory above has become."""

    def test_replaced_above(self):
        self.start(('INBOX', 'a', 'top/sub/x', 'top/y'))
        top = self.near.path + '/top'
        self.away(top)
        os.mkdir(top)
        self.held('top/sub/x', 'top/y')
        os.mkdir(top + '/sub')
        self.held('top/sub/x', 'top/y')
        shutil.rmtree(top)
        self.restored(top)
        self.back()

    def test_link_above(self):
        self.start(('INBOX', 'a', 'top/sub/x', 'top/y'))
        top = self.near.path + '/top'
        self.away(top)
        os.symlink(self.dir + '/nowhere', top)
        self.held('top/sub/x', 'top/y', 'link to nowhere')
        self.restored(top)
        self.back()

    def test_removed_with_all_below(self):
        self.start(('INBOX', 'a', 'top/sub/x', 'top/y'))
        shutil.rmtree(self.near.path + '/top')
        self.sync_twice()
        self.assertEqual(self.far.boxes(), ['INBOX', 'a'])

    def test_root_replaced(self):
        """A store that has its mark and not its mailboxes, in another directory."""
        self.start()
        path = self.near.path
        self.away(path)
        os.mkdir(path)
        shutil.copy(self.dir + '/kept/.mailtwin-id', path)
        shutil.copytree(self.dir + '/kept/INBOX', path + '/INBOX') if os.path.isdir(self.dir + '/kept/INBOX') else None
        self.held('a', 'a/b', code=1)
        shutil.rmtree(path)
        self.restored(path)
        self.back()

    def test_parent_that_cannot_be_read(self):
        self.start(('INBOX', 'a', 'top/x'))
        os.chmod(self.near.path + '/top', 0)
        try:
            run = self.sync(code=1, weak=True)
        finally:
            os.chmod(self.near.path + '/top', 0o700)
        self.assertIn('top/x', run.err)
        self.assertEqual(serials(self.far), self.all)
        self.back()

    def test_unmounted(self):
        self.start()
        path = self.near.box('a')
        kept = self.dir + '/underneath'
        shutil.copytree(path, kept)
        shutil.rmtree(path)
        os.makedirs(path)
        for sub in 'cur', 'new', 'tmp':
            os.mkdir(f'{path}/{sub}')
        self.tmpfs(os.path.relpath(path, self.dir), '4m')
        subprocess.run(['cp', '-a', kept + '/.', path], check=True)
        self.sync()
        self.sync_twice()
        self.assertEqual(serials(self.far), self.all)
        subprocess.run(['umount', path], check=True)
        self.held(path)


class MaildirPlusPlus(Store):
    layout = 'Maildir++'


class Legacy(Store):
    layout = 'Legacy'
