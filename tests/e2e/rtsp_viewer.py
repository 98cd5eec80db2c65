"""A viewer that decodes nothing and keeps everything: RTSP over TCP, H.264 slices put together again (RFC 6184)."""
import re
import socket
import struct
import threading


class Viewer:
    """Connects at once; `slices` holds each whole slice that came, in order."""

    def __init__(self, port, path):
        self.url = f'rtsp://127.0.0.1:{port}/{path}'
        self.socket = socket.create_connection(('127.0.0.1', port), 10)
        self.file = self.socket.makefile('rb')
        self.sequence, self.slices, self.units = 0, [], []  # units: Annex B, what came of a picture, as a decoder wants it
        self.fragment, self.gaps, self.last = None, 0, None
        _, sdp = self.ask('DESCRIBE', self.url, 'Accept: application/sdp')
        control = re.search(r'm=video.*?a=control:(\S+)', sdp, re.S)[1]
        track = control if control.startswith('rtsp:') else f'{self.url}/{control}'
        self.session = self.ask('SETUP', track, 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1')[0]['session']
        self.ask('PLAY', self.url, f'Session: {self.session}')
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def ask(self, method, url, *headers):
        self.sequence += 1
        self.socket.sendall('\r\n'.join((f'{method} {url} RTSP/1.0', f'CSeq: {self.sequence}', *headers, '', '')).encode())
        status = self.file.readline().decode()
        while status.startswith('$'):
            raise AssertionError('media in front of the answer')
        assert ' 200 ' in status, f'{method}: {status}'
        fields = {}
        while line := self.file.readline().decode().strip():
            name, _, value = line.partition(':')
            fields[name.lower()] = value.strip().split(';')[0]
        return fields, self.file.read(int(fields.get('content-length', 0))).decode()

    def read(self):
        try:
            while head := self.file.read(4):
                kind, channel, size = struct.unpack('>BBH', head)
                if kind != 0x24:
                    break
                packet = self.file.read(size)
                if channel == 0:
                    self.take(packet)
        except (OSError, ValueError, struct.error):
            pass

    def take(self, packet):
        sequence = struct.unpack('>H', packet[2:4])[0]
        if self.last is not None and sequence != (self.last + 1) & 0xffff:
            self.gaps += 1
        self.last = sequence
        payload = packet[12:]
        kind = payload[0] & 31
        if kind != 28:
            self.fragment = None
            self.whole(payload)
        elif payload[1] & 0x80:
            self.fragment = [bytes(((payload[0] & 0xe0) | (payload[1] & 31),)), payload[2:]]
        elif self.fragment:
            self.fragment.append(payload[2:])
        if kind == 28 and payload[1] & 0x40 and self.fragment:
            self.whole(b''.join(self.fragment))
            self.fragment = None

    def whole(self, nal):
        self.units.append(nal)
        if nal[0] & 31 in (1, 5):
            self.slices.append(nal)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.socket.close()
