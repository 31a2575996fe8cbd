#!/usr/bin/env python3
"""make-bundle.py OUT [ARCH] [OPTION CODE]... - a runtime bundle, or one fault.

An honest bundle of ARCH (amd64) by a raw header writer of its own, and hooks
of Python code that may break exactly one thing:

  -e CODE   the entries, before the manifest is made of them
  -m CODE   the manifest `m` (a dict), or `text` (bytes) in its place
  -t CODE   the entries, with the manifest among them
  -s CODE   the tar stream `tar` (bytes)
  -z CODE   the compressed stream `out` (bytes)
  -o WHERE  the manifest stands first (default) or last; both: far in front
            of the rest, and last in a second file, OUT.last
  -c HOW    gzip (default), zstd, xz or none
  -p        print the manifest with indent

The code sees E, add, drop, get, path, pax, gnu, elf, top, arch, lib, entries.
"""
import getopt
import gzip
import hashlib
import json
import struct
import sys
import zlib  # noqa: F401, for hooks

opts, args = getopt.gnu_getopt(sys.argv[1:], 'e:m:t:s:z:o:c:p')
hooks = {k: v for k, v in opts}
out_path = args[0]
arch = args[1] if len(args) > 1 else 'amd64'
machines = {'amd64': 62, 'arm64': 183}
top = 'runtime_1.0_' + arch
lib = 'usr/lib/' + {'amd64': 'x86_64', 'arm64': 'aarch64'}[arch] + '-linux-gnu'


def elf(machine=None, tail=b''):
    machine = machines[arch] if machine is None else machine
    return (b'\177ELF\2\1\1' + bytes(9) + struct.pack('<HHI', 3, machine, 1) +
            bytes(40) + tail)


class E:
    """An entry; pre are blocks before its header, over replaces header bytes
    at an offset (the checksum is made after that, but of offset 148)."""

    def __init__(self, name, data=b'', type='0', mode=None, link='', pre=b'',
                 over=None, size=None):
        self.name, self.data, self.type = name, data, type
        self.mode = mode if mode is not None else \
            {'5': 0o755, '2': 0o777}.get(type, 0o644)
        self.link, self.pre, self.over = link, pre, over or {}
        self.size = len(data) if size is None else size

    def bytes(self):
        name, link = self.name, self.link
        name = name if isinstance(name, bytes) else name.encode()
        link = link if isinstance(link, bytes) else link.encode()
        prefix = b''
        if len(name) > 100:
            at = name.rfind(b'/', 0, 156)
            prefix, name = name[:at], name[at + 1:]
        h = bytearray(512)
        h[0:len(name)] = name
        h[100:108] = b'%07o\0' % self.mode
        h[108:116] = h[116:124] = b'0000000\0'
        h[124:136] = b'%011o\0' % self.size
        h[136:148] = b'%011o\0' % 0
        h[156:157] = self.type.encode()
        h[157:157 + len(link)] = link
        h[257:265] = b'ustar\00000'
        h[345:345 + len(prefix)] = prefix
        for at, value in self.over.items():
            if at != 148:
                h[at:at + len(value)] = value
        assert len(h) == 512, self.name
        h[148:156] = b' ' * 8
        h[148:156] = b'%06o\0 ' % sum(h)
        if 148 in self.over:
            h[148:148 + len(self.over[148])] = self.over[148]
        return self.pre + bytes(h) + self.data + bytes(-len(self.data) % 512)


def pax(records, type='x'):
    """A pax header's blocks; records are pairs (a dict will do)."""
    body = b''
    pairs = records.items() if isinstance(records, dict) else records
    for k, v in pairs:
        v = v if isinstance(v, bytes) else str(v).encode()
        rest = b' ' + k.encode() + b'=' + v + b'\n'
        n = len(rest)
        while n != len(str(n)) + len(rest):
            n = len(str(n)) + len(rest)
        body += str(n).encode() + rest
    return E('PaxHeaders/x', body, type).bytes()


def gnu(letter, text):
    text = text if isinstance(text, bytes) else text.encode()
    return E('././@LongLink', text + b'\0', letter,
             over={257: b'ustar  \0'}).bytes()


def path(p):
    return top + '/' + p


entries = [E(top, type='5')]
for d in ('etc', 'etc/nvidia-container-runtime', 'usr', 'usr/bin', 'usr/lib',
          lib):
    entries.append(E(path(d), type='5'))
entries.append(E(path('etc/nvidia-container-runtime/config.toml'), b'a = 1\n'))
for b in ('nvidia-cdi-hook', 'nvidia-container-runtime',
          'nvidia-container-runtime-hook', 'nvidia-container-cli',
          'nvidia-ctk'):
    entries.append(E(path('usr/bin/' + b), elf(tail=b.encode()), mode=0o755))
entries.append(E(path(lib + '/libnvidia-container.so.1.17.8'),
                 elf(tail=b'lib' * 500)))
entries.append(E(path(lib + '/libnvidia-container.so.1'), type='2',
                 link='libnvidia-container.so.1.17.8'))


def get(p):
    return next(e for e in entries if e.name == path(p))


def add(p, *args, **kw):
    entries.append(E(path(p), *args, **kw))
    return entries[-1]


def drop(p):
    entries.remove(get(p))


def run(code, **more):
    names = dict(globals())
    names.update(more)
    exec(code, names)
    return names


if '-e' in hooks:
    run(hooks['-e'])
m = {
    'schema_version': 1, 'bundle_name': 'runtime', 'bundle_version': '1.0',
    'architecture': arch, 'created_at': '2026-01-02T03:04:05Z',
    'components': {
        'nvidia_container_toolkit': {'version': '1.17.8', 'commit': 'f202b80'},
        'libnvidia_container': {'version': '1.17.8', 'commit': '6eda4d7'},
    },
    'files': [],
}
for e in entries:
    if e.type == '2':
        m['files'].append({'path': e.name[len(top) + 1:],
                           'entry_type': 'symlink', 'target': e.link})
    elif e.type == '0':
        m['files'].append({'path': e.name[len(top) + 1:], 'entry_type': 'file',
                           'sha256': hashlib.sha256(e.data).hexdigest(),
                           'size': len(e.data)})


def listed(p):
    return next(f for f in m['files'] if f['path'] == p)


text = None
if '-m' in hooks:
    done = run(hooks['-m'], m=m, text=None, listed=listed)
    m, text = done['m'], done['text']
if text is None:
    text = json.dumps(m, indent=2 if '-p' in hooks else None,
                      ensure_ascii=False).encode()
where = hooks.get('-o', 'first')
payload = entries


def copy(e):
    c = E(e.name, e.data, e.type, e.mode, e.link, e.pre, e.over, e.size)
    if 'bytes' in e.__dict__:
        c.bytes = e.bytes
    return c


def compress(tar, how):
    if how == 'gzip':
        return gzip.compress(tar, 6, mtime=0)
    if how == 'xz':
        import lzma
        return lzma.compress(tar)
    if how == 'zstd':
        import subprocess
        return subprocess.run(['zstd', '-cq'], input=tar, check=True,
                              stdout=subprocess.PIPE).stdout
    return tar


def write(name, last):
    global entries
    entries = [copy(e) for e in payload]
    manifest = E(path('manifest.json'), text)
    entries.insert(len(entries) if last else 1, manifest)
    if where == 'both' and not last:
        # more than a reader's buffer, so that it meets the manifest's text
        # before the headers behind it
        entries[2:2] = [E(path('pad%d' % i), type='5') for i in range(300)]
    if '-t' in hooks:
        run(hooks['-t'], m=m, manifest=manifest)
    tar = b''.join(e.bytes() for e in entries) + bytes(1024)
    if '-s' in hooks:
        tar = run(hooks['-s'], tar=tar)['tar']
    out = compress(tar, hooks.get('-c', 'gzip'))
    if '-z' in hooks:
        out = run(hooks['-z'], tar=tar, out=out)['out']
    with open(name, 'wb') as f:
        f.write(out)


write(out_path, where == 'last')
if where == 'both':
    write(out_path + '.last', True)
