"""Synapses with delays of their own, and learning rules on the traces that meet at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..runtime.kernel import Kernel, spans
from ..tensor import Tensor, empty

_SYNAPSE = Kernel("snn-trace-synapse")
_PRODUCT = Kernel("snn-trace-product", over=lambda given: -(-given["rows"] // 4) * given["outs"])
_STDP = Kernel("snn-trace-stdp", over=lambda given: -(-given["outs"] // given["TALL"]) * -(-given["ins"] // 4))
_PEAK = Kernel("snn-trace-peak", over="steps", team=True)
_FEDE = Kernel("snn-trace-fede")
_LARGE = 1 << 14  # weights from which 4 x 4 of them an invocation repay the time to compile it


@dataclass(frozen=True)
class Delays:
    """Whole steps for each synapse, int32 (out, in), and the longest of them; `steps` None: no delays."""

    steps: Tensor | None = None
    lag: int = 0


@dataclass(frozen=True)
class Meeting:
    """What met at a layer of synapses over T steps: both sides' spikes and traces.

    Args:
        pre, pre_trace: float32 (lag + T, batch, in), the steps before the first one in front.
        post: bool (T, batch, out). post_trace: float32 (T, batch, out).
        delays: of the synapses.
    """

    pre: Tensor
    pre_trace: Tensor
    post: Tensor
    post_trace: Tensor
    delays: Delays


@dataclass(frozen=True)
class TraceRule:
    """change = plus * post spike * pre trace - minus * pre spike * post trace.

    Args:
        own_pre, own_post: what a spike adds to its own trace, where that must not count; 0 where it does.
        keep: factor on the eligibility per step; None: no eligibility, the change goes to the weights.
        low, high: bounds of the weights; None: none.
        soft: the change is also scaled by the room that is left.
    """

    plus: float
    minus: float
    own_pre: float = 0.0
    own_post: float = 0.0
    keep: float | None = None
    low: float | None = None
    high: float | None = None
    soft: bool = False


def synapses(spikes: Tensor, traces: Tensor, weight: Tensor, delays: Delays) -> tuple[Tensor, Tensor]:
    """One step of every synapse: the potential and the trace that arrive, both (batch, out, in).

    Args:
        spikes, traces: delay lines (lag + 1, batch, in). weight: (out, in).
    """
    batch, (outs, ins) = spikes.shape[1], weight.shape
    potential, trace = (empty((batch, outs, ins), on=weight.engine) for _ in range(2))
    _SYNAPSE(
        s=spikes, x=traces, w=weight, d=delays.steps, y=potential, trace=trace, ins=ins, outs=outs, batch=batch,
        lag=delays.lag, n=potential.count, DELAYED=delays.steps is not None,
    )  # fmt: skip
    return potential, trace


def arriving(line: Tensor, outs: int, delays: Delays, weight: Tensor | None) -> Tensor:
    """The sum over the synapses of each neuron, (T, batch, out), of a delay line (lag + T, batch, in).

    Args:
        weight: (out, in); None: every weight is 1.
    """
    batch, ins = line.shape[1:]
    steps = line.shape[0] - delays.lag
    out = empty((steps, batch, outs), on=line.engine)
    for start, stop, _ in spans(line.engine, steps, batch * outs * ins):
        rows = (stop - start) * batch
        _PRODUCT(
            line=line._rows(start, stop + delays.lag), w=weight, d=delays.steps, y=out._rows(start, stop), ins=ins,
            outs=outs, batch=batch, rows=rows, lag=delays.lag, work=max(1, rows * outs * ins // 4),
            WEIGHTED=weight is not None, DELAYED=delays.steps is not None,
        )  # fmt: skip
    return out


def learn(
    weight: Tensor,
    met: Meeting,
    rule: TraceRule,
    rate: float,
    eligibility: Tensor | None = None,
    reward: Tensor | None = None,
) -> None:
    """T steps of a rule in one dispatch, the mean over the batch, in place on the weights and the eligibility.

    Args:
        weight: (out, in).
        met: what happened.
        rule: the rule.
        rate: learning rate, and the reward where it is a number.
        eligibility: (batch, out, in), with `rule.keep`.
        reward: (), (T,) or (T, batch); None: it is in the rate.
    """
    steps, batch, outs = met.post.shape
    ins = met.pre.shape[2]
    bound = 0 if rule.low is None else 2 if rule.soft else 1
    tall = 4 if met.delays.steps is None and weight.count >= _LARGE else 1
    timed = reward is not None and reward.ndim > 0
    for start, stop, _ in spans(weight.engine, steps, batch * outs * ins):
        _STDP(
            w=weight, e=eligibility, reward=reward._rows(start, stop) if reward is not None and timed else reward,
            reward_step=batch if reward is not None and reward.ndim == 2 else int(timed),
            reward_sample=int(reward is not None and reward.ndim == 2),
            plus=rule.plus, minus=rule.minus, own_pre=rule.own_pre, own_post=rule.own_post, keep=rule.keep or 0.0,
            rate=rate / batch, low=rule.low or 0.0, high=rule.high or 0.0, **_sides(met, start, stop),
            work=(stop - start) * batch * outs * ins, ELIGIBLE=eligibility is not None, BOUND=bound, TALL=tall,
            REWARD=reward is not None, ALONE=batch == 1,
        )  # fmt: skip
    weight.version += 1
    if eligibility is not None:
        eligibility.version += 1


def _sides(met: Meeting, start: int, stop: int) -> dict[str, Any]:
    """Steps start..stop as the kernels take them."""
    lag, (_, batch, outs) = met.delays.lag, met.post.shape
    return {
        "pre": met.pre._rows(start, stop + lag), "before": met.pre_trace._rows(start, stop + lag),
        "post": met.post._rows(start, stop), "after": met.post_trace._rows(start, stop), "d": met.delays.steps,
        "ins": met.pre.shape[2], "outs": outs, "batch": batch, "steps": stop - start, "lag": lag,
        "DELAYED": met.delays.steps is not None,
    }  # fmt: skip


def learn_stable(weight: Tensor, met: Meeting, rate: float, w_init: float, a: float, on_spike: bool) -> None:
    """T steps of the stable STDP of `nn.traced.FedeSTDP` in two dispatches, in place on the weights."""
    steps, batch, outs = met.post.shape
    ins, n = met.pre.shape[2], weight.count
    peak = empty((steps,), on=weight.engine)
    for start, stop, _ in spans(weight.engine, steps, batch * outs * ins * 8):
        given = {**_sides(met, start, stop), "peak": peak._rows(start, stop)}
        looks = (stop - start) * batch * ins * (1 if met.delays.steps is None else outs)
        _PEAK(**given, work=looks, groups=min(stop - start, 65535))
        _FEDE(
            w=weight, n=n, middle=w_init, a=a, rate=rate / batch, ON_SPIKE=on_spike,
            work=(stop - start) * batch * n * 8, **given,
        )  # fmt: skip
    weight.version += 1
