"""gbgate as a SIP server, or another in its place."""
import os

import kamailio
from world import PLATFORM

USERS = {'alice': 'Tone-4410', 'bob': 'Ring-7753', 'carol': 'Bell-9902'}
DOMAIN = 'example.test'
UNDER_TEST = os.environ.get('GBGATE_E2E_SIP', 'gbgate')


def start_server(world, tls=False, ws=False, redirect=False, ask_callers=True, next_hop='', next_hop_for='everything',
                 address='127.0.0.1'):
    """gbgate as registrar and stateful proxy (or redirect server) of DOMAIN, alone. GBGATE_E2E_SIP=kamailio puts
    Kamailio in its place: a case that fails there too is itself at fault. Needs make_certificates() for TLS."""
    if UNDER_TEST == 'kamailio':
        return start_kamailio(world, tls, ws, redirect, ask_callers, next_hop, next_hop_for, address)
    settings = {
        'server_trust_loopback': False, 'gb28181_enabled': False, 'sip_listen_address': address, 'sip_users': USERS,
        'sip_registrar': {'enabled': next_hop_for != 'everything' or not next_hop, 'domains': [DOMAIN, 'localhost']},
        'sip_redirect': {'enabled': redirect}, 'sip_websocket': {'enabled': ws, 'port': world.ws},
        'sip_proxy': {'mode': 'off' if redirect else 'stateful', 'authenticate': ask_callers,
                      'relay_for': 'users' if ask_callers else 'everyone', 'next_hop': next_hop,
                      'next_hop_for': next_hop_for if next_hop else 'nothing'}}
    if tls:
        settings['sip_tls'] = {'enabled': True, 'port': world.tls, 'certificate': str(world.folder / 'server.pem'),
                               'key': str(world.folder / 'server.key'), 'ca': str(world.folder / 'ca.pem')}
    return world.start_gateway(**settings)


def start_kamailio(world, tls, ws, redirect, ask_callers, next_hop, next_hop_for, address):
    host = f'[{address}]' if ':' in address else address
    listen = [f'udp:{host}:{world.sip}', f'tcp:{host}:{world.sip}']
    hop = {'everything': 'NEXT_HOP', 'foreign': 'FOREIGN_HOP'}[next_hop_for]
    wanted = {'TLS': tls, 'WS': ws, 'REDIRECT': redirect, hop: next_hop, 'ASK': ask_callers}
    if tls:
        listen.append(f'tls:{host}:{world.tls}')
    if ws:
        listen.append(f'tcp:{host}:{world.ws}')
    domains = [DOMAIN, 'localhost', f'127.0.0.1:{world.sip}']
    return kamailio.start(world, 'server', listen, USERS, DOMAIN, domains, PLATFORM, next_hop,
                          [option for option, on in wanted.items() if on])
