"""What end-to-end tests are made of: a gateway, cameras, ports and clips. Everything is on loopback."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLATFORM = '34020000002000000001'
DEVICE = '34020000001110000001'
CHANNEL = '34020000001320000001'


class Failed(Exception):
    """What a test saw instead of what it expected."""


class Skipped(Exception):
    """Why a test could not be run here."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


def wait_for(what, condition, seconds=10.0, step=0.1):
    """The first true value of condition(); fails when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f'waited {seconds} s for {what}')
        time.sleep(step)


next_port = 10000 + os.getpid() * 37 % 15000


def free_ports(count):
    """Ports that nobody listens on, below the ephemeral range so that no client takes them meanwhile; no port twice."""
    global next_port
    found = []
    while len(found) < count:
        next_port = next_port + 2 if next_port < 32000 else 10000
        with contextlib.suppress(OSError):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with contextlib.closing(socket.socket(socket.AF_INET, kind)) as s:
                    s.bind(('127.0.0.1', next_port))
            found.append(next_port)
    return found


class Process:
    """A program that is ended with the test, and what it said."""

    def __init__(self, name, args, folder, **kwargs):
        self.name = name
        self.log_path = folder / f'{name}.log'
        self.log = open(self.log_path, 'ab')
        self.process = subprocess.Popen(args, stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                        cwd=folder, **kwargs)

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return self.log_path.read_text(errors='replace')

    def alive(self):
        return self.process.poll() is None

    def stop(self, how=signal.SIGTERM, seconds=10):
        if self.alive():
            self.process.send_signal(how)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:  # with its children, which Kamailio has
                subprocess.run(['pkill', '-KILL', '-P', str(self.pid)], check=False)
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode

    def cpu_seconds(self):
        fields = pathlib.Path(f'/proc/{self.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class World:
    """One test's folder, ports and processes."""

    def __init__(self, build, clips, name):
        self.build, self.clips = pathlib.Path(build).resolve(), clips
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f'gbgate-{name}-'))
        self.folder.chmod(0o755)
        self.processes, self.camera_count = [], 0
        self.sip, self.rtsp, self.http, self.tls, self.ws = free_ports(5)
        self.rtp = 40000 + os.getpid() * 211 % 9000 // 2 * 2
        self.gateway = None

    def start(self, name, args, **kwargs):
        process = Process(name, [str(a) for a in args], self.folder, **kwargs)
        self.processes.append(process)
        return process

    def start_gateway(self, **settings):
        """Settings as section_key=value; started again with the same ones after a kill when none are given."""
        if settings or not (self.folder / 'gbgate.toml').exists():
            self.write_config(settings)
        self.gateway = self.start('gbgate', [self.build / 'gateway/gbgate', '-c', self.folder / 'gbgate.toml'])
        wait_for('the gateway to be ready', self.is_ready, 10)
        return self.gateway

    def is_ready(self):
        if not self.gateway.alive():
            raise Failed(f'gbgate ended: {self.gateway.text()[-2000:]}')
        with contextlib.suppress(OSError):
            return self.get('/readyz', raw=True) is not None
        return False

    def write_config(self, settings):
        values = {'server': {'data_dir': str(self.folder / 'data')},
                  'sip': {'port': self.sip, 'listen_address': '127.0.0.1'},
                  'media': {'rtp_port_min': self.rtp, 'rtp_port_max': self.rtp + 999, 'linger_ms': 1000},
                  'rtsp': {'port': self.rtsp, 'listen_address': '127.0.0.1'},
                  'http': {'port': self.http, 'listen_address': '127.0.0.1'}}
        for key, value in settings.items():
            section, name = key.split('_', 1)
            values.setdefault(section, {})[name] = value
        lines = []
        for section, keys in values.items():
            lines.append(f'[{section}]')
            lines += [f'{k} = {json.dumps(v)}' for k, v in keys.items() if not isinstance(v, dict)]
            for k, v in keys.items():
                if isinstance(v, dict):
                    lines.append(f'[{section}.{k}]')
                    lines += [f'{json.dumps(a)} = {json.dumps(b)}' for a, b in v.items()]
        (self.folder / 'gbgate.toml').write_text('\n'.join(lines) + '\n')

    def start_camera(self, *options, clip='h264', device=DEVICE, channel=CHANNEL, wait=True):
        self.camera_count += 1
        name = f'gbcam{self.camera_count}'
        path = self.clips.get(clip, clip)
        media = ['--raw-ps' if str(path).endswith(('.ps', '.mpg', '.vob')) else '--file', path]
        camera = self.start(name, [self.build / 'tools/gbcam', '--server', f'127.0.0.1:{self.sip}', '--server-id',
                                   PLATFORM, '--id', device, '--channel-id', channel,
                                   '--stats', self.folder / f'{name}.json', *media, *options])
        if wait:
            wait_for('the camera to be on line', lambda: self.is_online(device), 15)
        return camera

    def stats(self, camera):
        """A camera's counters; it must have been stopped."""
        return json.loads((self.folder / f'{camera.name}.json').read_text())

    def is_online(self, device=DEVICE):
        with contextlib.suppress(Failed):
            return self.get(f'/api/v1/devices/{device}')['online']
        return False

    def url(self, path=f'{DEVICE}/{CHANNEL}', user=''):
        return f'rtsp://{user}127.0.0.1:{self.rtsp}/{path}'

    def request(self, method, path, body=None):
        """Status and JSON (or text) of one HTTP request."""
        request = urllib.request.Request(f'http://127.0.0.1:{self.http}{path}', method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={'Content-Type': 'application/json'})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        with contextlib.suppress(ValueError):
            return status, json.loads(text)
        return status, text

    def request_bytes(self, path):
        with urllib.request.urlopen(f'http://127.0.0.1:{self.http}{path}', timeout=30) as answer:
            return answer.read()

    def get(self, path, raw=False):
        status, body = self.request('GET', path)
        expect(raw or status == 200, f'GET {path}: {status} {body}')
        return body

    def streams(self):
        return self.get('/api/v1/streams')['items']

    def metric(self, name):
        found = re.search(rf'^{re.escape(name)} (\S+)$', self.get('/metrics'), re.M)
        return float(found[1]) if found else None

    def close(self, keep=False):
        for process in reversed(self.processes):
            process.stop()
        bad = [p for p in self.processes if p.name == 'gbgate' and p.process.returncode not in (0, -signal.SIGKILL)]
        if not keep and not bad:
            shutil.rmtree(self.folder, ignore_errors=True)
        expect(not bad, f'gbgate ended with {[p.process.returncode for p in bad]}, see {self.folder}')


def make_clips(folder):
    """The media that cameras play: made once, by ffmpeg and GStreamer."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = {'h264': folder / 'h264.mkv', 'h265': folder / 'h265.mkv', 'mpeg': folder / 'ffmpeg.mpg',
             'vob': folder / 'ffmpeg.vob', 'gst': folder / 'gstreamer.ps'}
    tool = ROOT / 'tools/clip'
    for name, kind in (('h264', 'h264+g711a'), ('h265', 'h265+aac')):
        if not clips[name].exists():
            subprocess.run([tool, clips[name], kind], check=True)
    ffmpeg = ['ffmpeg', '-nostdin', '-v', 'error', '-y', '-i', clips['h264'], '-an', '-c:v', 'copy', '-bsf:v',
              'h264_mp4toannexb']  # Matroska keeps NALs with lengths, which the muxers would copy
    for name, form in (('mpeg', 'mpeg'), ('vob', 'vob')):
        if not clips[name].exists():
            subprocess.run([*ffmpeg, '-f', form, clips[name]], check=True)
    if not clips['gst'].exists():
        subprocess.run(['gst-launch-1.0', '-q', 'filesrc', f'location={clips["h264"]}', '!', 'matroskademux', '!',
                        'h264parse', '!', 'mpegpsmux', '!', 'filesink', f'location={clips["gst"]}'], check=True)
    return clips
