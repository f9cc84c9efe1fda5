"""POP3 as a source: a scripted server for what is told step by step and for what is odd, and real ones (Dovecot, Courier, GNU
Mailutils) for what people have. Near is a Maildir."""
import os
import re
import shutil
import time

from lib import Case, message, serial_of
from pop3_servers import Pop3Courier, Pop3Dovecot, Pop3Mailutils
from pop3_scripted import CAPABILITIES, CUT, Pop3Scripted

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

    def test_courier(self):
        with Pop3Courier() as server:
            self.story(server, 'POP3S')

    def test_mailutils(self):
        with Pop3Mailutils() as server:
            self.story(server, 'POP3S')

    def forget_near(self):
        for path in (self.near.path, self.state):
            shutil.rmtree(path, True)
