"""Delays: what arrives late, of all inputs alike or of each connection by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import arguments, host_random
from ...modes import S
from ...ops.delay import delayed_linear
from ...ops.shape import clone, concatenate
from ...settings import fixed, setting
from ...stepping import set_step_mode
from ...tensor import Tensor, empty, full
from ...typing import ArrayLike, StepMode
from .. import init
from ..containers import Sequential
from ..module import Buffer, Module, Parameter, checked_module
from ..stateful import StatefulModule


class _Late(StatefulModule):
    """What delays share: the inputs of the last steps are the state, `history` (steps, B, ...), oldest first."""

    takes_steps = True
    history: Tensor | None

    def __init__(self, step_mode: StepMode) -> None:
        super().__init__()
        self.step_mode = step_mode
        self.register_memory("history", None)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """x, (B, ...) or in step mode "m" (T, B, ...), to the outputs of these steps.

        Args:
            x: input.
            steps: given by containers: x has a time axis, whatever the step mode.

        Raises:
            ValueError: x or the state has another shape; no time axis in step mode "m".
            RuntimeError: the state's graph was freed, or it would cross the border of a compiled function.
            TypeError: no real numbers in x or the state.
        """
        x, multi = self.arriving(x, steps)
        shape = x.shape[1:] if multi else x.shape
        self._check(shape)
        self.entering(shape, (self._kept(),))
        out = self._run(x if multi else x.reshape(1, *x.shape))
        return out if multi else out.reshape(out.shape[1:])

    def _kept(self) -> int:
        """How many steps the history holds."""
        raise NotImplementedError(f"{type(self).__name__} does not define _kept()")

    def _check(self, shape: tuple[int, ...]) -> None:
        """Of one step."""

    def _run(self, x: Tensor) -> Tensor:
        """(T, B, ...) to outputs; sets the history."""
        raise NotImplementedError(f"{type(self).__name__} does not define _run()")


class Delay(_Late):
    """The input of `delay` steps before: y[t] = x[t - delay], zeros at the start.

    Args:
        delay: in steps, from 0.
        step_mode: "s": a call is one step, x (B, ...). "m": a call is all steps, x (T, B, ...).

    Attributes:
        history: the last `delay` inputs (delay, B, ...), oldest first; None at the start, where they are zeros.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: an axonal delay, as in SpikingJelly's layer.Delay and SLAYER (Shrestha & Orchard, NeurIPS 2018, section 2).
    """

    delay = setting(arguments.size, 0)

    def __init__(self, delay: int, step_mode: StepMode = S) -> None:
        super().__init__(step_mode)
        self.delay = delay

    def _kept(self) -> int:
        return self.delay

    def _run(self, x: Tensor) -> Tensor:
        if self.delay == 0 or x.shape[0] == 0:
            return clone(x).as_spikes(x.is_spikes)
        past = self.history
        if past is None:
            past = full((self.delay, *x.shape[1:]), 0.0, on=x.engine)
        whole = concatenate([past, x])
        self.history = whole[x.shape[0] :]
        return whole[: x.shape[0]].as_spikes(x.is_spikes)

    def extra_repr(self) -> str:
        """The delay."""
        return f"{self.delay}, step_mode={self.step_mode!r}"


class DelaySynapse(_Late):
    """A weight and a delay for each connection: y[t, b, o] = bias[o] + the sum of weight[o, i] * x[t - d[o, i], b, i].

    The sum is over i.  Inputs before the first are zeros.  All steps of a call run in one dispatch, and calls go on
    from each other.

    Learnable delays are real numbers d = k + f between two steps, k whole and 0 <= f < 1, and mix these:
    (1 - f) * x[t - k] + f * x[t - k - 1].  A delay's gradient is weight * (x[t - k - 1] - x[t - k]), summed over
    steps and samples with the gradient of the output.  At a call a delay is taken as the nearest in [0, max_delay];
    one that training took outside gets a gradient only where that leads back.

    Args:
        in_features, out_features: sizes of the last axis of input and output.
        delays: in steps: one number for all, or an array (out_features, in_features), whole unless learnable.  None
            draws them evenly from 0 to max_delay, whole unless learnable.
        max_delay: the longest delay, a whole number, which fixes how many inputs are kept (default: the largest of
            `delays`, rounded up).
        learnable: whether delays are trained (default False).
        bias: whether a bias is added (default True).
        step_mode: "s": a call is one step, x (..., in_features). "m": a call is all steps, x (T, ..., in_features).

    Shape:
        (..., in_features) to (..., out_features).

    Attributes:
        weight: Parameter (out_features, in_features), started as Linear's.
        bias: Parameter (out_features,), or None.
        delay: Buffer of int32 (out_features, in_features), or, if learnable, a Parameter of float32.
        history: the last max_delay inputs (max_delay, ..., in_features), oldest first; None at the start.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value; delays outside [0, max_delay]; neither delays
            nor max_delay.

    Source: Hammouamri, Khalfaoui-Hassani & Masquelier, "Learning delays in spiking neural networks using dilated
    convolutions with learnable spacings", ICLR 2024, equation (6), the delayed sum; there the kernel of a learnable
    delay is a Gaussian that narrows in training, wider than the two steps mixed here.  Linear interpolation as in
    Khalfaoui-Hassani et al., "Dilated convolution with learnable spacings", ICLR 2023.
    """

    in_features, out_features, learnable, max_delay = fixed(), fixed(), fixed(), fixed()
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        delays: ArrayLike | None = None,
        max_delay: int | None = None,
        learnable: bool = False,
        bias: bool = True,
        step_mode: StepMode = S,
    ) -> None:
        super().__init__(step_mode)
        self.in_features = arguments.size("in_features", in_features)
        self.out_features = arguments.size("out_features", out_features)
        self.learnable = arguments.flag("learnable", learnable)
        most = None if max_delay is None else arguments.size("max_delay", max_delay, int(self.learnable))
        values, self.max_delay = self._delays(delays, most)
        self.delay: Tensor = Parameter(values) if self.learnable else Buffer(values)
        self.weight = Parameter(empty((self.out_features, self.in_features)))
        added = Parameter(empty((self.out_features,))) if arguments.flag("bias", bias) else None
        self.register_parameter("bias", added)
        self.reset_parameters()

    def _delays(self, given: Any, most: int | None) -> tuple[np.ndarray, int]:
        """The delays as float32 or int32, and the longest one that is kept."""
        shape, kind = (self.out_features, self.in_features), np.float32 if self.learnable else np.int32
        if given is None:
            if most is None:
                raise ValueError("delays or max_delay must be given: delays=None draws them from 0 to max_delay")
            draw = host_random.generator()
            drawn = draw.uniform(0, most, shape) if self.learnable else draw.integers(0, most, shape, endpoint=True)
            return drawn.astype(kind), most
        values = arguments.numbers_of("delays", given)
        if values.shape not in ((), shape):
            raise ValueError(f"delays has shape {values.shape}; expected (), or (out, in) = {shape}")
        wrong = values[~np.isfinite(values) | (values < 0)]
        if wrong.size:
            raise ValueError(f"delays are in steps and must be finite and not negative, got {wrong[0]}")
        between = values[values % 1 != 0]
        if not self.learnable and between.size:
            raise ValueError(f"delays must be whole steps, got {between[0]}; learnable=True takes those between")
        top = math.ceil(values.max())
        most = arguments.size("the largest of delays", max(top, int(self.learnable)), 0) if most is None else most
        if top > most:
            raise ValueError(f"delays go up to {values.max():g}; max_delay is {most}")
        return np.array(np.broadcast_to(values, shape), kind), most

    def reset_parameters(self) -> None:
        """Draws new weights and biases; delays stay."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def _kept(self) -> int:
        return self.max_delay

    def _check(self, shape: tuple[int, ...]) -> None:
        if not shape or shape[-1] != self.in_features:
            raise ValueError(f"one step of x has shape {shape}; expected (..., {self.in_features})")

    def _run(self, x: Tensor) -> Tensor:
        lead = x.shape[1:-1]
        if x.shape[0] == 0:
            return empty((0, *lead, self.out_features), on=x.engine)
        box = (math.prod(lead), self.in_features)
        past = self.history
        if past is not None:
            past = past.reshape(self.max_delay, *box)
        y, after = delayed_linear(x.reshape(x.shape[0], *box), past, self.weight, self.delay, self.bias, self.max_delay)
        self.history = after.reshape(self.max_delay, *lead, self.in_features) if self.max_delay else None
        return y.reshape(x.shape[0], *lead, self.out_features)

    def extra_repr(self) -> str:
        """The sizes."""
        parts = [str(self.in_features), str(self.out_features), f"max_delay={self.max_delay}"]
        parts += ["learnable=True"] if self.learnable else []
        parts += ["bias=False"] if self.bias is None else []
        return ", ".join([*parts, f"step_mode={self.step_mode!r}"])


class Synapse(Sequential):
    """A connection and the dynamics of its synapses, as one module: dynamics(connection(x[t - delay])).

    In step mode "m", or in a container, the connection takes all steps as one batch and the dynamics run in one
    dispatch.

    Args:
        connection: such as Linear or Conv2d.
        dynamics: such as SynapseFilter (default None: none).
        delay: of all inputs alike, in steps (default 0); for one delay per connection see DelaySynapse.
        step_mode: "s" or "m", set in all parts.

    Attributes:
        connection, dynamics: the parts; no dynamics if None.
        delay: a `Delay`, if there is one.

    Raises:
        TypeError: a part that is no Module, or no step mode. ValueError: a negative delay.

    Source: Grilly's "Spiking Neural Networks".
    """

    def __init__(
        self, connection: Module, dynamics: Module | None = None, delay: int = 0, step_mode: StepMode = S
    ) -> None:
        steps = arguments.size("delay", delay, 0)
        mode = arguments.choice("step_mode", step_mode, ("s", "m"))
        for name, part in (("connection", connection), ("dynamics", dynamics)):
            if part is not None or name != "dynamics":
                checked_module(name, part)
        parts: dict[str, Module] = {"delay": Delay(steps)} if steps else {}
        parts["connection"] = connection
        super().__init__(parts if dynamics is None else {**parts, "dynamics": dynamics})
        set_step_mode(self, mode)
