#!/usr/bin/env python3
"""A camera in one file: sends a clip of H.264 as MPEG-PS over RTP, and writes down which packets each frame took.
Where the system has no netem it can spoil its own output: repeatably, by a seed.
usage: ps_sender.py CLIP HOST PORT REPORT [--seconds N] [--loss %] [--reorder %] [--jitter MS] [--duplicate %] [--seed N]"""
import argparse
import heapq
import itertools
import json
import pathlib
import random
import re
import socket
import struct
import time

FPS, PAYLOAD, SSRC = 25, 1300, 0x0BEBC211


def access_units(path):
    """The clip's pictures: it has an access unit delimiter in front of each, and one slice per picture."""
    data = pathlib.Path(path).read_bytes()
    starts = [m.start() for m in re.finditer(b'\0\0\0\1\x09', data)] + [len(data)]
    return [data[a:b] for a, b in itertools.pairwise(starts)]


def timestamp_bytes(prefix, t):
    return bytes(((prefix << 4 | (t >> 29) & 14 | 1), t >> 22 & 255, t >> 14 & 254 | 1, t >> 7 & 255, t << 1 & 254 | 1))


def pack(unit, pts):
    """ISO 13818-1 2.5: a pack header, a map, and the picture in one PES."""
    head = struct.pack('>I', 0x1ba) + bytes((0x44 | (pts >> 27) & 0x38 | (pts >> 28) & 3, pts >> 20 & 255,
                                             (pts >> 12) & 0xf8 | 4 | (pts >> 13) & 3, pts >> 5 & 255,
                                             (pts << 3) & 0xf8 | 4, 1, 0, 0x5f, 0x6b, 0xf8))
    stream_map = bytes.fromhex('000001bc000ee0ff00000004' '1be00000' '00000000')
    body = bytes((0x80, 0x80, 5)) + timestamp_bytes(2, pts) + unit
    assert len(body) < 65536, 'a picture must fit into one PES'
    return head + stream_map + struct.pack('>IH', 0x1e0, len(body)) + body


def packets_of(ps, sequence, timestamp):
    chunks = [ps[i:i + PAYLOAD] for i in range(0, len(ps), PAYLOAD)]
    return [struct.pack('>BBHII', 0x80, 96 | (0x80 if i + 1 == len(chunks) else 0), (sequence + i) & 0xffff,
                        timestamp & 0xffffffff, SSRC) + chunk for i, chunk in enumerate(chunks)]


class Spoiler:
    """Loses, doubles, delays and overtakes, as netem does: each packet for itself."""

    def __init__(self, options):
        self.options, self.random, self.waiting, self.count = options, random.Random(options.seed), [], 0

    def hit(self, percent):
        return percent > 0 and self.random.uniform(0, 100) < percent

    def push(self, packet, now):
        if self.hit(self.options.loss):
            return
        for _ in range(2 if self.hit(self.options.duplicate) else 1):
            delay = self.random.uniform(0, 2 * self.options.jitter) / 1000
            if self.hit(self.options.reorder):  # what comes after it overtakes it
                delay += self.random.uniform(5, 60) / 1000
            self.count += 1
            heapq.heappush(self.waiting, (now + delay, self.count, packet))

    def due(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            yield heapq.heappop(self.waiting)[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ('clip', 'host', 'report'):
        parser.add_argument(name)
    parser.add_argument('port', type=int)
    for name in ('seconds', 'loss', 'reorder', 'jitter', 'duplicate'):
        parser.add_argument(f'--{name}', type=float, default=0)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    units, spoiler = access_units(options.clip), Spoiler(options)
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind(('0.0.0.0', 0))
    frames, sequence, start = [], 65000, time.monotonic()  # the sequence wraps on the way
    while len(frames) < options.seconds * FPS or spoiler.waiting:
        now = time.monotonic()
        while len(frames) < options.seconds * FPS and now >= start + len(frames) / FPS:
            number = len(frames)
            packets = packets_of(pack(units[number % len(units)], 90000 + 3600 * number), sequence, 3600 * number)
            frames.append([sequence, len(packets)])
            sequence += len(packets)
            for packet in packets:
                spoiler.push(packet, start + number / FPS)
        for packet in spoiler.due(now):
            out.sendto(packet, (options.host, options.port))
        time.sleep(0.001)
    pathlib.Path(options.report).write_text(json.dumps({'frames': frames, 'units': len(units)}))


if __name__ == '__main__':
    main()
