"""Records of encoders and decoders that are plain functions of their input."""

import numpy as np
from op_table import Op, Sample, apart, normal

from grilly_vk import decode, encode


def _train(*shape, p=0.3, seed=0):
    return (np.random.default_rng([seed, *shape]).random(shape) < p).astype(np.float32)


def _grid(*shape, seed=0):
    """Multiples of 1/8: their differences are exact."""
    return (np.random.default_rng([seed, *shape]).integers(-16, 17, shape) / 8).astype(np.float32)


# ---- encoders ----


def _direct(x, T):
    return np.broadcast_to(x, (T, *x.shape)).copy()


def _delta(x, threshold, padding=False, off_spikes=False):
    change = np.diff(x, axis=0, prepend=x[:1] if padding else np.zeros_like(x[:1]))
    return (change >= threshold) * 1.0 - (change <= -threshold) * float(off_spikes)


def _phase(x, T=None, K=8):
    whole = np.minimum(np.floor(x * 2.0**K), 2.0**K - 1).astype(np.int64)
    places = K - 1 - np.arange(K if T is None else T) % K
    return ((whole >> places.reshape(-1, *[1] * x.ndim)) & 1).astype(float)


def _fields(x, n_neurons, low, high, beta=1.5):
    i = np.arange(1, n_neurons + 1)
    centres = low + (2 * i - 3) / 2 * (high - low) / (n_neurons - 2)
    sigma = (high - low) / (n_neurons - 2) / beta
    return np.exp(-((x[..., None] - centres) ** 2) / (2 * sigma**2))


_UNIT = np.array([0, 1, 0.5, 2**-8, 2**-9, 1 - 2**-8, 255.5 / 256, 2**-31, 1 - 2**-24, 192 / 256], np.float32)
_FIELDS = {"n_neurons": 7, "low": -2.0, "high": 3.0}
_ENCODERS = [
    Op(
        "direct",
        encode.direct,
        _direct,
        [
            *(Sample([normal(*s)], {"T": t}) for s in ((3, 4), (5,), ()) for t in (1, 2, 7)),
            Sample([normal(4)], {"T": 0}, grad=[]),
            Sample([normal(0, 3)], {"T": 4}),
            Sample([np.arange(5, dtype=np.int32)], {"T": 3}),
        ],
        [
            ((normal(3),), {"T": -1}, ValueError, "T must be at least 0"),
            ((normal(3),), {"T": 2.0}, TypeError, "T must be a whole number, not float"),
            (("abc",), {"T": 2}, TypeError, "x must be a Tensor, or hold real numbers"),
        ],
    ),
    Op(
        "delta",
        encode.delta,
        _delta,
        [
            *(
                Sample([_grid(9, *s)], {"threshold": 0.5, "padding": p, "off_spikes": o})
                for s in ((8,), (3, 3), ())
                for p in (False, True)
                for o in (False, True)
            ),
            Sample([_grid(1, 5)], {"threshold": 0.125}),
            Sample([_grid(0, 5)], {"threshold": 0.125}),
            Sample([_grid(4, 0)], {"threshold": 0.125}),
        ],
        [
            ((normal(3),), {"threshold": 0.0}, ValueError, "threshold must be positive, got 0.0"),
            ((normal(),), {"threshold": 1.0}, ValueError, r"x has shape \(\); expected \(T, ...\)"),
            (([1.0, float("nan")],), {"threshold": 1.0}, ValueError, "x must hold finite numbers, got 1 NaN"),
            ((normal(3),), {"threshold": 1.0, "padding": 1}, TypeError, "padding must be True or False"),
        ],
        differentiable=False,
    ),
    Op(
        "phase",
        encode.phase,
        _phase,
        [
            Sample([_UNIT]),
            Sample([_UNIT], {"K": 31, "T": 40}),
            Sample([_UNIT], {"K": 1}),
            Sample([normal(4, 8, low=0, high=1)], {"K": 5, "T": 12}),
            Sample([normal(3, 3, low=0, high=1)], {"K": 24, "T": 5}),
            Sample([np.array(0.7, np.float32)], {"T": 0}),
            Sample([normal(0, 4)]),
        ],
        [
            (([0.5, 1.5],), {}, ValueError, r"x must lie in \[0, 1\], got values from 0.5 to 1.5"),
            (([0.5],), {"K": 32}, ValueError, r"K must lie in \[1, 31\], got 32"),
            (([0.5],), {"K": 0}, ValueError, "K must be at least 1"),
            (([0.5],), {"T": -3}, ValueError, "T must be at least 0"),
        ],
        differentiable=False,
    ),
    Op(
        "receptive_fields",
        encode.receptive_fields,
        _fields,
        [
            Sample([normal(4, 3)], _FIELDS),
            Sample([normal(5) * 10], {**_FIELDS, "beta": 0.5}),
            Sample([normal()], {"n_neurons": 3, "low": 0, "high": 1}),
            Sample([normal(0)], _FIELDS),
        ],
        [
            ((normal(3),), {**_FIELDS, "n_neurons": 2}, ValueError, "n_neurons must be at least 3"),
            ((normal(3),), {**_FIELDS, "low": 3}, ValueError, "low must lie below high, got 3 and 3.0"),
            ((normal(3),), {**_FIELDS, "beta": 0}, ValueError, "beta must be positive, got 0"),
            (([np.inf],), _FIELDS, ValueError, "x must hold finite numbers, got inf"),
        ],
        # exp of a square: off**2 has 2 rounding errors of 2**-24 relative, off up to about 10 here.
        atol=3e-6,
    ),
]

# ---- decoders ----


def _last(s, K=8):
    weights = 2.0 ** -(1 + np.arange(len(s)) % K)
    return np.tensordot(weights, s, (0, 0)) * K / len(s)


def _membrane(v, how="max"):
    return {"max": v.max, "mean": v.mean}[how](0) if how != "last" else v[-1]


def _vote(s, num_classes):
    return s.reshape(*s.shape[:-1], num_classes, s.shape[-1] // num_classes).sum((0, -1))


def _first(s):
    hits = s > 0
    return (np.where(hits.any(0), hits.argmax(0), len(s)) if len(s) else np.zeros(s.shape[1:])).astype(np.int32)


_RUNS = [Sample([x]) for x in (_train(9, 2, 4), _train(5, 3), _train(7), _train(1, 6), normal(4, 5), _train(3, 0, 2))]
_NO_TIME = [
    ((normal(),), {}, ValueError, r"has shape \(\); expected \(T, ...\)"),
    (("abc",), {}, TypeError, "must be a Tensor, or hold real numbers"),
]
_NO_STEPS = [*_NO_TIME, ((normal(0, 3),), {}, ValueError, r"has shape \(0, 3\): no time steps; expected at least 1")]
_DECODERS = [
    Op("decode.rate", decode.rate, lambda s: s.mean(0), _RUNS, _NO_STEPS),
    Op("decode.count", decode.count, lambda s: s.sum(0), [*_RUNS, Sample([normal(0, 3)])], _NO_TIME),
    Op(
        "decode.first_spike",
        decode.first_spike,
        _first,
        [*_RUNS, Sample([normal(0, 3)]), Sample([_train(40, 33, p=0.03)]), Sample([_train(6, 4) - 1])],
        _NO_TIME,
        differentiable=False,
    ),
    Op(
        "decode.membrane",
        decode.membrane,
        _membrane,
        [Sample([apart(6, *s)], {"how": h}) for s in ((2, 4), (3,), (), (0,)) for h in decode.HOW],
        [*_NO_STEPS, ((normal(3, 2),), {"how": "min"}, ValueError, "how must be one of 'max', 'mean', 'last'")],
    ),
    Op(
        "decode.population_vote",
        decode.population_vote,
        _vote,
        [
            Sample([_train(7, 3, 8)], {"num_classes": 4}),
            Sample([_train(7, 2, 2, 6)], {"num_classes": 2}),
            Sample([_train(7, 5)], {"num_classes": 5}),
            Sample([_train(4, 6)], {"num_classes": 1}),
            Sample([_train(4, 0, 6)], {"num_classes": 3}),
            Sample([_train(0, 2, 6)], {"num_classes": 3}),
        ],
        [
            ((normal(4, 2, 6),), {"num_classes": 4}, ValueError, r"\(4, 2, 6\); expected \(T, ..., 4 \* m\) for 4"),
            ((normal(6),), {"num_classes": 3}, ValueError, r"shape \(6,\); expected \(T, ..., 3 \* m\)"),
            ((normal(4, 0),), {"num_classes": 3}, ValueError, r"shape \(4, 0\); expected"),
            ((normal(4, 6),), {"num_classes": 0}, ValueError, "num_classes must be at least 1"),
            ((normal(4, 6),), {"num_classes": 2.0}, TypeError, "num_classes must be a whole number"),
        ],
    ),
    Op(
        "decode.phase",
        decode.phase,
        _last,
        [
            *(Sample([_train(*s)]) for s in ((16, 3), (8,), (8, 0))),
            *(Sample([_train(*s)], {"K": 3}) for s in ((6, 2, 4), (9, 3))),
        ],
        [
            ((normal(9, 2),), {}, ValueError, r"shape \(9, 2\); expected a multiple of K = 8 steps"),
            ((normal(32, 2),), {"K": 32}, ValueError, r"K must lie in \[1, 31\], got 32"),
        ],
    ),
]

OPS = [*_ENCODERS, *_DECODERS]
