"""Synapses with delays of their own, and learning rules on the traces that meet at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..tensor import Tensor, empty
from .steps import spans

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
    weight.engine.launch(
        "snn-trace-synapse",
        potential.count,
        (("DELAYED", int(delays.steps is not None)),),
        s=spikes,
        x=traces,
        w=weight,
        d=delays.steps,
        y=potential,
        trace=trace,
        ins=ins,
        outs=outs,
        batch=batch,
        lag=delays.lag,
        n=potential.count,
    )
    return potential, trace


def arriving(line: Tensor, outs: int, delays: Delays, weight: Tensor | None) -> Tensor:
    """The sum over the synapses of each neuron, (T, batch, out), of a delay line (lag + T, batch, in).

    Args:
        weight: (out, in); None: every weight is 1.
    """
    batch, ins = line.shape[1:]
    steps = line.shape[0] - delays.lag
    out = empty((steps, batch, outs), on=line.engine)
    for start, stop in spans(line, steps, batch * outs * ins):
        rows = (stop - start) * batch
        line.engine.launch(
            "snn-trace-product",
            -(-rows // 4) * outs,
            (("WEIGHTED", int(weight is not None)), ("DELAYED", int(delays.steps is not None))),
            work=max(1, rows * outs * ins // 4),
            line=line._rows(start, stop + delays.lag),
            w=weight,
            d=delays.steps,
            y=out._rows(start, stop),
            ins=ins,
            outs=outs,
            batch=batch,
            rows=rows,
            lag=delays.lag,
        )
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
    ins, lag = met.pre.shape[2], met.delays.lag
    bound = 0 if rule.low is None else 2 if rule.soft else 1
    tall = 4 if met.delays.steps is None and weight.count >= _LARGE else 1
    specs = (
        ("ELIGIBLE", int(eligibility is not None)), ("DELAYED", int(met.delays.steps is not None)), ("BOUND", bound),
        ("REWARD", int(reward is not None)), ("ALONE", int(batch == 1)), ("TALL", tall),
    )  # fmt: skip
    timed = reward is not None and reward.ndim > 0
    for start, stop in spans(weight, steps, batch * outs * ins):
        weight.engine.launch(
            "snn-trace-stdp",
            -(-outs // tall) * -(-ins // 4),
            specs,
            work=(stop - start) * batch * outs * ins,
            w=weight,
            e=eligibility,
            reward=reward._rows(start, stop) if reward is not None and timed else reward,
            reward_step=batch if reward is not None and reward.ndim == 2 else int(timed),
            reward_sample=int(reward is not None and reward.ndim == 2),
            plus=rule.plus,
            minus=rule.minus,
            own_pre=rule.own_pre,
            own_post=rule.own_post,
            keep=rule.keep or 0.0,
            rate=rate / batch,
            low=rule.low or 0.0,
            high=rule.high or 0.0,
            **_sides(met, start, stop),
            ins=ins,
            outs=outs,
            batch=batch,
            steps=stop - start,
            lag=lag,
        )
    weight.version += 1
    if eligibility is not None:
        eligibility.version += 1


def _sides(met: Meeting, start: int, stop: int) -> dict[str, Any]:
    lag = met.delays.lag
    return {
        "pre": met.pre._rows(start, stop + lag),
        "before": met.pre_trace._rows(start, stop + lag),
        "post": met.post._rows(start, stop),
        "after": met.post_trace._rows(start, stop),
        "d": met.delays.steps,
    }


def learn_stable(weight: Tensor, met: Meeting, rate: float, w_init: float, a: float, on_spike: bool) -> None:
    """T steps of the stable STDP of `nn.traced.FedeSTDP` in two dispatches, in place on the weights."""
    steps, batch, outs = met.post.shape
    ins, lag = met.pre.shape[2], met.delays.lag
    delayed = ("DELAYED", int(met.delays.steps is not None))
    sizes = {"ins": ins, "outs": outs, "batch": batch, "lag": lag}
    peak = empty((steps,), on=weight.engine)
    for start, stop in spans(weight, steps, batch * outs * ins * 8):
        sides = _sides(met, start, stop)
        common = {"before": sides["before"], "d": sides["d"], "peak": peak._rows(start, stop), "steps": stop - start}
        weight.engine.launch(
            "snn-trace-peak",
            stop - start,
            (delayed,),
            work=(stop - start) * batch * ins * (outs if delayed[1] else 1),
            groups=min(stop - start, 65535),
            **common,
            **sizes,
        )
        weight.engine.launch(
            "snn-trace-fede",
            weight.count,
            (delayed, ("ON_SPIKE", int(on_spike))),
            work=(stop - start) * batch * weight.count * 8,
            w=weight,
            post=sides["post"],
            n=weight.count,
            middle=w_init,
            a=a,
            rate=rate / batch,
            **common,
            **sizes,
        )
    weight.version += 1
