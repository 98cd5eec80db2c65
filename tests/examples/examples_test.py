#!/usr/bin/env python3
"""The example programs beside each other: a call straight, then through the stateless proxy; a
registrar that asks who it is."""
import socket
import subprocess
import sys
import time

UAC, REGISTRAR, PROXY = sys.argv[1:4]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(through, answerer_port):
    answerer = subprocess.Popen([UAC, "answer", str(answerer_port)], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    caller = subprocess.run([UAC, "call", f"127.0.0.1:{through}", "bob"], stdout=subprocess.PIPE,
                            text=True, timeout=30)
    heard, _ = answerer.communicate(timeout=30)
    assert caller.returncode == 0, caller.stdout
    assert caller.stdout.endswith("answered\nended: hung up here\n"), caller.stdout
    assert heard == "ended: BYE from the peer\n", heard


def register(port):
    request = ("REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK1\r\n"
               "From: <sip:alice@example.org>;tag=1\r\nTo: <sip:alice@example.org>\r\nCall-ID: 1\r\n"
               "CSeq: 1 REGISTER\r\nContact: <sip:alice@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(request.encode(), ("127.0.0.1", port))
        return s.recv(4096).decode()


straight = free_port()
call(straight, straight)

answerer, proxy_port = free_port(), free_port()
proxy = subprocess.Popen([PROXY, str(proxy_port), f"127.0.0.1:{answerer}"], stdout=subprocess.PIPE, text=True)
time.sleep(0.3)
try:
    call(proxy_port, answerer)
finally:
    proxy.terminate()
    said, _ = proxy.communicate(timeout=10)
requests = int(said.split()[0])
assert requests >= 3, said  # INVITE, ACK, BYE

port = free_port()
registrar = subprocess.Popen([REGISTRAR, str(port), "example.org", "alice:secret"],
                             stdout=subprocess.PIPE, text=True)
time.sleep(0.3)
try:
    answer = register(port)
finally:
    registrar.terminate()
    said, _ = registrar.communicate(timeout=10)
assert answer.startswith("SIP/2.0 401 ") and 'realm="example.org"' in answer, answer
assert said == "0 bindings of 0 users\n", said
print("examples: ok")
