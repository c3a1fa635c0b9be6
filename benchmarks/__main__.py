"""`python -m benchmarks`: all workloads, or those whose name holds a word; JSON, and the table of docs/speed.md."""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import numba

from benchmarks import networks, plane, sums
from benchmarks.frame import include, machine, measure, table
from ltjax.machine import devices
from ltjax.machine.compilation import use_compilation_cache


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[""], help="workloads whose name holds one of these")
    parser.add_argument("--rounds", type=int, help="timings of each")
    parser.add_argument("--json", type=Path, help="a file for the results")
    parser.add_argument("--page", type=Path, help="a page for the table, between <!-- bench --> and <!-- /bench -->")
    options = parser.parse_args()
    devices.use_cores()
    use_compilation_cache()
    numba.set_num_threads(devices.cores())
    began, rows = time.perf_counter(), []
    for part in (sums, plane, networks):
        for each in part.workloads():
            if not any(word in each.name for word in options.only):
                continue
            workload = dataclasses.replace(each, rounds=options.rounds) if options.rounds else each
            rows.append(measure(workload))
            print(*table(rows[-1:]).splitlines()[2:], sep="\n", file=sys.stderr, flush=True)
    seconds, where = time.perf_counter() - began, machine()
    text = f"{table(rows)}\n\n{where['device']}, JAX {where['jax']}, {seconds:.0f} s in all, load {where['load']}."
    print(text)
    if options.json:
        options.json.write_text(json.dumps({"machine": where, "seconds": seconds, "rows": rows}, indent=1), "utf-8")
    if options.page:
        include(options.page, text)
    wrong = [f"{row['workload']}: {peer['peer']}" for row in rows for peer in row["peers"] if not peer["agrees"]]
    if wrong:
        raise SystemExit(f"answers disagree: {'; '.join(wrong)}")


if __name__ == "__main__":
    main()
