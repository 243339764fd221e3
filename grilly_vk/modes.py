"""Step modes, "s" for one step a call and "m" for all of them, and whether anybody has said which."""

from __future__ import annotations

from typing import Any, Literal, cast


class Unsaid(str):
    """A step mode that nobody has said, as the defaults of classes are.  It gives way to a container's."""

    __slots__ = ()


S: Literal["s"] = cast(Any, Unsaid("s"))
M: Literal["m"] = cast(Any, Unsaid("m"))


def said(module: Any) -> bool:
    """Whether somebody has set the step mode of a module: as an argument, by assignment or by `F.set_step_mode`."""
    return type(module.step_mode) is str
