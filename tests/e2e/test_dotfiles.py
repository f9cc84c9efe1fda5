"""Configurations in the shapes in which people publish theirs: accepted where mbsync accepts them, and the same mailboxes meant.

`dotfiles/*.mbsyncrc` are written for this, none is anybody's. One that begins with "# refused: WORDS" is refused by both, with "# otherwise: WHY"
mbsync lists something else; "# otherwise in 1.4: WHY", in 1.5, that one alone. DOTFILES=DIR takes those of another directory instead, for a look at real ones.
"""
import glob
import os
import re
import subprocess

from accounts import Account, server
from handover import MBSYNC, Next, missing
from lib import HERE, utf7_decode

FILES = os.environ.get('DOTFILES') or os.path.join(HERE, 'dotfiles')
BOXES = ['Sent', 'Sent Items', 'Drafts', 'Trash', 'Archive', 'archive', 'Archives/2023', 'Archives/2024', 'Junk', 'Notes', 'work/a', 'work/a/b',
         '[Gmail]/All Mail', '[Gmail]/Sent Mail', '[Gmail]/Drafts', '[Gmail]/Trash', '[Gmail]/Spam', 'Elküldött elemek',
         '[Gmail]/Messages envoyés']
# What of an account a test cannot have.
LINE = r'(?i)\s*(Host|Port|User|UserCmd|Pass|PassCmd|Tunnel|Timeout|SSL\w+|TLS\w+|Use(IMAPS|SSL\S*|TLS\S*|Keychain)|Require\w+|AuthMechs?|CertificateFile)\s'
# Words of 1.5 alone.
NEW = r'(?i)^\s*(TLSType|TLSVersions|ExpungeSolo|ExpireSide|UseKeychain)|\bOld\b'
# Words that are not in 1.5: not yet, on Debian, or not any more.
NEWER = r'(?i)^\s*(UseKeychain|RequireSSL|UseIMAPS)'


class Dotfiles(Account):
    mbsync = MBSYNC
    is_next = False

    def read(self):
        """(name, text) of each file, with what is certificate and key left out."""
        found = sorted(glob.glob(os.path.join(FILES, '*')))
        self.assertGreater(len(found), 0)
        for path in found:
            with open(path, newline='', errors='surrogateescape') as f:
                text = f.read()
            yield os.path.basename(path), re.sub(r'(?im)^\s*CertificateFile .*\n', '', text)

    def put(self, name, text):
        """The file in a home of its own."""
        self.home = os.path.join(self.dir, 'homes', name)
        os.makedirs(self.home, exist_ok=True)
        self.config = os.path.join(self.home, 'mbsyncrc')
        with open(self.config, 'w', newline='', errors='surrogateescape') as f:
            f.write(text)
        os.chmod(self.config, 0o600)

    def old(self, *args):
        return subprocess.run([self.mbsync, '-c', self.config, *args], env=self.environment(), cwd=self.home, capture_output=True, text=True,
                              errors='replace', timeout=60, stdin=subprocess.DEVNULL)

    def test_accepted(self):
        for name, text in self.read():
            with self.subTest(name=name):
                self.put(name, text)
                refused = re.match(r'# refused: (.*)', text)
                run = self.mailtwin('check-config', code=None)
                self.assertEqual(run.code, 2 if refused else 0, run.err)
                if refused:
                    self.assertIn(refused.group(1).strip(), run.err)
                # Old words are told once each, and never with -q.
                told = re.findall(r'notice: "([^"]+)" is deprecated', run.err)
                self.assertEqual(len(told), len({t.lower() for t in told}), run.err)
                self.assertNotIn('deprecated', self.mailtwin('check-config', '-q', code=None).err)

    def test_old_words_and_lists(self):
        """Whoever asks for a list reads that alone."""
        self.put('old', ''.join(f'MaildirStore {s}\nPath ~/{s}/\nInbox ~/{s}/INBOX\nSubFolders Verbatim\n\n' for s in 'ab') +
                 'Channel c\nMaster :a:\nSlave :b:\nPatterns *\nCreate Slave\nSync PullReNew\n')
        for s in 'ab':
            os.mkdir(os.path.join(self.home, s))
        for words in (('-l', '-a'), ('-ls',), ('-q', '-l', 'c')):
            self.assertNotIn('deprecated', self.mailtwin(*words).err)
        self.assertEqual(len(re.findall(r'notice: "Slave" is deprecated', self.mailtwin('-a').err)), 1)

    def test_accepted_as_mbsync_does(self):
        if self.mbsync is None:
            self.skipTest(missing(self.is_next))
        counts = {}
        for name, text in self.read():
            with self.subTest(name=name):
                self.put(name, text)
                # It reads the file, and finds no such channel.
                old = 'No channel or group named' in self.old('-l', '--', 'no such channel').stderr
                new = self.mailtwin('check-config', code=None).code == 0
                counts[old, new] = counts.get((old, new), 0) + 1
                self.assertFalse(old and not new, self.old('-l', 'none').stderr)
                if not old and not re.match('# refused', text):
                    self.assertTrue(re.search(NEWER if self.is_next else NEW, text, re.M) or 'DOTFILES' in os.environ, 'mbsync refuses it')
        with open(os.path.join(self.dir, 'counts'), 'w') as f:
            f.write(f'{counts}\n')
        if 'DOTFILES' in os.environ:
            print(f'accepted by mbsync {"1.5" if self.is_next else "1.4"} and here, and how many: {counts}')

    def served(self, text, port):
        """With an account of the test in place of each of theirs, in the words of 1.4."""
        out = []
        for paragraph in re.split(r'(?:\r?\n[ \t\r]*)(?=\n)', text):
            lines = paragraph.split('\n')
            at = next((i for i, line in enumerate(lines) if re.match(r'(?i)\s*IMAP(Account|Store)\s', line)), None)
            if at is not None:
                has_account = any(re.match(r'(?i)\s*Account\s', line) for line in lines)
                lines = [line for i, line in enumerate(lines) if i == at or not re.match(LINE, line)]
                if not has_account:
                    at = next(i for i, line in enumerate(lines) if re.match(r'(?i)\s*IMAP(Account|Store)\s', line))
                    lines[at + 1:at + 1] = ['Host 127.0.0.1', f'Port {port}', f'User {self.far.user}', 'Pass secret', 'SSLType None',
                                            'AuthMechs LOGIN']
            out.append('\n'.join(lines))
        text = '\n'.join(out)
        if self.is_next:
            return text
        return re.sub(r'(?im)^\s*(ExpungeSolo|ExpireSide) .*\n', '', text).replace(' Old', '').replace('MaxSize 0\n', '')

    def test_listed_as_mbsync_does(self):
        """All channels of all files: the same mailboxes, in the same words."""
        if self.mbsync is None:
            self.skipTest(missing(self.is_next))
        self.far = self.account()
        for box in BOXES:
            self.far.create(box)
        same = 0
        for name, text in self.read():
            if text.startswith(('# refused', '# otherwise:', f'# otherwise in {"1.5" if self.is_next else "1.4"}:')):
                continue
            with self.subTest(name=name):
                self.put(name, self.served(text, server('dovecot').port))
                for word, path in re.findall(r'(?im)^\s*(Path|Inbox)\s+"?(~[^"\n\r]*?)"?\s*(?:#.*)?\r?$', text):
                    for box in [path] if word.lower() == 'inbox' else [path + 'onlyhere', path + 'Sent']:
                        for sub in ('cur', 'new', 'tmp'):
                            os.makedirs(os.path.join(box.replace('~', self.home, 1), sub), exist_ok=True)
                old = self.old('-l', '-a')
                if 'mbsyncrc:' in old.stderr and not old.stdout:
                    self.assertIn('DOTFILES', os.environ, old.stderr)
                    continue
                new = self.mailtwin('-l', '-a', code=None)
                self.assertEqual(self.listed(new.out), self.listed(old.stdout if self.is_next else utf7_decode(old.stdout)), old.stderr + new.err)
                same += 1
        self.assertGreater(same, 30 if 'DOTFILES' not in os.environ else 0)

    @staticmethod
    def listed(out):
        """By channel. 1.4 orders names as the server writes them, and has them so."""
        return [sorted(part.split('\n')) for part in re.split(r'\n(?=.*:\n)', out.strip())]


class NextDotfiles(Next, Dotfiles):
    test_accepted = test_old_words_and_lists = None
