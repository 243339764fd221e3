"""Synapses: what arrives decays over time, or depends on what came before."""

from __future__ import annotations

from typing import Any

from ... import arguments
from ...modes import S
from ...ops import synapses as ops
from ...settings import fixed
from ...tensor import Tensor, empty, full
from ...typing import ArrayLike, StepMode
from ..stateful import StatefulModule
from .time_constants import Number, Share, TimeConstant


class _Dynamics(StatefulModule):
    """What the synapses share: x in, something of the same shape out, states that are carried on."""

    learnable = fixed()
    takes_steps = True

    def __init__(self, step_mode: StepMode, learnable: bool) -> None:
        super().__init__()
        self.step_mode = step_mode
        self.learnable = arguments.flag("learnable", learnable)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """x, (B, ...) or in step mode "m" (T, B, ...), to the same shape.

        Args:
            x: input.
            steps: given by containers: x has a time axis, whatever the step mode.

        Raises:
            ValueError: the state has another shape; no time axis in step mode "m".
            RuntimeError: the state's graph was freed, or it would cross the border of a compiled function.
            TypeError: no real numbers in x or the state.
        """
        x, multi = self.arriving(x, steps)
        shape = x.shape[1:] if multi else x.shape
        self.entering(shape)
        if multi and x.shape[0] == 0:  # no step was made: the state is what it was
            return empty(x.shape, on=x.engine)
        states = [self._state(name, shape, x) for name in self._memories]
        out, *ends = self._run(x, states, x.shape[0] if multi else None)
        for name, end in zip(self._memories, ends):
            setattr(self, name, end)
        return out

    def _state(self, name: str, shape: tuple[int, ...], x: Tensor) -> Tensor | None:
        """The state, or None where it is the one to start from."""
        value = getattr(self, name)
        if isinstance(value, Tensor):
            return value
        return None if value == self._memories[name] else full(shape, arguments.real(name, value), on=x.engine)

    def _run(self, x: Tensor, states: list[Tensor | None], steps: int | None) -> tuple[Tensor, ...]:
        """The output and the states after it."""
        raise NotImplementedError(f"{type(self).__name__} does not define _run()")

    def baked(self) -> tuple[Any, ...]:
        """The constants that a recording of a call holds as numbers."""
        return tuple(value for name, value in self._constants().items() if not isinstance(value, Tensor))

    def _constants(self) -> dict[str, Any]:
        """Numbers by name; learnable ones as Tensors."""
        out: dict[str, Any] = {}
        for name in self._shown:
            kind = getattr(type(self), name, None)  # a class gives the descriptor itself
            learnt = isinstance(kind, Share) and self._parameters.get(kind.parameter)
            out[name] = learnt if isinstance(learnt, Tensor) else getattr(self, name)
        return out

    _shown: tuple[str, ...] = ()  # the constants

    def extra_repr(self) -> str:
        """The constants; learnable ones by their name alone, since reading them would wait."""
        parts = [n if isinstance(v, Tensor) else f"{n}={v:g}" for n, v in self._constants().items()]
        more = ["learnable=True"] if self.learnable else []
        return ", ".join([*parts, *more, f"step_mode={self.step_mode!r}"])


class SynapseFilter(_Dynamics):
    """Exponential synapse: y <- y * exp(-1 / tau_syn) + x, and y is the output.

    A unit of input adds 1 at once and decays with tau_syn: over time it sums up to 1 / (1 - exp(-1 / tau_syn)).

    SpikingJelly's SynapseFilter(tau) computes y <- y - (1 - x) * y / tau + x, which for input of 0 and 1 means: a
    step without a spike decays by 1 - 1 / tau, and a step with one adds 1 to a y that does not decay in that step.
    Where y is 0 when a spike comes, as with one spike per neuron, both are equal with tau_syn = -1 / ln(1 - 1 / tau).

    Args:
        tau_syn: time constant in steps, positive (default 5).
        learnable: whether it is trained (default False): exp(-1 / tau_syn) = sigmoid(tau_syn_logit), so that every
            value of the parameter is a time constant above 0.
        step_mode: "s": a call is one step, x (B, ...). "m": a call is all steps, x (T, B, ...), in one dispatch.

    Attributes:
        tau_syn: the time constant now, in steps; reading a learnable one waits for the device.
        tau_syn_logit: Parameter of shape (), if learnable.
        y: state after the last step: 0 until the first input, then a Tensor (B, ...).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Grilly's "Spiking Neural Networks"; Gerstner & Kistler, Spiking Neuron Models (2002), section 4.1.
    """

    y: Any
    tau_syn = TimeConstant()
    _shown = ("tau_syn",)

    def __init__(self, tau_syn: float = 5.0, learnable: bool = False, step_mode: StepMode = S) -> None:
        super().__init__(step_mode, learnable)
        _set(self, tau_syn=tau_syn)
        self.register_memory("y", 0.0)

    def _run(self, x: Tensor, states: list[Tensor | None], steps: int | None) -> tuple[Tensor, ...]:
        return ops.synapse_filter(x, states[0], _constant(self, "tau_syn"), steps=steps)


class DualTimescaleSynapse(_Dynamics):
    """The weighted sum of a fast and a slow exponential synapse: fast <- fast * exp(-1 / tau_fast) + x, slow likewise.

    The output is w_fast * fast + w_slow * slow.

    Args:
        tau_fast, tau_slow: time constants in steps, positive (default 5 and 50).
        w_fast, w_slow: weights (default 0.7 and 0.3).
        learnable: whether all four are trained (default False); exp(-1 / tau) = sigmoid(logit), as in SynapseFilter.
        step_mode: "s" or "m", as in SynapseFilter.

    Attributes:
        tau_fast, tau_slow: the time constants now, in steps.
        tau_fast_logit, tau_slow_logit, w_fast, w_slow: Parameters of shape (), if learnable.
        fast, slow: states after the last step: 0 until the first input, then Tensors (B, ...).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Grilly's "Spiking Neural Networks"; two time constants as in Destexhe, Mainen & Sejnowski, "Synthesis of
    models for excitable membranes, synaptic transmission and neuromodulation", J. Computational Neuroscience 1 (1994).
    """

    fast: Any
    slow: Any
    tau_fast, tau_slow, w_fast, w_slow = TimeConstant(), TimeConstant(), Number(), Number()
    _shown = ("tau_fast", "tau_slow", "w_fast", "w_slow")

    def __init__(
        self,
        tau_fast: float = 5.0,
        tau_slow: float = 50.0,
        w_fast: float = 0.7,
        w_slow: float = 0.3,
        learnable: bool = False,
        step_mode: StepMode = S,
    ) -> None:
        super().__init__(step_mode, learnable)
        _set(self, tau_fast=tau_fast, tau_slow=tau_slow, w_fast=w_fast, w_slow=w_slow)
        self.register_memory("fast", 0.0)
        self.register_memory("slow", 0.0)

    def _run(self, x: Tensor, states: list[Tensor | None], steps: int | None) -> tuple[Tensor, ...]:
        decays = _constant(self, "tau_fast"), _constant(self, "tau_slow")
        weights = _constant(self, "w_fast"), _constant(self, "w_slow")
        return ops.dual_timescale(x, states[0], states[1], decays, weights, steps=steps)


class STPSynapse(_Dynamics):
    """Short-term plasticity: spikes are strengthened (facilitation) or weakened (depression) by earlier ones.

    Each step relaxes the utilisation u to U with tau_f and the resources r to 1 with tau_d, exactly:
    u <- U + (u - U) * exp(-1 / tau_f), r <- 1 - (1 - r) * exp(-1 / tau_d).  Where x is not 0 there is a spike: then
    u <- u + U * (1 - u), the output is x * u * r, and r <- r - u * r.  Without a spike the output is 0.

    In the paper u rests at 0, so that a spike after a long silence passes U; here, as in Grilly and in Mongillo,
    Barak & Tsodyks, "Synaptic theory of working memory", Science 319 (2008), it rests at U, and such a spike passes
    U + U * (1 - U).  And the paper's resources pass through an active state, the current, before they recover; here
    they recover at once, and a filter such as SynapseFilter may shape the current.

    Gradients are exact in u, r and the constants, and in the size of x.  Whether x is a spike is taken as given: a
    step without one gives x no gradient.

    Args:
        tau_d: recovery of the resources in steps, positive (default 200).
        tau_f: decay of the facilitation in steps, positive (default 20).
        U: utilisation at rest, in [0, 1] (default 0.2); learnable, strictly between.
        learnable: whether all three are trained (default False): exp(-1 / tau) = sigmoid(logit), U = sigmoid(logit).
        step_mode: "s" or "m", as in SynapseFilter.

    Attributes:
        tau_d, tau_f, U: the constants now; reading learnable ones waits for the device.
        tau_d_logit, tau_f_logit, U_logit: Parameters of shape (), if learnable.
        u: utilisation after the last step: None (at rest, U) until the first input, then a Tensor (B, ...).
        r: resources after the last step: 1 until the first input, then a Tensor (B, ...).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Grilly's "Spiking Neural Networks"; Tsodyks, Pawelzik & Markram, "Neural networks with dynamic synapses",
    Neural Computation 10 (1998), section 2, in discrete time: with the two changes above du/dt = (U - u) / tau_f + U *
    (1 - u) * spike and dr/dt = (1 - r) / tau_d - u * r * spike, u taken after its jump and r before.
    """

    u: Any
    r: Any
    tau_d, tau_f, U = TimeConstant(), TimeConstant(), Share()
    _shown = ("tau_d", "tau_f", "U")

    def __init__(
        self,
        tau_d: float = 200.0,
        tau_f: float = 20.0,
        U: float = 0.2,
        learnable: bool = False,
        step_mode: StepMode = S,
    ) -> None:
        super().__init__(step_mode, learnable)
        _set(self, tau_d=tau_d, tau_f=tau_f, U=U)
        self.register_memory("u", None)
        self.register_memory("r", 1.0)

    def _run(self, x: Tensor, states: list[Tensor | None], steps: int | None) -> tuple[Tensor, ...]:
        base, facilitation, depression = (_constant(self, name) for name in ("U", "tau_f", "tau_d"))
        return ops.stp(x, states[0], states[1], base, facilitation, depression, steps=steps)


def _set(module: _Dynamics, **values: Any) -> None:
    """First values of constants; all are checked before one becomes a Parameter."""
    kinds = {name: getattr(type(module), name) for name in values}
    for name, value in values.items():
        kinds[name].checked(value)
    for name, value in values.items():
        kinds[name].start(module, value, module.learnable)


def _constant(module: _Dynamics, name: str) -> float | Tensor:
    """What the kernels take of a constant."""
    found: float | Tensor = getattr(type(module), name).constant(module)
    return found
