#!/usr/bin/env python3
"""A fleet of GB/T 28181 devices at one gbgate: all register at once, keep alive once a minute, gbgate is killed and started.

usage: tests/bench/gb_fleet.py [BUILD] [--devices N] [--seconds S] [--settle S] [--digest] [--json]

The devices are tests/bench/load: one process, digest on request (else loopback is let in), every query answered 200. CPU
time is what the system counts for all threads of gbgate, user and kernel. The bounds are those of 100,000 devices.
"""
import argparse
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIP, HTTP, RTSP, LOCAL = 26060, 26080, 26054, 26100
CONFIG = f"""[server]
log_level = "error"
[sip]
port = {SIP}
listen_address = "127.0.0.1"
max_devices = 1000000
PASSWORD
[http]
port = {HTTP}
listen_address = "127.0.0.1"
[rtsp]
port = {RTSP}
listen_address = "127.0.0.1"
"""


class Gateway:
    def __init__(self, build, folder):
        begin = time.monotonic()
        self.process = subprocess.Popen([build / 'gateway/gbgate', '-c', 'gbgate.toml'], cwd=folder, stderr=subprocess.DEVNULL)
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > begin + 60:
                sys.exit('gbgate does not start')
            time.sleep(0.01)
        self.ready_s = time.monotonic() - begin

    @staticmethod
    def answers():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            return s.connect_ex(('127.0.0.1', HTTP)) == 0

    def threads(self):
        """CPU seconds of each thread, user and system, by its number."""
        found = {}
        for task in pathlib.Path(f'/proc/{self.process.pid}/task').iterdir():
            fields = (task / 'stat').read_text().rsplit(')', 1)[1].split()
            found[task.name] = (int(fields[11]) / 100, int(fields[12]) / 100)
        return found

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(30)


def metric(name):
    text = urllib.request.urlopen(f'http://127.0.0.1:{HTTP}/metrics').read().decode()
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(name + ' ')), 0.0)


def load(build, gateway, mode, count, aors, *options):
    program = [build / 'tests/bench/load/sip_load', '--mode', mode, '--count', count, '--port', SIP, '--aors', aors,
               '--local-port', LOCAL, '--server-pid', gateway.process.pid, *options]
    done = subprocess.run([str(a) for a in program], text=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def cpu_since(before, after):
    user = sum(u - before.get(t, (0, 0))[0] for t, (u, _) in after.items())
    system = sum(s - before.get(t, (0, 0))[1] for t, (_, s) in after.items())
    return user, system


def run(build, devices, seconds, settle, digest, folder):
    (folder / 'gbgate.toml').write_text(CONFIG.replace('PASSWORD', 'password = "12345678"' if digest else ''))
    gateway = Gateway(build, folder)
    storm = load(build, gateway, 'register_auth' if digest else 'register', devices, devices, '--window', devices, '--limit', 120)
    rows = [row(f'{devices} devices register at once', f'{storm["ok"]} in {storm["seconds"]:.1f} s, shed {storm["shed"]}, '
                f'{storm["server_cpu_us"]:.1f} us each', 'none lost', storm['failed'] == 0 and metric('gbgate_devices') == devices)]
    # Their catalogs are asked for within half a minute, and once more: keepalives meanwhile, for somebody must answer.
    load(build, gateway, 'message', int(devices / 60 * settle), devices, '--rate', devices / 60, '--window', 4000, '--limit', 600)
    before = gateway.threads()
    count = int(devices / 60 * seconds)
    beats = load(build, gateway, 'message', count, devices, '--rate', devices / 60, '--window', 4000)
    user, system = cpu_since(before, gateway.threads())
    share = (user + system) / beats['seconds'] * 100
    rows += [row('share of a core for their keepalives', f'{share:.2f} %', '2 %', share <= 2 and beats['failed'] == 0),
             row('a keepalive', f'{user / count * 1e6:.1f} us user, {system / count * 1e6:.1f} us system', 'user 6 us',
                 user / count * 1e6 <= 6),
             row('latest answer', f'{beats["max_us"] / 1000:.1f} ms (p99 {beats["p99_us"] / 1000:.1f})', '50 ms',
                 beats['max_us'] <= 50000)]
    gateway.stop(signal.SIGKILL)
    gateway = Gateway(build, folder)
    known, online = metric('gbgate_devices'), metric('gbgate_devices_online')
    rows += [row('ready after SIGKILL', f'{gateway.ready_s:.2f} s', '2 s', gateway.ready_s <= 2),
             row('devices known, on line', f'{known:.0f}, {online:.0f}', f'{devices}', known == online == devices)]
    gateway.stop()
    return rows


def row(what, ours, bound, holds):
    return {'what': what, 'ours': ours, 'bound': bound, 'holds': holds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', nargs='?', default=ROOT / 'build', type=pathlib.Path)
    parser.add_argument('--devices', type=int, default=100000)
    parser.add_argument('--seconds', type=int, default=30)
    parser.add_argument('--settle', type=int, default=120, help='seconds of keepalives before they are measured')
    parser.add_argument('--digest', action='store_true')
    parser.add_argument('--json', action='store_true')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = run(args.build.resolve(), args.devices, args.seconds, args.settle, args.digest, pathlib.Path(folder))
    if args.json:
        print(json.dumps(rows, indent=1))
    else:
        for r in rows:
            print(f"{r['what']:44} {r['ours']}  ({r['bound']})  {'holds' if r['holds'] else 'MISSED'}")
    return 0 if all(r['holds'] for r in rows) else 1


sys.exit(main())
