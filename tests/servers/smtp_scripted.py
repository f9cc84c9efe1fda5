"""An SMTP server in RAM that does as it is told, and misbehaves as it is told: what no real server can be made to do.

    with SmtpScripted() as server:
        server.fault = lambda session, verb, rest: b'450 4.7.1 later\\r\\n' if verb == 'RCPT' else None

`taken` lists what it has taken, as Taken, whether it could say so or not: that is what people get. A fault is asked before each command, and
as END with the whole message before that is taken; it returns None, or bytes that are sent in place of doing it, or CUT to hang up. LOSE, of END
alone, takes the message and hangs up without an answer. `seen`, `cut_at`, TLS and the rest are those of pop3_scripted.py.
"""
import base64

from pop3_scripted import CUT, Pop3Scripted, Session
from servers import PASSWORD

CAPABILITIES = ('PIPELINING', 'SIZE 10000000', '8BITMIME', 'SMTPUTF8', 'DSN', 'AUTH PLAIN LOGIN', 'STARTTLS')
LOSE = object()


class Taken:
    def __init__(self, session, sender, to, data):
        self.user, self.sender, self.to, self.data = session.user, sender, to, data
        self.mail, self.rcpt = session.mail_options, dict(session.rcpt_options)


class SmtpSession(Session):
    def __init__(self, server, sock, number):
        super().__init__(server, sock, number)
        self.reset()

    def reset(self):
        self.sender, self.to, self.mail_options, self.rcpt_options = None, [], '', []

    def do_unknown(self, _):
        self.send(b'500 5.5.1 what?\r\n')

    def do_EHLO(self, _):
        if self.server.capabilities is None:
            return self.send(b'502 5.5.1 no such command\r\n')
        lines = ['scripted greets you', *self.server.capabilities]
        self.send(b''.join(b'250%c%s\r\n' % (b' ' if i == len(lines) - 1 else b'-', x.encode()) for i, x in enumerate(lines)))

    def do_HELO(self, _):
        self.send(b'250 scripted\r\n')

    def do_STARTTLS(self, _):
        self.send(b'220 2.0.0 begin\r\n' + self.server.injected)
        self.sock = self.server.context().wrap_socket(self.sock, server_side=True)
        self.buffer = b''

    def do_AUTH(self, rest):
        name, _, initial = rest.partition(' ')
        if name.upper() == 'XOAUTH2':
            return self.take_token(initial)
        if name.upper() != 'PLAIN':
            return self.send(b'504 5.5.4 no such mechanism\r\n')
        if not initial:
            self.send(b'334 \r\n')
            initial = self.line() or ''
        try:
            _, user, password = base64.b64decode(initial).split(b'\0')
        except ValueError:
            return self.send(b'501 5.5.2 not understood\r\n')
        if password.decode() != PASSWORD:
            return self.send(b'535 5.7.8 wrong\r\n')
        self.user = user.decode()
        self.server.logins += 1
        self.send(b'235 2.7.0 in\r\n')

    def take_token(self, initial):
        if not initial:
            self.send(b'334 \r\n')
            initial = self.line() or ''
        words = base64.b64decode(initial).decode().split('\1')
        if words[1] != f'auth=Bearer {self.server.token}':
            self.send(b'334 ' + base64.b64encode(b'{"status":"invalid_token"}') + b'\r\n')
            self.line()
            return self.send(b'535 5.7.8 no\r\n')
        self.user = words[0].partition('=')[2]
        self.send(b'235 2.7.0 in\r\n')

    def do_MAIL(self, rest):
        if self.server.needs_login and self.user is None:
            return self.send(b'530 5.7.0 log in\r\n')
        self.reset()
        self.sender, _, self.mail_options = rest.partition('>')
        self.sender = self.sender.partition('<')[2]
        self.send(b'250 2.1.0 ok\r\n')

    def do_RCPT(self, rest):
        address, _, options = rest.partition('<')[2].partition('>')
        if self.sender is None:
            return self.send(b'503 5.5.1 MAIL first\r\n')
        self.to.append(address)
        self.rcpt_options.append((address, options))
        self.send(b'250 2.1.5 ok\r\n')

    def do_DATA(self, _):
        if not self.to:
            return self.send(b'503 5.5.1 RCPT first\r\n')
        self.send(b'354 go on\r\n')
        data = self.text()
        server = self.server
        server.seen.append((self.number, 'END', ''))
        answer = server.fault(self, 'END', data) if server.fault else None
        if answer is CUT:
            return False
        if answer is None or answer is LOSE:
            server.taken.append(Taken(self, self.sender, list(self.to), data))
        self.reset()
        if answer is LOSE:
            return False
        self.send(answer if answer is not None else b'250 2.0.0 taken\r\n')

    def text(self):
        """Up to its last line, dots taken off; -> bytes. A line that is not whole is an end of the session."""
        lines = []
        while True:
            while b'\r\n' not in self.buffer:
                more = self.sock.recv(65536)
                if not more:
                    raise ConnectionError('in the midst of a message')
                self.buffer += more
            line, self.buffer = self.buffer.split(b'\r\n', 1)
            if b'\n' in line or b'\r' in line:
                self.server.faults.append('a bare line end')
            if len(line) > 998 + 1:
                self.server.faults.append('a line of %d' % len(line))
            if line == b'.':
                return b''.join(x + b'\r\n' for x in lines)
            lines.append(line[1:] if line.startswith(b'.') else line)

    def do_RSET(self, _):
        self.reset()
        self.send(b'250 2.0.0 ok\r\n')

    def do_QUIT(self, _):
        self.send(b'221 2.0.0 bye\r\n')
        return False


class SmtpScripted(Pop3Scripted):
    name = 'smtp'
    session = SmtpSession

    def __init__(self, capabilities=CAPABILITIES, tls=False):
        super().__init__(capabilities, tls)
        self.greeting = b'220 scripted ESMTP\r\n'
        self.taken, self.faults = [], []
        self.injected, self.needs_login, self.token = b'', False, None

    def got(self):
        """Who has what: (recipient, Subject), as often as they have it."""
        found = []
        for mail in self.taken:
            subject = [x[9:] for x in mail.data.split(b'\r\n') if x.startswith(b'Subject: ')]
            found += [(to, subject[0].decode() if subject else '') for to in mail.to]
        return sorted(found)
