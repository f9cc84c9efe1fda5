"""Many connections at once, for what they share: `make tsan` runs this under ThreadSanitizer."""
import shutil
import subprocess

from accounts import Account
from lib import serials


class Threads(Account):
    """Both ways, over TLS, with more connections than there is work for, and fewer than are asked for."""

    BOXES = [f'b{i}' for i in range(6)]

    def configure(self, far, account):
        self.far = far
        self.write_config(f'{far.store("far", account=account).replace("127.0.0.1", "localhost")}\n{self.near.store("near")}\n'
                          'Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\n')

    def work(self, far, account):
        self.near = self.maildir('near')
        for n, name in enumerate(self.BOXES):
            far.create(name)
            self.fill(far, name, 12, size=3000 if n % 2 else 0)
            self.near.create(name)
            self.fill(self.near, name, 12, 'S')
        self.configure(far, account)
        self.sync_twice()
        for a, b in zip(self.BOXES, self.BOXES[1:]):
            for mail in self.near.messages(a)[:3]:
                self.near.move(mail, b)
            for mail in far.messages(a)[3:6]:
                far.flag(mail, add='F')
            for mail in far.messages(a)[6:8]:
                far.delete(mail)
        self.sync_twice()
        self.assertEqual(len(serials(self.near)), 24 * len(self.BOXES) - 2 * (len(self.BOXES) - 1))

    def test_over_tls(self):
        self.work(self.account(tls=True), 'Connections 6\n')

    def test_with_bodies_compared(self):
        """A state that is lost: all is identified, by all connections at once."""
        far = self.account(tls=True)
        self.work(far, 'Connections 6\n')
        shutil.rmtree(self.state)
        self.sync_twice()

    def test_stopped_in_the_midst(self):
        far = self.account(tls=True)
        far.create('more')
        self.fill(far, 'more', 60, size=20000)
        self.near = self.maildir('near')
        self.configure(far, 'Connections 6\n')
        for after in (0.1, 0.3, 0.6):
            run = self.spawn('-a')
            try:
                run.wait(after)
            except subprocess.TimeoutExpired:
                run.terminate()
            self.finish(run, code=None)
        self.sync_twice()
