"""Hooks of the documentation's build: pages made from the code, so that no copy is kept by hand; LaTeX as MathML."""

import html
import re
from collections.abc import Iterator
from typing import Any

import latex2mathml.converter
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

METHODS = "<!-- methods -->"
"""Where the table of methods goes."""
ARITHMATEX = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def _catalogue() -> Iterator[str]:
    """Every built-in claim: its title, its statement, its false neighbours, as its own file has them."""
    from ltjax.verify.catalogue import catalogue
    from ltjax.verify.claim import statement_of, title_of

    yield "# The catalogue\n\nEvery built-in claim as its file states it. `ltjax verify ID` checks one.\n"
    yield (
        "There is no NP-10: elimination, which would have that number, is a method and no claim; see [how a trial is "
        "decided](theory.md#how-a-trial-is-decided).\n"
    )
    for claim in catalogue().built_in.values():
        module = type(claim).__module__.replace(".", "/")
        yield f"## {claim.id}: {title_of(claim)}\n\n{statement_of(claim)}\n"
        yield "**False neighbours**, which the same check must refute on the same draws:\n"
        yield "\n".join(f"- `{control.id}`: {control.statement}" for control in claim.controls) + "\n"
        yield f"In `{module}.py`.\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    files.append(File.generated(config, "catalogue.md", content="\n".join(_catalogue())))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    if METHODS not in markdown:
        return markdown
    from ltjax.solvers import choose

    table = [line for line in (choose.__doc__ or "").splitlines() if line.startswith("|")]
    return markdown.replace(METHODS, "\n".join(table))


def on_page_content(html_text: str, **_: Any) -> str:
    return ARITHMATEX.sub(_typeset, html_text)


def _typeset(found: re.Match[str]) -> str:
    display = "block" if found[1] == "div" else "inline"
    return latex2mathml.converter.convert(html.unescape(found[2]).strip(), display=display)
