"""What mbsync knows is taken over: each message once, no body, no deletion but those that people made."""
import fcntl
import os
import shutil
import subprocess

from handover import Handover, Next
from lib import carried, program

BOXES = ('INBOX', 'Sent', 'Work/deep')


class Import:
    def start(self, policy='Create Both\nRemove Both\nExpunge Both\n', n=8, **kw):
        self.make(policy=policy, **kw)
        for box in BOXES:
            if box != 'INBOX':
                self.far.create(box)
            self.fill(self.far, box, n, 'S')
        self.old()
        self.fill(self.near, 'INBOX', 2, 'R')
        self.old()
        self.assert_same()
        return len(self.mail(self.far))

    def test_as_it_was_left(self):
        n = self.start()
        self.taken_over(n)
        self.assert_same()
        self.quiet()

    def test_worked_on_since(self):
        """What people did on both sides since mbsync's last run is carried over, as what they did."""
        n = self.start()
        far, near = (sorted(s.messages('Sent'), key=lambda m: m.serial) for s in (self.far, self.near))
        gone_far, gone_near, flagged, unseen, moved = (m.serial for m in near[:5])
        self.far.delete(far[0])
        self.near.delete(near[1])
        self.far.flag(far[2], add='F')
        self.near.flag(near[3], remove='S')
        self.near.move(near[4], 'INBOX')
        new_far, = self.fill(self.far, 'INBOX', 1)
        new_near, = self.fill(self.near, 'Work/deep', 1)
        run = self.mailtwin('-a', '-V')
        self.assertIn(f'Paired: {n}', run.out)
        self.assertEqual(carried(run.out), [1, 1], run.out)
        mail = self.mail(self.near)
        self.assertEqual(mail, self.mail(self.far))
        self.assertEqual(len(mail), n)
        for serial in (gone_far, gone_near):
            self.assertNotIn(('Sent', serial), mail)
        self.assertEqual(mail['Sent', flagged], frozenset('FS'))
        self.assertEqual(mail['Sent', unseen], frozenset())
        self.assertEqual(mail['INBOX', moved], frozenset('S'))
        self.assertIn(('INBOX', new_far), mail)
        self.assertIn(('Work/deep', new_near), mail)
        self.quiet()

    def test_lost_uidvalidity(self):
        """Another Maildir under mbsync's state: paired by what it is, and said."""
        n = self.start()
        for box in BOXES:
            path = os.path.join(self.near.box(box), '.uidvalidity')
            with open(path) as f:
                first, second = f.read().split()
            with open(path, 'w') as f:
                f.write(f'{int(first) + 1}\n{second}\n')
        run = self.taken_over(n)
        self.assertIn('not taken over from mbsync', run.err)
        self.quiet()

    def test_left_alone(self):
        """What mbsync never copied stays where it is, until Sync Old asks for it."""
        self.start()
        self.far.flag(self.far.messages('INBOX')[0], add='T')
        serial, = self.fill(self.far, 'INBOX', 1, 'T')
        self.old('--noop', '-a', code=None)
        kept, = self.fill(self.far, 'INBOX', 1)
        self.old()
        self.assertNotIn(('INBOX', serial), self.mail(self.near))
        run = self.mailtwin('-a', '-V', '--no-expunge')
        self.assertEqual(sum(carried(run.out)), 0, run.out)
        self.assertIn(('INBOX', kept), self.mail(self.near))
        self.quiet()


class FromDovecot(Import, Handover):
    def make(self, **kw):
        self.imap_pair(globals_=self.state_lines, channel=self.channel_lines, near=self.maildir('near'), **kw)


class BetweenMaildirs(Import, Handover):
    def make(self, **kw):
        self.pair(globals_=self.state_lines, channel=self.channel_lines, far=self.maildir('far'), near=self.maildir('near'), **kw)


class NextFromDovecot(Next, FromDovecot):
    test_lost_uidvalidity = None                                # that is the same for both


class NextBetweenMaildirs(Next, BetweenMaildirs):
    test_lost_uidvalidity = None


class AltMap(Import, Handover):
    """UIDs of near, and of both Maildirs, in mbsync's map beside them."""

    test_lost_uidvalidity = test_left_alone = None

    def make(self, **kw):
        self.pair(near_store='AltMap yes\n', far_store='AltMap yes\n', far=self.maildir('far'), near=self.maildir('near'), **kw)

    def test_many(self):
        """In several pages, some of them split."""
        self.make(policy='')
        self.fill(self.far, 'INBOX', 400, 'S')
        self.old()
        for m in self.near.messages('INBOX')[::3]:
            self.near.delete(m)
        self.old()
        self.fill(self.far, 'INBOX', 50)
        self.old()
        self.assertGreater(os.path.getsize(os.path.join(self.near.box('INBOX'), '.isyncuidmap.db')), 20000)
        self.taken_over(316)
        self.quiet()

    def test_damaged(self):
        """Cut, and written over: what cannot be used is left, and equal messages are paired; nothing is deleted, nothing copied."""
        self.make()
        self.fill(self.far, 'INBOX', 5, 'S')
        self.old()
        self.binary = os.path.abspath(os.environ.get('MAILTWIN_FAST', self.binary))
        path = os.path.join(self.near.box('INBOX'), '.isyncuidmap.db')
        with open(path, 'rb') as f:
            whole = f.read()
        used = [i for i in range(0, len(whole), 16) if any(whole[i:i + 16])]
        cuts = [whole[:n] for n in sorted({*range(0, len(whole), 997), *used})]
        over = [whole[:i] + bytes(b ^ 0xff for b in whole[i:i + 16]) + whole[i + 16:] for i in used]
        over += [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1:] for u in used for i in range(u + 1, u + 16, 9)]
        was = self.mail(self.far), self.mail(self.near)
        left = 0
        for data in cuts + over:
            shutil.rmtree(self.state, True)
            with open(path, 'wb') as f:
                f.write(data)
            left += 'is not whole' in self.mailtwin('-a', '-V').err
            self.assertEqual(was, (self.mail(self.far), self.mail(self.near)))
        self.assertGreater(left, len(cuts) - 1)
        self.quiet()


class AltMapFromDovecot(AltMap):
    test_many = test_damaged = None

    def make(self, **kw):
        self.imap_pair(near_store='AltMap yes\n', near=self.maildir('near'), **kw)


class NextAltMap(Next, AltMap):
    test_damaged = test_many = None


class FromCyrus(FromDovecot):
    kind = 'cyrus'
    test_lost_uidvalidity = None


class FromCourier(FromDovecot):
    kind = 'courier'
    test_lost_uidvalidity = None


class Less(Handover):
    """Near has less than far: so many messages, and of the large ones what stands for them. Taken over, worked on, given back."""

    def keys(self):
        """What each message is called on each side, whatever UID mbsync gave it, and which of near's are whole."""
        return ([(box, m.key) for box in self.far.boxes() for m in self.far.messages(box)],
                sorted((box, m.key.split('/')[-1].split(',U=')[0].split(':')[0], m.size) for box in self.near.boxes() for m in self.near.messages(box)))

    def idle(self):
        """mbsync finds nothing to do."""
        keys = self.keys()
        for _ in range(2):
            self.old()
            self.assertEqual(self.keys(), keys)

    def story(self, unread, most):
        near = self.maildir('near')
        self.imap_pair(f'MaxMessages 6\nExpireUnread {unread}\nMaxSize 2k\n', near=near, policy='Create Both\nExpunge Near\n')
        self.far.create('Work')
        for box in ('INBOX', 'Work'):
            self.fill(self.far, box, 3, '')
            self.fill(self.far, box, 4, 'S')
            self.fill(self.far, box, 2, 'S', size=5000)
        self.old()
        self.fill(self.far, 'INBOX', 2, 'S')
        self.fill(self.far, 'Work', 1, 'S', size=5000)
        self.old()
        self.idle()
        n = len(near.messages('INBOX')), len(near.messages('Work'))
        self.assertEqual(n, (most, most))
        run = self.taken_over(sum(n))
        self.assertEqual(carried(run.out), [0, 0])
        self.quiet()
        # The limit goes on, and what stands for a message is asked for.
        self.fill(self.far, 'INBOX', 1, 'S')
        large = next(m for m in near.messages('Work') if m.serial is None)
        near.flag(large, add='F')
        self.assertEqual(carried(self.mailtwin('-a', '-V').out), [0, 2])
        self.quiet()
        self.assertEqual(len(near.messages('INBOX')), most)
        self.assertEqual(sum(m.serial is None for m in near.messages('Work')), 2)
        # And back.
        keys = self.keys()
        self.mailtwin('export-mbsync', 'c')
        self.assertEqual(self.keys(), keys)
        self.idle()
        self.fill(self.far, 'INBOX', 1, 'S')
        self.fill(self.far, 'Work', 1, 'S', size=5000)
        self.old()
        self.assertEqual([len(near.messages(box)) for box in ('INBOX', 'Work')], [most, most])
        self.assertEqual(sum(m.serial is None for m in near.messages('Work')), 3)

    def test_unread_goes_too(self):
        self.story('yes', 6)

    def test_unread_stays(self):
        self.story('no', 9)


class NextLess(Next, Less):
    pass


class Names(Handover):
    """Directories that mbsync 1.4 named as the server does."""

    NAMES = {'Entwürfe': 'Entw&APw-rfe', 'Entwürfe/alte': 'Entw&APw-rfe/alte', 'A&B': 'A&-B', 'Grün/Blätter': 'Gr&APw-n/Bl&AOQ-tter'}

    def test_renamed(self):
        self.imap_pair(near=self.maildir('near'))
        for name in self.NAMES:
            self.far.create(name)
            self.fill(self.far, name, 3, 'S')
        self.fill(self.far, 'INBOX', 2)
        self.old()
        self.assertEqual(self.near.boxes(), sorted(['INBOX', *self.NAMES.values()]))
        still, boxes = self.near.still(), self.far.boxes()
        plan = self.mailtwin('plan', '-a', code=1)
        self.assertIn('--rename-utf7 c renames its directory to "Entwürfe"', plan.err)
        self.assertNotIn('mbsync knew', plan.err)
        plan = self.mailtwin('plan', '--rename-utf7', '-a', '-V')
        self.assertIn('Paired: 14', plan.out)
        self.assertIn('Entwürfe: its directory on the near side is called Entw&APw-rfe (modified UTF-7), and would be renamed', plan.out + plan.err)
        self.assertEqual(still, self.near.still())
        run = self.sync('-a', code=1)
        self.assertIn('--rename-utf7 c renames', run.err)
        self.assertEqual(self.far.boxes(), boxes)
        run = self.mailtwin('--rename-utf7', '-a', '-V', '--debug=imap')
        self.assertEqual(self.bodies(run), 0, run.out)
        self.assertIn('Paired: 12', run.out)
        self.assertEqual(self.far.boxes(), boxes)
        self.assertEqual(self.near.boxes(), boxes)
        self.assert_same()
        self.quiet()


class Places(Handover):
    """Wherever mbsync looks for its state."""

    def check(self, globals_='', channel='', where=None, **kw):
        self.pair(globals_=globals_, channel=channel, far=self.maildir('far'), near=self.maildir('near'), **kw)
        for box in BOXES:
            if box != 'INBOX':
                self.far.create(box)
            self.fill(self.far, box, 3)
        self.old()
        if where is not None:
            self.assertTrue(os.path.exists(where), os.listdir(os.path.dirname(where)))
        self.taken_over(9)
        self.quiet()

    def test_default(self):
        self.check(where=os.path.join(self.home, self.old_state, ':far:INBOX_:near:INBOX'))

    def test_default_of_1_5(self):
        """What 1.4 wrote, where 1.5 has it."""
        self.pair(far=self.maildir('far'), near=self.maildir('near'))
        self.far.create('Work/deep')
        self.fill(self.far, 'Work/deep', 3)
        self.old()
        os.makedirs(os.path.join(self.home, '.local/state'))
        os.rename(os.path.join(self.home, '.mbsync'), os.path.join(self.home, '.local/state/isync'))
        self.taken_over(3)

    def test_both_defaults(self):
        self.pair(far=self.maildir('far'), near=self.maildir('near'))
        self.fill(self.far, 'INBOX', 3)
        self.old()
        os.makedirs(os.path.join(self.home, '.local/state'))
        shutil.copytree(os.path.join(self.home, '.mbsync'), os.path.join(self.home, '.local/state/isync'))
        run = self.mailtwin('-a', code=1)
        self.assertIn('two states of this mailbox', run.err)

    def test_directory_of_all(self):
        os.mkdir(os.path.join(self.dir, 'states'))
        self.check(f'SyncState {self.dir}/states/\n', where=os.path.join(self.dir, 'states/:far:Work!deep_:near:Work!deep'))

    def test_prefix_of_all(self):
        os.mkdir(os.path.join(self.dir, 'states'))
        self.check(f'SyncState {self.dir}/states/pre-\n', where=os.path.join(self.dir, 'states/pre-:far:INBOX_:near:INBOX'))

    def test_prefix_of_a_channel(self):
        os.mkdir(os.path.join(self.dir, 'states'))
        self.check(channel=f'SyncState {self.dir}/states/chan-\n', where=os.path.join(self.dir, 'states/chan-Work!deep'))

    def test_in_the_maildir(self):
        self.check(channel='SyncState *\n', where=os.path.join(self.dir, 'near/INBOX/.mbsyncstate'))

    def test_field_delimiter(self):
        """With the delimiters of names on such a disk."""
        self.check('FieldDelimiter ;\n', where=os.path.join(self.home, '.mbsync/;far;INBOX_;near;INBOX'), far_store='InfoDelimiter :\n',
                   near_store='InfoDelimiter :\n')

    def test_flatten(self):
        self.pair(near_store='Flatten .\n', far=self.maildir('far'), near=self.maildir('near'))
        self.far.create('Work/deep')
        self.fill(self.far, 'Work/deep', 3)
        self.old()
        self.assertTrue(os.path.exists(os.path.join(self.home, '.mbsync/:far:Work!deep_:near:Work.deep')))
        self.taken_over(3)

    def test_one_mailbox(self):
        far, near = self.maildir('far'), self.maildir('near')
        self.pair(far=far, near=near)
        far.create('Arch')
        with open(self.config) as f:
            text = f.read().replace('Far :far:', 'Far :far:Arch').replace('Near :near:', 'Near :near:Old').replace('Patterns *\n', '')
        self.write_config(text)
        self.fill(far, 'Arch', 3)
        self.old()
        self.taken_over(3)


class Written(Handover):
    """States written by hand, for Maildirs that mbsync numbered."""

    def make_state(self, text, far=((1, ''), (2, 'S'), (3, '')), near=((1, ''), (2, 'S'), (3, '')), **kw):
        self.pair(far=self.maildir('far'), near=self.maildir('near'), **kw)
        for side, mail in ((self.far, far), (self.near, near)):
            for uid, flags in mail:
                # Equal serials on both sides are one mail.
                side.deliver('INBOX', b'Subject: m\n\nserial %d.\n' % uid, flags, file=f'1700000000.{uid}.host,U={uid}', new=False)
            with open(os.path.join(side.box('INBOX'), '.uidvalidity'), 'w') as f:
                f.write('1700000000\n9\n')
        self.file = os.path.join(self.home, '.mbsync/:far:INBOX_:near:INBOX')
        with open(self.file, 'w') as f:
            f.write(text)

    NOW = ('FarUidValidity 1700000000\nNearUidValidity 1700000000\nMaxPulledUid {f}\nMaxPushedUid {n}\n')

    def nothing(self, code=0, pairs=None):
        """No message is copied, changed or removed."""
        before = self.far.still(), self.near.still()
        run = self.mailtwin('-a', '-V', code=code)
        mail = [{k: v for k, v in s.items() if '/cur/' in k or '/new/' in k} for s in before]
        self.assertEqual(mail, [{k: v for k, v in s.still().items() if '/cur/' in k or '/new/' in k} for s in (self.far, self.near)])
        if pairs is not None:
            self.assertIn(f'Paired: {pairs}', run.out)
        return run


class Dialects(Written):
    """States of all versions, and all that they can say."""

    def test_before_1_1(self):
        self.make_state('1700000000:3 1700000000:0:3\n1 1 \n2 2 S\n3 3 \n')
        self.nothing(pairs=3)
        self.quiet()

    def test_before_1_4(self):
        self.make_state('MasterUidValidity 1700000000\nSlaveUidValidity 1700000000\nMaxPulledUid 3\nMaxExpiredSlaveUid 0\n'
                        'MaxPushedUid 3\n\n1 1 \n2 2 S\n3 3 \n')
        self.nothing(pairs=3)

    def test_skipped(self):
        """Before 1.3 as the highest of all UIDs, then as ^."""
        for line in ('2 4294967295 ', '2 0 ^'):
            with self.subTest(line=line):
                self.setUp()
                self.make_state(self.NOW.format(f=3, n=3) + f'\n1 1 \n{line}\n3 3 \n', near=((1, ''), (3, '')))
                self.nothing(pairs=2)
                self.quiet()

    def test_expired(self):
        """Gone from near, or still there and \\Deleted: neither copied again nor deleted on far."""
        self.make_state(self.NOW.format(f=3, n=3) + 'MaxExpiredFarUid 2\n\n1 0 ~\n2 2 ~ST\n3 3 \n', far=((1, ''), (2, 'S'), (3, '')),
                        near=((2, 'ST'), (3, '')), policy='Create Both\n')
        self.nothing(pairs=1)
        os.unlink(os.path.join(self.near.box('INBOX'), 'cur/1700000000.2.host,U=2:2,ST'))
        self.nothing()
        self.assertEqual(len(self.far.messages('INBOX')), 3)

    def test_orphans(self):
        self.make_state(self.NOW.format(f=3, n=3) + '\n1 1 \n0 2 S\n3 0 \n', far=((1, ''), (3, '')), near=((1, ''), (2, 'S')))
        self.nothing(pairs=1)
        self.quiet()

    def test_placeholder(self):
        """What stands for a large message is its twin; flagged, it is asked for, as with mbsync."""
        self.make_state(self.NOW.format(f=3, n=3) + '\n1 1 \n2 2 >\n3 3 \n', far=((1, ''), (2, ''), (3, '')))
        self.nothing(pairs=3)
        placeholder = [m for m in self.near.messages('INBOX') if m.serial == 2][0]
        self.near.flag(placeholder, add='S')
        self.nothing()
        self.quiet()

    def test_highest_uids(self):
        """Without an entry, and below: left alone. Above: new."""
        self.make_state(self.NOW.format(f=2, n=1) + '\n1 1 \n', far=((1, ''), (2, '')), near=((1, ''), (3, '')))
        run = self.mailtwin('-a', '-V')
        self.assertIn('Paired: 1', run.out)
        self.assertEqual(sorted(m.serial for m in self.far.messages('INBOX')), [1, 2, 3])
        self.assertEqual(sorted(m.serial for m in self.near.messages('INBOX')), [1, 3])
        self.quiet()

    def test_one_uid_twice(self):
        """A file that a mail program copied with its name: which of them it was nobody knows."""
        self.make_state(self.NOW.format(f=3, n=3) + '\n1 1 \n2 2 S\n3 3 \n')
        self.near.deliver('INBOX', b'Subject: m\n\nserial 7.\n', 'S', file='1700000001.9.host,U=2', new=False)
        run = self.mailtwin('-a', '-V')
        self.assertEqual(sorted(m.serial for m in self.far.messages('INBOX')), [1, 2, 3, 7])
        self.assertEqual(sorted(m.serial for m in self.near.messages('INBOX')), [1, 2, 3, 7])
        self.assertIn('Paired: 3', run.out)
        self.quiet()

    def test_empty_maildir(self):
        """Not the Maildir that mbsync knew: a disk that is not mounted."""
        self.make_state(self.NOW.format(f=3, n=3) + '\n1 1 \n2 2 S\n3 3 \n', near=())
        os.unlink(os.path.join(self.near.box('INBOX'), '.uidvalidity'))
        run = self.nothing(code=1)
        self.assertIn('not the Maildir that mbsync knew', run.err)
        self.assertIn('--adopt', run.err)

    def test_torn(self):
        """Cut at every byte, and with each line replaced: an error that names the line, or nothing copied and nothing deleted."""
        whole = self.NOW.format(f=3, n=3) + '\n1 1 \n2 2 S\n3 3 \n'
        self.make_state(whole)
        lines = whole.splitlines(keepends=True)
        broken = [whole[:i] for i in range(0, len(whole), 1)]
        broken += [''.join(lines[:i] + [garbage] + lines[i + 1:]) for i in range(len(lines)) for garbage in ('\x00\xff\n', '9 9 9\n', 'x\n')]
        still = self.mail(self.far), self.mail(self.near)
        clear = 0
        self.binary = os.path.abspath(os.environ.get('MAILTWIN_FAST', self.binary))
        for text in broken:
            with open(self.file, 'w', encoding='latin-1') as f:
                f.write(text)
            run = self.mailtwin('-a', '-V', code=(0, 1))
            self.assertEqual(still, (self.mail(self.far), self.mail(self.near)), text)
            if run.code == 1:
                self.assertRegex(run.err, r'INBOX_:near:INBOX(, line \d+: |: the far UID)', text)
                self.assertIn('--adopt', run.err)
                clear += 1
            shutil.rmtree(self.state)
        self.assertGreater(clear, len(whole) * .7)
        self.nothing(code=1)
        run = self.mailtwin('--adopt', '-a', '-V')
        self.assertIn('Paired: 3', run.out)
        self.quiet()


class Damaged(Written):
    """Each of mbsync's files, cut at every byte and written over: an error or a right import, never a copy, never a deletion."""

    WHOLE = Written.NOW.format(f=3, n=3) + '\n1 1 \n2 2 S\n3 3 \n'
    GARBAGE = (b'', b'\0', b'\0\xff\xfe\n', b'x\n', b'9 9 9\n', b'-1\n-1\n', b'4294967296\n1\n', b'18446744073709551617\n3\n', b'1' * 70000)

    def each(self, path, contents, more=()):
        """The file has each of these, on the first run of the channel."""
        self.binary = os.path.abspath(os.environ.get('MAILTWIN_FAST', self.binary))
        was = self.mail(self.far), self.mail(self.near)
        codes = set()
        for text in contents:
            shutil.rmtree(self.state, True)
            with open(path, 'wb') as f:
                f.write(text)
            for _ in range(2):
                run = self.mailtwin('-a', '-V', code=(0, 1, 75))
                self.assertEqual(was, (self.mail(self.far), self.mail(self.near)), text[:80])
                self.assertNotRegex(run.out, r' [+#-][1-9]', text[:80])
            self.assertTrue(run.code == 0 or run.err, text[:80])
            codes.add(run.code)
        os.unlink(path)
        return codes

    def cut(self, whole):
        return [whole[:i] for i in range(len(whole))]

    def lines(self, whole):
        """With any line replaced."""
        parts = whole.splitlines(keepends=True)
        return [b''.join(parts[:i] + [g] + parts[i + 1:]) for i in range(len(parts)) for g in self.GARBAGE]

    def test_uidvalidity(self):
        self.make_state(self.WHOLE)
        whole = b'1700000000\n9\n'
        for side in (self.far, self.near):
            path = os.path.join(side.box('INBOX'), '.uidvalidity')
            self.assertLessEqual(self.each(path, [*self.cut(whole), *self.lines(whole), *self.GARBAGE]), {0, 1})
            with open(path, 'wb') as f:
                f.write(whole)
        shutil.rmtree(self.state, True)
        self.nothing(pairs=3)
        self.quiet()

    def test_journal_and_new(self):
        """What mbsync was at, with the state or without: whatever stands in it, it is left to mbsync."""
        self.make_state(self.WHOLE)
        journal = b'4\n+ 4 0\n# 4 0 abcdefghijkl\n> 4 0 4\n* 1 1 16\nN 0 4\n'
        for name, other, whole in ('.journal', '.new', journal), ('.new', '.journal', self.WHOLE.encode()):
            with open(self.file + other, 'w') as f:
                f.write('4\n')
            self.assertEqual(self.each(self.file + name, [*self.cut(whole)[::7], *self.GARBAGE]), {1})
            os.unlink(self.file + other)
            # Alone it says nothing.
            self.assertEqual(self.each(self.file + name, self.GARBAGE), {0})

    def test_lock(self):
        """Nobody holds it, whatever it has in it."""
        self.make_state(self.WHOLE)
        for text in self.GARBAGE[:4]:
            shutil.rmtree(self.state, True)
            with open(self.file + '.lock', 'wb') as f:
                f.write(text)
            self.nothing(pairs=3)

    def test_uid_map(self):
        """A Maildir with AltMap, or what is left of its map: paired by what the messages are."""
        self.make_state(self.WHOLE)
        for side in (self.far, self.near):
            os.unlink(os.path.join(side.box('INBOX'), '.uidvalidity'))
            self.assertEqual(self.each(os.path.join(side.box('INBOX'), '.isyncuidmap.db'), [*self.GARBAGE, b'\0' * 12 + b'\x61\x15\x06\0' * 3000]), {0})

    def test_names(self):
        """UIDs in names that cannot be: the state says that they are pairs, the messages that they are not."""
        for uid in ('0', '', '-1', '4294967295', '4294967296', '99999999999999999999', '2x', '2,U=3', '02', ' 2', '\xff'):
            with self.subTest(uid=uid):
                self.setUp()
                self.binary = os.path.abspath(os.environ.get('MAILTWIN_FAST', self.binary))
                self.make_state(self.WHOLE)
                path = os.path.join(self.near.box('INBOX'), 'cur')
                os.rename(os.path.join(path, '1700000000.2.host,U=2:2,S'), os.path.join(path, f'1700000000.2.host,U={uid}:2,S'))
                self.mailtwin('-a', code=(0, 1))
                self.sync()
                self.assertEqual(sorted(m.serial for m in self.far.messages('INBOX')), [1, 2, 3])
                self.assertEqual(sorted(m.serial for m in self.near.messages('INBOX')), [1, 2, 3])
                self.quiet()


class Held(Written):
    """mbsync is not done with the channel."""

    WHOLE = Written.NOW.format(f=3, n=3) + '\n1 1 \n2 2 S\n3 3 \n'

    def test_journal(self):
        self.make_state(self.WHOLE)
        for name in ('.new', '.journal'):
            with open(self.file + name, 'w') as f:
                f.write('4\n')
        was = self.old_files()
        run = self.nothing(code=1)
        self.assertIn('run mbsync once more', run.err)
        self.assertEqual(was, self.old_files())
        os.unlink(self.file + '.new')
        self.nothing(pairs=3)

    def test_still_runs(self):
        self.make_state(self.WHOLE)
        self.nothing(pairs=3)
        os.utime(self.file)                     # a backup put it back
        self.nothing()
        self.old()                              # nothing to do: the same state
        self.nothing()
        self._serial = 100
        self.fill(self.far, 'INBOX', 1)
        self.old()
        run = self.nothing(code=1)
        self.assertIn('mbsync still runs here', run.err)
        self.assertEqual(run.err.count('mbsync still runs here'), 1)
        self.nothing(code=1)
        run = self.mailtwin('--adopt', '-a', '-V')
        self.assertIn('Paired: 1', run.out)
        self.assertEqual(self.bodies(run), 0)
        self.quiet()

    def test_begins_to_run(self):
        """There was no state of mbsync's when the channel began."""
        self.make_state(self.WHOLE)
        os.unlink(self.file)
        self.mailtwin('-a')
        self.old('-a', code=None)
        self.assertTrue(os.path.exists(self.file))
        self.assertIn('mbsync still runs here', self.mailtwin('-a', code=1).err)

    def test_stopped_at_every_step(self):
        """Of the import, and then of the export: nothing is lost and nothing doubled."""
        self.binary = os.path.abspath(os.environ.get('MAILTWIN_FAST', self.binary))
        for args in ('-a',), ('export-mbsync', 'c'):
            stopped, step = True, 0
            while stopped:
                step += 1
                for path in [self.state, *(s.path for s in (self.far, self.near) if s)]:
                    shutil.rmtree(path, True)
                self.far = self.near = None
                self.make_state(self.WHOLE)
                self.far.deliver('INBOX', b'Subject: m\n\nserial 7.\n', 'S')
                self.near.delete(self.near.messages('INBOX')[1])
                if args != ('-a',):
                    self.mailtwin('-a')
                stopped = self.mailtwin(*args, env={'MAILTWIN_STEP_EXIT': str(step)}, code=None).code != 0
                self.mailtwin(*args)
                if args != ('-a',) and step % 4 == 0:   # it takes a second
                    self.old()
                self.assert_same()
                self.assertEqual(sorted(serial for _, serial in self.mail(self.far)), [1, 3, 7], step)
            self.assertGreater(step, 10)

    def test_lock(self):
        self.make_state(self.WHOLE)
        with open(self.file + '.lock', 'w') as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            for args in (('-a',), ('plan', '-a')):
                run = self.mailtwin(*args, code=75)
                self.assertIn('mbsync is at work here', run.err)
                self.assertIn('.lock', run.err)
        os.unlink(self.file + '.lock')
        self.nothing(pairs=3)
        self.assertFalse(os.path.exists(self.file + '.lock'))

    def test_lock_is_held(self):
        """From before the state is read until what it says is on the disk."""
        self.make_state(self.WHOLE)
        trace = os.path.join(self.dir, 'trace')
        subprocess.run(['strace', '-f', '-y', '-e', 'trace=openat,fcntl,fdatasync,fsync,msync,unlink', '-o', trace, program('MAILTWIN_FAST'),
                        *self.command('-a')[1:]], env=self.environment(), cwd=self.dir, check=True)
        with open(trace) as f:
            calls = [line for line in f.read().split('\n') if self.file in line or 'c.mdb' in line]
        locked = next(i for i, c in enumerate(calls) if 'F_SETLK' in c and 'F_WRLCK' in c and self.file + '.lock' in c)
        ended = next(i for i, c in enumerate(calls) if 'unlink(' in c and self.file + '.lock' in c)
        self.assertTrue(any('sync(' in c and 'c.mdb' in c for c in calls[locked:ended]), calls)

    def test_check(self):
        """Only said; then only taken over; then the run."""
        self.make_state(self.WHOLE)
        self._serial = 100
        run = self.mailtwin('import', '--check', '-a')
        self.assertIn('3 pairs', run.out + run.err)
        self.assertFalse(os.path.exists(self.state) and any(f.endswith('.mdb') for f in os.listdir(self.state)))
        self.fill(self.far, 'INBOX', 1)
        self.nothing_but('import', '-a')
        dump = self.mailtwin('state', 'dump', 'c').out
        self.assertEqual(dump.count('\nmessage '), 3)
        run = self.mailtwin('-a', '-V')
        self.assertEqual(carried(run.out), [0, 1])
        self.mailtwin('-a', '--check', code=2)
        self.quiet()

    def nothing_but(self, *args):
        before = self.mail(self.far), self.mail(self.near)
        run = self.mailtwin(*args)
        self.assertEqual(before, (self.mail(self.far), self.mail(self.near)))
        return run

