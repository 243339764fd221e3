"""A progress bar that shows up only if the work takes longer than two seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PATIENCE = 2.0  # seconds of silence


class Advance(Protocol):
    """Called with the number of items just done."""

    def __call__(self, n: int) -> None: ...


@contextmanager
def late_progress(title: str, total: int, *, patience: float = PATIENCE) -> Iterator[Advance]:
    """Yield a function to call with the number of items just done, `total` in all.

    The bar goes to stderr (stdout may hold JSON) and vanishes at the end; without a terminal there is none.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console, transient=True)
    task = progress.add_task(title, total=total)
    # A timer, not a look at the clock between items: one item alone may take longer than that.
    timer = threading.Timer(patience, progress.start)
    timer.daemon = True
    if console.is_terminal:
        timer.start()
    try:
        yield lambda n: progress.advance(task, n)
    finally:
        timer.cancel()
        if timer.ident is not None:
            timer.join()  # so that the bar can't start after it was stopped
        if progress.live.is_started:  # stop() prints an empty line even if there never was a bar
            progress.stop()
