"""The parts of tools/abuse, a file each.

A part has `run(count, seed, tell)`, which makes `count` attempts, tells each by `tell.done()` and what went wrong by
`tell.fault(text)`; TEXT, in words; FULL and SMALL, how many there are; and SECONDS, after which it counts as hung.
"""

from __future__ import annotations

import importlib
import sys
import time
from types import ModuleType
from typing import Any

NAMES = ("kills", "files", "commands", "interrupts", "threads", "allocations", "mixed")
MOST = 20  # faults of a part, after which it ends
EVERY = 5.0  # seconds between lines


class TooMany(Exception):
    """The part has so many faults that more of them help nobody."""


class Teller:
    """Prints progress and faults as they come."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total = name, total
        self.faults: list[str] = []
        self.made = 0
        self.notes: dict[str, int] = {}
        self._began = self._last = time.monotonic()

    def done(self, n: int = 1) -> None:
        """So many attempts more."""
        self.made += n
        now = time.monotonic()
        if now - self._last > EVERY:
            self._last = now
            self._print(f"{self.made:,} of {self.total:,}, {now - self._began:.0f} s")

    def note(self, what: str, n: int = 1) -> None:
        """Counts something for the last line."""
        self.notes[what] = self.notes.get(what, 0) + n

    def fault(self, text: str) -> None:
        """Something that must not be; raises TooMany after some."""
        self.faults.append(text)
        self._print(f"FAULT: {text}")
        if len(self.faults) >= MOST:
            raise TooMany

    def end(self) -> None:
        """The last line."""
        notes = "".join(f", {n:,} {what}" for what, n in self.notes.items())
        self._print(f"{self.made:,} attempts{notes}, {len(self.faults)} faults, {time.monotonic() - self._began:.0f} s")

    def _print(self, text: str) -> None:
        print(f"  {self.name}: {text}", file=sys.stdout, flush=True)


class Part:
    """A part, imported when it is used."""

    def __init__(self, name: str, text: str, full: int, small: int, seconds: float) -> None:
        self.name, self.TEXT, self.full, self.small, self.SECONDS = name, text, full, small, seconds

    def run(self, count: int, seed: int, tell: Teller) -> None:
        """Makes the attempts."""
        module: Any = importlib.import_module(f"abusing.{self.name}")
        assert isinstance(module, ModuleType)
        module.run(count, seed, tell)


PARTS = {
    part.name: part
    for part in (
        Part("kills", "kills of a process that saves: the file stays whole, no leftovers", 600, 8, 900),
        Part("files", "damaged safetensors files: refused, or what was saved", 1014, 60, 900),
        Part("commands", "damaged arrays and command lines: one line of error and its exit code", 2214, 60, 1800),
        Part("interrupts", "interrupts at any place: no wrong result, no lock, no mode left behind", 10150, 120, 1800),
        Part("threads", "jobs in 12 threads at once: the bits of the serial ones", 6185, 60, 1800),
        Part("allocations", "allocations that fail: our error, nothing changed, right afterwards", 400, 40, 900),
        Part("mixed", "steps of everything in turns, compared with numpy", 20000, 300, 1800),
    )
}
