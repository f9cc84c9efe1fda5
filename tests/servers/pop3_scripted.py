"""A POP3 server in RAM that does as it is told, and misbehaves as it is told: what no real server can be made to do.

    with Pop3Scripted() as server:
        server.add(b'Subject: x\\r\\n\\r\\nbody\\r\\n')
        server.fault = lambda session, verb, words: None

It listens on 127.0.0.1, in threads of the test. `maildrop` is a list of Mail, in the order of their numbers. A fault is asked before
each command, and as GREETING before that, and returns None, or bytes that are sent in place of doing it, or CUT to hang up. `seen` lists the commands as
(session number, verb, words). `cut_at`: the connection is cut once the server has sent so many octets in all. What is deleted goes when QUIT
is answered; `answers_quit` False hangs up instead, once it has (or, with `deletes` False, without having) deleted.
"""
import hashlib
import socket
import ssl
import threading

from listener import Listener
from servers import PASSWORD, authority

CAPABILITIES = ('TOP', 'UIDL', 'USER', 'PIPELINING', 'SASL PLAIN', 'RESP-CODES', 'STLS')
CUT = object()


class Mail:
    def __init__(self, uid, data):
        self.uid, self.data = uid, data
        self.size = None            # what LIST says; None = the truth
        self.text = None            # what RETR sends in place of the data, dots and last line and all

    def octets(self):
        return len(self.data) if self.size is None else self.size


class Session:
    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        self.user, self.is_in, self.marked = None, False, set()
        self.mails = []
        self.buffer = b''

    def send(self, data):
        server = self.server
        with server.lock:
            if server.cut_at is not None:
                room = server.cut_at - server.sent
                data, is_over = data[:max(room, 0)], len(data) > room
            else:
                is_over = False
            server.sent += len(data)
        self.sock.sendall(data)
        if is_over:
            raise ConnectionError('cut')

    def line(self):
        while b'\n' not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                return None
            self.buffer += more
        line, self.buffer = self.buffer.split(b'\n', 1)
        return line.rstrip(b'\r').decode('latin-1')

    def ok(self, words=''):
        self.send(f'+OK {words}'.rstrip().encode() + b'\r\n')

    def err(self, words='no'):
        self.send(f'-ERR {words}'.encode() + b'\r\n')

    def many(self, lines, words=''):
        self.send(f'+OK {words}'.rstrip().encode() + b'\r\n' + b''.join(x + b'\r\n' for x in lines) + b'.\r\n')

    def run(self):
        server = self.server
        greeting = server.fault(self, 'GREETING', '') if server.fault else None
        if greeting is CUT:
            return
        self.send(server.greeting if greeting is None else greeting)
        while True:
            line = self.line()
            if line is None:
                return
            verb, _, rest = line.partition(' ')
            verb = verb.upper()
            server.seen.append((self.number, verb, rest))
            answer = server.fault(self, verb, rest) if server.fault else None
            if answer is CUT:
                return
            if answer is not None:
                self.send(answer)
                continue
            if getattr(self, 'do_' + verb, self.do_unknown)(rest) is False:
                return

    def do_unknown(self, _):
        self.err('what?')

    def do_CAPA(self, _):
        if self.server.capabilities is None:
            return self.err('unknown command')
        self.many([c.encode() for c in self.server.capabilities])

    def do_STLS(self, _):
        self.ok('begin')
        self.sock = self.server.context().wrap_socket(self.sock, server_side=True)
        self.buffer = b''

    def enter(self, password_is_right):
        if not password_is_right:
            return self.err(self.server.refusal)
        if self.server.locked:
            return self.err('[IN-USE] another session has it')
        self.is_in = True
        self.mails = list(self.server.maildrop)
        self.server.logins += 1
        self.ok('in')

    def do_USER(self, name):
        self.user = name
        self.ok()

    def do_PASS(self, password):
        self.enter(password == PASSWORD)

    def do_APOP(self, rest):
        _, _, digest = rest.partition(' ')
        self.enter(digest == hashlib.md5((self.server.timestamp + PASSWORD).encode()).hexdigest())

    def do_AUTH(self, rest):
        import base64
        name, _, initial = rest.partition(' ')
        if name.upper() == 'XOAUTH2' and self.server.token:
            if not initial:
                self.send(b'+ \r\n')
                initial = self.line() or ''
            words = base64.b64decode(initial).decode().split('\1')
            if words[1] == f'auth=Bearer {self.server.token}':
                return self.enter(True)
            self.send(b'+ ' + base64.b64encode(b'{"status":"invalid_token"}') + b'\r\n')
            self.line()
            return self.err('[AUTH] no')
        if name.upper() != 'PLAIN':
            return self.err('no such mechanism')
        if not initial:
            self.send(b'+ \r\n')
            initial = self.line() or ''
        try:
            password = base64.b64decode(initial).split(b'\0')[2].decode()
        except (ValueError, IndexError):
            return self.err('[AUTH] not understood')
        self.enter(password == PASSWORD)

    def left(self):
        return [(i + 1, m) for i, m in enumerate(self.mails) if i + 1 not in self.marked]

    def do_STAT(self, _):
        left = self.left()
        self.ok(f'{len(left)} {sum(m.octets() for _, m in left)}')

    def do_UIDL(self, _):
        if not self.server.has_uidl:
            return self.err('unknown command')
        self.many([b'%d %s' % (n, m.uid.encode()) for n, m in self.left()])

    def do_LIST(self, _):
        self.many([b'%d %d' % (n, m.octets()) for n, m in self.left()])

    def find(self, word):
        n = int(word.split()[0]) if word.split() and word.split()[0].isdigit() else 0
        return self.mails[n - 1] if 0 < n <= len(self.mails) and n not in self.marked else None

    @staticmethod
    def stuffed(data):
        lines = data.split(b'\r\n')
        end = b'' if lines[-1] == b'' else b'\r\n'
        text = b'\r\n'.join(b'.' + x if x.startswith(b'.') else x for x in lines)
        return text + end + b'.\r\n'

    def do_RETR(self, word):
        mail = self.find(word)
        if mail is None:
            return self.err('no such message')
        self.send(b'+OK\r\n' + (self.stuffed(mail.data) if mail.text is None else mail.text))

    def do_TOP(self, word):
        mail = self.find(word)
        if mail is None:
            return self.err('no such message')
        head = mail.data.partition(b'\r\n\r\n')[0] + b'\r\n\r\n'
        self.send(b'+OK\r\n' + self.stuffed(head))

    def do_DELE(self, word):
        if self.find(word) is None:
            return self.err('no such message')
        self.marked.add(int(word.split()[0]))
        self.ok()

    def do_NOOP(self, _):
        self.ok()

    def do_QUIT(self, _):
        gone = {id(self.mails[n - 1]) for n in self.marked}
        if self.server.deletes:
            self.server.maildrop = [m for m in self.server.maildrop if id(m) not in gone]
        if self.server.answers_quit:
            self.ok('bye')
        return False


class Pop3Scripted(Listener):
    name = 'pop3'
    session = Session

    def __init__(self, capabilities=CAPABILITIES, tls=False):
        self.capabilities, self.tls = capabilities, tls
        self.timestamp = '<1896.697170952@scripted>'
        self.greeting = f'+OK ready {self.timestamp}\r\n'.encode()
        self.maildrop, self.seen = [], []
        self.fault, self.cut_at, self.sent = None, None, 0
        self.has_uidl, self.locked, self.logins = True, False, 0
        self.answers_quit, self.deletes, self.refusal = True, True, '[AUTH] wrong'
        self.sessions, self.token = 0, None
        self.lock = threading.Lock()
        self.ca = authority().ca
        self._context = None

    def context(self):
        if self._context is None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*authority().certificate())
        return self._context

    def add(self, data, uid=None):
        mail = Mail(uid or f'u{len(self.maildrop) + 1:06d}{hashlib.md5(data).hexdigest()[:8]}', data)
        self.maildrop.append(mail)
        return mail

    def verbs(self, since=0):
        return [verb for _, verb, _ in self.seen[since:]]

    def accepted(self, sock):
        self.sessions += 1
        threading.Thread(target=self._serve, args=(sock, self.sessions), daemon=True).start()

    def _serve(self, sock, number):
        session = self.session(self, sock, number)
        try:
            if self.tls:
                session.sock = self.context().wrap_socket(sock, server_side=True)
            session.run()
        except (OSError, ValueError):
            pass
        finally:
            # What is on its way to us would make the end a reset, and take what was sent with it.
            try:
                session.sock.shutdown(socket.SHUT_WR)
                session.sock.settimeout(2)
                while session.sock.recv(65536):
                    pass
            except OSError:
                pass
            session.sock.close()
