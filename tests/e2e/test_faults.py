"""Things go wrong: each is named once, nothing else stops, nothing is lost or doubled once it is mended."""
import os
import shutil
import stat

from lib import Case, find, message, serials


class Disk(Case):
    def test_disk_full(self):
        near = self.tmpfs('near', '400k')
        self.far = self.maildir('far')
        self.pair(near=self.maildir('near'))
        for i in range(40):
            self.far.deliver('INBOX', message(i, size=20_000), 'S')
        run = self.sync(code=(1, 75))
        self.assertIn('space', run.err.lower())
        run = self.sync(code=(1, 75))
        self.assertEqual([x for x in run.err.splitlines() if 'no space' not in x.lower()], [], 'something else is said, too')
        for m in self.near.messages('INBOX'):
            self.assertEqual(self.near.data(m), message(m.serial, size=20_000))
        import subprocess
        subprocess.run(['mount', '-o', 'remount,size=8m', near], check=True)
        self.sync_twice()
        self.assertEqual(set(serials(self.near).values()), {1})
        self.assertEqual(os.listdir(self.near.box('INBOX') + '/tmp'), [])

    def test_disk_full_under_the_state(self):
        self.tmpfs('home/.local/state/mailtwin', '48k')
        self.pair()
        self.fill(self.far, 'INBOX', 3000)
        run = self.sync(code=(1, 75))
        self.assertRegex(run.err.lower(), 'space|full')
        for _ in range(2):
            self.sync(code=(1, 75))
        import subprocess
        subprocess.run(['mount', '-o', 'remount,size=64m', self.state], check=True)
        self.sync_twice()
        self.assertEqual(set(serials(self.near).values()), {1})
        self.assertEqual(len(serials(self.near)), 3000)
    test_disk_full_under_the_state.weight = 5

    def test_read_only_directory(self):
        self.pair()
        self.far.create('a')
        self.sync()
        self.fill(self.far, 'a', 3)
        self.fill(self.far, 'INBOX', 3)
        for sub in ('tmp', 'new', 'cur'):
            os.chmod(os.path.join(self.near.box('a'), sub), 0o500)
        run = self.mailtwin('-a', code=1, weak=True)
        self.assertIn('a', run.err)
        self.assertEqual(len(self.near.messages('INBOX')), 3)
        for sub in ('tmp', 'new', 'cur'):
            os.chmod(os.path.join(self.near.box('a'), sub), 0o700)
        self.sync_twice()

    def test_unreadable_file(self):
        self.pair()
        s = self.fill(self.far, 'INBOX', 5, 'S')
        path = os.path.join(self.far.box('INBOX'), self.one(self.far, s[2]).key)
        os.chmod(path, 0)
        run = self.mailtwin('-a', code=1, weak=True)
        self.assertIn(os.path.basename(path).split(':')[0], run.err)
        self.assertEqual(sorted(serials(self.near)), [n for n in s if n != s[2]])
        os.chmod(path, 0o600)
        self.mailtwin('-a', '--retry-failed', code=0)
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), s)


class Names(Case):
    def test_file_name_too_long_with_flags(self):
        self.pair()
        name = 'x' * 250
        self.near.deliver('INBOX', message(1), new=True, file=name)
        self.sync(code=(0, 1))
        self.assertEqual(len(find(self.far, 1)), 1)
        self.far.flag(self.one(self.far, 1), add='DFPRS')
        self.sync(code=(0, 1))
        self.assertEqual(len(find(self.near, 1)), 1)
        self.assertEqual(len(find(self.far, 1)), 1)

    def test_folder_name_too_long_on_the_other_side(self):
        self.far = self.maildir('far')
        self.pair(near=self.maildir('near', layout='Maildir++'))
        deep = '/'.join(['d' * 100] * 4)                        # fits as a path, not as one name
        self.far.create(deep)
        self.fill(self.far, deep, 1)
        self.fill(self.far, 'INBOX', 1)
        run = self.sync(code=1)
        self.assertIn('d' * 20, run.err)
        self.assertEqual(len(self.near.messages('INBOX')), 1)

    def test_folder_name_that_cannot_exist_on_the_other_side(self):
        self.far = self.maildir('far')
        self.pair(near=self.maildir('near', layout='Maildir++'))
        self.far.create('v1.2')                                 # Maildir++ has no dot in a name
        self.fill(self.far, 'v1.2', 1)
        self.fill(self.far, 'INBOX', 1)
        run = self.sync(code=1)
        self.assertIn('v1.2', run.err)
        self.assertEqual(len(self.near.messages('INBOX')), 1)
        self.assertNotIn('v1/2', self.near.boxes())

    def test_symbolic_links_out_of_the_tree(self):
        self.pair()
        self.fill(self.far, 'INBOX', 2, 'S')
        outside = os.path.join(self.dir, 'outside')
        for sub in ('cur', 'new', 'tmp'):
            os.makedirs(os.path.join(outside, sub))
        secret = os.path.join(self.dir, 'secret')
        with open(secret, 'w') as f:
            f.write('not mail\n')
        os.symlink(secret, os.path.join(self.far.box('INBOX'), 'cur', '99.link:2,S'))
        self.sync(code=(0, 1))
        self.assertFalse(any(b'not mail' in self.near.data(m) for m in self.near.messages('INBOX')))
        self.assertTrue(os.path.exists(secret))

    def test_link_to_where_both_stores_lie(self):
        """Through it the near store would be mail of the far one, and more with every run."""
        self.pair()
        self.far.create('a')
        self.fill(self.far, 'a', 2, 'S')
        os.symlink('..', os.path.join(self.far.path, 'up'))
        for _ in range(2):
            run = self.sync()
            self.assertIn('up: its directory is a link', run.err)
            self.assertEqual(self.near.boxes(), ['INBOX', 'a'])

    def test_folder_that_cannot_be_read(self):
        self.pair()
        self.far.create('a')
        s = self.fill(self.far, 'a', 2, 'S')
        self.sync()
        os.chmod(self.far.box('a'), 0)
        run = self.sync(code=1, weak=True)
        self.assertIn('a: not seen on the far side', run.err)
        os.chmod(self.far.box('a'), 0o700)
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), s)

    def test_two_names_for_one_box(self):
        """R8: a link to another folder is refused and named, and nothing is doubled."""
        self.pair()
        self.far.create('real')
        s = self.fill(self.far, 'real', 25, 'S')
        os.symlink(self.far.box('real'), self.far.box('alias'))
        run = self.sync(code=None)
        self.sync(code=None)
        self.assertIn('alias', run.out + run.err)
        self.assertEqual(sorted(serials(self.near).items()), [(n, 1) for n in s])

    def test_odd_things_in_a_maildir(self):
        self.pair()
        cur = self.far.box('INBOX') + '/cur'
        os.mkdir(cur + '/directory:2,S')
        os.mkfifo(cur + '/fifo:2,S')
        with open(cur + '/.hidden', 'w') as f:
            f.write('x')
        s = self.fill(self.far, 'INBOX', 3, 'S')
        self.sync(code=(0, 1))
        self.assertEqual(sorted(serials(self.near)), s)
        self.assertTrue(stat.S_ISFIFO(os.stat(cur + '/fifo:2,S').st_mode))

    def test_one_base_name_twice_is_held(self):
        """R20: never deleted."""
        self.pair()
        s = self.fill(self.far, 'INBOX', 25, 'S')
        self.sync()
        key = self.one(self.near, s[0]).key
        base = os.path.join(self.near.box('INBOX'), 'cur', key.split('/')[1].split(':2,')[0])
        shutil.copy(os.path.join(self.near.box('INBOX'), key), base + ':2,F')
        self.sync(code=None)
        self.sync(code=None)
        self.assertGreaterEqual(len(find(self.near, s[0])), 1)
        self.assertEqual(sorted(set(serials(self.far))), s)
        self.assertEqual(sorted(set(serials(self.near))), s)


class State(Case):
    def test_damaged(self):
        self.pair()
        s = self.fill(self.far, 'INBOX', 60, 'S')
        self.sync()
        for top, _, files in os.walk(self.state):
            for file in files:
                path = os.path.join(top, file)
                size = os.path.getsize(path)
                with open(path, 'r+b') as f:
                    f.write(b'\xa5' * min(size, 65536))
        run = self.sync(code=(0, 1))
        if run.code:
            self.assertIn(self.state, run.err)
        self.assertEqual(sorted(serials(self.far)), s)
        self.assertEqual(sorted(serials(self.near)), s)
        shutil.rmtree(self.state)
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near).items()), [(n, 1) for n in s])

    def test_truncated(self):
        self.pair()
        s = self.fill(self.far, 'INBOX', 60, 'S')
        self.sync()
        for top, _, files in os.walk(self.state):
            for file in files:
                os.truncate(os.path.join(top, file), os.path.getsize(os.path.join(top, file)) // 2)
        self.sync(code=None)
        self.assertEqual(sorted(serials(self.far)), s)
        self.assertEqual(sorted(serials(self.near)), s)
        shutil.rmtree(self.state)
        self.sync_twice()

    def test_state_dump(self):
        """Text, the same each time, and nothing is written for it."""
        self.pair()
        self.fill(self.far, 'INBOX', 60, 'S')
        self.sync()
        dump = self.mailtwin('state', 'dump', 'c').out
        self.assertEqual(dump.count('\nmessage '), 60)
        self.assertEqual(self.mailtwin('state', 'dump', 'c').out, dump)
        self.assertIn('followed by dump', self.mailtwin('state', 'load', 'c', code=2).err)

    def test_old_state_restored_from_a_backup(self):
        self.pair()
        s = self.fill(self.far, 'INBOX', 60, 'S')
        self.sync()
        shutil.copytree(self.state, self.state + '.backup')
        t = self.fill(self.near, 'INBOX', 5, 'S')
        self.far.flag(self.one(self.far, s[0]), add='F')
        self.sync()
        shutil.rmtree(self.state)
        shutil.move(self.state + '.backup', self.state)
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near).items()), [(n, 1) for n in s + t])

    def test_state_inside_the_maildir(self):
        self.pair(globals_='SyncState *\n')
        s = self.fill(self.far, 'INBOX', 5, 'S')
        self.sync()
        self.assertEqual(self.state_still(), {})
        found = [f for _, _, files in os.walk(self.near.path) for f in files if f.startswith('.mailtwin')]
        self.assertTrue(found)
        self.far.delete(self.one(self.far, s[0]))
        self.sync()
        self.assert_twins()
        self.assertEqual(sorted(serials(self.near)), s[1:])

    def test_files_are_private(self):
        self.pair()
        self.sync()
        for top, _, files in os.walk(self.state):
            for file in files:
                mode = os.stat(os.path.join(top, file)).st_mode & 0o777
                self.assertEqual(mode & 0o077, 0, file)
