"""An outbox with what people have: Postfix and OpenSMTPD to send by, and mutt, git send-email and cron's way of calling sendmail to write with.
The servers are started once for all tests, by root alone."""
import os
import subprocess
import time
import unittest

import servers
from lib import Case, program
from servers import PASSWORD, ServerError
from smtp_servers import DOMAIN, READY, OpenSmtpd, Postfix
from test_outbox import mail

_started = {}


def server(kind):
    if not READY:
        raise unittest.SkipTest('a mount namespace is for root')
    if kind not in _started:
        _started[kind] = kind().start()
    return _started[kind]


def program_of(package, path):
    try:
        return os.path.join(servers.tree(package), path)
    except ServerError as e:
        raise unittest.SkipTest(str(e))


class Real(Case):
    def setUp(self):
        super().setUp()
        self.near = self.maildir('near')
        self.near.create('Outbox')
        self.n = 0

    def configure(self, smtp, login=f'User jane\nPass {PASSWORD}', tls='TLSType STARTTLS', port=None):
        lines = f'SMTPAccount out\nHost 127.0.0.1\nPort {port or smtp.port}\n{login}\n{tls}\nFrom jane@example.org'
        if 'None' not in tls:
            lines += f'\nCertificateFile {smtp.ca}'
        self.write_config('\n'.join(x for x in lines.split('\n') if x) + f'\n\n{self.near.store("near", "SMTPAccount out")}\n')
        self.smtp = smtp

    def subject(self, words):
        """One that no other test has."""
        return f'{words} {self._testMethodName} {os.getpid()}'

    def file(self, words, to=f'bob@{DOMAIN}', **kw):
        subject = self.subject(words)
        self.near.deliver('Outbox', mail(subject, to=to, **kw))
        return subject

    def got(self, subject, n=1):
        """Who has it, once it is so many; as often as they have it."""
        limit = time.monotonic() + 20
        while True:
            found = [to.partition('@')[0] for to, words in self.smtp.taken() if ' '.join(words.split()) == subject]
            if len(found) >= n or time.monotonic() > limit:
                return found
            time.sleep(0.05)

    def left(self):
        return len(self.near.messages('Outbox'))


class WithPostfix(Real):
    def setUp(self):
        super().setUp()
        self.configure(server(Postfix))

    def test_the_ways_in(self):
        for n, (tls, mechanism, port) in enumerate((('TLSType STARTTLS', 'SCRAM-SHA-256', self.smtp.port), ('TLSType STARTTLS', 'PLAIN', self.smtp.port),
                                                    ('TLSType SMTPS', 'LOGIN', self.smtp.tls_port))):
            with self.subTest(f'{tls} {mechanism}'):
                self.configure(self.smtp, tls=f'{tls}\nAuthMechs {mechanism}', port=port)
                subject = self.file(f'way{n}', body='.\n..\ngrün\n')
                self.mailtwin('-a')
                self.assertEqual(self.got(subject), ['bob'])
        self.assertEqual((self.left(), len(self.near.messages('Sent'))), (0, 3))
        self.mailtwin('-a')
        self.configure(self.smtp, login='User jane\nPass wrong')
        self.file('never')
        self.mailtwin('-a', code=77)
        self.assertEqual(self.left(), 1)

    def test_some_are_refused_and_some_later(self):
        subject = self.file('some', to=f'bob@{DOMAIN}, no@{DOMAIN}, carol@{DOMAIN}, late@{DOMAIN}')
        err = self.mailtwin('-a', code=1).err
        self.assertIn(f'no@{DOMAIN}: 554 5.7.1', err)
        self.assertEqual(sorted(self.got(subject, 2)), ['bob', 'carol'])
        self.assertIn(f'late@{DOMAIN}: 450 4.7.1', self.mailtwin('outbox').out)
        self.mailtwin('-a', code=1, env=self.later(400))
        self.mailtwin('outbox', 'drop', self.mailtwin('outbox').out.split()[0])
        self.assertEqual(len(self.near.messages('Sent')), 1)
        self.assertEqual(sorted(self.got(subject, 2)), ['bob', 'carol'])

    def test_greylisted(self):
        self.smtp.greylist.seen.clear()
        self.smtp.greylist.names.add(f'dave@{DOMAIN}')
        subject = self.file('grey', to=f'dave@{DOMAIN}, bob@{DOMAIN}')
        self.mailtwin('-a', code=75)
        self.assertEqual(self.got(subject), ['bob'])
        self.mailtwin('-a', env=self.later(400))
        self.assertEqual(sorted(self.got(subject, 2)), ['bob', 'dave'])
        self.assertEqual(self.left(), 0)

    def test_too_large_and_no_room(self):
        self.file('large', body=('x' * 70 + '\n') * 4000)
        self.assertIn('takes 200000 at most', self.mailtwin('-a', code=1).err)
        self.mailtwin('outbox', 'drop', self.mailtwin('outbox').out.split()[0])
        self.smtp.settings(queue_minfree=2000000000)
        subject = self.file('room')
        self.mailtwin('-a', code=75)
        self.assertIn('452 4.3.1', self.mailtwin('outbox').out)
        self.smtp.settings(queue_minfree=0)
        self.mailtwin('-a', env=self.later(400))
        self.assertEqual(self.got(subject), ['bob'])

    def test_stopped_at_every_step(self):
        self.binary = program('MAILTWIN_FAST')
        n, subjects = 0, []
        while True:
            n += 1
            subjects.append(self.file(f'step{n}', to=f'bob@{DOMAIN}, carol@{DOMAIN}'))
            run = self.mailtwin('-a', code=None, env={'MAILTWIN_STEP_EXIT': str(n)})
            self.mailtwin('-a', code=(0, 1))
            self.mailtwin('-a', code=(0, 1))
            for line in self.mailtwin('outbox').out.splitlines():
                if '  unknown  ' in line:
                    self.mailtwin('outbox', 'drop', line.split()[0])
            if run.code == 0:
                break
        self.assertGreater(n, 10)
        self.got(subjects[-1], 2)
        for subject in subjects:
            self.assertIn(sorted(self.got(subject, 0)), ([], ['bob', 'carol']), subject)
        self.assertEqual((self.left(), len(self.near.messages('Sent'))), (0, n))

    # What people write with.

    def text(self, text):
        path = os.path.join(self.dir, 'text')
        with open(path, 'w') as f:
            f.write(text)
        return open(path)

    def run_program(self, argv, package=None, **kw):
        env = self.environment({'LC_ALL': 'C.UTF-8', **kw.pop('env', {})})
        if package:
            env['LD_LIBRARY_PATH'] = ':'.join(servers.libraries(servers.tree(package)))
        p = subprocess.run(argv, env=env, cwd=self.dir, capture_output=True, text=True, timeout=60, **kw)
        self.assertEqual(p.returncode, 0, f'{argv}: {p.stdout}{p.stderr}')
        return p

    def sendmail(self):
        return ' '.join(self.command('enqueue'))

    def test_mutt(self):
        mutt = program_of('mutt', 'usr/bin/mutt')
        rc = os.path.join(self.dir, 'muttrc')
        with open(rc, 'w') as f:
            f.write(f'set sendmail = "{self.sendmail()} -oem -oi"\nset from = "jane@example.org"\nset use_envelope_from = yes\nset record = ""\n'
                    'set realname = "Jane Döe"\nset sendmail_wait = 0\n')
        attached = os.path.join(self.dir, 'attached.bin')
        with open(attached, 'wb') as f:
            f.write(bytes(range(256)) * 20)
        subject = self.subject('mutt')
        self.run_program([mutt, '-n', '-F', rc, '-s', subject, '-c', f'carol@{DOMAIN}', '-b', f'dave@{DOMAIN}', '-a', attached, '--', f'bob@{DOMAIN}'],
                         'mutt', stdin=self.text('.\nhällo\n'))
        self.assertEqual(self.left(), 1)
        self.mailtwin('-a')
        self.assertEqual(sorted(self.got(subject, 3)), ['bob', 'carol', 'dave'])

    def test_git_send_email(self):
        script = program_of('git-email', 'usr/lib/git-core/git-send-email')
        git = {'GIT_CONFIG_GLOBAL': os.path.join(self.dir, 'gitconfig'), 'GIT_CONFIG_NOSYSTEM': '1',
               'PATH': f'{os.path.dirname(script)}:{os.environ["PATH"]}', 'PERL5LIB': os.path.join(servers.tree('git-email'), 'usr/share/perl5')}
        with open(git['GIT_CONFIG_GLOBAL'], 'w') as f:
            f.write('[user]\nname = Jane\nemail = jane@example.org\n[sendemail]\n'
                    f'sendmailCmd = {self.sendmail()}\n')
        if subprocess.run(['perl', '-MGit', '-MMail::Address', '-e', '1'], env=self.environment(git), capture_output=True).returncode != 0:
            self.skipTest('perl has no Git')
        where = os.path.join(self.dir, 'work')
        subject = self.subject('grün')
        self.run_program(['git', 'init', '-q', where], env=git)
        for n in range(4):
            with open(os.path.join(where, 'file'), 'w') as f:
                f.write(f'{n}\n.\nüber\n')
            self.run_program(['git', '-C', where, 'add', '.'], env=git)
            self.run_program(['git', '-C', where, 'commit', '-qm', f'{subject} {n}'], env=git)
        # Without a network: the series waits, in its order.
        self.configure(self.smtp, port=1)
        self.run_program(['git', '-C', where, 'send-email', '--quiet', '--confirm=never', '--suppress-cc=all', f'--to=bob@{DOMAIN}',
                          f'--cc=Cärol <carol@{DOMAIN}>', f'--bcc=dave@{DOMAIN}', '-3', 'HEAD'], env=git, stdin=subprocess.DEVNULL)
        self.mailtwin('-a', code=75)
        listed = [line for line in self.mailtwin('outbox').out.splitlines() if '"' in line]
        self.assertEqual([line.split('"')[1] for line in listed], [f'[PATCH {n}/3] {subject} {n}' for n in (1, 2, 3)])
        self.configure(self.smtp)
        self.mailtwin('-a')
        for n in (1, 2, 3):
            self.assertEqual(sorted(self.got(f'[PATCH {n}/3] {subject} {n}', 3)), ['bob', 'carol', 'dave'])
        self.assertEqual((self.left(), len(self.near.messages('Sent'))), (0, 3))
        self.assertNotIn(b'dave', b''.join(self.smtp.texts('bob')[-3:]).lower())


class WithOpenSmtpd(Real):
    def test_sent(self):
        self.configure(server(OpenSmtpd), login='', tls='TLSType None')
        subject = self.file('open', to=f'bob@{DOMAIN}, nobody@{DOMAIN}, carol@{DOMAIN}', body='.\n..\ngrün\n')
        self.assertIn(f'nobody@{DOMAIN}: 5', self.mailtwin('-a', code=1).err)
        self.assertEqual(sorted(self.got(subject, 2)), ['bob', 'carol'])
        self.mailtwin('-a', code=1)
        self.mailtwin('outbox', 'drop', self.mailtwin('outbox').out.split()[0])
        self.assertEqual(sorted(self.got(subject, 2)), ['bob', 'carol'])
        self.file('large', body=('x' * 70 + '\n') * 4000)
        self.assertIn('SIZE', self.mailtwin('-a', code=1).err)

    def test_the_ways_in(self):
        smtp = server(OpenSmtpd)
        for n, (tls, mechanism, port) in enumerate((('TLSType STARTTLS', 'PLAIN', smtp.port), ('TLSType STARTTLS', 'LOGIN', smtp.port),
                                                    ('TLSType SMTPS', 'PLAIN', smtp.tls_port))):
            with self.subTest(f'{tls} {mechanism}'):
                self.configure(smtp, tls=f'{tls}\nAuthMechs {mechanism}', port=port)
                subject = self.file(f'open way{n}', body='.\n..\ngrün\n')
                self.mailtwin('-a')
                self.assertEqual(self.got(subject), ['bob'])
        self.assertEqual((self.left(), len(self.near.messages('Sent'))), (0, 3))
        self.configure(smtp, login='User jane\nPass wrong')
        self.file('never')
        self.mailtwin('-a', code=77)
        self.assertEqual(self.left(), 1)

    def test_dropped_by_its_end(self):
        """The server is killed at a time that nobody chose: each has each message once at most, and none is gone."""
        smtp = OpenSmtpd().start()
        self.addCleanup(smtp.stop)
        self.configure(smtp, login='', tls='TLSType None')
        subjects = [self.file(f'm{i}', body='x' * 60 + '\n') for i in range(40)]
        p = self.spawn('-a')
        while p.poll() is None and len(smtp.taken()) < 5:
            time.sleep(0.005)
        smtp.process.kill()
        run = self.finish(p, code=(0, 1, 75))
        cur = os.path.join(self.near.box('Sent'), 'cur')
        sent = len(os.listdir(cur)) if os.path.isdir(cur) else 0
        self.assertEqual(sent + self.left(), 40, run.err)
        self.assertGreaterEqual(sent, 3)
        for subject in subjects:
            self.assertLessEqual(len(self.got(subject, 0)), 1)
