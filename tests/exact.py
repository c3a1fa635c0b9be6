"""References in ball arithmetic of 200 bits (flint), written apart from the library: truth to sixty digits."""

import itertools
import math
from fractions import Fraction
from typing import Any

import flint
import numpy as np

flint.ctx.prec = 200


def ball(x):
    """A float64 or float32 as the number that it is."""
    return flint.arb(float(x))


def kinks_of(u, w):
    """Angles θ in the frame of `ltjax.search.plane.frame`, of rows and a target given in floats."""
    out = []
    w = [ball(x) for x in w]
    for row in u:
        x, y = (ball(a) for a in row)
        out.append(flint.arb.atan2(-(x * w[1] - y * w[0]), x * w[0] + y * w[1]))
    return out


def plane_error(theta, kappa, relu=False):
    """sup |g - sin⁺| over the circle, g = Σ κ_i sin⁺(t - θ_i), or σ of it; theta, kappa are balls."""
    pi = flint.arb.pi()
    two_pi = 2 * pi

    def wrapped(t):
        turns = math.floor(float(t.mid() / two_pi.mid()))
        return t - turns * two_pi

    ends = [flint.arb(0), pi] + [wrapped(t + s) for t in theta for s in (flint.arb(0), pi)]
    ends = sorted(ends, key=lambda t: t.mid())
    most = flint.arb(0)
    for start, end in zip(ends, [*ends[1:], ends[0] + two_pi], strict=True):
        middle = (start + end) / 2
        a = b = flint.arb(0)
        for t, k in zip(theta, kappa, strict=True):
            if (middle - t).sin() > 0:
                a, b = a - k * t.sin(), b + k * t.cos()
        rise = 1 if middle.sin() > 0 else 0
        points = [start, end]
        crests = [flint.arb.atan2(b - rise, a)]
        if relu:
            crests += [pi / 2, flint.arb.atan2(-a, b)]
        for crest in crests:
            turns = round(float(((crest - middle) / pi).mid()))
            crest = crest - turns * pi
            if start < crest and crest < end:
                points.append(crest)
        for t in points:
            g = a * t.cos() + b * t.sin()
            if relu and not g > 0:
                g = flint.arb(0)
            error = abs(g - rise * t.sin())
            if error.mid() > most.mid():
                most = error
    return most


def plane_network(u, v, w):
    """Balls theta, kappa for rows u, outputs v and a target w, normalised exactly."""
    length = (ball(w[0]) ** 2 + ball(w[1]) ** 2).sqrt()
    theta = kinks_of(u, w)  # the target's length turns no kink
    kappa = [ball(c) * (ball(r[0]) ** 2 + ball(r[1]) ** 2).sqrt() for c, r in zip(v, u, strict=True)]
    assert length > 0
    return theta, kappa


def interval_error(u, v, b, w, c, relu=False):
    """sup over [-1, 1] of |Σ v σ(u x + b) - σ(w x + c)| as a fraction: all of it is rational."""
    u, v, b = ([Fraction(float(x)) for x in each] for each in (u, v, b))
    w, c = Fraction(float(w)), Fraction(float(c))

    def network(x):
        return sum((k * max(a * x + s, Fraction(0)) for a, k, s in zip(u, v, b, strict=True)), Fraction(0))

    x = {Fraction(-1), Fraction(1)} | {-s / a for a, s in zip(u, b, strict=True) if a} | ({-c / w} if w else set())
    x = sorted(p for p in x if -1 <= p <= 1)
    if relu:
        for p, q in itertools.pairwise(list(x)):
            g, h = network(p), network(q)
            if g * h < 0:
                x.append(p + (q - p) * g / (g - h))
    return max(abs((max(network(p), Fraction(0)) if relu else network(p)) - max(w * p + c, Fraction(0))) for p in x)


def above(x, dtype: Any = np.float64):
    """The least float that is certainly not below the ball x."""
    guess = dtype(float(x.mid()))
    while not ball(guess) >= x:
        guess = np.nextafter(guess, dtype(np.inf))
    return guess


def below(x, dtype: Any = np.float64):
    """The largest float that is certainly below the ball x."""
    guess = dtype(float(x.mid()))
    while not ball(guess) < x:
        guess = np.nextafter(guess, dtype(-np.inf))
    return guess
