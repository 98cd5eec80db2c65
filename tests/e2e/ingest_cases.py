"""What cameras send, and how: elementary streams, one port for all, SSRCs that are wrong, framing that breaks."""
import socket
import struct
import threading
import time

import players
from netem_cases import make_clip, slices_by_number
from ps_sender import FPS, SSRC, access_units, pack, packets_of
from rtsp_viewer import Viewer
from world import expect, wait_for


def open_ingest(world, name, transport='udp', **more):
    status, ingest = world.request('POST', '/api/v1/ingests', {'name': name, 'transport': transport, **more})
    expect(status == 201, f'an ingest: {status} {ingest}')
    return ingest


def source(world, name):
    return next(s['source'] for s in world.streams() if s['name'] == name)


def case_elementary_streams(world):
    """ffmpeg sends H.264, H.265 and G.711 in RTP without a program stream: by payload type, and by content alone."""
    world.start_gateway(media_first_media_timeout_ms=8000)
    picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25']
    codecs = {'h264': ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '25'],
              'h265': ['-c:v', 'libx265', '-preset', 'ultrafast', '-tune', 'zerolatency', '-x265-params',
                       'log-level=error:keyint=25:repeat-headers=1']}
    # 96 is a program stream by the standard, 111 nothing at all: what comes proves what it is.
    for codec, number in (('h264', 98), ('h265', 100), ('h264', 96), ('h265', 99), ('h264', 111)):
        name = f'{codec}-{number}'
        ingest = open_ingest(world, name)
        sender = world.start(f'ffmpeg-{name}', ['ffmpeg', '-nostdin', '-v', 'error', '-re', *picture, *codecs[codec], '-f', 'rtp',
                                                '-payload_type', number, f'rtp://127.0.0.1:{ingest["port"]}?pkt_size=1300'])
        wait_for('a picture', lambda n=name: any(s['name'] == n and s['state'] == 'live' for s in world.streams()), 15)
        expect(players.ffprobe(world.url(name)) == [{'h265': 'hevc'}.get(codec, codec)], f'{name}: another codec')
        players.ffmpeg(world.url(name), 'tcp', 4)
        figures = source(world, name)
        expect(figures['lost'] == 0 and figures['invalid'] == 0, f'{name}: {figures}')
        sender.stop()
        world.request('DELETE', f'/api/v1/ingests/{name}')
    ingest = open_ingest(world, 'sound')
    world.start('ffmpeg-sound', ['ffmpeg', '-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i',
                                 'sine=frequency=440:sample_rate=8000', '-c:a', 'pcm_alaw', '-f', 'rtp', '-payload_type', 8,
                                 f'rtp://127.0.0.1:{ingest["port"]}'])
    wait_for('sound', lambda: any(s['name'] == 'sound' and s['state'] == 'live' for s in world.streams()), 15)
    expect(players.ffprobe(world.url('sound')) == ['pcm_alaw'], 'no sound')


def one_port(world, transport):
    """Cameras of every kind on one port; gives its number."""
    port = world.rtp + 998  # even
    world.start_gateway(media_rtp_port=port, media_transport=transport)
    faults = (('none',), ('wrong',), ('zero',), ('missing',))
    urls = []
    for number, fault in enumerate(faults, 1):
        device, channel = f'3402000000111000000{number}', f'3402000000132000000{number}'
        options = [] if fault == ('none',) else ['--ssrc', *fault]
        world.start_camera('--local-ip', f'127.0.0.{number + 1}', *options, device=device, channel=channel)
        urls.append(world.url(f'{device}/{channel}'))
    players.at_once(*[lambda url=url: players.ffmpeg(url, 'tcp', 5) for url in urls])
    for stream in world.streams():
        figures = stream['source']
        expect(figures['local_address'].endswith(f':{port}'), f'{transport}: not on the shared port: {figures}')
        expect(figures['lost'] == 0 and figures['invalid'] == 0, f'{transport}: {stream["name"]}: {figures}')
    expect(len({s['source']['remote_address'] for s in world.streams()}) == 4, 'four cameras')
    expect(world.metric('gbgate_rtp_ports_in_use') == 0, 'a port of its own was taken')
    return port


def case_one_port_udp(world):
    """Four cameras on one UDP port, three with wrong, zero or no SSRC; strangers and a second sender do no harm."""
    port = one_port(world, 'udp')
    url = world.url('34020000001110000001/34020000001320000001')
    viewer = world.start('viewer', ['ffmpeg', '-v', 'warning', '-rtsp_transport', 'tcp', '-i', url, '-t', '6', '-f', 'null', '-'])
    wait_for('a viewer', lambda: any(s['viewers'] for s in world.streams()))
    figures = source(world, '34020000001110000001/34020000001320000001')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind(('127.0.0.9', 0))
        for sequence in range(200):
            for ssrc in (0x7777, figures['ssrc']):  # nobody's, and the camera's own
                out.sendto(struct.pack('>BBHII', 0x80, 96, sequence, 0, ssrc) + b'\0\0\1\xba' + bytes(100), ('127.0.0.1', port))
            time.sleep(0.005)
    wait_for('the viewer to end', lambda: not viewer.alive(), 20)
    expect(viewer.process.returncode == 0 and not viewer.text().strip(), f'the viewer suffered: {viewer.text()[-500:]}')
    expect(world.metric('gbgate_media_strangers_total') == 200, f'strangers: {world.metric("gbgate_media_strangers_total")}')
    log = world.gateway.text()
    expect(log.count('ssrc=0000030583') == 1, 'a stranger is named once')
    expect(log.count('refused a second sender') == 1, 'a second sender is named once')


def case_one_port_tcp(world):
    """The same over TCP: the first packets of a connection say whose it is; one that says nothing is closed."""
    port = one_port(world, 'tcp-passive')
    with socket.create_connection(('127.0.0.1', port)) as silent, socket.create_connection(('127.0.0.1', port)) as stranger:
        packet = struct.pack('>BBHII', 0x80, 96, 1, 0, 0x7777) + bytes(100)
        stranger.sendall(struct.pack('>H', len(packet)) + packet)
        stranger.settimeout(5)
        expect(stranger.recv(1) == b'', 'a stranger is closed')
        silent.settimeout(15)
        expect(silent.recv(1) == b'', 'a silent one is closed')
    expect(world.metric('gbgate_media_refused_connections_total') == 2, 'both are counted')


class FramedSender:
    """Sends a clip over TCP with RFC 4571, and now and then as a sender does that ignores short writes."""

    def __init__(self, port, clip, breaks):
        self.socket = socket.create_connection(('127.0.0.1', port))
        self.units, self.breaks, self.hit, self.sent = access_units(clip), breaks, set(), 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        sequence, start = 0, time.monotonic()
        for number in range(FPS * 6):
            packets = packets_of(pack(self.units[number], 90000 + 3600 * number), sequence, 3600 * number)
            sequence += len(packets)
            for i, packet in enumerate(packets):
                framed = struct.pack('>H', len(packet)) + packet
                if number % 10 == 9 and i == 2 and self.breaks:
                    framed = self.breaks(framed)
                    self.hit.add(number)
                self.socket.sendall(framed)
            self.sent = number
            time.sleep(max(0, start + number / FPS - time.monotonic()))


def case_broken_framing(world):
    """RFC 4571 after short writes, wrong lengths and garbage: only the pictures that were hit are missing."""
    world.start_gateway()
    clip = make_clip(world.clips['h264'].parent / 'intra.h264')
    numbers = slices_by_number(clip)
    cases = {'short write': lambda f: f[:500], 'length too large': lambda f: struct.pack('>H', 9999) + f[2:],
             'length too small': lambda f: struct.pack('>H', 40) + f[2:], 'garbage': lambda f: f + bytes(range(251)) * 7}
    for label, breaks in cases.items():
        name = label.replace(' ', '-')
        ingest = open_ingest(world, name, 'tcp-passive', ssrc=SSRC)
        sender = FramedSender(ingest['port'], clip, breaks)
        wait_for('a picture', lambda n=name: any(s['name'] == n and s['state'] == 'live' for s in world.streams()), 5)
        viewer = Viewer(world.rtsp, name)
        sender.thread.join(20)
        time.sleep(0.3)
        figures = source(world, name)
        viewer.close()
        got = {numbers.get(nal.rstrip(b'\0')) for nal in viewer.slices}
        first = min(n for n in got if n is not None)
        spared = {n for n in range(first, FPS * 6) if n not in sender.hit}
        expect(spared <= got, f'{label}: missing {sorted(spared - got)}, hit {sorted(sender.hit)}')
        expect(figures['resyncs'] >= len(sender.hit) - 1, f'{label}: {figures}')
        print(f'   {label}: {len(sender.hit)} times, {figures["resyncs"]} repairs, {figures["skipped_bytes"]} bytes skipped')
        sender.socket.close()
        world.request('DELETE', f'/api/v1/ingests/{name}')


def case_camera_behind_nat_moves(world):
    """Latching: the first sender is the source; after two seconds of silence it may come back from another address."""
    world.start_gateway()
    clip = make_clip(world.clips['h264'].parent / 'intra.h264')
    ingest, units, sequence = open_ingest(world, 'moving', ssrc=SSRC), access_units(clip), 0

    def send(host, first, count):
        nonlocal sequence
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.bind((host, 0))
            for number in range(first, first + count):
                packets = packets_of(pack(units[number], 90000 + 3600 * number), sequence, 3600 * number)
                sequence += len(packets)
                for packet in packets:
                    out.sendto(packet, ('127.0.0.1', ingest['port']))
                time.sleep(1 / FPS)
            return f'{host}:{out.getsockname()[1]}'

    first = send('127.0.0.2', 0, 25)
    expect(source(world, 'moving')['remote_address'] == first, 'the first sender is the source')
    send('127.0.0.3', 25, 5)
    figures = source(world, 'moving')
    expect(figures['remote_address'] == first and figures['refused'] > 0, f'a second one is refused: {figures}')
    time.sleep(2.1)
    again = send('127.0.0.3', 40, 25)
    expect(source(world, 'moving')['remote_address'] == again, 'after a silence it may move')


def case_shared_port_taken(world):
    """The shared port is taken: an ingest says so instead of waiting for media that cannot come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        port = world.rtp + 998
        taken.bind(('0.0.0.0', port))
        world.start_gateway(media_rtp_port=port)
        status, body = world.request('POST', '/api/v1/ingests', {'name': 'x', 'transport': 'udp'})
        expect(status == 503 and str(port) in str(body), f'{status} {body}')


def decorated(packet):
    """The same packet with all that RFC 3550 5.1 allows: two CSRCs, a header extension, padding."""
    return (bytes((packet[0] | 0x32,)) + packet[1:12] + struct.pack('>II', 1, 2) + bytes.fromhex('bede0001') + b'abcd' + packet[12:] +
            b'\0\0\0\4')


def case_rtp_with_everything(world):
    """CSRCs, header extensions and padding in each packet: not a bit of a picture is missing, nor is there one too many."""
    world.start_gateway()
    clip = make_clip(world.clips['h264'].parent / 'intra.h264')
    ingest, units = open_ingest(world, 'dressed', ssrc=SSRC), access_units(clip)
    numbers, viewer, sequence = slices_by_number(clip), None, 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for number in range(75):
            packets = packets_of(pack(units[number], 90000 + 3600 * number), sequence, 3600 * number)
            sequence += len(packets)
            for packet in packets:
                out.sendto(decorated(packet), ('127.0.0.1', ingest['port']))
            if number == 10:
                viewer = Viewer(world.rtsp, 'dressed')
            time.sleep(1 / FPS)
        time.sleep(0.3)
    got = [numbers.get(nal.rstrip(b'\0')) for nal in viewer.slices]
    viewer.close()
    expect(got == list(range(got[0], 75)) and got[0] <= 11, f'pictures: {got[:5]} to {got[-5:]}')
