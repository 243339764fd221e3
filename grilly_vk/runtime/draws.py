"""Random numbers: Philox's key and base counter in the control block, and how far they have been drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from .leaving import holding, leaving
from .memory import Segment
from .stream import RNG_BASE, RNG_KEY, Entry


class Draws:
    """The random numbers of one engine; every public method may be called from any thread.

    Args:
        engine: the Engine whose they are.
        control: the segment of the control block, which the host sees.
    """

    def __init__(self, engine: Any, control: Segment) -> None:
        assert control.words is not None
        self._engine, self._control, self._words = engine, control, control.words
        self._markers: dict[int, Entry] = {}
        self.lock = engine.lock

    def seed(self, seed: int) -> None:
        """Restarts the random numbers from a 64-bit seed."""
        with self.lock:
            self._engine.check()
            self._engine.stream.finish()
            self._words[RNG_KEY : RNG_KEY + 2] = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
            self._set_base(0)

    def position(self) -> tuple[Any, int]:
        """Where the random numbers stand: (the graph that is captured or None, random operations before)."""
        if self._engine.stream.capture is not None:
            return self._engine.stream.capture, self._engine.stream.capture.draws
        return None, self._engine.stream.drawn + self._engine.stream.draws

    def again(self, position: tuple[Any, int]) -> _Again:
        """Inside, random operations get the numbers that they got from `position` on; afterwards the next fresh ones.

        Other threads wait meanwhile.  Entering raises RuntimeError where the position is not of the graph that is
        captured now.
        """
        return _Again(self, position)

    def stand_at(self, number: int) -> None:
        """The next random operation is the one of this number."""
        if self._engine.stream.capture is not None:
            self._engine.stream.capture.draws = number
            return
        if not 0 <= number - self._engine.stream.drawn < 1 << 31:  # kernels count from the base, which submits move on
            self._engine.stream.finish()
            self._set_base(number)
        self._engine.stream.draws = number - self._engine.stream.drawn

    def _set_base(self, number: int) -> None:
        self._words[RNG_BASE : RNG_BASE + 2] = number & 0xFFFFFFFF, number >> 32
        self._engine.stream.drawn = number

    def state(self) -> np.ndarray:
        """Key and base of the random numbers, uint32 (4,), once all issued work is done."""
        with self.lock:
            self._engine.wait()
            return self._words[RNG_KEY : RNG_BASE + 2].copy()

    def set_state(self, words: np.ndarray) -> None:
        """Goes back to an earlier `state`."""
        with self.lock:
            self._engine.wait()
            self._words[RNG_KEY : RNG_BASE + 2] = words
            self._engine.stream.drawn = int(words[2]) | int(words[3]) << 32

    def marker(self, draws: int) -> Entry:
        """The entry that ends a submit in which random numbers were drawn."""
        found = self._markers.get(draws)
        if found is None:
            engine = self._engine
            pipeline = engine.kernels.pipeline("mark", (), engine.local)
            program = pipeline.program(engine.device, (self._control,), 1)
            found = (program, pipeline.pack([0], {"draws": draws}))
            if len(self._markers) < 256:
                self._markers[draws] = found
        return found


class _Again:
    """See `Draws.again`."""

    __slots__ = ("_after", "_draws", "_held", "_position", "left")

    def __init__(self, draws: Draws, position: tuple[Any, int]) -> None:
        self._draws, self._position = draws, position
        self._held = holding(draws.lock)
        self.left = 0

    def __enter__(self) -> None:
        draws = self._draws
        try:
            next(self._held)
            capture, self._after = draws.position()
            if self._position[0] is not capture:
                raise RuntimeError("random numbers can't be drawn again across the border of a captured graph")
            try:
                draws.stand_at(self._position[1])
            except BaseException:
                draws.stand_at(self._after)
                raise
        except BaseException:
            self._held.close()
            raise

    @leaving
    def __exit__(self, *error: object) -> None:
        try:
            self._draws.stand_at(self._after)  # may be done twice
        except Exception:  # a second try would fail the same way; an interrupt is tried again
            self.left += 1
            self._held.close()
            raise
        self.left += 1
        self._held.close()
