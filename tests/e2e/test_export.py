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


class NextToDovecot(Next, ToDovecot):
    test_changed_after = test_plan_writes_nothing = None        # that is the same for both


class NextBetweenMaildirs(Next, BetweenMaildirs):
    test_changed_after = test_plan_writes_nothing = None
