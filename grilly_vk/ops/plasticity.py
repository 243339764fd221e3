"""Learning rules on a weight matrix (out, in): Hebbian (plain, Oja, Sanger, BCM) and pair STDP with traces.

Spikes and activities come as (T, B, n).  Weights, traces, thresholds and eligibilities stay on the device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .. import arguments
from ..runtime.host import HostCall
from ..runtime.kernel import Kernel, spans
from ..tensor import Tensor, empty, from_numpy, full
from .exchange import assign_all
from .steps import Run, pieces, restoring, steps_at_once

# What each rule adds to W, with means over batch and time; a new one is a line here and its part in `hebbian`.
RULES = {
    "hebb": "``lr * mean(post (x) pre)`` (Hebb 1949)",
    "oja": "``lr * (mean(post (x) pre) - mean(post^2) * W)``, which keeps the weights bounded and finds the first "
    'principal component (Oja 1982, "Simplified neuron model as a principal component analyzer")',
    "oja_subspace": "``lr * (mean(post (x) pre) - mean(post (x) post) @ W)``, whose outputs span the subspace of the "
    'first principal components (Oja 1989, "Neural networks, principal components, and subspaces")',
    "sanger": "the same with the lower triangle of ``mean(post (x) post)``, which finds those components one by one, "
    'in order (Sanger 1989, "Optimal unsupervised learning in a single-layer linear feedforward neural network")',
    "bcm": "``lr * mean(post * (post - theta) (x) pre)``, where theta is a sliding mean of post^2 (Bienenstock, Cooper "
    '& Munro 1982, "Theory for the development of neuron selectivity")',
}
_OVERLAP = ("oja_subspace", "sanger")  # rules by which outputs take from each other what they share
_SCRATCH = 1 << 24  # elements of the traces that one launch may leave for the next
_MOST_STEPS = 1 << 16  # steps that one invocation may walk in one submit


def _squares(given: Mapping[str, Any]) -> int:
    """A weight matrix in squares of four by four."""
    return -(-int(given["outs"]) // 4) * -(-int(given["ins"]) // 4)


_HEBBIAN = Kernel("snn-hebbian", _squares)
_OVERLAP_OFF = Kernel("snn-hebbian-overlap", _squares)
_BCM = Kernel("snn-bcm", over="outs", cut="y c")
_TRACES = Kernel("snn-stdp-traces", cut="s trace")
_TRACES_NOW = Kernel("snn-stdp-traces")
_STDP = Kernel("snn-stdp", _squares, cut="pre post reward")
_HOST_HEBBIAN = HostCall("host-hebbian")
_HOST_STDP = HostCall("host-stdp")
_HOST_BATCH = 2  # samples from which products of all spikes are faster than a kernel that looks for them


@dataclass(frozen=True)
class PairRule:
    """The numbers of pair STDP: decay of the traces per step, amplitudes, bounds."""

    decay_plus: float
    decay_minus: float
    a_plus: float
    a_minus: float
    low: float
    high: float
    soft: bool
    nearest: bool

    @staticmethod
    def checked(
        *,
        tau_plus: float,
        tau_minus: float,
        a_plus: float,
        a_minus: float,
        w_min: float,
        w_max: float,
        dt: float,
        bound: Literal["hard", "soft"],
        pairing: Literal["all", "nearest"],
    ) -> PairRule:
        """From time constants in milliseconds and dt in seconds.

        Raises:
            TypeError, ValueError: the message names the argument.
        """
        low, high = factor("w_min", w_min), factor("w_max", w_max)
        if np.float32(low) >= np.float32(high):
            raise ValueError(f"w_min ({low}) must be below w_max ({high}) in float32")
        return PairRule(
            decay("tau_plus", tau_plus, dt),
            decay("tau_minus", tau_minus, dt),
            factor("a_plus", a_plus),
            factor("a_minus", a_minus),
            low,
            high,
            arguments.choice("bound", bound, ("hard", "soft")) == "soft",
            arguments.choice("pairing", pairing, ("all", "nearest")) == "nearest",
        )


@dataclass(frozen=True)
class Reward:
    """What turns STDP into its reward-modulated form: W += rate * reward_t * eligibility at each step."""

    signal: Tensor  # (T,)
    eligibility: Tensor  # (out, in)
    keep: float  # factor on the eligibility per step
    rate: float


def decay(name: str, tau: Any, dt: Any) -> float:
    """The factor of one step: tau in milliseconds, dt in seconds."""
    return math.exp(-1000.0 * arguments.positive("dt", dt) / arguments.positive(name, tau))


def factor(name: str, value: Any) -> float:
    """A number that, times another such, still is a float32."""
    return arguments.between(name, value, -1e18, 1e18)


def is_binary(values: Tensor | np.ndarray) -> bool:
    """Whether a host array holds nothing but 0.0 and 1.0.  Not asked of tensors: that would wait for the device."""
    if isinstance(values, Tensor):
        return False
    bits = values.view(np.uint32)
    return bool(((bits == 0) | (bits == 0x3F800000)).all())


def runs(pre_name: str, pre: Any, ins: int, post_name: str, post: Any, outs: int) -> tuple[Run, Run, tuple[int, ...]]:
    """Both sides' activities (n,), (B, n) or (T, B, n) as (T, B, n), and the leading axes that they came with.

    Raises:
        TypeError, ValueError: no float32 tensor and no real numbers, or shapes that don't fit each other or the
            weights; the message names the argument.
    """
    before, after = _activity(pre_name, pre, ins), _activity(post_name, post, outs)
    lead = before.shape[:-1]
    if after.shape[:-1] != lead:
        raise ValueError(
            f"{post_name} has shape {after.shape}; expected {(*lead, outs)}, for the same batch and steps as the "
            "presynaptic side"
        )
    ones = (1,) * (2 - len(lead))
    return before.reshape(ones + before.shape), after.reshape(ones + after.shape), lead


def _activity(name: str, values: Any, n: int) -> Run:
    given = arguments.tensor(name, values) if isinstance(values, Tensor) else arguments.array(name, values)
    shape = given.shape
    if not 1 <= len(shape) <= 3 or shape[-1] != n:
        raise ValueError(f"{name} has shape {shape}; expected ({n},), (B, {n}) or (T, B, {n})")
    return given


def threshold_blend(tau_theta: Any) -> float:
    """How far the BCM threshold moves in a step."""
    return -math.expm1(-1.0 / arguments.positive("tau_theta", tau_theta))


def reward_signal(reward: Any, steps: int) -> np.ndarray:
    """A reward as float32 (T,)."""
    given = arguments.array("reward", reward)
    if given.ndim > 1 or (given.ndim == 1 and len(given) != steps):
        raise ValueError(f"reward has shape {given.shape}; expected one number or ({steps},)")
    return np.ascontiguousarray(np.broadcast_to(given, (steps,)))


# ---- Hebbian ----


def hebbian(
    weight: Tensor,
    pre: Run,
    post: Run,
    *,
    rule: str,
    learning_rate: float,
    weight_decay: float,
    theta: Tensor | None = None,
    blend: float = 0.0,
) -> None:
    """One update by the mean over all samples, in place on the weights and the threshold.

    A run that takes several launches builds the new weights beside the old ones: an error in between leaves
    both as they were.

    Args:
        weight: (out, in).
        pre, post: activities (T, B, in) and (T, B, out) of any length, T and B at least one.
        rule: one of RULES.
        learning_rate, weight_decay: as in `nn.HebbianLayer.update_weights`.
        theta: threshold (out,) of the BCM rule; None with the others.
        blend: how far theta moves to the mean square of post in one step.
    """
    outs, ins = weight.shape
    samples = pre.shape[0] * pre.shape[1]
    rate, shrink = learning_rate / samples, learning_rate * weight_decay
    effort = outs * ins // 4
    whole = (
        pre.shape[0] <= steps_at_once(pre, post)
        and spans(weight.engine, samples, effort, _MOST_STEPS)[0].stop == samples
    )
    overlap = full((outs, outs), 0.0, on=weight.engine) if rule in _OVERLAP else None
    beside = not whole or overlap is not None
    target = weight.copy() if beside else weight
    level = theta if whole or theta is None else theta.copy()
    for before, after in pieces(pre, post, on=weight.engine):
        if level is not None:
            after = _bcm_factor(after, level, blend)
        n = before.shape[0] * before.shape[1]
        flat_pre, flat_post = before.reshape((n, ins)), after.reshape((n, outs))
        for start, stop, _ in [(0, n, n)] if whole else spans(weight.engine, n, effort, _MOST_STEPS):
            x, y = flat_pre._rows(start, stop), flat_post._rows(start, stop)
            _add_products(target, x, y, weight if beside else None, rate, shrink, oja=rule == "oja")
            if overlap is not None:
                _add_products(overlap, y, y, None, rate, 0.0)
            shrink = 0.0  # once for all the pieces
    if overlap is not None:
        _take_overlap(target, overlap, weight, lower=rule == "sanger")
    both = ((weight, target), (theta, level))
    assign_all((old, new) for old, new in both if new is not None and old is not None and new is not old)


def _add_products(
    w: Tensor, pre: Tensor, post: Tensor, base: Tensor | None, rate: float, shrink: float, *, oja: bool = False
) -> None:
    """w += rate * post.T pre - shrink * w and Oja's term, which are of `base` where one is given."""
    outs, ins = w.shape
    n = pre.shape[0]
    if _host_takes(w, n, rate):
        _HOST_HEBBIAN(
            w.engine, w=w, pre=pre, post=post, base=base, ins=ins, outs=outs, n=n, oja=oja, pieces=base is not None,
            rate=rate, shrink=shrink, work=n * outs * ins // 64,
        )  # fmt: skip
        return
    _HEBBIAN(
        w=w, pre=pre, post=post, base=base, ins=ins, outs=outs, n=n, rate=rate, shrink=shrink,
        work=n * (outs * ins // 4 + 1), OJA=oja, PIECES=base is not None,
    )  # fmt: skip


def _host_takes(w: Tensor, samples: int, *factors: float) -> bool:
    """Whether the host multiplies so many samples for each weight.  Its BLAS sees no NaN behind a factor of 0."""
    return w.engine.host_does(w.count * samples) and all(np.float32(f) != 0 for f in factors)


def _take_overlap(w: Tensor, overlap: Tensor, base: Tensor, *, lower: bool) -> None:
    """w -= overlap @ base, or the lower triangle of overlap."""
    outs, ins = w.shape
    _OVERLAP_OFF(w=w, m=overlap, base=base, ins=ins, outs=outs, work=outs * (outs * ins // 4 + 1), LOWER=lower)


def _bcm_factor(post: Tensor, theta: Tensor, blend: float) -> Tensor:
    """post * (post - theta) for (T, B, out), updating theta (out,) in place."""
    steps, batch, outs = post.shape
    factor = empty(post.shape, on=post.engine)
    for span in spans(post.engine, steps, batch * outs, max(1, _MOST_STEPS // batch)):
        _BCM(y=post, theta=theta, c=factor, outs=outs, batch=batch, steps=span, blend=blend, work=batch * outs)
    return factor


# ---- spike-timing-dependent plasticity ----


def spike_traces(spikes: Tensor, state: Tensor, keep: float, *, nearest: bool = False) -> Tensor:
    """Exponential traces of spikes (T, ...) after each step, updating state (...) in place."""
    out = empty(spikes.shape, on=spikes.engine)
    for span in spans(spikes.engine, spikes.shape[0], state.count, _MOST_STEPS):
        _TRACES(
            s=spikes, state=state, trace=out, events=None, n=state.count, steps=span, decay=keep, NEAREST=nearest,
            AFTER=True,
        )  # fmt: skip
    return out


def stdp(
    weight: Tensor,
    pre: Tensor,
    post: Tensor,
    pre_trace: Tensor,
    post_trace: Tensor,
    rule: PairRule,
    *,
    learning_rate: float = 1.0,
    binary: bool = False,
    reward: Reward | None = None,
) -> None:
    """Runs STDP over T steps in three dispatches, updating weight and traces (and eligibility) in place.

    Args:
        weight: (out, in).
        pre, post: spikes (T, B, in) and (T, B, out), T and B at least one.
        pre_trace, post_trace: (B, in), (B, out).
        rule: the constants.
        learning_rate: factor on both amplitudes; with a reward its `rate` counts instead.
        binary: whether every spike since the traces were zero was 0.0 or 1.0, which lets the kernel read
            spikes out of the event bits.
        reward: the reward-modulated form.
    """
    steps, batch, ins = pre.shape
    outs = post.shape[2]
    row = batch * (ins + outs)
    most = max(1, min(_MOST_STEPS // batch, _SCRATCH // row))
    cuts = spans(weight.engine, steps, batch * outs * ins // 2, most)
    longest = max(span.stop - span.start for span in cuts)
    # The traces of both sides lie one behind the other in one buffer, and so do the event words.
    scratch = empty((longest * row,), on=weight.engine)
    events = empty((-(-longest // 32) * row,), np.uint32, weight.engine)
    amplitude = (learning_rate if reward is None else 1.0) / batch
    for span in cuts:
        count = span.stop - span.start
        cut, end = count * batch * ins, count * row
        word = -(-count // 32) * batch
        middle, last = word * ins, word * (ins + outs)
        sides = (
            (pre, pre_trace, scratch._rows(0, cut), events._rows(0, middle), rule.decay_plus),
            (post, post_trace, scratch._rows(cut, end), events._rows(middle, last), rule.decay_minus),
        )
        for spikes, state, trace, marks, keep in sides:
            _TRACES_NOW(
                s=spikes._rows(span.start, span.stop), state=state, trace=trace, events=marks, n=state.count,
                steps=count, decay=keep, work=count * state.count, NEAREST=rule.nearest, AFTER=False,
            )  # fmt: skip
        plus, minus = amplitude * rule.a_plus, amplitude * rule.a_minus
        plain = not rule.soft and reward is None
        products = batch >= _HOST_BATCH and _host_takes(weight, 2 * count * batch, plus, minus)
        passes = batch == 1 and weight.engine.host_streams(weight.count)
        if plain and (products or passes):
            _HOST_STDP(
                weight.engine, w=weight, pre=pre, post=post, trace=scratch, ins=ins, outs=outs, batch=batch,
                first=span.start, steps=count, plus=plus, minus=minus, low=rule.low, high=rule.high,
                work=count * batch * outs * ins // 32,
            )  # fmt: skip
            continue
        _STDP(
            w=weight, pre=pre, post=post, trace=scratch, events=events,
            eligibility=None if reward is None else reward.eligibility,
            reward=None if reward is None else reward.signal, ins=ins, outs=outs, batch=batch, steps=span,
            plus=plus, minus=minus, low=rule.low, high=rule.high,
            keep=0.0 if reward is None else reward.keep, rate=0.0 if reward is None else reward.rate,
            work=batch * outs * ins // 2 + 1, SOFT=rule.soft, VALUES=batch > 1 or not binary,
            REWARD=reward is not None,
        )  # fmt: skip


def learn(
    weight: Tensor,
    pre: Run,
    post: Run,
    traces: tuple[Tensor, Tensor],
    rule: PairRule,
    rate: float,
    binary: bool,
    signal: np.ndarray | None,
    eligibility: Tensor | None,
    keep: float | None,
) -> None:
    """`stdp` over a run (T, B, n) of any length, in place on weight, traces and eligibility.

    If memory runs out in between, all of them are as they were.
    """
    state = [weight, *traces] if eligibility is None else [weight, *traces, eligibility]
    rewards = None if signal is None else from_numpy(signal, on=weight.engine)
    start = 0
    with restoring(state, when=pre.shape[0] > steps_at_once(pre, post)):
        for before, after in pieces(pre, post, on=weight.engine):
            stop = start + before.shape[0]
            reward = None
            if rewards is not None and eligibility is not None and keep is not None:
                reward = Reward(rewards._rows(start, stop), eligibility, keep, rate)
            stdp(weight, before, after, *traces, rule, learning_rate=rate, binary=binary, reward=reward)
            start = stop
