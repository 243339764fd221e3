"""The rows as a table for people, and as a file to send."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ... import files
from ...runtime import engine
from ..errors import CliError
from ..info import features_in_use, versions
from .runner import CUT, FAIL, NOTE, PASS, Outcome

FILE = "grilly-vk-check.json"
FORMAT = 1
_WIDTH = 118
_STYLES = {PASS: "green", FAIL: "bold red", CUT: "yellow", NOTE: "dim"}
_SWITCHES = ("GRILLY_VK_", "MESA_SHADER_CACHE_DISABLE", "LP_NUM_THREADS", "VK_LOADER_LAYERS", "VK_INSTANCE_LAYERS")


def facts() -> dict[str, Any]:
    """What is known of the device in use, as plain values; opens it.

    Raises:
        DeviceError: there is none.
    """
    now = engine()
    return {
        "device": dataclasses.asdict(now.info),
        "features": features_in_use(),
        "memory_budget": [list(b) for b in now.device.memory_budget()],
        "host_visible": now.host_visible,
    }


def as_json(rows: Sequence[Outcome], known: dict[str, Any], seconds: float, quick: bool) -> str:
    """Everything that a report needs, and nothing that names its sender."""
    return json.dumps(
        {
            "format": FORMAT,
            "versions": versions(),
            "platform": {
                "system": platform.system(),
                "release": platform.release(),
                "machine": platform.machine(),
                "processors": os.cpu_count(),
                "python": sys.version.split()[0],
            },
            "switches": {k: v for k, v in sorted(os.environ.items()) if k.startswith(_SWITCHES)},
            **known,
            "quick": quick,
            "seconds": round(seconds, 2),
            "passed": not any(r.status == FAIL for r in rows),
            "counts": {status: sum(r.status == status for r in rows) for status in (PASS, FAIL, CUT, NOTE)},
            "rows": [dataclasses.asdict(r) for r in rows],
        },
        indent=1,
        default=str,
    )


def check_writable(path: Path) -> None:
    """Raises CliError where the file could not be written; what is there stays as it is."""
    try:
        files.check_writable(path)
    except OSError as error:
        raise CliError(f"{path}: can't be written ({error.strerror or error})") from error


def write(path: Path, text: str) -> None:
    """Raises CliError where the file can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, (text + "\n").encode())
    except OSError as error:
        raise CliError(f"{path}: can't be written ({error.strerror or error})") from error


class Printer:
    """Prints each part of the check as a table when it is complete."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False)
        if not self._console.is_terminal:  # a file or a pipe has no width of its own
            self._console.width = _WIDTH
        self._rows: list[Outcome] = []

    def line(self, text: str) -> None:
        """A line of its own."""
        self._console.print(text, soft_wrap=True)

    def add(self, row: Outcome) -> None:
        """Takes a row; the first of another part prints those before."""
        if self._rows and self._rows[-1].part != row.part:
            self.flush()
        self._rows.append(row)

    def flush(self) -> None:
        """Prints what was collected."""
        if not self._rows:
            return
        table = Table(title=self._rows[0].part, title_justify="left")
        table.add_column("check", overflow="fold")
        table.add_column("result", no_wrap=True)
        table.add_column("s", justify="right", no_wrap=True)
        table.add_column("what was found", overflow="fold")
        for row in self._rows:
            found = Text(row.text)
            if row.hint:
                found.append(f"\n-> {row.hint}", style="yellow")
            table.add_row(row.check, Text(row.status, style=_STYLES[row.status]), f"{row.seconds:.2f}", found)
        self._console.print(table)
        self._rows = []

    def verdict(self, rows: Sequence[Outcome], seconds: float) -> None:
        """The last lines: how many passed, and what failed."""
        self.flush()
        count = {status: sum(r.status == status for r in rows) for status in (PASS, FAIL, CUT)}
        cut = f", {count[CUT]} cut short by the time limit" if count[CUT] else ""
        self.line(f"{count[PASS]} passed, {count[FAIL]} failed{cut}, in {seconds:.1f} s.")
        for row in rows:
            if row.status == FAIL:
                self.line(f"FAIL: {row.part}: {row.check}: {row.text}")
