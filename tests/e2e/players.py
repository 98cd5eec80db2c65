"""Other people's players: each opens a URL, decodes for a while, and says what went wrong."""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile
import threading

from world import Failed, expect

SECONDS = 10
FPS = 25


def run(args, seconds, **kwargs):
    return subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds, text=True, errors='replace', **kwargs)


def ffmpeg(url, transport='tcp', seconds=SECONDS, sync=()):
    """Decodes everything; a warning is a failure."""
    result = run(['ffmpeg', '-nostdin', '-hide_banner', '-v', 'warning', '-xerror', '-rtsp_transport', transport, '-i',
                  url, '-t', seconds, '-map', '0', *sync, '-f', 'null', '-progress', 'pipe:1', '-'], seconds + 30)
    noise = [line for line in result.stdout.splitlines() if not re.match(r'^\w+=', line) and line.strip()]
    frames = [int(n) for n in re.findall(r'^frame=(\d+)', result.stdout, re.M)]
    expect(result.returncode == 0, f'ffmpeg {transport}: exit {result.returncode}: {noise[-5:]}')
    expect(not noise, f'ffmpeg {transport} says {noise[:5]}')
    expect(frames and frames[-1] >= seconds * FPS * 0.95, f'ffmpeg {transport} decoded {frames[-1:]} frames')
    return frames[-1]


def ffprobe(url, transport='tcp', seconds=20):
    """The codecs of all streams, video first."""
    result = run(['ffprobe', '-v', 'error', '-rtsp_transport', transport, '-show_entries', 'stream=codec_name', '-of',
                  'csv=p=0', url], seconds)
    expect(result.returncode == 0, f'ffprobe {transport}: {result.stdout[-500:]}')
    return result.stdout.split()


def gstreamer(url, transport='tcp', codec='h264', seconds=SECONDS):
    """rtspsrc, depayloader and decoder; ends by itself after so many frames."""
    frames = seconds * FPS
    result = run(['gst-launch-1.0', '-q', 'rtspsrc', f'location={url}', f'protocols={transport}', 'latency=200', '!',
                  f'application/x-rtp,media=video', '!', f'rtp{codec}depay', '!', f'{codec}parse', '!',
                  f'avdec_{codec}', '!', 'identity', f'eos-after={frames}', '!', 'fakesink', 'sync=false'],
                 seconds + 30)
    expect(result.returncode == 0, f'gstreamer {transport}: exit {result.returncode}: {result.stdout[-500:]}')
    expect('WARNING' not in result.stdout and 'ERROR' not in result.stdout,
           f'gstreamer {transport} says {result.stdout[-500:]}')


def vlc(url, seconds=SECONDS):
    """Debian's VLC, which has no live555 and speaks SAT>IP: pictures it has decoded are written to a folder."""
    with tempfile.TemporaryDirectory(prefix='gbgate-vlc-') as name:
        folder = pathlib.Path(name)
        folder.chmod(0o777)
        args = ['vlc', '-I', 'dummy', '-vv', '--no-audio', '--vout', 'dummy', '--avcodec-hw', 'none', '--video-filter',
                'scene', '--scene-path', folder, '--scene-prefix', 'picture', '--scene-format', 'jpg', '--scene-ratio',
                '25', '--run-time', seconds, '--play-and-exit', url, 'vlc://quit']
        kwargs = {}
        if os.getuid() == 0:  # VLC refuses root
            nobody = pwd.getpwnam('nobody')
            kwargs = {'user': nobody.pw_uid, 'group': nobody.pw_gid, 'env': {'PATH': os.environ['PATH'], 'HOME': name}}
        result = run(args, seconds + 30, cwd=name, **kwargs)
        pictures = len(list(folder.glob('picture*')))
        expect(pictures >= (seconds - 3), f'VLC decoded {pictures} s of {seconds}: {result.stdout[-1500:]}')
        expect('satip' in result.stdout, 'VLC did not come by way of SAT>IP')
        return pictures


def at_once(*players):
    """Runs the players at the same time; fails with all that failed."""
    failures = []

    def play(player):
        try:
            player()
        except (Failed, subprocess.TimeoutExpired) as failure:
            failures.append(str(failure))

    threads = [threading.Thread(target=play, args=(player,)) for player in players]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(not failures, ' | '.join(failures))


class Capture:
    """Everything on loopback between two moments, read by tshark."""

    def __init__(self, world):
        self.world, self.path = world, world.folder / 'capture.pcapng'
        ports = ' or '.join(f'port {p}' for p in (world.sip, world.rtsp))
        self.process = world.start('dumpcap', ['dumpcap', '-q', '-i', 'lo', '-B', '64', '-w', self.path, '-f',
                                               f'udp or {ports} or portrange {world.rtp}-{world.rtp + 999}'])

    def close(self):
        self.process.stop()

    def count(self, display_filter):
        return len(self.lines(display_filter))

    def fields(self, name):
        return self.lines(name, ('-T', 'fields', '-e', name))

    def lines(self, display_filter, output=()):
        args = ['tshark', '-r', self.path, '-d', f'tcp.port=={self.world.rtsp},rtsp', '-d',
                f'udp.port=={self.world.sip},sip', '-d', f'tcp.port=={self.world.sip},sip', '-Y', display_filter, *output]
        result = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                check=True)
        return result.stdout.splitlines()


def capture(world):
    """A running capture, or None where this user may not capture: said, because tshark then checks nothing."""
    if can_capture():
        return Capture(world)
    print('   (no capture: dumpcap may not capture here, run as root for what tshark checks)')
    return None


def can_capture():
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return shutil.which('dumpcap') and run(['dumpcap', '-i', 'lo', '-a', 'duration:1', '-w', '/dev/null'],
                                               10).returncode == 0
    return False
