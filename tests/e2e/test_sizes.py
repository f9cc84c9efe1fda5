"""MaxSize: what is larger is a placeholder on that side (P21), on whatever store: flagged, read, deleted, moved, copied, and known again."""
import os
import re
import shutil
import subprocess

from accounts import Account
from handover import Next
from lib import picture
from test_expire import BesideMbsync as Beside

LARGE = 5000            # octets, about; limits are 2k


def mail(serial, large=False, subject=True):
    head = b'From: Anna <anna@example.org>\nTo: ben@example.net\nMessage-ID: <%d@example.org>\n' % serial
    if subject:
        head += b'Subject: the serial %d. of all\n' % serial
    body = b'serial %d.\n' % serial
    return head + b'X-Note: serial %d.\n\n' % serial + body + (b'A line of a large message, for the %d.\n' % serial) * (LARGE // 38 if large else 1)


class Sizes(Account):
    """`self.seen(side)` is what a side has: {number: (flags, 'whole' or 'placeholder')}; a number that is there twice fails."""

    def limited(self, policy='Expunge Both\n', near='MaxSize 2k\n', channel='', patterns='*', **kw):
        self.pair(channel, patterns=patterns, policy='Create Both\n' + policy, near_store=near, **kw)

    def again(self, policy='Expunge Both\n', near='MaxSize 2k\n', channel='', patterns='*', **kw):
        self.limited(policy, near, channel, patterns, far=self.far, near_side=self.near, **kw)

    def pair(self, *a, near_side=None, near_store='', **kw):
        if near_side is not None:
            return super().pair(*a, near=near_side, near_store=near_store, **kw)
        near = kw.pop('near', None)
        return super().pair(*a, **{**kw, **({'near': near} if near else {})}, near_store=near_store)

    def put(self, large, flags='S', side=None, box='INBOX', n=1, **kw):
        made = []
        for _ in range(n):
            self._serial += 1
            (side or self.far).deliver(box, mail(self._serial, large, **kw), flags, file=f'{1700000000 + self._serial}.{self._serial}.host')
            made.append(self._serial)
        return made[0] if n == 1 else made

    def seen(self, side=None, box='INBOX'):
        found = {}
        for m in (side or self.near).messages(box):
            flags = ''.join(sorted(f for f in m.flags if len(f) == 1))
            self.assertNotIn(m.serial, found)
            found[m.serial] = flags, 'whole' if m.size > 2048 else 'placeholder'
        return found

    def check(self, near, far=None, box='INBOX', times=True):
        if times:
            self.sync_twice(twins=False)
        self.assertEqual(self.seen(self.near, box), near)
        self.assertEqual(self.seen(self.far, box), far if far is not None else {s: (f, 'whole') for s, (f, _) in near.items()})


class Stories(Sizes):
    def story(self, far=None, near=None):
        """New, read on both sides, unread again, answered; flagged, on both sides; deleted on either; with flags when it is asked for."""
        self.limited(far=self.account(far) if far else None, **({'near_side': self.account(near)} if near else {}))
        self.put(True, n=9)
        self.put(True, '')
        self.check({**{s: ('S', 'placeholder') for s in range(1, 10)}, 10: ('', 'placeholder')})
        text = self.near.data(self.one(self.near, 1)).replace(b'\r\n', b'\n').decode()
        self.assertIn('Subject: [placeholder] the serial 1. of all\n', text)
        self.assertTrue(re.search(r'\n\nHaving a size of [45]KiB, this message is over the MaxSize limit\.\n'
                                  r'Flag it and sync again \(Sync mode Upgrade\) to fetch its real contents\.\n$', text), text)
        near, far_side = self.near, self.far
        near.flag(self.one(near, 10), add='S')
        near.flag(self.one(near, 1), remove='S')
        far_side.flag(self.one(far_side, 2), remove='S')
        far_side.flag(self.one(far_side, 3), add='F')
        near.flag(self.one(near, 4), add='R')
        near.flag(self.one(near, 5), add='F')
        near.flag(self.one(near, 6), add='FR')
        near.delete(self.one(near, 7))
        far_side.delete(self.one(far_side, 8))
        near.flag(self.one(near, 9), add='FT')
        self.check({1: ('', 'placeholder'), 2: ('', 'placeholder'), 3: ('S', 'placeholder'), 4: ('RS', 'placeholder'), 5: ('S', 'whole'),
                    6: ('RS', 'whole'), 10: ('S', 'placeholder')},
                   {1: ('', 'whole'), 2: ('', 'whole'), 3: ('FS', 'whole'), 4: ('RS', 'whole'), 5: ('S', 'whole'), 6: ('RS', 'whole'),
                    10: ('', 'whole')})
        # Read where the message is, and flagged where it stands for it.
        far_side.flag(self.one(far_side, 10), add='S')
        near.flag(self.one(near, 3), add='F')
        far_side.flag(self.one(far_side, 5), add='F')
        self.check({1: ('', 'placeholder'), 2: ('', 'placeholder'), 3: ('FS', 'whole'), 4: ('RS', 'placeholder'), 5: ('FS', 'whole'),
                    6: ('RS', 'whole'), 10: ('S', 'placeholder')}, {1: ('', 'whole'), 2: ('', 'whole'), 3: ('FS', 'whole'),
                    4: ('RS', 'whole'), 5: ('FS', 'whole'), 6: ('RS', 'whole'), 10: ('S', 'whole')})

    def test_maildirs(self):
        self.story()

    def test_dovecot(self):
        self.story('dovecot')

    def test_without_uidplus(self):
        self.story('poor')

    def test_cyrus(self):
        self.story('cyrus')

    def test_two_accounts(self):
        self.story('dovecot', 'cyrus')

    def filed(self, far=None, near=None):
        """Moved and copied, on either side."""
        self.limited(far=self.account(far) if far else None, **({'near_side': self.account(near)} if near else {}))
        self.far.create('A')
        self.put(True, n=6)
        self.put(False, n=1, box='A')
        self.sync()
        self.near.move(self.one(self.near, 1), 'A')
        self.far.move(self.one(self.far, 2), 'A')
        self.near.copy(self.one(self.near, 3), 'A')
        self.far.copy(self.one(self.far, 4), 'A')
        self.sync_twice(twins=False)
        for box, there in (('INBOX', (3, 4, 5, 6)), ('A', (1, 2, 3, 4))):
            self.assertEqual({s: k for s, (_, k) in self.seen(self.near, box).items() if s != 7}, {s: 'placeholder' for s in there})
            self.assertEqual({s: k for s, (_, k) in self.seen(self.far, box).items() if s != 7}, {s: 'whole' for s in there})

    def test_filed_maildirs(self):
        self.filed()

    def test_filed_dovecot(self):
        self.filed('dovecot')

    def test_filed_cyrus(self):
        self.filed('cyrus')

    def test_filed_two_accounts(self):
        self.filed('dovecot', 'dovecot')

    def lost(self, far=None, near=None):
        """Without a state: paired, not doubled, and not sent as mail."""
        self.limited(far=self.account(far) if far else None, **({'near_side': self.account(near)} if near else {}))
        self.put(True, n=4)
        self.put(False, n=3)
        self.sync()
        before = picture(self.near)
        shutil.rmtree(self.state)
        run = self.mailtwin('-a', '-V')
        self.assertIn('Far: +0', run.out)
        self.assertIn('Near: +0', run.out)
        self.assertEqual(before, picture(self.near))
        self.near.flag(self.one(self.near, 2), add='F')
        self.sync_twice(twins=False)
        self.assertEqual({s: k for s, (_, k) in self.seen(self.near).items() if s < 5},
                         {1: 'placeholder', 2: 'whole', 3: 'placeholder', 4: 'placeholder'})
        # One whose message has gone meanwhile.
        shutil.rmtree(self.state)
        self.far.delete(self.one(self.far, 3))
        self.sync_twice(twins=False)
        self.assertNotIn(3, self.seen(self.far))
        self.assertIn(3, self.seen(self.near))

    def test_lost_maildirs(self):
        self.lost()

    def test_lost_dovecot(self):
        self.lost('dovecot')

    def test_lost_poor(self):
        self.lost('poor')

    def test_lost_two_accounts(self):
        self.lost('dovecot', 'dovecot')


class Cases(Sizes):
    def test_without_expunge(self):
        """The placeholder is marked, as mbsync does it, and an orphan."""
        self.limited('')
        self.put(True, n=2)
        self.sync()
        self.near.flag(self.one(self.near, 1), add='F')
        self.sync_twice(twins=False)
        got = sorted((m.serial, ''.join(sorted(m.flags)), m.size > 2048) for m in self.near.messages('INBOX'))
        self.assertEqual(got, [(1, 'FST', False), (1, 'S', True), (2, 'S', False)])
        self.again('Expunge Near\n')
        self.check({1: ('S', 'whole'), 2: ('S', 'placeholder')})

    def test_on_both_sides(self):
        """As a channel's: a message of near is a placeholder on far."""
        self.limited(near='', channel='MaxSize 2k\n')
        self.put(True)
        self.put(True, side=self.near)
        self.sync_twice(twins=False)
        self.assertEqual({s: k for s, (_, k) in self.seen(self.far).items()}, {1: 'whole', 2: 'placeholder'})
        self.assertEqual({s: k for s, (_, k) in self.seen(self.near).items()}, {1: 'placeholder', 2: 'whole'})
        self.far.flag(self.one(self.far, 2), add='F')
        self.near.flag(self.one(self.near, 1), add='F')
        self.check({1: ('S', 'whole'), 2: ('S', 'whole')})

    def test_flagged_before(self):
        """Only what is flagged on its own side is asked for."""
        self.limited()
        self.put(True, 'FS')
        self.check({1: ('S', 'placeholder')}, {1: ('FS', 'whole')})
        self.assertIn(b'The original message is flagged as important.', self.near.data(self.one(self.near, 1)))

    def test_limit_raised(self):
        """Nothing comes back by itself; with Old it does."""
        self.limited()
        self.put(True, n=2)
        self.sync()
        for near in ('MaxSize 20k\n', ''):
            self.again(near=near)
            self.check({1: ('S', 'placeholder'), 2: ('S', 'placeholder')})
        self.again(near='MaxSize 20k\n', channel='Sync New Old Upgrade Gone Flags\n')
        self.check({1: ('S', 'whole'), 2: ('S', 'whole')})

    def test_pull_only(self):
        self.limited(channel='Sync Pull\n')
        self.put(True, n=2)
        self.sync()
        self.near.flag(self.one(self.near, 2), add='FR')
        self.check({1: ('S', 'placeholder'), 2: ('S', 'whole')})

    def test_sync_says_when(self):
        """Neither New nor Flags: Upgrade."""
        self.limited()
        self.put(True, n=2)
        self.sync()
        self.near.flag(self.one(self.near, 2), add='F')
        self.again(channel='Sync New Gone Flags\n')
        self.check({1: ('S', 'placeholder'), 2: ('FS', 'placeholder')}, {1: ('S', 'whole'), 2: ('S', 'whole')})
        self.again(channel='Sync Upgrade\n')
        self.put(True)
        self.check({1: ('S', 'placeholder'), 2: ('S', 'whole')}, {s: ('S', 'whole') for s in (1, 2, 3)})

    def test_odd_headers(self):
        """Without a subject; with one that looks like a placeholder's, which goes whole; and a header alone that is too large."""
        self.limited(far=self.account('dovecot'))
        for n, head in enumerate((b'', b'Subject: [placeholder] nothing\n', b'Subject: (No Subject)\n', b'Subject:\n folded\n', b'sUBJECT:none\n')):
            self.far.deliver('INBOX', b'X-Note: serial %d.\nFrom: a@b\n' % (n + 1) + head + b'\n' + b'a line that is long enough\n' * 200, 'S')
        self.sync_twice(twins=False)
        self.assertEqual({s: k for s, (_, k) in self.seen().items()},
                         {1: 'placeholder', 2: 'whole', 3: 'whole', 4: 'placeholder', 5: 'placeholder'})
        shutil.rmtree(self.state)
        before = picture(self.near)
        self.sync_twice(twins=False)
        self.assertEqual(before, picture(self.near))

    def test_mail_of_strangers(self):
        """The form alone means nothing: what looks like a placeholder, on a side with a limit, is mail."""
        self.limited(far=self.account('dovecot'))
        self.put(True, n=2)
        self.sync()
        text = self.near.data(self.one(self.near, 1)).replace(b'serial 1.', b'serial 3.').replace(b'<1@', b'<3@')
        self.near.deliver('INBOX', text, 'S')
        self.far.deliver('INBOX', text.replace(b'serial 3.', b'serial 4.').replace(b'<3@', b'<4@'), 'S')
        self.sync_twice(twins=False)
        self.assertEqual(sorted(self.seen(self.far)), [1, 2, 3, 4])
        self.assertEqual(sorted(self.seen(self.near)), [1, 2, 3, 4])
        self.near.delete(self.one(self.near, 3))
        self.sync_twice(twins=False)
        self.assertEqual(sorted(self.seen(self.far)), [1, 2, 4])

    def test_new_uidvalidity(self):
        self.limited(far=self.account('dovecot'))
        self.far.create('A')
        self.put(True, n=25, box='A')
        self.sync()
        data = {m.serial: self.far.data(m) for m in self.far.messages('A')}
        before = picture(self.near)
        self.far.remove('A')
        self.far.create('A')
        for s in data:
            self.far.deliver('A', data[s], 'S')
        self.sync_twice(twins=False)
        self.assertEqual(before, picture(self.near))

    def test_no_trash(self):
        self.limited(near='MaxSize 2k\nTrash Bin\n')
        self.put(True, n=2)
        self.sync()
        self.near.flag(self.one(self.near, 1), add='F')
        self.far.delete(self.one(self.far, 2))
        self.check({1: ('S', 'whole')})
        self.assertNotIn('Bin', self.near.boxes())

    def test_plan_tells(self):
        self.limited(far=self.account('dovecot'))
        self.put(True, n=2)
        self.put(False)
        out = self.mailtwin('plan', '-a').out
        self.assertIn('copy 2 as placeholders (new on far)', out)
        self.assertIn('copy 1 (new on far)', out)
        self.sync()
        self.near.flag(self.one(self.near, 1), add='F')
        self.assertIn('copy 1 (asked for in place of its placeholder)', self.mailtwin('plan', '-a').out)

    def test_only_the_header_travels(self):
        self.limited(far=self.account('dovecot'))
        self.far.deliver('INBOX', mail(1) + b'0123456789abcdef' * 65536, 'S')
        run = self.mailtwin('-a', '-V')
        self.assertRegex(run.out, r' [23]\d\d bytes')
        self.assertLess(len(self.near.data(self.near.messages('INBOX')[0])), 2000)


class BesideMbsync(Beside):
    """The same scenes with mbsync on copies of the same Maildirs. What is whole and what is a placeholder is compared as well."""

    def put(self, n=1, flags='', side='far', large=True):
        for _ in range(n):
            self.n += 1
            for home in self.ways.values():
                with open(f'{home}/{side}/INBOX/cur/{1700000000 + self.n}.{self.n}.host:2,{flags}', 'wb') as f:
                    f.write(mail(self.n, large))

    def files(self, way, side):
        found = {}
        for sub in ('cur', 'new'):
            top = f'{self.ways[way]}/{side}/INBOX/{sub}'
            for name in os.listdir(top):
                with open(f'{top}/{name}', 'rb') as f:
                    found.setdefault(int(f.read().split(b'serial ')[1].split(b'.')[0]), []).append(f'{top}/{name}')
        return found

    def text(self, path):
        """Without mbsync's X-TUID, and with the word of 1.5."""
        with open(path, 'rb') as f:
            return re.sub(rb'X-TUID: .*\n', b'', f.read()).replace(b'Sync mode ReNew', b'Sync mode Upgrade')

    def picture(self, way):
        return {side: sorted((n, path.partition(':2,')[2], self.text(path)) for n, paths in self.files(way, side).items() for path in paths)
                for side in ('far', 'near')}

    CHANNEL = 'MaxSize 2k\n'

    def one_of(self, way, side, n, large):
        return [p for p in self.files(way, side)[n] if (os.path.getsize(p) > 2048) == large][0]

    def mark(self, side, n, flags, large):
        for way in self.ways:
            path = self.one_of(way, side, n, large)
            os.rename(path, f'{os.path.dirname(os.path.dirname(path))}/cur/{os.path.basename(path).split(":2,")[0]}:2,{flags}')

    def scenes(self, policy):
        self.configure(self.CHANNEL + policy)
        self.put(5)
        self.put(2, large=False)
        self.put(2, side='near')
        self.both()
        self.mark('near', 1, 'F', False)
        self.both()
        self.mark('far', 8, 'F', False)
        self.mark('far', 2, 'R', True)
        self.both()
        self.configure('MaxSize 1m\n' + policy)
        self.both()
        self.configure(self.CHANNEL + policy)
        self.drop('near', 3)
        self.drop('far', 4)
        self.both()
        self.mark('near', 5, 'T', False)
        self.both()

    def test_marked(self):
        self.scenes('')

    def test_expunged(self):
        self.scenes('Expunge Both\n')

    def test_taken_over(self):
        """Placeholders of mbsync's are ours, and asked for as ours."""
        self.configure(self.CHANNEL + 'Expunge Both\n')
        self.put(4)
        for home in self.ways.values():
            subprocess.run([self.mbsync, '-q', '-c', home + '/rc', 'c'], check=True)
        self.both()
        self.mark('near', 1, 'F', False)
        self.both()
        self.drop('near', 2)
        self.drop('far', 3)
        self.both()

    def test_given_back(self):
        self.configure(self.CHANNEL + 'Expunge Both\n')
        self.put(4)
        self.put(1, side='near')
        self.both()
        self.mailtwin('export-mbsync', '-c', self.ways['mailtwin'] + '/rc', 'c', config=False)
        for way in self.ways:
            for _ in range(2):
                subprocess.run([self.mbsync, '-q', '-c', self.ways[way] + '/rc', 'c'], check=True)
        self.assertEqual(self.picture('mailtwin'), self.picture('mbsync'))
        self.mark('near', 1, 'F', False)
        for way in self.ways:
            for _ in range(2):
                subprocess.run([self.mbsync, '-q', '-c', self.ways[way] + '/rc', 'c'], check=True)
        self.assertEqual(self.picture('mailtwin'), self.picture('mbsync'))


class NextBesideMbsync(Next, BesideMbsync):
    pass
