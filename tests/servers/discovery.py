"""What publishes the servers of a domain: a resolver, and a web server that is whatever host it is asked as. Both on loopback; where the
program finds them is said by `environment()`."""
import http.server
import socket
import socketserver
import ssl
import struct
import threading

from servers import authority

TYPES = {'MX': 15, 'TXT': 16, 'SRV': 33}


def _name(name):
    return b''.join(bytes([len(p)]) + p.encode() for p in name.rstrip('.').split('.') if p) + b'\0'


def rdata(kind, value):
    if kind == 'TXT':
        data = value.encode()
        return b''.join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255))
    words = value.split()
    numbers = words[:-1]
    return struct.pack('!%dH' % len(numbers), *map(int, numbers)) + _name(words[-1])


def answer(query, records):
    """The message that answers a query: records is {(name, type): [text]}."""
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += query[at] + 1
    kind = struct.unpack('!H', query[at + 1:at + 3])[0]
    name = '.'.join(labels)
    found = next((values for (n, k), values in records.items() if n == name and TYPES[k] == kind), [])
    word = {v: k for k, v in TYPES.items()}.get(kind)
    head = query[:2] + struct.pack('!HHHHH', 0x8180 | (0 if found else 3), 1, len(found), 0, 0)
    body = query[12:at + 5]
    for value in found:
        data = rdata(word, value)
        body += struct.pack('!HHHIH', 0xc00c, kind, 1, 60, len(data)) + data
    return name, head + body


class Discovery:
    """documents: {(host, path): body, or (status, body or place)}; records: {(name, type): [text]}."""

    def __init__(self, documents=None, records=None, names=()):
        self.documents, self.records = dict(documents or {}), dict(records or {})
        self.names = sorted({host for host, _ in self.documents} | set(names)) or ['nobody.test']
        self.asked, self.got = [], []           # names of the DNS; (host, path) by HTTPS

    def __enter__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(('127.0.0.1', 0))
        threading.Thread(target=self._resolve, daemon=True).start()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                key = self.headers['Host'].partition(':')[0], self.path.partition('?')[0]
                outer.got.append((key[0], self.path))
                reply = outer.documents.get(key, (404, b''))
                status, body = reply if isinstance(reply, tuple) else (200, reply)
                if status == 'silent':
                    outer.silence.wait(30)
                    return
                self.send_response(status)
                if status in (301, 302):
                    self.send_header('Location', body)
                    body = b''
                body = body.encode() if isinstance(body, str) else body
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass            # a client that does not trust us

        self.silence = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority().certificate(tuple('DNS:' + name for name in self.names)))
        self.https = Server(('127.0.0.1', 0), Handler)
        self.https.socket = context.wrap_socket(self.https.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.https.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.silence.set()
        self.udp.close()
        self.https.shutdown()
        self.https.server_close()

    def _resolve(self):
        while True:
            try:
                query, peer = self.udp.recvfrom(4096)
                name, reply = answer(query, self.records)
            except (OSError, IndexError, UnicodeDecodeError):
                return
            self.asked.append(name)
            self.udp.sendto(reply, peer)

    def environment(self):
        return {'MAILTWIN_DISCOVER_DNS': str(self.udp.getsockname()[1]), 'MAILTWIN_DISCOVER_HTTPS': str(self.https.server_address[1]),
                'SSL_CERT_FILE': authority().ca, 'NO_PROXY': '*'}
