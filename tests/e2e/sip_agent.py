"""A SIP user agent of a few lines, for tests that decide every byte: it sends what it is told and shows what comes."""
import hashlib
import re
import socket
import uuid

from world import Failed


class Message:
    def __init__(self, data):
        head, _, self.body = data.partition('\r\n\r\n')
        self.start, *lines = head.split('\r\n')
        self.headers = [tuple(part.strip() for part in line.split(':', 1)) for line in lines]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name):
        return (self.all(name) or [''])[0]

    @property
    def status(self):
        return int(self.start.split()[1]) if self.start.startswith('SIP/2.0 ') else 0

    @property
    def method(self):
        return '' if self.status else self.start.split()[0]


class Agent:
    """One socket towards a server. `name` is the user (a device id), `domain` what follows the @."""

    def __init__(self, server_port, name, domain, transport='udp', password=''):
        self.name, self.domain, self.transport, self.password = name, domain, transport, password
        self.server_port, self.cseq, self.buffer = server_port, 0, ''
        self.call_id = uuid.uuid4().hex
        self.open()

    def open(self):
        kind = socket.SOCK_DGRAM if self.transport == 'udp' else socket.SOCK_STREAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind(('127.0.0.1', 0))
        self.socket.connect(('127.0.0.1', self.server_port))
        self.port, self.buffer = self.socket.getsockname()[1], ''

    def close(self):
        self.socket.close()

    def move(self):
        """To another port: a new connection, another mapping of a NAT."""
        self.close()
        self.open()

    def send(self, text):
        self.socket.sendall(text.encode())

    def request(self, method, uri=None, to=None, headers=(), body='', call_id=None):
        self.cseq += 1
        uri = uri or f'sip:{self.domain}'
        lines = [f'{method} {uri} SIP/2.0',
                 f'Via: SIP/2.0/{self.transport.upper()} 127.0.0.1:{self.port};rport;branch=z9hG4bK{uuid.uuid4().hex}',
                 f'From: <sip:{self.name}@{self.domain}>;tag=t{self.name}', f'To: <{to or uri}>',
                 f'Call-ID: {call_id or self.call_id}', f'CSeq: {self.cseq} {method}', 'Max-Forwards: 70', *headers,
                 f'Content-Length: {len(body.encode())}']
        self.send('\r\n'.join(lines) + '\r\n\r\n' + body)

    def receive(self, seconds=5.0):
        """The next message; None when there is none in time."""
        self.socket.settimeout(seconds)
        try:
            if self.transport == 'udp':
                return Message(self.socket.recv(65536).decode(errors='replace'))
            while not self.whole():
                more = self.socket.recv(65536).decode(errors='replace')
                if not more:
                    return None
                self.buffer += more
        except (socket.timeout, ConnectionError):
            return None
        size = self.whole()
        message, self.buffer = self.buffer[:size], self.buffer[size:]
        return Message(message)

    def whole(self):
        end = self.buffer.find('\r\n\r\n')
        length = re.search(r'^Content-Length:\s*(\d+)', self.buffer[:end], re.M | re.I)
        size = end + 4 + int(length[1] if length else 0)
        return size if 0 <= end and size <= len(self.buffer) else 0

    def expect(self, what, seconds=10.0):
        """The next message of that method or status; requests of others are answered 200 meanwhile."""
        while message := self.receive(seconds):
            if message.method == what or message.status == what:
                return message
            if message.method and message.method != 'ACK':
                self.answer(message, '200 OK')
        raise Failed(f'{self.name} got no {what} within {seconds} s')

    def answer(self, request, status, headers=(), body=''):
        copied = [f'{key}: {value}' for key, value in request.headers if key.lower() in ('via', 'from', 'call-id', 'cseq')]
        to = request.get('To')
        if ';tag=' not in to:
            to += f';tag=t{self.name}'
        self.send('\r\n'.join([f'SIP/2.0 {status}', *copied, f'To: {to}', *headers,
                               f'Content-Length: {len(body.encode())}']) + '\r\n\r\n' + body)

    def register(self, expires=3600, contact=None):
        """REGISTER, with digest when it is asked for; the final answer."""
        headers = [f'Contact: <{contact or self.contact()}>', f'Expires: {expires}']
        aor = f'sip:{self.name}@{self.domain}'
        self.request('REGISTER', to=aor, headers=headers)
        answer = self.final()
        if answer.status == 401 and self.password:
            challenge = answer.get('WWW-Authenticate')
            self.request('REGISTER', to=aor, headers=[*headers, self.credentials(challenge, 'REGISTER', f'sip:{self.domain}')])
            answer = self.final()
        return answer

    def final(self, seconds=5.0):
        while message := self.receive(seconds):
            if message.status >= 200:
                return message
        raise Failed(f'{self.name} got no final answer')

    def contact(self):
        suffix = '' if self.transport == 'udp' else f';transport={self.transport}'
        return f'sip:{self.name}@127.0.0.1:{self.port}{suffix}'

    def credentials(self, challenge, method, uri, header='Authorization'):
        value = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        ha1 = md5(f'{self.name}:{value["realm"]}:{self.password}')
        response = md5(f'{ha1}:{value["nonce"]}:00000001:abcd:auth:{md5(f"{method}:{uri}")}')
        return (f'{header}: Digest username="{self.name}", realm="{value["realm"]}", nonce="{value["nonce"]}", uri="{uri}", '
                f'qop=auth, nc=00000001, cnonce="abcd", response="{response}", algorithm=MD5')


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()
