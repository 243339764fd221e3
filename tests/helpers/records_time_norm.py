"""Records of batch norm through time, temporal effective batch norm and NeuNorm."""

import numpy as np
from op_table import Op, Sample, normal

from grilly_vk.functional import batch_norm_through_time, neu_norm, temporal_effective_batch_norm

_TRAIN, _EVAL = {"training": True}, {"training": False}


def _along(values, x, axes):
    """Values of some axes of x, shaped to broadcast with it."""
    return values.reshape([n if a in axes else 1 for a, n in enumerate(x.shape)])


def _norm(x, mean, var, own, training, momentum, eps):
    """Normalised x with running statistics after it; `own`: the axes that have statistics of their own."""
    over = tuple(a for a in range(x.ndim) if a not in own)
    m, v = mean, var
    if training and x.size:
        m, v = x.mean(over), x.var(over)
        if mean is not None:
            mean = mean + momentum * (m - mean)
            var = var + momentum * (x.var(over, ddof=1) - var)
    if x.size:
        x = (x - _along(m, x, own)) / np.sqrt(_along(v, x, own) + eps)
    return x, mean, var


def _through(x, w=None, b=None, mean=None, var=None, *, training, momentum=0.1, eps=1e-5):
    y, mean, var = _norm(x, mean, var, (0, 2), training, momentum, eps)
    y = y * (1 if w is None else _along(w, x, (0, 2))) + (0 if b is None else _along(b, x, (0, 2)))
    return y if mean is None else (y, mean, var)


def _run_through(x, w=None, b=None, mean=None, var=None, **options):
    y = batch_norm_through_time(x, mean, var, w, b, **options)
    return y if mean is None else (y, mean, var)


def _effective(x, p, w=None, b=None, mean=None, var=None, *, training, momentum=0.1, eps=1e-5):
    y, mean, var = _norm(x, mean, var, (2,), training, momentum, eps)
    y = y * (1 if w is None else _along(w, x, (2,))) + (0 if b is None else _along(b, x, (2,)))
    y = y * _along(p, x, (0,))
    return y if mean is None else (y, mean, var)


def _run_effective(x, p, w=None, b=None, mean=None, var=None, **options):
    y = temporal_effective_batch_norm(x, mean, var, p, w, b, **options)
    return y if mean is None else (y, mean, var)


def _numbers(*shape):
    many = [normal(*shape, seed=s) for s in (1, 2, 3)]
    return [*many, normal(*shape, seed=4, low=0.5, high=2.0)]


def _time(samples, with_scale):
    """Samples (shape, options, how many of weight, bias and statistics are given)."""
    out = []
    for shape, options, given in samples:
        t, _, c = shape[:3]
        scale = [normal(t, seed=5) + 2] if with_scale else []
        more = _numbers(c) if with_scale else _numbers(t, c)
        arrays = [normal(*shape), *scale, *more[:given]]
        out.append(Sample(arrays, options, grad=range(min(len(arrays), 3 + with_scale))))
    return out


_CASES = [
    ((3, 4, 5), _TRAIN, 4),
    ((2, 3, 4, 6), _TRAIN, 4),
    ((2, 3, 4, 8), _EVAL, 4),
    ((2, 3, 5, 3, 2), _TRAIN, 2),
    ((2, 2, 4, 7, 7), _EVAL, 4),
    ((1, 4, 3), {"training": True, "eps": 0.1}, 1),
    ((3, 9, 8), {"training": True, "momentum": 0.7}, 4),
    ((2, 4, 3), _TRAIN, 0),
    ((2, 1, 3, 5), _TRAIN, 4),
    ((2, 0, 3), _TRAIN, 4),
    ((2, 0, 3), _EVAL, 4),
    ((2, 1, 3), _EVAL, 4),
]


def _bad(scale):
    p = [normal(4)] if scale else []
    return [
        ((normal(4, 5), *p), _TRAIN, ValueError, r"x has shape \(4, 5\); expected \(T, B, C, \.\.\.\)"),
        ((normal(4, 2, 3), *p), _EVAL, ValueError, "running_mean is None; without training=True"),
        ((normal(4, 2, 3), *p, normal(2)), _TRAIN, ValueError, r"weight has shape \(2,\); expected \("),
        ((normal(4, 2, 3), *p), {"training": True, "eps": -1.0}, ValueError, "eps must not be negative"),
        ((normal(4, 2, 3), *p), {"training": True, "momentum": "0.1"}, TypeError, "momentum must be a number"),
    ]


_ONE = [((normal(4, 1, 3),), _TRAIN, ValueError, r"more than one value per channel when training; x has shape")]
_SCALE = [((normal(4, 2, 3), normal(3)), _TRAIN, ValueError, r"scale has shape \(3,\); expected \(4,\)")]


def _neu(x, m, w, *, k=0.9, share=None):
    share = (1 - k) / max(1, x.shape[2]) if share is None else share
    out = []
    for row in x:
        m = k * m + share * row.sum(1, keepdims=True)
        out.append(row - w * m)
    return (np.stack(out) if out else x), m


def _run_neu(x, m, w, **options):
    return neu_norm(x, m, w, **options)


_NEU = [
    Sample([normal(4, 3, 5, 2, 3), normal(3, 1, 2, 3, seed=1), normal(5, 2, 3, seed=2)]),
    Sample([normal(3, 2, 4, 2, 4), normal(2, 1, 2, 4, seed=1), normal(4, 2, 4, seed=2)], {"k": 0.5}),
    Sample([normal(3, 2, 4, 2, 4), normal(2, 1, 2, 4, seed=1), normal(1, 2, 4, seed=2)], {"k": 0.5}),
    Sample([normal(3, 2, 5, 1, 5), normal(2, 1, 1, 5, seed=1), normal(1, 1, 5, seed=2)], {"share": 0.3}),
    Sample([normal(1, 1, 1, 1, 1), normal(1, 1, 1, 1, seed=1), normal(1, 1, 1, seed=2)]),
    Sample([normal(40, 9, 2, 3, 1), normal(9, 1, 3, 1, seed=1), normal(2, 3, 1, seed=2)]),
    Sample([normal(3, 0, 2, 3, 1), normal(0, 1, 3, 1, seed=1), normal(2, 3, 1, seed=2)]),
    Sample([normal(0, 2, 2, 3, 1), normal(2, 1, 3, 1, seed=1), normal(2, 3, 1, seed=2)]),
]
_BAD_NEU = [
    (
        (normal(3, 2, 4, 2), 0.0, normal(2, 4, 2)),
        {},
        ValueError,
        r"x has shape \(3, 2, 4, 2\); expected \(T, B, C, H, W",
    ),
    (
        (normal(3, 2, 4, 2, 1), 0.0, normal(3, 2, 1)),
        {},
        ValueError,
        r"weight has shape \(3, 2, 1\); expected \(4, 2, 1\)",
    ),
    ((normal(3, 2, 4, 2, 1), normal(2, 2, 1), normal(4, 2, 1)), {}, ValueError, "state has shape"),
    ((normal(3, 2, 4, 2, 1), 0.0, normal(4, 2, 1)), {"k": "x"}, TypeError, "k must be a number"),
]

_OWN = {"broadcast": "every array has the shape that its axes of x give"}
_LIKE = {"rtol": 1e-5, "atol": 3e-6, "exact": False, "arrays": False, "without": _OWN}
OPS = [
    Op("batch_norm_through_time", _run_through, _through, _time(_CASES, False), [*_bad(False), *_ONE], **_LIKE),
    Op(
        "temporal_effective_batch_norm",
        _run_effective,
        _effective,
        _time(_CASES, True),
        [*_bad(True), *_SCALE],
        **_LIKE,
    ),
    Op("neu_norm", _run_neu, _neu, _NEU, _BAD_NEU, arrays=False, without=_OWN),
]
