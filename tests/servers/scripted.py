"""An IMAP server in RAM that does as it is told, and misbehaves as it is told: what no real server can be made to do.

    with Scripted(without=['UIDPLUS']) as server:
        server.fault = lambda session, verb, words: ...

It listens on 127.0.0.1, in threads of the test. Whoever logs in as `tester` sees no faults: that is
`connect()`, for the test's own look at the mailboxes. All users have the same mail.

A fault is asked before each command (verb `UID FETCH`, words as parsed) and returns None, or bytes that are sent in
place of doing it (`{tag}` is filled in), or CUT to hang up. `after` is asked once it is done and may return lines that
go out before the tagged one. `before_literal` is asked before each `+` and may return a refusal in its place. `seen`
lists all commands of the others as (session number, verb, words), `statuses` the mailboxes whose STATUS was told.
"""
import imaplib
import io
import re
import socket
import ssl
import threading
import time
import zlib

from listener import Listener
from servers import PASSWORD, authority

CAPABILITIES = ('IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ ENABLE CONDSTORE QRESYNC UIDPLUS MOVE ESEARCH UNSELECT NAMESPACE ID '
                'LIST-EXTENDED LIST-STATUS SPECIAL-USE').split()
CUT = object()


class Mail:
    def __init__(self, uid, data, flags, date, modseq):
        self.uid, self.data, self.flags, self.date, self.modseq = uid, data, set(flags), date, modseq


class Box:
    def __init__(self, uidvalidity):
        self.uidvalidity, self.uidnext, self.modseq = uidvalidity, 1, 1
        self.mails, self.vanished = [], []
        self.read_only = False
        self.has_modseq = True
        self.permanent = '\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*'
        self.noselect = False
        self.unlisted = False           # left out of LIST, though it is there
        self.attributes = ''            # words of its LIST line, such as \\Sent
        self.window, self.hidden = None, []     # how many of the newest are shown; those that are not

    def add(self, data, flags=(), date=None):
        self.modseq += 1
        self.mails.append(Mail(self.uidnext, data, flags, date or time.strftime('"%d-%b-%Y %H:%M:%S +0000"', time.gmtime()),
                               self.modseq))
        self.uidnext += 1
        made = self.mails[-1]
        self.slide()
        return made

    def slide(self):
        """The newest `window` are shown; what drops out of sight is told to be gone."""
        if self.window is None:
            return
        both = sorted(self.mails + self.hidden, key=lambda m: m.uid)
        was, at = {m.uid for m in self.mails}, max(len(both) - self.window, 0)
        self.hidden, self.mails = both[:at], both[at:]
        lost, back = was & {m.uid for m in self.hidden}, [m for m in self.mails if m.uid not in was]
        if lost or back:
            self.modseq += 1
            self.vanished = [(k, u) for k, u in self.vanished if u not in {m.uid for m in back}]
            self.vanished += [(self.modseq, u) for u in lost]
            for m in back:
                m.modseq = self.modseq

    def show_all(self):
        """There is no window any more."""
        self.window = len(self.mails + self.hidden)
        self.slide()
        self.window = None

    def drop(self, uids):
        gone = [m.uid for m in self.mails if m.uid in uids]
        self.mails = [m for m in self.mails if m.uid not in uids]
        if gone:
            self.modseq += 1
            self.vanished += [(self.modseq, u) for u in gone]
        self.slide()
        return gone

    def uids(self, text):
        """The mails a sequence set names."""
        found = set()
        top = max([m.uid for m in self.mails], default=0)
        for part in text.split(','):
            ends = [top if e == '*' else int(e) for e in part.split(':')]
            low, high = min(ends), max(ends)
            found |= {m.uid for m in self.mails if low <= m.uid <= high}
        return found


def emailid(m):
    return f'E{zlib.crc32(m.data):x}'


def compact(uids):
    out, uids = [], sorted(uids)
    for u in uids:
        if out and out[-1][1] == u - 1:
            out[-1][1] = u
        else:
            out.append([u, u])
    return ','.join(f'{a}:{b}' if a != b else f'{a}' for a, b in out)


class Inflated(io.RawIOBase):
    """What arrives on a compressed line (RFC 4978)."""

    def __init__(self, raw):
        self.raw, self.inflate, self.got = raw, zlib.decompressobj(-15), b''

    def readable(self):
        return True

    def readinto(self, room):
        while not self.got:
            data = self.raw.read1(65536)
            if not data:
                return 0
            self.got = self.inflate.decompress(data)
        n = min(len(room), len(self.got))
        room[:n], self.got = self.got[:n], self.got[n:]
        return n


class Session(threading.Thread):
    def __init__(self, server, sock, number):
        super().__init__(daemon=True)
        self.server, self.sock, self.number = server, sock, number
        self.box = self.name_ = None
        self.user = None
        self.read_only = False
        self.qresync = self.uidonly = False
        self.deflate = None

    def send(self, data):
        data = data if isinstance(data, bytes) else data.encode('latin-1')
        if self.deflate:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.sock.sendall(data)

    def line(self):
        """One command line, literals in place: (text with literals as placeholders, [literals])."""
        text, literals = b'', []
        while True:
            part = self.file.readline()
            if not part:
                return None, None
            part = part.rstrip(b'\r\n')
            found = re.search(rb'\{(\d+)(\+?)\}$', part)
            if not found:
                return text + part, literals
            if not found.group(2):
                refusal = self.server.before_literal and self.server.before_literal(self, int(found.group(1)))
                if refusal:
                    self.send(refusal.replace('{tag}', (text + part).split()[0].decode()))
                    text, literals = b'', []
                    continue
                self.send('+ go on\r\n')
            literals.append(self.file.read(int(found.group(1))))
            text += part[:found.start()] + b'\0'

    def words(self, text, literals):
        """Nested lists of str (atoms, unquoted strings) and bytes (literals)."""
        stack, at, literals = [[]], 0, list(literals)
        for token in re.finditer(rb'\(|\)|"((?:[^"\\]|\\.)*)"|\0|[^\s()\0"\[]+(?:\[[^\]]*\])?[^\s()\0"]*', text):
            t = token.group(0)
            if t == b'(':
                stack.append([])
            elif t == b')':
                done = stack.pop()
                stack[-1].append(done)
            elif t == b'\0':
                stack[-1].append(literals.pop(0))
            elif t[:1] == b'"':
                stack[-1].append(re.sub(r'\\(.)', r'\1', token.group(1).decode('latin-1')))
            else:
                stack[-1].append(t.decode('latin-1'))
        return stack[0]

    def run(self):
        try:
            if self.server.tls:
                self.sock = self.server.context.wrap_socket(self.sock, server_side=True)
            self.file = self.sock.makefile('rb')
            self.send(self.server.greeting.format(caps=' '.join(self.server.caps)))
            self.talk()
        except (OSError, ValueError, IndexError):   # IndexError: a client that speaks TLS, say
            pass
        finally:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.sock.close()

    def talk(self):
        while True:
            text, literals = self.line()
            if text is None:
                return
            tag, _, rest = text.partition(b' ')
            self.tag = tag.decode('latin-1')
            words = self.words(rest, literals)
            if not words:
                continue
            verb, words = words[0].upper(), words[1:]
            if verb == 'UID':
                verb, words = 'UID ' + words[0].upper(), words[1:]
            tag = tag.decode('latin-1')
            with self.server.lock:
                stop = self.obey(tag, verb, words)
            if stop:
                return

    def obey(self, tag, verb, words):
        s, faulty = self.server, self.user != 'tester'
        if faulty:
            s.seen.append((self.number, verb, words))
            answer = s.fault(self, verb, words) if s.fault else None
            if answer is CUT:
                return True
            if answer is not None:
                self.send(answer.replace('{tag}', tag))
                return False
        if verb.startswith('UID ') and self.box is None:
            self.send(f'{tag} BAD no mailbox is selected\r\n')
            return False
        try:
            done = getattr(self, 'do_' + verb.replace(' ', '_').lower(), None)
            end = done(words) if done else 'BAD what'
        except (KeyError, IndexError) as e:
            end = f'NO [NONEXISTENT] {e!r}'
        if faulty and s.after:
            more = s.after(self, verb, words)
            if more is CUT:
                return True
            if more:
                self.send(more)
        if end is None:
            return False
        self.send(f'{tag} {end}\r\n')
        if verb == 'COMPRESS' and end.startswith('OK'):
            self.deflate = zlib.compressobj(wbits=-15)
            self.file = io.BufferedReader(Inflated(self.file))
        return verb == 'LOGOUT'

    # Any state

    def do_capability(self, words):
        self.send(f'* CAPABILITY {" ".join(self.server.caps)}\r\n')
        return 'OK done'

    def do_noop(self, words):
        return 'OK done'

    def do_id(self, words):
        self.send('* ID NIL\r\n')
        return 'OK done'

    def do_compress(self, words):
        return 'OK from here on' if words == ['DEFLATE'] and not self.deflate else 'BAD what'

    def do_logout(self, words):
        self.send('* BYE so long\r\n')
        return 'OK done'

    def do_login(self, words):
        self.user = words[0]
        return 'OK in' if words[1] == PASSWORD else 'NO [AUTHENTICATIONFAILED] no'

    def do_authenticate(self, words):
        import base64
        if words[0].upper() != 'PLAIN':
            return 'NO not that one'
        if len(words) < 2:
            self.send('+ \r\n')
            words = words + [self.file.readline().decode().strip()]
        try:
            _, self.user, password = base64.b64decode(words[1], validate=True).decode().split('\0')
        except ValueError:
            return 'BAD that is no answer'
        return 'OK in' if password == PASSWORD else 'NO [AUTHENTICATIONFAILED] no'

    def do_enable(self, words):
        on = [w for w in words if w.upper() in self.server.caps and w.upper() in ('QRESYNC', 'CONDSTORE')]
        self.qresync |= 'QRESYNC' in [w.upper() for w in on]
        if 'UIDONLY' in self.server.caps and 'UIDONLY' in [w.upper() for w in words]:
            self.uidonly = True
            on.append('UIDONLY')
        self.send(f'* ENABLED {" ".join(on)}\r\n')
        return 'OK done'

    def do_namespace(self, words):
        s = self.server
        self.send(f'* NAMESPACE (("{s.prefix}" "{s.delimiter}")) NIL NIL\r\n')
        return 'OK done'

    # Mailboxes

    def status_line(self, name, items):
        b, out = self.server.boxes[name], []
        if self.user != 'tester':
            self.server.statuses.append(name)
        for item in items:
            item = item.upper()
            value = {'MESSAGES': len(b.mails), 'UIDNEXT': b.uidnext, 'UIDVALIDITY': b.uidvalidity,
                     'HIGHESTMODSEQ': b.modseq if b.has_modseq else 0, 'RECENT': 0, 'UNSEEN': 0}.get(item)
            if value is not None:
                out.append(f'{item} {value}')
        return f'* STATUS {self.server.quote(name)} ({" ".join(out)})\r\n'

    def do_list(self, words):
        words = [w for w in words]
        subscribed = isinstance(words[0], list) and bool(words.pop(0))
        patterns = [w.decode('latin-1') if isinstance(w, bytes) else w for w in
                    (words[1] if isinstance(words[1], list) else [words[1]])]
        if patterns == ['']:
            self.send(f'* LIST (\\Noselect) "{self.server.delimiter}" ""\r\n')
            return 'OK done'
        returns = words[3] if len(words) > 3 else []
        items = next((w for i, w in enumerate(returns) if i and returns[i - 1] == 'STATUS'), None)
        match = re.compile('|'.join(re.escape(p).replace(r'\*', '.*').replace('%', '[^/]*') + r'\Z' for p in patterns), re.I)
        for name, b in sorted(self.server.boxes.items()):
            if not match.match(name) or (subscribed and name not in self.server.subscribed) or (b.unlisted and self.user != 'tester'):
                continue
            word = ' '.join(w for w in (b.attributes, '\\Noselect' if b.noselect else '') if w)
            self.send(f'* LIST ({word}) "{self.server.delimiter}" {self.server.quote(name)}\r\n')
            if items and not b.noselect:
                self.send(self.status_line(name, items))
        return 'OK done'

    def do_lsub(self, words):
        for name in sorted(self.server.subscribed):
            self.send(f'* LSUB () "{self.server.delimiter}" {self.server.quote(name)}\r\n')
        return 'OK done'

    def do_status(self, words):
        name = self.server.find(words[0])
        if self.server.boxes[name].noselect:
            return 'NO [CANNOT] it holds no mail'
        self.send(self.status_line(name, words[1]))
        return 'OK done'

    def do_create(self, words):
        name = words[0].rstrip(self.server.delimiter)
        if name in self.server.boxes:
            return 'NO [ALREADYEXISTS] it exists'
        use = next((w[1] for w in words[1:] if isinstance(w, list) and w[0] == 'USE'), [])
        self.server.create(name, attributes=' '.join(use))
        return 'OK done'

    def do_delete(self, words):
        del self.server.boxes[self.server.find(words[0])]
        return 'OK done'

    def do_rename(self, words):
        self.server.boxes[words[1]] = self.server.boxes.pop(self.server.find(words[0]))
        return 'OK done'

    def do_subscribe(self, words):
        self.server.subscribed.add(words[0])
        return 'OK done'

    def do_unsubscribe(self, words):
        self.server.subscribed.discard(words[0])
        return 'OK done'

    def do_unselect(self, words):
        self.box = None
        return 'OK done'

    def do_close(self, words):
        if not self.read_only:
            self.box.drop({m.uid for m in self.box.mails if '\\Deleted' in m.flags})
        return self.do_unselect(words)

    def do_examine(self, words):
        return self.do_select(words, True)

    def do_select(self, words, read_only=False):
        if self.box is not None and self.qresync:
            self.send('* OK [CLOSED] before\r\n')
        self.box = None
        name = self.server.find(words[0])
        b = self.server.boxes[name]
        if b.noselect:
            return 'NO [CANNOT] it holds no mail'
        self.box, self.read_only = b, read_only or b.read_only
        words = words[1] if len(words) > 1 else []
        self.known = [m.uid for m in b.mails]
        self.saved = set()
        self.send(f'* {len(self.seen())} EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)\r\n'
                  f'* OK [PERMANENTFLAGS ({"" if self.read_only else b.permanent})] these\r\n'
                  f'* OK [UIDVALIDITY {b.uidvalidity}] epoch\r\n* OK [UIDNEXT {b.uidnext}] next\r\n')
        self.send(f'* OK [HIGHESTMODSEQ {b.modseq}] now\r\n' if b.has_modseq and 'CONDSTORE' in self.server.caps
                  else '* OK [NOMODSEQ] none\r\n')
        if words and words[0] == 'QRESYNC' and int(words[1][0]) == b.uidvalidity and b.has_modseq:
            since = int(words[1][1])
            for u in sorted({u for at, u in b.vanished if at > since}):
                self.send(f'* VANISHED (EARLIER) {u}\r\n')         # a line for each: that is allowed
            for i, m in enumerate(b.mails):
                if m.modseq > since:
                    self.send(self.show(i, m, ['UID', 'FLAGS']))
        return f'OK [{"READ-ONLY" if self.read_only else "READ-WRITE"}] done'

    # Messages

    def found(self, m, keys):
        """Takes one search key off the words; whether m has it."""
        key = keys.pop(0)
        if isinstance(key, list):
            key = list(key)
            return all([self.found(m, key) for _ in iter(lambda: bool(key), False)])
        if key == 'ALL':
            return True
        if key == 'NOT':
            return not self.found(m, keys)
        if key == 'OR':
            return any([self.found(m, keys), self.found(m, keys)])
        if key == 'DELETED':
            return '\\Deleted' in m.flags
        if key == 'UID':
            return m.uid in self.box.uids(keys.pop(0))
        if key == 'MODSEQ':
            return m.modseq >= int(keys.pop(0))
        if key == 'EMAILID':
            return emailid(m) == keys.pop(0)
        raise KeyError(key)

    def do_uid_search(self, words):
        b = self.box
        keys = words[2:] if words[0] == 'RETURN' else words
        hits = [m.uid for m in self.seen() if self.found(m, [list(keys)]) and m.uid not in self.server.hides]
        hits, end = self.some(hits)
        if words[0] == 'RETURN' and 'SAVE' in words[1]:
            self.saved = set(hits)
        elif words[0] == 'RETURN':
            self.send(f'* ESEARCH (TAG "{self.tag}") UID{" ALL " + compact(hits) if hits else ""}\r\n')
        else:
            self.send('* SEARCH ' + ' '.join(map(str, sorted(hits))) + '\r\n')
        return end

    def fetch_items(self, m, items):
        out = []
        for item in items:
            if item == 'UID':
                out.append(b'UID %d' % m.uid)
            elif item == 'FLAGS':
                out.append(b'FLAGS (%s)' % ' '.join(sorted(m.flags)).encode())
            elif item == 'RFC822.SIZE':
                out.append(b'RFC822.SIZE %d' % len(m.data))
            elif item == 'INTERNALDATE':
                out.append(b'INTERNALDATE ' + m.date.encode())
            elif item in ('X-GM-MSGID', 'EMAILID'):
                # The server's own id of a mail, wherever it lies.
                n = zlib.crc32(m.data)
                out.append(b'X-GM-MSGID %d' % n if item == 'X-GM-MSGID' else b'EMAILID (%s)' % emailid(m).encode())
            elif item.startswith('BODY.PEEK['):
                data = m.data
                if 'HEADER' in item:
                    end = data.find(b'\r\n\r\n')
                    data = data[:end + 4] if end >= 0 else data
                out.append(b'BODY[%s] {%d}\r\n' % (item[10:-1].encode(), len(data)) + data)
        return b' '.join(out)

    # Servers that show or do a part: `newest` n are all that is seen of a mailbox without UIDONLY; `limit` messages are what a
    # command is about (RFC 9738), from the highest down, or from the lowest up where it `climbs`; it does not tell where it is
    # `silent`; `hides` are not listed, though counted.

    def seen(self):
        mails = self.box.mails
        if self.server.newest and not self.uidonly and self.user != 'tester':
            mails = mails[-self.server.newest:]
        return mails

    def some(self, uids, verb='done'):
        """Of these, those that the command is about, and how it ends."""
        s, uids = self.server, sorted(uids)
        if not s.limit or len(uids) <= s.limit or self.user == 'tester':
            return set(uids), 'OK done'
        kept = uids[:s.limit] if s.climbs else uids[-s.limit:]
        last = kept[-1] if s.climbs else kept[0]
        return set(kept), 'OK done' if s.silent else f'OK [MESSAGELIMIT {s.limit}{"" if s.mum else f" {last}"}] a part'

    def show(self, i, m, items):
        if self.uidonly:
            items = [x for x in items if x != 'UID']
            return b'* %d UIDFETCH (%s)\r\n' % (m.uid, self.fetch_items(m, items))
        return b'* %d FETCH (%s)\r\n' % (i + 1, self.fetch_items(m, items))

    def do_uid_fetch(self, words):
        b = self.box
        items = words[1] if isinstance(words[1], list) else [words[1]]
        if 'UID' not in items:
            items = ['UID'] + items
        since = int(words[2][1]) if len(words) > 2 and words[2][0] == 'CHANGEDSINCE' else 0
        hits = self.named(words[0])
        hits, end = self.some(m.uid for m in self.seen() if m.uid in hits and m.modseq > since)
        for i, m in enumerate(b.mails):
            if m.uid in hits and m.uid not in self.server.hides:
                self.send(self.show(i, m, items))
        return end

    def named(self, text):
        return self.saved if text == '$' else self.box.uids(text)

    def do_uid_store(self, words):
        b = self.box
        hits, end = self.some(self.named(words[0]))
        flags = set(words[2]) if isinstance(words[2], list) else {words[2]}
        for i, m in enumerate(b.mails):
            if m.uid in hits and not self.read_only:
                was = set(m.flags)
                m.flags = m.flags | flags if words[1][0] == '+' else m.flags - flags
                if m.flags != was:
                    b.modseq += 1
                    m.modseq = b.modseq
                if 'SILENT' not in words[1].upper():
                    self.send(self.show(i, m, ['UID', 'FLAGS']))
        return end

    def gone(self, uids):
        for u in sorted(uids, reverse=True):
            at = [m.uid for m in self.box.mails].index(u)
            self.box.drop({u})
            self.send(f'* VANISHED {u}\r\n' if self.qresync or self.uidonly else f'* {at + 1} EXPUNGE\r\n')

    def do_uid_expunge(self, words):
        hits = self.named(words[0])
        hits, end = self.some(m.uid for m in self.box.mails if m.uid in hits and '\\Deleted' in m.flags)
        self.gone(hits)
        return end

    def do_expunge(self, words):
        self.gone({m.uid for m in self.box.mails if '\\Deleted' in m.flags})
        return 'OK done'

    def do_uid_copy(self, words, move=False):
        to = self.server.boxes[self.server.find(words[1])]
        hits = [m for m in self.box.mails if m.uid in self.box.uids(words[0])]
        if not hits:
            return 'OK nothing'
        some, end = self.some(m.uid for m in hits)
        if len(some) < len(hits) and not move and not self.server.copies_part:
            return end.replace('OK', 'NO')
        hits = [m for m in hits if m.uid in some]
        new = [to.add(m.data, m.flags, m.date).uid for m in hits]
        code = f'[COPYUID {to.uidvalidity} {compact(m.uid for m in hits)} {compact(new)}]'
        if move:
            if 'UIDPLUS' in self.server.caps:
                self.send(f'* OK {code} moved\r\n')
            self.gone({m.uid for m in hits})
            return end
        if 'MESSAGELIMIT' in end and 'UIDPLUS' in self.server.caps:
            self.send(f'* OK {code} copied\r\n')
        if 'MESSAGELIMIT' in end:
            return end
        return f'OK {code} done' if 'UIDPLUS' in self.server.caps else 'OK done'

    def do_uid_move(self, words):
        return self.do_uid_copy(words, True)

    def do_append(self, words):
        """Also several at once (RFC 3502): a literal ends each of them."""
        b = self.server.boxes[self.server.find(words[0])]
        new, flags, date = [], [], None
        for w in words[1:]:
            if isinstance(w, list):
                flags = w
            elif isinstance(w, str):
                date = f'"{w}"'
            else:
                new.append(b.add(w, flags, date).uid)
                flags, date = [], None
        return f'OK [APPENDUID {b.uidvalidity} {compact(new)}] done' if 'UIDPLUS' in self.server.caps else 'OK done'


class Scripted(Listener):
    def __init__(self, without=(), more=(), tls=False, prefix='', delimiter='/', greeting='* OK [CAPABILITY {caps}] hello\r\n'):
        self.caps = [c for c in CAPABILITIES if c not in without] + list(more)
        self.tls, self.prefix, self.delimiter, self.greeting = tls, prefix, delimiter, greeting
        self.lock = threading.RLock()
        self.boxes, self.subscribed, self.seen, self.statuses = {}, set(), [], []
        self.fault = self.after = self.before_literal = None
        self.limit = self.newest = 0                # Session.seen, Session.some
        self.climbs = self.silent = self.mum = self.copies_part = False
        self.hides = set()
        self.epoch = 1000
        self.sessions = 0
        self.create('INBOX')
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*authority().certificate())
            self.ca = authority().ca

    def create(self, name, **kw):
        self.epoch += 1
        self.boxes[name] = Box(self.epoch)
        for k, v in kw.items():
            setattr(self.boxes[name], k, v)
        return self.boxes[name]

    def find(self, name):
        name = name.decode('latin-1') if isinstance(name, bytes) else name
        return 'INBOX' if name.upper() == 'INBOX' else name

    def quote(self, name):
        return '"' + name.replace('\\', '\\\\').replace('"', '\\"') + '"'

    def verbs(self):
        return [verb for _, verb, _ in self.seen]

    def accepted(self, sock):
        self.sessions += 1
        Session(self, sock, self.sessions).start()

    def connect(self, user, tls=False):
        """A connection without faults, whoever asks."""
        if self.tls:
            imap = imaplib.IMAP4_SSL('127.0.0.1', self.port, timeout=20,
                                     ssl_context=ssl.create_default_context(cafile=self.ca))
        else:
            imap = imaplib.IMAP4('127.0.0.1', self.port, timeout=20)
        imap.login('tester', PASSWORD)
        return imap
