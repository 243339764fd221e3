"""The benchmarks, one file a family; each file has `cases(options)` that yields Benchmark objects."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Benchmark:
    """One piece of work: ours, the same by peers, and a check that they agree.

    `note(best seconds, device)` may give lines for the table about our own run; `after` runs untimed after each.
    """

    name: str
    ours: Callable[[], Any]
    peers: dict[str, Callable[[], Any]] = field(default_factory=dict)
    check: Callable[[], None] = lambda: None
    rounds: int | None = None
    note: Callable[[float, Any], list[str]] | None = None
    after: Callable[[], Any] = lambda: None


def discover(options: Any) -> Iterator[Benchmark]:
    """All benchmarks, in the order of the files' names."""
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        loaded = importlib.import_module(f"{__name__}.{module}")
        if hasattr(loaded, "cases"):
            yield from loaded.cases(options)
