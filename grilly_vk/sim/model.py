"""Neuron models of the simulator: what a record's parameters come to for each neuron, and its kernel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from ..equations import step_glsl
from ..equations.expression import Expression
from ..equations.printing import evaluate, text
from ..equations.step_model import Element, StepModel
from ..runtime import glsl

KERNEL = "sim-advance"
_AT_ONCE = 16384  # neurons whose matrices are in memory together
BUILT_IN: dict[str, str] = {}  # sources that the build compiles, by the models' names (models.py)


class Model(StepModel):
    __doc__ = StepModel.__doc__

    def numbers(self, parameters: Mapping[str, Any], dt: float, size: int) -> np.ndarray:
        """What the kernel reads of each neuron.

        Args:
            parameters: values for some parameters, each a number or (size,); the others have their defaults.
            dt: the time step, ms.
            size: how many neurons.

        Returns:
            float32 (NUMBERS, size), computed in float64; the last row is the refractory period in steps, if there is
            one.

        Raises:
            ValueError: an unknown parameter, one of another shape, not finite or against the model's `checks`.
            TypeError: one that holds no numbers.
        """
        if not 0 < dt < np.inf:
            raise ValueError(f"dt must be a positive number of milliseconds, got {dt!r}")
        values = self.values(parameters, size)
        values["dt"] = np.float64(dt / self.substeps)
        elements = {n: c for n, c in self.constants.items() if isinstance(c, Element)}
        for matrix, scale in dict.fromkeys((e.matrix, e.scale) for e in elements.values()):
            wanted = {n: e for n, e in elements.items() if (e.matrix, e.scale) == (matrix, scale)}
            values |= self._elements(matrix, scale, wanted, values)
        out = np.zeros((self.count, size), np.float32)
        for i, number in enumerate(self.lowered.numbers):
            out[i] = self._single(self._value(number, values, text(number)), text(number))
        if self.refractory:
            out[-1] = np.rint(values[self.refractory] / dt)
        return out

    def initial(self, parameters: Mapping[str, Any], size: int) -> np.ndarray:
        """The states before the first step, float32 (STATES, size), in the order of `states`.

        Raises:
            ValueError, TypeError: as `numbers`.
        """
        values = self.values(parameters, size)
        out = np.empty((len(self.states), size), np.float32)
        for i, (state, start) in enumerate(self.starts.items()):
            out[i] = self._single(self._value(start, values, f"the start of {state}"), f"the start of {state}")
        return out

    def values(self, parameters: Mapping[str, Any], size: int) -> dict[str, np.ndarray]:
        """All parameters in float64, each () or (size,), checked."""
        unknown = [n for n in parameters if n not in self.parameters]
        if unknown:
            there = ", ".join(self.parameters)
            raise ValueError(f"{self.name} has no parameter {unknown[0]!r}; the parameters are {there}")
        found = {}
        for n, default in self.parameters.items():
            given = parameters.get(n, default)
            try:
                value = np.asarray(given)
                if value.dtype.kind not in "iuf":
                    raise TypeError
                value = value.astype(np.float64)
            except (TypeError, ValueError):
                raise TypeError(f"{n} of {self.name} must be a number, or one for each neuron, got {given!r}") from None
            if value.shape not in ((), (size,)):
                raise ValueError(f"{n} of {self.name} must be a number or have shape ({size},), got {value.shape}")
            if not np.isfinite(value).all():
                raise ValueError(f"{n} of {self.name} must be finite, got {_first(value, ~np.isfinite(value))}")
            found[n] = value
        for words, condition in self.checks:
            holds = np.asarray(evaluate(condition, found, np))
            if not holds.all():
                shown = ", ".join(f"{n} = {_first(found[n], ~holds)}" for n in sorted(condition.names))
                raise ValueError(f"{self.name} needs {words}, got {shown}")
        return found

    def _value(self, e: Expression, values: Mapping[str, Any], what: str) -> np.ndarray:
        with np.errstate(all="ignore"):  # a branch of where that is not taken may divide by 0
            found = np.asarray(evaluate(e, values, np), np.float64)
        if not np.isfinite(found).all():
            wrong = ~np.isfinite(found)
            shown = ", ".join(f"{n} = {_first(np.asarray(values[n]), wrong)}" for n in sorted(e.names))
            raise ValueError(f"{self.name}: {what} is not finite where {shown}")
        return found

    def _single(self, value: np.ndarray, what: str) -> np.ndarray:
        if (np.abs(value) > 3e38).any():
            raise ValueError(f"{self.name}: {what} is {_first(value, np.abs(value) > 3e38)}, too large for float32")
        return value

    def _elements(
        self,
        matrix: tuple[tuple[Expression, ...], ...],
        scale: float,
        wanted: Mapping[str, Element],
        values: Mapping[str, Any],
    ) -> dict[str, np.ndarray]:
        """Elements of a matrix exponential by name, () or (size,)."""
        entries = [[self._value(e, values, text(e)) for e in row] for row in matrix]
        shape = np.broadcast_shapes(*(e.shape for row in entries for e in row))
        out = {n: np.empty(shape) for n in wanted}
        for first in range(0, shape[0] if shape else 1, _AT_ONCE):
            part = (slice(first, first + _AT_ONCE),) if shape else ()
            here = np.broadcast_to(entries[0][0], shape)[part].shape
            rows = [[np.broadcast_to(e[part] if e.shape else e, here) for e in row] for row in entries]
            grown = expm1(np.stack([np.stack(row, -1) for row in rows], -2) * (scale * values["dt"]))
            for n, element in wanted.items():
                out[n][part] = grown[..., element.row, element.column]
        return out

    @cached_property
    def source(self) -> str:
        """sim-model.glsl of the kernel."""
        return step_glsl.source(self)

    @cached_property
    def kernel_suffix(self) -> str:
        """What its kernel's name has behind sim-advance; a model of the user's own is compiled.

        Raises:
            RuntimeError: glslc is not installed. ValueError: it reports an error.
        """
        if BUILT_IN.get(self.name) == self.source:
            return f"~{self.name}"
        missing = f"the neuron model {self.name!r} becomes a kernel, and glslc is not installed", "install it"
        return glsl.compiled(
            (KERNEL,), {}, {"sim-model.glsl": self.source}, missing,
            lambda said: f"the neuron model {self.name!r} does not compile: {said}",
            f"the kernel of the neuron model {self.name!r}",
        )  # fmt: skip


def expm1(matrix: np.ndarray) -> np.ndarray:
    """The exponentials of matrices (..., n, n) less the identity: a Taylor series of a fraction, doubled.

    Without the identity nothing is lost of a short step's small change.
    """
    size = np.abs(matrix).sum(-1).max(-1)
    doublings = np.maximum(0, np.ceil(np.log2(np.maximum(size, 1e-300))) + 2)[..., None, None]
    small = matrix / 2.0**doublings
    term = total = small
    for k in range(2, 16):  # of norm 1/4: the next term is below 1e-22
        term = term @ small / k
        total = total + term
    for k in range(int(doublings.max(initial=0))):  # each matrix as often as it was halved, whatever stands beside it
        total = np.where(k < doublings, 2 * total + total @ total, total)
    return total


def _first(value: np.ndarray, wrong: np.ndarray) -> float:
    """One of the values where something is wrong."""
    shape = np.broadcast_shapes(value.shape, wrong.shape)
    return float(np.broadcast_to(value, shape)[np.broadcast_to(wrong, shape)][0])
