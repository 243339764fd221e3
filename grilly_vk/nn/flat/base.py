"""What the flat-array layers have in common: modules with state on the device, numpy in, numpy out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import arguments, families
from ...autograd import grad_enabled
from ...errors import warn
from ...ops.steps import run_on_host_arrays
from ...runtime.recording import captures, refuse
from ...settings import Fixed, Setting, fixed
from ...tensor import Tensor, from_numpy, full
from ...typing import ArrayLike
from ..module import Buffer, Module


class FlatLayer(Module):
    """Base of the layers that take numpy arrays or Tensors and return numpy arrays, off the tape.

    They are modules: parts of others, with their weights in `state_dict`, and reset by `F.reset_net`.
    """

    takes_steps = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Attributes that are properties of the class are set as such, whatever is registered under their name."""
        if isinstance(getattr(type(self), name, None), (property, Setting, Fixed)):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


def off_tape(layer: Module, x: Any) -> None:
    """Warns who trains through a layer that returns numpy arrays."""
    if isinstance(x, Tensor) and x.requires_grad and grad_enabled():
        warn(
            f"{type(layer).__name__}, a flat layer, returns numpy arrays, so no gradient reaches what comes before it; "
            f"the layers to train through are spiking nodes: {families.counterpart(layer) or 'nn.LIFNode'}",
            RuntimeWarning,
        )


def on_host(name: str, doc: str) -> Any:
    """A buffer of a FlatLayer as an attribute that is a numpy copy, and takes arrays of its shape."""

    def read(layer: Module) -> np.ndarray:
        return layer._buffers[name].numpy()  # type: ignore[union-attr]

    def write(layer: Module, values: Any) -> None:
        given, home = arguments.array(name, values), layer._buffers[name]
        assert home is not None
        arguments.shape(name, given.shape, home.shape)
        home.assign(given)

    return property(read, write, doc=doc)


def held_on_device(layer: Module, name: str, tensor: Tensor) -> None:
    """Registers what `on_host` shows."""
    layer._buffers[name] = Buffer(tensor)


class FlatNeuron(FlatLayer):
    """Base of LIFNeuron and GIFNeuron.

    The state starts in the shape (n_neurons,) and takes the batch axes of the first input after construction
    or `reset()`; from then on inputs must fit it.
    """

    _state_names: tuple[tuple[str, Any], ...] = (("membrane", np.float32), ("refractory", np.uint32))

    n_neurons: int | None = fixed()

    def __init__(self, n_neurons: int | None) -> None:
        super().__init__()
        self.n_neurons = n_neurons
        self._state: dict[str, Tensor] = {}
        self._touched = False
        self._held = False  # a refractory time was set by hand, which layers without one must heed too

    # ---- to be given by the layer ----

    def _initial(self, name: str) -> float:
        """The value that a state variable starts from."""
        raise NotImplementedError(f"{type(self).__name__} does not define _initial()")

    def _run(self, x: Tensor, record: bool) -> tuple[Tensor, Tensor | None]:
        """Runs x (T, ...) on the state."""
        raise NotImplementedError(f"{type(self).__name__} does not define _run()")

    # ---- use ----

    def forward(self, current: ArrayLike, *, steps: str | None = None) -> np.ndarray:
        """One time step.

        Args:
            current: input current (n,) or with leading batch axes (..., n).
            steps: given by containers: there is a time axis in front, as for `run`.

        Returns:
            Spikes, float32 of 0.0 and 1.0, of the same shape.

        Raises:
            ValueError: the last axis is not n_neurons, or the batch axes differ from those of the state.
            TypeError: not an array of real numbers.
        """
        if steps is not None:
            out: np.ndarray = self.run(current)
            return out
        off_tape(self, current)
        given = _checked("current", current)
        self._fit("current", given.shape)
        x = arguments.tensor("current", given, borrow=True)
        spikes, _ = self._run(x.reshape((1, *x.shape)), False)
        self._touched = True
        return spikes.reshape(x.shape).share()

    def run(self, currents: ArrayLike, *, record_membrane: bool = False) -> Any:
        """All time steps of a sequence, in one dispatch.

        Args:
            currents: input currents (T, ..., n); T may be 0.
            record_membrane: also return the potential after each step.

        Returns:
            Spikes (T, ..., n), or the pair (spikes, membrane) of that shape.

        Raises:
            ValueError, TypeError: as in a single step.
        """
        off_tape(self, currents)
        record_membrane = arguments.flag("record_membrane", record_membrane)
        given = _checked("currents", currents)
        if len(given.shape) < 2:
            raise ValueError(f"currents has shape {given.shape}; expected (T, ..., {self.n_neurons or 'n'})")
        self._fit("currents", given.shape[1:])
        if record_membrane:
            spikes, trace = self._run(arguments.tensor("currents", given, borrow=True), True)
            assert trace is not None
            self._touched = True
            return spikes.share(), trace.share()

        out = run_on_host_arrays("currents", given, lambda x: self._run(x, False)[0], self._state.values())
        self._touched = True
        return out

    def reset(self) -> None:
        """Puts the state back to its start, in the shape (n_neurons,)."""
        self._state = {}
        self._touched = self._held = False

    def _fit(self, name: str, shape: tuple[int, ...]) -> None:
        """Makes the state fit inputs of `shape` a step, or raises before anything is changed."""
        if captures:
            refuse(
                f"{type(self).__name__} gives its results back as numpy arrays, so it can't be used while a graph is "
                "captured; the operations in grilly_vk.ops can"
            )
        if not shape or (self.n_neurons is not None and shape[-1] != self.n_neurons):
            raise ValueError(f"{name} has {shape[-1:] or 'no'} neurons on its last axis; expected {self.n_neurons}")
        if self.n_neurons is None:
            arguments.size("the last axis of " + name, shape[-1])
        if self._state and self._shape == shape:
            return
        if self._touched:
            raise ValueError(
                f"{name} has shape {shape} a step, but the state has shape {self._shape}; call reset() before "
                "another batch shape"
            )
        # State that was set by hand for one sample holds for every entry of the first batch.
        self._state = {
            n: from_numpy(np.ascontiguousarray(np.broadcast_to(self._state[n].numpy(), shape)))
            if n in self._state
            else full(shape, self._initial(n), dtype)
            for n, dtype in self._state_names
        }
        self.__dict__["n_neurons"] = shape[-1]

    @property
    def _shape(self) -> tuple[int, ...]:
        return next(iter(self._state.values())).shape if self._state else (self.n_neurons or 0,)

    def _get(self, name: str) -> np.ndarray:
        if name in self._state:
            return self._state[name].numpy()
        dtype = dict(self._state_names)[name]
        return np.full(self._shape, self._initial(name), dtype)

    def _set(self, name: str, values: Any) -> None:
        given = arguments.counters(name, values) if name == "refractory" else arguments.array(name, values)
        if self.n_neurons is None:
            raise ValueError(f"{name} can't be set yet: the number of neurons comes with the first input")
        try:
            array = np.ascontiguousarray(np.broadcast_to(given, self._shape))
        except ValueError:
            raise ValueError(f"{name} has shape {given.shape}; expected {self._shape}") from None
        self._fit(name, array.shape)
        held = name == "refractory" and bool(array.any())
        self._held = self._held or held  # never False where a neuron is held, also if the assignment fails
        self._state[name].assign(array)
        if name == "refractory":
            self._held = held

    @property
    def membrane(self) -> np.ndarray:
        """Membrane potentials, float32 (n,) or (..., n): a copy; assign to set them."""
        return self._get("membrane")

    @membrane.setter
    def membrane(self, values: Any) -> None:
        self._set("membrane", values)

    @property
    def refractory(self) -> np.ndarray:
        """Refractory steps left, uint32 (n,) or (..., n): a copy; assign to set them."""
        return self._get("refractory")

    @refractory.setter
    def refractory(self, values: Any) -> None:
        self._set("refractory", values)


def _checked(name: str, value: Any) -> Any:
    """A float32 tensor as it is, or a float32 array, not uploaded yet."""
    return arguments.tensor(name, value) if isinstance(value, Tensor) else arguments.array(name, value)
