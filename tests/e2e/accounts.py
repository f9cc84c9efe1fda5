"""Servers the tests of one process share, and cases with an account on one."""
import os

import lib
from lib import Case, ImapSide
from courier import Courier
from mailutils import Mailutils
from servers import Cyrus, Dovecot, NO_CONDSTORE, NO_NAMESPACE, NO_QRESYNC, POOR

KINDS = {
    'dovecot': lambda: Dovecot(),
    'no-qresync': lambda: Dovecot(without=NO_QRESYNC),
    'no-savedate': lambda: Dovecot(without=('SAVEDATE',)),
    'no-savedate-or-condstore': lambda: Dovecot(without=(*NO_CONDSTORE, 'SAVEDATE')),
    'no-condstore': lambda: Dovecot(without=NO_CONDSTORE),
    'poor': lambda: Dovecot(without=POOR),
    'dots': lambda: Dovecot(mail='maildir', separator='.'),
    'no-namespace': lambda: Dovecot(without=NO_NAMESPACE, mail='maildir', separator='.'),
    'cyrus': lambda: Cyrus(),
    'courier': lambda: Courier(),
    'courier-no-namespace': lambda: Courier(without=('NAMESPACE',)),
    'mailutils': lambda: Mailutils(),
    'munging cyrus': lambda: Cyrus(munge=True),
    'small mail': lambda: Dovecot(more='protocol imap {\n  mail_plugins = zlib imap_zlib quota\n}\nplugin {\n'
                                  '  quota = count:User quota\n  quota_vsizes = yes\n  quota_max_mail_size = 20k\n}\n'),
}

_running = {}
_users = 0


def server(kind):
    """A running server of that kind; started when first asked for, stopped when the process ends."""
    if kind not in _running:
        _running[kind] = KINDS[kind]().start()
    return _running[kind]


class Account(Case):
    """`self.account()` is a fresh, empty account as a side."""

    kind = 'dovecot'

    def account(self, kind=None, **kw):
        global _users
        _users += 1
        lib.whole_lines = getattr(server(kind or self.kind), 'ends_lines', False)
        side = ImapSide(server(kind or self.kind), f'u{os.getpid()}x{_users}', **kw)
        self.addCleanup(side.close)
        return side

    def imap_pair(self, channel='', kind=None, **kw):
        """An account (far) and a Maildir (near)."""
        self.pair(channel, far=kw.pop('far', None) or self.account(kind), **kw)
