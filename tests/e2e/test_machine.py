"""The machine under it: what it denies, or does in its own way, is told, and is no death, no loss and no silence."""
import os
import resource
import shutil
import subprocess

from lib import Case, message, serials
from servers import Dovecot
from lib import ImapSide


class Shim(Case):
    """With tests/e2e/shim.c between the program and the machine."""

    def test_names_that_change(self):
        self.pair()
        self.fill(self.far, 'INBOX', 3, 'S')
        for what, word in ('drop', 'came back'), ('refuse', 'is refused'):
            for _ in range(2):
                run = self.sync(code=1, env=self.shim(what))
                self.assertIn('"InfoDelimiter ;"', run.err)
                self.assertIn(word, run.err)
            self.assertEqual(self.near.messages('INBOX'), [])
        run = self.sync(code=1, env=self.shim('lower'))
        self.assertIn('another one', run.err)
        self.assertEqual(self.near.messages('INBOX'), [])
        self.assertEqual({m.flags for m in self.far.messages('INBOX')}, {frozenset('S')})
        left = [f for top, _, files in os.walk(self.near.path) for f in files]
        self.assertEqual([f for f in left if 'names' in f], [])

    def test_with_the_setting_that_helps(self):
        self.pair(far_store='InfoDelimiter ;', near_store='InfoDelimiter ;')
        for i in range(3):
            self.near.deliver('INBOX', message(i + 1), new=True)
        self.sync(env=self.shim('drop'))
        far = os.listdir(self.far.box('INBOX') + '/new')
        self.assertEqual(len(far), 3)
        for f in far:
            os.rename(f'{self.far.box("INBOX")}/new/{f}', f'{self.far.box("INBOX")}/cur/{f};2,S')
        self.sync(env=self.shim('drop'))
        self.assertTrue(all(f.endswith(';2,S') for f in os.listdir(self.near.box('INBOX') + '/cur')))
        self.sync(env=self.shim('drop'))
        self.assertEqual(len(os.listdir(self.far.box('INBOX') + '/cur')), 3)

    def test_over_the_quota(self):
        """A quota at its end is no space: what waits is told once, 75, and the next run goes on."""
        self.pair()
        for i in range(60):
            self.far.deliver('INBOX', message(i + 1, size=4000), 'S')
        for what in 'quota-files', 'quota':
            run = self.sync(code=75, env=self.shim(what))
            here = len(self.near.messages('INBOX'))
            self.assertEqual(here > 0, what == 'quota')
            lines = [x for x in run.err.splitlines() if x]
            self.assertEqual(len(lines), 1, run.err)
            self.assertRegex(lines[0], rf'{60 - here} messages wait: over the quota on \S+; the next run goes on')
        self.assertEqual([f for top, _, files in os.walk(self.near.path) if top.endswith('/tmp') for f in files], [])
        self.sync_twice()
        self.assertEqual(len(self.near.messages('INBOX')), 60)

    def test_asked_once(self):
        self.pair()
        self.fill(self.far, 'INBOX', 1, 'S')
        self.sync_twice()
        before = os.stat(self.near.path).st_ctime_ns
        self.fill(self.far, 'INBOX', 1, 'S')
        self.sync_twice()
        self.assertEqual(before, os.stat(self.near.path).st_ctime_ns)

    def test_clock_behind_the_files(self):
        self.pair()
        self.fill(self.far, 'INBOX', 4, 'S')
        self.sync_twice()
        self.near.delete(self.near.messages('INBOX')[0])
        run = self.sync(code=75, env=self.shim('ahead'))
        self.assertIn('clock', run.err)
        self.assertEqual(len(self.far.messages('INBOX')), 4)
        self.sync_twice()
        self.assertEqual(len(self.far.messages('INBOX')), 3)

    def test_first_seen_in_part_and_new_away(self):
        """Of a first list that was not believed the directories are remembered all the same."""
        self.pair()
        self.fill(self.near, 'INBOX', 4)
        self.sync(env=self.shim('ahead'), code=(0, 1, 75))
        new = os.path.join(self.near.box('INBOX'), 'new')
        self.assertEqual(len(os.listdir(new)), 4)
        os.rename(new, self.dir + '/away')
        run = self.sync(code=1)
        self.assertIn('new', run.err)
        self.sync(code=1)
        self.assertIn(len(self.far.messages('INBOX')), (0, 4))
        shutil.rmtree(new, ignore_errors=True)
        os.rename(self.dir + '/away', new)
        self.sync()
        self.sync_twice()
        self.assertEqual(set(serials(self.far).values()), {1})
        self.assertEqual(len(serials(self.far)), 4)

    def test_no_thread(self):
        self.pair()
        self.fill(self.far, 'INBOX', 4)
        self.sync(env=self.shim('thread'))
        self.assert_twins()

    def test_no_name_for_localhost(self):
        """RFC 6761 section 6.3: a new machine may have no hosts file."""
        with Dovecot() as server:
            self.pair(far=ImapSide(server, 'alice'))
            with open(self.config) as f:
                text = f.read()
            self.write_config(text.replace('Host 127.0.0.1', 'Host localhost'))
            self.fill(self.far, 'INBOX', 2)
            self.sync(env=self.shim('names'))
            self.assert_twins()
            self.far.close()

    def test_no_process(self):
        with Dovecot() as server:
            self.pair(far=ImapSide(server, 'alice'))
            with open(self.config) as f:
                text = f.read()
            self.write_config('\n'.join('PassCmd "echo secret"' if line.startswith('Pass ') else line for line in text.split('\n')))
            run = self.sync(code=75, env=self.shim('spawn'))
            self.assertIn('PassCmd', run.err)
            self.sync()
            self.far.close()


class Process(Case):
    def closed(self, *fds, code=0, args=('-a',)):
        """A run that is started with those descriptors closed."""
        p = subprocess.run(['sh', '-c', '"$@" ' + ' '.join(f'{fd}>&-' for fd in fds), 'sh', *self.command(*args)],
                           env=self.environment(), cwd=self.dir)
        self.assertEqual(p.returncode, code)

    def test_closed_descriptors(self):
        with Dovecot() as server:
            self.pair(far=ImapSide(server, 'alice'))
            for fds in ((2,), (0, 2), (1, 2), (0, 1, 2)):
                self.fill(self.far, 'INBOX', 3)
                self.closed(*fds)
                self.assert_twins()
            self.fill(self.near, 'INBOX', 1)
            self.closed(0, 1, 2)
            self.sync_twice()
            self.far.close()

    def test_file_size_limit(self):
        """A message that is too large for the limit is named, and the small ones arrive."""
        self.pair()
        self.fill(self.far, 'INBOX', 2)
        self.far.deliver('INBOX', message(50, size=3000000))
        self.fill(self.far, 'INBOX', 2)
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1500000, resource.RLIM_INFINITY))
            os.setsid()
        p = subprocess.run(self.command('-a'), env=self.environment(), cwd=self.dir, preexec_fn=limited, capture_output=True)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.assertIn(b'File too large', p.stderr)
        self.assertEqual(sorted(serials(self.near)), sorted(set(serials(self.far)) - {50}))
        self.sync_twice()

    def test_few_descriptors(self):
        """Files that wait to be made durable leave some to others."""
        self.pair()
        for box in ('INBOX', 'a', 'b'):
            if box != 'INBOX':
                self.far.create(box)
            self.fill(self.far, box, 200)
        def limited():
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
            os.setsid()
        p = subprocess.run(self.command('-a'), env=self.environment(), cwd=self.dir, preexec_fn=limited, capture_output=True)
        self.assertEqual(p.returncode, 0, p.stderr)
        self.assertEqual(serials(self.near), serials(self.far))
        self.sync_twice()

    def test_umask_decides_no_mode(self):
        self.pair()
        for i, mask in enumerate((0, 0o777, 0o277)):
            self.far.create(f'b{i}')
            self.fill(self.far, f'b{i}', 1)
            p = subprocess.run(self.command('-a'), env=self.environment(), cwd=self.dir, preexec_fn=lambda m=mask: os.umask(m))
            self.assertEqual(p.returncode, 0)
        for top, folders, files in os.walk(self.near.path):
            for name in folders:
                if os.path.basename(top).startswith('b') or name.startswith('b'):
                    self.assertEqual(os.stat(os.path.join(top, name)).st_mode & 0o777, 0o700, name)
            for name in files:
                self.assertEqual(os.stat(os.path.join(top, name)).st_mode & 0o777, 0o600, name)
        for name in os.listdir(self.state):
            self.assertEqual(os.stat(os.path.join(self.state, name)).st_mode & 0o777, 0o600, name)

    def test_commands_have_the_umask_they_were_given(self):
        made = os.path.join(self.dir, 'made')
        self.pair(channel=f'PostSync "touch {made}"')
        self.fill(self.far, 'INBOX', 1)
        p = subprocess.run(self.command('-a'), env=self.environment(), cwd=self.dir, preexec_fn=lambda: os.umask(0o002))
        self.assertEqual(p.returncode, 0)
        self.assertEqual(os.stat(made).st_mode & 0o777, 0o664)

    def test_dump_to_a_full_disk(self):
        self.pair()
        self.fill(self.far, 'INBOX', 300)
        self.sync()
        with open('/dev/full', 'w') as full:
            p = subprocess.run(self.command('state', 'dump', 'c'), env=self.environment(), stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(p.returncode, 1)
        self.assertEqual(p.stderr.count(b'cannot write'), 1, p.stderr)
        self.assertIn(b'No space left', p.stderr)

    def test_relative_home(self):
        self.pair()
        run = self.sync(code=2, env={'HOME': 'some/where'})
        self.assertIn('HOME', run.err)
