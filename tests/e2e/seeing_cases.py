"""End-to-end cases of what an operator sees of SIP, and of calls whose device went away."""
import concurrent.futures
import re
import shutil
import signal
import subprocess
import time

from sip_agent import Agent
from world import CHANNEL, DEVICE, PLATFORM, Skipped, expect, wait_for

DOMAIN = PLATFORM[:10]
USERS = {'alice': 'Tone-4410', 'bob': 'Ring-7753'}


def camera(world, transport='udp'):
    agent = Agent(world.sip, DEVICE, DOMAIN, transport)
    expect(agent.register().status == 200, 'the camera is registered')
    return agent


def called(world, agent, pool):
    """A call that the camera has answered, without media yet; the INVITE."""
    pool.submit(world.request, 'POST', '/api/v1/streams', {'name': f'{DEVICE}/{CHANNEL}'})
    invite = agent.expect('INVITE')
    sdp = invite.body.replace('a=recvonly', 'a=sendonly')
    agent.answer(invite, '200 OK', [f'Contact: <{agent.contact()}>', 'Content-Type: application/sdp'], sdp)
    agent.expect('ACK')
    return invite


def answer_bye(agent, invite, what):
    bye = agent.expect('BYE', 15)
    expect(bye.get('Call-ID') == invite.get('Call-ID'), f'{what}: the BYE is of another call')
    expect(int(bye.get('CSeq').split()[0]) > int(invite.get('CSeq').split()[0]), f'{what}: CSeq must grow')
    agent.answer(bye, '200 OK')


def stop_stream(world):
    world.request('DELETE', f'/api/v1/streams/{DEVICE}/{CHANNEL}')


def case_bye_after_reconnect(world):
    """A camera whose TCP connection drops during a call is told that the call is over when it is back."""
    world.start_gateway()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        agent = camera(world, 'tcp')
        invite = called(world, agent, pool)
        agent.close()
        wait_for('the device to be off line', lambda: not world.is_online())
        agent.open()
        agent.register()
        answer_bye(agent, invite, 'after the reconnect')
        agent.move()
        agent.register()
        expect(not [m for m in drain(agent) if m.method == 'BYE'], 'a BYE that was answered is not repeated')


def case_bye_to_another_port(world):
    """A camera that comes from another port during a call gets its BYE there; also over TCP, while it is on line."""
    world.start_gateway()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for transport in ('udp', 'tcp'):
            agent = camera(world, transport)
            invite = called(world, agent, pool)
            old = agent.socket
            agent.open()  # beside the old one
            agent.register()
            stop_stream(world)
            answer_bye(agent, invite, transport)
            old.close()
            agent.request('REGISTER', to=f'sip:{DEVICE}@{DOMAIN}', headers=['Contact: *', 'Expires: 0'])
            agent.final()
            agent.close()


def case_bye_after_restart(world):
    """A call that was up when gbgate was killed is ended when the camera, here by TCP, is back."""
    world.start_gateway()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        agent = camera(world, 'tcp')
        invite = called(world, agent, pool)
        wait_for('the call to be stored', lambda: world.metric('gbgate_store_queued_rows') == 0)
        world.gateway.stop(signal.SIGKILL)
        world.start_gateway()
        agent.move()
        agent.register()
        answer_bye(agent, invite, 'after the restart')


def drain(agent, seconds=1.0):
    found = []
    while message := agent.receive(seconds):
        found.append(message)
        if message.method and message.method != 'ACK':
            agent.answer(message, '200 OK')
    return found


def dissect(world, trace):
    """Each packet of a trace as tshark reads it: transport, method or status, expert remarks."""
    if not shutil.which('tshark'):
        raise Skipped('no tshark')
    file = world.folder / 'sip.pcap'
    file.write_bytes(world.request_bytes(f'/api/v1/sip/traces/{trace}/pcap'))
    fields = ['_ws.col.Protocol', 'sip.Method', 'sip.Status-Code', '_ws.expert.message']
    done = subprocess.run(['tshark', '-r', file, '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-o',
                           'tcp.check_checksum:TRUE', '-T', 'fields', *sum((['-e', f] for f in fields), [])],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return [line.split('\t') for line in done.stdout.splitlines()]


def case_trace(world):
    """A trace of one device is switched on while it registers and is called: as a ladder, and as pcap for tshark."""
    world.start_gateway(sip_passwords={DEVICE: 'Gate-8813'})
    status, trace = world.request('POST', '/api/v1/sip/traces', {'device': DEVICE, 'lasts_s': 60})
    expect(status == 201 and trace['running'], f'the trace runs: {status} {trace}')
    for transport in ('udp', 'tcp'):
        agent = Agent(world.sip, DEVICE, DOMAIN, transport, 'Gate-8813')
        expect(agent.register().status == 200, 'the camera is registered')
        drain(agent, 1.5)
        agent.close()
    stranger = Agent(world.sip, '34020000001110000077', DOMAIN)
    stranger.register()
    ladder = world.get(f'/api/v1/sip/traces/{trace["id"]}/ladder')
    for part in ('--REGISTER', '401 Unauthorized', '200 OK', 'credentials are asked for', '(DeviceInfo)', 'UDP', 'TCP'):
        expect(part in ladder, f'{part!r} is missing in the ladder:\n{ladder}')
    expect('34020000001110000077' not in ladder, f'a stranger is in the trace:\n{ladder}')
    raw = world.request_bytes(f'/api/v1/sip/traces/{trace["id"]}/pcap')
    responses = re.findall(rb'[^_]response="([^"]*)"', raw)
    expect(len(responses) == 2 and all(set(r) == {ord('*')} for r in responses), f'credentials are masked: {responses}')
    packets = dissect(world, trace['id'])
    methods = [p[1] for p in packets if p[1]]
    expect(methods.count('REGISTER') == 4 and 'MESSAGE' in methods, f'tshark reads: {packets}')
    expect(not [p for p in packets if 'hecksum' in p[3] or 'alformed' in p[3] or 'unseen' in p[3]], f'tshark complains: {packets}')
    expect(any(p[0] == 'TCP' for p in packets), 'a TCP handshake')
    world.request('POST', f'/api/v1/sip/traces/{trace["id"]}/stop')
    expect(world.metric('gbgate_sip_traces') == 0, 'the trace has stopped')


def case_sip_lists(world):
    """Bindings, transactions and proxied requests as the API and the metrics show them, beside GB/T 28181 devices."""
    world.start_gateway(sip_password='Gate-8813', sip_users=USERS,
                        sip_registrar={'enabled': True, 'domains': ['example.test']}, sip_proxy={'mode': 'stateful'})
    phones = {name: Agent(world.sip, name, 'example.test', password=USERS[name]) for name in USERS}
    for phone in phones.values():
        expect(phone.register().status == 200, f'{phone.name} is registered')
    wrong = Agent(world.sip, 'alice', 'example.test', password='wrong')
    expect(wrong.register().status == 401, 'a wrong password is not let in')
    device = Agent(world.sip, DEVICE, DOMAIN, password='Gate-8813')
    expect(device.register().status == 200, 'the device is registered, on the same port')
    wait_for('the device to be on line', world.is_online)
    page = world.get('/api/v1/sip/bindings')
    expect(sorted(b['aor'] for b in page['items']) == ['sip:alice@example.test', 'sip:bob@example.test'], page)
    time.sleep(0.5)  # written within a moment, not at once
    world.gateway.stop(signal.SIGKILL)
    world.start_gateway()
    page = world.get('/api/v1/sip/bindings?aor=sip:bob@example.test')
    expect(len(page['items']) == 1 and page['total'] == 2, f'a restart forgets nothing: {page}')

    alice, bob = phones['alice'], phones['bob']
    alice.request('INVITE', 'sip:bob@example.test', headers=[f'Contact: <{alice.contact()}>'], call_id='seen-1')
    challenge = alice.expect(407)
    alice.request('INVITE', 'sip:bob@example.test', call_id='seen-1', headers=[
        f'Contact: <{alice.contact()}>',
        alice.credentials(challenge.get('Proxy-Authenticate'), 'INVITE', 'sip:bob@example.test', 'Proxy-Authorization')])
    invite = bob.expect('INVITE')
    dialogs = world.get('/api/v1/sip/dialogs')['items']
    expect([d for d in dialogs if d['kind'] == 'proxied' and d['call_id'] == 'seen-1'], f'the proxied INVITE is listed: {dialogs}')
    transactions = world.get('/api/v1/sip/transactions')['items']
    kinds = {(t['core'], t['kind']) for t in transactions if t['method'] == 'INVITE'}
    expect({('server', 'client'), ('server', 'server')} <= kinds, f'both sides of the INVITE are listed: {transactions}')
    bob.answer(invite, '486 Busy Here')
    alice.expect(486)
    for name, least in (('gbgate_sip_requests_received_total{method="INVITE",transport="udp"}', 2),
                        ('gbgate_sip_responses_sent_total{status="407",transport="udp"}', 1), ('gbgate_sip_forwarded_requests_total', 1),
                        ('gbgate_sip_bindings', 2)):
        expect((world.metric(name) or 0) >= least, f'{name} is {world.metric(name)}')
    status, _ = world.request('DELETE', '/api/v1/sip/bindings/sip:bob@example.test')
    expect(status == 204 and world.get('/api/v1/sip/bindings')['total'] == 1, 'a binding can be deleted')
    stranger = Agent(world.sip, 'mallory', 'elsewhere.test')
    stranger.request('INVITE', 'sip:someone@far.test', headers=[f'Contact: <{stranger.contact()}>'])
    refused = stranger.final().status
    expect(refused in (403, 407), f'no open relay: {refused}')
