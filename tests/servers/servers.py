"""Private mail servers for tests: Dovecot and Cyrus from unpacked packages (courier.py and mailutils.py
have two more), and a line that is slow, thin or breaks. Everything listens on 127.0.0.1 on free ports, keeps its data in a temporary folder,
is waited for by talking to it, and is stopped by pid; it also ends when the test process dies.

    with Dovecot(without=['QRESYNC']) as server:
        with Delay(server.port, rtt=50) as line: ...
        server.connect('alice')        # a logged-in imaplib.IMAP4

Any user name works on Dovecot, with PASSWORD; elsewhere add_user() makes one, and login_name() tells how
it is called. Run as root, the servers
run as `nobody`; otherwise as the user of the test.
"""
import atexit
import ctypes
import imaplib
import json
import os
import pwd
import grp
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, '.build')
PASSWORD = 'secret'
START_LIMIT = 30        # seconds until a server must answer
STOP_LIMIT = 10

imaplib._MAXLINE = 100_000_000

_libc = ctypes.CDLL(None, use_errno=True)
_running = []


class ServerError(Exception):
    pass


def run_as():
    """The (uid, gid) servers run as."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    user = pwd.getpwnam('nobody')
    return user.pw_uid, user.pw_gid


def _become(uid, gid):
    """For preexec_fn: drop to that user, lead a process group, die with the test."""
    parent = os.getpid()

    def enter():
        os.setsid()
        if os.geteuid() == 0 and uid != 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        _libc.prctl(1, signal.SIGTERM)          # PR_SET_PDEATHSIG; setuid would have cleared it
        if os.getppid() != parent:
            os._exit(1)
    return enter


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def _reachable(path, uid):
    """May another user walk to `path`?"""
    while True:
        mode = os.stat(path)
        if mode.st_uid != uid and not mode.st_mode & 1:
            return False
        if path == '/':
            return True
        path = os.path.dirname(path)


def libraries(t):
    """The library folders of a tree."""
    found = []
    for lib in (os.path.join(t, 'usr/lib'), os.path.join(t, 'lib')):
        if os.path.isdir(lib):
            found += [os.path.join(lib, m) for m in os.listdir(lib) if '-linux-' in m]
    return found


_copies = {}


def tree(name):
    """The folder of an unpacked server, one its user can reach."""
    path = os.path.join(BUILD, 'servers', name)
    if not os.path.exists(os.path.join(path, '.done')):
        raise ServerError(f'{path} is not unpacked: run `make deps`')
    uid, _ = run_as()
    if _reachable(path, uid):
        return path
    if name not in _copies:
        top = tempfile.mkdtemp(prefix='mailtwin-tree-')
        os.chmod(top, 0o755)
        atexit.register(shutil.rmtree, top, True)
        _copies[name] = os.path.join(top, name)
        shutil.copytree(path, _copies[name], symlinks=True)
    return _copies[name]


def helper(name, source, flags=()):
    """A small C program of this folder, built when it is missing or old."""
    out = os.path.join(BUILD, name)
    source = os.path.join(HERE, source)
    if not os.path.exists(out) or os.path.getmtime(out) < os.path.getmtime(source):
        os.makedirs(BUILD, exist_ok=True)
        part = f'{out}.{os.getpid()}'
        subprocess.run(['cc', '-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', *flags,
                        '-o', part, source], check=True)
        os.replace(part, out)
    return out


class Authority:
    """An own certificate authority; certificates are made when asked for."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='mailtwin-ca-')
        os.chmod(self.dir, 0o755)
        atexit.register(shutil.rmtree, self.dir, True)
        self.ca = os.path.join(self.dir, 'ca.pem')
        self._key = os.path.join(self.dir, 'ca.key')
        self._openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                      '-keyout', self._key, '-out', self.ca, '-days', '30', '-subj', '/CN=mailtwin test CA')

    def _openssl(self, *args):
        done = subprocess.run(['openssl', *args], cwd=self.dir, capture_output=True, text=True)
        if done.returncode != 0:
            raise ServerError(f'openssl {args[0]}: {done.stderr}')

    def certificate(self, names=('DNS:localhost', 'IP:127.0.0.1'), days=30):
        """(certificate, key) for these names; days < 0: expired."""
        stem = os.path.join(self.dir, f'{abs(hash((tuple(names), days))):x}')
        if not os.path.exists(stem + '.pem'):
            with open(stem + '.ext', 'w') as f:
                f.write('subjectAltName=' + ','.join(names) + '\n')
            self._openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                          '-keyout', stem + '.key', '-out', stem + '.csr',
                          '-subj', '/CN=' + names[0].split(':', 1)[1])
            self._openssl('x509', '-req', '-in', stem + '.csr', '-CA', self.ca, '-CAkey', self._key,
                          '-CAcreateserial', '-days', str(days), '-extfile', stem + '.ext',
                          '-out', stem + '.pem')
        return stem + '.pem', stem + '.key'


_authority = None


def authority():
    global _authority
    if _authority is None:
        _authority = Authority()
    return _authority


class Process:
    """A child with a life of its own; a context manager. Subclasses say how it starts."""

    process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _spawn(self, argv, env=None, user=None, log=None, **kw):
        uid, gid = user or (os.geteuid(), os.getegid())
        out = open(log, 'ab') if log else subprocess.DEVNULL
        kw.setdefault('stdout', out)
        kw.setdefault('stdin', subprocess.DEVNULL)
        self.process = subprocess.Popen(argv, stderr=out, env=env, preexec_fn=_become(uid, gid), **kw)
        if log:
            out.close()
        _running.append(self)

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                pass
        # What the leader left behind in its group ends with it.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process = None
        if self in _running:
            _running.remove(self)


def stop_all():
    for server in list(_running):
        server.stop()


atexit.register(stop_all)


class Server(Process):
    """What both servers share: a folder, two ports, a certificate, users."""

    def __init__(self, certificate=None):
        self.uid, self.gid = run_as()
        self.user = pwd.getpwuid(self.uid).pw_name
        self.group = grp.getgrgid(self.gid).gr_name
        self.dir = tempfile.mkdtemp(prefix=f'mailtwin-{self.name}-')
        self.port, self.tls_port = free_port(), free_port()
        self.certificate, self.key = certificate or authority().certificate()
        self.ca = authority().ca
        self.log = os.path.join(self.dir, 'log')

    def _copy_certificate(self):
        for source, name in ((self.certificate, 'cert.pem'), (self.key, 'key.pem')):
            shutil.copy(source, os.path.join(self.dir, name))
            os.chmod(os.path.join(self.dir, name), 0o600)

    def _own(self):
        """Gives the whole folder, and the log it will have, to the server's user."""
        open(self.log, 'a').close()
        if os.geteuid() == 0:
            for top, folders, files in os.walk(self.dir):
                os.chown(top, self.uid, self.gid)
                for name in files:
                    os.chown(os.path.join(top, name), self.uid, self.gid)

    def _own_file(self, name):
        if os.geteuid() == 0:
            os.chown(os.path.join(self.dir, name), self.uid, self.gid)

    def _paths(self, folders, elsewhere):
        """An environment for programs of a tree: folders of libraries, and {path: where it is instead}."""
        shim = os.path.join(self.dir, 'tree.so')
        shutil.copy(helper('tree.so', 'tree.c', ('-fPIC', '-shared', '-ldl')), shim)
        return {'LD_LIBRARY_PATH': ':'.join(folders), 'LD_PRELOAD': shim,
                'TREE_PATHS': ':'.join(f'{a}={b}' for a, b in elsewhere.items())}

    def _write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, 'w') as f:
            f.write(text)
        return path

    def _wait(self):
        """Returns once the server greets and a login is answered."""
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                break
            try:
                imap = imaplib.IMAP4('127.0.0.1', self.port, timeout=5)
                imap.shutdown()
                return
            except (OSError, imaplib.IMAP4.error):
                select.select([], [], [], 0.02)
        words = self.words()
        self.stop()
        raise ServerError(f'{self.name} did not start:\n{words}')

    def login_name(self, user):
        """How this user is called at login; the mailbox of a new one is made where it must be."""
        if hasattr(self, 'add_user'):
            self.add_user(user)
        return user

    def words(self):
        """What the server wrote to its log."""
        try:
            with open(self.log, errors='replace') as f:
                return f.read()
        except OSError:
            return ''

    def connect(self, user, password=PASSWORD, tls=False):
        """A logged-in imaplib connection."""
        if tls:
            imap = imaplib.IMAP4_SSL('127.0.0.1', self.tls_port, timeout=60,
                                     ssl_context=ssl.create_default_context(cafile=self.ca))
        else:
            imap = imaplib.IMAP4('127.0.0.1', self.port, timeout=60)
        imap.login(user, password)
        _, lines = imap.capability()
        imap.capabilities = tuple(lines[-1].decode().upper().split())
        return imap

    def stop(self):
        super().stop()
        shutil.rmtree(self.dir, True)

    def restart(self, change=None):
        """Stops, calls change(), starts again on the same data and ports."""
        Process.stop(self)
        if change:
            change()
        self._launch()
        self._wait()


DOVECOT_CAPABILITIES = (
    'IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS '
    'THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS '
    'LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH '
    'LIST-STATUS BINARY MOVE SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE SPECIAL-USE '
    'LITERAL+ NOTIFY COMPRESS=DEFLATE').split()

# Servers as poor as they come, by steps.
NO_QRESYNC = ('QRESYNC',)
NO_CONDSTORE = NO_QRESYNC + ('CONDSTORE',)
POOR = NO_CONDSTORE + ('UIDPLUS', 'MOVE', 'LIST-STATUS', 'LITERAL+', 'MULTIAPPEND', 'ESEARCH', 'ENABLE',
                       'COMPRESS=DEFLATE', 'LIST-EXTENDED', 'SPECIAL-USE', 'SASL-IR', 'NOTIFY', 'SEARCHRES', 'SAVEDATE')
NO_NAMESPACE = POOR + ('NAMESPACE',)


class Dovecot(Server):
    """without: capabilities not announced. mail: `maildir`, `sdbox` or `mdbox`. separator: of the
    hierarchy. mechanisms: SASL. more: lines put into the configuration."""

    name = 'dovecot'

    def __init__(self, without=(), mail='sdbox', separator='/', mechanisms='plain login cram-md5 '
                 'scram-sha-1 scram-sha-256', more='', certificate=None, plaintext=True):
        super().__init__(certificate)
        self.without, self.mail, self.separator = without, mail, separator
        self.mechanisms, self.more, self.plaintext = mechanisms, more, plaintext

    def home(self, user):
        return os.path.join(self.dir, 'home', user)

    def mail_dir(self, user):
        """Where the user's mail lies on the server."""
        return os.path.join(self.home(user), 'mail')

    def start(self):
        t = tree('dovecot')
        os.makedirs(os.path.join(self.dir, 'home'))
        self._copy_certificate()
        shown = ' '.join(c for c in DOVECOT_CAPABILITIES if c not in self.without)
        lib = os.path.join(t, 'usr/lib')
        self.paths = self._paths(
            libraries(t) + [f'{lib}/dovecot', f'{lib}/dovecot/modules', f'{lib}/dovecot/modules/old-stats'],
            {path: t + path for path in ('/usr/lib/dovecot', '/usr/bin/doveconf')})
        environment = ' '.join(f'{k}={v}' for k, v in self.paths.items())
        layout = ':LAYOUT=fs' if self.mail == 'maildir' and self.separator == '/' else ''
        self.conf = self._write('dovecot.conf', f'''
base_dir = {self.dir}/run
state_dir = {self.dir}/run
log_path = {self.log}
libexec_dir = {lib}/dovecot
mail_plugin_dir = {lib}/dovecot/modules
import_environment = TZ {environment}
protocols = imap
listen = 127.0.0.1
default_internal_user = {self.user}
default_internal_group = {self.group}
default_login_user = {self.user}
first_valid_uid = {self.uid}
first_valid_gid = {self.gid}
default_vsz_limit = 0
mail_location = {self.mail}:~/mail{layout}
mail_fsync = never
namespace inbox {{
  inbox = yes
  separator = {self.separator}
}}
ssl = yes
ssl_cert = <{self.dir}/cert.pem
ssl_key = <{self.dir}/key.pem
disable_plaintext_auth = {'no' if self.plaintext else 'yes'}
auth_mechanisms = {self.mechanisms}
auth_failure_delay = 0
imap_capability = {shown}
mail_max_userip_connections = 100
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={self.uid} gid={self.gid} home={self.dir}/home/%u
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = {self.tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap {{
  service_count = 100
}}
service auth {{
  client_limit = 2000
}}
mail_plugins = zlib
protocol imap {{
  mail_plugins = zlib imap_zlib
}}
{self.more}
''')
        self._own()
        self._launch()
        self._wait()
        return self

    def _launch(self):
        self._spawn([os.path.join(tree('dovecot'), 'usr/sbin/dovecot'), '-F', '-c', self.conf],
                    env={'PATH': '/usr/bin:/bin', **self.paths}, user=(self.uid, self.gid),
                    log=self.log)


class Cyrus(Server):
    """Real Cyrus. add_user() before a login. munge: 8-bit bytes in a header are stored as X, Cyrus's default;
    a message is then not what was sent."""

    name = 'cyrus'

    def __init__(self, certificate=None, munge=False, more=''):
        super().__init__(certificate)
        self.munge, self.more = munge, more
        self.users = set()

    def start(self):
        t = tree('cyrus')
        d = self.dir
        for name in ('conf/proc', 'conf/socket', 'conf/log', 'conf/db', 'conf/msg', 'spool', 'sieve'):
            os.makedirs(os.path.join(d, name))
        self._copy_certificate()
        self.env = {'PATH': '/usr/bin:/bin', 'LD_LIBRARY_PATH': ':'.join(libraries(t))}
        conf = self._write('imapd.conf', f'''
configdirectory: {d}/conf
partition-default: {d}/spool
defaultpartition: default
cyrus_user: {self.user}
cyrus_group: {self.group}
admins: cyrus
servername: localhost
defaultdomain: localhost
virtdomains: off
altnamespace: yes
unixhierarchysep: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {d}/sasldb
sasl_mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
allowplaintext: yes
tls_server_cert: {d}/cert.pem
tls_server_key: {d}/key.pem
sievedir: {d}/sieve
idlesocket: {d}/conf/socket/idle
lmtpsocket: {d}/conf/socket/lmtp
notifysocket: {d}/conf/socket/notify
maxlogins_per_host: 0
skiplist_unsafe: yes
munge8bit: {'yes' if self.munge else 'no'}
{self.more}
''')
        imapd = f'{t}/usr/lib/cyrus/bin/imapd -C {conf}'
        services = self._write('cyrus.conf', f'''
START {{
  recover cmd="{t}/usr/lib/cyrus/bin/ctl_cyrusdb -C {conf} -r"
}}
SERVICES {{
  imap cmd="{imapd}" listen="127.0.0.1:{self.port}" prefork=1
  imaps cmd="{imapd} -s" listen="127.0.0.1:{self.tls_port}" prefork=0
}}
EVENTS {{
}}
''')
        self._password('cyrus')
        self._own()
        self._argv = [f'{t}/usr/lib/cyrus/bin/master', '-C', conf, '-M', services, '-p', f'{d}/pid', '-D']
        self._launch()
        self._wait()
        return self

    def _launch(self):
        self._spawn(self._argv, env=self.env, user=(self.uid, self.gid), log=self.log)

    def _password(self, user):
        done = subprocess.run([os.path.join(tree('cyrus'), 'usr/sbin/saslpasswd2'), '-p', '-c',
                               '-f', os.path.join(self.dir, 'sasldb'), '-u', 'localhost', user],
                              input=PASSWORD, text=True, env=self.env, capture_output=True)
        if done.returncode != 0:
            raise ServerError(f'saslpasswd2: {done.stderr}')

    def add_user(self, user):
        if user in self.users:
            return
        self._password(user)
        self._own_file('sasldb')
        admin = self.connect('cyrus')
        answer, words = admin.create(f'user/{user}')
        if answer != 'OK':
            raise ServerError(f'cyrus: create user/{user}: {words}')
        admin.logout()
        self.users.add(user)


class Delay(Process):
    """The line of delay.c before a server's port. Options as there; `stats()` are its counters."""

    def __init__(self, port, rtt=0, rate=0, cut=None, lose=None, last=False, listen=None):
        self.argv = [helper('delay', 'delay.c'), '-r', str(rtt), '-b', str(rate)]
        if cut:
            self.argv += ['-c', cut]
        if lose:
            self.argv += ['-l', lose]
        if last:
            self.argv += ['-x']
        if listen:
            self.argv += ['-p', str(listen)]
        self.argv += ['127.0.0.1', str(port)]

    def start(self):
        self._spawn(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        return self

    def _say(self, word):
        self.process.stdin.write(word + '\n')
        self.process.stdin.flush()

    def stats(self):
        self._say('stats')
        return json.loads(self.process.stdout.readline())

    def reset(self):
        self._say('reset')
