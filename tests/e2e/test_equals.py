"""One message, one place (R9, R10): equal messages that look different, that get another key, or that a server keeps once."""
import re
import shutil

from accounts import Account
from lib import Case, ImapSide, message
from scripted import Scripted


def stamped(data, i):
    """As mbox programs and OfflineIMAP leave a message."""
    head, _, body = data.partition(b'\n\n')
    lines = head.split(b'\n')
    lines = [line + b' ' * (k % 3) for k, line in enumerate(lines)]
    stamps = [b'Status: RO', b'X-Status: A', b'X-Keywords:' + b' ' * 20, b'X-UID: %d' % i, b'X-IMAPbase: 1700000000 %d\n $Junk' % i]
    lines[1:1] = stamps[i % 2:2 + i % 4]
    return b'\n'.join(lines) + b'\n\n' + body


class Scripts(Case):
    def scripted(self, **kw):
        server = Scripted(**kw)
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    def account_of(self, server, user='anna'):
        side = ImapSide(server, user)
        self.addCleanup(side.close)
        return side


class Stamps(Scripts):
    """What stores write themselves makes no other message."""

    def paired(self, n):
        run = self.sync('-a', '-V')
        self.assertIn(f'Paired: {n}', run.out)
        self.assertEqual(re.findall(r'\+(\d+)', run.out), ['0', '0'], run.out)
        self.sync_twice(twins=False)
        self.assertEqual([len(s.messages('INBOX')) for s in (self.far, self.near)], [n, n])

    def fill_stamped(self, n):
        self.pair(far=self.account_of(self.scripted()))
        for i in range(n):
            self.far.deliver('INBOX', message(i), 'S')
            self.near.deliver('INBOX', stamped(message(i), i) if i % 3 else message(i), 'S')

    def test_few(self):
        self.fill_stamped(12)
        self.paired(12)

    def test_many(self):
        """So many that sizes are looked at before headers are asked for."""
        self.fill_stamped(80)
        self.paired(80)

    def test_two_maildirs_and_a_lost_state(self):
        self.pair()
        for i in range(9):
            self.far.deliver('INBOX', stamped(message(i), i), 'S')
            self.near.deliver('INBOX', message(i), 'S')
        self.paired(9)
        shutil.rmtree(self.state)
        self.paired(9)


class Altered(Account):
    """Servers that store something else than what they were sent; the state is lost; nothing is doubled."""

    def lost(self, kind, mails):
        self.pair(far=self.account(kind))
        for data in mails:
            self.near.deliver('INBOX', data, 'S')
        self.sync()
        self.sync()
        for turn in range(2):
            shutil.rmtree(self.state)
            self.sync()
            run = self.sync()
            self.assertEqual(run.out.strip(), '')
            self.assertEqual([len(s.messages('INBOX')) for s in (self.far, self.near)], [len(mails)] * 2)

    def test_raw_headers_at_cyrus(self):
        plain = b'From: a@example.org\nSubject: %s\nMessage-ID: <%d@x>\n\nserial %d.\n'
        words = ('caf\u00e9'.encode(), 'caf\u00e9'.encode('latin1'), 'gr\u00fc\u00dfe \u4f60\u597d'.encode(), b'plain')
        self.lost('munging cyrus', [plain % (w, i, i) for i, w in enumerate(words)])

    def test_bare_cr_at_dovecot(self):
        head = b'From: a@example.org\nSubject: s\nMessage-ID: <%d@x>\n\nserial %d.\n'
        bodies = (b'bo\rdy\n', b'two \r\r\n in a row\r\r\r\n', b'ends in CR\r', b'mixed\r\nline\nends\r\n', b'plain\n')
        self.lost('dovecot', [head % (i, i) + b for i, b in enumerate(bodies)])
