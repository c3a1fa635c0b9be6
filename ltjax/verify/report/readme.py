"""Bring a README's table of verdicts and its figures up to date: `python -m ltjax.verify.report.readme REPORT README`.

The table stands between the lines `<!-- verdicts -->` and `<!-- /verdicts -->`; figures that the README or a page of
`docs/` beside it shows as `figures/ID.png` are copied from the report into `docs/figures`. `make readme` runs it after
a verification.
"""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from ltjax.arguments import ArgumentError

BLOCK = re.compile(r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)", re.DOTALL)


def table(results: dict[str, Any]) -> str:
    """The verdicts as a Markdown table, with where they came from."""
    rows = ["| claim | | verdict | comparisons | of these refutable | controls refuted |", "|---|---|---|---|---|---|"]
    for claim in results["claims"]:
        refuted = sum(control["refuted"] for control in claim["controls"])
        findings = claim["evidence"]["findings"]
        comparisons = f"{len(findings)} | {sum(finding['refutable'] for finding in findings)}"
        controls = f"{refuted} of {len(claim['controls'])}"
        rows.append(f"| {claim['id']} | {claim['title']} | {claim['verdict']} | {comparisons} | {controls} |")
    made = results["provenance"]
    where = f"{made['devices']} × {made['device']}, JAX {made['packages']['jax']}, XLA_FLAGS {made['XLA_FLAGS']}"
    line = f"`ltjax verify --budget {made['budget']} --seed {made['seed']}`: {made['seconds']:.0f} s on {where}."
    return "\n".join([*rows, "", line, ""])


def main(report: Path, readme: Path) -> None:
    """Rewrite the README's block and copy the figures that it and the pages show."""
    text = readme.read_text("utf-8")
    if not BLOCK.search(text):
        raise ArgumentError(f"readme={str(readme)!r} has no block between <!-- verdicts --> and <!-- /verdicts -->")
    results = json.loads((report / "results.json").read_text("utf-8"))
    text = BLOCK.sub(lambda match: match[1] + table(results) + match[2], text)
    pages = [text, *(page.read_text("utf-8") for page in sorted((readme.parent / "docs").glob("*.md")))]
    for name in sorted({name for page in pages for name in re.findall(r"figures/([\w-]+\.png)", page)}):
        target = readme.parent / "docs" / "figures" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(report / "figures" / name, target)
    readme.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
