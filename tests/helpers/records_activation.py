"""Records of activations with parameters to train."""

import numpy as np
from op_table import Op, Sample, apart, normal

from grilly_vk import functional as F

_EDGES = np.array([0, -0.0, np.inf, -np.inf, np.nan], np.float32)


def _prelu(x, w):
    w = w.reshape(-1, *(1,) * (x.ndim - 2)) if w.size > 1 else w.reshape(())
    return np.where(x > 0, x, w * x)


OPS = [
    Op("prelu", F.prelu, _prelu,
       [Sample([apart(5, 7), normal(1)]), Sample([apart(4, 8), normal(8)]), Sample([apart(2, 3, 5), normal(3)]),
        Sample([apart(2, 3, 2, 2), normal(3)]), Sample([apart(6), normal(1)]), Sample([normal(), normal()]),
        Sample([normal(0, 3), normal(3)]), Sample([_EDGES, normal(1)], grad=[])],
       [((normal(5, 7), normal(5)), {}, ValueError, r"weight has shape \(5,\); expected \(1,\) or \(7,\)"),
        ((normal(7), normal(7)), {}, ValueError, r"weight has shape \(7,\); expected \(1,\) for x of shape"),
        (("a", normal(1)), {}, TypeError, "x must be a Tensor, or hold real numbers")]),
]  # fmt: skip
