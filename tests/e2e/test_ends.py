"""How a run ends: exit codes, locks, signals, and the words that go with them."""
import fcntl
import os
import pty
import re
import shutil
import signal
import time

from lib import Case, find, message, serials


class ExitCodes(Case):
    def test_usage_and_configuration_are_2(self):
        self.pair()
        self.mailtwin('--no-such-option', code=2)
        run = self.mailtwin('nochannel', code=2)
        self.assertIn('nochannel', run.err)
        self.write_config('Nonsense yes\n')
        run = self.mailtwin('-a', code=2)
        self.assertIn(f'{self.config}:1', run.err)
        self.config = os.path.join(self.dir, 'missing')
        run = self.mailtwin('-a', code=2)
        self.assertIn('missing', run.err)

    def test_one_channel_fails_the_others_run_1(self):
        self.pair()
        self.fill(self.far, 'INBOX', 3)
        with open(self.config, 'a') as f:
            f.write(f'\nMaildirStore gone\nInbox "{self.dir}/nowhere/at/all/INBOX"\nPath "{self.dir}/nowhere/at/all/"\n'
                    f'SubFolders Verbatim\n\n{self.maildir("own").store("own")}\n'
                    'Channel bad\nFar :gone:\nNear :own:\nPatterns *\n')
        run = self.mailtwin('-a', code=1)
        self.assertIn('bad', run.err)
        self.assertEqual(len(self.near.messages('INBOX')), 3)

    def test_extended_exit_codes(self):
        self.pair()
        self.fill(self.far, 'INBOX', 1)
        self.mailtwin('-e', '-a', code=64)
        self.fill(self.near, 'INBOX', 1)
        self.mailtwin('-e', '-a', code=32)
        self.fill(self.near, 'INBOX', 1)
        self.fill(self.far, 'INBOX', 1)
        self.mailtwin('-e', '-a', code=96)
        self.mailtwin('-e', '-a', code=0)

    def test_called_as_mbsync(self):
        self.pair()
        link = os.path.join(self.dir, 'mbsync')
        os.symlink(self.binary, link)
        self.binary = link
        self.fill(self.far, 'INBOX', 1)
        self.mailtwin('-a', code=0)
        self.mailtwin('nochannel', code=1)

    def test_silent_when_nothing_is_wrong(self):
        self.pair()
        self.fill(self.far, 'INBOX', 1)
        self.sync()
        run = self.mailtwin('-q', '-a')
        self.assertEqual((run.out, run.err), ('', ''))

    def test_old_words_are_told_once_and_not_to_scripts(self):
        self.pair(channel='Sync PullReNew PullDelete PushNew', patterns='INBOX')
        with open(self.config, 'a') as f:
            f.write('\nChannel d\nMaster :far:x\nSlave :near:x\n\nChannel e\nMaster :far:y\nSlave :near:y\n')
        run = self.mailtwin('c', '--renew', '--renew')
        told = [line for line in run.err.split('\n') if 'deprecated' in line]
        self.assertEqual(len(told), 5, run.err)
        self.assertEqual(sum('notice: "Master" is deprecated: write "Far"' in line for line in told), 1)
        self.assertEqual(sum('--renew is deprecated: use --upgrade' in line for line in told), 1)
        for args in (('-q', 'c', '-N'), ('-l', 'c'), ('-qq', 'c')):
            self.assertNotIn('deprecated', self.mailtwin(*args).err)

    def test_version_help_list_check(self):
        self.pair()
        self.far.create('a')
        self.sync()
        self.assertIn('mailtwin', self.mailtwin('version', config=False).out)
        self.assertIn('mailtwin', self.mailtwin('help', config=False).out)
        self.assertIn('a', self.mailtwin('list', 'c').out)
        self.assertIn('a', self.mailtwin('-l', 'c').out)
        self.assertIn(self.config, self.mailtwin('check-config').out)


class Terminal(Case):
    """What only a person who looks on is told."""

    def seen(self, *args):
        """What a run shows on a terminal, without the lines it takes back."""
        master, slave = pty.openpty()
        p = self.spawn(*args, stdout=slave, stderr=slave, env={'TERM': 'xterm'})
        os.close(slave)
        shown = b''
        try:
            while part := os.read(master, 65536):
                shown += part
        except OSError:                         # the other end is closed
            pass
        os.close(master)
        self.assertEqual(p.wait(), 0, shown)
        return re.sub(r'[^\n]*\x1b\[K', '', shown.decode().replace('\r', ''))

    def test_totals_of_a_plan(self):
        self.pair()
        self.far.create('a')
        self.fill(self.far, 'INBOX', 3)
        self.assertIn('To do:    Channels: 1    Boxes: 2    Far: +0 *0 #0 -0    Near: +3 *0 #0 -0', self.seen('plan', '-a'))
        self.assertNotIn('To do', self.mailtwin('plan', '-a').out)

    def test_empty_log(self):
        self.pair()
        s = self.fill(self.far, 'INBOX', 3)
        self.sync()
        self.assertIn('nothing was removed', self.seen('log'))
        self.assertEqual(self.mailtwin('log').out, 'c: nothing was removed or replaced so far\n')
        self.far.delete(self.one(self.far, s[0]))
        self.sync()
        self.assertNotIn('nothing was removed', self.seen('log'))


class Locks(Case):
    def setUp(self):
        super().setUp()
        self.pair()
        self.fill(self.far, 'INBOX', 400, 'S')

    def stopped(self):
        """A run that stands still in the middle of its work."""
        cur = self.near.box('INBOX') + '/cur'
        before = len(os.listdir(cur))
        p = self.spawn('-a')
        limit = time.monotonic() + 30
        while time.monotonic() < limit and p.poll() is None:
            if len(os.listdir(cur)) > before + 5:
                break
            time.sleep(.002)
        self.assertIsNone(p.poll(), 'the run was over before it could be stopped')
        os.killpg(p.pid, signal.SIGSTOP)      # its worker, too
        return p

    def test_two_runs_at_once_75(self):
        p = self.stopped()
        run = self.mailtwin('-a', code=75)
        self.assertIn(str(p.pid), run.err)
        os.killpg(p.pid, signal.SIGCONT)
        self.finish(p, 0)
        self.sync_twice()
        self.assertEqual(len(serials(self.near)), 400)

    def test_lock_of_a_dead_process_is_taken_over(self):
        p = self.stopped()
        os.kill(p.pid, signal.SIGKILL)
        self.finish(p, -signal.SIGKILL)
        self.sync_twice()
        self.assertEqual(set(serials(self.near).values()), {1})

    def test_terminate_settles_within_two_seconds(self):
        for sign in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(sign):
                p = self.stopped()
                os.kill(p.pid, sign)
                os.killpg(p.pid, signal.SIGCONT)
                begin = time.monotonic()
                run = self.finish(p, None)
                self.assertNotEqual(run.code, 0)
                # On a terminal that it stopped, else nothing: whoever asked for it knows.
                self.assertEqual(run.err, '')
                # Sanitizers make everything slower.
                self.assertLess(time.monotonic() - begin, 6)
                self.fill(self.far, 'INBOX', 400, 'S')
        self.sync_twice()
        self.assertEqual(set(serials(self.near).values()), {1})

    def test_two_runs_racing(self):
        for _ in range(5):
            self.fill(self.far, 'INBOX', 20)
            runs = [self.spawn('-a') for _ in range(3)]
            codes = sorted(self.finish(p, (0, 75)).code for p in runs)
            self.assertEqual(codes[0], 0)
        self.sync_twice()
        self.assertEqual(set(serials(self.near).values()), {1})


class Guards(Case):
    """R21: what is held back, and both ways on."""

    def setUp(self):
        super().setUp()
        self.pair()
        self.far.create('a')
        self.serials = self.fill(self.far, 'INBOX', 60, 'S') + self.fill(self.far, 'a', 60, 'S')
        self.sync()

    def empty(self, side, box):
        for m in side.messages(box):
            side.delete(m)

    def test_emptied_box_is_held_then_restored(self):
        self.empty(self.near, 'INBOX')
        fresh = self.fill(self.far, 'a', 1)
        run = self.sync(code=1)
        self.assertIn('INBOX', run.err)
        self.assertIn('--allow-delete', run.err)
        self.assertIn('--restore', run.err)
        self.assertEqual(len(self.far.messages('INBOX')), 60)
        self.assertEqual(len(find(self.near, fresh[0])), 1)     # nothing else is held back
        self.sync(code=1)                                       # and it stays held
        self.mailtwin('--restore', 'INBOX', '-a', code=0)
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), self.serials + fresh)

    def test_emptied_box_is_held_then_allowed(self):
        self.empty(self.near, 'INBOX')
        self.sync(code=1)
        self.mailtwin('--allow-delete', 'INBOX', '-a', code=0)
        self.sync_twice()
        self.assertEqual(self.far.messages('INBOX'), [])
        self.assertEqual(len(self.far.messages('a')), 60)

    def test_more_than_half_is_held(self):
        for m in self.far.messages('a')[:31]:
            self.far.delete(m)
        run = self.sync(code=1)
        self.assertIn('a', run.err)
        self.assertEqual(len(self.near.messages('a')), 60)

    def test_less_than_half_is_carried_out(self):
        for m in self.far.messages('a')[:29]:
            self.far.delete(m)
        self.sync_twice()

    def test_max_delete_is_a_setting(self):
        self.pair(channel='MaxDelete 5')
        for m in self.far.messages('a')[:6]:
            self.far.delete(m)
        self.sync(code=1)
        self.assertEqual(len(self.near.messages('a')), 60)
        self.pair(channel='MaxDelete 6')
        self.sync_twice()

    def test_a_move_is_no_deletion(self):
        for m in self.near.messages('INBOX'):
            self.near.move(m, 'a')
        self.sync_twice()
        self.assertEqual(len(self.far.messages('a')), 120)

    def test_store_that_vanished(self):
        """An unmounted disk: an empty tree where much was known."""
        shutil.move(self.near.path, self.near.path + '.away')
        run = self.sync(code=(1, 75))
        self.assertIn('near', run.err)
        self.assertEqual(sorted(serials(self.far)), self.serials)
        os.makedirs(self.near.path, exist_ok=True)
        self.near.create('INBOX')
        self.sync(code=1)
        self.assertEqual(sorted(serials(self.far)), self.serials)
        shutil.rmtree(self.near.path)
        shutil.move(self.near.path + '.away', self.near.path)
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), self.serials)

    def test_removed_box_that_was_known_and_unchanged(self):
        self.near.remove('a')
        self.sync(code=(0, 1))
        if 'a' in self.far.boxes():                             # held: more than the guard lets through
            self.mailtwin('--allow-delete', 'a', '-a')
        self.assertNotIn('a', self.far.boxes())
        self.sync_twice()

    def test_unreadable_directory_deletes_nothing(self):
        path = self.near.box('a') + '/cur'
        os.chmod(path, 0)
        try:
            run = self.mailtwin('-a', code=1, weak=True)
        finally:
            os.chmod(path, 0o700)
        self.assertIn('a', run.err)
        self.assertEqual(len(self.far.messages('a')), 60)
        self.sync_twice()

    def test_another_maildir_under_the_same_path(self):
        """R7: a changed endpoint infers no deletion."""
        shutil.rmtree(self.far.path)
        self.far.create('INBOX')
        fresh = [message(1000 + i) for i in range(25)]
        for data in fresh:
            self.far.deliver('INBOX', data, 'S')
        self.sync(code=(0, 1))
        self.sync(code=(0, 1))
        self.assertEqual({n for n in serials(self.near) if n <= 120}, set(self.serials))

    def test_destructive_log(self):
        gone = self.far.messages('a')[0]
        self.far.delete(gone)
        self.sync()
        self.assertIn('a', self.mailtwin('log', 'c').out)

    def test_flock_on_the_maildir_is_no_obstacle(self):
        fd = os.open(self.near.path, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
            self.sync()
        finally:
            os.close(fd)
