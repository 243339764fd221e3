"""Containers of SpikingJelly's: they are chains there, so that what they hold has one name less in between."""

from __future__ import annotations

from ..nn.containers import Sequential
from ..nn.module import Module
from ..nn.temporal import MultiStepContainer, SeqToANNContainer


def other_paths(module: Module, path: str) -> list[str]:
    """The paths that SpikingJelly has for a part, a parameter or a buffer: the likeliest first; none if it is ours.

    What lies in a container is its `module` here, a chain of several or one part; there it is the container's
    "0", "1", ..., or the "0" of a chain that was given as one part.
    """
    likely: list[str] = []
    numbered: list[str] = []
    part: Module | None = module
    for name in path.split("."):
        below = part._modules.get(name) if part is not None else None
        if isinstance(part, (MultiStepContainer, SeqToANNContainer)) and name == "module":
            likely += [] if isinstance(below, Sequential) else ["0"]
            numbered.append("0")
        else:
            likely.append(name)
            numbered.append(name)
        part = below
    found = [".".join(names) for names in (likely, numbered)]
    return [other for other in dict.fromkeys(found) if other != path]
