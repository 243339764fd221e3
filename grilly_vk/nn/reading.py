"""How an input is read, as one step or as all of them: by the number of its axes, or with a hint where it can't tell.

A node looks at its first input in each step mode, and never again; a chain at each shape, for what its parts are then.
Either hints once.
"""

from __future__ import annotations

import math
import operator
import sys
from typing import Any

from .. import families, stepping
from ..errors import warn
from ..modes import said
from ..ops.elementwise import as_tensor
from ..stepping import LINEAR, first_layer, has_mode, keeps_state, said_inside

_SEEING = {f.__code__ for f in (stepping.stepped, stepping.over_steps, stepping.multi_step_forward)}  # they see to time
_DEPTH = 64  # frames that are looked at


# ---- modules with a state ----


def look(module: Any, x: Any, multi: bool) -> None:
    """Hints at the other reading of the first input of a module with a state, where both are likely.

    Args:
        x: the input, a Tensor.
        multi: whether it is taken for all steps.
    """
    module.__dict__["_looked"] = module.step_mode
    axes = x.ndim
    if axes < 2 or type(module)._ranks or (not multi and (axes == 2 or said(module))):
        return
    around = _around(module)
    if around is None:
        return
    before = _before(around[0], module) if around else None
    if before == () or (before is None and multi):  # (T, n) are steps of one sample, as far as anybody knows
        return
    if before in (None, LINEAR):
        doubtful = axes == 2 if multi else axes in (3, 5)
    else:
        doubtful = axes - multi not in before and axes - (not multi) in before
    if doubtful:
        _hint(module, around, x.shape, multi)


def told(module: Any, x: Any) -> bool:
    """Whether the number of axes of x, a Tensor, says that it is all steps, and nobody has said a step mode."""
    ranks = type(module)._ranks
    return x.ndim - 1 in ranks and x.ndim not in ranks and not said(module)


def _around(module: Any) -> list[Any] | None:
    """The modules whose methods are running and hold this one, innermost first; None where one sees to time."""
    found: list[Any] = []
    frame: Any = sys._getframe(1)
    for _ in range(_DEPTH):
        if frame is None:
            break
        code = frame.f_code
        if code in _SEEING:
            return None
        if code.co_argcount and code.co_varnames[0] == "self":
            owner = frame.f_locals.get("self")
            if _holds(owner, module):
                if type(owner).takes_steps and not type(owner)._is_chain:
                    return None
                found.append(owner)
        frame = frame.f_back
    return found


def _holds(owner: Any, module: Any) -> bool:
    return owner is not module and callable(getattr(type(owner), "named_modules", None)) and module in owner.modules()


def _before(owner: Any, module: Any) -> tuple[int, ...] | None:
    """The numbers of axes that a step has behind the layers before a module; (): unknown; None: any."""
    leaves = list(stepping.in_order(owner))
    place = next((i for i, leaf in enumerate(leaves) if leaf is module), 0)
    for leaf in reversed(leaves[:place]):
        if leaf._flattens or isinstance(getattr(leaf, "in_features", None), int):
            return LINEAR
        ranks: tuple[int, ...] = leaf._step_ranks()
        if ranks:
            return ranks
        if not keeps_state(leaf) and not (leaf.over_time == "fold" and not leaf._time_rank):
            return ()
    return None


# ---- chains ----


def all_steps(chain: Any, x: Any) -> bool:
    """Whether a Sequential takes its input for all steps: in step mode "m", or where nobody has said a step mode and
    its first layers or its norms tell.

    Raises:
        ValueError: one step in step mode "m".
    """
    own, parts = chain.__dict__, _parts(chain, [chain.step_mode])
    known = own.get("_known")
    if known is None or len(known[0]) != len(parts) or not all(map(operator.is_, known[0], parts)):
        decided = said_inside(chain) or any(type(part)._needs_time for part in chain.modules())
        known = own["_known"] = (parts, {}, first_layer(chain), decided, not decided and _led(chain))
    shape = getattr(x, "shape", None)
    shape = shape if isinstance(shape, tuple) else as_tensor("x", x).shape
    found: bool | None = known[1].get(shape)
    if found is None:
        found = _read(chain, shape, *known[2:])
        if len(known[1]) == 64:
            known[1].clear()
        known[1][shape] = found
    return found


def _parts(module: Any, found: list[Any]) -> list[Any]:
    """The parts in a module at every depth, each with its step mode; every call asks, so it takes a microsecond."""
    for part in module._modules.values():
        if part is not None:
            found += (part, part.__dict__.get("step_mode"))
            if part._modules:
                _parts(part, found)
    return found


def _led(chain: Any) -> bool:
    """Whether nodes, norms or readouts that take all steps by default lead the others."""
    return any(part.step_mode == "m" for part in chain.modules() if has_mode(part))


def _read(chain: Any, shape: tuple[int, ...], first: tuple[int, ...] | int | None, decided: bool, led: bool) -> bool:
    multi, axes = led or chain.step_mode == "m", len(shape)
    unrolls = any(families.family(part) == "core" for part in chain.modules())
    holds = unrolls or any(keeps_state(part) for part in chain.modules())
    if first in (None, LINEAR):
        if unrolls and axes > 2 and not multi and not decided:
            return True  # a core has no place for its state in a single step
        if holds and (first is not None and axes == 2 if multi else axes in (3, 5) and not decided):
            around = _around(chain) if chain._looked is not chain.step_mode else None
            if around is not None:
                _hint(chain, around, shape, multi)
        return multi
    if isinstance(first, int):
        whole, once = (axes > n and math.prod(shape[n:]) == first for n in (2, 1))
    else:
        assert first is not None
        whole, once = axes - 1 in first, axes in first
    if whole == once or (whole if multi else once):
        return multi
    if not multi:
        return holds and not decided
    if holds:
        how = "whose nodes take all steps" if led else "in step mode 'm'"
        raise ValueError(stepping.one_step(shape, f"the first layer of {type(chain).__name__} {how}"))
    return led


# ---- the hint ----


def _hint(module: Any, around: list[Any], shape: tuple[int, ...], multi: bool) -> None:
    """Warns, once for the whole network around a module."""
    name = type(module).__name__
    if multi and not said(module):
        text = (
            f"{name} takes x of shape {shape} for {shape[0]} steps (T, B, ...), not for one step (B, ...); say which "
            "is meant: F.set_step_mode(model, 's') for one step, 'm' for all"
        )
    elif multi:
        text = (
            f"{name} in step mode 'm' takes x of shape {shape} for {shape[0]} steps (T, B, ...), not for one step "
            "(B, ...); F.multi_step_forward(model, x, T) presents one step T times, and x[:, None] are steps of one "
            "sample"
        )
    else:
        text = (
            f"{name} takes x of shape {shape} for one step (B, ...), not for {shape[0]} steps (T, B, ...); say which "
            "is meant: F.set_step_mode(model, 'm') for all steps, 's' for one"
        )
    warn(text)
    for part in [module, *around][-1].modules():
        if has_mode(part):
            part.__dict__["_looked"] = part.step_mode
