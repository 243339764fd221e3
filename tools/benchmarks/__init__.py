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


def families() -> list[str]:
    """The names of the families, each that of a file."""
    loaded = {m.name: importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)}
    return sorted(name for name, module in loaded.items() if hasattr(module, "cases"))


def discover(options: Any) -> Iterator[Benchmark]:
    """The benchmarks of the families (files) in `options.names`, and those whose names have another one as a part."""
    modules = sorted(m.name for m in pkgutil.iter_modules(__path__))
    parts = [name for name in options.names if name not in modules]
    for module in modules:
        whole = module in options.names or not options.names
        loaded = importlib.import_module(f"{__name__}.{module}") if whole or parts else None
        for bench in loaded.cases(options) if hasattr(loaded, "cases") else ():
            if whole or any(n in bench.name for n in parts):
                yield bench
