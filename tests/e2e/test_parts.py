"""R25: servers that show, or do, a part of what they are asked (RFC 9738, RFC 9586), and lists that do not add up."""
from lib import ImapSide
from scripted import Scripted
from test_scripted import Told

QRESYNC, CONDSTORE, PLAIN = [], ['QRESYNC'], ['QRESYNC', 'CONDSTORE']
POOR = PLAIN + ['UIDPLUS', 'MOVE', 'ESEARCH', 'UNSELECT']


class Parts(Told):
    def limited(self, limit, without=(), more=('MESSAGELIMIT={}',), **kw):
        self.start(without=list(without), more=[m.format(limit) for m in more], **kw)
        self.server.limit = limit

    def both(self, name='INBOX'):
        """Both sides hold the same, message by message."""
        near = sorted(m.serial for m in self.near.messages(name))
        self.assertEqual(near, sorted(m.serial for m in self.far.messages(name)))
        return near

    def test_list(self):
        """Grown beyond the limit: nothing vanishes, all arrives, and it is said in one run."""
        for without, how in ((QRESYNC, 'mum'), (CONDSTORE, None), (PLAIN, 'climbs'), (PLAIN, 'silent'), (POOR, None)):
            with self.subTest(without=without, how=how):
                self.setUp()
                self.limited(20, without)
                if how:
                    setattr(self.server, how, True)
                self.put(15)
                self.sync()
                self.put(30)
                self.box().drop({3, 4})
                self.sync_twice()
                self.assertEqual(len(self.both()), 43)

    def test_unannounced(self):
        """The limit is not in CAPABILITY, UIDs lie far apart, and there are many pages."""
        self.start()
        self.server.limit = 10
        for _ in range(12):
            self.put(20)
            self.box().uidnext += 1_000_000
        self.sync_twice()
        self.assertEqual(len(self.both()), 240)

    def test_uidonly(self):
        """Yahoo: without UIDONLY it shows the newest alone; and one that does not say that it limits anything."""
        for more in (['MESSAGELIMIT={}', 'UIDONLY', 'PARTIAL'], ['UIDONLY']):
            with self.subTest(more=more):
                self.setUp()
                self.limited(10, PLAIN, more)
                self.server.newest = 10
                s = self.put(25)
                self.sync_twice()
                self.near.flag(self.one(self.near, s[0]), add='F')
                self.near.delete(self.one(self.near, s[1]))
                self.box().drop({20})
                self.sync_twice()
                self.assertEqual(len(self.both()), 23)
                self.assertIn('\\Flagged', self.box().mails[0].flags)

    def test_only_partial(self):
        """A server that offers PARTIAL alone (RFC 9394), and cuts what is longer without a word of where."""
        for without in (CONDSTORE, PLAIN):
            with self.subTest(without=without):
                self.setUp()
                self.limited(400, without, ['PARTIAL'])
                self.server.mum = True
                self.put(1300)
                self.sync()
                self.server.seen.clear()
                self.box().drop({5, 700})
                self.put(3)
                self.sync_twice()
                self.assertEqual(len(self.both()), 1301)
                lists = [w[0] for _, verb, w in self.server.seen if verb == 'UID FETCH' and 'CHANGEDSINCE' not in str(w)]
                self.assertNotIn('1:*', lists)
                if without == PLAIN:
                    self.assertGreater(sum(x.startswith('1:') for x in lists), 1)

    def test_short(self):
        """A list that leaves out messages which are counted: nothing vanishes, it is said, and the next run asks again."""
        for without in (CONDSTORE, PLAIN):
            with self.subTest(without=without):
                self.setUp()
                self.start(without=without)
                s = self.put(12)
                self.sync()
                self.server.hides = {2, 5}
                self.box().drop({7})
                self.put(1)
                run = self.sync(code=1)
                self.assertIn('did not show all of the far mailbox', run.err)
                self.assertNotIn('read-only', run.err)
                self.assertEqual(len(self.near.messages('INBOX')), 13)
                self.server.hides = set()
                self.box().modseq += 1
                self.box().mails[0].flags.add('\\Flagged')
                self.box().mails[0].modseq = self.box().modseq
                self.sync_twice()
                self.assertEqual(len(self.both()), 12)

    def test_never_listed_whole(self):
        """What cannot be sent yet waits for the list, and that is no fault of whoever may write there."""
        self.start(without=PLAIN)
        self.put(5)
        self.fill(self.near, 'INBOX', 2, 'S')
        self.server.hides = {2}
        run = self.sync(code=1)
        self.assertIn('did not show all of the far mailbox', run.err)
        self.assertEqual(len(run.err.splitlines()), 1, run.err)
        self.assertNotIn('read-only', run.err)
        self.server.hides = set()
        self.box().drop({1})
        self.sync_twice()
        self.assertEqual(len(self.both()), 6)

    def test_status_says_more(self):
        """EXISTS and the list agree, and STATUS knows of more: a part."""
        self.start(without=PLAIN)
        self.put(12)
        self.sync()
        self.server.newest = 8
        run = self.sync(code=1)
        self.assertIn('STATUS says that there are 12', run.err)
        self.server.newest = 0
        self.sync_twice()
        self.assertEqual(len(self.both()), 12)

    def test_refused_range(self):
        """NO to one page of the list."""
        self.limited(5)
        self.put(4)
        self.sync()
        self.put(16)
        refuses = [True]
        self.server.fault = lambda session, verb, words: '{tag} NO not now\r\n' \
            if refuses[0] and verb == 'UID FETCH' and not words[0].endswith('*') else None
        self.box().modseq = 1           # R2: listed in full
        self.box().vanished = []
        run = self.sync(code=1)
        self.assertIn('not now', run.err)
        self.assertGreaterEqual(len(self.near.messages('INBOX')), 4)
        refuses[0] = False
        self.sync_twice()
        self.assertEqual(len(self.both()), 20)

    def test_expunged_while_listed(self):
        """EXPUNGE by sequence number in the middle of a list, and mail that comes meanwhile."""
        self.start(without=PLAIN + ['ESEARCH'])
        self.put(12)
        self.sync()
        done = []

        def after(session, verb, words):
            if verb == 'UID FETCH' and not done:
                done.append(verb)
                session.gone({3})
                self.put(1)
                session.send(f'* {len(self.box().mails)} EXISTS\r\n')
        self.server.after = after
        self.sync(code=(0, 1))
        self.sync_twice()
        self.assertEqual(len(self.both()), 12)

    def work(self, without, more, **how):
        """All that is written: flags, deletions, moves and copies of more than a command may name."""
        self.setUp()
        self.limited(7, without, more)
        for k, v in how.items():
            setattr(self.server, k, v)
        self.server.create('B')
        s = self.put(60)
        self.sync_twice()
        for serial in s[:20]:
            self.near.flag(self.one(self.near, serial), add='F')
        for serial in s[20:35]:
            self.near.delete(self.one(self.near, serial))
        for serial in s[35:55]:
            self.near.move(self.one(self.near, serial), 'B')
        self.sync_twice()
        self.assertEqual(self.both(), sorted(s[:20] + s[55:]))
        self.assertEqual(self.both('B'), s[35:55])
        self.assertEqual(sum('\\Flagged' in m.flags for m in self.box().mails), 20)

    def test_work(self):
        for without, more, how in ((QRESYNC, ['MESSAGELIMIT={}'], {}), (PLAIN, [], {}), (POOR, [], {'copies_part': True}),
                                   (PLAIN + ['MOVE'], [], {}), (PLAIN, ['MESSAGELIMIT={}', 'UIDONLY'], {'newest': 7}),
                                   (PLAIN + ['UIDPLUS'], [], {})):
            with self.subTest(without=without, more=more, how=how):
                self.work(without, more, **how)

    def test_two_accounts(self):
        """Both are such servers, and what arrives is more than one command may bring."""
        second = Scripted(without=PLAIN, more=['MESSAGELIMIT=6', 'MULTIAPPEND'])
        second.limit = 6
        second.__enter__()
        self.addCleanup(second.__exit__)
        near = ImapSide(second, 'anna', tls=False)
        self.addCleanup(near.close)
        self.limited(9, QRESYNC, near=near)
        s = self.put(40)
        self.sync_twice()
        self.assertEqual(len(second.boxes['INBOX'].mails), 40)
        self.box().drop({m.uid for m in self.box().mails[:20]})
        for m in second.boxes['INBOX'].mails[25:]:
            m.flags.add('\\Flagged')
        self.sync_twice()
        self.assertEqual(sorted(m.serial for m in near.messages('INBOX')), s[20:])
        self.assertEqual(sum('\\Flagged' in m.flags for m in self.box().mails), 15)
