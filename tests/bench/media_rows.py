"""How the rows of tests/bench/media.py are made and shown."""
import statistics

QUIET = 0.1  # of a core for other programs


def gbit_per_s(load):
    return load['bytes'] * 8e-9 / load['seconds']


def cost_per_gbit(runs):
    """CPU seconds for each Gbit that viewers got, or that cameras sent when nobody watched."""
    return [run['cpu_s'] / run['seconds'] / gbit_per_s(run['seen'] or run['sent']) for run in runs]


def spread(values, unit=''):
    return f'{statistics.median(values):.3f} {unit} ({min(values):.3f} to {max(values):.3f})'.replace('  ', ' ')


def trouble(runs):
    """Why the figures of a run are not worth having; empty when all arrived."""
    for run in runs:
        seen, sent = run['seen'], run['sent']
        if run['drops'] or sent['errors']:
            return f"{run['drops']} datagrams found no room at gbgate, {sent['errors']} were not sent"
        if not seen:
            continue
        if seen['gone'] or seen['silent'] or seen['playing'] < seen['viewers']:
            return f"{seen['viewers']} viewers: {seen['playing']} play, {seen['silent']} get nothing, {seen['why']}"
        if seen['lost'] + seen['lost_frames'] > 0:
            return f"{seen['lost']} packets and {seen['lost_frames']} frames lost, {seen['own_drops']} by the viewers"
        due = sent['frames'] / sent['seconds'] * seen['viewers'] / run['streams']
        if seen['frames'] / seen['seconds'] < 0.98 * due:
            return f"{seen['frames'] / seen['seconds']:.0f} frames a second, {due:.0f} were sent"
    return ''


def remark(runs):
    others, idle = statistics.median(r['others'] for r in runs), statistics.median(r['idle'] for r in runs)
    return '' if others <= QUIET else f'not a quiet machine: others took {others:.2f} of a core, {idle:.0%} idle'


def delay(runs, part):
    return statistics.median(run['seen']['delay_ms'][part] for run in runs)


def row(what, ours, bound, holds, floor='', ratio='', remarks=()):
    return {'what': what, 'ours': ours, 'floor': floor, 'ratio': ratio, 'bound': bound, 'holds': bool(holds),
            'remarks': [r for r in remarks if r]}


def show(r):
    beside = f"  floor {r['floor']}" if r['floor'] else ''
    beside += f"  ratio {r['ratio']:.2f}" if r['ratio'] else ''
    print(f"{r['what']:42} {r['ours']}{beside}  ({r['bound']})  {'holds' if r['holds'] else 'MISSED'}", flush=True)
    for line in r['remarks']:
        print(f'    {line}', flush=True)
