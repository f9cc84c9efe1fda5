"""mailtwin search: what is found on servers of each kind and on the disk, what is printed, and that nothing is written."""
import hashlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import servers
from accounts import Account
from lib import ROOT, message
from scripted import CUT
from test_scripted import Told

PAST = 1704103200               # 2024-01-01 10:00 UTC


def mail(serial, sender='Anna <anna@example.org>', subject='hello', body='', day=1, more=''):
    return (f'From: {sender}\nTo: Ben <ben@example.net>\nCc: carol@example.net\nDate: Mon, {day} Jan 2024 10:00:00 +0000\n'
            f'Subject: {subject}\nMessage-ID: <m{serial}@example.org>\n{more}\nserial {serial}.\n{body}\n').encode()


class Searched(Account):
    def found(self, *query, code=None, **kw):
        """Serials of what is found, in the order printed; paths must be files."""
        run = self.mailtwin('search', *query, code=(0, 1) if code is None else code, **kw)
        return [self.serial(path) for path in run.out.splitlines()]

    def serial(self, path):
        with open(path, 'rb') as f:
            return int(f.read().split(b'serial ')[1].split(b'.')[0])

    def everything(self):
        """State and stores, octet by octet, and the flags on the server."""
        seen = {}
        for top, _, files in os.walk(self.dir):
            for file in files:
                path = os.path.join(top, file)
                if 'runs.log' in path or path.endswith('.lock'):
                    continue
                with open(path, 'rb') as f:
                    seen[path] = (os.stat(path).st_mtime_ns, hashlib.sha256(f.read()).hexdigest())
        return seen

    def put_mail(self):
        far = self.far
        for box in ('work', 'Entwürfe'):
            if box not in far.boxes():
                far.create(box)
        far.deliver('INBOX', mail(1, subject='the lease contract', day=3), 'S')
        far.deliver('INBOX', mail(2, sender='Otto <otto@example.org>', subject='=?utf-8?q?Gr=C3=BC=C3=9Fe?= from Otto', day=5), '')
        far.deliver('INBOX', mail(3, subject='lease', body='xyzzy in the body', day=4, more='List-Id: <dev.example.org>\n'), 'FS')
        far.deliver('work', mail(4, subject='lease (signed)', day=6,
                                 more='Content-Type: multipart/mixed; boundary=x\nX-Mailer: mutt\n'), 'RS')
        far.deliver('work', mail(5, subject='big', body='x' * 79 + '\n' + ('y' * 76 + '\n') * 400, day=2), 'S')
        far.deliver('Entwürfe', mail(6, subject='draft lease', day=7), 'D')


WORDS = [
    (['from:anna', 'subject:lease'], [6, 4, 3, 1]),
    (['from:otto'], [2]),
    (['cc:carol', 'from:otto'], [2]),
    (['subject:"lease contract"'], [1]),
    (['subject:lease contract'], [1]),
    (['subject:lease', 'is:unread'], [6]),
    (['is:flagged'], [3]),
    (['is:answered'], [4]),
    (['is:draft'], [6]),
    (['list:dev'], [3]),
    (['subject:lease', '-list:dev', '-is:draft'], [4, 1]),
    (['subject:lease', 'not', '(', 'list:dev', 'or', 'is:draft', ')'], [4, 1]),
    (['from:otto or is:answered'], [4, 2]),
    (['message-id:m3@example.org'], [3]),
    (['header:x-mailer:mutt'], [4]),
    (['header:List-Id'], [3]),
    (['has:attachment'], [4]),
    (['larger:20k'], [5]),
    (['smaller:20k', 'in:work'], [4]),
    (['in:w*', 'subject:lease'], [4]),
    (['subject:lease', '-in:INBOX'], [6, 4]),
    (['sent-since:2024-01-06'], [6, 4]),
    (['sent-before:2024-01-03'], [5]),
    (['sent-on:2024/1/5'], [2]),
    (['subject:Grüße'], [2]),
    (['subject:nowhere'], []),
]


class Words(Searched):
    def words(self, kind, but=()):
        self.imap_pair(kind=kind)
        self.put_mail()
        self.sync()
        self.sync()
        state, far = self.everything(), self.far.still()
        for query, wanted in WORDS:
            with self.subTest(query=query):
                if query[0].split(':')[0] not in but:
                    self.assertEqual(self.found(*query, code=0 if wanted else 1), wanted)
        with self.subTest('body'):
            self.assertEqual(self.found('body:xyzzy'), [3])
            self.assertEqual(self.found('xyzzy'), [3])
        with self.subTest('nothing is written'):
            self.assertEqual(self.everything(), state)
            self.assertEqual(self.far.still(), far)
        return self

    def test_dovecot(self):
        self.words('dovecot')

    def test_cyrus(self):
        self.words('cyrus')

    def test_poor(self):
        self.words('poor')

    def test_courier(self):
        self.words('courier')

    def test_mailutils(self):
        self.words('mailutils', but=('sent-on',))       # to which it finds the day after as well

    def test_offline(self):
        """The same on the disk alone; no server is asked, and no password."""
        self.imap_pair()
        self.put_mail()
        self.sync()
        self.sync()
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace('Pass secret', 'PassCmd "touch %s/asked; false"' % self.dir))
        state = self.everything()
        for query, wanted in WORDS:
            with self.subTest(query=query):
                self.assertEqual(self.found('--offline', *query, code=0 if wanted else 1), wanted)
        run = self.mailtwin('search', '--offline', '--print', 'uid', 'from:otto')
        self.assertRegex(run.out, r'^c:INBOX:\d+\n$')
        self.assertIn('headers on the disk are searched', run.err)
        run = self.mailtwin('search', '--offline', 'body:xyzzy', code=1)
        self.assertEqual(run.err.splitlines()[0], 'mailtwin: c: body: is looked for by a server, and here are only headers: 3 mailboxes were not searched')
        run = self.mailtwin('search', '--offline', 'body:xyzzy', 'in:work', code=1)
        self.assertEqual(run.err.splitlines()[0], 'mailtwin: c:work: body: is looked for by a server, and here are only headers: it was not searched')
        self.assertEqual(self.everything(), state)

    def test_two_maildirs(self):
        self.pair()
        self.put_mail_here()
        self.sync_twice()
        run = self.mailtwin('search', 'subject:hello')
        self.assertTrue(all(path.startswith(self.near.path) for path in run.out.splitlines()))
        self.assertEqual(len(run.out.splitlines()), 3)
        self.assertIn('headers on the disk are searched', run.err)

    def put_mail_here(self):
        for serial in (1, 2, 3):
            self.near.deliver('INBOX', mail(serial), 'S')

    def test_unreachable(self):
        """The server is away: what is on the disk is searched, and that is said; a wrong password counts as an error."""
        self.imap_pair()
        self.put_mail()
        self.sync()
        with open(self.config) as f:
            text = f.read()
        self.write_config(text.replace(f'Port {self.far.server.port}', 'Port 1'))
        run = self.mailtwin('search', 'from:otto')
        self.assertEqual([self.serial(p) for p in run.out.splitlines()], [2])
        self.assertIn('the headers on the disk are searched in its place', run.err)
        self.write_config(text.replace('Pass secret', 'Pass wrong'))
        run = self.mailtwin('search', 'from:otto', code=77)
        self.assertEqual([self.serial(p) for p in run.out.splitlines()], [2])

    def test_two_accounts(self):
        self.imap_pair(near=self.account())
        self.put_mail()
        self.sync()
        run = self.mailtwin('search', 'subject:lease', '-is:draft')
        uids = run.out.split()
        self.assertEqual(len(uids), 3)
        self.assertTrue(all(u.startswith('c:') for u in uids))
        self.assertEqual(run.err, '')
        run = self.mailtwin('search', '--print', 'path', 'from:otto')
        self.assertEqual(run.out, '')
        self.assertIn('1 found, of which no path is known', run.err)


class Printed(Searched):
    def test_not_on_the_disk(self):
        """Only paths go to stdout; what is missing is named with the command that fetches it, and that does."""
        self.imap_pair()
        self.put_mail()
        self.sync()
        self.far.deliver('work', mail(7, subject='lease again', day=8), '')
        run = self.mailtwin('search', 'subject:lease', 'in:work')
        self.assertEqual([self.serial(p) for p in run.out.splitlines()], [4])
        self.assertIn('c:work: 1 found, not on the disk: it has not been fetched yet (`mailtwin c:work` fetches it). '
                      '2024-01-08 Anna <anna@example.org>: "lease again" (UID', run.err)
        lines = [json.loads(x) for x in self.mailtwin('search', '--json', 'subject:lease', 'in:work').out.splitlines()]
        lines = [x for x in lines if x['event'] == 'found']
        self.assertEqual([x['path'] is None for x in lines], [True, False])
        self.assertEqual(lines[0]['fetch'], 'mailtwin c:work')
        self.assertEqual((lines[0]['subject'], lines[0]['message_id']), ('lease again', '<m7@example.org>'))
        self.sync('c:work')
        self.assertEqual(self.found('subject:lease', 'in:work'), [7, 4])
        # Renamed, moved and deleted on the disk since: the file is found where it is, or is said to be gone.
        one = self.one(self.near, 4)
        self.near.flag(one, add='F')
        self.near.delete(self.one(self.near, 7))
        run = self.mailtwin('search', 'subject:lease', 'in:work')
        self.assertEqual([self.serial(p) for p in run.out.splitlines()], [4])
        self.assertIn('its file has been taken away since the last run', run.err)
        self.assertNotIn('fetches it', run.err)

    def test_before_the_first_run(self):
        self.imap_pair()
        self.put_mail()
        run = self.mailtwin('search', 'subject:lease')
        self.assertEqual(run.out, '')
        self.assertIn('c:INBOX: 2 found, not on the disk', run.err)
        self.assertFalse(os.path.exists(self.state))
        self.assertEqual(os.listdir(os.path.join(self.near.path, 'INBOX/cur')), [])

    def test_forms(self):
        self.imap_pair()
        self.put_mail()
        self.sync()
        run = self.mailtwin('search', '--print', 'subject', 'from:otto')
        self.assertEqual(run.out, '2024-01-05  INBOX  Otto <otto@example.org>: Grüße from Otto\n')
        run = self.mailtwin('search', '--print', 'message-id', 'subject:lease', '--limit', '2')
        self.assertEqual(run.out, '<m6@example.org>\n<m4@example.org>\n')
        run = self.mailtwin('search', '-0', 'subject:lease')
        paths = run.out.split('\0')
        self.assertEqual(len(paths), 5)
        self.assertEqual(paths[-1], '')
        p = self.spawn('search', '-0', 'c:work', 'subject:lease')
        done = subprocess.run(['xargs', '-0', 'grep', '-l', 'multipart'], stdin=p.stdout, capture_output=True)
        self.assertEqual(p.wait(), 0)
        self.assertEqual(len(done.stdout.splitlines()), 1)

    def test_errors_are_pointed_at(self):
        self.imap_pair()
        for query, text, column in (
                ('form:anna', 'there is no word "form:"', 0), ('from:anna sbject:x', 'did you mean "subject"?', 10),
                ('is:unred', 'did you mean "unread"?', 3), ('since:yesteryear', 'takes a date', 6), ('(a b', 'nowhere closed', 0),
                ('a )', 'ends none', 2), ('subject:"x', 'nowhere ended', 8), ('a or', 'missing at the end', 4),
                ('ä from:', 'is followed by a value', 7), ('larger:many', 'takes a size', 7)):
            with self.subTest(query=query):
                run = self.mailtwin('search', 'c', query, code=2)
                self.assertIn(text, run.err)
                lines = run.err.splitlines()
                self.assertEqual(lines[1], '    ' + query)
                self.assertEqual(lines[2], '    ' + ' ' * column + '^')
        self.assertIn('nothing to search for', self.mailtwin('search', code=2).err)
        self.assertIn('belongs to the command search', self.mailtwin('--limit', '3', 'c', code=2).err)


class ByMutt(Searched):
    """What the manual says for mutt, typed by somebody at a terminal."""

    def block(self, begin):
        """Lines of a display in mailtwin(7)."""
        with open(os.path.join(ROOT, 'contrib/man/mailtwin.7')) as f:
            return next(x for x in re.findall(r'^\.Bd .*\n([^\0]*?)^\.Ed', f.read(), re.M) if x.startswith(begin)).replace('\\e', '\\')

    def await_words(self, words):
        limit = time.monotonic() + 30
        while words not in self.seen:
            if not select.select([self.tty], [], [], max(0, limit - time.monotonic()))[0]:
                self.fail(f'{words!r} is not shown: {self.seen!r}')
            self.seen += os.read(self.tty, 65536)

    def type(self, words, then):
        self.seen = b''
        os.write(self.tty, words)
        self.await_words(then)

    def test_found_and_read(self):
        try:
            tree = servers.tree('mutt')
        except servers.ServerError as e:
            self.skipTest(str(e))
        self.imap_pair()
        self.put_mail()
        self.sync()
        path = os.path.join(self.dir, 'bin')
        os.mkdir(path)
        for name, text in (('mailtwin-found', self.block('#!/bin/sh\nbox=')), ('mailtwin', f'#!/bin/sh\nexec {self.binary} -c {self.config} "$@"\n')):
            with open(os.path.join(path, name), 'w', opener=lambda x, flags: os.open(x, flags, 0o755)) as f:
                f.write(text)
        rc = os.path.join(self.dir, 'muttrc')
        with open(rc, 'w') as f:
            f.write(self.block('set mbox_type').replace('~/Mail', self.near.path))
        env = self.environment({'LC_ALL': 'C.UTF-8', 'TERM': 'xterm', 'PATH': f'{path}:{os.environ["PATH"]}',
                                'LD_LIBRARY_PATH': ':'.join(servers.libraries(tree))})
        pid, self.tty = pty.fork()
        if pid == 0:
            os.execve(os.path.join(tree, 'usr/bin/mutt'), ['mutt', '-n', '-F', rc], env)
        self.addCleanup(os.close, self.tty)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        self.seen = b''
        self.await_words(b'INBOX')
        # Of the mailbox that is open, which is left by that: mutt renames the files that it has shown.
        self.type(b'S', b'Search: ')
        self.type(b'from:otto\n', b'Msgs:1')
        self.type(b'\n', b'serial 2.')
        self.type(b'iS', b'Search: ')
        self.type(b'subject:lease is:answered\n', b'Msgs:1')
        self.assertIn(b'lease (signed)', self.seen)
        self.type(b'\n', b'serial 4.')


class Wire(Told):
    """What goes over the line, and what comes back from servers that lie."""

    def setting(self, n=3, boxes=('a', 'b', 'c'), **kw):
        self.start(**kw)
        for box in boxes:
            self.server.create(box)
            self.put(n, box)
        self.put(n)
        self.sync()
        self.server.seen.clear()

    def search(self, *query, code=0):
        return self.mailtwin('search', *query, code=code)

    def commands(self, verb):
        return [words for _, v, words in self.server.seen if v == verb]

    def test_one_flight(self):
        """Every EXAMINE and SEARCH is sent before the first is answered; no SELECT, no flag, no FETCH of what is here."""
        self.setting()
        order = []

        def fault(session, verb, words):
            order.append(verb)
        self.server.fault = fault
        run = self.search('is:unread or all', code=(0, 1))
        run = self.search('-is:deleted')
        self.assertEqual(len(run.out.splitlines()), 12)
        self.assertNotIn('SELECT', order)
        self.assertEqual(len(self.commands('EXAMINE')), 8)
        self.assertEqual(len(self.commands('UID SEARCH')), 8)
        self.assertEqual(self.commands('UID FETCH'), [])

    def test_many_mailboxes(self):
        """Several sessions share them, as Connections allows; each mailbox is asked once, and nothing is found twice."""
        names = [f'm{i:03}' for i in range(100)]
        for account, sessions in (('', 4), ('Connections 1\n', 1)):
            with self.subTest(account=account):
                self.setUp()
                self.setting(n=1, boxes=names, account=account)
                paths = self.search('-is:deleted').out.splitlines()
                self.assertEqual((len(paths), len(set(paths))), (101, 101))
                asked = [words[0] for words in self.commands('EXAMINE')]
                self.assertEqual(sorted(asked), sorted(names + ['INBOX']))
                self.assertLessEqual(len({number for number, verb, _ in self.server.seen if verb == 'UID SEARCH'}), sessions)

    def answers(self, line, **kw):
        """SEARCH is answered so."""
        self.setting(**kw)

        def fault(session, verb, words):
            if verb == 'UID SEARCH':
                return line.replace('{tag}', session.tag) + f'{session.tag} OK done\r\n'
        self.server.fault = fault

    def test_lies(self):
        for line in ('* ESEARCH (TAG "{tag}") UID ALL 1:4294967295\r\n', '* ESEARCH (TAG "{tag}") UID ALL 4000000000,7:4294967295\r\n',
                     '* ESEARCH (TAG "{tag}" MAILBOX "a" UIDVALIDITY 4294967296) UID ALL 1:3\r\n', '* ESEARCH (TAG "Z9") UID ALL 1:3\r\n',
                     '* ESEARCH (TAG "{tag}") UID ALL 0\r\n', '* ESEARCH (TAG "{tag}") UID COUNT 4294967295 MIN 1 MAX 4294967295\r\n',
                     '* SEARCH 1 2 3\r\n', '* ESEARCH (TAG "{tag}") UID ALL 3,2,1,1,1,2:3\r\n'):
            with self.subTest(line=line):
                self.setUp()
                self.answers(line)
                run = self.mailtwin('search', 'x', code=(0, 1, 75))
                paths = run.out.splitlines()
                self.assertLessEqual(len(paths), 12)
                self.assertEqual(len(paths), len(set(paths)))

    def test_more_than_there_are(self):
        """Within UIDNEXT, and more than EXISTS: nothing of that mailbox is believed, and the others are."""
        self.answers('* ESEARCH (TAG "{tag}") UID ALL 1:3\r\n')
        self.box('a').drop({1, 2})
        run = self.search('x', code=1)
        self.assertEqual(len(run.out.splitlines()), 9)
        self.assertIn('in mailbox a the server finds 3 messages, and it has 1', run.err)

    def test_floods(self):
        """Sets of millions of ranges end at AnswerLimit, and one mailbox's flood is not another's."""
        some = ','.join(str(x) for x in range(1, 200000, 2))
        self.answers(f'* ESEARCH (TAG "{{tag}}") UID ALL {some}\r\n' * 4, account='AnswerLimit 1M\n')
        run = self.mailtwin('search', 'x', code=1)
        self.assertIn('AnswerLimit', run.err)

    def test_refused(self):
        """NO to the charset, BAD to a key: headers on the disk in its place, which is said."""
        for answer in ('{tag} NO [BADCHARSET (US-ASCII)] no\r\n', '{tag} BAD what\r\n'):
            with self.subTest(answer=answer):
                self.setUp()
                self.setting()
                self.near.deliver('a', message(77).replace(b'Subject: ', b'Subject: =?utf-8?q?gr=C3=BCn?= '), 'S')
                self.server.fault = lambda session, verb, words: answer if verb == 'UID SEARCH' else None
                run = self.search('subject:GRÜN')
                self.assertEqual(len(run.out.splitlines()), 1)
                self.assertIn('the headers on the disk were searched in its place', run.err)
                self.assertIn(['RETURN', ['ALL'], 'CHARSET', 'UTF-8', 'SUBJECT', 'GRÜN'.encode()], self.commands('UID SEARCH'))
                self.assertEqual(self.search('body:GRÜN', code=1).out, '')

    def test_quoting(self):
        """What a person types never becomes a command, with LITERAL+ or without."""
        evil = 'a"b\\c {5} ) (x'
        for without in ([], ['LITERAL+']):
            with self.subTest(without=without):
                self.setUp()
                self.setting(without=without)
                quoted = evil.replace('\\', '\\\\').replace('"', '\\"')
                self.search(f'subject:"{quoted}" from:"" header:X-A:"é"'.replace('from:"" ', ''), code=(0, 1))
                for words in self.commands('UID SEARCH'):
                    self.assertEqual(words, ['RETURN', ['ALL'], 'CHARSET', 'UTF-8', 'SUBJECT', evil, 'HEADER', 'X-A', 'é'.encode()])

    def test_compiled(self):
        self.setting(boxes=(), more=['WITHIN', 'SAVEDATE', 'SEARCH=FUZZY', 'X-GM-EXT-1'])
        for query, wanted in (
                (['newer:7d'], ['YOUNGER', '604800']), (['older:1w', 'saved-on:2024-02-29'], ['OLDER', '604800', 'SAVEDON', '29-Feb-2024']),
                (['a', 'or', 'b', 'c'], ['OR', 'TEXT', 'a', ['TEXT', 'b', 'TEXT', 'c']]), (['-(a b)'], ['NOT', ['TEXT', 'a', 'TEXT', 'b']]),
                (['gmail:has:drive'], ['X-GM-RAW', 'has:drive']), (['keyword:work', 'is:forwarded'], ['KEYWORD', 'work', 'KEYWORD', '$Forwarded']),
                (['--fuzzy', 'subject:a', 'larger:5G'], ['FUZZY', 'SUBJECT', 'a', 'LARGER', '4294967295']), (['in:INBOX'], ['ALL'])):
            with self.subTest(query=query):
                self.server.seen.clear()
                self.search(*query, code=(0, 1))
                self.assertEqual(self.commands('UID SEARCH'), [['RETURN', ['ALL']] + wanted])

    def test_not_offered(self):
        """Without WITHIN and SAVEDATE days are asked for; gmail: and --fuzzy are said not to be had."""
        self.setting(boxes=())
        self.search('older:7d', 'saved-since:2024-01-02', code=(0, 1))
        words = self.commands('UID SEARCH')[-1]
        self.assertEqual((words[2], words[4:]), ('BEFORE', ['SINCE', '2-Jan-2024']))
        self.assertIn('this server does not offer it', self.search('gmail:x', code=1).err)
        self.assertIn('knows no fuzzy search', self.search('--fuzzy', 'x', code=(0, 1)).err)

    def test_cut_short(self):
        """A server with a limit (RFC 9738) is asked in pages, whether it says so before or not; nothing is left out."""
        for more in (['MESSAGELIMIT=10'], []):
            with self.subTest(more=more):
                self.setUp()
                self.start(more=more)
                self.server.limit = 10
                self.put(47)
                self.sync()
                self.assertEqual(len(self.search('-is:deleted').out.splitlines()), 47)

    def test_a_mailbox_that_cannot_be_opened(self):
        self.setting()

        def fault(session, verb, words):
            if verb != 'EXAMINE' or words[0] != 'b':
                return None
            session.box = None          # a refused EXAMINE leaves none selected (RFC 9051 section 6.3.2)
            return '* OK [CLOSED] that one\r\n{tag} NO [NOPERM] not yours\r\n'
        self.server.fault = fault
        run = self.search('-is:deleted', code=1)
        self.assertEqual(len(run.out.splitlines()), 9)
        self.assertIn('not yours', run.err)

    def test_all_at_once(self):
        """MULTISEARCH (RFC 7377): one command; a server that refuses it is asked mailbox by mailbox."""
        for refuses in (False, True):
            with self.subTest(refuses=refuses):
                self.setUp()
                self.setting(more=['MULTISEARCH'])
                validity = {'elsewhere': 7, **{name: b.uidvalidity for name, b in self.server.boxes.items()}}

                def fault(session, verb, words):
                    if verb != 'ESEARCH':
                        return None
                    if refuses:
                        return '{tag} BAD what\r\n'
                    return ''.join(f'* ESEARCH (TAG "{session.tag}" MAILBOX "{b}" UIDVALIDITY {validity[b]}) UID ALL 1:2\r\n'
                                   for b in ('a', 'c', 'elsewhere')) + '{tag} OK done\r\n'
                self.server.fault = fault
                run = self.search('-is:deleted')
                self.assertEqual(len(run.out.splitlines()), 12 if refuses else 4)
                self.assertEqual(len(self.commands('ESEARCH')), 1)
                self.assertEqual(len(self.commands('UID SEARCH')), 4 if refuses else 0)

    def test_cut_off(self):
        """The line is cut at each command: the disk is searched, and it is said; or nothing of it was lost."""
        self.setting()
        for verb in ('EXAMINE', 'UID SEARCH', 'LIST'):
            with self.subTest(verb=verb):
                self.server.fault = lambda session, v, words: CUT if v == verb else None
                run = self.search('-is:deleted')
                self.assertEqual(len(run.out.splitlines()), 12)
                self.assertIn('headers on the disk are searched in its place', run.err)
