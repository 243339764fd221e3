"""Records of batch, layer and RMS normalisation."""

import numpy as np
from op_table import Op, Sample, normal

from grilly_vk.functional import batch_norm, group_norm, instance_norm, layer_norm, rms_norm


def _layer(x, w=None, b=None, *, normalized_shape, eps=1e-5):
    axes = tuple(range(x.ndim - len(normalized_shape), x.ndim))
    if not x.size:
        return x
    y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    return y * (1 if w is None else w) + (0 if b is None else b)


def _rms(x, w=None, *, normalized_shape, eps=None):
    axes = tuple(range(x.ndim - len(normalized_shape), x.ndim))
    if not x.size:
        return x
    y = x / np.sqrt((x * x).mean(axes, keepdims=True) + (np.finfo(np.float32).eps if eps is None else eps))
    return y * (1 if w is None else w)


def _run_layer(x, w=None, b=None, *, normalized_shape, **options):
    return layer_norm(x, normalized_shape, w, b, **options)


def _run_rms(x, w=None, *, normalized_shape, **options):
    return rms_norm(x, normalized_shape, w, **options)


_WEIGHT = [normal(7, seed=1), normal(7, seed=2)]
_WIDE = [normal(130, seed=1), normal(130, seed=2)]
_LAYER = [
    Sample([normal(5, 7), *_WEIGHT], {"normalized_shape": (7,)}),
    Sample([normal(5, 7)], {"normalized_shape": (7,)}),
    Sample([normal(5, 7), _WEIGHT[0]], {"normalized_shape": (7,), "eps": 0.1}),
    Sample([normal(2, 3, 4, 2), normal(4, 2, seed=1), normal(4, 2, seed=2)], {"normalized_shape": (4, 2)}),
    Sample([normal(3, 130), *_WIDE], {"normalized_shape": (130,)}),
    Sample([normal(7), *_WEIGHT], {"normalized_shape": (7,)}),
    Sample([normal(2, 70, 3), normal(3, seed=1), normal(3, seed=2)], {"normalized_shape": (3,)}),
    Sample([normal(0, 7), *_WEIGHT], {"normalized_shape": (7,)}),
    Sample([normal(4, 0)], {"normalized_shape": (0,)}),
    Sample([normal(3, 1)], {"normalized_shape": (1,)}, grad=[]),
    # Far from zero: float32 is spaced by 2.4e-4 at 3000, and only the values themselves may be rounded so.
    Sample([normal(4, 600) + np.float32(3000)], {"normalized_shape": (600,)}, grad=[]),
    Sample([normal(4, 9) * np.float32(1e15)], {"normalized_shape": (9,)}, grad=[]),
    Sample([np.zeros((2, 5), np.float32)], {"normalized_shape": (5,)}, grad=[]),
]
_RMS = [
    Sample([normal(5, 7), _WEIGHT[0]], {"normalized_shape": (7,)}),
    Sample([normal(5, 7)], {"normalized_shape": (7,), "eps": 0.5}),
    Sample([normal(2, 3, 4, 2), normal(4, 2, seed=1)], {"normalized_shape": (4, 2)}),
    Sample([normal(3, 130), _WIDE[0]], {"normalized_shape": (130,)}),
    Sample([normal(7)], {"normalized_shape": (7,)}),
    Sample([normal(100, 3), normal(3, seed=1)], {"normalized_shape": (3,)}),
    Sample([normal(0, 7), _WEIGHT[0]], {"normalized_shape": (7,)}),
    Sample([normal(4, 9) * np.float32(1e15)], {"normalized_shape": (9,)}, grad=[]),
    Sample([np.zeros((2, 5), np.float32)], {"normalized_shape": (5,)}, grad=[]),
]
_BAD_ROWS = [
    ((normal(5, 7),), {"normalized_shape": (6,)}, ValueError, r"x has shape \(5, 7\); expected \(\.\.\., 6\)"),
    ((normal(5, 7), normal(5)), {"normalized_shape": (7,)}, ValueError, r"weight has shape \(5,\); expected \(7,\)"),
    ((normal(5, 7),), {"normalized_shape": ()}, ValueError, "normalized_shape is empty"),
    ((normal(5, 7),), {"normalized_shape": (7.0,)}, TypeError, "normalized_shape must be a whole number"),
    ((normal(5, 7),), {"normalized_shape": (7,), "eps": -1.0}, ValueError, "eps must not be negative, got -1.0"),
]


def _batch(x, w=None, b=None, mean=None, var=None, *, training, momentum=0.1, eps=1e-5, batches=None):
    axes = (0, *range(2, x.ndim))
    shape = (1, -1, *[1] * (x.ndim - 2))
    m, v = mean, var
    if training and x.size:
        m, v = x.mean(axes), x.var(axes)
        if mean is not None:
            step = 1 / batches if momentum is None else momentum
            mean = mean + step * (m - mean)
            var = var + step * (x.var(axes, ddof=1) - var)
    y = x
    if x.size:
        y = (x - m.reshape(shape)) / np.sqrt(v.reshape(shape) + eps)
        y = y * (1 if w is None else w.reshape(shape)) + (0 if b is None else b.reshape(shape))
    return y if mean is None else (y, mean, var)


def _run_batch(x, w=None, b=None, mean=None, var=None, *, batches=None, **options):
    from grilly_vk.tensor import from_numpy

    count = None if batches is None else from_numpy(np.array([batches - 1], np.int32), on=x.engine)
    y = batch_norm(x, mean, var, w, b, batches=count, **options)
    assert count is None or count.item() == batches
    return y if mean is None else (y, mean, var)


def _channels(n):
    return [normal(n, seed=1), normal(n, seed=2), normal(n, seed=3), normal(n, seed=4, low=0.5, high=2.0)]


_TRAIN, _EVAL = {"training": True}, {"training": False}
_BATCH = [
    Sample([normal(6, 5), *_channels(5)], _TRAIN, grad=[0, 1, 2]),
    Sample([normal(3, 4, 2, 6), *_channels(4)], _TRAIN, grad=[0, 1, 2]),  # four elements at a time
    Sample([normal(3, 4, 3, 5), *_channels(4)], _EVAL, grad=[0, 1, 2]),
    Sample([normal(3, 4, 8), *_channels(4)], _EVAL, grad=[0, 1, 2]),
    Sample([normal(3, 4, 3)], _TRAIN),
    Sample([normal(5, 3), normal(3, seed=1)], {"training": True, "eps": 0.1}),
    Sample([normal(9, 3), *_channels(3)], {"training": True, "momentum": 0.7}, grad=[0, 1, 2]),
    Sample([normal(9, 3), *_channels(3)], {"training": True, "momentum": None, "batches": 3}, grad=[0, 1, 2]),
    Sample([normal(1, 3, 2), *_channels(3)], _TRAIN, grad=[0, 1, 2]),
    Sample([normal(0, 3), *_channels(3)], _TRAIN, grad=[0, 1, 2]),
    Sample([normal(0, 3), *_channels(3)], _EVAL, grad=[0, 1, 2]),
    Sample([normal(2, 3, 0), *_channels(3)], _TRAIN, grad=[0, 1, 2]),
    Sample([normal(2, 3, 0), *_channels(3)], _EVAL, grad=[0, 1, 2]),
    Sample([normal(1, 3), *_channels(3)], _EVAL, grad=[0, 1, 2]),
    Sample([normal(2, 3, 67, 83), *_channels(3)], _TRAIN, grad=[]),  # in several parts
    Sample([normal(16, 2, 30, 30) + np.float32(3000)], _TRAIN, grad=[]),
    Sample([normal(16, 2, 3) * np.float32(1e15)], _TRAIN, grad=[]),
]
_BAD_BATCH = [
    ((normal(5),), _TRAIN, ValueError, r"x has shape \(5,\); expected \(N, C, \.\.\.\)"),
    ((normal(1, 3),), _TRAIN, ValueError, r"more than one value per channel when training; x has shape \(1, 3\)"),
    ((normal(4, 3),), _EVAL, ValueError, "running_mean is None; without training=True"),
    ((normal(4, 3), normal(2)), _TRAIN, ValueError, r"weight has shape \(2,\); expected \(3,\)"),
    ((normal(4, 3), normal(3), normal(3, 1)), _TRAIN, ValueError, r"bias has shape \(3, 1\); expected \(3,\)"),
    ((normal(4, 3), None, None, normal(4), normal(3)), _EVAL, ValueError, r"running_mean has shape \(4,\)"),
    ((normal(4, 3), None, None, normal(3)), _TRAIN, ValueError, "must both be given"),
    ((normal(4, 3),), {"training": True, "eps": -1e-3}, ValueError, "eps must not be negative"),
    ((normal(4, 3),), {"training": True, "momentum": "0.1"}, TypeError, "momentum must be a number, not str"),
]

_OWN = {"broadcast": "weight and bias have the shape of what is normalised together"}
OPS = [
    Op("layer_norm", _run_layer, _layer, _LAYER, _BAD_ROWS, rtol=1e-5, atol=3e-6, exact=False, without=_OWN),
    Op("rms_norm", _run_rms, _rms, _RMS, _BAD_ROWS, rtol=1e-5, atol=3e-6, exact=False, without=_OWN),
    Op(
        "batch_norm",
        _run_batch,
        _batch,
        _BATCH,
        _BAD_BATCH,
        rtol=1e-5,
        atol=3e-6,
        exact=False,
        arrays=False,
        without=_OWN,
    ),
]


# ---- each sample by itself ----


def _by_channel(t, x):
    return t.reshape(-1, *(1,) * (x.ndim - 2))


def _group(x, w=None, b=None, *, num_groups, eps=1e-5):
    if not x.size:
        return x
    flat = x.reshape(x.shape[0], num_groups, -1)
    y = (flat - flat.mean(-1, keepdims=True)) / np.sqrt(flat.var(-1, keepdims=True) + eps)
    y = y.reshape(x.shape)
    return y * (1 if w is None else _by_channel(w, x)) + (0 if b is None else _by_channel(b, x))


def _instance(x, w=None, b=None, *, eps=1e-5):
    return _group(x, w, b, num_groups=max(1, x.shape[1]), eps=eps)


def _run_group(x, w=None, b=None, *, num_groups, eps=1e-5):
    return group_norm(x, num_groups, w, b, eps)


def _run_instance(x, w=None, b=None, *, eps=1e-5):
    return instance_norm(x, None, None, w, b, eps=eps)


_SIX = [normal(6, seed=1), normal(6, seed=2)]
_GROUP = [
    Sample([normal(3, 6, 5), *_SIX], {"num_groups": 2}),
    Sample([normal(2, 6, 2, 4), _SIX[0]], {"num_groups": 3}),
    Sample([normal(2, 6, 3, 3)], {"num_groups": 1, "eps": 0.1}),
    Sample([normal(4, 6), *_SIX], {"num_groups": 2}),
    Sample([normal(0, 6, 2), *_SIX], {"num_groups": 2}),
    Sample([normal(2, 6, 0), *_SIX], {"num_groups": 2}),
    Sample([normal(2, 6, 70) + np.float32(3000), *_SIX], {"num_groups": 3}, grad=[]),
]
_INSTANCES = [
    Sample([normal(3, 6, 5), *_SIX]),
    Sample([normal(2, 6, 2, 4), _SIX[0]]),
    Sample([normal(2, 6, 3, 3)], {"eps": 0.1}),
    Sample([normal(1, 6, 4), *_SIX]),
    Sample([normal(0, 6, 3), *_SIX]),
    Sample([normal(2, 6, 0), *_SIX]),
    Sample([normal(2, 6, 70) + np.float32(3000), *_SIX], grad=[]),
]
OPS += [
    Op("group_norm", _run_group, _group, _GROUP, [
        ((normal(4),), {"num_groups": 2}, ValueError, r"x has shape \(4,\); expected \(N, C, ...\)"),
        ((normal(2, 6, 3),), {"num_groups": 4}, ValueError, "num_groups=4 does not divide the 6 channels"),
        ((normal(2, 6, 3), normal(3)), {"num_groups": 2}, ValueError, r"weight has shape \(3,\); expected \(6,\)"),
        ((normal(2, 6, 3),), {"num_groups": 2, "eps": -1.0}, ValueError, "eps must not be negative"),
    ], rtol=1e-5, atol=1e-5, grad_rtol=5e-4, grad_atol=5e-5, exact=False,
       without={"broadcast": "one weight per channel"}),
    Op("instance_norm", _run_instance, _instance, _INSTANCES, [
        ((normal(4, 6),), {}, ValueError, r"x has shape \(4, 6\); expected \(N, C, L, ...\)"),
        ((normal(2, 6, 1),), {}, ValueError, "needs more than one value per channel"),
        ((normal(2, 6, 3), normal(3)), {}, ValueError, r"weight has shape \(3,\); expected \(6,\)"),
    ], rtol=1e-5, atol=1e-5, grad_rtol=5e-4, grad_atol=5e-5, exact=False,
       without={"broadcast": "one weight per channel"}),
]  # fmt: skip
