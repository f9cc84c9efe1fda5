"""The program stopped at every numbered step (R22), then run again: the end is that of a run left alone."""
import os

from lib import Case, DIED, find, message, picture, program, serials

MOST = 2000             # steps one case may take


class EveryStep(Case):
    """Subclasses' methods give a case: prepare() before a first sync, change() after it."""

    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')

    def scene(self, n, prepare, change, **kw):
        self.state = os.path.join(self.dir, f'home/{n}/mailtwin')
        self.far, self.near = self.maildir(f'far{n}', seed=1), self.maildir(f'near{n}', seed=2)
        self.pair(**kw)
        self.env = {'XDG_STATE_HOME': os.path.dirname(self.state)}
        prepare()
        if change:
            self.sync(env=self.env)
            change()

    def every_step(self, prepare, change=None, stride=1, check=None, names={}, is_limited=False, **kw):
        """names: what far calls a folder -> what near does, where they differ. is_limited: near does not keep all."""
        self.scene('whole', prepare, change, **kw)
        self.sync(env=self.env)
        wanted = picture(self.far), picture(self.near)
        if not is_limited:
            self.assertEqual({names.get(box, box): mails for box, mails in wanted[0].items()}, wanted[1])
        n = 1
        while n < MOST:
            self._serial = 0
            self.scene(n, prepare, change, **kw)
            run = self.sync(env={**self.env, 'MAILTWIN_STEP_EXIT': str(n)}, code=(DIED, 0))
            self.sync(env=self.env)
            got = picture(self.far), picture(self.near)
            self.assertEqual(wanted, got, f'stopped at step {n}')
            if check:
                check()
            before = self.far.still(), self.near.still()
            self.sync(env=self.env)
            self.assertEqual(before, (self.far.still(), self.near.still()), f'stopped at step {n}: a second run works')
            if run.code == 0:
                self.assertGreater(n, 3, 'hardly a step was counted')
                return
            n += stride
        self.fail(f'more than {MOST} steps')

    def test_first_sync(self):
        def prepare():
            self.near.create('work/2026')
            self.fill(self.far, 'INBOX', 3)
            self.fill(self.near, 'work/2026', 2, 'FS')
        self.every_step(prepare)

    def test_first_sync_with_mail_on_both_sides(self):
        def prepare():
            for i in range(4):
                for side, flags in ((self.far, 'S'), (self.near, 'F')):
                    side.deliver('INBOX', message(i), flags, file=f'16000000.{i}.host')
            self._serial = 10
            self.fill(self.far, 'INBOX', 2)
            self.fill(self.near, 'INBOX', 2)
        self.every_step(prepare)

    def test_new_flags_and_deletions(self):
        def prepare():
            self.fill(self.far, 'INBOX', 25, 'S')

        def change():
            self.far.delete(self.one(self.far, 1))
            self.near.delete(self.one(self.near, 2))
            self.far.flag(self.one(self.far, 3), add='F')
            self.near.flag(self.one(self.near, 3), add='R', remove='S')
            self.near.flag(self.one(self.near, 4), add='T')
            self.fill(self.far, 'INBOX', 2)
            self.fill(self.near, 'INBOX', 2, 'D')
        self.every_step(prepare, change)

    def expiry(self, policy, channel='MaxMessages 5\n'):
        """P18: some go, some stay for being flagged, one comes back."""
        def fill(n, flags):
            for _ in range(n):
                self._serial += 1
                self.far.deliver('INBOX', message(self._serial), flags, file=f'{1600000000 + self._serial}.host')

        def prepare():
            fill(9, 'S')
            self.far.flag(self.one(self.far, 1), add='F')

        def change():
            fill(3, 'S')
            self.far.flag(self.one(self.far, 3), add='F')
            self.near.flag(self.one(self.near, 5), add='F')
            self.near.flag(self.one(self.near, 6), add='R')
            self.far.flag(self.one(self.far, 1), remove='F')

        def check():
            self.assertEqual(len(self.far.messages('INBOX')), 12)
            self.assertNotIn('T', ''.join(''.join(m.flags) for m in self.far.messages('INBOX')))
        self.every_step(prepare, change, check=check, is_limited=True, policy='Create Both\n' + policy, channel=channel)

    def test_expiry(self):
        self.expiry('Expunge Near\n')

    def test_expiry_without_expunge(self):
        self.expiry('')

    def test_placeholders(self):
        """P21: some come, some are asked for and changed, deleted, moved."""
        def fill(n):
            for _ in range(n):
                self._serial += 1
                self.far.deliver('INBOX', b'From: a@b\nSubject: large\nX-Note: serial %d.\n\n' % self._serial + b'0123456789abcde\n' * 200, 'S',
                                 file=f'{1600000000 + self._serial}.host')

        def prepare():
            self.far.create('a')
            self.near.create('a')
            fill(5)

        def change():
            fill(1)
            self.near.flag(self.one(self.near, 1), add='F')
            self.near.flag(self.one(self.near, 2), add='FR')
            self.near.delete(self.one(self.near, 3))
            self.near.move(self.one(self.near, 4), 'a')
            self.far.move(self.one(self.far, 5), 'a')

        def check():
            self.assertEqual(sorted((m.serial, m.size > 2000) for box in ('INBOX', 'a') for m in self.far.messages(box)),
                             [(s, True) for s in (1, 2, 4, 5, 6)])
        for policy in ('Expunge Both\n', ''):
            with self.subTest(policy=policy):
                self.setUp()
                self._serial = 0
                self.every_step(prepare, change, check=check if policy else None, is_limited=True, policy='Create Both\n' + policy,
                                channel='MaxSize 2k\n')

    def test_moves(self):
        def prepare():
            self.far.create('a')
            self.fill(self.far, 'INBOX', 25, 'S')
            self.fill(self.far, 'a', 3, 'S')

        def change():
            self.far.move(self.one(self.far, 1), 'a')
            self.near.move(self.one(self.near, 2), 'a', anew=True)
            self.near.move(self.one(self.near, 26), 'INBOX')
            self.near.move(self.one(self.near, 3), 'a')
            self.far.flag(self.one(self.far, 3), add='F')

        def check():
            self.assertEqual(set(serials(self.far).values()), {1})
        self.every_step(prepare, change, check=check)

    def test_delivered_and_filed_before_the_next_run(self):
        """R11: what was delivered by a run that ended there is known by its name, wherever a person has filed it since."""
        filed = 0
        for n in range(1, MOST):
            def prepare():
                self.far.create('a')
                self.near.create('a')
            self._serial = 0
            self.scene(n, prepare, lambda: self.fill(self.far, 'INBOX', 2, 'S'))
            run = self.sync(env={**self.env, 'MAILTWIN_STEP_EXIT': str(n)}, code=(DIED, 0))
            moved = [m.serial for m in self.near.messages('INBOX')]
            for m in self.near.messages('INBOX'):
                self.near.move(m, 'a')
            filed += bool(moved) and run.code == DIED
            self.sync(env=self.env)
            self.sync(env=self.env)
            for side in self.far, self.near:
                self.assertEqual(sorted((m.box, m.serial) for box in ('INBOX', 'a') for m in side.messages(box)),
                                 sorted(('a' if i in moved else 'INBOX', i) for i in (1, 2)), f'stopped at step {n}')
            if run.code == 0:
                break
        self.assertGreater(filed, 2, 'nothing was delivered by a run that ended')

    def test_folders(self):
        def prepare():
            for box in ('a', 'b', 'b/c'):
                self.far.create(box)
                self.fill(self.far, box, 2, 'S')
            self.fill(self.far, 'INBOX', 2)

        def change():
            self.near.remove('a')
            self.far.remove('b/c')
            self.near.create('d/e')
            self.fill(self.near, 'd/e', 2)
        self.every_step(prepare, change)

    def test_a_removed_folder_made_again(self):
        """P8: for what is new and what is changed on the other side, and for nothing else, wherever the run ended."""
        def prepare():
            self.far.create('a')
            self.fill(self.far, 'INBOX', 25, 'S')
            self.fill(self.far, 'a', 5, 'S')

        def change():
            self.near.remove('a')
            self.fill(self.far, 'a', 1)
            self.far.flag(self.one(self.far, 26), add='F')

        def check():
            self.assertEqual(sorted(m.serial for m in self.far.messages('a')), [26, 31])
        self.every_step(prepare, change, check=check)

    def test_roles(self):
        """Twins by their role, made on the one side and on the other, and what is below them."""
        def prepare():
            self.near.create('Sent')
            self.far.create('Bin')
            self.fill(self.near, 'Sent', 2, 'S')
            self.fill(self.far, 'Bin', 2, 'S')
            self.fill(self.far, 'INBOX', 2, 'S')

        def change():
            self.far.move(self.one(self.far, 5), 'Bin')
            self.near.move(self.one(self.near, 6), 'Sent')
            self.near.create('Sent/2026')
            self.fill(self.near, 'Sent/2026', 1)
        self.every_step(prepare, change, channel='Role Sent Trash\n', far_store='RoleSent "Sent Items"\nRoleTrash Bin\n',
                        names={'Sent Items': 'Sent', 'Bin': 'Trash', 'Sent Items/2026': 'Sent/2026'})

    def test_renames(self):
        def prepare():
            for box in ('a', 'a/sub', 'b', 'c', 'd'):
                self.far.create(box)
                self.fill(self.far, box, 2, 'S')

        def change():
            self.far.rename('a', 'b/a')
            for old, new in (('c', 'x'), ('d', 'c'), ('x', 'd')):
                self.near.rename(old, new)
            self.near.move(self.one(self.near, 1), 'b')
            self.fill(self.far, 'b/a', 1)

        def check():
            self.assertEqual(set(serials(self.far).values()), {1})
        self.every_step(prepare, change, check=check)


class Steps(Case):
    def test_log_names_each_step(self):
        self.pair()
        self.fill(self.far, 'INBOX', 2)
        log = os.path.join(self.dir, 'steps')
        self.sync(env={'MAILTWIN_STEP_LOG': log})
        with open(log) as f:
            kinds = [line.split()[1] for line in f]
        for kind in ('commit', 'create', 'fsync', 'rename'):
            self.assertIn(kind, kinds)
        self.assertEqual(len(find(self.near, 1)), 1)


class Meanwhile(Case):
    """A run that ends at any step over one message, and people who go on with it before the next run: it stays one (R9, R11)."""

    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')

    def at_every_step(self, before, between):
        """before(), a run that ends at step n, between(), and all is one; for every n."""
        for n in range(1, MOST):
            self.scenes = getattr(self, 'scenes', 0) + 1
            self.state = os.path.join(self.dir, f'home/{self.scenes}/mailtwin')
            self.far, self.near = self.maildir(f'far{self.scenes}', seed=1), self.maildir(f'near{self.scenes}', seed=2)
            self.pair()
            self.env = {'XDG_STATE_HOME': os.path.dirname(self.state)}
            self._serial = 0
            for box in ('a', 'b'):
                self.far.create(box)
            self.one_mail = self.fill(self.far, 'INBOX', 3, 'S')[1]
            self.sync(env=self.env)
            before()
            run = self.sync(env={**self.env, 'MAILTWIN_STEP_EXIT': str(n)}, code=(DIED, 0))
            between()
            self.sync(env=self.env)
            self.sync(env=self.env)
            self.assertEqual(picture(self.far), picture(self.near), f'ended at step {n}: the sides differ')
            self.assertEqual(serials(self.far), {1: 1, 2: 1, 3: 1}, f'ended at step {n}')
            still = self.far.still(), self.near.still()
            self.sync(env=self.env)
            self.assertEqual(still, (self.far.still(), self.near.still()), f'ended at step {n}: still at work')
            if run.code == 0:
                self.assertGreater(n, 2, 'hardly a step was counted')
                return
        self.fail(f'more than {MOST} steps')

    def to(self, side, box):
        """Wherever it is there: into the mailbox, under another name. Where the end of a run left it twice, one of them."""
        found = [m for m in find(side, self.one_mail) if m.box != box]
        if found:
            side.move(found[0], box, anew=True)

    def rekey(self, side):
        self.to(side, 'b')
        self.to(side, 'INBOX')

    def test_rekeyed_and_moved_on_the_other_side(self):
        for side, other in ((0, 1), (1, 0)):
            self.at_every_step(lambda: self.rekey((self.far, self.near)[side]), lambda: self.to((self.far, self.near)[other], 'a'))

    def test_moved_and_moved_on(self):
        for side in (0, 1):
            self.at_every_step(lambda: self.to((self.far, self.near)[side], 'a'), lambda: self.to((self.far, self.near)[side], 'b'))

    def test_moved_and_moved_back_on_the_other_side(self):
        for side, other in ((0, 1), (1, 0)):
            self.at_every_step(lambda: self.to((self.far, self.near)[side], 'a'), lambda: self.to((self.far, self.near)[other], 'INBOX'))

    def test_moved_on_both_sides_and_back(self):
        self.at_every_step(lambda: (self.to(self.far, 'a'), self.to(self.near, 'b')), lambda: self.to(self.near, 'INBOX'))

    def make_anew(self, side):
        """INBOX, with the mail that was in it. The old one is put aside: else its inode may be given to the new one, which is held then."""
        kept = [(side.data(m), m.flags) for m in side.messages('INBOX')]
        os.rename(side.box('INBOX'), f'{side.path}.was')
        side.create('INBOX')
        for data, flags in kept:
            side.deliver('INBOX', data, ''.join(flags))

    def test_made_anew_and_moved(self):
        """R10: twins that a run found, and did not come to pair for a rename that goes first, may be filed differently by the next."""
        for side in (0, 1):
            self.at_every_step(lambda: (self.make_anew(self.far), self.far.rename('b', 'c')), lambda: self.to((self.far, self.near)[side], 'a'))
