"""mailtwin status: what the last runs have left is found again offline, with the messages and with commands that decide it; and what -q leaves
unsaid."""
import fcntl
import json
import os
import pty
import re
import shlex
import signal
import struct
import termios
import time

from accounts import Account
from lib import Case, message
from scripted import Scripted
from test_docs import keywords
from test_outbox import Outbox

HOSTILE = b'Subject: \x1b[2J\x1b]0;owned\x07 =?utf-8?q?=1b=5b31m_red_=e2=80=ae?='


class Status(Case):
    def status(self, *args, code=0, **kw):
        """What it says as JSON, by event; asking twice says the same and writes nothing."""
        state = self.state_still() if os.path.isdir(self.state) else None
        out = self.mailtwin('status', '--json', *args, code=code, **kw).out
        if state is not None:
            self.assertEqual(state, self.state_still())
        events = {}
        for line in out.splitlines():
            event = json.loads(line)
            events.setdefault(event['event'], []).append(event)
        return events

    def paste(self, command, code=0):
        """Runs a command as a shell would."""
        words = shlex.split(command)
        self.assertEqual(words[0], 'mailtwin')
        return self.mailtwin(*words[1:], code=code)


    def stopped(self, *args):
        """A run that stands still in the middle of its work on near's INBOX."""
        cur = os.path.join(self.near.box('INBOX'), 'cur')
        before = len(os.listdir(cur))
        p = self.spawn(*args)
        while p.poll() is None and len(os.listdir(cur)) <= before + 5:
            time.sleep(.002)
        self.assertIsNone(p.poll(), 'the run was over before it could be stopped')
        os.killpg(p.pid, signal.SIGSTOP)
        return p


    def on_a_terminal(self, width, *args):
        """What a terminal so wide is sent, without colours."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, width, 0, 0))
        p = self.spawn(*args, stdout=slave, stderr=slave, env={'TERM': 'xterm', 'NO_COLOR': '1'})
        os.close(slave)
        shown = b''
        try:
            while part := os.read(master, 65536):
                shown += part
        except OSError:
            pass
        os.close(master)
        self.assertEqual(p.wait(), 0, shown)
        return shown.decode()


class Maildirs(Status):
    def setUp(self):
        super().setUp()
        self.pair()

    def test_from_the_first_run_on(self):
        run = self.mailtwin('status', code=1)
        self.assertIn('c: no run has come as far as its mailboxes yet', run.out)
        self.paste(run.out.splitlines()[-1])
        status = self.status()['status'][0]
        self.assertEqual((status['needs_person'], status['last_failure']), (False, None))
        first = status['last_success']
        self.assertGreater(first, 0)
        self.fill(self.near, 'INBOX', 3)
        self.sync_twice()
        self.assertGreaterEqual(self.status()['status'][0]['last_success'], first)
        self.assertIn('c: all is in order\n  last success', self.mailtwin('status', 'c').out)

    def held(self):
        """Most of a mailbox whose name a shell must be told of, deleted on near."""
        self.far.create("it's here")
        self.serials = self.fill(self.far, "it's here", 30)
        self.sync_twice()
        for mail in self.near.messages("it's here")[:25]:
            self.near.delete(mail)
        self.sync(code=1)

    def test_held(self):
        self.held()
        events = self.status(code=1)
        matter = [m for m in events['matter'] if m['kind'] == 'held'][0]
        self.assertEqual((matter['mailbox'], matter['messages'], matter['needs']), ("it's here", 25, 'person'))
        self.assertEqual([m['from'] for m in events['message']], ['Anna <anna@example.org>'] * 5)
        self.assertEqual(len(self.status('-V', code=1)['message']), 25)
        error = [m for m in events['matter'] if m['kind'] == 'error'][0]
        self.assertIn('are deleted on near', error['text'])
        self.assertIsNone(error['command'])
        # It is the same run by run, which writes nothing more.
        state = self.state_still()
        self.sync(code=1)
        self.assertEqual(state, self.state_still())
        self.paste(matter['other_command'])
        self.assert_twins()
        self.assertEqual(len(self.near.messages("it's here")), 30)
        events = self.status()
        self.assertNotIn('matter', events)
        self.assertIn('are deleted on near', events['recovered'][0]['text'])
        self.assertGreater(events['status'][0]['last_failure'], 0)
        for width in (40, 80):
            lines = self.on_a_terminal(width, 'status').replace('\r', '').splitlines()
            self.assertLessEqual(max(len(line) for line in lines if '/' not in line), width, lines)
            self.assertIn('are deleted on near', ' '.join(' '.join(lines).split()))
        self.sync_twice()

    def test_held_and_allowed(self):
        self.held()
        self.paste([m for m in self.status(code=1)['matter'] if m['kind'] == 'held'][0]['command'])
        self.assertEqual(len(self.far.messages("it's here")), 5)
        self.status()
        self.sync_twice()

    def test_a_mailbox_not_looked_at(self):
        """A run of one mailbox says nothing of another."""
        self.far.create('a')
        self.held()
        self.fill(self.far, 'a', 1)
        self.sync('c:a')
        self.assertIn("it's here", [m['mailbox'] for m in self.status(code=1)['matter'] if m['kind'] == 'error'])

    def test_pending(self):
        """What a run in one direction leaves, by date, From and Subject, a terminal unharmed by it."""
        self.sync_twice()
        self.near.deliver('INBOX', HOSTILE + b'\nFrom: Eve\n\nserial 901.\n', 'S')
        self.sync('--pull', '-a')
        events = self.status()
        self.assertEqual([(m['kind'], m['text'], m['needs']) for m in events['matter']], [('pending', 'to be copied to far', 'run')])
        self.assertEqual(events['message'][0]['from'], 'Eve')
        out = self.mailtwin('status').out
        self.assertIn('owned', out)
        self.assertFalse(set(out) & set('\x1b\x07\u202e'), out)
        for width in (40, 80):
            lines = self.on_a_terminal(width, 'status').splitlines()
            self.assertEqual([line for line in lines if 'Eve' in line and len(line) > width], [])
            self.assertTrue([line for line in lines if 'Eve' in line])
        self.paste(events['matter'][0]['command'])
        self.assertNotIn('matter', self.status())
        self.sync_twice()

    def test_at_work(self):
        """While a run is at work, its process is named."""
        self.sync_twice()
        self.fill(self.far, 'INBOX', 400, 'S')
        p = self.stopped('-a')
        status = self.status()['status'][0]
        self.assertEqual((status['state'], status['process']), ('a run is at work', p.pid))
        self.status('--nag', '1s', code=1, env=self.later(100))
        # Another run ends at once, and -q does not say so until the first one has lasted.
        self.assertIn('in use by process', self.mailtwin('-a', code=75).err)
        self.assertEqual(self.mailtwin('-q', '-a', code=75).err, '')
        self.assertEqual(self.mailtwin('-q', '-a', code=75, env=self.later(23 * 3600)).err, '')
        self.assertIn('in use by process', self.mailtwin('-q', '-a', code=75, env=self.later(25 * 3600)).err)
        self.assertIn('in use by process', self.mailtwin('-q', '--nag', '1h', '-a', code=75, env=self.later(2 * 3600)).err)
        p.kill()
        self.finish(p, -signal.SIGKILL)
        self.assertTrue(self.status()['status'][0]['was_stopped'])
        self.sync_twice()
        self.assertFalse(self.status()['status'][0]['was_stopped'])


class Words(Status):
    def test_old_words_once_a_month(self):
        """Of the configuration and of the command line; by what only looks always, until a run has said it."""
        self.pair(policy='Create Both\nExpunge Master\n')
        for args in (('plan', '-a'), ('plan', '-a'), ('-a',)):
            self.assertIn('deprecated', self.mailtwin(*args).err)
        told = self.state_still()
        for args in (('-a',), ('plan', '-a'), ('log',), ('-a',)):
            self.assertEqual(self.mailtwin(*args).err, '')
        self.assertEqual(told, self.state_still())
        self.assertIn('deprecated', self.mailtwin('check-config').err)
        self.assertIn('--renew is deprecated', self.mailtwin('--renew', '-a').err)
        self.assertEqual(self.mailtwin('--renew', '-a').err, '')
        self.assertEqual(self.mailtwin('-a', env=self.later(29 * 86400)).err, '')
        self.assertIn('deprecated', self.mailtwin('-a', env=self.later(31 * 86400)).err)

    def test_the_list_says_which_side_lacks_a_mailbox(self):
        self.pair()
        self.far.create('a')
        self.near.create('b')
        plain = self.mailtwin('list').out
        self.assertEqual(plain.split(), ['INBOX', 'a', 'b'])
        self.assertEqual(self.mailtwin('-V', 'list').out, 'INBOX\na  (not on near)\nb  (not on far)\n')
        self.sync_twice()
        self.assertEqual(self.mailtwin('-V', 'list').out, plain)

    def test_every_default_is_printed(self):
        """Each keyword of each section has its line in check-config, as a setting or as a comment, and the whole is a configuration."""
        self.write_config('IMAPStore i\nHost example.com\nUser j\nPass x\n\nPOP3Store p\nHost example.com\nUser j\nPass x\n\n'
                          f'SMTPAccount o\nHost example.com\nUser j\nPass x\n\n{self.maildir("near").store("near")}\n'
                          'Channel c\nFar :i:\nNear :near:\n\nGroup g c\n')
        out = self.mailtwin('check-config').out
        printed = set(re.findall(r'(?m)^(?:# )?([A-Z]\w+) ', out))
        self.assertEqual(keywords() - printed - {'Patterns'}, set())
        self.assertIn('MaxDelete default # 500', out)
        self.assertIn(f'SyncState {self.state}/', out)
        self.write_config(out.replace('********', 'x'))
        again = self.mailtwin('check-config')
        self.assertEqual((again.err, again.out), ('', out))


class Accounts(Status, Account):
    def test_failed_and_recovered(self):
        """No server: its words, until it is back; with -q they are said once it has lasted, and then once for as long."""
        self.imap_pair()
        self.fill(self.far, 'INBOX', 3)
        self.sync_twice()
        good = self.status()['status'][0]['last_success']
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace(f'Port {self.far.server.port}', 'Port 1'))
        self.assertIn('refused', self.sync(code=75).err)
        events = self.status()
        self.assertEqual((events['status'][0]['last_success'], events['status'][0]['needs_person']), (good, False))
        self.assertIn('refused', events['matter'][0]['text'])
        state = self.state_still()
        self.assertEqual(self.sync('-q', '-a', code=75).err, '')
        self.assertEqual(state, self.state_still(), 'the same failure was written twice')
        day = 24 * 3600
        for later, says in ((day // 2, False), (day + 60, True), (day + 600, False), (2 * day + 30, False), (2 * day + 120, True)):
            self.assertEqual('refused' in self.sync('-q', '-a', code=75, env=self.later(later)).err, says, later)
        self.status(code=1, env=self.later(day + 60))
        self.write_config(text)
        self.sync_twice()
        events = self.status()
        self.assertIn('refused', events['recovered'][0]['text'])
        self.assertNotIn('matter', events)

    def test_held_on_a_server(self):
        """What is deleted here has no file any more: the run that holds it back asks the server once what it is."""
        self.imap_pair()
        self.fill(self.far, 'INBOX', 30)
        self.sync_twice()
        for mail in self.near.messages('INBOX')[:25]:
            self.near.delete(mail)
        self.sync(code=1)
        before = self.state_still()
        self.assertNotIn('FROM', self.sync('-Dimap', '-a', code=1).err)
        self.assertEqual(before, self.state_still())
        events = self.status(code=1)
        self.assertEqual([(m['from'], m['path']) for m in events['message']], [('Anna <anna@example.org>', None)] * 5)
        self.assertIn('2024-01-01  Anna <anna@example.org>: "', self.mailtwin('status', code=1).out)
        self.paste([m for m in events['matter'] if m['kind'] == 'held'][0]['command'])
        self.sync_twice()
        self.status()

    def test_no_password(self):
        """What fails before the state is opened is known as well, and is said with -q."""
        self.imap_pair()
        self.sync_twice()
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace('Pass secret', 'PassCmd "echo the key ring is locked >&2; exit 1"'))
        said = self.sync('-q', '-a', code=(1, 77)).err
        self.assertIn('PassCmd', said)
        events = self.status(code=1)
        self.assertIn('PassCmd', events['matter'][0]['text'])
        self.write_config(text)
        self.sync_twice()
        self.status()


class Refused(Status):
    def test_refused(self):
        """A message that the server does not take is named until it does."""
        self.server = Scripted()
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.near = self.maildir('near')
        self.write_config(f'IMAPAccount far\nHost 127.0.0.1\nPort {self.server.port}\nUser u\nPass secret\nTLSType None\nAuthMechs LOGIN\n\n'
                          f'IMAPStore far\nAccount far\n\n{self.near.store("near")}\nChannel c\nFar :far:\nNear :near:\nPatterns *\nExpunge Both\n')
        self.sync()
        self.near.deliver('INBOX', b'From: Anna <anna@example.org>\nSubject: too odd\n' + message(77), 'S')
        self.server.fault = lambda session, verb, words: (
            '{tag} NO not this one\r\n' if verb == 'APPEND' and b'too odd' in words[-1] else None)
        for _ in range(3):
            self.fill(self.near, 'INBOX', 1)
            self.sync(code=1)
        self.assertEqual(self.sync().err, '')
        events = self.status(code=1)
        matter = events['matter'][0]
        self.assertEqual((matter['kind'], matter['messages'], events['message'][0]['subject']), ('refused', 1, 'too odd'))
        self.assertIn('not this one', matter['text'])
        self.server.fault = None
        self.paste(matter['command'])
        self.assertNotIn('matter', self.status())


class Mail(Outbox):
    def test_mail_that_nobody_knows_of(self):
        """In an outbox: what waits needs no person, what is held does, and the commands decide it."""
        self.mailtwin('-a')
        self.smtp.fault = lambda session, verb, rest: b'451 later\r\n' if verb == 'RCPT' else None
        self.file('one', more='Message-ID: <1@x>\n')
        self.mailtwin('-a', code=None)
        run = self.mailtwin('status', '--json')
        mail = [x for x in map(json.loads, run.out.splitlines()) if x['event'] == 'mail'][0]
        self.assertEqual((mail['state'], mail['needs'], mail['subject'], mail['command']), ('waiting', 'run', 'one', None))
        self.smtp.fault = lambda session, verb, rest: b'550 never\r\n' if verb == 'RCPT' else None
        self.mailtwin('outbox', 'retry', mail['id'])
        self.mailtwin('-a', code=1)
        out = self.mailtwin('status', code=1).out
        self.assertIn('550 never', out)
        self.smtp.fault = None
        command = [line for line in out.splitlines() if ' retry ' in line][0]
        self.mailtwin(*shlex.split(command)[1:])
        self.mailtwin('-a')
        self.assertEqual(self.subjects('Sent'), ['one'])
        self.assertNotIn('outbox', self.mailtwin('status').out)
