"""Profiles: how long each kernel ran on the device, how often, and how many bytes it was bound to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from ..errors import DeviceError
from .engine import Engine
from .leaving import leaving
from .memory import readable
from .stream import Entry


@dataclass
class KernelProfile:
    """One row: device seconds, calls, and the bytes of the tensors bound (read or written at most once)."""

    kernel: str
    seconds: float = 0.0
    calls: int = 0
    nbytes: int = 0


class Profile:
    """``with grilly_vk.profile() as p: ...; print(p)``: a table of kernels by device time.

    Submits made inside run with timestamps and are recorded afresh, so the host side is slower than usual;
    captured graphs are not covered.  `kernels` holds the rows.

    Raises:
        DeviceError: the device's compute queue has no timestamps.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows: dict[str, KernelProfile] = {}
        self.left = 0

    @property
    def kernels(self) -> list[KernelProfile]:
        """The rows, longest first."""
        return sorted(self._rows.values(), key=lambda r: -r.seconds)

    @property
    def seconds(self) -> float:
        """Device time of all kernels."""
        return sum(r.seconds for r in self._rows.values())

    def record(self, entries: Sequence[Entry], sizes: Sequence[int], ticks: Sequence[tuple[int, int]]) -> None:
        """Takes in one submit; called by the stream."""
        for (program, _), nbytes, (begin, end) in zip(entries, sizes, ticks):
            period = 1e-9  # the host's clock
            if program.tensors is None:
                period *= self._engine.info.timestamp_period
            row = self._rows.setdefault(program.kernel, KernelProfile(program.kernel))
            row.seconds += max(0, end - begin) * period
            row.calls += 1
            row.nbytes += nbytes

    def __enter__(self) -> Profile:
        engine = self._engine
        begun = False
        try:
            with engine.lock:
                engine.check()
                # The queue is of the first family that computes (native/device.cpp).
                if not next(q for q in engine.info.queue_families if q["compute"])["timestamp_bits"]:
                    raise DeviceError(f"{engine.info} has no timestamps, so kernels can't be timed on it")
                if engine.stream.observer is not None:
                    raise RuntimeError("a profile is being taken already; profiles don't nest")
                engine.stream.flush()
                begun, engine.stream.observer = True, self
        except BaseException:
            if begun:  # an interrupt
                engine.stream.observer = None
            raise
        return self

    @leaving
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._engine.lock:
            self.left += 1
            try:
                self._engine.stream.flush()
            finally:
                self._engine.stream.observer = None

    def __str__(self) -> str:
        width = max([6, *(len(r.kernel) for r in self.kernels)])
        lines = [f"{'kernel':<{width}}  {'calls':>7}  {'device ms':>10}  {'share':>6}  {'bytes':>10}"]
        total = self.seconds or 1.0
        for r in self.kernels:
            lines.append(
                f"{r.kernel:<{width}}  {r.calls:>7}  {1e3 * r.seconds:>10.3f}  {r.seconds / total:>6.1%}  "
                f"{readable(r.nbytes):>10}"
            )
        return "\n".join(lines)
