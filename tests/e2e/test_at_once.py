"""Two mailtwins at once, each with a state of its own."""
import os
import signal
import subprocess
import time

from lib import Case, ImapSide, message, serials
from scripted import Scripted
from servers import Dovecot


class Maildirs(Case):
    def other(self):
        """The same channel with another state."""
        path = os.path.join(self.dir, 'other')
        os.makedirs(path, exist_ok=True)
        return {'XDG_STATE_HOME': path}

    def test_the_second_waits(self):
        self.pair()
        for i in range(30):
            self.far.deliver('INBOX', message(i + 1))
            self.near.deliver('INBOX', message(100 + i))
        for _ in range(3):
            runs = [self.spawn('-a'), self.spawn('-a', env=self.other())]
            codes = sorted(self.finish(p, code=(0, 75)).code for p in runs)
            self.assertIn(codes, ([0, 0], [0, 75]))
        for env in (None, self.other()):
            self.sync(env=env)
            self.sync(env=env)
        self.assert_twins()
        self.assertEqual(set(serials(self.far).values()), {1})
        self.assertEqual(len(serials(self.far)), 60)

    def held(self):
        """A run that stands still with the lock in its hand."""
        p = subprocess.Popen(['python3', '-c', 'import fcntl,sys,time\nf=open(sys.argv[1],"r+")\n'
                              'fcntl.flock(f,fcntl.LOCK_EX)\nprint("held",flush=True)\ntime.sleep(60)',
                              os.path.join(self.near.path, '.mailtwin-id')], stdout=subprocess.PIPE)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        p.stdout.readline()
        self.addCleanup(p.stdout.close)
        return p

    def test_taken_over_and_not_in_a_dry_run(self):
        self.pair()
        self.fill(self.far, 'INBOX', 3)
        self.sync_twice()
        self.fill(self.far, 'INBOX', 1)
        p = self.held()
        run = self.sync(code=75)
        self.assertIn(self.near.path, run.err)
        self.assertIn('another mailtwin', run.err)
        self.assertIn('copy', self.mailtwin('plan', '-a').out)
        p.send_signal(signal.SIGKILL)
        p.wait()
        self.sync_twice()

    def test_one_run_shares_it(self):
        """Channels that meet in one store."""
        self.pair(patterns='* !a !b')
        with open(self.config, 'a') as f:
            f.write('\nChannel d\nFar :far:a\nNear :near:b\nCreate Both\n')
        self.far.create('a')
        self.fill(self.far, 'a', 2)
        self.fill(self.far, 'INBOX', 2)
        self.sync_twice(twins=False)
        self.assertEqual(len(self.near.messages('b')), 2)

    def test_killed(self):
        self.pair()
        for i in range(300):
            self.far.deliver('INBOX', message(i + 1))
        p = self.spawn('-a')
        while not os.path.exists(self.near.path + '/.mailtwin-id') and p.poll() is None:
            time.sleep(0.001)
        p.kill()
        p.wait()
        self.sync(code=0)
        self.sync_twice()

    def test_a_maildir_that_cannot_be_written(self):
        self.pair(near_store='ReadOnly yes', policy='Create Far\n')
        self.near.deliver('INBOX', message(1))
        before = self.near.still()
        self.sync()
        self.assertEqual(before, self.near.still())
        self.assertFalse(os.path.exists(self.near.path + '/.mailtwin-id'))


class Accounts(Case):
    def test_the_second_waits(self):
        with Dovecot() as server:
            self.pair(far=ImapSide(server, 'alice'), near=ImapSide(server, 'bob'))
            other = os.path.join(self.dir, 'other')
            os.makedirs(other)
            for i in range(20):
                self.far.deliver('INBOX', message(i + 1))
                self.near.deliver('INBOX', message(100 + i))
            for _ in range(3):
                runs = [self.spawn('-a'), self.spawn('-a', env={'XDG_STATE_HOME': other})]
                codes = sorted(self.finish(p, code=(0, 75)).code for p in runs)
                self.assertIn(codes, ([0, 0], [0, 75]))
            for env in (None, {'XDG_STATE_HOME': other}):
                self.sync(env=env)
                self.sync(env=env)
            self.assert_twins()
            self.assertEqual(set(serials(self.far).values()), {1})
            self.assertEqual(len(serials(self.far)), 40)
            self.far.close()
            self.near.close()

    def test_another_machine(self):
        """What came meanwhile is found before the same is sent: nothing here keeps the other program out."""
        servers = [Scripted(), Scripted()]
        for server in servers:
            server.__enter__()
            self.addCleanup(server.__exit__)
        self.pair(far=ImapSide(servers[0], 'anna'), near=ImapSide(servers[1], 'anna'))
        for side in self.far, self.near:
            self.addCleanup(side.close)
        for i in range(4):
            self.far.deliver('INBOX', message(i + 1))
        self.sync_twice()
        more = [message(50 + i) for i in range(6)]
        for data in more:
            self.far.deliver('INBOX', data)
        asked = []

        def fault(session, verb, words):
            if verb in ('STATUS', 'LIST'):
                asked.append(verb)
                if len(asked) == 2:
                    for data in more:
                        servers[1].boxes['INBOX'].add(data.replace(b'\n', b'\r\n'), ())
        servers[1].fault = fault
        self.sync()
        servers[1].fault = None
        self.assertGreater(len(asked), 1, 'it was not looked at before anything was sent')
        self.sync_twice()
        self.assertEqual(set(serials(self.near).values()), {1})
        self.assertEqual(set(serials(self.far).values()), {1})
