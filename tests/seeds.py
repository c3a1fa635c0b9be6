"""Run claims at many seeds, and count their verdicts: how often a true claim is refuted, and a false control is not.

    python tests/seeds.py --seeds 1000 SS-1 NP-6        # these claims, seeds 1 to 1000
    python tests/seeds.py --seeds 20                    # all built-in claims

One line a claim: how many seeds supported (or proved), left open and refuted it, and which controls survived; before it
a line for each finding and control that is not as it should be.
The exit status is 1 if any seed refuted a claim, or left a control standing. Stopped, it says what the seeds so far
said.
"""

import argparse
import collections
import sys
from collections.abc import Sequence

from ltjax.verify.catalogue import catalogue, select
from ltjax.verify.check import Result
from ltjax.verify.runner import verify
from ltjax.verify.tests import Verdict


def surviving(result: Result) -> list[str]:
    """The controls that were not refuted."""
    return [control.id for control, found in result.controls if found.verdict is not Verdict.REFUTED]


def tally(results: Sequence[Result]) -> tuple[str, bool]:
    """What the seeds of one claim said, and whether none of it was false."""
    verdicts = collections.Counter(str(result.verdict) for result in results)
    standing = sorted({control for result in results for control in surviving(result)})
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    seconds = sorted(result.seconds for result in results)[len(results) // 2]
    text = (
        f"{results[0].claim.id}: {said}; controls that stood: {', '.join(standing) or 'none'}; {seconds:.2f} s a seed"
    )
    return text, not standing and not {Verdict.REFUTED, Verdict.BROKEN} & {result.verdict for result in results}


def unlike(result: Result) -> list[str]:
    """What a reader would not expect of a true claim: findings that do not support it, controls that stand."""
    good = (Verdict.SUPPORTED, Verdict.PROVED)
    lines = [result.error] if result.error else []
    lines += [f"{each.verdict}: {each.name}" for each in result.evidence.findings if each.verdict not in good]
    return lines + [f"{control} stands" for control in surviving(result)]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="seeds", description="Claims at many seeds; see the top of the file.")
    parser.add_argument("claims", nargs="*", help="claims or families; all built-in ones by default")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    options = parser.parse_args(arguments)
    known, fine = catalogue(), True
    for name in select(options.claims, known).claims:
        results, stopped = list[Result](), False
        for seed in range(options.first, options.first + options.seeds):
            report = verify([name], seed=seed, known=known)
            if stopped := report.stopped:
                break
            (result,) = report.results
            results.append(result)
            for line in unlike(result):
                print(f"  {name}, seed {seed}: {line}", flush=True)
        if results:
            text, good = tally(results)
            print(text, flush=True)
            fine &= good
        if stopped:
            return 130
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
