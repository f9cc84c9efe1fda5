"""Servers that show the newest messages of a mailbox only, and mail that drops out of sight there."""
import random
import re
import shutil
import time

from lib import ImapSide, find, message, serials
from scripted import Scripted
from test_scripted import Told

POOR = ['QRESYNC', 'CONDSTORE', 'LIST-STATUS', 'ESEARCH', 'LIST-EXTENDED', 'MOVE']


class Window(Told):
    def window(self, n, size, store='', **kw):
        """A mailbox of `size` messages, `n` of which are shown, and its twin."""
        self.start(store=store, **kw)
        self.box().window = n
        return self.put(size)

    def set_window(self, value):
        with open(self.config) as f:
            text = re.sub(r'Window .*\n', '', f.read())
        self.write_config(re.sub(r'^(IMAPStore far\n)', rf'\1Window {value}\n', text, flags=re.M))

    def here(self):
        return sorted(serials(self.near))

    def hidden(self):
        return [m.uid for m in self.box().hidden]

    def shown_and_hidden(self):
        return sorted(m.uid for m in self.box().mails + self.box().hidden)

    def delete_far(self, serial):
        """By a person: in what is shown."""
        self.far.delete(self.one(self.far, serial))

    def test_first_slide(self):
        """Whatever the server offers, and however many come: at once, and not a message is lost."""
        for n, size, more, without in ((10, 10, 1, []), (20, 20, 7, POOR), (10, 10, 10, ['QRESYNC']), (20, 20, 33, []),
                                       (50, 48, 5, []), (10, 30, 3, [])):
            with self.subTest(n=n, size=size, more=more):
                self.setUp()
                s = self.window(n, size, without=without)
                self.sync()
                had = self.here()
                s += self.put(more)
                run = self.sync(code=1)
                self.assertIn(f'newest {n} only', run.err)
                self.assertIn(f'Window {n}', run.err)
                self.assertIn('Window no', run.err)
                self.assertEqual(self.here(), sorted(set(had) | set(s[-n:])))
                self.assertIn('held back', self.mailtwin('plan', '-a', code=1).out)
                self.sync_twice(code=1, twins=False)
                self.server.__exit__()

    def slides(self, code, rng, runs, n, deletions=True):
        """Mail comes, and is deleted on both sides; real deletions go through, nothing else does."""
        alive, gone = set(self.here()), set()
        for _ in range(runs):
            for s in self.put(rng.choice((0, 0, 1, 1, 2, 3, n // 2))):
                alive.add(s)
            shown = [m for m in self.far.messages('INBOX')]
            # From among those that are shown behind the oldest: that one may be taken for what drops out.
            middle = [m.serial for m in shown[2:] if m.serial in alive and find(self.near, m.serial)]
            if deletions and middle and rng.random() < .6:
                s = rng.choice(middle)
                self.delete_far(s)
                alive.discard(s)
                gone.add(s)
            old = [s for s in self.here() if s in alive]
            if deletions and old and rng.random() < .4:
                s = rng.choice(old)
                self.near.delete(self.one(self.near, s))
                alive.discard(s)
                gone.add(s)
            self.sync(code=code)
            # What only now came into sight, from before the first run, arrives as new.
            alive |= {m.serial for m in self.far.messages('INBOX')} - gone
            self.assertEqual(self.here(), sorted(alive))
            self.assertEqual(len(set(self.here())), len(self.here()))
        return alive, gone

    def test_dozens_of_runs_unset(self):
        self.window(10, 10)
        self.sync()
        self.put(1)
        self.sync(code=1)
        alive, gone = self.slides((0, 1), random.Random(1), 30, 10, deletions=False)
        # Said what it is, all is well; what is kept is none of the deletions.
        self.set_window(10)
        self.sync_twice(twins=False)
        self.assertEqual(self.here(), sorted(alive))

    def test_dozens_of_runs_with_deletions(self):
        for seed, n, size, without in ((2, 10, 25, []), (3, 20, 20, POOR)):
            with self.subTest(seed=seed):
                self.setUp()
                self.window(n, size, store=f'Window {n}\n', without=without)
                self.sync()
                alive, gone = self.slides(0, random.Random(seed), 30, n)
                self.sync_twice(twins=False)
                self.assertEqual(self.here(), sorted(alive))
                # The server shows all: what was deleted on near meanwhile goes there too, and both are twins.
                self.box().window = 10 ** 6
                self.box().slide()
                self.sync()
                self.sync_twice()
                self.assertEqual(self.here(), sorted(alive | set(range(1, size - n + 1)) - gone))
                self.server.__exit__()

    def test_unset_with_deletions(self):
        self.window(20, 20)
        self.sync()
        rng = random.Random(4)
        alive, gone = self.slides((0, 1), rng, 24, 20)
        self.set_window(20)
        self.sync_twice(twins=False)
        self.assertEqual(self.here(), sorted(alive))

    def test_back_in_sight(self):
        """Recognised as the same: no body travels, flags changed meanwhile go on."""
        s = self.window(10, 10, store='Window 10\n')
        self.sync()
        s += self.put(4)
        self.sync()
        self.near.flag(self.one(self.near, s[3]), add='F')
        self.near.delete(self.one(self.near, s[2]))
        self.sync_twice(twins=False)
        self.assertEqual(self.here(), s[:2] + s[3:])
        for serial in s[8:11]:
            self.delete_far(serial)
        self.server.seen.clear()
        self.sync()
        self.assertFalse([w for _, v, w in self.server.seen if v == 'UID FETCH' and 'BODY.PEEK[]' in str(w)])
        self.sync()
        self.assertEqual(self.here(), s[:2] + s[3:8] + s[11:])
        self.assertIn('F', self.one(self.far, s[3]).flags)
        self.assertEqual([f for f in self.far.messages('INBOX') if f.serial == s[2]], [])
        self.sync_twice(twins=False)

    def lost(self, near=None):
        """Of 30 messages on near the server shows the newest 20; before the state is lost."""
        self.start(store='Window 20\n', near=near)
        self.box().window = 20
        s = self.put(20)
        self.sync()
        for _ in range(10):
            s += self.put(1)
            self.sync()
        self.assertEqual(self.here(), s)
        return s

    def shown_twice(self):
        """Messages that the server has more than once, shown or not."""
        data = [m.data for m in self.box().mails + self.box().hidden]
        return [d for d in data if data.count(d) > 1]

    def after_lost(self, s, fresh):
        """What lies beyond is not sent, and said so; what came since is."""
        shutil.rmtree(self.state)
        self.assertIn('10 messages are on near without a twin on far', self.mailtwin('plan', '-a', code=None).err)
        run = self.sync()
        self.assertIn('10 messages are on near without a twin on far, which shows its newest 20 only', run.err)
        self.assertEqual(self.here(), s + [fresh])
        self.assertEqual(len(self.box().mails + self.box().hidden), 31)
        self.assertEqual(self.shown_twice(), [])
        self.sync_twice(twins=False)
        # Back in sight: known again for what it is, and changed and deleted as any other.
        self.near.flag(self.one(self.near, s[10]), add='F')
        for serial in s[25:28]:
            self.delete_far(serial)
        self.sync()
        self.assertEqual(self.here(), s[:25] + s[28:] + [fresh])
        self.sync_twice(twins=False)
        self.assertEqual(self.shown_twice(), [])
        self.assertIn('F', self.one(self.far, s[10]).flags)
        self.delete_far(s[10])
        self.sync_twice(twins=False)
        self.assertEqual(self.here(), s[:10] + s[11:25] + s[28:] + [fresh])
        # All is shown, and nothing else was held.
        self.box().show_all()
        self.set_window('no')
        self.sync_twice()
        self.assertEqual(self.shown_twice(), [])

    def test_lost_state(self):
        s = self.lost()
        self._serial += 1
        self.near.deliver('INBOX', message(self._serial), 'S', file=f'{int(time.time()) + 100}.9.host')
        self.after_lost(s, self._serial)

    def test_lost_state_between_accounts(self):
        other = Scripted()
        other.__enter__()
        self.addCleanup(other.__exit__)
        near = ImapSide(other, 'ben')
        self.addCleanup(near.close)
        s = self.lost(near=near)
        self._serial += 1
        near.deliver('INBOX', message(self._serial), 'S')
        self.after_lost(s, self._serial)

    def test_lost_state_and_mail_filed_late(self):
        """What a person filed on near with an old date waits, and goes when it is moved out and in again."""
        s = self.lost()
        shutil.rmtree(self.state)
        self._serial += 1
        self.near.deliver('INBOX', message(self._serial), 'S', file='1000000000.9.host')
        self.near.create('aside')
        self.assertIn('11 messages are on near without a twin', self.sync().err)
        self.near.move(self.one(self.near, self._serial), 'aside')
        self.sync()
        self.near.move(self.one(self.near, self._serial), 'INBOX')
        self.sync_twice(twins=False)
        self.assertEqual(len([m for m in self.far.messages('INBOX') if m.serial == self._serial]), 1)
        self.assertEqual(self.here(), s + [self._serial])

    def test_lost_state_and_a_window_that_is_not_full(self):
        """All is shown: what has no twin is new."""
        self.window(20, 15, store='Window 20\n')
        self.sync()
        shutil.rmtree(self.state)
        self.fill(self.near, 'INBOX', 3, 'S')
        self.assertNotIn('without a twin', self.sync().err)
        self.sync_twice()
        self.assertEqual(len(self.far.messages('INBOX')), 18)

    def test_no_window(self):
        """Deletions of the oldest are carried over where the person says so; once, or for good."""
        s = self.window(None, 12)
        self.sync()
        for args, value, k in ((('-a', '--allow-delete', 'INBOX'), None, 2), (('-a',), 'no', 2)):
            for serial in s[:k]:
                self.delete_far(serial)
            s = s[k:] + self.put(k)
            if value is None:
                self.sync(code=1)
            else:
                self.set_window(value)
            self.sync(*args)
            self.assertEqual(self.here(), s)
        self.sync_twice()

    def test_real_deletions(self):
        """What cannot be a window is not held: small mailboxes, fewer shown than before, marked \\\\Deleted, moved."""
        s = self.window(None, 8)
        self.box('INBOX')
        self.server.create('Old')
        self.sync()
        self.delete_far(s[0])
        s = s[1:] + self.put(1)
        self.sync()
        s += self.put(22)
        self.sync()
        for serial in s[:3]:
            self.delete_far(serial)
        s = s[3:] + self.put(1)
        self.sync()
        for m in [self.one(self.far, x) for x in s[:2]]:
            self.far.move(m, 'Old')
        s += self.put(2)
        self.sync()
        self.assertEqual(self.here(), s)
        self.assertEqual(len(self.near.messages('Old')), 2)
        self.sync_twice()

    def test_false_alarm_ends(self):
        """The oldest deleted while as many came in: held until the numbers tell that there is no window."""
        s = self.window(None, 12)
        self.sync()
        self.delete_far(s[0])
        self.put(1)
        self.sync(code=1)
        self.assertEqual(self.here(), s + [s[-1] + 1])
        self.put(2)
        self.sync()
        self.assertEqual(self.here(), s[1:] + [s[-1] + 1, s[-1] + 2, s[-1] + 3])
        self.sync_twice()
