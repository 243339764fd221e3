"""Spiking nodes with learnable surroundings: IF, LIF and parametric LIF.  More models are in node_models.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ... import arguments, errors
from ...equations.neuron import NeuronModel
from ...modes import S
from ...ops.batch_norm import Norm
from ...ops.held import Held, step_of
from ...ops.nodes import MODELS, Dynamics, Each, node
from ...ops.shape import broadcast_to
from ...runtime.recording import assignments, called
from ...settings import fixed, setting
from ...stepping import mixed
from ...surrogate import ATan, Surrogate, chosen, slope_of
from ...tensor import Tensor, from_numpy, full
from ...typing import ArrayLike, StepMode
from ..layers.norm import RunningNorm
from ..module import Parameter
from ..stateful import StatefulModule

PerNeuron = Any  # a number, or an array of numbers


def per_neuron(name: str, value: Any, check: Callable[[str, Any], float]) -> Any:
    """A number, or one for each neuron: a read-only float32 copy; `check` takes each.  Arrays may be anybody's.

    Raises:
        TypeError, ValueError: what `check` says; an array that holds no numbers.
    """
    several = isinstance(value, (list, tuple)) or arguments.is_array(value)
    if isinstance(value, Tensor) and value.requires_grad:
        what = f"a {type(value).__name__} with a gradient, which would not train here: give its detach()"
        raise TypeError(f"{name} must be a number or an array, not {what}")
    if not several:
        return check(name, value)
    given = np.array(value.numpy() if isinstance(value, Tensor) else arguments.numbers_of(name, value))
    if not given.ndim:
        return check(name, given.item())
    if not given.size:
        raise ValueError(f"{name} must hold a number for each neuron, not {given.shape} numbers")
    for extreme in (given.min(), given.max()):
        check(name, extreme)
    if check is _waiting and (given % 1 != 0).any():
        raise ValueError(f"{name} must hold whole numbers of steps")
    if np.isnan(given).any():
        raise ValueError(f"{name} must not contain NaN")
    out = given.astype(np.float32)
    out.flags.writeable = False
    return out


def shown(value: Any) -> str:
    """A setting for `repr`: a number, or the shape of an array."""
    return f"<{' x '.join(map(str, value.shape))} numbers>" if isinstance(value, np.ndarray) else f"{value:g}"


def _threshold(name: str, value: Any) -> float:
    """A finite number, or infinity."""
    if isinstance(value, (float, np.floating)) and value == math.inf:
        return math.inf
    return arguments.real(name, value)


def _waiting(name: str, value: Any) -> float:
    """A whole number of steps, not negative."""
    number = arguments.non_negative(name, value)
    if number % 1 or number >= 1 << 24:
        raise ValueError(f"{name} must be a whole number of steps below 2**24, got {shown(value)}")
    return number


def kept_potentials(name: str, value: Any) -> bool | str:
    """True, False, or which potentials of a step are kept."""
    if isinstance(value, str) and value in ("before", "after"):
        return value
    if not isinstance(value, (bool, np.bool_)):
        kind = TypeError if not isinstance(value, str) else ValueError
        raise kind(f"{name} must be True, False, 'before' or 'after', not {errors.shown(value)}")
    return bool(value)


def same(value: Any) -> Any:
    """What a recording compares of a setting: a number, or the numbers of an array."""
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


class SpikingNode(StatefulModule):
    """Base of the spiking nodes: charge, fire and reset in each step, with a surrogate gradient.

    H = charge(v, x); s = [H >= v_threshold]; v = H where there is no spike, else v_reset (hard reset), or
    v = H - s * v_threshold (v_reset=None: soft reset).

    Args:
        v_threshold: default 1.
        v_reset: default 0; None: soft reset.
        surrogate_function: a `grilly_vk.surrogate.Surrogate`; None: ATan().
        detach_reset: whether gradients stop at the spike in the reset (default False).
        step_mode: "s": a call is one step, x (B, ...). "m": a call is all steps, x (T, B, ...), in one dispatch.
        store_v_seq: in step mode "m", keep the potentials of each step as `v_seq` (T, B, ...), on the tape. "after":
            those after the reset, as `v` is; "before": H, which the spikes follow from, as snnTorch reports them.
            True is "after"; default False.
        memory: "fast" keeps the potentials for the backward pass, 4 bytes per element and step; "low" keeps nothing but
            the input, which the tape may hold anyway, and computes them again.
        refractory: steps after a spike in which a neuron takes no input and does not spike; its potential stays what
            the reset made it (default 0).  A second state, such as a synaptic current, goes on.
        strict: whether a spike needs more than the threshold, s = [H > v_threshold] (default False).

    v_threshold, v_reset, refractory and tau are numbers, or arrays with a number for each neuron, which broadcast to
    the last axes of a step; they are copied.  v_threshold may be infinite: such a neuron never fires.

    Attributes:
        v: potential after the last step: a number (or the array of v_reset) until the first input, then a Tensor
            (B, ...).
        left: of nodes with refractory steps: how many are left, 0.0 until the first input, then a Tensor (B, ...).
        v_seq: see store_v_seq; None until a run.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """

    v_threshold = setting(per_neuron, _threshold, held=same)
    v_reset = setting(per_neuron, arguments.real, optional=True, held=same)
    refractory = setting(per_neuron, _waiting, held=same)
    surrogate_function = setting(chosen, held=slope_of)
    detach_reset, store_v_seq = setting(arguments.flag), setting(kept_potentials)
    memory, strict = setting(arguments.choice, ("fast", "low")), setting(arguments.flag)
    v: Any
    left: Any
    tau: Any
    v_seq: Tensor | None
    is_spiking = takes_steps = True
    _only_results = ("v_seq",)
    _model: str | NeuronModel = "if"
    _record = MODELS["if"][1]
    _second: str | None = None  # the attribute that holds the second state
    _numbered: tuple[str, ...] = ()  # settings of the model that `repr` shows
    _starts_apart = False  # the potential starts at a number of its own

    def __init__(
        self,
        v_threshold: PerNeuron = 1.0,
        v_reset: PerNeuron | None = 0.0,
        surrogate_function: Surrogate | None = None,
        detach_reset: bool = False,
        step_mode: StepMode = S,
        store_v_seq: bool | Literal["before", "after"] = False,
        memory: Literal["fast", "low"] = "fast",
        *,
        refractory: PerNeuron = 0,
        strict: bool = False,
    ) -> None:
        super().__init__()
        self.v_threshold = v_threshold
        self.v_reset = v_reset
        self.refractory = refractory
        self.strict = strict
        self.surrogate_function = ATan() if surrogate_function is None else surrogate_function
        self.detach_reset = detach_reset
        self.step_mode = step_mode
        self.store_v_seq = store_v_seq
        self.memory = memory
        self.register_memory("v", self._v_start())
        self.register_memory("v_seq", None)
        if isinstance(self.refractory, np.ndarray) or self.refractory:
            self.register_memory("left", 0.0)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._record = MODELS[cls._model][1] if isinstance(cls._model, str) else cls._model
        cls._second = cls._record.second

    def _settle(self, name: str) -> None:
        """The start of the potential is v_reset, or v_rest; one that has not moved yet follows."""
        if name in ("v_reset", "v_rest") and not self._starts_apart:
            start, waits = self._v_start(), self.v is self._memories["v"]
            self._memories["v"] = start
            if waits:
                self.v = start

    def _v_start(self) -> Any:
        return 0.0 if self.v_reset is None else self.v_reset

    # ---- to be given by the model ----

    def _numbers(self) -> dict[str, Any]:
        """Fields of Dynamics that are the model's own, by default of the record's names as attributes."""
        record = self._record
        fields: dict[str, Any] = {"k": self._k()} if record.has_k else {}
        if record.numbers:
            fields["numbers"] = record.numbers_of(self)
        return fields

    def _learnable(self) -> Tensor | None:
        """The learnable number, one element."""
        return None

    def _own(self) -> list[str]:
        """What `repr` shows of the model."""
        return [f"{name}={shown(getattr(self, name))}" for name in self._numbered]

    # ---- use ----

    input_hint = "its state is in the node (v), from call to call; functional.lif_step takes states of your own"

    def forward(self, x: ArrayLike, *, steps: str | None = None, norm: RunningNorm | None = None) -> Tensor:
        """Spikes of x's shape, 0.0 and 1.0.

        Args:
            x: input, (B, ...) or, in step mode "m", (T, B, ...).
            steps: given by containers: x has a time axis, whatever the step mode.
            norm: a batch norm that x passes before: node(x, norm=bn) gives node(bn(x)), and the normalised x is never
                in memory.  Sequential does this by itself.  Hooks of the norm are not called.

        Raises:
            ValueError: the state has another shape; no time axis in step mode "m"; a norm in another step mode.
            RuntimeError: the state's graph was freed, or it would cross the border of a compiled function.
            TypeError: no real numbers, in x, a setting or the state; a norm that is no batch norm.
        """
        x, multi = self.arriving(x, steps)
        kept = self.__dict__.get("_moves")
        if kept is None or kept[0] != assignments[0]:  # some setting of something was assigned since
            kept = assignments[0], self._dynamics()
            if self._keeps_shapes:  # a user's subclass may have properties in place of settings
                self.__dict__["_moves"] = kept
        dynamics: Dynamics = kept[1]
        shape = x.shape[1:] if multi else x.shape
        waits = dynamics.each is not None and dynamics.each.refractory
        if waits and "left" not in self._memories:  # set after the node was made
            self.register_memory("left", 0.0)
        self.entering(shape)
        v = self.v if not isinstance(self.v, np.ndarray) else _start_of(dynamics, self.v, shape)
        count = x.shape[0] if multi else None
        once = step_of(x) if multi and type(x) is Held and (norm is None or norm._repeats()) else None
        if once is not None:
            x, norm = once if norm is None else norm._of_one(once, x.shape[0]), None
        prepared = None if norm is None else _prepared(norm, x, multi)
        before = self.memories() if count == 0 else {}
        out = node(
            x,
            v,
            dynamics,
            self.surrogate_function.slope,
            u=0.0 if self._second is None else getattr(self, self._second),
            w=self._learnable(),
            steps=count,
            held=once is not None,
            store_v=multi and self.store_v_seq,
            recompute=self.memory == "low",
            norm=prepared,
            left=self.left if waits else 0.0,
        )
        self.v = out.v
        if waits:
            self.left = out.left
        self.__dict__["v_seq"] = out.v_seq
        if self._second is not None:
            setattr(self, self._second, out.u)
        for name, value in before.items():  # no step was made: the state is what it was, on the tape
            if isinstance(value, Tensor):
                setattr(self, name, value)
        return out.spikes

    _takes_norm = forward  # a class that keeps this forward may be handed the norm before it, see joining.py

    def _dynamics(self) -> Dynamics:
        fields = self._numbers()
        given = self.v_threshold, self.v_reset, self.refractory, self._memories["v"]
        own = fields.get("k", 1.0), fields.get("rest"), *given
        if np.ndarray in map(type, own) or own[4]:
            fields |= self._of_each(own)
        else:
            fields["v_threshold"], fields["v_reset"] = own[2], own[3]
        return Dynamics(self._model, detach_reset=self.detach_reset, strict=self.strict, **fields)

    def _k(self) -> Any:
        """1 / tau."""
        return 1.0 / self.tau

    def _of_each(self, own: tuple[Any, ...]) -> dict[str, Any]:
        """Fields of Dynamics where a setting differs from neuron to neuron; made anew where one was set."""
        kept, key = self.__dict__.get("_each"), tuple(map(same, own))
        if kept is None or kept[0] != key:
            k, rest, threshold, reset, waits, start = own
            reset = 0.0 if reset is None else reset
            try:
                each = Each((k, reset if rest is None else rest, threshold, reset, waits, start))
            except ValueError:
                shapes = ", ".join(str(np.shape(value)) for value in own if isinstance(value, np.ndarray))
                raise ValueError(
                    f"the settings of {type(self).__name__} have shapes {shapes}, which don't broadcast"
                ) from None
            kept = self.__dict__["_each"] = (key, each)
        hard = None if self.v_reset is None else 0.0
        return {"k": 1.0, "rest": None, "v_threshold": 1.0, "v_reset": hard, "each": kept[1]}

    def extra_repr(self) -> str:
        """The parameters."""
        reset = "None" if self.v_reset is None else shown(self.v_reset)
        parts = [*self._own(), f"v_threshold={shown(self.v_threshold)}", f"v_reset={reset}"]
        parts += [f"surrogate_function={self.surrogate_function!r}", f"step_mode={self.step_mode!r}"]
        parts += ["detach_reset=True"] if self.detach_reset else []
        parts += ["strict=True"] if self.strict else []
        parts += [f"refractory={shown(self.refractory)}"] if np.any(self.refractory) else []
        return ", ".join(parts + (["memory='low'"] if self.memory == "low" else []))


class IFNode(SpikingNode):
    """Integrate and fire: H = v + x.

    Args:
        v_threshold, v_reset, surrogate_function, detach_reset, step_mode, store_v_seq, memory: as in SpikingNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Grilly's "Spiking Neural Networks"; Lapicque 1907, as in SpikingJelly's IFNode.
    """


class LIFNode(SpikingNode):
    """Leaky integrate and fire: H = v + (x - (v - v_r)) / tau, or with decay_input=False H = v - (v - v_r) / tau + x.

    v_r is v_rest, or where that is None v_reset, or 0 with a soft reset.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        decay_input: whether the leak divides the input too (default True).
        v_rest: where the leak pulls to and the potential starts, a number or an array; None (default): see above.
        v_threshold, v_reset, surrogate_function, detach_reset, step_mode, store_v_seq, memory: as in SpikingNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Grilly's "Spiking Neural Networks"; as in SpikingJelly's LIFNode.
    """

    tau, decay_input = setting(per_neuron, arguments.time_constant, held=same), setting(arguments.flag)
    v_rest = setting(per_neuron, arguments.real, optional=True, held=same)
    _model = "lif"

    def __init__(
        self,
        tau: PerNeuron = 2.0,
        decay_input: bool = True,
        *args: Any,
        v_rest: PerNeuron | None = None,
        **options: Any,
    ) -> None:
        self.v_rest = v_rest
        super().__init__(*args, **options)
        self.tau = tau
        self.decay_input = decay_input

    def _v_start(self) -> Any:
        return super()._v_start() if self.v_rest is None else self.v_rest

    def _numbers(self) -> dict[str, Any]:
        return super()._numbers() | {"decay_input": self.decay_input, "rest": self.v_rest}

    def _own(self) -> list[str]:
        parts = [f"tau={shown(self.tau)}"] + ([] if self.decay_input else ["decay_input=False"])
        parts += [] if self.v_rest is None else [f"v_rest={shown(self.v_rest)}"]
        return [*parts, *super()._own()]


class ParametricLIFNode(SpikingNode):
    """Leaky integrate and fire with a learnable time constant: LIFNode with 1/tau = sigmoid(w).

    Args:
        init_tau: time constant in steps to start from, above 1 (default 2).
        decay_input: whether the leak divides the input too (default True).
        v_rest: as in LIFNode.
        v_threshold, v_reset, surrogate_function, detach_reset, step_mode, store_v_seq, memory: as in SpikingNode.

    Attributes:
        w: Parameter of shape (), -ln(init_tau - 1) at the start.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Grilly's "Spiking Neural Networks"; Fang et al., "Incorporating learnable membrane time constant to enhance
    learning of spiking neural networks", ICCV 2021; as in SpikingJelly's ParametricLIFNode.
    """

    init_tau: float = fixed(how="assign to w, tau being 1 / sigmoid(w)")
    decay_input = setting(arguments.flag)
    v_rest = setting(per_neuron, arguments.real, optional=True, held=same)
    _model = "lif"

    def __init__(
        self,
        init_tau: float = 2.0,
        decay_input: bool = True,
        *args: Any,
        v_rest: PerNeuron | None = None,
        **options: Any,
    ) -> None:
        self.v_rest = v_rest
        super().__init__(*args, **options)
        if arguments.real("init_tau", init_tau) <= 1.0:
            raise ValueError(f"init_tau must be above 1, got {shown(init_tau)}")
        self.init_tau = float(init_tau)
        self.decay_input = decay_input
        self.w = Parameter(full((), -math.log(self.init_tau - 1.0)))

    @property
    def tau(self) -> float:
        """The time constant now, 1 / sigmoid(w), in steps; waits for the device."""
        w = float(self.w.item())
        return 1.0 + math.exp(-w) if w > -700 else math.inf

    def _v_start(self) -> Any:
        return super()._v_start() if self.v_rest is None else self.v_rest

    def _numbers(self) -> dict[str, Any]:
        return {"decay_input": self.decay_input, "rest": self.v_rest}

    def _learnable(self) -> Tensor:
        return self.w

    def _own(self) -> list[str]:
        return [f"init_tau={self.init_tau:g}", *(["decay_input=False"] if not self.decay_input else [])]


def _prepared(norm: Any, x: Tensor, multi: bool) -> Norm:
    if not isinstance(norm, RunningNorm):
        raise TypeError(f"norm must be a batch norm, not {type(norm).__name__}")
    if getattr(norm, "step_mode", "m" if multi else "s") != ("m" if multi else "s"):
        raise ValueError(mixed(f"norm={type(norm).__name__} and the node"))
    called(norm)
    return norm._prepare(x, "merge" if multi else None)


def _start_of(dynamics: Dynamics, start: np.ndarray, shape: tuple[int, ...]) -> Tensor:
    """The first potential of each neuron, for all of the batch."""
    each = dynamics.each
    if each is None:  # the settings are numbers by now
        return broadcast_to(from_numpy(start), shape)
    table = each.of(shape)
    return broadcast_to(table._rows(5, 6)._alias(table.shape[1:]), shape)
