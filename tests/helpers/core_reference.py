"""Recurrent cores in float64, with derivatives carried forward (duals.py): another way than the kernels' own."""

import numpy as np
from duals import Dual

SLOPES = {
    "superspike": lambda z: 1 / (1 + 25 * np.abs(z)) ** 2,
    "atan": lambda z: 1 / (1 + (np.pi * z) ** 2),
    "triangular": lambda z: np.maximum(0, 1 - np.abs(0.7 * z)),
}


def duals(*arrays):
    """Arrays as Duals whose slopes have one direction for every number in any of them, (directions, *shape)."""
    total, at, out = sum(np.size(a) for a in arrays), 0, []
    for a in arrays:
        a = np.asarray(a, np.float64)
        slope = np.zeros((total, *a.shape))
        slope.reshape(total, -1)[np.arange(at, at + a.size), np.arange(a.size)] = 1
        at += a.size
        out.append(Dual(a, slope))
    return out


def pick(dual, key):
    """dual[key]."""
    return Dual(dual.value[key], dual.slope[(slice(None), *(key if isinstance(key, tuple) else (key,)))])


def rows(dual, shape):
    """A constant of one value or one per unit for every sample."""
    lead = len(dual.slope)
    return Dual(np.broadcast_to(dual.value, shape), np.broadcast_to(_aligned(dual, shape), (lead, *shape)))


def _aligned(dual, shape):
    """Slopes (directions, ...) with axes put in so that they broadcast to (directions, *shape)."""
    lead = len(dual.slope)
    return dual.slope.reshape(lead, *(1,) * (len(shape) - dual.value.ndim), *dual.value.shape)


def clipped(dual):
    """In [0, 1], with torch.clamp's gradient."""
    keep = (dual.value >= 0) & (dual.value <= 1)
    return Dual(np.clip(dual.value, 0, 1), dual.slope * keep)


def product(a, w):
    """a (B, n) @ w (n, n)."""
    return Dual(a.value @ w.value, a.slope @ w.value + a.value @ w.slope)


def fire(z, derivative):
    """[z > 0]."""
    return Dual((z.value > 0).astype(np.float64), derivative(z.value) * z.slope)


def unroll(kind, x, v, u, threshold=1.0, beta=None, second=None, w=None, slope="superspike"):
    """Outputs (a list over T), last v and last u, as Duals, of x (T, B, n), v and u (B, n)."""
    shape, outs = v.value.shape, []
    b = None if beta is None else rows(clipped(beta), shape)
    c = None if second is None else rows(clipped(second), shape)
    for t in range(len(x.value)):
        th = threshold + u if kind == "alif" else Dual(np.full(shape, float(threshold)), v.slope * 0)
        s = fire(v - th, SLOPES[slope])
        drive = pick(x, t) if w is None else pick(x, t) + product(s, w)
        if kind == "if":
            v = v + drive - s * th
        elif kind == "lif":
            v = b * v + drive - s * th
        elif kind == "li":
            v = b * v + drive
        elif kind == "alif":
            v, u = b * v + drive - s * th, c * u + (1 - c) * s
        else:
            u = c * u + drive
            v = b * (v - s * th) + u
        outs.append(v if kind == "li" else s)
    return outs, v, u
