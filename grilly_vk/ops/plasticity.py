"""Learning rules on a weight matrix (out, in): Hebbian (plain, Oja, BCM) and pair STDP with traces.

Spikes and activities come as (T, B, n).  Weights, traces, thresholds and eligibilities stay on the device.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arguments
from ..tensor import Tensor, empty, from_numpy

_PIECE = 1 << 26  # bytes of one upload of a long run
_SCRATCH = 1 << 24  # elements of the traces that one launch may leave for the next
_MOST_STEPS = 1 << 16  # steps that one invocation may walk in one submit

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class PairRule:
    """The numbers of pair STDP: decay of the traces a step, amplitudes, bounds."""

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
        bound: str,
        pairing: str,
    ) -> PairRule:
        """From time constants in milliseconds and dt in seconds.

        Raises:
            TypeError, ValueError: the message names the argument.
        """
        low, high = factor("w_min", w_min), factor("w_max", w_max)
        if low >= high:
            raise ValueError(f"w_min ({low}) must be below w_max ({high})")
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
    keep: float  # factor on the eligibility a step
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


def pieces(pre: Tensor | np.ndarray, post: Tensor | np.ndarray) -> Iterator[Pair]:
    """The run (T, B, n) on the device, in stretches of steps where it is too large for one buffer."""
    steps = pre.shape[0]
    largest = max(4 * math.prod(v.shape[1:]) for v in (pre, post))
    rows = max(1, _PIECE // max(1, largest))
    for start in range(0, steps, rows):
        stop = min(steps, start + rows)
        yield _stretch(pre, start, stop), _stretch(post, start, stop)


def _stretch(values: Tensor | np.ndarray, start: int, stop: int) -> Tensor:
    return values.rows(start, stop) if isinstance(values, Tensor) else from_numpy(values[start:stop])


def _spans(tensor: Tensor, steps: int, work_per_step: int, most: int) -> Iterator[tuple[int, int]]:
    size = max(1, min(tensor.engine.steps_per_submit(work_per_step), most))
    for start in range(0, steps, size):
        yield start, min(steps, start + size)


def _copy(tensor: Tensor) -> Tensor:
    out = empty(tensor.shape, tensor.dtype)
    tensor.engine.launch("copy", tensor.size, src=tensor, dst=out, n=tensor.size)
    return out


# ---- Hebbian ----


def hebbian(
    weight: Tensor,
    run: Iterable[Pair],
    samples: int,
    *,
    rule: str,
    learning_rate: float,
    weight_decay: float,
    theta: Tensor | None = None,
    blend: float = 0.0,
) -> tuple[Tensor, Tensor | None]:
    """One update by the mean over all samples.

    Args:
        weight: (out, in).
        run: the activities, pairs of (T, B, in) and (T, B, out).
        samples: T * B over all of them, at least one.
        rule: "hebb", "oja" or "bcm".
        learning_rate, weight_decay: as in `nn.HebbianLayer.update_weights`.
        theta: threshold (out,) of the BCM rule.
        blend: how far theta moves to the mean square of post in one step.

    Returns:
        The weights and the threshold: the tensors given, changed, or new ones where the run came in pieces.
    """
    outs, ins = weight.shape
    rate, shrink = learning_rate / samples, learning_rate * weight_decay
    target: Tensor | None = None
    for pre, post in run:
        if rule == "bcm":
            assert theta is not None
            if target is None and pre.shape[0] * pre.shape[1] < samples:
                theta = _copy(theta)  # an error in a later piece must leave the old one as it was
            post = _bcm_factor(post, theta, blend)
        n = pre.shape[0] * pre.shape[1]
        flat_pre, flat_post = pre.reshape((n, ins)), post.reshape((n, outs))
        for start, stop in _spans(weight, n, outs * ins // 4, _MOST_STEPS):
            whole = stop - start == samples
            if target is None:
                target = weight if whole else _copy(weight)
            weight.engine.launch(
                "snn-hebbian",
                -(-outs // 4) * -(-ins // 4),
                (("OJA", int(rule == "oja")), ("PIECES", int(not whole))),
                work=(stop - start) * (outs * ins // 4 + 1),
                w=target,
                pre=flat_pre.rows(start, stop),
                post=flat_post.rows(start, stop),
                base=None if whole else weight,
                ins=ins,
                outs=outs,
                n=stop - start,
                rate=rate,
                shrink=shrink,
            )
            shrink = 0.0  # once for all the pieces
    assert target is not None
    return target, theta


def _bcm_factor(post: Tensor, theta: Tensor, blend: float) -> Tensor:
    """post * (post - theta) for (T, B, out), updating theta (out,) in place."""
    steps, batch, outs = post.shape
    factor = empty(post.shape)
    for start, stop in _spans(post, steps, batch * outs, max(1, _MOST_STEPS // batch)):
        post.engine.launch(
            "snn-bcm",
            outs,
            work=(stop - start) * batch * outs,
            y=post.rows(start, stop),
            theta=theta,
            c=factor.rows(start, stop),
            outs=outs,
            batch=batch,
            steps=stop - start,
            blend=blend,
        )
    return factor


# ---- spike-timing-dependent plasticity ----


def spike_traces(spikes: Tensor, state: Tensor, keep: float, *, nearest: bool = False) -> Tensor:
    """Exponential traces of spikes (T, ...) after each step, updating state (...) in place."""
    out = empty(spikes.shape)
    for start, stop in _spans(spikes, spikes.shape[0], state.size, _MOST_STEPS):
        _trace(spikes.rows(start, stop), state, out.rows(start, stop), None, keep, nearest)
    return out


def _trace(
    spikes: Tensor, state: Tensor, trace: Tensor, events: Tensor | None, keep: float, nearest: bool
) -> None:
    steps = spikes.shape[0]
    state.engine.launch(
        "snn-stdp-traces",
        state.size,
        (("NEAREST", int(nearest)), ("AFTER", int(events is None))),
        work=steps * state.size,
        s=spikes,
        state=state,
        trace=trace,
        events=events,
        n=state.size,
        steps=steps,
        decay=keep,
    )


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
    spans = list(_spans(weight, steps, batch * outs * ins // 2, most))
    longest = max(stop - start for start, stop in spans)
    # The traces of both sides lie one behind the other in one buffer, and so do the event words.
    scratch = empty((longest * row,))
    events = empty((-(-longest // 32) * row,), np.uint32)
    amplitude = (learning_rate if reward is None else 1.0) / batch
    for start, stop in spans:
        count = stop - start
        cut, end = count * batch * ins, count * row
        word = -(-count // 32) * batch
        sides = (
            (pre, pre_trace, scratch.rows(0, cut), events.rows(0, word * ins), rule.decay_plus),
            (post, post_trace, scratch.rows(cut, end), events.rows(word * ins, word * (ins + outs)), rule.decay_minus),
        )
        for spikes, state, trace, marks, keep in sides:
            _trace(spikes.rows(start, stop), state, trace, marks, keep, rule.nearest)
        weight.engine.launch(
            "snn-stdp",
            -(-outs // 4) * -(-ins // 4),
            (
                ("SOFT", int(rule.soft)),
                ("VALUES", int(batch > 1 or not binary)),
                ("REWARD", int(reward is not None)),
            ),
            work=count * (batch * outs * ins // 2 + 1),
            w=weight,
            pre=pre.rows(start, stop),
            post=post.rows(start, stop),
            trace=scratch,
            events=events,
            eligibility=None if reward is None else reward.eligibility,
            reward=None if reward is None else reward.signal.rows(start, stop),
            ins=ins,
            outs=outs,
            batch=batch,
            steps=count,
            plus=amplitude * rule.a_plus,
            minus=amplitude * rule.a_minus,
            low=rule.low,
            high=rule.high,
            keep=0.0 if reward is None else reward.keep,
            rate=0.0 if reward is None else reward.rate,
        )
