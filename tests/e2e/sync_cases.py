"""Picture and sound at GStreamer, put on one clock by our sender reports: a clip that flashes and beeps at the same time."""
import json
import shutil
import signal
import subprocess
import time

from world import Failed, Skipped, expect, wait_for

EVERY_S, SECONDS, RATE, SIDE = 2, 9, 8000, 16
WORST_MS = 20
SETTLED_S = 3  # a player that begins with old pictures shows them late, and by a clock that it learns while they come in fast


def make_clip(path):
    """Every two seconds, for two frames' duration: white, and a tone of 1 kHz."""
    now = f'lt(mod(T,{EVERY_S}),0.08)'
    video = f"color=black:size=320x240:rate=25,geq=lum='if({now},235,16)':cb=128:cr=128"
    audio = f"aevalsrc='if({now.replace('T', 't')},0.8*sin(2*PI*1000*t),0)':s={RATE}"
    subprocess.run(['ffmpeg', '-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', video, '-f', 'lavfi', '-i', audio, '-t', '20',
                    '-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency', '-profile:v', 'main', '-g', '25',
                    '-pix_fmt', 'yuv420p', '-c:a', 'pcm_alaw', path], check=True)
    return path


class Recording:
    """What GStreamer would show and play, each at the time it would: raw pictures of 16 x 16, and samples."""

    def __init__(self, world, url, transport):
        self.path = world.folder / f'{transport}.mkv'
        sink = [f'video/x-raw,format=GRAY8,width={SIDE},height={SIDE}', '!', 'queue', '!', 'm.']
        self.pipeline = [
            'gst-launch-1.0', '-e', 'rtspsrc', f'location={url}', f'protocols={transport}', 'ntp-sync=true', 'latency=500',
            'name=s', 's.', '!', 'application/x-rtp,media=video', '!', 'queue', '!', 'rtph264depay', '!', 'h264parse', '!',
            'avdec_h264', '!', 'videoscale', '!', 'videoconvert', '!', *sink, 's.', '!', 'application/x-rtp,media=audio', '!',
            'queue', '!', 'rtppcmadepay', '!', 'alawdec', '!', f'audio/x-raw,rate={RATE},channels=1', '!', 'queue', '!', 'm.',
            'matroskamux', 'name=m', '!', 'filesink', f'location={self.path}']
        self.world, self.transport = world, transport
        self.start(0)

    def start(self, attempt):
        self.program = self.world.start(f'{self.transport}{attempt}', self.pipeline)

    def settle(self):
        for attempt in range(1, 8):
            if self.is_linked():
                return
            print(f'   {self.transport}: gst-launch mixed up its pads, once more')
            self.program.stop(signal.SIGKILL)
            self.start(attempt)
        raise Failed(f'{self.transport}: GStreamer does not take both tracks: {self.program.text()[-500:]}')

    def is_linked(self):
        """Both pads of rtspsrc appear at once, each in a thread of its own, and gst-launch tries both for either branch: with
        some bad luck it tries them crosswise, and never again. That is seen at once, and has to do with no time of ours."""
        wait_for('GStreamer to play', lambda: 'Redistribute latency' in self.program.text() or not self.program.alive(), 10)
        time.sleep(1)
        return self.program.alive() and 'Delayed linking failed' not in self.program.text()

    def close(self):
        self.program.stop(signal.SIGINT, 20)

    def packets(self, kind):
        """When each packet is due, and its bytes."""
        shown = subprocess.run(['ffprobe', '-v', 'error', '-select_streams', kind, '-show_entries', 'packet=pts_time,size', '-of',
                                'json', self.path], stdout=subprocess.PIPE, check=True)
        data = subprocess.run(['ffmpeg', '-nostdin', '-v', 'fatal', '-i', self.path, '-map', f'0:{kind}', '-c', 'copy',
                               '-f', 'data', '-'], stdout=subprocess.PIPE, check=True).stdout
        at = 0
        for packet in json.loads(shown.stdout)['packets']:
            size = int(packet['size'])
            yield float(packet['pts_time']), data[at:at + size]
            at += size

    def flashes(self):
        dark, found = False, []
        for when, picture in self.packets('v'):
            bright = sum(picture[:SIDE * SIDE]) > 128 * SIDE * SIDE
            if bright and dark and when > SETTLED_S:
                found.append(when)
            dark = not bright
        return found

    def beeps(self):
        quiet, found = 0, []
        for when, samples in self.packets('a'):
            for i in range(0, len(samples) - 1, 2):
                if abs(int.from_bytes(samples[i:i + 2], 'little', signed=True)) < 4000:
                    quiet += 1
                    continue
                if quiet > RATE // 2:
                    found.append(when + i / 2 / RATE)
                quiet = 0
        return found


def errors_ms(flashes, beeps):
    """How much later each beep is than its flash."""
    near = [(min(beeps, key=lambda b: abs(b - flash), default=1e9) - flash) * 1000 for flash in flashes]
    return [e for e in near if abs(e) < EVERY_S * 500]


def check(recording, label):
    """Each camera's pictures and sounds: between them is the longest pause."""
    flashes, beeps = recording.flashes(), recording.beeps()
    expect(len(flashes) > 4, f'{label}: flashes at {flashes}: {recording.program.text()[-500:]}')
    again = max(range(1, len(flashes)), key=lambda i: flashes[i] - flashes[i - 1])
    for part, shown in (('before the restart', flashes[:again]), ('after it', flashes[again:])):
        errors = errors_ms(shown, beeps)
        worst = max(errors, key=abs, default=1e9)
        print(f'   {label}, {part}: {len(errors)} flashes, the worst beep is {worst:+.1f} ms off')
        expect(len(errors) >= max(2, len(shown) - 1), f'{label}, {part}: {len(shown)} flashes, {len(errors)} beeps')
        expect(abs(worst) < WORST_MS, f'{label}, {part}: sound is off by {[round(e, 1) for e in errors]} ms')


def case_lip_sync(world):
    """Flash and beep at GStreamer with ntp-sync are less than 20 ms apart, over TCP and UDP, before and after a camera restart."""
    if not shutil.which('gst-launch-1.0'):
        raise Skipped('GStreamer is not installed')
    clip = make_clip(world.folder / 'flash.mkv')
    world.start_gateway(media_silence_timeout_ms=3000)  # then it calls again, and the viewers go on
    camera = world.start_camera(clip=clip)
    recordings = {transport: Recording(world, world.url(), transport) for transport in ('tcp', 'udp')}
    for recording in recordings.values():
        recording.settle()
    time.sleep(SECONDS)
    camera.stop(signal.SIGKILL)
    world.start_camera('--pts-start', 8000000000, clip=clip)
    time.sleep(SECONDS + 4)
    for recording in recordings.values():
        recording.close()
    for transport, recording in recordings.items():
        check(recording, transport)
