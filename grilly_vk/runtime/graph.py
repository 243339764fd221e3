"""Graphs: a captured run of operations, submitted again and again without Python in between."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Generator, Iterable
from types import TracebackType
from typing import Any, NoReturn

from . import failures
from .engine import Engine
from .leaving import holding, leaving
from .recording import Capture, captures
from .stream import Entry


class Graph:
    """Operations recorded inside ``with grilly_vk.capture() as g:``; `replay` runs them.

    Capturing does not execute.  Tensors that were made before the capture are static inputs and state: write
    new contents into them between replays.  Tensors made inside hold the results of the last replay, and
    belong to the graph.  Random operations draw fresh numbers in each replay.

    A graph holds as long as what it was captured from does: an optimizer's groups and parameters, which parameters
    want gradients and, where the graph adds to gradients or uses some from before, where those are.  `outdated` says
    what has changed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._arena = engine.arena()
        self._ticket = engine.memory.ticket(self._arena)  # given back with the graph
        capture = Capture(self._arena)
        self._capture: Capture | None = capture
        self._assumptions = capture.assumptions
        self._batches: list[list[Any]] = []  # recorded, one submit each
        self._keep: list[Any] = []
        self._entries: list[list[Entry]] = []
        self._held: Generator[None, None, None] | None = None  # the engine's lock, while capturing
        self._thread: threading.Thread | None = None  # which captures
        self.left = 0
        self._work = self._draws = 0
        self._whole = False  # captured, and well
        self.called: list[weakref.ref[Any]] = []  # the modules that were called inside
        self.begun: list[Any] = []  # those whose state starts inside
        self.dispatches = 0
        self.replays = 0

    def __enter__(self) -> Graph:
        engine, capture = self._engine, self._capture
        thread = threading.current_thread()
        held: Generator[None, None, None] | None = None
        try:
            with engine.lock:
                engine.check()
                if engine.stream.capture is not None:
                    raise RuntimeError("a graph is being captured already; captures don't nest")
                if capture is None:
                    raise RuntimeError("this graph is captured already; make a new one with grilly_vk.capture()")
                engine.stream.flush()
                held = holding(engine.lock)  # other threads wait: what they issue does not belong in here
                next(held)
                capture.graph = self
                self._thread, self._held = thread, held
                engine.memory.arena = self._arena
                captures[capture] = threading.get_ident()
                engine.stream.capture = capture
        except BaseException:
            if held is not None and capture is not None:  # an interrupt, after the checks
                engine.stream.capture = engine.memory.arena = self._thread = self._held = capture.graph = None
                if capture in captures:
                    del captures[capture]
                held.close()
            raise
        return self

    @leaving
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        engine, here = self._engine, threading.current_thread()
        if self._thread is not here:
            self.left += 1
            self._refuse(here)
        self.left += 1
        capture, self._capture = self._capture, None
        try:
            try:
                for method in capture.left if kind is None and capture is not None else ():
                    last = method()
                    if last is not None:
                        last()
                engine.memory.collect()  # what was dropped inside needs its memory no longer than its last dispatch
            finally:
                engine.stream.capture = engine.memory.arena = None
            if kind is None and capture is not None:
                engine.check()
                for check in capture.at_end:
                    check()
                self._finish(capture)
                self._whole = True
        finally:
            held, self._held, self._thread = self._held, None, None
            if capture is not None:
                capture.graph = None
                if capture in captures:
                    del captures[capture]
            try:
                if not self._whole:
                    engine.memory.retired.append(self._arena)
            finally:
                if held is not None:
                    held.close()

    def _refuse(self, here: threading.Thread) -> NoReturn:
        """The end of a capture in another thread than the one that began it, or without a beginning."""
        began = self._thread
        if began is None:
            raise RuntimeError("this capture has not begun, or has ended already")
        if began.is_alive():
            raise RuntimeError(
                f"this capture began in thread {began.name!r} and can't end in {here.name!r}; it goes on until "
                f"{began.name!r} leaves its block"
            )
        # That thread's lock is freed on its behalf, for the others wait for it; nothing that it recorded is kept.
        engine: Any = self._engine
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._held))  # its end would free the lock of whoever has it then
        if self._capture in captures:
            del captures[self._capture]
        self._thread = self._capture = self._held = None
        engine.stream.capture = engine.memory.arena = None
        engine.memory.retired.append(self._arena)
        engine.lock._release_save()
        raise RuntimeError(
            f"this capture began in thread {began.name!r}, which has ended, and was left in {here.name!r}; it is "
            "dropped. Enter and leave a capture in one thread"
        )

    def _finish(self, capture: Capture) -> None:
        engine = self._engine
        batch: list[Entry] = []
        held = 0
        budget = engine.stream.budget
        for (program, push), work in zip(engine.captured(capture), capture.work):
            if batch and held + work > budget:
                self._entries.append(batch)
                batch, held = [], 0
            if work > budget and program.groups > 1:  # too much for one submit
                self._entries += [[(part, push)] for part in program.parts(-(-work // budget))]
                continue
            batch.append((program, push))
            held += work
        if capture.draws:
            batch.append(engine.draws.marker(capture.draws))
        if batch:
            self._entries.append(batch)
        self._keep = list(capture.keep.values())
        capture.assumptions.close(self._keep)
        with failures.of("this graph can't be recorded"):
            self._batches = [engine.stream.recorder.record(entries) for entries in self._entries]
        self.dispatches = len(capture.calls)
        self._work, self._draws = sum(capture.work), capture.draws
        self.called, self.begun = capture.called, list(capture.begun.values())

    def starting_gradients_of(self, owners: Iterable[Any]) -> None:
        """From here on backward raises for any tensor whose gradient was not cleared inside, but for `owners`.

        A recording can't tell a first gradient from one that is added to what a former call left.
        """
        if self._capture is not None:
            given = list(owners)
            self._capture.cleared = {id(o) for o in given}
            self._capture.assumptions.owns(given)

    @property
    def nbytes(self) -> int:
        """Bytes of device memory that the graph keeps from others, its results among them."""
        return self._arena.nbytes

    @property
    def outdated(self) -> str | None:
        """What has changed since the capture so that a replay would differ from the captured code, or None."""
        return self._assumptions.broken()

    def replay(self) -> None:
        """Runs the captured operations once.

        Does not wait for them: reading a tensor does, and `grilly_vk.synchronize()`, which arrays from `share()` need.

        Raises:
            DeviceError: the device did not take the work, or lost earlier work.
            RuntimeError: the capture is still open, or the graph is `outdated`.
        """
        engine = self._engine
        with engine.lock:
            engine.check()
            if not self._whole:
                raise RuntimeError("nothing to replay: leave the capture block first")
            if engine.stream.capture is not None:
                raise RuntimeError("a graph can't be replayed while another one is captured")
            changed = self._assumptions.broken()
            if changed is not None:
                raise RuntimeError(f"{changed} since this graph was captured; capture it again")
            if self._batches:
                engine.stream.issue(self._batches, self._work // len(self._batches), self._draws)
            self._assumptions.replayed()
            self.replays += 1

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a captured graph lies in its device's memory and can't be copied or pickled; capture again")

    def __repr__(self) -> str:
        return f"Graph({self.dispatches} dispatches in {len(self._batches)} submits, replayed {self.replays} times)"
