"""A day in minutes: sources and viewers come and go thousands of times, cameras restart, clocks wrap, and nothing is left of it."""
import contextlib
import json
import os
import pathlib
import subprocess
import threading
import time

from world import DEVICE, expect, wait_for

WARM_UP_S, SOAK_S = 25, 95
NODES, SOURCES, VIEWERS = 3, 8, 40  # at a time, of each node a batch, of each batch
WRAP_TICK = 2**33 - 90000           # a second before PTS and RTP timestamps begin anew


class Load:
    """A load program: 'm' makes it say what happened, the end of its input ends it."""

    def __init__(self, world, name, *args):
        self.process = subprocess.Popen([str(a) for a in (world.build / 'tests/bench/load' / name, *args)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def report(self):
        return json.loads(self.process.stdout.readline() or '{}')

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait(20) < 0:
            raise AssertionError(f'{self.process.args[0]} ended by signal {-self.process.returncode}')


class Soak:
    """Threads that come and go as long as they may; what they did, and the first thing that went wrong."""

    def __init__(self, world):
        self.world = world
        self.until, self.wrong = 0.0, []
        self.sources = self.seen = self.asked = self.camera_viewers = 0
        self.lock = threading.Lock()

    def run(self, seconds):
        self.until = time.monotonic() + seconds
        threads = [threading.Thread(target=self.guarded, args=(self.node, i)) for i in range(NODES)]
        threads.append(threading.Thread(target=self.guarded, args=(self.watch_cameras, 0)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expect(not self.wrong, '; '.join(self.wrong[:3]))

    def guarded(self, work, number):
        while time.monotonic() < self.until and not self.wrong:
            try:
                work(number)
            except Exception as why:  # in a thread nobody would see it
                self.wrong.append(f'{work.__name__}: {why!r}')

    def node(self, number):
        """A batch of ingests with their cameras and many viewers; ended by the API, or first by the cameras."""
        kind = ('udp', 'tcp-passive', 'udp')[number]
        names = [f'n{number}x{i}' for i in range(SOURCES)]
        ports = []
        for name in names:
            status, ingest = self.world.request('POST', '/api/v1/ingests', {'name': name, 'transport': kind})
            expect(status == 201, f'an ingest: {status} {ingest}')
            ports.append(ingest['port'])
        cameras = Load(self.world, 'rtp_cameras', '--ports', ','.join(map(str, ports)), '--gop', 5, '--kbit', 400,
                       '--transport', kind[:3], '--first-tick', WRAP_TICK)
        with contextlib.ExitStack() as stack:
            stack.callback(cameras.close)
            # A viewer is told after two seconds that nothing comes; the cameras may need longer to begin.
            self.wait_live(names)
            joined = self.join(f'n{number}x', SOURCES, 'udp' if number == 2 else 'tcp')
        for name in names:
            self.world.request('DELETE', f'/api/v1/ingests/{name}')
        with self.lock:
            self.sources += SOURCES
            self.asked += VIEWERS
            self.seen += joined['join_ms']['n']
        expect(joined['join_ms']['n'] == VIEWERS, f'{joined["join_ms"]["n"]} of {VIEWERS} saw a picture: {joined["why"]}')

    def wait_live(self, names, seconds=20):
        until = time.monotonic() + seconds
        while True:
            missing = [s for s in self.world.streams() if s['name'] in names and s['state'] != 'live']
            if not missing:
                return
            expect(time.monotonic() < until, f'{len(missing)} are not live after {seconds} s: {missing[:2]}')
            time.sleep(0.1)

    def join(self, path, streams, transport, count=VIEWERS):
        viewers = Load(self.world, 'rtsp_viewers', '--port', self.world.rtsp, '--path', path, '--streams', streams,
                       '--joins', count, '--every-ms', 15, '--transport', transport, '--give-up-ms', 8000)
        try:
            return viewers.report()
        finally:
            viewers.close()

    def watch_cameras(self, _):
        """Cameras that come back from nothing every few seconds: not all viewers can see them."""
        for i in range(3):
            camera = device(i)
            seen = self.join(f'{camera[0]}/{camera[1]}', 0, 'udp' if i == 1 else 'tcp', 5)
            with self.lock:
                self.camera_viewers += seen['join_ms']['n']


def device(number):
    return str(int(DEVICE) + number), f'3402000000131000000{number + 1}'


def start_cameras(world):
    ways = (('--pts-start', WRAP_TICK), ('--pts-jump', 40000), ('--jitter', 5))
    for number, way in enumerate(ways):
        camera, channel = device(number)
        world.start_camera('--restart-after', 7 + number, '--restart-pause', 1, '--quiet', *way, device=camera, channel=channel)


def footprint(world):
    """Memory in KiB, open descriptors, and ports that the gateway took for media."""
    folder = pathlib.Path(f'/proc/{world.gateway.pid}')
    pss = next(int(line.split()[1]) for line in (folder / 'smaps_rollup').read_text().splitlines() if line.startswith('Pss:'))
    return pss, len(os.listdir(folder / 'fd')), int(world.metric('gbgate_rtp_ports_in_use'))


def is_sanitized(world):
    """With a sanitizer that keeps memory of its own: what the process takes says nothing of the gateway."""
    maps = pathlib.Path(f'/proc/{world.gateway.pid}/maps').read_text()
    return 'libasan' in maps or 'libtsan' in maps


def rest(world):
    """Until what lingers is gone."""
    wait_for('all streams to be gone', lambda: not world.streams(), 20)
    wait_for('all ports to be free', lambda: footprint(world)[2] == 0, 20)
    time.sleep(2)
    return footprint(world)


def case_soak(world):
    """Thousands of sources and viewers come and go, cameras restart, clocks wrap: memory, descriptors and ports are as before."""
    world.start_gateway(media_linger_ms=200, media_silence_timeout_ms=2000, media_invite_timeout_ms=2000,
                        media_first_media_timeout_ms=2000, server_log_level='error')
    start_cameras(world)
    soak = Soak(world)
    soak.run(WARM_UP_S)
    before = rest(world)
    soak.run(SOAK_S)
    after = rest(world)
    print(f'   {soak.sources} sources, {soak.seen} viewers of them, {soak.camera_viewers} of cameras that restart; '
          f'memory, descriptors, ports: {before}, then {after}')
    expect(soak.sources >= 1000 and soak.camera_viewers > 50, f'{soak.sources} sources, {soak.camera_viewers} at cameras')
    expect(after[1:] == before[1:], f'descriptors and ports: {before[1:]} before, {after[1:]} after')
    expect(is_sanitized(world) or after[0] - before[0] < 2048, f'memory grew from {before[0]} to {after[0]} KiB')
