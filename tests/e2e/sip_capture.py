"""What was said over SIP, seen by tshark."""
import players
from world import expect, wait_for


def capture_sip(world):
    """A capture that has begun, or None."""
    capture = players.capture(world)
    if capture:
        wait_for('dumpcap to begin', lambda: 'File:' in capture.process.text())
    return capture


def check_sip(capture):
    """tshark finds nothing wrong with what was said over SIP."""
    capture.close()
    expect(capture.count('sip') > 0, 'the capture has no SIP')
    bad = capture.lines('(_ws.malformed || _ws.expert.severity == error) && (sip || sdp)')
    expect(not bad, f'tshark finds {len(bad)} malformed packets: {bad[:5]}')
