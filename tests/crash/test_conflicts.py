"""Conflicts on real servers: between two runs both sides work at random on the same messages. They are moved here and deleted or
moved elsewhere there, get another key (R9) on one side or on both, are flagged, copied, delivered again; and new mail comes.

What may be true afterwards is told from three pictures alone: what had been agreed, and what each side held before the run, and under
which keys (`outcomes`). It is demanded of every message and of all its equals together, by mailbox:

- each is where one of the rules of sync/README.md puts it, once for each copy that people made;
- a flag is as it was changed, on whichever side; one that nobody touched is as it was;
- both sides are equal, and one more run changes nothing.

MAILTWIN_LONG=1 plays hundreds of rounds on each pair; SEED=n another game, ROUNDS=n so many.
"""
import collections
import itertools
import os
import random

from accounts import Account
from lib import difference, message, program

SEED = int(os.environ.get('SEED', '0'))
ROUNDS = int(os.environ.get('ROUNDS', '0'))
LONG = bool(os.environ.get('MAILTWIN_LONG'))
BOXES = ['INBOX', 'Archive', 'work', 'a b']
FLAGS = 'FRSD'

# Fates of a message on one side: where it is now, or None. HOME is where it was agreed to be.
GONE, HOME = None, ''


def place(home, far, near):
    """Where a message ends that met these fates (P4, P11: a move goes before a deletion, and of two moves the far one)."""
    if HOME in (far, near):
        other = near if far == HOME else far
        return home if other == HOME else other
    return far if far is not GONE else near


def fates(home, stays, moved):
    """All ways to hand out to the messages of a mailbox what happened to them: `stays` of them are there, the others were
    moved to what is in `moved`, or are gone."""
    rest = home - stays - len(moved)
    return set(itertools.permutations([HOME] * stays + list(moved) + [GONE] * rest))


def stayings(base, kept, now):
    """How many of each mailbox may still be what was there, {mailbox: count}: those of a known key, `kept`, for certain; another key
    makes no other message (R9), but of equals one may have gone, and one of another mailbox have come for it."""
    boxes = sorted(base)
    for counts in itertools.product(*(range(kept[box], min(base[box], now[box]) + 1) for box in boxes)):
        yield collections.Counter(dict(zip(boxes, counts)))


def readings(base, stays, arrivals):
    """What one side may have done: [({mailbox: places moved to}, places of what is new)]. As much of what arrived was moved, from
    another mailbox, as can have been (P11)."""
    left = [box for box in base for _ in range(base[box] - stays[box])]
    n = min(len(left), len(arrivals))
    found = set()
    for sources in set(itertools.combinations(sorted(left), n)):
        for targets in set(itertools.permutations(sorted(arrivals), n)):
            if any(a == b for a, b in zip(sources, targets)):
                continue
            moved = collections.defaultdict(list)
            for a, b in zip(sources, targets):
                moved[a].append(b)
            new = collections.Counter(arrivals) - collections.Counter(targets)
            found.add((tuple(sorted((a, tuple(sorted(b))) for a, b in moved.items())), tuple(sorted(new.elements()))))
    return [(dict(m), list(new)) for m, new in found]


def outcomes(base, far, near, kept):
    """Every picture of one message and its equals, {mailbox: count} as a frozenset, that the rules allow. Of what arrived
    at one place on both sides any number may be taken for twins (R10)."""
    allowed = set()
    for stays in itertools.product(stayings(base, kept[0], far), stayings(base, kept[1], near)):
        came = [now - there for now, there in zip((far, near), stays)]
        both = sorted((came[0] & came[1]).elements())
        for n in range(len(both) + 1):
            for twins in set(itertools.combinations(both, n)):
                rest = [sorted((c - collections.Counter(twins)).elements()) for c in came]
                for (far_moved, far_new), (near_moved, near_new) in itertools.product(
                        readings(base, stays[0], rest[0]), readings(base, stays[1], rest[1])):
                    if set(far_new) & set(near_new):
                        continue                    # R10: they are twins
                    fixed = collections.Counter(list(twins) + far_new + near_new)
                    allowed |= handed_out(base, (stays[0], far_moved), (stays[1], near_moved), fixed)
    return allowed


def handed_out(base, far, near, fixed):
    """Which message of a mailbox is whose twin nobody can say of equals: all ways are allowed."""
    partial = {frozenset(fixed.items())}
    for box, n in base.items():
        there = [fates(n, stays[box], moved.get(box, ())) for stays, moved in (far, near)]
        one = next(iter(there[0]))              # in any order, for the others are tried in all
        ways = {tuple(sorted(str(p) for p in (place(box, f, m) for f, m in zip(one, other)) if p is not GONE))
                for other in there[1]}
        partial = {frozenset((collections.Counter(dict(p)) + collections.Counter(w)).items()) for p in partial for w in ways}
    return partial


class Work:
    """Two sides, and people at both who work on the same messages."""

    def __init__(self, case, sides, rng):
        self.case, self.sides, self.rng = case, sides, rng
        self.serial = 0
        self.data = {}
        self.history = []

    def picture(self, i):
        """{serial: {mailbox: [flags of each]}}"""
        seen = collections.defaultdict(lambda: collections.defaultdict(list))
        for box in self.sides[i].boxes():
            for m in self.sides[i].messages(box):
                seen[m.serial][box].append(m.flags)
        return seen

    def keys(self, i):
        """{(serial, mailbox, key)}, of a file the base of its name."""
        return {(m.serial, box, str(m.key).split('/')[-1].split(':2,')[0]) for box in self.sides[i].boxes() for m in self.sides[i].messages(box)}

    def new(self, i, box, flags=''):
        self.serial += 1
        self.data[self.serial] = message(self.serial, self.rng)
        self.sides[i].deliver(box, self.data[self.serial], flags)
        return self.serial

    def begin(self):
        """Each mailbox has mail that nobody touches, so that none is emptied."""
        for box in BOXES:
            for side in self.sides:
                if box not in side.boxes():
                    side.create(box)
            self.new(self.rng.randrange(2), box, 'S')
        self.untouched = set(self.data)
        for _ in range(16):
            self.new(self.rng.randrange(2), self.rng.choice(BOXES), self.rng.choice(['', 'S', 'FS']))
        for serial in self.rng.sample(range(5, 21), 4):
            self.again(self.rng.randrange(2), serial)

    # What people do, to one of the messages of that serial.

    def any_of(self, i, serial):
        found = [m for box in self.sides[i].boxes() for m in self.sides[i].messages(box) if m.serial == serial]
        return self.rng.choice(found) if found else None

    def elsewhere(self, box):
        return self.rng.choice([b for b in BOXES if b != box])

    def again(self, i, serial):
        box = self.rng.choice(BOXES)
        self.sides[i].deliver(box, self.data[serial], 'S')
        self.tell(i, f'{serial} comes again, to {box}')

    def tell(self, i, words):
        self.history.append(f'{("far", "near")[i]}: {words}')

    def move(self, i, m):
        to = self.elsewhere(m.box)
        self.sides[i].move(m, to, anew=self.rng.random() < .3)
        self.tell(i, f'{m.serial} moved from {m.box} to {to}')

    def delete(self, i, m):
        self.sides[i].delete(m)
        self.tell(i, f'{m.serial} deleted in {m.box}')

    def flag(self, i, m):
        flag = self.rng.choice(FLAGS)
        self.sides[i].flag(m, **({'remove': flag} if flag in m.flags else {'add': flag}))
        self.tell(i, f'{m.serial} {"-" if flag in m.flags else "+"}{flag} in {m.box}')

    def copy(self, i, m):
        to = self.rng.choice(BOXES)
        self.sides[i].copy(m, to)
        self.tell(i, f'{m.serial} copied from {m.box} to {to}')

    def rekey(self, i, m):
        """Another key in the same mailbox."""
        side = self.sides[i]
        ways = [self.onto_itself, self.out_and_back, self.delivered_again]
        if side.kind == 'imap' and 'MOVE' in side.imap.capabilities:
            ways.append(self.moved_onto_itself)
        way = self.rng.choice(ways)
        way(side, m)
        self.tell(i, f'{m.serial} in {m.box} {way.__name__}')

    def onto_itself(self, side, m):
        side.copy(m, m.box)
        side.delete(m)

    def moved_onto_itself(self, side, m):
        side.select(m.box)
        side.ok(side.imap.uid('MOVE', str(m.key), side.wire(m.box)), 'UID MOVE')

    def out_and_back(self, side, m):
        to = self.elsewhere(m.box)
        side.move(m, to, anew=True)
        back = max((x for x in side.messages(to) if x.serial == m.serial), key=self.age(side))
        side.move(back, m.box, anew=self.rng.random() < .5)

    def age(self, side):
        return lambda m: m.key if side.kind == 'imap' else os.stat(os.path.join(side.box(m.box), m.key)).st_ino

    def delivered_again(self, side, m):
        data, flags = side.data(m), ''.join(sorted(f for f in m.flags if len(f) == 1))
        side.delete(m)
        side.deliver(m.box, data, flags)

    def act(self, i, serial):
        verbs = {self.move: 5, self.delete: 4, self.rekey: 6, self.flag: 3, self.copy: 2, None: 2}
        for _ in range(self.rng.choice([1, 1, 2])):
            verb = self.rng.choices(list(verbs), list(verbs.values()))[0]
            m = self.any_of(i, serial)
            if verb and m:
                verb(i, m)

    def round(self):
        serials = sorted(set(self.base) - self.untouched)
        for serial in self.rng.sample(serials, min(len(serials), 7)):
            sides = [0, 1]
            self.rng.shuffle(sides)
            for i in sides:
                self.act(i, serial)
        while len(serials) < 16:
            self.new(self.rng.randrange(2), self.rng.choice(BOXES), self.rng.choice(['', 'S', 'DS']))
            serials.append(self.serial)
        if self.rng.random() < .5:
            serial = self.rng.choice(serials)
            for i in self.rng.choice([(0,), (1,), (0, 1)]):
                self.again(i, serial)

    # Judgement

    def quiet(self):
        self.base = self.picture(0)
        self.known = [self.keys(i) for i in (0, 1)]

    def kept(self):
        """Before a run: of each side, what is there under the key that it had, {serial: {mailbox: count}}."""
        kept = [collections.defaultdict(collections.Counter) for _ in (0, 1)]
        for i in (0, 1):
            for serial, box, _ in self.known[i] & self.keys(i):
                kept[i][serial][box] += 1
        return kept

    def check(self, far, near, kept):
        """After a run; far, near and kept are of before it."""
        words = difference(*self.sides)
        if words:
            return 'the sides differ:\n' + words
        now, faults = self.picture(0), []
        for serial in sorted(set(self.base) | set(far) | set(near) | set(now)):
            counts = [collections.Counter({box: len(v) for box, v in p.get(serial, {}).items()})
                      for p in (self.base, far, near, now)]
            allowed = outcomes(*counts[:3], [side[serial] for side in kept])
            if frozenset(counts[3].items()) not in allowed:
                faults.append(f'serial {serial}: {dict(counts[3])}; it was {dict(counts[0])}, far {dict(counts[1])}, near '
                              f'{dict(counts[2])}: allowed {sorted(map(dict, allowed), key=str)}')
            faults += self.check_flags(serial, *(p.get(serial, {}) for p in (self.base, far, near, now)))
        return '\n'.join(faults)

    def check_flags(self, serial, *pictures):
        base, far, near, now = ([f for box in p.values() for f in box] for p in pictures)
        faults = []
        for flag in FLAGS:
            had, a, b, has = ({flag in f for f in flags} for flags in (base, far, near, now))
            want = None
            if len(base) == 1 and len(now) == 1 and len(far) <= 1 and len(near) <= 1:
                was, = had
                want = {not was} if {not was} in (a, b) else {was}
            elif had | a | b in ({True}, {False}) and now:
                want = had | a | b
            if want is not None and has != want:
                faults.append(f'serial {serial}: {flag} is {has}; it was {had}, far {a}, near {b}')
        return faults


class Conflicts(Account):
    def play(self, far, near, seed, rounds=4):
        self.binary = program('MAILTWIN_FAST')
        side = lambda kind, name: self.account(kind) if kind else self.maildir(name, seed=seed, style='mixed')
        # One of the oldest that goes as another comes looks like a window, and would wait for a person (R21).
        window = lambda kind: 'Window no\n' if kind else ''
        self.pair('MaxDelete none\n', far=side(far, 'far'), near=side(near, 'near'), far_store=window(far), near_store=window(near))
        rng = random.Random(SEED or seed)
        work = Work(self, [self.far, self.near], rng)
        work.begin()
        self.sync_twice()
        work.quiet()
        for n in range(ROUNDS or (rounds * 50 if LONG else rounds)):
            work.history.append(f'-- round {n}')
            work.round()
            before = [work.picture(i) for i in (0, 1)] + [work.kept()]
            run = self.sync()
            faults = work.check(*before)
            held = [s.still() for s in work.sides]
            self.sync()
            if not faults and held != [s.still() for s in work.sides]:
                faults = 'a second run changed a side'
            if faults:
                self.fail(f'seed {SEED or seed}: {faults}\n{run.out}{run.err}lately:\n' + '\n'.join(work.history[-60:]))
            work.quiet()
        self.sync_twice()

    def test_maildirs(self):
        self.play(None, None, 81, 6)

    def test_dovecot(self):
        self.play('dovecot', None, 82)

    def test_poor(self):
        self.play('poor', None, 83)

    def test_cyrus(self):
        self.play('cyrus', None, 84)

    def test_courier(self):
        self.play('courier', None, 85)

    def test_mailutils(self):
        self.play('mailutils', None, 86, 2)

    def test_two_accounts(self):
        self.play('dovecot', 'cyrus', 87)
