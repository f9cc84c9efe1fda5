"""MaxAge: one side keeps only what arrived on the other lately (P18), on whatever store; the other side keeps all."""
import imaplib
import time

from accounts import Account
from lib import message

DAY = 24 * 3600


class Age(Account):
    def arrive(self, side, days, flags='S'):
        """A message that arrived so many days ago."""
        self._serial += 1
        when = time.time() - days * DAY
        data = message(self._serial)
        if hasattr(side, 'imap'):
            side.deliver('INBOX', data, flags, date=imaplib.Time2Internaldate(when))
        else:
            side.deliver('INBOX', data, flags, mtime=int(when), file=f'{1700000000 + self._serial}.{self._serial}.host')
        return self._serial

    def aged(self, channel='MaxAge 90d\n', policy='Expunge Near\n', far=None, **kw):
        kw.setdefault('patterns', 'INBOX')
        self.pair(channel, policy=policy, far=self.account(far) if far else None, **kw)

    def again(self, channel, policy='Expunge Near\n'):
        self.pair(channel, far=self.far, near=self.near, patterns='INBOX', policy=policy)

    def has(self, side):
        return sorted(m.serial for m in side.messages('INBOX'))

    def check(self, limited, whole, **kw):
        """By sides (`near` unless told otherwise); a second run leaves them so, a third writes nothing."""
        here, there = kw.get('sides', (self.near, self.far))
        self.sync_twice(twins=False)
        self.assertEqual((self.has(here), self.has(there)), (sorted(limited), sorted(whole)))

    def days_later(self, days):
        """One run so much later, one behind it that finds nothing to do, and a third that writes nothing."""
        env = self.later(days * DAY)
        self.mailtwin('-a', env=env)
        still = [self.far.still(), self.near.still()]
        self.mailtwin('-a', env=env)
        state = self.state_still()
        self.mailtwin('-a', env=env)
        self.assertEqual(still, [self.far.still(), self.near.still()])
        self.assertEqual(state, self.state_still())

    def story(self, far=None):
        self.aged(far=far)
        self.arrive(self.far, 200)
        self.arrive(self.far, 100, 'FS')
        self.arrive(self.far, 95, '')
        self.arrive(self.far, 80)
        self.arrive(self.far, 1)
        self.check([2, 3, 4, 5], [1, 2, 3, 4, 5])
        # Filed late: what counts is when it arrived, not when it was seen.
        self.arrive(self.far, 300)
        self.arrive(self.far, 10)
        self.check([2, 3, 4, 5, 7], range(1, 8))
        # Read and unflagged, it goes; what near has new, and old, goes once far has it.
        self.far.flag(self.one(self.far, 2), remove='F')
        self.near.flag(self.one(self.near, 3), add='S')
        self.arrive(self.near, 3)
        self.check([4, 5, 7, 8], range(1, 9))
        # A deletion is one.
        self.near.delete(self.one(self.near, 5))
        self.again('MaxAge 90d\n', 'Expunge Both\n')
        self.check([4, 7, 8], [1, 2, 3, 4, 6, 7, 8])
        # Without the limit nothing comes back, and with it again nothing else goes.
        self.again('')
        self.check([4, 7, 8], [1, 2, 3, 4, 6, 7, 8])
        self.arrive(self.far, 400)
        self.check([4, 7, 8, 9], [1, 2, 3, 4, 6, 7, 8, 9])
        # What came without a date is asked for it.
        self.again('MaxAge 90d\n')
        self.check([4, 7, 8], [1, 2, 3, 4, 6, 7, 8, 9])
        # A mailbox in which nothing happens grows old.
        self.days_later(11)
        self.assertEqual((self.has(self.near), self.has(self.far)), ([7, 8], [1, 2, 3, 4, 6, 7, 8, 9]))
        self.days_later(95)
        self.assertEqual((self.has(self.near), self.has(self.far)), ([], [1, 2, 3, 4, 6, 7, 8, 9]))

    def test_maildirs(self):
        self.story()

    def test_dovecot(self):
        self.story('no-savedate')

    def test_without_condstore(self):
        self.story('no-savedate-or-condstore')

    def test_poor(self):
        self.story('poor')

    def saved(self, kind):
        """By SAVEDATE what counts is when it came into this mailbox, whatever date it bears."""
        self.aged(far=kind)
        self.arrive(self.far, 400)
        self.arrive(self.far, 1)
        self.check([1, 2], [1, 2])
        self.days_later(85)
        self.assertEqual(self.has(self.near), [1, 2])
        self.far.flag(self.one(self.far, 2), add='F')
        self.days_later(95)
        self.assertEqual((self.has(self.near), self.has(self.far)), ([2], [1, 2]))

    def test_saved_in_dovecot(self):
        self.saved('dovecot')

    def test_saved_in_cyrus(self):
        self.saved('cyrus')

    def test_courier(self):
        self.story('courier')

    def test_far_is_limited(self):
        self.aged('MaxAge 90d\nExpireSide Far\n', 'Expunge Far\n', far='no-savedate')
        self.arrive(self.far, 80)
        self.arrive(self.near, 100)
        self.arrive(self.near, 10)
        self.check([1, 3], [1, 2, 3], sides=(self.far, self.near))
        self.assertEqual(self.mailtwin('plan', '-a').out.strip(), 'nothing to do')

    def test_marked_without_expunge(self):
        self.aged(policy='')
        self.arrive(self.far, 80)
        self.sync_twice()
        self.days_later(20)
        self.assertEqual(''.join(sorted(self.near.messages('INBOX')[0].flags)), 'ST')
        self.assertEqual(''.join(self.far.messages('INBOX')[0].flags), 'S')
        # Kept by flagging it.
        self.far.flag(self.one(self.far, 1), add='F')
        self.days_later(20)
        self.assertEqual(''.join(sorted(self.near.messages('INBOX')[0].flags)), 'FS')

    def test_both_limits(self):
        self.aged('MaxAge 90d\nMaxMessages 2\n')
        for days in (5, 100, 4, 3):
            self.arrive(self.far, days)
        self.check([3, 4], [1, 2, 3, 4])
        self.days_later(88)
        self.assertEqual(self.has(self.near), [])

    def test_unread_may_go(self):
        self.aged('MaxAge 90d\nExpireUnread yes\n')
        self.arrive(self.far, 100, '')
        self.arrive(self.far, 80, '')
        self.check([2], [1, 2])

    def test_no_news_opens_no_mailbox(self):
        self.aged(policy='Create Near\nExpunge Near\n', far='no-savedate', patterns='*')
        self.arrive(self.far, 50)
        self.far.create('Work')
        self.far.deliver('Work', message(77), 'S')
        self.sync_twice()
        self.assertNotIn(' SELECT ', self.mailtwin('-Dn', '-a').err)
        told = self.mailtwin('-Dn', '-a', env=self.later(41 * DAY)).err
        self.assertNotIn(' SELECT ', told)
        self.assertEqual(self.has(self.near), [])

    def test_plan_tells(self):
        self.aged()
        self.arrive(self.far, 80)
        self.sync_twice()
        told = self.mailtwin('plan', '-V', '-a', env=self.later(20 * DAY)).out
        self.assertIn('MaxAge', told)
        self.assertEqual(self.has(self.near), [1])

    def test_words(self):
        for bad in ('90', '3w', 'd', '-1d', '90 d', '0d'):
            self.aged(f'MaxAge {bad}\n')
            self.assertIn('MaxAge takes a number of days such as 90d, or 0' if ' ' not in bad else 'MaxAge',
                          self.mailtwin('check-config', code=2).err)
        self.aged('MaxAge 0\n')
        self.arrive(self.far, 1000)
        self.sync_twice()
        self.aged('MaxAge 90d\n')
        self.assertIn('MaxAge 90d', self.mailtwin('check-config', '-V').out)
