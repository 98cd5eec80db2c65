#!/usr/bin/env python3
"""gbgate as a SIP server beside Kamailio: CPU time of one completed scenario, memory, many devices.

usage: tests/bench/sip_serve.py [BUILD] [--runs N] [--only WORD] [--proto udp|tcp] [--json]

Both serve the same load (tests/bench/load) in the same run, by turns, with one worker and the same
number of requests under way; Kamailio with its fast allocator (-x fm). CPU time is what the
system counts for all processes of the server, user and kernel. The first run after a start, which
touches memory for the first time, gives the memory and is left out of the times. sip_floor shows the
kernel's share of an answer. Figures are medians.
"""
import argparse
import contextlib
import json
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
PORT, UAS, HTTP = 15060, 15070, 15080
PEER_PORT = 15064  # as kamailio/*.cfg have it
WINDOW = 32

# what: (mode, kind of server, scenarios of a run, extra options, bound of ours / Kamailio's)
SCENARIOS = {
    'OPTIONS, stateless': ('options', 'stateless', 60000, (), 0.75),
    'MESSAGE, server transaction': ('message', 'stateful', 40000, (), 0.5),
    'REGISTER refresh': ('register', 'registrar', 60000, ('--aors', '20000', '--local-port', '15100'), 0.55),
    'REGISTER with 401 and digest': ('register_auth', 'registrar_auth', 20000, (), 0.5),
    'call through the proxy': ('invite', 'proxy', 8000, (), 0.5),
}
# what: (mode, kind of server, things, extra options, bytes of each at most)
MEMORY = {
    'a binding': ('register', 'registrar', 300000, (), 500),
    'a transaction that is held': ('message', 'stateful', 40000, (), 1536),
    'a proxied call that is held': ('invite', 'proxy', 8000, (), 4096),
}
GBGATE = {
    'stateless': '[sip.proxy]\nmode = "stateful"\nstateful_answers = false\n',
    'stateful': '[sip.proxy]\nmode = "stateful"\n',
    'registrar': '[sip.registrar]\nenabled = true\nauthenticate = false\ndomains = ["3402000000"]\n',
    'registrar_auth': '[sip.registrar]\nenabled = true\npassword = "12345678"\ndomains = ["3402000000"]\n',
    'proxy': f'[sip.proxy]\nmode = "stateful"\nnext_hop = "sip:127.0.0.1:{UAS}"\nnext_hop_for = "everything"\n'
             'relay_for = "everyone"\nauthenticate = false\n',
}


class Server:
    """One server, in a folder of its own; `ready_s` is how long it took to answer."""

    def __init__(self, args, folder, port, is_proxy):
        self.port, self.is_proxy = port, is_proxy
        self.log = open(folder / 'server.log', 'ab')
        begin = time.monotonic()
        self.process = subprocess.Popen([str(a) for a in args], cwd=folder, stdout=self.log, stderr=self.log)
        while not self.answers():
            if time.monotonic() > begin + 20 or self.process.poll() is not None:
                self.stop()
                sys.exit(f'{args[0]} does not start:\n{(folder / "server.log").read_text()[-2000:]}')
        self.ready_s = time.monotonic() - begin

    @property
    def pid(self):
        return self.process.pid

    def answers(self):
        """A proxy may have nobody to pass OPTIONS on to: it is ready when it listens."""
        if self.is_proxy:
            with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', self.port), 1):
                return True
            time.sleep(0.02)
            return False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            s.connect(('127.0.0.1', self.port))
            port = s.getsockname()[1]
            request = (f'OPTIONS sip:127.0.0.1:{self.port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};rport;'
                       f'branch=z9hG4bKup{port}\r\nFrom: <sip:up@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1:{self.port}>\r\n'
                       f'Call-ID: up{port}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n')
            try:
                s.send(request.encode())
                return s.recv(4096).startswith(b'SIP/2.0')
            except OSError:
                time.sleep(0.02)
                return False

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Bench:
    def __init__(self, build, runs, proto):
        self.build, self.runs, self.proto = build, runs, proto

    @contextlib.contextmanager
    def gbgate(self, kind, folder=None, extra=''):
        with contextlib.ExitStack() as stack:
            folder = folder or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (folder / 'gbgate.toml').write_text(
                f'[server]\ndata_dir = "{folder}/data"\nlog_level = "warn"\n[gb28181]\nenabled = false\n'
                f'[rtsp]\nport = {HTTP + 1}\nlisten_address = "127.0.0.1"\n'
                f'[http]\nport = {HTTP}\nlisten_address = "127.0.0.1"\n'
                f'[sip]\nport = {PORT}\nlisten_address = "127.0.0.1"\n{GBGATE[kind]}{extra}')
            server = Server([self.build / 'gateway/gbgate', '-c', 'gbgate.toml'], folder, PORT, kind == 'proxy')
            stack.callback(server.stop)
            yield server

    @contextlib.contextmanager
    def kamailio(self, kind):
        with tempfile.TemporaryDirectory() as folder:
            for file in (HERE / 'kamailio').iterdir():
                shutil.copy(file, folder)
            server = Server(['kamailio', '-f', f'{folder}/{kind}.cfg', '-DD', '-E', '-m', '3000', '-M', '16', '-x', 'fm',
                             '-X', 'fm', '-Y', folder], pathlib.Path(folder), PEER_PORT, kind == 'proxy')
            try:
                yield server
            finally:
                server.stop()

    @contextlib.contextmanager
    def floor(self):
        process = subprocess.Popen([self.build / 'tests/bench/load/sip_floor', str(PORT + 2)])
        process.port = PORT + 2
        time.sleep(0.2)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def load(self, server, mode, count, *options, window=WINDOW):
        sockets = ['--sockets', '4'] if self.proto == 'tcp' else []
        program = [self.build / 'tests/bench/load/sip_load', '--mode', mode, '--count', count, '--proto', self.proto,
                   '--port', server.port, '--uas-port', UAS, '--window', window, '--server-pid', server.pid, *sockets, *options]
        done = subprocess.run([str(a) for a in program], text=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def once(self, run, server, mode, count, options):
        fresh = ('--first', str(run * 1000000)) if mode == 'register_auth' else ()
        return self.load(server, mode, count, *options, *fresh)

    def repeated(self, servers, mode, count, options):
        """Of each server the medians of all runs but the first; failures add up. In turns: what slows the machine
        down slows down all."""
        results = [[] for _ in servers]
        for run in range(self.runs + 1):
            for server, result in zip(servers, results):
                result.append(self.once(run, server, mode, count, options))
            if mode == 'invite':
                time.sleep(6.5 if run < self.runs else 0)  # Kamailio holds transactions for so long
        return [self.medians(result) for result in results]

    @staticmethod
    def medians(results):
        keys = ('server_cpu_us', 'p50_us', 'p99_us', 'per_s')
        median = {key: statistics.median(r[key] for r in results[1:]) for key in keys}
        median['failed'] = sum(r['failed'] for r in results)
        return median

    def scenario(self, what):
        mode, kind, count, options, bound = SCENARIOS[what]
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(self.kamailio(kind)), stack.enter_context(self.gbgate(kind))]
            if mode == 'options' and self.proto == 'udp':
                servers.append(stack.enter_context(self.floor()))
            peer, ours, *floor = self.repeated(servers, mode, count, options)
        row = {'what': what, 'ours': ours, 'peer': peer, 'ratio': round(ours['server_cpu_us'] / peer['server_cpu_us'], 3),
               'bound': bound}
        if floor:
            row['floor'] = floor[0]
        row['holds'] = row['ratio'] <= bound and ours['failed'] == 0
        return row

    def memory(self, what):
        mode, kind, count, options, bound = MEMORY[what]
        each = {}
        for name, start in (('peer', self.kamailio), ('ours', self.gbgate)):
            with start(kind) as server:
                self.load(server, mode, 200, '--first', '9000000')  # what a first request touches
                result = self.load(server, mode, count, *options)
                each[name] = round((result['server_pss_kb'] - result['server_pss_kb_before']) * 1024 / count)
                each[name + '_failed'] = result['failed']
        return {'what': f'bytes of {what}', **each, 'bound': bound,
                'holds': each['ours'] <= bound and each['ours_failed'] == 0}

    def flat(self):
        """A refresh among a thousand bindings and among a million."""
        with self.gbgate('registrar') as server:
            few, many, port = [], [], ('--local-port', '15100')
            self.load(server, 'register', 1000, '--aors', '1000', *port)
            for _ in range(self.runs):
                few.append(self.load(server, 'register', 50000, '--aors', '1000', *port)['server_cpu_us'])
            filled = self.load(server, 'register', 1000000, '--aors', '1000000', *port)
            for _ in range(self.runs):
                many.append(self.load(server, 'register', 50000, '--aors', '1000000', *port)['server_cpu_us'])
        few, many = statistics.median(few), statistics.median(many)
        return {'what': 'REGISTER among 1,000,000 / among 1,000 bindings', 'ours': round(many, 2), 'peer': round(few, 2),
                'ratio': round(many / few, 2), 'bound': 1.25, 'holds': many / few <= 1.25 and filled['failed'] == 0}

    def devices(self, count=100000, seconds=30):
        """Keepalives of 100,000 devices, one a minute each, and their refreshes, one an hour each."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            with self.gbgate('registrar_auth', folder) as server:
                storm = self.load(server, 'register_auth', count, '--sockets', '100', window=count)
                time.sleep(3)
                refresh = subprocess.Popen(
                    [self.build / 'tests/bench/load/sip_load', '--mode', 'register_auth', '--count', str(count * seconds // 3600),
                     '--rate', str(count / 3600), '--port', str(PORT), '--aors', str(count)],
                    stdout=subprocess.DEVNULL)
                beats = self.load(server, 'message', count * seconds // 60, '--rate', str(count / 60), '--aors', count,
                                  window=4000)
                refresh.wait()
                server.stop(signal.SIGKILL)
            with self.gbgate('registrar_auth', folder) as again:
                ready, known = again.ready_s, bindings()
        share = beats['server_cpu_us'] * beats['per_s'] / 1e6 * 100
        return [
            {'what': f'{count} devices register at once', 'ours': f"{storm['ok']} ok in {storm['seconds']:.1f} s, {storm['shed']} put off by 503",
             'bound': 'none lost', 'holds': storm['failed'] == 0},
            {'what': f'keepalives of {count} devices, share of a core', 'ours': f'{share:.2f} %', 'bound': '2 %',
             'holds': share <= 2 and beats['failed'] == 0},
            {'what': 'their latest answer', 'ours': f"{beats['max_us'] / 1000:.1f} ms", 'bound': '50 ms',
             'holds': beats['max_us'] <= 50000},
            {'what': 'ready after SIGKILL', 'ours': f'{ready:.2f} s', 'bound': '2 s', 'holds': ready <= 2},
            {'what': 'registrations that it still knows', 'ours': known, 'bound': f'>= {count}', 'holds': known >= count},
        ]


def bindings():
    import re
    import urllib.request
    text = urllib.request.urlopen(f'http://127.0.0.1:{HTTP}/metrics').read().decode()
    found = re.search(r'^gbgate_sip_bindings (\d+)$', text, re.M)
    return int(found[1]) if found else -1


def show(row):
    verdict = 'holds' if row['holds'] else 'MISSED'
    if isinstance(row.get('ours'), dict):
        ours, peer = row['ours'], row['peer']
        floor = f", floor {row['floor']['server_cpu_us']:.2f}" if 'floor' in row else ''
        print(f"{row['what']:48} {ours['server_cpu_us']:7.2f} us  Kamailio {peer['server_cpu_us']:7.2f} us{floor}  "
              f"ratio {row['ratio']:.2f} (<= {row['bound']})  p99 {ours['p99_us']:.0f} us, Kamailio {peer['p99_us']:.0f}  "
              f"failed {ours['failed']}  {verdict}", flush=True)
    else:
        peer = f"  beside {row['peer']}" if 'peer' in row else ''
        print(f"{row['what']:48} {row['ours']}{peer}  ({row['bound']} asked)  {verdict}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', nargs='?', default=ROOT / 'build', type=pathlib.Path)
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--only', default='')
    parser.add_argument('--proto', default='udp', choices=['udp', 'tcp'])
    parser.add_argument('--json', action='store_true')
    args = parser.parse_args()
    bench, rows = Bench(args.build.resolve(), args.runs, args.proto), []
    jobs = {**{what: lambda w=what: [bench.scenario(w)] for what in SCENARIOS},
            **{f'bytes of {what}': lambda w=what: [bench.memory(w)] for what in MEMORY},
            'flat': lambda: [bench.flat()], 'devices': lambda: bench.devices()}
    for name, job in jobs.items():
        if args.only.lower() not in name.lower():
            continue
        for row in job():
            rows.append(row)
            if not args.json:
                show(row)
    if args.json:
        print(json.dumps(rows, indent=1))
    return 0 if all(row['holds'] for row in rows) else 1


sys.exit(main())
