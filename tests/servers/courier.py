"""A private Courier IMAP: couriertcpd, imaplogin and imapd, with authdaemond and a userdb of its own."""
import os
import subprocess

from servers import PASSWORD, Process, Server, ServerError, libraries, tree


class Courier(Server):
    """Courier IMAP: Maildirs below a prefix INBOX., no CONDSTORE, no UIDNEXT at SELECT. add_user() before a login.
    without: capabilities not announced; settings: of its imapd, {'IMAP_KEYWORDS': 0}."""

    name = 'courier'
    prefix = 'INBOX.'
    ends_lines = True           # a message without an end of its last line gets one
    CAPABILITIES = ('IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA '
                    'IDLE').split()

    def __init__(self, certificate=None, without=(), settings=None):
        super().__init__(certificate)
        self.without, self.settings = without, settings or {}
        self.users = set()
        self.parts = []

    def mail_dir(self, user):
        return os.path.join(self.dir, 'home', user, 'Maildir')

    def start(self):
        self.tree = t = tree('courier')
        for name in ('home', 'run/authdaemon', 'etc'):
            os.makedirs(os.path.join(self.dir, name))
        self._copy_certificate()
        both = self._one_certificate_file()
        self._write('etc/authdaemonrc', 'authmodulelist="authuserdb"\ndaemons=2\nDEBUG_LOGIN=0\n')
        lib = os.path.join(t, 'usr/lib')
        shown = ' '.join(c for c in self.CAPABILITIES if c not in self.without)
        self.env = {
            'PATH': f'{t}/usr/bin:/usr/bin:/bin', 'TCPDOPTS': '', 'COURIERTLS': f'{t}/usr/bin/couriertls',
            'TLS_CERTFILE': both, 'IMAP_CAPABILITY': shown, 'IMAP_CAPABILITY_ORIG': shown,
            'IMAP_CAPABILITY_TLS': shown + ' AUTH=PLAIN', 'IMAP_CAPABILITY_TLS_ORIG': shown + ' AUTH=PLAIN',
            'IMAP_KEYWORDS': '1', 'IMAP_ACL': '1', 'IMAP_STARTTLS': 'NO', 'IMAP_TLS_REQUIRED': '0',
            'IMAP_CHECK_ALL_FOLDERS': '0', 'IMAP_USELOCKS': '1', 'IMAP_IDLE_TIMEOUT': '60',
            'IMAP_TRASHFOLDERNAME': 'Trash', 'IMAP_EMPTYTRASH': '', 'IMAP_DISABLETHREADSORT': '0',
            **{k: str(v) for k, v in self.settings.items()},
            **self._paths([lib, f'{lib}/courier-authlib', *libraries(t)],
                          {'/run/courier': f'{self.dir}/run', '/etc/courier': f'{self.dir}/etc',
                           '/usr/lib/courier-authlib': f'{lib}/courier-authlib'})}
        self._password = subprocess.run(['openssl', 'passwd', '-1', PASSWORD], capture_output=True, text=True,
                                        check=True).stdout.strip()
        self._user_database()
        self._own()
        self._launch()
        self._wait()
        return self

    def _one_certificate_file(self):
        """couriertls reads key and certificate from one file."""
        text = ''
        for name in ('key.pem', 'cert.pem'):
            with open(os.path.join(self.dir, name)) as f:
                text += f.read()
        path = self._write('both.pem', text)
        os.chmod(path, 0o600)
        return path

    def _launch(self):
        lib = f'{self.tree}/usr/lib/courier'
        login = [f'{lib}/courier/imaplogin', f'{self.tree}/usr/bin/imapd', 'Maildir']
        front = [f'{self.tree}/usr/sbin/couriertcpd', '-address=127.0.0.1', '-nodnslookup', '-noidentlookup',
                 '-maxprocs=200', '-maxperip=200', f'-stderr={self.log}']
        tls = [f'{self.tree}/usr/bin/couriertls', '-server', '-tcpd']
        self.parts = [Process(), Process()]
        for part, argv, env in (
                (self.parts[0], [f'{lib}/courier-authlib/authdaemond'], {}),
                (self.parts[1], front + [str(self.tls_port), *tls, *login], {'IMAP_TLS': '1'}),
                (self, front + [str(self.port), *login], {})):
            part._spawn(argv, env={**self.env, **env}, user=(self.uid, self.gid), log=self.log)

    def _stop_parts(self):
        for part in self.parts:
            part.stop()
        self.parts = []

    def stop(self):
        self._stop_parts()
        super().stop()

    def restart(self, change=None):
        self._stop_parts()
        super().restart(change)

    def _user_database(self):
        """Writes the users as Courier's userdb, as makeuserdb does."""
        entries = {
            'userdb': ''.join(f'{u}\tuid={self.uid}|gid={self.gid}|home={self.dir}/home/{u}|_=\n' for u in self.users),
            'userdbshadow': ''.join(f'{u}\timappw={self._password}|pop3pw={self._password}\n' for u in self.users)}
        for name, lines in entries.items():
            path = f'{self.dir}/etc/{name}.dat'
            done = subprocess.run([f'{self.tree}/usr/lib/courier/courier-authlib/makedatprog', '-', path + '.part', path],
                                  input=lines + '\n.\n', text=True, env=self.env, capture_output=True)
            if done.returncode != 0:
                raise ServerError(f'makedatprog: {done.stderr}')
            os.chmod(path, 0o600)
            self._own_file(f'etc/{name}.dat')

    def add_user(self, user):
        if user in self.users:
            return
        self.users.add(user)
        for path in (f'home/{user}', *(f'home/{user}/Maildir{d}' for d in ('', '/cur', '/new', '/tmp'))):
            os.mkdir(os.path.join(self.dir, path), 0o700)
            self._own_file(path)
        self._user_database()
