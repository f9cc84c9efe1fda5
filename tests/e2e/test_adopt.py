"""Mail that is there on both sides already, and little or nothing known of it (R7, R10): paired by what it is. Nothing is
doubled, no body travels for what has a twin, no deletion is inferred, flags are united (or merged, where a base is left).

Each case changes what the program knows, or what it finds, and then asks `adopted()`: one run, its report and its talk.
"""
import os
import re
import shutil

from accounts import Account
from lib import Case, ImapSide, carried, message, serials
from scripted import Scripted

BOXES = ('A', 'B', 'C/deep')


class Adopted:
    def adopted(self, paired=None, bodies=0, twins=True):
        """A run that carries so many bodies; then both sides are twins, and quiet."""
        run = self.mailtwin('-a', '-V', '--debug=imap,run')
        if paired is not None:
            found = re.findall(r'Paired: (\d+)', run.out)
            self.assertEqual([int(n) for n in found], [paired] if paired else [], run.out)
        self.assertEqual(sum(carried(run.out)), bodies, run.out)
        if bodies == 0:
            self.assertEqual([line for line in run.err.split('\n') if 'BODY.PEEK[]' in line or ' APPEND ' in line], [])
        self.sync_twice(twins=twins)
        return run

    def mail(self, n=20):
        """Mail in all mailboxes, some of it more than once, some without Message-ID; returns how many there are."""
        for box in BOXES:
            self.far.create(box)
            self.fill(self.far, box, n, 'S')
        for _ in range(4):
            self.far.deliver('A', message(9000), 'S')
        self.far.deliver('B', message(9000), 'S')
        self.far.deliver('A', message(9001, message_id=False), 'S')
        self.sync_twice()
        return sum(serials(self.far).values())

    def lose_state(self):
        shutil.rmtree(self.state)

    def pick(self, side, box, i):
        return sorted(side.messages(box), key=lambda m: (m.serial, str(m.key)))[i]

    def filed_differently(self):
        """Far and near disagree about six messages, whose flags differ too; the serials by where they end."""
        ends = {}
        moves = [('far', 'A', 'B'), ('near', 'A', 'C/deep'), ('far', 'B', 'INBOX'), ('near', 'B', 'INBOX'),
                 ('far', 'C/deep', 'Trash'), ('near', 'C/deep', 'A')]
        picked = [self.pick(self.far, box, i).serial for i, (_, box, _) in enumerate(moves)]
        for serial, (name, box, to) in zip(picked, moves):
            side, other = (self.far, self.near) if name == 'far' else (self.near, self.far)
            for s in (self.far, self.near):
                s.create(to)
            side.move(self.one(side, serial), to)
            other.flag(self.one(other, serial), add='R')
            ends[serial] = (box, to, name)
        return ends


class Lost(Adopted):
    """The state is gone; `make()` gives the sides."""

    def setUp(self):
        super().setUp()
        self.make()
        self.total = self.mail()

    def test_state_lost(self):
        self.lose_state()
        self.adopted(self.total)
        self.assertEqual(sum(serials(self.near).values()), self.total)

    def test_state_lost_and_work_went_on(self):
        """Flags are united; what was deleted comes back, alone; what is new on a side has no twin."""
        self.lose_state()
        a, b, c = (self.pick(self.far, 'A', i).serial for i in range(3))
        self.far.flag(self.one(self.far, a), add='F')
        self.near.flag(self.one(self.near, a), add='R', remove='S')
        self.near.delete(self.one(self.near, b))
        self.fill(self.far, 'B', 1)
        self.adopted(self.total - 1, bodies=2)
        self.assertEqual(self.one(self.near, a).flags, frozenset('FRS'))
        self.assertEqual(len([m for m in self.far.messages('A') if m.serial == b]), 1)
        self.assertEqual(sum(serials(self.near).values()), self.total + 1)

    def test_filed_differently(self):
        """No base tells who moved it: it goes where far has it, but for INBOX and Trash, which lose."""
        self.far.create('Trash')
        self.sync_twice()
        ends = self.filed_differently()
        self.lose_state()
        self.adopted(self.total - len(ends))
        self.assertEqual(sum(serials(self.near).values()), self.total)
        for serial, (box, to, by) in ends.items():
            mail = self.one(self.near, serial)
            self.assertEqual(mail.flags, frozenset('RS'), serial)
            if to == 'INBOX':
                self.assertEqual(mail.box, box)
            elif to != 'Trash':                 # a role that some servers tell
                self.assertEqual(mail.box, to if by == 'far' else box)

    def test_filed_in_a_folder_of_another_name(self):
        """No folder of that name on the other side, both ways: one of them wins, no body travels."""
        self.far.rename('A', 'Sent Items')
        self.lose_state()
        before = serials(self.near)
        self.adopted()
        self.assertEqual(serials(self.near), before)

    def test_plan_tells(self):
        self.lose_state()
        self.near.move(self.pick(self.near, 'A', 0), 'B')
        run = self.mailtwin('plan', '-V', '-a')
        self.assertIn('near: move 1 to A (moved on far)', run.out)
        self.assertIn('nothing is known of who moved them', run.out + run.err)
        self.adopted(self.total - 1)

    def test_pull_only(self):
        """Sync Pull: what near has filed elsewhere stays there, and is not copied once more."""
        self.far.deliver('INBOX', message(9500), 'S')
        self.sync_twice()
        self.near.move(self.one(self.near, 9500), 'B')
        self.lose_state()
        before = serials(self.near), serials(self.far)
        for _ in range(2):
            run = self.sync('-a', '--pull', '-V', code=(0, 1))
            self.assertEqual(set(carried(run.out)), {0})
            self.assertEqual((serials(self.near), serials(self.far)), before)
            self.assertEqual(self.one(self.near, 9500).box, 'B')
            self.assertEqual(self.one(self.far, 9500).box, 'INBOX')

    def test_old_state_comes_back(self):
        """From a backup: what happened since is found to be so on both sides."""
        old = os.path.join(self.dir, 'old-state')
        shutil.copytree(self.state, old)
        a, b, c, d = (self.pick(self.far, 'A', i).serial for i in range(4))
        self.far.move(self.one(self.far, a), 'B')
        self.near.delete(self.one(self.near, b))
        self.far.flag(self.one(self.far, c), add='F')
        new = self.fill(self.near, 'C/deep', 2)
        self.sync_twice()
        shutil.rmtree(self.state)
        shutil.copytree(old, self.state)
        self.near.move(self.one(self.near, d), 'B')             # this one the old base knows
        self.adopted()
        self.assertEqual(self.one(self.far, d).box, 'B')
        self.assertEqual(self.one(self.near, a).box, 'B')
        self.assertNotIn(b, serials(self.far))
        self.assertEqual(self.one(self.near, c).flags, frozenset('FS'))
        self.assertEqual(len(self.one(self.far, new[0]).flags), 0)
        self.assertEqual(sum(serials(self.far).values()), self.total + 1)

    def test_ten_and_ten(self):
        for _ in range(10):
            for side in (self.far, self.near):
                side.deliver('A', message(9100), 'S')
        self.lose_state()
        self.adopted(self.total + 10)
        self.assertEqual(serials(self.far)[9100], 10)

    def test_one_message_id_two_messages(self):
        """A list copy and a direct copy; a draft saved five times, once on one side and four times on the other."""
        data = message(9200)
        direct = data.replace(b'serial 9200.', b'serial 9201.')
        listed = data.replace(b'\nSubject: ', b'\nList-Id: <a.b>\nSubject: [a] ').replace(b'9200.', b'9202.')
        for i, d in enumerate((data, direct, listed)):
            self.far.deliver('A', d, 'S')
            if i != 1:
                self.near.deliver('A', d, 'S')
        drafts = [data.replace(b'serial 9200.', b'serial 930%d.' % i) for i in range(5)]
        self.far.deliver('B', drafts[0], 'D')
        for d in drafts[1:]:
            self.near.deliver('B', d, 'D')
        self.lose_state()
        run = self.mailtwin('-a', '-V')
        self.assertIn(f'Paired: {self.total + 2}', run.out)
        self.sync_twice()
        self.assertEqual([serials(self.near)[n] for n in (9200, 9201, 9202, *range(9300, 9305))], [1] * 8)


class OnTwoMaildirs(Lost, Case):
    def make(self):
        self.pair()


class OnDovecot(Lost, Account):
    kind = 'dovecot'

    def make(self):
        self.imap_pair()

    # What becomes of one side

    def reborn(self, box):
        """Another UIDVALIDITY: the mailbox is made anew, with its mail in another order."""
        mails = [(self.far.data(m), m.flags) for m in self.far.messages(box)]
        self.far.remove(box)
        self.far.create(box)
        for data, flags in reversed(mails):
            self.far.deliver(box, data, flags)
        return len(mails)

    def test_uidvalidity_of_one(self):
        """And a flag removed meanwhile stays removed: what was agreed is still known."""
        s = self.pick(self.near, 'A', 0).serial
        self.near.flag(self.one(self.near, s), remove='S')
        self.adopted(self.reborn('A'))
        self.assertEqual(self.one(self.far, s).flags, frozenset())

    def test_uidvalidity_of_all(self):
        self.adopted(sum(self.reborn(box) for box in BOXES))

    def test_uidvalidity_of_one_and_moved_meanwhile(self):
        """Out of the one that was made anew, and into it."""
        a, b = self.pick(self.near, 'A', 0), self.pick(self.near, 'B', 1)
        self.near.move(a, 'B')
        self.near.move(b, 'A')
        n = self.reborn('A')
        self.adopted(n - 1)
        self.assertEqual(self.one(self.far, a.serial).box, 'B')
        self.assertEqual(self.one(self.far, b.serial).box, 'A')

    def test_moved_out_of_one_whose_uidvalidity_changed_then(self):
        """On the side of the new one: what is missing there has its equal in another mailbox, and was moved."""
        a, b = self.pick(self.far, 'A', 0), self.pick(self.far, 'A', 1)
        self.far.move(a, 'B')
        self.far.move(b, 'INBOX')
        n = self.reborn('A')
        self.adopted(n)
        self.assertEqual(self.one(self.near, a.serial).box, 'B')
        self.assertEqual(self.one(self.near, b.serial).box, 'INBOX')

    def test_another_account_that_kept_the_mail(self):
        old = self.far
        new = self.account()
        for box in BOXES:
            new.create(box)
            for m in old.messages(box):
                new.deliver(box, old.data(m), m.flags)
        moved = self.pick(new, 'A', 0).serial
        new.move(self.one(new, moved), 'B')
        self.pair(far=new)
        self.adopted(self.total - 1)
        self.assertEqual(self.one(self.far, moved).box, 'A')    # the base knows where near has it

    def test_maildir_from_a_backup(self):
        """Older than the state: nothing that came or went since is undone on the server."""
        old = os.path.join(self.dir, 'old-near')
        shutil.copytree(self.near.path, old)
        a, b, c = (self.pick(self.far, 'A', i).serial for i in range(3))
        self.far.move(self.one(self.far, a), 'B')
        self.far.delete(self.one(self.far, b))
        new, = self.fill(self.far, 'A', 1, 'S')
        self.sync_twice()
        shutil.rmtree(self.near.path)
        shutil.copytree(old, self.near.path)
        run = self.sync('-a', '-V')
        self.sync_twice()
        self.assertEqual(self.one(self.far, a).box, 'B')
        self.assertEqual(len(self.near.messages('A')), len(self.far.messages('A')))
        self.assertEqual(serials(self.far)[new], 1)
        self.assertEqual(serials(self.far)[b], 1)               # it comes back: no deletion is inferred
        self.assertIn('Near: +1 ', run.out)
        self.assertIn('Far: +1 ', run.out)

    # Who wrote the Maildir

    def written_by(self, name, alter=None, files=()):
        """The Maildir anew, as another program would have written it from the account."""
        shutil.rmtree(self.near.path)
        self.lose_state()
        for box in ('INBOX', *BOXES):
            self.near.create(box)
            for i, m in enumerate(self.far.messages(box)):
                data = self.far.data(m) if alter is None else alter(self.far.data(m))
                self.near.deliver(box, data, m.flags, new=False, file=name(i, m, data))
            for file, text in files:
                with open(os.path.join(self.near.box(box), file), 'w') as f:
                    f.write(text)
        before = {k for k in self.near.still() if '/cur/' in k or '/new/' in k}
        self.adopted(self.total, twins=alter is None)
        self.assertEqual(serials(self.near), serials(self.far))
        self.assertEqual(before, {k for k in self.near.still() if '/cur/' in k or '/new/' in k})

    def test_written_by_mbsync(self):
        def tuid(data):
            head, _, body = data.partition(b'\n\n')
            return head + b'\nX-TUID: abc%09d' % (len(data) % 10**9) + b'\n\n' + body
        self.written_by(lambda i, m, data: f'1700000000.R{i}.host,U={i + 1}', tuid, [('.uidvalidity', '1700000000\n99\n')])

    def test_written_by_offlineimap(self):
        self.written_by(lambda i, m, data: f'1700000000_{i}.123.host,U={m.key},FMD5=7e33429f656f1e6e9d79b29c3f82c57e')

    def test_written_by_dovecot(self):
        self.written_by(lambda i, m, data: f'1700000000.M{i}P1.host,S={len(data)},W={len(data) + data.count(10)}',
                        files=[('dovecot-uidlist', '3 V1700000000 N100 G0123456789abcdef0123456789abcdef\n'),
                               ('dovecot-keywords', '0 $Junk\n')])


class OnPoorDovecot(OnDovecot):
    kind = 'poor'


class OnCyrus(OnDovecot):
    kind = 'cyrus'


class Misstated(Adopted, Case):
    """Servers that misreport RFC822.SIZE: noticed, and other means tell."""

    def pairs(self, size):
        server = Scripted()
        server.__enter__()
        self.addCleanup(server.__exit__)
        self.far = ImapSide(server, 'anna')
        self.addCleanup(self.far.close)
        self.near = self.maildir('near')
        self.pair()
        for i in range(80):
            server.boxes['INBOX'].add(message(i).replace(b'\n', b'\r\n'), ['\\Seen'])
            self.near.deliver('INBOX', message(i), 'S')

        def lie(session, verb, words):
            items = words[1] if verb == 'UID FETCH' else []
            if 'RFC822.SIZE' in items and not any(str(w).startswith('BODY') for w in items):
                for n, m in enumerate(session.box.mails):
                    if m.uid in session.box.uids(words[0]):
                        session.send(b'* %d FETCH (UID %d FLAGS (\\Seen) RFC822.SIZE %d)\r\n' % (n + 1, m.uid, size(m)))
                return '{tag} OK done\r\n'
            return None
        server.fault = lie
        self.adopted(80)

    def test_always_the_same(self):
        self.pairs(lambda m: 1234)

    def test_a_few_octets_more(self):
        self.pairs(lambda m: len(m.data) + 7)

    def test_as_stored_with_bare_newlines(self):
        self.pairs(lambda m: len(m.data) - m.data.count(b'\n'))
