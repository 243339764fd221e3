"""Records of the reductions."""

import numpy as np
from op_table import Op, Sample, apart, normal

from grilly_vk.ops import reductions as r

_AXES = [None, 0, 1, -1, (0, 2), (0, 1, 2), ()]


def _samples(make, axes=_AXES, shape=(3, 5, 4)):
    return [Sample([make(*shape)], {"axis": a, "keepdims": k}) for a in axes for k in (False, True)]


def _int(*shape):
    return np.random.default_rng(3).integers(-9, 9, shape).astype(np.int32)


def _bool(*shape):
    return np.random.default_rng(3).random(shape) < 0.7


_EMPTY = [Sample([normal(0, 3)], {"axis": a}) for a in (0, 1, None)]
_NO_ROWS = Sample([normal(0, 3)], {"axis": 1})
_LONG = [Sample([normal(7001)]), Sample([normal(3, 5000)], {"axis": 1}), Sample([normal(5000, 3)], {"axis": 0})]
_INTS = [Sample([_int(4, 6)], {"axis": a}) for a in (None, 0, 1)]
_BOOLS = [Sample([_bool(4, 6)], {"axis": a}) for a in (None, 0, 1)] + [Sample([_bool(2000)])]
_BAD = [
    ((normal(3, 4),), {"axis": 2}, ValueError, "axis 2 is out of range for 2 axes"),
    ((normal(3, 4),), {"axis": (0, -2)}, ValueError, "names an axis twice"),
    ((normal(3, 4),), {"axis": 0.5}, TypeError, "axis must be a whole number, not float"),
    (("abc",), {}, TypeError, "x must be a Tensor, or hold real numbers"),
]
_NO_EMPTY = [*_BAD, ((normal(0, 3),), {"axis": 0}, ValueError, r"of an empty axis: x has shape \(0, 3\)")]
_ONE_ONLY = [(a, o, e, m) for a, o, e, m in _NO_EMPTY if "twice" not in m] + [
    ((normal(3, 4),), {"axis": (0, 1)}, TypeError, "axis must be a whole number, not tuple")
]
_NAN = np.array([[1, np.nan, 3], [np.inf, 2, -np.inf], [5, 5, 4]], np.float32)
_NANS = [Sample([_NAN], {"axis": a}, grad=()) for a in (None, 0, 1)]


def _int32(f):
    def reference(x, **options):
        y = f(x, **options)
        return np.asarray(y).astype(np.int32) if np.asarray(y).dtype.kind in "iu" else y

    return reference


def _var(x, axis=None, keepdims=False, correction=1):
    return np.var(x, axis, keepdims=keepdims, ddof=correction)


def _mean(x, axis=None, keepdims=False):
    return np.mean(x, axis, keepdims=keepdims, dtype=np.float64)


def _arg(f):
    return lambda x, axis=None, keepdims=False: f(x, axis, keepdims=keepdims).astype(np.int32)


def _quiet(f):
    def reference(x, **options):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return f(x, **options)

    return reference


_ONE_AXIS = _samples(apart, [None, 0, 1, -1])
OPS = [
    Op("sum", r.reduce_sum, _int32(np.sum), [*_samples(normal), *_EMPTY, *_LONG, *_INTS, *_BOOLS, *_NANS], _BAD,
       atol=1e-4),
    Op("mean", r.reduce_mean, _quiet(_mean), [*_samples(normal), *_EMPTY, *_LONG, *_INTS, *_NANS], _BAD),
    Op("var", r.reduce_var, _quiet(_var), [*_samples(normal, [None, 0, (0, 2)]), Sample([normal(6) + 1000]),
       Sample([normal(4, 5)], {"correction": 0}), Sample([normal(1, 5)], {"axis": 0}, grad=()), _NO_ROWS, *_INTS], _BAD,
       rtol=1e-5),
    Op("max", r.reduce_max, np.max, [*_samples(apart), _NO_ROWS, *_INTS, Sample([apart(6000)], {}), *_NANS], _NO_EMPTY),
    Op("min", r.reduce_min, np.min, [*_samples(apart), _NO_ROWS, *_INTS, Sample([apart(6000)], {}), *_NANS], _NO_EMPTY),
    Op("argmax", r.argmax, _arg(np.argmax), [*_ONE_AXIS, _NO_ROWS, *_INTS, *_NANS,
       Sample([np.zeros((3, 3), np.float32)]), Sample([np.array([2**24 + 1, 2**24, 2**24 + 2], np.int32)])],
       _ONE_ONLY, differentiable=False),
    Op("argmin", r.argmin, _arg(np.argmin), [*_ONE_AXIS, _NO_ROWS, *_INTS, *_NANS,
       Sample([np.array([2**24 + 1, 2**24 + 2, 2**24], np.int32)])], _ONE_ONLY, differentiable=False),
    Op("any", r.reduce_any, np.any, [*_BOOLS, *_EMPTY, *_INTS, Sample([_bool(3, 4, 5) & False], {"axis": (0, 2)}),
       *_NANS], _BAD, differentiable=False),
    Op("all", r.reduce_all, np.all, [*_BOOLS, *_EMPTY, *_INTS, Sample([_bool(3, 4, 5) | True], {"axis": (0, 2)}),
       *_NANS], _BAD, differentiable=False),
]  # fmt: skip
