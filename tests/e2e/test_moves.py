"""Mail that is moved is moved (R9), copied is copied: every way people do it, on every kind of side, both ways.

A Way is how the person works; each case runs it on far and on near. After it one run brings the other side along, a
second does nothing, and both sides are compared message by message (sync_twice). `carried()` is what a run downloaded
or uploaded: a move carries no body.
"""
import json
import os
import re

from accounts import Account, server
from lib import Case, carried, message, serials
from servers import Delay


class Moves:
    """What holds whatever the sides are; `make()` gives them."""

    def setUp(self):
        super().setUp()
        self.make()
        for box in ('A', 'B', 'C'):
            self.far.create(box)
            self.near.create(box)
        self.s = self.fill(self.far, 'A', 30, 'S') + self.fill(self.near, 'A', 10)
        self.fill(self.far, 'B', 3)
        self.sync_twice()

    def sides(self):
        return (self.far, self.near)

    def here(self, side, n, box):
        for x in (side, *self.sides()):
            self.assertEqual(self.one(x, n).box, box, f'serial {n}')

    def done(self, moved=None, bodies=0):
        """One run that carries no body, then quiet."""
        run = self.mailtwin('-a', '-V', '--debug=run,plan,imap')
        if bodies is not None:
            self.assertEqual(self.bodies(run), bodies, run.out + run.err)
        self.sync_twice()
        return run

    def bodies(self, run):
        """Messages added on either side, as the report counts them."""
        return sum(carried(run.out))

    def test_moved(self):
        for i, side in enumerate(self.sides()):
            side.move(self.one(side, self.s[i]), 'B')
        self.done()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[i], 'B')

    def test_copied_and_deleted(self):
        """COPY and delete; a new file under a new name, the old one removed."""
        for i, side in enumerate(self.sides()):
            side.move(self.one(side, self.s[i]), 'B', anew=True)
        self.done()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[i], 'B')

    def test_moved_and_flagged(self):
        for i, side in enumerate(self.sides()):
            side.move(self.one(side, self.s[i]), 'B')
            side.flag(self.one(side, self.s[i]), add='FR', remove='S')
            side.flag(self.one(side, self.s[i + 2]), add='P')
            side.move(self.one(side, self.s[i + 2]), 'B')
        self.done()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[i], 'B')
            self.assertEqual(self.one(self.far, self.s[i]).flags, frozenset('FR'))
            self.assertEqual(self.one(self.near, self.s[i + 2]).flags, frozenset('PS'))

    def test_moved_here_flagged_there(self):
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            side.move(self.one(side, self.s[i]), 'B')
            other.flag(self.one(other, self.s[i]), add='F')
        self.done()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[i], 'B')
            self.assertEqual(self.one(self.far, self.s[i]).flags, frozenset('FS'))

    def test_moved_on(self):
        for i, side in enumerate(self.sides()):
            side.move(self.one(side, self.s[i]), 'B')
            side.move(self.one(side, self.s[i]), 'C')
        self.done()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[i], 'C')

    def test_moved_on_between_runs(self):
        for i, side in enumerate(self.sides()):
            side.move(self.one(side, self.s[i]), 'B')
        self.done()
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            other.move(self.one(other, self.s[i]), 'C')
        self.done()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[i], 'C')

    def test_moved_out_and_back(self):
        for i, side in enumerate(self.sides()):
            side.move(self.one(side, self.s[i]), 'B')
            side.move(self.one(side, self.s[i]), 'A')
            side.move(self.one(side, self.s[i + 2]), 'B', anew=True)
            side.move(self.one(side, self.s[i + 2]), 'A', anew=True)
            side.flag(self.one(side, self.s[i + 2]), add='F')
        self.done()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[i], 'A')
            self.here(side, self.s[i + 2], 'A')
            self.assertIn('F', self.one(self.far, self.s[i + 2]).flags)

    def test_swapped(self):
        for i, side in enumerate(self.sides()):
            a, b = self.s[i], self.fill(side, 'B', 1)[0]
            self.sync()
            side.move(self.one(side, a), 'B')
            side.move(self.one(side, b), 'A')
            self.done()
            self.here(side, a, 'B')
            self.here(side, b, 'A')

    def test_into_a_new_folder(self):
        for i, side in enumerate(self.sides()):
            side.create(f'new{i}/deep')
            side.move(self.one(side, self.s[i]), f'new{i}/deep')
        self.done()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[i], f'new{i}/deep')

    def test_many_at_once(self):
        for i, side in enumerate(self.sides()):
            for n in self.s[i * 20:i * 20 + 18]:
                side.move(self.one(side, n), 'B')
        self.done()
        for i, side in enumerate(self.sides()):
            for n in self.s[i * 20:i * 20 + 18]:
                self.here(side, n, 'B')

    def test_a_whole_folder(self):
        """More than half of a folder, which as a deletion would be held back (R21)."""
        for m in self.near.messages('A'):
            self.near.move(m, 'C')
        self.done()
        self.assertEqual(len(self.far.messages('C')), 40)

    def test_both_sides_alike(self):
        for side in self.sides():
            side.move(self.one(side, self.s[0]), 'B')
        self.done()
        self.here(self.far, self.s[0], 'B')

    def test_to_two_places(self):
        """Far wins."""
        self.far.move(self.one(self.far, self.s[0]), 'B')
        self.near.move(self.one(self.near, self.s[0]), 'C')
        self.done()
        self.here(self.far, self.s[0], 'B')

    def test_moved_here_deleted_there(self):
        """It survives where it was moved to."""
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            side.move(self.one(side, self.s[i]), 'B')
            other.delete(self.one(other, self.s[i]))
        self.sync_twice()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[i], 'B')

    def test_plan_tells_of_conflicts(self):
        """Each with its reason: to two places, moved and deleted, moved and marked."""
        s = self.s
        self.far.move(self.one(self.far, s[0]), 'B')
        self.near.move(self.one(self.near, s[0]), 'C')
        self.far.move(self.one(self.far, s[1]), 'B')
        self.near.delete(self.one(self.near, s[1]))
        self.near.move(self.one(self.near, s[2]), 'C')
        self.far.flag(self.one(self.far, s[2]), add='T')
        run = self.mailtwin('plan', '-a')
        for words in ('near: move 1 to B (moved on far)', 'C: 1 message was moved here on near and elsewhere on far; the move '
                      'on far wins', 'B: 1 message was moved here on far and deleted on near; the move wins',
                      'far: move 1 to C (moved on near)', 'C: 1 message was moved here on near and deleted on far; the move wins'):
            self.assertIn(words, run.out)
        self.sync_twice()
        self.assertEqual([self.one(self.near, s[i]).box for i in range(3)], ['B', 'B', 'C'])

    def test_moved_and_then_deleted(self):
        for i, side in enumerate(self.sides()):
            side.move(self.one(side, self.s[i]), 'B')
            side.delete(self.one(side, self.s[i]))
        self.done()
        for i in range(2):
            self.assertEqual(serials(self.far)[self.s[i]], 0)

    def test_emptied_and_removed(self):
        """All that was in a mailbox goes elsewhere, some of it into one made just now, and the mailbox goes: on each side."""
        for side, box, rest in ((self.far, 'A', 'B'), (self.near, 'B', 'C')):
            other = self.sides()[side is self.far]
            mails = sorted(side.messages(box), key=lambda m: m.serial)
            side.create(f'new {box}')
            for i, mail in enumerate(mails):
                side.move(self.one(side, mail.serial), f'new {box}' if i % 2 else rest)
            if side.kind == 'imap':
                side.select('INBOX')
            side.remove(box)
            other.flag(self.one(other, mails[0].serial), add='F')
            run = self.done()
            self.assertNotIn(box, other.boxes(), run.out + run.err)
            for i, mail in enumerate(mails):
                self.here(side, mail.serial, f'new {box}' if i % 2 else rest)
            self.assertIn('F', self.one(side, mails[0].serial).flags)

    def test_equal_messages(self):
        """Ten identical ones: to two places, one by one."""
        for _ in range(6):
            self.far.deliver('A', message(7000), 'S')
        self.sync_twice()
        for i, side in enumerate(self.sides()):
            equal = [m for m in side.messages('A') if m.serial == 7000]
            side.move(equal[0], 'B')
            side.move([m for m in side.messages('A') if m.serial == 7000][0], 'C')
            self.done()
            self.assertEqual([len([m for m in side.messages(b) if m.serial == 7000]) for b in 'ABC'],
                             [4 - 2 * i, 1 + i, 1 + i])

    def test_without_message_id(self):
        for i, side in enumerate(self.sides()):
            side.deliver('A', message(8000 + i, message_id=False), 'S')
        self.sync_twice()
        for i, side in enumerate(self.sides()):
            side.move(self.one(side, 8000 + i), 'B')
        self.done()
        self.here(self.far, 8000, 'B')

    def test_a_draft_saved_again(self):
        """Within one folder it is a new message, not a move. (Of the oldest it would look like a window.)"""
        for i, side in enumerate(self.sides()):
            old = self.one(side, self.s[20 + i])
            data = side.data(old).replace(b'serial', b'changed\nserial')
            side.delete(old)
            side.deliver('A', data, 'D')
        self.sync_twice()
        for i, side in enumerate(self.sides()):
            self.here(side, self.s[20 + i], 'A')

    def test_copied(self):
        """The original stays; no body travels."""
        for i, side in enumerate(self.sides()):
            side.copy(self.one(side, self.s[i]), 'B')
            self.copies_done(1)
        for i in range(2):
            self.assertEqual(serials(self.near)[self.s[i]], 2)

    def test_copied_twice_and_flagged(self):
        for i, side in enumerate(self.sides()):
            mail = self.one(side, self.s[i])
            side.copy(mail, 'B')
            side.copy(mail, 'C')
            side.flag([m for m in side.messages('C') if m.serial == self.s[i]][0], add='F')
            self.copies_done(2)

    def copies_done(self, n):
        self.done(bodies=0 if self.knows_copies else None)

    knows_copies = True

    def test_out_of_the_patterns(self):
        """Then it is a deletion, and an arrival when it comes back."""
        self.pair(patterns='* !B')
        self.sync_twice_but_b()
        self.far.move(self.one(self.far, self.s[0]), 'B')
        self.sync_twice_but_b()
        self.assertEqual(serials(self.near)[self.s[0]], 0)
        self.far.move(self.one(self.far, self.s[0]), 'C')
        self.sync_twice_but_b()
        self.here(self.far, self.s[0], 'C')

    def sync_twice_but_b(self):
        self.sync()
        before = [s.still() for s in self.sides()]
        self.sync()
        self.assertEqual(before, [s.still() for s in self.sides()])
        for box in ('A', 'C'):
            far, near = ({(m.serial, m.digest, m.flags) for m in s.messages(box)} for s in self.sides())
            self.assertEqual(far, near)


class TwoMaildirs(Moves, Case):
    def make(self):
        self.pair()


class DovecotAndMaildir(Moves, Account):
    kind = 'dovecot'

    def make(self):
        self.imap_pair()


class DovecotWithoutQresyncAndMaildir(DovecotAndMaildir):
    kind = 'no-qresync'


class PoorDovecotAndMaildir(DovecotAndMaildir):
    kind = 'poor'


class CyrusAndMaildir(DovecotAndMaildir):
    kind = 'cyrus'


class DovecotAndCyrus(Moves, Account):
    def make(self):
        self.pair(far=self.account('dovecot'), near=self.account('cyrus'))


class CyrusAndPoorDovecot(Moves, Account):
    def make(self):
        self.pair(far=self.account('cyrus'), near=self.account('poor'))


class Thousands(Account):
    """An archive run of 10,000, on either side: no body travels, in a few commands."""

    N = 10_000

    def test_archived(self):
        self.imap_pair()
        for i in range(self.N):
            self.near.deliver('INBOX', message(i), 'S')
        self.fill(self.near, 'INBOX', 3)
        self.near.create('Archive/2026')
        self.sync('-a')
        self.sync('-a')
        self.far.select('INBOX')
        self.far.ok(self.far.imap.uid('MOVE', f'1:{self.N}', self.far.wire('Archive/2026')), 'UID MOVE')
        run = self.sync('-a', '-V')
        self.assertRegex(run.out, r'Far: \+0 .*Near: \+0 ')
        self.assertEqual(len(self.near.messages('Archive/2026')), self.N)
        for m in self.near.messages('Archive/2026'):
            self.near.move(m, 'INBOX')
        run = self.sync('-a', '-V', '--debug=imap')
        self.assertRegex(run.out, r'Far: \+0 .*Near: \+0 ')
        self.assertLess(len(re.findall(r' UID MOVE ', run.err)), self.N // 500)
        self.sync_twice()
        self.assertEqual(len(self.far.messages('INBOX')), self.N + 3)
    test_archived.weight = 20


class Labels(Account):
    """One message in several mailboxes of an account, as Gmail shows its labels."""

    def labels(self):
        self.imap_pair()
        for box in ('All', 'Work', 'Home'):
            self.far.create(box)
        s = self.fill(self.far, 'All', 20, 'S', size=20_000)
        for n in s[:15]:
            self.far.copy(self.one_in('All', n), 'Work')
        for n in s[:10]:
            self.far.copy(self.one_in('All', n), 'Home')
        return s

    def one_in(self, box, serial):
        return [m for m in self.far.messages(box) if m.serial == serial][0]

    def test_each_is_downloaded_once(self):
        s = self.labels()
        with Delay(self.far.server.port) as line:
            self.write_config(f'{self.far.store("far", port=line.port)}\n{self.near.store("near")}\n'
                              'Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n')
            for box in ('All', 'Work', 'Home'):
                self.near.create(box)
            run = self.sync('-a', '-V')
            self.assertIn('Near: +20 ', run.out)
            self.sync_twice()
        self.assertEqual(sum(serials(self.near).values()), 45)
        self.assertEqual(set(serials(self.near)), set(s))

    def test_into_folders_that_are_made(self):
        self.labels()
        self.sync_twice()
        self.assertEqual(sum(serials(self.near).values()), 45)


class LabelsOnCyrus(Labels):
    kind = 'cyrus'


class Cost:
    """What 200 moved messages cost on the wire, whatever their size."""

    N = 200
    LIMIT = 60_000

    def through(self, line):
        self.write_config(f'{self.far.store("far", port=line.port)}\n{self.near.store("near")}\n'
                          'Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nRemove Both\n')

    def cost(self, change):
        self.imap_pair()
        self.far.create('Archive')
        for i in range(self.N + 50):
            self.far.deliver('INBOX', message(i, size=(i % 7) * 4000), 'S')
        with Delay(self.far.server.port) as line:
            self.through(line)
            self.sync()
            self.sync()
            change()
            line.reset()
            run = self.sync()
            stats = line.stats()
            self.sync_twice()
        self.assertEqual(len(self.far.messages('Archive')), self.N)
        bytes_ = stats['up'] + stats['down']
        with open(os.environ.get('MOVES_COST', os.devnull), 'a') as f:
            f.write(f'{self.kind} {self._testMethodName} {bytes_} {json.dumps(stats)}\n')
        self.assertLess(bytes_, self.LIMIT, (stats, run.out))

    def test_moved_on_the_server(self):
        def change():
            self.far.select('INBOX')
            if 'MOVE' in self.far.imap.capabilities:
                self.far.imap.uid('MOVE', f'1:{self.N}', self.far.wire('Archive'))
            else:
                self.far.imap.uid('COPY', f'1:{self.N}', self.far.wire('Archive'))
                self.far.imap.uid('STORE', f'1:{self.N}', '+FLAGS.SILENT', '(\\Deleted)')
                self.far.imap.expunge()
        self.cost(change)

    def test_moved_in_the_maildir(self):
        self.cost(lambda: [self.near.move(m, 'Archive') for m in self.near.messages('INBOX') if m.serial < self.N])

    def test_moved_as_new_files(self):
        self.cost(lambda: [self.near.move(m, 'Archive', anew=True) for m in self.near.messages('INBOX')
                           if m.serial < self.N])


class CostOnDovecot(Cost, Account):
    kind = 'dovecot'


class CostOnPoorDovecot(Cost, Account):
    kind = 'poor'


class CostOnCyrus(Cost, Account):
    kind = 'cyrus'
