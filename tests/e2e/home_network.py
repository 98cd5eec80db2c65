"""A home behind a NAT, made of network namespaces."""
import contextlib
import os
import shutil
import subprocess

from world import Skipped


@contextlib.contextmanager
def home_network():
    """A network namespace behind one that masquerades: what runs inside reaches 10.77.0.1 and cannot be reached. The
    command to run something inside."""
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ('ip', 'iptables', 'sysctl')):
        raise Skipped('network namespaces need root, ip and iptables')
    router, home = f'gbr{os.getpid()}', f'gbh{os.getpid()}'
    steps = f"""
ip netns add {router}
ip netns add {home}
ip link add gbr0 type veth peer name wan netns {router}
ip link add lan netns {router} type veth peer name eth netns {home}
ip addr add 10.77.0.1/24 dev gbr0
ip link set gbr0 up
ip -n {router} addr add 10.77.0.2/24 dev wan
ip -n {router} link set wan up
ip -n {router} addr add 192.168.77.1/24 dev lan
ip -n {router} link set lan up
ip -n {home} addr add 192.168.77.2/24 dev eth
ip -n {home} link set eth up
ip -n {home} link set lo up
ip -n {home} route add default via 192.168.77.1
ip route add blackhole 192.168.77.0/24
ip netns exec {router} sysctl -qw net.ipv4.ip_forward=1
ip netns exec {router} iptables -t nat -A POSTROUTING -o wan -j MASQUERADE
ip netns exec {router} iptables -A FORWARD -i wan -m conntrack --ctstate NEW -j DROP
"""
    def run(command):
        return subprocess.run(command.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    try:
        for step in steps.strip().splitlines():
            result = run(step)
            if result.returncode:
                raise Skipped(f'{step}: {result.stdout.strip()}')
        yield ('ip', 'netns', 'exec', home)
    finally:
        for step in (f'ip netns del {home}', f'ip netns del {router}', 'ip route del blackhole 192.168.77.0/24'):
            run(step)
