"""Which Python functions of the package a piece of work calls, and how often: what a call costs beside the device."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grilly_vk

PACKAGE = Path(grilly_vk.__file__).parent


def package_calls(work: Callable[[], Any]) -> Counter[str]:
    """Calls of functions of the package by `work`, as "file:function"; each resumption of a generator is one."""
    found: Counter[str] = Counter()
    names: dict[Any, str | None] = {}
    here = f"{PACKAGE}/"

    def note(frame: Any, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code not in names:
            path = code.co_filename
            names[code] = f"{path[len(here) :]}:{code.co_name}" if path.startswith(here) else None
        name = names[code]
        if name is not None:
            found[name] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found
