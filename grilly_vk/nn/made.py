"""Methods of layers that are made from a record."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any


def method(name: str, takes: Sequence[inspect.Parameter], body: str, gives: Any = None) -> Callable[..., Any]:
    """A method of these arguments, as Python itself would make it: wrong calls are then explained as any other."""
    own = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    source = f"def {name}{inspect.Signature([*own, *(p.replace(annotation=p.empty) for p in takes)])}:\n    {body}\n"
    names: dict[str, Any] = {}
    exec(source, {"__name__": __name__}, names)
    made: Callable[..., Any] = names[name]
    made.__annotations__ = {p.name: p.annotation for p in takes} | {"return": gives}
    return made
