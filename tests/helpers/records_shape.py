"""Records of the operations that move elements."""

# ruff: noqa: E501
import numpy as np
from op_table import Op, Sample, normal

from grilly_vk.ops import shape as s
from grilly_vk.ops.indexing import getitem


def _int(*shape):
    return np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)


def _key(x, key):
    return getitem(x, key)


_KEYS = [
    0, -1, slice(None), slice(1, None), slice(None, None, -1), slice(4, 0, -2), slice(3, 1), ..., None,
    (1, slice(None, 2)), (slice(None), -1), (..., 0), (None, 2, None, ..., slice(None, None, 2)), (0, 1, 2),
    (slice(None, None, 2), slice(None, None, -3), slice(-2, None)), slice(10, 20), slice(-100, 100), (),
]  # fmt: skip
_BAD_KEYS = [
    ((normal(3, 4),), {"key": 3}, IndexError, "index 3 is out of range for axis 0 of size 3"),
    ((normal(3, 4),), {"key": (0, -5)}, IndexError, "index -5 is out of range for axis 1 of size 4"),
    ((normal(3, 4),), {"key": (0, 0, 0)}, IndexError, r"3 indices for shape \(3, 4\)"),
    ((normal(3, 4),), {"key": (..., ...)}, IndexError, "one ... only"),
    ((normal(3, 4),), {"key": "a"}, TypeError, "indexed by whole numbers, slices, ... and None, not str"),
    ((normal(3, 4),), {"key": 1.5}, TypeError, "not float"),
    ((normal(3, 4),), {"key": True}, TypeError, "can't be indexed by a bool"),
]


def _shapes(*pairs, name="shape"):
    return [Sample([normal(*a)], {name: b}) for a, b in pairs]


_LISTS = [[normal(2, 3), normal(4, 3, seed=1), normal(0, 3)], [normal(2, 3)], [_int(2, 3), _int(1, 3)]]
_SAME = {"broadcast": "shapes must be the same, off the axis"}
OPS = [
    Op("reshape", s.reshape, lambda x, shape: x.reshape(shape), _shapes(((4, 6), (3, 8)), ((4, 6), (-1,)), ((), (1, 1)), ((0, 3), (3, 0)),
       ((2, 3, 4), (2, -1)), ((3, 5), (5, 3))),
       [((normal(4),), {"shape": (3,)}, ValueError, r"can't reshape \(4,\) to \(3,\)"),
        ((normal(4),), {"shape": (-1, -1)}, ValueError, "can't reshape"),
        ((normal(4),), {"shape": (-2, -2)}, ValueError, "can't reshape"),
        ((normal(4),), {"shape": (-1, 0)}, ValueError, "can't reshape")]),
    Op("flatten", s.flatten, lambda x, start=0, end=-1: x.reshape(
        *x.shape[:start], -1, *x.shape[(end % max(1, x.ndim)) + 1:]),
       [Sample([normal(2, 3, 4)]), Sample([normal(2, 3, 4)], {"start": 1}), Sample([normal()]),
        Sample([normal(2, 3, 4)], {"start": 0, "end": 1}), Sample([normal(0, 3)]), Sample([normal(3, 5)])],
       [((normal(2, 3),), {"start": 1, "end": 0}, ValueError, "must not come after"),
        ((normal(2, 3),), {"start": 2}, ValueError, "start 2 is out of range")]),
    Op("permute", s.permute, np.transpose, _shapes(((4, 6), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (0, -1, 1)),
       ((0, 3), (1, 0)), ((2, 3, 1, 2, 3, 2), (5, 3, 1, 4, 2, 0)), ((3, 5), (1, 0)), ((), ()), name="axes"),
       [((normal(2, 3),), {"axes": (0, 0)}, ValueError, "no permutation of 2 axes"),
        ((normal(2, 3),), {"axes": (0,)}, ValueError, "no permutation"),
        ((normal(2, 2, 2, 2, 2, 2, 2),), {"axes": (6, 4, 2, 0, 5, 3, 1)}, ValueError, "7 axes; 6 at most")]),
    Op("transpose", s.transpose, lambda x, first=-2, second=-1: np.swapaxes(x, first, second),
       [Sample([normal(2, 3, 4)]), Sample([normal(2, 3, 4)], {"first": 0, "second": 2}), Sample([_int(2, 3)]),
        Sample([normal(0, 3)])],
       [((normal(3),), {}, ValueError, "first -2 is out of range for 1 axes")]),
    Op("broadcast_to", s.broadcast_to, np.broadcast_to, _shapes(((3, 1), (3, 4)), ((4,), (2, 3, 4)), ((), (2, 2)),
       ((1, 3, 1), (2, 3, 5)), ((3,), (3,)), ((1,), (0,)), ((0, 1), (0, 3)), ((5, 1), (5, 3)), ((1, 2, 1, 2, 1, 2), (2, 2, 3, 2, 2, 2))),
       [((normal(3),), {"shape": (4,)}, ValueError, r"can't broadcast|don't broadcast"),
        ((normal(3, 1),), {"shape": (3,)}, ValueError, r"can't broadcast \(3, 1\) to \(3,\)")]),
    Op("expand", s.expand, lambda x, shape: np.broadcast_to(x, [d if d != -1 else x.shape[i - len(shape)]
                                                                for i, d in enumerate(shape)]),
       _shapes(((3, 1), (-1, 4)), ((3, 1), (2, -1, -1)), ((0, 1), (-1, 2)), ((5, 1), (-1, 3)), ((4, 1), (-1, 3))),
       [((normal(3, 1),), {"shape": (3,)}, ValueError, "at least 2 axes"),
        ((normal(3),), {"shape": (-1, 3)}, ValueError, "expand|broadcast")]),
    Op("squeeze", s.squeeze, lambda x, axis=None: np.squeeze(x, axis),
       [Sample([normal(1, 3, 1)]), Sample([normal(1, 3, 1)], {"axis": -1}), Sample([normal(0, 1)]),
        Sample([normal(5, 1)]), Sample([normal(1, 4)], {"axis": 0})],
       [((normal(1, 3),), {"axis": 1}, ValueError, "only size 1 can be squeezed")]),
    Op("unsqueeze", s.unsqueeze, np.expand_dims, [Sample([normal(*d)], {"axis": a}) for d, a in (
        ((3, 2), 0), ((3, 2), 1), ((4, 2), 2), ((3, 2), -1), ((0, 2), 1), ((5,), 0))],
       [((normal(3),), {"axis": 3}, ValueError, "axis 3 is out of range")]),
    Op("getitem", _key, lambda x, key: x[key],
       [Sample([normal(5, 4, 3)], {"key": k}) for k in _KEYS] + [Sample([_int(5, 4)], {"key": k}) for k in _KEYS[:8]]
       + [Sample([normal(*d)], {"key": k}) for d, k in (((0, 3), slice(1, None)), ((5, 3), slice(1, None)), ((4, 0), -1))]
       + [Sample([normal(3, 2, 2, 3, 2, 3)],
                 {"key": (slice(None, None, -2),) + (slice(None), slice(None, None, -1)) * 2 + (slice(0, 2),)})],
       _BAD_KEYS),
    Op("cat", lambda *xs, axis=0: s.concatenate(xs, axis), lambda *xs, axis=0: np.concatenate(xs, axis),
       [*[Sample(a) for a in _LISTS], Sample([normal(2, 1, 3), normal(2, 5, 3, seed=1)], {"axis": -2})],
       [((), {}, ValueError, "at least one tensor"),
        ((normal(2, 3), normal(2, 4)), {}, ValueError, r"tensors\[1\] has shape \(2, 4\); expected \(2, 3\) except"),
        ((normal(3), _int(3)), {}, TypeError, r"tensors\[1\] is int32; expected float32"),
        ((normal(), normal()), {}, ValueError, "axis 0 is out of range for 0 axes")], without=_SAME),
    Op("stack", lambda *xs, axis=0: s.stack(xs, axis), lambda *xs, axis=0: np.stack(xs, axis),
       [Sample([normal(2, 3), normal(2, 3, seed=1)], {"axis": a}) for a in (0, 1, 2, -1)]
       + [Sample([normal(*d), normal(*d, seed=1)]) for d in ((), (0, 2), (2, 4), (5,))],
       [((normal(2), normal(3)), {}, ValueError, r"tensors\[1\] has shape"),
        ((), {}, ValueError, "at least one tensor")], without=_SAME),
    Op("split", s.split, lambda x, size, axis=0: tuple(np.split(
        x, range(size, x.shape[axis], size) if isinstance(size, int) else np.cumsum(size)[:-1], axis)),
       [Sample([normal(5, 4)], {"size": 2}), Sample([normal(5, 4)], {"size": (1, 3), "axis": 1}),
        Sample([normal(5, 4)], {"size": 9}), Sample([normal(5, 3)], {"size": 2}), Sample([normal(0, 3)], {"size": 2}),
        Sample([normal(3, 0)], {"size": 2})],
       [((normal(5),), {"size": 0}, ValueError, "size must be at least 1, got 0"),
        ((normal(5),), {"size": (2, 2)}, ValueError, r"add up to 4; axis 0 has 5"),
        ((normal(5),), {"size": (6, -1)}, ValueError, "sizes must not be negative")]),
    Op("pad", s.pad, lambda x, widths, value=0.0: np.pad(
        x, [(0, 0)] * (x.ndim - len(widths)) + list(widths), constant_values=value),
       [Sample([normal(3, 4)], {"widths": [(1, 2)]}), Sample([normal(3, 4)], {"widths": [(1, 0), (0, 3)], "value": 7.0}),
        Sample([normal(0, 2)], {"widths": [(1, 1), (0, 0)]}), Sample([normal(3, 5)], {"widths": [(0, 1)]}), Sample([_int(3)], {"widths": [(2, 1)], "value": -1})],
       [((normal(3),), {"widths": [(-1, 0)]}, ValueError, "not negative"),
        ((normal(3),), {"widths": [(1, 0), (1, 1)]}, ValueError, "at most 1 pairs")]),
    Op("flip", s.flip, np.flip, [Sample([normal(*d)], {"axis": a}) for d, a in (((3, 4), 0), ((3, 4), 1), ((3, 5), -1), ((0, 3), 1))],
       [((normal(3),), {"axis": 1}, ValueError, "axis 1 is out of range")]),
    Op("clone", s.clone, np.copy, [Sample([normal(5, 3)]), Sample([_int(4)]), Sample([normal(0, 2)])],
       without={"errors": "a method without arguments"}),
]  # fmt: skip
for _op in OPS:
    _op.arrays = _op.name in ("cat", "stack")  # the others are methods of Tensor
