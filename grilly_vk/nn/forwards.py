"""What the forward of a module takes, and what a call is told that does not fit it."""

from __future__ import annotations

import functools
import inspect
import math
from typing import Any

from .. import arguments
from ..calling import misfit, name_call

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _own(module: Any) -> Any:
    """The forward of a module that a property, the instance, or a static method gives.

    Raises:
        TypeError: it is no function.
    """
    return arguments.function(f"forward of {type(module).__name__}", module.forward)


def _most_inputs(forward: Any, bound: bool = False) -> float:
    """Positional arguments that a function takes, after self if it is bound."""
    try:
        kinds = [p.kind for p in inspect.signature(forward).parameters.values()]
    except ValueError:  # a function in C that does not say
        return math.inf
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return math.inf
    return sum(kind in _POSITIONAL for kind in kinds) - bound


_most_of_method = functools.lru_cache(None)(_most_inputs)


def check_inputs(module: Any, count: int) -> None:
    """Whether a module takes so many inputs.

    Raises:
        TypeError: fewer, or its forward is no function.
    """
    forward = module.forward
    if getattr(forward, "__self__", None) is module:
        most = _most_of_method(forward.__func__, True)
    else:
        most = _most_inputs(_own(module))
    if count > most:
        takes = "one input" if most == 1 else f"{most} inputs"
        hint = f"; {module.input_hint}" if module.input_hint else ""
        raise TypeError(f"{type(module).__name__} takes {takes}, got {count}{hint}")


def explained(module: Any, error: Exception, args: tuple[Any, ...], named: dict[str, Any], inside: bool) -> Any:
    """What a call is told that raised an error: another error, or None, and then this one, with the module's name.

    Args:
        inside: it was raised in what forward does, which takes such a call.

    Raises:
        TypeError: forward is no function.
    """
    forward = module.forward
    bound = getattr(forward, "__self__", None) is module
    function, name = forward.__func__ if bound else _own(module), type(module).__name__
    try:
        told = None if inside else misfit(name, function, args, named, bound=bound)
        if told is None:
            name_call(error, name, function)
    except ValueError:  # a function in C that does not say what it takes
        return None
    return told


def takes(function: Any, name: str) -> bool:
    """Whether a function can be given this keyword; one that a property makes is not known yet, and counts as no."""
    if not callable(function):
        return False
    parameters = inspect.signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
