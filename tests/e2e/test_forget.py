"""mailtwin state forget: what is known of a channel is set aside, and costs a pairing."""
import os

from lib import serials
from test_scripted import Told


class Forget(Told):
    def test_forgotten(self):
        """Nothing is doubled or deleted; a deletion that was not carried over yet comes back; the file is kept."""
        self.start()
        s = self.put(5)
        self.sync_twice()
        self.near.flag(self.one(self.near, s[0]), add='F')
        self.near.delete(self.one(self.near, s[1]))
        run = self.mailtwin('-V', 'state', 'forget', 'c')
        self.assertIn('c is forgotten', run.err)
        self.assertIn('`mailtwin --adopt c`', run.err)
        self.assertEqual(sorted(f for f in os.listdir(self.state) if 'lock' not in f), ['c.mdb.forgotten'])
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near).elements()), s)
        self.assertIn('F', self.one(self.far, s[0]).flags)
        self.mailtwin('state', 'forget', 'c')
        self.assertIn('there is no', self.mailtwin('state', 'forget', 'c', code=1).err)

    def test_told(self):
        self.start()
        for args, words in ((('forget',), 'state forget takes one channel'), (('forget', 'd'), 'there is no channel "d"'),
                            (('lose', 'c'), 'state is followed by dump or forget'), (('-y', 'forget', 'c'), 'has no dry run')):
            self.assertIn(words, self.mailtwin('state', *args, code=2).err)

    def test_while_a_run_is_at_work(self):
        self.start()
        self.put(1)
        self.sync()
        self.put(1)
        told = []

        def fault(session, verb, words):
            if verb == 'UID FETCH' and not told:
                told.append(self.mailtwin('state', 'forget', 'c', code=75))
        self.server.fault = fault
        self.sync()
        self.assertEqual(len(told), 1)
        self.server.fault = None
        self.sync_twice()
