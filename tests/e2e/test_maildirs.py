"""Two Maildirs kept twins: what people do on one side appears on the other."""
import os

from lib import Case, MaildirSide, find, message, serials


class Everyday(Case):
    def test_first_sync_carries_both_ways(self):
        self.pair()
        self.near.create('work/2026')
        self.far.create('Entwürfe')
        a = self.fill(self.far, 'INBOX', 30)
        b = self.fill(self.near, 'work/2026', 20, 'FS')
        c = self.fill(self.far, 'Entwürfe', 3, 'D')
        self.sync_twice()
        self.assertEqual(sorted(serials(self.near)), sorted(a + b + c))
        self.assertTrue(all(m.key.startswith('new/') for m in self.near.messages('INBOX')))
        self.assertTrue(all(m.key.startswith('cur/') for m in self.far.messages('work/2026')))

    def test_bytes_are_carried_as_they_are(self):
        self.pair()
        odd = [b'a: b\n\nserial 1.', b'a: b\r\n\r\nserial 2.\r\n', b'a: b\n\nserial 3.\r\nx\ny\rz\n', b'\nserial 4.\n',
               b'serial 5.', b'a: b\n\nserial 6.\n\0\xff\xfe\n', b'From x\na: b\n\nserial 7.\n', b'']
        for data in odd:
            self.far.deliver('INBOX', data, 'S')
        self.sync_twice()
        self.assertEqual(sorted(self.near.data(m) for m in self.near.messages('INBOX')), sorted(odd))

    def test_debug_lines(self):
        """What was read and why, and each act on the disk and in the state."""
        self.pair()
        a = self.fill(self.far, 'INBOX', 1)
        run = self.sync('-a', '--debug=maildir,state')
        box = self.near.box('INBOX')
        self.assertRegex(run.err, f'INBOX: read {self.far.box("INBOX")}, because it is to be read whole: 1 messages')
        self.assertRegex(run.err, f'rename {box}/tmp/[^ ]+ to {box}/new/')
        self.assertRegex(run.err, r'commit to .*/c\.mdb')
        self.assertRegex(run.err, r'intent 1: deliver on near, mailbox 1, record 1\n')
        self.assertRegex(run.err, r'record 1 of mailbox 1: far [^ ]+ here, near [^ ]+ here\n')
        self.far.flag(self.one(self.far, a[0]), add='S')
        run = self.sync('-a', '--debug=maildir')
        self.assertIn('because cur or new changed', run.err)
        self.assertRegex(run.err, f'rename {box}/new/[^ ]+ to {box}/cur/[^ ]+:2,S\n')
        self.far.delete(self.one(self.far, a[0]))
        self.assertRegex(self.sync('-a', '--debug=maildir').err, f'unlink {box}/cur/')
        self.sync()
        self.assertNotRegex(self.sync('-a', '--debug=maildir,state').err, 'read |rename|unlink|commit|record')

    def test_flags_both_ways_at_once(self):
        self.pair()
        s = self.fill(self.far, 'INBOX', 4, 'S')
        self.sync()
        self.far.flag(self.one(self.far, s[0]), add='F')
        self.near.flag(self.one(self.near, s[0]), add='R', remove='S')
        self.near.flag(self.one(self.near, s[1]), add='PD')
        self.far.flag(self.one(self.far, s[2]), remove='S')
        self.sync_twice()
        flags = {n: self.one(self.far, n).flags for n in s}
        self.assertEqual(flags, {s[0]: frozenset('FR'), s[1]: frozenset('DPS'), s[2]: frozenset(),
                                 s[3]: frozenset('S')})

    def test_unseen_again_stays_in_cur(self):
        self.pair()
        s, = self.fill(self.far, 'INBOX', 1, 'S')
        self.sync()
        self.far.flag(self.one(self.far, s), remove='S')
        self.sync_twice()
        self.assertTrue(self.one(self.near, s).key.startswith('cur/'))

    def test_new_to_cur_is_no_change(self):
        self.pair()
        s, = self.fill(self.far, 'INBOX', 1)
        self.sync()
        self.far.look(self.one(self.far, s))
        before = self.near.still()
        self.sync()
        self.assertEqual(before, self.near.still())

    def test_deletions_both_ways(self):
        self.pair()
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.far.delete(self.one(self.far, s[0]))
        self.near.delete(self.one(self.near, s[1]))
        self.far.delete(self.one(self.far, s[2]))
        self.near.delete(self.one(self.near, s[2]))
        self.far.delete(self.one(self.far, s[3]))
        self.near.flag(self.one(self.near, s[3]), add='F')      # a deletion beats a flag
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), s[4:])

    def test_marked_is_expunged(self):
        self.pair()
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.far.flag(self.one(self.far, s[0]), add='T')
        self.near.flag(self.one(self.near, s[1]), add='T')
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), s[2:])

    def test_without_expunge_a_deletion_becomes_a_mark(self):
        self.pair(policy='Create Both\n')
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.far.delete(self.one(self.far, s[0]))
        self.near.flag(self.one(self.near, s[1]), add='T')
        self.sync_twice(twins=False)
        self.assertIn('T', self.one(self.near, s[0]).flags)
        self.assertEqual(find(self.far, s[0]), [])
        self.assertIn('T', self.one(self.far, s[1]).flags)
        self.near.flag(self.one(self.near, s[1]), remove='T')   # and back
        self.sync_twice(twins=False)
        self.assertNotIn('T', self.one(self.far, s[1]).flags)

    def test_copies_on_both_sides_before_the_first_run_are_paired(self):
        self.pair()
        for i in range(40):
            data = message(i)
            self.far.deliver('INBOX', data, 'S')
            self.near.deliver('INBOX', data, 'F')
        self._serial = 100
        extra = self.fill(self.far, 'INBOX', 1)
        self.sync_twice()
        self.assertEqual(len(self.near.messages('INBOX')), 41)
        self.assertEqual(self.one(self.near, 5).flags, frozenset('FS'))
        self.assertEqual(len(find(self.near, extra[0])), 1)

    def test_folder_removed_with_mail_that_never_had_a_twin(self):
        self.pair(policy='Sync PullNew\nCreate Both\n')
        self.far.create('work')
        self.fill(self.far, 'work', 3)
        self.sync()
        self.fill(self.near, 'work', 2)
        self.sync()
        self.near.remove('work')
        self.fill(self.far, 'work', 2)
        run = self.sync(code=(0, 1))
        self.assertNotIn('there is no mailbox', run.err)

    def test_equal_messages_stay_as_many_as_they_are(self):
        self.pair()
        data = message(1)
        for _ in range(10):
            self.far.deliver('INBOX', data, 'S')
        for _ in range(7):
            self.near.deliver('INBOX', data, 'S')
        self.sync_twice()
        self.assertEqual(len(self.near.messages('INBOX')), 10)

    def test_same_mail_arrives_on_both_sides_later(self):
        self.pair()
        self.fill(self.far, 'INBOX', 3)
        self.sync()
        self._serial = 50
        data = message(50)
        self.far.deliver('INBOX', data)
        self.near.deliver('INBOX', data, 'S')
        self.sync_twice()
        self.assertEqual(self.one(self.far, 50).flags, frozenset('S'))

    def test_state_lost_doubles_nothing_and_deletes_nothing(self):
        """R7, R10"""
        import shutil
        self.pair()
        s = self.fill(self.far, 'INBOX', 60, 'S') + self.fill(self.near, 'INBOX', 60)
        self.sync()
        shutil.rmtree(self.state)
        self.near.delete(self.one(self.near, s[0]))
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), s)          # it came back: no deletion is inferred

    def test_another_store_deletes_nothing(self):
        """R7: an empty directory in place of the near Maildir has removed no mailbox."""
        import shutil
        self.pair()
        self.far.create('a')
        s = self.fill(self.far, 'INBOX', 5) + self.fill(self.far, 'a', 5)
        self.sync()
        shutil.rmtree(self.near.path)
        self.sync(code=1)
        os.mkdir(self.near.path)
        self.assertNotIn('remove', self.mailtwin('plan', '-a').out)
        self.sync_twice()
        self.assertEqual((sorted(serials(self.far)), sorted(serials(self.near))), (s, s))

    def test_another_store_without_much_is_held(self):
        """R21: it may be a mount point without its disk."""
        import shutil
        self.pair()
        self.fill(self.far, 'INBOX', 1)
        for box in ('a', 'b'):
            self.far.create(box)
            self.fill(self.far, box, 15)
        self.sync()
        shutil.rmtree(self.near.path)
        os.mkdir(self.near.path)
        for _ in range(2):
            run = self.sync(code=1)
            self.assertIn("--restore '*' c", run.err)
            self.assertEqual(self.near.boxes(), [])
        self.mailtwin('-a', '--restore', '*')
        self.sync_twice()
        self.assertEqual(len(serials(self.near)), 31)

    def test_names_of_others_are_read_and_kept(self):
        self.pair()
        names = ['1700000000.M1P2.host,S=100,W=103', '1700000001.host,U=7', 'notmuch-abc', '1.2.3', 'x,y=1']
        for i, name in enumerate(names):
            self.near.deliver('INBOX', message(i), 'S', file=name)
        self.near.deliver('INBOX', message(10), new=False, file='odd:2,SZq')
        os.rename(self.near.box('INBOX') + '/cur/1.2.3:2,S', self.near.box('INBOX') + '/cur/1.2.3')
        def messages():
            return {k: v for k, v in self.near.still().items() if k not in ('.', '.mailtwin-id')}
        before = messages()
        self.sync()
        self.assertEqual(before, messages())
        self.near.flag(self.one(self.near, 10), add='F')
        self.far.flag(self.one(self.far, 0), add='F')
        self.sync()
        self.assertEqual(self.one(self.near, 0).key, f'cur/{names[0]}:2,FS')
        self.assertEqual(self.one(self.near, 10).key, 'cur/odd:2,FSZq')

    def test_arrival_date(self):
        self.pair('CopyArrivalDate yes')
        self.far.deliver('INBOX', message(1), 'S', mtime=1_500_000_000)
        self.sync_twice()
        path = os.path.join(self.near.box('INBOX'), self.one(self.near, 1).key)
        self.assertEqual(int(os.stat(path).st_mtime), 1_500_000_000)

    def layout(self, layout):
        self.far, self.near = self.maildir('far'), self.maildir('near', layout=layout)
        self.pair()
        for box in ('a', 'a/b', 'a/b/c'):
            self.far.create(box)
        for box in ('x', 'x/y'):
            self.near.create(box)
        self.fill(self.far, 'a/b/c', 2)
        self.fill(self.near, 'x/y', 2)
        self.sync_twice()
        self.assertIn('a/b/c', self.near.boxes())
        self.assertIn('x/y', self.far.boxes())

    def test_layout_maildir_plus_plus(self):
        self.layout('Maildir++')

    def test_layout_legacy(self):
        self.layout('Legacy')

    def test_mirrored(self):
        """Far and near swapped in the configuration: the same in the mirror."""
        self.pair()
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.far, self.near = self.near, self.far
        self.pair(channel='SyncState "%s/other-"' % self.dir)
        self.far.delete(self.one(self.far, s[0]))
        self.sync()                                             # a new channel: adopted, so it comes back
        self.near.flag(self.one(self.near, s[1]), add='F')
        self.far.delete(self.one(self.far, s[2]))
        self.sync_twice()
        self.assertEqual(sorted(serials(self.far)), [n for n in s if n != s[2]])


class Folders(Case):
    def test_created_and_removed(self):
        self.pair()
        self.far.create('a/b')
        self.fill(self.far, 'a/b', 3)
        self.fill(self.far, 'INBOX', 3)
        self.sync_twice()
        self.assertIn('a/b', self.near.boxes())
        self.near.remove('a/b')
        self.sync_twice()
        self.assertNotIn('a/b', self.far.boxes())

    def test_removed_with_mail_of_the_other_side_in_it(self):
        """What came meanwhile on the other side is not lost with the folder."""
        self.pair()
        self.far.create('a')
        self.fill(self.far, 'a', 3)
        self.fill(self.far, 'INBOX', 3)
        self.sync()
        s, = self.fill(self.far, 'a', 1)
        self.near.remove('a')
        self.sync(code=None)
        self.sync(code=None)
        self.assertEqual(len(find(self.far, s)), 1)

    def test_removed_but_for_what_came_on_the_other_side(self):
        """P8: made again for the new message, and only for that."""
        self.pair()
        self.far.create('a')
        self.fill(self.far, 'INBOX', 30)
        self.fill(self.far, 'a', 10)
        self.sync()
        s, = self.fill(self.far, 'a', 1)
        self.near.remove('a')
        self.sync_twice()
        self.assertEqual(len(self.far.messages('a')), 1)
        self.assertEqual(len(find(self.near, s)), 1)

    def test_create_none_leaves_it_and_says_so(self):
        self.pair(policy='Create None\n')
        self.far.create('a')
        self.fill(self.far, 'a', 3)
        run = self.sync(code=(0, 1))
        self.assertNotIn('a', self.near.boxes())
        self.assertIn('a', run.out + run.err)

    def test_remove_none_keeps_both(self):
        self.pair(policy='Create Both\n')
        self.far.create('a')
        self.fill(self.far, 'a', 3)
        self.sync()
        self.near.remove('a')
        self.sync(code=(0, 1))
        self.assertEqual(len(self.far.messages('a')), 3)

    def test_many_nested(self):
        self.pair()
        names = [f'{a}/{b}/{c}' for a in 'xyz' for b in 'pqr' for c in ('1', 'zwei €', 'c.d')]
        for name in names:
            self.far.create(name)
            self.fill(self.far, name, 1)
        self.sync_twice()
        self.assertTrue(set(names) <= set(self.near.boxes()))

    def test_patterns(self):
        self.pair(patterns='* !skip*')
        for box in ('skip', 'skip/more', 'keep'):
            self.far.create(box)
            self.fill(self.far, box, 1)
        self.sync_twice(twins=False)
        self.assertEqual(self.near.boxes(), ['INBOX', 'keep'])


class Policy(Case):
    def test_pull_only_then_push(self):
        """R1: what was seen on a day of pulling is still there on a day of pushing."""
        self.pair()
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.near.delete(self.one(self.near, s[0]))
        self.near.flag(self.one(self.near, s[1]), add='F')
        t, = self.fill(self.near, 'INBOX', 1)
        self.sync('-L', 'c')
        self.assertEqual(len(find(self.far, s[0])), 1)
        self.assertEqual(find(self.far, t), [])
        self.assertNotIn('F', self.one(self.far, s[1]).flags)
        self.sync_twice('-H', 'c')
        self.assertEqual(find(self.far, s[0]), [])
        self.assertEqual(len(find(self.far, t)), 1)

    def test_gone_switched_off_then_on(self):
        self.pair(channel='Sync New Flags')
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.far.delete(self.one(self.far, s[0]))
        self.sync()
        self.assertEqual(len(find(self.near, s[0])), 1)
        self.pair()
        self.sync_twice()
        self.assertEqual(find(self.near, s[0]), [])

    def test_read_only_store_is_never_written(self):
        self.pair(far_store='ReadOnly yes')
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        t = self.fill(self.near, 'INBOX', 2)
        self.near.delete(self.one(self.near, s[0]))
        self.near.flag(self.one(self.near, s[1]), add='F')
        self.near.create('a')
        before = self.far.still()
        self.sync(code=(0, 1))
        self.sync(code=(0, 1))
        self.assertEqual(before, self.far.still())
        self.assertEqual(find(self.far, t[0]), [])

    def test_dry_run_writes_nothing(self):
        self.pair()
        s = self.fill(self.far, 'INBOX', 30, 'S')
        self.sync()
        self.far.delete(self.one(self.far, s[0]))
        self.near.flag(self.one(self.near, s[1]), add='F')
        self.far.create('a')
        t, = self.fill(self.near, 'INBOX', 1)
        before = self.far.still(), self.near.still(), self.state_still()
        for args in (('plan', '-a'), ('-y', '-a'), ('--dry-run', 'c')):
            run = self.mailtwin(*args)
            self.assertIn('INBOX', run.out)
            self.assertEqual(before, (self.far.still(), self.near.still(), self.state_still()))
        self.sync_twice()
        self.assertEqual(len(find(self.far, t)), 1)

    def test_dry_run_before_the_first_run_writes_nothing(self):
        self.pair()
        self.fill(self.far, 'INBOX', 3)
        before = self.far.still(), self.near.still()
        self.mailtwin('plan', '-a')
        self.assertEqual(before, (self.far.still(), self.near.still()))
        self.assertEqual(self.state_still(), {})

    def test_post_sync(self):
        mark = os.path.join(self.dir, 'ran')
        self.pair(channel=f'PostSync "echo ran >>{mark}"')
        self.sync()
        self.fill(self.far, 'INBOX', 1)
        self.sync()
        lines = open(mark).read().count('\n')
        self.sync()
        self.assertEqual(open(mark).read().count('\n'), lines)
        self.assertGreaterEqual(lines, 1)


class Channels(Case):
    def test_two_channels_on_one_maildir(self):
        far1, far2, near = self.maildir('far1'), self.maildir('far2'), self.maildir('near')
        for box, side in (('one', far1), ('two', far2)):
            side.create(box)
            near.create(box)
        s = self.fill(far1, 'one', 3) + self.fill(far2, 'two', 3) + self.fill(near, 'one', 2)
        self.write_config(far1.store('far1') + far2.store('far2') + near.store('near') +
                          'Channel a\nFar :far1:\nNear :near:\nPattern one\nExpunge Both\n\n'
                          'Channel b\nFar :far2:\nNear :near:\nPattern two\nExpunge Both\n')
        self.sync_twice(twins=False, sides=[far1, far2, near])
        self.assertEqual(sorted(serials(near)), sorted(s))
        self.assertEqual(len(far1.messages('one')), 5)
        self.assertEqual(far1.boxes(), ['INBOX', 'one'])

    def test_hub_of_two_accounts(self):
        """Two far sides meet in one Maildir; what appears on one reaches the other through it."""
        a, b, hub = self.maildir('a'), self.maildir('b'), self.maildir('hub')
        s = self.fill(a, 'INBOX', 30, 'S') + self.fill(b, 'INBOX', 20, 'S') + self.fill(hub, 'INBOX', 10)
        self.write_config(a.store('a') + b.store('b') + hub.store('hub').rstrip('\n') + '\nHub yes\n\n' +
                          ''.join(f'Channel {n}\nFar :{n}:\nNear :hub:\nPatterns *\nCreate Both\nExpunge Both\n\n'
                                  for n in 'ab'))
        self.sync()
        self.sync()
        for side in (a, b, hub):
            self.assertEqual(sorted(serials(side)), s)
        a.delete(self.one(a, s[0]))
        b.flag(self.one(b, s[1]), add='F')
        self.sync()
        self.sync()
        for side in (a, b, hub):
            self.assertEqual(sorted(serials(side)), s[1:])
            self.assertIn('F', self.one(side, s[1]).flags)
        self.sync_twice(twins=False, sides=[a, b, hub])

    def test_chosen_boxes_and_groups(self):
        self.pair()
        for box in ('a', 'b'):
            self.far.create(box)
            self.fill(self.far, box, 1)
        self.sync('c:a')
        self.assertIn('a', self.near.boxes())
        self.assertNotIn('b', self.near.boxes())
        with open(self.config, 'a') as f:
            f.write('\nGroup g c:b\n')
        self.sync('g')
        self.assertIn('b', self.near.boxes())


class Layouts(Case):
    def test_side_knows_its_own_names(self):
        for layout in ('Verbatim', 'Maildir++', 'Legacy'):
            side = MaildirSide(os.path.join(self.dir, layout), layout)
            for box in ('a', 'a/b'):
                side.create(box)
            self.assertEqual(side.boxes(), ['INBOX', 'a', 'a/b'])
