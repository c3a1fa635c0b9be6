"""Tickets: a trained network in, masks of a random one out, with a certificate that holds."""

import itertools
import json
import os
import pickle
from typing import Any

import numpy as np
import pytest

from ltjax.arguments import ArgumentError
from ltjax.certify.errors.perceptron import Reads, evaluated, propagated
from ltjax.patterns import get_pattern
from ltjax.tickets import Perceptron, Start, build, check, least_redundancy, read_perceptron, read_ticket
from ltjax.tickets.certificate import certify, reads
from tests.commands import run


def perceptron(seed=0, widths=(5, 8, 6, 3), bias=(True, False, True)):
    rng = np.random.default_rng(seed)
    weights = tuple(0.3 * rng.normal(size=(m, k)) for k, m in itertools.pairwise(widths))
    return Perceptron(
        weights, tuple(0.3 * rng.normal(size=len(w)) if b else None for w, b in zip(weights, bias, strict=False))
    )


TARGET = perceptron()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A target's file, and its ticket's."""
    place = tmp_path_factory.mktemp("tickets")
    arrays: dict[str, Any] = {f"W{i}": w for i, w in enumerate(TARGET.weights, 1)}
    arrays |= {f"b{i}": b for i, b in enumerate(TARGET.biases, 1) if b is not None}
    np.savez(place / "target.npz", **arrays)
    made = build(read_perceptron(place / "target.npz"), 0.05, redundancy=20)
    made.save(place / "ticket.npz", place / "target.npz")
    return place


def reopened(path, x):
    """A ticket's values, by NumPy alone: the start network from its seed, the masks, and nothing else."""
    with np.load(path) as file:
        t = dict(file)
    for i, (rows, columns) in enumerate(t["shapes"]):
        words = np.random.Philox(key=np.array([t["seed"], i], np.uint64)).random_raw(rows * columns) >> np.uint64(40)
        start = t["centers"][i] + t["spreads"][i] * (words.astype(float) * 2.0**-23 - 1.0).reshape(rows, columns)
        if i % 2 == 0 and x.shape[1] < columns:
            x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        x = x @ (start * np.unpackbits(t[f"mask_{i + 1}"], axis=1, count=columns)).T
        x = np.maximum(x, 0.0) if i + 1 < len(t["shapes"]) else x
    return x


def test_a_few_lines_of_numpy_reopen_a_ticket(folder):
    made, _ = read_ticket(folder / "ticket.npz")
    x = np.random.default_rng(1).uniform(-1.0, 1.0, (10_000, 5))
    off = np.abs(reopened(folder / "ticket.npz", x) - TARGET(x)).max()
    layers = reads(TARGET, made.start, made.masks, True)
    apart, sure = evaluated(layers, x)
    np.testing.assert_allclose(reopened(folder / "ticket.npz", x) - TARGET(x), apart, atol=1e-12)
    assert sure.max() < 1e-10
    assert 0.0 < off <= made.certificate.bound
    assert made.certificate.found <= made.certificate.bound < 20.0 * made.certificate.found


@pytest.mark.parametrize(
    ("pattern", "redundancy", "law", "kind", "low"),
    [
        ("weights", 16, "normal", "products", 0.0),
        ("2:4", 20, "uniform", "products", -1.0),
        pytest.param("block:2x1", 14, "uniform", "products", 0.0, marks=pytest.mark.slow),
        ("weights", 12, "uniform", "parallel", -2.0),
    ],
)
def test_masks_obey_their_pattern_and_the_certificate_holds(pattern, redundancy, law, kind, low):
    how = {"pattern": pattern, "redundancy": redundancy, "law": law, "kind": kind, "seed": 3}
    made = build(TARGET, 0.05, low=low, high=1.5, **how)
    proof = made.certificate
    assert all(get_pattern(pattern).allows(mask) for mask in made.masks)
    assert [mask.shape for mask in made.masks] == list(made.start.shapes)
    # Every weight's error again, by a plain sum over what is kept.
    own, last = made.start.own_weights(0), made.start.draw(made.start.last(0))
    for output, source in ((0, 0), (7, 5), (3, 2)):
        kept = made.masks[made.start.last(0)][output].reshape(6, -1)[source]
        terms = (last[output] * own).reshape(6, -1)[source][kept]
        signs = own.reshape(6, -1)[source][kept]
        wanted = TARGET.layer(0)[output, source]
        sums = [terms.sum()] if kind == "parallel" else [terms[signs > 0].sum()]
        sums += [terms[signs < 0].sum()] if kind == "products" and low < 0 and source < 5 else []
        assert proof.errors[0][output, source] == pytest.approx(max(abs(z - wanted) for z in sums), abs=1e-12)
    missed = [each for errors in proof.errors for each in errors.ravel() if each > 0.05]
    assert len(proof.unreached) == len(missed) <= 80
    layers = reads(TARGET, made.start, made.masks, low < 0)
    apart, _ = evaluated(layers, np.random.default_rng(0).uniform(low, 1.5, (10_000, 5)))
    assert np.abs(apart).max() <= proof.bound
    assert 0.0 < proof.found <= proof.bound


def test_the_bound_is_exact_for_one_layer_and_an_upper_bound_for_more():
    rng = np.random.default_rng(2)
    w, off = rng.normal(size=(3, 4)), 0.1 * rng.normal(size=(2, 3, 4))
    one = [Reads(w, w + off[0], w + off[1], np.zeros((3, 4)), False)]
    # One layer: the worst corner, each input at -2, 0 or 1.
    worst = np.maximum(1.0 * off[0], np.maximum(-2.0 * off[1], 0.0)).sum(axis=1)
    least = np.minimum(1.0 * off[0], np.minimum(-2.0 * off[1], 0.0)).sum(axis=1)
    expected = np.maximum(worst, -least)
    np.testing.assert_allclose(propagated(one, np.full(4, -2.0), np.full(4, 1.0)), expected, rtol=1e-12)
    two = [*one, Reads(v := rng.normal(size=(2, 3)), v + 0.01, v + 0.01, np.zeros((2, 3)), False)]
    bound = propagated(two, np.full(4, -2.0), np.full(4, 1.0))
    apart, _ = evaluated(two, rng.uniform(-2.0, 1.0, (10_000, 4)))
    assert np.all(np.abs(apart).max(axis=0) <= bound)
    broken = [one[0]._replace(plus=np.full((3, 4), np.nan))]
    assert not np.any(propagated(broken, np.full(4, -2.0), np.full(4, 1.0)) <= 1e9)


def test_a_weight_that_no_subset_reaches_is_listed():
    w = np.array([[0.5, 0.01], [-0.3, 0.2]])
    made = build(Perceptron((w,), (None,)), 1e-6, redundancy=6, low=0.0)
    assert made.certificate.reached < 0.5
    assert {tuple(at) for at in made.certificate.unreached} <= {(1, i, j) for i in (1, 2) for j in (1, 2)}
    errors = made.certificate.errors[0]
    assert all(errors[i - 1, j - 1] > 1e-6 for _, i, j in made.certificate.unreached)
    assert made.certificate.bound >= errors.max() * (1.0 - 1e-9)


def test_the_least_redundancy_reaches_the_probability_and_less_does_not():
    target = perceptron(4, (6, 10, 4), (True, True))
    pattern = get_pattern("weights")
    least = least_redundancy(target, pattern, 0.2, False, hit=0.9)
    shares = []
    for redundancy in (least, least - 4):
        many = [build(target, 0.2, redundancy=redundancy, low=0.0, seed=s).certificate.reached for s in range(1, 4)]
        shares.append(np.mean(many))
    assert shares[0] >= 0.88
    assert shares[1] < 0.9
    with pytest.raises(ArgumentError, match="with redundancy 8 fewer than"):
        least_redundancy(target, pattern, 0.001, False, hit=0.9, most=8)


def test_a_ticket_is_checked_again_and_a_changed_one_is_found_out(folder, capsys):
    path = folder / "ticket.npz"
    again, wrong = check(path)
    assert wrong == []
    assert again.kept == read_ticket(path)[0].kept
    code, out, _ = run(capsys, "ticket", "--check", str(path), "--json")
    assert (code, json.loads(out)["wrong"]) == (0, [])
    with np.load(path) as file:
        arrays = dict(file)
    changes = {
        "mask_2": lambda x: x ^ np.eye(*x.shape, dtype=x.dtype),
        "bound": lambda x: x / 2,
        "unreached": lambda x: np.concatenate([x, [[1, 1, 1]]]),
        "seed": lambda x: x + 1,
        "errors_1": lambda x: x * 0.5,
    }
    for name, change in changes.items():
        np.savez(folder / "changed.npz", **arrays | {name: change(arrays[name])})
        _, wrong = check(folder / "changed.npz")
        assert wrong, name
    code, out, _ = run(capsys, "ticket", "--check", str(folder / "changed.npz"))
    assert code == 1
    assert "errors of layer 1 are not those that it says" in out
    with pytest.raises(ArgumentError, match="for another target"):
        check(path, perceptron(9))
    np.savez(folder / "no.npz", format="ltjax ticket 1", seed=0)
    with pytest.raises(ArgumentError, match="a ticket without"):
        check(folder / "no.npz")


def test_whatever_is_changed_in_a_ticket_is_told_in_lines(folder, capsys):
    """Not with a traceback: a line of what does not hold, or that it is no ticket."""
    with np.load(folder / "ticket.npz") as file:
        arrays: dict[str, Any] = dict(file)
    lines: dict[str, Any] = {
        "mask_1": (np.bitwise_not, "mask 1 keeps "),
        "point": (lambda x: 9.0 + x, "the point that it says is not in its box"),
        "found": (lambda x: 2.0 * x, "the networks differ by "),
    }
    for name, (change, line) in lines.items():
        np.savez(folder / "bent.npz", **arrays | {name: change(arrays[name])})
        code, out, err = run(capsys, "ticket", "--check", str(folder / "bent.npz"))
        assert (code, err, "certified" in out) == (1, "", False)
        assert out.startswith(line)
        assert "it says" in out
    for name, value in (
        ("mask_1", arrays["mask_1"][:-1]),
        ("mask_2", np.concatenate([arrays["mask_2"]] * 2)),
        ("centers", arrays["centers"][:-1]),
        ("spreads", np.nan * arrays["spreads"]),
        ("eps", np.asarray("fine")),
        ("low", arrays["high"] + 1.0),
        ("errors_1", np.asarray("small")),
    ):
        np.savez(folder / "bent.npz", **{**arrays, name: value})
        code, out, err = run(capsys, "ticket", "--check", str(folder / "bent.npz"))
        assert (code, out, err.count("\n")) == (2, "", 1), name


def test_a_certificate_that_holds_does_not_hide_what_was_missed(folder, capsys):
    made = build(TARGET, 0.05, redundancy=6)
    made.save(folder / "coarse.npz", folder / "target.npz")
    missed = len(made.certificate.unreached)
    assert missed > 1
    code, out, _ = run(capsys, "ticket", "--check", str(folder / "coarse.npz"))
    assert (code, out.splitlines()[-1]) == (0, f"the certificate holds; {missed} weights are not within 0.05")


def test_a_ticket_does_not_take_its_targets_place(folder, capsys):
    target = folder / "target.npz"
    before, link, hard = target.read_bytes(), folder / "link.npz", folder / "hard.npz"
    link.symlink_to(target)
    os.link(target, hard)
    for out in (target, folder / ".." / folder.name / "target.npz", link, hard):
        words = ["ticket", str(target), "--eps", "0.05", "--redundancy", "6", "--out", str(out)]
        code, _, err = run(capsys, *words)
        assert (code, err.count("\n")) == (2, 1)
        assert f"it is the file that target={str(target)!r} names" in err
        assert target.read_bytes() == before
    with pytest.raises(ArgumentError, match="it is the file that target="):
        read_ticket(folder / "ticket.npz")[0].save(link, target)
    link.unlink()
    hard.unlink()


def test_sabotage_a_bound_that_forgets_the_second_layer_is_found_out():
    made = build(TARGET, 0.05, redundancy=16, low=0.0)
    layers = reads(TARGET, made.start, made.masks, False)
    shifted = [*layers[:-1], layers[-1]._replace(plus=layers[-1].plus + 0.5)]
    bound, proof = propagated(layers, np.zeros(5), np.ones(5)).max(), certify(shifted, 0.05, 0.0, 1.0)
    assert proof.found > bound  # the adversary would tell


@pytest.mark.wrong_types
def test_bad_input_is_one_line_and_no_file(tmp_path, capsys):
    rng = np.random.default_rng(0)
    w, wide = rng.normal(size=(2, 3)), rng.normal(size=(2, 4))
    np.savez(tmp_path / "good.npz", W1=w)
    np.savez(tmp_path / "shapes.npz", W1=w, W2=wide)
    np.savez(tmp_path / "bias.npz", W1=w, b1=np.ones(3))
    np.savez(tmp_path / "nan.npz", W1=np.array([[1.0, np.nan]]))
    np.savez(tmp_path / "missing.npz", W1=w, W3=w)
    np.savez(tmp_path / "none.npz", b1=np.ones(3))
    np.savez(tmp_path / "stray.npz", W1=w, b4=np.ones(3))
    np.savez(tmp_path / "keras.npz", W1=w, b1=np.ones(2), W2=np.ones((2, 4)), b2=np.ones(4))
    np.savez(tmp_path / "turned.npz", W1=w, W2=np.ones((5, 4)).T @ np.ones((5, 2)), W3=wide.T)
    np.savez(tmp_path / "whole.npz", W1=np.ones((2, 3), int))
    np.savez(tmp_path / "other.npz", W1=w, kernel=w)
    np.savez(tmp_path / "object.npz", W1=np.array([[1.0, None]], object))
    (tmp_path / "words.npz").write_text("hello")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"W1": w}))
    lines = {
        "shapes.npz": "W2 has shape (2, 4): W1 has 2 outputs, so W2 is of shape (outputs, 2)",
        "bias.npz": "b1 has shape (3,): W1 of shape (2, 3) allows (2,), for W is (outputs, inputs); is W1 transposed?",
        "keras.npz": "b2 has shape (4,): W2 of shape (2, 4) allows (2,), for W is (outputs, inputs); is W2 transposed?",
        "turned.npz": "W3 has shape (4, 2): W2 has 4 outputs, so W3 is of shape (outputs, 4); is W3 transposed?",
        "stray.npz": "has no array W2 and holds b4: arrays are W1, b1, W2, b2, …",
        "nan.npz": "W1[0, 1]=nan is not allowed: W1 holds finite numbers",
        "missing.npz": "has no array W2",
        "none.npz": "has no array W1",
        "whole.npz": "W1 holds int64: W1 is an array of float32 or float64",
        "other.npz": "holds an array 'kernel': arrays are W1, b1, W2, b2, …",
        "object.npz": "holds a pickle, which is never loaded",
        "words.npz": "is no .npz file of arrays",
        "pickle.npz": "is no .npz file of arrays",
        "absent.npz": "cannot be read: No such file or directory",
    }
    options = {
        ("--eps", "1e-16"): "float64 certifies an error of these weights to",
        ("--eps", "0"): "eps=0.0 is not allowed",
        ("--pattern", "rows"): "a ticket is cut by weights, N:M or block:Bx1",
        ("--pattern", "2:4"): "it is a multiple of 4",
        ("--law", "cauchy"): "law='cauchy' is not known: law is one of uniform, normal",
        ("--start", "chains"): "start='chains' is not known: start is one of products, parallel",
        ("--low", "2"): "low is a finite number below high=1",
        ("--auto",): "exclude each other",
    }
    out = tmp_path / "out.npz"
    plain = ["--redundancy", "6", "--out", str(out)]
    for name, line in lines.items():
        code, _, err = run(capsys, "ticket", str(tmp_path / name), "--eps", "0.1", *plain)
        assert (code, err.count("\n")) == (2, 1)
        assert line in err
    for words, line in options.items():
        eps = [] if words[0] == "--eps" else ["--eps", "0.1"]
        code, _, err = run(capsys, "ticket", str(tmp_path / "good.npz"), *eps, *words, *plain)
        assert (code, err.count("\n")) == (2, 1)
        assert line in err
    code, _, err = run(capsys, "ticket", "--eps", "0.1", *plain)
    assert (code, "TARGET.npz is missing" in err) == (2, True)
    code, _, err = run(capsys, "ticket", str(tmp_path / "good.npz"), "--eps", "0.1", "--out", str(out))
    assert (code, "give --redundancy N, or --auto" in err) == (2, True)
    code, _, err = run(capsys, "ticket", "--check", str(tmp_path / "good.npz"))
    assert (code, "no ticket that `ltjax ticket` wrote" in err) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == []


def test_the_command_writes_a_ticket_that_numpy_opens(folder, capsys):
    out = folder / "cli.npz"
    words = [
        "ticket",
        str(folder / "target.npz"),
        "--eps",
        "0.05",
        "--redundancy",
        "16",
        "--low",
        "0",
        "--out",
        str(out),
    ]
    code, printed, _ = run(capsys, *words)
    assert code == 0
    assert "weights survive (weights, redundancy 16)" in printed
    assert "certified; the largest difference found is" in printed
    x = np.random.default_rng(1).uniform(0.0, 1.0, (1000, 5))
    assert np.abs(reopened(out, x) - TARGET(x)).max() <= float(np.load(out)["bound"])


def test_a_start_network_is_its_seed_and_its_law():
    uniform, normal = (
        Start.of(TARGET, kind="products", law=law, seed=5, redundancy=40) for law in ("uniform", "normal")
    )
    u, v = uniform.draw(0), normal.draw(1) / normal.spreads[1]
    assert u.shape == (240, 6)
    assert -1.0 <= u.min() < -0.99
    assert abs(u.mean()) < 0.05
    assert u.var() == pytest.approx(1 / 3, abs=0.03)
    assert v.var() == pytest.approx(1.0, abs=0.1)
    assert np.array_equal(uniform.own_weights(0), u[np.arange(240), np.arange(240) // 40])
    other = Start.of(TARGET, kind="products", law="uniform", seed=6, redundancy=40)
    assert not np.array_equal(other.draw(0), u)
