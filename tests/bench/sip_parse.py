#!/usr/bin/env python3
"""Our SIP parser beside libosip2 and Sofia-SIP, on the same 13 messages, in one run.

usage: tests/bench/sip_parse.py [BUILD_DIR] [--rounds N] [--passes N] [--json]

Time: the medians of interleaved rounds, CPU time of one core. Instructions: callgrind, the
difference of two pass counts, so that start-up cancels out. Allocations: calls of malloc.
A bound is judged only when what it needs is there: a peer, valgrind.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARSERS = ["gbgate", "gbgate_index", "gbgate_routing", "sofia", "osip2", "copy"]
NAMES = {
    "gbgate": "ours, the whole contract",
    "gbgate_index": "ours, start line and index of headers",
    "gbgate_routing": "ours, index, Request-URI, Via, From, To, Call-ID, CSeq",
    "sofia": "Sofia-SIP",
    "osip2": "libosip2",
    "copy": "the harness alone",
}


def corpus():
    """The 13 kinds of message that the peers were first measured with."""
    files = sorted((ROOT / "tests/data/sip").glob("[0-9][0-9]_*.sip"))
    return [str(f) for f in files if int(f.name[:2]) <= 13]


def run(program, *arguments, preload=None):
    env = dict(os.environ, LD_PRELOAD=preload) if preload else None
    done = subprocess.run([program, *map(str, arguments), *corpus()], check=True, text=True,
                          stdout=subprocess.PIPE, env=env)
    return dict(line.split() for line in done.stdout.splitlines())


def times(programs, rounds, passes):
    seen = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            seen[name].append(float(run(program, "--time", passes)["all"]))
    return {name: statistics.median(values) for name, values in seen.items()}


def counted(program, passes):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", program,
             "--passes", str(passes), *corpus()],
            check=True, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return int(re.search(r"Collected\s*:\s*(\d+)", done.stderr).group(1))


def instructions(program):
    few, many = 20, 120
    return (counted(program, many) - counted(program, few)) / (many - few) / len(corpus())


def measure(build, rounds, passes):
    folder = build / "tests/bench/peers"
    programs = {n: str(folder / f"bench_{n}") for n in PARSERS if (folder / f"bench_{n}").exists()}
    counter = str(folder / "liballocation_count.so")
    found = times(programs, rounds, passes)
    rows = {}
    for name, program in programs.items():
        rows[name] = {
            "what": NAMES[name],
            "ns": round(found[name], 1),
            "instructions": round(instructions(program)) if shutil.which("valgrind") else None,
            "allocations": float(run(program, "--allocations", preload=counter)["all"]),
        }
    return rows


def bounds(rows):
    """(what, measured, bound, holds); holds is None when it could not be measured."""
    ours = rows["gbgate"]
    yield ("instructions a message", ours["instructions"], "<= 8000",
           None if ours["instructions"] is None else ours["instructions"] <= 8000)
    yield "allocations a message", ours["allocations"], "0", ours["allocations"] == 0
    for peer, least in (("sofia", 5), ("osip2", 9)):
        ratio = round(rows[peer]["ns"] / ours["ns"], 2) if peer in rows else None
        yield (f"times as fast as {NAMES[peer]}", ratio, f">= {least}",
               None if ratio is None else ratio >= least)


def verdict(holds):
    return {True: "holds", False: "MISSED", None: "not measured"}[holds]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?", default=str(ROOT / "build"), type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--passes", type=int, default=4000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = measure(args.build, args.rounds, args.passes)
    judged = list(bounds(rows))
    if args.json:
        print(json.dumps({"rows": rows, "bounds": [
            {"what": w, "measured": m, "bound": b, "verdict": verdict(h)}
            for w, m, b, h in judged]}, indent=1))
    else:
        print(f"{'parser':56} {'ns':>8} {'instructions':>13} {'allocations':>12}")
        for row in rows.values():
            print(f"{row['what']:56} {row['ns']:8.0f} {row['instructions'] or '-':>13} "
                  f"{row['allocations']:12.2f}")
        for what, measured, bound, holds in judged:
            print(f"{what:56} {'-' if measured is None else measured:>8} {bound:>13} "
                  f"{verdict(holds):>12}")
    return 1 if any(holds is False for *_, holds in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
