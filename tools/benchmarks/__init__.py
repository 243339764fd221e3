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
    """The benchmarks of the families (files) in `options.names`, or of all of them whose names have one as a part."""
    modules = sorted(m.name for m in pkgutil.iter_modules(__path__))
    families = [m for m in modules if m in options.names]
    for module in families or modules:
        loaded = importlib.import_module(f"{__name__}.{module}")
        for bench in loaded.cases(options) if hasattr(loaded, "cases") else ():
            if families or not options.names or any(n in bench.name for n in options.names):
                yield bench
