#!/usr/bin/env python3
"""No circles: the object files of a folder call each other in one direction only (strongly connected components, by nm).
Nothing without use: what a file gives to others is named by another file, of the program or of a test.
usage: tests/shape.py BUILD-DIRECTORY        after what it holds was built"""
import collections
import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def objects(build):
    """FOLDER: its object files, those with a source still."""
    found = collections.defaultdict(list)
    for top in ('cmd', 'sync', 'state'):
        for path in sorted(glob.glob(f'{build}/{top}/**/*.o', recursive=True)):
            source = os.path.relpath(path, build)[:-2] + '.c'
            if os.path.exists(os.path.join(ROOT, source)):
                found[os.path.dirname(source)].append(path)
    return found


def calls(paths):
    """FILE: the files of the same folder it needs."""
    home, needs = {}, collections.defaultdict(set)
    shown = subprocess.run(['nm', '-A', *paths], stdout=subprocess.PIPE, check=True, text=True).stdout
    for line in shown.splitlines():
        path, rest = line.rsplit(':', 1)
        words = rest.split()
        if words[-2] in 'TDBRC':
            home[words[-1]] = path
        elif words[-2] == 'U':
            needs[path].add(words[-1])
    return {p: {home[s] for s in needs[p] if home.get(s, p) != p} for p in paths}


def unused(paths):
    """(FILE, NAME) of what no other file of the program needs, and no test or generator names."""
    home, needed = {}, set()
    shown = subprocess.run(['nm', '-A', *paths], stdout=subprocess.PIPE, check=True, text=True).stdout
    for line in shown.splitlines():
        path, rest = line.rsplit(':', 1)
        words = rest.split()
        if words[-2] in 'TDBRC' and not words[-1].startswith('__'):
            home[words[-1]] = path
        elif words[-2] == 'U':
            needed.add(words[-1])
    named = set()
    for path in glob.glob(f'{ROOT}/tests/**/*.[ch]', recursive=True) + glob.glob(f'{ROOT}/contrib/*.c') + [f'{ROOT}/cmd/main.c', f'{ROOT}/cmd/discover/main.c']:
        with open(path) as f:
            named |= set(re.findall(r'\w+', f.read()))
    return sorted((path, name) for name, path in home.items() if name not in needed | named | {'main'})


def circles(graph):
    """Tarjan's strongly connected components of more than one file."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in graph[v]:
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            circle = stack[stack.index(v):]
            del stack[stack.index(v):]
            if len(circle) > 1:
                found.append(circle)

    for v in graph:
        if v not in index:
            visit(v)
    return found


def main(build):
    bad, n = [], 0
    for folder, paths in sorted(objects(build).items()):
        n += len(paths)
        for circle in circles(calls(paths)):
            bad.append(f'{folder}: these files call each other in a circle: {" ".join(sorted(os.path.basename(p)[:-2] for p in circle))}')
    everything = [path for paths in objects(build).values() for path in paths]
    bad += [f'{os.path.relpath(path, build)[:-2]}.c: {name} is used nowhere else: static, or not needed' for path, name in unused(everything)]
    print('\n'.join(bad) if bad else f'shape: {n} files, no circles, nothing without use')
    if n == 0:
        sys.exit(f'shape: nothing is built in {build}')
    sys.exit(bool(bad))


if __name__ == '__main__':
    main(sys.argv[1])
