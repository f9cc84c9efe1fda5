"""The way back: mbsync goes on from what mailtwin wrote, and copies nothing."""
import os
import re

from handover import Handover, Next

BOXES = ('INBOX', 'Sent', 'Work/deep')


class Export:
    def start(self, n=6, **kw):
        self.make(policy='Create Both\nRemove Both\nExpunge Both\n', **kw)
        for box in BOXES:
            if box != 'INBOX':
                self.far.create(box)
            self.fill(self.far, box, n, 'S')
        self.fill(self.near, 'INBOX', 2, 'R')
        self.sync_twice()

    def give(self, *args):
        return self.mailtwin('export-mbsync', 'c', *args)

    def names(self):
        """What each message is called on each side: a copy is another one."""
        return [sorted((box, re.sub(r',U=.*|:2,.*', '', str(m.key))[m.key.find('/') + 1 if s.kind == 'maildir' else 0:])
                       for box in s.boxes() for m in s.messages(box)) for s in (self.far, self.near)]

    def idle(self):
        """mbsync finds nothing to do, twice."""
        names, mail = self.names(), self.mail(self.far)
        for _ in range(2):
            self.old()
            self.assertEqual(self.names(), names)
            self.assertEqual(self.mail(self.far), mail)
            self.assert_same()

    def test_given_back(self):
        self.start()
        before = self.mail(self.far), self.mail(self.near)
        run = self.give()
        self.assertIn('20 messages in 3 mailboxes', run.out + run.err)
        self.assertEqual(before, (self.mail(self.far), self.mail(self.near)))
        self.quiet()                            # mailtwin does not mind
        self.idle()
        self.assertIn('mbsync still runs here', self.changed_by_mbsync().err)

    def changed_by_mbsync(self):
        self.fill(self.far, 'INBOX', 1)
        self.old()
        return self.mailtwin('-a', code=1)

    def test_there_and_back(self):
        """Begun by mbsync, taken over, worked on, given back, worked on, taken over again: no message travels twice."""
        self.make(policy='Create Both\nRemove Both\nExpunge Both\n')
        for box in BOXES:
            if box != 'INBOX':
                self.far.create(box)
            self.fill(self.far, box, 5, 'S')
        self.old()
        self.taken_over(15)
        self.work()
        self.sync()
        self.assert_same()
        self.give()
        self.idle()
        self.work()
        self.old()
        self.assert_same()
        n = len(self.mail(self.far))
        self.assertIn('mbsync still runs here', self.mailtwin('-a', code=1).err)
        names = self.names()
        self.mailtwin('--adopt', '-a')
        self.assertEqual(self.names(), names)
        self.assertEqual(len(self.mail(self.near)), n)
        self.quiet()

    def work(self):
        far, near = (sorted(s.messages('Sent'), key=lambda m: m.serial) for s in (self.far, self.near))
        self.far.delete(far[0])
        self.near.delete(near[1])
        self.far.flag(far[2], add='F')
        self.near.flag(near[3], remove='S', add='R')
        self.fill(self.far, 'INBOX', 1)
        self.fill(self.near, 'Work/deep', 1, 'S')
        self.fill(self.far, 'Sent', 2, 'S')

    def test_changed_before(self):
        """What changed since mailtwin's last run is left to mbsync, and is all that it does."""
        self.start()
        self.work()
        names = self.names()
        run = self.give()
        self.assertIn('4 new ones', run.out + run.err)
        self.assertEqual(self.names(), names)
        self.old()
        self.assert_same()
        self.assertEqual(len(self.mail(self.far)), 22)
        for before, now in zip(names, self.names()):
            self.assertEqual(len(set(now) - set(before)), 3 if before is names[1] else 1)
        self.idle()

    def test_changed_after(self):
        self.start()
        self.give()
        self.work()
        names = self.names()
        self.old()
        self.assert_same()
        self.assertEqual(len(self.mail(self.far)), 22)
        for before, now in zip(names, self.names()):
            self.assertEqual(len(set(now) - set(before)), 3 if before is names[1] else 1)
        self.idle()

    def test_plan_writes_nothing(self):
        self.start()
        before = self.files(), self.old_files()
        self.give('--dry-run')
        self.assertEqual(before, (self.files(), self.old_files()))


class ToDovecot(Export, Handover):
    def make(self, **kw):
        self.imap_pair(near=self.maildir('near'), **kw)

    def test_names_of_1_5(self):
        """A mailbox that mbsync 1.4 has another name for is told of."""
        self.make()
        for name in ('Entwürfe', 'A&B', 'Work'):
            self.far.create(name)
            self.fill(self.far, name, 2)
        self.sync()
        run = self.give()
        self.assertIn('Entwürfe: mbsync before 1.5 calls it "Entw&APw-rfe"', run.err)
        self.assertIn('A&B: mbsync before 1.5 calls it "A&-B"', run.err)
        self.assertEqual(run.err.count('mbsync before 1.5'), 2)


class ToCyrus(ToDovecot):
    kind = 'cyrus'
    test_changed_before = test_changed_after = test_given_back = test_plan_writes_nothing = test_names_of_1_5 = None


class ToCourier(ToCyrus):
    kind = 'courier'


class BetweenMaildirs(Export, Handover):
    def make(self, **kw):
        self.pair(far=self.maildir('far'), near=self.maildir('near'), **kw)

    def test_left_alone(self):
        """What is set aside here is left alone by mbsync, though what is new is below it."""
        self.make(policy='Create Both\n')
        self.fill(self.far, 'INBOX', 2)
        aside, = self.fill(self.far, 'INBOX', 1, 'T')
        self.mailtwin('-a', '-X')
        self.sync('-a', '--expunge-near')
        self.give()
        self.old()
        self.assert_same()

    def test_places(self):
        """Where mbsync looks, in all forms of SyncState."""
        os.mkdir(os.path.join(self.dir, 'states'))
        for globals_, channel, where in (
                ('', '', f'{self.home}/{self.old_state}/:far:INBOX_:near:INBOX'),
                (f'SyncState {self.dir}/states/\n', '', f'{self.dir}/states/:far:INBOX_:near:INBOX'),
                ('', f'SyncState {self.dir}/states/c-\n', f'{self.dir}/states/c-INBOX'),
                ('', 'SyncState *\n', f'{self.dir}/near/INBOX/.mbsyncstate'),
                ('FieldDelimiter ;\n', 'SyncState %s/states/d-\n' % self.dir, f'{self.dir}/states/d-INBOX')):
            with self.subTest(globals_=globals_, channel=channel):
                self.far = self.near = None
                for top in ('far', 'near', f'home/{self.old_state}'):
                    os.system(f'rm -rf {self.dir}/{top}')
                if self.is_next:                # without either it is 1.4's, which 1.5 finds as well
                    os.makedirs(os.path.join(self.home, self.old_state))
                self.make(globals_=globals_, channel=channel,
                          **({'far_store': 'InfoDelimiter :\n', 'near_store': 'InfoDelimiter :\n'} if globals_.startswith('Field') else {}))
                os.system(f'rm -rf {self.state}')
                self.fill(self.far, 'INBOX', 3)
                self.sync()
                self.give()
                self.assertTrue(os.path.exists(where), where)
                self.idle()


class NamesOf14(Export, Handover):
    """Directories that mbsync 1.4 calls as the server does: begun by it, taken over, worked on, and given back under these names."""

    NAMES = {'Entwürfe': 'Entw&APw-rfe', 'Entwürfe/alte': 'Entw&APw-rfe/alte', 'A&B': 'A&-B', 'Grün/Blätter': 'Gr&APw-n/Bl&AOQ-tter', 'Sent': 'Sent'}
    test_given_back = test_there_and_back = test_changed_before = test_changed_after = test_plan_writes_nothing = None

    def begin(self, **kw):
        self.imap_pair(near=self.maildir('near', **kw))
        for name in self.NAMES:
            self.far.create(name)
            self.fill(self.far, name, 2, 'S')
        self.fill(self.far, 'INBOX', 2)
        return self.far.boxes()

    def give_names(self):
        self.give('--rename-utf7')
        self.assertEqual(self.near.boxes(), sorted(['INBOX', *self.NAMES.values()]))

    def same_mail(self):
        """By the names of far."""
        names = {wire: name for name, wire in self.NAMES.items()}
        self.assertEqual(self.mail(self.far), {(names.get(box, box), serial): flags for (box, serial), flags in self.mail(self.near).items()})

    def idle(self):
        names = self.names()
        for _ in range(2):
            self.old()
            self.assertEqual(self.names(), names)
            self.same_mail()

    def test_there_and_back_by_these_names(self):
        boxes = self.begin()
        self.old()
        self.mailtwin('--rename-utf7', '-a')
        self.assertEqual(self.near.boxes(), boxes)
        self.fill(self.far, 'Entwürfe', 1)
        self.near.delete(self.near.messages('Grün/Blätter')[0])
        self.sync_twice(twins=False)
        self.assert_same()
        before = self.files()
        run = self.give('--rename-utf7', '--dry-run')
        self.assertIn('would be called Entw&APw-rfe', run.out + run.err)
        self.assertEqual(before, self.files())
        self.give_names()
        # mailtwin waits for a word, and makes no such mailbox on the server.
        self.assertEqual(self.mailtwin('-a', code=1).err.count('--rename-utf7 c renames'), 4)
        self.assertEqual(self.far.boxes(), boxes)
        self.idle()
        self.assertEqual(self.far.boxes(), boxes)
        # mbsync is at work again, and then it is not.
        self.fill(self.far, 'Entwürfe/alte', 1)
        self.fill(self.near, 'A&-B', 1)
        self.old()
        self.same_mail()
        names = self.names()
        run = self.mailtwin('--rename-utf7', '-a', '-V', '--debug=imap')
        self.assertEqual(self.bodies(run), 0, run.out)
        self.assertEqual([len(side) for side in self.names()], [len(side) for side in names])
        self.assertEqual(self.far.boxes(), boxes)
        self.assertEqual(self.near.boxes(), boxes)
        self.assert_same()
        self.quiet()

    def test_layouts(self):
        for layout in ('Maildir++', 'Legacy'):
            with self.subTest(layout=layout):
                self.setUp()
                self.far = self.near = None
                boxes = self.begin(layout=layout)
                self.sync()
                self.give_names()
                self.idle()
                self.assertEqual(self.far.boxes(), boxes)

    def test_state_of_1_5(self):
        """There is one, under the names of 1.5: it gets the names of 1.4 as well."""
        self.begin()
        self.sync()
        self.give()
        where = os.path.join(self.home, self.old_state)
        self.assertIn(':far:Entwürfe_:near:Entwürfe', os.listdir(where))
        self.give_names()
        self.assertEqual(sorted(os.listdir(where)), sorted(
            ':far:%s_:near:%s' % (w.replace('/', '!'), w.replace('/', '!')) for w in ['INBOX', *self.NAMES.values()]))
        self.idle()

    def test_stopped_at_every_step(self):
        """Nothing is renamed on the server, and the next one ends it."""
        self.binary = os.path.abspath(os.environ.get('MAILTWIN_FAST', self.binary))
        self.NAMES = {name: self.NAMES[name] for name in ('Entwürfe', 'Grün/Blätter')}
        boxes = self.begin()
        self.sync()
        stopped, step = True, 0
        while stopped:
            step += 1
            stopped = self.mailtwin('export-mbsync', '--rename-utf7', 'c', env={'MAILTWIN_STEP_EXIT': str(step)}, code=None).code != 0
            if step % 3 == 0:
                self.mailtwin('-a', code=(0, 1))
                self.assertEqual(self.far.boxes(), boxes)
            self.give_names()
            self.mailtwin('--rename-utf7', '-a')
            self.assertEqual(self.near.boxes(), boxes)
        self.assertGreater(step, 10)
        self.assertEqual(self.far.boxes(), boxes)
        self.assert_same()
        self.give_names()
        self.idle()


class NextToDovecot(Next, ToDovecot):
    test_changed_after = test_plan_writes_nothing = None        # that is the same for both


class NextBetweenMaildirs(Next, BetweenMaildirs):
    test_changed_after = test_plan_writes_nothing = None
