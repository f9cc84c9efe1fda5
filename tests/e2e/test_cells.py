"""Every cell of Sync: what each word carries over, in which direction, and with which Create, Remove and Expunge; as mbsync has it."""
import itertools
import os
import re

import scenario
from handover import Handover, Next
from scenario import Scenario

PULL, PUSH = 'pull', 'push'
TYPES = 'New', 'Old', 'Gone', 'Flags'           # and Upgrade, which is for placeholders
FULL = {(way, kind) for way in (PULL, PUSH) for kind in ('New', 'Gone', 'Flags')}
WAYS = {'Pull': PULL, 'Push': PUSH}

# What mbsync knew: A to C and K are as they were.
FAR = 'A/S B/S C/S D G I/F J K/S L/T'
NEAR = 'A/S B/S C/S E F/S H I J/F K/S L M'
# D is new on far, E on near; G was passed over on far, H on near; F is gone from far, J flagged on near, I on far; L was marked on far.
STATE = 'A/S B/S C/S F/S I J K/S L M N'          # and M is gone from far, N from both


def meaning(words):
    """The cells that the words of Sync name, by the manual."""
    words = words.split()
    if words in ([], ['Full'], ['All'], ['Pull', 'Push']):
        return set(FULL)
    words = [w for w in words if w not in ('None', 'Noop')]
    if not words:
        return set()
    ways = [WAYS[w] for w in words if w in WAYS]
    kinds = [w for w in words if w in TYPES + ('Upgrade', 'ReNew', 'Delete', 'Full', 'All')]
    cells = {(WAYS[w[:4]], w[4:]) for w in words if w[:4] in WAYS and w[4:]}
    wide = set()
    for kind in kinds:
        wide |= {k for _, k in FULL} if kind in ('Full', 'All') else {'Gone' if kind == 'Delete' else kind}
    if not cells:
        return {(way, kind) for way in ways or (PULL, PUSH) for kind in wide or {k for _, k in FULL}}
    cells |= {(way, kind) for way in (PULL, PUSH) for kind in wide}
    cells |= {(way, kind) for way in ways for kind in {k for _, k in FULL}}
    return {(way, {'Delete': 'Gone', 'Full': None}.get(kind, kind)) for way, kind in cells} | {
        (way, k) for way, kind in cells if kind == 'Full' for _, k in FULL}


def end(cells, expunge, forgets=False):
    """What is on both sides afterwards, message by message: each cell is one line. mbsync forgets what it expunges with a mark that did
    not go over; here it is gone there, and that goes over."""
    far, near = dict(scenario.mail_of(FAR)), dict(scenario.mail_of(NEAR))

    def mark(side, letter):
        side[letter] = ''.join(sorted(set(side[letter]) | {'T'}))
    if (PULL, 'New') in cells:
        near['D'] = ''
    if (PUSH, 'New') in cells:
        far['E'] = ''
    if (PULL, 'Old') in cells:
        near['G'] = ''
    if (PUSH, 'Old') in cells:
        far['H'] = ''
    if (PULL, 'Gone') in cells:
        mark(near, 'F')
        mark(near, 'M')
    if (PULL, 'Flags') in cells:
        near['I'], near['L'] = 'F', 'T'
    if (PUSH, 'Flags') in cells:
        far['J'] = 'F'
    if expunge in ('Far', 'Both') and (PULL, 'Gone') in cells and not forgets:
        mark(near, 'L')
    for side, name in ((far, 'Far'), (near, 'Near')):
        if expunge in (name, 'Both'):
            for letter in [m for m, flags in side.items() if 'T' in flags]:
                del side[letter]
    return tuple(' '.join(sorted(m + ('/' + f if f else '') for m, f in side.items())) for side in (far, near))


WORDS = ['', 'None', 'Full', 'All', 'Pull', 'Push', 'Pull Push', 'New', 'Old', 'Gone', 'Flags', 'Upgrade', 'New Gone', 'New Old Flags',
         'Pull New', 'Pull Old', 'Pull Gone', 'Pull Flags', 'Push New', 'Push Old', 'Push Gone', 'Push Flags', 'Pull New Flags', 'Push Gone Flags',
         'Full Old', 'PullNew', 'PullOld', 'PullGone', 'PullFlags', 'PullUpgrade', 'PushNew', 'PushOld', 'PushGone', 'PushFlags',
         'PushUpgrade', 'PullFull', 'PushFull', 'PullNew PushGone', 'PullGone PushNew PushFlags', 'PullNew Push', 'PushOld Pull',
         'PullNew Flags', 'PushGone New', 'PullDelete', 'Delete', 'PushDelete PullReNew',
         'None New', 'PushFlags Noop', 'Pull PullOld', 'PushOld Push', 'PullFull PullNew', 'PullFull PushNew']
EXPUNGE = 'None', 'Far', 'Near', 'Both'


class Cells(Handover):
    """Each pair of words and expunge is a mailbox with a channel."""

    not_known = 'Old|PullFull|PushFull|Upgrade'

    def fill(self, words, forgets=False):
        self.far, self.near = self.maildir('far'), self.maildir('near')
        self.rows = []
        for n, (word, expunge) in enumerate(itertools.product(words, EXPUNGE)):
            self.rows.append(Scenario(f'm{n}', f'Sync {word}\n' * bool(word) + f'Expunge {expunge}\n', FAR, NEAR, STATE,
                                      end(meaning(word), expunge, forgets), max=(14, 14)))
        for row in self.rows:
            for which, (side, mail) in enumerate(((self.far, row.far), (self.near, row.near))):
                # What is new has no number yet.
                scenario.fill_maildir(side, row, mail, which, 1600000000)
                path = os.path.join(side.box(row.name), 'cur')
                for name in os.listdir(path):
                    if (',U=4:' in name, ',U=5:' in name)[which]:
                        os.rename(os.path.join(path, name), os.path.join(path, name.replace(f',U={which + 4}', '')))
                os.utime(path, (1.7e9, 1.7e9))
            with open(os.path.join(self.home, self.old_state, f':far:{row.name}_:near:{row.name}'), 'w') as f:
                f.write(scenario.state_text(row, (1600000000, 1600000000)))
        self.write_config('FSync no\n\n' + self.far.store('far') + '\n' + self.near.store('near') + '\n' + ''.join(
            f'Channel {row.name}\nFar :far:{row.name}\nNear :near:{row.name}\n{row.options}\n' for row in self.rows))

    def check(self):
        wrong = []
        for row in self.rows:
            now = scenario.picture(self.far, row.name), scenario.picture(self.near, row.name)
            if now != row.ends:
                wrong.append(f'{row.options!r}: {now} and not {row.ends}')
        self.assertEqual(wrong, [])

    def test_each(self):
        self.binary = os.path.abspath(os.environ.get('MAILTWIN_FAST', self.binary))
        self.fill(WORDS)
        self.mailtwin('-a')
        self.check()
        still = self.far.still(), self.near.still()
        self.mailtwin('-a')
        self.check()
        self.mailtwin('-a')
        self.assertEqual(still, (self.far.still(), self.near.still()))

    def test_mbsync(self):
        """1.4 agrees, but for the words that it does not know."""
        words = [w for w in WORDS if not re.search(self.not_known, w)]
        self.fill(words, forgets=not self.is_next)
        if not self.is_next:
            with open(self.config) as f:
                text = f.read()
            self.write_config(text.replace('Gone', 'Delete'))
        self.old()
        if self.is_next:                        # it comes back to what it expunged with a mark
            self.old()
        for _ in range(2):
            self.check()
            self.old()
        self.check()


class NextCells(Next, Cells):
    """But for Full, which means Old to it, against its manual, and None beside others."""

    test_each = None
    not_known = 'Full|All|None New|Noop'


class Mailboxes(Handover):
    """Create and Remove: each pair of them is a channel over trees of its own."""

    SIDES = 'None', 'Far', 'Near', 'Both'
    COMBINATIONS = list(itertools.product(SIDES, SIDES, ('Full', 'Pull', 'Push')))

    def write(self, combinations):
        self.write_config('FSync no\n\n' + ''.join(
            f'{far.store(f"far{n}")}\n{near.store(f"near{n}")}\nChannel c{n}\nFar :far{n}:\nNear :near{n}:\nPatterns *\nCreate {create}\n'
            f'Remove {remove}\nSync {sync}\n\n' for n, ((far, near), (create, remove, sync)) in enumerate(zip(self.trees, combinations))))

    def fill(self, run):
        """Four mailboxes that both knew; then one of them is gone on either side, and each has a new one."""
        self.trees = [(self.maildir(f'far{n}'), self.maildir(f'near{n}')) for n in range(len(self.COMBINATIONS))]
        for far, _ in self.trees:
            for box in ('kept', 'gone-far', 'gone-near'):
                far.create(box)
        self.write([('Both', 'None', 'Full')] * len(self.trees))
        run()
        for far, near in self.trees:
            far.remove('gone-far')
            near.remove('gone-near')
            for side, name in ((far, 'new-far'), (near, 'new-near')):
                side.create(name)
                self.fill_one(side, name)
        self.write(self.COMBINATIONS)

    def fill_one(self, side, name):
        side.deliver(name, scenario.body_of('A'), 'S')

    def ends(self, create, remove, sync):
        far, near = {'INBOX': 0, 'kept': 0, 'new-far': 1, 'gone-near': 0}, {'INBOX': 0, 'kept': 0, 'new-near': 1, 'gone-far': 0}
        if create in ('Near', 'Both'):
            near['new-far'] = int(sync != 'Push')
        if create in ('Far', 'Both'):
            far['new-near'] = int(sync != 'Pull')
        if remove in ('Near', 'Both'):
            del near['gone-far']
        if remove in ('Far', 'Both'):
            del far['gone-near']
        return far, near

    def check(self):
        wrong = []
        for combination, sides in zip(self.COMBINATIONS, self.trees):
            now = tuple({box: len(side.messages(box)) for box in side.boxes()} for side in sides)
            if now != self.ends(*combination):
                wrong.append(f'{combination}: {now} and not {self.ends(*combination)}')
        self.assertEqual(wrong, [])

    def test_each(self):
        self.fill(lambda: self.mailtwin('-a'))
        self.mailtwin('-a', code=None)
        self.check()
        still = [side.still() for sides in self.trees for side in sides]
        self.mailtwin('-a', code=None)
        self.assertEqual(still, [side.still() for sides in self.trees for side in sides])

    def test_mbsync(self):
        self.fill(self.old)
        self.old(code=None)
        self.check()


class NextMailboxes(Next, Mailboxes):
    test_each = None
