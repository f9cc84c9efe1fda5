"""What waits for another run: a full disk, a server over its quota, one that asks for patience; told once, with how much there is of it."""
import os
import re

import test_scripted
from lib import message, serials


class Waits(test_scripted.Told):
    def waiting(self, run, n, why):
        lines = [x for x in run.err.splitlines() if x]
        self.assertEqual(len(lines), 1, run.err)
        self.assertRegex(lines[0], rf'{n} messages? waits?\b.*{why}.*; the next run goes on')

    def count(self, verb):
        return sum(v == verb for _, v, _ in self.server.seen)


class Disk(Waits):
    def test_full(self):
        """One line for all that waits; one large message keeps no small ones back; the next run goes on."""
        path = self.tmpfs('small', 1 << 20)
        self.start(near=self.maildir('small/near'))
        for i in range(300):
            self.box().add(message(i + 1, size=9000 if i else 2 << 20).replace(b'\n', b'\r\n'), ('\\Seen',))
        run = self.sync(code=75)
        here = len(self.near.messages('INBOX'))
        self.assertGreater(here, 40)
        self.waiting(run, 300 - here, f'no space on {re.escape(path)}')
        self.assertNotRegex(run.err, r'INBOX/|P\d+Q')
        run = self.sync(code=75)
        self.waiting(run, 300 - len(self.near.messages('INBOX')), 'no space')
        there = sorted(serials(self.near))                                  # which ones came first is the line's
        waits = [m.uid for m in self.box().mails if m.uid not in there and m.uid != 1]
        self.box().drop({1, *waits[20:]} | {m.uid for m in self.box().mails if m.uid in there[40:]})
        run = self.sync(code=(0, 75))                                       # copies may come before the deletions that make room
        if run.code:
            self.waiting(run, 60 - len(self.near.messages('INBOX')), 'no space')
        self.sync()
        self.sync_twice()


class Servers(Waits):
    def refuses(self, verb, answer, most):
        """A server that takes, or gives, `most` messages."""
        self.server.seen.clear()
        self.left = most

        def fault(session, what, words):
            if what != verb or (verb == 'UID FETCH' and 'BODY.PEEK[]' not in words[1]):
                return None
            self.left -= 1
            return None if self.left >= 0 else '{tag} ' + answer + '\r\n'
        self.server.fault = fault

    def test_takes_no_more(self):
        for more in ((), ['MULTIAPPEND']):
            for answer in ('NO [OVERQUOTA] the mailbox is full', 'NO [LIMIT] enough for today', 'NO [UNAVAILABLE] come back later',
                           'NO [INUSE] somebody else is here'):
                with self.subTest(answer=answer, more=more):
                    self.setUp()
                    self.start(more=more)
                    self.near.create('b')
                    self.server.create('b')
                    s = self.fill(self.near, 'INBOX', 220, 'S') + self.fill(self.near, 'b', 30, 'S')
                    self.refuses('APPEND', answer, 0 if more else 7)
                    run = self.sync(code=75)
                    self.waiting(run, len(s) - len(serials(self.far)), re.escape(answer.split('] ')[1]))
                    self.assertLess(self.count('APPEND'), 200)      # a few refusals, and what was under way by then
                    self.server.fault = None
                    self.sync_twice()

    def test_gives_no_more(self):
        for answer in ('NO [LIMIT] enough for today', 'NO [UNAVAILABLE] come back later'):
            with self.subTest(answer=answer):
                self.setUp()
                self.start()
                s = self.put(400)
                self.refuses('UID FETCH', answer, 1)
                run = self.sync(code=75)
                self.waiting(run, len(s) - len(self.near.messages('INBOX')), re.escape(answer.split('] ')[1]))
                self.assertLess(self.count('UID FETCH'), 50)
                self.server.fault = None
                self.sync_twice()

    def test_asks_for_patience(self):
        """As long as it asks for is waited in the run; more than a run may take: the next one goes on."""
        for ms, code in ((300, 0), (10_000_000, 75)):
            for verb in ('APPEND', 'UID FETCH'):
                with self.subTest(ms=ms, verb=verb):
                    self.setUp()
                    self.start()
                    s = self.put(60)
                    n = self.fill(self.near, 'INBOX', 60, 'S')
                    times = []

                    def fault(session, what, words):
                        if what != verb or (verb == 'UID FETCH' and 'BODY.PEEK[]' not in words[1]):
                            return None
                        times.append(what)
                        if len(times) < 3 or code:
                            return '{tag} BAD Request is throttled. Suggested Backoff Time: %d milliseconds\r\n' % ms
                    self.server.fault = fault
                    run = self.sync(code=code)
                    if code:
                        self.assertIn('wait', run.err)
                        self.assertLess(len(times), 90)
                    self.server.fault = None
                    self.sync_twice()
                    self.assertEqual(len(serials(self.far)), len(s + n))

    def test_asks_for_patience_for_ever(self):
        """A few tries, each of one message, and not hundreds of all."""
        self.start()
        self.fill(self.near, 'INBOX', 40, 'S')
        times = []

        def fault(session, what, words):
            if what == 'APPEND':
                times.append(what)
                return '{tag} BAD Request is throttled. Suggested Backoff Time: 20001 milliseconds\r\n'
        self.server.fault = fault
        self.assertIn('40 messages wait', self.sync(code=75).err)
        self.assertLess(len(times), 45)
        self.server.fault = None
        self.sync_twice()
        self.assertEqual(len(serials(self.far)), 40)

    def test_alert_once(self):
        self.start(greeting='* OK [ALERT] the disk of the server is nearly full\r\n')
        for i in range(4):
            self.server.create(f'b{i}')
            self.put(30, f'b{i}')
        run = self.sync()
        self.assertLessEqual(run.err.count('nearly full'), 1)


class SetAside(Waits):
    def test_plan_names_the_file(self):
        """What can never be sent is named with its file by `plan` and `list`, long after the run that refused it."""
        self.start()
        self.near.deliver('INBOX', b'Subject: with a NUL\n\nserial 9.\n\0\n', 'S', file='1700000000.M1P1.host')
        self.fill(self.near, 'INBOX', 3, 'S')
        self.assertIn('1700000000.M1P1.host', self.sync(code=1).err)
        self.sync()
        for command in 'plan', 'list':
            run = self.mailtwin(command, '-a')
            self.assertIn('1700000000.M1P1.host', run.out + run.err)
            self.assertIn('NUL', run.out + run.err)


class Mailboxes(Waits):
    """A mailbox that is left for the next run is work undone: 75, and the mailbox is named with the reason."""

    def test_came_to_be_before_create(self):
        """With mail in it, between the list and the run's own CREATE."""
        self.start()
        self.near.create('b')
        self.fill(self.near, 'b', 3, 'S')

        def after(session, verb, words):
            if verb == 'LIST' and 'b' not in self.server.boxes:
                self.server.create('b')
                self.put(2, 'b')
        self.server.after = after
        run = self.sync(code=75)
        self.assertRegex(run.err, r'\bb: came to be on the far side.*waiting for the next run')
        self.server.after = None
        self.sync_twice()
        self.assertEqual(len(self.near.messages('b')), 5)

    def test_changed_before_its_removal(self):
        """Mail that comes at whatever moment keeps the mailbox; from the last look on that is left for the next run."""
        codes = []
        for moment in range(1, 7):
            with self.subTest(moment=moment):
                self.setUp()
                self.start()
                self.server.create('b')
                self.put(3, 'b')
                self.put(3)
                self.sync_twice()
                self.near.remove('b')
                asked = []

                def fault(session, verb, words):
                    if verb in ('STATUS', 'SELECT', 'EXAMINE') and words[0] == 'b':
                        asked.append(verb)
                        if len(asked) == moment:
                            self.put(1, 'b')
                self.server.fault = fault
                run = self.sync(code=(0, 75))
                self.server.fault = None
                if len(asked) < moment:
                    break
                codes.append(run.code)
                if run.code == 75:
                    self.assertRegex(run.err, r'\bb: changed on the far side.*waiting for the next run')
                self.assertIn('b', self.server.boxes)
                self.sync()
                self.sync_twice()
                self.assertIn(self._serial, serials(self.near))
        self.assertIn(75, codes)

    def test_not_listed_and_not_denied(self):
        self.start()
        for name in 'b', 'other':
            self.server.create(name)
            self.put(3, name)
        self.sync_twice()
        self.box('b').unlisted = True
        self.server.fault = lambda session, verb, words: '{tag} NO the server is tired\r\n' if verb in ('STATUS', 'SELECT', 'EXAMINE') \
            and words[0] == 'b' else None
        run = self.sync(code=75)
        self.assertRegex(run.err, r'\bb: not listed on the far side.*waiting for the next run')
        self.assertEqual(len(self.near.messages('b')), 3)
        self.box('b').unlisted = False
        self.server.fault = None
        self.sync_twice()

    def test_not_listed_and_there(self):
        """No work for the next run to do, but for a person."""
        self.start()
        self.server.create('b')
        self.put(3, 'b')
        self.sync_twice()
        self.box('b').unlisted = True
        run = self.sync(code=1)
        self.assertRegex(run.err, r'\bb: not listed on the far side, though the server says that it exists')
        self.assertEqual(len(self.near.messages('b')), 3)
        self.box('b').unlisted = False
        self.sync_twice()

    def test_another_where_not_all_is_listed(self):
        """What is new may be what a list that is short does not show under its old name."""
        self.start()
        self.server.create('b')
        self.put(3, 'b')
        self.put(3)
        self.sync_twice()
        self.box('b').unlisted = True
        self.server.create('c')
        self.put(2, 'c')
        run = self.sync(code=1)
        self.assertRegex(run.err, r'\bb: not listed')
        self.box('b').unlisted = False
        self.sync_twice()
        self.assertEqual(len(self.near.messages('c')), 2)
