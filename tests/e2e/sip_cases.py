"""End-to-end cases of the SIP server: registrar, proxy and redirect beside other people's user agents and servers."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import kamailio
from home_network import home_network
from sip_capture import capture_sip, check_sip
from sip_server import DOMAIN, UNDER_TEST, USERS, start_server
from sipp import METHODS, Sipp, make_certificates, register, sipsak, tls_bridges
from softphone import Softphone, call
from world import DEVICE, PLATFORM, ROOT, Skipped, expect, free_ports, wait_for

HERE = pathlib.Path(__file__).parent


def phones(world, *users, **common):
    """Registered softphones; a user is a name or (name, {what is different})."""
    made = []
    for user in users:
        name, own = user if isinstance(user, tuple) else (user, {})
        options = {'server': f'127.0.0.1:{world.sip}', 'domain': DOMAIN, 'password': USERS[name], **common, **own}
        made.append(Softphone(world, name, **options))
    for phone in made:
        phone.wait_registered()
    return made


def ring_twice(alice, bob):
    call(alice, bob, f'sip:bob@{DOMAIN}', by=bob)
    call(bob, alice, f'sip:alice@{DOMAIN}', by=bob)


def case_softphones_udp(world):
    """Two softphones register with digest and call each other through our proxy, with sound; either side hangs up."""
    start_server(world)
    capture = capture_sip(world)
    ring_twice(*phones(world, 'alice', 'bob'))
    if capture:
        check_sip(capture)


def case_softphones_mixed(world):
    """The same with one of them on UDP and the other on TCP: double Record-Route."""
    start_server(world)
    capture = capture_sip(world)
    ring_twice(*phones(world, 'alice', ('bob', {'transport': 'tcp'})))
    if capture:
        check_sip(capture)
        routes = capture.fields('sip.Record-Route')
        double = any(route.count('lr>') + route.count(';lr;') == 2 for route in routes)
        expect(double, f'no double Record-Route: {routes[:3]}')


def case_softphones_tls(world):
    """The same over TLS, with a certificate that the test's authority has signed."""
    make_certificates(world, DOMAIN)
    start_server(world, tls=True)
    ring_twice(*phones(world, 'alice', 'bob', server=f'127.0.0.1:{world.tls}', transport='tls'))
    result = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{world.tls}', '-CAfile', 'ca.pem', '-brief',
                             '-verify_return_error', '-verify_hostname', DOMAIN, '-servername', DOMAIN],
                            cwd=world.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False)
    expect(result.returncode == 0 and b'Verification: OK' in result.stdout, result.stdout.decode()[-500:])


def case_softphone_refusals(world):
    """A wrong password is refused; a call is rejected (486), cancelled, for nobody (404, 480), then answered."""
    start_server(world)
    alice, bob = phones(world, 'alice', ('bob', {'answer': 'manual'}))
    stranger = Softphone(world, 'carol', f'127.0.0.1:{world.sip}', DOMAIN, 'Guess-1')
    stranger.wait_text('40[13] ')
    alice.dial(f'sip:bob@{DOMAIN}')
    bob.wait_text('Incoming call')
    bob.hang_up()
    alice.wait_text('session closed: 486')
    alice.dial(f'sip:bob@{DOMAIN}')
    wait_for('the second call', lambda: bob.text().count('Incoming call') == 2)
    alice.hang_up()
    bob.wait_text('session closed')
    for nobody, status in (('nobody', 404), ('carol', '(404|480)')):
        alice.dial(f'sip:{nobody}@{DOMAIN}')
        alice.wait_text(f'sip:{nobody}@{DOMAIN}.*session closed: {status}')
    call(alice, bob, f'sip:bob@{DOMAIN}', by=alice, answer=True)
    expect('200 OK' not in stranger.text(), 'a wrong password was accepted')


def case_forking(world):
    """Two phones of one user ring; the call is answered at one of them, and the other stops ringing."""
    start_server(world)
    alice, desk, mobile = phones(world, 'alice', ('bob', {'answer': 'manual', 'name': 'desk'}),
                                 ('bob', {'answer': 'manual', 'name': 'mobile', 'transport': 'tcp'}))
    alice.dial(f'sip:bob@{DOMAIN}')
    for phone in (desk, mobile):
        phone.wait_text('Incoming call')
    mobile.command('accept')
    mobile.wait_text('Call established')
    alice.wait_text('Call established')
    desk.wait_text('session closed')
    mobile.hang_up()
    alice.wait_text('session closed')
    expect(alice.established() == 1 and desk.established() == 0, 'more than one call stands')


def case_sipp_users(world):
    """sipp calls sipp, a user of ours, 1,000 times at once over UDP and TCP (its built-in uac and uas) and TLS."""
    make_certificates(world, DOMAIN)
    start_server(world, tls=True, ask_callers=False)
    running = []
    for user, transport in (('alice', 'udp'), ('bob', 'tcp'), ('carol', 'tls')):
        # The built-in uac names the port that it sends to as its callee's, which would be the bridge's.
        tls = transport == 'tls'
        uac, uas = (METHODS / 'invite_uac.xml', METHODS / 'invite_uas.xml') if tls else ('uac', 'uas')
        carrier, domain = ('tcp', DOMAIN) if tls else (transport, f'127.0.0.1:{world.sip}')
        callee = Sipp(world, f'uas-{transport}', uas, calls=1000, transport=carrier)
        to_server, contact = tls_bridges(world, callee.port) if tls else (world.sip, callee.port)
        register(world, user, USERS[user], domain, f'sip:{user}@127.0.0.1:{contact};transport={transport}')
        caller = Sipp(world, f'uac-{transport}', uac, '-s', user, '-key', 'domain', domain, '-r', 200, calls=1000,
                      target=f'127.0.0.1:{to_server}', transport=carrier)
        running += [caller, callee]
    for sipp in running:
        sipp.finish()


def case_sipp_branch(world):
    """sipp's branch client and server, a proxy before one server between them, 1,000 calls over UDP and TCP at once."""
    callee, = free_ports(1)
    start_server(world, ask_callers=False, next_hop=f'sip:127.0.0.1:{callee}')
    running = []
    for transport in ('udp', 'tcp'):
        running.append(Sipp(world, f'branchs-{transport}', 'branchs', port=callee, calls=1000, transport=transport))
        running.append(Sipp(world, f'branchc-{transport}', 'branchc', '-r', 300, target=f'127.0.0.1:{world.sip}',
                            calls=1000, transport=transport))
    for sipp in running:  # its client acknowledges no 403, and what is sent for that comes when the call is over
        sipp.finish(but=('OutOfCallMsgs', 'Retransmissions'))


def run_script(script, *arguments, **environment):
    """A script of tests/sipp, with what it wants in its environment; it must succeed."""
    result = subprocess.run([ROOT / 'tests/sipp' / script, *[str(a) for a in arguments]], text=True, check=False,
                            env={'PATH': os.environ['PATH'], 'DOMAIN': DOMAIN, 'LOCAL_PORT': str(free_ports(2)[0]),
                                 **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    expect(result.returncode == 0, result.stdout[-2000:])


def case_sipp_methods(world):
    """sipp plays every method through our proxy, with digest, over UDP and TCP; the script for its pace runs."""
    start_server(world)
    capture = capture_sip(world)
    for transport in ('udp', 'tcp'):
        run_script('methods.sh', '127.0.0.1', world.sip, transport, 'bob', USERS['bob'])
    if capture:
        check_sip(capture)
    run_script('rate.sh', '127.0.0.1', world.sip, 'udp', 'register_digest', 'invite', USER_NAME='bob',
               PASSWORD=USERS['bob'], SECONDS_EACH='1', FIRST='200', TOP='200')


def case_sipsak(world):
    """sipsak pings us over UDP, TCP and TLS, registers, sends a MESSAGE, traces the route to a user, and floods."""
    make_certificates(world, DOMAIN)
    start_server(world, tls=True)
    port = ('-r', world.sip)
    alice = ('-s', 'sip:alice@localhost', *port)
    server = ('-s', 'sip:localhost')
    uas = Sipp(world, 'options', METHODS / 'options_uas.xml', calls=2)
    sign_up = ('-v', '-U', *alice, '-x', 600, '-C', f'sip:alice@127.0.0.1:{uas.port}', '-u', 'alice', '-a')
    table = [
        ('ping', ('-vv', *server, *port), 0, 'SIP/2.0 200'),
        ('ping by TCP', ('-vv', '-E', 'tcp', *server, *port), 0, 'SIP/2.0 200'),
        ('ping by TLS', ('-vv', '-E', 'tls', f'--tls-ca-cert={world.folder}/ca.pem', *server, '-r', world.tls), 0,
         'SIP/2.0 200'),
        ('wrong password', (*sign_up, 'Guess-1'), 2, 'SIP/2.0 40[13]'),
        ('nobody', ('-vv', *alice), 1, 'SIP/2.0 4(04|80)'),
        ('register', (*sign_up, USERS['alice']), 0, 'successful'),
        ('OPTIONS', ('-vv', *alice), 0, 'Server: sipp-uas'),
        ('traceroute', ('-T', '-v', *alice), 0, 'SIP/2.0 483[^\0]*SIP/2.0 200'),
        ('flood', ('-F', '-e', 500, *server, *port), 0, ''),
        ('after it', ('-vv', *server, *port), 0, 'SIP/2.0 200'),
    ]
    for name, arguments, code, words in table:
        got = sipsak(world, *arguments)
        expect(got[0] == code and re.search(words, got[1]), f'{name}: {got}')
    uas.finish()
    callee = Sipp(world, 'message', METHODS / 'message_uas.xml', port=uas.port)
    message = world.folder / 'message.sip'
    message.write_text(
        'MESSAGE sip:alice@localhost SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKx1\r\n'
        'From: <sip:sipsak@visitor.test>;tag=1\r\nTo: <sip:alice@localhost>\r\nCall-ID: x1\r\nCSeq: 1 MESSAGE\r\n'
        'Max-Forwards: 70\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\nWatson, come here: 1')
    got = sipsak(world, '-vv', '-i', '-f', message, '-L', *alice)
    expect(got[0] == 0 and 'SIP/2.0 200' in got[1], f'message: {got}')
    callee.finish()


def case_redirect(world):
    """As redirect server: INVITE is answered 302 with the registered contact, and baresip follows it."""
    start_server(world, redirect=True)
    server = f'127.0.0.1:{world.sip}'
    alice, bob = phones(world, 'alice', 'bob', domain=server, outbound=False)
    scenario = world.folder / 'redirect_uac.xml'
    scenario.write_text((HERE / 'redirect_uac.xml').read_text().replace('"CONTACT"', f'"bob[^@]*@127.0.0.1:{bob.sip}"'))
    Sipp(world, 'asks', scenario, '-s', 'bob', target=server).finish()
    capture = capture_sip(world)
    call(alice, bob, f'sip:bob@{server}', by=bob)
    if capture:
        check_sip(capture)
        invited = f'sip.Method == "INVITE" && udp.srcport == {alice.sip} && udp.dstport =='
        asked = capture.count(f'{invited} {world.sip}')  # twice when it must prove who it is
        expect(asked in (1, 2) and capture.count('sip.Status-Code == 302') == 1 and
               capture.count(f'{invited} {bob.sip}') == 1, 'not redirected once and followed once')


def case_restart(world):
    """Killed and started again, the server knows who was registered: a call to a registration of before works."""
    if UNDER_TEST == 'kamailio':
        raise Skipped('Kamailio keeps its registrations in memory here')
    server = start_server(world)
    alice, bob = phones(world, 'alice', 'bob')
    registered = bob.text().count('200 OK')
    time.sleep(0.5)  # it writes five times a second
    server.stop(signal.SIGKILL)
    start_server(world)
    call(alice, bob, f'sip:bob@{DOMAIN}', by=alice)
    expect(bob.text().count('200 OK') == registered, 'it registered again')
    for phone in (alice, bob):  # before their server, to which they say goodbye
        phone.process.stop()


def case_ipv6(world):
    """Registration, calls and messages over IPv6, UDP and TCP."""
    start_server(world, address='::1')
    for transport in ('udp', 'tcp'):
        run_script('methods.sh', '::1', world.sip, transport, 'bob', USERS['bob'],
                   ONLY='register ping options message invite invite_auth subscribe')


def case_kamailio_downstream(world):
    """A user behind a Kamailio is called through us, our proxy's next hop for foreign domains; either side hangs up."""
    port, = free_ports(1)
    start_server(world, next_hop=f'sip:127.0.0.1:{port};lr', next_hop_for='foreign')
    kamailio.start(world, 'kamailio', [f'udp:127.0.0.1:{port}', f'tcp:127.0.0.1:{port}'], {'bob': 'Upstream-1'},
                   'upstream', ['upstream.test'])
    capture = capture_sip(world)
    alice, bob = phones(world, 'alice', ('bob', {'server': f'127.0.0.1:{port}', 'domain': 'upstream.test',
                                                 'password': 'Upstream-1'}))
    call(alice, bob, 'sip:bob@upstream.test', by=alice)
    call(alice, bob, 'sip:bob@upstream.test', by=bob)
    alice.dial('sip:nobody@upstream.test')
    alice.wait_text('session closed: 404')
    if capture:
        check_sip(capture)


def case_kamailio_upstream(world):
    """A client of ours registers at a Kamailio with digest over UDP and TCP, keeps itself alive, and leaves."""
    kamailio.start(world, 'kamailio', [f'udp:127.0.0.1:{world.sip}', f'tcp:127.0.0.1:{world.sip}'],
                   {DEVICE: 'Upstream-1'}, PLATFORM[:10], [PLATFORM[:10]], own_user=PLATFORM)
    for transport in ('udp', 'tcp'):
        camera = world.start_camera('--password', 'Upstream-1', '--keepalive', '0.5', '--sip-transport', transport,
                                    wait=False)
        wait_for('the client to be registered', lambda: ' registered device=' in camera.text())
        time.sleep(1.5)
        camera.stop()
        seen = world.stats(camera)
        expect(seen['registered'] == 1 and seen['keepalives_answered'] >= 2 and seen['keepalives_failed'] == 0 and
               seen['unregistered'] == 1, f'{seen} {camera.text()[-1000:]}')
    stranger = world.start_camera('--password', 'Guess-1', wait=False)
    wait_for('a refusal', lambda: re.search('401|403|password', stranger.text()))
    expect(' registered device=' not in stranger.text(), 'a wrong password was accepted')


def node_modules(world):
    """JsSIP and ws, installed by npm once into the build folder."""
    folder = world.build / 'jssip'
    if not (folder / 'node_modules/jssip').exists():
        if not shutil.which('npm'):
            raise Skipped('npm is not installed')
        folder.mkdir(exist_ok=True)
        (folder / 'package.json').write_text('{"private": true}\n')
        result = subprocess.run(['npm', 'install', '--no-audit', '--no-fund', '--fetch-retries=1',
                                 '--fetch-timeout=20000', 'jssip@3.10.1', 'ws@8.18.0'], cwd=folder, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if result.returncode:
            raise Skipped(f'npm cannot install jssip: {result.stdout[-300:]}')
    return folder / 'node_modules'


def case_jssip(world):
    """JsSIP registers over WebSocket with digest, sends OPTIONS and MESSAGE to a UDP user, and is sent one by UDP."""
    modules = node_modules(world)
    start_server(world, ws=True)
    bob = Sipp(world, 'bob', HERE / 'any_uas.xml', calls=2)
    register(world, 'bob', USERS['bob'], DOMAIN, f'sip:bob@127.0.0.1:{bob.port}')
    alice = world.start('jssip', ['node', HERE / 'jssip_user.js', f'ws://127.0.0.1:{world.ws}', 'alice', USERS['alice'],
                                  DOMAIN, 'bob'], env={**os.environ, 'NODE_PATH': str(modules)})
    for words in ('protocol sip', 'registered 200', 'MESSAGE 200', 'OPTIONS 200'):
        wait_for(f'JsSIP: {words}', lambda words=words: words in alice.text() or not alice.alive())
        expect(words in alice.text(), alice.text()[-1500:])
    bob.finish()
    Sipp(world, 'caller', METHODS / 'message_uac.xml', '-s', 'alice', '-key', 'domain', DOMAIN,
         target=f'127.0.0.1:{world.sip}').finish()
    wait_for('JsSIP to end', lambda: not alice.alive())
    for words in ('heard Watson, come here: 1', 'unregistered'):
        expect(alice.process.returncode == 0 and words in alice.text(), alice.text()[-1500:])


def case_nat(world):
    """Softphones behind a NAT that lets nobody in register by UDP and TCP and are called through their flows."""
    with home_network() as inside:
        start_server(world, address='10.77.0.1')
        at_home = {'inside': inside, 'address': '192.168.77.2'}
        alice, bob, carol = phones(world, ('alice', at_home), ('bob', {'address': '10.77.0.1'}),
                                   ('carol', {**at_home, 'transport': 'tcp'}), server=f'10.77.0.1:{world.sip}')
        for callee in (alice, carol):
            bob.dial(f'sip:{callee.user}@{DOMAIN}')
            callee.wait_text('Call established')  # INVITE and ACK came in
            time.sleep(0.5)
            bob.hang_up()
            callee.wait_text(r'session closed|terminated \(duration')  # and BYE
        for phone in (alice, carol):
            phone.process.stop()
