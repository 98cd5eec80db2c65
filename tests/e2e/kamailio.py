"""Kamailio: our upstream, the server behind our proxy, and what the cases of the SIP server are tried on."""
import pathlib
import subprocess

from world import wait_for

CONFIG = pathlib.Path(__file__).parent / 'kamailio_registrar.cfg'


def start(world, name, listen, users, realm, domains=(), own_user='', next_hop='', options=()):
    """`listen` has "udp:127.0.0.1:5060" and the like, `options` TLS, WS, REDIRECT, NEXT_HOP (see the configuration)."""
    passwords = '\n'.join(f'  if ($fU == "{user}") $var(password) = "{password}";' for user, password in users.items())
    text = CONFIG.read_text()
    domains = [f'"{domain}"' if ':' not in domain else '"{}":{}'.format(*domain.split(':')) for domain in domains]
    for word, value in (('LISTEN', '\n'.join(f'listen={address}' for address in listen)), ('PASSWORDS', passwords),
                        ('ALIASES', '\n'.join(f'alias={domain}' for domain in domains)), ('REALM', realm),
                        ('FOLDER', str(world.folder)), ('OWN_USER', own_user), ('"NEXT_HOP', f'"{next_hop}')):
        text = text.replace(word, value)
    path = world.folder / f'{name}.cfg'
    path.write_text(text)
    defines = [argument for option in options for argument in ('-A', f'WITH_{option}')]
    process = world.start(name, ['kamailio', '-f', path, '-DD', '-E', '-m', '256', '-M', '16', '-Y', world.folder,
                                 *defines])
    wait_for(f'{name} to listen', lambda: all(listening(address) for address in listen) or not process.alive(), 10)
    if not process.alive():
        raise RuntimeError(process.text()[-2000:])
    return process


def listening(address):
    """Whether somebody listens at "udp:127.0.0.1:5060" or the like, told by protocol and port."""
    protocol, port = address.split(':')[0], address.rsplit(':', 1)[1]
    kind = '--udp' if protocol == 'udp' else '--tcp'
    return bool(subprocess.run(['ss', '-Hln', kind, f'sport = :{port}'], stdout=subprocess.PIPE, check=True).stdout)
