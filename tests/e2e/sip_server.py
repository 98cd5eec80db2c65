"""gbgate as a SIP server, or another in its place."""
import os

import kamailio
from world import PLATFORM, Skipped

USERS = {'alice': 'Tone-4410', 'bob': 'Ring-7753', 'carol': 'Bell-9902'}
DOMAIN = 'example.test'
UNDER_TEST = os.environ.get('GBGATE_E2E_SIP', 'gbgate')


def start_server(world, tls=False, ws=False, redirect=False, ask_callers=True, next_hop='', next_hop_for='everything',
                 address='127.0.0.1'):
    """gbgate as registrar and stateful proxy (or redirect server) of DOMAIN, alone. GBGATE_E2E_SIP=kamailio puts
    Kamailio in its place: a case that fails there too is itself at fault. Needs make_certificates() for TLS."""
    if UNDER_TEST == 'kamailio':
        return start_kamailio(world, tls, ws, redirect, ask_callers, next_hop, next_hop_for, address)
    raise Skipped('the SIP server is not there yet')


def start_kamailio(world, tls, ws, redirect, ask_callers, next_hop, next_hop_for, address):
    host = f'[{address}]' if ':' in address else address
    listen = [f'udp:{host}:{world.sip}', f'tcp:{host}:{world.sip}']
    hop = {'everything': 'NEXT_HOP', 'foreign': 'FOREIGN_HOP'}[next_hop_for]
    wanted = {'TLS': tls, 'WS': ws, 'REDIRECT': redirect, hop: next_hop, 'ASK': ask_callers}
    if tls:
        listen.append(f'tls:{host}:{world.tls}')
    if ws:
        listen.append(f'tcp:{host}:{world.ws}')
    return kamailio.start(world, 'server', listen, USERS, DOMAIN, [DOMAIN, '127.0.0.1:5060'], PLATFORM, next_hop,
                          [option for option, on in wanted.items() if on])
