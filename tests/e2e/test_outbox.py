"""What is filed in an outbox is sent, once, and then in Sent: against a scripted server, which is told what to do step by step."""
import os
import re
import subprocess
import threading
import time

from lib import Case, MaildirSide, program, tunnel_to
from pop3_scripted import CUT
from smtp_scripted import CAPABILITIES, LOSE, SmtpScripted


def mail(subject, to='bob@example.com', more='', body='words\n', sender='jane@example.org'):
    return (f'From: Jane <{sender}>\nTo: {to}\nSubject: {subject}\n{more}\n{body}').encode()


class Outbox(Case):
    """`self.smtp` takes what is in the Outbox of the Maildir `near`, which the channel `c` keeps with the Maildir `far`."""

    capabilities, tls = CAPABILITIES, False

    def setUp(self):
        super().setUp()
        self.smtp = SmtpScripted(self.capabilities, self.tls)
        self.smtp.__enter__()
        self.addCleanup(self.smtp.__exit__, None, None, None)
        self.far, self.near = self.maildir('far'), self.maildir('near')
        self.near.create('Outbox')
        self.configure()

    def account(self, name='out', port=None, login='User jane@example.org\nPass secret', tls='TLSType None\nAuthMechs PLAIN', more=''):
        lines = f'SMTPAccount {name}\nHost 127.0.0.1\nPort {port or self.smtp.port}\n{login}\n{tls}\n{more}'.split('\n')
        return ''.join(x + '\n' for x in lines if x)

    def configure(self, channel='', near='', **kw):
        self.write_config(f'{self.account(**kw)}\n{self.far.store("far")}\n{self.near.store("near", near)}\n'
                          f'Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSMTPAccount out\n{channel}\n')

    def file(self, subject, flags='', box='Outbox', **kw):
        return self.near.deliver(box, mail(subject, **kw), flags=flags)

    def subjects(self, box, side=None):
        side = side or self.near
        if box not in side.boxes():
            return []
        return sorted(re.search(rb'^Subject: (.*)$', side.data(m), re.M).group(1).decode() for m in side.messages(box))

    def box(self, code=0, *args):
        return self.mailtwin('outbox', *args, code=code)

    def again(self, code=0, text=''):
        """A run that sends nothing more, and says so much."""
        taken = len(self.smtp.taken)
        p = self.mailtwin('-a', code=code)
        self.assertEqual(len(self.smtp.taken), taken)
        self.assertEqual(p.err, text)
        return p


class Sent(Outbox):
    def test_sent_and_filed_and_carried_over(self):
        self.file('one', to='Bob <bob@example.com>, carol@example.com', more='Bcc: dave@example.com\nMessage-ID: <1@x>\n')
        self.file('two', body='.\n..x\nno end', flags='S')
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one'), ('bob@example.com', 'two'), ('carol@example.com', 'one'),
                                           ('dave@example.com', 'one')])
        self.assertEqual(self.subjects('Outbox'), [])
        self.assertEqual(self.subjects('Sent'), ['one', 'two'])
        self.assertEqual(self.subjects('Sent', self.far), ['one', 'two'])
        self.assertNotIn('Outbox', self.far.boxes())
        one, two = sorted(self.smtp.taken, key=lambda m: b'Subject: two' in m.data)
        self.assertEqual((one.sender, one.user), ('jane@example.org', 'jane@example.org'))
        self.assertNotIn(b'Bcc', one.data)
        self.assertEqual(one.data.count(b'Message-ID'), 1)
        self.assertIn(b'\r\nDate: ' if b'\r\nDate: ' in one.data else b'Date: ', one.data)
        self.assertTrue(two.data.startswith(b'Message-ID: <'), two.data)
        self.assertTrue(two.data.endswith(b'\r\n\r\n.\r\n..x\r\nno end\r\n'), two.data)
        self.assertEqual({''.join(m.flags) for m in self.near.messages('Sent')}, {'S'})
        copies = [self.near.data(m) for m in self.near.messages('Sent')]
        self.assertTrue(any(b'Bcc: dave@example.com' in x for x in copies))
        self.assertTrue(any(x.endswith(b'\n\n.\n..x\nno end') for x in copies))
        self.again()
        still = self.near.still(), self.state_still()
        self.again()
        self.assertEqual((self.near.still(), self.state_still()), still)

    def test_no_copy(self):
        self.configure('SentCopy no')
        self.file('one')
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one')])
        self.assertEqual((self.subjects('Outbox'), self.subjects('Sent')), ([], []))
        self.again()

    def test_nothing_to_send_costs_nothing(self):
        self.mailtwin('-a')
        self.assertEqual(self.smtp.sessions, 0)
        self.assertFalse([x for x in os.listdir(self.near.box('Outbox')) if x.startswith('.mailtwin')])

    def test_an_outbox_is_not_synchronised(self):
        self.far.create('Outbox')
        self.far.deliver('Outbox', mail('theirs'))
        self.mailtwin('-a')
        self.assertEqual((self.subjects('Outbox'), self.subjects('Outbox', self.far)), ([], ['theirs']))
        self.assertEqual(self.smtp.got(), [])
        self.assertNotIn('Outbox', self.mailtwin('list').out)

    def test_without_a_channel(self):
        self.write_config(f'{self.account()}\n{self.near.store("near", "SMTPAccount out")}\n')
        self.file('one')
        self.assertIn('is sent to 1 recipient', self.mailtwin('plan', '-a').out)
        self.assertEqual(self.smtp.got(), [])
        self.mailtwin('near')
        self.assertEqual((self.smtp.got(), self.subjects('Sent')), ([('bob@example.com', 'one')], ['one']))
        self.again()

    def test_one_outbox_of_two_channels(self):
        other = self.maildir('other')
        self.write_config(f'{self.account()}\n{self.far.store("far")}\n{other.store("other")}\n{self.near.store("near", "SMTPAccount out")}\n'
                          'Channel a\nFar :far:\nNear :near:\nPatterns a* Sent\nCreate Both\n\n'
                          'Channel b\nFar :other:\nNear :near:\nPatterns b*\nCreate Both\n')
        self.file('one')
        self.assertIn('Sent: 1', self.mailtwin('-V', '-a').out)
        self.assertEqual((self.smtp.got(), self.subjects('Sent', self.far)), ([('bob@example.com', 'one')], ['one']))

    def test_with_a_prefix(self):
        self.near.create('work/Outbox')
        self.write_config(f'{self.account()}\n{self.far.store("far")}\n{self.near.store("near")}\n'
                          'Channel c\nFar :far:\nNear :near:work/\nPatterns *\nCreate Both\nSMTPAccount out\nSent Gone\n')
        self.file('one', box='work/Outbox')
        self.file('two')
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one')])
        self.assertEqual((self.subjects('work/Gone'), self.subjects('Gone', self.far)), (['one'], ['one']))
        self.assertNotIn('Outbox', self.far.boxes())

    def test_resent(self):
        self.file('one', more='Resent-From: carol@example.com\nResent-To: dave@example.com\nResent-Bcc: eve@example.com\n'
                              'Received: x\nResent-To: old@example.com\n')
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), [('dave@example.com', 'one'), ('eve@example.com', 'one')])
        self.assertEqual(self.smtp.taken[0].sender, 'carol@example.com')
        self.assertNotIn(b'Resent-Bcc', self.smtp.taken[0].data)

    def test_marked_as_deleted_or_as_a_draft(self):
        self.file('gone', flags='T')
        self.file('draft', flags='D')
        self.assertIn('draft', self.mailtwin('-a', code=1).err)
        self.again(code=1)
        self.assertEqual(self.smtp.got(), [])
        draft = [m for m in self.near.messages('Outbox') if 'D' in m.flags][0]
        self.near.flag(draft, remove='D')
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'draft')])

    def test_many_recipients(self):
        people = [f'p{i}@example.com' for i in range(250)]
        self.file('all', to=',\n '.join(people))
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), sorted((p, 'all') for p in people))
        self.assertEqual([len(m.to) for m in self.smtp.taken], [100, 100, 50])
        self.assertEqual(self.subjects('Sent'), ['all'])

    def test_no_more_than_so_many_at_a_time(self):
        def fault(session, verb, rest):
            return b'452 4.5.3 too many\r\n' if verb == 'RCPT' and len(session.to) >= 2 else None
        self.smtp.fault = fault
        people = [f'p{i}@example.com' for i in range(5)]
        self.file('all', to=', '.join(people))
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), sorted((p, 'all') for p in people))


class Refused(Outbox):
    def refuse(self, verb, answer, whom=''):
        self.smtp.fault = lambda session, said, rest: answer if said == verb and (not isinstance(rest, str) or whom in rest) else None

    def held(self, *subjects):
        self.assertEqual(self.subjects('Outbox'), sorted(subjects))
        self.assertEqual({''.join(m.flags) for m in self.near.messages('Outbox')}, {'F'})

    def test_one_of_several(self):
        self.refuse('RCPT', b'550 5.1.1 no such person\r\n', 'carol')
        self.file('one', to='bob@example.com, carol@example.com')
        err = self.mailtwin('-a', code=1).err
        for words in ('Outbox', 'bob@example.com, carol@example.com', '"one"', 'carol@example.com: 550 5.1.1 no such person', 'the others have it',
                      'mailtwin outbox retry'):
            self.assertIn(words, err)
        self.held('one')
        self.again(code=1)
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one')])
        listed = self.box().out
        self.assertIn('held', listed)
        self.assertIn('550 5.1.1 no such person', listed)
        self.smtp.fault = None
        self.box(0, 'retry', listed.split()[0])
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one'), ('carol@example.com', 'one')])
        self.assertEqual((self.subjects('Outbox'), self.subjects('Sent')), ([], ['one']))
        self.again()

    def test_the_message(self):
        for verb in ('MAIL', 'DATA', 'END'):
            with self.subTest(verb):
                self.refuse(verb, b'554-5.7.1 we do\r\n554 5.7.1 not like it\r\n')
                name = self.file(verb)
                self.assertIn('554 5.7.1 we do not like it', self.mailtwin('-a', code=1).err)
                self.held(verb)
                self.again(code=1)
                self.smtp.fault = None
                self.again(code=1)
                # Touched: the flag is taken off.
                self.near.flag(self.near.messages('Outbox')[0], remove='F')
                self.mailtwin('-a')
                self.assertIn(('bob@example.com', verb), self.smtp.got())
                self.assertEqual(self.subjects('Outbox'), [])
        self.assertEqual(len(self.smtp.taken), 3)

    def test_dropped(self):
        self.refuse('RCPT', b'550 no\r\n', 'carol')
        self.file('some', to='bob@example.com, carol@example.com')
        self.file('none', to='carol@example.com')
        self.mailtwin('-a', code=1)
        ids = {line.split('"')[1]: line.split()[0] for line in self.box().out.splitlines() if '"' in line}
        self.assertIn('nobody has it', self.box(0, 'drop', ids['none']).out)
        self.assertIn('filed in Sent', self.box(0, 'drop', ids['some'][:6]).out)
        self.assertIn('there is no message', self.box(2, 'drop', ids['some']).err)
        self.assertEqual((self.subjects('Outbox'), self.subjects('Sent')), ([], ['some']))
        self.again()

    def test_later(self):
        self.refuse('RCPT', b'451 4.7.1 greylisted\r\n')
        self.file('one')
        self.assertEqual(self.mailtwin('-a', code=75).err, '')
        sessions = self.smtp.sessions
        self.again(code=75)
        self.assertEqual(self.smtp.sessions, sessions)
        self.assertIn('451 4.7.1 greylisted', self.box().out)
        self.assertEqual(''.join(self.near.messages('Outbox')[0].flags), '')
        early, day = self.later(280), self.later(25 * 3600)
        self.mailtwin('-a', code=75, env=early)
        self.assertEqual(self.smtp.sessions, sessions)
        self.assertIn('waits for more than a day', self.mailtwin('-a', code=75, env=day).err)
        self.assertEqual(self.smtp.sessions, sessions + 1)
        self.assertEqual(self.mailtwin('-a', code=75, env=day).err, '')
        self.refuse('RCPT', b'550 5.1.1 after all\r\n')
        self.assertIn('550 5.1.1 after all', self.mailtwin('-a', code=1, env=self.later(30 * 3600)).err)
        self.box(0, 'retry', self.box().out.split()[0])
        self.smtp.fault = None
        self.mailtwin('-a', env=self.later(31 * 3600))
        self.assertEqual((self.smtp.got(), self.subjects('Outbox')), ([('bob@example.com', 'one')], []))

    def test_later_for_some(self):
        self.refuse('RCPT', b'451 later\r\n', 'carol')
        self.file('one', to='bob@example.com, carol@example.com')
        self.mailtwin('-a', code=75)
        self.smtp.fault = None
        self.mailtwin('-a', env=self.later(400))
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one'), ('carol@example.com', 'one')])

    def test_refused_for_some_and_later_for_others(self):
        """Told when it is refused, and again when nobody is left to wait for: each time with the words that are new."""
        answers = {'carol': b'550 5.1.1 no such person\r\n', 'dave': b'451 4.7.1 later\r\n'}
        self.smtp.fault = lambda session, verb, rest: next((a for who, a in answers.items() if verb == 'RCPT' and who in rest), None)
        self.file('one', to='bob@example.com, carol@example.com, dave@example.com')
        err = self.mailtwin('-a', code=1).err
        for words in ('to some it is not sent (carol@example.com: 550 5.1.1 no such person), others have it', 'tried again for those who wait'):
            self.assertIn(words, err)
        self.assertEqual(''.join(self.near.messages('Outbox')[0].flags), '')
        self.again(code=1)
        answers = {'dave': b'550 5.2.1 after all\r\n'}
        err = self.mailtwin('-a', code=1, env=self.later(400)).err
        self.assertIn('(carol@example.com: 550 5.1.1 no such person; dave@example.com: 550 5.2.1 after all), the others have it; it is kept, flagged', err)
        self.held('one')
        self.again(code=1)
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one')])

    def test_many_are_refused(self):
        self.refuse('RCPT', b'550 no\r\n')
        self.file('one', to=', '.join(f'p{i}@example.com' for i in range(5)))
        self.assertIn('(p0@example.com: 550 no; p1@example.com: 550 no; p2@example.com: 550 no; and 2 others)', self.mailtwin('-a', code=1).err)

    def test_all_is_over(self):
        """421 in the midst: what comes behind it waits for another session."""
        self.refuse('RCPT', b'421 4.3.2 shutting down\r\n')
        self.file('one')
        self.file('two')
        self.mailtwin('-a', code=75)
        self.assertEqual(self.subjects('Outbox'), ['one', 'two'])
        self.smtp.fault = None
        self.mailtwin('-a', env=self.later(400))
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one'), ('bob@example.com', 'two')])

    def test_what_cannot_be_sent(self):
        self.smtp.capabilities = ('SIZE 1000', 'AUTH PLAIN')
        self.file('nul', body='a\0b\n')
        self.file('cr', body='a\rb\n')
        self.file('long', body='x' * 999 + '\n')
        self.file('large', body=('x' * 70 + '\n') * 20)
        self.file('eight', body='grün\n')
        self.file('utf', to='grün@example.com')
        self.near.deliver('Outbox', b'From: a@b\nSubject: nobody\n\nx\n')
        self.near.deliver('Outbox', b'From: a@b\nno field\nSubject: nofield\n\nx\n')
        err = self.mailtwin('-a', code=1).err
        for words in ('NUL octet', 'a CR without its LF', 'its line 5 has 999 octets', 'SIZE', '8BITMIME', 'SMTPUTF8', 'no recipient',
                      'a line that is no field'):
            self.assertIn(words, err)
        self.assertEqual(err.count('is not sent'), 8)
        self.assertNotIn('DATA', self.smtp.verbs())
        self.again(code=1)
        self.file('fine', body='x' * 500 + '\n')
        self.mailtwin('-a', code=1)
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'fine')])


class Unknown(Outbox):
    def setUp(self):
        super().setUp()
        self.smtp.fault = lambda session, verb, rest: LOSE if verb == 'END' else None

    def test_held_for_a_person(self):
        self.file('one', more='Message-ID: <1@x>\n')
        err = self.mailtwin('-a', code=1).err
        self.assertIn('nobody knows whether it was sent', err)
        self.assertEqual(''.join(self.near.messages('Outbox')[0].flags), 'F')
        self.smtp.fault = None
        self.again(code=1)
        # A flag that is taken off is no decision about that.
        self.near.flag(self.near.messages('Outbox')[0], remove='F')
        self.again(code=1)
        listed = self.box().out
        self.assertIn('unknown', listed)
        self.box(0, 'retry', listed.split()[0])
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), 2 * [('bob@example.com', 'one')])
        self.assertEqual((self.subjects('Outbox'), self.subjects('Sent')), ([], ['one']))
        self.again()

    def test_dropped(self):
        self.file('one')
        self.mailtwin('-a', code=1)
        self.assertIn('filed in Sent', self.box(0, 'drop', self.box().out.split()[0]).out)
        self.assertEqual((self.subjects('Outbox'), self.subjects('Sent')), ([], ['one']))
        self.again()

    def test_found_in_sent(self):
        """The server has filed it by itself: that comes here by the channel, and is the copy that is kept."""
        def fault(session, verb, rest):
            if verb == 'END':
                self.far.deliver('Sent', rest.replace(b'\r\n', b'\n'), flags='S')
                return LOSE
        self.smtp.fault = fault
        self.far.create('Sent')
        self.near.deliver('Outbox', b'From: jane@example.org\nTo: bob@example.com\nSubject: one\n\nx\n')
        self.assertEqual(self.mailtwin('-a').err, '')
        self.assertEqual((self.subjects('Outbox'), self.subjects('Sent'), self.subjects('Sent', self.far)), ([], ['one'], ['one']))
        self.again()
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one')])

    def test_found_in_sent_as_the_server_has_it(self):
        """The message has a Message-ID of its own: the copy that a server has filed has been through it, as its Received tells."""
        def fault(session, verb, rest):
            if verb == 'END':
                self.far.deliver('Sent', b'Received: from me by them;\n Mon, 1 Jan 2024 10:00:00 +0000\n' + rest.replace(b'\r\n', b'\n'), flags='S')
                return LOSE
        self.smtp.fault = fault
        self.far.create('Sent')
        self.file('one', more='Message-ID: <1@x>\n')
        self.assertEqual(self.mailtwin('-a').err, '')
        self.assertEqual((self.subjects('Outbox'), self.subjects('Sent'), self.subjects('Sent', self.far)), ([], ['one'], ['one']))
        self.again()

    def test_a_copy_of_the_mail_program_proves_nothing(self):
        """Many file their own copy in Sent as they hand a message over, here or on the server: nothing was sent by that."""
        for side in (self.near, self.far):
            for name, more in ((f'{side is self.near}', ''), (f'resent {side is self.near}', 'Received: from somebody\n')):
                with self.subTest(name):
                    self.smtp.fault = lambda session, verb, rest: CUT if verb == 'END' else None
                    side.create('Sent')
                    more += f'Message-ID: <{name.replace(" ", "")}@x>\n'
                    self.file(name, more=more)
                    side.deliver('Sent', mail(name, more=more), flags='S')
                    self.assertIn('nobody knows whether it was sent', self.mailtwin('-a', code=1).err)
                    self.again(code=1)
                    self.assertEqual((self.smtp.got(), self.subjects('Outbox')), ([], [name]))
                    self.assertIn('unknown', self.box().out)
                    self.box(0, 'drop', self.box().out.split()[0])

    def test_a_copy_of_another_transaction_proves_nothing(self):
        """What the server has filed when it took the message for some says nothing of the others."""
        def first(session, verb, rest):
            if verb == 'RCPT' and 'carol' in rest:
                return b'451 later\r\n'
            if verb == 'END':
                self.far.deliver('Sent', b'Received: x\n' + rest.replace(b'\r\n', b'\n'), flags='S')
        self.far.create('Sent')
        for name, more in (('theirs', 'Message-ID: <1@x>\n'), ('ours', '')):
            with self.subTest(name):
                self.smtp.fault = first
                self.file(name, to='bob@example.com, carol@example.com', more=more)
                self.mailtwin('-a', code=75)
                self.smtp.fault = lambda session, verb, rest: CUT if verb == 'END' else None
                self.assertIn('nobody knows whether it was sent', self.mailtwin('-a', code=1, env=self.later(400)).err)
                self.mailtwin('-a', code=1, env=self.later(800))
                self.assertEqual(self.subjects('Outbox'), [name])
                self.box(0, 'drop', self.box().out.split()[0])
        self.assertEqual([to for to, _ in self.smtp.got()], 2 * ['bob@example.com'])

    def test_what_is_known_is_lost(self):
        self.file('one')
        self.mailtwin('-a', code=1)
        for name in os.listdir(self.near.box('Outbox')):
            if name.startswith('.mailtwin-outbox'):
                os.unlink(os.path.join(self.near.box('Outbox'), name))
        self.smtp.fault = None
        self.assertIn('nothing is known of why', self.mailtwin('-a', code=1).err)
        self.again(code=1)


class Lines(Outbox):
    """The line and the login."""

    def test_tls(self):
        for tls, words, code in ((False, 'TLSType STARTTLS', 0), (True, 'TLSType SMTPS', 0)):
            with self.subTest(words):
                with SmtpScripted(tls=tls) as server:
                    self.configure(port=server.port, tls=f'{words}\nCertificateFile {server.ca}')
                    self.file(words)
                    self.mailtwin('-a', code=code)
                    self.assertEqual(len(server.taken), 1)

    def test_throttle(self):
        """A floor, not a speed: 120 kB cannot go out faster than the rate allows, and are sent once."""
        self.configure(more='Throttle 40000')
        self.file('large', to='bob@example.com', body=('x' * 60 + '\n') * 2000)
        begin = time.monotonic()
        self.mailtwin('-a')
        self.assertGreater(time.monotonic() - begin, 1.5)
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'large')])

    def test_starttls_is_required(self):
        self.smtp.capabilities = ('AUTH PLAIN',)
        self.configure(tls='TLSType STARTTLS')
        self.file('one')
        self.assertIn('STARTTLS is required but not offered', self.mailtwin('-a', code=77).err)
        self.assertEqual((self.smtp.logins, self.subjects('Outbox')), (0, ['one']))

    def test_words_that_came_before_tls(self):
        self.smtp.injected = b'250 2.0.0 taken\r\n'
        self.configure(tls=f'TLSType STARTTLS\nCertificateFile {self.smtp.ca}')
        self.file('one')
        self.assertIn('unprotected data came behind the answer', self.mailtwin('-a', code=77).err)
        self.assertEqual((self.smtp.taken, self.subjects('Outbox')), ([], ['one']))

    def test_wrong_password(self):
        self.configure(login='User jane@example.org\nPass wrong')
        self.file('one')
        self.assertIn('refuse', self.mailtwin('-a', code=77).err)
        self.configure()
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one')])

    def test_nobody_logs_in(self):
        for capabilities in (CAPABILITIES, None):
            with self.subTest(capabilities):
                self.smtp.capabilities = capabilities
                self.configure(login='')
                self.file(str(capabilities))
                self.mailtwin('-a')
                self.assertEqual(self.smtp.taken[-1].user, None)
        self.assertNotIn('AUTH', self.smtp.verbs())
        self.assertEqual(len(self.smtp.taken), 2)

    def test_a_password_is_fetched_for_mail_alone(self):
        marks = os.path.join(self.dir, 'marks')
        self.configure(login=f'User jane@example.org\nPassCmd "echo x >>{marks}; echo secret"')
        self.mailtwin('-a')
        self.assertFalse(os.path.exists(marks))
        self.file('one')
        self.mailtwin('-a')
        self.assertEqual(len(self.smtp.taken), 1)
        self.assertTrue(os.path.exists(marks))

    def test_not_reached(self):
        self.configure(port=1)
        self.file('one')
        self.assertIn('cannot connect', self.mailtwin('-a', code=75).err)
        self.configure()
        self.mailtwin('-a')
        self.assertEqual(self.smtp.got(), [('bob@example.com', 'one')])

    def test_tunnel_and_transcript(self):
        self.write_config(f'SMTPAccount out\nTunnel "exec python3 {tunnel_to(self.dir, self.smtp.port)}"\nUser jane@example.org\nPass secret\nAuthMechs PLAIN\n\n'
                          f'{self.near.store("near", "SMTPAccount out")}\n')
        self.file('one', body='Geheim\n')
        self.mailtwin('-a', '--transcript', os.path.join(self.dir, 'said'))
        self.assertEqual(len(self.smtp.taken), 1)
        said = ''.join(open(os.path.join(self.dir, 'said', x)).read() for x in os.listdir(os.path.join(self.dir, 'said')))
        self.assertIn('RCPT TO:<bob@example.com>', said)
        self.assertNotIn('Geheim', said)
        self.assertNotIn('AGphbmU', said)

    def test_a_token(self):
        """Of any length: what makes the command too long waits for the server to ask."""
        for token in ('short', 'x' * 2000):
            with self.subTest(len(token)):
                self.smtp.capabilities = ('AUTH PLAIN XOAUTH2',)
                self.configure(login=f'User jane@example.org\nPass {token}', tls='TLSType None\nAuthMechs XOAUTH2')
                self.smtp.token = token
                self.file(token[:9])
                self.mailtwin('-a')
                self.assertEqual(self.smtp.taken[-1].user, 'jane@example.org')
        said = [rest for _, verb, rest in self.smtp.seen if verb == 'AUTH']
        self.assertEqual([len(x) > len('XOAUTH2') for x in said], [True, False])
        self.smtp.token = 'another'
        self.file('never')
        self.assertIn('invalid_token', self.mailtwin('-a', code=77).err)

    def test_without_pipelining(self):
        self.smtp.capabilities = tuple(x for x in CAPABILITIES if x != 'PIPELINING')
        self.file('one', to='bob@example.com, carol@example.com')
        self.mailtwin('-a')
        self.assertEqual(len(self.smtp.got()), 2)

    def test_dsn_and_utf8(self):
        self.mailtwin('enqueue', '-i', '-N', 'never', '-R', 'full', '-V', 'x y', '-f', 'jane@example.org', 'bob@example.com',
                      stdin=self.pipe('Subject: one\n\nx\n'))
        self.file('two', to='grün@example.com', body='für\n')
        self.mailtwin('-a')
        one, two = sorted(self.smtp.taken, key=lambda m: b'Subject: two' in m.data)
        self.assertIn(' RET=FULL ENVID=x+20y', one.mail)
        self.assertEqual(one.rcpt, {'bob@example.com': ' NOTIFY=NEVER'})
        self.assertRegex(two.mail, ' SIZE=[0-9]+ BODY=8BITMIME SMTPUTF8$')
        self.assertEqual(int(re.search('SIZE=([0-9]+)', two.mail).group(1)), len(two.data))

    def pipe(self, text):
        path = os.path.join(self.dir, 'input')
        with open(path, 'w') as f:
            f.write(text)
        return open(path)


class Broken(Outbox):
    """Whatever happens, each has the message once at most, and it is in the outbox or in Sent."""

    capabilities = ('AUTH PLAIN', 'PIPELINING')

    def setUp(self):
        super().setUp()
        self.binary = program('MAILTWIN_FAST')
        self.smtp.greeting = b'220 s\r\n'
        self.write_config(f'{self.account()}\n{self.near.store("near", "SMTPAccount out")}\n')

    def place(self, subject):
        """Where it is; it is in one place alone."""
        found = [box for box in ('Outbox', 'Sent') for x in self.subjects(box) if x == subject]
        self.assertEqual(len(found), 1, f'{subject}: {found}')
        return found[0]

    def test_the_line_is_cut_at_every_octet(self):
        later = self.later(3600)
        at = 0
        while True:
            subject = f'cut{at}'
            self.file(subject, to='bob@example.com, carol@example.com')
            self.smtp.sent, self.smtp.cut_at = 0, at
            run = self.mailtwin('-a', code=(0, 1, 75))
            self.smtp.cut_at = None
            taken = [x for x in self.smtp.got() if x[1] == subject]
            self.assertIn(len(taken), (0, 2))
            self.assertEqual(run.code, 0 if self.place(subject) == 'Sent' else 1 if taken else 75, f'{at}: {run.err}')
            if self.place(subject) == 'Outbox':
                self.mailtwin('-a', code=1 if taken else 0, env=later)
                if taken:
                    # Nobody knows: it is held, and found once the server shows it.
                    self.assertIn('unknown', self.box().out)
                    self.box(0, 'drop', self.box().out.split()[0])
            self.assertEqual(self.place(subject), 'Sent')
            self.assertEqual([x for x in self.smtp.got() if x[1] == subject], [('bob@example.com', subject), ('carol@example.com', subject)])
            if run.code == 0:
                break
            at += 1
        self.assertGreater(at, 100)
        self.assertEqual(self.smtp.faults, [])

    def quiet(self):
        return {name: what for name, what in self.near.still().items() if not name.endswith('.lock')}

    def test_stopped_at_every_step(self):
        n, places = 0, set()
        while True:
            n += 1
            subject = f'step{n}'
            self.file(subject, to='bob@example.com, carol@example.com')
            run = self.mailtwin('-a', code=None, env={'MAILTWIN_STEP_EXIT': str(n)})
            self.mailtwin('-a', code=(0, 1))
            taken = [x for x in self.smtp.got() if x[1] == subject]
            places.add((len(taken), self.place(subject)))
            # What was not taken is held, for nobody can know that.
            self.assertIn((len(taken), self.place(subject)), ((2, 'Sent'), (2, 'Outbox'), (0, 'Outbox')), n)
            before = self.quiet()
            self.mailtwin('-a', code=(0, 1))
            self.assertEqual(before, self.quiet(), n)
            for line in self.box().out.splitlines():
                if '  unknown  ' in line:
                    self.box(0, 'drop', line.split()[0])
            if run.code == 0:
                break
        self.assertGreater(n, 10)
        self.assertEqual(places, {(2, 'Sent'), (2, 'Outbox'), (0, 'Outbox')})

    def test_a_decision_is_stopped_at_every_step(self):
        """Of a message that nobody knows of: dropped or retried, it is decided or it is not, and another run or decision goes on."""
        for verb in ('drop', 'retry'):
            n, stopped = 0, 1
            while stopped:
                n += 1
                subject = f'{verb}{n}'
                self.smtp.fault = lambda session, said, rest: LOSE if said == 'END' else None
                self.file(subject)
                self.mailtwin('-a', code=1)
                self.smtp.fault = None
                stopped = self.mailtwin('outbox', verb, self.box().out.split()[0], code=None, env={'MAILTWIN_STEP_EXIT': str(n)}).code
                self.mailtwin('-a', code=(0, 1))
                if self.place(subject) == 'Outbox':
                    self.assertTrue(stopped)
                    self.box(0, verb, self.box().out.split()[0])
                    self.mailtwin('-a')
                self.assertEqual(self.place(subject), 'Sent')
                self.assertEqual(self.smtp.got().count(('bob@example.com', subject)), 2 if verb == 'retry' else 1)
            self.assertGreater(n, 2)

    def test_what_the_server_says_is_wrong(self):
        for verb in ('EHLO', 'AUTH', 'MAIL', 'RCPT', 'DATA', 'END'):
            for answer in (b'hello\r\n', b'250-a\r\n550 b\r\n', b'250 a\0b\r\n', b'250-x\r\n' * 300, b'2' * 100000, CUT, b'199 x\r\n'):
                subject = f'{verb}{str(answer)[:9]}'
                with self.subTest(subject):
                    self.smtp.fault = lambda session, said, rest: answer if said == verb else None
                    self.near.deliver('Outbox', mail('subject'), file=f'1700000000.M{verb}{abs(hash(answer))}.x')
                    run = self.mailtwin('-a', code=(1, 75))
                    self.assertEqual((len(self.smtp.taken), self.subjects('Outbox')), (0, ['subject']), run.err)
                    self.smtp.fault = None
                    # To the whole message it is no answer.
                    self.assertIn('unknown' if verb == 'END' else 'waiting' if verb in ('MAIL', 'RCPT', 'DATA') else 'new', self.box().out)
                    self.box(0, 'drop', self.box().out.split()[0])

    def test_two_at_once(self):
        begun = threading.Event()

        def fault(session, verb, rest):
            if verb == 'END':
                begun.set()
                time.sleep(1)
        self.smtp.fault = fault
        self.file('one')
        first = self.spawn('-a')
        begun.wait(20)
        self.mailtwin('-a', code=75)
        self.finish(first)
        self.assertEqual(len(self.smtp.taken), 1)
        self.again()


class Enqueued(Outbox):
    def put(self, *args, text='Subject: one\n\nx\n', code=0, **kw):
        path = os.path.join(self.dir, 'input')
        with open(path, 'wb') as f:
            f.write(text.encode() if isinstance(text, str) else text)
        with open(path, 'rb') as f:
            return self.mailtwin('enqueue', *args, stdin=f, code=code, **kw)

    def sent(self, *args, text='Subject: one\n\nx\n', **kw):
        """What the server has of one that is enqueued and sent."""
        self.put(*args, text=text, **kw)
        n = len(self.smtp.taken)
        self.mailtwin('-a')
        self.assertEqual(len(self.smtp.taken), n + 1)
        return self.smtp.taken[-1]

    def test_as_sendmail(self):
        got = self.sent('-oi', '-f', 'jane@example.org', '--', 'bob@example.com', 'carol@example.com')
        self.assertEqual((got.sender, got.to), ('jane@example.org', ['bob@example.com', 'carol@example.com']))
        got = self.sent('-t', '-fjane@example.org', text='To: Bob <bob@example.com>\nCc: a: carol@example.com;\nBcc: dave@example.com\n\nx\n')
        self.assertEqual(got.to, ['bob@example.com', 'carol@example.com', 'dave@example.com'])
        self.assertNotIn(b'Bcc', got.data)
        self.assertIn(b'From: <jane@example.org>\r\n', got.data)
        # With -t arguments are added.
        got = self.sent('-ti', 'dave@example.com', text='From: jane@example.org\nTo: bob@example.com\n\n.\nx\n')
        self.assertEqual(sorted(got.to), ['bob@example.com', 'dave@example.com'])
        self.assertTrue(got.data.endswith(b'\r\n\r\n.\r\nx\r\n'))
        # A dot ends it, without -i.
        self.assertTrue(self.sent('bob@example.com', text='Subject: x\n\none\n.\ntwo\n').data.endswith(b'\r\none\r\n'))
        # cron: a name for the sender, options that change nothing, and names of this machine.
        got = self.sent('-FCronDaemon', '-i', '-B8BITMIME', '-oem', '-odb', 'root', text='From: root (Cron Daemon)\nTo: root\nSubject: Cron\n\nx\n')
        self.assertEqual((got.sender, got.to), ('jane@example.org', ['jane@example.org']))
        # No header at all, line ends of the line, and a line of an mbox.
        self.assertIn(b'\r\n\r\nhello\r\n', self.sent('bob@example.com', text='hello\n').data)
        self.assertTrue(self.sent('-i', 'bob@example.com', text='From x y\r\nSubject: x\r\n\r\n.\r\n').data.endswith(b'Subject: x\r\n\r\n.\r\n'))
        self.assertEqual(self.sent('-f', '<>', 'bob@example.com').sender, '')
        self.assertEqual([m for m in self.smtp.faults], [])

    def test_what_is_added_is_there_once(self):
        got = self.sent('bob@example.com', text='Subject: one\n\nx\n')
        for name in (b'Message-ID: ', b'Date: ', b'From: '):
            self.assertEqual(got.data.count(name), 1)
        got = self.sent('bob@example.com', text='message-id: <1@x>\ndate: Thu, 1 Jan 1970 00:00:00 +0000\nfrom: jane@example.org\n\nx\n')
        self.assertEqual(got.data, b'message-id: <1@x>\r\ndate: Thu, 1 Jan 1970 00:00:00 +0000\r\nfrom: jane@example.org\r\n\r\nx\r\n')
        self.assertNotIn(b'X-Mailtwin', got.data)
        self.assertFalse(any(b'X-Mailtwin' in self.near.data(m) for m in self.near.messages('Sent')))

    def test_sent_in_the_order_they_came(self):
        """Within a second as well: a series of patches is one."""
        wanted = [f'{i}' for i in range(12)]
        for subject in wanted:
            self.put('bob@example.com', text=f'Subject: {subject}\n\nx\n')
        for key in os.listdir(os.path.join(self.near.box('Outbox'), 'new')):
            self.assertRegex(key, r'^[0-9]+\.M[0-9]{6}P')
        self.assertEqual([line.split('"')[1] for line in self.box().out.splitlines()], wanted)
        self.mailtwin('-a')
        self.assertEqual([re.search(rb'Subject: (.*)\r', m.data).group(1).decode() for m in self.smtp.taken], wanted)

    def test_as_a_link(self):
        link = os.path.join(self.dir, 'sendmail')
        os.symlink(self.binary, link)
        os.makedirs(os.path.join(self.home, '.config/mailtwin'), exist_ok=True)
        os.rename(self.config, os.path.join(self.home, '.config/mailtwin/mbsyncrc'))
        p = subprocess.run([link, '-i', 'bob@example.com'], input=b'Subject: one\n\nx\n', env=self.environment(), capture_output=True)
        self.assertEqual((p.returncode, p.stderr), (0, b''))
        self.assertEqual(self.subjects('Outbox'), ['one'])

    def test_refused(self):
        for args, text, code, words in (
                ((), 'Subject: x\n\nx\n', 64, 'no recipient'),
                (('-t',), 'Subject: x\n\nx\n', 64, 'name nobody'),
                (('-Z', 'bob@example.com'), 'x', 64, 'unknown option'),
                (('-bp',), 'x', 64, '-bm alone'),
                (('-N', 'often', 'bob@example.com'), 'x', 64, '-N takes'),
                (('--account', 'nothing', 'bob@example.com'), 'x', 64, 'no outbox'),
                (('nobodyatall',), 'x', 67, 'has no domain'),
                (('bob@example.com\nRCPT TO:<eve@example.com>',), 'x', 67, 'line end'),
                (('<bob@example.com> <eve@example.com>',), 'x', 67, 'two addresses'),
                (('bob@example.com> SIZE=1',), 'x', 67, 'cannot be read'),
                (('-f', 'a\nb', 'bob@example.com'), 'x', 64, '-f is no address'),
                (('-t',), 'To: bob@example.com\n\ta b\n\nx\n', 65, 'To cannot be read'),
                (('bob@example.com',), 'Subject: x\n\na\0b\n', 65, 'NUL octet')):
            with self.subTest(words):
                self.assertIn(words, self.put(*args, text=text, code=code).err)
        self.assertEqual(self.near.messages('Outbox'), [])
        with open(self.config, 'a') as f:
            f.write('Nonsense\n')
        self.put('bob@example.com', code=78)

    def test_no_room(self):
        small = self.tmpfs('small', 200)
        near = MaildirSide(os.path.join(small, 'near'))
        self.write_config(f'{self.account()}\n{near.store("near", "SMTPAccount out")}\n')
        self.put('bob@example.com', text='Subject: x\n\n' + ('x' * 70 + '\n') * 10000, code=75)
        self.assertEqual([x for x in near.messages('Outbox')] if 'Outbox' in near.boxes() else [], [])
        self.assertEqual(os.listdir(os.path.join(near.box('Outbox'), 'tmp')), [])

    def test_several_accounts(self):
        self.write_config(f'{self.account("work", more="From jane@work.example @team.example")}\n'
                          f'{self.account("home", login="User jane@home.example" + chr(10) + "Pass secret")}\n{self.near.store("near")}\n'
                          f'{self.far.store("far")}\n'
                          'Channel w\nFar :far:w/\nNear :near:w/\nPatterns *\nCreate Both\nSMTPAccount work\n\n'
                          'Channel h\nFar :far:h/\nNear :near:h/\nPatterns *\nCreate Both\nSMTPAccount home\n')
        for sender, box in (('jane@work.example', 'w'), ('JANE@Work.Example', 'w'), ('x@team.example', 'w'), ('jane@home.example', 'h')):
            self.put('-f', sender, 'bob@example.com', text=f'Subject: {sender}\n\nx\n')
            self.assertIn(sender, self.subjects(f'{box}/Outbox'))
        self.assertIn('belongs to none of them', self.put('-f', 'x@else.example', 'bob@example.com', code=78).err)
        self.put('--account', 'home', '-f', 'x@else.example', 'bob@example.com')
        self.mailtwin('-a')
        self.assertEqual(sorted((m.user, m.sender) for m in self.smtp.taken),
                         [('jane@example.org', 'JANE@Work.Example'), ('jane@example.org', 'jane@work.example'), ('jane@example.org', 'x@team.example'),
                          ('jane@home.example', 'jane@home.example'), ('jane@home.example', 'x@else.example')])

    def test_killed_while_it_is_written(self):
        self.binary = program('MAILTWIN_FAST')
        n = 0
        while True:
            n += 1
            run = self.put('bob@example.com', text=f'Subject: step{n}\n\nx\n', code=None, env={'MAILTWIN_STEP_EXIT': str(n)})
            self.assertIn(self.subjects('Outbox').count(f'step{n}'), (1,) if run.code == 0 else (0, 1))
            if run.code == 0:
                break
        self.assertGreater(n, 3)


class Configuration(Outbox):
    def test_what_cannot_be(self):
        near, far = self.near.store('near'), self.far.store('far')
        for channel, words in (('Outbox Out', 'needs an SMTPAccount'), ('SentCopy no', 'needs an SMTPAccount'),
                               ('SMTPAccount no', 'there is no SMTPAccount "no"'), ('SMTPAccount out\nOutbox Sent', 'the same mailbox'),
                               ('SMTPAccount out\nOutbox INBOX', 'where mail arrives'), ('SMTPAccount out\nOutbox a*', 'Patterns'),
                               ('SMTPAccount out\nSent a//b', 'Sent cannot be')):
            with self.subTest(channel):
                self.write_config(f'{self.account()}\n{near}\n{far}\nChannel c\nFar :far:\nNear :near:\nPatterns *\n{channel}\n')
                self.assertIn(words, self.mailtwin('check-config', code=2).err)
        for text, words in ((f'{self.account()}\n{near}\n{far}\nChannel c\nFar :far:\nNear :near:Outbox\nSMTPAccount out\n', 'would synchronise'),
                            (f'{self.account()}\n{near}ReadOnly yes\n\n{far}\nChannel c\nFar :far:\nNear :near:\nSMTPAccount out\n', 'ReadOnly'),
                            (f'{self.account()}\n{self.account("two")}\n{self.near.store("near", "SMTPAccount two")}\n{far}\n'
                             'Channel c\nFar :far:\nNear :near:\nPatterns *\nSMTPAccount out\n', 'differs')):
            with self.subTest(words):
                self.write_config(text)
                self.assertIn(words, self.mailtwin('check-config', code=2).err)
        self.configure()
        printed = self.mailtwin('check-config').out
        self.assertIn('SMTPAccount out\n# Outbox Outbox\n# Sent Sent\n', printed)
        self.assertNotIn('secret', printed)
