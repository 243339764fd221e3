"""Runs checks one after the other: one that fails, raises, hangs or loses the device does not stop the next."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple

from ...runtime import engine, set_device

PASS, FAIL = "pass", "FAIL"
NOTE, CUT = "-", "cut"  # numbers without a verdict; by the time limit, not all done
LOST = "the device was lost; it was opened afresh for the checks that follow"


@dataclass
class Found:
    """What a check says.

    Args:
        text: for people, one line.
        status: PASS, FAIL, NOTE or CUT.
        values: the numbers behind it, for the file.
        name: where a check gives several rows, what this one is about.
    """

    text: str
    status: str = PASS
    values: dict[str, Any] = field(default_factory=dict)
    name: str = ""


class Failed(Exception):
    """What a check raises if the device did something wrong."""


class OutOfTime(BaseException):
    """A check's time is up.  No Exception, so that nothing on the way takes it for an error of the device."""


@dataclass
class Outcome:
    """One line of the table."""

    part: str
    check: str
    status: str
    text: str
    hint: str  # what to do about a failure; "" if there is none
    seconds: float
    values: dict[str, Any]


class Time:
    """How much is left for a check, and what was asked of it.

    Args:
        quick: fewer sizes and repetitions are wanted.
        seconds: until it must end.
        note: told what the check is at, so that a crash can be laid to it.
        crashed: what has crashed the process before, to be left out.
    """

    def __init__(
        self, quick: bool, seconds: float, note: Callable[[str], None] = lambda text: None, crashed: Sequence[str] = ()
    ) -> None:
        self.quick = quick
        self.note = note
        self.crashed = frozenset(crashed)
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()


class Check(NamedTuple):
    """One check: `run` returns what it found, or raises; `hint` is for a failure; `seconds` is the most it may take."""

    part: str
    name: str
    run: Callable[[Time], Found | list[Found]]
    hint: str
    seconds: float = 15.0


class Runner:
    """Runs checks within `seconds` in all.

    Args:
        quick: passed on to the checks.
        seconds: for all checks; those whose turn comes later are not run, and their rows say so.
        begin, note: told which check (by its index) begins, and what it is at.
        done: gets each row.
        crashed: passed on to the first check that is run.
    """

    def __init__(
        self,
        quick: bool = False,
        seconds: float = 100.0,
        done: Callable[[Outcome], None] = lambda row: None,
        begin: Callable[[int], None] = lambda index: None,
        note: Callable[[str], None] = lambda text: None,
        crashed: Sequence[str] = (),
    ) -> None:
        self.rows: list[Outcome] = []
        self._quick, self._end = quick, time.monotonic() + seconds
        self._done, self._begin, self._note, self._crashed = done, begin, note, crashed

    def run(self, checks: Sequence[Check], start: int = 0) -> list[Outcome]:
        """All checks from number `start` on; returns the rows."""
        for index, check in enumerate(checks[start:], start):
            left = self._end - time.monotonic()
            if left < 0.5:
                self._add(check, Found("not run: the time given was spent", CUT), 0.0)
                continue
            self._begin(index)
            began = time.monotonic()
            found = self._outcome(check, min(check.seconds, left))
            self._crashed = ()
            seconds = (time.monotonic() - began) / len(found)
            for one in found:
                self._add(check, one, seconds)
        return self.rows

    def _outcome(self, check: Check, seconds: float) -> list[Found]:
        try:
            with time_limit(seconds + 1.0):
                found = check.run(Time(self._quick, seconds, self._note, self._crashed))
            many = found if isinstance(found, list) else [found]
            failed = any(f.status == FAIL for f in many)
        except OutOfTime:
            many, failed = [Found(f"did not end within {seconds:.0f} s", FAIL)], True
        except Failed as error:
            many, failed = [Found(str(error), FAIL)], True
        except Exception as error:
            many, failed = [Found(f"{type(error).__name__}: {error}", FAIL)], True
        if failed:
            said = _recovered()
            many[-1].text += f" ({said})" if said else ""
        return many

    def _add(self, check: Check, found: Found, seconds: float) -> None:
        hint = check.hint if found.status == FAIL else ""
        name = found.name or check.name
        row = Outcome(check.part, name, found.status, " ".join(found.text.split()), hint, seconds, found.values)
        self.rows.append(row)
        self._done(row)


def _recovered() -> str:
    """Opens a lost device again; says what was done, or "" if nothing was."""
    try:
        now = engine()
        if now.dead is None and now.stream.lost is None:
            return ""
        set_device(now.info.index)
        return LOST
    except Exception as error:
        return f"the device can't be opened any more: {error}"


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises OutOfTime inside once the time is up, as Ctrl-C raises; only in a main thread with timers."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def raise_it(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, raise_it)
    signal.setitimer(signal.ITIMER_REAL, max(0.01, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
