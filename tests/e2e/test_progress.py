"""The line of progress, on a terminal of a test: what it counts, whom it waits for, how wide it is."""
import fcntl
import os
import pty
import re
import struct
import termios
import threading

import test_scripted
from lib import message


RATE = r'(  [\d.]+ [kM]?B/s)?(  \d+ s left)?'          # a slow machine has come so far by then


class Screen:
    """A terminal. `frames` are the lines drawn on it, `text` what stays."""

    def __init__(self, columns):
        self.master, self.slave = pty.openpty()
        self.resize(columns)
        self.raw = ''

    def resize(self, columns):
        self.columns = columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))

    def read(self):
        """False: the program has ended."""
        try:
            part = os.read(self.master, 65536)
        except OSError:
            part = b''
        self.raw += part.decode(errors='surrogateescape')
        return bool(part)

    def frames(self):
        return re.findall(r'\r(?:\x1b\[J)?([^\r\n\x1b]+)(?:\x1b\[K)?\r', self.raw)

    def until(self, pattern):
        """The first frame that has it."""
        while True:
            found = [f for f in self.frames() if re.search(pattern, f)]
            if found:
                return found[0]
            if not self.read():
                raise AssertionError(f'no {pattern!r} on the screen: {self.raw!r}')

    def rest(self):
        while self.read():
            pass
        os.close(self.master)


class Progress(test_scripted.Told):
    def begin(self, columns, env=None, n=60, stop=30, account=''):
        """A run in which the server stops in the midst of the bodies, until `self.gate` is open."""
        self.start(account=account)
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)
        for i in range(n):
            self.box().add(message(i + 1, size=5000).replace(b'\n', b'\r\n'), ('\\Seen',))

        def fault(session, verb, words):
            if verb == 'UID FETCH' and 'BODY.PEEK[]' in words[1]:
                send, sent = session.send, []

                def slowly(data):
                    if len(sent) == stop:
                        self.gate.wait(30)
                    sent.append(1)
                    send(data)
                session.send = slowly
        self.server.fault = fault
        screen = Screen(columns)
        self.run_ = self.spawn('-a', stdin=screen.slave, stdout=screen.slave, stderr=screen.slave, env={'TERM': 'xterm', **(env or {})})
        return screen

    def end(self, screen):
        self.gate.set()
        os.close(screen.slave)
        screen.rest()
        self.assertEqual(self.run_.wait(), 0, screen.raw)
        self.server.fault = None
        self.sync_twice()

    def test_messages_as_they_come_and_who_is_waited_for(self):
        screen = self.begin(80)
        # All are one batch, of which nothing is settled yet.
        self.assertRegex(screen.until('30/60'), r'^c: 30/60 messages  15\d kB' + RATE + r'$')
        self.assertRegex(screen.until('waiting'), r'^c: 30/60 messages  15\d kB' + RATE + r'  waiting for 127\.0\.0\.1, 2 s$')
        self.assertEqual(len(self.box().mails), 60)
        self.end(screen)
        # What is drawn is gone in the end, and the summary stands on a line of its own.
        self.assertRegex(screen.raw, r'\x1b\[J[^\r]*Channels: 1 .*Near: \+60 .*\r\n$')

    def test_a_window_that_becomes_narrow(self):
        screen = self.begin(80)
        self.assertGreater(len(screen.until('30/60.*waiting')), 40)
        before = len(screen.frames())
        screen.resize(40)
        self.assertRegex(screen.until(r'^waiting for 127'), r'^waiting for 127\.0\.0\.1, \d s')
        self.assertIn('\r\x1b[J', screen.raw)           # what the narrower window broke in two is taken away
        self.end(screen)
        late = screen.frames()[before:]
        # One may have been under way.
        self.assertEqual([f for f in late[1:] if len(f) > 39], [])

    def test_no_colour(self):
        screen = self.begin(40, env={'NO_COLOR': '1'})
        self.assertRegex(screen.until('30/60'), r'^c: 30/60 messages  15\d kB' + RATE + r'$')
        self.end(screen)
        self.assertNotRegex(screen.raw, r'\x1b\[[0-9;]*m')

    def test_the_summary_fits(self):
        self.start()
        self.box().add(message(1).replace(b'\n', b'\r\n'), ('\\Seen',))
        for columns, lines in (80, 1), (60, 2), (40, 2), (20, 5):
            screen = Screen(columns)
            run = self.spawn('plan', '-a', stdin=screen.slave, stdout=screen.slave, stderr=screen.slave, env={'TERM': 'xterm'})
            os.close(screen.slave)
            screen.rest()
            self.assertEqual(run.wait(), 0, screen.raw)
            text = screen.raw[screen.raw.index('To do:'):].split('\r\n')[:-1]
            self.assertEqual((len(text), [x for x in text if len(x) > columns]), (lines, []), text)
            self.assertEqual(re.sub(' +', ' ', ' '.join(text)), 'To do: Channels: 1 Boxes: 1 Far: +0 *0 #0 -0 Near: +1 *0 #0 -0')

    def test_a_terminal_without_utf8(self):
        """What it cannot show is named by its number; a pipe gets names as they are."""
        self.start()
        self.server.create('gr&APw-n')
        self.box('gr&APw-n').add(message(1).replace(b'\n', b'\r\n'), ('\\Seen',))
        for locale, name in ('C', 'gr\\u{fc}n'), ('C.UTF-8', 'gr\u00fcn'):
            screen = Screen(80)
            run = self.spawn('list', 'c', stdin=screen.slave, stdout=screen.slave, stderr=screen.slave,
                             env={'TERM': 'xterm', 'LC_ALL': locale})
            os.close(screen.slave)
            screen.rest()
            self.assertEqual(run.wait(), 0, screen.raw)
            self.assertIn(name, screen.raw)
        self.assertIn('gr\u00fcn', self.mailtwin('list', 'c', env={'LC_ALL': 'C'}).out)
