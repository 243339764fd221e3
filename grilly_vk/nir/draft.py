"""A graph of NIR while it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from .shapes import Shape, output


class End(NamedTuple):
    """What comes next: the sum of the outputs of these nodes, of this shape."""

    sources: tuple[str, ...]
    shape: Shape


@dataclass
class Draft:
    """A graph that is being written.

    Args:
        dt: seconds of a step, or None.
        nodes: by name: type, fields, metadata and the shapes of its input and output.
        edges: between them.
    """

    dt: float | None
    nodes: dict[str, tuple[str, dict[str, Any], dict[str, Any], Shape, Shape]] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, kind: str, end: End, metadata: dict[str, Any] | None = None, **fields: Any) -> End:
        """A node behind `end`.

        Raises:
            ValueError: it does not take that shape.
        """
        name = name or kind.lower()
        while name in self.nodes:
            name += "_"
        try:
            out = output(kind, SimpleNamespace(**fields), end.shape)
        except ValueError as error:
            raise ValueError(f"{name} ({kind}): {error}") from error
        self.nodes[name] = (kind, fields, metadata or {}, end.shape, out)
        self.edges += [(a, name) for a in end.sources]
        return End((name,), out)

    def seconds(self, name: str, module: Any) -> float:
        """dt.

        Raises:
            ValueError: it was not given.
        """
        if self.dt is None:
            raise ValueError(
                f"dt, the seconds of a step, is missing: {name} ({type(module).__name__}) counts its time in steps"
            )
        return self.dt


Writer = Callable[[Draft, str, Any, End], End]
Check = Callable[[Any], "str | None"]


class Export(NamedTuple):
    """How a class is written; `check` says what is in the way of this one; `parts` are written in its place."""

    write: Writer
    check: Check = lambda module: None
    parts: Callable[[Any], list[tuple[str, Any]]] = lambda module: []


def named(*parts: str) -> str:
    """A node's name from those of the modules around it."""
    return ".".join(filter(None, parts))


def numbers(parameter: Any) -> np.ndarray:
    """A parameter's values, in memory of their own."""
    return np.array(parameter.detach().numpy())
