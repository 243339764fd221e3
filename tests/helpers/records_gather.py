"""Records of the operations that pick by index."""

import numpy as np
from op_table import Op, Sample, normal

from grilly_vk.ops import gather as g


def _ints(*values):
    return np.array(values, np.int32)


def _padded(weight, index, padding_idx):
    """The row of the padding as it was in the sample: differences of its elements are zero."""
    weight = weight.copy()
    weight[padding_idx] = _ROWS[padding_idx]
    return weight[index]


_PICKS = {"broadcast": "indices pick from the other array; they don't meet element by element"}
_ROWS = normal(6, 3, seed=2)
_PADS = _ints(5, 0, -1, 2, 0, 5)
_EACH = np.random.default_rng(5).integers(-4, 4, (3, 6, 2)).astype(np.int32)
OPS = [
    Op("index_select", lambda x, index, axis=0: g.index_select(x, axis, index),
       lambda x, index, axis=0: np.take(x, index, axis),
       [Sample([normal(5, 3), _ints(4, 0, 0, -1, 2)]), Sample([normal(4, 3), _ints(3, 0, 3)]),
        Sample([normal(2, 5, 3), _ints(1, 1)], {"axis": 1}),
        Sample([normal(5, 3), np.zeros(0, np.int32)]), Sample([np.arange(6, dtype=np.int32), _ints(5, 3)])],
       [((normal(5), [0, 5]), {}, IndexError, "index holds 0..5; the axis has 5 entries"),
        ((normal(5), [-6]), {}, IndexError, "index holds -6..-6"),
        ((normal(5), [0.5]), {}, TypeError, "index must hold whole numbers, not list of float64"),
        ((normal(5), normal(2)), {}, TypeError, "index must be an int32 tensor, not float32"),
        ((normal(5), [[0]]), {}, ValueError, r"index has shape \(1, 1\); expected \(k,\)"),
        ((normal(5), [0]), {"axis": 1}, ValueError, "axis 1 is out of range")], without=_PICKS),
    Op("gather", lambda x, index, axis: g.gather(x, axis, index),
       lambda x, index, axis: np.take_along_axis(x, index, axis),
       [Sample([normal(3, 4, 2), _EACH], {"axis": 1}), Sample([normal(4), _ints(3, 3, 0)], {"axis": 0}),
        Sample([normal(3, 3), _EACH[:, :3, 0] % 3], {"axis": 0}),
        Sample([normal(3, 4), np.zeros((3, 0), np.int32)], {"axis": 1})],
       [((normal(3, 4), np.zeros((2, 4), np.int32)), {"axis": 1}, ValueError,
         r"index has shape \(2, 4\); expected \(3, 4\) except on axis 1"),
        ((normal(3), [3]), {"axis": 0}, IndexError, "index holds 3..3")], without=_PICKS),
    Op("embedding", lambda weight, index: g.embedding(index, weight), lambda weight, index: weight[index],
       [Sample([normal(6, 3), _ints(5, 0, 5, 2)]), Sample([normal(6, 3), np.array([[1, 2], [2, 3]], np.int32)]),
        Sample([normal(6, 4), np.zeros((0, 2), np.int32)]), Sample([normal(6, 3), np.array(-1, np.int32)])],
       [((normal(6), [0]), {}, ValueError, r"weight has shape \(6,\); expected \(n, d\)"),
        ((normal(6, 3), [6]), {}, IndexError, "index holds 6..6; the axis has 6 entries")], without=_PICKS),
    Op("embedding-padding", lambda weight, index, padding_idx: g.embedding(index, weight, padding_idx), _padded,
       [Sample([_ROWS, _PADS], {"padding_idx": p}) for p in (0, 5, -1, -6, 3)]
       + [Sample([_ROWS, i], {"padding_idx": 0}) for i in (np.zeros((2, 0), np.int32), np.tile(_PADS[:4], (2, 1)))],
       [((_ROWS, _PADS), {"padding_idx": 6}, ValueError, "padding_idx must be below 6, the number of rows, got 6"),
        ((_ROWS, _PADS), {"padding_idx": -7}, ValueError, "padding_idx must be at least -6"),
        ((_ROWS, _PADS), {"padding_idx": 1.0}, TypeError, "padding_idx must be a whole number, not float"),
        ((_ROWS, _PADS), {"padding_idx": True}, TypeError, "padding_idx must be a whole number, not bool")],
       without=_PICKS),
]  # fmt: skip
