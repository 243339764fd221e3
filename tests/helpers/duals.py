"""Float64 dual numbers: forward-mode derivatives, to check backpropagation through time by another way.

A Dual has a value (n,) and its derivatives (directions, n).  `spike` steps hard and takes a surrogate's derivative.
"""

import numpy as np


class Dual:
    def __init__(self, value, slope):
        self.value, self.slope = np.asarray(value, np.float64), np.asarray(slope, np.float64)

    def __add__(self, other):
        other = lift(other, self)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = lift(other, self)
        return Dual(self.value * other.value, self.slope * other.value + other.slope * self.value)

    def __neg__(self):
        return Dual(-self.value, -self.slope)

    def __sub__(self, other):
        return self + -lift(other, self)

    def __rsub__(self, other):
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other):
        other = lift(other, self)
        return Dual(self.value / other.value, (self.slope - self.value / other.value * other.slope) / other.value)

    def sin(self):
        return Dual(np.sin(self.value), np.cos(self.value) * self.slope)

    def cos(self):
        return Dual(np.cos(self.value), -np.sin(self.value) * self.slope)

    def tanh(self):
        t = np.tanh(self.value)
        return Dual(t, (1 - t * t) * self.slope)

    def exp(self):
        e = np.exp(self.value)
        return Dual(e, e * self.slope)

    def sigmoid(self):
        s = 1 / (1 + np.exp(-self.value))
        return Dual(s, s * (1 - s) * self.slope)

    def rectified(self):
        return Dual(np.maximum(self.value, 0), np.where(self.value > 0, self.slope, 0))

    def detach(self):
        return Dual(self.value, self.slope * 0)

    def spike(self, derivative):
        return Dual((self.value >= 0).astype(np.float64), derivative(self.value) * self.slope)


def lift(value, like):
    return value if isinstance(value, Dual) else Dual(np.broadcast_to(value, like.value.shape), like.slope * 0)


def inputs(*arrays):
    """Arrays (..., n) and numbers as Duals: each row and each number is a direction of its own.

    Returns:
        The Duals (lists for arrays of two axes), in order.
    """
    n = max(np.asarray(a).shape[-1] for a in arrays if np.ndim(a))
    rows = [np.atleast_2d(np.broadcast_to(a, (*np.shape(a)[:-1], n) if np.ndim(a) else (n,))) for a in arrays]
    directions, at, out = sum(map(len, rows)), 0, []
    for given, block in zip(arrays, rows):
        duals = []
        for row in block:
            slope = np.zeros((directions, n))
            slope[at], at = 1.0, at + 1
            duals.append(Dual(row, slope))
        out.append(duals if np.ndim(given) == 2 else duals[0])
    return out
