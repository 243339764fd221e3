"""Records of the matrix products: every form of the kernel, both widths, edges of tiles, batches."""

# ruff: noqa: E501
import numpy as np
from op_table import Op, Sample, normal

from grilly_vk.ops import matmul as m

_SHAPES = [
    ((5, 7), (7, 3)), ((8, 12), (12, 4)), ((1, 1), (1, 1)), ((4, 4), (4, 8)), ((9, 4), (4, 12)), ((12, 5), (5, 8)),
    ((7,), (7, 3)), ((5, 7), (7,)), ((7,), (7,)), ((2, 5, 7), (2, 7, 3)), ((2, 4, 8), (8, 4)), ((4, 8), (3, 8, 4)),
    ((2, 1, 3, 4), (5, 4, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((2, 4, 4, 4), (2, 1, 4, 4)),
    ((0, 2, 3), (3, 4)), ((17, 20), (20, 16)), ((3,), (2, 3, 4)), ((2, 4, 3), (3,)),
]  # fmt: skip
OPS = [
    Op("matmul", m.matmul, np.matmul, [Sample([normal(*a), normal(*b, seed=1)]) for a, b in _SHAPES],
       [((normal(2, 3), normal(4, 2)), {}, ValueError, r"x has shape \(2, 3\) and y \(4, 2\): 3 columns meet 4 rows"),
        ((normal(3), normal(4)), {}, ValueError, "3 columns meet 4 rows"),
        ((normal(), normal(3)), {}, ValueError, "x has no axes; matmul needs at least one"),
        ((normal(2, 2, 3), normal(3, 3, 2)), {}, ValueError, "don't broadcast"),
        ((np.zeros((2, 2), np.int32), normal(2, 2)), {}, TypeError, "x must be float32, not int32")],
       rtol=1e-5, atol=1e-5, exact=False),
    Op("linear", lambda x, w, b=None: m.linear(x, w, b), lambda x, w, b=0.0: x @ w.T + b,
       [Sample([normal(5, 7), normal(3, 7, seed=1)]), Sample([normal(4, 8), normal(12, 8, seed=1), normal(12, seed=2)]),
        Sample([normal(2, 3, 5), normal(4, 5, seed=1), normal(4, seed=2)]), Sample([normal(7), normal(3, 7, seed=1)]),
        Sample([normal(0, 4), normal(8, 4, seed=1), normal(8, seed=2)]),
        Sample([normal(3, 0), normal(4, 0, seed=1), normal(4, seed=2)])],
       [((normal(5, 7), normal(3, 6)), {}, ValueError, r"x has shape \(5, 7\); expected \(..., 6\) for weight \(3, 6\)"),
        ((normal(5, 7), normal(3, 7), normal(4)), {}, ValueError, r"bias has shape \(4,\); expected \(3,\)"),
        ((normal(5, 7), normal(7)), {}, ValueError, r"weight has shape \(7,\); expected \(out, in\)"),
        ((np.zeros((2, 2), np.int32), normal(2, 2)), {}, TypeError, "x must be float32, not int32")],
       rtol=1e-5, atol=1e-5, exact=False, without={"broadcast": "weight and bias have shapes of their own"}),
    Op("linear_by_events", lambda x, w, b=None: m.linear(x, w, b, event_driven=True), lambda x, w, b=0.0: x @ w.T + b,
       [Sample([normal(5, 7), normal(3, 7, seed=1)]), Sample([normal(9, 2, 8), normal(12, 8, seed=1), normal(12, seed=2)]),
        Sample([normal(7), normal(3, 7, seed=1)]), Sample([normal(0, 4), normal(8, 4, seed=1), normal(8, seed=2)]),
        Sample([normal(3, 0), normal(4, 0, seed=1), normal(4, seed=2)])],
       [((normal(5, 7), normal(3, 6)), {}, ValueError, r"x has shape \(5, 7\); expected \(..., 6\) for weight \(3, 6\)")],
       rtol=1e-5, atol=1e-5, exact=False, without={"broadcast": "weight and bias have shapes of their own"}),
]  # fmt: skip
