"""Records of the element-wise operations."""

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
_APART = [Sample([apart(5, 7), apart(5, 7, seed=1) + 0.01]), Sample([apart(3, 1, 4), apart(2, 1, seed=1) + 0.01])]
_BAD_SHAPES = [((normal(3), normal(4)), {}, ValueError, r"shapes \(3,\) and \(4,\) don't broadcast")]


def _binary(name, reference, samples=_PAIRS, **more):
    return Op(name, lambda x, y: e.binary(name, x, y), reference, samples, errors=_BAD_SHAPES, **more)


def _unary(name, reference, samples=None, *, parameters=(), **more):
    some = samples or [Sample([normal(5, 7)]), Sample([normal(64)]), Sample([normal()]), Sample([normal(0, 2)])]
    return Op(name, lambda x: e.unary(name, x, *parameters), reference, some, **more)


_POSITIVE = [Sample([normal(5, 7, low=0.1, high=9.0)]), Sample([normal(8, low=0.1, high=9.0)])]
_KINKED = [Sample([apart(5, 7)]), Sample([apart(4, 4, gap=0.4)])]

OPS = [
    _binary("add", np.add),
    _binary("sub", np.subtract),
    _binary("mul", np.multiply),
    _binary("div", np.divide, [Sample([normal(5, 7), normal(5, 7, seed=1, low=0.5, high=2.0)]),
                               Sample([normal(3, 1), normal(4, seed=1, low=-2.0, high=-0.5)])]),
    _binary("pow", np.power, [Sample([normal(5, 7, low=0.2, high=3.0), normal(5, 7, seed=1)]),
                              Sample([normal(4, low=0.2, high=3.0), normal(3, 1, seed=1)])], rtol=2e-5),
    _binary("maximum", np.maximum, _APART),
    _binary("minimum", np.minimum, _APART),
    *[_binary(n, f, differentiable=False) for n, f in (
        ("eq", np.equal), ("ne", np.not_equal), ("lt", np.less), ("le", np.less_equal), ("gt", np.greater),
        ("ge", np.greater_equal))],
    _unary("neg", np.negative),
    _unary("exp", np.exp, rtol=4e-6),
    _unary("log", np.log, _POSITIVE),
    _unary("sqrt", np.sqrt, _POSITIVE),
    _unary("abs", np.abs, _KINKED),
    _unary("tanh", np.tanh),
    _unary("sigmoid", scipy.special.expit),
    _unary("relu", lambda x: np.maximum(x, 0), _KINKED),
    _unary("leaky_relu", lambda x: np.where(x > 0, x, 0.1 * x), _KINKED, parameters=(0.1,)),
    _unary("gelu", lambda x: x * scipy.special.ndtr(x)),
    _unary("silu", lambda x: x * scipy.special.expit(x)),
    _unary("softplus", lambda x: np.logaddexp(0, 2 * x) / 2, parameters=(20.0, 2.0)),
    _unary("clamp", lambda x: np.clip(x, -0.51, 0.52), _KINKED, parameters=(-0.51, 0.52)),
    _unary("sin", np.sin),
    _unary("cos", np.cos),
]  # fmt: skip
