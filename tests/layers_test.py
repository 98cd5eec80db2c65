#!/usr/bin/env python3
"""Who may include whom (ARCHITECTURE.md). Fails with the offending line and the rule it breaks."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else '.')
OURS = {'sip', 'rtp', 'gb28181', 'gateway', 'tests', 'tools'}
MAY_KNOW = {
    'sip': {'sip'},
    'rtp': {'rtp'},
    'gb28181': {'gb28181', 'sip', 'rtp'},
    'gateway/rtsp': {'gateway', 'rtp', 'sip'},
    'gateway': {'gateway', 'gb28181', 'sip', 'rtp'},
    'tools': {'tools', 'gateway', 'gb28181', 'sip', 'rtp'},
    'tests': OURS,
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def folder_of(path):
    parts = path.parts
    return 'gateway/rtsp' if parts[:2] == ('gateway', 'rtsp') else parts[0]


def is_shell(path):
    """Where I/O may be done: Asio is allowed."""
    return path.parts[0] in ('gateway', 'tools', 'tests') or 'net' in path.parts


def may_use_beast(path):
    return (path.parts[:2] == ('gateway', 'http') or path.name == 'boost_beast.cpp'
            or path.parts[:2] == ('sip', 'net') and path.name.startswith('ws_'))


def faults(path, included):
    folder, top = folder_of(path), included.split('/')[0]
    if top in OURS and top not in MAY_KNOW[folder]:
        yield f'{folder} knows nothing of {top}'
    if path.parts[0] in ('tests',):
        return
    if folder == 'gb28181' and '/net/' in included:
        yield 'gb28181 uses only pure cores'
    if folder == 'gateway/rtsp' and top == 'sip' and included != 'sip/digest.hpp':
        yield 'gateway/rtsp may use only sip/digest.hpp of sip'
    if included.startswith('boost/asio') and not is_shell(path):
        yield 'Asio only in */net/ and gateway/'
    if included.startswith('boost/beast') and not may_use_beast(path):
        yield 'Beast only in gateway/http/ and sip/net/ws_*'
    if included.startswith('openssl/ssl') and path.parts[:2] != ('sip', 'net'):
        yield 'TLS only in sip/net/'
    if included == 'ares.h' and str(path) != 'sip/net/dns_channel.cpp':
        yield 'c-ares only in sip/net/dns_channel.cpp'
    if included == 'expat.h' and str(path) != 'gb28181/xml.cpp':
        yield 'expat only in gb28181/xml.cpp'
    if '/net/' in included and top in ('sip', 'rtp') and path.parts[0] == top and 'net' not in path.parts:
        yield 'a core knows no shell'


def main():
    found, read = [], 0
    for top in sorted(OURS):
        for path in sorted((ROOT / top).rglob('*.[ch]pp')):
            read += 1
            relative = path.relative_to(ROOT)
            for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
                match = INCLUDE.match(line)
                if match:
                    found += [f'{relative}:{number}: includes {match[1]}: {why}' for why in faults(relative, match[1])]
    print('\n'.join(found) or f'{read} files keep to the layers')
    return 1 if found or read == 0 else 0


sys.exit(main())
