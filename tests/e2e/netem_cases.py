"""A bad network between a camera and gbgate, and what became of the pictures. A network namespace holds the camera; tc
netem spoils what leaves it. Where the kernel has no netem the sender spoils its packets itself, which is said; what
arrived is counted on this side of the wire either way."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import threading
import time

from ps_sender import SSRC, access_units
from rtsp_viewer import Viewer
from world import ROOT, Skipped, expect, wait_for

SECONDS, HERE, THERE, LINK = 12, '10.78.0.1', '10.78.0.2', 'gbn0'
KINDS = {'loss': {'loss': 1}, 'reorder': {'reorder': 5}, 'jitter': {'jitter': 20}, 'duplication': {'duplicate': 2},
         'all at once': {'loss': 1, 'reorder': 5, 'jitter': 20, 'duplicate': 2}}


@contextlib.contextmanager
def camera_network():
    """A namespace at the other end of a wire: its name."""
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ('ip', 'tc')):
        raise Skipped('network namespaces and tc need root, ip and tc')
    name = f'gbn{os.getpid()}'
    steps = (f'ip netns add {name}', f'ip link add {LINK} type veth peer name eth netns {name}',
             f'ip addr add {HERE}/24 dev {LINK}', f'ip link set {LINK} up', f'ip -n {name} addr add {THERE}/24 dev eth',
             f'ip -n {name} link set eth up', f'ip -n {name} link set lo up')
    try:
        for step in steps:
            done = subprocess.run(step.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                raise Skipped(f'{step}: {done.stdout.strip()}')
        yield name
    finally:
        subprocess.run(['ip', 'netns', 'del', name], stderr=subprocess.DEVNULL, check=False)


def netem(name, faults):
    """Sets tc netem on the camera's side; False when this kernel has none."""
    words = ['delay', '40ms', f'{faults["jitter"]}ms'] if faults.get('jitter') else ['delay', '20ms']
    for fault in ('loss', 'duplicate', 'reorder'):
        words += [fault, f'{faults[fault]}%'] if faults.get(fault) else []
    return subprocess.run(['tc', '-n', name, 'qdisc', 'replace', 'dev', 'eth', 'root', 'netem', *words],
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def netem_dropped(name):
    """What netem itself says that it dropped."""
    shown = json.loads(subprocess.run(['tc', '-s', '-j', '-n', name, 'qdisc', 'show', 'dev', 'eth'], text=True, check=True,
                                      stdout=subprocess.PIPE).stdout)
    return shown[0]['drops']


class Wire:
    """What passes on this side of the wire: RTP that arrives and RTCP that leaves, in order, with the time."""

    def __init__(self, port):
        self.port, self.seen = port, []
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))  # ETH_P_ALL
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind((LINK, 0))
        self.socket.settimeout(0.2)
        self.running, self.thread = True, threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while self.running:
            with contextlib.suppress(TimeoutError):
                data, at = self.socket.recv(2048), time.monotonic()
                if data[0] >> 4 != 4 or data[9] != 17:
                    continue
                udp = data[(data[0] & 15) * 4:]
                source, destination = struct.unpack('>HH', udp[:4])
                if destination == self.port:
                    sequence, timestamp = struct.unpack('>HI', udp[10:16])
                    self.seen.append(('rtp', at, sequence, timestamp))
                elif source == self.port + 1 and udp[9] == 201:
                    self.seen.append(('rr', at, udp[8:]))

    def close(self):
        self.running = False
        self.thread.join(5)
        self.socket.close()


class Truth:
    """RFC 3550 A.3 and A.8, worked out from what was on the wire."""

    def __init__(self):
        self.sequences, self.received, self.highest, self.first = set(), 0, None, None
        self.late = self.doubled = 0  # came behind a later one; came again
        self.jitter, self.transit = 0.0, None
        self.prior = (0, 0)

    def rtp(self, at, sequence, timestamp):
        full = sequence if self.highest is None else self.highest + (sequence - self.highest + 0x8000) % 0x10000 - 0x8000
        self.received += 1
        if self.first is not None and full >= self.first:  # what is older than the first is no part of it
            again = full in self.sequences
            self.doubled += again
            self.late += not again and full < self.highest
        self.sequences.add(full)
        self.highest = full if self.highest is None else max(self.highest, full)
        self.first = full if self.first is None else self.first
        transit = at * 90000 - timestamp
        if self.transit is not None:
            self.jitter += (abs(transit - self.transit) - self.jitter) / 16
        self.transit = transit

    def expected(self):
        return self.highest - self.first + 1

    def check(self, compound):
        """A receiver report against the truth. What was in the socket when it was written is allowed for."""
        fraction, highest, jitter = compound[12], *struct.unpack('>II', compound[16:24])
        lost = int.from_bytes(compound[13:16], 'big', signed=True)
        expected, received = self.expected(), self.received
        expect(struct.unpack('>I', compound[8:12])[0] == SSRC, 'RR: of another source')
        expect(abs(highest - self.highest) <= 8, f'RR: highest sequence {highest}, sent up to {self.highest}')
        expect(abs(lost - (expected - received)) <= 2, f'RR: lost {lost}, in truth {expected - received}')
        interval = (expected - self.prior[0], received - self.prior[1])
        share = max(0, interval[0] - interval[1]) * 256 / max(1, interval[0])
        expect(abs(fraction - share) <= 1.5, f'RR: fraction {fraction}/256, in truth {share:.1f}')
        expect(abs(jitter - self.jitter) <= max(90, self.jitter / 5),
               f'RR: jitter {jitter / 90:.2f} ms, in truth {self.jitter / 90:.2f}')
        self.prior = (expected, received)


def slices_by_number(clip):
    """Each picture's slice, to know it again."""
    found = {}
    for number, unit in enumerate(access_units(clip)):
        nal = unit.split(b'\0\0\1')[-1]
        found[nal.rstrip(b'\0')] = number
    return found


def make_clip(path):
    """Pictures that need no other: what one loses, no other suffers."""
    if not path.exists():
        subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25',
                        '-t', '20', '-c:v', 'libx264', '-preset', 'veryfast', '-g', '1', '-threads', '1', '-x264-params',
                        'slices=1:aud=1:sliced-threads=0', '-b:v', '2M', '-maxrate', '2M', '-bufsize', '1M', '-f', 'h264', path],
                       check=True)
    return path


def decoded(path):
    """How many pictures ffmpeg makes of it, and whether it complains."""
    result = subprocess.run(['ffmpeg', '-nostdin', '-v', 'warning', '-xerror', '-i', path, '-f', 'null', '-progress', 'pipe:1',
                             '-'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    frames = [int(line[6:]) for line in result.stdout.splitlines() if line.startswith('frame=')]
    return frames[-1] if frames else 0, result.returncode, result.stderr


def run_case(world, name, clip, label, faults, port):
    real = netem(name, faults)
    report, wire = world.folder / f'{label}.json'.replace(' ', '-'), Wire(port)
    options = [] if real else [f'--{fault}={amount}' for fault, amount in faults.items()]
    sender = world.start('sender', ['ip', 'netns', 'exec', name, ROOT / 'tests/e2e/ps_sender.py', clip, HERE, report, port,
                                    f'--seconds={SECONDS}', *options])
    wait_for('a picture', lambda: any(s['state'] == 'live' for s in world.streams()), 5)
    viewer = Viewer(world.rtsp, 'bad')
    wait_for('the sender to end', lambda: not sender.alive(), SECONDS + 10)
    time.sleep(0.6)  # what waits for a lost packet waits 200 ms
    source = world.streams()[0]['source']
    dropped = netem_dropped(name) if real else None
    for figure in ('lost', 'reordered'):
        metric = world.metric(f'gbgate_stream_{figure}_packets_total{{stream="bad"}}')
        expect(metric == source[figure], f'{label}: {figure}: metrics {metric}, API {source[figure]}')
    viewer.close()
    wire.close()
    check(label, faults, clip, json.loads(report.read_text()), wire, viewer, source, dropped, world.folder)


def check(label, faults, clip, report, wire, viewer, source, dropped, folder):
    truth, reports = Truth(), 0
    for what, at, *rest in wire.seen:
        if what == 'rtp':
            truth.rtp(at, *rest)
        else:
            truth.check(rest[0])
            reports += 1
    expect(reports >= 2, f'{label}: {reports} receiver reports in {SECONDS} s')
    sent = sum(count for _, count in report['frames'])
    lost = {first + i for first, count in report['frames'] for i in range(count)} - truth.sequences
    damaged = {n for n, (first, count) in enumerate(report['frames']) if any(first + i in lost for i in range(count))}
    if dropped is not None:
        expect(dropped == len(lost), f'{label}: netem dropped {dropped}, {len(lost)} are missing')
    # Picture numbers of the clip to those of the run: it is not repeated within a run.
    numbers = slices_by_number(clip)
    got = [numbers.get(nal.rstrip(b'\0')) for nal in viewer.slices]
    expect(None not in got, f'{label}: a picture came that was never sent, number {got.index(None) if None in got else 0}')
    whole = {n for n in range(got[0], len(report['frames']))} - damaged
    expect(got == sorted(set(got)), f'{label}: pictures out of order or twice')
    expect(set(got) == whole, f'{label}: pictures that lost nothing and did not come: {sorted(whole - set(got))[:10]}; that came '
                              f'in spite of a loss: {sorted(set(got) & damaged)[:10]}')
    expect(viewer.gaps == 0, f'{label}: {viewer.gaps} gaps in the numbers of the packets to the viewer')
    # Up to the last packet of the last picture: what is lost behind it nobody can know of.
    known = len([s for s in lost if s < truth.highest])
    for key, value in (('lost', known), ('reordered', truth.late), ('duplicates', truth.doubled)):
        expect(source[key] == value, f'{label}: the API says {key} {source[key]}, in truth {value}')
    received = folder / f'{label}.h264'.replace(' ', '-')
    received.write_bytes(b''.join(b'\0\0\0\1' + nal for nal in viewer.units))
    pictures, status, noise = decoded(received)
    expect(status == 0 and pictures == len(whole), f'{label}: ffmpeg decoded {pictures} of {len(whole)}: {noise[-300:]}')
    saw_faults(label, faults, len(lost), truth, sent)
    print(f'   {label}: {sent} packets, {len(lost)} lost, {truth.late} out of order, {truth.doubled} twice, jitter '
          f'{truth.jitter / 90:.1f} ms; {len(damaged)} of {len(report["frames"])} pictures hit, {pictures} decoded, '
          f'{reports} RR true')


def saw_faults(label, faults, lost, truth, sent):
    """The network was as bad as it was meant to be: a test of nothing must not pass."""
    expect(bool(faults.get('loss')) == (lost > sent / 500), f'{label}: {lost} of {sent} lost')
    expect(not faults.get('reorder') or truth.late > sent / 100, f'{label}: {truth.late} of {sent} out of order')
    expect(not faults.get('duplicate') or truth.doubled > sent / 200, f'{label}: {truth.doubled} of {sent} twice')
    expect(not faults.get('jitter') or truth.jitter / 90 > 4, f'{label}: jitter {truth.jitter / 90:.1f} ms')


def footprint(world):
    status = pathlib.Path(f'/proc/{world.gateway.pid}/status').read_text()
    kib = int(status.split('VmRSS:')[1].split()[0])
    return kib, len(os.listdir(f'/proc/{world.gateway.pid}/fd'))


def case_bad_network(world):
    """Loss, reorder, jitter and duplication: only pictures that lost a packet suffer, RR tells the truth, nothing grows."""
    clip = make_clip(world.clips['h264'].parent / 'intra.h264')
    with camera_network() as name:
        world.start_gateway(media_listen_address='0.0.0.0', http_listen_address='127.0.0.1')
        if not netem(name, {}):
            print('   (this kernel has no netem: the sender spoils its packets itself, by a seed)')
        sizes = []
        for label, faults in [('jitter', KINDS['jitter']), *KINDS.items()]:  # the first one fills buffers
            status, ingest = world.request('POST', '/api/v1/ingests', {'name': 'bad', 'transport': 'udp', 'ssrc': SSRC})
            expect(status == 201, f'an ingest: {status} {ingest}')
            run_case(world, name, clip, label, faults, ingest['port'])
            world.request('DELETE', '/api/v1/ingests/bad')
            wait_for('the stream to be gone', lambda: not world.streams())
            sizes.append(footprint(world))
        expect(world.metric('gbgate_rtp_ports_in_use') == 0, 'a port was not given back')
        expect(sizes[-1][0] - sizes[0][0] < 4096, f'memory grew: {[kib for kib, _ in sizes]} KiB')
        least = min(fds for _, fds in sizes)  # a connection of the API may just be closing
        wait_for(f'{least} descriptors as before, {[fds for _, fds in sizes]}', lambda: footprint(world)[1] <= least)
        print(f'   memory after each: {[kib for kib, _ in sizes]} KiB, descriptors {least}')
