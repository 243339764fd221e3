"""Records of the synapses over time: filters, short-term plasticity, and delays of every connection."""

import numpy as np
import synapse_models as model
from op_table import Op, Sample, normal

import grilly_vk.functional as F
from grilly_vk.tensor import from_numpy


def number(value):
    return np.array(value, np.float32)


def spikes(*shape, p=0.4):
    """Zeros and sizes of spikes, each at its place by a fixed seed."""
    rng = np.random.default_rng([7, *shape])
    return ((rng.random(shape) < p) * rng.uniform(0.5, 1.5, shape)).astype(np.float32)


def inside(*shape, seed=0):
    """Utilisations and resources."""
    return normal(*shape, seed=seed, low=0.1, high=0.9)


def between(outs, ins, most, seed=0):
    """Real delays in [0, most], away from whole steps."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, most, (outs, ins)) + rng.uniform(0.1, 0.9, (outs, ins))).astype(np.float32)


def whole(outs, ins, most, seed=0):
    """Delays in whole steps."""
    return np.random.default_rng(seed).integers(0, most, (outs, ins), np.int32, endpoint=True)


_SHAPES = [(5, 7), (6, 8), (1, 1), (4, 2, 3), (0, 3)]
_STP = [number(8.0), number(3.0), number(0.3)]
_WEIGHTS = [number(2.0), number(6.0), number(0.7), number(-0.4)]
_DELAYS = [  # T, B, in, out, max_delay
    (9, 3, 4, 2, 3), (2, 1, 5, 3, 4), (1, 2, 1, 1, 1), (0, 2, 3, 2, 2),
]  # fmt: skip


def _delays(kind):
    out = []
    for T, B, ins, outs, most in _DELAYS:
        arrays = [normal(T, B, ins), normal(outs, ins, seed=1), kind(outs, ins, most)]
        arrays += [normal(outs, seed=2), normal(most, B, ins, seed=3)] if T != 2 else []
        out.append(Sample(arrays, {"max_delay": most}))
    return out


_X, _W = normal(4, 2, 3), normal(2, 3)
_TWO = "x, weight and delay have shapes of their own"
OPS = [
    Op("synapse_filter", F.synapse_filter, model.synapse_filter,
       [Sample([normal(*s), normal(*s[1:], seed=1), number(0.7 * len(s))]) for s in _SHAPES],
       [((normal(), 0.0), {}, ValueError, r"x has shape \(\); expected \(T, ...\)"),
        ((normal(4, 3), normal(4)), {}, ValueError, r"state has shape \(4,\); expected one step of x, \(3,\)"),
        ((normal(4, 3), 0.0, 0.0), {}, ValueError, "tau_syn must be positive, got 0.0"),
        ((normal(4, 3), 0.0, from_numpy(normal(2))), {}, ValueError, r"tau_syn must be one number, not of"),
        ((normal(4, 3), 0.0, "a"), {}, TypeError, "tau_syn must be a number, not str")],
       arrays=False),
    Op("dual_timescale", F.dual_timescale, model.dual_timescale,
       [Sample([normal(*s), normal(*s[1:], seed=1), normal(*s[1:], seed=2), *_WEIGHTS]) for s in _SHAPES],
       [((normal(4, 3),), {"slow": normal(2)}, ValueError, r"slow has shape \(2,\)"),
        ((normal(4, 3),), {"tau_slow": -1.0}, ValueError, "tau_slow must be positive"),
        ((normal(4, 3),), {"w_fast": "a"}, TypeError, "w_fast must be a number, not str")],
       arrays=False),
    Op("stp", F.stp, model.stp,
       [Sample([normal(*s) + 3, inside(*s[1:]), inside(*s[1:], seed=1), *_STP]) for s in _SHAPES]
       + [Sample([spikes(*s), inside(*s[1:]), inside(*s[1:], seed=1), *_STP], grad=[1, 2, 3, 4, 5])
          for s in [(12, 5), (12, 4)]],
       [((normal(4, 3),), {"U": 1.5}, ValueError, r"U must lie in \[0.0, 1.0\], got 1.5"),
        ((normal(4, 3),), {"u": normal(4)}, ValueError, r"u has shape \(4,\)"),
        ((normal(4, 3),), {"tau_d": 0}, ValueError, "tau_d must be positive"),
        ((["a"],), {}, TypeError, "x must hold real numbers")],
       arrays=False),
    Op("delayed_linear", F.delayed_linear, model.delayed_linear, _delays(whole),
       [((_X, normal(2, 4), whole(2, 4, 2)), {"max_delay": 2}, ValueError, r"x has shape \(4, 2, 3\); expected"),
        ((_X, _W, whole(3, 2, 2)), {"max_delay": 2}, ValueError, r"delay has shape \(3, 2\); expected \(2, 3\)"),
        ((_X, _W, whole(2, 3, 2), normal(3)), {"max_delay": 2}, ValueError, r"bias has shape \(3,\); expected \(2,\)"),
        ((_X, _W, whole(2, 3, 2), None, normal(1, 2, 3)), {"max_delay": 2}, ValueError, "history has shape"),
        ((_X, _W, [[5] * 3] * 2), {"max_delay": 4}, ValueError, "delay goes up to 5; max_delay is 4"),
        ((_X, _W, [[-1] * 3] * 2), {}, ValueError, "delay must hold whole numbers of steps"),
        ((_X, _W, from_numpy(whole(2, 3, 2))), {}, ValueError, "max_delay must be given"),
        ((_X, _W, from_numpy(np.zeros((2, 3), bool))), {"max_delay": 1}, TypeError, "delay must be int32 or float32")],
       rtol=1e-5, atol=1e-5, exact=False, without={"broadcast": _TWO}),
    Op("delayed_linear_real", F.delayed_linear, model.delayed_linear, _delays(between),
       [((_X, _W, from_numpy(between(2, 3, 2))), {"max_delay": 0}, ValueError, "max_delay must be at least 1")],
       rtol=1e-5, atol=1e-5, exact=False, arrays=False, without={"broadcast": _TWO}),
]  # fmt: skip
