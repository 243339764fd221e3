"""Learning rules on the traces of both sides of a connection (pysnn.learning)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ... import arguments
from ...autograd import no_grad
from ...ops.state import filled
from ...ops.trace_synapses import Meeting, TraceRule, learn, learn_stable
from ...runtime.recording import called
from ...settings import fixed, setting
from ...tensor import Tensor
from ...typing import ArrayLike
from ..module import Module
from .cells import zero
from .network import Layer, Network


class LearningRule(Module):
    """Base of the rules: `step()` after a call of the network learns from all steps of that call, T of `run` or one.

    The weights change after the call, by the mean over the batch, in one dispatch per layer.  Subclasses define
    `weight_update(index, layer, ...)`.

    Args:
        layers: a Network, a Layer(presynaptic, connection, postsynaptic), or several in a list or a dict; in place of a
            Layer, a dict with these three names.
        lr: learning rate.

    Raises:
        TypeError, ValueError: the message names the argument.
    """

    lr = setting(arguments.real)
    layers: list[Layer] = fixed()

    def __init__(self, layers: Any, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.layers = _layers(layers)
        self._join()

    def _join(self) -> None:
        """Lets the connections know of the rule, so that their reset reaches it."""
        for layer in self.layers:
            layer.connection._rules.add(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> LearningRule:
        """A copy on copies of the layers: those of the network that is copied in the same call, if there is one."""
        out = memo[id(self)] = type(self).__new__(type(self))
        out.__dict__.update({name: copy.deepcopy(value, memo) for name, value in self.__dict__.items()})
        out._join()
        return out

    def reset_state(self) -> None:
        """Forgets what the rule itself remembers; the weights stay.  Called when one of its connections is reset."""

    def reset_layer(self, index: int) -> None:
        """Forgets what the rule remembers of one layer; by default everything, by `reset_state`."""
        self.reset_state()

    def connection_reset(self, connection: Any) -> None:
        """Forgets what belongs to a connection that is being reset."""
        order = [next(c for c in type(self).__mro__ if n in vars(c)) for n in ("reset_layer", "reset_state")]
        if order[0] is not order[1] and issubclass(order[1], order[0]):  # a subclass that forgets more
            self.reset_state()
            return
        for i, layer in enumerate(self.layers):
            if layer.connection is connection:
                self.reset_layer(i)

    def reset(self) -> None:
        """`reset_state`, for `F.reset_net`."""
        self.reset_state()

    def step(self) -> None:
        """Learns from the last call of the network.

        Raises:
            RuntimeError: there was none since the last reset, or both sides had different numbers of steps.
        """
        called(self)
        met = [self._meeting(layer) for layer in self.layers]
        with no_grad():
            for i, layer in enumerate(self.layers):
                self.weight_update(i, layer, met[i])

    def _meeting(self, layer: Layer) -> Meeting:
        return meeting(layer)

    def weight_update(self, index: int, layer: Layer, met: Meeting) -> None:
        """Changes the weights of one layer; for subclasses to define."""
        raise NotImplementedError(f"{type(self).__name__} does not define weight_update()")

    def forward(self, *args: Any, **options: Any) -> None:
        """`step`."""
        self.step(*args, **options)


class _PairRule(LearningRule):
    """Rules with one term for each order of two spikes, and bounds."""

    up, down = setting(arguments.real), setting(arguments.real)
    w_min, w_max = setting(arguments.real, optional=True), setting(arguments.real, optional=True)
    bound = setting(arguments.choice, ("hard", "soft"))

    def __init__(
        self, layers: Any, lr: float, up: float, down: float, w_min: Any, w_max: Any, bound: Literal["hard", "soft"]
    ) -> None:
        super().__init__(layers, lr)
        self.up, self.down = up, down
        self.w_min, self.w_max, self.bound = w_min, w_max, bound
        self._settle("")

    def _settle(self, name: str) -> None:
        """The bounds, which go together."""
        if (self.w_min is None) != (self.w_max is None):
            raise ValueError("w_min and w_max go together: give both bounds or none")
        if self.w_min is not None and not np.float32(self.w_min) < np.float32(self.w_max):
            raise ValueError(f"w_min ({self.w_min}) must be below w_max ({self.w_max}) in float32")
        if self.bound == "soft" and self.w_min is None:
            raise ValueError("bound='soft' needs w_min and w_max")

    def _rule(self, layer: Layer, keep: float | None = None, *, coincident: bool = True) -> TraceRule:
        sides = (layer.presynaptic, layer.postsynaptic)
        before, after = (0.0 if coincident or side.own_trace else side.jump for side in sides)
        return TraceRule(self.up, self.down, before, after, keep, self.w_min, self.w_max, self.bound == "soft")

    def weight_update(self, index: int, layer: Layer, met: Meeting) -> None:
        """T steps of the rule, in place on the weights."""
        learn(layer.connection.weight.detach(), met, self._rule(layer), self.lr)


class OnlineSTDP(_PairRule):
    """Pair STDP on traces: ``w += lr * (a_plus * post * pre_trace - a_min * pre * post_trace)`` at each step.

    The traces hold the step's own spikes, so two spikes at the same step count in both terms.

    Args:
        layers: as in LearningRule.
        lr: learning rate (default 0.001).
        a_plus: of a postsynaptic spike that finds a presynaptic trace, not negative (default 1).
        a_min: of a presynaptic spike that finds a postsynaptic trace, not negative (default 1).
        w_min, w_max: bounds, clipped to at each step (default None: none).
        bound: "hard" (default), or "soft": the terms are also multiplied by w_max - w and w - w_min.

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.learning.OnlineSTDP; Sjostrom & Gerstner, "Spike-timing dependent plasticity", Scholarpedia 5 (2010),
    1362, online implementation by traces.
    """

    def __init__(
        self,
        layers: Any,
        lr: float = 0.001,
        a_plus: float = 1.0,
        a_min: float = 1.0,
        *,
        w_min: float | None = None,
        w_max: float | None = None,
        bound: Literal["hard", "soft"] = "hard",
    ) -> None:
        up, down = arguments.non_negative("a_plus", a_plus), arguments.non_negative("a_min", a_min)
        super().__init__(layers, lr, up, down, w_min, w_max, bound)


class STDP(_PairRule):
    """The rule of `nn.STDPLayer` on the network's traces: coincident spikes change nothing.

    At each step ``w += lr * (a_plus * post * x - a_minus * pre * y)``, with x and y the traces without the step's own
    spikes, then clipped.  With linear traces of alpha_t=1 and tau_t=exp(-dt / tau), a pair of spikes d apart changes
    the weight by ``a_plus * exp(-d / tau)`` or ``-a_minus * exp(-d / tau)``.

    Neurons with an update_trace() of their own are asked what the trace were without the step's spikes: it is called
    with zeros, and the neuron's state put back.  Presynaptic ones of this kind go with connections without delays.

    Args:
        layers: as in LearningRule.
        lr: learning rate (default 1).
        a_plus, a_minus: amplitudes (default 0.01).
        w_min, w_max: bounds (default 0 and 1; None, None: none).
        bound: "hard" (default) or "soft".

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: Song, Miller & Abbott 2000; Morrison, Diesmann & Gerstner 2008, as in nn.STDPLayer.
    """

    def __init__(
        self,
        layers: Any,
        lr: float = 1.0,
        a_plus: float = 0.01,
        a_minus: float = 0.01,
        w_min: float | None = 0.0,
        w_max: float | None = 1.0,
        bound: Literal["hard", "soft"] = "hard",
    ) -> None:
        up, down = arguments.real("a_plus", a_plus), arguments.real("a_minus", a_minus)
        super().__init__(layers, lr, up, down, w_min, w_max, bound)
        for layer in self.layers:
            _followed(layer)
            for side in (layer.presynaptic, layer.postsynaptic):
                side.keep_bare()

    def _meeting(self, layer: Layer) -> Meeting:
        """With traces of your own as they were without the step's own spikes; the kernel knows what ours gain."""
        met = meeting(layer)
        _followed(layer)
        if layer.presynaptic.own_trace:
            bare = layer.presynaptic.bare
            if bare.shape[0] != met.pre.shape[0]:
                raise RuntimeError(
                    f"the connection saw {met.pre.shape[0]} steps, and the neuron before it made {bare.shape[0]}; call "
                    "the whole network before step()"
                )
            met = replace(met, pre_trace=bare._alias(met.pre.shape))
        if layer.postsynaptic.own_trace:
            met = replace(met, post_trace=layer.postsynaptic.bare._alias(met.post.shape))
        return met

    def weight_update(self, index: int, layer: Layer, met: Meeting) -> None:
        """T steps of the rule, in place on the weights."""
        learn(layer.connection.weight.detach(), met, self._rule(layer, coincident=False), self.lr)


class MSTDPET(_PairRule):
    """STDP modulated by a reward, with an eligibility trace for each synapse and sample.

    At each step ``e = e * e_trace_decay + a_pre * post * pre_trace - a_post * pre * post_trace``, then ``w += lr *
    reward * e``, the mean over the batch.  The traces hold the step's own spikes.

    Args:
        layers: as in LearningRule.
        lr: learning rate (default 0.001).
        a_pre: of a postsynaptic spike that finds a presynaptic trace, not negative (default 1).
        a_post: of a presynaptic spike that finds a postsynaptic trace, not negative (default 1).
        e_trace_decay: factor on the eligibility per step, in [0, 1] (default 0.99).
        w_min, w_max: bounds, clipped to at each step (default None: none).
        bound: "hard" (default) or "soft", as in OnlineSTDP.

    Attributes:
        e_trace_0, e_trace_1, ...: the layers' eligibility, float32 (batch, out, in).

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.learning.MSTDPET; Florian, "Reinforcement learning through modulation of spike-timing-dependent
    synaptic plasticity", Neural Computation 19 (2007): modulated STDP with eligibility trace (MSTDPET).
    """

    e_trace_decay = setting(arguments.between, 0.0, 1.0)

    def __init__(
        self,
        layers: Any,
        lr: float = 0.001,
        a_pre: float = 1.0,
        a_post: float = 1.0,
        e_trace_decay: float = 0.99,
        *,
        w_min: float | None = None,
        w_max: float | None = None,
        bound: Literal["hard", "soft"] = "hard",
    ) -> None:
        up, down = arguments.non_negative("a_pre", a_pre), arguments.non_negative("a_post", a_post)
        super().__init__(layers, lr, up, down, w_min, w_max, bound)
        self.e_trace_decay = e_trace_decay
        for i, layer in enumerate(self.layers):
            self.register_buffer(f"e_trace_{i}", filled(layer.connection.synapse_shape, 0.0))

    def reset_state(self) -> None:
        """Sets the eligibility of all layers to 0."""
        for i in range(len(self.layers)):
            self.reset_layer(i)

    def reset_layer(self, index: int) -> None:
        """Sets the eligibility of one layer to 0."""
        zero(getattr(self, f"e_trace_{index}"))

    def step(self, reward: ArrayLike) -> None:  # type: ignore[override]
        """Learns from the last call of the network.

        Args:
            reward: one number for all steps and samples; or an array or Tensor (T,), one per step, or (T, batch), one a
                step and sample.

        Raises:
            ValueError, TypeError: another shape, no numbers. RuntimeError: as LearningRule.step.
        """
        called(self)
        met = [meeting(layer) for layer in self.layers]
        given: Any = arguments.tensor("reward", reward) if np.ndim(reward) or isinstance(reward, Tensor) else None
        number = 1.0 if given is not None else arguments.real("reward", reward)
        for one in met:
            steps, batch, _ = one.post.shape
            if given is not None and given.shape not in ((), (steps,), (steps, batch)):
                raise ValueError(
                    f"reward has shape {given.shape}; expected one number, ({steps},) or ({steps}, {batch})"
                )
        given = None if given is None else given.detach()
        with no_grad():
            for i, layer in enumerate(self.layers):
                rule, kept = self._rule(layer, self.e_trace_decay), getattr(self, f"e_trace_{i}")
                learn(layer.connection.weight.detach(), met[i], rule, self.lr * number, kept, given)


class FedeSTDP(LearningRule):
    """Stable STDP that uses presynaptic traces only.

    At each step, with X the trace that arrives at a synapse over the largest that arrives anywhere in the layer (0
    where there is none): ``w += lr * (exp(-(w - w_init)) * (exp(X) - a) - exp(w - w_init) * (exp(1 - X) - a))``, the
    mean over the batch.

    Args:
        layers: as in LearningRule.
        lr: learning rate (default 1e-4).
        w_init: what all weights are measured from (default 0.5).
        a: stability, in [0, 1] (default 0).
        on_spike: change only the weights of neurons that spike at the step (default False: all).

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.learning.FedeSTDP; Paredes-Valles, Scheper & de Croon, "Unsupervised learning of a hierarchical
    spiking neural network for optical flow estimation: from events to global motion perception", IEEE TPAMI 42 (2020),
    arXiv:1807.10936.
    """

    w_init, a = setting(arguments.real), setting(arguments.between, 0.0, 1.0)
    on_spike = setting(arguments.flag)

    def __init__(
        self, layers: Any, lr: float = 1e-4, w_init: float = 0.5, a: float = 0.0, *, on_spike: bool = False
    ) -> None:
        super().__init__(layers, lr)
        self.w_init, self.a = w_init, a
        self.on_spike = on_spike

    def weight_update(self, index: int, layer: Layer, met: Meeting) -> None:
        """T steps of the rule, in place on the weights."""
        learn_stable(layer.connection.weight.detach(), met, self.lr, self.w_init, self.a, self.on_spike)


def _followed(layer: Layer) -> None:
    """Checks that the traces without the step's own spikes can be had at the synapses."""
    if layer.presynaptic.own_trace and layer.connection.lag:
        raise ValueError(
            f"STDP can't follow the trace of {type(layer.presynaptic).__name__}, which has an update_trace() of its "
            "own, through a connection with delays; use OnlineSTDP, or a connection without delays"
        )


def meeting(layer: Layer) -> Meeting:
    """What met at a layer in the last call.

    Raises:
        RuntimeError: there was none since the last reset, or the sides had different numbers of steps.
    """
    pre, pre_trace, delays = layer.connection.lines
    post, post_trace = layer.postsynaptic.ran
    steps, outs = pre.shape[0] - delays.lag, layer.connection.synapse_shape[1]
    if post.shape[0] != steps or math.prod(post.shape[1:]) != layer.connection.synapse_shape[0] * outs:
        raise RuntimeError(
            f"the connection saw {steps} steps for {outs} neurons, and the neuron behind it made {post.shape[0]} of "
            f"shape {post.shape[1:]}; call the whole network before step()"
        )
    shape = (steps, pre.shape[1], outs)
    return Meeting(pre, pre_trace, post._alias(shape), post_trace._alias(shape), delays)


def _layers(given: Any) -> list[Layer]:
    """Layers out of what a rule takes."""
    if isinstance(given, Network):
        return given.layers
    if isinstance(given, Layer):
        return [given.checked()]
    several = list(given.values()) if isinstance(given, Mapping) else given
    if not isinstance(several, (list, tuple)):
        raise TypeError(f"layers must be a Network, a Layer, or several in a list or dict, not {type(given).__name__}")
    if not several:
        raise ValueError("layers is empty; expected at least one Layer")
    if isinstance(given, Mapping) and set(given) == set(Layer._fields):
        return [Layer(**given).checked()]
    out = []
    for one in several:
        if isinstance(one, Mapping) and set(one) == set(Layer._fields):
            one = Layer(**one)
        if not isinstance(one, Layer):
            raise TypeError(f"layers must hold Layer(presynaptic, connection, postsynaptic), not {type(one).__name__}")
        out.append(one.checked())
    return out
