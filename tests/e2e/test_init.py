"""mailtwin init: from an address to a configuration that works, whoever says which servers it has; and what strangers say is neither
believed nor executed. The network is a resolver and a web server of the test (servers/discovery.py)."""
import base64
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time

import smtp_servers
from accounts import Account
from discovery import Discovery
from lib import MaildirSide
from servers import authority
from test_outbox import mail
from test_outbox_real import server as postfix

ADDRESS = 'jane@example.test'


def autoconfig(*servers, more=''):
    """(type, host, port, socket type, login, authentication)"""
    text = '<?xml version="1.0"?>\n<clientConfig version="1.1">\n <emailProvider id="example.test">\n  <domain>example.test</domain>\n'
    for kind, host, port, tls, login, how in servers:
        element = 'outgoingServer' if kind == 'smtp' else 'incomingServer'
        text += (f'  <{element} type="{kind}"><hostname>{host}</hostname><port>{port}</port><socketType>{tls}</socketType>'
                 f'<username>{login}</username><authentication>{how}</authentication></{element}>\n')
    return text + f'  {more}\n </emailProvider>\n</clientConfig>\n'


IMAP = ('imap', 'imap.example.test', 993, 'SSL', '%EMAILADDRESS%', 'password-cleartext')
SMTP = ('smtp', 'smtp.example.test', 465, 'SSL', '%EMAILLOCALPART%', 'password-cleartext')
AT_DOMAIN = ('autoconfig.example.test', '/mail/config-v1.1.xml')
WELL_KNOWN = ('example.test', '/.well-known/autoconfig/mail/config-v1.1.xml')
ISPDB = ('autoconfig.thunderbird.net', '/v1.1/example.test')
PACC = ('ua-auto-config.example.test', '/.well-known/user-agent-configuration.json')
NAMES = [host for host, _ in (AT_DOMAIN, WELL_KNOWN, ISPDB, PACC)]


class Init(Account):
    def setUp(self):
        super().setUp()
        self.place = os.path.join(self.home, '.config/mailtwin/mbsyncrc')
        self.bin = os.path.join(self.dir, 'bin')
        os.makedirs(self.bin)
        # `pass`, as PassCmd finds it, and no key ring of a session.
        os.makedirs(os.path.join(self.home, '.password-store'))
        self.program('pass', 'case $1 in show) cat "$HOME/stored" ;; insert) read word; echo "$word" >"$HOME/stored" ;; esac')
        with open(os.path.join(self.home, 'stored'), 'w') as f:
            f.write('secret\n')

    def program(self, name, script):
        path = os.path.join(self.bin, name)
        with open(path, 'w') as f:
            f.write('#!/bin/sh\n' + script + '\n')
        os.chmod(path, 0o755)

    def env(self, net=None, **more):
        return {'PATH': self.bin + ':/usr/bin:/bin', **(net.environment() if net else {}), **more}

    def init(self, net, *args, code=0, address=ADDRESS, **kw):
        return self.mailtwin('init', *args, address, code=code, config=False, env=self.env(net, **kw))

    def proposal(self, documents=None, records=None, code=0, address=ADDRESS, **kw):
        """What is printed, with nobody to ask: nothing is written."""
        with Discovery(documents, records, names=NAMES) as net:
            run = self.init(net, code=code, address=address, **kw)
        self.assertFalse(os.path.exists(self.place))
        if code == 0:
            self.parses(run.out)
        self.asked, self.got = net.asked, net.got
        return run

    def parses(self, text):
        self.write_config(text)
        done = self.mailtwin('check-config')
        self.assertEqual(done.err, '')
        return done.out

    def stands(self, run, *lines):
        for line in lines:
            self.assertIn('\n' + line + '\n', '\n' + run.out)


class Found(Init):
    """Who says which servers there are."""

    def test_autoconfig(self):
        run = self.proposal({AT_DOMAIN: autoconfig(IMAP, SMTP)})
        self.stands(run, 'IMAPAccount example', 'Host imap.example.test', 'User jane@example.test', 'PassCmd "pass show mail/example"',
                    'TLSType IMAPS', 'Path ~/Mail/example/', 'Create Both', 'Role All', 'SMTPAccount example-out', 'Host smtp.example.test',
                    'User jane', 'TLSType SMTPS', 'From jane@example.test')
        self.assertIn('found by the domain itself (autoconfig)', run.err)
        self.assertIn('nothing was written: with --yes', run.err)
        self.assertIn((AT_DOMAIN[0], AT_DOMAIN[1] + '?emailaddress=jane%40example.test'), self.got)

    def test_each_place_and_their_order(self):
        def at(name):
            return autoconfig(('imap', name + '.example.test', 993, 'SSL', '%EMAILADDRESS%', 'password-cleartext'))
        srv = {('_imaps._tcp.example.test', 'SRV'): ['10 5 993 low.example.test', '0 1 993 srv.example.test']}
        pacc = json.dumps({'protocols': {'imap': {'host': 'pacc.example.test'}, 'submit': {'host': 'out.example.test'}},
                           'authentication': {'password': True}, 'info': {'provider': {'name': 'x'}}})
        digest = base64.b64encode(hashlib.sha256(pacc.encode()).digest()).decode()
        txt = {('_ua-auto-config.example.test', 'TXT'): ['v=spf1 -all', f'v=UAAC1; a=sha256; d={digest}']}
        places, records = {ISPDB: at('ispdb'), WELL_KNOWN: at('known'), PACC: pacc}, {**srv, **txt}
        self.stands(self.proposal(places, records), 'Host pacc.example.test', 'Host out.example.test', 'TLSType SMTPS')
        self.stands(self.proposal(places, srv), 'Host known.example.test')
        del places[WELL_KNOWN]
        self.stands(self.proposal(places, srv), 'Host ispdb.example.test')
        del places[ISPDB]
        run = self.proposal(places, srv)
        self.stands(run, 'Host srv.example.test')
        self.assertNotIn('SMTPAccount', run.out)
        # Without its digest PACC is nothing, and that is told to who asks.
        run = self.proposal({PACC: pacc}, code=1, address='-V jane@example.test'.split()[1])
        self.assertIn('nobody says which servers', run.err)

    def test_dns_alone(self):
        records = {('_imap._tcp.example.test', 'SRV'): ['0 0 143 imap.example.test'], ('_imaps._tcp.example.test', 'SRV'): ['0 0 0 .'],
                   ('_submission._tcp.example.test', 'SRV'): ['0 0 587 smtp.example.test']}
        run = self.proposal(records=records)
        self.stands(run, 'Host imap.example.test', 'TLSType STARTTLS', 'Host smtp.example.test')
        self.assertNotIn('Port', run.out)
        self.assertNotIn('DNS can be forged', run.err)
        records[('_imap._tcp.example.test', 'SRV')] = ['0 0 143 imap.elsewhere.test']
        run = self.proposal(records=records)
        self.assertIn('DNS can be forged', run.err)
        with Discovery(records=records, names=NAMES) as net:
            run = self.init(net, '--yes', code=1)
        self.assertIn('they are not its own', run.err)
        self.assertFalse(os.path.exists(self.place))

    def test_domains_of_customers(self):
        run = self.proposal(records={('example.test', 'MX'): ['10 aspmx.l.google.com', '20 alt1.aspmx.l.google.com']})
        self.stands(run, 'IMAPAccount gmail', 'Host imap.gmail.com', 'User jane@example.test', 'SentCopy no',
                    'Patterns * "![Gmail]/All Mail" "![Gmail]/Important" "![Gmail]/Starred"')
        self.assertIn('apppasswords', run.err)

    def test_customers_of_somebody_less_known(self):
        """Thunderbird's database is asked about the first exchanger's domain, where nobody else has said anything."""
        mx = {('example.test', 'MX'): ['20 other.test', '10 mx1.mail.hoster.test']}
        place = ('autoconfig.thunderbird.net', '/v1.1/hoster.test')
        self.stands(self.proposal({place: autoconfig(IMAP[:1] + ('imap.hoster.test',) + IMAP[2:])}, mx), 'IMAPAccount example',
                    'Host imap.hoster.test', 'User jane@example.test')
        mx[('_imaps._tcp.example.test', 'SRV')] = ['0 0 993 imap.example.test']
        self.stands(self.proposal({place: autoconfig(IMAP[:1] + ('imap.hoster.test',) + IMAP[2:])}, mx), 'Host imap.example.test')
        self.assertNotIn(place, self.got)
        self.proposal({}, {('example.test', 'MX'): ['10 localhost', '5 .']}, code=1)

    def test_pop3_alone_and_token(self):
        self.stands(self.proposal({AT_DOMAIN: autoconfig(('pop3', 'pop.example.test', 995, 'SSL', 'x%EMAILLOCALPART%', 'password-cleartext'))}),
                    'POP3Store example-server', 'TLSType POP3S', 'User xjane')
        self.stands(self.proposal({AT_DOMAIN: autoconfig(IMAP[:5] + ('OAuth2',))}), 'AuthMechs XOAUTH2', 'PassCmd "oama access jane@example.test"')

    def test_known_providers(self):
        """Each row becomes a configuration that parses, and nobody is asked for it."""
        text = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../cmd/providers.c')).read()
        domains = re.findall(r'\.domains = "([^" ]+)', text)
        self.assertGreater(len(domains), 12)
        for domain in domains:
            with self.subTest(domain=domain):
                run = self.proposal(address=f'jane@{domain}')
                self.assertIn('Host ', run.out)
                self.assertEqual((self.asked, self.got), ([], []))

    def test_offline(self):
        with Discovery({AT_DOMAIN: autoconfig(IMAP)}, names=NAMES) as net:
            self.init(net, '--offline', code=1)
            self.assertEqual((net.asked, net.got), ([], []))

    def test_without_the_program_that_asks(self):
        shutil.copy(self.binary, os.path.join(self.dir, 'mailtwin'))
        self.binary = os.path.join(self.dir, 'mailtwin')
        run = self.proposal({AT_DOMAIN: autoconfig(IMAP)}, code=1)
        self.assertIn('mailtwin-discover is not installed', run.err)


class Strangers(Init):
    """What is not so is no offer, and ends nothing."""

    def nothing(self, *documents, records=None):
        for document in documents:
            with self.subTest(document=document[:200]):
                run = self.proposal({AT_DOMAIN: document}, records, code=1)
                self.assertEqual(run.out, '')
                self.assertIn('nobody says which servers example.test has', run.err)

    def test_values_and_documents_that_are_none(self):
        """Each kind in tests/unit/test_discover.c; here that nothing of it comes through to the end."""
        def one(host='imap.example.test', login='jane'):
            return autoconfig(('imap', host, 993, 'SSL', login, 'password-cleartext'))
        good = autoconfig(IMAP)
        self.nothing(one(host='imap.example.test\nPassCmd "touch /tmp/x"'), one(host='$(id)'), one(login='a\nPass x'), good[:-20], good + ' ' * 300000)

    def test_redirections(self):
        good = autoconfig(IMAP)
        there = ('there.test', '/a')
        for n, is_found in ((1, True), (3, True), (4, False)):
            documents = {AT_DOMAIN: (302, 'https://there.test/1'), ('there.test', f'/{n}'): good}
            documents.update({('there.test', f'/{i}'): (302, f'https://there.test/{i + 1}') for i in range(1, n)})
            self.proposal(documents, code=0 if is_found else 1)
        self.proposal({AT_DOMAIN: (302, 'http://there.test/a'), there: good}, code=1)
        self.proposal({AT_DOMAIN: (302, 'file:///etc/passwd')}, code=1)

    def test_certificates(self):
        """Of another name, or by nobody who is trusted: as if it were not there."""
        with Discovery({WELL_KNOWN: autoconfig(IMAP), AT_DOMAIN: autoconfig(IMAP)}) as net:
            net.https.RequestHandlerClass.documents = None
            other = Discovery(net.documents, names=())
        other.names = ['other.test']
        with other as net:
            self.init(net, code=1)
            self.assertEqual(net.got, [])
        with Discovery({AT_DOMAIN: autoconfig(IMAP)}, names=NAMES) as net:
            self.init(net, code=1, SSL_CERT_FILE='/dev/null')
            self.assertEqual(net.got, [])

    def test_silence(self):
        begun = time.monotonic()
        run = self.proposal({AT_DOMAIN: ('silent', b''), WELL_KNOWN: autoconfig(IMAP)}, MAILTWIN_DISCOVER_SECONDS='4')
        self.stands(run, 'Host imap.example.test')
        self.assertLess(time.monotonic() - begun, 20)

    def test_addresses_that_are_none(self):
        for address in ('jane', '@example.test', 'jane@', 'ja ne@example.test', 'jane@exa_mple.test', 'jane@-x.test', '-x@example.test', 'a"b@example.test',
                        'jane@example.test\nx', 'ja`id`@example.test', 'jane@grün.test', "ja'ne@example.test"):
            with self.subTest(address=address):
                run = self.mailtwin('init', '--', address, code=2, config=False, env=self.env())
                self.assertIn('no address', run.err)
        self.mailtwin('init', code=2, config=False, env=self.env())


class Written(Init):
    """And then it works."""

    def account_here(self, kind='dovecot', *more):
        self.far = self.account(kind, tls=True)
        s = self.far.server
        return autoconfig(('imap', 'localhost', s.tls_port, 'SSL', self.far.user, 'password-cleartext'), *more)

    def twins_and_quiet(self):
        """A run of what was written makes twins; a second finds nothing to do, and a third writes nothing."""
        env = self.env(SSL_CERT_FILE=authority().ca)
        self.mailtwin('-a', config=False, env=env)
        self.near = MaildirSide(os.path.join(self.home, 'Mail/example'))
        self.assert_twins()
        self.mailtwin('-a', config=False, env=env)
        before = self.state_still(), self.near.still()
        self.mailtwin('-a', config=False, env=env)
        self.assertEqual(before, (self.state_still(), self.near.still()))

    def test_each_server(self):
        """What is written works with any of them, names and roles as they have them."""
        for kind in ('cyrus', 'courier', 'dots'):
            with self.subTest(kind=kind):
                self.setUp()
                document = self.account_here(kind)
                self.far.create('Lists')
                self.fill(self.far, 'INBOX', 2, 'S')
                self.fill(self.far, 'Lists', 1)
                with Discovery({AT_DOMAIN: document}, names=NAMES) as net:
                    run = self.init(net, '--yes')
                self.assertRegex(run.out, r'(?m)^\d+ ok, 0 warnings, 0 errors$')
                self.twins_and_quiet()

    def test_and_postfix(self):
        """The account to send by is written, checked, and sends."""
        smtp = postfix(smtp_servers.Postfix)
        document = self.account_here('dovecot', ('smtp', 'localhost', smtp.tls_port, 'SSL', 'jane', 'password-cleartext'))
        with Discovery({AT_DOMAIN: document}, names=NAMES) as net:
            run = self.init(net, '--yes')
        self.assertRegex(run.out, r'(?m)^ok       account example-out: login: as jane, by SCRAM-SHA-256$')
        words = f'sent by init {os.getpid()}'
        env = self.env(SSL_CERT_FILE=authority().ca)
        self.mailtwin('-a', config=False, env=env)
        self.near = MaildirSide(os.path.join(self.home, 'Mail/example'))
        self.near.create('Outbox')
        self.near.deliver('Outbox', mail(words, to=f'bob@{smtp_servers.DOMAIN}', sender=ADDRESS))
        self.mailtwin('-a', config=False, env=env)
        end = time.monotonic() + 20
        while words not in [subject for _, subject in smtp.taken()] and time.monotonic() < end:
            select.select([], [], [], 0.05)
        self.assertIn(words, [subject for _, subject in smtp.taken()])
        self.assertEqual([m.flags for m in self.near.messages('Sent')], [frozenset('S')])

    def test_to_the_first_run(self):
        document = self.account_here()
        self.far.create('Lists')
        self.fill(self.far, 'INBOX', 3, 'S')
        with Discovery({AT_DOMAIN: document}, names=NAMES) as net:
            run = self.init(net, '--yes')
        self.assertEqual(os.stat(self.place).st_mode & 0o777, 0o600)
        with open(self.place) as f:
            self.assertIn(f.read(), run.out)
        self.assertRegex(run.out, r'(?m)^ok       account example: login: as ')
        self.assertRegex(run.out, r'(?m)^\d+ ok, 0 warnings, 0 errors$')
        self.assertIn('Lists', run.out)         # of the plan
        self.twins_and_quiet()
        # The same once more is told, and changes nothing.
        with open(self.place) as f:
            was = f.read()
        with Discovery({AT_DOMAIN: document}, names=NAMES) as net:
            again = self.init(net, '--yes', code=1)
        self.assertIn('has this account already (example): `mailtwin check`', again.err)
        with open(self.place) as f:
            self.assertEqual(f.read(), was)

    def test_beside_what_is_there(self):
        document = self.account_here()
        os.makedirs(os.path.dirname(self.place))
        with open(self.place, 'w') as f:
            f.write('IMAPStore example-server\nHost imap.example.org\nUser x\nPass y\n\nMaildirStore disk\nPath ~/Other/\nInbox ~/Other/INBOX\n\n'
                    'Channel first\nFar :example-server:\nNear :disk:')
        with open(self.place) as f:
            was = f.read()
        with Discovery({AT_DOMAIN: document}, names=NAMES) as net:
            run = self.init(net, '--yes')
        with open(self.place) as f:
            now = f.read()
        self.assertTrue(now.startswith(was + '\n\n# jane@example.test\n'), now)
        self.assertIn('Channel example-2\n', now)
        self.assertIn('appended to', run.err)
        self.mailtwin('check', 'example-2', config=False, env=self.env(SSL_CERT_FILE=authority().ca))

    def test_mbsyncs_file_stays(self):
        document = self.account_here()
        mbsync = os.path.join(self.home, '.mbsyncrc')
        with open(mbsync, 'w') as f:
            f.write('MaildirStore disk\nInbox ~/Other/INBOX\n')
        with Discovery({AT_DOMAIN: document}, names=NAMES) as net:
            run = self.init(net, '--yes')
        self.assertIn("is mbsync's", run.err)
        self.assertFalse(os.path.exists(self.place))
        with open(mbsync) as f:
            self.assertEqual(f.read(), 'MaildirStore disk\nInbox ~/Other/INBOX\n')

    def test_nothing_is_overwritten(self):
        document = self.account_here()
        os.makedirs(os.path.dirname(self.place))
        os.symlink('/nonexistent/elsewhere', self.place)
        with Discovery({AT_DOMAIN: document}, names=NAMES) as net:
            run = self.init(net, '--yes', code=(1, 2))
        self.assertIn('mbsyncrc', run.err)
        self.assertTrue(os.path.islink(self.place))

    def test_json(self):
        document = self.account_here()
        with Discovery({AT_DOMAIN: document}, names=NAMES) as net:
            run = self.init(net, '--yes', '--json')
        told = [json.loads(line) for line in run.out.splitlines()]
        self.assertEqual((told[0]['event'], told[0]['written'], told[0]['file']), ('init', True, self.place))
        self.parses(told[0]['config'])
        self.assertEqual(told[0]['before'], 'pass insert mail/example')
        self.assertIn('checked', [x['event'] for x in told])
        self.assertEqual(told[-1]['event'], 'run')

    def talk(self, *answers, env):
        """The program on a terminal of 80 columns: each answer once its question has come. What it said, and its exit code."""
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
        p = self.spawn('init', ADDRESS, config=False, stdin=child, stdout=child, stderr=child, has_terminal=True,
                       env={**env, 'TERM': 'dumb', 'NO_COLOR': '1'})
        os.close(child)
        text, todo, end = '', list(answers), time.monotonic() + 60
        while time.monotonic() < end:
            if not select.select([parent], [], [], 1)[0]:
                continue
            try:
                part = os.read(parent, 65536)
            except OSError:
                break
            if not part:
                break
            text += part.decode().replace('\r\n', '\n')
            if todo and todo[0][0] in text[text.rfind('\n') + 1:]:
                os.write(parent, todo.pop(0)[1].encode() + b'\n')
        os.close(parent)
        p.wait()
        self.assertEqual(todo, [], text)
        return text, p.returncode

    def test_on_a_terminal(self):
        self.far = self.account(tls=True)
        self.far.server.add_user('jane') if hasattr(self.far.server, 'add_user') else None
        os.unlink(os.path.join(self.home, 'stored'))
        with Discovery(names=NAMES) as net:
            text, code = self.talk(('IMAP server', 'no name'), ('IMAP server', f'localhost:{self.far.server.tls_port}'), ('SMTP server', ''),
                                   ('Write this to', 'what'), ('Write this to', 'y'), ('Store the password now', ''), ('', 'secret'),
                                   env=self.env(net))
        self.assertEqual(code, 0, text)
        self.assertIn('That is no name of a server.', text)
        for line in text.split('\n'):
            if '@' not in line and '?' not in line and '/' not in line:
                self.assertLessEqual(len(line), 80, line)
        self.assertIn('0 errors', text)
        with open(os.path.join(self.home, 'stored')) as f:
            self.assertEqual(f.read(), 'secret\n')

    def test_a_password_is_asked_for_once(self):
        """Where no command can keep it: check and plan, which follow each other, have it from one question."""
        self.far = self.account(tls=True)
        shutil.rmtree(os.path.join(self.home, '.password-store'))
        with Discovery(names=NAMES) as net:
            text, code = self.talk(('IMAP server', f'localhost:{self.far.server.tls_port}'), ('SMTP server', ''), ('Write this to', 'y'),
                                   ('Password of', 'secret'), env=self.env(net))
        self.assertEqual(code, 0, text)
        self.assertEqual(text.count('Password of'), 1, text)
        self.assertIn('0 errors', text)
        with open(self.place) as f:
            self.assertNotIn('secret', f.read())

    def test_no_is_no(self):
        document = self.account_here()
        with Discovery({AT_DOMAIN: document}, names=NAMES) as net:
            text, code = self.talk(('Write this to', 'n'), env=self.env(net))
        self.assertEqual(code, 0)
        self.assertFalse(os.path.exists(self.place))
        self.assertFalse(os.path.exists(os.path.join(self.home, 'Mail')))


class Start(Init):
    def test_no_library_more(self):
        """What discovery is made of is not loaded by mailtwin."""
        libraries = subprocess.run(['ldd', os.path.join(os.path.dirname(self.binary), 'mailtwin')], capture_output=True, text=True, check=True).stdout
        for name in ('curl', 'expat', 'jansson', 'resolv'):
            self.assertNotIn('lib' + name, libraries)
