"""Somebody on the line, or a server, who means harm: nothing heard before TLS counts, and nothing that is sent costs
more than it is worth."""
import itertools
import os
import re
import signal
import socket
import time

from hostile import Attacked, Peer
from lib import Case, Run, find, message, program, serials
from scripted import Session
from servers import PASSWORD, authority
from test_scripted import Told


class BeforeTls(Told):
    """What is heard before the handshake is dropped, whatever it was: the session behind it is a fresh one."""

    BAIT = 'http://evil.example/'

    def account(self, peer):
        return f'IMAPAccount far\nHost localhost\nPort {peer.port}\nUser anna\nPass {PASSWORD}\nTLSType STARTTLS\n' \
               f'CertificateFile "{peer.ca}"\nAuthMechs PLAIN\nTimeout 5\n\nIMAPStore far\nAccount far\n'

    def behind(self, before=b'', greeting=b'* OK hello\r\n', **kw):
        """The runs that follow go through somebody who writes that."""
        peer = Attacked(self.server, before, greeting, **kw)
        peer.__enter__()
        self.addCleanup(peer.__exit__)
        self.write_config(f'{self.account(peer)}\n{self.near.store("near")}\nChannel c\nFar :far:\nNear :near:\nPatterns *\n'
                          'Create Both\nRemove Both\nExpunge Both\n')

    def begin(self, **kw):
        self.start(**kw)
        self.server.create('Work')
        self.server.create('Entw&APw-rfe')
        for name in ('INBOX', 'Work', 'Entw&APw-rfe'):
            self.put(3, name)
        self.behind()
        self.sync_twice()
        self.server.seen.clear()

    def test_words_that_stay_in_the_session(self):
        poor = ['ENABLE', 'QRESYNC', 'CONDSTORE', 'NAMESPACE']
        for without, before in (((), b'* ENABLED UTF8=ACCEPT\r\n* OK [CAPABILITY IMAP4rev1]\r\n* OK [CLOSED] x\r\n'
                                 b'* BYE so long ' + self.BAIT.encode() + b'\r\n'),
                                (poor, b'* ENABLED QRESYNC CONDSTORE UTF8=ACCEPT\r\n* NAMESPACE (("Work/" "/")) NIL NIL\r\n'
                                 b'* OK [CLOSED] Dovecot ready.\r\n* ID ("name" "Dovecot")\r\n'),
                                (poor, b'* CAPABILITY IMAP4rev1 QRESYNC ENABLE MOVE UIDPLUS AUTH=PLAIN LOGINDISABLED\r\n'
                                 b'* NAMESPACE (("" ".")) NIL NIL\r\n* 5 EXISTS\r\n* LIST () "." "Work"\r\n')):
            with self.subTest(before=before):
                self.setUp()
                self.begin(without=without)
                self.behind(before, b'* OK [ALERT] Dovecot ready. Renew at ' + self.BAIT.encode() + b'\r\n')
                for _ in range(2):
                    run = self.sync('-V', '-a')
                    self.assertNotIn('evil', run.out + run.err)
                self.put(1, 'Work')
                self.put(1, 'Entw&APw-rfe')
                self.fill(self.near, 'Entwürfe', 1)
                self.sync()
                self.behind()
                self.sync_twice()
                self.assertEqual(sorted(self.server.boxes), ['Entw&APw-rfe', 'INBOX', 'Work'])
                self.assertEqual([len(b.mails) for _, b in sorted(self.server.boxes.items())], [5, 3, 4])
                used = {w[0] for _, verb, w in self.server.seen if verb == 'ENABLE' and w}
                self.assertFalse(used & {'QRESYNC', 'CONDSTORE'} if without else False)

    def test_a_first_run(self):
        """With nothing remembered the words would be all there is."""
        self.start(without=['NAMESPACE'])
        self.server.create('Work')
        self.put(3, 'Work')
        self.behind(b'* NAMESPACE (("Work/" "/")) NIL NIL\r\n* NO [ALERT] ' + self.BAIT.encode() + b'\r\n')
        self.assertNotIn('evil', self.sync('-V', '-a').err)
        self.behind()
        self.sync_twice()
        self.assertEqual(sorted(self.near.boxes()), ['INBOX', 'Work'])

    def test_words_of_refusals_are_not_shown(self):
        self.start()
        bait = self.BAIT.encode()
        for kw in (dict(greeting=b'* BYE full: ' + bait + b'\r\n'), dict(answer=b'NO full: ' + bait),
                   dict(answer=b'BAD ' + bait), dict(before=b'* BYE ' + bait + b'\r\n* 1 FETCH ' + bait + b'\r\n'),
                   dict(before=b'* 1 FETCH ' + bait + b'\r\n'), dict(before=b'+ ' + bait + b'\r\n'),
                   dict(greeting=b'hello ' + bait + b'\r\n')):
            with self.subTest(kw=kw):
                self.behind(**kw)
                self.server.seen.clear()
                run = self.mailtwin('-V', '-a', code=(0, 1, 75, 77))
                self.assertNotIn('evil', run.out + run.err)
                # Lines that cannot be read, and concern nothing before the login, are passed over.
                self.assertEqual(run.code == 0, kw.get('before', b'+').startswith(b'*'))
                self.assertEqual(self.server.seen == [], run.code != 0)


class Measured:
    """Runs of the program built for speed, whose limits are far above what is needed, and far below what is not bounded."""

    CPU, RSS, TIME = 20, 450, 60        # seconds, MB, seconds

    def measured(self, *args, code=None):
        """One run; its exit code, output, CPU seconds and most MB."""
        log = os.path.join(self.dir, 'measured')
        with open(log, 'wb') as out:
            self.binary = program('MAILTWIN_FAST')
            p = self.spawn(*(args or ('-a',)), stdout=out, stderr=out)
        end = time.monotonic() + self.TIME
        while True:
            pid, status, used = os.wait4(p.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                p.kill()
                self.fail(f'no end within {self.TIME} s')
            time.sleep(0.02)
        p.returncode = os.waitstatus_to_exitcode(status)
        with open(log, errors='replace') as f:
            run = Run(p.returncode, '', f.read(), time.monotonic() - p.begin)
        self.binary = program()
        self.assertGreaterEqual(run.code, 0, run.err)
        if code is not None:
            self.assertIn(run.code, (code,) if isinstance(code, int) else code, run.err)
        self.assertLess(used.ru_utime + used.ru_stime, self.CPU, run.err[:2000])
        self.assertLess(used.ru_maxrss / 1024, self.RSS, run.err[:2000])
        return run


class Bounds(Measured, Told):
    """What is sent costs memory, time and work by what was asked for, not by what the server likes."""

    def flood(self, verb, *data, code=None, changed=True, times=1):
        """A run in which the first answer to `verb` is preceded by that; the next one repairs everything."""
        did = []

        def after(session, v, words):
            if v == verb and not did:
                did.append(v)
                for _ in range(times):
                    for part in data:
                        session.send(part)
        if changed:
            self.box().modseq += 1
            self.box().mails[0].modseq = self.box().modseq
            self.box().mails[0].flags ^= {'\\Flagged'}
        self.server.after = after
        run = self.measured(code=code)
        self.assertTrue(did, verb)
        self.server.after = None
        self.sync(code=(0, 1))
        self.sync_twice()
        return run

    def begin(self, account=''):
        self.start(account='AuthMechs PLAIN\nTimeout 5\n' + account)
        self.kept = self.put(6)
        self.server.create('Work')
        self.put(2, 'Work')
        self.sync_twice()

    def test_sets_of_all_numbers(self):
        """VANISHED, ESEARCH and their like stand for 2^32 messages: ours are looked up in them."""
        self.begin()
        ranges = b','.join(b'%d' % (4000000000 + 2 * j) for j in range(80000))
        self.flood('UID FETCH', b'* ESEARCH (TAG "A5") UID ALL 1:4294967295\r\n* SEARCH 7 8 9\r\n')
        self.flood('UID FETCH', b'* VANISHED ' + ranges + b'\r\n', times=20)
        self.flood('SELECT', b'* VANISHED (EARLIER) ' + ranges + b'\r\n', times=20)
        self.flood('UID FETCH', b'* OK [COPYUID 5 %s %s] x\r\n' % (ranges[:400000], ranges[:400000]), times=20)
        self.flood('SELECT', b'* VANISHED (EARLIER) 100:4294967295\r\n')
        self.assertEqual(sorted(serials(self.near)), sorted(serials(self.far)))

    def test_copyuid_of_all_numbers(self):
        self.begin()
        for code in ('COPYUID {to} 1:4294967295 1:4294967295', 'COPYUID {to} 1:4294967295,1:4294967295 1:8589934590',
                     'COPYUID {to} ' + ','.join(str(2 * i + 1) for i in range(90000)) + ' 1:90000'):
            for tagged in (False, True):
                mail = self.near.messages('INBOX')[0]
                self.near.move(mail, 'Work')
                text = code.format(to=self.box('Work').uidvalidity)

                def fault(session, verb, words):
                    if verb in ('UID MOVE', 'UID COPY'):
                        session.do_uid_move(words)
                        return (f'{{tag}} OK [{text}] done\r\n' if tagged else
                                f'* OK [{text}] x\r\n' * 8 + '{tag} OK done\r\n')
                self.server.fault = fault
                self.measured()
                self.server.fault = None
                self.sync(code=(0, 1))

    def test_lines_that_grow(self):
        """Flags by the hundred thousand, literals in a code that is never closed, capabilities by the megabyte."""
        self.begin()
        for word in (b'k%x', b'a'):
            words = b' '.join(word % j if b'%' in word else word for j in range(120000, 0, -1))
            self.flood('UID FETCH', b'* 1 FETCH (UID 1 FLAGS (' + words + b'))\r\n')
            self.flood('SELECT', b'* OK [PERMANENTFLAGS (\\Seen \\Flagged \\* ' + words + b')] x\r\n')
            self.flood('SELECT', b'* CAPABILITY IMAP4rev1 ' + words + b'\r\n')
        self.flood('UID FETCH', b'* OK [X ' + b'{0}\r\n' * 180000 + b'] x\r\n')
        self.flood('UID FETCH', b'* OK [X ' + b'"{0}\r\n' * 180000 + b'] x\r\n')
        self.flood('UID FETCH', b'* X ' + b'{3}\r\nabc' * 100000 + b'\r\n')
        self.flood('UID FETCH', b'* OK [ALERT] wake up\r\n', times=5000)

    def test_lines_without_end(self):
        self.begin()
        for verb, data, times in (('LIST', b'* OK hi\r\n' * 1000, 200), ('LIST', b'\r\n' * 10000, 200),
                                  ('UID FETCH', b'* 1 FETCH (UID 1 FLAGS ())\r\n' * 10000, 200),
                                  ('UID FETCH', b'* 9 EXPUNGE\r\n' * 10000, 200),
                                  ('UID FETCH', b'* OK [COPYUID 1 1 1] ' + b'x' * 1000000 + b'\r\n', 20),
                                  ('UID FETCH', b'* X {1000000}\r\n' + b'x' * 1000000 + b'\r\n', 400),
                                  ('UID FETCH', b'* 1 FETCH (UID 1 X "' + b'\\"' * 400000 + b'")\r\n', 10000),
                                  ('LIST', b'* LIST () "/" ' + b'y' * 20000 + b'\r\n', 1000000),
                                  ('LIST', b'a' * 100000, 20)):
            with self.subTest(verb=verb, data=data[:20]):
                self.flood(verb, data, times=times)

    def test_lists_without_end(self):
        """A list of mailboxes, and of messages, ends at AnswerLimit, and the messages' only for their mailbox."""
        self.begin('AnswerLimit 64M\n')

        def mailboxes(session, verb, words):
            if verb == 'LIST':
                for i in range(0, 60000, 1000):
                    session.send(b''.join(b'* LIST () "/" "m%d"\r\n* STATUS "m%d" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 9)\r\n' %
                                          (j, j) for j in range(i, i + 1000)))

        def possible(session, verb, words):
            if verb == 'SELECT' and session.box is self.box():
                return '* OK [UIDNEXT 4000000000] x\r\n'
            return messages(session, verb, words)

        def messages(session, verb, words):
            if verb == 'UID FETCH' and session.box is self.box():
                session.send(b'* 4294967295 EXISTS\r\n')
                for i in range(100, 700000, 10000):
                    session.send(b''.join(b'* %d FETCH (UID %d FLAGS (\\Seen) MODSEQ (5))\r\n' % (j, j)
                                          for j in range(i, i + 10000)))
        for after, words in ((mailboxes, 'AnswerLimit'), (messages, 'more messages'), (possible, 'AnswerLimit')):
            self.box().modseq += 1
            self.box().mails[0].modseq = self.box().modseq
            new, = self.put(1, 'Work')
            self.server.after = after
            run = self.measured(code=1)
            self.assertIn(words, run.err)
            self.assertEqual(len(find(self.near, new)), after is not mailboxes)
            self.server.after = None
            self.sync(code=(0, 1))
            self.sync_twice()


class Patience(Case):
    """A server that talks without saying anything: all waiting has an end that it cannot put off, and a signal does not
    wait for it."""

    HELLO = b'* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n'

    def setUp(self):
        super().setUp()
        self.reached = []

    def again(self, sock, data, every):
        while True:
            sock.sendall(data)
            time.sleep(every)

    def drip_greeting(self, sock):
        self.again(sock, b'*', 0.2)

    def blank_greeting(self, sock):
        self.again(sock, b'\r\n', 0.2)

    def remarks(self, sock):
        sock.sendall(self.HELLO)
        self.again(sock, b'* OK still here\r\n', 0.2)

    def blanks(self, sock):
        sock.sendall(self.HELLO)
        self.again(sock, b'\r\n', 0.2)

    def octets(self, sock):
        sock.sendall(self.HELLO + b'* 1 FETCH (BODY[] {1000000000}\r\n')
        self.again(sock, b'x' * 100, 0.2)

    def append_remarks(self, sock):
        """What it was sent makes it talk, and each session again: it gets three of them."""
        self.session(sock, b'APPEND', lambda tag: self.again(sock, b'* OK still here\r\n', 0.2))

    def list_lines(self, sock):
        """What was asked for, but a line each fifth of a second for ever is no progress."""
        sock.sendall(self.HELLO)
        file = sock.makefile('rb')
        while line := file.readline():
            tag, verb = line.split()[:2]
            if verb == b'LIST':
                self.again(sock, b'* LIST () "/" x\r\n', 0.2)
            sock.sendall(b'* CAPABILITY IMAP4rev1\r\n' * (verb == b'CAPABILITY') + tag + b' OK done\r\n')

    def handshake(self, sock):
        sock.recv(4096)
        sock.sendall(b'\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb')
        self.again(sock, b'\0', 0.2)

    def empty_blocks(self, sock):
        """Compressed, and nothing in it."""
        self.nothing_compressed(sock, b'\0\0\0\xff\xff', 0.2)

    def empty_blocks_in_a_flood(self, sock):
        self.nothing_compressed(sock, b'\0\0\0\xff\xff' * 10000, 0)

    def nothing_compressed(self, sock, data, every):
        def compressed(tag):
            sock.sendall(tag + b' OK go on\r\n')
            self.again(sock, data, every)
        self.session(sock, b'COMPRESS', compressed, 500)

    def session(self, sock, at, then, n=0):
        """A login to an account that has `n` messages in its INBOX, up to the command `at`."""
        words = b'IMAP4rev1 SASL-IR AUTH=PLAIN COMPRESS=DEFLATE UIDPLUS'
        sock.sendall(b'* OK [CAPABILITY ' + words + b'] hi\r\n')
        file = sock.makefile('rb', buffering=0)
        while line := file.readline():
            tag, verb = line.split()[:2]
            if verb == at:
                self.reached.append(at)
                then(tag)
            if verb == b'CAPABILITY':
                sock.sendall(b'* CAPABILITY ' + words + b'\r\n')
            if verb == b'LIST':
                sock.sendall(b'* LIST () "/" INBOX\r\n')
            if verb in (b'STATUS', b'SELECT', b'EXAMINE'):
                sock.sendall(b'* STATUS INBOX (MESSAGES %d UIDNEXT %d UIDVALIDITY 9)\r\n* %d EXISTS\r\n'
                             b'* OK [UIDVALIDITY 9] x\r\n* OK [UIDNEXT %d] x\r\n' % (n, n + 1, n, n + 1))
            if verb == b'UID':
                sock.sendall(b''.join(b'* %d FETCH (UID %d FLAGS () RFC822.SIZE 100000)\r\n' % (i, i) for i in range(1, n + 1)))
            sock.sendall(tag + b' OK done\r\n')

    def listing(self, sock, lines):
        """Logs anybody in, and answers LIST with that for ever."""
        sock.sendall(self.HELLO)
        file = sock.makefile('rb')
        while line := file.readline():
            tag, verb = line.split()[:2]
            while verb == b'LIST':
                sock.sendall(lines())
            sock.sendall(b'* CAPABILITY IMAP4rev1\r\n' * (verb == b'CAPABILITY') + tag + b' OK done\r\n')

    def list_flood(self, sock):
        n = itertools.count()
        self.listing(sock, lambda: b''.join(b'* LIST () "/" m%d\r\n' % next(n) for _ in range(500)))

    def literal_flood(self, sock):
        self.listing(sock, lambda: b'* 1 FETCH (BODY[] {900000}\r\n' + b'x' * 900000 + b')\r\n')

    def taken_in_slowly(self, sock):
        """Reads an octet now and then of what it is sent."""
        def slowly(tag):
            sock.sendall(b'+ go on\r\n')
            while True:
                sock.recv(1)
                time.sleep(0.2)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        self.session(sock, b'APPEND', slowly)

    FLOODS = ('list_flood', 'literal_flood')
    SLOW = ('drip_greeting', 'blank_greeting', 'remarks', 'blanks', 'octets', 'list_lines', 'handshake', 'empty_blocks',
            'empty_blocks_in_a_flood', 'taken_in_slowly', 'append_remarks')

    def begin(self, kind, timeout):
        peer = Peer(getattr(self, kind))
        peer.__enter__()
        self.addCleanup(peer.__exit__)
        near = self.maildir('near-' + kind)
        if kind == 'taken_in_slowly':
            near.deliver('INBOX', message(1, size=8000000))
        for i in range(12 if kind == 'append_remarks' else 0):
            near.deliver('INBOX', message(i))
        config = os.path.join(self.dir, kind)
        tls = f'TLSType IMAPS\nCertificateFile "{authority().ca}"' if kind == 'handshake' else 'TLSType None'
        with open(config, 'w') as f:
            f.write(f'IMAPAccount far\nHost localhost\nPort {peer.port}\nUser u\nPass p\n{tls}\nAuthMechs PLAIN\n'
                    f'Timeout {timeout}\n\nIMAPStore far\nAccount far\n\n{near.store("near")}\nChannel c\nFar :far:\n'
                    f'Near :near:\nPatterns *\nSyncState {self.dir}/state-{kind}/\n')
        os.mkdir(f'{self.dir}/state-{kind}', 0o700)
        return self.spawn('-c', config, '-a', config=False)

    def test_all_waiting_has_an_end(self):
        """All at once: ten times a Timeout of one second, and some more for tries."""
        runs = [(kind, self.begin(kind, 1)) for kind in self.SLOW]
        for kind, p in runs:
            with self.subTest(kind=kind):
                run = self.finish(p, (1, 75), limit=60)
                self.assertLess(run.took, 45, run.err)
        self.assertEqual({w: self.reached.count(w) > 0 for w in (b'APPEND', b'COMPRESS')}, {b'APPEND': True, b'COMPRESS': True})

    def test_a_signal_does_not_wait(self):
        runs = [(kind, self.begin(kind, 30)) for kind in self.SLOW + self.FLOODS]
        time.sleep(1)
        for kind, p in runs:
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        for kind, p in runs:
            with self.subTest(kind=kind):
                self.finish(p, None, limit=30)
                self.assertLess(time.monotonic() - begin, 5)


class Bodies(Told):
    """What comes in place of a message is never stored as it, and keeps no other back."""

    def answers(self, bad, uid):
        """UID FETCH of bodies, in which that of `uid` is as `bad(number, mail)` has it."""
        def fault(session, verb, words):
            if verb != 'UID FETCH' or not any(w.startswith('BODY.PEEK') for w in words[1]):
                return None
            hits = session.box.uids(words[0])
            for i, m in enumerate(session.box.mails):
                if m.uid in hits:
                    session.send(bad(i + 1, m) if m.uid == uid else
                                 b'* %d FETCH (%s)\r\n' % (i + 1, session.fetch_items(m, words[1])))
            return '{tag} OK done\r\n'
        return fault

    def check(self, bad, words):
        self.setUp()
        self.start(account='AuthMechs PLAIN\n')
        made = self.put(6)
        victim = self.box().mails[2]
        self.server.fault = self.answers(bad, victim.uid)
        for _ in range(2):
            run = self.sync(code=1)
            self.assertIn(words, run.err)
            self.assertIn(f'message {victim.uid} of INBOX', run.err)
            self.assertEqual(sorted(serials(self.near)), [s for s in made if s != made[2]])
        self.server.fault = None
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), made)

    def test_what_is_no_message(self):
        def literal(data):
            return b'{%d}\r\n' % len(data) + data
        for bad, words in (
                (lambda i, m: b'* %d FETCH (UID %d BODY[] {0}\r\n)\r\n' % (i, m.uid), 'no text'),
                (lambda i, m: b'* %d FETCH (UID %d BODY[] "")\r\n' % (i, m.uid), 'no text'),
                (lambda i, m: b'* %d FETCH (UID %d BODY[] NIL)\r\n' % (i, m.uid), 'NIL'),
                (lambda i, m: b'* %d FETCH (UID %d BODY[]<0> %s)\r\n' % (i, m.uid, literal(m.data)), 'a part'),
                (lambda i, m: b'* %d FETCH (UID %d BODY[]<5> %s)\r\n' % (i, m.uid, literal(m.data[5:])), 'a part'),
                (lambda i, m: b'* %d FETCH (UID %d BODY[] %s BODY[] %s)\r\n' % (i, m.uid, literal(m.data), literal(b'evil')),
                 'two texts'),
                (lambda i, m: b'* %d FETCH (UID %d BODY[] %s RFC822 %s)\r\n' % (i, m.uid, literal(m.data), literal(m.data)),
                 'two texts'),
                (lambda i, m: b'* %d FETCH (UID %d BODY[] %s UID %d)\r\n' % (i, m.uid, literal(m.data), m.uid + 1), 'two UIDs'),
                (lambda i, m: b'* %d FETCH (UID %d BODY[] %s UID %d BODY[] %s)\r\n' % (
                    i, m.uid, literal(b'evil'), m.uid + 1, literal(b'evil')), 'two UIDs'),
                (lambda i, m: b'* %d FETCH (UID %d BODY[] %s)\r\n' % (i, m.uid, literal(b'x' * 20000000)), 'far more')):
            with self.subTest(words=words):
                self.check(bad, words)

    def test_a_body_of_another(self):
        """Behind the right one, and in place of it: it is nobody's."""
        self.start(account='AuthMechs PLAIN\n')
        made = self.put(4)
        self.box().drop({2})

        def bad(i, m):
            evil = b'{4}\r\nevil'
            return (b'* 9 FETCH (UID 2 BODY[] %s)\r\n* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n* 8 FETCH (UID 99 BODY[] %s)\r\n'
                    b'* %d FETCH (UID %d BODY[] %s)\r\n' % (evil, i, m.uid, len(m.data), m.data, evil, i, m.uid, evil))
        self.server.fault = self.answers(bad, 3)
        self.sync()
        self.server.fault = None
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), made[:1] + made[2:])

    def test_sizes_that_are_always_wrong(self):
        """0 for all, as a bridge has it; 1; and far too much."""
        for size in (0, 1, 4000000000):
            with self.subTest(size=size):
                self.setUp()
                self.start(account='AuthMechs PLAIN\n')
                right = Session.fetch_items

                def items(session, m, wanted):
                    return re.sub(rb'RFC822\.SIZE \d+', b'RFC822.SIZE %d' % size, right(session, m, wanted))
                Session.fetch_items = items
                self.addCleanup(setattr, Session, 'fetch_items', right)
                made = self.put(5)
                self._serial += 1
                self.box().add(message(self._serial, size=3000000).replace(b'\n', b'\r\n'))
                made.append(self._serial)
                new = self.fill(self.near, 'INBOX', 3)
                self.sync_twice()
                self.assertEqual(sorted(serials(self.near)), made + new)
                Session.fetch_items = right


class Private(Told):
    """What is nobody else's business stays so."""

    WORD = 'correct horse/battery'

    def test_a_password_that_is_echoed(self):
        self.start(account='Timeout 1\n')
        self.put(2)
        with open(self.config) as f:
            text = f.read().replace('Pass secret', f'Pass "{self.WORD}"').replace('AuthMechs LOGIN', 'AuthMechs PLAIN LOGIN')
        self.write_config(text)

        def says(line):
            def fault(session, verb, words):
                if verb in ('AUTHENTICATE', 'LOGIN'):
                    return line.replace('{sent}', str(words[-1]))
            return fault
        for line in ('{tag} NO wrong: ' + self.WORD + '\r\n', '{tag} NO I heard {sent}\r\n',
                     '* NO [ALERT] your password ' + self.WORD + ' is old\r\n{tag} NO [EXPIRED] {sent}\r\n',
                     '* BYE {sent} ' + self.WORD + '\r\n', '* 1 FETCH ' + self.WORD + '\r\n* 2 FETCH {sent}\r\n{tag} NO x\r\n',
                     '{tag} BAD ' + 'x' * 480 + self.WORD + '\r\n', 'nonsense {sent}\r\n', '* 1 FETCH ' + 'x' * 90 + self.WORD + '\r\n'):
            with self.subTest(line=line):
                self.server.fault = says(line)
                transcripts = os.path.join(self.dir, 'transcripts')
                run = self.mailtwin('-V', '-a', '--debug=net,imap,state,run', '--transcript', transcripts, code=(1, 75, 77))
                said = run.out + run.err
                for name in os.listdir(transcripts):
                    with open(os.path.join(transcripts, name)) as f:
                        said += f.read()
                for part in (self.WORD, self.WORD[:10], 'correct', 'Y29ycmVjdCBob3'):
                    self.assertNotIn(part, said)

    def test_a_state_that_is_not_ours_alone(self):
        self.pair()
        self.fill(self.near, 'INBOX', 2)
        self.sync_twice()
        files = [os.path.join(self.state, f) for f in os.listdir(self.state)]
        self.assertTrue(all(os.stat(f).st_mode & 0o077 == 0 for f in files))
        for path in files:
            for mode in (0o644, 0o660, 0o666):
                os.chmod(path, mode)
                for args in (['-a'], ['plan', '-a']):
                    run = self.mailtwin(*args, code=1)
                    self.assertIn('chmod 600', run.err)
                    self.assertIn(os.path.basename(path), run.err)
            os.chmod(path, 0o600)
        for mode in (0o777, 0o770, 0o1777):
            os.chmod(self.state, mode)
            self.assertIn('chmod go-w', self.mailtwin('-a', code=1).err)
        os.chmod(self.state, 0o755)
        self.sync_twice()
        if os.geteuid() == 0:
            for path in [self.state, *files]:
                os.chown(path, 12345, -1)
                self.assertIn('another user (12345)', self.mailtwin('-a', code=1).err)
                os.chown(path, 0, -1)
        self.sync_twice()

    def test_a_password_in_a_file_that_others_read(self):
        self.start()
        self.sync_twice()
        os.chmod(self.config, 0o644)
        for args in (['-a'], ['plan', '-a'], ['check-config']):
            self.assertIn('can be read by others:  chmod 600', self.mailtwin(*args).err)
        os.chmod(self.config, 0o600)
        self.assertNotIn('chmod', self.mailtwin('-a').err)
