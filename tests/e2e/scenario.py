"""A table of scenarios: what is on both sides, what mbsync has written down of it, and what is to come of it.

    Scenario('name', 'Expunge Near', far='A B/S', near='A B/S C', state='A B/S', ends=('A B/S C', 'A B/S C'))

Messages are letters, with their flags; a letter's place in the alphabet is its UID on both sides. A state is the entries of mbsync's
file: `A` a pair, `A-` with no near UID, `-A` with no far UID, behind marks `<`, `>`, `~` and `^`. The highest UIDs are those of the
state, unless `max` has others; `expired` is MaxExpiredFarUid. `old` is where mbsync 1.4 ends, where that is elsewhere: (far, near, why), `next` where 1.5 does.
"""
import dataclasses
import os
import re

WORDS = {'Far': 'Near', 'Near': 'Far', 'Pull': 'Push', 'Push': 'Pull'}


@dataclasses.dataclass
class Scenario:
    name: str
    options: str = ''
    far: str = ''
    near: str = ''
    state: str = ''
    ends: tuple = None
    max: tuple = None
    expired: int = 0
    far_store: str = ''
    near_store: str = ''
    old: tuple = None
    next: tuple = None
    only_new: str = ''              # why mbsync 1.4 cannot be asked
    code: int = 0

    def mirrored(self):
        def word(found):
            return WORDS[found.group(0)]

        def entry(text):
            if text.startswith('-'):
                return f'{text[1:].split("/")[0]}-' + ('/' + text.split('/')[1] if '/' in text else '')
            return re.sub(r'^([<>~^]*)(\w)-', r'-\1\2', text).translate(str.maketrans('<>', '><'))
        options = re.sub('Far|Near|Pull|Push', word, self.options)
        if 'MaxMessages' in options and 'ExpireSide' not in options:
            options += '\nExpireSide Far'
        return dataclasses.replace(
            self, options=options, far=self.near, near=self.far, state=' '.join(map(entry, self.state.split())), ends=self.ends[::-1],
            max=self.max and self.max[::-1], far_store=self.near_store, near_store=self.far_store)


def mail_of(text):
    """'A B/S' -> {'A': '', 'B': 'S'}"""
    return {m[0]: m[2:] for m in text.split()}


def uid_of(letter):
    return ord(letter) - ord('A') + 1


def body_of(letter):
    return b'From: a@example.org\nMessage-ID: <%d@scenario>\nSubject: %s\n\nserial %d.\n' % (uid_of(letter), letter.encode(), uid_of(letter))


def letter_of(serial):
    return chr(ord('A') + serial - 1) if serial else '?'        # a placeholder


def parse_entry(text):
    """'~A-/S' -> (far, near, third field)"""
    found = re.fullmatch(r'(-?)([<>~^]*)(\w)(-?)(?:/(\w*))?', text)
    no_far, marks, letter, no_near, flags = found.groups()
    return 0 if no_far else uid_of(letter), 0 if no_near else uid_of(letter), marks + (flags or '')


def highest(scenario, side):
    if scenario.max:
        return scenario.max[side]
    return max([parse_entry(e)[side] for e in scenario.state.split()] + [0])


def state_text(scenario, validity, expire_side='Far', old=False):
    """The file as mbsync writes it; old: with the words of 1.2 and 1.3."""
    head = [f'FarUidValidity {validity[0]}', f'NearUidValidity {validity[1]}', f'MaxPulledUid {highest(scenario, 0)}']
    if scenario.expired:
        head.append(f'MaxExpired{expire_side}Uid {scenario.expired}')
    head.append(f'MaxPushedUid {highest(scenario, 1)}')
    text = '\n'.join(head) + '\n\n'
    if old:
        text = text.replace('FarUidV', 'MasterUidV').replace('NearUidV', 'SlaveUidV').replace('ExpiredFar', 'ExpiredMaster')
    return text + ''.join('%d %d %s\n' % parse_entry(e) for e in scenario.state.split())


def fill_maildir(side, scenario, mail, which, validity):
    """Numbered as mbsync does, as far as it has seen them."""
    side.create(scenario.name)
    seen = highest(scenario, which)
    for letter, flags in mail_of(mail).items():
        name = f'17000000{uid_of(letter):02}.M1P{uid_of(letter)}.host' + (f',U={uid_of(letter)}' if uid_of(letter) <= seen else '')
        side.deliver(scenario.name, body_of(letter), flags, file=name, new=False)
    with open(os.path.join(side.box(scenario.name), '.uidvalidity'), 'w') as f:
        f.write(f'{validity}\n{seen}\n')
    # mbsync waits a second where a mailbox has just changed.
    for sub in ('new', 'cur', '.uidvalidity'):
        os.utime(os.path.join(side.box(scenario.name), sub), (1.7e9, 1.7e9))


def fill_imap(side, scenario, mail):
    """Each letter under its UID; what else has one is gone."""
    side.create(scenario.name)
    mail = mail_of(mail)
    last = max([uid_of(letter) for letter in mail] + [0])
    letters = [letter_of(n) for n in range(1, last + 1)]
    for letter in letters:
        side.deliver(scenario.name, body_of(letter), mail.get(letter, 'T'))
    side.select(scenario.name)
    validity = int(side.imap.untagged_responses['UIDVALIDITY'][-1])
    gone = [str(uid_of(letter)) for letter in letters if letter not in mail]
    if gone:
        side.ok(side.imap.uid('EXPUNGE', ','.join(gone)), 'UID EXPUNGE')
    return validity


def picture(side, name):
    """'A B/S', sorted; a letter twice is there twice."""
    found = [letter_of(m.serial) + ('/' + ''.join(sorted(set(m.flags) & set('DFPRST'))) if m.flags else '') for m in side.messages(name)]
    return ' '.join(sorted(found))
