"""sipp and sipsak: calls that are counted, contacts that are registered, certificates and bridges for their TLS."""
import os
import subprocess

import kamailio
from world import ROOT, expect, free_ports, wait_for

METHODS = ROOT / 'tests/sipp/methods'


class Sipp:
    """A sipp with its figures. Without a target it is a callee. A scenario is a file, or the name of one built in."""

    def __init__(self, world, name, scenario, *options, calls=1, target='', port=None, transport='udp'):
        self.name, self.calls, self.port = name, calls, port or free_ports(1)[0]
        self.stat, self.errors = world.folder / f'{name}.csv', world.folder / f'{name}.errors'
        self.process = world.start(name, [
            'sipp', *([target] if target else []), '-sn' if isinstance(scenario, str) else '-sf', scenario, *options,
            '-i', '127.0.0.1', '-p', self.port, '-m', calls, '-l', calls, '-t', f'{transport[0]}1', '-nostdin',
            '-trace_stat', '-stf', self.stat, '-fd', '1', '-trace_err', '-error_file', self.errors,
            '-recv_timeout', '20000'])
        if not target:
            wait_for(f'{name} to listen', lambda: kamailio.listening(f'{transport}:127.0.0.1:{self.port}'), 5)

    def figure(self, column):
        rows = [line.split(';') for line in self.stat.read_text().splitlines()]
        return int(rows[-1][rows[0].index(column)])

    def finish(self, seconds=40, but=()):
        """Ends well: all calls succeeded, nothing unexpected came, nothing was sent twice; `but` is not looked at."""
        wait_for(f'{self.name} to end', lambda: not self.process.alive(), seconds)
        seen = {column: self.figure(f'{column}(C)') for column in
                ('SuccessfulCall', 'FailedCall', 'FailedUnexpectedMessage', 'OutOfCallMsgs', 'Retransmissions')}
        wanted = {**dict.fromkeys(seen, 0), 'SuccessfulCall': self.calls, **{column: seen[column] for column in but}}
        said = self.errors.read_text(errors='replace')[:1500] if self.errors.exists() else ''
        expect(seen == wanted and self.process.process.returncode == 0, f'{self.name}: {seen} {said}')


def register(world, user, password, domain, contact):
    """A contact of any kind, registered with digest in place of what was registered."""
    (world.folder / 'user.csv').write_text(
        f'SEQUENTIAL\n{user};[authentication username={user} password={password}]\n')
    Sipp(world, f'register-{user}-{free_ports(1)[0]}', METHODS / 'register_uas.xml', '-inf', world.folder / 'user.csv',
         '-key', 'domain', domain, '-key', 'contact', contact, '-key', 'expires', 3600,
         target=f'127.0.0.1:{world.sip}').finish(10)


def make_certificates(world, domain):
    """A certificate authority of the test and the server's certificate: ca.pem, server.pem, server.key."""
    def openssl(*args):
        subprocess.run(['openssl', *args], cwd=world.folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    key = ('-newkey', 'rsa:2048', '-nodes')
    openssl('req', '-x509', *key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test CA')
    openssl('req', *key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', f'/CN={domain}')
    (world.folder / 'names').write_text(f'subjectAltName=DNS:{domain},DNS:localhost,IP:127.0.0.1\n')
    openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
            '-extfile', 'names', '-out', 'server.pem')


def tls_bridges(world, callee_port):
    """sipp has no TLS here: ports by which its TCP becomes TLS to the server, and TLS becomes TCP to a callee."""
    to_server, to_callee = free_ports(2)
    world.start('socat-out', ['socat', f'TCP-LISTEN:{to_server},bind=127.0.0.1,fork,reuseaddr',
                              f'OPENSSL:127.0.0.1:{world.tls},cafile={world.folder}/ca.pem'])
    world.start('socat-in', ['socat', f'OPENSSL-LISTEN:{to_callee},bind=127.0.0.1,fork,reuseaddr,verify=0,'
                             f'cert={world.folder}/server.pem,key={world.folder}/server.key',
                             f'TCP:127.0.0.1:{callee_port}'])
    for port in (to_server, to_callee):
        wait_for('socat', lambda port=port: kamailio.listening(f'tcp:127.0.0.1:{port}'), 5)
    return to_server, to_callee


def sipsak(world, *arguments):
    """Exit code and words. -r, not a port in the URI: sipsak 0.9.8.1 drops the last of its five digits. Its -M and -I
    crash in Debian 12, so a MESSAGE is sent from a file. It takes the session tickets of TLS 1.3 for an error."""
    (world.folder / 'gnutls').write_text('[overrides]\ndisabled-version = tls1.3\n')
    result = subprocess.run(['sipsak', *[str(a) for a in arguments]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=15, text=True, errors='replace', check=False,
                            env={**os.environ, 'GNUTLS_SYSTEM_PRIORITY_FILE': str(world.folder / 'gnutls')})
    return result.returncode, result.stdout
