"""The rows of tests/bench/media.py that are not CPU time beside the floor's: starting, limits, memory, idleness, stopped viewers."""
import json
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from media_rows import remark, row, trouble
from media_world import RTSP, SIP, SIP_LOCAL, Load, Program, Window, cpu_seconds, pss_kb

DEVICE, CHANNEL = '34020000001110000001', '34020000001310000001'
WARM_S = 2.6  # a group of pictures, and the wait for sound


def joins(bench, gop, count=300):
    """One after the other at a stream that somebody watches."""
    p50, p99, why = [], [], ''
    for _ in range(bench.runs):
        with bench.gbgate() as server, bench.cameras(server.open_ports(1), '--gop', gop):
            time.sleep(WARM_S)
            with bench.viewers(server, 1, 1, 'tcp'):
                time.sleep(0.5)
                seen = join_run(bench, server, 's0', count, 20)
        p50.append(seen['join_ms']['p50'])
        p99.append(seen['join_ms']['p99'])
        if seen['join_ms']['n'] < count:
            why = f"{count - seen['join_ms']['n']} saw no key frame: {seen['why']}"
    p50, p99 = statistics.median(p50), statistics.median(p99)
    yield row(f'PLAY to key frame, warm, GOP {gop}', f'p50 {p50:.2f}, p99 {p99:.2f} ms', '1, 5 ms',
              p50 <= 1 and p99 <= 5 and not why, remarks=[why])


def join_run(bench, server, path, count, every_ms):
    with bench.viewers(server, 1, 0, 'tcp', '--path', path, '--joins', count, '--every-ms', every_ms) as joiners:
        return joiners.answer()


def age(bench, count=25, every_ms=1700):
    """A camera that obeys IFrameCmd, with a key frame every 10 s otherwise; a camera is asked at most once a second."""
    with tempfile.TemporaryDirectory() as folder:
        clip = pathlib.Path(folder) / 'clip.mp4'
        subprocess.run([bench.root / 'tools/clip', clip, 'h264', '20', '250'], check=True)
        with bench.gbgate() as server, camera(bench, server, clip):
            path = f'{DEVICE}/{CHANNEL}'
            with bench.viewers(server, 1, 0, 'tcp', '--path', path):
                time.sleep(3)
                seen = join_run(bench, server, path, count, every_ms)
    old, missing = seen['age_ms'], count - seen['age_ms']['n']
    yield row('age of the first picture, obedient camera', f"p50 {old['p50']:.0f}, p99 {old['p99']:.0f} ms", 'p50 300 ms',
              old['p50'] <= 300 and not missing, remarks=[f'{missing} saw none: {seen["why"]}' if missing else '',
              f"PLAY to key frame p50 {seen['join_ms']['p50']:.1f}, p99 {seen['join_ms']['p99']:.1f} ms"])


def camera(bench, server, clip):
    program = Program(bench.build / 'tools/gbcam', '--server', f'127.0.0.1:{SIP}', '--file', clip, '--stamp', '--quiet',
                      '--channel-id', CHANNEL, '--id', DEVICE)
    end = time.monotonic() + 10
    while time.monotonic() < end and not server.call('GET', f'/api/v1/devices/{DEVICE}/channels', quiet=True).get('total'):
        time.sleep(0.1)
    return program


def most(bench, streams, viewers):
    runs = []
    for _ in range(bench.runs):
        with bench.gbgate() as server:
            runs.append(bench.window(server, streams, viewers, 'tcp', ramp=max(1, viewers / 1000)))
        if trouble(runs):
            break
    load = statistics.median(run['cpu_s'] / run['seconds'] for run in runs)
    shown = f"{load:.2f} of a core, {runs[-1]['pss_kb'] / 1024:.0f} MiB, {runs[-1]['descriptors']} descriptors"
    yield row(f'no loss, {streams} x {viewers // streams}, TCP', shown, 'no loss', not trouble(runs),
              remarks=[trouble(runs), remark(runs)])


def system_calls(bench):
    if not shutil.which('perf'):
        yield row('system calls per packet, 50 x 1 TCP', 'perf is not installed', '0.7', False)
        return
    each = []
    for _ in range(bench.runs):
        with bench.gbgate() as server, bench.cameras(server.open_ports(50)) as cameras:
            time.sleep(WARM_S)
            with bench.viewers(server, 50, 50, 'tcp') as viewers:
                time.sleep(2)
                each.append(count_calls(server.pid, cameras, viewers))
    yield row('system calls per packet, 50 x 1 TCP', f'{statistics.median(each):.2f}', '0.7', statistics.median(each) <= 0.7)


def count_calls(pid, cameras, viewers, seconds=3):
    viewers.mark()
    done = subprocess.run(['perf', 'stat', '-x', ',', '-e', 'raw_syscalls:sys_enter', '-p', str(pid), '--', 'sleep', str(seconds)],
                          stderr=subprocess.PIPE, text=True, check=True)
    seen = viewers.mark()
    calls = float(re.search(r'^(\d+),', done.stderr, re.M)[1])
    return calls / seconds / (seen['packets'] / seen['seconds'])


def memory(bench, streams=100, viewers=1000):
    with bench.gbgate() as server:
        ports = server.open_ports(2 * streams)
        with bench.cameras(ports[:streams]):
            time.sleep(6)  # two groups of pictures and more
            few = pss_kb(server.pid)
            with bench.cameras(ports[streams:]):
                time.sleep(6)
                each = (pss_kb(server.pid) - few) / streams / 1024
    yield row('memory of a stream, 2 s GOP of 0.5 MB', f'{each:.2f} MiB', '0.75 MiB', each <= 0.75)
    with bench.gbgate() as server, bench.cameras(server.open_ports(1)):
        time.sleep(4)
        with bench.viewers(server, 10, 1, 'tcp'):
            time.sleep(3)
            few = pss_kb(server.pid)
            with bench.viewers(server, viewers, 1, 'tcp', '--ramp-ms', 2000) as more:
                time.sleep(6)
                each = (pss_kb(server.pid) - few) / viewers
                seen = more.mark()
    yield row('memory of a TCP viewer', f'{each:.1f} KiB', '16 KiB', each <= 16 and seen['playing'] == viewers)


def idle(bench, seconds=10):
    with bench.gbgate() as server:
        time.sleep(2)
        share = share_of_core(server, seconds)
    yield row('idle, no stream', f'{share:.3f} % of a core', '0.1 %', share <= 0.1)


def share_of_core(server, seconds):
    begin = cpu_seconds(server.pid)
    time.sleep(seconds)
    return (cpu_seconds(server.pid) - begin) / seconds * 100


def devices(bench, count=10000, settle=100, seconds=20):
    """Registered, with a keepalive a minute each; their catalogs are asked for meanwhile."""
    with bench.gbgate() as server:
        storm = sip_load(bench, server, 'register', count, count)
        sip_load(bench, server, 'message', count * settle // 60, count, '--rate', count / 60)
        before, began = cpu_seconds(server.pid), time.monotonic()
        beats = sip_load(bench, server, 'message', count * seconds // 60, count, '--rate', count / 60)
        share = (cpu_seconds(server.pid) - before) / (time.monotonic() - began) * 100
        known = server.call('GET', '/api/v1/devices?limit=1')['total']
    yield row(f'idle, {count} devices with keepalives', f'{share:.2f} % of a core', '0.5 %',
              share <= 0.5 and known == count and not storm['failed'] + beats['failed'],
              remarks=[] if known == count else [f'{known} are registered'])


def sip_load(bench, server, mode, count, aors, *options):
    program = [bench.build / 'tests/bench/load/sip_load', '--mode', mode, '--count', count, '--port', SIP, '--aors', aors,
               '--local-port', SIP_LOCAL, '--window', 4000, '--server-pid', server.pid, *options]
    return json.loads(subprocess.run([str(a) for a in program], text=True, stdout=subprocess.PIPE, check=True).stdout)


def stopped(bench, seconds, others=360, some=40):
    """A tenth of the viewers take nothing for a while. Windows of one length are compared by their median: a 99th percentile is
    the slowest of the key frames in a window, so that the longer window has the higher one."""
    window_s, around = max(5, seconds / 8), 4
    with bench.gbgate() as server, bench.cameras(server.open_ports(1)) as cameras:
        time.sleep(WARM_S)
        with bench.viewers(server, others, 1, 'tcp') as watching, bench.viewers(server, some, 1, 'tcp') as sleepers:
            time.sleep(2)

            def windows(count):
                return [timed(server, cameras, watching, window_s) for _ in range(count)]

            before = windows(around)
            sleepers.process.send_signal(signal.SIGSTOP)
            during = windows(max(1, round(seconds / window_s)))
            sleepers.process.send_signal(signal.SIGCONT)
            time.sleep(3)
            after = windows(around)
    was, now = (statistics.median(run['seen']['delay_ms']['p99'] for run in runs) for runs in (before + after, during))
    runs = before + during + after
    grown = (max(run['pss_kb'] for run in during) - before[-1]['pss_kb']) / 1024
    yield row(f'{some} of {others + some} viewers stopped for {seconds:.0f} s', f'p99 {now:.2f} ms, before and after {was:.2f}',
              'unchanged', now <= max(1.25 * was, was + 0.5) and not trouble(runs), remarks=[trouble(runs), remark(runs)])
    yield row('memory taken meanwhile', f'{grown:.1f} MiB', '16 MiB', grown <= 16)


def timed(server, cameras, viewers, seconds):
    window = Window(server, cameras, viewers, 1)
    time.sleep(seconds)
    return window.close()


def jobs(bench, stopped_seconds):
    return {
        'PLAY to key frame, GOP 50': lambda: joins(bench, 50),
        'PLAY to key frame, GOP 250': lambda: joins(bench, 250),
        'age of the first picture': lambda: age(bench),
        'no loss, 500 x 1': lambda: most(bench, 500, 500),
        'no loss, 1 x 3000': lambda: most(bench, 1, 3000),
        'system calls': lambda: system_calls(bench),
        'memory': lambda: memory(bench),
        'idle, no stream': lambda: idle(bench),
        'idle, devices': lambda: devices(bench),
        'viewers stopped': lambda: stopped(bench, stopped_seconds),
    }
