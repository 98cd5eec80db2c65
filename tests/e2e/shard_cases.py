"""Streams on several threads: where they live, and viewers that follow them."""
import re
import time

import players
from rtsp_viewer import Viewer
from world import expect, wait_for

SPREAD = {'server_shards': 2, 'server_shard_full_percent': 0}  # each new stream goes where the fewest are


def device(i):
    return f'3402000000111000001{i}', f'3402000000132000001{i}'


def start_cameras(world, count):
    paths = []
    for i in range(count):
        world.start_camera(device=device(i)[0], channel=device(i)[1])
        paths.append('/'.join(device(i)))
    return paths


def shards(world):
    return world.get('/api/v1/shards')['items']


class Zapper(Viewer):
    """Describes one stream after the other over one connection."""

    def __init__(self, port, paths):
        import socket
        self.socket = socket.create_connection(('127.0.0.1', port), 10)
        self.file, self.sequence = self.socket.makefile('rb'), 0
        for path in paths:
            url = f'rtsp://127.0.0.1:{port}/{path}'
            fields, sdp = self.ask('DESCRIBE', url, 'Accept: application/sdp')
            expect('m=video' in sdp and fields['content-base'] == url + '/', f'the SDP of {path}: {fields}')
        self.socket.close()


def case_shards(world):
    """Streams spread over two threads, viewers follow each to its own, and the figures say so."""
    world.start_gateway(media_linger_ms=60000, rtsp_users={'ann': 'Door-5526'}, **SPREAD)
    paths = start_cameras(world, 4)
    for path in paths:  # a password is asked for on one thread and believed on the other
        expect(players.ffprobe(world.url(path, 'ann:Door-5526@')) == ['h264', 'pcm_alaw'], f'{path} with a password')
    found = shards(world)
    expect([s['index'] for s in found] == [0, 1] and sum(s['streams'] for s in found) == 4, f'four streams: {found}')
    expect(all(s['streams'] > 0 for s in found), f'streams on both threads: {found}')
    expect(world.metric('gbgate_rtsp_moves_total') > 0, 'a connection followed its stream')
    expect(world.metric('gbgate_shard_streams{shard="0"}') == found[0]['streams'], 'the metric says the same')
    for path in paths:
        expect(world.request('DELETE', f'/api/v1/streams/{path}')[0] == 204, f'{path} is stopped')
    wait_for('the streams to end', lambda: not world.streams(), 5)
    expect(sum(s['streams'] for s in shards(world)) == 0, 'no stream is left')


def case_shard_viewers(world):
    """Viewers by TCP and UDP on both threads at once lose nothing; one connection zaps over all streams; all ends clean."""
    world.start_gateway(media_linger_ms=1000, **SPREAD)
    paths = start_cameras(world, 4)
    viewers = [Viewer(world.rtsp, path) for path in paths for _ in range(3)]
    wait_for('pictures for all', lambda: all(len(v.slices) > 25 for v in viewers), 20)
    Zapper(world.rtsp, paths * 2)
    for path in paths:
        players.ffmpeg(world.url(path), 'udp', seconds=3)
    found = shards(world)
    expect(all(s['streams'] > 0 and s['viewers'] == 3 * s['streams'] for s in found), f'viewers are where their streams are: {found}')
    expect(world.metric('gbgate_viewers') == 12, 'all viewers are counted')
    streams = {s['name']: s for s in world.streams()}
    expect(sorted(streams) == sorted(paths) and all(len(s['viewers']) == 3 for s in streams.values()), f'the API sees all: {list(streams)}')
    expect(all(v.gaps == 0 for v in viewers), f'gaps: {[v.gaps for v in viewers]}')
    status, _ = world.request('DELETE', f'/api/v1/streams/{paths[0]}')
    expect(status == 204, f'a stream on any thread can be stopped: {status}')
    wait_for('its viewers to be let go', lambda: world.metric('gbgate_viewers') == 9, 5)
    for viewer in viewers:
        viewer.close()
    wait_for('the streams to end', lambda: not world.streams(), 15)
    text = world.get('/metrics')
    expect(re.search(r'^gbgate_rtp_ports_in_use 0$', text, re.M), 'all ports are back')


def case_shard_ingests(world):
    """Ports of the node API on both threads; a name is taken once, whichever thread it is on."""
    world.start_gateway(**SPREAD)
    names = [f'in{i}' for i in range(6)]
    made = [world.request('POST', '/api/v1/ingests', {'name': name, 'transport': 'udp'})[1] for name in names]
    expect(len({m['port'] for m in made}) == 6 and len({m['ssrc'] for m in made}) == 6, f'ports and SSRCs differ: {made}')
    for name in names:
        status, _ = world.request('POST', '/api/v1/ingests', {'name': name, 'transport': 'udp'})
        expect(status == 409, f'{name} is taken: {status}')
    listed = world.get('/api/v1/ingests')
    expect([i['name'] for i in listed['items']] == names and listed['total'] == 6, f'all are listed in order: {listed}')
    second = world.get('/api/v1/ingests?offset=4&limit=1')
    expect([i['name'] for i in second['items']] == ['in4'] and second['total'] == 6, f'a page of them: {second}')
    expect(all(s['streams'] == 3 for s in shards(world)), f'three on each thread: {shards(world)}')
    for name in names:
        expect(world.request('DELETE', f'/api/v1/ingests/{name}')[0] == 204, f'{name} is deleted')
    wait_for('none to be left', lambda: sum(s['streams'] for s in shards(world)) == 0)


def case_shard_camera_lost(world):
    """A camera of another thread than the signalling's is killed and comes back: its viewer goes on; then it goes for good."""
    world.start_gateway(media_silence_timeout_ms=1500, media_resume_ms=15000, **SPREAD)
    paths = start_cameras(world, 2)
    cameras = [p for p in world.processes if p.name.startswith('gbcam')]
    viewers = [Viewer(world.rtsp, path) for path in paths]
    wait_for('pictures', lambda: all(len(v.slices) > 10 for v in viewers), 20)
    expect(all(s['streams'] == 1 for s in shards(world)), f'one on each thread: {shards(world)}')
    for i, camera in enumerate(cameras):
        camera.stop(9)
        wait_for('the stream to be lost', lambda: any(s['state'] == 'resuming' for s in world.streams()), 10)
        world.start_camera(device=device(i)[0], channel=device(i)[1])
        seen = len(viewers[i].slices)
        wait_for('pictures again', lambda: len(viewers[i].slices) > seen + 25, 20)
        expect(viewers[i].gaps == 0, 'its numbers go on')
    expect(world.metric('gbgate_streams_resumed_total') == 2, 'both went on')
    time.sleep(0.5)
    for viewer in viewers:
        viewer.close()
