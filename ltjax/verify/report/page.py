"""The HTML page."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
import latex2mathml.converter
import numpy as np
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

from ltjax.verify.check import Result
from ltjax.verify.claim import statement_of, title_of
from ltjax.verify.runner import Report
from ltjax.verify.tests import Finding, Verdict

MANY = 6
"""Findings alike in kind beyond this number are folded away."""


def _math(source: str, options: dict[str, Any]) -> str:
    return latex2mathml.converter.convert(source, display="block" if options["display_mode"] else "inline")


_markdown = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, renderer=_math, double_inline=True)


def typeset(text: str) -> Markup:
    """Markdown with LaTeX as HTML with MathML, which browsers draw without scripts or fonts."""
    return Markup(_markdown.render(text))


def typeset_inline(text: str) -> Markup:
    """One line of Markdown with LaTeX."""
    return Markup(_markdown.renderInline(text))


def inline_svg(svg: str, label: str, prefix: str, panels: Sequence[Sequence[float]] = ()) -> Markup:
    """An SVG file as elements of the page: no XML header, no fixed size, a name for screen readers.

    Matplotlib hashes its ids, and the same hash can mean another shape in another figure: they get a prefix. A narrow
    page shows the panels of a figure that has several below one another, each a view of the one picture.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r"url\(#", f"url(#{prefix}-", body)
    body = re.sub(r'href="#', f'href="#{prefix}-', body)
    safe = str(Markup.escape(label))
    if len(panels) < 2:
        return Markup(body.replace("<svg", f'<svg role="img" aria-label="{safe}"', 1))
    whole = body.replace("<svg", f'<svg class="whole" role="img" aria-label="{safe}"', 1)
    views = [
        f'<svg class="panel" aria-hidden="true" viewBox="{" ".join(f"{side:.1f}" for side in panel)}">'
        f'<use href="#{prefix}-figure_1"/></svg>'
        for panel in panels
    ]
    return Markup("\n".join([whole, *views]))


def number(value: Any) -> str:
    """A figure as a person reads it."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {number(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(number(item) for item in value) + "]"
    if value is None:
        return "none"
    if hasattr(value, "item"):
        value = value.item()
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def counted(count: int, noun: str) -> str:
    """So many of something."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def closest(findings: tuple[Finding, ...]) -> Finding:
    """The finding that came nearest to failing: the worst verdict, then the least room to its bound."""
    order = [Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED, Verdict.PROVED]
    return min(findings, key=lambda each: (order.index(each.verdict), 1.0 if each.room is None else each.room))


def basis(result: Result) -> str:
    """What a claim rests on: how many comparisons are proofs, how many measurements, over which range."""
    ways = Counter(
        finding.numbers.get("supported means", finding.verdict.value) for finding in result.evidence.findings
    )
    proved = ways.pop(Verdict.PROVED.value, 0)
    said = [f"Proved: {proved} of {len(result.evidence.findings)} comparisons"] if proved else []
    if ways:
        said.append(f"Measured: {', '.join(f'{count} {way}' for way, count in ways.items())}{_ranges(result.drawn)}")
        said.append("Extrapolated: what the statement says beyond that")
    return ". ".join(said) + "." if said else ""


def _ranges(drawn: Sequence[Mapping[str, Any]]) -> str:
    """Over which d, n and ε trials were drawn, and how many."""
    said = []
    for name, letter in (("d", "d"), ("n", "n"), ("eps", "ε")):
        values = [value for each in drawn if name in each for value in np.ravel(each[name]).tolist()]
        if values:
            low, high = min(values), max(values)
            said.append(f"{letter} = {number(low)}" + (f" to {number(high)}" if high > low else ""))
    trials = sum(each.get("trials", 0) for each in drawn)
    said += [f"{trials:,} trials"] if trials else []
    return f"; {', '.join(said)}" if said else ""


def columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of a table, in the order in which its rows name them."""
    return list(dict.fromkeys(name for row in rows for name in row))


def page(report: Report, docs: str | None = None) -> str:
    """The report as one self-contained page.

    Args:
        report: results and provenance.
        docs: where the documentation lies, seen from the page; None: the page does not speak of it.
    """
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"typeset": typeset, "typeset_inline": typeset_inline, "number": number}
    environment.filters |= {"title": title_of, "statement": statement_of}
    template = environment.from_string(
        resources.files("ltjax.verify.report").joinpath("page.html.jinja").read_text("utf-8")
    )
    claims = {result.claim.id: result.claim for result in report.results}
    shown = {
        each.claim.id: inline_svg(
            each.picture.svg, each.claim.caption or title_of(each.claim), each.claim.id, each.picture.panels
        )
        for each in report.results
        if each.picture is not None
    }
    captions = {id: claim.caption for id, claim in claims.items()}
    headlines = {result.claim.id: result.headline for result in report.results if result.headline}
    findings = [finding for result in report.results for finding in result.evidence.findings]
    return template.render(
        report=report,
        comparisons=len(findings),
        proofs=sum(finding.verdict is Verdict.PROVED for finding in findings),
        pictures=shown,
        captions=captions,
        headlines=headlines,
        basis=basis,
        closest=closest,
        columns=columns,
        counted=counted,
        many=MANY,
        docs=docs,
    )
