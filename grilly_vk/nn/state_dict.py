"""Loading of values by name: what must fit, and what is said where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import arguments
from ..grad_mode import no_grad
from ..ops.exchange import assign_all
from ..tensor import Tensor


class Keys(NamedTuple):
    """What `load_state_dict(strict=False)` left alone."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def load(kind: str, own: dict[str, Tensor], state_dict: Mapping[str, Any], strict: bool) -> Keys:
    """Copies values into tensors, in place, once all of them are known to fit.

    Args:
        kind: of what has the tensors, for errors.
        own: its tensors by name.
        state_dict, strict: as in `Module.load_state_dict`.
    """
    missing = [name for name in own if name not in state_dict]
    unexpected = [name for name in state_dict if name not in own]
    wrong, ready = [], []
    for name, tensor in own.items():
        if name in state_dict:
            given = state_dict[name]
            value = given if isinstance(given, Tensor) else arguments.read(name, given)
            if tuple(value.shape) != tensor.shape:
                wrong.append(f"{name} has shape {tuple(value.shape)}; expected {tensor.shape}")
            elif not fits(value, tensor):
                wrong.append(f"{name} has dtype {value.dtype}; expected {tensor.dtype}")
            else:
                ready.append((tensor, value))
    lists = [("mismatched", wrong)]
    if strict:
        lists = [("missing", missing), ("unexpected", [str(n) for n in unexpected]), *lists]
    problems = [f"{what}: {_first(found)}" for what, found in lists if found]
    if problems:
        what = f"state_dict does not fit {kind}; nothing was loaded"
        raise ValueError("; ".join([what, *problems]))
    with no_grad():
        assign_all(ready)
    return Keys(missing, unexpected)


def _first(names: list[str]) -> str:
    """As many names as go into half a line, and how many there are."""
    text = names[0]
    for name in names[1:]:
        if len(text) + len(name) > 60:
            return f"{text}, ... ({len(names)} in all)"
        text += f", {name}"
    return text


def fits(value: Any, tensor: Tensor) -> bool:
    """Whether the values can go into the tensor without changing their kind."""
    if isinstance(value, Tensor):
        return bool(value.dtype == tensor.dtype)
    if (value.dtype == np.bool_) != (tensor.dtype == np.bool_):
        return False
    return value.dtype.kind in "biuf" and np.can_cast(value.dtype, tensor.dtype, "same_kind")
