"""What runs in threads of its own, all at once: meant for a build with ThreadSanitizer, true of any."""
import contextlib
import threading
import time

import players
from ps_sender import SSRC
from world import CHANNEL, DEVICE, expect, wait_for

SECONDS = 12


class Pollers:
    """Threads that do one thing again and again until they are stopped; the first failure of each is kept."""

    def __init__(self, *jobs):
        self.running, self.failures, self.counts = True, [], dict.fromkeys((job.__name__ for job in jobs), 0)
        self.threads = [threading.Thread(target=self.run, args=(job,)) for job in jobs]
        for thread in self.threads:
            thread.start()

    def run(self, job):
        try:
            while self.running:
                job()
                self.counts[job.__name__] += 1
        except Exception as why:  # in a thread nobody would see it
            self.failures.append(f'{job.__name__}: {why!r}')

    def close(self):
        self.running = False
        for thread in self.threads:
            thread.join()


def case_threads(world):
    """Cameras register, viewers come and go over TCP and UDP, the API is polled, streams begin and end, disks are written: at once."""
    world.start_gateway(media_linger_ms=200, server_log_level='debug', server_shards=2)
    world.start_camera()
    expect(players.ffprobe(world.url(), seconds=40) == ['h264', 'pcm_alaw'], 'a picture')

    def api():
        for path in ('/metrics', '/api/v1/streams', '/api/v1/devices', f'/api/v1/devices/{DEVICE}', '/healthz'):
            world.get(path, raw=True)
        time.sleep(0.05)

    def ingests():
        status, _ = world.request('POST', '/api/v1/ingests', {'name': 'short', 'transport': 'udp', 'ssrc': SSRC})
        expect(status == 201, f'an ingest: {status}')
        world.request('DELETE', '/api/v1/ingests/short')
        time.sleep(0.05)  # a port rests for five seconds

    def cameras():
        camera = world.start_camera(device='34020000001110000002', channel='34020000001320000002', wait=False)
        time.sleep(1.5)
        camera.stop()

    def watch(transport):
        players.run(['ffmpeg', '-nostdin', '-v', 'error', '-rtsp_transport', transport, '-i', world.url(), '-t', '1', '-f', 'null', '-'], 60)

    def tcp_viewer():
        watch('tcp')

    def udp_viewer():
        watch('udp')

    pollers = Pollers(api, ingests, cameras, tcp_viewer, udp_viewer)
    time.sleep(SECONDS)
    with contextlib.closing(pollers):
        pass
    expect(not pollers.failures, '; '.join(pollers.failures))
    expect(min(pollers.counts.values()) > 1, f'rounds: {pollers.counts}')
    print(f'   rounds: {pollers.counts}')
    wait_for('all streams to be gone', lambda: not world.streams(), 20)
    world.gateway.stop()
    expect('ThreadSanitizer' not in world.gateway.text(), f'a race: see {world.gateway.log_path}')
    expect(CHANNEL in world.gateway.text(), 'the log')
