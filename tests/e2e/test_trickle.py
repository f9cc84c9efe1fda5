"""MaxDelete over the last seven days: deletions that come little by little add up."""
from lib import Case, serials


class Trickle(Case):
    def lose(self, n, side=None):
        """n messages are deleted on far, by somebody."""
        for m in self.far.messages('INBOX')[:n]:
            self.far.delete(m)

    def start(self, n, channel=''):
        self.pair(channel)
        self.fill(self.far, 'INBOX', n)
        self.sync()

    def near_has(self):
        return sum(serials(self.near).values())

    def test_a_number(self):
        self.start(40, 'MaxDelete 5\n')
        for left in (38, 36):
            self.lose(2)
            self.sync()
            self.assertEqual(self.near_has(), left)
        self.lose(2)
        for args in (('plan', '-a'), ('-a',), ('-a',)):
            run = self.mailtwin(*args, code=1)
            self.assertIn('after 4 in the last seven days', run.err + run.out)
            self.assertEqual(self.near_has(), 36)
        # What is allowed is not counted, and ends the count.
        self.sync('-a', '--allow-delete', 'INBOX')
        self.lose(4)
        self.sync()
        self.assertEqual(self.near_has(), 30)
        self.lose(2)
        self.sync(code=1)
        self.sync('-a', '--restore', 'INBOX')
        self.sync_twice()
        self.assertEqual(self.near_has(), 30)

    def test_half_by_default(self):
        self.start(60)
        for left in (45, 30):
            self.lose(15)
            self.sync()
            self.assertEqual(self.near_has(), left)
        self.lose(15)
        run = self.sync(code=1)
        self.assertIn('after 30 in the last seven days', run.err)
        self.assertEqual(self.near_has(), 30)

    def test_over_the_channel(self):
        self.start(10, 'MaxDelete 5\n')
        self.far.create('Work')
        self.fill(self.far, 'Work', 10)
        self.sync()
        self.lose(3)
        self.sync()
        for m in self.far.messages('Work')[:3]:
            self.far.delete(m)
        run = self.sync(code=1)
        self.assertIn('over several mailboxes', run.err)
        self.assertEqual(len(self.near.messages('Work')), 10)

    def test_mail_that_comes_and_goes(self):
        """As much is deleted as comes, day by day: that is no trickle. Nor is what is moved."""
        self.start(30)
        self.far.create('Old')
        for _ in range(6):
            self.lose(15)
            self.fill(self.far, 'INBOX', 15)
            self.sync()
        self.sync_twice()
        for _ in range(3):
            for m in self.far.messages('INBOX')[:9]:
                self.far.move(m, 'Old')
            self.sync()
        self.sync_twice()
