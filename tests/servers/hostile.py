"""Peers that mean harm, or know no better: bytes as they are told, in their own time.

    with Peer(handler) as peer: ...             handler(sock) for each connection, in a thread of its own
    with Attacked(server, before=b'...') ...    the clear-text part of a STARTTLS connection, and somebody who writes into it
"""
import socket
import ssl
import threading

from listener import Listener
from servers import authority


class Peer(Listener):
    """What a handler raises ends its connection."""

    def __init__(self, handler, tls=False):
        self.handler = handler
        self.context = server_context() if tls else None
        self.connections = 0

    def accepted(self, sock):
        self.connections += 1
        threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock):
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            self.handler(sock)
        except (OSError, ValueError, IndexError):
            pass
        finally:
            try:
                sock.close()
            except OSError:
                pass


def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority().certificate())
    return context


def relay(a, b):
    """Bytes both ways until one side ends."""
    def down():
        try:
            while data := b.recv(65536):
                a.sendall(data)
        except (OSError, ValueError):
            pass
        a.close()
    threading.Thread(target=down, daemon=True).start()
    try:
        while data := a.recv(65536):
            b.sendall(data)
    finally:
        b.close()


class Attacked(Peer):
    """In front of a server without TLS: offers STARTTLS, speaks TLS with the right certificate, and passes on what is
    said in it. Somebody on the line, who cannot do that, has written `greeting` and, before the answer to STARTTLS,
    `before`; `answer` is in place of that."""

    def __init__(self, server, before=b'', greeting=b'* OK hello\r\n', answer=b'OK go on'):
        super().__init__(self._clear)
        self.server, self.before, self.greeting, self.answer = server, before, greeting, answer
        self.ca = authority().ca
        self.tls = server_context()

    def _clear(self, sock):
        file = sock.makefile('rb', buffering=0)
        sock.sendall(self.greeting)
        while line := file.readline():
            tag, verb = line.split()[:2]
            if verb == b'STARTTLS':
                sock.sendall(self.before + tag + b' ' + self.answer + b'\r\n')
                break
            sock.sendall(b'* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n' + tag + b' OK done\r\n')
        else:
            return
        sock = self.tls.wrap_socket(sock, server_side=True)
        up = socket.create_connection(('127.0.0.1', self.server.port))
        while not up.recv(1).endswith(b'\n'):       # its greeting
            pass
        relay(sock, up)
