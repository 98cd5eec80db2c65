#!/usr/bin/env python3
"""End-to-end tests: real sockets on loopback, other people's clients. usage: run.py --build BUILD [NAME...]"""
import argparse
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import cases  # noqa: E402
from world import ROOT, Failed, World, make_clips  # noqa: E402


# Minutes long: they run when they are named.
BY_NAME = {'soak'}


def run(name, function, build, clips, keep):
    print(f'-- {name}: {function.__doc__.splitlines()[0]}', flush=True)
    begin, world, failure = time.monotonic(), World(build, clips, name), None
    try:
        function(world)
    except cases.Skipped as why:
        failure = why
    except Failed as why:
        failure = why
    except Exception:  # a fault of the test is a failure too
        failure = Failed(traceback.format_exc())
    try:
        world.close(keep or isinstance(failure, Failed))
    except Failed as why:
        failure = failure or why
    seconds = time.monotonic() - begin
    if isinstance(failure, cases.Skipped):
        print(f'   SKIPPED: {failure}', flush=True)
    elif failure:
        print(f'   FAILED after {seconds:.0f} s: {failure}\n   logs: {world.folder}', flush=True)
    else:
        print(f'   ok ({seconds:.0f} s)', flush=True)
    return failure


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', default='build')
    parser.add_argument('--keep', action='store_true', help='keep the logs of tests that pass')
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    clips = make_clips(ROOT / options.build / 'clips')
    wanted = {n: f for n, f in cases.all_cases().items() if n in (options.names or [n]) and
              (options.names or n not in BY_NAME)}
    if not wanted:
        sys.exit(f'no such test; there are {", ".join(cases.all_cases())}')
    results = [run(name, function, options.build, clips, options.keep) for name, function in wanted.items()]
    skipped = sum(isinstance(r, cases.Skipped) for r in results)
    failed = sum(r is not None for r in results) - skipped
    if not options.names:
        print(f'not run unless named: {", ".join(sorted(BY_NAME))}')
    print(f'{len(results) - failed - skipped} passed, {failed} failed, {skipped} skipped')
    return 1 if failed else 0


sys.exit(main())
