"""What servers may do to us, by one in RAM that does it when told (tests/servers/scripted.py)."""
import os
import re

from lib import Case, ImapSide, find, message, program, serials
from scripted import CUT, Scripted
from servers import BUILD, libraries, tree


class Told(Case):
    """`self.start()` makes a scripted server the far side and a Maildir the near one."""

    def start(self, channel='', store='', account='', near=None, **kw):
        self.server = Scripted(**kw)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.far = ImapSide(self.server, 'anna', tls=self.server.tls)
        self.addCleanup(self.far.close)
        self.server.seen.clear()
        self.near = near or self.maildir('near')
        self.write_config(f'{self.far.store("far", store, account=account)}\n{self.near.store("near")}\nChannel c\nFar :far:\n'
                          f'Near :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\n{channel}\n')

    def box(self, name='INBOX'):
        return self.server.boxes[name]

    def put(self, n, name='INBOX', flags=('\\Seen',)):
        made = []
        for _ in range(n):
            self._serial += 1
            self.box(name).add(message(self._serial).replace(b'\n', b'\r\n'), flags)
            made.append(self._serial)
        return made

    def sync_under_another_uidvalidity(self):
        """The far side stands still: the first SELECT of INBOX is for writing, and finds another UIDVALIDITY."""
        changed = []

        def fault(session, verb, words):
            if verb == 'SELECT' and words[0] == 'INBOX' and not changed:
                changed.append(verb)
                self.box().uidvalidity += 1
        self.server.fault = fault
        self.sync(code=(0, 1))
        self.server.fault = None
        self.assertTrue(changed)


class Encoded(Told):
    def test_directories_in_modified_utf7(self):
        """As mbsync up to 1.4 made them: held and told, nothing is made on either side; once renamed it is the twin."""
        for there in True, False:
            with self.subTest(there=there):
                self.setUp()
                self.start()
                old, name = 'Entw&APw-rfe', 'Entw\u00fcrfe'
                if there:
                    self.server.create(old)
                    self.box(old).add(message(900).replace(b'\n', b'\r\n'), ('\\Seen',))
                self.near.create(old)
                self.near.deliver(old, message(900), 'S')
                s = self.put(2)
                for run in self.mailtwin('plan', '-a', code=1), self.sync(code=1):
                    self.assertIn(f'--rename-utf7 c renames its directory to "{name}"', run.err)
                self.assertEqual(sorted(self.server.boxes), ['Entw&APw-rfe', 'INBOX'][not there:])
                self.assertEqual(self.near.boxes(), sorted(['INBOX', old]))
                self.assertEqual(len(self.near.messages('INBOX')), len(s))
                os.rename(self.near.box(old), self.near.box(name))
                self.sync_twice()
                self.assertEqual(len(self.box(old).mails), 1)
                self.assertEqual(len(self.near.messages(name)), 1)


class Numbers(Told):
    """R1, R2, R3: what cursors and numbers say."""

    def test_plain_work(self):
        for without in ((), ['QRESYNC'], ['QRESYNC', 'CONDSTORE', 'LIST-STATUS'],
                        ['QRESYNC', 'CONDSTORE', 'UIDPLUS', 'MOVE', 'ESEARCH', 'LIST-STATUS', 'LIST-EXTENDED', 'LITERAL+',
                         'SASL-IR', 'ENABLE', 'NAMESPACE', 'UNSELECT', 'ID', 'SPECIAL-USE']):
            with self.subTest(without=without):
                self.setUp()
                self.start(without=without)
                s = self.put(25)
                n = self.fill(self.near, 'INBOX', 3, 'F')
                self.sync_twice()
                self.box().drop({1, 4, 5, 6, 9})
                self.near.flag(self.one(self.near, s[1]), add='F')
                self.near.delete(self.one(self.near, n[0]))
                self.sync_twice()
                self.assertEqual(len(self.near.messages('INBOX')), 22)

    def test_vanished_in_several_lines(self):
        """R3: VANISHED comes as it likes, UIDs nobody knew among them."""
        self.start()
        s = self.put(30)
        self.sync()
        self.box().vanished.append((self.box().modseq, 4_000_000))
        self.box().drop({2, 3, 9, 17})
        run = self.sync('-a', '--debug=run')
        self.assertNotIn('listed in full', run.err)
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), [x for x in s if x not in (2, 3, 9, 17)])

    def test_mailbox_without_modseqs(self):
        """NOMODSEQ: such a mailbox never stands still, and works all the same."""
        self.start()
        self.box().has_modseq = False
        s = self.put(25)
        self.sync_twice()
        self.box().mails[0].flags.add('\\Flagged')
        self.box().drop({3})
        self.near.flag(self.one(self.near, s[3]), add='R')
        self.sync_twice()
        self.assertIn('F', self.one(self.near, s[0]).flags)
        self.assertEqual(find(self.near, s[2]), [])

    def test_highestmodseq_falls(self):
        """R2: the index was rebuilt; a flag and an expunge hide behind a HIGHESTMODSEQ that fell."""
        for without in ((), ['QRESYNC']):
            with self.subTest(without=without):
                self.setUp()
                self.start(without=without)
                s = self.put(30)
                for _ in range(20):
                    self.box().modseq += 1
                self.sync()
                self.box().mails[4].flags.add('\\Flagged')
                self.box().mails = [m for m in self.box().mails if m.uid != 8]
                self.box().modseq = 3
                for m in self.box().mails:
                    m.modseq = 1
                self.sync_twice()
                self.assertIn('F', self.one(self.near, s[4]).flags)
                self.assertEqual(find(self.near, s[7]), [])

    def test_count_does_not_add_up(self):
        """R2: something vanished and no VANISHED tells of it."""
        self.start()
        s = self.put(30)
        self.sync()
        self.box().drop({5, 6})
        self.box().vanished = []
        self.sync_twice()
        self.assertEqual(len(self.near.messages('INBOX')), 28)
        self.assertEqual(find(self.near, s[4]), [])

    def test_uidvalidity_changes_between_plan_and_execution(self):
        """R17: the mailbox is another one when the write arrives: nothing is written until it was read anew."""
        self.start()
        s = self.put(30)
        self.sync()
        self.near.flag(self.one(self.near, s[0]), add='F')
        self.near.delete(self.one(self.near, s[1]))
        self.server.seen.clear()
        self.sync_under_another_uidvalidity()
        self.sync()
        verbs = [v for _, v, words in self.server.seen
                 if v in ('UID STORE', 'UID EXPUNGE', 'UID MOVE') or (v == 'UID FETCH' and 'BODY.PEEK[HEADER]' in words[1])]
        self.assertEqual(verbs[0], 'UID FETCH')
        self.sync_twice()
        self.assertEqual(set(serials(self.far).values()), {1})
        self.assertEqual(sorted(serials(self.far)), s)
        self.assertIn('F', self.one(self.far, s[0]).flags)

    def test_moved_on_the_server_behind_our_back(self):
        """R13: from a mailbox we are about to read to one we have: a move still, no deletion and no body."""
        self.start()
        self.server.create('a')
        s = self.put(30)
        self.sync()
        inode = os.stat(os.path.join(self.near.box('INBOX'), self.one(self.near, s[3]).key)).st_ino
        self.far.flag(self.one(self.far, s[0]), add='F')
        moved = []

        def fault(session, verb, words):
            if verb == 'SELECT' and words[0] == 'INBOX' and not moved:
                mail = self.box().mails[3]
                moved.append(self.box('a').add(mail.data, mail.flags, mail.date))
                self.box().drop({mail.uid})
        self.server.fault = fault
        self.server.seen.clear()
        self.sync()
        self.assertTrue(moved)
        self.server.fault = None
        self.assertEqual(self.one(self.near, s[3]).box, 'a')
        self.assertEqual(os.stat(os.path.join(self.near.box('a'), self.one(self.near, s[3]).key)).st_ino, inode)
        self.assertFalse([w for _, v, w in self.server.seen if v == 'UID FETCH' and 'BODY.PEEK[]' in w[1]])
        self.sync_twice()

    def test_uids_given_anew(self):
        """R13: a server that gives the UID of a message that is to be deleted to another one, under the same UIDVALIDITY."""
        for without in (['QRESYNC'], ['QRESYNC', 'CONDSTORE', 'UIDPLUS', 'MOVE', 'ESEARCH']):
            with self.subTest(without=without):
                self.setUp()
                self.start(without=without)
                s = self.put(30)
                self.sync_twice()
                again = [9001, 9002]
                for i, serial in enumerate(again):
                    mail = self.box().mails[4 + i]
                    data = message(serial).replace(b'\n', b'\r\n')
                    if i == 0:          # only its date tells that it is another
                        data += b'x' * (len(mail.data) - len(data))
                        self.assertEqual(len(data), len(mail.data))
                    mail.data, mail.date = data, '"01-Feb-2020 10:00:00 +0000"'
                    self.near.delete(self.one(self.near, s[4 + i]))
                self.near.delete(self.one(self.near, s[9]))
                self.far.known.clear()
                run = self.sync()
                self.assertIn('another message by the UID', run.out + run.err)
                self.sync_twice()
                self.assertEqual(sorted(serials(self.near)), sorted(set(s) - {s[4], s[5], s[9]} | set(again)))

    def test_sizes_and_dates_that_change_by_themselves(self):
        """R13: what its header tells is deleted, whatever size and date a server makes up."""
        self.start(without=['QRESYNC'])
        s = self.put(30)
        self.sync_twice()
        for mail in self.box().mails:
            mail.date = '"01-Feb-2020 10:00:00 +0000"'
        self.near.delete(self.one(self.near, s[4]))
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), sorted(set(s) - {s[4]}))

    def test_no_uidvalidity(self):
        self.start()
        self.put(3)
        self.box().uidvalidity = 0
        run = self.sync(code=1)
        self.assertIn('UIDVALIDITY', run.err)
        self.assertEqual(self.near.messages('INBOX'), [])


class Claims(Told):
    """R16: a tagged OK proves nothing."""

    def ok_without_effect(self, verb, code=(0, 1)):
        def fault(session, what, words):
            return b'{tag} OK done\r\n'.decode() if what == verb else None
        self.server.fault = fault
        run = self.sync(code=code)
        self.server.fault = None
        return run

    def test_store(self):
        self.start()
        s = self.put(3)
        self.sync()
        self.near.flag(self.one(self.near, s[0]), add='F')
        run = self.ok_without_effect('UID STORE', 1)
        self.assertIn('OK', run.err)
        self.sync_twice()
        self.assertIn('F', self.one(self.far, s[0]).flags)

    def test_expunge(self):
        self.start()
        s = self.put(30)
        self.sync()
        self.near.delete(self.one(self.near, s[0]))
        self.ok_without_effect('UID EXPUNGE')
        self.assertEqual(find(self.near, s[0]), [])
        self.sync_twice()
        self.assertEqual(find(self.far, s[0]), [])

    def test_move(self):
        self.start()
        self.server.create('a')
        s = self.put(30)
        self.sync()
        self.near.move(self.one(self.near, s[0]), 'a')
        self.ok_without_effect('UID MOVE')
        self.sync(code=(0, 1))
        self.sync_twice()
        self.assertEqual(self.one(self.far, s[0]).box, 'a')
        self.assertEqual(self.one(self.near, s[0]).box, 'a')

    def test_append_that_is_hidden(self):
        """R11: said OK, named no UID, and does not show it: it is told, and not sent again within ten minutes."""
        self.start()
        self.put(2)
        self.sync()
        n = self.fill(self.near, 'INBOX', 1, 'S')
        self.ok_without_effect('APPEND')
        for _ in range(3):
            run = self.sync(code=75)
            self.assertIn('1 message waits', run.err)
            self.assertIn('does not show it', run.err)
        plan = self.mailtwin('plan', '-a', code=75)
        self.assertIn('does not show it', plan.err)
        self.assertNotIn('nothing to do', plan.out)
        self.assertEqual(self.server.verbs().count('APPEND'), 1)
        self.assertEqual(len(find(self.near, n[0])), 1)

    def test_copy_that_is_hidden(self):
        """R11: COPY was OK and copied nothing, and the original has gone: it is told, and sent from the other side after ten minutes."""
        self.start(without=['UIDPLUS', 'MOVE'])
        self.server.create('a')
        n = self.put(3)
        self.sync()
        self.near.move(self.one(self.near, n[1]), 'a')
        self.ok_without_effect('UID COPY')
        self.sync(code=(0, 75))
        for _ in range(2):
            self.assertIn('does not show it', self.sync(code=75).err)
        self.assertEqual(find(self.far, n[1]), [])
        self.assertEqual([m.box for m in find(self.near, n[1])], ['a'])
        self.server.fault = None
        later = self.later(700)
        self.sync(env=later)
        self.sync_twice()
        self.assertEqual([m.box for m in find(self.far, n[1])], ['a'])

    def test_append_without_uidplus(self):
        """R11: the new UID is found by identity; nothing is added to the message."""
        self.start(without=['UIDPLUS'])
        n = self.fill(self.near, 'INBOX', 10, 'S') + self.fill(self.near, 'INBOX', 3)
        self.sync_twice()
        for m in self.box().mails:
            self.assertNotIn(b'X-TUID', m.data)
        self.near.flag(self.one(self.near, n[0]), add='F')
        self.box().mails[3].flags.add('\\Answered')
        self.box().modseq += 1
        self.box().mails[3].modseq = self.box().modseq
        self.sync_twice()

    def test_foreign_marks_survive_without_uidplus(self):
        """R18: a plain EXPUNGE only where all that is \\Deleted is ours."""
        self.start(without=['UIDPLUS', 'QRESYNC'])
        self.write_config(open(self.config).read().replace('Expunge Both', 'Expunge None'))
        s = self.put(30)
        self.sync()
        self.far.flag(self.one(self.far, s[5]), add='T')
        self.sync()
        self.near.delete(self.one(self.near, s[0]))
        self.sync(code=(0, 1))
        self.sync(code=(0, 1))
        self.assertNotIn('EXPUNGE', self.server.verbs())
        self.assertEqual(len(find(self.far, s[5])), 1)

    def test_nothing_but_uids(self):
        """R18: no sequence number, no bare EXPUNGE, no CLOSE, no FLAGS that replaces, whatever is done."""
        self.start()
        self.server.create('a')
        s = self.put(30)
        self.fill(self.near, 'INBOX', 5, 'S')
        self.sync()
        self.near.flag(self.one(self.near, s[0]), add='F', remove='S')
        self.near.delete(self.one(self.near, s[1]))
        self.near.flag(self.one(self.near, s[2]), add='T')
        self.near.move(self.one(self.near, s[3]), 'a')
        self.sync_twice()
        for _, verb, words in self.server.seen:
            self.assertNotIn(verb, ('STORE', 'FETCH', 'COPY', 'MOVE', 'EXPUNGE', 'CLOSE', 'SEARCH'))
            if verb == 'UID STORE':
                self.assertIn(words[1][0], '+-')


class Refusals(Told):
    """One thing fails, the rest goes on; each with its words."""

    def test_append_too_big(self):
        self.start()

        def fault(session, verb, words):
            if verb == 'APPEND' and len(words[-1]) > 20000:
                return '{tag} NO [TOOBIG] that is more than we take\r\n'
        self.server.fault = fault
        n = self.fill(self.near, 'INBOX', 5, 'S')
        self.near.deliver('INBOX', message(900, size=50000), 'S')
        n += self.fill(self.near, 'INBOX', 5, 'S')
        run = self.sync(code=1)
        self.assertIn('more than we take', run.err)
        self.assertEqual(sorted(serials(self.far)), sorted(n))
        self.sync(code=(0, 1))                  # it is set aside, said once

    def test_append_limit(self):
        self.start(more=['APPENDLIMIT=20000'])
        self.fill(self.near, 'INBOX', 2, 'S')
        self.near.deliver('INBOX', message(900, size=50000), 'S')
        run = self.sync(code=1)
        self.assertIn('20000', run.err)
        self.assertEqual(len(self.box().mails), 2)

    def test_append_over_quota(self):
        """Nothing wrong with the message: it is tried again in the next run."""
        self.start()
        full = [True]

        def fault(session, verb, words):
            if verb == 'APPEND' and full:
                return '{tag} NO [OVERQUOTA] your mailbox is full\r\n'
        self.server.fault = fault
        self.put(2)
        n = self.fill(self.near, 'INBOX', 2, 'S')
        run = self.sync(code=(1, 75))
        self.assertIn('full', run.err)
        self.assertEqual(len(self.near.messages('INBOX')), 4)
        full.clear()
        self.sync_twice()
        self.assertEqual(len(find(self.far, n[0])), 1)

    def test_nul(self):
        self.start()
        self.near.deliver('INBOX', b'a: b\n\nserial 77.\n\0\n', 'S')
        n = self.fill(self.near, 'INBOX', 2, 'S')
        run = self.sync(code=1)
        self.assertIn('NUL', run.err)
        self.assertEqual(sorted(serials(self.far)), n)

    def test_body_that_cannot_be_read(self):
        """NO to the FETCH of one message: the others come."""
        self.start()
        s = self.put(60)

        def fault(session, verb, words):
            if verb == 'UID FETCH' and 'BODY.PEEK[]' in words[1] and 7 in self.box().uids(words[0]):
                return '{tag} NO that one is broken\r\n'
        self.server.fault = fault
        run = self.sync(code=1)
        self.assertIn('broken', run.err)
        self.assertEqual(sorted(serials(self.near)), [x for x in s if x != 7])
        self.server.fault = None
        self.sync_twice()

    def test_read_only_mailbox(self):
        self.start()
        s = self.put(25)
        self.box().read_only = True
        self.sync()
        self.near.flag(self.one(self.near, s[0]), add='F')
        self.near.delete(self.one(self.near, s[1]))
        self.box().mails[3].flags.add('\\Flagged')
        self.box().modseq += 1
        self.box().mails[3].modseq = self.box().modseq
        run = self.sync(code=(0, 1))
        self.assertIn('read-only', run.err)
        self.assertIn('F', self.one(self.near, s[3]).flags)
        self.assertEqual(len(self.box().mails), 25)
        for verb in ('UID STORE', 'UID EXPUNGE', 'APPEND'):
            self.assertNotIn(verb, self.server.verbs())

    def test_mailbox_that_cannot_be_selected(self):
        self.start()
        self.server.create('bad')
        self.put(5)
        self.server.fault = lambda session, verb, words: (
            '{tag} NO [NOPERM] not for you\r\n' if verb in ('SELECT', 'EXAMINE') and words[0] == 'bad' else None)
        run = self.sync(code=1)
        self.assertIn('not for you', run.err)
        self.assertEqual(len(self.near.messages('INBOX')), 5)

    def test_keywords_the_server_does_not_keep(self):
        """R14: what a side cannot keep is no change there."""
        self.start()
        self.box().permanent = '\\Answered \\Flagged \\Deleted \\Seen'        # no \\Draft, no keywords
        n = self.fill(self.near, 'INBOX', 2, 'DFP')
        self.sync_twice(twins=False)
        self.assertEqual(self.one(self.near, n[0]).flags, frozenset('DFP'))
        self.assertIn('F', self.one(self.far, n[0]).flags)

    def test_noselect_parents(self):
        self.start()
        self.server.create('a', noselect=True)
        self.server.create('a/b')
        self.put(2, 'a/b')
        self.sync_twice()
        self.assertEqual(len(self.near.messages('a/b')), 2)

    def test_names_that_cannot_be(self):
        """Reported and left alone, never followed."""
        self.start()
        for name in ('../up', 'a/../../b', 'x/', '&broken-', 'cur', 'ok'):
            self.server.create(name)
            self.put(1, name)
        run = self.sync(code=(0, 1))
        self.assertIn('up', run.err)
        self.assertFalse(os.path.exists(os.path.join(self.dir, 'up')))
        self.assertFalse(os.path.exists(os.path.join(self.dir, 'b')))
        self.assertEqual(len(self.near.messages('ok')), 1)
        self.sync(code=(0, 1))

    def test_prefix_and_dots(self):
        """NAMESPACE ("INBOX." "."), as Courier and old Cyrus."""
        self.start(prefix='INBOX.', delimiter='.')
        self.server.create('INBOX.work')
        self.server.create('INBOX.work.2026')
        self.put(2)
        self.put(3, 'INBOX.work.2026')
        self.near.create('own/deep')
        n = self.fill(self.near, 'own/deep', 2)
        self.sync()
        self.assertEqual(self.near.boxes(), ['INBOX', 'own/deep', 'work', 'work/2026'])
        self.assertIn('INBOX.own.deep', self.server.boxes)
        self.assertEqual(len(self.server.boxes['INBOX.own.deep'].mails), len(n))
        was = self.far.still(), self.near.still()
        self.sync()
        self.assertEqual(was, (self.far.still(), self.near.still()))

    def test_path_and_subscribed_only(self):
        self.start(store='Path Mail/\nSubscribedOnly yes', delimiter='/')
        for name in ('Mail/a', 'Mail/b', 'Other'):
            self.server.create(name)
            self.put(1, name)
        self.server.subscribed |= {'Mail/a', 'Other'}
        self.put(1)
        self.sync()
        self.assertEqual(self.near.boxes(), ['INBOX', 'a'])
        self.near.create('c')
        self.fill(self.near, 'c', 1)
        self.sync()
        self.assertIn('Mail/c', self.server.boxes)
        self.assertIn('Mail/c', self.server.subscribed)

    def test_kerberos(self):
        """GSSAPI alone: what is missing is named, be it the plugin or a ticket; no password is asked for."""
        self.start(without=['AUTH=PLAIN'], more=['AUTH=GSSAPI'])
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace('AuthMechs LOGIN', 'AuthMechs GSSAPI').replace('Pass secret\n', ''))
        run = self.sync('-a', code=77, env={'SASL_PATH': self.dir})
        self.assertIn('GSSAPI cannot be used: its SASL plugin is not installed', run.err)
        if not os.path.exists(os.path.join(BUILD, 'servers/kerberos/.done')):
            self.skipTest('the plugin is not unpacked: run `make deps`')
        plugins = [p for p in libraries(tree('kerberos')) if os.path.isdir(p + '/sasl2')]
        run = self.sync('-a', code=77, env={'SASL_PATH': plugins[0] + '/sasl2', 'LD_LIBRARY_PATH': ':'.join(plugins),
                                            'KRB5CCNAME': f'FILE:{self.dir}/none', 'KRB5_CONFIG': '/dev/null'})
        self.assertIn('No Kerberos credentials available', run.err)
        self.assertIn('kinit', run.err)
        self.assertNotIn('AUTHENTICATE', self.server.verbs())

    def test_refused_without_a_reason(self):
        """Tried again run by run; where the server took others three times, no longer, until somebody says so."""
        self.start()
        s = self.fill(self.near, 'INBOX', 1)
        mark = b'serial %d.' % s[0]
        self.server.fault = lambda session, verb, words: (
            '{tag} NO not this one\r\n' if verb == 'APPEND' and mark in words[-1] else None)
        for others in (1, 0, 0, 1, 1):
            self.fill(self.near, 'INBOX', others)
            run = self.sync(code=1)
            self.assertIn('not this one', run.err)
        self.assertIn('--retry-failed', run.err)
        self.server.seen.clear()
        self.assertEqual(self.sync().err, '')
        self.assertNotIn('APPEND', self.server.verbs())
        self.fill(self.near, 'INBOX', 1)
        self.assertEqual(self.sync().err, '')
        self.server.fault = None
        self.sync('-a', '--retry-failed')
        self.sync_twice()
        self.assertEqual(len(find(self.far, s[0])), 1)

    def test_refused_and_put_there(self):
        """What a server refused for good, and a person puts there by other means, is the same message."""
        self.start()
        s = self.fill(self.near, 'INBOX', 1)
        self.server.fault = lambda session, verb, words: '{tag} NO [TOOBIG] not this one\r\n' if verb == 'APPEND' else None
        self.sync(code=1)
        self.server.fault = None
        self.server.seen.clear()
        self.box().add(message(s[0]).replace(b'\n', b'\r\n'), ('\\Seen',))
        self.sync_twice()
        self.assertNotIn('APPEND', self.server.verbs())
        for side in (self.far, self.near):
            self.assertEqual(self.one(side, s[0]).flags, {'S'})

    def test_refused_all_day(self):
        """A server that takes nothing says nothing of the messages."""
        self.start()
        s = self.fill(self.near, 'INBOX', 5)
        self.server.fault = lambda session, verb, words: '{tag} NO not today\r\n' if verb == 'APPEND' else None
        for _ in range(5):
            self.sync(code=1)
        self.server.fault = None
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), s)

    def test_lines_without_end(self):
        """Each of them valid, and none the answer: given up, in words that tell."""
        for verb, line, n, about in (('LIST', '* OK still here\r\n', 10_050, 'remarks'),
                                     ('LIST', '* LIST () "/" a\r\n', 1_010_050, 'mailboxes'),
                                     ('SELECT', '* 1 FETCH (UID 1 FLAGS ())\r\n', 1_010_100, 'messages')):
            with self.subTest(line=line):
                self.setUp()
                self.start(account='Timeout 5\n')
                self.put(3)
                self.server.fault = lambda session, v, words: line * n if v == verb else None
                run = self.sync(code=(1, 75))
                self.assertIn(f'lines without end ({about})', run.err)
                self.server.fault = None
                self.sync_twice()

    def test_inbox_in_any_case(self):
        self.start()
        self.server.boxes['Inbox'] = self.server.boxes.pop('INBOX')
        self.server.find = lambda name: 'Inbox' if name.upper() == 'INBOX' else name
        self.server.boxes['Inbox'].add(message(1).replace(b'\n', b'\r\n'))
        self.sync()
        self.assertEqual(len(self.near.messages('INBOX')), 1)
        self.assertEqual(self.near.boxes(), ['INBOX'])

    def test_empty_bodies_and_strings(self):
        """Bodies of no octets, as literal and as NIL or "": never stored as the message, and no other is held up."""
        for shown in (None, 'NIL', '""'):
            with self.subTest(shown=shown):
                self.setUp()
                self.start()
                s = self.put(3)
                self.box().add(b'')
                if shown:
                    def fault(session, verb, words, shown=shown):
                        if verb == 'UID FETCH' and 'BODY.PEEK[]' in words[1] and 4 in self.box().uids(words[0]):
                            for m in self.box().mails[:-1]:
                                if m.uid in self.box().uids(words[0]):
                                    session.send(b'* %d FETCH (%s)\r\n' % (m.uid, session.fetch_items(m, words[1])))
                            session.send(f'* 4 FETCH (UID 4 INTERNALDATE "01-Jan-2024 00:00:00 +0000" BODY[] {shown})\r\n')
                            return '{tag} OK done\r\n'
                    self.server.fault = fault
                for _ in range(2):
                    self.sync(code=1)
                    self.assertEqual(set(s), set(serials(self.near)))

    def test_body_before_its_uid(self):
        """A FETCH whose UID comes behind the body is asked for alone."""
        self.start()
        s = self.put(3)

        def fault(session, verb, words):
            if verb == 'UID FETCH' and 'BODY.PEEK[]' in words[1]:
                for i, m in enumerate(self.box().mails):
                    if m.uid in self.box().uids(words[0]):
                        session.send(b'* %d FETCH (BODY[] {%d}\r\n%s UID %d INTERNALDATE "01-Jan-2024 00:00:00 +0000")\r\n' % (
                            i + 1, len(m.data), m.data, m.uid))
                return '{tag} OK done\r\n'
        self.server.fault = fault
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), s)


class Talk(Told):
    """Opening, closing, words."""

    def test_plus_in_answer_to_the_flight(self):
        """R24: the server does not take the initial response: step by step, once, and no line is taken for SASL data."""
        self.start(tls=True)
        self.put(3)
        self.sync()
        opened = []

        def fault(session, verb, words):
            if verb == 'AUTHENTICATE' and len(words) > 1 and not opened:
                opened.append(session.number)
                session.send('+ \r\n')
                session.line()
                return '{tag} BAD that was no answer\r\n'
        self.server.fault = fault
        self.put(2)
        self.sync()
        self.assertTrue(opened)
        self.assertEqual(len(self.near.messages('INBOX')), 5)
        self.server.fault = None
        self.put(1)
        self.sync_twice()

    def test_one_flight(self):
        """R24: what is remembered of the server opens the next session in one write."""
        self.start(tls=True)
        self.put(3)
        self.sync()
        self.sync()
        self.server.seen.clear()
        run = self.sync('-a', '--debug=imap')
        self.assertEqual([v for v in self.server.verbs() if v != 'LOGOUT'], ['AUTHENTICATE', 'ENABLE', 'LIST', 'ID'])
        self.assertNotIn('secret', run.err)

    def test_refused_password_is_not_repeated(self):
        self.start(tls=True)
        self.put(1)
        self.sync()
        self.server.fault = lambda session, verb, words: (
            '{tag} NO [AUTHENTICATIONFAILED] wrong password\r\n' if verb == 'AUTHENTICATE' else None)
        self.server.seen.clear()
        self.sync(code=77)
        self.assertEqual(self.server.verbs().count('AUTHENTICATE'), 1)

    def test_login_unavailable_75(self):
        self.start()
        self.server.fault = lambda session, verb, words: (
            '{tag} NO [UNAVAILABLE] come back later\r\n' if verb in ('AUTHENTICATE', 'LOGIN') else None)
        run = self.sync(code=75)
        self.assertIn('come back later', run.err)

    def test_bye_75(self):
        self.start()
        self.server.greeting = '* BYE too many of you\r\n'
        run = self.sync(code=75)
        self.assertIn('too many of you', run.err)

    def test_preauth_where_tls_is_wanted_77(self):
        self.start()
        self.server.greeting = '* PREAUTH welcome\r\n'
        self.write_config(open(self.config).read().replace('TLSType None', 'TLSType STARTTLS'))
        run = self.sync(code=77)
        self.assertIn('PREAUTH', run.err)

    def test_starttls_stripped_77(self):
        self.start()
        self.write_config(open(self.config).read().replace('TLSType None', 'TLSType STARTTLS'))
        run = self.sync(code=77)
        self.assertIn('STARTTLS', run.err)
        self.assertNotIn('LOGIN', self.server.verbs())

    def test_plaintext_behind_starttls_77(self):
        self.start(more=['STARTTLS'])
        self.write_config(open(self.config).read().replace('TLSType None', 'TLSType STARTTLS'))
        self.server.fault = lambda session, verb, words: (
            '{tag} OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n' if verb == 'STARTTLS' else None)
        self.sync(code=77)
        self.assertNotIn('AUTHENTICATE', self.server.verbs())

    def test_alert_is_shown(self):
        self.start()
        self.server.after = lambda session, verb, words: (
            '* OK [ALERT] the cellar is on fire\r\n' if verb == 'LIST' else None)
        run = self.sync()
        self.assertIn('the cellar is on fire', run.err)

    def test_lost_again_and_again(self):
        """A line that is cut is dialled again in the run, a few times; nothing is sent twice."""
        for verb in ('UID FETCH', 'APPEND', 'UID STORE', 'UID MOVE', 'UID EXPUNGE', 'SELECT'):
            for when in ('before', 'after'):
                with self.subTest(verb=verb, when=when):
                    self.setUp()
                    self.start()
                    self.server.create('a')
                    s = self.put(30)
                    self.sync()
                    self.put(3)
                    self.fill(self.near, 'INBOX', 4, 'S')
                    self.near.flag(self.one(self.near, s[0]), add='F')
                    self.near.delete(self.one(self.near, s[1]))
                    self.near.move(self.one(self.near, s[2]), 'a')
                    cuts = []

                    def cut(session, what, words):
                        if what == verb and len(cuts) < 2:
                            cuts.append(what)
                            return CUT
                        return None
                    setattr(self.server, 'fault' if when == 'before' else 'after', cut)
                    self.sync(code=(0, 1, 75))
                    self.server.fault = self.server.after = None
                    self.assertTrue(cuts)
                    self.sync_twice()
                    self.assertEqual(set(serials(self.far).values()), {1})
                    self.assertEqual(len(serials(self.far)), 36)

    def test_second_session_refused(self):
        """A server that allows one connection: the work is done over it."""
        self.start()
        for i in range(8):
            self.server.create(f'b{i}')
            self.put(4, f'b{i}')

        def fault(session, verb, words):
            if verb in ('AUTHENTICATE', 'LOGIN') and session.number > self.first:
                return '{tag} NO [LIMIT] one at a time\r\n'
        self.first = self.server.sessions + 1
        self.server.fault = fault
        self.sync()
        self.assertEqual(len(serials(self.near)), 32)

    def test_silence_ends_by_the_timeout(self):
        self.start(account='Timeout 2\n')
        self.server.fault = lambda session, verb, words: '' if verb == 'LIST' else None
        run = self.sync(code=75, limit=30)
        self.assertLess(run.took, 15)


class Ahead(Told):
    """R16, R17, R20: what is changed before a SELECT was answered is changed by the ids the server gave."""

    def begin(self, boxes=('INBOX', 'a', 'b')):
        """In each mailbox the first is flagged here, the second deleted, the third both here and left alone there."""
        self.start(more=['SEARCHRES', 'OBJECTID'])
        for box in boxes:
            if box != 'INBOX':
                self.server.create(box)
            self.put(12, box)
        self.sync_twice()
        self.work = {}
        for box in boxes:
            mails = sorted(self.near.messages(box), key=lambda m: m.serial)
            self.near.flag(mails[0], add='F')
            self.near.flag(mails[1], add='R')
            self.near.delete(mails[2])
            self.work[box] = [m.serial for m in mails[:3]]
        self.server.seen.clear()

    def in_box(self, box):
        return [m.serial for m in self.far.messages(box)]

    def written(self):
        return [(v, words) for _, v, words in self.server.seen if v in ('UID STORE', 'UID EXPUNGE')]

    def assert_done(self):
        self.sync_twice()
        for box, (flagged, answered, gone) in self.work.items():
            self.assertIn('F', self.one(self.far, flagged).flags)
            self.assertIn('R', self.one(self.far, answered).flags)
            self.assertNotIn(gone, serials(self.far))
        self.assertEqual(set(serials(self.far).values()), {1})

    def test_all_in_one_flight(self):
        self.begin()
        self.sync()
        self.assertEqual({words[0] for _, words in self.written()}, {'$'})
        self.assertEqual(sum(v == 'UID EXPUNGE' for v, _ in self.written()), 3)
        self.assert_done()

    def test_another_mailbox_under_that_name(self):
        """The same UIDs, other messages: not one of them is touched."""
        self.begin()

        def fault(session, verb, words):
            if verb == 'SELECT' and words[0] == 'a' and self.box('a').uidvalidity != 77:
                self.server.boxes['a'] = other
        other = self.server.create('other')
        del self.server.boxes['other']
        other.uidvalidity = 77
        for i in range(12):
            other.add(message(9000 + i).replace(b'\n', b'\r\n'), ('\\Seen',))
        self.server.fault = fault
        self.sync(code=(0, 1))
        self.server.fault = None
        self.assertEqual(sorted(self.in_box('a')), [9000 + i for i in range(12)])
        self.assertEqual({m.flags for m in self.far.messages('a')}, {frozenset('S')})
        self.assertNotIn(self.work['b'][2], self.in_box('b'))

    def test_uidvalidity_changes_and_the_messages_stay(self):
        """Those are the messages that were meant: but nothing is lost or doubled, whatever the numbers are now."""
        self.begin(('INBOX',))
        self.sync_under_another_uidvalidity()
        self.sync()
        self.sync_twice()
        self.assertEqual(set(serials(self.far).values()), {1})

    def test_changed_since_it_was_read(self):
        """R20: what somebody touched in the last moment is not expunged by this run."""
        self.begin(('INBOX',))
        gone = self.work['INBOX'][2]
        touched = []

        def fault(session, verb, words):
            if verb == 'SELECT' and not touched:
                touched.append(verb)
                mail = next(m for m in self.box().mails if m.uid == uid)
                mail.flags.add('\\Flagged')
                self.box().modseq += 1
                mail.modseq = self.box().modseq
        uid = int(self.one(self.far, gone).key)
        self.server.fault = fault
        self.sync(code=(0, 1))
        self.server.fault = None
        self.assertTrue(touched)
        self.assertIn(gone, serials(self.far))
        self.assertNotIn('T', self.one(self.far, gone).flags)
        self.assert_done()

    def test_search_refused(self):
        """Refused in whatever way, "$" is nothing: and all is done by UID, one mailbox after the other."""
        for answer in ('{tag} BAD what\r\n', '{tag} NO not now\r\n'):
            with self.subTest(answer=answer):
                self.setUp()
                self.begin()
                self.server.fault = lambda s, verb, words: answer if verb == 'UID SEARCH' and 'SAVE' in words[1] else None
                self.sync()
                self.server.fault = None
                self.assertIn('$', {words[0] for _, words in self.written()})
                self.assertGreater(len({words[0] for _, words in self.written()}), 1)
                self.assert_done()

    def test_one_mailbox_refused(self):
        self.begin()
        self.server.fault = lambda s, verb, words: '{tag} NO not now\r\n' if verb == 'SELECT' and words[0] == 'a' else None
        self.sync(code=1)
        self.server.fault = None
        self.assertIn(self.work['a'][2], self.in_box('a'))
        for box in ('INBOX', 'b'):
            self.assertNotIn(self.work[box][2], self.in_box(box))
        self.assert_done()

    def test_read_only_by_now(self):
        self.begin(('INBOX',))
        self.box().read_only = True
        self.sync(code=(0, 1))
        self.box().read_only = False
        self.assertIn(self.work['INBOX'][2], serials(self.far))
        self.assert_done()

    def test_an_ok_that_did_nothing(self):
        """R16: a STORE answered with OK that shows nothing is looked into, and made again."""
        self.begin()
        lied = []

        def fault(session, verb, words):
            if verb == 'UID STORE' and words[0] == '$' and len(lied) < 3:
                lied.append(words)
                return '{tag} OK done\r\n'
        self.server.fault = fault
        self.sync()
        self.server.fault = None
        self.assertEqual(len(lied), 3)
        self.assert_done()

    def test_many_in_one_mailbox_by_their_uids(self):
        self.start(more=['SEARCHRES', 'OBJECTID'])
        self.put(400)
        self.sync_twice()
        for mail in self.near.messages('INBOX'):
            self.near.flag(mail, add='F')
        self.server.seen.clear()
        self.sync()
        self.assertEqual({words[0] for _, words in self.written()}, {'1:400'})
        self.sync_twice()
