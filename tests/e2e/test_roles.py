"""Mailboxes paired by what they are for (Role), and mailboxes made with their role."""
import re
import shutil
import unittest

from accounts import KINDS, Account
from lib import Case, ImapSide, find, message
from scripted import Scripted
from servers import Dovecot

SPECIAL = '''
namespace inbox {
  mailbox "Sent Items" {
    special_use = \\Sent
  }
  mailbox "Deleted Items" {
    special_use = \\Trash
  }
  mailbox Spam {
    special_use = \\Junk
  }
}
'''
KINDS['special'] = lambda: Dovecot(more=SPECIAL)
KINDS['special-poor'] = lambda: Dovecot(more=SPECIAL, without=('LIST-STATUS', 'QRESYNC', 'CONDSTORE'))


class Called:
    """A side seen under the names of the other."""

    def __init__(self, side, names):
        self.side, self.there = side, names
        self.here = {v: k for k, v in names.items()}

    def boxes(self):
        return sorted(self.there.get(b, b) for b in self.side.boxes())

    def messages(self, name):
        return self.side.messages(self.here.get(name, name))


NAMES = {'Sent Items': 'Sent', 'Deleted Items': 'Trash', 'Spam': 'Junk', 'Sent Items/2025': 'Sent/2025',
         'Sent Items/2026': 'Sent/2026'}


def uses(side):
    """{mailbox: its roles} as the server lists them."""
    typ, lines = side.imap._simple_command('LIST', '""', '"*"', 'RETURN', '(SPECIAL-USE)')
    lines = side.imap._untagged_response(typ, lines, 'LIST')[1]
    found = {}
    for line in lines:
        words, name = re.match(rb'\(([^)]*)\) "[^"]*" (.*)', line).groups()
        found[name.decode().strip('"')] = set(words.decode().split()) & {
            '\\Sent', '\\Trash', '\\Junk', '\\Drafts', '\\Archive'}
    return found


class Roles(Account):
    def twins(self, names=NAMES):
        self.assert_twins(Called(self.far, names), self.near)

    def sync_roles(self, *args, names=NAMES, **kw):
        run = self.sync_twice(*args, twins=False, **kw)
        self.twins(names)
        return run


class WithMaildir(Roles):
    kind = 'special'

    def start(self, channel='Role All', kind=None, **kw):
        self.imap_pair(channel, kind=kind, **kw)
        for box in ('Sent Items', 'Deleted Items', 'Spam'):
            self.far.create(box)

    def test_mail_on_both_sides(self):
        for kind in ('special', 'special-poor'):
            with self.subTest(kind=kind):
                self.setUp()
                self.far = self.near = None
                self.start(kind=kind)
                self.near.create('Sent')
                self.fill(self.far, 'INBOX', 3)
                a = self.fill(self.far, 'Sent Items', 25, 'S')
                b = self.fill(self.near, 'Sent', 4, 'S')
                self.sync_roles()
                self.assertEqual(self.near.boxes(), ['INBOX', 'Junk', 'Sent', 'Trash'])
                self.assertEqual(len(self.far.messages('Sent Items')), 29)
                # An afternoon's work on both sides; a message filed away is moved to the twin.
                self.far.flag(self.one(self.far, b[0]), add='F')
                self.near.flag(self.one(self.near, a[0]), add='R')
                self.near.delete(self.one(self.near, a[1]))
                self.far.move(self.one(self.far, a[2]), 'Deleted Items')
                self.near.move(self.one(self.near, a[3]), 'Trash')
                self.sync_roles()
                self.assertEqual(self.one(self.near, a[2]).box, 'Trash')
                self.assertEqual(self.one(self.far, a[3]).box, 'Deleted Items')
                self.assertEqual(find(self.far, a[1]), [])
                out = self.mailtwin('list', 'c').out
                self.assertIn('Sent Items <=> Sent\n', out)

    def test_below_them(self):
        self.start()
        self.near.create('Sent')
        self.far.create('Sent Items/2025')
        self.near.create('Sent/2026')
        a = self.fill(self.far, 'Sent Items/2025', 2)
        b = self.fill(self.near, 'Sent/2026', 2)
        self.sync_roles()
        self.assertEqual(self.one(self.near, a[0]).box, 'Sent/2025')
        self.assertEqual(self.one(self.far, b[0]).box, 'Sent Items/2026')
        self.far.remove('Sent Items/2025')
        self.sync_roles()
        self.assertNotIn('Sent/2025', self.near.boxes())

    def test_removed_on_one_side(self):
        self.start()
        self.fill(self.far, 'Sent Items', 3)
        self.fill(self.far, 'Deleted Items', 3)
        self.sync_roles()
        self.near.remove('Trash')
        self.far.remove('Sent Items')
        self.sync_roles()
        self.assertEqual(self.near.boxes(), ['INBOX', 'Junk'])
        self.assertEqual(self.far.boxes(), ['INBOX', 'Spam'])

    def test_state_lost(self):
        self.start()
        self.fill(self.far, 'Sent Items', 25)
        self.sync_roles()
        shutil.rmtree(self.state)
        was = (self.far.still(), self.near.still())
        self.sync()
        now = (self.far.still(), self.near.still())
        was[1]['.'] = now[1]['.']               # names are tried out once more above the mailboxes
        self.assertEqual(now, was)
        self.sync_roles()

    def test_the_keyword_comes_later(self):
        """What was paired by name stays so."""
        self.start('')
        self.fill(self.far, 'Sent Items', 3)
        self.near.create('Sent')
        self.fill(self.near, 'Sent', 2)
        self.sync_twice()
        self.start('Role All', far=self.far)
        s = self.fill(self.near, 'Sent', 1)
        run = self.sync_twice()
        self.assertEqual(run.err, '')
        self.assertEqual(self.one(self.far, s[0]).box, 'Sent')

    def test_the_keyword_goes(self):
        """And what was paired by its role."""
        self.start()
        self.fill(self.far, 'Sent Items', 3)
        self.sync_roles()
        self.start('', far=self.far)
        s = self.fill(self.near, 'Sent', 1)
        self.sync_roles()
        self.assertEqual(self.one(self.far, s[0]).box, 'Sent Items')

    def test_a_left_namesake(self):
        """"Sent" without the role beside "Sent Items" with it: named, left alone, and the rest goes on."""
        self.start()
        self.far.create('Sent')
        a = self.fill(self.far, 'Sent', 2)
        b = self.fill(self.far, 'Sent Items', 2)
        c = self.fill(self.far, 'INBOX', 2)
        run = self.sync(code=1)
        self.assertIn('"Sent" is the twin of "Sent Items"', run.err)
        self.assertEqual(find(self.near, a[0]), [])
        self.assertEqual((self.one(self.near, b[0]).box, self.one(self.near, c[0]).box), ('Sent', 'INBOX'))
        # Another name settles it.
        self.far.rename('Sent', 'Sent before')
        self.sync_roles()
        self.assertEqual(self.one(self.near, a[0]).box, 'Sent before')

    def test_patterns(self):
        self.start(patterns='* !Junk')
        for box in ('Sent Items', 'Spam'):
            self.fill(self.far, box, 2)
        self.sync()
        self.assertEqual(self.near.boxes(), ['INBOX', 'Sent', 'Trash'])
        self.start(patterns='INBOX Sent', far=self.account())
        self.near = self.maildir('other')
        self.start(patterns='INBOX Sent', far=self.far, near=self.near)
        self.fill(self.far, 'Sent Items', 2)
        self.sync()
        self.assertEqual(self.near.boxes(), ['INBOX', 'Sent'])

    def test_named_in_the_store(self):
        self.start(near_store='RoleSent Gesendet\nRoleTrash "Müll/alt"')
        s = self.fill(self.far, 'Sent Items', 2) + self.fill(self.far, 'Deleted Items', 2)
        self.sync_roles(names={'Sent Items': 'Gesendet', 'Deleted Items': 'Müll/alt', 'Spam': 'Junk'})
        self.assertEqual([self.one(self.near, x).box for x in s], ['Gesendet'] * 2 + ['Müll/alt'] * 2)
        self.assertIn('RoleSent Gesendet\n', self.mailtwin('check-config').out)

    def test_prefix(self):
        """Several accounts below one Maildir."""
        self.start()
        self.write_config(f'{self.far.store("far")}\n{self.near.store("near")}\nChannel c\nFar :far:\nNear :near:work/\n'
                          'Patterns *\nCreate Both\nRemove Both\nExpunge Both\nRole Sent\n')
        s = self.fill(self.far, 'Sent Items', 2)
        self.sync_twice(twins=False)
        self.assertEqual(self.one(self.near, s[0]).box, 'work/Sent')

    def test_dry_run_tells(self):
        self.start()
        self.fill(self.far, 'Sent Items', 2)
        run = self.mailtwin('plan', '-a')
        self.assertIn('Sent Items', run.out)
        self.assertEqual(self.near.boxes(), ['INBOX'])


class BetweenServers(Roles):
    def start(self, far='special', near='cyrus', **kw):
        self.pair('Role All', far=self.account(far), near=self.account(near), **kw)

    def make(self, side, name, use):
        side.ok(side.imap._simple_command('CREATE', side.wire(name), f'(USE ({use}))'), 'CREATE')

    def test_dovecot_and_cyrus(self):
        self.start()
        self.far.create('Sent Items')
        self.make(self.near, 'Gesendet', '\\Sent')
        a, b = self.fill(self.far, 'Sent Items', 25), self.fill(self.near, 'Gesendet', 3)
        names = {'Sent Items': 'Gesendet', 'Deleted Items': 'Trash', 'Spam': 'Junk'}
        self.sync_roles(names=names)
        self.assertEqual(self.one(self.near, a[0]).box, 'Gesendet')
        self.assertEqual(self.one(self.far, b[0]).box, 'Sent Items')
        self.far.create('Deleted Items')
        self.fill(self.far, 'Deleted Items', 2)
        self.sync_roles(names=names)
        self.assertEqual(uses(self.near)['Trash'], {'\\Trash'})

    def test_renamed_on_the_server(self):
        """Cyrus keeps the role of what is renamed: nothing is copied, and the twin keeps its name."""
        self.imap_pair('Role All', kind='cyrus')
        self.make(self.far, 'Sent Items', '\\Sent')
        self.far.create('Old')
        s = self.fill(self.far, 'Sent Items', 25)
        self.sync_roles()
        files = self.near.still()
        self.far.select('INBOX')
        self.far.rename('Sent Items', 'Gesendet')
        if uses(self.far)['Gesendet'] != {'\\Sent'}:
            self.skipTest('this server takes the role away')
        self.sync_roles(names={'Gesendet': 'Sent'})
        self.assertEqual(self.near.still(), files)
        # A newcomer under the old name is a mailbox of its own.
        self.far.create('Sent Items')
        n = self.fill(self.far, 'Sent Items', 2)
        self.sync_roles(names={'Gesendet': 'Sent'})
        self.assertEqual(self.one(self.near, n[0]).box, 'Sent Items')
        self.assertEqual(self.one(self.near, s[0]).box, 'Sent')

    def test_made_with_the_role(self):
        """From a Maildir, which knows of no roles, by the name of the role."""
        self.imap_pair('Role All', kind='cyrus')
        for box in ('Sent', 'Drafts', 'Archive', 'Junk', 'Trash', 'Other'):
            self.near.create(box)
            self.fill(self.near, box, 1)
        self.sync_twice()
        found = uses(self.far)
        for box in ('Sent', 'Drafts', 'Archive', 'Junk', 'Trash'):
            self.assertEqual(found[box], {'\\' + box})
        self.assertEqual(found['Other'], set())

    def test_subscribed(self):
        """What we make on a server, others show there; what we remove, they do not look for."""
        for kind in ('dovecot', 'cyrus'):
            with self.subTest(kind=kind):
                self.setUp()
                self.far = self.near = None
                self.imap_pair(kind=kind)
                self.near.create('Ähnliches')
                self.fill(self.near, 'Ähnliches', 1)
                self.sync_twice()
                wire = self.far.wire('Ähnliches').encode()

                def subscribed():
                    lines = self.far.ok(self.far.imap.lsub(), 'LSUB')
                    return [x for x in lines if x and x.endswith((wire, wire.strip(b'"')))]
                self.assertEqual(len(subscribed()), 1)
                self.near.remove('Ähnliches')
                self.sync_twice()
                self.assertEqual(subscribed(), [])


class Told(Case):
    """A server that does as it is told."""

    def start(self, channel='', **kw):
        self.server = Scripted(**kw)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        side = ImapSide(self.server, 'anna')
        self.addCleanup(side.close)
        self.server.seen.clear()
        self.pair(channel, far=side, near=self.maildir('near'))

    def seen(self, verb):
        return [words for _, v, words in self.server.seen if v == verb]

    def put(self, name, n, flags=('\\Seen',)):
        made = []
        for _ in range(n):
            self._serial += 1
            self.server.boxes[name].add(message(self._serial).replace(b'\n', b'\r\n'), flags)
            made.append(self._serial)
        return made

    def test_use_is_refused(self):
        """Not by this server, or not for this mailbox: the mailbox is made without."""
        for code in ('[USEATTR] not supported', '[CANNOT] no', 'no'):
            with self.subTest(code=code):
                self.setUp()
                self.far = self.near = None
                self.start('Role All', more=['CREATE-SPECIAL-USE'])
                self.server.fault = lambda session, verb, words: (
                    f'{{tag}} NO {code}\r\n' if verb == 'CREATE' and len(words) > 1 else None)
                self.near.create('Sent')
                self.fill(self.near, 'Sent', 1)
                self.sync_twice()
                self.assertEqual(self.seen('CREATE'), [['Sent', ['USE', ['\\Sent']]], ['Sent']])

    def test_use_where_it_is_offered(self):
        self.start('Role Sent', more=['CREATE-SPECIAL-USE'])
        for box in ('Sent', 'Trash'):
            self.near.create(box)
            self.fill(self.near, box, 1)
        self.sync_twice()
        self.assertEqual(self.seen('CREATE'), [['Sent', ['USE', ['\\Sent']]], ['Trash']])
        self.assertEqual(sorted(w[0] for w in self.seen('SUBSCRIBE')), ['Sent', 'Trash'])
        self.setUp()
        self.far = self.near = None
        self.start('Role Sent')
        self.near.create('Sent')
        self.fill(self.near, 'Sent', 1)
        self.sync_twice()
        self.assertEqual(self.seen('CREATE'), [['Sent']])

    def test_subscribe_is_refused(self):
        self.start()
        self.server.fault = lambda session, verb, words: '{tag} NO no\r\n' if verb == 'SUBSCRIBE' else None
        self.near.create('box')
        self.fill(self.near, 'box', 1)
        self.sync_twice()

    def test_views_are_told_of(self):
        """All Mail under a wildcard: told before anything is copied, once, with a line that works."""
        self.start()
        for name, word in (('[G]/All Mail', '\\All'), ('[G]/"x\\y"', '\\Important'), ('Stars', '\\Flagged')):
            self.server.create(name, attributes=word)
            self.put(name, 2)
        told = self.mailtwin('plan', '-a')
        lines = re.findall(r'leaves it out: (.*)', told.err + told.out)
        self.assertEqual(lines, ['Patterns "!Stars"', 'Patterns "![G]/\\"x\\\\y\\""', 'Patterns "![G]/All Mail"'])
        with open(self.config) as f:
            config = f.read().rstrip()
        self.write_config('\n'.join([config] + lines[:2]) + '\n')
        told = self.sync_twice(twins=False)
        self.assertIn('All Mail', told.err)
        self.assertEqual(self.near.boxes(), ['INBOX', '[G]/All Mail'])
        self.assertNotIn('leaves it out', self.sync().err)
        # Asked for by its name, it is what a person wants.
        self.setUp()
        self.far = self.near = None
        self.start()
        self.pair(far=self.far, near=self.near, patterns='* "[G]/All Mail"')
        self.server.create('[G]/All Mail', attributes='\\All')
        self.assertEqual(self.sync().err, '')

    def test_a_label_costs_no_body(self):
        """One message in three mailboxes of an account travels once, and is copied here; and so does one that gets its
        label later, or is copied on this side."""
        for extension in ('X-GM-EXT-1', 'OBJECTID'):
            with self.subTest(extension=extension):
                self.setUp()
                self.far = self.near = None
                self.start(more=[extension])
                boxes = ['INBOX', 'All Mail', 'Work', 'Later']
                for name in boxes[1:]:
                    self.server.create(name)
                s = self.put('INBOX', 25)
                for name in ('All Mail', 'Work'):
                    for m in list(self.server.boxes['INBOX'].mails):
                        self.server.boxes[name].add(m.data, m.flags, m.date)
                self.sync_twice()
                self.assertEqual([len(self.near.messages(b)) for b in boxes], [25, 25, 25, 0])
                self.assertEqual(self.bodies(), 25)
                for m in self.server.boxes['Work'].mails[:10]:
                    self.server.boxes['Later'].add(m.data, m.flags, m.date)
                self.sync_twice()
                self.assertEqual(len(self.near.messages('Later')), 10)
                self.assertEqual(self.bodies(), 25)
                appended = len(self.seen('APPEND'))
                self.near.copy([m for m in self.near.messages('INBOX') if m.serial == s[20]][0], 'Later')
                self.sync_twice()
                self.assertEqual(len(self.server.boxes['Later'].mails), 11)
                self.assertEqual((self.bodies(), len(self.seen('APPEND'))), (25, appended))

    def bodies(self):
        """How many messages were fetched whole."""
        total = 0
        for words in self.seen('UID FETCH'):
            if 'BODY.PEEK[]' in words[1]:
                for part in words[0].split(','):
                    first, _, last = part.partition(':')
                    total += int(last or first) - int(first) + 1
        return total


if __name__ == '__main__':
    unittest.main()
