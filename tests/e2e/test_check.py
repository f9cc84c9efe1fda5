"""mailtwin check: what is as it should be, what is not, and what to do; and nothing is changed on any side."""
import email.utils
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import termios
import time

import accounts
import test_outbox
from accounts import Account
from lib import program
from pop3_scripted import CAPABILITIES, Pop3Scripted
from pop3_servers import Pop3Courier, Pop3Dovecot
from scripted import Scripted
from servers import DOVECOT_CAPABILITIES, Dovecot, authority, free_port
from test_outbox_real import Real, server

QUOTA = ('imap_capability = ' + ' '.join(DOVECOT_CAPABILITIES) + ' QUOTA\nprotocol imap {\n  mail_plugins = zlib imap_zlib quota imap_quota\n}\nplugin {\n  quota = count:User quota\n  quota_vsizes = yes\n'
         '  quota_rule = *:storage=%s\n}\n')


class Check(Account):
    def check(self, *args, code=0, **kw):
        """Findings as {(where, what): [finding]}; nothing is changed anywhere."""
        sides = [s for s in (self.far, self.near) if s is not None]
        before = self.state_still(), [s.still() for s in sides]
        run = self.mailtwin('check', '--json', *args, code=code, **kw)
        self.assertEqual(before, (self.state_still(), [s.still() for s in sides]))
        told = [json.loads(line) for line in run.out.splitlines()]
        found = {}
        for one in told:
            if one['event'] == 'finding':
                self.assertEqual(sorted(one), ['event', 'level', 'remedy', 'text', 'what', 'where'])
                found.setdefault((one['where'], one['what']), []).append(one)
        self.assertEqual(told[-1]['event'], 'checked')
        self.assertEqual(told[-1]['exit'], run.code)
        for level, name in (('ok', 'ok'), ('warnings', 'warning'), ('errors', 'error')):
            self.assertEqual(told[-1][level], sum(f['level'] == name for fs in found.values() for f in fs))
        self.found = found
        return found

    def one(self, where, what, level='ok'):
        if isinstance(where, int):
            return super().one(where, what)
        found = [f for f in self.found.get((where, what), []) if f['level'] == level]
        self.assertEqual(len(found), 1, (where, what, self.found))
        return found[0]['text'], found[0]['remedy']

    def troubles(self):
        return sorted((w, k) for (w, k), fs in self.found.items() for f in fs if f['level'] != 'ok')

    def configure(self, far, channel='Patterns *\nCreate Both\n', more=''):
        self.near = self.near or self.maildir('near')
        self.write_config(f'{far}\n{self.near.store("near")}\nChannel c\nFar :far:\nNear :near:\n{channel}\n{more}')


class Healthy(Check):
    def test_dovecot(self):
        self.far = self.account(tls=True)
        self.far.create('Lists')
        self.configure(self.far.store('far'))
        self.check()
        self.assertEqual(self.troubles(), [])
        self.assertIn(('127.0.0.1', None), [self.one('account far', 'address')])
        self.assertRegex(self.one('account far', 'connection')[0], r'^IPv4, port \d+: 127.0.0.1 answers in \d+ ms$')
        self.assertRegex(self.one('account far', 'tls')[0], r'^TLSv1.3 TLS_')
        self.assertRegex(self.one('account far', 'certificate')[0], r'^of localhost, 127.0.0.1, issued by ".+", valid until \d{4}-\d\d-\d\d \d\d:\d\d UTC; '
                         r'trusted by the authority ".+" of CertificateFile$')
        self.assertEqual(self.one('account far', 'login')[0], f'as {self.far.user}, by SCRAM-SHA-256')
        self.assertEqual(self.one('account far', 'deltas')[0], 'only what changed travels, deletions too (QRESYNC); one answer tells how all mailboxes '
                         'stand (LIST-STATUS)')
        self.assertIn('QRESYNC', self.one('account far', 'capabilities')[0])
        self.assertEqual(self.one('account far', 'namespace')[0], 'names begin with nothing; levels are parted by /')
        self.assertEqual(self.one('account far', 'mailboxes')[0], '2')
        self.assertEqual(self.one('store near', 'directory')[0], self.near.path)
        self.assertIn('there is none yet', self.one('channel c', 'state')[0])
        self.sync_twice()
        self.check()
        self.assertRegex(self.one('channel c', 'state')[0], r'^/.*/c.mdb, \d+ kB, whole$')

    def test_ways_to_deltas(self):
        for kind, words in (('no-qresync', 'flags that changed travel (CONDSTORE)'), ('poor', 'all flags of a mailbox are read in each run'),
                            ('cyrus', 'only what changed travels'), ('courier', 'all flags of a mailbox are read'),
                            ('dots', 'only what changed travels')):
            with self.subTest(kind=kind):
                self.far = self.account(kind)
                self.configure(self.far.store('far'))
                self.check()
                self.assertIn(words, self.one('account far', 'deltas')[0])
                self.assertIn('none (TLSType None)', self.one('account far', 'tls', 'warning')[0])
                delimiter = self.far.delimiter()
                if kind != 'poor':
                    self.assertIn(f'levels are parted by {delimiter}', self.one('account far', 'namespace')[0])
                if kind == 'courier':
                    self.assertIn('names begin with "INBOX."', self.one('account far', 'namespace')[0])

    def test_roles_and_quota(self):
        special = 'namespace inbox {\n  mailbox "Sent Items" {\n    special_use = \\Sent\n    auto = create\n  }\n}\n'
        for kind, limit, level in (('quota', '1G', 'ok'), ('quota full', '3M', 'warning')):
            accounts.KINDS[kind] = lambda limit=limit: Dovecot(more=special + QUOTA % limit)
            self.far = self.account(kind)
            self.fill(self.far, 'INBOX', 1, size=3000000)
            self.configure(self.far.store('far'))
            self.check()
            self.assertEqual(self.one('account far', 'roles')[0], 'Sent is "Sent Items"')
            self.assertRegex(self.one('account far', 'quota', level)[0], r'^2 of 1024 MB are used \(0 %\)$' if level == 'ok' else
                             r'^2 of 3 MB are used \(9\d %\): soon the server takes no more$')

    def test_pop3(self):
        for kind in (Pop3Dovecot, Pop3Courier):
            with self.subTest(kind=kind.__name__), kind() as pop:
                pop.deliver('check', b'Subject: x\r\n\r\nx\r\n')
                self.near = None
                self.configure(f'POP3Store far\nHost 127.0.0.1\nPort {pop.pop_tls_port}\nUser {pop.pop_user("check")}\nPass secret\nTLSType POP3S\n'
                               f'CertificateFile {pop.ca}\n', channel='')
                self.check()
                # Courier has a LOGIN-DELAY.
                self.assertEqual(self.troubles(), [('store far', 'login')] if kind is Pop3Courier else [])
                self.assertEqual(self.one('store far', 'deltas')[0], 'the list is read in each run: 1 message now (UIDL)')
                self.assertIn('UIDL yes', self.one('store far', 'capabilities')[0])

    def test_terminal_of_40_and_80_columns(self):
        self.pair()
        for columns in (40, 80):
            with self.subTest(columns=columns):
                parent, child = pty.openpty()
                fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
                done = self.spawn('check', stdout=child, stderr=child, env={'TERM': 'xterm', 'NO_COLOR': '1'})
                os.close(child)
                text = b''
                while True:
                    try:
                        part = os.read(parent, 65536)
                    except OSError:
                        break
                    if not part:
                        break
                    text += part
                os.close(parent)
                done.wait()
                self.assertEqual(done.returncode, 0, text)
                lines = text.decode().replace('\r\n', '\n').split('\n')
                self.assertTrue(any(line.startswith('ok ') for line in lines), lines)
                for line in lines:
                    if max(map(len, line.split() or [''])) < columns - 9:
                        self.assertLessEqual(len(line), columns, line)
                # Nothing of it is lost.
                words = ' '.join(' '.join(lines).split())
                self.assertIn('store near: clock: no mailbox is ahead of it', words)


class Servers(Check):
    """What goes wrong with a server."""

    def test_unknown_name(self):
        self.configure('IMAPStore far\nHost no-such-host.invalid\nUser u\nPass p\n')
        self.check(code=75)
        self.assertIn('no-such-host.invalid: its address cannot be found: no such host', self.one('store far', 'address', 'error')[0]
                      if ('store far', 'address') in self.found else self.one('account far', 'address', 'error')[0])

    def test_nobody_listens(self):
        port = free_port()
        self.configure(f'IMAPAccount far\nHost 127.0.0.1\nPort {port}\nUser u\nPass p\n\nIMAPStore far\nAccount far\n')
        self.check(code=75)
        text, remedy = self.one('account far', 'connection', 'error')
        self.assertEqual(text, f'127.0.0.1:{port}: cannot connect: Connection refused (nothing listens on that port)')
        self.assertIn('Host and Port', remedy)

    def test_one_kind_of_address_only(self):
        """localhost has an address of each kind, and the server listens on one."""
        self.far = self.account()
        self.configure(self.far.store('far').replace('127.0.0.1', 'localhost'))
        self.check(env=self.shim('kinds'))
        self.assertEqual(self.one('account far', 'address')[0], 'localhost is ::1, 127.0.0.1')
        told = self.found['account far', 'connection']
        self.assertEqual([f['level'] for f in told if f['text'].startswith('IPv4, port')], ['ok'])
        self.assertEqual([('IPv6' in f['text'], 'the other addresses are used' in f['text']) for f in told if 'IPv4' not in f['text']], [(True, True)])

    def test_wrong_password(self):
        self.far = self.account(tls=True)
        self.configure(self.far.store('far').replace('Pass secret', 'Pass sesame'))
        self.check(code=77)
        self.assertIn('valid until', self.one('account far', 'certificate')[0])
        self.assertIn('refuses', self.one('account far', 'login', 'error')[0])
        self.assertNotIn('sesame', json.dumps(list(self.found.values())))

    def test_password_command_fails(self):
        self.far = self.account()
        self.configure(self.far.store('far').replace('Pass secret', 'PassCmd "exit 3"'))
        self.check(code=77)
        self.assertIn('PassCmd', self.one('account far', 'password', 'error')[1])
        self.assertIn('none yet', self.one('channel c', 'state')[0])

    def test_certificate_of_somebody_else(self):
        self.far = self.account(tls=True)
        self.configure(re.sub('CertificateFile.*\n', '', self.far.store('far')))
        self.check(code=77)
        self.assertIn("comes from an unknown issuer", self.one('account far', 'login', 'error')[0])

    def test_certificate_that_ends_soon(self):
        accounts.KINDS['soon'] = lambda: Dovecot(certificate=authority().certificate(days=3))
        self.far = self.account('soon', tls=True)
        self.configure(self.far.store('far'))
        self.check()
        self.assertIn('days', self.one('account far', 'certificate', 'warning')[0])

    def test_answers_that_say_nothing(self):
        """A server that does not speak IMAP costs its Timeout, and is named."""
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        self.configure(f'IMAPAccount far\nHost 127.0.0.1\nPort {listener.getsockname()[1]}\nUser u\nPass p\nTimeout 1\n\nIMAPStore far\nAccount far\n')
        self.check(code=75)
        self.assertEqual(self.troubles(), [('account far', 'login')])

    def test_clocks_in_greetings(self):
        """A date in IMAP's, the number of APOP's challenge in POP3's."""
        with Scripted(greeting=f'* OK [CAPABILITY {{caps}}] UW at {email.utils.formatdate(time.time() - 300)}\r\n') as imap:
            self.configure(f'IMAPAccount far\nHost 127.0.0.1\nPort {imap.port}\nUser tester\nPass secret\nTLSType None\nAuthMechs LOGIN PLAIN\n\n'
                           'IMAPStore far\nAccount far\n')
            self.check()
            self.assertRegex(self.one('account far', 'clock', 'warning')[0], r"^the server's is 30\d seconds behind that of this machine$")
        with Pop3Scripted(CAPABILITIES) as pop:
            pop.greeting = f'+OK <77.{int(time.time() + 300)}@pop.example.org>\r\n'.encode()
            self.configure(f'POP3Store far\nHost 127.0.0.1\nPort {pop.port}\nUser tester\nPass secret\nTLSType None\nAuthMechs PLAIN LOGIN\n', channel='')
            self.check()
            self.assertRegex(self.one('store far', 'clock', 'warning')[0], r"^the server's is \d+ seconds ahead of that of this machine$")

    def test_tunnel(self):
        self.far = self.account()
        script = os.path.join(self.dir, 'tunnel')
        with open(script, 'w') as f:
            f.write('#!/usr/bin/env python3\nimport os, socket, sys, threading\n'
                    f's = socket.create_connection(("127.0.0.1", {self.far.server.port}))\n'
                    'def up():\n    while True:\n        d = os.read(0, 4096)\n        if not d:\n            break\n        s.sendall(d)\n    s.shutdown(1)\n'
                    'threading.Thread(target=up, daemon=True).start()\n'
                    'while True:\n    d = s.recv(4096)\n    if not d:\n        break\n    os.write(1, d)\n')
        os.chmod(script, 0o755)
        store = f'IMAPAccount far\nTunnel "{{}}"\nUser {self.far.user}\nPass secret\nAuthMechs LOGIN\n\nIMAPStore far\nAccount far\n'
        self.configure(store.format(script))
        self.check()
        self.assertEqual(self.one('account far', 'connection')[0], 'by the command of Tunnel')
        self.assertEqual(self.troubles(), [])
        self.configure(store.format('/no/such/program x'))
        self.check(code=1)
        self.assertEqual(self.one('account far', 'config', 'error')[0], 'Tunnel cannot run: there is no program /no/such/program here')


class Places(Check):
    """What goes wrong on the disk."""

    def test_no_directory(self):
        self.pair()
        os.rename(self.near.path, self.near.path + '.away')
        self.far = self.near = None
        self.check(code=1)
        text, remedy = self.one('store near', 'directory', 'error')
        self.assertIn('is not there', text)
        self.assertRegex(remedy, "^mkdir -p /.*near/?$")
        subprocess.run(['sh', '-c', remedy], check=True)
        self.check()

    def test_not_to_be_written(self):
        self.pair()
        path = self.near.path
        os.chmod(path, 0o500)
        self.far = self.near = None
        self.check(code=1, weak=True)
        text, remedy = self.one('store near', 'permissions', 'error')
        self.assertIn('cannot be written', text)
        subprocess.run(['sh', '-c', remedy], check=True)
        self.check(weak=True)

    def test_written_by_others(self):
        self.pair()
        os.chmod(self.near.path, 0o777)
        self.check()
        text, remedy = self.one('store near', 'permissions', 'warning')
        self.assertIn('mode 0777', text)
        subprocess.run(['sh', '-c', remedy], check=True)
        self.check()
        self.assertEqual(self.troubles(), [])

    def test_little_room(self):
        path = self.tmpfs('small', '1m')
        self.far, self.near = self.maildir('far'), self.maildir('small')
        self.pair()
        self.assertTrue(self.near.path.startswith(path))
        self.check()
        self.assertRegex(self.one('store near', 'space', 'warning')[0], r'^[01] MB are left')

    def test_clock_behind(self):
        self.pair()
        self.check(env=self.shim('ahead'))
        text, remedy = self.one('store near', 'clock', 'warning')
        self.assertRegex(text, r'^mailbox INBOX was changed 3[56]\d\d seconds from now')
        self.assertIn('timedatectl', remedy)

    def test_state_damaged(self):
        """In each of its pages, as a bad disk leaves it; and the way out is a command."""
        self.binary = program('MAILTWIN_FAST')      # what reads it may break, and that is told
        self.pair()
        self.fill(self.far, 'INBOX', 3)
        self.sync()
        path = os.path.join(self.state, 'c.mdb')
        with open(path, 'rb') as f:
            whole = f.read()
        for at in range(0, len(whole), 4096):
            with open(path, 'wb') as f:
                f.write(whole[:at] + b'\xff' * 4096 + whole[at + 4096:])
            self.check(code=(0, 1))
            if at == 0:
                self.assertEqual(self.troubles(), [('channel c', 'state')])
                found = re.search(r"\((mv '.*?' '.*?')\)", self.one('channel c', 'state', 'error')[0])
                self.assertTrue(found, self.found['channel c', 'state'])
                way_out = found[1]
        subprocess.run(['sh', '-c', way_out], check=True)
        self.check()
        self.assertIn('none yet', self.one('channel c', 'state')[0])

    def test_state_of_others(self):
        self.pair()
        self.sync()
        for mode, path in ((0o777, self.state), (0o644, os.path.join(self.state, 'c.mdb'))):
            os.chmod(path, mode)
            self.check(code=1)
            self.assertIn(f'is open to other users (mode {mode:o})', self.one('channel c', 'state', 'error')[0])
            os.chmod(path, 0o700 if mode == 0o777 else 0o600)
        self.check()
        self.assertEqual(self.troubles(), [])

    def test_another_run(self):
        self.pair()
        self.sync()
        with open(os.path.join(self.state, 'c.lock'), 'r+') as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            self.check(code=75)
        self.assertEqual(self.one('channel c', 'state', 'error')[1], 'ask again when that run has ended')


class Misses(Check):
    """What a configuration says and hardly means."""

    def test_ports(self):
        text = ('IMAPAccount far\nHost 127.0.0.1\nPort 993\nUser u\nPass p\nTimeout 1\n\nIMAPStore far\nAccount far\n\n'
                'POP3Store pop\nHost 127.0.0.1\nPort 995\nUser u\nPass p\nTimeout 1\n\n'
                'SMTPAccount out\nHost 127.0.0.1\nPort 465\nUser u\nPass p\nTimeout 1\nFrom u@example.org\n')
        self.configure(text)
        self.check(code=(1, 75))
        self.assertEqual(self.one('account far', 'config', 'error'), ('Port 993 is for TLS from the first byte, and TLSType is STARTTLS',
                                                                      'write TLSType IMAPS'))
        self.assertEqual(self.one('account out', 'config', 'error')[1], 'write TLSType SMTPS')
        self.assertEqual([f['remedy'] for f in self.found['store pop', 'config'] if f['level'] == 'error'], ['write TLSType POP3S'])
        self.configure(text.replace('Port 993', 'Port 143\nTLSType IMAPS').replace('Port 995', 'TLSType POP3S').replace('Port 465', 'TLSType SMTPS'))
        self.check(code=(1, 75))
        self.assertEqual(self.one('account far', 'config', 'error')[0], 'Port 143 begins without TLS, and TLSType is IMAPS')
        self.assertNotIn(('account out', 'config'), self.found)

    def test_path_without_its_slash(self):
        self.pair()
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace(f'Path "{self.near.path}/"', f'Path "{self.near.path}"'))
        self.check(code=None)
        text, remedy = self.one('store near', 'config', 'warning')
        self.assertIn('has no / at its end, and there is such a directory', text)
        self.assertEqual(remedy, f'write Path {self.near.path}/')

    def test_patterns(self):
        self.far = self.account()
        for name in ('Archive', 'Archive/2020', 'Lists', 'Sent'):
            self.far.create(name)
        for pattern, remedy in (('Inbox', 'write "INBOX"'), ('archive', 'write "Archive"'), ('Archive.2020', 'write "Archive/2020"'),
                                ('Listts', 'write "Lists"'), ('!Snet', 'write "Sent"'), ('Zzzzzzzz', None),
                                ('lists*', 'a name that it would match with other letters is "Lists"')):
            with self.subTest(pattern=pattern):
                self.configure(self.far.store('far'), f'Patterns INBOX {pattern}\nCreate Both\n')
                self.check()
                self.assertEqual(self.one('channel c', 'patterns', 'warning'), (f'"{pattern}" matches no mailbox on either side', remedy))
        self.configure(self.far.store('far'), 'Patterns INBOX Archive* %s !Sent\nCreate Both\n'.replace('%s', 'L%'))
        self.check()
        self.assertEqual(self.one('channel c', 'patterns')[0], 'each of them matches a mailbox')

    def test_inbox_kept_apart(self):
        self.far = self.account('courier')
        self.near = self.maildir('near')
        self.write_config(f'{self.far.store("far", "Path INBOX.")}\nMaildirStore near\nPath {self.near.path}/\nInbox {self.dir}/inbox\nSubFolders '
                          'Verbatim\n\nChannel c\nFar :far:\nNear :near:\nPatterns *\n')
        os.makedirs(os.path.join(self.dir, 'inbox', 'cur'))
        os.rmdir(os.path.join(self.near.box('INBOX'), 'cur'))
        self.check()
        self.assertTrue(any('INBOX is not among its mailboxes' in f['text'] for f in self.found['channel c', 'patterns']), self.found)

    def test_mailbox_of_a_channel(self):
        self.far = self.account()
        self.far.create('Archive')
        self.near = self.maildir('near')
        self.write_config(f'{self.far.store("far")}\n{self.near.store("near")}\nChannel c\nFar :far:Archiv\nNear :near:Archive\nCreate Near\n')
        self.check()
        self.assertEqual(self.one('channel c', 'patterns', 'warning'), ('mailbox "Archiv" is not there on far, and no Create makes it',
                                                                        'write "Archive"'))
        self.assertIn('will be made', self.one('channel c', 'patterns')[0])

    def test_two_channels_on_one_mailbox(self):
        self.pair()
        third = self.maildir('third')
        with open(self.config, 'a') as f:
            f.write(f'\n{third.store("third")}\nChannel d\nFar :third:\nNear :near:\nPatterns *\n')
        self.check(code=2)
        self.assertIn('Hub yes', self.one('channel c', 'overlap', 'error')[0])

    def test_left_over_and_readable(self):
        self.pair()
        with open(self.config, 'a') as f:
            f.write(f'\nIMAPAccount old\nHost 127.0.0.1\nPort {free_port()}\nUser u\nPass p\n\nMaildirStore unused\nInbox /tmp/unused\n')
        os.chmod(self.config, 0o644)
        self.check(code=75)
        self.assertIn('cannot connect', self.one('account old', 'connection', 'error')[0])
        self.assertIn('no store has it', self.one('account old', 'config', 'warning')[0])
        self.assertIn('no channel has it', self.one('store unused', 'config', 'warning')[0])
        self.assertEqual(self.one(self.config, 'config', 'warning')[1], f'chmod 600 {self.config}')

    def test_accounts_without_a_channel(self):
        """They are looked at as others are, with their store or without one; unless channels are named."""
        self.pair()
        with open(self.config) as f:
            text = f.read()
        spare = self.account(tls=True)
        for section in (spare.store('spare'), spare.store('spare').split('IMAPStore')[0]):
            with self.subTest(section=section):
                self.write_config(text + '\n' + section)
                self.check()
                self.assertEqual(self.one('account spare', 'login')[0], f'as {spare.user}, by SCRAM-SHA-256')
                for what in ('address', 'connection', 'tls', 'certificate', 'capabilities'):
                    self.assertIn(('account spare', what), self.found)
                self.check('c')
                self.assertNotIn(('account spare', 'login'), self.found)
        self.write_config(text + '\n' + spare.store('spare').replace('Pass secret', 'Pass sesame'))
        self.check(code=77)
        self.assertIn('refuses', self.one('account spare', 'login', 'error')[0])
        self.sync_twice()


class Programs(Check):
    def crontab(self, text):
        path = os.path.join(self.dir, 'bin')
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, 'crontab'), 'w') as f:
            f.write('#!/bin/sh\ncat <<"END"\n' + text + 'END\n')
        os.chmod(f.name, 0o755)
        return {'PATH': path + ':' + os.environ['PATH']}

    def test_crontab_and_timers(self):
        self.pair()
        env = self.crontab('# mbsync -a\n*/5 * * * * /usr/local/bin/mailtwin -q -a\n')
        self.check(env=env)
        self.assertIn('mailtwin -q -a', self.one('crontab', 'programs')[0])
        self.assertEqual(self.troubles(), [])
        env = self.crontab('*/5 * * * * cd / && nice mbsync -a >/dev/null\n* * * * * mailtwin -a\n')
        units = os.path.join(self.home, '.config/systemd/user')
        os.makedirs(os.path.join(units, 'timers.target.wants'))
        os.symlink('../mailtwin.timer', os.path.join(units, 'timers.target.wants/mailtwin.timer'))
        with open(os.path.join(units, 'mailtwin.service'), 'w') as f:
            f.write('[Service]\nExecStart=/usr/bin/mailtwin -q -a\n')
        self.check(env=env)
        self.assertIn('nice mbsync -a', self.one('crontab', 'programs', 'warning')[0])
        text, remedy = self.one('mailtwin.timer', 'programs', 'warning')
        self.assertIn('and by crontab', text)
        self.assertEqual(remedy, 'leave one of the two')

    def test_no_cron_at_all(self):
        self.pair()
        self.check(env={'PATH': '/nonexistent'}, code=None)


class Sending(test_outbox.Outbox):
    def findings(self, code=0):
        run = self.mailtwin('check', '--json', code=code)
        return {(f['where'], f['what'], f['level']): f['text'] for f in map(json.loads, run.out.splitlines()) if f['event'] == 'finding'}

    def test_scripted(self):
        self.file('waits')
        found = self.findings()
        self.assertEqual(found['account out', 'login', 'ok'], 'as jane@example.org, by PLAIN')
        self.assertTrue(found['account out', 'capabilities', 'ok'].startswith('messages up to 10 MB, 8BITMIME'))
        self.smtp.capabilities = ('SIZE 200000', 'AUTH PLAIN')
        self.assertEqual(self.findings()['account out', 'capabilities', 'ok'], 'messages up to 200 kB')
        self.assertEqual(self.subjects('Outbox'), ['waits'])
        self.assertEqual(self.smtp.got(), [])
        self.configure(login='User jane@example.org\nPass wrong')
        found = self.findings(code=77)
        self.assertIn(('account out', 'login', 'error'), found)


    def test_clock_of_the_server(self):
        """Where its greeting has a date, and that is not anybody's."""
        def greeted(ahead):
            date = email.utils.formatdate(time.time() + ahead)
            self.smtp.greeting = f'220 scripted ESMTP ready at {date}\r\n'.encode()
            return self.findings()
        self.assertNotIn('clock', {what for where, what, _ in self.findings() if where == 'account out'})
        self.assertIn('within 60 seconds', greeted(0)['account out', 'clock', 'ok'])
        self.assertRegex(greeted(7200)['account out', 'clock', 'warning'], r"^the server's is (7[12]\d\d) seconds ahead of that of this machine$")
        self.assertRegex(greeted(-7200)['account out', 'clock', 'warning'], r"^the server's is (7[12]\d\d) seconds behind that of this machine$")
        self.configure(tls='TLSType STARTTLS\nAuthMechs PLAIN\nTimeout 2')
        self.smtp.greeting = b'220 x Sun, 29 Nov 2020 00:00:00 +0000\r\n'
        run = self.mailtwin('check', code=(1, 75, 77))
        self.assertNotIn('clock: the server', run.out)


class Postfix(Real):
    def test_postfix(self):
        """An outbox that no channel has is looked at as well."""
        import smtp_servers
        self.configure(server(smtp_servers.Postfix))
        run = self.mailtwin('check')
        self.assertRegex(run.out, r'(?m)^ok       account out: login: as jane, by SCRAM-SHA-256$')
        self.assertRegex(run.out, r'(?m)^ok       account out: certificate: of localhost')
        self.assertRegex(run.out, r'(?m)^\d+ ok, 0 warnings, 0 errors$')
        quiet = self.mailtwin('check', '-q')
        self.assertEqual(quiet.out, '')
