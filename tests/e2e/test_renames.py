"""Folders that are renamed are renamed (R12), both ways, on every kind of side: no message travels, none is lost or doubled.

After each case one run brings the other side along, a second does nothing, and both sides are compared message by
message (sync_twice).
"""
import os
import re

from accounts import Account
from lib import Case, carried, message, serials, summary
from servers import Delay


class Renames:
    """What holds whatever the sides are; `make()` gives them."""

    def setUp(self):
        super().setUp()
        self.make()
        for box in ('A', 'A/sub', 'A/sub/deep', 'B', 'C'):
            self.far.create(box)
        self.a = self.fill(self.far, 'A', 12, 'S')
        self.sub = self.fill(self.far, 'A/sub', 5, 'FS')
        self.b = self.fill(self.far, 'B', 6)
        self.c = self.fill(self.far, 'C', 4, 'R')
        self.inbox = self.fill(self.far, 'INBOX', 3)
        self.sync()                     # Cyrus makes what lies above a mailbox, beside our own CREATE of it
        self.sync_twice()

    def sides(self):
        return (self.far, self.near)

    def done(self, renames=1, bodies=0, moved=0):
        """One run that renames so often and carries so many bodies and moves; then quiet, and nothing doubled."""
        run = self.sync('-a', '-V')
        self.assertEqual(len(re.findall('renamed from', run.out + run.err)), renames, run.out + run.err)
        self.assertEqual(sum(carried(run.out)), bodies, run.out + run.err)
        self.assertEqual(sum(int(n) for n in re.findall(r' >(\d+)', summary(run.out))), moved, run.out + run.err)
        self.sync_twice()
        self.assertEqual(set(serials(self.far).values()), {1})

    def here(self, box, wanted):
        for side in self.sides():
            self.assertEqual(sorted(m.serial for m in side.messages(box)), sorted(wanted), box)

    def gone(self, *boxes):
        for side in self.sides():
            self.assertFalse(set(boxes) & set(side.boxes()))

    def test_renamed(self):
        for side, (old, new) in zip(self.sides(), (('B', 'New'), ('New', 'B'))):
            side.rename(old, new)
            self.done()
            self.here(new, self.b)
            self.gone(old)

    def test_with_its_subtree(self):
        for side, (old, new) in zip(self.sides(), (('A', 'New'), ('New', 'Other'))):
            self.rename_tree(side, old, new)
            self.done()
            self.here(new, self.a)
            self.here(f'{new}/sub', self.sub)
            self.here(f'{new}/sub/deep', [])
            self.gone(old, f'{old}/sub')

    def rename_tree(self, side, old, new):
        side.rename(old, new)

    def test_into_another_parent(self):
        for side, (old, new) in zip(self.sides(), (('A/sub', 'C/sub2'), ('C/sub2', 'fresh/deep/er'))):
            self.rename_tree(side, old, new)
            self.done()
            self.here(new, self.sub)
            self.here('A', self.a)
            self.gone(old)

    def test_and_changed_inside(self):
        for i, side in enumerate(self.sides()):
            old, new = ('B', 'New') if i == 0 else ('New', 'Newer')
            side.rename(old, new)
            gone, flagged, there = self.b[:3]
            self.b = self.b[1:]
            fresh = self.fill(side, new, 2)
            self.b += fresh
            side.delete(self.one(side, gone))
            side.flag(self.one(side, flagged), add='F', remove='S')
            other = self.sides()[1 - i]
            other.flag(self.one(other, there), add='R')
            more = self.fill(other, old, 1)
            self.b += more
            self.done(bodies=3)
            self.here(new, self.b)
            self.assertIn('F', self.one(other, flagged).flags)
            self.assertIn('R', self.one(side, there).flags)

    def test_moved_out_of_it_and_into_it_on_the_other_side(self):
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            old, new = ('B', 'New') if i == 0 else ('New', 'Newer')
            side.rename(old, new)
            other.move(self.one(other, self.b[i]), 'C')
            other.move(self.one(other, self.c[i]), old)
            self.done(moved=2)
            self.here(new, self.b[i + 1:] + self.c[:i + 1])
            self.here('C', self.c[i + 1:] + self.b[:i + 1])

    def test_moved_out_of_it_and_into_it_on_the_same_side(self):
        for i, side in enumerate(self.sides()):
            old, new = ('B', 'New') if i == 0 else ('New', 'Newer')
            side.rename(old, new)
            side.move(self.one(side, self.b[i]), 'C')
            side.move(self.one(side, self.c[i]), new)
            self.done(moved=2)
            self.here(new, self.b[i + 1:] + self.c[:i + 1])

    swaps = 2                           # sides that are fit for it

    def test_swapped(self):
        for side in self.sides()[:self.swaps]:
            side.rename('B', 'x')
            side.rename('C', 'B')
            side.rename('x', 'C')
            self.b, self.c = self.c, self.b
            self.done(renames=3)
            self.here('B', self.b)
            self.here('C', self.c)

    def test_chain(self):
        for i, side in enumerate(self.sides()):
            side.rename('C', f'D{i}')
            side.rename('B', 'C')
            side.create('B')
            new = self.fill(side, 'B', 2)
            self.done(renames=2, bodies=2)
            self.here(f'D{i}', self.c)
            self.here('C', self.b)
            self.here('B', new)
            self.c, self.b = self.b, new

    def test_a_new_one_takes_its_name(self):
        for i, side in enumerate(self.sides()):
            side.rename('B', f'Old{i}')
            side.create('B')
            new = self.fill(side, 'B', 3)
            self.done(bodies=3)
            self.here('B', new)
            self.here(f'Old{i}', self.b)
            self.b = new

    def test_made_below_the_new_name(self):
        for i, side in enumerate(self.sides()):
            old, new = ('B', 'New') if i == 0 else ('New', 'Newer')
            self.rename_tree(side, old, new)
            side.create(f'{new}/child{i}')
            child = self.fill(side, f'{new}/child{i}', 2)
            self.done(bodies=2)
            self.here(f'{new}/child{i}', child)

    def test_made_below_the_old_name_on_the_other_side(self):
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            old, new = ('B', 'New') if i == 0 else ('New', 'Newer')
            self.rename_tree(side, old, new)
            other.create(f'{old}/child{i}')
            child = self.fill(other, f'{old}/child{i}', 2)
            self.done(bodies=2)
            self.here(f'{new}/child{i}', child)

    def test_case_only(self):
        self.far.rename('B', 'b')
        self.done()
        self.here('b', self.b)
        self.gone('B')

    def test_both_alike(self):
        for side in self.sides():
            side.rename('B', 'New')
        self.done(renames=0)
        self.here('New', self.b)

    def test_both_otherwise(self):
        """Far wins, and the plan says so."""
        self.far.rename('B', 'Far')
        self.near.rename('B', 'Near')
        run = self.mailtwin('plan', '-a')
        self.assertIn('near: rename mailbox Near to Far (renamed on far)', run.out)
        self.assertIn('the name given on far wins', run.out)
        self.done()
        self.here('Far', self.b)
        self.gone('Near', 'B')

    def test_renamed_here_removed_there(self):
        """It survives where it was renamed."""
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            old, new = ('B', 'New') if i == 0 else ('New', 'Newer')
            side.rename(old, new)
            other.remove(old)
            self.sync_twice()
            self.here(new, self.b)

    def test_on_top_of_one_that_is_there(self):
        """The other side has made one of that name meanwhile: what is in both is united."""
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            old, new = ('B', 'New') if i == 0 else ('New', 'Newer')
            side.rename(old, new)
            other.create(new)
            more = self.fill(other, new, 2)
            self.sync()                 # a poor server may show the emptied one as changed once more
            self.sync_twice()
            self.b += more
            self.here(new, self.b)
            self.gone(old)

    def test_on_top_of_one_removed(self):
        """Nothing is lost or doubled."""
        for i, side in enumerate(self.sides()):
            old, new = ('B', 'C') if i == 0 else ('C', 'B')
            if i == 1:
                side.create('B')
                self.sync()
            side.remove(new)
            side.rename(old, new)
            self.sync()
            self.sync_twice()
            self.assertEqual(set(serials(self.far).values()), {1})
            for n in self.b:
                self.assertEqual(self.one(self.near, n).box, new)

    def test_without_create(self):
        """It stays a pair of two names, its mail goes on, and the run says what would rename it."""
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            self.pair(policy='Expunge Both\n')
            old, new = ('B', 'New') if i == 0 else ('New', 'Newer')
            side.rename(old, new)
            self.fill(side, new, 1)
            self.fill(other, old, 1)
            for _ in range(2):
                run = self.sync(code=1)
                self.assertIn(f'"Create {"Near" if i == 0 else "Far"}" or "Create Both" would rename it there', run.err)
            self.assertEqual({m.serial for m in side.messages(new)}, {m.serial for m in other.messages(old)})
            self.pair()
            self.done()

    def test_two_names_end(self):
        """Where the other side makes one of the new name after all, both go by their names, and what is in them is united."""
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            self.pair(policy='Expunge Both\n')
            old, new = ('B', 'New') if i == 0 else ('New', 'Newer')
            side.rename(old, new)
            self.sync(code=1)
            other.create(new)
            more = self.fill(other, new, 2)
            self.pair()
            run = self.sync('-a', '-V')
            self.assertNotIn('while it was to be removed', run.out + run.err)
            self.sync_twice()
            self.b += more
            self.here(new, self.b)
            self.gone(old)

    def test_made_again(self):
        """Removed on one side, and made again for what changed on the other: in the next run it is the same still."""
        for i, side in enumerate(self.sides()):
            other = self.sides()[1 - i]
            side.remove('B')
            other.flag(self.one(other, self.b[0]), add='FR'[i])
            self.sync()
            self.here('B', self.b[:1])
            run = self.sync('-a', '-V')
            self.assertNotIn('rebuilt or replaced', run.out + run.err)
            self.sync_twice()

    def test_made_and_swapped_at_once(self):
        """One that the last run made is known under another name as well."""
        if self.swaps < 2:
            self.skipTest('one swap is enough for Cyrus')
        self.far.create('New')
        new = self.fill(self.far, 'New', 2)
        self.sync()
        self.near.rename('New', 'x')
        self.near.rename('C', 'New')
        self.near.rename('x', 'C')
        self.done(renames=3)
        self.here('New', self.c)
        self.here('C', new)

    def test_plan_tells_and_does_nothing(self):
        self.rename_tree(self.far, 'A', 'C/A')
        before = [s.still() for s in self.sides()]
        state = self.state_still()
        run = self.mailtwin('plan', '-a')
        self.assertIn('near: rename mailbox A to C/A (renamed on far)', run.out)
        self.assertNotIn('copy', run.out)
        self.assertEqual(before, [s.still() for s in self.sides()])
        self.assertEqual(state, self.state_still())
        self.done()

    def test_out_of_the_patterns_and_in(self):
        """Then it is a removal, and a new one."""
        self.pair(patterns='* !X*')
        self.far.rename('B', 'X')
        self.sync()
        self.assertNotIn('B', self.near.boxes())
        self.far.rename('X', 'Y')
        self.sync()
        self.here('Y', self.b)
        self.sync_twice()

    def test_again_and_again(self):
        names = ['B', 'R1', 'R2', 'A/R3', 'B']
        for i, (old, new) in enumerate(zip(names, names[1:])):
            self.sides()[i % 2].rename(old, new)
            self.done()
            self.here(new, self.b)

    def test_many_are_no_deletions(self):
        """MaxDelete does not count them."""
        self.pair(channel='MaxDelete 1\n')
        self.rename_tree(self.near, 'A', 'Archive')
        self.near.rename('B', 'Archive2')
        self.done(renames=2)


class TwoMaildirs(Renames, Case):
    def make(self):
        self.pair()


class DovecotAndMaildir(Renames, Account):
    kind = 'dovecot'

    def make(self):
        self.imap_pair()


class DotsAndMaildirPlusPlus(Renames, Account):
    """Neither has folders that hold no mail; a person renames the directories below as well."""

    kind = 'dots'

    def make(self):
        self.imap_pair(near=self.maildir('near', layout='Maildir++'))

    def rename_tree(self, side, old, new):
        below = [b for b in side.boxes() if b.startswith(old + '/')] if side is self.near else []
        side.rename(old, new)
        for b in below:
            side.rename(b, new + b[len(old):])


class PoorDovecotAndLegacy(Renames, Account):
    kind = 'poor'

    def make(self):
        self.imap_pair(near=self.maildir('near', layout='Legacy'))


class CyrusAndMaildir(Renames, Account):
    kind = 'cyrus'

    def make(self):
        self.imap_pair()


class DovecotAndCyrus(Renames, Account):
    swaps = 1                           # Cyrus 3.6 dies ("Virtual memory exhausted") of a RENAME back to a name swapped before

    def make(self):
        self.pair(far=self.account('dovecot'), near=self.account('cyrus'))


class Refused(Case):
    """A directory that is in the way, and so no rename: the mailbox is made, its messages are moved, the old one goes."""

    def test_moved_one_by_one(self):
        self.far = self.maildir('far', layout='Maildir++')
        self.pair()
        for box in ('B', 'k/l'):
            self.far.create(box)
            self.fill(self.far, box, 4, 'FS')
        self.sync_twice()
        self.far.rename('B', 'k')
        run = self.sync('-a', '-V')
        self.assertIn('cannot be renamed from B to k on near', run.out + run.err)
        self.assertIn('Near: +0 *0 #0 -0 >4', run.out)
        self.sync_twice()
        self.assertNotIn('B', self.near.boxes())
        self.assertEqual(set(serials(self.near).values()), {1})


class NotAllListed(Case):
    """A folder is renamed on one side while the other cannot be read as a whole, so that renames are not searched for."""

    def test_waits(self):
        """It is not removed for that, nor copied anew: it is renamed once all is read."""
        self.pair()
        for box in ('A', 'B'):
            self.far.create(box)
            self.fill(self.far, box, 4, 'S')
        self.sync_twice()
        self.near.rename('B', 'New')
        os.chmod(self.far.box('A'), 0)
        run = self.sync(code=1, weak=True)
        os.chmod(self.far.box('A'), 0o700)
        self.assertEqual(len(self.far.messages('B')), 4)
        self.assertIn('B: gone from the near side, or renamed to New', run.err)
        run = self.sync('-a', '-V')
        self.assertIn('renamed from B to New', run.out + run.err)
        self.assertEqual(sum(carried(run.out)), 0, run.out)
        self.sync_twice()


class NamesThatStay(Case):
    """Twins of two names, for one side may not be renamed (Create Far); what the other side makes of the names meanwhile."""

    def setUp(self):
        super().setUp()
        self.pair(policy='Create Far\nRemove Both\nExpunge Both\n')
        for side in (self.far, self.near):
            side.create('Old')
        self.mail = self.fill(self.far, 'Old', 4, 'S')
        self.sync_twice()
        self.far.rename('Old', 'New')
        self.sync(code=1)               # "New is called Old on near"
        self.far.create('Old')
        self.more = self.fill(self.far, 'Old', 2)

    def check(self, old, new):
        for side in (self.far, self.near):
            for box, want in (('Old', old), ('New', new)):
                self.assertEqual(sorted(m.serial for m in side.messages(box)) if box in side.boxes() else None, want, box)

    def test_its_old_name_is_anothers(self):
        """Two records would stand for one mailbox: nothing is made or copied under a name that another has."""
        before = self.near.still()
        run = self.sync(code=1)
        self.assertIn('New is called Old on near', run.err)
        self.assertEqual(before, self.near.still())
        self.pair()
        self.sync_twice()
        self.check(self.more, self.mail)

    def test_gone_and_its_name_anothers(self):
        self.far.remove('New')
        self.pair()
        self.sync_twice()
        self.check(self.more, None)

    def test_gone_its_mail_moved_to_the_one_of_that_name(self):
        for m in list(self.far.messages('New')):
            self.far.move(m, 'Old')
        self.far.remove('New')
        self.pair()
        self.sync_twice()
        self.check(sorted(self.mail + self.more), None)


class NamesSwapped(Case):
    """Two change names where only one side may be renamed, and then one is removed: the other keeps what is known of it."""

    def removed(self, policy):
        self.pair()
        for side in (self.far, self.near):
            side.create('One')
            side.create('Two')
        self.fill(self.far, 'One', 3)
        two = self.fill(self.far, 'Two', 4, 'S')
        self.sync_twice()
        for old, new in (('One', 'Third'), ('Two', 'One'), ('Third', 'Two')):
            self.near.rename(old, new)
        self.pair(policy='Create Near\nRemove Both\nExpunge Both\n')
        self.sync(code=1)
        self.near.remove('Two')
        self.pair(policy=policy)
        self.sync(code=None)
        self.assertEqual(sorted(m.serial for b in self.far.boxes() for m in self.far.messages(b) if m.serial in two), sorted(two))
        self.assertEqual(sorted(m.serial for m in self.near.messages('One')), sorted(two))
        self.assertEqual('Two' in self.near.boxes(), False)
        self.pair()
        self.sync()
        self.sync_twice()
        for side in (self.far, self.near):
            self.assertEqual(sorted(m.serial for m in side.messages('One')), sorted(two))
            self.assertFalse('Two' in side.boxes() and side.messages('Two'))

    def test_with_all(self):
        self.removed('Create Near\nRemove Both\nExpunge Both\n')

    def test_without_gone(self):
        self.removed('Create Near\nRemove Both\nExpunge Both\nSync New Old Flags\n')

    def test_without_remove(self):
        self.removed('Create None\nRemove None\nExpunge Both\n')


class Subscriptions(Account):
    def subscribed(self):
        return sorted(line.split()[-1].decode().strip('"') for line in self.far.ok(self.far.imap.lsub(), 'LSUB') if line)

    def test_follow(self):
        self.imap_pair()
        for box in ('A', 'A/sub', 'A/none', 'Ab'):
            self.far.create(box)
        for box in ('A', 'A/sub', 'Ab'):
            self.far.imap.subscribe(box)
        self.fill(self.far, 'A', 3)
        self.sync_twice()
        self.near.rename('A', 'Z')
        self.sync_twice()
        self.assertEqual(self.subscribed(), ['Ab', 'Z', 'Z/sub'])


class SubscriptionsOnCyrus(Subscriptions):
    kind = 'cyrus'


class Cost:
    """What renamed folders cost on the wire: nothing that grows with their mail, and no body."""

    def test_ten_folders(self):
        self.imap_pair()
        for i in range(10):
            self.far.create(f'F{i}')
            for k in range(12):
                self.far.deliver(f'F{i}', message(100 * i + k, size=4000), 'S')
        with Delay(self.far.server.port) as line:
            self.write_config(f'{self.far.store("far", port=line.port)}\n{self.near.store("near")}\n'
                              'Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nRemove Both\n')
            self.sync()
            self.sync()
            for side, old, new in ((self.far, 'F', 'G'), (self.near, 'G', 'deep/H')):
                for i in range(10):
                    side.rename(f'{old}{i}', f'{new}{i}')
                line.reset()
                run = self.sync('-a', '-V', '--debug=imap')
                stats = line.stats()
                self.assertEqual(len(re.findall('renamed from', run.out + run.err)), 10)
                self.assertNotIn('BODY.PEEK[]', run.err)
                self.assertLess(stats['up'] + stats['down'], 40_000, stats)
            self.sync_twice()


class CostOnDovecot(Cost, Account):
    kind = 'dovecot'


class CostOnCyrus(Cost, Account):
    kind = 'cyrus'
