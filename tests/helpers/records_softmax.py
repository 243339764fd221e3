"""Records of softmax, log-softmax and running sums."""

import numpy as np
import scipy.special
from op_table import Op, Sample, normal

from grilly_vk import functional as F
from grilly_vk.ops.scan import cumsum
from grilly_vk.ops.softmax import log_softmax, softmax

# Row lengths on both sides of those from which a GPU gives a row to a workgroup (128, or 1024 off the last axis).
_AXES = [
    Sample([normal(5, 7)], {"axis": -1}),
    Sample([normal(5, 7)], {"axis": 0}),
    Sample([normal(3, 4, 5)], {"axis": 1}),
    Sample([normal(2, 131)], {"axis": 1}),
    Sample([normal(1, 1030, 2)], {"axis": 1}),
    Sample([normal(1, 1)], {"axis": 1}),
    Sample([normal()], {"axis": 0}),
    Sample([normal(0, 4)], {"axis": 1}),
    Sample([normal(4, 0)], {"axis": 1}),
    Sample([normal(3, 9) * np.float32(1e4)], {"axis": 1}, grad=[]),
    Sample([normal(3, 9) * 50], {"axis": 1}, grad=[]),
    Sample([np.array([[-np.inf, 0, 1], [-np.inf, -np.inf, 2]], np.float32)], {"axis": 1}, grad=[]),
    Sample([np.array([[np.nan, 0, 1], [np.inf, 1, 2], [-np.inf] * 3, [1, 2, 3]], np.float32)], {"axis": 1}, grad=[]),
]
_BAD_AXIS = [
    ((normal(2, 3),), {"axis": 2}, ValueError, "axis 2 is out of range for 2 axes"),
    ((normal(2, 3),), {"axis": 1.0}, TypeError, "axis must be a whole number, not float"),
]


def _softmax(x, axis):
    if not x.size:
        return x
    e = np.exp(x - x.max(axis, keepdims=True)) if x.ndim else np.ones(())
    return e / e.sum(axis, keepdims=True) if x.ndim else e


def _log_softmax(x, axis):
    if not x.size:
        return x
    if not x.ndim:
        return x * 0
    hopeless = ~np.isfinite(x.max(axis, keepdims=True))  # as in PyTorch: NaN for the whole row
    return np.where(hopeless, np.nan, scipy.special.log_softmax(x, axis))


_SUMS = [
    Sample([normal(5, 7)], {"axis": -1}),
    Sample([normal(5, 7)], {"axis": 0}),
    Sample([normal(3, 4, 5)], {"axis": 1}),
    Sample([normal(1)], {"axis": 0}),
    Sample([normal()], {"axis": 0}),
    Sample([normal(0, 3)], {"axis": 0}),
    Sample([normal(1100, 2)], {"axis": 0}),
    Sample([normal(1, 2500, 3)], {"axis": 1}, grad=[]),
    Sample([normal(1048577)], {"axis": 0}, grad=[]),
    Sample([np.arange(-6, 6, dtype=np.int32).reshape(3, 4)], {"axis": 1}),
    Sample([np.full((2, 3000), 70001, np.int32)], {"axis": 1}),
    Sample([normal(3, 5) > 0], {"axis": 0}),
]


def _cumsum(x, axis):
    sums = np.cumsum(x, axis).reshape(x.shape)
    return sums.astype(np.int32) if x.dtype != np.float64 else sums


OPS = [
    Op("softmax", softmax, _softmax, _AXES, _BAD_AXIS),
    Op("log_softmax", log_softmax, _log_softmax, _AXES, _BAD_AXIS),
    Op("functional.cumsum", F.cumsum, lambda x, dim: _cumsum(x, dim),
       [Sample([normal(3, 4, 5)], {"dim": d}) for d in (0, 1, -1)] + [Sample([normal(0, 3)], {"dim": 1}),
        Sample([normal(3, 5) > 0], {"dim": 1}), Sample([normal()], {"dim": 0})],
       [((normal(2, 3),), {"dim": 2}, ValueError, "dim 2 is out of range for 2 axes"),
        ((normal(2, 3),), {"dim": None}, TypeError, "dim must be a whole number, not NoneType"),
        (("abc",), {"dim": 0}, TypeError, "x must be a Tensor, or hold real numbers")]),
    # Sums of a million: 1e-7 of the sum of the sizes.
    Op("cumsum", cumsum, _cumsum, _SUMS, _BAD_AXIS, rtol=1e-5, atol=5e-3),
]  # fmt: skip
