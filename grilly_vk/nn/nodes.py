"""Spiking nodes with learnable surroundings: IF, LIF and parametric LIF.  More models are in node_models.py."""

from __future__ import annotations

import math
from typing import Any

from .. import arguments
from ..functional.temporal import mixed
from ..ops.batch_norm import Norm
from ..ops.nodes import Dynamics, node
from ..settings import fixed, setting
from ..surrogate import ATan, Surrogate, checked, chosen, slope_of
from ..tensor import Tensor, full
from .module import Parameter
from .norm import Running
from .stateful import StatefulModule


def time_constant(name: str, value: Any) -> float:
    """A time constant in steps: at least one."""
    tau = arguments.real(name, value)
    if tau < 1.0:
        raise ValueError(f"{name} is in steps and must be at least 1, got {value!r}")
    return tau


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
        store_v_seq: in step mode "m", keep the potentials after each step as `v_seq` (T, B, ...).
        memory: "fast" keeps the potentials for the backward pass, 4 bytes an element and step; "low" keeps nothing but
            the input, which the tape may hold anyway, and computes them again.

    Attributes:
        v: potential after the last step: a number until the first input, then a Tensor (B, ...).
        v_seq: see store_v_seq; None until a run.

    Raises:
        TypeError, ValueError: an argument of another kind.
    """

    v_threshold = setting(arguments.real)
    v_reset = setting(arguments.real, optional=True)
    surrogate_function = setting(chosen, held=slope_of)
    detach_reset, store_v_seq = setting(arguments.flag), setting(arguments.flag)
    memory = setting(arguments.choice, ("fast", "low"))
    v: Any
    v_seq: Tensor | None
    is_spiking = takes_steps = True
    _model = "if"
    _second: str | None = None  # the attribute that holds the second state

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate_function: Surrogate | None = None,
        detach_reset: bool = False,
        step_mode: str = "s",
        store_v_seq: bool = False,
        memory: str = "fast",
    ) -> None:
        super().__init__()
        self.v_threshold = arguments.real("v_threshold", v_threshold)
        self.v_reset = None if v_reset is None else arguments.real("v_reset", v_reset)
        self.surrogate_function = ATan() if surrogate_function is None else checked(surrogate_function)
        self.detach_reset = arguments.flag("detach_reset", detach_reset)
        self.step_mode = arguments.choice("step_mode", step_mode, ("s", "m"))
        self.store_v_seq = arguments.flag("store_v_seq", store_v_seq)
        self.memory = arguments.choice("memory", memory, ("fast", "low"))
        self.register_memory("v", self._v_start())
        self.register_memory("v_seq", None)

    def _settle(self, name: str) -> None:
        """The start of the potential is v_reset; one that has not moved yet follows."""
        if name == "v_reset":
            start, waits = self._v_start(), self.v is self._memories["v"]
            self._memories["v"] = start
            if waits:
                self.v = start

    def _v_start(self) -> float:
        return 0.0 if self.v_reset is None else self.v_reset

    # ---- to be given by the model ----

    def _numbers(self) -> dict[str, Any]:
        """Fields of Dynamics that are the model's own."""
        return {}

    def _learnable(self) -> Tensor | None:
        """The learnable number, one element."""
        return None

    def _own(self) -> list[str]:
        """What `repr` shows of the model."""
        return []

    # ---- use ----

    def forward(self, x: Any, steps: str | None = None, norm: Running | None = None) -> Tensor:
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
        dynamics = self._dynamics()
        self.entering(x.shape[1:] if multi else x.shape)
        prepared = None if norm is None else _prepared(norm, x, multi)
        before = self.memories()
        out = node(
            x,
            self.v,
            dynamics,
            self.surrogate_function.slope,
            u=0.0 if self._second is None else getattr(self, self._second),
            w=self._learnable(),
            steps=x.shape[0] if multi else None,
            store_v=multi and self.store_v_seq,
            recompute=self.memory == "low",
            norm=prepared,
        )
        self.v = out.v
        self.__dict__["v_seq"] = out.v_seq
        if self._second is not None:
            setattr(self, self._second, out.u)
        if multi and x.shape[0] == 0:  # no step was made: the state is what it was, on the tape
            for name, value in before.items():
                if isinstance(value, Tensor):
                    setattr(self, name, value)
        return out.spikes

    def _dynamics(self) -> Dynamics:
        fields: dict[str, Any] = {
            "v_threshold": self.v_threshold,
            "v_reset": self.v_reset,
            "detach_reset": self.detach_reset,
        }
        fields |= self._numbers()
        return Dynamics(self._model, **fields)

    def memories(self) -> dict[str, Any]:
        """The state by name: v, and the second state of models that have one."""
        return {name: value for name, value in super().memories().items() if name != "v_seq"}

    def extra_repr(self) -> str:
        """The parameters."""
        reset = "None" if self.v_reset is None else f"{self.v_reset:g}"
        parts = [*self._own(), f"v_threshold={self.v_threshold:g}", f"v_reset={reset}"]
        parts += [f"surrogate_function={self.surrogate_function!r}", f"step_mode={self.step_mode!r}"]
        parts += ["detach_reset=True"] if self.detach_reset else []
        return ", ".join(parts + (["memory='low'"] if self.memory == "low" else []))


class IFNode(SpikingNode):
    """Integrate and fire: H = v + x.

    Args:
        v_threshold, v_reset, surrogate_function, detach_reset, step_mode, store_v_seq, memory: as in SpikingNode.

    Raises:
        TypeError, ValueError: an argument of another kind.

    Source: document 001; Lapicque 1907, as in SpikingJelly's IFNode.
    """


class LIFNode(SpikingNode):
    """Leaky integrate and fire: H = v + (x - (v - v_r)) / tau, or with decay_input=False H = v - (v - v_r) / tau + x.

    v_r is v_reset, or 0 with a soft reset.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        decay_input: whether the leak divides the input too (default True).
        v_threshold, v_reset, surrogate_function, detach_reset, step_mode, store_v_seq, memory: as in SpikingNode.

    Raises:
        TypeError, ValueError: an argument of another kind.

    Source: document 001; as in SpikingJelly's LIFNode.
    """

    tau, decay_input = setting(time_constant), setting(arguments.flag)
    _model = "lif"

    def __init__(self, tau: float = 2.0, decay_input: bool = True, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tau = time_constant("tau", tau)
        self.decay_input = arguments.flag("decay_input", decay_input)

    def _numbers(self) -> dict[str, Any]:
        return {"k": 1.0 / self.tau, "decay_input": self.decay_input}

    def _own(self) -> list[str]:
        return [f"tau={self.tau:g}", *(["decay_input=False"] if not self.decay_input else [])]


class ParametricLIFNode(SpikingNode):
    """Leaky integrate and fire with a learnable time constant: LIFNode with 1/tau = sigmoid(w).

    Args:
        init_tau: time constant in steps to start from, above 1 (default 2).
        decay_input: whether the leak divides the input too (default True).
        v_threshold, v_reset, surrogate_function, detach_reset, step_mode, store_v_seq, memory: as in SpikingNode.

    Attributes:
        w: Parameter of shape (), -ln(init_tau - 1) at the start.

    Raises:
        TypeError, ValueError: an argument of another kind.

    Source: document 001; Fang et al., "Incorporating learnable membrane time constant to enhance learning of spiking
    neural networks", ICCV 2021; as in SpikingJelly's ParametricLIFNode.
    """

    init_tau: float = fixed(how="assign to w, tau being 1 / sigmoid(w)")
    decay_input = setting(arguments.flag)
    _model = "lif"

    def __init__(self, init_tau: float = 2.0, decay_input: bool = True, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if arguments.real("init_tau", init_tau) <= 1.0:
            raise ValueError(f"init_tau must be above 1, got {init_tau!r}")
        self.init_tau = float(init_tau)
        self.decay_input = arguments.flag("decay_input", decay_input)
        self.w = Parameter(full((), -math.log(self.init_tau - 1.0)))

    @property
    def tau(self) -> float:
        """The time constant now, 1 / sigmoid(w), in steps; waits for the device."""
        w = float(self.w.item())
        return 1.0 + math.exp(-w) if w > -700 else math.inf

    def _numbers(self) -> dict[str, Any]:
        return {"decay_input": self.decay_input}

    def _learnable(self) -> Tensor:
        return self.w

    def _own(self) -> list[str]:
        return [f"init_tau={self.init_tau:g}", *(["decay_input=False"] if not self.decay_input else [])]


def _prepared(norm: Any, x: Tensor, multi: bool) -> Norm:
    if not isinstance(norm, Running):
        raise TypeError(f"norm must be a batch norm, not {type(norm).__name__}")
    if getattr(norm, "step_mode", "m" if multi else "s") != ("m" if multi else "s"):
        raise ValueError(mixed(f"norm={type(norm).__name__} and the node"))
    norm._note()
    return norm._prepare(x, "merge" if multi else None)
