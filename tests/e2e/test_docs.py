"""What is written about the program is true of it: manual pages, README, completions, editor syntax.

The program's own tables (cmd/*.c) are the measure: a keyword, an option or a command that is added is
missed here until it is written down.
"""
import os
import re
import subprocess

import lib

KEYWORDS = 'cmd/keywords.def'
ENQUEUE = {'account'}       # its options are its own
PAGES = ('contrib/man/mailtwin.1', 'contrib/man/mailtwin.5', 'contrib/man/mailtwin.7')


def read(path):
    with open(os.path.join(lib.ROOT, path), encoding='utf-8') as f:
        return f.read()


def page(path):
    """A page as a person reads it, on one line."""
    done = subprocess.run(['mandoc', '-T', 'utf8', '-O', 'width=1000', os.path.join(lib.ROOT, path)],
                          capture_output=True, check=True)
    return ' '.join(re.sub(r'.\x08', '', done.stdout.decode()).split())


def table(path, name):
    """The text of a C array."""
    return re.search(r'\b%s\[\] = \{\n(.*?)\n\};' % name, read(path), re.S).group(1)


def keywords():
    """Without other spellings."""
    rows = re.findall(r'^KEYWORD\("([^"]+)", (.*)', read(KEYWORDS), re.M)
    return {name for name, rest in rows if 'OLD(' not in rest}


def long_options():
    """{name: (action, the present name of a deprecated one or None)}"""
    rows = re.findall(r'\{ "([^"]+)", (ACT_\w+), .*?, (NULL|"[^"]*") \}', table('cmd/options.c', 'long_options'))
    return {name: (action, instead.strip('"') if instead != 'NULL' else None) for name, action, instead in rows}


def commands():
    return re.findall(r'^\t\{ "([^"]+)", "', table('cmd/command.c', 'commands'), re.M)


def wanted_options():
    """What a completion offers: neither deprecated nor mbsync's for debugging."""
    return {n for n, (action, instead) in long_options().items()
            if instead is None and action != 'ACT_DEBUG_AREA'}


class Pages(lib.Case):
    def test_tables_are_read(self):
        self.assertGreater(len(keywords()), 60)
        self.assertGreater(len(long_options()), 70)
        self.assertGreater(len(commands()), 7)

    def test_lint(self):
        done = subprocess.run(['mandoc', '-T', 'lint', *PAGES], cwd=lib.ROOT, capture_output=True, text=True)
        self.assertEqual(done.stdout + done.stderr, '')

    def test_help_explains_keywords(self):
        for name in ('maxdelete', 'Sync', 'MaxSize'):
            text = self.mailtwin('help', name, config=False).out
            self.assertTrue(text.lower().startswith(name.lower() + ' '), text)
        done = self.mailtwin('help', 'MaxDelte', config=False, code=2)
        self.assertIn('did you mean "MaxDelete"?', done.err)

    def test_options_and_commands_have_a_place(self):
        text = page(PAGES[0])
        for name in long_options():
            self.assertRegex(text, r'--%s\b(?!-)' % re.escape(name))
        for letter in re.findall(r"\{ '(.)', \"", table('cmd/options.c', 'short_options')):
            self.assertRegex(text, r'(?<![-\w])-%s\b' % letter)
        for name in commands():
            self.assertRegex(text, r'\b%s\b' % name)
        for name in set(re.findall(r'(?<![-\w])--([a-z][-a-z0-9]+)', text)):
            self.assertIn(name, ENQUEUE | set(long_options()), 'the page tells of it')

    def test_words_of_json_are_written_down(self):
        here, there = page(PAGES[0]), read('cmd/README.md')
        for file in ('tell', 'list', 'log', 'app', 'outbox', 'finding_print', 'check', 'status', 'init', 'acts'):
            for word in re.findall(r'json_\w+\([^"\n]*"(\w+)"', read(f'cmd/{file}.c')):
                self.assertRegex(here, r'\b%s\b' % word)
                self.assertIn(f'`{word}`', there)

    def test_environment_is_written_down(self):
        found = set()
        for top, _, files in os.walk(os.path.join(lib.ROOT, 'cmd')):
            for file in files:
                if file in ('steps.c', 'testing.c'):    # not in the program that is installed
                    continue
                found |= set(re.findall(r'getenv\("(\w+)"\)|"(MAILTWIN_[A-Z]+)=', read(os.path.join(top, file))))
        for word in {a or b for a, b in found}:
            self.assertIn(word, page(PAGES[0]))

    def test_exit_codes(self):
        codes = set(re.findall(r'ERR_\w+, (\d+) \}', read('cmd/exit_status.c'))) | {'0'}
        for text in (page(PAGES[0]), read('README.md'), read('cmd/README.md')):
            for code in codes:
                self.assertRegex(text, r'\b%s\b' % code)


class Examples(lib.Case):
    def parses(self, text, file=None):
        self.write_config(text)
        done = self.mailtwin('check-config', code=None)
        self.assertEqual((done.code, done.err), (0, ''), file)

    def test_of_the_readme(self):
        found = re.findall(r'```mbsyncrc\n(.*?)```', read('README.md'), re.S)
        self.assertEqual(len(found), 1)
        self.parses(found[0])
        lines = re.findall(r'```mbsyncrc-account\n(.*?)```', read('README.md'), re.S)[0].split('\n')
        said = [line for line in lines if line.startswith('PassCmd')]
        self.assertEqual([re.search(r'"(\S+)', s).group(1) for s in said], ['pass', 'secret-tool', 'gpg'])
        for line in said:
            self.parses(re.sub(r'(?m)^PassCmd.*$', lambda _: line, found[0]))

    def test_of_the_page(self):
        for path, least in (PAGES[1], 3), (PAGES[2], 11):
            found = re.findall(r'(?ms)^\.Bd -literal -offset indent\n(.*?)^\.Ed', read(path))
            self.assertGreaterEqual(len(found), least)
            for text in found:
                self.parses(text, text)

    def test_commands_of_the_recipes(self):
        """Each command line that a recipe names is one that the program takes."""
        found = set(re.findall(r'mailtwin ((?:(?:-[-a-zA-Z0-9]+|plan|check|import|verify|list|export-mbsync|2000m|CHANNEL|move) ?)+)',
                               re.sub(r'\.Ql ', '', read(PAGES[2]))))
        self.assertGreater(len(found), 10)
        for words in found:
            run = self.mailtwin(*words.split(), code=None)
            self.assertNotIn('unknown option', run.err, words)
            self.assertNotIn('belongs to', run.err, words)

    def test_the_example(self):
        self.parses(read('mbsyncrc.example'))

    def test_links_lead_somewhere(self):
        for path in ('README.md', 'contrib/README.md', 'cmd/README.md', 'sync/README.md', 'state/README.md',
                     'tests/README.md'):
            for link in re.findall(r'\]\(([^)#]+)\)', read(path)):
                self.assertTrue(os.path.exists(os.path.join(lib.ROOT, os.path.dirname(path), link)), link)


class Contrib(lib.Case):
    def test_completions_know_the_options(self):
        for path in ('contrib/completion/mailtwin.bash', 'contrib/completion/_mailtwin', 'contrib/completion/mailtwin.fish'):
            text = re.sub(r'(?m)^(complete .*?) -l (?=[a-z])', r'\1 --', read(path))  # fish says -l name
            # zsh's --{a,b}-{c,d}
            for _ in range(3):
                text = re.sub(r'(--\S*?)\{([^{}]*)\}(\S*?)(?=[\'\[ ])',
                              lambda m: ' '.join(m[1] + w + m[3] for w in m[2].split(',')), text)
            found = set(re.findall(r'(?<![-\w])--([a-z][-a-z0-9]+)', text))
            self.assertEqual(found - set(long_options()) - ENQUEUE, set(), path)
            self.assertEqual(wanted_options() - found - {'debug'}, set(), path)
            for name in commands():
                self.assertIn(name, text)

    def test_bash_completes(self):
        self.write_config(read('mbsyncrc.example'))
        script = '''
            compopt() { :; }
            . "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mailtwin; echo "${COMPREPLY[@]}"'''
        bin_ = os.path.join(self.dir, 'bin')
        os.makedirs(bin_)
        os.symlink(self.binary, os.path.join(bin_, 'mailtwin'))

        def ask(*words):
            env = self.environment({'PATH': bin_ + ':' + os.environ['PATH']})
            done = subprocess.run(['bash', '-c', script, 'bash',
                                   os.path.join(lib.ROOT, 'contrib/completion/mailtwin.bash'), 'mailtwin', *words],
                                  env=env, capture_output=True, text=True, check=True)
            return done.stdout.split()
        self.assertEqual(ask('pl'), ['plan'])
        self.assertEqual(ask('--allow'), ['--allow-delete'])
        self.assertEqual(ask('-c', self.config, 'plan', ''), ['work', 'old', 'provider', 'mail'])
        self.assertEqual(ask('-c', self.config, 'state', 'dump', 'o'), ['old'])
        self.assertEqual(ask('-c', self.config, 'list', '-ls', 'work-d'), ['work-disk'])
        # Mailboxes as the last run knew them, without a word to a server.
        self.pair()
        self.far.create('a b/Gr\u00fcn 100%')
        self.sync()
        self.assertEqual(ask('-c', self.config, '--restore', ''), ['\\*', 'INBOX', 'a\\', 'b/Gr\u00fcn\\', '100%'])
        self.assertEqual(ask('-c', self.config, 'c', '--allow-delete', 'IN'), ['INBOX'])

    def test_units(self):
        self.assertIn('SuccessExitStatus=75', read('contrib/systemd/mailtwin.service'))
        for path in ('contrib/systemd/mailtwin.service', 'contrib/crontab'):
            words = re.search(r'mailtwin (-[^\n]*)$', read(path), re.M).group(1).split()
            self.mailtwin('help', *words, config=False)

    def test_install_and_uninstall(self):
        env = {k: v for k, v in os.environ.items() if k not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL')}
        to = os.path.join(self.dir, 'a place')

        def make(what):
            subprocess.run(['make', '-s', what, f'DESTDIR={to}', 'PREFIX=/usr'], cwd=lib.ROOT, env=env, check=True,
                           stdout=subprocess.DEVNULL)
            return {os.path.relpath(os.path.join(top, f), to) for top, _, files in os.walk(to) for f in files}
        found = make('install')
        for path in ('usr/bin/mailtwin', 'usr/share/man/man1/mailtwin.1', 'usr/share/man/man5/mailtwin.5',
                     'usr/share/bash-completion/completions/mailtwin', 'usr/libexec/mailtwin/mailtwin-discover', 'usr/lib/systemd/user/mailtwin.service'):
            self.assertIn(path, found)
        self.assertEqual(os.stat(os.path.join(to, 'usr/bin/mailtwin')).st_mode & 0o777, 0o755)
        with open(os.path.join(to, 'usr/lib/systemd/user/mailtwin.service')) as f:
            self.assertIn('ExecStart=/usr/bin/mailtwin ', f.read())
        self.assertEqual(make('uninstall'), set())


class Demo(lib.Case):
    weight = 5

    def test_demo(self):
        env = {**os.environ, 'MAILTWIN': lib.program('MAILTWIN_FAST')}
        done = subprocess.run([os.path.join(lib.ROOT, 'tests/demo/demo')], env=env, capture_output=True, text=True,
                              timeout=120)
        self.assertEqual((done.returncode, done.stderr), (0, ''), done.stdout)
        self.assertNotIn('\033', done.stdout)
        self.assertEqual(done.stdout.count('equal: message by message'), 2, done.stdout)
        self.assertIn('Reisen/Élan', done.stdout)
        # The picture of the README is what it shows.
        picture = subprocess.run([os.path.join(lib.ROOT, 'tests/demo/picture')], input=done.stdout, capture_output=True, text=True, check=True)
        self.assertEqual(picture.stdout, read('contrib/plan.svg'), 'tests/demo/demo | tests/demo/picture >contrib/plan.svg')
