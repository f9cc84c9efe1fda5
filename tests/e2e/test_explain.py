"""mailtwin explain: where a message is on both sides, and why; by its file, its Message-ID and its UID."""
import json
import os
import re

from accounts import Account
from lib import message


class Explain(Account):
    def setting(self):
        self.imap_pair('MaxDelete 0')
        self.far.create('work')
        self.serials = self.fill(self.far, 'INBOX', 4, 'S') + self.fill(self.far, 'work', 2, 'FS')
        self.sync()
        self.sync()

    def path(self, serial):
        mail = self.one(self.near, serial)
        return os.path.join(self.near.box(mail.box), mail.key)

    def explain(self, what, code=0):
        run = self.mailtwin('explain', '--json', what, code=code)
        return [x for x in map(json.loads, run.out.splitlines()) if x['event'] == 'explained']

    def test_each_way(self):
        """The same by file, by Message-ID and by UID, with a channel or without; nothing is written, no password asked."""
        self.setting()
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace('Pass secret', f'PassCmd "touch {self.dir}/asked; false"'))
        s = self.serials[4]
        path, far = self.path(s), self.one(self.far, s)
        with open(path, 'rb') as f:
            message_id = re.search(rb'Message-ID: (<.*>)', f.read()).group(1).decode()
        state, near = self.state_still(), self.near.still()
        wanted = self.explain(path)
        self.assertEqual(len(wanted), 1)
        self.assertEqual((wanted[0]['mailbox'], wanted[0]['message_id']), ('work', message_id))
        self.assertEqual(wanted[0]['far'], {'place': f'UID {far.key}', 'presence': 'here', 'flags': 'FS'})
        self.assertEqual(wanted[0]['near'], {'place': path, 'presence': 'here', 'flags': 'FS'})
        self.assertIn('nothing is to be done', wanted[0]['why'])
        for what in (message_id, message_id[1:-1], f'work:{far.key}', f'c:work:{far.key}'):
            self.assertEqual(self.explain(what), wanted, what)
        self.assertEqual((state, near), (self.state_still(), self.near.still()))
        self.assertFalse(os.path.exists(os.path.join(self.dir, 'asked')))
        run = self.mailtwin('explain', path)
        self.assertEqual([line.split()[0] for line in run.out.splitlines()], ['c:work:', 'far', 'near', 'why'])

    def test_why(self):
        self.setting()
        s = self.serials
        new = os.path.join(self.near.box('INBOX'), self.near.deliver('INBOX', message(99), 'S'))
        self.assertIn('no run has seen it yet', self.explain(new)[0]['why'])
        uid = self.one(self.far, s[1]).key
        path = self.path(s[1])
        self.near.delete(self.one(self.near, s[1]))
        # By its old name, though the file is gone.
        self.assertEqual(self.explain(path)[0]['far']['place'], f'UID {uid}')
        self.sync()
        self.sync()
        run = self.mailtwin('explain', f'INBOX:{uid}')
        self.assertRegex(run.out, r'log   .* far +INBOX: .*UID %d\b' % uid)
        for what, words in ((f'INBOX:{uid + 1000}', 'no run has seen such a message there'), ('no@where', 'asks the servers'),
                            ('/etc/passwd', 'lies in no mailbox of a channel')):
            self.assertIn(words, self.mailtwin('explain', what, code=1).err)
        self.assertIn('explain takes one message', self.mailtwin('explain', code=2).err)
