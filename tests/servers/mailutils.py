"""A private imap4d of GNU Mailutils: users of a virtual domain with Maildirs."""
import os
import subprocess

from servers import PASSWORD, Server, libraries, tree

DOMAIN = 'mail'


class Mailutils(Server):
    """imap4d: no UIDPLUS, no keywords, no CONDSTORE; every answer is written in two parts. add_user() before a
    login. mail: how it keeps mail, `maildir` or `mbox`."""

    name = 'mailutils'
    saves_late = True           # others see a STORE when the mailbox has been left
    drops_flags = True          # of an APPEND
    connections = 1             # two that write to a mailbox at once give it another UIDVALIDITY

    def __init__(self, certificate=None, mail='maildir'):
        super().__init__(certificate)
        self.mail = mail
        self.users = set()

    def home(self, user):
        return os.path.join(self.dir, 'home', user)

    def start(self):
        t = tree('mailutils')
        for name in ('home', 'users'):
            os.makedirs(os.path.join(self.dir, name))
        self._copy_certificate()
        home = f'{self.dir}/home/${{user}}'
        self.conf = self._write('imap4d.conf', f'''
mode daemon;
foreground yes;
max-children 200;
logging {{ syslog no; severity info; }};
tcp-wrappers {{ enable no; }};
auth {{ authentication generic; authorization virtdomain; }};
virtdomain {{ passwd-dir "{self.dir}/users"; }};
mailbox {{ mailbox-pattern "{self.mail}:{home}/INBOX"; mailbox-type {self.mail}; }};
namespace personal {{ prefix "" {{ directory "{home}/mail"; delimiter "/"; mailbox-type {self.mail}; }}; }};
tls {{ ssl-certificate-file "{self.dir}/cert.pem"; ssl-key-file "{self.dir}/key.pem"; }};
server 127.0.0.1:{self.port} {{ tls-mode no; }};
server 127.0.0.1:{self.tls_port} {{ tls-mode connection; }};
''')
        self._password = subprocess.run(['openssl', 'passwd', '-1', PASSWORD], capture_output=True, text=True,
                                        check=True).stdout.strip()
        self._argv = [f'{t}/usr/sbin/imap4d', f'--config-file={self.conf}']
        self._env = {'PATH': '/usr/bin:/bin', 'LD_LIBRARY_PATH': ':'.join(libraries(t))}
        self._own()
        self._launch()
        self._wait()
        return self

    def _launch(self):
        self._spawn(self._argv, env=self._env, user=(self.uid, self.gid), log=self.log)

    def add_user(self, user):
        if user in self.users:
            return
        self.users.add(user)
        # Before its first SELECT there would be no INBOX to append to.
        inbox = [f'home/{user}/INBOX{d}' for d in ('', '/cur', '/new', '/tmp')] if self.mail == 'maildir' else []
        for path in (f'home/{user}', f'home/{user}/mail', *inbox):
            os.mkdir(os.path.join(self.dir, path), 0o700)
            self._own_file(path)
        lines = ''.join(f'{u}:{self._password}:{self.uid}:{self.gid}:{u}:{self.home(u)}:/bin/sh\n' for u in self.users)
        self._write(f'users/{DOMAIN}', lines)
        self._own_file(f'users/{DOMAIN}')

    def login_name(self, user):
        self.add_user(user)
        return f'{user}@{DOMAIN}'
