"""A POP3 or an SMTP server that means harm, and somebody on the line: what they send costs no more than it is worth, nothing heard before TLS counts,
and no secret that they echo is shown."""
import base64
import os
import signal
import time

import test_outbox
import test_pop3
from hostile import Peer
from lib import program
from pop3_scripted import CUT
from test_hostile import Measured


class Flooded(Measured):
    """`self.peer` is a scripted server; what it sends for ever, in place of an answer, ends the session by some bound of ours."""

    SANITIZED = ()              # what the sanitizers see as well, or with MAILTWIN_LONG all

    def flood(self, verb, head, piece):
        is_seen = (verb, head) in self.SANITIZED or os.environ.get('MAILTWIN_LONG')
        piece *= 65536 // len(piece) + 1
        for name in ('MAILTWIN_FAST', 'MAILTWIN') if is_seen else ('MAILTWIN_FAST',):
            with self.subTest(verb=verb, head=head, piece=piece[:12], program=name):
                reached = []

                def fault(session, said, _):
                    if said != verb:
                        return None
                    reached.append(said)
                    try:
                        session.send(head)
                        while True:
                            session.send(piece)
                    except OSError:
                        return CUT
                self.again_later()
                self.peer.fault = fault
                run = self.measured(code=(1, 75, 77)) if name == 'MAILTWIN_FAST' else self.mailtwin('-a', code=(1, 75, 77), limit=self.TIME)
                self.peer.fault = None
                self.assertTrue(reached)
                self.assertLess(len(run.err), 20000)

    def again_later(self):
        """What came of the flood before is no matter of the next."""


class Pop3Flooded(Flooded, test_pop3.Pop):
    SANITIZED = (('GREETING', b''), ('AUTH', b''), ('UIDL', b'+OK\r\n'))

    def test_answers_without_end(self):
        self.peer = self.pop
        self.add(2)
        self.configure(more='Timeout 5\nAnswerLimit 1m')
        for verb, head, piece in (
                ('GREETING', b'', b'x'), ('GREETING', b'+OK ', b'x'), ('GREETING', b'', b'\r\n'), ('GREETING', b'+OK\r\n', b'+OK\r\n'),
                ('CAPA', b'+OK\r\n', b'SASL X\r\n'), ('CAPA', b'+OK\r\n', b'x' * 9000 + b'\r\n'), ('AUTH', b'', b'+ \r\n'),
                ('AUTH', b'+ ', b'QUJD'), ('UIDL', b'+OK\r\n', b'1 u\r\n'), ('UIDL', b'+OK\r\n1 ', b'u'), ('UIDL', b'+OK\r\n', b'\r\n'),
                ('LIST', b'+OK\r\n', b'1 1\r\n'), ('RETR', b'+OK\r\n', b'x' * 76 + b'\r\n'), ('RETR', b'+OK\r\n', b'x'),
                ('RETR', b'+OK\r\n', b'A: b\r\n'), ('RETR', b'', b'-ERR\r\n')):
            self.flood(verb, head, piece)
        self.assertEqual(len(self.serials()), len(set(self.serials())))
        self.sync()
        self.assertEqual(self.serials(), self.left())

    def test_a_list_of_millions(self):
        """Each with a UID of its own: it ends at AnswerLimit."""
        self.add(1)
        self.configure(more='Timeout 5\nAnswerLimit 1m')

        def fault(session, verb, _):
            if verb != 'UIDL':
                return None
            try:
                session.send(b'+OK\r\n')
                for i in range(1, 4000000, 4000):
                    session.send(b''.join(b'%d u%d\r\n' % (n, n) for n in range(i, i + 4000)))
            except OSError:
                pass
            return CUT
        self.pop.fault = fault
        self.assertIn('AnswerLimit', self.measured(code=1).err)


class SmtpFlooded(Flooded, test_outbox.Outbox):
    SANITIZED = (('GREETING', b''), ('EHLO', b''), ('AUTH', b''), ('END', b''))

    def again_later(self):
        for item in self.mailtwin('outbox').out.splitlines():
            if not item.startswith(' '):
                self.mailtwin('outbox', 'drop', item.split()[0])
        self.file('one')

    def test_answers_without_end(self):
        self.peer = self.smtp
        self.configure(more='Timeout 5')
        for verb, head, piece in (
                ('GREETING', b'', b'x'), ('GREETING', b'220-', b'x'), ('GREETING', b'', b'220-x\r\n'), ('GREETING', b'220 x\r\n', b'250 x\r\n'),
                ('EHLO', b'', b'250-SIZE 1\r\n'), ('EHLO', b'', b'250-AUTH PLAIN\r\n'), ('EHLO', b'250-', b'x'), ('AUTH', b'', b'334 \r\n'),
                ('AUTH', b'334 ', b'QUJD'), ('MAIL', b'', b'250-x\r\n'), ('RCPT', b'', b'250-x\r\n'), ('RCPT', b'', b'550-x\r\n'),
                ('DATA', b'', b'354-x\r\n'), ('DATA', b'354 ', b'x'), ('END', b'', b'250-x\r\n'), ('END', b'250 ', b'x')):
            self.flood(verb, head, piece)
        self.assertEqual(self.smtp.taken, [])


class Drips:
    """An octet or a line now and then, for ever: waiting has an end that nobody can put off, and a signal does not wait for it."""

    EVERY = 0.2

    def begin(self, kind, timeout):
        def handler(sock):
            getattr(self, kind)(sock.makefile('rb'), sock)
        peer = Peer(handler)
        peer.__enter__()
        self.addCleanup(peer.__exit__)
        near = self.maildir('near-' + kind)
        config = os.path.join(self.dir, kind)
        with open(config, 'w', opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write(self.text(near, peer.port, f'TLSType None\nAuthMechs PLAIN\nTimeout {timeout}\nUser u\nPass p\n'))
        os.mkdir(f'{self.dir}/state-{kind}', 0o700)
        return self.spawn('-c', config, '-a', config=False, env={'XDG_STATE_HOME': f'{self.dir}/state-{kind}'})

    def again(self, sock, data):
        while True:
            sock.sendall(data)
            time.sleep(self.EVERY)

    def all_waiting_has_an_end(self):
        runs = [(kind, self.begin(kind, 1)) for kind in self.KINDS]
        for kind, p in runs:
            with self.subTest(kind=kind):
                self.assertLess(self.finish(p, (1, 75), limit=90).took, 60)

    def a_signal_does_not_wait(self):
        runs = [(kind, self.begin(kind, 30)) for kind in self.KINDS]
        time.sleep(1.5)
        for _, p in runs:
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        for kind, p in runs:
            with self.subTest(kind=kind):
                self.finish(p, None, limit=30)
                self.assertLess(time.monotonic() - begin, 10)


class Pop3Drips(Drips, test_pop3.Pop):
    KINDS = ('greeting', 'capabilities', 'uids', 'retr', 'quit')
    ANSWERS = {b'CAPA': b'+OK\r\nUIDL\r\nTOP\r\nSASL PLAIN\r\n.\r\n', b'UIDL': b'+OK\r\n1 a\r\n.\r\n', b'LIST': b'+OK\r\n1 100\r\n.\r\n'}

    def text(self, near, port, line):
        return f'POP3Store pop\nHost localhost\nPort {port}\n{line}\n{near.store("near")}\nChannel c\nFar :pop:\nNear :near:\n'

    def up_to(self, file, sock, verb, data):
        sock.sendall(b'+OK\r\n')
        for line in file:
            said = line.split()[0].upper()
            if said == verb:
                self.again(sock, data)
            sock.sendall(self.ANSWERS.get(said, b'+OK\r\n'))

    def greeting(self, file, sock):
        self.again(sock, b'+')

    def capabilities(self, file, sock):
        self.up_to(file, sock, b'CAPA', b'+OK\r\n')

    def uids(self, file, sock):
        self.up_to(file, sock, b'UIDL', b'+')

    def retr(self, file, sock):
        self.up_to(file, sock, b'RETR', b'+OK\r\n')

    def quit(self, file, sock):
        self.ANSWERS = {**self.ANSWERS, b'UIDL': b'+OK\r\n.\r\n'}
        self.up_to(file, sock, b'QUIT', b'+')

    def test_all_waiting_has_an_end(self):
        # Nothing was to be deleted: what comes behind QUIT is nobody's matter.
        self.KINDS = self.KINDS[:-1]
        self.all_waiting_has_an_end()

    def test_a_signal_does_not_wait(self):
        self.a_signal_does_not_wait()


class SmtpDrips(Drips, test_outbox.Outbox):
    KINDS = ('greeting', 'hello', 'mail', 'data', 'end', 'reads_slowly')

    def text(self, near, port, line):
        near.create('Outbox')
        near.deliver('Outbox', test_outbox.mail('one', body=('x' * 70 + '\n') * 100000))
        return f'SMTPAccount out\nHost localhost\nPort {port}\n{line}\n{near.store("near", "SMTPAccount out")}\n'

    def up_to(self, file, sock, verb, data):
        sock.sendall(b'220 x\r\n')
        in_text = False
        for line in file:
            said = b'END' if line == b'.\r\n' else b'' if in_text else line.split()[0].upper()
            in_text = said != b'END' and (in_text or said == b'DATA')
            if said == verb:
                self.again(sock, data)
            if said == b'DATA' and verb == b'TEXT':
                sock.sendall(b'354 x\r\n')
                while True:
                    sock.recv(1)
                    time.sleep(self.EVERY)
            if said:
                sock.sendall({b'EHLO': b'250-x\r\n250 AUTH PLAIN\r\n', b'AUTH': b'235 x\r\n', b'DATA': b'354 x\r\n'}.get(said, b'250 x\r\n'))

    def greeting(self, file, sock):
        self.again(sock, b'2')

    def hello(self, file, sock):
        self.up_to(file, sock, b'EHLO', b'250-x\r\n')

    def mail(self, file, sock):
        self.up_to(file, sock, b'MAIL', b'2')

    def data(self, file, sock):
        self.up_to(file, sock, b'DATA', b'354-x\r\n')

    def end(self, file, sock):
        self.up_to(file, sock, b'END', b'2')

    def reads_slowly(self, file, sock):
        self.up_to(file, sock, b'TEXT', b'')

    def test_all_waiting_has_an_end(self):
        self.all_waiting_has_an_end()

    def test_a_signal_does_not_wait(self):
        self.a_signal_does_not_wait()


class Echoed:
    """A server that says what it was told, in each place where words of its are shown."""

    WORD = 'correct horse/battery'

    def say_nothing(self, line):
        self.binary = program('MAILTWIN_FAST')
        plain = base64.b64encode(f'\0tester\0{self.WORD}'.encode()).decode()
        said = os.path.join(self.dir, 'said')
        for encoded in (self.WORD, plain):
            for text in line:
                answer = text.replace('{sent}', encoded).encode()
                with self.subTest(answer=answer):
                    self.peer.fault = lambda session, verb, rest: answer if verb in ('AUTH', 'PASS', 'APOP') else None
                    run = self.mailtwin('-V', '-a', '--debug=net,imap,state,run', '--transcript', said, code=(1, 75, 77))
                    kept = ''.join(open(os.path.join(said, x), errors='replace').read() for x in os.listdir(said))
                    listed = self.mailtwin('status', code=None).out
                    for part in (self.WORD, self.WORD[:10], 'correct', 'Y29ycmVjdCBob3', plain[8:24]):
                        for where, text in (('stderr', run.err), ('stdout', run.out), ('transcript', kept), ('status', listed)):
                            self.assertFalse(part in text, where)


class Pop3Echoed(Echoed, test_pop3.Pop):
    def test_a_password_that_is_echoed(self):
        self.peer = self.pop
        self.add(1)
        for mechanisms in ('PLAIN', 'LOGIN', 'APOP'):
            self.configure(tls=f'TLSType None\nAuthMechs {mechanisms}\nTimeout 2', password=f'"{self.WORD}"')
            self.say_nothing(('-ERR wrong: {sent}\r\n', '-ERR [AUTH] {sent} is old\r\n', '{sent}\r\n', '-ERR ' + 'x' * 400 + '{sent}\r\n'))


class SmtpEchoed(Echoed, test_outbox.Outbox):
    def test_a_password_that_is_echoed(self):
        self.peer = self.smtp
        self.file('one')
        self.configure(login=f'User tester\nPass "{self.WORD}"', more='Timeout 2')
        self.say_nothing(('535 5.7.8 wrong: {sent}\r\n', '535-{sent}\r\n535 {sent}\r\n', '{sent}\r\n', '454 4.7.0 {sent}\r\n',
                          '535 ' + 'x' * 400 + '{sent}\r\n'))

