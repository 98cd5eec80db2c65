"""What tests/bench/media.py is made of: gbgate or the floor, cameras, viewers, and what the system counts of them."""
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

SIP, RTSP, HTTP, VIEWERS, SIP_LOCAL = 26860, 26854, 26880, 26890, 26900
RTP, RTP_LAST = 20000, 26799
TICK = os.sysconf('SC_CLK_TCK')
CONFIG = f"""[server]
log_level = "error"
data_dir = "data"
[sip]
port = {SIP}
listen_address = "127.0.0.1"
[rtsp]
port = {RTSP}
listen_address = "127.0.0.1"
max_connections = 10000
max_viewers = 10000
max_viewers_per_stream = 10000
[http]
port = {HTTP}
listen_address = "127.0.0.1"
[media]
listen_address = "127.0.0.1"
rtp_port_min = {RTP}
rtp_port_max = {RTP_LAST}
max_streams = 3000
"""


def cpu_seconds(pid):
    """User and system of all threads, by the scheduler's own count, in nanoseconds where /proc/PID/stat has ticks."""
    tasks = pathlib.Path(f'/proc/{pid}/task')
    return sum(int((task / 'schedstat').read_text().split()[0]) for task in tasks.iterdir()) / 1e9


def pss_kb(pid):
    return next(int(line.split()[1]) for line in pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
                if line.startswith('Pss:'))


def machine():
    """Busy and all time of all cores so far, in seconds."""
    fields = [int(f) / TICK for f in pathlib.Path('/proc/stat').read_text().splitlines()[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def datagrams_dropped(ports):
    """By receive buffers of these ports; others on the machine may use their neighbours."""
    drops = 0
    for line in pathlib.Path('/proc/net/udp').read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rsplit(':', 1)[1], 16) in ports:
            drops += int(fields[-1])
    return drops


class Program:
    """A program that ends with the block it is used in."""

    def __init__(self, *args, **kwargs):
        self.args = [str(a) for a in args]
        self.process = subprocess.Popen(self.args, **kwargs)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Load(Program):
    """A load program: says what happened since it was last asked."""

    def __init__(self, *args):
        super().__init__(*args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def mark(self):
        self.ask()
        return self.answer()

    def ask(self):
        self.process.stdin.write('m')
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f'{self.args[0]} ended early')
        return json.loads(line)


class Gbgate(Program):
    def __init__(self, build, folder, extra=''):
        (folder / 'gbgate.toml').write_text(CONFIG + extra)
        super().__init__(build / 'gateway/gbgate', '-c', 'gbgate.toml', cwd=folder, stderr=open(folder / 'gbgate.log', 'wb'))
        self.viewer_args = ['--port', RTSP]
        begin = time.monotonic()
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > begin + 20:
                sys.exit('gbgate does not start')
            time.sleep(0.02)

    def call(self, method, path, body=None, quiet=False):
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f'http://127.0.0.1:{HTTP}{path}', data, method=method,
                                         headers={'Content-Type': 'application/json'})
        try:
            return json.load(urllib.request.urlopen(request, timeout=10))
        except urllib.error.HTTPError:
            if not quiet:
                raise
            return {}

    def ready(self):
        try:
            return urllib.request.urlopen(f'http://127.0.0.1:{HTTP}/readyz', timeout=1).status == 200
        except OSError:
            return False

    def open_ports(self, streams, transport='udp'):
        kind = 'udp' if transport == 'udp' else 'tcp-passive'
        self.ports = [self.call('POST', '/api/v1/ingests', {'name': f's{i}', 'transport': kind})['port']
                      for i in range(streams)]
        return self.ports


class Floor(Program):
    def __init__(self, build, streams):
        super().__init__(build / 'tests/bench/load/rtp_floor', RTP, streams, VIEWERS)
        self.viewer_args = ['--port', VIEWERS, '--protocol', 'raw']
        time.sleep(0.3)

    def open_ports(self, streams, _='udp'):
        self.ports = [RTP + 2 * i for i in range(streams)]
        return self.ports


class Window:
    """What happened between two moments, at a server, its cameras and its viewers."""

    def __init__(self, server, cameras, viewers, streams):
        self.server, self.streams, self.loads = server, streams, [load for load in (cameras, viewers) if load]
        self.mine = [server.pid, os.getpid()] + [load.pid for load in self.loads]
        self.marks()
        self.begin = self.now()

    def marks(self):
        for load in self.loads:
            load.ask()
        return [load.answer() for load in self.loads]

    def now(self):
        busy, _ = machine()
        return {'cpu': cpu_seconds(self.server.pid), 'mine': sum(cpu_seconds(pid) for pid in self.mine), 'busy': busy,
                'drops': datagrams_dropped(self.server.ports), 'at': time.monotonic()}

    def close(self):
        seen, end = self.marks(), self.now()
        since = {key: end[key] - self.begin[key] for key in end}
        cores = os.cpu_count() * since['at']
        return {'cpu_s': since['cpu'], 'drops': since['drops'], 'seconds': since['at'], 'streams': self.streams,
                'sent': seen[0],
                'seen': seen[1] if len(seen) > 1 else None,
                'idle': max(0.0, 1 - since['busy'] / cores), 'others': max(0.0, since['busy'] - since['mine']) / since['at'],
                'pss_kb': pss_kb(self.server.pid), 'descriptors': len(os.listdir(f'/proc/{self.server.pid}/fd'))}
