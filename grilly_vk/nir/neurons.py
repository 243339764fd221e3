"""NIR's neurons as modules: all steps in one dispatch, with a number for each neuron where they differ."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import arguments
from ..nn.spiking.nodes import same
from ..nn.stateful import StatefulModule
from ..ops.elementwise import binary, unary
from ..ops.nodes import Dynamics, Each, node
from ..ops.shape import broadcast_to, concatenate
from ..settings import setting
from ..surrogate import ATan, chosen, slope_of
from ..tensor import Tensor, empty, from_numpy, full
from .meaning import COMPARATORS, INTEGRATORS, RESETS, Meaning, confirmed, exact_current, one_or_each, share, values

_positive = functools.partial(values, positive=True)
_threshold = functools.partial(values, infinite=True)


def _field(check: Any = values) -> Any:
    return setting(check, held=same)


@dataclass(frozen=True)
class Plan:
    """One layer as the kernels take it; weights are floats or, where neurons differ, Tensors (n); None: 1.

    Args:
        gain: of the input, on its way in.
        dynamics: of the potential.
        synapse: of a current that has a dispatch of its own.
        onward: weight of the current at the end of a step in what drives the potential.
        ends: or, exactly: the weights of the step's input and of the current at its start.
        start: the potential before the first step.
    """

    gain: Any
    dynamics: Dynamics
    synapse: Dynamics | None = None
    onward: Any = None
    ends: tuple[Any, Any] | None = None
    start: Any = 0.0


class Neuron(StatefulModule):
    """Base of NIR's neurons.

    Args:
        meaning: dt in seconds, integrator, reset and comparator: see `grilly_vk.nir.from_nir`.
        fields: NIR's parameters of this neuron, numbers or arrays of one shape, that of a sample.

    Attributes:
        dt, integrator, reset_by, comparator: the meaning; may be assigned, as may the fields.
        v: potential after the last step, then a Tensor (B, ...).  It starts at v_leak; of neurons without a leak, where
            a spike leaves it, or at 0.
        current: of CubaLI and CubaLIF: likewise, from 0.
        surrogate_function: of spiking ones (default ATan()). detach_reset: whether gradients stop at the reset.
        store_v_seq: whether a run keeps the potentials after each step, as `v_seq` (T, B, ...).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value; fields whose shapes don't fit each other.

    Source: Pedersen et al., "Neuromorphic intermediate representation", Nature Communications 15 (2024).
    """

    takes_steps = True
    _only_results = ("v_seq",)
    is_spiking = False
    kind: ClassVar[str] = ""
    fields: ClassVar[tuple[str, ...]] = ()
    dt = setting(arguments.positive)
    integrator = setting(arguments.choice, INTEGRATORS)
    reset_by = setting(arguments.choice, RESETS)
    comparator = setting(arguments.choice, COMPARATORS)
    surrogate_function = setting(chosen, held=slope_of)
    detach_reset, store_v_seq = setting(arguments.flag), setting(arguments.flag)
    v: Any
    current: Any
    v_seq: Tensor | None
    noted: dict[str, Any]

    def __init__(self, meaning: Meaning, noted: dict[str, Any] | None = None, **fields: Any) -> None:
        super().__init__()
        self.dt, self.integrator = meaning.dt, meaning.integrator
        self.reset_by, self.comparator = meaning.reset, meaning.comparator
        self.surrogate_function = ATan()
        self.detach_reset = self.store_v_seq = False
        self.__dict__["noted"] = dict(noted or {})  # numbers that the graph was written with; see `confirmed`
        self.__dict__["_now"] = None
        for name in self.fields:
            setattr(self, name, fields[name])
        self.shape  # noqa: B018  raises where the fields don't fit each other
        self.register_memory("v", self._start())
        if "tau_syn" in self.fields:
            self.register_memory("current", 0.0)
        self.register_memory("v_seq", None)

    def _settle(self, name: str) -> None:
        self.__dict__["_now"] = None
        if name in self.fields:
            for_sample(self, name, self.shape)
        if name in ("v_leak", "v_reset", "reset_by"):
            start, waits = self._start(), self.v is self._memories["v"]
            self._memories["v"] = start
            if waits:
                self.v = start

    @property
    def meaning(self) -> Meaning:
        """dt, integrator, reset and comparator."""
        return Meaning(self.dt, self.integrator, self.reset_by, self.comparator)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample, as far as the fields say."""
        shapes = [np.shape(getattr(self, name)) for name in self.fields]
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(f"{', '.join(self.fields)} have shapes {', '.join(map(str, shapes))}") from None

    def _start(self) -> Any:
        if "v_leak" in self.fields:
            return one_or_each(self.v_leak)
        return one_or_each(self.v_reset) if self.is_spiking and self.reset_by == "value" else 0.0

    # ---- the numbers of a step ----

    def numbers(self) -> dict[str, Any]:
        """The recurrences' coefficients in float64, by name; those of `noted` where they are confirmed.

        share: of the way to the leak potential plus drive that the potential goes in a step; not there: it has no leak.
        leaks: whether share multiplies the drive, too.  drive: what then multiplies R and the current.
        syn: the share of a current, and keep what is left of it.
        """
        r = np.asarray(self.r, np.float64)
        if "v_leak" not in self.fields:
            return {"leaks": False, "drive": confirmed(self.dt * r, self.noted.get("drive"))}
        k = share(self.tau_mem if "tau_syn" in self.fields else self.tau, self.meaning)
        k = confirmed(k, self.noted.get("share"))
        leaks = bool((r == 1.0).all())
        out = {"share": k, "leaks": leaks, "drive": 1.0 if leaks else confirmed(k * r, self.noted.get("drive"))}
        if "tau_syn" in self.fields:
            out["keep"] = confirmed(1.0 - share(self.tau_syn, self.meaning), self.noted.get("keep"))
            out["syn"] = 1.0 - out["keep"]
            out["input"] = confirmed(out["syn"] * self.w_in, self.noted.get("input"))
        return out

    def _plan(self) -> Plan:
        plan: Plan | None = self.__dict__["_now"]
        if plan is None:
            plan = self.__dict__["_now"] = self._planned(self.numbers())
        return plan

    def _planned(self, n: dict[str, Any]) -> Plan:
        hard = self.is_spiking and self.reset_by == "value"
        own = {
            "k": n.get("share", 1.0), "rest": getattr(self, "v_leak", 0.0),
            "v_threshold": getattr(self, "v_threshold", np.inf), "v_reset": self.v_reset if hard else 0.0,
        }  # fmt: skip
        fixed: dict[str, Any] = {
            "model": "lif" if "share" in n else "if", "decay_input": n["leaks"], "strict": self.comparator == ">",
            "detach_reset": self.detach_reset,
        }  # fmt: skip
        start = self._start()
        if "keep" not in n:
            return Plan(_weight(n["drive"]), _dynamics(own, hard, **fixed), start=start)
        keep = one_or_each(n["keep"])
        if self.integrator == "euler" and isinstance(keep, float):  # one decay: the current moves in the same kernel
            dynamics = _dynamics(own, hard, **fixed | {"model": "cuba", "numbers": (keep,)})
            return Plan(_weight(n["input"] * n["drive"]), dynamics, start=start)
        synapse = _dynamics({"k": n["syn"], "rest": 0.0, "v_threshold": np.inf, "v_reset": 0.0}, False, model="lif")
        if self.integrator == "euler":
            return Plan(_weight(self.w_in), _dynamics(own, hard, **fixed), synapse, _weight(n["drive"]), start=start)
        early, late = exact_current(self.tau_syn, self.tau_mem, self.dt)
        ends = _weight(early * self.r), _weight(late * self.r)
        dynamics = _dynamics(own, hard, **fixed | {"decay_input": False})
        return Plan(_weight(self.w_in), dynamics, synapse, ends=ends, start=start)

    # ---- use ----

    def forward(self, x: Any, *, steps: str | None = None) -> Tensor:
        """Spikes, or the potentials of neurons that don't spike, of x's shape.

        Args:
            x: input, (B, ...) or, in step mode "m", (T, B, ...).
            steps: given by containers: x has a time axis, whatever the step mode.

        Raises:
            ValueError: an input or a state of another shape; no time axis in step mode "m".
            RuntimeError: the state's graph was freed, or it would cross the border of a compiled function.
            TypeError: no real numbers.
        """
        x, multi = self.arriving(x, steps)
        shape = x.shape[1:] if multi else x.shape
        self._fits(shape)
        self.entering(shape)
        plan = self._plan()
        if multi and x.shape[0] == 0:  # no step was made: the state is what it was
            return empty(x.shape, on=x.engine)
        length = x.shape[0] if multi else None
        x = weighted(x, plan.gain)
        if plan.synapse is not None:
            x = self._through_synapse(plan, x, length)
        cuba = plan.dynamics.model == "cuba"
        out = node(
            x, self._first(plan, shape, x), plan.dynamics, self.surrogate_function.slope,
            u=self.current if cuba else 0.0, steps=length, store_v=not self.is_spiking or (multi and self.store_v_seq),
        )  # fmt: skip
        self.v = out.v
        if cuba:
            self.current = out.u
        if self.is_spiking:
            self.__dict__["v_seq"] = out.v_seq
            return out.spikes
        assert out.v_seq is not None
        self.__dict__["v_seq"] = out.v_seq if multi and self.store_v_seq else None
        return out.v_seq

    def _through_synapse(self, plan: Plan, x: Tensor, length: int | None) -> Tensor:
        """What drives the potential: the current, which moves on, as it acts within each step."""
        assert plan.synapse is not None
        before = self.current
        out = node(x, before, plan.synapse, self.surrogate_function.slope, steps=length, store_v=True)
        current = out.v_seq
        assert current is not None
        self.current = out.v
        if plan.ends is None:
            return weighted(current, plan.onward)
        if not isinstance(before, Tensor):
            before = full(x.shape if length is None else x.shape[1:], before, on=x.engine)
        if length is not None:
            before = concatenate([before.reshape(1, *before.shape), current[: length - 1]])
        return binary("add", weighted(x, plan.ends[0]), weighted(before, plan.ends[1]))

    def _first(self, plan: Plan, shape: tuple[int, ...], x: Tensor) -> Any:
        if isinstance(self.v, Tensor) or not isinstance(self.v, np.ndarray):
            return self.v
        return broadcast_to(from_numpy(self.v), shape)

    def _fits(self, shape: tuple[int, ...]) -> None:
        own = self.shape
        if not fits(own, shape[1:]) and not fits(own, shape):
            raise ValueError(f"one step of x has shape {shape}, but the {self.kind} neurons have shape {own}")

    def noted_now(self) -> dict[str, Any]:
        """Those of `noted` that are still confirmed."""
        now = self.numbers()
        shared = [name for name in self.noted if name in now]
        return {
            name: self.noted[name]
            for name in shared
            if np.array_equal(np.broadcast_to(self.noted[name], np.shape(now[name])), now[name])
        }

    def extra_repr(self) -> str:
        """Shape and meaning."""
        own = [f"{self.shape}", f"dt={self.dt:g}", f"integrator={self.integrator!r}"]
        own += [f"reset_by={self.reset_by!r}", f"comparator={self.comparator!r}"] if self.is_spiking else []
        return ", ".join([*own, f"step_mode={self.step_mode!r}"])


def fits(own: tuple[int, ...], sample: tuple[int, ...]) -> bool:
    """Whether parameters of this shape are for a sample of that one: the same, with axes of 1, or a single number."""
    if np.prod(own) == 1:
        return len(own) <= max(1, len(sample))
    return len(own) == len(sample) and all(a in (1, b) for a, b in zip(own, sample))


def for_sample(module: Any, name: str, own: tuple[int, ...]) -> None:
    """Checks a parameter that was assigned in a graph, which knows what a sample is: batches could fit, too.

    Raises:
        ValueError: its shape, that of all parameters together, is not for a sample of the graph's.
    """
    sample = module.__dict__.get("_sample")
    if sample is not None and not fits(own, sample):
        raise ValueError(f"{name} gives the parameters shape {own}; expected that of a sample, {sample}")


def _weight(value: Any) -> Any:
    """For a plan.  Products of fields that stand for 1 in float32, such as dt / tau times r of tau / dt, are 1."""
    if (np.abs(np.asarray(value, np.float64) - 1.0) < 5e-7).all():
        return None
    one = one_or_each(value)
    return one if isinstance(one, float) else from_numpy(one)


def weighted(x: Tensor, weight: Any) -> Tensor:
    """x times a weight of a plan."""
    if weight is None:
        return x
    return unary("scale", x, weight) if isinstance(weight, float) else binary("mul", x, weight)


def _dynamics(own: dict[str, Any], hard: bool, **fixed: Any) -> Dynamics:
    """Of settings that are numbers or arrays."""
    numbers: dict[str, Any] = {name: one_or_each(value) for name, value in own.items()}
    if all(isinstance(value, float) for value in numbers.values()):
        return Dynamics(**fixed, **numbers | {"v_reset": numbers["v_reset"] if hard else None})
    k, rest, threshold, reset = (numbers[name] for name in ("k", "rest", "v_threshold", "v_reset"))
    each = Each((k, rest, threshold, reset, 0.0, 0.0))
    return Dynamics(**fixed, each=each, v_reset=0.0 if hard else None)


class I(Neuron):  # noqa: E742  NIR's name
    """Integrates: dv/dt = R I; gives v."""

    kind, fields = "I", ("r",)
    r = _field()


class LI(Neuron):
    """Integrates and leaks: tau dv/dt = v_leak - v + R I; gives v."""

    kind, fields = "LI", ("tau", "r", "v_leak")
    tau, r, v_leak = _field(_positive), _field(), _field()


class IF(Neuron):
    """Integrates and fires: dv/dt = R I, with a spike and a reset above v_threshold."""

    kind, fields, is_spiking = "IF", ("r", "v_threshold", "v_reset"), True
    r, v_threshold, v_reset = _field(), _field(_threshold), _field()


class LIF(Neuron):
    """Integrates, leaks and fires: tau dv/dt = v_leak - v + R I, with a spike and a reset above v_threshold."""

    kind, fields, is_spiking = "LIF", ("tau", "r", "v_leak", "v_threshold", "v_reset"), True
    tau, r, v_leak, v_threshold, v_reset = _field(_positive), _field(), _field(), _field(_threshold), _field()


class CubaLI(Neuron):
    """LI driven by a current: tau_syn dI/dt = -I + w_in S, tau_mem dv/dt = v_leak - v + R I; gives v.

    With explicit Euler the potential's step takes the current's end.
    """

    kind, fields = "CubaLI", ("tau_syn", "tau_mem", "r", "v_leak", "w_in")
    tau_syn, tau_mem, r, v_leak, w_in = _field(_positive), _field(_positive), _field(), _field(), _field()


class CubaLIF(Neuron):
    """LIF driven by a current: tau_syn dI/dt = -I + w_in S, tau_mem dv/dt = v_leak - v + R I.

    With explicit Euler the potential's step takes the current's end.
    """

    kind, is_spiking = "CubaLIF", True
    fields = ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in")
    tau_syn, tau_mem, r, v_leak, w_in = _field(_positive), _field(_positive), _field(), _field(), _field()
    v_threshold, v_reset = _field(_threshold), _field()


NEURONS = {cls.kind: cls for cls in (I, LI, IF, LIF, CubaLI, CubaLIF)}
