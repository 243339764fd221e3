"""Models over time: reset, detach, step mode, and running T steps.  Works on anything with `modules()`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import arguments
from ..ops.elementwise import as_tensor
from ..ops.shape import broadcast_to, stack
from ..tensor import Tensor

__all__ = ["detach_net", "multi_step_forward", "reset_net", "set_step_mode"]


def reset_net(model: Any) -> None:
    """Sets the state of every stateful module in the model back to its first value; call it between sequences.

    Raises:
        TypeError: model is no Module.
    """
    for module in _modules(model):
        if hasattr(module, "reset"):
            module.reset()


def detach_net(model: Any) -> None:
    """Cuts the state of every stateful module off the tape: truncated backpropagation through time.

    Call it between the pieces of a long sequence, after backward and the optimizer's step.

    Raises:
        TypeError: model is no Module.
    """
    for module in _modules(model):
        if hasattr(module, "memories"):
            module.detach()


def set_step_mode(model: Any, step_mode: str) -> None:
    """Sets the step mode of every module that has one, but for the parts of containers that see to time themselves.

    Args:
        step_mode: "s": a call is one step (B, ...); "m": a call is all steps (T, B, ...).

    Raises:
        TypeError: model is no Module. ValueError: another step mode.
    """
    arguments.choice("step_mode", step_mode, ("s", "m"))
    for module in list(_outside_containers(_checked(model))):
        if hasattr(module, "step_mode"):
            module.step_mode = step_mode


def multi_step_forward(model: Any, x_temporal: Any, T: int = 10, *, repeat: bool | None = None) -> Tensor:
    """Runs a model over T steps.

    Args:
        model: a Module in step mode "s" (run as MultiStepContainer does) or "m" (called once).
        x_temporal: (T, B, ...); or (B, ...), which is presented at every step.
        T: number of steps (default 10).
        repeat: whether x is one step to be repeated; None: it is unless its first axis is T long.

    Returns:
        The outputs of all steps, (T, B, ...).

    Raises:
        ValueError: repeat=False and the first axis is not T long; modules of both step modes.
        TypeError: model is no Module, x holds no numbers.

    Source: document 001.
    """
    modules = _modules(model)
    x, steps = as_tensor("x_temporal", x_temporal), arguments.size("T", T)
    timed = x.ndim > 0 and x.shape[0] == steps if repeat is None else not repeat
    if timed and (x.ndim == 0 or x.shape[0] != steps):
        raise ValueError(f"x_temporal has shape {x.shape}; expected ({steps}, B, ...) for T={steps}")
    if not timed:
        x = broadcast_to(x.reshape(1, *x.shape), (steps, *x.shape))
    modes = {m.step_mode for m in _outside_containers(model) if hasattr(m, "memories")}
    if len(modes) == 2:
        raise ValueError(mixed(type(model).__name__))
    if modes == {"m"} or (not modes and any(hasattr(m, "memories") for m in modules)):
        return model(x)
    return over_steps(model, x, merge=False)


def over_steps(module: Any, x: Tensor, *, merge: bool, **options: Any) -> Tensor:
    """Runs a module over x (T, B, ...), in as few calls as give the result of one call a step.

    Args:
        merge: a module without state takes all steps as one batch (T * B, ...), even if, like batch norm, it treats
            a batch as a whole.
        options: for the call of a module that sees to time itself.
    """
    if getattr(module, "takes_steps", False):
        if merge and getattr(module, "step_mode", "m") != "m":
            raise ValueError(mixed(type(module).__name__))
        return module(x, steps="merge" if merge else "loop", **options)
    inner = [m for m in module.modules() if hasattr(m, "memories")]
    modes = {m.step_mode for m in inner}
    if modes == {"m"} and merge:
        return module(x)
    if "m" in modes:
        raise ValueError(mixed(type(module).__name__))
    if not inner and (merge or module.batchwise):
        return unmerged(module(merged(x)), x)
    if x.shape[0] == 0:
        raise ValueError(f"x has shape {x.shape}: no steps to run {type(module).__name__} on")
    return stack([module(x[t]) for t in range(x.shape[0])])


def merged(x: Tensor) -> Tensor:
    """(T, B, ...) to (T * B, ...); steps of one sample, (T, n), are a batch as they are."""
    return x if x.ndim < 3 else x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def unmerged(y: Tensor, x: Tensor) -> Tensor:
    """What `merged(x)` was turned into, with its two axes again."""
    return y if x.ndim < 3 else y.reshape(*x.shape[:2], *y.shape[1:])


def has_steps(module: Any, steps: str | None) -> bool:
    """Whether the input of a call has a time axis: in step mode "m", or where a container says how to go through time.

    Raises:
        ValueError: another step mode, or "m" in a container that goes step by step.
    """
    multi = arguments.choice("step_mode", module.step_mode, ("s", "m")) == "m"
    if multi and steps == "loop":
        raise ValueError(mixed("a container that runs its modules step by step"))
    return multi or steps is not None


def mixed(name: str) -> str:
    """What to say of step modes that don't go together."""
    return (
        f"{name} holds modules of step mode 's' (a call is one step) and of step mode 'm' (a call is all steps), or is "
        "itself of another mode than they are; call F.set_step_mode(model, 'm') or F.set_step_mode(model, 's')"
    )


def _checked(model: Any) -> Any:
    if not hasattr(model, "modules"):
        raise TypeError(f"model must be a Module, not {type(model).__name__}")
    return model


def _modules(model: Any) -> list[Any]:
    return list(_checked(model).modules())


def _outside_containers(model: Any) -> Iterator[Any]:
    """The modules of a model, without the parts of containers that see to time themselves."""
    yield model
    if not getattr(model, "runs_steps", False):
        for part in model.children():
            yield from _outside_containers(part)
