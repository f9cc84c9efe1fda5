"""Real servers that take mail: Postfix and OpenSMTPD of Debian, unpacked, each in a mount namespace of its own, in which its users, its folders and
its programs are where it looks for them. Only root can make one; READY says whether that may be. What is taken for PEOPLE@test.example is kept,
and taken() tells of it.

Both refuse no@test.example and say "later" to late@test.example; Postfix has a greylist besides (`greylisted`), and takes no more than `size` octets.
"""
import email
import email.policy
import os
import shutil
import smtplib
import socketserver
import subprocess
import threading
import time

from servers import PASSWORD, Server, ServerError, START_LIMIT, free_port, helper, libraries, tree

PEOPLE = ('bob', 'carol', 'dave')
DOMAIN = 'test.example'
READY = os.geteuid() == 0 and subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode == 0


def subject_of(data):
    return str(email.message_from_bytes(data, policy=email.policy.default)['Subject'])


class SmtpServer(Server):
    """`port` speaks STARTTLS, `tls_port` TLS; jane may log in."""

    users = ()

    def _place(self):
        """The people of the namespace, and the commands that make it."""
        for name, line in (('passwd', '{0}:x:{1}:{1}::/nonexistent:/usr/sbin/nologin'), ('group', '{0}:x:{1}:')):
            with open(f'/etc/{name}') as f:
                # Those of the machine that are called the same would come first.
                text = ''.join(x for x in f if x.partition(':')[0] not in self.users)
            self._write(name, text + ''.join(line.format(user, 4000 + i) + '\n' for i, user in enumerate(self.users)))
        os.chmod(self.dir, 0o755)
        return [f'mount --bind {self.dir}/{x} /etc/{x}' for x in ('passwd', 'group')]

    def _launch(self, commands, env):
        script = self._write('start', '#!/bin/sh\nset -e\n' + '\n'.join(commands) + '\n')
        self._spawn(['unshare', '-m', '--propagation', 'private', 'sh', script], env=env, user=(0, 0), log=self.log)
        self._wait_for_greeting()

    def _wait_for_greeting(self):
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                smtplib.SMTP('127.0.0.1', self.port, timeout=5).close()
                return
            except (OSError, smtplib.SMTPException):
                time.sleep(0.05)
        words = self.words()
        self.stop()
        raise ServerError(f'{self.name} did not start:\n{words}')

    def texts(self, who):
        """The messages that one of PEOPLE has, as files, in the order of their arrival."""
        found = []
        for sub in ('new', 'cur'):
            folder = os.path.join(self.dir, 'mail', who, sub)
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                path = os.path.join(folder, name)
                with open(path, 'rb') as f:
                    found.append((os.stat(path).st_mtime_ns, f.read()))
        return [data for _, data in sorted(found)]

    def taken(self, n=0):
        """(recipient, Subject) of all that was delivered, sorted, once there are n of them."""
        limit = time.monotonic() + 20
        while True:
            found = [(f'{who}@{DOMAIN}', subject_of(data)) for who in PEOPLE for data in self.texts(who)]
            if len(found) >= n or time.monotonic() > limit:
                return sorted(found)
            time.sleep(0.05)


class Greylist(socketserver.ThreadingTCPServer):
    """Postfix's policy protocol (SMTPD_POLICY_README): what comes for the first time is to come again, for those in `names`."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), GreylistRequest)
        self.port = self.server_address[1]
        self.seen, self.names = set(), set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class GreylistRequest(socketserver.StreamRequestHandler):
    def handle(self):
        asked = {}
        for line in self.rfile:
            name, _, value = line.decode().strip().partition('=')
            if name:
                asked[name] = value
                continue
            key = asked.get('sender'), asked.get('recipient')
            is_new = asked.get('recipient') in self.server.names and key not in self.server.seen
            self.server.seen.add(key)
            self.wfile.write(b'action=%s\n\n' % (b'DEFER_IF_PERMIT 4.2.0 greylisted' if is_new else b'DUNNO'))
            asked = {}


class Postfix(SmtpServer):
    name = 'postfix'
    users = ('postfix', 'postdrop')

    def start(self):
        t = tree('postfix')
        self.greylist = Greylist()
        self.tls_port = free_port()
        for name in ('queue', 'template', 'data', 'mail', 'sasl', 'etc', 'etc/sasl'):
            os.makedirs(os.path.join(self.dir, name), exist_ok=True)
        os.chown(os.path.join(self.dir, 'data'), 4000, 4000)
        os.chown(os.path.join(self.dir, 'mail'), 4000, 4000)
        for name in ('active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'private', 'saved', 'trace', 'maildrop', 'public',
                     'pid'):
            os.makedirs(os.path.join(self.dir, 'template', name), exist_ok=True)
            os.chown(os.path.join(self.dir, 'template', name), 0 if name == 'pid' else 4000, 4001 if name in ('maildrop', 'public') else 0)
        self._copy_certificate()
        self._write('etc/access', f'no@{DOMAIN} REJECT no such person\nlate@{DOMAIN} DEFER 4.7.1 come again\n')
        self._write('etc/people', ''.join(f'{who}@{DOMAIN} {who}/\n' for who in (*PEOPLE, 'no', 'late')))
        self._write('etc/sasl/smtpd.conf', f'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {self.dir}/sasl/db\nmech_list: PLAIN LOGIN '
                    'SCRAM-SHA-256\n')
        lib = f'{t}/usr/lib/postfix'
        paths = ':'.join([lib, *libraries(t)])
        self._write('etc/main.cf', f'''
compatibility_level = 3.6
daemon_directory = {lib}/sbin
command_directory = {t}/usr/sbin
shlib_directory = {lib}
meta_directory = {self.dir}/etc
queue_directory = {self.dir}/queue
data_directory = {self.dir}/data
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG LANG=C LD_LIBRARY_PATH={paths}
export_environment = LD_LIBRARY_PATH={paths}
maillog_file = {self.dir}/maillog
maillog_file_prefixes = {self.dir}
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.{DOMAIN}
mydestination =
alias_maps =
alias_database =
mynetworks =
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = texthash:{self.dir}/etc/people
virtual_mailbox_base = {self.dir}/mail
virtual_uid_maps = static:4000
virtual_gid_maps = static:4000
message_size_limit = 200000
smtpd_tls_cert_file = {self.dir}/cert.pem
smtpd_tls_key_file = {self.dir}/key.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_local_domain = mx.{DOMAIN}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{self.dir}/etc/access, check_policy_service inet:127.0.0.1:{self.greylist.port},
 permit_sasl_authenticated, reject
smtpd_delay_reject = yes
smtpd_error_sleep_time = 0
max_use = 1
''')
        self._write('etc/master.cf', f'''
127.0.0.1:{self.port} inet n - n - - smtpd
127.0.0.1:{self.tls_port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
virtual unix - n n - - virtual
retry unix - - n - - error
error unix - - n - - error
discard unix - - n - - discard
postlog unix-dgram n - n - 1 postlogd
''')
        shutil.copy(f'{t}/usr/share/postfix/dynamicmaps.cf', os.path.join(self.dir, 'etc'))
        self.log = os.path.join(self.dir, 'log')
        sasl = tree('cyrus')
        made = subprocess.run([f'{sasl}/usr/sbin/saslpasswd2', '-p', '-c', '-f', f'{self.dir}/sasl/db', '-u', f'mx.{DOMAIN}', 'jane'],
                              input=PASSWORD.encode(), capture_output=True, env={'LD_LIBRARY_PATH': ':'.join(libraries(sasl))})
        if made.returncode != 0:
            raise ServerError(made.stderr.decode())
        os.chown(os.path.join(self.dir, 'sasl/db'), 4000, 4000)
        env = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LD_LIBRARY_PATH': paths}
        # A disk of its own, so that it can be full.
        small = f'mount -t tmpfs -o size=16m,mode=755 tmpfs {self.dir}/queue && cp -a {self.dir}/template/. {self.dir}/queue/'
        self._launch(self._place() + [small, f'exec {lib}/sbin/master -d -c {self.dir}/etc'], env)
        return self

    def settings(self, **values):
        """Changes main.cf, for sessions that begin from now on: each has a process of its own."""
        with open(os.path.join(self.dir, 'etc/main.cf'), 'a') as f:
            f.write(''.join(f'{name} = {value}\n' for name, value in values.items()))

    def words(self):
        text = super().words()
        try:
            with open(os.path.join(self.dir, 'maillog')) as f:
                text += f.read()
        except OSError:
            pass
        return text

    def stop(self):
        super().stop()
        if hasattr(self, 'greylist'):
            self.greylist.shutdown()
            self.greylist.server_close()


class OpenSmtpd(SmtpServer):
    """Its processes have the key as own_key.c says. Nobody has to log in where it is not TLS from the first byte."""

    name = 'opensmtpd'
    users = ('opensmtpd', 'opensmtpq', 'vmail')

    def start(self):
        t = tree('opensmtpd')
        self.tls_port = free_port()
        self._copy_certificate()
        for name in ('spool', 'run', 'lib/empty', 'mail'):
            os.makedirs(os.path.join(self.dir, name), exist_ok=True)
        os.chmod(os.path.join(self.dir, 'spool'), 0o711)
        hashed = subprocess.run(['openssl', 'passwd', '-6', PASSWORD], capture_output=True, text=True, check=True).stdout.strip()
        os.chmod(self._write('logins', f'jane\t{hashed}\n'), 0o644)
        os.chown(os.path.join(self.dir, 'mail'), 4002, 4002)
        self.log = os.path.join(self.dir, 'log')
        os.chmod(self._write('people', ''.join(f'{who}@{DOMAIN}\tvmail\n' for who in PEOPLE)), 0o644)
        conf = self._write('smtpd.conf', f'''
table people file:{self.dir}/people
smtp max-message-size 200000
table logins file:{self.dir}/logins
pki here cert "{self.dir}/cert.pem"
pki here key "{self.dir}/key.pem"
listen on lo port {self.port} tls pki here auth-optional <logins>
listen on lo port {self.tls_port} smtps pki here auth <logins>
action "keep" maildir "{self.dir}/mail/%{{rcpt.user:lowercase}}" virtual <people>
match from any for domain "{DOMAIN}" action "keep"
''')
        paths = ':'.join(libraries(t))
        self._launch(self._place() + [
            f'mount -t tmpfs tmpfs /var/spool && mkdir /var/spool/smtpd && mount --bind {self.dir}/spool /var/spool/smtpd',
            f'mount --bind {self.dir}/run /run', f'mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/opensmtpd/empty',
            f'mount --bind {t}/usr/libexec /usr/libexec',
            f'exec {t}/usr/sbin/smtpd -d -f {conf}'], {
                'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LD_LIBRARY_PATH': paths, 'OWN_KEY': f'{self.dir}/key.pem',
                'LD_PRELOAD': helper('own_key.so', 'own_key.c', ('-fPIC', '-shared', '-ldl'))})
        return self
