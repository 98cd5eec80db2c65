"""Senders that are not what they should be: late, lying, endless. Each is refused, counted or answered; nothing grows."""
import contextlib
import socket
import threading
import time

from ingest_cases import open_ingest, source
from netem_cases import make_clip
from ps_sender import FPS, SSRC, access_units, pack, packets_of
from world import expect, wait_for


class UdpCamera:
    """Sends a clip from a socket of its own until it is told to stop, whoever listens."""

    def __init__(self, port, clip):
        self.to, self.units, self.running = ('127.0.0.1', port), access_units(clip), True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        sequence, number = 0, 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.bind(('127.0.0.1', 0))
            while self.running:
                packets = packets_of(pack(self.units[number % len(self.units)], 90000 + 3600 * number), sequence, 3600 * number)
                sequence, number = sequence + len(packets), number + 1
                for packet in packets:
                    with contextlib.suppress(ConnectionRefusedError):
                        out.sendto(packet, self.to)
                time.sleep(1 / FPS)

    def close(self):
        self.running = False
        self.thread.join()


def is_live(world, name):
    return any(s['name'] == name and s['state'] == 'live' for s in world.streams())


def reopen(world, name, port, **more):
    """The only port, when it has rested."""
    ingest = wait_for('the port to have rested', lambda: post(world, name, **more), 10)
    expect(ingest['port'] == port, f'{ingest["port"]} instead of {port}')


def post(world, name, **more):
    status, ingest = world.request('POST', '/api/v1/ingests', {'name': name, 'transport': 'udp', **more})
    return ingest if status == 201 else None


def case_former_sender(world):
    """A sender that missed its end is kept out of the stream that has its port next; another one with its SSRC is not."""
    world.start_gateway(media_rtp_port_min=world.rtp, media_rtp_port_max=world.rtp + 1)
    clip = make_clip(world.clips['h264'].parent / 'intra.h264')
    port = open_ingest(world, 'first', ssrc=SSRC)['port']
    late = UdpCamera(port, clip)
    wait_for('the first stream', lambda: is_live(world, 'first'), 5)
    world.request('DELETE', '/api/v1/ingests/first')
    reopen(world, 'second', port, ssrc=SSRC + 1)
    wait_for('the late sender to be refused', lambda: source(world, 'second')['refused'] > 50, 5)
    expect(not is_live(world, 'second'), 'the picture of another stream')
    own = UdpCamera(port, clip)  # it does not send what was agreed, but what the former one did
    wait_for('the second stream', lambda: is_live(world, 'second'), 5)
    late.close()
    world.request('DELETE', '/api/v1/ingests/second')
    reopen(world, 'second', port, ssrc=SSRC)
    wait_for('the same stream again', lambda: is_live(world, 'second'), 5)
    own.close()
