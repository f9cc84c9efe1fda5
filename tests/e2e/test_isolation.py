"""One bad message stops itself alone: the session ends at it, whatever else goes on in it."""
import os
import random
import time

import test_scripted
from lib import message, serials
from scripted import CUT


def literals(words):
    """Bodies of an APPEND, of one message or of several."""
    for w in words:
        if isinstance(w, bytes):
            yield w
        elif isinstance(w, list):
            yield from literals(w)


def holds(words, serial):
    return any(b'\nserial %d.' % serial in b for b in literals(words))


class Ends(test_scripted.Told):
    """What ends sessions, as a fault of the server."""

    def logins(self):
        return sum(v in ('AUTHENTICATE', 'LOGIN') for _, v, _ in self.server.seen)

    def ends_at_append(self, bad, bye=True):
        def fault(session, verb, words):
            if verb == 'APPEND' and any(holds(words, s) for s in bad):
                if bye:
                    session.send('* BYE an octet that is not allowed\r\n')
                return CUT
        self.server.fault = fault

    def ends_at_fetch(self, bad, section=''):
        """Those before it come; bad: (mailbox, UID)."""
        def fault(session, verb, words):
            if verb != 'UID FETCH' or not session.box:
                return None
            items = words[1] if isinstance(words[1], list) else [words[1]]
            name = next(n for n, b in self.server.boxes.items() if b is session.box)
            asked = [u for n, u in bad if n == name and u in session.box.uids(words[0])]
            if not asked or f'BODY.PEEK[{section}]' not in items:
                return None
            for i, m in enumerate(session.box.mails):
                if m.uid in session.box.uids(words[0]) and m.uid < min(asked):
                    session.send(b'* %d FETCH (%s)\r\n' % (i + 1, session.fetch_items(m, ['UID'] + [x for x in items if x != 'UID'])))
            return CUT
        self.server.fault = fault

    def arrived(self, side, expected, missing):
        """Each once, but for those missing."""
        found = serials(side)
        self.assertEqual(sorted(found), sorted(set(expected) - set(missing)))
        self.assertEqual(set(found.values()), {1}, 'some are there twice')


class Uploads(Ends):
    def bad_uploads(self, **kw):
        self.start(**kw)
        self.server.create('z')
        s = self.fill(self.near, 'INBOX', 30, 'S')
        self.near.create('z')
        z = self.fill(self.near, 'z', 12, 'S')
        bad = [s[11], z[3]]
        self.ends_at_append(bad)
        run = self.sync(code=1)
        self.arrived(self.far, s + z, bad)
        for n in bad:
            self.assertIn(f'{self.one(self.near, n).key.split("/")[1]}', run.err)
        self.assertIn('an octet that is not allowed', run.err)
        self.assertLess(self.logins(), 20)
        # From then on: last, alone, once a run.
        self.server.seen.clear()
        new = self.fill(self.near, 'INBOX', 3, 'S')
        run = self.sync(code=1)
        self.arrived(self.far, s + z + new, bad)
        self.assertEqual(run.err.count('ends each session'), 2)
        last = [[n for n in s + z + new if holds(words, n)] for _, v, words in self.server.seen if v == 'APPEND'][-2:]
        self.assertEqual(sorted(last), sorted([n] for n in bad))
        self.assertLess(self.logins(), 6)
        self.server.fault = None
        self.sync()
        self.arrived(self.far, s + z + new, [])
        self.sync_twice()

    def test_pipelined(self):
        self.bad_uploads()

    def test_multiappend(self):
        self.bad_uploads(more=['MULTIAPPEND'])

    def test_on_a_poor_server(self):
        self.bad_uploads(without=['LITERAL+', 'UIDPLUS', 'MOVE', 'QRESYNC', 'CONDSTORE', 'ESEARCH', 'LIST-STATUS'])


class Downloads(Ends):
    def test_bodies(self):
        """Culprits in two mailboxes; two in one of them."""
        for without in ((), ['QRESYNC', 'CONDSTORE', 'LIST-STATUS', 'ESEARCH', 'LITERAL+']):
            with self.subTest(without=without):
                self.setUp()
                self.start(without=without)
                self.server.create('a')
                self.server.create('z')
                s, a, z = self.put(60), self.put(5, 'a'), self.put(9, 'z')
                self.ends_at_fetch([('INBOX', 20), ('INBOX', 41), ('z', 3)])
                bad = [s[19], s[40], z[2]]
                run = self.sync(code=1)
                self.arrived(self.near, s + a + z, bad)
                for uid in (20, 41, 3):
                    self.assertIn(f'(UID {uid}', run.err)
                self.assertLess(self.logins(), 30)
                self.server.seen.clear()
                new = self.put(2, 'z')
                run = self.sync(code=1)
                self.arrived(self.near, s + a + z + new, bad)
                self.assertEqual(run.err.count('ends each session'), 3)
                self.assertLess(self.logins(), 9)
                self.server.fault = None
                self.sync_twice()

    def test_headers(self):
        """Where mail is on both sides and nothing is known of it, headers are asked for."""
        self.start()
        s = self.put(20)
        for n in s:
            self.near.deliver('INBOX', message(n), 'S')
        self.ends_at_fetch([('INBOX', 7)], 'HEADER')
        run = self.sync(code=1)
        self.assertIn('UID 7', run.err)
        self.server.fault = None
        self.sync_twice()
        self.arrived(self.near, s, [])
        self.arrived(self.far, s, [])

    def test_one_mailbox(self):
        """The session ends when one mailbox is selected."""
        self.start()
        self.server.create('bad')
        self.server.create('z')
        s, _, z = self.put(5), self.put(5, 'bad'), self.put(5, 'z')

        def fault(session, verb, words):
            if verb in ('SELECT', 'EXAMINE') and words[0] == 'bad':
                session.send('* BYE the folder is locked\r\n')
                return CUT
        self.server.fault = fault
        run = self.sync(code=(1, 75))
        self.assertIn('bad', run.err)
        self.assertIn('the folder is locked', run.err)
        self.arrived(self.near, s + z, [])
        self.assertLess(self.logins(), 12)
        self.server.fault = None
        self.sync_twice()


class Changes(Ends):
    def test_store_and_move(self):
        """The session ends when the flags of one message are changed, and when another one is moved."""
        for verb in ('UID STORE', 'UID MOVE'):
            with self.subTest(verb=verb):
                self.setUp()
                self.start()
                self.server.create('a')
                self.server.create('z')
                s, z = self.put(20), self.put(5, 'z')
                self.sync()
                for n in s[:8]:
                    if verb == 'UID STORE':
                        self.near.flag(self.one(self.near, n), add='F')
                    else:
                        self.near.move(self.one(self.near, n), 'a')
                self.near.flag(self.one(self.near, z[0]), add='F')

                def fault(session, what, words):
                    if what == verb and session.box is self.box() and 3 in session.box.uids(words[0]):
                        return CUT
                self.server.fault = fault
                run = self.sync(code=1)
                self.assertIn('UID 3', run.err)
                self.assertIn('F', self.one(self.far, z[0]).flags)
                done = [n for n in s[:8] if ('F' in self.one(self.far, n).flags if verb == 'UID STORE' else
                                             self.one(self.far, n).box == 'a')]
                self.assertEqual(done, s[:2] + s[3:8])
                self.server.fault = None
                self.sync_twice()
                self.arrived(self.far, s + z, [])


class Networks(Ends):
    def test_random_losses_make_no_culprit(self):
        """Nobody is named where sessions end by chance, nothing is lost or doubled, and no loss is exit 0."""
        chance = random.Random(7)
        self.start()
        self.server.create('a')
        s, a = self.put(40), self.put(40, 'a')
        n = self.fill(self.near, 'INBOX', 40, 'S')

        def cut(session, verb, words):
            if verb in ('UID FETCH', 'APPEND', 'SELECT', 'UID STORE') and chance.random() < 0.1:
                return CUT
        self.server.fault = cut
        for _ in range(12):
            run = self.sync(code=(0, 75))
            self.assertNotIn('ends each session', run.err)
            if run.code == 0:
                break
        self.assertEqual(run.code, 0, 'it never ends')
        self.server.fault = None
        self.sync_twice()
        self.arrived(self.far, s + a + n, [])
        self.arrived(self.near, s + a + n, [])

    def test_down(self):
        """A server that ends each session at whatever is asked of it, or takes none: a few tries, 75, and no message is to blame
        but perhaps the first."""
        for when in ('login', 'work', 'headers', 'bodies'):
            with self.subTest(when=when):
                self.setUp()
                self.start()
                s = self.put(40)
                n = self.fill(self.near, 'INBOX', 5, 'S') if when != 'bodies' else []

                def fault(session, verb, words):
                    ends = {'login': ('AUTHENTICATE', 'LOGIN'), 'work': ('UID FETCH', 'APPEND'), 'headers': ('UID FETCH',),
                            'bodies': ('UID FETCH',)}[when]
                    return CUT if verb in ends and (when in ('login', 'work') or 'BODY' in str(words)) else None
                self.server.fault = fault
                begun = time.monotonic()
                run = self.sync(code=75)
                self.assertLess(time.monotonic() - begun, 30)
                if when in ('headers', 'bodies'):
                    self.assertRegex(run.err, r'4[0-5] messages wait: .*; the next run goes on')
                self.assertLess(self.logins(), 65 if when == 'headers' else 20)
                self.server.fault = None
                self.sync()
                self.arrived(self.near, s + n, [])
                self.sync_twice()

    def test_answer_lost_and_sent_nothing_twice(self):
        """R11: what was taken in, and not answered, is found in the same run; nothing is sent again that is there."""
        self.start()
        n = self.fill(self.near, 'INBOX', 12, 'S')
        cuts = []

        def after(session, verb, words):
            if verb == 'APPEND' and len(cuts) < 3:
                cuts.append(verb)
                return CUT
        self.server.after = after
        self.sync()
        self.server.after = None
        self.arrived(self.far, n, [])
        self.sync_twice()


class LeftOut(Ends):
    def leaves_out(self, uid, what='BODY.PEEK[]'):
        def fault(session, verb, words):
            if verb == 'UID FETCH' and session.box is self.box() and what in words[1] and uid in session.box.uids(words[0]):
                rest = session.box.uids(words[0]) - {uid}
                if rest:
                    session.do_uid_fetch([','.join(str(u) for u in sorted(rest)), *words[1:]])
                return '{tag} OK done\r\n'
        self.server.fault = fault

    def test_a_body(self):
        """Asked for once more, alone; then it waits for the next run; left out by that as well it is an error with its UID."""
        self.start()
        s = self.put(12)
        self.leaves_out(5)
        run = self.sync(code=75)
        self.assertIn('UID 5', run.err)
        self.arrived(self.near, s, [s[4]])
        asked = [words[0] for _, v, words in self.server.seen if v == 'UID FETCH' and 'BODY.PEEK[]' in words[1]]
        self.assertEqual(asked[-1], '5')
        new = self.put(2)
        run = self.sync(code=1)
        self.assertIn('UID 5', run.err)
        self.assertIn('left out', run.err)
        self.arrived(self.near, s + new, [s[4]])
        self.assertIn('UID 5', self.sync(code=1).err)
        self.server.fault = None
        self.sync()
        self.sync_twice()
        self.arrived(self.near, s + new, [])

    def test_gone_meanwhile(self):
        """One that was expunged before it could be fetched is no error."""
        self.start()
        s = self.put(12)

        def fault(session, verb, words):
            if verb == 'UID FETCH' and 'BODY.PEEK[]' in words[1]:
                self.box().drop({5})
        self.server.fault = fault
        self.sync()
        self.server.fault = None
        self.arrived(self.near, s, [s[4]])
        self.sync_twice()

    def before_it_is_removed(self, **kw):
        """R25: what is to be expunged, is listed, and is left out of the answer that is to show how it looks now, is not gone for that."""
        self.start(**kw)
        s = self.put(12)
        self.sync()
        for n, times, code in ((4, 1, 0), (5, 99, 75)):
            asked = []

            def fault(session, verb, words):
                if verb == 'UID FETCH' and words[0] == str(n + 1) and len(asked) < times:
                    asked.append(words)
                    return '{tag} OK done\r\n'
            self.near.delete(self.one(self.near, s[n]))
            self.server.fault = fault
            run = self.sync(code=code)
            self.assertTrue(asked)
            self.arrived(self.far, s, s[4:5])
            self.arrived(self.near, s, s[4:n + 1])
        self.assertIn('UID 6', run.err)
        self.assertIn('left out whenever', self.sync(code=1).err)
        self.arrived(self.far, s, s[4:5])
        self.arrived(self.near, s, s[4:6])
        self.server.fault = None
        self.sync_twice()
        self.arrived(self.far, s, s[4:6])

    def test_before_it_is_removed(self):
        self.before_it_is_removed()

    def test_before_it_is_removed_from_a_poor_server(self):
        self.before_it_is_removed(without=('UIDPLUS', 'MOVE', 'CONDSTORE', 'QRESYNC', 'ENABLE', 'LIST-STATUS', 'LIST-EXTENDED', 'ESEARCH'))

    def test_a_header(self):
        """Where it is not known whether it is the twin of what is there, neither is copied: nothing is doubled."""
        self.start()
        s = self.put(12)
        for n in s:
            self.near.deliver('INBOX', message(n), 'S')
        self.leaves_out(5, 'BODY.PEEK[HEADER]')
        self.sync(code=(75, 1))
        self.sync(code=1)
        self.arrived(self.near, s, [])
        self.arrived(self.far, s, [])
        self.server.fault = None
        self.sync()
        self.sync_twice()
        self.arrived(self.near, s, [])
        self.arrived(self.far, s, [])

    def refuses(self, uid, section, answer):
        """That message's `section`, or both of them; the others are shown."""
        def fault(session, verb, words):
            items = words[1] if len(words) > 1 and isinstance(words[1], list) else words[1:2]
            asked = [x for x in items if isinstance(x, str) and x.startswith('BODY.PEEK[')]
            if verb != 'UID FETCH' or not asked or section not in asked[0] or uid not in session.box.uids(words[0]):
                return None
            for i, m in enumerate(session.box.mails):
                if m.uid in session.box.uids(words[0]) and m.uid != uid:
                    session.send(session.show(i, m, ['UID'] + [x for x in items if x != 'UID']))
            return '{tag} ' + answer + '\r\n'
        self.server.fault = fault

    def beside_a_twin(self):
        self.setUp()
        self.start()
        s = self.put(6)
        self.near.deliver('INBOX', message(s[2]), 'S', file='1700000000.M1P1.host')
        return s + self.fill(self.near, 'INBOX', 2, 'S')

    def test_a_header_that_is_refused(self):
        """The whole message is had in its place: its twin is found, and nothing waits."""
        s = self.beside_a_twin()
        self.refuses(3, 'HEADER', 'NO not that one')
        self.sync_twice()
        self.arrived(self.near, s, [])
        self.arrived(self.far, s, [])

    def test_a_message_that_cannot_be_read(self):
        """Nor the whole of it: what might be its twin waits, and that is told in each run, and by `plan`."""
        for answer, code, verb in (('NO not that one', 1, 'could not be copied'), ('BAD what is that', 1, 'could not be copied'),
                                   ('NO [UNAVAILABLE] come back later', 75, r'waits?')):
            with self.subTest(answer=answer):
                s = self.beside_a_twin()
                self.refuses(3, '', answer)
                for run in (self.sync(code=code), self.mailtwin('plan', '-a', code=code), self.sync(code=code)):
                    self.assertRegex(run.err, rf'1 message {verb} \(UID 3[^)]*\): .*{answer.split("] ")[-1].split()[-1]}')
                    self.assertRegex(run.err, rf'messages? {verb[:4]}.*1700000000.M1P1.host.*may be one that far does not let us read')
                self.arrived(self.near, s, [])
                self.server.fault = None
                self.sync()
                self.sync_twice()
                self.arrived(self.near, s, [])
                self.arrived(self.far, s, [])

    def test_what_may_have_been_moved_and_cannot_be_read(self):
        """R9: under another UID or in another mailbox. Its twin, by now the last that can be read, stays until it is known what that is."""
        for name in ('INBOX', 'a'):
            with self.subTest(to=name):
                self.setUp()
                self.start()
                self.server.create('a')
                s = self.put(6)
                self.sync_twice()
                inode = os.stat(os.path.join(self.near.box('INBOX'), self.one(self.near, s[2]).key)).st_ino
                mail = self.box().mails[2]
                self.box(name).add(mail.data, mail.flags, mail.date)
                self.box().drop({mail.uid})
                self.refuses(self.box(name).mails[-1].uid, '', 'NO not that one')
                for run in (self.sync(code=1), self.mailtwin('plan', '-a', code=1), self.sync(code=1)):
                    self.assertRegex(run.err, r'it has gone from far, unless it is what cannot be read there: .*not that one')
                    self.assertEqual(self.one(self.near, s[2]).box, 'INBOX')
                self.server.fault = None
                self.sync()
                self.sync_twice()
                self.arrived(self.near, s, [])
                self.arrived(self.far, s, [])
                self.assertEqual(os.stat(os.path.join(self.near.box(name), self.one(self.near, s[2]).key)).st_ino, inode)
