"""Trash, TrashNewOnly: what is expunged is kept (P17), on whatever store; and what is not kept is not expunged."""
from accounts import Account
from lib import find, program
from scripted import CUT
from test_scripted import Told

TRASH = 'Trash Trash\n'


def kept(side, box='Trash'):
    """{serial: flags} of what is in the trash; a message that is there twice fails."""
    if box not in side.boxes():
        return {}
    found = [(m.serial, m.flags) for m in side.messages(box)]
    if len(dict(found)) != len(found):
        raise AssertionError(f'twice in {box}: {sorted(found)}')
    return dict(found)


class Cells(Account):
    """Who deleted what, and where it was known: what each side keeps. Seen with mbsync 1.4.4, but for \\Deleted, which stays here behind."""

    def cells(self, far, near, in_far, in_near, expunge='Both', kind=None):
        sides = {'far': self.account(kind)} if kind else {}
        self.pair(far_store=far, near_store=near, patterns='INBOX', policy=f'Create Both\nExpunge {expunge}\n', **sides)
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.far.delete(self.one(self.far, s[1]))
        self.near.delete(self.one(self.near, s[2]))
        self.far.flag(self.one(self.far, s[3]), add='T')
        self.near.flag(self.one(self.near, s[4]), add='T')
        self.far.flag(self.one(self.far, s[5]), add='T')
        self.near.flag(self.one(self.near, s[5]), add='T')
        new_far = self.fill(self.far, 'INBOX', 1, 'ST')
        new_near = self.fill(self.near, 'INBOX', 1, 'ST')
        names = dict(zip(['gone far', 'gone near', 'marked far', 'marked near', 'marked both'], s[1:6]), new_far=new_far[0],
                     new_near=new_near[0])
        self.sync_twice(twins=False)
        for side, want in ((self.far, in_far), (self.near, in_near)):
            found = kept(side)
            self.assertEqual(sorted(found), sorted(names[w] for w in want))
            self.assertNotIn('T', ''.join(str(f) for f in found.values()))
        return s

    FAR = ('gone near', 'marked far', 'marked near', 'marked both', 'new_far')
    NEAR = ('gone far', 'marked far', 'marked near', 'marked both', 'new_near')

    def test_both(self):
        self.cells(TRASH, TRASH, self.FAR, self.NEAR)
        self.assertEqual(set(self.far.boxes()), {'INBOX', 'Trash'})

    def test_far(self):
        self.cells(TRASH, '', self.FAR, ())

    def test_near(self):
        self.cells('', TRASH, (), self.NEAR)

    def test_far_new_only(self):
        self.cells(TRASH + 'TrashNewOnly yes\n', '', ('new_far',), ())

    def test_near_new_only(self):
        self.cells(TRASH, TRASH + 'TrashNewOnly yes\n', self.FAR, ('new_near',))

    REMOTE = TRASH + 'TrashRemoteNew yes\n'

    def test_near_takes_what_is_new_on_far(self):
        self.cells('', self.REMOTE, (), self.NEAR + ('new_far',))

    def test_far_takes_what_is_new_on_near(self):
        self.cells(self.REMOTE, '', self.FAR + ('new_near',), ())

    def test_dovecot_takes_what_is_new_on_near(self):
        self.cells(self.REMOTE, '', self.FAR + ('new_near',), (), kind='dovecot')

    def test_near_takes_what_is_new_on_dovecot(self):
        self.cells('', self.REMOTE, (), self.NEAR + ('new_far',), kind='dovecot')

    def test_poor_takes_what_is_new_on_near(self):
        self.cells(self.REMOTE, '', self.FAR + ('new_near',), (), kind='poor')

    def test_what_is_kept_there_and_what_is_not_in_one_visit(self):
        """What far had goes for good, in the same visit and behind what goes over."""
        self.pair(far_store=self.REMOTE, patterns='INBOX', policy='Create Both\nExpunge Near\nSync Pull\n')
        new = self.fill(self.near, 'INBOX', 1, 'S')
        self.sync()
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        for serial in new + s[:2]:
            self.near.flag(self.one(self.near, serial), add='T')
        self.sync_twice(twins=False)
        self.assertEqual(sorted(kept(self.far)), new)
        self.assertEqual(sorted(m.serial for m in self.near.messages('INBOX')), s[2:])

    def test_each_has_its_own(self):
        self.cells(self.REMOTE, self.REMOTE, self.FAR, self.NEAR)

    def test_one_side_expunges(self):
        self.cells('', TRASH + 'TrashNewOnly yes\n', (), ('new_near',), expunge='Near')

    def test_dovecot(self):
        self.cells(TRASH, TRASH, self.FAR, self.NEAR, kind='dovecot')

    def test_no_move_and_no_uidplus(self):
        self.cells(TRASH, TRASH, self.FAR, self.NEAR, kind='poor')

    def test_cyrus(self):
        self.cells(TRASH, TRASH, self.FAR, self.NEAR, kind='cyrus')


class InTheChannel(Account):
    """The trash is a mailbox like others to the channel: what comes into it is new mail there, and that is all."""

    def come_and_go(self, far, near, kind=None, **names):
        self.pair(far_store=far, near_store=near, **({'far': self.account(kind)} if kind else {}))
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.near.delete(self.one(self.near, s[0]))
        self.far.delete(self.one(self.far, s[1]))
        self.near.flag(self.one(self.near, s[2]), add='T')
        for _ in range(3):
            self.sync()
        self.sync_twice()
        for side in (self.far, self.near):
            self.assertEqual(len(find(side, s[3])), 1)
        return s

    def test_both(self):
        for kind in (None, 'dovecot'):
            with self.subTest(kind=kind):
                self.far = self.near = None
                self.setUp()
                s = self.come_and_go(TRASH, TRASH, kind)
                self.assertEqual(sorted(kept(self.far)), s[:3])
                self.assertEqual(sorted(kept(self.near)), s[:3])

    def test_far_alone(self):
        """What far keeps is new in its trash, and so it comes to near's mailbox of that name."""
        s = self.come_and_go(TRASH, '')
        self.assertEqual(sorted(kept(self.far)), [s[0], s[2]])
        self.assertEqual(sorted(kept(self.near)), [s[0], s[2]])

    def test_the_trash_itself_is_the_end(self):
        s = self.come_and_go(TRASH, TRASH)
        self.far.flag(next(m for m in self.far.messages('Trash') if m.serial == s[0]), add='T')
        self.near.delete(next(m for m in self.near.messages('Trash') if m.serial == s[1]))
        self.sync_twice()
        self.assertEqual(sorted(kept(self.far)), [s[2]])
        self.assertEqual(sorted(kept(self.near)), [s[2]])
        self.assertEqual(find(self.far, s[0]), [])

    def test_a_person_files_it_there(self):
        """A move to the trash is a move."""
        self.pair(far_store=TRASH, near_store=TRASH)
        s = self.fill(self.far, 'INBOX', 5, 'S')
        self.far.create('Trash')
        self.sync()
        self.far.move(self.one(self.far, s[0]), 'Trash')
        self.sync_twice()
        self.assertEqual(list(kept(self.near)), [s[0]])


class Deleted(Told):
    def put_and_delete(self, without=(), store=TRASH):
        self.start('Patterns !Trash', store=store, without=list(without))
        s = self.put(30)
        self.sync()
        self.near.delete(self.one(self.near, s[0]))
        self.far.flag(self.one(self.far, s[1]), add='T')
        return s


class Refused(Deleted):
    def refuse(self, without, verb, answer):
        s = self.put_and_delete(without)
        self.server.create('Trash')
        self.server.fault = lambda session, v, words: answer if v == verb else None
        run = self.sync(code=1)
        self.assertEqual(run.err.count('Trash'), 1, run.err)
        self.assertEqual(len(find(self.far, s[0])), 1)
        self.assertIn('T', self.one(self.far, s[1]).flags)
        self.assertNotIn('UID EXPUNGE', self.server.verbs())
        run = self.sync(code=1)
        self.assertEqual(len(find(self.far, s[0])), 1)
        self.server.fault = None
        self.sync_twice(twins=False)
        self.assertEqual(sorted(kept(self.far)), s[:2])
        self.assertEqual(self.box('INBOX').mails[0].uid, 3)

    def test_over_quota(self):
        self.refuse((), 'UID MOVE', '{tag} NO [OVERQUOTA] full\r\n')

    def test_over_quota_without_move(self):
        self.refuse(['MOVE'], 'UID COPY', '{tag} NO [OVERQUOTA] full\r\n')

    def test_a_trash_that_nobody_may_write_to(self):
        self.refuse((), 'UID MOVE', '{tag} NO [NOPERM] read-only\r\n')

    def test_no_trash_can_be_made(self):
        s = self.put_and_delete()
        self.server.fault = lambda session, v, words: '{tag} NO [TRYCREATE] none\r\n' if v == 'UID MOVE' else \
            '{tag} NO [NOPERM] not you\r\n' if v == 'CREATE' else None
        self.sync(code=1)
        self.assertEqual(len(find(self.far, s[0])), 1)
        self.server.fault = None
        self.sync_twice(twins=False)
        self.assertEqual(sorted(kept(self.far)), s[:2])


class Cut(Deleted):
    """The line breaks: what is in the trash is not put there again, and what is not is not lost."""

    def cut(self, without, verb, before):
        s = self.put_and_delete(without)
        self.server.create('Trash')
        cuts = []

        def fault(session, v, words):
            if v != verb or cuts:
                return None
            cuts.append(v)
            if not before:
                getattr(session, 'do_' + verb.replace(' ', '_').lower())(words)
            return CUT
        self.server.fault = fault
        self.sync(code=(0, 1, 75))
        self.server.fault = None
        self.assertTrue(cuts)
        self.sync(code=(0, 1, 75))
        self.sync_twice(twins=False)
        self.assertEqual(sorted(kept(self.far)), s[:2])
        self.assertEqual(find(self.near, s[0]) + find(self.near, s[1]), [])
        self.assertEqual([m.uid for m in self.box('INBOX').mails][:2], [3, 4])

    def test_before_the_move(self):
        self.cut((), 'UID MOVE', True)

    def test_behind_the_move(self):
        self.cut((), 'UID MOVE', False)

    def test_before_the_copy(self):
        self.cut(['MOVE'], 'UID COPY', True)

    def test_behind_the_copy(self):
        self.cut(['MOVE'], 'UID COPY', False)

    def test_between_copy_and_expunge(self):
        self.cut(['MOVE'], 'UID EXPUNGE', True)

    def test_before_the_mark_goes(self):
        self.cut((), 'UID STORE', True)

    def test_after_the_mark_has_gone(self):
        self.cut((), 'UID STORE', False)


class Over(Told):
    """What is new on near goes into far's trash."""

    def over(self, fault, code=(0, 1, 75), without=()):
        self.start('Patterns !Trash', store=TRASH + 'TrashRemoteNew yes\n', without=list(without))
        self.put(3)
        self.sync()
        s = self.fill(self.near, 'INBOX', 2, 'ST')
        self.server.create('Trash')
        self.server.fault = fault
        self.sync(code=code)
        left = len(find(self.near, s[0]))
        self.server.fault = None
        self.sync(code=(0, 1, 75))
        self.sync_twice(twins=False)
        self.assertEqual(sorted(kept(self.far)), s)
        self.assertEqual(find(self.near, s[0]), [])
        return left

    def test_refused(self):
        left = self.over(lambda session, verb, words: '{tag} NO [OVERQUOTA] full\r\n' if verb == 'APPEND' else None, code=1)
        self.assertEqual(left, 1)

    def cut(self, before, without=()):
        cuts = []

        def fault(session, verb, words):
            if verb != 'APPEND' or cuts:
                return None
            cuts.append(verb)
            if not before:
                session.do_append(words)
            return CUT
        self.over(fault, without=without)
        self.assertTrue(cuts)

    def test_cut_before(self):
        self.cut(True)

    def test_cut_behind(self):
        self.cut(False)

    def test_cut_behind_without_uidplus(self):
        self.cut(False, ['UIDPLUS', 'MOVE'])


class Words(Account):
    def test_plan_and_dry_run(self):
        self.pair(far_store=TRASH, patterns='INBOX')
        s = self.fill(self.far, 'INBOX', 5, 'S')
        self.sync()
        self.near.delete(self.one(self.near, s[0]))
        for args in (('plan', '-a'), ('-a', '--dry-run')):
            run = self.sync(*args, code=(0, 1, 2))
            self.assertIn('kept in Trash', run.out + run.err)
        self.assertNotIn('Trash', self.far.boxes())
        self.sync()
        self.assertEqual(sorted(kept(self.far)), [s[0]])

    def test_a_guard_holds_it_all_the_same(self):
        self.pair(far_store=TRASH, patterns='INBOX')
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        for n in s:
            self.near.delete(self.one(self.near, n))
        self.sync(code=1)
        self.assertEqual(kept(self.far), {})
        self.assertEqual(len(self.far.messages('INBOX')), 30)


class Steps(Account):
    def test_every_step(self):
        binary = program('MAILTWIN_FAST')
        for kind, far, near in ((None, TRASH, TRASH), ('poor', TRASH, TRASH), ('poor', TRASH + 'TrashRemoteNew yes\n', '')):
            n = 0
            while n < 40:
                n += 1
                with self.subTest(kind=kind, step=n):
                    self.far = self.near = None
                    self.setUp()
                    self.binary = binary
                    self.pair(far_store=far, near_store=near, patterns='INBOX', far=self.account(kind) if kind else None)
                    s = self.fill(self.far, 'INBOX', 5, 'S')
                    self.sync()
                    self.near.delete(self.one(self.near, s[0]))
                    self.far.flag(self.one(self.far, s[1]), add='T')
                    new = self.fill(self.near, 'INBOX', 1, 'ST')
                    env = {'MAILTWIN_STEP_EXIT': str(n)}
                    died = self.mailtwin('-a', env=env, code=(86, 0)).code == 86
                    self.sync(code=(0, 1, 75))
                    self.sync()
                    self.assertEqual(sorted(kept(self.far)), s[:2] + ([] if near else new))
                    self.assertEqual(sorted(kept(self.near)), [s[1]] + new if near else [])
                    self.assertEqual(sorted(m.serial for m in self.far.messages('INBOX')), s[2:])
                    self.far.close() if kind else None
                if not died:
                    break


class Names(Account):
    """The name is the store's own: below its Path, in its layout, behind its namespace."""

    def named(self, kind, far_store, names, near=None):
        self.pair(far=self.account(kind), near=near, far_store=far_store, near_store=TRASH, patterns='*', policy='Create Both\nExpunge Both\n',
                  channel='Patterns !Trash !Bin*')
        self.near.create('a')
        s = self.fill(self.near, 'a', 30, 'S')
        self.sync()
        self.near.delete(self.one(self.near, s[0]))
        self.near.flag(self.one(self.near, s[1]), add='T')
        self.sync_twice(twins=False)
        self.assertIn(names, self.far.boxes())
        self.assertEqual(sorted(kept(self.far, names)), s[:2])

    def test_below_a_path(self):
        self.named('dovecot', 'Path Mail/\n' + TRASH, 'Mail/Trash')

    def test_behind_a_namespace(self):
        self.named('dots', TRASH, 'Trash')

    def test_below_another(self):
        self.named('dovecot', 'Trash "Bin/Ablage alt"\n', 'Bin/Ablage alt')

    def test_maildir_plus_plus(self):
        self.named('dovecot', TRASH, 'Trash', near=self.maildir('plus', layout='Maildir++'))
        self.assertEqual(len(kept(self.near)), 1)
