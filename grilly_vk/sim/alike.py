"""Whether all ranks describe the same network: each part in a few digits, to be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from .model import Model

_APART = ("network", "number")  # of a part: where it belongs, which does not say what it is


def digest(part: Any) -> str:
    """Digits that differ between parts that differ in any number, text or array."""
    out = hashlib.blake2b(digest_size=16)
    _take(part, out, {})
    return out.hexdigest()


def _take(part: Any, out: Any, seen: dict[int, int]) -> None:
    if isinstance(part, np.ndarray) and part.dtype != object:
        out.update(f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
    elif isinstance(part, Mapping):
        for key, value in part.items():
            out.update(f"{key!r}:".encode())
            _take(value, out, seen)
    elif isinstance(part, (list, tuple)):
        out.update(f"[{len(part)}]".encode())
        for value in part:
            _take(value, out, seen)
    elif isinstance(part, Model):
        out.update(f"{part.name} {part.kernel_suffix}".encode())
    elif type(part).__module__.startswith("grilly_vk") and hasattr(part, "__dict__"):
        before = id(part) in seen
        out.update(f"{type(part).__qualname__} {seen.setdefault(id(part), len(seen))}".encode())
        if not before:
            _take({k: v for k, v in vars(part).items() if k not in _APART}, out, seen)
    elif callable(part):
        out.update(getattr(part, "__qualname__", type(part).__qualname__).encode())
    else:
        out.update(repr(part).encode())
