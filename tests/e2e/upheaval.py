"""What overturns mailboxes, on real servers: renames with what lies below, a lost state, mailboxes made anew under another
UIDVALIDITY, between the things people do (world.py), and kills.

Names and places may come out in several ways then, so that the books are of whole sides. After the runs check() demands:

- both sides are equal;
- a message of which nobody deleted a copy is there as often as it was, and once more for each copy that was made on one side;
- no message is there more often than people made it; but once more, if a killed run had delivered it and somebody took it on to
  another mailbox before the next one, for nothing tells that from one that was not delivered.
"""
import collections
import shutil

from lib import difference, serials
from world import World

NAMES = ['Archive', 'work', 'work/2026', 'Entwürfe', 'a b', 'Neu', 'alt/x', 'alt/x/y', 'Projekte', 'work/Neu']


class Upheaval(World):
    def __init__(self, case, sides, seed):
        super().__init__(case, sides, seed, boxes=NAMES, expunge=True, folders=False)
        # Without UIDPLUS nobody tells what became of a copy of equal mail when the program was killed: one too many may
        # stay (R19; tests/sim/README.md).
        self.may_keep_one_more = False

    def quiet(self, first=False):
        super().quiet(first)
        self.total = collections.Counter() if first else collections.Counter(serials(self.sides[0]))
        self.made = [collections.Counter(), collections.Counter()]
        self.was_killed = False
        self.under_way = [set(), set()]         # what a killed run may have delivered, by side
        self.taken_on = set()

    def mark(self, i, side):
        return None                     # \Deleted is what a run may expunge at any time: world.py

    def deliver(self, i, side):
        words = super().deliver(i, side)
        self.made[i][self.serial] += 1
        return words

    def copy(self, i, side):
        m = self.any_mail(side)
        if m is None:
            return None
        to = self.any_box(side)
        side.copy(m, to)
        self.made[i][m.serial] += 1
        return f'copy {m.serial} from {m.box} to {to}'

    def move(self, i, side):
        words = super().move(i, side)
        if words:
            self.taken_on |= self.under_way[i] & {int(words.split()[1])}
        return words

    def die(self):
        """A run was killed."""
        self.history.append('-- killed')
        self.was_killed = True
        self.under_way = [set(self.made[1]), set(self.made[0])]

    # Upheavals

    def leaves(self, side):
        boxes = side.boxes()
        return [b for b in boxes if b != 'INBOX' and not any(o.startswith(b + '/') for o in boxes)]

    def make_boxes(self):
        """Some mailboxes with mail on one side."""
        for name in self.rng.sample(NAMES, 4):
            self.sides[0].create(name)

    def rename(self, i):
        side, taken = self.sides[i], set(self.sides[0].boxes()) | set(self.sides[1].boxes())
        boxes = [b for b in side.boxes() if b != 'INBOX']
        names = [n for n in NAMES if n not in taken]
        if not boxes or not names:
            return
        old, new = self.rng.choice(boxes), self.rng.choice(names)
        # Not below itself, and no mailbox of the same name as a container that stays.
        if new.startswith(old + '/') or any(o.startswith(new + '/') for o in taken):
            return
        side.rename(old, new)
        self.history.append(f'{"far" if i == 0 else "near"}: rename {old} to {new}')

    def reborn(self, i):
        """A mailbox removed and made anew with the mail that was in it, as a server does that lost its index."""
        side, leaves = self.sides[i], self.leaves(self.sides[i])
        if not leaves:
            return
        box = self.rng.choice(leaves)
        kept = [(side.data(m), m.flags) for m in side.messages(box)]
        side.remove(box)
        side.create(box)
        for data, flags in kept:
            side.deliver(box, data, ''.join(sorted(flags)))
        self.history.append(f'{"far" if i == 0 else "near"}: {box} is made anew')

    def lose_state(self):
        shutil.rmtree(self.case.state, ignore_errors=True)
        self.history.append('the state is lost')

    def overturn(self):
        """One or two upheavals; renames of one side alone, for two names for one mailbox are a matter for people."""
        self.leave()
        side = self.rng.randrange(2)
        for _ in range(self.rng.choice([1, 1, 2])):
            what = self.rng.choice(['rename', 'rename', 'rename', 'reborn', 'lose'])
            if what == 'rename':
                self.rename(side)
            elif what == 'reborn':
                self.reborn(0)
            else:
                self.lose_state()

    def leave(self):
        """Nobody has a mailbox open that may be renamed: servers throw out who has."""
        for side in self.sides:
            if side.kind == 'imap':
                side.select('INBOX')

    # Judgement

    def settle(self):
        """Runs the program until nothing is left to do; a person answers nothing."""
        self.leave()
        for _ in range(6):
            run = self.case.sync(code=(0, 1, 75))
            if run.code == 0 and not difference(*self.sides):
                return
        self.fail(f'not settled after six runs:\n{difference(*self.sides)}\n{run.err}')

    def check(self, flags=True):
        have = collections.Counter(serials(self.sides[0]))
        faults = []
        for serial in sorted(set(self.total) | set(have) | set(self.made[0]) | set(self.made[1])):
            made = [m[serial] for m in self.made]
            most = self.total[serial] + sum(made)
            least = 0 if serial in self.killed else self.total[serial] + max(made)
            if self.may_keep_one_more and self.was_killed and most > 1:
                most += 1
            most += serial in self.taken_on
            both = serial in self.moved[0] & self.moved[1]
            # Copied there and moved here to one place: those two are new on both sides, and one mail (R10).
            if least and any(made[i] and serial in self.moved[1 - i] for i in (0, 1)):
                least = self.total[serial]
            if not least - both <= have[serial] <= most + both or (least and not have[serial]):
                faults.append(f'serial {serial}: {have[serial]} times, allowed {least} to {most} (there were '
                              f'{self.total[serial]}, made {made})')
        if faults:
            self.fail('\n'.join(faults))
        self.quiet()
