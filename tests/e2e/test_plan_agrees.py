"""What plan says is what the run then does, or fails to do."""
import os
import re
import shutil

from lib import Case, ImapSide, MaildirSide, message
from scripted import Scripted
from servers import Dovecot


class Agrees(Case):
    def counts(self, run):
        """The summary: of what is to be done, or was."""
        line = re.search(r'Channels: 1 .*', run.out).group(0)
        return re.findall(r'(Far|Near): (\S+ \S+ \S+ \S+(?: >\d+)?(?: =\d+)?)', line), re.findall(r'(Paired|Held back): (\d+)', line)

    def agree(self, code=0, weak=False):
        """plan, then the run: the same counts and the same end. Returns both."""
        plan = self.finish(self.spawn('plan', '-V', '-a', weak=weak), code)
        run = self.finish(self.spawn('-V', '-a', weak=weak), code)
        self.assertEqual(self.counts(plan), self.counts(run), plan.out + plan.err + run.out + run.err)
        if code != 0:
            self.assertNotIn('nothing to do', plan.out)
        return plan, run

    def test_fresh_maildirs(self):
        """Nothing there yet: neither the mailbox nor, in the end, the directory it is to be made in."""
        for layout in ('Maildir++', 'Verbatim', 'Legacy'):
            for is_there in (True, False):
                with self.subTest(layout=layout, is_there=is_there):
                    self.setUp()
                    self.far = self.near = None
                    near = MaildirSide(self.dir + '/near', layout)
                    self.pair(near=near)
                    shutil.rmtree(near.path)
                    if is_there:
                        os.makedirs(near.path)
                    self.far.create('Work')
                    self.fill(self.far, 'INBOX', 3)
                    self.fill(self.far, 'Work', 2)
                    plan, run = self.agree(0 if is_there else 1)
                    if is_there:
                        self.sync_twice()
                    else:
                        self.assertIn('does not exist', plan.err + plan.out)

    def test_cannot_be_written(self):
        """The first run, and a later one."""
        for is_known in (False, True):
            with self.subTest(is_known=is_known):
                self.setUp()
                self.far = self.near = None
                self.pair()
                if is_known:
                    self.fill(self.far, 'INBOX', 1)
                    self.sync()
                self.far.create('Work')
                self.fill(self.far, 'INBOX', 3)
                self.fill(self.far, 'Work', 2)
                for top, _, _ in os.walk(self.near.path):
                    os.chmod(top, 0o555)
                plan, _ = self.agree(1, weak=True)
                self.assertIn('cannot be written', plan.out + plan.err)
                self.assertNotIn('copy 2', plan.out)
                for top, _, _ in os.walk(self.near.path):
                    os.chmod(top, 0o755)
                self.sync_twice()

    def test_what_is_paired(self):
        """Alone, in groups, as many and not as many, filed elsewhere; on a disk and on a server."""
        with Dovecot() as server:
            for far in (None, ImapSide(server, 'agrees')):
                with self.subTest(far=far):
                    self.setUp()
                    self.far = self.near = None
                    self.pair(far=far)
                    for side in (self.far, self.near):
                        side.create('Work')
                    for i in range(1, 6):
                        for side in (self.far, self.near):
                            side.deliver('INBOX', message(i), 'S' if side is self.far else '')
                    for side, n in ((self.far, 3), (self.near, 2)):
                        for _ in range(n):
                            side.deliver('INBOX', message(7))
                    self.far.deliver('Work', message(8))
                    self.near.deliver('INBOX', message(8))
                    plan, _ = self.agree()
                    self.assertIn('Paired: 7', plan.out)
                    self.sync_twice()

    def test_refused(self):
        """What a store refused for good is not nothing."""
        with Scripted() as server:
            self.pair(far=ImapSide(server, 'anna', tls=False))
            self.near.deliver('INBOX', message(1).replace(b'text', b'te\0xt') + b'\0\n', 'S')
            self.sync(code=1)
            plan = self.mailtwin('plan', '-a', code=(0, 1))
            self.assertIn('1 message was refused earlier', plan.err)
            self.assertNotIn('nothing to do', plan.out)
            self.assertNotIn('refused earlier', self.sync(code=(0, 1)).err)

    def test_held_and_missing(self):
        self.pair(policy='Create Both\nExpunge Both\n')
        self.far.create('Work')
        self.fill(self.far, 'INBOX', 30)
        self.sync()
        for m in self.far.messages('INBOX')[:25]:
            self.far.delete(m)
        shutil.rmtree(f'{self.near.path}/Work')
        plan, _ = self.agree(1)
        self.assertIn('held back', plan.out)
        self.assertIn('"Work" is missing on near', plan.out + plan.err)
