"""Leaky nodes by decay factors, whose reset comes with the step after the spike, as in snnTorch."""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal

import numpy as np

from ... import arguments
from ...autograd import no_grad
from ...errors import shown as short
from ...modes import S
from ...ops.elementwise import unary
from ...ops.late_reset import RESETS, LateReset, Reset, late_reset
from ...ops.nodes import sample_of
from ...ops.shape import broadcast_to, concatenate
from ...settings import fixed, setting
from ...surrogate import ATan, Surrogate, chosen, slope_of
from ...tensor import FLOAT32, Tensor, from_numpy, full
from ...typing import ArrayLike, StepMode
from ..module import Parameter
from ..stateful import StatefulModule
from .nodes import PerNeuron, _threshold, kept_potentials, per_neuron, same, shown


def _constant(name: str, value: Any) -> Any:
    """A number, an array with one for each neuron, or a Parameter, which trains."""
    if isinstance(value, Parameter):
        return value
    return per_neuron(name, value, _threshold if name == "v_threshold" else arguments.real)


def _share(name: str, value: Any) -> Any:
    """The same, within [0, 1] unless it trains."""
    if isinstance(value, Parameter):
        return value
    return per_neuron(name, value, lambda own, number: arguments.between(own, number, 0.0, 1.0))


def _held(value: Any) -> Any:
    """What a recording compares: numbers, or which Parameter it is."""
    return id(value) if isinstance(value, Parameter) else same(value)


class LateResetNode(StatefulModule):
    """Leaky integrate and fire by decay factors, s = [H > v_threshold], reset with the step after the spike.

    H = beta v + x, or with a synaptic current I = alpha I + x, H = beta v + I; v = H.  If v was above the threshold
    when the step began, `reset_mechanism` says what happens, without a gradient:

    - "subtract" (default): H = beta v + x - v_threshold. The leak does not act on what is subtracted.
    - "zero": v counts as 0, H = x.
    - "blank": H = 0, so that the input of this step is lost; not its part in the current.
    - "none": nothing.

    Args:
        beta: what is left of the potential after a step, in [0, 1].
        alpha: what is left of the current after a step, in [0, 1]; None (default): there is no current.
        v_threshold: default 1; inf: it never fires.
        reset_mechanism: see above.
        surrogate_function: a `grilly_vk.surrogate.Surrogate`; None: ATan().
        step_mode: "s" (default): a call is one step, x (B, ...). "m": a call is all steps, x (T, B, ...), in one
            dispatch.
        store_v_seq: in step mode "m", keep the potentials of each step as `v_seq` (T, B, ...), on the tape: v (True,
            "after") or H ("before"), which are the same unless late=False.
        memory: "fast" keeps the potentials for the backward pass; "low" keeps the input and computes them again.
        late: False: v = H - (s - r) v_threshold, or v = H - (s - r) H, with r for the reset at the step's begin and the
            gradient of s; v has its reset in the step of the spike then. Default True.
        gain: what the input is multiplied by (default 1).
        spike_factor: the height of a spike (default 1).
        learn: names of constants that train, among "beta", "alpha", "v_threshold" and "spike_factor": they become
            Parameters.  beta and alpha are clipped to [0, 1] where they are used, with the gradient of `torch.clamp`.

    beta, alpha, v_threshold and spike_factor are numbers, or arrays with a number for each neuron, which broadcast to
    the last axes of a step, or Parameters, which train.

    Attributes:
        v: potential after the last step: 0.0 until the first input, then a Tensor (B, ...).
        current: I after the last step, of nodes that have one.
        v_seq: see store_v_seq; None until a run.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Eshraghian et al., "Training spiking neural networks using lessons from deep learning", Proceedings of the
    IEEE 111 (2023); snnTorch's Leaky, Synaptic, Lapicque.
    """

    beta, alpha = setting(_share, held=_held), setting(_share, optional=True, held=_held)
    v_threshold, spike_factor = setting(_constant, held=_held), setting(_constant, held=_held)
    reset_mechanism = setting(arguments.choice, RESETS)
    late, store_v_seq = setting(arguments.flag), setting(kept_potentials)
    memory = setting(arguments.choice, ("fast", "low"))
    gain = setting(arguments.real)
    surrogate_function = setting(chosen, held=slope_of)
    learn: tuple[str, ...] = fixed()
    v: Any
    v_seq: Tensor | None
    is_spiking = takes_steps = True
    _only_results = ("v_seq",)
    _constants = ("beta", "alpha", "v_threshold", "spike_factor")
    _currents: tuple[str, ...] = ("current",)
    _states: tuple[str, ...]  # names: the potential, then currents

    def __init__(
        self,
        beta: PerNeuron,
        alpha: PerNeuron | None = None,
        v_threshold: PerNeuron = 1.0,
        reset_mechanism: Reset = "subtract",
        surrogate_function: Surrogate | None = None,
        step_mode: StepMode = S,
        store_v_seq: bool | Literal["before", "after"] = False,
        memory: Literal["fast", "low"] = "fast",
        *,
        late: bool = True,
        gain: float = 1.0,
        spike_factor: PerNeuron = 1.0,
        learn: Any = (),
    ) -> None:
        super().__init__()
        given = {"beta": beta, "alpha": alpha, "v_threshold": v_threshold, "spike_factor": spike_factor}
        self.learn = learnt = _names(learn, [name for name in self._constants if given[name] is not None], given)
        for name, value in given.items():
            if name in learnt and not isinstance(value, Parameter):
                value = Parameter(from_numpy(np.array(per_neuron(name, value, arguments.real), np.float32)))
            setattr(self, name, value)
            if name in learnt:
                self._parameters[name] = value
        self.reset_mechanism = reset_mechanism
        self.surrogate_function = ATan() if surrogate_function is None else surrogate_function
        self.step_mode = step_mode
        self.store_v_seq, self.memory, self.late, self.gain = store_v_seq, memory, late, gain
        self.__dict__["_states"] = ("v", *(self._currents if self.alpha is not None else ()))
        for name in self._states:
            self.register_memory(name, 0.0)
        self.register_memory("v_seq", None)

    def _settle(self, name: str) -> None:
        """What trains goes on to; a current is there or not."""
        value: Any = self.__dict__.get(name)
        before = self._parameters.get(name)
        if name == "alpha" and (value is None) != (len(self._states) == 1):
            raise ValueError("alpha can't become None, or a number from None: the node has a current or has none")
        if isinstance(value, Parameter):
            if before is None:
                raise ValueError(f"{name} does not train in this node; name it in learn when you make one")
            self._keep_shape("_parameters", name, value)
            self._parameters[name] = value
        elif before is not None and name in self._constants:
            if np.shape(value) not in ((), before.shape):
                raise ValueError(f"{name} has shape {before.shape}, and was given {np.shape(value)}")
            with no_grad():
                before.assign(np.broadcast_to(np.asarray(value, np.float32), before.shape))
            self.__dict__[name] = before

    input_hint = "its state is in the node (v), from call to call"

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """Spikes of x's shape, 0.0 and 1.0 (or spike_factor).

        Args:
            x: input, (B, ...) or, in step mode "m", (T, B, ...).
            steps: given by containers: x has a time axis, whatever the step mode.

        Raises:
            ValueError: the state has another shape; no time axis in step mode "m"; constants that don't fit x.
            RuntimeError: the state's graph was freed, or it would cross the border of a compiled function.
            TypeError: no real numbers, in x or the state.
        """
        x, multi = self.arriving(x, steps)
        shape = x.shape[1:] if multi else x.shape
        dynamics = self._dynamics(shape)
        factor = self._factor(shape)
        self.entering(shape)
        before = {name: getattr(self, name) for name in self._states}
        out = late_reset(
            x,
            [value if isinstance(value, Tensor) else _full(shape, value, x) for value in before.values()],
            dynamics,
            self.surrogate_function.slope,
            steps=x.shape[0] if multi else None,
            store_v=multi and self.store_v_seq,
            recompute=self.memory == "low",
        )
        idle = multi and x.shape[0] == 0  # no step was made: the state is what it was, on the tape
        for (name, was), value in zip(before.items(), out.states):
            setattr(self, name, was if idle and isinstance(was, Tensor) else value)
        self.__dict__["v_seq"] = out.v_seq
        return out.spikes if factor is None else out.spikes * factor

    def _dynamics(self, shape: tuple[int, ...]) -> LateReset:
        constants = self._table((self.beta, self.alpha, self.v_threshold, None), shape)
        return LateReset(len(self._states), self.reset_mechanism, self.late, self.gain, constants)

    def _factor(self, shape: tuple[int, ...]) -> Any:
        """What spikes are multiplied by; None where that is 1."""
        factor = self.spike_factor
        if isinstance(factor, (Parameter, np.ndarray)):
            sample_of(self._what(), factor.shape, shape)
            return factor
        return None if factor == 1.0 else factor

    def _what(self) -> str:
        """What errors call the constants."""
        return f"the constants of {type(self).__name__}"

    def _table(self, values: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
        """The four constants for inputs of which a step has this shape: numbers, or a Tensor (4,) or (4, ...)."""
        numbers: list[Any] = [0.0 if value is None else value for value in values]
        if all(isinstance(value, float) for value in numbers):
            return tuple(numbers)
        try:
            whole = np.broadcast_shapes(*(np.shape(value) for value in numbers))
        except ValueError:
            shapes = ", ".join(str(np.shape(value)) for value in numbers if np.shape(value))
            raise ValueError(f"{self._what()} have shapes {shapes}, which don't broadcast") from None
        sample = sample_of(self._what(), whole, shape) if math.prod(whole) > 1 else ()
        parts = []
        for trains, some in itertools.groupby(numbers, lambda value: isinstance(value, Tensor)):
            if trains:
                parts += [broadcast_to(value, (1, *sample)) if sample else value.reshape(1) for value in some]
            else:
                parts.append(self._uploaded(len(parts), list(some), sample))
        return concatenate(parts) if len(parts) > 1 else parts[0]

    def _uploaded(self, name: int, values: list[Any], sample: tuple[int, ...]) -> Tensor:
        """Numbers and arrays as one Tensor (len(values), *sample), which is kept until they change."""
        kept = self.__dict__.setdefault("_uploads", {})
        key = sample, *(same(value) for value in values)
        found = kept.get(name)
        if found is None or found[0] != key:
            shaped = [np.asarray(value, np.float32).reshape(np.shape(value) if sample else ()) for value in values]
            array = np.stack([np.broadcast_to(value, sample) for value in shaped])
            found = kept[name] = key, from_numpy(array)
        tensor: Tensor = found[1]
        return tensor

    def extra_repr(self) -> str:
        """The parameters."""
        parts = []
        for name in self._constants:
            value = self.__dict__[name]
            if value is not None and (
                name != "spike_factor" or isinstance(value, (Tensor, np.ndarray)) or value != 1.0
            ):
                parts.append(name if isinstance(value, Parameter) else f"{name}={shown(value)}")
        names = [f"learn={self.learn!r}"] if self.learn else []
        parts = [part for part in parts if part not in self.learn] + names
        parts += [f"reset_mechanism={self.reset_mechanism!r}"] + ([] if self.late else ["late=False"])
        parts += [] if self.gain == 1.0 else [f"gain={self.gain:g}"]
        parts += [f"surrogate_function={self.surrogate_function!r}", f"step_mode={self.step_mode!r}"]
        return ", ".join(parts + (["memory='low'"] if self.memory == "low" else []))


class AlphaNode(LateResetNode):
    """Leaky node whose input goes through an alpha function, the difference of two currents that decay.

    E = alpha E + x; I = beta I - x; H = tau (E + I), tau = ln(alpha) / (ln(beta) - ln(alpha)) + 1;
    s = [H > v_threshold]; v = H.  If v was above the threshold when the step began, without a gradient:

    - "zero" (default): E, I and H are 0.
    - "subtract": v_threshold is taken from E, and the I of before is added to H; the new I is 0.
    - "none": nothing.

    Args:
        alpha: what is left of E after a step, in [0, 1], above beta.
        beta: what is left of I after a step, in [0, 1].
        v_threshold, reset_mechanism, surrogate_function, step_mode, store_v_seq, memory, gain, spike_factor, learn: as
            in LateResetNode.

    Attributes:
        v: potential after the last step.
        excitation, inhibition: E and I after the last step: 0.0 until the first input, then Tensors (B, ...).
        v_seq: see store_v_seq; None until a run.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value; alpha is not above beta.

    Source: Eshraghian et al. 2023, as LateResetNode; as in snnTorch's Alpha.
    """

    reset_mechanism = setting(arguments.choice, ("subtract", "zero", "none"))
    late: bool = fixed(how="an AlphaNode is always late")
    _currents = ("excitation", "inhibition")

    def __init__(
        self,
        alpha: PerNeuron,
        beta: PerNeuron,
        v_threshold: PerNeuron = 1.0,
        reset_mechanism: Literal["subtract", "zero", "none"] = "zero",
        surrogate_function: Surrogate | None = None,
        step_mode: StepMode = S,
        store_v_seq: bool | Literal["before", "after"] = False,
        memory: Literal["fast", "low"] = "fast",
        *,
        gain: float = 1.0,
        spike_factor: PerNeuron = 1.0,
        learn: Any = (),
    ) -> None:
        if alpha is None:
            raise TypeError("alpha must be a number, not NoneType")
        super().__init__(
            beta, alpha, v_threshold, reset_mechanism, surrogate_function, step_mode, store_v_seq, memory,
            gain=gain, spike_factor=spike_factor, learn=learn,
        )  # fmt: skip
        self._ordered()

    def _settle(self, name: str) -> None:
        super()._settle(name)
        if name in ("alpha", "beta"):
            self._ordered()

    def _ordered(self) -> None:
        """What trains is not looked at: reading it would wait."""
        high, low = self.alpha, self.beta
        if isinstance(high, Tensor) or isinstance(low, Tensor):
            return
        if (np.asarray(high) <= np.asarray(low)).any():
            raise ValueError(f"alpha must be above beta, got alpha={short(high)} and beta={short(low)}")

    def _dynamics(self, shape: tuple[int, ...]) -> LateReset:
        high, low = self.alpha, self.beta
        if isinstance(high, Tensor) or isinstance(low, Tensor):
            up, down = _log(high), _log(low)
            scale = up / (down - up) + 1.0
        else:
            with np.errstate(divide="ignore"):  # ln(0) is -inf, which leaves 1
                up, down = np.log(np.asarray(high, np.float32)), np.log(np.asarray(low, np.float32))
            scale = np.asarray(up / (down - up) + np.float32(1.0), np.float32)
            scale = scale if scale.ndim else float(scale)
        constants = self._table((low, high, self.v_threshold, scale), shape)
        return LateReset(3, self.reset_mechanism, True, self.gain, constants)


def _log(value: Any) -> Any:
    """The logarithm of a share, clipped to [0, 1] if it trains."""
    if isinstance(value, Tensor):
        return unary("log", value.clamp(0.0, 1.0))
    with np.errstate(divide="ignore"):
        out = np.log(np.asarray(value, np.float32))
    return out if out.ndim else float(out)


def _names(learn: Any, possible: list[str], given: dict[str, Any]) -> tuple[str, ...]:
    """The constants that train: those that are named, and Parameters."""
    wanted = (learn,) if isinstance(learn, str) else learn
    if not isinstance(wanted, (tuple, list)) or not all(isinstance(name, str) for name in wanted):
        raise TypeError(f"learn must hold names of constants, not {short(learn)}")
    for name in wanted:
        if name not in possible:
            raise ValueError(f"learn must name some of {', '.join(map(repr, possible))}; got {short(name)}")
    return tuple(name for name in possible if name in wanted or isinstance(given[name], Parameter))


def _full(shape: tuple[int, ...], value: Any, x: Tensor) -> Tensor | None:
    """A state that is a number, as the op takes it."""
    return None if value == 0 else full(shape, float(value), FLOAT32, x.engine)
