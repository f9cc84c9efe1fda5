"""PipelineDepth: how many commands wait for an answer, by what was written and read on the line."""
import os
import re

from accounts import Account


class Depth(Account):
    def most(self, depth):
        """The most commands that were unanswered at once, in a first run and in one that carries changes."""
        self.far = self.near = None
        self.setUp()
        self.pair(far=self.account())
        with open(self.config) as f:
            text = f.read()
        if depth:
            text = text.replace('AuthMechs LOGIN\n', f'AuthMechs LOGIN\nPipelineDepth {depth}\n')
        self.write_config(text)
        for n in range(4):
            self.far.create(f'box {n}')
            self.fill(self.far, f'box {n}', 6, 'S')
        self.fill(self.near, 'INBOX', 3, 'S')
        most = 0
        for _ in range(2):
            traces = os.path.join(self.dir, 'traces')
            os.makedirs(traces, exist_ok=True)
            self.sync('-a', '--transcript', traces)
            self.assert_twins()
            for file in os.listdir(traces):
                with open(os.path.join(traces, file), encoding='utf-8', errors='replace') as f:
                    lines = f.read().split('\n')
                os.unlink(os.path.join(traces, file))
                open_ = set()
                for line in lines:
                    said = re.search(r'(?:^|\s)([<>]|C:|S:) ?(A\d+) (\S+)', line)
                    if not said:
                        continue
                    if said[1] in ('>', 'C:'):
                        open_.add(said[2])
                        if len(open_) > most:
                            self.seen = lines[max(0, lines.index(line) - 12):lines.index(line) + 1]
                        most = max(most, len(open_))
                    else:
                        open_.discard(said[2])
            self.fill(self.near, 'box 1', 2, 'S')
            self.far.flag(self.far.messages('box 2')[0], add='F')
            self.far.delete(self.far.messages('box 3')[0])
        return most

    def test_depth_is_kept(self):
        self.assertGreater(self.most(0), 6)
        self.assertEqual(self.most(1), 1, '\n'.join(self.seen))
        self.assertLessEqual(self.most(3), 3, '\n'.join(self.seen))


class Buffer(Account):
    def asked(self, limit):
        """In how many commands the bodies of sixteen messages are asked for."""
        self.far = self.near = None
        self.setUp()
        self.pair(far=self.account(), globals_=f'BufferLimit {limit}\n' if limit else '')
        self.fill(self.far, 'INBOX', 16, 'S', size=20000)
        run = self.mailtwin('-a', '--debug=imap')
        self.assert_twins()
        asked = re.findall(r'UID FETCH (\S+) \(.*BODY\.PEEK\[\]', run.err)
        self.assertGreater(len(asked), 0, run.err)
        return len(asked)

    def test_buffer_limit(self):
        """No more than so much is on its way at once."""
        self.assertGreaterEqual(self.asked('50k'), 6)
        self.assertLess(self.asked(0), 6)
