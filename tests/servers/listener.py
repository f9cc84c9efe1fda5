"""A listener on 127.0.0.1 on a port of its own, in threads of the test; what becomes of a connection is its heirs' to say."""
import socket
import threading


class Listener:
    """`accepted(sock)` hears of each connection, and returns soon."""

    def __enter__(self):
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.tls_port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted(sock)
