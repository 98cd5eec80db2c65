"""baresip as a telephone: an account, a tone as its microphone, driven over its TCP control port."""
import contextlib
import json
import pathlib
import re
import socket
import subprocess
import time

from world import expect, free_ports, wait_for

MODULES = pathlib.Path('/usr/lib/baresip/modules')


def make_tone(folder):
    tone = folder / 'tone.wav'
    if not tone.exists():
        subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'sine=440:duration=60',
                        '-ar', '8000', '-ac', '1', tone], check=True)
    return tone


class Softphone:
    def __init__(self, world, user, server, domain=None, password='', transport='udp', answer='auto',
                 outbound=True, address='127.0.0.1', inside=(), name=None):
        """`server` is host:port of the registrar, and of the outbound proxy if there is one; `domain` the host of the
        address. `inside` is a command to run it by (ip netns exec ...); it can be told nothing then. `name` tells
        several phones of a user apart."""
        self.world, self.user, name = world, user, name or user
        self.domain = domain or server
        self.sip, _, self.control, self.rtp = free_ports(4)
        self.folder = world.folder / name
        self.folder.mkdir()
        (self.folder / 'config').write_text('\n'.join([
            f'sip_listen {address}:{self.sip}', 'audio_channels 1',
            f'audio_player aubridge,{user}', f'audio_source aufile,{make_tone(world.folder)}',
            f'audio_alert aubridge,{user}-alert', f'rtp_ports {self.rtp}-{self.rtp + 40}', f'module_path {MODULES}',
            'module g711.so', 'module aufile.so', 'module aubridge.so', 'module_app account.so',
            'module_app menu.so', 'module_app ctrl_tcp.so', f'ctrl_tcp_listen 127.0.0.1:{self.control}',
            f'net_interface {address}', 'rtp_stats yes', 'module_app rtcpsummary.so', '']))
        account = f'<sip:{user}@{self.domain};transport={transport}>;auth_user={user};auth_pass={password};regint=60;' \
                  f'answermode={answer};audio_codecs=PCMU'
        if outbound:
            account += f';outbound="sip:{server};transport={transport}"'
        (self.folder / 'accounts').write_text(account + '\n')
        (self.folder / 'contacts').write_text('')
        self.process = world.start(f'baresip-{name}', [*inside, 'baresip', '-f', self.folder])

    def wait_registered(self):
        self.wait_text('200 OK', 'to be registered')

    def wait_text(self, pattern, what=None, seconds=10):
        return wait_for(f'{self.user} {what or "to say " + pattern}', lambda: re.search(pattern, self.text()), seconds)

    def text(self):
        return self.process.text()

    def command(self, command, params=''):
        """Sends one command; what came back, events too."""
        message = json.dumps({'command': command, 'params': params, 'token': 't'}).encode()
        with socket.create_connection(('127.0.0.1', self.control), 5) as s:
            s.sendall(b'%d:%s,' % (len(message), message))
            s.settimeout(2)
            answer = b''
            with contextlib.suppress(TimeoutError):
                while b'"response":true' not in answer:
                    answer += s.recv(65536)
        return answer.decode(errors='replace')

    def dial(self, uri):
        expect('"ok":true' in self.command('dial', uri), f'{self.user} cannot dial {uri}: {self.text()[-1000:]}')

    def hang_up(self):
        self.command('hangup')

    def established(self):
        return self.text().count('Call established')

    def media(self):
        """Packets sent and received of the calls that have ended."""
        return [(int(a), int(b)) for a, b in re.findall(r'^packets:\s+(\d+)\s+(\d+)', self.text(), re.M)]


def call(caller, callee, uri, by, seconds=1.5, answer=False):
    """A whole call with sound in both directions, ended by `by`; answered by hand where the phone does not do it."""
    calls = caller.established() + 1, callee.established() + 1
    ended = len(caller.media()) + 1, len(callee.media()) + 1
    rung = callee.text().count('Incoming call')
    caller.dial(uri)
    if answer:
        wait_for('it to ring', lambda: callee.text().count('Incoming call') > rung, 10)
        callee.command('accept')
    for phone, count in zip((caller, callee), calls):
        wait_for(f'{phone.user} to be in the call', lambda: phone.established() >= count, 10)
    time.sleep(seconds)
    by.hang_up()
    for phone, count in zip((caller, callee), ended):
        wait_for(f'{phone.user} to see the end', lambda: len(phone.media()) >= count, 10)
        sent, received = phone.media()[-1]
        least = int(seconds * 50 * 0.6)
        expect(sent >= least and received >= least, f'{phone.user} sent {sent} and heard {received} packets')
