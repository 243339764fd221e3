"""Methods of layers that are made from a record."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def method(
    place: str, takes: Sequence[inspect.Parameter], body: str, gives: Any = None, *, names: Mapping[str, Any]
) -> Callable[..., Any]:
    """A method of these arguments, as Python itself would make it: wrong calls are then explained as any other.

    Args:
        place: "Class.method".
        takes: what it takes beside `self`.
        body: one statement.
        gives: the annotation of its result.
        names: what it is made among, as in a module's globals: `__name__`, and the types of its annotations.
    """
    name = place.rpartition(".")[2]
    own = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    source = f"def {name}{inspect.Signature([*own, *(p.replace(annotation=p.empty) for p in takes)])}:\n    {body}\n"
    found: dict[str, Any] = {}
    exec(source, {**names}, found)
    made: Callable[..., Any] = found[name]
    made.__qualname__ = place
    made.__annotations__ = {p.name: p.annotation for p in takes} | {"return": gives}
    return made
