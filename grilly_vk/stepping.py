"""Models over time: reset, detach, step mode, and running T steps.  Works on anything with `modules()`."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from typing import Any

from . import arguments, families
from .errors import warn
from .modes import S, said
from .ops.elementwise import as_tensor
from .ops.held import Held, held, step_of
from .ops.shape import stack
from .tensor import Tensor
from .typing import ArrayLike, StepMode

__all__ = ["detach_net", "multi_step_forward", "reset_net", "set_step_mode"]


def reset_net(model: Any) -> None:
    """Sets the state of every stateful module in the model back to its first value; call it between sequences.

    Raises:
        TypeError: model is no Module.
    """
    for module in _modules(model):
        reset = module.__dict__.get("reset", getattr(type(module), "reset", None))
        if callable(reset):  # a part that is called reset lies elsewhere
            module.reset()


def detach_net(model: Any) -> None:
    """Cuts the state of every stateful module off the tape: truncated backpropagation through time.

    Call it between the pieces of a long sequence, after backward and the optimizer's step.

    Raises:
        TypeError: model is no Module.
    """
    for module in _modules(model):
        if keeps_state(module):
            module.detach()


def set_step_mode(model: Any, step_mode: StepMode) -> None:
    """Sets the step mode of a model: of every module that has one, and of the layers that fold time into the batch.

    Parts of containers that handle time themselves are left alone.  Parts of modules that are called once a step in
    mode "m", too (see `Module.over_time`), stay in mode "s".

    Args:
        step_mode: "s": a call is one step (B, ...); "m": a call is all steps (T, B, ...).

    Raises:
        TypeError: model is no Module. ValueError: another step mode.
    """
    arguments.choice("step_mode", step_mode, ("s", "m"))
    _set_mode(_checked(model), step_mode, driven=False)


def _set_mode(module: Any, mode: str, *, driven: bool) -> None:
    """The mode of a module and its parts; driven: a container gives it its input step by step, or as it asks for it."""
    if has_mode(module):
        module.step_mode = mode
    if _kind(module) == "fold" or module._timed_alone:
        module.__dict__["_in_time"] = module._time_rank if mode == "m" else 0
    if type(module).runs_steps:
        return
    inner = "s" if _one_step(module, driven) else mode
    for part in module.children():
        _set_mode(part, inner, driven=_drives(module, driven))


def _one_step(module: Any, driven: bool) -> bool:
    """Whether the parts of a module see single steps in step mode "m", too."""
    kind = _kind(module)
    return kind == "fold" or (kind == "step" and (driven or keeps_state(module)) and not _is_list(module))


def _drives(module: Any, driven: bool) -> bool:
    """Whether the parts of a module get their inputs from a container, and not from a forward of the user's."""
    return driven if _is_list(module) else bool(type(module).takes_steps)


def _is_list(module: Any) -> bool:
    """ModuleList and ModuleDict: what they hold is called by the module around them."""
    return bool(type(module)._is_list)


def _kind(module: Any) -> str:
    """What a module does with time; one with a step mode of its own sees to it."""
    kind: str = module.over_time
    return "self" if kind == "step" and not keeps_state(module) and has_mode(module) else kind


def keeps_state(module: Any) -> bool:
    """Whether a module is of a class with `memories()`; a part or number of that name does not make it one."""
    return callable(getattr(type(module), "memories", None))


def has_mode(module: Any) -> bool:
    """Whether there is a step mode to set, and not a part of that name."""
    return "step_mode" in module.__dict__ or hasattr(type(module), "step_mode")


def multi_step_forward(model: Any, x_temporal: ArrayLike, T: int = 10, *, repeat: bool | None = None) -> Tensor:
    """Runs a model over T steps.

    Args:
        model: a Module in step mode "s" (run as MultiStepContainer does) or "m" (called once).
        x_temporal: (T, B, ...); or (B, ...), which is presented at every step.
        T: number of steps (default 10).
        repeat: whether x is one step to be repeated.  None (default): by the number of axes that the model's first
            layer takes, such as 2 for Linear and 4 for Conv2d; where both readings fit, x is all steps if its first
            axis is T long, and a warning says so once a model.

    Returns:
        The outputs of all steps, (T, B, ...).

    Raises:
        ValueError: x has a time axis that is not T long; modules of both step modes.
        TypeError: model is no Module, x holds no numbers.

    Source: Grilly's "Spiking Neural Networks".
    """
    _checked(model)
    x, steps = as_tensor("x_temporal", x_temporal), arguments.size("T", T)
    timed = _timed(model, x, steps) if repeat is None else not arguments.flag("repeat", repeat)
    if timed and (x.ndim == 0 or x.shape[0] != steps):
        raise ValueError(f"x_temporal has shape {x.shape}; expected ({steps}, B, ...) for T={steps}")
    if not timed:
        x = held(x, steps, share=False) if steps > 1 else x.reshape(1, *x.shape)
    modes = modes_of(model, driven=bool(type(model).takes_steps))
    if len(modes) == 2 and said_inside(model):
        raise ValueError(mixed(type(model).__name__))
    if modes == {"m"}:
        out: Tensor = model(x)
        return out
    return over_steps(model, x, merge=False)


_warned: weakref.WeakSet[Any] = weakref.WeakSet()


def _timed(model: Any, x: Tensor, steps: int) -> bool:
    """Whether x is all steps, and not one to be repeated."""
    long = x.ndim > 0 and x.shape[0] == steps
    first = first_layer(model)
    if isinstance(first, int):
        whole, once = (x.ndim > n and math.prod(x.shape[n:]) == first for n in (2, 1))
    elif not first:
        whole, once = x.ndim in (3, 5), False  # of any number of axes: (T, B, n) and (T, B, C, H, W) need no question
    else:
        whole, once = x.ndim - 1 in first, x.ndim in first
    if whole != once:
        return whole and (long or first not in (None, (), LINEAR))
    if long and model not in _warned:
        _warned.add(model)
        warn(
            f"x_temporal of shape {x.shape} with T={steps} may be all steps (T, B, ...) or one step (B, ...) to be "
            "repeated, and is taken for all steps; give repeat=False or repeat=True"
        )
    return long


LINEAR = (2,)  # what takes (..., n) is most often given (B, n)


def first_layer(model: Any) -> tuple[int, ...] | int | None:
    """What the first layer that is particular about it takes of one step: numbers of axes; (): unknown; None: anything.

    Or how many numbers per sample, where the first layers flatten each of them.
    """
    flat = False
    for module in in_order(model):
        features = getattr(module, "in_features", None)
        if isinstance(features, int):
            return features if flat else LINEAR
        if flat and module._time_rank:
            return ()
        ranks: tuple[int, ...] = module._step_ranks()
        if ranks:
            return ranks
        if module._flattens:
            flat = True
        elif not (module.over_time == "fold" and not module._time_rank) and not keeps_state(module):
            return ()  # nothing is known of what comes before the next layer
    return None


def in_order(module: Any) -> Iterator[Any]:
    """Layers in the order in which they were registered, outermost first where one says what it takes."""
    parts = list(module.children())
    if not parts or module._step_ranks() or isinstance(getattr(module, "in_features", None), int):
        yield module
    else:
        for part in parts:
            yield from in_order(part)


def over_steps(module: Any, x: Tensor, *, merge: bool, **options: Any) -> Any:
    """Runs a module over x (T, B, ...), as it says that it is run (`Module.over_time`).

    Args:
        merge: a module that folds takes all steps as one batch (T * B, ...), even if, like batch norm, it treats a
            batch as a whole.
        options: for the call of a module that sees to time itself.
    """
    if type(module).takes_steps:
        if merge and getattr(module, "step_mode", "m") != "m" and said(module):
            raise ValueError(mixed(type(module).__name__))
        return module(x, steps="merge" if merge else "loop", **options)
    kind = _kind(module)
    if kind == "fold" and (merge or module.batchwise):
        if any(modes_of(part) for part in module.children()):
            raise ValueError(mixed(type(module).__name__))
        return folded(module, module._call_once, x)
    modes = modes_of(module)
    if (modes == {"m"} and merge) or (kind == "self" and not modes):
        return module(x)
    timed = said_inside(module) or any(part._in_time for part in module.modules() if not keeps_state(part))
    if "m" in modes and not timed:  # a default gives way to the loop
        one_step_each(module)
        modes = modes_of(module)
    if "m" in modes or (kind == "self" and merge):
        raise ValueError(mixed(type(module).__name__))
    return stepped(module, module, x)


def one_step_each(*modules: Any) -> None:
    """Modules that are called once a step, and their parts, are in step mode "s", unless somebody has said another."""
    for module in modules:
        for part in module.modules():
            if keeps_state(part) and part.step_mode == "m" and not said(part):
                part.step_mode = S


def said_inside(module: Any) -> bool:
    """Whether a step mode was set in a module or a part of it."""
    return any(said(part) for part in module.modules() if has_mode(part))


def modes_of(model: Any, driven: bool = False) -> set[str]:
    """The step modes of a module and its parts, as far as they have one that counts; none for layers that fold.

    Parts of containers that handle time themselves are left out, and those that see single steps in any mode.

    Args:
        driven: a container tells the module of time.
    """
    found: set[str] = set()
    if model._in_time or (type(model)._needs_time and not driven):
        found.add("m")
    elif keeps_state(model) or (not type(model).takes_steps and has_mode(model)):
        found.add(model.step_mode)
    inside = not (keeps_state(model) and model._in_time) and not (driven and _one_step(model, driven))
    if inside and not type(model).runs_steps:
        told = _drives(model, driven) and (driven or getattr(model, "step_mode", "m") == "m")
        for part in model.children():
            found |= modes_of(part, told)
    return found


def folded(module: Any, call: Any, x: Tensor, *args: Any, **options: Any) -> Any:
    """One call on all steps as one batch: x (T, B, ...) as (T * B, ...), and the result with both axes again."""
    x = as_tensor("x", x)
    ranks = module._step_ranks()
    if ranks and x.ndim in ranks and x.ndim - 1 not in ranks:
        raise ValueError(one_step(x.shape, type(module).__name__))
    if type(x) is Held and x.ndim >= 3 and not (args or options) and module._repeats():
        step = step_of(x)
        if step is not None:
            return _once(module, x, step)
    out = call(merged(x), *args, **options)
    if x.ndim < 3:
        return out
    many = isinstance(out, (tuple, list))
    for y in out if many else [out]:
        if not isinstance(y, Tensor) or y.ndim < 1 or y.shape[0] != x.shape[0] * x.shape[1]:
            raise ValueError(
                f"{type(module).__name__} gave {getattr(y, 'shape', type(y).__name__)} for {x.shape[0]} steps of "
                f"{x.shape[1]} samples as one batch; a module whose result has no axis of samples must not say that it "
                "folds time into the batch (over_time, batchwise)"
            )
    return tuple(unmerged(y, x) for y in out) if many else unmerged(out, x)


def _once(module: Any, x: Held, step: Tensor) -> Tensor:
    """One call for all steps, which are the same: its result is that of each."""
    y = module._of_one(step, x.shape[0])
    apart = y.buffer is not step.buffer or not x.written  # else the user's own input, passed through
    return held(y, x.shape[0], share=apart)


def one_step(shape: tuple[int, ...], name: str) -> str:
    """What to say of one step that was given where all are expected.

    Args:
        name: of the layer whose number of axes tells.
    """
    return (
        f"x has shape {shape}, which {name} takes for one step; expected all steps (T, B, ...) here: "
        "F.multi_step_forward(model, x, T) presents one step T times, and x[None] is a run of one step"
    )


def stepped(module: Any, call: Any, x: Tensor, *args: Any, **options: Any) -> Any:
    """One call per step, and the results of all steps on an axis in front; of each, if there are several."""
    if x.ndim == 0 or x.shape[0] == 0:
        raise ValueError(f"x has shape {x.shape}: no steps to run {type(module).__name__} on")
    made = [call(x[t], *args, **options) for t in range(x.shape[0])]
    if isinstance(made[0], (tuple, list)):
        return tuple(stack(list(values)) for values in zip(*made))
    return stack(made)


def merged(x: Tensor) -> Tensor:
    """(T, B, ...) to (T * B, ...); steps of one sample, (T, n), are a batch as they are."""
    return x if x.ndim < 3 else x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def unmerged(y: Tensor, x: Tensor) -> Tensor:
    """What `merged(x)` was turned into, with its two axes again."""
    return y if x.ndim < 3 else y.reshape(*x.shape[:2], *y.shape[1:])


def has_steps(module: Any, steps: str | None) -> bool:
    """Whether the input of a call has a time axis: in step mode "m", or where a container says how to go through time.

    Raises:
        ValueError: another step mode, or "m", said by somebody, in a container that goes step by step.
    """
    mode = module.step_mode
    multi = mode == "m" or (mode != "s" and arguments.choice("step_mode", mode, ("s", "m")) == "m")
    if multi and steps == "loop" and said(module):
        raise ValueError(mixed("a container that runs its modules step by step"))
    return multi or steps is not None


def mixed(name: str) -> str:
    """What to say of step modes that don't go together."""
    return (
        f"{name} holds modules of step mode 's' (a call is one step) and of step mode 'm' (a call is all steps), or is "
        "itself of another mode than they are; call F.set_step_mode(model, 'm') or F.set_step_mode(model, 's')"
    )


def _checked(model: Any) -> Any:
    if not callable(getattr(type(model), "modules", None)) or families.library(type(model)):
        raise families.wrong("model", model, "a Module", "layer")
    return model


def _modules(model: Any) -> list[Any]:
    return list(_checked(model).modules())
