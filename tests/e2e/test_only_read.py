"""Commands that only read: search, verify and explain, killed at any time, on a disk that cannot be written, and with their line cut at many
octets. Nothing is written, and what was not had is told."""
import os
import signal
import subprocess
import time
import unittest

from lib import program
from servers import Delay
from smtp_servers import READY
from test_scripted import Told
from test_search import Searched


class OnlyRead(Searched):
    def setting(self):
        self.binary = program('MAILTWIN_FAST')
        self.imap_pair()
        self.put_mail()
        self.sync()
        self.sync()
        mail = self.near.messages('INBOX')[0]
        path = os.path.join(self.near.box('INBOX'), mail.key)
        # What is not paired yet, and what has gone, would be something to write down.
        self.near.deliver('INBOX', b'From: a@example.org\nSubject: new\n\nserial 77.\n', 'S')
        self.far.deliver('work', b'From: a@example.org\nSubject: new there\n\nserial 78.\n', '')
        self.commands = (('search', 'is:unread or subject:lease'), ('search', '--offline', 'subject:lease'), ('verify', '-a'), ('explain', path))

    def still(self):
        return self.everything(), self.far.still()

    def test_no_step_and_killed(self):
        """No numbered step is reached; and killed whenever it may be, it leaves all as it was."""
        self.setting()
        before = self.still()
        for words in self.commands:
            with self.subTest(words=words):
                self.mailtwin(*words, code=(0, 1), env={'MAILTWIN_STEP_EXIT': '1'})
                begin = time.monotonic()
                self.mailtwin(*words, code=(0, 1))
                whole = time.monotonic() - begin
                for i in range(12):
                    p = self.spawn(*words)
                    try:
                        p.wait(whole * i / 12)
                    except subprocess.TimeoutExpired:
                        os.killpg(p.pid, signal.SIGKILL)
                    self.finish(p, code=None)
                self.assertEqual(self.still(), before)

    @unittest.skipUnless(READY, 'only root can make a mount namespace')
    def test_on_a_disk_that_cannot_be_written(self):
        self.setting()
        before = self.still()
        wanted = [self.mailtwin(*words, code=(0, 1)) for words in self.commands]
        script = os.path.join(self.dir, 'read-only')
        with open(script, 'w') as f:
            f.write(f'#!/bin/sh\nexec unshare -m --propagation private sh -ec \'mount --bind {self.dir} {self.dir}\nmount -o remount,bind,ro {self.dir}\n'
                    f'! touch {self.dir}/touched 2>/dev/null\nexec {self.binary} "$@"\' sh "$@"\n')
        os.chmod(script, 0o755)
        before = self.still()
        self.binary = script
        for words, run in zip(self.commands, wanted):
            with self.subTest(words=words):
                again = self.mailtwin(*words, code=run.code)
                self.assertEqual((again.out, again.err), (run.out, run.err))
        self.assertEqual(self.still(), before)


class Cut(Told, Searched):
    """The connection is cut behind the n-th octet of what the server says, and no other is accepted."""

    def line(self, port, **kw):
        line = Delay(self.server.port, listen=port, **kw).start()
        self.addCleanup(line.stop)
        return line

    def test_search(self):
        self.binary = program('MAILTWIN_FAST')
        self.start()
        for box in ('a', 'b', 'c'):
            self.server.create(box)
            self.put(3, box)
        self.put(3)
        line = self.line(0)
        port = line.port
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace(f'Port {self.server.port}', f'Port {port}'))
        self.sync()
        self.sync()
        self.server.fault = lambda session, verb, words: (
            f'* ESEARCH (TAG "{session.tag}") UID ALL 1:3\r\n{{tag}} OK done\r\n' if verb == 'UID SEARCH' else None)
        before = self.everything()
        line.reset()
        whole = self.mailtwin('search', 'body:words')
        self.assertEqual(len(whole.out.splitlines()), 12)
        octets = line.stats()['down']
        line.stop()
        fell_back = 0
        for at in range(1, octets + 60, 1 if os.environ.get('MAILTWIN_LONG') else 61):
            with self.subTest(at=at):
                line = self.line(port, cut=f'down:{at}', last=True)
                # A text is looked for by a server alone: an error that says so, and no half of an answer passes for the whole.
                run = self.mailtwin('search', 'body:words', code=(0, 1, 75))
                if run.code == 0:
                    self.assertEqual((run.out, run.err), (whole.out, whole.err))
                    self.assertGreater(at, octets // 2)
                else:
                    self.assertEqual(run.out, '')
                    self.assertIn('headers on the disk are searched in its place', run.err)
                    self.assertIn('body: is looked for by a server', run.err)
                    fell_back += 1
                line.stop()
        self.assertGreater(fell_back, 10)
        self.assertEqual(self.everything(), before)
