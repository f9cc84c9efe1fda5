"""Bodies on the wire: uploads that share a command (MULTIAPPEND) and what becomes of each message, whatever the server says
of them together; and COMPRESS."""
from lib import find, message, serials
from accounts import Account
from scripted import CUT
from test_scripted import Told


class Together(Told):
    def begin(self, **kw):
        self.start(more=['MULTIAPPEND'], **kw)

    def appends(self):
        """The number of messages in each APPEND that was heard."""
        return [sum(isinstance(w, bytes) for w in words) for _, verb, words in self.server.seen if verb == 'APPEND']

    def test_one_command_for_many(self):
        self.begin()
        n = self.fill(self.near, 'INBOX', 30, 'S')
        self.near.flag(self.one(self.near, n[4]), add='F')
        self.sync_twice()
        self.assertEqual(self.appends(), [30])
        self.assertIn('F', self.one(self.far, n[4]).flags)
        self.assertEqual(sorted(serials(self.far)), n)

    def test_no_command_grows_without_bound(self):
        """By octets, and by count."""
        self.begin()
        for k in range(6):
            self.near.deliver('INBOX', message(500 + k, size=300_000), 'S')
        for k in range(250):
            self.near.deliver('INBOX', message(1000 + k), 'S')
        self.near.deliver('INBOX', message(900, size=3_000_000), 'S')
        self.sync_twice()
        sizes = [sum(len(w) for w in words if isinstance(w, bytes)) for _, verb, words in self.server.seen if verb == 'APPEND']
        self.assertEqual(sum(self.appends()), 257)
        self.assertLessEqual(max(self.appends()), 100)
        self.assertEqual([s for s in sizes if s > 1_000_000], [s for s in sizes if s > 3_000_000])

    def test_without_multiappend_each_has_its_own(self):
        self.start()
        self.fill(self.near, 'INBOX', 10, 'S')
        self.sync_twice()
        self.assertEqual(self.appends(), [1] * 10)

    def test_server_that_waits_at_each_literal(self):
        self.begin(without=['LITERAL+'])
        n = self.fill(self.near, 'INBOX', 10, 'S')
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), n)

    def refuse(self, word, answer):
        """Every APPEND that holds `word` is refused."""
        def fault(session, verb, words):
            if verb == 'APPEND' and any(word in w for w in words if isinstance(w, bytes)):
                return answer
        self.server.fault = fault

    def test_one_refused_for_good_keeps_no_other_back(self):
        self.begin()
        n = self.fill(self.near, 'INBOX', 12, 'S')
        self.near.deliver('INBOX', b'a: b\n\nserial 77.\nPOISON\n', 'S')
        n += self.fill(self.near, 'INBOX', 12, 'S')
        self.refuse(b'POISON', '{tag} NO [TOOBIG] not this one\r\n')
        run = self.sync(code=1)
        self.assertEqual(run.err.count('not this one'), 1, run.err)
        self.assertEqual(sorted(serials(self.far)), sorted(n))
        self.server.fault = None
        self.server.seen.clear()
        self.sync(code=(0, 1))
        self.assertEqual(self.appends(), [])            # it is set aside, and the others are not

    def test_one_refused_for_now_is_tried_again(self):
        self.begin()
        n = self.fill(self.near, 'INBOX', 5, 'S')
        self.near.deliver('INBOX', b'a: b\n\nserial 77.\nPOISON\n', 'S')
        self.refuse(b'POISON', '{tag} NO your mailbox is full\r\n')
        self.sync(code=1)
        self.assertEqual(sorted(serials(self.far)), n)
        self.server.fault = None
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), sorted(n + [77]))

    def test_refused_at_the_first_literal(self):
        """NO in place of the `+`: the others were never sent, and go one by one."""
        self.begin(without=['LITERAL+'])
        n = self.fill(self.near, 'INBOX', 5, 'S')
        self.near.deliver('INBOX', message(900, size=50_000), 'S')

        def too_big(session, size):
            return None if size < 20_000 else '{tag} NO [TOOBIG] that is more than we take\r\n'
        self.server.before_literal = too_big
        run = self.sync(code=1)
        self.assertIn('more than we take', run.err)
        self.assertEqual(sorted(serials(self.far)), n)

    def test_answer_lost(self):
        """R11, R16: all of a group is unknown then, and found by looking."""
        for without in ((), ['UIDPLUS']):
            with self.subTest(without=without):
                self.setUp()
                self.begin(without=without)
                lost = []

                def after(session, verb, words):
                    if verb == 'APPEND' and not lost:
                        lost.append(verb)
                        return CUT
                self.server.after = after
                n = self.fill(self.near, 'INBOX', 30, 'S')
                self.sync(code=(0, 1, 75))
                self.assertTrue(lost)
                self.sync_twice()
                self.assertEqual(sorted(serials(self.far)), n)
                self.assertEqual(set(serials(self.far).values()), {1})

    def test_refused_and_stored(self):
        """R11: NO to a group that is there for all that: it is not sent again before somebody has looked."""
        for without in ((), ['UIDPLUS']):
            with self.subTest(without=without):
                self.setUp()
                self.begin(without=without)
                told = []

                def fault(session, verb, words):
                    if verb == 'APPEND' and not told:
                        told.append(verb)
                        session.do_append(words)
                        return '{tag} NO not today\r\n'
                self.server.fault = fault
                n = self.fill(self.near, 'INBOX', 30, 'S')
                self.sync(code=(0, 1, 75))
                self.assertTrue(told)
                self.sync_twice()
                self.assertEqual(self.appends(), [30])
                self.assertEqual(sorted(serials(self.far)), n)
                self.assertEqual(set(serials(self.far).values()), {1})

    def test_answers_that_do_not_add_up(self):
        """APPENDUID names fewer than were sent: none of them is believed, all are found by what they are."""
        self.begin()
        n = self.fill(self.near, 'INBOX', 10, 'S')

        def fault(session, verb, words):
            if verb == 'APPEND':
                session.do_append(words)
                return f'{{tag}} OK [APPENDUID {self.box().uidvalidity} 1:3] done\r\n'
        self.server.fault = fault
        self.sync(code=(0, 1))
        self.server.fault = None
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), n)


class Compressed(Told):
    """COMPRESS=DEFLATE (RFC 4978), by a server that does it, and by one that does not want to."""

    def work(self):
        s = self.put(60, 'INBOX')
        for m in self.box().mails:
            m.data += b'all work and no play\r\n' * 300
        n = self.fill(self.near, 'INBOX', 60, 'S', size=6000)
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), sorted(s + n))

    def test_both_ways(self):
        self.start(more=['COMPRESS=DEFLATE', 'MULTIAPPEND'])
        self.work()
        asked = [session for session, verb, _ in self.server.seen if verb == 'COMPRESS']
        self.assertTrue(asked)
        self.assertEqual(len(asked), len(set(asked)), 'asked twice in one session')

    def test_refused(self):
        self.start(more=['COMPRESS=DEFLATE'])
        self.server.fault = lambda session, verb, words: (
            '{tag} NO [COMPRESSIONACTIVE] TLS does that already\r\n' if verb == 'COMPRESS' else None)
        self.work()
        self.assertIn('COMPRESS', self.server.verbs())

    def test_hangs_up_at_it(self):
        self.start(more=['COMPRESS=DEFLATE'])
        hung = []

        def fault(session, verb, words):
            if verb == 'COMPRESS' and not hung:
                hung.append(verb)
                return CUT
        self.server.fault = fault
        self.work()
        self.assertTrue(hung)

    def test_switched_off(self):
        self.start(more=['COMPRESS=DEFLATE'], account='DisableExtension COMPRESS=DEFLATE\n')
        self.work()
        self.assertNotIn('COMPRESS', self.server.verbs())


class Real(Account):
    """Real servers take none of a group with one they do not want; what lies behind that is never taken for commands."""

    def refuse_one(self, kind, unwanted, code):
        self.imap_pair(kind=kind)
        self.far.create('kept')
        n = self.fill(self.near, 'INBOX', 10, 'S')
        self.near.deliver('INBOX', unwanted, 'S')
        n += self.fill(self.near, 'INBOX', 10, 'S')
        run = self.sync(code=code)
        self.assertEqual(run.err.count('INBOX: '), 1, run.err)       # said once
        self.assertIn('kept', self.far.boxes())
        self.assertEqual(sorted(serials(self.far)), sorted(n))
        self.assertEqual(len(find(self.near, 77)), 1)

    def test_dovecot_refuses_a_large_one(self):
        self.refuse_one('small mail', b'a: b\n\nserial 77.\n' + b'x1 DELETE kept\nx2 LOGOUT\n' * 2000, (1, 75))

    def test_cyrus_refuses_a_bad_header(self):
        self.refuse_one('cyrus', b'a: b\nthis is no header\n\nserial 77.\n' + b'x1 DELETE kept\nx2 LOGOUT\n' * 200, 1)
