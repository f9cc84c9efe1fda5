"""Command lines of mbsync, given to a link of that name: the same is done, and said in the same words, with the same exit code.

Where mbsync 1.4 is installed it gets each line as well; of words that only 1.5 has the end is written here.
"""
import os
import re
import shutil
import subprocess

import scenario
from handover import MBSYNC, MBSYNC_1_5, missing
from lib import Case, MaildirSide, program
from scenario import Scenario
from test_cells import FAR, FULL, NEAR, PULL, PUSH, STATE, end

NOTHING = set()


def pull(*kinds):
    return {(PULL, kind) for kind in kinds}


def push(*kinds):
    return {(PUSH, kind) for kind in kinds}


ALL_PULL, ALL_PUSH = pull('New', 'Gone', 'Flags'), push('New', 'Gone', 'Flags')
# Words as typed (\n is a line end in an argument), the cells they come to, and what they expunge.
LINES = [
    ('-a', FULL), ('--all', FULL), ('all', FULL), ('both', FULL), ('all one', FULL), ('all all', FULL), ('-- all', FULL), ('-a -- one', FULL),
    ('-a one', FULL), ('all:work', FULL), ('all:work,INBOX', FULL), ('all:INBOX\\nwork', FULL), ('all:INBOX', NOTHING), ('all:', NOTHING),
    ('one', NOTHING), ('part', FULL),
    ('-L all', ALL_PULL), ('-H all', ALL_PUSH), ('-LH all', FULL), ('-La', ALL_PULL), ('-aL', ALL_PULL), ('--pull all', ALL_PULL),
    ('--push all', ALL_PUSH), ('-F all', FULL), ('--full all', FULL), ('-0 all', NOTHING), ('-0a', NOTHING), ('--noop all', NOTHING),
    ('-n all', pull('New') | push('New')), ('-nf all', pull('New', 'Flags') | push('New', 'Flags')), ('-f -n -a', pull('New', 'Flags') | push('New', 'Flags')),
    ('--new --flags all', pull('New', 'Flags') | push('New', 'Flags')), ('--delete all', pull('Gone') | push('Gone')), ('-d all', pull('Gone') | push('Gone')),
    ('-Ln all', pull('New')), ('-L -n all', pull('New')), ('-Lnf all', pull('New', 'Flags')), ('-Lna', pull('New')), ('-qLna', pull('New')),
    ('-Lnf -Hd all', pull('New', 'Flags') | push('Gone')), ('-Hf all', push('Flags')), ('--pull-new all', pull('New')),
    ('--pull-new --push-flags all', pull('New') | push('Flags')), ('--pull --new all', pull('New')), ('--push-delete -a', push('Gone')),
    ('-Ln -H all', pull('New') | ALL_PUSH), ('--pull-new --push all', pull('New') | ALL_PUSH),
    ('-X all', FULL, 'Both'), ('-X -a', FULL, 'Both'), ('-Xa', FULL, 'Both'), ('-Xf all', FULL, 'Far'), ('-Xn all', FULL, 'Near'), ('-XfXn all', FULL, 'Both'),
    ('-XnL all', ALL_PULL, 'Near'), ('--expunge all', FULL, 'Both'), ('--expunge-near all', FULL, 'Near'), ('--expunge-far -a', FULL, 'Far'),
    ('-C all', FULL), ('-Cn -Rn all', FULL), ('--create-near --remove all', FULL), ('-CXna', FULL, 'Near'),
    ('-q all', FULL), ('-qq all', FULL), ('-qqa', FULL), ('-V all', FULL), ('-D all', FULL), ('-Dn all', FULL), ('-Dmn all', FULL), ('--debug all', FULL),
    ('--debug-net all', FULL), ('-aDn', FULL),
    ('-c RC all', FULL), ('-ac RC', FULL), ('--config RC all', FULL), ('--config=RC -a', FULL),
    ('-l all', NOTHING), ('-la', NOTHING), ('-l both', NOTHING), ('--list one', NOTHING), ('-lq all', NOTHING), ('-l all:work', NOTHING), ('-l all one', NOTHING),
    ('-h', NOTHING), ('--help', NOTHING), ('-v', NOTHING), ('--version', NOTHING),
    # What is wrong
    ('', NOTHING), ('nosuch', NOTHING), ('all nosuch', FULL), ('--nosuch all', NOTHING), ('-Z all', NOTHING), ('-c', NOTHING),
    ('one:work', NOTHING), ('-c nowhere all', NOTHING), ('--config=nowhere all', NOTHING), ('-Ln -L all', NOTHING),
    ('all:nosuch', NOTHING),
]
# Words of 1.5 alone: the line, its cells and side, and the exit code.
NEW_LINES = [
    ('-g all', pull('Gone') | push('Gone'), 'None', 0), ('--gone all', pull('Gone') | push('Gone'), 'None', 0), ('-o all', pull('Old') | push('Old'), 'None', 0),
    ('-Lo all', pull('Old'), 'None', 0), ('--pull-old --push-gone all', pull('Old') | push('Gone'), 'None', 0), ('-u all', NOTHING, 'None', 0),
    ('-X- all', FULL, 'None', 0), ('--no-expunge --no-create --no-remove all', FULL, 'None', 0), ('-y all', NOTHING, 'None', 0), ('--dry-run -a', NOTHING, 'None', 0),
    ('-e all', FULL, 'None', 96), ('-eL all', ALL_PULL, 'None', 64), ('--ext-exit --push all', ALL_PUSH, 'None', 32), ('-e0 all', NOTHING, 'None', 0),
    ('-e all nosuch', FULL, 'None', 97), ('-D=net all', FULL, 'None', 0), ('--debug=net all', FULL, 'None', 0), ('-ls', NOTHING, 'None', 0), ('--list-stores', NOTHING, 'None', 0),
]
# What 1.5 has otherwise: Full means Old, against its manual; a name that is none keeps it from all others, as here without the name mbsync;
# a mailbox that it does not find is counted; areas of debugging come without "=".
OTHERWISE = '--full all', 'all nosuch', '-e all nosuch', 'all:nosuch', '-D=net all', '--debug=net all'


class Commands(Case):
    def home_of(self, who):
        """A fresh home with two mailboxes, one of them worked on at both sides."""
        home = os.path.join(self.dir, 'homes', who)
        shutil.rmtree(home, True)
        os.makedirs(os.path.join(home, '.mbsync'))
        row = Scenario('work', '', FAR, NEAR, STATE, max=(14, 14))
        sides = [MaildirSide(os.path.join(home, name)) for name in ('far', 'near')]
        for which, (side, mail) in enumerate(zip(sides, (row.far, row.near))):
            for name, rows in (('INBOX', ''), ('work', mail)):
                scenario.fill_maildir(side, Scenario(name, max=row.max), rows, which, 1600000000)
            path = os.path.join(side.box('work'), 'cur')
            for name in os.listdir(path):
                if (',U=4:' in name, ',U=5:' in name)[which]:
                    os.rename(os.path.join(path, name), os.path.join(path, name.replace(f',U={which + 4}', '')))
            os.utime(path, (1.7e9, 1.7e9))
        with open(os.path.join(home, '.mbsync', ':far:work_:near:work'), 'w') as f:
            f.write(scenario.state_text(row, (1600000000, 1600000000)))
        with open(os.path.join(home, '.mbsyncrc'), 'w') as f:
            f.write(''.join(f'MaildirStore {s}\nPath ~/{s}/\nInbox ~/{s}/INBOX\nSubFolders Verbatim\n\n' for s in ('far', 'near')) +
                    'Channel all\nFar :far:\nNear :near:\nPatterns *\n\nChannel one\nFar :far:\nNear :near:\n\nGroup both all one\n\n'
                    'Group part all:work\n')
        return home, sides

    def run_line(self, binary, who, line):
        home, sides = self.home_of(who)
        words = [w.replace('\\n', '\n').replace('RC', os.path.join(home, '.mbsyncrc')) for w in line.split(' ') if w]
        done = subprocess.run([binary, *words], env={**self.environment(), 'HOME': home, 'XDG_CONFIG_HOME': '', 'XDG_STATE_HOME': ''}, cwd=home,
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        self.assertNotIn('ERROR: AddressSanitizer', done.stderr)
        return done, tuple(scenario.picture(side, 'work') for side in sides)

    def link(self):
        path = os.path.join(self.dir, 'mbsync')
        if not os.path.exists(path):
            os.symlink(os.path.abspath(os.environ.get('MAILTWIN_FAST') or program()), path)
        return path

    def check(self, line, cells, expunge, code):
        run, now = self.run_line(self.link(), 'new', line)
        self.assertEqual(now, end(cells, expunge), f'{line}: {run.stderr}')
        self.assertEqual(run.returncode, code, f'{line}: {run.stderr}')
        words = line.split()
        is_quiet = any(re.match(r'-\w*q', w) for w in words)
        if code in (0, 32, 64, 96) and cells and not is_quiet:
            self.assertRegex(run.stdout, r'(?m)^Channels: \d    Boxes: \d    Far: \+\d \*\d #\d -\d    Near: \+\d \*\d #\d -\d$', line)
        if is_quiet:
            self.assertEqual(run.stdout.replace('INBOX\nwork\n', ''), '', line)
        return run

    def test_lines(self):
        """Each does what it says, whether or not there is an mbsync to ask."""
        for line, cells, expunge in (row if len(row) == 3 else (*row, 'None') for row in LINES):
            with self.subTest(line=line):
                is_wrong = line in [row[0] for row in LINES[[row[0] for row in LINES].index(''):]]
                self.check(line, cells, expunge, int(is_wrong))
        for line, cells, expunge, code in NEW_LINES:
            with self.subTest(line=line):
                self.check(line, cells, expunge, code)

    def test_beside_mbsync(self):
        if MBSYNC is None:
            self.skipTest('there is no mbsync here')
        for row in LINES:
            with self.subTest(line=row[0]):
                old, was = self.run_line(MBSYNC, 'old', row[0])
                new, now = self.run_line(self.link(), 'new', row[0])
                # 1.4 has a --full that does nothing.
                self.assertEqual((new.returncode, now), (old.returncode, was if row[0] != '--full all' else now), old.stderr + new.stderr)
                if old.returncode != 0:
                    self.assertNotEqual(new.stderr, '')
                if re.match(r'(-l|--list)', row[0]):
                    self.assertEqual(new.stdout, old.stdout)
                if row[0] in ('-v', '--version'):
                    self.assertRegex(new.stdout, r'^isync 1\.5\.\d+ ')

    def test_beside_next(self):
        """1.5, of which all words are known, and its counts."""
        if MBSYNC_1_5 is None:
            self.skipTest(missing(True))
        wrong = []
        for row in [*LINES[::3], *NEW_LINES]:
            if row[0] in OTHERWISE:
                continue
            old, was = self.run_line(MBSYNC_1_5, 'old', row[0])
            new, now = self.run_line(self.link(), 'new', row[0])
            if (new.returncode, now, self.counted(new.stdout)) != (old.returncode, was, self.counted(old.stdout)):
                wrong.append(f'{row[0]}: {new.returncode} {now} {self.counted(new.stdout)}, and 1.5: {old.returncode} {was} {self.counted(old.stdout)}')
            if re.match(r'(-l|--list)', row[0]) and new.stdout != old.stdout:
                wrong.append(f'{row[0]}: {new.stdout}, and 1.5: {old.stdout}')
        self.assertEqual(wrong, [])

    @staticmethod
    def counted(out):
        """The line that scripts read."""
        return re.findall(r'(?m)^Channels: .*', out)
