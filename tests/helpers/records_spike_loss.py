"""Records of the losses of spike trains.  Spikes may be any numbers, and gradients are checked on such."""

import numpy as np
import scipy.special
from op_table import Op, Sample, normal

from grilly_vk import functional as F


def _nll(logits, targets, weight=None, label_smoothing=0.0):
    logits, targets = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    logs = scipy.special.log_softmax(logits, -1)
    w = np.ones(logs.shape[-1]) if weight is None else np.asarray(weight, float)
    q = np.eye(logs.shape[-1])[targets] * (1 - label_smoothing) + label_smoothing / logs.shape[-1]
    return -(q * w * logs).sum() / w[targets].sum()


def _ce_rate(s, y, **options):
    """Step by step, as the definition says."""
    return np.mean([_nll(step, y, **options) for step in s])


def _counts(s, num_classes):
    if num_classes is None:
        return s.sum(0)
    m = s.shape[-1] // num_classes
    return np.stack([s[..., c * m : (c + 1) * m].sum((0, -1)) for c in range(num_classes)], -1)


def _ce_count(s, y, num_classes=None, **options):
    return _nll(_counts(s, num_classes), y, **options)


def _one_hot(y, classes, on, off):
    return np.where(np.arange(classes) == y[..., None], on, off)


def _mse_count(s, y, correct_rate=1.0, incorrect_rate=0.0, num_classes=None):
    counts = _counts(s, num_classes)
    classes = counts.shape[-1]
    most = len(s) * s.shape[-1] // classes
    wanted = _one_hot(y, classes, *(np.floor(most * rate + 0.5 + 1e-9) for rate in (correct_rate, incorrect_rate)))
    return np.divide(((counts - wanted) ** 2).sum(), counts.size) / len(s)


def _times(s):
    return np.where((s > 0).any(0), (s > 0).argmax(0), len(s) - 1).astype(float)


def _ce_temporal(s, y, inverse="negate", **options):
    t = _times(s)
    return _nll(-t if inverse == "negate" else 1 / (t + 1), y, **options)


def _mse_temporal(s, y, on_target=0, off_target=-1, tolerance=0.0):
    wanted = _one_hot(y, s.shape[-1], on_target % len(s), off_target % len(s))
    off = _times(s) - wanted
    return np.divide((np.where(np.abs(off) < tolerance, 0, off / len(s)) ** 2).sum(), off.size)


def _regularization(s, target=None, lower=None, upper=None, norm="l2", per="neuron"):
    low, high = (target, target) if target is not None else (lower, upper)
    r = s.mean({"neuron": (0, 1), "sample": 0, "mean": None}[per])
    e = np.zeros_like(r)
    if high is not None:
        e = e + np.maximum(r - high, 0)
    if low is not None:
        e = e + np.maximum(low - r, 0)
    return (e**2 if norm == "l2" else e).mean()


def _train(*shape, p=0.3, seed=0):
    return (np.random.default_rng([seed, *shape]).random(shape) < p).astype(np.float32)


def _labels(*shape, classes, seed=0):
    return np.random.default_rng([seed, *shape]).integers(0, classes, shape).astype(np.int32)


_Y = _labels(4, classes=6)
_WEIGHT = normal(6, seed=3, low=0.2, high=3.0)
_PAIRS = [
    Sample([_train(9, 4, 6), _Y]),
    Sample([normal(5, 4, 6), _Y]),
    Sample([_train(1, 4, 6), _Y]),
    Sample([_train(7, 2, 3, 6), _labels(2, 3, classes=6)]),
    Sample([_train(7, 6), np.array(5, np.int32)]),
    Sample([_train(7, 0, 6), _labels(0, classes=6)]),
]
_POPULATION = [
    Sample([_train(9, 4, 6), _labels(4, classes=3)], {"num_classes": 3}),
    Sample([normal(5, 2, 2, 8), _labels(2, 2, classes=2)], {"num_classes": 2}),
]
_WEIGHTED = [
    Sample([_train(9, 4, 6), _Y], {"weight": _WEIGHT}),
    Sample([_train(9, 4, 6), _Y], {"label_smoothing": 0.2}),
]
_BAD = [
    ((_train(9, 4, 6), [0, 1, 2, 6]), {}, IndexError, r"targets holds class 6; there are 6 classes, 0..5"),
    ((_train(9, 4, 6), [0, 1, 2, -1]), {}, IndexError, "targets holds class -1"),
    ((_train(9, 4, 6), [0, 1, 2]), {}, ValueError, r"targets has shape \(3,\); expected \(4,\), one class for each"),
    ((_train(9, 4, 6), [0.0, 1, 2, 3]), {}, TypeError, "targets must hold whole numbers, the classes, not float64"),
    ((_train(9, 4, 6), _train(4)), {}, TypeError, "targets must hold int32 classes, not float32"),
    ((_train(0, 4, 6), _Y), {}, ValueError, r"spikes has shape \(0, 4, 6\); expected \(T, ..., C\) with at least one"),
    ((_train(6), _Y), {}, ValueError, r"spikes has shape \(6,\)"),
    (("abc", _Y), {}, TypeError, "spikes must be a Tensor, or hold real numbers"),
]
_BAD_WEIGHT = ((_train(9, 4, 6), _Y), {"weight": _WEIGHT[:5]}, ValueError, r"weight has shape \(5,\)")
_BAD_CLASSES = ((_train(9, 4, 6), _Y), {"num_classes": 4}, ValueError, r"expected \(T, ..., 4 \* m\) for 4 classes")
_RUNS = [_train(20, 3, 5), normal(6, 4), _train(3, 2, 2, 2), _train(5, 3, 3)]
_BANDS = [{"target": 0.21}, {"lower": 0.31}, {"upper": 0.26}, {"lower": 0.23, "upper": 0.37}]

OPS = [
    Op("ce_rate_loss", F.ce_rate_loss, _ce_rate, [*_PAIRS, *_WEIGHTED], [*_BAD, _BAD_WEIGHT]),
    Op("ce_count_loss", F.ce_count_loss, _ce_count, [*_PAIRS, *_POPULATION, *_WEIGHTED], [*_BAD, _BAD_CLASSES],
       rtol=3e-6),
    Op("mse_count_loss", F.mse_count_loss, _mse_count,
       [*_PAIRS, *_POPULATION, Sample([_train(9, 4, 6), _Y], {"correct_rate": 0.75, "incorrect_rate": 0.25}),
        Sample([_train(9, 4, 6), _labels(4, classes=3)], {"num_classes": 3, "correct_rate": 0.6})],
       [*_BAD, _BAD_CLASSES, ((_train(9, 4, 6), _Y, 1.5), {}, ValueError, r"correct_rate must lie in \[0.0, 1.0\]"),
        ((_train(9, 4, 6), _Y, 1, -1), {}, ValueError, "incorrect_rate must lie in")]),
    Op("ce_temporal_loss", F.ce_temporal_loss, _ce_temporal,
       [Sample(s.arrays, {**s.options, "inverse": i}) for s in (*_PAIRS, *_WEIGHTED) for i in ("negate", "reciprocal")],
       [*_BAD, ((_train(9, 4, 6), _Y, "log"), {}, ValueError, "inverse must be one of 'negate', 'reciprocal'")],
       differentiable=False),
    Op("mse_temporal_loss", F.mse_temporal_loss, _mse_temporal,
       [*_PAIRS, Sample([_train(9, 4, 6), _Y], {"on_target": 2, "off_target": 7, "tolerance": 2.0})],
       [*_BAD, ((_train(9, 4, 6), _Y, 9), {}, ValueError, r"on_target must lie in \[-9, 8\] for 9 steps, got 9"),
        ((_train(9, 4, 6), _Y, 0.5), {}, TypeError, "on_target must be a whole number, not float"),
        ((_train(9, 4, 6), _Y), {"tolerance": -1}, ValueError, "tolerance must not be negative")],
       differentiable=False),
    Op("rate_regularization", F.rate_regularization, _regularization,
       [Sample([x], {**band, "norm": n, "per": p})
        for x in _RUNS for band in _BANDS for n, p in (("l2", "neuron"), ("l1", "sample"), ("l2", "mean"))],
       [((_RUNS[0],), {}, ValueError, "rate_regularization needs target, lower or upper"),
        ((_RUNS[0],), {"target": 0.1, "upper": 0.2}, ValueError, "target excludes lower and upper"),
        ((_RUNS[0],), {"lower": 0.3, "upper": 0.2}, ValueError, "lower must not exceed upper, got 0.3 and 0.2"),
        ((_RUNS[0],), {"lower": "x"}, TypeError, "lower must be a number, not str"),
        ((_RUNS[0],), {"lower": 0.3, "norm": "l3"}, ValueError, "norm must be one of 'l1', 'l2'"),
        ((_RUNS[0],), {"lower": 0.3, "per": "all"}, ValueError, "per must be one of 'neuron', 'sample', 'mean'"),
        ((normal(5),), {"lower": 0.3}, ValueError, r"spikes has shape \(5,\); expected \(T, B, ...\)"),
        ((normal(5, 0),), {"lower": 0.3}, ValueError, r"spikes has shape \(5, 0\)")],
       without={"empty": "refused"}),
]  # fmt: skip
