"""Records of the losses."""

import numpy as np
import scipy.special
from op_table import Op, Sample, apart, normal

from grilly_vk import functional as F
from grilly_vk.functional import loss

# ---- classes ----


def _reduced(each, counts, reduction):
    return each if reduction == "none" else each.sum() if reduction == "sum" else each.sum() / np.sum(counts)


def _classes(logs, target, weight, ignore_index, reduction, label_smoothing):
    """The textbook: -sum over classes of (smoothed one-hot or given) target * weight * log-probability."""
    axis = 1 if logs.ndim > 1 else 0
    logs = np.moveaxis(logs, axis, -1)
    classes = logs.shape[-1]
    weight = np.ones(classes) if weight is None else weight
    if target.dtype.kind == "f":
        q, live = np.moveaxis(target, axis, -1), np.ones(logs.shape[:-1], bool)
        counts = live
    else:
        live = target != ignore_index
        chosen = np.where(live, target, 0)
        q, counts = np.eye(classes)[chosen], weight[chosen] * live
    q = q * (1 - label_smoothing) + label_smoothing / classes
    each = -np.where(q * weight == 0, 0, q * weight * logs).sum(-1)
    return _reduced(np.where(live, each, 0), counts, reduction)


def _cross_entropy(x, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    axis = 1 if x.ndim > 1 else 0
    logs = scipy.special.log_softmax(x, axis) if x.size else x
    return _classes(logs, target, weight, ignore_index, reduction, label_smoothing)


def _nll(x, target, weight=None, *, ignore_index=-100, reduction="mean"):
    return _classes(x, target, weight, ignore_index, reduction, 0.0)


def _labels(*shape, classes, seed=0):
    return np.random.default_rng([seed, *shape]).integers(0, classes, shape).astype(np.int32)


def _chances(*shape, axis=1):
    return scipy.special.softmax(normal(*shape, seed=9), axis).astype(np.float32)


_WEIGHT = normal(7, seed=3, low=0.2, high=3.0)
_SOME = np.array([1, -100, 3, 6, -100], np.int32)
_HUGE = normal(5, 7) * np.float32(1e4)
_ZERO = np.where(np.arange(7) == 2, -np.inf, normal(5, 7)).astype(np.float32)  # class 2 is impossible
_IN_CLASSES = [
    Sample([normal(5, 7), _labels(5, classes=7)]),
    Sample([normal(5, 7), _labels(5, classes=7)], {"reduction": "none"}),
    Sample([normal(5, 7), _labels(5, classes=7)], {"reduction": "sum"}),
    Sample([normal(5, 7), _SOME]),
    Sample([normal(5, 7), _SOME, _WEIGHT], grad=[0]),
    Sample([normal(5, 7), np.array([1, 3, 3, 6, 0], np.int32)], {"reduction": "none", "ignore_index": 3}),
    Sample([normal(3, 4, 5), _labels(3, 5, classes=4)]),
    Sample([normal(2, 4, 3, 2), _labels(2, 3, 2, classes=4)], {"reduction": "none"}),
    Sample([normal(7), np.array(4, np.int32)]),
    Sample([normal(1, 1), np.zeros(1, np.int32)]),
    Sample([normal(2, 131), _labels(2, classes=131)]),
    Sample([normal(0, 7), _labels(0, classes=7)], {"reduction": "sum"}),
    Sample([normal(0, 7), _labels(0, classes=7)], {"reduction": "mean"}),
    Sample([normal(2, 7), np.full(2, -100, np.int32)], grad=[]),
    Sample([_ZERO, np.array([0, 1, 3, 4, 5], np.int32)], grad=[]),
]
_CROSS = [
    *_IN_CLASSES,
    Sample([normal(5, 7), _SOME, _WEIGHT], {"label_smoothing": 0.3}, grad=[0]),
    Sample([normal(5, 7), _SOME], {"label_smoothing": 0.1, "reduction": "none"}),
    Sample([normal(5, 7), _SOME], {"label_smoothing": 1.0, "reduction": "sum"}),
    Sample([normal(5, 7), _chances(5, 7)]),
    Sample([normal(5, 7), _chances(5, 7), _WEIGHT], {"label_smoothing": 0.2}, grad=[0, 1]),
    Sample([normal(3, 4, 5), _chances(3, 4, 5)], {"reduction": "none"}),
    Sample([normal(7), _chances(7, axis=0)]),
    Sample([normal(2, 131), _chances(2, 131)], {"reduction": "sum"}),
    Sample([_HUGE, _labels(5, classes=7)], {"reduction": "none"}, grad=[]),
    Sample([_HUGE, _labels(5, classes=7)], {"label_smoothing": 0.1}, grad=[]),
    Sample([normal(5, 7) + np.float32(1e4), _labels(5, classes=7)], {"reduction": "none"}, grad=[]),
]
_BAD_CLASSES = [
    ((normal(5, 7), [0, 1, 2, 3, 7]), {}, IndexError, r"target holds class 7; x has 7 classes, 0\.\.6"),
    ((normal(5, 7), [0, 1, 2, 3, -1]), {}, IndexError, "target holds class -1"),
    ((normal(5, 7), _labels(4, classes=7)), {}, ValueError, r"target has shape \(4,\); expected \(5,\)"),
    ((normal(5, 7), normal(5) > 0), {}, TypeError, "target must hold int32 classes"),
    ((normal(5, 7), _labels(5, classes=7), normal(6)), {}, ValueError, r"weight has shape \(6,\); expected \(7,\)"),
    ((normal(5, 7), _labels(5, classes=7)), {"reduction": "avg"}, ValueError, "reduction must be one of 'none'"),
    ((normal(5, 0), _labels(5, classes=7)), {}, ValueError, r"x has shape \(5, 0\); expected at least one class"),
    ((normal(), _labels(5, classes=7)), {}, ValueError, r"x has shape \(\)"),
    ((normal(5, 7), _labels(5, classes=7)), {"ignore_index": 1.5}, TypeError, "ignore_index must be a whole number"),
]
_BAD_CROSS = [
    *_BAD_CLASSES,
    ((normal(5, 7), normal(5)), {}, ValueError, r"target has shape \(5,\); expected \(5, 7\) for probabilities"),
    ((normal(5, 7), _SOME), {"label_smoothing": 1.5}, ValueError, r"label_smoothing must lie in \[0.0, 1.0\]"),
]
_BAD_NLL = [*_BAD_CLASSES, ((normal(5, 7), normal(5, 7)), {}, TypeError, "target must hold int32 classes, not float32")]

# ---- elements ----


def _elements(function):
    def reference(x, t, *, reduction="mean", **options):
        return _reduced(function(x, t, **options), x.size, reduction)

    return reference


def _smooth_l1(x, t, *, beta=1.0):
    d = np.abs(x - t)
    return np.where(d < beta, d * d / (2 * beta or 1), d - beta / 2)


def _bce(x, t, weight=None, pos_weight=None, *, reduction="mean"):
    p = 1.0 if pos_weight is None else pos_weight
    each = -(p * t * scipy.special.log_expit(x) + (1 - t) * scipy.special.log_expit(-x))
    return _reduced(each * (1.0 if weight is None else weight), x.size, reduction)


def _run_bce(x, t, weight=None, pos_weight=None, **options):
    return loss.bce_with_logits(x, t, weight, pos_weight=pos_weight, **options)


def _pairs(x, t):
    return [
        Sample([x(5, 7), t(5, 7)]),
        Sample([x(5, 7), t(5, 7)], {"reduction": "none"}),
        Sample([x(3, 4, 2), t(3, 4, 2)], {"reduction": "sum"}),
        Sample([x(1), t(1)]),
        Sample([x(), t()], {"reduction": "none"}),
        Sample([x(0, 3), t(0, 3)], {"reduction": "sum"}),
        Sample([x(0, 3), t(0, 3)]),
        Sample([x(0, 3), t(0, 3)], {"reduction": "none"}),
        Sample([x(33, 301), t(33, 301)], grad=[]),  # more than are summed one by one
    ]


_APART = _pairs(lambda *s: apart(*s, gap=0.11), lambda *s: np.asarray(apart(*s, seed=1, gap=0.11) + np.float32(0.03)))
_BETAS = [Sample(s.arrays, {**s.options, "beta": b}, s.grad) for s, b in zip(_APART, (1.0, 0.5, 2.5, 0.0))]
_LOGITS = _pairs(normal, lambda *s: normal(*s, seed=1, low=0.0, high=1.0))
_ONES = np.array([[0.0, 1.0, 1.0, 0.0]], np.float32)
_BCE = [
    *_LOGITS,
    Sample([np.array([[1e4, 1e4, -1e4, -1e4]], np.float32), _ONES], {"reduction": "none"}, grad=[]),
    Sample([np.array([[90, 90, -90, -90]], np.float32), _ONES], {"reduction": "sum"}, grad=[]),
    Sample([normal(5, 4), _LOGITS[0].arrays[1][:, :4], normal(4, seed=5, low=0.2, high=2.0)], grad=[0, 1]),
    Sample(
        [normal(5, 4), _LOGITS[0].arrays[1][:, :4], normal(5, 1, seed=5, low=0.2, high=2.0),
         normal(4, seed=6, low=0.2, high=5.0)],
        {"reduction": "none"}, grad=[0, 1],
    ),
]  # fmt: skip
_CHANCES = _pairs(lambda *s: normal(*s, low=0.03, high=0.97), lambda *s: normal(*s, seed=1, low=0.0, high=1.0))
_SURE = [
    *_CHANCES,
    Sample([np.array([[0, 1, 0, 1, 1e-30]], np.float32), np.array([[0, 1, 1, 0, 0.5]], np.float32)],
           {"reduction": "none"}, grad=[]),
    Sample([np.array([-0.1, 1.1, np.nan, 0.5], np.float32), np.ones(4, np.float32)], {"reduction": "none"}, grad=[]),
    Sample([normal(5, 4, low=0.1, high=0.9), _LOGITS[0].arrays[1][:, :4], normal(4, seed=5, low=0.2, high=2.0)],
           grad=[0, 1]),
]  # fmt: skip


def _chance(x, t, weight=None, *, reduction="mean"):
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    each = np.where((x >= 0) & (x <= 1), -(t * logs[0] + (1 - t) * logs[1]), np.nan)
    return _reduced(each * (1.0 if weight is None else weight), x.size, reduction)


_BAD_PAIRS = [
    ((normal(5, 7), normal(7)), {}, ValueError, r"target has shape \(7,\); expected x's \(5, 7\)"),
    ((normal(5, 7), normal(5, 7)), {"reduction": None}, ValueError, "reduction must be one of"),
]
_BAD_BCE = [
    *_BAD_PAIRS,
    ((normal(5, 7), normal(5, 7), normal(6)), {}, ValueError, r"weight has shape \(6,\); expected one that broadcasts"),
    ((normal(5, 7), normal(5, 7), None, normal(5)), {}, ValueError, r"pos_weight has shape \(5,\)"),
]

# ---- counts ----


def _poisson(x, t, *, log_input=True, full=False, eps=1e-8, reduction="mean"):
    each = np.exp(x) - t * x if log_input else x - t * np.log(x + eps)
    if full:
        n = np.maximum(t, 1e-9)
        each = each + np.where(t > 1, n * np.log(n) - n + 0.5 * np.log(2 * np.pi * n), 0.0)
    return _reduced(each, x.size, reduction)


def _counts(*shape):
    return np.random.default_rng(shape).integers(0, 6, shape).astype(np.float32)


_COUNTED = [
    *[Sample(s.arrays, s.options, grad=[0] if s.grad is None else s.grad) for s in _pairs(normal, _counts)],
    Sample([normal(5, 7), _counts(5, 7)], {"full": True, "reduction": "none"}, grad=[0]),
    Sample([normal(5, 8, low=0.2, high=3.0), _counts(5, 8)], {"log_input": False, "reduction": "sum"}, grad=[0]),
    Sample([normal(5, 8, low=0.2, high=3.0), _counts(5, 8)], {"log_input": False, "full": True, "eps": 0.1}, grad=[0]),
]
_BAD_COUNTED = [
    ((normal(5, 7), normal(7)), {}, ValueError, r"target has shape \(7,\); expected \(5, 7\), as x has"),
    ((normal(3), normal(3)), {"reduction": "all"}, ValueError, "reduction must be one of"),
    ((normal(3), normal(3)), {"eps": 0}, ValueError, "eps must be positive"),
]

_CLASS = {"broadcast": "target has x's shape without the classes, or with them"}
_SAME = {"broadcast": "target must have x's shape"}
OPS = [
    Op("cross_entropy", loss.cross_entropy, _cross_entropy, _CROSS, _BAD_CROSS, rtol=3e-6, atol=3e-6, without=_CLASS),
    Op("nll_loss", loss.nll_loss, _nll, _IN_CLASSES[:-1], _BAD_NLL, without=_CLASS),
    Op("mse_loss", loss.mse_loss, _elements(lambda x, t: (x - t) ** 2), _APART, _BAD_PAIRS, without=_SAME),
    Op("l1_loss", loss.l1_loss, _elements(lambda x, t: np.abs(x - t)), _APART, _BAD_PAIRS, without=_SAME),
    Op("smooth_l1_loss", loss.smooth_l1_loss, _elements(_smooth_l1), [*_APART, *_BETAS],
       [*_BAD_PAIRS, ((normal(3), normal(3)), {"beta": -0.5}, ValueError, "beta must not be negative, got -0.5")],
       without=_SAME),
    Op("binary_cross_entropy", loss.binary_cross_entropy, _chance, _SURE, _BAD_BCE[:-1], rtol=3e-6),
    Op("bce_with_logits", _run_bce, _bce, _BCE, _BAD_BCE, rtol=3e-6),
    Op("poisson_nll_loss", F.poisson_nll_loss, _poisson, _COUNTED, _BAD_COUNTED, rtol=4e-6, atol=4e-6, without=_SAME),
]  # fmt: skip
