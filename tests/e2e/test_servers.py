"""The servers and lines the other tests stand on do what those expect of them."""
import imaplib
import time
import unittest

from courier import Courier
from mailutils import Mailutils
from servers import Cyrus, Delay, Dovecot, NO_NAMESPACE, POOR

MESSAGE = b'From: a@example.org\r\nSubject: x\r\n\r\nbody\r\n'


class Servers(unittest.TestCase):
    def talk(self, server, tls, keeps_flags=True):
        imap = server.connect(server.login_name('alice'), tls=tls)
        self.assertEqual(imap.append('INBOX', r'(\Flagged)', None, MESSAGE)[0], 'OK')
        self.assertIn(b'INBOX', b' '.join(imap.list()[1]))
        self.assertEqual(imap.select('INBOX')[0], 'OK')
        answer = imap.fetch('1', '(FLAGS BODY.PEEK[])')[1]
        self.assertEqual(keeps_flags, b'\\Flagged' in answer[0][0])
        self.assertEqual(answer[0][1], MESSAGE)
        imap.logout()

    def test_dovecot(self):
        with Dovecot() as server:
            self.talk(server, False)
            self.talk(server, True)
            with self.assertRaises(imaplib.IMAP4.error):
                server.connect('alice', 'wrong')
            server.restart()
            self.assertEqual(server.connect('alice').select('INBOX')[1], [b'2'])

    def test_poor_dovecot_announces_little(self):
        with Dovecot(without=POOR, mail='maildir') as server:
            imap = server.connect('alice')
            for name in POOR:
                self.assertNotIn(name, imap.capabilities)
            self.talk(server, False)

    def test_cyrus(self):
        with Cyrus() as server:
            server.add_user('alice')
            self.talk(server, False)
            self.talk(server, True)
            with self.assertRaises(imaplib.IMAP4.error):
                server.connect('alice', 'wrong')
            self.assertIn('QRESYNC', server.connect('alice').capabilities)

    def test_courier(self):
        with Courier() as server:
            self.talk(server, False)
            self.talk(server, True)
            with self.assertRaises(imaplib.IMAP4.error):
                server.connect('alice', 'wrong')
            server.restart()
            imap = server.connect('alice')
            self.assertEqual(imap.select('INBOX')[1], [b'2'])
            self.assertNotIn('UIDNEXT', imap.untagged_responses)
            self.assertEqual(imap.namespace()[1][0].split(b'"')[1:4:2], [b'INBOX.', b'.'])

    def test_mailutils(self):
        with Mailutils() as server:
            self.talk(server, False, keeps_flags=False)
            self.talk(server, True, keeps_flags=False)
            server.restart()
            self.assertEqual(server.connect('alice@mail').select('INBOX')[1], [b'2'])

    def test_without_namespace(self):
        for server in Courier(without=('NAMESPACE',)), Dovecot(without=NO_NAMESPACE, mail='maildir', separator='.'):
            with server:
                imap = server.connect(server.login_name('alice'))
                self.assertNotIn('NAMESPACE', imap.capabilities)
                self.assertEqual(imap.list()[1][0].split(b'"')[1], b'.')

    def test_delay_adds_round_trips_and_counts(self):
        with Dovecot() as server, Delay(server.port, rtt=60) as line:
            begin = time.monotonic()
            imap = imaplib.IMAP4('127.0.0.1', line.port)
            self.assertGreaterEqual(time.monotonic() - begin, 0.118)    # the dial and the greeting
            line.reset()
            begin = time.monotonic()
            imap.login('alice', 'secret')
            self.assertGreaterEqual(time.monotonic() - begin, 0.059)
            stats = line.stats()
            self.assertEqual(stats['turns'], 1)
            self.assertGreater(stats['up'], 20)
            imap.logout()

    def test_delay_limits_bandwidth(self):
        with Dovecot() as server, Delay(server.port, rate=200000) as line:
            imap = imaplib.IMAP4('127.0.0.1', line.port)
            imap.login('alice', 'secret')
            begin = time.monotonic()
            imap.append('INBOX', None, None, MESSAGE + b'x' * 60000 + b'\r\n')
            self.assertGreaterEqual(time.monotonic() - begin, 0.25)

    def test_delay_loses_an_answer(self):
        with Dovecot() as server, Delay(server.port, lose='APPEND') as line:
            imap = imaplib.IMAP4('127.0.0.1', line.port)
            imap.login('alice', 'secret')
            with self.assertRaises(imaplib.IMAP4.abort):
                imap.append('INBOX', None, None, MESSAGE)
            self.assertEqual(server.connect('alice').select('INBOX')[1], [b'1'])

    def test_delay_cuts_and_stays_away(self):
        with Dovecot() as server, Delay(server.port, cut='down:10', last=True) as line:
            with self.assertRaises((imaplib.IMAP4.abort, imaplib.IMAP4.error)):
                imaplib.IMAP4('127.0.0.1', line.port)
            self.assertEqual(line.stats()['down'], 9)
            with self.assertRaises(OSError):
                imaplib.IMAP4('127.0.0.1', line.port)
