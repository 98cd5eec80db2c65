"""How viewers begin, stay and are let go: key frames on request, sleeping cameras, restarts, viewers that stop."""
import pathlib
import random
import re
import signal
import statistics
import struct
import subprocess
import time

import players
from rtsp_viewer import Viewer
from world import DEVICE, CHANNEL, expect, wait_for

STAMP = b'GBGATE-STAMP-NS1'


class Watcher(Viewer):
    """Notes when each packet of the picture came, and what the answers said."""

    def __init__(self, port, path):
        self.packets, self.answers, self.asked, self.ended = [], {}, {}, None
        super().__init__(port, path)

    def ask(self, method, url, *headers):
        self.asked[method] = time.monotonic()
        answer = super().ask(method, url, *headers)
        self.answers[method] = (time.monotonic(), *answer)
        return answer

    def take(self, packet):
        self.packets.append((time.monotonic(), packet))

    def read(self):
        super().read()
        self.ended = time.monotonic()

    def wait(self, count=1, seconds=10):
        wait_for(f'{count} packets', lambda: len(self.packets) >= count, seconds, 0.002)
        return self

    def join_ms(self):
        """From PLAY to the first packet."""
        return (self.packets[0][0] - self.asked['PLAY']) * 1000

    def age_ms(self):
        """Of the first picture at PLAY: its camera wrote into it when it left. Below 0: it left later."""
        for _, packet in self.packets:
            if (at := packet.find(STAMP)) >= 0:
                sent = int(packet[at + len(STAMP):at + len(STAMP) + 16], 16) / 1e9
                return (self.asked['PLAY'] - sent) * 1000
        return None

    def numbers(self):
        return [struct.unpack('>HII', packet[2:12]) for _, packet in self.packets]


def make_clip(world, gop, codec='libx264', name='long', seconds=20):
    path = world.folder / f'{name}.mkv'
    keys = ['-x265-params', f'log-level=error:keyint={gop}:min-keyint={gop}:scenecut=0'] if codec == 'libx265' else [
        '-x264-params', f'keyint={gop}:min-keyint={gop}:scenecut=0']
    subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25', '-t', str(seconds),
                    '-c:v', codec, '-preset', 'ultrafast', '-tune', 'zerolatency', *keys, path], check=True)
    return path


def stream_of(world, name):
    return next(s for s in world.streams() if s['name'] == name)


def join(world, path):
    watcher = Watcher(world.rtsp, path)
    watcher.wait(1)
    wait_for('a stamp', lambda: watcher.age_ms() is not None, 5, 0.01)
    watcher.close()
    return watcher


def learn(world, path, expected):
    end = time.monotonic() + 60
    while stream_of(world, path)['key_frames_on_request'] != expected:
        expect(time.monotonic() < end, f'{path}: {stream_of(world, path)["key_frames_on_request"]}, not {expected}')
        join(world, path)
        time.sleep(1.3)


def case_key_frame_on_request(world):
    """A camera that sends key frames when asked: fresh pictures; one that does not: old ones at once; no matter the GOP."""
    clip = make_clip(world, 250)
    world.start_gateway(media_resume_ms=0)
    for number, (options, learnt) in enumerate((([], 'obeys'), (['--ignore-key-requests'], 'ignores')), 1):
        device, channel = f'3402000000111000000{number}', f'3402000000132000000{number}'
        camera = world.start_camera('--stamp', *options, clip=clip, device=device, channel=channel)
        path = f'{device}/{channel}'
        staying = Watcher(world.rtsp, path).wait(1)
        learn(world, path, learnt)
        before = camera.text().count('iframe=true')
        joined, begin = [], time.monotonic()
        for _ in range(12):
            time.sleep(random.uniform(0.5, 1.5))
            joined.append(join(world, path))
        ages = statistics.median(w.age_ms() for w in joined)
        waits = statistics.median(w.join_ms() for w in joined)
        answers = max((w.answers['PLAY'][0] - w.asked['PLAY']) * 1000 for w in joined)
        asked = camera.text().count('iframe=true') - before
        print(f'   {learnt}: age of the first picture {ages:.0f} ms, PLAY to its first packet {waits:.1f} ms, to the answer '
              f'at most {answers:.1f} ms; {asked} requests', flush=True)
        expect(asked <= time.monotonic() - begin + 1, 'asked more often than once a second')
        if learnt == 'obeys':
            expect(ages <= 300, f'pictures are {ages:.0f} ms old')
        else:
            expect(asked == 0, 'it is asked again')
            expect(waits <= 50, f'an old picture comes only after {waits:.0f} ms')
        staying.close()
        camera.stop()


def case_camera_restarts(world):
    """A camera that restarts while it is watched: the viewer stays; SSRC, numbers and times go on."""
    world.start_gateway(media_silence_timeout_ms=3000, media_resume_ms=20000)
    world.start_camera('--restart-after', '6', '--restart-pause', '2', '--keepalive', '2')
    watcher = Watcher(world.rtsp, f'{DEVICE}/{CHANNEL}').wait(1, 20)
    wait_for('the stream to be resumed', lambda: world.metric('gbgate_streams_resumed_total') == 1, 30)
    seen = len(watcher.packets)
    watcher.wait(seen + 100, 20)
    expect(watcher.ended is None, 'the viewer was sent away')
    numbers = watcher.numbers()
    expect(len({ssrc for _, _, ssrc in numbers}) == 1, 'the SSRC changed')
    steps = [((b[0] - a[0]) & 0xffff, (b[1] - a[1]) & 0xffffffff) for a, b in zip(numbers, numbers[1:])]
    expect(all(s == 1 for s, _ in steps), f'the numbers jump: {[s for s, _ in steps if s != 1]}')
    expect(all(t < 20 * 90000 for _, t in steps), 'the times run back or far ahead')
    times = [t for t, _ in watcher.packets]
    silence = max(b - a for a, b in zip(times, times[1:]))
    longest = max(t for _, t in steps) / 90000
    expect(abs(longest - silence) < 0.5, f'{silence:.2f} s of silence are {longest:.2f} s on the time line')
    watcher.close()


def case_sleeping_camera(world):
    """DESCRIBE of a camera that sleeps is answered at once from memory, also after a restart; a wrong answer is mended."""
    world.start_gateway(media_resume_ms=0)
    camera = world.start_camera('--answer-after', '1.5')
    path = f'{DEVICE}/{CHANNEL}'

    def describe_ms():
        watcher = Watcher(world.rtsp, path)
        return (watcher.answers['DESCRIBE'][0] - watcher.asked['DESCRIBE']) * 1000, watcher

    def sleep(watcher):
        watcher.close()
        wait_for('the stream to be gone', lambda: not world.streams(), 10)

    first, watcher = describe_ms()
    watcher.wait(1).close()
    again = Watcher(world.rtsp, path).wait(1)  # while it lingers
    expect(again.join_ms() < 500, f'zapping back takes {again.join_ms():.0f} ms')
    expect(camera.text().count(' invited channel=') == 1, 'the camera was called again')
    sleep(again)
    second, watcher = describe_ms()
    sleep(watcher.wait(10))
    world.gateway.stop()
    world.start_gateway()
    wait_for('the camera to be on line again', world.is_online, 20)
    third, watcher = describe_ms()
    sleep(watcher.wait(10))
    print(f'   DESCRIBE {first:.0f} ms cold, {second:.1f} ms remembered, {third:.1f} ms after a restart', flush=True)
    expect(first > 1000 and second < 300 and third < 300, f'{first} {second} {third}')
    camera.stop()
    clip = make_clip(world, 25, 'libx265', 'other', 4)
    world.start_camera('--answer-after', '1.5', clip=clip)
    fourth, watcher = describe_ms()
    expect(fourth < 300, 'the codec cannot be known yet')
    wait_for('the viewer to be told', lambda: watcher.ended, 10)
    expect("tracks are not what they were" in world.gateway.text(), 'the log gives no reason')
    expect(players.ffprobe(world.url()) == ['hevc'], 'the second try has no picture')


def case_stopped_viewers(world):
    """Viewers under SIGSTOP: let go with the reason, memory bounded, the others get every packet in time."""
    clip = make_clip(world, 50)
    world.start_gateway(rtsp_slow_viewer_timeout_s=6, media_resume_ms=0)
    world.start_camera('--stamp', clip=clip)
    path = f'{DEVICE}/{CHANNEL}'
    watchers = [Watcher(world.rtsp, path).wait(1, 20) for _ in range(2)]
    stopped = [world.start(f'stopped{i}', ['ffmpeg', '-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', world.url(),
                                           '-c', 'copy', '-f', 'null', '-']) for i in range(6)]
    wait_for('all viewers', lambda: len(stream_of(world, path)['viewers']) == 8, 30)

    def resident_kib():
        return int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{world.gateway.pid}/status').read_text())[1])

    time.sleep(3)
    before = resident_kib()
    for process in stopped:
        process.process.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    wait_for('them to be let go', lambda: world.metric('gbgate_viewers_too_slow_total') == 6, 60)
    grown = resident_kib() - before
    for process in stopped:
        process.process.send_signal(signal.SIGCONT)
    info = stream_of(world, path)
    expect(len(info['viewers']) == 2, f'{len(info["viewers"])} viewers are left')
    expect(all(d['too_slow'] and 'too slow' in d['reason'] for d in info['departed']), f'{info["departed"]}')
    print(f'   let go after {time.monotonic() - begin:.0f} s, memory grown by {grown} KiB', flush=True)
    expect(grown < 8 * 1024, f'{grown} KiB more')
    for watcher in watchers:
        numbers = watcher.numbers()
        expect(all((b[0] - a[0]) & 0xffff == 1 for a, b in zip(numbers, numbers[1:])), 'others lost packets')
        times = [t for t, _ in watcher.packets]
        pauses = [b - a for a, b in zip(times, times[1:]) if b - a > 1]
        expect(not pauses, f'others waited: {pauses}')
        watcher.close()
