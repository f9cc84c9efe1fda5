"""Somebody on the line, or a server, who means harm: nothing heard before TLS counts, and nothing that is sent costs
more than it is worth."""
from hostile import Attacked
from servers import PASSWORD
from test_scripted import Told


class BeforeTls(Told):
    """What is heard before the handshake is dropped, whatever it was: the session behind it is a fresh one."""

    BAIT = 'http://evil.example/'

    def account(self, peer):
        return f'IMAPAccount far\nHost localhost\nPort {peer.port}\nUser anna\nPass {PASSWORD}\nTLSType STARTTLS\n' \
               f'CertificateFile "{peer.ca}"\nAuthMechs PLAIN\nTimeout 5\n\nIMAPStore far\nAccount far\n'

    def behind(self, before=b'', greeting=b'* OK hello\r\n', **kw):
        """The runs that follow go through somebody who writes that."""
        peer = Attacked(self.server, before, greeting, **kw)
        peer.__enter__()
        self.addCleanup(peer.__exit__)
        self.write_config(f'{self.account(peer)}\n{self.near.store("near")}\nChannel c\nFar :far:\nNear :near:\nPatterns *\n'
                          'Create Both\nRemove Both\nExpunge Both\n')

    def begin(self, **kw):
        self.start(**kw)
        self.server.create('Work')
        self.server.create('Entw&APw-rfe')
        for name in ('INBOX', 'Work', 'Entw&APw-rfe'):
            self.put(3, name)
        self.behind()
        self.sync_twice()
        self.server.seen.clear()

    def test_words_that_stay_in_the_session(self):
        poor = ['ENABLE', 'QRESYNC', 'CONDSTORE', 'NAMESPACE']
        for without, before in (((), b'* ENABLED UTF8=ACCEPT\r\n* OK [CAPABILITY IMAP4rev1]\r\n* OK [CLOSED] x\r\n'
                                 b'* BYE so long ' + self.BAIT.encode() + b'\r\n'),
                                (poor, b'* ENABLED QRESYNC CONDSTORE UTF8=ACCEPT\r\n* NAMESPACE (("Work/" "/")) NIL NIL\r\n'
                                 b'* OK [CLOSED] Dovecot ready.\r\n* ID ("name" "Dovecot")\r\n'),
                                (poor, b'* CAPABILITY IMAP4rev1 QRESYNC ENABLE MOVE UIDPLUS AUTH=PLAIN LOGINDISABLED\r\n'
                                 b'* NAMESPACE (("" ".")) NIL NIL\r\n* 5 EXISTS\r\n* LIST () "." "Work"\r\n')):
            with self.subTest(before=before):
                self.setUp()
                self.begin(without=without)
                self.behind(before, b'* OK [ALERT] Dovecot ready. Renew at ' + self.BAIT.encode() + b'\r\n')
                for _ in range(2):
                    run = self.sync('-V', '-a')
                    self.assertNotIn('evil', run.out + run.err)
                self.put(1, 'Work')
                self.put(1, 'Entw&APw-rfe')
                self.fill(self.near, 'Entwürfe', 1)
                self.sync()
                self.behind()
                self.sync_twice()
                self.assertEqual(sorted(self.server.boxes), ['Entw&APw-rfe', 'INBOX', 'Work'])
                self.assertEqual([len(b.mails) for _, b in sorted(self.server.boxes.items())], [5, 3, 4])
                used = {w[0] for _, verb, w in self.server.seen if verb == 'ENABLE' and w}
                self.assertFalse(used & {'QRESYNC', 'CONDSTORE'} if without else False)

    def test_a_first_run(self):
        """With nothing remembered the words would be all there is."""
        self.start(without=['NAMESPACE'])
        self.server.create('Work')
        self.put(3, 'Work')
        self.behind(b'* NAMESPACE (("Work/" "/")) NIL NIL\r\n* NO [ALERT] ' + self.BAIT.encode() + b'\r\n')
        self.assertNotIn('evil', self.sync('-V', '-a').err)
        self.behind()
        self.sync_twice()
        self.assertEqual(sorted(self.near.boxes()), ['INBOX', 'Work'])

    def test_words_of_refusals_are_not_shown(self):
        self.start()
        bait = self.BAIT.encode()
        for kw in (dict(greeting=b'* BYE full: ' + bait + b'\r\n'), dict(answer=b'NO full: ' + bait),
                   dict(answer=b'BAD ' + bait), dict(before=b'* BYE ' + bait + b'\r\n* 1 FETCH ' + bait + b'\r\n'),
                   dict(before=b'* 1 FETCH ' + bait + b'\r\n'), dict(before=b'+ ' + bait + b'\r\n'),
                   dict(greeting=b'hello ' + bait + b'\r\n')):
            with self.subTest(kw=kw):
                self.behind(**kw)
                run = self.mailtwin('-V', '-a', code=(1, 75, 77))
                self.assertNotIn('evil', run.out + run.err)
                self.assertEqual(self.server.seen, [])
