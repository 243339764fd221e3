"""Records of the element-wise operations; `UNARY` and `BINARY` have them for the tests of every number too."""

# ruff: noqa: E501
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special
from op_table import Op, Sample, apart, normal

from grilly_vk.ops import elementwise as e

_PAIRS = [
    Sample([normal(5, 7), normal(5, 7, seed=1)]),
    Sample([normal(4, 8), normal(8, seed=1)]),
    Sample([normal(3, 1, 5), normal(2, 1, seed=1)]),
    Sample([normal(1), normal(2, 3, seed=1)]),
    Sample([normal(), normal(6, seed=1)]),
    Sample([normal(0, 3), normal(3, seed=1)]),
]
_NONE = Sample([normal(0, 3), normal(3, seed=1, low=0.9, high=1.1)])
_APART = [
    Sample([apart(5, 7), apart(5, 7, seed=1) + 0.01]),
    Sample([apart(3, 1, 4), apart(2, 1, seed=1) + 0.01]),
    _NONE,
]
_BAD_SHAPES = [
    ((normal(3), normal(4)), {}, ValueError, r"shapes \(3,\) and \(4,\) don't broadcast"),
    ((normal(3), "a"), {}, TypeError, "other must be a Tensor, or hold real numbers, not str"),
    ((1j, normal(3)), {}, TypeError, "input must be a Tensor, or hold real numbers, not complex"),
    ((normal(3), [[1], [2, 3]]), {}, ValueError, "other can't be made an array"),
    ((np.zeros(3, np.uint32), normal(3)), {}, TypeError, "of uint32 is not defined"),
]


def _ints(*shape, seed=0, low=-9, high=9):
    return np.random.default_rng([seed, *shape]).integers(low, high, shape).astype(np.int32)


def _bools(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).random(shape) < 0.5


_INTS = [Sample([_ints(5, 7), _ints(5, 7, seed=1)]), Sample([_ints(3, 1), _ints(4, seed=1)])]
_EDGES = np.array([0.0, -0.0, 1, -1, 2.5, -2.5, 0.5, 3, -3, np.inf, -np.inf, np.nan], np.float32)
_EDGE_PAIRS = [Sample([_EDGES.reshape(-1, 1), _EDGES], grad=())]
_BIG = [Sample([np.array([2**31 - 1, -(2**31), -(2**31), 7, -7, 2**30 + 1], np.int32), np.array([2, 3, -7, 0, 2**31 - 1, 3],
                                                                                                np.int32)])]  # fmt: skip
_SIX = [Sample([normal(2, 1, 3, 1, 2, 1), normal(1, 2, 1, 2, 1, 3, seed=1)])]


def _binary(name, reference, samples=_PAIRS, **more):
    return Op(name, lambda x, y: e.binary(name, x, y), reference, samples, errors=_BAD_SHAPES, **more)


_BAD_X = [
    (("abc",), {}, TypeError, "must be a Tensor, or hold real numbers, not str"),
    (([[1], [2, 3]],), {}, ValueError, "can't be made an array"),
]
_LOGIC = [
    Sample([_bools(4, 4), _bools(4, seed=1)]),
    Sample([_bools(5, 7), _bools(7, seed=1)]),
    Sample([_ints(5), _ints(5, seed=1)]),
    Sample([_bools(0), _bools(1)]),
]
_BAD_LOGIC = [((normal(3), normal(3)), {}, TypeError, "needs bool or int32 tensors, not float32 and float32")]
_ONE = [
    Sample([apart(5, 7, gap=0.1) + np.float32(4.013)]),
    Sample([apart(8) + np.float32(2.013)]),
    Sample([normal(0, 3)]),
]
_NUMBERS = [
    ("add", np.add, True),
    ("sub", np.subtract, True),
    ("mul", np.multiply, True),
    ("div", np.divide, True),
    ("pow", np.power, True),
    ("maximum", np.maximum, True),
    ("gt", np.greater, False),
    ("eq", np.equal, False),
]
_EDGE = [Sample([_EDGES], grad=())]
_POSITIVE = [Sample([normal(5, 7, low=0.1, high=9.0)]), Sample([normal(8, low=0.1, high=9.0)]), Sample([normal(0, 2)])]
_KINKED = [Sample([apart(5, 7)]), Sample([apart(4, 4, gap=0.4)]), Sample([normal(0, 2)])]

_PLAIN = [Sample([normal(5, 7)]), Sample([normal(64)]), Sample([normal()]), Sample([normal(0, 2)])]
_NARROW = 2.0**-126  # the smallest normal number


@dataclass
class Function:
    """A function of one operand: from it come its record, and its rows in test_accuracy.py and test_special_values.py.

    Args:
        reference: in float64 numpy, also of infinities and NaN.
        slope: likewise; None: compared with difference quotients alone.
        ulps: allowed over all of float32, in units of the last place; None: not measured.
        beside: an absolute error that is allowed beside them, where a factor below exp(-87.3) counts as 0.
        parameters: a and b.
        samples: of the record.
        rtol: of the record.
    """

    reference: Callable[..., np.ndarray]
    slope: Callable[..., np.ndarray] | None = None
    ulps: float | None = None
    beside: float = 0.0
    parameters: Sequence[float] = ()
    samples: Sequence[Sample] = tuple(_PLAIN)
    rtol: float = 2e-6

    def op(self, name):
        some = [*self.samples, Sample([_ints(5, low=1)]), *([] if name in ("sin", "cos") else _EDGE)]
        kept = name in ("neg", "abs", "relu", "sign")  # of whole numbers whole ones
        reference = self.reference if kept else lambda x: self.reference(np.asarray(x, float))
        return Op(name, lambda x: e.unary(name, x, *self.parameters), reference, some, _BAD_X, rtol=self.rtol)


def _sigmoid(x):
    return scipy.special.expit(x)


def _gelu(x):
    return np.where(x == -np.inf, 0 * x, x * scipy.special.erfc(-x / np.sqrt(2)) / 2)


def _softplus(x):
    return np.where(2 * x > 20, x, np.log1p(np.exp(np.minimum(2 * x, 20))) / 2)


def _clipped(x):
    return np.where(np.isnan(x), x, np.clip(x, -0.51, 0.52))


UNARY = {
    "leaky_relu": Function(lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, 0.1), parameters=(0.1,), samples=_KINKED),
    "gelu": Function(_gelu, ulps=20, beside=20 * _NARROW),
    "silu": Function(lambda x: x * _sigmoid(x), ulps=7, beside=100 * _NARROW),
    "softplus": Function(_softplus, lambda x: np.where(2 * x > 20, 1, _sigmoid(2 * x)), ulps=6, parameters=(20.0, 2.0)),
    "clamp": Function(_clipped, parameters=(-0.51, 0.52), samples=_KINKED),
    "scale": Function(lambda x: 2 * x + 1, lambda x: np.full_like(x, 2), parameters=(2.0, 1.0)),
    "hardtanh": Function(_clipped, parameters=(-0.51, 0.52), samples=_KINKED),
    "elu": Function(lambda x: np.where(x > 0, x, 1.7 * np.expm1(np.minimum(x, 0))), lambda x: np.where(x > 0, 1, 1.7 * np.exp(x)),
                    ulps=8, parameters=(1.7,), samples=_KINKED),
    "round": Function(np.round, np.zeros_like),
    "neg": Function(np.negative, lambda x: np.full_like(x, -1)),
    "exp": Function(np.exp, np.exp, ulps=1.5, rtol=4e-6),
    "log": Function(np.log, lambda x: 1 / x, ulps=1.0, samples=_POSITIVE),
    "sqrt": Function(np.sqrt, lambda x: 0.5 / np.sqrt(x), ulps=4.5, samples=_POSITIVE),
    "abs": Function(np.abs, np.sign, samples=_KINKED),
    "tanh": Function(np.tanh, lambda x: 1 / np.cosh(x) ** 2, ulps=6),
    "sigmoid": Function(_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x), ulps=6),
    "relu": Function(lambda x: np.where(x < 0, 0, x), samples=_KINKED),
    "sign": Function(np.sign, np.zeros_like, samples=_KINKED),
    "sin": Function(np.sin, np.cos, ulps=4),
    "cos": Function(np.cos, lambda x: -np.sin(x), ulps=4),
    "floor": Function(np.floor, np.zeros_like),
    "ceil": Function(np.ceil, np.zeros_like),
    "trunc": Function(np.trunc, np.zeros_like),
    "log1p": Function(np.log1p, lambda x: 1 / (1 + x), ulps=6, samples=_POSITIVE),
    "expm1": Function(np.expm1, np.exp, ulps=8),
    "erf": Function(scipy.special.erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x), ulps=6),
    "atan": Function(np.arctan, lambda x: 1 / (1 + x * x), ulps=6),
}  # fmt: skip

OPS = [
    _binary("add", np.add, [*_PAIRS, *_SIX, *_INTS, *_EDGE_PAIRS, Sample([_ints(4), normal(4)])]),
    _binary("sub", np.subtract, [*_PAIRS, *_INTS, *_EDGE_PAIRS]),
    _binary("mul", np.multiply, [*_PAIRS, *_SIX, *_INTS, *_EDGE_PAIRS, Sample([_bools(6).astype(np.int32), normal(6)])]),
    _binary("div", np.divide, [Sample([normal(5, 7), normal(5, 7, seed=1, low=0.5, high=2.0)]),
                               Sample([normal(3, 1), normal(4, seed=1, low=-2.0, high=-0.5)]), *_EDGE_PAIRS, _NONE]),
    _binary("pow", np.power, [Sample([normal(5, 7, low=0.2, high=3.0), normal(5, 7, seed=1)]),
                              Sample([normal(4, low=0.2, high=3.0), normal(3, 1, seed=1)]),
                              Sample([apart(5, gap=0.4), np.array([[2], [3], [0], [-1], [-4]], np.float32)], grad=(0,)),
                              *_EDGE_PAIRS, _NONE], rtol=2e-5),
    _binary("maximum", np.maximum, [*_APART, *_INTS, *_EDGE_PAIRS]),
    _binary("minimum", np.minimum, [*_APART, *_INTS, *_EDGE_PAIRS]),
    _binary("mod", np.mod, [Sample([apart(5, 7, gap=0.37), normal(5, 7, seed=1, low=0.9, high=1.1)]),
                            Sample([np.array([1e30, -1e20, 5e-40, 7.5], np.float32),
                                    np.array([[3.1], [-0.7], [1e-3]], np.float32)], grad=()),
                            *_INTS, *_BIG, *_EDGE_PAIRS, _NONE]),
    _binary("floordiv", np.floor_divide, [Sample([apart(5, 7, gap=0.37), normal(5, 7, seed=1, low=0.9, high=1.1)]),
                                          *_INTS, *_BIG, *_EDGE_PAIRS, _NONE], differentiable=False),
    Op("and", lambda x, y: e.binary("and", x, y), np.bitwise_and, _LOGIC, _BAD_LOGIC, differentiable=False),
    Op("or", lambda x, y: e.binary("or", x, y), np.bitwise_or, _LOGIC, _BAD_LOGIC, differentiable=False),
    Op("xor", lambda x, y: e.binary("xor", x, y), np.bitwise_xor, _LOGIC, _BAD_LOGIC, differentiable=False),
    *[Op(f"{n}-number", lambda x, n=n: e.binary(n, x, 1.75), lambda x, f=f: f(x, 1.75), _ONE, _BAD_X, differentiable=d, rtol=1e-5)
      for n, f, d in _NUMBERS],
    *[Op(f"number-{n}", lambda x, n=n: e.binary(n, 1.75, x), lambda x, f=f: f(1.75, x), _ONE, _BAD_X, differentiable=d, rtol=1e-5)
      for n, f, d in _NUMBERS],
    Op("where", e.where, np.where,
       [Sample([_bools(5, 7), normal(5, 7), normal(5, 7, seed=1)]), Sample([_bools(3, 1), normal(4), normal(2, 1, 1)]),
        Sample([_bools(4), _ints(4), _ints(4, seed=1)]), Sample([_bools(0), normal(0), normal(0)]),
        Sample([_bools(3), np.array([np.nan, 1, np.inf], np.float32), np.array([2, np.nan, 3], np.float32)], grad=()),
        Sample([_bools(), normal(3), normal()])],
       [((normal(3), normal(3), normal(3)), {}, TypeError, "condition must be a bool tensor, not float32"),
        ((_bools(3), normal(3), normal(4)), {}, ValueError, "don't broadcast")]),
    *[Op(f"cast-{np.dtype(t)}", lambda x, t=t: e.cast(x, t), lambda x, t=t: x.astype(t if t != np.float32 else float),
         [Sample([a], grad=()) for a in (normal(5, 7) * 3, _ints(4, 4), _bools(9), normal(0, 2), _EDGES[:9])],
         [((normal(3),), {"t": np.float64}, TypeError, "dtype must be float32, int32, uint32 or bool, not float64")],
         differentiable=False, arrays=False) for t in (np.float32, np.int32, np.bool_)],
    *[_binary(n, f, differentiable=False) for n, f in (
        ("eq", np.equal), ("ne", np.not_equal), ("lt", np.less), ("le", np.less_equal), ("gt", np.greater),
        ("ge", np.greater_equal))],
    *[function.op(name) for name, function in UNARY.items()],
]  # fmt: skip
BINARY = {op.name: op.reference for op in OPS if op.name in e.BINARY}
