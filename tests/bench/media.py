#!/usr/bin/env python3
"""gbgate's media path beside what the kernel itself asks for the same relay, in one run.

usage: tests/bench/media.py [BUILD] [--runs N] [--seconds S] [--only WORD] [--stopped-seconds S] [--json]

Cameras and viewers are other processes (tests/bench/load): program streams of 2 Mbit/s, 25 fps over RTP, evenly spread over a
frame's duration and over the group of pictures. Ours and the floor (rtp_floor: recvmmsg, epoll, one writev per viewer and
frame) take turns with the same load for the same seconds; figures are medians. CPU time is what the scheduler counts, user
and system. Delay is from the camera's sending, stamped into each packet's picture, to the viewer's receiving. A row says
when other programs took more than a tenth of a core meanwhile: its times are then theirs, too.
"""
import argparse
import json
import pathlib
import resource
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import media_cases  # noqa: E402
from media_rows import cost_per_gbit, delay, remark, row, show, spread, trouble  # noqa: E402
from media_world import Floor, Gbgate, Load, Window  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# what: (streams, viewers, transport of the viewers, times the floor at most, CPU s per Gbit at most)
CPU = {
    'ingest of 200, UDP': (200, 0, 'udp', 1.6, None),
    '50 x 1 viewer, TCP': (50, 50, 'tcp', 1.6, None),
    '50 x 1 viewer, UDP': (50, 50, 'udp', None, 0.9),
    '200 x 1 viewer, TCP': (200, 200, 'tcp', 1.6, None),
    '1 x 400 viewers, TCP': (1, 400, 'tcp', 1.3, None),
}


class Bench:
    root = ROOT

    def __init__(self, build, runs, seconds):
        self.build, self.runs, self.seconds = build, runs, seconds

    def gbgate(self, extra=''):
        folder = tempfile.TemporaryDirectory()
        server = Gbgate(self.build, pathlib.Path(folder.name), extra)
        server.folder = folder  # goes with it
        return server

    def cameras(self, ports, *options):
        return Load(self.build / 'tests/bench/load/rtp_cameras', '--ports', ','.join(map(str, ports)), *options)

    def viewers(self, server, count, streams, transport, *options):
        return Load(self.build / 'tests/bench/load/rtsp_viewers', *server.viewer_args, '--viewers', count, '--streams', streams,
                    '--transport', transport, *options)

    def window(self, server, streams, viewers, transport, ramp=0.5):
        """One run of the load at a server that has just started."""
        with self.cameras(server.open_ports(streams)) as cameras:
            time.sleep(2.6)  # a group of pictures, and the wait for sound
            if not viewers:
                return self.measure(server, cameras, None, streams)
            with self.viewers(server, viewers, streams, transport, '--ramp-ms', int(ramp * 1000)) as watching:
                time.sleep(ramp + 1.5)
                return self.measure(server, cameras, watching, streams)

    def measure(self, server, cameras, viewers, streams):
        window = Window(server, cameras, viewers, streams)
        time.sleep(self.seconds)
        return window.close()

    def turns(self, streams, viewers, transport):
        """Runs of ours and of the floor, by turns."""
        ours, floor = [], []
        for _ in range(self.runs):
            with self.gbgate() as server:
                ours.append(self.window(server, streams, viewers, transport))
            with Floor(self.build, streams) as server:
                floor.append(self.window(server, streams, viewers, transport))
        return ours, floor

    def cpu(self, what):
        streams, viewers, transport, times, absolute = CPU[what]
        ours, floor = self.turns(streams, viewers, transport)
        cost, least = cost_per_gbit(ours), cost_per_gbit(floor)
        ratio = statistics.median(cost) / statistics.median(least)
        bound = f'{times} x floor' if times else f'{absolute} CPU s'
        holds = ratio <= times if times else statistics.median(cost) <= absolute
        broken = trouble(ours)
        yield row(what, spread(cost, 'CPU s/Gbit'), bound, holds and not broken, floor=spread(least), ratio=round(ratio, 2),
                  remarks=[broken, remark(ours + floor)])
        if what.startswith('50 x 1'):
            yield delay_row(what, ours, floor)


def delay_row(what, ours, floor):
    p50, p99 = delay(ours, 'p50'), delay(ours, 'p99')
    return row(f'added delay, {what}', f'p50 {p50:.2f}, p99 {p99:.2f} ms', '0.3, 1.5 ms', p50 <= 0.3 and p99 <= 1.5,
               floor=f"p50 {delay(floor, 'p50'):.2f}, p99 {delay(floor, 'p99'):.2f} ms", remarks=[remark(ours)])


def jobs(bench, stopped_seconds):
    return {**{what: lambda w=what: bench.cpu(w) for what in CPU}, **media_cases.jobs(bench, stopped_seconds)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', nargs='?', default=ROOT / 'build', type=pathlib.Path)
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=5, help='of each measurement')
    parser.add_argument('--stopped-seconds', type=float, default=60, help='for which viewers are stopped')
    parser.add_argument('--only', default='', help='rows whose name has this in it')
    parser.add_argument('--json', action='store_true')
    args = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    bench, rows = Bench(args.build.resolve(), args.runs, args.seconds), []
    for name, job in jobs(bench, args.stopped_seconds).items():
        if args.only.lower() not in name.lower():
            continue
        for r in job():
            rows.append(r)
            if not args.json:
                show(r)
    if args.json:
        print(json.dumps(rows, indent=1))
    return 0 if all(r['holds'] for r in rows) else 1


if __name__ == '__main__':
    sys.exit(main())
