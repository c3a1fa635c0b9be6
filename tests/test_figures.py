"""Figures: what their axes say."""

import re

from ltjax.figures import style


def labels(figure):
    axes = [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    return [[tick.get_text() for tick in axis.get_ticklabels(which="both")] for axis in axes]


def test_powers_are_said_in_plain_characters_and_are_the_same():
    with style.own_style():
        figure, (decades, few, two) = style.panels(3)
        decades.plot([1e-6, 1e-1], [1.0, 1e7])
        decades.set(xscale="log", yscale="log")
        few.plot([1.5, 6.0], [2.0, 5.0])
        few.set(xscale="log")
        two.plot([1e-3, 0.02], [2.0, 512.0])
        two.set_xscale("log")
        two.set_yscale("log", base=2)
        figure.draw_without_rendering()
        before = labels(figure)
        style.plain_powers(figure)
        figure.draw_without_rendering()
        after = labels(figure)
    digits = dict(zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True))
    for ours, formulas in zip(after, before, strict=True):
        for said, formula in zip(ours, formulas, strict=True):
            assert "$" not in said
            raised = re.sub(r"[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda x: "^{" + "".join(digits[c] for c in x[0]) + "}", said)
            plain = re.sub(r"\$\\mathdefault\{(.*)\}\$", r"\1", formula).replace(r"\times", "×")
            assert raised == plain
    assert "10⁻³" in after[0]
    assert "2×10⁰" in after[2]
    assert "2⁹" in after[5]
