"""People at work on both sides, and what may be true after it.

A World does random things to two sides the way mail programs do, and keeps the books: for each message (by
its serial) and folder, how many copies were agreed at the last quiet moment, and how many people added and
removed on each side since. After the program has run, check() holds it to that:

- a message nobody removed is there; one somebody removed is gone; a folder's count of it lies between what
  the two sides' work allows (both removing may mean the same copy or two);
- a message moved on both sides to different places is there at least once;
- a flag changed on one side is changed on both; one nobody touched is as it was;
- both sides are equal.
"""
import collections
import random
import re

from lib import difference, message

BOXES = ['INBOX', 'Archive', 'work', 'work/2026', 'Entwürfe', 'a b']
FLAGS = 'FRSDP'


class World:
    def __init__(self, case, sides, seed, boxes=BOXES, expunge=False, moves=True, folders=True,
                 delete_limit=12):
        self.case, self.sides, self.seed = case, sides, seed
        self.rng = random.Random(seed)
        self.boxes = boxes
        self.expunge = expunge          # does the channel expunge what is marked T?
        self.moves, self.folders = moves, folders
        self.delete_limit = delete_limit
        self.flags = FLAGS
        # A program killed after it sent a message, before it learnt that: deleted at its source at that moment, it
        # comes back from where it was sent, for nothing tells it from a new one.
        self.may_return = False
        self.serial = 0
        self.history = []
        self.quiet(first=True)

    # Books

    def quiet(self, first=False):
        """What stands now is agreed."""
        self.base = collections.Counter()
        self.base_flags = {}
        if not first:
            for box in self.sides[0].boxes():
                for m in self.sides[0].messages(box):
                    self.base[m.serial, box] += 1
                    self.base_flags.setdefault(m.serial, []).append(m.flags)
        self.added = [collections.Counter(), collections.Counter()]
        self.gone = [collections.Counter(), collections.Counter()]
        self.flagged = [{}, {}]         # serial -> flags last given on that side
        self.unmarked = set()           # serials that a \Deleted was taken off
        self.loose = set()              # serials whose flags or place may come out in several ways
        self.moved = [set(), set()]
        self.killed = set()             # deleted outright by somebody
        self.removed_boxes = set()
        self.deleted = 0

    def add(self, i, serial, box):
        self.added[i][serial, box] += 1

    def drop(self, i, serial, box):
        self.gone[i][serial, box] += 1

    # Work

    def step(self):
        """One thing a person does on one side."""
        i = self.rng.randrange(2)
        side = self.sides[i]
        verbs = [(self.deliver, 6), (self.flag, 8), (self.look, 2)]
        if self.deleted < self.delete_limit:
            verbs += [(self.delete, 4), (self.mark, 2)]
        verbs += [(self.unmark, 1), (self.copy, 1)]
        if self.moves:
            verbs += [(self.move, 3)]
        if self.folders:
            verbs += [(self.create_box, 1), (self.remove_box, 1)]
        verb = self.rng.choices([v for v, _ in verbs], [w for _, w in verbs])[0]
        words = verb(i, side)
        if words:
            self.history.append(f'{"far" if i == 0 else "near"}: {words}')

    def steps(self, n):
        for _ in range(n):
            self.step()

    def any_box(self, side):
        return self.rng.choice(side.boxes())

    def any_mail(self, side, want=lambda m: True):
        boxes = side.boxes()
        self.rng.shuffle(boxes)
        for box in boxes:
            found = [m for m in side.messages(box) if m.serial is not None and want(m)]
            if found:
                return self.rng.choice(found)
        return None

    def deliver(self, i, side):
        box = self.any_box(side)
        self.serial += 1
        flags = ''.join(f for f in self.flags if self.rng.random() < .15)
        side.deliver(box, message(self.serial, self.rng), flags)
        self.add(i, self.serial, box)
        return f'deliver {self.serial} to {box} [{flags}]'

    def flag(self, i, side):
        m = self.any_mail(side)
        if m is None:
            return None
        flag = self.rng.choice(self.flags)
        has = flag in m.flags
        side.flag(m, **({'remove': flag} if has else {'add': flag}))
        self.flagged[i].setdefault(m.serial, set()).add(flag)
        return f'{"-" if has else "+"}{flag} {m.serial} in {m.box}'

    def mark(self, i, side):
        m = self.any_mail(side, lambda m: 'T' not in m.flags)
        if m is None:
            return None
        side.flag(m, add='T')
        self.flagged[i].setdefault(m.serial, set()).add('T')
        self.loose.add(m.serial)
        self.deleted += self.expunge
        return f'+T {m.serial} in {m.box}'

    def unmark(self, i, side):
        m = self.any_mail(side, lambda m: 'T' in m.flags)
        if m is None:
            return None
        side.flag(m, remove='T')
        self.flagged[i].setdefault(m.serial, set()).add('T')
        self.unmarked.add(m.serial)
        return f'-T {m.serial} in {m.box}'

    def look(self, i, side):
        m = self.any_mail(side)
        if m is None:
            return None
        side.look(m)
        return f'look at {m.serial} in {m.box}'

    def delete(self, i, side):
        m = self.any_mail(side)
        if m is None:
            return None
        side.delete(m)
        self.drop(i, m.serial, m.box)
        self.killed.add(m.serial)
        self.deleted += 1
        return f'delete {m.serial} in {m.box}'

    def move(self, i, side):
        m = self.any_mail(side)
        to = self.any_box(side)
        if m is None or to == m.box:
            return None
        anew = self.rng.random() < .3
        side.move(m, to, anew)
        self.drop(i, m.serial, m.box)
        self.add(i, m.serial, to)
        self.deleted += 1
        self.moved[i].add(m.serial)
        return f'move {m.serial} from {m.box} to {to}{" anew" if anew else ""}'

    def copy(self, i, side):
        m = self.any_mail(side, lambda m: 'T' not in m.flags)
        if m is None:
            return None
        to = self.any_box(side)
        side.copy(m, to)
        self.add(i, m.serial, to)
        self.loose.add(m.serial)
        return f'copy {m.serial} from {m.box} to {to}'

    def create_box(self, i, side):
        missing = [b for b in self.boxes if b not in side.boxes()]
        if not missing:
            return None
        box = self.rng.choice(missing)
        if box in self.removed_boxes:
            return None
        side.create(box)
        self.serial += 1
        side.deliver(box, message(self.serial, self.rng), 'S')
        self.add(i, self.serial, box)
        return f'create {box}, deliver {self.serial} to it'

    def remove_box(self, i, side):
        boxes = [b for b in side.boxes() if b != 'INBOX' and not any(
            o.startswith(b + '/') for o in side.boxes())]
        if not boxes or self.removed_boxes:
            return None
        box = self.rng.choice(boxes)
        inside = side.messages(box)
        if self.deleted + len(inside) > self.delete_limit or not self.base_has(box):
            return None
        side.remove(box)
        for m in inside:
            self.drop(i, m.serial, box)
            self.loose.add(m.serial)
            self.killed.add(m.serial)
        self.deleted += len(inside)
        self.removed_boxes.add(box)
        return f'remove {box} with {sorted(m.serial for m in inside)}'

    def base_has(self, box):
        return any(b == box for _, b in self.base)

    def answer(self):
        """Runs the program; where it holds a removed folder back because mail in it changed on the other
        side, a person asks for the folder back, until nothing is held."""
        for _ in range(4):
            run = self.case.sync(code=(0, 1))
            if run.code == 0:
                return
            held = set(re.findall(r'mailbox (.+?) was removed on', run.err))
            # A folder that was removed, and is a directory again for the sake of one below it.
            held |= set(re.findall(r'^mailtwin: c: (.+?): held: on the \w+ side .* is a directory without cur', run.err, re.M))
            if not held and 'no UIDPLUS' in run.err:
                continue        # what a killed run had marked there goes with the others in the next
            if not held:
                self.fail(f'exit code 1:\n{run.err}')
            for box in held:
                self.history.append(f'--restore {box}')
                self.removed_boxes.add(box)
                self.case.sync('--restore', box, '-a', code=(0, 1))
        self.fail(f'still held: {run.err}')

    # Judgement

    def bounds(self, serial, box):
        """(least, most) copies of a message in a folder after everything has been carried over."""
        key = serial, box
        base = self.base[key]
        added = [a[key] for a in self.added]
        gone = [g[key] for g in self.gone]
        least = max(0, base + max(added) - sum(gone))
        most = base + sum(added) - max(gone)
        if box in self.removed_boxes:
            most = base + sum(added)
        if serial in self.loose and self.expunge:
            least = 0
        if self.may_return:
            # What was agreed stays removed, but of equal ones nothing tells which of them a person removed.
            new = sum(added)
            most = max(most, new, base + new - max(max(0, n - new) for n in gone))
            # A run that died may have been about to expunge it: then nothing tells that a person did, and it is wanted on the other side.
            if serial in self.unmarked:
                most = max(most, base + new)
        if serial in self.moved[0] & self.moved[1]:
            least, most = 0, max(most, 1)
        return least, most

    def check(self, flags=True):
        """Fails the case unless the sides are equal and hold what the books allow; then all is quiet."""
        case = self.case
        words = difference(*self.sides)
        if words:
            self.fail('the sides differ:\n' + words)
        have = collections.Counter()
        for box in self.sides[0].boxes():
            for m in self.sides[0].messages(box):
                have[m.serial, box] += 1
                if self.expunge and 'T' in m.flags:
                    self.fail(f'serial {m.serial} in {box} is marked T and still there')
        keys = set(self.base) | set(self.added[0]) | set(self.added[1]) | set(have)
        faults = []
        for serial, box in sorted(keys, key=str):
            least, most = self.bounds(serial, box)
            n = have[serial, box]
            if not least <= n <= most:
                faults.append(f'serial {serial} in {box}: {n} times, allowed {least} to {most} '
                              f'(base {self.base[serial, box]}, added {[a[serial, box] for a in self.added]}, '
                              f'removed {[g[serial, box] for g in self.gone]})')
        for serial in self.moved[0] & self.moved[1]:
            if not any(n for (s, _), n in have.items() if s == serial):
                if serial not in self.killed and not (self.expunge and serial in self.loose):
                    faults.append(f'serial {serial}: moved on both sides and nowhere now')
        if flags:
            faults += self.check_flags(have)
        if faults:
            self.fail('\n'.join(faults))
        self.quiet()

    def check_flags(self, have):
        faults = []
        now = {}
        for box in self.sides[0].boxes():
            for m in self.sides[0].messages(box):
                now.setdefault(m.serial, []).append(m.flags)
        for serial, base in self.base_flags.items():
            if len(base) != 1 or len(now.get(serial, ())) != 1 or serial in self.loose:
                continue
            if any(s == serial for a in self.added for s, _ in a):
                continue
            touched = self.flagged[0].get(serial, set()) | self.flagged[1].get(serial, set())
            wrong = {f for f in base[0] ^ now[serial][0] if f not in touched}
            if wrong:
                faults.append(f'serial {serial}: nobody touched {"".join(sorted(wrong))}')
            for i in (0, 1):
                alone = self.flagged[i].get(serial, set()) - self.flagged[1 - i].get(serial, set())
                for f in alone:
                    want = self.last_flag(i, serial, f)
                    if want is not None and (f in now[serial][0]) != want:
                        faults.append(f'serial {serial}: {f} was {"set" if want else "taken"} on '
                                      f'{"far" if i == 0 else "near"} alone and is not so now')
        return faults

    def last_flag(self, i, serial, flag):
        """How a person last left a flag on a side: True, False."""
        name = 'far' if i == 0 else 'near'
        for line in reversed(self.history):
            for sign in '+-':
                if line.startswith(f'{name}: {sign}{flag} {serial} in'):
                    return sign == '+'
        return None

    def fail(self, words):
        tail = '\n'.join(self.history[-60:])
        self.case.fail(f'seed {self.seed}: {words}\nlately:\n{tail}')
