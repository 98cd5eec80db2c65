"""The end-to-end tests, one function each. A function's first line says what it shows."""
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import time

import hostile_cases
import ingest_cases
import netem_cases
import players
import seeing_cases
import shard_cases
import sip_cases
import soak_cases
import sync_cases
import thread_cases
import viewer_cases
from world import CHANNEL, DEVICE, PLATFORM, ROOT, Skipped, expect, wait_for


def all_cases():
    modules = (globals(), vars(sip_cases), vars(seeing_cases), vars(netem_cases), vars(ingest_cases), vars(soak_cases), vars(sync_cases),
               vars(viewer_cases), vars(hostile_cases), vars(thread_cases), vars(shard_cases))
    return {name[5:]: function for module in modules for name, function in module.items() if name.startswith('case_')}


def invites(camera):
    return camera.text().count(' invited channel=')


def wait_for_bye(world, camera, calls=1):
    """The last viewer has left: the camera is told."""
    wait_for('BYE to the camera', lambda: camera.text().count(' bye channel=') >= calls, 15)
    wait_for('the stream to be gone', lambda: not world.streams(), 5)


def case_five_players(world):
    """ffmpeg and GStreamer over TCP and UDP and VLC by SAT>IP share one camera: one INVITE, BYE at the end."""
    world.start_gateway()
    camera = world.start_camera()
    capture = players.capture(world)
    url = world.url()
    players.at_once(lambda: players.ffmpeg(url, 'tcp'), lambda: players.ffmpeg(url, 'udp'),
                    lambda: players.gstreamer(url, 'tcp'), lambda: players.gstreamer(url, 'udp'),
                    lambda: players.vlc(url))
    expect(invites(camera) == 1, f'{invites(camera)} INVITEs for one camera')
    wait_for_bye(world, camera)
    expect(players.ffprobe(url) == ['h264', 'pcm_alaw'], 'the tracks are not H.264 and G.711')
    wait_for_bye(world, camera, 2)
    if capture:
        capture.close()
        check_capture(capture, sprop=True)


def check_capture(capture, sprop=False):
    """tshark finds nothing wrong with what cameras and gateway say."""
    for protocol in ('sip', 'rtsp', 'rtp', 'rtcp'):
        expect(capture.count(protocol) > 0, f'the capture has no {protocol}')
    wrong = '(_ws.malformed || _ws.expert.severity == error) && (sip || sdp || rtsp || rtp || rtcp)'
    if sprop:
        # tshark 4.0 reads the SPS of an H.264 SDP without removing its emulation prevention bytes.
        wrong += ' && !(sdp.fmtp.parameter contains "sprop-parameter-sets")'
    # GStreamer opens the way through a NAT with 200 random bytes to our RTP and RTCP ports.
    ports = {port for pair in capture.fields('rtsp.transport') for port in re.findall(r'server_port=(\d+)-(\d+)', pair)}
    for rtp, rtcp in ports:
        wrong += f' && !(udp.length == 208 && (udp.dstport == {rtp} || udp.dstport == {rtcp}))'
    bad = capture.lines(wrong)
    expect(not bad, f'tshark finds {len(bad)} malformed packets: {bad[:5]}')
    expect(capture.count('rtcp.pt == 200') > 0 and capture.count('rtcp.pt == 201') > 0, 'no SR or no RR was sent')


def live(world, clip, transport):
    codec, audio = ('h264', 'pcm_alaw') if clip == 'h264' else ('hevc', 'aac')
    world.start_gateway(media_transport=transport)
    camera = world.start_camera(clip=clip)
    capture = players.capture(world)
    url = world.url()
    # All at once: on a slow machine the camera would have been let go before the next player has started.
    players.at_once(lambda: players.ffmpeg(url, 'tcp'),
                    lambda: players.gstreamer(url, 'udp', 'h265' if codec == 'hevc' else codec),
                    lambda: expect(players.ffprobe(url, 'udp') == [codec, audio], 'the tracks are not as in the clip'))
    wait_for_bye(world, camera)
    expect(invites(camera) == 1, f'{invites(camera)} INVITEs for one camera')
    if capture:
        capture.close()
        check_capture(capture, sprop=clip == 'h264')
    source = camera.text()
    expect({'udp': 'udp', 'tcp-passive': 'tcp', 'tcp-active': 'tcp'}[transport] in source, source[-500:])


def case_h265_aac_udp(world):
    """H.265 and AAC, media over UDP."""
    live(world, 'h265', 'udp')


def case_h265_aac_tcp_passive(world):
    """H.265 and AAC, the camera connects."""
    live(world, 'h265', 'tcp-passive')


def case_h265_aac_tcp_active(world):
    """H.265 and AAC, the gateway connects."""
    live(world, 'h265', 'tcp-active')


def case_h264_g711_tcp_passive(world):
    """H.264 and G.711, the camera connects."""
    live(world, 'h264', 'tcp-passive')


def case_h264_g711_tcp_active(world):
    """H.264 and G.711, the gateway connects."""
    live(world, 'h264', 'tcp-active')


def case_other_muxers(world):
    """Program streams that ffmpeg (mpeg, vob) and GStreamer (mpegpsmux) have made play too."""
    world.start_gateway()
    urls = []
    for number, clip in enumerate(('mpeg', 'vob', 'gst'), 1):
        device, channel = f'3402000000111000000{number}', f'3402000000132000000{number}'
        # A file that was made elsewhere is no encoder: to go on at its next key frame would cut a picture in two.
        world.start_camera('--ignore-key-requests', clip=clip, device=device, channel=channel)
        urls.append(world.url(f'{device}/{channel}'))
    # Not each of their frames has a PTS, and what is told of one may be that of the next: no reason to drop a frame.
    players.at_once(*[lambda url=url: players.ffmpeg(url, 'tcp', sync=('-fps_mode', 'vfr')) for url in urls])


def case_vlc_h265(world):
    """VLC by SAT>IP decodes H.265 with AAC beside it."""
    world.start_gateway()
    world.start_camera(clip='h265')
    players.vlc(world.url())


def case_sipp_thousand_devices(world):
    """sipp registers 1,000 devices with digest, keeps them alive and unregisters them, over UDP and TCP."""
    world.start_gateway(sip_password='12345678')
    for transport in ('udp', 'tcp'):
        result = subprocess.run([ROOT / 'tests/sipp/run.sh', '127.0.0.1', str(world.sip), '1000', '12345678'],
                                env={'PATH': '/usr/bin:/bin', 'TRANSPORT': transport,
                                     'LOCAL_PORT': str(world.sip + 1)},
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        expect(result.returncode == 0, result.stdout[-2000:])
        print('  ', '\n   '.join(line for line in result.stdout.splitlines() if line.startswith('sipp ')))
    expect(world.metric('gbgate_devices') == 1000, 'not all devices are known')


def case_gateway_killed(world):
    """SIGKILL in mid-stream: devices come back by a keepalive alone, viewers reconnect, the database is whole."""
    world.start_gateway()
    cameras = [world.start_camera('--keepalive', '2', '--sip-transport', t, device=f'3402000000111000000{n}',
                                  channel=f'3402000000132000000{n}')
               for n, t in ((1, 'udp'), (2, 'tcp'))]
    urls = [world.url(f'3402000000111000000{n}/3402000000132000000{n}') for n in (1, 2)]
    for url in urls:
        players.ffprobe(url)
    viewer = world.start('viewer', ['ffmpeg', '-v', 'error', '-rtsp_transport', 'tcp', '-i', urls[0], '-f', 'null', '-'])
    wait_for('a stream', world.streams)
    time.sleep(2)
    world.gateway.stop(signal.SIGKILL)
    viewer.stop()
    registrations = [c.text().count(' registered device=') for c in cameras]
    check_database(world)
    world.start_gateway()
    wait_for('the UDP device to be on line again', lambda: world.is_online('34020000001110000001'), 10)
    expect(players.ffprobe(urls[0]) == ['h264', 'pcm_alaw'], 'no picture after the restart')
    expect(cameras[0].text().count(' registered device=') == registrations[0], 'the UDP device registered anew')
    wait_for('the TCP device to be on line again', lambda: world.is_online('34020000001110000002'), 30)
    expect(players.ffprobe(urls[1]) == ['h264', 'pcm_alaw'], 'no picture by TCP after the restart')
    players.at_once(lambda: players.ffmpeg(urls[0], 'tcp', 5), lambda: players.ffmpeg(urls[0], 'udp', 5))
    world.gateway.stop()
    check_database(world)


def check_database(world):
    with sqlite3.connect(world.folder / 'data/gbgate.db') as db:
        expect(db.execute('PRAGMA integrity_check').fetchone()[0] == 'ok', 'the database is damaged')
        expect(db.execute('SELECT count(*) FROM device').fetchone()[0] == 2, 'devices are missing')


def case_camera_dies(world):
    """A camera that dies: viewers are told, the stream ends with a reason, the device goes off line by the rule."""
    world.start_gateway(sip_keepalive_interval_s=3, sip_keepalive_misses=2, media_silence_timeout_ms=4000)
    world.start_camera('--keepalive', '2', '--die-after', '8')
    viewer = world.start('viewer', ['ffmpeg', '-v', 'error', '-rtsp_transport', 'tcp', '-i', world.url(), '-f', 'null',
                                    '-'])
    wait_for('a stream', lambda: any(s['state'] == 'live' for s in world.streams()))
    wait_for('the viewer to be told', lambda: not viewer.alive(), 30)
    expect(not world.streams(), 'the stream goes on without a camera')
    wait_for('the device to be off line', lambda: not world.is_online(), 20)
    reason = world.get(f'/api/v1/devices/{DEVICE}')['offline_reason']
    expect('keepalive' in reason and '6 s' in reason, f'the reason is {reason!r}')
    expect('no RTP' in world.gateway.text() or 'off line' in world.gateway.text(), 'the log gives no reason')
    status, error = world.request('POST', '/api/v1/streams', {'name': f'{DEVICE}/{CHANNEL}'})
    expect(status == 503 and 'off line' in str(error), f'opening it says {status} {error}')


def rtsp_describe(world, path, user=''):
    """Status line and headers of a DESCRIBE, with the body."""
    with socket.create_connection(('127.0.0.1', world.rtsp), 30) as s:
        s.sendall(f'DESCRIBE {world.url(path, user)} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n'.encode())
        s.settimeout(40)
        return s.recv(65536).decode()


def case_reasons(world):
    """Every failure says why, to the viewer, in the API and in the log."""
    world.start_gateway(media_first_media_timeout_ms=2000, media_invite_timeout_ms=2000)
    table = [(['--reject', '486'], 'answered 486'), (['--no-answer'], 'did not answer INVITE'),
             (['--no-media'], 'sent no RTP within'), (['--reject', '404'], 'answered 404')]
    for number, (options, words) in enumerate(table, 1):
        device, channel = f'3402000000111000000{number}', f'3402000000132000000{number}'
        world.start_camera(*options, device=device, channel=channel)
        answer = rtsp_describe(world, f'{device}/{channel}')
        expect(not answer.startswith('RTSP/1.0 200') and words in answer, f'{options}: {answer!r}')
        status, error = world.request('POST', '/api/v1/streams', {'name': f'{device}/{channel}'})
        expect(status >= 400 and words in str(error), f'{options}: {status} {error}')
        expect(words in world.gateway.text(), f'{options}: nothing in the log')
    for path, words in (('nobody/nothing', 'never registered'), (f'{DEVICE}/12345678901234567890', 'has no channel'),
                        ('unknown', 'no device has')):
        wait_for('the catalog', lambda: world.get(f'/api/v1/devices/{DEVICE}')['channels'])
        answer = rtsp_describe(world, path)
        expect('404' in answer.splitlines()[0] and words in answer, f'{path}: {answer!r}')


def case_misbehaving_cameras(world):
    """Cameras that lose, reorder and repeat packets, lie about SSRC and streams, or leave things out."""
    world.start_gateway()
    table = [['--reorder', '5'], ['--duplicate', '5'], ['--jitter', '20'], ['--ssrc', 'wrong'], ['--ssrc', 'zero'],
             ['--no-psm'], ['--psm-once'], ['--wrong-stream-type'], ['--no-marker'], ['--no-audio'],
             ['--announce-audio-only-in-psm'], ['--pts-start', str(2**33 - 300000)], ['--pts-jump', '3600']]
    for number, options in enumerate(table, 1):
        device, channel = f'34020000001110{number:06}', f'34020000001320{number:06}'
        world.start_camera(*options, device=device, channel=channel, wait=False)
        wait_for(f'{options} on line', lambda device=device: world.is_online(device), 15)
        players.ffmpeg(world.url(f'{device}/{channel}'), 'tcp', 5)
    device, channel = '34020000001110000099', '34020000001320000099'
    world.start_camera('--loss', '1', device=device, channel=channel)
    result = players.run(['ffmpeg', '-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i',
                          world.url(f'{device}/{channel}'), '-t', '5', '-f', 'null', '-'], 30)
    expect(result.returncode == 0, f'1 % of loss ends the picture: {result.stdout[-500:]}')


def case_catalog(world):
    """A recorder of 5,000 channels in pieces, in GB 18030, however declared; filter and paging."""
    world.start_gateway()
    world.start_camera('--channels', '5000', '--catalog-page', '20', '--gbk', '--declare', 'UTF-8')
    wait_for('the whole catalog', lambda: world.get(f'/api/v1/devices/{DEVICE}')['channels'] == 5000, 60)
    page = world.get(f'/api/v1/devices/{DEVICE}/channels?offset=4990&limit=100')
    expect(page['total'] == 5000 and len(page['items']) == 10, f'paging: {page["total"]} {len(page["items"])}')
    expect('\ufffd' not in page['items'][0]['name'], f'a name came out as {page["items"][0]["name"]!r}')
    expect(world.get(f'/api/v1/devices/{DEVICE}/channels?text={CHANNEL}')['total'] == 1, 'the filter')
    players.ffprobe(world.url(CHANNEL))


def case_passwords(world):
    """A wrong SIP password is refused with 403, a wrong RTSP password with 401, the right ones are let in."""
    world.start_gateway(sip_password='Gate-7391', rtsp_users={'ann': 'Door-5526'}, http_token='')
    world.start_camera('--password', 'Gate-7391')
    world.start_camera('--password', 'Guess-1', device='34020000001110000002', wait=False)
    wait_for('a refusal', lambda: 'wrong password' in world.gateway.text())
    expect(not world.is_online('34020000001110000002'), 'a wrong password was accepted')
    expect(players.ffprobe(world.url(user='ann:Door-5526@')) == ['h264', 'pcm_alaw'], 'the right password')
    for user in ('', 'ann:Guess-2@', 'bob:Door-5526@'):
        result = players.run(['ffprobe', '-v', 'error', '-rtsp_transport', 'tcp', world.url(user=user)], 20)
        expect(result.returncode != 0 and '401' in result.stdout, f'{user!r}: {result.stdout}')

    # A client may leave the password in the URL of its request, here one that fails and is logged.
    world.gateway.stop()
    world.start_gateway(server_log_level='debug')
    answer = rtsp_describe(world, 'nobody/nothing', user='ann:Door-5526@')
    expect('404' in answer.splitlines()[0] and 'nobody/nothing' in world.gateway.text(), answer)
    for secret in ('Gate-7391', 'Guess-1', 'Door-5526', 'Guess-2'):
        expect(secret not in world.gateway.text(), f'the log holds the password {secret}')


def send_ps(world, port, ssrc, seconds):
    """Sends a program stream that GStreamer made as RTP, a minimal sender that shares nothing with the gateway."""
    data = world.clips['gst'].read_bytes()
    pieces = [data[i:i + 1400] for i in range(0, len(data), 1400)]
    rate = len(pieces) / 20  # the clip has 20 s
    begin, sequence = time.monotonic(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        while time.monotonic() - begin < seconds:
            due = begin + sequence / rate
            time.sleep(max(0.0, due - time.monotonic()))
            header = struct.pack('>BBHII', 0x80, 96, sequence & 0xffff, int(sequence / rate * 90000), ssrc)
            s.sendto(header + pieces[sequence % len(pieces)], ('127.0.0.1', port))
            sequence += 1


def case_media_node(world):
    """The media node API: a port is opened, anybody's RTP/PS is served under its name, and it is deleted."""
    world.start_gateway()
    status, ingest = world.request('POST', '/api/v1/ingests', {'name': 'lobby', 'transport': 'udp', 'ssrc': 4711})
    expect(status == 201, f'{status} {ingest}')
    expect(ingest['rtsp'].endswith('/lobby') and ingest['ssrc'] == 4711, f'{ingest}')
    expect(world.request('POST', '/api/v1/ingests', {'name': 'lobby', 'transport': 'udp'})[0] == 409, 'a second lobby')
    players.at_once(lambda: send_ps(world, ingest['port'], 4711, 9), lambda: players.ffmpeg(world.url('lobby'), 'tcp', 5))
    expect(world.get(f'/api/v1/ingests/{ingest["id"]}')['state'] == 'live', 'it is not live')
    expect(world.request('DELETE', f'/api/v1/ingests/{ingest["id"]}')[0] == 204, 'it cannot be deleted')
    expect(world.request('GET', f'/api/v1/ingests/{ingest["id"]}')[0] == 404, 'it is still there')


def case_stranger(world):
    """A keepalive in a device's name from another host is refused and moves nothing."""
    world.start_gateway(sip_listen_address='0.0.0.0')
    world.start_camera()
    before = world.get(f'/api/v1/devices/{DEVICE}')['remote_address']
    body = ('<?xml version="1.0"?>\r\n<Notify><CmdType>Keepalive</CmdType><SN>1</SN>'
            f'<DeviceID>{DEVICE}</DeviceID><Status>OK</Status></Notify>')
    message = (f'MESSAGE sip:{PLATFORM}@3402000000 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5060;rport;branch=z9hG4bKx\r\n'
               f'From: <sip:{DEVICE}@3402000000>;tag=1\r\nTo: <sip:{PLATFORM}@3402000000>\r\nCall-ID: x\r\n'
               'CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Type: Application/MANSCDP+xml\r\n'
               f'Content-Length: {len(body)}\r\n\r\n{body}')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.2', 0))
        s.settimeout(5)
        s.sendto(message.encode(), ('127.0.0.1', world.sip))
        answer = s.recv(4096).decode()
    expect(answer.startswith('SIP/2.0 403'), answer)
    expect(world.get(f'/api/v1/devices/{DEVICE}')['remote_address'] == before, 'the device was moved')
    expect(players.ffprobe(world.url()) == ['h264', 'pcm_alaw'], 'no picture any more')


def case_media_role(world):
    """--role media opens no SIP port and serves ingests."""
    world.start_gateway(server_role='media')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', world.sip))
    status, ingest = world.request('POST', '/api/v1/ingests', {'name': 'hall', 'transport': 'udp'})
    expect(status == 201, f'{status} {ingest}')
    players.at_once(lambda: send_ps(world, ingest['port'], 1, 8), lambda: players.ffmpeg(world.url('hall'), 'tcp', 3))


def case_camera_hangs_up(world):
    """The camera's own BYE ends the stream; the next viewer starts it anew."""
    world.start_gateway()
    camera = world.start_camera('--bye-after', '4')
    viewer = world.start('viewer', ['ffmpeg', '-v', 'error', '-rtsp_transport', 'tcp', '-i', world.url(), '-f', 'null',
                                    '-'])
    wait_for('the viewer to be told', lambda: not viewer.alive(), 20)
    expect(players.ffprobe(world.url()) == ['h264', 'pcm_alaw'], 'it cannot be opened again')
    expect(invites(camera) >= 2, 'no second INVITE')
