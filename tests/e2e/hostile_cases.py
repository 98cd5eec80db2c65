"""Senders that are not what they should be: late, lying, endless. Each is refused, counted or answered; nothing grows."""
import contextlib
import random
import resource
import socket
import struct
import threading
import time

from ingest_cases import FramedSender, open_ingest, source
from netem_cases import make_clip, slices_by_number
from ps_sender import FPS, SSRC, access_units, pack, packets_of
from rtsp_viewer import Viewer
from soak_cases import footprint, is_sanitized
from world import expect, wait_for


class UdpCamera:
    """Sends a clip from a socket of its own until it is told to stop, whoever listens; `spice(out)` may send more between frames."""

    def __init__(self, port, clip, spice=None):
        self.to, self.units, self.running, self.spice = ('127.0.0.1', port), access_units(clip), True, spice
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
                if self.spice:
                    self.spice(out)
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


class Liar:
    """Datagrams that lie, each in its own way, repeatable by the seed."""

    def __init__(self, port, seed, ssrc):
        self.to, self.random, self.sent, self.running, self.ssrc = ('127.0.0.1', port), random.Random(seed), 0, True, ssrc

    def __call__(self, out):
        for _ in range(40 if self.running else 0):
            self.sent += 1
            with contextlib.suppress(ConnectionRefusedError):
                out.sendto(self.datagram(), self.to)

    def datagram(self):
        r = self.random
        noise = r.randbytes(r.randrange(0, 1400))
        rtp = struct.pack('>BBHII', 0x80, 96, r.randrange(65536), r.randrange(2**32), self.ssrc)
        long_pes = b'\0\0\1\xe0' + r.randbytes(2) + noise
        return r.choice((
            noise,
            b'',
            struct.pack('>BBHII', r.randrange(256), r.randrange(256), r.randrange(65536), 0, self.ssrc)[:r.randrange(13)],
            bytes((0x40,)) + rtp[1:] + noise,                                     # RTP of version 1
            bytes((0x8f,)) + rtp[1:] + noise[:r.randrange(60)],                   # CSRCs that are not there
            bytes((0x90,)) + rtp[1:] + struct.pack('>HH', 0xbede, 0xffff) + noise,  # an extension beyond the end
            bytes((0xa0,)) + rtp[1:] + noise + bytes((255,)),                     # more padding than packet
            struct.pack('>BBHI', 0x80 | r.randrange(32), r.randrange(200, 205), r.randrange(65536), self.ssrc) + noise,  # RTCP
            struct.pack('>BBHII', 0x80, r.randrange(128), r.randrange(65536), r.randrange(2**32), r.choice((0, 1, 2**32 - 1))) + noise,
            rtp + b'\0\0\1\xba' + noise, rtp + b'\0\0\1\xbc' + r.randbytes(2) + noise, rtp + long_pes))


def memory_of(world):
    return footprint(world)[0]


def case_hostile_sender(world):
    """Thousands of packets that lie, from the camera's own address and from another: counted; the picture is back when they end."""
    world.start_gateway()
    clip = make_clip(world.clips['h264'].parent / 'intra.h264')
    port = open_ingest(world, 'attacked', ssrc=SSRC)['port']
    within, beside = Liar(port, 1, SSRC), Liar(port, 2, SSRC + 1)  # who has what was agreed is believed
    camera = UdpCamera(port, clip)
    wait_for('the stream', lambda: is_live(world, 'attacked'), 5)
    viewer = Viewer(world.rtsp, 'attacked')
    time.sleep(1)
    before = memory_of(world)
    camera.spice = within
    end = time.monotonic() + 8
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind(('127.0.0.7', 0))
        while time.monotonic() < end:
            beside(out)
            time.sleep(0.01)
        out.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            raise AssertionError(f'our reports go to a stranger: {out.recv(2000).hex()}')
    within.running = False
    figures = source(world, 'attacked')
    grown = memory_of(world) - before
    viewer.close()
    print(f'   {within.sent} from the camera, {beside.sent} from another; refused {figures["refused"]}, invalid {figures["invalid"]}; '
          f'{grown} KiB more')
    expect(figures['invalid'] > within.sent / 4, f'invalid: {figures}')
    expect(figures['refused'] > beside.sent / 4, f'refused: {figures}')
    expect(is_sanitized(world) or grown < 8 * 1024, f'{grown} KiB more')
    # A sender that changed its SSRC may not change back at once; it is its own successor after two seconds.
    time.sleep(3)
    numbers, viewer = slices_by_number(clip), Viewer(world.rtsp, 'attacked')
    time.sleep(2)
    got = [numbers.get(nal.rstrip(b'\0')) for nal in viewer.slices]
    viewer.close()
    camera.close()
    expect(None not in got and len(got) > FPS, f'pictures after it: {got}')


class Crowd:
    """Connections that send nothing, or the beginning of something."""

    def __init__(self, port):
        self.port, self.sockets = port, []

    def grow(self, count):
        for number in range(count):
            one = socket.create_connection(('127.0.0.1', self.port), timeout=10)
            if number % 3 == 0:
                with contextlib.suppress(OSError):
                    one.send(b'\5')
            self.sockets.append(one)

    def close(self):
        for one in self.sockets:
            one.close()


def enough_refused(world, count):
    refused = world.metric('gbgate_media_refused_connections_total')
    return refused if refused >= count else None


def case_shared_port_flood(world):
    """10,000 connections that say nothing and 50,000 packets of nobody on the port for all: a camera is live among them all the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16000), hard))
    port = world.rtp + 998
    world.start_gateway(media_rtp_port=port)
    clip = make_clip(world.clips['h264'].parent / 'intra.h264')
    open_ingest(world, 'first', 'tcp-passive', ssrc=7)  # the port is open from now on
    before, crowd = footprint(world), Crowd(port)
    with contextlib.closing(crowd):
        crowd.grow(9000)
        open_ingest(world, 'camera', 'tcp-passive', ssrc=SSRC)
        sender = FramedSender(port, clip, None)
        crowd.grow(1000)
        wait_for('a picture', lambda: is_live(world, 'camera'), 10)
        refused = wait_for('those that wait too long to be refused', lambda: enough_refused(world, 10000 - 256), 10)
        memory, descriptors, _ = footprint(world)
        print(f'   {refused:.0f} refused; memory {before[0]} to {memory} KiB, descriptors {before[1]} to {descriptors}')
        expect(descriptors - before[1] < 300, f'{descriptors} descriptors, {before[1]} before')
        expect(is_sanitized(world) or memory - before[0] < 48 * 1024, f'{memory} KiB, {before[0]} before')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for number in range(50000):
                out.sendto(struct.pack('>BBHII', 0x80, 96, number & 0xffff, 0, 0x10000 + number) + bytes(100), ('127.0.0.1', port))
        heard = wait_for('strangers', lambda: world.metric('gbgate_media_strangers_total'))
        dropped = world.metric('gbgate_media_port_drops_total')
        expect(heard + dropped >= 40000, f'strangers: {heard}, dropped by the system: {dropped}')
        sender.thread.join(20)
        expect(source(world, 'camera')['lost'] == 0, 'the camera lost nothing')
        wait_for('the silent to be closed', lambda: footprint(world)[1] - before[1] < 10, 20)
        sender.socket.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
