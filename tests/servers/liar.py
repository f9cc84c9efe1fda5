"""A line on which one answer of the server is not what the server said: `Liar(port, at, lie)` relays to the
server on `port` and alters its `at`-th line (counted from 1 over all connections) as `lie` says.

A lie is a function of (rng, line) that gives what goes on in its place; None ends the connection there. Literals
belong to the line that announces them and pass as they are. `LIES` has the kinds by name.
"""
import random
import re
import socket
import threading

NUMBERS = [b'0', b'1', b'4294967295', b'4294967296', b'9223372036854775807', b'18446744073709551616', b'-1', b'']


def number(rng, line):
    """Another number."""
    found = list(re.finditer(rb'\d+', line))
    if not found:
        return line
    one = rng.choice(found)
    return line[:one.start()] + rng.choice(NUMBERS + [b'%d' % (int(one.group()) + rng.choice([-1, 1, 7]))]) + line[one.end():]


def byte(rng, line):
    at = rng.randrange(len(line))
    return line[:at] + bytes([rng.randrange(256)]) + line[at + 1:]


def cut(rng, line):
    """The line ends too early, and goes on as if nothing had happened."""
    return line[:rng.randrange(len(line))] + b'\r\n'


def no(rng, line):
    """Refused, whatever it was."""
    found = re.match(rb'(\S+) (OK|NO|BAD)', line)
    if not found or found.group(1) == b'*':
        return line
    return found.group(1) + rng.choice([b' NO no\r\n', b' BAD what?\r\n', b' NO [UNAVAILABLE] later\r\n',
                                        b' NO [LIMIT] too much\r\n', b' OK\r\n', b' OK [MESSAGELIMIT 3 2] a part\r\n'])


NOISE = [b'* BYE tired\r\n', b'* 0 EXISTS\r\n', b'* 4294967295 EXISTS\r\n', b'* 1 RECENT\r\n', b'\r\n', b'* \r\n', b'*\r\n', b'+ go on\r\n',
         b'* OK [UIDVALIDITY 77] new\r\n', b'* OK [UIDNEXT 1] hm\r\n', b'* OK [HIGHESTMODSEQ 1] hm\r\n', b'* OK [CLOSED] x\r\n',
         b'* OK [ALERT] look out\r\n', b'* OK [READ-ONLY] x\r\n', b'* NO [ALERT] \x1b[2J\r\n', b'* 7 FETCH (FLAGS (\\Seen \\Deleted))\r\n',
         b'* 1 FETCH (UID 999999 FLAGS ())\r\n', b'* SEARCH 1 2 3\r\n', b'* ESEARCH (TAG "x") UID ALL 1:4294967295\r\n',
         b'* LIST () "/" evil\r\n', b'* LIST (\\NonExistent) "/" INBOX\r\n', b'* STATUS INBOX (MESSAGES 0 UIDNEXT 1)\r\n',
         b'* CAPABILITY IMAP4rev1\r\n', b'* ENABLED QRESYNC\r\n', b'* NAMESPACE (("x." ".")) NIL NIL\r\n', b'* XYZZY {3}\r\nabc\r\n',
         b'* FLAGS ()\r\n', b'* OK [PERMANENTFLAGS ()] none\r\n', b'zz9 OK who?\r\n', b'* METADATA "" ("/a" {2}\r\nxx)\r\n']


def noise(rng, line):
    """A line of another's before it."""
    return rng.choice(NOISE) + line


LIES = {
    'number': number, 'byte': byte, 'cut': cut, 'no': no, 'noise': noise,
    'drop': lambda rng, line: b'',
    'twice': lambda rng, line: line + line,
    'end': lambda rng, line: None,
    'end-inside': lambda rng, line: line[:rng.randrange(len(line))] + b'\0END',
}


class Liar:
    def __init__(self, port, at=0, lie=None, seed=0, listen=0):
        self.port, self.at, self.lie, self.rng = port, at, lie, random.Random(seed)
        self.lines, self.lock, self.told = 0, threading.Lock(), None
        self.socket = socket.create_server(('127.0.0.1', listen))
        self.listen = self.socket.getsockname()[1]
        self.open = []

    def __enter__(self):
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)         # accept() lets go of it
        self.thread.join()
        self.socket.close()
        for s in self.open:
            s.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
                server = socket.create_connection(('127.0.0.1', self.port))
            except OSError:
                return
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.open += [client, server]
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(server, client), daemon=True).start()

    def _up(self, client, server):
        try:
            while True:
                data = client.recv(65536)
                if not data:
                    break
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _alter(self, line):
        with self.lock:
            self.lines += 1
            if self.lines != self.at:
                return line
            self.told = line
            return self.lie(self.rng, line)

    def _down(self, server, client):
        stream = server.makefile('rb')
        try:
            while True:
                line = stream.readline()
                if not line:
                    break
                found = re.search(rb'\{(\d+)\+?\}\r\n$', line)
                literal = stream.read(int(found.group(1))) if found else b''
                said = self._alter(line)
                is_end = said is None or said.endswith(b'\0END')
                client.sendall((said or b'').replace(b'\0END', b'') + (b'' if is_end else literal))
                if is_end:
                    break
        except OSError:
            pass
        for s in (client, server):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
