"""Learning rules on flat arrays."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .. import arguments
from ..ops import plasticity as ops
from ..tensor import Tensor, from_numpy
from ..typing import ArrayLike
from .given import broadcast


class PlasticityKernels:
    """hebbian_learning, stdp_learning, stdp_reward_learning, stdp_traces."""

    def hebbian_learning(
        self,
        pre: ArrayLike,
        post: ArrayLike,
        weights: ArrayLike,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        rule: str = "hebb",
        *,
        theta: ArrayLike | None = None,
        tau_theta: float = 100.0,
    ) -> Any:
        """One Hebbian update by the mean over batch and time; the rules are those of `nn.HebbianLayer`.

        Args:
            pre: activity (in,), (B, in) or (T, B, in).
            post: activity (out,), (B, out) or (T, B, out).
            weights: (out, in).
            learning_rate: default 0.01.
            weight_decay: default 0.0.
            rule: one of theirs, default "hebb".
            theta: threshold (out,) of the BCM rule, default 0.
            tau_theta: its time constant in steps, default 100.0.

        Returns:
            New weights, float32 (out, in); with rule="bcm" the pair (weights, theta).

        Raises:
            ValueError, TypeError: the message names the argument.
        """
        arguments.choice("rule", rule, ops.RULES)
        if theta is not None and rule != "bcm":
            raise ValueError(f"theta belongs to rule='bcm'; the rule is {rule!r}")
        rate, loss = ops.factor("learning_rate", learning_rate), ops.factor("weight_decay", weight_decay)
        blend = ops.threshold_blend(tau_theta)
        w = _matrix("weights", weights)
        outs, ins = w.shape
        before, after, _ = ops.runs("pre", pre, ins, "post", post, outs)
        level = from_numpy(broadcast("theta", theta, (outs,))) if rule == "bcm" else None
        new = from_numpy(w)
        if before.shape[0] and before.shape[1] and w.size:
            ops.hebbian(new, before, after, rule=rule, learning_rate=rate, weight_decay=loss, theta=level, blend=blend)
        return new.share() if level is None else (new.share(), level.share())

    def stdp_learning(
        self,
        pre_spikes: ArrayLike,
        post_spikes: ArrayLike,
        weights: ArrayLike,
        pre_trace: ArrayLike | None = None,
        post_trace: ArrayLike | None = None,
        *,
        tau_plus: float = 20.0,
        tau_minus: float = 20.0,
        a_plus: float = 0.01,
        a_minus: float = 0.01,
        w_min: float = 0.0,
        w_max: float = 1.0,
        dt: float = 0.001,
        bound: Literal["hard", "soft"] = "hard",
        pairing: Literal["all", "nearest"] = "all",
        learning_rate: float = 1.0,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """STDP over one step or T steps; the rule and its constants are those of `nn.STDPLayer`.

        Args:
            pre_spikes: (in,), (B, in) or (T, B, in).
            post_spikes: (out,), (B, out) or (T, B, out).
            weights: (out, in).
            pre_trace, post_trace: traces before the first step, (in,) and (out,), or with the batch in front;
                default 0.
            tau_plus, tau_minus: milliseconds; dt: seconds; the rest as in `nn.STDPLayer`.
            learning_rate: factor on the change.

        Returns:
            (weights (out, in), pre_trace, post_trace); the traces have the batch axis that the spikes have.

        Raises:
            ValueError, TypeError: the message names the argument.
        """
        times = dict(tau_plus=tau_plus, tau_minus=tau_minus, dt=dt)
        sizes = dict(a_plus=a_plus, a_minus=a_minus, w_min=w_min, w_max=w_max)
        rule = ops.PairRule.checked(**times, **sizes, bound=bound, pairing=pairing)
        rate = ops.factor("learning_rate", learning_rate)
        sides = (pre_spikes, pre_trace), (post_spikes, post_trace)
        w, _, x, y = _stdp(*sides, weights, rule, rate)
        return w, x, y

    def stdp_reward_learning(
        self,
        pre_spikes: ArrayLike,
        post_spikes: ArrayLike,
        weights: ArrayLike,
        reward: ArrayLike,
        eligibility: ArrayLike | None = None,
        pre_trace: ArrayLike | None = None,
        post_trace: ArrayLike | None = None,
        *,
        tau_eligibility: float = 1000.0,
        tau_plus: float = 20.0,
        tau_minus: float = 20.0,
        a_plus: float = 0.01,
        a_minus: float = 0.01,
        w_min: float = 0.0,
        w_max: float = 1.0,
        dt: float = 0.001,
        bound: Literal["hard", "soft"] = "hard",
        pairing: Literal["all", "nearest"] = "all",
        learning_rate: float = 1.0,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Reward-modulated STDP over one step or T steps; see `nn.STDPLayer`.

        Args:
            reward: one number for all steps, or (T,).
            eligibility: (out, in) before the first step, default 0.
            tau_eligibility: milliseconds, default 1000.0.
            learning_rate: factor on reward * eligibility.
            The others: as in `stdp_learning`.

        Returns:
            (weights (out, in), eligibility (out, in), pre_trace, post_trace).

        Raises:
            ValueError, TypeError: the message names the argument.
        """
        times = dict(tau_plus=tau_plus, tau_minus=tau_minus, dt=dt)
        sizes = dict(a_plus=a_plus, a_minus=a_minus, w_min=w_min, w_max=w_max)
        rule = ops.PairRule.checked(**times, **sizes, bound=bound, pairing=pairing)
        keep = ops.decay("tau_eligibility", tau_eligibility, dt)
        rate = ops.factor("learning_rate", learning_rate)
        start = 0.0 if eligibility is None else eligibility
        sides = (pre_spikes, pre_trace), (post_spikes, post_trace)
        w, e, x, y = _stdp(*sides, weights, rule, rate, reward, start, keep)
        assert e is not None
        return w, e, x, y

    def stdp_traces(
        self,
        spikes: ArrayLike,
        trace: ArrayLike | None = None,
        tau: float = 20.0,
        dt: float = 0.001,
        *,
        pairing: Literal["all", "nearest"] = "all",
    ) -> np.ndarray:
        """Exponential spike traces: ``x = x * exp(-1000 * dt / tau) + s``, after each step.

        Args:
            spikes: (T, ..., n), or one step of the trace's own shape.
            trace: traces before the first step, (..., n); default 0.  Without it spikes (n,) are one step.
            tau: time constant in milliseconds, default 20.0.
            dt: step in seconds, default 0.001.
            pairing: "all" (default) adds every spike, "nearest" lets a spike replace the trace.

        Returns:
            Traces after each step, of the shape of spikes; the last is the state to go on from.

        Raises:
            ValueError, TypeError: the message names the argument.
        """
        keep = ops.decay("tau", tau, dt)
        nearest = arguments.choice("pairing", pairing, ("all", "nearest")) == "nearest"
        given = spikes if isinstance(spikes, Tensor) else arguments.array("spikes", spikes)
        shape = given.shape
        if not shape:
            raise ValueError("spikes has shape (); expected (T, ..., n)")
        start = None if trace is None else arguments.array("trace", trace)
        single = len(shape) == 1 if start is None else start.shape == shape
        each = shape if single else shape[1:]
        if not each or (start is not None and start.shape != each):
            got = () if start is None else start.shape
            wanted = f"{shape[1:]} or, for one step, {shape}" if shape[1:] else f"{shape}"
            raise ValueError(f"trace has shape {got}; expected {wanted}")
        state = from_numpy(np.zeros(each, np.float32) if start is None else start)
        x = arguments.tensor("spikes", given, borrow=True).reshape((1, *shape) if single else shape)
        return ops.spike_traces(x, state, keep, nearest=nearest).reshape(shape).share()


def _matrix(name: str, values: Any) -> np.ndarray:
    array = arguments.array(name, values)
    arguments.shape(name, array.shape, ("out", "in"))
    return array


def _stdp(
    before: tuple[Any, Any], after: tuple[Any, Any], weights: Any, rule: ops.PairRule, rate: float, reward: Any = None,
    eligibility: Any = None, keep: float | None = None,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, np.ndarray]:  # fmt: skip
    """New weights, eligibility and traces; `before` and `after` are spikes and traces of either side."""
    w = _matrix("weights", weights)
    outs, ins = w.shape
    pre, post, lead = ops.runs("pre_spikes", before[0], ins, "post_spikes", after[0], outs)
    steps, batch = pre.shape[:2]
    x = broadcast("pre_trace", before[1], (*lead[-1:], ins))
    y = broadcast("post_trace", after[1], (*lead[-1:], outs))
    e = None if eligibility is None else broadcast("eligibility", eligibility, w.shape)
    signal = None if keep is None else ops.reward_signal(reward, steps)
    # A trace that is not finite acts at every step, so it needs the kernel that multiplies by the values.
    binary = bool(np.isfinite(x).all() and np.isfinite(y).all()) and ops.is_binary(pre) and ops.is_binary(post)
    weight, traces = from_numpy(w), (from_numpy(x), from_numpy(y))
    held = None if e is None else from_numpy(e)
    if steps and batch and w.size:
        flat = traces[0].reshape((batch, ins)), traces[1].reshape((batch, outs))
        ops.learn(weight, pre, post, flat, rule, rate, binary, signal, held, keep)
    return weight.share(), None if held is None else held.share(), traces[0].share(), traces[1].share()
