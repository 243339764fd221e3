"""The checks run in a process of their own, so that a driver that crashes or hangs takes only itself down.

The worker prints an event per line, as JSON behind a mark that a driver's own messages don't begin with.  The
supervisor reads them, ends a worker that is silent for too long, and starts another one behind the check at fault.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import report
from .runner import FAIL, Check, Outcome, Runner

_MARK = "\x1egrilly-vk-check "
_GRACE = 10.0  # seconds over a check's limit after which its process is ended
_OPENING = 60.0  # seconds until the device must be open
_RESTARTS = 8
_AGAIN = Check("device", "opening it again", lambda time: [], "restart the driver or the machine, and send the rows")


def work(checks: Sequence[Check], start: int, quick: bool, seconds: float, crashed: Sequence[str]) -> None:
    """Runs the checks from number `start` on and prints the events."""

    def tell(kind: str, value: Any) -> None:
        print(_MARK + json.dumps([kind, value], default=str), flush=True)

    tell("facts", report.facts())
    runner = Runner(
        quick,
        seconds,
        done=lambda row: tell("row", dataclasses.asdict(row)),
        begin=lambda index: tell("begin", index),
        note=lambda text: tell("note", text),
        crashed=crashed,
    )
    runner.run(checks, start)
    tell("end", None)


class Supervisor:
    """Runs workers until every check has its rows.

    Args:
        checks: in the order that the worker has.
        command: the worker's command line, without what says where to start.
        add: gets each row.
    """

    def __init__(self, checks: Sequence[Check], command: Sequence[str], add: Callable[[Outcome], None]) -> None:
        self.known: dict[str, Any] = {}
        self.rows: list[Outcome] = []
        self.stderr = ""
        self._checks, self._command, self._add = checks, list(command), add
        self._at, self._note, self._ended, self._end = -1, "", False, 0.0

    def run(self, seconds: float) -> bool:
        """Whether a device could be opened at all; if not, `stderr` says why.

        Raises:
            KeyboardInterrupt: Ctrl-C; the worker has been ended.
        """
        start, crashed = 0, list[str]()
        self._end = time.monotonic() + seconds
        for _ in range(_RESTARTS):
            self._at, self._note, self._ended = -1, "", False
            left = max(0.0, self._end - time.monotonic())
            words = ["--worker", str(start), "--seconds", f"{left:.2f}", *[f"--crashed={c}" for c in crashed]]
            code, hung = self._one(words)
            if self._ended:
                return True
            if not self.known:
                return False
            fault = "did not come back from the driver" if hung else _how(code)
            if self._at < 0:
                self._failed(_AGAIN, fault)
                return True
            check = self._checks[self._at]
            if self._note and self._note not in crashed:
                crashed.append(self._note)  # left out at the next try, and its row says so
                start = self._at
            else:
                self._failed(check, f"the process {fault}")
                start, crashed = self._at + 1, []
        self._failed(_AGAIN, "too many crashes; the rest was not run")
        return True

    def _failed(self, check: Check, text: str) -> None:
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        fatal = [line for line in lines if line.startswith("Fatal Python error")] or lines[-1:]
        said = f"{text}: {fatal[0]}" if fatal else text
        self._take(Outcome(check.part, check.name, FAIL, said, check.hint, 0.0, {}))

    def _take(self, row: Outcome) -> None:
        self.rows.append(row)
        self._add(row)

    def _one(self, words: Sequence[str]) -> tuple[int, bool]:
        """Runs a worker; its exit code, and whether it was ended because it hung."""
        process = subprocess.Popen(
            [*self._command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        lines: queue.Queue[str | None] = queue.Queue()
        errors: list[str] = []
        assert process.stdout is not None
        assert process.stderr is not None
        readers = [
            threading.Thread(target=_pump, args=(process.stdout, lines.put), daemon=True),
            threading.Thread(target=_pump, args=(process.stderr, errors.append), daemon=True),
        ]
        for reader in readers:
            reader.start()
        hung = False
        try:
            limit = _OPENING
            while True:
                try:
                    line = lines.get(timeout=limit)
                except queue.Empty:
                    hung = True
                    break
                if line is None:
                    break
                limit = self._event(line, limit)
        finally:
            if process.poll() is None and (hung or not self._ended):
                process.kill()
            process.wait()
            for reader in readers:
                reader.join(1.0)  # not for ever: a driver's own child may hold the pipes open
            self.stderr = "".join(e for e in errors if e is not None)
        return process.returncode, hung

    def _event(self, line: str, limit: float) -> float:
        """Takes in a line; returns how many seconds may pass until the next one."""
        if not line.startswith(_MARK):
            return limit
        kind, value = json.loads(line[len(_MARK) :])
        if kind == "facts":
            self.known = self.known or value
        elif kind == "row":
            self._take(Outcome(**value))
        elif kind == "begin":
            self._at, self._note = value, ""
            return min(self._checks[value].seconds, max(0.0, self._end - time.monotonic())) + _GRACE
        elif kind == "note":
            self._note = value
        elif kind == "end":
            self._ended = True
        return limit


def _pump(stream: Any, put: Callable[[Any], None]) -> None:
    with stream:
        for line in stream:
            put(line)
    put(None)


def _how(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def command(*words: str) -> list[str]:
    """The command line of a worker."""
    return [sys.executable, "-X", "faulthandler", "-m", "grilly_vk", "check", *words]
