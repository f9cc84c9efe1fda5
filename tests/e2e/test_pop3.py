"""POP3 as a source: a scripted server for what is told step by step and for what is odd, and real ones (Dovecot, Courier, GNU
Mailutils) for what people have. Near is a Maildir."""
import json
import os
import re
import shutil
import subprocess
import time

import accounts
from lib import Case, ImapSide, message, program, serial_of, tunnel_to
from pop3_servers import Pop3Courier, Pop3Dovecot, Pop3Mailutils
from pop3_scripted import CAPABILITIES, CUT, Pop3Scripted
from servers import Delay, helper

RESENT = b'Subject: %d\r\nFrom: a@example.org\r\n\r\nserial %d.\r\n'


def plain(serial):
    """What any server keeps as it is: Courier puts a notice in place of mail with 8-bit headers."""
    return RESENT % (serial, serial)


def wire(serial, **kw):
    data = message(serial, **kw).replace(b'\n', b'\r\n')
    return data if data.endswith(b'\r\n') else data + b'\r\n'


class Pop(Case):
    """`self.pop` is a scripted server with a channel `c` to a Maildir `near`."""

    capabilities, tls = CAPABILITIES, False

    def setUp(self):
        super().setUp()
        self.pop = self.enterContext(Pop3Scripted(self.capabilities, self.tls)) if hasattr(self, 'enterContext') else self._enter()
        self.near = self.maildir('near')
        self.configure()

    def _enter(self):
        server = Pop3Scripted(self.capabilities, self.tls)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server

    def store(self, port=None, more='', tls='TLSType None\nAuthMechs PLAIN LOGIN', password='secret'):
        return (f'POP3Store pop\nHost 127.0.0.1\nPort {port or self.pop.port}\nUser tester\nPass {password}\n{tls}\n{more}\n')

    def configure(self, more='', channel='', near='', **kw):
        self.write_config(f'{self.store(more=more, **kw)}\n{self.near.store("near", near)}\n'
                          f'Channel c\nFar :pop:\nNear :near:\n{channel}\n')

    def add(self, n):
        """n new messages on the server; their serials."""
        made = []
        for _ in range(n):
            self._serial += 1
            self.pop.add(wire(self._serial))
            made.append(self._serial)
        return made

    def serials(self, box='INBOX'):
        return sorted(m.serial for m in self.near.messages(box))

    def left(self):
        return sorted(serial_of(m.data) for m in self.pop.maildrop)

    def said(self, *args, **kw):
        """The verbs that one run says."""
        since = len(self.pop.seen)
        self.sync(*args, **kw)
        return self.pop.verbs(since)


class Pull(Pop):
    def test_first_and_next(self):
        made = self.add(30)
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'LIST'] + 30 * ['RETR'] + ['QUIT'])
        self.assertEqual(self.serials(), made)
        for mail in self.near.messages('INBOX'):
            self.assertEqual(self.near.data(mail).replace(b'\n', b'\r\n'), wire(mail.serial))
        still, state = self.near.still(), self.state_still()
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'QUIT'])
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'QUIT'])
        self.assertEqual(self.near.still(), still)
        made += self.add(2)
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'LIST', 'RETR', 'RETR', 'QUIT'])
        self.assertEqual(self.serials(), made)
        state = self.state_still()
        self.said()
        self.assertEqual(self.state_still(), state)
        self.assertEqual(self.left(), made)

    def test_what_is_done_near_stays_near(self):
        made = self.add(6)
        self.sync()
        self.near.flag(self.one(self.near, made[0]), add='SF')
        self.near.delete(self.one(self.near, made[1]))
        self.near.deliver('INBOX', message(900))
        verbs = self.said()
        self.assertNotIn('DELE', verbs)
        self.assertNotIn('RETR', verbs)
        self.assertEqual(self.left(), made)
        self.assertEqual(self.serials(), [m for m in made if m != made[1]] + [900])
        self.assertNotIn('RETR', self.said())

    def test_gone_at_the_source_stays_near(self):
        made = self.add(8)
        self.sync()
        del self.pop.maildrop[2:7]
        self.sync()
        self.assertEqual(self.serials(), made)
        # What was away, and what all of it was, is known again.
        rest, self.pop.maildrop = self.pop.maildrop, []
        self.sync()
        self.assertEqual(self.serials(), made)
        self.pop.maildrop = rest
        self.assertNotIn('RETR', self.said())
        self.assertEqual(self.serials(), made)

    def test_shown_again(self):
        made = self.add(8)
        self.sync()
        away = self.pop.maildrop[2:5]
        del self.pop.maildrop[2:5]
        self.sync()
        self.sync()
        self.pop.maildrop += away
        self.assertNotIn('RETR', self.said())
        self.assertEqual(self.serials(), made)

    def test_dry(self):
        self.add(3)
        run = self.mailtwin('plan', '-a')
        self.assertIn('3', run.out)
        self.assertEqual(self.serials(), [])
        self.assertNotIn('RETR', self.pop.verbs())


class Delete(Pop):
    def test_expunge_far(self):
        self.configure(channel='Expunge Far')
        made = self.add(6)
        self.sync()
        self.near.delete(self.one(self.near, made[1]))
        self.near.delete(self.one(self.near, made[4]))
        verbs = self.said()
        self.assertEqual(verbs, ['CAPA', 'AUTH', 'UIDL', 'DELE', 'DELE', 'QUIT'])
        rest = [m for m in made if m not in (made[1], made[4])]
        self.assertEqual(self.left(), rest)
        self.assertEqual(self.serials(), rest)
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'QUIT'])

    def test_many_at_once_wait(self):
        self.configure(channel='Expunge Far')
        made = self.add(30)
        self.sync()
        for serial in made[:25]:
            self.near.delete(self.one(self.near, serial))
        run = self.sync(code=1)
        self.assertIn('--allow-delete', run.err + run.out)
        self.assertEqual(self.left(), made)
        self.sync('-a', '--allow-delete', 'INBOX')
        self.assertEqual(self.left(), made[25:])

    def test_leave_nothing(self):
        self.configure(more='LeaveOnServer no')
        made = self.add(5)
        verbs = self.said()
        self.assertEqual(verbs, ['CAPA', 'AUTH', 'UIDL', 'LIST'] + 5 * ['RETR'] + 5 * ['DELE'] + ['QUIT'])
        self.assertEqual(self.left(), [])
        self.assertEqual(self.serials(), made)
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'QUIT'])
        more = self.add(2)
        self.sync()
        self.assertEqual(self.left(), [])
        self.assertEqual(self.serials(), made + more)

    def test_leave_for_days(self):
        self.configure(more='LeaveOnServer 30d')
        made = self.add(4)
        self.sync()
        self.assertEqual(self.left(), made)
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'QUIT'])

    def test_left_for_long_enough(self):
        """Counted from when it was first seen, whatever became of it near; what came later stays."""
        self.configure(more='LeaveOnServer 30d')
        old = self.add(4)
        self.sync()
        self.near.delete(self.one(self.near, old[0]))
        self.mailtwin('-a', env=self.later(29 * 86400))
        new = self.add(2)
        self.mailtwin('-a', env=self.later(29 * 86400 + 3600))
        self.assertEqual(self.left(), old + new)
        self.mailtwin('-a', env=self.later(31 * 86400))
        self.assertEqual(self.left(), new)
        self.mailtwin('-a', env=self.later(60 * 86400))
        self.assertEqual(self.left(), [])
        self.assertEqual(self.serials(), old[1:] + new)

    def test_set_later(self):
        made = self.add(4)
        self.sync()
        self.configure(more='LeaveOnServer no')
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL'] + 4 * ['DELE'] + ['QUIT'])
        self.assertEqual(self.left(), [])
        self.assertEqual(self.serials(), made)

    def test_no_answer_to_quit(self):
        for deletes in (True, False):
            with self.subTest(deletes=deletes):
                self.configure(more='LeaveOnServer no')
                made = self.serials() + self.add(3)
                self.pop.answers_quit, self.pop.deletes = False, deletes
                self.sync(code=None)
                self.pop.answers_quit = self.pop.deletes = True
                self.sync()
                self.assertEqual(self.left(), [])
                self.assertEqual(self.serials(), made)
                self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'QUIT'])


class Lines(Pop):
    """The line and the login have the keywords of any account."""

    def whole(self, made):
        self.assertEqual((self.serials(), self.left()), (made, made))
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'QUIT'])

    def test_tunnel_password_command_and_transcript(self):
        made = self.add(3)
        said = os.path.join(self.dir, 'said')
        self.write_config(f'POP3Store pop\nTunnel "exec python3 {tunnel_to(self.dir, self.pop.port)}"\nUser tester\nPassCmd "echo secret"\nAuthMechs PLAIN\n'
                          f'\n{self.near.store("near")}\nChannel c\nFar :pop:\nNear :near:\n')
        self.sync('-a', '--transcript', said)
        self.whole(made)
        text = ''.join(open(os.path.join(said, x), errors='replace').read() for x in os.listdir(said))
        self.assertIn('C: RETR 2', text)
        for secret in ('secret\n', 'AHRlc3Rlc'):
            self.assertNotIn(secret, text.replace('[secret]', ''))

    def test_a_token(self):
        """Of any length: what makes the command too long waits for the server to ask (RFC 5034 section 4)."""
        self.pop.capabilities = ('TOP', 'UIDL', 'USER', 'SASL PLAIN XOAUTH2')
        made = []
        for token in ('short', 'x' * 2000):
            self.pop.token = token
            made += self.add(1)
            self.configure(tls='TLSType None\nAuthMechs XOAUTH2', password=token)
            self.sync()
        self.whole(made)
        said = [rest for _, verb, rest in self.pop.seen if verb == 'AUTH']
        self.assertEqual([x != 'XOAUTH2' for x in said], [True, False, False])
        self.pop.token = 'another'
        self.assertIn('invalid_token', self.sync(code=77).err)

    def test_trust(self):
        self.add(1)
        self.configure(tls='TLSType STARTTLS\nAuthMechs PLAIN')
        self.assertIn('certificate', self.sync(code=77).err)
        self.assertEqual(self.pop.logins, 0)

    def test_throttle(self):
        """A floor, not a speed: 120 kB cannot come faster than the rate allows."""
        self._serial += 1
        self.pop.add(wire(self._serial, size=120000))
        self.configure(more='Throttle 40000')
        begin = time.monotonic()
        self.sync()
        self.assertGreater(time.monotonic() - begin, 1.5)
        self.assertEqual(self.serials(), [self._serial])

    def test_ports(self):
        for tls, port in (('TLSType STARTTLS', 110), ('TLSType POP3S', 995), ('TLSType None', 110)):
            self.write_config(f'POP3Store pop\nHost localhost\nUser u\nPass p\n{tls}\n\n{self.near.store("near")}\nChannel c\nFar :pop:\nNear :near:\n')
            self.assertIn(f'Port {port}\n', self.mailtwin('check-config').out)
        for tls, port in (('TLSType STARTTLS', 587), ('TLSType SMTPS', 465)):
            self.write_config(f'SMTPAccount out\nHost localhost\n{tls}\n\n{self.near.store("near", "SMTPAccount out")}\n')
            self.assertIn(f'Port {port}\n', self.mailtwin('check-config').out)

    def test_a_body_is_not_kept_in_memory(self):
        self._serial += 1
        self.pop.add(b'Subject: x\r\n\r\nserial %d.\r\n' % self._serial + (b'x' * 76 + b'\r\n') * 1200000)
        self.binary = program('MAILTWIN_FAST')
        cost = os.path.join(self.dir, 'cost')
        subprocess.run([helper('measure', '../bench/measure.c'), cost, *self.command('-a')], env=self.environment(), check=True, timeout=120)
        self.assertEqual(self.serials(), [self._serial])
        with open(cost) as f:
            self.assertLess(json.load(f)['rss'], 40000)


class Real(Case):
    """Servers that people have: mail comes, is deleted, and comes again."""

    def channel(self, server, user, tls, more='', channel=''):
        line = {'None': f'Port {server.pop_port}\nTLSType None\nAuthMechs PLAIN LOGIN',
                'STARTTLS': f'Port {server.pop_port}\nTLSType STARTTLS\nCertificateFile "{server.ca}"',
                'POP3S': f'Port {server.pop_tls_port}\nTLSType POP3S\nCertificateFile "{server.ca}"'}[tls]
        self.write_config(f'POP3Store pop\nHost 127.0.0.1\n{line}\nUser {server.pop_user(user)}\nPass secret\n{more}\n\n'
                          f'{self.near.store("near")}\nChannel c\nFar :pop:\nNear :near:\n{channel}\n')

    def left(self, server, user):
        return sorted(serial_of(data) for data in server.left(user))

    def settle(self, code=0):
        """A run; the server may hold the mailbox of the session before for a moment."""
        limit = time.monotonic() + 30
        while self.mailtwin('-a', code=(code, 75)).code == 75:
            self.assertLess(time.monotonic(), limit)

    def story(self, server, tls):
        user = f'p{os.getpid()}'
        self.near = self.maildir('near')
        for serial in range(1, 9):
            server.deliver(user, plain(serial))
        self.channel(server, user, tls, channel='Expunge Far')
        self.settle()
        self.assertEqual(sorted(m.serial for m in self.near.messages('INBOX')), list(range(1, 9)))
        for mail in self.near.messages('INBOX'):
            # GNU Mailutils writes its UID into what it gives out.
            data = re.sub(rb'X-UIDL: .*\n', b'', self.near.data(mail))
            self.assertEqual(data.replace(b'\n', b'\r\n'), plain(mail.serial))
        self.near.delete(self.one(self.near, 3))
        server.deliver(user, plain(9))
        self.settle()
        self.assertEqual(self.left(server, user), [1, 2, 4, 5, 6, 7, 8, 9])
        self.assertEqual(sorted(m.serial for m in self.near.messages('INBOX')), [1, 2, 4, 5, 6, 7, 8, 9])
        self.channel(server, user, tls, more='LeaveOnServer no')
        self.settle()
        self.assertEqual(self.left(server, user), [])
        still = self.near.still()
        self.settle()
        self.assertEqual(self.near.still(), still)

    def test_dovecot(self):
        with Pop3Dovecot() as server:
            for tls in ('None', 'STARTTLS', 'POP3S'):
                with self.subTest(tls):
                    self.story(server, tls)
                    self.forget_near()

    def test_stopped_at_every_step(self):
        self.binary = program('MAILTWIN_FAST')
        user = f'steps{os.getpid()}'
        self.near = self.maildir('near')
        with Pop3Dovecot() as server:
            self.channel(server, user, 'None', more='LeaveOnServer no')
            n, stopped, made = 0, 1, []
            while stopped:
                n += 1
                for serial in (2 * n, 2 * n + 1):
                    server.deliver(user, plain(serial))
                    made.append(serial)
                stopped = self.mailtwin('-a', code=None, env={'MAILTWIN_STEP_EXIT': str(n)}).code
                here = sorted(m.serial for m in self.near.messages('INBOX'))
                self.assertEqual(len(here), len(set(here)), n)
                self.assertEqual(set(here) | set(self.left(server, user)), set(made), n)
                self.settle()
                self.assertEqual(sorted(m.serial for m in self.near.messages('INBOX')), made, n)
                self.assertEqual(self.left(server, user), [], n)
            self.assertGreater(n, 10)

    def test_courier(self):
        with Pop3Courier() as server:
            self.story(server, 'POP3S')

    def test_mailutils(self):
        with Pop3Mailutils() as server:
            self.story(server, 'POP3S')

    def forget_near(self):
        for path in (self.near.path, self.state):
            shutil.rmtree(path, True)


class Odd(Pop):
    """What servers get wrong, and what they refuse."""

    def data(self, serial):
        return self.near.data(self.one(self.near, serial)).replace(b'\n', b'\r\n')

    def test_no_uidl(self):
        self.add(2)
        self.pop.has_uidl = False
        run = self.sync(code=1)
        self.assertIn('has no UIDL', run.err)
        self.pop.capabilities = ('TOP', 'USER', 'SASL PLAIN')
        self.assertIn('has no UIDL', self.sync(code=1).err)
        self.assertEqual(self.serials(), [])

    def test_no_capa(self):
        """RFC 1939 alone: USER and PASS, one command after the other."""
        self.pop.capabilities = None
        made = self.add(4)
        self.configure(tls='TLSType None\nAuthMechs LOGIN')
        self.assertEqual(self.said(), ['CAPA', 'USER', 'PASS', 'UIDL', 'LIST'] + 4 * ['RETR'] + ['QUIT'])
        self.assertEqual(self.serials(), made)

    def test_clear_text_needs_to_be_named(self):
        self.add(1)
        self.configure(tls='TLSType None')
        self.assertIn('AuthMechs', self.sync(code=77).err)
        self.assertEqual(self.pop.verbs().count('PASS') + self.pop.verbs().count('AUTH'), 0)

    def test_starttls(self):
        made = self.add(3)
        self.configure(tls=f'CertificateFile "{self.pop.ca}"')
        self.assertEqual(self.said(), ['CAPA', 'STLS', 'CAPA', 'AUTH', 'UIDL', 'LIST'] + 3 * ['RETR'] + ['QUIT'])
        self.assertEqual(self.serials(), made)
        self.pop.capabilities = tuple(c for c in CAPABILITIES if c != 'STLS')
        self.assertIn('STLS', self.sync(code=77).err)
        # Words that stay in the session, behind the answer to STLS.
        self.pop.capabilities = CAPABILITIES
        self.pop.fault = lambda s, verb, words: b'+OK begin\r\n+OK and more\r\n' if verb == 'STLS' else None
        self.assertIn('unprotected data', self.sync(code=77).err)

    def test_apop(self):
        made = self.add(1)
        self.configure(tls='TLSType None\nAuthMechs APOP')
        self.assertIn('APOP', self.said())
        self.assertEqual(self.serials(), made)
        self.pop.greeting = b'+OK no timestamp\r\n'
        self.assertIn('timestamp', self.sync(code=77).err)
        # It is named or it is not used, and gives way to what is better than clear text.
        self.pop.greeting = f'+OK {self.pop.timestamp}\r\n'.encode()
        self.configure()
        self.assertNotIn('APOP', self.said())

    def test_wrong_password(self):
        self.add(1)
        self.configure(password='other')
        self.assertIn('refuses to log', self.sync(code=77).err)
        self.pop.refusal = 'no'
        self.sync(code=77)

    def test_try_later(self):
        self.add(1)
        self.pop.locked = True
        self.assertIn('another session has it', self.sync(code=75).err)
        self.pop.locked = False
        for words in (b'[SYS/TEMP] the disk', b'[LOGIN-DELAY] too soon', b'[IN-USE] busy'):
            self.pop.fault = lambda s, verb, _, w=words: b'-ERR ' + w + b'\r\n' if verb == 'AUTH' else None
            self.sync(code=75)
        self.pop.fault = lambda s, verb, _: b'-ERR [SYS/PERM] no\r\n' if verb == 'UIDL' else None
        self.sync(code=1)
        self.pop.fault = lambda s, verb, _: b'-ERR [SYS/TEMP] no\r\n' if verb == 'UIDL' else None
        self.sync(code=75)
        self.pop.fault = None
        self.pop.greeting = b'-ERR not now\r\n'
        self.sync(code=75)

    def test_one_message_is_refused(self):
        made = self.add(5)
        for words in (b'-ERR [SYS/TEMP] later\r\n', b'-ERR no\r\n'):
            self.pop.fault = lambda s, verb, n, w=words: w if verb == 'RETR' and n == '3' else None
            self.sync(code=(1, 75))
            self.assertEqual(self.serials(), [m for m in made if m != made[2]])
        self.pop.fault = None
        self.sync()
        self.assertEqual(self.serials(), made)

    def test_login_delay(self):
        self.pop.capabilities = CAPABILITIES + ('LOGIN-DELAY 900',)
        made = self.add(1)
        self.sync()
        logins = self.pop.logins
        self.assertIn('LOGIN-DELAY', self.sync(code=75).err)
        self.assertEqual(self.pop.logins, logins)
        # A short one is waited for.
        self.near.create('x')
        self.pop.capabilities = CAPABILITIES + ('LOGIN-DELAY 2',)
        shutil.rmtree(self.state)
        self.sync()
        begin = time.monotonic()
        self.sync()
        self.assertGreater(time.monotonic() - begin, 0.9)
        self.assertEqual(self.serials(), made)

    def test_sizes_that_are_wrong(self):
        made = self.add(6)
        for i, size in enumerate((0, 1, 10, 99999, 10 ** 12, 2 ** 64)):
            self.pop.maildrop[i].size = size
        self.sync()
        self.assertEqual(self.serials(), made)
        self.assertEqual([self.data(m) for m in made], [wire(m) for m in made])
        self.assertNotIn('RETR', self.said())

    def test_texts(self):
        """Dots, lines without end, a NUL, nothing but a header, lines that are long."""
        texts = {1: b'Subject: 1\r\n\r\nserial 1.\r\n.\r\n..\r\n...x\r\n.x\r\n', 2: b'Subject: 2\r\n\r\nserial 2.\r\n' + b'x' * 300000 + b'\r\n',
                 3: b'Subject: 3\r\n\r\nserial 3.\r\n\0\r\n', 4: b'Subject: 4\r\n\r\nserial 4.\r\na\n.\r\n+OK\r\nb\r\n',
                 5: b'Subject: 5\r\n\r\nserial 5.\r\nno end'}
        for data in texts.values():
            self.pop.add(data)
        # Of one that is stuffed where its lines end in CRLF alone, the rest is text.
        self.sync()
        self.assertEqual(self.serials(), list(texts))
        for serial, data in texts.items():
            got = self.near.data(self.one(self.near, serial))
            self.assertEqual(got.replace(b'\r\n', b'\n'), (data if data.endswith(b'\r\n') else data + b'\r\n').replace(b'\r\n', b'\n'))

    def test_nothing_for_a_text(self):
        made = self.add(2)
        self.pop.maildrop[0].text = b'.\r\n'
        self.assertIn('no text', self.sync(code=1).err)
        self.assertEqual(self.serials(), made[1:])

    def test_equal_uids(self):
        """UIDs made of what messages are: two equal ones have one."""
        for _ in range(3):
            self.pop.add(wire(1), uid='same')
        self.pop.add(wire(2), uid='other')
        self.sync()
        self.assertEqual(self.serials(), [1, 1, 1, 2])
        self.assertNotIn('RETR', self.said())
        del self.pop.maildrop[0]
        self.assertNotIn('RETR', self.said())

    def test_new_uids_for_old_mail(self):
        made = self.add(12)
        self.sync()
        self.near.flag(self.one(self.near, made[0]), add='S')
        for mail in self.pop.maildrop:
            mail.uid = 'n' + mail.uid
        made += self.add(1)
        self.sync()
        self.assertEqual(self.serials(), made)
        self.assertIn('S', self.one(self.near, made[0]).flags)
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'QUIT'])
        # Where it shows nothing in between as well.
        mails, self.pop.maildrop = self.pop.maildrop, []
        self.sync()
        for mail in mails:
            mail.uid = 'm' + mail.uid
        self.pop.maildrop = mails
        self.sync()
        self.assertEqual(self.serials(), made)

    def test_state_lost(self):
        made = self.add(5)
        self.sync()
        shutil.rmtree(self.state)
        verbs = self.said()
        self.assertNotIn('RETR', verbs)
        self.assertIn('TOP', verbs)
        self.assertEqual(self.serials(), made)

    def test_lists_that_nobody_can_read(self):
        made = self.add(3)
        self.sync()
        for answer in (b'+OK\r\n1\r\n.\r\n', b'+OK\r\n0 a\r\n.\r\n', b'+OK\r\n4294967296 a\r\n.\r\n', b'+OK\r\n-1 a\r\n.\r\n',
                       b'+OK\r\n1 a\r\n1 b\r\n.\r\n', b'+OK\r\nx\r\n.\r\n', b'+OK\r\n1 ' + b'a' * 500 + b'\r\n.\r\n', b'what\r\n',
                       b'+OK\r\n1 a\0b\r\n.\r\n', b'+ more\r\n', b'', b'+OK\r\n' + b'x' * 20000):
            with self.subTest(answer[:30]):
                self.pop.fault = lambda s, verb, _, a=answer: (a or CUT) if verb == 'UIDL' else None
                self.configure(more='Timeout 2')
                self.sync(code=(1, 75))
                self.assertEqual(self.serials(), made)
        self.pop.fault = None
        self.assertNotIn('RETR', self.said())

    def flood(self, verb, head, piece):
        def send(session, said, _):
            if said != verb:
                return None
            session.send(head)
            try:
                while True:
                    session.send(piece)
            except OSError:
                return CUT
        self.pop.fault = send
        self.configure(more='Timeout 5\nAnswerLimit 1m')
        run = self.sync(code=(1, 75), limit=60)
        self.pop.fault = None
        return run

    def test_floods(self):
        self.add(1)
        self.flood('UIDL', b'+OK\r\n', b''.join(b'%d u%d\r\n' % (i, i) for i in range(1, 5000)))
        self.flood('UIDL', b'+OK ', b'x' * 65536)
        self.flood('LIST', b'+OK\r\n', b'1 1\r\n' * 10000)
        self.flood('CAPA', b'+OK\r\n', b'SASL X\r\n' * 10000)
        self.flood('AUTH', b'', b'+ \r\n' * 10000)
        self.assertEqual(self.serials(), [])

    def test_a_text_without_end(self):
        self.add(2)
        self.pop.maildrop[0].size = 100
        self.flood('RETR', b'+OK\r\n', (b'x' * 998 + b'\r\n') * 500)
        self.sync()
        self.assertEqual(len(self.serials()), 2)

    def test_silence(self):
        self.add(1)
        self.configure(more='Timeout 1')
        for verb in ('CAPA', 'UIDL', 'RETR'):
            self.pop.fault = lambda s, said, _, v=verb: b'' if said == v else None
            self.sync(code=(1, 75), limit=30)


class Cut(Pop):
    """The line is cut behind each octet that the server says."""

    def cut(self, at):
        """Behind octet `at` and on from it: each third one with MAILTWIN_LONG, so that three tests have all of them."""
        step = 3 if os.environ.get('MAILTWIN_LONG') else 150
        self.configure(more='LeaveOnServer no\nTimeout 5')
        self.binary = program('MAILTWIN_FAST')
        while True:
            if len(self.serials()) > 60:
                # Few are looked through faster.
                shutil.rmtree(self.near.path)
                shutil.rmtree(self.state)
                self.near.create('INBOX')
            made = self.add(2)
            self.pop.cut_at, self.pop.sent = at, 0
            before = set(self.serials())
            run = self.mailtwin('-a', code=(0, 1, 75))
            was_cut = self.pop.sent >= at
            self.pop.cut_at = None
            # What is not here is there, and nothing is here twice.
            here = self.serials()
            self.assertEqual(len(here), len(set(here)), at)
            self.assertEqual(set(here) | set(self.left()), before | set(made), at)
            self.sync()
            self.assertEqual(self.serials(), sorted(before | set(made)), at)
            self.assertEqual(self.left(), [], at)
            if run.code == 0 and not was_cut:
                break
            at += step
        self.assertGreater(at, 100)

    def test_each_third_octet(self):
        self.cut(0)

    def test_and_the_next(self):
        self.cut(1)

    def test_and_the_one_behind(self):
        self.cut(2)


class Steps(Pop):
    def test_stopped_at_every_step(self):
        self.binary = program('MAILTWIN_FAST')
        self.configure(more='LeaveOnServer no')
        n = 0
        while True:
            n += 1
            before = self.serials()
            made = self.add(2)
            run = self.mailtwin('-a', code=None, env={'MAILTWIN_STEP_EXIT': str(n)})
            here = self.serials()
            self.assertEqual(len(here), len(set(here)), n)
            self.assertEqual(set(here) | set(self.left()), set(before) | set(made), n)
            self.sync()
            self.assertEqual(self.serials(), before + made, n)
            self.assertEqual(self.left(), [], n)
            if run.code == 0:
                break
        self.assertGreater(n, 10)


class ToAnAccount(Pop):
    """Near is an IMAP account: moving off an old provider."""

    def setUp(self):
        super().setUp()
        self.near = ImapSide(accounts.server('dovecot'), f'pop{os.getpid()}{self._testMethodName}')
        self.addCleanup(self.near.close)
        self.configure()

    def test_moved_over(self):
        made = self.add(20)
        self._serial += 1
        self.pop.add(wire(self._serial, size=3 << 20))
        made.append(self._serial)
        self.configure(more='LeaveOnServer no', channel='Expunge Far')
        self.sync()
        self.assertEqual(self.serials(), made)
        self.assertEqual(self.left(), [])
        for mail in self.near.messages('INBOX'):
            self.assertEqual(self.near.data(mail).replace(b'\r\n', b'\n'), wire(mail.serial, size=(3 << 20) * (mail.serial == made[-1])).replace(b'\r\n', b'\n'))
        self.assertEqual(self.said(), ['CAPA', 'AUTH', 'UIDL', 'QUIT'])

    def test_beside_it(self):
        self.configure(channel='Expunge Far')
        made = self.add(8)
        self.sync()
        self.near.flag(self.one(self.near, made[0]), add='SF')
        self.near.delete(self.one(self.near, made[3]))
        made += self.add(1)
        self.assertEqual(self.said().count('RETR'), 1)
        rest = [m for m in made if m != made[3]]
        self.assertEqual(self.left(), rest)
        self.assertEqual(self.serials(), rest)
        for mail in self.pop.maildrop:
            mail.uid = 'n' + mail.uid
        self.sync()
        self.assertEqual(self.serials(), rest)
        shutil.rmtree(self.state)
        self.sync()
        self.assertEqual(self.serials(), rest)

    def test_answers_lost(self):
        """The account loses what it answers to an APPEND: nothing is there twice, and nothing is deleted before it is."""
        made = self.add(6)
        for at in range(300, 6000, 700):
            made += self.add(2)
            with Delay(self.near.server.port, cut=f'down:{at}') as line:
                self.write_config(self.store(more='LeaveOnServer no') + '\n' + self.near.store('near', port=line.port) +
                                  '\nChannel c\nFar :pop:\nNear :near:\n')
                self.mailtwin('-a', code=None)
            here = self.serials()
            self.assertEqual(len(here), len(set(here)), at)
            self.assertEqual(set(here) | set(self.left()), set(made), at)
        self.configure(more='LeaveOnServer no')
        self.sync()
        self.assertEqual(self.serials(), made)
        self.assertEqual(self.left(), [])
