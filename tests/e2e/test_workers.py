"""A process for each account: side by side, each by itself when it breaks, told in order, ended with the program."""
import json
import os
import re
import shutil
import signal
import sys
import time

from accounts import Account
from lib import Case, message, program, serials

RELAY = '''
import os, select, socket, sys, time
me, other, port, log = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
def note(what):
    with open(log, 'a') as f:
        f.write(f'{what} {me}\\n')
note('begin')
until = time.monotonic() + 60
while other and f'begin {other}\\n' not in open(log).read() and time.monotonic() < until:
    time.sleep(.01)
if other and time.monotonic() >= until:
    sys.exit(3)
s = socket.create_connection(('127.0.0.1', port))
while True:
    for f in select.select([0, s], [], [])[0]:
        data = os.read(0, 65536) if f == 0 else s.recv(65536)
        if not data:
            note('end')
            sys.exit(0)
        s.sendall(data) if f == 0 else os.write(1, data)
'''


class Pairs(Case):
    """Channels between Maildirs of their own, called as they are told: each is a group."""

    def pairs(self, names, more=''):
        self.sides = {name: (self.maildir(f'{name}-far'), self.maildir(f'{name}-near')) for name in names}
        self.write_config('FSync no\n\n' + '\n'.join(
            f'{far.store(f"{name}-far")}\n{near.store(f"{name}-near")}\nChannel {name}\nFar :{name}-far:\nNear :{name}-near:\n'
            f'Patterns *\nCreate Both\nExpunge Both\n{more}\n' for name, (far, near) in self.sides.items()))

    def put(self, name, n):
        for i in range(n):
            self.sides[name][0].deliver('INBOX', message(1000 * (list(self.sides).index(name) + 1) + i), 'S')

    def got(self, name):
        return len(serials(self.sides[name][1]))

    def assert_nobody_is_left(self, p):
        """Of the processes of that run."""
        until = time.monotonic() + 5
        while time.monotonic() < until:
            try:
                os.killpg(p.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(.01)
        self.fail('a worker outlived the program')

    def workers(self, p, n):
        """The pids of a run's workers, once there are so many."""
        until = time.monotonic() + 30
        while time.monotonic() < until and p.poll() is None:
            with open(f'/proc/{p.pid}/task/{p.pid}/children') as f:
                found = [int(pid) for pid in f.read().split()]
            if len(found) >= n:
                return found
            time.sleep(.001)
        self.fail('the workers were not there in time')

    def at_work(self, p, names):
        """Until each of these channels has done something."""
        until = time.monotonic() + 60
        while time.monotonic() < until and p.poll() is None:
            if all(len(os.listdir(self.sides[name][1].box('INBOX') + '/cur')) > 2 for name in names):
                return
            time.sleep(.002)
        self.fail('the run was over before it could be looked at')


class Breaks(Pairs):
    def test_one_breaks_the_others_go_on(self):
        for number, name in ((signal.SIGSEGV, 'Segmentation'), (signal.SIGKILL, 'Killed'), (signal.SIGABRT, 'Aborted')):
            with self.subTest(name):
                self.pairs('abc')
                for c in 'abc':
                    self.put(c, 3)
                run = self.mailtwin('-a', env={'MAILTWIN_STEP_CRASH': f'b:{number:d}'}, code=1)
                self.assertEqual(len(re.findall('^mailtwin: ', run.err, re.M)), 1, run.err)
                self.assertRegex(run.err, rf'^mailtwin: channel b: .*signal {number:d} \({name}.*/mailtwin/b\.mdb')
                self.assertEqual((self.got('a'), self.got('c')), (3, 3))
                self.sync('-a')
                self.assertEqual(self.got('b'), 3)
                for far, near in self.sides.values():
                    self.remove_tree(far.path, near.path)

    def remove_tree(self, *paths):
        for path in paths + (self.state,):
            shutil.rmtree(path, ignore_errors=True)

    def test_channels_of_one_store_go_on(self):
        """They share a process: the one behind the broken one gets a new one."""
        self.far, self.near = self.maildir('far'), self.maildir('near')
        for box in 'xyz':
            self.far.create(box)
            self.fill(self.far, box, 2)
        self.write_config(self.far.store('far') + '\n' + self.near.store('near') + '\n' + '\n'.join(
            f'Channel {box}\nFar :far:{box}\nNear :near:{box}\nCreate Both\n' for box in 'xyz'))
        run = self.mailtwin('-a', env={'MAILTWIN_STEP_CRASH': f'y:{signal.SIGSEGV:d}'}, code=1)
        self.assertIn('channel y', run.err)
        self.assertEqual((len(self.near.messages('x')), len(self.near.messages('z'))), (2, 2))
        self.sync('-a')
        self.assertEqual(len(self.near.messages('y')), 2)

    def test_killed_in_the_midst(self):
        self.pairs('ab')
        self.put('a', 700)
        self.put('b', 2)
        p = self.spawn('-j', '1', '-a')
        self.at_work(p, 'a')
        first = self.workers(p, 1)[0]
        os.kill(first, signal.SIGKILL)
        run = self.finish(p, 1)
        self.assertRegex(run.err, r'channel a: .*signal 9')
        self.assertEqual(self.got('b'), 2)
        self.sync('-a')
        self.assertEqual(set(serials(self.sides['a'][1]).values()), {1})
        self.assertEqual(self.got('a'), 700)

    def test_ended_with_the_program(self):
        self.pairs('ab')
        for c in 'ab':
            self.put(c, 600)
        p = self.spawn('-a')
        self.at_work(p, 'ab')
        os.kill(p.pid, signal.SIGKILL)
        self.finish(p, -signal.SIGKILL)
        self.assert_nobody_is_left(p)
        self.sync('-a')
        self.assertEqual((self.got('a'), self.got('b')), (600, 600))

    def test_a_signal_reaches_all(self):
        self.pairs('ab')
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_IGN:
                continue        # as nohup has it: the program leaves that as it is
            for c in 'ab':
                self.put(c, 400)
            p = self.spawn('-a')
            self.at_work(p, 'ab')
            begin = time.monotonic()
            os.kill(p.pid, number)
            run = self.finish(p, -number)
            self.assertLess(time.monotonic() - begin, 6)        # sanitizers make everything slower
            self.assertEqual(run.err, '')
            self.assert_nobody_is_left(p)
            self.sync('--allow-delete', '*', '-a')
            for far, near in self.sides.values():
                self.assertEqual(serials(far), serials(near))
                for mail in far.messages('INBOX'):
                    far.delete(mail)
            self.sync('--allow-delete', '*', '-a')

    def test_a_terminal_stops_them_once(self):
        """Ctrl-C goes to all processes of a terminal: no worker takes it for the second signal, which ends at once."""
        self.pairs('ab')
        for c in 'ab':
            self.put(c, 500)
        p = self.spawn('-a', '-V')
        self.at_work(p, 'ab')
        os.killpg(p.pid, signal.SIGINT)
        run = self.finish(p, -signal.SIGINT)
        self.assertNotIn('was ended', run.err)
        self.assert_nobody_is_left(p)
        self.sync('-a')
        self.assertEqual((self.got('a'), self.got('b')), (500, 500))


class Told(Pairs):
    def test_in_order_one_after_the_other(self):
        names = ['slow', 'm', 'f', 'x', 'q', 'z']
        self.pairs(names)
        self.put('slow', 500)
        for name in names[1:]:
            self.put(name, 2)
        for how in ((), ('-j', '1'), ('-j6',), ('--jobs', '2'), ('--jobs=3',)):
            run = self.sync(*how, '-V', '-a')
            self.assertEqual(re.findall(r'^(\w+): Boxes', run.out, re.M), names, run.out)
            events = [json.loads(line) for line in self.sync('--json', *how, *reversed(names)).out.splitlines()]
            told = [e['channel'] for e in events if e.get('channel')]
            self.assertEqual([c for i, c in enumerate(told) if i == 0 or told[i - 1] != c], names[::-1])
            self.assertEqual(events[-1]['channels'], 6)
            plan = self.mailtwin('plan', *how, '-a').out
            self.assertEqual(re.findall(r'^channel (\w+)', plan, re.M), names)

    def test_the_same_with_one_and_with_many(self):
        def run(*how):
            return self.mailtwin(*how, '--json', '-a', code=1).out
        self.pairs('abcd')
        self.sync('-a')
        for name in 'bd':
            os.rename(self.sides[name][1].path, self.sides[name][1].path + '.gone')
        self.put('a', 3)

        def plain(text):
            return re.sub(r'"milliseconds":\d+', '', text)
        many = plain(run('plan', '-j', '4'))
        self.assertEqual(many, plain(run('plan', '-j', '1')))
        self.assertIn('"event":"error"', many)

    def test_how_many(self):
        for wrong in ('0', '-1', 'x', '65', ''):
            self.assertIn('from 1 to 64', self.mailtwin('-j', wrong, '-a', config=False, code=2).err)
        self.assertIn('needs an argument', self.mailtwin('-a', '-j', config=False, code=2).err)

    def test_debug_lines_are_whole(self):
        self.pairs('abcd')
        for c in 'abcd':
            self.put(c, 150)
        run = self.sync('-D', '-a')
        lines = run.err.splitlines()
        self.assertGreater(len(lines), 1000)
        for line in lines:
            self.assertRegex(line, r'^\d\d:\d\d:\d\d\.\d{3} [abcd] (net|imap|maildir|plan|state|run): ')
        alone = self.sync('-D', 'a')
        for line in alone.err.splitlines():
            self.assertRegex(line, r'^\d\d:\d\d:\d\d\.\d{3} (net|imap|maildir|plan|state|run): ')

    def test_hooks(self):
        """One at a time, with the lock free, told behind their channels."""
        log = os.path.join(self.home, 'hooks')
        self.pairs('abc', f'PostSync "echo begin $MAILTWIN_CHANNEL >>{log}; \'{self.binary}\' -c \'{self.config}\' '
                          f'plan $MAILTWIN_CHANNEL >/dev/null || echo locked >>{log}; echo end $MAILTWIN_CHANNEL >>{log}; '
                          f'test $MAILTWIN_CHANNEL != b"\n')
        for c in 'abc':
            self.put(c, 2)
        run = self.sync('-V', '-a', code=1)
        with open(log) as f:
            lines = f.read().splitlines()
        self.assertEqual(len(lines), 6, lines)
        for a, b in zip(lines[::2], lines[1::2]):
            self.assertEqual(a.replace('begin', 'end'), b)
        self.assertRegex(run.err, 'b: PostSync failed with exit code 1')
        self.assertEqual(self.sync('-a').err, '')               # nothing changed, nothing run


class Accounts(Account):
    def two(self, wait):
        """Two accounts, each behind a command; each waits for the other to be asked for, too."""
        relay = os.path.join(self.home, 'relay.py')
        self.log = os.path.join(self.home, 'relayed')
        with open(relay, 'w') as f:
            f.write(RELAY)
        self.fars, text = {}, ''
        for name, other in (('a', 'b'), ('b', 'a')):
            far = self.fars[name] = self.account()
            self.fill(far, 'INBOX', 3)
            near = self.maildir(f'near-{name}')
            command = f'{sys.executable} {relay} {name} \'{other if wait else ""}\' {far.server.port} {self.log}'
            text += (f'IMAPAccount {name}\nTunnel "{command}"\nTLSType None\nUser {far.user}\nPass secret\nConnections 1\n'
                     f'AuthMechs PLAIN\n\nIMAPStore far-{name}\nAccount {name}\n\n{near.store("near-" + name)}\n'
                     f'Channel {name}\nFar :far-{name}:\nNear :near-{name}:\nPatterns *\nCreate Both\n\n')
        self.write_config(text)

    def relayed(self):
        with open(self.log) as f:
            return f.read().split('\n')[:-1]

    def test_side_by_side(self):
        self.two(wait=True)
        self.sync('-a')
        self.assertEqual(sorted(self.relayed()[:2]), ['begin a', 'begin b'])
        for name in 'ab':
            self.assertEqual(len(os.listdir(os.path.join(self.dir, f'near-{name}', 'INBOX', 'new'))), 3)

    def test_one_at_a_time(self):
        self.two(wait=False)
        self.sync('-j', '1', '-a')
        self.assertEqual(self.relayed(), ['begin a', 'end a', 'begin b', 'end b'])

    def test_a_command_that_does_not_leave(self):
        """Asked to end, mailtwin waits no two seconds for it, and leaves it not behind."""
        self.two(wait=False)
        with open(self.config) as f:
            text = f.read()
        mark = os.path.join(self.dir, 'pid')
        stubborn = f"trap '' TERM HUP INT; echo $$ >>{mark}; while :; do sleep 0.2; done"
        self.write_config(re.sub('Tunnel .*', lambda m: f'Tunnel "{stubborn}"', text))
        p = self.spawn('-a')
        begin = time.monotonic()
        while time.monotonic() < begin + 30 and (not os.path.exists(mark) or len(open(mark).read().split()) < 2):
            time.sleep(0.02)
        p.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        self.finish(p, None)
        self.assertLess(time.monotonic() - begin, 4 if '/san/' in program() else 2)
        for pid in open(mark).read().split():
            self.assertRaises(ProcessLookupError, os.kill, int(pid), 0)

    def test_exit_codes_are_united(self):
        self.two(wait=False)
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace('Pass secret', 'Pass wrong', 1))
        self.assertIn('a: ', self.sync('-a', code=77).err)
        self.assertEqual(len(os.listdir(os.path.join(self.dir, 'near-b', 'INBOX', 'new'))), 3)
        self.write_config(text.replace(f' {self.fars["b"].server.port} ', ' 1 ', 1))
        self.sync('a', 'b', code=75)
        self.sync('-e', 'b', 'a', code=1)

    def test_a_command_that_fails_says_how(self):
        self.two(wait=False)
        with open(self.config) as f:
            text = f.read()
        self.write_config(re.sub('Tunnel .*', 'Tunnel "exit 7"', text, count=1))
        run = self.sync('-a', code=75)
        self.assertIn('exited with status 7', run.err)


class Confined(Account):
    """What a worker may see and ask for. Where the machine cannot confine it (check-config says so) nothing is proved."""

    def setUp(self):
        super().setUp()
        self.env = {'MAILTWIN_SANDBOX': 'on'}
        self.binary = program('MAILTWIN_FAST')
        self.pair()
        words = re.search('^# what keeps .*: (.*)$', self.mailtwin('check-config').out, re.M).group(1)
        self.has_files, self.has_calls = 'Landlock and' in words or words == 'Landlock', 'seccomp' in words and 'none' not in words

    def said(self, file):
        run = self.mailtwin('-a', env={**self.env, 'MAILTWIN_STEP_OPEN': file})
        found = dict(re.findall(r'step: (open|a process)[^:]*: (.*)', run.err))
        return found['open'], found['a process']

    def test_nothing_outside(self):
        secret = os.path.join(self.home, 'secret')
        with open(secret, 'w') as f:
            f.write('x')
        self.fill(self.far, 'INBOX', 2)
        opened, started = self.said(secret)
        if self.has_files:
            self.assertEqual(opened, 'Permission denied')
            self.assertEqual(self.said('/proc/1/environ')[0], 'Permission denied')
            self.assertEqual(self.said(self.config)[0], 'Permission denied')
        if self.has_calls:
            self.assertEqual(started, 'denied')
        self.assertEqual(self.said('/etc/passwd')[0], 'done')
        self.assertEqual(self.said(self.near.box('INBOX'))[0], 'done')
        self.env = {'MAILTWIN_SANDBOX': 'off'}
        self.assertEqual(self.said(secret), ('done', 'done'))
        self.sync_twice()

    def test_links_that_lead_out(self):
        """A folder, and the whole tree, are elsewhere; so is one that comes later, below a folder."""
        away = os.path.join(self.dir, 'away')
        os.makedirs(away)
        for name in ('a', 'b'):
            self.near.create(name)
            self.fill(self.near, name, 2)
        os.rename(self.near.box('a'), os.path.join(away, 'a'))
        os.symlink(os.path.join(away, 'a'), self.near.box('a'))
        os.rename(self.far.path, os.path.join(away, 'far'))
        os.symlink(os.path.join(away, 'far'), self.far.path)
        self.fill(self.far, 'INBOX', 2)
        self.assertEqual(self.sync('plan', '-a').err, '')
        self.assertFalse(self.notes())
        self.assertEqual(self.sync('-a').err, '')
        self.assertEqual(len(self.far.messages('a')), 2)
        for folder in ('cur', 'new', 'tmp'):
            os.makedirs(os.path.join(away, 'late', folder))
        os.symlink(os.path.join(away, 'late'), self.near.box('b') + '/late')
        self.fill(self.far, 'a', 3)
        self.assertEqual(self.sync('-a').err, '')
        self.assertEqual(len(os.listdir(away + '/a/new')) + len(os.listdir(away + '/a/cur')), 5)
        self.assertEqual(len(self.far.messages('b/late')), 0)
        self.assertEqual(bool(self.notes()), self.has_files)

    def notes(self):
        return [name for name in os.listdir(self.state) if name.endswith('.links')] if os.path.isdir(self.state) else []

    def test_an_account(self):
        """Host names, certificates, a first run without a state, a transcript and a message that travels."""
        far = self.account(tls=True)
        self.fill(far, 'INBOX', 2)
        self.pair(far=far)
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace('127.0.0.1', 'localhost'))
        shutil.rmtree(self.state, ignore_errors=True)
        self.sync('--transcript', os.path.join(self.home, 'said'), '-a', env=self.env)
        self.assertEqual(len(serials(self.near)), 2)
        self.assertEqual(len(os.listdir(os.path.join(self.home, 'said'))), 1)
        self.sync_twice()
