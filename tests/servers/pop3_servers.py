"""Real POP3 servers: the Dovecot, Courier and GNU Mailutils of servers.py, courier.py and mailutils.py with their POP3 daemon beside or
in place of the IMAP one. `pop_port` and `pop_tls_port` are its ports; deliver() puts mail there as from outside, and left() tells with
Python's own POP3 client what is there."""
import itertools
import os
import poplib
import select
import time

from courier import Courier
from mailutils import Mailutils
from servers import Dovecot, PASSWORD, Process, START_LIMIT, ServerError, free_port, libraries, tree

_count = itertools.count(1)
poplib._MAXLINE = 1 << 20


class Pop3:
    def pop_login(self, user):
        limit = time.monotonic() + 10
        while True:
            pop = poplib.POP3('127.0.0.1', self.pop_port, timeout=30)
            pop.user(self.pop_user(user))
            try:
                pop.pass_(PASSWORD)
                return pop
            except poplib.error_proto as e:
                pop.close()
                # The session before may not have let go of the mailbox yet.
                if b'IN-USE' not in e.args[0] or time.monotonic() > limit:
                    raise
                select.select([], [], [], 0.05)

    def pop_user(self, user):
        return self.login_name(user)

    def left(self, user):
        """The messages there, as sent."""
        pop = self.pop_login(user)
        try:
            return [b'\r\n'.join(pop.retr(i + 1)[1]) + b'\r\n' for i in range(pop.stat()[0])]
        finally:
            pop.quit()

    def wait_for_pop(self):
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit:
            try:
                poplib.POP3('127.0.0.1', self.pop_port, timeout=5).quit()
                return
            except (OSError, poplib.error_proto):
                select.select([], [], [], 0.02)
        raise ServerError(f'the POP3 server of {self.name} did not start:\n{self.words()}')

    def put(self, folder, data):
        """A file of a Maildir on the server."""
        name = f'{int(time.time())}.M{next(_count):06d}P{os.getpid()}.test'
        with open(os.path.join(self.dir, folder, 'tmp', name), 'wb') as f:
            f.write(data)
        self._own_file(os.path.join(folder, 'tmp', name))
        os.rename(os.path.join(self.dir, folder, 'tmp', name), os.path.join(self.dir, folder, 'new', name))


class Pop3Dovecot(Pop3, Dovecot):
    def __init__(self, more='', **kw):
        self.pop_port, self.pop_tls_port = free_port(), free_port()
        super().__init__(more=f'''
protocols = imap pop3
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {self.pop_port}
  }}
  inet_listener pop3s {{
    port = {self.pop_tls_port}
    ssl = yes
  }}
}}
{more}
''', **kw)

    def start(self):
        super().start()
        self.wait_for_pop()
        return self

    def deliver(self, user, data):
        imap = self.connect(user)
        imap.append('INBOX', None, None, data)
        imap.logout()


class Pop3Courier(Pop3, Courier):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.pop_port, self.pop_tls_port = free_port(), free_port()

    def _launch(self):
        super()._launch()
        lib = f'{self.tree}/usr/lib/courier/courier'
        front = [f'{self.tree}/usr/sbin/couriertcpd', '-address=127.0.0.1', '-nodnslookup', '-noidentlookup', '-maxprocs=200',
                 '-maxperip=200', f'-stderr={self.log}']
        login = [f'{lib}/courierpop3login', f'{lib}/courierpop3d', 'Maildir']
        env = {'POP3_PROXY': '0', 'POP3AUTH': 'PLAIN LOGIN', 'POP3AUTH_TLS': 'PLAIN LOGIN', 'POP3_STARTTLS': 'YES', 'POP3_TLS_REQUIRED': '0',
               'POP3_TLS': '0'}
        tls = [f'{self.tree}/usr/bin/couriertls', '-server', '-tcpd']
        for argv, more in ((front + [str(self.pop_port), *login], {}),
                           (front + [str(self.pop_tls_port), *tls, *login], {'POP3_TLS': '1'})):
            part = Process()
            part._spawn(argv, env={**self.env, **env, **more}, user=(self.uid, self.gid), log=self.log)
            self.parts.append(part)

    def start(self):
        super().start()
        self.wait_for_pop()
        return self

    def deliver(self, user, data):
        self.add_user(user)
        self.put(f'home/{user}/Maildir', data.replace(b'\r\n', b'\n'))


class Pop3Mailutils(Pop3, Mailutils):
    """pop3d in place of imap4d."""

    def __init__(self, **kw):
        super().__init__(**kw)
        self.pop_port, self.pop_tls_port = self.port, self.tls_port

    def _launch(self):
        with open(self.conf) as f:
            text = f.read()
        text = '\n'.join(x for x in text.split('\n') if not x.startswith('namespace'))
        os.makedirs(f'{self.dir}/locks', exist_ok=True)
        self._own_file('locks')
        text += f'mandatory-locking {{ enable yes; lock-directory "{self.dir}/locks"; }}\n'
        self._write('pop3d.conf', text)
        self._own_file('pop3d.conf')
        self._argv = [f'{tree("mailutils")}/usr/sbin/pop3d', f'--config-file={self.dir}/pop3d.conf']
        self._env = {'PATH': '/usr/bin:/bin', 'TREE_KEEPS_GROUP': 'yes', **self._paths(libraries(tree('mailutils')), {})}
        super()._launch()

    def _wait(self):
        self.wait_for_pop()

    def deliver(self, user, data):
        self.add_user(user)
        self.put(f'home/{user}/INBOX', data.replace(b'\r\n', b'\n'))
