"""What the end-to-end tests stand on: a temporary home, the program run in it, mail that tells itself
apart, the two kinds of side with one set of verbs, and comparisons.

A side is a MaildirSide or an ImapSide; both have boxes(), messages(box), deliver, flag, delete, move, copy,
create and remove, done the way a mail program does them and without any code of mailtwin.

A message carries a serial in its body and nowhere else: `serial_of(data)` is how a test knows it again.
"""
import collections
import ctypes
import fcntl
import hashlib
import imaplib
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import termios
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RUN_LIMIT = 120                 # seconds for one run of the program
LETTERS = {'\\Draft': 'D', '\\Flagged': 'F', '$Forwarded': 'P', '\\Answered': 'R', '\\Seen': 'S', '\\Deleted': 'T'}
NAMES = {v: k for k, v in LETTERS.items()}
SANITIZER_EXIT = 99
DIED = 86                       # stopped before a numbered step (R22)

_libc = ctypes.CDLL(None, use_errno=True)


def program(name='MAILTWIN'):
    """The program under test; MAILTWIN_FAST is the one built for speed.
    Both can be stopped at numbered steps; the program that is installed cannot."""
    path = os.environ.get(name) or os.environ.get('MAILTWIN')
    for candidate in (path, '.build/san/mailtwin', 'mailtwin'):
        if candidate and os.path.exists(os.path.join(ROOT, candidate)):
            return os.path.join(ROOT, candidate)
    raise AssertionError('there is no mailtwin to test: run `make`')


def tunnel_to(where, port):
    """A program in Python, for Tunnel: stdin and stdout are a connection to that port. -> its path, in `where`."""
    path = os.path.join(where, 'tunnel.py')
    with open(path, 'w') as f:
        f.write(f'import os, socket, threading\ns = socket.create_connection(("127.0.0.1", {port}))\n'
                'def up():\n    while (x := os.read(0, 65536)):\n        s.sendall(x)\n    os._exit(0)\n'
                'threading.Thread(target=up).start()\n'
                'while (x := s.recv(65536)):\n    os.write(1, x)\nos._exit(0)\n')
    return path


# Mail ------------------------------------------------------------------------------------------------

whole_lines = False     # a server that ends the last line of a message itself: all mail comes with that end


def message(serial, rng=None, size=0, message_id=True):
    """A message as it stands in a Maildir (LF). Shape varies with rng; `size` is a least size in bytes."""
    rng = rng or random.Random(serial)
    head = [b'From: Anna <anna@example.org>', b'To: ben@example.net',
            b'Date: Mon, 1 Jan 2024 10:%02d:%02d +0000' % (serial // 60 % 60, serial % 60),
            b'Subject: ' + rng.choice([b'hello', b'=?utf-8?q?gr=C3=BC=C3=9Fe?=', b'Re: a long\n one', b''])]
    if message_id:
        head.append(b'Message-ID: <%d.%x@example.org>' % (serial, rng.getrandbits(40)))
    if rng.random() < .2:
        head.append(b'X-Latin: caf\xe9')
    body = b'serial %d.\n' % serial
    for _ in range(rng.randrange(6)):
        body += bytes(rng.choice(b'abcdefghij klmnop.') for _ in range(rng.randrange(70))) + b'\n'
    if rng.random() < .1:
        body += 'grüße\n'.encode()
    if size:
        line = bytes(rng.choice(b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij0123456789+/') for _ in range(76)) + b'\n'
        body += line * ((size - len(body)) // len(line) + 1)
    if rng.random() < .1 and not whole_lines:
        body = body[:-1]
    return b'\n'.join(head) + b'\n\n' + body


def serial_of(data):
    found = re.search(rb'^(?:X-Note: )?serial (\d+)\.', data, re.M)
    return int(found.group(1)) if found else None


def canonical(data):
    return data.replace(b'\r\n', b'\n')


# Sides -----------------------------------------------------------------------------------------------

Mail = collections.namedtuple('Mail', 'box key flags serial digest size')
"""One message on one side: key is what the side knows it by, flags a frozenset of letters and keywords."""


_removed = collections.deque()      # directories that are gone, held open


class MaildirSide:
    """A tree of Maildirs. layout: Verbatim, Maildir++ or Legacy, as mbsync's SubFolders."""

    kind = 'maildir'

    def __init__(self, path, layout='Verbatim', seed=0, style='plain'):
        self.path, self.layout = path, layout
        self.rng = random.Random(seed)
        self.style = style              # of names: plain, dovecot (S=,W=), mbsync (U=), or mixed
        self.count = 0
        self.known = {}                 # what was read of a file, by inode, size and times
        self.create('INBOX')

    def store(self, name, more=''):
        """Its section of a configuration."""
        lines = [f'MaildirStore {name}', f'Inbox "{self.inbox()}"']
        if self.layout != 'Maildir++':
            lines.append(f'Path "{self.path}/"')
        lines.append(f'SubFolders {self.layout}')
        return '\n'.join(lines) + '\n' + more + '\n'

    def inbox(self):
        return os.path.join(self.path, 'INBOX')

    def box(self, name):
        if name == 'INBOX':
            return self.inbox()
        if self.layout == 'Maildir++':
            return os.path.join(self.inbox(), '.' + name.replace('/', '.'))
        if self.layout == 'Legacy':
            parts = name.split('/')
            return os.path.join(self.path, parts[0], *['.' + p for p in parts[1:]])
        return os.path.join(self.path, name)

    def boxes(self):
        found = []
        for top, folders, _ in os.walk(self.path):
            if 'cur' not in folders:
                continue
            for sub in ('cur', 'new', 'tmp'):
                if sub in folders:
                    folders.remove(sub)
            inside = os.path.relpath(top, self.path)
            if inside == 'INBOX':
                found.append('INBOX')
            elif self.layout == 'Maildir++':
                found.append(os.path.relpath(top, self.inbox())[1:].replace('.', '/'))
            elif self.layout == 'Legacy':
                found.append(inside.replace('/.', '/'))
            else:
                found.append(inside)
        return sorted(found)

    def create(self, name):
        for sub in ('tmp', 'new', 'cur'):
            os.makedirs(os.path.join(self.box(name), sub), exist_ok=True)

    def settle(self):
        """Where a run died while it removed a mailbox, and that stays after all, something is missing: a mail program makes it."""
        for name in self.boxes():
            self.create(name)

    def remove(self, name):
        """Removes a folder with its mail, as a file manager would; folders below it stay. Its inode is not given away at once: one that
        is made in its place would be taken for it."""
        path = self.box(name)
        if os.stat(path).st_dev == os.stat(tempfile.gettempdir()).st_dev:
            _removed.append(os.open(os.path.join(path, 'cur'), os.O_RDONLY))
            if len(_removed) > 100:
                os.close(_removed.popleft())
        for sub in ('cur', 'new', 'tmp'):
            shutil.rmtree(os.path.join(path, sub))
        for rest in os.listdir(path):
            if os.path.isfile(os.path.join(path, rest)):
                os.unlink(os.path.join(path, rest))
        try:
            os.rmdir(path)
        except OSError:
            pass

    def rename(self, old, new):
        os.makedirs(os.path.dirname(self.box(new)), exist_ok=True)
        os.rename(self.box(old), self.box(new))

    def messages(self, name):
        path, found = self.box(name), []
        for sub in ('new', 'cur'):
            for file in sorted(os.listdir(os.path.join(path, sub))):
                if file.startswith('.'):
                    continue
                full = os.path.join(path, sub, file)
                try:
                    st = os.stat(full)
                    seen = (st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns)
                    if seen not in self.known:
                        with open(full, 'rb') as f:
                            data = f.read()
                        self.known[seen] = (serial_of(data), hashlib.sha256(canonical(data)).hexdigest()[:16],
                                            len(canonical(data)))
                except FileNotFoundError:
                    continue
                serial, digest, size = self.known[seen]
                info = re.search(r':2,([A-Za-z]*)', file)
                found.append(Mail(name, f'{sub}/{file}', frozenset(info.group(1) if info else ''),
                                  serial, digest, size))
        return found

    def data(self, mail):
        with open(os.path.join(self.box(mail.box), mail.key), 'rb') as f:
            return f.read()

    def _name(self, size):
        self.count += 1
        name = f'17{self.rng.randrange(10**8):08}.M{self.rng.randrange(10**6)}P{os.getpid()}Q{self.count}.host'
        style = self.style if self.style != 'mixed' else self.rng.choice(['plain', 'dovecot', 'mbsync'])
        if style == 'dovecot':
            name += f',S={size},W={size + 20}'
        elif style == 'mbsync':
            name += f',U={self.count}'
        return name

    def deliver(self, name, data, flags='', new=None, file=None, mtime=None):
        """Puts a message there; without flags and unless told otherwise it lands in new/."""
        file = file or self._name(len(data))
        if new is None:
            new = not flags
        part = os.path.join(self.box(name), 'tmp', file)
        with open(part, 'wb') as f:
            f.write(data)
        if mtime is not None:
            os.utime(part, (mtime, mtime))
        key = f'new/{file}' if new else f'cur/{file}:2,' + ''.join(sorted(flags))
        os.rename(part, os.path.join(self.box(name), key))
        return key

    def flag(self, mail, add='', remove=''):
        """Changes flags as a mail program does: by renaming, into cur/."""
        flags = (set(mail.flags) | set(add)) - set(remove)
        base = mail.key.split('/', 1)[1].split(':2,')[0]
        key = f'cur/{base}:2,' + ''.join(sorted(flags))
        os.rename(os.path.join(self.box(mail.box), mail.key), os.path.join(self.box(mail.box), key))
        return key

    def delete(self, mail):
        os.unlink(os.path.join(self.box(mail.box), mail.key))

    def move(self, mail, to, anew=False):
        """Renames the file into another folder; anew: writes a new file there and removes the old."""
        if anew:
            self.copy(mail, to)
            self.delete(mail)
            return
        base = mail.key.split('/', 1)[1]
        if ',U=' in base:                       # an mbsync UID is not valid in another folder
            base = re.sub(r',U=\d+', '', base)
        os.rename(os.path.join(self.box(mail.box), mail.key), os.path.join(self.box(to), 'cur', base))

    def copy(self, mail, to):
        self.deliver(to, self.data(mail), mail.flags, new=False)

    def look(self, mail):
        """A mail program opened the folder: new/ to cur/, no flag."""
        if mail.key.startswith('new/'):
            base = mail.key[4:]
            suffix = '' if ':2,' in base else ':2,'
            os.rename(os.path.join(self.box(mail.box), mail.key),
                      os.path.join(self.box(mail.box), 'cur', base + suffix))

    def still(self):
        """Everything about the files that a run without work must leave as it is."""
        seen = {}
        for top, folders, files in os.walk(self.path):
            st = os.stat(top)
            if os.path.basename(top) != 'tmp':
                seen[os.path.relpath(top, self.path)] = st.st_mtime_ns
            for file in files:
                st = os.lstat(os.path.join(top, file))
                seen[os.path.relpath(os.path.join(top, file), self.path)] = (
                    st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns)
        return seen


def utf7_encode(name):
    """A mailbox name for the wire (RFC 3501, 5.1.3)."""
    import base64
    out, wide = '', ''
    for c in name + '\0':
        if 0x20 <= ord(c) <= 0x7e or c == '\0':
            if wide:
                code = base64.b64encode(wide.encode('utf-16-be')).decode().rstrip('=').replace('/', ',')
                out, wide = out + '&' + code + '-', ''
            out += '&-' if c == '&' else c
        else:
            wide += c
    return out[:-1]


def utf7_decode(name):
    import base64

    def one(found):
        code = found.group(1).replace(',', '/')
        return base64.b64decode(code + '=' * (-len(code) % 4)).decode('utf-16-be') if code else '&'
    return re.sub(r'&([^-]*)-', one, name)


class ImapSide:
    """An account on a server, over a connection of its own. Names use / here, whatever the server does."""

    kind = 'imap'

    def __init__(self, server, user, tls=False):
        self.server = server
        self.user = server.login_name(user) if hasattr(server, 'login_name') else user
        self.tls = tls
        self._delimiter = None
        self.imap = server.connect(self.user, tls=tls)
        self.selected = None
        self.known = {}

    def store(self, name, more='', port=None, account=''):
        """Its section of a configuration, in clear text on loopback unless `tls`."""
        lines = [f'IMAPAccount {name}', 'Host 127.0.0.1', f'User {self.user}', 'Pass secret']
        if self.tls:
            lines += ['TLSType IMAPS', f'Port {port or self.server.tls_port}', f'CertificateFile "{self.server.ca}"']
        else:
            lines += ['TLSType None', f'Port {port or self.server.port}', 'AuthMechs LOGIN']
        if getattr(self.server, 'connections', 0):
            lines.append(f'Connections {self.server.connections}')
        return '\n'.join(lines) + f'\n{account}\nIMAPStore {name}\nAccount {name}\n{more}\n'

    def close(self):
        try:
            self.imap.logout()
        except (imaplib.IMAP4.error, OSError):
            pass

    def again(self):
        """A fresh connection."""
        self.close()
        self.imap = self.server.connect(self.user, tls=self.tls)
        self.selected = None

    def ok(self, answer, what):
        if answer[0] != 'OK':
            raise AssertionError(f'{what}: {answer}')
        return answer[1]

    def delimiter(self):
        if self._delimiter is None:
            line = self.ok(self.imap.list('""', '""'), 'LIST')[0]
            self._delimiter = re.search(rb'\) "([^"]*)"', line).group(1).decode()
        return self._delimiter

    def wire(self, name):
        if name.upper() != 'INBOX':
            name = getattr(self.server, 'prefix', '').replace('.', '/') + name
        return '"' + utf7_encode(name).replace('/', self.delimiter()).replace('\\', '\\\\').replace('"', '\\"') + '"'

    def select(self, name):
        # A new SELECT also shows what others changed meanwhile.
        self.ok(self.imap.select(self.wire(name)), f'SELECT {name}')
        self.selected = name

    def boxes(self):
        found = []
        for line in self.ok(self.imap.list(), 'LIST'):
            if line is None:
                continue
            if isinstance(line, tuple):         # the name came as a literal
                line = line[0][:line[0].rindex(b'{')] + line[1]
            attributes, name = re.fullmatch(rb'\(([^)]*)\) (?:"[^"]*"|NIL) (.*)', line).groups()
            name = name.decode().replace(self.delimiter(), '/')
            if name.startswith('"'):
                name = name[1:-1].replace('\\"', '"').replace('\\\\', '\\')
            if re.search(rb'\\(noselect|nonexistent)', attributes, re.I):
                continue
            prefix = getattr(self.server, 'prefix', '').replace('.', '/')
            found.append(utf7_decode(name.removeprefix(prefix)))
        return sorted(found)

    def create(self, name):
        answer = self.imap.create(self.wire(name))
        if answer[0] != 'OK' and b'exists' not in answer[1][0]:
            raise AssertionError(f'CREATE {name}: {answer}')

    def remove(self, name):
        if self.selected == name:
            self.imap.unselect() if 'UNSELECT' in self.imap.capabilities else self.imap.close()
            self.selected = None
        answer = self.imap.delete(self.wire(name))
        if b'exists' in (answer[1][0] or b''):      # Cyrus: two of one name within a second
            time.sleep(1.1)
            answer = self.imap.delete(self.wire(name))
        self.ok(answer, f'DELETE {name}')

    def rename(self, old, new):
        self.ok(self.imap.rename(self.wire(old), self.wire(new)), f'RENAME {old}')

    def messages(self, name):
        self.select(name)
        found = []
        if self.imap.untagged_responses.get('EXISTS', [b'0'])[-1] == b'0':
            return found
        flags = {}
        for line in self.ok(self.imap.uid('FETCH', '1:*', '(FLAGS)'), 'FETCH'):
            if line is None:
                continue
            uid = int(re.search(rb'UID (\d+)', line).group(1))
            words = re.search(rb'FLAGS \(([^)]*)\)', line).group(1).decode().split()
            flags[uid] = frozenset(LETTERS.get(next((k for k in LETTERS if k.lower() == w.lower()), ''), w)
                                   for w in words if w.lower() != '\\recent')
        # Cyrus gives mailboxes made within a second one UIDVALIDITY.
        validity = tuple(self.imap.untagged_responses.get(w, [b'0'])[-1] for w in ('UIDVALIDITY', 'MAILBOXID'))
        missing = [u for u in flags if (name, validity, u) not in self.known]
        for at in range(0, len(missing), 500):
            part = ','.join(map(str, missing[at:at + 500]))
            for line in self.ok(self.imap.uid('FETCH', part, '(BODY.PEEK[])'), 'FETCH'):
                if isinstance(line, tuple):
                    uid = int(re.search(rb'UID (\d+)', line[0]).group(1))
                    data = canonical(line[1])
                    self.known[name, validity, uid] = (
                        serial_of(data), hashlib.sha256(data).hexdigest()[:16], len(data))
        for uid in sorted(flags):
            if (name, validity, uid) in self.known:
                found.append(Mail(name, uid, flags[uid], *self.known[name, validity, uid]))
        return found

    def data(self, mail):
        self.select(mail.box)
        for line in self.ok(self.imap.uid('FETCH', str(mail.key), '(BODY.PEEK[])'), 'FETCH'):
            if isinstance(line, tuple):
                return canonical(line[1])
        raise AssertionError(f'no UID {mail.key} in {mail.box}')

    def date(self, mail):
        """INTERNALDATE as the server writes it."""
        self.select(mail.box)
        line = self.ok(self.imap.uid('FETCH', str(mail.key), '(INTERNALDATE)'), 'FETCH')[0]
        return re.search(rb'INTERNALDATE "([^"]*)"', line).group(1).decode()

    def deliver(self, name, data, flags='', date=None, **_):
        wire = canonical(data).replace(b'\n', b'\r\n')
        words = '(' + ' '.join(NAMES.get(f, f) for f in sorted(flags)) + ')'
        self.ok(self.imap.append(self.wire(name), words, date, wire), f'APPEND {name}')
        if flags and getattr(self.server, 'drops_flags', False):
            self.flag(max(self.messages(name), key=lambda m: m.key), add=flags)

    def flag(self, mail, add='', remove=''):
        self.select(mail.box)
        for sign, letters in (('+', add), ('-', remove)):
            if letters:
                words = '(' + ' '.join(NAMES.get(f, f) for f in letters) + ')'
                self.ok(self.imap.uid('STORE', str(mail.key), f'{sign}FLAGS.SILENT', words), 'STORE')
        self.save()

    def save(self):
        """A server may keep what was changed to itself until the mailbox is left."""
        if getattr(self.server, 'saves_late', False):
            self.ok(self.imap.unselect(), 'UNSELECT')
            self.selected = None

    def delete(self, mail):
        self.flag(mail, add='T')
        if 'UIDPLUS' in self.imap.capabilities:
            self.ok(self.imap.uid('EXPUNGE', str(mail.key)), 'UID EXPUNGE')
        else:
            # Others' \Deleted must survive a plain EXPUNGE.
            others = [m for m in self.messages(mail.box) if 'T' in m.flags and m.key != mail.key]
            for m in others:
                self.flag(m, remove='T')
            self.select(mail.box)
            self.ok(self.imap.expunge(), 'EXPUNGE')
            for m in others:
                self.flag(m, add='T')

    def move(self, mail, to, anew=False):
        self.select(mail.box)
        if 'MOVE' in self.imap.capabilities and not anew:
            self.ok(self.imap.uid('MOVE', str(mail.key), self.wire(to)), 'UID MOVE')
        else:
            self.copy(mail, to)
            self.delete(mail)

    def copy(self, mail, to):
        self.select(mail.box)
        self.ok(self.imap.uid('COPY', str(mail.key), self.wire(to)), 'UID COPY')

    def look(self, mail):
        self.select(mail.box)

    def still(self):
        seen = {}
        for name in self.boxes():
            words = '(MESSAGES UIDNEXT UIDVALIDITY' + (
                ' HIGHESTMODSEQ)' if 'CONDSTORE' in self.imap.capabilities else ')')
            # STATUS of a selected mailbox tells what this connection has noticed so far: SELECT first.
            for m in self.messages(name):
                seen[name, m.key] = (m.flags, m.digest)
            seen[name] = self.ok(self.imap.status(self.wire(name), words), 'STATUS')[0]
        return seen

    def settle(self):
        """Waits until two looks are alike: a server goes on with what a run that died had sent, and a mailbox that leaves under
        somebody's hands ends his session."""
        before, end = None, time.monotonic() + 20
        while time.monotonic() < end:
            try:
                now = self.still()
            except (imaplib.IMAP4.error, AssertionError, OSError):
                self.again()
                now = None
            if now is not None and now == before:
                return
            before = now
            time.sleep(.05)
        raise AssertionError(f'{self.user}: the server does not come to rest')


def picture(side, flags=True):
    """{box: Counter of (digest, flags)}: what must be the same on both sides."""
    return {box: collections.Counter((m.digest, m.flags if flags else None) for m in side.messages(box))
            for box in side.boxes()}


def summary(out):
    """The last line of what a run says of itself (-V)."""
    return next((line for line in reversed(out.split('\n')) if re.search(r'(Far|Near): \+', line)), '')


def carried(out):
    """How many messages it has copied to far and to near, by that."""
    return [int(n) for n in re.findall(r'(?:Far|Near): \+(\d+) ', summary(out))]


def serials(side):
    """Counter of (serial) over all boxes of a side."""
    return collections.Counter(m.serial for box in side.boxes() for m in side.messages(box))


def find(side, serial):
    return [m for box in side.boxes() for m in side.messages(box) if m.serial == serial]


def difference(far, near, names=('far', 'near')):
    """Words on how two sides differ; empty when they do not."""
    words = []
    a = {b: side_list(far, b) for b in far.boxes()}
    b = {x: side_list(near, x) for x in near.boxes()}
    for box in sorted(set(a) | set(b)):
        if box not in a or box not in b:
            words.append(f'{box}: only {names[0] if box in a else names[1]}')
            continue
        for side, other, name in ((a[box], b[box], names[0]), (b[box], a[box], names[1])):
            for (serial, digest, flags), n in sorted((side - other).items(), key=str):
                words.append(f'{box}: serial {serial} [{"".join(sorted(flags))}] {digest}: {n} more on {name}')
    return '\n'.join(words[:40])


def side_list(side, box):
    return collections.Counter((m.serial, m.digest, m.flags) for m in side.messages(box))


# The case --------------------------------------------------------------------------------------------

Run = collections.namedtuple('Run', 'code out err took')


class Case(unittest.TestCase):
    """A test with a home of its own. `self.far` and `self.near` are the sides, once made."""

    far = near = None
    maxDiff = None

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix=f'mailtwin-{self._testMethodName}-')
        self.home = os.path.join(self.dir, 'home')
        self.state = os.path.join(self.home, '.local/state/mailtwin')
        os.makedirs(self.home)
        self.config = os.path.join(self.dir, 'mbsyncrc')
        self.binary = program()
        self.addCleanup(self._unmount)
        self._mounts = []
        self._serial = 0

    def forget(self):
        """Called by the runner after a pass."""
        shutil.rmtree(self.dir, True)

    # Running

    def environment(self, env=None):
        e = {k: v for k, v in os.environ.items()
             if k in ('PATH', 'LANG', 'LC_ALL', 'TMPDIR') or k.endswith('SAN_OPTIONS')}
        e.update(HOME=self.home, XDG_CONFIG_HOME=os.path.join(self.home, '.config'),
                 XDG_STATE_HOME=os.path.join(self.home, '.local/state'), USER='tester',
                 ASAN_OPTIONS=f'exitcode={SANITIZER_EXIT}:detect_leaks=1:abort_on_error=0',
                 UBSAN_OPTIONS=f'exitcode={SANITIZER_EXIT}:print_stacktrace=1', TSAN_OPTIONS=f'exitcode={SANITIZER_EXIT}')
        e.update(env or {})
        return e

    def command(self, *args, config=True):
        return [self.binary, *(['-c', self.config] if config else []), *args]

    def spawn(self, *args, env=None, config=True, weak=False, has_terminal=False, **kw):
        """Starts the program and does not wait. weak: root without its power to read anything. has_terminal: its stdin is its /dev/tty."""
        def enter():
            os.setsid()
            if has_terminal:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            _libc.prctl(1, signal.SIGKILL)
            if weak and os.geteuid() == 0:
                for capability in (1, 2):       # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
                    if _libc.prctl(24, capability) != 0:
                        os._exit(97)
        kw.setdefault('stdout', subprocess.PIPE)
        kw.setdefault('stderr', subprocess.PIPE)
        kw.setdefault('stdin', subprocess.DEVNULL)
        p = subprocess.Popen(self.command(*args, config=config), env=self.environment(env), cwd=self.dir,
                             preexec_fn=enter, **kw)
        p.begin = time.monotonic()
        self.addCleanup(self._reap, p)
        return p

    def _reap(self, p):
        if p.poll() is None:
            p.kill()
        p.wait()
        for pipe in (p.stdout, p.stderr):
            if pipe:
                pipe.close()

    def finish(self, p, code=0, limit=RUN_LIMIT):
        """Waits for a spawned run and checks its exit code (an int, several, or None for any)."""
        try:
            out, err = p.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
            self._log(p, out, err)
            self.fail(f'{" ".join(p.args[1:])} did not end within {limit} s\n{err.decode(errors="replace")}')
        run = Run(p.returncode, out.decode(errors='replace'), err.decode(errors='replace'),
                  time.monotonic() - p.begin)
        self._log(p, out, err)
        if run.code == SANITIZER_EXIT or run.code in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS):
            self.fail(f'{" ".join(p.args[1:])} broke ({run.code}):\n{run.err}')
        wanted = (code,) if isinstance(code, int) else code
        if wanted is not None and run.code not in wanted:
            self.fail(f'{" ".join(p.args[1:])}: exit code {run.code}, wanted {code}\n'
                      f'stdout: {run.out}\nstderr: {run.err}')
        return run

    def _log(self, p, out, err):
        with open(os.path.join(self.dir, 'runs.log'), 'ab') as f:
            f.write(b'==== %s -> %s\n' % (' '.join(p.args[1:]).encode(), str(p.returncode).encode()))
            f.write(out or b'')
            f.write(err or b'')

    def mailtwin(self, *args, code=0, limit=RUN_LIMIT, **kw):
        return self.finish(self.spawn(*args, **kw), code, limit)

    def die(self, rng, longest=.15):
        """A run that ends in its midst: before a step that rng chooses, which another game of the seed does again; or killed
        within `longest` seconds, between steps as well."""
        if rng.random() < .5:
            run = self.sync(env={'MAILTWIN_STEP_EXIT': str(rng.randrange(1, 40))}, code=(0, 1, DIED))
        else:
            p = self.spawn('-a')
            time.sleep(rng.random() * longest)
            if p.poll() is None:
                os.kill(p.pid, signal.SIGKILL)
            run = self.finish(p, (0, 1, -signal.SIGKILL))
        for side in self.far, self.near:
            side.settle()
        return run

    # Setting up

    def shim(self, what):
        """The environment in which that is wrong with the machine (shim.c); the program is the one without sanitizers."""
        path = os.path.join(self.dir, 'shim.so')
        if not os.path.exists(path):
            source = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'shim.c')
            subprocess.run(['cc', '-shared', '-fPIC', '-w', '-o', path, source, '-ldl'], check=True)
        self.binary = program('MAILTWIN_FAST')
        return {'LD_PRELOAD': path, 'SHIM': what}

    def later(self, seconds):
        """The environment in which it is so much later."""
        return self.shim(f'later {seconds}')

    def write_config(self, text):
        with open(self.config, 'w') as f:
            f.write(text)
        os.chmod(self.config, 0o600)

    def maildir(self, name, **kw):
        return MaildirSide(os.path.join(self.dir, name), **kw)

    def pair(self, channel='', far=None, near=None, globals_='', far_store='', near_store='', patterns='*',
             policy='Create Both\nRemove Both\nExpunge Both\n'):
        """Two sides and a configuration with one channel, `c`, over all their folders."""
        self.far = far or self.far or self.maildir('far')
        self.near = near or self.near or self.maildir('near')
        self.write_config(
            f'{globals_}\n{self.far.store("far", far_store)}\n{self.near.store("near", near_store)}\n'
            f'Channel c\nFar :far:\nNear :near:\nPatterns {patterns}\n{policy}{channel}\n')

    def fill(self, side, box, n, flags='', **kw):
        """n new messages; returns their serials."""
        made = []
        for _ in range(n):
            self._serial += 1
            side.deliver(box, message(self._serial, **kw), flags)
            made.append(self._serial)
        return made

    def one(self, side, serial):
        found = find(side, serial)
        self.assertEqual(len(found), 1, f'serial {serial}')
        return found[0]

    def tmpfs(self, name, size):
        """A folder on a file system of `size` bytes; skips the test where none can be mounted."""
        path = os.path.join(self.dir, name)
        os.makedirs(path, exist_ok=True)
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size},mode=0700', 'tmpfs', path],
                              capture_output=True)
        if done.returncode != 0:
            self.skipTest('no tmpfs can be mounted here')
        self._mounts.append(path)
        return path

    def _unmount(self):
        for path in self._mounts:
            subprocess.run(['umount', '-l', path], capture_output=True)

    # Checking

    def assert_twins(self, far=None, near=None):
        words = difference(far or self.far, near or self.near)
        if words:
            self.fail('the sides differ:\n' + words)

    def state_still(self):
        """Files of the state: name -> (size, mtime, digest). Locks may be touched."""
        seen = {}
        for top, _, files in os.walk(self.state):
            for file in files:
                path = os.path.join(top, file)
                if 'lock' in file:
                    continue
                st = os.stat(path)
                with open(path, 'rb') as f:
                    seen[os.path.relpath(path, self.state)] = (
                        st.st_size, st.st_mtime_ns, hashlib.sha256(f.read()).hexdigest())
        return seen

    def sync(self, *args, code=0, **kw):
        return self.mailtwin(*(args or ('-a',)), code=code, **kw)

    def sync_twice(self, *args, code=0, twins=True, sides=None):
        """Syncs; then both sides are equal, a second run leaves them alone, a third writes nothing."""
        first = self.sync(*args, code=code)
        sides = sides or [self.far, self.near]
        if twins:
            self.assert_twins()
        before = [s.still() for s in sides]
        self.sync(*args, code=code)
        for side, was in zip(sides, before):
            self.assertEqual(was, side.still(), 'a second run changed a side')
        state = self.state_still()
        self.sync(*args, code=code)
        for side, was in zip(sides, before):
            self.assertEqual(was, side.still(), 'a third run changed a side')
        self.assertEqual(state, self.state_still(), 'a third run wrote to the state')
        return first
