"""What a power cut would leave of a run: its writes, syncs, renames and removals are recorded by strace, and the disk
is rebuilt as it may be found after any of them.

    disk = Disk(folder)                 # as it is now: all of it durable
    for event in recorded(argv, ...):   # runs the program
        disk.apply(event)
        for name, files in disk.ways(): # {path: bytes}, folders as paths ending in '/'
            rebuild(folder, files)

Of a file only what was synced is sure to be there, of a folder only the entries it had when it was synced. What was not
may be there all the same, or in part: a cut is tried in four ways.
    lost    nothing that was not synced
    names   all names, but only synced contents (a file without any is empty)
    torn    all names, synced contents and every second write since
    kept    everything
"""
import os
import re
import subprocess

CALLS = ('open,openat,creat,close,lseek,write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync,rename,renameat,renameat2,'
         'unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,copy_file_range,sendfile,dup,dup2,dup3')
UNKNOWN = ('copy_file_range', 'sendfile', 'dup', 'dup2', 'dup3')


def text(quoted):
    """A string of strace -xx."""
    return bytes.fromhex(quoted.replace('\\x', ''))


def recorded(argv, log, **kw):
    """Runs argv under strace; yields (call, arguments, result) of what succeeded, in order."""
    done = subprocess.run(['strace', '-f', '-qq', '-y', '-xx', '-s', '10000000', '-e', 'trace=' + CALLS, '-e', 'signal=none',
                           '-o', log, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, **kw)
    if done.returncode != 0:
        raise AssertionError(f'{argv}: exit code {done.returncode}\n{done.stderr}')
    begun = {}
    with open(log) as lines:
        for line in lines:
            pid, line = line.rstrip('\n').split(None, 1)
            if line.endswith('<unfinished ...>'):
                begun[pid] = line[:-len('<unfinished ...>')].rstrip()
                # The number may be another thread's before this one has returned.
                closed = re.match(r'close\((\d+)', line)
                if closed:
                    yield 'close', closed[1], 0
                    begun[pid] = None
                continue
            resumed = re.match(r'<\.\.\. \w+ resumed>', line)
            if resumed and begun[pid] is None:
                del begun[pid]
                continue
            if resumed:
                line = begun.pop(pid) + line[resumed.end():]
            whole = re.match(r'(\w+)\((.*)\)\s+= (-?\d+)', line)
            if whole and int(whole[3]) >= 0:
                # The paths of descriptors come in hexadecimal as well.
                args = re.sub(r'<((?:\\x[0-9a-f]{2})+)(\(deleted\))?>', lambda m: f'<{os.fsdecode(text(m[1]))}>', whole[2])
                yield whole[1], args, int(whole[3])


class File:
    def __init__(self, content=None):
        self.now = bytearray(content or b'')
        self.synced = bytes(content) if content is not None else None
        self.writes = []                # since the last sync: (offset, bytes)

    def write(self, at, data):
        self.now[at:at] = b'\0' * max(0, at - len(self.now))
        self.now[at:at + len(data)] = data
        self.writes.append((at, data))

    def sync(self):
        self.synced = bytes(self.now)
        self.writes = []

    def torn(self):
        content = bytearray(self.synced or b'')
        for at, data in self.writes[::2]:
            content[len(content):] = b'\0' * max(0, at - len(content))
            content[at:at + len(data)] = data
        return bytes(content)


class Disk:
    def __init__(self, folder):
        self.folder = folder
        self.now = {}                   # path -> File, or None for a folder
        for top, folders, files in os.walk(folder):
            for name in folders:
                self.now[os.path.join(top, name)] = None
            for name in files:
                with open(os.path.join(top, name), 'rb') as f:
                    self.now[os.path.join(top, name)] = File(f.read())
        self.synced = dict(self.now)
        self.fds = {}                   # number -> [File, offset, is synchronous]

    def path(self, at, name):
        at = at.split('<', 1)[1].rstrip('>') if '<' in at else os.getcwd()
        return os.path.normpath(os.path.join(at, os.fsdecode(text(name))))

    def is_ours(self, path):
        return path.startswith(self.folder + '/')

    def apply(self, event):
        """True if the disk may look different now."""
        call, args, result = event
        if call in UNKNOWN and self.folder in args:
            raise AssertionError(f'{call} is not understood')
        act = getattr(self, 'do_' + {'pwrite64': 'write', 'writev': 'write', 'pwritev': 'write', 'fdatasync': 'fsync',
                                     'renameat': 'rename', 'renameat2': 'rename', 'unlinkat': 'unlink', 'rmdir': 'unlink',
                                     'mkdirat': 'mkdir', 'linkat': 'link', 'openat': 'open', 'creat': 'open'}.get(call, call),
                      None)
        return bool(act and act(call, args, result))

    def names(self, args):
        """The paths a call names, in order."""
        found = re.findall(r'(?:((?:AT_FDCWD|\d+)(?:<[^>]*>)?), )?"((?:\\x[0-9a-f]{2})*)"', args)
        return [self.path(at or 'AT_FDCWD', name) for at, name in found]

    def do_open(self, call, args, result):
        path = self.names(args)[0]
        self.fds.pop(result, None)
        if not self.is_ours(path) or 'O_DIRECTORY' in args:
            return False
        file = self.now.get(path)
        if file is None:
            if path in self.now or 'O_CREAT' not in args:
                return False
            file = self.now[path] = File()
        if 'O_TRUNC' in args:
            file.now = bytearray()
        self.fds[result] = [file, len(file.now) if 'O_APPEND' in args else 0, 'SYNC' in args]
        return True

    def do_close(self, call, args, result):
        self.fds.pop(int(args.split('<')[0]), None)

    def do_write(self, call, args, result):
        fd = self.fds.get(int(args.split('<')[0]))
        if fd is None:
            return False
        data = b''.join(text(t) for t in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', args))[:result]
        at = int(args.rsplit(',', 1)[1]) if call.startswith('p') else fd[1]
        if not call.startswith('p'):
            fd[1] += result
        fd[0].write(at, data)
        if fd[2]:
            fd[0].sync()
        return True

    def do_lseek(self, call, args, result):
        fd = self.fds.get(int(args.split('<')[0]))
        if fd is not None:
            fd[1] = result

    def do_ftruncate(self, call, args, result):
        fd = self.fds.get(int(args.split('<')[0]))
        if fd is None:
            return False
        size = int(args.rsplit(',', 1)[1])
        del fd[0].now[size:]
        fd[0].now.extend(b'\0' * (size - len(fd[0].now)))
        return True

    def do_fsync(self, call, args, result):
        number, path = re.match(r'(\d+)<([^>]*)>', args).groups()
        fd = self.fds.get(int(number))
        if fd is not None:
            fd[0].sync()
        elif self.now.get(path, 0) is None or path == self.folder:
            for known in (self.synced, self.now):
                for p in [p for p in known if os.path.dirname(p) == path]:
                    if p in self.now:
                        self.synced[p] = self.now[p]
                    else:
                        del self.synced[p]
        return True

    def do_rename(self, call, args, result):
        old, new = self.names(args)
        if self.is_ours(old):
            for p in [p for p in self.now if p == old or p.startswith(old + '/')]:
                self.now[new + p[len(old):]] = self.now.pop(p)
        return True

    def do_link(self, call, args, result):
        old, new = self.names(args)
        if self.is_ours(old):
            self.now[new] = self.now[old]
        return True

    def do_unlink(self, call, args, result):
        self.now.pop(self.names(args)[0], None)
        return True

    def do_mkdir(self, call, args, result):
        if self.is_ours(self.names(args)[0]):
            self.now[self.names(args)[0]] = None
        return True

    def ways(self):
        def image(names, content):
            return {p + ('/' if f is None else ''): None if f is None else content(f) for p, f in names.items()
                    if all(q in names for q in self.above(p))}
        yield 'lost', image(self.synced, lambda f: f.synced or b'')
        yield 'names', image(self.now, lambda f: f.synced or b'')
        yield 'torn', image(self.now, File.torn)
        yield 'kept', image(self.now, lambda f: bytes(f.now))

    def above(self, path):
        path = os.path.dirname(path)
        while self.is_ours(path):
            yield path
            path = os.path.dirname(path)


def rebuild(folder, image):
    """Makes the folder hold just that. Folders that are there stay, and so do their inodes."""
    for top, folders, files in os.walk(folder, topdown=False):
        for name in files:
            if os.path.join(top, name) not in image:
                os.unlink(os.path.join(top, name))
        for name in folders:
            if os.path.join(top, name) + '/' not in image:
                os.rmdir(os.path.join(top, name))
    for path in sorted(p for p in image if p.endswith('/')):
        os.makedirs(path, exist_ok=True)
    for path, content in image.items():
        if content is None:
            continue
        try:
            with open(path, 'rb') as f:
                if f.read() == content:
                    continue
        except FileNotFoundError:
            pass
        with open(path, 'wb', opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
            f.write(content)
