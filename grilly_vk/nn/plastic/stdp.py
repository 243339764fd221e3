"""STDPLayer: weights change by the order of spikes (Grilly's "Spiking Neural Networks")."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ... import arguments
from ...errors import shown
from ...ops import plasticity as ops
from ...ops.elementwise import where
from ...ops.state import filled, uniform
from ...settings import setting
from ...tensor import Tensor, from_numpy
from ...typing import ArrayLike
from ..flat.base import held_on_device
from .base import PlasticLayer

_PAIR = ("tau_plus", "tau_minus", "a_plus", "a_minus", "w_min", "w_max", "dt", "bound", "pairing")


def _mask(mask: ArrayLike, shape: tuple[int, ...]) -> Tensor:
    given = np.asarray(mask)
    if given.dtype != np.bool_:
        raise TypeError(f"mask must be of bools, got {shown(mask)}")
    if given.shape != shape:
        raise ValueError(f"mask must have shape {shape}, (out_features, in_features), got {given.shape}")
    return from_numpy(given.copy())


class STDPLayer(PlasticLayer):
    """A linear layer that learns from the timing of spikes: pair STDP with traces.

    At each step, with ``k = 1000 * dt`` ms: the traces decay, ``x_pre *= exp(-k / tau_plus)`` and ``x_post *=
    exp(-k / tau_minus)``; then ``W += a_plus * post (x) x_pre - a_minus * x_post (x) pre``, the mean over the
    batch, clipped to [w_min, w_max]; then the step's spikes join the traces, so coincident spikes change nothing.
    A pair of spikes dt apart changes the weight by ``a_plus * exp(-dt / tau_plus)`` (pre first) or
    ``-a_minus * exp(dt / tau_minus)``.

    ``bound="soft"`` multiplies the first term by ``w_max - W`` and the second by ``W - w_min`` (then clips too).
    ``pairing="all"`` adds every spike to the trace; ``"nearest"`` sets the trace to the last spike's value.

    With tau_eligibility the change goes to an eligibility trace ``E`` instead, ``E = E * exp(-k /
    tau_eligibility) + change``, and the reward moves the weights: ``W += learning_rate * reward * E``.

    Args:
        in_features: inputs, default 256.
        out_features: outputs, default 128.
        tau_plus: time constant of the presynaptic trace in milliseconds, default 20.0.
        tau_minus: time constant of the postsynaptic trace in milliseconds, default 20.0.
        a_plus: amplitude of potentiation, default 0.01.
        a_minus: amplitude of depression, default 0.01.
        w_min: lower bound, default 0.0.
        w_max: upper bound, default 1.0; above w_min.
        dt: step in seconds, default 0.001.
        bound: "hard" (default) or "soft".
        pairing: "all" (default) or "nearest".
        tau_eligibility: time constant of the eligibility in milliseconds; None (default): no reward.
        seed: of the initial weights, for numpy's default_rng; None (default) draws from the generator that
            `grilly_vk.manual_seed` sets.
        mask: bools (out_features, in_features): which synapses there are; the others weigh 0 and never learn. None
            (default): all. It stays as it is; `state_dict` holds the weights alone.

    The weights start uniform in [w_min, w_max).  Weights that are assigned outside the bounds are clipped at the
    next step.  Spikes may be graded: every term is multiplied by the spikes' values.

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: Grilly's "Spiking Neural Networks"; Song, Miller & Abbott 2000; Morrison, Diesmann & Gerstner 2008
    (pairings and bounds); Florian 2007 and Izhikevich 2007 (reward-modulated).
    """

    tau_plus, tau_minus, dt = (setting(arguments.positive) for _ in range(3))
    a_plus, a_minus, w_min, w_max = (setting(ops.factor) for _ in range(4))
    bound, pairing = setting(arguments.choice, ("hard", "soft")), setting(arguments.choice, ("all", "nearest"))
    tau_eligibility = setting(arguments.positive, optional=True)

    def __init__(
        self,
        in_features: int = 256,
        out_features: int = 128,
        tau_plus: float = 20.0,
        tau_minus: float = 20.0,
        a_plus: float = 0.01,
        a_minus: float = 0.01,
        w_min: float = 0.0,
        w_max: float = 1.0,
        dt: float = 0.001,
        bound: Literal["hard", "soft"] = "hard",
        pairing: Literal["all", "nearest"] = "all",
        *,
        tau_eligibility: float | None = None,
        seed: int | None = None,
        mask: ArrayLike | None = None,
    ) -> None:
        super().__init__(in_features, out_features)
        self.tau_plus, self.tau_minus, self.dt = tau_plus, tau_minus, dt
        self.a_plus, self.a_minus, self.w_min, self.w_max = a_plus, a_minus, w_min, w_max
        self.bound, self.pairing, self.tau_eligibility = bound, pairing, tau_eligibility
        self._settle("")
        first = uniform(self.out_features, self.in_features, self.rule.low, self.rule.high, seed)
        self._mask = None if mask is None else _mask(mask, first.shape)
        held_on_device(self, "weight", first)
        self._only_synapses(first)
        self._eligibility = None if self._keep is None else filled(first.shape, 0.0)
        self.reset()

    def _settle(self, name: str) -> None:
        """The rule's numbers, for settings that fit each other."""
        if name == "tau_eligibility" and (self.tau_eligibility is None) != (self._keep is None):
            raise ValueError("tau_eligibility: whether there is an eligibility is fixed when the layer is made")
        rule = ops.PairRule.checked(**{key: getattr(self, key) for key in _PAIR})
        tau = self.tau_eligibility
        self.__dict__["_keep"] = None if tau is None else ops.decay("tau_eligibility", tau, self.dt)
        self.__dict__["_rule"] = rule

    @property
    def rule(self) -> ops.PairRule:
        """The numbers of the rule, made of the settings."""
        found: ops.PairRule = self.__dict__["_rule"]
        return found

    def reset(self) -> None:
        """Clears the traces and the eligibility; the weights stay."""
        self._traces: tuple[Tensor, Tensor] | None = None
        self._binary = True  # no spike but 0 and 1 is in the traces
        if self._eligibility is not None:
            self._eligibility = filled(self._eligibility.shape, 0.0)

    def update_weights(
        self,
        pre_spikes: ArrayLike,
        post_spikes: ArrayLike,
        *,
        reward: ArrayLike | None = None,
        learning_rate: float = 1.0,
    ) -> None:
        """Learns from one step or a run of steps; traces go on from the last call.

        A run of T steps is one call and gives what T calls of one step give.  (n,) counts as a batch of one.
        Without steps, or with an empty batch, nothing changes.

        Args:
            pre_spikes: (in_features,), (B, in_features) or (T, B, in_features).
            post_spikes: the same with out_features.
            reward: with tau_eligibility: one number for all steps, or (T,).
            learning_rate: factor on the change of the weights, default 1.0.

        Raises:
            ValueError: wrong shapes, another batch size than that of the traces (see `reset`), or a reward that is
                missing or not wanted.
            TypeError: not real numbers.
        """
        rate = ops.factor("learning_rate", learning_rate)
        ins, outs = self.in_features, self.out_features
        pre, post, _ = ops.runs("pre_spikes", pre_spikes, ins, "post_spikes", post_spikes, outs)
        steps, batch = pre.shape[:2]
        if self._keep is None and reward is not None:
            raise ValueError("reward was given to a layer without tau_eligibility; give that to the layer too")
        if self._keep is not None and reward is None:
            raise ValueError("reward is missing: this layer has tau_eligibility; give 0.0 where there is none")
        signal = None if reward is None else ops.reward_signal(reward, steps)
        if self._traces is not None and self._traces[0].shape[0] != batch:
            raise ValueError(
                f"pre_spikes has a batch of {batch}, but the traces have {self._traces[0].shape[0]}; call reset() "
                "before another batch size"
            )
        if not steps or not batch:
            return
        binary = self._binary and ops.is_binary(pre) and ops.is_binary(post)
        traces = self._traces or (filled((batch, ins), 0.0), filled((batch, outs), 0.0))
        ops.learn(self._weight, pre, post, traces, self.rule, rate, binary, signal, self._eligibility, self._keep)
        for changed in (self._weight, self._eligibility):
            self._only_synapses(changed)
        self._traces, self._binary = traces, binary

    def _only_synapses(self, of: Tensor | None) -> None:
        """Puts 0 where there is no synapse: each weight learns by itself, so it may do that after a run."""
        if self._mask is not None and of is not None:
            of.assign(where(self._mask, of, 0.0))

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> np.ndarray:
        """See `PlasticLayer.forward`; what was assigned or loaded where there is no synapse does not count."""
        self._only_synapses(self._weight)
        out: np.ndarray = super().forward(x, steps=steps)
        return out

    @property
    def mask(self) -> np.ndarray | None:
        """Which synapses there are, bool (out_features, in_features): a copy; None: all."""
        return None if self._mask is None else self._mask.numpy()

    @property
    def pre_trace(self) -> np.ndarray:
        """Presynaptic traces, float32 (B, in_features): a copy.  Before the first call B is 1."""
        return np.zeros((1, self.in_features), np.float32) if self._traces is None else self._traces[0].numpy()

    @property
    def post_trace(self) -> np.ndarray:
        """Postsynaptic traces, float32 (B, out_features): a copy.  Before the first call B is 1."""
        return np.zeros((1, self.out_features), np.float32) if self._traces is None else self._traces[1].numpy()

    @property
    def eligibility(self) -> np.ndarray | None:
        """Eligibility, float32 (out_features, in_features): a copy; None without tau_eligibility."""
        return None if self._eligibility is None else self._eligibility.numpy()

    def extra_repr(self) -> str:
        """Sizes and settings."""
        names = _PAIR if self.tau_eligibility is None else (*_PAIR, "tau_eligibility")
        text = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"in_features={self.in_features}, out_features={self.out_features}, {text}"
