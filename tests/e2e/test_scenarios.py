"""Scenarios of one mailbox whose ends are known: mbsync's state is taken over, and what it would do is done.

All of the table are mailboxes of one home, each with a channel of its own, so that a run is a run of all of them. Where mbsync is
installed it is asked for its end as well.
"""
import os
import re
import shutil

import scenario
from handover import Handover, Next
from lib import find
from scenario import Scenario

KEPT = 'A/S B/S C/S '
NEVER_BACK = 'A/FS B/S C/S D/S', 'B/S C/S D/S', 'what is flagged later never comes back'
ABORTS = {'old': NEVER_BACK, 'next': (*NEVER_BACK[:2], '1.5.1 ends in a failed assertion')}


def pairs(name, options='', far='', near='', state='', ends=None, **kw):
    """A scenario beside three pairs that nothing happens to."""
    ends = tuple((KEPT + e).strip() for e in ends)
    for word in ('old', 'next'):
        if word in kw:
            kw[word] = (*((KEPT + e).strip() for e in kw[word][:2]), kw[word][2])
    return Scenario(name, options, KEPT + far, KEPT + near, KEPT + state, ends, **kw)


def both(*end):
    """All mbsyncs end there."""
    return {'old': end, 'next': end}


TABLE = [
    # Nothing
    pairs('idle', '', 'D/F', 'D/F', 'D/F', ('D/F', 'D/F')),
    pairs('noop', 'Sync None', 'D E/F', 'E F', 'E', ('D E/F', 'E F')),

    # New
    pairs('new-far', '', 'D', '', '', ('D', 'D')),
    pairs('new-near', '', '', 'D', '', ('D', 'D')),
    pairs('new-both', '', 'D', 'E/S', '', ('D E/S', 'D E/S')),
    pairs('new-flags', '', 'D/FS E/DPR', '', '', ('D/FS E/DPR', 'D/FS E/DPR')),
    pairs('new-pull', 'Sync Pull', 'D', 'E', '', ('D', 'D E')),
    pairs('new-push', 'Sync Push', 'D', 'E', '', ('D E', 'E')),
    pairs('new-deleted', '', 'D/T', 'E/T', '', ('D/T E/T', 'D/T E/T')),
    pairs('new-deleted-expunge', 'Expunge Both', 'D/T', 'E/T', '', ('', '')),
    pairs('new-deleted-expunge-far', 'Expunge Far', 'D/T', '', '', ('', ''),
          old=('', 'D/T', '1.5 does not copy it either')),
    pairs('new-deleted-expunge-near', 'Expunge Near', 'D/T', '', '', ('D/T', '')),
    pairs('same-mail', '', 'D', 'D', '', ('D', 'D'), **both('D D', 'D D', 'mbsync doubles it')),

    # Passed over
    pairs('old', '', 'D', 'E', '', ('D', 'E'), max=(5, 5)),
    pairs('old-wanted', 'Sync Full Old', 'D', 'E', '', ('D E', 'D E'), max=(5, 5), old=('D', 'E', '1.4 knows no Old')),
    pairs('old-pulled', 'Sync PullOld PullNew', 'D F', 'E', '', ('D F', 'D E F'), max=(5, 5), old=('D F', 'E F', '1.4 knows no Old')),
    pairs('old-full', 'Sync Full', 'D', 'E', '', ('D', 'E'), max=(5, 5), next=('D E', 'D E', 'Full means Old, against the manual')),
    pairs('skipped', '', 'D', '', '^D-', ('D', ''), **both('D', '?', 'it makes a placeholder of it')),

    # Gone
    pairs('gone-far', '', '', 'D', 'D', ('', 'D/T')),
    pairs('gone-near', '', 'D', '', 'D', ('D/T', '')),
    pairs('gone-far-expunge', 'Expunge Near', '', 'D', 'D', ('', '')),
    pairs('gone-near-expunge', 'Expunge Far', 'D', '', 'D', ('', '')),
    pairs('gone-far-expunge-far', 'Expunge Far', '', 'D', 'D', ('', 'D/T')),
    pairs('gone-both', '', 'D', 'E', 'D E F', ('D/T', 'E/T')),
    pairs('gone-both-expunge', 'Expunge Both', 'D', 'E', 'D E F', ('', '')),
    pairs('gone-and-changed', '', '', 'D/FS', 'D', ('', 'D/FST')),
    pairs('gone-and-changed-expunge', 'Expunge Both', '', 'D/FS', 'D', ('', '')),
    pairs('gone-and-marked', '', '', 'D/T', 'D', ('', 'D/T')),
    pairs('gone-not-asked', 'Sync New Flags', '', 'D', 'D', ('', 'D')),
    pairs('gone-pull', 'Sync Pull\nExpunge Both', 'D', 'E', 'D E', ('D', '')),
    pairs('gone-push', 'Sync Push\nExpunge Both', 'D', 'E', 'D E', ('', 'E')),

    # Flags
    pairs('flags-far', '', 'D/FRS', 'D/S', 'D/S', ('D/FRS', 'D/FRS')),
    pairs('flags-near', '', 'D/S', 'D/FRS', 'D/S', ('D/FRS', 'D/FRS')),
    pairs('flags-taken-off', '', 'D', 'D/FS', 'D/FS', ('D', 'D')),
    pairs('flags-both', '', 'D/FS E/S', 'D/RS E/F', 'D/S E/FS', ('D/FRS E', 'D/FRS E')),
    pairs('flags-each', '', 'D/D E/F F/P G/R H/S', 'D E F G H', 'D E F G H', ('D/D E/F F/P G/R H/S', 'D/D E/F F/P G/R H/S')),
    pairs('flags-alike', '', 'D/FS', 'D/FS', 'D', ('D/FS', 'D/FS')),
    pairs('flags-pull', 'Sync Pull', 'D/F E', 'D E/F', 'D E', ('D/F E', 'D/F E/F')),
    pairs('flags-push', 'Sync Push', 'D/F E', 'D E/F', 'D E', ('D/F E/F', 'D E/F')),
    pairs('marked-far', '', 'D/T', 'D', 'D', ('D/T', 'D/T')),
    pairs('marked-near', '', 'D', 'D/T', 'D', ('D/T', 'D/T')),
    pairs('marked-expunge', 'Expunge Both', 'D/T E', 'D E/T', 'D E', ('', '')),
    pairs('marked-far-expunge-far', 'Expunge Far', 'D/T', 'D', 'D', ('', 'D/T')),
    pairs('marked-far-expunge-near', 'Expunge Near', 'D/T', 'D', 'D', ('D/T', '')),
    pairs('marked-near-expunge-far', 'Expunge Far', 'D', 'D/T', 'D', ('', 'D/T')),
    pairs('marked-near-expunge-near', 'Expunge Near', 'D', 'D/T', 'D', ('D/T', '')),
    pairs('marked-before-expunge', 'Expunge Both', 'D/T', 'D/T', 'D/T', ('', '')),
    pairs('marked-before', '', 'D/T', 'D/T', 'D/T', ('D/T', 'D/T')),
    pairs('unmarked', 'Expunge Both', 'D/T', 'D', 'D/T', ('D', 'D')),
    pairs('marked-not-asked', 'Sync New\nExpunge Near', 'D', 'D/T', 'D', ('D', '')),
    pairs('marked-pull', 'Sync Pull\nExpunge Near', 'D', 'D/T', 'D', ('D', '')),

    # Whose twin was deleted
    pairs('orphan', '', 'D/F', 'E/S', 'D- -E', ('D/F', 'E/S')),
    pairs('orphan-marked', 'Expunge Near', '', 'D/T', '-D/T', ('', '')),
    pairs('orphan-unmarked', 'Expunge Near', '', 'D', '-D/T', ('', 'D')),
    pairs('orphan-old', 'Sync Full Old', 'D/F', 'E/S', 'D- -E', ('D/F', 'E/S')),

    # Placeholders: they are twins; read or flagged, they say nothing of that, but are told of it
    pairs('placeholder', 'Sync New Gone Flags', 'D/S', 'D', '>D', ('D/S', 'D/S')),
    pairs('placeholder-seen', 'Sync New Gone Flags', 'D', 'D/S', '>D', ('D', 'D/S')),
    pairs('placeholder-answered', 'Sync New Gone Flags', 'D/R', 'D', '>D', ('D/R', 'D/R')),
    pairs('placeholder-gone', 'Expunge Both', 'D', '', '>D', ('', '')),
    pairs('original-gone', 'Expunge Both', '', 'D', '>D', ('', '')),

    # Limits
    Scenario('limit', 'MaxMessages 3', 'A/S B/S C/S D/S E/S', 'A/S B/S C/S D/S E/S', 'A/S B/S C/S D/S E/S',
             ('A/S B/S C/S D/S E/S', 'A/ST B/ST C/S D/S E/S')),
    Scenario('limit-expunge', 'MaxMessages 3\nExpunge Near', 'A/S B/S C/S D/S E/S', 'A/S B/S C/S D/S E/S', 'A/S B/S C/S D/S E/S',
             ('A/S B/S C/S D/S E/S', 'C/S D/S E/S')),
    Scenario('limit-none', 'MaxMessages 0\nExpunge Near', 'A/S B/S C/S D/S E/S', 'A/S B/S C/S D/S', 'A/S B/S C/S D/S',
             ('A/S B/S C/S D/S E/S', 'A/S B/S C/S D/S E/S')),
    Scenario('limit-flagged', 'MaxMessages 3\nExpunge Near', 'A/FS B/S C/S D/S E/S', 'A/FS B/S C/S D/S E/S', 'A/FS B/S C/S D/S E/S',
             ('A/FS B/S C/S D/S E/S', 'A/FS C/S D/S E/S')),
    Scenario('limit-unread', 'MaxMessages 3\nExpireUnread no\nExpunge Near', 'A B/S C/S D/S E/S', 'A B/S C/S D/S E/S', 'A B/S C/S D/S E/S',
             ('A B/S C/S D/S E/S', 'A C/S D/S E/S')),
    Scenario('limit-unread-too', 'MaxMessages 3\nExpireUnread yes\nExpunge Near', 'A B C D E', 'A B C D E', 'A B C D E',
             ('A B C D E', 'C D E')),
    Scenario('limit-unread-unsaid', 'MaxMessages 2\nExpunge Near', 'A B C D E', 'A B C D E', 'A B C D E',
             ('A B C D E', 'A B C D E'), code=1),
    Scenario('limit-new', 'MaxMessages 3\nExpunge Near', 'A/S B/S C/S D/S E/S', '', '', ('A/S B/S C/S D/S E/S', 'C/S D/S E/S')),
    Scenario('limit-new-comes', 'MaxMessages 3\nExpunge Near', 'A/S B/S C/S D/S', 'A/S B/S C/S', 'A/S B/S C/S',
             ('A/S B/S C/S D/S', 'B/S C/S D/S')),
    Scenario('limit-kept', 'MaxMessages 3\nExpunge Near', 'A/S B/S C/S D/S E/S', 'C/S D/S E/S', 'C/S D/S E/S',
             ('A/S B/S C/S D/S E/S', 'C/S D/S E/S'), expired=2),
    Scenario('limit-entries', 'MaxMessages 3\nExpunge Near', 'A/S B/S C/S D/S E/S', 'C/S D/S E/S', '~A-/S ~B-/S C/S D/S E/S',
             ('A/S B/S C/S D/S E/S', 'C/S D/S E/S'), expired=2),
    Scenario('limit-raised', 'MaxMessages 10\nExpunge Near', 'A/S B/S C/S D/S E/S', 'C/S D/S E/S', '~A-/S ~B-/S C/S D/S E/S',
             ('A/S B/S C/S D/S E/S', 'C/S D/S E/S'), expired=2),
    Scenario('limit-marked', 'MaxMessages 3\nExpunge Near', 'A/S B/S C/S D/S', 'A/ST B/S C/S D/S', '~A/S B/S C/S D/S',
             ('A/S B/S C/S D/S', 'B/S C/S D/S'), expired=1),
    Scenario('limit-flagged-later', 'MaxMessages 3\nExpunge Near', 'A/FS B/S C/S D/S', 'B/S C/S D/S', '~A-/S B/S C/S D/S',
             ('A/FS B/S C/S D/S', 'A/FS B/S C/S D/S'), expired=1, **both(*NEVER_BACK)),
    Scenario('limit-flagged-later-old', 'MaxMessages 3\nSync Full Old\nExpunge Near', 'A/FS B/S C/S D/S', 'B/S C/S D/S',
             '~A-/S B/S C/S D/S', ('A/FS B/S C/S D/S', 'A/FS B/S C/S D/S'), expired=1, **ABORTS),
    Scenario('limit-no-entry-and-flagged', 'MaxMessages 3\nExpunge Near', 'A/FS B/S C/S D/S', 'B/S C/S D/S', 'B/S C/S D/S',
             ('A/FS B/S C/S D/S', 'B/S C/S D/S'), expired=1),
    Scenario('limit-no-entry-and-flagged-old', 'MaxMessages 3\nSync Full Old\nExpunge Near', 'A/FS B/S C/S D/S', 'B/S C/S D/S',
             'B/S C/S D/S', ('A/FS B/S C/S D/S', 'A/FS B/S C/S D/S'), expired=1, old=NEVER_BACK),
    Scenario('limit-flagged-before-it-went', 'MaxMessages 3\nExpunge Near', 'A/FS B/S C/S D/S', 'A/ST B/S C/S D/S',
             '~A/S B/S C/S D/S', ('A/FS B/S C/S D/S', 'A/FS B/S C/S D/S'), expired=1),
    Scenario('limit-gone-far', 'MaxMessages 3\nExpunge Near', 'B/S C/S D/S', 'A/ST B/S C/S D/S', '~A/S B/S C/S D/S',
             ('B/S C/S D/S', 'B/S C/S D/S'), expired=1),
    Scenario('limit-far', 'MaxMessages 3\nExpireSide Far\nExpunge Far', 'A/S B/S C/S D/S E/S', 'A/S B/S C/S D/S E/S',
             'A/S B/S C/S D/S E/S', ('C/S D/S E/S', 'A/S B/S C/S D/S E/S'), only_new='ExpireSide'),

    # Only what has no twin
    pairs('solo', 'ExpungeSolo Near', 'D', 'D/T E/T', 'D -E', ('D/T', 'D/T'), only_new='ExpungeSolo'),
    pairs('solo-gone', 'ExpungeSolo Both', 'D', 'E', 'D E', ('', ''), only_new='ExpungeSolo'),
]


class Table:
    """The table on two sides; `mirror` swaps them, `place` is where mbsync's states are."""

    kinds = 'maildir', 'maildir'
    mirror = False
    place = '.mbsync'
    old_words = False

    def fill(self):
        """A fresh home with all of it."""
        for path in (self.home, *(os.path.join(self.dir, n) for n in ('far', 'near'))):
            shutil.rmtree(path, True)
        os.makedirs(os.path.join(self.home, self.place))
        self.far, self.near = (self.maildir(name) if kind == 'maildir' else self.account() for name, kind in zip(('far', 'near'), self.kinds))
        self.rows = [row.mirrored() if self.mirror else row for row in TABLE if self.may(row)]
        expire_side = 'Near' if self.mirror else 'Far'
        for row in self.rows:
            validity = []
            for which, (side, mail) in enumerate(((self.far, row.far), (self.near, row.near))):
                if side.kind == 'maildir':
                    scenario.fill_maildir(side, row, mail, which, 1600000000 + which)
                    validity.append(1600000000 + which)
                else:
                    validity.append(scenario.fill_imap(side, row, mail))
            with open(os.path.join(self.home, self.place, f':far:{row.name}_:near:{row.name}'), 'w') as f:
                f.write(scenario.state_text(row, validity, expire_side, self.old_words))
        self.write_config('FSync no\n\n' + self.far.store('far') + '\n' + self.near.store('near') + '\n' + ''.join(
            f'Channel {row.name}\nFar :far:{row.name}\nNear :near:{row.name}\n{row.options}\n\n' for row in self.rows))

    def may(self, row):
        return True

    def ends(self):
        return {row.name: (scenario.picture(self.far, row.name), scenario.picture(self.near, row.name)) for row in self.rows}

    def check(self, run):
        wrong = [f'{row.name}: {now} and not {row.ends}' for row, now in zip(self.rows, self.ends().values()) if now != row.ends]
        wrong += [f'{row.name}: ends in 1' for row in self.rows if row.code == 0 and f'mailtwin: {row.name}: ' in run.err]
        wrong += [f'{row.name}: no error is told' for row in self.rows if row.code != 0 and f'mailtwin: {row.name}: ' not in run.err]
        self.assertEqual(wrong, [], run.err)

    def again(self):
        still = [s.still() for s in (self.far, self.near)]
        self.assertNotRegex(self.mailtwin('-a', '-V', code=1).out, r' [+*#-][1-9]')
        self.check(self.mailtwin('-a', code=1))
        self.assertEqual(still, [s.still() for s in (self.far, self.near)])

    def test_run_and_run_again(self):
        self.fill()
        run = self.mailtwin('-a', code=1)
        self.check(run)
        # One says Full of what mbsync passed over, where mbsync means Old as well.
        self.assertEqual(re.findall(r'warning: ([\w-]+): there are \d+ messages that mbsync passed over', run.err), ['old-full'], run.err)
        self.again()

    def test_killed_and_resumed(self):
        """Stopped after so many steps, again and again until all is done."""
        self.binary = os.path.abspath(os.environ.get('MAILTWIN_FAST', self.binary))
        self.fill()
        stops = 0
        while (run := self.mailtwin('-a', env={'MAILTWIN_STEP_EXIT': str(self.steps)}, code=None)).code not in (0, 1):
            stops += 1
            self.assertLess(stops, 100)
        self.assertGreater(stops, 10)
        self.check(run)
        self.again()

    steps = 53


class BetweenMaildirs(Table, Handover):
    def test_mbsync(self):
        """Where it ends itself."""
        self.fill()
        if not self.is_next:
            self.rows = [row for row in self.rows if not row.only_new]
            with open(self.config) as f:
                text = re.sub('Gone', 'Delete', f.read()).replace('Full Old', 'Full').replace('Old', 'ReNew')
            for row in TABLE:
                if row.only_new:
                    text = re.sub(rf'Channel {row.name}\n.*?\n\n', '', text, flags=re.S)
            self.write_config(text)
            self.old('-a', code=None)
        else:
            for row in self.rows:               # one of them ends it
                self.old(row.name, code=None)
        wrong = []
        for row, now in zip(self.rows, self.ends().values()):
            wanted = ((row.next if self.is_next else row.old) or row.ends)[:2]
            if now != tuple(' '.join(sorted(end.split())) for end in wanted):
                wrong.append(f'{row.name}: mbsync comes to {now} and not {wanted}')
        self.assertEqual(wrong, [])


class NextBetweenMaildirs(Next, BetweenMaildirs):
    test_run_and_run_again = test_killed_and_resumed = None
    place = Next.old_state


class Mirrored(Table, Handover):
    mirror = True
    place = '.local/state/isync'
    old_words = True
    steps = 59


class FromDovecot(Table, Handover):
    kinds = 'imap', 'maildir'
    steps = 47


class BetweenAccounts(Table, Handover):
    kinds = 'imap', 'imap'
    mirror = True
    steps = 61
